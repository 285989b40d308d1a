//! The completions in `dist/completions` know the commands and options that `--help` knows.

use std::path::Path;
use std::process::Command;

const COMPLETIONS: [&str; 3] = ["hb.bash", "_hb", "hb.fish"];

fn completion(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dist/completions").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The options that `program --help` names, and the commands of `hb`.
fn words_of(program: &str) -> Vec<String> {
    let output = Command::new(program).arg("--help").output().expect("it starts");
    let help = String::from_utf8_lossy(&output.stdout).into_owned();
    let options = help.split_whitespace().map(|word| word.trim_matches(['[', ']', '(', ')', ':', ';', ',', '.']));
    let mut words: Vec<_> = options.filter(|word| word.starts_with('-') && word.len() > 1).map(str::to_owned).collect();
    words.extend(
        help.lines().filter_map(|line| line.strip_prefix("  hb ")?.split_whitespace().next().map(str::to_owned)),
    );
    words.sort();
    words.dedup();
    words
}

#[test]
fn options_of_the_help_are_completed_in_each_shell() {
    for program in [env!("CARGO_BIN_EXE_hb"), env!("CARGO_BIN_EXE_heartbeat")] {
        let words = words_of(program);
        assert!(words.len() > 5, "{words:?}");
        for name in COMPLETIONS {
            let text = completion(name);
            // `-R` and `-C` are internal. fish writes options without their dashes.
            for word in words.iter().filter(|word| !matches!(word.as_str(), "-R" | "-C")) {
                let plain = word.trim_start_matches('-');
                let known = match (name, word.len() - plain.len()) {
                    ("hb.fish", 2) => text.contains(&format!("-l {plain} ")),
                    ("hb.fish", 1) => text.contains(&format!("-s {plain} ")),
                    _ => text.contains(word.as_str()),
                };
                assert!(known, "{name} does not complete {word} of {program}");
            }
        }
    }
}

#[test]
fn shells_that_are_installed_accept_their_completions() {
    for (shell, name) in [("bash", "hb.bash"), ("zsh", "_hb"), ("fish", "hb.fish")] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dist/completions").join(name);
        match Command::new(shell).arg("-n").arg(path).output() {
            Ok(read) => assert!(read.status.success(), "{shell}: {}", String::from_utf8_lossy(&read.stderr)),
            Err(_) => println!("skipped: there is no {shell}"),
        }
    }
}

#[test]
fn bash_completes_a_command_and_a_class() {
    if Command::new("bash").arg("--version").output().is_err() {
        return println!("skipped: there is no bash");
    }
    let script = "COMP_WORDS=(hb sta); COMP_CWORD=1; _hb; echo ${COMPREPLY[@]}; \
                  COMP_WORDS=(hb standby f); COMP_CWORD=2; _hb; echo ${COMPREPLY[@]}";
    let output = Command::new("bash").args(["-c", &format!("{}\n{script}", completion("hb.bash"))]).output();
    let output = output.expect("bash starts");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "status standby\nforeign failback\n");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
