//! Pages with a token that is one visitor's: they are found out before anybody else gets any of them.

use http_body_util::BodyExt;
use larder_cache::purge::{Purge, Scope};
use larder_policy::{Audience, Share};
use larder_semantics::Reason;
use larder_testkit::{Sent, Signal};
use tokio::task::JoinSet;

use crate::rules::{PER_SESSION, for_all, owned, secs, share, site_of};
use crate::world::{Answer, Seen, World, read, request};

const HTML: (&str, &str) = ("content-type", "text/html; charset=utf-8");

/// A page, complete but for what stands in it.
fn html(inside: &str) -> Answer {
    let (name, value) = HTML;
    let page = format!("<!doctype html><title>Shop</title><body>{inside}</body>");
    Answer::new(200).field("cache-control", "max-age=60").field(name, value).body(page)
}

/// The same, in pieces.
fn in_pieces() -> Answer {
    Answer::new(200).field("cache-control", "max-age=60").field(HTML.0, HTML.1)
}

/// A form as Django writes it.
fn form(token: &str) -> String {
    let token = format!("{}9Z", token.repeat(62 / token.len()));
    format!(
        "<form method=\"post\"><input type=\"hidden\" name=\"csrfmiddlewaretoken\" value=\"{token}\"></form>"
    )
}

/// An application that gives each visitor a token made of their cookie, and a cookie to those who have none.
fn like_django(sent: &Sent) -> Answer {
    let cookie = sent.field("cookie").and_then(|line| line.strip_prefix("csrftoken="));
    let page = html(&form(cookie.unwrap_or("none")));
    if cookie.is_some() { page } else { page.field("set-cookie", "csrftoken=fresh") }
}

async fn many(world: &World, count: usize) -> JoinSet<Result<Seen, Reason>> {
    let mut all = JoinSet::new();
    for _ in 0..count {
        let world = world.clone();
        all.spawn(async move {
            let response = world.begin(request("GET", "/", &[])).await;
            read(response.map_err(|error| error.reason)?).await
        });
    }
    world.settle().await;
    all
}

#[tokio::test]
async fn a_page_with_a_token_is_nobody_elses_without_a_rule_and_under_each() {
    let sites = [
        None,
        Some(for_all()),
        Some(share(Audience::AnonymousOnly)),
        Some(share(PER_SESSION)),
        Some(Share { drop_set_cookie: owned(&["csrftoken"]), ..for_all() }),
    ];
    for site in sites {
        let site = site.map_or_else(|| crate::rules::site(Vec::new()), site_of);
        let world = World::under(site, like_django);
        for _ in 0..2 {
            for visitor in ["anna", "bert", "carl"] {
                let cookie = format!("csrftoken={visitor}");
                let seen = world.page("/", &cookie).await;
                assert_eq!(seen.body.matches(visitor).count(), 15, "{}", seen.body);
                let told = seen.cache_status();
                assert!(!told.contains("stored") && !told.contains("hit"), "{told}");
            }
        }
    }
}

#[tokio::test]
async fn what_kept_a_page_from_being_stored_is_told() {
    for (inside, reason) in [
        (form("a"), "token-django"),
        (
            "<meta name=\"csrf-token\" content=\"abcdefABCDEF0123-_56789abc==\">".to_owned(),
            "token-rails",
        ),
        (
            "<input type=hidden name=__RequestVerificationToken value=CfDJ8abcdefABCDEF0123456789>"
                .to_owned(),
            "token-aspnet",
        ),
    ] {
        let world = World::answering(html(&inside));
        world.get("/").await.says(&format!("fwd=uri-miss; detail={reason}"));
        world.get("/").await.says(&format!("fwd=bypass; detail={reason}"));
        let world = World::under(site_of(for_all()), move |_| html(&inside));
        world.get("/").await.says(&format!("detail={reason}"));
    }
}

