//! The layers at an application's door: each alone around a small service, all together in the right and in the wrong order, and
//! around an axum router.

#[cfg(test)]
mod https_redirect;
#[cfg(test)]
mod hygiene;
#[cfg(test)]
mod never_cache;
#[cfg(test)]
mod scheme;
#[cfg(test)]
mod together;
#[cfg(test)]
mod world;
