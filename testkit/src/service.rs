//! An application without sockets, for scenarios in virtual time: a tower service that answers by script.
//!
//! Every step of an answer can wait for the test: before the head, between chunks, before it fails.
//! What it was sent is recorded whole. Errors are of the caller's type, so that it fits below any
//! middleware.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use tower_service::Service;

use crate::signal::{Fired, Signal};

/// One step of an answer.
#[derive(Clone, Debug)]
pub enum Part<E> {
    /// Some of the body.
    Chunk(Bytes),
    /// The trailer section.
    Trailers(HeaderMap),
    /// Breaks off.
    Fail(E),
    /// Holds until the test fires the signal.
    Wait(Signal),
    /// Tells the test that this point is reached.
    Fire(Signal),
}

/// What the service answers to a request.
#[derive(Clone, Debug)]
pub struct Answer<E> {
    before: VecDeque<Part<E>>,
    status: StatusCode,
    headers: HeaderMap,
    body: VecDeque<Part<E>>,
    declared: Option<u64>,
    dropped: Option<Signal>,
}

impl<E> Answer<E> {
    /// An answer with a status code and nothing else.
    ///
    /// # Panics
    /// When it is no status code.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self {
            before: VecDeque::new(),
            status: StatusCode::from_u16(status).expect("a status code"),
            headers: HeaderMap::new(),
            body: VecDeque::new(),
            declared: Some(0),
            dropped: None,
        }
    }

    /// 200 with a body of known length and one `Cache-Control`.
    #[must_use]
    pub fn page(cache_control: &str, body: &'static str) -> Self {
        Self::new(200).field("cache-control", cache_control).body(body)
    }

    /// Fails without a head.
    #[must_use]
    pub fn failure(error: E) -> Self {
        let mut answer = Self::new(200);
        answer.before.push_back(Part::Fail(error));
        answer
    }

    /// Adds a field line.
    ///
    /// # Panics
    /// When name or value can't stand in a field line.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a field name");
        self.headers.append(name, HeaderValue::from_str(value).expect("a field value"));
        self
    }

    /// The whole body, its length known from the start.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        self.declared = Some(body.len() as u64);
        self.body.push_back(Part::Chunk(body));
        self
    }

    /// A piece of a body whose length is not known before.
    #[must_use]
    pub fn chunk(self, chunk: impl Into<Bytes>) -> Self {
        self.then(Part::Chunk(chunk.into()))
    }

    /// Any step of a body whose length is not known before.
    #[must_use]
    pub fn then(mut self, part: Part<E>) -> Self {
        self.declared = None;
        self.body.push_back(part);
        self
    }

    /// Holds here until the test fires the signal.
    #[must_use]
    pub fn wait(self, signal: &Signal) -> Self {
        self.then(Part::Wait(signal.clone()))
    }

    /// Breaks off here.
    #[must_use]
    pub fn fail(self, error: E) -> Self {
        self.then(Part::Fail(error))
    }

    /// Says a length, whatever the body turns out to be.
    #[must_use]
    pub fn declare(mut self, len: u64) -> Self {
        self.declared = Some(len);
        self
    }

    /// Holds the head until the test fires the signal.
    #[must_use]
    pub fn wait_before_head(mut self, signal: &Signal) -> Self {
        self.before.push_back(Part::Wait(signal.clone()));
        self
    }

    /// Fails in place of the head, after what it waits for.
    #[must_use]
    pub fn fail_before_head(mut self, error: E) -> Self {
        self.before.push_back(Part::Fail(error));
        self
    }

    /// Fires the signal when whoever reads the body lets go of it, at its end or before.
    #[must_use]
    pub fn when_dropped(mut self, signal: &Signal) -> Self {
        self.dropped = Some(signal.clone());
        self
    }
}

/// A request as the service got it.
#[derive(Clone, Debug, Default)]
pub struct Sent {
    /// The method.
    pub method: Method,
    /// The target.
    pub uri: Uri,
    /// The fields.
    pub headers: HeaderMap,
    /// The body; `None` until it was read to its end.
    pub body: Option<Bytes>,
}

