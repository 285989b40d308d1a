//! `req_resource KEY`: asks the owner of a group for it, unless it runs here.

use super::context::variable;
use super::groups::Groups;
use super::{Answer, Context, send};

/// If no node needs to be asked, the tool gives the answer itself.
pub(super) fn run(context: &Context, words: &[String]) -> Answer {
    let key = words.first().map_or("", String::as_str);
    if Groups::read(context).owns(key) {
        return Answer::default();
    }
    let says_yes = |name| variable(name).is_some_and(|value| value == "yes" || value == "Yes");
    let sent = if says_yes("HA_NICEFAILBACK") || says_yes("HA_DONTASK") {
        let local = context.local_name();
        let fields = [("t", "ip-request-resp"), ("dest", &local), ("ipaddr", key), ("weown", "yes"), ("ok", "OK")];
        send(&context.fifo, &fields)
    } else {
        send(&context.fifo, &[("t", "ip-request"), ("ipaddr", key)])
    };
    Answer::sent(context, sent)
}
