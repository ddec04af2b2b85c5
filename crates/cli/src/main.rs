//! The larder command: serve, demo, check.
fn main() {}
