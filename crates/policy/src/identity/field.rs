//! `Larder-Identity`: who a visitor is, as a structured field dictionary (RFC 9651 §3.2).
//!
//! `class=authenticated, user="42", segment="staff"`. From the application it answers a look-up. Towards the application
//! it says for whom a shared page is to be made, and holds no more than what the page's key holds.

use super::{Class, Identity, members, members::Form};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::borrow::Cow;

/// The field's name.
pub const LARDER_IDENTITY: HeaderName = HeaderName::from_static("larder-identity");

/// Reads the answer to a look-up. `None`: missing, repeated in a way that contradicts, malformed, without a class, a value
/// that is too long.
///
/// `class` is a token or a string, `user` and `segment` are strings, tokens or integers of 1 to
/// [`VALUE_BYTES_MAX`](super::VALUE_BYTES_MAX) bytes. Other members say nothing.
#[must_use]
pub fn read(response: &HeaderMap) -> Option<Identity> {
    let Parts { class, user, segment } = read_parts(response)?;
    Some(Identity { class: class?, user, segment })
}

/// For whom a shared page is to be made: the parts that its key holds, as [`write()`] says them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// Logged in or not, where the key says.
    pub class: Option<Class>,
    /// The user's name or number.
    pub user: Option<String>,
    /// The application's own page version.
    pub segment: Option<String>,
}

/// Reads the field of a request that fills a shared page. `None`: missing or malformed, as for [`read`]; but no part is required.
#[must_use]
pub fn read_parts(request: &HeaderMap) -> Option<Parts> {
    // RFC 9651 §4.2: several lines are one value.
    let mut lines = request.get_all(LARDER_IDENTITY).iter().map(HeaderValue::as_bytes);
    let mut text = Cow::Borrowed(lines.next()?);
    for line in lines {
        let text = text.to_mut();
        text.push(b',');
        text.extend_from_slice(line);
    }
    let read = members::read(&text, Form::Field)?;
    Some(Parts { class: read.class, user: read.user, segment: read.segment })
}

