//! Scenarios of talking to systemd: the messages that arrive at its socket.

mod host;

use std::ffi::OsString;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use hbcore_linux::systemd::Notify;
use host::Place;

const OWN: u32 = 4711;

fn notify(variables: &[(&str, &str)]) -> Notify {
    let variables: Vec<(String, OsString)> = variables.iter().map(|(n, v)| ((*n).to_owned(), v.into())).collect();
    Notify::new(|name| variables.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone()), OWN)
}

fn next(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 1024];
    socket.set_read_timeout(Some(Duration::from_secs(5))).expect("set");
    let len = socket.recv(&mut buffer).expect("a message arrives");
    String::from_utf8_lossy(&buffer[..len]).into_owned()
}

#[test]
fn every_state_arrives_at_the_socket() {
    let place = Place::new();
    let path = place.join("notify");
    let socket = UnixDatagram::bind(&path).expect("bound");
    let notify = notify(&[("NOTIFY_SOCKET", &path.display().to_string())]);
    notify.ready();
    notify.status("holding all\nsecond line");
    notify.ping();
    notify.stopping();
    assert_eq!(
        [(); 4].map(|()| next(&socket)),
        ["READY=1", "STATUS=holding all", "WATCHDOG=1", "STOPPING=1"].map(str::to_owned)
    );
    notify.reloading();
    let message = next(&socket);
    let (first, time) = message.split_once("\nMONOTONIC_USEC=").expect("two lines");
    assert_eq!(first, "RELOADING=1");
    assert!(time.parse::<u64>().expect("a number") > 0);
    notify.status(&"long ".repeat(1000));
    assert_eq!(next(&socket).len(), 256);
}

#[test]
fn name_with_an_at_sign_is_abstract() {
    let name = format!("hbcore-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).expect("a name");
    let socket = UnixDatagram::bind_addr(&address).expect("bound");
    notify(&[("NOTIFY_SOCKET", &format!("@{name}"))]).ready();
    assert_eq!(next(&socket), "READY=1");
}

#[test]
fn without_a_socket_or_with_one_that_is_full_or_gone_nothing_happens_and_nothing_waits() {
    let all = [("NOTIFY_SOCKET", "/no/such/socket"), ("WATCHDOG_USEC", "1000000")];
    for variables in [&all[..], &all[1..], &[]] {
        let notify = notify(variables);
        notify.ready();
        assert_eq!(notify.watchdog_interval(), None);
    }
    let place = Place::new();
    let path = place.join("notify");
    let socket = UnixDatagram::bind(&path).expect("bound");
    let notify = notify(&[("NOTIFY_SOCKET", &path.display().to_string())]);
    (0..10_000).for_each(|_| notify.ping());
    drop(socket);
    notify.ping();
}

#[test]
fn watchdog_is_fed_twice_in_its_time_by_the_named_process_only() {
    let place = Place::new();
    let path = place.join("notify");
    let _socket = UnixDatagram::bind(&path).expect("bound");
    let socket = path.display().to_string();
    let interval =
        |more: &[(&str, &str)]| notify(&[&[("NOTIFY_SOCKET", socket.as_str())], more].concat()).watchdog_interval();
    let own = OWN.to_string();
    assert_eq!(interval(&[("WATCHDOG_USEC", "10000000")]), Some(Duration::from_secs(5)));
    assert_eq!(interval(&[("WATCHDOG_USEC", "10000000"), ("WATCHDOG_PID", &own)]), Some(Duration::from_secs(5)));
    assert_eq!(interval(&[("WATCHDOG_USEC", "10000000"), ("WATCHDOG_PID", "1")]), None);
    assert_eq!(interval(&[("WATCHDOG_USEC", "20")]), Some(Duration::from_millis(100)), "not a busy loop");
    for wrong in ["0", "", "soon", "-1"] {
        assert_eq!(interval(&[("WATCHDOG_USEC", wrong)]), None, "{wrong}");
    }
}
