//! All of them: in the order that belongs, in others, and around an axum router.

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::routing::{any, get};
use axum::{Extension, Router};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use larder_tower::{
    Arrival, HttpsRedirectLayer, HygieneLayer, NeverCacheLayer, Peer, Rules, Scheme, SchemeLayer,
};
use tower::{Layer as _, Service, ServiceBuilder, ServiceExt as _};

use crate::world::{Seen, Sent, address, ask, field, request};

const SITE: &str = "
    trusted_proxies = ['10.0.0.0/8']
    hosts = ['a.test']
    https.redirect = true
    https.hsts = '1m'
    xhr.never = true
";

fn rules() -> Rules {
    Rules::from_toml("larder.toml", SITE).expect("sound")
}

/// A request by https, as a proxy that ends TLS passes it on.
fn by_https(line: &str, fields: &[(&str, &str)]) -> Sent {
    let proxys =
        [("host", "a.test"), ("x-forwarded-proto", "https"), ("x-forwarded-for", "192.0.2.7")];
    let fields: Vec<_> = proxys.iter().chain(fields).copied().collect();
    request(line, "10.0.0.1", &fields)
}

#[tokio::test]
async fn in_their_order_each_does_its_part() {
    let rules = rules();
    let seen = Seen::default();
    let service = ServiceBuilder::new()
        .layer(SchemeLayer::from(&rules))
        .layer(HygieneLayer::from(&rules))
        .layer(HttpsRedirectLayer::from(&rules))
        .layer(NeverCacheLayer::from(&rules))
        .service(seen.service());
    let (status, headers, text) =
        ask(&service, by_https("/", &[("x-original-url", "/admin")])).await;
    assert_eq!((status, text.as_str()), (200, "page"));
    assert_eq!(field(&headers, "strict-transport-security"), "max-age=60");
    assert!(headers.contains_key("vary"));
    let came = Arrival { scheme: Scheme::Https, client: address("192.0.2.7") };
    assert_eq!(seen.last().1, Some(came));
    assert_eq!(
        seen.names(),
        ["host", "x-forwarded-for", "x-forwarded-proto"],
        "a trusted proxy's word stays"
    );

    let script = by_https("/", &[("hx-request", "true")]);
    let (_, headers, _) = ask(&service, script).await;
    assert_eq!(field(&headers, "pragma"), "no-cache");

    // Who says the same without being the proxy is sent to https, and is asked for nothing else.
    let forged = [("host", "a.test"), ("x-forwarded-proto", "https")];
    let (status, headers, _) = ask(&service, request("POST /x", "192.0.2.9", &forged)).await;
    assert_eq!((status, field(&headers, "location")), (308, "https://a.test/x"));
    // Nobody whose request is refused is sent anywhere.
    let (status, headers, _) =
        ask(&service, request("/", "192.0.2.9", &[("host", "evil.test")])).await;
    assert_eq!((status, headers.contains_key("location")), (421, false));
    assert_eq!(seen.count(), 2);
}

#[tokio::test]
async fn what_was_said_of_visitors_reaches_nobody_who_would_believe_it() {
    let rules = rules();
    let seen = Seen::default();
    let service = ServiceBuilder::new()
        .layer(SchemeLayer::from(&rules))
        .layer(HygieneLayer::from(&rules))
        .service(seen.service());
    let forged =
        [("host", "a.test"), ("x-forwarded-for", "10.0.0.9"), ("x_forwarded_for", "10.0.0.9")];
    ask(&service, request("/", "192.0.2.9", &forged)).await;
    assert_eq!(seen.names(), ["host"]);
    ask(&service, request("/", "10.0.0.1", &forged)).await;
    assert_eq!(seen.names(), ["host", "x-forwarded-for"]);
}

#[tokio::test]
async fn in_the_wrong_order_nobody_is_believed_and_nobody_goes_in_a_circle() {
    let rules = rules();
    let seen = Seen::default();
    // Hygiene takes off what the proxy says before anybody reads it.
    let service = ServiceBuilder::new()
        .layer(HygieneLayer::from(&rules))
        .layer(SchemeLayer::from(&rules))
        .layer(HttpsRedirectLayer::from(&rules))
        .service(seen.service());
    let (status, ..) = ask(&service, by_https("/", &[])).await;
    assert_eq!(
        (status, seen.last().1),
        (200, None),
        "by a guess it would be sent to where it comes from"
    );
    assert_eq!(seen.names(), ["host"]);
    // Whoever is not a proxy is known all the same.
    let (status, ..) = ask(&service, request("/", "192.0.2.9", &[("host", "a.test")])).await;
    assert_eq!(status, 301);

    // The redirect has nobody's word yet.
    let service = ServiceBuilder::new()
        .layer(HttpsRedirectLayer::from(&rules))
        .layer(SchemeLayer::from(&rules))
        .layer(HygieneLayer::from(&rules))
        .service(seen.service());
    assert_eq!(ask(&service, by_https("/", &[])).await.0, 200);
    assert_eq!(ask(&service, request("/", "192.0.2.9", &[("host", "a.test")])).await.0, 200);
}

