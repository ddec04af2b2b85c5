//! A page that is to be fetched: a URL, and with which fields it is asked for.

use std::fmt;

use http::header::{ACCEPT, ACCEPT_ENCODING, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use larder_cache::purge::{RequestFields, Taken};
use larder_policy::{Question, Scheme};

/// As fetches for nobody in particular are made, see `larder_policy::fill`.
const AGENT: HeaderValue = HeaderValue::from_static("Larder");

/// What browsers say they can read by https. By http they leave out what middle boxes once broke. What visitors ask for is
/// what has to be stored, or the first of them would not find it.
const CODINGS_HTTPS: HeaderValue = HeaderValue::from_static("gzip, deflate, br, zstd");
const CODINGS_HTTP: HeaderValue = HeaderValue::from_static("gzip, deflate");

/// What they say when somebody follows a link.
const MEDIA: HeaderValue = HeaderValue::from_static(
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
);

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Address {
    pub(super) is_https: bool,
    /// Canonical.
    pub(super) host: Box<str>,
    /// Path and query.
    pub(super) target: Box<str>,
    /// Fields that differ from what is sent otherwise: name and value. An empty value: it is not sent.
    fields: Vec<(Box<str>, Box<[u8]>)>,
}

/// A page that is to be fetched.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(super) address: Address,
    /// Fetched even if it is fresh.
    pub(super) renew: bool,
    /// Whether it is to be published before it counts as done.
    pub(super) publish: bool,
    /// How often it was asked for, as far as that is known.
    pub(super) asked: u32,
    /// The page that it was, if it has to be that one: others of its URL are somebody's.
    pub(super) key: Option<Box<[u8]>>,
}

impl Address {
    pub(super) const fn scheme(&self) -> Scheme {
        if self.is_https { Scheme::Https } else { Scheme::Http }
    }

    /// The bytes behind it.
    fn bytes(&self) -> usize {
        let fields = self
            .fields
            .iter()
            .map(|(name, value)| size_of::<(Box<str>, Box<[u8]>)>() + name.len() + value.len());
        self.host.len() + self.target.len() + fields.sum::<usize>()
    }

    /// The fields of the request, `Host` among them.
    pub(super) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(8);
        if let Ok(host) = HeaderValue::from_str(&self.host) {
            headers.insert(HOST, host);
        }
        headers.insert(USER_AGENT, AGENT);
        headers.insert(ACCEPT, MEDIA);
        headers.insert(ACCEPT_ENCODING, if self.is_https { CODINGS_HTTPS } else { CODINGS_HTTP });
        for (name, value) in &self.fields {
            // They were read from such fields.
            let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else { continue };
            match HeaderValue::from_bytes(value) {
                Ok(value) if !value.is_empty() => headers.insert(name, value),
                Ok(_) | Err(_) => headers.remove(name),
            };
        }
        headers
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme().as_str(), self.host, self.target)
    }
}

impl Wish {
    /// For a whole URL.
    ///
    /// # Errors
    /// One line for people: what is wrong with it.
    pub(crate) fn of(url: &str) -> Result<Self, String> {
        let Question { scheme, host, target, .. } = Question::new(url, "GET", &[] as &[&str])?;
        let address = Address {
            is_https: scheme == Scheme::Https,
            host: host.into(),
            target: target.into(),
            fields: Vec::new(),
        };
        Ok(Self { address, renew: false, publish: false, asked: 0, key: None })
    }

    /// For what a purge took away: one for each variant.
    pub(crate) fn again(taken: &Taken) -> Vec<Self> {
        let Some((scheme, host, target)) = larder_policy::key::read(&taken.key) else {
            return Vec::new();
        };
        let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(Box::<str>::from);
        let (Some(host), Some(target)) = (text(host), text(target)) else { return Vec::new() };
        let is_one_of_many = larder_policy::key::url_of(&taken.key).len() < taken.key.len();
        let wish = |fields: &RequestFields| Self {
            address: Address {
                is_https: scheme == Scheme::Https,
                host: host.clone(),
                target: target.clone(),
                fields: fields
                    .iter()
                    .map(|(name, value)| (name.as_str().into(), value.as_bytes().into()))
                    .collect(),
            },
            renew: false,
            publish: false,
            asked: taken.asked,
            key: is_one_of_many.then(|| taken.key.clone()),
        };
        taken.requests.iter().map(wish).collect()
    }

    /// The bytes that it takes in a queue, where its address is held twice.
    pub(super) fn bytes(&self) -> usize {
        2 * (size_of::<Address>() + self.address.bytes())
            + size_of::<Self>()
            + self.key.as_ref().map_or(0, |key| key.len())
    }

    /// The same, to be fetched even if it is fresh.
    pub(crate) fn anew(self, renew: bool) -> Self {
        Self { renew, ..self }
    }

    /// The same, to be published too.
    pub(crate) fn published(self, publish: bool) -> Self {
        Self { publish, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_asked_for_as_a_browser_without_cookies_would() {
        let wish = Wish::of("https://Example.com:443/a?b#c").expect("a URL");
        assert_eq!(wish.address.to_string(), "https://example.com/a?b");
        let headers = wish.address.headers();
        assert_eq!(headers[ACCEPT_ENCODING], "gzip, deflate, br, zstd");
        assert_eq!((&headers[HOST], headers.len()), (&HeaderValue::from_static("example.com"), 4));
        let plain = Wish::of("http://example.com").expect("a URL").address.headers();
        assert_eq!(plain[ACCEPT_ENCODING], "gzip, deflate");
        assert!(Wish::of("/a").expect_err("no URL").contains("whole URL"));
    }

    #[test]
    fn what_was_taken_is_asked_for_as_it_was() {
        let mut key = larder_policy::KeyBuf::new();
        key.write(Scheme::Http, "a.test", "/x", &[]);
        let fields = |value| vec![(ACCEPT_ENCODING, HeaderValue::from_static(value))];
        let requests = vec![fields("br"), fields(""), Vec::new()];
        let taken = Taken { key: key.as_bytes().into(), asked: 7, requests };
        let wishes = Wish::again(&taken);
        let codings: Vec<_> = wishes
            .iter()
            .map(|wish| wish.address.headers().get(ACCEPT_ENCODING).cloned())
            .map(|value| value.map(|value| value.to_str().unwrap_or_default().to_owned()))
            .collect();
        assert_eq!(codings, [Some("br".into()), None, Some("gzip, deflate".into())]);
        assert!(wishes.iter().all(|wish| wish.asked == 7 && wish.key.is_none()));
        let nothing = Taken { key: b"nonsense"[..].into(), asked: 0, requests: vec![Vec::new()] };
        assert!(Wish::again(&nothing).is_empty());
    }
}
