//! TLS towards clients: what is agreed upon, which certificate is shown, how it is renewed, and that everything HTTP does
//! over a bare socket it does over TLS.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use larder_config::Config;
use larder_proxy::Server;
use larder_semantics::Reason;
use larder_testkit::http2::{Http2, Request};
use larder_testkit::{Client, Origin, PATIENCE, Script, Signal};
use larder_tls::rustls::pki_types::ServerName;
use larder_tls::rustls::version::{TLS12, TLS13};
use larder_tls::rustls::{ClientConnection, HandshakeKind};

use crate::secure::{
    Folder, client_over, config, connect, ends_properly, h1, is_for, metric, offer, page, serve,
    shake, shown,
};
use crate::{admin, eventually};

#[test]
fn a_page_is_answered_over_every_version_and_protocol() {
    let origin = page("page");
    let (server, _folder) = serve(&origin, "", "");
    let address = server.https_addresses()[0];
    for (versions, version) in [(&TLS12, "TLSv1_2"), (&TLS13, "TLSv1_3")] {
        for (offered, agreed) in [
            (&["h2", "http/1.1"][..], Some("h2")),
            (&["http/1.1", "h2"], Some("h2")),
            (&["http/1.1"], Some("http/1.1")),
            (&[], None),
        ] {
            let tls =
                shake(address, &offer(&[versions], offered), "site.test").expect("a handshake");
            assert_eq!(format!("{:?}", tls.conn.protocol_version().expect("agreed")), version);
            assert_eq!(tls.conn.alpn_protocol(), agreed.map(str::as_bytes), "{offered:?}");
            if agreed == Some("h2") {
                let mut client = Http2::over(tls, &[]);
                client.request(1, &Request::new("GET").with(":scheme", "https"));
                assert_eq!(client.outcome(1).to_string(), "200 \"page\"");
            } else {
                assert_eq!(client_over(tls).get("/").text(), "page", "{version} {offered:?}");
            }
        }
    }
    eventually("counted", || {
        metric(&server, "larder_tls_handshakes_total{version=\"1.2\",resumed=\"no\"} 4")
            && metric(&server, "larder_tls_handshakes_total{version=\"1.3\",resumed=\"no\"} 4")
    });
}

#[test]
fn an_older_version_than_the_least_is_refused() {
    let origin = page("page");
    let (server, _folder) = serve(&origin, "", "[tls]\nmin_version = '1.3'\n");
    let address = server.https_addresses()[0];
    let error = shake(address, &offer(&[&TLS12], &["http/1.1"]), "site.test").expect_err("too old");
    assert!(error.to_string().contains("ProtocolVersion"), "{error}");
    assert_eq!(connect(&server).get("/").text(), "page");
    eventually("counted", || {
        metric(&server, "larder_tls_handshake_failures_total{kind=\"nothing-in-common\"} 1")
    });
}

#[test]
fn the_name_that_is_asked_for_chooses_the_certificate() {
    let origin = page("page");
    let folder = Folder::new();
    folder.certify("first", &["first.test"]);
    folder.certify("wild", &["*.wild.test"]);
    folder.certify("exact", &["www.wild.test"]);
    let entries = folder.entries(&["first", "wild", "exact"]);
    let server = Server::start(config(&origin, "", &entries)).expect("a server");
    for (name, shown) in [
        ("first.test", "first.test"),
        ("a.wild.test", "*.wild.test"),
        ("www.wild.test", "www.wild.test"),
        ("unknown.test", "first.test"),
        // An address is not sent as a name.
        ("127.0.0.1", "first.test"),
    ] {
        let tls = shake(server.https_addresses()[0], &h1(), name).expect("a handshake");
        assert!(is_for(&tls, shown), "{name}");
    }
    let metrics = admin(&server, "/metrics").1;
    for hosts in ["first.test", "*.wild.test", "www.wild.test"] {
        let line = format!("larder_tls_certificate_not_after_seconds{{hosts=\"{hosts}\"}} ");
        assert!(metrics.contains(&line), "{line}:\n{metrics}");
    }
}

