//! Bringing up, announcing and removing addresses on a host of its own, seen from a second host on the same link. Where
//! namespaces are not permitted, each test says so and passes.

mod support;

use hbcore::time::{Duration, Instant};
use hbcore_linux::{
    address::{AddressError, AddressSpec, Addresses, AnnouncePlan, Announced, Announcer, Held, Label, Recorded},
    media::{Medium, MediumSpec},
    state::{Record, clean_leftovers},
    sys::{Capability, clock::Clock},
};
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
use std::net::{IpAddr, Ipv4Addr};
use support::{Host, LONG, frame, message, pair};

const ARP: u16 = 0x0806;
const IPV6: u16 = 0x86dd;

fn spec(addr: &str) -> AddressSpec {
    AddressSpec::new(addr.parse().expect("an address"))
}

fn on(device: &str, addr: &str, prefix: u8) -> AddressSpec {
    AddressSpec { device: Some(device.into()), prefix: Some(prefix), ..spec(addr) }
}

fn addresses(host: &Host) -> Addresses {
    host.run(Addresses::open).expect("opens")
}

fn announcer(host: &Host, plan: AnnouncePlan) -> Announcer {
    host.run(|| Announcer::new(plan)).expect("opens")
}

/// The lines of `ip` that show an address of the host.
fn shown(host: &Host, text: &str) -> Vec<String> {
    host.ip_output("-o addr show").lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
}

fn mac(host: &Host) -> [u8; 6] {
    let line = host.ip_output("-o link show eth0");
    let text = line.split("link/ether ").nth(1).and_then(|rest| rest.split(' ').next()).expect("an Ethernet address");
    let bytes: Vec<u8> = text.split(':').map(|byte| u8::from_str_radix(byte, 16).expect("hexadecimal")).collect();
    bytes.try_into().expect("six bytes")
}

/// Whether `from` gets an echo from `addr`.
fn answers(from: &Host, addr: &str) -> bool {
    let mut ping = from.run(|| hbcore_linux::media::open(&MediumSpec::Ping { host: addr.into() })).expect("opens");
    ping.send(b"there?").is_ok() && message(&mut ping, LONG).is_some()
}

#[test]
fn routes_give_interface_and_prefix_and_the_address_answers_at_once() {
    let Some((a, b)) = pair() else { return };
    let mut addresses = addresses(&a);
    let vip = spec("10.77.0.100");
    assert_eq!(addresses.status(&vip).expect("asked"), None);

    let before = Clock.now();
    let held = addresses.acquire(&vip).expect("taken");
    println!("taken in {:?}", Clock.now().since(before));
    assert_eq!((held.device.as_str(), held.prefix, held.label.as_deref()), ("eth0", 24, Some("eth0:0")));
    assert_eq!((held.broadcast, held.mac), (Some(Ipv4Addr::new(10, 77, 0, 255)), Some(mac(&a))));
    assert!(held.added && answers(&b, "10.77.0.100"));
    let line = shown(&a, "10.77.0.100").concat();
    assert!(line.contains("10.77.0.100/24 brd 10.77.0.255 scope global secondary eth0:0"), "{line}");
    assert_eq!(addresses.status(&vip).expect("asked"), Some(Held { added: false, ..held.clone() }));

    let second = addresses.acquire(&spec("10.77.0.101")).expect("taken");
    assert_eq!(second.label.as_deref(), Some("eth0:1"));
    addresses.release(&held).expect("given up");
    assert_eq!(addresses.status(&vip).expect("asked"), None);
    addresses.release(&held).expect("giving up twice is fine");
    let third = addresses.acquire(&spec("10.77.0.102")).expect("taken");
    assert_eq!(third.label.as_deref(), Some("eth0:0"), "the lowest free number");
}

