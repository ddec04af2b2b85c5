//! The client against the real Memcached: all it is asked to do, restarts, memory that is full. Without the program every test is
//! over at once.

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use larder_memcached::{Client, ErrorKind, Expiry, Key, Routing, Settings};
    use larder_testkit::Memcached;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::timeout;

    const NOW: u64 = 1_800_000_000;

    /// Long, because two busy cores are slow; what has to be quick says so itself.
    fn patient() -> Settings {
        let long = Duration::from_secs(20);
        Settings { timeout: long, connect_timeout: long, ..Settings::default() }
    }

    fn client(servers: &[&Memcached], settings: Settings) -> Client {
        let addresses = servers.iter().map(|s| s.address().parse().expect("an address"));
        Client::new(addresses.collect(), Routing::Nginx, settings).expect("servers")
    }

    fn key(text: &str) -> Key {
        Key::new(text.as_bytes()).expect("a key")
    }

    fn minute() -> Expiry {
        Expiry::after(Duration::from_secs(60), NOW).expect("a minute")
    }

    async fn value_of(client: &Client, name: &str) -> Option<Vec<u8>> {
        client.get(&key(name)).await.expect("an answer").map(|item| item.value.to_vec())
    }

    #[tokio::test]
    async fn what_is_stored_is_read_and_deleted_by_tcp_and_by_socket() {
        let both = [Memcached::start(&[]), Memcached::start_on_socket(&[])];
        for server in both.into_iter().flatten() {
            let client = client(&[&server], patient());
            assert_eq!(value_of(&client, "a").await, None);
            for body in [&b""[..], b"\r\nHD O1\r\n", &[b'x'; 20_000], &[0xff; 900_000]] {
                let value = Bytes::from_owner(body.to_vec());
                client.set(&key("a"), value, 7, minute()).await.expect("stored");
                let item = client.get(&key("a")).await.expect("an answer").expect("an item");
                assert_eq!((item.flags, &item.value[..]), (7, body));
            }
            let outcomes = client.delete(&[key("a"), key("b")]).await;
            let [outcome] = &outcomes[..] else { panic!("{outcomes:?}") };
            assert_eq!((outcome.deleted, outcome.absent, outcome.error.as_ref()), (1, 1, None));
            assert_eq!((outcome.left.len(), outcome.server.as_str()), (0, server.address()));
            assert_eq!(value_of(&client, "a").await, None);
            let [state] = &client.servers()[..] else { panic!("one server") };
            assert_eq!((state.operations, state.connections, state.paused), (11, 1, None));
            assert_eq!(state.failures.iter().map(|(_, count)| count).sum::<u64>(), 0);
        }
    }

    #[tokio::test]
    async fn thousands_of_keys_are_spread_and_deleted_each_on_its_server() {
        let servers: Vec<_> = (0..3).map_while(|_| Memcached::start(&[])).collect();
        if servers.is_empty() {
            return;
        }
        let client = client(&servers.iter().collect::<Vec<_>>(), patient());
        let keys: Vec<_> = (0..3000).map(|i| key(&format!("page:{i}"))).collect();
        for key in keys.iter().step_by(2) {
            client.set(key, "x".into(), 0, minute()).await.expect("stored");
        }
        let outcomes = client.delete(&keys).await;
        assert_eq!(outcomes.len(), 3);
        assert!(outcomes.iter().all(|o| o.error.is_none() && o.left.is_empty() && o.deleted > 100));
        assert_eq!(outcomes.iter().map(|o| o.deleted).sum::<usize>(), 1500);
        assert_eq!(outcomes.iter().map(|o| o.absent).sum::<usize>(), 1500);
        assert_eq!(client.delete(&[]).await, []);
    }

    #[tokio::test]
    async fn a_restart_between_two_operations_is_not_noticed() {
        let Some(server) = Memcached::start(&[]) else { return };
        let address = server.address().to_owned();
        let client = client(&[&server], patient());
        client.set(&key("a"), "1".into(), 0, minute()).await.expect("stored");
        drop(server);
        let _again = Memcached::start_at(address.parse().expect("an address"), &[]);
        client.set(&key("a"), "2".into(), 0, minute()).await.expect("by a new connection");
        assert_eq!(value_of(&client, "a").await.as_deref(), Some(&b"2"[..]));
    }

    #[test]
    fn connections_of_a_runtime_that_ended_are_replaced() {
        let Some(server) = Memcached::start(&[]) else { return };
        let client = client(&[&server], patient());
        for round in 0..3 {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                client.set(&key("a"), "x".into(), 0, minute()).await.expect("stored");
                let value = value_of(&client, "a").await;
                assert_eq!(value.as_deref(), Some(&b"x"[..]), "round {round}");
            });
        }
        let failures: u64 = client.servers().remove(0).failures.iter().map(|(_, n)| n).sum();
        assert_eq!(failures, 0);
    }

    #[tokio::test]
    async fn a_server_that_is_gone_is_named_then_left_alone_then_found_again() {
        let Some(server) = Memcached::start(&[]) else { return };
        let address = server.address().to_owned();
        let pause = Duration::from_millis(100);
        let client = client(&[&server], Settings { pause, pause_max: pause, ..patient() });
        client.set(&key("a"), "1".into(), 0, minute()).await.expect("stored");
        drop(server);
        let error = client.set(&key("a"), "2".into(), 0, minute()).await.expect_err("gone");
        assert!(matches!(error.kind(), ErrorKind::Connect(_)), "{error}");
        assert!(error.to_string().contains(&address), "{error}");
        assert!(error.old_value_may_remain(), "nobody could ask");
        let error = client.get(&key("a")).await.expect_err("left alone");
        assert!(matches!(error.kind(), ErrorKind::Paused(_)), "{error}");
        let outcome = client.delete(&[key("a"), key("b")]).await.remove(0);
        assert_eq!(outcome.left, [0, 1]);
        assert!(outcome.error.is_some_and(|e| matches!(e.kind(), ErrorKind::Paused(_))));

        let _again = Memcached::start_at(address.parse().expect("an address"), &[]);
        let found = async {
            while client.set(&key("a"), "3".into(), 0, minute()).await.is_err() {
                let left = client.servers().remove(0).paused.unwrap_or_default();
                tokio::time::sleep(left).await;
            }
        };
        timeout(Duration::from_secs(20), found).await.expect("it is found again");
        assert_eq!(client.servers().remove(0).paused, None);
    }

    #[tokio::test]
    async fn a_stopped_server_costs_the_time_limit_once() {
        let Some(server) = Memcached::start(&[]) else { return };
        let timeout = Duration::from_millis(50);
        let pause = Duration::from_secs(3600);
        let settings = Settings { timeout, pause, pause_max: pause, ..patient() };
        let client = client(&[&server], settings);
        server.signal("STOP");
        let error = client.get(&key("a")).await.expect_err("it does not answer");
        assert_eq!(error.kind(), &ErrorKind::Slow(timeout), "{error}");
        for _ in 0..100 {
            let error = client.get(&key("a")).await.expect_err("left alone");
            assert!(matches!(error.kind(), ErrorKind::Paused(_)), "{error}");
        }
        assert_eq!(client.servers().remove(0).connections, 0);
        server.signal("CONT");
    }

    /// A number out of the server's statistics.
    async fn counted(server: &Memcached, name: &str) -> u64 {
        let mut stream =
            tokio::net::TcpStream::connect(server.address()).await.expect("it listens");
        stream.write_all(b"stats\r\nquit\r\n").await.expect("it reads");
        let mut all = String::new();
        stream.read_to_string(&mut all).await.expect("it answers");
        let line = all.lines().find_map(|line| line.strip_prefix(&format!("STAT {name} ")));
        line.expect("a number of that name").parse().expect("a number")
    }

    async fn stored_and_deleted(server: &Memcached) {
        while counted(server, "cmd_set").await + counted(server, "delete_hits").await < 2 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_page_that_was_given_up_does_not_appear_when_a_stuck_server_goes_on() {
        for bytes in [5, 60_000] {
            let Some(server) = Memcached::start(&["-t", "1"]) else { return };
            let limit = Duration::from_millis(50);
            let client = client(&[&server], Settings { timeout: limit, ..patient() });
            server.signal("STOP");
            let late = Bytes::from(vec![b'x'; bytes]);
            let error = client.set(&key("a"), late, 0, minute()).await.expect_err("it is stuck");
            assert_eq!(error.kind(), &ErrorKind::Slow(limit), "{error}");
            server.signal("CONT");
            let both = stored_and_deleted(&server);
            timeout(Duration::from_secs(20), both).await.expect("stored, and deleted");
            assert_eq!(counted(&server, "curr_items").await, 0);
        }
    }

    #[tokio::test]
    async fn a_value_too_large_for_either_side_takes_the_old_one_along() {
        let Some(server) = Memcached::start(&["-I", "512k"]) else { return };
        let client = client(&[&server], Settings { item_bytes_max: 800_000, ..patient() });
        for (bytes, by_server) in [(800_001, false), (800_000, true), (530_000, true)] {
            client.set(&key("a"), "old".into(), 0, minute()).await.expect("stored");
            let large = Bytes::from(vec![b'x'; bytes]);
            let error = client.set(&key("a"), large, 0, minute()).await.expect_err("too large");
            let refused =
                matches!(error.kind(), ErrorKind::Refused(said) if said.contains("too large"));
            assert_eq!(refused, by_server, "{error}");
            assert!(!error.old_value_may_remain(), "{error}");
            assert_eq!(value_of(&client, "a").await, None, "{bytes} bytes");
        }
        assert_eq!(client.servers().remove(0).connections, 1, "the connection was kept");
    }

    #[tokio::test]
    async fn a_server_without_memory_says_so_and_is_not_left_alone() {
        // -M: nothing is pushed out.
        let Some(server) = Memcached::start(&["-M", "-m", "2"]) else { return };
        let client = client(&[&server], patient());
        let body = Bytes::from(vec![b'x'; 50_000]);
        let mut refused = None;
        for i in 0..5000 {
            let stored = client.set(&key(&format!("k{i}")), body.clone(), 0, minute()).await;
            refused = stored.err();
            if refused.is_some() {
                break;
            }
        }
        let error = refused.expect("it is full at some time");
        assert!(matches!(error.kind(), ErrorKind::Refused(_)), "{error}");
        assert!(error.to_string().contains("-m"), "{error}");
        assert_eq!(value_of(&client, "k0").await.map(|value| value.len()), Some(50_000));
    }

    #[tokio::test]
    async fn an_expiry_is_what_memcached_makes_of_it() {
        let Some(server) = Memcached::start(&[]) else { return };
        let client = client(&[&server], patient());
        let now = std::fs::metadata(std::env::temp_dir()).and_then(|m| m.accessed());
        let now = now.expect("a time").duration_since(std::time::UNIX_EPOCH).expect("after 1970");
        let day = 24 * 60 * 60;
        for days in [1, 30, 31, 400] {
            let lifetime = Duration::from_secs(days * day);
            let expiry = Expiry::after(lifetime, now.as_secs()).expect("a lifetime");
            client.set(&key("a"), "x".into(), 0, expiry).await.expect("stored");
            assert_eq!(value_of(&client, "a").await.as_deref(), Some(&b"x"[..]), "{days} days");
        }
    }
}
