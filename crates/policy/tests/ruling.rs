//! Whose page is it, what is sent for it, and what does a visitor see? The three decisions on one request.

#![expect(
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    reason = "the whole file is tests"
)]

use std::time::Duration;

use http::header::{CACHE_CONTROL, COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use larder_policy::cookies::CookieNames;
use larder_policy::identity::{IdentityRules, Key, Keys, Marker};
use larder_policy::query::Query;
use larder_policy::rule::Pattern;
use larder_policy::{
    Action, Audience, Class, Identity, KeyBuf, Part, Plain, Policy, PolicyParts, Rule, Ruling,
    Scheme, Share, UserKey, Visit, Way, When,
};
use larder_semantics::{Reason, Timestamp};

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

fn keys() -> Keys {
    Keys::new(vec![Key::new("k1", &[7; 32]).unwrap()]).unwrap()
}

fn rule(action: Action) -> Rule {
    Rule {
        place: "larder.toml:1".to_owned(),
        when: When {
            pattern: Pattern::regex("/").unwrap(),
            hosts: Vec::new(),
            methods: Vec::new(),
        },
        action,
        scheme: None,
        query: Query::default(),
        tags: Vec::new(),
    }
}

fn shared(audience: Audience) -> Share {
    Share { ttl: Some(Duration::from_secs(60)), ..Share::with(audience) }
}

fn policy_of(rules: Vec<Rule>) -> Policy {
    let identity = IdentityRules {
        session_cookies: CookieNames::new(vec!["sessionid".to_owned()]),
        bypass_cookies: CookieNames::new(vec!["messages".to_owned()]),
        marker: Some(Marker { cookie: "larder_id".to_owned(), keys: keys() }),
        lookup: None,
    };
    Policy::new(PolicyParts { rules, identity, ..PolicyParts::default() }).unwrap()
}

fn policy(audience: Audience) -> Policy {
    policy_of(vec![rule(Action::Share(Box::new(shared(audience))))])
}

fn fields(lines: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_str(value).unwrap(),
        );
    }
    headers
}

/// The ruling on a GET of `target`, and the key.
fn ruled(policy: &Policy, target: &str, headers: &HeaderMap) -> (Ruling, Vec<u8>) {
    let mut key = KeyBuf::new();
    let visit =
        Visit { scheme: Scheme::Http, host: "a.example", method: &Method::GET, target, headers };
    let ruling = policy.decide(&visit, &Plain, NOW, &mut key);
    (ruling, key.as_bytes().to_vec())
}

fn marker(class: Class, user: Option<&str>, segment: Option<&str>, session: &str) -> String {
    let identity =
        Identity { class, user: user.map(str::to_owned), segment: segment.map(str::to_owned) };
    let expires = NOW.plus(Duration::from_secs(60));
    keys().sign(&identity, ("sessionid", session.as_bytes()), expires).unwrap()
}

/// The cookies of somebody with a session and a marker.
fn logged_in(user: &str, segment: Option<&str>, session: &str) -> HeaderMap {
    let marker = marker(Class::Authenticated, Some(user), segment, session);
    fields(&[("cookie", &format!("sessionid={session}; larder_id={marker}; theme=dark"))])
}

fn custom(parts: Vec<Part>) -> Audience {
    Audience::Custom { name: "own".to_owned(), parts }
}

