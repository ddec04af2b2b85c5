//! What is remembered of a published page, and by what it is found again.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::matching::{Expressions, Fits};

/// A page that lies where it can't be looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key it lies under, as the server that keeps it knows it.
    pub key: Vec<u8>,
    /// `http` or `https`.
    pub scheme: String,
    /// The canonical host.
    pub host: String,
    /// Path and query.
    pub target: Vec<u8>,
    /// The rule it was published by, for people.
    pub rule: String,
    /// The page version, where there are several of a URL; empty where there are not.
    pub version: String,
    /// By what the application groups it.
    pub identifiers: Vec<Identifier>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its groups (RFC 9875), which are of its scheme and host.
    pub groups: Vec<String>,
    /// Its `Content-Type`.
    pub content_type: String,
    /// When it was stored, seconds since 1970.
    pub stored_at: i64,
    /// When it ends by itself, seconds since 1970.
    pub expires_at: i64,
}

/// A name that pages are invalidated by, and a finer one below it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identifier {
    /// The name; a host, where nothing else was chosen.
    pub parent: String,
    /// The finer name; none: the page belongs to the parent as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplementary: Option<String>,
}

/// Which pages are meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selector {
    /// Those of one URL, of both schemes.
    Url {
        /// The canonical host.
        host: String,
        /// Path and query.
        target: String,
    },
    /// Those of one path, whatever the query.
    Path {
        /// The canonical host.
        host: String,
        /// The path.
        path: String,
    },
    /// Those whose path and query begin so.
    Prefix {
        /// Of this host; of any, where there is none.
        host: Option<String>,
        /// How they begin.
        prefix: String,
    },
    /// Those of a host.
    Host(String),
    /// Those with a tag.
    Tag {
        /// The tag.
        tag: String,
        /// Of this host; of any, where there is none.
        host: Option<String>,
    },
    /// Those of an origin that are in a group.
    Group {
        /// `http` or `https`.
        scheme: String,
        /// The canonical host.
        host: String,
        /// The group.
        group: String,
    },
    /// Those that fit regular expressions.
    Matching(Expressions),
    /// Those of an identifier. Without a supplementary one: those of all below the parent, too.
    Identifier(Identifier),
    /// All.
    All,
}

/// A page that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its number in the table.
    pub id: i64,
    /// How often it was remembered: a page that was published again meanwhile is not forgotten with what was erased.
    pub revision: i64,
    /// The key it lies under.
    pub key: Vec<u8>,
    /// `http` or `https`.
    pub scheme: String,
    /// The canonical host.
    pub host: String,
    /// Path and query.
    pub target: Vec<u8>,
    /// The rule it was published by.
    pub rule: String,
    /// The page version.
    pub version: String,
    /// Its `Content-Type`.
    pub content_type: String,
    /// When it was stored, seconds since 1970.
    pub stored_at: i64,
    /// When it ends by itself, seconds since 1970.
    pub expires_at: i64,
}

/// What a label is: a row of the table of labels has its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Tag = 1,
    Parent = 2,
    Supplementary = 3,
    Group = 4,
}

/// A name that pages have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Label<'e> {
    pub(crate) kind: Kind,
    pub(crate) name: &'e str,
    /// For [`Kind::Supplementary`]: below which parent `name` is; for [`Kind::Group`]: of which origin.
    pub(crate) parent: Cow<'e, str>,
}

impl Entry {
    /// Every name the page is found by.
    pub(crate) fn labels(&self) -> Vec<Label<'_>> {
        let tags = self.tags.iter().map(|tag| Label::of(Kind::Tag, tag));
        let mut labels: Vec<Label<'_>> = tags.collect();
        let groups = self.groups.iter();
        labels.extend(groups.map(|group| Label::of_group(&self.scheme, &self.host, group)));
        for Identifier { parent, supplementary } in &self.identifiers {
            labels.push(Label::of(Kind::Parent, parent));
            if let Some(name) = supplementary {
                labels
                    .push(Label { parent: parent.into(), ..Label::of(Kind::Supplementary, name) });
            }
        }
        labels
    }
}

impl Selector {
    /// The label that the pages have, where it is a label that they are found by.
    pub(crate) fn label(&self) -> Option<Label<'_>> {
        match self {
            Self::Tag { tag, .. } => Some(Label::of(Kind::Tag, tag)),
            Self::Identifier(Identifier { parent, supplementary: None }) => {
                Some(Label::of(Kind::Parent, parent))
            }
            Self::Identifier(Identifier { parent, supplementary: Some(name) }) => {
                Some(Label { parent: parent.into(), ..Label::of(Kind::Supplementary, name) })
            }
            Self::Group { scheme, host, group } => Some(Label::of_group(scheme, host, group)),
            Self::Url { .. }
            | Self::Path { .. }
            | Self::Prefix { .. }
            | Self::Host(_)
            | Self::Matching(_)
            | Self::All => None,
        }
    }

    /// The expressions that pages have to fit, compiled.
    pub(crate) fn expressions(&self) -> Option<Fits> {
        match self {
            Self::Matching(expressions) => Some(expressions.compile()),
            Self::Url { .. }
            | Self::Path { .. }
            | Self::Prefix { .. }
            | Self::Host(_)
            | Self::Tag { .. }
            | Self::Group { .. }
            | Self::Identifier(_)
            | Self::All => None,
        }
    }
}

impl<'e> Label<'e> {
    const fn of(kind: Kind, name: &'e str) -> Self {
        Self { kind, name, parent: Cow::Borrowed("") }
    }

    fn of_group(scheme: &str, host: &str, group: &'e str) -> Self {
        Self { parent: format!("{scheme}://{host}").into(), ..Self::of(Kind::Group, group) }
    }
}
