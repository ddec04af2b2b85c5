//! An application that writes into each page everything that it was sent, and says of it what it likes.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::HeaderMap;
use http::{Method, Request, Response};
use http_body::{Frame, SizeHint};
use larder_semantics::Reason;
use larder_testkit::{FakeClock, Signal};
use tower_service::Service;

use crate::random::Random;
use crate::said::{Record, Said, Told};
use crate::site::LOOK_UP;
use crate::visitors::{NOBODY, Who};

/// A look-up that it answered.
#[derive(Clone, Debug)]
pub(crate) struct LookedUp {
    pub(crate) host: String,
    pub(crate) session: (String, String),
    pub(crate) at: u64,
    /// How long it counts.
    pub(crate) lasts: u64,
    pub(crate) who: Option<Who>,
    /// How many were made before it.
    pub(crate) before: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Books {
    pub(crate) records: Vec<Record>,
    pub(crate) looked_up: Vec<LookedUp>,
    pub(crate) sessions: HashMap<String, Who>,
    pub(crate) held: Vec<Signal>,
    pub(crate) wrong: Option<String>,
    /// Whether answers are held until the driver lets them go.
    pub(crate) holds: bool,
    /// Whether everything it does is as it should be.
    pub(crate) behaves: bool,
    pub(crate) site: usize,
    pub(crate) look_up_ttl: u64,
    seed: u64,
    step: u64,
    calls: u64,
    /// How often each path became another.
    eras: HashMap<String, u64>,
    moments: u64,
}

impl Books {
    pub(crate) fn begin_step(&mut self, step: u64) {
        (self.step, self.calls) = (step, 0);
    }

    /// A number for what happens now, larger than that of all that happened.
    pub(crate) fn moment(&mut self) -> u64 {
        self.moments += 1;
        self.moments
    }

