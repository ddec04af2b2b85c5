//! Whether what a client or the cache holds is still good: preconditions answered from the cache, our own
//! conditional requests, and what a 304 or the answer to a HEAD does to a stored response.
//! [RFC 9111 §4.3], §3.2; RFC 9110 §8.8, §13.
//!
//! [RFC 9111 §4.3]: https://www.rfc-editor.org/rfc/rfc9111#section-4.3

use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{
        ACCEPT_RANGES, AGE, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE,
        CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, DATE, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH,
        IF_RANGE, LAST_MODIFIED, RANGE, SET_COOKIE,
    },
};

use crate::field::date;
use crate::field::etag::{self, EntityTag};
use crate::field::names::{CONTENT_DIGEST, CONTENT_MD5, DIGEST, REPR_DIGEST};
use crate::{Timestamp, limits, storing};

/// What identifies the state that a response shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    /// `ETag`.
    pub etag: Option<EntityTag>,
    /// `Last-Modified` as it was sent, if it is a date.
    pub last_modified: Option<HeaderValue>,
    /// `Last-Modified` read.
    pub last_modified_at: Option<Timestamp>,
    /// `Date` read.
    pub date: Option<Timestamp>,
}

impl Validators {
    /// Reads them from a response.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let read = |name: &HeaderName| headers.get(name).and_then(|v| date::parse(v.as_bytes()));
        let last_modified_at = read(&LAST_MODIFIED);
        Self {
            etag: EntityTag::of(headers),
            last_modified: last_modified_at.and_then(|_| headers.get(LAST_MODIFIED).cloned()),
            last_modified_at,
            date: read(&DATE),
        }
    }

    /// Whether there is nothing to validate with.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.etag.is_none() && self.last_modified.is_none()
    }

    /// Whether they identify bytes: RFC 9110 §8.8.1. A weak entity tag says that it does not, whatever the
    /// date.
    #[must_use]
    pub fn is_strong(&self) -> bool {
        match &self.etag {
            Some(tag) => tag.is_strong(),
            None => self.strong_last_modified().is_some(),
        }
    }

    /// Whether both identify the same bytes, so that parts of them may be combined: RFC 9110 §15.3.7.3.
    #[must_use]
    pub fn same_strong(&self, other: &Self) -> bool {
        match (&self.etag, &other.etag) {
            (Some(one), Some(other)) => one.matches_strongly(other.value().as_bytes()),
            (None, None) => {
                let one = self.strong_last_modified();
                one.is_some() && one == other.strong_last_modified()
            }
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    /// RFC 9110 §8.8.2.2: a date far enough before the response cannot hide a second change.
    pub(crate) fn strong_last_modified(&self) -> Option<Timestamp> {
        let (modified, date) = self.last_modified_at.zip(self.date)?;
        let apart = date.as_secs().checked_sub(modified.as_secs())?;
        (apart >= limits::STRONG_LAST_MODIFIED_SECS).then_some(modified)
    }
}

/// What a request's preconditions come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// There is none.
    None,
    /// The client has it: 304.
    NotModified,
    /// The client does not: the response itself.
    Modified,
}

/// Answers `If-None-Match` and `If-Modified-Since` from a stored response: RFC 9111 §4.3.2. Only for
/// stored successes: RFC 9110 §13.2.1 wants preconditions of other statuses ignored.
#[must_use]
pub fn evaluate(request: &HeaderMap, stored: &Validators) -> Precondition {
    let mut tags = request.get_all(IF_NONE_MATCH).iter().peekable();
    if tags.peek().is_some() {
        // RFC 9110 §13.1.2: weak comparison; and If-Modified-Since is ignored beside it (§13.1.3).
        let matched = tags.flat_map(|line| etag::members(line.as_bytes())).any(|member| {
            member == b"*" || stored.etag.as_ref().is_some_and(|tag| tag.matches_weakly(member))
        });
        return if matched { Precondition::NotModified } else { Precondition::Modified };
    }
    let mut dates = request.get_all(IF_MODIFIED_SINCE).iter();
    let (Some(since), None) = (dates.next(), dates.next()) else {
        return Precondition::None;
    };
    // RFC 9110 §13.1.3: not a date is not a condition.
    let Some(since) = date::parse(since.as_bytes()) else {
        return Precondition::None;
    };
    // RFC 9111 §4.3.2: without Last-Modified, Date stands in for it.
    match stored.last_modified_at.or(stored.date) {
        Some(modified) if modified <= since => Precondition::NotModified,
        Some(_) | None => Precondition::Modified,
    }
}

