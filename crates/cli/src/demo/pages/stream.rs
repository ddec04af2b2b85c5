//! `/stream`: a response that never ends.

use crate::demo::body::DemoBody;
use crate::demo::respond::{self, Answer, NO_STORE};

/// A line a second, until the reader goes.
pub(in crate::demo) fn show() -> Answer {
    respond::body("text/plain; charset=utf-8", NO_STORE, DemoBody::lines())
}