#[test]
fn each_audience_tells_apart_what_it_says_and_nothing_else() {
    let nobody = fields(&[("user-agent", "a"), ("cookie", "_ga=1")]);
    let other_nobody = fields(&[("user-agent", "b"), ("cookie", "_ga=2; larder_id=forged")]);
    let (ann, bob) = (logged_in("1", Some("staff"), "sa"), logged_in("2", Some("staff"), "sb"));
    let ann_elsewhere = logged_in("1", Some("staff"), "sc");
    let eve = logged_in("3", Some("plain"), "se");
    // For each audience: whether these pairs share a page; `None`: one of them has none.
    let pairs = [
        ("two nobodies", &nobody, &other_nobody),
        ("nobody and Ann", &nobody, &ann),
        ("Ann and Bob, both staff", &ann, &bob),
        ("Ann's two sessions", &ann, &ann_elsewhere),
        ("staff and not", &ann, &eve),
    ];
    let cases: [(Audience, [Option<bool>; 5]); 7] = [
        (Audience::AllUsers, [Some(true); 5]),
        (Audience::AnonymousOnly, [Some(true), None, None, None, None]),
        (
            Audience::AnonymousAndAuthenticated,
            [Some(true), Some(false), Some(true), Some(true), Some(true)],
        ),
        (
            Audience::PerUser(UserKey::Session),
            [Some(true), Some(false), Some(false), Some(false), Some(false)],
        ),
        (
            Audience::PerUser(UserKey::User),
            [Some(true), Some(false), Some(false), Some(true), Some(false)],
        ),
        (
            custom(vec![Part::Segment]),
            [Some(true), Some(false), Some(true), Some(true), Some(false)],
        ),
        (
            custom(vec![Part::Cookie("theme".to_owned())]),
            [Some(true), Some(false), Some(true), Some(true), Some(true)],
        ),
    ];
    for (audience, expected) in cases {
        let policy = policy(audience.clone());
        for ((name, one, other), expected) in pairs.iter().zip(expected) {
            let (one, other) = (ruled(&policy, "/", one), ruled(&policy, "/", other));
            let both = one.0.way == Way::Share && other.0.way == Way::Share;
            let actual = both.then(|| one.1 == other.1);
            assert_eq!(actual, expected, "{}: {name}", audience.name());
        }
    }
}

#[test]
fn without_a_proof_a_session_goes_to_the_application() {
    let good = marker(Class::Authenticated, Some("1"), None, "s1");
    let anonymous = marker(Class::Anonymous, None, None, "s1");
    let nameless = marker(Class::Authenticated, None, None, "s1");
    let both = [Audience::AnonymousAndAuthenticated, Audience::PerUser(UserKey::User)];
    let cases: [(&str, String, [Way; 2], Way); 8] = [
        ("no session", "a=b".to_owned(), [Way::Share; 2], Way::Share),
        ("an empty session", "sessionid=".to_owned(), [Way::Share; 2], Way::Share),
        ("a marker without a session", format!("larder_id={good}"), [Way::Share; 2], Way::Share),
        (
            "a session",
            "sessionid=s1".to_owned(),
            [Way::Pass(Reason::Unverified); 2],
            Way::Pass(Reason::SessionCookie),
        ),
        (
            "another's marker",
            format!("sessionid=s2; larder_id={good}"),
            [Way::Pass(Reason::Unverified); 2],
            Way::Pass(Reason::SessionCookie),
        ),
        (
            "two sessions",
            format!("sessionid=s1; sessionid=s1; larder_id={good}"),
            [Way::Pass(Reason::Unverified); 2],
            Way::Pass(Reason::SessionCookie),
        ),
        (
            "verified as anonymous",
            format!("sessionid=s1; larder_id={anonymous}"),
            [Way::Share; 2],
            Way::Share,
        ),
        (
            "logged in without a name",
            format!("sessionid=s1; larder_id={nameless}"),
            [Way::Share, Way::Pass(Reason::Unverified)],
            Way::Pass(Reason::SessionCookie),
        ),
    ];
    for (name, cookie, ways, anonymous_only) in cases {
        let headers = fields(&[("cookie", &cookie)]);
        for (audience, way) in both.iter().zip(ways) {
            let policy = policy(audience.clone());
            assert_eq!(ruled(&policy, "/", &headers).0.way, way, "{}: {name}", audience.name());
        }
        let policy = policy(Audience::AnonymousOnly);
        assert_eq!(ruled(&policy, "/", &headers).0.way, anonymous_only, "{name}");
    }
}

#[test]
fn an_absent_cookie_or_field_is_not_an_empty_one_and_two_are_not_one() {
    let policy = policy(custom(vec![
        Part::Cookie("a".to_owned()),
        Part::Header(HeaderName::from_static("x-h")),
    ]));
    let requests = [
        fields(&[]),
        fields(&[("cookie", "a=")]),
        fields(&[("cookie", "a=1")]),
        fields(&[("cookie", "a=1; a=2")]),
        fields(&[("cookie", "a=2; a=1")]),
        fields(&[("cookie", "a=1"), ("x-h", "")]),
        fields(&[("x-h", "")]),
        fields(&[("x-h", "1")]),
        fields(&[("x-h", "1"), ("x-h", "2")]),
        fields(&[("x-h", "1, 2")]),
    ];
    let keys: Vec<_> = requests.iter().map(|headers| ruled(&policy, "/", headers).1).collect();
    for (place, key) in keys.iter().enumerate() {
        assert!(!keys[..place].contains(key), "request {place} shares another's key");
    }
}

