use super::desk::leading_number;
use super::table::Table;
use super::{About, Credentials, Desk, Output, Rules};
use crate::ipc::Composer;
use hbcore::wire::Form;

fn desk() -> Desk {
    Desk::new(About {
        node: "alpha".to_owned(),
        deadtime_ms: 1000,
        keepalive_ms: 100,
        version: "3.0.6",
        pacemaker: "off".to_owned(),
        facility: -1,
        parameters: Vec::new(),
        form: Form::Classic,
        compression: crate::compress::Algorithm::Zlib,
        manages: true,
        rules: Rules::numbered(&[("anon", &[], &[105]), ("agent", &[0], &[])]),
    })
}

fn message(fields: &[(&str, &str)]) -> Vec<u8> {
    let written = Composer::default().message(|w| {
        for (name, value) in fields {
            w.text(name, value.as_bytes());
        }
    });
    written.expect("texts that can be sent")
}

fn sign_on(desk: &mut Desk, fields: &[(&str, &str)]) {
    let fields = [&[("t", "hbapi-req"), ("reqtype", "signon"), ("pid", "7")], fields].concat();
    desk.arrived(1, Credentials { pid: 7, uid: 0, gid: 0 });
    desk.received(1, &message(&fields), &|_| true);
}

#[test]
fn named_client_is_answered_when_its_join_has_come_back() {
    let mut desk = desk();
    sign_on(&mut desk, &[("from_id", "agent"), ("uid", "0"), ("gid", "0")]);
    assert!(matches!(desk.take()[..], [Output::Cluster(_)]) && desk.is_waiting(1));
    let join = [("t", "hbapi-clstat"), ("st", "join"), ("from_id", "agent"), ("to_id", "agent"), ("client_gen", "0")];
    desk.cluster_message(&message(&[&join[..], &[("src", "bravo")]].concat()));
    assert!(desk.is_waiting(1), "another node has a client of that name");
    desk.take();
    desk.cluster_message(&message(&[&join[..], &[("src", "alpha")]].concat()));
    assert!(matches!(desk.take()[..], [Output::Frame(1, _), Output::Frame(1, _)]) && !desk.is_waiting(1));
}

#[test]
fn casual_client_that_sends_a_message_is_sent_away() {
    let mut desk = desk();
    desk.arrived(1, Credentials { pid: 7, uid: 5, gid: 105 });
    let fields = [("t", "hbapi-req"), ("reqtype", "signon"), ("pid", "7"), ("uid", "5"), ("gid", "105")];
    desk.received(1, &message(&fields), &|_| true);
    assert!(matches!(desk.take()[..], [Output::Frame(1, _)]));
    desk.received(1, &message(&[("t", "mine")]), &|_| true);
    assert_eq!(desk.take(), [Output::Close(1)]);
}

#[test]
fn root_without_a_rule_is_refused() {
    let mut desk = desk();
    sign_on(&mut desk, &[("uid", "0"), ("gid", "0")]);
    let outputs = desk.take();
    assert!(matches!(outputs[..], [Output::Frame(1, _), Output::Log(..), Output::Close(1)]), "{outputs:?}");
}

#[test]
fn numbers_are_read_as_atoi_reads_them() {
    for (text, number) in [("12", Some(12)), (" -3x", Some(-3)), ("+4", Some(4)), ("x", None), ("", None)] {
        assert_eq!(leading_number(text.as_bytes()), number, "{text}");
    }
}

#[test]
fn table_gives_what_was_put_in_until_it_is_taken_out() {
    let mut table = Table::default();
    for conn in [2, 5, 9] {
        table.push(conn, conn * 10);
    }
    assert_eq!((table.get(5), table.get(4), table.len()), (Some(&50), None, 3));
    assert_eq!((table.remove(5), table.remove(5)), (Some(50), None));
    assert_eq!(table.iter().map(|(conn, _)| conn).collect::<Vec<_>>(), [2, 9]);
}
