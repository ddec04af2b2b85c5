//! What comes of every kind of peer, with every kind of field, for every kind of application: the scheme and the client that
//! are decided, and what the application is sent.
//!
//! Rows are what a proxy in front may send; each is tried from a trusted peer and from a stranger, over a connection with TLS and
//! without, in each style. What comes by the wrong scheme for a page is sent to the other one, and arrives there.

#![expect(clippy::tests_outside_test_module, reason = "the whole file is tests")]

use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version};
use larder_policy::forwarded::Client;
use larder_policy::forwarded_style::{Extra, Names, Style};
use larder_policy::front::{Door, Telling};
use larder_policy::hygiene::Route;
use larder_policy::query::Query;
use larder_policy::redirect::Https;
use larder_policy::rule::{HostPattern, Pattern};
use larder_policy::trusted::Unclear;
use larder_policy::{Action, Front, Policy, PolicyParts, Rule, Scheme, Trust, When};

const PROXY: &str = "10.0.0.1";
const STRANGER: &str = "198.51.100.9";
const VISITOR: &str = "192.0.2.1";

const HTTP: Option<Scheme> = Some(Scheme::Http);
const HTTPS: Option<Scheme> = Some(Scheme::Https);
/// Nothing is said: as the connection came.
const SILENT: Option<Scheme> = None;
const DIFFER: Option<Unclear> = Some(Unclear::SchemesDiffer);
const UNKNOWN: Option<Unclear> = Some(Unclear::UnknownScheme);
const CLIENTS: Option<Unclear> = Some(Unclear::ClientsDiffer);
const BAD: Option<Unclear> = Some(Unclear::BadAddress);

