//! RFC 9111 §4.1: variants.

use crate::world::{Answer, World};

fn language(body: &'static str) -> Answer {
    Answer::page("max-age=60", body).field("vary", "Accept-Language")
}

#[tokio::test]
async fn each_value_has_its_own_variant_and_absent_is_one_of_them() {
    let world = World::new();
    for body in ["german", "english", "default"] {
        world.app.push("/", language(body));
    }
    let ask: [&[(&str, &str)]; 3] =
        [&[("accept-language", "de")], &[("accept-language", "en")], &[]];
    for fields in ask {
        world.get_with("/", fields).await;
    }
    for (fields, body) in ask.into_iter().zip(["german", "english", "default"]) {
        assert_eq!(world.get_with("/", fields).await.is_hit().body, body);
    }
    assert_eq!(world.app.count(), 3);
}

#[tokio::test]
async fn spellings_of_one_value_share_a_variant_but_order_matters() {
    let world = World::answering(language("x"));
    world.get_with("/", &[("accept-language", "en, de")]).await;
    world.get_with("/", &[("accept-language", " eN ,De")]).await.is_hit();
    world.get_with("/", &[("accept-language", "de, en")]).await.is_forwarded("vary-miss");
}

#[tokio::test]
async fn several_fields_must_all_match() {
    let world = World::answering(Answer::page("max-age=60", "x").field("vary", "a, b"));
    world.get_with("/", &[("a", "1"), ("b", "2")]).await;
    world.get_with("/", &[("a", "1"), ("b", "2"), ("c", "3")]).await.is_hit();
    world.get_with("/", &[("a", "1")]).await.is_forwarded("vary-miss");
    world.get_with("/", &[("a", "1"), ("b", "3")]).await.is_forwarded("vary-miss");
}

#[tokio::test]
async fn once_a_page_varies_what_was_stored_without_vary_is_not_trusted() {
    let world = World::new();
    world.app.push("/", Answer::page("max-age=1", "for anybody"));
    world.app.push("/", language("german"));
    world.app.push("/", language("english"));
    world.get("/").await;
    world.clock.advance_secs(2);
    world.get_with("/", &[("accept-language", "de")]).await;
    let other = world.get_with("/", &[("accept-language", "en")]).await;
    assert_eq!(other.is_forwarded("vary-miss").body, "english");
}

#[tokio::test]
async fn more_variants_than_the_limit_are_passed_and_drive_none_out() {
    let world = World::with(larder_cache::Options { variants_max: 2, ..Default::default() });
    world.app.push("/", language("x"));
    for value in ["a", "b", "c", "d"] {
        world.get_with("/", &[("accept-language", value)]).await;
    }
    for (value, hit) in [("a", true), ("b", true), ("c", false)] {
        let seen = world.get_with("/", &[("accept-language", value)]).await;
        assert_eq!(seen.cache_status().contains("hit"), hit, "{value}");
    }
    world.clock.advance_secs(61);
    world.get_with("/", &[("accept-language", "d")]).await;
    world.get_with("/", &[("accept-language", "d")]).await.is_hit();
}

#[tokio::test]
async fn fields_that_larder_writes_itself_never_select_by_what_the_client_sent() {
    let rewritten = larder_cache::receive::Rewritten::by_a_proxy();
    let world = World::with(larder_cache::Options { rewritten, ..Default::default() });
    world.app.push("/key", Answer::page("max-age=60", "x").field("vary", "X-Forwarded-Proto"));
    world.app.push("/visitor", Answer::page("max-age=60", "x").field("vary", "X-Forwarded-For"));
    for path in ["/key", "/visitor"] {
        world.get_with(path, &[("x-forwarded-proto", "https"), ("x-forwarded-for", "1")]).await;
    }
    world.get("/key").await.is_hit();
    world.get("/visitor").await.is_forwarded("bypass");
}
