//! Who a visitor is, as Django knows it and as Larder writes it.

use larder_policy::identity::{Class, Identity, field};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};

/// Who a visitor is, as the application says: logged in or not, by which name, in which segment.
#[pyclass(name = "Identity", module = "django_larder._core", frozen, eq)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PyIdentity(pub(crate) Identity);

#[pymethods]
impl PyIdentity {
    #[new]
    #[pyo3(signature = (authenticated, user=None, segment=None))]
    fn new(authenticated: bool, user: Option<String>, segment: Option<String>) -> Self {
        let class = if authenticated { Class::Authenticated } else { Class::Anonymous };
        Self(Identity { class, user, segment })
    }

    #[getter]
    fn authenticated(&self) -> bool {
        self.0.class == Class::Authenticated
    }

    #[getter]
    fn user(&self) -> Option<&str> {
        self.0.user.as_deref()
    }

    #[getter]
    fn segment(&self) -> Option<&str> {
        self.0.segment.as_deref()
    }

    /// The value of the response field Larder-Identity. Raises ValueError where a part can't be written: it is empty, too
    /// long, or not of printable ASCII.
    fn field(&self) -> PyResult<String> {
        let Identity { class, user, segment } = &self.0;
        field::write(Some(*class), user.as_deref(), segment.as_deref())
            .and_then(|value| value.to_str().ok().map(str::to_owned))
            .ok_or_else(|| {
                PyValueError::new_err(
                    "user and segment have to be printable ASCII of 1 to 256 characters each",
                )
            })
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.0.hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self) -> String {
        let text =
            |part: Option<&str>| part.map_or_else(|| "None".to_owned(), |part| format!("{part:?}"));
        let is = if self.authenticated() { "True" } else { "False" };
        format!("Identity({is}, user={}, segment={})", text(self.user()), text(self.segment()))
    }
}
