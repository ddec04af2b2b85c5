//! Which of several servers holds a key, as the one who reads it reckons.

#[cfg(feature = "client")]
mod hash;
#[cfg(feature = "client")]
mod router;
mod routing;

#[cfg(feature = "client")]
pub use router::Router;
pub use routing::{Routing, UnknownRouting};
