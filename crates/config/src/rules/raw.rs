//! What does a rule or an audience say, before anybody judged it?
//!
//! Each value in its type and with its place. A value of the wrong type is reported when it is read and is
//! not here, but its key is: nobody is told that what they wrote is missing.

use std::time::Duration;

use super::table::RuleOption;
use crate::problem::Place;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) place: Place,
}

/// A list of texts, or one for itself.
pub(crate) type Texts = At<Vec<At<String>>>;

/// A list of numbers, or one for itself.
pub(crate) type Numbers = At<Vec<At<i128>>>;

/// All rules and audiences of a file.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    pub(crate) rules: Vec<RawRule>,
    pub(crate) audiences: Vec<RawAudience>,
}

/// One `[[rule]]`.
#[derive(Debug)]
pub(crate) struct RawRule {
    /// Its header.
    pub(crate) place: Place,
    /// The keys that are there, each with its place, right or wrong.
    pub(crate) keys: Vec<(&'static RuleOption, Place)>,
    /// Whether something about it was wrong already.
    pub(crate) faulty: bool,
    pub(crate) pattern: Option<At<String>>,
    pub(crate) path: Option<At<String>>,
    pub(crate) host: Option<Texts>,
    pub(crate) methods: Option<Texts>,
    pub(crate) scheme: Option<At<String>>,
    pub(crate) content_type: Option<Texts>,
    pub(crate) status: Option<Numbers>,
    pub(crate) audience: Option<At<String>>,
    pub(crate) never: Option<At<bool>>,
    pub(crate) pass: Option<At<bool>>,
    pub(crate) ttl: Option<At<Duration>>,
    pub(crate) browser_ttl: Option<At<Duration>>,
    pub(crate) cdn_ttl: Option<At<Duration>>,
    pub(crate) grace: Option<At<Duration>>,
    pub(crate) stale_if_error: Option<At<Duration>>,
    pub(crate) respect_origin: Option<At<bool>>,
    pub(crate) tags: Option<Texts>,
    pub(crate) ignore_query: Option<Texts>,
    pub(crate) keep_query: Option<Texts>,
    pub(crate) sort_query: Option<At<bool>>,
    pub(crate) keep_cookies: Option<Texts>,
    pub(crate) drop_set_cookie: Option<Texts>,
    pub(crate) override_no_store: Option<At<bool>>,
    pub(crate) minify: Option<At<bool>>,
    pub(crate) csrf: Option<At<String>>,
    pub(crate) esi: Option<At<bool>>,
    pub(crate) publish: Option<At<String>>,
    pub(crate) publish_type: Option<At<String>>,
    pub(crate) unlisted: Option<At<String>>,
    pub(crate) identifier: Option<At<String>>,
    pub(crate) supplementary: Option<At<String>>,
}

/// One `[audience.NAME]`.
#[derive(Debug)]
pub(crate) struct RawAudience {
    pub(crate) name: String,
    /// Its header.
    pub(crate) place: Place,
    /// Whether something about it was wrong already.
    pub(crate) faulty: bool,
    pub(crate) key: Option<Texts>,
}

impl RawRule {
    pub(crate) const fn new(place: Place) -> Self {
        Self {
            place,
            keys: Vec::new(),
            faulty: false,
            pattern: None,
            path: None,
            host: None,
            methods: None,
            scheme: None,
            content_type: None,
            status: None,
            audience: None,
            never: None,
            pass: None,
            ttl: None,
            browser_ttl: None,
            cdn_ttl: None,
            grace: None,
            stale_if_error: None,
            respect_origin: None,
            tags: None,
            ignore_query: None,
            keep_query: None,
            sort_query: None,
            keep_cookies: None,
            drop_set_cookie: None,
            override_no_store: None,
            minify: None,
            csrf: None,
            esi: None,
            publish: None,
            publish_type: None,
            unlisted: None,
            identifier: None,
            supplementary: None,
        }
    }

    /// Where the key stands, if it is there, right or wrong.
    pub(crate) fn place_of(&self, key: &str) -> Option<&Place> {
        self.keys.iter().find(|(option, _)| option.key == key).map(|(_, place)| place)
    }
}
