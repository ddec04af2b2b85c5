//! What must not get past the door: requests that two parsers could read differently, for hosts that are not the site's, with
//! fields that are not the client's to send.
//!
//! **Refused**, with a line of text and the reason in `Cache-Status`:
//!
//! 1. a target or head that is too large (414, 431);
//! 2. a missing, repeated or malformed `Host`, or one that is not the target's; transfer codings other than `chunked`; a length
//!    that is malformed or beside a coding; white space around values of HTTP/2 (400); `CONNECT` (501); an expectation that can't
//!    be met (417);
//! 3. a target that names another scheme than the request came by (421), unless a trusted proxy sent it;
//! 4. names with an underscore, where that was chosen (400);
//! 5. a host that is not among the site's (421), or the request becomes one for the site's own.
//!
//! A server such as hyper has refused much of the second kind before; what it repairs silently is seen here no more.
//!
//! **Taken off** what goes on:
//!
//! - names with an underscore, which CGI and WSGI take for those with dashes; some may be [let through](HygieneLayerBuilder::pass_underscores);
//! - fields that ask for another method or URL than the request's own (`X-HTTP-Method-Override`, `X-Original-URL`): all of them
//!   from GET and HEAD, those that name a URL from other methods; with [`Rules`](crate::Rules) none where a rule stores nothing;
//! - what is said about the visitor (`Forwarded`, `X-Forwarded-*`, `X-Real-IP`, `Front-End-Https`), unless a
//!   [`SchemeLayer`](crate::SchemeLayer) further out has found that a trusted proxy says it;
//! - fields of the connection and what `Connection` lists. `Upgrade` stays where it is asked for properly, except to another
//!   version of HTTP, and so does `TE: trailers`.
//!
//! Cookies that HTTP/2 sent apart are joined.
//!
//! It belongs behind the [`SchemeLayer`](crate::SchemeLayer), which reads what is taken off here, and outside of everything that
//! reads fields or the host: [`CacheLayer`](crate::CacheLayer), routers, handlers. Inside of a cache it would let that choose
//! pages by fields that the application never sees.
//!
//! A proxy that makes anew what it sends on does without most of that ([`HygieneLayer::listed_only`]): what no page may be chosen
//! by goes before the cache, the rest behind it, where most requests never come.
//!
//! The body of responses is [`Reply`](crate::Reply), which all layers share that answer by themselves.

mod builder;
mod decide;
mod future;
mod layer;
mod service;

pub use builder::HygieneLayerBuilder;
pub use decide::Struck;
pub use future::HygieneFuture;
pub use layer::HygieneLayer;
pub use service::HygieneService;
