//! Which of several servers holds a key, as the one who reads it reckons.

mod hash;
mod router;
mod routing;

pub use router::Router;
pub use routing::{Routing, UnknownRouting};
