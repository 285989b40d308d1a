//! Schedules as text: a line for the seed, one for the site, one for each fault.
//!
//! ```text
//! noise 17
//! site nodes=ours,reference groups=0,1 links=datagram,serial keepalive=50 ...
//! at 1.250000 for 0.400000 isolate 0
//! at 2.000000 for ever cut 0 1 1
//! ```

use super::{Class, Fault, File, Kind, Medium, Planned, Schedule, Site};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "noise {}", self.noise)?;
        writeln!(f, "site {}", self.site)?;
        self.faults.iter().try_for_each(|planned| writeln!(f, "{planned}"))
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = |kind: &Kind| if *kind == Kind::Ours { "ours" } else { "reference" };
        let medium = |medium: &Medium| match medium {
            Medium::Datagram => "datagram",
            Medium::Broadcast => "broadcast",
            Medium::Serial => "serial",
        };
        write!(f, "nodes={} ", list(self.nodes.iter().map(kind)))?;
        write!(f, "groups={} ", list(&self.groups))?;
        if !self.other_homes.is_empty() {
            write!(f, "other={} ", list(&self.other_homes))?;
        }
        write!(f, "links={} ", list(self.links.iter().map(medium)))?;
        write!(f, "keepalive={} deadtime={} initdead={} ", self.keepalive, self.deadtime, self.initdead)?;
        write!(f, "fencing={} ", self.fencing)?;
        write!(f, "failback={} compact={} signed={} ", self.failback, self.compact, self.signed)?;
        write!(f, "delay={},{} lateness={} ", self.delay.0, self.delay.1, self.lateness)?;
        write!(f, "script={},{} limit={} ", self.script.0, self.script.1, self.limit)?;
        write!(f, "drift={}", list(&self.drift))
    }
}

fn list(items: impl IntoIterator<Item = impl ToString>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(",")
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at.as_secs_f64();
        if self.is_for_ever() {
            return write!(f, "at {at:.6} for ever {}", self.fault);
        }
        write!(f, "at {at:.6} for {:.6} {}", self.lasting.as_secs_f64(), self.fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut { from, to, link: None } => write!(f, "cut {from} {to}"),
            Self::Cut { from, to, link: Some(link) } => write!(f, "cut {from} {to} {link}"),
            Self::Isolate(node) => write!(f, "isolate {node}"),
            Self::Lose(percent) => write!(f, "lose {percent}"),
            Self::Burst { begin, most } => write!(f, "burst {begin} {most}"),
            Self::Delay(ms) => write!(f, "delay {ms}"),
            Self::Duplicate(percent) => write!(f, "duplicate {percent}"),
            Self::Corrupt(percent) => write!(f, "corrupt {percent}"),
            Self::Noise(percent) => write!(f, "noise {percent}"),
            Self::Power { node, forgets: false } => write!(f, "power {node}"),
            Self::Power { node, forgets: true } => write!(f, "power {node} forgets"),
            Self::Blackout(node) => write!(f, "blackout {node}"),
            Self::Pause(node) => write!(f, "pause {node}"),
            Self::Slow { node, by } => write!(f, "slow {node} {by}"),
            Self::Fail { node, percent } => write!(f, "fail {node} {percent}"),
            Self::Hang(node) => write!(f, "hang {node}"),
            Self::Blind(node) => write!(f, "blind {node}"),
            Self::Helpless(node) => write!(f, "helpless {node}"),
            Self::Vanish(node) => write!(f, "vanish {node}"),
            Self::Crash(node) => write!(f, "crash {node}"),
            Self::NoFencing(node) => write!(f, "nofencing {node}"),
            Self::SlowFencing(node) => write!(f, "slowfencing {node}"),
            Self::SetClock { node, by } => write!(f, "clock {node} {by}"),
            Self::Standby { node, class } => write!(f, "standby {node} {}", class.as_str()),
            Self::Takeover { node, class } => write!(f, "takeover {node} {}", class.as_str()),
            Self::Leave(node) => write!(f, "leave {node}"),
            Self::Reload { node, file: File::First } => write!(f, "reload {node} first"),
            Self::Reload { node, file: File::Second } => write!(f, "reload {node} second"),
        }
    }
}

