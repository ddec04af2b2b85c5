//! By which purges is a response reached? By those since its fetch was sent that are about its URL, its tags, or its groups.
//!
//! Tags and groups are the application's to give (DESIGN, invariant 12): they are read from the response and taken off it.
//! They are kept as numbers of 64 bits, hashed with a seed of the process. Two that meet in one number are purged together,
//! which does no harm.

use http::HeaderMap;
use larder_policy::key;
use larder_policy::tags::{self, TagFields};
use larder_semantics::Reason;

use super::journal::{Journal, Kind};

/// Since when, and by which tags, a response can be purged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Birth {
    /// The journal's number when the fetch was sent.
    pub(crate) number: u64,
    /// Its tags and groups, in order, each once.
    pub(crate) tags: Box<[u64]>,
    /// Why it can't be stored: half of its tags are worth no more than none.
    pub(crate) refused: Option<Reason>,
}

impl Birth {
    /// Of a response to a request for the page `key` that was sent when the journal stood at `number`. Takes the fields of
    /// tags off it. `given` are the tags that a rule gives.
    pub(crate) fn of(
        number: u64,
        journal: &Journal,
        key: &[u8],
        fields: &TagFields,
        given: &[String],
        response: &mut HeaderMap,
    ) -> Self {
        let mut ids: Vec<u64> = given.iter().map(|tag| journal.tag(tag)).collect();
        let taken = fields.take(response, |tag| ids.push(journal.tag(tag)));
        let groups = tags::groups(response, |group| {
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
        Self { number, tags: ids.into(), refused }
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
