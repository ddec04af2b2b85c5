//! What of a query counts: parameters that are ignored are neither part of the key nor sent.
//!
//! A query is split at `&` and nowhere else, and names are compared byte by byte as they were sent. An application may see other parameters
//! in it (`;`, percent-encoding, the last of two of one name); it doesn't matter, as it is sent what is left and nothing more.

use crate::rule::PatternError;
use crate::rule::limits::PATTERN_BYTES_MAX;
use std::borrow::Cow;

/// The name that stands for [`TRACKING`] in the file's list.
pub const TRACKING_NAME: &str = "@tracking";

/// The parameters that `"@tracking"` stands for: put into links by advertisers and mailers, read by scripts in the page or by nobody.
///
/// Only names that say whose they are. Not among them are names that an application could have given (`ref`, `source`, `pk_*`), nor those
/// that shops' own servers read to pay a partner (`irclickid`, `cjevent`).
pub const TRACKING: &[&str] = &[
    // Campaigns: Google Analytics and everybody after it, Matomo, Piwik, Openstat.
    "utm_*",
    "mtm_*",
    "matomo_campaign",
    "matomo_kwd",
    "pk_campaign",
    "pk_kwd",
    "piwik_campaign",
    "piwik_kwd",
    "_openstat",
    // Google: advertisements, shopping, the visitor's way between sites.
    "gclid",
    "gclsrc",
    "dclid",
    "gbraid",
    "wbraid",
    "gad_source",
    "gad_campaignid",
    "srsltid",
    "_ga",
    "_gl",
    // Other advertisers: Facebook, Instagram, Microsoft, Yandex, X, TikTok, LinkedIn, Pinterest, Snapchat, Reddit, Adobe.
    "fbclid",
    "igshid",
    "igsh",
    "msclkid",
    "yclid",
    "ysclid",
    "twclid",
    "ttclid",
    "li_fat_id",
    "epik",
    "ScCid",
    "rdt_cid",
    "s_kwcid",
    "ef_id",
    // Mailers: Mailchimp, HubSpot, Marketo, Klaviyo, Kit, MailerLite, ActiveCampaign, Omeda, Vero, dotdigital, Listrak, Bronto.
    "mc_cid",
    "mc_eid",
    "hsa_*",
    "_hsenc",
    "_hsmi",
    "__hssc",
    "__hstc",
    "__hsfp",
    "hsCtaTracking",
    "mkt_tok",
    "_kx",
    "ck_subscriber_id",
    "ml_subscriber",
    "ml_subscriber_hash",
    "vgo_ee",
    "oly_anon_id",
    "oly_enc_id",
    "vero_id",
    "vero_conv",
    "dm_i",
    "trk_contact",
    "trk_msg",
    "trk_module",
    "trk_sid",
    "_bta_tid",
    "_bta_c",
];

/// What of a query counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Parameters that are ignored: names, or beginnings of names with a trailing `*`.
    pub ignore: Vec<String>,
    /// If set, only these count, and `ignore` has nothing more to say: names, or beginnings of names with a trailing `*`.
    pub keep: Option<Vec<String>>,
    /// Parameters that count whatever the two lists say: those by which an audience's pages are told apart. Whole names.
    pub always: Vec<String>,
    /// Whether the order of parameters is of no account. The order of several with one name always counts.
    pub sort: bool,
}

