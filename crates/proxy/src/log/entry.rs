//! What of a request is kept for the log? Handles, not copies: every field shares its bytes with the
//! request's head.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use http::header::{HOST, HeaderValue, REFERER, USER_AGENT};
use http::{Method, Request, StatusCode, Uri, Version};
use larder_cache::Note;
use larder_policy::Arrival;

/// A request in progress.
#[derive(Debug)]
pub(crate) struct Draft {
    method: Method,
    target: Uri,
    version: Version,
    host: Option<HeaderValue>,
    referer: Option<HeaderValue>,
    user_agent: Option<HeaderValue>,
    /// Who asked, where that is not who is connected.
    client: Option<IpAddr>,
}

/// What is known at its end.
#[derive(Debug)]
pub(crate) struct Ending {
    pub(crate) client: IpAddr,
    pub(crate) begun: Instant,
    pub(crate) took: Duration,
    pub(crate) status: StatusCode,
    pub(crate) bytes: u64,
    pub(crate) note: Note,
    /// Nobody asked: the page was fetched in advance.
    pub(crate) warms: bool,
}

/// A request that is over.
#[derive(Debug)]
pub(crate) struct Entry {
    draft: Draft,
    pub(crate) ending: Ending,
}

impl Draft {
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        let field = |name| request.headers().get(name).cloned();
        Self {
            method: request.method().clone(),
            target: request.uri().clone(),
            version: request.version(),
            host: field(HOST),
            referer: field(REFERER),
            user_agent: field(USER_AGENT),
            client: request.extensions().get::<Arrival>().map(|arrival| arrival.client),
        }
    }

    pub(crate) fn finish(self: Box<Self>, mut ending: Ending) -> Entry {
        ending.client = self.client.unwrap_or(ending.client);
        Entry { draft: *self, ending }
    }
}

fn bytes(value: Option<&HeaderValue>) -> Option<&[u8]> {
    value.map(HeaderValue::as_bytes)
}

impl Entry {
    /// What was done with it, in a word.
    pub(crate) const fn handling(&self) -> &'static str {
        if self.ending.warms { "warm" } else { self.ending.note.handling.token() }
    }

    pub(crate) fn method(&self) -> &str {
        self.draft.method.as_str()
    }

    pub(crate) fn target(&self) -> &str {
        self.draft.target.path_and_query().map_or("*", |target| target.as_str())
    }

    pub(crate) fn version(&self) -> &'static str {
        match self.draft.version {
            Version::HTTP_10 => "HTTP/1.0",
            Version::HTTP_2 => "HTTP/2.0",
            _ => "HTTP/1.1",
        }
    }

    /// `Host`, or what HTTP/2 and absolute targets have instead.
    pub(crate) fn host(&self) -> Option<&[u8]> {
        let authority = || self.draft.target.authority().map(|host| host.as_str().as_bytes());
        bytes(self.draft.host.as_ref()).or_else(authority)
    }

    pub(crate) fn referer(&self) -> Option<&[u8]> {
        bytes(self.draft.referer.as_ref())
    }

    pub(crate) fn user_agent(&self) -> Option<&[u8]> {
        bytes(self.draft.user_agent.as_ref())
    }
}
