//! Fuzzes `content_range`: what must hold is said in `larder_fuzz_targets`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| larder_fuzz_targets::run("content_range", data));
