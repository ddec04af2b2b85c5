//! `/`: which pages are there?

use crate::demo::respond::{self, Answer};
use crate::demo::state::State;
use crate::demo::visit::Visit;

/// May be kept for a minute: it says the same to everybody.
pub(in crate::demo) fn show(visit: &Visit, state: &State) -> Answer {
    let content = "\
<p>A small application, to see what a cache in front of it does. Look at the field <code>Cache-Status</code> of each \
response: it says what was done and why.</p>
<ul>
<li><a href=\"/slow\">/slow</a> takes 300 ms to make, is fresh for 30 s, and may be refreshed behind your back for 60 s more
<li><a href=\"/me\">/me</a> is yours alone, after <a href=\"/login\">/login</a>
<li><a href=\"/form\">/form</a> is a guest book: a cached page that what you write makes new
<li><a href=\"/hello\">/hello</a> speaks your browser's language: English, German, French or Spanish
<li><a href=\"/stream\">/stream</a> sends a line every second and never ends
<li><a href=\"/switch\">/switch</a> breaks the application, and repairs it
</ul>";
    respond::page(visit, state, "A small application", "max-age=60", content)
}
