//! What is a purge about, from text that people write? Read strictly: a purge that does less than was meant is noticed too late.
//! What is wrong is told in one line, with what to write.

use larder_cache::purge::Scope;
use larder_policy::{Question, Scheme, host};

/// A URL, with this very query or with any.
///
/// # Errors
/// It is no whole URL.
pub fn url(text: &str, exact: bool) -> Result<Scope, String> {
    let Question { host, target, .. } = question(text)?;
    let host = host.into();
    if exact {
        return Ok(Scope::Url { host, target: target.into() });
    }
    let path = target.split('?').next().unwrap_or_default().into();
    Ok(Scope::Path { host, path })
}

fn question(text: &str) -> Result<Question, String> {
    Question::new(text, "GET", &[] as &[&str])
}

/// A whole URL's beginning, or a path's, of any host.
///
/// # Errors
/// It is neither.
pub fn prefix(text: &str) -> Result<Scope, String> {
    if text.starts_with('/') {
        let fits = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
        if !fits {
            return Err(format!(
                "{text:?} is not the beginning of a path: spaces, # and what is not ASCII are percent-encoded in URLs"
            ));
        }
        return Ok(Scope::Prefix { host: None, prefix: text.into() });
    }
    let Question { host, target, .. } = question(text).map_err(|fault| {
        format!("{fault}; or write the beginning of a path of any host, such as \"/blog/\"")
    })?;
    Ok(Scope::Prefix { host: Some(host.into()), prefix: target.into() })
}

/// A host as keys have it. Whichever scheme's port is named, it is not.
///
/// # Errors
/// It is none.
pub fn canonical(text: &str) -> Result<Box<str>, String> {
    let host = host::canonical(text.as_bytes(), Scheme::Http).map_err(|_| {
        format!("{text:?} is not a host, such as \"example.com\" or \"example.com:8080\"")
    })?;
    let host = host.as_str();
    Ok(host.strip_suffix(":443").unwrap_or(host).into())
}

/// A scheme and a host.
///
/// # Errors
/// It is more, or less.
pub fn origin(text: &str) -> Result<(Scheme, Box<str>), String> {
    let question = question(text)?;
    if question.target != "/" {
        return Err(format!("{text:?} is more than an origin, such as \"https://example.com\""));
    }
    Ok((question.scheme, question.host.into()))
}
