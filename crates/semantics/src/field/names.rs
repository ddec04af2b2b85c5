//! Names of the fields that the `http` crate has no constants for.

use http::HeaderName;

macro_rules! names {
    ($($constant:ident $name:literal;)*) => {
        $(#[doc = concat!("`", $name, "`")] pub static $constant: HeaderName = HeaderName::from_static($name);)*
    };
}

names! {
    CONTENT_DIGEST "content-digest";
    CONTENT_MD5 "content-md5";
    DIGEST "digest";
    KEEP_ALIVE "keep-alive";
    PROXY_AUTHENTICATION_INFO "proxy-authentication-info";
    PROXY_CONNECTION "proxy-connection";
    REPR_DIGEST "repr-digest";
    SURROGATE_CONTROL "surrogate-control";
    CDN_CACHE_CONTROL "cdn-cache-control";
}
