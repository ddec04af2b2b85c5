//! An episode: a cache, an application, clients, purges, and a driver that chooses what happens next.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use http_body_util::{BodyExt, Full};
use larder_cache::limits::HTML_TOLD_AFTER;
use larder_cache::purge::{Mode, Purge};
use larder_cache::{Cache, Clock, Handling, Options};
use larder_policy::{KeyBuf, Scheme};
use larder_semantics::{Reason, Settings, Timestamp};
use larder_testkit::{FakeClock, ScriptedService};
use larder_tower::{CacheService, internals};
use tokio::task::{AbortHandle, JoinSet};
use tower_service::Service;

use crate::about::{Happened, What};
use crate::application::Application;
use crate::census::Census;
use crate::judge::{Asked, Done, Got, Judge};
use crate::orders;
use crate::random::Random;
use crate::record::{Ledger, Place, Record};
use crate::site::{self, COUNTRIES, HOSTS, LANGUAGES, PATHS, QUERIES};

/// What an episode is like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) seed: u64,
    pub(crate) memory_bytes: u64,
    /// How many URLs are asked for.
    pub(crate) urls: usize,
    /// Eighths of the bytes of a body.
    pub(crate) tokens: usize,
    pub(crate) counted_max: u64,
    /// Whether the application makes clients wait, and fails.
    pub(crate) holds: bool,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) events: u64,
    pub(crate) requests: u64,
    pub(crate) hits: u64,
    /// Hits that had to be.
    pub(crate) foreseen: u64,
    pub(crate) purges: u64,
    /// Purges whose count was held against what was there, and that were about something.
    pub(crate) counted: u64,
    pub(crate) evictions: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.requests += other.requests;
        self.hits += other.hits;
        self.foreseen += other.foreseen;
        self.purges += other.purges;
        self.counted += other.counted;
        self.evictions += other.evictions;
    }
}

/// A page that the next one who asks for it has to get.
#[derive(Debug)]
struct Expected {
    made: usize,
    until: u64,
    /// All that it can be purged by.
    tags: Vec<&'static str>,
    groups: Vec<&'static str>,
}

pub(crate) struct World {
    pub(crate) tally: Tally,
    setting: Setting,
    random: Random,
    clock: FakeClock,
    ledger: Ledger,
    cache: Arc<Cache>,
    keys: Vec<KeyBuf>,
    services: [CacheService<ScriptedService<Reason>>; 2],
    clients: JoinSet<()>,
    handles: Vec<AbortHandle>,
    happened: Vec<Happened>,
    /// Pages that were changed, and when that was over.
    changes: Vec<(Place, u64)>,
    expected: HashMap<Place, Expected>,
    /// When nothing was going on that the application did not hold.
    settled: Vec<u64>,
    swept: Option<u64>,
    forgotten: u64,
    /// What is asked for: scheme, host and target. Few, so that much happens to each.
    urls: Vec<(usize, &'static str, String)>,
}

struct Now(FakeClock);

impl Clock for Now {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}

const SCHEMES: [Scheme; 2] = [Scheme::Http, Scheme::Https];

impl World {
    pub(crate) fn new(setting: Setting) -> Self {
        let mut random = Random::new(setting.seed);
        let clock = FakeClock::default();
        let ledger = Ledger::default();
        let app = Arc::new(Application {
            holds: setting.holds,
            tokens: setting.tokens,
            clock: clock.clone(),
            ledger: ledger.clone(),
            random: Mutex::new(Random::new(!setting.seed)),
        });
        let policy = site::policy();
        let keys = site::all_keys(&policy);
        let options = Options {
            policy,
            counted_max: setting.counted_max,
            semantics: Settings {
                honour_request_directives: random.one_in(2),
                ..Settings::default()
            },
            ..Options::default()
        };
        let cache = Cache::new(setting.memory_bytes, options, Arc::new(Now(clock.clone())));
        let cache = Arc::new(cache);
        let urls = (0..setting.urls).map(|_| {
            let scheme = random.one_of(&[0, 0, 0, 1]);
            let host = random.one_of(&["a.test", "a.test", HOSTS[1]]);
            let target = format!("{}{}", random.one_of(&PATHS), random.one_of(&QUERIES));
            (scheme, host, target)
        });
        let urls = urls.collect();
        let services = SCHEMES.map(|scheme| {
            let app = Arc::clone(&app);
            let service = ScriptedService::choosing(move |sent| app.answer(scheme, sent));
            internals::service(Arc::clone(&cache), scheme, service)
        });
        Self {
            tally: Tally::default(),
            setting,
            random,
            clock,
            ledger,
            cache,
            keys,
            services,
            clients: JoinSet::new(),
            handles: Vec::new(),
            happened: Vec::new(),
            changes: Vec::new(),
            expected: HashMap::new(),
            settled: vec![0],
            swept: None,
            forgotten: 0,
            urls,
        }
    }

