//! Visitors: what they have, what they do to it, and what they send. Every value of theirs that others do
//! not choose from the same few carries their number: `~3.17~` is visitor 3's.

use std::collections::HashMap;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use larder_policy::identity::Keys;
use larder_policy::{Class, Identity};
use larder_semantics::Timestamp;

use crate::random::Random;
use crate::site::{BYPASS, HOSTS, MARKER, PATHS, signers};

/// Who somebody is, as the application knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) class: &'static str,
    pub(crate) user: Option<&'static str>,
    pub(crate) segment: Option<&'static str>,
}

pub(crate) const NOBODY: Who = Who { class: "anonymous", user: None, segment: None };

const USERS: [Who; 6] = [
    Who { class: "authenticated", user: Some("user-0"), segment: Some("seg-a") },
    Who { class: "authenticated", user: Some("user-0"), segment: Some("seg-a") },
    Who { class: "authenticated", user: Some("user-1"), segment: Some("seg-b") },
    Who { class: "authenticated", user: Some("user-2"), segment: Some("seg-a") },
    Who { class: "authenticated", user: Some("user-3"), segment: None },
    // Logged in by a token that names no user.
    Who { class: "authenticated", user: None, segment: Some("seg-b") },
];

/// A marker that somebody signed.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    pub(crate) signer: usize,
    pub(crate) session: String,
    pub(crate) expires: u64,
    pub(crate) who: Who,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Visitor {
    pub(crate) session: Option<String>,
    pub(crate) marker: Option<String>,
    pub(crate) theme: Option<&'static str>,
    pub(crate) language: Option<&'static str>,
    pub(crate) country: Option<&'static str>,
}

/// A request as its visitor made it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) id: u64,
    pub(crate) visitor: usize,
    pub(crate) method: Method,
    pub(crate) host: &'static str,
    pub(crate) target: String,
    pub(crate) cookies: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    /// The application's answers, and the moment, when it began.
    pub(crate) first: usize,
    pub(crate) first_look_up: usize,
    pub(crate) begun: u64,
    pub(crate) at: u64,
}

/// All visitors, and what the application knows of their sessions.
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    pub(crate) all: Vec<Visitor>,
    pub(crate) signed: HashMap<String, Signed>,
}

pub(crate) fn tag(visitor: usize, number: u64) -> String {
    format!("~{visitor}.{number}~")
}

impl Crowd {
    pub(crate) fn sign(&mut self, signer: usize, who: &Who, session: &str, expires: u64) -> String {
        let class = if who.class == "anonymous" { Class::Anonymous } else { Class::Authenticated };
        let user = who.user.map(str::to_owned);
        let identity = Identity { class, user, segment: who.segment.map(str::to_owned) };
        let keys = Keys::new(vec![signers()[signer].clone()]).unwrap();
        let bound = ("sessionid", session.as_bytes());
        let marker = keys.sign(&identity, bound, Timestamp::from_secs(expires)).unwrap();
        let session = session.to_owned();
        self.signed.insert(marker.clone(), Signed { signer, session, expires, who: who.clone() });
        marker
    }

