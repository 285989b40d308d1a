//! The rules for the sign-on of clients (docs/protocol/clients.md 2.4).

use crate::sys::users;
use hbcore::config::HaCf;

/// The rule for clients without a name.
const CASUAL: &str = "anon";
/// The rule for names that no other rule names.
const UNLISTED: &str = "default";
/// The rules of 3.0.6 unless `apiauth` sets others: client, users, groups.
const BUILT_IN: [(&str, &[&str], &[&str]); 5] = [
    ("ipfail", &["hacluster"], &[]),
    ("ccm", &["hacluster"], &[]),
    ("ping", &[], &["haclient"]),
    ("lha-snmpagent", &["root"], &[]),
    (CASUAL, &["root"], &["haclient"]),
];
/// The same when Pacemaker manages the resources.
const BUILT_IN_FOR_PACEMAKER: [(&str, &[&str], &[&str]); 6] = [
    ("cib", &["hacluster"], &[]),
    ("crmd", &["hacluster"], &[]),
    ("attrd", &["hacluster"], &[]),
    ("stonithd", &["root"], &[]),
    ("stonith-ng", &["root"], &[]),
    ("pingd", &["root"], &[]),
];

/// The users who may sign on as one client: a user in the one list, or a primary group in the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    client: String,
    users: Vec<u32>,
    groups: Vec<u32>,
}

impl Rule {
    /// Whether a process of this user and this primary group may sign on. Root has no right of its own.
    pub fn admits(&self, uid: u32, gid: u32) -> bool {
        self.users.contains(&uid) || self.groups.contains(&gid)
    }
}

/// All rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules(Vec<Rule>);

impl Rules {
    /// Rules with numbers: client, users, groups.
    pub fn numbered(rules: &[(&str, &[u32], &[u32])]) -> Self {
        let rule = |(client, users, groups): &(&str, &[u32], &[u32])| Rule {
            client: (*client).to_owned(),
            users: users.to_vec(),
            groups: groups.to_vec(),
        };
        Self(rules.iter().map(rule).collect())
    }

    /// The rules of a file, and the built-in ones for names that it leaves out. It looks up users and groups, so it is
    /// not for the heartbeat path. A name that the system does not know admits no user.
    #[cold]
    #[inline(never)]
    pub fn of(ha_cf: &HaCf<'_>) -> Self {
        let mut rules: Vec<Rule> = ha_cf
            .api_auth
            .iter()
            .map(|line| Rule {
                client: line.client.to_owned(),
                users: line.users().filter_map(|(name, _)| user(name)).collect(),
                groups: line.groups().filter_map(|(name, _)| group(name)).collect(),
            })
            .collect();
        let for_pacemaker = if ha_cf.pacemaker.mode.uses_haresources() { &[][..] } else { &BUILT_IN_FOR_PACEMAKER };
        for (client, users, groups) in BUILT_IN.iter().chain(for_pacemaker) {
            if rules.iter().all(|rule| rule.client != *client) {
                rules.push(Rule {
                    client: (*client).to_owned(),
                    users: users.iter().filter_map(|name| user(name)).collect(),
                    groups: groups.iter().filter_map(|name| group(name)).collect(),
                });
            }
        }
        Self(rules)
    }

    /// The rule for a client without a name.
    pub fn for_casual(&self) -> Option<&Rule> {
        self.called(CASUAL)
    }

    /// The rule for a client of this name.
    pub fn for_named(&self, name: &str) -> Option<&Rule> {
        self.called(name).or_else(|| self.called(UNLISTED))
    }

    fn called(&self, client: &str) -> Option<&Rule> {
        self.0.iter().find(|rule| rule.client == client)
    }
}

#[cold]
#[inline(never)]
fn user(name: &str) -> Option<u32> {
    let listed = name.parse().ok().or_else(|| users::listed("/etc/passwd", name));
    listed.or_else(|| users::user(name).map(|user| user.uid))
}

#[cold]
#[inline(never)]
fn group(name: &str) -> Option<u32> {
    name.parse().ok().or_else(|| users::listed("/etc/group", name)).or_else(|| users::group(name))
}
