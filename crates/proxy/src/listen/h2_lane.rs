//! Which pipeline answers an HTTP/2 stream? One that an earlier stream of the connection is done with, if
//! there is one: putting a pipeline together costs more than a hit may.

use std::sync::Arc;

use super::interim::{H2Interim, InterimQueue};
use super::site::{Site, Worker};
use crate::context::{Caller, ConnContext, CutOff, Protocol};

/// A pipeline, and where its 1xx responses wait. One stream at a time uses it.
pub(crate) struct Lane<P: Site> {
    generation: u64,
    pub(crate) service: P::Service,
    pub(crate) interim: Arc<H2Interim>,
}

/// The pipelines of one connection.
pub(crate) struct Lanes<P: Site> {
    worker: Arc<Worker<P>>,
    caller: Caller,
    /// Streams that are answered at once follow one another, so one is enough; the others' pipelines end
    /// with them.
    free: Option<Lane<P>>,
}

impl<P: Site> Lanes<P> {
    pub(crate) fn new(worker: Arc<Worker<P>>, caller: Caller) -> Self {
        Self { worker, caller, free: None }
    }

    /// A pipeline for a new stream, under the configuration in force.
    pub(crate) fn take(&mut self) -> Lane<P> {
        let generation = self.worker.generation();
        let lane = self.free.take().filter(|lane| lane.generation == generation);
        let lane = lane.unwrap_or_else(|| self.make());
        lane.interim.open();
        lane
    }

    /// A stream is answered as a whole.
    pub(crate) fn give_back(&mut self, lane: Lane<P>) {
        self.free = Some(lane);
    }

    fn make(&self) -> Lane<P> {
        let interim = Arc::new(H2Interim::default());
        let context = ConnContext {
            peer: self.caller.peer,
            socket: self.caller.socket,
            scheme: self.caller.scheme,
            scheme_is_in_doubt: self.caller.scheme_is_in_doubt,
            protocol: Protocol::H2,
            interim: InterimQueue::h2(Arc::clone(&interim)),
            worker: self.worker.number,
            cut_off: CutOff::default(),
        };
        let (generation, service) = self.worker.connect(Arc::new(context));
        Lane { generation, service, interim }
    }
}
