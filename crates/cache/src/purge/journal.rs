//! What was purged, and when: one note for each thing, the newest counts.
//!
//! Notes are found by hash: of the host, the path, the path and query, every beginning of a length that was purged, each tag.
//! So judging a page costs as many look-ups as there are kinds of notes, whatever their number. Only patterns are tried one
//! by one. Notes go when no page and no fetch of before can be about ([`Journal::prune`]).

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use foldhash::fast::RandomState;
use larder_policy::key;
use larder_semantics::Timestamp;
use larder_store::sync::{AtomicU64, RwLock, RwLockReadGuard};

use super::basket::Basket;
use super::request::{Mode, Purge, Scope};
use crate::limits::{NOTES_MAX, PATTERNS_MAX};
use crate::variant::Head;

/// All notes.
#[derive(Debug)]
pub(crate) struct Journal {
    /// The number of the newest note; zero before the first. Read on every hit, written by purges.
    number: AtomicU64,
    notes: RwLock<Notes>,
    hasher: RandomState,
}

#[derive(Debug, Default)]
struct Notes {
    by_hash: HashMap<u64, Note, RandomState>,
    patterns: Vec<(u64, Arc<Purge>, Arc<Tally>)>,
    /// How long the beginnings are that were purged; each once, shortest first.
    lengths: Vec<usize>,
    /// Whether there are beginnings of any host.
    of_any_host: bool,
    /// Whether there are tags of one host.
    tags_at: bool,
    /// The newest note that only an answer can be judged by: of tags, groups and patterns.
    newest_of_answers: u64,
    /// What was born before this note can't be judged any more.
    floor: u64,
}

#[derive(Clone, Debug)]
struct Note {
    hard: Option<Newest>,
    soft: Option<Newest>,
    /// For a beginning.
    length: Option<usize>,
    kind: Kind,
}

/// The newest purge of one mode: its number, and what it took away.
type Newest = (u64, Arc<Tally>);

impl Note {
    /// The newest of both modes.
    fn number(&self) -> u64 {
        let number = |newest: &Option<Newest>| newest.as_ref().map_or(0, |(number, _)| *number);
        number(&self.hard).max(number(&self.soft))
    }
}

/// What the note of a purge took away so far.
#[derive(Debug)]
pub(crate) struct Tally {
    /// When it was purged: what is judged later is stale since then.
    pub(crate) at: Timestamp,
    pub(crate) pages: AtomicU64,
    pub(crate) variants: AtomicU64,
    /// Where the pages go that are to be fetched again.
    pub(crate) basket: Option<Arc<Basket>>,
}

impl Tally {
    fn new(at: Timestamp, basket: Option<&Arc<Basket>>) -> Self {
        let (pages, variants) = Default::default();
        Self { at, pages, variants, basket: basket.map(Arc::clone) }
    }

    /// A page, with its first response.
    pub(crate) fn add_page(&self) {
        self.pages.fetch_add(1, Ordering::Relaxed);
        self.add_variant();
    }

    pub(crate) fn add_variant(&self) {
        self.variants.fetch_add(1, Ordering::Relaxed);
    }
}

/// What a hash is of: no two kinds can meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    All,
    Host,
    Path,
    Url,
    Prefix,
    PrefixOfAny,
    Tag,
    TagAt,
    Group,
}

/// What the notes since a moment say of a stored response.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    /// Nothing.
    Clear,
    /// It is stale.
    Soft(Arc<Tally>),
    /// It is gone; `None`: it is too old to be judged.
    Hard(Option<Arc<Tally>>),
}

impl Verdict {
    pub(crate) const fn is_clear(&self) -> bool {
        matches!(self, Self::Clear)
    }

    pub(crate) const fn is_hard(&self) -> bool {
        matches!(self, Self::Hard(_))
    }
}

/// The newest notes that are about something.
#[derive(Clone, Debug, Default)]
struct Found<'j> {
    hard: Option<(u64, &'j Arc<Tally>)>,
    soft: Option<(u64, &'j Arc<Tally>)>,
}

impl<'j> Found<'j> {
    fn take(&mut self, note: &'j Note) {
        for (mode, newest) in [(Mode::Hard, &note.hard), (Mode::Soft, &note.soft)] {
            if let Some((number, tally)) = newest {
                self.newer(mode, *number, tally);
            }
        }
    }

    fn newer(&mut self, mode: Mode, number: u64, tally: &'j Arc<Tally>) {
        let place = match mode {
            Mode::Hard => &mut self.hard,
            Mode::Soft => &mut self.soft,
        };
        if number > place.map_or(0, |(known, _)| known) {
            *place = Some((number, tally));
        }
    }

    fn since(&self, from: u64) -> Verdict {
        let after = |found: Option<(u64, &Arc<Tally>)>| {
            found.filter(|(number, _)| *number > from).map(|(_, tally)| Arc::clone(tally))
        };
        match (after(self.hard), after(self.soft)) {
            (Some(tally), _) => Verdict::Hard(Some(tally)),
            (None, Some(tally)) => Verdict::Soft(tally),
            (None, None) => Verdict::Clear,
        }
    }
}

/// The journal, held still.
#[derive(Debug)]
pub(crate) struct Reading<'j> {
    journal: &'j Journal,
    notes: RwLockReadGuard<'j, Notes>,
    pub(crate) number: u64,
}

