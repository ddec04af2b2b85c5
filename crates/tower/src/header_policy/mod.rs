//! What the rules say, told to caches that are not Larder: a CDN before the application, a proxy at the visitor's, the browser.
//!
//! Nothing is stored here. A response of a page under a rule leaves with the `Cache-Control`, `Vary` and `Expires` that the rule
//! comes to:
//!
//! 1. `never`: the set of fields that no cache keeps.
//! 2. `pass`, where the application says nothing of its own: `private, no-cache`.
//! 3. An audience, for a page that everybody would get who has no session: `max-age` for browsers (`browser_ttl`) and `s-maxage` for
//!    shared caches (`cdn_ttl`, or else `ttl`), with `stale-while-revalidate` and `stale-if-error` for `grace` and `stale_if_error`.
//! 4. An audience, for any other page of it: `private, max-age` of `browser_ttl`. Shared caches can't verify who a visitor is; that is
//!    what `Cookie` in `Vary` is for, which is added to what is there.
//! 5. No rule, or none of these: nothing.
//!
//! What the application said more strictly stays. Never told to be public are responses with `Set-Cookie` (but for cookies of
//! `drop_set_cookie`), with `Vary: *`, to requests with `Authorization`, and those that a handler marks with [`Personal`].
//!
//! # Bodies
//!
//! are not looked at. A page with a form has the visitor's token in it, one with messages what was said to this visitor: mark these
//! responses with [`Personal`], unless they say `private` or `no-store` themselves. (A [`CacheLayer`](crate::CacheLayer) does look.)
//!
//! # Where it stands
//!
//! Around the whole application, with the URL as it was asked for; in axum around the `Router`, not by `Router::layer` of a nested one,
//! which sees only a part of the path. Behind a proxy put [`SchemeLayer`](crate::SchemeLayer) around it, if rules name hosts
//! with ports. A [`CacheLayer`](crate::CacheLayer) tells visitors itself what they may keep, and this layer has nothing to add: inside
//! of one it leaves the cache's own fetches as they are, and outside of one it is wrong.
//!
//! ```
//! use http::{Request, Response};
//! use larder_tower::{HeaderPolicyLayer, Personal, Rule, Rules};
//! use std::time::Duration;
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! let blog = Rule::path("/blog/*").all_users();
//! let blog = blog.ttl(Duration::from_secs(600)).browser_ttl(Duration::from_secs(5));
//! let rules = Rules::builder().rule(blog).build()?;
//! let service = HeaderPolicyLayer::new(&rules).layer(service_fn(|request: Request<()>| async move {
//!     let mut response = Response::new("a post");
//!     if request.uri().path().ends_with("/comment") {
//!         response.extensions_mut().insert(Personal);
//!     }
//!     Ok::<_, std::convert::Infallible>(response)
//! }));
//! # futures_util::FutureExt::now_or_never(async {
//! let ask = |path| Request::get(path).header("host", "example.com").body(()).unwrap();
//! let post = service.clone().oneshot(ask("/blog/1")).await.unwrap();
//! assert_eq!(post.headers()["cache-control"], "max-age=5, s-maxage=600");
//! let form = service.oneshot(ask("/blog/1/comment")).await.unwrap();
//! assert_eq!(form.headers()["cache-control"], "private, no-cache");
//! # }).expect("at once");
//! # Ok::<(), larder_tower::RulesError>(())
//! ```
//!
//! The response's body is the inner service's, so there is no body of this layer's.

mod future;
mod layer;
mod service;

pub use future::HeaderPolicyFuture;
pub use layer::{HeaderPolicyLayer, Personal};
pub use service::HeaderPolicyService;
