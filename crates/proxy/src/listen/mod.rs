//! How do clients reach the pipeline? Sockets, threads, connections; HTTP/1.1 and HTTP/2.
//!
//! One thread per worker with a runtime and sockets of its own (`SO_REUSEPORT`): the kernel deals
//! out connections, and a request never changes its thread.

mod accept;
mod connection;
mod gather;
mod greet;
mod h1;
mod h2;
mod h2_body;
mod h2_lane;
mod h2_stream;
mod interim;
mod io;
mod site;
mod socket;
mod state;
mod stream;
mod sweep;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use larder_tls::ServerTls;
use tokio::sync::watch;

pub(crate) use h1::H1Body;
pub(crate) use h2_body::H2Body;
pub(crate) use interim::{InterimQueue, InterimSink};
pub(crate) use site::{Site, SiteSlot};

use accept::Stage;
use site::Worker;
pub(crate) use socket::open_alone;
use sweep::Connections;

use crate::metrics::Metrics;
use crate::settings::{Door, ListenSettings, SharedLimits};
use crate::start_error::StartError;

/// The workers of a server.
#[derive(Debug)]
pub(crate) struct Listeners {
    /// Where plain HTTP is spoken.
    pub(crate) addresses: Vec<SocketAddr>,
    /// Where TLS is.
    pub(crate) https: Vec<SocketAddr>,
    stage: watch::Sender<Stage>,
    threads: Vec<JoinHandle<()>>,
}

impl Listeners {
    /// Opens the sockets, starts the workers, and returns when clients can connect.
    pub(crate) fn start<P: Site>(
        settings: ListenSettings,
        limits: &SharedLimits,
        slot: &Arc<SiteSlot<P>>,
        metrics: &Arc<Metrics>,
        tls: Option<&Arc<ServerTls>>,
    ) -> Result<Self, StartError> {
        let (mut addresses, mut https) = (Vec::new(), Vec::new());
        let mut sockets: Vec<Vec<(Door, TcpListener)>> =
            (0..settings.workers).map(|_| Vec::new()).collect();
        for door in &settings.doors {
            let opened = socket::open(door.address, settings.workers)?;
            let bound = opened.first().map_or(Ok(door.address), TcpListener::local_addr);
            let list = if door.tls { &mut https } else { &mut addresses };
            list.push(bound.map_err(StartError::System)?);
            for (worker, socket) in sockets.iter_mut().zip(opened) {
                worker.push((*door, socket));
            }
        }
        let (stage, watched) = watch::channel(Stage::Running);
        let settings = Arc::new(settings);
        let mut listeners = Self { addresses, https, stage, threads: Vec::new() };
        for (number, sockets) in sockets.into_iter().enumerate() {
            let worker = Arc::new(Worker {
                number,
                settings: Arc::clone(&settings),
                limits: Arc::clone(limits),
                connections: Arc::new(Connections::new(Arc::clone(metrics), number)),
                slot: Arc::clone(slot),
                tls: tls.map(Arc::clone),
            });
            listeners.threads.push(spawn(worker, sockets, watched.clone())?);
        }
        Ok(listeners)
    }

    /// Takes no more connections; the open ones may take `limit` to be over. Returns at once.
    pub(crate) fn drain(&self, limit: Duration) {
        self.stage.send_replace(Stage::Draining(limit));
    }

    /// Ends at once, whatever is open.
    pub(crate) fn stop(&self) {
        self.stage.send_replace(Stage::Stopped);
    }

    /// Whether all workers have ended.
    pub(crate) fn is_over(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }

    /// Waits for the workers. Without an order to drain or stop before, this is for ever.
    pub(crate) fn join(mut self) {
        self.join_all();
    }

    fn join_all(&mut self) {
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a worker ended by a panic");
            }
        }
    }
}

impl Drop for Listeners {
    fn drop(&mut self) {
        self.stop();
        self.join_all();
    }
}

fn spawn<P: Site>(
    worker: Arc<Worker<P>>,
    sockets: Vec<(Door, TcpListener)>,
    stage: watch::Receiver<Stage>,
) -> Result<JoinHandle<()>, StartError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(StartError::System)?;
    std::thread::Builder::new()
        .name(format!("larder-{}", worker.number))
        .spawn(move || runtime.block_on(accept::run(worker, sockets, stage)))
        .map_err(StartError::System)
}
