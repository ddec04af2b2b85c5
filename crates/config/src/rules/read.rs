//! What do the tables `rule` and `audience` of a file hold?
//!
//! The walk over them: types are checked, unknown keys reported, nothing is judged.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::raw::{At, RawAudience, RawRule, Texts};
use super::table::{AUDIENCE_OPTIONS, RULE_OPTIONS, RuleKind, RuleOption};
use crate::file::given;
use crate::options;
use crate::parse::{Expected, Fault, duration, switch, text, wrong_type};
use crate::problem::{Place, Problem};
use crate::suggest::closest;
use crate::value::{Given, Value};

/// The value of the key `rule`.
pub(crate) fn read_rules(
    value: &Spanned<DeValue<'_>>,
    problems: &mut Vec<Problem>,
) -> Vec<RawRule> {
    let wrong = |place| Problem::new(place, "rules are a list").hint("write [[rule]] above each");
    let DeValue::Array(list) = value.get_ref() else {
        problems.push(wrong(Place::Span(value.span())));
        return Vec::new();
    };
    let mut rules = Vec::with_capacity(list.len());
    for element in list.iter() {
        let place = Place::Span(element.span());
        let DeValue::Table(table) = element.get_ref() else {
            problems.push(wrong(place));
            continue;
        };
        let mut rule = RawRule::new(place);
        let before = problems.len();
        read_rule("", table, &mut rule, problems);
        rule.faulty = problems.len() > before;
        rules.push(rule);
    }
    rules
}

/// The keys of one rule below `section`, which is empty or `danger`.
fn read_rule(section: &str, table: &DeTable<'_>, rule: &mut RawRule, problems: &mut Vec<Problem>) {
    for (key, value) in table {
        let name: &str = key.get_ref();
        let path = if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") };
        match (RULE_OPTIONS.iter().find(|option| option.key == path), value.get_ref()) {
            (Some(option), _) => {
                rule.keys.push((option, Place::Span(key.span())));
                set(option, &given(value), rule, problems);
            }
            (None, DeValue::Table(inner)) if path == "danger" => {
                read_rule("danger", inner, rule, problems);
            }
            (None, _) => problems.push(unknown_in_rule(&path, Place::Span(key.span()))),
        }
    }
}

/// The value of the key `audience`.
pub(crate) fn read_audiences(
    value: &Spanned<DeValue<'_>>,
    problems: &mut Vec<Problem>,
) -> Vec<RawAudience> {
    const HINT: &str = "write [audience.NAME], and below it key = [\"cookie:theme\"]";
    let DeValue::Table(table) = value.get_ref() else {
        let problem = Problem::new(Place::Span(value.span()), "audiences are tables with a name");
        problems.push(problem.hint(HINT));
        return Vec::new();
    };
    let mut audiences = Vec::with_capacity(table.len());
    for (name, value) in table {
        let place = Place::Span(name.span());
        let mut audience =
            RawAudience { name: name.get_ref().to_string(), place, faulty: false, key: None };
        let before = problems.len();
        if let DeValue::Table(table) = value.get_ref() {
            read_audience(table, &mut audience, problems);
        } else {
            let message = format!("`audience.{}` is not a table", audience.name.escape_debug());
            problems.push(Problem::new(audience.place.clone(), message).hint(HINT));
        }
        audience.faulty = problems.len() > before;
        audiences.push(audience);
    }
    audiences
}

fn read_audience(table: &DeTable<'_>, audience: &mut RawAudience, problems: &mut Vec<Problem>) {
    for (key, value) in table {
        let name: &str = key.get_ref();
        if let Some(option) = AUDIENCE_OPTIONS.iter().find(|option| option.key == name) {
            *(option.place)(audience) = texts(&option.expected(), &given(value), problems);
        } else {
            let message = format!("unknown option `{}` of an audience", name.escape_debug());
            let problem = Problem::new(Place::Span(key.span()), message);
            problems.push(problem.hint("an audience has `key`, what tells its pages apart"));
        }
    }
}

/// Puts a value in its place in the rule.
fn set(option: &RuleOption, given: &Given, rule: &mut RawRule, problems: &mut Vec<Problem>) {
    let expected = option.expected();
    match option.kind {
        RuleKind::Text(place) => {
            *place(rule) =
                single(given, problems, |value| text(&expected, value).map(str::to_owned));
        }
        RuleKind::Duration(place) => {
            *place(rule) = single(given, problems, |value| duration(&expected, value));
        }
        RuleKind::Switch(place) => {
            *place(rule) = single(given, problems, |value| switch(&expected, value));
        }
        RuleKind::Texts(place) => *place(rule) = texts(&expected, given, problems),
        RuleKind::Numbers(place) => {
            *place(rule) = list(given, problems, |value| match value {
                Value::Integer(number) => Ok(*number),
                Value::Text(_) | Value::Bool(_) | Value::List(_) | Value::Other(_) => {
                    Err(wrong_type(&expected, value))
                }
            });
        }
    }
}

/// One value, unless it is wrong.
pub(crate) fn single<T>(
    given: &Given,
    problems: &mut Vec<Problem>,
    parse: impl Fn(&Value) -> Result<T, Fault>,
) -> Option<At<T>> {
    let place = given.place.clone();
    match parse(&given.value) {
        Ok(value) => Some(At { value, place }),
        Err(fault) => {
            problems.push(fault.at(&place));
            None
        }
    }
}

/// All elements, or nothing if one of them is wrong.
fn list<T>(
    given: &Given,
    problems: &mut Vec<Problem>,
    parse: impl Fn(&Value) -> Result<T, Fault>,
) -> Option<At<Vec<At<T>>>> {
    let elements = given.elements();
    let good: Vec<At<T>> =
        elements.iter().filter_map(|element| single(element, problems, &parse)).collect();
    (good.len() == elements.len()).then(|| At { value: good, place: given.place.clone() })
}

/// Texts, unless one of them is none.
pub(crate) fn texts(
    expected: &Expected,
    given: &Given,
    problems: &mut Vec<Problem>,
) -> Option<Texts> {
    list(given, problems, |value| text(expected, value).map(str::to_owned))
}

/// The problem of a key that no rule has.
fn unknown_in_rule(path: &str, place: Place) -> Problem {
    let shown = path.escape_debug();
    let problem = Problem::new(place, format!("unknown option `{shown}` of a rule"));
    let keys = RULE_OPTIONS.iter().map(|option| option.key);
    if options::find(path).is_some() || options::is_section(path) {
        return problem
            .hint(format!("`{path}` is for the whole site: it stands above the first [[rule]]"));
    }
    match closest(path, keys) {
        Some(known) => problem.hint(format!("did you mean `{known}`?")),
        None => problem.hint("docs/configuration.md lists what a rule may say"),
    }
}
