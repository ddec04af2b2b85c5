//! `SchemeLayer` alone: who is believed, and how it is known who connects.

use std::sync::Arc;

use larder_tower::{Arrival, Peer, Rules, Scheme, SchemeLayer};
use tower::Layer as _;

use crate::world::{Fields, Noticed, Seen, address, ask, request};

const HTTPS_OF_7: [(&str, &str); 2] =
    [("x-forwarded-proto", "https"), ("x-forwarded-for", "6.6.6.6, 192.0.2.7")];

fn trusting() -> SchemeLayer {
    SchemeLayer::builder().trusted_proxies(["10.0.0.0/8", "::1"]).build().expect("sound")
}

async fn arrival(layer: &SchemeLayer, peer: &str, fields: Fields<'_>) -> Option<Arrival> {
    let seen = Seen::default();
    ask(&layer.layer(seen.service()), request("/", peer, fields)).await;
    seen.last().1
}

fn came(scheme: Scheme, client: &str) -> Option<Arrival> {
    Some(Arrival { scheme, client: address(client) })
}

#[tokio::test]
async fn only_named_peers_are_believed() {
    let nobody = SchemeLayer::builder().build().expect("nothing is wrong");
    let by_file =
        Rules::from_toml("larder.toml", "trusted_proxies = ['10.0.0.0/8']").expect("sound");
    let cases = [
        (&trusting(), "10.1.2.3", came(Scheme::Https, "192.0.2.7")),
        (&trusting(), "::1", came(Scheme::Https, "192.0.2.7")),
        (&trusting(), "::ffff:10.1.2.3", came(Scheme::Https, "192.0.2.7")),
        (&trusting(), "11.0.0.1", came(Scheme::Http, "11.0.0.1")),
        (&nobody, "10.1.2.3", came(Scheme::Http, "10.1.2.3")),
        (&nobody, "127.0.0.1", came(Scheme::Http, "127.0.0.1")),
        (&SchemeLayer::from(&by_file), "10.1.2.3", came(Scheme::Https, "192.0.2.7")),
        (&SchemeLayer::from(&by_file), "::1", came(Scheme::Http, "::1")),
    ];
    for (layer, peer, expected) in cases {
        assert_eq!(arrival(layer, peer, &HTTPS_OF_7).await, expected, "{peer}");
    }
}

#[tokio::test]
async fn one_field_alone_says_the_scheme_where_it_is_named() {
    let contradicting = [("x-forwarded-proto", "https"), ("x-forwarded-ssl", "off")];
    assert_eq!(
        arrival(&trusting(), "10.0.0.1", &contradicting).await,
        came(Scheme::Http, "10.0.0.1")
    );
    let layer = SchemeLayer::builder()
        .trusted_proxies(["10.0.0.0/8"])
        .scheme_from("X-Forwarded-Proto")
        .build()
        .expect("sound");
    assert_eq!(arrival(&layer, "10.0.0.1", &contradicting).await, came(Scheme::Https, "10.0.0.1"));
}

#[tokio::test]
async fn the_peer_is_found_by_extension_by_closure_or_said_for_a_connection() {
    #[derive(Clone)]
    struct Connected(&'static str);
    let closure = SchemeLayer::builder()
        .trusted_proxies(["10.0.0.0/8"])
        .peer_from(|extensions| {
            extensions.get::<Connected>().map(|Connected(peer)| Peer(address(peer)))
        })
        .build()
        .expect("sound");
    let seen = Seen::default();
    let mut connected = request("/", "11.0.0.1", &HTTPS_OF_7);
    connected.extensions_mut().insert(Connected("10.0.0.1"));
    ask(&closure.layer(seen.service()), connected).await;
    assert_eq!(seen.last().1, came(Scheme::Https, "192.0.2.7"));

    let known = trusting().for_connection(address("10.0.0.1"), Scheme::Http);
    assert_eq!(arrival(&known, "", &HTTPS_OF_7).await, came(Scheme::Https, "192.0.2.7"));
    let known = trusting().for_connection(address("11.0.0.1"), Scheme::Https);
    assert_eq!(arrival(&known, "10.0.0.1", &[]).await, came(Scheme::Https, "11.0.0.1"));
}

#[tokio::test]
async fn what_nobody_knows_is_not_guessed() {
    assert_eq!(arrival(&trusting(), "", &HTTPS_OF_7).await, None);
}

#[tokio::test]
async fn a_server_that_ends_tls_says_so_and_is_believed() {
    let layer = trusting().connection(Scheme::Https);
    assert_eq!(arrival(&layer, "11.0.0.1", &[]).await, came(Scheme::Https, "11.0.0.1"));
    let plain = [("x-forwarded-proto", "http")];
    assert_eq!(arrival(&layer, "10.0.0.1", &plain).await, came(Scheme::Http, "10.0.0.1"));
}

#[tokio::test]
async fn sparing_it_says_only_what_is_not_known_of_the_connection() {
    let sparing = |peer| trusting().for_connection(address(peer), Scheme::Http).sparing();
    let cases: [(&str, Fields<'_>, _); 4] = [
        ("10.0.0.1", &HTTPS_OF_7, came(Scheme::Https, "192.0.2.7")),
        ("10.0.0.1", &[("x-forwarded-proto", "http")], None),
        ("10.0.0.1", &[], None),
        ("11.0.0.1", &HTTPS_OF_7, None),
    ];
    for (peer, fields, expected) in cases {
        assert_eq!(arrival(&sparing(peer), "", fields).await, expected, "{peer} {fields:?}");
    }
}

#[tokio::test]
async fn what_is_unclear_is_told() {
    let noticed = Arc::new(Noticed::default());
    let layer = trusting().watched_by(noticed.watch());
    let unclear = [("x-forwarded-proto", "gopher"), ("x-forwarded-for", "me")];
    arrival(&layer, "10.0.0.1", &unclear).await;
    arrival(&layer, "11.0.0.1", &unclear).await;
    arrival(&layer, "10.0.0.1", &HTTPS_OF_7).await;
    assert_eq!(noticed.all(), ["10.0.0.1 unknown-scheme", "10.0.0.1 bad-address"]);
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let wrong = SchemeLayer::builder()
        .trusted_proxies(["10.0.0.0/8", "10.0.0.300"])
        .scheme_from("X Forwarded Proto")
        .build()
        .expect_err("both are wrong");
    let told = wrong.to_string();
    assert!(told.contains("10.0.0.300") && told.contains("X Forwarded Proto"), "{told}");
}
