//! The rules and RFC 9111 as they read when taken word by word, for what this application says and these
//! visitors send. Shares no code with what is tested; its rules are plain data.

use std::time::Duration;

use http::{HeaderMap, Method};
use larder_policy::query::Query;
use larder_policy::{Action, Audience, Part, Share, UserKey};

use crate::application::LookedUp;
use crate::said::{Record, Said};
use crate::site::{BYPASS, MARKER, Place, Site};
use crate::visitors::{Asked, Crowd, NOBODY, Who};

/// What becomes of a request.
#[derive(Clone, Debug)]
pub(crate) enum Way<'s> {
    Open,
    Never,
    Pass,
    /// A page shared by this rule, for this identity.
    Share(&'s Share, Who),
}

/// An identity of which nothing is in the key.
const UNKEYED: Who = Who { class: "", ..NOBODY };

/// Of whom nothing is verified.
pub(crate) enum Proof {
    Of(Who),
    None,
}

/// The first rule for a URL, and what of its query counts.
pub(crate) fn rule<'s>(
    site: &'s Site,
    method: &Method,
    host: &str,
    target: &str,
) -> (Option<&'s Action>, &'s Query) {
    let path = target.split('?').next().unwrap_or_default();
    let found = site.rules.iter().find(|ruled| {
        let place = match &ruled.place {
            Place::Exact(exact) => path == exact,
            Place::Beginning(beginning) => path.starts_with(beginning),
        };
        let methods = &ruled.rule.when.methods;
        place
            && ruled.host.is_none_or(|of| of == host)
            && (methods.is_empty() || methods.contains(method))
    });
    match found {
        Some(ruled) => (Some(&ruled.rule.action), &ruled.rule.query),
        None => (None, &site.query),
    }
}

/// The target with what counts of it.
pub(crate) fn normal_target(query: &Query, target: &str) -> String {
    let Some((path, asked)) = target.split_once('?') else { return target.to_owned() };
    let listed = |list: &[String], name: &str| {
        list.iter().any(|listed| match listed.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => listed == name,
        })
    };
    let name = |pair: &str| pair.split('=').next().unwrap_or_default().to_owned();
    let mut pairs: Vec<&str> = asked.split('&').collect();
    pairs.retain(|pair| {
        query.always.contains(&name(pair))
            || match &query.keep {
                Some(keep) => listed(keep, &name(pair)),
                None => !listed(&query.ignore, &name(pair)),
            }
    });
    if query.sort {
        pairs.sort_by_key(|pair| name(pair));
    }
    if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
}

/// The page that a request is about: for a change, the one that a GET would be for.
pub(crate) fn page_of(site: &Site, method: &Method, host: &str, target: &str) -> String {
    let method = if *method == Method::HEAD { Method::HEAD } else { Method::GET };
    normal_target(rule(site, &method, host, target).1, target)
}

/// The signs of a script's request.
pub(crate) fn signs(headers: &HeaderMap) -> [bool; 3] {
    let is = |name: &str, value: &str| {
        let mut lines = headers.get_all(name).iter();
        lines.next().is_some_and(|line| line == value) && lines.next().is_none()
    };
    [
        is("x-requested-with", "XMLHttpRequest"),
        is("hx-request", "true"),
        is("sec-fetch-mode", "cors") && is("sec-fetch-dest", "empty"),
    ]
}

pub(crate) fn named<'c>(
    cookies: &'c [(String, String)],
    name: &str,
) -> impl Iterator<Item = &'c str> {
    cookies.iter().filter(move |(other, _)| other == name).map(|(_, value)| value.as_str())
}

/// Session cookies with something in them. `SessionID` is one to some applications.
fn sessions(cookies: &[(String, String)]) -> Vec<&(String, String)> {
    let is_one = |name: &str| name.eq_ignore_ascii_case("sessionid") || name.starts_with("rm_");
    cookies.iter().filter(|(name, value)| is_one(name) && !value.is_empty()).collect()
}

pub(crate) fn has_session(cookies: &[(String, String)]) -> bool {
    !sessions(cookies).is_empty()
}

/// Those that `session_cookies` names, as they are sent, also where nothing is in them.
pub(crate) fn listed_sessions(cookies: &[(String, String)]) -> Vec<&(String, String)> {
    let is_listed = |name: &str| name == "sessionid" || name.starts_with("rm_");
    cookies.iter().filter(|(name, _)| is_listed(name)).collect()
}

