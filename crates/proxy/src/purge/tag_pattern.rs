//! Which tags does an expression mean? Content management systems that speak to Varnish write a page's tags into one field and
//! match that by expressions which only look for whole tags: `(^|,)(a|b)(,|$)`, or one such for each tag, joined by `|`.
//!
//! Those are read as what they mean, and looked up. An expression over parts of tags can't be: only hashes of tags are kept.

/// What a field names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// These tags.
    Tags(Vec<Box<str>>),
    /// Every page, tagged or not.
    All,
}

/// The text is neither a list of tags nor an expression for whole tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotWhole;

/// Reads the value of a field. Lists are between commas, spaces and `|`.
pub(super) fn read(text: &str) -> Result<Named, NotWhole> {
    let text = text.trim();
    if matches!(text, ".*" | ".+" | "^.*$" | "^.+$" | "*") {
        return Ok(Named::All);
    }
    if text.contains(".*") || text.contains(".+") {
        return Err(NotWhole);
    }
    let mut tags = Vec::new();
    if text.contains(['(', ')', '^', '$', '[', '\\']) {
        expression(text, false, &mut tags, 0)?;
    } else {
        let each = text.split([',', ' ', '\t', '|']).filter(|tag| !tag.is_empty());
        tags.extend(each.map(Into::into));
    }
    Ok(Named::Tags(tags))
}

/// Groups in groups; nobody's honest expression has more than three.
const DEPTH_MAX: usize = 8;

/// Reads alternatives. `is_whole`: something around them says that they are whole tags.
fn expression(
    text: &str,
    is_whole: bool,
    tags: &mut Vec<Box<str>>,
    depth: usize,
) -> Result<(), NotWhole> {
    if depth > DEPTH_MAX {
        return Err(NotWhole);
    }
    for alternative in alternatives(text) {
        let (inner, begins) = without_begin(alternative);
        let (inner, ends) = without_end(inner);
        let is_whole = is_whole || (begins && ends);
        if let Some(inner) = group(inner) {
            expression(inner, is_whole, tags, depth + 1)?;
        } else if is_whole {
            tags.push(literal(inner).ok_or(NotWhole)?);
        } else {
            return Err(NotWhole);
        }
    }
    Ok(())
}

/// The parts between those `|` that are in no group.
fn alternatives(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        match top_level(text).find(|(_, byte)| *byte == b'|') {
            Some((at, _)) => {
                rest = text.get(at + 1..);
                text.get(..at)
            }
            None => rest.take(),
        }
    })
}

/// The bytes that are in no group or class and not escaped, with their places. A group's brackets are not among them.
fn top_level(text: &str) -> impl Iterator<Item = (usize, u8)> {
    let (mut depth, mut in_class, mut is_escaped) = (0_usize, false, false);
    text.bytes().enumerate().filter(move |(_, byte)| {
        if std::mem::take(&mut is_escaped) {
            return false;
        }
        match byte {
            b'\\' => is_escaped = true,
            b']' => in_class = false,
            _ if in_class => {}
            b'[' => in_class = true,
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ => return depth == 0,
        }
        false
    })
}

/// The inside, if all of it is one group.
fn group(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('(')?.strip_suffix(')')?;
    let end = group_end(text)?;
    (end == text.len()).then(|| inner.strip_prefix("?:").unwrap_or(inner))
}

/// Where the group ends that the text begins with.
fn group_end(text: &str) -> Option<usize> {
    let (mut depth, mut in_class, mut is_escaped) = (0_usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        if std::mem::take(&mut is_escaped) {
            continue;
        }
        match byte {
            b'\\' => is_escaped = true,
            b']' => in_class = false,
            _ if in_class => {}
            b'[' => in_class = true,
            b'(' => depth += 1,
            b')' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return (byte == b')').then_some(at + 1);
        }
    }
    None
}

