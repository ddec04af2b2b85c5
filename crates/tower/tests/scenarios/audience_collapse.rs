//! One fetch for all whose page it is, and never one for two whose pages differ.

use std::collections::BTreeMap;

use larder_policy::{Audience, Class};
use larder_testkit::{Sent, Signal};
use tokio::task::JoinSet;

use crate::rules::{
    PER_SESSION, PER_USER, by_marker, confirms, custom, for_all, member, of_a_fill, share, site_of,
    tells,
};
use crate::world::{Answer, Seen, World};

fn together(world: &World, path: &'static str, cookies: &[String]) -> JoinSet<(String, Seen)> {
    let mut all = JoinSet::new();
    for cookie in cookies {
        let (world, cookie) = (world.clone(), cookie.clone());
        all.spawn(async move {
            let seen = world.page(path, &cookie).await;
            (cookie, seen)
        });
    }
    all
}

fn waiting(go: &Signal, answers: fn(&Sent) -> Answer) -> impl Fn(&Sent) -> Answer + use<> {
    let go = go.clone();
    move |sent| answers(sent).wait_before_head(&go)
}

#[tokio::test]
async fn a_hundred_anonymous_visitors_with_different_cookies_are_one_fetch() {
    for audience in [Audience::AllUsers, Audience::AnonymousOnly, PER_SESSION] {
        let go = Signal::new();
        let world = World::under(site_of(share(audience)), waiting(&go, tells));
        let cookies: Vec<_> = (0..100).map(|n| format!("_ga=g{n}; csrftoken=c{n}")).collect();
        let mut all = together(&world, "/p", &cookies);
        world.settle().await;
        assert_eq!(world.app.count(), 1);
        go.fire();
        let mut collapsed = 0;
        while let Some(seen) = all.join_next().await {
            let (_, seen) = seen.unwrap();
            seen.tells_nothing_of(&["_ga", "csrftoken"]);
            collapsed += usize::from(seen.cache_status().contains("collapsed"));
        }
        assert_eq!((world.app.count(), collapsed), (1, 99));
        assert_eq!(world.last_lines(), of_a_fill(&[]));
    }
}

#[tokio::test]
async fn users_never_share_a_fetch_with_one_another_and_always_with_themselves() {
    for audience in [PER_SESSION, PER_USER, custom(&["user"]), custom(&["cookie:sessionid"])] {
        let go = Signal::new();
        let site = by_marker(site_of(share(audience.clone())), &["k1"]);
        let world = World::under(site, waiting(&go, confirms));
        let cookie = |name: &str| {
            world.marked(name, &member(Class::Authenticated, Some(name), None), &["k1"])
        };
        let cookies: Vec<_> = (0..30).map(|n| ["amy", "ben", "cid"][n % 3]).map(cookie).collect();
        let mut all = together(&world, "/p", &cookies);
        world.settle().await;
        assert_eq!(world.app.count(), 3, "{audience:?}");
        go.fire();
        while let Some(seen) = all.join_next().await {
            let (cookie, seen) = seen.unwrap();
            for name in ["amy", "ben", "cid"] {
                let theirs = cookie.contains(&format!("sessionid={name};"));
                assert_eq!(seen.body.contains(name), theirs, "{name}: {}", seen.body);
            }
        }
        assert_eq!(world.app.count(), 3);
    }
}

#[tokio::test]
async fn those_who_wait_for_a_page_that_varies_each_get_their_language() {
    let world =
        World::under(site_of(for_all()), |sent| tells(sent).field("vary", "Accept-Language"));
    let go = Signal::new();
    world.app.push("/p", Answer::new(200).field("vary", "Accept-Language").wait_before_head(&go));
    let mut all = JoinSet::new();
    for number in 0..40 {
        let (world, language) = (world.clone(), ["de", "fr", "it", "pl"][number % 4]);
        all.spawn(async move {
            let seen = world.get_with("/p", &[("accept-language", language)]).await;
            (language, seen)
        });
    }
    world.settle().await;
    assert_eq!(world.app.count(), 1);
    // From here on it says what it was sent.
    world.app.replace("/p", Answer::new(404));
    world.app.replace("/p", Answer::new(200).field("vary", "Accept-Language").body("any"));
    go.fire();
    let mut told = BTreeMap::<_, usize>::new();
    while let Some(seen) = all.join_next().await {
        let (language, seen) = seen.unwrap();
        assert_eq!(seen.body, "any", "{language}: not what was made for no language");
        *told.entry(language).or_default() += 1;
    }
    assert_eq!(told.len(), 4);
    let asked = world.app.sent();
    assert!(asked.len() <= 5, "one for each language and the first: {}", asked.len());
}

#[tokio::test]
async fn those_who_wait_for_a_page_that_is_not_confirmed_all_get_their_own() {
    let go = Signal::new();
    let site = by_marker(site_of(share(custom(&["segment"]))), &["k1"]);
    let world = World::under(site, {
        let go = go.clone();
        move |sent| {
            let answer = tells(sent);
            if sent.field("cookie").is_some() { answer } else { answer.wait_before_head(&go) }
        }
    });
    let cookie = |n: usize| {
        let name = format!("s{n}.");
        world.marked(&name, &member(Class::Authenticated, Some("x"), Some("staff")), &["k1"])
    };
    let mut all = together(&world, "/p", &(0..20).map(cookie).collect::<Vec<_>>());
    world.settle().await;
    assert_eq!(world.app.count(), 1);
    go.fire();
    while let Some(seen) = all.join_next().await {
        let (cookie, seen) = seen.unwrap();
        assert!(seen.body.contains(&cookie), "{}", seen.body);
    }
    assert_eq!(world.app.count(), 21);
}

#[tokio::test]
async fn when_the_one_who_fills_a_page_leaves_it_is_stored_all_the_same() {
    let go = Signal::new();
    let world = World::under(site_of(for_all()), waiting(&go, tells));
    let mut first = together(&world, "/p", &["sessionid=a".to_owned()]);
    world.settle().await;
    first.shutdown().await;
    go.fire();
    world.settle().await;
    world.page("/p", "sessionid=b").await.is_hit();
    assert_eq!(world.app.count(), 1);
}
