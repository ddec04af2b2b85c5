//! Who is logged in? Sessions in memory, each with a marker beside its cookie, by which the cache knows which pages are its visitor's
//! without asking the application.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use http::HeaderValue;
use http::header::{COOKIE, HeaderMap};
use larder_tower::{Identity, Signer};

/// All sessions, by the value of their cookie.
pub(crate) struct Sessions {
    users: Mutex<HashMap<String, String>>,
    signer: Signer,
}

impl Sessions {
    pub(crate) fn new(signer: Signer) -> Self {
        Self { users: Mutex::default(), signer }
    }

    /// A new session: its cookie, and the marker that says what its pages are.
    pub(crate) fn begin(&self, user: &str) -> Result<[HeaderValue; 2], Box<dyn Error>> {
        let mut random = [0; 16];
        getrandom::fill(&mut random)?;
        let id = format!("{:032x}", u128::from_be_bytes(random));
        let session = format!("sid={id}; Path=/; HttpOnly; SameSite=Lax").parse()?;
        let member = Identity::authenticated();
        let marker = self.signer.set_cookie(&member, ("sid", id.as_bytes()), now())?;
        self.users.lock().unwrap_or_else(PoisonError::into_inner).insert(id, user.to_owned());
        Ok([session, marker])
    }

    /// What ends a session in the browser, and here.
    pub(crate) fn end(&self, headers: &HeaderMap) -> [HeaderValue; 2] {
        if let Some(id) = cookie(headers, "sid") {
            self.users.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
        }
        let session = HeaderValue::from_static("sid=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
        [session, self.signer.clear()]
    }

    /// The marker anew, where half of its life is over: for whoever has just looked the session up.
    pub(crate) fn renewed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        self.signer.refresh(headers, &Identity::authenticated(), now()).ok().flatten()
    }
}

#[expect(clippy::disallowed_methods, reason = "an application is where time comes from")]
fn now() -> SystemTime {
    SystemTime::now()
}

/// Who asks, by the session that is looked up: for pages that are this visitor's only.
pub(crate) fn user(sessions: &Sessions, headers: &HeaderMap) -> Option<String> {
    let id = cookie(headers, "sid")?;
    sessions.users.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
}

/// A cookie's value.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    lines
        .flat_map(|line| line.split("; "))
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}
