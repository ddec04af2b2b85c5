//! What does an order to fetch pages in advance ask for? JSON, read strictly.

use serde_json::{Map, Value};

use super::wish::Wish;
use crate::limits::{WARM_WAITED_FOR_MAX, WARMED_AT_ONCE_MAX};

/// An order.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) wishes: Vec<Wish>,
    /// Whether the answer waits until all were fetched.
    pub(crate) waits: bool,
}

const MEMBERS: [&str; 5] = ["url", "urls", "renew", "publish", "wait"];

/// Reads an order; or says what is wrong with it, and what to write.
pub(crate) fn read(body: &[u8]) -> Result<Asked, String> {
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        format!("the body is not JSON: {error}; as in {{\"url\": \"https://example.com/\"}}")
    })?;
    let Value::Object(members) = value else {
        return Err("the body is not an object; as in {\"url\": \"https://example.com/\"}".into());
    };
    if let Some(other) = members.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
        return Err(format!("`{other}` is no member here; there are {}", MEMBERS.join(", ")));
    }
    let renew = switch(&members, "renew")?.unwrap_or(false);
    let publish = switch(&members, "publish")?.unwrap_or(false);
    let urls = urls(&members)?;
    let wishes = urls.iter().map(|url| Ok(Wish::of(url)?.anew(renew).published(publish)));
    let wishes: Vec<Wish> = wishes.collect::<Result<_, String>>()?;
    let can_wait = wishes.len() <= WARM_WAITED_FOR_MAX;
    let waits = switch(&members, "wait")?;
    if waits == Some(true) && !can_wait {
        return Err(format!(
            "{} pages are not waited for: send {WARM_WAITED_FOR_MAX} at once, or leave `wait` out",
            wishes.len()
        ));
    }
    Ok(Asked { wishes, waits: waits.unwrap_or(can_wait) })
}

fn urls(members: &Map<String, Value>) -> Result<Vec<&str>, String> {
    match (members.get("url"), members.get("urls")) {
        (Some(Value::String(url)), None) => Ok(vec![url]),
        (Some(_), None) => Err("`url` is not a text".into()),
        (Some(_), Some(_)) => Err("`url` and `urls` are two orders: send one of them".into()),
        (None, None) => Err("nothing says what to fetch: `url` or `urls`".into()),
        (None, Some(Value::Array(list))) => {
            if list.is_empty() {
                return Err("`urls` is empty".into());
            }
            if list.len() > WARMED_AT_ONCE_MAX {
                return Err(format!(
                    "`urls` has {} elements: at most {WARMED_AT_ONCE_MAX} at once",
                    list.len()
                ));
            }
            if !list.iter().all(Value::is_string) {
                return Err("`urls` is a list of texts".into());
            }
            Ok(list.iter().filter_map(Value::as_str).collect())
        }
        (None, Some(_)) => Err("`urls` is not a list".into()),
    }
}

fn switch(members: &Map<String, Value>, name: &str) -> Result<Option<bool>, String> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::Bool(value)) => Ok(Some(*value)),
        Some(other) => Err(format!("`{name}` is {other}: true or false")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked(order: &Value) -> Result<(usize, bool, bool), String> {
        let asked = read(order.to_string().as_bytes())?;
        let renews = asked.wishes.iter().all(|wish| wish.renew);
        Ok((asked.wishes.len(), renews, asked.waits))
    }

    #[test]
    fn a_few_are_waited_for_and_many_are_not() {
        let many = |count: usize| vec!["http://a/"; count];
        let cases = [
            (json!({"url": "http://a/"}), (1, false, true)),
            (json!({"url": "http://a/", "wait": false, "renew": true}), (1, true, false)),
            (json!({"urls": many(WARM_WAITED_FOR_MAX)}), (WARM_WAITED_FOR_MAX, false, true)),
            (
                json!({"urls": many(WARM_WAITED_FOR_MAX + 1)}),
                (WARM_WAITED_FOR_MAX + 1, false, false),
            ),
        ];
        for (order, expected) in cases {
            assert_eq!(asked(&order), Ok(expected), "{order}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        let cases = [
            (json!([]), "not an object"),
            (json!({}), "`url` or `urls`"),
            (json!({"url": 1}), "not a text"),
            (json!({"url": "/a"}), "whole URL"),
            (json!({"url": "http://a/", "urls": []}), "two orders"),
            (json!({"urls": []}), "empty"),
            (json!({"urls": [1]}), "list of texts"),
            (json!({"urls": "http://a/"}), "not a list"),
            (json!({"urls": vec!["http://a/"; WARMED_AT_ONCE_MAX + 1]}), "at most"),
            (json!({"urls": vec!["http://a/"; 100], "wait": true}), "not waited for"),
            (json!({"url": "http://a/", "renew": 1}), "true or false"),
            (json!({"url": "http://a/", "soft": true}), "`soft` is no member"),
        ];
        for (order, part) in cases {
            let said = asked(&order).expect_err("nonsense");
            assert!(said.contains(part), "{order}: {said}");
        }
    }
}
