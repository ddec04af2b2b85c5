//! What came of asking, as plain values, and for people.

use std::fmt::{self, Display};
use std::time::Duration;

use larder_policy::explain::{Because, Field, Rows, show_span};
use serde::Serialize;

use super::changes::Changes;

/// What came of two equal requests.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Live {
    /// What the application was asked, in order.
    pub(super) asked: Vec<Asked>,
    /// Whether the first answer was stored.
    pub(super) stored: bool,
    /// Why not.
    pub(super) not_stored_because: Option<Because>,
    /// For how long, and for whom.
    pub(super) kept: Option<Kept>,
    /// What would make it cacheable.
    pub(super) changes: Option<Changes>,
    /// Bytes of the body.
    pub(super) body_bytes: u64,
    /// Why the body was not read to its end.
    pub(super) cut: Option<String>,
    /// What the first request got.
    pub(super) first: Shown,
    /// What the next one got.
    pub(super) next: Shown,
}

/// A request to the application, and what came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Asked {
    /// On behalf of which request, from 1.
    pub(super) request: usize,
    pub(super) made_for: For,
    pub(super) method: String,
    pub(super) target: String,
    pub(super) fields: Vec<Field>,
    pub(super) cookies: Vec<Field>,
    pub(super) came: Came,
}

/// For whom a request is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum For {
    /// For all who share the page.
    All,
    /// For this visitor, with all that they sent.
    Visitor,
    /// To find out who the visitor is.
    LookUp,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Came {
    /// An answer, with the fields that decide about caching.
    Answer { status: u16, fields: Vec<Field> },
    /// None.
    Failure { text: String },
}

/// How a stored response is kept.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Kept {
    pub(super) lifetime_secs: u64,
    pub(super) lifetime_from: String,
    pub(super) stale_while_revalidate_secs: Option<u64>,
    pub(super) stale_if_error_secs: Option<u64>,
    /// Request fields whose values have copies of their own.
    pub(super) varies_by: Vec<String>,
}

/// What a visitor got.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Shown {
    pub(super) status: u16,
    pub(super) cache_status: String,
    /// The reason in it, in words.
    pub(super) text: String,
    /// Its fields about caching.
    pub(super) fields: Vec<Field>,
}

impl Display for Live {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, asked) in self.asked.iter().enumerate() {
            let before = self.asked.iter().take(index);
            if let Some(same) = before.into_iter().find(|other| asked.is_as(other)) {
                writeln!(
                    out,
                    "request {}: the application was asked the same as for request {}, and answered the same\n",
                    asked.request, same.request
                )?;
                continue;
            }
            let made_for = match asked.made_for {
                For::All => "for all who share the page",
                For::Visitor => "for this visitor, as it came",
                For::LookUp => "to find out who the visitor is",
            };
            let (method, target) = (&asked.method, &asked.target);
            writeln!(out, "request {}: the application was asked {made_for}", asked.request)?;
            let mut rows = Rows::new();
            rows.push("sent", format!("{method} {target}"));
            rows.list("", asked.fields.iter().map(line));
            if !asked.cookies.is_empty() {
                let cookies: Vec<_> = asked
                    .cookies
                    .iter()
                    .map(|field| format!("{}={}", field.name, field.value))
                    .collect();
                rows.push("", format!("cookie: {}", cookies.join("; ")));
            }
            match &asked.came {
                Came::Answer { status, fields } => {
                    rows.push("came", status.to_string());
                    rows.list("", fields.iter().map(line));
                }
                Came::Failure { text } => rows.push("came", format!("nothing: {text}")),
            }
            writeln!(out, "{rows}")?;
        }
        writeln!(out, "what came of it")?;
        self.outcome().fmt(out)
    }
}

impl Asked {
    /// The same, for another request.
    fn is_as(&self, other: &Self) -> bool {
        *self == Self { request: self.request, ..other.clone() }
    }
}

impl Live {
    fn outcome(&self) -> Rows {
        let mut rows = Rows::new();
        let stored = match (&self.not_stored_because, &self.cut) {
            _ if self.stored => format!("yes, {} bytes", self.body_bytes),
            (Some(because), _) => {
                let clause =
                    because.clause.map(|clause| format!(" ({clause})")).unwrap_or_default();
                format!("no, {}: {}{clause}", because.reason, because.text)
            }
            (None, Some(_)) => "no, only a whole body is".to_owned(),
            (None, None) => "no".to_owned(),
        };
        rows.push("stored", stored);
        if let Some(cut) = &self.cut {
            rows.push("body", format!("{} bytes, then: {cut}", self.body_bytes));
        }
        if let Some(kept) = &self.kept {
            let span = |secs| show_span(Duration::from_secs(secs));
            let mut text = format!("{}, by {}", span(kept.lifetime_secs), kept.lifetime_from);
            for (what, secs) in [
                ("while it is made anew", kept.stale_while_revalidate_secs),
                ("while the application fails", kept.stale_if_error_secs),
            ] {
                if let Some(secs) = secs {
                    text.push_str(&format!("; {} longer {what}", span(secs)));
                }
            }
            rows.push("fresh for", text);
            if !kept.varies_by.is_empty() {
                rows.push("varies by", kept.varies_by.join(", "));
            }
        }
        if let Some(changes) = &self.changes {
            rows.list("to change it", changes.steps.iter().cloned());
            if changes.enough {
                rows.push("", "(tried on this answer: that is enough)");
            }
        }
        let shown = |one: &Shown| format!("{}  {}  ({})", one.status, one.cache_status, one.text);
        rows.push("this request", shown(&self.first));
        rows.list("", self.first.fields.iter().map(line));
        rows.push("the next one", shown(&self.next));
        rows
    }
}

fn line(field: &Field) -> String {
    format!("{}: {}", field.name, field.value)
}
