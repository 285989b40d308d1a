//! The message functions of `libplumb.so.2`, in this process.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::NonNull;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use libloading::Symbol;

use super::Recoded;

/// `struct ha_msg`. Only the library looks into it.
#[repr(C)]
struct Opaque([u8; 0]);

type Read = unsafe extern "C" fn(*const c_char, usize, c_int) -> *mut Opaque;
type WriteNetstring = unsafe extern "C" fn(*const Opaque, *mut usize) -> *mut c_char;
type WriteClassic = unsafe extern "C" fn(*const Opaque) -> *mut c_char;
type Delete = unsafe extern "C" fn(*mut Opaque);

/// The functions of the library, which is never unloaded.
pub(super) struct Library {
    read: Read,
    write_netstring: WriteNetstring,
    write_classic: WriteClassic,
    delete: Delete,
}

/// The library, if this machine has it. Only one thread may use it at a time, since it promises nothing about several.
///
/// # Panics
///
/// If the library lacks a function.
pub(super) fn installed() -> Option<MutexGuard<'static, Library>> {
    static LIBRARY: OnceLock<Option<Mutex<Library>>> = OnceLock::new();
    let library = LIBRARY.get_or_init(|| load().map(Mutex::new)).as_ref()?;
    Some(library.lock().unwrap_or_else(PoisonError::into_inner))
}

fn load() -> Option<Library> {
    // SAFETY: the library of the package libplumb2 has no initialiser that needs anything of its host.
    let library = unsafe { libloading::Library::new("libplumb.so.2") }.ok()?;
    let library: &'static libloading::Library = Box::leak(Box::new(library));
    // SAFETY: the types are those of the installed header of cluster-glue.
    unsafe {
        Some(Library {
            read: find(library, "wirefmt2msg"),
            write_netstring: find(library, "msg2netstring_noauth"),
            write_classic: find(library, "msg2string"),
            delete: find(library, "ha_msg_del"),
        })
    }
}

/// # Safety
///
/// `T` must be the type of the function of this name.
unsafe fn find<T: Copy>(library: &'static libloading::Library, name: &str) -> T {
    // SAFETY: the caller's promise.
    let symbol: Result<Symbol<'_, T>, _> = unsafe { library.get(name.as_bytes()) };
    *symbol.unwrap_or_else(|error| panic!("libplumb.so.2: {error}"))
}

impl Library {
    /// Reads the message, and writes it again in both forms.
    ///
    /// # Safety
    ///
    /// Our reader must accept `message`, and our writer must be able to write it in the netstring form. Other messages
    /// make the library access memory out of bounds (docs/protocol/wire.md 3.5).
    pub(super) unsafe fn recode(&self, message: &[u8]) -> Recoded {
        // The library reads a NUL after the last byte.
        let text = [message, &[0]].concat();
        // SAFETY: `text` has these bytes and a NUL, and outlives the call, which copies.
        let Some(read) = NonNull::new(unsafe { (self.read)(text.as_ptr().cast(), message.len(), 0) }) else {
            return [None, None];
        };
        let mut length = 0;
        // SAFETY: `read` is a message of the library; the text that it writes is ours to free.
        let netstring = unsafe { taken((self.write_netstring)(read.as_ptr(), &raw mut length), |_| length) };
        // SAFETY: as above; the classic form ends with a NUL.
        let classic = unsafe { taken((self.write_classic)(read.as_ptr()), |text| CStr::from_ptr(text).count_bytes()) };
        // SAFETY: `read` is not used again.
        unsafe { (self.delete)(read.as_ptr()) };
        [netstring, classic]
    }
}

/// Copies a text that the library allocated, and frees it.
///
/// # Safety
///
/// `text` is null, or was allocated by `malloc` and has at least `length` bytes.
unsafe fn taken(text: *mut c_char, length: impl FnOnce(*const c_char) -> usize) -> Option<Vec<u8>> {
    if text.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    let bytes = unsafe { std::slice::from_raw_parts(text.cast::<u8>(), length(text)) }.to_vec();
    // SAFETY: the caller's promise; there is no other reference.
    unsafe { libc::free(text.cast::<c_void>()) };
    Some(bytes)
}
