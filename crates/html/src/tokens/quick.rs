//! Which pages have no token for sure? Found by looking for a few bytes, where the scanner looks at each.
//!
//! Every name that the scanner knows has `srf` or `token` in it, in any case. They may be written with escapes: of those that
//! could be part of a name nothing is known, and the page is read.

use aho_corasick::packed::Searcher;
use memchr::{memchr2_iter, memchr3_iter};
use std::sync::LazyLock;

use crate::entity;

/// Finds `srf` and `tok` in any case, many bytes at a time; `None` where the processor can't.
static WORDS: LazyLock<Option<Searcher>> =
    LazyLock::new(|| Searcher::new([spellings(*b"srf"), spellings(*b"tok")].as_flattened()));

/// Whether a whole page may embed a token. No false "no".
pub(super) fn may_embed(page: &[u8]) -> bool {
    // UTF-16 has a NUL beside every letter.
    page.iter().take(4).any(|&byte| byte == 0)
        || WORDS.as_ref().map_or_else(|| has_a_word(page), |words| finds_a_word(words, page))
        || memchr3_iter(b'\\', b'%', b'&', page).any(|at| may_be_of_a_name(page, at))
}

fn finds_a_word(words: &Searcher, page: &[u8]) -> bool {
    words
        .find_iter(page)
        .any(|found| begins(page, found.start(), b"srf") || begins(page, found.start(), b"token"))
}

/// The same, letter by letter.
fn has_a_word(page: &[u8]) -> bool {
    memchr2_iter(b'f', b'F', page).any(|at| ends(page, at, b"srf"))
        || memchr2_iter(b'k', b'K', page)
            .any(|at| ends(page, at, b"tok") && begins(page, at + 1, b"en"))
}

/// A word of three small letters, in capitals and small letters in every way.
fn spellings(word: [u8; 3]) -> [[u8; 3]; 8] {
    std::array::from_fn(|capitals| {
        std::array::from_fn(|at| {
            if capitals >> at & 1 == 1 { word[at].to_ascii_uppercase() } else { word[at] }
        })
    })
}

/// Whether `word` ends with the byte at this place.
fn ends(page: &[u8], at: usize, word: &[u8]) -> bool {
    (at + 1).checked_sub(word.len()).is_some_and(|start| begins(page, start, word))
}

fn begins(page: &[u8], start: usize, word: &[u8]) -> bool {
    page.get(start..start + word.len()).is_some_and(|part| part.eq_ignore_ascii_case(word))
}

/// Whether what begins here may be read as a letter of a name, or as nothing between two letters.
fn may_be_of_a_name(page: &[u8], at: usize) -> bool {
    let is_of_one = |byte: u8| b"srftoken".contains(&byte.to_ascii_lowercase());
    let after = page.get(at + 1..).unwrap_or_default();
    match page.get(at) {
        // Passed over wherever it stands: `cs\rf`.
        Some(b'\\') => {
            let before = at.checked_sub(1).and_then(|before| page.get(before));
            match (before, after.first()) {
                (Some(b'\\'), Some(&next)) => is_of_one(next),
                (Some(before), Some(next)) => {
                    let pair = [before.to_ascii_lowercase(), next.to_ascii_lowercase()];
                    [b"sr", b"rf", b"to", b"ok", b"ke", b"en"].contains(&&pair)
                }
                _ => false,
            }
        }
        Some(b'%') => {
            let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
            let decoded = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
            decoded.is_some_and(is_of_one)
        }
        _ => after.strip_prefix(b"#").is_some_and(|number| {
            let decoded = entity::numeric(number);
            decoded.is_some_and(|(letter, _)| u8::try_from(letter).is_ok_and(is_of_one))
        }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{WORDS, finds_a_word, has_a_word, may_embed, spellings};
    use crate::tokens::{Scanner, scan};

    #[test]
    fn most_pages_need_not_be_read() {
        for page in [
            "<p>Kind folk of Frankfurt &amp; k&#xF6;ln, 100 % fair: <a href='/f?q=%20%C3%A9'>f</a></p>",
            "<script>x = 'a\\n'; y = \"\\u0027\"; k = /\\d+/</script>&#39;&#x27;&#8217;",
            "",
        ] {
            assert!(!may_embed(page.as_bytes()), "{page}");
        }
    }

    #[test]
    fn names_in_any_spelling_are_seen() {
        for page in
            ["csrf", "x-CsrfToken", "TOKEN", "cs\\rf", "c%73rf", "&#99;srf", "to&#x6b;en", "_xsrf"]
        {
            assert!(may_embed(page.as_bytes()), "{page}");
        }
        assert!(may_embed(b"c\0s\0r\0f\0"));
    }

    #[test]
    fn a_word_is_spelled_in_eight_ways() {
        let words = spellings(*b"srf").map(|word| String::from_utf8(word.to_vec()));
        let words: Vec<String> = words.into_iter().map(Result::unwrap).collect();
        assert_eq!(words, ["srf", "Srf", "sRf", "SRf", "srF", "SrF", "sRF", "SRF"]);
    }

    fn page() -> impl Strategy<Value = Vec<u8>> {
        let pieces: Vec<&'static [u8]> = vec![
            b"csrf",
            b"cs",
            b"rf",
            b"sr",
            b"f",
            b"tok",
            b"en",
            b"_token",
            b"CSRF",
            b"middleware",
            b"xsrf",
            b"request",
            b"verification",
            b"authenticity_",
            b"_",
            b"-",
            b"&#",
            b"99;",
            b"x63;",
            b"x72",
            b"%",
            b"63",
            b"73",
            b"\\",
            b"\\\\",
            b"&lowbar;",
            b"=\"",
            b"\"",
            b"'",
            b": ",
            b"<input name=",
            b"<input name=\"csrfmiddlewaretoken\" ",
            b" value=",
            b">",
            b"pX8kQ2mZ4vB7nC1sD5fG9hJ3lR6tY0wEpX8kQ2mZ4vB7nC1sD5fG9hJ3lR6tY0wE",
            b" ",
            b"\0",
            b"<!--",
            b"-->",
            b"<script>",
            b"</script>",
            b"\"csrfToken\":\"",
        ];
        prop::collection::vec(prop::sample::select(pieces), 0..14).prop_map(|parts| parts.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        #[test]
        fn what_the_scanner_finds_is_never_passed_over(page in page()) {
            prop_assert_eq!(scan(&page), Scanner::new().push(&page));
        }

        #[test]
        fn many_bytes_at_a_time_or_letter_by_letter_is_the_same(
            before in 0_usize..70,
            page in page(),
            after in 0_usize..70,
        ) {
            let page = [vec![b'.'; before], page, vec![b'.'; after]].concat();
            if let Some(words) = WORDS.as_ref() {
                prop_assert_eq!(finds_a_word(words, &page), has_a_word(&page));
            }
        }
    }
}
