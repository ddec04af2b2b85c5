//! Applications by https: from the file to the last byte.

use larder_config::Config;
use larder_proxy::Server;
use larder_testkit::tls::{ALL_VERSIONS, Authority, Identity, TlsEnd, Valid};
use larder_testkit::{Client, Origin, Script, Signal, smuggling};

use crate::{admin, connect, eventually};

/// An application behind TLS.
struct Secure {
    origin: Origin,
    end: TlsEnd,
    authority: Authority,
}

impl Secure {
    fn new(origin: Origin) -> Self {
        let authority = Authority::new();
        let identity = authority.certify(&["app.example", "127.0.0.1"], Valid::Now);
        Self::showing(&identity, authority, origin)
    }

    fn showing(identity: &Identity, authority: Authority, origin: Origin) -> Self {
        let end = TlsEnd::before(origin.addr(), identity.server(ALL_VERSIONS));
        Self { origin, end, authority }
    }

    fn config(&self, more: &str) -> Config {
        let text = format!(
            "upstream = 'https://{}'\n[listen]\nhttp = '127.0.0.1:0'\nworkers = 1\n[admin]\nlisten = '127.0.0.1:0'\n\
             [upstream_tls]\nca = '{}'\n{more}",
            self.end.addr(),
            self.authority.file().display(),
        );
        Config::from_toml("larder.toml", &text).unwrap_or_else(|problems| panic!("{problems}"))
    }

    fn serve(&self, more: &str) -> Server {
        Server::start(self.config(more)).expect("a server")
    }
}

fn page(text: &'static str) -> Origin {
    Origin::answering(move |request| {
        let caching = if request.path() == "/kept" { "max-age=60" } else { "no-store" };
        Script::answer("200 OK", &format!("Cache-Control: {caching}\r\n"), text)
    })
}

#[test]
fn a_page_by_https_is_like_any_other() {
    let app = Secure::new(page("page"));
    let server = app.serve("name = 'app.example'\n");
    let mut client = connect(&server);
    for _ in 0..3 {
        assert_eq!(client.get("/kept").text(), "page");
        assert_eq!(client.get("/own").text(), "page");
        let posted = client.request("POST", "/", "Content-Length: 0\r\n");
        assert_eq!((posted.status(), posted.text()), (200, "page".to_owned()));
    }
    assert_eq!(app.origin.count_of("/kept"), 1);
    assert_eq!(app.origin.connection_count(), 1);
    let received = &app.origin.requests()[0];
    assert_eq!(received.field("host"), Some("site.test"), "the visitor's, not the certificate's");
    assert_eq!(received.field("x-forwarded-proto"), Some("http"), "the visitor's, too");
}

#[test]
fn what_is_wrong_with_a_certificate_is_told_wherever_failures_are() {
    let ours = || Authority::new();
    let cases = [
        ("certificate-untrusted", ours().certify(&["127.0.0.1"], Valid::Now), ours()),
        ("certificate-untrusted", Identity::self_signed(&["127.0.0.1"], Valid::Now), ours()),
    ];
    let mut cases = Vec::from(cases);
    let authority = ours();
    cases.push((
        "certificate-wrong-name",
        authority.certify(&["app.example"], Valid::Now),
        authority,
    ));
    let authority = ours();
    cases.push((
        "certificate-expired",
        authority.certify(&["127.0.0.1"], Valid::Before),
        authority,
    ));
    for (token, identity, authority) in cases {
        let app = Secure::showing(&identity, authority, page("page"));
        let server = app.serve("");
        let response = connect(&server).get("/kept");
        assert_eq!(response.status(), 502, "{token}");
        assert!(response.cache_status().contains(&format!("detail={token}")), "{token}");
        assert!(response.text().contains(&format!("({token})")), "{}", response.text());
        assert_eq!(app.origin.request_count(), 0, "{token}");
        let metrics = admin(&server, "/metrics").1;
        assert!(metrics.contains(&format!("reason=\"{token}\"")), "{metrics}");
    }
}

#[test]
fn no_certificate_is_looked_at_where_somebody_said_so() {
    let authority = Authority::new();
    let identity = Identity::self_signed(&["other.example"], Valid::Before);
    let app = Secure::showing(&identity, authority, page("page"));
    let text = format!(
        "upstream = 'https://{}'\n[listen]\nhttp = '127.0.0.1:0'\n[admin]\nlisten = 'off'\n\
         [danger]\ninsecure_upstream = true\n",
        app.end.addr()
    );
    let config = Config::from_toml("larder.toml", &text).unwrap_or_else(|it| panic!("{it}"));
    let warnings: Vec<String> = config.warnings.lines().collect();
    assert!(warnings[0].contains("certificates of applications are not verified"), "{warnings:?}");
    let server = Server::start(config).expect("a server");
    assert_eq!(connect(&server).get("/").text(), "page");
}

