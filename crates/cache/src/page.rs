//! A page: everything that is stored under one key.
//!
//! The variants lie newest first, which is the order in which RFC 9111 §4.1 prefers them. Pages
//! are never changed in place: a change makes a new page, which the store swaps in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use http::header::{HeaderMap, HeaderValue};
use larder_semantics::range::RangeRequest;
use larder_semantics::vary::Vary;
use larder_semantics::{Failure, Reason, Timestamp};
use larder_store::Weigh;
use larder_store::sync::AtomicU64;

use crate::generation::Mark;
use crate::variant::{Head, Variant};

/// Everything that is stored under one key.
#[derive(Debug, Default)]
pub struct Page {
    variants: Vec<Variant>,
    failed: Option<(Failure, Timestamp)>,
    /// For one of several pages of a URL: whether the URL was invalidated since.
    mark: Option<Mark>,
    /// The note of the journal of purges up to which its variants were judged.
    checked: AtomicU64,
    /// How often it was asked for and answered from here, more or less.
    asked: AtomicU32,
}

impl Clone for Page {
    fn clone(&self) -> Self {
        Self {
            variants: self.variants.clone(),
            failed: self.failed,
            mark: self.mark.clone(),
            checked: AtomicU64::new(self.checked()),
            asked: AtomicU32::new(self.asked()),
        }
    }
}

