//! The four sites of `tests/seeds`, with the machines that their authors had.

use std::fmt::Write;

use hbcore_tests::pages;

/// One site.
pub(super) struct Seed {
    /// Its directory in `tests/seeds`.
    pub(super) name: &'static str,
    /// Its nodes. The first one is the home of its group.
    pub(super) nodes: [&'static str; 2],
    /// The addresses of `eth0`, then those of `eth1`.
    pub(super) addresses: [[&'static str; 2]; 2],
    /// Addresses of the machine that is no node, on both networks. It is the client, and what the site pings.
    pub(super) outside: [&'static str; 2],
    /// The changes of an operator to the file as its author printed it, for the node with this index.
    mend: fn(ha_cf: String, node: usize) -> String,
    /// Errors of the files as their author printed them, as `hb check` tells them.
    pub(super) mistakes: &'static [&'static str],
    /// A script that puts the services of the site on a machine.
    pub(super) services: &'static str,
    /// A script that succeeds while everything in `haresources` runs.
    pub(super) runs: &'static str,
    /// A script that succeeds while nothing of it runs.
    pub(super) rests: &'static str,
    /// A page at the service address, and its text; `NODE` stands for the name of the owner.
    pub(super) page: Option<(&'static str, &'static str)>,
    /// Whether the group returns to its home.
    pub(super) returns: bool,
    /// Clients that the daemon keeps running.
    pub(super) clients: &'static [&'static str],
}

/// An init script of a site, which calls that of Debian.
const HTTPD: &str = r#"
printf '#!/bin/sh\nexec /etc/init.d/apache2 "$@"\n' >/etc/init.d/httpd
chmod 755 /etc/init.d/httpd
echo "ServerName $(hostname)" >>/etc/apache2/apache2.conf
hostname >/var/www/html/index.html
"#;

pub(super) const SEEDS: [Seed; 4] = [
    Seed {
        name: "0",
        nodes: ["d01", "d02"],
        addresses: [["135.9.8.1/24", "135.9.8.2/24"], ["10.9.8.1/24", "10.9.8.2/24"]],
        outside: ["135.9.8.254/24", "10.9.8.254/24"],
        mend: |ha_cf, _| ha_cf,
        mistakes: &[],
        services: "",
        runs: "ip -o address show dev eth0 | grep -q ' 135.9.8.7/24 '",
        rests: "! ip -o address | grep -q ' 135.9.8.7/24 '",
        page: None,
        returns: true,
        clients: &[],
    },
    Seed {
        name: "1",
        nodes: ["masternginx", "slavenginx"],
        addresses: [["192.168.171.50/24", "192.168.171.51/24"], ["192.168.17.50/24", "192.168.17.51/24"]],
        outside: ["192.168.171.1/24", "192.168.17.1/24"],
        mend: |ha_cf, node| {
            let ha_cf = ha_cf.replace("hacluster/usr", "hacluster /usr");
            if node == 0 { ha_cf } else { ha_cf.replace("192.168.17.51", "192.168.17.50") }
        },
        mistakes: &["Invalid uid [hacluster/usr/lib64/heartbeat/ipfail] specified for client child"],
        services: "mkdir -p /var/log/nginx; hostname >/var/www/html/index.html",
        runs: "ip -o address show dev eth0 | grep -q ' 192.168.171.100/24 .* eth0:0\\\\' && /etc/init.d/nginx status",
        rests: "! ip -o address | grep -q ' 192.168.171.100/24 ' && ! /etc/init.d/nginx status",
        page: Some(("http://192.168.171.100/", "NODE\n")),
        returns: true,
        clients: &["ipfail"],
    },
    Seed {
        name: "2",
        nodes: ["nodea", "nodeb"],
        addresses: [["192.168.17.2/24", "192.168.17.3/24"], ["192.168.1.2/24", "192.168.1.3/24"]],
        outside: ["192.168.17.1/24", "192.168.1.1/24"],
        mend: |ha_cf, node| if node == 0 { ha_cf } else { ha_cf.replace("192.168.1.3", "192.168.1.2") },
        mistakes: &["Cannot open keyfile"],
        services: HTTPD,
        runs: "ip -o address show dev eth0 | grep -q ' 192.168.17.200/24 ' && /etc/init.d/httpd status",
        rests: "! ip -o address | grep -q ' 192.168.17.200/24 ' && ! /etc/init.d/httpd status",
        page: Some(("http://192.168.17.200/", "NODE\n")),
        returns: true,
        clients: &[],
    },
    Seed {
        name: "3",
        nodes: ["host41", "host42"],
        addresses: [["192.168.60.41/24", "192.168.60.42/24"], ["10.60.0.41/24", "10.60.0.42/24"]],
        outside: ["192.168.60.1/24", "10.60.0.1/24"],
        mend: |ha_cf, node| ha_cf.replace("{{ slave的IP地址 }}", ["10.60.0.42", "10.60.0.41"][node]),
        mistakes: &["cannot resolve hostname", "Bad nodename in"],
        services: DISK_AND_SERVERS,
        runs: "ip -o address show dev eth0 | grep -q ' 192.168.60.200/24 ' && mountpoint -q /webdata &&
            /etc/init.d/httpd status && /etc/init.d/tomcat status",
        rests: "! ip -o address | grep -q ' 192.168.60.200/24 ' && ! mountpoint -q /webdata &&
            ! /etc/init.d/httpd status && ! /etc/init.d/tomcat status",
        page: Some(("http://192.168.60.200/page", "on the disk\n")),
        returns: false,
        clients: &["ipfail", "dopd"],
    },
];

/// Apache with its pages on the shared disk, and a server whose process only sleeps.
const DISK_AND_SERVERS: &str = r#"
mkdir -p /webdata
printf '#!/bin/sh\nexec /etc/init.d/apache2 "$@"\n' >/etc/init.d/httpd
sed -i 's,/var/www/html,/webdata,' /etc/apache2/sites-available/000-default.conf
printf 'ServerName %s\n<Directory /webdata>\nRequire all granted\n</Directory>\n' "$(hostname)" >>/etc/apache2/apache2.conf
cat >/etc/init.d/tomcat <<'END'
#!/bin/sh
is_running() { [ -s /run/tomcat.pid ] && kill -0 "$(cat /run/tomcat.pid)" 2>/dev/null; }
case $1 in
start) is_running || { setsid sleep infinity </dev/null >/dev/null 2>&1 & echo $! >/run/tomcat.pid; } ;;
stop) if is_running; then kill "$(cat /run/tomcat.pid)"; fi; rm -f /run/tomcat.pid ;;
status) if is_running; then echo 'tomcat is running'; else echo 'tomcat is not running'; exit 3; fi ;;
esac
END
chmod 755 /etc/init.d/httpd /etc/init.d/tomcat
"#;

