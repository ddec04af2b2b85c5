//! What do visitors see? A function a page. On those that are shared nothing is of one visitor: which of the two kinds of visitor a
//! page is for is all that they are told.

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{AppendHeaders, Html, IntoResponse, Redirect, Response};
use http::StatusCode;
use http::header::{HeaderMap, SET_COOKIE};
use larder_tower::{Tags, Visitor};

use crate::sessions::{cookie, user};
use crate::site::{Site, tag};

const FLASH_OVER: &str = "flash=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax";

/// The front page: all posts, and how much was said about each.
pub(crate) async fn front(
    State(site): State<Site>,
    Extension(visitor): Extension<Visitor>,
    headers: HeaderMap,
) -> Response {
    let posts = site.posts();
    let mut text = String::from("<h1>Larder's blog</h1>\n<ul>\n");
    for (slug, post) in &posts {
        let (title, comments) = (post.title, post.comments.len());
        text += &format!("<li><a href=\"/posts/{slug}\">{title}</a>, {comments} comments</li>\n");
    }
    text += "</ul>\n";
    let is_member = is_member(&site, &visitor, &headers);
    let tags = Tags::new(posts.keys().map(|slug| tag(slug)));
    (Extension(tags), page(&site, is_member, &headers, &text)).into_response()
}

/// A post with its comments and a form for one more.
pub(crate) async fn post(
    State(site): State<Site>,
    Extension(visitor): Extension<Visitor>,
    Path(slug): Path<String>,
    headers: HeaderMap,
) -> Response {
    let posts = site.posts();
    let Some(post) = posts.get(&slug) else {
        return (StatusCode::NOT_FOUND, "There is no such post.\n").into_response();
    };
    let mut text = format!("<h1>{}</h1>\n<p>{}</p>\n", post.title, post.text);
    for comment in &post.comments {
        let (author, words) = (escaped(&comment.author), escaped(&comment.text));
        text += &format!("<blockquote>{words} <cite>{author}</cite></blockquote>\n");
    }
    let is_member = is_member(&site, &visitor, &headers);
    // There is no token in it: `forms.rs` says how a form of another site is told apart, and the page can be everybody's.
    let name = "<input name=\"author\" placeholder=\"Your name\">";
    let name = if is_member { "" } else { name };
    text += &format!(
        "<form method=\"post\" action=\"/posts/{slug}/comments\">{name}\
         <textarea name=\"text\"></textarea><button>Say it</button></form>\n"
    );
    (Extension(Tags::new([tag(&slug)])), page(&site, is_member, &headers, &text)).into_response()
}

/// A member's own page: never stored, by the rules.
pub(crate) async fn me(State(site): State<Site>, headers: HeaderMap) -> Response {
    match user(site.sessions(), &headers) {
        Some(user) => {
            let renewed = site.sessions().renewed(&headers).map(|cookie| (SET_COOKIE, cookie));
            let html = Html(format!("<p>You are {}.</p>\n", escaped(&user)));
            (AppendHeaders(renewed), html).into_response()
        }
        None => Redirect::to("/login").into_response(),
    }
}

/// The form to log in by.
pub(crate) async fn login() -> Html<&'static str> {
    Html(
        "<form method=\"post\"><input name=\"user\"><input name=\"password\" type=\"password\">\
         <button>Log in</button></form>\n",
    )
}

/// Which of the two kinds of page it is to be. The cache says so where it asks for many; of a session that it could not verify only
/// the application knows.
fn is_member(site: &Site, visitor: &Visitor, headers: &HeaderMap) -> bool {
    match visitor.identity() {
        Some(identity) => identity.is_authenticated(),
        None => user(site.sessions(), headers).is_some(),
    }
}

/// A whole page. A message that waits for this visitor is on it once; who has one gets a page of their own, by the rules
/// (`bypass_cookies`), so it is on nobody else's.
fn page(site: &Site, is_member: bool, headers: &HeaderMap, text: &str) -> Response {
    let who = if is_member {
        "<form method=\"post\" action=\"/logout\"><a href=\"/me\">You</a> <button>Log out</button></form>"
    } else {
        "<a href=\"/login\">Log in</a>"
    };
    let flash = cookie(headers, "flash").filter(|flash| !flash.is_empty());
    let message = match flash {
        Some("thanks") => "<p class=\"message\">Thank you for your comment.</p>\n",
        Some(_) | None => "",
    };
    let number = site.page_number();
    let html = Html(format!(
        "<!doctype html><title>Blog</title>\n<nav>{who}</nav>\n{message}{text}<footer>Page {number}</footer>\n"
    ));
    match flash {
        Some(_) => (AppendHeaders([(SET_COOKIE, FLASH_OVER)]), html).into_response(),
        None => html.into_response(),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