    /// Something happens.
    pub(crate) async fn event(&mut self) -> Result<(), String> {
        self.tally.events += 1;
        match self.random.below(100) {
            0..=58 => self.request(),
            59..=77 => self.let_go(),
            78..=82 => {
                let secs = self.random.one_of(&[1, 1, 2, 5, 12, 45]);
                self.clock.advance_secs(secs);
            }
            83..=90 => self.purge()?,
            91..=93 => self.swept = Some(self.cache.sweep(|| {}).number),
            94 | 95 => {
                // What a sweep has judged by may be forgotten also later on.
                if let Some(number) = self.swept {
                    self.cache.forget_purges(number);
                    self.forgotten = self.ledger.books().moment();
                }
            }
            96 => self.turn(|_, random| random.one_in(3)),
            _ => self.leave(),
        }
        // Now and then the next thing happens before anybody has got any further.
        if !self.random.one_in(4) {
            self.settle().await;
            self.judge()?;
        }
        Ok(())
    }

    /// Nobody waits for ever.
    pub(crate) async fn end(&mut self) -> Result<(), String> {
        self.settle().await;
        while !self.ledger.books().held.is_empty() {
            self.let_go();
            self.settle().await;
        }
        self.judge()?;
        if !self.handles.is_empty() || !self.cache.flights().is_empty() {
            return Err(format!("{} requests got no answer", self.handles.len()));
        }
        let swept = self.cache.sweep(|| {});
        self.cache.forget_purges(swept.number);
        if self.cache.purges_remembered() > 0 {
            return Err("purges are remembered that every page was judged by".to_owned());
        }
        self.tally.evictions = self.cache.usage().evictions;
        Ok(())
    }

    /// Some pages become others.
    fn turn(&mut self, mut which: impl FnMut(&Place, &mut Random) -> bool) {
        let random = &mut self.random;
        self.ledger.books().versions.retain(|(place, _)| !which(place, random));
    }

