//! Compares the messages that we write and read with those of the library of an installed 3.0.6.
//!
//! Bytes that kill the library (docs/protocol/wire.md 3.5) never reach it: our reader refuses a type above 5 and a
//! netstring field that does not begin with a type; our writer refuses a NUL in a text, a malformed list, and text that
//! is not base64. So the library gets only messages that we read and would send on.

#[allow(unsafe_code)]
mod library;

use std::sync::Once;

use arbitrary::Unstructured;
use hbcore::wire::{Field, Form, Kind, Structure, Writer};

/// A value with its type; structures hold fields.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    /// Bytes without NUL.
    Text(Vec<u8>),
    /// Any bytes; base64 on the wire.
    Binary(Vec<u8>),
    /// Texts, none of them empty.
    List(Vec<Vec<u8>>),
    /// Fields.
    Struct(Fields),
}

/// Fields with their names.
type Fields = Vec<(String, Value)>;

/// The message as the library writes it again, as a netstring and in the classic form. `None` if it does not accept the
/// message, or cannot write it.
pub type Recoded = [Option<Vec<u8>>; 2];

/// Passes a message in either form to the library. The error is that the library died.
pub type Recode<'a> = &'a mut dyn FnMut(&[u8]) -> Result<Recoded, String>;

/// The forms, in the order of [`Recoded`].
const FORMS: [Form; 2] = [Form::Netstring, Form::Classic];
/// Room for the messages that are made of the longest input, and more.
const ROOM: usize = 1 << 13;
/// The most levels of structures.
const DEPTH: usize = 4;

/// Like [`check`], with the library in this process. Panics at a difference. If the library is not installed, our
/// messages are compared with our own.
#[allow(unsafe_code)]
pub fn run(data: &[u8]) {
    let verdict = if let Some(library) = library::installed() {
        // SAFETY: `check` passes only messages that we read and would send on.
        check(data, &mut |message| Ok(unsafe { library.recode(message) }))
    } else {
        static NOTICE: Once = Once::new();
        NOTICE.call_once(|| eprintln!("libplumb.so.2 is not installed: our messages are compared with our own"));
        check(data, &mut |message| Ok(recoded_by_us(message)))
    };
    verdict.unwrap_or_else(|why| panic!("{why}"));
}

fn recoded_by_us(message: &[u8]) -> Recoded {
    let message = Structure::local(message).expect("it was read before");
    FORMS.map(|form| written_again(form, message))
}

/// Makes a message of `data` and compares the two implementations. The first byte gives the meaning of the others: a
/// message, fields for one, or fields for a message of which one byte is then changed. Returns whether there was a
/// message to compare.
///
/// # Errors
///
/// The difference, or that the library died of the message.
pub fn check(data: &[u8], recode: Recode<'_>) -> Result<bool, String> {
    let Some((&what, bytes)) = data.split_first() else { return Ok(false) };
    match what % 4 {
        0 => check_taken(bytes, recode),
        1 => check_written(&fields(&mut Unstructured::new(bytes)), recode).map(|()| true),
        2 => check_taken(&damaged(bytes, Form::Netstring), recode),
        _ => check_taken(&damaged(bytes, Form::Classic), recode),
    }
}

/// The library must read the messages that we write, and write them alike. We must read those that it writes.
fn check_written(fields: &Fields, recode: Recode<'_>) -> Result<(), String> {
    let ours = FORMS.map(|form| composed(form, fields));
    for sent in &ours {
        let shown = sent.escape_ascii();
        let answers = recode(sent).map_err(|error| format!("{error}: {shown}"))?;
        for (theirs, ours) in answers.iter().zip(&ours) {
            let theirs = theirs.as_ref().ok_or_else(|| format!("it does not take {shown}"))?;
            if theirs != ours {
                return Err(format!("it writes {}\nwe write  {}", theirs.escape_ascii(), ours.escape_ascii()));
            }
            let message = Structure::local(theirs).map_err(|error| format!("{error:?}: {}", theirs.escape_ascii()))?;
            if read(message) != *fields {
                return Err(format!("{} is not {fields:?}", theirs.escape_ascii()));
            }
        }
    }
    Ok(())
}

/// The library must accept every message that we accept, and write it alike. It accepts more, such as lengths with
/// blanks before them or a missing end (docs/protocol/wire.md 3.1), and dies of some messages. Returns whether we
/// accepted the message.
fn check_taken(bytes: &[u8], recode: Recode<'_>) -> Result<bool, String> {
    let Ok(message) = Structure::local(bytes) else { return Ok(false) };
    let ours = FORMS.map(|form| written_again(form, message));
    // A message that cannot be sent is not compared: the library refuses, for example, a message with a malformed list.
    // A text with a byte that is a newline on serial lines can be sent only as a netstring. The library also refuses a
    // message without fields; every real message has a type.
    if ours[0].is_none() || message.fields().next().is_none() || has_list_of_a_used_name(message) {
        return Ok(false);
    }
    let shown = bytes.escape_ascii();
    let theirs = recode(bytes).map_err(|error| format!("{error}: {shown}"))?;
    for (theirs, ours) in theirs.iter().zip(&ours) {
        // The library reads 0x13 as a newline in netstrings too. On serial lines that byte stands for a newline.
        let with_newlines =
            |text: &Vec<u8>| text.iter().map(|byte| if *byte == 0x13 { b'\n' } else { *byte }).collect::<Vec<_>>();
        if ours.is_some() && theirs.as_ref().map(with_newlines) != ours.as_ref().map(with_newlines) {
            let [theirs, ours] = [theirs, ours].map(|text| text.as_ref().map(|text| text.escape_ascii().to_string()));
            return Err(format!("{shown}\nit writes {theirs:?}\nwe write  {ours:?}"));
        }
    }
    Ok(true)
}

