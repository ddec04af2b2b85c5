//! What is told is what is decided.

use super::{Explanation, Outcome, Question, Standing};
use crate::audience::{Audience, Part, UserKey};
use crate::cookies::CookieNames;
use crate::identity::{Class, Identity, IdentityRules, Key, Keys, LookUp, Marker, MarkerFault};
use crate::query::Query;
use crate::rule::{Action, HostPattern, Pattern, Rule, Share, When};
use crate::visitor::{Known, Plain, SessionCookie, Sources, Visitor};
use crate::{Policy, PolicyParts};
use http::{HeaderMap, Method};
use larder_semantics::Timestamp;
use std::sync::Arc;
use std::time::Duration;

fn rule(line: u32, path: &str, action: Action) -> Rule {
    Rule {
        place: format!("larder.toml:{line}"),
        when: When {
            pattern: Pattern::path(path).unwrap(),
            hosts: Vec::new(),
            methods: Vec::new(),
        },
        action,
        scheme: None,
        query: Query { ignore: vec!["utm_*".to_owned()], ..Query::default() },
        tags: Vec::new(),
    }
}

fn share(audience: Audience) -> Action {
    let ttl = Some(Duration::from_secs(600));
    Action::Share(Box::new(Share { ttl, ..Share::with(audience) }))
}

fn identity() -> IdentityRules {
    let names = |list: &[&str]| CookieNames::new(list.iter().map(|&n| n.to_owned()).collect());
    IdentityRules {
        session_cookies: names(&["sessionid"]),
        bypass_cookies: names(&["messages"]),
        ..IdentityRules::default()
    }
}

fn policy() -> Policy {
    let parts = vec![
        Part::Class,
        Part::Segment,
        Part::Cookie("theme".to_owned()),
        Part::Header(http::HeaderName::from_static("x-country")),
    ];
    let custom = Audience::Custom { name: "staff".to_owned(), parts };
    let mut at_host = rule(1, "/blog/*", share(Audience::AllUsers));
    at_host.when.hosts = vec![HostPattern::parse("example.org").unwrap()];
    let mut by_post = rule(9, "/form", Action::Never);
    by_post.when.methods = vec![Method::POST];
    let rules = vec![
        at_host,
        rule(2, "/blog/*", share(Audience::AllUsers)),
        rule(3, "/public", share(Audience::AnonymousOnly)),
        rule(4, "/mine", share(Audience::PerUser(UserKey::Session))),
        rule(5, "/staff", share(custom)),
        rule(6, "/never", Action::Never),
        rule(7, "/pass", Action::Pass),
        rule(8, "/open", Action::Respect),
        by_post,
    ];
    Policy::new(PolicyParts { rules, identity: identity(), ..PolicyParts::default() }).unwrap()
}

fn explain_by(policy: &Policy, url: &str, lines: &[&str], sources: &dyn Sources) -> Explanation {
    let asked = Question::new(url, "GET", lines).unwrap();
    policy.explain(&asked.visit(), sources, Timestamp::from_secs(1_700_000_000))
}

fn explain(path: &str, lines: &[&str]) -> Explanation {
    explain_by(&policy(), &format!("https://example.com{path}"), lines, &Plain)
}

/// A site whose application says who everybody is.
#[derive(Debug)]
struct Asked;

impl Sources for Asked {
    fn marker(
        &self,
        _: &Keys,
        _: &[u8],
        _: SessionCookie<'_>,
        _: Timestamp,
    ) -> Result<Arc<Identity>, MarkerFault> {
        Err(MarkerFault::Malformed)
    }

    fn looked_up(&self, _: SessionCookie<'_>, _: Timestamp) -> Known {
        Known::Identity(Arc::new(Identity {
            class: Class::Authenticated,
            user: Some("42".to_owned()),
            segment: Some("staff".to_owned()),
        }))
    }

    fn visitor(&self, headers: &HeaderMap, rules: &IdentityRules, now: Timestamp) -> Visitor {
        crate::identify(headers, rules, self, now)
    }
}

