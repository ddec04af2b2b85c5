//! Where do tokens and secrets have their randomness from? From the operating system, a page of memory at a time for each
//! thread: asking for each hit would cost more than the hit.

use std::cell::RefCell;

/// Bytes that are drawn at once.
const DRAWN: usize = 4096;

struct Lots {
    bytes: Box<[u8]>,
    used: usize,
}

thread_local! {
    static LOTS: RefCell<Lots> = RefCell::new(Lots { bytes: Box::from([0; DRAWN]), used: DRAWN });
}

/// Random bytes that nobody else has had; `None` where the operating system gives none.
pub(crate) fn draw() -> Option<[u8; 32]> {
    LOTS.with_borrow_mut(|lots| {
        if lots.used + 32 > lots.bytes.len() {
            getrandom::fill(&mut lots.bytes).ok()?;
            lots.used = 0;
        }
        let place = lots.bytes.get_mut(lots.used..lots.used + 32)?;
        lots.used += 32;
        let mut drawn = [0; 32];
        // What was used is not to be found in memory later.
        drawn.swap_with_slice(place);
        Some(drawn)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_lot_is_drawn_twice_and_none_is_empty() {
        let drawn: HashSet<_> = (0..1000).map(|_| draw().unwrap()).collect();
        assert_eq!(drawn.len(), 1000);
        assert!(!drawn.contains(&[0; 32]));
    }
}
