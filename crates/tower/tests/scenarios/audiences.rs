//! Each audience, anonymous and logged in, by GET and HEAD, with and without query: what the application is sent, what is
//! stored, what the visitor sees.

use larder_policy::{Audience, Class};

use crate::rules::{
    LOOK_UP, PER_SESSION, PER_USER, by_look_up, by_marker, confirms, custom, member, of_a_browser,
    of_a_fill, share, site_of, tells,
};
use crate::world::{Answer, Seen, World};

const PATHS: [&str; 2] = ["/p", "/p?b=2&a=1"];

/// One kind of visitor under one audience.
struct Case {
    name: &'static str,
    audience: Audience,
    cookie: String,
    becomes: Becomes,
}

/// What becomes of their requests.
enum Becomes {
    /// A page that is shared, filled with these fields beside those of every fill.
    Shared(&'static [&'static str]),
    /// To the application as they are, for this reason.
    Own(&'static str),
}

const ALICE: &str = "theme=dark; sessionid=alice; csrftoken=t";
const NOBODY: &str = "theme=dark; csrftoken=t";

fn plain(name: &'static str, audience: Audience, cookie: &str, becomes: Becomes) -> Case {
    Case { name, audience, cookie: cookie.to_owned(), becomes }
}

fn cases() -> Vec<Case> {
    use Becomes::{Own, Shared};
    let anonymous = Audience::AnonymousOnly;
    let classes = Audience::AnonymousAndAuthenticated;
    let theme = || custom(&["cookie:theme"]);
    let language = || custom(&["header:accept-language"]);
    vec![
        plain("everybody, anonymous", Audience::AllUsers, NOBODY, Shared(&[])),
        plain("everybody, logged in", Audience::AllUsers, ALICE, Shared(&[])),
        plain("anonymous only, anonymous", anonymous.clone(), NOBODY, Shared(&[])),
        plain("anonymous only, logged in", anonymous, ALICE, Own("session-cookie")),
        plain(
            "classes, anonymous",
            classes.clone(),
            NOBODY,
            Shared(&["larder-identity: class=anonymous"]),
        ),
        plain("classes, unproved", classes, ALICE, Own("unverified")),
        plain("session, anonymous", PER_SESSION, NOBODY, Shared(&[])),
        plain("session, logged in", PER_SESSION, ALICE, Shared(&["cookie: sessionid=alice"])),
        plain("user, anonymous", PER_USER, NOBODY, Shared(&[])),
        plain("user, unproved", PER_USER, ALICE, Own("unverified")),
        plain("a cookie, anonymous", theme(), NOBODY, Shared(&["cookie: theme=dark"])),
        plain("a cookie, logged in", theme(), ALICE, Shared(&["cookie: theme=dark"])),
        plain("a cookie, not there", theme(), "csrftoken=t", Shared(&[])),
        plain("a header, anonymous", language(), NOBODY, Shared(&["accept-language: de"])),
        plain("a header, logged in", language(), ALICE, Shared(&["accept-language: de"])),
        plain("a query, anonymous", custom(&["query:page"]), NOBODY, Shared(&[])),
        plain("a query, logged in", custom(&["query:page"]), ALICE, Shared(&[])),
        plain("a segment, anonymous", custom(&["segment"]), NOBODY, Shared(&[])),
        plain("a segment, unproved", custom(&["segment"]), ALICE, Own("unverified")),
        plain(
            "a class, anonymous",
            custom(&["class"]),
            NOBODY,
            Shared(&["larder-identity: class=anonymous"]),
        ),
        plain("a class, unproved", custom(&["class"]), ALICE, Own("unverified")),
        plain("a custom user, anonymous", custom(&["user"]), NOBODY, Shared(&[])),
        plain("a custom user, unproved", custom(&["user"]), ALICE, Own("unverified")),
    ]
}

