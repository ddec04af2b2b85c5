//! The client against servers that do what no server should: garbage, half answers, answers to others, silence.

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::Arc;
    use std::time::Duration;

    use larder_memcached::limits::PIPELINED_MAX;
    use larder_memcached::{Client, ErrorKind, Expiry, Key, Routing, Settings};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
    use tokio::time::timeout;

    /// A server that hands its connections to the test.
    struct Peer {
        client: Client,
        accepted: UnboundedReceiver<TcpStream>,
    }

    fn settings() -> Settings {
        let long = Duration::from_secs(20);
        Settings { timeout: long, connect_timeout: long, ..Settings::default() }
    }

    async fn peer(settings: Settings) -> Peer {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let (sender, accepted) = unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                sender.send(stream).unwrap_or_default();
            }
        });
        let servers = vec![address.parse().expect("an address")];
        let client = Client::new(servers, Routing::Nginx, settings).expect("one server");
        Peer { client, accepted }
    }

    impl Peer {
        async fn accept(&mut self) -> TcpStream {
            let accepted = timeout(Duration::from_secs(20), self.accepted.recv()).await;
            accepted.expect("in time").expect("a connection")
        }

        /// Whether another connection was made than those accepted.
        fn has_another(&mut self) -> bool {
            self.accepted.try_recv().is_ok()
        }
    }

    fn key(text: &str) -> Key {
        Key::new(text.as_bytes()).expect("a key")
    }

    fn minute() -> Expiry {
        Expiry::after(Duration::from_secs(60), 1_800_000_000).expect("a minute")
    }

    async fn read_line(stream: &mut TcpStream) -> String {
        let mut line = Vec::new();
        while line.last() != Some(&b'\n') {
            line.push(stream.read_u8().await.expect("a request"));
        }
        String::from_utf8(line).expect("a line")
    }

    async fn say(stream: &mut TcpStream, bytes: &[u8]) {
        stream.write_all(bytes).await.expect("it listens");
    }

    async fn is_closed(stream: &mut TcpStream) -> bool {
        let rest = timeout(Duration::from_secs(20), stream.read_to_end(&mut Vec::new())).await;
        rest.is_ok()
    }

    #[tokio::test]
    async fn requests_are_as_the_protocol_has_them() {
        let mut peer = peer(settings()).await;
        let client = peer.client.clone();
        let all = tokio::spawn(async move {
            client.set(&key("k"), "ab".into(), 3, minute()).await.expect("stored");
            let item = client.get(&key("k")).await.expect("an answer").expect("an item");
            assert_eq!((item.flags, &item.value[..]), (3, &b"ab"[..]));
            let outcome = client.delete(&[key("k"), key("l")]).await.remove(0);
            assert_eq!((outcome.deleted, outcome.absent), (1, 1));
        });
        let mut stream = peer.accept().await;
        assert_eq!(read_line(&mut stream).await, "ms k 2 T60 F3 O1\r\n");
        assert_eq!(read_line(&mut stream).await, "ab\r\n");
        say(&mut stream, b"HD O1\r\n").await;
        assert_eq!(read_line(&mut stream).await, "mg k v f O2\r\n");
        say(&mut stream, b"VA 2 f3 O2\r\na").await;
        say(&mut stream, b"b\r").await;
        say(&mut stream, b"\n").await;
        assert_eq!(read_line(&mut stream).await, "md k O3\r\n");
        assert_eq!(read_line(&mut stream).await, "md l O4\r\n");
        say(&mut stream, b"HD O3\r\nNF O4\r\n").await;
        all.await.expect("all is well");
        assert!(!peer.has_another(), "all by one connection");
    }

    #[tokio::test]
    async fn whatever_is_no_answer_is_an_error_and_leaves_the_server_alone() {
        let long = [b'x'; 5000];
        let cases: [(&[u8], &str); 11] = [
            (b"HTTP/1.1 400 Bad Request\r\n", "HTTP/1.1 400"),
            (b"STORED\r\n", "STORED"),
            (b"HD\r\n", "another request"),
            (b"HD O2\r\n", "another request"),
            (b"HD O1\n", "HD O1"),
            (b"EN\r\n", "another command"),
            (b"VA 2 O1\r\nab\r\n", "another command"),
            (b"VA 99999999999\r\n", "a value of 99999999999 bytes"),
            (b"ERROR\r\n", "meta commands (ERROR)"),
            (b"CLIENT_ERROR bad data chunk\r\n", "bad data chunk"),
            (&long, "a line of more than 1024 bytes"),
        ];
        for (said, reason) in cases {
            let mut peer = peer(settings()).await;
            let client = peer.client.clone();
            let set =
                tokio::spawn(async move { client.set(&key("k"), "ab".into(), 0, minute()).await });
            let mut stream = peer.accept().await;
            read_line(&mut stream).await;
            read_line(&mut stream).await;
            say(&mut stream, said).await;
            let error = set.await.expect("no panic").expect_err("an error");
            assert!(error.to_string().contains(reason), "{reason}: {error}");
            assert!(
                matches!(error.kind(), ErrorKind::Garbage(_) | ErrorKind::Unknown(_)),
                "{error}"
            );
            assert!(error.old_value_may_remain());
            let state = peer.client.servers().remove(0);
            assert!(state.paused.is_some(), "{reason}");
            assert_eq!(state.last_error, Some(error.to_string()));
        }
    }

    #[tokio::test]
    async fn an_end_in_the_middle_of_an_answer_is_an_error() {
        for said in [&b""[..], b"VA 5 f0 O1\r\nab", b"VA 5 f0", b"VA 2 O1\r\nab\r"] {
            let mut peer = peer(settings()).await;
            let client = peer.client.clone();
            let get = tokio::spawn(async move { client.get(&key("k")).await });
            let mut stream = peer.accept().await;
            read_line(&mut stream).await;
            say(&mut stream, said).await;
            drop(stream);
            let error = get.await.expect("no panic").expect_err("an error");
            assert!(matches!(error.kind(), ErrorKind::Broken(_)), "{error}");
        }
    }

    #[tokio::test]
    async fn an_operation_that_is_dropped_leaves_no_answer_to_the_next() {
        // Dropped before the request is sent, before the answer, within it, and after the operation's own time limit.
        for said in [&b""[..], b"VA 3 f0 O1\r\nol", b"VA"] {
            let mut peer = peer(settings()).await;
            let client = peer.client.clone();
            let old = key("old");
            let serve = async {
                let mut stream = peer.accept().await;
                read_line(&mut stream).await;
                say(&mut stream, said).await;
                stream
            };
            let mut stream = tokio::select! {
                got = client.get(&old) => panic!("{got:?}"),
                stream = serve => stream,
            };
            // The answer comes all the same, with the number that the next request will have.
            stream.write_all(b"VA 3 f0 O1\r\nold\r\n").await.unwrap_or_default();
            let get = tokio::spawn(async move { client.get(&key("new")).await });
            let mut second = peer.accept().await;
            assert_eq!(read_line(&mut second).await, "mg new v f O1\r\n");
            say(&mut second, b"VA 3 f0 O1\r\nnew\r\n").await;
            let item = get.await.expect("no panic").expect("an answer").expect("an item");
            assert_eq!(&item.value[..], b"new");
            assert!(is_closed(&mut stream).await, "the first connection");
        }
    }

    #[tokio::test]
    async fn a_value_that_was_given_up_is_taken_back_behind_it() {
        // By the time limit, by dropping the operation, and by an answer that is none.
        for (limit, said) in [(50, &b""[..]), (20_000, b""), (20_000, b"nonsense\r\n")] {
            let timeout = Duration::from_millis(limit);
            let mut peer = peer(Settings { timeout, ..settings() }).await;
            let client = peer.client.clone();
            let set =
                tokio::spawn(async move { client.set(&key("k"), "ab".into(), 0, minute()).await });
            let mut stream = peer.accept().await;
            assert_eq!(read_line(&mut stream).await, "ms k 2 T60 F0 O1\r\n");
            assert_eq!(read_line(&mut stream).await, "ab\r\n");
            say(&mut stream, said).await;
            if limit > 50 && said.is_empty() {
                set.abort();
            }
            assert_eq!(read_line(&mut stream).await, "md k q\r\n");
            if let Ok(set) = set.await {
                assert!(set.is_err_and(|error| error.old_value_may_remain()));
            }
            assert_eq!(peer.client.servers().remove(0).connections, 1, "it stays open");
        }
    }

    #[tokio::test]
    async fn a_value_that_was_sent_in_part_is_not_taken_back() {
        let timeout = Duration::from_millis(50);
        let mut peer = peer(Settings { timeout, item_bytes_max: 1 << 30, ..settings() }).await;
        let client = peer.client.clone();
        let large = bytes::Bytes::from(vec![b'x'; 100 << 20]);
        let set = tokio::spawn(async move { client.set(&key("k"), large, 0, minute()).await });
        let mut stream = peer.accept().await;
        let error = set.await.expect("no panic").expect_err("nobody reads");
        assert_eq!(error.kind(), &ErrorKind::Slow(timeout));
        let mut received = Vec::new();
        stream.read_to_end(&mut received).await.expect("it was closed");
        assert!(received.len() < 100 << 20, "not all of it");
        assert!(received.ends_with(b"x"), "and nothing behind it");
    }

    #[tokio::test]
    async fn a_connection_that_said_more_than_it_was_asked_is_not_used_again() {
        let mut peer = peer(settings()).await;
        let client = peer.client.clone();
        let gets = tokio::spawn(async move {
            let first = client.get(&key("a")).await.expect("an answer");
            let second = client.get(&key("b")).await.expect("an answer");
            (first, second)
        });
        let mut stream = peer.accept().await;
        read_line(&mut stream).await;
        say(&mut stream, b"EN O1\r\nVA 3 f0 O2\r\nbad\r\n").await;
        let mut second = peer.accept().await;
        assert_eq!(read_line(&mut second).await, "mg b v f O1\r\n");
        say(&mut second, b"EN O1\r\n").await;
        assert_eq!(gets.await.expect("no panic"), (None, None));
    }

    #[tokio::test]
    async fn an_idle_connection_that_ended_is_replaced_within_the_operation() {
        let mut peer = peer(settings()).await;
        let client = peer.client.clone();
        for round in 0..3 {
            let client = client.clone();
            let get = tokio::spawn(async move { client.get(&key("a")).await });
            let mut stream = peer.accept().await;
            read_line(&mut stream).await;
            say(&mut stream, b"EN\r\n").await;
            assert_eq!(get.await.expect("no panic"), Ok(None), "round {round}");
            drop(stream);
        }
    }

    #[tokio::test]
    async fn what_was_deleted_before_the_connection_broke_is_not_asked_for_again() {
        let mut peer = peer(settings()).await;
        let client = peer.client.clone();
        let deletions = tokio::spawn(async move {
            assert_eq!(client.get(&key("x")).await, Ok(None));
            client.delete(&["a", "b", "c"].map(key)).await.remove(0)
        });
        let mut stream = peer.accept().await;
        read_line(&mut stream).await;
        say(&mut stream, b"EN O1\r\n").await;
        assert_eq!(read_line(&mut stream).await, "md a O2\r\n");
        read_line(&mut stream).await;
        read_line(&mut stream).await;
        say(&mut stream, b"HD O2\r\n").await;
        drop(stream);
        let mut second = peer.accept().await;
        assert_eq!(read_line(&mut second).await, "md b O1\r\n");
        read_line(&mut second).await;
        say(&mut second, b"NF O1\r\n").await;
        drop(second);
        let outcome = deletions.await.expect("no panic");
        assert_eq!((outcome.deleted, outcome.absent, &outcome.left[..]), (1, 1, &[2][..]));
        assert!(outcome.error.is_some_and(|e| matches!(e.kind(), ErrorKind::Broken(_))));
    }

    #[tokio::test]
    async fn a_refusal_among_deletions_is_told_and_the_others_go_on() {
        let mut peer = peer(settings()).await;
        let client = peer.client.clone();
        let deletions =
            tokio::spawn(async move { client.delete(&["a", "b", "c"].map(key)).await.remove(0) });
        let mut stream = peer.accept().await;
        for _ in 0..3 {
            read_line(&mut stream).await;
        }
        say(&mut stream, b"HD O1\r\nSERVER_ERROR out of memory\r\nHD O3\r\n").await;
        let outcome = deletions.await.expect("no panic");
        assert_eq!((outcome.deleted, &outcome.left[..]), (2, &[1][..]));
        assert!(outcome.error.is_some_and(|e| e.to_string().contains("out of memory")));
        assert_eq!(peer.client.servers().remove(0).paused, None);
    }

    #[tokio::test]
    async fn a_refused_value_whose_old_one_can_not_be_deleted_either_is_told() {
        let mut peer = peer(settings()).await;
        let client = peer.client.clone();
        let set =
            tokio::spawn(async move { client.set(&key("k"), "ab".into(), 0, minute()).await });
        let mut stream = peer.accept().await;
        read_line(&mut stream).await;
        read_line(&mut stream).await;
        say(&mut stream, b"SERVER_ERROR out of memory storing object\r\n").await;
        assert_eq!(read_line(&mut stream).await, "md k O2\r\n");
        say(&mut stream, b"SERVER_ERROR out of memory\r\n").await;
        let error = set.await.expect("no panic").expect_err("refused");
        assert!(error.old_value_may_remain());
        assert!(error.to_string().contains("may still be read"), "{error}");
    }

    #[tokio::test]
    async fn no_more_connections_than_allowed_and_who_waits_too_long_is_told() {
        let timeout = Duration::from_millis(50);
        let mut peer = peer(Settings { connections_max: 1, timeout, ..settings() }).await;
        let held = Arc::new(peer.client.clone());
        let client = peer.client.clone();
        let first = tokio::spawn(async move { held.get(&key("a")).await });
        let _stream = peer.accept().await;
        let other = key("b");
        let (first, second) = tokio::join!(first, client.get(&other));
        let second = second.expect_err("no connection was free, or none may be made");
        assert!(matches!(second.kind(), ErrorKind::Busy(_) | ErrorKind::Slow(_)), "{second}");
        let first = first.expect("no panic").expect_err("no answer");
        assert_eq!(first.kind(), &ErrorKind::Slow(timeout));
    }

    #[tokio::test]
    async fn answers_that_trickle_do_not_outlast_the_time_limit() {
        let timeout = Duration::from_millis(100);
        let mut peer = peer(Settings { timeout, ..settings() }).await;
        let client = peer.client.clone();
        let get = tokio::spawn(async move { client.get(&key("a")).await });
        let mut stream = peer.accept().await;
        read_line(&mut stream).await;
        let trickle = async {
            say(&mut stream, b"VA 1000000 f0 O1\r\n").await;
            while stream.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            pending::<()>().await;
        };
        tokio::select! {
            got = get => assert_eq!(got.expect("no panic").expect_err("slow").kind(), &ErrorKind::Slow(timeout)),
            () = trickle => {}
        }
    }

    #[tokio::test]
    async fn many_deletions_go_in_portions_and_stop_at_the_first_that_fails() {
        let mut peer = peer(settings()).await;
        let client = peer.client.clone();
        let keys: Vec<_> = (0..PIPELINED_MAX * 3).map(|i| key(&format!("k{i}"))).collect();
        let deletions = tokio::spawn(async move { client.delete(&keys).await.remove(0) });
        let mut stream = peer.accept().await;
        for number in 1..=PIPELINED_MAX {
            read_line(&mut stream).await;
            say(&mut stream, format!("HD O{number}\r\n").as_bytes()).await;
        }
        read_line(&mut stream).await;
        say(&mut stream, b"nonsense\r\n").await;
        let outcome = deletions.await.expect("no panic");
        assert_eq!(outcome.deleted, PIPELINED_MAX);
        assert_eq!(outcome.left, (PIPELINED_MAX..PIPELINED_MAX * 3).collect::<Vec<_>>());
        assert!(outcome.error.is_some_and(|e| matches!(e.kind(), ErrorKind::Garbage(_))));
    }
}