impl Journal {
    pub(crate) fn new() -> Self {
        Self { number: AtomicU64::new(0), notes: RwLock::default(), hasher: RandomState::default() }
    }

    /// The number of the newest note.
    pub(crate) fn number(&self) -> u64 {
        self.number.load(Ordering::Acquire)
    }

    /// Holds the journal still. Not twice by one thread.
    pub(crate) fn read(&self) -> Reading<'_> {
        let notes = self.notes.read();
        Reading { journal: self, number: self.number(), notes }
    }

    pub(crate) fn hash(&self, kind: Kind, texts: &[&[u8]]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write_u8(kind as u8);
        for text in texts {
            // Each with its length, so that no two lists run together.
            hasher.write_usize(text.len());
            hasher.write(text);
        }
        hasher.finish()
    }

    /// The number that stands for a tag.
    pub(crate) fn tag(&self, tag: &str) -> u64 {
        self.hash(Kind::Tag, &[tag.as_bytes()])
    }

    fn tag_at(&self, tag: u64, host: &[u8]) -> u64 {
        self.hash(Kind::TagAt, &[&tag.to_ne_bytes(), host])
    }

    /// Under which hashes a purge is written down.
    fn hashes(&self, scope: &Scope) -> Vec<(u64, Kind, Option<usize>)> {
        let one = |kind, texts: &[&str], length| {
            let texts: Vec<&[u8]> = texts.iter().map(|text| text.as_bytes()).collect();
            (self.hash(kind, &texts), kind, length)
        };
        match scope {
            Scope::All => vec![one(Kind::All, &[], None)],
            Scope::Host(host) => vec![one(Kind::Host, &[host], None)],
            Scope::Path { host, path } => vec![one(Kind::Path, &[host, path], None)],
            Scope::Url { host, target } => vec![one(Kind::Url, &[host, target], None)],
            Scope::Prefix { host: Some(host), prefix } => {
                vec![one(Kind::Prefix, &[host, prefix], Some(prefix.len()))]
            }
            Scope::Prefix { host: None, prefix } => {
                vec![one(Kind::PrefixOfAny, &[prefix], Some(prefix.len()))]
            }
            Scope::Tags { tags, host } => {
                let ids = tags.iter().map(|tag| self.tag(tag));
                let of = |id| match host {
                    Some(host) => (self.tag_at(id, host.as_bytes()), Kind::TagAt, None),
                    None => (id, Kind::Tag, None),
                };
                ids.map(of).collect()
            }
            Scope::Groups { scheme, host, groups } => {
                let of = |group: &str| one(Kind::Group, &[scheme.as_str(), host, group], None);
                groups.iter().map(|group| of(group)).collect()
            }
            Scope::Matching(_) => Vec::new(),
        }
    }

    /// Writes a purge down. In force when it returns. Returns its number and what it will have taken away.
    pub(crate) fn note(
        &self,
        purge: &Purge,
        basket: Option<&Arc<Basket>>,
        now: Timestamp,
    ) -> (u64, Arc<Tally>) {
        let tally = Arc::new(Tally::new(now, basket));
        let mut notes = self.notes.write();
        let number = self.number() + 1;
        if let Scope::Matching(_) = &purge.scope {
            // What was stored before the same purge of before was stored before this one, too.
            notes.patterns.retain(|(_, known, _)| **known != *purge);
            notes.patterns.push((number, Arc::new(purge.clone()), Arc::clone(&tally)));
            notes.newest_of_answers = number;
        }
        for (hash, kind, length) in self.hashes(&purge.scope) {
            let note = notes.note(hash, kind, length);
            let newest = Some((number, Arc::clone(&tally)));
            match purge.mode {
                Mode::Hard => note.hard = newest,
                Mode::Soft => note.soft = newest,
            }
            if matches!(kind, Kind::Tag | Kind::TagAt | Kind::Group) {
                notes.newest_of_answers = number;
            }
        }
        // After the note itself: whoever sees the number finds the note.
        self.number.store(number, Ordering::Release);
        drop(notes);
        (number, tally)
    }

    /// Forgets the notes up to `upto`, which every page was judged by. Fetches born before are not stored.
    pub(crate) fn prune(&self, upto: u64) {
        let mut notes = self.notes.write();
        notes.floor = notes.floor.max(upto);
        notes.by_hash.retain(|_, note| note.number() > upto);
        notes.patterns.retain(|(number, ..)| *number > upto);
        let of_kind = |notes: &Notes, kind| notes.by_hash.values().any(|note| note.kind == kind);
        notes.of_any_host = of_kind(&notes, Kind::PrefixOfAny);
        notes.tags_at = of_kind(&notes, Kind::TagAt);
        let mut lengths: Vec<usize> =
            notes.by_hash.values().filter_map(|note| note.length).collect();
        lengths.sort_unstable();
        lengths.dedup();
        notes.lengths = lengths;
    }

    /// Whether pages have to be judged now, so that notes can go.
    pub(crate) fn is_full(&self) -> bool {
        let notes = self.notes.read();
        notes.by_hash.len() > NOTES_MAX || notes.patterns.len() > PATTERNS_MAX
    }

    /// How many notes there are.
    pub(crate) fn len(&self) -> usize {
        let notes = self.notes.read();
        notes.by_hash.len() + notes.patterns.len()
    }
}

