//! Pages in a real Memcached, remembered in SQLite: laid down, and gone when a purge is answered; and what happens when
//! Memcached does not answer.
//!
//! Where no Memcached is installed these tests have nothing to try.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Instant;

use larder_config::{Config, ConfigBuilder};
use larder_proxy::Server;
use larder_testkit::{Client, Memcached, Origin, PATIENCE, Script};
use serde_json::{Value, json};

use crate::purging_admin::TOKEN;
use crate::{admin, connect};

const RULES: &str = "
[[rule]]
path = '/skipped'
audience = 'all-users'
ttl = '10m'
[[rule]]
path = '/*'
audience = 'all-users'
ttl = '10m'
ignore_query = ['utm']
publish = 'nginx'
identifier = 'shop'
[purge]
allow = ['127.0.0.1']
";

pub(crate) struct Site {
    origin: Origin,
    folder: tempfile::TempDir,
    pub(crate) memcached: Memcached,
    lookup: String,
}

impl Site {
    /// `None`: there is no Memcached to try it with.
    pub(crate) fn new(lookup: &str) -> Option<Self> {
        let html = |tags: &str, more: &str| {
            let fields = format!(
                "Content-Type: text/html; charset=utf-8\r\nSurrogate-Key: {tags}\r\n{more}"
            );
            Script::answer("200 OK", &fields, "page")
        };
        let origin = Origin::paths([
            ("/a", html("one all", "")),
            ("/a/b", html("two all", "Cache-Groups: \"g\"\r\n")),
            ("/c", html("all", "")),
            ("/skipped", html("all", "")),
            (
                "/change",
                Script::answer("204 No Content", "Cache-Group-Invalidation: \"g\"\r\n", ""),
            ),
        ]);
        let folder = tempfile::tempdir().expect("a folder");
        Some(Self { origin, folder, memcached: Memcached::start(&[])?, lookup: lookup.to_owned() })
    }

    fn config(&self) -> Config {
        let text = format!(
            "upstream = '{}'\nlookup = '{}'\nadmin.listen = '127.0.0.1:0'\nadmin.token = 'env:TOKEN'\n\
             [publish.memcached]\nservers = '{}'\n{RULES}\n[listen]\nhttp = '127.0.0.1:0'\nworkers = 2\n",
            self.origin.url(),
            self.lookup,
            self.memcached.address(),
        );
        let name = self.folder.path().join("larder.toml").display().to_string();
        let builder = ConfigBuilder::new().file(name, text);
        let builder = builder.secrets(|_| Ok(TOKEN.as_bytes().to_vec()));
        builder.build().unwrap_or_else(|problems| panic!("{problems}"))
    }

    pub(crate) fn start(&self) -> Server {
        Server::start(self.config()).expect("a server")
    }

    /// What nginx would find for a target.
    pub(crate) fn lies(&self, target: &str) -> bool {
        let mut socket = TcpStream::connect(self.memcached.address()).expect("Memcached");
        write!(socket, "get larder:http://site.test{target}\r\n").expect("sent");
        let mut reader = BufReader::new(socket);
        let mut line = String::new();
        reader.read_line(&mut line).expect("an answer");
        if line == "END\r\n" {
            return false;
        }
        let mut body = [0; 4];
        reader.read_exact(&mut body).expect("the page");
        assert_eq!((line.split(' ').nth(2), &body), (Some("0"), b"page"), "{line}");
        true
    }
}

pub(crate) fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        std::thread::yield_now();
    }
}

pub(crate) fn order(server: &Server, body: &Value) -> (u16, Value) {
    post(server, "/purge", body)
}

