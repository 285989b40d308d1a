//! Compares our encoder and decoder with those of an installed 3.0.6, through the C interface of its library. The
//! messages are always the same, in both directions.
//!
//! The fuzz target `differential` makes the same checks with the inputs of libFuzzer. Here the library runs in a child,
//! which may die.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use hbcore_fuzz::differential::{Recoded, check};
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};

/// The exit code of the child if there is no library.
const MISSING: i32 = 77;
/// The number of messages.
const INPUTS: usize = 6000;

fn main() {
    let trials = vec![Trial::ignorable_test("reference_reads_and_writes_the_same_messages_as_we_do", || {
        let Some(mut peer) = Peer::start()? else {
            return Ok(Completion::ignored_with("needs gcc, and libplumb.so.2 of the package libplumb2"));
        };
        the_same(&mut peer).map(|()| Completion::Completed)
    })];
    libtest_mimic::run(&Arguments::from_args(), trials).exit()
}

/// The library in its child.
struct Peer {
    child: Child,
    requests: ChildStdin,
    answers: ChildStdout,
}

impl Peer {
    /// None if something is not installed.
    fn start() -> io::Result<Option<Self>> {
        let Some(program) = compiled()? else { return Ok(None) };
        let mut child =
            Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let (Some(requests), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("no pipes"));
        };
        let mut peer = Self { child, requests, answers };
        match peer.exchange(b">>>\nt=status\n<<<\n") {
            Err(_) if peer.child.wait()?.code() == Some(MISSING) => Ok(None),
            answer => answer.map(|_| Some(peer)),
        }
    }

    /// The message as the library writes it again: as a netstring, and in the classic form.
    fn recode(&mut self, message: &[u8]) -> Result<Recoded, String> {
        self.exchange(message).map_err(|error| format!("it died: {error}"))
    }

    fn exchange(&mut self, message: &[u8]) -> io::Result<Recoded> {
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

/// None if there is no compiler.
fn compiled() -> io::Result<Option<PathBuf>> {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("differential-peer");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential/peer.c");
    let mut gcc = Command::new("gcc");
    gcc.args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-g"])
        .arg(source)
        .arg("-o")
        .arg(&program)
        .arg("-ldl");
    let output = match gcc.output() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        output => output?,
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(Some(program))
}

fn the_same(peer: &mut Peer) -> Result<(), Failed> {
    let mut random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut compared = 0;
    for number in 0..INPUTS {
        let mut input = [0; 160];
        random.fill_bytes(&mut input);
        // The kinds alternate: whole, with a wrong byte as a netstring, with a wrong byte in the classic form.
        input[0] = 1 + (number % 3) as u8;
        compared += usize::from(check(&input, &mut |message| peer.recode(message))?);
    }
    // All whole messages count, and some of the others: most wrong bytes are in a value.
    if compared < INPUTS / 2 { Err(format!("only {compared} were compared").into()) } else { Ok(()) }
}
