//! A packet socket that only sends: whole link-layer frames, on any interface.

use socket2::{Domain, Socket, Type};
use std::{io, mem, os::fd::AsRawFd};

/// A socket for link-layer frames. It receives nothing, so it never fills.
#[derive(Debug)]
pub struct PacketSocket {
    socket: Socket,
}

impl PacketSocket {
    /// Opens the socket. `PermissionDenied` without `CAP_NET_RAW`.
    pub fn open() -> io::Result<Self> {
        // Protocol 0: no frame is ever delivered to this socket.
        let socket = Socket::new(Domain::PACKET, Type::RAW, None)?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket })
    }

    /// Sends one frame, headers included, on the interface with this index. Does not block.
    pub fn send(&self, interface: u32, frame: &[u8]) -> io::Result<()> {
        // SAFETY: all zero is a valid sockaddr_ll: plain numbers and bytes.
        let mut to: libc::sockaddr_ll = unsafe { mem::zeroed() };
        to.sll_family = libc::AF_PACKET as libc::c_ushort;
        to.sll_ifindex = i32::try_from(interface).unwrap_or(0);
        // SAFETY: frame and address are borrowed across the call with their true lengths.
        let sent = unsafe {
            libc::sendto(
                self.socket.as_raw_fd(),
                frame.as_ptr().cast(),
                frame.len(),
                libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
                (&raw const to).cast(),
                mem::size_of_val(&to) as libc::socklen_t,
            )
        };
        if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}
