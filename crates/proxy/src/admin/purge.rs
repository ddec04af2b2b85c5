//! `POST /purge`: what do they want purged, and what do they hear?
//!
//! Everything is JSON; what is wrong is told by RFC 9457, with the value and what to write instead.

use std::net::IpAddr;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::Full;
use larder_cache::purge::{Count, Purged};
use larder_publish::Erasure;
use larder_publish::limits::PURGE_WAIT;

use super::order::{self, Problem, json};
use crate::exposition::Sources;
use crate::purge::{Asked, Then, read, report};
use crate::warm::Queued;

/// What was done.
struct Done {
    purged: Purged,
    then: Then,
    /// How many pages are fetched again, where that is known by now.
    queued: Option<Queued>,
    /// What became of published pages, if there are any.
    erasure: Option<Erasure>,
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
        Ok(Done { purged, then, queued, erasure }) => {
            let counted = match purged.count {
                Count::Exact => "exact",
                Count::Estimate => "estimate",
            };
            let mut body = serde_json::json!({
                "purged": { "pages": purged.pages, "variants": purged.variants, "counted": counted },
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
            for (name, member) in report::members(erasure.as_ref()) {
                if let (Some(members), Some(member)) = (body.as_object_mut(), member) {
                    members.insert(name.to_owned(), member);
                }
            }
            let status = erasure.as_ref().map_or(StatusCode::OK, report::status);
            json(status, "application/json", &body)
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
    let desk = &sources.desk;
    let (purged, queued) = if waits {
        desk.carry_out_whole(purges.clone(), then).await.ok_or_else(|| {
            let detail = "nothing was counted, and what is stored ends with the process";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "Larder is ending", detail)
        })?
    } else {
        (desk.carry_out(&purges, then), None)
    };
    let erasure = match desk.erase(&purges, PURGE_WAIT) {
        Some(erasing) => Some(erasing.await),
        None => None,
    };
    Ok(Done { purged, then, queued, erasure })
}
