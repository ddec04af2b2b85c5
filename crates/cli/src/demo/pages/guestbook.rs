//! `/form`: a cached page that a POST to it makes new.

use http::StatusCode;

use crate::demo::html::escape;
use crate::demo::respond::{self, Answer};
use crate::demo::state::State;
use crate::demo::visit::Visit;

const CHARS_MAX: usize = 200;

/// Kept for a minute, unless somebody writes: RFC 9111 §4.4 makes the POST below invalidate it.
pub(in crate::demo) fn show(visit: &Visit, state: &State) -> Answer {
    let messages: String =
        state.messages().iter().rev().map(|message| format!("<li>{}\n", escape(message))).collect();
    let content = format!(
        "<form method=\"post\" action=\"/form\"><label>Leave a line: \
         <input name=\"message\" maxlength=\"{CHARS_MAX}\" required></label> <button>Write</button></form>\n\
         <p>This page may be kept for a minute. Write something and it is made anew at once.</p>\n\
         <ul>\n{messages}</ul>"
    );
    respond::page(visit, state, "Guest book", "max-age=60", &content)
}

/// Writes a line down and leads back to the page.
pub(in crate::demo) fn write(visit: &Visit, state: &State) -> Answer {
    let Some(message) = visit.entry("message", CHARS_MAX) else {
        let why = format!("A message has 1 to {CHARS_MAX} characters.");
        return respond::refusal(visit, state, StatusCode::UNPROCESSABLE_ENTITY, &why);
    };
    state.leave_message(&message);
    respond::see_other("/form")
}
