//! What does a page of the demo look like?

use super::clock;
use super::state::State;
use super::visit::Visit;

const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;max-width:42rem;margin:2rem auto;padding:0 1rem}\
nav a{margin-right:1rem}footer{margin-top:2rem;border-top:1px solid #bbb;color:#555;font-size:.9rem}\
code{background:#eee;padding:0 .2rem}";

/// A complete page around `content`, which is HTML already. Its end says when it was made and for
/// which cookies: their names only, since a page in a cache is seen by others.
pub(super) fn page(visit: &Visit, state: &State, title: &str, content: &str) -> String {
    let names: Vec<_> = visit.cookies().map(|(name, _)| escape(name)).collect();
    let cookies = if names.is_empty() { "no cookies".into() } else { names.join(", ") };
    let (number, time) = (state.next_page_number(), clock::time_of_day());
    format!(
        "<!doctype html>\n<html><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style></head>\n<body>\n\
         <nav><a href=\"/\">Index</a><a href=\"/slow\">Slow</a><a href=\"/me\">Me</a>\
         <a href=\"/form\">Form</a><a href=\"/hello\">Hello</a><a href=\"/stream\">Stream</a>\
         <a href=\"/switch\">Switch</a></nav>\n<h1>{title}</h1>\n{content}\n\
         <footer>Made at {time}, page number {number} of this application.<br>\n\
         The request that made it had: {cookies}.</footer>\n</body></html>\n",
        title = escape(title)
    )
}

/// Text as HTML.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}