/// Whether a group is a border between tags: nothing but the end that `anchor` is, and separators.
fn is_border(group: &str, anchor: &str) -> bool {
    let inner = group.strip_prefix('(').and_then(|text| text.strip_suffix(')')).unwrap_or_default();
    let inner = inner.strip_prefix("?:").unwrap_or(inner);
    let is_separator = |text: &str| {
        matches!(text, "," | " " | "\\s" | "\\," | "\\|" | "[ ,]" | "[, ]" | "[\\s,]" | "[,\\s]")
    };
    inner.split('|').any(|part| part == anchor)
        && inner.split('|').all(|part| part == anchor || is_separator(part))
}

fn without_begin(text: &str) -> (&str, bool) {
    if let Some(rest) = text.strip_prefix('^') {
        return (rest, true);
    }
    let border = group_end(text).and_then(|end| text.split_at_checked(end));
    match border {
        Some((border, rest)) if is_border(border, "^") => (rest, true),
        _ => (text, false),
    }
}

fn without_end(text: &str) -> (&str, bool) {
    if let Some(rest) = text.strip_suffix('$').filter(|rest| !rest.ends_with('\\')) {
        return (rest, true);
    }
    let border = text.rfind('(').and_then(|at| text.split_at_checked(at));
    match border {
        Some((rest, border)) if is_border(border, "$") => (rest, true),
        _ => (text, false),
    }
}

/// A text in which nothing but escapes means something to expressions.
fn literal(text: &str) -> Option<Box<str>> {
    let mut tag = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(char) = rest.next() {
        match char {
            '\\' => {
                // A letter after it would be a class, not itself.
                tag.push(rest.next().filter(|escaped| !escaped.is_ascii_alphanumeric())?);
            }
            // A dot that somebody forgot to escape fits itself; `?` and the others change what is before them.
            '(' | ')' | '[' | ']' | '{' | '}' | '*' | '+' | '?' | '^' | '$' | '|' | ',' | ' ' => {
                return None;
            }
            char => tag.push(char),
        }
    }
    (!tag.is_empty()).then(|| tag.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_for_whole_tags_are_lists_of_tags() {
        let cases: [(&str, &[&str]); 14] = [
            ("a", &["a"]),
            ("a,b c|d", &["a", "b", "c", "d"]),
            ("node:1 node_list", &["node:1", "node_list"]),
            ("(^|,)(a|b)(,|$)", &["a", "b"]),
            ("(^|,)(post\\-12|term\\:3)(,|$)", &["post-12", "term:3"]),
            ("(^|,)(?:a|b)(,|$)", &["a", "b"]),
            ("(^|,)p-12(,|$)", &["p-12"]),
            ("((^|,)cat_p_1(,|$))", &["cat_p_1"]),
            ("((^|,)cat_p_1(,|$))|((^|,)cat_p_2(,|$))", &["cat_p_1", "cat_p_2"]),
            ("(^|,)a(,|$)|(^|,)b(,|$)", &["a", "b"]),
            ("(^| )a( |$)", &["a"]),
            ("(^|[ ,])a([ ,]|$)", &["a"]),
            ("^a$", &["a"]),
            ("", &[]),
        ];
        for (text, tags) in cases {
            let tags = tags.iter().map(|tag| (*tag).into()).collect();
            assert_eq!(read(text), Ok(Named::Tags(tags)), "{text}");
        }
        for text in [".*", "^.*$", "*"] {
            assert_eq!(read(text), Ok(Named::All), "{text}");
        }
    }

    #[test]
    fn expressions_for_parts_of_tags_are_not() {
        let cases = [
            "cat_p_.*",
            "(^|,)cat_p_[0-9]+(,|$)",
            "(a|b)",
            "(^|,)a",
            "a(,|$)",
            "(^|,)a?(,|$)",
            "(^|,)(a|)(,|$)",
            "(^|,)\\d(,|$)",
            "(^|,)(a(,|$)",
            "((((((((((((^|,)a(,|$)))))))))))))",
            "(",
            ")",
            "\\",
            "[",
            "(^|x)a(,|$)",
        ];
        for text in cases {
            assert_eq!(read(text), Err(NotWhole), "{text}");
        }
    }
}
