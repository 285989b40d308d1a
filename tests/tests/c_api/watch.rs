//! `watch` reads captures: packets of a real 3.0.6, and packets with the verdict of a real 3.0.6.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use hbcore_tests::vectors::{Stage, verdicts};
use serde_json::Value;

use crate::toolchain::{VALGRIND, example, output, plain_archive, program, root, succeed};

pub(crate) fn vectors() {
    let watch = example("watch");
    reads_every_captured_packet(&watch);
    agrees_with_the_verdicts(&watch);
}

/// Typical mistakes: a capture that still runs, no capture at all, keys with a mistake.
pub(crate) fn mistakes() {
    let watch = example("watch");
    let (authkeys, capture) = (output().join("mistakes.authkeys"), output().join("mistakes.pcap"));
    let whole = pcap(&[b"one".to_vec(), b"two".to_vec()]);
    let cases: [(&str, &[u8], &str, &str); 4] = [
        ("auth 1\n1 crc\n", &whole[..whole.len() - 1], "0 authentic, 1 dropped\n", "the last packet is cut off"),
        ("auth 1\n1 crc\n", &whole[..30], "0 authentic, 0 dropped\n", "the last packet is cut off"),
        ("auth 1\n1 crc\n", &whole[..10], "", "not a capture"),
        ("auth 1\n1 crc\n\n2 rot13 x\n", &whole, "", "mistakes.authkeys:4:3: "),
    ];
    for (keys, bytes, last_words, complaint) in cases {
        fs::write(&authkeys, keys).expect("a file");
        fs::write(&capture, bytes).expect("a file");
        let said = Command::new(&watch).arg(&authkeys).arg(&capture).output().expect("the program");
        let (shown, complained) = (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
        assert_eq!(said.status.code(), Some(1), "{complaint}: {shown}{complained}");
        assert!(shown.ends_with(last_words), "{complaint}: {shown}");
        assert!(complained.contains(complaint), "{complaint}: {complained}");
    }
}

/// We accept this one packet and 3.0.6 does not, on purpose, so that keys can be changed without a gap.
const ACCEPTED_BESIDES: &str = "netstring, second key with its own secret";

fn reads_every_captured_packet(watch: &Path) {
    let mut authentic = 0;
    for (keys, packets) in captured() {
        let shown = run(&mut Command::new(watch), &keys, &packets);
        for (packet, line) in packets.iter().zip(shown.lines()) {
            let is_compressed = packet.windows(21).any(|name| name == b"(1)_compressed_payloa");
            assert_eq!(line.contains("DROPPED: compressed"), is_compressed, "{line}");
            assert_eq!(line.contains("DROPPED"), is_compressed, "{line}");
        }
        authentic += shown.lines().filter(|line| line.contains(" generation=")).count();
    }
    assert!(authentic >= 76, "{authentic} packets");
}

/// Prints every field of some packets.
pub(crate) fn under_valgrind() {
    let watch = program("watch-plain", &[root().join("c-examples/watch.c")], &[], plain_archive());
    for (keys, packets) in captured().into_iter().take(2) {
        let shown = run(Command::new("valgrind").args(VALGRIND).arg(&watch).arg("-v"), &keys, &packets);
        assert!(shown.contains("\n    src = "), "{shown}");
    }
}

/// Datagrams reach a port. They are sent until the program has opened it and shown its verdict on one.
pub(crate) fn socket() {
    let watch = example("watch");
    let (keys, packets) = captured().into_iter().next().expect("a packet");
    let authkeys = output().join("socket.authkeys");
    fs::write(&authkeys, keys).expect("a file");
    let sender = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let port = UdpSocket::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
    let mut program = Command::new(watch);
    program.arg(authkeys).args(["-u", &port.to_string()]).stdout(Stdio::piped());
    let mut child = Killed(program.spawn().expect("the program"));
    let (tell, told) = mpsc::channel();
    let mut lines = BufReader::new(child.0.stdout.take().expect("a pipe")).lines();
    thread::spawn(move || tell.send(lines.next()));
    let line = (0..600).find_map(|_| {
        let _ = sender.send_to(&packets[0], ("127.0.0.1", port)); // refused until the program listens
        told.recv_timeout(Duration::from_millis(100)).ok()
    });
    let line = line.flatten().expect("a line").expect("text");
    assert!(line.contains(" generation="), "{line}");
}

/// A process that ends with the test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Packets of a 3.0.6, by the keys with which they are signed.
fn captured() -> BTreeMap<String, Vec<Vec<u8>>> {
    let mut by_keys: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for line in lines("packets.jsonl") {
        let index = line["key_index"].as_u64().expect("a number");
        let word = |name: &str| line[name].as_str().expect("text");
        let keys = format!("auth {index}\n{index} {} {}\n", word("key_method"), word("key"));
        by_keys.entry(keys).or_default().push(unhex(word("packet_hex")));
    }
    by_keys
}

fn agrees_with_the_verdicts(watch: &Path) {
    let setup = &lines("accept-reject.jsonl")[0]["setup"];
    let verdicts = verdicts();
    let packets: Vec<Vec<u8>> = verdicts.iter().map(|verdict| verdict.bytes.clone()).collect();
    let shown = run(&mut Command::new(watch), setup["authkeys"].as_str().expect("text"), &packets);
    for (verdict, line) in verdicts.iter().zip(shown.lines()) {
        let dropped = verdict.name != ACCEPTED_BESIDES
            && matches!(verdict.rejected, Some(Stage::Format | Stage::Authentication | Stage::Header));
        assert_eq!(line.contains("DROPPED"), dropped, "{}: {line}", verdict.name);
    }
}

fn run(watch: &mut Command, keys: &str, packets: &[Vec<u8>]) -> String {
    let name = watch.get_program().to_string_lossy().rsplit('/').next().unwrap_or_default().to_owned();
    let (authkeys, capture) = (output().join(format!("{name}.authkeys")), output().join(format!("{name}.pcap")));
    fs::write(&authkeys, keys).expect("a file");
    fs::write(&capture, pcap(packets)).expect("a file");
    succeed(watch.arg(authkeys).arg(capture))
}

/// A capture of these UDP payloads, each in a bare IPv4 packet (link type 101).
fn pcap(payloads: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65535, 101] {
        file.extend(word.to_le_bytes());
    }
    for (second, payload) in (1u32..).zip(payloads) {
        let len = u16::try_from(payload.len() + 28).expect("a datagram");
        for word in [second, 0, u32::from(len), u32::from(len)] {
            file.extend(word.to_le_bytes());
        }
        let mut header = [0; 28];
        header[0] = 0x45;
        header[2..4].copy_from_slice(&len.to_be_bytes());
        header[9] = 17;
        header[24..26].copy_from_slice(&(len - 20).to_be_bytes());
        file.extend(header);
        file.extend(payload);
    }
    file
}

fn lines(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(file);
    let text = fs::read_to_string(path).expect("vectors");
    text.lines().map(|line| serde_json::from_str(line).expect("a JSON object a line")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("hex"));
    digits.map(|pair| u8::from_str_radix(pair, 16).expect("hex")).collect()
}
