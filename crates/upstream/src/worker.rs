//! What one worker's requests share: settings, pool, and the counted place of each request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use hyper::client::conn::http1;

use crate::balancer::{Backend, Balancer};
use crate::choose::scatter;
use crate::health::Tried;
use crate::limits::{READ_AHEAD_BYTES, TICK_MIN};
use crate::pool::Pool;
use crate::wire::Limits;
use crate::{Settings, UpstreamError};

/// hyper's own lower bound for a connection's buffer.
const BUFFER_BYTES_MIN: usize = 8192;

#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) balancer: Balancer,
    pub(crate) settings: Settings,
    pub(crate) pool: Pool,
    pub(crate) http1: http1::Builder,
    /// The shortest of the limits that connections keep; see [`crate::wire`].
    pub(crate) tick: Duration,
    picks: AtomicU64,
}

impl Worker {
    pub(crate) fn new(balancer: Balancer, settings: Settings) -> Self {
        let head_max = settings.response_head_bytes_max.max(BUFFER_BYTES_MIN);
        let mut http1 = http1::Builder::new();
        http1.max_header_size(head_max).max_buf_size(head_max.max(READ_AHEAD_BYTES));
        let tick = settings.first_byte.min(settings.between_bytes).min(settings.idle);
        let pool = Pool::new(balancer.len());
        // Workers should not pick in step.
        let seed = scatter(std::process::id().into()) ^ (&raw const pool).addr() as u64;
        Self {
            balancer,
            settings,
            pool,
            http1,
            tick: tick.max(TICK_MIN),
            picks: AtomicU64::new(seed),
        }
    }

    pub(crate) fn limits(&self) -> Limits {
        let Settings { first_byte, between_bytes, .. } = self.settings;
        Limits { first_byte, between_bytes }
    }
}

/// A request's place at a target: counted in while it exists.
#[derive(Debug)]
pub(crate) struct Lease {
    worker: Arc<Worker>,
    target: usize,
    tried: Tried,
    settled: bool,
}

impl Lease {
    pub(crate) fn take(worker: &Arc<Worker>, avoid: Option<usize>) -> Result<Self, UpstreamError> {
        let random = scatter(worker.picks.fetch_add(1, Relaxed));
        let (target, tried) = worker.balancer.enter(&worker.settings, avoid, random)?;
        Ok(Self { worker: Arc::clone(worker), target, tried, settled: false })
    }

    pub(crate) fn target(&self) -> usize {
        self.target
    }

    pub(crate) fn worker(&self) -> &Arc<Worker> {
        &self.worker
    }

    pub(crate) fn backend(&self) -> &Backend {
        self.worker.balancer.backend(self.target)
    }

    /// A response's head arrived.
    pub(crate) fn succeeded(&mut self) {
        self.settled = true;
        self.backend().succeeded();
    }

    /// The target did not answer.
    pub(crate) fn failed(&mut self) {
        self.settled = true;
        self.backend().failed(self.tried, &self.worker.settings);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.tried == Tried::Yes && !self.settled {
            self.backend().learnt_nothing();
        }
        self.backend().leave();
    }
}
