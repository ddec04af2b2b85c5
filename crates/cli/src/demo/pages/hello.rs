//! `/hello`: one address, several languages.

use http::header;

use crate::demo::respond::{self, Answer};
use crate::demo::state::State;
use crate::demo::visit::Visit;

const LANGUAGES: [(&str, &str, &str); 4] = [
    ("en", "Hello", "This page was chosen by the languages your browser asks for."),
    ("de", "Guten Tag", "Diese Seite wurde nach den Sprachen deines Browsers ausgesucht."),
    ("fr", "Bonjour", "Cette page a été choisie selon les langues de votre navigateur."),
    ("es", "Hola", "Esta página se eligió según los idiomas de tu navegador."),
];

/// Fresh for five seconds only, and usable for an hour after that when the application fails
/// (RFC 5861 §4): long enough to see both.
pub(in crate::demo) fn show(visit: &Visit, state: &State) -> Answer {
    let wanted = visit.headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let (tag, title, sentence) = choose(wanted.unwrap_or_default());
    let content = format!("<p lang=\"{tag}\">{sentence}</p>");
    let policy = "max-age=5, stale-if-error=3600";
    let answer = respond::page(visit, state, title, policy, &content);
    let answer = respond::with(answer, header::VARY, "Accept-Language");
    respond::with(answer, header::CONTENT_LANGUAGE, tag)
}

/// The known language with the highest weight, the first of equals; else English.
fn choose(wanted: &str) -> (&'static str, &'static str, &'static str) {
    let mut best: Option<(f32, (&str, &str, &str))> = None;
    for range in wanted.split(',') {
        let (tag, weight) = range.split_once(';').unwrap_or((range, "q=1"));
        let weight = weight.trim().strip_prefix("q=").and_then(|q| q.parse().ok()).unwrap_or(1.0);
        let primary = tag.trim().split('-').next().unwrap_or_default().to_ascii_lowercase();
        let Some(known) = LANGUAGES.iter().find(|(known, ..)| *known == primary) else { continue };
        if weight > best.map_or(0.0, |(best, _)| best) {
            best = Some((weight, *known));
        }
    }
    best.map_or(LANGUAGES[0], |(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::choose;

    #[test]
    fn the_heaviest_known_language_is_spoken() {
        let cases = [
            ("", "en"),
            ("de", "de"),
            ("de-AT, en;q=0.5", "de"),
            ("en;q=0.5, DE;q=0.9", "de"),
            ("ja, fr;q=0.1", "fr"),
            ("es, de", "es"),
            ("de;q=0", "en"),
            ("de;q=lots, *", "de"),
            (",;,", "en"),
        ];
        for (wanted, expected) in cases {
            assert_eq!(choose(wanted).0, expected, "{wanted:?}");
        }
    }
}
