//! Holes that others had in this very place, each by its name: Django's cache in 2026, and django-cache-headers. None is ours.

use http::StatusCode;
use larder_policy::{Action, Audience, Class, Share};
use larder_testkit::Sent;

use crate::rules::{
    PER_SESSION, acting, by_marker, confirms, custom, for_all, member, of_a_browser, of_a_fill,
    only_if, owned, rule, secs, share, site, site_of, tells,
};
use crate::world::{Answer, Lines, World};

/// Worlds with these fields on every page: without a rule, and with one for everybody.
fn with_and_without_a_rule(fields: Lines<'static>) -> [(&'static str, World); 2] {
    let says = move |sent: &Sent| {
        fields.iter().fold(tells(sent), |answer, (name, value)| answer.field(name, value))
    };
    [
        ("no rule", World::under(site(Vec::new()), says)),
        ("a rule", World::under(site_of(for_all()), says)),
    ]
}

/// Asks twice: nothing is stored, for this reason, and the second gets what the application made for it.
async fn is_never_stored(fields: Lines<'static>, request: Lines<'_>, reason: &str) {
    for (name, world) in with_and_without_a_rule(fields) {
        let first = world.get_with("/p", request).await;
        first.says(&format!("detail={reason}"));
        for cookie in ["other=1", ""] {
            let seen = world.page("/p", cookie).await;
            assert!(!seen.cache_status().contains("hit"), "{name}: {fields:?}");
            assert!(!seen.cache_status().contains("stored"), "{name}: {fields:?}");
            assert_eq!(world.last_lines(), of_a_browser(cookie), "{name}");
        }
    }
}

/// A page that sets a session cookie without `Vary: Cookie`, as `SESSION_SAVE_EVERY_REQUEST` makes it, was stored for everybody.
#[tokio::test]
async fn cve_2026_35192_a_public_page_that_sets_a_session_fixes_nobodys() {
    for control in ["public, max-age=600", "s-maxage=600", "max-age=600"] {
        let fields: Lines<'static> = Box::leak(Box::new([
            ("cache-control", control),
            ("set-cookie", "sessionid=strangers; HttpOnly; Path=/"),
        ]));
        is_never_stored(fields, &[], "set-cookie").await;
        is_never_stored(fields, &[("cookie", "theme=dark")], "set-cookie").await;
    }
}

/// `Vary: *` was stored.
#[tokio::test]
async fn cve_2026_6907_vary_any_is_not_stored_wherever_the_asterisk_stands() {
    for vary in ["*", "Accept-Language, *", "*, Cookie", " *", "Cookie,*"] {
        let fields: Lines<'static> =
            Box::leak(Box::new([("cache-control", "public, max-age=600"), ("vary", vary)]));
        is_never_stored(fields, &[], "vary-any").await;
    }
    let two_lines = &[("cache-control", "public, max-age=600"), ("vary", "Cookie"), ("vary", "*")];
    is_never_stored(two_lines, &[], "vary-any").await;
}

/// Names padded with white space were other names.
#[tokio::test]
async fn cve_2026_48587_white_space_in_vary_hides_no_name() {
    for vary in
        ["  Accept-Language  ,\tX-Ab  ", "X-Ab ,Accept-Language\t", "accept-language , x-ab"]
    {
        let fields: Lines<'static> =
            Box::leak(Box::new([("cache-control", "public, max-age=600"), ("vary", vary)]));
        for (name, world) in with_and_without_a_rule(fields) {
            let kinds = [("de", "1"), ("fr", "1"), ("de", "2")];
            for (place, (language, ab)) in [kinds, kinds].concat().into_iter().enumerate() {
                let sent = [("accept-language", language), ("x-ab", ab)];
                let seen = world.get_with("/p", &sent).await;
                let told = format!("accept-language: {language}\n");
                assert!(seen.body.contains(&told), "{name} {vary:?}: {}", seen.body);
                assert!(seen.body.contains(&format!("x-ab: {ab}")), "{name} {vary:?}");
                assert!(place < 3 || seen.cache_status().contains("hit"), "{name} {vary:?}");
            }
        }
    }
    is_never_stored(&[("cache-control", "public, max-age=600"), ("vary", "\t* ")], &[], "vary-any")
        .await;
}

