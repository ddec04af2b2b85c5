//! Pages that are laid down in Memcached for nginx to answer with: under which key, and which pages at all.
//!
//! nginx sees the request and nothing of the answer but its bytes: no status, no field. So a page is published only where
//! nginx would answer everybody who gets to it as Larder would ([`Publishing::may_publish`]), and under a key that nginx can
//! work out from a request alone ([`KeyScheme`]). What looks a page up is `larder nginx-conf`'s.

mod content_type;
mod fields;
mod key;
mod publishing;

pub use content_type::{ContentType, HTML};
pub use fields::{OBEYED_FIELDS, is_obeyed};
pub use key::{
    KEY_BYTES_MAX, KeyScheme, KeyStyle, TARGET_BYTES_MAX, django_nginx_memcache_key,
    is_page_version,
};
pub use publishing::{Candidate, Publication, Publishing};