#[tokio::test]
async fn a_page_without_a_token_is_stored_and_is_one_fetch_for_all() {
    for early in ["<p>csrfmiddlewaretoken</p>", "<input name=q value=x>", "<p"] {
        let go = Signal::new();
        let world = World::answering(in_pieces().chunk(early).wait(&go).chunk("</html>"));
        let mut all = many(&world, 20).await;
        go.fire();
        while let Some(seen) = all.join_next().await {
            assert_eq!(seen.unwrap().unwrap().body, format!("{early}</html>"));
        }
        assert_eq!(world.app.count(), 1);
        world.get("/").await.is_hit();
    }
}

#[tokio::test]
async fn those_who_wait_get_nothing_of_a_page_before_its_end_and_then_each_their_own() {
    let go = Signal::new();
    let world = World::new();
    let first = in_pieces().chunk("<p>secret of the first").wait(&go).chunk(form("first"));
    world.app.push("/", first);
    world.app.push("/", html("own"));
    let mut all = many(&world, 20).await;
    assert_eq!(world.app.count(), 1, "they wait");
    go.fire();
    let mut firsts = 0;
    while let Some(seen) = all.join_next().await {
        firsts += usize::from(seen.unwrap().unwrap().body.contains("secret of the first"));
    }
    assert_eq!((firsts, world.app.count()), (1, 20));
}

#[tokio::test(start_paused = true)]
async fn the_one_who_asks_reads_a_page_as_it_comes() {
    let go = Signal::new();
    let world = World::answering(in_pieces().chunk("early ").wait(&go).chunk("late"));
    let mut body = world.begin(request("GET", "/", &[])).await.unwrap().into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "early ");
    go.fire();
    assert_eq!(body.collect().await.unwrap().to_bytes(), "late");
    world.get("/").await.is_hit();
}

#[tokio::test]
async fn a_client_that_leaves_does_not_end_the_look_at_its_page() {
    for site in [Vec::new(), vec![crate::rules::rule("/*", for_all())]] {
        let go = Signal::new();
        let world = World::under(crate::rules::site(site), |_| Answer::new(404));
        world.app.push("/", in_pieces().chunk("a").wait(&go).chunk("b"));
        let leaver = tokio::spawn({
            let world = world.clone();
            async move { world.get("/").await }
        });
        world.settle().await;
        let mut others = many(&world, 5).await;
        leaver.abort();
        assert!(leaver.await.unwrap_err().is_cancelled());
        go.fire();
        while let Some(seen) = others.join_next().await {
            assert_eq!(seen.unwrap().unwrap().body, "ab");
        }
        world.get("/").await.is_hit();
        assert_eq!(world.app.count(), 1);
    }
}

#[tokio::test]
async fn a_page_that_breaks_off_is_nobodys_and_is_not_stored() {
    let go = Signal::new();
    let world = World::new();
    world.app.push("/", in_pieces().chunk("half").wait(&go).fail(Reason::Truncated));
    world.app.push("/", html("whole"));
    let mut all = many(&world, 20).await;
    go.fire();
    while let Some(seen) = all.join_next().await {
        assert_eq!(seen.unwrap().unwrap_err(), Reason::Truncated);
    }
    assert_eq!(world.app.count(), 1);
    assert!(world.get("/").await.is_forwarded("uri-miss").body.contains("whole"));
}

#[tokio::test]
async fn a_page_that_outgrows_the_look_goes_whole_to_the_one_who_asked() {
    let piece = "<p>text</p>".repeat(100_000);
    let page = |count: usize| (0..count).fold(in_pieces(), |page, _| page.chunk(piece.clone()));
    let world = World::answering(page(4));
    let seen = world.get("/").await;
    assert_eq!(seen.body.len(), 4 * piece.len());
    seen.says("detail=html-too-large");
    world.get("/").await.is_forwarded("bypass");
    let world = World::answering(page(3));
    world.get("/").await.says("stored");
    world.get("/").await.is_hit();
}

