//! What do the file's rules and audiences say, and is it right?
//!
//! The same steps as for options: two tables of keys ([`table`]) that reading, hints and documentation are
//! made of; the raw rule with its places ([`raw`], [`read`]); the checked one ([`rule`], [`share`],
//! [`audience`]); then what only the whole shows ([`whole`]). [`site`] does the same for the options that
//! the policy needs, and [`mod@compile`] joins all of it.

mod audience;
mod compile;
mod compiled;
mod published;
mod raw;
mod read;
mod rework;
mod rule;
mod share;
mod site;
mod summary;
mod table;
mod whole;

pub(crate) use compile::{Compiled, compile};
pub(crate) use compiled::sign;
pub(crate) use raw::{At, Entries, Texts};
pub(crate) use read::{read_audiences, read_rules, single, texts};
pub(crate) use table::{AUDIENCE_OPTIONS, For, RULE_OPTIONS, RuleOption};

/// The keys that a `[[rule]]` may have, in the order of the documentation.
pub fn rule_keys() -> impl ExactSizeIterator<Item = &'static str> {
    RULE_OPTIONS.iter().map(|option| option.key)
}
