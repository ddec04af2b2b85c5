//! What tells visitors apart: cookies, `Larder-Identity` and the signed marker.

use http::HeaderMap;
use http::header::{COOKIE, SET_COOKIE};
use larder_policy::identity::{IdentityRules, Key, Keys, Session, field};
use larder_policy::proxy_protocol::{HEADER_BYTES_MAX, Header, read};
use larder_policy::query::Query;
use larder_policy::trusted::Trust;
use larder_policy::{Identity, Scheme, cookies, set_cookie};
use larder_semantics::Timestamp;
use std::net::{IpAddr, Ipv4Addr};

use crate::input;

/// Cookies: what is kept is what was there, nobody hides a session, and each line of a response sets something.
pub fn cookies(data: &[u8]) {
    let request = input::field("cookie", data);
    let rules = IdentityRules::default();
    let listed = |name: &[u8]| !name.is_empty() && rules.session_cookies.contains(name);
    let written = cookies::only(&request, listed).map(|line| (COOKIE, line));
    let kept = HeaderMap::from_iter(written);
    let expected = cookies::iter(&request).filter(|(name, _)| listed(name));
    assert!(cookies::iter(&kept).eq(expected));
    let has_session = cookies::iter(&kept).any(|(_, value)| !value.is_empty());
    assert!(!has_session || Session::of(&request, &rules) != Session::None);
    let response = input::field("set-cookie", data);
    assert_eq!(set_cookie::kept_name(&response, &[]).is_some(), response.contains_key(SET_COOKIE));
}

/// Identities: what is read can be written and signed and read again, and no bytes are a marker by chance.
pub fn identity(data: &[u8]) {
    let keys = Key::new("k1", &[7; 32]).and_then(|key| Keys::new(vec![key]));
    let keys = keys.expect("a good key");
    let (now, expires) = (Timestamp::from_secs(1), Timestamp::from_secs(2));
    let session: (&[u8], &[u8]) = (b"sessionid", b"abcdefgh");
    assert!(keys.verify(data, session, now).is_err(), "forged");
    let Some(read) = field::read(&input::field("larder-identity", data)) else { return };
    let Identity { class, user, segment } = &read;
    let line = field::write(Some(*class), user.as_deref(), segment.as_deref());
    let line = line.expect("what was read can be written");
    assert_eq!(
        field::read(&HeaderMap::from_iter([(field::LARDER_IDENTITY, line)])),
        Some(read.clone())
    );
    let marker = keys.sign(&read, ("sessionid", session.1), expires).expect("can be signed");
    assert_eq!(keys.verify(marker.as_bytes(), session, now), Ok((read, expires)));
    assert!(keys.verify(marker.as_bytes(), (b"sessionid", b"another"), now).is_err());
}

/// Who asks and by which scheme: nobody who is not trusted says so, and what nobody understands is not secure.
pub fn forwarded(data: &[u8]) {
    let peer = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    let names = ["forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-ssl"];
    let nobody = Trust::default();
    let somebody = Trust::new(&[peer.into()], None);
    for name in names {
        let request = input::field(name, data);
        for connection in [Scheme::Http, Scheme::Https] {
            let plain = nobody.decide(peer, connection, &request).arrival;
            assert_eq!((plain.scheme, plain.client), (connection, peer));
            let decided = somebody.decide(peer, connection, &request);
            assert!(decided.unclear_scheme.is_none() || decided.arrival.scheme == Scheme::Http);
        }
    }
}

/// PROXY protocol: a header is one whatever follows it, is none before its last byte, and ends in time.
pub fn proxy_protocol(data: &[u8]) {
    match read(data) {
        Header::Whole(announced, length) => {
            assert!(length <= data.len() && length <= HEADER_BYTES_MAX);
            let (header, _) = data.split_at(length);
            assert_eq!(read(header), Header::Whole(announced, length));
            for shorter in 0..length {
                assert_eq!(read(header.get(..shorter).unwrap_or_default()), Header::Partial);
            }
            let by_text = data.starts_with(b"PROXY");
            assert!(!by_text || announced.scheme.is_none(), "only version 2 says it");
        }
        Header::Partial => assert!(data.len() < HEADER_BYTES_MAX),
        Header::Malformed => {
            let longer = [data, b"\r\n"].concat();
            assert_eq!(read(&longer), Header::Malformed, "no more bytes make it one");
        }
    }
}

/// What counts of a query: taken out once it is out, and what is left alone is left as it was.
pub fn query(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let target = format!("/{text}");
    let names = || vec!["utm_*".to_owned(), "a".to_owned()];
    let ignoring = Query { ignore: names(), ..Query::default() };
    let keeping = Query { keep: Some(names()), sort: true, ..Query::default() };
    assert_eq!(Query::default().normal(&target), target);
    for query in [ignoring, keeping] {
        let once = query.normal(&target);
        assert_eq!(query.normal(&once), once);
        assert!(once.len() <= target.len());
        let path = |target: &str| target.split('?').next().map(str::to_owned);
        assert_eq!(path(&once), path(&target));
    }
}
