//! What a purge is about, by the plainest reading.

use larder_cache::purge::{Pattern, Scope};
use larder_policy::Scheme;

use crate::record::{Place, Record};
use crate::site::counts;

/// A scope, as a person would say it.
#[derive(Clone, Debug)]
pub(crate) enum What {
    All,
    Host(&'static str),
    Path(&'static str, String),
    Url(&'static str, String),
    Prefix(Option<&'static str>, String),
    Tags(Vec<&'static str>, Option<&'static str>),
    Groups(Scheme, &'static str, Vec<&'static str>),
    Matching(Fits),
}

/// An expression, and what fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fits {
    PathsOfA,
    HostB,
    Html,
    JsonWithQuery,
    Nothing,
}

impl Fits {
    pub(crate) const ALL: [Self; 5] =
        [Self::PathsOfA, Self::HostB, Self::Html, Self::JsonWithQuery, Self::Nothing];

    fn pattern(self) -> Pattern {
        let new = Pattern::new();
        match self {
            Self::PathsOfA => new.target("^/a/[12]"),
            Self::HostB => new.host("^b"),
            Self::Html => new.content_type("^text/html$"),
            Self::JsonWithQuery => new.content_type("json").unwrap().target("q=1"),
            Self::Nothing => new.target("^/zz"),
        }
        .unwrap()
    }

    fn fits(self, place: &Place) -> bool {
        match self {
            Self::PathsOfA => place.path() == "/a/1" || place.path() == "/a/2",
            Self::HostB => place.host == "b.test",
            Self::Html => place.content_type() == "text/html",
            Self::JsonWithQuery => {
                place.content_type() == "application/json" && place.target.contains("q=1")
            }
            Self::Nothing => false,
        }
    }
}

impl What {
    pub(crate) fn scope(&self) -> Scope {
        let texts = |all: &[&str]| all.iter().map(|text| (*text).into()).collect();
        match self {
            Self::All => Scope::All,
            Self::Host(host) => Scope::Host((*host).into()),
            Self::Path(host, path) => {
                Scope::Path { host: (*host).into(), path: path.as_str().into() }
            }
            Self::Url(host, target) => {
                Scope::Url { host: (*host).into(), target: target.as_str().into() }
            }
            Self::Prefix(host, prefix) => {
                Scope::Prefix { host: host.map(Into::into), prefix: prefix.as_str().into() }
            }
            Self::Tags(tags, host) => Scope::Tags { tags: texts(tags), host: host.map(Into::into) },
            Self::Groups(scheme, host, groups) => {
                Scope::Groups { scheme: *scheme, host: (*host).into(), groups: texts(groups) }
            }
            Self::Matching(fits) => Scope::Matching(Box::new(fits.pattern())),
        }
    }

    /// Whether it is about this answer of the application.
    pub(crate) fn is_about(&self, record: &Record) -> bool {
        self.is_about_page(&record.place, &record.tags, &record.groups)
    }

    /// The same of a page with these tags and groups.
    pub(crate) fn is_about_page(&self, place: &Place, tags: &[&str], groups: &[&str]) -> bool {
        match self {
            Self::All => true,
            Self::Host(host) => place.host == *host,
            Self::Path(host, path) => place.host == *host && place.path() == path,
            Self::Url(host, target) => place.host == *host && place.target == counts(target),
            Self::Prefix(host, prefix) => {
                host.is_none_or(|host| place.host == host) && place.target.starts_with(prefix)
            }
            Self::Tags(named, host) => {
                host.is_none_or(|host| place.host == host)
                    && named.iter().any(|tag| tags.contains(tag))
            }
            Self::Groups(scheme, host, named) => {
                place.scheme == *scheme
                    && place.host == *host
                    && named.iter().any(|group| groups.contains(group))
            }
            Self::Matching(fits) => fits.fits(place),
        }
    }
}

/// A purge, or a change that ends pages, that has happened.
#[derive(Clone, Debug)]
pub(crate) struct Happened {
    pub(crate) what: What,
    pub(crate) is_hard: bool,
    /// What was asked for before this moment is reached.
    pub(crate) reaches: u64,
    /// Who asks after this moment does not get it.
    pub(crate) over: u64,
}
