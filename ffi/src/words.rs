//! The words of `haresources`: resources, their arguments and addresses.

use core::net::IpAddr;

use engine::config::{AddressSpec, Position, Resource};

use crate::edge::{Checked, bytes, call, output, sized_input, view};
use crate::event::HB_NONE;
use crate::files::{HbFiles, Texts};
use crate::result::HbResult;
use crate::text::HbText;

/// An address resource.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct HbAddress {
    /// 4 or 6.
    pub version: u32,
    /// Length of the network prefix; `HB_NONE` if the word has none.
    pub prefix: u32,
    /// The address in network order; IPv4 in the first four bytes.
    pub address: [u8; 16],
    /// The interface; none if the word has none.
    pub interface: HbText,
    /// The alias label, as `0` in `eth0:0`; none if the word has none.
    pub label: HbText,
}

/// Returns word number `index` of group number `group`: one resource, such as `10.0.0.1/24/eth0` or
/// `Filesystem::/dev/sdb1::/srv`. Resources are started in this order and stopped in the reverse one. Returns
/// `HB_RESULT_NOTHING` if the group has fewer, and `HB_RESULT_NOT_FOUND` if there are fewer groups. The text is a
/// piece of `haresources`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_files_resource(
    files: *const HbFiles,
    group: usize,
    index: usize,
    resource: *mut HbText,
) -> HbResult {
    call(|| {
        let place = output(resource)?;
        let files = sized_input(files)?;
        let site = Texts::of(&files)?.good()?;
        let group = site.resources.groups.get(group).ok_or(HbResult::NotFound)?;
        place.set(HbText::of(group.resources().nth(index).ok_or(HbResult::Nothing)?.word.as_bytes()));
        Ok(())
    })
}

/// Returns part number `index` of a resource word: 0 is the name of the script, the others are its arguments. A bare
/// IPv4 address is an argument of `IPaddr`. Returns `HB_RESULT_NOTHING` if there are fewer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_resource_part(word: HbText, index: usize, part: *mut HbText) -> HbResult {
    call(|| {
        let place = output(part)?;
        let resource = resource(word)?;
        let found = match index.checked_sub(1) {
            None => Some(resource.script()),
            Some(argument) => resource.args().nth(argument),
        };
        place.set(HbText::of(found.ok_or(HbResult::Nothing)?.as_bytes()));
        Ok(())
    })
}

/// Reads a resource word that is an address. Returns `HB_RESULT_NOTHING` for another resource, and
/// `HB_RESULT_ADDRESS_...` for a wrong address. `size` is `sizeof *address`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_resource_address(word: HbText, address: *mut HbAddress, size: usize) -> HbResult {
    call(|| {
        let place = view(address, size)?;
        let spec = resource(word)?.address().ok_or(HbResult::Nothing)??;
        place.set(show_address(&spec));
        Ok(())
    })
}

fn resource<'t>(word: HbText) -> Checked<Resource<'t>> {
    let word = core::str::from_utf8(bytes(word.data.cast(), word.len)?).map_err(|_| HbResult::BadValue)?;
    Ok(Resource { word, at: Position { line: 1, column: 1 } })
}

fn show_address(spec: &AddressSpec<'_>) -> HbAddress {
    let mut address = [0; 16];
    let (version, bytes) = match &spec.addr {
        IpAddr::V4(v4) => (4, &v4.octets()[..]),
        IpAddr::V6(v6) => (6, &v6.octets()[..]),
    };
    for (to, from) in address.iter_mut().zip(bytes) {
        *to = *from;
    }
    HbAddress {
        version,
        prefix: spec.prefix.map_or(HB_NONE, u32::from),
        address,
        interface: HbText::option(spec.nic.map(str::as_bytes)),
        label: HbText::option(spec.label.map(str::as_bytes)),
    }
}
