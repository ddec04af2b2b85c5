//! An episode: a cache, an application, clients, and a driver that chooses what happens next.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use http_body_util::{BodyExt, Full};
use larder_cache::{Cache, Clock, Handling, Options};
use larder_policy::Scheme;
use larder_semantics::{Reason, Timestamp};
use larder_testkit::{FakeClock, ScriptedService};
use larder_tower::{CacheService, internals};
use tokio::task::{AbortHandle, JoinSet};
use tower_service::Service;

use crate::application::{Application, SELECTING, Temper};
use crate::judge::{Asked, Changed, Done, Got, Judge, change};
use crate::random::Random;
use crate::record::{Ledger, history};

/// What an episode is like.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) temper: Temper,
    pub(crate) memory_bytes: u64,
    pub(crate) large_bodies: bool,
    pub(crate) options: Options,
}

pub(crate) struct World {
    pub(crate) random: Random,
    pub(crate) clock: FakeClock,
    pub(crate) ledger: Ledger,
    pub(crate) cache: Arc<Cache>,
    service: CacheService<ScriptedService<Reason>>,
    clients: JoinSet<()>,
    handles: Vec<AbortHandle>,
    changes: Vec<Changed>,
    next_client: u64,
    /// Judged responses, and those among them that the application did not make for their client.
    pub(crate) judged: (u64, u64),
}

struct Now(FakeClock);

impl Clock for Now {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}

impl World {
    pub(crate) fn new(seed: u64, setting: &Setting) -> Self {
        let clock = FakeClock::default();
        let ledger = Ledger::default();
        let mut app = Application::new(!seed, setting.temper, clock.clone(), ledger.clone());
        app.large_bodies = setting.large_bodies;
        let cache =
            Cache::new(setting.memory_bytes, setting.options.clone(), Arc::new(Now(clock.clone())));
        let cache = Arc::new(cache);
        let service = ScriptedService::choosing(move |sent| app.answer(sent));
        let service = internals::service(Arc::clone(&cache), Scheme::Http, service);
        Self {
            random: Random::new(seed),
            clock,
            ledger,
            cache,
            service,
            clients: JoinSet::new(),
            handles: Vec::new(),
            changes: Vec::new(),
            next_client: 0,
            judged: (0, 0),
        }
    }

    /// A request of any kind, from a client of its own.
    pub(crate) fn any_request(&mut self) -> Asked {
        let random = &mut self.random;
        let method = match random.below(20) {
            0..=14 => "GET",
            15 | 16 => "HEAD",
            17 => "POST",
            18 => "DELETE",
            _ => "M-FROB",
        };
        let host = random.one_of(&["a.test", "a.test", "b.test"]);
        let path = format!("/{}", random.below(4));
        let mut headers = HeaderMap::new();
        let mut put = |name: &'static str, value: &str| {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        };
        put("host", host);
        for name in SELECTING {
            if random.one_in(2) {
                put(name, random.one_of(&["1", "2"]));
            }
        }
        if random.one_in(6) {
            put("authorization", random.one_of(&["Bearer 1", "Bearer 2"]));
        }
        let seen = self.ledger.books().records.len() as u64;
        let tag = |random: &mut Random| format!("\"{}\"", seen - 1 - random.below(seen.min(8)));
        if seen > 0 && random.one_in(8) {
            put("if-none-match", &tag(random));
        }
        if random.one_in(4) {
            let first = 200 * random.below(3);
            put("range", &format!("bytes={first}-{}", first + random.one_of(&[99, 199, 399])));
            if seen > 0 && random.one_in(2) {
                put("if-range", &tag(random));
            }
        }
        self.asked(method, &path, headers)
    }

    /// The request of a new client.
    pub(crate) fn asked(&mut self, method: &str, path: &str, mut headers: HeaderMap) -> Asked {
        self.next_client += 1;
        headers.insert("x-client", HeaderValue::from(self.next_client));
        let host = headers.get("host").unwrap().to_str().unwrap();
        Asked {
            client: self.next_client,
            method: Method::from_bytes(method.as_bytes()).unwrap(),
            target: format!("{host}{path}"),
            headers,
            begun_at: self.clock.now().as_secs(),
            begun: self.ledger.books().moment(),
        }
    }

    /// Sends it, and has a task read the answer to its end.
    pub(crate) fn begin(&mut self, asked: Asked) {
        let (_, path) = asked.target.split_at(asked.target.find('/').unwrap());
        let mut request = Request::new(Full::<Bytes>::default());
        *request.method_mut() = asked.method.clone();
        *request.uri_mut() = path.parse().unwrap();
        request.headers_mut().clone_from(&asked.headers);
        let call = self.service.clone().call(request);
        let (clock, ledger) = (self.clock.clone(), self.ledger.clone());
        let handle = self.clients.spawn(async move {
            let answer = call.await.unwrap();
            let head_at = clock.now().as_secs();
            let answered = ledger.books().moment();
            let got = match answer {
                response if response.body().note().handling == Handling::Refused => None,
                response => {
                    let (parts, body) = response.into_parts();
                    let body = body.collect().await.ok().map(|all| all.to_bytes());
                    Some(Got { status: parts.status, headers: parts.headers, body })
                }
            };
            ledger.books().done.push(Done { asked, got, head_at, answered });
        });
        self.handles.push(handle);
    }

    /// Lets every task run until it waits for something.
    pub(crate) async fn settle(&mut self) {
        for _ in 0..24 {
            tokio::task::yield_now().await;
        }
        while self.clients.try_join_next().is_some() {}
        self.handles.retain(|handle| !handle.is_finished());
    }

    /// Lets go of something that the application holds back.
    pub(crate) fn let_go(&mut self) {
        let now = self.clock.now().as_secs();
        let mut books = self.ledger.books();
        if books.held.is_empty() {
            return;
        }
        let place = self.random.index(books.held.len());
        let held = books.held.swap_remove(place);
        if let Some(number) = held.head_of {
            books.records[number].response_time = Some(now);
        }
        drop(books);
        held.signal.fire();
    }

    /// One of the clients leaves.
    pub(crate) fn leave(&mut self) {
        if !self.handles.is_empty() {
            let place = self.random.index(self.handles.len());
            self.handles.swap_remove(place).abort();
        }
    }

    /// Judges what has been answered since.
    pub(crate) fn judge(&mut self) -> Result<(), String> {
        let mut books = self.ledger.books();
        let done = std::mem::take(&mut books.done);
        for done in done {
            let judge = Judge { records: &books.records, changes: &self.changes };
            judge.of(&done).map_err(|why| {
                let history = history(&books.records, &done.asked.target);
                format!("{why}\n{done:#?}\n{history}")
            })?;
            self.changes.extend(change(&books.records, &done));
            let made = done.got.as_ref().and_then(|got| got.headers.get("x-made"));
            let number = made.and_then(|made| made.to_str().ok()?.parse::<usize>().ok());
            let is_shared = number.is_some_and(|n| books.records[n].client != done.asked.client);
            self.judged.0 += 1;
            self.judged.1 += u64::from(is_shared);
        }
        Ok(())
    }

    /// Requests that are to be answered.
    pub(crate) fn waiting(&self) -> usize {
        self.handles.len()
    }

    /// Whether the application holds nothing back.
    pub(crate) fn is_quiet(&self) -> bool {
        self.ledger.books().held.is_empty()
    }
}
