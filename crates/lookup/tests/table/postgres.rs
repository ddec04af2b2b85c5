//! A PostgreSQL of the test's own, stopped and started again in the middle of things.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use larder_lookup::{Eraser, Left, Listed, Lookup, Outbox, Place, Selector};
use tempfile::TempDir;

use crate::world::{Taken, World, entry, keys, tag, tagged};

/// A server in a folder of its own.
pub(crate) struct Server {
    folder: TempDir,
    port: u16,
}

impl Server {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Self { folder, port };
        let data = server.data();
        run("initdb", &["-D", &data, "-U", "larder", "-A", "trust", "-E", "UTF8", "--no-sync"]);
        server.resume();
        server
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    pub(crate) fn place(&self) -> Place {
        format!("postgres://larder@127.0.0.1:{}/postgres", self.port).parse().unwrap()
    }

    fn resume(&self) {
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off",
            self.port
        );
        let log = self.folder.path().join("log").display().to_string();
        run("pg_ctl", &["-D", &self.data(), "-o", &options, "-l", &log, "-w", "start"]);
    }

    fn stop(&self) {
        run("pg_ctl", &["-D", &self.data(), "-m", "immediate", "-w", "stop"]);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone_already =
            command("pg_ctl", &["-D", &self.data(), "-m", "immediate", "stop"]).status();
    }
}

/// Where Debian keeps the server's programs, which are not for everybody's path.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is installed");
    let mut found: Vec<PathBuf> = versions.map(|version| version.unwrap().path()).collect();
    found.sort();
    found.pop().expect("PostgreSQL is installed").join("bin")
}

/// A program of the server's; it refuses to be run by root.
fn command(program: &str, arguments: &[&str]) -> Command {
    let program = programs().join(program);
    let is_root = std::fs::metadata("/proc/self")
        .is_ok_and(|it| std::os::unix::fs::MetadataExt::uid(&it) == 0);
    let mut command = if is_root {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.args(arguments).current_dir(Path::new("/")).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn run(program: &str, arguments: &[&str]) {
    let status = command(program, arguments).status().unwrap();
    assert!(status.success(), "{program} {arguments:?}: {status}");
}

#[tokio::test]
#[ignore = "needs PostgreSQL: ./test lookup"]
async fn while_the_database_is_gone_nothing_is_remembered_and_nobody_waits_long() {
    let server = Server::start();
    let world = World::on(Lookup::open(&server.place()).await.unwrap());
    world.remember(tagged("/a", &["t"])).await;
    server.stop();
    for number in 0..5 {
        assert!(world.table.remember(entry(&format!("/{number}"))).await.is_err());
    }
    let erased = world.table.purge(&tag("t"), &Taken::default()).await;
    assert!(erased.failure.is_some(), "never told as done");
    server.resume();
    // The writer leaves a database that failed alone for a moment.
    while world.table.remember(entry("/after")).await.is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.found(&Selector::All).await, keys(&["/a", "/after"]));
}

/// Stops the server in the middle of the first purge.
struct Stopping<'s> {
    server: &'s Server,
    done: AtomicBool,
    taken: Taken,
}

impl Eraser for Stopping<'_> {
    async fn erase(&self, pages: &[Listed]) -> Result<(), Left> {
        self.taken.erase(pages).await?;
        if !self.done.swap(true, Ordering::Relaxed) {
            self.server.stop();
        }
        Ok(())
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL: ./test lookup"]
async fn a_purge_in_whose_middle_the_database_stops_waits_in_the_outbox_and_loses_nothing() {
    let server = Server::start();
    let world = World::on(Lookup::open(&server.place()).await.unwrap());
    let outbox = Outbox::open(&server.folder.path().join("outbox")).unwrap();
    for wave in 0..5 {
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..500 {
            let table = world.table.clone();
            let page = tagged(&format!("/{wave}/{number}"), &["t"]);
            tasks.spawn(async move { table.remember(page).await.unwrap() });
        }
        tasks.join_all().await;
    }
    let eraser =
        Stopping { server: &server, done: AtomicBool::new(false), taken: Taken::default() };
    let erased = world.table.purge(&tag("t"), &eraser).await;
    assert!(erased.failure.is_some());
    let number = outbox.keep(&tag("t")).unwrap();
    drop(outbox);
    server.resume();
    let outbox = Outbox::open(&server.folder.path().join("outbox")).unwrap();
    for (waiting, what) in outbox.waiting() {
        assert_eq!(waiting, number);
        loop {
            // Connections of before the stop are found out one by one.
            if world.table.purge(&what, &eraser).await.failure.is_none() {
                break;
            }
        }
        outbox.done(waiting).unwrap();
    }
    assert!(outbox.is_empty());
    assert_eq!(eraser.taken.keys().len(), 2500, "every page was erased");
    assert!(world.found(&Selector::All).await.is_empty());
}

#[tokio::test]
#[ignore = "needs PostgreSQL: ./test lookup"]
async fn two_larders_that_share_a_table_write_and_purge_beside_each_other() {
    let server = Server::start();
    let one = World::on(Lookup::open(&server.place()).await.unwrap());
    let other = World::on(Lookup::open(&server.place()).await.unwrap());
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..1000 {
        let table = if number % 2 == 0 { one.table.clone() } else { other.table.clone() };
        // Half of the pages are published by both; their labels are the same in another order.
        let labels = if number % 2 == 0 { ["x", "y", "z"] } else { ["z", "y", "x"] };
        let page = tagged(&format!("/{}", number / 2), &labels);
        tasks.spawn(async move { table.remember(page).await.unwrap() });
    }
    tasks.join_all().await;
    assert_eq!(one.found(&tag("x")).await.len(), 500);
    let (x, z) = (tag("x"), tag("z"));
    let (by_one, by_other) = tokio::join!(one.purge(&x), other.purge(&z));
    assert_eq!(by_one.union(&by_other).count(), 500);
    assert_eq!(other.table.count().await.unwrap(), 0);
}
