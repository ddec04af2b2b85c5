//! What comes of every kind of peer, with every kind of field, for every kind of application: the scheme and the client that
//! are decided, and what the application is sent.
//!
//! Rows are what a proxy in front may send; each is tried from a trusted peer and from a stranger, in each style.

#![expect(clippy::tests_outside_test_module, reason = "the whole file is tests")]

use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use larder_policy::forwarded::Client;
use larder_policy::forwarded_style::{Extra, Names, Style};
use larder_policy::trusted::Unclear;
use larder_policy::{Scheme, Trust, hygiene};

const PROXY: &str = "10.0.0.1";
const STRANGER: &str = "198.51.100.9";
const VISITOR: &str = "192.0.2.1";

const HTTP: Scheme = Scheme::Http;
const HTTPS: Scheme = Scheme::Https;
const DIFFER: Option<Unclear> = Some(Unclear::SchemesDiffer);
const UNKNOWN: Option<Unclear> = Some(Unclear::UnknownScheme);
const CLIENTS: Option<Unclear> = Some(Unclear::ClientsDiffer);
const BAD: Option<Unclear> = Some(Unclear::BadAddress);

/// Lines `name: value`; what they mean from a trusted peer: scheme and what is unclear about it, client and the same.
type Row = (&'static [&'static str], (Scheme, Option<Unclear>), (&'static str, Option<Unclear>));

const NOBODY: (&str, Option<Unclear>) = (PROXY, None);

const ROWS: &[Row] = &[
    (&[], (HTTP, None), NOBODY),
    // Each field that says the scheme, in each of its words.
    (&["x-forwarded-proto: https"], (HTTPS, None), NOBODY),
    (&["x-forwarded-proto: HTTPS"], (HTTPS, None), NOBODY),
    (&["x-forwarded-proto: http"], (HTTP, None), NOBODY),
    (&["x-forwarded-proto: wss"], (HTTPS, None), NOBODY),
    (&["x-forwarded-proto:"], (HTTP, None), NOBODY),
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
    (&["forwarded: for=192.0.2.1"], (HTTP, None), (VISITOR, None)),
    // Lists: the nearest hop is the last.
    (&["x-forwarded-proto: https, http"], (HTTP, None), NOBODY),
    (&["x-forwarded-proto: http, https"], (HTTPS, None), NOBODY),
    (&["x-forwarded-proto: nonsense, https"], (HTTPS, None), NOBODY),
    (&["x-forwarded-proto: http", "x-forwarded-proto: https"], (HTTPS, None), NOBODY),
    (&["forwarded: proto=https, proto=http"], (HTTP, None), NOBODY),
    (&["forwarded: proto=http", "forwarded: proto=https"], (HTTPS, None), NOBODY),
    (&["forwarded: proto=https, for=192.0.2.1"], (HTTP, None), (VISITOR, None)),
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
    (&["x-forwarded-for: 192.0.2.1"], (HTTP, None), (VISITOR, None)),
    (&["x-forwarded-for: 192.0.2.1", "x-forwarded-proto: https"], (HTTPS, None), (VISITOR, None)),
    (&["x-forwarded-for: 6.6.6.6, 192.0.2.1"], (HTTP, None), (VISITOR, None)),
    (&["x-forwarded-for: 6.6.6.6, 192.0.2.1, 10.9.9.9"], (HTTP, None), (VISITOR, None)),
    (&["x-forwarded-for: 6.6.6.6", "x-forwarded-for: 192.0.2.1"], (HTTP, None), (VISITOR, None)),
    (&["x-forwarded-for: 10.0.0.7, 10.0.0.8"], (HTTP, None), ("10.0.0.7", None)),
    (&["x-forwarded-for: 192.0.2.1:1234"], (HTTP, None), (VISITOR, None)),
    (&["x-forwarded-for: [2001:db8::1]:1234"], (HTTP, None), ("2001:db8::1", None)),
    (&["x-forwarded-for: 192.0.2.1, nonsense"], (HTTP, None), (PROXY, BAD)),
    (&["x-forwarded-for:"], (HTTP, None), (PROXY, BAD)),
    (&["x-forwarded-for: unknown"], (HTTP, None), NOBODY),
    (&["forwarded: for=6.6.6.6, for=192.0.2.1;proto=https"], (HTTPS, None), (VISITOR, None)),
    (&["forwarded: for=\"[2001:db8::1]\";proto=https"], (HTTPS, None), ("2001:db8::1", None)),
    (
        &["forwarded: for=\"evil", "forwarded: for=192.0.2.1;proto=https"],
        (HTTP, UNKNOWN),
        (PROXY, BAD),
    ),
    (&["forwarded: for=192.0.2.1", "x-forwarded-for: 192.0.2.1"], (HTTP, None), (VISITOR, None)),
    (&["forwarded: for=6.6.6.6", "x-forwarded-for: 192.0.2.1"], (HTTP, None), (PROXY, CLIENTS)),
    // What never says anything: another name of it, or what WSGI would take for the same.
    (&["x_forwarded_proto: https", "x-forwarded_for: 6.6.6.6"], (HTTP, None), NOBODY),
    (
        &["x-real-ip: 6.6.6.6", "x-forwarded-host: evil.test", "x-forwarded-port: 99"],
        (HTTP, None),
        NOBODY,
    ),
    (&["x-forwarded-prefix: /evil", "x-forwarded-server: evil"], (HTTP, None), NOBODY),
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
        let stranger = ((HTTP, None), (STRANGER, None));
        for (peer, (scheme, client)) in [(PROXY, (*scheme, *client)), (STRANGER, stranger)] {
            let headers = fields(lines);
            let address: IpAddr = peer.parse().expect("an address");
            let decided = trust.decide(address, HTTP, &headers);
            let arrival = decided.arrival;
            assert_eq!((arrival.scheme, decided.unclear_scheme), scheme, "{peer}: {lines:?}");
            let actual = (arrival.client.to_string(), decided.unclear_client);
            assert_eq!(actual, (client.0.to_owned(), client.1), "{peer}: {lines:?}");
            for names in STYLES {
                let extras = extras.map(|extra| Extra::parse(extra).expect("an extra")).into();
                let style = Arc::new(Style { names, extras });
                let mut sent = headers.clone();
                drop(hygiene::clean_for_application(&mut sent));
                let host = HeaderValue::from_static("site.test");
                Client::new(arrival.client, arrival.scheme, &style).write(&mut sent, Some(&host));
                assert_eq!(seen(&sent), expected(scheme.0, client.0, names), "{peer}: {lines:?}");
                combinations += 1;
            }
        }
    }
    assert!(combinations >= 150, "{combinations}");
}

