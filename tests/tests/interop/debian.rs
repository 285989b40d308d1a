//! Typical sites with Debian's packages: an address, a replicated disk, a file system on it, a web server; and the
//! agents of the package resource-agents, called by their scripts in `resource.d`.
//!
//! The scripts, the web servers and the file system are real. DRBD is not, because it needs a module of the kernel: its
//! script `drbddisk` calls a `drbdadm` that only stores the role (`tests/drbd` has a real one). Mail is not delivered.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use hbcore_tests::lab::{Daemon, Host, Lab, SERVICE, Site, run};
use hbcore_tests::scenario::Pairing;

use crate::Scenario;
use crate::start::await_settled;

/// A web server needs seconds to start and stop by its init script, and does it several times.
const LIMIT: Duration = Duration::from_secs(40);

/// Stores the role, as the disk would, until the power is cut.
const DRBDADM: &str = r#"#!/bin/sh
echo "drbdadm $*" >> /var/log/calls
case $1 in
    primary) : > /run/drbd-primary ;;
    secondary) rm -f /run/drbd-primary ;;
    role) if [ -e /run/drbd-primary ]; then echo Primary/Secondary; else echo Secondary/Primary; fi ;;
esac
"#;

/// Accepts the mail that `MailTo` sends.
const MAIL: &str = "#!/bin/sh\necho \"mail $*\" >> /var/log/calls\ncat > /dev/null\n";

/// The directory of pages of Debian's web servers.
const PAGES: &str = "/var/www/html";

/// Files that show that a member of the group runs: the primary role, the file on the disk, the server.
const SIGNS: [&str; 3] = ["/run/drbd-primary", "/var/www/html/disk", "/run/nginx.pid"];

/// The scenarios, each with files of the packages that it needs.
pub(crate) const SCENARIOS: [(&str, &[&str], Scenario); 2] = [
    (
        "site_of_debian_with_disk_and_nginx",
        &["/etc/init.d/nginx", "/etc/ha.d/resource.d/drbddisk", "/usr/sbin/mkfs.ext4", "/usr/sbin/modprobe"],
        nginx,
    ),
    (
        "site_of_debian_with_agents_and_apache",
        &["/usr/sbin/apache2", "/usr/bin/curl", "/etc/ha.d/resource.d/apache"],
        agents,
    ),
];

/// Address, replicated disk, file system, nginx: a client reads a page that was written on the node that died.
fn nginx(pairing: Pairing) {
    let lab = &Lab::new(&format!("{pairing} nginx"), pairing.alpha, pairing.bravo, &Site::default());
    let disk = lab.directory().join("disk.img");
    make_disk(&disk, lab.directory());
    let group = format!("{SERVICE}/24/eth0:0 drbddisk::web Filesystem::{}::{PAGES}::ext4::loop nginx", disk.display());
    for host in lab.hosts() {
        host.write_site(&Site { group: group.clone(), ..Site::default() });
        furnish(host);
    }
    lab.alpha.start();
    lab.bravo.start();
    await_site(lab, "alpha");
    await_settled(lab);
    let wrote = lab.alpha.run("sh", &["-c", "echo seventeen > /var/www/html/orders && sync /var/www/html/orders"]);
    assert_eq!(wrote.code, Some(0), "{}", wrote.output);

    let cut = Instant::now();
    lab.alpha.cut_power();
    await_site(lab, "bravo");
    println!("{pairing} nginx: bravo serves the page {} ms after the cut", cut.elapsed().as_millis());
    lab.check(lab.fetch("/orders").as_deref() == Some("seventeen\n"), "what was written on alpha, from bravo");

    lab.alpha.boot();
    furnish(&lab.alpha);
    lab.alpha.start();
    await_site(lab, "alpha");
    lab.check(lab.fetch("/orders").as_deref() == Some("seventeen\n"), "the same from alpha");

    lab.alpha.stop();
    await_site(lab, "bravo");
    let roles: Vec<String> = lab.alpha.lines_of("calls").into_iter().filter(|call| !call.contains(" role ")).collect();
    lab.check(roles.last().is_some_and(|call| call == "drbdadm secondary web"), "the disk given up in the end");
    check_no_failure(lab);
}

/// Another address for `IPaddr2`.
const OTHER: &str = "10.77.0.101";

