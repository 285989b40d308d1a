//! The capacities of a cluster, chosen when the library is built.

use crate::edge::{Slot, call, view};
use crate::result::HbResult;

// cbindgen.toml contains the lines of the header for these; c_api/arguments.c compares the numbers.

/// Capacities of the ordinary library.
/// cbindgen:ignore
#[cfg(not(feature = "small"))]
mod capacities {
    pub(crate) const HB_NODES: usize = 16;
    pub(crate) const HB_LINKS: usize = 8;
    pub(crate) const HB_SERIAL_LINKS: usize = 4;
    pub(crate) const HB_GROUPS: usize = 32;
    pub(crate) const HB_KEYS: usize = 16;
    pub(crate) const HB_HISTORY: usize = 32 * 1024;
    pub(crate) const HB_FRAME: usize = 4096;
    pub(crate) const HB_DATAGRAM: usize = 4096;
    pub(crate) const HB_CLUSTER_SIZE: usize = 73_728;
}

/// Capacities of the library for microcontrollers.
/// cbindgen:ignore
#[cfg(feature = "small")]
mod capacities {
    pub(crate) const HB_NODES: usize = 2;
    pub(crate) const HB_LINKS: usize = 1;
    pub(crate) const HB_SERIAL_LINKS: usize = 1;
    pub(crate) const HB_GROUPS: usize = 4;
    pub(crate) const HB_KEYS: usize = 2;
    pub(crate) const HB_HISTORY: usize = 2048;
    pub(crate) const HB_FRAME: usize = 768;
    pub(crate) const HB_DATAGRAM: usize = 768;
    pub(crate) const HB_CLUSTER_SIZE: usize = if size_of::<usize>() == 4 { 6464 } else { 7168 };
}

pub(crate) use capacities::*;

/// Alignment of the storage of a cluster, and of a key table.
/// cbindgen:ignore
pub const HB_CLUSTER_ALIGN: usize = 16;
/// Bytes of storage that a key table takes.
/// cbindgen:ignore
pub const HB_KEYS_SIZE: usize = 6528;
/// Longest node name in bytes, without the NUL at its end.
pub const HB_NAME_MAX: usize = 99;
/// Longest secret of a key in a plain configuration.
pub const HB_SECRET_MAX: usize = 1024;

const _: () = {
    let used = size_of::<Slot>();
    assert!(used <= HB_CLUSTER_SIZE, "HB_CLUSTER_SIZE is too small");
    assert!(size_of::<usize>() < 8 || HB_CLUSTER_SIZE - used < HB_CLUSTER_SIZE / 8, "HB_CLUSTER_SIZE wastes memory");
    assert!(align_of::<Slot>() <= HB_CLUSTER_ALIGN);
    assert!(HB_NAME_MAX == 99, "hb_node_t has room for a name of 99 bytes");
    #[cfg(not(feature = "small"))]
    assert!(
        size_of::<crate::packet::Table>() <= HB_KEYS_SIZE && align_of::<crate::packet::Table>() <= HB_CLUSTER_ALIGN
    );
};

/// The capacities of the library that runs. They should be those of the header that the program was compiled with.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct HbLimits {
    /// `HB_NODES`
    pub nodes: u32,
    /// `HB_LINKS`
    pub links: u32,
    /// `HB_SERIAL_LINKS`
    pub serial_links: u32,
    /// `HB_GROUPS`
    pub groups: u32,
    /// `HB_KEYS`
    pub keys: u32,
    /// `HB_HISTORY`
    pub history: u32,
    /// `HB_FRAME`
    pub frame: u32,
    /// `HB_DATAGRAM`
    pub datagram: u32,
    /// Bytes of storage that a cluster uses: at most `HB_CLUSTER_SIZE`. This many bytes are enough for
    /// `hb_cluster_init`.
    pub cluster_used: u32,
}

/// Reads the capacities of the library that runs. `size` is `sizeof *limits`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_limits(limits: *mut HbLimits, size: usize) -> HbResult {
    call(|| {
        let limits = view(limits, size)?;
        limits.set(HbLimits {
            nodes: HB_NODES as u32,
            links: HB_LINKS as u32,
            serial_links: HB_SERIAL_LINKS as u32,
            groups: HB_GROUPS as u32,
            keys: HB_KEYS as u32,
            history: HB_HISTORY as u32,
            frame: HB_FRAME as u32,
            datagram: HB_DATAGRAM as u32,
            cluster_used: size_of::<Slot>() as u32,
        });
        Ok(())
    })
}
