//! What servers and frameworks ask of a service: that it can be cloned, shared and sent; checked by the compiler.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{Empty, Full};
use larder_tower::{
    CacheBody, CacheFuture, CacheLayer, CacheService, ExplainService, Purger, RequestBody, Rules,
};
use tower::{Layer, Service};

fn shared<T: Clone + Send + Sync + 'static>() {}
fn sent<T: Send + 'static>() {}

#[test]
fn services_can_be_cloned_shared_and_sent() {
    shared::<CacheLayer>();
    shared::<CacheService<axum::Router>>();
    shared::<Purger>();
    shared::<ExplainService>();
    shared::<Rules>();
    sent::<CacheFuture<axum::body::Body>>();
    sent::<CacheBody<axum::body::Body>>();
}

/// What a server takes.
fn served<S, B, U>(_: &S)
where
    S: Service<Request<B>, Response = Response<U>, Error = std::convert::Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send,
    U: http_body::Body<Data = Bytes> + Send,
    U::Error: std::error::Error + Send + Sync,
{
}

#[test]
fn bodies_of_requests_are_any_with_a_default() {
    fn service<B: Send + 'static>(
        cache: &CacheLayer,
    ) -> CacheService<
        impl Service<Request<B>, Response = Response<Full<Bytes>>, Error = std::io::Error, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static,
    > {
        cache.layer(tower::service_fn(|_: Request<B>| {
            std::future::ready(Ok(Response::new(Full::default())))
        }))
    }
    let cache = CacheLayer::new(&Rules::from_toml("larder.toml", "").unwrap());
    served::<_, Full<Bytes>, _>(&service(&cache));
    served::<_, Empty<Bytes>, _>(&service(&cache));
    served::<_, axum::body::Body, _>(&service(&cache));
    // As hyper's `Incoming`, which has none.
    served::<_, RequestBody<BoxBody<Bytes, std::io::Error>>, _>(&service(&cache));
}
