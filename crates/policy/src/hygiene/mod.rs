//! What must not get past the door: requests that two parsers could read differently, and fields that are not the
//! client's to send.
//!
//! [`check`] refuses at the door. [`clean`] takes off what is not to reach the application; what it takes off of all requests
//! selects no stored page either, so that what a page is chosen by is what the application was sent.

mod check;
mod clean;
mod fields;
mod overrides;
mod upgrade;

pub use check::{Refusal, check, scheme_agrees, target};
pub use clean::{Cleaned, TeTrailers, clean, clean_of_trusted};
pub use fields::{
    Collision, FieldRules, Passed, Removal, Underscores, collision, route, with_dashes,
};
pub use overrides::{
    OVERRIDE_FIELDS, Override, OverrideField, Route, has_override, is_override, override_of,
};
pub use upgrade::is_http;
