//! What is done to pages and their keys, for Python.

use crate::request::read_scheme;
use larder_html::{mask as masked, minify as smaller, scan, secret_of_cookie};
use larder_policy::published::{KeyScheme, KeyStyle, django_nginx_memcache_key};
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// The page with less of what nobody sees; None where it is left as it is.
#[pyfunction]
pub(crate) fn minify<'py>(py: Python<'py>, html: &[u8]) -> Option<Bound<'py, PyBytes>> {
    smaller(html).map(|page| PyBytes::new(py, &page))
}

/// Where Django's tokens stand in a page: (offset, length) of each. Raises ValueError where there is, or may be, a token that
/// can't be replaced with certainty.
#[pyfunction]
pub(crate) fn csrf_holes(html: &[u8]) -> PyResult<Vec<(usize, usize)>> {
    let holes =
        larder_html::csrf_holes(html).map_err(|doubt| PyValueError::new_err(doubt.to_string()))?;
    Ok(holes.iter().map(|hole| (hole.start, hole.end - hole.start)).collect())
}

/// What kind of token against forged requests a page embeds, if any.
#[pyfunction]
pub(crate) fn embeds_token(html: &[u8]) -> Option<&'static str> {
    scan(html).map(larder_html::Framework::name)
}

/// A Django CSRF secret masked anew, as a form has it. Raises ValueError for what is no secret.
#[pyfunction]
pub(crate) fn mask(secret: &str) -> PyResult<String> {
    let secret = secret_of_cookie(secret.as_bytes()).ok_or_else(|| {
        PyValueError::new_err("a secret is 32 letters and digits, or a token of 64")
    })?;
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|error| PyOSError::new_err(error.to_string()))?;
    Ok(masked(&secret, &random).iter().map(|&byte| char::from(byte)).collect())
}

/// The key in Memcached under which Larder publishes a page for nginx; `style` is the rules' publish.key_style. Raises
/// ValueError where nginx could not find it.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "a key has that many parts")]
pub(crate) fn page_key(
    style: &str,
    prefix: String,
    version: String,
    cookie: String,
    scheme: &str,
    host: &str,
    target: &str,
    page_version: &str,
) -> PyResult<String> {
    let style = match style {
        "larder" => KeyStyle::Larder,
        "django-nginx-memcache" => KeyStyle::DjangoNginxMemcache,
        _ => {
            let styles = "\"larder\" and \"django-nginx-memcache\"";
            return Err(PyValueError::new_err(format!("{style:?} is none of the styles {styles}")));
        }
    };
    let scheme = read_scheme(scheme)?;
    let keys = KeyScheme { style, prefix, version, cookie, scheme };
    keys.key(scheme, host, target, page_version)
        .map_err(|reason| PyValueError::new_err(reason.text()))
}

/// The base key of django-nginx-memcache: the MD5 sum, without prefix and version.
#[pyfunction]
#[pyo3(signature = (host, full_path, page_version="", cookie="pv"))]
pub(crate) fn nginx_memcache_key(
    host: &str,
    full_path: &str,
    page_version: &str,
    cookie: &str,
) -> String {
    django_nginx_memcache_key(host, full_path, page_version, cookie)
}
