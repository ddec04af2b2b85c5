//! `POST /warm`: which pages are fetched before anybody asks for them, and what came of it?

use std::net::IpAddr;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::Full;
use serde_json::{Value, json as value};

use super::order::{self, Problem, json};
use crate::exposition::Sources;
use crate::limits::WARM_WAIT;
use crate::warm::{Asked, Counted, Queued, Row, read};

/// The answer to a request for `/warm` that `peer` sent.
pub(super) async fn page<B>(
    request: Request<B>,
    peer: IpAddr,
    sources: &Sources,
) -> Response<Full<Bytes>>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    match warm(request, peer, sources).await {
        Ok((status, body)) => json(status, "application/json", &body),
        Err(problem) => problem.answer(),
    }
}

async fn warm<B>(
    request: Request<B>,
    peer: IpAddr,
    sources: &Sources,
) -> Result<(StatusCode, Value), Problem>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    let body = order::take(request, peer, sources).await?;
    let Asked { wishes, waits } = read(&body)
        .map_err(|detail| Problem::new(StatusCode::BAD_REQUEST, "This can't be fetched", detail))?;
    if sources.draining.load(Ordering::Relaxed) {
        let detail = "nothing is fetched any more, and what is stored ends with the process";
        let status = StatusCode::SERVICE_UNAVAILABLE;
        return Err(Problem::new(status, "Larder is ending", detail));
    }
    if waits {
        let rows = sources.warmer.fetch(wishes, WARM_WAIT).await;
        let rows: Vec<Value> = rows.iter().map(Row::json).collect();
        return Ok((StatusCode::OK, value!({ "pages": rows })));
    }
    let Queued { queued, known, dropped } = sources.warmer.want(wishes);
    let Counted { in_queue, in_progress, paused, .. } = sources.warmer.counted();
    let body = value!({
        "queued": queued,
        "known": known,
        "dropped": dropped,
        "queue": { "pages": in_queue, "in_progress": in_progress, "paused_sites": paused },
    });
    Ok((StatusCode::ACCEPTED, body))
}
