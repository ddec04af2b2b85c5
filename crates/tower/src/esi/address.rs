//! Which page does an include name? One of the same site, or none.
//!
//! `/path?query`, a path beside the page's own, or a whole URL of the site. Dot segments are not taken, in any spelling: what
//! is asked for is what stands there. RFC 3986 §5.2 for the rest.

use http::Uri;
use larder_policy::{Scheme, host};

/// The target that `address` names on a page whose target is `page`; `None` for one that is not the site's or no address.
pub(super) fn resolve(address: &str, site: (Scheme, &str), page: &str) -> Option<Uri> {
    let path = match address.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['/', '?', '#']) => of_site(scheme, rest, site)?,
        _ => address,
    };
    if path.contains('#') || path.starts_with("//") {
        return None;
    }
    let target = if path.starts_with('/') {
        path.to_owned()
    } else {
        let before = page.split('?').next().unwrap_or_default();
        let (folder, _) = before.rsplit_once('/')?;
        let separate = if path.starts_with('?') { before.to_owned() } else { format!("{folder}/") };
        separate + path
    };
    let dotted = target.split('?').next().unwrap_or_default().split('/').any(is_dots);
    if dotted { None } else { Uri::try_from(target).ok() }
}

/// What stands behind the site in a URL, if it is this site.
fn of_site<'a>(scheme: &str, rest: &'a str, (own, site): (Scheme, &str)) -> Option<&'a str> {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    let is_own = scheme.eq_ignore_ascii_case(own.as_str())
        && host::canonical(authority.as_bytes(), own).is_ok_and(|host| host.as_str() == site);
    (is_own && path.starts_with('/')).then_some(path)
}

/// Whether a segment of a path means a folder above, or none.
fn is_dots(segment: &str) -> bool {
    let plain = segment.to_ascii_lowercase().replace("%2e", ".");
    plain == "." || plain == ".."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_include_is_of_the_same_site_and_says_what_it_means() {
        let site = (Scheme::Https, "shop.example");
        for (address, expected) in [
            ("/a?b=c", Some("/a?b=c")),
            ("box", Some("/list/box")),
            ("box/in?x", Some("/list/box/in?x")),
            ("?page=2", Some("/list/all?page=2")),
            ("https://shop.example/a", Some("/a")),
            ("HTTPS://SHOP.example:443/a", Some("/a")),
            ("/a?u=https://other.example/", Some("/a?u=https://other.example/")),
            ("http://shop.example/a", None),
            ("https://other.example/a", None),
            ("https://shop.example@other.example/a", None),
            ("https://shop.example", None),
            ("//other.example/a", None),
            ("/a#b", None),
            ("/../a", None),
            ("/a/%2E%2e/b", None),
            ("./a", None),
            ("javascript:alert(1)", Some("/list/javascript:alert(1)")),
        ] {
            let found = resolve(address, site, "/list/all?page=1").map(|uri| uri.to_string());
            assert_eq!(found.as_deref(), expected, "{address}");
        }
    }
}
