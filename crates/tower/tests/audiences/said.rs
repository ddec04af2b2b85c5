//! What the application answered: all that it was sent, and what it said of its page.

use bytes::Bytes;
use http::header::HeaderMap;
use http::{Method, Response};
use larder_testkit::http_date;

use crate::application::{AppBody, text};
use crate::random::Random;

/// What it says of a page.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "a directive each")]
pub(crate) struct Said {
    pub(crate) max_age: Option<u64>,
    pub(crate) s_maxage: Option<u64>,
    pub(crate) expires: Option<u64>,
    /// `CDN-Cache-Control`.
    pub(crate) targeted: Option<u64>,
    pub(crate) swr: Option<u64>,
    pub(crate) sie: Option<u64>,
    pub(crate) public: bool,
    pub(crate) private: bool,
    pub(crate) no_store: bool,
    pub(crate) no_cache: bool,
    pub(crate) must_revalidate: bool,
    pub(crate) age: u64,
    pub(crate) vary: Vec<&'static str>,
    pub(crate) set_cookie: Vec<&'static str>,
    pub(crate) etag: Option<String>,
    pub(crate) content_type: &'static str,
    pub(crate) content_language: Option<&'static str>,
}

/// What `Larder-Identity` told it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) class: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) segment: Option<String>,
}

/// One answer. Its number is its place in the list, its `x-made` and the beginning of its body.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) number: usize,
    /// The site in force.
    pub(crate) site: usize,
    pub(crate) host: String,
    pub(crate) target: String,
    pub(crate) method: Method,
    pub(crate) cookies: Vec<(String, String)>,
    pub(crate) fields: HeaderMap,
    /// The visitor's request that it was sent, if it was sent one.
    pub(crate) req: Option<u64>,
    pub(crate) told: Option<Told>,
    pub(crate) said: Said,
    pub(crate) status: u16,
    pub(crate) body: Bytes,
    pub(crate) at: u64,
    pub(crate) disconnects: bool,
    pub(crate) breaks_off: bool,
    pub(crate) location: Option<String>,
}

impl Record {
    /// The status of what it speaks of: only what is a 200 has a tag here.
    pub(crate) fn represents(&self) -> u16 {
        if self.status == 304 { 200 } else { self.status }
    }

    pub(crate) fn response(&self) -> Response<AppBody> {
        let said = &self.said;
        let empty = self.status == 304 || self.method == Method::HEAD;
        let rest = if empty { Bytes::new() } else { self.body.clone() };
        let rest = if self.breaks_off { rest.slice(..rest.len() / 2) } else { rest };
        let rest = Some(rest).filter(|rest| !rest.is_empty());
        let mut response = Response::new(AppBody { rest, breaks_off: self.breaks_off });
        *response.status_mut() = self.status.try_into().unwrap();
        let headers = response.headers_mut();
        let mut put = |name: &'static str, value: String| {
            headers.append(name, value.parse().unwrap());
        };
        put("x-made", self.number.to_string());
        put("cache-control", said.cache_control());
        put("content-type", said.content_type.to_owned());
        let saw = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
        put("x-saw", saw.collect::<Vec<_>>().join("; "));
        put("x-saw-tag", text(&self.fields, "x-tag"));
        if let Some(told) = &self.told {
            put("x-told", format!("{told:?}"));
        }
        if !said.vary.is_empty() {
            put("vary", said.vary.join(", "));
        }
        if let Some(secs) = said.expires {
            put("expires", http_date::write(self.at + secs));
        }
        if let Some(secs) = said.targeted {
            put("cdn-cache-control", format!("max-age={secs}"));
        }
        if said.age > 0 {
            put("age", said.age.to_string());
        }
        if let Some(tag) = &said.etag {
            put("etag", tag.clone());
        }
        if let Some(language) = said.content_language {
            put("content-language", language.to_owned());
        }
        for name in &said.set_cookie {
            put("set-cookie", format!("{name}=of{}", self.number));
        }
        if let Some(location) = &self.location {
            put("location", location.clone());
        }
        response
    }
}

impl Said {
    /// Whatever an application may say; `well`: what a careful one says of a page that may be shared.
    pub(crate) fn any(random: &mut Random, well: bool) -> Self {
        let lasts =
            |random: &mut Random, one_in, bound| random.one_in(one_in).then(|| random.below(bound));
        let rarely = |random: &mut Random, one_in| !well && random.one_in(one_in);
        let mut said = Self {
            max_age: lasts(random, 2, 30),
            s_maxage: lasts(random, 6, 30),
            expires: lasts(random, 8, 30),
            targeted: lasts(random, 20, 30),
            swr: lasts(random, 6, 12),
            sie: lasts(random, 6, 60),
            public: random.one_in(3),
            private: rarely(random, 14),
            no_store: rarely(random, 20),
            no_cache: rarely(random, 14),
            must_revalidate: random.one_in(12),
            age: if random.one_in(12) { random.below(6) } else { 0 },
            vary: Vec::new(),
            set_cookie: Vec::new(),
            etag: random.one_in(2).then(String::new),
            content_type: if random.one_in(5) {
                "application/json"
            } else {
                "text/html; charset=utf-8"
            },
            content_language: if random.one_in(16) {
                Some(random.one_of(&["de", "en"]))
            } else {
                None
            },
        };
        if well || !random.one_in(6) {
            said.vary.push("Larder-Identity");
        }
        for name in ["Accept-Language", "X-Country", "User-Agent", "X-Tag", "Cookie", "Host"] {
            if random.one_in(6) {
                said.vary.push(name);
            }
        }
        if rarely(random, 30) {
            said.vary.push(random.one_of(&["*", "X-Forwarded-For"]));
        }
        if rarely(random, 10) {
            said.set_cookie.push(random.one_of(&["csrftoken", "sessionid", "csrftoken"]));
        }
        said
    }

    /// The names of a page's fields depend on its path alone, so that a 304 and the answer to a HEAD replace all that a 200 said.
    pub(crate) fn complete(&mut self, of_path: &mut Random) {
        let mut always = |one_in, value: Option<u64>| {
            let there = of_path.one_in(one_in);
            there.then(|| value.unwrap_or(20))
        };
        self.expires = always(8, self.expires);
        self.targeted = always(20, self.targeted);
        self.content_language = always(16, None).map(|_| self.content_language.unwrap_or("en"));
        if self.vary.is_empty() {
            // Says nothing that is not in every key.
            self.vary.push("Host");
        }
    }

    fn cache_control(&self) -> String {
        let mut all = vec!["x-none".to_owned()];
        let numbers = [
            ("max-age", self.max_age),
            ("s-maxage", self.s_maxage),
            ("stale-while-revalidate", self.swr),
            ("stale-if-error", self.sie),
        ];
        all.extend(
            numbers.iter().filter_map(|(name, secs)| secs.map(|secs| format!("{name}={secs}"))),
        );
        let words = [
            ("public", self.public),
            ("private", self.private),
            ("no-store", self.no_store),
            ("no-cache", self.no_cache),
            ("must-revalidate", self.must_revalidate),
        ];
        all.extend(words.iter().filter(|(_, said)| *said).map(|(name, _)| (*name).to_owned()));
        all.join(", ")
    }
}
