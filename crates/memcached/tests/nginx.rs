//! What a real nginx reads from several real Memcacheds: everything that was put there for it, and nothing that was deleted.
//! Without the programs the test is over at once.

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::path::{Path, PathBuf};
    use std::process::{Child, Command, Stdio};
    use std::time::{Duration, Instant};

    use bytes::Bytes;
    use larder_memcached::{Address, Client, Expiry, Key, Routing, Settings};
    use larder_testkit::Memcached;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixStream;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// A running nginx. Ended when dropped.
    struct Nginx {
        child: Child,
        door: PathBuf,
    }

    impl Drop for Nginx {
        fn drop(&mut self) {
            self.child.kill().unwrap_or_default();
            drop(self.child.wait());
        }
    }

    fn program() -> Option<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let places = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
        places.map(|place| place.join("nginx")).find(|file| file.is_file())
    }

    /// One process that serves what lies under the path, without its first `/`, spread over the servers by that.
    fn configuration(folder: &Path, servers: &[Address]) -> String {
        let at = folder.display();
        let mut lines = String::new();
        for server in servers {
            write!(lines, "server {server};").expect("a text");
        }
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {at}/{kind};"))
            .concat();
        format!(
            "daemon off; master_process off; pid {at}/pid; error_log {at}/error.log; \
             events {{ }} http {{ access_log off; {temporary} \
             upstream caches {{ hash $memcached_key consistent; {lines} keepalive 4; }} \
             server {{ listen unix:{at}/door; location / {{ \
             set $memcached_key $request_uri; memcached_pass caches; }} }} }}"
        )
    }

    fn start(folder: &Path, servers: &[Address]) -> Option<Nginx> {
        let file = folder.join("nginx.conf");
        std::fs::write(&file, configuration(folder, servers)).expect("the configuration");
        let mut command = Command::new(program()?);
        command.arg("-p").arg(folder).arg("-e").arg(folder.join("error.log")).arg("-c").arg(file);
        let child = command.stdin(Stdio::null()).spawn().expect("nginx");
        Some(Nginx { child, door: folder.join("door") })
    }

    impl Nginx {
        async fn connect(&self) -> UnixStream {
            let deadline = Instant::now() + PATIENCE;
            loop {
                let connected = UnixStream::connect(&self.door).await;
                if let Ok(stream) = connected {
                    return stream;
                }
                assert!(Instant::now() < deadline, "nginx does not listen: {connected:?}");
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }

        /// The status, and the body.
        async fn get(&self, target: &str) -> (String, String) {
            let mut stream = self.connect().await;
            let request = format!("GET {target} HTTP/1.0\r\n\r\n");
            stream.write_all(request.as_bytes()).await.expect("it reads");
            let mut all = String::new();
            stream.read_to_string(&mut all).await.expect("it answers");
            let (head, body) = all.split_once("\r\n\r\n").expect("a head");
            (head.split(' ').nth(1).expect("a status").to_owned(), body.to_owned())
        }
    }

    fn servers() -> Option<Vec<Memcached>> {
        let mut servers: Vec<_> = (0..3).map_while(|_| Memcached::start(&[])).collect();
        servers.push(Memcached::start_on_socket(&[])?);
        Some(servers)
    }

    #[tokio::test]
    async fn nginx_finds_every_page_on_the_server_it_was_put_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let Some(servers) = servers() else { return };
        let addresses: Vec<Address> =
            servers.iter().map(|s| s.address().parse().expect("an address")).collect();
        let Some(nginx) = start(folder.path(), &addresses) else { return };
        let settings =
            Settings { timeout: PATIENCE, connect_timeout: PATIENCE, ..Settings::default() };
        let client = Client::new(addresses, Routing::Nginx, settings).expect("servers");

        let targets: Vec<_> = (0..400).map(|i| format!("/page/{i}?q={}", i % 7)).collect();
        // nginx hashes the target as it is and sends `%` escaped.
        let escaped = ["/a%20b".to_owned(), "/%d0%bf/?x=%26".to_owned()];
        let targets: Vec<_> = targets.into_iter().chain(escaped).collect();
        let key = |target: &String| {
            let wire = target.replace('%', "%25");
            Key::new(wire.as_bytes()).expect("a key").hashed_as(target.as_bytes())
        };
        let expiry = Expiry::after(Duration::from_secs(60), 1_800_000_000).expect("a minute");
        for target in &targets {
            let body = Bytes::from(format!("page of {target}"));
            client.set(&key(target), body, 0, expiry).await.expect("stored");
        }
        for target in &targets {
            let expected = ("200".to_owned(), format!("page of {target}"));
            assert_eq!(nginx.get(target).await, expected, "{target}");
        }
        let used = client.servers().iter().filter(|s| s.operations > 50).count();
        assert_eq!(used, 4, "each has its share");

        let (gone, kept) = targets.split_at(200);
        let outcomes = client.delete(&gone.iter().map(key).collect::<Vec<_>>()).await;
        assert_eq!(outcomes.iter().map(|o| o.deleted).sum::<usize>(), 200);
        for target in gone {
            assert_eq!(nginx.get(target).await.0, "404", "{target}");
        }
        for target in kept {
            assert_eq!(nginx.get(target).await.0, "200", "{target}");
        }
    }
}
