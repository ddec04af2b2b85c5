//! What a visitor sees of a rule's pages: `Cache-Control` by `browser_ttl`, `Age`, helpers off, and the never that is exact.

use http::StatusCode;
use larder_policy::{Action, Audience, Share};
use larder_testkit::Sent;

use crate::rules::{acting, for_all, secs, share, site, site_of, tells};
use crate::world::{Answer, Lines, World, request};

fn saying(share: Share, fields: Lines<'static>) -> World {
    World::under(site_of(share), move |sent| {
        fields.iter().fold(tells(sent), |answer, (name, value)| answer.field(name, value))
    })
}

fn browser(of: Share, browser: u64) -> Share {
    Share { browser_ttl: Some(secs(browser)), ..of }
}

#[tokio::test]
async fn a_browsers_lifetime_grows_with_the_age_of_the_page() {
    let world = saying(browser(for_all(), 5), &[("cache-control", "public, s-maxage=900")]);
    for (age, told) in [(0, "max-age=5"), (1, "max-age=6"), (58, "max-age=63")] {
        let seen = world.get("/p").await;
        assert_eq!(
            (seen.field("age"), seen.all("cache-control")),
            (Some(&*age.to_string()), vec![told])
        );
        let head = world.method("HEAD", "/p").await;
        assert_eq!(head.all("cache-control"), [told]);
        world.clock.advance(secs(if age == 0 { 1 } else { 57 }));
    }
}

#[tokio::test]
async fn an_age_that_a_page_brings_counts_for_the_browser_too() {
    let world = saying(browser(for_all(), 5), &[("age", "20")]);
    for _ in 0..2 {
        let seen = world.get("/p").await;
        assert_eq!(
            (seen.field("age"), seen.field("cache-control")),
            (Some("20"), Some("max-age=25"))
        );
    }
}

#[tokio::test]
async fn who_may_keep_it_is_said_by_the_audience() {
    let anonymous = || share(Audience::AnonymousOnly);
    let cdn = |share: Share| Share { cdn_ttl: Some(secs(30)), ..share };
    let said: Lines<'static> = &[("cache-control", "public, max-age=600, s-maxage=900")];
    let rows: [(&str, Share, Lines<'static>, &str); 11] = [
        ("nothing said", for_all(), &[], "max-age=0"),
        ("as it says", for_all(), said, "public, max-age=600, s-maxage=900"),
        ("private", anonymous(), said, "max-age=600, private"),
        ("nothing, private", anonymous(), &[], "max-age=0, private"),
        ("browser", browser(for_all(), 5), said, "max-age=5"),
        ("browser, private", browser(anonymous(), 5), said, "max-age=5, private"),
        ("zero", browser(for_all(), 0), said, "max-age=0"),
        ("caches", cdn(browser(for_all(), 5)), said, "max-age=5, s-maxage=30"),
        ("caches, said", cdn(for_all()), said, "max-age=600, s-maxage=30"),
        ("not for caches", cdn(browser(anonymous(), 5)), said, "max-age=5, private"),
        (
            "what else holds",
            anonymous(),
            &[(
                "cache-control",
                "max-age=600, must-revalidate, immutable, stale-while-revalidate=9",
            )],
            "max-age=600, must-revalidate, immutable, stale-while-revalidate=9, private",
        ),
    ];
    for (name, share, fields, expected) in rows {
        let world = saying(share, fields);
        for _ in 0..2 {
            assert_eq!(world.get("/p").await.all("cache-control"), [expected], "{name}");
        }
    }
}

#[tokio::test]
async fn what_is_overridden_is_not_told_to_browsers() {
    let share = Share { override_no_store: true, ..for_all() };
    let fields = &[
        ("cache-control", "no-store, no-cache, private"),
        ("pragma", "no-cache"),
        ("expires", "0"),
    ];
    for share in [share.clone(), browser(share, 5)] {
        let told = if share.browser_ttl.is_some() { "max-age=5" } else { "max-age=0" };
        let world = saying(share, fields);
        let seen = world.get("/p").await;
        assert_eq!(seen.all("cache-control"), [told]);
        assert_eq!((seen.field("pragma"), seen.field("expires")), (None, None));
    }
}

const HELPERS: Lines<'static> = &[
    ("surrogate-control", "max-age=60"),
    ("cdn-cache-control", "max-age=60"),
    ("x-accel-expires", "60"),
    ("x-hash-cookies", "messages"),
    ("larder-identity", "class=anonymous"),
];

#[tokio::test]
async fn fields_for_helpers_are_off() {
    for share in [for_all(), browser(share(Audience::AnonymousOnly), 5)] {
        let world = saying(share, HELPERS);
        for _ in 0..2 {
            let seen = world.get("/p").await;
            for (name, _) in HELPERS {
                assert_eq!(seen.field(name), None, "{name}");
            }
        }
    }
}

#[tokio::test]
async fn fields_for_helpers_are_off_a_visitors_own_answer_too() {
    let world = saying(share(Audience::AnonymousOnly), HELPERS);
    let seen = world.page("/p", "sessionid=alice").await;
    for (name, _) in HELPERS {
        assert_eq!(seen.field(name), None, "{name}");
    }
}

#[tokio::test]
async fn an_internal_field_is_not_told_in_the_vary_of_a_visitors_own_answer() {
    let world = saying(share(Audience::AnonymousAndAuthenticated), &[("vary", "Larder-Identity")]);
    assert_eq!(world.page("/p", "sessionid=alice").await.all("vary"), ["Cookie"]);
}

