//! Audiences that a site made itself: what is in the key tells pages apart, byte for byte, and nothing else does.

use larder_policy::Share;

use crate::rules::{custom, for_all, of_a_fill, owned, rule, share, site, site_of, tells};
use crate::world::{World, request};

/// How many pages there are for these `Cookie` lines.
async fn pages_by_cookie(of: Share, cookies: &[&str]) -> usize {
    let world = World::under(site_of(of), tells);
    for cookie in cookies.iter().chain(cookies) {
        world.page("/p", cookie).await;
    }
    world.app.count()
}

#[tokio::test]
async fn a_cookie_of_the_key_tells_pages_apart_and_others_do_not() {
    let theme = || share(custom(&["cookie:theme"]));
    let rows: [(&[&str], usize); 7] = [
        (&["theme=dark", "theme=light"], 2),
        (&["theme=dark; a=1", "a=2; theme=dark", "b=3;theme=dark"], 1),
        (&["", "a=1", "xtheme=dark", "Theme=dark"], 1),
        (&["", "theme="], 2),
        // Which of two counts, applications do not agree about.
        (&["theme=a; theme=b", "theme=b; theme=a", "theme=a", "theme=b"], 4),
        (&["theme=a; theme=", "theme=; theme=a", "theme=a"], 3),
        (&["theme=dark; sessionid=alice", "theme=dark; sessionid=bob", "theme=dark"], 1),
    ];
    for (cookies, pages) in rows {
        assert_eq!(pages_by_cookie(theme(), cookies).await, pages, "{cookies:?}");
    }
}

#[tokio::test]
async fn values_do_not_run_into_each_other() {
    let two = || share(custom(&["cookie:a", "cookie:b"]));
    let rows: [(&[&str], usize); 3] = [
        (&["a=x; b=yz", "a=xy; b=z", "a=xyz; b=", "a=; b=xyz"], 4),
        (&["a=1", "b=1", "a=1; b=1"], 3),
        (&["a=x", "a=x; b="], 2),
    ];
    for (cookies, pages) in rows {
        assert_eq!(pages_by_cookie(two(), cookies).await, pages, "{cookies:?}");
    }
}

#[tokio::test]
async fn kept_cookies_are_keyed_and_sent_beside_those_of_any_audience() {
    let kept = Share { keep_cookies: owned(&["theme"]), ..for_all() };
    let world = World::under(site_of(kept), tells);
    let dark = world.page("/p", "a=1; theme=dark; sessionid=s").await;
    assert_eq!(world.last_lines(), of_a_fill(&["cookie: theme=dark"]));
    world.page("/p", "theme=light").await.tells_nothing_of(&["dark"]);
    world.page("/p", "").await.tells_nothing_of(&["dark", "light"]);
    let again = world.page("/p", "theme=dark").await;
    again.is_hit();
    assert_eq!(again.body, dark.body);
    assert_eq!(world.app.count(), 3);
}

#[tokio::test]
async fn a_header_of_the_key_tells_pages_apart_also_where_it_is_empty_or_repeated() {
    let world = World::under(site_of(share(custom(&["header:x-country"]))), tells);
    let kinds: [&[(&str, &str)]; 6] = [
        &[],
        &[("x-country", "")],
        &[("x-country", "de")],
        &[("x-country", "DE")],
        &[("x-country", "de"), ("x-country", "fr")],
        &[("x-country", "de, fr")],
    ];
    for round in 0..2 {
        for kind in kinds {
            let seen = world.get_with("/p", kind).await;
            for (_, value) in kind {
                assert!(seen.body.contains(&format!("x-country: {value}")), "{round}: {kind:?}");
            }
        }
        assert_eq!(world.app.count(), kinds.len());
    }
}

#[tokio::test]
async fn vary_on_a_header_of_the_key_is_satisfied_by_the_key() {
    let of = share(custom(&["header:x-country"]));
    let world = World::under(site_of(of), |sent| tells(sent).field("vary", "X-Country"));
    for country in ["de", "fr", "de", "fr"] {
        let seen = world.get_with("/p", &[("x-country", country)]).await;
        assert!(seen.body.contains(&format!("x-country: {country}")));
        assert_eq!(seen.all("vary"), ["X-Country", "Cookie"], "and the visitor's caches are told");
    }
    assert_eq!(world.app.count(), 2, "each is asked for once");
}

#[tokio::test]
async fn authorization_in_the_key_is_sent_and_tells_pages_apart() {
    let world = World::under(site_of(share(custom(&["header:authorization"]))), tells);
    for token in ["Bearer alice", "Bearer bob", "Bearer alice"] {
        let seen = world.get_with("/p", &[("authorization", token)]).await;
        assert!(seen.body.contains(token), "{}", seen.body);
    }
    world.get("/p").await.tells_nothing_of(&["alice", "bob"]);
    assert_eq!(world.app.count(), 3);
}

#[tokio::test]
async fn a_parameter_of_the_key_counts_whatever_is_ignored() {
    let mut pages = rule("/*", share(custom(&["query:page"])));
    pages.query.ignore = owned(&["page", "utm_*"]);
    let world = World::under(site(vec![pages]), tells);
    for target in ["/p?page=1&utm_source=x", "/p?utm_medium=y&page=1", "/p?page=2", "/p?page=1"] {
        let seen = world.get(target).await;
        assert!(!seen.body.contains("utm"), "{}", seen.body);
    }
    assert_eq!(world.app.count(), 2);
}

#[tokio::test]
async fn two_rules_of_one_url_never_share_a_page() {
    use http::Method;
    let (mut by_get, by_head) = (rule("/p", for_all()), rule("/p", share(custom(&["cookie:c"]))));
    by_get.when.methods = vec![Method::GET];
    let world = World::under(site(vec![by_get, by_head]), tells);
    world.page("/p", "c=1").await.is_forwarded("uri-miss");
    world.visit("HEAD", "/p", "c=1").await.is_forwarded("uri-miss");
    world.page("/p", "c=2").await.is_hit();
}

#[tokio::test]
async fn the_first_rule_that_matches_is_the_one() {
    use larder_policy::Action;
    let rules = vec![
        crate::rules::acting("/p/own", Action::Pass),
        rule("/p/*", for_all()),
        crate::rules::acting("/*", Action::Never),
    ];
    let world = World::under(site(rules), tells);
    world.page("/p/own", "").await.says("detail=rule-pass");
    world.page("/p/else", "").await.says("stored");
    world.page("/q", "").await.says("detail=rule-never");
}

#[tokio::test]
async fn a_rule_is_for_its_host() {
    let mut of_other = rule("/*", for_all());
    of_other.when.hosts = vec![larder_policy::rule::HostPattern::parse("other.example").unwrap()];
    let world = World::under(site(vec![of_other]), tells);
    world.get("/p").await.says("detail=no-lifetime-nor-validator");
    let mut elsewhere = request("GET", "/p", &[]);
    elsewhere.headers_mut().insert("host", http::HeaderValue::from_static("other.example"));
    world.send(elsewhere).await.unwrap().says("stored; ttl=60");
}
