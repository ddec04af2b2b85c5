//! `/login`, `/me`, `/logout`: a page for one person.

use http::{StatusCode, header};

use crate::demo::respond::{self, Answer, NO_STORE, PRIVATE};
use crate::demo::state::State;
use crate::demo::visit::Visit;

const NAME_CHARS_MAX: usize = 40;

/// The form. There are no passwords here: whoever says so is Ada.
pub(in crate::demo) fn show(visit: &Visit, state: &State) -> Answer {
    let content = format!(
        "<form method=\"post\" action=\"/login\"><label>Your name: \
         <input name=\"name\" maxlength=\"{NAME_CHARS_MAX}\" required></label> <button>Log in</button></form>"
    );
    respond::page(visit, state, "Log in", NO_STORE, &content)
}

/// Begins a session.
pub(in crate::demo) fn log_in(visit: &Visit, state: &State) -> Answer {
    let Some(name) = visit.entry("name", NAME_CHARS_MAX) else {
        let why = format!("A name has 1 to {NAME_CHARS_MAX} characters.");
        return respond::refusal(visit, state, StatusCode::UNPROCESSABLE_ENTITY, &why);
    };
    let Ok(token) = state.log_in(&name) else {
        let why = "This system has no random numbers to make a session of.";
        return respond::refusal(visit, state, StatusCode::INTERNAL_SERVER_ERROR, why);
    };
    let cookie = format!("session={token}; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax");
    respond::with(respond::see_other("/me"), header::SET_COOKIE, &cookie)
}

/// Says who is logged in.
pub(in crate::demo) fn me(visit: &Visit, state: &State) -> Answer {
    let Some(name) = visit.user(state) else { return respond::see_other("/login") };
    let content = "<p>This page is for one person: <code>Cache-Control: private</code>. A cache that \
                   others share must not keep it.</p>\n\
                   <form method=\"post\" action=\"/logout\"><button>Log out</button></form>";
    respond::page(visit, state, &format!("Welcome, {name}"), PRIVATE, content)
}

/// Ends the session, here and in the browser.
pub(in crate::demo) fn log_out(visit: &Visit, state: &State) -> Answer {
    if let Some(token) = visit.session() {
        state.log_out(token);
    }
    let cookie = "session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax";
    respond::with(respond::see_other("/login"), header::SET_COOKIE, cookie)
}
