//! `GET /explain?url=…`: what would the rules in force do with a request? Nothing is asked of the application, nothing is changed.
//!
//! Text for people; JSON for `Accept: application/json`, where what is wrong is told by RFC 9457.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue, VARY};
use http::{Response, StatusCode};
use http_body_util::Full;
use larder_policy::explain::Peer;
use larder_policy::{Explanation, Question};
use larder_tower::internals::query::{decoded, wants_json};

use crate::exposition::Sources;

/// What was asked: values as they were sent, decoded.
#[derive(Debug, Default)]
struct Parameters {
    url: Option<String>,
    method: Option<String>,
    headers: Vec<String>,
}

/// The page for a query.
pub(super) fn page(query: &str, headers: &HeaderMap, sources: &Sources) -> Response<Full<Bytes>> {
    let wants_json = wants_json(headers);
    let (status, kind, body) = match explain(query, sources) {
        Ok(explanation) if wants_json => {
            (StatusCode::OK, "application/json", serde_json::to_string(&explanation))
        }
        Ok(explanation) => {
            (StatusCode::OK, "text/plain; charset=utf-8", Ok(explanation.to_string()))
        }
        Err(fault) if wants_json => {
            (StatusCode::BAD_REQUEST, "application/problem+json", Ok(problem(&fault)))
        }
        Err(fault) => {
            (StatusCode::BAD_REQUEST, "text/plain; charset=utf-8", Ok(format!("{fault}\n")))
        }
    };
    // Writing plain data as JSON does not fail.
    let mut response = Response::new(Full::from(body.unwrap_or_default()));
    *response.status_mut() = status;
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    fields.insert(VARY, HeaderValue::from_static("accept"));
    response
}

fn explain(query: &str, sources: &Sources) -> Result<Explanation, String> {
    let Parameters { url, method, headers } = parameters(query)?;
    let url = url.ok_or("what is to be explained? /explain?url=https%3A%2F%2Fexample.com%2F")?;
    let method = method.as_deref().unwrap_or("GET");
    let question = Question::new(&url, method, &headers)?;
    let site = sources.slot.current();
    Ok(crate::explain::explain(&sources.cache, &site.front, Peer::Anybody, &question.visit()))
}

fn parameters(query: &str) -> Result<Parameters, String> {
    let mut parameters = Parameters::default();
    for parameter in query.split('&').filter(|each| !each.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let value = decoded(value)
            .ok_or_else(|| format!("{value:?} is not percent-encoded as it should be"))?;
        match name {
            "url" if parameters.url.is_none() => parameters.url = Some(value),
            "method" if parameters.method.is_none() => parameters.method = Some(value),
            "header" => parameters.headers.push(value),
            "url" | "method" => return Err(format!("{name} is given twice")),
            other => {
                return Err(format!(
                    "{other:?} is no parameter: url, method, header (an & within a value is written %26)"
                ));
            }
        }
    }
    Ok(parameters)
}

/// RFC 9457 §3.1.
fn problem(detail: &str) -> String {
    serde_json::json!({ "title": "This request can't be explained", "status": 400, "detail": detail })
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_known_and_come_once() {
        let read = parameters("url=http%3A%2F%2Fa%2F&header=A:%20b&header=C:d&method=HEAD");
        let read = read.expect("parameters");
        assert_eq!(read.url.as_deref(), Some("http://a/"));
        assert_eq!((read.method.as_deref(), read.headers.len()), (Some("HEAD"), 2));
        for bad in ["url=a&url=b", "url=a&page=2", "method=GET&method=GET", "url=%"] {
            assert!(parameters(bad).is_err(), "{bad}");
        }
    }
}
