//! Requests that a rule's audience does not share: bypass cookies, credentials, `pass`, scripts and navigations.

use larder_policy::{Action, PolicyParts};

use crate::rules::{
    BROWSER, PER_SESSION, acting, custom, for_all, lines, names, of_a_browser, of_a_fill, only_if,
    rule, share, site, site_of, tells,
};
use crate::world::{Lines, World, request};

fn bypassing(mut site: PolicyParts) -> PolicyParts {
    site.identity.bypass_cookies = names(&["messages", "flash_*"]);
    site
}

#[tokio::test]
async fn a_bypass_cookie_passes_with_all_that_came_and_stores_nothing() {
    let world = World::under(bypassing(site_of(for_all())), tells);
    for cookie in ["messages=1", "a=1; flash_note=x; sessionid=a", "messages=\"\"; messages=x"] {
        for method in ["GET", "HEAD", "GET"] {
            let seen = world.visit(method, "/p", cookie).await;
            assert_eq!(seen.cache_status(), "larder; fwd=bypass; detail=bypass-cookie");
            assert_eq!(world.last_lines(), of_a_browser(cookie));
        }
    }
    assert_eq!(world.app.count(), 9);
    world.page("/p", "").await.says("stored").tells_nothing_of(&["messages", "flash"]);
    world.page("/p", "messages=1").await.says("bypass-cookie");
    world.page("/p", "").await.is_hit();
}

#[tokio::test]
async fn an_empty_bypass_cookie_or_another_does_not_pass() {
    let world = World::under(bypassing(site_of(for_all())), tells);
    for cookie in ["", "messages=", "messages=\"\"", "xmessages=1", "Messages=1", "flash=1"] {
        world.page("/p", cookie).await;
    }
    assert_eq!(world.app.count(), 1);
}

#[tokio::test]
async fn a_bypass_cookie_passes_without_a_rule_too() {
    let world = World::under(bypassing(site(Vec::new())), |sent| {
        tells(sent).field("cache-control", "public, max-age=60")
    });
    world.page("/p", "messages=1").await.says("bypass-cookie");
    world.page("/p", "").await.says("stored").tells_nothing_of(&["messages"]);
    world.page("/p", "messages=1").await.says("bypass-cookie");
}

#[tokio::test]
async fn credentials_pass_whatever_the_response_allows() {
    let world = World::under(site_of(for_all()), |sent| {
        tells(sent).field("cache-control", "public, s-maxage=600")
    });
    for token in ["Bearer alice", "Bearer bob", ""] {
        let seen = world.get_with("/p", &[("authorization", token)]).await;
        assert_eq!(seen.cache_status(), "larder; fwd=bypass; detail=credentials");
        assert!(seen.body.contains(&format!("authorization: {token}")));
    }
    world.get("/p").await.says("stored").tells_nothing_of(&["alice", "bob"]);
    world.get_with("/p", &[("authorization", "Bearer alice")]).await.says("credentials");
}

#[tokio::test]
async fn credentials_without_a_rule_are_stored_only_by_permission() {
    let world =
        World::under(site(Vec::new()), |sent| tells(sent).field("cache-control", "max-age=60"));
    let alice = [("authorization", "Bearer alice")];
    world.get_with("/p", &alice).await.says("detail=authorization");
    world.get("/p").await.tells_nothing_of(&["alice"]);
}

#[tokio::test]
async fn pass_hands_everything_on_and_back_as_it_is() {
    let world = World::under(site(vec![acting("/*", Action::Pass)]), |sent| {
        tells(sent).field("cache-control", "public, max-age=60").field("set-cookie", "a=b")
    });
    for method in ["GET", "GET", "HEAD", "POST"] {
        let seen = world.visit(method, "/p", "sessionid=a").await;
        seen.says(if method == "POST" { "detail=method" } else { "fwd=bypass; detail=rule-pass" });
        assert_eq!(world.last_lines(), of_a_browser("sessionid=a"));
        assert_eq!(seen.all("cache-control"), ["public, max-age=60"]);
        assert_eq!((seen.all("set-cookie"), seen.all("vary")), (vec!["a=b"], vec![]));
    }
    assert_eq!(world.app.count(), 4);
}

#[tokio::test]
async fn a_rule_without_an_audience_leaves_it_to_the_response() {
    let world = World::under(site(vec![acting("/*", Action::Respect)]), |sent| {
        tells(sent).field("cache-control", "max-age=60")
    });
    let seen = world.page("/p", "theme=dark").await;
    seen.says("stored; ttl=60");
    assert_eq!(world.last_lines(), of_a_browser("theme=dark"));
    assert_eq!(seen.all("cache-control"), ["max-age=60"]);
}