/// Lines `name: value`; what they mean from a trusted peer: scheme and what is unclear about it, client and the same.
type Row =
    (&'static [&'static str], (Option<Scheme>, Option<Unclear>), (&'static str, Option<Unclear>));

const NOBODY: (&str, Option<Unclear>) = (PROXY, None);

const ROWS: &[Row] = &[
    (&[], (SILENT, None), NOBODY),
    // Each field that says the scheme, in each of its words.
    (&["x-forwarded-proto: https"], (HTTPS, None), NOBODY),
    (&["x-forwarded-proto: HTTPS"], (HTTPS, None), NOBODY),
    (&["x-forwarded-proto: http"], (HTTP, None), NOBODY),
    (&["x-forwarded-proto: wss"], (HTTPS, None), NOBODY),
    (&["x-forwarded-proto:"], (SILENT, None), NOBODY),
    (&["x-forwarded-proto: httpss"], (HTTP, UNKNOWN), NOBODY),
    (&["x-forwarded-proto: https\u{e9}"], (HTTP, UNKNOWN), NOBODY),
    (&["x-forwarded-protocol: https"], (HTTPS, None), NOBODY),
    (&["x-forwarded-protocol: http"], (HTTP, None), NOBODY),
    (&["x-forwarded-scheme: https"], (HTTPS, None), NOBODY),
    (&["x-forwarded-scheme: http"], (HTTP, None), NOBODY),
    (&["x-forwarded-ssl: on"], (HTTPS, None), NOBODY),
    (&["x-forwarded-ssl: On"], (HTTPS, None), NOBODY),
    (&["x-forwarded-ssl: off"], (HTTP, None), NOBODY),
    (&["front-end-https: on"], (HTTPS, None), NOBODY),
    (&["front-end-https: off"], (HTTP, None), NOBODY),
    (&["front-end-https: maybe"], (HTTP, UNKNOWN), NOBODY),
    (&["forwarded: proto=https"], (HTTPS, None), NOBODY),
    (&["forwarded: PROTO=\"Https\""], (HTTPS, None), NOBODY),
    (&["forwarded: proto=http"], (HTTP, None), NOBODY),
    (&["forwarded: for=192.0.2.1"], (SILENT, None), (VISITOR, None)),
    // Lists: the nearest hop is the last.
    (&["x-forwarded-proto: https, http"], (HTTP, None), NOBODY),
    (&["x-forwarded-proto: http, https"], (HTTPS, None), NOBODY),
    (&["x-forwarded-proto: nonsense, https"], (HTTPS, None), NOBODY),
    (&["x-forwarded-proto: http", "x-forwarded-proto: https"], (HTTPS, None), NOBODY),
    (&["forwarded: proto=https, proto=http"], (HTTP, None), NOBODY),
    (&["forwarded: proto=http", "forwarded: proto=https"], (HTTPS, None), NOBODY),
    (&["forwarded: proto=https, for=192.0.2.1"], (SILENT, None), (VISITOR, None)),
    // More than one field.
    (&["x-forwarded-proto: https", "x-forwarded-ssl: on"], (HTTPS, None), NOBODY),
    (&["x-forwarded-proto: http", "x-forwarded-ssl: off"], (HTTP, None), NOBODY),
    (&["x-forwarded-proto: https", "x-forwarded-ssl: off"], (HTTP, DIFFER), NOBODY),
    (&["x-forwarded-proto: http", "x-forwarded-ssl: on"], (HTTP, DIFFER), NOBODY),
    (&["x-forwarded-proto: https", "forwarded: proto=http"], (HTTP, DIFFER), NOBODY),
    (&["x-forwarded-proto: https", "front-end-https: nonsense"], (HTTP, UNKNOWN), NOBODY),
    (&["x-forwarded-proto: https", "forwarded: proto=\"https"], (HTTP, UNKNOWN), (PROXY, BAD)),
    (&["x-forwarded-scheme: https", "x-forwarded-protocol: http"], (HTTP, DIFFER), NOBODY),
    // Addresses.
    (&["x-forwarded-for: 192.0.2.1"], (SILENT, None), (VISITOR, None)),
    (&["x-forwarded-for: 192.0.2.1", "x-forwarded-proto: https"], (HTTPS, None), (VISITOR, None)),
    (&["x-forwarded-for: 6.6.6.6, 192.0.2.1"], (SILENT, None), (VISITOR, None)),
    (&["x-forwarded-for: 6.6.6.6, 192.0.2.1, 10.9.9.9"], (SILENT, None), (VISITOR, None)),
    (&["x-forwarded-for: 6.6.6.6", "x-forwarded-for: 192.0.2.1"], (SILENT, None), (VISITOR, None)),
    (&["x-forwarded-for: 10.0.0.7, 10.0.0.8"], (SILENT, None), ("10.0.0.7", None)),
    (&["x-forwarded-for: 192.0.2.1:1234"], (SILENT, None), (VISITOR, None)),
    (&["x-forwarded-for: [2001:db8::1]:1234"], (SILENT, None), ("2001:db8::1", None)),
    (&["x-forwarded-for: 192.0.2.1, nonsense"], (SILENT, None), (PROXY, BAD)),
    (&["x-forwarded-for:"], (SILENT, None), (PROXY, BAD)),
    (&["x-forwarded-for: unknown"], (SILENT, None), NOBODY),
    (&["forwarded: for=6.6.6.6, for=192.0.2.1;proto=https"], (HTTPS, None), (VISITOR, None)),
    (&["forwarded: for=\"[2001:db8::1]\";proto=https"], (HTTPS, None), ("2001:db8::1", None)),
    (
        &["forwarded: for=\"evil", "forwarded: for=192.0.2.1;proto=https"],
        (HTTP, UNKNOWN),
        (PROXY, BAD),
    ),
    (&["forwarded: for=192.0.2.1", "x-forwarded-for: 192.0.2.1"], (SILENT, None), (VISITOR, None)),
    (&["forwarded: for=6.6.6.6", "x-forwarded-for: 192.0.2.1"], (SILENT, None), (PROXY, CLIENTS)),
    // What never says anything: another name of it, or what WSGI would take for the same.
    (&["x_forwarded_proto: https", "x-forwarded_for: 6.6.6.6"], (SILENT, None), NOBODY),
    (
        &["x-real-ip: 6.6.6.6", "x-forwarded-host: evil.test", "x-forwarded-port: 99"],
        (SILENT, None),
        NOBODY,
    ),
    (&["x-forwarded-prefix: /evil", "x-forwarded-server: evil"], (SILENT, None), NOBODY),
];

const STYLES: [Names; 3] = [Names::XForwarded, Names::Forwarded, Names::Both];

fn fields(lines: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':').expect("a line");
        headers.append(
            HeaderName::from_bytes(name.as_bytes()).expect("a name"),
            HeaderValue::from_bytes(value.trim().as_bytes()).expect("a value"),
        );
    }
    headers
}

/// As the application sees it: CGI's and WSGI's spelling, sorted.
fn seen(headers: &HeaderMap) -> Vec<String> {
    let mut seen: Vec<_> = headers
        .iter()
        .map(|(name, value)| {
            let name = name.as_str().to_ascii_uppercase().replace('-', "_");
            format!("{name}={}", value.to_str().expect("ASCII"))
        })
        .collect();
    seen.sort();
    seen
}

