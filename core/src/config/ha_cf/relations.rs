//! Values derived after the last line, and relations between the values (docs/protocol/files.md 7.2).

use core::time::Duration;

use super::parse::{Parser, UDP_PORT};
use super::{AutoFailback, Autojoin, Directive, Listed, Node, NodeKind, ParameterText};
use crate::config::ProblemKind;
use crate::config::problem::{LogChoice, Table};
use crate::id::NodeName;

/// An `initdead` below this is probably too small for a network to come up.
const INITDEAD_SMALL: Duration = Duration::from_secs(10);

impl Parser<'_, '_> {
    /// Fills in missing values and reports contradictions, in the order of 3.0.6.
    #[cold]
    pub(super) fn relate(&mut self) {
        self.result.parameters.fill_defaults();
        self.media();
        self.nodes();
        self.timing();
        self.failback();
        self.logging();
        self.joining();
    }

    fn media(&mut self) {
        // A refused line may be the missing medium.
        if self.doubt.media {
        } else if self.result.media.is_empty() {
            self.report.error(None, ProblemKind::NoMedia);
        } else if self.result.media.iter().all(|line| line.medium.is_ping()) {
            self.report.warning(None, ProblemKind::OnlyPingMedia);
        }
        if self.typed.udpport.is_none() {
            self.result.parameters.set(Directive::Udpport, ParameterText::Number(u32::from(UDP_PORT)));
        }
    }

    fn nodes(&mut self) {
        let name = self.local_name;
        if self.result.protocol.autojoin == Autojoin::Any {
            return self.join();
        }
        let is_doubtful = self.doubt.any(&[Directive::Node]);
        if is_doubtful || self.result.nodes.is_empty() {
            self.result.listed = Listed::Unknown;
        }
        if is_doubtful || self.result.is_member(name) {
        } else if self.result.nodes.is_empty() {
            self.report.error(None, ProblemKind::NoNodes { name });
        } else {
            self.result.listed = Listed::AllBut(name);
            let place = self.result.members().next().and_then(|node| node.at);
            self.report.error(place, ProblemKind::LocalNodeMissing { name });
        }
    }

    /// With `autojoin any` the local node need not be listed.
    fn join(&mut self) {
        let name = self.local_name;
        if self.result.is_member(name) {
            return;
        }
        match NodeName::new(name) {
            Err(error) => self.report.error(None, ProblemKind::BadLocalName { name, error }),
            Ok(name) => {
                let capacity = self.result.nodes.capacity();
                if self.result.nodes.push(Node { name, kind: NodeKind::Member, at: None }).is_err() {
                    self.report.error(None, ProblemKind::TableFull { table: Table::Nodes, capacity });
                }
            }
        }
    }

    fn timing(&mut self) {
        use Directive as D;
        let (keepalive, deadtime) = (self.result.timing.keepalive, self.result.timing.deadtime);
        let shortest = keepalive.saturating_mul(2);
        if deadtime <= shortest && !self.doubt.any(&[D::Deadtime, D::Keepalive]) {
            let place = self.result.parameters.place(D::Deadtime).or(self.result.parameters.place(D::Keepalive));
            self.report.error(place, ProblemKind::DeadtimeTooSmall { deadtime, keepalive });
        }
        self.result.timing.warntime = self.typed.warntime.unwrap_or_else(|| half(deadtime));
        self.initdead(deadtime);
        self.result.timing.deadping = self.typed.deadping.unwrap_or(deadtime);
        let too_small = self.typed.deadping.filter(|deadping| *deadping <= shortest);
        if let Some(deadping) = too_small.filter(|_| !self.doubt.any(&[D::Deadping, D::Keepalive])) {
            let place = self.result.parameters.place(D::Deadping);
            self.report.error(place, ProblemKind::DeadpingTooSmall { deadping, keepalive });
        }
        let timing = self.result.timing;
        self.derived(D::Warntime, timing.warntime);
        self.derived(D::Initdead, timing.initdead);
        self.derived(D::Deadping, timing.deadping);
    }