#[test]
fn configured_interface_prefix_and_broadcast_win() {
    let Some((a, _b)) = pair() else { return };
    let mut addresses = addresses(&a);
    let broadcast = Some(Ipv4Addr::new(192, 0, 2, 250));
    let named = AddressSpec { label: Label::Named("web".into()), broadcast, ..on("eth0", "192.0.2.9", 28) };
    addresses.acquire(&named).expect("taken, though no route leads there");
    let line = shown(&a, "192.0.2.9").concat();
    assert!(line.contains("192.0.2.9/28 brd 192.0.2.250 scope global eth0:web"), "{line}");

    addresses.acquire(&AddressSpec { label: Label::Plain, ..spec("10.77.0.9") }).expect("taken");
    assert!(shown(&a, "10.77.0.9").concat().contains("secondary eth0\\"), "no alias");
}

#[test]
fn address_that_was_there_stays() {
    let Some((a, _b)) = pair() else { return };
    a.ip("addr add 10.77.0.50/24 dev eth0");
    let mut addresses = addresses(&a);
    let held = addresses.acquire(&spec("10.77.0.50")).expect("fine");
    assert!(!held.added);
    addresses.release(&held).expect("fine");
    assert_eq!(shown(&a, "10.77.0.50").len(), 1);
    assert!(addresses.remove(&spec("10.77.0.50")).expect("removed"), "unless it is removed by name");
    assert!(!addresses.remove(&spec("10.77.0.50")).expect("nothing to do"));
    assert!(shown(&a, "10.77.0.50").is_empty());
}

#[test]
fn copy_on_loopback_does_not_count() {
    let Some((a, b)) = pair() else { return };
    a.ip("addr add 10.77.0.60/32 dev lo");
    let mut addresses = addresses(&a);
    assert_eq!(addresses.status(&spec("10.77.0.60")).expect("asked"), None);
    let held = addresses.acquire(&spec("10.77.0.60")).expect("taken");
    assert!(held.added && held.device == "eth0" && answers(&b, "10.77.0.60"));
    addresses.release(&held).expect("given up");
    assert_eq!(shown(&a, "10.77.0.60").len(), 1, "the copy stays");
}

#[test]
fn giving_up_the_first_address_of_a_subnet_keeps_the_others() {
    let Some((a, b)) = pair() else { return };
    let mut addresses = addresses(&a);
    let first = addresses.acquire(&on("eth0", "192.0.2.1", 24)).expect("taken");
    let second = addresses.acquire(&on("eth0", "192.0.2.2", 24)).expect("taken");
    a.ip("addr add 192.0.2.3/24 dev eth0 valid_lft 1000 preferred_lft 900");
    addresses.release(&first).expect("given up");
    assert!(shown(&a, "192.0.2.1/").is_empty());
    let line = shown(&a, "192.0.2.2/").concat();
    assert!(line.contains(second.label.as_deref().expect("labelled")), "with its label: {line}");
    let line = shown(&a, "192.0.2.3/").concat();
    assert!(line.contains("valid_lft 1000sec") || line.contains("valid_lft 999sec"), "with its lifetime: {line}");
    b.ip("route add 192.0.2.0/24 dev eth0");
    assert!(answers(&b, "192.0.2.2"));
}

#[test]
fn interface_that_is_down_is_set_up() {
    let Some((a, b)) = pair() else { return };
    a.ip("link set eth0 down");
    let mut addresses = addresses(&a);
    addresses.acquire(&on("eth0", "10.77.0.100", 24)).expect("taken");
    assert!(a.ip_output("link show eth0").contains(",UP"));
    support::eventually("it answers", || answers(&b, "10.77.0.100"));
}

#[test]
fn ipv6_address_works_without_waiting_for_duplicate_detection() {
    let Some((a, b)) = pair() else { return };
    let mut addresses = addresses(&a);
    let held = addresses.acquire(&spec("fd00:77:0::100")).expect("taken");
    assert_eq!((held.device.as_str(), held.prefix, held.label.as_deref()), ("eth0", 64, None));
    let line = shown(&a, "fd00:77::100").concat();
    assert!(line.contains("nodad") && !line.contains("tentative"), "{line}");

    let sniffer = b.sniff(IPV6);
    announcer(&a, AnnouncePlan::default()).start(Instant::ZERO, &held).expect("announced");
    let seen = loop {
        let frame = frame(&sniffer);
        if frame.get(54) == Some(&136) {
            break frame;
        }
    };
    assert_eq!(seen.get(..12), Some(&[&[0x33, 0x33, 0, 0, 0, 1][..], &mac(&a)].concat()[..]));
    assert_eq!((seen.get(21), seen.get(58)), (Some(&255), Some(&0x20)), "hop limit, override");
    b.ip("-6 neigh flush all");
    addresses.release(&held).expect("given up");
    assert!(shown(&a, "fd00:77::100").is_empty());
}

