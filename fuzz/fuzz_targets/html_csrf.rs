//! Fuzzes `html_csrf`: what must hold is said in `larder_fuzz_targets`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| larder_fuzz_targets::run("html_csrf", data));
