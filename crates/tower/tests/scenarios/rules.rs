//! A site with rules, made in code as the rule file makes them, and an application that writes what it was sent into its page.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, StatusCode};
use larder_cache::Options;
use larder_policy::cookies::CookieNames;
use larder_policy::identity::{IdentityRules, Key, Keys, LookUp, Marker};
use larder_policy::query::Query;
use larder_policy::rule::Pattern;
use larder_policy::xhr::Xhr;
use larder_policy::{
    Action, Audience, Class, Identity, Part, Policy, PolicyParts, Rule, Share, UserKey, When,
};
use larder_testkit::Sent;

use crate::world::{Answer, Lines, Script, Seen, World, request};

/// What a visitor's browser sends beside its cookies, with a claim that is not theirs to make.
pub(crate) const BROWSER: Lines<'_> = &[
    ("accept-language", "de"),
    ("larder-identity", "class=authenticated, user=\"eve\", segment=\"staff\""),
    ("referer", "https://site.example/from"),
    ("user-agent", "Mozilla/5.0"),
    ("x-forwarded-for", "203.0.113.9"),
];

const CAPABILITY: &str = "surrogate-capability: larder=\"Surrogate/1.0\"";
const CAPABILITY_OF_A_FILL: &str = "surrogate-capability: larder=\"Surrogate/1.0 ESI/1.0\"";

pub(crate) fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// `audience = …` and `ttl = "60s"`.
pub(crate) fn share(audience: Audience) -> Share {
    Share { ttl: Some(secs(60)), ..Share::with(audience) }
}

/// `audience = "all-users"`, `ttl = "60s"`.
pub(crate) fn for_all() -> Share {
    share(Audience::AllUsers)
}

/// `[audience.own] key = […]`.
pub(crate) fn custom(parts: &[&str]) -> Audience {
    let part = |text: &&str| match text.split_once(':') {
        Some(("cookie", name)) => Part::Cookie(name.to_owned()),
        Some(("header", name)) => Part::Header(HeaderName::from_bytes(name.as_bytes()).unwrap()),
        Some(("query", name)) => Part::Query(name.to_owned()),
        _ => [("class", Part::Class), ("user", Part::User), ("segment", Part::Segment)]
            .into_iter()
            .find_map(|(name, part)| (name == *text).then_some(part))
            .expect("a part of a key"),
    };
    Audience::Custom { name: "own".to_owned(), parts: parts.iter().map(part).collect() }
}

pub(crate) const PER_SESSION: Audience = Audience::PerUser(UserKey::Session);
pub(crate) const PER_USER: Audience = Audience::PerUser(UserKey::User);

/// A rule for a path (a trailing `*` for all that begin so).
pub(crate) fn acting(path: &str, action: Action) -> Rule {
    let when =
        When { pattern: Pattern::path(path).unwrap(), hosts: Vec::new(), methods: Vec::new() };
    let mut query = Query::default();
    if let Action::Share(share) = &action
        && let Audience::Custom { parts, .. } = &share.audience
    {
        for part in parts {
            if let Part::Query(name) = part {
                query.always.push(name.clone());
            }
        }
    }
    Rule { place: "larder.toml:1".to_owned(), when, scheme: None, action, query, tags: Vec::new() }
}

/// A rule that shares.
pub(crate) fn rule(path: &str, share: Share) -> Rule {
    acting(path, Action::Share(Box::new(share)))
}

/// A site with these rules, whose session cookie is `sessionid`.
pub(crate) fn site(rules: Vec<Rule>) -> PolicyParts {
    PolicyParts { rules, identity: identity(), xhr: Xhr::default(), ..PolicyParts::default() }
}

/// A site where one rule is for everything.
pub(crate) fn site_of(share: Share) -> PolicyParts {
    site(vec![rule("/*", share)])
}

fn identity() -> IdentityRules {
    let session_cookies = names(&["sessionid"]);
    IdentityRules { session_cookies, ..IdentityRules::default() }
}

pub(crate) fn names(names: &[&str]) -> CookieNames {
    CookieNames::new(names.iter().map(|&name| name.to_owned()).collect())
}

pub(crate) fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

pub(crate) fn key(id: &str) -> Key {
    Key::new(id, format!("{id}: as many bytes as a secret has to have").as_bytes()).unwrap()
}

/// Visitors are known by a marker that is signed with any of these.
pub(crate) fn by_marker(mut site: PolicyParts, keys: &[&str]) -> PolicyParts {
    let keys = Keys::new(keys.iter().map(|id| key(id)).collect()).unwrap();
    site.identity.marker = Some(Marker { cookie: "larder_id".to_owned(), keys });
    site
}

/// Visitors are known by a look-up.
pub(crate) fn by_look_up(mut site: PolicyParts) -> PolicyParts {
    let path = LOOK_UP.to_owned();
    site.identity.lookup = Some(LookUp { path, ttl: secs(30), timeout: secs(2) });
    site
}

