//! Names that the application gives to pages, so that it can purge them together: tags, and the groups of RFC 9875.
//!
//! Tags come in fields of their own, by custom: `Surrogate-Key` (Fastly), `Cache-Tag` (Cloudflare), `Cache-Tags` (Drupal),
//! `xkey` (Varnish), `X-Cache-Tags` (`FOSHttpCache`), `X-Magento-Tags`, `Larder-Tags`; between commas, spaces, or in several
//! lines. They are for Larder and are taken off. `Cache-Groups` (RFC 9875 §2) is a list of strings for every cache on the way,
//! and stays. Only responses are read, never requests.

use crate::forwarded_style;
use crate::limits::{GROUPS_MAX, TAG_BYTES_MAX, TAGS_MAX};
use crate::rule::PatternError;
use http::{HeaderMap, HeaderName, HeaderValue};
use sfv::{BareItem, List, ListEntry, Parser};

/// RFC 9875 §2.
pub const CACHE_GROUPS: HeaderName = HeaderName::from_static("cache-groups");

/// RFC 9875 §3.
pub const CACHE_GROUP_INVALIDATION: HeaderName =
    HeaderName::from_static("cache-group-invalidation");

/// The fields of tags that are read where the site does not choose.
pub const FIELDS: [&str; 7] = [
    "surrogate-key",
    "cache-tag",
    "cache-tags",
    "xkey",
    "x-cache-tags",
    "x-magento-tags",
    "larder-tags",
];

/// A response has more tags, or longer ones, than are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany;

/// In which fields tags are, and whether clients see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagFields {
    names: Box<[HeaderName]>,
    /// Whether they stay on the response: for another cache in front.
    stay: bool,
}

impl Default for TagFields {
    fn default() -> Self {
        Self { names: FIELDS.map(HeaderName::from_static).into(), stay: false }
    }
}

impl TagFields {
    /// Tags are in these fields.
    #[must_use]
    pub fn new(names: Vec<HeaderName>, stay: bool) -> Self {
        Self { names: names.into(), stay }
    }

    /// The fields, in the order of the file.
    #[must_use]
    pub fn names(&self) -> &[HeaderName] {
        &self.names
    }

    /// A field that tags may be in: one that means nothing else, since it is taken off.
    ///
    /// # Errors
    /// What is wrong with the name.
    pub fn field(text: &str) -> Result<HeaderName, PatternError> {
        if [CACHE_GROUPS.as_str(), CACHE_GROUP_INVALIDATION.as_str()]
            .iter()
            .any(|groups| text.eq_ignore_ascii_case(groups))
        {
            let message = format!("{text} is for every cache on the way");
            return Err(PatternError::new(message, "leave it out: groups are always read"));
        }
        forwarded_style::field_name(text)
    }

    /// Tells `each` the response's tags, and takes the fields off.
    ///
    /// # Errors
    /// [`TooMany`]: those told are not all.
    pub fn take(
        &self,
        response: &mut HeaderMap,
        mut each: impl FnMut(&str),
    ) -> Result<(), TooMany> {
        // On the way of every response: most have none.
        if !response.keys().any(|name| self.names.contains(name)) {
            return Ok(());
        }
        let mut told = 0;
        let mut taken = Ok(());
        for name in &self.names {
            for line in response.get_all(name) {
                for tag in tags_of(line) {
                    told += 1;
                    match std::str::from_utf8(tag) {
                        Ok(tag) if told <= TAGS_MAX && tag.len() <= TAG_BYTES_MAX => each(tag),
                        Ok(_) | Err(_) => taken = Err(TooMany),
                    }
                }
            }
            if !self.stay {
                response.remove(name);
            }
        }
        taken
    }
}

/// The tags of one line: between commas, spaces and tabs.
fn tags_of(line: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    line.as_bytes().split(|byte| matches!(byte, b',' | b' ' | b'\t')).filter(|tag| !tag.is_empty())
}

/// Tells `each` the groups that a response is in (RFC 9875 §2).
///
/// # Errors
/// [`TooMany`]: those told are not all.
pub fn groups(response: &HeaderMap, each: impl FnMut(&str)) -> Result<(), TooMany> {
    strings(response, &CACHE_GROUPS, each)
}

/// Tells `each` the groups that the answer to an unsafe request declares out of date (RFC 9875 §3).
///
/// # Errors
/// [`TooMany`]: those told are not all.
pub fn invalidated_groups(response: &HeaderMap, each: impl FnMut(&str)) -> Result<(), TooMany> {
    strings(response, &CACHE_GROUP_INVALIDATION, each)
}

