//! Purges on the site's own listener: who may, and what do they hear?
//!
//! Closed unless the site opens it. Whatever is a purge by its method never reaches the application: from those who may not it
//! is answered with 405.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use hyper::ext::ReasonPhrase;
use larder_cache::Purpose;
use larder_cache::purge::{Count, Mode, Purge, Purged};
use larder_policy::{Admission, Purgers, hygiene};
use larder_publish::Erasure;
use larder_publish::limits::DIALECT_WAIT;
use larder_semantics::Reason;

use super::dialect::{self, Answer, Meaning, Said, is_helper, without_port};
use super::report;
use super::{Desk, Then};

const LARDER_PURGED: HeaderName = HeaderName::from_static("larder-purged");

/// Takes purges of one site's visitors.
#[derive(Clone, Debug)]
pub(crate) struct Counter {
    pub(crate) purgers: Arc<Purgers>,
    pub(crate) desk: Arc<Desk>,
}

/// What is answered instead of a page.
pub(crate) type Own = (http::response::Parts, Bytes, Reason);

/// An answer, or one that waits for published pages to go.
pub(crate) enum Taken {
    Answered(Own),
    Waits(Pin<Box<dyn Future<Output = Own> + Send>>),
}

impl Counter {
    /// Whether a request has to be looked at. On the path of every hit.
    #[inline]
    pub(crate) fn concerns<B>(&self, request: &Request<B>) -> bool {
        match *request.method() {
            Method::GET => !self.purgers.is_closed() && dialect::may_be_more(request),
            _ => dialect::is_by_method(request.method(), request.headers()),
        }
    }

    /// The answer to a purge, perhaps after a moment; `None` lets the request in, perhaps as one that makes a page anew. `host` is canonical.
    #[cold]
    pub(crate) fn take<B>(
        &self,
        request: &mut Request<B>,
        host: &str,
        peers: [IpAddr; 2],
    ) -> Option<Taken> {
        let by_method = dialect::is_by_method(request.method(), request.headers());
        let admission = match self.purgers.admit(&peers, request.headers()) {
            Ok(admission) => admission,
            Err(_) if by_method => return Some(Taken::Answered(refused())),
            Err(_) => return None,
        };
        let target = hygiene::target(request.uri()).into_owned();
        let (method, headers) = (request.method(), request.headers());
        let said = Said { method, host: without_port(host), target: &target, headers };
        match dialect::read(&said)? {
            Meaning::Purge(purges, answer) => {
                let purged = self.desk.carry_out(&purges, Then::Nothing);
                let Some(erasing) = self.desk.erase(&purges, DIALECT_WAIT) else {
                    return Some(Taken::Answered(done(&purges, purged, answer, None)));
                };
                Some(Taken::Waits(Box::pin(async move {
                    let erasure = erasing.await;
                    done(&purges, purged, answer, Some(&erasure))
                })))
            }
            Meaning::Nonsense(why) => Some(Taken::Answered(nonsense(&why))),
            Meaning::Renew => {
                renew(request, &admission);
                None
            }
        }
    }
}

/// Takes off what says what to purge: from visitors it would be theirs to forge, and applications need none of it.
///
/// On the path of every request to the application, and nearly always for nothing.
pub(crate) fn strike_helpers(headers: &mut HeaderMap) {
    if headers.keys().any(|name| is_helper(name.as_str())) {
        let unwanted: Vec<HeaderName> =
            headers.keys().filter(|name| is_helper(name.as_str())).cloned().collect();
        for name in unwanted {
            headers.remove(name);
        }
    }
}

/// Makes it a request for a page that is made anew.
fn renew<B>(request: &mut Request<B>, admission: &Admission) {
    *request.method_mut() = Method::GET;
    if let Admission::Token(name) = admission {
        // It was for us.
        request.headers_mut().remove(name);
    }
    request.extensions_mut().insert(Purpose::Renew);
}

fn own(status: StatusCode, phrase: &str, text: String, reason: Reason) -> Own {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(text.len()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(value) = HeaderValue::try_from(format!("larder; detail={}", reason.token())) {
        headers.insert(HeaderName::from_static("cache-status"), value);
    }
    let (mut head, ()) = Response::new(()).into_parts();
    (head.status, head.headers) = (status, headers);
    // Varnish says it there, and some look.
    if let Ok(phrase) = ReasonPhrase::try_from(phrase.as_bytes()) {
        head.extensions.insert(phrase);
    }
    (head, Bytes::from(text), reason)
}

fn done(purges: &[Purge], purged: Purged, answer: Answer, erasure: Option<&Erasure>) -> Own {
    let Purged { pages, variants, count } = purged;
    let phrase = match answer {
        Answer::Purged => "Purged".to_owned(),
        Answer::Banned => "Banned".to_owned(),
        Answer::Counted => {
            let is_soft = purges.iter().all(|purge| purge.mode == Mode::Soft);
            let (gone, expired) = if is_soft { (0, pages) } else { (pages, 0) };
            format!("Purged {gone} objects, expired {expired} objects")
        }
    };
    let (about, counted) = match count {
        Count::Exact => ("", "exact"),
        Count::Estimate => ("about ", "estimate"),
    };
    let mut text = format!("{phrase}: {about}{pages} pages, {variants} variants\n");
    let mut value = format!("pages={pages}, variants={variants}, counted={counted}");
    let mut status = StatusCode::OK;
    if let Some(erasure) = erasure {
        text.push_str(&format!("Published: {} pages\n", erasure.pages));
        value.push_str(&format!(", published={}", erasure.pages));
        if !erasure.is_complete() {
            value.push_str(", complete=?0");
            status = report::status(erasure);
            for why in report::why(erasure) {
                text.push_str(&format!("Not complete: {why}\n"));
            }
        }
    }
    let (mut head, text, reason) = own(status, &phrase, text, Reason::Purged);
    if let Ok(value) = HeaderValue::try_from(value) {
        head.headers.insert(LARDER_PURGED, value);
    }
    (head, text, reason)
}

fn nonsense(why: &str) -> Own {
    let text = format!("Nothing was purged: {why}\n");
    own(StatusCode::BAD_REQUEST, "Bad Request", text, Reason::BadPurge)
}

fn refused() -> Own {
    let text = "Not allowed: purging is not for everybody\n".to_owned();
    let status = StatusCode::METHOD_NOT_ALLOWED;
    let (mut head, text, reason) = own(status, "Not allowed", text, Reason::PurgeNotAllowed);
    // RFC 9110 §15.5.6 wants it; what else there is, the application knows.
    head.headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    (head, text, reason)
}
