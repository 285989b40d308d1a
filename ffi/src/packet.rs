//! Packets without a cluster: for tools that watch, and for tests.

use core::ffi::{c_char, c_void};

use engine::wire::{Field, Form, Header, Keys, Kind, Writer, open};

use crate::edge::{Checked, array, bytes, call, output, place, room, table, view};
use crate::files::parse_keys;
use crate::result::HbResult;
use crate::text::HbText;

/// A key table. Its content is private to the library.
pub struct HbKeys {
    _opaque: [u8; 0],
}

/// The content of the storage of a key table.
#[repr(C)]
pub struct Table {
    /// The address of the storage. It reveals foreign storage and copies.
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
    /// Lines of text, for serial lines and datagrams: `>>>`.
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
    /// A compressed structure.
    Compressed = 4,
    /// A structure that was to be compressed, and is not.
    Uncompressed = 5,
}

/// A field of a message.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct HbField {
    /// Its name.
    pub name: HbText,
    /// Its value as it is in the packet; for `hb_packet_write`, the plain value.
    pub value: HbText,
    /// Its type: an `hb_field_kind_t`.
    pub kind: u32,
}

/// The fields that every message has, and those that most have. The texts are pieces of the packet; a missing one is
/// NULL.
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
    /// `dest`: the node to which it is addressed.
    pub dest: HbText,
    /// `st`: the state of its sender.
    pub status: HbText,
    /// `info`: a comment, or the kind of this report.
    pub info: HbText,
    /// `seq`: its number; 0 if it has none.
    pub seq: u64,
    /// `hg`: the generation of its sender.
    pub generation: u64,
    /// `ts`: the wall clock of its sender, in seconds since 1970.
    pub timestamp: u64,
    /// `dt`: the deadtime that its sender wants; 0 if there is none.
    pub deadtime_us: u64,
    /// The number of its fields.
    pub field_count: u32,
}

/// Makes a key table in `storage`, of `storage_len` bytes: use an `hb_keys_storage_t`. `authkeys` is the text of that
/// file. Returns `HB_RESULT_BAD_FILES` if it has errors; `hb_files_problem` with this text in an `hb_files_t` returns
/// them. The table lasts as long as its storage, which must not move. To erase the secrets, wipe the storage.
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

/// Checks the signature of a packet and reads its header. If the packet is not authentic, nothing of it is read, and
/// the result is the reason. `size` is `sizeof *packet`.
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

/// Returns field number `index` of a packet, or `HB_RESULT_NOTHING` if there are fewer. Each call checks the signature
/// again, so it is slow.
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

pub(crate) fn show(field: &Field<'_>) -> HbField {
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

/// Writes a message of these fields, signs it, and returns its length. `form` is an `hb_form_t`; the fields have the
/// types string and binary. The caller provides the fields that every message must have (`t`, `src`, `ts`; `seq` and
/// `hg` of numbered ones).
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

pub(crate) fn append(writer: &mut Writer<'_>, field: &HbField) -> Checked<()> {
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
