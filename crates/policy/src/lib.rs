//! The site's rules as pure decisions: keys and header hygiene.
//!
//! Which requests are refused before anything looks at them, which spelling of a host counts, what is taken off a request
//! and what is put on it, under which bytes a page lies. No I/O, no clock, no connection: functions of their arguments.
//! It does not say whether a response may be stored or served (that is `larder-semantics`).
//!
//! Three types to know: [`CanonicalHost`], [`Refusal`], [`KeyBuf`].
//!
//! ```
//! use http::{HeaderMap, HeaderValue, Method, Uri, Version, header::HOST};
//! use larder_policy::{KeyBuf, Scheme, hygiene};
//!
//! let uri = Uri::from_static("/a?b");
//! let mut headers = HeaderMap::new();
//! headers.insert(HOST, HeaderValue::from_static("Example.com:80"));
//! let checked = hygiene::check(&Method::GET, &uri, Version::HTTP_11, &headers, Scheme::Http);
//! let host = checked.expect("a good request");
//! assert_eq!(host.as_str(), "example.com");
//!
//! let mut key = KeyBuf::new();
//! key.write(Scheme::Http, host.as_str(), &hygiene::target(&uri), &[]);
//! assert_eq!(format!("{:?}", key.to_key()), "http example.com /a?b");
//! ```
#![forbid(unsafe_code)]

pub mod audience;
pub mod cookies;
pub mod csrf;
pub mod dress;
pub mod explain;
pub mod fill;
pub mod forwarded;
pub mod forwarded_style;
pub mod front;
pub mod host;
pub mod hygiene;
pub mod identity;
pub mod key;
pub mod limits;
pub mod outward;
mod policy;
pub mod proxy_protocol;
pub mod published;
mod purger;
pub mod query;
pub mod redirect;
mod rfc7239;
pub mod rule;
mod ruling;
mod scheme;
pub mod set_cookie;
pub mod tags;
pub mod trusted;
mod visit;
mod visitor;
pub mod xhr;

pub use audience::{Audience, Part, UserKey};
pub use csrf::CsrfCookie;
pub use explain::{Explanation, Question};
pub use front::Front;
pub use host::CanonicalHost;
pub use hygiene::{Cleaned, Refusal, TeTrailers};
pub use identity::{Class, Identity};
pub use key::{KeyBuf, KeyPart, PageKey};
pub use policy::{Policy, PolicyParts};
pub use purger::{Admission, Purgers, Refused as PurgeRefused, Token};
pub use rule::{Action, Publish, Rework, Rule, RuleId, RuleSet, Share, Templates, Unlisted, When};
pub use ruling::{Keyed, Ruling, Way};
pub use scheme::Scheme;
pub use tags::TagFields;
pub use trusted::{Arrival, Trust};
pub use visit::Visit;
pub use visitor::{Doubt, Known, Plain, SessionCookie, Sources, Visitor, identify};
