//! All the expressions of a site as one automaton: which of them match is known after one pass over a target.
//!
//! The states are made when a target first comes to them and are kept by each thread, so the next target costs a table look-up for each
//! byte, however many expressions there are, and nothing is allocated. A target that leads to new states costs time in proportion to its
//! bytes and the expressions, and memory up to [`STATES_BYTES_MAX`].

use super::{
    expression,
    limits::{RULES_COMPILED_BYTES_MAX, STATES_BYTES_MAX, STATES_KEPT_MAX},
};
use regex_automata::{
    Anchored, Input, MatchKind, PatternID,
    hybrid::{
        LazyStateID,
        dfa::{Cache, DFA},
    },
    nfa::thompson::pikevm::PikeVM,
};
use regex_syntax::hir::Hir;
use std::cell::RefCell;
use std::fmt;
use std::sync::{Arc, Weak};

thread_local! {
    /// The states of the automata that this thread used last, the latest at the end.
    static STATES: RefCell<Vec<States>> = const { RefCell::new(Vec::new()) };
}

/// What a thread keeps of one automaton.
struct States {
    /// Whose they are. Not kept alive by it, but no other lies at the same address meanwhile.
    of: Weak<DFA>,
    cache: Cache,
}

/// Expressions, numbered from 0 as they were given.
#[derive(Clone)]
pub(super) struct Automaton {
    dfa: Arc<DFA>,
}

/// The lazy automaton gave up. As it is configured it does not, but its functions may say so.
struct GaveUp;

impl Automaton {
    /// Compiles expressions.
    ///
    /// # Errors
    /// For people: they are too large together.
    pub(super) fn new(expressions: &[Hir]) -> Result<Self, String> {
        let too_large = || {
            format!(
                "the {} patterns of the rules are too large together: more than {} MiB when compiled; use fewer rules, or `path` and shorter repetitions",
                expressions.len(),
                RULES_COMPILED_BYTES_MAX >> 20,
            )
        };
        let nfa =
            expression::compile(expressions, RULES_COMPILED_BYTES_MAX).map_err(|_| too_large())?;
        let config = DFA::config()
            .match_kind(MatchKind::All)
            .starts_for_each_pattern(true)
            .cache_capacity(STATES_BYTES_MAX)
            .skip_cache_capacity_check(true);
        let dfa = DFA::builder().configure(config).build_from_nfa(nfa).map_err(|_| too_large())?;
        Ok(Self { dfa: Arc::new(dfa) })
    }

    /// Calls `found` with each expression that matches from the first byte of `target`: at least once, in no order.
    pub(super) fn each_match(&self, target: &[u8], mut found: impl FnMut(usize)) {
        if self.with_states(|states| self.walk(states, target, &mut found)).is_err() {
            self.each_match_slowly(target, found);
        }
    }

    fn walk(
        &self,
        states: &mut Cache,
        target: &[u8],
        found: &mut impl FnMut(usize),
    ) -> Result<(), GaveUp> {
        let dfa = &*self.dfa;
        let mut state = self.start(states, target, Anchored::Yes)?;
        // A match is reported one byte after its end, because `$` and `\b` depend on that byte.
        for byte in target {
            state = dfa.next_state(states, state, *byte).map_err(|_| GaveUp)?;
            if state.is_tagged() {
                if state.is_dead() {
                    return Ok(());
                }
                self.report(states, state, found)?;
            }
        }
        state = dfa.next_eoi_state(states, state).map_err(|_| GaveUp)?;
        self.report(states, state, found)
    }

    fn start(
        &self,
        states: &mut Cache,
        target: &[u8],
        anchored: Anchored,
    ) -> Result<LazyStateID, GaveUp> {
        let input = Input::new(target).anchored(anchored);
        self.dfa.start_state_forward(states, &input).map_err(|_| GaveUp)
    }

