//! Does a right file become the policy that it describes?

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderName, Method, StatusCode};
    use larder_config::{Config, ConfigBuilder, Overrides};
    use larder_policy::identity::{DEFAULT_SESSION_COOKIES, LookUp};
    use larder_policy::query::TRACKING;
    use larder_policy::rule::{Asked, HostPattern, Pattern};
    use larder_policy::xhr::{Sign, Xhr};
    use larder_policy::{Action, Audience, Part, Rework, Rule, Share, Templates, UserKey};

    /// Everything that the file knows about rules, each key once at least.
    const ALL: &str = r#"
upstream = "http://127.0.0.1:8000"
ignore_query = ["@tracking", "ref"]
sort_query = true

[identity]
session_cookies = ["sessionid", "app_*"]
bypass_cookies = "messages"
per_user = "user"
lookup = "/_larder/identity"
lookup_ttl = "40s"
lookup_timeout = "3s"
marker_cookie = "who"
marker_keys = ["k2=file:/k2", "k1=env:K1"]

[xhr]
never = true
signs = ["X-Requested-With: XMLHttpRequest", "Sec-Fetch-Mode: cors, Sec-Fetch-Dest: empty"]

[debug]
trusted = ["127.0.0.1", "10.0.0.0/8"]

[danger]
share_session_responses = true

[audience.staff]
key = ["segment", "cookie:theme", "header:X-Country", "query:page", "class", "user"]

[[rule]]
match = "^/blog/"
host = ["Example.com", "*.example.com"]
methods = ["GET", "HEAD"]
content_type = ["text/HTML", "image/*"]
status = [200, 404]
audience = "all-users"
ttl = "10m"
browser_ttl = "5s"
cdn_ttl = "1m"
grace = "5m"
stale_if_error = "1d"
respect_origin = true
tags = ["blog", "front"]
ignore_query = ["x*"]
sort_query = false
drop_set_cookie = ["csrftoken"]
danger.override_no_store = true
minify = true
csrf = "django"
esi = true

[[rule]]
path = "/staff/*"
audience = "staff"
keep_query = ["q"]
keep_cookies = ["tab"]

[[rule]]
path = "/me"
host = "example.com:8080"
content_type = "text/html"
status = 404
audience = "per-user"

[[rule]]
path = "/account/*"
never = true

[[rule]]
path = "/api/*"
methods = "POST"
pass = true

