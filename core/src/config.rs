//! The configuration files `ha.cf`, `authkeys`, `haresources` and `hbcore.cf`: bytes in, checked values out.
//!
//! The parsers accept and refuse the same files as 3.0.6, and also report problems on which it is silent. Results
//! borrow from the text. All problems of a file are reported at once, each with its place, its cause as an enum and a
//! help text.
//!
//! ```
//! use hbcore::config::{HaCf, Problems};
//!
//! let text = b"node alpha beta\nbcast eth0\nkeepalive 100ms\ndeadtime 500ms\nlogfacility local0\n";
//! let mut problems = Problems::<16>::new();
//! let ha_cf = HaCf::parse(text, "alpha", &mut problems).checked().expect("no errors");
//! assert_eq!(ha_cf.members().count(), 2);
//! assert_eq!(ha_cf.timing.warntime.as_millis(), 250);
//! ```
//!
//! Questions for the operating system (does the interface exist, is the command executable) are not asked here: the
//! port asks them in a second pass over the same values.

mod address;
mod authkeys;
mod directive;
mod ha_cf;
mod haresources;
mod hbcore_cf;
mod help;
mod lexer;
mod medium_kind;
mod message;
mod parsed;
mod place;
mod problem;
mod reporter;
mod spelling;
mod value;

pub use self::address::{AddressError, AddressSpec};
pub use self::authkeys::{AuthKey, AuthKeys, KEYS_MAX};
pub use self::directive::Directive;
pub use self::ha_cf::*;
pub use self::haresources::{GROUPS_MAX, Group, HaResources, Resource};
pub use self::hbcore_cf::{AddressConflict, AddressTakeover, HbcoreCf, Program};
pub use self::medium_kind::MediumKind;
pub use self::parsed::Parsed;
pub use self::place::{File, Position};
pub use self::problem::{
    ApiAuthFault, LogChoice, MediumFault, Problem, ProblemKind, Problems, Quoted, Severity, Table,
};
pub use self::value::{parse_boolean, parse_time};
pub use crate::settings::{AutoFailback, Autojoin, HeartbeatFormat, NodeKind, Timing};
pub use crate::wire::Method;

#[cfg(test)]
mod fuzz;
