//! The tables of `-D`, `-DW` and `-v` (docs/protocol/files.md 15.1 and 15.4).

use std::fmt::Write;

use hbcore::config::{Directive, HaCf};

/// The directives with fixed defaults: plain, or as wiki text.
pub fn dump_defaults(wiki: bool) -> String {
    let rows = Directive::all().filter_map(|directive| {
        let (default, description) = (directive.fixed_default()?, directive.description()?);
        Some((directive.name(), default, description))
    });
    if wiki { wiki_table(rows) } else { plain_table(rows) }
}

type Row = (&'static str, &'static str, &'static str);

fn plain_table(rows: impl Iterator<Item = Row>) -> String {
    let mut text = format!("{:<25}{:<10}{}\n{}\n", "Directive", "Default", "Description", "-".repeat(80));
    for (name, default, description) in rows {
        let _ = writeln!(text, "{name:<25}{default:<10}{description}");
    }
    text
}

fn wiki_table(rows: impl Iterator<Item = Row>) -> String {
    let mut text = "##Put this output in the ha.cf/DefaultValues page\n\
                    The [wiki:ha.cf ha.cf] directives with default values are shown below - along with a brief description.\n\
                    This was produced by {{{heartbeat -DW}}} ''# (version 3.0.6)''\n\n\
                    ||''Directive''||''Default''||''Description''||\n"
        .to_owned();
    for (name, default, description) in rows {
        let page = wiki_name(name);
        let _ = writeln!(text, "||[wiki:ha.cf/{page}Directive {name}]||{default}||{description}||");
    }
    text
}

/// `conn_logd_time` as `ConnLogdTime`.
fn wiki_name(name: &str) -> String {
    let mut capital = true;
    let mut page = String::new();
    for c in name.chars() {
        match c {
            '_' => capital = true,
            c if std::mem::take(&mut capital) => page.push(c.to_ascii_uppercase()),
            c => page.push(c),
        }
    }
    page
}

/// The configuration in force on the node `local_name`, in the syntax of `ha.cf`. `status` tells the state of a node,
/// such as `init`.
pub fn dump_effective(ha_cf: &HaCf<'_>, local_name: &str, status: impl Fn(&str) -> String) -> String {
    const RULE: &str = "#---------------------------------------------------";
    let mut text = format!(
        "#\n#\tLinux-HA heartbeat configuration (on {local_name})\n#\n\n{RULE}\n#\n#\tHA configuration and status\n#\n"
    );
    for (directive, value) in ha_cf.parameters.iter() {
        let description = directive.description().unwrap_or_default();
        let _ = writeln!(text, "{}\t{value}\t#\t{description}", directive.name());
    }
    text.push_str("#\n#\tHA Cluster nodes:\n#\n");
    for node in &ha_cf.nodes {
        let name = node.name.as_str();
        let _ = writeln!(text, "node {name}\t#\t current status: {}", status(name));
    }
    text.push_str("#\n#\tCommunications media:\n");
    for line in &ha_cf.media {
        let kind = line.medium.kind();
        let _ = writeln!(text, "#\n# {} heartbeat channel -------------", kind.description());
        let _ = writeln!(text, "{} {}", kind.name(), line.medium.link_name());
    }
    text.push_str(RULE);
    text.push('\n');
    text
}
