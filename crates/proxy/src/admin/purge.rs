//! `POST /purge`: what do they want purged, and what do they hear?
//!
//! Everything is JSON; what is wrong is told by RFC 9457, with the value and what to write instead.

use std::net::IpAddr;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::Full;
use larder_cache::purge::{Count, Purged};

use super::order::{self, Problem, json};
use crate::exposition::Sources;
use crate::purge::{Asked, Then, read};
use crate::warm::Queued;

/// What was done.
struct Done {
    purged: Purged,
    then: Then,
    /// How many pages are fetched again, where that is known by now.
    queued: Option<Queued>,
}

/// The answer to a request for `/purge` that `peer` sent.
pub(super) async fn page<B>(
    request: Request<B>,
    peer: IpAddr,
    sources: &Sources,
) -> Response<Full<Bytes>>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    match purge(request, peer, sources).await {
        Ok(Done { purged, then, queued }) => {
            let counted = match purged.count {
                Count::Exact => "exact",
                Count::Estimate => "estimate",
            };
            let mut body = serde_json::json!({
                "purged": { "pages": purged.pages, "variants": purged.variants, "counted": counted },
                "reached": ["memory"],
                "not_reached": [],
            });
            if then == Then::Warm
                && let Some(members) = body.as_object_mut()
            {
                let warm = queued.map_or_else(
                    || serde_json::json!({}),
                    |queued| serde_json::json!({ "queued": queued.queued + queued.known }),
                );
                members.insert("warm".to_owned(), warm);
            }
            json(StatusCode::OK, "application/json", &body)
        }
        Err(problem) => problem.answer(),
    }
}

async fn purge<B>(request: Request<B>, peer: IpAddr, sources: &Sources) -> Result<Done, Problem>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    let body = order::take(request, peer, sources).await?;
    let Asked { purges, waits, then } = read(&body)
        .map_err(|detail| Problem::new(StatusCode::BAD_REQUEST, "This can't be purged", detail))?;
    if !waits {
        return Ok(Done { purged: sources.desk.carry_out(&purges, then), then, queued: None });
    }
    let done = sources.desk.carry_out_whole(purges, then).await;
    let (purged, queued) = done.ok_or_else(|| {
        let detail = "nothing was counted, and what is stored ends with the process";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "Larder is ending", detail)
    })?;
    Ok(Done { purged, then, queued })
}