[[rule]]
path = "/free"
tags = "free"
"#;

    fn config(text: &str) -> Config {
        let builder = ConfigBuilder::new().file("larder.toml", text);
        match builder.secrets(|_| Ok(vec![b'k'; 32])).build() {
            Ok(config) => config,
            Err(problems) => panic!("{problems}"),
        }
    }

    fn rules(config: &Config) -> Vec<Rule> {
        config.policy.rules.iter().cloned().collect()
    }

    fn owned(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn share(rule: &Rule) -> &Share {
        let Action::Share(share) = &rule.action else { panic!("{rule:?} shares") };
        share
    }

    #[test]
    fn every_key_of_a_rule_lands_where_it_belongs() {
        let config = config(ALL);
        assert!(config.warnings.is_empty(), "{}", config.warnings);
        let rules = rules(&config);
        let secs = |seconds| Some(Duration::from_secs(seconds));
        let expected = Share {
            audience: Audience::AllUsers,
            ttl: secs(600),
            browser_ttl: secs(5),
            cdn_ttl: secs(60),
            grace: secs(300),
            stale_if_error: secs(86_400),
            statuses: vec![StatusCode::OK, StatusCode::NOT_FOUND],
            content_types: owned(&["text/html", "image/*"]),
            respect_origin: true,
            override_no_store: true,
            keep_cookies: Vec::new(),
            drop_set_cookie: owned(&["csrftoken"]),
            rework: Rework { minify: true, csrf: true, templates: Templates::All },
            publish: None,
        };
        assert_eq!(share(&rules[0]), &expected);
        let when = &rules[0].when;
        assert_eq!(when.pattern, Pattern::Regex("^/blog/".into()));
        let hosts = ["example.com", "*.example.com"].map(|host| HostPattern::parse(host).unwrap());
        assert_eq!(when.hosts, hosts);
        assert_eq!(when.methods, [Method::GET, Method::HEAD]);
        assert_eq!(rules[0].tags, ["blog", "front"]);
        assert_eq!(rules[0].place, "larder.toml:29", "the line of its [[rule]]");
        let query = &rules[0].query;
        assert_eq!((&query.ignore, &query.keep, query.sort), (&owned(&["x*"]), &None, false));
    }

    #[test]
    fn a_rule_takes_from_the_site_what_it_does_not_say() {
        let config = config(ALL);
        let rules = rules(&config);
        let site = &config.policy.query;
        assert_eq!(site.ignore.len(), TRACKING.len() + 1, "@tracking is written out");
        assert!(site.ignore.contains(&"ref".to_owned()) && site.sort && site.keep.is_none());
        assert_eq!(&rules[2].query, site);
        let staff = &rules[1].query;
        assert_eq!((&staff.ignore, staff.sort), (&site.ignore, true));
        assert_eq!(staff.keep, Some(owned(&["q"])));
        assert_eq!(staff.always, ["page"], "what an audience is told apart by always counts");
        assert_eq!(staff.normal("/a?z=1&q=2&page=3&utm_id=4"), "/a?page=3&q=2");
    }

    #[test]
    fn each_action_and_audience_is_what_was_written() {
        let config = config(ALL);
        let rules = rules(&config);
        let parts = vec![
            Part::Segment,
            Part::Cookie("theme".into()),
            Part::Header(HeaderName::from_static("x-country")),
            Part::Query("page".into()),
            Part::Class,
            Part::User,
        ];
        assert_eq!(share(&rules[1]).audience, Audience::Custom { name: "staff".into(), parts });
        assert_eq!(share(&rules[1]).keep_cookies, ["tab"]);
        assert_eq!(share(&rules[2]).audience, Audience::PerUser(UserKey::User));
        assert_eq!(share(&rules[2]).statuses, [StatusCode::NOT_FOUND], "one is a list of one");
        assert_eq!(rules[3].action, Action::Never);
        assert_eq!(
            (&rules[4].action, &rules[4].when.methods),
            (&Action::Pass, &vec![Method::POST])
        );
        assert_eq!((&rules[5].action, &rules[5].tags), (&Action::Respect, &owned(&["free"])));
        let asked = Asked { method: &Method::GET, host: "www.example.com", target: "/blog/1?x=2" };
        let found = config.policy.rules.find(&asked).map(|(_, rule)| rule.place.as_str());
        assert_eq!(found, Some("larder.toml:29"));
        let per_session = ALL.replace("per_user = \"user\"", "per_user = \"session\"");
        let rules = self::rules(&self::config(&per_session));
        assert_eq!(share(&rules[2]).audience, Audience::PerUser(UserKey::Session));
    }

    #[test]
    fn identity_scripts_and_the_rest_land_where_they_belong() {
        let config = config(ALL);
        let identity = &config.policy.identity;
        assert_eq!(identity.session_cookies.as_slice(), ["sessionid", "app_*"]);
        assert_eq!(identity.bypass_cookies.as_slice(), ["messages"]);
        let secs = Duration::from_secs;
        let lookup = LookUp { path: "/_larder/identity".into(), ttl: secs(40), timeout: secs(3) };
        assert_eq!(identity.lookup, Some(lookup));
        let marker = identity.marker.as_ref().expect("keys were given");
        assert_eq!(marker.cookie, "who");
        let keys = format!("{:?}", marker.keys);
        assert!(keys.find("k2") < keys.find("k1"), "the first signs: {keys}");
        let xhr = &config.policy.xhr;
        let signs =
            ["X-Requested-With: XMLHttpRequest", "Sec-Fetch-Mode: cors, Sec-Fetch-Dest: empty"];
        assert_eq!(
            (xhr.never, &xhr.signs),
            (true, &signs.map(|s| Sign::parse(s).unwrap()).to_vec())
        );
        assert!(config.policy.share_session_responses);
        let trusted = ["127.0.0.1/32", "10.0.0.0/8"].map(|net| net.parse().unwrap());
        assert_eq!(config.debug_trusted, trusted);
    }

    #[test]
    fn without_a_word_the_policy_is_the_policys_own_default() {
        let policy = config("upstream = 'http://a'").policy;
        assert_eq!(policy.rules.iter().len(), 0);
        assert_eq!(policy.xhr, Xhr::default());
        assert_eq!(policy.query, larder_policy::query::Query::default());
        assert_eq!(policy.identity.session_cookies.as_slice(), DEFAULT_SESSION_COOKIES);
        assert!(policy.identity.marker.is_none() && policy.identity.lookup.is_none());
        assert!(!policy.share_session_responses);
    }

    #[test]
    fn an_empty_list_is_said_where_it_says_something() {
        let text = "upstream = 'http://a'\nkeep_query = []\nignore_query = []\nxhr.signs = []\n\
                    [[rule]]\npath = '/'\nignore_query = ['a']\n[[rule]]\npath = '/b'\nkeep_query = ['c']";
        let config = config(&text.replace("ignore_query = []\n", ""));
        assert_eq!(config.policy.query.keep, Some(Vec::new()));
        assert!(config.policy.xhr.signs.is_empty());
        assert_eq!(config.policy.query.normal("/a?b=1"), "/a");
        assert_eq!(rules(&config)[1].query.keep, Some(owned(&["c"])));
    }

    #[test]
    fn the_command_line_sets_what_holds_for_the_site() {
        let mut overrides = Overrides::new();
        for assignment in [
            "ignore_query=utm_*",
            "ignore_query=@tracking",
            "sort_query=true",
            "identity.lookup=/who",
            "identity.lookup_ttl=5s",
            "identity.per_user=user",
            "debug.trusted=10.0.0.0/8",
            "debug.trusted=::1",
            "xhr.signs=A: b, C: d",
        ] {
            overrides.set(assignment);
        }
        let text = "upstream = 'http://a'\n[[rule]]\npath = '/a'\naudience = 'per-user'";
        let builder = ConfigBuilder::new().file("larder.toml", text).overrides(overrides.clone());
        let config = builder.build().expect("right");
        let policy = &config.policy;
        assert_eq!((policy.query.ignore.len(), policy.query.sort), (TRACKING.len() + 1, true));
        assert_eq!(policy.identity.lookup.as_ref().map(|l| l.path.as_str()), Some("/who"));
        assert_eq!(share(&rules(&config)[0]).audience, Audience::PerUser(UserKey::User));
        assert_eq!(config.debug_trusted.len(), 2);
        assert_eq!(policy.xhr.signs[0].0.len(), 2);
        overrides.set("debug.trusted=nowhere");
        overrides.set("rule=x");
        let builder = ConfigBuilder::new().file("larder.toml", text).overrides(overrides);
        let lines: Vec<_> = builder.build().expect_err("wrong").lines().collect();
        let starts = [
            "--set rule: unknown option `rule`",
            "--set debug.trusted: \"nowhere\" is not a network",
        ];
        assert_eq!(lines.len(), starts.len(), "{lines:#?}");
        for (line, start) in lines.iter().zip(starts) {
            assert!(line.starts_with(start), "{line}");
        }
    }

    #[test]
    fn all_of_it_changes_while_running() {
        let (old, new) = (config("upstream = 'http://a'"), config(ALL));
        let mut changes = old.changes_for_restart(&new);
        changes.retain(|key| *key != "upstream");
        assert!(changes.is_empty(), "{changes:?}");
        assert_ne!(old.policy.number(), new.policy.number());
    }

    #[test]
    fn each_rule_is_a_line_for_people() {
        let lines: Vec<_> = config(ALL).rule_lines().collect();
        let expected = [
            "larder.toml:29  match ^/blog/ at example.com, *.example.com for GET, HEAD  all-users, ttl 10m, minified, with forms, with ESI",
            "larder.toml:51  path /staff/*  staff, as long as the response says",
            "larder.toml:57  path /me at example.com:8080  per-user, as long as the response says",
            "larder.toml:64  path /account/*  never",
            "larder.toml:68  path /api/* for POST  pass",
            "larder.toml:73  path /free  as the response says",
        ];
        assert_eq!(lines, expected);
    }
}