impl Sent {
    /// The first value of the field called `name`, as text.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

type Choose<E> = dyn Fn(&Sent) -> Answer<E> + Send + Sync;

/// The service. Clones share the script and the record.
pub struct ScriptedService<E> {
    shared: Arc<Shared<E>>,
}

struct Shared<E> {
    state: Mutex<State<E>>,
    choose: Option<Box<Choose<E>>>,
}

struct State<E> {
    answers: HashMap<String, VecDeque<Answer<E>>>,
    sent: Vec<Sent>,
    waiting: Vec<Waker>,
}

impl<E> Clone for ScriptedService<E> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<E> fmt::Debug for ScriptedService<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedService").field("sent", &self.shared.lock().sent).finish()
    }
}

impl<E: Clone> Default for ScriptedService<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E: Clone> ScriptedService<E> {
    /// A service that answers 404 until it is told more.
    #[must_use]
    pub fn new() -> Self {
        Self::start(None)
    }

    /// A service whose answers `choose` makes.
    #[must_use]
    pub fn choosing(choose: impl Fn(&Sent) -> Answer<E> + Send + Sync + 'static) -> Self {
        Self::start(Some(Box::new(choose)))
    }

    fn start(choose: Option<Box<Choose<E>>>) -> Self {
        let state = State { answers: HashMap::new(), sent: Vec::new(), waiting: Vec::new() };
        Self { shared: Arc::new(Shared { state: Mutex::new(state), choose }) }
    }

    /// Adds an answer for a path (without query); the answers are given in order, the last again and again.
    #[must_use]
    pub fn on(self, path: &str, answer: Answer<E>) -> Self {
        self.push(path, answer);
        self
    }

    /// [`ScriptedService::on`] later on.
    pub fn push(&self, path: &str, answer: Answer<E>) {
        self.shared.lock().answers.entry(path.to_owned()).or_default().push_back(answer);
    }

    /// Forgets the answers for a path and gives this one from now on.
    pub fn replace(&self, path: &str, answer: Answer<E>) {
        self.shared.lock().answers.insert(path.to_owned(), VecDeque::from([answer]));
    }

    /// What it was sent so far.
    #[must_use]
    pub fn sent(&self) -> Vec<Sent> {
        self.shared.lock().sent.clone()
    }

    /// The last request it was sent.
    ///
    /// # Panics
    /// When there was none.
    #[must_use]
    pub fn last(&self) -> Sent {
        self.shared.lock().sent.last().cloned().expect("a request")
    }

    /// How many requests it was sent.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shared.lock().sent.len()
    }

    /// Completes when it was sent so many requests.
    pub async fn wait_for(&self, count: usize) {
        poll_fn(|cx| {
            let mut state = self.shared.lock();
            if state.sent.len() >= count {
                return Poll::Ready(());
            }
            state.waiting.push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn record(&self, sent: Sent) -> (usize, Answer<E>) {
        let chosen = self.shared.choose.as_ref().map(|choose| choose(&sent));
        let mut state = self.shared.lock();
        let scripted = state.answers.get_mut(sent.uri.path()).and_then(|queue| {
            if queue.len() > 1 { queue.pop_front() } else { queue.front().cloned() }
        });
        state.sent.push(sent);
        let number = state.sent.len() - 1;
        state.waiting.drain(..).for_each(Waker::wake);
        (number, scripted.or(chosen).unwrap_or_else(|| Answer::new(404)))
    }
}

impl<E> Shared<E> {
    fn lock(&self) -> MutexGuard<'_, State<E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<B, E> Service<Request<B>> for ScriptedService<E>
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Send,
    E: Clone + Send + 'static,
{
    type Response = Response<ScriptedBody<E>>;
    type Error = E;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, E>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), E>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (head, body) = request.into_parts();
        let sent = Sent { method: head.method, uri: head.uri, headers: head.headers, body: None };
        let (number, answer) = self.record(sent);
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let read = body.collect().await.ok().map(http_body_util::Collected::to_bytes);
            if let Some(sent) = shared.lock().sent.get_mut(number) {
                sent.body = read;
            }
            for part in answer.before {
                match part {
                    Part::Fail(error) => return Err(error),
                    Part::Wait(signal) => signal.fired().await,
                    Part::Fire(signal) => signal.fire(),
                    Part::Chunk(_) | Part::Trailers(_) => {}
                }
            }
            let (parts, declared, dropped) = (answer.body, answer.declared, answer.dropped);
            let body = ScriptedBody { parts, declared, dropped, waiting: None };
            let mut response = Response::new(body);
            *response.status_mut() = answer.status;
            *response.headers_mut() = answer.headers;
            Ok(response)
        })
    }
}

