//! What a client may ask to go on with on its connection (`Upgrade`): RFC 9110 §7.8.

use http::HeaderValue;

/// Whether a client wants to go on in another version of HTTP. It would then speak to the application
/// past the cache and every rule ("h2c smuggling"); RFC 9110 §7.8 lets a server ignore the wish.
#[must_use]
pub fn is_http(wish: &HeaderValue) -> bool {
    let mut protocols = wish.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    protocols.any(|protocol| {
        let name = protocol.split(|byte| *byte == b'/').next().unwrap_or_default();
        [&b"h2c"[..], b"h2", b"h3", b"http", b"tls"].iter().any(|it| name.eq_ignore_ascii_case(it))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_versions_of_http_are_not_asked_for() {
        for (wish, expected) in [
            ("websocket", false),
            ("h2c", true),
            ("websocket, H2C", true),
            ("HTTP/2.0", true),
            ("TLS/1.2", true),
            ("h2c-like", false),
        ] {
            assert_eq!(is_http(&HeaderValue::from_static(wish)), expected, "{wish}");
        }
    }
}
