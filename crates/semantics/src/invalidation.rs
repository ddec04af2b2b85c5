//! What a change made through us makes doubtful: [RFC 9111 §4.4].
//!
//! [RFC 9111 §4.4]: https://www.rfc-editor.org/rfc/rfc9111#section-4.4

use http::{
    HeaderMap, Method, StatusCode, Uri,
    header::{CONTENT_LOCATION, LOCATION},
    uri::{Authority, PathAndQuery, Scheme},
};

use crate::limits;
use crate::request::is_safe;

/// Whether the target's stored responses have to go: after a 2xx or 3xx to any method that is not known to
/// be safe.
#[must_use]
pub fn invalidates(method: &Method, status: StatusCode) -> bool {
    !is_safe(method) && (status.is_success() || status.is_redirection())
}

/// The further URIs that such a response makes doubtful: its `Location` and `Content-Location`, absolute,
/// if they are of the target's origin (RFC 9111 §4.4: of another they must not be). `target` is absolute.
#[must_use]
pub fn also_invalidated(target: &Uri, response: &HeaderMap) -> Vec<Uri> {
    let locations = response.get_all(LOCATION).iter().chain(response.get_all(CONTENT_LOCATION));
    let mut found: Vec<Uri> = Vec::new();
    for location in locations.take(limits::ALSO_INVALIDATED_MAX) {
        if let Some(uri) = resolve(target, location.as_bytes())
            && is_same_origin(target, &uri)
            && uri.path_and_query() != target.path_and_query()
            && !found.contains(&uri)
        {
            found.push(uri);
        }
    }
    found
}

/// RFC 9110 §4.3.1: the same scheme, host and port.
pub(crate) fn is_same_origin(one: &Uri, other: &Uri) -> bool {
    let same_host = one.host().zip(other.host()).is_some_and(|(a, b)| a.eq_ignore_ascii_case(b));
    one.scheme() == other.scheme() && same_host && port(one) == port(other)
}

fn port(uri: &Uri) -> Option<u16> {
    let default = match uri.scheme_str() {
        Some("http") => Some(80),
        Some("https") => Some(443),
        _ => None,
    };
    uri.port_u16().or(default)
}

/// Resolves a reference against an absolute URI: RFC 3986 §5.2, without the fragment.
pub(crate) fn resolve(base: &Uri, reference: &[u8]) -> Option<Uri> {
    let reference = std::str::from_utf8(reference).ok()?.trim_ascii();
    let reference = reference.split('#').next().unwrap_or_default();
    let (scheme, rest) = match split_scheme(reference) {
        Some((scheme, rest)) => (Scheme::try_from(scheme).ok()?, rest),
        None => (base.scheme()?.clone(), reference),
    };
    let (authority, rest) = match rest.strip_prefix("//") {
        Some(rest) => {
            let end = rest.find(['/', '?']).unwrap_or(rest.len());
            let (authority, rest) = rest.split_at_checked(end)?;
            (Authority::try_from(authority).ok()?, rest)
        }
        // `http:path` has no authority: nothing that HTTP can fetch.
        None if split_scheme(reference).is_some() => return None,
        None => {
            let path = merge(base, rest);
            return build(scheme, base.authority()?.clone(), &path);
        }
    };
    build(scheme, authority, rest)
}

/// `scheme:rest`; a colon behind a `/` or `?` belongs to the path or query.
fn split_scheme(reference: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = reference.split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    is_scheme.then_some((scheme, rest))
}

/// RFC 3986 §5.2.2 and §5.2.3 for a reference without an authority.
fn merge(base: &Uri, reference: &str) -> String {
    let base_path = base.path();
    if reference.is_empty() {
        return base.path_and_query().map_or_else(String::new, ToString::to_string);
    }
    if reference.starts_with('/') {
        return reference.to_owned();
    }
    if reference.starts_with('?') {
        return format!("{base_path}{reference}");
    }
    let folder = base_path.rsplit_once('/').map_or("", |(folder, _)| folder);
    format!("{folder}/{reference}")
}

fn build(scheme: Scheme, authority: Authority, path_and_query: &str) -> Option<Uri> {
    let (path, query) = match path_and_query.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path_and_query, None),
    };
    let mut target = remove_dot_segments(path);
    if let Some(query) = query {
        target.push('?');
        target.push_str(query);
    }
    Uri::builder()
        .scheme(scheme)
        .authority(authority)
        .path_and_query(PathAndQuery::try_from(target).ok()?)
        .build()
        .ok()
}

