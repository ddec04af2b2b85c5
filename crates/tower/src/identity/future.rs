//! The future of a response: the inner service's, confirmed where it was made for somebody.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::Response;
use http::header::{HeaderMap, HeaderValue, VARY};
use larder_policy::identity::field::LARDER_IDENTITY;
use pin_project_lite::pin_project;

use super::watch::Watch;

pin_project! {
    /// The response of an [`IdentityService`](super::IdentityService).
    #[derive(Debug)]
    pub struct IdentityFuture<F> {
        #[pin]
        inner: F,
        watch: Watch,
    }
}

impl<F> IdentityFuture<F> {
    pub(super) const fn new(inner: F, watch: Watch) -> Self {
        Self { inner, watch }
    }
}

impl<F, U, E> Future for IdentityFuture<F>
where
    F: Future<Output = Result<Response<U>, E>>,
{
    type Output = Result<Response<U>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = ready!(this.inner.poll(cx))?;
        if this.watch.confirms() {
            confirm(response.headers_mut());
        }
        Poll::Ready(Ok(response))
    }
}

/// Says that the page was made for whom the request named: `Larder-Identity` among the members of `Vary` (RFC 9110 §12.5.5).
fn confirm(headers: &mut HeaderMap) {
    let is_there = headers
        .get_all(VARY)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii))
        .any(|member| member.eq_ignore_ascii_case(LARDER_IDENTITY.as_str().as_bytes()));
    if !is_there {
        // A response that is too full for it is not confirmed, and so not stored.
        let _too_full = headers.try_append(VARY, HeaderValue::from(LARDER_IDENTITY));
    }
}
