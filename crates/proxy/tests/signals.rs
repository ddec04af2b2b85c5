//! What signals do to a running server. One test: signals are for the whole process.

#![expect(clippy::tests_outside_test_module, reason = "this file is nothing but tests")]

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

use larder_config::Config;
use larder_proxy::run_with;
use larder_testkit::{Client, Origin, Script, Signal};

fn send(name: &str) {
    let sent = Command::new("kill").args(["-s", name, &std::process::id().to_string()]).status();
    assert!(sent.expect("kill").success());
}

#[test]
fn hup_reloads_or_keeps_the_old_and_term_drains() {
    let go = Signal::new();
    let held = go.clone();
    let old = Origin::answering(|_| Script::answer("200 OK", "Cache-Control: no-store\r\n", "old"));
    let new = Origin::answering(move |request| {
        let script = Script::new();
        let script = if request.path() == "/slow" { script.wait(&held) } else { script };
        script.respond("200 OK", "Cache-Control: no-store\r\n", "new")
    });
    let text = |url: &str| {
        format!(
            "upstream = '{url}'\n[listen]\nhttp = '127.0.0.1:0'\n[admin]\nlisten = '127.0.0.1:0'\n"
        )
    };
    let first = Config::from_toml("larder.toml", &text(&old.url())).expect("good");
    let files = ["upstream = 7".to_owned(), text(&new.url())];
    let reads = Arc::new(AtomicUsize::new(0));
    let (ready, addresses) = mpsc::channel();
    let server = std::thread::spawn({
        let reads = Arc::clone(&reads);
        move || {
            let reload = move || {
                let file = &files[reads.fetch_add(1, Ordering::SeqCst).min(1)];
                Config::from_toml("larder.toml", file)
            };
            run_with(first, reload, |server| {
                let admin = server.admin_address().expect("an admin listener");
                ready.send((server.addresses()[0], admin)).expect("received");
            })
        }
    });
    let (address, admin) = addresses.recv().expect("started");
    let metric = |line: &str| Client::connect(admin).get("/metrics").text().contains(line);
    let mut client = Client::connect(address);
    assert_eq!(client.get("/").text(), "old");

    send("HUP");
    while !metric("larder_config_reloads_total{result=\"refused\"} 1\n") {
        std::thread::yield_now();
    }
    assert_eq!(client.get("/").text(), "old", "a bad file changes nothing");

    send("HUP");
    while !metric("larder_config_reloads_total{result=\"applied\"} 1\n") {
        std::thread::yield_now();
    }
    assert_eq!(client.get("/").text(), "new");

    client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    let _requests = new.wait_for_requests(2);
    send("TERM");
    while Client::connect(admin).get("/readyz").status() != 503 {
        std::thread::yield_now();
    }
    go.fire();
    assert_eq!(client.read_response().text(), "new", "what is in progress ends");
    assert!(client.is_closed());
    server.join().expect("no panic").expect("started");
}
