//! Memcached, as published pages lie there.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use larder_lookup::{Eraser, Left, Listed};
use larder_memcached::{self as memcached, Client, Expiry, Key, ServerState};
use parking_lot::Mutex;

use crate::settings::{Settings, StartError};

/// The servers.
#[derive(Clone, Debug)]
pub struct Shelf {
    client: Client,
}

/// What a purge did on a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OnServer {
    /// Pages that were there and are no more.
    pub deleted: u64,
    /// Pages that were not there any more: they had ended, or made room for others.
    pub absent: u64,
    /// Pages that may still be there.
    pub left: u64,
}

/// Counts what is erased while it erases.
#[derive(Debug)]
pub(crate) struct Erasing<'s> {
    shelf: &'s Shelf,
    servers: Mutex<BTreeMap<String, OnServer>>,
}

impl Shelf {
    /// Connects to no server yet.
    ///
    /// # Errors
    /// The servers named make no sense.
    pub fn new(settings: &Settings) -> Result<Self, StartError> {
        let body_bytes_max = settings.publishing.body_bytes_max;
        let limits = memcached::Settings {
            connect_timeout: settings.timeout.min(memcached::Settings::default().connect_timeout),
            timeout: settings.timeout,
            item_bytes_max: usize::try_from(body_bytes_max).unwrap_or(usize::MAX),
            ..memcached::Settings::default()
        };
        let client = Client::new(settings.servers.clone(), settings.routing, limits)
            .map_err(|error| StartError(error.to_string()))?;
        Ok(Self { client })
    }

    /// Puts a page there for `lifetime`, at `now` in seconds since 1970.
    pub(crate) async fn set(
        &self,
        key: &str,
        body: Bytes,
        lifetime: Duration,
        now: u64,
    ) -> Result<(), String> {
        let key = key_of(key.as_bytes()).ok_or_else(|| format!("{key:?} is no key"))?;
        let expiry = Expiry::after(lifetime, now).ok_or("less than a second is left")?;
        // Flags 0: bytes, as whoever reads them with a Python client has to know.
        self.client.set(&key, body, 0, expiry).await.map_err(|error| error.to_string())
    }

    /// Takes a page away.
    pub(crate) async fn delete(&self, key: &str) -> Result<(), String> {
        let Some(key) = key_of(key.as_bytes()) else { return Ok(()) };
        let outcomes = self.client.delete(&[key]).await;
        let failed = outcomes.into_iter().find_map(|outcome| outcome.error);
        failed.map_or(Ok(()), |error| Err(error.to_string()))
    }

    pub(crate) fn erasing(&self) -> Erasing<'_> {
        Erasing { shelf: self, servers: Mutex::default() }
    }

    /// What there is to tell about each server.
    #[must_use]
    pub fn servers(&self) -> Vec<ServerState> {
        self.client.servers()
    }
}

impl Eraser for Shelf {
    async fn erase(&self, pages: &[Listed]) -> Result<(), Left> {
        self.erasing().erase(pages).await
    }
}

impl Erasing<'_> {
    pub(crate) fn done(self) -> BTreeMap<String, OnServer> {
        self.servers.into_inner()
    }
}

impl Eraser for Erasing<'_> {
    async fn erase(&self, pages: &[Listed]) -> Result<(), Left> {
        // What is no key lies nowhere.
        let found = pages.iter().filter_map(|page| Some((page.id, key_of(&page.key)?)));
        let (ids, keys): (Vec<i64>, Vec<Key>) = found.unzip();
        let (mut left, mut why) = (Vec::new(), Vec::new());
        for outcome in self.shelf.client.delete(&keys).await {
            left.extend(outcome.left.iter().filter_map(|place| ids.get(*place)));
            why.extend(outcome.error.as_ref().map(ToString::to_string));
            let mut servers = self.servers.lock();
            let on_server = servers.entry(outcome.server).or_default();
            on_server.deleted += outcome.deleted as u64;
            on_server.absent += outcome.absent as u64;
            on_server.left += outcome.left.len() as u64;
        }
        if left.is_empty() { Ok(()) } else { Err(Left { pages: left, why: why.join("; ") }) }
    }
}

/// A key of the table, with what its reader chooses the server by: the same before nginx escapes it.
fn key_of(wire: &[u8]) -> Option<Key> {
    let key = Key::new(wire).ok()?;
    Some(if wire.contains(&b'%') { key.hashed_as(&unescaped(wire)) } else { key })
}

fn unescaped(wire: &[u8]) -> Vec<u8> {
    let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
    let mut bytes = Vec::with_capacity(wire.len());
    let mut rest = wire;
    while let [first, after @ ..] = rest {
        let escape = (*first == b'%').then(|| Some((digit(after.first())?, digit(after.get(1))?)));
        if let Some(Some((high, low))) = escape {
            bytes.extend(u8::try_from(high << 4 | low));
            rest = after.get(2..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_chosen_by_the_key_before_nginx_escapes_it() {
        let cases = [
            ("larder:https://a.test/", "larder:https://a.test/"),
            ("larder:https://a.test/a%252fb", "larder:https://a.test/a%2fb"),
            ("larder:https://a.test/a%2", "larder:https://a.test/a%2"),
        ];
        for (wire, hashed) in cases {
            assert_eq!(key_of(wire.as_bytes()).unwrap().hashed(), hashed.as_bytes(), "{wire}");
        }
        assert!(key_of(b"a b").is_none());
    }
}