fn expected(scheme: Scheme, client: &str, names: Names) -> Vec<String> {
    let (scheme, port, on) = match scheme {
        Scheme::Https => ("https", "443", "on"),
        Scheme::Http => ("http", "80", "off"),
    };
    let node = if client.contains(':') { format!("\"[{client}]\"") } else { client.to_owned() };
    let mut seen = vec![
        "HOST=site.test".to_owned(),
        "VIA=1.1 larder".to_owned(),
        format!("X_FORWARDED_PROTOCOL={scheme}"),
        format!("X_FORWARDED_SSL={on}"),
        format!("X_REAL_IP={client}"),
    ];
    if names != Names::XForwarded {
        seen.push(format!("FORWARDED=for={node};host=site.test;proto={scheme}"));
    }
    if names != Names::Forwarded {
        seen.extend([
            format!("X_FORWARDED_FOR={client}"),
            "X_FORWARDED_HOST=site.test".to_owned(),
            format!("X_FORWARDED_PORT={port}"),
            format!("X_FORWARDED_PROTO={scheme}"),
        ]);
    }
    seen.sort();
    seen
}

#[test]
fn scheme_client_and_what_is_sent_are_as_the_table_says() {
    let trust = Trust::new(&["10.0.0.0/8".parse().expect("a network")], None);
    let extras = ["X-Forwarded-Protocol: $scheme", "X-Forwarded-SSL: $on", "X-Real-IP: $client"];
    let mut combinations = 0;
    for (lines, scheme, client) in ROWS {
        let stranger = ((SILENT, None), (STRANGER, None));
        for (peer, (said, client)) in [(PROXY, (*scheme, *client)), (STRANGER, stranger)] {
            for connection in [Scheme::Http, Scheme::Https] {
                let headers = fields(lines);
                let address: IpAddr = peer.parse().expect("an address");
                let decided = trust.decide(address, connection, &headers);
                let arrival = decided.arrival;
                let scheme = said.0.unwrap_or(connection);
                let what = format!("{peer} by {connection:?}: {lines:?}");
                assert_eq!((arrival.scheme, decided.unclear_scheme), (scheme, said.1), "{what}");
                let actual = (arrival.client.to_string(), decided.unclear_client);
                assert_eq!(actual, (client.0.to_owned(), client.1), "{what}");
                for names in STYLES {
                    let extras = extras.map(|extra| Extra::parse(extra).expect("an extra")).into();
                    let style = Arc::new(Style { names, extras });
                    let front = Front { style: Arc::clone(&style), ..Front::default() };
                    let telling = Telling {
                        client: &Client::new(arrival.client, arrival.scheme, &style),
                        host: Some(&HeaderValue::from_static("site.test")),
                        received: Version::HTTP_11,
                        route: Route::Stored,
                    };
                    let mut sent = headers.clone();
                    drop(front.hand_on(&mut sent, &telling));
                    assert_eq!(seen(&sent), expected(scheme, client.0, names), "{what}");
                    combinations += 1;
                }
            }
        }
    }
    assert!(combinations >= 600, "{combinations}");
}

/// A site with a rule for its pages, or without, and whether all that comes by http goes to https.
fn site(rule: Option<Scheme>, redirect: bool) -> Front {
    let rule = rule.map(|scheme| Rule {
        place: "larder.toml:1".to_owned(),
        when: When {
            pattern: Pattern::path("/ruled/*").expect("a path"),
            hosts: Vec::new(),
            methods: Vec::new(),
        },
        scheme: Some(scheme),
        action: Action::Respect,
        query: Query::default(),
        tags: Vec::new(),
    });
    let parts = PolicyParts { rules: rule.into_iter().collect(), ..PolicyParts::default() };
    let exempt = [Pattern::path("/ruled/exempt").expect("a path")].into();
    Front {
        https: Https { redirect, exempt, ..Https::default() },
        schemes: Some(Arc::new(Policy::new(parts).expect("a policy"))),
        ..Front::default()
    }
}

/// All methods and targets of one site, by one scheme.
fn sent_as_it_should_be(rule: Option<Scheme>, redirect: bool, scheme: Scheme) -> usize {
    let front = site(rule, redirect);
    let mut combinations = 0;
    for (target, rule) in [("/ruled/x?y", rule), ("/other", None), ("/ruled/exempt", rule)] {
        let wanted = rule.or_else(|| redirect.then_some(Scheme::Https)).unwrap_or(scheme);
        let is_exempt = target == "/ruled/exempt" && wanted == Scheme::Https;
        let wanted = if is_exempt { scheme } else { wanted };
        for (method, status) in [(Method::GET, 301), (Method::HEAD, 301), (Method::POST, 308)] {
            let uri: Uri = target.parse().expect("a target");
            let door = |scheme| front.door(scheme, &method, "site.test", &uri);
            let what = format!("{method} {target} by {scheme:?}, rule {rule:?}, {redirect}");
            let actual = match door(scheme) {
                Some(Door::Redirect(to, _)) => {
                    assert_eq!(door(wanted), None, "{what}: a circle");
                    Some((to.status.as_u16(), to.location))
                }
                other => {
                    assert_eq!(other, None, "{what}");
                    None
                }
            };
            let url = format!("{}://site.test{target}", wanted.as_str());
            let url = HeaderValue::from_str(&url).expect("a URL");
            assert_eq!(actual, (wanted != scheme).then_some((status, url)), "{what}");
            combinations += 1;
        }
    }
    combinations
}

