//! What does a middleware write on a response behind the view? Tags, and what the rules say to caches that are not Larder.
//!
//! One call for a response: each crossing between Python and this costs as much as a decision.

use crate::decision::{Decision, text, titled};
use crate::request::line;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use larder_html::scan;
use larder_policy::Way;
use larder_policy::outward::{Asker, Outward, READS};
use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

/// Larger pages are not looked through for tokens of other frameworks: Django's own are known without.
const TOKEN_BYTES_MAX: usize = 64 * 1024;
const OWN: &str = "private, no-cache";

/// Writes on responses, whose fields it takes as Django keeps them: a dict of the name in lower case to name and value.
#[pyclass(module = "django_larder._core", frozen)]
#[derive(Debug)]
pub(crate) struct Writer {
    tags: Field,
    separator: Py<PyString>,
    reads: Vec<(HeaderName, Field)>,
}

/// A field's name, in lower case and as it is written.
#[derive(Debug)]
struct Field {
    key: Py<PyString>,
    name: Py<PyString>,
}

impl Field {
    fn new(py: Python<'_>, name: &str) -> Self {
        let lower = name.to_ascii_lowercase();
        Self {
            key: PyString::intern(py, &lower).unbind(),
            name: PyString::intern(py, name).unbind(),
        }
    }

    fn of(&self, fields: &Bound<'_, PyDict>) -> PyResult<Option<String>> {
        let Some(pair) = fields.get_item(&self.key)? else { return Ok(None) };
        Ok(Some(pair.get_item(1)?.cast::<PyString>()?.to_str()?.to_owned()))
    }

    fn set(&self, fields: &Bound<'_, PyDict>, value: &str) -> PyResult<()> {
        fields.set_item(&self.key, (&self.name, value))
    }
}

/// A response in Python's hands.
struct Response<'a, 'py> {
    object: &'a Bound<'py, PyAny>,
    fields: &'a Bound<'py, PyDict>,
    status: StatusCode,
}

#[pymethods]
impl Writer {
    /// `tag_field` is the response field that tags are told in, `separator` what stands between two.
    #[new]
    fn new(py: Python<'_>, tag_field: &str, separator: Py<PyString>) -> Self {
        let reads = READS.map(|name| {
            let field = Field::new(py, &titled(name.as_str()));
            (name, field)
        });
        Self { tags: Field::new(py, tag_field), separator, reads: reads.into() }
    }

    /// Writes the tags of a page: the rule's and those of `given`, behind those that are there. Pages that nobody stores get
    /// none. Then, if it `speaks`, what it says to caches that are not Larder; answers whether it does say something.
    ///
    /// `personal`: it was made for this visitor alone. `asks`: Larder asks for a page that is nobody's in particular.
    /// `has_own_rule`: its rule is not the file's, so that Larder does not know it.
    #[pyo3(signature = (decision, response, fields, given, speaks, personal, asks, has_own_rule))]
    #[expect(
        clippy::too_many_arguments,
        clippy::fn_params_excessive_bools,
        reason = "Python knows that many things"
    )]
    fn write(
        &self,
        decision: &Decision,
        response: &Bound<'_, PyAny>,
        fields: &Bound<'_, PyDict>,
        given: Option<&Bound<'_, PyDict>>,
        speaks: bool,
        personal: bool,
        asks: bool,
        has_own_rule: bool,
    ) -> PyResult<bool> {
        self.tag(decision, fields, given)?;
        if !speaks {
            return Ok(false);
        }
        if asks && !has_own_rule && decision.ruling.way == Way::Share {
            // Larder applies the rule itself, and a `private` for others would keep it from storing the page.
            if personal && !decision.forms() {
                self.keep_private(fields)?;
            }
            return Ok(false);
        }
        let status: u16 = response.getattr(intern!(response.py(), "status_code"))?.extract()?;
        let status = StatusCode::from_u16(status)
            .map_err(|_| PyValueError::new_err(format!("{status} is not a status")))?;
        let response = Response { object: response, fields, status };
        let personal = personal || !asks && embeds_token(decision, &response)?;
        let said = self.outward(decision, &response, personal)?;
        if asks && has_own_rule && is_private(&said) {
            if personal {
                self.keep_private(fields)?;
            }
            return Ok(false);
        }
        self.put(&said, &response)?;
        Ok(true)
    }
}

