//! How does a worker take connections, and how does it stop taking them?

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use larder_policy::Scheme;
use larder_semantics::Reason;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::Instant;

use super::io::ConnIo;
use super::site::{Site, Worker};
use super::{connection, greet, sweep};
use crate::context::Caller;
use crate::settings::Door;
use crate::{error, limits};

/// What the workers are to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Serve.
    Running,
    /// Take no more connections and end when the open ones are over, or after this long.
    Draining(Duration),
    /// End.
    Stopped,
}

/// Serves on `listeners` until told to stop. Runs alone on its thread.
pub(crate) async fn run<P: Site>(
    worker: Arc<Worker<P>>,
    listeners: Vec<(Door, std::net::TcpListener)>,
    mut stage: watch::Receiver<Stage>,
) {
    let sweep =
        tokio::spawn(sweep::run(Arc::clone(&worker.connections), Arc::clone(&worker.limits)));
    let mut loops = Vec::with_capacity(listeners.len());
    for (door, listener) in listeners {
        match TcpListener::from_std(listener) {
            Ok(listener) => {
                let worker = Arc::clone(&worker);
                loops.push(tokio::spawn(accept(worker, listener, door, stage.clone())));
            }
            Err(error) => tracing::error!(%error, "a worker can't use its socket"),
        }
    }
    // The sender lives as long as the server: an error means it is gone, which is an order to stop.
    let order = stage.wait_for(|stage| *stage != Stage::Running).await.map(|order| *order);
    if let Ok(Stage::Draining(limit)) = order {
        let deadline = Instant::now() + limit;
        for accepting in loops {
            drop(accepting.await);
        }
        worker.connections.drain();
        tokio::select! {
            () = worker.connections.emptied() => {}
            () = tokio::time::sleep_until(deadline) => {
                tracing::warn!("some connections were not over in time");
            }
            _ = stage.wait_for(|stage| *stage == Stage::Stopped) => {}
        }
    }
    sweep.abort();
}

async fn accept<P: Site>(
    worker: Arc<Worker<P>>,
    listener: TcpListener,
    door: Door,
    mut stage: watch::Receiver<Stage>,
) {
    // Closing a socket resets what waits in its queue: take that first, but no endless stream of it.
    let mut last_ones = limits::BACKLOG;
    while last_ones > 0 {
        if *stage.borrow() != Stage::Running {
            last_ones -= 1;
        }
        tokio::select! {
            biased;
            accepted = listener.accept() => match accepted {
                Ok((socket, peer)) => take(&worker, socket, peer, door),
                Err(error) => pause(&error).await,
            },
            () = ordered(&mut stage) => break,
        }
    }
}

/// Waits for the order to end, gracefully or not.
async fn ordered(stage: &mut watch::Receiver<Stage>) {
    // An error is the sender's end, which is an order too.
    drop(stage.wait_for(|stage| *stage != Stage::Running).await);
}

fn take<P: Site>(worker: &Arc<Worker<P>>, socket: TcpStream, peer: SocketAddr, door: Door) {
    let Some(entry) = worker.connections.enter(worker.settings.connections_max) else {
        worker.connections.counters().refuse(Reason::TooManyConnections);
        if !door.tls {
            drop(socket.try_write(error::raw(StatusCode::SERVICE_UNAVAILABLE).as_bytes()));
        }
        return;
    };
    // Heads and small bodies are written in one piece: waiting for more only costs time.
    drop(socket.set_nodelay(true));
    let worker = Arc::clone(worker);
    if door.tls || door.proxied {
        tokio::spawn(greet::serve(socket, entry, worker, peer, door));
    } else {
        let caller =
            Caller { peer, socket: peer.ip(), scheme: Scheme::Http, scheme_is_in_doubt: false };
        tokio::spawn(connection::serve(ConnIo::new(socket, entry), worker, caller));
    }
}

/// One connection that failed before we took it says nothing about the next; being out of
/// descriptors does not get better by asking again at once.
async fn pause(error: &std::io::Error) {
    use std::io::ErrorKind;
    if matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted
    ) {
        return;
    }
    tracing::warn!(%error, "cannot accept a connection");
    tokio::time::sleep(limits::ACCEPT_PAUSE).await;
}