/// All that may be proven of who asks: several, where several look-ups were under way.
pub(crate) fn proofs(
    site: &Site,
    crowd: &Crowd,
    looked_up: &[LookedUp],
    asked: &Asked,
) -> Vec<Proof> {
    let sessions = sessions(&asked.cookies);
    let [session] = sessions.as_slice() else {
        return vec![if sessions.is_empty() { Proof::Of(NOBODY) } else { Proof::None }];
    };
    if !site.keys.is_empty() {
        for marker in named(&asked.cookies, MARKER).take(3) {
            let Some(signed) = crowd.signed.get(marker) else { continue };
            let counts = site.keys.contains(&signed.signer)
                && session.0 == "sessionid"
                && signed.session == session.1
                && asked.at < signed.expires;
            if counts {
                return vec![Proof::Of(signed.who.clone())];
            }
        }
    }
    let Some(_) = site.look_up_ttl else { return vec![Proof::None] };
    let of_session =
        looked_up.iter().filter(|known| known.host == asked.host && known.session == **session);
    let alive = of_session.filter(|known| asked.at < known.at + known.lasts);
    let mut proofs: Vec<Proof> = Vec::new();
    for known in alive {
        // What came before this request is replaced by what came later.
        if known.before < asked.first_look_up {
            proofs.clear();
        }
        proofs.push(known.who.clone().map_or(Proof::None, Proof::Of));
    }
    if proofs.is_empty() { vec![Proof::None] } else { proofs }
}

/// What becomes of a request, in all ways that are right.
pub(crate) fn ways<'s>(
    site: &'s Site,
    crowd: &Crowd,
    looked_up: &[LookedUp],
    asked: &Asked,
) -> Vec<Way<'s>> {
    let of_bypass = |value: &str| !value.is_empty() && value != "\"\"";
    let action = rule(site, &asked.method, asked.host, &asked.target).0;
    let of_script = site.xhr_never && signs(&asked.headers).contains(&true);
    if of_script || action == Some(&Action::Never) {
        return vec![Way::Never];
    }
    if site.bypass && named(&asked.cookies, BYPASS).any(of_bypass) {
        return vec![Way::Pass];
    }
    let share = match action {
        None | Some(Action::Respect | Action::Never) => return vec![Way::Open],
        Some(Action::Pass) => return vec![Way::Pass],
        Some(Action::Share(share)) => share,
    };
    let is_read = asked.method == Method::GET || asked.method == Method::HEAD;
    let credentials = asked.headers.contains_key("authorization")
        && !keyed_headers(share).iter().any(|name| name == "authorization");
    if !is_read || credentials {
        return vec![Way::Pass];
    }
    let (mut class, mut user, mut segment) = (false, false, false);
    match &share.audience {
        Audience::AllUsers | Audience::PerUser(UserKey::Session) => {
            return vec![Way::Share(share, UNKEYED)];
        }
        Audience::AnonymousOnly => {}
        Audience::AnonymousAndAuthenticated => class = true,
        Audience::PerUser(UserKey::User) => user = true,
        Audience::Custom { parts, .. } => {
            class = parts.contains(&Part::Class);
            user = parts.contains(&Part::User);
            segment = parts.contains(&Part::Segment);
            if !class && !user && !segment {
                return vec![Way::Share(share, UNKEYED)];
            }
        }
    }
    let anonymous_only = share.audience == Audience::AnonymousOnly;
    let way = |proof: Proof| match proof {
        Proof::None => Way::Pass,
        Proof::Of(who) if anonymous_only && who.class != "anonymous" => Way::Pass,
        // Somebody without a name has no page among those by name.
        Proof::Of(who) if user && who.class != "anonymous" && who.user.is_none() => Way::Pass,
        Proof::Of(who) => Way::Share(
            share,
            Who {
                class: if class { who.class } else { "" },
                user: who.user.filter(|_| user),
                segment: who.segment.filter(|_| segment),
            },
        ),
    };
    proofs(site, crowd, looked_up, asked).into_iter().map(way).collect()
}

pub(crate) fn keyed_headers(share: &Share) -> Vec<String> {
    let Audience::Custom { parts, .. } = &share.audience else { return Vec::new() };
    let headers = parts.iter().filter_map(|part| match part {
        Part::Header(name) => Some(name.as_str().to_owned()),
        Part::Cookie(_) | Part::Query(_) | Part::Class | Part::User | Part::Segment => None,
    });
    headers.collect()
}

pub(crate) fn keyed_cookies(share: &Share) -> Vec<String> {
    let mut names = share.keep_cookies.clone();
    if let Audience::Custom { parts, .. } = &share.audience {
        names.extend(parts.iter().filter_map(|part| match part {
            Part::Cookie(name) => Some(name.clone()),
            Part::Header(_) | Part::Query(_) | Part::Class | Part::User | Part::Segment => None,
        }));
    }
    names
}

