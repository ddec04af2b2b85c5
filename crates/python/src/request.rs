//! How does a request as Python has it become the one that policy looks at?
//!
//! A WSGI or ASGI environment has field values as text in which each character is a byte (latin-1, PEP 3333), and what it
//! has of a field that came several times is joined. Of META only those fields are read that a decision can depend on: the
//! list is made once, when the rules are read.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use larder_policy::host::canonical;
use larder_policy::{Action, Audience, CanonicalHost, Part, Policy, Scheme, Visit, hygiene};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use std::borrow::Cow;

/// A request, checked.
pub(crate) struct Request<'a> {
    pub(crate) method: Method,
    pub(crate) scheme: Scheme,
    pub(crate) host: CanonicalHost<'a>,
    uri: Uri,
    pub(crate) headers: HeaderMap,
}

impl<'a> Request<'a> {
    /// Refuses what Larder would refuse of these.
    pub(crate) fn new(
        (method, scheme, host, target): (&str, &str, &'a str, &str),
        headers: HeaderMap,
    ) -> PyResult<Self> {
        let method = Method::from_bytes(method.as_bytes())
            .map_err(|_| PyValueError::new_err(format!("{method:?} is not a method")))?;
        let scheme = read_scheme(scheme)?;
        let host = canonical(host.as_bytes(), scheme)
            .map_err(|_| PyValueError::new_err(format!("{host:?} is not a host")))?;
        let uri = Uri::try_from(target).map_err(|error| {
            PyValueError::new_err(format!("{target:?} is not a target: {error}"))
        })?;
        Ok(Self { method, scheme, host, uri, headers })
    }

    pub(crate) fn target(&self) -> Cow<'_, str> {
        hygiene::target(&self.uri)
    }

    pub(crate) fn visit<'v>(&'v self, target: &'v str) -> Visit<'v> {
        Visit {
            scheme: self.scheme,
            host: self.host.as_str(),
            method: &self.method,
            target,
            headers: &self.headers,
        }
    }
}

pub(crate) fn read_scheme(scheme: &str) -> PyResult<Scheme> {
    match scheme {
        "http" => Ok(Scheme::Http),
        "https" => Ok(Scheme::Https),
        _ => Err(PyValueError::new_err(format!("{scheme:?} is neither http nor https"))),
    }
}

/// Fields as a list of names and values. What no field can carry is refused.
pub(crate) fn fields(list: &Bound<'_, PyAny>) -> PyResult<HeaderMap> {
    let mut headers = HeaderMap::with_capacity(16);
    for item in list.try_iter()? {
        let (name, value): (Bound<'_, PyString>, Bound<'_, PyString>) = item?.extract()?;
        let (name, value) = (name.to_str()?, value.to_str()?);
        let field = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| PyValueError::new_err(format!("{name:?} is not the name of a field")))?;
        let value = line(value)
            .ok_or_else(|| PyValueError::new_err(format!("{name}: {value:?} can't be sent")))?;
        headers.append(field, value);
    }
    Ok(headers)
}

/// A line of a field, from text in which each character is a byte; text with other characters is taken as UTF-8.
pub(crate) fn line(text: &str) -> Option<HeaderValue> {
    if text.is_ascii() {
        return HeaderValue::from_str(text).ok();
    }
    let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    HeaderValue::from_bytes(&bytes.unwrap_or_else(|| text.as_bytes().to_vec())).ok()
}

/// Which keys of META a policy looks at, and the fields they stand for.
#[derive(Debug)]
pub(crate) struct Looked(Vec<(Py<PyString>, HeaderName)>);

impl Looked {
    pub(crate) fn of(py: Python<'_>, policy: &Policy) -> Self {
        let mut names = vec![header::COOKIE, header::AUTHORIZATION];
        names.extend(policy.xhr.fields().cloned());
        for rule in policy.rules.iter() {
            let Action::Share(share) = &rule.action else { continue };
            let Audience::Custom { parts, .. } = &share.audience else { continue };
            names.extend(parts.iter().filter_map(|part| match part {
                Part::Header(name) => Some(name.clone()),
                Part::Cookie(_) | Part::Query(_) | Part::Class | Part::User | Part::Segment => None,
            }));
        }
        Self::fields(py, names)
    }

    pub(crate) fn fields(py: Python<'_>, names: Vec<HeaderName>) -> Self {
        let mut keys: Vec<(Py<PyString>, HeaderName)> = Vec::with_capacity(names.len());
        for name in names {
            if !keys.iter().any(|(_, other)| *other == name) {
                keys.push((PyString::intern(py, &meta_key(&name)).unbind(), name));
            }
        }
        Self(keys)
    }

    /// The fields that are there. What no field can carry is left out.
    pub(crate) fn read(&self, meta: &Bound<'_, PyAny>) -> PyResult<HeaderMap> {
        let py = meta.py();
        let mut headers = HeaderMap::with_capacity(4);
        let plain = meta.cast::<PyDict>().ok();
        for (key, name) in &self.0 {
            let key = key.bind(py);
            let found = match plain {
                Some(meta) => meta.get_item(key)?,
                None if meta.contains(key)? => Some(meta.get_item(key)?),
                None => None,
            };
            let Some(found) = found else { continue };
            let Ok(text) = found.cast::<PyString>() else { continue };
            if let Some(value) = line(text.to_str()?) {
                headers.append(name, value);
            }
        }
        Ok(headers)
    }
}

/// PEP 3333: `HTTP_` and the name in capitals, but for the two that CGI had before.
fn meta_key(name: &HeaderName) -> String {
    let bare = name.as_str().to_ascii_uppercase().replace('-', "_");
    match name {
        &header::CONTENT_TYPE | &header::CONTENT_LENGTH => bare,
        _ => format!("HTTP_{bare}"),
    }
}
