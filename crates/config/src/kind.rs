//! What is an option?
//!
//! A name, the kind of its value with bounds and default, the place in [`Config`] it fills, and its
//! texts. The accessor returns a mutable place, so one function both sets and shows a value.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use crate::config::Config;
use crate::upstream::UpstreamUrl;

/// One option: everything that is known about it, wherever it is needed.
#[derive(Clone, Copy, Debug)]
pub struct OptionSpec {
    /// Path in the file: `cache.memory`.
    pub key: &'static str,
    /// What its value is.
    pub kind: Kind,
    /// Its flag on the command line, with the name of its value. Others are reached by `--set`.
    pub flag: Option<Flag>,
    /// One line without a full stop, for `--help`.
    pub summary: &'static str,
    /// One paragraph: what it does and why the default is what it is.
    pub text: &'static str,
    /// A value as written in the file.
    pub example: &'static str,
    /// When a change takes effect.
    pub reload: Reload,
}

/// A flag and what stands behind it: `--memory SIZE`.
#[derive(Clone, Copy, Debug)]
pub struct Flag {
    /// With its dashes.
    pub name: &'static str,
    /// The name of the value, in capitals.
    pub value: &'static str,
}

/// When a changed value takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    /// On SIGHUP.
    Live,
    /// On the next start.
    Restart,
}

/// What an option is when nobody sets it.
#[derive(Clone, Copy, Debug)]
pub enum Automatic<T> {
    /// Always the same.
    Fixed(T),
    /// Computed from other facts, described for people.
    From(&'static str),
}

/// The kinds of values, each with its bounds, its default and its place in [`Config`].
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A size in bytes, both bounds allowed.
    Bytes {
        /// Where it goes.
        place: fn(&mut Config) -> &mut usize,
        /// When not set.
        default: Automatic<usize>,
        /// Smallest that makes sense.
        min: usize,
        /// Largest that makes sense.
        max: usize,
    },
    /// A span of time, both bounds allowed.
    Duration {
        /// Where it goes.
        place: fn(&mut Config) -> &mut Duration,
        /// When not set.
        default: Duration,
        /// Shortest that makes sense.
        min: Duration,
        /// Longest that makes sense.
        max: Duration,
    },
    /// A whole number, both bounds allowed.
    Count {
        /// Where it goes.
        place: fn(&mut Config) -> &mut usize,
        /// When not set.
        default: Automatic<usize>,
        /// Smallest that makes sense.
        min: usize,
        /// Largest that makes sense.
        max: usize,
    },
    /// A whole number from 0 to 100.
    Percent {
        /// Where it goes.
        place: fn(&mut Config) -> &mut u8,
        /// When not set.
        default: u8,
    },
    /// `true` or `false`.
    Switch {
        /// Where it goes.
        place: fn(&mut Config) -> &mut bool,
        /// When not set.
        default: bool,
    },
    /// One address and port, or several.
    Addresses {
        /// Where they go.
        place: fn(&mut Config) -> &mut Vec<SocketAddr>,
        /// When not set; `None` is none.
        default: Option<(IpAddr, u16)>,
    },
    /// One address and port, or `"off"`.
    AddressOrOff {
        /// Where it goes.
        place: fn(&mut Config) -> &mut Option<SocketAddr>,
        /// When not set.
        default: (IpAddr, u16),
    },
    /// One URL of an application, or several. Has no default: it has to be said.
    Upstreams {
        /// Where they go.
        place: fn(&mut Config) -> &mut Vec<UpstreamUrl>,
    },
    /// One of a few words.
    Choice {
        /// The words.
        names: &'static [&'static str],
        /// The index of the word in force.
        get: fn(&Config) -> usize,
        /// Takes the index of a word.
        set: fn(&mut Config, usize),
        /// Index of the word when not set.
        default: usize,
    },
    /// A file's path.
    Path {
        /// Where it goes.
        place: fn(&mut Config) -> &mut Option<PathBuf>,
        /// What is used when not set.
        without: &'static str,
    },
    /// One text of a certain form.
    Text {
        /// Where it goes.
        place: fn(&mut Config) -> &mut String,
        /// When not set. Empty means none.
        default: &'static str,
        /// Its form.
        of: Words,
    },
    /// One text of a certain form, or several, or none.
    Texts {
        /// Where they go.
        place: fn(&mut Config) -> &mut Vec<String>,
        /// When not set.
        default: &'static [&'static str],
        /// Their form.
        of: Words,
    },
    /// One network or address, or several, or none, which is the default.
    Networks {
        /// Where they go.
        place: fn(&mut Config) -> &mut Vec<IpNet>,
    },
}

