//! An episode: a site, an application, visitors, and what happens step by step. What a step does follows
//! from the seed and the step's number alone, so that steps can be left out and the others stay the same.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use larder_cache::receive::Rewritten;
use larder_cache::{Cache, Clock, Handling, Options};
use larder_policy::Scheme;
use larder_semantics::{Reason, Timestamp};
use larder_testkit::FakeClock;
use larder_tower::{CacheService, internals};
use tokio::task::JoinSet;
use tower_service::Service;

use crate::application::{Application, mix};
use crate::claims::Got;
use crate::expected::{Expected, expected};
use crate::judge::{Change, Judge};
use crate::random::Random;
use crate::reference::{self as naive, Way};
use crate::site::{Proofs, Site, secs};
use crate::visitors::{Asked, Crowd, Visitor};

/// What an episode is like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) seed: u64,
    pub(crate) steps: u64,
    pub(crate) visitors: usize,
    pub(crate) proofs: Proofs,
    /// One step in so many has several requests at once; zero is none.
    pub(crate) crowds: u64,
    /// Whether the application does everything well.
    pub(crate) behaves: bool,
}

/// What came of it: for each audience the requests for its pages, the hits among them, and the hits
/// that had to be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Requests, and what happened between them.
    pub(crate) steps: u64,
    pub(crate) by_audience: BTreeMap<String, [u64; 3]>,
}

/// Where and why it went wrong.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) step: u64,
    pub(crate) why: String,
    pub(crate) trace: String,
}

/// Host, target, and what else tells pages apart.
type Place = (String, String, String);

struct World {
    setting: Setting,
    clock: FakeClock,
    app: Application,
    cache: Arc<Cache>,
    service: CacheService<Application>,
    sites: Vec<Site>,
    crowd: Crowd,
    changes: Vec<Change>,
    expected: HashMap<Place, Vec<Expected>>,
    tally: Tally,
    next_id: u64,
    trace: Option<String>,
}

struct Now(FakeClock);

impl Clock for Now {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}

fn options(site: &Site, random: &mut Random) -> Options {
    Options {
        uncacheable_for: secs(random.one_of(&[0, 1, 3])),
        rewritten: Rewritten::by_a_proxy(),
        policy: Arc::clone(&site.policy),
        ..Options::default()
    }
}

/// Runs the steps that `wanted` names, or all.
pub(crate) async fn episode(
    setting: Setting,
    wanted: Option<&[u64]>,
    traced: bool,
) -> Result<Tally, Failure> {
    let mut world = World::new(setting, traced);
    let all: Vec<u64> = wanted.map_or_else(|| (1..=setting.steps).collect(), <[u64]>::to_vec);
    for step in all {
        if let Err(why) = world.step(step).await {
            let trace = world.trace.take().unwrap_or_default();
            return Err(Failure { step, why, trace });
        }
    }
    Ok(world.tally)
}

impl World {
    fn new(setting: Setting, traced: bool) -> Self {
        let random = &mut Random::new(mix(setting.seed, 0, 0));
        let clock = FakeClock::default();
        let app = Application::new(setting.seed, clock.clone());
        let site = Site::any(random, setting.proofs);
        let options = options(&site, random);
        let cache = Arc::new(Cache::new(64 << 20, options, Arc::new(Now(clock.clone()))));
        let service = internals::service(Arc::clone(&cache), Scheme::Http, app.clone());
        let all = vec![Visitor::default(); setting.visitors];
        app.books().behaves = setting.behaves;
        app.books().look_up_ttl = site.look_up_ttl.unwrap_or_default();
        let trace = traced.then(|| site.told());
        Self {
            setting,
            clock,
            app,
            cache,
            service,
            sites: vec![site],
            crowd: Crowd { all, ..Crowd::default() },
            changes: Vec::new(),
            expected: HashMap::new(),
            tally: Tally::default(),
            next_id: 0,
            trace,
        }
    }