    /// Something changes about a visitor: a login, a logout, another session, another marker, another
    /// taste. Returns what the application knows of the sessions from now on.
    pub(crate) fn change(
        &mut self,
        random: &mut Random,
        sessions: &mut HashMap<String, Who>,
        step: u64,
        now: u64,
    ) -> String {
        let number = random.index(self.all.len());
        let mut visitor = self.all[number].clone();
        let fresh = format!("s{}", tag(number, step * 100));
        let what = random.below(10);
        match what {
            0..=4 => {
                // Logs in, mostly with a new session.
                let kept = visitor.session.take().filter(|_| random.one_in(4));
                let session = kept.unwrap_or(fresh);
                sessions.insert(session.clone(), USERS[random.index(USERS.len())].clone());
                visitor.session = Some(session);
            }
            5 => {
                // Logs out and keeps nothing.
                if let Some(session) = visitor.session.take() {
                    sessions.remove(&session);
                }
                visitor.marker = None;
            }
            6 => {
                // Logs out: the session is ended, or made another, that is nobody's.
                if let Some(session) = &visitor.session {
                    sessions.remove(session);
                }
                let segment = random.one_of(&[None, Some("seg-a")]);
                sessions.insert(fresh.clone(), Who { segment, ..NOBODY });
                visitor.session = Some(fresh);
            }
            7 => {
                // The same, with another session.
                if let Some(old) = visitor.session.take() {
                    let who = sessions.get(&old).cloned().unwrap_or(NOBODY);
                    sessions.insert(fresh.clone(), who);
                    visitor.session = Some(fresh);
                }
            }
            8 => {
                visitor.theme = random.one_of(&[None, Some("dark"), Some("light")]);
            }
            _ => {
                visitor.language = random.one_of(&LANGUAGES);
                visitor.country = random.one_of(&[None, Some("at"), Some("de")]);
            }
        }
        if let Some(session) = visitor.session.clone().filter(|_| what < 8 && !random.one_in(8)) {
            let who = sessions.get(&session).cloned().unwrap_or(NOBODY);
            let expires = now + random.one_of(&[5, 60, 600, 600]);
            let signer = random.one_of(&[0, 0, 1]);
            visitor.marker = Some(self.sign(signer, &who, &session, expires));
        }
        let told = format!("visitor {number} is now {visitor:?}");
        self.all[number] = visitor;
        told
    }

    /// Any request of any visitor. `seen` is a validator that the application has used.
    pub(crate) fn ask(&mut self, random: &mut Random, id: u64, now: u64, seen: &str) -> Asked {
        let number = random.index(self.all.len());
        let cookies = self.cookies(random, number, id, now);
        let visitor = &self.all[number];
        let method = match random.below(24) {
            0 | 1 => Method::HEAD,
            2 if random.one_in(2) => Method::POST,
            _ => Method::GET,
        };
        let host = HOSTS[usize::from(random.one_in(12))];
        let mut headers = HeaderMap::new();
        let mut put = |name: &'static str, value: &str| {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        };
        put("host", host);
        put("x-req", &id.to_string());
        put("accept-language", visitor.language.unwrap_or("en"));
        if let Some(country) = visitor.country {
            put("x-country", country);
        }
        if !random.one_in(10) {
            put("user-agent", &format!("Browser {}", tag(number, 0)));
        }
        if random.one_in(4) {
            put("x-tag", &tag(number, random.below(2)));
        }
        if random.one_in(3) {
            put("x-forwarded-for", &tag(number, random.below(3)));
        }
        if random.one_in(30) {
            put("authorization", &format!("Bearer {}", tag(number, random.below(2))));
        }
        match random.below(40) {
            0 => put("x-requested-with", "XMLHttpRequest"),
            1 => put("hx-request", "true"),
            2 => {
                put("sec-fetch-mode", "cors");
                put("sec-fetch-dest", "empty");
            }
            3 => put("sec-fetch-dest", &tag(number, id)),
            4 | 5 => put("larder-identity", FORGED),
            6 => put("range", "bytes=0-30"),
            7 | 8 => put("if-none-match", seen),
            9 => put("if-none-match", &format!("\"{}\"", tag(number, id))),
            10 => put("if-match", "\"x\""),
            11 => put("cache-control", "no-cache"),
            12 => put("x-country", "at , de"),
            _ => {}
        }
        let cut = if random.one_in(12) { cookies.len() / 2 } else { 0 };
        for line in cookie_lines(&cookies, cut) {
            put("cookie", &line);
        }
        let target = target(random, number, id);
        Asked {
            id,
            visitor: number,
            method,
            host,
            target,
            cookies,
            headers,
            first: 0,
            first_look_up: 0,
            begun: 0,
            at: now,
        }
    }

