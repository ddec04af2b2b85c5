//! Is what is said in code what the file would have said?

use std::collections::BTreeSet;
use std::time::Duration;

use http::{Method, StatusCode};
use larder_policy::rule::{HostPattern, Pattern};
use larder_policy::{Action, Audience, Part, Rework, Share, Templates, UserKey};
use proptest::prelude::*;

use super::written::{Lines, Setting};
use super::{Rule, Rules, RulesBuilder};

const MINUTE: Duration = Duration::from_secs(60);

/// Every call of a rule.
fn all_calls() -> Vec<Rule> {
    let shared = Rule::path("/blog/*")
        .host("example.com")
        .method(Method::GET)
        .scheme("https")
        .all_users()
        .ttl(MINUTE)
        .browser_ttl(MINUTE)
        .cdn_ttl(MINUTE)
        .grace(MINUTE)
        .stale_if_error(MINUTE)
        .respect_origin(true)
        .status([StatusCode::OK])
        .content_type(["text/html"])
        .tags(["blog"])
        .ignore_query(["@tracking"])
        .keep_query(["page"])
        .sort_query(true)
        .drop_set_cookie(["csrftoken"])
        .minify(true)
        .csrf("django")
        .esi(true)
        .identifier("shop")
        .supplementary("news")
        .danger_override_no_store(false);
    vec![
        Rule::path("/login").pass(),
        Rule::pattern("^/account/\\d+").never(),
        shared,
        Rule::path("/theme").anonymous_only().keep_cookies(["theme"]),
        Rule::path("/news").all_users().publish("nginx").publish_type("text/html").unlisted("skip"),
    ]
}

#[test]
fn every_key_of_a_rule_has_a_call() {
    let said: BTreeSet<String> =
        all_calls().iter().flat_map(|rule| rule.lines.keys().map(str::to_owned)).collect();
    let known: BTreeSet<String> = larder_config::rule_keys().map(str::to_owned).collect();
    assert_eq!(said, known);
}

#[test]
fn all_of_them_together_are_right() {
    let site = all_calls().into_iter().fold(Rules::builder(), RulesBuilder::rule);
    let rules = site.clone().build().unwrap_or_else(|wrong| panic!("{wrong}\n{}", site.to_toml()));
    assert_eq!(rules.policy.rules.iter().len(), 5);
}

#[test]
fn options_of_the_site_land_where_the_file_puts_them() {
    let site = Rules::builder()
        .session_cookie("sid")
        .session_cookie("app_*")
        .bypass_cookie("messages")
        .lookup("/_larder/identity")
        .marker_cookie("who")
        .per_user_by_name()
        .ignore_query(["@tracking"])
        .keep_query(["page"])
        .sort_query(true)
        .xhr_never(true)
        .xhr_signs(["HX-Request: true"])
        .tag_fields(["X-Tags"])
        .trusted_proxies(["10.0.0.0/8"])
        .hosts(["example.com"])
        .underscores("pass")
        .underscores_pass(["SM_USER"])
        .https_redirect(true)
        .https_host("example.com")
        .https_exempt(["/feeds/*"])
        .hsts(MINUTE)
        .memory_bytes(16 << 20)
        .danger_share_session_responses(true)
        .danger_override_fields(["X-Original-URI"])
        .option("cache.grace", MINUTE)
        .option("cache.variants_max", 7);
    let rules = site.build().unwrap_or_else(|wrong| panic!("{wrong}\n{}", site.to_toml()));
    let (policy, front) = (&rules.policy, &rules.front);
    assert!(policy.identity.session_cookies.contains(b"app_x"));
    assert!(policy.identity.bypass_cookies.contains(b"messages"));
    assert_eq!(policy.identity.lookup.as_ref().expect("a look-up").path, "/_larder/identity");
    assert!(policy.query.sort && policy.query.keep.is_some());
    assert!(policy.xhr.never && policy.xhr.signs.len() == 1);
    assert!(policy.share_session_responses);
    assert!(front.https.redirect && front.https.hsts.is_some() && front.hosts.len() == 1);
    assert_eq!(front.fields.overrides.len(), 1);
    assert_eq!(rules.semantics.grace, MINUTE);
    assert_eq!((rules.cache.memory_bytes, rules.cache.variants_max), (16 << 20, 7));
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let wrong = Rules::builder()
        .option("cache.grase", MINUTE)
        .rule(Rule::path("blog").all_users().ttl(Duration::from_micros(1500)).never())
        .build()
        .expect_err("four things are wrong");
    let told = wrong.to_string();
    let expected = [
        ("rules in code:2:1: unknown option `cache.grase`", "    2 | grase = \"1m\""),
        ("rules in code:5:9: ", "    5 | path = \"blog\""),
        ("rules in code:7:7: \"1.5ms\" is not a duration", "    7 | ttl = \"1.5ms\""),
    ];
    for (start, line) in expected {
        let at = told.lines().position(|told| told.starts_with(start)).expect(start);
        assert_eq!(told.lines().nth(at + 1), Some(line), "{told}");
    }
    assert!(told.contains("a rule has one of"), "{told}");
}

