//! What the application is sent by a fetch that fills a shared page: what is unkeyed is unsent.
//!
//! The request is written anew from what the key holds, so nothing has to be thought of to be taken off:
//! 1. the cookies of the key, and no others;
//! 2. the request fields of the key;
//! 3. the fields by which the page is known to vary (`Vary`): their values select the variant;
//! 4. the signs of a script's request;
//! 5. `Larder-Identity`, for whom the page is, where the key says so;
//! 6. where the page is reworked, that it is wanted in no content coding;
//! 7. a `User-Agent` that is the same for all, unless the page varies by it.
//!
//! What Larder writes about itself and the site (`Host`, `X-Forwarded-Proto`) is the edge's part; the visitor's address is
//! not told.

use crate::audience::{Audience, Part, UserKey};
use crate::cookies;
use crate::identity::field::{self, LARDER_IDENTITY};
use crate::identity::proof::LARDER_IDENTITY_PROOF;
use crate::policy::Policy;
use crate::rule::Share;
use crate::ruling::Ruling;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// The `User-Agent` of a fetch for nobody in particular.
const USER_AGENT: HeaderValue = HeaderValue::from_static("Larder");

/// What is reworked has to be read.
const IDENTITY: HeaderValue = HeaderValue::from_static("identity");

impl Policy {
    /// The fields of a fetch that fills the page of `ruling`, asked for by `client`. `varies` are the fields by which the page
    /// is known to vary.
    #[must_use]
    pub fn fill(
        &self,
        ruling: &Ruling,
        share: &Share,
        client: &HeaderMap,
        varies: &[HeaderName],
    ) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(8 + varies.len());
        // A page that varies by it is made for the client's own, or for none: ours would select it for nobody.
        if !varies.contains(&header::USER_AGENT) {
            headers.insert(header::USER_AGENT, USER_AGENT);
        }
        for name in varies.iter().filter(|name| may_vary(name)) {
            copy(name, client, &mut headers);
        }
        if share.is_asked_uncoded() {
            headers.insert(header::ACCEPT_ENCODING, IDENTITY);
        }
        if let Audience::Custom { parts, .. } = &share.audience {
            for part in parts {
                if let Part::Header(name) = part {
                    copy(name, client, &mut headers);
                }
            }
        }
        if let Some(cookie) = cookies::only(client, |name| self.is_keyed_cookie(share, name)) {
            headers.insert(header::COOKIE, cookie);
        }
        self.xhr.write(ruling.xhr, &mut headers);
        let keyed = &ruling.identity;
        if keyed.is_keyed()
            && let Some(value) = field::write(keyed.class(), keyed.user(), keyed.segment())
        {
            headers.insert(LARDER_IDENTITY, value);
        }
        headers
    }

    fn is_keyed_cookie(&self, share: &Share, name: &[u8]) -> bool {
        let by_audience = match &share.audience {
            Audience::PerUser(UserKey::Session) => self.identity.session_cookies.contains(name),
            Audience::Custom { parts, .. } => parts.iter().any(|part| match part {
                Part::Cookie(keyed) => keyed.as_bytes() == name,
                Part::Header(_) | Part::Query(_) | Part::Class | Part::User | Part::Segment => {
                    false
                }
            }),
            Audience::AllUsers
            | Audience::AnonymousOnly
            | Audience::AnonymousAndAuthenticated
            | Audience::PerUser(UserKey::User) => false,
        };
        by_audience || share.keep_cookies.iter().any(|keyed| keyed.as_bytes() == name)
    }

    /// The fields that the key of a shared page holds, so that a `Vary` on them is satisfied already.
    pub fn keyed_fields(&self, share: &Share) -> Vec<HeaderName> {
        let mut names = vec![header::COOKIE, LARDER_IDENTITY, LARDER_IDENTITY_PROOF];
        names.extend(self.xhr.fields().cloned());
        if share.is_asked_uncoded() {
            // Always the same.
            names.push(header::ACCEPT_ENCODING);
        }
        if let Audience::Custom { parts, .. } = &share.audience {
            names.extend(parts.iter().filter_map(|part| match part {
                Part::Header(name) => Some(name.clone()),
                Part::Cookie(_) | Part::Query(_) | Part::Class | Part::User | Part::Segment => None,
            }));
        }
        names
    }
}

/// Whether a page may vary by a field, so that a client's value of it is sent. Cookies are chosen by name, credentials never
/// are sent, and what belongs to a condition or a range is the cache's own part.
fn may_vary(name: &HeaderName) -> bool {
    const NEVER: [HeaderName; 12] = [
        header::COOKIE,
        header::AUTHORIZATION,
        header::HOST,
        header::RANGE,
        header::IF_RANGE,
        header::IF_NONE_MATCH,
        header::IF_MODIFIED_SINCE,
        header::IF_MATCH,
        header::IF_UNMODIFIED_SINCE,
        header::CONTENT_LENGTH,
        LARDER_IDENTITY,
        LARDER_IDENTITY_PROOF,
    ];
    !NEVER.contains(name)
}

fn copy(name: &HeaderName, from: &HeaderMap, to: &mut HeaderMap) {
    let mut lines = from.get_all(name).iter();
    let Some(first) = lines.next() else { return };
    to.insert(name, first.clone());
    for line in lines {
        to.append(name, line.clone());
    }
}