#[tokio::test]
async fn another_method_than_get_and_head_passes_under_any_audience() {
    for audience in [for_all(), share(PER_SESSION), share(custom(&["class"]))] {
        let world = World::under(site_of(audience), |sent| {
            tells(sent).field("content-location", "/p").field("cache-control", "max-age=60")
        });
        for method in ["POST", "PUT", "OPTIONS", "PROPFIND"] {
            let seen = world.visit(method, "/p", "sessionid=a").await;
            seen.says("detail=method");
            assert_eq!(world.last_lines(), of_a_browser("sessionid=a"));
        }
        world.page("/p", "").await.is_forwarded("uri-miss").tells_nothing_of(&["POST"]);
    }
}

const SIGNS: [(Lines<'static>, &[&str]); 3] = [
    (&[("x-requested-with", "XMLHttpRequest")], &["x-requested-with: XMLHttpRequest"]),
    (&[("hx-request", "true")], &["hx-request: true"]),
    (
        &[("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")],
        &["sec-fetch-dest: empty", "sec-fetch-mode: cors"],
    ),
];

#[tokio::test]
async fn a_script_and_a_navigation_never_share_a_page_under_a_rule() {
    for (sign, sent) in SIGNS {
        for script_first in [true, false] {
            let world = World::under(site_of(for_all()), tells);
            for place in 0..4 {
                let is_script = (place % 2 == 0) == script_first;
                let seen = world.get_with("/p", only_if(is_script, sign)).await;
                assert_eq!(seen.body.contains(sent[0]), is_script, "{}", seen.body);
            }
            assert_eq!(world.app.count(), 2);
            let of_script = world.app.sent().into_iter().find(|s| lines(s).len() > 3).unwrap();
            assert_eq!(lines(&of_script), of_a_fill(sent));
        }
    }
}

#[tokio::test]
async fn a_script_and_a_navigation_never_share_a_page_without_a_rule() {
    for (sign, sent) in SIGNS {
        let world =
            World::under(site(Vec::new()), |sent| tells(sent).field("cache-control", "max-age=60"));
        for _ in 0..2 {
            for fields in [sign, &[]] {
                let seen = world.get_with("/p", fields).await;
                assert_eq!(seen.body.contains(sent[0]), !fields.is_empty(), "{}", seen.body);
            }
        }
        assert_eq!(world.app.count(), 2);
    }
}

#[tokio::test]
async fn scripts_of_several_signs_have_pages_of_their_own() {
    let world = World::under(site_of(for_all()), tells);
    let all: Lines<'_> = &[("hx-request", "true"), ("x-requested-with", "XMLHttpRequest")];
    for fields in [all, &all[..1], &all[1..], &[], all, &all[..1], &all[1..], &[]] {
        let seen = world.get_with("/p", fields).await;
        for (name, _) in all {
            let asked = fields.iter().any(|(other, _)| other == name);
            assert_eq!(seen.body.contains(name), asked, "{}", seen.body);
        }
    }
    assert_eq!(world.app.count(), 4);
}

#[tokio::test]
async fn what_only_looks_like_a_scripts_sign_reaches_no_shared_page() {
    let world = World::under(site_of(for_all()), tells);
    let lookalikes: [Lines<'_>; 5] = [
        &[("x-requested-with", "xmlhttprequest")],
        &[("x-requested-with", "XMLHttpRequest"), ("x-requested-with", "XMLHttpRequest")],
        &[("x-requested-with", "com.example.app")],
        &[("hx-request", "1")],
        &[("sec-fetch-dest", "empty")],
    ];
    for fields in lookalikes {
        world.get_with("/p", fields).await.tells_nothing_of(&["x-requested", "hx-", "sec-fetch"]);
    }
    assert_eq!(world.app.count(), 1);
    world.get("/p").await.is_hit();
}

#[tokio::test]
async fn a_get_with_content_passes_and_fills_nothing() {
    let world = World::under(site_of(for_all()), tells);
    let mut with_content = request("GET", "/p", BROWSER);
    *with_content.body_mut() = http_body_util::Full::from("poison");
    world.send(with_content).await.unwrap().says("detail=request-body");
    assert_eq!(world.app.last().body.unwrap(), "poison");
    world.get("/p").await.is_forwarded("uri-miss").tells_nothing_of(&["Mozilla"]);
}

#[tokio::test]
async fn a_precondition_is_for_the_application() {
    let world = World::under(site_of(for_all()), tells);
    world.get("/p").await;
    let matching = [("if-match", "\"x\""), ("cookie", "a=1")];
    world.get_with("/p", &matching).await.says("fwd=bypass; detail=origin-precondition");
    assert_eq!(world.app.last().field("if-match"), Some("\"x\""));
    world.get("/p").await.is_hit().tells_nothing_of(&["a=1"]);
}

#[tokio::test]
async fn a_clients_no_cache_moves_nobody() {
    let world = World::under(site(vec![rule("/*", for_all())]), tells);
    world.get("/p").await;
    for fields in
        [[("cache-control", "no-cache")], [("pragma", "no-cache")], [("cache-control", "no-store")]]
    {
        world.get_with("/p", &fields).await.is_hit();
    }
}
