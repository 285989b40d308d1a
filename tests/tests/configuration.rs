//! The configuration directory as a whole: good and bad files, four real sites, and 3.0.6 as the judge.

#[path = "configuration/reference.rs"]
mod reference;
#[path = "configuration/rows.rs"]
mod rows;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use hbcore::config::Severity;
use hbcore_linux::config::{EXIT_CONFIGURATION, check_report, dump_defaults, dump_effective, load};
use rows::{BASE, BASE_WITHOUT_CRM, KEYS, Outcome, Row};

/// A configuration directory of its own, on the node p3, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = Self(std::env::temp_dir().join(format!("hbcore-config-{}-{count}", std::process::id())));
        fs::create_dir_all(&folder.0).expect("a temporary folder");
        folder.with("nodeinfo", "p3\n").with("haresources", "").with("authkeys", KEYS)
    }

    fn with(self, name: &str, text: &str) -> Self {
        let path = self.0.join(name);
        fs::write(&path, text).expect("a file");
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("its mode");
        self
    }

    fn without(self, name: &str) -> Self {
        fs::remove_file(self.0.join(name)).expect("the file was there");
        self
    }

    /// The directory of a real, published site, on the node `name`, with each file edited by `edit`.
    fn of_site(site: &str, name: &str, edit: impl Fn(String) -> String) -> Self {
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(site);
        let folder = Self::new().with("nodeinfo", name);
        fs::read_dir(seeds).expect("the site").flatten().fold(folder, |folder, entry| {
            let text = fs::read_to_string(entry.path()).expect("a file of the site");
            folder.with(&entry.file_name().to_string_lossy(), &edit(text))
        })
    }

    /// The messages of the errors, with the path that 3.0.6 prints, in the order of files and lines. Without errors the
    /// daemon starts.
    fn errors(&self) -> Vec<String> {
        let loaded = load(&self.0);
        let errors = loaded.findings.iter().filter(|finding| finding.severity == Severity::Error);
        let here = format!("{}/", self.0.display());
        let errors: Vec<_> = errors.map(|finding| finding.message.replace(&here, "/etc/ha.d//")).collect();
        assert_eq!(loaded.configuration.is_some(), errors.is_empty());
        errors
    }

    /// The output of `--check`, and its exit code.
    fn report(&self) -> (String, u8) {
        let mut out = Vec::new();
        let code = check_report(&self.0, &mut out).expect("writing to memory");
        (String::from_utf8(out).expect("text"), code)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Checks rows. `folder` makes a directory of each.
fn check(rows: &[Row], folder: impl Fn(&str) -> Folder) {
    for (text, outcome) in rows {
        let errors = folder(text).errors();
        let expected: &[&str] = match outcome {
            Outcome::Runs => &[],
            Outcome::Refused(texts) | Outcome::Silent(texts) => texts,
        };
        assert_eq!(errors.len(), expected.len(), "{text:?}: {errors:?}");
        for expected in expected {
            assert!(errors.iter().any(|error| error.contains(expected)), "{text:?}: {expected:?} not in {errors:?}");
        }
    }
}

#[test]
fn lines_of_ha_cf_are_taken_or_refused_as_by_the_reference() {
    check(rows::LINES, |lines| Folder::new().with("ha.cf", &format!("{BASE}{lines}\n")));
    check(rows::LINES_WITHOUT_CRM, |lines| Folder::new().with("ha.cf", &format!("{BASE_WITHOUT_CRM}{lines}\n")));
    check(rows::FILES, |text| Folder::new().with("ha.cf", text));
}

#[test]
fn keys_are_taken_or_refused_as_by_the_reference() {
    check(rows::KEY_FILES, |text| Folder::new().with("ha.cf", BASE).with("authkeys", text));
}

#[test]
fn resources_are_taken_or_refused_as_by_the_reference() {
    check(rows::RESOURCE_FILES, |text| Folder::new().with("ha.cf", BASE).with("haresources", text));
}

#[test]
fn where_the_reference_crashes_or_lies_we_say_what_is_wrong() {
    // 3.0.6 refuses this order without a message although its manual demands it.
    let folder = Folder::new().with("ha.cf", &format!("crm_daemon_dir /x\n{BASE}"));
    assert_eq!(folder.errors(), Vec::<String>::new());
    // 3.0.6 reports success, and then dies.
    let folder = Folder::new().with("ha.cf", &format!("{BASE}ucast nosuchif 127.0.0.1\n"));
    assert!(folder.errors()[0].contains("make_io_childpair: cannot open ucast nosuchif"));
}

#[test]
fn missing_files_are_named_with_what_to_do() {
    let folder = Folder::new();
    let (report, code) = folder.report();
    assert_eq!(code, EXIT_CONFIGURATION);
    let named = format!("error: Cannot open config file [{}]", folder.0.join("ha.cf").display());
    assert!(report.contains(&named), "{report}");
    assert!(!report.contains("No heartbeat media"), "an absent file lacks no lines: {report}");

    let folder = folder.with("ha.cf", BASE).without("authkeys").without("haresources");
    let expected =
        ["Cannot open keyfile [/etc/ha.d//authkeys].  Stop.", "Cannot open resources file [/etc/ha.d//haresources]"];
    assert_eq!(folder.errors(), expected);
}

#[test]
fn keys_that_others_can_read_are_refused() {
    let folder = Folder::new().with("ha.cf", BASE);
    let keys = folder.0.join("authkeys");
    for (mode, good) in [
        (0o600, true),
        (0o400, true),
        (0o700, true),
        (0o620, true),
        (0o602, true),
        (0o644, false),
        (0o640, false),
        (0o604, false),
    ] {
        fs::set_permissions(&keys, fs::Permissions::from_mode(mode)).expect("the mode");
        let errors = folder.errors();
        assert_eq!(errors.is_empty(), good, "{mode:o}: {errors:?}");
        assert!(errors.iter().all(|error| error.starts_with("Bad permissions on keyfile")), "{errors:?}");
    }
}

#[test]
fn report_has_place_line_caret_help_and_closing_lines() {
    let folder = Folder::new().with("ha.cf", &format!("{BASE}\tdeadtime  10m # c\n")).with("authkeys", "");
    let (report, code) = folder.report();
    let path = folder.0.join("ha.cf");
    let expected = format!(
        "{}:9:12: error: `deadtime` [10m] is not a time\n    \tdeadtime  10m # c\n    \t          ^\n  help: expected a time \
         such as `2`, `0.5` (seconds), `500ms` or `1500us`\n",
        path.display()
    );
    assert!(report.contains(&expected), "{report}");
    let closing = "Heartbeat not started: configuration error.\nAuthentication configuration error.\n\
                   Configuration error, heartbeat not started.\n";
    assert!(report.ends_with(closing), "{report}");
    assert_eq!(code, 6);
}

#[test]
fn no_report_shows_a_key() {
    let keys = "auth 1\nsha1 topsecret\n1 sha topsecret\n1 crc topsecret\n2 md5 topsecret # c\n";
    let (report, _) = Folder::new().with("ha.cf", BASE).with("authkeys", keys).report();
    assert!(report.contains("Invalid authtype [sha]"), "{report}");
    assert!(!report.contains("topsecret"), "{report}");
}

#[test]
fn our_extensions_have_a_file_of_their_own() {
    let folder = Folder::new().with("ha.cf", BASE).with("hbcore.cf", "heartbeat_format full\n");
    let extensions = load(&folder.0).configuration.expect("good").extensions;
    assert_eq!(extensions.heartbeat_format, hbcore::config::HeartbeatFormat::Full);

    let folder = folder.with("ha.cf", &format!("{BASE}heartbeat_format full\n")).with("hbcore.cf", "keepalive 2\n");
    let expected = ["Illegal directive [heartbeat_format]", "Illegal directive [keepalive] in /etc/ha.d//hbcore.cf"];
    for (error, expected) in folder.errors().iter().zip(expected) {
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn site_0_starts_on_its_own_nodes_only() {
    let here = |text: String| text.replace("eth1", "lo");
    assert_eq!(Folder::of_site("0", "d01", here).errors(), Vec::<String>::new());
    assert_eq!(Folder::of_site("0", "D02\n", here).errors(), Vec::<String>::new());
    assert_eq!(Folder::of_site("0", "d03", here).errors(), ["Current node [d03] not in configuration!"]);
}

#[test]
fn site_1_lacks_one_blank() {
    let here = |text: String| text.replace("eth1", "lo");
    let folder = Folder::of_site("1", "masternginx", here);
    let expected = "Invalid uid [hacluster/usr/lib64/heartbeat/ipfail] specified for client child";
    assert_eq!(folder.errors(), [expected]);
    assert!(folder.report().0.contains("`respawn hacluster /usr/lib64/heartbeat/ipfail`"));

    let corrected =
        |text: String| here(text).replace("respawn hacluster/usr/lib64/heartbeat/ipfail", "respawn root /bin/true");
    let loaded = load(&Folder::of_site("1", "slavenginx", corrected).0);
    let configuration = loaded.configuration.expect("good now");
    let key = configuration.keys.signing().expect("a signing key");
    assert_eq!((key.index, key.key), (3, b"Hello!".as_slice()));
}

#[test]
fn site_2_starts_once_it_has_keys() {
    let folder = Folder::of_site("2", "nodea", |text| text);
    let errors = folder.errors();
    let about_this_machine = |error: &&String| error.contains("does not exist");
    assert_eq!(errors.iter().filter(|error| !about_this_machine(error)).count(), 0, "{errors:?}");
    let errors = folder.without("authkeys").errors();
    assert!(errors.contains(&"Cannot open keyfile [/etc/ha.d//authkeys].  Stop.".to_owned()), "{errors:?}");
}

#[test]
fn site_3_shows_its_five_errors_at_once() {
    let here = |text: String| {
        let text = text.replace("bcast eth0", "bcast nosuchif").replace("ucast eth1", "ucast lo");
        text.replace("hacluster", "root").replace("haclient", "root").replace("/usr/lib64/", "/nonexistent/")
    };
    let errors = Folder::of_site("3", "host41", here).errors();
    let expected = [
        "IP interface [nosuchif] does not exist",
        "ucast: cannot resolve hostname [{{]",
        "Client child command [/nonexistent/heartbeat/ipfail] is not executable",
        "Client child command [/nonexistent/heartbeat/dopd] is not executable",
        "Bad nodename in /etc/ha.d//haresources [node1]",
    ];
    assert_eq!(errors.len(), expected.len(), "{errors:?}");
    for (error, expected) in errors.iter().zip(expected) {
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn table_of_defaults_has_the_form_of_the_reference() {
    let plain = dump_defaults(false);
    assert!(plain.starts_with("Directive                Default   Description\n-----"));
    assert!(plain.contains("\nhopfudge                 1         # of hops above cluster size\n"));
    let wiki = dump_defaults(true);
    assert!(wiki.contains("\n||[wiki:ha.cf/ConnLogdTimeDirective conn_logd_time]||60||the interval to reconnect"));
}

#[test]
fn effective_configuration_lists_parameters_nodes_and_media() {
    let folder = Folder::new().with("ha.cf", &format!("{BASE}keepalive 500ms\nping 127.0.0.1\n"));
    let configuration = load(&folder.0).configuration.expect("good");
    let dump = dump_effective(&configuration.ha_cf, "p3", |_| "init".to_owned());
    let expected = [
        "#\tLinux-HA heartbeat configuration (on p3)\n",
        "\nkeepalive\t500ms\t#\tkeepalive time\n",
        "\nwarntime\t15000ms\t#\twarning time\n",
        "\nnode 127.0.0.1\t#\t current status: init\n",
        "\n# ping membership heartbeat channel -------------\nping 127.0.0.1\n#----",
    ];
    for text in expected {
        assert!(dump.contains(text), "{text:?} in {dump}");
    }
}