#[test]
fn lists_grow_and_other_values_are_replaced() {
    let rule = Rule::path("/a").tags(["a"]).tags(["b"]).ttl(MINUTE).ttl(MINUTE * 2).all_users();
    let site = Rules::builder().rule(rule.anonymous_only());
    let expected = "[[rule]]\npath = \"/a\"\ntags = [\"a\", \"b\"]\nttl = \"2m\"\naudience = \"anonymous-only\"\n";
    assert_eq!(site.to_toml(), expected);
    let none: [&str; 0] = [];
    let rules = Rules::builder().rule(Rule::path("/a").all_users().keep_query(none)).build();
    let rules = rules.expect("an empty list is said");
    assert_eq!(rules.policy.rules.iter().next().expect("a rule").query.keep, Some(Vec::new()));
}

type Spans = [Option<Duration>; 4];
type Switches = (bool, bool, bool, bool, Option<bool>);

/// The audience, by its call and as it is meant.
fn shared_by(rule: Rule, which: usize) -> (Rule, Share) {
    let (rule, audience) = match which {
        0 => (rule.all_users(), Audience::AllUsers),
        1 => (rule.anonymous_only(), Audience::AnonymousOnly),
        2 => (rule.anonymous_and_authenticated(), Audience::AnonymousAndAuthenticated),
        3 => (rule.per_user(), Audience::PerUser(UserKey::Session)),
        _ => {
            let parts = vec![Part::Cookie("theme".to_owned())];
            let audience = Audience::Custom { name: "my-own".to_owned(), parts };
            (rule.audience("my-own"), audience)
        }
    };
    (rule, Share::with(audience))
}

fn for_spans((mut rule, mut share): (Rule, Share), spans: Spans) -> (Rule, Share) {
    let calls = [Rule::ttl, Rule::browser_ttl, Rule::grace, Rule::stale_if_error];
    for (call, span) in calls.into_iter().zip(spans) {
        if let Some(span) = span {
            rule = call(rule, span);
        }
    }
    [share.ttl, share.browser_ttl, share.grace, share.stale_if_error] = spans;
    (rule, share)
}

fn for_switches((mut rule, mut share): (Rule, Share), switches: Switches) -> (Rule, Share) {
    let (respect, overrides, minify, csrf, esi) = switches;
    rule = rule.respect_origin(respect).danger_override_no_store(overrides).minify(minify);
    share.respect_origin = respect;
    share.override_no_store = overrides;
    let templates = match esi {
        None => Templates::Said,
        Some(true) => Templates::All,
        Some(false) => Templates::None,
    };
    share.rework = Rework { minify, csrf, templates };
    if csrf {
        rule = rule.csrf("django");
        share.drop_set_cookie.push("csrftoken".to_owned());
    }
    if let Some(esi) = esi {
        rule = rule.esi(esi);
    }
    (rule, share)
}