#[test]
fn pages_by_http_and_by_https_are_different_pages_and_the_application_is_told() {
    let origin = Origin::answering(|request| {
        let scheme = request.field("x-forwarded-proto").unwrap_or("none").to_owned();
        Script::answer("200 OK", "Cache-Control: max-age=60\r\n", scheme)
    });
    let (server, _folder) = serve(&origin, "", "");
    // What a client says of itself is not believed.
    let forged = "X-Forwarded-Proto: http\r\nForwarded: proto=http\r\n";
    for _ in 0..2 {
        assert_eq!(connect(&server).request("GET", "/", forged).text(), "https");
        assert_eq!(Client::connect(server.addresses()[0]).get("/").text(), "http");
        let config = offer(&[&TLS13], &["h2"]);
        let tls = shake(server.https_addresses()[0], &config, "site.test").expect("a handshake");
        let mut client = Http2::over(tls, &[]);
        client.request(1, &Request::new("GET").with(":scheme", "https"));
        assert_eq!(client.outcome(1).to_string(), "200 \"https\"", "the same page by HTTP/2");
    }
    assert_eq!(origin.request_count(), 2);
    let fields = origin.requests();
    assert_eq!(fields[0].field("x-forwarded-port"), Some("443"));
}

#[test]
fn who_comes_by_http_is_sent_to_https_and_told_to_stay_there() {
    let origin = page("page");
    let (server, _folder) = serve(&origin, "", "[https]\nredirect = true\nhsts = '365d'\n");
    let response = Client::connect(server.addresses()[0]).get("/a?b");
    assert_eq!(response.status(), 301);
    assert_eq!(response.field("location"), Some("https://site.test/a?b"));
    assert_eq!(response.field("strict-transport-security"), None);
    let response = connect(&server).get("/a?b");
    assert_eq!((response.status(), response.text()), (200, "page".to_owned()));
    assert_eq!(response.field("strict-transport-security"), Some("max-age=31536000"));
    assert_eq!(origin.request_count(), 1);
}

#[test]
fn a_renewed_certificate_is_shown_to_new_connections_and_the_open_ones_go_on() {
    let origin = page("page");
    let (server, folder) = serve(&origin, "", "");
    let address = server.https_addresses()[0];
    let before = shown(&shake(address, &h1(), "site.test").expect("a handshake"));
    let mut open = connect(&server);
    assert_eq!(open.get("/").text(), "page");
    server.look_at_certificates();
    assert!(metric(&server, "larder_tls_reloads_total{result=\"applied\"} 0"), "nothing changed");

    folder.certify("site", &["site.test"]);
    server.look_at_certificates();
    let after = shown(&shake(address, &h1(), "site.test").expect("a handshake"));
    assert_ne!(before, after);
    assert_eq!(open.get("/").text(), "page");
    assert!(metric(&server, "larder_tls_reloads_total{result=\"applied\"} 1"));

    // A certificate of which the key is still to come, and nonsense.
    let old_key = std::fs::read_to_string(folder.0.join("site.key")).expect("the key");
    folder.certify("site", &["site.test"]);
    let new_key = std::fs::read_to_string(folder.0.join("site.key")).expect("the key");
    for (count, wrong) in [(1, old_key.as_str()), (2, "nonsense")] {
        folder.write("site.key", wrong);
        for _ in 0..3 {
            server.look_at_certificates();
        }
        let refused = format!("larder_tls_reloads_total{{result=\"refused\"}} {count}");
        assert!(metric(&server, &refused), "told of once");
        assert_eq!(shown(&shake(address, &h1(), "site.test").expect("a handshake")), after);
    }
    folder.write("site.key", &new_key);
    server.look_at_certificates();
    assert_ne!(shown(&shake(address, &h1(), "site.test").expect("a handshake")), after);
    assert_eq!(open.get("/").text(), "page");
}

