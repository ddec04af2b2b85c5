//! Which pages are published, and which are not.

use super::*;
use crate::audience::UserKey;
use crate::identity::{Class, Identity};
use crate::published::HTML;
use crate::ruling::Keyed;
use crate::xhr::XhrClass;
use std::sync::Arc;

fn ruling() -> Ruling {
    Ruling {
        rule: None,
        way: Way::Share,
        xhr: XhrClass(0),
        identity: Keyed::default(),
        doubt: None,
    }
}

fn of_segment(segment: &str) -> Ruling {
    let identity =
        Identity { class: Class::Authenticated, user: None, segment: Some(segment.to_owned()) };
    let identity = Keyed { identity: Some(Arc::new(identity)), segment: true, ..Keyed::default() };
    Ruling { identity, ..ruling() }
}

fn fields(lines: &[(&str, &str)]) -> HeaderMap {
    let field = |(name, value): &(&str, &str)| {
        (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
    };
    lines.iter().map(field).collect()
}

fn publishing() -> Publishing {
    Publishing { body_bytes_max: 1000, ..Publishing::default() }
}

struct Page {
    ruling: Ruling,
    share: Share,
    scheme: Scheme,
    status: StatusCode,
    headers: HeaderMap,
    body_bytes: u64,
    has_holes: bool,
}

impl Page {
    fn with(lines: &[(&str, &str)]) -> Self {
        let mut headers = fields(lines);
        headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(HTML));
        Self {
            ruling: ruling(),
            share: Share::with(Audience::AllUsers),
            scheme: Scheme::Https,
            status: StatusCode::OK,
            headers,
            body_bytes: 1000,
            has_holes: false,
        }
    }

    fn of(audience: Audience, ruling: Ruling) -> Self {
        Self { ruling, share: Share::with(audience), ..Self::with(&[]) }
    }

    fn under(&self, publishing: &Publishing) -> Result<Publication, Reason> {
        let candidate = Candidate {
            ruling: &self.ruling,
            share: &self.share,
            content_type: HTML,
            scheme: self.scheme,
            host: "a.test",
            raw_target: "/a%20b?c",
            status: self.status,
            headers: &self.headers,
            body_bytes: self.body_bytes,
            has_holes: self.has_holes,
        };
        publishing.may_publish(&Policy::default(), &candidate)
    }

    fn outcome(&self) -> Result<(), Reason> {
        self.under(&publishing()).map(|_| ())
    }
}

#[test]
fn a_page_for_all_is_published_under_its_raw_target() {
    let expected = Publication {
        key: "larder:https://a.test/a%2520b?c".to_owned(),
        hashed: "larder:https://a.test/a%20b?c".to_owned(),
        page_version: String::new(),
    };
    assert_eq!(Page::with(&[]).under(&publishing()), Ok(expected));
}

#[test]
fn what_nginx_could_not_answer_alike_is_not_published() {
    let varies = |names| Page::with(&[("vary", names)]);
    let cases = [
        (
            "created",
            Page { status: StatusCode::CREATED, ..Page::with(&[]) },
            Err(Reason::PublishStatus),
        ),
        ("holes", Page { has_holes: true, ..Page::with(&[]) }, Err(Reason::PublishHoles)),
        (
            "a byte too much",
            Page { body_bytes: 1001, ..Page::with(&[]) },
            Err(Reason::PublishTooLarge),
        ),
        ("gzip", Page::with(&[("content-encoding", "gzip")]), Err(Reason::PublishEncoded)),
        ("by what was not sent", varies("Cookie, Accept-Encoding"), Ok(())),
        ("by a script's sign", varies("X-Requested-With"), Ok(())),
        ("by language", varies("Accept-Language"), Err(Reason::PublishVaries)),
        ("by anything", varies("*"), Err(Reason::PublishVaries)),
        ("feed", Page::with(&[("content-type", "application/atom+xml")]), Err(Reason::PublishType)),
        (
            "another charset",
            Page::with(&[("content-type", "text/html; charset=latin1")]),
            Err(Reason::PublishType),
        ),
        ("no charset", Page::with(&[("content-type", "text/html")]), Err(Reason::PublishType)),
        ("another spelling", Page::with(&[("content-type", "text/html;charset=UTF-8")]), Ok(())),
        ("a policy", Page::with(&[("content-security-policy", "x")]), Err(Reason::PublishFields)),
        ("a server", Page::with(&[("server", "x"), ("etag", "\"1\"")]), Ok(())),
    ];
    for (name, page, expected) in cases {
        assert_eq!(page.outcome(), expected, "{name}");
    }
}

