//! `/switch`: the application fails until it is switched back.

use http::StatusCode;

use crate::demo::form;
use crate::demo::respond::{self, Answer, NO_STORE};
use crate::demo::state::{Mode, State};
use crate::demo::visit::Visit;

/// What is the case, and buttons to change it.
pub(in crate::demo) fn show(visit: &Visit, state: &State) -> Answer {
    let now = match state.mode() {
        Mode::Working => "works",
        Mode::Errors => "answers everything with 500",
        Mode::Closed => "closes every connection without an answer",
    };
    let content = format!(
        "<p>The application {now}, except for this page.</p>\n\
         <form method=\"post\" action=\"/switch\"><button name=\"mode\" value=\"working\">Work</button> \
         <button name=\"mode\" value=\"errors\">Answer 500</button> \
         <button name=\"mode\" value=\"closed\">Close connections</button></form>\n\
         <p>While it is broken, pages that a cache still has can be answered from there, also stale.</p>"
    );
    respond::page(visit, state, "Switch", NO_STORE, &content)
}

/// To the mode that was asked for; without one, between working and 500.
pub(in crate::demo) fn turn(visit: &Visit, state: &State) -> Answer {
    let mode = match (form::field(&visit.body, "mode").as_deref(), state.mode()) {
        (Some("working"), _) | (None, Mode::Errors | Mode::Closed) => Mode::Working,
        (Some("errors"), _) | (None, Mode::Working) => Mode::Errors,
        (Some("closed"), _) => Mode::Closed,
        (Some(_), _) => {
            let why = "The modes are working, errors and closed.";
            return respond::refusal(visit, state, StatusCode::UNPROCESSABLE_ENTITY, why);
        }
    };
    state.set_mode(mode);
    respond::see_other("/switch")
}

/// What every other page says meanwhile.
pub(in crate::demo) fn broken(visit: &Visit, state: &State) -> Answer {
    let why = "Broken on purpose: see /switch.";
    respond::refusal(visit, state, StatusCode::INTERNAL_SERVER_ERROR, why)
}