impl Writer {
    fn tag(
        &self,
        decision: &Decision,
        fields: &Bound<'_, PyDict>,
        given: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let of_rule = decision.of_rule().map_or(&[][..], |rule| &rule.tags);
        let given = given.filter(|given| !given.is_empty());
        let is_stored = decision.is_for_a_page && !matches!(decision.ruling.way, Way::Never(_));
        if !is_stored || of_rule.is_empty() && given.is_none() {
            return Ok(());
        }
        // In order, each once.
        let tags = PyDict::new(fields.py());
        if let Some(line) = self.tags.of(fields)? {
            let already = line.split(|letter: char| letter == ',' || letter.is_whitespace());
            for tag in already.filter(|tag| !tag.is_empty()) {
                tags.set_item(tag, ())?;
            }
        }
        for tag in of_rule {
            tags.set_item(tag, ())?;
        }
        if let Some(given) = given {
            tags.update(given.as_mapping())?;
        }
        let line = self.separator.bind(fields.py()).call_method1("join", (tags,))?;
        fields.set_item(&self.tags.key, (&self.tags.name, line))
    }

    fn field(&self, name: &HeaderName) -> Option<&Field> {
        self.reads.iter().find(|(other, _)| other == name).map(|(_, field)| field)
    }

    fn outward(
        &self,
        decision: &Decision,
        response: &Response<'_, '_>,
        personal: bool,
    ) -> PyResult<Outward> {
        let mut asker = Asker { personal, ..decision.asker };
        let mut headers = HeaderMap::with_capacity(4);
        let mut append = |name: &HeaderName, value: &str| match line(value) {
            Some(value) => _ = headers.append(name, value),
            // What no field can carry could be a word against sharing.
            None => asker.personal = true,
        };
        for (name, field) in &self.reads {
            if let Some(pair) = response.fields.get_item(&field.key)? {
                append(name, pair.get_item(1)?.cast::<PyString>()?.to_str()?);
            }
        }
        for cookie in response.cookies()? {
            append(&header::SET_COOKIE, &cookie);
        }
        Ok(decision.policy.outward(&decision.ruling, asker, response.status, &headers))
    }

    fn put(&self, said: &Outward, response: &Response<'_, '_>) -> PyResult<()> {
        let (py, fields) = (response.fields.py(), response.fields);
        for name in &said.remove {
            let key = name.as_str();
            if fields.contains(key)? {
                fields.del_item(key)?;
            }
            if *name == header::SET_COOKIE {
                // Django keeps them apart from the fields.
                response.object.getattr(intern!(py, "cookies"))?.call_method0("clear")?;
            }
        }
        for (name, value) in &said.set {
            match (self.field(name), value.to_str()) {
                (Some(field), Ok(value)) => field.set(fields, value)?,
                _ => Field::new(py, &titled(name.as_str())).set(fields, &text(value))?,
            }
        }
        Ok(())
    }

    fn keep_private(&self, fields: &Bound<'_, PyDict>) -> PyResult<()> {
        let Some(field) = self.field(&header::CACHE_CONTROL) else { return Ok(()) };
        let said = field.of(fields)?.unwrap_or_default().to_ascii_lowercase();
        if said.contains("no-store") || said.contains("private") {
            return Ok(());
        }
        field.set(fields, OWN)
    }
}

impl Response<'_, '_> {
    /// The lines of its cookies.
    fn cookies(&self) -> PyResult<Vec<String>> {
        let py = self.object.py();
        let cookies = self.object.getattr(intern!(py, "cookies"))?;
        if cookies.is_empty()? {
            return Ok(Vec::new());
        }
        let mut lines = Vec::new();
        for morsel in cookies.call_method0(intern!(py, "values"))?.try_iter()? {
            lines.push(morsel?.call_method0(intern!(py, "OutputString"))?.extract()?);
        }
        Ok(lines)
    }
}

/// Whether the page embeds a token of a visitor's, where others could be given the page.
fn embeds_token(decision: &Decision, response: &Response<'_, '_>) -> PyResult<bool> {
    let ruling = &decision.ruling;
    if ruling.way != Way::Share || ruling.identity.needs_confirmation() {
        return Ok(false);
    }
    let py = response.object.py();
    let media = response.fields.get_item(intern!(py, "content-type"))?;
    let Some(media) = media else { return Ok(false) };
    let is_html = media.get_item(1)?.cast::<PyString>()?.to_str()?.contains("html");
    if !is_html || response.fields.contains(intern!(py, "content-encoding"))? {
        return Ok(false);
    }
    let streams = response.object.getattr_opt(intern!(py, "streaming"))?;
    if streams.is_none_or(|streams| streams.is_truthy().unwrap_or(true)) {
        return Ok(false);
    }
    let content = response.object.getattr(intern!(py, "content"))?;
    let page = content.cast::<PyBytes>()?.as_bytes();
    Ok(page.len() <= TOKEN_BYTES_MAX && scan(page).is_some())
}

fn is_private(said: &Outward) -> bool {
    let is_private =
        |value: &HeaderValue| value.to_str().is_ok_and(|text| text.contains("private"));
    said.set.iter().any(|(name, value)| *name == header::CACHE_CONTROL && is_private(value))
}
