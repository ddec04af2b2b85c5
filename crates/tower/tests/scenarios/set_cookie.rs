//! Cookies that a shared page sets: nobody gets what was made for nobody, and nobody's own is lost.

use larder_policy::{Audience, Share};
use larder_testkit::Sent;

use crate::rules::{
    PER_SESSION, for_all, of_a_browser, of_a_fill, owned, secs, share, site_of, tells,
};
use crate::world::{Answer, World};

const ALICE: &str = "theme=dark; sessionid=alice";

type Answers = fn(&Sent) -> Answer;

fn dropping(names: &[&str]) -> Share {
    Share { drop_set_cookie: owned(names), ..for_all() }
}

/// Sets a session cookie that says for whom: a stranger where no session came.
fn sets_session(sent: &Sent) -> Answer {
    let whose = if sent.field("cookie").is_some() { "theirs" } else { "strangers" };
    tells(sent).field("set-cookie", &format!("sessionid={whose}; HttpOnly; Path=/"))
}

fn sets_csrf(sent: &Sent) -> Answer {
    let whose = if sent.field("cookie").is_some() { "theirs" } else { "strangers" };
    tells(sent).field("set-cookie", &format!("csrftoken={whose}"))
}

#[tokio::test]
async fn a_page_that_sets_a_cookie_is_not_stored_and_asked_for_again_with_all_that_came() {
    let world = World::under(site_of(for_all()), sets_session);
    let seen = world.page("/p?utm_source=x", ALICE).await;
    assert_eq!(
        seen.cache_status(),
        "larder; fwd=uri-miss; detail=set-cookie; cookie=\"sessionid\""
    );
    assert_eq!(seen.all("set-cookie"), ["sessionid=theirs; HttpOnly; Path=/"]);
    assert!(seen.body.contains("sessionid=alice"), "their own page");
    let sent: Vec<_> = world.app.sent().iter().map(crate::rules::lines).collect();
    assert_eq!(sent, [of_a_fill(&[]), of_a_browser(ALICE)]);
    assert_eq!(world.app.last().uri, "/p?utm_source=x");
}

#[tokio::test]
async fn it_is_remembered_for_a_while_and_tried_again_after_it() {
    let world = World::under(site_of(for_all()), sets_session);
    world.page("/p", ALICE).await.says("set-cookie");
    for cookie in [ALICE, "", "sessionid=bob"] {
        let asked = world.app.count();
        let seen = world.page("/p", cookie).await;
        assert_eq!(seen.cache_status(), "larder; fwd=bypass; detail=known-uncacheable");
        assert_eq!(world.app.count(), asked + 1, "one request each");
        assert_eq!(world.last_lines(), of_a_browser(cookie));
    }
    world.clock.advance(secs(119));
    world.page("/p", ALICE).await.says("known-uncacheable");
    world.clock.advance(secs(1));
    let asked = world.app.count();
    world.page("/p", ALICE).await.says("set-cookie");
    assert_eq!(world.app.count(), asked + 2);
}

#[tokio::test]
async fn a_cookie_that_may_be_dropped_is_taken_off_and_nobody_gets_it() {
    let world = World::under(site_of(dropping(&["csrftoken"])), sets_csrf);
    for cookie in [ALICE, "", "csrftoken=mine"] {
        let seen = world.page("/p", cookie).await;
        assert!(seen.all("set-cookie").is_empty(), "{:?}", seen.headers);
        seen.tells_nothing_of(&["strangers"]);
    }
    assert_eq!(world.app.count(), 1);
    world.visit("HEAD", "/p", ALICE).await.is_hit().tells_nothing_of(&["csrftoken"]);
}

#[tokio::test]
async fn one_cookie_that_may_not_be_dropped_keeps_all() {
    let both = |sent: &Sent| sets_csrf(sent).field("set-cookie", "basket=1");
    let world = World::under(site_of(dropping(&["csrftoken"])), both);
    let seen = world.page("/p", ALICE).await;
    seen.says("detail=set-cookie; cookie=\"basket\"");
    assert_eq!(seen.all("set-cookie"), ["csrftoken=theirs", "basket=1"]);
}

#[tokio::test]
async fn names_count_as_they_are_written_and_strange_lines_are_kept() {
    for (line, named) in [
        ("CSRFToken=1", "cookie=\"CSRFToken\""),
        ("xcsrftoken=1", "cookie=\"xcsrftoken\""),
        ("csrftoken", "cookie=\"\""),
        ("=csrftoken", "cookie=\"\""),
        ("a\"b\\c=1", "cookie=\"abc\""),
    ] {
        let world = World::under(site_of(dropping(&["csrftoken"])), move |sent| {
            tells(sent).field("set-cookie", line)
        });
        let seen = world.page("/p", ALICE).await;
        seen.says("detail=set-cookie").says(named);
        assert_eq!(world.app.count(), 2, "{line}");
    }
}