fn post(server: &Server, path: &str, body: &Value) -> (u16, Value) {
    let mut client = Client::connect(server.admin_address().expect("an admin listener"));
    let body = body.to_string();
    client.send(format!(
        "POST {path} HTTP/1.1\r\nHost: admin\r\nAuthorization: Bearer {TOKEN}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    let response = client.read_response();
    let answer = serde_json::from_str(&response.text()).expect("JSON");
    (response.status(), answer)
}

const ALL: [&str; 3] = ["/a", "/a/b", "/c"];

/// Has pages fetched and waits until they lie there.
pub(crate) fn publish(site: &Site, server: &Server, targets: &[&str]) {
    for target in targets {
        assert_eq!(connect(server).get(target).status(), 200);
    }
    for target in targets {
        until(target, || site.lies(target));
    }
}

#[test]
fn pages_that_are_fetched_in_advance_are_published_before_the_answer() {
    let Some(site) = Site::new("sqlite:pages.db") else { return };
    let server = site.start();
    let urls: Vec<_> = ["/a", "/skipped"].map(|target| format!("http://site.test{target}")).into();
    let (status, answer) = post(&server, "/warm", &json!({ "urls": urls, "publish": true }));
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["pages"][0]["published"], true, "{answer}");
    assert!(site.lies("/a"));
    assert_eq!(answer["pages"][1]["stored"], true);
    assert_eq!(answer["pages"][1]["published"], false);
    assert!(answer["pages"][1]["unpublished"].is_string(), "{answer}");
    assert!(!site.lies("/skipped"));
}

#[test]
fn every_purge_has_published_pages_gone_when_it_is_answered() {
    let Some(site) = Site::new("sqlite:pages.db") else { return };
    let server = site.start();
    let cases = [
        (json!({"url": "http://site.test/a"}), &["/a"][..]),
        (json!({"url": "https://site.test/a?utm=1", "query": "exact"}), &["/a"]),
        (json!({"prefix": "/a"}), &["/a", "/a/b"]),
        (json!({"host": "site.test"}), &ALL),
        (json!({"tags": ["two", "nobody's"]}), &["/a/b"]),
        (json!({"tags": ["all"], "host": "other.test"}), &[]),
        (json!({"groups": ["g"], "origin": "http://site.test"}), &["/a/b"]),
        (json!({"groups": ["g"], "origin": "https://site.test"}), &[]),
        (json!({"pattern": {"url": "^/.$", "content_type": "html"}}), &["/a", "/c"]),
        (json!({"identifier": {"parent": "shop"}}), &ALL),
        (json!({"all": true, "wait": true}), &ALL),
        (json!({"all": true, "soft": true}), &ALL),
    ];
    for (body, gone) in cases {
        order(&server, &json!({"all": true}));
        publish(&site, &server, &ALL);
        let (status, answer) = order(&server, &body);
        for target in ALL {
            assert_eq!(site.lies(target), !gone.contains(&target), "{target} after {body}");
        }
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["published"]["complete"], true, "{body}");
        assert_eq!(answer["published"]["pages"], gone.len(), "{body}: {answer}");
        assert_eq!(answer["reached"], json!(["memory", "memcached"]), "{body}");
        if !gone.is_empty() {
            let server = &answer["published"]["servers"][0];
            assert_eq!(server["server"], site.memcached.address(), "{body}");
            // A page that was still being published takes itself away, and the purge finds nothing.
            let of = |name: &str| server[name].as_u64().expect("a count");
            assert_eq!(
                (of("deleted") + of("absent"), of("left")),
                (gone.len() as u64, 0),
                "{answer}"
            );
        }
    }
    let metrics = admin(&server, "/metrics").1;
    for line in
        ["larder_published_total ", "larder_outbox 0\n", "larder_memcached_operations_total"]
    {
        assert!(metrics.contains(line), "{line} in\n{metrics}");
    }
}

#[test]
fn only_the_rules_pages_are_published_and_of_several_spellings_the_canonical_one() {
    let Some(site) = Site::new("sqlite:pages.db") else { return };
    let server = site.start();
    for target in ["/skipped", "/a?utm=1"] {
        assert_eq!(connect(&server).get(target).status(), 200);
    }
    until("/a lies there", || site.lies("/a"));
    assert!(!site.lies("/a?utm=1") && !site.lies("/skipped"));
}