    fn report(
        &self,
        states: &Cache,
        state: LazyStateID,
        found: &mut impl FnMut(usize),
    ) -> Result<(), GaveUp> {
        if state.is_quit() {
            return Err(GaveUp);
        }
        if state.is_match() {
            for index in 0..self.dfa.match_len(states, state) {
                found(self.dfa.match_pattern(states, state, index).as_usize());
            }
        }
        Ok(())
    }

    /// The same without states: in proportion to the target and all expressions.
    fn each_match_slowly(&self, target: &[u8], found: impl FnMut(usize)) {
        let Ok(machine) = PikeVM::new_from_nfa(self.dfa.get_nfa().clone()) else { return };
        let mut cache = machine.create_cache();
        let matches = move |expression: &usize| {
            PatternID::new(*expression).is_ok_and(|pattern| {
                let input = Input::new(target).anchored(Anchored::Pattern(pattern)).earliest(true);
                machine.search_slots(&mut cache, &input, &mut []).is_some()
            })
        };
        (0..self.dfa.pattern_len()).filter(matches).for_each(found);
    }

    /// How many bytes of `target` one expression, which does not match it, agrees with.
    pub(super) fn agreement(&self, expression: usize, target: &[u8]) -> usize {
        self.with_states(|states| self.agree(states, expression, target)).unwrap_or(target.len())
    }

    fn agree(&self, states: &mut Cache, expression: usize, target: &[u8]) -> Result<usize, GaveUp> {
        let pattern = PatternID::new(expression).map_err(|_| GaveUp)?;
        let mut state = self.start(states, target, Anchored::Pattern(pattern))?;
        for (count, byte) in target.iter().enumerate() {
            state = self.dfa.next_state(states, state, *byte).map_err(|_| GaveUp)?;
            if state.is_dead() {
                return Ok(count);
            }
        }
        Ok(target.len())
    }

    /// Lends this thread's states of this automaton.
    fn with_states<T>(&self, work: impl FnOnce(&mut Cache) -> T) -> T {
        let mut states = self.take_states().unwrap_or_else(|| States {
            of: Arc::downgrade(&self.dfa),
            cache: self.dfa.create_cache(),
        });
        let result = work(&mut states.cache);
        // A thread that comes to its end has nothing to keep them for.
        STATES.try_with(|kept| keep(&mut kept.borrow_mut(), states)).ok();
        result
    }

    fn take_states(&self) -> Option<States> {
        let taken = STATES.try_with(|kept| {
            let mut kept = kept.borrow_mut();
            let at =
                kept.iter().rposition(|states| states.of.as_ptr() == Arc::as_ptr(&self.dfa))?;
            Some(kept.remove(at))
        });
        taken.ok().flatten()
    }
}

fn keep(kept: &mut Vec<States>, states: States) {
    if kept.len() >= STATES_KEPT_MAX {
        // Those of rules that a reload replaced, or else those that were not used for longest.
        kept.retain(|states| states.of.strong_count() > 0);
        if kept.len() >= STATES_KEPT_MAX {
            kept.remove(0);
        }
    }
    kept.push(states);
}

impl fmt::Debug for Automaton {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Automaton").field("expressions", &self.dfa.pattern_len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::{Pattern, expression::expression};
    use proptest::prelude::*;

    fn automaton(sources: &[&str]) -> Automaton {
        let expressions: Vec<_> = sources
            .iter()
            .map(|source| expression(&Pattern::regex(source).unwrap()).unwrap())
            .collect();
        Automaton::new(&expressions).unwrap()
    }

    fn matches(automaton: &Automaton, target: &str) -> Vec<usize> {
        let mut found = Vec::new();
        automaton.each_match(target.as_bytes(), |expression| found.push(expression));
        found.sort_unstable();
        found.dedup();
        found
    }

