//! `dist/man`: the man pages are made from sections of `docs/`, and `man` accepts them without a warning.

use std::fmt::Write;
use std::fs;
use std::process::Command;

use hbcore_linux::cli;
use hbcore_tests::pages::{root, text};
use hbcore_tests::roff::{body, has_leftovers, head, section};

/// If this variable is set, the test writes the pages instead of comparing them.
const REFRESH: &str = "HBCORE_WRITE_PAGE";

/// A man page: name, volume, summary, synopsis, and its sections: the heading here, the page in `docs`, the heading
/// there.
type Page =
    (&'static str, u8, &'static str, &'static [&'static str], &'static [(&'static str, &'static str, &'static str)]);

const COMMANDS: &str = "commands.md";
const CONFIGURATION: &str = "configuration.md";

const PAGES: [Page; 7] = [
    (
        "heartbeat",
        8,
        "high availability of addresses and services",
        &["heartbeat [-f] [-d ...] [-l] [-M] [-v]", "heartbeat -k | -s | -r | -D [-W] | -V", "heartbeat --check [DIR]"],
        &[
            ("DESCRIPTION", COMMANDS, "heartbeat"),
            ("EXIT STATUS", COMMANDS, "Exit codes of heartbeat"),
            ("SIGNALS", COMMANDS, "Signals to heartbeat"),
            ("REAL TIME", "operating.md", "Real time"),
            ("LOG", "operating.md", "Logs"),
        ],
    ),
    (
        "hb",
        8,
        "front end of heartbeat",
        &[
            "hb status [--json]",
            "hb check [DIR] [--peer]",
            "hb standby | takeover [WORD]",
            "hb demo [--cuts N] [--svg FILE]",
        ],
        &[("DESCRIPTION", COMMANDS, "hb"), ("EXIT STATUS", COMMANDS, "Exit codes of hb")],
    ),
    (
        "hb_standby",
        8,
        "hand resource groups over between nodes",
        &["hb_standby [all|local|foreign|failback]", "hb_takeover [all|local|foreign|failback]"],
        &[("DESCRIPTION", COMMANDS, "hb_standby")],
    ),
    (
        "ha.cf",
        5,
        "main configuration of heartbeat",
        &["/etc/ha.d/ha.cf"],
        &[
            ("SYNTAX", CONFIGURATION, "Syntax"),
            ("NODES AND TIMES", CONFIGURATION, "Nodes and times"),
            ("LINKS", CONFIGURATION, "Links"),
            ("RESOURCES", CONFIGURATION, "Resources"),
            ("FENCING", CONFIGURATION, "Fencing"),
            ("LOGGING", CONFIGURATION, "Logging"),
            ("PROCESS", CONFIGURATION, "Process"),
            ("IDENTITY AND MEMBERSHIP", CONFIGURATION, "Identity and membership"),
            ("CLIENTS AND PACEMAKER", CONFIGURATION, "Clients and Pacemaker"),
        ],
    ),
    (
        "haresources",
        5,
        "resource groups of heartbeat",
        &["/etc/ha.d/haresources"],
        &[("DESCRIPTION", CONFIGURATION, "haresources")],
    ),
    ("authkeys", 5, "keys of heartbeat", &["/etc/ha.d/authkeys"], &[("DESCRIPTION", CONFIGURATION, "authkeys")]),
    ("hbcore.cf", 5, "extensions of ha.cf", &["/etc/ha.d/hbcore.cf"], &[("DESCRIPTION", CONFIGURATION, "hbcore.cf")]),
];

/// The page as roff.
fn made((name, volume, summary, synopsis, sections): &Page) -> String {
    let mut roff = head(name, *volume, summary, synopsis);
    for (heading, page, title) in *sections {
        let page = text(&root().join("docs").join(page));
        let lines = section(&page, title).unwrap_or_else(|| panic!("no section {title}"));
        let _ = write!(roff, ".SH {heading}\n{}", body(&lines));
    }
    let others =
        PAGES.iter().filter(|other| other.0 != *name).map(|(name, volume, ..)| format!(".BR {name} ({volume})"));
    let _ = write!(roff, ".SH SEE ALSO\n{}\n", others.collect::<Vec<_>>().join(" ,\n"));
    roff
}

#[test]
fn man_pages_are_made_from_the_docs() {
    for page in &PAGES {
        let path = root().join(format!("dist/man/{}.{}", page.0, page.1));
        let made = made(page);
        assert!(!has_leftovers(&made), "{}: Markdown is left in it", path.display());
        if std::env::var_os(REFRESH).is_some() {
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(&path, made).expect("written");
            continue;
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            made == kept,
            "dist/man/{}.{} is not what docs/ says; this refreshes it:\n    \
             {REFRESH}=1 cargo test -p hbcore-tests --test man_pages",
            page.0,
            page.1
        );
    }
}

#[test]
fn man_warns_of_nothing() {
    let man = Command::new("man").arg("--version").output();
    if !man.is_ok_and(|man| man.status.success()) {
        return println!("skipped: there is no man");
    }
    for (name, volume, ..) in &PAGES {
        let page = root().join(format!("dist/man/{name}.{volume}"));
        let shown = Command::new("man")
            .env("LC_ALL", "C.UTF-8")
            .args(["--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z"])
            .arg(&page)
            .output();
        let shown = shown.expect("man starts");
        assert!(
            shown.status.success() && shown.stderr.is_empty(),
            "{name}: {}",
            String::from_utf8_lossy(&shown.stderr)
        );
    }
}

#[test]
fn every_option_of_heartbeat_is_in_its_section() {
    let page = text(&root().join("docs/commands.md"));
    let lines = section(&page, "heartbeat").expect("a section").join("\n");
    let words =
        cli::HELP.lines().filter_map(|line| line.strip_prefix("  -")).filter_map(|line| line.split_whitespace().next());
    for word in words {
        assert!(lines.contains(&format!("`-{word}")), "docs/commands.md: no row for -{word}");
    }
}
