//! A request, as far as policy looks at it.

use crate::rule::Asked;
use crate::scheme::Scheme;
use http::{HeaderMap, Method};

/// A request.
#[derive(Clone, Copy, Debug)]
pub struct Visit<'a> {
    /// By which scheme it came.
    pub scheme: Scheme,
    /// Its canonical host.
    pub host: &'a str,
    /// Its method.
    pub method: &'a Method,
    /// Its `path?query` as it was sent.
    pub target: &'a str,
    /// Its fields as they were sent, less those of the connection.
    pub headers: &'a HeaderMap,
}

impl<'a> Visit<'a> {
    /// The same, as rules look at it.
    #[must_use]
    pub const fn asked(&self) -> Asked<'a> {
        Asked { method: self.method, host: self.host, target: self.target }
    }

    /// Whether it asks for a page.
    #[must_use]
    pub fn is_for_a_page(&self) -> bool {
        matches!(*self.method, Method::GET | Method::HEAD)
    }
}