    #[test]
    fn all_that_match_from_the_first_byte_are_found() {
        let automaton = automaton(&["/a", "/ab$", "b", "/.*c", "^/a", r"/a\b", "(?i)/AB", "/."]);
        let cases: &[(&str, &[usize])] = &[
            ("", &[]),
            ("/", &[]),
            ("/a", &[0, 4, 5, 7]),
            ("/ab", &[0, 1, 4, 6, 7]),
            ("/aB", &[0, 4, 6, 7]),
            ("/abc", &[0, 3, 4, 6, 7]),
            ("b", &[2]),
            ("/a?c", &[0, 3, 4, 5, 7]),
            ("/\u{e9}", &[7]),
            ("/\nc", &[]),
        ];
        for (target, expected) in cases {
            assert_eq!(matches(&automaton, target), *expected, "{target:?}");
        }
    }

    #[test]
    fn agreement_counts_the_bytes_before_the_first_that_can_not_be() {
        let automaton = automaton(&["/blog/[0-9]+", "/.*x", "blog", "/a$"]);
        let cases = [
            (0, "/blog/x", 6),
            (0, "/blog/", 6),
            (0, "/shop", 1),
            (1, "/abc", 4),
            (2, "/blog", 0),
            (3, "/ab", 2),
            (0, "", 0),
        ];
        for (expression, target, expected) in cases {
            let actual = automaton.agreement(expression, target.as_bytes());
            assert_eq!(actual, expected, "{expression} in {target}");
        }
    }

    #[test]
    fn too_large_together_is_said() {
        let expressions: Vec<_> = (0..400)
            .map(|number| Hir::literal(format!("/{number}{}", "a".repeat(4000)).into_bytes()))
            .collect();
        let message = Automaton::new(&expressions).unwrap_err();
        assert!(message.contains("400 patterns") && message.contains("16 MiB"), "{message}");
    }

    #[test]
    fn a_thread_keeps_the_states_of_few_sets() {
        let many: Vec<_> = (0..10).map(|_| automaton(&["/a"])).collect();
        for _ in 0..2 {
            for automaton in &many {
                assert_eq!(matches(automaton, "/a"), [0]);
                STATES.with(|kept| assert!(kept.borrow().len() <= STATES_KEPT_MAX));
            }
        }
        drop(many);
        // Nothing is left of rules that are gone, as soon as there are others.
        let present = automaton(&["/b"]);
        assert_eq!(matches(&present, "/b"), [0]);
        STATES.with(|kept| assert_eq!(kept.borrow().len(), 1));
    }

    #[test]
    fn states_that_are_used_up_are_made_anew() {
        // Each target has states of its own: which of the last 12 bytes were an `a`.
        let automaton = automaton(&["/.*a[ab]{12}c"]);
        let mut random = 1_u64;
        for _ in 0..200 {
            let target: String = std::iter::once('/')
                .chain((0..500).map(|_| {
                    random ^= random << 13;
                    random ^= random >> 7;
                    random ^= random << 17;
                    if random.is_multiple_of(2) { 'a' } else { 'b' }
                }))
                .collect();
            assert_eq!(matches(&automaton, &target), [0; 0]);
            assert_eq!(matches(&automaton, &format!("{target}aaaaaaaaaaaaac")), [0]);
        }
        let bytes = automaton.with_states(|states| states.memory_usage());
        assert!(bytes <= STATES_BYTES_MAX, "{bytes}");
    }

    proptest! {
        #[test]
        fn the_quick_and_the_slow_way_agree(
            sources in prop::collection::vec(r"[/ab.?*|$^]{1,6}", 1..6),
            target in r"[/ab?\n\u{e9}]{0,8}",
        ) {
            let expressions: Vec<_> = sources
                .iter()
                .filter_map(|source| expression(&Pattern::regex(source).ok()?).ok())
                .collect();
            let automaton = Automaton::new(&expressions).unwrap();
            let mut slowly = Vec::new();
            automaton.each_match_slowly(target.as_bytes(), |expression| slowly.push(expression));
            prop_assert_eq!(matches(&automaton, &target), slowly);
        }
    }
}
