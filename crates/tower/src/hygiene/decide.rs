//! Is a request let in, and what of it? RFC 9112 §2.2, §3.2, §6.3; RFC 9113 §8.2; RFC 9110 §7.6.1.

use std::sync::Arc;

use http::header::{CONNECTION, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, TE, UPGRADE};
use http::{Request, Version};
use larder_policy::front::Admitted;
use larder_policy::hygiene::{self, Removal, Route};
use larder_policy::rule::Asked;
use larder_policy::{Arrival, CanonicalHost, Cleaned, Front, Scheme, TeTrailers};
use larder_semantics::Reason;

use super::layer::{Hygiene, Named, TakesOff};
use crate::scheme::{Believed, Untold};

/// Fields that were struck out because `Connection` lists them, and what else went with them. An extension of the request, where
/// [only these](super::HygieneLayer::listed_only) are.
#[derive(Clone, Debug)]
pub struct Struck(pub Arc<[(HeaderName, Removal)]>);

impl Hygiene {
    /// Makes the request one that may go further in, or says why it may not.
    #[inline]
    pub(super) fn enter<B>(&self, request: &mut Request<B>) -> Result<(), Reason> {
        let host = self.check(request)?;
        match self.front.admits(host.as_str()) {
            Admitted::AsNamed => {}
            Admitted::Not | Admitted::As(_) if self.any_host_at(request.uri().path()) => {}
            Admitted::Not => return Err(Reason::UnknownHost),
            Admitted::As(own) => rename(request, own.clone()),
        }
        // An application may be behind HTTP/3 as well.
        if request.version() >= Version::HTTP_2 {
            join_cookies(request.headers_mut());
        }
        match self.takes_off {
            TakesOff::Listed => self.strike(request),
            TakesOff::Everything => self.clean(request),
        }
        Ok(())
    }

    /// The site that a sound request is for.
    pub(super) fn check<'a, B>(
        &self,
        request: &'a Request<B>,
    ) -> Result<CanonicalHost<'a>, Reason> {
        let (uri, headers) = (request.uri(), request.headers());
        let target = uri.path_and_query().map_or(0, |target| target.as_str().len());
        if target > self.target_bytes_max {
            return Err(Reason::UriTooLong);
        }
        if headers.len() > self.fields_max {
            return Err(Reason::HeadTooLarge);
        }
        let scheme = self.scheme(request);
        // It only says which port need not be named.
        let by = scheme.unwrap_or(Scheme::Http);
        let host = hygiene::check(request.method(), uri, request.version(), headers, by)
            .map_err(|refusal| refusal.reason)?;
        // A trusted proxy may name its own connection's scheme, or its visitor's; one that only passes
        // bytes on leaves what its visitor named.
        if let Some(scheme) = scheme
            && !hygiene::scheme_agrees(uri, scheme)
            && self.named == Named::TheRequests
            && request.extensions().get::<Believed>().is_none()
        {
            return Err(Reason::OtherScheme);
        }
        if self.front.refuses(headers) {
            return Err(Reason::UnderscoredField);
        }
        Ok(host)
    }

    fn scheme<B>(&self, request: &Request<B>) -> Option<Scheme> {
        let arrival = request.extensions().get::<Arrival>();
        arrival.map(|arrival| arrival.scheme).or(self.connection)
    }

    fn any_host_at(&self, path: &str) -> bool {
        self.any_host_at.iter().any(|open| open == path)
    }

    /// Takes off what no page may be chosen by.
    fn strike<B>(&self, request: &mut Request<B>) {
        let Some((struck, cleaned)) = strike_listed(request.headers_mut(), &self.front) else {
            return;
        };
        if cleaned.is_of_note() {
            self.watch.cleaned(&cleaned);
        }
        request.extensions_mut().insert(struck);
    }

    /// Takes off what is not for an application, or not the client's to say.
    fn clean<B>(&self, request: &mut Request<B>) {
        let fields = &self.front.fields;
        let route = self.route(request);
        let (arrived, believed) = {
            let extensions = request.extensions();
            (extensions.get::<Arrival>().is_some(), extensions.get::<Believed>().is_some())
        };
        let headers = request.headers_mut();
        let mut cleaned = if believed {
            hygiene::clean_of_trusted(headers, fields, route)
        } else {
            hygiene::clean(headers, fields, route)
        };
        if let Some(name) = self.front.trust.scheme_field().filter(|_| !believed)
            && headers.remove(name).is_some()
        {
            cleaned.told_of_client += 1;
        }
        if let Some(protocols) = cleaned.upgrade.take_if(|wish| !hygiene::is_http(wish)) {
            headers.insert(UPGRADE, protocols);
            headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        }
        // RFC 9110 §10.1.4: gRPC's servers look for it.
        if cleaned.te_trailers == TeTrailers::Accepted {
            headers.insert(TE, HeaderValue::from_static("trailers"));
        }
        if cleaned.told_of_client > 0 && !arrived {
            request.extensions_mut().insert(Untold);
        }
        if cleaned.is_of_note() {
            self.watch.cleaned(&cleaned);
        }
    }

    /// Whether its answer may be stored: what overrides the request's meaning may go on only where not.
    fn route<B>(&self, request: &Request<B>) -> Route {
        let (method, uri) = (request.method(), request.uri());
        let by_method = Route::of(method);
        let Some(policy) = &self.policy else { return by_method };
        // On nearly every request there is none, and the rules need not be asked.
        if !hygiene::has_override(request.headers()) {
            return by_method;
        }
        let Ok(host) = self.check(request) else { return by_method };
        let target = hygiene::target(uri);
        let found = policy.rules.find(&Asked { method, host: host.as_str(), target: &target });
        hygiene::route(found.map(|(_, rule)| &rule.action), method)
    }
}

