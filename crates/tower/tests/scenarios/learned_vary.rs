//! `Vary` under a rule: a page is asked for without what nobody said it depends on, and again with it where its answer says so.

use larder_policy::Audience;
use larder_testkit::Sent;

use crate::rules::{PER_SESSION, for_all, lines, of_a_fill, share, site_of, tells};
use crate::world::{Answer, Lines, World};

fn by_language(sent: &Sent) -> Answer {
    tells(sent).field("vary", "Accept-Language")
}

const GERMAN: Lines<'_> = &[("accept-language", "de"), ("user-agent", "Mozilla/5.0")];
const FRENCH: Lines<'_> = &[("accept-language", "fr"), ("user-agent", "Mozilla/5.0")];

#[tokio::test]
async fn the_first_page_is_fetched_twice_and_later_ones_of_the_rule_once() {
    let world = World::under(site_of(for_all()), by_language);
    let first = world.get_with("/a", GERMAN).await;
    assert!(first.body.contains("accept-language: de"), "{}", first.body);
    let sent: Vec<_> = world.app.sent().iter().map(lines).collect();
    assert_eq!(sent, [of_a_fill(&[]), of_a_fill(&["accept-language: de"])]);
    world.get_with("/a", GERMAN).await.is_hit();
    assert_eq!(world.app.count(), 2);
    let later = world.get_with("/b", GERMAN).await;
    assert!(later.body.contains("accept-language: de"));
    assert_eq!(world.app.count(), 3);
    assert_eq!(world.last_lines(), of_a_fill(&["accept-language: de"]));
}

#[tokio::test]
async fn each_language_gets_its_own_and_is_asked_for_once() {
    let world = World::under(site_of(for_all()), by_language);
    world.get_with("/a", GERMAN).await;
    let asked = world.app.count();
    for round in 0..2 {
        for (visitor, word) in [(FRENCH, "fr"), (GERMAN, "de")] {
            let seen = world.get_with("/a", visitor).await;
            assert!(seen.body.contains(&format!("accept-language: {word}")), "{round}");
            assert_eq!(seen.all("vary"), ["Accept-Language"]);
        }
    }
    let none = world.get("/a").await;
    assert!(!none.body.contains("accept-language"), "{}", none.body);
    world.get("/a").await.is_hit();
    // The page that the very first fetch brought was made for those without a language.
    assert!(world.app.count() - asked <= 2, "{:?}", world.app.sent());
}

#[tokio::test]
async fn the_reason_of_another_variant_is_told() {
    let world = World::under(site_of(for_all()), by_language);
    world.get_with("/a", GERMAN).await.is_forwarded("uri-miss").says("stored");
    world.get_with("/a", FRENCH).await.is_forwarded("vary-miss").says("stored");
}

#[tokio::test]
async fn a_field_that_was_sent_and_is_not_named_does_not_reach_others() {
    let world = World::under(site_of(for_all()), |sent| {
        if sent.uri.path() == "/says-so" { by_language(sent) } else { tells(sent) }
    });
    world.get_with("/says-so", GERMAN).await;
    let german = world.get_with("/does-not", GERMAN).await;
    assert!(german.body.contains("accept-language: de"), "sent by what was learned");
    world.get_with("/does-not", FRENCH).await.tells_nothing_of(&["accept-language"]);
    let asked = world.app.count();
    for visitor in [GERMAN, FRENCH, &[]] {
        world.get_with("/does-not", visitor).await.is_hit().tells_nothing_of(&["accept-language"]);
    }
    assert_eq!(world.app.count(), asked, "it does not vary, as is known now");
}

#[tokio::test]
async fn what_is_learned_of_one_rule_is_nothing_to_another() {
    use crate::rules::{rule, site};
    let rules = vec![rule("/a/*", for_all()), rule("/b/*", for_all())];
    let world = World::under(site(rules), |sent| {
        if sent.uri.path().starts_with("/a") { by_language(sent) } else { tells(sent) }
    });
    world.get_with("/a/1", GERMAN).await;
    world.get_with("/b/1", GERMAN).await;
    assert_eq!(world.last_lines(), of_a_fill(&[]));
}

#[tokio::test]
async fn several_fields_are_learned_and_select_together() {
    let world =
        World::under(site_of(for_all()), |sent| tells(sent).field("vary", "Accept-Language, X-Ab"));
    let rows = [("x", "yz"), ("xy", "z"), ("x", ""), ("", "x")];
    for round in 0..2 {
        for (language, ab) in rows {
            let fields = [("accept-language", language), ("x-ab", ab)];
            let seen = world.get_with("/p", &fields).await;
            let told = format!("accept-language: {language}\n");
            assert!(seen.body.contains(&told) && seen.body.contains(&format!("x-ab: {ab}")));
            if round == 1 {
                seen.is_hit();
            }
        }
    }
}

