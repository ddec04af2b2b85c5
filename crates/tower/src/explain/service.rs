//! Explanations as a page, for those who write an application.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderValue, VARY};
use http::{Method, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use larder_cache::Cache;
use larder_policy::{Arrival, Question, Scheme};
use tower_service::Service;

use super::query::{decoded, wants_json};
use super::{Explanation, question};

/// Answers `GET ?url=/a-page&cookie=sid%3D1` with what the cache would do with that request, in plain text, or in JSON for
/// `Accept: application/json`. Made by [`CacheLayer::explain_service`](crate::CacheLayer::explain_service).
///
/// `url` is a path of the same site, or a whole URL; `method`, `cookie` and `header` (`Name: value`, as often as wanted) say the
/// rest. The answer is not stored.
///
/// For development: whoever may ask learns the rules.
#[derive(Clone, Debug)]
pub struct ExplainService {
    cache: Arc<Cache>,
    scheme: Scheme,
}

impl ExplainService {
    pub(crate) const fn new(cache: Arc<Cache>, scheme: Scheme) -> Self {
        Self { cache, scheme }
    }

    fn explain<B>(&self, request: &Request<B>) -> Result<Explanation, String> {
        let arrival = request.extensions().get::<Arrival>();
        let scheme = arrival.map_or(self.scheme, |arrival| arrival.scheme);
        let authority = request.uri().authority().map(|it| it.as_str().as_bytes());
        let host = authority.or_else(|| request.headers().get(HOST).map(HeaderValue::as_bytes));
        let host = host.and_then(|host| std::str::from_utf8(host).ok()).unwrap_or("localhost");
        let asked = read(request.uri().query().unwrap_or_default(), scheme, host)?;
        Ok(question(&self.cache, &asked))
    }
}

/// The request that a query asks about, by one that came by `scheme` for `host`.
fn read(query: &str, scheme: Scheme, host: &str) -> Result<Question, String> {
    let (mut url, mut method, mut lines) = (None, None, Vec::new());
    for parameter in query.split('&').filter(|each| !each.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let value = decoded(value)
            .ok_or_else(|| format!("{value:?} is not percent-encoded as it should be"))?;
        match name {
            "url" if url.is_none() => url = Some(value),
            "method" if method.is_none() => method = Some(value),
            "cookie" => lines.push(format!("Cookie: {value}")),
            "header" => lines.push(value),
            "url" | "method" => return Err(format!("{name} is given twice")),
            other => {
                return Err(format!(
                    "{other:?} is no parameter: url, method, cookie, header (an & within a value is written %26)"
                ));
            }
        }
    }
    let url = url.ok_or("what is to be explained? ?url=/a-page&cookie=name%3Dvalue")?;
    let url = if url.starts_with('/') { format!("{}://{host}{url}", scheme.as_str()) } else { url };
    Question::new(&url, method.as_deref().unwrap_or("GET"), &lines)
}

impl<B> Service<Request<B>> for ExplainService {
    type Response = Response<ExplainBody>;
    type Error = Infallible;
    type Future = Ready<Result<Response<ExplainBody>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        const TEXT: &str = "text/plain; charset=utf-8";
        let (status, kind, text) = match self.explain(&request) {
            Ok(told) if wants_json(request.headers()) => {
                (StatusCode::OK, "application/json", told.to_json())
            }
            Ok(told) => (StatusCode::OK, TEXT, told.to_string()),
            Err(fault) => (StatusCode::BAD_REQUEST, TEXT, format!("{fault}\n")),
        };
        let length = text.len();
        let text = if request.method() == Method::HEAD { Bytes::new() } else { Bytes::from(text) };
        let mut response = Response::new(ExplainBody(Some(text).filter(|text| !text.is_empty())));
        *response.status_mut() = status;
        let fields = response.headers_mut();
        fields.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        fields.insert(CONTENT_LENGTH, HeaderValue::from(length));
        fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        fields.insert(VARY, HeaderValue::from_static("accept"));
        ready(Ok(response))
    }
}

/// The body of an [`ExplainService`]'s answer: a text.
#[derive(Clone, Debug)]
pub struct ExplainBody(Option<Bytes>);

impl Body for ExplainBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|text| Ok(Frame::data(text))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |text| text.len() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_a_request_of_the_same_site_unless_it_says_another() {
        let read = |query| read(query, Scheme::Https, "a.test");
        let asked = read("url=/x%3Fy&cookie=a%3Db&header=X-Y:+z&method=HEAD").unwrap();
        assert_eq!((asked.host.as_str(), asked.target.as_str()), ("a.test", "/x?y"));
        assert_eq!((asked.scheme, &asked.method), (Scheme::Https, &Method::HEAD));
        assert_eq!(asked.headers["cookie"], "a=b");
        assert_eq!(asked.headers["x-y"], "z");
        assert_eq!(read("url=http://b.test/").unwrap().host, "b.test");
        for bad in ["", "url=/a&url=/b", "url=/a&page=2", "method=A&method=B", "url=%", "url=a"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