/// Pages for credentials were stored without `Vary: Authorization`.
#[tokio::test]
async fn cve_2026_35193_credentials_are_nobody_elses() {
    let world =
        World::under(site(Vec::new()), |sent| tells(sent).field("cache-control", "max-age=600"));
    let ruled = World::under(site_of(for_all()), |sent| {
        tells(sent).field("cache-control", "public, max-age=600")
    });
    for world in [world, ruled] {
        for name in ["alice", "bob", "alice"] {
            let token = format!("Basic {name}");
            let seen = world.get_with("/p", &[("authorization", &token)]).await;
            assert!(seen.body.contains(&token), "{}", seen.body);
            assert!(!seen.cache_status().contains("stored"), "{}", seen.cache_status());
        }
        world.get("/p").await.tells_nothing_of(&["alice", "bob"]);
        let seen = world.get_with("/p", &[("authorization", "Basic eve")]).await;
        seen.tells_nothing_of(&["alice", "bob"]);
    }
}

/// `Private` and `NO-STORE` counted only in lower case.
#[tokio::test]
async fn ghsa_8cjm_8mp7_r2xf_directives_count_in_any_case() {
    for (said, reason) in [
        ("Private, max-age=600", "private"),
        ("max-age=600, PRIVATE", "private"),
        ("NO-STORE", "no-store"),
        ("Max-Age=600,No-Store", "no-store"),
        ("pRiVaTe=\"Set-Cookie\", NO-STORE", "no-store"),
    ] {
        let fields: Lines<'static> = Box::leak(Box::new([("cache-control", said)]));
        is_never_stored(fields, &[], reason).await;
    }
    let two_lines = &[("cache-control", "max-age=600"), ("Cache-Control", "NO-store")];
    is_never_stored(two_lines, &[], "no-store").await;
}

/// `Set-Cookie` with `Vary: Cookie` was stored when the request had cookies, be they anybody's.
#[tokio::test]
async fn cve_2026_48588_a_cookie_beside_vary_cookie_is_not_stored_whatever_the_request_had() {
    let fields = &[
        ("cache-control", "public, max-age=600"),
        ("vary", "Cookie"),
        ("set-cookie", "sessionid=strangers"),
    ];
    for request in [&[][..], &[("cookie", "theme=dark")], &[("cookie", "csrftoken=x; a=b")]] {
        is_never_stored(fields, request, "set-cookie").await;
    }
}

/// A header that was not there and one that was empty had one key.
#[tokio::test]
async fn cve_2026_113593_an_absent_header_is_not_an_empty_one() {
    let fields: Lines<'static> = &[("cache-control", "public, max-age=600"), ("vary", "X-Ab")];
    for empty_first in [true, false] {
        for (name, world) in with_and_without_a_rule(fields) {
            for place in 0..4 {
                let is_empty = (place % 2 == 0) == empty_first;
                let seen = world.get_with("/p", only_if(is_empty, &[("x-ab", "")])).await;
                assert_eq!(seen.body.contains("x-ab:"), is_empty, "{name}");
                assert!(place < 2 || seen.cache_status().contains("hit"), "{name}");
            }
        }
    }
}

/// Values of several headers were put into one hash without a border.
#[tokio::test]
async fn django_key_hash_values_of_two_headers_do_not_run_into_each_other() {
    let fields: Lines<'static> = &[("cache-control", "public, max-age=600"), ("vary", "X-A, X-B")];
    for (name, world) in with_and_without_a_rule(fields) {
        for _ in 0..2 {
            for (a, b) in [("x", "yz"), ("xy", "z"), ("xyz", ""), ("", "xyz")] {
                let seen = world.get_with("/p", &[("x-a", a), ("x-b", b)]).await;
                let told = seen.body.contains(&format!("x-a: {a}\nx-b: {b}"));
                assert!(told, "{name} {a} {b}: {}", seen.body);
            }
        }
    }
}

