//! A request that somebody wants explained, from a URL and lines of text: the same for the command and the admin listener.

use crate::hygiene;
use crate::scheme::Scheme;
use crate::visit::Visit;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version, header};

/// A request that was not made.
#[derive(Clone, Debug)]
pub struct Question {
    /// By which scheme it comes.
    pub scheme: Scheme,
    /// Its canonical host.
    pub host: String,
    /// Its method.
    pub method: Method,
    /// Its path and query.
    pub target: String,
    /// Its fields, `Host` among them.
    pub headers: HeaderMap,
}

impl Question {
    /// A request for an absolute URL with these `Name: value` lines.
    ///
    /// # Errors
    /// One line for people: what is wrong, and what to write.
    pub fn new(url: &str, method: &str, lines: &[impl AsRef<str>]) -> Result<Self, String> {
        // RFC 9110 §4.2.5: a fragment is not sent.
        let url = url.split('#').next().unwrap_or_default();
        let uri: Uri = url.parse().map_err(|error| format!("{url:?} is not a URL: {error}"))?;
        let scheme = match uri.scheme_str() {
            Some("http") => Scheme::Http,
            Some("https") => Scheme::Https,
            Some(other) => return Err(format!("{other:?} is not a scheme of pages: http, https")),
            None => {
                return Err(format!("{url:?} is not a whole URL, such as https://example.com/"));
            }
        };
        let method = method.parse().map_err(|_| format!("{method:?} is not a method"))?;
        let mut headers = HeaderMap::new();
        for line in lines {
            let (name, value) = field(line.as_ref())?;
            headers.append(name, value);
        }
        if !headers.contains_key(header::HOST)
            && let Some(authority) = uri.authority()
            && let Ok(host) = HeaderValue::from_str(authority.as_str())
        {
            headers.insert(header::HOST, host);
        }
        let target = hygiene::target(&uri).into_owned();
        let origin: Uri = target.parse().map_err(|error| format!("{url:?}: {error}"))?;
        let host = hygiene::check(&method, &origin, Version::HTTP_11, &headers, scheme)
            .map_err(|refusal| format!("Larder would refuse it: {}", refusal.reason.text()))?
            .as_str()
            .to_owned();
        Ok(Self { scheme, host, method, target, headers })
    }

    /// The same, as the rules look at it.
    #[must_use]
    pub fn visit(&self) -> Visit<'_> {
        Visit {
            scheme: self.scheme,
            host: &self.host,
            method: &self.method,
            target: &self.target,
            headers: &self.headers,
        }
    }
}

fn field(line: &str) -> Result<(HeaderName, HeaderValue), String> {
    let wrong = || format!("{line:?} is not a field, such as `Cookie: a=b`");
    let (name, value) = line.split_once(':').ok_or_else(wrong)?;
    let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| wrong())?;
    let value = HeaderValue::from_bytes(value.trim().as_bytes()).map_err(|_| wrong())?;
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_and_lines_are_a_request() {
        let lines = ["Cookie: a=b", "cookie:c=d", "X-Empty:"];
        let asked = Question::new("https://Example.com:443/x?y#z", "HEAD", &lines).unwrap();
        assert_eq!((asked.host.as_str(), asked.target.as_str()), ("example.com", "/x?y"));
        assert_eq!((asked.scheme, &asked.method), (Scheme::Https, &Method::HEAD));
        assert_eq!(asked.headers.get_all("cookie").iter().count(), 2);
        assert_eq!(asked.headers["x-empty"], "");
        let named = Question::new("http://127.0.0.1:8080", "GET", &["Host: example.org"]).unwrap();
        assert_eq!((named.host.as_str(), named.target.as_str()), ("example.org", "/"));
    }

    #[test]
    fn what_is_no_request_is_told_in_a_line() {
        let cases = [
            ("/x", "GET", "", "is not a whole URL"),
            ("example.com", "GET", "", "is not a whole URL"),
            ("http://", "GET", "", "is not a URL"),
            ("http://a b/", "GET", "", "is not a URL"),
            ("ftp://a/", "GET", "", "http, https"),
            ("http://a/", "G T", "", "is not a method"),
            ("http://a/", "GET", "no colon", "is not a field"),
            ("http://a/", "GET", "a b: c", "is not a field"),
            ("http://a/", "GET", "Host: a, b", "Larder would refuse it"),
            ("http://user@a/", "GET", "", "Larder would refuse it"),
            ("http://a/", "CONNECT", "", "Larder would refuse it"),
        ];
        for (url, method, line, part) in cases {
            let lines: Vec<_> = Some(line).filter(|line| !line.is_empty()).into_iter().collect();
            let said = Question::new(url, method, &lines).unwrap_err();
            assert!(said.contains(part) && !said.contains('\n'), "{url} {method} {line}: {said}");
        }
    }
}
