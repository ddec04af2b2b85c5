//! Which site is a request for, and is it clear? Found for every request, so it costs next to nothing where a connection asks for
//! one site only.

use http::header::{HOST, HeaderValue};
use http::{Request, Uri};
use larder_policy::{CanonicalHost, Scheme, hygiene};
use larder_semantics::Reason;

/// How the site of a request is found.
#[derive(Clone, Debug)]
pub(crate) enum Sites {
    /// By a request that nobody has looked at: what two parsers could read differently is refused.
    Checking,
    /// By one that was checked.
    Checked(LastHost),
}

impl Sites {
    /// For requests that were checked before they came here.
    pub(crate) fn checked() -> Self {
        Self::Checked(LastHost::default())
    }

    /// Which site the request is for.
    ///
    /// # Errors
    /// Why that is not clear.
    pub(super) fn of<'a, B>(
        &'a mut self,
        request: &'a Request<B>,
        scheme: Scheme,
    ) -> Result<Site<'a>, Reason> {
        match self {
            Self::Checked(last) => last.of(request, scheme).map(Site::Last),
            Self::Checking => check(request, scheme).map(Site::Here),
        }
    }
}

/// A site, in its one spelling.
pub(super) enum Site<'a> {
    Last(&'a str),
    Here(CanonicalHost<'a>),
}

impl Site<'_> {
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Last(host) => host,
            Self::Here(host) => host.as_str(),
        }
    }
}

fn check<B>(request: &Request<B>, scheme: Scheme) -> Result<CanonicalHost<'_>, Reason> {
    let (method, uri, headers) = (request.method(), request.uri(), request.headers());
    match hygiene::check(method, uri, request.version(), headers, scheme) {
        Ok(host) => Ok(host),
        // It says nothing that could be mistaken: its page is no named site's. (What is told last is missing only if all else is
        // well.)
        Err(refusal) if refusal.reason == Reason::MissingHost && Uri::authority(uri).is_none() => {
            Ok(CanonicalHost::UNNAMED)
        }
        Err(refusal) => Err(refusal.reason),
    }
}

/// The site of the last request, kept because nearly all requests of a connection are for one.
#[derive(Clone, Debug, Default)]
pub(crate) struct LastHost {
    sent: Option<HeaderValue>,
    /// Which port need not be named.
    scheme: Option<Scheme>,
    canonical: String,
}

impl LastHost {
    /// Which site the request is for. The authority of the target outranks `Host` (RFC 9112
    /// §3.2.2).
    fn of<B>(&mut self, request: &Request<B>, scheme: Scheme) -> Result<&str, Reason> {
        let canonical = match (request.uri().authority(), request.headers().get(HOST)) {
            (None, Some(host))
                if self.sent.as_ref() == Some(host) && self.scheme == Some(scheme) =>
            {
                return Ok(&self.canonical);
            }
            (None, Some(host)) => {
                let canonical = larder_policy::host::canonical(host.as_bytes(), scheme)?;
                // A copy of its own: the request's would hold on to a whole read buffer.
                self.sent = HeaderValue::from_bytes(host.as_bytes()).ok();
                canonical
            }
            (Some(authority), _) => {
                self.sent = None;
                larder_policy::host::canonical(authority.as_str().as_bytes(), scheme)?
            }
            (None, None) => {
                self.sent = None;
                CanonicalHost::UNNAMED
            }
        };
        self.scheme = Some(scheme);
        self.canonical.clear();
        self.canonical.push_str(canonical.as_str());
        Ok(&self.canonical)
    }
}