#[test]
fn neighbour_that_knows_the_old_owner_learns_the_new_one_from_announcement() {
    let Some((a, b)) = pair() else { return };
    b.ip("neigh replace 10.77.0.100 lladdr 02:00:00:00:00:99 nud stale dev eth0");
    let held = addresses(&a).acquire(&spec("10.77.0.100")).expect("taken");
    announcer(&a, AnnouncePlan::default()).start(Instant::ZERO, &held).expect("announced");
    let mac: Vec<String> = mac(&a).iter().map(|byte| format!("{byte:02x}")).collect();
    support::eventually("the cache changes", || b.ip_output("neigh show 10.77.0.100").contains(&mac.join(":")));

    let b6 = "fd00:77:0::100";
    b.ip(&format!("neigh replace {b6} lladdr 02:00:00:00:00:99 nud stale dev eth0"));
    let held = addresses(&a).acquire(&spec(b6)).expect("taken");
    announcer(&a, AnnouncePlan::default()).start(Instant::ZERO, &held).expect("announced");
    support::eventually("the cache changes", || b.ip_output("neigh show fd00:77::100").contains(&mac.join(":")));
}

#[test]
fn announcement_is_repeated_in_both_forms_and_then_refreshed() {
    let Some((a, b)) = pair() else { return };
    let held = addresses(&a).acquire(&spec("10.77.0.100")).expect("taken");
    let sniffer = b.sniff(ARP);
    let operation = || {
        let seen = frame(&sniffer);
        assert_eq!((seen.len(), seen.get(28..32)), (42, Some(&[10, 77, 0, 100][..])));
        seen.get(21).copied().expect("42 bytes")
    };
    let (interval, minute) = (Duration::from_millis(250), Duration::from_mins(1));
    let mut announcer = announcer(&a, AnnouncePlan { packets: 4, interval, refresh: Some(minute) });

    let start = Instant::from_millis(1000);
    announcer.start(start, &held).expect("announced");
    assert_eq!([operation(), operation()], [1, 2], "both forms at once");
    assert_eq!(announcer.next_deadline(), Some(start.after(interval)));
    assert_eq!(announcer.advance(start), Announced::default(), "nothing is due yet");

    let mut now = start;
    for wanted in [1, 2] {
        now = announcer.next_deadline().expect("more to come");
        assert_eq!(announcer.advance(now), Announced { sent: 1, failed: 0 });
        assert_eq!(operation(), wanted);
    }
    assert_eq!(announcer.next_deadline(), Some(now.after(minute)), "then reminders");
    announcer.advance(now.after(minute));
    let mut forms = [operation(), operation()];
    forms.sort_unstable();
    assert_eq!(forms, [1, 2]);

    announcer.stop(&held);
    assert_eq!(announcer.next_deadline(), None);
}

#[test]
fn where_there_are_no_neighbours_nothing_is_announced() {
    let Some((a, _b)) = pair() else { return };
    let held = addresses(&a).acquire(&on("lo", "192.0.2.77", 32)).expect("taken");
    assert_eq!(held.mac, None);
    let mut announcer = announcer(&a, AnnouncePlan::default());
    announcer.start(Instant::ZERO, &held).expect("fine");
    assert_eq!(announcer.next_deadline(), None);
}