#[test]
fn a_new_configuration_brings_its_certificates_and_versions_and_keeps_sessions() {
    let origin = page("page");
    let (server, folder) = serve(&origin, "", "");
    let address = server.https_addresses()[0];
    let offered = h1();
    let mut first = client_over(shake(address, &offered, "site.test").expect("a handshake"));
    assert_eq!(first.get("/").text(), "page", "and the tickets behind it");
    folder.certify("other", &["other.test"]);
    let below = format!("[tls]\nmin_version = '1.3'\n{}", folder.entries(&["site", "other"]));
    let new = config(&origin, "", &below);
    assert!(server.apply(new).expect("applied").is_empty());
    let other = shake(address, &h1(), "other.test").expect("a handshake");
    assert!(is_for(&other, "other.test"));
    shake(address, &offer(&[&TLS12], &[]), "site.test").expect_err("too old now");
    let again = shake(address, &offered, "site.test").expect("a handshake");
    assert_eq!(again.conn.handshake_kind(), Some(HandshakeKind::Resumed));
    assert_eq!(first.get("/").text(), "page");

    // Without TLS in the file the listener is there until the restart, with what it has.
    let text = format!(
        "upstream = '{}'\n[listen]\nhttp = '127.0.0.1:0'\nworkers = 2\n[admin]\nlisten = '127.0.0.1:0'\n",
        origin.url()
    );
    let without = Config::from_toml("larder.toml", &text).expect("sound");
    assert_eq!(server.apply(without).expect("applied"), ["listen.https"]);
    assert!(is_for(&shake(address, &h1(), "other.test").expect("a handshake"), "other.test"));
}

#[test]
fn a_drain_lets_requests_end_and_says_goodbye_to_idle_connections() {
    let go = Signal::new();
    let held = go.clone();
    let origin = Origin::answering(move |request| match request.path() {
        "/slow" => Script::new().wait(&held).respond("200 OK", "", "late"),
        _ => Script::answer("200 OK", "", "page"),
    });
    let (server, _folder) = serve(&origin, "", "");
    let mut idle = connect(&server);
    assert_eq!(idle.get("/").text(), "page");
    let mut fresh = connect(&server);
    let silent = TcpStream::connect(server.https_addresses()[0]).expect("a connection");
    let mut busy = connect(&server);
    busy.send("GET /slow HTTP/1.1\r\nHost: site.test\r\n\r\n");
    drop(origin.wait_for_requests(2));
    server.drain();
    assert!(ends_properly(&mut idle));
    assert!(ends_properly(&mut fresh));
    go.fire();
    assert_eq!(busy.read_response().text(), "late");
    assert!(ends_properly(&mut busy));
    eventually("over, although somebody never began", || server.is_over());
    drop(silent);
}

#[test]
fn a_handshake_that_does_not_end_is_given_up() {
    let origin = page("page");
    let (server, _folder) = serve(&origin, "", "[timeouts]\nheader = '150ms'\nidle = '400ms'\n");
    let hello = {
        let name = ServerName::try_from("site.test").expect("a name");
        let mut session = ClientConnection::new(h1(), name).expect("a client");
        let mut bytes = Vec::new();
        session.write_tls(&mut bytes).expect("a hello");
        bytes
    };
    for length in [1, 5, 100, hello.len() - 1, hello.len()] {
        let mut socket = TcpStream::connect(server.https_addresses()[0]).expect("a connection");
        socket.set_read_timeout(Some(PATIENCE)).expect("a limit");
        socket.write_all(&hello[..length]).expect("taken");
        let mut all = Vec::new();
        // What comes before the end are at most the server's own messages.
        socket.read_to_end(&mut all).expect("closed within the limit");
        assert_eq!(all.is_empty(), length < hello.len(), "{length}");
    }
    let mut silent = Client::connect(server.https_addresses()[0]);
    assert!(silent.is_closed(), "as an idle one");
    eventually("counted", || {
        metric(&server, "larder_tls_handshake_failures_total{kind=\"timeout\"} 5")
            && server.metrics().refused(Reason::HeadTimeout) == 5
    });
    assert_eq!(connect(&server).get("/").text(), "page");
}

