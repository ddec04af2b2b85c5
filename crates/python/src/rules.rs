//! A rule file, read once, and what is asked of it.

use crate::clock;
use crate::decision::{Decision, titled};
use crate::errors::{os_error, rules_error};
use crate::identity::PyIdentity;
use crate::request::{self, Looked, Request};
use crate::sources::Application;
use http::HeaderMap;
use larder_config::{Config, ConfigBuilder, Problems};
use larder_policy::identity::field::{LARDER_IDENTITY, Parts};
use larder_policy::identity::proof::LARDER_IDENTITY_PROOF;
use larder_policy::{Class, Explanation, KeyBuf, Plain, Policy, Sources};
use larder_semantics::Timestamp;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::path::PathBuf;
use std::sync::Arc;

/// A checked rule file.
#[pyclass(module = "django_larder._core", frozen)]
#[derive(Debug)]
pub(crate) struct Rules {
    policy: Arc<Policy>,
    warnings: String,
    looked: Looked,
}

/// Logged in or not, user, segment.
type Told = (Option<bool>, Option<String>, Option<String>);

/// Method, scheme, host and target.
type Line<'a> = (&'a str, &'a str, &'a str, &'a str);

impl Rules {
    fn checked(py: Python<'_>, name: &str, text: &str) -> PyResult<Self> {
        let config = read(name, text).map_err(|problems| rules_error(py, name, &problems))?;
        let looked = Looked::of(py, &config.policy);
        Ok(Self { policy: config.policy, warnings: config.warnings.to_string(), looked })
    }

    fn ruled(
        &self,
        request: &Request<'_>,
        identity: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Decision> {
        let target = request.target();
        let visit = request.visit(&target);
        let mut key = KeyBuf::new();
        let ruling = with_sources(identity, |sources, now| {
            self.policy.decide(&visit, sources, now, &mut key)
        })?;
        Ok(Decision {
            policy: Arc::clone(&self.policy),
            asker: self.policy.asker(&ruling, &request.headers),
            ruling,
            key,
            is_for_a_page: visit.is_for_a_page(),
        })
    }

    fn explained(
        &self,
        line: Line<'_>,
        headers: &Bound<'_, PyAny>,
        identity: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Explanation> {
        let request = Request::new(line, request::fields(headers)?)?;
        let target = request.target();
        let visit = request.visit(&target);
        with_sources(identity, |sources, now| self.policy.explain(&visit, sources, now))
    }
}

#[pymethods]
impl Rules {
    /// Reads a rule file. Raises RulesError for what is wrong in it, OSError where it can't be read.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let name = path.display().to_string();
        let bytes = std::fs::read(&path).map_err(|error| os_error(&path, &error))?;
        match String::from_utf8(bytes) {
            Ok(text) => Self::checked(py, &name, &text),
            Err(error) => Err(rules_error(py, &name, &Problems::unreadable(&name, &error))),
        }
    }

    /// Reads a rule file that is text already; `name` is what problems call it.
    #[staticmethod]
    fn parse(py: Python<'_>, name: &str, text: &str) -> PyResult<Self> {
        Self::checked(py, name, text)
    }

    /// What is allowed but hardly meant, one a line; "" where there is nothing.
    #[getter]
    fn warnings(&self) -> &str {
        &self.warnings
    }

    /// The names of session cookies, as the file lists them; one `*` stands for anything.
    #[getter]
    fn session_cookies(&self) -> Vec<String> {
        self.policy.identity.session_cookies.as_slice().to_vec()
    }

    /// The name of the cookie with the signed marker.
    #[getter]
    fn marker_cookie(&self) -> &str {
        self.policy.identity.marker.as_ref().map_or("larder_id", |marker| &marker.cookie)
    }

    /// How many keys there are to sign markers with; 0: none are signed.
    #[getter]
    fn marker_keys(&self) -> usize {
        self.policy.identity.marker.as_ref().map_or(0, |marker| marker.keys.len())
    }

    /// The path at which Larder asks who a visitor is.
    #[getter]
    fn lookup_path(&self) -> Option<&str> {
        self.policy.identity.lookup.as_ref().map(|lookup| lookup.path.as_str())
    }

    /// The name of the cookie with a visitor's secret for forms.
    #[getter]
    fn csrf_cookie(&self) -> &str {
        &self.policy.csrf.name
    }

    /// The response field that tags are told in.
    #[getter]
    fn tag_field(&self) -> String {
        self.policy.tags.names().first().map_or_else(String::new, |name| titled(name.as_str()))
    }

    /// What stands between two tags there.
    #[getter]
    fn tag_separator(&self) -> &'static str {
        let name = self.policy.tags.names().first().map_or("", http::HeaderName::as_str);
        // By custom: Fastly and Varnish put spaces there, the others commas. Larder reads both.
        if matches!(name, "surrogate-key" | "xkey") { " " } else { "," }
    }

    /// Whether scripts' requests are never stored (`[xhr] never`).
    #[getter]
    fn xhr_never(&self) -> bool {
        self.policy.xhr.never
    }

