//! Recognising the scripts that came with the package.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use sha1::{Digest, Sha1};

/// SHA-1 of the scripts of Debian's heartbeat 1:3.0.6-13, as `sha1sum /etc/ha.d/rc.d/*` gives them.
const STOCK: [&str; 5] = [
    "425c7b10779b6850c327f3431fe51e37a30eabb9", // ask_resources
    "3b8b92976884c1612fb2dab0c4e0c8c6d00b97b6", // hb_takeover
    "ac94873f6a24d6ac40df46be2902407f10b574a2", // ip-request
    "5d40418fb4de2f886d914b1fb09986efbe3041da", // ip-request-resp
    "3f48ce315903c3c47442d21772e94d2c97cc2dfe", // status
];

/// The largest of them has less than 2 kB. A larger file is not one of them.
const STOCK_MAX: u64 = 16 * 1024;

/// Whether the file at `path` has the content of a script of the package, whatever its name. False if it cannot be
/// read.
pub fn is_stock(path: &Path) -> bool {
    let mut content = Vec::new();
    let read = File::open(path).and_then(|file| file.take(STOCK_MAX + 1).read_to_end(&mut content));
    read.is_ok_and(|len| len as u64 <= STOCK_MAX) && STOCK.contains(&hex(&Sha1::digest(&content)).as_str())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
