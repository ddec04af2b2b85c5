//! Is what the guide to the layers shows true? Its code is compiled and run as documentation tests of this crate, which has nothing
//! else to offer: the examples are its programs.

#[cfg(doctest)]
#[doc = include_str!("../docs/rust.md")]
struct Guide;
