//! Which stored variant fits a request: [RFC 9111 §4.1].
//!
//! A response's `Vary` is a recipe ([`Vary::Fields`]); a request's values for a recipe, normalised, are
//! what a variant is known by ([`Selecting`]). Only differences without any meaning are normalised away:
//! how a list is spread over lines and spaced, the case of languages, the order of codings. The order of
//! languages stays, because applications read it as preference.
//!
//! [RFC 9111 §4.1]: https://www.rfc-editor.org/rfc/rfc9111#section-4.1

mod normal;

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{ACCEPT_LANGUAGE, VARY},
};

use crate::field::list;
use crate::limits;

/// The recipe of a response's variants.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Vary {
    /// One variant for all.
    None,
    /// Chosen by these request fields: sorted, each once.
    Fields(Box<[HeaderName]>),
    /// `*`, or what can't be followed: matches nothing.
    Any,
}

impl Vary {
    /// Reads all lines of `Vary`. A `*` anywhere, a malformed name or more than
    /// [`limits::VARY_FIELDS_MAX`] names is [`Vary::Any`].
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let mut fields = Vec::new();
        for member in headers.get_all(VARY).iter().flat_map(|line| list::tokens(line.as_bytes())) {
            match HeaderName::from_bytes(member) {
                Ok(name) if member != b"*" => {
                    if !fields.contains(&name) {
                        fields.push(name);
                    }
                }
                Ok(_) | Err(_) => return Self::Any,
            }
            if fields.len() > limits::VARY_FIELDS_MAX {
                return Self::Any;
            }
        }
        if fields.is_empty() {
            return Self::None;
        }
        fields.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
        Self::Fields(fields.into_boxed_slice())
    }

    /// Bytes on the heap, for accounting.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        match self {
            Self::None | Self::Any => 0,
            Self::Fields(fields) => {
                let names: usize = fields.iter().map(|name| name.as_str().len()).sum();
                names.saturating_add(size_of_val::<[HeaderName]>(fields))
            }
        }
    }

    const fn fields(&self) -> &[HeaderName] {
        match self {
            Self::None | Self::Any => &[],
            Self::Fields(fields) => fields,
        }
    }
}

/// A request's normalised values of a recipe's fields, in the recipe's order.
///
/// One block of bytes: for each field the length of its value plus one as four bytes, zero for an absent
/// field, then the value. So absent differs from empty, and no value can pretend to be two.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Selecting(Box<[u8]>);

const LENGTH_BYTES: usize = 4;

impl Selecting {
    /// Collects them from a request. Empty for [`Vary::None`] and [`Vary::Any`].
    #[must_use]
    pub fn of(recipe: &Vary, request: &HeaderMap) -> Self {
        let mut block = Vec::new();
        for name in recipe.fields() {
            let start = block.len();
            block.extend_from_slice(&[0; LENGTH_BYTES]);
            if request.contains_key(name) {
                normal::write(name, request, &mut |bytes| {
                    block.extend_from_slice(bytes);
                    true
                });
                let value_bytes = block.len().saturating_sub(start).saturating_sub(LENGTH_BYTES);
                let length = u32::try_from(value_bytes).unwrap_or(u32::MAX - 1).saturating_add(1);
                if let Some(place) = block.get_mut(start..start.saturating_add(LENGTH_BYTES)) {
                    place.copy_from_slice(&length.to_be_bytes());
                }
            }
        }
        Self(block.into_boxed_slice())
    }

    /// Bytes on the heap, for accounting.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.0.len()
    }
}