#[test]
fn plain_http_on_the_port_of_tls_is_answered_so_that_people_understand() {
    let origin = page("page");
    let (server, _folder) = serve(&origin, "", "");
    let mut client = Client::connect(server.https_addresses()[0]);
    let response = client.get("/");
    assert_eq!(response.status(), 400);
    assert!(response.text().contains("plain-http"), "{}", response.text());
    assert!(client.is_closed());
    for garbage in
        [&b"\0\0\0\0\0\0\0\0"[..], b"\x16\x03\x01\x00\x05hello", b"get / http/1.1\r\n\r\n"]
    {
        let mut client = Client::connect(server.https_addresses()[0]);
        client.send(garbage);
        let (_, closed) = client.drain();
        assert!(closed, "{garbage:?}");
    }
    drop(TcpStream::connect(server.https_addresses()[0]).expect("a connection"));
    eventually("counted", || {
        let metrics = admin(&server, "/metrics").1;
        let count = |kind, count| {
            metrics.contains(&format!(
                "larder_tls_handshake_failures_total{{kind=\"{kind}\"}} {count}"
            ))
        };
        count("plain-http", 1) && count("malformed", 3) && count("closed", 1)
    });
    assert_eq!(server.metrics().refused(Reason::PlainHttp), 1);
    assert_eq!(origin.request_count(), 0);
}

#[test]
fn refusals_reach_the_client_and_end_the_session_properly() {
    let origin = page("page");
    let (server, _folder) = serve(&origin, "", "[timeouts]\nheader = '150ms'\nidle = '300ms'\n");
    let mut late = connect(&server);
    late.send("GET / HT");
    assert_eq!(late.read_response().status(), 408);
    assert!(ends_properly(&mut late));
    let mut wrong = connect(&server);
    wrong.send("GET / HTTP/9.9\r\n\r\n");
    assert_eq!(wrong.read_response().status(), 400);
    assert!(ends_properly(&mut wrong));
    let mut idle = connect(&server);
    assert_eq!(idle.get("/").text(), "page");
    assert!(ends_properly(&mut idle));
    let mut old = connect(&server);
    old.send("GET / HTTP/1.0\r\nHost: site.test\r\n\r\n");
    assert_eq!(old.read_response().text(), "page");
    assert!(ends_properly(&mut old));
}

#[test]
fn a_body_that_fails_is_never_a_proper_end() {
    let origin = Origin::answering(|request| {
        let whole = request.path() == "/whole";
        let begun = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n";
        Script::new().send(begun).send(if whole { "0\r\n\r\n" } else { "" }).close()
    });
    let (server, _folder) = serve(&origin, "", "");
    for version in ["1.0", "1.1"] {
        for (path, is_proper) in [("/whole", true), ("/half", false)] {
            let mut client = connect(&server);
            client.send(format!(
                "GET {path} HTTP/{version}\r\nHost: site.test\r\nConnection: close\r\n\r\n"
            ));
            // To an HTTP/1.0 client only the end of the connection tells.
            let read = client.try_read_response().map(|response| response.text());
            assert!(read.as_ref().map_or(version == "1.1", |text| text == "part"), "{read:?}");
            assert_eq!(ends_properly(&mut client), is_proper, "HTTP/{version} {path}");
        }
    }
}

#[test]
fn large_bodies_go_through_both_ways_and_a_client_that_takes_nothing_is_given_up() {
    let body: Vec<u8> = (0..8_000_000_u32).flat_map(u32::to_be_bytes).collect();
    let answer = body.clone();
    let origin = Origin::answering(move |request| match request.method.as_str() {
        "POST" => Script::answer("200 OK", "", request.body.len().to_string()),
        _ => Script::answer("200 OK", "Cache-Control: no-store\r\n", answer.clone()),
    });
    let (server, _folder) = serve(&origin, "", "");
    let mut client = connect(&server);
    assert!(client.get("/").body == body, "every byte");
    client.send(format!(
        "POST / HTTP/1.1\r\nHost: site.test\r\nContent-Length: {}\r\n\r\n",
        body.len()
    ));
    client.send(&body);
    assert_eq!(client.read_response().text(), body.len().to_string());
    let (server, _folder) = serve(&origin, "", "[timeouts]\nsend = '300ms'\n");
    let mut lazy = connect(&server);
    lazy.send("GET / HTTP/1.1\r\nHost: site.test\r\n\r\n");
    eventually("given up", || server.metrics().refused(Reason::SendTimeout) == 1);
}

