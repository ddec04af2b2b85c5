//! `HttpsRedirectLayer` alone: who is sent where, and who is not.

use std::time::Duration;

use larder_tower::{HttpsRedirectLayer, Rules, Scheme};
use tower::Layer as _;

use crate::world::{Seen, ask, field, request};

/// Status and where to, of a request by `scheme`.
async fn sent(layer: &HttpsRedirectLayer, scheme: Scheme, line: &str, host: &str) -> (u16, String) {
    let service = layer.clone().connection(scheme).layer(Seen::default().service());
    let fields = [("host", host)];
    let fields = if host.is_empty() { &fields[..0] } else { &fields };
    let (status, headers, text) = ask(&service, request(line, "", fields)).await;
    if status != 200 {
        assert_eq!(field(&headers, "cache-control"), "no-store");
        assert!(text.is_empty() || text.starts_with("Use http"), "{text}");
    }
    (status, field(&headers, "location").to_owned())
}

fn to(status: u16, location: &str) -> (u16, String) {
    (status, location.to_owned())
}

#[tokio::test]
async fn what_comes_by_http_goes_to_https_with_its_method_and_nothing_goes_back() {
    let layer = HttpsRedirectLayer::new().expect("nothing is wrong");
    let cases = [
        (Scheme::Http, "/x?y=1", "a.test", to(301, "https://a.test/x?y=1")),
        (Scheme::Http, "HEAD /", "A.test:80", to(301, "https://a.test/")),
        (Scheme::Http, "POST /form", "a.test", to(308, "https://a.test/form")),
        (Scheme::Http, "DELETE /form", "a.test:8080", to(308, "https://a.test/form")),
        (Scheme::Http, "http://b.test/x", "b.test", to(301, "https://b.test/x")),
        (Scheme::Http, "/.well-known/acme-challenge/z", "a.test", to(200, "")),
        // There is no such URL: whoever is further in refuses it.
        (Scheme::Http, "/", "", to(200, "")),
        (Scheme::Http, "/", "a b", to(200, "")),
        (Scheme::Http, "OPTIONS *", "a.test", to(200, "")),
        (Scheme::Https, "/x", "a.test", to(200, "")),
        (Scheme::Https, "POST /form", "a.test", to(200, "")),
    ];
    for (scheme, line, host, expected) in cases {
        assert_eq!(sent(&layer, scheme, line, host).await, expected, "{scheme:?} {line} {host}");
    }
}

#[tokio::test]
async fn without_anybodys_word_about_the_scheme_nobody_is_sent_anywhere() {
    let layer = HttpsRedirectLayer::builder().hsts(Duration::from_secs(60)).build().expect("sound");
    let service = layer.layer(Seen::default().service());
    let (status, headers, _) = ask(&service, request("/", "", &[("host", "a.test")])).await;
    assert_eq!((status, headers.contains_key("strict-transport-security")), (200, false));
}

#[tokio::test]
async fn hosts_ports_and_exempt_paths_are_the_sites() {
    let builder = HttpsRedirectLayer::builder;
    let www =
        builder().host("www.a.test:8443").exempt(["/ping", "/feeds/*"]).build().expect("sound");
    let port = builder().https_port(8443).build().expect("sound");
    let cases = [
        (&www, "/x", "a.test", to(301, "https://www.a.test:8443/x")),
        (&www, "/ping", "a.test", to(200, "")),
        (&www, "/feeds/1", "a.test", to(200, "")),
        (
            &www,
            "/.well-known/acme-challenge/z",
            "a.test",
            to(301, "https://www.a.test:8443/.well-known/acme-challenge/z"),
        ),
        (&port, "/x", "a.test", to(301, "https://a.test:8443/x")),
        (&port, "/x", "a.test:8080", to(301, "https://a.test:8443/x")),
    ];
    for (layer, line, host, expected) in cases {
        assert_eq!(sent(layer, Scheme::Http, line, host).await, expected, "{line} {host}");
    }
    let wrong = builder().host("*.a.test").exempt(["ping"]).build().expect_err("both are wrong");
    let told = wrong.to_string();
    assert!(told.contains("*.a.test") && told.contains("\"ping\""), "{told}");
    assert!(!told.contains("trusted_proxies (name"), "{told}");
}

#[tokio::test]
async fn a_rules_own_scheme_comes_first_and_nobody_is_sent_in_a_circle() {
    let rules = "
        trusted_proxies = ['127.0.0.1']
        https.redirect = true
        https.exempt = ['/both']
        hosts = ['a.test']
        [[rule]]
        path = '/plain/*'
        scheme = 'http'
        never = true
        [[rule]]
        path = '/both'
        scheme = 'https'
        never = true
    ";
    let layer = HttpsRedirectLayer::from(&Rules::from_toml("larder.toml", rules).expect("sound"));
    let cases = [
        (Scheme::Http, "/", "a.test", to(301, "https://a.test/")),
        (Scheme::Https, "/", "a.test", to(200, "")),
        (Scheme::Http, "/plain/x", "a.test", to(200, "")),
        (Scheme::Https, "/plain/x", "a.test", to(301, "http://a.test/plain/x")),
        (Scheme::Https, "POST /plain/x", "a.test", to(308, "http://a.test/plain/x")),
        (Scheme::Http, "/both", "a.test", to(200, "")),
        (Scheme::Https, "/both", "a.test", to(200, "")),
        // It is refused further in.
        (Scheme::Http, "/", "evil.test", to(200, "")),
    ];
    for (scheme, line, host, expected) in cases {
        assert_eq!(sent(&layer, scheme, line, host).await, expected, "{scheme:?} {line} {host}");
    }
}

#[tokio::test]
async fn browsers_are_told_by_https_only_and_not_against_the_application() {
    let year = Duration::from_secs(365 * 86_400);
    let layer = HttpsRedirectLayer::builder().hsts(year).hsts_subdomains().hsts_preload().build();
    let layer = layer.expect("sound");
    let told = async |scheme, fields: &[(&str, &str)]| {
        let service = layer.clone().connection(scheme).layer(Seen::default().service());
        let fields: Vec<_> = [("host", "a.test")].iter().chain(fields).copied().collect();
        let (_, headers, _) = ask(&service, request("/", "", &fields)).await;
        field(&headers, "strict-transport-security").to_owned()
    };
    let all = "max-age=31536000; includeSubDomains; preload";
    assert_eq!(told(Scheme::Https, &[]).await, all);
    let own = [("answer-strict-transport-security", "max-age=0")];
    assert_eq!(told(Scheme::Https, &own).await, "max-age=0");
    assert_eq!(told(Scheme::Http, &[]).await, "", "RFC 6797 §7.2");
    let quiet = HttpsRedirectLayer::builder().hsts(year).no_redirect().build().expect("sound");
    assert_eq!(sent(&quiet, Scheme::Http, "/", "a.test").await, to(200, ""));
}
