//! From http to https, and never in a circle: RFC 9110 §15.4, RFC 6797.
//!
//! 1. Goes by the scheme that the visitor came by, which a [`SchemeLayer`](crate::SchemeLayer) further out has decided, or
//!    [`HttpsRedirectLayer::connection`] says. Where neither has, **nobody is sent anywhere**: behind a proxy that ends TLS it would
//!    be for ever.
//! 2. What came by https is never sent to https.
//! 3. GET and HEAD get 301, all other methods 308: a form stays a form.
//! 4. Exempt paths are answered by http; where nothing is said, those by which certificates are issued.
//! 5. The answer says `no-store`, so that no cache in front that does not tell the schemes apart makes a circle of it.
//! 6. With [`Rules`](crate::Rules), a rule's own `scheme` comes before what holds for all. Nobody is sent to where they would be
//!    sent back from, nor to a host that the site does not have.
//!
//! Answers by https get `Strict-Transport-Security`, where that is wanted and they have none of their own; answers by http never
//! do (RFC 6797 §7.2).
//!
//! It belongs behind the [`SchemeLayer`](crate::SchemeLayer), whose word it needs, and outside of a
//! [`CacheLayer`](crate::CacheLayer). Behind the [`HygieneLayer`](crate::HygieneLayer) it sends nobody anywhere whose request is
//! refused; outside of it, refusals have `Strict-Transport-Security` too. Either is safe.
//!
//! The body of responses is [`Reply`](crate::Reply), which all layers share that answer by themselves.

mod builder;
mod future;
mod layer;
mod service;

pub use builder::HttpsRedirectLayerBuilder;
pub use future::HttpsRedirectFuture;
pub use layer::{HttpsRedirectLayer, add_hsts};
pub use service::HttpsRedirectService;