#[tokio::test]
async fn a_page_is_looked_at_behind_its_coding_and_not_stored_in_one_that_nobody_knows() {
    // gzip of `<input name=csrfmiddlewaretoken value=abcdefABCDEF0123456789abcdefABCD>`, in one block that is not compressed.
    let form = b"<input name=csrfmiddlewaretoken value=CfDJ8abcdefABCDEF0123456789>";
    let length = u16::try_from(form.len()).unwrap();
    let head = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1][..], &length.to_le_bytes()].concat();
    let tail = [&0xdcce_3e4d_u32.to_le_bytes()[..], &u32::from(length).to_le_bytes()].concat();
    let packed = [&head[..], &(!length).to_le_bytes(), form, &tail].concat();
    for (coding, reason) in [("gzip", "token-django"), ("dcb", "html-encoded")] {
        let answer = in_pieces().field("content-encoding", coding).body(packed.clone());
        let world = World::answering(answer);
        let seen = world.begin(request("GET", "/", &[])).await.unwrap();
        let told = seen.headers().get("cache-status").unwrap().to_str().unwrap().to_owned();
        assert!(told.ends_with(&format!("detail={reason}")), "{told}");
    }
}

#[tokio::test]
async fn the_answer_to_a_post_is_looked_at_before_it_is_a_page() {
    for (inside, stored) in [("<p>", true), (&*form("a"), false)] {
        let answer = html(inside).field("content-location", "/").field("cache-control", "public");
        let world = World::answering(answer);
        world.method("POST", "/").await;
        world.settle().await;
        let seen = world.get("/").await;
        assert_eq!(seen.cache_status().contains("hit"), stored, "{}", seen.cache_status());
    }
}

#[tokio::test]
async fn a_page_that_gets_a_form_takes_the_stored_one_with_it_under_a_rule() {
    let share = Share { grace: Some(secs(600)), ..for_all() };
    let world = World::under(site_of(share), |_| html(&form("own")));
    world.app.push("/", html("before"));
    world.app.push("/", html(&form("new")));
    world.get("/").await.says("stored");
    world.clock.advance_secs(61);
    assert!(world.get("/").await.is_hit().body.contains("before"));
    world.settle().await;
    world.get("/").await.is_forwarded("bypass");
}

#[tokio::test]
async fn what_is_purged_while_it_is_looked_at_is_neither_stored_nor_joined() {
    let go = Signal::new();
    let world = World::new();
    world.app.push("/", in_pieces().chunk("be").wait(&go).chunk("fore"));
    world.app.push("/", html("after"));
    let mut before = many(&world, 5).await;
    world.cache.purge(&Purge::hard(Scope::All));
    assert!(world.get("/").await.body.contains("after"));
    go.fire();
    while let Some(seen) = before.join_next().await {
        assert_eq!(seen.unwrap().unwrap().body, "before");
    }
    assert!(world.get("/").await.is_hit().body.contains("after"));
}

#[tokio::test(start_paused = true)]
async fn a_page_that_takes_its_time_is_not_waited_for() {
    for site in [Vec::new(), vec![crate::rules::rule("/*", for_all())]] {
        let (go, own) = (Signal::new(), Signal::new());
        let world = World::under(crate::rules::site(site), |_| Answer::new(404));
        world.app.push("/", in_pieces().chunk("slow").wait(&go).chunk("ly"));
        world.app.push("/", in_pieces().chunk("own").wait(&own));
        let all = many(&world, 5).await;
        assert_eq!(world.app.count(), 1);
        // Time goes on by itself where everybody waits.
        world.app.wait_for(5).await;
        own.fire();
        go.fire();
        for seen in all.join_all().await {
            assert!(["slowly", "own"].contains(&&*seen.unwrap().body));
        }
        world.get("/").await.says("fwd=bypass");
    }
}
