//! Our encoder and decoder against those of an installed 3.0.6, through the C interface of its library: the same messages, both ways.
//!
//! The library runs in a child. What is known to kill it (wire reference 3.5) is not sent: a type above 5, a netstring field that does not begin
//! with a type, a NUL in a text. What [`Writer`] refuses to write is not sent either.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use hbcore::wire::{Form, Kind, Structure, Writer};
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

/// Messages of a test.
const MESSAGES: usize = 2000;

/// A value with its type; structures hold fields.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    List(Vec<Vec<u8>>),
    Struct(Vec<(String, Value)>),
}

type Fields = Vec<(String, Value)>;

fn main() {
    let trials = vec![
        trial("what_we_write_it_reads_and_writes_alike", |peer| both_ways(peer, false)),
        trial("what_it_writes_we_read", |peer| both_ways(peer, true)),
        trial("what_we_take_of_a_damaged_message_it_takes_too", damaged),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit()
}

fn trial(name: &'static str, run: fn(&mut Peer) -> Result<(), Failed>) -> Trial {
    Trial::ignorable_test(name, move || match Peer::start(name) {
        Ok(mut peer) => run(&mut peer).map(|()| Completion::Completed),
        Err(why) => Ok(Completion::ignored_with(why)),
    })
}

/// The library in its child.
struct Peer {
    child: Child,
    requests: ChildStdin,
    answers: ChildStdout,
}

impl Peer {
    fn start(name: &str) -> Result<Self, String> {
        let program = compiled(name)?;
        let mut child = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| error.to_string())?;
        let (Some(requests), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("no pipes".to_owned());
        };
        let mut peer = Self { child, requests, answers };
        match peer.recode(b">>>\nt=status\n<<<\n") {
            Ok(_) => Ok(peer),
            Err(_) => Err("needs libplumb.so.2 of the package libplumb2".to_owned()),
        }
    }

    /// The message as it writes it: as a netstring, and in the classic form. None: it does not.
    fn recode(&mut self, message: &[u8]) -> io::Result<[Option<Vec<u8>>; 2]> {
        self.requests.write_all(&u32::try_from(message.len()).expect("a short message").to_ne_bytes())?;
        self.requests.write_all(message)?;
        Ok([self.answer()?, self.answer()?])
    }

    fn answer(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut length = [0; 4];
        self.answers.read_exact(&mut length)?;
        let length = u32::from_ne_bytes(length);
        if length == u32::MAX {
            return Ok(None);
        }
        let mut bytes = vec![0; length as usize];
        self.answers.read_exact(&mut bytes)?;
        Ok(Some(bytes))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn compiled(name: &str) -> Result<PathBuf, String> {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("differential-{name}"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential/peer.c");
    let mut gcc = Command::new("gcc");
    gcc.args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-g"])
        .arg(source)
        .arg("-o")
        .arg(&program)
        .arg("-ldl");
    let output = gcc.output().map_err(|_| "needs the program gcc".to_owned())?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(program)
}

/// Names that both forms can have.
const NAME: &str = "[a-zA-Z_][a-zA-Z0-9_ ,:()#%-]{0,9}";

/// Text that both forms carry at every depth: no NUL, no CR, and none of the bytes that stand for newlines there.
fn any_text() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![8 => 0x20..=0xffu8, 1 => Just(b'\n'), 1 => 1..=0x0cu8, 1 => Just(b'=')], 0..40)
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => any_text().prop_map(Value::Text),
        2 => vec(any::<u8>(), 0..40).prop_map(Value::Binary),
        1 => vec(vec(0x20..=0xffu8, 1..12), 1..5).prop_map(Value::List),
    ];
    leaf.prop_recursive(4, 16, 4, |inner| vec((NAME, inner), 1..4).prop_map(numbered))
}

/// Each name once: it merges lists of the same name.
fn numbered(fields: Fields) -> Value {
    Value::Struct(fields.into_iter().enumerate().map(|(n, (name, value))| (format!("{name}{n}"), value)).collect())
}

