//! Which pages exist here, and what each must look like: shared by the origin that sends them and
//! the load that checks them, so that a mixed-up or cut page can't count as an answer.

use std::io::Write as _;
use std::time::SystemTime;

/// Bytes of the small page: one ordinary HTML fragment.
pub const SMALL_BYTES: usize = 2 * 1024;
/// Bytes of the large page: an image, a bundle.
pub const LARGE_BYTES: usize = 100 * 1024;
/// Bytes of the endless-looking body: more than any cache here may hold.
pub const HUGE_BYTES: u64 = 1 << 30;

/// A token of Django's.
const TOKEN: &[u8; 64] = b"bZ3kQ2mX8vB7nC1sD5fG9hJ4lR6tY0wEpT4uW6yA8cE0gI2kM4oQ6sU8wY0aC2eG";

/// The site that browsers here ask for.
pub const HOST: &str = "www.example.com";

/// Every body ends so.
pub const SUFFIX: &[u8] = b"</body></html>\n";

/// A page by its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// `/2k`: cacheable.
    Small,
    /// `/100k`: cacheable.
    Large,
    /// `/form`: cacheable, 2 KiB, three of Django's tokens in it.
    Form,
    /// `/miss/N`: 2 KiB, `no-store`, each N a page nobody has asked for before.
    Miss(u64),
    /// `/page/N`: cacheable, 200 bytes to 4 KiB by N.
    Numbered(u64),
    /// `/huge/…`: 1 GiB.
    Huge(Huge),
}

/// How the 1 GiB body is described by its origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Huge {
    /// `Cache-Control: no-store` and a length.
    Uncacheable,
    /// Cacheable, with a length: a cache can know at once that it will not fit.
    Sized,
    /// Cacheable, chunked: a cache finds out on the way.
    Chunked,
}

impl Huge {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Uncacheable, Self::Sized, Self::Chunked];

    /// The last part of the target.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uncacheable => "no-store",
            Self::Sized => "sized",
            Self::Chunked => "chunked",
        }
    }
}

impl Page {
    /// The page a target names.
    #[must_use]
    pub fn of(target: &[u8]) -> Option<Self> {
        let target = std::str::from_utf8(target).ok()?;
        match target.strip_prefix('/')?.split_once('/') {
            None if target == "/2k" => Some(Self::Small),
            None if target == "/100k" => Some(Self::Large),
            None if target == "/form" => Some(Self::Form),
            Some(("miss", number)) => number.parse().ok().map(Self::Miss),
            Some(("page", number)) => number.parse().ok().map(Self::Numbered),
            Some(("huge", name)) => {
                Huge::ALL.into_iter().find(|huge| huge.name() == name).map(Self::Huge)
            }
            None | Some(_) => None,
        }
    }

    /// Appends the target.
    pub fn write_target(self, out: &mut Vec<u8>) {
        let written = match self {
            Self::Small => out.write_all(b"/2k"),
            Self::Large => out.write_all(b"/100k"),
            Self::Form => out.write_all(b"/form"),
            Self::Miss(number) => write!(out, "/miss/{number}"),
            Self::Numbered(number) => write!(out, "/page/{number}"),
            Self::Huge(huge) => write!(out, "/huge/{}", huge.name()),
        };
        debug_assert!(written.is_ok(), "writing to a Vec can't fail");
    }

    /// Bytes of the body.
    #[must_use]
    pub fn body_bytes(self) -> u64 {
        match self {
            Self::Small | Self::Form | Self::Miss(_) => SMALL_BYTES as u64,
            Self::Large => LARGE_BYTES as u64,
            // Spread over 200..4296 without any pattern that an allocator could like.
            Self::Numbered(number) => 200 + (number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 52),
            Self::Huge(_) => HUGE_BYTES,
        }
    }

