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
