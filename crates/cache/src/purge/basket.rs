//! What did a purge take away, so that it can be fetched again?
//!
//! Pages go into a basket where they are taken: one URL's at once, all others when they are next asked for or when the sweep
//! comes by. It holds so many and no more, the most asked ones. Of the requests that made a page only what says nothing of
//! anybody is kept.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use http::header::{
    ACCEPT, ACCEPT_CHARSET, ACCEPT_ENCODING, ACCEPT_LANGUAGE, HeaderName, HeaderValue, ORIGIN,
    USER_AGENT,
};
use larder_policy::key;
use larder_semantics::vary::Vary;
use parking_lot::Mutex;

use crate::limits::{TAKEN_FIELD_BYTES_MAX, TAKEN_KEY_BYTES_MAX, TAKEN_REQUESTS_MAX};
use crate::page::Page;
use crate::variant::Head;

/// Fields of a request. An empty value stands for a field that was not there.
pub type RequestFields = Vec<(HeaderName, HeaderValue)>;

/// A page that was purged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The key that it lay under; that of its URL, where all pages of a URL were taken.
    pub key: Box<[u8]>,
    /// How often it was asked for, more or less.
    pub asked: u32,
    /// What the requests for its variants had that selected them, newest first. Empty: nothing that could be sent for nobody.
    pub requests: Vec<RequestFields>,
}

/// The most asked of the pages that a purge took away.
#[derive(Debug)]
pub struct Basket {
    most: usize,
    pages: Mutex<Pages>,
}

#[derive(Debug, Default)]
struct Pages {
    /// Least asked last.
    by_asked: BTreeMap<(Reverse<u32>, u64), Taken>,
    number: u64,
}

impl Basket {
    /// An empty one for `most` pages.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most, pages: Mutex::default() }
    }

    /// Everything in it, most asked first.
    #[must_use]
    pub fn empty(&self) -> Vec<Taken> {
        std::mem::take(&mut *self.pages.lock()).by_asked.into_values().collect()
    }

    pub(crate) fn put(&self, key: &[u8], page: &Page) {
        self.put_with(key, page.asked(), || requests(key, page));
    }

    /// A URL of which pages were taken that are not known one by one.
    pub(crate) fn put_url(&self, key: &[u8]) {
        self.put_with(key, 0, || vec![RequestFields::new()]);
    }

    fn put_with(&self, key: &[u8], asked: u32, requests: impl FnOnce() -> Vec<RequestFields>) {
        if key.len() > TAKEN_KEY_BYTES_MAX {
            return;
        }
        let mut pages = self.pages.lock();
        if pages.by_asked.len() >= self.most {
            let Some(least) = pages.by_asked.last_entry() else { return };
            if least.key().0.0 >= asked {
                return;
            }
            least.remove();
        }
        pages.number += 1;
        let rank = (Reverse(asked), pages.number);
        pages.by_asked.insert(rank, Taken { key: key.into(), asked, requests: requests() });
    }
}

/// Whether a field tells what a client can read or how it asks, and nothing of who it is.
fn is_nobodys(name: &HeaderName) -> bool {
    const KNOWN: [HeaderName; 6] =
        [ACCEPT, ACCEPT_CHARSET, ACCEPT_ENCODING, ACCEPT_LANGUAGE, ORIGIN, USER_AGENT];
    const OTHERS: [&str; 8] = [
        "x-requested-with",
        "hx-request",
        "x-inertia",
        "turbo-frame",
        "save-data",
        "sec-ch-ua-mobile",
        "sec-fetch-mode",
        "sec-fetch-dest",
    ];
    KNOWN.contains(name) || OTHERS.contains(&name.as_str())
}

/// What selected the variants of a page. A variant that took anything else is left out.
fn requests(key: &[u8], page: &Page) -> Vec<RequestFields> {
    let Some(keyed) = keyed(key) else { return Vec::new() };
    let mut requests: Vec<RequestFields> = Vec::new();
    let mut bytes = 0;
    for variant in page.variants() {
        if let Some(mut fields) = selecting(&variant.head) {
            fields.extend(keyed.iter().cloned());
            bytes += fields.iter().map(|(_, value)| value.len()).sum::<usize>();
            if bytes <= TAKEN_FIELD_BYTES_MAX && !requests.contains(&fields) {
                requests.push(fields);
            }
        }
        if requests.len() == TAKEN_REQUESTS_MAX {
            break;
        }
    }
    requests
}

