//! The terminal settings of a serial line (docs/protocol/wire.md 9.2).

use crate::{
    media::{OpenCause, Step, error::cause},
    sys::tty,
};
use rustix::{
    fs::{FlockOperation, OFlags, fcntl_getfl, fcntl_setfl, flock},
    termios::{
        ControlModes, InputModes, LocalModes, OptionalActions, OutputModes, QueueSelector, SpecialCodeIndex,
        ioctl_tiocnxcl, tcflush, tcgetattr, tcsetattr,
    },
};
use serialport::{DataBits, ErrorKind, FlowControl, Parity, SerialPort, StopBits, TTYPort};
use std::{io, os::fd::BorrowedFd};

/// The speeds that heartbeat knows, in bits per second.
const SPEEDS: [u32; 7] = [9600, 19200, 38400, 57600, 115_200, 230_400, 460_800];

/// Opens `device` exclusively and non-blocking, with heartbeat's settings, and empties both directions.
#[cold]
pub(super) fn open(device: &str, baud: u32) -> Result<TTYPort, OpenCause> {
    if !SPEEDS.contains(&baud) {
        return Err(OpenCause::BadBaud(baud));
    }
    let port = serialport::new(device, baud)
        .data_bits(DataBits::Eight)
        .parity(Parity::None)
        .stop_bits(StopBits::One)
        .flow_control(FlowControl::Hardware)
        .open_native()
        .map_err(|error| refused(device, &error))?;
    configure(tty::fd(&port)).map_err(|error| cause(Step::Configure, error))?;
    Ok(port)
}

fn configure(fd: BorrowedFd<'_>) -> io::Result<()> {
    let mut termios = tcgetattr(fd)?;
    termios.input_modes |= InputModes::INPCK | InputModes::ISTRIP | InputModes::IGNCR | InputModes::BRKINT;
    termios.input_modes -= InputModes::IGNBRK | InputModes::IUCLC | InputModes::ICRNL | InputModes::PARMRK;
    termios.input_modes -= InputModes::IGNPAR;
    termios.input_modes -= InputModes::IXANY | InputModes::IXOFF | InputModes::IXON | InputModes::INLCR;
    termios.output_modes -= OutputModes::OPOST;
    termios.control_modes |= ControlModes::CREAD | ControlModes::CLOCAL | ControlModes::CRTSCTS;
    termios.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
    termios.special_codes[SpecialCodeIndex::VMIN] = 1;
    termios.special_codes[SpecialCodeIndex::VTIME] = 1;
    tcsetattr(fd, OptionalActions::Now, &termios)?;
    fcntl_setfl(fd, fcntl_getfl(fd)? | OFlags::NONBLOCK)?;
    tcflush(fd, QueueSelector::IOFlush)?;
    Ok(())
}

/// The serial library tells most failures apart by text only. For these two we ask the system.
fn refused(device: &str, error: &serialport::Error) -> OpenCause {
    let source = match error.kind() {
        ErrorKind::Io(kind) => io::Error::from(kind),
        _ => std::fs::metadata(device).err().unwrap_or_else(|| io::ErrorKind::ResourceBusy.into()),
    };
    match rustix::fs::open(device, OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC, rustix::fs::Mode::empty()) {
        Ok(fd) if !rustix::termios::isatty(&fd) => OpenCause::NotATerminal,
        _ => cause(Step::Open, source),
    }
}

/// Gives up the exclusive use of a line that is about to be opened anew. If the device has gone, there is nothing to
/// do.
pub(super) fn release(port: &TTYPort) {
    let fd = tty::fd(port);
    let _ = ioctl_tiocnxcl(fd);
    let _ = flock(fd, FlockOperation::NonBlockingUnlock);
}

/// Starts a break, which makes the peer drop a message cut in half. `tcsendbreak` would wait a quarter of a second;
/// this break lasts until [`end_break`]. Returns whether it started; a driver without breaks is no error.
pub(super) fn start_break(port: &TTYPort) -> bool {
    port.set_break().is_ok()
}

/// Ends the break.
pub(super) fn end_break(port: &TTYPort) {
    let _ = port.clear_break();
}
