//! What does the demo's application remember?
//!
//! In memory, and little of it: everything a visitor can make grow has an end.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// More logins than anybody tries out; the oldest is logged out.
const SESSIONS_MAX: usize = 100;
/// What fits on one screen.
const MESSAGES_MAX: usize = 10;

/// How the application behaves at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    /// It works.
    #[default]
    Working,
    /// It answers everything with 500.
    Errors,
    /// It closes every connection without an answer.
    Closed,
}

#[derive(Debug, Default)]
struct Inner {
    pages_made: u64,
    sessions: VecDeque<(String, String)>,
    messages: VecDeque<String>,
    mode: Mode,
}

/// Shared by all connections; never held while waiting.
#[derive(Debug, Default)]
pub(super) struct State(Mutex<Inner>);

impl State {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one more page and returns its number.
    pub(super) fn next_page_number(&self) -> u64 {
        let mut inner = self.inner();
        inner.pages_made += 1;
        inner.pages_made
    }

    pub(super) fn mode(&self) -> Mode {
        self.inner().mode
    }

    pub(super) fn set_mode(&self, mode: Mode) {
        self.inner().mode = mode;
    }

    /// Begins a session and returns its token, which nobody can guess.
    pub(super) fn log_in(&self, name: &str) -> io::Result<String> {
        let mut bytes = [0_u8; 16];
        File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        let token: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut inner = self.inner();
        if inner.sessions.len() == SESSIONS_MAX {
            inner.sessions.pop_front();
        }
        inner.sessions.push_back((token.clone(), name.to_owned()));
        Ok(token)
    }

    /// Whose session this is.
    pub(super) fn user(&self, token: &str) -> Option<String> {
        let inner = self.inner();
        inner.sessions.iter().find(|(known, _)| known == token).map(|(_, name)| name.clone())
    }

    pub(super) fn log_out(&self, token: &str) {
        self.inner().sessions.retain(|(known, _)| known != token);
    }

    pub(super) fn leave_message(&self, message: &str) {
        let mut inner = self.inner();
        if inner.messages.len() == MESSAGES_MAX {
            inner.messages.pop_front();
        }
        inner.messages.push_back(message.to_owned());
    }

    pub(super) fn messages(&self) -> Vec<String> {
        self.inner().messages.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{MESSAGES_MAX, SESSIONS_MAX, State};

    #[test]
    fn what_visitors_leave_has_an_end_and_the_oldest_goes_first() {
        let state = State::default();
        let first = state.log_in("first").expect("a token");
        for _ in 0..SESSIONS_MAX - 1 {
            state.log_in("next").expect("a token");
        }
        assert_eq!(state.user(&first).as_deref(), Some("first"), "the last one that fits");
        state.log_in("one more").expect("a token");
        assert_eq!(state.user(&first), None);

        for number in 0..=MESSAGES_MAX {
            state.leave_message(&number.to_string());
        }
        assert_eq!(state.messages().len(), MESSAGES_MAX);
        assert_eq!(state.messages()[0], "1");
    }
}