/// Messages that may be sent, always the same ones.
fn messages() -> impl Iterator<Item = Fields> {
    let mut runner = TestRunner::deterministic();
    let fields = vec((NAME, any_value()), 0..8).prop_map(numbered);
    (0..MESSAGES).map(move |_| {
        let Value::Struct(mut fields) = fields.new_tree(&mut runner).expect("a message").current() else {
            unreachable!()
        };
        fields.insert(0, ("t".to_owned(), Value::Text(b"status".to_vec())));
        fields
    })
}

fn put(writer: &mut Writer<'_>, fields: &[(String, Value)]) {
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

fn written(form: Form, fields: &[(String, Value)]) -> Vec<u8> {
    let mut out = vec![0; 1 << 16];
    let mut writer = Writer::local(&mut out, form);
    put(&mut writer, fields);
    let len = writer.finish().expect("a message that may be sent");
    out.truncate(len);
    out
}

fn read(message: Structure<'_>) -> Fields {
    let value = |field: &hbcore::wire::Field<'_>| {
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

fn both_ways(peer: &mut Peer, read_back: bool) -> Result<(), Failed> {
    for fields in messages() {
        let ours = [written(Form::Netstring, &fields), written(Form::Classic, &fields)];
        for sent in &ours {
            let shown = sent.escape_ascii();
            let answers = peer.recode(sent).map_err(|error| format!("it died of {shown}: {error}"))?;
            for (theirs, ours) in answers.iter().zip(&ours) {
                let theirs = theirs.as_ref().ok_or_else(|| format!("it does not take {shown}"))?;
                if read_back {
                    let message = Structure::local(theirs).map_err(|e| format!("{e:?}: {}", theirs.escape_ascii()))?;
                    if read(message) != fields {
                        return Err(format!("{} is not {fields:?}", theirs.escape_ascii()).into());
                    }
                } else if theirs != ours {
                    return Err(
                        format!("it writes {}\nwe write  {}", theirs.escape_ascii(), ours.escape_ascii()).into()
                    );
                }
            }
        }
    }
    Ok(())
}

/// A message with one wrong byte: what we take, it takes too, and writes alike. It takes more, such as lengths with blanks before them or a
/// missing end (wire reference 3.1), and some of them kill it.
fn damaged(peer: &mut Peer) -> Result<(), Failed> {
    let mut state = 1_u32;
    let mut random = |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % below
    };
    let mut taken = 0;
    for fields in messages() {
        for form in [Form::Netstring, Form::Classic] {
            let mut bytes = written(form, &fields);
            let at = 4 + random(bytes.len() - 4);
            bytes[at] = random(256) as u8;
            let Ok(message) = Structure::local(&bytes) else { continue };
            let mut out = vec![0; 1 << 16];
            let mut writer = Writer::local(&mut out, Form::Netstring);
            message.fields().for_each(|field| writer.field(&field));
            // What cannot be sent need not be taken. It refuses a message for a malformed list; ours then has fewer items.
            let Ok(len) = writer.finish() else { continue };
            if !lists_are_whole(message) {
                continue;
            }
            let shown = bytes.escape_ascii();
            let [theirs, _] = peer.recode(&bytes).map_err(|error| format!("it died of {shown}: {error}"))?;
            // It reads a 0x13 as a newline in netstrings too, for which that byte stands on cables.
            let read_back =
                |text: &[u8]| text.iter().map(|byte| if *byte == 0x13 { b'\n' } else { *byte }).collect::<Vec<_>>();
            if theirs.as_deref().map(read_back) != Some(read_back(&out[..len])) {
                let theirs = theirs.as_deref().map(<[u8]>::escape_ascii).map(|text| text.to_string());
                let ours = out[..len].escape_ascii();
                return Err(format!("{shown}\nit writes {theirs:?}\nwe write  {ours}").into());
            }
            taken += 1;
        }
    }
    if taken < MESSAGES / 4 { Err(format!("only {taken} were taken").into()) } else { Ok(()) }
}

fn lists_are_whole(message: Structure<'_>) -> bool {
    message.fields().all(|field| {
        let packed: usize = field.items().map(|item| item.len().to_string().len() + item.len() + 2).sum();
        (field.kind != Kind::List || packed == field.raw().len()) && field.structure().is_none_or(lists_are_whole)
    })
}
