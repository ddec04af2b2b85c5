//! Claims about one response that need no history: whose values are in it, and how it is dressed.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use larder_policy::Share;

use crate::reference as naive;
use crate::said::Record;
use crate::visitors::{Asked, Who};

pub(crate) type Verdict = Result<(), String>;

/// What a visitor got.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// None when it broke off.
    pub(crate) body: Option<Bytes>,
}

/// A response, and the records that it is made of.
pub(crate) struct Case<'a> {
    pub(crate) asked: &'a Asked,
    pub(crate) got: &'a Got,
    pub(crate) head: &'a Record,
    pub(crate) source: &'a Record,
}

pub(crate) fn claim(holds: bool, otherwise: &str) -> Verdict {
    if holds { Ok(()) } else { Err(otherwise.to_owned()) }
}

/// What a fetch for nobody may carry besides fields of the key: what Larder says, signs of scripts, and
/// what this application's pages vary by.
pub(crate) const FILL: [&str; 13] = [
    "host",
    "user-agent",
    "surrogate-capability",
    "larder-identity",
    "cookie",
    "if-none-match",
    "accept-language",
    "x-country",
    "x-tag",
    "x-requested-with",
    "hx-request",
    "sec-fetch-mode",
    "sec-fetch-dest",
];

/// A body that breaks off is not kept. Those who ask meanwhile see it break off, unless they need no body.
pub(crate) fn is_whole(case: &Case<'_>, record: &Record) -> Verdict {
    let Case { asked, got, .. } = case;
    let needs_none = record.at >= asked.at && got.body.as_ref().is_none_or(Bytes::is_empty);
    claim(!record.breaks_off || needs_none, "a body that broke off was kept")
}

/// Values of visitors carry their number.
pub(crate) fn no_tags_of_others(asked: &Asked, got: &Got) -> Verdict {
    let own = format!("{}.", asked.visitor);
    let is_own = |bytes: &[u8]| {
        // Between two `~` is a tag; what is between tags has no point.
        let pieces = bytes.split(|byte| *byte == b'~').skip(1).step_by(2);
        pieces.into_iter().all(|piece| piece.starts_with(own.as_bytes()))
    };
    let fields = got.headers.values().all(|value| is_own(value.as_bytes()));
    let body = got.body.as_deref().is_none_or(is_own);
    claim(fields && body, "LEAK: another visitor's value")
}

/// All that the application was sent for a page is the visitor's own.
pub(crate) fn shows_only(record: &Record, asked: &Asked, who: &Who) -> Verdict {
    for cookie in &record.cookies {
        claim(asked.cookies.contains(cookie), "LEAK: another visitor's cookie")?;
    }
    for (name, value) in &record.fields {
        let is_larders = match name.as_str() {
            "host" => value == asked.host,
            "user-agent" => value == "Larder",
            "surrogate-capability" | "larder-identity" | "cookie" => true,
            "if-none-match" => value.as_bytes().starts_with(b"\"e"),
            _ => false,
        };
        let is_own = is_larders
            || asked.headers.get_all(name).iter().any(|own| own == value)
            || naive::normal(name.as_str(), &record.fields)
                == naive::normal(name.as_str(), &asked.headers)
            || name == "accept-language" && is_wanted(record, asked);
        claim(is_own, "LEAK: another visitor's field")?;
    }
    let pairs = |target: &str| {
        let query = target.split_once('?').map_or("", |(_, query)| query).to_owned();
        query.split('&').map(str::to_owned).collect::<Vec<_>>()
    };
    let own = pairs(&asked.target);
    let all_own = pairs(&record.target).iter().all(|pair| pair.is_empty() || own.contains(pair));
    claim(all_own, "LEAK: another visitor's parameter")?;
    let Some(told) = &record.told else { return Ok(()) };
    let same = |told: &Option<String>, own: Option<&str>| told.is_none() || told.as_deref() == own;
    claim(same(&told.class, Some(who.class)), "LEAK: another visitor's class")?;
    claim(same(&told.user, who.user), "LEAK: another visitor's user")?;
    claim(same(&told.segment, who.segment), "LEAK: another visitor's segment")
}

/// RFC 9111 §4.1, last item: a page in the language that the visitor wants most.
pub(crate) fn is_wanted(record: &Record, asked: &Asked) -> bool {
    let wanted = naive::normal("accept-language", &asked.headers);
    let best = wanted.as_deref().and_then(|line| line.split(',').next());
    record.said.content_language.is_some() && best == record.said.content_language
}

/// The application was told exactly for whom the page is.
pub(crate) fn is_told(record: &Record, who: &Who) -> Verdict {
    let told = record.told.clone().unwrap_or_default();
    let same = told.class.as_deref().unwrap_or_default() == who.class
        && told.user.as_deref() == who.user
        && told.segment.as_deref() == who.segment;
    claim(same, "a page that was made for another identity")
}

/// RFC 9111 §4.1: what `Vary` names is the same in both requests.
pub(crate) fn fits(head: &Record, source: &Record, asked: &Asked, keyed: &[String]) -> Verdict {
    for name in head.said.vary.iter().map(|name| name.to_lowercase()) {
        if ["host", "larder-identity"].contains(&name.as_str()) || keyed.contains(&name) {
            continue;
        }
        let value = |record: &Record| {
            naive::normal(&name, &record.fields).filter(|value| value != "Larder")
        };
        let ours = naive::normal(&name, &asked.headers);
        let same = value(head) == ours && value(source) == ours;
        let wanted = name == "accept-language" && is_wanted(head, asked);
        claim(same || wanted, "a page for other request fields")?;
    }
    Ok(())
}

pub(crate) fn is_never(headers: &HeaderMap) -> Verdict {
    let is = |name: &str, value: &str| {
        headers.get_all(name).iter().map(http::HeaderValue::as_bytes).eq([value.as_bytes()])
    };
    let exact = is("cache-control", "no-cache, no-store, must-revalidate")
        && is("pragma", "no-cache")
        && is("expires", "0");
    claim(exact, "it does not say that nobody may store it")
}

/// What others on the way may do with a page of an audience.
pub(crate) fn is_dressed(share: &Share, got: &Got) -> Verdict {
    let line = got.headers.get("cache-control").map_or(&b""[..], |line| line.as_bytes());
    let line = String::from_utf8_lossy(line).into_owned();
    let everybody =
        share.audience.is_everybody() || got.status == StatusCode::RANGE_NOT_SATISFIABLE;
    let private =
        line.contains("private") && !line.contains("public") && !line.contains("s-maxage");
    claim(everybody || private, "others on the way may keep it")?;
    let vary = got.headers.get_all("vary").iter().any(|line| {
        String::from_utf8_lossy(line.as_bytes()).to_lowercase().contains("larder-identity")
    });
    claim(!vary, "Vary names an internal field")
}

/// The bytes that a response with this head has to have.
pub(crate) fn expected(case: &Case<'_>) -> Option<Bytes> {
    let Case { asked, got, source, .. } = case;
    if asked.method == Method::HEAD || [304, 416].contains(&got.status.as_u16()) {
        return Some(Bytes::new());
    }
    let range = got.headers.get("content-range").and_then(|line| line.to_str().ok());
    let window =
        range.and_then(|line| line.strip_prefix("bytes ")?.split('/').next()?.split_once('-'));
    match window.filter(|_| got.status == StatusCode::PARTIAL_CONTENT) {
        Some((first, last)) => {
            let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
            (last < source.body.len()).then(|| source.body.slice(first..=last))
        }
        None => Some(source.body.clone()),
    }
}
