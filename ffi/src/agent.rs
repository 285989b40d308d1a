//! For resource agents in C: programs of `resource.d` that are called with their arguments and, last, an action.

use core::ffi::{CStr, c_char, c_int};

use crate::edge::{array, c_text, call, output};
use crate::result::HbResult;

/// The action that an agent is asked for.
#[repr(u32)]
#[derive(Clone, Copy)]
pub enum HbAction {
    /// `start`: when the agent returns 0, the resource runs. Starting a running resource is no error.
    Start = 0,
    /// `stop`: when the agent returns 0, the resource is stopped. Stopping a stopped resource is no error.
    Stop = 1,
    /// `status`: the agent prints `hb_agent_status`.
    Status = 2,
    /// `monitor`: like status, with only the exit code as answer: 0 if the resource runs.
    Monitor = 3,
}

/// The longest action that is compared. A longer last argument is none.
const ACTION_MAX: usize = 31;

/// Reads the command line of an agent: `NAME [ARGUMENT].. start|stop|status|monitor`. Its arguments are `argv[1]` to
/// `argv[argc - 2]`. Returns `HB_RESULT_BAD_VALUE` if the last word is none of these.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hb_agent_action(argc: c_int, argv: *const *const c_char, action: *mut u32) -> HbResult {
    call(|| {
        let place = output(action)?;
        let words = array(argv, usize::try_from(argc).map_err(|_| HbResult::BadLength)?)?;
        let Some((word, [_, ..])) = words.split_last() else { return Err(HbResult::BadLength) };
        place.set(match c_text(*word, ACTION_MAX).map_err(long_is_wrong)? {
            "start" => HbAction::Start,
            "stop" => HbAction::Stop,
            "status" => HbAction::Status,
            "monitor" => HbAction::Monitor,
            _ => return Err(HbResult::BadValue),
        } as u32);
        Ok(())
    })
}

fn long_is_wrong(error: HbResult) -> HbResult {
    if error == HbResult::BadLength { HbResult::BadValue } else { error }
}

/// The text that `status` prints: the daemon looks for the word `running`. `runs` is 0 or 1.
#[unsafe(no_mangle)]
pub extern "C" fn hb_agent_status(runs: u32) -> *const c_char {
    let word: &CStr = if runs == 0 { c"stopped" } else { c"running" };
    word.as_ptr()
}
