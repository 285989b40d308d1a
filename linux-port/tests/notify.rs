//! Scenarios of the scripts in `rc.d`: the script of each message, and its arguments and environment.

mod host;
#[path = "host/reference.rs"]
mod reference;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hbcore_linux::log::Logger;
use hbcore_linux::notify::{FIELDS_MAX, Notifier, QUEUE_CAPACITY, is_stock};
use hbcore_linux::resources::ScriptEnvironment;
use hbcore_linux::script::{Environment, Search};
use host::{Place, eventually};

const LONG: Duration = Duration::from_secs(20);
const SCRIPTS: &str = "/etc/ha.d/rc.d";

/// The environment that the daemon gives its scripts, at a site whose files are in `dir`.
fn environment(dir: &str) -> Environment {
    let mut environment = Environment::default();
    environment.set("PATH", "/usr/bin:/bin").set("HA_CURHOST", "alpha").set("HA_DATEFMT", "%Y/%m/%d_%T\t");
    environment.set("HA_DIR", dir).set("HA_FUNCS", format!("{dir}/shellfuncs"));
    environment
}

fn start(place: &Place, log: &Logger) -> Notifier {
    let dir = place.join("ha.d");
    let mut variables = environment(&dir.display().to_string());
    variables.with_shell_functions("/usr/libexec/heartbeat", &dir.display().to_string(), "/var/lib/heartbeat/fifo");
    let scripts = ScriptEnvironment {
        search: Search::standard(&dir),
        environment: Arc::new(variables),
        directory: place.path().to_owned(),
        limit: LONG,
    };
    Notifier::start(&dir, &scripts, true, log).expect("a thread")
}

/// A place with a script of this name in `rc.d`.
fn with_script(name: &str, body: &str) -> Place {
    let place = Place::new();
    reference::install(&place);
    place.script(&format!("ha.d/rc.d/{name}"), body);
    place
}

