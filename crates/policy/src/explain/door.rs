//! What of an explanation is the door's? Requests that Larder answers itself, the host that a request counts as being for, and
//! fields that do not reach the application whatever the rules say.

use super::{DoorLine, Explanation, LeftOut, Outcome, Question, Removed, Seen, Sent};
use crate::front::{Door, Front};
use crate::hygiene::{self, Removal};
use crate::policy::Policy;
use crate::ruling::Ruling;
use crate::visit::Visit;
use crate::visitor::Sources;
use http::{HeaderMap, HeaderName, StatusCode, Uri, header};
use larder_semantics::{Reason, Timestamp};

/// Who is connected, as far as it matters for what they say of visitors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A trusted proxy: its word was taken.
    Trusted,
    /// Anybody, or it is not known who.
    Anybody,
}

/// What a running Larder knows besides its configuration.
#[expect(missing_debug_implementations, reason = "functions have nothing to show")]
#[derive(Clone, Copy)]
pub struct Knowing<'a> {
    /// What proves who somebody is.
    pub sources: &'a dyn Sources,
    /// By which request fields a shared page varies, asked with the ruling and the page's key.
    pub varies: &'a dyn Fn(&Ruling, &[u8]) -> Vec<HeaderName>,
    /// Who is connected.
    pub peer: Peer,
    /// The present moment.
    pub now: Timestamp,
}

/// Fields of the connection that nobody misses.
const NOT_TOLD: [&str; 5] = ["connection", "keep-alive", "te", "transfer-encoding", "upgrade"];

impl Front {
    /// What would become of a request under `policy`, from the door on.
    #[must_use]
    pub fn explain(&self, policy: &Policy, visit: &Visit<'_>, known: &Knowing<'_>) -> Explanation {
        let uri: Uri = visit.target.parse().unwrap_or_default();
        let refused = self.refuses(visit.headers).then_some(Reason::UnderscoredField);
        let door = self.door(visit.scheme, visit.method, visit.host, &uri);
        let own = self.default_host.as_ref().and_then(|own| own.to_str().ok());
        let host = match &door {
            Some(Door::As(_)) => own.unwrap_or(visit.host),
            Some(Door::Health | Door::UnknownHost | Door::Redirect(..)) | None => visit.host,
        };
        let inside = Visit { host, ..*visit };
        let mut told = policy.explain_knowing(&inside, known.sources, known.varies, known.now);
        let url = format!("{}://{}{}", visit.scheme.as_str(), visit.host, visit.target);
        if told.url != url {
            told.notes
                .push(format!("the site has no such host: the request counts as one for {host}"));
            told.url = url;
        }
        let answer = match (refused, door) {
            (Some(reason), _) => (reason, None),
            (None, Some(Door::UnknownHost)) => (Reason::UnknownHost, None),
            (None, Some(Door::Health)) => (Reason::Health, None),
            (None, Some(Door::Redirect(to, reason))) => (reason, Some(to)),
            (None, Some(Door::As(_)) | None) => {
                told.sent.removed = self.removed(policy, &inside, known.peer);
                let removed = &told.sent.removed;
                told.sent
                    .left_out
                    .fields
                    .retain(|name| !removed.iter().any(|it| it.field == *name));
                return told;
            }
        };
        let (reason, to) = answer;
        let status =
            to.as_ref().map(|to| to.status).or_else(|| reason.status()).unwrap_or(StatusCode::OK);
        let location = to.map(|to| String::from_utf8_lossy(to.location.as_bytes()).into_owned());
        let by_rule = reason == Reason::SchemeRedirect;
        Explanation {
            rule: told.rule.filter(|_| by_rule),
            nearest: told.nearest.filter(|_| by_rule),
            counts_as: told.url.clone(),
            outcome: Outcome::AtTheDoor,
            because: Some(reason.into()),
            door: Some(DoorLine { status: status.as_u16(), location }),
            key: Vec::new(),
            sent: Sent {
                target: String::new(),
                as_it_came: false,
                fields: Vec::new(),
                cookies: Vec::new(),
                left_out: LeftOut::default(),
                removed: Vec::new(),
            },
            lifetimes: None,
            seen: Seen { fields: Vec::new(), replaces: false },
            notes: Vec::new(),
            ..told
        }
    }

    /// The request that is let in for one that is asked about: for another host, where the site has none of that name.
    #[must_use]
    pub fn let_in(&self, question: &Question) -> Question {
        let uri: Uri = question.target.parse().unwrap_or_default();
        let mut asked = question.clone();
        let door = self.door(question.scheme, &question.method, &question.host, &uri);
        if let Some(Door::As(host)) = door {
            asked.host = host.to_str().unwrap_or_default().to_owned();
            asked.headers.insert(header::HOST, host);
        }
        asked
    }

    /// The fields of a request that the application does not get, and why: found by taking them off.
    fn removed(&self, policy: &Policy, visit: &Visit<'_>, peer: Peer) -> Vec<Removed> {
        let rule = policy.rules.find(&visit.asked()).map(|(_, rule)| rule);
        let route = hygiene::route(rule.map(|rule| &rule.action), visit.method);
        let mut left: HeaderMap = visit.headers.clone();
        drop(hygiene::clean(&mut left, &self.fields, route));
        let named = self.trust.scheme_field();
        let gone = |name: &&HeaderName| !left.contains_key(*name) || named == Some(*name);
        let mut removed: Vec<_> = visit
            .headers
            .keys()
            .filter(gone)
            .filter(|name| !NOT_TOLD.contains(&name.as_str()) && **name != header::HOST)
            .filter_map(|name| {
                let why = match self.fields.removal(name, route) {
                    _ if named == Some(name) => Removal::Forwarded,
                    Some(why) => why,
                    None => Removal::Connection,
                };
                let was_taken = why == Removal::Forwarded && peer == Peer::Trusted;
                (!was_taken).then_some((why, name))
            })
            .collect();
        removed.sort_unstable_by_key(|(why, name)| (*why, name.as_str()));
        removed.into_iter().map(|(why, name)| Removed::new(name, why)).collect()
    }
}

impl Removed {
    /// A field that `why` took off.
    #[must_use]
    pub fn new(name: &HeaderName, why: Removal) -> Self {
        Self { field: name.as_str().to_owned(), why: why.token(), text: why.text() }
    }
}
