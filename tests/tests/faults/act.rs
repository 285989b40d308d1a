//! The acts of a pair: the events during which calls fail.

use hbcore_tests::lab::{Host, Lab};

/// A node of the pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    Alpha,
    Bravo,
}

impl Node {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Alpha => "alpha",
            Self::Bravo => "bravo",
        }
    }

    pub(crate) fn of(self, lab: &Lab) -> &Host {
        match self {
            Self::Alpha => &lab.alpha,
            Self::Bravo => &lab.bravo,
        }
    }
}

/// One event in the life of a pair.
#[derive(Debug)]
pub(crate) struct Act {
    pub(crate) name: &'static str,
    /// The nodes on which calls fail during the act.
    pub(crate) faulty: &'static [Node],
    /// Whether both nodes serve when it begins. Otherwise neither runs.
    pub(crate) begins_settled: bool,
    /// The node that runs no daemon afterwards.
    pub(crate) ends_without: Option<Node>,
    pub(crate) perform: fn(&Lab),
}

use Node::{Alpha, Bravo};

pub(crate) const ALL: [Act; 5] = [
    Act {
        name: "start",
        faulty: &[Alpha],
        begins_settled: false,
        ends_without: None,
        perform: |lab| {
            // The service manager tries a refused start again: see `life`.
            let _ = lab.bravo.try_start();
            let _ = lab.alpha.try_start();
        },
    },
    Act {
        name: "death_of_the_peer",
        faulty: &[Bravo],
        begins_settled: true,
        ends_without: Some(Alpha),
        perform: |lab| lab.alpha.cut_power(),
    },
    Act {
        name: "standby",
        faulty: &[Alpha, Bravo],
        begins_settled: true,
        ends_without: None,
        perform: |lab| {
            let _ = lab.alpha.tool("hb_standby", &["all"]);
        },
    },
    Act {
        name: "reload",
        faulty: &[Alpha],
        begins_settled: true,
        ends_without: None,
        perform: |lab| {
            let path = lab.alpha.config_file("ha.cf");
            let text = std::fs::read_to_string(path).unwrap_or_default();
            lab.alpha.write("ha.cf", &format!("{text}warntime 300ms\n"));
            let _ = lab.alpha.heartbeat(&["-r"]);
        },
    },
    Act {
        name: "stop",
        faulty: &[Alpha, Bravo],
        begins_settled: true,
        ends_without: Some(Alpha),
        perform: |lab| {
            let _ = lab.alpha.heartbeat(&["-k"]);
        },
    },
];
