//! The built command between real sockets: what a visitor and an application see of the cache.
//!
//! No sleeps: peers are held by signals, and where the wall clock has to pass a request is repeated
//! until the expected answer comes, no longer than the tests' patience.
#![expect(clippy::tests_outside_test_module, reason = "this file is nothing but tests")]

mod balancing;
mod bodies;
mod collapse;
mod freshness;
mod ranges;
mod refusals;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use larder_testkit::{Client, Larder, Origin, PATIENCE, Received, Response, Script, address_after};

fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_larder"))
}

/// Larder in front of `origin`.
fn serve(origin: &Origin) -> Larder {
    serve_with(origin, &[])
}

fn serve_with(origin: &Origin, more: &[&str]) -> Larder {
    Larder::serve(binary(), &origin.url(), more)
}

fn connect(larder: &Larder) -> Client {
    Client::connect(larder.addr())
}

/// Where it shows its metrics, when it was started with `--admin 127.0.0.1:0`.
fn admin(larder: &mut Larder) -> SocketAddr {
    let text = "health and metrics on ";
    address_after(&larder.wait_for_line(text), text).expect("an address")
}

/// An application that answers by the number of the request for that path, counted from 0.
fn numbered(answer: impl Fn(&Received, usize) -> Script + Send + Sync + 'static) -> Origin {
    let asked = AtomicUsize::new(0);
    Origin::answering(move |request| answer(request, asked.fetch_add(1, Ordering::SeqCst)))
}

/// Repeats `ask` until its answer is as wanted.
#[track_caller]
fn until(
    what: &str,
    mut ask: impl FnMut() -> Response,
    wanted: impl Fn(&Response) -> bool,
) -> Response {
    let begun = Instant::now();
    loop {
        let response = ask();
        if wanted(&response) {
            return response;
        }
        let told = response.cache_status();
        assert!(begun.elapsed() < PATIENCE, "never {what}, but {} {told}", response.status());
    }
}

fn is_hit(response: &Response) -> bool {
    response.cache_status().starts_with("larder; hit")
}

#[track_caller]
fn assert_hit(response: &Response) {
    assert!(is_hit(response), "{} {}", response.status(), response.cache_status());
}
