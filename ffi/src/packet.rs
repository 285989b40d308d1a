//! Packets without a cluster: for tools that watch, and for tests.

use core::ffi::{c_char, c_void};

use engine::wire::{Field, Form, Header, Keys, Kind, Writer, open};

use crate::edge::{Checked, array, bytes, call, output, place, room, table, view};
use crate::files::parse_keys;
use crate::result::HbResult;
use crate::text::HbText;

/// A key table. What is in it is the library's affair.
pub struct HbKeys {
    _opaque: [u8; 0],
}

/// What the storage of a key table holds.
#[repr(C)]
pub struct Table {
    /// The address of the storage, so that foreign storage and copies are known.
    pub(crate) seal: usize,
    keys: Keys<16>,
}

impl Table {
    pub(crate) fn sealed(address: usize) -> usize {
        address ^ 0x6862_6b65
    }
}

/// The two encodings of a message.
#[repr(u32)]
#[derive(Clone, Copy)]
pub enum HbForm {
    /// Counted fields, for datagrams: `###`.
    Netstring = 0,
    /// Lines of text, for serial cables and datagrams: `>>>`.
    Classic = 1,
}

/// The type of a field.
#[repr(u32)]
#[derive(Clone, Copy)]
pub enum HbFieldKind {
    /// A text without NUL.
    String = 0,
    /// Any bytes; base64 in the classic form.
    Binary = 1,
    /// A message within the message.
    Struct = 2,
    /// A list of texts.
    List = 3,
    /// Something compressed.
    Compressed = 4,
    /// The same, not compressed yet.
    Uncompressed = 5,
}

/// A field of a message.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct HbField {
    /// Its name.
    pub name: HbText,
    /// Its value as it stands in the packet; for `hb_packet_write` as it is meant.
    pub value: HbText,
    /// Its type: an `hb_field_kind_t`.
    pub kind: u32,
}

/// What every message has, and what most have. The texts are pieces of the packet; those that it does not have are NULL.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct HbPacket {
    /// Its form: an `hb_form_t`.
    pub form: u32,
    /// The index of the key that signed it.
    pub key_index: u32,
    /// `t`: its type, such as `status`.
    pub kind: HbText,
    /// `src`: the node that sent it.
    pub src: HbText,
    /// `dest`: the node that it is for.
    pub dest: HbText,
    /// `st`: the state of its sender.
    pub status: HbText,
    /// `info`: a comment, or what kind of report this is.
    pub info: HbText,
    /// `seq`: its number; 0 if it has none.
    pub seq: u64,
    /// `hg`: the run of its sender.
    pub generation: u64,
    /// `ts`: the wall clock of its sender, in seconds since 1970.
    pub timestamp: u64,
    /// `dt`: how long its sender wants its silence to be tolerated; 0 if it does not say.
    pub deadtime_us: u64,
    /// How many fields it has.
    pub field_count: u32,
}

/// Makes a key table in `storage`, of `storage_len` bytes: use an `hb_keys_storage_t`. `authkeys` is the text of that file.
/// `HB_RESULT_BAD_FILES`: it has errors, which `hb_files_problem` tells of an `hb_files_t` with this text. The table lasts as long as the
/// storage stays where it is; wipe that, and the secrets are gone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_keys_init(
    storage: *mut c_void,
    storage_len: usize,
    authkeys: *const c_char,
    authkeys_len: usize,
    keys: *mut *const HbKeys,
) -> HbResult {
    call(|| {
        output(keys)?.set(core::ptr::null());
        let place = place::<Table>(storage, storage_len)?;
        let table = parse_keys(bytes(authkeys.cast(), authkeys_len)?)?;
        place.set(Table { seal: Table::sealed(storage.addr()), keys: table });
        output(keys)?.set(storage.cast_const().cast());
        Ok(())
    })
}

/// Checks the signature of a packet and reads its header. Nothing is read of a packet that is not authentic; the result says
/// what is wrong with it. `size` is `sizeof *packet`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_packet_open(
    keys: *const HbKeys,
    data: *const c_void,
    len: usize,
    packet: *mut HbPacket,
    size: usize,
) -> HbResult {
    call(|| {
        let place = view(packet, size)?;
        let message = open(bytes(data, len)?, &table(keys)?.keys)?;
        let field_count = message.fields().count() as u32;
        let header = Header::parse(message)?;
        place.set(HbPacket {
            form: match message.form() {
                Form::Netstring => HbForm::Netstring,
                Form::Classic => HbForm::Classic,
            } as u32,
            key_index: u32::from(message.key_index()),
            kind: HbText::of(header.type_name),
            src: HbText::of(header.src),
            dest: HbText::option(header.dest),
            status: HbText::option(header.status),
            info: HbText::option(header.info),
            seq: header.seq.map_or(0, |seq| seq.0),
            generation: header.generation.0,
            timestamp: header.timestamp,
            deadtime_us: header.deadtime_ms.unwrap_or(0).saturating_mul(1000),
            field_count,
        });
        Ok(())
    })
}

/// Gives field number `index` of a packet, whose signature is checked again; `HB_RESULT_NOTHING` if there are fewer. Not for
/// anything that must be quick.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_packet_field(
    keys: *const HbKeys,
    data: *const c_void,
    len: usize,
    index: usize,
    field: *mut HbField,
) -> HbResult {
    call(|| {
        let place = output(field)?;
        let message = open(bytes(data, len)?, &table(keys)?.keys)?;
        place.set(show(&message.fields().nth(index).ok_or(HbResult::Nothing)?));
        Ok(())
    })
}

fn show(field: &Field<'_>) -> HbField {
    let kind = match field.kind {
        Kind::String => HbFieldKind::String,
        Kind::Binary => HbFieldKind::Binary,
        Kind::Struct => HbFieldKind::Struct,
        Kind::List => HbFieldKind::List,
        Kind::Compressed => HbFieldKind::Compressed,
        Kind::Uncompressed => HbFieldKind::Uncompressed,
    };
    HbField { name: HbText::of(field.name), value: HbText::of(field.raw()), kind: kind as u32 }
}

/// Writes a message of these fields, signs it, and says its length. `form` is an `hb_form_t`; the fields are of the types string and
/// binary. What every message must have (`t`, `src`, `ts`; `seq` and `hg` of numbered ones) is the caller's affair.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_packet_write(
    keys: *const HbKeys,
    form: u32,
    fields: *const HbField,
    field_count: usize,
    buffer: *mut c_void,
    size: usize,
    len: *mut usize,
) -> HbResult {
    call(|| {
        let place = output(len)?;
        let (keys, fields, buffer) = (&table(keys)?.keys, array(fields, field_count)?, room(buffer, size)?);
        let mut writer = match form {
            n if n == HbForm::Netstring as u32 => Writer::netstring(buffer, keys, true),
            n if n == HbForm::Classic as u32 => Writer::classic(buffer, keys),
            _ => return Err(HbResult::BadValue),
        };
        for field in fields {
            append(&mut writer, field)?;
        }
        place.set(writer.finish()?);
        Ok(())
    })
}

fn append(writer: &mut Writer<'_>, field: &HbField) -> Checked<()> {
    let name = bytes(field.name.data.cast(), field.name.len)?;
    let name = core::str::from_utf8(name).map_err(|_| HbResult::WriteBadValue)?;
    let value = bytes(field.value.data.cast(), field.value.len)?;
    match field.kind {
        n if n == HbFieldKind::String as u32 => writer.text(name, value),
        n if n == HbFieldKind::Binary as u32 => writer.binary(name, value),
        _ => return Err(HbResult::BadValue),
    }
    Ok(())
}
