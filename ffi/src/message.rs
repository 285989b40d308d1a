//! Messages of clients: those that the engine passes on and does not act upon.

use core::ffi::c_void;

use engine::cluster::MessageError;
use engine::time::Instant;
use engine::wire::{Form, Structure, Writer};

use crate::cluster::number;
use crate::edge::HbCluster;
use crate::edge::{array, bytes, call, look, output, places, with};
use crate::packet::{HbField, append, show};
use crate::result::HbResult;
use crate::text::HbText;

/// The longest message that `hb_cluster_send` takes, in bytes: its names and values, and about ten bytes more for each
/// field. It fits into a datagram and a frame of a serial line with the header, and with binary values in base64.
pub const HB_MESSAGE_MAX: usize = 2048;

/// Sends a message of these fields to the clients of the other nodes. The fields have the types string and binary. One
/// of them is `t`, the type of the message, such as `example_note`; types of the cluster itself are refused. With a
/// field `dest`, the node of that name takes the message alone. A daemon hands it to each of its clients, or with a
/// field `to_id` to the client of that name. Fields of the header (`src`, `seq`, ...) are left out of `fields`: the
/// library writes them.
///
/// The message is sent once, in order, and repeated to a node that has missed it. There is no answer that it arrived.
/// Poll the datagrams after each call. Nothing is sent if the result is `HB_RESULT_WRITE_CONGESTED` (the other nodes
/// have not acknowledged enough: try again after the next input), `HB_RESULT_WRITE_FULL` (longer than `HB_MESSAGE_MAX`),
/// `HB_RESULT_WRITE_RESERVED` or `HB_RESULT_WRITE_BAD_VALUE`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_cluster_send(
    cluster: *mut HbCluster,
    now_us: u64,
    fields: *const HbField,
    field_count: usize,
) -> HbResult {
    call(|| {
        let fields = array(fields, field_count)?;
        let mut text = [0; HB_MESSAGE_MAX];
        let mut writer = Writer::local(&mut text, Form::Netstring);
        for field in fields {
            append(&mut writer, field)?;
        }
        let len = writer.finish()?;
        let message = Structure::local(text.get(..len).unwrap_or_default())?;
        with(cluster, |body| {
            if body.engine.is_congested() {
                return Err(HbResult::WriteCongested);
            }
            Ok(body.engine.send_structure(Instant::from_micros(now_us), &message)?)
        })
    })
}

/// Reads the fields of a message for which `hb_cluster_handle` or `hb_cluster_feed_message` returned
/// `HB_RECEIVED_FOR_CLIENTS`, with the keys of the cluster. `data` is the datagram or the message, whose pieces the
/// fields are. At most `room` fields are written; `field_count` gets the number of them in the message, and the result is
/// `HB_RESULT_TRUNCATED` if there are more than `room`. `fields` may be NULL if `room` is 0. The signature is checked
/// again.
///
/// `t` is the type and `src` the node that sent the message; `from_id` is the name of the client, if a daemon sent it
/// for one. In a message of a serial line, a newline within a text is byte 0x13, and binary values are base64.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_cluster_fields(
    cluster: *const HbCluster,
    data: *const c_void,
    len: usize,
    fields: *mut HbField,
    room: usize,
    field_count: *mut usize,
) -> HbResult {
    call(|| {
        let (data, field_count, places) = (bytes(data, len)?, output(field_count)?, places(fields, room)?);
        look(cluster, |body| {
            let message = body.engine.open(data)?;
            let count = message.fields().count();
            field_count.set(count);
            for (place, field) in places.iter_mut().zip(message.fields()) {
                place.write(show(&field));
            }
            if count > room { Err(HbResult::Truncated) } else { Ok(()) }
        })
    })
}

/// Processes bytes that arrived on a serial link, like `hb_cluster_feed`, and stops after the first message in them.
/// `used` gets the number of bytes that were taken: call again with the others until the result is
/// `HB_RESULT_NOTHING`. For a message, `received` gets its kind (`hb_received_t`), and `message` its bytes for
/// `hb_cluster_fields`. They are in the storage of the cluster, until the next call of a function that changes it. If
/// a message was dropped, the result is the reason, as for `hb_cluster_handle`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_cluster_feed_message(
    cluster: *mut HbCluster,
    now_us: u64,
    link: u32,
    data: *const c_void,
    len: usize,
    used: *mut usize,
    received: *mut u32,
    message: *mut HbText,
) -> HbResult {
    call(|| {
        let (data, used, received, message) = (bytes(data, len)?, output(used)?, output(received)?, output(message)?);
        with(cluster, |body| {
            let (link, engine, reader) = body.serial(link)?;
            let mut rest = data;
            let found = reader.push(&mut rest);
            used.set(data.len().saturating_sub(rest.len()));
            let found = found.ok_or(HbResult::Nothing)?;
            let what = engine.handle(Instant::from_micros(now_us), link, found)?;
            received.set(number(what));
            message.set(HbText::of(found));
            Ok(())
        })
    })
}

impl From<MessageError> for HbResult {
    fn from(error: MessageError) -> Self {
        match error {
            MessageError::NoType | MessageError::BadField => Self::WriteBadValue,
            MessageError::Reserved => Self::WriteReserved,
            MessageError::TooLong => Self::WriteFull,
        }
    }
}
