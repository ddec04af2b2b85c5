//! The PROXY protocol: who may say it, what is believed of it, and that nothing else gets through its door.

use std::io::Write as _;
use std::net::TcpStream;

use larder_config::Config;
use larder_proxy::Server;
use larder_semantics::Reason;
use larder_testkit::http2::{Http2, Request};
use larder_testkit::{Client, Origin, PATIENCE, Script};

use crate::secure::{Folder, client_over, h1, shake_on};
use crate::{SHORT, eventually};

const V1: &str = "PROXY TCP4 192.0.2.7 198.51.100.1 8080 443\r\n";
const GET: &str = "GET / HTTP/1.1\r\nHost: site.test\r\n\r\n";

/// Version 2: command, family and the rest.
fn v2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
    header.extend([0x20 | command, family]);
    header.extend(u16::try_from(body.len()).expect("short").to_be_bytes());
    header.extend(body);
    header
}

/// From `192.0.2.9:8080`, with the extras.
fn inet(extras: &[u8]) -> Vec<u8> {
    let mut body = vec![192, 0, 2, 9, 198, 51, 100, 1, 0x1f, 0x90, 0x01, 0xbb];
    body.extend(extras);
    v2(1, 0x11, &body)
}

/// `PP2_TYPE_SSL`: the client came by TLS.
const BY_TLS: [u8; 8] = [0x20, 0, 5, 1, 0, 0, 0, 0];

/// An application that says who it was told the visitor is.
fn told() -> Origin {
    Origin::answering(|request| {
        let field = |name| request.field(name).unwrap_or("none").to_owned();
        let body = format!("{} by {}", field("x-forwarded-for"), field("x-forwarded-proto"));
        Script::answer("200 OK", "Cache-Control: no-store\r\n", body)
    })
}

/// All listeners ask for a header. `trusted` may send it.
fn serve(origin: &Origin, trusted: &str) -> (Server, Folder) {
    let folder = Folder::new();
    folder.certify("site", &["site.test"]);
    let text = format!(
        "upstream = '{}'\ntrusted_proxies = '{trusted}'\n[listen]\nhttp = '127.0.0.1:0'\nhttps = '[::1]:0'\n\
         proxy_protocol = ['127.0.0.1:0', '[::1]:0']\nworkers = 1\n[admin]\nlisten = '127.0.0.1:0'\n{}",
        origin.url(),
        folder.entries(&["site"])
    );
    let mut config =
        Config::from_toml("larder.toml", &text).unwrap_or_else(|problems| panic!("{problems}"));
    config.timeouts.header = SHORT;
    (Server::start(config).expect("a server"), folder)
}

fn connect(server: &Server) -> Client {
    Client::connect(server.addresses()[0])
}

#[test]
fn the_visitor_is_who_the_header_says() {
    let origin = told();
    let (server, _folder) = serve(&origin, "127.0.0.1");
    let mut v6 = [0; 36];
    v6[..16].copy_from_slice(&"2001:db8::7".parse::<std::net::Ipv6Addr>().expect("v6").octets());
    let cases: [(&str, Vec<u8>, &str); 8] = [
        ("version 1", V1.into(), "192.0.2.7 by http"),
        ("IPv6", "PROXY TCP6 2001:db8::7 ::1 1 2\r\n".into(), "2001:db8::7 by http"),
        ("UNKNOWN", "PROXY UNKNOWN\r\n".into(), "127.0.0.1 by http"),
        ("version 2", inet(&[]), "192.0.2.9 by http"),
        ("version 2, IPv6", v2(1, 0x21, &v6), "2001:db8::7 by http"),
        ("by TLS", inet(&BY_TLS), "192.0.2.9 by https"),
        ("LOCAL", v2(0, 0, &[]), "127.0.0.1 by http"),
        ("LOCAL with extras", v2(0, 0x11, &[0; 200]), "127.0.0.1 by http"),
    ];
    for (name, header, expected) in cases {
        // At once, and in pieces that end wherever they like.
        let mut whole = connect(&server);
        whole.send([&header, GET.as_bytes()].concat());
        assert_eq!(whole.read_response().text(), expected, "{name}");
        assert_eq!(whole.get("/").text(), expected, "{name}: for all of the connection");
        let mut slow = connect(&server);
        for byte in &header {
            slow.send([*byte]);
        }
        assert_eq!(slow.get("/").text(), expected, "{name}: byte by byte");
    }
}

