//! Storing, deleting and reading over several servers.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;

use crate::address::Address;
use crate::answer::Answer;
use crate::connection::Request;
use crate::error::{Error, ErrorKind};
use crate::expiry::Expiry;
use crate::key::Key;
use crate::limits::{PIPELINED_MAX, SERVERS_MAX};
use crate::route::{Router, Routing};
use crate::server::{Server, ServerState};
use crate::settings::Settings;

/// Memcached servers, as one. Clones share connections. Every operation may be dropped at any time.
///
/// A connection belongs to the runtime it was opened in; when that has ended, it is replaced.
#[derive(Clone, Debug)]
pub struct Client {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    servers: Vec<Server>,
    router: Router,
    settings: Settings,
}

/// A value that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The number stored with it.
    pub flags: u32,
    /// The value.
    pub value: Bytes,
}

/// What became of the deletions on one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The server, as its address is shown.
    pub server: String,
    /// Keys that were there and are no more.
    pub deleted: usize,
    /// Keys that were not there.
    pub absent: usize,
    /// Why not all were deleted.
    pub error: Option<Error>,
    /// The keys that may still be there, by their place in the list.
    pub left: Vec<usize>,
}

/// Why a list of servers can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadServers {
    /// There are none.
    None,
    /// More than [`SERVERS_MAX`].
    Many,
    /// One of them twice.
    Twice(Address),
}

impl fmt::Display for BadServers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => {
                f.write_str("no Memcached server is named; name one, as \"127.0.0.1:11211\"")
            }
            Self::Many => write!(f, "more than {SERVERS_MAX} Memcached servers are named"),
            Self::Twice(address) => {
                write!(f, "the Memcached server {address} is named twice; name it once")
            }
        }
    }
}

impl std::error::Error for BadServers {}

impl Client {
    /// A client of these servers, in the order in which their reader has them. Connects to none yet.
    ///
    /// # Errors
    /// When there are none, too many, or one is named twice.
    pub fn new(
        servers: Vec<Address>,
        routing: Routing,
        settings: Settings,
    ) -> Result<Self, BadServers> {
        if servers.is_empty() {
            return Err(BadServers::None);
        }
        if servers.len() > SERVERS_MAX {
            return Err(BadServers::Many);
        }
        let mut sorted: Vec<_> = servers.iter().collect();
        sorted.sort();
        if let Some([twice, _]) = sorted.array_windows().find(|[one, next]| one == next) {
            return Err(BadServers::Twice((*twice).clone()));
        }
        let router = Router::new(&servers, routing);
        let server = |address| Server::new(address, settings.clone());
        let servers = servers.into_iter().map(server).collect();
        Ok(Self { shared: Arc::new(Shared { servers, router, settings }) })
    }

    /// Stores a value, in place of what lies there. A value that is too large or that the server refuses is not stored, and what
    /// lay there is deleted: otherwise the reader would go on with the old one.
    ///
    /// # Errors
    /// When it was not stored, or nobody knows whether it was; [`Error::old_value_may_remain`] says what that means for readers.
    pub async fn set(
        &self,
        key: &Key,
        value: Bytes,
        flags: u32,
        expiry: Expiry,
    ) -> Result<(), Error> {
        let server = self.server_of(key)?;
        let bytes_max = self.shared.settings.item_bytes_max;
        if value.len() > bytes_max {
            let error = server.refuse(ErrorKind::TooLarge { bytes: value.len(), bytes_max });
            return Err(without_the_old(server, key, error).await);
        }
        let request = Request::Set { key, value: &value, flags, expiry };
        let mut answers = Vec::with_capacity(1);
        let performed = server.perform(&[request], &mut answers).await;
        performed.map_err(|error| Error { old_remains: true, ..error })?;
        let why = match answers.pop() {
            Some(Answer::Done) => return Ok(()),
            Some(Answer::Refused(said)) => said,
            Some(_) | None => "not stored".to_owned(),
        };
        let error = server.refuse(ErrorKind::Refused(why));
        Err(without_the_old(server, key, error).await)
    }