    fn cookies(
        &mut self,
        random: &mut Random,
        number: usize,
        id: u64,
        now: u64,
    ) -> Vec<(String, String)> {
        let visitor = self.all[number].clone();
        let mut all: Vec<(String, String)> = Vec::new();
        let mut put = |name: &str, value: String| all.push((name.to_owned(), value));
        if let Some(session) = &visitor.session {
            put("sessionid", session.clone());
        }
        match random.below(60) {
            0 => put("sessionid", String::new()),
            1 => put("sessionid", format!("f{}", tag(number, id))),
            2 => put("rm_token", tag(number, id)),
            3 => put("SessionID", tag(number, id)),
            _ => {}
        }
        for marker in self.markers(random, number, id, now) {
            put(MARKER, marker);
        }
        if let Some(theme) = visitor.theme {
            put("theme", theme.to_owned());
        }
        match random.below(30) {
            0 => put("theme", tag(number, id)),
            1 => put("theme", "light".to_owned()),
            2 => put("theme", String::new()),
            3 => put(BYPASS, tag(number, id)),
            4 => put(BYPASS, "\"\"".to_owned()),
            5 | 6 => put("lang", random.one_of(&["de", "en"]).to_owned()),
            _ => {}
        }
        if random.one_in(2) {
            put("track", tag(number, random.below(2)));
        }
        if random.one_in(4) {
            put("csrftoken", tag(number, 2 + random.below(2)));
        }
        if random.one_in(4) {
            all.reverse();
        }
        all
    }

    /// The visitor's own marker, mostly; others that they found, bent or made up.
    fn markers(&mut self, random: &mut Random, number: usize, id: u64, now: u64) -> Vec<String> {
        let own: Vec<String> = self.all[number].marker.iter().cloned().collect();
        let garbage = || format!("1.k1.{}.x", tag(number, id));
        match random.below(50) {
            0 => Vec::new(),
            1 => vec![garbage()],
            2 => [vec![garbage()], own].concat(),
            3 => [vec![garbage(); 3], own].concat(),
            // Another's, taken over; nothing of it is its owner's value.
            4 => self.all[random.index(self.all.len())].marker.iter().cloned().collect(),
            5 => own.iter().map(|marker| marker.replacen(".k1.", ".k2.", 1)).collect(),
            6 => own.iter().map(|marker| format!("{marker}A")).collect(),
            7 => {
                let Some(session) = self.all[number].session.clone() else { return Vec::new() };
                let signer = random.one_of(&[2, 3]);
                vec![self.sign(signer, &USERS[random.index(USERS.len())], &session, now + 600)]
            }
            8 => {
                let Some(session) = self.all[number].session.clone() else { return Vec::new() };
                vec![self.sign(0, &USERS[0], &session, now - random.below(2))]
            }
            _ => own,
        }
    }
}

/// What a visitor says who would like to be somebody.
const FORGED: &str = "class=authenticated, user=\"user-0\", segment=\"seg-a\"";

const LANGUAGES: [Option<&str>; 4] =
    [Some("en"), Some("de"), Some("de, en;q=0.5"), Some("DE,en;q=0.5")];

/// `Cookie`, cut in two at a place.
fn cookie_lines(cookies: &[(String, String)], cut: usize) -> impl Iterator<Item = String> {
    let (one, other) = cookies.split_at(cut);
    let line = |cookies: &[(String, String)]| {
        let pairs = cookies.iter().map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("; ")
    };
    [line(one), line(other)].into_iter().filter(|line| !line.is_empty())
}

fn target(random: &mut Random, number: usize, id: u64) -> String {
    // Some pages are asked for more than others.
    let path = random.below(PATHS).min(random.below(PATHS));
    let mut target = format!("/p{path}");
    let mut query = Vec::new();
    if random.one_in(6) {
        query.push(format!("page={}", random.below(2)));
    }
    if random.one_in(12) {
        query.push("q=x".to_owned());
    }
    if random.one_in(8) {
        query.push(format!("utm_source={}", tag(number, id)));
    }
    if random.one_in(3) {
        query.reverse();
    }
    if !query.is_empty() {
        target = format!("{target}?{}", query.join("&"));
    }
    target
}