/// Makes `request` ask whether what is stored is still good: RFC 9111 §4.3.1. The client's own conditions
/// go; ours are the tags of all variants, or the tag and the date of the only one.
pub fn make_conditional(request: &mut HeaderMap, stored: &[&Validators]) {
    strip_conditions(request);
    let mut tags: Vec<&EntityTag> = Vec::new();
    for tag in stored.iter().filter_map(|validators| validators.etag.as_ref()) {
        if !tags.contains(&tag) && tags.len() < limits::VALIDATED_VARIANTS_MAX {
            tags.push(tag);
        }
    }
    let values: Vec<&[u8]> = tags.iter().map(|tag| tag.value().as_bytes()).collect();
    if let [tag] = tags.as_slice() {
        request.insert(IF_NONE_MATCH, tag.value().clone());
    } else if !tags.is_empty()
        && let Ok(list) = HeaderValue::from_bytes(&values.join(&b", "[..]))
    {
        request.insert(IF_NONE_MATCH, list);
    }
    if let [Validators { last_modified: Some(modified), .. }] = stored {
        request.insert(IF_MODIFIED_SINCE, modified.clone());
    }
}

/// Takes the client's conditions and ranges off a request whose answer is to fill the cache.
pub fn strip_conditions(request: &mut HeaderMap) {
    for name in [&IF_NONE_MATCH, &IF_MODIFIED_SINCE, &IF_RANGE, &RANGE] {
        request.remove(name);
    }
}

/// Whether a 304 speaks of this stored response: RFC 9111 §4.3.4. `only_one` says that the conditional
/// request carried the validators of just one stored response, this one.
///
/// Deviates from RFC 9111 §4.3.4, which lets a 304 with another strong tag update nothing: asked about
/// one state, a server that answers "not modified" can mean no other. Those that give out different tags
/// for the two answers are common (compression filters that rewrite tags). The stored tag is kept.
#[must_use]
pub fn selects(not_modified: &HeaderMap, stored: &Validators, only_one: bool) -> bool {
    if only_one {
        return true;
    }
    let received = Validators::of(not_modified);
    if let Some(tag) = &received.etag {
        let tag_of = stored.etag.as_ref();
        return tag_of.is_some_and(|stored| {
            if tag.is_strong() {
                stored.matches_strongly(tag.value().as_bytes())
            } else {
                stored.matches_weakly(tag.value().as_bytes())
            }
        });
    }
    // Without a tag the date decides; without both nothing says which of several is meant.
    received.last_modified_at.is_some() && received.last_modified_at == stored.last_modified_at
}

/// Puts the fields of a 304, or of the answer to a HEAD, into a stored response: RFC 9111 §3.2.
///
/// Replaced as a whole are all fields but: those of the connection; those that describe the stored body
/// (`Content-Length`, `-Encoding`, `-Range`, `-MD5`, `-Digest`); `ETag` when one is stored; `Set-Cookie`,
/// which is for the one client that is asking. A stored `Age` and `Date` go even if nothing replaces them: they
/// belong to the older message. Put a `Date` into `from` if it has none (RFC 9110 §6.6.1).
///
/// What was worked out from the fields (freshness, validators, Vary recipe, whether it may be stored at
/// all) has to be worked out again afterwards.
pub fn update(stored: &mut HeaderMap, from: &HeaderMap) {
    stored.remove(AGE);
    stored.remove(DATE);
    let keep_tag = stored.contains_key(ETAG);
    for name in from.keys() {
        let is_listed = storing::connection_options(from)
            .any(|option| option.eq_ignore_ascii_case(name.as_str().as_bytes()));
        if is_listed || !is_updated(name) || (keep_tag && *name == ETAG) {
            continue;
        }
        stored.remove(name);
        for value in from.get_all(name) {
            stored.append(name.clone(), value.clone());
        }
    }
}