/// What visitors of whom it is proved who they are get, whichever way it is.
fn proved() -> Vec<(&'static str, Audience, &'static [&'static str])> {
    vec![
        (
            "classes",
            Audience::AnonymousAndAuthenticated,
            &["larder-identity: class=authenticated"][..],
        ),
        ("user", PER_USER, &["larder-identity: user=\"42\""]),
        ("a segment", custom(&["segment"]), &["larder-identity: segment=\"staff\""]),
        ("a class", custom(&["class"]), &["larder-identity: class=authenticated"]),
        ("a custom user", custom(&["user"]), &["larder-identity: user=\"42\""]),
        (
            "all there is",
            custom(&["segment", "user", "class", "cookie:theme", "header:accept-language"]),
            &[
                "accept-language: de",
                "cookie: theme=dark",
                "larder-identity: class=authenticated, user=\"42\", segment=\"staff\"",
            ],
        ),
    ]
}

/// The page of `visitor` is `shared`: filled with no more than its key, then given to all whose page it is.
#[track_caller]
fn check_filled(world: &World, name: &str, path: &str, first: &Seen, more: &[&str]) {
    assert_eq!(world.last_lines(), of_a_fill(more), "{name} {path}");
    assert_eq!(world.app.last().uri.to_string(), path, "{name}");
    assert_eq!(world.app.last().method, "GET", "{name}");
    assert_eq!(first.cache_status(), "larder; fwd=uri-miss; stored; ttl=60; detail=uri-miss");
    assert_eq!(first.field("age"), Some("0"), "{name}");
    first.tells_nothing_of(&["csrftoken", "203.0.113.9", "/from", "eve", "Mozilla"]);
}

#[track_caller]
fn check_seen(name: &str, audience: &Audience, seen: &Seen) {
    let everybody = *audience == Audience::AllUsers;
    let control = if everybody { "max-age=0" } else { "max-age=0, private" };
    assert_eq!(seen.all("cache-control"), [control], "{name}");
    let vary: &[&str] = if everybody { &[] } else { &["Cookie"] };
    assert_eq!(seen.all("vary"), vary, "{name}");
    assert_eq!(seen.field("larder-identity"), None, "{name}");
}

async fn shared(world: &World, name: &str, audience: &Audience, cookie: &str, more: &[&str]) {
    for path in PATHS {
        let first = world.page(path, cookie).await;
        check_filled(world, name, path, &first, more);
        check_seen(name, audience, &first);
        let asked = world.app.count();
        world.clock.advance(std::time::Duration::from_secs(7));
        for method in ["GET", "HEAD"] {
            let again = world.visit(method, path, cookie).await;
            assert_eq!(again.cache_status(), "larder; hit; ttl=53; detail=fresh", "{name}");
            assert_eq!(again.field("age"), Some("7"), "{name}");
            let body = if method == "GET" { &*first.body } else { "" };
            assert_eq!(again.body, body, "{name} {method}");
            assert_eq!(
                again.field("content-length"),
                Some(&*first.body.len().to_string()),
                "{name}"
            );
            check_seen(name, audience, &again);
        }
        assert_eq!(world.app.count(), asked, "{name}");
    }
}

async fn own(world: &World, name: &str, cookie: &str, reason: &str) {
    for path in PATHS {
        for method in ["GET", "HEAD", "GET"] {
            let asked = world.app.count();
            let seen = world.visit(method, path, cookie).await;
            let told = format!("larder; fwd=bypass; detail={reason}");
            assert_eq!(seen.cache_status(), told, "{name} {method}");
            assert_eq!(world.app.count(), asked + 1, "{name}");
            assert_eq!(world.last_lines(), of_a_browser(cookie), "{name} {method}");
            assert_eq!(world.app.last().uri.to_string(), path, "{name}");
            assert_eq!(world.app.last().method, method, "{name}");
            assert_eq!(seen.field("cache-control"), Some("private, no-cache"), "{name}");
            assert_eq!(seen.all("vary"), ["Cookie"], "{name}");
            assert_eq!(seen.field("age"), None, "{name}");
        }
    }
}

#[tokio::test]
async fn each_audience_gets_its_page_or_goes_through_whole() {
    for Case { name, audience, cookie, becomes } in cases() {
        let world = World::under(site_of(share(audience.clone())), tells);
        match becomes {
            Becomes::Shared(more) => shared(&world, name, &audience, &cookie, more).await,
            Becomes::Own(reason) => own(&world, name, &cookie, reason).await,
        }
    }
}

#[tokio::test]
async fn a_visitor_with_a_good_marker_gets_the_page_of_their_kind() {
    for (name, audience, more) in proved() {
        let site = by_marker(site_of(share(audience.clone())), &["k1"]);
        let world = World::under(site, confirms);
        let alice = member(Class::Authenticated, Some("42"), Some("staff"));
        let cookie = format!("theme=dark; csrftoken=t; {}", world.marked("alice", &alice, &["k1"]));
        shared(&world, name, &audience, &cookie, more).await;
    }
}

#[tokio::test]
async fn a_visitor_who_was_looked_up_gets_the_page_of_their_kind() {
    for (name, audience, more) in proved() {
        let world = World::under(by_look_up(site_of(share(audience.clone()))), confirms);
        let said = "class=authenticated, user=\"42\", segment=\"staff\"";
        world.app.push(LOOK_UP, Answer::new(200).field("larder-identity", said));
        shared(&world, name, &audience, ALICE, more).await;
        let looked_up = world.app.sent().iter().filter(|sent| sent.uri == LOOK_UP).count();
        assert_eq!(looked_up, 1, "{name}");
    }
}

#[tokio::test]
async fn a_head_for_a_page_that_is_not_there_goes_through_whole_and_stores_nothing() {
    for Case { name, audience, cookie, becomes } in cases() {
        let Becomes::Shared(more) = becomes else { continue };
        let world = World::under(site_of(share(audience)), tells);
        for path in PATHS {
            world.visit("HEAD", path, &cookie).await.is_forwarded("uri-miss");
            assert_eq!(world.last_lines(), of_a_browser(&cookie), "{name}");
            assert_eq!(world.app.last().method, "HEAD");
            let first = world.page(path, &cookie).await;
            check_filled(&world, name, path, &first, more);
        }
    }
}

#[tokio::test]
async fn a_visitor_who_is_proved_to_be_anonymous_shares_the_anonymous_page() {
    for audience in [Audience::AnonymousOnly, Audience::AnonymousAndAuthenticated, PER_USER] {
        let site = by_marker(site_of(share(audience.clone())), &["k1"]);
        let world = World::under(site, confirms);
        let first = world.page("/p", NOBODY).await;
        let cookie = world.marked("cart", &member(Class::Anonymous, None, None), &["k1"]);
        let second = world.page("/p", &cookie).await;
        second.is_hit();
        assert_eq!(first.body, second.body, "{audience:?}");
    }
}

#[tokio::test]
async fn classes_users_and_segments_never_share_a_page() {
    let kinds = [
        member(Class::Anonymous, None, None),
        member(Class::Authenticated, Some("1"), Some("a")),
        member(Class::Authenticated, Some("2"), Some("a")),
        member(Class::Authenticated, Some("2"), Some("b")),
    ];
    // How many pages there are of one URL.
    let rows = [
        (Audience::AllUsers, 1),
        (Audience::AnonymousAndAuthenticated, 2),
        (PER_USER, 3),
        (custom(&["segment"]), 3),
        (custom(&["user", "segment"]), 4),
        (custom(&["class"]), 2),
        (PER_SESSION, 4),
    ];
    for (audience, pages) in rows {
        let site = by_marker(site_of(share(audience.clone())), &["k1"]);
        let world = World::under(site, confirms);
        for round in 0..2 {
            for (place, kind) in kinds.iter().enumerate() {
                let cookie = world.marked(&format!("s{place}"), kind, &["k1"]);
                let others = ["s0", "s1", "s2", "s3"].into_iter().enumerate();
                let others = others.filter(|(other, _)| *other != place);
                let others: Vec<_> = others.map(|(_, session)| session).collect();
                world.page("/p", &cookie).await.tells_nothing_of(&others);
            }
            assert_eq!(world.app.count(), pages, "{audience:?} in round {round}");
        }
    }
}

#[tokio::test]
async fn somebody_without_a_name_does_not_get_the_page_of_nobody() {
    let world = World::under(by_marker(site_of(share(PER_USER)), &["k1"]), confirms);
    let nameless = world.marked("s", &member(Class::Authenticated, None, None), &["k1"]);
    world.page("/p", "").await.is_forwarded("uri-miss");
    world.page("/p", &nameless).await.says("fwd=bypass; detail=unverified");
    assert_eq!(world.last_lines(), of_a_browser(&nameless));
}

#[tokio::test]
async fn an_empty_session_cookie_shapes_no_page_of_those_who_have_none() {
    let world = World::under(site_of(share(PER_SESSION)), tells);
    world.page("/p", "sessionid=").await;
    world.page("/p", "").await.tells_nothing_of(&["sessionid"]);
}
