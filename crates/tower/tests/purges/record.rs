//! What the application has answered: the evidence that every response is held against.

use std::sync::{Arc, Mutex, MutexGuard};

use larder_policy::Scheme;
use larder_testkit::Signal;

/// A page: what tells it from the others.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) scheme: Scheme,
    pub(crate) host: String,
    /// Path and what of the query counts.
    pub(crate) target: String,
    /// Of a page that varies by it.
    pub(crate) language: Option<String>,
    /// Of a page that an audience shares by it.
    pub(crate) country: Option<String>,
}

impl Place {
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Whether both are of one path, under whichever scheme, query, audience.
    pub(crate) fn shares_path(&self, other: &Self) -> bool {
        self.host == other.host && self.path() == other.path()
    }

    /// Whether it is asked for in parts.
    pub(crate) fn is_in_parts(&self) -> bool {
        self.path() == "/r/1"
    }

    /// The media type: each path has its own.
    pub(crate) fn content_type(&self) -> &'static str {
        match self.path() {
            "/a/1" | "/u/1" | "/v/1" => "text/html",
            "/a/2" | "/r/1" => "application/json",
            _ => "text/plain",
        }
    }
}

/// One answer of the application. Its number is its place in the list, and its `x-made`.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) number: usize,
    pub(crate) method: String,
    pub(crate) place: Place,
    /// When the request was sent, among all that happened.
    pub(crate) sent: u64,
    /// When something of it came last: the request, or what the test had held.
    pub(crate) touched: u64,
    /// When its head left; not yet while the test holds it.
    pub(crate) responded: Option<u64>,
    /// The same in seconds.
    pub(crate) at: u64,
    pub(crate) status: u16,
    pub(crate) version: u64,
    pub(crate) tags: Vec<&'static str>,
    pub(crate) groups: Vec<&'static str>,
    pub(crate) cache_control: &'static str,
    pub(crate) breaks_off: bool,
}

impl Record {
    /// How long it is fresh, if it may be stored.
    pub(crate) fn lifetime(&self) -> Option<u64> {
        let lasts = self.cache_control.split(", ").find_map(|it| it.strip_prefix("max-age="))?;
        lasts.parse().ok()
    }

    /// Whether it brought bytes of a page.
    pub(crate) fn has_bytes(&self) -> bool {
        self.method == "GET" && matches!(self.status, 200 | 206)
    }
}

/// Something that the application holds back until the test lets it go.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) signal: Signal,
    pub(crate) record: usize,
    pub(crate) is_head: bool,
}

/// What application and driver share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    shared: Arc<Mutex<Books>>,
}

#[derive(Debug, Default)]
pub(crate) struct Books {
    pub(crate) records: Vec<Record>,
    pub(crate) held: Vec<Held>,
    pub(crate) done: Vec<crate::judge::Done>,
    /// The version of each page that has one.
    pub(crate) versions: Vec<(Place, Version)>,
    last_version: u64,
    moments: u64,
}

/// A page's content as it is at present.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(crate) number: u64,
    /// For a page that is asked for in parts: all parts have them.
    pub(crate) tags: Vec<&'static str>,
}

impl Books {
    /// A number for what happens now, larger than that of all that happened.
    pub(crate) fn moment(&mut self) -> u64 {
        self.moments += 1;
        self.moments
    }

    /// The present version of a page; of a new one, with these tags.
    pub(crate) fn version(&mut self, place: &Place, tags: &[&'static str]) -> Version {
        if let Some((_, version)) = self.versions.iter().find(|(known, _)| known == place) {
            return version.clone();
        }
        self.last_version += 1;
        let version = Version { number: self.last_version, tags: tags.to_vec() };
        self.versions.push((place.clone(), version.clone()));
        version
    }

    /// Whether the application has yet to finish an answer for this path.
    pub(crate) fn is_busy(&self, place: &Place) -> bool {
        self.held.iter().any(|held| self.records[held.record].place.shares_path(place))
    }

    /// What happened to a path, for people.
    pub(crate) fn history(&self, place: &Place) -> String {
        let of_path = self.records.iter().filter(|record| record.place.shares_path(place));
        of_path.map(|record| format!("{record:?}")).collect::<Vec<_>>().join("\n")
    }
}

impl Ledger {
    pub(crate) fn books(&self) -> MutexGuard<'_, Books> {
        self.shared.lock().unwrap()
    }
}
