//! Runs the fuzz targets with the inputs that fuzzing once found.

use std::fs;
use std::path::Path;

use hbcore_fuzz::TARGETS;

#[test]
fn every_input_of_every_corpus_passes() {
    for target in TARGETS {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target.name);
        let mut count = 0;
        for file in fs::read_dir(&corpus).expect("a corpus").flatten() {
            // The output is shown if the test fails: the last file is the one that failed.
            println!("{}", file.path().display());
            (target.run)(&fs::read(file.path()).expect("a readable file"));
            count += 1;
        }
        assert!(count > 0, "{} is empty", corpus.display());
    }
}

#[test]
fn no_short_input_fails() {
    for target in TARGETS {
        (target.run)(b"");
        for byte in 0..=u8::MAX {
            (target.run)(&[byte]);
            (target.run)(&[byte; 40]);
        }
    }
}
