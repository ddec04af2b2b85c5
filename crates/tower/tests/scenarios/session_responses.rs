//! Without a rule the response decides, but one that was made for a session is shared only by plain words.

use larder_policy::identity::IdentityRules;
use larder_policy::{Policy, PolicyParts};

use crate::rules::{site, tells};
use crate::world::{Lines, World};

fn saying(site: PolicyParts, fields: Lines<'static>) -> World {
    World::under(site, move |sent| {
        fields.iter().fold(tells(sent), |answer, (name, value)| answer.field(name, value))
    })
}

/// A site without rules that knows the well-known session cookies.
fn ruleless() -> PolicyParts {
    PolicyParts { identity: IdentityRules::default(), ..PolicyParts::default() }
}

const FRESH: Lines<'static> = &[("cache-control", "max-age=60")];

#[tokio::test]
async fn an_answer_to_a_session_is_stored_for_nobody_else() {
    let sessions = [
        "sessionid=x",
        "__Host-sessionid=x",
        "_myapp_session=x",
        "laravel_session=x",
        "PHPSESSID=x",
        "connect.sid=x",
        "JSESSIONID=x",
        "ASP.NET_SessionId=x",
        ".AspNetCore.Session=x",
        "wordpress_logged_in_0a1b=x",
        "theme=dark; sessionid=x",
        "remember_user_token=x",
        "sessionid=x; sessionid=y",
    ];
    for cookie in sessions {
        let world = saying(ruleless(), FRESH);
        let seen = world.page("/p", cookie).await;
        assert_eq!(
            seen.cache_status(),
            "larder; fwd=uri-miss; detail=session-response",
            "{cookie}"
        );
        world.page("/p", cookie).await.says("fwd=bypass");
        world.page("/p", "").await.tells_nothing_of(&["cookie"]);
        assert_eq!(world.app.count(), 3, "{cookie}");
    }
}

#[tokio::test]
async fn without_a_session_the_response_decides() {
    for cookie in ["", "_ga=1; csrftoken=x; theme=dark", "sessionid=", "messages=1"] {
        let world = saying(ruleless(), FRESH);
        world.page("/p", cookie).await.says("stored; ttl=60");
        world.page("/p", "").await.is_hit();
    }
}

#[tokio::test]
async fn an_anonymous_visitor_makes_the_page_that_a_session_could_not() {
    let world = saying(ruleless(), FRESH);
    world.page("/p", "sessionid=x").await.says("session-response");
    world.page("/p", "").await.says("stored");
    world.page("/p", "").await.is_hit().tells_nothing_of(&["sessionid"]);
}

#[tokio::test]
async fn plain_words_share_an_answer_to_a_session() {
    let words: [Lines<'static>; 5] = [
        &[("cache-control", "public, max-age=60")],
        &[("cache-control", "s-maxage=60")],
        &[("cdn-cache-control", "max-age=60")],
        &[("surrogate-control", "max-age=60")],
        &[("cache-control", "Public , Max-Age=60")],
    ];
    for fields in words {
        let world = saying(ruleless(), fields);
        world.page("/p", "sessionid=x").await.says("stored; ttl=60");
        world.page("/p", "").await.is_hit();
    }
}

#[tokio::test]
async fn what_varies_by_cookie_is_stored_for_those_cookies_only() {
    let world = saying(ruleless(), &[("cache-control", "max-age=60"), ("vary", "Cookie")]);
    world.page("/p", "sessionid=alice").await.says("stored");
    world.page("/p", "sessionid=alice").await.is_hit();
    world.page("/p", "sessionid=bob").await.is_forwarded("vary-miss").tells_nothing_of(&["alice"]);
    world.page("/p", "").await.is_forwarded("vary-miss").tells_nothing_of(&["alice", "bob"]);
}

#[tokio::test]
async fn words_that_are_said_by_accident_do_not_share() {
    let words: [Lines<'static>; 5] = [
        &[("cache-control", "max-age=60, must-revalidate")],
        &[("cache-control", "max-age=60, immutable")],
        &[("expires", "Thu, 01 Jan 2099 00:00:00 GMT")],
        &[("cache-control", "max-age=60"), ("vary", "Accept-Encoding")],
        &[("cache-control", "max-age=60, x-public, publicity")],
    ];
    for fields in words {
        let world = saying(ruleless(), fields);
        world.page("/p", "sessionid=x").await.says("detail=session-response");
    }
}

#[tokio::test]
async fn the_plain_reading_of_the_rfc_is_a_danger_that_has_to_be_named() {
    let site = PolicyParts { share_session_responses: true, ..ruleless() };
    let world = saying(site, FRESH);
    world.page("/p", "sessionid=x").await.says("stored");
    world.page("/p", "").await.is_hit();
}

#[tokio::test]
async fn a_sites_own_list_replaces_the_well_known_names() {
    let world = saying(site(Vec::new()), FRESH);
    world.page("/p", "PHPSESSID=x").await.says("stored");
    let world = saying(site(Vec::new()), FRESH);
    world.page("/p", "sessionid=x").await.says("session-response");
}

#[tokio::test]
async fn without_a_policy_at_all_sessions_are_safe_as_well() {
    let world = World::new();
    assert_eq!(world.cache.options().policy.number(), Policy::default().number());
    world.app.push("/p", crate::world::Answer::page("max-age=60", "alice's"));
    world.page("/p", "sessionid=alice").await.says("session-response");
}

#[tokio::test]
async fn sessions_that_wait_together_each_get_their_own() {
    let go = larder_testkit::Signal::new();
    let world = World::under(ruleless(), {
        let go = go.clone();
        move |sent| tells(sent).field("cache-control", "max-age=60").wait_before_head(&go)
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
    go.fire();
    while let Some(seen) = all.join_next().await {
        let (seen, cookie) = seen.unwrap();
        assert!(seen.body.contains(&cookie), "{cookie}: {}", seen.body);
    }
}

#[tokio::test]
async fn a_session_does_not_make_a_post_that_stores() {
    let world = World::under(ruleless(), |sent| {
        tells(sent).field("cache-control", "max-age=60").field("content-location", "/p")
    });
    world.visit("POST", "/p", "sessionid=alice").await;
    world.page("/p", "").await.is_forwarded("uri-miss").tells_nothing_of(&["alice"]);
}
