use super::*;
use embedded_hal_nb::nb;
use std::collections::VecDeque;
use std::vec::Vec;

const MESSAGE: &[u8] = b">>>\nt=status\n<<<\n";

/// A UART whose transmit register is free for `room` bytes.
#[derive(Debug, Default)]
struct Uart {
    arrived: VecDeque<u8>,
    sent: Vec<u8>,
    room: usize,
    broken: bool,
}

#[derive(Debug, PartialEq)]
struct Broken;

impl core::fmt::Display for Broken {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("broken")
    }
}

impl core::error::Error for Broken {}

impl embedded_io::Error for Broken {
    fn kind(&self) -> embedded_io::ErrorKind {
        embedded_io::ErrorKind::Other
    }
}

impl embedded_hal_nb::serial::Error for Broken {
    fn kind(&self) -> embedded_hal_nb::serial::ErrorKind {
        embedded_hal_nb::serial::ErrorKind::Other
    }
}

impl embedded_hal_nb::serial::ErrorType for Uart {
    type Error = Broken;
}

impl embedded_hal_nb::serial::Read<u8> for Uart {
    fn read(&mut self) -> nb::Result<u8, Broken> {
        if self.broken {
            return Err(nb::Error::Other(Broken));
        }
        self.arrived.pop_front().ok_or(nb::Error::WouldBlock)
    }
}

impl embedded_hal_nb::serial::Write<u8> for Uart {
    fn write(&mut self, byte: u8) -> nb::Result<(), Broken> {
        self.room = self.room.checked_sub(1).ok_or(nb::Error::WouldBlock)?;
        self.sent.push(byte);
        Ok(())
    }

    fn flush(&mut self) -> nb::Result<(), Broken> {
        Ok(())
    }
}

impl embedded_io::ErrorType for Uart {
    type Error = Broken;
}

impl embedded_io::ReadReady for Uart {
    fn read_ready(&mut self) -> Result<bool, Broken> {
        Ok(!self.arrived.is_empty())
    }
}

impl embedded_io::WriteReady for Uart {
    fn write_ready(&mut self) -> Result<bool, Broken> {
        Ok(self.room > 0)
    }
}

impl embedded_io::Read for Uart {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Broken> {
        assert!(!self.arrived.is_empty(), "a read that would wait");
        std::io::Read::read(&mut self.arrived, bytes).map_err(|_| Broken)
    }
}

impl embedded_io::Write for Uart {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Broken> {
        assert!(self.room > 0, "a write that would wait");
        let len = bytes.len().min(self.room);
        self.sent.extend_from_slice(&bytes[..len]);
        self.room -= len;
        Ok(len)
    }

    fn flush(&mut self) -> Result<(), Broken> {
        Ok(())
    }
}

fn received<D: Device<Error = Broken>>(end: &mut SerialEnd<D, 64, 40>) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    end.receive(|message| messages.push(message.to_vec())).unwrap();
    messages
}

#[test]
fn finds_messages_through_either_kind_of_driver() {
    let stream: VecDeque<u8> = [b"noise".as_slice(), b"\n", MESSAGE, MESSAGE, b">>>\nt=hal"].concat().into();
    let uart = || Uart { arrived: stream.clone(), ..Uart::default() };
    let (mut by_byte, mut by_slice) = (SerialEnd::new(Nb(uart())), SerialEnd::new(Io(uart())));
    assert_eq!(received(&mut by_byte), [MESSAGE, MESSAGE]);
    assert_eq!(received(&mut by_slice), [MESSAGE, MESSAGE]);
    by_byte.device().0.arrived.extend(b"f\n<<<\n");
    assert_eq!(received(&mut by_byte), [b">>>\nt=half\n<<<\n"]);
    assert_eq!(by_byte.noise().bytes, 5);
}

#[test]
fn sends_as_the_line_takes_it_and_never_a_part_alone() {
    for end in [
        &mut SerialEnd::<_, 64, 40>::new(Nb(Uart::default())) as &mut dyn Sends,
        &mut SerialEnd::new(Io(Uart::default())),
    ] {
        assert!(end.send(MESSAGE) && end.send(MESSAGE));
        assert!(!end.send(MESSAGE), "forty bytes are room for two");
        let mut turns = 0;
        while !end.flush_with_room(3) {
            turns += 1;
            assert!(turns < 40, "bounded");
        }
        assert_eq!(end.sent(), [MESSAGE, MESSAGE].concat());
    }
}

/// An end over either kind of driver.
trait Sends {
    fn send(&mut self, message: &[u8]) -> bool;
    fn flush_with_room(&mut self, room: usize) -> bool;
    fn sent(&mut self) -> Vec<u8>;
}

macro_rules! sends {
    ($kind:ident) => {
        impl Sends for SerialEnd<$kind<Uart>, 64, 40> {
            fn send(&mut self, message: &[u8]) -> bool {
                SerialEnd::send(self, message)
            }

            fn flush_with_room(&mut self, room: usize) -> bool {
                self.device().0.room = room;
                self.flush().unwrap()
            }

            fn sent(&mut self) -> Vec<u8> {
                self.device().0.sent.clone()
            }
        }
    };
}

sends!(Nb);
sends!(Io);

#[test]
fn passes_errors_on_and_goes_on_behind_them() {
    let mut end = SerialEnd::<_, 64, 40>::new(Nb(Uart { broken: true, ..Uart::default() }));
    end.device().0.arrived.extend(MESSAGE);
    assert_eq!(end.receive(|_| panic!("nothing was read")), Err(Broken));
    end.device().0.broken = false;
    assert_eq!(received(&mut end), [MESSAGE]);
}
