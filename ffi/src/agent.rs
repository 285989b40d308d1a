//! For resource agents in C: programs of `resource.d`, called with their arguments and, last, what to do.

use core::ffi::{CStr, c_char, c_int};

use crate::edge::{array, c_text, call, output};
use crate::result::HbResult;

/// What an agent is to do.
#[repr(u32)]
#[derive(Clone, Copy)]
pub enum HbAction {
    /// `start`: when it returns with 0, the resource runs. To start what runs is no error.
    Start = 0,
    /// `stop`: when it returns with 0, the resource is stopped. To stop what is stopped is no error.
    Stop = 1,
    /// `status`: to print `hb_agent_status`.
    Status = 2,
    /// `monitor`: as status, by the exit code alone: 0 if it runs.
    Monitor = 3,
}

/// Longest last argument of an agent that is looked at.
const ACTION_MAX: usize = 31;

/// Reads the command line of an agent: `NAME [ARGUMENT].. start|stop|status|monitor`. Its arguments are `argv[1]` to
/// `argv[argc - 2]`. `HB_RESULT_BAD_VALUE`: the last word is none of these.
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

/// What `status` prints: the daemon looks for the word `running`. `runs`: 0 or 1.
#[unsafe(no_mangle)]
pub extern "C" fn hb_agent_status(runs: u32) -> *const c_char {
    let word: &CStr = if runs == 0 { c"stopped" } else { c"running" };
    word.as_ptr()
}
