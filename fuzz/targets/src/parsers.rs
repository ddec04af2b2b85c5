//! The parsers of single fields: none panics, and what each gives keeps its promises.

use http::{HeaderMap, HeaderValue, Method, Uri, Version};
use larder_policy::{KeyBuf, KeyPart, Scheme, hygiene, key};
use larder_semantics::field::age::Age;
use larder_semantics::field::cache_control::{
    Flags, ResponseDirectives, delta_seconds, listed_fields,
};
use larder_semantics::field::etag::EntityTag;
use larder_semantics::field::targeted::Governing;
use larder_semantics::field::{age, etag, list};
use larder_semantics::{
    RangeRequest, RequestDirectives, Selecting, Settings, Validators, Vary, also_invalidated,
    range, vary,
};

use crate::input;

/// Dates: what is read can be written and read again, up to the last second of four digits' years.
pub fn date(data: &[u8]) {
    use larder_semantics::field::date::{parse, write};
    const LAST: u64 = 253_402_300_799;
    if let Some(at) = parse(data) {
        let again = parse(write(at).as_bytes()).map(larder_semantics::Timestamp::as_secs);
        assert_eq!(again, Some(at.as_secs().min(LAST)));
    }
}

/// Lists and directives: members lie inside their line, and none is empty.
pub fn lists(data: &[u8]) {
    for directive in list::directives(data) {
        assert!(directive.name.len() <= data.len());
        if let list::Argument::Quoted(inside) | list::Argument::Token(inside) = directive.argument {
            assert!(inside.len() < data.len());
        }
    }
    assert!(list::tokens(data).all(|token| !token.is_empty()));
    assert!(list::end_of_quoted(data).is_none_or(|end| end < data.len()));
    assert!(etag::members(data).all(|member| !member.is_empty()));
}

/// `Cache-Control` of a response: nothing in it can hide a `no-store` on a line of its own.
pub fn cache_control(data: &[u8]) {
    let mut headers = input::field("cache-control", data);
    let read = ResponseDirectives::of(&headers);
    let longest = std::time::Duration::from_secs(larder_semantics::limits::DELTA_SECONDS_MAX);
    assert!(read.max_age.is_none_or(|age| age <= longest));
    assert!(delta_seconds(data).is_none_or(|delta| delta <= longest));
    assert!(listed_fields(&headers).all(|name| !name.is_empty()));
    for position in ["last", "first"] {
        let no_store = HeaderValue::from_static("no-store");
        if position == "last" {
            headers.append("cache-control", no_store);
        } else {
            let lines: Vec<HeaderValue> =
                headers.get_all("cache-control").iter().cloned().collect();
            headers.insert("cache-control", no_store);
            headers.extend(lines.into_iter().map(|line| (http::header::CACHE_CONTROL, line)));
        }
        assert!(ResponseDirectives::of(&headers).flags.has(Flags::NO_STORE), "{position}");
    }
}

/// `CDN-Cache-Control` and `Surrogate-Control`: without them `Cache-Control` governs.
pub fn targeted(data: &[u8]) {
    let settings = Settings::default();
    let mut headers = input::field("cdn-cache-control", data);
    headers.insert("cache-control", HeaderValue::from_static("no-store"));
    let governing = Governing::of(&headers, &settings);
    assert!(governing.is_targeted || governing.directives.flags.has(Flags::NO_STORE));
    let off = Settings { targeted: false, ..settings };
    assert!(Governing::of(&headers, &off).directives.flags.has(Flags::NO_STORE));
}

/// `Surrogate-Control`: as [`targeted`].
pub fn surrogate(data: &[u8]) {
    let mut headers = input::field("surrogate-control", data);
    headers.insert("cache-control", HeaderValue::from_static("no-store"));
    let governing = Governing::of(&headers, &Settings::default());
    assert!(governing.is_targeted || governing.directives.flags.has(Flags::NO_STORE));
}

