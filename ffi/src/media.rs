//! The media of `ha.cf`. The caller opens them.

use engine::config::Medium;

use crate::cluster::form_number;
use crate::edge::{call, sized_input, view};
use crate::files::{HbFiles, Texts};
use crate::result::HbResult;
use crate::text::HbText;

/// The kind of a medium.
#[repr(u32)]
#[derive(Clone, Copy)]
pub enum HbMediumKind {
    /// UDP broadcast on `device`.
    Bcast = 0,
    /// UDP multicast on `device` to `host`.
    Mcast = 1,
    /// UDP multicast over IPv6 on `device` to `host`.
    Mcast6 = 2,
    /// UDP on `device` to `host`, an IPv4 address or name.
    Ucast = 3,
    /// UDP on `device` to `host`, an IPv6 address.
    Ucast6 = 4,
    /// The serial line `device`.
    Serial = 5,
    /// Pings of `host`.
    Ping = 6,
    /// Pings over IPv6 of `host`.
    Ping6 = 7,
    /// Pings of a group of hosts; `host` contains them all, between blanks.
    PingGroup = 8,
}

/// A medium of `ha.cf`, which the caller opens. Its index is the index of the link. The texts are pieces of `ha_cf`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct HbMedium {
    /// Its kind: an `hb_medium_kind_t`.
    pub kind: u32,
    /// The form of the link: an `hb_link_form_t`.
    pub form: u32,
    /// The interface or the device.
    pub device: HbText,
    /// The other end, as in the file; none for broadcast and serial.
    pub host: HbText,
    /// UDP port; 0 if it has none.
    pub port: u32,
    /// Time to live of multicast.
    pub ttl: u32,
    /// 1: this node receives its own multicast.
    pub loopback: u32,
    /// Bits per second of a serial line; 0 for another medium.
    pub baud: u32,
}

/// Returns medium number `index` of `ha.cf`, which is link number `index`; `HB_RESULT_NOTHING` if there are fewer.
/// `size` is `sizeof *medium`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_files_medium(
    files: *const HbFiles,
    index: usize,
    medium: *mut HbMedium,
    size: usize,
) -> HbResult {
    call(|| {
        let place = view(medium, size)?;
        let files = sized_input(files)?;
        let texts = Texts::of(&files)?;
        let site = texts.good()?;
        let line = site.ha_cf.media.get(index).ok_or(HbResult::Nothing)?;
        let form = site.ha_cf.link_form(&line.medium);
        place.set(HbMedium { form: form_number(form), ..show(&line.medium, texts.ha_cf) });
        Ok(())
    })
}

/// The medium for C. Addresses are shown as in the file, after the device.
fn show(medium: &Medium<'_>, ha_cf: &[u8]) -> HbMedium {
    let none = HbMedium {
        kind: 0,
        form: 0,
        device: HbText::of(medium.link_name().as_bytes()),
        host: HbText::NONE,
        port: 0,
        ttl: 0,
        loopback: 0,
        baud: 0,
    };
    let with = |kind: HbMediumKind, host: HbText, port: u16| HbMedium {
        kind: kind as u32,
        host,
        port: u32::from(port),
        ..none
    };
    let behind = |device: &str| HbText::option(word_behind(ha_cf, device));
    match *medium {
        Medium::Bcast { port, .. } => with(HbMediumKind::Bcast, HbText::NONE, port),
        Medium::Mcast { device, port, ttl, loopback, .. } => HbMedium {
            ttl: u32::from(ttl),
            loopback: u32::from(loopback),
            ..with(HbMediumKind::Mcast, behind(device), port)
        },
        Medium::Mcast6 { device, port, hops, loopback, .. } => HbMedium {
            ttl: u32::from(hops),
            loopback: u32::from(loopback),
            ..with(HbMediumKind::Mcast6, behind(device), port)
        },
        Medium::Ucast { host, port, .. } => with(HbMediumKind::Ucast, HbText::of(host.as_bytes()), port),
        Medium::Ucast6 { device, port, .. } => with(HbMediumKind::Ucast6, behind(device), port),
        Medium::Serial { baud, .. } => HbMedium { baud, ..with(HbMediumKind::Serial, HbText::NONE, 0) },
        Medium::Ping { host } => with(HbMediumKind::Ping, HbText::of(host.as_bytes()), 0),
        Medium::Ping6 { host } => with(HbMediumKind::Ping6, HbText::of(host.as_bytes()), 0),
        Medium::PingGroup { name, .. } => with(HbMediumKind::PingGroup, HbText::option(rest_behind(ha_cf, name)), 0),
    }
}

/// The rest of the line after `piece`, which is part of `text`.
fn rest_behind<'t>(text: &'t [u8], piece: &str) -> Option<&'t [u8]> {
    let end = (piece.as_ptr().addr()).checked_sub(text.as_ptr().addr())?.checked_add(piece.len())?;
    let rest = text.get(end..)?.split(|byte| matches!(byte, b'\n' | b'\r' | b'#')).next()?;
    Some(rest.trim_ascii())
}

fn word_behind<'t>(text: &'t [u8], piece: &str) -> Option<&'t [u8]> {
    rest_behind(text, piece)?.split(u8::is_ascii_whitespace).next()
}
