//! The Debian packages that the tests need.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use hbcore_tests::lab::guest;

/// Each package, and a file that shows that it is installed.
const PACKAGES: [(&str, &str); 28] = [
    ("apache2", "/usr/sbin/apache2"),
    ("cargo-web", "/usr/bin/cargo"),
    ("cmake", "/usr/bin/cmake"),
    ("curl", "/usr/bin/curl"),
    ("drbd-utils", "/etc/ha.d/resource.d/drbddisk"),
    ("e2fsprogs", "/usr/sbin/mkfs.ext4"),
    ("g++", "/usr/bin/g++"),
    ("gcc-arm-linux-gnueabihf", "/usr/bin/arm-linux-gnueabihf-gcc"),
    ("gcc-arm-none-eabi", "/usr/bin/arm-none-eabi-gcc"),
    ("heartbeat", "/usr/libexec/heartbeat/heartbeat"),
    ("iproute2", "/usr/sbin/ip"),
    ("keepalived", "/usr/sbin/keepalived"),
    ("kmod", "/usr/sbin/modprobe"),
    ("libc6-dev-armhf-cross", "/usr/arm-linux-gnueabihf/include/string.h"),
    ("libnewlib-arm-none-eabi", "/usr/lib/arm-none-eabi/include/string.h"),
    ("make", "/usr/bin/make"),
    ("nftables", "/usr/sbin/nft"),
    ("nginx", "/usr/sbin/nginx"),
    ("pkg-config", "/usr/bin/pkg-config"),
    ("procps", "/usr/bin/ps"),
    ("qemu-system-arm", "/usr/bin/qemu-system-arm"),
    ("qemu-system-x86", "/usr/bin/qemu-system-x86_64"),
    ("qemu-user-static", "/usr/bin/qemu-arm-static"),
    ("rust-web-src", "/usr/lib/rustlib/src/rust"),
    ("rustc-web", "/usr/bin/rustc"),
    ("socat", "/usr/bin/socat"),
    ("tcpdump", "/usr/bin/tcpdump"),
    ("valgrind", "/usr/bin/valgrind"),
];

/// Debian's packages ask this program before they start a service; 101 forbids it.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Prints and installs the missing packages, and downloads those that only guests need. If a package cannot be
/// installed, the tests that need it are skipped, with their own reason.
pub(crate) fn get_missing() {
    install_missing();
    if guest::is_fetched() || !is_root_on_debian() {
        return;
    }
    println!("downloading a kernel and a busybox for guests, which are not installed");
    // The local list of packages may be out of date.
    let fetched = guest::fetch().or_else(|_| {
        apt(&["update"]);
        guest::fetch()
    });
    if let Err(why) = fetched {
        println!("they could not be downloaded, and tests that need them are skipped: {why}");
    }
}

/// Prints the missing packages, and the command that installs them.
pub(crate) fn tell_missing() {
    let missing = missing();
    if !missing.is_empty() {
        println!("not installed: {}", missing.join(" "));
        println!("What needs them is skipped. As root on Debian, cargo verify --install installs them first.");
    }
}

/// The packages that are not installed.
fn missing() -> Vec<&'static str> {
    PACKAGES.iter().filter(|(_, file)| !Path::new(file).exists()).map(|(package, _)| *package).collect()
}

fn install_missing() {
    let missing = missing();
    if missing.is_empty() {
        return;
    }
    let list = missing.join(" ");
    if !is_root_on_debian() {
        println!("not installed, and only root on Debian can: {list}");
        return;
    }
    println!("installing the packages {list}");
    let policy = ServicesStayOff::new();
    let installed = apt(&["update"]) && apt(&[&["install", "--yes", "--no-install-recommends"], &missing[..]].concat());
    drop(policy);
    if !installed {
        println!("they could not be installed; tests that need them are skipped");
    }
}

fn is_root_on_debian() -> bool {
    rustix::process::geteuid().is_root() && Path::new("/usr/bin/apt-get").exists()
}

fn apt(arguments: &[&str]) -> bool {
    let mut command = Command::new("apt-get");
    command.arg("--quiet=2").args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    command.stdout(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// While this value exists, no package starts a service. A heartbeat that is installed only for comparison must not
/// run.
struct ServicesStayOff {
    ours: bool,
}

impl ServicesStayOff {
    fn new() -> Self {
        let ours = !Path::new(POLICY).exists()
            && fs::write(POLICY, "#!/bin/sh\nexit 101\n").is_ok()
            && fs::set_permissions(POLICY, fs::Permissions::from_mode(0o755)).is_ok();
        Self { ours }
    }
}

impl Drop for ServicesStayOff {
    fn drop(&mut self) {
        if self.ours {
            let _ = fs::remove_file(POLICY);
        }
    }
}
