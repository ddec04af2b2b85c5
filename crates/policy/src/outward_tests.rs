//! What other caches are told, as a table: by rule, by who asks, by what the application says.

use super::*;
use crate::cookies::CookieNames;
use crate::identity::{Class, Identity, Key, Keys, Marker};
use crate::query::Query;
use crate::rule::{Action, Pattern, Rework, Rule, When};
use crate::xhr::Xhr;
use crate::{KeyBuf, Plain, PolicyParts, Scheme, UserKey, Visit};
use http::Method;
use larder_semantics::Timestamp;

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

fn keys() -> Keys {
    Keys::new(vec![Key::new("k1", &[7; 32]).unwrap()]).unwrap()
}

fn policy_of(actions: Option<Action>) -> Policy {
    let when =
        When { pattern: Pattern::regex("/").unwrap(), hosts: Vec::new(), methods: Vec::new() };
    let rules = actions.into_iter().map(|action| Rule {
        place: "larder.toml:1".to_owned(),
        when: when.clone(),
        action,
        scheme: None,
        query: Query::default(),
        tags: Vec::new(),
    });
    let identity = IdentityRules {
        session_cookies: CookieNames::new(vec!["sessionid".to_owned()]),
        bypass_cookies: CookieNames::new(vec!["messages".to_owned()]),
        marker: Some(Marker { cookie: "larder_id".to_owned(), keys: keys() }),
        lookup: None,
    };
    let parts = PolicyParts { rules: rules.collect(), identity, ..PolicyParts::default() };
    Policy::new(parts).unwrap()
}

/// Ten minutes for caches, five seconds for browsers.
fn share(audience: Audience) -> Share {
    Share {
        ttl: Some(Duration::from_secs(600)),
        browser_ttl: Some(Duration::from_secs(5)),
        ..Share::with(audience)
    }
}

fn shared(share: Share) -> Policy {
    policy_of(Some(Action::Share(Box::new(share))))
}

fn of(audience: Audience) -> Policy {
    shared(share(audience))
}

fn custom(parts: Vec<Part>) -> Audience {
    Audience::Custom { name: "own".to_owned(), parts }
}

/// `Name: value` lines, between `|`.
fn fields(text: &str) -> HeaderMap {
    let lines = text.split('|').filter(|line| !line.trim().is_empty());
    let field = |line: &str| {
        let (name, value) = line.split_once(':').unwrap();
        let name = HeaderName::from_bytes(name.trim().as_bytes()).unwrap();
        (name, HeaderValue::from_str(value.trim()).unwrap())
    };
    let mut headers = HeaderMap::new();
    for (name, value) in lines.map(field) {
        headers.append(name, value);
    }
    headers
}

/// Those who ask.
fn asker(who: &str) -> HeaderMap {
    let signed = |class, user: &str| {
        let identity = Identity { class, user: Some(user.to_owned()), segment: None };
        let marker =
            keys().sign(&identity, ("sessionid", b"s1"), NOW.plus(Duration::from_secs(60)));
        fields(&format!("cookie: sessionid=s1; larder_id={}", marker.unwrap()))
    };
    match who {
        "nobody" => fields("cookie: theme=dark"),
        "session" => fields("cookie: sessionid=s1"),
        "ann" => signed(Class::Authenticated, "ann"),
        "guest" => signed(Class::Anonymous, "guest"),
        "token" => fields("authorization: Bearer x"),
        "script" => fields("x-requested-with: XMLHttpRequest"),
        "messages" => fields("cookie: messages=1"),
        _ => panic!("{who}"),
    }
}

