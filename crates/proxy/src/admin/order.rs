//! Orders on the admin listener: who may give one, how it is read, and how it is told what is wrong with it.

use std::net::IpAddr;

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue, ORIGIN, WWW_AUTHENTICATE,
};
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use larder_policy::{Admission, PurgeRefused, Purgers};

use crate::exposition::Sources;
use crate::limits;

/// An answer that is not 200.
pub(super) struct Problem {
    status: StatusCode,
    title: &'static str,
    detail: String,
}

impl Problem {
    pub(super) fn new(status: StatusCode, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, title, detail: detail.into() }
    }

    /// RFC 9457 §3.1.
    pub(super) fn answer(&self) -> Response<Full<Bytes>> {
        let Self { status, title, detail } = self;
        let body =
            serde_json::json!({ "title": title, "status": status.as_u16(), "detail": detail });
        let mut response = json(*status, "application/problem+json", &body);
        let headers = response.headers_mut();
        if *status == StatusCode::UNAUTHORIZED {
            // RFC 9110 §15.5.2: it says how.
            let how = HeaderValue::from_static("Bearer realm=\"larder admin\"");
            headers.insert(WWW_AUTHENTICATE, how);
        }
        if *status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        response
    }
}

pub(super) fn json(
    status: StatusCode,
    kind: &'static str,
    body: &serde_json::Value,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(format!("{body}\n")));
    *response.status_mut() = status;
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The body of an order that `peer` sent, who may give it.
pub(super) async fn take<B>(
    request: Request<B>,
    peer: IpAddr,
    sources: &Sources,
) -> Result<Bytes, Problem>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    if request.method() != Method::POST {
        let detail = format!("{} changes nothing here: POST does", request.method());
        return Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, "Another method", detail));
    }
    let (head, body) = request.into_parts();
    admit(&sources.slot.current().admin_access, peer, &head.headers)?;
    is_json(&head.headers)?;
    whole(body).await
}

/// Who may change something.
fn admit(access: &Purgers, peer: IpAddr, headers: &HeaderMap) -> Result<(), Problem> {
    const WHO: &str = "Changes are not for everybody";
    let by = access.admit(&[peer], headers).map_err(|refused| match refused {
        PurgeRefused::Closed => {
            let detail = "nobody may change anything here: set `admin.token`, and send it as `Authorization: Bearer TOKEN`";
            Problem::new(StatusCode::FORBIDDEN, WHO, detail)
        }
        PurgeRefused::NoToken if !access.has_token() => {
            let detail = format!("{peer} is not this machine: set `admin.token`, and send it as `Authorization: Bearer TOKEN`");
            Problem::new(StatusCode::FORBIDDEN, WHO, detail)
        }
        PurgeRefused::NoToken => {
            let detail = "send the token that is in `admin.token` as `Authorization: Bearer TOKEN`";
            Problem::new(StatusCode::UNAUTHORIZED, WHO, detail)
        }
        PurgeRefused::WrongToken => {
            let detail = "this is not the token that was in `admin.token` when the configuration was read";
            Problem::new(StatusCode::UNAUTHORIZED, WHO, detail)
        }
    })?;
    match by {
        // A page of a stranger's site, in a browser of this machine.
        Admission::Peer if headers.contains_key(ORIGIN) => {
            let detail = "scripts of web pages may change nothing: this request has an `Origin`";
            Err(Problem::new(StatusCode::FORBIDDEN, WHO, detail))
        }
        Admission::Peer | Admission::Token(_) => Ok(()),
    }
}

fn is_json(headers: &HeaderMap) -> Result<(), Problem> {
    let kind = headers.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let bare = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    if bare.eq_ignore_ascii_case(b"application/json") {
        return Ok(());
    }
    let shown = String::from_utf8_lossy(bare).into_owned();
    let detail = if shown.is_empty() {
        "the body's type is not said: send `Content-Type: application/json`".to_owned()
    } else {
        format!("the body is said to be {shown}: send `Content-Type: application/json`")
    };
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Another type", detail))
}

/// The body, whole.
async fn whole<B>(body: B) -> Result<Bytes, Problem>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    let reading = Limited::new(body, limits::ADMIN_BODY_BYTES_MAX).collect();
    match tokio::time::timeout(limits::ADMIN_BODY, reading).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let most = limits::ADMIN_BODY_BYTES_MAX;
            let detail = format!("more than {most} bytes are not read: send it in several orders");
            Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "Too much at once", detail))
        }
        Ok(Err(error)) => {
            let detail = format!("the body broke off: {error}");
            Err(Problem::new(StatusCode::BAD_REQUEST, "This can't be read", detail))
        }
        Err(_) => {
            let secs = limits::ADMIN_BODY.as_secs();
            let detail = format!("the body did not come within {secs} seconds");
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "This took too long", detail))
        }
    }
}
