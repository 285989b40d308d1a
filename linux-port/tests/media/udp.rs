//! ucast, bcast, mcast, ucast6 and mcast6 between two hosts.

use super::support::{Host, LONG, message, pair};
use hbcore_linux::{
    media::{AnyMedium, Medium, MediumKind, MediumSpec, OpenCause, Remedy, SendOutcome, Step, open, remedy},
    sys::Capability,
};
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
use std::{
    net::{Ipv4Addr, UdpSocket},
    time::Duration,
};

const PORT: u16 = 694;
/// Long enough for a packet that should not arrive on a virtual link.
const SHORT: Duration = Duration::from_millis(50);

fn ucast(device: &str, hosts: &[&str]) -> MediumSpec {
    MediumSpec::Ucast { device: device.into(), hosts: hosts.iter().map(|h| (*h).into()).collect(), port: PORT }
}

fn ucast6(device: &str, host: &str) -> MediumSpec {
    MediumSpec::Ucast6 { device: device.into(), hosts: vec![host.into()], port: PORT }
}

fn bcast(device: &str) -> MediumSpec {
    MediumSpec::Bcast { device: device.into(), port: PORT }
}

fn mcast(device: &str, loopback: bool) -> MediumSpec {
    MediumSpec::Mcast { device: device.into(), group: Ipv4Addr::new(239, 0, 0, 42), port: PORT, ttl: 1, loopback }
}

fn mcast6(device: &str, loopback: bool) -> MediumSpec {
    let group = "ff05::42".parse().expect("a group");
    MediumSpec::Mcast6 { device: device.into(), group, port: PORT, hops: 1, loopback }
}

