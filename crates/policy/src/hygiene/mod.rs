//! What must not get past the door: requests that two parsers could read differently, and fields that are not the
//! client's to send.
//!
//! [`check`] refuses, [`clean_for_application`] removes. Both come before the key is made and before anything is looked
//! up: what a stored page is chosen by has to be what the application was sent.

mod check;
mod clean;

pub use check::{Refusal, check, scheme_agrees, target};
pub use clean::{Cleaned, TeTrailers, clean_for_application};
