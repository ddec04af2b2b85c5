//! What does a page need to know of the request it answers?

use bytes::Bytes;
use http::{HeaderMap, Method, header};

use super::form;
use super::state::State;

/// One request, its body already read.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Visit {
    /// The value of a form's field, without the space around it. `None` when empty or too long.
    pub(super) fn entry(&self, name: &str, chars_max: usize) -> Option<String> {
        let value = form::field(&self.body, name)?.trim().to_owned();
        (!value.is_empty() && value.chars().count() <= chars_max).then_some(value)
    }

    /// The session's token, whether it is one of ours or not.
    pub(super) fn session(&self) -> Option<&str> {
        self.cookies().find(|(name, _)| *name == "session").map(|(_, value)| value)
    }

    /// Who is logged in.
    pub(super) fn user(&self, state: &State) -> Option<String> {
        state.user(self.session()?)
    }

    /// Names and values in the order of the request.
    pub(super) fn cookies(&self) -> impl Iterator<Item = (&str, &str)> {
        let lines = self.headers.get_all(header::COOKIE).into_iter();
        lines
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
    }
}
