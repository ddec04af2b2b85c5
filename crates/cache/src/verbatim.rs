//! The selecting fields of the request that was answered, as they were sent.
//!
//! Most requests for a page repeat another's fields byte for byte. What is equal byte for byte is
//! equal after any normalisation, so that comparison comes first; only where it fails is the
//! request normalised (RFC 9111 §4.1).

use http::header::{HeaderMap, HeaderName};

/// A field's only line, if it is there.
type Line = Option<Box<[u8]>>;

/// For each field of a recipe: whether it is there, and its one line.
#[derive(Clone, Debug, Default)]
pub struct Verbatim {
    /// `None` where a field came in several lines: such requests are normalised.
    lines: Option<Box<[Line]>>,
}

impl Verbatim {
    /// The lines that `request` has for `names`.
    #[must_use]
    pub fn of(names: &[HeaderName], request: &HeaderMap) -> Self {
        let lines: Option<Box<[_]>> = names
            .iter()
            .map(|name| {
                let mut lines = request.get_all(name).iter();
                let first = lines.next().map(|line| Box::from(line.as_bytes()));
                lines.next().is_none().then_some(first)
            })
            .collect();
        Self { lines }
    }

    /// The lines, in the order of the names that they are of. `None`: a field came in several.
    #[must_use]
    pub fn lines(&self) -> Option<impl Iterator<Item = Option<&[u8]>>> {
        Some(self.lines.as_ref()?.iter().map(Option::as_deref))
    }

    /// Whether `request` has the same lines. False tells nothing.
    #[must_use]
    pub fn repeats(&self, names: &[HeaderName], request: &HeaderMap) -> bool {
        let Some(lines) = &self.lines else { return false };
        names.len() == lines.len()
            && names.iter().zip(lines).all(|(name, stored)| {
                let mut lines = request.get_all(name).iter();
                let same = match (lines.next(), stored) {
                    (None, None) => true,
                    (Some(line), Some(stored)) => line.as_bytes() == &**stored,
                    (Some(_), None) | (None, Some(_)) => false,
                };
                same && lines.next().is_none()
            })
    }

    /// The heap bytes behind it.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let Some(lines) = &self.lines else { return 0 };
        let values: usize =
            lines.iter().flatten().map(|line| larder_store::allocated(line.len())).sum();
        larder_store::allocated(size_of_val(&**lines)) + values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        lines
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn only_the_same_bytes_repeat_and_absent_is_not_empty() {
        let names = [HeaderName::from_static("a"), HeaderName::from_static("b")];
        let stored = Verbatim::of(&names, &request(&[("a", "1")]));
        let cases: [(&str, HeaderMap, bool); 5] = [
            ("same", request(&[("a", "1"), ("c", "3")]), true),
            ("other value", request(&[("a", "2")]), false),
            ("one more field", request(&[("a", "1"), ("b", "")]), false),
            ("one less", request(&[]), false),
            ("spelt otherwise", request(&[("a", "1,")]), false),
        ];
        for (name, request, repeats) in cases {
            assert_eq!(stored.repeats(&names, &request), repeats, "{name}");
        }
    }

    #[test]
    fn several_lines_are_never_taken_for_one() {
        let names = [HeaderName::from_static("a")];
        let mut twice = request(&[("a", "1")]);
        twice.append("a", "2".parse().unwrap());
        assert!(!Verbatim::of(&names, &twice).repeats(&names, &twice));
        let once = Verbatim::of(&names, &request(&[("a", "1")]));
        assert!(!once.repeats(&names, &twice));
    }
}