#[test]
fn what_is_sent_for_a_page_is_what_is_in_its_key() {
    let mut client = logged_in("42", Some("staff"), "secret");
    for (name, value) in [
        ("user-agent", "Mozilla"),
        ("accept-language", "de"),
        ("x-country", "at"),
        ("x-forwarded-host", "evil"),
        ("authorization", "Basic x"),
        ("range", "bytes=0-1"),
        ("referer", "https://a.example/private"),
    ] {
        client.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let language = [HeaderName::from_static("accept-language"), COOKIE];
    let cases: [(Audience, &[HeaderName], &[&str]); 5] = [
        (Audience::AllUsers, &[], &["user-agent: Larder"]),
        (Audience::AllUsers, &language, &["accept-language: de", "user-agent: Larder"]),
        (
            Audience::PerUser(UserKey::Session),
            &[],
            &["cookie: sessionid=secret", "user-agent: Larder"],
        ),
        (
            Audience::AnonymousAndAuthenticated,
            &[],
            &["larder-identity: class=authenticated", "user-agent: Larder"],
        ),
        (
            custom(vec![
                Part::Segment,
                Part::Cookie("theme".to_owned()),
                Part::Header(HeaderName::from_static("x-country")),
            ]),
            &[],
            &[
                "cookie: theme=dark",
                "larder-identity: segment=\"staff\"",
                "user-agent: Larder",
                "x-country: at",
            ],
        ),
    ];
    client.remove("authorization");
    for (audience, varies, expected) in cases {
        let policy = policy(audience.clone());
        let (ruling, _) = ruled(&policy, "/", &client);
        let share = policy.share_of(&ruling).unwrap();
        let sent = policy.fill(&ruling, share, &client, varies);
        let mut sent: Vec<String> = sent
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        sent.sort();
        assert_eq!(sent, expected, "{}", audience.name());
    }
}

#[test]
fn reasons_to_pass_come_in_their_order() {
    let all = policy(Audience::AllUsers);
    let never = policy_of(vec![rule(Action::Never)]);
    type Lines<'a> = &'a [(&'a str, &'a str)];
    let cases: [(&Policy, Lines<'_>, Way); 7] = [
        (&all, &[], Way::Share),
        (&all, &[("cookie", "messages=hello")], Way::Pass(Reason::BypassCookie)),
        (&all, &[("cookie", "messages=")], Way::Share),
        (&all, &[("cookie", "messages=\"\"")], Way::Share),
        (&all, &[("cookie", "xmessages=hello")], Way::Share),
        (&all, &[("authorization", "Basic x")], Way::Pass(Reason::Credentials)),
        (&never, &[], Way::Never(Reason::RuleNever)),
    ];
    for (policy, lines, way) in cases {
        assert_eq!(ruled(policy, "/", &fields(lines)).0.way, way, "{lines:?}");
    }
}

#[test]
fn a_script_s_request_and_a_navigation_have_pages_of_their_own() {
    for policy in [policy(Audience::AllUsers), Policy::default()] {
        let navigation = ruled(&policy, "/", &fields(&[("sec-fetch-mode", "navigate")])).1;
        let script = ruled(&policy, "/", &fields(&[("x-requested-with", "XMLHttpRequest")])).1;
        let other = ruled(&policy, "/", &fields(&[("hx-request", "true")])).1;
        assert_ne!(navigation, script);
        assert_ne!(script, other);
        assert_eq!(larder_policy::key::url_of(&navigation), larder_policy::key::url_of(&script));
    }
}

#[test]
fn all_pages_of_a_url_share_its_key_and_another_method_is_about_them() {
    let mut with_query = rule(Action::Share(Box::new(shared(Audience::AllUsers))));
    with_query.query.ignore = vec!["ref".to_owned()];
    let policy = policy_of(vec![with_query]);
    let (_, page) = ruled(&policy, "/a?ref=x&b=1", &HeaderMap::new());
    let mut url = KeyBuf::new();
    let headers = HeaderMap::new();
    let visit = Visit {
        scheme: Scheme::Http,
        host: "a.example",
        method: &Method::POST,
        target: "/a?b=1&ref=y",
        headers: &headers,
    };
    let ruling = policy.decide(&visit, &Plain, NOW, &mut url);
    assert_eq!(ruling.way, Way::Pass(Reason::Method));
    assert_eq!(url.as_bytes(), larder_policy::key::url_of(&page));
    assert_eq!(format!("{:?}", url.to_key()), "http a.example /a?b=1");
}

#[test]
fn a_visitor_sees_the_rule_s_lifetime_counted_from_now() {
    let browser = Some(Duration::from_secs(5));
    let cdn = Some(Duration::from_secs(30));
    let all = |browser_ttl, cdn_ttl| Share { browser_ttl, cdn_ttl, ..shared(Audience::AllUsers) };
    let some = |browser_ttl| Share { browser_ttl, ..shared(Audience::AnonymousOnly) };
    let cases: [(Share, Option<&str>, u64, &str, &str); 9] = [
        (all(browser, None), None, 0, "max-age=5", "Accept"),
        (all(browser, None), Some("public, max-age=600"), 300, "max-age=305", "Accept"),
        (all(browser, cdn), None, 10, "max-age=15, s-maxage=40", "Accept"),
        (all(Some(Duration::ZERO), None), None, 300, "max-age=0", "Accept"),
        (all(None, None), None, 300, "max-age=0", "Accept"),
        (all(None, None), Some("max-age=600, x=y"), 300, "max-age=600, x=y", "Accept"),
        (some(browser), None, 0, "max-age=5, private", "Accept, Cookie"),
        (
            some(None),
            Some("public, s-maxage=9, max-age=60"),
            0,
            "max-age=60, private",
            "Accept, Cookie",
        ),
        (some(None), None, 0, "max-age=0, private", "Accept, Cookie"),
    ];
    for (share, said, age, expected, vary) in cases {
        let policy = policy_of(vec![rule(Action::Share(Box::new(share)))]);
        let (ruling, _) = ruled(&policy, "/", &HeaderMap::new());
        let mut headers = fields(&[
            ("vary", "Accept, Larder-Identity"),
            ("surrogate-control", "max-age=9"),
            ("x-accel-expires", "9"),
        ]);
        if let Some(said) = said {
            headers.insert(CACHE_CONTROL, HeaderValue::from_str(said).unwrap());
        }
        policy.dress(&ruling, true).unwrap().apply(&mut headers, Duration::from_secs(age));
        assert_eq!(headers[CACHE_CONTROL], expected, "{said:?}");
        let members: Vec<_> = headers.get_all("vary").iter().map(|l| l.to_str().unwrap()).collect();
        assert_eq!(members.join(", "), vary, "{said:?}");
        assert!(!headers.contains_key("surrogate-control"));
        assert!(!headers.contains_key("x-accel-expires"));
    }
}

#[test]
fn never_is_the_three_fields_exactly_and_replaces_what_was_there() {
    let policy = policy_of(vec![rule(Action::Never)]);
    let (ruling, _) = ruled(&policy, "/", &HeaderMap::new());
    let mut headers = fields(&[
        ("cache-control", "public"),
        ("cache-control", "max-age=9"),
        ("expires", "Thu, 18 Aug 2050 02:01:18 GMT"),
        ("pragma", "x"),
        ("cdn-cache-control", "max-age=9"),
        ("set-cookie", "a=b"),
    ]);
    policy.dress(&ruling, false).unwrap().apply(&mut headers, Duration::ZERO);
    let expected = fields(&[
        ("cache-control", "no-cache, no-store, must-revalidate"),
        ("pragma", "no-cache"),
        ("expires", "0"),
        ("set-cookie", "a=b"),
    ]);
    assert_eq!(headers, expected);
}

#[test]
fn a_visitor_s_own_answer_is_said_to_be_their_own_only_where_nothing_else_is_said() {
    let policy = policy(Audience::AnonymousOnly);
    let session = fields(&[("cookie", "sessionid=1")]);
    let (ruling, _) = ruled(&policy, "/", &session);
    let seen = |lines: &[(&str, &str)]| {
        let mut headers = fields(lines);
        policy.dress(&ruling, false).unwrap().apply(&mut headers, Duration::ZERO);
        headers[CACHE_CONTROL].to_str().unwrap().to_owned()
    };
    assert_eq!(seen(&[]), "private, no-cache");
    assert_eq!(seen(&[("cache-control", "max-age=3")]), "max-age=3");
}
