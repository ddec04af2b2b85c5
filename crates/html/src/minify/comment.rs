//! Which comments are for people only.
//!
//! Programs leave marks in comments: Internet Explorer's conditions, server side includes, edge side includes, the borders of
//! what React, Vue, Svelte, Angular, Knockout and Livewire take over in the browser, hints for search engines and proxies.
//! Nobody has a list of them all, so a comment goes only if it looks like prose or like markup that was taken out of use.

use crate::tag::is_blank;

/// Single words, and first words, that mean something to some program.
const MARKS: [&str; 21] = [
    "begin",
    "block",
    "break",
    "build",
    "end",
    "endbuild",
    "esi",
    "google",
    "googleoff",
    "googleon",
    "inject",
    "ko",
    "mfunc",
    "more",
    "nextpage",
    "noindex",
    "pagebreak",
    "snippet",
    "sse",
    "teaser",
    "template",
];

/// What keeps a comment wherever it has it.
const KEEP: [&str; 5] = ["copyright", "licence", "license", "@preserve", "\u{a9}"];

/// Whether a comment with this content may go.
pub(super) fn is_for_people(content: &[u8]) -> bool {
    let out_of_use = matches!(content, [b'<', b'/', ..])
        || matches!(content, [b'<', letter, ..] if letter.is_ascii_alphabetic());
    // Prose has a blank in front, or a line of dashes and the like.
    let framed =
        matches!(content.first(), Some(&b) if is_blank(b) || matches!(b, b'-' | b'=' | b'*'));
    let text = inside(content);
    (out_of_use || framed && is_prose(text)) && !KEEP.iter().any(|word| contains(content, word))
}

/// The content without its frame.
fn inside(content: &[u8]) -> &[u8] {
    let frame = |b: &u8| is_blank(*b) || matches!(b, b'-' | b'=' | b'*');
    let start = content.iter().position(|b| !frame(b)).unwrap_or(content.len());
    let end = content.iter().rposition(|b| !frame(b)).map_or(start, |last| last + 1);
    content.get(start..end).unwrap_or_default()
}

fn is_prose(text: &[u8]) -> bool {
    // `/.container` and `/header` say what ended, and `/ko` does so to a program.
    let text = text.strip_prefix(b"/").unwrap_or(text);
    let text = text.strip_prefix(b".").unwrap_or(text);
    let markup =
        matches!(text, [b'<', letter, ..] if letter.is_ascii_alphabetic() || *letter == b'/');
    let mut words = text.split(|&b| is_blank(b)).filter(|word| !word.is_empty());
    let Some(first) = words.next() else { return false };
    let single = words.next().is_none();
    let letters = |b: &u8| b.is_ascii_alphabetic() || !b.is_ascii();
    let begins = first.first().is_some_and(|b| letters(b) || b.is_ascii_digit());
    // `HTML_TAG_START`, `wp:more`, `ngIf:` are no words.
    let bare = first.strip_suffix(b":").filter(|_| !single).unwrap_or(first);
    let word = bare.iter().all(|b| {
        letters(b)
            || b.is_ascii_digit()
            || matches!(b, b'-' | b'\'' | b',' | b'.' | b'/' | b'&' | b';' | b'(' | b')')
    });
    let shouted = single
        && bare.iter().any(u8::is_ascii_uppercase)
        && !bare.iter().any(u8::is_ascii_lowercase);
    let angular = bare.starts_with(b"ng");
    markup
        || begins
            && word
            && !shouted
            && !angular
            && !MARKS.iter().any(|mark| bare.eq_ignore_ascii_case(mark.as_bytes()))
}

/// Whether `text` has `word`, which is in lower case, in any case.
fn contains(text: &[u8], word: &str) -> bool {
    text.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::is_for_people;

    #[test]
    fn prose_and_disused_markup_go() {
        let comments = [
            " The navigation begins here ",
            " header ",
            " /header ",
            " /.container ",
            "\n  Two\n  lines\n",
            "-- a frame --",
            "=== Main ===",
            "<p>old</p>",
            "</div>",
            " <div class=\"old\"> ",
            " TODO: remove this ",
            " Überschrift der Seite ",
            " Google's fonts ",
            " 1. first part ",
            " Header/Footer ",
        ];
        for comment in comments {
            assert!(is_for_people(comment.as_bytes()), "{comment}");
        }
    }

    #[test]
    fn what_may_mean_something_stays() {
        let comments = [
            "",
            " ",
            "[if IE]> x <![endif]",
            "<![endif]",
            "[if !IE]><!",
            "esi <b>x</b>",
            "#include virtual=\"/x\" ",
            " #include virtual=\"/x\" ",
            "! theirs ",
            " Copyright 2020 somebody ",
            " @license MIT ",
            " under the MIT license ",
            "$",
            "/$",
            "[",
            "]",
            "?lit$123$",
            " HTML_TAG_START ",
            " ko foreach: items ",
            " /ko ",
            " wp:paragraph ",
            " /wp:paragraph ",
            "more",
            " more ",
            "noindex",
            "/noindex",
            " noindex ",
            " googleoff: index ",
            "googleon: index",
            "email_off",
            "/email_off",
            " __BLOCK__ ",
            "[if BLOCK]><![endif]",
            " ngIf: x ",
            " end ngRepeat: x ",
            "Blazor:{\"a\":1}",
            "%+b:0%",
            "container",
            " build:css a.css ",
            " endbuild ",
            " mfunc x ",
            "--",
            " \u{a9} somebody ",
            " TEMPLATE ",
            " google_ad_section_start ",
        ];
        for comment in comments {
            assert!(!is_for_people(comment.as_bytes()), "{comment}");
        }
    }
}
