//! Pages put together of several: each part is the visitor's own, through the rules and the cache.

use http_body_util::BodyExt;
use larder_policy::{Audience, Rework, Rule, Share, Templates};
use larder_semantics::Reason;
use larder_testkit::{Sent, Signal};

use crate::rules::{for_all, rule, secs, share, site};
use crate::world::{Answer, Script, World, read, request};

/// `esi = true`, for everything below `/page`.
fn pages() -> Rule {
    let rework = Rework { templates: Templates::All, ..Rework::default() };
    rule("/page*", Share { rework, ..for_all() })
}

fn html(body: impl Into<String>) -> Answer {
    let answer = Answer::new(200).field("content-type", "text/html");
    answer.field("cache-control", "max-age=60").body(body.into())
}

fn world(rules: Vec<Rule>, app: impl Fn(&Sent) -> Answer + Send + Sync + 'static) -> World {
    World::asking(crate::rules::policy(site(rules)), Script::choosing(app))
}

/// Says who asked for what.
fn part(sent: &Sent) -> Answer {
    let cookie = sent.field("cookie").unwrap_or("nobody");
    html(format!("[{} of {cookie}]", sent.uri)).field("cache-control", "private")
}

#[tokio::test]
async fn each_visitor_gets_their_own_parts_on_one_stored_page() {
    let world = world(vec![pages()], |sent| match sent.uri.path() {
        "/page" => html("a<esi:include src=\"/box?x=1\"/>b<esi:include src='/other'/>c")
            .field("etag", "\"1\""),
        _ => part(sent),
    });
    for round in 0..2 {
        for visitor in ["anna", "bert"] {
            let cookie = format!("sessionid={visitor}");
            let seen = world.page("/page", &cookie).await;
            let expected = format!("a[/box?x=1 of {cookie}]b[/other of {cookie}]c");
            assert_eq!(seen.body, expected);
            assert_eq!(seen.cache_status().contains("hit"), round > 0 || visitor != "anna");
            assert_eq!(seen.all("cache-control"), ["private, no-cache"]);
            for name in ["content-length", "etag", "surrogate-control"] {
                assert_eq!(seen.field(name), None, "{name}");
            }
        }
    }
    assert_eq!(world.app.sent().iter().filter(|sent| sent.uri.path() == "/page").count(), 1);
}

#[tokio::test]
async fn parts_come_from_the_cache_under_rules_of_their_own() {
    let rules = vec![pages(), rule("/box", share(Audience::AllUsers))];
    let world = world(rules, |sent| match sent.uri.path() {
        "/page" => html("<esi:include src=\"/box\"/>"),
        _ => html(format!("for {:?}", sent.field("cookie"))),
    });
    for visitor in ["anna", "bert"] {
        let seen = world.page("/page", &format!("sessionid={visitor}")).await;
        assert_eq!(seen.body, "for None");
    }
    assert_eq!(world.app.count(), 2);
}

#[tokio::test]
async fn only_pages_that_say_so_or_whose_rule_does_are_templates() {
    let said: &'static [(&str, &str)] = &[("surrogate-control", "content=\"ESI/1.0\"")];
    for (templates, fields, is_one) in [
        (Templates::Said, &[][..], false),
        (Templates::Said, said, true),
        (Templates::All, &[], true),
        (Templates::None, said, false),
    ] {
        let rework = Rework { templates, ..Rework::default() };
        let world = world(vec![rule("/page", Share { rework, ..for_all() })], move |sent| {
            if sent.uri.path() == "/page" {
                let page = html("<esi:include src=\"/box\"/>");
                fields.iter().fold(page, |page, (name, value)| page.field(name, value))
            } else {
                html("part")
            }
        });
        for _ in 0..2 {
            let seen = world.get("/page").await;
            assert_eq!(seen.body == "part", is_one, "{templates:?} {fields:?}: {}", seen.body);
        }
    }
    // Without a rule nothing is put together.
    let world = world(Vec::new(), move |_| {
        html("<esi:include src=\"/box\"/>").field("surrogate-control", "content=\"ESI/1.0\"")
    });
    assert!(world.get("/page").await.body.contains("esi:include"));
}

