//! All of hbcore in a program without a standard library and without an allocator.
//!
//! If core came to allocate, this would not link. It runs a cluster of two nodes in memory, over a datagram link and a
//! serial one, through start, death and return; its exit code says how far it came (0: all the way).

#![no_std]
#![no_main]

mod configuration;
mod pair;

use core::panic::PanicInfo;

// What a program needs to begin and to end: not the allocator that is in the same library.
#[link(name = "c")]
unsafe extern "C" {
    safe fn abort() -> !;
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    abort()
}

/// What the C run-time calls.
#[unsafe(no_mangle)]
extern "C" fn main() -> i32 {
    if !configuration::parses() {
        return 1;
    }
    pair::lives()
}
