//! The edges of [`Trust::decide`]; the table of what is made of it is `tests/arrivals.rs`.

use super::*;
use proptest::prelude::*;

type Lines<'a> = &'a [(&'static str, &'a str)];
type Named<'a> = (&'static str, Lines<'a>, Scheme, Option<Unclear>);

fn trust(field: Option<&'static str>) -> Trust {
    let peers = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap());
    Trust::new(&peers, field.map(HeaderName::from_static))
}

fn fields(lines: Lines<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

fn decide(field: Option<&'static str>, lines: Lines<'_>) -> Decided {
    trust(field).decide("10.0.0.1".parse().unwrap(), Scheme::Http, &fields(lines))
}

#[test]
fn a_network_is_trusted_to_its_last_address_and_a_mapped_address_is_what_it_is() {
    for (address, expected) in [
        ("10.0.0.0", true),
        ("10.255.255.255", true),
        ("11.0.0.0", false),
        ("9.255.255.255", false),
        ("::ffff:10.0.0.1", true),
        ("fd00::1", true),
        ("fe00::1", false),
    ] {
        assert_eq!(trust(None).trusts(address.parse().unwrap()), expected, "{address}");
    }
    assert!(!Trust::default().trusts("127.0.0.1".parse().unwrap()));
}

#[test]
fn the_walk_ends_at_the_first_stranger_or_at_what_is_no_address() {
    let bad = Some(Unclear::BadAddress);
    let long = format!("192.0.2.7{}", ",10.0.0.2".repeat(FORWARDED_HOPS_MAX));
    let cases: &[(&str, &str, Option<Unclear>)] = &[
        ("192.0.2.1", "192.0.2.1", None),
        ("1.1.1.1, 192.0.2.1", "192.0.2.1", None),
        ("192.0.2.1, 10.0.0.9", "192.0.2.1", None),
        ("1.1.1.1, 192.0.2.1, 10.0.0.9,10.0.0.8", "192.0.2.1", None),
        ("10.0.0.7, 10.0.0.8", "10.0.0.7", None),
        ("192.0.2.1:4711", "192.0.2.1", None),
        ("2001:db8::1", "2001:db8::1", None),
        ("[2001:db8::1]", "2001:db8::1", None),
        ("[2001:db8::1]:4711", "2001:db8::1", None),
        ("::ffff:192.0.2.1", "192.0.2.1", None),
        ("192.0.2.1, nonsense, 10.0.0.8", "10.0.0.8", bad),
        ("192.0.2.1, nonsense", "10.0.0.1", bad),
        ("192.0.2.1, ", "10.0.0.1", bad),
        ("192.0.2.1, 10.0.0.300", "10.0.0.1", bad),
        ("192.0.2.1, unknown", "10.0.0.1", None),
        ("192.0.2.1, _secret, 10.0.0.3", "10.0.0.3", None),
        ("192.0.2.1, é", "10.0.0.1", bad),
        (&long, "10.0.0.2", None),
    ];
    for (line, client, unclear) in cases {
        let decided = decide(None, &[("x-forwarded-for", line)]);
        let actual = (decided.arrival.client.to_string(), decided.unclear_client);
        assert_eq!(actual, ((*client).to_owned(), *unclear), "{line}");
    }
}

#[test]
fn lines_of_one_field_are_one_list_with_the_nearest_last() {
    let decided = decide(
        None,
        &[
            ("x-forwarded-for", "1.1.1.1, 192.0.2.1"),
            ("x-forwarded-for", "10.0.0.9"),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-proto", "http, https"),
        ],
    );
    assert_eq!(decided.arrival.client.to_string(), "192.0.2.1");
    assert_eq!(decided.arrival.scheme, Scheme::Https);
}

#[test]
fn the_named_field_alone_says_the_scheme() {
    use Scheme::{Http, Https};
    let unknown = Some(Unclear::UnknownScheme);
    let other = ("x-forwarded-proto", "https");
    let cases: &[Named<'_>] = &[
        ("x-edge-scheme", &[("x-edge-scheme", "https")], Https, None),
        ("x-edge-scheme", &[("x-edge-scheme", "http"), other], Http, None),
        ("x-edge-scheme", &[other], Http, None),
        ("x-edge-scheme", &[("x-edge-scheme", "quic"), other], Http, unknown),
        ("x-edge-scheme", &[("x-edge-scheme", "")], Http, None),
        ("x-edge-scheme", &[("x-edge-scheme", "http"), ("x-edge-scheme", "https")], Https, None),
        ("forwarded", &[("forwarded", "proto=https")], Https, None),
        ("forwarded", &[("forwarded", "proto=https;")], Https, None),
        ("forwarded", &[("forwarded", "proto=https,for=\"")], Http, unknown),
        ("forwarded", &[other], Http, None),
        ("x-forwarded-proto", &[other, ("front-end-https", "off")], Https, None),
    ];
    for (field, lines, scheme, unclear) in cases {
        let decided = decide(Some(field), lines);
        let actual = (decided.arrival.scheme, decided.unclear_scheme);
        assert_eq!(actual, (*scheme, *unclear), "{field}: {lines:?}");
    }
}

#[test]
fn a_connection_over_tls_is_secure_unless_its_trusted_peer_says_otherwise() {
    use Scheme::{Http, Https};
    let cases: &[(&str, Lines<'_>, Scheme)] = &[
        ("192.0.2.1", &[], Https),
        ("192.0.2.1", &[("x-forwarded-proto", "http")], Https),
        ("10.0.0.1", &[], Https),
        ("10.0.0.1", &[("x-forwarded-proto", "https")], Https),
        ("10.0.0.1", &[("x-forwarded-proto", "http")], Http),
        ("10.0.0.1", &[("x-forwarded-proto", "?")], Http),
    ];
    for (peer, lines, expected) in cases {
        let decided = trust(None).decide(peer.parse().unwrap(), Https, &fields(lines));
        assert_eq!(decided.arrival.scheme, *expected, "{peer}: {lines:?}");
    }
}

#[test]
fn the_names_of_what_is_unclear_are_distinct() {
    for (place, unclear) in Unclear::ALL.into_iter().enumerate() {
        assert_eq!(unclear.index(), place);
        assert_eq!(Unclear::ALL.iter().filter(|it| it.token() == unclear.token()).count(), 1);
        assert!(!unclear.text().is_empty());
    }
}

proptest! {
    #[test]
    fn nobody_else_is_believed(
        lines in prop::collection::vec(("forwarded|x-forwarded-(for|proto|ssl|scheme)|front-end-https", "[ -~]{0,20}|https|on|for=1[.]1[.]1[.]1;proto=https"), 0..6),
    ) {
        let mut headers = HeaderMap::new();
        for (name, value) in &lines {
            headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        let peer = "192.0.2.1".parse().unwrap();
        let decided = trust(None).decide(peer, Scheme::Http, &headers);
        prop_assert_eq!(decided.arrival, Arrival { scheme: Scheme::Http, client: peer });
        // Whatever a trusted peer sends, there is an answer.
        let _decided = trust(None).decide("10.0.0.1".parse().unwrap(), Scheme::Http, &headers);
    }

    #[test]
    fn what_a_client_wrote_before_the_nearest_hop_never_counts(
        forged in "[ -~]{0,40}",
        scheme in "https?",
    ) {
        // As a proxy does that appends to what it got.
        let decided = decide(None, &[
            ("x-forwarded-for", &format!("{forged}, 192.0.2.1")),
            ("x-forwarded-proto", &format!("{forged}, {scheme}")),
        ]);
        prop_assert_eq!(decided.arrival.client.to_string(), "192.0.2.1");
        prop_assert_eq!(decided.arrival.scheme.as_str(), scheme);
    }
}
