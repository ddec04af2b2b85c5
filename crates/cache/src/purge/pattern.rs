//! Regular expressions over URLs and media types, in linear time: for those who purge by them.
//!
//! Each purge by one is tried once on every page: with the page's next hit, or by the sweep.

use std::fmt;

use http::header;
use larder_policy::key;
use regex_automata::meta::{Config, Regex};
use regex_automata::util::syntax;

use crate::limits::{PATTERN_BYTES_MAX, PATTERN_MEMORY_MAX};
use crate::variant::Head;

/// What a page has to fit; all of it.
#[derive(Clone, Debug, Default)]
pub struct Pattern {
    host: Option<Expression>,
    target: Option<Expression>,
    content_type: Option<Expression>,
}

#[derive(Clone, Debug)]
struct Expression {
    source: Box<str>,
    regex: Regex,
}

/// An expression that can't be used: what is wrong with it, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError(pub String);

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PatternError {}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        (&self.host, &self.target, &self.content_type)
            == (&other.host, &other.target, &other.content_type)
    }
}

impl Expression {
    fn new(source: &str) -> Result<Self, PatternError> {
        if source.len() > PATTERN_BYTES_MAX {
            let message = format!(
                "{} bytes are too long, at most {PATTERN_BYTES_MAX} are read",
                source.len()
            );
            return Err(PatternError(message));
        }
        // Of bytes: URLs need not be UTF-8.
        let syntax = syntax::Config::new().unicode(false).utf8(false);
        let config = Config::new()
            .utf8_empty(false)
            .nfa_size_limit(Some(PATTERN_MEMORY_MAX))
            .hybrid_cache_capacity(PATTERN_MEMORY_MAX);
        let built = Regex::builder().syntax(syntax).configure(config).build(source);
        let regex = built.map_err(|error| {
            // The engine's own text says that parsing failed; what failed is behind it.
            PatternError(match (error.syntax_error(), error.size_limit()) {
                (Some(cause), _) => cause.to_string(),
                (None, Some(bytes)) => format!("its size is over {bytes} bytes once compiled"),
                (None, None) => error.to_string(),
            })
        })?;
        Ok(Self { source: source.into(), regex })
    }

    fn fits(&self, text: &[u8]) -> bool {
        self.regex.is_match(text)
    }
}

impl Pattern {
    /// Every page.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Of hosts that fit; anywhere in the host, unless the expression is anchored.
    ///
    /// # Errors
    /// The expression is no expression, or too large.
    pub fn host(mut self, source: &str) -> Result<Self, PatternError> {
        self.host = Some(Expression::new(source)?);
        Ok(self)
    }

    /// Whose path and query fit.
    ///
    /// # Errors
    /// The expression is no expression, or too large.
    pub fn target(mut self, source: &str) -> Result<Self, PatternError> {
        self.target = Some(Expression::new(source)?);
        Ok(self)
    }

    /// Whose `Content-Type` fits.
    ///
    /// # Errors
    /// The expression is no expression, or too large.
    pub fn content_type(mut self, source: &str) -> Result<Self, PatternError> {
        self.content_type = Some(Expression::new(source)?);
        Ok(self)
    }

    /// The expressions as they were written: for host, path and query, `Content-Type`.
    #[must_use]
    pub fn sources(&self) -> [Option<&str>; 3] {
        let Self { host, target, content_type } = self;
        [host, target, content_type].map(|it| it.as_ref().map(|expression| &*expression.source))
    }

    /// Whether a stored response of the page `key` fits.
    pub(super) fn fits(&self, key: &[u8], head: &Head) -> bool {
        let (_, host, target) = key::read(key).unwrap_or((larder_policy::Scheme::Http, key, key));
        let content_type =
            || head.fields.first(&header::CONTENT_TYPE).map_or(&[][..], |value| value.as_bytes());
        let fits = |expression: &Option<Expression>, text: &[u8]| {
            expression.as_ref().is_none_or(|expression| expression.fits(text))
        };
        fits(&self.host, host)
            && fits(&self.target, target)
            && (self.content_type.is_none() || fits(&self.content_type, content_type()))
    }
}
