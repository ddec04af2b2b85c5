//! Django's forms on pages that many get: where the tokens are ([`csrf_holes`]), and how each visitor's are made.

mod holes;
mod secret;

pub use holes::{Doubt, Hole, HoleKind, csrf_holes};
pub use secret::{SECRET_LENGTH, TOKEN_LENGTH, mask, new_secret, secret_of_cookie};
