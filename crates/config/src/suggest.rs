//! Which option was meant?

use crate::options::{OPTIONS, SECTIONS};

/// The known path that an unknown one most likely stands for.
///
/// 1. A path that is nearly the same; 2. the same last part in another section, when there is one
///    such place only (`memory` is `cache.memory`); 3. a last part nearly the same anywhere.
pub(crate) fn suggest(unknown: &str) -> Option<&'static str> {
    let known = || OPTIONS.iter().map(|o| o.key).chain(SECTIONS.iter().map(|(name, _)| *name));
    let closest = |score: &dyn Fn(&str) -> f64| {
        known()
            .filter(|path| !path.is_empty())
            .map(|path| (path, score(path)))
            .filter(|(_, score)| *score >= 0.7)
            .max_by(|(_, a), (_, b)| a.total_cmp(b))
            .map(|(path, _)| path)
    };
    let last = leaf(unknown);
    closest(&|path| strsim::normalized_damerau_levenshtein(&unknown.to_lowercase(), path))
        .or_else(|| {
            let mut same = known().filter(|path| !path.is_empty() && leaf(path) == last);
            same.next().filter(|_| same.next().is_none())
        })
        .or_else(|| closest(&|path| strsim::normalized_damerau_levenshtein(last, leaf(path))))
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
            ("rule", None),
            ("frobnicate", None),
            ("", None),
        ];
        for (unknown, expected) in cases {
            assert_eq!(suggest(unknown), expected, "{unknown:?}");
        }
    }
}