/// A rule, what it matches, its tags, and what it means.
fn shared() -> impl Strategy<Value = (Rule, Pattern, Vec<String>, Share)> {
    let span = || prop::option::of((1_u64..100_000).prop_map(Duration::from_secs));
    let words = |form| prop::collection::btree_set(form, 1..3).prop_map(Vec::from_iter);
    let path = ("/[a-zA-Z0-9._~%'\"-]{0,8}", prop::sample::select(vec!["", "*"]));
    let texts = (
        words("[a-z0-9:_.-]{1,8}"),
        words("[a-z]{1,5}/[a-z+]{1,5}"),
        words("[!#$%&+.a-z^|~-]{1,8}"),
    );
    let statuses = prop::sample::subsequence(vec![200_u16, 301, 404, 410, 599], 1..4);
    let all =
        (path, [span(), span(), span(), span()], texts, any::<Switches>(), 0_usize..5, statuses);
    all.prop_map(|((path, star), spans, (tags, types, drop), switches, which, statuses)| {
        let path = format!("{path}{star}");
        let rule = Rule::path(path.clone()).host("*.example.com").tags(tags.clone());
        let (mut rule, mut share) = shared_by(rule, which);
        share.statuses =
            statuses.into_iter().filter_map(|it| StatusCode::from_u16(it).ok()).collect();
        rule = rule
            .status(share.statuses.clone())
            .content_type(types.clone())
            .drop_set_cookie(drop.clone());
        (share.content_types, share.drop_set_cookie) = (types, drop);
        let (rule, share) = for_switches(for_spans((rule, share), spans), switches);
        (rule, Pattern::path(&path).expect("a path"), tags, share)
    })
}

proptest! {
    #[test]
    fn what_is_said_is_what_is_meant((rule, pattern, tags, share) in shared()) {
        let site = Rules::builder()
            .audience("my-own", ["cookie:theme"])
            .lookup("/who")
            .rule(rule);
        let text = site.to_toml();
        match site.build() {
            Ok(rules) => {
                let read = rules.policy.rules.iter().next().expect("a rule");
                prop_assert_eq!(read.when.pattern.to_string(), pattern.to_string(), "{}", text);
                prop_assert_eq!(&read.when.hosts, &[HostPattern::parse("*.example.com").expect("a host")]);
                prop_assert_eq!(&read.tags, &tags);
                prop_assert_eq!(&read.action, &Action::Share(Box::new(share)), "{}", text);
            }
            Err(wrong) => prop_assert!(false, "{}\n{}", wrong, text),
        }
    }

    #[test]
    fn no_text_says_anything_but_itself(
        key in "[a-z\"'\\\\\n =#.]{1,8}",
        text in "\\PC{0,12}|[\\x00-\\x1f\"'\\\\\u{7f}-\u{9f}]{0,6}",
        list in prop::collection::vec("[\\x00-\u{ff}]{0,4}", 0..4),
    ) {
        let mut lines = Lines::default();
        lines.set("text", text.as_str());
        lines.set("list", Setting::from(list.clone()));
        let below = lines.below("[[rule]]");
        let read: toml::Table = below.parse().expect("TOML");
        let rule = read["rule"][0].as_table().expect("a table");
        prop_assert_eq!(rule["text"].as_str(), Some(text.as_str()));
        let strings: Vec<&str> = rule["list"].as_array().expect("a list").iter().filter_map(toml::Value::as_str).collect();
        prop_assert_eq!(strings, list);
        // An audience or option of any name is one line's business, and wrong ones are no panic.
        let site = Rules::builder().audience(key.clone(), ["class"]).option(&key, text.as_str());
        if let Err(wrong) = site.build() {
            prop_assert!(!wrong.to_string().is_empty());
        }
    }
}