impl Query {
    /// `target` (`path?query`) with what does not count taken out.
    ///
    /// Where nothing is taken out and nothing moved it is the very same bytes. Where nothing is left of the query, its `?` goes too.
    #[must_use]
    pub fn normal<'a>(&self, target: &'a str) -> Cow<'a, str> {
        if self.ignore.is_empty() && self.keep.is_none() && !self.sort {
            return Cow::Borrowed(target);
        }
        let Some((path, query)) = target.split_once('?') else { return Cow::Borrowed(target) };
        let is_in_order = !self.sort || query.split('&').map(name).is_sorted();
        if is_in_order && query.split('&').all(|parameter| self.counts(name(parameter))) {
            return Cow::Borrowed(target);
        }
        let counting = query.split('&').filter(|parameter| self.counts(name(parameter)));
        let mut normal = String::with_capacity(target.len());
        normal.push_str(path);
        let append = |parameter: &str| {
            normal.push(if normal.len() == path.len() { '?' } else { '&' });
            normal.push_str(parameter);
        };
        if self.sort {
            let mut sorted: Vec<_> = counting.collect();
            sorted.sort_by_key(|parameter| name(parameter));
            sorted.into_iter().for_each(append);
        } else {
            counting.for_each(append);
        }
        // Nothing but an empty parameter is left: what stood before or after an `&`.
        if normal.len() == path.len() + 1 {
            normal.truncate(path.len());
        }
        Cow::Owned(normal)
    }

    /// The same, but these parameters are never ignored: an audience's `query:NAME`.
    #[must_use]
    pub fn exempting(&self, names: &[String]) -> Self {
        let mut query = self.clone();
        for name in names {
            if !query.always.contains(name) {
                query.always.push(name.clone());
            }
        }
        query
    }

    fn counts(&self, name: &str) -> bool {
        if self.always.iter().any(|always| always == name) {
            return true;
        }
        match &self.keep {
            Some(keep) => is_listed(keep, name),
            None => !is_listed(&self.ignore, name),
        }
    }
}

/// Reads a list of the file, `ignore_query` or `keep_query`, with `"@tracking"` written out.
///
/// # Errors
/// All that is wrong, each with its place in the list: an empty name, a `*` before the end, characters that no name is sent with, another
/// name with `@`.
pub fn names(list: &[String]) -> Result<Vec<String>, Vec<(usize, PatternError)>> {
    let mut names: Vec<String> = Vec::new();
    let mut errors = Vec::new();
    for (place, text) in list.iter().enumerate() {
        if text == TRACKING_NAME {
            names.extend(TRACKING.iter().map(|&name| name.to_owned()));
        } else {
            match check(text) {
                Ok(()) => names.push(text.clone()),
                Err(error) => errors.push((place, error)),
            }
        }
    }
    if errors.is_empty() { Ok(names) } else { Err(errors) }
}

fn check(text: &str) -> Result<(), PatternError> {
    let Some(last) = text.len().checked_sub(1) else {
        return Err(PatternError::new("an empty name", "leave it out"));
    };
    if text.len() > PATTERN_BYTES_MAX {
        return Err(PatternError::new("longer than any name", "write a name, or `beginning*`"));
    }
    if text.starts_with('@') {
        return Err(PatternError::new(
            format!("`{text}` is no list"),
            format!("write \"{TRACKING_NAME}\"; a name that begins with `@` as \"%40\""),
        ));
    }
    let fault = text.char_indices().find(|(at, character)| match character {
        '*' => *at != last,
        '=' | '&' | '?' | '#' | ' ' => true,
        other => !other.is_ascii() || other.is_ascii_control(),
    });
    let Some((at, character)) = fault else { return Ok(()) };
    let (message, hint) = match character {
        '*' => ("`*` stands only at the end of a name", "write `beginning*`, or each name"),
        '=' => ("a name has no value", "leave `=` and what follows out"),
        '&' => ("one name at a time", "make a list of it"),
        '?' => ("the `?` is no part of a name", "leave it out"),
        _ => ("this character is never sent as it is", "write it percent-encoded, as it is sent"),
    };
    Err(PatternError::new(message, hint).at(at..at + character.len_utf8()))
}

fn name(parameter: &str) -> &str {
    parameter.split_once('=').map_or(parameter, |(name, _)| name)
}

