//! How is one HTTP/2 stream answered? RFC 9113 §8.
//!
//! A response that fails in the middle is reset (§8.1.1), never ended: a reader must not take the
//! part for the whole. Bytes are taken from the pipeline only as fast as the client takes them.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{RecvStream, SendStream};
use http::header::{
    CONNECTION, CONTENT_LENGTH, DATE, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING,
    UPGRADE,
};
use http::{Method, Request, Response, StatusCode, Version};
use http_body::{Body, Frame, SizeHint};
use larder_semantics::Reason;
use tokio::time::{Sleep, sleep, timeout};
use tower_service::Service;

use super::interim::{H2Interim, InterimQueue};
use super::site::{Site, Worker};
use super::state::ConnState;
use crate::clock;
use crate::context::{Caller, ConnContext, CutOff, Protocol};
use crate::inbound::{Inbound, InboundError};
use crate::settings::SharedLimits;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// A stream in progress: the connection is not idle while one is.
#[derive(Debug)]
pub(crate) struct Open(Arc<ConnState>);

impl Open {
    pub(crate) fn new(state: &Arc<ConnState>) -> Self {
        state.stream_opened();
        Self(Arc::clone(state))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.stream_closed();
    }
}

/// Answers one stream.
pub(crate) async fn serve<P: Site>(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    worker: Arc<Worker<P>>,
    caller: Caller,
    open: Open,
) {
    let is_head = *request.method() == Method::HEAD;
    let interim = Arc::new(H2Interim::new());
    let context = ConnContext {
        peer: caller.peer,
        scheme: caller.scheme,
        protocol: Protocol::H2,
        interim: InterimQueue::h2(Arc::clone(&interim)),
        worker: worker.number,
        cut_off: CutOff::default(),
    };
    let (_, mut service) = worker.connect(Arc::new(context));
    let answer = service.call(inbound(request, &worker.limits));
    let response = match head(answer, &interim, &mut respond).await {
        Some(Ok(response)) => response,
        Some(Err(_)) => return respond.send_reset(h2::Reason::INTERNAL_ERROR),
        // The client does not want it any more.
        None => return,
    };
    interim.close();
    let (mut head, body) = response.into_parts();
    dress(&mut head, &body, is_head);
    let declared = content_length(&head.headers);
    let bodiless = is_head
        || body.is_end_stream()
        || matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let Ok(mut stream) = respond.send_response(Response::from_parts(head, ()), bodiless) else {
        return;
    };
    if !bodiless {
        match pump(body, &mut stream, declared, &worker.limits).await {
            Ok(()) => {}
            Err(Stopped::Gone) => {}
            Err(Stopped::Failed) => stream.send_reset(h2::Reason::INTERNAL_ERROR),
            Err(Stopped::NotTaken) => {
                worker.connections.counters().refuse(Reason::SendTimeout);
                stream.send_reset(h2::Reason::CANCEL);
            }
        }
    }
    drop(open);
}

fn inbound(request: Request<RecvStream>, limits: &SharedLimits) -> Request<Inbound> {
    let length = content_length(request.headers());
    request.map(|body| {
        if body.is_end_stream() {
            Inbound::Empty
        } else {
            Inbound::H2(Box::new(H2Body {
                body,
                length,
                data_over: false,
                limits: Arc::clone(limits),
                wait: None,
            }))
        }
    })
}

/// Waits for the pipeline's answer, sending interim responses meanwhile. `None`: the client reset the stream.
async fn head<F, B, E>(
    answer: F,
    interim: &H2Interim,
    respond: &mut SendResponse<Bytes>,
) -> Option<Result<Response<B>, E>>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    let mut answer = pin!(answer);
    poll_fn(|cx| {
        interim.task().set(cx.waker());
        if respond.poll_reset(cx).is_ready() {
            return Poll::Ready(None);
        }
        let answered = answer.as_mut().poll(cx);
        for head in interim.take() {
            // A client that went away in between is noticed at the next step.
            drop(respond.send_informational(head));
        }
        answered.map(Some)
    })
    .await
}