/// Writes the given parts. `None` if a part can't be written: it is empty, longer than what [`read`] takes, or not of
/// printable ASCII; or if there is no part.
#[must_use]
pub fn write(
    class: Option<Class>,
    user: Option<&str>,
    segment: Option<&str>,
) -> Option<HeaderValue> {
    let text = members::write(class, user, segment).ok()?;
    if text.is_empty() { None } else { HeaderValue::try_from(text).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::VALUE_BYTES_MAX;
    use proptest::prelude::*;

    fn of(lines: &[&str]) -> Option<Identity> {
        let line = |line: &&str| (LARDER_IDENTITY, HeaderValue::from_str(line).unwrap());
        read(&lines.iter().map(line).collect())
    }

    fn identity(class: Class, user: Option<&str>, segment: Option<&str>) -> Identity {
        Identity { class, user: user.map(str::to_owned), segment: segment.map(str::to_owned) }
    }

    #[test]
    fn the_spellings_that_count() {
        use Class::{Anonymous, Authenticated};
        let all = identity(Authenticated, Some("42"), Some("staff"));
        let cases: [(&[&str], Identity); 11] = [
            (&["class=authenticated, user=\"42\", segment=\"staff\""], all.clone()),
            (&["class=\"authenticated\",user=42,segment=staff"], all.clone()),
            (&["segment=staff", "user=42", "class=authenticated"], all.clone()),
            (&["segment=staff, class=authenticated", "user=\"42\""], all.clone()),
            (&["  class=authenticated;x=1;y, user=42;z, segment=staff "], all),
            (&["class=anonymous"], Identity::ANONYMOUS),
            (
                &["class=anonymous, more=(1 2), other=:AA==:, session, expires=no"],
                Identity::ANONYMOUS,
            ),
            (&["class=anonymous, unknown=1, unknown=2"], Identity::ANONYMOUS),
            (&["class=authenticated, user=-7"], identity(Authenticated, Some("-7"), None)),
            (
                &[r#"class=anonymous, segment="a\"b\\c, d""#],
                identity(Anonymous, None, Some("a\"b\\c, d")),
            ),
            (&["class=authenticated, user=*a:b/c"], identity(Authenticated, Some("*a:b/c"), None)),
        ];
        for (lines, expected) in cases {
            assert_eq!(of(lines), Some(expected), "{lines:?}");
        }
    }

    #[test]
    fn what_is_malformed_or_contradicts_counts_as_nothing() {
        let cases: [&[&str]; 25] = [
            &[],
            &[""],
            &["user=42"],
            &["class"],
            &["class=staff"],
            &["class=Authenticated"],
            &["class=1"],
            &["class=(authenticated)"],
            &["class=authenticated class=anonymous"],
            &["class=authenticated, class=anonymous"],
            &["class=authenticated", "class=authenticated"],
            &["class=anonymous, user=1, user=2"],
            &["class=anonymous, user=1", "user=1"],
            &["class=anonymous, segment=a, segment=a"],
            &["class=anonymous, user"],
            &["class=anonymous, user=?0"],
            &["class=anonymous, user=1.5"],
            &["class=anonymous, user=\"\""],
            &["class=anonymous, user=:AA==:"],
            &["class=anonymous, user=%\"a\""],
            &["class=anonymous, user=(1)"],
            &["class=anonymous,"],
            &["class=anonymous; user=1, ;"],
            &["Class=anonymous"],
            &["class=anonymous, user=\"a"],
        ];
        for lines in cases {
            assert_eq!(of(lines), None, "{lines:?}");
        }
    }

    #[test]
    fn a_member_of_another_line_can_not_hide_in_a_string() {
        assert_eq!(
            of(&["class=anonymous, user=\"a", "b\", segment=\"c\""]).unwrap().user.unwrap(),
            "a,b"
        );
        assert_eq!(of(&["class=anonymous, user=\"a", "class=authenticated"]), None);
    }

    #[test]
    fn values_up_to_the_limit_count_and_are_written() {
        for (len, counts) in [(1, true), (VALUE_BYTES_MAX, true), (VALUE_BYTES_MAX + 1, false)] {
            for text in ["a".repeat(len), "\"".repeat(len)] {
                let quoted = text.replace('"', "\\\"");
                for name in ["user", "segment"] {
                    let line = format!("class=anonymous, {name}=\"{quoted}\"");
                    assert_eq!(of(&[&line]).is_some(), counts, "{name} of {len}");
                }
                assert_eq!(write(None, Some(&text), None).is_some(), counts, "{len}");
                assert_eq!(write(None, None, Some(&text)).is_some(), counts, "{len}");
            }
        }
        let both = "\\".repeat(VALUE_BYTES_MAX);
        let line = write(Some(Class::Authenticated), Some(&both), Some(&both)).unwrap();
        let written = HeaderMap::from_iter([(LARDER_IDENTITY, line)]);
        assert_eq!(read(&written), Some(identity(Class::Authenticated, Some(&both), Some(&both))));
    }

    #[test]
    fn only_the_given_parts_are_written() {
        let text = |class, user, segment| {
            write(class, user, segment).map(|line| line.to_str().unwrap().to_owned())
        };
        let cases = [
            (text(Some(Class::Anonymous), None, None), Some("class=anonymous")),
            (text(None, Some("42"), None), Some("user=\"42\"")),
            (text(None, None, Some("a b")), Some("segment=\"a b\"")),
            (
                text(Some(Class::Authenticated), Some("a\"\\"), Some("s")),
                Some(r#"class=authenticated, user="a\"\\", segment="s""#),
            ),
            (text(None, None, None), None),
            (text(None, Some(""), None), None),
            (text(Some(Class::Anonymous), Some("é"), None), None),
            (text(Some(Class::Anonymous), Some("a\n"), None), None),
            (text(Some(Class::Anonymous), None, Some("a\u{7f}")), None),
        ];
        for (actual, expected) in cases {
            assert_eq!(actual.as_deref(), expected);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            authenticated in any::<bool>(),
            user in prop::option::of("[ -~]{1,60}"),
            segment in prop::option::of("[ -~]{1,60}"),
        ) {
            let class = if authenticated { Class::Authenticated } else { Class::Anonymous };
            let line = write(Some(class), user.as_deref(), segment.as_deref()).unwrap();
            let written = HeaderMap::from_iter([(LARDER_IDENTITY, line)]);
            prop_assert_eq!(read(&written), Some(Identity { class, user, segment }));
        }

        #[test]
        fn parts_are_read_as_they_were_written(
            class in prop::option::of(prop::sample::select(vec![Class::Anonymous, Class::Authenticated])),
            user in prop::option::of("[ -~]{1,60}"),
            segment in prop::option::of("[ -~]{1,60}"),
        ) {
            let line = write(class, user.as_deref(), segment.as_deref());
            let written: HeaderMap = line.into_iter().map(|line| (LARDER_IDENTITY, line)).collect();
            let parts = Parts { class, user, segment };
            let expected = Some(parts).filter(|parts| *parts != Parts::default());
            prop_assert_eq!(read_parts(&written), expected);
        }

        #[test]
        fn no_bytes_panic_and_what_counts_can_be_written(line in prop::collection::vec(any::<u8>(), 0..80)) {
            for line in [line.clone(), [b"class=anonymous,".to_vec(), line].concat()] {
                let Ok(line) = HeaderValue::from_bytes(&line) else { continue };
                if let Some(read) = read(&HeaderMap::from_iter([(LARDER_IDENTITY, line)])) {
                    let (user, segment) = (read.user.as_deref(), read.segment.as_deref());
                    prop_assert!(write(Some(read.class), user, segment).is_some());
                }
            }
        }
    }
}
