//! The ordinary exchange: a request without a body, and a response with a length, read where it is
//! wanted. Whatever else comes, hyper goes on from there ([`drive`]), so that there is one judge of
//! what is malformed.

use std::future::poll_fn;
use std::io;

use bytes::Bytes;
use http::{Method, Response, StatusCode, Version};

use larder_semantics::Reason;

use crate::UpstreamError;
use crate::body::{Flow, said_by};
use crate::connect::{drive, tls_reason};
use crate::direct::{Direct, READ_BYTES};
use crate::exchange::{Answer, Ready, Try, again, over_driven, pass_on};
use crate::head::{self, Heard, Plain};
use crate::pool::Link;
use crate::response::{Afterwards, check, keep};
use crate::socket::Before;

/// Reads after which a head that is still not complete is hyper's: each one looks at all of it.
const READS_MAX: usize = 8;

/// What came of waiting for a response.
enum Came {
    /// And what was read of its body.
    Plain(Plain, Bytes),
    /// These bytes, which are for hyper.
    Other(Bytes),
    /// The connection ended without a byte.
    Nothing(io::Error),
}

/// One exchange on a direct connection.
pub(crate) async fn over_direct(which: Try, ready: Ready, mut direct: Direct) -> Answer {
    direct.wire.begin(false, false);
    let came = match direct.send(&ready.head).await {
        Ok(()) => listen(&mut direct, &ready.head.method).await,
        Err(error) => Came::Nothing(error),
    };
    match came {
        Came::Plain(plain, read) => accept(plain, read, direct, ready),
        Came::Other(read) => {
            let (worker, target) = (ready.lease.worker(), ready.lease.backend().target());
            let driven = drive(direct, Some(Before::read(read)), worker, target).await?;
            Box::pin(over_driven(Try::Last, ready, driven)).await
        }
        Came::Nothing(error) => Box::pin(unanswered(which, ready, direct, error)).await,
    }
}

/// Waits for the response's head.
async fn listen(direct: &mut Direct, asked: &Method) -> Came {
    for _ in 0..READS_MAX {
        match poll_fn(|cx| direct.poll_read(cx, READ_BYTES)).await {
            // Whatever it was, the end of what came before it tells hyper as much.
            Ok(0) | Err(_) if direct.has_more() && !direct.wire.is_abandoned() => break,
            Ok(0) => return Came::Nothing(io::ErrorKind::UnexpectedEof.into()),
            Err(error) => return Came::Nothing(error),
            Ok(_) => {}
        }
        let bytes = direct.take();
        match head::read(&bytes, asked) {
            // How long a head may be is hyper's to know, but none is refused for so few bytes.
            Heard::Plain(plain) if plain.head_bytes <= READ_BYTES => {
                let read = bytes.slice(plain.head_bytes..);
                return Came::Plain(plain, read);
            }
            Heard::Part if bytes.len() < READ_BYTES => direct.put_back(&bytes),
            Heard::Plain(_) | Heard::Other | Heard::Part => return Came::Other(bytes),
        }
    }
    Came::Other(direct.take())
}

/// Finds out why nothing came, and tries again where that can do no harm.
async fn unanswered(which: Try, mut ready: Ready, direct: Direct, error: io::Error) -> Answer {
    let over = said_by(&direct.wire);
    let heard = direct.wire.was_heard();
    let reason = over.or_else(|| tls_reason(&error)).unwrap_or(Reason::ClosedEarly);
    let cause = UpstreamError::new(reason, ready.lease.backend().target()).because(error);
    let harmless = direct.used && ready.plan.repeatable && !heard && over.is_none();
    drop(direct);
    if which == Try::First && harmless {
        return again(cause, ready).await;
    }
    ready.lease.failed();
    Err(cause)
}

/// Lets a response's body hold the connection and the place.
fn accept(plain: Plain, mut read: Bytes, direct: Direct, ready: Ready) -> Answer {
    let Plain { status, mut fields, reason, length, closes, keeps, .. } = plain;
    let Ready { mut lease, .. } = ready;
    direct.wire.head_arrived();
    lease.succeeded();
    let idle = lease.worker().settings.idle;
    // All that could be said about its framing is known, but of these.
    let mut checked = if keeps || status == StatusCode::NO_CONTENT {
        check(status, Version::HTTP_11, &mut fields, idle)
    } else {
        Ok(keep(idle))
    };
    let body_read = usize::try_from(length).unwrap_or(usize::MAX).min(read.len());
    if let Ok(afterwards) = &mut checked
        && (closes || read.len() > body_read)
    {
        // What came beyond a response is the answer to nothing.
        *afterwards = Afterwards::Close;
    }
    read.truncate(body_read);
    let (mut head, ()) = Response::new(()).into_parts();
    head.status = status;
    head.headers = fields;
    if let Some(reason) = reason {
        head.extensions.insert(reason);
    }
    pass_on(head, checked, Flow::Direct(read), Some(length), Link::Direct(direct), lease)
}
