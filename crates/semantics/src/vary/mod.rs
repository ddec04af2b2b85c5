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
