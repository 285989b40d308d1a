//! Arbitrary bytes as `haresources` and as `hbcore.cf`.

use std::sync::OnceLock;

use hbcore::config::{HaCf, HaResources, HbcoreCf, Problems};

use crate::problems;

fn ha_cf() -> &'static HaCf<'static> {
    static HA_CF: OnceLock<HaCf<'static>> = OnceLock::new();
    HA_CF.get_or_init(|| {
        let text = b"node p3 p4\nbcast eth0\nauto_failback on\nlogfacility local0\n";
        let mut problems = Problems::<8>::new();
        HaCf::parse(text, "p3", &mut problems).checked().expect("a good ha.cf")
    })
}

/// Groups belong to nodes. A tool that has no `ha.cf` reads the same begin of each group.
pub fn run(text: &[u8]) {
    resources(text);
    let mut found = Problems::new();
    let parsed = HbcoreCf::parse(text, &mut found);
    problems::check(text, &found);
    if let Some(extensions) = problems::checked(parsed, found.errors()) {
        assert!(extensions.script_timeout.is_none_or(|t| !t.is_zero()));
        assert!(extensions.shutdown_timeout.is_none_or(|t| !t.is_zero()));
        assert!(extensions.fence_command.is_none_or(|program| program.path.starts_with('/')));
        assert!(extensions.stop_failure_command.is_none_or(|program| program.path.starts_with('/')));
    }
}

fn resources(text: &[u8]) {
    let mut found = Problems::new();
    let parsed = HaResources::parse(text, ha_cf(), &mut found);
    problems::check(text, &found);
    examine(text, parsed.partial());
    examine(text, &HaResources::read(text));
    if let Some(sound) = problems::checked(parsed, found.errors()) {
        assert!(sound.groups.iter().all(|group| ha_cf().is_member(group.node)), "a group of nobody");
    }
}

fn examine(text: &[u8], resources: &HaResources<'_>) {
    // Columns count from after a byte order mark, as in editors.
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    for group in &resources.groups {
        assert!(!group.node.is_empty());
        assert_eq!(group.key(), group.resources().next());
        for resource in group.resources() {
            assert!(!resource.word.is_empty() && !resource.word.contains([' ', '\t', '\n']), "{resource:?}");
            let line = text.split(|byte| *byte == b'\n').nth(resource.at.line as usize - 1).expect("its line");
            let at = line.get(resource.at.column as usize - 1..).expect("its column");
            assert!(at.starts_with(resource.word.as_bytes()), "{resource:?} does not stand there");
            let _ = (resource.script(), resource.args().count(), resource.address(), resource.is_bare_ipv6());
        }
    }
}
