//! Pages with Django's forms that many get, each with tokens of their own: `csrf = "django"`.

use std::collections::HashSet;

use http::StatusCode;
use larder_cache::purge::{Purge, Scope};
use larder_policy::{Audience, Rework, Share};
use larder_testkit::{Sent, Signal};
use tokio::task::JoinSet;

use crate::rules::{for_all, secs, share, site_of};
use crate::world::{Answer, Seen, World, request};

/// What the application gives to whoever asks it.
const APPS: &str = "appsSECRETappsSECRETappsSECRET99";

/// `csrf = "django"`.
fn with_forms(share: Share) -> Share {
    Share { rework: Rework { csrf: true, ..Rework::default() }, ..share }
}

fn world() -> World {
    World::under(site_of(with_forms(for_all())), django)
}

/// A token of Django's for this secret, unmasked: a mask of the alphabet's first letter shifts nothing.
fn token(secret: &str) -> String {
    "a".repeat(32) + secret
}

fn page(token: &str) -> String {
    let field = format!("<input type=\"hidden\" name=\"csrfmiddlewaretoken\" value=\"{token}\">");
    format!(
        "<!doctype html><meta name=\"csrf-token\" content=\"{token}\"><form method=post>{field}</form><p>text</p><form method=post>{field}</form>"
    )
}

/// An application that makes the secret of who asks into its forms, and gives who has none the same one again and again.
fn django(sent: &Sent) -> Answer {
    let cookie = sent.field("cookie").and_then(|line| line.strip_prefix("csrftoken="));
    let secret = cookie.unwrap_or(APPS);
    Answer::new(200)
        .field("content-type", "text/html; charset=utf-8")
        .field("cache-control", "max-age=60")
        .field("etag", "\"apps\"")
        .field("last-modified", "Mon, 01 Jan 2024 00:00:00 GMT")
        .field("set-cookie", &format!("csrftoken={secret}; Path=/"))
        .field("vary", "Cookie, Accept-Encoding")
        .body(page(&token(secret)))
}

/// The tokens in a page.
fn tokens(body: &str) -> Vec<&str> {
    let value = |text: &'static str| body.split(text).skip(1).filter_map(|rest| rest.get(..64));
    value("content=\"").chain(value("csrfmiddlewaretoken\" value=\"")).collect()
}

/// The secret that a token hides: Django's own arithmetic.
fn secret_of(token: &str) -> String {
    const ALPHABET: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let place = |c: char| ALPHABET.find(c).expect("a letter or digit");
    let (mask, hidden) = token.split_at(32);
    let pairs = mask.chars().zip(hidden.chars());
    let letter = |(m, h)| ALPHABET.as_bytes()[(62 + place(h) - place(m)) % 62] as char;
    pairs.map(letter).collect()
}

impl Seen {
    /// All its tokens are of one secret, which is not the application's.
    #[track_caller]
    fn secret(&self) -> String {
        assert_eq!(self.field("content-length"), Some(&*self.body.len().to_string()));
        let tokens = tokens(&self.body);
        assert_eq!(tokens.len(), 3, "{}", self.body);
        let secrets: HashSet<String> = tokens.into_iter().map(secret_of).collect();
        assert_eq!(secrets.len(), 1);
        self.tells_nothing_of(&[APPS]);
        secrets.into_iter().next().unwrap()
    }

    /// The secret in the cookie that it sets.
    fn cookie(&self) -> Option<String> {
        let line = self.field("set-cookie")?;
        let (value, attributes) = line.strip_prefix("csrftoken=").unwrap().split_once(';').unwrap();
        assert_eq!(attributes, " Max-Age=31449600; Path=/; SameSite=Lax");
        Some(value.to_owned())
    }
}

fn secret(name: &str) -> String {
    format!("{name:0<32}")
}

#[tokio::test]
async fn each_visitor_gets_tokens_of_their_own_secret_on_one_stored_page() {
    let world = world();
    let mut masked = HashSet::new();
    for round in 0..3 {
        for name in ["anna", "bert", "carl"] {
            let own = secret(name);
            let seen = world.page("/", &format!("theme=dark; csrftoken={own}")).await;
            assert_eq!(seen.secret(), own);
            assert_eq!(seen.cookie(), None, "they have one");
            assert!(masked.insert(tokens(&seen.body)[0].to_owned()), "masked anew each time");
            assert_eq!(seen.cache_status().contains("hit"), round > 0 || name != "anna");
        }
    }
    assert_eq!(world.app.count(), 1);
    assert_eq!(world.app.last().field("accept-encoding"), Some("identity"));
    assert_eq!(world.app.last().field("cookie"), None);
}