/// Skips empty lines, and lines that begin with `#`. The error names the text that was not understood.
impl FromStr for Schedule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (mut noise, mut site, mut faults) = (None, None, Vec::new());
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let wrong = || format!("not understood: {line}");
            let (word, rest) = line.split_once(' ').ok_or_else(wrong)?;
            match word {
                "noise" => noise = Some(rest.parse().map_err(|_| wrong())?),
                "site" => site = Some(read_site(rest).ok_or_else(wrong)?),
                "at" => faults.push(read_fault(rest).ok_or_else(wrong)?),
                _ => return Err(wrong()),
            }
        }
        let schedule = Self { noise: noise.ok_or("no line noise")?, site: site.ok_or("no line site")?, faults };
        schedule.check().map(|()| schedule)
    }
}

impl Schedule {
    /// Checks that such a world is possible. The error is the reason why not.
    fn check(&self) -> Result<(), String> {
        let Site { nodes, groups, links, keepalive, deadtime, initdead, delay, script, limit, drift, .. } = &self.site;
        let sound = |is_sound, why| demand(is_sound, &"site", why);
        sound((2..=5).contains(&nodes.len()), "nodes: 2 to 5")?;
        sound((1..=2).contains(&links.len()), "links: 1 or 2")?;
        sound(groups.len() <= 4, "groups: at most 4")?;
        let other = &self.site.other_homes;
        sound(
            other.is_empty() || other.len() == groups.len() && nodes[..] == [Kind::Ours; 2],
            "other: as groups, of a pair of ours",
        )?;
        sound(groups.iter().chain(other).all(|home| *home < nodes.len()), "groups: a home that is not there")?;
        sound(drift.len() == nodes.len(), "drift: one number for each node")?;
        sound(drift.iter().all(|drift| drift.abs() <= 10_000), "drift: at most 10000, a hundredth")?;
        sound(*keepalive >= 1 && keepalive < deadtime, "keepalive: at least 1, less than deadtime")?;
        sound(deadtime.max(initdead) <= &3_600_000, "deadtime, initdead: at most 3600000, an hour")?;
        sound(delay.0 <= delay.1 && script.0 <= script.1, "delay, script: least,most")?;
        sound(*limit >= 1, "limit: at least 1")?;
        for Planned { fault, .. } in &self.faults {
            let sound = |is_sound, why| demand(is_sound, fault, why);
            sound(fault.highest_node().is_none_or(|node| node < nodes.len()), "there is no such node")?;
            match fault {
                Fault::Cut { from, to, link } => {
                    sound(from != to, "from a node to itself")?;
                    sound(link.is_none_or(|link| link < links.len()), "there is no such link")?;
                }
                Fault::Lose(percent)
                | Fault::Duplicate(percent)
                | Fault::Corrupt(percent)
                | Fault::Noise(percent)
                | Fault::Fail { percent, .. } => sound(*percent <= 100, "of a hundred")?,
                Fault::Burst { begin, .. } => sound(*begin <= 1000, "begins: of a thousand")?,
                _ => {}
            }
        }
        Ok(())
    }
}

fn demand(is_sound: bool, what: &dyn fmt::Display, why: &str) -> Result<(), String> {
    if is_sound { Ok(()) } else { Err(format!("{what}: {why}")) }
}

