//! `GET /explain?url=…`: what would the rules in force do with a request? Nothing is asked of the application, nothing is changed.
//!
//! Text for people; JSON for `Accept: application/json`, where what is wrong is told by RFC 9457.

use bytes::Bytes;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue, VARY};
use http::{Response, StatusCode};
use http_body_util::Full;
use larder_policy::explain::Peer;
use larder_policy::{Explanation, Question};

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

/// As forms and `curl --data-urlencode` write it: RFC 3986 §2.1, and `+` for a space. `None`: a `%` without two digits, or what
/// comes out is not UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'%' {
            let (digits, after) = after.split_first_chunk::<2>()?;
            let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
            bytes.push(u8::try_from(high? << 4 | low?).ok()?);
            rest = after;
        } else {
            bytes.push(if byte == b'+' { b' ' } else { byte });
        }
    }
    String::from_utf8(bytes).ok()
}

/// RFC 9110 §12.5.1, as far as two types need it: JSON if it is named and not refused.
fn wants_json(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).iter().filter_map(|line| line.to_str().ok()).any(|line| {
        line.split(',').any(|range| {
            let (kind, parameters) = range.split_once(';').unwrap_or((range, ""));
            let refused = parameters.split(';').any(|each| each.trim().eq_ignore_ascii_case("q=0"));
            kind.trim().eq_ignore_ascii_case("application/json") && !refused
        })
    })
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
    fn values_are_decoded_and_what_is_not_encoded_is_refused() {
        let cases = [
            ("", Some("")),
            ("a%20b+c%2Bd", Some("a b c+d")),
            ("%c3%A9", Some("é")),
            ("%", None),
            ("%4", None),
            ("%4g", None),
            ("%ff", None),
            ("%+1", None),
        ];
        for (text, expected) in cases {
            assert_eq!(decoded(text).as_deref(), expected, "{text}");
        }
    }

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

    #[test]
    fn json_is_for_those_who_name_it() {
        for (accept, expected) in [
            ("application/json", true),
            ("text/plain, Application/JSON;q=0.9", true),
            ("*/*", false),
            ("application/json;q=0", false),
            ("text/html", false),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(wants_json(&headers), expected, "{accept}");
        }
        assert!(!wants_json(&HeaderMap::new()));
    }
}