/// Keys of two URLs could be one.
#[tokio::test]
async fn cve_2020_13254_two_urls_are_two_pages() {
    let world = World::under(site_of(for_all()), tells);
    let urls = ["/a%20b", "/a+b", "/a%2520b", "/a%0Ab", "/a", "/a?", "/a?b", "/a%3Fb", "/A", "//a"];
    for _ in 0..2 {
        for url in urls {
            let seen = world.get(url).await;
            assert!(seen.body.starts_with(&format!("GET {url}\n")), "{url}: {}", seen.body);
        }
    }
    assert_eq!(world.app.count(), urls.len());
}

/// 2.9.1: the guard looked where cookies never are, so a page that set them left as one for everybody.
#[tokio::test]
async fn django_cache_headers_1_a_page_that_sets_cookies_is_guarded_whoever_sets_them() {
    for audience in [Audience::AllUsers, Audience::AnonymousOnly, PER_SESSION] {
        for cookie in
            ["csrftoken=x; Path=/", "sessionid=x; HttpOnly", "messages=x", "a=; Max-Age=0"]
        {
            let world = World::under(site_of(share(audience.clone())), move |sent| {
                tells(sent)
                    .field("cache-control", "max-age=5, s-maxage=600")
                    .field("set-cookie", cookie)
            });
            world.page("/p", "").await.says("detail=set-cookie");
            world.page("/p", "").await.says("fwd=bypass");
        }
    }
}

/// 2.9.2: the view's `Vary` was lost, and one language given to all.
#[tokio::test]
async fn django_cache_headers_2_the_views_vary_is_merged_and_obeyed() {
    let world = World::under(site_of(share(Audience::AnonymousOnly)), |sent| {
        tells(sent).field("vary", "Accept-Language, HX-Request, Origin")
    });
    for _ in 0..2 {
        for language in ["de", "fr"] {
            let seen = world.get_with("/p", &[("accept-language", language)]).await;
            assert!(seen.body.contains(&format!("accept-language: {language}")));
            assert_eq!(seen.all("vary"), ["Accept-Language, HX-Request, Origin", "Cookie"]);
        }
    }
}

/// 2.9.3: what went into the key had no borders, took the last match, and matched inside other names.
#[tokio::test]
async fn django_cache_headers_3_cookies_are_parsed_and_delimited() {
    let of = share(custom(&["cookie:messages", "cookie:isauthenticated"]));
    let world = World::under(site_of(of), tells);
    let visitors = [
        "messages=1",
        "isauthenticated=1",
        "messages=; isauthenticated=1",
        "isauthenticated=10",
        "messages=1; isauthenticated=1",
        "",
    ];
    for _ in 0..2 {
        for cookie in visitors {
            let seen = world.page("/p", cookie).await;
            let told = seen.body.lines().find_map(|line| line.strip_prefix("cookie: "));
            assert_eq!(told.unwrap_or_default(), cookie);
        }
    }
    assert_eq!(world.app.count(), visitors.len());
    // Inside another name it is another cookie.
    for cookie in ["xisauthenticated=10", "xmessages=1; other=isauthenticated=1"] {
        world.page("/p", cookie).await.is_hit().tells_nothing_of(&["isauthenticated", "messages"]);
    }
}

