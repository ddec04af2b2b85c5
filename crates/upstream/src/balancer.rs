//! The targets and what all workers know of them together: addresses, load, health, counters.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use larder_semantics::Reason;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::choose::{Candidate, Choice, Terms, choose};
use crate::health::{Health, Rule, Standing, Tried};
use crate::limits::ADDRESSES_MAX;
use crate::{Settings, Target, UpstreamError};

/// The targets of one application, shared by all workers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Balancer(Arc<[Backend]>);

/// Counters of one target at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetStatistics {
    /// Which.
    pub target: Target,
    /// Requests given to it, repeated ones counted again.
    pub requests: u64,
    /// Requests that got no usable response, or one that broke off, by the target's fault.
    pub failures: u64,
    /// Requests and tunnels in progress.
    pub in_flight: usize,
    /// Whether it gets no requests at the moment because of failures in a row.
    pub ejected: bool,
}

impl Balancer {
    /// Looks up every target's addresses.
    ///
    /// # Errors
    ///
    /// Names the first target that has no address.
    pub async fn resolve(targets: impl IntoIterator<Item = Target>) -> Result<Self, UpstreamError> {
        let mut backends = Vec::new();
        for target in targets {
            let addresses = look_up(&target)
                .await
                .map_err(|e| UpstreamError::new(Reason::NoUpstream, &target).because(e))?;
            backends.push(Backend::new(target, addresses));
        }
        Ok(Self(backends.into()))
    }

    /// Looks up every target's addresses once more. A target whose name can not be resolved now
    /// keeps the addresses it had.
    pub async fn resolve_again(&self) {
        for backend in self.0.iter() {
            match look_up(&backend.target).await {
                Ok(addresses) => backend.move_to(addresses),
                Err(error) => {
                    tracing::warn!(target_name = %backend.target, %error, "name not resolved");
                }
            }
        }
    }

    /// Calls [`Self::resolve_again`] at an interval, for ever: to be spawned once.
    pub async fn keep_resolving(self, every: Duration) {
        loop {
            tokio::time::sleep(every).await;
            self.resolve_again().await;
        }
    }

    /// The counters of all targets, in the order of their configuration.
    #[must_use]
    pub fn statistics(&self) -> Vec<TargetStatistics> {
        let now = Instant::now();
        self.0.iter().map(|backend| backend.statistics(now)).collect()
    }

    pub(crate) fn backend(&self, index: usize) -> &Backend {
        &self.0[index]
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Picks a target and counts the request in; [`Backend::leave`] counts it out.
    pub(crate) fn enter(
        &self,
        settings: &Settings,
        avoid: Option<usize>,
        random: u64,
    ) -> Result<(usize, Tried), UpstreamError> {
        let terms =
            Terms { count: self.0.len(), in_flight_max: settings.connections_max, avoid, random };
        // The clock is read only while a target is in trouble, which is rare.
        let trouble = self.0.iter().any(Backend::in_trouble).then(Instant::now);
        loop {
            let (index, tried) = match choose(terms, |i| self.0[i].candidate(trouble)) {
                Choice::Ask(i) => (i, Tried::No),
                Choice::Try(i) => {
                    let claimed = trouble.is_some_and(|now| self.0[i].health.lock().try_again(now));
                    if !claimed {
                        // Another worker was quicker, so this target is no longer due.
                        continue;
                    }
                    (i, Tried::Yes)
                }
                Choice::Full => return Err(UpstreamError::nowhere(Reason::UpstreamTooBusy)),
                Choice::Nobody => return Err(UpstreamError::nowhere(Reason::NoUpstream)),
            };
            let backend = &self.0[index];
            backend.in_flight.fetch_add(1, Relaxed);
            backend.requests.fetch_add(1, Relaxed);
            return Ok((index, tried));
        }
    }
}

/// One target. On cache lines of its own, since every worker writes to it with every request.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Backend {
    target: Target,
    in_flight: AtomicUsize,
    requests: AtomicU64,
    failures: AtomicU64,
    /// Whether `health` is anything but perfect: saves the ordinary request its lock.
    trouble: AtomicBool,
    health: Mutex<Health>,
    addresses: Mutex<Arc<[SocketAddr]>>,
    /// The address that answered last.
    preferred: AtomicUsize,
    /// Whether its last connection came to nothing for want of TLS, and the log says so.
    distrusted: AtomicBool,
    /// Counts the changes of `addresses`, so that connections to left addresses are not reused.
    generation: AtomicU64,
}