#[test]
fn ports_and_hosts_are_told_as_they_are_known() {
    let style = Arc::new(Style { names: Names::Both, extras: Box::default() });
    for (host, scheme, port, forwarded) in [
        ("site.test", HTTPS, "443", "for=192.0.2.1;host=site.test;proto=https"),
        ("site.test:8443", HTTPS, "8443", "for=192.0.2.1;host=\"site.test:8443\";proto=https"),
        ("site.test:443", HTTP, "443", "for=192.0.2.1;host=\"site.test:443\";proto=http"),
        ("[::1]", HTTP, "80", "for=192.0.2.1;host=\"[::1]\";proto=http"),
        ("[::1]:81", HTTP, "81", "for=192.0.2.1;host=\"[::1]:81\";proto=http"),
    ] {
        let mut headers = HeaderMap::new();
        let client = Client::new(VISITOR.parse().expect("an address"), scheme, &style);
        client.write(&mut headers, Some(&HeaderValue::from_static(host)));
        assert_eq!(headers["x-forwarded-port"], port, "{host}");
        assert_eq!(headers["forwarded"], forwarded, "{host}");
    }
    let mut headers =
        fields(&["x-forwarded-for: 6.6.6.6", "x-forwarded-port: 6", "host: evil.test"]);
    Client::nobody(HTTPS, &style).write(&mut headers, None);
    assert_eq!(seen(&headers), ["FORWARDED=proto=https", "X_FORWARDED_PROTO=https"]);
}

#[test]
fn an_extra_that_is_left_out_does_not_leave_the_clients() {
    let extras = ["Front-End-Https: $https", "X-Site-Port: $port"];
    let extras = extras.map(|extra| Extra::parse(extra).expect("an extra")).into();
    let style = Arc::new(Style { names: Names::XForwarded, extras });
    for (scheme, expected) in [(HTTP, None), (HTTPS, Some("on"))] {
        let mut headers = fields(&["front-end-https: on", "x-site-port: 6"]);
        Client::new(VISITOR.parse().expect("an address"), scheme, &style).write(&mut headers, None);
        let actual = headers.get("front-end-https").map(|value| value.to_str().expect("ASCII"));
        assert_eq!(actual, expected);
        assert!(!headers.contains_key("x-site-port"));
    }
}