pub(crate) const LOOK_UP: &str = "/_larder/identity";

pub(crate) fn member(class: Class, user: Option<&str>, segment: Option<&str>) -> Identity {
    Identity { class, user: user.map(str::to_owned), segment: segment.map(str::to_owned) }
}

/// A page that says everything that the application was sent for it.
pub(crate) fn tells(sent: &Sent) -> Answer {
    let page = format!("{} {}\n{}", sent.method, sent.uri, lines(sent).join("\n"));
    let answer = Answer::new(200);
    if sent.method == "HEAD" { answer } else { answer.body(page) }
}

/// The same, with the words that an application needs that makes pages for classes, users and segments.
pub(crate) fn confirms(sent: &Sent) -> Answer {
    tells(sent).field("vary", "Larder-Identity")
}

/// The fields that were sent, in the order of the alphabet.
pub(crate) fn lines(sent: &Sent) -> Vec<String> {
    let line = |(name, value): (&HeaderName, &http::HeaderValue)| {
        format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()))
    };
    let mut lines: Vec<_> = sent.headers.iter().map(line).collect();
    lines.sort();
    lines
}

/// All that a fetch for a shared page carries, with `more`.
pub(crate) fn of_a_fill(more: &[&str]) -> Vec<String> {
    sorted(
        &[&["host: site.example", CAPABILITY_OF_A_FILL, "user-agent: Larder"][..], more].concat(),
    )
}

/// All that a browser's own request carries, with this `Cookie`: everything but the claim.
pub(crate) fn of_a_browser(cookie: &str) -> Vec<String> {
    let cookie = format!("cookie: {cookie}");
    let fields = [
        "accept-language: de",
        "host: site.example",
        "referer: https://site.example/from",
        CAPABILITY,
        "user-agent: Mozilla/5.0",
        "x-forwarded-for: 203.0.113.9",
    ];
    let with_cookie = (cookie != "cookie: ").then_some(&*cookie);
    sorted(&fields.into_iter().chain(with_cookie).collect::<Vec<_>>())
}

fn sorted(lines: &[&str]) -> Vec<String> {
    let mut lines = owned(lines);
    lines.sort();
    lines
}

impl World {
    /// Under these rules, over the application that answers so.
    pub(crate) fn under(
        site: PolicyParts,
        answers: impl Fn(&Sent) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::asking(policy(site), Script::choosing(answers))
    }

    /// A browser's request.
    pub(crate) async fn visit(&self, method: &str, path: &str, cookie: &str) -> Seen {
        let mut fields = BROWSER.to_vec();
        if !cookie.is_empty() {
            fields.push(("cookie", cookie));
        }
        self.send(request(method, path, &fields)).await.expect("a response")
    }

    /// A browser's GET.
    pub(crate) async fn page(&self, path: &str, cookie: &str) -> Seen {
        self.visit("GET", path, cookie).await
    }

    /// What the application was sent last.
    pub(crate) fn last_lines(&self) -> Vec<String> {
        lines(&self.app.last())
    }

    /// The `Cookie` line of a session and a marker that says who it is for an hour, signed with the first of `keys`.
    pub(crate) fn marked(&self, session: &str, identity: &Identity, keys: &[&str]) -> String {
        let keys = Keys::new(keys.iter().map(|id| key(id)).collect()).unwrap();
        let expires = self.clock.now().plus(secs(3600));
        let marker = keys.sign(identity, ("sessionid", session.as_bytes()), expires).unwrap();
        format!("sessionid={session}; larder_id={marker}")
    }
}

/// The options of a cache under these rules.
pub(crate) fn policy(site: PolicyParts) -> Options {
    let policy = Arc::new(Policy::new(site).unwrap());
    Options { policy, ..Options::default() }
}

/// These fields, or none.
pub(crate) fn only_if(there: bool, fields: Lines<'static>) -> Lines<'static> {
    if there { fields } else { &[] }
}

pub(crate) fn statuses(codes: &[u16]) -> Vec<StatusCode> {
    codes.iter().map(|code| StatusCode::from_u16(*code).unwrap()).collect()
}

impl Seen {
    /// The line of `Cache-Status` says in so many words.
    #[track_caller]
    pub(crate) fn says(&self, words: &str) -> &Self {
        assert!(self.cache_status().contains(words), "{words}: {}", self.cache_status());
        self
    }

    /// All lines of a field.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
    }

    /// Nothing of it is anybody's in particular.
    #[track_caller]
    pub(crate) fn tells_nothing_of(&self, words: &[&str]) -> &Self {
        for word in words {
            assert!(!self.body.contains(word), "{word} in\n{}", self.body);
            assert!(!format!("{:?}", self.headers).contains(word), "{word} in {:?}", self.headers);
        }
        self
    }
}
