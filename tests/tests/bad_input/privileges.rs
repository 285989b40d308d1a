//! A daemon without privileges reports the one that it lacks.

use hbcore_tests::lab::{Daemon, Lab, Site};

/// Prepares directories for the user nobody, and runs the daemon with the rights of any user and none of root's.
const AS_NOBODY: &str = r#"
set -e
mkdir -p /run/n/etc /run/n/lib /run/n/run
cp /etc/ha.d/ha.cf /etc/ha.d/authkeys /etc/ha.d/haresources /run/n/etc
sed -i 's,/var/log/ha-log,/run/n/ha-log,' /run/n/etc/ha.cf
chown -R nobody /run/n
exec setpriv --reuid=nobody --regid=nogroup --clear-groups --inh-caps=-all --bounding-set=-all \
    "$0" --config-dir /run/n/etc --state-dir /run/n/lib --run-dir /run/n/run
"#;

/// Port 694 is below 1024, and the daemon binds sockets to devices.
pub(crate) fn missing_capability() {
    let lab = Lab::new("privileges", Daemon::Ours, Daemon::Ours, &Site::default());
    let program = Daemon::Ours.program().display().to_string();
    let answered = lab.alpha.run("sh", &["-c", AS_NOBODY, &program]);
    lab.check(answered.code.is_some_and(|code| code != 0), &format!("a failure instead of {answered:?}"));
    lab.check(answered.output.contains("CAP_NET_"), &format!("the name of the capability in {answered:?}"));
    lab.check(!lab.alpha.is_running(), "no daemon");
    lab.check(!lab.alpha.has_file("/run/n/run/heartbeat.pid"), "no pid file of a daemon that never was");

    let nobody = ["--reuid=nobody", "--regid=nogroup", "--clear-groups", &program];
    let answered = lab.alpha.run("setpriv", &nobody);
    lab.check(
        answered.code == Some(4),
        &format!("exit code 4 where the keys may not be read, instead of {answered:?}"),
    );
}
