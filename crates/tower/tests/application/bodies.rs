//! Bodies of other types than those of most services: not in `Bytes`, not to be moved.

use std::collections::VecDeque;
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use larder_tower::RequestBody;
use pin_project_lite::pin_project;
use tower::{Layer as _, service_fn};

use crate::world::{BLOG, World, get, seen};

pin_project! {
    /// A body that can't be moved once it is read, in pieces that are no `Bytes`.
    struct Odd {
        pieces: VecDeque<&'static [u8]>,
        #[pin]
        pinned: PhantomPinned,
    }
}

impl Body for Odd {
    type Data = VecDeque<u8>;
    type Error = std::io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<VecDeque<u8>>, std::io::Error>>> {
        Poll::Ready(
            self.project()
                .pieces
                .pop_front()
                .map(|piece| Ok(Frame::data(piece.iter().copied().collect()))),
        )
    }
}

#[tokio::test]
async fn any_body_is_stored_and_passed_on() {
    let world = World::new(BLOG);
    let service = world.cache.layer(service_fn(async |_: Request<Full<Bytes>>| {
        let pieces = VecDeque::from([&b"a "[..], b"post"]);
        Ok::<_, std::io::Error>(Response::new(Odd { pieces, pinned: PhantomPinned }))
    }));
    for (path, is_hit) in [("/blog/a", false), ("/blog/a", true), ("/account/me", false)] {
        let seen = seen(service.clone(), get(path)).await;
        assert_eq!((seen.body.as_str(), seen.is_hit()), ("a post", is_hit), "{path}");
    }
}

#[tokio::test]
async fn a_wrapped_body_is_what_it_wraps_or_nothing() {
    let world = World::new(BLOG);
    let service =
        world.cache.layer(service_fn(async |request: Request<RequestBody<Full<Bytes>>>| {
            let body = http_body_util::BodyExt::collect(request.into_body()).await?;
            Ok::<_, std::convert::Infallible>(Response::new(Full::new(body.to_bytes())))
        }));
    let post = Request::post("/x").header("host", "site.test").body(Full::from("sent")).unwrap();
    let answer = seen(service.clone(), post.map(RequestBody::from)).await;
    assert_eq!(answer.body, "sent");
    assert_eq!(seen(service, get("/blog/a").map(RequestBody::from)).await.body, "");
    let nothing = RequestBody::<Full<Bytes>>::default();
    assert!(nothing.is_end_stream());
    assert_eq!(SizeHint::exact(&nothing.size_hint()), Some(0));
}
