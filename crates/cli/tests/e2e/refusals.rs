//! What keeps the command from starting, beyond what it can tell from its arguments alone.

use std::net::TcpListener;
use std::process::Command;

#[test]
fn memory_that_is_not_there_and_an_admin_port_in_use_are_one_line_and_status_two() {
    let holder = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = holder.local_addr().expect("its number").to_string();
    let cases: [(&[&str], &str); 3] = [
        (
            &["--admin", "off", "--memory", "1000000GiB"],
            "larder: --memory: 1000000GiB for stored responses is more than ",
        ),
        (&["--admin", "off", "--memory", "7MiB"], "larder: --memory: 7MiB is too small"),
        (&["--admin", &taken], "larder: cannot listen on 127."),
    ];
    for (arguments, start) in cases {
        let output = Command::new(crate::binary())
            .args(["serve", "--to", "http://127.0.0.1:9", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .output()
            .expect("larder runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.starts_with(start), "{arguments:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{arguments:?}: {said}");
        assert!(output.stdout.is_empty(), "nothing was started");
    }
}
