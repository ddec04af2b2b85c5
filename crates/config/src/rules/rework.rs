//! What is made of this rule's pages before they are stored, checked?

use larder_policy::{Rework, Templates};

use super::raw::{At, RawRule};
use crate::problem::Problem;
use crate::suggest::closest;

/// Frameworks that bind a token to a session, by which only they know it.
const BY_SESSION: [&str; 5] = ["rails", "laravel", "spring", "aspnet", "phoenix"];

/// Checks `minify`, `csrf` and `esi`.
pub(crate) fn check(raw: &RawRule, problems: &mut Vec<Problem>) -> Rework {
    let minify = raw.minify.as_ref().is_some_and(|at| at.value);
    let csrf = raw.csrf.as_ref().is_some_and(|at| csrf(at, problems));
    let templates = match raw.esi.as_ref().map(|at| at.value) {
        None => Templates::Said,
        Some(true) => Templates::All,
        Some(false) => Templates::None,
    };
    Rework { minify, csrf, templates }
}

fn csrf(At { value, place }: &At<String>, problems: &mut Vec<Problem>) -> bool {
    if value == "django" {
        return true;
    }
    let (message, hint) = if BY_SESSION.contains(&value.as_str()) {
        (
            format!(
                "tokens of {value} belong to a session, so they can't be made for a stored page"
            ),
            "leave it out: such pages are not stored, and each visitor gets their own".to_owned(),
        )
    } else {
        let known = ["django"].into_iter().chain(BY_SESSION);
        let hint = match closest(value, known) {
            Some("django") => "did you mean \"django\"?".to_owned(),
            Some(_) | None => "there is \"django\" only".to_owned(),
        };
        (format!("{value:?} is no kind of form that can be stored"), hint)
    };
    problems.push(Problem::new(place.clone(), message).hint(hint));
    false
}
