//! What shows only when all rules are looked at together?

use std::collections::BTreeSet;

use larder_policy::Rule;
use larder_policy::rule::{Unreachable, unreachable_rules};

use super::audience::Audiences;
use super::raw::Entries;
use crate::limits::RULES_MAX;
use crate::lines::Lines;
use crate::problem::{Place, Problem};

/// Audiences that no rule names.
pub(crate) fn unused_audiences(
    entries: &Entries,
    audiences: &Audiences,
    problems: &mut Vec<Problem>,
) {
    let used: BTreeSet<&str> = entries
        .rules
        .iter()
        .filter_map(|rule| rule.audience.as_ref())
        .map(|at| at.value.as_str())
        .collect();
    for audience in &entries.audiences {
        if audiences.is_sound(&audience.name) && !used.contains(audience.name.as_str()) {
            let message = format!("no rule is for the audience {}", audience.name.escape_debug());
            let problem = Problem::warning(audience.place.clone(), message);
            problems.push(problem.hint("leave it out, or name it in a rule"));
        }
    }
}

/// More rules than are sensible.
pub(crate) fn too_many(entries: &Entries, problems: &mut Vec<Problem>) {
    if let Some(rule) = entries.rules.get(RULES_MAX) {
        let message = format!("{} rules are too many", entries.rules.len());
        let hint = format!("at most {RULES_MAX}; one expression can stand for many paths");
        problems.push(Problem::new(rule.place.clone(), message).hint(hint));
    }
}

/// Rules that no request comes to. `places` are the rules' headers.
pub(crate) fn unreachable(
    rules: &[Rule],
    places: &[Place],
    lines: &Lines<'_>,
    problems: &mut Vec<Problem>,
) {
    for (id, why) in unreachable_rules(rules) {
        let Some(place) = place_of(places, id.0) else { continue };
        let (message, hint) = match why {
            Unreachable::Behind(earlier) => {
                let line = match place_of(places, earlier.0) {
                    Some(Place::Span(span)) => lines.of_byte(span.start).0,
                    Some(Place::Argument(_) | Place::Whole) | None => continue,
                };
                let message =
                    format!("no request comes to this rule: the one in line {line} takes them all");
                (message, "the first rule that matches wins: put the narrower one first")
            }
            Unreachable::Never => (
                "this rule matches nothing: every path begins with /".to_owned(),
                "write the expression from the start of the path, as in \"^/blog/\"",
            ),
        };
        problems.push(Problem::warning(place.clone(), message).hint(hint));
    }
}

fn place_of(places: &[Place], id: u32) -> Option<&Place> {
    places.get(usize::try_from(id).ok()?)
}
