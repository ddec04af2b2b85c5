//! Many at once: one fetch for a page that can be shared, none of the waiting for one that can't.

use larder_testkit::{Client, Larder, Origin, ReadError, Script, Signal};

use crate::{assert_hit, connect, numbered, serve, serve_with};

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: site.test\r\n\r\n";

/// Clients that have all sent their request.
fn asking(larder: &Larder, count: usize) -> Vec<Client> {
    let clients = (0..count).map(|_| {
        let mut client = connect(larder);
        client.send(REQUEST);
        client
    });
    clients.collect()
}

#[test]
fn five_hundred_at_once_are_one_request_and_all_read_along() {
    let (head, rest) = (Signal::new(), Signal::new());
    let (held, halfway) = (head.clone(), rest.clone());
    let origin = Origin::answering(move |_| {
        Script::new()
            .wait(&held)
            .send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n")
            .send("6\r\nearly \r\n")
            .wait(&halfway)
            .send("4\r\nlate\r\n0\r\n\r\n")
    });
    let larder = serve(&origin);
    let mut clients = asking(&larder, 500);
    let _requests = origin.wait_for_requests(1);
    head.fire();
    let mut collapsed = 0;
    for client in &mut clients {
        let seen = client.read_head().expect("a head");
        let told = seen.field("cache-status").expect("a reason").to_owned();
        collapsed += usize::from(told.contains("collapsed"));
        // The application has not sent the rest, nor will it before everybody has this.
        assert_eq!(client.read_body(6).expect("the beginning"), b"early ", "{told}");
    }
    assert_eq!(collapsed, 499, "everybody but the one for whom it was asked");
    rest.fire();
    for mut client in clients {
        assert_eq!(client.read_body(4).expect("the end"), b"late");
        assert_eq!(client.read_piece(), Ok(None));
    }
    assert_eq!(origin.request_count(), 1);
    assert_hit(&connect(&larder).get("/"));
}

#[test]
fn a_hundred_for_a_page_known_to_be_uncacheable_are_at_the_application_at_once() {
    let go = Signal::new();
    let held = go.clone();
    let origin = numbered(move |_, number| {
        let script = if number == 0 { Script::new() } else { Script::new().wait(&held) };
        script.respond("200 OK", "Cache-Control: no-store\r\n", number.to_string())
    });
    let larder = serve(&origin);
    assert_eq!(connect(&larder).get("/").text(), "0");
    let clients = asking(&larder, 100);
    // None of them is answered before all of them are there.
    let _requests = origin.wait_for_requests(101);
    go.fire();
    let mut own: Vec<_> = clients.into_iter().map(|mut c| c.read_response().text()).collect();
    own.sort();
    own.dedup();
    assert_eq!(own.len(), 100, "each got its own answer");
}

#[test]
fn those_who_waited_for_what_turns_out_private_are_at_the_application_at_once() {
    let (first, rest) = (Signal::new(), Signal::new());
    let (held, all_held) = (first.clone(), rest.clone());
    let origin = numbered(move |_, number| {
        let script = Script::new().wait(if number == 0 { &held } else { &all_held });
        script.respond("200 OK", "Cache-Control: private, max-age=60\r\n", number.to_string())
    });
    let larder = serve(&origin);
    let clients = asking(&larder, 50);
    let _requests = origin.wait_for_requests(1);
    first.fire();
    let _requests = origin.wait_for_requests(50);
    rest.fire();
    let mut own: Vec<_> = clients.into_iter().map(|mut c| c.read_response().text()).collect();
    own.sort();
    own.dedup();
    assert_eq!(own.len(), 50, "nobody got what was another's");
}

#[test]
fn a_client_that_leaves_in_the_middle_takes_nobody_with_it() {
    let rest = Signal::new();
    let held = rest.clone();
    let origin = Origin::answering(move |_| {
        Script::new()
            .send(
                "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 10\r\n\r\nearly ",
            )
            .wait(&held)
            .send("late")
    });
    let larder = serve(&origin);
    let mut leader = connect(&larder);
    leader.send(REQUEST);
    assert_eq!(leader.read_head().expect("a head").status, 200);
    let mut others = asking(&larder, 20);
    for other in &mut others {
        assert_eq!(other.read_head().expect("a head").status, 200);
        assert_eq!(other.read_body(6).expect("the beginning"), b"early ");
    }
    // The one for whom it was asked, and some of the others.
    drop(leader);
    others.truncate(10);
    rest.fire();
    for mut other in others {
        assert_eq!(other.read_body(4).expect("the end"), b"late");
    }
    assert_eq!(connect(&larder).get("/").text(), "early late");
    assert_eq!(origin.request_count(), 1);
}

#[test]
fn a_fetch_whose_only_client_left_is_finished_for_the_next() {
    let go = Signal::new();
    let held = go.clone();
    let origin = Origin::answering(move |_| {
        Script::new().wait(&held).respond("200 OK", "Cache-Control: max-age=60\r\n", "page")
    });
    let mut larder = serve_with(&origin, &["--admin", "127.0.0.1:0"]);
    let admin = crate::admin(&mut larder);
    let mut leader = connect(&larder);
    leader.send(REQUEST);
    let _requests = origin.wait_for_requests(1);
    drop(leader);
    crate::until(
        "closed",
        || Client::connect(admin).get("/metrics"),
        |metrics| metrics.text().contains("larder_connections_open 0\n"),
    );
    let mut next = connect(&larder);
    next.send(REQUEST);
    go.fire();
    assert_eq!(next.read_response().text(), "page");
    assert_eq!(origin.request_count(), 1);
}

#[test]
fn an_application_that_dies_in_the_middle_fails_everybody_and_nothing_is_kept() {
    let length = "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 8\r\n\r\nhalf";
    let chunked = "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n";
    for (beginning, resets) in [(length, true), (length, false), (chunked, true), (chunked, false)]
    {
        let end = Signal::new();
        let held = end.clone();
        let origin = numbered(move |_, number| match (number, resets) {
            (0, true) => Script::new().send(beginning).wait(&held).reset(),
            (0, false) => Script::new().send(beginning).wait(&held).close(),
            (_, _) => Script::answer("200 OK", "Cache-Control: max-age=60\r\n", "whole"),
        });
        let larder = serve(&origin);
        let mut clients = asking(&larder, 20);
        for client in &mut clients {
            assert_eq!(client.read_head().expect("a head").status, 200);
            assert_eq!(client.read_body(4).expect("the beginning"), b"half");
        }
        end.fire();
        for mut client in clients {
            let end = client.read_piece();
            assert_eq!(end, Err(ReadError::Truncated), "{beginning:?}");
        }
        assert_eq!(origin.request_count(), 1);
        let after = connect(&larder).get("/");
        assert_eq!(after.text(), "whole");
        assert!(after.cache_status().contains("fwd=uri-miss"), "{}", after.cache_status());
    }
}
