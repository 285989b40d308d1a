//! serial over pseudo terminals, which are serial lines of infinite speed. The tests are a program of their own: others
//! start processes, which would inherit the far end of a terminal and keep it open.

mod support;

use hbcore_linux::media::{Medium, MediumSpec, OpenCause, Remedy, SendOutcome, SerialMedium, remedy};
use rustix::termios::{ControlModes, InputModes, LocalModes, OutputModes, SpecialCodeIndex, tcgetattr};
use serialport::{SerialPort, TTYPort};
use std::{
    fs,
    io::{Read, Write},
    os::unix::fs::symlink,
    path::PathBuf,
};
use support::{LONG, eventually, message};

/// A device in its own directory. The test holds its other end.
struct Cable {
    directory: PathBuf,
    far: Option<TTYPort>,
}

impl Cable {
    fn new(name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("hbcore-serial-{name}-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("a temporary directory");
        let mut cable = Self { directory, far: None };
        cable.plug_in();
        cable
    }

    fn device(&self) -> PathBuf {
        self.directory.join("ttyX")
    }

    /// Gives the device a new terminal, as when an adapter is plugged in.
    fn plug_in(&mut self) {
        let (mut far, near) = TTYPort::pair().expect("a pair of terminals");
        far.set_timeout(LONG).expect("set");
        symlink(near.name().expect("a name"), self.device()).expect("linked");
        self.far = Some(far);
    }

    fn pull_out(&mut self) {
        self.far = None;
        fs::remove_file(self.device()).expect("was there");
    }

    fn far(&mut self) -> &mut TTYPort {
        self.far.as_mut().expect("plugged in")
    }

    fn spec(&self, baud: u32) -> MediumSpec {
        let device = self.device().to_str().expect("text").to_owned();
        MediumSpec::Serial { device, baud, lock_directory: Some(self.directory.clone()) }
    }

    fn open(&self) -> SerialMedium {
        SerialMedium::open(&self.spec(19200)).unwrap_or_else(|error| panic!("{error}"))
    }

    fn locks(&self) -> usize {
        let names = fs::read_dir(&self.directory).expect("readable").flatten();
        names.filter(|entry| entry.file_name().to_string_lossy().starts_with("LCK..")).count()
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

#[test]
fn bytes_go_both_ways() {
    let mut cable = Cable::new("both");
    let mut medium = cable.open();
    assert!(medium.is_stream());
    assert_eq!(medium.send(b">>>\nt=status\n<<<\n").expect("sent"), SendOutcome::Sent);
    let mut buf = [0; 17];
    cable.far().read_exact(&mut buf).expect("arrives");
    assert_eq!(&buf, b">>>\nt=status\n<<<\n");
    cable.far().write_all(b"back\r\n").expect("written");
    assert_eq!(message(&mut medium, LONG).as_deref(), Some(&b"back\n"[..]), "without the carriage return");
}

#[test]
fn line_is_set_as_the_reference_says() {
    for baud in [9600, 19200, 38400, 57600, 115_200, 230_400, 460_800] {
        let cable = Cable::new(&format!("line-{baud}"));
        let medium = SerialMedium::open(&cable.spec(baud)).unwrap_or_else(|error| panic!("{error}"));
        let set = tcgetattr(medium.fd()).expect("a terminal");
        assert_eq!((set.input_speed(), set.output_speed()), (baud, baud));
        let input = InputModes::INPCK | InputModes::ISTRIP | InputModes::IGNCR | InputModes::BRKINT;
        assert_eq!(set.input_modes & !InputModes::IMAXBEL & !InputModes::IUTF8, input);
        assert!(!set.output_modes.contains(OutputModes::OPOST));
        let control = ControlModes::CS8 | ControlModes::CREAD | ControlModes::CLOCAL | ControlModes::CRTSCTS;
        assert!(set.control_modes.contains(control) && !set.control_modes.contains(ControlModes::PARENB));
        assert!(!set.local_modes.intersects(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG));
        let codes = &set.special_codes;
        assert_eq!((codes[SpecialCodeIndex::VMIN], codes[SpecialCodeIndex::VTIME]), (1, 1));
    }
}

#[test]
fn when_the_other_side_does_not_read_messages_are_dropped_whole() {
    let mut cable = Cable::new("full");
    let mut medium = cable.open();
    let line = [b"x".repeat(199), b"\n".to_vec()].concat();
    let mut accepted = 0;
    while medium.send(&line).expect("never an error") == SendOutcome::Sent {
        accepted += 1;
        assert!(accepted < 10_000, "a terminal holds less than 2 MB");
    }
    assert!(medium.wants_write() && medium.dropped() == 1);

    let mut got = Vec::new();
    eventually("the queue empties", || {
        let mut buf = [0; 4096];
        let len = cable.far().read(&mut buf).expect("readable");
        got.extend_from_slice(&buf[..len]);
        medium.writable().expect("writes on");
        got.len() >= accepted * line.len()
    });
    assert!(!medium.wants_write());
    assert!(got == line.repeat(accepted), "every accepted message arrived whole");
}

#[test]
fn after_a_hang_up_the_medium_is_reopened() {
    let mut cable = Cable::new("again");
    let mut medium = cable.open();
    cable.pull_out();
    let mut buf = [0; 64];
    let error = medium.receive(&mut buf).expect_err("hung up");
    assert_eq!(remedy(&error), Remedy::Reopen, "{error}");
    assert_eq!(medium.send(b"x").map_err(|error| remedy(&error)), Err(Remedy::Reopen));
    medium.reopen().expect_err("no device yet");

    cable.plug_in();
    medium.reopen().unwrap_or_else(|error| panic!("{error}"));
    assert!(!medium.wants_write(), "nothing old is sent");
    medium.send(b"new").expect("sent");
    let mut three = [0; 3];
    cable.far().read_exact(&mut three).expect("arrives");
    assert_eq!(&three, b"new");
    medium.reopen().expect("also while it is open");
    assert_eq!(cable.locks(), 1);
}

#[test]
fn device_belongs_to_one_program() {
    let cable = Cable::new("lock");
    let medium = cable.open();
    assert_eq!(cable.locks(), 1);
    let device = cable.device();
    serialport::new(device.to_str().expect("text"), 9600).open().expect_err("in use");
    drop(medium);
    assert_eq!(cable.locks(), 0);
    serialport::new(device.to_str().expect("text"), 9600).open().expect("free again");
}

#[test]
fn device_that_is_not_serial_is_refused() {
    let cable = Cable::new("refused");
    let refused = |spec: &MediumSpec| SerialMedium::open(spec).err().expect("refused").cause;
    assert!(matches!(refused(&cable.spec(300)), OpenCause::BadBaud(300)));
    let spec = |device: &str| MediumSpec::Serial {
        device: device.into(),
        baud: 9600,
        lock_directory: Some(cable.directory.clone()),
    };
    assert!(matches!(refused(&spec("/dev/null")), OpenCause::NotATerminal));
    assert!(matches!(refused(&spec("/dev/no-such-device")), OpenCause::Io { .. }));
    assert_eq!(cable.locks(), 0, "a failed open leaves no lock");
}
