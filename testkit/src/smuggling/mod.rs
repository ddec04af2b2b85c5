//! Whether a proxy can be made to send an application a request that nobody made: a corpus and its judge.
//!
//! `corpus/smuggling/*.http` holds one attempt a file: what has to become of it, why, and the bytes, spelled so
//! that they can be read (see [`Case`]). Every attempt tries to get a request for `/smuggled` through.
//! [`run_smuggling`] sends each on its own connection and then a plain request behind it: the answer to
//! that one shows whether the connections to the application are still in step.

mod case;

use std::net::SocketAddr;

pub use case::{Case, Expect, cases};

use crate::client::{Client, ReadError};
use crate::origin::Origin;
use crate::received::Received;
use crate::script::Script;

/// What went wrong with one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The file's name without its ending.
    pub case: String,
    /// What was seen.
    pub what: String,
}

/// Fields that must not come in a trailer section: they would frame, route or authorise.
const NEVER_TRAILERS: [&str; 6] = [
    "content-length",
    "transfer-encoding",
    "host",
    "authorization",
    "x-forwarded-for",
    "connection",
];

/// The application the corpus needs: it answers with what it was asked, and nothing may be kept.
#[must_use]
pub fn echo_origin() -> Origin {
    Origin::answering(|request| {
        let asked = format!("{} {}", request.method, request.target);
        Script::answer("200 OK", "Cache-Control: no-store\r\n", asked)
    })
}

/// Sends every attempt through `proxy` and judges what `origin` (see [`echo_origin`]) saw of it.
///
/// # Panics
/// When the corpus can't be read.
#[must_use]
pub fn run_smuggling(proxy: SocketAddr, origin: &Origin) -> Vec<Failure> {
    run_cases(proxy, origin, &cases())
}

/// [`run_smuggling`] with some of the attempts.
#[must_use]
pub fn run_cases(proxy: SocketAddr, origin: &Origin, cases: &[Case]) -> Vec<Failure> {
    let mut failures: Vec<Failure> = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        if let Err(what) = attempt(proxy, origin, case, number) {
            failures.push(Failure { case: case.name.clone(), what });
        }
    }
    // A request that arrived after its attempt was judged is still a request that nobody made.
    if failures.is_empty() && origin.requests().iter().any(|r| r.path() == "/smuggled") {
        failures.push(Failure { case: "late".into(), what: "/smuggled at the origin".into() });
    }
    failures
}

fn attempt(proxy: SocketAddr, origin: &Origin, case: &Case, number: usize) -> Result<(), String> {
    let before = origin.request_count();
    let mut client = Client::connect(proxy);
    client.send(&case.raw);
    if case.sending_ends {
        client.finish_sending();
    }
    let answer = client.try_read_response().map(|response| response.status());
    if matches!(answer, Ok(200..400)) {
        client.finish_sending();
    }
    let (_, closed) = client.drain();
    let still_in_step = probe(proxy, number);
    let seen: Vec<Received> = origin.requests().split_off(before);
    judge(case, &answer, &seen).map_err(|what| format!("{what}; answered {answer:?}"))?;
    still_in_step?;
    if closed { Ok(()) } else { Err("the connection stays open".into()) }
}

/// Asks for something of its own on a new connection.
fn probe(proxy: SocketAddr, number: usize) -> Result<(), String> {
    let target = format!("/probe-{number}");
    let mut client = Client::connect(proxy);
    client.send(format!("GET {target} HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n"));
    match client.try_read_response() {
        Ok(response) if response.text() == format!("GET {target}") => Ok(()),
        other => Err(format!("the next request was answered with {other:?}")),
    }
}

fn judge(case: &Case, answer: &Result<u16, ReadError>, seen: &[Received]) -> Result<(), String> {
    let seen: Vec<&Received> =
        seen.iter().filter(|request| !request.path().starts_with("/probe-")).collect();
    let cut =
        |r: &Received| r.malformed.as_ref().is_some_and(|m| m.starts_with("the connection ended"));
    if let Some(bad) =
        seen.iter().find(|r| r.path() == "/smuggled" || (r.malformed.is_some() && !cut(r)))
    {
        return Err(format!(
            "the origin saw {:?} ({:?})",
            bad.raw.escape_ascii().to_string(),
            bad.malformed
        ));
    }
    let whole: Vec<&&Received> = seen.iter().filter(|r| !cut(r)).collect();
    let refused = |statuses: &[u16]| match answer {
        Ok(status) => statuses.contains(status),
        // The refusal can be lost to a reset when the proxy closes with bytes unread.
        Err(error) => *error == ReadError::Reset,
    };
    let failed = || match answer {
        Ok(status) => *status >= 400,
        Err(error) => *error != ReadError::TimedOut,
    };
    match (&case.expect, whole.as_slice()) {
        (Expect::Refused(statuses) | Expect::Either(statuses), []) if refused(statuses) => Ok(()),
        (Expect::Broken | Expect::Lenient, []) if failed() => Ok(()),
        (Expect::One | Expect::Either(_) | Expect::Lenient, [request])
            if matches!(answer, Ok(200)) =>
        {
            forwarded(case, request)
        }
        (expected, whole) => {
            Err(format!("wanted {expected:?}, the origin saw {} requests", whole.len()))
        }
    }
}

/// Judges the one request that went on.
fn forwarded(case: &Case, request: &Received) -> Result<(), String> {
    if request.target != "/a" {
        return Err(format!("the target became {:?}", request.target));
    }
    if request.field("host") != Some("site.test") {
        return Err(format!("the host became {:?}", request.field("host")));
    }
    if let Some((name, _)) = request.fields.iter().find(|(name, _)| name.contains('_')) {
        return Err(format!("{name} went on"));
    }
    let in_trailer = |name: &&str| !crate::wire::values(&request.trailers, name).is_empty();
    if let Some(name) = NEVER_TRAILERS.iter().find(|name| in_trailer(name)) {
        return Err(format!("{name} went on in the trailers"));
    }
    match &case.body {
        Some(body) if *body != request.body => {
            Err(format!("the body became {:?}", request.body.escape_ascii().to_string()))
        }
        Some(_) | None => Ok(()),
    }
}