/// Every address by the agent's own script, announcements, mail, Apache; with a power cut, a return and a stop.
fn agents(pairing: Pairing) {
    let group = format!(
        "IPaddr::{SERVICE}/24/eth0/ IPaddr2::{OTHER}/24/eth0 SendArp::{OTHER}/eth0 MailTo::admin@example.org::web apache"
    );
    let lab = Lab::new(&format!("{pairing} agents"), pairing.alpha, pairing.bravo, &Site { group, ..Site::default() });
    for host in lab.hosts() {
        if host.daemon() == Daemon::Ours {
            host.write("hbcore.cf", "address_takeover script\n");
        }
        furnish_pages(&lab, host);
    }
    lab.alpha.start();
    lab.bravo.start();
    await_page(&lab, &lab.alpha);
    await_settled(&lab);

    let cut = Instant::now();
    lab.alpha.cut_power();
    await_page(&lab, &lab.bravo);
    println!("{pairing} agents: bravo serves the page {} ms after the cut", cut.elapsed().as_millis());

    lab.alpha.boot();
    furnish_pages(&lab, &lab.alpha);
    lab.alpha.start();
    await_page(&lab, &lab.alpha);
    lab.await_until(LIMIT, "bravo to have given up everything", || !lab.bravo.has_file("/run/apache2/apache2.pid"));
    lab.check(!lab.bravo.namespace().has_address(OTHER), "no second address on bravo");

    lab.alpha.stop();
    await_page(&lab, &lab.bravo);
    for host in lab.hosts() {
        let mails = host.lines_of("calls");
        let told = |what: &str| mails.iter().any(|mail| mail.contains("admin@example.org") && mail.contains(what));
        lab.check(told("Takeover") && told("Migrating"), &format!("mail of both kinds, not {mails:?}"));
    }
    check_no_failure(&lab);
}

fn furnish_pages(lab: &Lab, host: &Host) {
    let pages = lab.directory().join(format!("pages-{}", host.name()));
    fs::create_dir_all(&pages).expect("our own directory");
    fs::write(pages.join("index.html"), format!("{}\n", host.name())).expect("our own file");
    host.run("mkdir", &["-p", "/var/log/apache2"]);
    host.put_over(&pages, PAGES);
    host.put_into("/usr/bin", &[("mail", MAIL)]);
}

/// Waits until this node alone has both addresses, and a client gets its page.
#[track_caller]
fn await_page(lab: &Lab, owner: &Host) {
    let name = owner.name();
    lab.await_until(LIMIT, &format!("the addresses on {name}"), || {
        lab.holders() == [name] && owner.namespace().has_address(OTHER)
    });
    let page = format!("{name}\n");
    lab.await_until(LIMIT, &format!("the page of {name}"), || lab.fetch("/").as_ref() == Some(&page));
}

/// Checks that no script has failed on any node.
#[track_caller]
fn check_no_failure(lab: &Lab) {
    for host in lab.hosts() {
        for complaint in ["ERROR: Return code", "Giving up resources", "probably not LSB-compliant"] {
            lab.check(!host.logged(complaint), &format!("no [{complaint}] on {}", host.name()));
        }
    }
}

/// An ext4 file system with a page.
fn make_disk(disk: &Path, directory: &Path) {
    let content = directory.join("content");
    fs::create_dir_all(&content).expect("our own directory");
    fs::write(content.join("index.html"), "the page\n").expect("our own file");
    fs::write(content.join("disk"), "").expect("our own file");
    fs::File::create(disk).and_then(|file| file.set_len(8 << 20)).expect("our own file");
    run(&format!("mkfs.ext4 -q -F -d {} {}", content.display(), disk.display()));
}

/// Mounts the node's private directories and programs, besides those of every host, until the power is cut.
fn furnish(host: &Host) {
    host.run("mkdir", &["-p", "/var/log/nginx"]);
    host.put_empty_over("/var/lib/nginx");
    host.put_into("/usr/sbin", &[("drbdadm", DRBDADM)]);
}

/// Waits until the whole group runs on this node alone, and a client gets the page.
#[track_caller]
fn await_site(lab: &Lab, owner: &str) {
    let mut both = false;
    lab.await_until(LIMIT, &format!("the site on {owner}"), || {
        let members = SIGNS.map(|sign| lab.with_file(sign));
        both |= members.iter().any(|hosts| hosts.len() > 1);
        lab.holders() == [owner] && members.iter().all(|hosts| *hosts == [owner])
    });
    lab.check(!both, "the disk and the server on one node at every time");
    lab.await_until(LIMIT, &format!("the page from {owner}"), || lab.fetch("/").as_deref() == Some("the page\n"));
}
