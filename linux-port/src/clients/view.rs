//! The facts for clients: about the daemon, which do not change, and about the cluster, as it is now.

use super::Rules;
use crate::cli::{REFERENCE, VERSION_OF_REFERENCE};
use crate::compress::{Algorithm, Policy};
use crate::site::Site;
use hbcore::config::{Directive, MessageFormat};
use hbcore::id::Uuid;
use hbcore::wire::Form;

/// The facts that do not change while a daemon runs.
#[derive(Clone, Debug)]
pub struct About {
    /// Our node.
    pub node: String,
    /// `deadtime`, in milliseconds.
    pub deadtime_ms: u64,
    /// `keepalive`, in milliseconds.
    pub keepalive_ms: u64,
    /// The imitated release, with its build.
    pub version: &'static str,
    /// `pacemaker`, as it was typed.
    pub pacemaker: String,
    /// The number of the syslog facility; -1 if none was configured.
    pub facility: i32,
    /// The answers to `getparm`: names and texts.
    pub parameters: Vec<(String, String)>,
    /// The form of messages to clients.
    pub form: Form,
    /// The method for structures that a client wants to be compressed.
    pub compression: Algorithm,
    /// Whether this daemon manages resources.
    pub manages: bool,
    /// The rules for the sign-on.
    pub rules: Rules,
}

impl About {
    /// The facts of a site. It looks up users and groups.
    #[cold]
    #[inline(never)]
    pub fn of(site: &Site) -> Self {
        let ha_cf = &site.ha_cf;
        let parameter = |name: &str| ha_cf.parameters.by_name(name).map(|text| text.to_string());
        let facility = match (ha_cf.logging.facility, parameter("logfacility")) {
            (Some(facility), _) => i32::from(facility.0) << 3,
            (None, Some(_)) => 0,
            (None, None) => -1,
        };
        let recorded = ha_cf.parameters.iter().map(|(directive, text)| (directive.name().to_owned(), text.to_string()));
        let mut parameters: Vec<_> = recorded.collect();
        let pacemaker = parameter(Directive::Pacemaker.name()).unwrap_or_default();
        parameters.push((Directive::Crm.name().to_owned(), pacemaker.clone()));
        parameters.push(("hbversion".to_owned(), REFERENCE.to_owned()));
        let milliseconds = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Self {
            node: site.local_name.clone(),
            deadtime_ms: milliseconds(ha_cf.timing.deadtime),
            keepalive_ms: milliseconds(ha_cf.timing.keepalive),
            version: VERSION_OF_REFERENCE,
            pacemaker,
            facility,
            parameters,
            form: match ha_cf.protocol.message_format {
                MessageFormat::Classic => Form::Classic,
                MessageFormat::Netstring => Form::Netstring,
            },
            compression: Policy::of(&ha_cf.protocol).algorithm,
            manages: ha_cf.pacemaker.mode.uses_haresources(),
            rules: Rules::of(ha_cf),
        }
    }

    /// The text of a parameter; `None` if it is not set, or there is none of that name.
    #[cold]
    #[inline(never)]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str())
    }
}

/// The cluster at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// All nodes, in the order of `ha.cf`, later joiners last.
    pub nodes: Vec<NodeView>,
    /// `none`, `local`, `foreign`, `all` or `transition`.
    pub resources: &'static str,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeView {
    /// Its name.
    pub name: String,
    /// Whether it is a ping node.
    pub is_ping: bool,
    /// Its state.
    pub state: String,
    /// Its identity; nil if not known.
    pub uuid: Uuid,
    /// Its weight.
    pub weight: u32,
    /// The links on which it could be heard, and whether it is.
    pub links: Vec<(String, bool)>,
}

impl View {
    /// The node of this name, in upper or lower case.
    pub fn node(&self, name: &[u8]) -> Option<&NodeView> {
        self.nodes.iter().find(|node| node.name.as_bytes().eq_ignore_ascii_case(name))
    }

    /// The node of exactly this name.
    pub fn exactly(&self, name: &[u8]) -> Option<&NodeView> {
        self.nodes.iter().find(|node| node.name.as_bytes() == name)
    }
}
