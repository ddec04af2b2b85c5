//! How do names and expressions of the file become the policy's own types?
//!
//! The policy's constructors say what is wrong in their own way; here it becomes a [`Fault`].

use larder_policy::query::{Query, names};
use larder_policy::rule::HostPattern;
use larder_policy::xhr::Sign;
use larder_policy::{Action, Audience, Part};

use crate::parse::Fault;

pub(crate) fn host(source: &str) -> Result<HostPattern, Fault> {
    HostPattern::parse(source)
        .map_err(|error| Fault::new(format!("{source:?}: {}", error.message), error.hint))
}

/// Fields with their values, joined by commas.
pub(crate) fn sign(text: &str) -> Result<Sign, Fault> {
    Sign::parse(text).map_err(|message| Fault::new(message, "as in \"HX-Request: true\""))
}

/// What counts of a query. The lists have been checked; one that is wrong ignores nothing.
pub(super) fn query(ignore: &[String], keep: Option<&[String]>, sort: bool) -> Query {
    let keep = keep.and_then(|keep| names(keep).ok());
    Query { ignore: names(ignore).unwrap_or_default(), keep, sort, ..Query::default() }
}

/// The same under an action: what its audience tells pages apart by always counts.
pub(super) fn query_under(action: &Action, query: Query) -> Query {
    let Action::Share(share) = action else { return query };
    let Audience::Custom { parts, .. } = &share.audience else { return query };
    let named = parts.iter().filter_map(|part| match part {
        Part::Query(name) => Some(name.clone()),
        Part::Cookie(_) | Part::Header(_) | Part::Class | Part::User | Part::Segment => None,
    });
    query.exempting(&named.collect::<Vec<_>>())
}
