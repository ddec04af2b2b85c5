//! The fields of hits, made once a second: a small table for each thread.
//!
//! All hits on a page within one second of its age carry the same fields. Making them costs more
//! than copying them, so a page that is hit twice in a second has them kept. A slot holds the head
//! that it was made from, so an equal address means the same head.

use std::cell::RefCell;
use std::sync::Arc;

use http::HeaderMap;
use larder_semantics::Reason;

use crate::limits::RENDERED_SLOTS;
use crate::variant::Head;

/// What the fields depend on besides the head and its age: the reason that they name, and the rule that dresses them.
pub(crate) type MadeFor = (Reason, Option<(u64, u32)>);

struct Slot {
    head: Arc<Head>,
    age_secs: u64,
    made_for: MadeFor,
    fields: Option<HeaderMap>,
}

thread_local! {
    static SLOTS: RefCell<Vec<Option<Slot>>> = const { RefCell::new(Vec::new()) };
}

/// The fields of a hit on `head` at `age_secs`, by `make` or from an earlier hit.
pub(crate) fn fields(
    head: &Arc<Head>,
    age_secs: u64,
    made_for: MadeFor,
    make: impl FnOnce() -> HeaderMap,
) -> HeaderMap {
    SLOTS.with_borrow_mut(|slots| {
        if slots.is_empty() {
            slots.resize_with(RENDERED_SLOTS, || None);
        }
        let Some(slot) = slots.get_mut(place(head)) else { return make() };
        if let Some(known) = slot
            && known.age_secs == age_secs
            && known.made_for == made_for
            && Arc::ptr_eq(&known.head, head)
        {
            return match &known.fields {
                Some(fields) => fields.clone(),
                None => known.fields.insert(make()).clone(),
            };
        }
        *slot = Some(Slot { head: Arc::clone(head), age_secs, made_for, fields: None });
        make()
    })
}

/// The slot for a head: by its address, whose last bits are the same for all.
fn place(head: &Arc<Head>) -> usize {
    let address = Arc::as_ptr(head).addr();
    (address >> 6 ^ address >> 14) % RENDERED_SLOTS
}
