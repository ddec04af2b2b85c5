//! Whether a response may have been what its client got, after all that was purged.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::about::Happened;
use crate::application::TOKEN_BYTES;
use crate::record::{Place, Record};

/// A request as its client made it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: &'static str,
    pub(crate) place: Place,
    /// When, among all that happened.
    pub(crate) begun: u64,
    /// Whether it is a GET without anything special.
    pub(crate) is_plain: bool,
    /// The answer that has to be its page.
    pub(crate) expects: Option<usize>,
}

/// What its client got.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The bytes to a clean end, or none when the body broke off.
    pub(crate) body: Option<Bytes>,
}

impl Got {
    /// What Larder says that it did.
    pub(crate) fn told(&self) -> &str {
        let line = self.headers.get_all("cache-status").iter().next_back();
        line.map_or("", |line| line.to_str().unwrap())
    }

    pub(crate) fn is_hit(&self) -> bool {
        self.told().starts_with("larder; hit")
    }

    fn is_stale_hit(&self) -> bool {
        self.is_hit() && self.told().contains("detail=stale")
    }

    /// The answer whose fields it has, if they are the application's at all.
    pub(crate) fn made(&self) -> Option<usize> {
        self.headers.get("x-made")?.to_str().ok()?.parse().ok()
    }

    /// Whose bytes they are: a letter and a number.
    pub(crate) fn source(&self) -> Result<Option<(u8, u64)>, String> {
        let Some(body) = self.body.as_ref().filter(|body| !body.is_empty()) else {
            return Ok(None);
        };
        let is_letter = |byte: &u8| byte.is_ascii_lowercase();
        let start = body.iter().position(is_letter).ok_or("bytes that nobody made")?;
        let token = body.get(start..start + TOKEN_BYTES).ok_or("bytes that nobody made")?;
        let all = token.repeat(body.len() / TOKEN_BYTES + 2);
        let shift = (TOKEN_BYTES - start % TOKEN_BYTES) % TOKEN_BYTES;
        if all.get(shift..shift + body.len()) != Some(&body[..]) {
            return Err("bytes of more than one answer".to_owned());
        }
        let digits = std::str::from_utf8(&token[1..]).unwrap();
        Ok(Some((token[0], digits.parse().unwrap())))
    }
}

/// A request that is over.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) asked: Asked,
    /// The response, or none when Larder had to say itself that there is none.
    pub(crate) got: Option<Got>,
    /// The moment at which the head was there.
    pub(crate) answered: u64,
}

/// All that responses are held against.
pub(crate) struct Judge<'a> {
    pub(crate) records: &'a [Record],
    pub(crate) happened: &'a [Happened],
}

impl Judge<'_> {
    pub(crate) fn of(&self, done: &Done) -> Result<(), String> {
        let asked = &done.asked;
        let Some(got) = &done.got else { return Ok(()) };
        let Some(made) = got.made() else { return Ok(()) };
        let head = &self.records[made];
        if head.place != asked.place {
            return Err("another page's response".to_owned());
        }
        let is_page = asked.method != "POST";
        let sources = self.sources(got)?;
        // Of a body that several answers brought in the same way, the last counts.
        let source = sources.iter().max_by_key(|record| record.sent);
        if source.is_some_and(|source| source.place != asked.place) {
            return Err("another page's bytes".to_owned());
        }
        for purge in self.happened.iter().filter(|purge| purge.over < asked.begun && is_page) {
            let reaches =
                |record: &Record| record.sent < purge.reaches && purge.what.is_about(record);
            let of_source = source.is_some_and(|source| reaches(source));
            if purge.is_hard && (of_source || reaches(head)) {
                return Err(format!("purged before it was asked for, by {purge:?}"));
            }
            // Its bytes may be older than the purge; what confirmed them since may not.
            let is_older = head.sent < purge.reaches;
            if !purge.is_hard && is_older && (of_source || reaches(head)) && !got.is_stale_hit() {
                return Err(format!("as fresh, although purged softly by {purge:?}"));
            }
        }
        let Some(expected) = asked.expects else { return Ok(()) };
        if !got.is_hit() || got.is_stale_hit() || made != expected {
            return Err(format!("the page #{expected} is there and fresh, and was not used"));
        }
        Ok(())
    }

    /// The answers whose bytes these are.
    fn sources(&self, got: &Got) -> Result<Vec<&Record>, String> {
        Ok(match got.source()? {
            None => Vec::new(),
            Some((b'n', number)) => {
                vec![&self.records[usize::try_from(number).unwrap()]]
            }
            Some((_, version)) => self
                .records
                .iter()
                .filter(|record| record.has_bytes() && record.version == version)
                .collect(),
        })
    }
}
