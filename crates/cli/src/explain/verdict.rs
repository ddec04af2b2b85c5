//! What did the answer mean for the cache? Asked of the functions that decide it, with what was really sent and received.

use std::sync::Arc;

use http::Method;
use http::header::{
    AGE, CACHE_CONTROL, CONTENT_TYPE, ETAG, EXPIRES, HeaderMap, HeaderName, LAST_MODIFIED, PRAGMA,
    SET_COOKIE, VARY,
};
use larder_cache::Cache;
use larder_cache::receive::{Answer as Received, Draft};
use larder_cache::sharing::Sharing;
use larder_policy::explain::{Because, Field, Outcome};
use larder_policy::{Explanation, KeyBuf, Question};
use larder_semantics::vary::Vary;
use larder_semantics::{Freshness, LifetimeSource, Reason, Validation};

use super::ask::Answered;
use super::changes;
use super::recorder::{Answer, Exchange};
use super::report::{Asked, Came, For, Kept, Live, Shown};

/// What everything is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case<'a> {
    pub(super) cache: &'a Cache,
    pub(super) question: &'a Question,
    pub(super) explanation: &'a Explanation,
}

/// The answer that is judged, with how its page is shared.
#[derive(Clone, Debug)]
pub(super) struct Judged<'a> {
    pub(super) cache: &'a Cache,
    pub(super) request: &'a HeaderMap,
    pub(super) answer: &'a Answer,
    pub(super) sharing: Option<Sharing>,
    varies: Arc<[HeaderName]>,
    key: KeyBuf,
}

impl Judged<'_> {
    /// Whether this answer, or the same with other fields, may be stored.
    pub(super) fn draft(&self, response: &HeaderMap) -> Result<Draft, Reason> {
        let mut fields = response.clone();
        let birth = self.cache.birth(
            self.cache.purge_number(),
            self.key.as_bytes(),
            larder_cache::purge::Naming::ByNumber,
            (&mut fields).into(),
        );
        let received = Received {
            method: &Method::GET,
            request: self.request,
            status: self.answer.status,
            response: &fields,
            timing: self.answer.timing,
            sharing: self.sharing.as_ref().map(|sharing| (sharing, &*self.varies)),
            birth: &birth,
        };
        received.draft(&self.cache.options())
    }
}

/// Fields of an answer that the decision is made from.
const DECIDING: [HeaderName; 13] = [
    CACHE_CONTROL,
    HeaderName::from_static("cdn-cache-control"),
    HeaderName::from_static("surrogate-control"),
    EXPIRES,
    PRAGMA,
    AGE,
    VARY,
    SET_COOKIE,
    ETAG,
    LAST_MODIFIED,
    CONTENT_TYPE,
    HeaderName::from_static("content-range"),
    HeaderName::from_static("larder-identity"),
];