#[test]
fn a_client_that_leaves_is_noticed_while_its_answer_is_made() {
    let left = Signal::new();
    let seen = left.clone();
    let origin = Origin::answering(move |_| Script::new().await_close(&seen));
    let (server, _folder) = serve(&origin, "", "");
    // One says goodbye, the other does not.
    for (number, polite) in [(1, true), (2, false)] {
        let mut tls = shake(server.https_addresses()[0], &h1(), "site.test").expect("a handshake");
        let request =
            format!("POST /{number} HTTP/1.1\r\nHost: site.test\r\nContent-Length: 0\r\n\r\n");
        tls.write_all(request.as_bytes()).expect("taken");
        tls.flush().expect("taken");
        drop(origin.wait_for_requests(number));
        if polite {
            tls.conn.send_close_notify();
            tls.flush().expect("taken");
        }
        drop(tls);
    }
    assert!(left.wait());
    eventually("counted", || server.metrics().refused(Reason::ClientLeft) == 2);
}

#[test]
fn interim_responses_and_tunnels_work_over_tls() {
    let go = Signal::new();
    let held = go.clone();
    let origin = Origin::answering(move |request| {
        match request.path() {
        "/hints" => Script::new()
            .send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
            .wait(&held)
            .respond("200 OK", "Cache-Control: no-store\r\n", "made"),
        _ => Script::new()
            .send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\nhello from there").close(),
    }
    });
    let (server, _folder) = serve(&origin, "", "");
    let mut client = connect(&server);
    client.send("GET /hints HTTP/1.1\r\nHost: site.test\r\n\r\n");
    assert_eq!(client.read_head().expect("103").status, 103);
    go.fire();
    assert_eq!(client.read_response().text(), "made");
    client.send(
        "GET /tunnel HTTP/1.1\r\nHost: site.test\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n",
    );
    assert_eq!(client.read_head().expect("101").status, 101);
    let (bytes, _) = client.drain();
    assert!(bytes.starts_with(b"hello from there"), "{bytes:?}");
}

/// What a command says, standard error behind standard output.
fn said(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().expect("a command that is there");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text + &String::from_utf8_lossy(&output.stderr)
}

/// Whether a program is installed: `./test` sees to it.
fn is_there(program: &str) -> bool {
    Command::new(program).arg("version").stdin(Stdio::null()).output().is_ok()
}

#[test]
fn curl_and_openssl_agree() {
    if !is_there("curl") || !is_there("openssl") {
        println!("curl or openssl is not installed");
        return;
    }
    let origin = page("page");
    let (server, folder) = serve(&origin, "", "");
    let address = server.https_addresses()[0];
    let url = format!("https://site.test:{}/", address.port());
    let resolve = format!("site.test:{}:127.0.0.1", address.port());
    let authority = folder.0.join("site.pem");
    for (flags, protocol) in [
        (&["--http1.1"][..], "HTTP/1.1 200"),
        (&["--http2"], "HTTP/2 200"),
        (&["--http2", "--tls-max", "1.2"], "HTTP/2 200"),
        (&["--http1.1", "--tlsv1.3"], "HTTP/1.1 200"),
    ] {
        let text = said(
            Command::new("curl")
                .args(["-si", "--resolve", &resolve, "--cacert"])
                .arg(&authority)
                .args(flags)
                .arg(&url),
        );
        assert!(text.starts_with(protocol) && text.ends_with("page"), "{flags:?}: {text}");
    }
    for version in ["-tls1_2", "-tls1_3"] {
        let session = folder.0.join(format!("session{version}"));
        let openssl = |argument: &str| {
            // A request, so that the session's ticket has come before the end.
            let mut child = Command::new("openssl")
                .args(["s_client", "-ign_eof", "-servername", "site.test", version, "-connect"])
                .arg(address.to_string())
                .arg(argument)
                .arg(&session)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .expect("openssl is there");
            let request = b"GET / HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n";
            child.stdin.take().expect("piped").write_all(request).expect("taken");
            let output = child.wait_with_output().expect("an end");
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        let text = openssl("-sess_out");
        assert!(text.contains("New, TLSv1."), "{text}");
        let text = openssl("-sess_in");
        assert!(text.contains("Reused, TLSv1.") && text.contains("page"), "{version}: {text}");
    }
}
