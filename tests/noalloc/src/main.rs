//! All of hbcore in a program without a standard library and without an allocator.
//!
//! If core allocated, this would not link. It runs a cluster of two nodes in memory, over a datagram link and a serial
//! one, through start, death and return. Its exit code is the number of the step that failed (0: none).

#![no_std]
#![no_main]

mod configuration;
mod pair;

use core::panic::PanicInfo;

// The functions that a program needs to begin and to end. The allocator of the same library is not used.
#[link(name = "c")]
unsafe extern "C" {
    safe fn abort() -> !;
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    abort()
}

/// The entry point for the C run-time.
#[unsafe(no_mangle)]
extern "C" fn main() -> i32 {
    if !configuration::parses() {
        return 1;
    }
    pair::lives()
}
