use std::string::{String, ToString};
use std::vec::Vec;

use super::*;
use crate::config::Severity;

const HA_CF: &str = "node p3 p4\nucast eth1 192.0.2.2\nlogfacility none\n";

fn with<R>(text: &str, look: impl FnOnce(Parsed<HaResources<'_>>, &Problems<'_, 16>) -> R) -> R {
    let mut ha_cf_problems = Problems::<16>::new();
    let ha_cf = HaCf::parse(HA_CF.as_bytes(), "p3", &mut ha_cf_problems).checked().expect("ha.cf is good");
    let mut problems = Problems::new();
    let parsed = HaResources::parse(text.as_bytes(), &ha_cf, &mut problems);
    look(parsed, &problems)
}

/// Each group as `node: resource resource`; errors as their messages.
fn groups(text: &str) -> Result<Vec<String>, Vec<String>> {
    with(text, |parsed, problems| {
        let errors = problems.iter().filter(|problem| problem.severity == Severity::Error);
        let messages: Vec<_> = errors.map(|problem| problem.kind.to_string()).collect();
        let groups = parsed.checked().ok_or(messages)?;
        Ok(groups.groups.iter().map(|group| std::format!("{group:?}")).collect())
    })
}

fn warnings(text: &str) -> Vec<String> {
    with(text, |_, problems| problems.iter().map(|problem| problem.kind.to_string()).collect())
}

#[test]
fn line_is_a_node_and_its_resources() {
    let expected = ["p3[\"1.2.3.4\", \"httpd\"]", "P4[\"tomcat\"]"].map(String::from).to_vec();
    assert_eq!(groups("# c\n\n  p3 \t1.2.3.4 httpd # c\nP4 tomcat\n"), Ok(expected));
}

#[test]
fn backslashes_continue_a_line() {
    let one = |words: &str| Ok([words.to_string()].to_vec());
    assert_eq!(groups("p3 a \\\n  b \\\n c\n"), one("p3[\"a\", \"b\", \"c\"]"));
    assert_eq!(groups("p3 \\\n zz\n"), one("p3[\"zz\"]"));
    assert_eq!(groups("p3 a\\\r\n b\r\n"), one("p3[\"a\", \"b\"]"));
    assert_eq!(groups("p3 a\\\n # words\n"), one("p3[\"a\"]"));
}

#[test]
fn first_word_must_be_a_node() {
    let cases = ["zz a\n", "p3,a b\n", "p3\\x\n", "p3 a\\ \nzz b\n", "p3 a\\\n\nzz b\n"];
    for text in cases {
        let errors = groups(text).expect_err(text);
        assert!(errors.iter().all(|e| e.starts_with("Bad nodename in /etc/ha.d//haresources [")), "{errors:?}");
    }
    assert_eq!(groups("zz a\nyy b\n").expect_err("two errors").len(), 2);
}

#[test]
fn empty_files_and_groups_are_accepted() {
    assert_eq!(groups(""), Ok(Vec::new()));
    assert_eq!(groups("p3\n"), Ok(["p3[]".to_string()].to_vec()));
    assert_eq!(warnings("p3\n"), ["a line without resources does nothing"]);
}

#[test]
fn resource_is_a_script_with_arguments_or_an_address() {
    with("p3 Filesystem::/dev/sda1::/data::ext3 1.2.3.4/24/eth0 IPaddr2::1.2.3.5 httpd\n", |parsed, _| {
        let parsed = parsed.checked().expect("good");
        let group = parsed.groups.first().expect("one group");
        let all: Vec<Resource<'_>> = group.resources().collect();
        let [filesystem, bare, addr2, httpd] = all[..] else { panic!("{all:?}") };
        assert_eq!(filesystem.script(), "Filesystem");
        assert_eq!(filesystem.args().collect::<Vec<_>>(), ["/dev/sda1", "/data", "ext3"]);
        assert!(filesystem.address().is_none());
        assert_eq!(bare.script(), "IPaddr");
        assert_eq!(bare.args().collect::<Vec<_>>(), ["1.2.3.4/24/eth0"]);
        assert_eq!(bare.address().expect("an address").expect("good").prefix, Some(24));
        assert_eq!((addr2.script(), addr2.at.column), ("IPaddr2", 55));
        assert!(addr2.address().is_some_and(|address| address.is_ok()));
        assert_eq!((httpd.script(), httpd.args().count()), ("httpd", 0));
    });
}