fn looking_up() -> Policy {
    let second = Duration::from_secs(1);
    let lookup = LookUp { path: "/_larder/identity".to_owned(), ttl: second, timeout: second };
    let identity = IdentityRules { lookup: Some(lookup), ..identity() };
    let Policy { rules, .. } = policy();
    let rules = rules.iter().cloned().collect();
    Policy::new(PolicyParts { rules, identity, ..PolicyParts::default() }).unwrap()
}

fn reason(explanation: &Explanation) -> &str {
    explanation.because.as_ref().map_or("", |because| because.reason)
}

#[test]
fn each_way_is_told_with_its_rule_and_reason() {
    use Outcome::{Never, Pass, ResponseDecides, Shared};
    let session = "Cookie: sessionid=abc";
    let cases: [(&str, &[&str], &str, Outcome, &str); 13] = [
        ("/blog/1", &[], "larder.toml:2", Shared, ""),
        ("/blog/1", &[session], "larder.toml:2", Shared, ""),
        ("/blog/1", &["Authorization: x"], "larder.toml:2", Pass, "credentials"),
        ("/blog/1", &["If-Match: \"a\""], "larder.toml:2", Pass, "origin-precondition"),
        ("/blog/1", &["Cookie: messages=x"], "larder.toml:2", Pass, "bypass-cookie"),
        ("/public", &[], "larder.toml:3", Shared, ""),
        ("/public", &[session], "larder.toml:3", Pass, "session-cookie"),
        ("/mine", &[session], "larder.toml:4", Shared, ""),
        ("/staff", &[session], "larder.toml:5", Pass, "unverified"),
        ("/never", &[], "larder.toml:6", Never, "rule-never"),
        ("/pass", &[], "larder.toml:7", Pass, "rule-pass"),
        ("/open", &[], "larder.toml:8", ResponseDecides, ""),
        ("/none", &[session], "", ResponseDecides, ""),
    ];
    for (path, lines, place, outcome, why) in cases {
        let told = explain(path, lines);
        let found = told.rule.as_ref().map_or("", |rule| rule.place.as_str());
        assert_eq!((found, told.outcome, reason(&told)), (place, outcome, why), "{path} {lines:?}");
        assert!(told.to_string().contains(place) && told.brief().contains(place), "{told}");
    }
}

#[test]
fn the_nearest_rule_that_did_not_match_says_why() {
    let cases = [
        ("/blog/1", "larder.toml:1", "it is for example.org, not for example.com"),
        ("/form", "larder.toml:9", "it is for POST, not for GET"),
        ("/publi", "larder.toml:3", "its `path = /public` does not match /publi"),
    ];
    for (path, place, but) in cases {
        let told = explain(path, &[]);
        let nearest = told.nearest.expect(path);
        assert_eq!((nearest.rule.place.as_str(), nearest.but.as_str()), (place, but), "{path}");
    }
}

#[test]
fn what_is_not_keyed_is_told_to_be_left_out() {
    let lines = ["Cookie: theme=dark; sessionid=abc", "Accept-Language: de", "Larder-Identity: x"];
    let told = explain("/blog/1?page=2&utm_source=x", &lines);
    assert_eq!(told.counts_as, "https://example.com/blog/1?page=2");
    assert_eq!(told.sent.target, "/blog/1?page=2");
    assert!(!told.sent.as_it_came);
    assert_eq!(told.sent.left_out.fields, ["accept-language", "larder-identity"]);
    assert_eq!(told.sent.left_out.cookies, ["theme", "sessionid"]);
    assert_eq!(told.sent.left_out.parameters, ["utm_source"]);
    let passed = explain("/pass?utm_source=x", &lines);
    assert!(passed.sent.as_it_came && passed.sent.left_out.parameters.is_empty());
    assert_eq!(passed.sent.target, "/pass?utm_source=x");
    assert_eq!(passed.sent.left_out.fields, ["larder-identity"]);
}

#[test]
fn a_session_cookies_value_is_shown_nowhere() {
    let lines = ["Cookie: sessionid=verysecret; a=1", "Authorization: verysecret"];
    for path in ["/mine", "/blog/1", "/public", "/staff", "/pass", "/none"] {
        for lines in [&lines[..1], &lines[..]] {
            let told = explain(path, lines);
            let all = format!("{told}{told:?}{}", told.brief());
            assert!(!all.contains("verysecret"), "{path}: {all}");
            assert_eq!(told.visitor.session_cookies, ["sessionid"], "{path}");
        }
    }
    let mine = explain("/mine", &lines[..1]);
    assert_eq!(mine.key[1].name, "session sessionid");
    assert!(mine.key[1].values[0].starts_with("sha256:"), "{mine}");
    assert_eq!(mine.sent.cookies[0].name, "sessionid");
    assert!(mine.sent.cookies[0].value.starts_with("sha256:"), "{mine}");
}

