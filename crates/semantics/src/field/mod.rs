//! How header fields are read and written, one field a file. Reading is total: what can't be read
//! becomes the value that leads away from the cache.

pub mod age;
pub mod cache_control;
pub mod date;
pub mod etag;
pub mod list;
pub mod names;
pub mod targeted;
