//! Users and groups by name, from any source that the system is configured for (passwd files, LDAP and so on).
//!
//! A look-up may wait for a server: never call it on the heartbeat path.

use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;
use std::ptr;

/// The number of a name in a file of the form of `/etc/passwd` and `/etc/group`. It loads no library into the process.
/// A look-up in the system's other sources does, and the library then stays.
#[cold]
pub fn listed(file: &str, name: &str) -> Option<u32> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.split(':').next() == Some(name))?;
    line.split(':').nth(2)?.parse().ok()
}

/// A user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    /// The user's number.
    pub uid: u32,
    /// The number of the primary group.
    pub gid: u32,
}

/// Room for the texts of one entry, in bytes. An entry that needs more counts as unknown.
const ENTRY_MAX: usize = 64 * 1024;

/// The user called `name`; `None` if there is none, or the look-up fails.
pub fn user(name: &str) -> Option<User> {
    let name = CString::new(name).ok()?;
    let mut entry = MaybeUninit::<libc::passwd>::uninit();
    let mut texts = vec![0; ENTRY_MAX];
    let mut found = ptr::null_mut();
    // SAFETY: all pointers are valid for the call, `texts` has the length that is given.
    let error =
        unsafe { libc::getpwnam_r(name.as_ptr(), entry.as_mut_ptr(), texts.as_mut_ptr(), texts.len(), &raw mut found) };
    if error != 0 || found.is_null() {
        return None;
    }
    // SAFETY: without error and with a result, the call has filled `entry`.
    let entry = unsafe { entry.assume_init() };
    Some(User { uid: entry.pw_uid, gid: entry.pw_gid })
}

/// Makes this process one of the user `name`, with the groups of that user. Descriptors stay open.
///
/// # Errors
/// The system's refusal. A process of this user needs no right for it.
pub fn become_user(name: &str, user: User) -> io::Result<()> {
    if rustix::process::geteuid().as_raw() == user.uid {
        return Ok(());
    }
    let name = CString::new(name)?;
    // SAFETY: the name is a string that lives across the call; the other two calls take numbers.
    let done = unsafe {
        libc::initgroups(name.as_ptr(), user.gid) == 0 && libc::setgid(user.gid) == 0 && libc::setuid(user.uid) == 0
    };
    if done { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The number of the group called `name`; `None` if there is none, or the look-up fails.
pub fn group(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    let mut entry = MaybeUninit::<libc::group>::uninit();
    let mut texts = vec![0; ENTRY_MAX];
    let mut found = ptr::null_mut();
    // SAFETY: all pointers are valid for the call, `texts` has the length that is given.
    let error =
        unsafe { libc::getgrnam_r(name.as_ptr(), entry.as_mut_ptr(), texts.as_mut_ptr(), texts.len(), &raw mut found) };
    if error != 0 || found.is_null() {
        return None;
    }
    // SAFETY: without error and with a result, the call has filled `entry`.
    Some(unsafe { entry.assume_init() }.gr_gid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_exists_and_nonsense_does_not() {
        assert_eq!(user("root"), Some(User { uid: 0, gid: 0 }));
        assert_eq!(group("root"), Some(0));
        assert_eq!(user("no-such-user"), None);
        assert_eq!(group("no-such-group"), None);
        assert_eq!(user("with\0nul"), None);
    }
}