/// Whether a structure has a list with the name of a field before it. The library joins two lists to one, or refuses
/// the message if the other field is no list (docs/protocol/wire.md 2.1).
fn has_list_of_a_used_name(message: Structure<'_>) -> bool {
    let mut names = Vec::new();
    message.fields().any(|field| {
        let again = field.kind == Kind::List && names.contains(&field.name);
        names.push(field.name);
        again || field.structure().is_some_and(has_list_of_a_used_name)
    })
}

fn written_again(form: Form, message: Structure<'_>) -> Option<Vec<u8>> {
    written(form, |writer| message.fields().for_each(|field| writer.field(&field)))
}

/// The message in this form, without a signature. None if it cannot be sent.
fn written(form: Form, fill: impl FnOnce(&mut Writer<'_>)) -> Option<Vec<u8>> {
    let mut out = vec![0; ROOM];
    let mut writer = Writer::local(&mut out, form);
    fill(&mut writer);
    let len = writer.finish().ok()?;
    out.truncate(len);
    Some(out)
}

fn composed(form: Form, fields: &Fields) -> Vec<u8> {
    written(form, |writer| put(writer, fields)).expect("a message that may be sent")
}

fn put(writer: &mut Writer<'_>, fields: &Fields) {
    for (name, value) in fields {
        match value {
            Value::Text(text) => writer.text(name, text),
            Value::Binary(bytes) => writer.binary(name, bytes),
            Value::List(items) => writer.list(name, items.iter().map(Vec::as_slice)),
            Value::Struct(fields) => {
                writer.begin(name);
                put(writer, fields);
                writer.end();
            }
        }
    }
}

fn read(message: Structure<'_>) -> Fields {
    let value = |field: &Field<'_>| {
        let mut out = vec![0; field.raw().len()];
        match field.kind {
            Kind::Binary => Value::Binary(field.copy_to(&mut out).expect("base64").to_vec()),
            Kind::List => Value::List(field.items().map(<[u8]>::to_vec).collect()),
            Kind::Struct => Value::Struct(read(field.structure().expect("it was checked"))),
            _ => Value::Text(field.copy_to(&mut out).expect("room").to_vec()),
        }
    };
    message.fields().map(|field| (String::from_utf8_lossy(field.name).into_owned(), value(&field))).collect()
}

/// The fields that these bytes stand for. Both forms can carry them. The message ends where the input ends.
fn fields(input: &mut Unstructured<'_>) -> Fields {
    let mut fields = vec![("t".to_owned(), Value::Text(b"status".to_vec()))];
    fields.append(&mut some_fields(input, DEPTH));
    fields
}

/// Each name occurs once, because the library merges lists of the same name.
fn some_fields(input: &mut Unstructured<'_>, depth: usize) -> Fields {
    let mut fields = Fields::new();
    while fields.len() < 8 && !input.is_empty() {
        let name = name(input, fields.len());
        let value = match input.arbitrary::<u8>().unwrap_or_default() % 8 {
            0..=3 => Value::Text(some_bytes(input, 40).into_iter().map(text_byte).collect()),
            4 | 5 => Value::Binary(some_bytes(input, 40)),
            6 => Value::List(items(input)),
            _ if depth == 0 => Value::Text(Vec::new()),
            _ => {
                let mut inner = some_fields(input, depth - 1);
                inner.push(("end".to_owned(), Value::Text(b"1".to_vec())));
                Value::Struct(inner)
            }
        };
        fields.push((name, value));
        // Otherwise a structure would end only with the input.
        if input.arbitrary::<u8>().unwrap_or_default().is_multiple_of(4) {
            break;
        }
    }
    fields
}

fn name(input: &mut Unstructured<'_>, number: usize) -> String {
    const CHARACTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789 ,:()#%-";
    let behind =
        some_bytes(input, 9).into_iter().map(|byte| char::from(CHARACTERS[usize::from(byte) % CHARACTERS.len()]));
    let first = char::from(CHARACTERS[usize::from(input.arbitrary::<u8>().unwrap_or_default()) % 53]);
    std::iter::once(first).chain(behind).collect::<String>() + &number.to_string()
}

fn items(input: &mut Unstructured<'_>) -> Vec<Vec<u8>> {
    let count = 1 + input.arbitrary::<u8>().unwrap_or_default() % 4;
    let item = |input: &mut Unstructured<'_>| {
        let mut item: Vec<u8> = some_bytes(input, 11).into_iter().map(|byte| byte.max(b' ')).collect();
        item.push(b'i');
        item
    };
    (0..count).map(|_| item(input)).collect()
}

fn some_bytes(input: &mut Unstructured<'_>, most: usize) -> Vec<u8> {
    let len = usize::from(input.arbitrary::<u8>().unwrap_or_default()) % (most + 1);
    input.bytes(len.min(input.len())).map(<[u8]>::to_vec).unwrap_or_default()
}

/// Text that both forms carry at every depth: no NUL, no CR, and none of the bytes that stand for newlines there.
fn text_byte(byte: u8) -> u8 {
    if byte == 0 || (0x0d..0x20).contains(&byte) { byte | 0x20 } else { byte }
}

/// A message with one changed byte after its start marker.
fn damaged(bytes: &[u8], form: Form) -> Vec<u8> {
    let mut input = Unstructured::new(bytes);
    let (place, byte) = (input.arbitrary::<u16>().unwrap_or_default(), input.arbitrary::<u8>().unwrap_or_default());
    let mut message = composed(form, &fields(&mut input));
    let behind = message.len() - 4;
    message[4 + usize::from(place) % behind] = byte;
    message
}
