//! One server: its connections, and whether it is left alone.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout, timeout_at};

use crate::address::Address;
use crate::answer::Answer;
use crate::connection::{Connection, Request};
use crate::error::{Error, ErrorKind, Fault};
use crate::health::Health;
use crate::limits::{LINGER, LINGERING_MAX};
use crate::settings::Settings;

#[derive(Debug)]
pub(crate) struct Server {
    address: Address,
    name: String,
    settings: Settings,
    /// One for each connection that may be in use.
    permits: Semaphore,
    /// The one used last is at the end and used next.
    idle: Mutex<Vec<Connection>>,
    /// Given up, and open until the server has read to the end. Oldest first.
    lingering: Mutex<VecDeque<Connection>>,
    health: Mutex<Health>,
}

/// What there is to tell about a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerState {
    /// Its address, as it is shown.
    pub name: String,
    /// Operations so far, those that failed included. Deletions count once for each portion.
    pub operations: u64,
    /// Those that failed, by [`ErrorKind::name`].
    pub failures: Vec<(&'static str, u64)>,
    /// Connections that are open now.
    pub connections: usize,
    /// How much longer it is left alone, if it is.
    pub paused: Option<Duration>,
    /// The last failure.
    pub last_error: Option<String>,
}

impl Server {
    pub(crate) fn new(address: Address, settings: Settings) -> Self {
        Self {
            name: address.to_string(),
            address,
            permits: Semaphore::new(permits(&settings)),
            settings,
            idle: Mutex::default(),
            lingering: Mutex::default(),
            health: Mutex::default(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn state(&self) -> ServerState {
        let in_use = permits(&self.settings).saturating_sub(self.permits.available_permits());
        let connections = self.idle.lock().len() + self.lingering.lock().len() + in_use;
        let health = self.health.lock();
        ServerState {
            name: self.name.clone(),
            operations: health.operations(),
            failures: health.failures().collect(),
            connections,
            paused: health.paused(),
            last_error: health.last_error(),
        }
    }

    /// An error that came before anything was sent.
    pub(crate) fn refuse(&self, kind: ErrorKind) -> Error {
        let error = Error::new(&self.name, kind);
        self.health.lock().count(&error);
        error
    }

    /// Sends the requests and adds their answers, all of them within the time limit of one operation. After an error `answers`
    /// holds those that came before it.
    pub(crate) async fn perform(
        &self,
        requests: &[Request<'_>],
        answers: &mut Vec<Answer>,
    ) -> Result<(), Error> {
        let admitted = self.health.lock().admit(&self.settings);
        let admitted = admitted.map_err(|left| self.refuse(ErrorKind::Paused(left)))?;
        let performed = self.within_the_limit(requests, answers).await;
        let mut health = self.health.lock();
        match performed {
            Ok(()) => {
                health.succeeded();
                Ok(())
            }
            Err(kind) => {
                if kind.pauses() {
                    // They are not likely to be better.
                    self.idle.lock().clear();
                }
                let error = Error::new(&self.name, kind);
                health.failed(admitted, &error, &self.settings);
                drop(health);
                Err(error)
            }
        }
    }

    async fn within_the_limit(
        &self,
        requests: &[Request<'_>],
        answers: &mut Vec<Answer>,
    ) -> Result<(), ErrorKind> {
        let limit = self.settings.timeout;
        let deadline = Instant::now() + limit;
        let Ok(permit) = timeout_at(deadline, self.permits.acquire()).await else {
            return Err(ErrorKind::Busy(limit));
        };
        let permit = permit.map_err(|_closed| ErrorKind::Busy(limit))?;
        let exchanged = timeout_at(deadline, self.exchange(requests, answers, permit)).await;
        exchanged.unwrap_or(Err(ErrorKind::Slow(limit)))
    }

    /// By an idle connection, or by a new one if there is none or it has ended: all operations may be done twice.
    async fn exchange(
        &self,
        requests: &[Request<'_>],
        answers: &mut Vec<Answer>,
        _permit: SemaphorePermit<'_>,
    ) -> Result<(), ErrorKind> {
        self.end_lingering();
        if let Some(connection) = self.take_idle() {
            match self.exchange_by(connection, requests, answers).await {
                Ok(()) => return Ok(()),
                Err(fault) if fault.is_end() => self.idle.lock().clear(),
                Err(fault) => return Err(fault.into()),
            }
        }
        let limit = self.settings.connect_timeout;
        let connection = timeout(limit, Connection::open(&self.address)).await;
        let connection = connection.map_err(|_elapsed| ErrorKind::ConnectSlow(limit))?;
        let connection = connection.map_err(|error| ErrorKind::Connect(error.to_string()))?;
        Ok(self.exchange_by(connection, requests, answers).await?)
    }

    fn take_idle(&self) -> Option<Connection> {
        let mut idle = self.idle.lock();
        std::iter::from_fn(|| idle.pop()).find(Connection::is_good)
    }

    /// The connection is this future's own until its last answer was read: whatever ends it before ends the connection.
    async fn exchange_by(
        &self,
        connection: Connection,
        requests: &[Request<'_>],
        answers: &mut Vec<Answer>,
    ) -> Result<(), Fault> {
        let mut used = InUse { connection: Some(connection), server: self };
        let Some(connection) = &mut used.connection else { return Err(Fault::Closed) };
        connection.exchange(requests, answers, self.settings.item_bytes_max).await?;
        self.idle.lock().extend(used.connection.take());
        Ok(())
    }

    /// Closes those that have been open for long enough.
    fn end_lingering(&self) {
        let mut lingering = self.lingering.lock();
        while lingering.front().is_some_and(|connection| connection.idle_for() > LINGER) {
            lingering.pop_front();
        }
        let surplus = lingering.len().saturating_sub(LINGERING_MAX);
        lingering.drain(..surplus);
    }
}

/// A connection in use. Dropped with it still in here, the operation was given up or failed.
struct InUse<'a> {
    connection: Option<Connection>,
    server: &'a Server,
}

impl Drop for InUse<'_> {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        if connection.take_back() {
            self.server.lingering.lock().push_back(connection);
            self.server.end_lingering();
        }
    }
}

fn permits(settings: &Settings) -> usize {
    settings.connections_max.clamp(1, Semaphore::MAX_PERMITS)
}