fn opened(host: &Host, spec: &MediumSpec) -> AnyMedium {
    host.run(|| open(spec)).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(host: &Host, spec: &MediumSpec) -> (OpenCause, String) {
    match host.run(|| open(spec)) {
        Ok(_) => panic!("{spec:?} should not open"),
        Err(error) => {
            let text = error.to_string();
            (error.cause, text)
        }
    }
}

/// Sends a message from `from` to `to`, and one from `to` to `from`, and expects that both arrive.
fn talk(from: &mut AnyMedium, to: &mut AnyMedium) {
    assert_eq!(from.send(b"there").expect("sent"), SendOutcome::Sent);
    assert_eq!(message(to, LONG).as_deref(), Some(&b"there"[..]), "{}", from.kind());
    assert_eq!(to.send(b"and back").expect("sent"), SendOutcome::Sent);
    assert_eq!(message(from, LONG).as_deref(), Some(&b"and back"[..]), "{}", from.kind());
}

#[test]
fn every_kind_carries_messages_both_ways() {
    let Some((a, b)) = pair() else { return };
    let pairs = [
        (ucast("eth0", &["10.77.0.2"]), ucast("eth0", &["10.77.0.1"])),
        (bcast("eth0"), bcast("eth0")),
        (mcast("eth0", false), mcast("eth0", false)),
        (ucast6("eth0", "fd00:77:0::2"), ucast6("eth0", "fd00:77:0::1")),
        (mcast6("eth0", false), mcast6("eth0", false)),
    ];
    for (left, right) in pairs {
        let (mut left, mut right) = (opened(&a, &left), opened(&b, &right));
        assert_eq!(left.link_name(), "eth0");
        assert!(!left.is_stream() && !left.wants_write());
        talk(&mut left, &mut right);
        assert_eq!(message(&mut left, SHORT), None, "{} does not hear itself", left.kind());
    }
}

#[test]
fn bcast_reaches_the_subnet_when_no_broadcast_address_is_set() {
    let Some((a, b)) = pair() else { return };
    for (host, own) in [(&a, "10.78.0.1/24"), (&b, "10.78.0.2/24")] {
        host.ip("addr flush dev eth0");
        host.ip(&format!("addr add {own} dev eth0"));
    }
    let (mut left, mut right) = (opened(&a, &bcast("eth0")), opened(&b, &bcast("eth0")));
    talk(&mut left, &mut right);

    a.ip("addr flush dev eth0");
    a.ip("addr add 10.78.0.1/32 dev eth0");
    assert!(matches!(refused(&a, &bcast("eth0")).0, OpenCause::NoBroadcast));
}

#[test]
fn multicast_sender_hears_itself_only_if_asked() {
    let Some((a, _b)) = pair() else { return };
    for spec in [mcast("eth0", true), mcast6("eth0", true)] {
        let mut medium = opened(&a, &spec);
        medium.send(b"echo").expect("sent");
        assert_eq!(message(&mut medium, LONG).as_deref(), Some(&b"echo"[..]));
    }
}

#[test]
fn broadcasts_on_loopback_stay_on_their_host_and_are_not_heard_by_their_sender() {
    let Some((a, _b)) = pair() else { return };
    let mut own = opened(&a, &bcast("lo"));
    assert_eq!(own.send(b"to myself").expect("sent"), SendOutcome::Sent);
    let program = a.run(|| UdpSocket::bind(("127.0.0.1", 0))).expect("bound");
    program.send_to(b"of another program", ("127.0.0.1", PORT)).expect("sent");
    assert_eq!(message(&mut own, LONG).as_deref(), Some(&b"of another program"[..]));
}

#[test]
fn medium_hears_only_its_own_interface() {
    let Some((a, b)) = pair() else { return };
    a.cable(&b, "eth1", 1);
    for make in [|device: &str| mcast(device, false), |device: &str| mcast6(device, false), bcast] {
        let (mut a0, mut a1) = (opened(&a, &make("eth0")), opened(&a, &make("eth1")));
        let (mut b0, mut b1) = (opened(&b, &make("eth0")), opened(&b, &make("eth1")));
        a0.send(b"zero").expect("sent");
        a1.send(b"one").expect("sent");
        assert_eq!(message(&mut b0, LONG).as_deref(), Some(&b"zero"[..]));
        assert_eq!(message(&mut b1, LONG).as_deref(), Some(&b"one"[..]));
        assert_eq!((message(&mut b0, SHORT), message(&mut b1, Duration::ZERO)), (None, None), "{}", a0.kind());
    }
}

#[test]
fn one_ucast_medium_reaches_several_hosts_and_survives_those_that_are_away() {
    let Some((a, b)) = pair() else { return };
    b.ip("addr add 10.77.0.3/24 dev eth0");
    let mut sender = opened(&a, &ucast("eth0", &["10.77.0.99", "10.77.0.2", "10.77.0.3"]));
    let mut receiver = opened(&b, &ucast("eth0", &["10.77.0.1"]));
    sender.send(b"all of you").expect("sent");
    for _ in 0..2 {
        assert_eq!(message(&mut receiver, LONG).as_deref(), Some(&b"all of you"[..]));
    }
}

#[test]
fn messages_come_from_a_port_of_their_own() {
    let Some((a, b)) = pair() else { return };
    let plain = b.run(|| UdpSocket::bind(("10.77.0.2", PORT))).expect("bound");
    plain.set_read_timeout(Some(LONG)).expect("set");
    let mut medium = opened(&a, &ucast("eth0", &["10.77.0.2"]));
    medium.send(b"hello").expect("sent");
    let (_, from) = plain.recv_from(&mut [0; 16]).expect("arrives");
    assert!(from.port() != PORT && from.port() > 1023, "{from}");
}

#[test]
fn link_local_hosts_take_the_scope_of_their_device() {
    let Some((a, b)) = pair() else { return };
    a.ip("addr add fe80::a/64 dev eth0 nodad");
    b.ip("addr add fe80::b/64 dev eth0 nodad");
    talk(&mut opened(&a, &ucast6("eth0", "fe80::b")), &mut opened(&b, &ucast6("eth0", "fe80::a%eth0")));
}

#[test]
fn after_an_interface_came_back_the_medium_is_reopened() {
    let Some((a, b)) = pair() else { return };
    for (left, right) in [
        (ucast("eth0", &["10.77.0.2"]), ucast("eth0", &["10.77.0.1"])),
        (bcast("eth0"), bcast("eth0")),
        (mcast("eth0", false), mcast("eth0", false)),
        (mcast6("eth0", false), mcast6("eth0", false)),
        (ucast6("eth0", "fd00:77:0::2"), ucast6("eth0", "fd00:77:0::1")),
    ] {
        let (mut near, mut far) = (opened(&a, &left), opened(&b, &right));
        talk(&mut near, &mut far);
        a.ip("link set eth0 down");
        let down = near.send(b"lost").err().map(|error| remedy(&error));
        assert!(down.is_none_or(|remedy| remedy == Remedy::Wait), "{}", near.kind());
        a.ip("link delete eth0");
        let gone = near.send(b"lost").expect_err("there is no interface");
        assert_eq!(remedy(&gone), Remedy::Reopen, "{}: {gone}", near.kind());
        let fail = a.run(|| near.reopen()).expect_err("still no interface");
        assert!(matches!(fail.cause, OpenCause::NoInterface), "{fail}");

        a.cable(&b, "eth0", 0);
        a.run(|| near.reopen()).expect("it is back");
        b.run(|| far.reopen()).expect("here too");
        talk(&mut near, &mut far);
    }
}

#[test]
fn medium_that_cannot_be_opened_says_why() {
    let Some((a, _b)) = pair() else { return };
    let (cause, text) = refused(&a, &bcast("eth7"));
    assert!(matches!(cause, OpenCause::NoInterface) && text.starts_with("bcast eth7: "), "{text}");
    assert!(matches!(refused(&a, &ucast("eth7", &["10.77.0.2"])).0, OpenCause::NoInterface));
    assert!(matches!(refused(&a, &mcast("eth7", false)).0, OpenCause::NoInterface));
    assert!(matches!(refused(&a, &ucast("eth0", &["no.such.host.invalid"])).0, OpenCause::Unresolved { .. }));
    assert!(matches!(refused(&a, &ucast6("eth0", "10.77.0.2")).0, OpenCause::Unresolved { .. }));
    let group = Ipv4Addr::new(10, 0, 0, 1);
    let wrong = MediumSpec::Mcast { device: "eth0".into(), group, port: PORT, ttl: 1, loopback: false };
    assert!(matches!(refused(&a, &wrong).0, OpenCause::NotMulticast));

    let _taken = a.run(|| UdpSocket::bind(("0.0.0.0", PORT))).expect("bound");
    assert!(matches!(refused(&a, &ucast("eth0", &["10.77.0.2"])).0, OpenCause::PortTaken { port: PORT, .. }));
}

#[test]
fn missing_privilege_is_named() {
    let Some((a, _b)) = pair() else { return };
    let without = |capability: CapabilitySet, spec: MediumSpec| {
        a.run(move || {
            let mut sets = capabilities(None).expect("read");
            sets.effective -= capability;
            set_capabilities(None, sets).expect("given up, on this thread");
            open(&spec).err().expect("refused")
        })
    };
    let error = without(CapabilitySet::NET_BIND_SERVICE, ucast("eth0", &["10.77.0.2"]));
    let wanted = Capability::NetBindService;
    assert!(
        matches!(error.cause, OpenCause::Missing { capability, step: Step::BindPort(PORT) } if capability == wanted)
    );
    assert!(error.to_string().contains("CAP_NET_BIND_SERVICE"), "{error}");

    let error = without(CapabilitySet::NET_RAW, MediumSpec::Ping { host: "10.77.0.2".into() });
    assert_eq!(error.kind, MediumKind::Ping);
    assert!(error.to_string().contains("CAP_NET_RAW"), "{error}");
}
