//! For tests only: peers that do exactly what a test says, and a record of all they saw.
//!
//! Nothing here shares code with what is tested: heads, chunks and framing are read by
//! [`wire`], strictly, so that a proxy's leniency shows. Nothing here sleeps: a test holds a peer with
//! a [`Signal`] and lets it go.
//!
//! To know: [`Origin`], the application; [`Client`], the browser; [`Larder`], the binary between them.
//!
//! ```
//! use larder_testkit::{Client, Origin, Script};
//!
//! let origin = Origin::paths([("/", Script::answer("200 OK", "Cache-Control: max-age=60\r\n", "hello"))]);
//! let mut client = Client::connect(origin.addr());
//! let response = client.get("/");
//! assert_eq!((response.status(), response.text()), (200, "hello".to_owned()));
//! assert_eq!(origin.request_count(), 1);
//! ```

#![expect(clippy::panic, reason = "a peer that can't do its part is a failed test")]

mod client;
mod clock;
pub mod http2;
pub mod http_date;
mod memcached;
mod origin;
mod process;
mod received;
mod reference;
mod script;
mod service;
mod signal;
pub mod smuggling;
#[cfg(feature = "tls")]
pub mod tls;
pub mod wire;

pub use client::{Client, ReadError, Response, ResponseHead};
pub use clock::FakeClock;
pub use memcached::Memcached;
pub use origin::Origin;
pub use process::{Larder, address_after};
pub use received::Received;
pub use reference::{Exchanged, ReferenceCache, Seconds};
pub use script::{Script, Step};
pub use service::{Answer, Part, ScriptedBody, ScriptedService, Sent};
pub use signal::{Fired, PATIENCE, Signal};