/// The request fields that a key holds. `None`: it holds something of somebody.
fn keyed(key: &[u8]) -> Option<RequestFields> {
    let mut fields = RequestFields::new();
    // A field whose values come in the parts that follow.
    let mut named: Option<HeaderName> = None;
    for (name, value) in key::parts(key) {
        match (name, value) {
            (b"for", _) => {}
            // A class that is not the anonymous one is found out where the page is asked for: the key will be another.
            (b"class" | b"user" | b"segment", _) => named = None,
            (b"header", Some(value)) => {
                let name = HeaderName::from_bytes(value).ok()?;
                named = Some(name);
            }
            (b"cookie" | b"session", _) => named = None,
            (b"=", None) => {}
            (b"=", Some(value)) => push(&mut fields, &named.clone()?, value)?,
            (name, Some(value)) => push(&mut fields, &HeaderName::from_bytes(name).ok()?, value)?,
            (_, None) => return None,
        }
    }
    Some(fields)
}

fn selecting(head: &Head) -> Option<RequestFields> {
    let names = match &head.vary {
        Vary::None => return Some(RequestFields::new()),
        Vary::Any => return None,
        Vary::Fields(names) => names,
    };
    let mut fields = RequestFields::new();
    for (name, line) in names.iter().zip(head.verbatim.lines()?) {
        if let Some(line) = line {
            push(&mut fields, name, line)?;
        }
    }
    // That a field was not there selects, too, and these are sent unless something else is said.
    for name in names.iter().filter(|name| [ACCEPT, ACCEPT_ENCODING, USER_AGENT].contains(name)) {
        if !fields.iter().any(|(there, _)| there == name) {
            fields.push((name.clone(), HeaderValue::from_static("")));
        }
    }
    Some(fields)
}

fn push(fields: &mut RequestFields, name: &HeaderName, value: &[u8]) -> Option<()> {
    let value = HeaderValue::from_bytes(value).ok().filter(|_| is_nobodys(name))?;
    fields.push((name.clone(), value));
    Some(())
}

#[cfg(test)]
mod tests {
    use larder_policy::{KeyBuf, KeyPart, Scheme};

    use super::*;

    fn key(parts: &[(&str, Option<&str>)]) -> Vec<u8> {
        let mut key = KeyBuf::new();
        let parts: Vec<_> = parts
            .iter()
            .map(|(name, value)| KeyPart { name, value: value.map(str::as_bytes) })
            .collect();
        key.write(Scheme::Https, "a.test", "/", &parts);
        key.as_bytes().to_vec()
    }

    #[test]
    fn only_the_most_asked_stay_and_come_out_in_order() {
        let basket = Basket::new(2);
        for (name, asked) in [("a", 1), ("b", 5), ("c", 3), ("d", 3)] {
            let page = Page::default();
            page.credit(asked);
            basket.put(name.as_bytes(), &page);
        }
        let taken: Vec<_> = basket.empty().into_iter().map(|it| (it.key, it.asked)).collect();
        assert_eq!(taken, [(b"b"[..].into(), 5), (b"c"[..].into(), 3)]);
        assert_eq!(basket.empty(), []);
    }

    #[test]
    fn keys_give_back_fields_and_nobodys_name() {
        type Parts = &'static [(&'static str, Option<&'static str>)];
        type Fields = &'static [(&'static str, &'static str)];
        let cases: [(Parts, Option<Fields>); 7] = [
            (&[], Some(&[])),
            (&[("for", Some("all-users"))], Some(&[])),
            (
                &[("for", Some("custom")), ("header", Some("accept-language")), ("=", Some("de"))],
                Some(&[("accept-language", "de")]),
            ),
            (&[("header", Some("accept-language")), ("=", None)], Some(&[])),
            (&[("header", Some("authorization")), ("=", Some("Basic x"))], None),
            (&[("cookie", Some("lang")), ("=", Some("de"))], None),
            (
                &[("x-requested-with", Some("XMLHttpRequest"))],
                Some(&[("x-requested-with", "XMLHttpRequest")]),
            ),
        ];
        for (parts, expected) in cases {
            let expected = expected.map(|fields| {
                let field = |(name, value): &(&'static str, &'static str)| {
                    (HeaderName::from_static(name), HeaderValue::from_static(value))
                };
                fields.iter().map(field).collect::<RequestFields>()
            });
            assert_eq!(keyed(&key(parts)), expected, "{parts:?}");
        }
    }
}