/// A list of strings. RFC 9651 §4.2: what does not parse is ignored whole; RFC 9875 §2: so are members of other types.
fn strings(
    response: &HeaderMap,
    name: &HeaderName,
    mut each: impl FnMut(&str),
) -> Result<(), TooMany> {
    if !response.contains_key(name) {
        return Ok(());
    }
    let lines = response.get_all(name).iter().map(HeaderValue::as_bytes);
    let value = lines.collect::<Vec<_>>().join(&b","[..]);
    let Ok(list) = Parser::new(&value).parse::<List>() else { return Ok(()) };
    let mut told = 0;
    for entry in &list {
        let ListEntry::Item(item) = entry else { continue };
        let BareItem::String(group) = &item.bare_item else { continue };
        told += 1;
        if told > GROUPS_MAX || group.as_str().len() > TAG_BYTES_MAX {
            return Err(TooMany);
        }
        each(group.as_str());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn taken(headers: &mut HeaderMap) -> (Vec<String>, Result<(), TooMany>) {
        let mut tags = Vec::new();
        let outcome = TagFields::default().take(headers, |tag| tags.push(tag.to_owned()));
        (tags, outcome)
    }

    #[test]
    fn tags_of_every_dialect_are_read_and_taken_off() {
        type Case = (&'static [(&'static str, &'static str)], &'static [&'static str]);
        let cases: [Case; 8] = [
            (&[("surrogate-key", "a b  c")], &["a", "b", "c"]),
            (&[("cache-tag", "a,b, c,,")], &["a", "b", "c"]),
            (&[("cache-tags", "node:1 node_list")], &["node:1", "node_list"]),
            (&[("xkey", "one"), ("xkey", "two")], &["one", "two"]),
            (&[("x-cache-tags", "p-1,t-2")], &["p-1", "t-2"]),
            (&[("x-magento-tags", "cat_p_1,FPC")], &["cat_p_1", "FPC"]),
            (&[("larder-tags", "blog\tnews")], &["blog", "news"]),
            (&[("cache-tag", "")], &[]),
        ];
        for (fields, tags) in cases {
            let mut headers = response(fields);
            assert_eq!(
                taken(&mut headers),
                (tags.iter().map(|t| (*t).to_owned()).collect(), Ok(()))
            );
            assert!(headers.is_empty(), "{fields:?}");
        }
    }

    #[test]
    fn tags_stay_for_a_cache_in_front_where_the_site_says_so() {
        let fields = TagFields::new(vec![HeaderName::from_static("surrogate-key")], true);
        let mut headers = response(&[("surrogate-key", "a"), ("cache-tag", "b")]);
        let mut tags = Vec::new();
        fields.take(&mut headers, |tag| tags.push(tag.to_owned())).unwrap();
        assert_eq!(tags, ["a"]);
        assert_eq!(headers.len(), 2);
    }

    #[test]
    fn too_many_or_too_long_tags_are_no_tags_at_all() {
        let many = vec!["t"; TAGS_MAX + 1].join(" ");
        assert_eq!(taken(&mut response(&[("xkey", &many)])).1, Err(TooMany));
        let most = vec!["t"; TAGS_MAX].join(" ");
        assert_eq!(taken(&mut response(&[("xkey", &most)])).1, Ok(()));
        let long = "x".repeat(TAG_BYTES_MAX + 1);
        assert_eq!(taken(&mut response(&[("xkey", &long)])).1, Err(TooMany));
    }

    #[test]
    fn groups_are_strings_of_a_list_and_nothing_else_counts() {
        let cases: [(&[&str], &[&str]); 6] = [
            (&[r#""a", "b;c""#], &["a", "b;c"]),
            (&[r#""a""#, r#""b""#], &["a", "b"]),
            (&[r#""a";x=1, token, 5, ("in")"#], &["a"]),
            (&["not quoted"], &[]),
            (&[r#""a", "#], &[]),
            (&[], &[]),
        ];
        for (lines, expected) in cases {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(CACHE_GROUPS, HeaderValue::from_str(line).unwrap());
            }
            let mut found = Vec::new();
            groups(&headers, |group| found.push(group.to_owned())).unwrap();
            assert_eq!(found, expected, "{lines:?}");
            assert_eq!(headers.len(), lines.len(), "the field is for other caches too");
        }
    }
}
