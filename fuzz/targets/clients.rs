//! See `hbcore_fuzz::TARGETS`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hbcore_fuzz::clients::run(data));