/// Everything that tells the pages of a rule apart, of a request with these fields and cookies.
pub(crate) fn key(share: &Share, headers: &HeaderMap, cookies: &[(String, String)]) -> String {
    let mut key = format!("{:?}", signs(headers));
    for name in keyed_cookies(share) {
        let values = named(cookies, &name).map(|value| format!("<{value}>"));
        key.push_str(&format!("|{name} {}", values.collect::<String>()));
    }
    for name in keyed_headers(share) {
        let lines = headers.get_all(&name).iter().map(|line| format!("{line:?}"));
        key.push_str(&format!("|{name}: {}", lines.collect::<String>()));
    }
    if share.audience == Audience::PerUser(UserKey::Session) {
        key.push_str(&format!("|{:?}", listed_sessions(cookies)));
    }
    key
}

/// RFC 9111 §4.1: a field without the differences that mean nothing.
pub(crate) fn normal(name: &str, headers: &HeaderMap) -> Option<String> {
    let lines: Vec<&str> =
        headers.get_all(name).iter().filter_map(|line| line.to_str().ok()).collect();
    let line = lines.join(if name == "cookie" { "; " } else { "," });
    let line = match name {
        "user-agent" | "cookie" | "authorization" => line,
        "accept-language" => line.replace(' ', "").to_lowercase(),
        _ => line.split(',').map(str::trim).collect::<Vec<_>>().join(","),
    };
    (!lines.is_empty()).then_some(line)
}

/// What holds of an answer by a rule (`None`: by itself).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) lifetime: u64,
    pub(crate) forbids: bool,
    pub(crate) always_validates: bool,
    /// Never stale: `must-revalidate` and what means the same.
    pub(crate) strict: bool,
    pub(crate) swr: Option<u64>,
    pub(crate) sie: Option<u64>,
}

pub(crate) fn terms(said: &Said, status: u16, share: Option<&Share>) -> Terms {
    // RFC 9213 §2.2: a field for caches like this one silences the others.
    let silent = Said { targeted: said.targeted, ..Said::default() };
    let governing = if said.targeted.is_some() { &silent } else { said };
    let share = share.filter(|share| covers(share, said, status));
    let overrides = share.is_some_and(|share| share.override_no_store);
    let respects = share.is_some_and(|share| share.respect_origin);
    let secs = |lasts: Option<Duration>| lasts.map(|lasts| lasts.as_secs());
    let stated =
        governing.targeted.or(governing.s_maxage).or(governing.max_age).or(governing.expires);
    let ttl = share.and_then(|share| secs(share.ttl)).filter(|_| !(respects && stated.is_some()));
    let lifetime = ttl.or(stated).unwrap_or_default();
    let is_error = status >= 400;
    let window = |ours: Option<u64>, theirs: Option<u64>| {
        let wins = !respects || theirs.is_none();
        ours.filter(|_| wins && !is_error).or(theirs)
    };
    Terms {
        lifetime: if is_error { lifetime.min(10) } else { lifetime },
        forbids: !overrides && (governing.no_store || governing.private),
        always_validates: !overrides && governing.no_cache,
        strict: governing.must_revalidate || (ttl.is_none() && governing.s_maxage.is_some()),
        swr: window(share.and_then(|share| secs(share.grace)), governing.swr),
        sie: window(share.and_then(|share| secs(share.stale_if_error)), governing.sie),
    }
}

fn covers(share: &Share, said: &Said, status: u16) -> bool {
    let html = said.content_type.starts_with("text/html");
    share.statuses.iter().any(|covered| covered.as_u16() == status)
        && (share.content_types.is_empty() || html)
}

/// Whether anybody but who asked may ever get it, apart from what a rule has to say.
pub(crate) fn is_storable(said: &Said, status: u16, share: Option<&Share>) -> bool {
    let terms = terms(said, status, share);
    // A rule's lifetime would make it mean nothing.
    let asks_each_time = share.is_some() && terms.always_validates;
    let unfit = [429, 304].contains(&status)
        || ["*", "X-Forwarded-For"].iter().any(|name| said.vary.contains(name));
    let drops = |name: &&str| {
        share.is_some_and(|share| share.drop_set_cookie.iter().any(|drop| drop == name))
    };
    !unfit && !terms.forbids && !asks_each_time && said.set_cookie.iter().all(drops)
}

/// Whether the answer may be given to others although no rule says so: RFC 9111 §3, §3.5, and the reading
/// of answers to requests with a session.
pub(crate) fn is_open_storable(record: &Record, status: u16, updates: bool) -> bool {
    let Said { public, s_maxage, targeted, must_revalidate, .. } = record.said;
    let credentials = record.fields.contains_key("authorization");
    let silent = targeted.is_some();
    let says_shared = silent || public || s_maxage.is_some();
    let mut said = record.said.clone();
    if updates {
        said.set_cookie.clear();
    }
    is_storable(&said, status, None)
        && (!credentials || (!silent && (public || s_maxage.is_some() || must_revalidate)))
        && (!has_session(&record.cookies) || says_shared || record.said.vary.contains(&"Cookie"))
}