fn is_updated(name: &HeaderName) -> bool {
    let describes_body = [CONTENT_LENGTH, CONTENT_ENCODING, CONTENT_RANGE].contains(name)
        || [&CONTENT_MD5, &CONTENT_DIGEST, &REPR_DIGEST, &DIGEST].contains(&name);
    !describes_body && *name != SET_COOKIE && !storing::is_hop_by_hop(name)
}

/// What the answer to a HEAD does to the stored response to GET.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadEffect {
    /// Nothing.
    None,
    /// [`update`] it.
    Update,
    /// Make it stale ([`crate::Freshness::expire`]).
    Expire,
}

/// RFC 9111 §4.3.5: a 200 with the same validators and length freshens what is stored, another 200 makes
/// it stale; other statuses say nothing about it. `stored_len` is the length of the complete stored body.
#[must_use]
pub fn head_effect(
    stored: &HeaderMap,
    stored_len: Option<u64>,
    status: StatusCode,
    head: &HeaderMap,
) -> HeadEffect {
    if status != StatusCode::OK {
        return HeadEffect::None;
    }
    let same = |name: &HeaderName| {
        head.get(name).is_none_or(|received| stored.get(name) == Some(received))
    };
    let same_length = head.get(CONTENT_LENGTH).is_none_or(|received| {
        let received = received.to_str().ok().and_then(|text| text.parse::<u64>().ok());
        received.is_some() && received == stored_len
    });
    if same(&ETAG) && same(&LAST_MODIFIED) && same_length {
        HeadEffect::Update
    } else {
        HeadEffect::Expire
    }
}