    /// Appends the body's first bytes: they name the page.
    pub fn write_prefix(self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"<!doctype html>");
        self.write_target(out);
        out.push(b'\n');
    }

    /// Appends the whole body (not of [`Page::Huge`], which has no place in memory).
    pub fn write_body(self, out: &mut Vec<u8>) {
        let start = out.len();
        self.write_prefix(out);
        let end = start + usize::try_from(self.body_bytes()).unwrap_or(usize::MAX);
        if self == Self::Form {
            for _ in 0..3 {
                out.extend_from_slice(b"<form><input name=\"csrfmiddlewaretoken\" value=\"");
                out.extend_from_slice(TOKEN);
                out.extend_from_slice(b"\"></form>\n");
            }
        }
        let filler = b"<p>Nothing is as good as bread on the day it was baked.</p>\n";
        while out.len() < end - SUFFIX.len() {
            let room = end - SUFFIX.len() - out.len();
            out.extend(filler.iter().take(room));
        }
        out.extend_from_slice(SUFFIX);
    }

    /// Appends a response head as a Django site behind gunicorn would send it: twelve fields.
    pub fn write_head(self, date: &str, out: &mut Vec<u8>) {
        let length = self.body_bytes();
        let cache_control = match self {
            Self::Miss(_) | Self::Huge(Huge::Uncacheable) => "no-store",
            Self::Small | Self::Form | Self::Large | Self::Numbered(_) => "public, max-age=86400",
            Self::Huge(Huge::Sized | Huge::Chunked) => "public, max-age=86400",
        };
        let framing = match self {
            Self::Huge(Huge::Chunked) => "Transfer-Encoding: chunked".to_owned(),
            Self::Small
            | Self::Form
            | Self::Large
            | Self::Miss(_)
            | Self::Numbered(_)
            | Self::Huge(_) => {
                format!("Content-Length: {length}")
            }
        };
        let written = write!(
            out,
            "HTTP/1.1 200 OK\r\nServer: gunicorn\r\nDate: {date}\r\n\
             Content-Type: text/html; charset=utf-8\r\n{framing}\r\n\
             Cache-Control: {cache_control}\r\nVary: Accept-Encoding\r\n\
             ETag: \"0ddba11c0ffee-{length:x}\"\r\n\
             X-Frame-Options: DENY\r\nX-Content-Type-Options: nosniff\r\n\
             Referrer-Policy: same-origin\r\nCross-Origin-Opener-Policy: same-origin\r\n\
             Content-Language: en\r\n\r\n"
        );
        debug_assert!(written.is_ok(), "writing to a Vec can't fail");
    }
}

/// Now, as a Date field wants it.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the origin is the edge of its own little world")]
pub fn date_now() -> String {
    httpdate::fmt_http_date(SystemTime::now())
}

/// Appends what a browser sends to open a page: sixteen fields, analytics and CSRF cookies among them.
pub fn write_browser_request(page: Page, out: &mut Vec<u8>) {
    out.extend_from_slice(b"GET ");
    page.write_target(out);
    out.extend_from_slice(BROWSER_FIELDS);
}

/// The same fields one by one, without those that name the connection and the site.
pub fn browser_fields() -> impl Iterator<Item = String> {
    let text = String::from_utf8_lossy(BROWSER_FIELDS).into_owned();
    let lines: Vec<String> = text.split("\r\n").skip(1).map(str::to_owned).collect();
    lines.into_iter().filter(|line| {
        !line.is_empty() && !line.starts_with("Host:") && !line.starts_with("Connection:")
    })
}

const BROWSER_FIELDS: &[u8] = b" HTTP/1.1\r\n\
Host: www.example.com\r\n\
Connection: keep-alive\r\n\
sec-ch-ua: \"Chromium\";v=\"140\", \"Not=A?Brand\";v=\"24\", \"Google Chrome\";v=\"140\"\r\n\
sec-ch-ua-mobile: ?0\r\n\
sec-ch-ua-platform: \"Windows\"\r\n\
Upgrade-Insecure-Requests: 1\r\n\
User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n\
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7\r\n\
Sec-Fetch-Site: same-origin\r\n\
Sec-Fetch-Mode: navigate\r\n\
Sec-Fetch-User: ?1\r\n\
Sec-Fetch-Dest: document\r\n\
Referer: https://www.example.com/blog/2026/a-page-before-this-one/\r\n\
Accept-Encoding: gzip, deflate, br, zstd\r\n\
Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n\
Cookie: _ga=GA1.1.1234567890.1760000000; _ga_ABCDEF1234=GS2.1.s1760000000$o3$g1$t1760000100$j60$l0$h0; csrftoken=Zq3vT8kLw2mN5xR7yB1cD4fG6hJ9pS0a\r\n\
\r\n";

#[cfg(test)]
mod tests {
    use super::{BROWSER_FIELDS, HOST, Huge, Page, SUFFIX};

    #[test]
    fn browsers_ask_for_the_site() {
        let fields = String::from_utf8_lossy(BROWSER_FIELDS);
        assert!(fields.contains(&format!("\r\nHost: {HOST}\r\n")));
    }

    #[test]
    fn a_target_names_the_page_that_wrote_it() {
        let pages = [
            Page::Small,
            Page::Large,
            Page::Miss(7),
            Page::Numbered(1_999_999),
            Page::Huge(Huge::Chunked),
        ];
        for page in pages {
            let mut target = Vec::new();
            page.write_target(&mut target);
            assert_eq!(Page::of(&target), Some(page));
        }
        for nonsense in ["", "/", "/3k", "/miss/", "/miss/x", "/page/1/2", "/huge/none", "2k"] {
            assert_eq!(Page::of(nonsense.as_bytes()), None, "{nonsense}");
        }
    }

    #[test]
    fn a_body_has_its_promised_length_and_both_ends() {
        for page in [Page::Small, Page::Large, Page::Miss(u64::MAX), Page::Numbered(3)] {
            let (mut body, mut prefix) = (Vec::new(), Vec::new());
            page.write_body(&mut body);
            page.write_prefix(&mut prefix);
            assert_eq!(body.len() as u64, page.body_bytes(), "{page:?}");
            assert!(body.starts_with(&prefix) && body.ends_with(SUFFIX), "{page:?}");
        }
    }
}