#[tokio::test]
async fn vary_on_cookie_is_satisfied_by_the_key() {
    let by_cookie = |sent: &Sent| tells(sent).field("vary", "Cookie");
    let world = World::under(site_of(for_all()), by_cookie);
    world.page("/p", "a=1; sessionid=alice").await.says("stored").tells_nothing_of(&["alice"]);
    let other = world.page("/p", "a=2; sessionid=bob").await;
    other.is_hit();
    assert_eq!(other.all("vary"), ["Cookie"], "the visitor's caches are told as the page says");
    let world = World::under(site_of(share(PER_SESSION)), by_cookie);
    world.page("/p", "a=1; sessionid=alice").await.says("stored");
    world.page("/p", "a=2; sessionid=alice").await.is_hit();
    world.page("/p", "a=1; sessionid=bob").await.says("stored").tells_nothing_of(&["alice"]);
    assert_eq!(world.app.count(), 2);
}

#[tokio::test]
async fn vary_on_everything_passes_and_is_remembered() {
    for vary in ["*", " * ", "Accept-Language, *", "*, Cookie"] {
        let world = World::under(site_of(for_all()), move |sent| tells(sent).field("vary", vary));
        let seen = world.page("/p", "a=1").await;
        assert_eq!(seen.cache_status(), "larder; fwd=uri-miss; detail=vary-any", "{vary}");
        assert!(seen.body.contains("cookie: a=1"), "their own");
        assert_eq!(seen.all("vary"), [vary]);
        world.page("/p", "a=2").await.says("fwd=bypass; detail=known-uncacheable");
        assert_eq!(world.app.count(), 3);
    }
}

#[tokio::test]
async fn what_the_page_varies_by_is_merged_for_the_visitor() {
    let rows: [(&[&str], &[&str]); 5] = [
        (&["Accept-Language"], &["Accept-Language", "Cookie"]),
        (&["Accept-Language, Cookie"], &["Accept-Language, Cookie"]),
        (&["accept-encoding", "cookie"], &["accept-encoding", "cookie"]),
        (&["Larder-Identity, Accept-Language"], &["Accept-Language", "Cookie"]),
        (&[], &["Cookie"]),
    ];
    for (said, expected) in rows {
        let world = World::under(site_of(share(Audience::AnonymousOnly)), move |sent| {
            said.iter().fold(tells(sent), |answer, line| answer.field("vary", line))
        });
        for _ in 0..2 {
            let seen = world.get_with("/p", &[("if-none-match", "\"x\"")]).await;
            assert_eq!(seen.all("vary"), expected, "{said:?}");
        }
    }
}

#[tokio::test]
async fn a_page_that_varies_by_user_agent_is_stored_for_those_who_have_none() {
    let world = World::under(site_of(for_all()), |sent| tells(sent).field("vary", "User-Agent"));
    world.get("/p").await;
    world.get("/p").await.is_hit();
    let mozilla = world.page("/p", "").await;
    assert!(mozilla.body.contains("user-agent: Mozilla/5.0"));
    world.get("/p").await.is_hit().tells_nothing_of(&["Mozilla"]);
    assert!(world.app.count() <= 3, "{}", world.app.count());
}

#[tokio::test]
async fn what_no_page_may_vary_by_is_not_sent_because_a_page_says_so() {
    let rows = ["X-Forwarded-For", "Authorization", "Range", "Host", "If-None-Match"];
    for vary in rows {
        let options = larder_cache::Options {
            rewritten: larder_cache::receive::Rewritten::by_a_proxy(),
            ..crate::rules::policy(site_of(for_all()))
        };
        let app = crate::world::Script::choosing(move |sent| tells(sent).field("vary", vary));
        let world = World::asking(options, app);
        let fields =
            [("x-forwarded-for", "203.0.113.9"), ("range", "bytes=0-"), ("if-none-match", "\"x\"")];
        let answers = [world.get_with("/p", &fields).await, world.get_with("/p", &fields).await];
        for sent in world.app.sent() {
            // The visitor's own request carries all of it; a fill none.
            if sent.field("user-agent") == Some("Larder") {
                assert_eq!(lines(&sent), of_a_fill(&[]), "{vary}");
            }
        }
        assert!(answers.iter().all(|seen| seen.status.is_success()), "{vary}");
    }
}

#[tokio::test]
async fn more_variants_than_are_kept_are_passed_with_the_reason() {
    let mut options = crate::rules::policy(site_of(for_all()));
    options.variants_max = 3;
    let world = World::asking(options, crate::world::Script::choosing(by_language));
    for number in 0..10 {
        let language = format!("x-{number}");
        let seen = world.get_with("/p", &[("accept-language", &language)]).await;
        assert!(seen.body.contains(&format!("accept-language: {language}")), "{}", seen.body);
    }
    let one_more = world.get_with("/p", &[("accept-language", "x-99")]).await;
    one_more.says("fwd=bypass; detail=known-uncacheable");
    assert_eq!(world.app.last().field("accept-language"), Some("x-99"));
}
