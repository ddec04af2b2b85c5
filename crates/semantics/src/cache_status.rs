//! How we report what we did: our member of `Cache-Status` ([RFC 9211]). Members that the application
//! sent stand before ours (§2), which is the caller's part.
//!
//! [RFC 9211]: https://www.rfc-editor.org/rfc/rfc9211

use http::{HeaderValue, StatusCode};

use crate::Reason;

/// RFC 9211 §2.2: why a request went forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fwd {
    /// The cache was told not to handle it.
    Bypass,
    /// The method's semantics demand it.
    Method,
    /// Nothing stored for the URI.
    UriMiss,
    /// Something stored, but `Vary` chose none of it.
    VaryMiss,
    /// Nothing stored can be used, for another or no known reason.
    Miss,
    /// The request's own directives.
    Request,
    /// What is stored is stale.
    Stale,
    /// What is stored does not hold all of what was asked for.
    Partial,
}

impl Fwd {
    /// The token of RFC 9211 §2.2.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::Method => "method",
            Self::UriMiss => "uri-miss",
            Self::VaryMiss => "vary-miss",
            Self::Miss => "miss",
            Self::Request => "request",
            Self::Stale => "stale",
            Self::Partial => "partial",
        }
    }
}

/// What was done with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handling {
    /// Answered by what was stored, without asking the application first.
    Hit {
        /// Seconds of freshness left; negative when stale (§2.5).
        ttl: i64,
        /// Why it could be.
        detail: Reason,
    },
    /// The application was asked.
    Forwarded {
        /// Why (§2.2).
        fwd: Fwd,
        /// What it answered, where that is not what the client got, such as a 304 (§2.3).
        fwd_status: Option<StatusCode>,
        /// Whether its answer was stored (§2.4).
        stored: bool,
        /// Whether several requests shared that one (§2.6).
        collapsed: bool,
        /// Seconds of freshness of what was stored.
        ttl: Option<i64>,
        /// The finer reason.
        detail: Reason,
    },
}

/// Writes our member: `larder; hit; ttl=53; detail=fresh`,
/// `larder; fwd=uri-miss; stored; ttl=60; detail=uri-miss`. One allocation, of the value itself.
#[must_use]
pub fn write(handling: &Handling) -> HeaderValue {
    let mut line = Line::new();
    line.put("larder");
    match *handling {
        Handling::Hit { ttl, detail } => {
            line.put("; hit");
            line.put_ttl(ttl);
            line.put_detail(detail);
        }
        Handling::Forwarded { fwd, fwd_status, stored, collapsed, ttl, detail } => {
            line.put("; fwd=");
            line.put(fwd.token());
            if let Some(status) = fwd_status {
                line.put("; fwd-status=");
                line.put(status.as_str());
            }
            if stored {
                line.put("; stored");
            }
            if collapsed {
                line.put("; collapsed");
            }
            if let Some(ttl) = ttl {
                line.put_ttl(ttl);
            }
            line.put_detail(detail);
        }
    }
    line.finish()
}

/// The longest member by far fits: the parts are ours and bounded, checked by a test over every reason.
const LINE_BYTES_MAX: usize = 192;

struct Line {
    bytes: [u8; LINE_BYTES_MAX],
    used: usize,
}

impl Line {
    const fn new() -> Self {
        Self { bytes: [0; LINE_BYTES_MAX], used: 0 }
    }

    fn put(&mut self, part: &str) {
        let end = self.used.saturating_add(part.len());
        if let Some(place) = self.bytes.get_mut(self.used..end) {
            place.copy_from_slice(part.as_bytes());
            self.used = end;
        }
    }

    fn put_ttl(&mut self, ttl: i64) {
        self.put("; ttl=");
        self.put(itoa::Buffer::new().format(ttl));
    }

    fn put_detail(&mut self, detail: Reason) {
        self.put("; detail=");
        self.put(detail.token());
    }

    fn finish(&self) -> HeaderValue {
        let line = self.bytes.get(..self.used).unwrap_or_default();
        HeaderValue::from_bytes(line).unwrap_or_else(|_| HeaderValue::from_static("larder"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_what_rfc_9211_shows() {
        let forwarded = Handling::Forwarded {
            fwd: Fwd::UriMiss,
            fwd_status: None,
            stored: true,
            collapsed: false,
            ttl: Some(60),
            detail: Reason::UriMiss,
        };
        let validated = Handling::Forwarded {
            fwd: Fwd::Stale,
            fwd_status: Some(StatusCode::NOT_MODIFIED),
            stored: true,
            collapsed: true,
            ttl: None,
            detail: Reason::Validated,
        };
        let cases = [
            (Handling::Hit { ttl: 53, detail: Reason::Fresh }, "larder; hit; ttl=53; detail=fresh"),
            (
                Handling::Hit { ttl: -412, detail: Reason::StaleIfError },
                "larder; hit; ttl=-412; detail=stale-if-error",
            ),
            (forwarded, "larder; fwd=uri-miss; stored; ttl=60; detail=uri-miss"),
            (validated, "larder; fwd=stale; fwd-status=304; stored; collapsed; detail=validated"),
        ];
        for (handling, expected) in cases {
            assert_eq!(write(&handling), expected);
        }
    }

    #[test]
    fn the_longest_member_is_not_cut() {
        for reason in Reason::ALL {
            let member = write(&Handling::Forwarded {
                fwd: Fwd::VaryMiss,
                fwd_status: Some(StatusCode::OK),
                stored: true,
                collapsed: true,
                ttl: Some(i64::MIN),
                detail: *reason,
            });
            let text = member.to_str().unwrap();
            assert!(text.ends_with(&format!("; detail={reason}")), "{text}");
        }
    }
}