#[tokio::test]
async fn outside_of_hygiene_the_redirect_leaves_refusing_to_it() {
    let rules = rules();
    let service = ServiceBuilder::new()
        .layer(SchemeLayer::from(&rules))
        .layer(HttpsRedirectLayer::from(&rules))
        .layer(HygieneLayer::from(&rules))
        .service(Seen::default().service());
    for (host, status) in [("a.test", 301), ("evil.test", 421), ("a b", 400)] {
        assert_eq!(
            ask(&service, request("/", "192.0.2.9", &[("host", host)])).await.0,
            status,
            "{host}"
        );
    }
    let (status, headers, _) = ask(&service, by_https("CONNECT /", &[])).await;
    assert_eq!((status, field(&headers, "strict-transport-security")), (501, "max-age=60"));
}

/// The router of an application behind a proxy at 10.0.0.0/8.
fn router() -> Router {
    let scheme = SchemeLayer::builder()
        .trusted_proxies(["10.0.0.0/8"])
        .peer_from(|extensions| {
            extensions.get::<ConnectInfo<SocketAddr>>().map(|info| Peer::from(info.0))
        })
        .build()
        .expect("sound");
    let https = HttpsRedirectLayer::builder().hsts(Duration::from_secs(60)).build().expect("sound");
    let layers = ServiceBuilder::new()
        .layer(scheme)
        .layer(HygieneLayer::new())
        .layer(https)
        .layer(NeverCacheLayer::scripts());
    Router::new()
        .route(
            "/",
            get(async |Extension(Arrival { scheme, client }): Extension<Arrival>| {
                format!("{} {client}", scheme.as_str())
            }),
        )
        .route("/form", any(async || "form"))
        .layer(layers)
}

#[tokio::test]
async fn an_axum_router_takes_them_all() {
    let router = router();
    let ask = async |mut request: Request<axum::body::Body>| {
        let from: SocketAddr = "10.0.0.1:4711".parse().expect("an address");
        request.extensions_mut().insert(ConnectInfo(from));
        let response = router.clone().oneshot(request).await.expect("it can't fail");
        let (head, body) = response.into_parts();
        let text = axum::body::to_bytes(body, 1024).await.expect("a body");
        (head, String::from_utf8_lossy(&text).into_owned())
    };
    let request = |method: &str, url: &str, proto: &str| {
        let request = Request::builder().method(method).uri(url).header("host", "a.test");
        let request =
            request.header("x-forwarded-proto", proto).header("x-forwarded-for", "192.0.2.7");
        request.body(axum::body::Body::empty()).expect("a request")
    };
    let (head, text) = ask(request("GET", "/", "https")).await;
    assert_eq!((head.status.as_u16(), text.as_str()), (200, "https 192.0.2.7"));
    assert_eq!(field(&head.headers, "strict-transport-security"), "max-age=60");
    let (head, text) = ask(request("POST", "/form", "http")).await;
    assert_eq!(field(&head.headers, "location"), "https://a.test/form");
    assert_eq!((head.status.as_u16(), text.as_str()), (308, "Use https://a.test/form\n"));
    let mut unnamed = request("GET", "/", "https");
    unnamed.headers_mut().remove("host");
    assert_eq!(ask(unnamed).await.0.status.as_u16(), 400);
}

/// Fails, and is not ready before it was asked.
#[derive(Clone)]
struct Failing;

impl Service<Sent> for Failing {
    type Response = Response<Full<Bytes>>;
    type Error = &'static str;
    type Future = std::future::Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Self::Error>> {
        std::task::Poll::Ready(Err("not ready"))
    }

    fn call(&mut self, _: Sent) -> Self::Future {
        std::future::ready(Err("failed"))
    }
}

#[tokio::test]
async fn errors_and_readiness_are_the_inner_services() {
    let mut service = ServiceBuilder::new()
        .layer(SchemeLayer::builder().build().expect("sound"))
        .layer(HygieneLayer::new())
        .layer(HttpsRedirectLayer::new().expect("sound"))
        .layer(NeverCacheLayer::all())
        .service(Failing);
    let ready = std::future::poll_fn(|cx| service.poll_ready(cx)).await;
    assert_eq!(ready, Err("not ready"));
    let failed = service.call(request("/", "192.0.2.9", &[("host", "a.test"), ("x-a", "1")]));
    // By http it is sent elsewhere, which asks nobody.
    assert!(failed.await.is_ok());
    let mut service = HygieneLayer::new().layer(Failing);
    assert_eq!(service.call(request("/", "", &[("host", "a.test")])).await.err(), Some("failed"));
}