/// Makes a request one for `host`, whichever it names.
fn rename<B>(request: &mut Request<B>, host: HeaderValue) {
    request.headers_mut().insert(HOST, host);
    if request.uri().authority().is_some() {
        let target = hygiene::target(request.uri()).parse();
        // It was part of a URI before.
        *request.uri_mut() = target.unwrap_or_default();
    }
}

/// RFC 9113 §8.2.3: HTTP/2 may send each cookie as a field of its own; for everybody else they are one, joined by `; `. Joined
/// by a comma, as other fields are, cookies would be lost.
fn join_cookies(headers: &mut HeaderMap) {
    let mut lines = headers.get_all(COOKIE).iter();
    if lines.by_ref().take(2).count() < 2 {
        return;
    }
    let lines: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    // Made of values with something between them that a value may hold.
    if let Ok(joined) = HeaderValue::try_from(lines.join(&b"; "[..])) {
        headers.insert(COOKIE, joined);
    }
}

/// RFC 9110 §7.6.1: what `Connection` lists is for us, not for the application, so it must not choose
/// a stored page either: with `Connection: accept-language`, the page that the application made
/// without that field would be stored as the one for its value.
///
/// The usual options, which name no such field, cost one comparison.
fn strike_listed(headers: &mut HeaderMap, front: &Front) -> Option<(Struck, Cleaned)> {
    const USUAL: [&str; 5] = ["keep-alive", "close", "upgrade", "te", "http2-settings"];
    let is_usual = |value: &HeaderValue| {
        value.to_str().is_ok_and(|value| {
            let mut options = value.split(',').map(str::trim);
            options.all(|option| USUAL.iter().any(|usual| option.eq_ignore_ascii_case(usual)))
        })
    };
    if headers.get_all(CONNECTION).iter().all(is_usual) {
        return None;
    }
    let before: Vec<HeaderName> = headers.keys().cloned().collect();
    // What overrides where it may not is known further in.
    let route = Route::Passed;
    let cleaned = hygiene::clean(headers, &front.fields, route);
    let struck = before.into_iter().filter(|name| !headers.contains_key(name)).map(|name| {
        let why = front.fields.removal(&name, route).unwrap_or(Removal::Connection);
        (name, why)
    });
    let struck = Struck(struck.collect());
    if let Some(protocols) = &cleaned.upgrade {
        headers.insert(UPGRADE, protocols.clone());
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    }
    Some((struck, cleaned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_that_came_apart_become_one_line_in_order() {
        let cases: [(&[&str], &[&str]); 4] = [
            (&[], &[]),
            (&["a=1; b=2"], &["a=1; b=2"]),
            (&["a=1", "b=2", "a=3"], &["a=1; b=2; a=3"]),
            (&["a=1; b=2", "c"], &["a=1; b=2; c"]),
        ];
        for (sent, joined) in cases {
            let mut headers = HeaderMap::new();
            for line in sent {
                headers.append(COOKIE, HeaderValue::from_str(line).unwrap());
            }
            join_cookies(&mut headers);
            let lines: Vec<_> = headers.get_all(COOKIE).iter().collect();
            assert_eq!(lines, joined, "{sent:?}");
        }
    }
}