    /// A request of any kind. A hit is answered before this returns.
    fn request(&mut self) {
        let (scheme, host, target) = self.urls[self.random.index(self.urls.len())].clone();
        let random = &mut self.random;
        let method = random
            .one_of(&["GET", "GET", "GET", "GET", "GET", "GET", "GET", "HEAD", "HEAD", "POST"]);
        let method = if method == "POST" && !random.one_in(3) { "GET" } else { method };
        let mut headers = HeaderMap::new();
        let mut put = |name: &'static str, value: &str| {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        };
        put("host", host);
        put("accept-language", random.one_of(&LANGUAGES));
        put("x-country", random.one_of(&COUNTRIES));
        let is_special = random.one_in(4) || target.starts_with("/r");
        if is_special {
            let first = 8 * random.below(20);
            let last = first + random.one_of(&[23, 39, 159]);
            match random.below(5) {
                0 => put("cache-control", "no-cache"),
                1 => put("if-none-match", &format!("\"e{}\"", 1 + random.below(30))),
                _ => put("range", &format!("bytes={first}-{last}")),
            }
        }
        let is_plain = method == "GET" && !is_special;
        let place = site::place(SCHEMES[scheme], host, &target, &headers);
        let expects = self.expects(&place).filter(|_| is_plain);
        let begun = self.ledger.books().moment();
        let asked = Asked { method, place, begun, is_plain, expects };
        let mut request = Request::new(Full::<Bytes>::default());
        *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
        *request.uri_mut() = target.parse().unwrap();
        *request.headers_mut() = headers;
        let call = self.services[scheme].clone().call(request);
        let ledger = self.ledger.clone();
        let handle = self.clients.spawn(async move {
            let answer = call.await.unwrap();
            let answered = ledger.books().moment();
            let got = match answer {
                response if response.body().note().handling == Handling::Refused => None,
                response => {
                    let (parts, body) = response.into_parts();
                    let body = body.collect().await.ok().map(|all| all.to_bytes());
                    Some(Got { status: parts.status, headers: parts.headers, body })
                }
            };
            ledger.books().done.push(Done { asked, got, answered });
        });
        self.handles.push(handle);
        self.tally.requests += 1;
    }

    /// The answer that has to be what is got for a page now.
    fn expects(&self, place: &Place) -> Option<usize> {
        let now = self.clock.now().as_secs();
        let books = self.ledger.books();
        let roomy = self.setting.tokens < 100;
        let expected = self.expected.get(place).filter(|it| now < it.until && roomy)?;
        // What was asked for since may have taken its place.
        let is_last =
            !books.records.iter().skip(expected.made + 1).any(|it| it.place.shares_path(place));
        is_last.then_some(expected.made)
    }

    fn purge(&mut self) -> Result<(), String> {
        let what = if self.random.one_in(3) {
            let (_, host, target) = self.urls[self.random.index(self.urls.len())].clone();
            What::Url(host, target)
        } else {
            orders::any(&mut self.random)
        };
        let is_hard = !self.random.one_in(3);
        let mode = if is_hard { Mode::Hard } else { Mode::Soft };
        // Looking at what is there judges it, which is not to happen before each purge.
        let is_quiet = self.ledger.books().held.is_empty() && self.handles.is_empty();
        let looks = is_quiet && self.random.one_in(2);
        let census = looks.then(|| Census::of(&self.cache, &self.keys));
        let purged = self.cache.purge(&Purge { scope: what.scope(), mode });
        let mut books = self.ledger.books();
        if let Some(census) = census {
            census.agrees(&what, &books.records, purged)?;
            self.tally.counted += u64::from(purged.pages > 0);
        }
        let now = books.moment();
        drop(books);
        self.tally.purges += 1;
        self.happens(Happened { what: what.clone(), is_hard, reaches: now, over: now });
        // A page that is asked for in parts is another one after it; others may stay what they are.
        let all = Place::is_in_parts;
        self.turn(|place, random| {
            what.is_about_page(place, &["t0", "t1", "t2", "t3", "ruled"], &["g0", "g1"])
                && (all(place) || random.one_in(2))
        });
        Ok(())
    }

    fn happens(&mut self, happened: Happened) {
        let what = &happened.what;
        self.expected
            .retain(|place, expected| !what.is_about_page(place, &expected.tags, &expected.groups));
        self.happened.push(happened);
    }

    /// Lets every task run until it waits for something.
    async fn settle(&mut self) {
        for _ in 0..16 {
            tokio::task::yield_now().await;
        }
        // A page that is looked through is told of a moment later; the clock jumps.
        tokio::time::sleep(HTML_TOLD_AFTER * 2).await;
        while self.clients.try_join_next().is_some() {}
        self.handles.retain(|handle| !handle.is_finished());
        self.settled.push(self.ledger.books().moment());
    }

