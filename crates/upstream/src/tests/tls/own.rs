//! What TLS adds: whom to believe, ends that are announced, and bytes that are no answer.

use std::sync::Arc;
use std::time::Duration;

use larder_testkit::tls::{ALL_VERSIONS, Authority, Identity, PemFile, Valid};
use larder_tls::client::{ClientTls, Trust};
use rustls::server::WebPkiClientVerifier;
use rustls::{HandshakeKind, RootCertStore, ServerConfig, version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use super::super::{Inside, Line, NAME, flush};
use super::{Peer, Reason, Server, Settings, broken_body, call, get, post, reason, text, warm_up};
use crate::{Balancer, Upstream};

async fn serving(config: ServerConfig, trust: &Trust, name: &str) -> Server {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    Server::with(0, Some(Inside::of(acceptor, ClientTls::new(trust).unwrap(), name))).await
}

/// What becomes of one request, whether the server likes it or not.
async fn outcome(server: &Server) -> Result<String, Reason> {
    let upstream = server.upstream().await;
    let (answer, _peer) = tokio::join!(call(&upstream, get("/")), async {
        let stream = server.accept_tcp().await;
        let stream = server.inside.as_ref().unwrap().acceptor.accept(stream).await.ok()?;
        let mut peer = Peer { stream: Line::Tls(Box::new(stream)), unread: Vec::new() };
        // In TLS 1.3 the server is done before it is refused.
        while !peer.unread.ends_with(b"\r\n\r\n") {
            peer.stream.read_buf(&mut peer.unread).await.ok().filter(|count| *count > 0)?;
        }
        peer.send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood").await;
        Some(peer)
    });
    match answer {
        Ok(answer) => Ok(text(Ok(answer)).await),
        Err(error) => {
            assert_eq!(error.status(), 502);
            Err(error.reason())
        }
    }
}

fn only(file: &PemFile) -> Trust {
    Trust::Only(file.path().to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_certificate_is_taken_if_all_of_it_is_right() {
    use Reason::CertificateWrongName as WrongName;
    use Reason::{CertificateExpired as Expired, CertificateUntrusted as Untrusted};
    let (ours, other) = (Authority::new(), Authority::new());
    let by_ours = Trust::Only(ours.file().to_owned());
    let by_other = Trust::Only(other.file().to_owned());
    let good = ours.certify(&[NAME], Valid::Now);
    let wild = ours.certify(&["*.app.example"], Valid::Now);
    let addressed = ours.certify(&["127.0.0.1", "::1"], Valid::Now);
    let old = ours.certify(&[NAME], Valid::Before);
    let early = ours.certify(&[NAME], Valid::Later);
    let own = Identity::self_signed(&[NAME], Valid::Now);
    let own_old = Identity::self_signed(&[NAME], Valid::Before);
    let own_early = Identity::self_signed(&[NAME], Valid::Later);
    let (own_file, own_old_file, own_early_file) = (own.file(), own_old.file(), own_early.file());
    let cases = [
        ("by its authority", &good, &by_ours, NAME, None),
        ("with a dot", &good, &by_ours, "app.example.", None),
        ("a wildcard", &wild, &by_ours, "one.app.example", None),
        ("a wildcard is one label", &wild, &by_ours, "a.one.app.example", Some(WrongName)),
        ("by another authority", &good, &by_other, NAME, Some(Untrusted)),
        ("by none of the machine's", &good, &Trust::System, NAME, Some(Untrusted)),
        ("another name", &good, &by_ours, "other.example", Some(WrongName)),
        ("a name above", &good, &by_ours, "example", Some(WrongName)),
        ("an address in it", &addressed, &by_ours, "127.0.0.1", None),
        ("an address of version 6 in it", &addressed, &by_ours, "::1", None),
        ("an address not in it", &addressed, &by_ours, "127.0.0.2", Some(WrongName)),
        ("a name, asked by address", &good, &by_ours, "127.0.0.1", Some(WrongName)),
        ("too old", &old, &by_ours, NAME, Some(Expired)),
        ("too young", &early, &by_ours, NAME, Some(Expired)),
        ("its own, unknown", &own, &by_ours, NAME, Some(Untrusted)),
        ("its own, known", &own, &only(&own_file), NAME, None),
        ("its own, known, another name", &own, &only(&own_file), "other.example", Some(WrongName)),
        ("its own, known, too old", &own_old, &only(&own_old_file), NAME, Some(Expired)),
        ("its own, known, too young", &own_early, &only(&own_early_file), NAME, Some(Expired)),
        ("another's own", &own, &only(&own_old_file), NAME, Some(Untrusted)),
        ("anybody's", &own, &Trust::Anybody, NAME, None),
        ("anybody's, too old", &own_old, &Trust::Anybody, NAME, None),
        ("anybody's, another name", &own, &Trust::Anybody, "127.0.0.1", None),
    ];
    for (case, identity, trust, name, wrong) in cases {
        if *trust == Trust::System && ClientTls::new(trust).is_err() {
            // A machine that trusts nobody, of which the command's tests have more.
            continue;
        }
        for versions in [[&version::TLS12], [&version::TLS13]] {
            let server = serving(identity.server(&versions), trust, name).await;
            let expected = wrong.map_or_else(|| Ok("good".to_owned()), Err);
            assert_eq!(outcome(&server).await, expected, "{case}, {versions:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_name_is_asked_for_and_an_address_is_not() {
    let authority = Authority::new();
    let trust = Trust::Only(authority.file().to_owned());
    for (name, sent) in [(NAME, Some(NAME)), ("127.0.0.1", None)] {
        let server =
            serving(authority.certify(&[name], Valid::Now).server(ALL_VERSIONS), &trust, name)
                .await;
        let peer = warm_up(&server, &server.upstream().await).await;
        let Line::Tls(stream) = &peer.stream else { panic!("no TLS") };
        assert_eq!(stream.get_ref().1.server_name(), sent);
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_is_taken_up_again() {
    for versions in [[&version::TLS12], [&version::TLS13]] {
        let authority = Authority::new();
        let trust = Trust::Only(authority.file().to_owned());
        let config = authority.certify(&[NAME], Valid::Now).server(&versions);
        let server = serving(config, &trust, NAME).await;
        let upstream = server.upstream().await;
        for expected in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let peer = warm_up(&server, &upstream).await;
            let Line::Tls(stream) = &peer.stream else { panic!("no TLS") };
            assert_eq!(stream.get_ref().1.handshake_kind(), Some(expected), "{versions:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_speaks_no_tls_is_no_application() {
    let http = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
    for said in [http, "", "\u{16}\u{3}\u{3}"] {
        let server = Server::start().await;
        let upstream = server.upstream().await;
        let (answer, ()) = tokio::join!(call(&upstream, get("/")), async {
            let mut stream = server.accept_tcp().await;
            stream.read_buf(&mut Vec::new()).await.unwrap();
            stream.write_all(said.as_bytes()).await.unwrap();
        });
        assert_eq!(reason(answer), Reason::TlsFailed, "{said:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_handshake_has_to_be_done_when_the_connection_has_to_be() {
    let server = Server::start().await;
    let connect = Duration::from_secs(3);
    let upstream = server.upstream_with(Settings { connect, ..Settings::default() }).await;
    let begun = Instant::now();
    let (answer, _silent) = tokio::join!(call(&upstream, get("/")), server.accept_tcp());
    assert_eq!(reason(answer), Reason::ConnectTimeout);
    let took = begun.elapsed();
    assert!(took >= connect && took < connect + Duration::from_secs(1), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_client_without_a_certificate_is_told_after_the_handshake() {
    let authority = Authority::new();
    let trust = Trust::Only(authority.file().to_owned());
    let mut roots = RootCertStore::empty();
    let file = std::fs::read(authority.file()).unwrap();
    let pem = rustls::pki_types::pem::PemObject::from_pem_slice(&file).unwrap();
    roots.add(pem).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
    for versions in [[&version::TLS12], [&version::TLS13]] {
        let identity = authority.certify(&[NAME], Valid::Now);
        let config = identity.server_for(&versions, Arc::clone(&verifier));
        let server = serving(config, &trust, NAME).await;
        assert_eq!(outcome(&server).await, Err(Reason::TlsFailed), "{versions:?}");
        let upstream = server.upstream().await;
        let (answer, _) = tokio::join!(call(&upstream, post("body")), async {
            let stream = server.accept_tcp().await;
            server.inside.as_ref().unwrap().acceptor.accept(stream).await.err()
        });
        assert_eq!(reason(answer), Reason::TlsFailed, "{versions:?}, with a body");
    }
}

#[tokio::test(start_paused = true)]
async fn what_tls_says_to_itself_does_not_end_a_connection_at_rest() {
    let authority = Authority::new();
    let trust = Trust::Only(authority.file().to_owned());
    let config = authority.certify(&[NAME], Valid::Now).server(&[&version::TLS13]);
    let server = serving(config, &trust, NAME).await;
    let upstream = server.upstream().await;
    let mut peer = warm_up(&server, &upstream).await;
    for n in 0..3 {
        // New keys: like a late ticket, a message on the connection that is none inside it.
        let Line::Tls(stream) = &mut peer.stream else { panic!("no TLS") };
        let (tcp, session) = stream.get_mut();
        session.refresh_traffic_keys().unwrap();
        flush(tcp, session);
        if n == 0 {
            let (answer, _) = tokio::join!(call(&upstream, post("body")), async {
                peer.answer("same").await;
                peer.bytes(4).await
            });
            assert_eq!(text(answer).await, "same");
        } else {
            let (answer, _) = tokio::join!(call(&upstream, get("/")), peer.answer("same"));
            assert_eq!(text(answer).await, "same", "request {n}");
        }
    }
    server.nobody_comes().await;
}

#[tokio::test(start_paused = true)]
async fn an_end_at_rest_costs_nothing_announced_or_not() {
    for announced in [true, false] {
        for with_body in [true, false] {
            let server = Server::start().await;
            let upstream = server.upstream().await;
            let old = warm_up(&server, &upstream).await;
            if announced {
                drop(old);
            } else {
                old.cut();
            }
            let next = async { server.accept().await.answer("new").await };
            let answer = if with_body {
                tokio::join!(call(&upstream, post("body")), next).0
            } else {
                tokio::join!(call(&upstream, get("/")), next).0
            };
            assert_eq!(text(answer).await, "new", "{announced} {with_body}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_announced_end_is_one_though_the_connection_below_stays_open() {
    let server = Server::start().await;
    let upstream = server.upstream().await;
    let mut old = warm_up(&server, &upstream).await;
    let Line::Tls(stream) = &mut old.stream else { panic!("no TLS") };
    let (tcp, session) = stream.get_mut();
    session.send_close_notify();
    flush(tcp, session);
    let (answer, _) = tokio::join!(call(&upstream, get("/")), async {
        server.accept().await.answer("new").await
    });
    assert_eq!(text(answer).await, "new");
    assert!(old.is_closed().await);
}

#[tokio::test(start_paused = true)]
async fn a_get_is_repeated_when_its_connection_ends_unannounced_under_it() {
    let server = Server::start().await;
    let upstream = server.upstream().await;
    let mut old = warm_up(&server, &upstream).await;
    let (answer, _) = tokio::join!(call(&upstream, get("/")), async {
        old.head().await;
        old.cut();
        server.accept().await.answer("new").await
    });
    assert_eq!(text(answer).await, "new");
}

#[tokio::test(start_paused = true)]
async fn bytes_that_are_not_of_the_session_end_the_connection() {
    let server = Server::start().await;
    let upstream = server.upstream().await;
    let old = warm_up(&server, &upstream).await;
    let evil = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil";
    old.stream.tcp().try_write(evil).unwrap();
    let (answer, _) = tokio::join!(call(&upstream, get("/")), async {
        server.accept().await.answer("new").await
    });
    assert_eq!(text(answer).await, "new");

    let mut old = warm_up(&server, &upstream).await;
    let (answer, ()) = tokio::join!(call(&upstream, post("")), async {
        old.head().await;
        old.stream.tcp().try_write(evil).unwrap();
    });
    assert_eq!(reason(answer), Reason::TlsFailed);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_ends_with_its_connection_has_to_be_ended_inside_tls() {
    // RFC 9112 §9.8: an end that was not announced may be somebody's who cut it off.
    for head in ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\n"] {
        for announced in [true, false] {
            let server = Server::start().await;
            let upstream = server.upstream().await;
            let (answer, ()) = tokio::join!(call(&upstream, get("/")), async {
                let mut peer = server.accept().await;
                peer.head().await;
                peer.send(format!("{head}one two")).await;
                if announced { drop(peer) } else { peer.cut() }
            });
            if announced {
                assert_eq!(text(answer).await, "one two", "{head}");
            } else {
                assert_eq!(broken_body(answer).await, Reason::ClosedEarly, "{head}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_of_known_length_needs_no_announcement() {
    for body in
        ["content-length: 3\r\n\r\nabc", "transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"]
    {
        let server = Server::start().await;
        let upstream = server.upstream().await;
        let (answer, ()) = tokio::join!(call(&upstream, get("/")), async {
            let mut peer = server.accept().await;
            peer.head().await;
            peer.send(format!("HTTP/1.1 200 OK\r\n{body}")).await;
            peer.cut();
        });
        assert_eq!(text(answer).await, "abc", "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn that_one_address_shows_a_bad_certificate_tells_more_than_that_another_is_dead() {
    let authority = Authority::new();
    let other = Authority::new();
    let config = authority.certify(&[NAME], Valid::Now).server(ALL_VERSIONS);
    let server = serving(config, &Trust::Only(other.file().to_owned()), NAME).await;
    let dead = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let balancer = Balancer::resolve([server.target()]).await.unwrap();
    balancer.backend(0).move_to([server.address(), dead].into());
    let upstream = Upstream::new(balancer, Settings::default());
    let (answer, _) = tokio::join!(call(&upstream, get("/")), async {
        let stream = server.accept_tcp().await;
        server.inside.as_ref().unwrap().acceptor.accept(stream).await.err()
    });
    assert_eq!(reason(answer), Reason::CertificateUntrusted);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_cut_off_is_not_asked_for_again() {
    for piece in [
        "H",
        "HTTP/1.1 200 OK\r\ncontent-le",
        "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\na",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ] {
        let server = Server::start().await;
        let upstream = server.upstream().await;
        let mut peer = warm_up(&server, &upstream).await;
        let (answer, ()) = tokio::join!(call(&upstream, get("/")), async {
            peer.head().await;
            peer.send(piece).await;
            peer.cut();
            server.nobody_comes().await;
        });
        let failed = match answer {
            Ok(answer) => broken_body(Ok(answer)).await,
            Err(error) => reason(Err(error)),
        };
        assert_eq!(failed, Reason::ClosedEarly, "{piece}");
    }
}
