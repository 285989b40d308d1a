//! `include/hbcore.h` is the output of cbindgen for this crate.

use std::path::Path;

/// If this variable is set, the test writes the header instead of comparing it.
const REFRESH: &str = "HBCORE_WRITE_HEADER";

#[test]
fn header_is_up_to_date() {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(crate_dir.join("cbindgen.toml")).expect("a good configuration");
    let bindings = cbindgen::Builder::new().with_crate(crate_dir).with_config(config).generate().expect("a good crate");
    let mut made = Vec::new();
    bindings.write(&mut made);
    let made = plain_enums(&String::from_utf8(made).expect("text"));
    let path = crate_dir.join("../include/hbcore.h");
    if std::env::var_os(REFRESH).is_some() {
        std::fs::write(&path, &made).expect("the header can be written");
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = made.lines().zip(kept.lines()).position(|(made, kept)| made != kept);
    let line = differs.unwrap_or_else(|| made.lines().count().min(kept.lines().count())) + 1;
    assert!(
        made == kept,
        "include/hbcore.h is not what the crate says, from line {line} on; this refreshes it:\n    \
         {REFRESH}=1 cargo test -p hbcore-ffi --test header"
    );
}

/// cbindgen writes enums of a fixed size in three ways, for C11, C23 and C++. This function writes them as constants
/// and an integer type, which is the same everywhere and easier to read. The names of the constants do not need the
/// `_T` of the type.
fn plain_enums(header: &str) -> String {
    let mut plain = String::new();
    let mut lines = header.lines();
    let mut typedef = None;
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("enum ") {
            let size = lines.nth(1).and_then(|line| line.trim().strip_prefix(": ")).expect("an enum of a fixed size");
            typedef = Some(format!("typedef {size} {name};"));
            lines.nth(1);
            plain.push_str("enum {\n");
            continue;
        }
        plain.push_str(line);
        plain.push('\n');
        if let Some(typedef) = typedef.take_if(|_| line == "};") {
            lines.find(|line| *line == "#endif // __cplusplus");
            plain.push_str(&typedef);
            plain.push('\n');
        }
    }
    let short = plain.replace("HB_EVENT_KIND_T_", "HB_EVENT_").replace("HB_EFFECT_KIND_T_", "HB_EFFECT_");
    short.replace("_T_", "_")
}
