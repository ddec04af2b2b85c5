//! The marker: a cookie by which visitors are known again without anybody being asked.

use std::fmt;
use std::time::{Duration, SystemTime};

use http::HeaderValue;
use http::header::{AUTHORIZATION, HeaderMap};
use larder_policy::cookies;
use larder_policy::identity::{IdentityRules, Marker, Session};
use larder_semantics::Timestamp;

use super::Identity;
use super::layer::timestamp;
use crate::Rules;

/// How long a marker counts, if nothing else is said.
const AGE: Duration = Duration::from_secs(600);

/// Makes the cookie that says who a visitor is: at login, and again as long as the session is good.
///
/// The marker is bound to one value of the session cookie and counts for [`age`](Self::age), whatever becomes of the session
/// meanwhile: nobody is asked. So keep it short, and let requests that load the session anyway renew it ([`refresh`](Self::refresh)).
/// At logout take it off ([`clear`](Self::clear)) together with the session.
///
/// ```
/// use larder_tower::{Identity, Rules, Signer};
/// use std::time::{Duration, SystemTime};
///
/// # std::fs::write(std::env::temp_dir().join("larder-doc-signer.key"), [b'x'; 32])?;
/// # let key = std::env::temp_dir().join("larder-doc-signer.key");
/// # let key = key.to_str().expect("a path");
/// let rules = Rules::builder().session_cookie("sid").marker_key_file("k1", key).build()?;
/// let signer = Signer::new(&rules).expect("there is a key").age(Duration::from_secs(300));
///
/// let now = SystemTime::now();
/// let staff = Identity::authenticated().with_user("42").with_segment("staff");
/// let login = signer.set_cookie(&staff, ("sid", b"abcdefgh"), now)?;
/// let login = login.to_str()?;
/// assert!(login.starts_with("larder_id=1.k1."));
/// assert!(login.ends_with("; Path=/; Max-Age=300; HttpOnly; SameSite=Lax; Secure"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Signer {
    rules: IdentityRules,
    marker: Marker,
    age: Duration,
    /// What stands behind every cookie.
    attributes: &'static str,
}

/// What can't be in a marker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkerError(String);

impl fmt::Display for MarkerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for MarkerError {}

impl Signer {
    /// Signs with the first of the rules' keys. `None`: they have none.
    #[must_use]
    pub fn new(rules: &Rules) -> Option<Self> {
        let rules = rules.policy.identity.clone();
        let marker = rules.marker.clone()?;
        let attributes = "HttpOnly; SameSite=Lax; Secure";
        Some(Self { rules, marker, age: AGE, attributes })
    }

    /// How long a marker counts: ten minutes, if this is not said.
    #[must_use]
    pub fn age(self, age: Duration) -> Self {
        Self { age, ..self }
    }

    /// Leaves `Secure` out, for a site that is reached by http, as one under development.
    #[must_use]
    pub fn for_plain_http(self) -> Self {
        Self { attributes: "HttpOnly; SameSite=Lax", ..self }
    }

    /// The cookie that says that `session` is `identity`'s, as a value of `Set-Cookie`. `session` is the session cookie's name and its
    /// value, as the browser will send it.
    ///
    /// # Errors
    /// The session cookie is not one of the rules', or empty; user or segment are too long or not of printable ASCII.
    pub fn set_cookie(
        &self,
        identity: &Identity,
        session: (&str, &[u8]),
        now: SystemTime,
    ) -> Result<HeaderValue, MarkerError> {
        if !self.rules.session_cookies.contains(session.0.as_bytes()) {
            let name = session.0;
            let message = format!("{name:?} is not among identity.session_cookies of the rules");
            return Err(MarkerError(message));
        }
        let whole = identity.whole().ok_or_else(|| {
            MarkerError(
                "this is for whom a page is made, which says less than who somebody is".into(),
            )
        })?;
        let expires = timestamp(now).plus(self.age);
        let marker = self.marker.keys.sign(&whole, session, expires).map_err(MarkerError)?;
        let (name, age) = (&self.marker.cookie, self.age.as_secs());
        let attributes = self.attributes;
        HeaderValue::try_from(format!("{name}={marker}; Path=/; Max-Age={age}; {attributes}"))
            .map_err(|error| MarkerError(error.to_string()))
    }

    /// The cookie that takes the marker off, for logout.
    #[must_use]
    pub fn clear(&self) -> HeaderValue {
        let (name, attributes) = (&self.marker.cookie, self.attributes);
        let line = format!("{name}=; Path=/; Max-Age=0; {attributes}");
        // Names that can't be in a field are no names of cookies, and were refused with the rules.
        HeaderValue::try_from(line).unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    /// What to do about the marker of a request whose session the application has just looked up, and found to be
    /// `identity`'s. `None`: nothing. It is set where there is none that counts for this session, where it says something else, and
    /// when half of its life is over; where there is no session it is taken off. A request with `Authorization` is left alone: who
    /// that names need not be whose session it is.
    ///
    /// # Errors
    /// As [`set_cookie`](Self::set_cookie).
    pub fn refresh(
        &self,
        request: &HeaderMap,
        identity: &Identity,
        now: SystemTime,
    ) -> Result<Option<HeaderValue>, MarkerError> {
        if request.contains_key(AUTHORIZATION) {
            return Ok(None);
        }
        let mut markers = self.markers(request);
        let Session::One { name, value } = Session::of(request, &self.rules) else {
            return Ok(markers.next().map(|_| self.clear()));
        };
        if !self.rules.session_cookies.contains(name) {
            // Written in another way than the application would: its own affair.
            return Ok(None);
        }
        let half = timestamp(now).plus(self.age / 2);
        let counts = |marker: &[u8]| self.counts(marker, (name, value), identity, half);
        if markers.next().is_some_and(counts) && markers.next().is_none() {
            return Ok(None);
        }
        let name = String::from_utf8_lossy(name);
        self.set_cookie(identity, (&name, value), now).map(Some)
    }

    /// Whether a marker says this of the session and will for longer than until `half`.
    fn counts(
        &self,
        marker: &[u8],
        session: (&[u8], &[u8]),
        identity: &Identity,
        half: Timestamp,
    ) -> bool {
        let read = self.marker.keys.verify(marker, session, half);
        read.is_ok_and(|(known, _)| Identity::from(&known) == *identity)
    }

    fn markers<'a>(&'a self, request: &'a HeaderMap) -> impl Iterator<Item = &'a [u8]> {
        let is_marker = |name: &[u8]| name == self.marker.cookie.as_bytes();
        cookies::iter(request).filter(move |(name, _)| is_marker(name)).map(|(_, value)| value)
    }
}