impl Backend {
    fn new(target: Target, addresses: Arc<[SocketAddr]>) -> Self {
        Self {
            target,
            in_flight: AtomicUsize::new(0),
            requests: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            trouble: AtomicBool::new(false),
            health: Mutex::new(Health::new()),
            addresses: Mutex::new(addresses),
            preferred: AtomicUsize::new(0),
            distrusted: AtomicBool::new(false),
            generation: AtomicU64::new(0),
        }
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Relaxed)
    }

    /// All addresses, and the index of the one to begin with.
    pub(crate) fn addresses(&self) -> (Arc<[SocketAddr]>, usize) {
        (Arc::clone(&self.addresses.lock()), self.preferred.load(Relaxed))
    }

    pub(crate) fn prefer(&self, index: usize) {
        if self.preferred.load(Relaxed) != index {
            self.preferred.store(index, Relaxed);
        }
    }

    /// TLS with it failed. Said once, until it works again: it fails for every connection.
    pub(crate) fn distrust(&self, error: &UpstreamError) {
        if !self.distrusted.swap(true, Relaxed) {
            tracing::warn!(%error, "no TLS with the application");
        }
    }

    /// A connection stands.
    pub(crate) fn trust_again(&self) {
        if self.distrusted.load(Relaxed) {
            self.distrusted.store(false, Relaxed);
        }
    }

    /// From now on it lives there.
    pub(crate) fn move_to(&self, new: Arc<[SocketAddr]>) {
        let mut addresses = self.addresses.lock();
        let same_set = addresses.len() == new.len() && new.iter().all(|a| addresses.contains(a));
        // Name servers rotate their answers: only another set is a change.
        if !same_set {
            tracing::info!(target_name = %self.target, addresses = ?new, "addresses changed");
            *addresses = new;
            self.preferred.store(0, Relaxed);
            self.generation.fetch_add(1, Relaxed);
        }
    }

    /// Counts a request out that [`Balancer::enter`] counted in.
    pub(crate) fn leave(&self) {
        self.in_flight.fetch_sub(1, Relaxed);
    }

    pub(crate) fn succeeded(&self) {
        if self.trouble.load(Relaxed) {
            let mut health = self.health.lock();
            if health.standing(Instant::now()) != Standing::In {
                tracing::info!(target_name = %self.target, "taken back");
            }
            health.succeeded();
            self.trouble.store(false, Relaxed);
        }
    }

    /// A response that broke off or was unusable: counted, but the target did answer.
    pub(crate) fn count_failure(&self) {
        self.failures.fetch_add(1, Relaxed);
    }

    /// No answer at all.
    pub(crate) fn failed(&self, tried: Tried, settings: &Settings) {
        self.count_failure();
        let rule = Rule { after: settings.eject_after, first: settings.eject_for };
        let now = Instant::now();
        let mut health = self.health.lock();
        let before = health.standing(now);
        health.failed(tried, rule, now);
        self.trouble.store(true, Relaxed);
        if before == Standing::In && health.standing(now) != Standing::In {
            tracing::warn!(target_name = %self.target, "ejected after failures in a row");
        }
    }

    pub(crate) fn learnt_nothing(&self) {
        self.health.lock().learnt_nothing(Instant::now());
    }

    fn in_trouble(&self) -> bool {
        self.trouble.load(Relaxed)
    }

    fn candidate(&self, trouble: Option<Instant>) -> Candidate {
        let standing = match trouble {
            Some(now) if self.in_trouble() => self.health.lock().standing(now),
            Some(_) | None => Standing::In,
        };
        Candidate { in_flight: self.in_flight.load(Relaxed), standing }
    }

    fn statistics(&self, now: Instant) -> TargetStatistics {
        TargetStatistics {
            target: self.target.clone(),
            requests: self.requests.load(Relaxed),
            failures: self.failures.load(Relaxed),
            in_flight: self.in_flight.load(Relaxed),
            ejected: self.candidate(Some(now)).standing != Standing::In,
        }
    }
}

async fn look_up(target: &Target) -> io::Result<Arc<[SocketAddr]>> {
    let found = tokio::net::lookup_host((target.host.as_str(), target.port)).await?;
    let addresses: Arc<[SocketAddr]> = found.take(ADDRESSES_MAX).collect();
    if addresses.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    }
    Ok(addresses)
}