    fn note(&mut self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            let _written = writeln!(trace, "{}", line());
        }
    }

    async fn step(&mut self, step: u64) -> Result<(), String> {
        let random = &mut Random::new(mix(self.setting.seed, step, 0));
        self.app.books().begin_step(step);
        self.next_id = step * 10;
        match random.below(1000) {
            0..120 => {
                let lasts = random.one_of(&[1, 1, 1, 1, 2, 2, 5, 40]);
                self.clock.advance_secs(lasts);
                self.note(|| format!("#{step} {lasts} s later"));
            }
            120..150 => {
                let now = self.clock.now().as_secs();
                let mut books = self.app.books();
                let told = self.crowd.change(random, &mut books.sessions, step, now);
                drop(books);
                self.note(|| format!("#{step} {told}"));
            }
            150..156 => {
                let path = format!("{}/p{}", random.one_of(&crate::site::HOSTS), random.below(6));
                self.note(|| format!("#{step} {path} becomes another"));
                self.app.books().turn(path);
            }
            156..159 => self.reload(random, step),
            _ if self.setting.crowds > 0 && random.one_in(self.setting.crowds) => {
                return self.together(random, step).await;
            }
            _ => return self.one(random, step).await,
        }
        self.tally.steps += 1;
        Ok(())
    }

    fn reload(&mut self, random: &mut Random, step: u64) {
        let site = Site::any(random, self.setting.proofs);
        self.cache.set_options(options(&site, random));
        self.note(|| format!("#{step} other rules:\n{}", site.told()));
        let mut books = self.app.books();
        books.site = self.sites.len();
        books.look_up_ttl = site.look_up_ttl.unwrap_or_default();
        drop(books);
        self.sites.push(site);
        self.expected.clear();
    }

    fn asked(&mut self, random: &mut Random) -> Asked {
        let now = self.clock.now().as_secs();
        self.next_id += 1;
        let books = self.app.books();
        let seen = books.records.iter().rev().take(9).find_map(|record| record.said.etag.clone());
        drop(books);
        let seen = seen.unwrap_or_default();
        let mut asked = self.crowd.ask(random, self.next_id, now, &seen);
        let mut books = self.app.books();
        asked.first = books.records.len();
        asked.first_look_up = books.looked_up.len();
        asked.begun = books.moment();
        self.tally.steps += 1;
        asked
    }

    async fn settle(&self) {
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
        let mut patience = 50;
        while !self.cache.flights().is_empty() && patience > 0 {
            tokio::task::yield_now().await;
            patience -= 1;
        }
    }

    /// One request alone.
    async fn one(&mut self, random: &mut Random, step: u64) -> Result<(), String> {
        let asked = self.asked(random);
        self.note(|| request_line(step, &asked));
        let got = get(self.service.clone(), &asked).await;
        self.settle().await;
        let answered = self.app.books().moment();
        self.judge(&[(asked.clone(), got.clone(), answered)])?;
        let told =
            got.as_ref().and_then(|got| got.headers.get_all("cache-status").iter().next_back());
        let is_hit = told.is_some_and(|told| told.as_bytes().starts_with(b"larder; hit"));
        // Look-ups that the request needed are known by now.
        let Some((place, audience)) = self.place(&asked) else { return Ok(()) };
        let expected = self.expects(&place, &asked);
        let counts = self.tally.by_audience.entry(audience).or_default();
        counts[0] += 1;
        counts[1] += u64::from(is_hit);
        counts[2] += u64::from(expected.is_some());
        if let Some(number) = expected.filter(|_| !is_hit) {
            return Err(format!("the page #{number} is there and fresh, and was not used"));
        }
        self.learn(place, &asked, got.as_ref());
        Ok(())
    }

    /// Several requests at once, of an application that takes its time.
    async fn together(&mut self, random: &mut Random, step: u64) -> Result<(), String> {
        self.app.books().holds = true;
        let mut clients = JoinSet::new();
        let count = 2 + random.below(4);
        let same = random.one_in(2).then(|| self.asked(random).target);
        for _ in 0..count {
            let mut asked = self.asked(random);
            if let Some(target) = &same {
                // All for one page; the query's tags are the first one's, so without them.
                asked.target = target.split('?').next().unwrap_or_default().to_owned();
            }
            self.note(|| request_line(step, &asked));
            let (service, app) = (self.service.clone(), self.app.clone());
            clients.spawn(async move {
                let got = get(service, &asked).await;
                let answered = app.books().moment();
                (asked, got, answered)
            });
            if random.one_in(3) {
                tokio::task::yield_now().await;
            }
        }
        let mut done = Vec::new();
        for _ in 0..2000 {
            self.settle_clients().await;
            while let Some(one) = clients.try_join_next() {
                done.push(one.map_err(|e| format!("a request panicked: {e}"))?);
            }
            let mut books = self.app.books();
            if books.held.is_empty() && clients.is_empty() {
                break;
            }
            if !books.held.is_empty() {
                let place = random.index(books.held.len());
                books.held.swap_remove(place).fire();
            }
        }
        self.app.books().holds = false;
        if !clients.is_empty() {
            return Err(format!("{} requests got no answer", clients.len()));
        }
        self.settle().await;
        // In the order of their answers.
        done.sort_by_key(|(_, _, answered)| *answered);
        self.judge(&done)?;
        for (asked, _, _) in &done {
            let page = self.page_of(asked);
            self.expected.retain(|(host, target, _), _| *host != asked.host || *target != page);
        }
        Ok(())
    }

    async fn settle_clients(&self) {
        for _ in 0..6 {
            tokio::task::yield_now().await;
        }
    }

    fn page_of(&self, asked: &Asked) -> String {
        let site = &self.sites[self.sites.len() - 1];
        naive::page_of(site, &asked.method, asked.host, &asked.target)
    }

    fn judge(&mut self, done: &[(Asked, Option<Got>, u64)]) -> Result<(), String> {
        let books = self.app.books();
        let first = done.iter().map(|(asked, _, _)| asked.first).min().unwrap_or_default();
        if let Some(trace) = &mut self.trace {
            for record in &books.records[first..] {
                let _written = writeln!(trace, "    application: {record:?}");
            }
            for (_, got, _) in done {
                let _written = writeln!(trace, "    visitor: {got:?}");
            }
        }
        if let Some(wrong) = &books.wrong {
            return Err(wrong.clone());
        }
        let mut changed = Vec::new();
        for (asked, got, answered) in done {
            let judge = Judge {
                sites: &self.sites,
                crowd: &self.crowd,
                books: &books,
                changes: &self.changes,
            };
            judge.of(asked, got.as_ref())?;
            let change = got.as_ref().and_then(|got| judge.change(asked, got, *answered));
            changed.extend(change.clone());
            self.changes.extend(change);
        }
        let judge =
            Judge { sites: &self.sites, crowd: &self.crowd, books: &books, changes: &self.changes };
        for record in &books.records[first..] {
            judge.is_bare(record)?;
        }
        drop(books);
        for change in &changed {
            self.expected.retain(|(host, target, _), _| !change.touches(host, target));
        }
        Ok(())
    }

    /// The place of the page that a request is about, if an audience shares it.
    fn place(&self, asked: &Asked) -> Option<(Place, String)> {
        let books = self.app.books();
        let site = &self.sites[self.sites.len() - 1];
        let ways = naive::ways(site, &self.crowd, &books.looked_up, asked);
        let [Way::Share(share, who)] = ways.as_slice() else { return None };
        // RFC 9111 §4.3.2: not for caches to evaluate.
        if asked.headers.contains_key("if-match") {
            return None;
        }
        let name = share.audience.name();
        let key = naive::key(share, &asked.headers, &asked.cookies);
        let target = naive::page_of(site, &asked.method, asked.host, &asked.target);
        let place = (asked.host.to_owned(), target, format!("{name} {who:?} {key}"));
        Some((place, name.to_owned()))
    }

    /// The page that has to answer, if one has to.
    fn expects(&self, place: &Place, asked: &Asked) -> Option<usize> {
        let is_it = |expected: &&Expected| {
            asked.at < expected.until
                && expected
                    .selects
                    .iter()
                    .all(|(name, value)| naive::normal(name, &asked.headers) == *value)
        };
        self.expected.get(place)?.iter().find(is_it).map(|expected| expected.number)
    }

    /// What the next request for the same page has to find.
    fn learn(&mut self, place: Place, asked: &Asked, got: Option<&Got>) {
        let books = self.app.books();
        let mut fills = books.records[asked.first..].iter().filter(|record| record.req.is_none());
        let Some(last) = fills.next_back() else { return };
        let at_last = self.expected.entry(place).or_default();
        let Some(expected) = got.and_then(|got| expected(&self.sites, last, got)) else {
            at_last.clear();
            return;
        };
        // RFC 9111 §4.1: where it varies by others now, the older ones do not count.
        let names = |expected: &Expected| {
            expected.selects.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>()
        };
        at_last
            .retain(|older| names(older) == names(&expected) && older.selects != expected.selects);
        at_last.push(expected);
    }
}

async fn get(mut service: CacheService<Application>, asked: &Asked) -> Option<Got> {
    let mut request = Request::new(Full::<Bytes>::default());
    *request.method_mut() = asked.method.clone();
    *request.uri_mut() = asked.target.parse().unwrap();
    request.headers_mut().clone_from(&asked.headers);
    let response = service.call(request).await.unwrap();
    if response.body().note().handling == Handling::Refused {
        return None;
    }
    let (parts, body) = response.into_parts();
    let body: Result<_, Reason> = body.collect().await.map_err(|_| Reason::Truncated);
    let body = body.ok().map(|all| all.to_bytes());
    Some(Got { status: parts.status, headers: parts.headers, body })
}

fn request_line(step: u64, asked: &Asked) -> String {
    let Asked { id, visitor, method, target, headers, .. } = asked;
    format!("#{step} visitor {visitor} asks ({id}): {method} {target} {headers:?}")
}
