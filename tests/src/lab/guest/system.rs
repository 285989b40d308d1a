//! The system that a guest boots: Debian's kernel and a first root file system, and the way in which QEMU emulates its
//! processor.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::lab::daemon::{missing_package, target_directory};

use super::archive::Archive;

/// Files that a guest needs, and the Debian packages that have them.
const NEEDED: [(&str, &str); 4] = [
    ("/usr/bin/qemu-system-x86_64", "qemu-system-x86"),
    ("/usr/bin/setpriv", "util-linux"),
    ("/usr/sbin/modprobe", "kmod"),
    ("/usr/sbin/mkfs.ext4", "e2fsprogs"),
];

/// The package that depends on that of the current kernel.
const KERNEL: &str = "linux-image-amd64";
/// The package of a shell and of tools without libraries.
const BUSYBOX: &str = "busybox-static";

/// The modules that the kernel needs before it sees the root file system.
const MODULES: [&str; 5] = ["virtio_pci", "virtio_console", "9pnet_virtio", "9p", "overlay"];

/// Files of the first root file system.
const FILES: [(&str, &str); 4] = [
    ("init", include_str!("init.sh")),
    ("boot.sh", include_str!("boot.sh")),
    ("agent.sh", include_str!("agent.sh")),
    ("inittab", include_str!("inittab")),
];

/// A kernel and a first root file system.
#[derive(Debug)]
pub struct System {
    kernel: PathBuf,
    modules: PathBuf,
    initrd: PathBuf,
}

/// Why no guest can run here; none if one can.
pub fn why_not() -> Option<String> {
    if let Some(reason) = missing_package(&NEEDED) {
        return Some(reason);
    }
    if !Path::new("/dev/net/tun").exists() {
        return Some("needs /dev/net/tun, for the network cards of guests".to_owned());
    }
    (!is_fetched()).then(|| {
        format!("needs the packages {KERNEL} and {BUSYBOX} in {}: cargo verify downloads them", unpacked().display())
    })
}

/// Whether [`fetch`] has nothing to do.
pub fn is_fetched() -> bool {
    unpacked().exists()
}

/// Whether a guest can use this machine's processor. A `/dev/kvm` without support of the processor starts only kernels
/// that are made for it.
pub fn has_kvm() -> bool {
    let flags = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let helps = flags.split_whitespace().any(|flag| flag == "vmx" || flag == "svm");
    helps && File::options().read(true).write(true).open("/dev/kvm").is_ok()
}

/// Downloads the packages and unpacks them below the target directory, if they are not there. Nothing is installed. The
/// error tells which step failed.
pub fn fetch() -> Result<(), String> {
    if is_fetched() {
        return Ok(());
    }
    let to = unpacked();
    let made = to.with_extension("new");
    let _ = fs::remove_dir_all(&made);
    fs::create_dir_all(&made).map_err(|error| format!("{}: {error}", made.display()))?;
    let depends = said_by(Command::new("apt-cache").args(["depends", KERNEL]))?;
    let kernel = depends.lines().find_map(|line| line.trim().strip_prefix("Depends: linux-image-"));
    let kernel =
        kernel.map(|version| format!("linux-image-{version}")).ok_or(format!("there is no package {KERNEL}"))?;
    // The directory is ours, and the user to which apt would switch may not write there.
    let download = ["--quiet=2", "--option=APT::Sandbox::User=root", "download", &kernel, BUSYBOX];
    said_by(Command::new("apt-get").args(download).current_dir(&made))?;
    for package in fs::read_dir(&made).map_err(|error| error.to_string())?.flatten() {
        said_by(Command::new("dpkg").arg("-x").arg(package.path()).arg(&made))?;
        fs::remove_file(package.path()).map_err(|error| error.to_string())?;
    }
    let version = kernel.trim_start_matches("linux-image-");
    said_by(Command::new("depmod").arg("--basedir").arg(&made).arg(version))?;
    fs::rename(&made, &to).map_err(|error| format!("{}: {error}", to.display()))
}

/// The directory into which [`fetch`] unpacks.
fn unpacked() -> PathBuf {
    target_directory().join("tmp/guest")
}

/// The output of a program that succeeds, or else why it failed.
fn said_by(command: &mut Command) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{command:?}: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    let said = || format!("{}: {}", command.get_program().display(), text(&output.stderr));
    output.status.success().then(|| text(&output.stdout)).ok_or_else(said)
}

impl System {
    /// Makes the first root file system, in this directory.
    pub fn new(directory: &Path) -> Self {
        let modules = unpacked().join("lib/modules");
        let version = only_name(&modules);
        let kernel = unpacked().join(format!("boot/vmlinuz-{version}"));
        let initrd = directory.join("initrd");
        write_initrd(&initrd, &version).unwrap_or_else(|error| panic!("{}: {error}", initrd.display()));
        Self { kernel, modules, initrd }
    }

    /// The kernel's modules.
    pub(super) fn modules(&self) -> &Path {
        &self.modules
    }

    /// The first words of a command line of QEMU.
    pub(super) fn qemu(&self) -> Vec<String> {
        let words = "qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot -m 256";
        let mut words: Vec<String> = words.split(' ').map(str::to_owned).collect();
        let path = |path: &Path| path.display().to_string();
        // QEMU takes the first one that works.
        let accelerators = if has_kvm() { &["kvm", "tcg"][..] } else { &["tcg"] };
        words.extend(accelerators.iter().flat_map(|name| ["-accel".to_owned(), (*name).to_owned()]));
        words.extend(["-kernel".to_owned(), path(&self.kernel), "-initrd".to_owned(), path(&self.initrd)]);
        words
    }
}

fn write_initrd(path: &Path, version: &str) -> io::Result<()> {
    let mut archive = Archive::new(BufWriter::new(File::create(path)?));
    archive.file("busybox", &fs::read(unpacked().join("bin/busybox"))?)?;
    for (name, text) in FILES {
        archive.file(name, text.as_bytes())?;
    }
    archive.directory("modules")?;
    for (number, module) in modules(version).into_iter().enumerate() {
        // The names are in the order in which the modules can be loaded.
        archive.file(&format!("modules/{number:02}"), &fs::read(module)?)?;
    }
    archive.end()
}

/// The files of the modules, each after those that it depends on.
fn modules(version: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for module in MODULES {
        let mut modprobe = Command::new("modprobe");
        modprobe.arg("-d").arg(unpacked()).args(["-S", version, "--show-depends", module]);
        let said = said_by(&mut modprobe).unwrap_or_else(|why| panic!("{why}"));
        for file in said.lines().filter_map(|line| line.strip_prefix("insmod ")) {
            let file = PathBuf::from(file.trim());
            if !files.contains(&file) {
                files.push(file);
            }
        }
    }
    files
}

fn only_name(directory: &Path) -> String {
    let mut entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let name = entries.next().and_then(|entry| entry.file_name().into_string().ok());
    name.unwrap_or_else(|| panic!("nothing in {}", directory.display()))
}
