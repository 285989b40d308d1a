//! The process that has a UDP port that we want.

use std::fs;
use std::path::Path;

/// The process that has the UDP port, as `1234 (name)`; `None` if the system does not show it to this user. It looks at
/// every descriptor of every process, so it is for an error message only.
pub(super) fn of_udp_port(port: u16) -> Option<String> {
    let sockets: Vec<String> =
        ["/proc/self/net/udp", "/proc/self/net/udp6"].iter().flat_map(|t| on_port(t, port)).collect();
    let names =
        fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let holder = names.filter(|pid| *pid != std::process::id()).find(|pid| has_one(*pid, &sockets))?;
    let name = fs::read_to_string(format!("/proc/{holder}/comm")).unwrap_or_default();
    Some(format!("{holder} ({})", name.trim_end()))
}

/// The sockets of a table that are bound to the port, as links in `/proc/PID/fd` name them.
fn on_port(table: &str, port: u16) -> Vec<String> {
    let text = fs::read_to_string(table).unwrap_or_default();
    let sockets = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        let (_, its) = words.next()?.split_once(':')?;
        let is_it = u16::from_str_radix(its, 16) == Ok(port);
        // The words after the local address: remote address, state, queues, timer, retransmits, user, timeout, inode.
        words.nth(7).filter(|_| is_it).map(|inode| format!("socket:[{inode}]"))
    });
    sockets.collect()
}

fn has_one(pid: u32, sockets: &[String]) -> bool {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let mut links = descriptors.filter_map(|descriptor| fs::read_link(descriptor.path()).ok());
    links.any(|link| sockets.iter().any(|socket| link == Path::new(socket)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    #[test]
    fn sockets_on_a_port_are_found_and_our_own_are_not_somebody_elses() {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let port = socket.local_addr().expect("its address").port();
        assert_eq!(on_port("/proc/self/net/udp", port).len(), 1);
        assert_eq!(of_udp_port(port), None);
    }
}