#[test]
fn ipv6_goes_with_its_own_script() {
    with("p3 IPv6addr::fec0::1/64/eth0 IPaddr::fec0::1\n", |parsed, problems| {
        let parsed = parsed.checked().expect("3.0.6 does not look at resources");
        let first = parsed.groups.first().and_then(Group::key).expect("a key");
        assert_eq!(first.address().expect("an address").expect("good").nic, Some("eth0"));
        assert_eq!(problems.iter().filter(|problem| problem.severity == Severity::Warning).count(), 1);
    });
}

#[test]
fn traps_are_warned_about() {
    assert_eq!(warnings("p3 1.2.3.4/99\n"), ["[1.2.3.4/99] is not an address that can be taken over"]);
    assert_eq!(warnings("p3 a b\np4 b\n"), ["resource [b] also stands in an earlier line"]);
    assert_eq!(warnings("p3 a\\\n b # words\n"), ["comment in a continued line"]);
    assert_eq!(warnings("p3\u{a0}a b\n").len(), 2);
}

fn helps(text: &str) -> Vec<String> {
    with(text, |_, problems| problems.iter().map(|problem| problem.kind.help().to_string()).collect())
}

#[test]
fn ipv6_address_wants_its_script_and_3_0_6_wants_it_in_full() {
    assert_eq!(warnings("p3 fd00::1/64/eth0"), ["IPv6 address [fd00::1/64/eth0] without a script"]);
    assert_eq!(helps("p3 fd00::1/64/eth0"), ["write `IPv6addr::fd00::1/64/eth0`"]);
    let advice = "if the other node is a 3.0.6, write the address in full: `IPv6addr::fd00:0:0:0:0:0:0:1`";
    assert_eq!(helps("p3 IPv6addr::fd00::1/64"), [advice]);
    assert_eq!(helps("p3 IPv6addr::fd00:0:0:0:0:0:0:1/64/eth0"), [""; 0]);
    assert_eq!(helps("p3 script::a::b"), [""; 0]);
}

#[test]
fn byte_order_mark_is_named_and_the_line_is_read() {
    with("\u{feff}p3 1.2.3.4\n", |parsed, problems| {
        let messages: Vec<_> = problems.iter().map(|problem| problem.kind.to_string()).collect();
        assert_eq!(messages, ["byte order mark (U+FEFF) before the first letter"]);
        assert!(parsed.checked().is_none());
    });
}

/// The errors in `haresources` with this `ha.cf`, which has an error of its own.
fn errors_beside(ha_cf: &str, text: &str) -> Vec<String> {
    let mut problems = Problems::<16>::new();
    let ha_cf = HaCf::parse(ha_cf.as_bytes(), "p3", &mut problems);
    assert!(problems.errors() > 0);
    let mut problems = Problems::<16>::new();
    let _ = HaResources::parse(text.as_bytes(), ha_cf.partial(), &mut problems);
    problems.iter().filter(|p| p.severity == Severity::Error).map(|p| p.kind.to_string()).collect()
}

#[test]
fn node_that_ha_cf_should_have_is_not_missed_here_as_well() {
    let text = "p3 a\np4 b\n";
    for ha_cf in ["", "bcast e\nnod p3 p4\n", "bcast e\nnode p3 \u{1}p4\n", "bcast e\nnode p4 p5\n"] {
        assert_eq!(errors_beside(ha_cf, text), [""; 0], "{ha_cf:?}");
    }
    let stranger = ["Bad nodename in /etc/ha.d//haresources [zz]"];
    assert_eq!(errors_beside("bcast e\nnode p4 p5\n", "zz a\n"), stranger);
    assert_eq!(errors_beside("frob\nbcast e\nnode p3\n", "zz a\n"), stranger);
}

#[test]
fn places_count_from_the_physical_line() {
    let text = "\t p3 a \\\n \t1.2.3.4/99 \\\r\n  b # c\n\tzz a\n";
    with(text, |_, problems| {
        let places: Vec<_> = problems.iter().filter_map(|p| p.at).map(|at| (at.line, at.column)).collect();
        assert_eq!(places, [(2, 3), (3, 5), (4, 2)], "{problems:?}");
    });
}
