//! Packet sockets: one only sends whole link-layer frames, on any interface; the other only receives the packets that a
//! filter lets through.

use socket2::{Domain, SockFilter, Socket, Type};
use std::{
    io, mem,
    os::fd::{AsFd, AsRawFd, BorrowedFd},
};

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

/// A socket that receives the packets of one protocol on all interfaces, without the link-layer header.
#[derive(Debug)]
pub struct PacketListener {
    socket: Socket,
}

/// A packet as it arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The interface at which it arrived.
    pub interface: u32,
    /// The sender's link-layer address; `None` if it is not one of Ethernet.
    pub sender: Option<[u8; 6]>,
    /// Bytes of the packet, which may be cut at the buffer's length.
    pub len: usize,
}

impl PacketListener {
    /// Opens the socket for an `EtherType`. `PermissionDenied` without `CAP_NET_RAW`. It receives nothing until
    /// [`PacketListener::pass`].
    pub fn open(protocol: u16) -> io::Result<Self> {
        let socket = Socket::new(Domain::PACKET, Type::DGRAM, None)?;
        socket.set_nonblocking(true)?;
        socket.attach_filter(&[SockFilter::new(RETURN, 0, 0, 0)])?;
        // SAFETY: all zero is a valid sockaddr_ll: plain numbers and bytes.
        let mut address: libc::sockaddr_ll = unsafe { mem::zeroed() };
        address.sll_family = libc::AF_PACKET as libc::c_ushort;
        address.sll_protocol = protocol.to_be();
        let (at, len) = ((&raw const address).cast(), mem::size_of_val(&address) as libc::socklen_t);
        // SAFETY: the address is borrowed across the call with its true length.
        let bound = unsafe { libc::bind(socket.as_raw_fd(), at, len) };
        if bound < 0 { Err(io::Error::last_os_error()) } else { Ok(Self { socket }) }
    }

    /// Lets the packets through for which the classic BPF program returns something other than 0.
    pub fn pass(&self, program: &[SockFilter]) -> io::Result<()> {
        self.socket.attach_filter(program)
    }

    /// The next packet that another host sent; `None` if there is none. Does not block.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<Arrival>> {
        // SAFETY: all zero is a valid sockaddr_ll: plain numbers and bytes.
        let mut from: libc::sockaddr_ll = unsafe { mem::zeroed() };
        let mut from_len = mem::size_of_val(&from) as libc::socklen_t;
        // SAFETY: buffer and address are borrowed across the call with their true lengths.
        let got = unsafe {
            libc::recvfrom(
                self.socket.as_raw_fd(),
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                libc::MSG_DONTWAIT,
                (&raw mut from).cast(),
                &raw mut from_len,
            )
        };
        let Ok(len) = usize::try_from(got) else {
            let error = io::Error::last_os_error();
            let is_empty = matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted);
            return if is_empty { Ok(None) } else { Err(error) };
        };
        let is_ours = matches!(from.sll_pkttype, libc::PACKET_OUTGOING | libc::PACKET_LOOPBACK);
        let sender = from.sll_addr.first_chunk().filter(|_| from.sll_halen == 6 && !is_ours).copied();
        Ok(Some(Arrival { interface: u32::try_from(from.sll_ifindex).unwrap_or(0), sender, len }))
    }
}

impl AsFd for PacketListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// `BPF_RET | BPF_K`: ends a program; 0 drops the packet, any other number is the count of bytes to keep.
pub const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
/// `BPF_LD | BPF_B | BPF_ABS`: loads the byte at an offset.
pub const LOAD_BYTE: u16 = (libc::BPF_LD | libc::BPF_B | libc::BPF_ABS) as u16;
/// `BPF_LD | BPF_W | BPF_ABS`: loads four bytes at an offset.
pub const LOAD_WORD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
/// `BPF_JMP | BPF_JEQ | BPF_K`: jumps by the first distance if the loaded number is equal, else by the second.
pub const IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
