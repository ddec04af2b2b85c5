//! By which request fields the pages of a rule vary, as far as their answers have said.
//!
//! A fetch that fills a shared page carries no field of the client's that is not part of what selects the page. Which
//! those are, only an answer says (`Vary`), so the first fetch of a page may have to be repeated with them. Pages of one
//! rule mostly vary alike: what the last answer said is sent with the next fetch at once.

use std::collections::HashMap;
use std::sync::Arc;

use http::HeaderName;
use larder_semantics::vary::Vary;
use parking_lot::RwLock;

/// A rule: the policy's number and the rule's place.
pub(crate) type RuleKey = (u64, u32);

/// What the answers of each rule said last. No more entries than there are rules.
#[derive(Debug, Default)]
pub(crate) struct Learned(RwLock<HashMap<RuleKey, Arc<[HeaderName]>>>);

impl Learned {
    /// What is known of a rule.
    pub(crate) fn of(&self, rule: RuleKey) -> Option<Arc<[HeaderName]>> {
        self.0.read().get(&rule).cloned()
    }

    /// Takes in what an answer under a rule said.
    pub(crate) fn learn(&self, rule: RuleKey, vary: &Vary) {
        let Vary::Fields(names) = vary else {
            if matches!(vary, Vary::None) && self.of(rule).is_some() {
                self.0.write().remove(&rule);
            }
            return;
        };
        if self.of(rule).is_some_and(|known| *known == **names) {
            return;
        }
        self.0.write().insert(rule, names.iter().cloned().collect());
    }

    /// Forgets all: there are other rules.
    pub(crate) fn clear(&self) {
        self.0.write().clear();
    }
}