fn told(policy: &Policy, method: &Method, who: &str, status: u16, response: &str) -> String {
    let (personal, who) = who.strip_suffix('!').map_or((false, who), |who| (true, who));
    let request = asker(who);
    let visit =
        Visit { scheme: Scheme::Https, host: "a.test", method, target: "/", headers: &request };
    let ruling = policy.decide(&visit, &Plain, NOW, &mut KeyBuf::new());
    let asker = Asker { personal, ..policy.asker(&ruling, &request) };
    let mut headers = fields(response);
    let status = StatusCode::from_u16(status).unwrap();
    let outward = policy.outward(&ruling, asker, status, &headers);
    let mut read = headers.clone();
    for name in headers.keys().filter(|name| !READS.contains(name)) {
        read.remove(name);
    }
    assert_eq!(policy.outward(&ruling, asker, status, &read), outward, "{response:?}");
    outward.apply(&mut headers);
    let line =
        |(name, value): (&HeaderName, &HeaderValue)| format!("{name}: {}", value.to_str().unwrap());
    let mut lines: Vec<String> = headers.iter().map(line).collect();
    lines.sort();
    lines.join(" | ")
}

#[track_caller]
fn check(policy: &Policy, cases: &[(&str, u16, &str, &str)]) {
    for (who, status, response, expected) in cases {
        let actual = told(policy, &Method::GET, who, *status, response);
        assert_eq!(actual, *expected, "{who}, {status}, {response:?}");
    }
}

const PUBLIC: &str = "cache-control: max-age=5, s-maxage=600";
const PUBLIC_BY_COOKIE: &str = "cache-control: max-age=5, s-maxage=600 | vary: Cookie";
const BROWSER_BY_COOKIE: &str = "cache-control: private, max-age=5 | vary: Cookie";
const OWN: &str = "cache-control: private, no-cache";
const OWN_BY_COOKIE: &str = "cache-control: private, no-cache | vary: Cookie";

#[test]
fn a_page_for_all_is_for_all_unless_something_shows_that_it_is_not() {
    check(
        &of(Audience::AllUsers),
        &[
            ("nobody", 200, "", PUBLIC),
            ("session", 200, "", PUBLIC),
            ("nobody", 200, "vary: Cookie", PUBLIC_BY_COOKIE),
            (
                "session",
                200,
                "vary: accept-language, COOKIE",
                "cache-control: private, max-age=5 | vary: accept-language, COOKIE",
            ),
            ("nobody", 200, "vary: *", "cache-control: private, no-cache | vary: *"),
            (
                "nobody",
                200,
                "set-cookie: a=b",
                "cache-control: private, no-cache | set-cookie: a=b",
            ),
            ("token", 200, "", OWN),
            ("token", 200, "cache-control: public, max-age=60", OWN),
            ("nobody!", 200, "", OWN_BY_COOKIE),
            (
                "nobody!",
                200,
                "cache-control: max-age=60 | expires: 0 | x-accel-expires: 60",
                OWN_BY_COOKIE,
            ),
            ("nobody!", 200, "cache-control: no-store", "cache-control: no-store | vary: Cookie"),
        ],
    );
}

#[test]
fn what_the_application_says_stays_where_it_is_stricter() {
    check(
        &of(Audience::AllUsers),
        &[
            ("nobody", 200, "cache-control: no-store", "cache-control: no-store"),
            (
                "nobody",
                200,
                "cache-control: Private, max-age=9",
                "cache-control: Private, max-age=9",
            ),
            ("nobody", 200, "cache-control: no-cache", "cache-control: no-cache"),
            ("nobody", 200, "cache-control: private=\"x-a\"", "cache-control: private=\"x-a\""),
            (
                "nobody",
                200,
                "cache-control: max-age=0 | cache-control: no-cache",
                "cache-control: max-age=0 | cache-control: no-cache",
            ),
            (
                "nobody",
                200,
                "cache-control: public, max-age=9 | expires: 0 | pragma: no-cache",
                PUBLIC,
            ),
            (
                "nobody",
                200,
                "cache-control: max-age=9, must-revalidate, No-Transform",
                "cache-control: max-age=5, s-maxage=600, must-revalidate, no-transform",
            ),
        ],
    );
    let overriding = shared(Share { override_no_store: true, ..share(Audience::AllUsers) });
    check(
        &overriding,
        &[
            ("nobody", 200, "cache-control: private, no-store", PUBLIC),
            (
                "nobody!",
                200,
                "cache-control: private, no-store",
                "cache-control: private, no-store | vary: Cookie",
            ),
            ("nobody", 404, "cache-control: private", "cache-control: private"),
        ],
    );
}