impl Seed {
    /// A file as its author printed it; `None` if there is none.
    pub(super) fn printed(&self, file: &str) -> Option<String> {
        std::fs::read_to_string(pages::root().join("tests/seeds").join(self.name).join(file)).ok()
    }

    /// `ha.cf` for a node, without mistakes and with a tenth of its times.
    pub(super) fn ha_cf(&self, node: usize) -> String {
        faster(&(self.mend)(self.printed("ha.cf").expect("each site has one"), node))
    }

    /// `authkeys`. An operator makes one where the site's author printed none.
    pub(super) fn authkeys(&self) -> String {
        self.printed("authkeys").unwrap_or_else(|| "auth 1\n1 sha1 HI!\n".to_owned())
    }

    /// `haresources`, with the name of a node instead of `node1`.
    pub(super) fn haresources(&self) -> String {
        self.printed("haresources").expect("each site has one").replace("node1 ", &format!("{} ", self.nodes[0]))
    }
}

/// The text with a tenth of each time: the scenario waits for several dead times.
fn faster(ha_cf: &str) -> String {
    let mut text = String::new();
    for line in ha_cf.lines() {
        let mut words = line.split_whitespace();
        let directive = words.next().unwrap_or_default();
        let is_time = ["keepalive", "warntime", "deadtime", "deadping", "initdead"].contains(&directive);
        match words.next().and_then(|value| value.parse::<u32>().ok()).filter(|_| is_time) {
            Some(seconds) => writeln!(text, "{directive} {}ms", seconds * 100),
            None => writeln!(text, "{line}"),
        }
        .expect("text grows");
    }
    text
}
