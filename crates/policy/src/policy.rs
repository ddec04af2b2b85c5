//! Everything that a site decided, compiled: what the proxy, the layers and `explain` ask.

use crate::csrf::CsrfCookie;
use crate::identity::IdentityRules;
use crate::key;
use crate::query::Query;
use crate::rule::{Asked, Rule, RuleSet};
use crate::tags::TagFields;
use crate::xhr::Xhr;
use http::Method;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a policy is made of.
#[derive(Clone, Debug, Default)]
pub struct PolicyParts {
    /// The rules, in the order of the file.
    pub rules: Vec<Rule>,
    /// What of the query counts where no rule says.
    pub query: Query,
    /// How visitors are known.
    pub identity: IdentityRules,
    /// How scripts' requests are known.
    pub xhr: Xhr,
    /// `danger.share_session_responses`: whether an answer to a request with a session cookie is shared where RFC 9111 alone
    /// would allow it.
    pub share_session_responses: bool,
    /// In which fields of a response tags are.
    pub tags: TagFields,
    /// Which cookie holds a visitor's secret, for pages with forms.
    pub csrf: CsrfCookie,
}

/// A site's policy.
#[derive(Debug)]
pub struct Policy {
    /// The rules, in the order of the file.
    pub rules: RuleSet,
    /// What of the query counts where no rule says.
    pub query: Query,
    /// How visitors are known.
    pub identity: IdentityRules,
    /// How scripts' requests are known.
    pub xhr: Xhr,
    /// Whether answers to requests with a session cookie are shared where RFC 9111 alone would allow it.
    pub share_session_responses: bool,
    /// In which fields of a response tags are.
    pub tags: TagFields,
    /// Which cookie holds a visitor's secret, for pages with forms.
    pub csrf: CsrfCookie,
    /// Whether any rule gives tags.
    gives_tags: bool,
    /// Which policy this is: another for each that is made.
    number: u64,
}

impl Policy {
    /// Compiles a policy.
    ///
    /// # Errors
    /// For people: the rules are too large together.
    pub fn new(parts: PolicyParts) -> Result<Self, String> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let PolicyParts { mut rules, query, identity, xhr, share_session_responses, tags, csrf } =
            parts;
        for rule in &mut rules {
            rule.own_cookie(&csrf.name);
        }
        let gives_tags = rules.iter().any(|rule| !rule.tags.is_empty());
        Ok(Self {
            gives_tags,
            rules: RuleSet::new(rules)?,
            query,
            identity,
            xhr,
            share_session_responses,
            tags,
            csrf,
            number: MADE.fetch_add(1, Ordering::Relaxed),
        })
    }

    /// The tags that rules give the page of this key.
    #[must_use]
    pub fn tags_given(&self, key: &[u8]) -> &[String] {
        if !self.gives_tags {
            return &[];
        }
        let Some((_, host, target)) = key::read(key) else { return &[] };
        let text = std::str::from_utf8;
        let (Ok(host), Ok(target)) = (text(host), text(target)) else { return &[] };
        let found = self.rules.find(&Asked { method: &Method::GET, host, target });
        found.map_or(&[], |(_, rule)| &rule.tags)
    }

    /// Which policy this is: no two that were made in one process have the same.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }
}

impl Default for Policy {
    /// No rules.
    fn default() -> Self {
        let parts = PolicyParts::default();
        Self {
            rules: RuleSet::default(),
            query: parts.query,
            identity: parts.identity,
            xhr: parts.xhr,
            share_session_responses: parts.share_session_responses,
            tags: parts.tags,
            csrf: parts.csrf,
            gives_tags: false,
            number: u64::MAX,
        }
    }
}
