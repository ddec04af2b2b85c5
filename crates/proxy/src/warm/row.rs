//! What came of a page that was to be fetched?

use std::time::Duration;

use http::StatusCode;
use larder_semantics::Reason;
use serde_json::{Map, Value, json};

/// What came of one page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) url: String,
    /// Of the answer; `None`: there was none.
    pub(crate) status: Option<StatusCode>,
    /// Whether the application was asked.
    pub(crate) fetched: bool,
    /// Whether it lies in the cache now, fresh.
    pub(crate) stored: bool,
    /// Whether it lies where nginx finds it, if that was asked for; or why not.
    pub(crate) published: Option<Result<(), &'static str>>,
    /// Why it was not asked for, or not stored.
    pub(crate) why: Option<Why>,
    /// For how long its site is left alone.
    pub(crate) retry_after: Option<Duration>,
}

/// Why nothing came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// As requests are refused and answers not stored.
    Because(Reason),
    /// The page belongs to somebody.
    Somebodys,
    /// The site is left alone for a while.
    Paused,
    /// Larder is ending.
    Ending,
    /// There is no place in the queue.
    Full,
    /// It is still in the queue.
    Queued,
}

impl Why {
    /// The word for programs.
    pub(crate) const fn token(self) -> &'static str {
        match self {
            Self::Because(reason) => reason.token(),
            Self::Somebodys => "somebodys",
            Self::Paused => "paused",
            Self::Ending => "ending",
            Self::Full => "queue-full",
            Self::Queued => "queued",
        }
    }

    /// The line for people.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Because(reason) => reason.text(),
            Self::Somebodys => "the page is a visitor's own, and is fetched by nobody else",
            Self::Paused => "the application asked to be left alone for a while",
            Self::Ending => "Larder is ending",
            Self::Full => "the queue is full of pages that are asked for more often",
            Self::Queued => "it is still in the queue",
        }
    }
}

impl Row {
    /// Of a page that was not asked for.
    pub(crate) const fn not_asked(url: String, why: Why) -> Self {
        let (status, fetched, stored, retry_after) = (None, false, false, None);
        Self { url, status, fetched, stored, published: None, why: Some(why), retry_after }
    }

    /// As the admin listener tells it.
    pub(crate) fn json(&self) -> Value {
        let mut row = Map::new();
        row.insert("url".to_owned(), json!(self.url));
        row.insert("fetched".to_owned(), json!(self.fetched));
        row.insert("stored".to_owned(), json!(self.stored));
        if let Some(published) = self.published {
            row.insert("published".to_owned(), json!(published.is_ok()));
            if let Err(why) = published {
                row.insert("unpublished".to_owned(), json!(why));
            }
        }
        if let Some(status) = self.status {
            row.insert("status".to_owned(), json!(status.as_u16()));
        }
        if let Some(why) = self.why {
            row.insert("reason".to_owned(), json!(why.token()));
            row.insert("detail".to_owned(), json!(why.text()));
        }
        if let Some(after) = self.retry_after {
            row.insert("retry_after".to_owned(), json!(after.as_secs().max(1)));
        }
        Value::Object(row)
    }
}
