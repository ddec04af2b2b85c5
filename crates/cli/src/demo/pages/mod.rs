//! The pages of the demo, one file for each thing that caches get wrong.

pub(super) mod guestbook;
pub(super) mod hello;
pub(super) mod index;
pub(super) mod login;
pub(super) mod slow;
pub(super) mod stream;
pub(super) mod switch;
