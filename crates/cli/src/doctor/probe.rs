//! What was asked, and what came? Plain values: checks look at nothing else.

use std::borrow::Cow;
use std::net::IpAddr;

use http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, DATE, HeaderMap, HeaderName, LOCATION,
    SET_COOKIE, VARY,
};
use http::{Method, StatusCode};
use larder_policy::Scheme;
use larder_semantics::field::cache_control::{Flags, ResponseDirectives};
use larder_semantics::field::date;
use larder_semantics::{Exchange, Freshness, Settings, Timestamp, Timing, may_store};
use larder_tls::look::Shown;

use super::url::Url;

/// Why something was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// Is anybody there? Without a word about the scheme.
    Untold,
    /// As Larder asks for a visitor by this scheme.
    Told(Scheme),
    /// By https, as this field of [`SCHEME_FIELDS`] says it alone.
    ToldBy(usize),
    /// For a page that nobody has, to see the error page.
    Missing,
    /// The same as a forged request, honestly: what it is compared with.
    Honest,
    /// With a forged field.
    Forged(Forgery),
    /// A page, the first or the second time.
    Page(Round),
    /// A page, as scripts ask.
    Script,
    /// A static file.
    File,
}

/// Which time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Round {
    First,
    Second,
}

/// What is forged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Forgery {
    /// The scheme that the visitor did not come by.
    WrongScheme,
    /// A scheme that there is not.
    NoScheme,
    /// `X-Forwarded-Host` and the host of `Forwarded`.
    ForwardedHost,
    /// `Host`.
    Host,
    /// `X-Original-URL` and `X-Rewrite-URL`.
    Url,
    /// `X_Forwarded_Proto` and `X_Forwarded_Host`.
    Underscores,
}

/// Fields by which applications are told that a visitor came by https, in the order in which they are tried.
pub(super) const SCHEME_FIELDS: [(&str, &str); 5] = [
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-SSL", "on"),
    ("X-Forwarded-Protocol", "https"),
    ("Front-End-Https", "on"),
    ("Forwarded", "proto=https"),
];

/// A request. GET or HEAD, by its type.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) method: AskedBy,
    /// Path and query.
    pub(super) target: String,
    /// With `Host`.
    pub(super) fields: HeaderMap,
}

/// The only methods there are here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AskedBy {
    Get,
    Head,
}

impl From<AskedBy> for Method {
    fn from(asked: AskedBy) -> Self {
        match asked {
            AskedBy::Get => Self::GET,
            AskedBy::Head => Self::HEAD,
        }
    }
}

/// A request, where it went and why, and what came.
#[derive(Clone, Debug)]
pub(super) struct Probe {
    /// The number of the address among the site's.
    pub(super) base: usize,
    pub(super) why: Why,
    /// The URL that it is about, as a visitor would write it.
    pub(super) url: Url,
    pub(super) asked: Asked,
    /// Or why nothing came, in a line.
    pub(super) came: Result<Answer, String>,
}

/// An answer.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) fields: HeaderMap,
    /// As much of it as was read.
    pub(super) body: Vec<u8>,
    /// Who answered.
    pub(super) peer: Option<IpAddr>,
    /// What they showed of themselves, by https.
    pub(super) certificate: Option<Shown>,
    pub(super) timing: Timing,
}

/// A cookie that an answer sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SetCookie {
    pub(super) name: String,
    /// The whole line.
    pub(super) line: String,
}