fn read_site(text: &str) -> Option<Site> {
    let value = |name: &str| text.split(' ').find_map(|item| item.strip_prefix(name)?.strip_prefix('='));
    let number = |name: &str| value(name)?.parse::<u64>().ok();
    let yes = |name: &str| value(name)?.parse::<bool>().ok();
    let pair = |name: &str| {
        let (least, most) = value(name)?.split_once(',')?;
        Some((least.parse().ok()?, most.parse().ok()?))
    };
    Some(Site {
        nodes: each(value("nodes")?, |word| match word {
            "ours" => Some(Kind::Ours),
            "reference" => Some(Kind::Reference),
            _ => None,
        })?,
        groups: each(value("groups")?, |word| word.parse().ok())?,
        other_homes: each(value("other").unwrap_or_default(), |word| word.parse().ok())?,
        links: each(value("links")?, |word| match word {
            "datagram" => Some(Medium::Datagram),
            "broadcast" => Some(Medium::Broadcast),
            "serial" => Some(Medium::Serial),
            _ => None,
        })?,
        keepalive: number("keepalive")?,
        deadtime: number("deadtime")?,
        initdead: number("initdead")?,
        fencing: yes("fencing")?,
        failback: yes("failback")?,
        compact: yes("compact")?,
        signed: yes("signed")?,
        delay: pair("delay")?,
        lateness: number("lateness")?,
        script: pair("script")?,
        limit: number("limit")?,
        drift: each(value("drift")?, |word| word.parse().ok())?,
    })
}

fn each<T>(words: &str, read: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    words.split(',').filter(|word| !word.is_empty()).map(read).collect()
}

/// `1.250000 for 0.400000 isolate 0`
fn read_fault(text: &str) -> Option<Planned> {
    let mut words = text.split_whitespace();
    let at = Duration::try_from_secs_f64(words.next()?.parse().ok()?).ok()?;
    let lasting = words.next().filter(|word| *word == "for").and_then(|_| words.next())?;
    let lasting = match lasting {
        "ever" => Duration::MAX,
        seconds => Duration::try_from_secs_f64(seconds.parse().ok()?).ok()?,
    };
    let fault = read_kind(words.next()?, &words.clone().collect::<Vec<_>>())?;
    // All words of the line were read.
    let same = fault.to_string().split(' ').skip(1).eq(words);
    same.then_some(Planned { at, lasting, fault })
}

fn read_kind(name: &str, words: &[&str]) -> Option<Fault> {
    let word = |n: usize| words.get(n).copied();
    let number = |n: usize| word(n)?.parse::<u64>().ok();
    let node = |n: usize| word(n)?.parse::<usize>().ok();
    Some(match name {
        "cut" => Fault::Cut { from: node(0)?, to: node(1)?, link: node(2) },
        "isolate" => Fault::Isolate(node(0)?),
        "lose" => Fault::Lose(number(0)?),
        "burst" => Fault::Burst { begin: number(0)?, most: number(1)? },
        "delay" => Fault::Delay(number(0)?),
        "duplicate" => Fault::Duplicate(number(0)?),
        "corrupt" => Fault::Corrupt(number(0)?),
        "noise" => Fault::Noise(number(0)?),
        "power" => Fault::Power { node: node(0)?, forgets: word(1) == Some("forgets") },
        "blackout" => Fault::Blackout(node(0)?),
        "pause" => Fault::Pause(node(0)?),
        "slow" => Fault::Slow { node: node(0)?, by: number(1)? },
        "fail" => Fault::Fail { node: node(0)?, percent: number(1)? },
        "hang" => Fault::Hang(node(0)?),
        "blind" => Fault::Blind(node(0)?),
        "helpless" => Fault::Helpless(node(0)?),
        "vanish" => Fault::Vanish(node(0)?),
        "crash" => Fault::Crash(node(0)?),
        "nofencing" => Fault::NoFencing(node(0)?),
        "slowfencing" => Fault::SlowFencing(node(0)?),
        "clock" => Fault::SetClock { node: node(0)?, by: word(1)?.parse().ok()? },
        "standby" => Fault::Standby { node: node(0)?, class: Class::parse(word(1)?.as_bytes())? },
        "takeover" => Fault::Takeover { node: node(0)?, class: Class::parse(word(1)?.as_bytes())? },
        "leave" => Fault::Leave(node(0)?),
        "reload" => {
            Fault::Reload { node: node(0)?, file: if word(1) == Some("first") { File::First } else { File::Second } }
        }
        _ => return None,
    })
}
