//! What do forms do? Each is looked at before it is believed: a form that another site made the visitor's browser send is refused.
//!
//! No token is needed for that, and so none is in pages that are everybody's: browsers say in `Sec-Fetch-Site`, and older ones in
//! `Origin`, where a POST comes from, and scripts can't make them say otherwise.

use axum::Form;
use axum::extract::{FromRequestParts, Path, State};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use http::header::{HOST, HeaderMap, ORIGIN, SET_COOKIE};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use serde::Deserialize;

use crate::sessions::user;
use crate::site::{Comment, Site};

/// A request of the site's own pages. Extracting it refuses all others.
pub(crate) struct OwnForm;

impl<S: Sync> FromRequestParts<S> for OwnForm {
    type Rejection = (StatusCode, &'static str);

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        if is_own(&parts.headers) {
            return Ok(Self);
        }
        Err((StatusCode::FORBIDDEN, "This form was not sent from here.\n"))
    }
}

fn is_own(headers: &HeaderMap) -> bool {
    let text = |value: Option<&HeaderValue>| {
        value.and_then(|value| value.to_str().ok().map(str::to_owned))
    };
    if let Some(from) = text(headers.get("sec-fetch-site")) {
        return from == "same-origin";
    }
    let (origin, host) = (text(headers.get(ORIGIN)), text(headers.get(HOST)));
    origin.zip(host).is_some_and(|(origin, host)| {
        ["https://", "http://"].iter().any(|scheme| origin.strip_prefix(scheme) == Some(&host))
    })
}

/// What is said about a post.
#[derive(Deserialize)]
pub(crate) struct Said {
    #[serde(default)]
    author: String,
    text: String,
}

/// Takes a comment and sends its author back to the post, with a message.
pub(crate) async fn comment(
    _: OwnForm,
    State(site): State<Site>,
    Path(slug): Path<String>,
    headers: HeaderMap,
    Form(Said { author, text }): Form<Said>,
) -> Response {
    let author = user(site.sessions(), &headers).unwrap_or(author);
    match site.comment(&slug, Comment { author, text }) {
        Some(()) => {
            let flash = "flash=thanks; Path=/; Max-Age=60; HttpOnly; SameSite=Lax";
            let to = Redirect::to(&format!("/posts/{slug}"));
            (AppendHeaders([(SET_COOKIE, flash)]), to).into_response()
        }
        None => (StatusCode::NOT_FOUND, "There is no such post.\n").into_response(),
    }
}

/// Who wants to log in.
#[derive(Deserialize)]
pub(crate) struct Credentials {
    user: String,
    password: String,
}

/// Begins a session, and says by a signed marker what its pages are.
pub(crate) async fn log_in(
    _: OwnForm,
    State(site): State<Site>,
    Form(Credentials { user, password }): Form<Credentials>,
) -> Response {
    // An example has one password for everybody.
    if password != "bread" {
        return (StatusCode::FORBIDDEN, "That is not the password.\n").into_response();
    }
    match site.sessions().begin(&user) {
        Ok(cookies) => {
            let cookies = cookies.map(|cookie| (SET_COOKIE, cookie));
            (AppendHeaders(cookies), Redirect::to("/")).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Ends the session and its marker.
pub(crate) async fn log_out(_: OwnForm, State(site): State<Site>, headers: HeaderMap) -> Response {
    let cookies = site.sessions().end(&headers).map(|cookie| (SET_COOKIE, cookie));
    (AppendHeaders(cookies), Redirect::to("/")).into_response()
}
