//! The command line of `cl_status`: its sub-commands, its options, and its help.

use crate::client::output::Output;

/// The text of `-h`.
pub(super) const USAGE: &str = "\
Usage: cl_status <sub-command> [<options>] [<parameters>]

Sub-commands:
clientstatus <node-name> <client-id> [<timeout>]
\tShow the status of heartbeat clients.
hblinkstatus <node-name> <link-name>
\tShow the status of a heartbeat link
hbstatus
\tIndicate if heartbeat is running on the local system.
\tOptions:
\t\t-v\tverbose: also add \"listnodes -v\" output
listnodes [<option>]
\tList the nodes in the cluster.
\tOptions:
\t\t-p\tlist only 'ping' type nodes
\t\t-n\tlist only 'normal' type nodes
\t\t-v\tverbose: also list type and status,
\t\t\tthen add \"listhblinks -v\" output
listhblinks <node-name>
\tList the network interfaces used as hearbeat links.
\tOptions:
\t\t-v\tverbose: list link status as well
nodestatus <node-name>
\tList the node status.
nodeweight <node-name>
\tList the node weight.
nodesite <node-name>
\tList the node site.
nodetype <node-name>
\tList the nodes of a given type.
rscstatus
\tShow the status of cluster resources.
hbparameter -p <parameter-name>
\tRetrieve the value of a cluster parameter.
\tAs for the valid parameter names, please refer to the man page.
";

/// The sub-commands, each with the options that it knows.
pub(super) const COMMANDS: [(&str, &str); 12] = [
    ("hbstatus", "mv"),
    ("listnodes", "mpnv"),
    ("nodestatus", "m"),
    ("nodeweight", "m"),
    ("nodesite", "m"),
    ("nodetype", "m"),
    ("listhblinks", "mv"),
    ("hblinkstatus", "m"),
    ("clientstatus", "m"),
    ("rscstatus", "m"),
    ("hbparameter", "mp:"),
    ("test", "m"),
];

/// The options `-m`, `-v`, `-n`, `-p`, and the words that are no options.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(super) struct Words {
    pub(super) for_people: bool,
    pub(super) verbose: bool,
    pub(super) normal: bool,
    pub(super) ping: bool,
    pub(super) parameter: Option<String>,
    pub(super) operands: Vec<String>,
    /// Whether there is an unknown option, or one without its value.
    pub(super) is_wrong: bool,
}

impl Words {
    /// Reads options as `getopt` of C does: anywhere, several in one word, up to `--`. `known`: a letter for each
    /// option, with a colon after it if it has a value.
    pub(super) fn read(command: &str, words: &[String], known: &str, output: &mut Output) -> Self {
        let mut read = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
                read.operands.push(word.clone());
                continue;
            };
            if letters == "-" {
                read.operands.extend(words.by_ref().cloned());
                break;
            }
            let mut rest = letters.chars();
            while let Some(letter) = rest.next() {
                let place = known.find(letter).filter(|_| letter != ':');
                let Some(place) = place else {
                    output.complain(format_args!("{command}: invalid option -- '{letter}'"));
                    read.is_wrong = true;
                    continue;
                };
                if known.get(place + 1..).is_some_and(|behind| behind.starts_with(':')) {
                    let value = Some(rest.by_ref().collect::<String>()).filter(|value| !value.is_empty());
                    read.parameter = value.or_else(|| words.next().cloned());
                    if read.parameter.is_none() {
                        output.complain(format_args!("{command}: option requires an argument -- '{letter}'"));
                        read.is_wrong = true;
                    }
                    continue;
                }
                match letter {
                    'm' => read.for_people = true,
                    'v' => read.verbose = true,
                    'n' => read.normal = true,
                    _ => read.ping = true,
                }
            }
        }
        read
    }

    pub(super) fn operand(&self, n: usize) -> Option<&str> {
        self.operands.get(n).map(String::as_str)
    }
}