/// 2.9.4: a hit was never verified: a cookie written by hand opened the page of those who are logged in.
#[tokio::test]
async fn django_cache_headers_4_a_hit_is_verified_as_a_miss_is() {
    let audience = Audience::AnonymousAndAuthenticated;
    let world = World::under(by_marker(site_of(share(audience)), &["k1"]), |sent| {
        let page = sent.field("larder-identity").unwrap_or_default().replace("class=", "page of ");
        Answer::new(200).field("vary", "Larder-Identity").body(page)
    });
    let alice = world.marked("alice", &member(Class::Authenticated, Some("1"), None), &["k1"]);
    assert_eq!(world.page("/p", &alice).await.body, "page of authenticated");
    assert_eq!(world.page("/p", "").await.body, "page of anonymous");
    world.page("/p", &alice).await.is_hit();
    for by_hand in [
        "isauthenticated=1",
        "xisauthenticated=10",
        "larder_id=1.k1.Y2xhc3M9YXV0aGVudGljYXRlZA.AAAA",
        "class=authenticated",
    ] {
        let seen = world.page("/p", by_hand).await;
        assert_eq!(seen.is_hit().body, "page of anonymous", "{by_hand}");
    }
    for by_hand in ["sessionid=12345678; isauthenticated=1", &alice.replace("=alice", "=mallory")] {
        let seen = world.page("/p", by_hand).await;
        seen.says("fwd=bypass; detail=unverified");
        assert_eq!(world.last_lines(), of_a_browser(by_hand));
    }
}

/// 2.9.5: one half searched for what the other matched from the start.
#[tokio::test]
async fn django_cache_headers_5_a_rule_matches_from_the_first_byte() {
    use larder_policy::rule::Pattern;
    for source in ["/p", "^/p"] {
        let mut from_start = rule("/x", for_all());
        from_start.when.pattern = Pattern::regex(source).unwrap();
        let world =
            World::under(site(vec![from_start]), |sent| tells(sent).field("vary", "Cookie"));
        for path in ["/p", "/p/1", "/page?x=1"] {
            world.page(path, "a=1").await.says("stored");
        }
        for path in ["/x/p", "/?next=/p", "/private/p"] {
            let told = world.page(path, "a=1").await;
            assert_eq!(told.cache_status().contains("stored"), path.starts_with("/p"), "{path}");
        }
    }
}

/// 2.9.6: a change had its effects, and then an answer that said it was refused.
#[tokio::test]
async fn django_cache_headers_6_a_change_is_made_once_and_answered_by_the_application() {
    let world =
        World::under(site_of(share(Audience::AnonymousAndAuthenticated)), |_| Answer::new(201));
    let seen = world.visit("POST", "/p", "sessionid=123; isauthenticated=1").await;
    assert_eq!((seen.status, world.app.count()), (StatusCode::CREATED, 1));
    assert_eq!(world.last_lines(), of_a_browser("sessionid=123; isauthenticated=1"));
}

/// 2.9.7: what was put in the answer's place lost its cookies.
#[tokio::test]
async fn django_cache_headers_7_a_visitors_own_answer_keeps_its_cookies_and_status() {
    let world = World::under(site_of(share(PER_SESSION)), |sent| {
        let login = sent.method == "POST";
        Answer::new(if login { 302 } else { 200 })
            .field("location", "/")
            .field("set-cookie", "sessionid=new")
            .field("set-cookie", "messages=hello")
    });
    for (method, status) in [("POST", 302), ("GET", 200), ("GET", 200), ("HEAD", 200)] {
        let seen = world.visit(method, "/login", "sessionid=old").await;
        assert_eq!(seen.status.as_u16(), status);
        assert_eq!(seen.all("set-cookie"), ["sessionid=new", "messages=hello"], "{method}");
    }
}

/// 2.9.8: a session of eight characters that nobody has was answered with a page to be kept, and with the end of the session.
#[tokio::test]
async fn django_cache_headers_8_an_invented_session_poisons_nothing() {
    let ends_it = |sent: &Sent| {
        let answer = confirms(sent);
        match sent.field("cookie") {
            Some(_) => answer.field("set-cookie", "sessionid=; Max-Age=0"),
            None => answer,
        }
    };
    for audience in [Audience::AnonymousOnly, Audience::AnonymousAndAuthenticated, PER_SESSION] {
        let world = World::under(by_marker(site_of(share(audience)), &["k1"]), ends_it);
        let invented = world.page("/p", "sessionid=12345678").await;
        assert_eq!(invented.all("set-cookie"), ["sessionid=; Max-Age=0"]);
        assert!(!invented.cache_status().contains("stored"));
        let anonymous = world.page("/p", "").await;
        anonymous.says("stored").tells_nothing_of(&["Max-Age", "12345678"]);
        world.page("/p", "").await.is_hit();
    }
}