/// `Age`: what is read can be written and read again.
pub fn age(data: &[u8]) {
    if let Age::Known(known) = age::of(&input::field("age", data)) {
        let written = HeaderMap::from_iter([(http::header::AGE, age::write(known))]);
        assert_eq!(age::of(&written), Age::Known(known));
    }
}

/// Entity tags: a tag matches itself, and strongly only if it is strong.
pub fn etag(data: &[u8]) {
    if let Some(tag) = EntityTag::of(&input::field("etag", data)) {
        assert!(tag.matches_weakly(tag.value().as_bytes()));
        assert_eq!(tag.matches_strongly(tag.value().as_bytes()), tag.is_strong());
    }
}

/// `Vary`: a request fits the variant that was chosen by it, and nothing fits `*`.
pub fn vary(data: &[u8]) {
    let (request, response) = input::exchange(data);
    let recipe = Vary::of(&response);
    let selecting = Selecting::of(&recipe, &request);
    let language = response.get("content-language");
    let fits = vary::matches(&recipe, &selecting, language, &request);
    assert_eq!(fits, recipe != Vary::Any, "{recipe:?}");
    // RFC 9111 §4.1: absent differs from present. In a language it is the response that decides.
    if let Vary::Fields(names) = &recipe {
        for name in names.iter().filter(|name| !request.contains_key(*name)) {
            let mut other = request.clone();
            other.insert(name.clone(), HeaderValue::from_static("x"));
            assert!(!vary::matches(&recipe, &selecting, None, &other), "{name}");
        }
    }
}

/// `Range`: what it resolves to lies inside.
pub fn range(data: &[u8]) {
    let (complete, data) = input::number(data);
    let headers = input::field("range", data);
    if let RangeRequest::Single(spec) = RangeRequest::of(&Method::GET, &headers)
        && let Some((first, last)) = spec.resolve(u64::from(complete))
    {
        assert!(first <= last && last < u64::from(complete));
    }
    let _holds = range::if_range_holds(&input::field("if-range", data), &Validators::of(&headers));
}

/// `Content-Range`: what is read is a range, and can be written and read again.
pub fn content_range(data: &[u8]) {
    let Some(read) = range::content_range(&input::field("content-range", data)) else { return };
    assert!(read.first <= read.last && read.byte_count() > 0);
    if let Some(complete) = read.complete {
        assert!(read.last < complete);
        let value = range::write_content_range(read.first, read.last, complete);
        let written = HeaderMap::from_iter([(http::header::CONTENT_RANGE, value)]);
        assert_eq!(range::content_range(&written), Some(read));
    }
}

/// `Accept-Language` and `Accept-Encoding`: normalising is safe in both directions.
pub fn accept_language(data: &[u8]) {
    for (vary, name) in
        [("accept-language", "accept-language"), ("accept-encoding", "accept-encoding")]
    {
        let recipe =
            Vary::of(&HeaderMap::from_iter([(http::header::VARY, HeaderValue::from_static(vary))]));
        let request = input::field(name, data);
        let selecting = Selecting::of(&recipe, &request);
        assert!(vary::matches(&recipe, &selecting, None, &request));
        let absent = vary::matches(&recipe, &selecting, None, &HeaderMap::new());
        assert_eq!(absent, request.is_empty(), "{name}");
    }
}

/// `Cache-Control` of a request: not honoured it says nothing.
pub fn request_directives(data: &[u8]) {
    let headers = input::field("cache-control", data);
    let ignored = RequestDirectives::of(&headers, &Settings::default());
    assert_eq!(ignored, RequestDirectives::default());
    let honoured = Settings { honour_request_directives: true, ..Settings::default() };
    let _directives = RequestDirectives::of(&headers, &honoured);
}

