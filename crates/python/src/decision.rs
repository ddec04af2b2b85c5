//! What becomes of a request, for Python to look at. Nothing is worked out before it is asked for.

use http::{HeaderValue, StatusCode};
use larder_policy::outward::Asker;
use larder_policy::{KeyBuf, Policy, Rule, Ruling, Share, Way};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::sync::Arc;

use crate::request;

/// Names and values of fields.
type Fields = Vec<(String, String)>;

/// What becomes of a request by the rules.
#[pyclass(module = "django_larder._core", frozen)]
#[derive(Debug)]
pub(crate) struct Decision {
    pub(crate) policy: Arc<Policy>,
    pub(crate) ruling: Ruling,
    pub(crate) key: KeyBuf,
    pub(crate) asker: Asker,
    pub(crate) is_for_a_page: bool,
}

impl Decision {
    pub(crate) fn of_rule(&self) -> Option<&Rule> {
        self.policy.rule_of(&self.ruling)
    }

    fn of_share(&self) -> Option<&Share> {
        self.policy.share_of(&self.ruling)
    }
}

#[pymethods]
impl Decision {
    /// Index of the rule that matched, from 0 in the order of the file.
    #[getter]
    fn rule(&self) -> Option<u32> {
        self.ruling.rule.map(|id| id.0)
    }

    /// Where that rule stands: "larder.toml:12".
    #[getter]
    fn place(&self) -> Option<&str> {
        self.of_rule().map(|rule| rule.place.as_str())
    }

    /// "open" (the response decides), "share", "pass", "never" or "look-up".
    #[getter]
    fn way(&self) -> &'static str {
        match self.ruling.way {
            Way::Open => "open",
            Way::Share => "share",
            Way::Pass(_) => "pass",
            Way::Never(_) => "never",
            Way::LookUp => "look-up",
        }
    }

    /// The stable name of why, for "pass" and "never": docs/reasons.md.
    #[getter]
    fn reason(&self) -> Option<&'static str> {
        match self.ruling.way {
            Way::Pass(reason) | Way::Never(reason) => Some(reason.token()),
            Way::Open | Way::Share | Way::LookUp => None,
        }
    }

    /// Whom the rule shares its pages with, by the name in the file.
    #[getter]
    fn audience(&self) -> Option<&str> {
        self.of_share().map(|share| share.audience.name())
    }

    /// The rule's tags.
    #[getter]
    fn tags(&self) -> Vec<&str> {
        self.of_rule()
            .map(|rule| rule.tags.iter().map(String::as_str).collect())
            .unwrap_or_default()
    }

    /// How long the rule keeps its pages, seconds.
    #[getter]
    fn ttl(&self) -> Option<f64> {
        self.of_share()?.ttl.map(|ttl| ttl.as_secs_f64())
    }

    /// The bytes under which the page lies in Larder.
    #[getter]
    fn key(&self) -> &[u8] {
        self.key.as_bytes()
    }

    /// Whether the page is another than an anonymous visitor's, so that it counts only if it says
    /// `Vary: Larder-Identity`.
    #[getter]
    fn needs_confirmation(&self) -> bool {
        self.ruling.way == Way::Share && self.ruling.identity.needs_confirmation()
    }

    /// Whether the rule gives each visitor tokens of their own in forms (`csrf = "django"`).
    #[getter]
    pub(crate) fn forms(&self) -> bool {
        self.of_share().is_some_and(|share| share.rework.csrf)
    }

    /// What a response with these fields says to caches other than Larder: fields to set, names to remove.
    ///
    /// `headers` has every field of the response, Set-Cookie among them, once for each cookie. `personal` says that the page
    /// was made for this visitor alone.
    #[pyo3(signature = (status, headers, *, personal=false))]
    fn outward(
        &self,
        status: u16,
        headers: &Bound<'_, PyAny>,
        personal: bool,
    ) -> PyResult<(Fields, Vec<String>)> {
        let status = StatusCode::from_u16(status)
            .map_err(|_| PyValueError::new_err(format!("{status} is not a status")))?;
        let response = request::fields(headers)?;
        let asker = Asker { personal, ..self.asker };
        let outward = self.policy.outward(&self.ruling, asker, status, &response);
        let set = outward.set.iter().map(|(name, value)| (titled(name.as_str()), text(value)));
        Ok((set.collect(), outward.remove.iter().map(|name| titled(name.as_str())).collect()))
    }

    fn __repr__(&self) -> String {
        let reason = self.reason().map(|reason| format!(" ({reason})")).unwrap_or_default();
        format!("<Decision {}{reason} by {}>", self.way(), self.place().unwrap_or("no rule"))
    }
}

/// A field's value as Python has it: each character is a byte.
pub(crate) fn text(value: &HeaderValue) -> String {
    value.as_bytes().iter().map(|&byte| char::from(byte)).collect()
}

/// A field's name as people write it: `Cache-Control`.
pub(crate) fn titled(name: &str) -> String {
    let parts = name.split('-').map(|part| {
        let mut letters = part.chars();
        letters.next().map_or_else(String::new, |first| {
            first.to_ascii_uppercase().to_string() + letters.as_str()
        })
    });
    parts.collect::<Vec<_>>().join("-")
}