#[tokio::test]
async fn a_visitors_own_answer_keeps_the_applications_word_or_is_private() {
    let own = |fields| saying(share(Audience::AnonymousOnly), fields);
    let silent = own(&[]).page("/p", "sessionid=alice").await;
    assert_eq!(silent.all("cache-control"), ["private, no-cache"]);
    assert_eq!(silent.all("vary"), ["Cookie"]);
    let says = own(&[("cache-control", "max-age=9"), ("vary", "Cookie"), ("set-cookie", "a=b")]);
    let said = says.page("/p", "sessionid=alice").await;
    assert_eq!(said.all("cache-control"), ["max-age=9"]);
    assert_eq!((said.all("vary"), said.all("set-cookie")), (vec!["Cookie"], vec!["a=b"]));
}

#[tokio::test]
async fn a_304_to_a_visitors_condition_is_dressed_as_the_page_is() {
    let share = browser(share(Audience::AnonymousOnly), 5);
    let world = saying(
        share,
        &[("etag", "\"1\""), ("cache-control", "s-maxage=900"), ("x-accel-expires", "1")],
    );
    for age in [0, 7] {
        world.clock.advance(secs(age));
        for method in ["GET", "HEAD"] {
            let seen = world.send(request(method, "/p", &[("if-none-match", "\"1\"")])).await;
            let seen = seen.unwrap();
            // What was not read yet is being stored by a task of its own.
            world.settle().await;
            assert_eq!(seen.status, StatusCode::NOT_MODIFIED, "{method} {age}");
            assert_eq!(seen.all("cache-control"), [format!("max-age={}, private", 5 + age)]);
            assert_eq!(seen.all("vary"), ["Cookie"]);
            assert_eq!(seen.field("etag"), Some("\"1\""));
            assert_eq!(seen.field("age"), Some(&*age.to_string()));
            assert_eq!((seen.field("x-accel-expires"), &*seen.body), (None, ""));
        }
    }
    assert_eq!(world.app.count(), 1);
}

#[tokio::test]
async fn a_range_of_a_shared_page_is_cut_from_the_whole() {
    let world = World::under(site_of(browser(for_all(), 5)), |_| {
        Answer::new(200).field("etag", "\"1\"").field("content-length", "10").body("0123456789")
    });
    let range = [("range", "bytes=2-4"), ("cookie", "sessionid=alice")];
    for _ in 0..2 {
        let seen = world.get_with("/p", &range).await;
        assert_eq!((seen.status, &*seen.body), (StatusCode::PARTIAL_CONTENT, "234"));
        assert_eq!(seen.field("cache-control"), Some("max-age=5"));
    }
    assert_eq!(world.app.count(), 1);
    assert_eq!(world.app.last().field("range"), None);
}

/// The three lines and nothing else about caching.
#[track_caller]
fn is_never(seen: &crate::world::Seen) {
    assert_eq!(seen.all("cache-control"), ["no-cache, no-store, must-revalidate"]);
    assert_eq!((seen.all("pragma"), seen.all("expires")), (vec!["no-cache"], vec!["0"]));
    assert_eq!(seen.field("cdn-cache-control"), None);
    assert_eq!(seen.field("surrogate-control"), None);
    assert_eq!(seen.field("x-accel-expires"), None);
}

fn eager(sent: &Sent) -> Answer {
    tells(sent)
        .field("cache-control", "public, max-age=600")
        .field("cache-control", "s-maxage=900")
        .field("expires", "Thu, 01 Jan 2099 00:00:00 GMT")
        .field("pragma", "x")
        .field("cdn-cache-control", "max-age=600")
        .field("x-accel-expires", "600")
}

#[tokio::test]
async fn never_is_exactly_its_three_lines_whatever_the_application_says() {
    let world = World::under(site(vec![acting("/*", Action::Never)]), eager);
    for (method, cookie) in [("GET", ""), ("GET", "sessionid=a"), ("HEAD", ""), ("POST", "a=1")] {
        let asked = world.app.count();
        for _ in 0..2 {
            let seen = world.visit(method, "/p?x=1", cookie).await;
            is_never(&seen);
            assert!(!seen.cache_status().contains("stored"), "{}", seen.cache_status());
            assert_eq!(world.last_lines(), crate::rules::of_a_browser(cookie));
        }
        assert_eq!(world.app.count(), asked + 2);
    }
    for status in [404, 500, 302] {
        world.app.replace("/p", Answer::new(status).field("cache-control", "max-age=60"));
        is_never(&world.get("/p").await);
    }
}

#[tokio::test]
async fn a_script_is_never_stored_where_the_site_says_so_and_everything_else_is() {
    let mut site = site_of(for_all());
    site.xhr.never = true;
    let world = World::under(site, eager);
    for sign in [
        &[("x-requested-with", "XMLHttpRequest")][..],
        &[("hx-request", "true")],
        &[("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")],
    ] {
        let seen = world.get_with("/p", sign).await;
        is_never(&seen);
        seen.says("fwd=bypass; detail=xhr");
    }
    assert_eq!(world.app.count(), 3);
    for no_sign in [
        &[("x-requested-with", "xmlhttprequest")][..],
        &[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")],
        &[("sec-fetch-mode", "cors")],
    ] {
        world.get_with("/p", no_sign).await;
    }
    assert_eq!(world.app.count(), 4);
}

#[tokio::test]
async fn a_bypass_cookie_does_not_take_never_away() {
    let mut site = site(vec![acting("/never", Action::Never)]);
    site.identity.bypass_cookies = crate::rules::names(&["messages"]);
    site.xhr.never = true;
    let world = World::under(site, eager);
    is_never(&world.page("/never", "messages=1").await);
    let script = [("x-requested-with", "XMLHttpRequest"), ("cookie", "messages=1")];
    is_never(&world.get_with("/p", &script).await);
}