impl Notes {
    fn note(&mut self, hash: u64, kind: Kind, length: Option<usize>) -> &mut Note {
        if let Some(length) = length
            && let Err(place) = self.lengths.binary_search(&length)
        {
            self.lengths.insert(place, length);
        }
        self.of_any_host |= kind == Kind::PrefixOfAny;
        self.tags_at |= kind == Kind::TagAt;
        let new = || Note { hard: None, soft: None, length, kind };
        self.by_hash.entry(hash).or_insert_with(new)
    }
}

impl Reading<'_> {
    /// What is purged by its URL.
    fn by_url(&self, key: &[u8]) -> Found<'_> {
        let mut found = Found::default();
        let mut ask = |kind: Kind, texts: &[&[u8]]| {
            if let Some(note) = self.notes.by_hash.get(&self.journal.hash(kind, texts)) {
                found.take(note);
            }
        };
        ask(Kind::All, &[]);
        let Some((_, host, target)) = key::read(key) else { return found };
        let path = target.split(|byte| *byte == b'?').next().unwrap_or(target);
        ask(Kind::Host, &[host]);
        ask(Kind::Path, &[host, path]);
        ask(Kind::Url, &[host, target]);
        for length in &self.notes.lengths {
            let Some(beginning) = target.get(..*length) else { break };
            ask(Kind::Prefix, &[host, beginning]);
            if self.notes.of_any_host {
                ask(Kind::PrefixOfAny, &[beginning]);
            }
        }
        found
    }

    fn by_answer<'r>(&'r self, key: &[u8], head: &Head, from: u64, found: &mut Found<'r>) {
        let host = key::read(key).map_or(&[][..], |(_, host, _)| host);
        for tag in &head.tags {
            if let Some(note) = self.notes.by_hash.get(tag) {
                found.take(note);
            }
            if self.notes.tags_at
                && let Some(note) = self.notes.by_hash.get(&self.journal.tag_at(*tag, host))
            {
                found.take(note);
            }
        }
        for (number, purge, tally) in self.notes.patterns.iter().rev() {
            if *number <= from {
                break;
            }
            if let Scope::Matching(pattern) = &purge.scope
                && pattern.fits(key, head)
            {
                found.newer(purge.mode, *number, tally);
            }
        }
    }

    /// What the notes since `from` say of responses of the page `key`, one after the other.
    pub(crate) fn judge<'h, I>(&self, key: &[u8], heads: I, mut each: impl FnMut(Verdict))
    where
        I: IntoIterator<Item = (&'h Head, u64)>,
    {
        let by_url = self.by_url(key);
        for (head, from) in heads {
            if from < self.notes.floor {
                each(Verdict::Hard(None));
                continue;
            }
            let mut found = by_url.clone();
            self.by_answer(key, head, from, &mut found);
            each(found.since(from));
        }
    }

    /// The same for one response.
    pub(crate) fn judge_one(&self, key: &[u8], head: &Head, from: u64) -> Verdict {
        let mut verdict = Verdict::Clear;
        self.judge(key, [(head, from)], |it| verdict = it);
        verdict
    }

    /// Whether an answer that is not there yet may be out of date: to a request for the page `key` that was sent at `from`.
    pub(crate) fn may_reach(&self, key: &[u8], from: u64) -> bool {
        from < self.notes.floor
            || self.notes.newest_of_answers > from
            || !self.by_url(key).since(from).is_clear()
    }
}
