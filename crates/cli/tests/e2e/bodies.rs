//! What comes around and behind a body: hints, trailers.

use larder_testkit::{Origin, Script, Signal};

use crate::{assert_hit, connect, serve};

#[test]
fn hints_come_before_the_answer_and_are_not_kept_with_it() {
    let go = Signal::new();
    let held = go.clone();
    let origin = Origin::answering(move |_| {
        Script::new()
            .send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n")
            .wait(&held)
            .respond("200 OK", "Cache-Control: max-age=60\r\nLink: </b.css>\r\n", "page")
    });
    let larder = serve(&origin);
    let mut client = connect(&larder);
    client.send("GET / HTTP/1.1\r\nHost: site.test\r\n\r\n");
    let hints = client.read_head().expect("hints");
    assert_eq!((hints.status, hints.field("link")), (103, Some("</a.css>; rel=preload")));
    go.fire();
    assert_eq!(client.read_response().text(), "page");
    let again = client.get("/");
    assert_hit(&again);
    assert_eq!((again.interim.len(), again.all("link")), (0, vec!["</b.css>"]));
}

#[test]
fn trailers_reach_a_client_that_takes_them_and_are_not_kept() {
    let origin = Origin::answering(|_| {
        Script::new().send(
            "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTrailer: X-Sum\r\n\
             Transfer-Encoding: chunked\r\n\r\n4\r\npage\r\n0\r\nX-Sum: 7\r\n\r\n",
        )
    });
    let larder = serve(&origin);
    let mut client = connect(&larder);
    let takes = "TE: trailers\r\nConnection: TE\r\n";
    let first = client.request("GET", "/", takes);
    assert_eq!(first.text(), "page");
    assert_eq!(first.trailers, [("x-sum".to_owned(), "7".to_owned())]);
    let second = client.request("GET", "/", takes);
    assert_hit(&second);
    assert_eq!((second.text(), second.trailers.len()), ("page".to_owned(), 0));
    assert_eq!(second.field("trailer"), None, "nothing is announced that does not come");
}
