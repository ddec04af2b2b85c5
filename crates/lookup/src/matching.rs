//! Which pages fit regular expressions? Those of purges: over host, target and `Content-Type`, unanchored, in linear time.

use regex_automata::meta::{Config, Regex};
use regex_automata::util::syntax;
use serde::{Deserialize, Serialize};

use crate::entry::Listed;
use crate::limits::EXPRESSION_MEMORY_MAX;

/// What pages have to fit; all of it. Expressions of bytes, as a purge has them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expressions {
    /// The canonical host.
    pub host: Option<String>,
    /// Path and query.
    pub target: Option<String>,
    /// The `Content-Type`.
    pub content_type: Option<String>,
}

/// The same, compiled.
#[derive(Debug)]
pub(crate) struct Fits {
    host: Option<Regex>,
    target: Option<Regex>,
    content_type: Option<Regex>,
}

impl Expressions {
    /// An expression that is none fits everything: who wrote it was told so before, and erasing too much is no harm.
    pub(crate) fn compile(&self) -> Fits {
        let compile = |source: &Option<String>| {
            let syntax = syntax::Config::new().unicode(false).utf8(false);
            let config = Config::new()
                .utf8_empty(false)
                .nfa_size_limit(Some(EXPRESSION_MEMORY_MAX))
                .hybrid_cache_capacity(EXPRESSION_MEMORY_MAX);
            Regex::builder().syntax(syntax).configure(config).build(source.as_ref()?).ok()
        };
        Fits {
            host: compile(&self.host),
            target: compile(&self.target),
            content_type: compile(&self.content_type),
        }
    }
}

impl Fits {
    /// Whether a page does.
    pub(crate) fn page(&self, page: &Listed) -> bool {
        let fits = |regex: &Option<Regex>, text: &[u8]| {
            regex.as_ref().is_none_or(|regex| regex.is_match(text))
        };
        fits(&self.host, page.host.as_bytes())
            && fits(&self.target, &page.target)
            && fits(&self.content_type, page.content_type.as_bytes())
    }
}
