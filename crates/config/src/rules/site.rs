//! What does the site say about visitors and scripts, checked?

use larder_policy::cookies::CookieNames;
use larder_policy::identity::{IdentityRules, Key, Keys, LookUp, Marker};
use larder_policy::xhr::Xhr;

use super::compiled;
use crate::build::Places;
use crate::config::SiteConfig;
use crate::problem::{Place, Problem};
use crate::secret::{ReadSecret, SecretSource};

/// Options that do nothing without another one.
const NEEDS: [(&str, &str); 3] = [
    ("identity.marker_cookie", "identity.marker_keys"),
    ("identity.lookup_ttl", "identity.lookup"),
    ("identity.lookup_timeout", "identity.lookup"),
];

/// `[identity]`.
pub(crate) fn identity(
    site: &SiteConfig,
    places: &Places,
    read: ReadSecret,
    problems: &mut Vec<Problem>,
) -> IdentityRules {
    for (key, needed) in NEEDS {
        if let (Some(place), None) = (places.of(key), places.of(needed)) {
            let problem = Problem::warning(place.clone(), format!("`{key}` has no effect"));
            problems.push(problem.hint(format!("it needs `{needed}`")));
        }
    }
    let session_cookies = CookieNames::new(site.session_cookies.clone());
    if session_cookies.may_mean(site.marker_cookie.as_bytes()) {
        let place =
            places.of("identity.marker_cookie").or_else(|| places.of("identity.session_cookies"));
        let message =
            format!("{} can't be both the marker and a session cookie", site.marker_cookie);
        let problem = Problem::new(place.cloned().unwrap_or(Place::Whole), message);
        problems
            .push(problem.hint("the marker says whose session it is: give it a name of its own"));
    }
    bypassing(site, &session_cookies, places, problems);
    let lookup = (!site.lookup.is_empty()).then(|| LookUp {
        path: site.lookup.clone(),
        ttl: site.lookup_ttl,
        timeout: site.lookup_timeout,
    });
    let marker = keys(site, places, read, problems)
        .map(|keys| Marker { cookie: site.marker_cookie.clone(), keys });
    IdentityRules {
        session_cookies,
        bypass_cookies: CookieNames::new(site.bypass_cookies.clone()),
        marker,
        lookup,
    }
}

/// Cookies that take everybody with a session past the cache.
fn bypassing(
    site: &SiteConfig,
    session_cookies: &CookieNames,
    places: &Places,
    problems: &mut Vec<Problem>,
) {
    for (index, name) in site.bypass_cookies.iter().enumerate() {
        let marker = CookieNames::new(vec![name.clone()]).contains(site.marker_cookie.as_bytes());
        let what = match session_cookies.contains(name.as_bytes()) {
            true => "a session cookie",
            false if marker => "the signed marker",
            false => continue,
        };
        let place = places.of_element("identity.bypass_cookies", index);
        let message = format!("{name} is {what}: whoever has it is never answered from the cache");
        let hint = "leave it out, unless only anonymous visitors are to be";
        problems.push(Problem::warning(place, message).hint(hint));
    }
}

/// The keys of the marker; `None` without any, or if something is wrong with one.
fn keys(
    site: &SiteConfig,
    places: &Places,
    read: ReadSecret,
    problems: &mut Vec<Problem>,
) -> Option<Keys> {
    const KEY: &str = "identity.marker_keys";
    if site.marker_keys.is_empty() || !places.sound(&[KEY]) {
        return None;
    }
    let before = problems.len();
    let mut keys = Vec::with_capacity(site.marker_keys.len());
    for (index, text) in site.marker_keys.iter().enumerate() {
        match key(text, read) {
            Ok(key) => keys.push(key),
            Err((message, hint)) => {
                problems.push(Problem::new(places.of_element(KEY, index), message).hint(hint));
            }
        }
    }
    if problems.len() > before {
        return None;
    }
    let place = places.of(KEY).cloned().unwrap_or(Place::Whole);
    let hint = "give each a name of its own: a marker names its key";
    Keys::new(keys).map_err(|message| problems.push(Problem::new(place, message).hint(hint))).ok()
}

/// One key, or a message and a hint.
fn key(text: &str, read: ReadSecret) -> Result<Key, (String, String)> {
    let (id, source) = SecretSource::parse(text).map_err(|fault| (fault.message, fault.hint))?;
    let name = source.name();
    let secret = source.secret(&format!("the key {id}"), read)?;
    Key::new(&id, &secret).map_err(|error| {
        (error, format!("it is in {name}; openssl rand -base64 48 makes a good one"))
    })
}

/// `[xhr]`.
pub(crate) fn xhr(site: &SiteConfig, places: &Places, problems: &mut Vec<Problem>) -> Xhr {
    // What is no sign was reported when it was read.
    let signs: Vec<_> =
        site.xhr_signs.iter().filter_map(|text| compiled::sign(text).ok()).collect();
    if signs.len() > Xhr::SIGNS_MAX {
        let place = places.of_element("xhr.signs", Xhr::SIGNS_MAX);
        let problem = Problem::new(place, format!("{} signs are too many", signs.len()));
        problems.push(problem.hint(format!("at most {}", Xhr::SIGNS_MAX)));
    }
    Xhr { never: site.xhr_never, signs }
}