/// Whether the variant stored under `stored` fits `request`. Allocates nothing.
///
/// A variant in the one language that the request wants most fits too, whatever else its
/// `Accept-Language` says: `content_language` is that field of the stored response.
#[must_use]
pub fn matches(
    recipe: &Vary,
    stored: &Selecting,
    content_language: Option<&HeaderValue>,
    request: &HeaderMap,
) -> bool {
    let fields = match recipe {
        Vary::None => return true,
        // RFC 9111 §4.1: `*` always fails to match.
        Vary::Any => return false,
        Vary::Fields(fields) => fields,
    };
    let mut rest: &[u8] = &stored.0;
    for name in fields {
        let Some((length, behind)) = rest.split_first_chunk::<LENGTH_BYTES>() else {
            return false;
        };
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        let Some((value, behind)) = behind.split_at_checked(length.saturating_sub(1)) else {
            return false;
        };
        let value = (length > 0).then_some(value);
        let fits = is_equal(name, value, request)
            || (*name == ACCEPT_LANGUAGE && is_wanted(content_language, request));
        if !fits {
            return false;
        }
        rest = behind;
    }
    rest.is_empty()
}

/// Compares the request's value with a stored one while it is being normalised.
fn is_equal(name: &HeaderName, stored: Option<&[u8]>, request: &HeaderMap) -> bool {
    let (Some(mut rest), true) = (stored, request.contains_key(name)) else {
        return stored.is_none() && !request.contains_key(name);
    };
    let mut equal = true;
    normal::write(name, request, &mut |bytes| {
        match rest.strip_prefix(bytes) {
            Some(behind) => rest = behind,
            None => equal = false,
        }
        equal
    });
    equal && rest.is_empty()
}

