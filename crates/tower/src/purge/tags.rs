//! Tags that a handler gives to its response.

/// Names of what a response was made of, by which pages can be purged together ([`Purger::tags`](super::Purger::tags)): an
/// extension of the inner service's responses.
///
/// They never reach a client. A response may as well say them in one of the fields that the rules name (`Surrogate-Key`,
/// `Cache-Tag`, …); both together count, up to 1000. With more, or longer ones than 1024 bytes, it is not stored.
///
/// ```
/// use larder_tower::Tags;
///
/// let mut response = http::Response::new("a post");
/// response.extensions_mut().insert(Tags::new(["post:7", "author:3"]));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags(Vec<Box<str>>);

impl Tags {
    /// These tags. No tag has a space or a comma in a field of a response, but here they may.
    #[must_use]
    pub fn new(tags: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self(tags.into_iter().map(|tag| tag.into().into_boxed_str()).collect())
    }

    /// The same, and this one.
    #[must_use]
    pub fn and(mut self, tag: impl Into<String>) -> Self {
        self.0.push(tag.into().into_boxed_str());
        self
    }

    pub(crate) fn as_slice(&self) -> &[Box<str>] {
        &self.0
    }
}

impl<T: Into<String>> FromIterator<T> for Tags {
    fn from_iter<I: IntoIterator<Item = T>>(tags: I) -> Self {
        Self::new(tags)
    }
}
