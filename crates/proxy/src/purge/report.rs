//! What is said of a purge among published pages: never that it is done where it is not.

use http::StatusCode;
use larder_publish::Erasure;
use serde_json::{Value, json};

/// What reaches pages in memory.
pub(crate) const MEMORY: &str = "memory";

/// What reaches those that nginx answers with.
const MEMCACHED: &str = "memcached";

/// The status of the answer.
pub(crate) fn status(erasure: &Erasure) -> StatusCode {
    if erasure.lost.is_some() {
        // Nobody sees to it: whoever asked has to ask again.
        StatusCode::SERVICE_UNAVAILABLE
    } else if erasure.is_complete() {
        StatusCode::OK
    } else {
        StatusCode::ACCEPTED
    }
}

/// What keeps it from being complete, each reason once.
pub(crate) fn why(erasure: &Erasure) -> Vec<&str> {
    let waits = erasure.waits.iter().map(|waits| waits.why.as_str());
    let mut all: Vec<&str> = waits.chain(erasure.lost.as_deref()).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The members of the answer in JSON: what was erased where, and where the purge did and did not get to.
pub(crate) fn members(erasure: Option<&Erasure>) -> [(&'static str, Option<Value>); 3] {
    let Some(erasure) = erasure else {
        return [
            ("published", None),
            ("reached", Some(json!([MEMORY]))),
            ("not_reached", Some(json!([]))),
        ];
    };
    let servers = erasure.servers.iter().map(|(server, on)| {
        json!({ "server": server, "deleted": on.deleted, "absent": on.absent, "left": on.left })
    });
    let servers: Vec<Value> = servers.collect();
    let why = why(erasure);
    let (reached, not_reached) = match erasure.is_complete() {
        true => (json!([MEMORY, MEMCACHED]), json!([])),
        false => {
            let texts: Vec<String> = why.iter().map(|why| format!("{MEMCACHED}: {why}")).collect();
            (json!([MEMORY]), json!(texts))
        }
    };
    let kept: Vec<u64> = erasure.waits.iter().map(|waits| waits.number).collect();
    let published = json!({
        "pages": erasure.pages,
        "complete": erasure.is_complete(),
        "servers": servers,
        "kept": kept.len(),
    });
    [("published", Some(published)), ("reached", Some(reached)), ("not_reached", Some(not_reached))]
}
