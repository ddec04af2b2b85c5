//! Who says who a visitor is: the application that runs, or, where it is not asked, the marker that it signed.

use crate::identity::PyIdentity;
use http::HeaderMap;
use larder_policy::identity::{IdentityRules, Keys, MarkerFault};

use larder_policy::{Identity, Known, Plain, SessionCookie, Sources, Visitor};
use larder_semantics::Timestamp;
use pyo3::prelude::*;
use std::cell::RefCell;
use std::sync::Arc;

/// The application's own word, asked for when a decision needs it, and once.
pub(crate) struct Application<'py> {
    ask: &'py Bound<'py, PyAny>,
    answer: RefCell<Option<PyResult<Option<Arc<Identity>>>>>,
}

impl<'py> Application<'py> {
    pub(crate) const fn new(ask: &'py Bound<'py, PyAny>) -> Self {
        Self { ask, answer: RefCell::new(None) }
    }

    /// What it raised instead of an answer.
    pub(crate) fn raised(self) -> Option<PyErr> {
        self.answer.into_inner()?.err()
    }

    fn asked(&self) -> PyResult<Option<Arc<Identity>>> {
        let answer = self.ask.call0()?;
        if answer.is_none() {
            return Ok(None);
        }
        let identity = answer.cast::<PyIdentity>()?;
        Ok(Some(Arc::new(identity.get().0.clone())))
    }
}

impl Sources for Application<'_> {
    fn marker(
        &self,
        keys: &Keys,
        marker: &[u8],
        session: SessionCookie<'_>,
        now: Timestamp,
    ) -> Result<Arc<Identity>, MarkerFault> {
        Plain.marker(keys, marker, session, now)
    }

    fn looked_up(&self, _: SessionCookie<'_>, _: Timestamp) -> Known {
        Known::Unknown
    }

    /// What the application says goes before any proof: it is who signs the proofs.
    fn visitor(&self, _: &HeaderMap, _: &IdentityRules, _: Timestamp) -> Visitor {
        match self.answer.borrow_mut().get_or_insert_with(|| self.asked()) {
            Ok(Some(identity)) => Visitor::Verified(Arc::clone(identity)),
            Ok(None) | Err(_) => Visitor::Anonymous,
        }
    }
}
