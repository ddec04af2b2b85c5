//! `HygieneLayer` alone: what is refused, what is taken off, and what is not.

use std::sync::Arc;

use http::Version;
use larder_tower::hygiene::Struck;
use larder_tower::{HygieneLayer, Rules, Scheme};
use tower::Layer as _;

use crate::world::{Fields, Noticed, Seen, ask, field, request};

const HOST: (&str, &str) = ("host", "example.com");

/// Names of the fields that went on, without `host`.
async fn left(layer: &HygieneLayer, line: &str, fields: Fields<'_>) -> Vec<String> {
    let seen = Seen::default();
    let all: Vec<_> = [HOST].iter().chain(fields).copied().collect();
    let (status, ..) = ask(&layer.layer(seen.service()), request(line, "", &all)).await;
    assert_eq!(status, 200, "{line} {fields:?}");
    seen.names().into_iter().filter(|name| name != "host").collect()
}

#[tokio::test]
async fn what_is_not_sound_is_answered_with_its_reason_and_goes_no_further() {
    let long = format!("/{}", "x".repeat(16 * 1024));
    let many: Vec<(String, String)> = (0..100).map(|n| (format!("x-{n}"), String::new())).collect();
    let mut many: Vec<(&str, &str)> =
        many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    many.push(HOST);
    let seen = Seen::default();
    let noticed = Arc::new(Noticed::default());
    let layer = HygieneLayer::new().watched_by(noticed.watch());
    let service = layer.layer(seen.service());
    let cases: [(&str, Fields<'_>, u16, &str); 8] = [
        ("/", &[], 400, "missing-host"),
        ("/", &[("host", "a b")], 400, "bad-host"),
        ("/", &[HOST, HOST], 400, "repeated-host"),
        (
            "POST /",
            &[HOST, ("transfer-encoding", "chunked"), ("content-length", "1")],
            400,
            "bad-content-length",
        ),
        ("CONNECT /", &[HOST], 501, "unsupported-method"),
        ("/", &[HOST, ("expect", "a miracle")], 417, "bad-expect"),
        (&long, &[HOST], 414, "uri-too-long"),
        ("/", &many, 431, "head-too-large"),
    ];
    for (line, fields, status, reason) in cases {
        let (actual, headers, text) = ask(&service, request(line, "", fields)).await;
        assert_eq!(actual, status, "{reason}");
        assert_eq!(field(&headers, "cache-status"), format!("larder; detail={reason}"));
        assert_eq!(field(&headers, "cache-control"), "no-store", "{reason}");
        assert_eq!(field(&headers, "connection"), "close", "{reason}");
        assert!(text.ends_with(&format!(" ({reason}).\n")), "{text}");
        assert_eq!(field(&headers, "content-length"), text.len().to_string());
    }
    assert_eq!(seen.count(), 0);
    assert_eq!(noticed.all(), cases.map(|(_, _, _, reason)| reason));
    let (_, headers, text) = ask(&service, request("HEAD /", "", &[])).await;
    assert_eq!((field(&headers, "content-length").is_empty(), text.as_str()), (false, ""));
    let mut by_h2 = request("http://example.com/", "", &[("x", " padded")]);
    *by_h2.version_mut() = Version::HTTP_2;
    let (status, headers, _) = ask(&service, by_h2).await;
    // RFC 9113 §8.2.2: HTTP/2 has no field of that name.
    assert_eq!((status, headers.contains_key("connection")), (400, false));
}

#[tokio::test]
async fn what_is_not_the_clients_to_say_is_taken_off() {
    let layer = HygieneLayer::new();
    let cases: [(&str, Fields<'_>, &[&str]); 9] = [
        (
            "/",
            &[("accept", "*/*"), ("cookie", "a=b"), ("authorization", "x")],
            &["accept", "authorization", "cookie"],
        ),
        ("/", &[("x_forwarded_for", "1"), ("sm_user", "ann")], &[]),
        (
            "/",
            &[
                ("x-forwarded-for", "1"),
                ("forwarded", "for=1"),
                ("x-real-ip", "1"),
                ("front-end-https", "on"),
            ],
            &[],
        ),
        ("/", &[("x-http-method-override", "DELETE"), ("x-original-url", "/admin")], &[]),
        (
            "POST /",
            &[("x-http-method-override", "DELETE"), ("x-original-url", "/admin")],
            &["x-http-method-override"],
        ),
        ("/", &[("connection", "close, x-a"), ("x-a", "1"), ("x-b", "1")], &["x-b"]),
        ("/", &[("connection", "upgrade"), ("upgrade", "websocket")], &["connection", "upgrade"]),
        (
            "/",
            &[
                ("connection", "upgrade, http2-settings"),
                ("upgrade", "h2c"),
                ("http2-settings", "x"),
            ],
            &[],
        ),
        (
            "POST /",
            &[("te", "trailers"), ("proxy-authorization", "x"), ("keep-alive", "x")],
            &["te"],
        ),
    ];
    for (line, fields, expected) in cases {
        assert_eq!(left(&layer, line, fields).await, expected, "{line} {fields:?}");
    }
}

#[tokio::test]
async fn what_is_let_through_is_named() {
    let layer = HygieneLayer::builder()
        .pass_underscores(["SM_USER"])
        .danger_override_fields(["X-HTTP-Method-Override"])
        .build()
        .expect("sound");
    let sent = [
        ("sm_user", "ann"),
        ("sm_group", "b"),
        ("x-http-method-override", "DELETE"),
        ("x-host", "e"),
    ];
    assert_eq!(left(&layer, "/", &sent).await, ["sm_user", "x-http-method-override"]);
    let wrong = HygieneLayer::builder().pass_underscores(["X_Forwarded_For"]).build();
    let told = wrong.expect_err("applications take it for X-Forwarded-For").to_string();
    assert!(told.contains("X_Forwarded_For"), "{told}");

    let strict = HygieneLayer::builder().reject_underscores().build().expect("sound");
    let service = strict.layer(Seen::default().service());
    let (status, headers, _) = ask(&service, request("/", "", &[HOST, ("sm_user", "ann")])).await;
    assert_eq!(
        (status, field(&headers, "cache-status")),
        (400, "larder; detail=underscored-field")
    );
}

#[tokio::test]
async fn where_a_rule_stores_nothing_a_request_means_what_it_says() {
    let rules = "[[rule]]\npath = '/api/*'\npass = true\n[[rule]]\npath = '/blog/*'\nttl = '1m'\naudience = 'all-users'\n";
    let layer = HygieneLayer::from(&Rules::from_toml("larder.toml", rules).expect("sound"));
    let sent = [("x-http-method-override", "DELETE"), ("x-original-url", "/admin")];
    assert_eq!(left(&layer, "/api/x", &sent).await, ["x-http-method-override", "x-original-url"]);
    assert_eq!(left(&layer, "/blog/x", &sent).await, [""; 0]);
    assert_eq!(left(&layer, "/", &sent).await, [""; 0]);
}

#[tokio::test]
async fn hosts_that_are_not_the_sites_are_refused_or_count_as_its_own() {
    let seen = Seen::default();
    let ask_as = async |layer: &HygieneLayer, url: &str, host: &str| {
        let answer = ask(&layer.layer(seen.service()), request(url, "", &[("host", host)])).await;
        (answer.0, field(&answer.1, "cache-status").to_owned())
    };
    let closed = HygieneLayer::builder().hosts(["a.test", "*.b.test"]).build().expect("sound");
    let refused = (421, "larder; detail=unknown-host".to_owned());
    let let_in = (200, String::new());
    for (host, expected) in [
        ("a.test", &let_in),
        ("A.test:80", &let_in),
        ("x.b.test", &let_in),
        ("evil.test", &refused),
        ("b.test", &refused),
    ] {
        assert_eq!(ask_as(&closed, "/", host).await, *expected, "{host}");
    }
    assert_eq!(ask_as(&closed, "/up", "10.0.0.1").await, refused);
    let checked = closed.any_host_at(["/up"]);
    assert_eq!(ask_as(&checked, "/up", "10.0.0.1").await, let_in);
    assert_eq!(ask_as(&checked, "/upper", "10.0.0.1").await, refused);

    let by_rules = Rules::from_toml("larder.toml", "hosts = ['a.test']\ndefault_host = 'a.test'");
    let open = HygieneLayer::from(&by_rules.expect("sound"));
    assert_eq!(ask_as(&open, "http://evil.test/x?y", "evil.test").await, let_in);
    let (head, _) = seen.last();
    assert_eq!(head.headers["host"], "a.test");
    assert_eq!(
        head.uri, "/x?y",
        "an application that reads the target is told of no other host either"
    );
}

#[tokio::test]
async fn a_target_names_the_scheme_that_it_came_by() {
    let status = async |layer: HygieneLayer, url: &str| {
        ask(&layer.layer(Seen::default().service()), request(url, "", &[HOST])).await.0
    };
    let url = "https://example.com/";
    assert_eq!(status(HygieneLayer::new(), url).await, 200, "nobody knows by which it came");
    assert_eq!(status(HygieneLayer::new().connection(Scheme::Http), url).await, 421);
    assert_eq!(status(HygieneLayer::new().connection(Scheme::Https), url).await, 200);
    let either = HygieneLayer::new().connection(Scheme::Http).any_named_scheme();
    assert_eq!(status(either, url).await, 200);
}

#[tokio::test]
async fn cookies_that_http2_sent_apart_are_one_field() {
    let seen = Seen::default();
    let service = HygieneLayer::new().layer(seen.service());
    let mut by_h2 = request("http://example.com/", "", &[("cookie", "a=1"), ("cookie", "b=2")]);
    *by_h2.version_mut() = Version::HTTP_2;
    ask(&service, by_h2).await;
    assert_eq!(seen.last().0.headers.get_all("cookie").iter().collect::<Vec<_>>(), ["a=1; b=2"]);
}

#[tokio::test]
async fn for_who_makes_anew_what_goes_on_only_what_is_listed_goes_and_is_told() {
    let seen = Seen::default();
    let service = HygieneLayer::new().listed_only().layer(seen.service());
    let kept = [HOST, ("x-forwarded-for", "1"), ("x_a", "1"), ("connection", "keep-alive")];
    ask(&service, request("/", "", &kept)).await;
    assert_eq!(seen.names(), ["connection", "host", "x-forwarded-for", "x_a"]);
    let listed = [HOST, ("accept-language", "de"), ("connection", "accept-language")];
    ask(&service, request("/", "", &listed)).await;
    assert_eq!(seen.names(), ["host"]);
    let (head, _) = seen.last();
    let Struck(struck) = head.extensions.get().expect("told");
    assert!(struck.iter().any(|(name, _)| name == "accept-language"), "{struck:?}");
}

#[tokio::test]
async fn what_was_taken_off_is_told() {
    let noticed = Arc::new(Noticed::default());
    let layer = HygieneLayer::builder().scheme_from("CloudFront-Forwarded-Proto").build();
    let layer = layer.expect("sound").watched_by(noticed.watch());
    left(&layer, "/", &[("accept", "*/*")]).await;
    let forged = [("x_a", "1"), ("x-host", "e"), ("cloudfront-forwarded-proto", "https")];
    assert_eq!(left(&layer, "/", &forged).await, [""; 0]);
    assert_eq!(noticed.all(), ["1 underscored, 1 override, 1 forwarded"]);
}
