//! Which fields of a page a browser or a search engine obeys, so that the page is another one without them.
//!
//! Memcached keeps no fields: nginx sends those that the site lists, with every page alike. A page that has others of these, or
//! others' values, is not published; all else of a response (validators, tags, what a server says of itself) is merely left out.

use http::HeaderName;

/// In lower case and in order. A trailing `*` is any ending.
pub const OBEYED_FIELDS: &[&str] = &[
    "accept-ch",
    "access-control-*",
    "clear-site-data",
    "content-disposition",
    "content-security-policy",
    "content-security-policy-report-only",
    "critical-ch",
    "cross-origin-*",
    "document-policy",
    "feature-policy",
    "integrity-policy",
    "nel",
    "no-vary-search",
    "origin-agent-cluster",
    "origin-trial",
    "permissions-policy",
    "referrer-policy",
    "refresh",
    "report-to",
    "reporting-endpoints",
    "service-worker-allowed",
    "speculation-rules",
    "strict-transport-security",
    "supports-loading-mode",
    "timing-allow-origin",
    "x-content-type-options",
    "x-dns-prefetch-control",
    "x-download-options",
    "x-frame-options",
    "x-permitted-cross-domain-policies",
    "x-robots-tag",
    "x-ua-compatible",
    "x-xss-protection",
];

/// Whether a response field is one of them.
#[must_use]
pub fn is_obeyed(name: &HeaderName) -> bool {
    OBEYED_FIELDS.iter().any(|obeyed| match obeyed.strip_suffix('*') {
        Some(beginning) => name.as_str().starts_with(beginning),
        None => name.as_str() == *obeyed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_obeyed_and_what_servers_say_of_themselves_is_not() {
        let cases = [
            ("Content-Security-Policy", true),
            ("X-Frame-Options", true),
            ("Cross-Origin-Opener-Policy", true),
            ("Access-Control-Allow-Origin", true),
            ("ETag", false),
            ("Content-Language", false),
            ("Server", false),
            ("X-Request-Id", false),
            ("Content-Security-Policy-Not", false),
        ];
        for (name, expected) in cases {
            assert_eq!(
                is_obeyed(&HeaderName::from_bytes(name.as_bytes()).unwrap()),
                expected,
                "{name}"
            );
        }
        assert!(OBEYED_FIELDS.is_sorted());
    }
}
