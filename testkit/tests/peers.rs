//! The peers against each other: what the client sends is what the origin records, and back.

#[cfg(test)]
mod tests {
    use larder_testkit::{Client, Origin, ReadError, Script, Signal, smuggling};

    #[test]
    fn a_request_is_recorded_byte_for_byte() {
        let origin = Origin::answering(|_| Script::answer("200 OK", "", "hi"));
        let mut client = Client::connect(origin.addr());
        let raw = "POST /a?b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: 1\r\n\r\n";
        client.send(raw);
        assert_eq!(client.read_response().text(), "hi");
        let request = origin.requests().remove(0);
        assert_eq!(request.raw, raw.as_bytes());
        assert_eq!((request.path(), request.body.as_slice()), ("/a", b"abc".as_slice()));
        assert_eq!(request.trailers, vec![("T".to_owned(), "1".to_owned())]);
        assert_eq!(request.malformed, None);
    }

    #[test]
    fn a_second_request_behind_the_first_is_counted() {
        let origin = Origin::answering(|_| Script::answer("200 OK", "", ""));
        let mut client = Client::connect(origin.addr());
        client.send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
        for _ in 0..2 {
            assert_eq!(client.read_response().status(), 200);
        }
        assert_eq!((origin.request_count(), origin.connection_count()), (2, 1));
    }

    #[test]
    fn what_is_not_canonical_is_recorded_as_malformed_and_ends_the_connection() {
        let origin = Origin::answering(|_| Script::answer("200 OK", "", ""));
        let mut client = Client::connect(origin.addr());
        client.send("GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n");
        assert_eq!(client.read_response().status(), 400);
        assert!(client.is_closed());
        assert!(origin.requests()[0].malformed.is_some());
    }

    #[test]
    fn a_streamed_body_is_held_by_the_test() {
        let go = Signal::new();
        let script = Script::new()
            .request()
            .send("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n")
            .send("Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
            .wait(&go)
            .send("1\r\nb\r\n0\r\n\r\n");
        let origin = Origin::connections([script]);
        let mut client = Client::connect(origin.addr());
        client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(client.read_head().unwrap().status, 103);
        assert_eq!(client.read_head().unwrap().status, 200);
        assert_eq!(client.read_body(1).unwrap(), b"a");
        go.fire();
        assert_eq!(client.read_body(2).unwrap(), b"b");
        assert!(client.is_closed());
    }

    #[test]
    fn a_body_that_breaks_off_is_truncated_not_whole() {
        for cut in [
            Script::new().request().send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na").close(),
            Script::new().request().send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na").reset(),
        ] {
            let origin = Origin::connections([cut]);
            let mut client = Client::connect(origin.addr());
            client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
            // A reset may overtake the head.
            let error = client.try_read_response().unwrap_err();
            assert!(matches!(error, ReadError::Truncated | ReadError::Reset), "{error:?}");
        }
    }

    #[test]
    fn the_judge_of_smuggling_finds_an_origin_that_is_talked_to_directly() {
        // Without a proxy between, these reach the origin as they are: that must not pass.
        let names =
            ["te-two-words", "value-nul", "absolute-form-other-host", "post-body-is-a-request"];
        let mut cases = smuggling::cases();
        cases.retain(|case| names.contains(&case.name.as_str()));
        let origin = smuggling::echo_origin();
        let failures = smuggling::run_cases(origin.addr(), &origin, &cases);
        let found: Vec<&str> = failures.iter().map(|f| f.case.as_str()).collect();
        assert_eq!(found, ["absolute-form-other-host", "te-two-words", "value-nul"]);
    }

    #[test]
    fn a_dropped_origin_refuses_and_can_come_back() {
        let origin = Origin::paths([("/", Script::answer("200 OK", "", "1"))]);
        let addr = origin.addr();
        let mut kept = Client::connect(addr);
        assert_eq!(kept.get("/").text(), "1");
        drop(origin);
        assert!(kept.is_closed());
        assert!(std::net::TcpStream::connect(addr).is_err());
        let _back = Origin::answering_at(addr, |_| Script::answer("200 OK", "", "2"));
        assert_eq!(Client::connect(addr).get("/").text(), "2");
    }
}