#[test]
fn the_rule_s_lifetimes_are_told_and_the_application_s_where_the_rule_has_none() {
    let secs = |secs| Some(Duration::from_secs(secs));
    let all = || Share::with(Audience::AllUsers);
    let windows = Share { grace: secs(30), stale_if_error: secs(90), ..share(Audience::AllUsers) };
    let cases = [
        (all(), "", "cache-control: max-age=0"),
        (all(), "cache-control: max-age=9", "cache-control: max-age=9"),
        (Share { ttl: secs(600), ..all() }, "", "cache-control: max-age=0, s-maxage=600"),
        (
            Share { ttl: secs(600), ..all() },
            "cache-control: max-age=9",
            "cache-control: max-age=9, s-maxage=600",
        ),
        (
            Share { browser_ttl: secs(5), ..all() },
            "cache-control: max-age=9, s-maxage=8",
            "cache-control: max-age=5, s-maxage=8",
        ),
        (
            Share { cdn_ttl: secs(60), ..share(Audience::AllUsers) },
            "",
            "cache-control: max-age=5, s-maxage=60",
        ),
        (Share { respect_origin: true, ..share(Audience::AllUsers) }, "", PUBLIC),
        (
            Share { respect_origin: true, ..share(Audience::AllUsers) },
            "cache-control: max-age=9",
            "cache-control: max-age=9",
        ),
        (
            Share { respect_origin: true, ..share(Audience::AllUsers) },
            "cache-control: public",
            PUBLIC,
        ),
        (
            windows.clone(),
            "",
            "cache-control: max-age=5, s-maxage=600, stale-while-revalidate=30, stale-if-error=90",
        ),
        (
            windows.clone(),
            "cache-control: must-revalidate",
            "cache-control: max-age=5, s-maxage=600, must-revalidate",
        ),
        (
            windows,
            "cache-control: proxy-revalidate",
            "cache-control: max-age=5, s-maxage=600, proxy-revalidate",
        ),
    ];
    for (share, response, expected) in cases {
        let actual = told(&shared(share.clone()), &Method::GET, "nobody", 200, response);
        assert_eq!(actual, expected, "{share:?}, {response:?}");
    }
}

#[test]
fn a_page_of_anonymous_visitors_is_public_for_those_without_a_session_only() {
    check(
        &of(Audience::AnonymousOnly),
        &[
            ("nobody", 200, "", PUBLIC_BY_COOKIE),
            (
                "nobody",
                200,
                "vary: Accept-Language",
                "cache-control: max-age=5, s-maxage=600 | vary: Accept-Language, Cookie",
            ),
            ("session", 200, "", OWN_BY_COOKIE),
            (
                "session",
                200,
                "cache-control: public, max-age=60 | x-accel-expires: 60",
                OWN_BY_COOKIE,
            ),
            ("guest", 200, "", OWN_BY_COOKIE),
            ("ann", 200, "", OWN_BY_COOKIE),
            ("ann", 200, "cache-control: no-store", "cache-control: no-store | vary: Cookie"),
        ],
    );
}

