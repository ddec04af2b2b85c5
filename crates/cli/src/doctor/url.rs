//! Where does a link or a redirect lead? RFC 3986 §5, as far as http and https need it.

use std::fmt;

use http::Uri;
use larder_policy::{Scheme, host, hygiene};

/// A whole URL, its host in canonical form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) scheme: Scheme,
    pub(super) host: String,
    /// Path and query.
    pub(super) target: String,
}

impl Url {
    pub(super) fn new(scheme: Scheme, host: &str, target: &str) -> Self {
        Self { scheme, host: host.to_owned(), target: target.to_owned() }
    }

    /// Reads a whole URL of http or https.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.split('#').next()?.trim().parse().ok()?;
        let scheme = match uri.scheme_str()? {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return None,
        };
        let host = host::canonical(uri.authority()?.as_str().as_bytes(), scheme).ok()?;
        let (host, target) = (host.as_str().to_owned(), hygiene::target(&uri).into_owned());
        (!host.is_empty()).then_some(Self { scheme, host, target })
    }

    /// Where a reference on this page leads. `None` if that is no page: a mail address, a script, an anchor.
    pub(super) fn join(&self, reference: &str) -> Option<Self> {
        let reference = reference.split('#').next()?.trim();
        if reference.is_empty() {
            return None;
        }
        if reference.starts_with("//") {
            return Self::parse(&format!("{}:{reference}", self.scheme.as_str()));
        }
        let before_path = reference.split(['/', '?']).next()?;
        if before_path.contains(':') {
            return Self::parse(reference);
        }
        let path = self.target.split('?').next().unwrap_or_default();
        let target = if reference.starts_with('/') {
            reference.to_owned()
        } else if reference.starts_with('?') {
            format!("{path}{reference}")
        } else {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("{folder}/{reference}")
        };
        let (path, query) = target.split_once('?').map_or((&*target, None), |(p, q)| (p, Some(q)));
        let mut target = without_dots(path);
        if let Some(query) = query {
            target.push('?');
            target.push_str(query);
        }
        // What can't be sent is no link.
        target.parse::<Uri>().ok().map(|_| Self::new(self.scheme, &self.host, &target))
    }
}

impl fmt::Display for Url {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}://{}{}", self.scheme.as_str(), self.host, self.target)
    }
}

/// RFC 3986 §5.2.4.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let segments: Vec<_> = path.split('/').skip(1).collect();
    for (index, segment) in segments.iter().enumerate() {
        let is_last = index + 1 == segments.len();
        match *segment {
            "." | ".." => {
                if *segment == ".." {
                    kept.pop();
                }
                if is_last {
                    kept.push("");
                }
            }
            other => kept.push(other),
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_lead_where_rfc_3986_says() {
        let page = Url::new(Scheme::Https, "a.test", "/b/c?d=1");
        let cases = [
            ("https://A.test:443/x#y", Some("https://a.test/x")),
            ("http://b.test", Some("http://b.test/")),
            ("//c.test/z", Some("https://c.test/z")),
            ("/x", Some("https://a.test/x")),
            ("x", Some("https://a.test/b/x")),
            ("x/?y=/..", Some("https://a.test/b/x/?y=/..")),
            ("./x", Some("https://a.test/b/x")),
            ("../x", Some("https://a.test/x")),
            ("../../../x", Some("https://a.test/x")),
            ("..", Some("https://a.test/")),
            (".", Some("https://a.test/b/")),
            ("?q", Some("https://a.test/b/c?q")),
            ("/a:b", Some("https://a.test/a:b")),
            ("#top", None),
            ("", None),
            ("mailto:a@a.test", None),
            ("javascript:void(0)", None),
            ("data:image/png;base64,AAAA", None),
            ("https://", None),
            ("/a b", None),
        ];
        for (reference, expected) in cases {
            let actual = page.join(reference).map(|url| url.to_string());
            assert_eq!(actual.as_deref(), expected, "{reference}");
        }
    }
}
