//! Several applications, of which one dies and comes back.

use larder_testkit::{Larder, Origin, Received, Script};

use crate::{connect, until};

fn named(name: &'static str) -> impl Fn(&Received) -> Script + Send + Sync + 'static {
    move |_| Script::answer("200 OK", "Cache-Control: no-store\r\n", name)
}

#[test]
fn requests_go_on_when_an_application_is_killed_and_it_is_taken_back_when_it_returns() {
    let one = Origin::answering(named("one"));
    let other = Origin::answering(named("other"));
    let address = one.addr();
    let more = ["--to", &other.url(), "--set", "upstream_pool.eject_for=50ms"];
    let larder = Larder::serve(crate::binary(), &one.url(), &more);
    let mut client = connect(&larder);
    for name in ["one", "other"] {
        until(name, || client.get("/"), |seen| seen.text() == name);
    }
    drop(one);
    for number in 0..100 {
        let seen = client.get("/");
        let told = seen.cache_status();
        assert_eq!((seen.status(), seen.text().as_str()), (200, "other"), "{number}: {told}");
    }
    let back = Origin::answering_at(address, named("back"));
    until(
        "taken back",
        || client.get("/"),
        |seen| {
            assert_eq!(seen.status(), 200, "{}", seen.cache_status());
            seen.text() == "back"
        },
    );
    assert!(back.request_count() > 0);
}
