//! The corpus of smuggling attempts.

use larder_testkit::smuggling;

use crate::serve;

#[test]
fn no_attempt_makes_two_peers_read_two_things() {
    let origin = smuggling::echo_origin();
    let server = serve(&origin);
    let failures = smuggling::run_smuggling(server.addresses()[0], &origin);
    assert!(failures.is_empty(), "{failures:#?}");
}
