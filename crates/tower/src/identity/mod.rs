//! Who asks? Handlers find it in the request's extensions, and a page made for some visitors is told to be theirs.
//!
//! A visitor without a session cookie is anonymous. One with a session is *verified* by a marker that the application signed at
//! login ([`Signer`]) and that is bound to this session. All others are unverified: whose the session is only the application knows,
//! by looking it up as it always did. [`Visitor`] says which it is.
//!
//! Behind a [`CacheLayer`](crate::CacheLayer) there are also requests that no visitor sent: fetches of pages that several share. For an
//! audience by class, user or segment they have no session, and say in `Larder-Identity` for whom the page is to be made. The layer
//! reads that, so that a handler finds the same [`Visitor`] as in a visitor's own request, with the parts by which the page is shared
//! and no others. When the handler has looked at them, the layer says so in the response (`Vary: Larder-Identity`), and the page is
//! shared. A page whose handler did not look, or looked for a part that was not told (the user, where members share the page), is not
//! stored: each visitor's own request goes through, with their cookies, and gets their own page.
//!
//! # Where it stands
//!
//! Inside of the cache: `CacheLayer`, then `IdentityLayer`, then the application. Without a cache, wherever the session cookie
//! is still as the visitor sent it.
//!
//! What a client sends as `Larder-Identity` is never believed and does not reach the handler: the cache's own fetches are known by
//! an extension of the request, which nobody can send. In an application behind `larder serve` the field comes from another process;
//! [`IdentityLayer::behind_larder`] believes it then, which is right only where no request comes in another way.
//!
//! ```
//! use http::{Request, Response};
//! use larder_tower::{Identity, IdentityLayer, Rules, Signer, Visitor};
//! use std::time::SystemTime;
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # std::fs::write(std::env::temp_dir().join("larder-doc-marker.key"), [b'x'; 32])?;
//! # let key = std::env::temp_dir().join("larder-doc-marker.key");
//! # let key = key.to_str().expect("a path");
//! let rules = Rules::builder().session_cookie("sid").marker_key_file("k1", key).build()?;
//!
//! // At login, beside the cookie of the session:
//! let signer = Signer::new(&rules).expect("there is a key");
//! let session = ("sid", &b"abcdefgh"[..]);
//! let ada = Identity::authenticated().with_user("ada");
//! let set_cookie = signer.set_cookie(&ada, session, SystemTime::now())?;
//! # let marker = set_cookie.to_str()?.split(';').next().expect("a cookie").to_owned();
//!
//! // In whatever handler:
//! let handler = service_fn(|request: Request<()>| async move {
//!     let visitor = request.extensions().get::<Visitor>().expect("the layer is there");
//!     let name = visitor.identity().and_then(Identity::user).unwrap_or("whoever you are");
//!     Ok::<_, std::convert::Infallible>(Response::new(format!("hello, {name}")))
//! });
//! let service = IdentityLayer::new(&rules).layer(handler);
//! # futures_util::FutureExt::now_or_never(async {
//! let cookies = format!("sid=abcdefgh; {marker}");
//! let request = Request::get("/").header("cookie", cookies).body(()).unwrap();
//! assert_eq!(service.oneshot(request).await.unwrap().body(), "hello, ada");
//! # }).expect("at once");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The response's body is the inner service's, so there is no body of this layer's.

mod future;
mod layer;
mod service;
mod signer;
mod visitor;
mod watch;
mod who;

pub use future::IdentityFuture;
pub use layer::IdentityLayer;
pub(crate) use layer::timestamp;
pub use service::IdentityService;
pub use signer::{MarkerError, Signer};
pub use visitor::Visitor;
pub use who::Identity;