#[test]
fn a_page_of_somebody_s_is_for_their_browser() {
    for audience in [Audience::AnonymousAndAuthenticated, Audience::PerUser(UserKey::User)] {
        check(
            &of(audience),
            &[
                ("nobody", 200, "", PUBLIC_BY_COOKIE),
                ("guest", 200, "", BROWSER_BY_COOKIE),
                (
                    "ann",
                    200,
                    "x-accel-expires: 60 | cdn-cache-control: max-age=9",
                    BROWSER_BY_COOKIE,
                ),
                ("ann", 200, "cache-control: public, max-age=60", BROWSER_BY_COOKIE),
                ("session", 200, "cache-control: public", OWN_BY_COOKIE),
                (
                    "ann",
                    200,
                    "set-cookie: a=b",
                    "cache-control: private, no-cache | set-cookie: a=b | vary: Cookie",
                ),
            ],
        );
    }
    check(
        &of(Audience::PerUser(UserKey::Session)),
        &[("nobody", 200, "", PUBLIC_BY_COOKIE), ("session", 200, "", BROWSER_BY_COOKIE)],
    );
}

#[test]
fn what_tells_pages_of_an_own_audience_apart_is_in_vary() {
    let country = Part::Header(HeaderName::from_static("x-country"));
    let by = "cache-control: max-age=5, s-maxage=600 | vary: Cookie, X-Country";
    check(
        &of(custom(vec![country, Part::Class])),
        &[
            ("nobody", 200, "", by),
            (
                "ann",
                200,
                "vary: x-country",
                "cache-control: private, max-age=5 | vary: x-country, Cookie",
            ),
        ],
    );
    let keeps = Share { keep_cookies: vec!["theme".to_owned()], ..share(Audience::AllUsers) };
    check(
        &shared(keeps),
        &[("nobody", 200, "", PUBLIC_BY_COOKIE), ("session", 200, "", BROWSER_BY_COOKIE)],
    );
}

#[test]
fn a_response_that_the_rule_is_not_for_keeps_its_word_and_shows_no_session() {
    check(
        &of(Audience::AllUsers),
        &[
            ("nobody", 404, "", ""),
            ("nobody", 302, "cache-control: max-age=60", "cache-control: max-age=60"),
            ("session", 302, "vary: Cookie", "cache-control: private, no-cache | vary: Cookie"),
            (
                "nobody",
                500,
                "set-cookie: a=b",
                "cache-control: private, no-cache | set-cookie: a=b",
            ),
        ],
    );
    check(
        &of(Audience::AnonymousAndAuthenticated),
        &[
            ("nobody", 404, "", "vary: Cookie"),
            ("ann", 404, "", OWN_BY_COOKIE),
            ("ann", 302, "cache-control: public, max-age=60", OWN_BY_COOKIE),
        ],
    );
    let html = Share { content_types: vec!["text/*".to_owned()], ..share(Audience::AllUsers) };
    check(
        &shared(html),
        &[
            ("nobody", 200, "content-type: image/png", "content-type: image/png"),
            (
                "nobody",
                200,
                "content-type: text/css",
                "cache-control: max-age=5, s-maxage=600 | content-type: text/css",
            ),
        ],
    );
}

#[test]
fn cookies_that_a_rule_drops_do_not_leave_with_a_public_page() {
    let drops =
        Share { drop_set_cookie: vec!["csrftoken".to_owned()], ..share(Audience::AllUsers) };
    check(
        &shared(drops),
        &[
            ("nobody", 200, "set-cookie: csrftoken=x", PUBLIC),
            (
                "nobody",
                200,
                "set-cookie: csrftoken=x | set-cookie: a=b",
                "cache-control: private, no-cache | set-cookie: a=b | set-cookie: csrftoken=x",
            ),
            ("nobody", 404, "set-cookie: csrftoken=x", "set-cookie: csrftoken=x"),
        ],
    );
    // Its forms are filled in by Larder alone: for others the cookie belongs to the token in the page.
    let rework = Rework { csrf: true, ..Rework::default() };
    let forms = Share { rework, ..share(Audience::AllUsers) };
    check(
        &shared(forms),
        &[
            (
                "nobody",
                200,
                "set-cookie: csrftoken=x",
                "cache-control: private, no-cache | set-cookie: csrftoken=x",
            ),
            ("nobody", 200, "", PUBLIC),
        ],
    );
}

