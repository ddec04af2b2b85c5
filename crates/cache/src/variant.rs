//! One stored response: what is replaceable (its head) apart from what is not (its body).
//!
//! A 304, a HEAD or a soft purge makes a new [`Head`] for the same body (RFC 9111 §3.2, §4.3.5).

use std::sync::Arc;

use http::StatusCode;
use http::header::{self, HeaderMap, HeaderValue};
use larder_semantics::validation::Validators;
use larder_semantics::vary::{Selecting, Vary};
use larder_semantics::{Freshness, Timestamp};
use larder_store::allocated;

use crate::fields::Fields;
use crate::publish::Copied;
use crate::stored_body::StoredBody;
use crate::verbatim::Verbatim;

/// Everything of a stored response but its body.
#[derive(Clone, Debug)]
pub struct Head {
    /// The status; 200 also for a body known in part, which becomes a 206 on its way out.
    pub status: StatusCode,
    /// The end-to-end fields; `Content-Length` among them only where the whole body is known.
    pub fields: Fields,
    /// The numbers that decide reuse.
    pub freshness: Freshness,
    /// What the response can be validated with.
    pub validators: Validators,
    /// What the application's own page can be validated with, where this is not that page any more.
    pub(crate) origin: Option<Box<Validators>>,
    /// The fields that select this variant.
    pub vary: Vary,
    /// Their values in the request that was answered.
    pub selecting: Selecting,
    /// The same as they were sent.
    pub verbatim: Verbatim,
    /// Set for a partial response whose bytes can't be placed, because their number contradicts
    /// the `Content-Range`: it answers the identical `Range` only.
    pub exact_range: Option<HeaderValue>,
    /// The number of the last purge when its fetch was sent.
    pub(crate) born: u64,
    /// Its tags and groups, as numbers: in order, each once.
    pub(crate) tags: Box<[u64]>,
    /// What it has for copies elsewhere, where its rule wants some.
    pub copied: Option<Arc<Copied>>,
}

impl Head {
    /// Whether this response was selected by the fields that `request` has.
    #[must_use]
    pub fn matches(&self, request: &HeaderMap) -> bool {
        match &self.vary {
            Vary::None => true,
            Vary::Any => false,
            Vary::Fields(names) => {
                self.verbatim.repeats(names, request)
                    || larder_semantics::vary::matches(
                        &self.vary,
                        &self.selecting,
                        self.fields.first(&header::CONTENT_LANGUAGE),
                        request,
                    )
            }
        }
    }

    /// What the application is asked with whether the response is still valid.
    #[must_use]
    pub fn asked_with(&self) -> &Validators {
        self.origin.as_deref().unwrap_or(&self.validators)
    }

    /// The same, stale from `now` on.
    #[must_use]
    pub fn expired(&self, now: Timestamp) -> Arc<Self> {
        let mut head = self.clone();
        head.freshness.expire(now);
        Arc::new(head)
    }

    /// The heap bytes behind the head.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.fields.heap_bytes()
            + self.selecting.heap_bytes()
            + self.verbatim.heap_bytes()
            + self.vary.heap_bytes()
            + allocated(size_of_val(&*self.tags))
            + self.origin.as_ref().map_or(0, |_| allocated(size_of::<Validators>()))
            + self
                .copied
                .as_ref()
                .map_or(0, |copied| allocated(size_of::<Copied>()) + copied.names.heap_bytes())
    }
}

/// One stored response.
#[derive(Clone, Debug)]
pub struct Variant {
    /// Status, fields and numbers.
    pub head: Arc<Head>,
    /// The bytes.
    pub body: Arc<StoredBody>,
}

impl Variant {
    /// The heap bytes of head and body, with what keeps them.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        // Each `Arc` has two counters before what it holds.
        const COUNTERS_BYTES: usize = 2 * size_of::<usize>();
        size_of::<Self>()
            + allocated(COUNTERS_BYTES + size_of::<Head>())
            + self.head.heap_bytes()
            + allocated(COUNTERS_BYTES + size_of::<StoredBody>())
            + self.body.heap_bytes()
    }

    /// Whether both are the same stored bytes, whatever became of their heads.
    #[must_use]
    pub fn same_body(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.body, &other.body)
    }

    /// Whether `newer` takes this one's place: selected by the same fields with the same values.
    #[must_use]
    pub fn is_replaced_by(&self, newer: &Self) -> bool {
        self.head.vary == newer.head.vary
            && self.head.selecting == newer.head.selecting
            && (self.head.exact_range == newer.head.exact_range || newer.body.is_whole())
    }
}
