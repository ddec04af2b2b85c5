//! What goes over TLS in records of its own: HTTP/2, tunnels, and how a response is cut into them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use larder_config::Config;
use larder_proxy::Server;
use larder_testkit::http2::{Http2, Outcome, Request};
use larder_testkit::{Client, Origin, PATIENCE, Script};
use larder_tls::rustls::pki_types::ServerName;
use larder_tls::rustls::version::TLS13;
use larder_tls::rustls::{ClientConnection, StreamOwned};

use crate::secure::{Folder, h1, offer, serve, shake};

#[test]
fn http2_goes_on_over_tls_in_both_directions_and_ends_properly() {
    let origin = Origin::answering(|request| match request.method.as_str() {
        "POST" => Script::answer("200 OK", "", request.body.len().to_string()),
        _ => Script::answer("200 OK", "Cache-Control: max-age=60\r\n", vec![b'x'; 20_000]),
    });
    let (server, _folder) = serve(&origin, "", "[timeouts]\nidle = '300ms'\n");
    let config = offer(&[&TLS13], &["h2"]);
    let tls = shake(server.https_addresses()[0], &config, "site.test").expect("a handshake");
    let mut client = Http2::over(tls, &[]);
    let get = Request::new("GET").with(":scheme", "https");
    for stream in [1, 3, 5] {
        client.request(stream, &get);
        assert!(
            matches!(client.outcome(stream), Outcome::Answered(200, body) if body.len() == 20_000)
        );
    }
    let post = Request::new("POST").with(":scheme", "https").data([b'y'; 16_000]).data(b"z");
    client.request(7, &post);
    assert_eq!(client.outcome(7).to_string(), "200 \"16001\"");
    // Its idle time is over soon.
    assert_eq!(client.goodbye(), Some(0));
    assert!(client.next_frame().is_none());
    let wrong = Request::new("GET").with(":scheme", "http");
    let tls = shake(server.https_addresses()[0], &config, "site.test").expect("a handshake");
    let mut client = Http2::over(tls, &[]);
    client.request(1, &wrong);
    assert_eq!(client.outcome(1).status(), Some(421), "the scheme is the connection's");
}

/// Says everything again that it hears, behind a 101.
fn echo() -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().expect("a connection");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            socket.read_exact(&mut byte).expect("a head");
            head.extend(byte);
        }
        let answer =
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n";
        socket.write_all(answer.as_bytes()).expect("taken");
        let mut back = socket.try_clone().expect("a second handle");
        drop(std::io::copy(&mut socket, &mut back));
    });
    address
}

#[test]
fn a_tunnel_over_tls_carries_much_and_little_both_ways() {
    let folder = Folder::new();
    folder.certify("site", &["site.test"]);
    let text = format!(
        "upstream = 'http://{}'\n[listen]\nhttp = []\nhttps = '127.0.0.1:0'\nworkers = 1\n[admin]\nlisten = 'off'\n{}",
        echo(),
        folder.entries(&["site"])
    );
    let config = Config::from_toml("larder.toml", &text).expect("sound");
    let server = Server::start(config).expect("a server");
    assert!(server.addresses().is_empty(), "TLS only");
    let mut tunnel = shake(server.https_addresses()[0], &h1(), "site.test").expect("a handshake");
    let wish = b"GET / HTTP/1.1\r\nHost: site.test\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n";
    tunnel.write_all(wish).and_then(|()| tunnel.flush()).expect("taken");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        tunnel.read_exact(&mut byte).expect("a head");
        head.extend(byte);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "));
    for length in [1, 100, 16_384, 1_000_000, 3] {
        let sent: Vec<u8> = (0_u8..=250).cycle().take(length).collect();
        // Less than what sockets hold on the way, or in turns: nobody reads while this writes.
        for piece in sent.chunks(50_000) {
            tunnel.write_all(piece).and_then(|()| tunnel.flush()).expect("taken");
            let mut heard = vec![0; piece.len()];
            tunnel.read_exact(&mut heard).expect("said again");
            assert!(heard == piece, "of {length}");
        }
    }
}

/// A socket that keeps what came over it.
struct Heard {
    socket: TcpStream,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Read for Heard {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.socket.read(buffer)?;
        self.bytes.lock().expect("no panic").extend(&buffer[..count]);
        Ok(count)
    }
}

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.socket.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.socket.flush()
    }
}

/// The lengths of the records in `bytes`: RFC 8446 §5.1.
fn records(mut bytes: &[u8]) -> Vec<usize> {
    let mut lengths = Vec::new();
    while let [_, _, _, high, low, rest @ ..] = bytes {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        lengths.push(length);
        bytes = rest.get(length..).unwrap_or_default();
    }
    lengths
}

#[test]
fn a_small_page_is_one_record_and_a_large_one_fills_its_records() {
    let origin = Origin::answering(|request| {
        let length = if request.path() == "/small" { 2_000 } else { 60_000 };
        Script::answer("200 OK", "Cache-Control: max-age=60\r\n", vec![b'x'; length])
    });
    let (server, _folder) = serve(&origin, "", "");
    for protocol in ["http/1.1", "h2"] {
        let socket = TcpStream::connect(server.https_addresses()[0]).expect("a connection");
        socket.set_read_timeout(Some(PATIENCE)).expect("a limit");
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let name = ServerName::try_from("site.test").expect("a name");
        let session = ClientConnection::new(offer(&[&TLS13], &[protocol]), name).expect("a client");
        let second = socket.try_clone().expect("a second handle");
        let heard = Heard { socket, bytes: Arc::clone(&bytes) };
        let tls = StreamOwned::new(session, heard);
        let mut h1 = None;
        let mut h2 = None;
        if protocol == "h2" {
            h2 = Some(Http2::over(tls, &[]));
        } else {
            h1 = Some(Client::on(second).through(tls));
        }
        let mut stream = 1;
        let mut lengths = |path: &str| {
            bytes.lock().expect("no panic").clear();
            if let Some(client) = &mut h1 {
                assert_eq!(client.get(path).status(), 200);
            }
            if let Some(client) = &mut h2 {
                // WINDOW_UPDATE: room for all of them.
                client.send_frame(8, 0, 0, &200_000_u32.to_be_bytes());
                let request = Request::new("GET").with(":scheme", "https").with(":path", path);
                client.request(stream, &request);
                assert_eq!(client.outcome(stream).status(), Some(200));
                stream += 2;
            }
            records(&bytes.lock().expect("no panic"))
        };
        // The first has the handshake before it, and is a miss.
        drop(lengths("/small"));
        assert_eq!(lengths("/small").len(), 1, "{protocol}: head and body");
        drop(lengths("/large"));
        let large = lengths("/large");
        let few = large.iter().filter(|length| **length < 1000).count();
        assert!(large.len() <= 6 && few <= 2, "{protocol}: {large:?}");
    }
}