    /// What becomes of a request. `target` is path and query as they were sent. `identity` is called where the page depends
    /// on who the visitor is; None from it means that nobody is logged in. Without it the request's marker counts, as in the
    /// proxy. Raises ValueError for what is no request.
    #[pyo3(signature = (method, scheme, host, target, headers, identity=None))]
    #[expect(clippy::too_many_arguments, reason = "a request has that many parts")]
    fn decide(
        &self,
        method: &str,
        scheme: &str,
        host: &str,
        target: &str,
        headers: &Bound<'_, PyAny>,
        identity: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Decision> {
        let headers = request::fields(headers)?;
        self.ruled(&Request::new((method, scheme, host, target), headers)?, identity)
    }

    /// The same, from the META of a Django request; only what the decision needs of it is read.
    #[pyo3(signature = (method, scheme, host, target, meta, identity=None))]
    #[expect(clippy::too_many_arguments, reason = "a request has that many parts")]
    fn decide_meta(
        &self,
        method: &str,
        scheme: &str,
        host: &str,
        target: &str,
        meta: &Bound<'_, PyAny>,
        identity: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Decision> {
        let headers = self.looked.read(meta)?;
        self.ruled(&Request::new((method, scheme, host, target), headers)?, identity)
    }

    /// The decision and all that it rests on, for people.
    #[pyo3(signature = (method, scheme, host, target, headers, identity=None))]
    #[expect(clippy::too_many_arguments, reason = "a request has that many parts")]
    fn explain(
        &self,
        method: &str,
        scheme: &str,
        host: &str,
        target: &str,
        headers: &Bound<'_, PyAny>,
        identity: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<String> {
        Ok(self.explained((method, scheme, host, target), headers, identity)?.to_string())
    }

    /// The same as JSON.
    #[pyo3(signature = (method, scheme, host, target, headers, identity=None))]
    #[expect(clippy::too_many_arguments, reason = "a request has that many parts")]
    fn explain_json(
        &self,
        method: &str,
        scheme: &str,
        host: &str,
        target: &str,
        headers: &Bound<'_, PyAny>,
        identity: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<String> {
        let explained = self.explained((method, scheme, host, target), headers, identity)?;
        serde_json::to_string(&explained).map_err(|error| PyValueError::new_err(error.to_string()))
    }

    /// The marker that proves who the session is until `expires`, seconds since 1970. Raises ValueError without a key, and
    /// for what can't be in a marker.
    fn sign_marker(
        &self,
        identity: &PyIdentity,
        session_cookie: (String, String),
        expires: u64,
    ) -> PyResult<String> {
        let Some(marker) = &self.policy.identity.marker else {
            return Err(PyValueError::new_err(
                "there is no key in identity.marker_keys to sign with",
            ));
        };
        let (name, value) = &session_cookie;
        marker
            .keys
            .sign(&identity.0, (name, value.as_bytes()), Timestamp::from_secs(expires))
            .map_err(PyValueError::new_err)
    }

    /// Whom a marker names and until when; None where it proves nothing.
    fn verify_marker(
        &self,
        marker: &str,
        session_cookie: (String, String),
        now: u64,
    ) -> Option<(PyIdentity, u64)> {
        let keys = &self.policy.identity.marker.as_ref()?.keys;
        let session = (session_cookie.0.as_bytes(), session_cookie.1.as_bytes());
        let verified = keys.verify(marker.as_bytes(), session, Timestamp::from_secs(now));
        verified.ok().map(|(identity, expires)| (PyIdentity(identity), expires.as_secs()))
    }

    /// For whom Larder wants a page to be made, by its two fields: logged in or not, user, segment; None for a part that is
    /// not told. Raises ValueError where what is told does not count: docs/rules.md#proof.
    #[pyo3(signature = (identity, proof=None))]
    fn told(&self, identity: &str, proof: Option<&str>) -> PyResult<Told> {
        let mut headers = HeaderMap::with_capacity(2);
        for (name, value) in [(LARDER_IDENTITY, Some(identity)), (LARDER_IDENTITY_PROOF, proof)] {
            let Some(value) = value else { continue };
            let value = request::line(value)
                .ok_or_else(|| PyValueError::new_err(format!("{name}: {value:?} can't be sent")))?;
            headers.append(name, value);
        }
        let told = self.policy.identity.told(&headers, clock::now());
        let told = told.map_err(|fault| PyValueError::new_err(fault.to_string()))?;
        let Parts { class, user, segment } = told.unwrap_or_default();
        Ok((class.map(|class| class == Class::Authenticated), user, segment))
    }

    fn __repr__(&self) -> String {
        format!("<Rules: {}>", self.policy.rules.iter().len())
    }
}

/// The rules of a file, for an application: what only the proxy needs may be missing.
fn read(name: &str, text: &str) -> Result<Config, Problems> {
    ConfigBuilder::new().file(name, text).for_application().build()
}

/// Decides with what the application says, or with what the request itself proves.
fn with_sources<T>(
    identity: Option<&Bound<'_, PyAny>>,
    decide: impl FnOnce(&dyn Sources, Timestamp) -> T,
) -> PyResult<T> {
    let Some(ask) = identity.filter(|ask| !ask.is_none()) else {
        return Ok(decide(&Plain, clock::now()));
    };
    let application = Application::new(ask);
    let decided = decide(&application, Timestamp::from_secs(0));
    application.raised().map_or(Ok(decided), Err)
}
