//! The conversations inside TLS, and those that only TLS has.

#[path = "../balancing.rs"]
mod balancing;
#[path = "../framing.rs"]
mod framing;
#[path = "../interim.rs"]
mod interim;
mod own;
#[path = "../plain.rs"]
mod plain;
#[path = "../pooling.rs"]
mod pooling;
#[path = "../streaming.rs"]
mod streaming;
#[path = "../time_limits.rs"]
mod time_limits;
#[path = "../tunnels.rs"]
mod tunnels;

use super::{
    LONG, Peer, Reason, Settings, broken_body, call, fed, get, post, reason, text, warm_up,
};

type Server = super::Server<true>;
