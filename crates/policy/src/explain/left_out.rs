//! What of a visitor's request does not reach the application? The difference of what came and what is sent, by name.

use super::LeftOut;
use crate::cookies;
use http::header::{COOKIE, HOST, HeaderMap};

/// Fields of the connection or of one visitor's copy: not what shapes a page, and never sent on as they are.
const NOT_TOLD: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
];

/// The names of the client's fields and cookies that `sent` lacks or has with another value.
pub(super) fn of_fields(client: &HeaderMap, sent: &HeaderMap) -> LeftOut {
    let mut left_out = LeftOut::default();
    for name in client.keys() {
        let is_same = || client.get_all(name).iter().eq(sent.get_all(name).iter());
        if *name != COOKIE && *name != HOST && !NOT_TOLD.contains(&name.as_str()) && !is_same() {
            left_out.fields.push(name.as_str().to_owned());
        }
    }
    left_out.fields.sort_unstable();
    for (name, _) in cookies::iter(client) {
        let shown = String::from_utf8_lossy(name).replace(char::is_control, "?");
        let is_sent = cookies::iter(sent).any(|(other, _)| other == name);
        if !is_sent && !left_out.cookies.contains(&shown) {
            left_out.cookies.push(shown);
        }
    }
    left_out
}

/// The names of the parameters of `asked` that `counts` lacks.
pub(super) fn of_query(asked: &str, counts: &str) -> Vec<String> {
    let parameters = |target: &str| -> Vec<String> {
        let query = target.split_once('?').map_or("", |(_, query)| query);
        query.split('&').filter(|each| !each.is_empty()).map(str::to_owned).collect()
    };
    let mut counting = parameters(counts);
    let mut names = Vec::new();
    for parameter in parameters(asked) {
        if let Some(at) = counting.iter().position(|other| *other == parameter) {
            counting.swap_remove(at);
            continue;
        }
        let name = parameter.split('=').next().unwrap_or_default().to_owned();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_that_do_not_count_are_named_once() {
        let cases: [(&str, &str, &[&str]); 5] = [
            ("/a?b=1", "/a?b=1", &[]),
            ("/a?b=1&utm_source=x&utm_source=y", "/a?b=1", &["utm_source"]),
            ("/a?c=1&b=2", "/a?b=2&c=1", &[]),
            ("/a?x", "/a", &["x"]),
            ("/a?b=1&b=1", "/a?b=1", &["b"]),
        ];
        for (asked, counts, expected) in cases {
            assert_eq!(of_query(asked, counts), expected, "{asked} as {counts}");
        }
    }
}