/// Whether a 304 of ours carries this field of the stored response. RFC 9110 §15.4.5: what a client needs
/// to update what it has, without the metadata of a body that is not sent.
#[must_use]
pub fn is_in_not_modified(name: &HeaderName) -> bool {
    let describes_body = [
        ACCEPT_RANGES,
        CONTENT_DISPOSITION,
        CONTENT_ENCODING,
        CONTENT_LANGUAGE,
        CONTENT_LENGTH,
        CONTENT_RANGE,
        CONTENT_TYPE,
    ]
    .contains(name)
        || [&CONTENT_MD5, &CONTENT_DIGEST, &REPR_DIGEST, &DIGEST].contains(&name);
    !describes_body
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{Fields, headers};

    const NOON: &str = "Sun, 06 Nov 1994 12:00:00 GMT";
    const BEFORE: &str = "Sun, 06 Nov 1994 11:59:59 GMT";
    const AFTER: &str = "Sun, 06 Nov 1994 12:00:01 GMT";

    fn validators(fields: Fields<'_>) -> Validators {
        Validators::of(&headers(fields))
    }

    #[test]
    fn if_none_match_decides_first_and_weakly() {
        use Precondition::{Modified, NotModified};
        let tag = r#""abcdef""#;
        let cases: [(&str, &[&str], Precondition); 20] = [
            (tag, &[r#""abcdef""#], NotModified),
            (tag, &[r#"W/"abcdef""#], NotModified),
            (r#"W/"abcdef""#, &[r#"W/"abcdef""#], NotModified),
            (r#"W/"abcdef""#, &[r#""abcdef""#], NotModified),
            (tag, &[r#""abcdef", "1234", "5678""#], NotModified),
            (tag, &[r#""1234", "abcdef", "5678""#], NotModified),
            (tag, &[r#""1234", "5678", "abcdef""#], NotModified),
            (tag, &[r#""1234""#, r#""abcdef""#], NotModified),
            (tag, &[r#""1234", "5678""#], Modified),
            (tag, &["*"], NotModified),
            (tag, &[""], Modified),
            (tag, &[r#""abcdeF""#], Modified),
            (tag, &["abcdef"], NotModified),
            ("abcdef", &["abcdef"], NotModified),
            ("abcdef", &[r#""abcdef""#], NotModified),
            (r#"w/"abcdef""#, &[r#"w/"abcdef""#], NotModified),
            (r#"W\"abcdef""#, &[r#"W\"abcdef""#], NotModified),
            (r#"W"abcdef""#, &[r#"W"abcdef""#], NotModified),
            (r#""a,b""#, &[r#""a,b""#], NotModified),
            (r#""b""#, &[r#""a,b""#], Modified),
        ];
        for (etag, conditions, expected) in cases {
            let stored = validators(&[("etag", etag), ("last-modified", NOON)]);
            // A date that says the opposite is ignored.
            let since = if expected == NotModified { BEFORE } else { AFTER };
            let mut request = headers(&[("if-modified-since", since)]);
            for condition in conditions {
                request.append(IF_NONE_MATCH, HeaderValue::from_str(condition).unwrap());
            }
            assert_eq!(evaluate(&request, &stored), expected, "{etag} {conditions:?}");
        }
        let none = Validators::default();
        assert_eq!(evaluate(&headers(&[("if-none-match", "*")]), &none), NotModified);
        assert_eq!(evaluate(&headers(&[("if-none-match", tag)]), &none), Modified);
    }

    #[test]
    fn if_modified_since_is_compared_with_last_modified_else_with_date() {
        use Precondition::{Modified, None, NotModified};
        let cases: [(Fields<'_>, &[&str], Precondition); 11] = [
            (&[("last-modified", NOON)], &[NOON], NotModified),
            (&[("last-modified", NOON)], &[AFTER], NotModified),
            (&[("last-modified", NOON)], &[BEFORE], Modified),
            (&[("last-modified", NOON)], &["Sunday, 06-Nov-94 12:00:00 GMT"], NotModified),
            (&[("last-modified", BEFORE), ("date", AFTER)], &[NOON], NotModified),
            (&[("date", NOON)], &[NOON], NotModified),
            (&[("date", NOON)], &[BEFORE], Modified),
            (&[("last-modified", "x"), ("date", NOON)], &[BEFORE], Modified),
            (&[], &[NOON], Modified),
            (&[("last-modified", NOON)], &["yesterday"], None),
            (&[("last-modified", NOON)], &[NOON, NOON], None),
        ];
        for (stored, since, expected) in cases {
            let mut request = HeaderMap::new();
            for since in since {
                request.append(IF_MODIFIED_SINCE, HeaderValue::from_str(since).unwrap());
            }
            assert_eq!(evaluate(&request, &validators(stored)), expected, "{stored:?} {since:?}");
        }
        assert_eq!(evaluate(&HeaderMap::new(), &validators(&[("last-modified", NOON)])), None);
    }

    #[test]
    fn strong_validators_identify_bytes() {
        let minute_before = "Sun, 06 Nov 1994 11:59:00 GMT";
        let (strong, weak) = (("etag", r#""a""#), ("etag", r#"W/"a""#));
        let cases: [(Fields<'_>, bool); 8] = [
            (&[strong], true),
            (&[weak], false),
            (&[("etag", "a")], false),
            (&[weak, ("last-modified", minute_before), ("date", NOON)], false),
            (&[("last-modified", minute_before), ("date", NOON)], true),
            (&[("last-modified", minute_before), ("date", BEFORE)], false),
            (&[("last-modified", minute_before)], false),
            (&[], false),
        ];
        for (fields, expected) in cases {
            assert_eq!(validators(fields).is_strong(), expected, "{fields:?}");
            let same = validators(fields).same_strong(&validators(fields));
            assert_eq!(same, expected, "{fields:?}");
        }
        let dated = validators(&[("last-modified", minute_before), ("date", NOON)]);
        let later = validators(&[("last-modified", minute_before), ("date", AFTER)]);
        let other =
            validators(&[("last-modified", "Sun, 06 Nov 1994 11:58:59 GMT"), ("date", NOON)]);
        assert!(dated.same_strong(&later));
        assert!(!dated.same_strong(&other));
        assert!(!validators(&[strong]).same_strong(&validators(&[("etag", r#""b""#)])));
        assert!(!validators(&[strong]).same_strong(&dated));
        assert!(validators(&[("etag", r#""a""#), ("etag", r#""b""#)]).etag.is_none());
    }

    #[test]
    fn our_conditions_replace_the_clients() {
        let client = [
            ("if-none-match", r#""client""#),
            ("if-modified-since", AFTER),
            ("range", "bytes=0-1"),
            ("if-range", NOON),
            ("foo", "1"),
        ];
        let (a, b) = (
            validators(&[("etag", r#""a""#), ("last-modified", NOON)]),
            validators(&[("etag", r#"W/"b""#)]),
        );
        let (raw, dated, none) = (
            validators(&[("etag", "raw")]),
            validators(&[("last-modified", NOON)]),
            Validators::default(),
        );
        let cases: [(&[&Validators], Option<&str>, Option<&str>); 7] = [
            (&[&a], Some(r#""a""#), Some(NOON)),
            (&[&a, &b], Some(r#""a", W/"b""#), None),
            (&[&a, &a], Some(r#""a""#), None),
            (&[&raw], Some("raw"), None),
            (&[&dated], None, Some(NOON)),
            (&[&dated, &dated], None, None),
            (&[&none], None, None),
        ];
        for (stored, tags, since) in cases {
            let mut request = headers(&client);
            make_conditional(&mut request, stored);
            let mut expected = headers(&[("foo", "1")]);
            if let Some(tags) = tags {
                expected.insert(IF_NONE_MATCH, HeaderValue::from_str(tags).unwrap());
            }
            if let Some(since) = since {
                expected.insert(IF_MODIFIED_SINCE, HeaderValue::from_str(since).unwrap());
            }
            assert_eq!(request, expected, "{stored:?}");
        }
    }

    #[test]
    fn a_304_speaks_of_the_stored_response_with_its_validator() {
        let stored = validators(&[("etag", r#""a""#), ("last-modified", NOON)]);
        let cases: [(Fields<'_>, bool); 7] = [
            (&[("etag", r#""a""#)], true),
            (&[("etag", r#"W/"a""#)], true),
            (&[("etag", r#""b""#)], false),
            (&[("etag", r#""b""#), ("last-modified", NOON)], false),
            (&[("last-modified", NOON)], true),
            (&[("last-modified", AFTER)], false),
            (&[], false),
        ];
        for (not_modified, expected) in cases {
            let not_modified = headers(not_modified);
            assert_eq!(selects(&not_modified, &stored, false), expected, "{not_modified:?}");
            assert!(selects(&not_modified, &stored, true), "{not_modified:?}");
        }
        let weak = validators(&[("etag", r#"W/"a""#)]);
        assert!(!selects(&headers(&[("etag", r#""a""#)]), &weak, false));
        assert!(!selects(&headers(&[]), &Validators::default(), false));
    }

    #[test]
    fn an_update_replaces_fields_as_a_whole_and_leaves_the_body_described() {
        let mut stored = headers(&[
            ("age", "100"),
            ("date", BEFORE),
            ("a", "old 1"),
            ("a", "old 2"),
            ("kept", "old"),
            ("content-type", "old"),
            ("content-foo", "old"),
            ("content-length", "5"),
            ("content-encoding", "old"),
            ("content-range", "old"),
            ("content-md5", "old"),
            ("etag", r#""old""#),
            ("b", "old"),
        ]);
        let from = headers(&[
            ("connection", "b, close"),
            ("transfer-encoding", "chunked"),
            ("date", NOON),
            ("a", "new 1"),
            ("a", "new 2"),
            ("added", "new"),
            ("content-type", "new"),
            ("content-foo", "new"),
            ("content-length", "10"),
            ("content-encoding", "new"),
            ("content-range", "new"),
            ("content-md5", "new"),
            ("etag", r#""new""#),
            ("set-cookie", "a=b"),
            ("b", "new"),
        ]);
        update(&mut stored, &from);
        let expected = headers(&[
            ("date", NOON),
            ("a", "new 1"),
            ("a", "new 2"),
            ("added", "new"),
            ("kept", "old"),
            ("content-type", "new"),
            ("content-foo", "new"),
            ("content-length", "5"),
            ("content-encoding", "old"),
            ("content-range", "old"),
            ("content-md5", "old"),
            ("etag", r#""old""#),
            ("b", "old"),
        ]);
        assert_eq!(stored, expected);
    }

    #[test]
    fn an_update_brings_a_tag_where_there_was_none() {
        let mut stored = headers(&[("last-modified", NOON)]);
        update(&mut stored, &headers(&[("etag", r#""new""#)]));
        assert!(stored.contains_key(ETAG));
    }

    #[test]
    fn a_head_freshens_what_it_agrees_with() {
        use HeadEffect::{Expire, None, Update};
        let stored = headers(&[("etag", r#""a""#), ("last-modified", NOON)]);
        let cases: [(u16, Option<u64>, Fields<'_>, HeadEffect); 13] = [
            (200, Some(5), &[], Update),
            (
                200,
                Some(5),
                &[("etag", r#""a""#), ("last-modified", NOON), ("content-length", "5")],
                Update,
            ),
            (200, Some(5), &[("etag", r#""b""#)], Expire),
            (200, Some(5), &[("etag", r#"W/"a""#)], Expire),
            (200, Some(5), &[("last-modified", AFTER)], Expire),
            (200, Some(5), &[("content-length", "6")], Expire),
            (200, Some(5), &[("content-length", "x")], Expire),
            (200, Option::None, &[("content-length", "5")], Expire),
            (200, Option::None, &[], Update),
            (410, Some(5), &[("content-length", "6")], None),
            (404, Some(5), &[], None),
            (206, Some(5), &[("etag", r#""b""#)], None),
            (304, Some(5), &[("etag", r#""b""#)], None),
        ];
        for (status, length, head, expected) in cases {
            let status = StatusCode::from_u16(status).unwrap();
            let actual = head_effect(&stored, length, status, &headers(head));
            assert_eq!(actual, expected, "{status} {length:?} {head:?}");
        }
    }

    #[test]
    fn our_304_guides_an_update_without_describing_a_body() {
        for name in [
            "cache-control",
            "content-location",
            "date",
            "etag",
            "expires",
            "vary",
            "last-modified",
            "x-foo",
            "content-security-policy",
        ] {
            assert!(is_in_not_modified(&HeaderName::from_static(name)), "{name}");
        }
        for name in
            ["content-length", "content-type", "content-encoding", "content-range", "content-md5"]
        {
            assert!(!is_in_not_modified(&HeaderName::from_static(name)), "{name}");
        }
    }

    proptest! {
        #[test]
        fn evaluating_is_total(
            tag in proptest::collection::vec(any::<u8>(), 0..16), condition in proptest::collection::vec(any::<u8>(), 0..32),
        ) {
            let (Ok(tag), Ok(condition)) = (HeaderValue::from_bytes(&tag), HeaderValue::from_bytes(&condition)) else {
                return Ok(());
            };
            let stored = Validators::of(&HeaderMap::from_iter([(ETAG, tag)]));
            let _answer = evaluate(&HeaderMap::from_iter([(IF_NONE_MATCH, condition.clone())]), &stored);
            let _answer = evaluate(&HeaderMap::from_iter([(IF_MODIFIED_SINCE, condition)]), &stored);
            let mut request = HeaderMap::new();
            make_conditional(&mut request, &[&stored]);
        }

        #[test]
        fn a_client_is_told_that_it_has_what_it_was_sent(tag in "(W/)?\"[!#-~]{0,12}\"", other in "\"[!#-~]{0,12}\"") {
            let stored = validators(&[("etag", &tag)]);
            let request = headers(&[("if-none-match", &format!("{other}, {tag}"))]);
            prop_assert_eq!(evaluate(&request, &stored), Precondition::NotModified);
        }
    }
}
