//! The conversations by plain TCP.

#[path = "../balancing.rs"]
mod balancing;
#[path = "../framing.rs"]
mod framing;
#[path = "../interim.rs"]
mod interim;
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

type Server = super::Server<false>;