/// RFC 9113 §8.2.2: no connection-specific fields. RFC 9110 §6.6.1: `Date`, where nobody set one.
fn dress<B: Body>(head: &mut http::response::Parts, body: &B, is_head: bool) {
    head.version = Version::HTTP_2;
    for name in [CONNECTION, KEEP_ALIVE, PROXY_CONNECTION, TRANSFER_ENCODING, UPGRADE] {
        head.headers.remove(name);
    }
    if !head.headers.contains_key(DATE) {
        head.headers.insert(DATE, clock::date());
    }
    if !is_head
        && !head.headers.contains_key(CONTENT_LENGTH)
        && !matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        && let Some(length) = body.size_hint().exact()
    {
        head.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Why a body was not sent to its end.
enum Stopped {
    /// The client reset the stream or left.
    Gone,
    /// The pipeline's body failed, or is not as long as the head said.
    Failed,
    /// The client takes nothing.
    NotTaken,
}

async fn pump<B: Body<Data = Bytes>>(
    body: B,
    stream: &mut SendStream<Bytes>,
    declared: Option<u64>,
    limits: &SharedLimits,
) -> Result<(), Stopped> {
    let mut body = pin!(body);
    let mut left = declared;
    loop {
        let frame = poll_fn(|cx| {
            // Nobody reads: do not ask the application for more.
            if stream.poll_reset(cx).is_ready() {
                return Poll::Ready(Err(Stopped::Gone));
            }
            body.as_mut().poll_frame(cx).map(Ok)
        })
        .await?;
        let Some(frame) = frame else {
            if left.is_some_and(|left| left != 0) {
                return Err(Stopped::Failed);
            }
            return stream.send_data(Bytes::new(), true).map_err(|_| Stopped::Gone);
        };
        let frame = frame.map_err(|_| Stopped::Failed)?;
        match frame.into_data() {
            Ok(data) => {
                let length = data.len() as u64;
                left = match left {
                    Some(left) => Some(left.checked_sub(length).ok_or(Stopped::Failed)?),
                    None => None,
                };
                let last = body.is_end_stream() && left.is_none_or(|left| left == 0);
                send(stream, data, last, limits).await?;
                if last {
                    return Ok(());
                }
            }
            Err(frame) => {
                if let Ok(trailers) = frame.into_trailers() {
                    if left.is_some_and(|left| left != 0) {
                        return Err(Stopped::Failed);
                    }
                    return stream.send_trailers(trailers).map_err(|_| Stopped::Gone);
                }
            }
        }
    }
}

/// Sends one piece in as many frames as the client's window takes.
async fn send(
    stream: &mut SendStream<Bytes>,
    mut data: Bytes,
    last: bool,
    limits: &SharedLimits,
) -> Result<(), Stopped> {
    while !data.is_empty() {
        stream.reserve_capacity(data.len());
        if stream.capacity() == 0 {
            let limit = limits.load().send;
            match timeout(limit, poll_fn(|cx| capacity(stream, cx))).await {
                Ok(true) => {}
                Ok(false) => return Err(Stopped::Gone),
                Err(_) => return Err(Stopped::NotTaken),
            }
        }
        let part = data.split_to(stream.capacity().min(data.len()));
        let ends = last && data.is_empty();
        stream.send_data(part, ends).map_err(|_| Stopped::Gone)?;
        if ends {
            return Ok(());
        }
    }
    if last {
        stream.send_data(Bytes::new(), true).map_err(|_| Stopped::Gone)?;
    }
    Ok(())
}

/// `true` when something can be sent, `false` when nothing ever will.
fn capacity(stream: &mut SendStream<Bytes>, cx: &mut Context<'_>) -> Poll<bool> {
    loop {
        match std::task::ready!(stream.poll_capacity(cx)) {
            Some(Ok(0)) => {}
            Some(Ok(_)) => return Poll::Ready(true),
            Some(Err(_)) | None => return Poll::Ready(false),
        }
    }
}

/// A request's body from an HTTP/2 stream.
pub(crate) struct H2Body {
    body: RecvStream,
    length: Option<u64>,
    data_over: bool,
    limits: SharedLimits,
    /// Set up only when a wait begins: bodies that come at once need no timer.
    wait: Option<Pin<Box<Sleep>>>,
}

impl std::fmt::Debug for H2Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("H2Body").field("length", &self.length).finish_non_exhaustive()
    }
}

impl H2Body {
    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, InboundError>>> {
        let came = self.poll_part(cx);
        if came.is_ready() {
            self.wait = None;
            return came;
        }
        let limit = self.limits.load().body;
        let wait = self.wait.get_or_insert_with(|| Box::pin(sleep(limit)));
        wait.as_mut().poll(cx).map(|()| Some(Err(InboundError::TimedOut)))
    }

    fn poll_part(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, InboundError>>> {
        if !self.data_over {
            match std::task::ready!(self.body.poll_data(cx)) {
                Some(Ok(data)) => {
                    // Room for as much more: whoever polls has taken the piece before.
                    let released = self.body.flow_control().release_capacity(data.len());
                    return Poll::Ready(Some(
                        released.map(|()| Frame::data(data)).map_err(InboundError::H2),
                    ));
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(InboundError::H2(error)))),
                None => self.data_over = true,
            }
        }
        let trailers = std::task::ready!(self.body.poll_trailers(cx));
        Poll::Ready(trailers.map_err(InboundError::H2).transpose().map(|t| t.map(Frame::trailers)))
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        // The length is of the whole body; hyper's client only asks before the first piece.
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