/// The body of a scripted answer.
#[derive(Debug)]
pub struct ScriptedBody<E> {
    parts: VecDeque<Part<E>>,
    declared: Option<u64>,
    dropped: Option<Signal>,
    waiting: Option<Fired>,
}

impl<E> Unpin for ScriptedBody<E> {}

impl<E> Body for ScriptedBody<E> {
    type Data = Bytes;
    type Error = E;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, E>>> {
        loop {
            if let Some(waiting) = self.waiting.as_mut() {
                std::task::ready!(Pin::new(waiting).poll(cx));
                self.waiting = None;
            }
            match self.parts.pop_front() {
                None => return Poll::Ready(None),
                Some(Part::Wait(signal)) => self.waiting = Some(signal.fired()),
                Some(Part::Fire(signal)) => signal.fire(),
                Some(Part::Chunk(bytes)) => {
                    self.declared =
                        self.declared.map(|left| left.saturating_sub(bytes.len() as u64));
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Some(Part::Trailers(map)) => return Poll::Ready(Some(Ok(Frame::trailers(map)))),
                Some(Part::Fail(error)) => {
                    self.parts.clear();
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.parts.is_empty() && self.waiting.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.declared.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl<E> Drop for ScriptedBody<E> {
    fn drop(&mut self) {
        if let Some(dropped) = &self.dropped {
            dropped.fire();
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{Empty, Full};

    use super::*;

    fn now<T>(mut future: Pin<Box<dyn Future<Output = T> + Send + '_>>) -> Poll<T> {
        future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn the_last_answer_is_given_again() {
        let mut service = ScriptedService::<String>::new()
            .on("/", Answer::page("no-store", "a"))
            .on("/", Answer::new(500));
        for expected in [200, 500, 500] {
            let request = Request::get("/?q").body(Empty::<Bytes>::new()).unwrap();
            let Poll::Ready(Ok(response)) = now(service.call(request)) else { panic!("ready") };
            assert_eq!(response.status(), expected);
        }
        assert_eq!(service.count(), 3);
    }

    #[test]
    fn a_body_waits_for_the_test_and_fails_on_command() {
        let (go, gone) = (Signal::new(), Signal::new());
        let answer = Answer::new(200).chunk("a").wait(&go).fail("cut").when_dropped(&gone);
        let mut service = ScriptedService::choosing(move |_| answer.clone());
        let request = Request::post("/x").body(Full::<Bytes>::from("sent")).unwrap();
        let Poll::Ready(Ok(mut response)) = now(service.call(request)) else { panic!("ready") };
        assert_eq!(service.last().body.unwrap(), "sent");
        let mut cx = Context::from_waker(Waker::noop());
        let mut next =
            || Pin::new(response.body_mut()).poll_frame(&mut cx).map_ok(Frame::into_data);
        assert!(matches!(next(), Poll::Ready(Some(Ok(Ok(_))))));
        assert!(next().is_pending());
        go.fire();
        assert!(matches!(next(), Poll::Ready(Some(Err("cut")))));
        assert!(matches!(next(), Poll::Ready(None)));
        assert!(!gone.is_fired());
        drop(response);
        assert!(gone.is_fired());
    }
}
