//! Several targets: who is asked, who is left out, and what is counted.

use std::time::Duration;

use http_body_util::BodyExt;
use tokio::net::TcpListener;

use super::{Reason, Server, Settings, call, get, post, reason, text};
use crate::{Balancer, Target, Upstream};

/// A port that nobody listens on.
async fn refusing() -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    Target::new("127.0.0.1", listener.local_addr().unwrap().port())
}

#[tokio::test(start_paused = true)]
async fn a_refused_connection_is_a_502_that_names_the_target() {
    let target = refusing().await;
    let balancer = Balancer::resolve([target.clone()]).await.unwrap();
    let upstream = Upstream::new(balancer.clone(), Settings::default());
    let error = call(&upstream, get("/")).await.unwrap_err();
    assert_eq!(error.reason(), Reason::ConnectFailed);
    assert_eq!(error.status(), 502);
    assert_eq!(error.target(), Some(&target));
    assert!(error.to_string().contains(&target.to_string()), "{error}");
    let counted = &balancer.statistics()[0];
    assert_eq!((counted.requests, counted.failures, counted.in_flight), (1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn an_unresolvable_name_is_told_at_the_start() {
    let targets = [Target::new("127.0.0.1", 1), Target::new("no-such-host.invalid", 80)];
    let error = Balancer::resolve(targets).await.unwrap_err();
    assert_eq!(error.reason(), Reason::NoUpstream);
    let line = error.to_string();
    assert!(line.contains("no-such-host.invalid:80") && !line.contains('\n'), "{line}");
}

#[tokio::test(start_paused = true)]
async fn no_target_at_all_is_said_so() {
    let upstream = Upstream::new(Balancer::resolve([]).await.unwrap(), Settings::default());
    assert_eq!(reason(call(&upstream, get("/")).await), Reason::NoUpstream);
}

#[tokio::test(start_paused = true)]
async fn a_request_goes_elsewhere_when_nobody_listens_even_a_post() {
    let server = Server::start().await;
    let targets = [refusing().await, server.target()];
    let balancer = Balancer::resolve(targets).await.unwrap();
    let settings = Settings { eject_after: 3, ..Settings::default() };
    let upstream = Upstream::new(balancer.clone(), settings);
    for n in 0..30 {
        let (answer, ()) = tokio::join!(call(&upstream, post("x")), async {
            let mut peer = server.accept().await;
            peer.head().await;
            peer.bytes(1).await;
            peer.send("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok").await;
        });
        assert_eq!(text(answer).await, "ok", "request {n}");
    }
    let counted = balancer.statistics();
    assert!(counted[0].ejected && !counted[1].ejected, "{counted:?}");
    assert_eq!(counted[0].failures, 3, "asked no more once it was ejected");
    assert_eq!(counted[1].failures, 0);
    assert_eq!(counted[1].requests, 30);
}

#[tokio::test(start_paused = true)]
async fn an_ejected_target_is_taken_back_by_one_good_request() {
    let (port_kept, other) = (Server::start().await, Server::start().await);
    let target = port_kept.target();
    let balancer = Balancer::resolve([target.clone(), other.target()]).await.unwrap();
    let settings = Settings { eject_after: 1, idle_max: 0, ..Settings::default() };
    let upstream = Upstream::new(balancer.clone(), settings);
    drop(port_kept);
    let serve_other = async {
        loop {
            other.accept().await.answer("other").await;
        }
    };
    tokio::pin!(serve_other);
    for _ in 0..20 {
        tokio::select! {
            answer = call(&upstream, get("/")) => assert_eq!(text(answer).await, "other"),
            () = &mut serve_other => {}
        }
    }
    assert!(balancer.statistics()[0].ejected);
    let back = Server::at(target.port).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let (answer, _) =
        tokio::join!(call(&upstream, get("/")), async { back.accept().await.answer("back").await });
    assert_eq!(text(answer).await, "back");
    assert!(!balancer.statistics()[0].ejected);
}

#[tokio::test(start_paused = true)]
async fn a_full_application_is_a_503_and_places_are_given_back() {
    let server = Server::start().await;
    let settings = Settings { connections_max: 1, ..Settings::default() };
    let balancer = Balancer::resolve([server.target()]).await.unwrap();
    let upstream = Upstream::new(balancer.clone(), settings);
    let (answer, mut peer) = tokio::join!(call(&upstream, get("/")), async {
        let mut peer = server.accept().await;
        peer.head().await;
        peer.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\na").await;
        peer
    });
    let mut body = answer.unwrap().into_body();
    assert_eq!(balancer.statistics()[0].in_flight, 1);
    let error = call(&upstream, get("/")).await.unwrap_err();
    assert_eq!(error.reason(), Reason::UpstreamTooBusy);
    assert_eq!(error.status(), 503);
    peer.send("b").await;
    while let Some(frame) = body.frame().await {
        frame.unwrap();
    }
    assert_eq!(balancer.statistics()[0].in_flight, 0);
    let (answer, _) = tokio::join!(call(&upstream, get("/")), peer.answer("next"));
    assert_eq!(text(answer).await, "next");
}

#[tokio::test(start_paused = true)]
async fn a_response_that_is_left_gives_its_place_back() {
    let server = Server::start().await;
    let balancer = Balancer::resolve([server.target()]).await.unwrap();
    let upstream = Upstream::new(balancer.clone(), Settings::default());
    let (answer, mut peer) = tokio::join!(call(&upstream, get("/")), async {
        let mut peer = server.accept().await;
        peer.head().await;
        peer.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\na").await;
        peer
    });
    drop(answer.unwrap());
    assert_eq!(balancer.statistics()[0].in_flight, 0);
    assert!(peer.is_closed().await);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_moves_leaves_its_old_connections_behind() {
    let (old, new) = (Server::start().await, Server::start().await);
    let balancer = Balancer::resolve([old.target()]).await.unwrap();
    let upstream = Upstream::new(balancer.clone(), Settings::default());
    let mut peer = super::warm_up(&old, &upstream).await;
    // The same answer of the name server changes nothing.
    balancer.resolve_again().await;
    let (answer, _) = tokio::join!(call(&upstream, get("/")), peer.answer("same"));
    assert_eq!(text(answer).await, "same");
    balancer.backend(0).move_to([new.address()].into());
    let (answer, _) =
        tokio::join!(call(&upstream, get("/")), async { new.accept().await.answer("moved").await });
    assert_eq!(text(answer).await, "moved");
}

#[tokio::test(start_paused = true)]
async fn every_address_of_a_target_is_tried_and_the_good_one_remembered() {
    let server = Server::start().await;
    let bad = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let good = server.address();
    let balancer = Balancer::resolve([server.target()]).await.unwrap();
    balancer.backend(0).move_to([bad, good].into());
    let upstream = Upstream::new(balancer.clone(), Settings { idle_max: 0, ..Settings::default() });
    assert_eq!(balancer.backend(0).addresses().1, 0);
    for _ in 0..2 {
        let (answer, _) = tokio::join!(call(&upstream, get("/")), async {
            server.accept().await.answer("good").await
        });
        assert_eq!(text(answer).await, "good");
        assert_eq!(balancer.backend(0).addresses().1, 1);
    }
}