#[tokio::test]
async fn who_has_no_secret_gets_one_and_the_cookie_with_it() {
    let world = world();
    let mut secrets = HashSet::new();
    for cookie in ["", "theme=dark", "csrftoken=", "csrftoken=short", "csrftoken=<script>"] {
        for _ in 0..2 {
            let seen = world.page("/", cookie).await;
            let own = seen.cookie().expect("a cookie");
            assert_eq!(seen.secret(), own);
            assert!(secrets.insert(own.clone()), "nobody else's");
            let again = world.page("/", &format!("csrftoken={own}")).await;
            assert_eq!((again.secret(), again.cookie()), (own, None));
        }
    }
}

#[tokio::test]
async fn the_response_is_the_visitors_alone() {
    let world = world();
    for _ in 0..2 {
        let seen = world.page("/", "").await;
        assert_eq!(seen.all("cache-control"), ["private, no-cache"]);
        assert!(seen.all("vary").iter().any(|line| line.contains("Cookie")));
        for name in ["etag", "last-modified", "accept-ranges", "expires"] {
            assert_eq!(seen.field(name), None, "{name}");
        }
    }
    for condition in [
        ("if-none-match", "\"apps\""),
        ("if-none-match", "*"),
        ("if-modified-since", "Mon, 01 Jan 2024 00:00:00 GMT"),
        ("range", "bytes=0-9"),
    ] {
        let seen = world.get_with("/", &[condition]).await;
        assert_eq!(seen.is_hit().status, StatusCode::OK, "{condition:?}");
        seen.secret();
    }
    assert_eq!(world.app.count(), 1);
}

#[tokio::test]
async fn a_head_has_the_fields_of_the_page() {
    let world = world();
    let page = world.get("/").await;
    let head = world.method("HEAD", "/").await;
    assert_eq!((head.is_hit().body.len(), head.status), (0, StatusCode::OK));
    assert_eq!(head.field("content-length"), page.field("content-length"));
    assert!(head.cookie().is_some());
}

#[tokio::test]
async fn those_who_wait_for_the_page_get_their_own_tokens_too() {
    let go = Signal::new();
    let world = World::under(site_of(with_forms(for_all())), {
        let go = go.clone();
        move |sent| django(sent).wait_before_head(&go)
    });
    let mut all = JoinSet::new();
    for visitor in 0..50 {
        let world = world.clone();
        all.spawn(async move {
            let own = secret(&format!("v{visitor}v"));
            (own.clone(), world.page("/", &format!("csrftoken={own}")).await)
        });
    }
    world.settle().await;
    go.fire();
    for (own, seen) in all.join_all().await {
        assert_eq!(seen.secret(), own);
    }
    assert_eq!(world.app.count(), 1);
}

#[tokio::test]
async fn the_application_is_asked_with_its_own_validators_and_what_it_confirms_stays_filled() {
    let world = world();
    let own = secret("anna");
    world.page("/", &format!("csrftoken={own}")).await;
    let confirmed = Answer::new(304)
        .field("etag", "\"apps\"")
        .field("set-cookie", "csrftoken=another; Path=/")
        .field("x-confirmed", "yes");
    world.app.push("/", confirmed);
    world.clock.advance_secs(61);
    let seen = world.page("/", &format!("csrftoken={own}")).await;
    seen.says("fwd=stale; fwd-status=304");
    assert_eq!(world.app.last().field("if-none-match"), Some("\"apps\""));
    assert_eq!((seen.secret(), seen.cookie(), seen.field("etag")), (own, None, None));
    assert_eq!(world.page("/", "").await.is_hit().field("x-confirmed"), Some("yes"));
}

#[tokio::test]
async fn a_stale_page_is_filled_while_it_is_made_anew() {
    let share = Share { grace: Some(secs(600)), ..with_forms(for_all()) };
    let world = World::under(site_of(share), django);
    world.page("/", "").await;
    world.clock.advance_secs(61);
    for _ in 0..2 {
        let own = secret("anna");
        assert_eq!(world.page("/", &format!("csrftoken={own}")).await.is_hit().secret(), own);
        world.settle().await;
    }
    assert_eq!(world.app.count(), 2);
}