    /// Lets go of something that the application holds back.
    fn let_go(&mut self) {
        let mut books = self.ledger.books();
        if books.held.is_empty() {
            return;
        }
        let place = self.random.index(books.held.len());
        let held = books.held.swap_remove(place);
        let now = books.moment();
        books.records[held.record].touched = now;
        if held.is_head {
            books.records[held.record].responded = Some(now);
        }
        drop(books);
        held.signal.fire();
    }

    /// One of the clients leaves.
    fn leave(&mut self) {
        if !self.handles.is_empty() {
            let place = self.random.index(self.handles.len());
            self.handles.swap_remove(place).abort();
        }
    }

    /// Judges what has been answered since.
    fn judge(&mut self) -> Result<(), String> {
        let done = std::mem::take(&mut self.ledger.books().done);
        for done in done {
            let books = self.ledger.books();
            let judge = Judge { records: &books.records, happened: &self.happened };
            judge.of(&done).map_err(|why| {
                let history = books.history(&done.asked.place);
                let about = self.happened.iter().rev().take(12).collect::<Vec<_>>();
                format!("{why}\n{:?}\n{done:#?}\n{history}\nlast: {about:#?}", self.setting)
            })?;
            drop(books);
            let Some(got) = &done.got else { continue };
            self.tally.hits += u64::from(got.is_hit());
            self.tally.foreseen += u64::from(done.asked.expects.is_some());
            self.changed(&done, got);
            self.learn(&done, got);
        }
        Ok(())
    }

    /// RFC 9111 §4.4, RFC 9875 §3: a change ends the pages of its URL and those of the groups that it names.
    fn changed(&mut self, done: &Done, got: &Got) {
        let is_change = done.asked.method == "POST" && got.status.as_u16() < 400;
        let Some(made) = got.made().filter(|_| is_change) else { return };
        let record = self.ledger.books().records[made].clone();
        let Record { place, groups, responded, .. } = record;
        let Some(reaches) = responded else { return };
        let over = done.answered;
        self.expected.retain(|other, _| !other.shares_path(&place));
        self.changes.push((place.clone(), over));
        let host = HOSTS[usize::from(place.host == HOSTS[1])];
        let what = What::Groups(place.scheme, host, groups);
        self.happens(Happened { what, is_hard: true, reaches, over });
    }

    /// What a fill that went well leaves behind.
    fn learn(&mut self, done: &Done, got: &Got) {
        let asked = &done.asked;
        let was_made = asked.is_plain && got.status == 200 && got.told().contains("; stored");
        let Some(made) = got.made().filter(|_| was_made) else { return };
        let books = self.ledger.books();
        let record = &books.records[made];
        let is_whole = matches!(got.source(), Ok(Some((b'n', number))) if number == made as u64);
        // Something else may be stored in its place later on, or may have kept it from being stored.
        let quiet = self.settled.iter().rev().find(|moment| **moment < record.sent).copied();
        let is_other = |it: &&Record| {
            it.number != made && Some(it.touched) > quiet && it.place.shares_path(&record.place)
        };
        let is_alone =
            !books.is_busy(&record.place) && !books.records.iter().any(|it| is_other(&it));
        let is_changed = self
            .changes
            .iter()
            .any(|(place, over)| *over > record.sent && place.shares_path(&record.place));
        let is_reached = self
            .happened
            .iter()
            .any(|purge| record.sent < purge.over && purge.what.is_about(record))
            || record.sent < self.forgotten;
        let lifetime = record
            .lifetime()
            .filter(|_| is_whole && is_alone && !is_changed && !is_reached && !record.breaks_off);
        let Some(lifetime) = lifetime else { return };
        let expected = Expected {
            made,
            until: record.at + lifetime,
            tags: record.tags.clone(),
            groups: record.groups.clone(),
        };
        let place = record.place.clone();
        drop(books);
        self.expected.insert(place, expected);
    }
}