#[test]
fn an_unsafe_request_has_old_pages_gone_before_its_answer() {
    let Some(site) = Site::new("sqlite:pages.db") else { return };
    let server = site.start();
    publish(&site, &server, &ALL);
    let mut client = connect(&server);
    client.send("POST /a HTTP/1.1\r\nHost: site.test\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(client.read_response().status(), 200);
    assert_eq!(ALL.map(|target| site.lies(target)), [false, true, true]);
    client.send("POST /change HTTP/1.1\r\nHost: site.test\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(client.read_response().status(), 204);
    assert_eq!(ALL.map(|target| site.lies(target)), [false, false, true], "its group");
}

#[test]
fn purges_on_the_sites_own_listener_reach_published_pages_and_say_so() {
    let Some(site) = Site::new("sqlite:pages.db") else { return };
    let server = site.start();
    publish(&site, &server, &ALL);
    let mut client = connect(&server);
    client.send("PURGE /a HTTP/1.1\r\nHost: site.test\r\n\r\n");
    let response = client.read_response();
    assert!(!site.lies("/a"));
    assert_eq!(response.status(), 200);
    let line = response.field("larder-purged").expect("Larder-Purged");
    assert!(line.ends_with("published=1"), "{line}");
    site.memcached.signal("STOP");
    client.send("PURGE /c HTTP/1.1\r\nHost: site.test\r\n\r\n");
    let response = client.read_response();
    site.memcached.signal("CONT");
    assert_eq!(response.status(), 202, "{}", response.text());
    assert!(response.text().contains("Not complete: Memcached at "), "{}", response.text());
    until("what was accepted is done", || !site.lies("/c"));
}

#[test]
fn what_could_not_be_erased_is_never_told_as_done_and_outlives_the_process() {
    let Some(site) = Site::new("sqlite:pages.db") else { return };
    let server = site.start();
    publish(&site, &server, &ALL);
    site.memcached.signal("STOP");
    let (status, answer) = order(&server, &json!({"tags": ["all"]}));
    assert_eq!(status, 202, "{answer}");
    assert_eq!(
        (&answer["published"]["complete"], &answer["reached"]),
        (&json!(false), &json!(["memory"]))
    );
    assert_eq!(answer["published"]["servers"][0]["left"], 3);
    let why = answer["not_reached"][0].as_str().expect("why");
    assert!(why.contains(site.memcached.address()), "{why}");
    let view: Value = serde_json::from_str(&admin(&server, "/published").1).expect("JSON");
    // A page that was still being published keeps an order of its own.
    let orders = view["waiting"]["orders"].as_array().expect("a list");
    let tag = json!({"tag": {"tag": "all", "host": null}});
    assert!(orders.iter().any(|order| order["purge"] == tag), "{view}");
    server.shutdown();
    let server = site.start();
    assert!(!admin(&server, "/metrics").1.contains("larder_outbox 0\n"));
    site.memcached.signal("CONT");
    for target in ALL {
        until(target, || !site.lies(target));
    }
    until("nothing waits", || admin(&server, "/metrics").1.contains("larder_outbox 0\n"));
}

#[test]
fn a_memcached_that_is_gone_costs_visitors_nothing_and_fills_again_when_it_is_back() {
    let Some(mut site) = Site::new("sqlite:pages.db") else { return };
    let address = site.memcached.address().parse().expect("an address");
    let server = site.start();
    publish(&site, &server, &["/a"]);
    drop(std::mem::replace(&mut site.memcached, Memcached::start(&[]).expect("another")));
    for target in ALL {
        assert_eq!(connect(&server).get(target).status(), 200);
    }
    site.memcached = Memcached::start_at(address, &[]);
    until("a new page is published again", || {
        order(&server, &json!({"all": true}));
        assert_eq!(connect(&server).get("/c").status(), 200);
        site.lies("/c")
    });
}
