//! Are two fetches of a page the same, and if not, what differs?

use crate::doctor::examined::{Examined, Sharing};
use crate::doctor::finding::{Gathered, Told, Verdict};
use crate::doctor::limits::{DIFFERENCES_MAX, EXCERPT_CHARS};
use crate::doctor::probe::{Round, Why};

pub(super) fn pages(examined: &Examined) -> Told {
    let mut gathered = Gathered::new(Verdict::Skipped, "no page could be fetched twice");
    let main = examined.main();
    for seen in examined.seen() {
        let again = examined.of_page(main, seen.page, Why::Page(Round::Second));
        let Some((_, again)) = again.filter(|_| seen.is_success()) else { continue };
        let url = seen.page.url.to_string();
        let differences = differences(&seen.answer.text(), &again.text());
        if differences.is_empty() && seen.answer.body == again.body {
            gathered.add(Verdict::Ok, "each page was the same twice", url, "");
            continue;
        }
        let mut what = differences.join("; ");
        if what.is_empty() {
            "the bytes".clone_into(&mut what);
        }
        match examined.sharing(seen) {
            Some(sharing @ (Sharing::Rule(_) | Sharing::Itself)) => {
                let says = "two fetches of a page that is shared differ: all visitors are given one of them";
                gathered.add(Verdict::Warning, says, url, format!("{what}; {}", sharing.by()));
            }
            None => {
                let says = "pages that are shared are the same twice; others differ, which matters only if you share them";
                gathered.add(Verdict::Ok, says, url, what);
            }
        }
    }
    let mut told = gathered.done();
    told.found.retain(|found| !found.what.is_empty());
    if told.verdict == Verdict::Ok && !told.found.is_empty() {
        "pages that are shared are the same twice; these differ, which matters only if you share them"
            .clone_into(&mut told.says);
    }
    told
}

/// What differs, a few words each. The same text twice has none.
fn differences(one: &str, other: &str) -> Vec<String> {
    let (left, right) = (words(one), words(other));
    let mut found: Vec<String> = Vec::new();
    if left.len() == right.len() {
        for (at, (a, b)) in left.iter().zip(&right).enumerate() {
            if a != b && found.len() < DIFFERENCES_MAX {
                let before =
                    at.checked_sub(1).and_then(|at| left.get(at)).copied().unwrap_or_default();
                let text = format!("{}: {} and {}", kind(before, a, b), excerpt(a), excerpt(b));
                if !found.contains(&text) {
                    found.push(text);
                }
            }
        }
        return found;
    }
    // Something is there that was not: from where they part.
    let parting = left
        .iter()
        .zip(&right)
        .position(|(a, b)| a != b)
        .unwrap_or_else(|| left.len().min(right.len()));
    let tail = |words: &[&str]| {
        let rest: Vec<&str> = words.iter().skip(parting).take(12).copied().collect();
        excerpt(&rest.join(" "))
    };
    vec![format!("text: {} and {}", tail(&left), tail(&right))]
}

/// The pieces of a page between spaces, quotes and brackets.
fn words(page: &str) -> Vec<&str> {
    let borders = |c: char| c.is_whitespace() || "<>\"'&;,()".contains(c);
    page.split(borders).filter(|word| !word.is_empty()).collect()
}

/// What a differing piece is, by what stands before it and by what it looks like.
fn kind(before: &str, one: &str, other: &str) -> &'static str {
    let both = |is: fn(&str) -> bool| is(one) && is(other);
    let near = before.to_ascii_lowercase();
    if near.contains("nonce") || one.contains("nonce-") {
        "a nonce"
    } else if near.contains("csrf") || near.starts_with("value=") && both(is_random) {
        "a token"
    } else if both(is_time) {
        "a time"
    } else if both(is_number) {
        "a number"
    } else if both(is_random) {
        "a token"
    } else {
        "a word"
    }
}

fn is_time(word: &str) -> bool {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let borders = word.bytes().filter(|byte| matches!(byte, b':' | b'-' | b'/')).count();
    digits >= 3
        && borders >= 1
        && word.bytes().all(|b| b.is_ascii_digit() || b":-/.TZ+".contains(&b))
}

fn is_number(word: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b',' | b'-');
    !word.is_empty() && word.bytes().all(is_digit)
}

fn is_random(word: &str) -> bool {
    let is_one = !word.contains(char::is_whitespace);
    is_one && word.len() >= 16 && word.bytes().any(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
}

/// Short, and harmless on a terminal. Long words, which may be secrets of somebody, only with their beginnings.
fn excerpt(text: &str) -> String {
    let long = if is_random(text) { 12 } else { EXCERPT_CHARS };
    let mut short: String = text.chars().filter(|c| !c.is_control()).take(long).collect();
    if text.chars().count() > long {
        short.push('…');
    }
    if short.is_empty() { "nothing".to_owned() } else { format!("`{short}`") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::testing::{Case, told};
    use crate::doctor::table::Check;

    #[test]
    fn what_differs_is_shown_and_named() {
        let cases = [
            ("<p>made 1</p>", "<p>made 2</p>", "a number: `1` and `2`"),
            ("at 12:30:01 UTC", "at 12:30:02 UTC", "a time: `12:30:01` and `12:30:02`"),
            (
                "<script nonce=\"aaaaaaaaaaaaaaaaA1\">",
                "<script nonce=\"bbbbbbbbbbbbbbbbB2\">",
                "a nonce: `aaaaaaaaaaaa…` and `bbbbbbbbbbbb…`",
            ),
            ("<b>Ann</b>", "<b>Bob</b>", "a word: `Ann` and `Bob`"),
            (
                "<input name=\"csrfmiddlewaretoken\" value=\"abcdefghijklmnop1\">",
                "<input name=\"csrfmiddlewaretoken\" value=\"qrstuvwxyzabcdef2\">",
                "a token: `abcdefghijkl…` and `qrstuvwxyzab…`",
            ),
            (
                "<p>a</p>",
                "<p>a</p><p>You have a message</p>",
                "text: nothing and `p You have a message /p`",
            ),
            ("a \u{1b}[31m1", "a \u{1b}[31m2", "a word: `[31m1` and `[31m2`"),
        ];
        for (one, other, expected) in cases {
            let found = differences(one, other);
            assert_eq!(found.first().map(String::as_str), Some(expected), "{one}");
        }
        assert!(differences("same", "same").is_empty());
    }

    #[test]
    fn only_pages_that_are_shared_are_warned_of() {
        let public = "Cache-Control: max-age=60";
        let rows = [
            (public, "made 1", "made 1", Verdict::Ok),
            (public, "made 1", "made 2", Verdict::Warning),
            ("", "made 1", "made 2", Verdict::Ok),
        ];
        for (fields, one, other, expected) in rows {
            let case = Case::application().page("/x", fields, one).came(
                Why::Page(Round::Second),
                "/x",
                200,
                fields,
                other,
            );
            let found = told(&case, Check::PagesDiffer);
            assert_eq!(found.verdict, expected, "{fields} {one} {other}: {found:?}");
            assert_eq!(found.found.is_empty(), one == other, "{found:?}");
        }
        let once = Case::application().page("/x", public, "page");
        assert_eq!(told(&once, Check::PagesDiffer).verdict, Verdict::Skipped);
    }
}