    /// Deletes the keys from the servers where their reader looks, on all servers at the same time. Servers that hold none of
    /// them are not asked and not told of.
    pub async fn delete(&self, keys: &[Key]) -> Vec<Outcome> {
        let mut places = vec![Vec::new(); self.shared.servers.len()];
        for (place, key) in keys.iter().enumerate() {
            if let Some(of_server) = places.get_mut(self.shared.router.server_of(key)) {
                of_server.push(place);
            }
        }
        let asked = self.shared.servers.iter().zip(places).filter(|(_, places)| !places.is_empty());
        join_all(asked.map(|(server, places)| delete_from(server, keys, places))).await
    }

    /// Reads a value.
    ///
    /// # Errors
    /// When nobody knows whether there is one.
    pub async fn get(&self, key: &Key) -> Result<Option<Item>, Error> {
        let server = self.server_of(key)?;
        let mut answers = Vec::with_capacity(1);
        server.perform(&[Request::Get { key }], &mut answers).await?;
        match answers.pop() {
            Some(Answer::Value { flags, bytes }) => Ok(Some(Item { flags, value: bytes })),
            Some(Answer::Refused(said)) => Err(server.refuse(ErrorKind::Refused(said))),
            Some(_) | None => Ok(None),
        }
    }

    /// What there is to tell about each server, in their order.
    #[must_use]
    pub fn servers(&self) -> Vec<ServerState> {
        self.shared.servers.iter().map(Server::state).collect()
    }

    /// The server that holds a key, as its address is shown.
    #[must_use]
    pub fn server_name(&self, key: &Key) -> &str {
        let server = self.shared.servers.get(self.shared.router.server_of(key));
        server.map_or("", Server::name)
    }

    fn server_of(&self, key: &Key) -> Result<&Server, Error> {
        let server = self.shared.servers.get(self.shared.router.server_of(key));
        // The router knows as many servers as there are.
        server.ok_or_else(|| Error::new("", ErrorKind::Connect("no server".to_owned())))
    }
}

/// Deletes what a refused value was to replace; the error says when that was not possible either.
async fn without_the_old(server: &Server, key: &Key, mut error: Error) -> Error {
    let mut answers = Vec::with_capacity(1);
    let deleted = server.perform(&[Request::Delete { key }], &mut answers).await;
    error.old_remains =
        deleted.is_err() || !matches!(answers.pop(), Some(Answer::Done | Answer::Absent));
    error
}

/// In portions, until one fails.
async fn delete_from(server: &Server, keys: &[Key], places: Vec<usize>) -> Outcome {
    let mut outcome = Outcome {
        server: server.name().to_owned(),
        deleted: 0,
        absent: 0,
        error: None,
        left: Vec::new(),
    };
    for portion in places.chunks(PIPELINED_MAX) {
        if outcome.error.is_some() {
            outcome.left.extend(portion);
            continue;
        }
        let keys = portion.iter().filter_map(|place| keys.get(*place));
        let requests: Vec<_> = keys.map(|key| Request::Delete { key }).collect();
        let mut answers = Vec::with_capacity(requests.len());
        outcome.error = server.perform(&requests, &mut answers).await.err();
        let mut answers = answers.into_iter();
        for place in portion {
            match answers.next() {
                Some(Answer::Done) => outcome.deleted += 1,
                Some(Answer::Absent) => outcome.absent += 1,
                Some(Answer::Refused(said)) => {
                    outcome.left.push(*place);
                    outcome.error.get_or_insert_with(|| server.refuse(ErrorKind::Refused(said)));
                }
                Some(Answer::NotStored | Answer::Value { .. } | Answer::Unknown(_)) | None => {
                    outcome.left.push(*place);
                }
            }
        }
    }
    outcome
}
