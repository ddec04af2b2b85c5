//! What is a new connection? HTTP/2 or HTTP/1.1: as it was agreed upon with TLS, or as its first bytes tell.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use http::StatusCode;

use super::interim::InterimQueue;
use super::io::ConnIo;
use super::site::{Site, Worker};
use super::state::{Phase, Verdict};
use super::{h1, h2};
use crate::context::{Caller, ConnContext, CutOff, Protocol};
use crate::error;

enum First {
    H1,
    H2,
    Gone,
    Late(Verdict),
}

/// Serves one connection to its end.
pub(crate) async fn serve<P: Site>(mut io: ConnIo, worker: Arc<Worker<P>>, caller: Caller) {
    match first(&mut io).await {
        First::Gone => {}
        First::H1 => {
            let context = Arc::new(ConnContext {
                peer: caller.peer,
                socket: caller.socket,
                scheme: caller.scheme,
                scheme_is_in_doubt: caller.scheme_is_in_doubt,
                protocol: Protocol::H1,
                interim: InterimQueue::h1(Arc::clone(&io.state().interim)),
                worker: worker.number,
                cut_off: CutOff::default(),
            });
            h1::serve(io, worker, context).await;
        }
        First::H2 => {
            // What the client says first is as much a head as its preface would be.
            io.state().bytes_came();
            Box::pin(h2::serve(io, worker, caller)).await;
        }
        First::Late(Verdict::CloseIdle) => io.take_leave(),
        First::Late(Verdict::Refuse(reason) | Verdict::Abort(reason)) => {
            worker.connections.counters().refuse(reason);
            io.try_write(error::raw(StatusCode::REQUEST_TIMEOUT).as_bytes());
            io.linger().await;
        }
    }
}

async fn first(io: &mut ConnIo) -> First {
    let state = Arc::clone(io.state());
    poll_fn(|cx| {
        state.task().set(cx.waker());
        if let Some(verdict) = state.verdict() {
            return Poll::Ready(First::Late(verdict));
        }
        match io.poll_is_h2(cx) {
            Poll::Ready(Ok(true)) => Poll::Ready(First::H2),
            Poll::Ready(Ok(false)) => Poll::Ready(First::H1),
            Poll::Ready(Err(_)) => Poll::Ready(First::Gone),
            // Nothing has come and nothing more is wanted.
            Poll::Pending if state.is_draining() && state.phase() == Phase::Idle => {
                Poll::Ready(First::Gone)
            }
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