#[tokio::test]
async fn a_part_that_fails_is_another_is_left_out_or_ends_the_page() {
    let pages = |sent: &Sent| match sent.uri.path() {
        "/page/alt" => html("a<esi:include src=\"/gone\" alt=\"/box\"/>b"),
        "/page/continue" => html("a<esi:include src=\"/gone\" onerror=\"continue\"/>b"),
        "/page/ends" => html("a<esi:include src=\"/gone\"/>b"),
        "/page/elsewhere" => html("a<esi:include src=\"http://other.example/\"/>b"),
        "/page/coded" => html("a<esi:include src=\"/coded\"/>b"),
        "/coded" => html("part").field("content-encoding", "gzip"),
        "/page/broken" => html("a<esi:include src=\"/broken\"/>b"),
        "/broken" => Answer::new(200).chunk("half").fail(Reason::Truncated),
        "/box" => html("part"),
        _ => Answer::new(404),
    };
    let world = world(vec![self::pages()], pages);
    for (path, expected) in [
        ("/page/alt", Ok("apartb")),
        ("/page/continue", Ok("ab")),
        ("/page/ends", Err(Reason::IncludeFailed)),
        ("/page/elsewhere", Err(Reason::IncludeFailed)),
        ("/page/coded", Err(Reason::IncludeFailed)),
        ("/page/broken", Err(Reason::IncludeFailed)),
    ] {
        for _ in 0..2 {
            let response = world.begin(request("GET", path, &[])).await.unwrap();
            let seen = read(response).await.map(|seen| seen.body);
            assert_eq!(seen.as_deref(), expected.as_ref().copied(), "{path}");
        }
    }
    assert!(world.app.sent().iter().all(|sent| sent.field("host") == Some("site.example")));
}

#[tokio::test(start_paused = true)]
async fn what_precedes_is_sent_while_parts_are_awaited_and_not_for_ever() {
    let go = Signal::new();
    let slow = go.clone();
    let world = world(vec![pages()], move |sent| match sent.uri.path() {
        "/page" => html("early<esi:include src=\"/slow\" onerror=\"continue\"/>late"),
        _ => html("part").wait_before_head(&slow),
    });
    let mut body = world.begin(request("GET", "/page", &[])).await.unwrap().into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "early");
    go.fire();
    assert_eq!(body.collect().await.unwrap().to_bytes(), "partlate");
    let world = world_that_never_answers();
    let seen = world.get("/page").await;
    assert_eq!(seen.body, "earlylate", "after ten seconds");
}

fn world_that_never_answers() -> World {
    world(vec![pages()], |sent| match sent.uri.path() {
        "/page" => html("early<esi:include src=\"/slow\" onerror=\"continue\"/>late"),
        _ => html("part").wait_before_head(&Signal::new()),
    })
}

#[tokio::test]
async fn pages_include_pages_to_a_depth_and_circles_end() {
    let world = world(vec![pages()], |sent| match sent.uri.path() {
        "/page/1" => html("1<esi:include src=\"/page/2\"/>"),
        "/page/2" => html("2<esi:include src=\"3\"/>"),
        "/page/3" => html("3<esi:include src=\"4\"/>"),
        "/page/circle" => html("x<esi:include src=\"circle\" onerror=\"continue\"/>"),
        _ => html("4"),
    });
    assert_eq!(world.get("/page/1").await.body, "1234");
    assert_eq!(world.get("/page/circle").await.body, "xxxx");
}

#[tokio::test]
async fn pages_of_pages_do_not_multiply_without_end() {
    let world = world(vec![pages()], |sent| {
        let page = sent.uri.path();
        let include =
            |number| format!("<esi:include src=\"{page}/{number}\" onerror=\"continue\"/>");
        html((0..20).map(include).collect::<String>())
    });
    assert_eq!(world.page("/page", "sessionid=anna").await.status, 200);
    assert!(world.app.count() <= 101, "{}", world.app.count());
}

#[tokio::test]
async fn a_form_in_a_part_has_the_secret_that_the_visitor_gets_with_the_page() {
    let token = "a".repeat(32) + "appsSECRETappsSECRETappsSECRET99";
    let rework = Rework { csrf: true, templates: Templates::All, ..Rework::default() };
    let world = world(vec![rule("/*", Share { rework, ..for_all() })], move |sent| {
        if sent.uri.path() == "/page" {
            html("<esi:include src=\"/form\"/>")
        } else {
            html(format!("<form><input name=csrfmiddlewaretoken value={token}></form>"))
        }
    });
    for _ in 0..2 {
        let seen = world.get("/page").await;
        let cookie = seen.field("set-cookie").and_then(|line| line.get(10..42)).unwrap();
        let of_page = larder_html::secret_of_cookie(cookie.as_bytes()).unwrap();
        let at = seen.body.find("value=").unwrap() + 6;
        let token = seen.body.get(at..at + 64).unwrap();
        assert_eq!(larder_html::secret_of_cookie(token.as_bytes()), Some(of_page));
    }
}

#[tokio::test]
async fn a_stale_page_is_put_together_too_and_a_head_asks_for_no_parts() {
    let share = Share { grace: Some(secs(600)), ..for_all() };
    let rework = Rework { templates: Templates::All, ..Rework::default() };
    let world =
        world(vec![rule("/page", Share { rework, ..share })], |sent| match sent.uri.path() {
            "/page" => html("<esi:include src=\"/box\"/>"),
            _ => html("part").field("cache-control", "no-store"),
        });
    assert_eq!(world.get("/page").await.body, "part");
    world.clock.advance_secs(61);
    assert_eq!(world.get("/page").await.is_hit().body, "part");
    world.settle().await;
    let before = world.app.count();
    assert_eq!(world.method("HEAD", "/page").await.is_hit().body, "");
    assert_eq!(world.app.count(), before);
}
