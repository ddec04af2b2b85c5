//! Does a page embed a token that is one visitor's? Its bytes are pushed as they come.

use bytes::Bytes;
use larder_html::{Framework, Scanner};
use larder_semantics::Reason;

use super::decode::{Coding, Decoder, Unreadable};
use crate::limits::HTML_BYTES_MAX;

/// Looks through one body.
pub struct Inspector {
    decoder: Decoder,
}

impl std::fmt::Debug for Inspector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inspector").finish_non_exhaustive()
    }
}

impl Inspector {
    /// For a body in this coding.
    #[must_use]
    pub fn new(coding: Coding) -> Self {
        Self { decoder: Decoder::new(coding, Scanner::new(), HTML_BYTES_MAX) }
    }

    /// Looks at the next bytes.
    ///
    /// # Errors
    /// Why the page is not for others.
    pub fn push(&mut self, bytes: &Bytes) -> Result<(), Reason> {
        let read = self.decoder.push(bytes);
        self.judge(read)
    }

    /// Says whether the page is for others, now that all of it was pushed.
    ///
    /// # Errors
    /// Why it is not.
    pub fn finish(mut self) -> Result<(), Reason> {
        let read = self.decoder.finish();
        self.judge(read)
    }

    fn judge(&self, read: Result<(), Unreadable>) -> Result<(), Reason> {
        if let Some(framework) = self.decoder.found() {
            return Err(reason_of(framework));
        }
        read.map_err(|unreadable| match unreadable {
            Unreadable::TooLarge => Reason::HtmlTooLarge,
            Unreadable::Malformed => Reason::HtmlEncoded,
        })
    }
}

/// Why a page with a token of this framework is not for others.
pub(super) const fn reason_of(framework: Framework) -> Reason {
    match framework {
        Framework::Django => Reason::TokenDjango,
        Framework::Rails => Reason::TokenRails,
        Framework::Laravel => Reason::TokenLaravel,
        Framework::Spring => Reason::TokenSpring,
        Framework::AspNet => Reason::TokenAspNet,
        Framework::Phoenix => Reason::TokenPhoenix,
    }
}
