//! Which target gets a request: the less busy one of two picked at random.
//!
//! Asking two instead of all avoids that every worker runs to the same idle target at once, and is
//! nearly as even as asking all. The order of preference:
//! 1. an ejected target whose time is over, for the one request that finds out,
//! 2. two random ones of those in order, the less busy one,
//! 3. when none is left: the same among the ejected ones (ejection alone never refuses a request),
//! 4. the one to avoid, when it is the only one.

use crate::health::Standing;

/// What is known of one target.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub(crate) in_flight: usize,
    pub(crate) standing: Standing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    Ask(usize),
    /// Ask it if nobody else is about to find out.
    Try(usize),
    /// All have as many requests as they may.
    Full,
    Nobody,
}

/// What the choice depends on besides the candidates.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) count: usize,
    pub(crate) in_flight_max: usize,
    /// The target that has just failed this request.
    pub(crate) avoid: Option<usize>,
    pub(crate) random: u64,
}

pub(crate) fn choose(terms: Terms, look: impl Fn(usize) -> Candidate) -> Choice {
    if terms.count == 0 {
        return Choice::Nobody;
    }
    let has_room = |i: usize| look(i).in_flight < terms.in_flight_max;
    if terms.count == 1 {
        // Nothing to choose, so ejection means nothing either.
        return if has_room(0) { Choice::Ask(0) } else { Choice::Full };
    }
    let allowed = |i: usize| terms.avoid != Some(i) && has_room(i);
    if let Some(due) = (0..terms.count).find(|&i| look(i).standing == Standing::Due && allowed(i)) {
        return Choice::Try(due);
    }
    let in_order = |i: usize| look(i).standing == Standing::In && allowed(i);
    let found = less_busy_of_two(terms, in_order, &look)
        .or_else(|| less_busy_of_two(terms, allowed, &look))
        .or_else(|| terms.avoid.filter(|&i| has_room(i)));
    found.map_or(Choice::Full, Choice::Ask)
}

fn less_busy_of_two(
    terms: Terms,
    fits: impl Fn(usize) -> bool,
    look: &impl Fn(usize) -> Candidate,
) -> Option<usize> {
    let fitting = || (0..terms.count).filter(|&i| fits(i));
    let count = fitting().count();
    if count == 0 {
        return None;
    }
    let one = below(terms.random >> 32, count);
    let first = fitting().nth(one)?;
    if count == 1 {
        return Some(first);
    }
    // Any of the others, by counting on from the first.
    let other = (one + 1 + below(terms.random & 0xffff_ffff, count - 1)) % count;
    let second = fitting().nth(other)?;
    let busier = look(second).in_flight >= look(first).in_flight;
    Some(if busier { first } else { second })
}

/// `random` (32 bits) scaled to `0..count`.
fn below(random: u64, count: usize) -> usize {
    let count = count as u64;
    usize::try_from((random & 0xffff_ffff).saturating_mul(count) >> 32).unwrap_or(0)
}

/// A number that looks random, from one that only counts (the finalizer of `SplitMix64`).
pub(crate) fn scatter(counter: u64) -> u64 {
    let mut z = counter.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(candidates: &[(usize, Standing)], max: usize, avoid: Option<usize>, n: u64) -> Choice {
        let terms =
            Terms { count: candidates.len(), in_flight_max: max, avoid, random: scatter(n) };
        choose(terms, |i| Candidate { in_flight: candidates[i].0, standing: candidates[i].1 })
    }

    #[test]
    fn idle_targets_share_the_requests_evenly() {
        let targets = [(0, Standing::In); 4];
        let mut asked = [0_u32; 4];
        for n in 0..40_000 {
            if let Choice::Ask(i) = run(&targets, 10, None, n) {
                asked[i] += 1;
            }
        }
        for (i, count) in asked.iter().enumerate() {
            assert!((9_500..10_500).contains(count), "target {i} got {count} of 40000");
        }
    }

    #[test]
    fn the_busiest_target_gets_nothing_and_the_idlest_the_most() {
        let targets = [(9, Standing::In), (1, Standing::In), (5, Standing::In)];
        let mut asked = [0_u32; 3];
        for n in 0..30_000 {
            if let Choice::Ask(i) = run(&targets, 10, None, n) {
                asked[i] += 1;
            }
        }
        assert_eq!(asked[0], 0);
        assert!(asked[1] > 19_000 && asked[2] > 9_000, "{asked:?}");
    }

    #[test]
    fn preferences_in_their_order() {
        use Standing::{Due, In, Out};
        let cases = [
            ("nobody", vec![], None, Choice::Nobody),
            ("one that is full", vec![(3, In)], None, Choice::Full),
            ("one that is ejected", vec![(2, Out)], None, Choice::Ask(0)),
            ("one that just failed", vec![(2, In)], Some(0), Choice::Ask(0)),
            ("one is due", vec![(0, In), (2, Due)], None, Choice::Try(1)),
            ("the due one is full", vec![(0, In), (3, Due)], None, Choice::Ask(0)),
            ("the ejected one is idle", vec![(2, In), (0, Out)], None, Choice::Ask(0)),
            ("only the ejected one has room", vec![(3, In), (0, Out)], None, Choice::Ask(1)),
            ("all ejected", vec![(1, Out), (0, Out)], None, Choice::Ask(1)),
            ("the idle one just failed", vec![(0, In), (2, In)], Some(0), Choice::Ask(1)),
            ("the others are full", vec![(0, In), (3, In)], Some(0), Choice::Ask(0)),
            ("all full", vec![(3, In), (3, Out)], None, Choice::Full),
        ];
        for (name, targets, avoid, expected) in cases {
            for n in 0..100 {
                assert_eq!(run(&targets, 3, avoid, n), expected, "{name}");
            }
        }
    }
}
