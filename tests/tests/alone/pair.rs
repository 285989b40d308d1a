//! Two machines, the networks between them, and a third machine that is no node.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use hbcore_tests::lab::{Booted, Init, Installed, Namespace, release_binary, run};
use hbcore_tests::pages;

use super::seed::Seed;

/// The machines of a site.
pub(super) struct Pair {
    pub(super) hosts: [Booted; 2],
    outside: Namespace,
    pub(super) seed: &'static Seed,
    // After the hosts in the order of drop, because they use it.
    _disk: Disk,
}

impl Pair {
    /// Boots both machines of a site; the reason if they cannot boot here.
    pub(super) fn new(seed: &'static Seed, installed: Installed) -> Result<Self, String> {
        let disk = Disk::new()?;
        let [root, programs] = [sources(), programs()].map(|kept| kept.display().to_string());
        let shared = format!("{}=sdb5", disk.device);
        let boot = |name| Booted::new(name, Init::Shell, installed, &[&root, &programs, &shared]);
        let pair =
            Self { hosts: [boot(seed.nodes[0])?, boot(seed.nodes[1])?], outside: Namespace::new(), seed, _disk: disk };
        for (bridge, address) in ["net0", "net1"].iter().zip(seed.outside) {
            let lines = ["link add BRIDGE type bridge", "address add ADDRESS dev BRIDGE", "link set BRIDGE up"];
            pair.outside.ip(&lines.join("\n").replace("BRIDGE", bridge).replace("ADDRESS", address));
        }
        for node in [0, 1] {
            pair.plug_in(node);
            pair.hosts[node].succeed(seed.services);
        }
        Ok(pair)
    }

    /// Connects a machine to both networks, and starts what it needs at each boot.
    pub(super) fn plug_in(&self, node: usize) {
        let host = &self.hosts[node];
        host.plug_in("eth0", self.seed.addresses[0][node], &self.outside, "net0");
        host.plug_in("eth1", self.seed.addresses[1][node], &self.outside, "net1");
        host.succeed("socat -u UNIX-RECV:/dev/log OPEN:/var/log/syslog,creat,append >/dev/null 2>&1 &");
    }

    /// The answer to a client of the network; `None` if there is none within two seconds.
    pub(super) fn fetch(&self, url: &str) -> Option<String> {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--fail", "--max-time", "2", url]).stdin(Stdio::null());
        let output = self.outside.inside(move || curl.output()).expect("curl");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Drops the echo requests of this machine, or no longer.
    pub(super) fn block_pings(&self, node: usize, blocked: bool) {
        let [eth0, eth1] = self.seed.addresses.map(|net| net[node].split('/').next().unwrap_or_default());
        let rules = format!("ip saddr {{ {eth0}, {eth1} }} icmp type echo-request drop");
        let table = format!("table inet pings {{ chain in {{ type filter hook input priority 0; {rules}; }}; }}");
        let line = if blocked { table } else { "delete table inet pings".to_owned() };
        let mut nft = Command::new("nft");
        nft.arg(line).stdin(Stdio::null());
        assert!(self.outside.inside(move || nft.status()).is_ok_and(|status| status.success()), "nft");
    }
}

/// A disk with an ext3 file system and a page, which both machines see.
struct Disk {
    device: String,
    image: PathBuf,
}

impl Disk {
    fn new() -> Result<Self, String> {
        static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let image = std::env::temp_dir().join(format!("hbcore-alone-{}-{number}.img", std::process::id()));
        let content = image.with_extension("d");
        std::fs::create_dir_all(&content).map_err(|error| error.to_string())?;
        std::fs::write(content.join("page"), "on the disk\n").map_err(|error| error.to_string())?;
        File::create(&image).and_then(|file| file.set_len(8 << 20)).map_err(|error| error.to_string())?;
        run(&format!("mkfs.ext3 -q -F -d {} {}", content.display(), image.display()));
        let _ = std::fs::remove_dir_all(&content);
        let output = Command::new("losetup").args(["--find", "--show"]).arg(&image).output();
        let device = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        match device {
            Ok(device) if device.starts_with("/dev/") => Ok(Self { device, image }),
            _ => {
                let _ = std::fs::remove_file(&image);
                Err("needs a loop device".to_owned())
            }
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // The device goes when the last machine has unmounted it.
        let _ = Command::new("losetup").args(["--detach", &self.device]).status();
        let _ = std::fs::remove_file(&self.image);
    }
}

/// The directory of the sources.
pub(super) fn sources() -> PathBuf {
    pages::root().canonicalize().expect("the sources")
}

/// The directory of the programs.
pub(super) fn programs() -> PathBuf {
    release_binary("heartbeat").parent().and_then(|programs| programs.canonicalize().ok()).expect("the programs")
}

/// The line that installs ours.
pub(super) fn install() -> String {
    format!("{}/dist/install.sh {}", sources().display(), programs().display())
}

/// The reason why these machines cannot run here; none if they can.
pub(super) fn why_not(needed: &[(&str, &str)]) -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("needs root, to boot machines in namespaces".to_owned());
    }
    let (_, package) = needed.iter().find(|(path, _)| !Path::new(path).exists())?;
    Some(format!("needs the Debian package {package}"))
}