#[tokio::test]
async fn a_page_whose_tokens_can_not_be_replaced_is_each_visitors_own() {
    let script = |sent: &Sent| {
        let own = sent.field("cookie").and_then(|line| line.strip_prefix("csrftoken="));
        let own = own.unwrap_or(APPS).to_owned();
        Answer::new(200).field("content-type", "text/html").body(format!(
            "{}<script>const t = {{\"csrfmiddlewaretoken\": \"{own}{own}\"}}</script>",
            page(&token(&own))
        ))
    };
    let world = World::under(site_of(with_forms(for_all())), script);
    for name in ["anna", "bert"] {
        let own = secret(name);
        let seen = world.page("/", &format!("csrftoken={own}")).await;
        assert!(seen.body.contains(&own));
        assert!(!seen.cache_status().contains("hit") && !seen.cache_status().contains("stored"));
    }
    let world = World::under(site_of(with_forms(for_all())), script);
    world.get("/").await.says("detail=token-unclear");
}

#[tokio::test]
async fn a_page_without_a_form_is_the_same_for_all_and_one_that_sets_the_cookie_is_not() {
    let plain = |_: &Sent| {
        Answer::new(200)
            .field("content-type", "text/html")
            .field("etag", "\"1\"")
            .body("<p>csrfmiddlewaretoken</p>")
    };
    let world = World::under(site_of(with_forms(for_all())), plain);
    for _ in 0..2 {
        let seen = world.get("/").await;
        assert_eq!((seen.field("etag"), seen.field("set-cookie")), (Some("\"1\""), None));
    }
    let seen = world.get_with("/", &[("if-none-match", "\"1\"")]).await;
    assert_eq!(seen.status, StatusCode::NOT_MODIFIED);
    let world = World::under(site_of(with_forms(for_all())), move |sent| {
        plain(sent).field("set-cookie", &format!("csrftoken={APPS}"))
    });
    for _ in 0..2 {
        let seen = world.page("/", "").await;
        assert_ne!(seen.cookie().expect("a secret for scripts"), APPS);
        assert_eq!(seen.all("cache-control"), ["private, no-cache"]);
    }
    assert_eq!(world.app.count(), 1);
}

#[tokio::test]
async fn a_page_in_a_coding_is_looked_through_and_not_filled() {
    let world = World::under(site_of(with_forms(for_all())), |sent| {
        django(sent).field("content-encoding", "dcb")
    });
    world.page("/", "csrftoken=x").await.says("detail=html-encoded");
}

#[tokio::test]
async fn what_is_purged_meanwhile_is_not_stored_and_those_who_waited_are_answered() {
    let go = Signal::new();
    let world = world();
    let slow = django(&Sent::default()).wait(&go);
    world.app.push("/", slow);
    world.app.push("/", django(&Sent::default()));
    let waiting = tokio::spawn({
        let world = world.clone();
        async move { world.page("/", "").await }
    });
    world.settle().await;
    world.cache.purge(&Purge::hard(Scope::All));
    go.fire();
    waiting.await.unwrap().secret();
    world.page("/", "").await.is_forwarded("uri-miss").secret();
    world.page("/", "").await.is_hit().secret();
}

#[tokio::test]
async fn every_audience_may_have_forms() {
    for audience in [Audience::AllUsers, Audience::AnonymousOnly, crate::rules::PER_SESSION] {
        let world = World::under(site_of(with_forms(share(audience))), django);
        for _ in 0..2 {
            let own = secret("anna");
            let seen = world.page("/", &format!("csrftoken={own}")).await;
            assert_eq!(seen.secret(), own);
        }
        assert_eq!(world.app.count(), 1);
    }
}

#[tokio::test]
async fn what_one_visitor_gets_never_has_anything_of_anothers() {
    let world = world();
    let mut seen = Vec::new();
    for visitor in 0..40 {
        let own = secret(&format!("visitor{visitor}x"));
        let cookie = if visitor % 2 == 0 { format!("csrftoken={own}") } else { String::new() };
        let answer = world.send(request("GET", "/", &[("cookie", &*cookie)])).await.unwrap();
        let of = answer.secret();
        assert_eq!(of == own, visitor % 2 == 0);
        seen.push((of, answer));
    }
    for (place, (own, _)) in seen.iter().enumerate() {
        let others = seen.iter().enumerate().filter(|(other, _)| *other != place);
        for (_, (_, answer)) in others {
            assert!(tokens(&answer.body).into_iter().all(|token| secret_of(token) != *own));
            answer.tells_nothing_of(&[own]);
        }
    }
}