    fn initdead(&mut self, deadtime: Duration) {
        let initdead = self.typed.initdead.unwrap_or_else(|| initdead_for(deadtime));
        self.result.timing.initdead = initdead;
        let place = self.result.parameters.place(Directive::Initdead);
        if self.doubt.any(&[Directive::Initdead, Directive::Deadtime]) {
        } else if initdead < deadtime {
            self.report.error(place, ProblemKind::InitdeadBelowDeadtime { initdead, deadtime });
        } else if initdead < INITDEAD_SMALL {
            self.report.warning(place, ProblemKind::InitdeadSmall { initdead });
        }
    }

    /// Records a derived time unless the file has one.
    fn derived(&mut self, directive: Directive, time: Duration) {
        if self.result.parameters.place(directive).is_none() {
            self.result.parameters.set(directive, ParameterText::Time(time));
        }
    }

    fn failback(&mut self) {
        let is_doubtful = self.doubt.any(&[Directive::AutoFailback, Directive::NiceFailback]);
        let legacy = self.result.auto_failback == AutoFailback::Legacy && !is_doubtful;
        if legacy && self.result.pacemaker.mode.uses_haresources() {
            self.report.warning(self.result.parameters.place(Directive::AutoFailback), ProblemKind::LegacyFailback);
        }
    }

    fn logging(&mut self) {
        let logging = &mut self.result.logging;
        let has_entry = logging.facility.is_some() || logging.logfile.is_some() || logging.debugfile.is_some();
        logging.use_logd = self.typed.use_logd.unwrap_or(!has_entry);
        let place = self.result.parameters.place(Directive::UseLogd);
        let entries = [Directive::Logfile, Directive::Debugfile, Directive::Logfacility, Directive::UseLogd];
        match (has_entry, self.typed.use_logd) {
            _ if self.doubt.any(&entries) => {}
            (false, None) => self.report.info(None, ProblemKind::Log(LogChoice::NothingChosen)),
            (false, Some(false)) => self.report.error(place, ProblemKind::Log(LogChoice::NothingLeft)),
            (false, Some(true)) => self.report.info(place, ProblemKind::Log(LogChoice::OnlyLogd)),
            (true, Some(true)) => self.report.info(place, ProblemKind::Log(LogChoice::BesideLogd)),
            (true, _) => self.report.info(place, ProblemKind::Log(LogChoice::WithoutLogd)),
        }
        let parameters = &mut self.result.parameters;
        if !has_entry && self.typed.use_logd.is_none() {
            parameters.set(Directive::UseLogd, ParameterText::Typed("yes"));
        }
        if logging.debug.is_none() {
            parameters.set(Directive::Debug, ParameterText::Number(0));
        }
        if logging.facility.is_some() {
            let files = [(Directive::Logfile, &mut logging.logfile), (Directive::Debugfile, &mut logging.debugfile)];
            for (directive, file) in files {
                if file.is_none() {
                    *file = Some("/dev/null");
                    parameters.set(directive, ParameterText::Typed("/dev/null"));
                }
            }
        }
    }

    fn joining(&mut self) {
        let closed = self.result.protocol.autojoin == Autojoin::None;
        let is_doubtful = self.doubt.any(&[Directive::Pacemaker, Directive::Crm]);
        if !closed && !is_doubtful && self.result.pacemaker.mode.uses_haresources() {
            self.report.error(self.result.parameters.place(Directive::Autojoin), ProblemKind::AutojoinConflict);
        }
    }
}

/// Half of `time`, in whole milliseconds.
fn half(time: Duration) -> Duration {
    Duration::from_millis(u64::try_from(time.as_millis() / 2).unwrap_or(u64::MAX))
}

/// The `initdead` of a file that has none.
fn initdead_for(deadtime: Duration) -> Duration {
    if deadtime > Duration::from_secs(10) {
        deadtime
    } else if deadtime < Duration::from_secs(6) {
        Duration::from_secs(12)
    } else {
        deadtime.saturating_mul(2)
    }
}
