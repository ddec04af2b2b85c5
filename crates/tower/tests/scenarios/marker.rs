//! Visitors who are known by a signed marker: what counts, and what a marker that does not count is worth.

use larder_policy::{Audience, Class, Identity};

use crate::rules::{
    PER_USER, by_marker, confirms, for_all, member, of_a_browser, of_a_fill, secs, share, site_of,
};
use crate::world::World;

fn world(audience: Audience, keys: &[&str]) -> World {
    World::under(by_marker(site_of(share(audience)), keys), confirms)
}

fn alice() -> Identity {
    member(Class::Authenticated, Some("alice"), None)
}

fn bob() -> Identity {
    member(Class::Authenticated, Some("bob"), None)
}

/// The request goes through as it came, and nothing of it is stored.
async fn is_unverified(world: &World, cookie: &str) {
    for method in ["GET", "HEAD", "GET"] {
        let asked = world.app.count();
        let seen = world.visit(method, "/p", cookie).await;
        seen.says("fwd=bypass; detail=unverified");
        assert_eq!(world.app.count(), asked + 1, "{cookie}");
        assert_eq!(world.last_lines(), of_a_browser(cookie));
    }
}

#[tokio::test]
async fn a_good_marker_counts_and_is_not_sent_on() {
    let world = world(PER_USER, &["k1"]);
    let cookie = world.marked("s1", &alice(), &["k1"]);
    world.page("/p", &cookie).await.says("stored; ttl=60");
    assert_eq!(world.last_lines(), of_a_fill(&["larder-identity: user=\"alice\""]));
    world.page("/p", &cookie).await.is_hit();
    world.visit("HEAD", "/p", &cookie).await.is_hit();
    let elsewhere = world.marked("s2", &alice(), &["k1"]);
    world.page("/p", &elsewhere).await.is_hit();
    assert_eq!(world.app.count(), 1, "another session of the same user");
}

#[tokio::test]
async fn a_marker_that_was_changed_or_forged_is_worth_nothing() {
    let world = world(PER_USER, &["k1"]);
    let good = world.marked("s1", &alice(), &["k1"]);
    world.page("/p", &good).await.says("stored");
    let last = good.len() - 1;
    let mut changed = good.clone();
    changed.replace_range(last.., if good.ends_with('A') { "E" } else { "A" });
    let forged = [
        changed,
        good.get(..last).unwrap().to_owned(),
        format!("{good}A"),
        "sessionid=s1; larder_id=".to_owned(),
        "sessionid=s1; larder_id=1".to_owned(),
        "sessionid=s1; larder_id=1.k1..".to_owned(),
        "sessionid=s1; larder_id=class=authenticated, user=\"alice\"".to_owned(),
        "sessionid=s1; Larder_id=x".to_owned(),
        "sessionid=s1".to_owned(),
        good.replace("larder_id=1.", "larder_id=2."),
    ];
    for cookie in forged {
        is_unverified(&world, &cookie).await;
    }
}

#[tokio::test]
async fn a_marker_that_was_good_a_moment_ago_does_not_vouch_for_another_session() {
    let world = world(PER_USER, &["k1"]);
    let (of_alice, of_bob) =
        (world.marked("s1", &alice(), &["k1"]), world.marked("s2", &bob(), &["k1"]));
    world.page("/p", &of_alice).await.says("stored");
    world.page("/p", &of_bob).await.says("stored").tells_nothing_of(&["alice"]);
    is_unverified(&world, &of_alice.replace("sessionid=s1", "sessionid=s2")).await;
    is_unverified(&world, &of_alice.replace("sessionid=s1", "sessionid=S1")).await;
    // Without the session there is nobody to be.
    let marker_only = of_alice.replace("sessionid=s1; ", "");
    let seen = world.page("/p", &marker_only).await;
    seen.says("stored").tells_nothing_of(&["alice", "bob"]);
}

#[tokio::test]
async fn a_marker_counts_until_its_second_and_then_no_more() {
    let world = world(PER_USER, &["k1"]);
    let cookie = world.marked("s1", &alice(), &["k1"]);
    world.page("/p", &cookie).await.says("stored");
    world.clock.advance(secs(3599));
    world.page("/p", &cookie).await.says("fwd=stale; stored");
    world.clock.advance(secs(1));
    is_unverified(&world, &cookie).await;
}

#[tokio::test]
async fn a_marker_of_a_key_that_is_not_ours_is_worth_nothing() {
    let world = world(PER_USER, &["k1"]);
    let of_other = world.marked("s1", &alice(), &["k2"]);
    is_unverified(&world, &of_other).await;
    is_unverified(&world, &of_other.replace("1.k2.", "1.k1.")).await;
}

#[tokio::test]
async fn while_keys_are_rotated_markers_of_the_old_and_the_new_count() {
    let world = world(PER_USER, &["k2", "k1"]);
    let old = world.marked("s1", &alice(), &["k1"]);
    let new = world.marked("s1", &alice(), &["k2", "k1"]);
    assert!(new.contains("larder_id=1.k2."), "the first signs");
    world.page("/p", &old).await.says("stored");
    world.page("/p", &new).await.is_hit();
}