#[test]
fn a_verified_visitor_is_told_with_the_key_and_the_field_that_is_sent() {
    let lines = ["Cookie: sessionid=abc; theme=dark", "X-Country: at"];
    let told = explain_by(&looking_up(), "http://example.com/staff", &lines, &Asked);
    assert_eq!(told.outcome, Outcome::Shared);
    assert_eq!((told.visitor.standing, told.visitor.matters), (Standing::Verified, true));
    let key: Vec<_> =
        told.key.iter().map(|line| (line.name.as_str(), line.values.join("|"))).collect();
    let expected = [
        ("for", "staff"),
        ("class", "authenticated"),
        ("segment", "staff"),
        ("cookie theme", "dark"),
        ("header x-country", "at"),
    ]
    .map(|(name, value)| (name, value.to_owned()));
    assert_eq!(key, expected);
    let identity = told.sent.fields.iter().find(|field| field.name == "larder-identity");
    assert_eq!(identity.unwrap().value, "class=authenticated, segment=\"staff\"");
    assert!(told.notes.iter().any(|note| note.contains("Vary: Larder-Identity")), "{told}");
    // Neither the user nor the segment is for `Cache-Status`.
    assert!(!told.brief().contains("42"), "{}", told.brief());
    let absent = explain_by(&looking_up(), "http://example.com/staff", &[], &Plain);
    assert!(absent.key.iter().any(|line| line.name == "cookie theme" && line.values.is_empty()));
}

#[test]
fn one_who_has_to_be_asked_about_is_told_so() {
    let lines = ["Cookie: sessionid=abc"];
    let told = explain_by(&looking_up(), "http://example.com/staff", &lines, &Plain);
    assert_eq!((told.outcome, told.visitor.standing), (Outcome::LookUp, Standing::ToBeAsked));
    assert!(told.to_string().contains("/_larder/identity"), "{told}");
}

#[test]
fn what_is_wrong_with_a_marker_is_told_and_the_marker_is_not() {
    let keys = |id: &str, secret: u8| Keys::new(vec![Key::new(id, &[secret; 32]).unwrap()]);
    let ours = keys("k1", 1).unwrap();
    let marker = Marker { cookie: "larder_id".to_owned(), keys: ours.clone() };
    let identity = IdentityRules { marker: Some(marker), ..identity() };
    let rules = policy().rules.iter().cloned().collect();
    let policy = Policy::new(PolicyParts { rules, identity, ..PolicyParts::default() }).unwrap();
    let who = Identity {
        class: Class::Authenticated,
        user: Some("42".to_owned()),
        segment: Some("staff".to_owned()),
    };
    let sign = |keys: &Keys, session: &str, expires: u64| {
        keys.sign(&who, ("sessionid", session.as_bytes()), Timestamp::from_secs(expires)).unwrap()
    };
    let later = 1_700_000_100;
    let cases = [
        (sign(&ours, "abc", later), None),
        (sign(&ours, "abc", 1_699_999_999), Some("expired")),
        (sign(&ours, "other", later), Some("forged, changed or made for another session")),
        (sign(&keys("k2", 1).unwrap(), "abc", later), Some("not among identity.marker_keys")),
        (sign(&keys("k1", 2).unwrap(), "abc", later), Some("forged, changed")),
        ("1.k1.nonsense".to_owned(), Some("malformed")),
    ];
    for (marker, doubt) in cases {
        let line = format!("Cookie: sessionid=abc; larder_id={marker}");
        let told = explain_by(&policy, "https://example.com/staff", &[&line], &Plain);
        let text = told.to_string();
        match doubt {
            None => assert_eq!(told.visitor.standing, Standing::Verified, "{text}"),
            Some(doubt) => {
                assert_eq!(reason(&told), "unverified", "{text}");
                assert!(text.contains(doubt) && told.brief().contains(doubt), "{doubt}: {text}");
            }
        }
        assert!(!text.contains(&marker), "{text}");
    }
}

