//! The numbers of the rules, each with its reason.

/// Bytes of one pattern, or of one name, as written. Longer ones are generated, and belong into several rules.
pub(crate) const PATTERN_BYTES_MAX: usize = 4096;

/// Bytes of one compiled expression. Takes every honest one; refuses `(([a-z]{100}){100}){100}`.
pub(super) const PATTERN_COMPILED_BYTES_MAX: usize = 256 << 10;

/// Bytes of all compiled expressions together: more than ten thousand rules of ordinary length.
pub(super) const RULES_COMPILED_BYTES_MAX: usize = 16 << 20;

/// Bytes of automaton states that a thread keeps for one set of rules. When they are used up it begins anew, so a flood of odd URLs
/// costs time in proportion to its bytes, and no memory.
pub(super) const STATES_BYTES_MAX: usize = 8 << 20;

/// Sets of rules whose states a thread keeps: the present one, the one that a reload just replaced, and those of a process that serves
/// several sites.
pub(super) const STATES_KEPT_MAX: usize = 4;
