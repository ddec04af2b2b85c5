//! What a site decides: random rules, compiled for the product and plain for the naive model.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::{Method, StatusCode};
use larder_policy::cookies::CookieNames;
use larder_policy::identity::{IdentityRules, Key, Keys, LookUp, Marker};
use larder_policy::query::Query;
use larder_policy::rule::{HostPattern, Pattern};
use larder_policy::xhr::Xhr;
use larder_policy::{Action, Audience, Part, Policy, PolicyParts, Rule, Share, UserKey, When};

use crate::random::Random;

pub(crate) const HOSTS: [&str; 2] = ["a.test", "b.test"];
pub(crate) const PATHS: u64 = 6;
pub(crate) const LOOK_UP: &str = "/_larder/identity";
pub(crate) const MARKER: &str = "larder_id";
pub(crate) const BYPASS: &str = "messages";

/// How visitors are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proofs {
    Marker,
    LookUp,
    Any,
}

/// Which paths a rule is for, for people who read slowly.
#[derive(Debug)]
pub(crate) enum Place {
    Exact(String),
    Beginning(&'static str),
}

#[derive(Debug)]
pub(crate) struct Ruled {
    pub(crate) place: Place,
    pub(crate) host: Option<&'static str>,
    pub(crate) rule: Rule,
}

#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) rules: Vec<Ruled>,
    pub(crate) query: Query,
    /// The keys that markers may be signed with, as places in [`signers`].
    pub(crate) keys: Vec<usize>,
    pub(crate) look_up_ttl: Option<u64>,
    pub(crate) bypass: bool,
    pub(crate) xhr_never: bool,
    pub(crate) policy: Arc<Policy>,
}

/// Who may try to sign: the site's two keys, one of the first one's name with another secret, one of
/// another name.
pub(crate) fn signers() -> &'static [Key; 4] {
    static SIGNERS: OnceLock<[Key; 4]> = OnceLock::new();
    SIGNERS.get_or_init(|| {
        [("k1", b'a'), ("k2", b'b'), ("k1", b'c'), ("k9", b'a')]
            .map(|(id, secret)| Key::new(id, &[secret; 32]).unwrap())
    })
}

pub(crate) fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

impl Site {
    pub(crate) fn any(random: &mut Random, proofs: Proofs) -> Self {
        let has_marker = proofs != Proofs::LookUp && (proofs == Proofs::Marker || random.one_in(2));
        let has_look_up =
            proofs != Proofs::Marker && (proofs == Proofs::LookUp || random.one_in(2));
        let keys = if has_marker { random.one_of(&[&[0][..], &[0, 1], &[1]]) } else { &[] };
        let look_up_ttl = has_look_up.then(|| random.one_of(&[1, 5, 30]));
        let query = query(random);
        let customs = [custom(random), custom(random)];
        let count = 4 + random.below(5);
        let rules = (0..count).map(|number| ruled(random, number, &query, &customs)).collect();
        let mut site = Self {
            rules,
            query,
            keys: keys.to_vec(),
            look_up_ttl,
            bypass: random.one_in(2),
            xhr_never: random.one_in(5),
            policy: Arc::default(),
        };
        site.policy = Arc::new(site.compile());
        site
    }

    /// For people.
    pub(crate) fn told(&self) -> String {
        let Self { query, keys, look_up_ttl, bypass, xhr_never, .. } = self;
        let rules = self.rules.iter().map(|ruled| {
            let (host, when) = (ruled.host, &ruled.rule.when.methods);
            let Rule { action, query, .. } = &ruled.rule;
            format!("{:?} of {host:?} by {when:?}: {action:?} {query:?}\n", ruled.place)
        });
        let all = rules.collect::<String>();
        format!(
            "{all}{query:?} keys {keys:?} look-up {look_up_ttl:?} bypass {bypass} xhr {xhr_never}\n"
        )
    }

    fn compile(&self) -> Policy {
        let names = |names: &[&str]| {
            CookieNames::new(names.iter().map(|name| (*name).to_owned()).collect())
        };
        let keys = self.keys.iter().map(|place| signers()[*place].clone()).collect::<Vec<_>>();
        let marker = Keys::new(keys).ok().map(|keys| Marker { cookie: MARKER.to_owned(), keys });
        let lookup = self.look_up_ttl.map(|ttl| LookUp {
            path: LOOK_UP.to_owned(),
            ttl: secs(ttl),
            timeout: secs(600),
        });
        Policy::new(PolicyParts {
            rules: self.rules.iter().map(|ruled| ruled.rule.clone()).collect(),
            query: self.query.clone(),
            identity: IdentityRules {
                session_cookies: names(&["sessionid", "rm_*"]),
                bypass_cookies: names(if self.bypass { &[BYPASS] } else { &[] }),
                marker,
                lookup,
            },
            xhr: Xhr { never: self.xhr_never, ..Xhr::default() },
            share_session_responses: false,
            ..Default::default()
        })
        .unwrap()
    }
}