impl Case<'_> {
    /// All that there is to tell.
    pub(super) fn report(&self, exchanges: &[Exchange], first: &Answered, next: &Answered) -> Live {
        let judged = self.judged(exchanges);
        let draft = judged.as_ref().map(|judged| (judged, judged.draft(&judged.answer.fields)));
        let is_being_stored = first.cache_status.contains("; stored");
        let is_stored = is_being_stored && first.cut.is_none();
        let is_head = self.question.method == Method::HEAD
            && draft.as_ref().is_some_and(|(_, draft)| draft.is_ok());
        let kept = match &draft {
            Some((judged, Ok(draft))) if is_being_stored => Some(self.kept(judged, draft)),
            Some(_) | None => None,
        };
        let reason = match &draft {
            Some((_, Err(reason))) => *reason,
            Some((_, Ok(_))) | None => first.reason,
        };
        let changes = match &draft {
            _ if kept.is_some() => None,
            Some((_, Ok(_))) if self.question.method == Method::HEAD => Some(changes::of_head()),
            Some((judged, Err(_))) => Some(changes::of_answer(judged, self.explanation)),
            Some((_, Ok(_))) | None => Some(changes::of_request(reason, self.explanation)),
        };
        Live {
            asked: exchanges.iter().map(|exchange| self.asked(exchange)).collect(),
            stored: is_stored,
            not_stored_because: (!is_being_stored && !is_head).then(|| Because::from(reason)),
            kept,
            changes,
            body_bytes: first.body_bytes,
            cut: first.cut.clone(),
            first: shown(first),
            next: shown(next),
        }
    }

    /// The answer that decided: the last one made for all, or else the last one. None where nothing was to be stored anyway.
    fn judged<'e>(&'e self, exchanges: &'e [Exchange]) -> Option<Judged<'e>> {
        if !matches!(self.explanation.outcome, Outcome::Shared | Outcome::ResponseDecides) {
            return None;
        }
        let of_first = || exchanges.iter().rev().filter(|exchange| exchange.round == 0);
        let of_pages = || of_first().filter(|exchange| self.is_for(exchange) != For::LookUp);
        let exchange =
            of_pages().find(|exchange| exchange.for_nobody).or_else(|| of_pages().next())?;
        // What a HEAD brings is not stored, but would be the GET's answer.
        let answer = exchange.answer.as_ref().ok()?;
        let policy = Arc::clone(&self.cache.options().policy);
        let proofs = self.cache.identities().of_site(&self.question.host, policy.number());
        let mut key = KeyBuf::new();
        let ruling = policy.decide(&self.question.visit(), &proofs, self.cache.now(), &mut key);
        let sharing = Sharing::new(policy, ruling);
        let varies = self.cache.varies(sharing.rule()).unwrap_or_default();
        let sharing = Some(sharing).filter(Sharing::is_shared);
        Some(Judged { cache: self.cache, request: &exchange.asked, answer, sharing, varies, key })
    }

    fn is_for(&self, exchange: &Exchange) -> For {
        let options = self.cache.options();
        let lookup = options.policy.identity.lookup.as_ref();
        let is_lookup = lookup.is_some_and(|rules| rules.path == exchange.target);
        match (exchange.for_nobody, is_lookup) {
            (true, true) => For::LookUp,
            (true, false) => For::All,
            (false, _) => For::Visitor,
        }
    }

    fn asked(&self, exchange: &Exchange) -> Asked {
        let policy = &self.cache.options().policy;
        let (fields, cookies) = policy.shown(&exchange.sent);
        let came = match &exchange.answer {
            Ok(answer) => {
                Came::Answer { status: answer.status.as_u16(), fields: deciding(&answer.fields) }
            }
            Err(failed) => Came::Failure { text: failed.text.clone() },
        };
        Asked {
            request: exchange.round + 1,
            made_for: self.is_for(exchange),
            method: exchange.method.to_string(),
            target: exchange.target.clone(),
            fields,
            cookies,
            came,
        }
    }

    fn kept(&self, judged: &Judged<'_>, draft: &Draft) -> Kept {
        let Freshness { lifetime, source, stale_while_revalidate, stale_if_error, .. } =
            draft.head.freshness;
        let varies = match &draft.head.vary {
            Vary::Fields(names) => names.iter().map(|name| name.as_str().to_owned()).collect(),
            Vary::None | Vary::Any => Vec::new(),
        };
        Kept {
            lifetime_secs: lifetime.as_secs(),
            lifetime_from: self.source(judged, draft, source),
            stale_while_revalidate_secs: stale_while_revalidate.map(|span| span.as_secs()),
            stale_if_error_secs: stale_if_error.map(|span| span.as_secs()),
            varies_by: varies,
        }
    }

    /// Where a lifetime is from, in words.
    fn source(&self, judged: &Judged<'_>, draft: &Draft, source: LifetimeSource) -> String {
        let has = |name: &str| judged.answer.fields.contains_key(name);
        let mut text = match source {
            LifetimeSource::Rule => {
                let place = self.explanation.rule.as_ref().map(|rule| rule.place.as_str());
                format!("the rule at {}", place.unwrap_or_default())
            }
            LifetimeSource::Targeted if has("cdn-cache-control") => "CDN-Cache-Control".to_owned(),
            LifetimeSource::Targeted => "Surrogate-Control".to_owned(),
            LifetimeSource::SMaxage => "s-maxage in Cache-Control".to_owned(),
            LifetimeSource::MaxAge => "max-age in Cache-Control".to_owned(),
            LifetimeSource::Expires => "Expires".to_owned(),
            LifetimeSource::Heuristic => {
                let percent = self.cache.options().semantics.heuristic_fraction_percent;
                format!("Last-Modified: {percent} % of the time since then (RFC 9111 §4.2.2)")
            }
            LifetimeSource::None => "nothing that the response says".to_owned(),
        };
        if draft.head.freshness.validation == Validation::Always {
            text.push_str(", and no-cache: the application is asked each time if it is still good");
        }
        let cap = self.cache.options().semantics.error_lifetime_max;
        if judged.answer.status.as_u16() >= 400 && draft.head.freshness.lifetime == cap {
            text.push_str(", errors are kept no longer");
        }
        text
    }
}

/// The fields that decided. Of cookies only the names: what they are is their visitor's.
fn deciding(fields: &HeaderMap) -> Vec<Field> {
    let mut found = Vec::new();
    for name in &DECIDING {
        for value in fields.get_all(name) {
            // What an application sends must not steer a terminal.
            let value = String::from_utf8_lossy(value.as_bytes()).replace(char::is_control, "?");
            let value = if *name == SET_COOKIE {
                format!("{}=...", value.split('=').next().unwrap_or_default())
            } else {
                value
            };
            found.push(Field { name: name.as_str().to_owned(), value });
        }
    }
    found
}

fn shown(answered: &Answered) -> Shown {
    Shown {
        status: answered.status.as_u16(),
        cache_status: answered.cache_status.clone(),
        text: answered.reason.text().to_owned(),
        fields: deciding(&answered.fields),
    }
}
