//! The first inputs of the targets: captured packets and real configurations, and the words in them.

use std::fs;
use std::io;
use std::path::Path;

use hbcore::config::Directive;
use hbcore::wire::Form;
use hbcore_tests::vectors::{self, Packet};

/// Words of packets and messages.
const WORDS: &str = "t st src seq hg ts ttl ld auth dest srcuuid destuuid dt protocol ackseq firstseq lastseq info rsc_hold rtype isstable \
    node nodelist delnodelist result weight site ipaddr ok weown hbcore status active resource ask_resources hb_takeover starting \
    NS_rexmit NS_ackmsg NS_nak_rexmit addnode delnode setweight ip-request ip-request-resp shutdone all local foreign none full";

/// Markers of packets, in the form of a dictionary.
const MARKS: &str = r####""\x3e\x3e\x3e\x0a"
"\x3c\x3c\x3c\x0a"
"###\x0a"
"%%%\x0a"
"(1)"
"(2)"
"(3)"
"(4)"
"=###\x0a%%%\x0a,"
"=\x3e\x3e\x3e\x14\x3c\x3c\x3c\x14"
"6:(0)t=x,"
"####;

/// Words of configurations besides the directives.
const VALUES: &str = "eth0 225.0.0.1 694 239.0.0.42 1.2.3.4/24/eth0 IPaddr IPaddr2 IPv6addr 2001:db8::1/64/eth0 :: on off legacy local0 p3 \
    100ms 500us sha1 md5 crc auth any none other yes no true false 65535 classic netstring file time zlib uid=root gid=haclient /bin/true";

/// Writes the seeds of a target into `directory`, and its dictionary, if it has one, beside it.
pub(super) fn write(target: &str, directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    let quoted =
        |words: &str| words.split_whitespace().map(|word| format!("\"{word}\"\n")).collect::<Vec<_>>().concat();
    let dictionary = match target {
        "packet" | "serial" | "fifo" | "differential" => MARKS.to_owned() + &quoted(WORDS),
        "cluster" => String::new(),
        _ => {
            quoted(VALUES) + &Directive::all().map(|word| format!("\"{}\"\n", word.name())).collect::<Vec<_>>().concat()
        }
    };
    if !dictionary.is_empty() {
        fs::write(directory.with_extension("dict"), dictionary)?;
    }
    for (number, seed) in seeds(target).iter().enumerate() {
        fs::write(directory.join(number.to_string()), seed)?;
    }
    Ok(())
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let classic = || vectors::packets().into_iter().filter(|packet| packet.form == Form::Classic);
    match target {
        "packet" => {
            vectors::packets().iter().flat_map(|packet| [[&[0], &packet.bytes[..]].concat(), body(packet)]).collect()
        }
        "differential" => vectors::packets().iter().map(|packet| [&[0], &packet.bytes[..]].concat()).collect(),
        "serial" | "fifo" => classic().map(|packet| [&[7], &packet.bytes[..]].concat()).collect(),
        "ha_cf" => site_files("ha.cf"),
        "haresources" => site_files("haresources"),
        "authkeys" => site_files("authkeys"),
        _ => Vec::new(),
    }
}

/// The fields without markers and signature, after a byte that tells the target to add them.
fn body(packet: &Packet) -> Vec<u8> {
    let find = |word: &[u8]| packet.bytes.windows(word.len()).rposition(|window| window == word);
    let (kind, end) = match packet.form {
        Form::Netstring => (1, find(b"%%%\n")),
        Form::Classic => (2, find(b"auth=")),
    };
    [&[kind], &packet.bytes[4..end.expect("a whole packet")]].concat()
}

fn site_files(name: &str) -> Vec<Vec<u8>> {
    let sites = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let folders = fs::read_dir(sites).expect("the sites").flatten();
    folders.filter_map(|folder| fs::read(folder.path().join(name)).ok()).collect()
}
