//! What Larder does to pages before it stores them, as pure functions on bytes.
//!
//! - [`Scanner`] tells whether a page embeds some visitor's token, so that it is not for others;
//! - [`csrf_holes`] finds the tokens of Django's forms, and [`mask`] makes each visitor's own;
//! - [`minify`] takes off what nobody sees;
//! - [`esi`] takes a page apart that is to be put together of several.
//!
//! It does no I/O, reads no clock and draws no lots: randomness is a parameter. Nothing here fails on what a page is: what
//! can't be done with certainty is not done, and the answer says why.
//!
//! ```
//! use larder_html::{csrf_holes, mask, scan, secret_of_cookie, Framework};
//!
//! let token = "pX8kQ2mZ4vB7nC1sD5fG9hJ3lR6tY0wE".repeat(2);
//! let page = format!("<form><input name=csrfmiddlewaretoken value={token}></form>");
//! assert_eq!(scan(page.as_bytes()), Some(Framework::Django));
//! let holes = csrf_holes(page.as_bytes()).unwrap();
//! assert_eq!(&page[holes[0].start..holes[0].end], token);
//! let secret = secret_of_cookie(b"0123456789abcdefghijABCDEFGHIJxy").unwrap();
//! assert_eq!(mask(&secret, &[42; 32]).len(), 64);
//! ```
#![forbid(unsafe_code)]

#[cfg(test)]
mod browser;
mod csrf;
mod entity;
mod esi;
pub mod limits;
mod minify;
mod page;
mod tag;
mod tokens;

pub use csrf::{
    Doubt, Hole, HoleKind, SECRET_LENGTH, TOKEN_LENGTH, csrf_holes, mask, new_secret,
    secret_of_cookie,
};
pub use esi::{EsiLimits, EsiProblem, Include, Part, esi};
pub use minify::{is_readable_charset, minify};
pub use tokens::{Framework, Scanner, scan};