fn tell(notifier: &Notifier, kind: &str, fields: &[(&str, &str)]) {
    notifier.notify(kind.as_bytes(), fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
}

fn traced(place: &Place) -> Vec<String> {
    place.read("trace").lines().map(str::to_owned).collect()
}

/// A body that records `$1` and a few variables.
fn tracing(place: &Path) -> String {
    format!("echo \"$# $1 $HA_src $HA_st $HA_Odd\" >>{}/trace", place.display())
}

#[test]
fn message_runs_the_script_of_its_name_with_its_fields_as_variables() {
    let place = with_script("status", "");
    place.script("ha.d/rc.d/status", &tracing(place.path()));
    let log = place.log();
    let notifier = start(&place, &log);
    tell(&notifier, "STATUS", &[("t", "status"), ("src", "bravo"), ("st", "dead"), ("Odd", "a b\nc")]);
    eventually("the script ran", || traced(&place).len() == 2);
    assert_eq!(traced(&place), ["1 status bravo dead a b", "c"]);
    assert!(log.flush(LONG));
    let running = format!("info: Running {} status", place.join("ha.d/rc.d/status").display());
    assert!(place.read("log").contains(&running), "{}", place.read("log"));
}

#[test]
fn scripts_run_one_at_a_time_in_the_order_of_their_messages() {
    let place = with_script("slow", "");
    let trace = place.join("trace");
    place.script("ha.d/rc.d/slow", &format!("echo begin >>{0}; sleep 0.1; echo end >>{0}; exit 3", trace.display()));
    place.script("ha.d/rc.d/quick", &format!("echo quick >>{}", trace.display()));
    let log = place.log();
    let notifier = start(&place, &log);
    tell(&notifier, "slow", &[]);
    tell(&notifier, "slow", &[]);
    tell(&notifier, "quick", &[]);
    eventually("all ran", || traced(&place).len() == 5);
    assert_eq!(traced(&place), ["begin", "end", "begin", "end", "quick"]);
    assert!(log.flush(LONG));
    assert!(place.read("log").contains("WARN: Return code 3 from "), "{}", place.read("log"));
}

#[test]
fn message_without_script_is_silent_and_one_that_cannot_run_is_logged() {
    let place = with_script("known", "");
    place.script("ha.d/rc.d/known", &tracing(place.path()));
    place.file("ha.d/rc.d/plain", "#!/bin/sh\n", 0o644);
    place.script("ha.d/harc-like", &tracing(place.path()));
    let log = place.log();
    let notifier = start(&place, &log);
    for kind in ["unknown", "../harc-like", "", ".", "plain", "known"] {
        tell(&notifier, kind, &[]);
    }
    eventually("the last one ran", || traced(&place).len() == 1);
    assert!(log.flush(LONG));
    let (harc, plain) = (place.join("ha.d/harc"), place.join("ha.d/rc.d/plain"));
    let errors: Vec<String> = place.read("log").lines().filter(|l| l.contains("ERROR")).map(str::to_owned).collect();
    let [error] = errors.as_slice() else { panic!("{errors:?}") };
    assert!(error.ends_with(&format!("ERROR: {}: {}: not executable", harc.display(), plain.display())), "{error}");
    assert_eq!(notifier.dropped(), 0);
}

#[test]
fn scripts_of_the_package_are_not_run_a_changed_one_is() {
    let scripts = ["status", "ip-request", "ip-request-resp", "ask_resources", "hb_takeover"];
    if !scripts.iter().all(|name| Path::new(SCRIPTS).join(name).exists()) {
        println!("skipped: heartbeat 3.0.6 is not installed");
        return;
    }
    let place = with_script("last", "");
    for name in scripts {
        assert!(is_stock(&Path::new(SCRIPTS).join(name)), "{name}");
        std::fs::copy(Path::new(SCRIPTS).join(name), place.join("ha.d/rc.d").join(name)).expect("copied");
    }
    let own = std::fs::read_to_string(place.join("ha.d/rc.d/status")).expect("text") + &tracing(place.path()) + "\n";
    place.file("ha.d/rc.d/mine", &own, 0o755);
    place.script("ha.d/rc.d/last", &tracing(place.path()));
    let log = place.log();
    let notifier = start(&place, &log);
    for name in scripts {
        tell(&notifier, name, &[("st", "up"), ("src", "bravo"), ("dest", "alpha"), ("ipaddr", "x"), ("ok", "OK")]);
    }
    tell(&notifier, "mine", &[("src", "bravo"), ("st", "up")]);
    tell(&notifier, "last", &[]);
    eventually("both ran", || traced(&place).len() == 2);
    assert_eq!(traced(&place), ["1 mine bravo up ", "1 last   "]);
    assert!(log.flush(LONG));
    assert_eq!(place.read("log").matches("Running ").count(), 2, "{}", place.read("log"));
    assert!(!is_stock(&place.join("ha.d/rc.d/mine")) && !is_stock(&place.join("nowhere")));
}

#[test]
fn too_many_and_too_large_messages_are_dropped_and_counted() {
    let place = with_script("blocks", "");
    let go = place.join("go");
    let body = format!("while [ ! -e {} ]; do sleep 0.01; done; {}", go.display(), tracing(place.path()));
    place.script("ha.d/rc.d/blocks", &body);
    let log = place.log();
    let notifier = start(&place, &log);
    tell(&notifier, "blocks", &[("src", &"x".repeat(FIELDS_MAX))]);
    assert_eq!(notifier.dropped(), 1);
    tell(&notifier, "blocks", &[]);
    eventually("it has begun", || log.flush(LONG) && place.read("log").contains("Running "));
    for _ in 0..QUEUE_CAPACITY + 5 {
        tell(&notifier, "blocks", &[]);
    }
    assert_eq!(notifier.dropped(), 1 + 5);
    std::fs::write(&go, "").expect("written");
    eventually("those that waited ran", || traced(&place).len() == 1 + QUEUE_CAPACITY);
}

#[test]
fn at_the_end_of_the_daemon_a_script_is_terminated_and_no_other_begins() {
    let place = with_script("sleeps", "");
    place.script("ha.d/rc.d/sleeps", &format!("{}; exec sleep 600", tracing(place.path())));
    let log = place.log();
    let notifier = start(&place, &log);
    tell(&notifier, "sleeps", &[]);
    tell(&notifier, "sleeps", &[]);
    eventually("it runs", || traced(&place).len() == 1);
    notifier.cancel();
    eventually("it was terminated", || log.flush(LONG) && place.read("log").contains("Terminated on request from "));
    drop(notifier);
    assert!(log.flush(LONG));
    assert_eq!(traced(&place).len(), 1);
}

/// The variables that a script printed with `env`, without those that a shell adds.
fn variables(printed: &str) -> BTreeMap<String, String> {
    let pairs = printed.lines().filter_map(|line| line.split_once('='));
    let by_shell = ["_", "PWD", "OLDPWD", "SHLVL", "PATH"];
    pairs.filter(|(name, _)| !by_shell.contains(name)).map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
}

#[test]
fn environment_is_that_of_harc() {
    if reference::why_not().is_some() {
        return;
    }
    let place = with_script("mine", "");
    place.script("ha.d/rc.d/mine", &format!("{{ echo \"0=$0 $*\"; env; }} >{}/printed", place.path().display()));
    let fields = [("t", "mine"), ("src", "bravo"), ("rsc_hold", "all"), ("seq", "1f")];
    let log = place.log();
    let notifier = start(&place, &log);
    tell(&notifier, "mine", &fields);
    eventually("ours ran", || place.read("printed").contains("HA_seq"));
    drop(notifier);
    let ours = place.read("printed").replace(&place.join("ha.d").display().to_string(), "/etc/ha.d");

    let mut theirs = reference::command(&place, "/etc/ha.d/harc");
    theirs.arg("mine").env_clear();
    for (name, value) in [("PATH", "/usr/bin:/bin"), ("HA_CURHOST", "alpha"), ("HA_DATEFMT", "%Y/%m/%d_%T\t")] {
        theirs.env(name, value);
    }
    theirs.env("HA_DIR", "/etc/ha.d").env("HA_FUNCS", "/etc/ha.d/shellfuncs");
    theirs.env("HA_OSTATUS", "active").env("HA_NICEFAILBACK", "yes");
    theirs.env("HA_LOGFILE", "/dev/null").env("HA_DEBUGLOG", "/dev/null");
    theirs.envs(fields.map(|(name, value)| (format!("HA_{name}"), value)));
    let output = theirs.output().expect("started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let (mut ours, mut theirs) = (variables(&ours), variables(&place.read("printed")));
    assert_eq!(ours.remove("HA_TAKEOVER_BY_ENGINE").as_deref(), Some("yes"));
    theirs.retain(|name, _| !["HA_LOGFILE", "HA_DEBUGLOG"].contains(&name.as_str()));
    assert_eq!(theirs.remove("0"), Some("/etc/ha.d/rc.d/mine mine".to_owned()));
    assert_eq!(ours.remove("0"), Some("/etc/ha.d/rc.d/mine mine".to_owned()));
    assert_eq!(ours, theirs);
}

#[test]
fn fields_of_a_message_replace_no_variable_of_the_daemon() {
    let place = with_script("mine", "");
    let names = ["BIN", "FIFO", "RCDIR", "RESOURCEDIR", "DIR", "FUNCS", "CURHOST", "DATEFMT"];
    let kept_unset = ["DONTASK", "debug", "LOGFACILITY", "SBIN_DIR", "NOARCHBIN", "CF", "VARLIB", "RSCTMP", "CONFDIR"];
    place.script("ha.d/rc.d/mine", &format!("env >{0}/printing; mv {0}/printing {0}/printed", place.path().display()));
    let log = place.log();
    let notifier = start(&place, &log);
    let hostile = names.iter().chain(&kept_unset).chain(&["OSTATUS", "NICEFAILBACK", "TAKEOVER_BY_ENGINE"]);
    let fields: Vec<(&str, &str)> = hostile.map(|name| (*name, "/tmp/evil")).chain([("src", "bravo")]).collect();
    tell(&notifier, "mine", &fields);
    eventually("it ran", || place.join("printed").exists());

    let printed = variables(&place.read("printed"));
    let value = |name: &str| printed.get(name).map(String::as_str);
    let evil: Vec<&String> = printed.iter().filter(|(_, v)| v.contains("evil")).map(|(n, _)| n).collect();
    assert!(evil.is_empty(), "replaced: {evil:?}");
    assert_eq!(value("HA_BIN"), Some("/usr/libexec/heartbeat"));
    assert_eq!(value("HA_OSTATUS"), Some("active"));
    assert_eq!(value("HA_TAKEOVER_BY_ENGINE"), Some("yes"));
    assert_eq!(value("HA_src"), Some("bravo"), "what a script expects of a message is there");
}