/// RFC 3986 §5.2.4.
fn remove_dot_segments(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut ends_in_folder = false;
    for segment in path.strip_prefix('/').unwrap_or(path).split('/') {
        ends_in_folder = matches!(segment, "." | "..");
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            _ => kept.push(segment),
        }
    }
    let slash = if ends_in_folder && !kept.is_empty() { "/" } else { "" };
    format!("/{}{slash}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_success_of_any_method_that_may_change_something_invalidates() {
        for method in ["POST", "PUT", "DELETE", "PATCH", "M-SEARCH", "get"] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            for (status, expected) in [
                (199, false),
                (200, true),
                (204, true),
                (303, true),
                (399, true),
                (400, false),
                (500, false),
            ] {
                let status = StatusCode::from_u16(status).unwrap();
                assert_eq!(invalidates(&method, status), expected, "{method} {status}");
            }
        }
        for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE] {
            assert!(!invalidates(&method, StatusCode::OK), "{method}");
        }
    }

    #[test]
    fn only_the_own_origin_is_invalidated_too() {
        let target = Uri::from_static("http://example.com/a/b?q=1");
        let cases = [
            ("/x", Some("http://example.com/x")),
            ("x?y=1#z", Some("http://example.com/a/x?y=1")),
            ("http://example.com/x", Some("http://example.com/x")),
            ("http://EXAMPLE.com:80/x", Some("http://EXAMPLE.com:80/x")),
            ("//example.com/x", Some("http://example.com/x")),
            ("?q=2", Some("http://example.com/a/b?q=2")),
            // Itself: the caller does that anyway.
            ("/a/b?q=1", None),
            ("#fragment", None),
            ("https://example.com/x", None),
            ("http://example.com:8080/x", None),
            ("http://other.example/x", None),
            ("//other.example/x", None),
            ("http:x", None),
            ("mailto:a@example.com", None),
            ("http://", None),
            ("/a b", None),
        ];
        for (location, expected) in cases {
            for field in [LOCATION, CONTENT_LOCATION] {
                let response = HeaderMap::from_iter([(field, HeaderValue::from_static(location))]);
                let found = also_invalidated(&target, &response);
                let expected: Vec<Uri> = expected.into_iter().map(Uri::from_static).collect();
                assert_eq!(found, expected, "{location}");
            }
        }
    }

    #[test]
    fn one_response_invalidates_only_so_many() {
        let target = Uri::from_static("http://example.com/");
        let mut response = HeaderMap::new();
        for n in 0..=limits::ALSO_INVALIDATED_MAX {
            response.append(LOCATION, HeaderValue::from_str(&format!("/{n}")).unwrap());
        }
        assert_eq!(also_invalidated(&target, &response).len(), limits::ALSO_INVALIDATED_MAX);
    }

    #[test]
    fn references_resolve_as_in_rfc_3986() {
        // RFC 3986 §5.4, without the parts that http URIs do not have.
        let base = Uri::from_static("http://a/b/c/d?q");
        let cases = [
            ("g", "/b/c/g"),
            ("./g", "/b/c/g"),
            ("g/", "/b/c/g/"),
            ("/g", "/g"),
            ("?y", "/b/c/d?y"),
            ("g?y", "/b/c/g?y"),
            ("#s", "/b/c/d?q"),
            ("g#s", "/b/c/g"),
            ("", "/b/c/d?q"),
            (".", "/b/c/"),
            ("./", "/b/c/"),
            ("..", "/b/"),
            ("../", "/b/"),
            ("../g", "/b/g"),
            ("../..", "/"),
            ("../../g", "/g"),
            ("../../../g", "/g"),
            ("/./g", "/g"),
            ("/../g", "/g"),
            ("g.", "/b/c/g."),
            ("..g", "/b/c/..g"),
            ("./../g", "/b/g"),
            ("g/./h", "/b/c/g/h"),
            ("g/../h", "/b/c/h"),
            ("g?y/../x", "/b/c/g?y/../x"),
            ("g?y:z", "/b/c/g?y:z"),
            ("/g:h", "/g:h"),
            ("//a", "/"),
            ("//a?y", "/?y"),
        ];
        for (reference, expected) in cases {
            let resolved = resolve(&base, reference.as_bytes()).unwrap();
            assert_eq!(resolved.path_and_query().unwrap().as_str(), expected, "{reference}");
        }
    }

    proptest! {
        #[test]
        fn resolving_is_total_and_stays_at_the_origin(reference in "[/.?#:a-z@0-9%\\[\\]-]{0,24}") {
            let target = Uri::from_static("http://example.com/a/b");
            let response = HeaderMap::from_iter([(LOCATION, HeaderValue::from_str(&reference).unwrap())]);
            for uri in also_invalidated(&target, &response) {
                prop_assert_eq!(uri.host(), Some("example.com"));
                prop_assert_eq!(uri.scheme_str(), Some("http"));
            }
        }
    }
}