#[tokio::test]
async fn a_key_that_was_taken_away_counts_no_more_at_once() {
    let world = world(PER_USER, &["k2", "k1"]);
    let old = world.marked("s1", &alice(), &["k1"]);
    world.page("/p", &old).await.says("stored");
    let newer = crate::rules::policy(by_marker(site_of(share(PER_USER)), &["k2"]));
    world.cache.set_options(newer);
    is_unverified(&world, &old).await;
}

#[tokio::test]
async fn several_sessions_are_nobody_whatever_the_markers_say() {
    let world = world(PER_USER, &["k1"]);
    let good = world.marked("s1", &alice(), &["k1"]);
    world.page("/p", &good).await.says("stored");
    is_unverified(&world, &format!("{good}; sessionid=s2")).await;
    is_unverified(&world, &format!("{good}; sessionid=s1")).await;
}

#[tokio::test]
async fn of_several_markers_one_that_proves_it_is_enough() {
    let world = world(PER_USER, &["k1"]);
    let good = world.marked("s1", &alice(), &["k1"]);
    let with_another = format!("larder_id=old; {good}");
    world.page("/p", &with_another).await.says("stored");
    assert_eq!(world.last_lines(), of_a_fill(&["larder-identity: user=\"alice\""]));
}

#[tokio::test]
async fn a_proved_login_keeps_out_of_the_page_for_the_anonymous() {
    let world = world(Audience::AnonymousOnly, &["k1"]);
    world.page("/p", "").await.says("stored");
    let cookie = world.marked("s1", &alice(), &["k1"]);
    world.page("/p", &cookie).await.says("fwd=bypass; detail=session-cookie");
    let forged = "sessionid=s1; larder_id=1.k1.x.y";
    world.page("/p", forged).await.says("fwd=bypass; detail=session-cookie");
    assert_eq!(world.last_lines(), of_a_browser(forged));
}

#[tokio::test]
async fn where_nobody_has_to_be_known_no_marker_is_looked_at() {
    let world = World::under(by_marker(site_of(for_all()), &["k1"]), confirms);
    world.page("/p", "sessionid=s1; larder_id=forged").await.says("stored");
    world.page("/p", &world.marked("s2", &bob(), &["k1"])).await.is_hit();
}

#[tokio::test]
async fn a_claim_that_a_client_makes_is_taken_off_on_every_way() {
    let world = world(Audience::AnonymousAndAuthenticated, &["k1"]);
    let claim = [("larder-identity", "class=authenticated"), ("larder-identity", "user=\"1\"")];
    world.get_with("/p", &claim).await.says("stored");
    assert_eq!(world.last_lines(), of_a_fill(&["larder-identity: class=anonymous"]));
    let mut with_session = claim.to_vec();
    with_session.push(("cookie", "sessionid=x"));
    world.get_with("/p", &with_session).await.says("unverified");
    assert_eq!(world.app.last().field("larder-identity"), None);
    for method in ["POST", "HEAD", "OPTIONS"] {
        let posted = crate::world::request(method, "/q", &with_session);
        world.send(posted).await.unwrap();
        assert_eq!(world.app.last().field("larder-identity"), None, "{method}");
    }
}

#[tokio::test]
async fn without_a_confirmation_nothing_is_shared_and_the_visitor_gets_their_own() {
    let unaware = |sent: &larder_testkit::Sent| crate::rules::tells(sent);
    let site = by_marker(site_of(share(Audience::AnonymousAndAuthenticated)), &["k1"]);
    let world = World::under(site, unaware);
    let cookie = world.marked("s1", &alice(), &["k1"]);
    let seen = world.page("/p", &cookie).await;
    assert_eq!(seen.cache_status(), "larder; fwd=uri-miss; detail=unconfirmed");
    assert!(seen.body.contains("sessionid=s1"), "their own: {}", seen.body);
    assert_eq!(world.last_lines(), of_a_browser(&cookie));
    assert_eq!(world.app.count(), 2);
    world.page("/p", &cookie).await.says("fwd=bypass; detail=known-uncacheable");
    assert_eq!(world.app.count(), 3, "it is remembered");
    world.page("/p", "").await.says("stored").tells_nothing_of(&["s1"]);
    world.page("/p", "").await.is_hit();
}

#[tokio::test]
async fn a_confirmation_among_other_fields_counts_in_every_spelling() {
    for vary in ["larder-identity", "Accept-Encoding , LARDER-IDENTITY", "Cookie,Larder-Identity"] {
        let site = by_marker(site_of(share(PER_USER)), &["k1"]);
        let world = World::under(site, move |sent| crate::rules::tells(sent).field("vary", vary));
        let cookie = world.marked("s1", &alice(), &["k1"]);
        world.page("/p", &cookie).await.says("stored");
        let again = world.page("/p", &cookie).await;
        again.is_hit();
        let told = again.all("vary").join(",").to_ascii_lowercase();
        assert!(!told.contains("larder-identity") && told.contains("cookie"), "{told}");
    }
}
