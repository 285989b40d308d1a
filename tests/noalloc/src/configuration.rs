//! The configuration files.

use hbcore::config::{AuthKeys, HaCf, HaResources, HbcoreCf, Problems, parse_boolean, parse_time};

const HA_CF: &[u8] = b"node alpha bravo\nbcast eth0\nserial /dev/ttyS0\nkeepalive 100ms\ndeadtime 500ms\n\
                       logfacility local0\ncrm off\nauto_failback on\n";

/// Whether the parsers accept good files, and refuse a bad one.
pub(crate) fn parses() -> bool {
    let mut problems = Problems::<16>::new();
    let Some(ha_cf) = HaCf::parse(HA_CF, "alpha", &mut problems).checked() else { return false };
    let keys = AuthKeys::parse(b"auth 1\n1 sha1 secret\n", &mut problems).checked();
    let groups = HaResources::parse(b"alpha IPaddr::10.77.0.100/24/eth0\n", &ha_cf, &mut problems).checked();
    let extensions = HbcoreCf::parse(b"", &mut problems).checked();
    let bad = HaCf::parse(b"frob 1\n", "alpha", &mut problems).checked();
    let told = problems.iter().any(|problem| problem.at.is_some()) && problems.errors() > 0;
    let address = groups.as_ref().and_then(|g| g.groups.first()?.key()?.address()?.ok());
    keys.is_some_and(|k| k.signing().is_some())
        && address.is_some()
        && extensions.is_some()
        && bad.is_none()
        && told
        && parse_time("1500us").is_some()
        && parse_boolean("on") == Some(true)
        && ha_cf.members().count() == 2
}