#[test]
fn who_comes_by_the_wrong_scheme_goes_to_the_right_one_once() {
    let said =
        [("x:", SILENT), ("x-forwarded-proto: https", HTTPS), ("x-forwarded-ssl: off", HTTP)];
    let trust = Trust::new(&["10.0.0.0/8".parse().expect("a network")], None);
    let arrivals = [PROXY, STRANGER].into_iter().flat_map(|peer| {
        let by = [Scheme::Http, Scheme::Https].into_iter();
        by.flat_map(move |connection| said.map(|said| (peer, connection, said)))
    });
    let mut combinations = 0;
    for (peer, connection, (line, said)) in arrivals {
        let address = peer.parse().expect("an address");
        let scheme = trust.decide(address, connection, &fields(&[line])).arrival.scheme;
        assert_eq!(scheme, said.filter(|_| peer == PROXY).unwrap_or(connection), "{peer}: {line}");
        for rule in [None, HTTP, HTTPS] {
            combinations += sent_as_it_should_be(rule, false, scheme);
            combinations += sent_as_it_should_be(rule, true, scheme);
        }
    }
    assert!(combinations >= 600, "{combinations}");
}

#[test]
fn nobody_is_sent_to_where_they_would_be_sent_back_from() {
    // A rule for a host with a port of its own: by http, where there is no such port, another rule counts.
    let mut front = site(HTTP, true);
    let policy = front.schemes.take().expect("rules");
    let mut rule = policy.rules.iter().next().expect("a rule").clone();
    rule.when.hosts = vec![HostPattern::parse("site.test:8443").expect("a host")];
    let parts = PolicyParts { rules: vec![rule], ..PolicyParts::default() };
    front.schemes = Some(Arc::new(Policy::new(parts).expect("a policy")));
    let door = |front: &Front, scheme, host| {
        front.door(scheme, &Method::GET, host, &Uri::from_static("/ruled/x"))
    };
    assert_eq!(door(&front, Scheme::Https, "site.test:8443"), None);
    assert!(matches!(door(&front, Scheme::Http, "site.test"), Some(Door::Redirect(..))));
    // The other way round: what all are sent to has a rule that would send them back.
    front.https.host = Some("site.test:8443".into());
    assert_eq!(door(&front, Scheme::Http, "site.test"), None);
}

#[test]
fn ports_and_hosts_are_told_as_they_are_known() {
    let style = Arc::new(Style { names: Names::Both, extras: Box::default() });
    for (host, scheme, port, forwarded) in [
        ("site.test", Scheme::Https, "443", "for=192.0.2.1;host=site.test;proto=https"),
        (
            "site.test:8443",
            Scheme::Https,
            "8443",
            "for=192.0.2.1;host=\"site.test:8443\";proto=https",
        ),
        ("site.test:443", Scheme::Http, "443", "for=192.0.2.1;host=\"site.test:443\";proto=http"),
        ("[::1]", Scheme::Http, "80", "for=192.0.2.1;host=\"[::1]\";proto=http"),
        ("[::1]:81", Scheme::Http, "81", "for=192.0.2.1;host=\"[::1]:81\";proto=http"),
    ] {
        let mut headers = HeaderMap::new();
        let client = Client::new(VISITOR.parse().expect("an address"), scheme, &style);
        client.write(&mut headers, Some(&HeaderValue::from_static(host)));
        assert_eq!(headers["x-forwarded-port"], port, "{host}");
        assert_eq!(headers["forwarded"], forwarded, "{host}");
    }
    let mut headers =
        fields(&["x-forwarded-for: 6.6.6.6", "x-forwarded-port: 6", "host: evil.test"]);
    Client::nobody(Scheme::Https, &style).write(&mut headers, None);
    assert_eq!(seen(&headers), ["FORWARDED=proto=https", "X_FORWARDED_PROTO=https"]);
}

#[test]
fn an_extra_that_is_left_out_does_not_leave_the_clients() {
    let extras = ["Front-End-Https: $https", "X-Site-Port: $port"];
    let extras = extras.map(|extra| Extra::parse(extra).expect("an extra")).into();
    let style = Arc::new(Style { names: Names::XForwarded, extras });
    for (scheme, expected) in [(Scheme::Http, None), (Scheme::Https, Some("on"))] {
        let mut headers = fields(&["front-end-https: on", "x-site-port: 6"]);
        Client::new(VISITOR.parse().expect("an address"), scheme, &style).write(&mut headers, None);
        let actual = headers.get("front-end-https").map(|value| value.to_str().expect("ASCII"));
        assert_eq!(actual, expected);
        assert!(!headers.contains_key("x-site-port"));
    }
}