#[test]
fn a_page_that_was_cut_off_is_not_kept_and_not_passed_on_as_whole() {
    // The connection below ends, and TLS says nothing of it: bytes that somebody took away.
    let origin = Origin::answering(|_| {
        Script::new().send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n\r\nfirst half").close()
    });
    let mut app = Secure::new(origin);
    let identity = app.authority.certify(&["127.0.0.1"], Valid::Now);
    app.end = TlsEnd::cutting(app.origin.addr(), identity.server(ALL_VERSIONS));
    let server = app.serve("");
    for _ in 0..2 {
        let mut client = connect(&server);
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(client.try_read_response().is_err(), "it looks whole");
    }
    assert_eq!(app.origin.request_count(), 2);
}

#[test]
fn a_page_that_ends_with_its_connection_is_whole_if_tls_says_so() {
    let origin = Origin::answering(|_| {
        Script::new()
            .send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n\r\nboth halves")
            .close()
    });
    let app = Secure::new(origin);
    let server = app.serve("");
    for _ in 0..2 {
        assert_eq!(connect(&server).get("/").text(), "both halves");
    }
    assert_eq!(app.origin.request_count(), 1);
}

#[test]
fn a_tunnel_goes_through() {
    let heard = Signal::new();
    let script = Script::new()
        .request()
        .send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\nhello from there")
        .fire(&heard)
        .close();
    let app = Secure::new(Origin::connections([script]));
    let server = app.serve("");
    let mut client = connect(&server);
    client.send(
        "GET /ws HTTP/1.1\r\nHost: site.test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n",
    );
    assert_eq!(client.read_head().expect("101").status, 101);
    let (rest, closed) = client.drain();
    assert_eq!((String::from_utf8_lossy(&rest).as_ref(), closed), ("hello from there", true));
    assert!(heard.is_fired());
}

#[test]
fn who_a_visitor_is_is_asked_by_https_too() {
    let origin = Origin::answering(|request| match request.path() {
        "/identity" => {
            Script::answer("200 OK", "Larder-Identity: class=authenticated, user=\"1\"\r\n", "")
        }
        _ => Script::answer("200 OK", "Vary: Larder-Identity\r\n", "a member's page"),
    });
    let app = Secure::new(origin);
    let server = app.serve(
        "[identity]\nsession_cookies = ['sid']\nlookup = '/identity'\n\
         [[rule]]\npath = '/*'\naudience = 'anonymous-and-authenticated'\nttl = '1m'\n",
    );
    let response = connect(&server).request("GET", "/", "Cookie: sid=1\r\n");
    assert_eq!(response.text(), "a member's page");
    assert_eq!(app.origin.count_of("/identity"), 1);
}

#[test]
fn whom_to_trust_is_read_again_with_the_configuration() {
    let app = Secure::new(page("page"));
    let server = app.serve("");
    let mut client = connect(&server);
    assert_eq!(client.get("/").status(), 200);
    server.apply(app.config("")).expect("applied");
    assert_eq!(client.get("/").status(), 200);
    assert_eq!(app.origin.connection_count(), 1, "what is the same goes on");
    // The same file with somebody else in it.
    std::fs::copy(Authority::new().file(), app.authority.file()).expect("a copy");
    server.apply(app.config("")).expect("applied");
    let refused = connect(&server).get("/");
    assert_eq!(refused.status(), 502);
    assert!(refused.text().contains("(certificate-untrusted)"), "{}", refused.text());
}

#[test]
fn an_application_that_goes_away_at_rest_is_asked_anew() {
    let app = Secure::new(Origin::answering(|_| Script::answer("200 OK", "", "once").close()));
    let server = app.serve("");
    let mut client = connect(&server);
    for n in 1..=5 {
        let posted = client.request("POST", "/", "Content-Length: 0\r\n");
        assert_eq!((posted.status(), posted.text()), (200, "once".to_owned()), "request {n}");
        app.origin.wait_for_no_connections();
    }
}

#[test]
fn no_attempt_makes_two_peers_read_two_things_inside_tls() {
    let app = Secure::new(smuggling::echo_origin());
    let server = app.serve("");
    let failures = smuggling::run_smuggling(server.addresses()[0], &app.origin);
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn a_mixed_site_asks_each_application_in_its_own_way() {
    let plain = page("plain");
    let app = Secure::new(page("secure"));
    let mut config = app.config("");
    let by_http = Config::from_toml("larder.toml", &format!("upstream = '{}'", plain.url()))
        .unwrap_or_else(|it| panic!("{it}"));
    config.upstreams.extend(by_http.upstreams);
    let server = Server::start(config).expect("a server");
    eventually("both are asked", || {
        assert_eq!(Client::connect(server.addresses()[0]).get("/").status(), 200);
        plain.request_count() > 0 && app.origin.request_count() > 0
    });
}