/// What a request finds on a page.
#[derive(Clone, Copy, Debug)]
pub enum Selection<'a> {
    /// This variant has what is asked for.
    Variant(&'a Variant),
    /// This variant is the one, but the range asked for is not among its bytes.
    Part(&'a Variant),
    /// No variant was selected by the request's fields.
    None,
}

/// Why a variant was not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotKept(pub Reason);

impl Page {
    /// The variants, newest first.
    #[must_use]
    pub fn variants(&self) -> &[Variant] {
        &self.variants
    }

    /// The fields that selected the newest variant.
    #[must_use]
    pub fn recipe(&self) -> Option<&Vary> {
        self.variants.first().map(|variant| &variant.head.vary)
    }

    /// Finds the variant for a request (RFC 9111 §4.1) and its range (§3.3).
    #[must_use]
    pub fn select(&self, request: &HeaderMap, range: &RangeRequest) -> Selection<'_> {
        let mut part = None;
        for variant in self.variants.iter().filter(|variant| variant.head.matches(request)) {
            if has(variant, request, range) {
                return Selection::Variant(variant);
            }
            if variant.head.exact_range.is_none() {
                part.get_or_insert(variant);
            }
        }
        part.map_or(Selection::None, Selection::Part)
    }

    /// The page with `newer` on it.
    ///
    /// # Errors
    /// [`NotKept`] when there are `variants_max` fresh variants already.
    pub fn with(
        &self,
        newer: Variant,
        variants_max: usize,
        now: Timestamp,
    ) -> Result<Self, NotKept> {
        let varies = newer.head.vary != Vary::None;
        let mut variants = Vec::with_capacity(self.variants.len() + 1);
        variants.push(newer);
        let Some(newest) = variants.first().cloned() else { return Ok(self.clone()) };
        for older in &self.variants {
            // RFC 9111 §4.1: where some responses have no Vary, only those with one are trusted;
            // and where the newest has none, the resource no longer varies.
            let mixed = varies != (older.head.vary != Vary::None);
            if !mixed && !older.is_replaced_by(&newest) {
                variants.push(older.clone());
            }
        }
        if variants.len() > variants_max {
            // Stale ones make room first; a fresh one is never driven out by a new spelling of a
            // request field, or a client could empty the page.
            let mut position = 0;
            variants.retain(|variant| {
                position += 1;
                position == 1 || variant.head.freshness.is_fresh(now)
            });
        }
        if variants.len() > variants_max {
            return Err(NotKept(Reason::TooManyVariants));
        }
        variants.shrink_to_fit();
        Ok(Self { variants, failed: None, ..self.clone() })
    }

    /// The note of the journal of purges up to which the page was judged.
    pub(crate) fn checked(&self) -> u64 {
        self.checked.load(Ordering::Relaxed)
    }

    /// Nothing up to this note concerns the page.
    pub(crate) fn check(&self, number: u64) {
        self.checked.store(number, Ordering::Relaxed);
    }

    /// How often it was asked for, more or less.
    #[must_use]
    pub fn asked(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }

    /// Counts that it was asked for. On the path of every hit, so it is no atomic addition: two at the same moment may count
    /// as one. Whoever holds the page has just changed the counter of its holders, which lies beside it.
    #[inline]
    pub fn count(&self) {
        self.asked.store(self.asked().saturating_add(1), Ordering::Relaxed);
    }

    /// Takes over what was counted of a page before it was purged.
    pub(crate) fn credit(&self, asked: u32) {
        self.asked.store(self.asked().max(asked), Ordering::Relaxed);
    }

    /// The page with other variants, judged up to `number`.
    pub(crate) fn judged(&self, variants: Vec<Variant>, number: u64) -> Self {
        Self {
            variants,
            failed: self.failed,
            mark: self.mark.clone(),
            checked: AtomicU64::new(number),
            asked: AtomicU32::new(self.asked()),
        }
    }

    /// The page, made when its URL's counter stood at `mark`.
    #[must_use]
    pub(crate) fn marked(self, mark: Option<Mark>) -> Self {
        Self { mark, ..self }
    }

    /// Whether the page's URL was not invalidated since the page was made.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.mark.as_ref().is_none_or(Mark::is_current)
    }

    /// The page with another head on the variant whose body is that of `variant`. `None` when
    /// that variant is gone: what was purged or evicted does not come back.
    #[must_use]
    pub fn with_head(&self, variant: &Variant, head: Arc<Head>) -> Option<Self> {
        let position = self.variants.iter().position(|stored| stored.same_body(variant))?;
        let mut page = Self { failed: None, ..self.clone() };
        if let Some(place) = page.variants.get_mut(position) {
            place.head = head;
        }
        Some(page)
    }

    /// The page without the variant whose body is that of `variant`.
    #[must_use]
    pub fn without(&self, variant: &Variant) -> Self {
        let mut page = self.clone();
        page.variants.retain(|stored| !stored.same_body(variant));
        page
    }

    /// That the application failed for this page, if that was a moment before `now`.
    #[must_use]
    pub fn failure(&self, now: Timestamp) -> Option<Failure> {
        self.failed.filter(|(_, until)| now < *until).map(|(failure, _)| failure)
    }

    /// The page with a failure on it that counts until `until`.
    #[must_use]
    pub fn with_failure(&self, failure: Failure, until: Timestamp) -> Self {
        Self { failed: Some((failure, until)), ..self.clone() }
    }
}

/// Whether the bytes that the request is after are there.
fn has(variant: &Variant, request: &HeaderMap, range: &RangeRequest) -> bool {
    if let Some(exact) = &variant.head.exact_range {
        let mut lines = request.get_all(http::header::RANGE).iter();
        return lines.next().is_some_and(|line: &HeaderValue| line == exact)
            && lines.next().is_none()
            && !request.contains_key(http::header::IF_RANGE);
    }
    if variant.body.is_whole() {
        return true;
    }
    // RFC 9111 §3.3: a partial response answers only what lies within it.
    let RangeRequest::Single(spec) = range else { return false };
    let known = variant.body.complete().and_then(|complete| spec.resolve(complete));
    known.is_some_and(|(first, last)| variant.body.covers(first, last))
        && larder_semantics::range::if_range_holds(request, &variant.head.validators)
}

impl Weigh for Page {
    fn weight_bytes(&self) -> usize {
        let variants: usize = self.variants.iter().map(Variant::heap_bytes).sum();
        let mark = self.mark.as_ref().map_or(0, Mark::heap_bytes);
        size_of::<Self>() + variants + mark
    }
}
