//! ping, `ping_group` and ping6 against the kernel of another host.

use super::support::{Host, LONG, message, pair};
use hbcore_linux::media::{AnyMedium, Medium, MediumKind, MediumSpec, PING_DATA_MAX, open};
use std::{process::Command, time::Duration};

const SHORT: Duration = Duration::from_millis(50);

fn opened(host: &Host, spec: &MediumSpec) -> AnyMedium {
    host.run(|| open(spec)).unwrap_or_else(|error| panic!("{error}"))
}

fn ping(host: &str) -> MediumSpec {
    MediumSpec::Ping { host: host.into() }
}

#[test]
fn message_comes_back_as_the_data_of_the_reply() {
    let Some((a, _b)) = pair() else { return };
    for spec in [ping("10.77.0.2"), MediumSpec::Ping6 { host: "fd00:77:0::2".into() }] {
        let mut medium = opened(&a, &spec);
        assert!(medium.kind().is_ping());
        for text in [&b"one"[..], b"three3", &[b'x'; PING_DATA_MAX]] {
            medium.send(text).expect("sent");
            assert_eq!(message(&mut medium, LONG).as_deref(), Some(text), "{}", medium.kind());
        }
        assert!(medium.send(&[b'x'; PING_DATA_MAX + 1]).is_err(), "too long");
    }
}

#[test]
fn host_that_is_away_stays_silent() {
    let Some((a, _b)) = pair() else { return };
    let mut medium = opened(&a, &ping("10.77.0.99"));
    let _ = medium.send(b"anybody?");
    assert_eq!(message(&mut medium, SHORT), None);
}

#[test]
fn group_answers_once_for_each_request() {
    let Some((a, b)) = pair() else { return };
    b.ip("addr add 10.77.0.3/24 dev eth0");
    let hosts = ["10.77.0.99", "10.77.0.2", "10.77.0.3"].map(str::to_owned).to_vec();
    let mut group = opened(&a, &MediumSpec::PingGroup { name: "routers".into(), hosts });
    assert_eq!((group.link_name(), group.kind()), ("routers", MediumKind::PingGroup));
    for text in [b"first", b"later"] {
        let _ = group.send(text);
        assert_eq!(message(&mut group, LONG).as_deref(), Some(&text[..]));
        assert_eq!(message(&mut group, SHORT), None, "the second host's answer is dropped");
    }
}

#[test]
fn replies_for_others_are_not_heard() {
    let Some((a, b)) = pair() else { return };
    b.ip("addr add 10.77.0.3/24 dev eth0");
    let (mut two, mut three) = (opened(&a, &ping("10.77.0.2")), opened(&a, &ping("10.77.0.3")));
    two.send(b"for two").expect("sent");
    assert_eq!(message(&mut two, LONG).as_deref(), Some(&b"for two"[..]));
    assert_eq!(message(&mut three, SHORT), None, "the reply came from the other host");
    if let Ok(done) = a.run(|| Command::new("ping").args(["-c1", "-W1", "10.77.0.3"]).output()) {
        assert!(done.status.success());
        assert_eq!(message(&mut three, SHORT), None, "another program's ping");
    }
}