fn query(random: &mut Random) -> Query {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    Query {
        ignore: texts(random.one_of(&[&[][..], &["utm_*"], &["utm_*"], &["utm_*", "q"]])),
        keep: random.one_in(6).then(|| texts(random.one_of(&[&["page"][..], &["page", "q"]]))),
        always: Vec::new(),
        sort: random.one_in(2),
    }
}

fn custom(random: &mut Random) -> Vec<Part> {
    let header = |name: &'static str| Part::Header(http::HeaderName::from_static(name));
    let all = [
        Part::Segment,
        Part::Cookie("theme".to_owned()),
        Part::Class,
        header("x-country"),
        Part::Query("page".to_owned()),
        Part::Cookie("lang".to_owned()),
        Part::User,
        header("accept-language"),
        header("authorization"),
    ];
    let count = 1 + random.index(3);
    let mut parts: Vec<Part> = Vec::new();
    for _ in 0..count {
        let rare = if random.one_in(12) { all.len() } else { all.len() - 2 };
        let part = &all[random.index(rare)];
        if !parts.contains(part) {
            parts.push(part.clone());
        }
    }
    parts
}

fn audience(random: &mut Random, customs: &[Vec<Part>; 2]) -> Audience {
    match random.below(8) {
        0 => Audience::AllUsers,
        1 => Audience::AnonymousOnly,
        2 => Audience::AnonymousAndAuthenticated,
        3 => Audience::PerUser(UserKey::Session),
        4 => Audience::PerUser(UserKey::User),
        5 => Audience::Custom { name: "one".to_owned(), parts: customs[0].clone() },
        6 => Audience::Custom { name: "other".to_owned(), parts: customs[1].clone() },
        _ => Audience::Custom { name: "segments".to_owned(), parts: vec![Part::Segment] },
    }
}

fn share(random: &mut Random, customs: &[Vec<Part>; 2]) -> Share {
    let mut share = Share::with(audience(random, customs));
    let lasts = |random: &mut Random, one_in, bound| {
        random.one_in(one_in).then(|| secs(random.below(bound)))
    };
    share.ttl = (!random.one_in(5)).then(|| secs(5 + random.below(60)));
    share.browser_ttl = lasts(random, 3, 5);
    share.cdn_ttl = if share.audience.is_everybody() { lasts(random, 3, 20) } else { None };
    share.grace = lasts(random, 3, 12);
    share.stale_if_error = lasts(random, 4, 60);
    if random.one_in(3) {
        share.statuses.push(StatusCode::NOT_FOUND);
    }
    if random.one_in(5) {
        share.content_types = vec![random.one_of(&["text/html", "text/*"]).to_owned()];
    }
    share.respect_origin = random.one_in(5);
    share.override_no_store = random.one_in(5);
    for name in ["theme", "lang", "absent"] {
        if random.one_in(6) {
            share.keep_cookies.push(name.to_owned());
        }
    }
    if random.one_in(2) {
        share.drop_set_cookie.push("csrftoken".to_owned());
    }
    share
}

fn ruled(random: &mut Random, number: u64, query: &Query, customs: &[Vec<Part>; 2]) -> Ruled {
    let path = format!("/p{}", if number < PATHS - 1 { number } else { random.below(PATHS) });
    let (pattern, place) = match random.below(8) {
        0 => (Pattern::path("/p*"), Place::Beginning("/p")),
        1 => (Pattern::regex(&format!("^{path}(\\?|$)")), Place::Exact(path)),
        _ => (Pattern::path(&path), Place::Exact(path)),
    };
    // What is for all paths hides the others.
    let narrow = matches!(place, Place::Beginning(_)) || random.one_in(8);
    let host = narrow.then(|| random.one_of(&["b.test", "b.test", "a.test"]));
    let action = match random.below(20) {
        0 => Action::Never,
        1 => Action::Pass,
        2 => Action::Respect,
        _ => Action::Share(Box::new(share(random, customs))),
    };
    let own = if random.one_in(4) { self::query(random) } else { query.clone() };
    let query = match &action {
        Action::Share(share) => match &share.audience {
            Audience::Custom { parts, .. } if parts.contains(&Part::Query("page".to_owned())) => {
                own.exempting(&["page".to_owned()])
            }
            Audience::AllUsers
            | Audience::AnonymousOnly
            | Audience::AnonymousAndAuthenticated
            | Audience::PerUser(_)
            | Audience::Custom { .. } => own,
        },
        Action::Never | Action::Pass | Action::Respect => own,
    };
    let methods = match random.below(12) {
        0 => vec![Method::GET],
        1 => vec![Method::GET, Method::HEAD],
        _ => Vec::new(),
    };
    let hosts = host.map(|host| HostPattern::parse(host).unwrap());
    let when = When { pattern: pattern.unwrap(), hosts: hosts.into_iter().collect(), methods };
    let name = format!("rule {number}");
    let rule = Rule { place: name, when, scheme: None, action, query, tags: Vec::new() };
    Ruled { place, host, rule }
}