/// `Host`: its canonical form is its own canonical form.
pub fn host(data: &[u8]) {
    for scheme in [Scheme::Http, Scheme::Https] {
        let Ok(host) = larder_policy::host::canonical(data, scheme) else { continue };
        let text = host.as_str();
        assert!(
            !text.is_empty() && text.is_ascii() && !text.contains(['/', '@', '?', '#', ' ', ','])
        );
        assert!(!text.bytes().any(|b| b.is_ascii_uppercase() || b.is_ascii_control()));
        assert_eq!(larder_policy::host::canonical(text.as_bytes(), scheme).as_ref(), Ok(&host));
    }
}

/// Keys: equal keys mean equal requests, and what was put in can be read.
pub fn page_key(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut pieces = text.split('\n').map(str::to_owned);
    let mut take = || pieces.next().unwrap_or_default();
    let (one, other) = ([take(), take(), take()], [take(), take(), take()]);
    let write = |[host, target, part]: &[String; 3], buffer: &mut KeyBuf| {
        let value = (!part.is_empty()).then_some(part.as_bytes());
        buffer.write(Scheme::Http, host, target, &[KeyPart { name: "part", value }]);
    };
    let (mut left, mut right) = (KeyBuf::new(), KeyBuf::new());
    write(&one, &mut left);
    write(&other, &mut right);
    assert_eq!(left.as_bytes() == right.as_bytes(), one == other, "{one:?} {other:?}");
    let read = key::read(left.as_bytes());
    assert_eq!(read, Some((Scheme::Http, one[0].as_bytes(), one[1].as_bytes())));
    // Bytes that nobody wrote are no reason to panic.
    let _nonsense = key::read(data);
}

/// Frame checks and cleaning: nothing that a connection or a client owns reaches the application.
pub fn hygiene(data: &[u8]) {
    let (line, rest) = data.split_at(data.iter().position(|&b| b == b'\n').unwrap_or(data.len()));
    let mut headers = input::fields(rest);
    let uri = std::str::from_utf8(line).ok().and_then(|line| line.parse::<Uri>().ok());
    let uri = uri.unwrap_or_else(|| Uri::from_static("/"));
    let host = hygiene::check(&Method::GET, &uri, Version::HTTP_11, &headers, Scheme::Http)
        .map(larder_policy::CanonicalHost::into_owned);
    if host.is_ok() {
        assert_eq!(headers.get_all("host").iter().count(), 1, "one Host");
        let framings =
            ["transfer-encoding", "content-length"].map(|name| headers.contains_key(name));
        assert_ne!(framings, [true, true], "one framing");
    }
    let address = std::net::IpAddr::from([192, 0, 2, 1]);
    let _cleaned =
        hygiene::clean(&mut headers, &hygiene::FieldRules::default(), hygiene::Route::Stored);
    let host = host.ok().map(|host| host.as_str().to_owned()).unwrap_or_default();
    larder_policy::forwarded::write(&mut headers, address, Scheme::Http, &host);
    larder_policy::forwarded::via(&mut headers, Version::HTTP_11);
    assert!(headers.keys().all(|name| !name.as_str().contains('_')), "underscores");
    assert!(!hygiene::has_override(&headers), "overrides");
    for name in
        ["connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"]
    {
        assert!(!headers.contains_key(name), "{name}");
    }
    assert_eq!(headers.get_all("x-forwarded-for").iter().count(), 1);
    let address = HeaderValue::from_static("192.0.2.1");
    assert_eq!(headers.get("x-forwarded-for"), Some(&address), "ours, not the client's");
}

/// Invalidation: only URIs of the same origin.
pub fn invalidation(data: &[u8]) {
    let target = Uri::from_static("http://site.test/a/b?c");
    let response = input::fields(data);
    for uri in also_invalidated(&target, &response) {
        assert_eq!(uri.scheme_str(), Some("http"), "{uri}");
        let host = uri.authority().map(|authority| authority.host().to_ascii_lowercase());
        assert_eq!(host.as_deref(), Some("site.test"), "{uri}");
    }
}