fn is_listed(list: &[String], name: &str) -> bool {
    list.iter().any(|listed| match listed.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == listed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn list(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn ignoring(names: &[&str]) -> Query {
        Query { ignore: list(names), ..Query::default() }
    }

    fn keeping(names: &[&str]) -> Query {
        Query { keep: Some(list(names)), ..Query::default() }
    }

    #[test]
    fn what_is_ignored_is_taken_out() {
        let query = ignoring(&["utm_*", "ref"]);
        let cases = [
            ("no query", "/a", "/a"),
            ("all of it", "/a?ref=1", "/a"),
            ("all of several", "/a?ref=1&utm_source=x&ref", "/a"),
            ("first", "/a?ref=1&b=2", "/a?b=2"),
            ("middle", "/a?b=2&ref=1&c=3", "/a?b=2&c=3"),
            ("last", "/a?b=2&ref=1", "/a?b=2"),
            ("without a value", "/a?ref&b", "/a?b"),
            ("whole prefix", "/a?utm_=1", "/a"),
            ("almost the prefix", "/a?utm=1", "/a?utm=1"),
            ("almost the name", "/a?refs=1&re=2", "/a?refs=1&re=2"),
            ("other case", "/a?Ref=1", "/a?Ref=1"),
            ("encoded", "/a?%72ef=1", "/a?%72ef=1"),
            ("only `&` separates", "/a?b=1;ref=2", "/a?b=1;ref=2"),
            ("what hides in a name goes with it", "/a?utm_x;b=1", "/a"),
            ("second `?` is part of the query", "/a?b?ref=1&ref=2", "/a?b?ref=1"),
            ("second `=` is part of the value", "/a?b=ref=1&ref=2=3", "/a?b=ref=1"),
            ("empty parameters stay", "/a?&&b=1", "/a?&&b=1"),
            ("empty query stays", "/a?", "/a?"),
            ("nothing but empty is left", "/a?ref=1&", "/a"),
            ("nothing but two empty are left", "/a?&ref=1&", "/a?&"),
            ("not in the path", "/ref=1&utm_a/", "/ref=1&utm_a/"),
        ];
        for (name, target, expected) in cases {
            assert_eq!(query.normal(target), expected, "{name}: {target}");
        }
    }

    #[test]
    fn what_is_not_kept_is_taken_out() {
        let query = keeping(&["page", "f_*"]);
        let cases = [
            ("/a?page=2", "/a?page=2"),
            ("/a?page=2&x=1&f_b=3&f_", "/a?page=2&f_b=3&f_"),
            ("/a?x=1", "/a"),
            ("/a?", "/a"),
            ("/a?&page=1&", "/a?page=1"),
            ("/a", "/a"),
        ];
        for (target, expected) in cases {
            assert_eq!(query.normal(target), expected, "{target}");
        }
        assert_eq!(keeping(&[]).normal("/a?b=1"), "/a", "an empty list keeps nothing");
        assert_eq!(keeping(&["*"]).normal("/a?b=1&"), "/a?b=1&", "`*` keeps all");
    }

    #[test]
    fn what_is_kept_is_not_ignored() {
        let query = Query { keep: Some(list(&["gclid"])), ..ignoring(&["gclid", "b"]) };
        assert_eq!(query.normal("/a?gclid=1&b=2&c=3"), "/a?gclid=1");
    }

    #[test]
    fn what_tells_an_audience_apart_is_never_ignored() {
        let exempt = list(&["utm_source"]);
        let cases = [
            (ignoring(&["utm_*"]), "/a?utm_source=1&utm_medium=2", "/a?utm_source=1"),
            (keeping(&["page"]), "/a?utm_source=1&b=2&page=3", "/a?utm_source=1&page=3"),
            (keeping(&[]), "/a?utm_source=1&utm_source2=2", "/a?utm_source=1"),
        ];
        for (query, target, expected) in cases {
            let exempting = query.exempting(&exempt);
            assert_eq!(exempting.normal(target), expected, "{target}");
            assert_eq!(exempting.exempting(&exempt), exempting, "once is enough");
        }
    }

    #[test]
    fn sorting_is_by_name_and_stable() {
        let query = Query { sort: true, ..ignoring(&["ref"]) };
        let cases = [
            ("/a?b=1&a=2", "/a?a=2&b=1"),
            ("/a?b=2&a=2&b=1&a=1", "/a?a=2&a=1&b=2&b=1"),
            ("/a?b&a=1&b=1", "/a?a=1&b&b=1"),
            ("/a?ab=1&a=2", "/a?a=2&ab=1"),
            ("/a?a%00=1&a=2", "/a?a=2&a%00=1"),
            ("/a?x[]=2&x[]=1", "/a?x[]=2&x[]=1"),
            ("/a?b=1&ref=1&a=2", "/a?a=2&b=1"),
            ("/a?b=1&", "/a?&b=1"),
            ("/a?B=1&a=2&C=3", "/a?B=1&C=3&a=2"),
        ];
        for (target, expected) in cases {
            assert_eq!(query.normal(target), expected, "{target}");
        }
    }

    #[test]
    fn what_does_not_change_is_not_copied() {
        let sorting = Query { sort: true, ..ignoring(&["ref"]) };
        for (query, target) in [
            (&Query::default(), "/a?b=1&a=2"),
            (&sorting, "/a"),
            (&sorting, "/a?"),
            (&sorting, "/a?a=2&a=1&b"),
            (&keeping(&["a"]), "/a?a=1"),
        ] {
            assert!(matches!(query.normal(target), Cow::Borrowed(_)), "{target}");
        }
    }

    #[test]
    fn tracking_is_written_out_once_and_is_well_formed() {
        let names = names(&list(&["ref", TRACKING_NAME, "x*"])).unwrap();
        assert_eq!(names.len(), TRACKING.len() + 2);
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len(), "no name twice");
        for name in TRACKING {
            assert_eq!(check(name), Ok(()), "{name}");
            assert!(name.trim_end_matches('*').len() > 2, "{name} could be anybody's");
        }
    }

    #[test]
    fn what_applications_use_is_not_tracking() {
        let query = Query { ignore: list(TRACKING), ..Query::default() };
        let used = "/?ref=1&source=2&page=3&q=4&id=5&pk=6&pk_id=7&lang=8&token=9&sid=10&cid=11&code=12\
                    &state=13&affiliate=14&gc=15&fb=16&mc=17&email=18&campaign=19&tag=20&s=21&mt=22";
        assert_eq!(query.normal(used), used);
    }

    #[test]
    fn all_wrong_names_are_told_with_their_place() {
        let list = list(&["", "good", "a*b", "*", "a=1", "a&b", "?a", "@all", "é", "a b", "**"]);
        let errors = names(&list).unwrap_err();
        let cases = [
            (0, "empty", "leave it out", None),
            (2, "only at the end", "beginning*", Some(1..2)),
            (4, "no value", "`=`", Some(1..2)),
            (5, "one name", "list", Some(1..2)),
            (6, "no part of a name", "leave it out", Some(0..1)),
            (7, "no list", "@tracking", None),
            (8, "never sent", "percent-encoded", Some(0..2)),
            (9, "never sent", "percent-encoded", Some(1..2)),
            (10, "only at the end", "beginning*", Some(0..1)),
        ];
        assert_eq!(errors.len(), cases.len(), "{errors:?}");
        for ((place, error), (expected, message, hint, span)) in errors.iter().zip(cases) {
            assert_eq!(*place, expected);
            assert!(error.message.contains(message), "{error:?}");
            assert!(error.hint.contains(hint), "{error:?}");
            assert_eq!(error.span, span, "{error:?}");
        }
    }

    fn any_query() -> impl Strategy<Value = Query> {
        let names = || prop::collection::vec("[ab]{0,2}\\*?", 0..3);
        (
            names(),
            prop::option::of(names()),
            prop::collection::vec("[ab]{1,2}", 0..2),
            any::<bool>(),
        )
            .prop_map(|(ignore, keep, always, sort)| Query { ignore, keep, always, sort })
    }

    proptest! {
        #[test]
        fn nothing_panics_and_names_are_names(target in any::<String>(), query in any_query()) {
            drop(query.normal(&target));
            drop(names(std::slice::from_ref(&target)));
        }

        #[test]
        fn what_is_left_is_what_counts(target in "/[a?]{0,2}\\?[ab=&?]{0,16}", query in any_query()) {
            let normal = query.normal(&target);
            let parts = |target: &str| -> Vec<String> {
                let (_, query) = target.split_once('?').unwrap_or((target, ""));
                query.split('&').filter(|part| !part.is_empty()).map(str::to_owned).collect()
            };
            let mut expected: Vec<_> =
                parts(&target).into_iter().filter(|part| query.counts(name(part))).collect();
            if query.sort {
                expected.sort_by(|one, other| name(one).cmp(name(other)));
            }
            prop_assert_eq!(parts(&normal), expected);
            prop_assert_eq!(query.normal(&normal), &*normal, "twice is once");
            prop_assert_eq!(normal.split('?').next(), target.split('?').next(), "the path stays");
        }
    }
}