#[tokio::test]
async fn no_visitor_gets_a_cookie_that_was_made_for_a_fill_on_any_way() {
    let answers: [(&str, Answers); 6] = [
        ("an error", |sent| Answer::new(503).field("set-cookie", &cookie_for(sent))),
        ("a redirect", |sent| {
            Answer::new(302).field("location", "/x").field("set-cookie", &cookie_for(sent))
        }),
        ("no-store", |sent| {
            tells(sent).field("cache-control", "no-store").field("set-cookie", &cookie_for(sent))
        }),
        ("vary: *", |sent| tells(sent).field("vary", "*").field("set-cookie", &cookie_for(sent))),
        ("too large", |sent| {
            let large = tells(sent).declare(64 << 20);
            large.field("set-cookie", &cookie_for(sent))
        }),
        ("not found", |sent| Answer::new(404).field("set-cookie", &cookie_for(sent))),
    ];
    for (name, answers) in answers {
        for drop in [&[][..], &["c"][..]] {
            let world = World::under(site_of(dropping(drop)), answers);
            for method in ["GET", "HEAD", "GET", "HEAD"] {
                let sent = crate::world::request(method, "/p", &[("cookie", ALICE)]);
                let seen = world.begin(sent).await.unwrap();
                let told = format!("{:?}", seen.headers());
                assert!(!told.contains("strangers"), "{name} {method} {drop:?}: {told}");
            }
        }
    }
}

fn cookie_for(sent: &Sent) -> String {
    let whose = if sent.field("cookie").is_some() { "theirs" } else { "strangers" };
    format!("c={whose}")
}

#[tokio::test]
async fn those_who_wait_for_a_page_that_sets_a_cookie_all_get_their_own() {
    let go = larder_testkit::Signal::new();
    let world = World::under(site_of(for_all()), {
        let go = go.clone();
        move |sent| {
            let answer = sets_session(sent);
            if sent.field("cookie").is_some() { answer } else { answer.wait_before_head(&go) }
        }
    });
    let mut all = tokio::task::JoinSet::new();
    for number in 0..20 {
        let world = world.clone();
        all.spawn(async move {
            let cookie = format!("sessionid=s{number}.");
            (world.page("/p", &cookie).await, cookie)
        });
    }
    world.settle().await;
    assert_eq!(world.app.count(), 1);
    go.fire();
    while let Some(seen) = all.join_next().await {
        let (seen, cookie) = seen.unwrap();
        assert!(seen.body.contains(&cookie), "{cookie}: {}", seen.body);
        seen.tells_nothing_of(&["strangers"]);
    }
    assert_eq!(world.app.count(), 21);
}

#[tokio::test]
async fn a_page_that_sets_its_own_session_anew_is_nobodys_but_its_own() {
    let world = World::under(site_of(share(PER_SESSION)), sets_session);
    let seen = world.page("/p", ALICE).await;
    seen.says("detail=set-cookie");
    assert_eq!(seen.all("set-cookie"), ["sessionid=theirs; HttpOnly; Path=/"]);
    world.page("/p", "sessionid=bob").await.says("set-cookie");
    assert_eq!(world.app.count(), 4, "each session's page is remembered for itself");
}

#[tokio::test]
async fn a_confirmation_that_sets_a_cookie_gives_it_to_nobody() {
    let world = World::under(site_of(share(Audience::AnonymousOnly)), |sent| {
        if sent.field("if-none-match").is_some() {
            return Answer::new(304).field("etag", "\"1\"").field("set-cookie", "c=strangers");
        }
        tells(sent).field("etag", "\"1\"")
    });
    world.page("/p", "").await.says("stored");
    world.clock.advance(secs(60));
    for _ in 0..3 {
        world.page("/p", "").await.tells_nothing_of(&["strangers"]);
    }
}

#[tokio::test]
async fn a_cookie_in_the_trailers_of_a_fill_is_given_to_nobody() {
    use http_body_util::BodyExt;
    let trailers = http::HeaderMap::from_iter([
        (http::header::SET_COOKIE, http::HeaderValue::from_static("c=strangers")),
        (http::header::ETAG, http::HeaderValue::from_static("\"1\"")),
    ]);
    let world = World::under(site_of(for_all()), move |_| {
        Answer::new(200).chunk("x").then(larder_testkit::Part::Trailers(trailers.clone()))
    });
    for _ in 0..2 {
        let seen = world.begin(crate::world::request("GET", "/p", &[])).await.unwrap();
        let read = seen.into_body().collect().await.unwrap();
        let trailers = read.trailers().cloned().unwrap_or_default();
        assert_eq!(trailers.get("set-cookie"), None);
    }
}