#[test]
fn whether_identity_matters_is_told() {
    let session = ["Cookie: sessionid=abc"];
    let cases =
        [("/blog/1", false), ("/public", true), ("/mine", false), ("/staff", true), ("/x", false)];
    for (path, matters) in cases {
        assert_eq!(explain(path, &session).visitor.matters, matters, "{path}");
    }
    let doubtful = explain("/staff", &["Cookie: sessionid=a; sessionid=b"]);
    assert!(doubtful.to_string().contains("several session cookies"), "{doubtful}");
}

#[test]
fn what_the_visitor_sees_is_what_the_dress_makes() {
    let never = explain("/never", &[]);
    let fields: Vec<_> =
        never.seen.fields.iter().map(|f| (f.name.as_str(), f.value.as_str())).collect();
    let expected = [
        ("cache-control", "no-cache, no-store, must-revalidate"),
        ("pragma", "no-cache"),
        ("expires", "0"),
    ];
    assert_eq!(fields, expected);
    let blog = explain("/blog/1", &[]);
    assert_eq!(blog.seen.fields[0].value, "max-age=0");
    assert!(blog.to_string().contains("max-age=0 (where the application sends none)"), "{blog}");
    assert!(explain("/open", &[]).seen.fields.is_empty());
}

#[test]
fn what_a_page_is_known_to_vary_by_is_told_as_sent() {
    let asked = Question::new("https://example.com/blog/1", "GET", &["Accept-Language: de"]);
    let asked = asked.unwrap();
    let varies = |_: &crate::Ruling, key: &[u8]| {
        assert!(crate::key::read(key).is_some(), "it is the page's key");
        vec![http::header::ACCEPT_LANGUAGE]
    };
    let now = Timestamp::from_secs(1_700_000_000);
    let told = policy().explain_knowing(&asked.visit(), &Plain, &varies, now);
    assert!(told.sent.left_out.is_nothing(), "{told}");
    assert!(told.sent.fields.iter().any(|field| field.name == "accept-language"), "{told}");
    assert!(told.notes.iter().any(|note| note.contains("varies by accept-language")), "{told}");
}

#[test]
fn a_session_without_a_rule_is_warned_about() {
    let with = explain("/none", &["Cookie: sessionid=abc"]);
    assert!(with.notes.iter().any(|note| note.contains("s-maxage")), "{with}");
    assert!(explain("/none", &[]).notes.is_empty());
}

#[test]
fn a_rule_s_scheme_is_told_and_the_visitor_it_sends_away_has_nothing_else() {
    let mut rules: Vec<Rule> = policy().rules.iter().cloned().collect();
    rules.iter_mut().for_each(|rule| rule.scheme = Some(crate::Scheme::Https));
    let policy = Arc::new(Policy::new(PolicyParts { rules, ..PolicyParts::default() }).unwrap());
    let front = crate::Front { schemes: Some(Arc::clone(&policy)), ..crate::Front::default() };
    let known = super::Knowing {
        sources: &Plain,
        varies: &|_, _| Vec::new(),
        peer: super::Peer::Anybody,
        now: Timestamp::from_secs(1_700_000_000),
    };
    let told = |url: &str| {
        let asked = Question::new(url, "GET", &["Cookie: sessionid=a", "X_A: 1"]).unwrap();
        front.explain(&policy, &asked.visit(), &known)
    };
    let away = told("http://example.com/blog/1");
    assert_eq!((away.outcome, reason(&away)), (Outcome::AtTheDoor, "scheme-redirect"));
    let door = away.door.clone().unwrap();
    assert_eq!((door.status, door.location.as_deref()), (301, Some("https://example.com/blog/1")));
    let text = away.to_string();
    assert!(text.contains("by https only, all-users") && !text.contains("sessionid"), "{text}");
    let there = told("https://example.com/blog/1");
    assert_eq!((there.outcome, there.door.is_none()), (Outcome::Shared, true));
    assert_eq!(there.sent.removed.len(), 1);
    assert_eq!(there.sent.left_out.fields, Vec::<String>::new());
}