/// 2.9.9: pages of one user left with `s-maxage` and without `private`.
#[tokio::test]
async fn django_cache_headers_9_a_page_that_is_not_everybodys_says_private_and_no_s_maxage() {
    let audiences = [
        Audience::AnonymousOnly,
        Audience::AnonymousAndAuthenticated,
        PER_SESSION,
        custom(&["cookie:theme"]),
    ];
    for audience in audiences {
        let share =
            Share { browser_ttl: Some(secs(5)), cdn_ttl: Some(secs(600)), ..share(audience) };
        let world = World::under(site_of(share), |sent| {
            confirms(sent)
                .field("cache-control", "public, s-maxage=600")
                .field("x-accel-expires", "600")
        });
        for _ in 0..2 {
            let seen = world.page("/p", "theme=dark").await;
            assert_eq!(seen.all("cache-control"), ["max-age=5, private"]);
            assert_eq!(seen.field("x-accel-expires"), None);
            assert!(seen.all("vary").contains(&"Cookie"));
        }
    }
}

/// 2.9.10: `Last-Modified` was the time of the answer, so no condition ever held.
#[tokio::test]
async fn django_cache_headers_10_the_applications_validators_stay_and_conditions_hold() {
    let world = World::under(site_of(for_all()), |sent| {
        tells(sent).field("last-modified", "Mon, 01 Jan 2024 00:00:00 GMT").field("etag", "\"v1\"")
    });
    let first = world.get("/p").await;
    world.clock.advance(secs(30));
    let later = world.get("/p").await;
    for name in ["last-modified", "etag"] {
        assert_eq!(first.field(name), later.field(name));
    }
    for condition in
        [("if-modified-since", "Mon, 01 Jan 2024 00:00:00 GMT"), ("if-none-match", "\"v1\"")]
    {
        let seen = world.get_with("/p", &[condition]).await;
        assert_eq!((seen.status, &*seen.body), (StatusCode::NOT_MODIFIED, ""));
    }
    assert_eq!(world.app.count(), 1);
}

/// 4.1: scripts were told not to store, but a cache before it answered them with pages and visitors with data.
#[tokio::test]
async fn never_cache_xhr_a_stored_page_is_not_a_scripts_nor_data_a_visitors() {
    let data = |sent: &Sent| match sent.field("x-requested-with") {
        Some("XMLHttpRequest") => {
            Answer::new(200).field("content-type", "application/json").body("{}")
        }
        _ => Answer::new(200).field("content-type", "text/html").body("<p>"),
    };
    for never in [true, false] {
        let mut site = site_of(for_all());
        site.xhr.never = never;
        let world = World::under(site, data);
        for _ in 0..2 {
            assert_eq!(world.get("/p").await.body, "<p>");
            let script = world.get_with("/p", &[("x-requested-with", "XMLHttpRequest")]).await;
            assert_eq!(script.body, "{}");
        }
        assert_eq!(world.app.count(), if never { 3 } else { 2 });
    }
}

/// 2.2: a rule that was changed counted a day later, because what matched was itself cached.
#[tokio::test]
async fn django_cache_headers_a_changed_rule_counts_at_once() {
    let world = World::under(site_of(for_all()), tells);
    world.page("/p", "sessionid=a").await.says("stored");
    world.cache.set_options(crate::rules::policy(site(vec![acting("/*", Action::Never)])));
    world.page("/p", "sessionid=a").await.says("detail=rule-never");
    let dropping = Share { drop_set_cookie: owned(&["a"]), ..share(PER_SESSION) };
    world.cache.set_options(crate::rules::policy(site_of(dropping)));
    world.page("/p", "sessionid=a").await.says("stored");
    assert_eq!(world.last_lines(), of_a_fill(&["cookie: sessionid=a"]));
}