#[test]
fn a_page_is_published_with_exactly_the_fields_that_nginx_sends() {
    let deny = || HeaderValue::from_static("DENY");
    let publishing = Publishing {
        fields: vec![(HeaderName::from_static("x-frame-options"), deny())],
        ..publishing()
    };
    let cases: [(&[(&str, &str)], _); 5] = [
        (&[("x-frame-options", "DENY")], Ok(())),
        (&[("x-frame-options", "SAMEORIGIN")], Err(Reason::PublishFields)),
        (&[("x-frame-options", "DENY"), ("x-frame-options", "DENY")], Err(Reason::PublishFields)),
        (&[], Err(Reason::PublishFields)),
        (
            &[("x-frame-options", "DENY"), ("referrer-policy", "no-referrer")],
            Err(Reason::PublishFields),
        ),
    ];
    for (lines, expected) in cases {
        let actual = Page::with(lines).under(&publishing).map(|_| ());
        assert_eq!(actual, expected, "{lines:?}");
    }
}

#[test]
fn hsts_is_compared_by_https_only() {
    let hsts = HeaderValue::from_static("max-age=60");
    let ours = Publishing { hsts: Some(hsts.clone()), ..publishing() };
    let listed = Publishing { fields: vec![(STRICT_TRANSPORT_SECURITY, hsts)], ..publishing() };
    let says: &[(&str, &str)] = &[("strict-transport-security", "max-age=60")];
    let other: &[(&str, &str)] = &[("strict-transport-security", "max-age=61")];
    let refused = Err(Reason::PublishFields);
    let cases = [
        (&ours, Scheme::Https, &[][..], Ok(())),
        (&ours, Scheme::Http, &[][..], Ok(())),
        (&ours, Scheme::Https, says, Ok(())),
        (&ours, Scheme::Https, other, refused),
        (&listed, Scheme::Https, says, Ok(())),
        (&listed, Scheme::Https, &[][..], refused),
        (&listed, Scheme::Http, &[][..], Ok(())),
    ];
    for (publishing, scheme, lines, expected) in cases {
        let page = Page { scheme, ..Page::with(lines) };
        assert_eq!(page.under(publishing).map(|_| ()), expected, "{scheme:?} {lines:?}");
    }
}

#[test]
fn only_pages_of_visitors_that_nginx_can_tell_are_published() {
    let no = Err(Reason::PublishAudience);
    let user = Keyed {
        class: true,
        identity: Some(Arc::new(Identity { class: Class::Authenticated, ..Identity::ANONYMOUS })),
        ..Keyed::default()
    };
    let nobody = Keyed { class: true, ..Keyed::default() };
    let custom = |parts: Vec<Part>| Audience::Custom { name: "own".into(), parts };
    let keeping = |names: &[&str]| Page {
        share: Share {
            keep_cookies: names.iter().map(|&n| n.to_owned()).collect(),
            ..Share::with(Audience::AllUsers)
        },
        ..Page::with(&[])
    };
    let both = Audience::AnonymousAndAuthenticated;
    let cases = [
        ("nobody's", Page::of(Audience::AnonymousOnly, ruling()), Ok(())),
        (
            "the anonymous one of two",
            Page::of(both.clone(), Ruling { identity: nobody, ..ruling() }),
            Ok(()),
        ),
        ("the other of two", Page::of(both, Ruling { identity: user, ..ruling() }), no),
        ("a user's", Page::of(Audience::PerUser(UserKey::User), ruling()), no),
        ("a session's", Page::of(Audience::PerUser(UserKey::Session), ruling()), no),
        ("by query", Page::of(custom(vec![Part::Query("a".into())]), ruling()), Ok(())),
        ("by cookie", Page::of(custom(vec![Part::Cookie("a".into())]), ruling()), no),
        ("by class and more", Page::of(custom(vec![Part::Class, Part::Segment]), ruling()), no),
        ("with a kept cookie", keeping(&["lang"]), no),
        ("a script's", Page::of(Audience::AllUsers, Ruling { xhr: XhrClass(1), ..ruling() }), no),
        ("not shared", Page::of(Audience::AllUsers, Ruling { way: Way::Open, ..ruling() }), no),
    ];
    for (name, page, expected) in cases {
        assert_eq!(page.outcome(), expected, "{name}");
    }
}

#[test]
fn a_page_version_is_published_only_where_its_cookie_is_trusted() {
    let audience = || Audience::Custom { name: "own".into(), parts: vec![Part::Segment] };
    let trusting = Publishing { trusts_page_versions: true, ..publishing() };
    let version = |publishing: &Publishing, ruling| {
        Page::of(audience(), ruling).under(publishing).map(|page| page.page_version)
    };
    assert_eq!(version(&publishing(), of_segment("gold")), Err(Reason::PublishVersion));
    assert_eq!(version(&trusting, of_segment("gold")).as_deref(), Ok("gold"));
    assert_eq!(version(&trusting, of_segment("a b")), Err(Reason::PublishVersion));
    assert_eq!(version(&publishing(), ruling()).as_deref(), Ok(""), "those without one");
    let share = Share::with(audience());
    assert_eq!(publishing().may_publish_for(&share), Err(Reason::PublishVersion));
    assert_eq!(trusting.may_publish_for(&share), Ok(()));
}