    /// From now on the page of a path is another.
    pub(crate) fn turn(&mut self, path: String) {
        *self.eras.entry(path).or_default() += 1;
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Application {
    books: Arc<Mutex<Books>>,
    clock: FakeClock,
}

/// The body of an answer.
#[derive(Debug)]
pub(crate) struct AppBody {
    pub(crate) rest: Option<Bytes>,
    pub(crate) breaks_off: bool,
}

impl Application {
    pub(crate) fn new(seed: u64, clock: FakeClock) -> Self {
        let books = Books { seed, ..Books::default() };
        Self { books: Arc::new(Mutex::new(books)), clock }
    }

    pub(crate) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap()
    }

    fn answer(
        &self,
        method: &Method,
        target: &str,
        fields: HeaderMap,
    ) -> (Option<Signal>, Result<Response<AppBody>, Reason>) {
        let now = self.clock.now().as_secs();
        let mut books = self.books();
        books.calls += 1;
        let random = &mut Random::new(mix(books.seed, books.step, books.calls));
        let held = (books.holds && random.one_in(2)).then(Signal::new);
        books.held.extend(held.clone());
        let answer = if target == LOOK_UP {
            books.look_up(random, &fields, now)
        } else {
            books.page(random, method, target, fields, now)
        };
        (held, answer)
    }
}

pub(crate) fn mix(seed: u64, step: u64, call: u64) -> u64 {
    let mut mixed =
        seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ step.wrapping_mul(0xd129_0d3f_b7a5_21e5);
    mixed ^= mixed >> 29;
    mixed.wrapping_mul(0xbf58_476d_1ce4_e5b9) ^ call.wrapping_mul(0x94d0_49bb_1331_11eb)
}

pub(crate) fn text(fields: &HeaderMap, name: &str) -> String {
    let lines = fields.get_all(name).iter().map(|line| line.to_str().unwrap_or("?"));
    lines.collect::<Vec<_>>().join("; ")
}

pub(crate) fn cookies(fields: &HeaderMap) -> Vec<(String, String)> {
    let line = text(fields, "cookie");
    let pairs = line.split("; ").filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// `class=authenticated, user="42"`, as an application reads it that needs no library for it.
fn told(line: &str) -> Told {
    let mut told = Told::default();
    for (name, value) in line.split(", ").filter_map(|member| member.split_once('=')) {
        let value = Some(value.trim_matches('"').to_owned());
        match name {
            "class" => told.class = value,
            "user" => told.user = value,
            "segment" => told.segment = value,
            _ => {}
        }
    }
    told
}

impl Books {
    /// Who the visitor is, or any mishap.
    fn look_up(
        &mut self,
        random: &mut Random,
        fields: &HeaderMap,
        now: u64,
    ) -> Result<Response<AppBody>, Reason> {
        let sent = cookies(fields);
        let bare = fields.keys().all(|name| {
            ["host", "user-agent", "cookie", "surrogate-capability"].contains(&name.as_str())
        });
        if !bare || sent.len() != 1 || text(fields, "user-agent") != "Larder" {
            self.wrong = Some(format!("a look-up with more than the session: {fields:?}"));
        }
        let session = sent.into_iter().next().unwrap_or_default();
        let truth = self.sessions.get(&session.1).cloned().unwrap_or(NOBODY);
        let mishap = if self.behaves { 99 } else { random.below(24) };
        let mut response = Response::new(AppBody { rest: None, breaks_off: false });
        let mut line = format!("class={}", truth.class);
        for (name, value) in [("user", truth.user), ("segment", truth.segment)] {
            if let Some(value) = value {
                let _written = write!(line, ", {name}=\"{value}\"");
            }
        }
        match mishap {
            0 => *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR,
            1 => line.push_str(", class=anonymous"),
            _ => {}
        }
        let who = (mishap > 2).then_some(truth);
        let (host, before) = (text(fields, "host"), self.looked_up.len());
        let lasts = if who.is_some() { self.look_up_ttl } else { 2 };
        self.looked_up.push(LookedUp { host, session, at: now, lasts, who, before });
        if mishap == 2 {
            return Err(Reason::ConnectFailed);
        }
        response.headers_mut().insert("larder-identity", line.parse().unwrap());
        Ok(response)
    }

    fn page(
        &mut self,
        random: &mut Random,
        method: &Method,
        target: &str,
        fields: HeaderMap,
        now: u64,
    ) -> Result<Response<AppBody>, Reason> {
        let host = text(&fields, "host");
        let path = format!("{host}{}", target.split('?').next().unwrap_or_default());
        let era = self.eras.get(&path).copied().unwrap_or_default();
        let place = path.bytes().fold(era, |sum, byte| sum.wrapping_mul(31) + u64::from(byte));
        // A page is mostly of its own nature.
        let nature = &mut Random::new(mix(self.seed, place, 77));
        let odd = !self.behaves && random.one_in(20);
        let mut said = if odd { Said::any(random, false) } else { Said::any(nature, self.behaves) };
        let mut status =
            if odd { random.one_of(&[200, 404, 301, 410, 500, 503, 429]) } else { 200 };
        if !odd && nature.one_in(10) {
            status = nature.one_of(&[404, 404, 301, 200]);
        }
        let number = self.records.len();
        let cookies = cookies(&fields);
        let told =
            fields.contains_key("larder-identity").then(|| told(&text(&fields, "larder-identity")));
        let shown = self.shown(method, target, &cookies, &fields);
        let of_path = path.bytes().fold(0, |sum: u64, byte| sum.wrapping_mul(31) + u64::from(byte));
        said.complete(&mut Random::new(mix(self.seed, of_path, 99)));
        if status != 200 {
            said.etag = None;
        }
        if said.etag.is_some() {
            // The tag stands for all that is shown, and for the state of the application.
            let version = if random.one_in(3) { self.step } else { era };
            let sum =
                shown.bytes().fold(version, |sum, byte| sum.wrapping_mul(31) + u64::from(byte));
            said.etag = Some(format!("\"e{sum:x}\""));
        }
        let tags = text(&fields, "if-none-match");
        let is_read = *method == Method::GET || *method == Method::HEAD;
        if is_read && status == 200 && said.etag.as_ref().is_some_and(|tag| tags.contains(tag)) {
            status = 304;
        }
        let mut location = None;
        if !is_read {
            status = random.one_of(&[200, 200, 303, 404, 500]);
            location = random.one_in(3).then(|| format!("/p{}", random.below(4)));
        }
        let record = Record {
            number,
            site: self.site,
            host,
            target: target.to_owned(),
            method: method.clone(),
            req: fields.get("x-req").map(|id| id.to_str().unwrap().parse().unwrap()),
            cookies,
            fields,
            told,
            said,
            status,
            body: Bytes::from(format!("made {number}\n{shown}")),
            at: now,
            disconnects: !self.behaves && random.one_in(30),
            breaks_off: !self.behaves
                && status != 304
                && *method == Method::GET
                && random.one_in(60),
            location,
        };
        let response = record.response();
        let failed = record.disconnects;
        self.records.push(record);
        if failed { Err(Reason::ConnectFailed) } else { Ok(response) }
    }

    /// Everything that it was sent, and whom it takes the visitor for.
    fn shown(
        &self,
        method: &Method,
        target: &str,
        cookies: &[(String, String)],
        fields: &HeaderMap,
    ) -> String {
        let mut shown = format!("{method} {target}\n");
        for (name, value) in cookies {
            let _written = writeln!(shown, "cookie {name}={value}");
            if let Some(who) = self.sessions.get(value) {
                let _written = writeln!(shown, "this is {who:?}");
            }
        }
        for (name, value) in fields {
            if !name.as_str().starts_with("if-") && name != "cookie" && name != "x-req" {
                let _written = writeln!(shown, "{name}: {}", value.to_str().unwrap_or("?"));
            }
        }
        shown
    }
}

impl<B> Service<Request<B>> for Application
where
    B: http_body::Body + Send + 'static,
{
    type Response = Response<AppBody>;
    type Error = Reason;
    type Future = Pin<Box<dyn Future<Output = Result<Response<AppBody>, Reason>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Reason>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (parts, _body) = request.into_parts();
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        let (held, answer) = self.answer(&parts.method, target, parts.headers);
        Box::pin(async move {
            if let Some(held) = held {
                held.fired().await;
            }
            answer
        })
    }
}

impl http_body::Body for AppBody {
    type Data = Bytes;
    type Error = Reason;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Reason>>> {
        if let Some(rest) = self.rest.take() {
            return Poll::Ready(Some(Ok(Frame::data(rest))));
        }
        let broken = std::mem::take(&mut self.breaks_off);
        Poll::Ready(broken.then_some(Err(Reason::Truncated)))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_none() && !self.breaks_off
    }

    fn size_hint(&self) -> SizeHint {
        let length = self.rest.as_ref().map_or(0, |rest| rest.len() as u64);
        if self.breaks_off { SizeHint::default() } else { SizeHint::with_exact(length) }
    }
}
