//! Which of the changes between two configurations have to wait for the next start?

use crate::config::Config;
use crate::kind::{Kind, Reload};
use crate::options::OPTIONS;

impl Config {
    /// The options that differ in `new` and can't change while running, by their keys. Empty when
    /// SIGHUP may put all of `new` in force.
    #[must_use]
    pub fn changes_for_restart(&self, new: &Self) -> Vec<&'static str> {
        let (mut old, mut new) = (self.clone(), new.clone());
        OPTIONS
            .iter()
            .filter(|option| option.reload == Reload::Restart)
            .filter(|option| !same(&option.kind, &mut old, &mut new))
            .map(|option| option.key)
            .collect()
    }
}

/// Whether both hold the same value of an option. Mutable only because places are.
fn same(kind: &Kind, old: &mut Config, new: &mut Config) -> bool {
    match kind {
        Kind::Bytes { place, .. } | Kind::Count { place, .. } => place(old) == place(new),
        Kind::Duration { place, .. } => place(old) == place(new),
        Kind::Percent { place, .. } => place(old) == place(new),
        Kind::Switch { place, .. } => place(old) == place(new),
        Kind::Addresses { place, .. } => place(old) == place(new),
        Kind::AddressOrOff { place, .. } => place(old) == place(new),
        Kind::Upstreams { place } => place(old) == place(new),
        Kind::Choice { get, .. } => get(old) == get(new),
        Kind::Path { place, .. } => place(old) == place(new),
        Kind::Text { place, .. } => place(old) == place(new),
        Kind::Texts { place, .. } => place(old) == place(new),
        Kind::Networks { place } => place(old) == place(new),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Level};

    #[test]
    fn only_what_is_bound_at_the_start_waits_for_a_restart() {
        let old = Config::default();
        let mut new = old.clone();
        new.cache.object_bytes_max += 1;
        new.timeouts.idle *= 2;
        assert!(old.changes_for_restart(&new).is_empty());
        new.admin = None;
        new.cache.memory_bytes += 1;
        new.log.level = Level::Trace;
        assert_eq!(old.changes_for_restart(&new), ["admin.listen", "cache.memory", "log.level"]);
    }
}
