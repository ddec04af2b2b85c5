//! What the cache asks of the service behind it, in one place.

use bytes::Bytes;
use http::{Request, Response};
use larder_semantics::Reason;
use tower_service::Service;

use crate::cause::BoxError;
use crate::fetch::Brought;

/// A service that answers requests whose body is `B`. Implemented for every service that can be one: cloned for each fetch, and
/// sent to the task that drives it.
pub(crate) trait Inner<B>:
    Service<
        Request<B>,
        Response = Response<<Self as Inner<B>>::Raw>,
        Error: Into<BoxError>,
        Future: Send,
    > + Clone
    + Send
    + Sync
    + 'static
{
    /// The body of its responses.
    type Raw;

    /// The same, in bytes, failing with a reason.
    type Body: http_body::Body<Data = Bytes, Error = Reason> + Send + 'static;

    /// Makes the one of the other.
    fn bring(raw: Self::Raw) -> Self::Body;
}

impl<S, B, U> Inner<B> for S
where
    S: Service<Request<B>, Response = Response<U>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    U: http_body::Body + Send + 'static,
    U::Error: Into<BoxError>,
{
    type Raw = U;
    type Body = Brought<U>;

    fn bring(raw: U) -> Brought<U> {
        Brought::new(raw)
    }
}