impl Answer {
    /// The body as text; nothing, if it is compressed all the same.
    pub(super) fn text(&self) -> Cow<'_, str> {
        let coding = self.fields.get(CONTENT_ENCODING).map(|line| line.as_bytes());
        if coding.is_some_and(|coding| !coding.eq_ignore_ascii_case(b"identity")) {
            return Cow::Borrowed("");
        }
        String::from_utf8_lossy(&self.body)
    }

    /// The lines of a field, those that are text.
    pub(super) fn lines(&self, name: &HeaderName) -> impl Iterator<Item = &str> {
        self.fields.get_all(name).iter().filter_map(|line| line.to_str().ok())
    }

    /// The first line of a field called so.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name)?.to_str().ok()
    }

    pub(super) fn cookies(&self) -> impl Iterator<Item = SetCookie> {
        self.lines(&SET_COOKIE).map(|line| {
            let pair = line.split(';').next().unwrap_or_default();
            let name = pair.split_once('=').map_or("", |(name, _)| name.trim());
            SetCookie { name: name.to_owned(), line: line.to_owned() }
        })
    }

    pub(super) fn is_html(&self) -> bool {
        let kind = self.media_type();
        kind == "text/html" || kind == "application/xhtml+xml"
    }

    /// In lower case; empty if there is none.
    pub(super) fn media_type(&self) -> String {
        let line = self.lines(&CONTENT_TYPE).next().unwrap_or_default();
        line.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// Where a redirect leads from this URL.
    pub(super) fn redirect(&self, from: &Url) -> Option<Url> {
        self.location().and_then(|location| from.join(location))
    }

    /// The `Location` of a redirect.
    pub(super) fn location(&self) -> Option<&str> {
        matches!(self.status.as_u16(), 301 | 302 | 303 | 307 | 308).then_some(())?;
        self.lines(&LOCATION).next()
    }

    /// `Date`, if it can be read.
    pub(super) fn date(&self) -> Option<Timestamp> {
        date::parse(self.fields.get(DATE)?.as_bytes())
    }

    /// Whether `Vary` names the field, or everything.
    pub(super) fn varies_by(&self, name: &str) -> bool {
        let members = self.lines(&VARY).flat_map(|line| line.split(',')).map(str::trim);
        members.into_iter().any(|member| member == "*" || member.eq_ignore_ascii_case(name))
    }

    /// Whether it says itself that everybody may keep it: RFC 9111 §3, its cookies aside.
    pub(super) fn is_public(&self, asked: &HeaderMap, settings: &Settings) -> bool {
        let mut fields = self.fields.clone();
        fields.remove(SET_COOKIE);
        let (method, status) = (&Method::GET, self.status);
        let exchange = Exchange { method, request: asked, status, response: &fields };
        let freshness = Freshness::of(status, &fields, self.timing, settings);
        may_store(&exchange, settings).is_ok() && !freshness.lifetime.is_zero()
    }

    /// Whether a browser may keep it at all.
    pub(super) fn browsers_may_keep(&self) -> bool {
        !ResponseDirectives::of(&self.fields).flags.has(Flags::NO_STORE)
    }

    /// Whether a browser takes it as fresh for a while because it is told so.
    pub(super) fn is_fresh_in_browsers(&self) -> bool {
        let directives = ResponseDirectives::of(&self.fields);
        if directives.flags.has(Flags::NO_CACHE) || directives.flags.has(Flags::NO_STORE) {
            return false;
        }
        match directives.max_age {
            Some(max_age) => !max_age.is_zero(),
            // RFC 9111 §5.3
            None => self
                .fields
                .get("expires")
                .and_then(|line| date::parse(line.as_bytes()))
                .is_some_and(|expires| expires > self.timing.response_time),
        }
    }

    /// `Cache-Control` as it was sent.
    pub(super) fn cache_control(&self) -> String {
        self.lines(&CACHE_CONTROL).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
pub(super) mod testing {
    //! Answers from lines of text.

    use super::*;
    use http::HeaderValue;

    /// When all answers of tests come.
    pub(in crate::doctor) const NOON: Timestamp = Timestamp::from_secs(1_700_000_000);

    /// An answer with these `Name: value` lines.
    pub(in crate::doctor) fn answer(status: u16, lines: &str, body: &str) -> Answer {
        let mut fields = HeaderMap::new();
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':').expect("a field");
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
            fields.append(name, HeaderValue::from_str(value.trim()).expect("a value"));
        }
        Answer {
            status: StatusCode::from_u16(status).expect("a status"),
            fields,
            body: body.as_bytes().to_vec(),
            peer: None,
            certificate: None,
            timing: Timing { request_time: NOON, response_time: NOON },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::answer;
    use super::*;

    #[test]
    fn what_everybody_may_keep_says_so() {
        let cases = [
            ("Cache-Control: public, max-age=60", true),
            ("Cache-Control: public, max-age=60\nSet-Cookie: a=b", true),
            ("Cache-Control: max-age=60\nVary: Cookie", true),
            ("Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT", true),
            ("Cache-Control: private, max-age=60", false),
            ("Cache-Control: no-store, max-age=60", false),
            ("Cache-Control: max-age=0", false),
            ("", false),
        ];
        for (lines, expected) in cases {
            let actual = answer(200, lines, "").is_public(&HeaderMap::new(), &Settings::default());
            assert_eq!(actual, expected, "{lines}");
        }
    }

    #[test]
    fn freshness_in_browsers_is_that_of_max_age_or_expires() {
        let later = "Expires: Wed, 15 Nov 2023 08:49:37 GMT";
        let cases = [
            ("Cache-Control: max-age=5", true),
            ("Cache-Control: private, max-age=5", true),
            ("Cache-Control: max-age=0", false),
            ("Cache-Control: no-cache, max-age=5", false),
            ("Cache-Control: no-store, max-age=5", false),
            (later, true),
            ("Expires: 0", false),
            ("", false),
        ];
        for (lines, expected) in cases {
            assert_eq!(answer(200, lines, "").is_fresh_in_browsers(), expected, "{lines}");
        }
    }

    #[test]
    fn compressed_text_is_no_text() {
        assert_eq!(answer(200, "Content-Encoding: gzip", "x").text(), "");
        assert_eq!(answer(200, "Content-Encoding: identity", "x").text(), "x");
    }
}
