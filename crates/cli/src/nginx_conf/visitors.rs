//! By what does nginx see that a request is not for a page that all share?
//!
//! Cookies are found as Larder finds them ([`larder_policy::cookies`]), by whole names, or more of them than Larder would: whoever
//! is taken for somebody with a session by mistake is answered by Larder. An expression that nginx can't finish says so, too.

use larder_policy::cookies::CookieNames;
use larder_policy::xhr::Xhr;

use super::quote;

/// nginx takes words of up to 4 KiB.
const WORD_BYTES_MAX: usize = 1500;

/// Space around a cookie's name, as Larder takes it off, and a little more. Never given back: a line of spaces would be gone through
/// once for each of them.
const SPACE: &str = r"[\x00-\x20]*+";

/// How names are compared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Compared {
    /// As written.
    Exactly,
    /// As applications may take them for one another: ASP.NET in any case, PHP with `.` and `[` for `_`.
    Loosely,
}

/// Expressions for the field `Cookie`, quoted and with their `~`, of which one finds any cookie that is listed.
pub(super) fn cookie_expressions(names: &CookieNames, compared: Compared) -> Vec<String> {
    let mut exact = Vec::new();
    let mut wild = Vec::new();
    for name in names.as_slice() {
        match name.split_once('*') {
            None => exact.push(name_expression(name, compared) + SPACE),
            Some((head, tail)) => {
                let (head, tail) =
                    (name_expression(head, compared), name_expression(tail, compared));
                // What stands for any characters takes space in itself.
                let space = if tail.is_empty() { "" } else { SPACE };
                wild.push(format!("{head}[^;=]*{tail}{space}"));
            }
        }
    }
    let folds = if compared == Compared::Loosely { "~*" } else { "~" };
    let mut expressions = chunks(&exact, folds);
    expressions.extend(chunks(&wild, "~"));
    expressions
}

fn chunks(names: &[String], mark: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for name in names {
        match lines.last_mut().filter(|line| line.len() + name.len() < WORD_BYTES_MAX) {
            Some(line) => {
                line.push('|');
                line.push_str(name);
            }
            None => lines.push(name.clone()),
        }
    }
    let whole = |names: String| format!("\"{mark}(?:^|;){SPACE}(?:{names})=\"");
    lines.into_iter().map(whole).collect()
}

fn name_expression(name: &str, compared: Compared) -> String {
    let loosely = |c: char| match c {
        '_' | '.' | ' ' | '[' if compared == Compared::Loosely => r"[_\x2e\x20\x5b]".to_owned(),
        _ => quote::in_expression(c.encode_utf8(&mut [0; 4])),
    };
    name.chars().map(loosely).collect()
}

/// A sign of a script's request: what nginx looks at, and what it then reads.
#[derive(Debug)]
pub(super) struct Sign {
    /// The fields' variables, each after a `-`.
    pub(super) source: String,
    /// What they are, quoted: a text or an expression.
    pub(super) key: String,
}

/// The signs of scripts' requests.
///
/// # Errors
/// A field whose name is none that nginx has a variable for.
pub(super) fn signs(xhr: &Xhr) -> Result<Vec<Sign>, String> {
    let mut signs = Vec::new();
    for sign in xhr.signs.iter().filter(|sign| !sign.0.is_empty()) {
        let mut source = String::new();
        let mut key = Some(String::new());
        for (name, value) in &sign.0 {
            source.push_str(&format!("-${}", variable(name.as_str())?));
            let plain = |text: &&str| text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
            match (value.to_str().ok().filter(plain), &mut key) {
                (Some(text), Some(key)) => key.push_str(&format!("-{text}")),
                _ => key = None,
            }
        }
        // A value that can't be written: whoever has the fields at all is a script.
        let any = || format!("\"~^{}$\"", "-.+".repeat(sign.0.len()));
        signs.push(Sign { source, key: key.map_or_else(any, |key| quote::key(&key)) });
    }
    Ok(signs)
}

/// nginx's variable of a request field.
///
/// # Errors
/// It has none.
pub(super) fn variable(name: &str) -> Result<String, String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.chars().all(is_word) {
        return Ok(format!("http_{}", name.to_ascii_lowercase().replace('-', "_")));
    }
    Err(format!(
        "nginx has no variable for the field `{name}`: name it with letters, digits and `-` only"
    ))
}

#[cfg(test)]
mod tests {
    use larder_policy::identity::IdentityRules;

    use super::*;

    fn names(list: &[&str]) -> CookieNames {
        CookieNames::new(list.iter().map(|&name| name.to_owned()).collect())
    }

    #[test]
    fn names_are_whole_and_those_that_may_mean_one_count() {
        let list = names(&["sessionid", "my_id", "*_auth", "a.b*"]);
        assert_eq!(
            cookie_expressions(&list, Compared::Loosely),
            [
                r#""~*(?:^|;)[\x00-\x20]*+(?:sessionid[\x00-\x20]*+|my[_\x2e\x20\x5b]id[\x00-\x20]*+)=""#,
                r#""~(?:^|;)[\x00-\x20]*+(?:[^;=]*[_\x2e\x20\x5b]auth[\x00-\x20]*+|a[_\x2e\x20\x5b]b[^;=]*)=""#,
            ]
        );
        assert_eq!(
            cookie_expressions(&names(&["a.b"]), Compared::Exactly),
            [r#""~(?:^|;)[\x00-\x20]*+(?:a\.b[\x00-\x20]*+)=""#]
        );
        assert!(cookie_expressions(&names(&[]), Compared::Exactly).is_empty());
    }

    #[test]
    fn the_default_list_fits_nginxs_words() {
        let names = IdentityRules::default().session_cookies;
        for expression in cookie_expressions(&names, Compared::Loosely) {
            assert!(expression.len() < 2 * WORD_BYTES_MAX, "{}", expression.len());
        }
    }

    #[test]
    fn signs_are_read_from_nginxs_variables() {
        let signs = signs(&Xhr::default()).unwrap();
        let expected = [
            ("-$http_x_requested_with", r#""-XMLHttpRequest""#),
            ("-$http_hx_request", r#""-true""#),
            ("-$http_sec_fetch_mode-$http_sec_fetch_dest", r#""-cors-empty""#),
        ];
        let actual: Vec<_> = signs.iter().map(|sign| (&*sign.source, &*sign.key)).collect();
        assert_eq!(actual, expected);
        assert!(variable("x.y").is_err());
    }
}
