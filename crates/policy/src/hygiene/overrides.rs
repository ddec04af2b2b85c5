//! Fields that ask an application for something else than the request's method and URL say, so that its answer would be stored
//! under the wrong ones.
//!
//! Each is read by some framework or platform, or by middleware that everybody copies. The family `X-Forwarded-*` (`-Prefix`,
//! `-Host`, `-Server`) is not here: it never is the client's to send.

use http::{HeaderMap, HeaderName, Method};

/// What a field changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Override {
    /// The method. Clients use it honestly where something between lets only GET and POST through.
    Method,
    /// The URL: path, host, scheme or the place where the application is mounted. Only proxies have a reason to send it.
    Url,
}

/// A field that changes a request's meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverrideField {
    /// Its name, in lower case.
    pub name: &'static str,
    /// What it changes.
    pub changes: Override,
    /// Who reads it.
    pub read_by: &'static str,
}

const fn field(name: &'static str, changes: Override, read_by: &'static str) -> OverrideField {
    OverrideField { name, changes, read_by }
}

/// All of them.
pub const OVERRIDE_FIELDS: [OverrideField; 14] = [
    field(
        "x-http-method-override",
        Override::Method,
        "Rails (Rack::MethodOverride), Laravel, Symfony, Express (method-override), ASP.NET",
    ),
    field("x-http-method", Override::Method, "OData, Express (method-override)"),
    field("x-method-override", Override::Method, "Express (method-override), IBM's servers"),
    field(
        "x-original-url",
        Override::Url,
        "IIS's URL Rewrite and what imitates it: Symfony, Laminas, Drupal",
    ),
    field("x-rewrite-url", Override::Url, "the same, of older versions of IIS"),
    field("x-override-url", Override::Url, "front controllers, in the manner of X-Original-URL"),
    field(
        "x-original-uri",
        Override::Url,
        "applications behind ingress-nginx and nginx's auth_request",
    ),
    field("x-original-host", Override::Url, "applications behind Azure's Application Gateway"),
    field("x-host", Override::Url, "middleware that makes links"),
    field("x-http-host-override", Override::Url, "middleware that makes links"),
    field(
        "x-script-name",
        Override::Url,
        "the WSGI middleware that moves an application below a path",
    ),
    field("x-script-path", Override::Url, "the same"),
    field("x-scheme", Override::Url, "the same, and ingress-nginx's applications"),
    field("x-url-scheme", Override::Url, "WSGI servers and middleware"),
];

/// What a field of this name, in lower case, changes.
#[must_use]
pub fn override_of(name: &str) -> Option<Override> {
    // Most names do not begin so, and the hit of a pass-through looks at each.
    let rest = name.strip_prefix("x-")?;
    match rest {
        "http-method-override" | "http-method" | "method-override" => Some(Override::Method),
        "original-url" | "original-uri" | "original-host" | "rewrite-url" | "override-url"
        | "host" | "http-host-override" | "script-name" | "script-path" | "scheme"
        | "url-scheme" => Some(Override::Url),
        _ => None,
    }
}

/// Whether a request has any of them.
#[must_use]
pub fn has_override(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| override_of(name.as_str()).is_some())
}

/// Where a request goes, as far as override fields are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// To pages that may be stored, by a GET or HEAD: they are answered for what their URL says.
    Stored,
    /// To pages that may be stored, by another method, of which nothing is: its method may be another.
    Change,
    /// By a rule that stores nothing (`pass`, `never`): it means what it says.
    Passed,
}

impl Route {
    /// The route of a request to pages that may be stored.
    #[must_use]
    pub fn of(method: &Method) -> Self {
        match *method {
            Method::GET | Method::HEAD => Self::Stored,
            _ => Self::Change,
        }
    }

    /// Whether a field that changes this may go on.
    #[must_use]
    pub const fn lets(self, changes: Override) -> bool {
        match (self, changes) {
            (Self::Stored, _) | (Self::Change, Override::Url) => false,
            (Self::Change, Override::Method) | (Self::Passed, _) => true,
        }
    }
}

/// Whether `name` may be let through by the site, which has to be one of them.
#[must_use]
pub fn is_override(name: &HeaderName) -> bool {
    override_of(name.as_str()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_and_the_match_know_the_same_names() {
        let documented = include_str!("../../../../docs/behind-a-proxy.md").to_ascii_lowercase();
        for field in OVERRIDE_FIELDS {
            assert!(documented.contains(&format!("`{}`", field.name)), "{}", field.name);
            assert_eq!(override_of(field.name), Some(field.changes), "{}", field.name);
        }
        for name in ["x-http", "x-hosts", "host", "original-url", "x-forwarded-prefix", "x-", ""] {
            assert_eq!(override_of(name), None, "{name}");
        }
    }

    #[test]
    fn a_method_may_be_overridden_where_nothing_is_stored_and_a_url_by_rule_only() {
        let cases = [
            (Route::of(&Method::GET), false, false),
            (Route::of(&Method::HEAD), false, false),
            (Route::of(&Method::POST), true, false),
            (Route::of(&Method::DELETE), true, false),
            (Route::Passed, true, true),
        ];
        for (route, method, url) in cases {
            let actual = (route.lets(Override::Method), route.lets(Override::Url));
            assert_eq!(actual, (method, url), "{route:?}");
        }
    }
}
