//! By which purges is a response reached? By those since its fetch was sent that are about its URL, its tags, or its groups.
//!
//! Tags and groups are the application's to give (DESIGN, invariant 12): they are read from the response and taken off it.
//! They are kept as numbers of 64 bits, hashed with a seed of the process. Two that meet in one number are purged together,
//! which does no harm.

use http::HeaderMap;
use larder_policy::limits::{TAG_BYTES_MAX, TAGS_MAX};
use larder_policy::{Policy, key, tags};
use larder_semantics::Reason;

use super::journal::{Journal, Kind};
use crate::publish::Names;

/// Since when, and by which tags, a response can be purged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Birth {
    /// The journal's number when the fetch was sent.
    pub(crate) number: u64,
    /// Its tags and groups, in order, each once.
    pub(crate) tags: Box<[u64]>,
    /// The same in words, for a page that is published.
    pub(crate) names: Option<Box<Names>>,
    /// Why it can't be stored: half of its tags are worth no more than none.
    pub(crate) refused: Option<Reason>,
}

/// Whether tags and groups are kept as numbers only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// They are: that suffices to purge what is in memory.
    ByNumber,
    /// Also as they were said: to find again what is published.
    InWords,
}

/// What a response says of itself.
#[derive(Debug)]
pub struct Said<'a> {
    /// Its fields; those of tags are taken off.
    pub fields: &'a mut HeaderMap,
    /// Tags that it has besides.
    pub tags: &'a [Box<str>],
}

impl<'a> From<&'a mut HeaderMap> for Said<'a> {
    fn from(fields: &'a mut HeaderMap) -> Self {
        Self { fields, tags: &[] }
    }
}

impl Birth {
    /// Of a response to a request for the page `key` that was sent when the journal stood at `number`. Takes the fields of
    /// tags off it. A rule's tags are its own, too.
    pub(crate) fn of(
        number: u64,
        journal: &Journal,
        key: &[u8],
        policy: &Policy,
        naming: Naming,
        Said { fields: response, tags: more }: Said<'_>,
    ) -> Self {
        let mut names = (naming == Naming::InWords).then(Box::<Names>::default);
        let mut ids = Vec::new();
        let mut tag = |tag: &str| {
            ids.push(journal.tag(tag));
            if let Some(names) = &mut names {
                names.tags.push(tag.into());
            }
        };
        policy.tags_given(key).iter().for_each(|given| tag(given));
        let fit = more.len() <= TAGS_MAX && more.iter().all(|tag| tag.len() <= TAG_BYTES_MAX);
        more.iter().take(TAGS_MAX).for_each(|more| tag(more));
        let taken = policy.tags.take(response, tag);
        let taken = if fit { taken } else { Err(tags::TooMany) };
        let groups = tags::groups(response, |group| {
            if let Some(names) = &mut names {
                names.groups.push(group.into());
            }
            if let Some((scheme, host, _)) = key::read(key) {
                ids.push(
                    journal
                        .hash(Kind::Group, &[scheme.as_str().as_bytes(), host, group.as_bytes()]),
                );
            }
        });
        ids.sort_unstable();
        ids.dedup();
        let refused = taken.and(groups).err().map(|tags::TooMany| Reason::TooManyTags);
        Self { number, tags: ids.into(), names, refused }
    }

    /// The tags of both.
    pub(crate) fn joined(one: &[u64], other: &[u64]) -> Box<[u64]> {
        if one.is_empty() || one == other {
            return other.into();
        }
        let mut all = [one, other].concat();
        all.sort_unstable();
        all.dedup();
        all.into()
    }
}
