//! Who asks, by which scheme, and whether a script does: what is decided before a page is looked for.

use crate::decision::titled;
use crate::request::{Looked, read_scheme};
use http::{HeaderMap, HeaderName, header};
use ipnet::IpNet;
use larder_policy::dress;
use larder_policy::trusted::Trust;
use larder_policy::xhr::{Sign, Xhr};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::net::IpAddr;

/// The fields that forbid every cache to keep a response.
#[pyfunction]
pub(crate) fn never_headers() -> Vec<(String, String)> {
    let mut headers = HeaderMap::new();
    dress::never(&mut headers);
    let shown = |value: &http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    headers.iter().map(|(name, value)| (titled(name.as_str()), shown(value))).collect()
}

/// Whether a request is a script's. `signs` are fields with their values, as in `[xhr] signs` of a rule file; without them
/// those that Larder knows scripts by.
#[pyfunction]
#[pyo3(signature = (meta, signs=None))]
pub(crate) fn is_script(meta: &Bound<'_, PyAny>, signs: Option<Vec<String>>) -> PyResult<bool> {
    let xhr = match signs {
        None => Xhr::default(),
        Some(signs) => {
            let signs: Result<_, _> = signs.iter().map(|text| Sign::parse(text)).collect();
            Xhr { never: false, signs: signs.map_err(PyValueError::new_err)? }
        }
    };
    let looked = Looked::fields(meta.py(), xhr.fields().cloned().collect());
    Ok(xhr.classify(&looked.read(meta)?).is_script())
}

/// The fields that a trusted proxy may speak by.
const SPOKEN: [HeaderName; 7] = [
    header::FORWARDED,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-forwarded-protocol"),
    HeaderName::from_static("x-forwarded-scheme"),
    HeaderName::from_static("x-forwarded-ssl"),
    HeaderName::from_static("front-end-https"),
];

/// The effective scheme and client address of a request; forwarded fields count from trusted peers only.
///
/// `peer` and `scheme` are the connection's, `trusted` addresses and networks. With `field` that field alone says the scheme.
#[pyfunction]
#[pyo3(signature = (meta, peer, scheme, trusted, field=None))]
pub(crate) fn secure(
    meta: &Bound<'_, PyAny>,
    peer: &str,
    scheme: &str,
    trusted: Vec<String>,
    field: Option<&str>,
) -> PyResult<(&'static str, String)> {
    let connection = read_scheme(scheme)?;
    let networks: Result<Vec<_>, _> = trusted.iter().map(|text| network(text)).collect();
    let named = |name: &str| {
        HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| PyValueError::new_err(format!("{name:?} is not the name of a field")))
    };
    let field = field.map(named).transpose()?;
    // A Unix socket has no address, and nobody can be trusted by it.
    let Ok(address) = peer.parse() else {
        return Ok((connection.as_str(), peer.to_owned()));
    };
    let mut names = SPOKEN.to_vec();
    names.extend(field.clone());
    let headers = Looked::fields(meta.py(), names).read(meta)?;
    let arrival = Trust::new(&networks?, field).decide(address, connection, &headers).arrival;
    Ok((arrival.scheme.as_str(), arrival.client.to_string()))
}

fn network(text: &str) -> PyResult<IpNet> {
    let address = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse().or_else(|_| address()).map_err(|_: std::net::AddrParseError| {
        PyValueError::new_err(format!(
            "{text:?} is neither an address nor a network such as 10.0.0.0/8"
        ))
    })
}