#[test]
fn never_pass_and_open() {
    let never =
        "cache-control: no-cache, no-store, must-revalidate | expires: 0 | pragma: no-cache";
    check(
        &policy_of(Some(Action::Never)),
        &[
            ("nobody", 200, "cache-control: public, max-age=9 | x-accel-expires: 9", never),
            ("ann", 404, "", never),
        ],
    );
    check(
        &policy_of(Some(Action::Pass)),
        &[
            ("nobody", 200, "", OWN),
            ("nobody", 200, "cache-control: public, max-age=9", "cache-control: public, max-age=9"),
            ("nobody!", 200, "cache-control: public, max-age=9", OWN_BY_COOKIE),
        ],
    );
    for open in [None, Some(Action::Respect)] {
        check(
            &policy_of(open),
            &[
                ("ann", 200, "", ""),
                (
                    "ann",
                    200,
                    "cache-control: public | set-cookie: a=b",
                    "cache-control: public | set-cookie: a=b",
                ),
                ("messages", 200, "", OWN),
                ("nobody!", 200, "cache-control: max-age=9", OWN_BY_COOKIE),
                (
                    "nobody!",
                    200,
                    "cache-control: private, max-age=9",
                    "cache-control: private, max-age=9 | vary: Cookie",
                ),
            ],
        );
    }
}

#[test]
fn methods_that_change_something_keep_what_the_application_says() {
    let policy = of(Audience::AllUsers);
    let post = |who, response| told(&policy, &Method::POST, who, 200, response);
    assert_eq!(post("nobody", ""), OWN);
    assert_eq!(post("session", "cache-control: max-age=9"), "cache-control: max-age=9");
    assert_eq!(post("nobody!", "cache-control: max-age=9"), OWN_BY_COOKIE);
    assert_eq!(told(&policy, &Method::HEAD, "nobody", 200, ""), PUBLIC);
}

#[test]
fn a_script_s_page_says_by_which_fields_it_is_one() {
    let by = "cache-control: max-age=5, s-maxage=600 | vary: X-Requested-With";
    check(&of(Audience::AllUsers), &[("script", 200, "", by)]);
    let xhr = Xhr { never: true, ..Xhr::default() };
    let parts = PolicyParts { xhr, ..PolicyParts::default() };
    let never = Policy::new(parts).unwrap();
    let said = told(&never, &Method::GET, "script", 200, "cache-control: max-age=9");
    assert_eq!(
        said,
        "cache-control: no-cache, no-store, must-revalidate | expires: 0 | pragma: no-cache"
    );
}

/// The claim behind the table, over all of it: whoever has a session, or is somebody, never makes a page public that is not
/// the same for all.
#[test]
fn nothing_is_public_that_a_session_could_show_in() {
    let audiences = || {
        [
            Audience::AnonymousOnly,
            Audience::AnonymousAndAuthenticated,
            Audience::PerUser(UserKey::User),
            Audience::PerUser(UserKey::Session),
            custom(vec![Part::Cookie("theme".to_owned())]),
            custom(vec![Part::User, Part::Class]),
        ]
    };
    let responses = [
        "",
        "cache-control: public, max-age=60",
        "cache-control: s-maxage=60",
        "vary: Cookie",
        "x-accel-expires: 9",
    ];
    for audience in audiences() {
        let policy = of(audience.clone());
        for who in ["session", "guest", "ann"] {
            for status in [200, 301, 404, 500] {
                for response in responses {
                    let said = told(&policy, &Method::GET, who, status, response);
                    assert!(
                        said.contains("private") && !said.contains("s-maxage"),
                        "{audience:?}, {who}, {status}, {response:?}: {said}"
                    );
                    assert!(!said.contains("x-accel"), "{audience:?}, {who}, {status}: {said}");
                }
            }
        }
    }
}