#[test]
fn tls_follows_the_header() {
    let origin = told();
    let (server, _folder) = serve(&origin, "::1");
    for header in [V1.as_bytes().to_vec(), inet(&BY_TLS), v2(0, 0, &[])] {
        let mut socket = TcpStream::connect(server.https_addresses()[0]).expect("a connection");
        socket.write_all(&header).expect("taken");
        let tls = shake_on(socket, &h1(), "site.test").expect("a handshake");
        let text = client_over(tls).get("/").text();
        assert!(text.ends_with(" by https"), "{text}");
        assert_eq!(text.starts_with("192.0.2."), header.len() > 16, "{text}");
    }
    let socket = TcpStream::connect(server.https_addresses()[0]).expect("a connection");
    shake_on(socket, &h1(), "site.test").expect_err("no header");
    eventually("counted", || server.metrics().refused(Reason::ProxyHeader) == 1);
}

#[test]
fn the_headers_fields_are_the_visitors_own_and_not_believed() {
    let origin = told();
    let (server, _folder) = serve(&origin, "127.0.0.1");
    let mut client = connect(&server);
    client.send(V1);
    let forged = "X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: https\r\n";
    assert_eq!(client.request("GET", "/", forged).text(), "192.0.2.7 by http");
}

#[test]
fn without_a_sound_header_nothing_is_answered() {
    let origin = told();
    let (server, _folder) = serve(&origin, "127.0.0.1");
    let mut wrong_extra = inet(&[1, 0, 9]);
    wrong_extra.extend(GET.as_bytes());
    let cases: [Vec<u8>; 6] = [
        GET.into(),
        "PROXY TCP4 192.0.2.7 198.51.100.1 8080\r\n".into(),
        format!("PROXY UNKNOWN {}", "x".repeat(100)).into(),
        wrong_extra,
        v2(1, 0x11, &[0; 5000]),
        b"\x16\x03\x01\x02\x00\x01".to_vec(),
    ];
    for (count, case) in cases.iter().enumerate() {
        let mut client = connect(&server);
        client.send(case);
        assert_eq!(client.drain(), (Vec::new(), true), "{case:?}");
        eventually("counted", || server.metrics().refused(Reason::ProxyHeader) == 1 + count as u64);
    }
    // Half of one is waited for as for a head.
    let mut late = connect(&server);
    late.send("PROXY TCP4 192");
    assert!(late.is_closed());
    eventually("counted", || server.metrics().refused(Reason::HeadTimeout) == 1);
    // A balancer that looks whether somebody listens is nobody's fault.
    drop(TcpStream::connect(server.addresses()[0]).expect("a connection"));
    assert_eq!(origin.request_count(), 0);
    let mut again = connect(&server);
    again.send(V1);
    assert_eq!(again.get("/").text(), "192.0.2.7 by http");
}

#[test]
fn nobody_else_may_say_so() {
    let origin = told();
    let (server, _folder) = serve(&origin, "10.0.0.0/8");
    let mut client = connect(&server);
    client.send([V1, GET].concat());
    assert!(client.is_closed());
    assert_eq!(server.metrics().refused(Reason::ProxyUntrusted), 1);
    assert_eq!(origin.request_count(), 0);
}

#[test]
fn what_a_target_names_is_judged_where_the_header_says_how_it_came() {
    let origin = told();
    let (server, _folder) = serve(&origin, "127.0.0.1");
    // A balancer that ends TLS and says nothing of it leaves `https` in its visitor's requests.
    let over_tls = inet(&BY_TLS);
    for (header, scheme, expected) in [
        (V1.as_bytes(), "https", "200 \"192.0.2.7 by http\""),
        (V1.as_bytes(), "http", "200 \"192.0.2.7 by http\""),
        (&over_tls, "https", "200 \"192.0.2.9 by https\""),
    ] {
        let mut socket = TcpStream::connect(server.addresses()[0]).expect("a connection");
        socket.set_read_timeout(Some(PATIENCE)).expect("a limit");
        socket.write_all(header).expect("sent");
        let mut client = Http2::over(socket, &[]);
        client.request(1, &Request::new("GET").with(":scheme", scheme));
        assert_eq!(client.outcome(1).to_string(), expected, "{scheme}");
    }
}
