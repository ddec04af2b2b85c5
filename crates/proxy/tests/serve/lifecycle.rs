//! Start, reload, drain, end.

use larder_config::{AccessLog, UpstreamUrl};
use larder_policy::Scheme;
use larder_proxy::{Server, StartError};
use larder_testkit::{Client, Origin, Script, Signal};

use crate::{admin, config, connect, eventually, serve, start};

fn page(text: &'static str) -> Origin {
    Origin::answering(move |_| Script::answer("200 OK", "Cache-Control: no-store\r\n", text))
}

fn url(origin: &Origin) -> UpstreamUrl {
    UpstreamUrl {
        scheme: Scheme::Http,
        host: origin.addr().ip().to_string(),
        port: origin.addr().port(),
    }
}

#[test]
fn a_port_in_use_is_one_line() {
    let origin = page("page");
    let server = serve(&origin);
    let mut second = config(&origin);
    second.listen = server.addresses().to_vec();
    let error = Server::start(second).expect_err("the port is taken");
    assert!(matches!(error, StartError::Listen { .. }));
    let line = error.to_string();
    assert!(line.starts_with("cannot listen on 127.0.0.1:") && !line.contains('\n'), "{line}");
}

#[test]
fn an_application_without_an_address_is_one_line() {
    let mut config = config(&page("page"));
    config.upstreams = vec![UpstreamUrl {
        scheme: Scheme::Http,
        host: "no-such-host.invalid".to_owned(),
        port: 80,
    }];
    let line = Server::start(config).expect_err("no address").to_string();
    assert!(line.contains("no-such-host.invalid") && !line.contains('\n'), "{line}");
}

#[test]
fn it_is_ready_at_once() {
    let origin = page("page");
    let server = Server::start(config(&origin)).expect("a server");
    assert_eq!(admin(&server, "/readyz").0, 200);
    assert_eq!(connect(&server).get("/").text(), "page");
}

#[test]
fn a_drain_finishes_what_is_in_progress_and_takes_no_more() {
    let go = Signal::new();
    let held = go.clone();
    let origin = Origin::answering(move |_| {
        Script::new()
            .send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")
            .wait(&held)
            .send(", end")
    });
    let server = serve(&origin);
    let address = server.addresses()[0];
    let mut idle = connect(&server);
    let mut busy = connect(&server);
    busy.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let head = busy.read_head().expect("a head");
    assert_eq!(head.status, 200);
    server.drain();
    assert_eq!(admin(&server, "/readyz").0, 503);
    assert_eq!(admin(&server, "/healthz").0, 200);
    assert!(idle.is_closed(), "nothing was in progress there");
    assert!(!server.is_over());
    eventually("nobody listens", || std::net::TcpStream::connect(address).is_err());
    go.fire();
    assert_eq!(busy.read_body(10).expect("whole"), b"first, end");
    assert!(busy.is_closed());
    eventually("over", || server.is_over());
    server.shutdown();
}

#[test]
fn a_drain_ends_when_its_time_is_over() {
    let never = Signal::new();
    let held = never.clone();
    let origin = Origin::answering(move |_| Script::new().wait(&held));
    let server = start(&origin, |config| config.timeouts.drain = crate::SHORT);
    let mut busy = connect(&server);
    busy.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let _requests = origin.wait_for_requests(1);
    server.shutdown();
    assert!(busy.try_read_response().is_err());
    never.fire();
}

#[test]
fn a_new_configuration_holds_for_open_connections_and_keeps_the_cache() {
    let old = Origin::answering(|request| {
        let caching = if request.path() == "/kept" { "max-age=60" } else { "no-store" };
        Script::answer("200 OK", &format!("Cache-Control: {caching}\r\n"), "old")
    });
    let new = page("new");
    let server = serve(&old);
    let mut client = connect(&server);
    assert_eq!(client.get("/").text(), "old");
    assert_eq!(client.get("/kept").text(), "old");
    let mut changed = config(&old);
    changed.listen = server.addresses().to_vec();
    changed.admin = server.admin_address();
    changed.upstreams = vec![url(&new)];
    changed.timeouts.idle = crate::SHORT;
    let waiting = server.apply(changed).expect("applied");
    assert_eq!(waiting, ["listen.http", "admin.listen"], "they were port 0 before");
    assert_eq!(client.get("/").text(), "new");
    assert_eq!(client.get("/kept").text(), "old");
    assert!(client.is_closed(), "the new idle limit holds for it");
    let metrics = admin(&server, "/metrics").1;
    assert!(metrics.contains("larder_config_generation 2\n"), "{metrics}");
    assert!(metrics.contains("larder_config_reloads_total{result=\"applied\"} 1\n"));
}

#[test]
fn a_configuration_that_can_not_be_applied_changes_nothing() {
    let old = page("old");
    let server = serve(&old);
    let mut bad_log = config(&old);
    bad_log.upstreams = vec![url(&page("new"))];
    bad_log.log.access = AccessLog::Json;
    bad_log.log.path = Some("/nonexistent/folder/access.log".into());
    assert!(server.apply(bad_log).is_err());
    let mut bad_name = config(&old);
    bad_name.upstreams = vec![UpstreamUrl {
        scheme: Scheme::Http,
        host: "no-such-host.invalid".to_owned(),
        port: 80,
    }];
    assert!(server.apply(bad_name).is_err());
    assert_eq!(connect(&server).get("/").text(), "old");
}

#[test]
fn the_admin_listener_answers_what_it_knows() {
    let origin = page("page");
    let server = serve(&origin);
    assert_eq!(admin(&server, "/healthz"), (200, "alive\n".to_owned()));
    assert_eq!(admin(&server, "/nothing").0, 404);
    let mut client = Client::connect(server.admin_address().expect("an admin listener"));
    let response = client.request("POST", "/healthz", "Content-Length: 0\r\n");
    assert_eq!((response.status(), response.field("allow")), (405, Some("GET, HEAD")));
}
