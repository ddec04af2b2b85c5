//! A whole server over real sockets, raw bytes on both sides.

#![expect(clippy::tests_outside_test_module, reason = "this file is nothing but tests")]
#![expect(clippy::panic, reason = "a server that can't be started is a failed test")]

mod arrivals;
mod explained;
mod fields;
mod floods;
mod hostile;
mod http1;
mod http2;
mod interim;
mod lifecycle;
mod limits;
mod observed;
mod proxied;
mod published;
mod purging;
mod purging_admin;
mod refusals;
mod ruled;
mod secure;
mod smuggling;
mod tls;
mod tls_records;
mod upstream_tls;
mod warming;

use std::time::{Duration, Instant};

use larder_config::Config;
use larder_proxy::Server;
use larder_testkit::{Client, Origin, PATIENCE};

/// A configuration for `origin` on ports the kernel chooses.
fn config(origin: &Origin) -> Config {
    let text = format!(
        "upstream = '{}'\n[listen]\nhttp = '127.0.0.1:0'\nworkers = 2\n[admin]\nlisten = '127.0.0.1:0'\n",
        origin.url()
    );
    Config::from_toml("larder.toml", &text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn start(origin: &Origin, change: impl FnOnce(&mut Config)) -> Server {
    let mut config = config(origin);
    change(&mut config);
    Server::start(config).expect("a server")
}

fn serve(origin: &Origin) -> Server {
    start(origin, |_| {})
}

fn connect(server: &Server) -> Client {
    Client::connect(server.addresses()[0])
}

/// An admin page: status and text.
fn admin(server: &Server, path: &str) -> (u16, String) {
    let mut client = Client::connect(server.admin_address().expect("an admin listener"));
    let response = client.get(path);
    (response.status(), response.text())
}

/// Waits for what other threads are just doing.
fn eventually(what: &str, done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "never: {what}");
        std::thread::yield_now();
    }
}

const SHORT: Duration = Duration::from_millis(150);
