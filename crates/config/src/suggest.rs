//! Which option was meant?

use crate::options::{OPTIONS, SECTIONS};

/// The known path that an unknown one most likely stands for.
///
/// 1. A path that is nearly the same; 2. the same last part in another section, when there is one
///    such place only (`memory` is `cache.memory`); 3. a last part nearly the same anywhere.
pub(crate) fn suggest(unknown: &str) -> Option<&'static str> {
    let known = || {
        let options = OPTIONS.iter().map(|option| option.key);
        options.chain(SECTIONS.iter().map(|(name, _)| *name)).chain(["rule", "audience"])
    };
    let last = leaf(unknown);
    closest(unknown, known())
        .or_else(|| {
            let mut same = known().filter(|path| !path.is_empty() && leaf(path) == last);
            same.next().filter(|_| same.next().is_none())
        })
        .or_else(|| nearest(known(), |path| likeness(last, leaf(path))))
}

/// The one of `known` that an unknown word most likely stands for.
pub(crate) fn closest<'a>(unknown: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let unknown = unknown.to_lowercase();
    nearest(known, |word| likeness(&unknown, word))
}

fn likeness(a: &str, b: &str) -> f64 {
    strsim::normalized_damerau_levenshtein(a, b)
}

fn nearest<'a>(
    known: impl Iterator<Item = &'a str>,
    score: impl Fn(&str) -> f64,
) -> Option<&'a str> {
    known
        .filter(|word| !word.is_empty())
        .map(|word| (word, score(word)))
        .filter(|(_, score)| *score >= 0.7)
        .max_by(|(_, a), (_, b)| a.total_cmp(b))
        .map(|(word, _)| word)
}

/// The part after the last dot.
fn leaf(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::suggest;

    #[test]
    fn slips_of_the_pen_and_of_the_section_are_understood() {
        let cases = [
            ("upsteam", Some("upstream")),
            ("cache.memroy", Some("cache.memory")),
            ("Cache.Memory", Some("cache.memory")),
            ("memory", Some("cache.memory")),
            ("log.connect", Some("timeouts.connect")),
            ("cache.honor_request_directives", Some("cache.honour_request_directives")),
            ("cahce", Some("cache")),
            ("timeout", Some("timeouts")),
            ("rules", Some("rule")),
            ("ignore_qeury", Some("ignore_query")),
            ("listen.sort_query", Some("sort_query")),
            ("frobnicate", None),
            ("", None),
        ];
        for (unknown, expected) in cases {
            assert_eq!(suggest(unknown), expected, "{unknown:?}");
        }
    }
}