/// Whether a response in `content_language` is what the request's single best language asks for.
fn is_wanted(content_language: Option<&HeaderValue>, request: &HeaderMap) -> bool {
    content_language.is_some_and(|language| {
        normal::best_language(request)
            .is_some_and(|best| best.eq_ignore_ascii_case(language.as_bytes().trim_ascii()))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{Fields, headers as request};

    fn recipe(lines: &[&str]) -> Vary {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(VARY, HeaderValue::from_str(line).unwrap());
        }
        Vary::of(&headers)
    }

    #[test]
    fn a_recipe_is_sorted_unique_and_any_when_in_doubt() {
        let many = (0..=limits::VARY_FIELDS_MAX).map(|n| format!("f{n}")).collect::<Vec<_>>();
        let as_many = many[1..].join(",");
        let many = many.join(",");
        let cases = [
            (&[][..], Some(0)),
            (&[""], Some(0)),
            (&[" , "], Some(0)),
            (&["Foo"], Some(1)),
            (&["Foo, foo", "FOO"], Some(1)),
            (&["Foo, Bar", "Baz"], Some(3)),
            (&["*"], None),
            (&["*, *"], None),
            (&["*", "*"], None),
            (&[", *"], None),
            (&["", "*"], None),
            (&["*, Foo"], None),
            (&["Foo, *"], None),
            (&["Foo Bar"], None),
            (&["Foo;q=1"], None),
            (&[as_many.as_str()], Some(limits::VARY_FIELDS_MAX)),
            (&[many.as_str()], None),
        ];
        for (lines, names) in cases {
            let recipe = recipe(lines);
            assert_eq!(recipe == Vary::Any, names.is_none(), "{lines:?}");
            assert_eq!(recipe.fields().len(), names.unwrap_or(0), "{lines:?}");
            assert!(recipe.fields().is_sorted_by_key(|name| name.as_str()), "{lines:?}");
        }
        assert_eq!(recipe(&["Foo, Bar"]), recipe(&["bar", "foo"]));
    }

    /// Vary, the request it was stored for, the request that comes, whether it fits.
    type Case<'a> = (&'a str, Fields<'a>, Fields<'a>, bool);

    #[test]
    fn lists_are_compared_without_their_layout() {
        let cases: &[Case<'_>] = &[
            ("Foo", &[("foo", "1")], &[("foo", "1")], true),
            ("Foo", &[("foo", "1")], &[("foo", "2")], false),
            ("Foo", &[], &[("foo", "1")], false),
            ("Foo", &[("foo", "1")], &[], false),
            ("Foo", &[("foo", "")], &[], false),
            ("Foo", &[], &[], true),
            ("Foo", &[("foo", "1"), ("other", "2")], &[("foo", "1"), ("other", "3")], true),
            ("Foo", &[("foo", "1")], &[("foo", "12")], false),
            ("Foo", &[("foo", "12")], &[("foo", "1")], false),
            ("Foo", &[("foo", "1, 2")], &[("foo", "1"), ("foo", "2")], true),
            ("Foo", &[("foo", "1,2")], &[("foo", " 1, 2 ")], true),
            ("Foo", &[("foo", "1,2")], &[("foo", "2,1")], false),
            ("Foo", &[("foo", "a")], &[("foo", "A")], false),
            ("Foo", &[("foo", r#""1, 2""#)], &[("foo", r#""1,2""#)], false),
            ("Foo", &[("foo", r#""\", 2""#)], &[("foo", r#""\",2""#)], false),
            ("Foo, Bar", &[("foo", "1"), ("bar", "2")], &[("foo", "1"), ("bar", "2")], true),
            ("Foo, Bar", &[("foo", "1"), ("bar", "2")], &[("bar", "1"), ("foo", "2")], false),
            ("Foo, Bar", &[("foo", "1")], &[("bar", "1")], false),
            ("Foo, Bar, Baz", &[("foo", "1"), ("baz", "3")], &[("foo", "1"), ("baz", "3")], true),
            ("*", &[], &[], false),
            ("", &[("foo", "1")], &[("foo", "2")], true),
        ];
        check(cases);
    }

    #[test]
    fn fields_with_a_meaning_of_their_own_are_compared_by_it() {
        const AL: &str = "accept-language";
        const AE: &str = "accept-encoding";
        let cases: &[Case<'_>] = &[
            (AL, &[(AL, "en, de")], &[(AL, "eN, De")], true),
            (AL, &[(AL, "en, de")], &[(AL, " en ,   de")], true),
            (AL, &[(AL, "en"), (AL, "de")], &[(AL, "en,de")], true),
            // Order is preference for many applications.
            (AL, &[(AL, "en, de")], &[(AL, "de, en")], false),
            (AE, &[(AE, "gzip, br")], &[(AE, "BR,gzip")], true),
            (AE, &[(AE, "gzip;q=1.0, br")], &[(AE, "br, gzip")], true),
            (AE, &[(AE, "gzip;q=0.50")], &[(AE, "gzip; Q=0.5")], true),
            (AE, &[(AE, "gzip;q=0")], &[(AE, "gzip")], false),
            (AE, &[(AE, "gzip")], &[(AE, "gzip, br")], false),
            (AE, &[(AE, "gzip, br")], &[(AE, "gzip")], false),
            (AE, &[(AE, "")], &[], false),
            (AE, &[(AE, "gzip;x, br")], &[(AE, "br, gzip;x")], false),
            (AE, &[(AE, "a, a;q=0")], &[(AE, "a;q=0, a")], false),
            ("Cookie", &[("cookie", "a=1; b=2")], &[("cookie", "a=1"), ("cookie", "b=2")], true),
            ("Cookie", &[("cookie", "a=x, y")], &[("cookie", "a=x,y")], false),
            ("Cookie", &[("cookie", "a=1; b=2")], &[("cookie", "b=2; a=1")], false),
            ("Cookie", &[("cookie", "a=1")], &[("cookie", "A=1")], false),
            ("Authorization", &[("authorization", "X a, b")], &[("authorization", "X a,b")], false),
        ];
        check(cases);
    }

    fn check(cases: &[Case<'_>]) {
        for &(vary, stored, presented, expected) in cases {
            let recipe = recipe(&[vary]);
            let (stored, presented) = (request(stored), request(presented));
            let selecting = Selecting::of(&recipe, &stored);
            let context = format!("{vary}: {stored:?} for {presented:?}");
            assert_eq!(matches(&recipe, &selecting, None, &presented), expected, "{context}");
            if recipe != Vary::Any {
                let same = selecting == Selecting::of(&recipe, &presented);
                assert_eq!(same, expected, "{context}");
            }
        }
    }

    #[test]
    fn a_variant_in_the_single_best_language_fits() {
        let cases = [
            ("fr;q=0.5, de;q=1.0", Some("de"), true),
            ("DE", Some("de"), true),
            ("de", Some(" De "), true),
            ("de, en;q=0.9, *;q=0.1", Some("de"), true),
            ("de, fr", Some("de"), false),
            ("de;q=0.5, fr", Some("de"), false),
            ("de-AT, de;q=0.9", Some("de"), false),
            ("de;q=0", Some("de"), false),
            ("*", Some("*"), false),
            ("de;q=1.5", Some("de"), false),
            ("de;q=1.0000", Some("de"), false),
            ("de;level=1", Some("de"), false),
            ("de", Some("de, en"), false),
            ("de", None, false),
            ("", Some(""), false),
        ];
        let recipe = recipe(&["Accept-Language, Foo"]);
        let stored = Selecting::of(&recipe, &request(&[("accept-language", "en, de")]));
        for (wanted, language, expected) in cases {
            let language = language.map(HeaderValue::from_static);
            let presented = request(&[("accept-language", wanted)]);
            let actual = matches(&recipe, &stored, language.as_ref(), &presented);
            assert_eq!(actual, expected, "{wanted} for {language:?}");
            // The other fields of the recipe still decide.
            let other = request(&[("accept-language", wanted), ("foo", "1")]);
            assert!(!matches(&recipe, &stored, language.as_ref(), &other), "{wanted}");
        }
    }

    #[test]
    fn a_long_list_of_codings_is_compared_as_sent() {
        let recipe = recipe(&["accept-encoding"]);
        let list = |range: std::ops::Range<usize>| {
            let codings: Vec<_> = range.map(|n| format!("x{n:02}")).collect();
            let mut turned = codings.clone();
            turned.reverse();
            [codings, turned].map(|codings| request(&[("accept-encoding", &codings.join(","))]))
        };
        for (count, equal) in [
            (limits::ACCEPT_ENCODING_CODINGS_MAX, true),
            (limits::ACCEPT_ENCODING_CODINGS_MAX + 1, false),
        ] {
            let [codings, turned] = list(0..count);
            let stored = Selecting::of(&recipe, &codings);
            assert!(matches(&recipe, &stored, None, &codings), "{count}");
            assert_eq!(matches(&recipe, &stored, None, &turned), equal, "{count}");
        }
    }

    fn some_request() -> impl Strategy<Value = HeaderMap> {
        let name = prop_oneof![
            Just("foo"),
            Just("accept-language"),
            Just("accept-encoding"),
            Just("cookie")
        ];
        let value = prop_oneof!["[ -~]{0,12}", "[a-c,;q=01. \"\\\\]{0,10}"];
        proptest::collection::vec((name, value), 0..5).prop_map(|fields| {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.append(name, HeaderValue::from_str(&value).unwrap());
            }
            headers
        })
    }

    proptest! {
        #[test]
        fn comparing_on_the_spot_is_comparing_what_is_written(one in some_request(), other in some_request()) {
            let recipe = recipe(&["foo, accept-language, accept-encoding, cookie"]);
            let (written_one, written_other) = (Selecting::of(&recipe, &one), Selecting::of(&recipe, &other));
            prop_assert!(matches(&recipe, &written_one, None, &one));
            prop_assert_eq!(matches(&recipe, &written_one, None, &other), written_one == written_other);
        }

        #[test]
        fn reading_is_total(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let _recipe = Vary::of(&HeaderMap::from_iter([(VARY, value.clone())]));
                let request = HeaderMap::from_iter([
                    (ACCEPT_LANGUAGE, value.clone()), (http::header::ACCEPT_ENCODING, value.clone()), (http::header::COOKIE, value),
                ]);
                let recipe = recipe(&["accept-language, accept-encoding, cookie"]);
                let selecting = Selecting::of(&recipe, &request);
                prop_assert!(matches(&recipe, &selecting, Some(&HeaderValue::from_static("de")), &request));
            }
        }
    }
}
