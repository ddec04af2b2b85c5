//! What the cache asks of the service behind it, in one place.

use bytes::Bytes;
use http::{Request, Response};
use larder_semantics::Reason;
use tower_service::Service;

use crate::RequestBody;

/// A service that answers requests whose body is `B`'s or none. Implemented for every service that
/// can be one: cloned for each fetch, sent to the task that drives it, failing with a reason.
pub trait Inner<B>:
    Service<
        Request<RequestBody<B>>,
        Response = Response<<Self as Inner<B>>::Body>,
        Error: Into<Reason>,
        Future: Send,
    > + Clone
    + Send
    + Sync
    + 'static
{
    /// The body of its responses.
    type Body: http_body::Body<Data = Bytes, Error: Into<Reason>> + Send + Unpin + 'static;
}

impl<S, B, U> Inner<B> for S
where
    S: Service<Request<RequestBody<B>>, Response = Response<U>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: Into<Reason>,
    U: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    U::Error: Into<Reason>,
{
    type Body = U;
}