#[test]
fn addresses_recorded_by_a_crashed_run_are_removed_and_no_others() {
    let Some((a, _b)) = pair() else { return };
    let place = std::env::temp_dir().join(format!("hbcore-leftovers-{}", std::process::id()));
    let mut record = Record::open(&place).expect("no file is fine");
    a.ip("addr add 10.77.0.100/24 dev eth0");
    a.ip("addr add 10.77.0.101/24 dev eth0");
    a.ip("addr add fd00:77::100/64 dev eth0 nodad");
    a.ip("addr add 10.77.0.103/32 dev lo");
    for (addr, prefix, device) in [
        ("10.77.0.100", 24, "eth0"),
        ("fd00:77::100", 64, "eth0"),
        ("10.77.0.102", 24, "eth0"),
        ("10.77.0.103", 24, "eth0"),
        ("10.77.0.104", 24, "eth7"),
        ("10.77.0.101", 24, "eth0"),
    ] {
        let addr = addr.parse().expect("an address");
        record.add(Recorded { addr, prefix, device: device.to_owned() }).expect("recorded");
    }
    drop(record);

    let mut record = Record::open(&place).expect("read");
    let kept = |recorded: &Recorded| recorded.addr == IpAddr::V4(Ipv4Addr::new(10, 77, 0, 101));
    let cleaned = a.run(|| clean_leftovers(&mut record, kept));
    assert_eq!(cleaned.removed.len(), 2, "{cleaned:?}");
    assert!(cleaned.failed.is_empty() && cleaned.unrecorded.is_none(), "{cleaned:?}");
    assert_eq!((shown(&a, "10.77.0.100/"), shown(&a, "fd00:77::100/")), (vec![], vec![]));
    assert_eq!(
        (shown(&a, "10.77.0.101/").len(), shown(&a, "10.77.0.103/").len(), shown(&a, "10.77.0.1/").len()),
        (1, 1, 1)
    );
    let left = Record::open(&place).expect("read");
    assert_eq!(left.read_all().iter().map(ToString::to_string).collect::<Vec<_>>(), ["10.77.0.101/24 eth0"]);
    let _ = std::fs::remove_dir_all(place);
}

#[test]
fn refusal_says_why() {
    let Some((a, _b)) = pair() else { return };
    let mut addresses = addresses(&a);
    let mut refused = |spec: &AddressSpec| addresses.acquire(spec).expect_err("refused");
    assert!(matches!(refused(&on("eth7", "10.77.0.9", 24)), AddressError::NoInterface { device } if device == "eth7"));
    assert!(matches!(refused(&spec("192.0.2.1")), AddressError::NoRoute));
    assert!(matches!(refused(&on("eth0", "10.77.0.9", 33)), AddressError::BadPrefix));
    a.ip("route add default via 10.77.0.2");
    assert!(matches!(refused(&spec("192.0.2.1")), AddressError::NeedsPrefix));
}

#[test]
fn missing_privilege_is_named() {
    let Some((a, _b)) = pair() else { return };
    let without = |capability: CapabilitySet| {
        let mut sets = capabilities(None).expect("read");
        sets.effective -= capability;
        set_capabilities(None, sets).expect("given up, on this thread");
    };
    let error = a.run(|| {
        without(CapabilitySet::NET_ADMIN);
        Addresses::open().and_then(|mut addresses| addresses.acquire(&spec("10.77.0.100"))).expect_err("refused")
    });
    assert!(matches!(error, AddressError::Missing { capability: Capability::NetAdmin, .. }), "{error}");
    let error = a.run(|| {
        without(CapabilitySet::NET_RAW);
        Announcer::new(AnnouncePlan::default()).err().expect("refused")
    });
    assert!(error.to_string().contains("CAP_NET_RAW"), "{error}");
}

#[test]
fn taking_an_address_is_fast() {
    let Some((a, _b)) = pair() else { return };
    let mut addresses = addresses(&a);
    let mut announcer = announcer(&a, AnnouncePlan::default());
    let mut took: Vec<Duration> = (10..60)
        .map(|last| {
            let vip = AddressSpec::new(IpAddr::V4(Ipv4Addr::new(10, 77, 0, last)));
            let start = Clock.now();
            let held = addresses.acquire(&vip).expect("taken");
            announcer.start(start, &held).expect("announced");
            Clock.now().since(start)
        })
        .collect();
    took.sort_unstable();
    println!("from request to announcement: median {:?}, worst {:?}", took[25], took[49]);
    assert!(took[25] < Duration::from_millis(20), "median {:?}", took[25]);
}