/// The forms of texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// A cookie's name.
    CookieName,
    /// Below which path a cookie is sent.
    CookiePath,
    /// For whose hosts a cookie is.
    CookieDomain,
    /// Cookies' names, one `*` for any run of characters.
    CookiePatterns,
    /// Names of a query's parameters, or beginnings of them with a trailing `*`.
    Parameters,
    /// An absolute path without a query.
    Path,
    /// `NAME=file:PATH` or `NAME=env:VARIABLE`.
    Secrets,
    /// Request fields with their values.
    Signs,
    /// Hosts, or names below one with a leading `*.`.
    Hosts,
    /// Absolute paths, or beginnings of them with a trailing `*`.
    Paths,
    /// The name of a field.
    FieldName,
    /// Fields with what they say of the visitor.
    Extras,
    /// A host without a port, as certificates have them.
    CertificateName,
    /// Names of response fields that hold tags.
    TagFields,
    /// `file:PATH` or `env:VARIABLE`.
    Secret,
    /// Names of fields with an underscore.
    UnderscoredFields,
    /// Names of fields that change what a request asks for.
    OverrideFields,
    /// So many in a span of time.
    Rate,
    /// `sqlite:PATH` or `postgres://…`.
    Lookup,
    /// Memcached servers.
    Memcached,
    /// Part of a Memcached key, perhaps empty.
    KeyPrefix,
    /// Fields with values that nginx sends.
    SentFields,
}

impl Words {
    /// What one is called.
    const fn one(self) -> &'static str {
        match self {
            Self::CookieName => "name of a cookie",
            Self::CookiePath => "path of a URL",
            Self::CookieDomain => "domain",
            Self::CookiePatterns => "list of cookies",
            Self::Parameters => "list of parameters",
            Self::Path => "path of a URL",
            Self::Secrets => "list of keys",
            Self::Signs | Self::Extras | Self::SentFields => "list of fields with values",
            Self::Hosts => "host",
            Self::Paths => "list of paths",
            Self::FieldName => "name of a field",
            Self::CertificateName => "host",
            Self::TagFields | Self::UnderscoredFields | Self::OverrideFields => "list of fields",
            Self::Secret => "place of a secret",
            Self::Rate => "rate",
            Self::Lookup => "URL of a database",
            Self::Memcached => "server or list of servers",
            Self::KeyPrefix => "part of a key",
        }
    }
}

impl Kind {
    /// What a value of this kind is called, for tables and messages.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Bytes { .. } => "size",
            Self::Duration { .. } => "duration",
            Self::Count { .. } => "number",
            Self::Percent { .. } => "percentage",
            Self::Switch { .. } => "true or false",
            Self::Addresses { .. } => "address or list of addresses",
            Self::AddressOrOff { .. } => "address or \"off\"",
            Self::Upstreams { .. } => "URL or list of URLs",
            Self::Choice { .. } => "word",
            Self::Path { .. } => "path",
            Self::Text { of, .. } | Self::Texts { of, .. } => of.one(),
            Self::Networks { .. } => "network or list of networks",
        }
    }

    /// Whether several values may be given.
    pub(crate) const fn is_list(&self) -> bool {
        matches!(
            self,
            Self::Addresses { .. }
                | Self::Upstreams { .. }
                | Self::Texts { .. }
                | Self::Networks { .. }
        )
    }
}
