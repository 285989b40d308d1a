//! The C ABI of hbcore. `include/hbcore.h` is made from this crate; its comments on functions are the doc comments
//! here.
//!
//! | module | C |
//! |---|---|
//! | [`cluster`] | `hb_cluster_init`, inputs, `hb_cluster_complete` |
//! | [`poll`] | datagrams to send, effects, events; the deadline |
//! | [`view`], [`counter`] | nodes, groups, links, counters |
//! | [`event`] | events, and their texts |
//! | [`config`] | the plain structure |
//! | [`files`], [`media`], [`words`] | `ha.cf`, `authkeys`, `haresources`: problems, media, resources |
//! | [`packet`] | packets without a cluster |
//! | [`agent`] | for resource agents |
//! | [`edge`] | turns pointers of C into references: the only module with unsafe blocks |
//!
//! A small library has no files, and nothing for programs other than the node: it has no `files`, `media`, `words`,
//! `packet` and `agent`.
#![cfg_attr(not(any(feature = "std", test)), no_std)]
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)
)]
#![expect(clippy::missing_safety_doc, reason = "the first page of the header has the contract of all functions")]

// In the order of the header.
pub mod result;
pub mod version;

pub mod limits;
pub mod text;

pub mod config;

pub mod cluster;
pub mod event;
pub mod poll;
pub mod view;

pub mod counter;

#[cfg(not(feature = "small"))]
pub mod files;
#[cfg(not(feature = "small"))]
pub mod media;
#[cfg(not(feature = "small"))]
pub mod words;

#[cfg(not(feature = "small"))]
pub mod agent;
#[cfg(not(feature = "small"))]
pub mod message;
#[cfg(not(feature = "small"))]
pub mod packet;

pub mod edge;

/// Core does not panic on any input. If it does, stop here, so that a hardware watchdog resets the machine.
#[cfg(not(any(feature = "std", test)))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
