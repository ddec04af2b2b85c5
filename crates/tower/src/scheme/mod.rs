//! Who asks, and by which scheme, where a proxy stands in front: decided once, before everything that goes by it.
//!
//! What a request says about its visitor (`Forwarded`, `X-Forwarded-Proto`, `X-Forwarded-For` and their kin) counts only on
//! connections of peers that were named; **nobody is trusted until named**. The decision is written onto the request as an
//! [`Arrival`](crate::Arrival) extension, which the other layers, and handlers, read:
//!
//! 1. It is found out whose connection it is: by the [`Peer`] extension, by a closure over the extensions
//!    ([`SchemeLayerBuilder::peer_from`]), or said once for a connection ([`SchemeLayer::for_connection`]).
//! 2. A peer that is not trusted is the visitor, and the scheme is its connection's.
//! 3. Of a trusted peer the last element of each field counts, since proxies append; or that of the one field that alone says the
//!    scheme. Fields that differ, or say neither of the two, mean `http`.
//! 4. The visitor's address is found from the right of `X-Forwarded-For`, or of `Forwarded`, through trusted addresses to the
//!    first that is not trusted.
//!
//! It takes no field off: that is the next layer's ([`HygieneLayer`](crate::HygieneLayer)), which therefore belongs behind this
//! one. The other way round the proxy's word is gone before it is read. The layer notices, says so in the log, and then writes no
//! `Arrival` where it would be a guess; so nobody is sent in a circle.
//!
//! Where nobody knows whose connection it is, there is no `Arrival` either. A Unix socket's peers have no address: let the closure
//! answer with 127.0.0.1 for them, and trust that.
//!
//! The response is the inner service's as it is, so there is neither a future nor a body of this layer's.

mod builder;
mod layer;
mod peer;
mod service;

pub use builder::SchemeLayerBuilder;
pub use layer::SchemeLayer;
pub use peer::Peer;
pub(crate) use peer::{Believed, Untold};
pub use service::SchemeService;
