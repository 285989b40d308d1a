//! Turns pointers of C into references: the only module with unsafe blocks.
//!
//! The functions here can be called without `unsafe`, but only the exported functions may call them. Those are
//! `unsafe`, because only their caller can keep the contract on the first page of the header. This module checks the
//! part of it that can be checked: null, alignment, sizes, whether storage holds a cluster, and whether a call is under
//! way in it.

use core::ffi::{c_char, c_void};
use core::mem::MaybeUninit;
use core::slice;
use core::sync::atomic::{AtomicU32, Ordering};

use engine::{ConfigError, LinkForm};

use crate::cluster::{Body, Engine, Ports};
use crate::result::HbResult;

/// A value, or the result for the caller.
pub(crate) type Checked<T> = Result<T, HbResult>;

/// A cluster. Its content is private to the library.
pub struct HbCluster {
    _opaque: [u8; 0],
}

/// The state words of a [`Slot`]. Storage does not hold these values by chance.
const READY: u32 = 0x6862_0001;
const BUSY: u32 = 0x6862_0002;
const POISONED: u32 = 0x6862_0003;

/// The content of the storage of a cluster.
#[repr(C)]
pub struct Slot {
    /// The address of the storage, mixed with its size: foreign storage and copies do not have it.
    seal: usize,
    state: AtomicU32,
    body: MaybeUninit<Body>,
}

/// Types for which any bits from C are a valid value.
///
/// # Safety
/// The type contains no `bool`, no enum and no reference.
pub(crate) unsafe trait Plain: Copy {}
// SAFETY: structures of integers, pointers and arrays of integers, and integers.
unsafe impl Plain for crate::config::HbConfig {}
// SAFETY: see above.
unsafe impl Plain for crate::config::HbNodeConfig {}
// SAFETY: see above.
unsafe impl Plain for crate::config::HbLinkConfig {}
// SAFETY: see above.
unsafe impl Plain for crate::config::HbKey {}
// SAFETY: see above.
unsafe impl Plain for crate::config::HbGroupConfig {}
// SAFETY: see above.
#[cfg(not(feature = "small"))]
unsafe impl Plain for crate::files::HbFiles {}
// SAFETY: see above.
unsafe impl Plain for crate::event::HbEvent {}
// SAFETY: see above.
#[cfg(not(feature = "small"))]
unsafe impl Plain for crate::packet::HbField {}
// SAFETY: see above.
unsafe impl Plain for u32 {}
// SAFETY: see above.
#[cfg(not(feature = "small"))]
unsafe impl Plain for *const c_char {}

/// Runs the body of an exported function. With `std`, it catches a panic.
pub(crate) fn call(work: impl FnOnce() -> Checked<()>) -> HbResult {
    #[cfg(any(feature = "std", test))]
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or(Err(HbResult::Panic));
    #[cfg(not(any(feature = "std", test)))]
    let done = work();
    done.err().unwrap_or(HbResult::Ok)
}

fn check<T>(pointer: *const T) -> Checked<()> {
    if pointer.is_null() {
        Err(HbResult::NullPointer)
    } else if pointer.is_aligned() {
        Ok(())
    } else {
        Err(HbResult::Misaligned)
    }
}

/// Reads the caller's value, as it is now.
pub(crate) fn input<T: Plain>(pointer: *const T) -> Checked<T> {
    check(pointer)?;
    // SAFETY: not null, aligned; the caller vouches that a value is there; any bits are one.
    Ok(unsafe { pointer.read() })
}

/// Reads a structure that begins with its own size, `sizeof` in the caller's version. There is one version so far.
pub(crate) fn sized_input<T: Plain>(pointer: *const T) -> Checked<T> {
    if usize::try_from(input(pointer.cast::<u32>())?) != Ok(size_of::<T>()) {
        return Err(HbResult::BadLength);
    }
    input(pointer)
}

/// An array of the caller. If `count` is 0, the pointer is not checked.
pub(crate) fn array<'a, T: Plain>(pointer: *const T, count: usize) -> Checked<&'a [T]> {
    if count == 0 {
        return Ok(&[]);
    }
    check(pointer)?;
    if count > isize::MAX.unsigned_abs() / size_of::<T>() {
        return Err(HbResult::BadLength);
    }
    // SAFETY: not null, aligned, not too long; the caller vouches for the elements and leaves them alone during the call.
    Ok(unsafe { slice::from_raw_parts(pointer, count) })
}

/// Bytes of the caller, or no bytes if `len` is 0.
pub(crate) fn bytes<'a>(pointer: *const c_void, len: usize) -> Checked<&'a [u8]> {
    if len == 0 {
        return Ok(&[]);
    }
    check(pointer.cast::<u8>())?;
    if len > isize::MAX.unsigned_abs() {
        return Err(HbResult::BadLength);
    }
    // SAFETY: not null, not too long; the caller vouches for the bytes and leaves them alone during the call.
    Ok(unsafe { slice::from_raw_parts(pointer.cast(), len) })
}

/// A text with a NUL after at most `most` bytes.
pub(crate) fn c_text<'a>(pointer: *const c_char, most: usize) -> Checked<&'a str> {
    core::str::from_utf8(c_bytes(pointer, most)?).map_err(|_| HbResult::BadValue)
}

/// A text of ASCII with a NUL after at most `most` bytes. NULL is an empty text. The check of UTF-8 costs 360 bytes of
/// flash.
pub(crate) fn c_ascii<'a>(pointer: *const c_char, most: usize) -> Checked<&'a str> {
    let bytes = if pointer.is_null() { &[] } else { c_bytes(pointer, most)? };
    if !bytes.iter().all(u8::is_ascii) {
        return Err(HbResult::BadValue);
    }
    // SAFETY: ASCII is UTF-8.
    Ok(unsafe { core::str::from_utf8_unchecked(bytes) })
}

/// The bytes before the NUL, at most `most`. Not inlined: it is called for names, groups and keys.
#[inline(never)]
pub(crate) fn c_bytes<'a>(pointer: *const c_char, most: usize) -> Checked<&'a [u8]> {
    check(pointer)?;
    let mut len = 0;
    // SAFETY: the caller vouches for a text with a NUL at its end; nothing after that is read.
    while unsafe { pointer.add(len).read() } != 0 {
        len += 1;
        if len > most {
            return Err(HbResult::BadLength);
        }
    }
    bytes(pointer.cast(), len)
}

/// An address of the caller for a value.
pub(crate) struct Out<T>(*mut T);

impl<T> Out<T> {
    /// Writes the value there.
    pub(crate) fn set(self, value: T) {
        // SAFETY: `output` has checked null and alignment; the caller vouches that the place is its own.
        unsafe { self.0.write(value) };
    }
}

/// An address that must not be NULL.
pub(crate) fn output<T>(pointer: *mut T) -> Checked<Out<T>> {
    check(pointer).map(|()| Out(pointer))
}

/// An address that may be NULL.
pub(crate) fn optional_output<T>(pointer: *mut T) -> Checked<Option<Out<T>>> {
    if pointer.is_null() { Ok(None) } else { output(pointer).map(Some) }
}

/// An address for a structure that may grow with versions. `size` is its size in the caller's version.
pub(crate) struct View<T>(*mut T, usize);

impl<T: Copy> View<T> {
    /// Writes the value there. Fields of a later version that the caller knows become zero.
    pub(crate) fn set(self, value: T) {
        let place = self.0.cast::<u8>();
        let known = size_of::<T>();
        // SAFETY: `view` has checked null, alignment and that `size` is not below ours; the caller vouches for this many bytes.
        unsafe {
            self.0.write(value);
            place.add(known).write_bytes(0, self.1.saturating_sub(known));
        }
    }
}

/// An address for a structure of `size` bytes.
pub(crate) fn view<T: Copy>(pointer: *mut T, size: usize) -> Checked<View<T>> {
    check(pointer)?;
    // A size that is more than a page above ours is a mistake, and no structure of a later version.
    if size < size_of::<T>() || size > size_of::<T>() + 4096 {
        Err(HbResult::BadLength)
    } else {
        Ok(View(pointer, size))
    }
}

/// Room of the caller for bytes.
pub(crate) fn room<'a>(pointer: *mut c_void, len: usize) -> Checked<&'a mut [u8]> {
    check(pointer.cast::<u8>())?;
    if len > isize::MAX.unsigned_abs() {
        return Err(HbResult::BadLength);
    }
    // SAFETY: not null, not too long; the caller vouches for this many bytes, which nobody else uses during the call.
    Ok(unsafe { slice::from_raw_parts_mut(pointer.cast(), len) })
}

/// Places of the caller for `count` values, which need not hold one yet.
#[cfg(not(feature = "small"))]
pub(crate) fn places<'a, T: Plain>(pointer: *mut T, count: usize) -> Checked<&'a mut [MaybeUninit<T>]> {
    if count == 0 {
        return Ok(&mut []);
    }
    check(pointer)?;
    if count > isize::MAX.unsigned_abs() / size_of::<T>() {
        return Err(HbResult::BadLength);
    }
    // SAFETY: not null, aligned, not too long; the caller vouches for the places, which nobody else uses during the call.
    Ok(unsafe { slice::from_raw_parts_mut(pointer.cast(), count) })
}

fn sealed(slot: *const Slot) -> usize {
    slot.addr() ^ size_of::<Slot>().rotate_left(usize::BITS / 2) ^ 0x6862_636f
}

/// Makes a cluster in the storage, part by part in place, so that the stack need not hold a second one.
pub(crate) fn establish(
    storage: *mut c_void,
    len: usize,
    links: &[LinkForm],
    engine: impl for<'p> FnOnce(&'p mut MaybeUninit<Engine>) -> Result<&'p mut Engine, ConfigError>,
) -> Checked<*mut HbCluster> {
    let slot = storage.cast::<Slot>();
    check(slot)?;
    if len < size_of::<Slot>() {
        return Err(HbResult::BadLength);
    }
    // SAFETY: not null, aligned, large enough; the caller vouches that the storage is its own. The former content needs
    // no drop.
    let ports = unsafe {
        (&raw mut (*slot).seal).write(0);
        let body = (&raw mut (*slot).body).cast::<Body>();
        engine(&mut *(&raw mut (*body).engine).cast::<MaybeUninit<Engine>>())?;
        (&raw mut (*body).ports).write(Ports::NONE);
        &mut (*body).ports
    };
    ports.open(links)?;
    // SAFETY: as above; all parts are initialised now.
    unsafe {
        (&raw mut (*slot).state).write(AtomicU32::new(READY));
        (&raw mut (*slot).seal).write(sealed(slot));
    }
    Ok(slot.cast())
}

/// Ends a cluster and wipes its storage, keys included.
pub(crate) fn demolish(cluster: *mut HbCluster) -> Checked<()> {
    let slot = slot(cluster)?;
    let word = state_word(slot);
    change(word, READY, BUSY).or_else(|_| change(word, POISONED, BUSY)).map_err(refusal)?;
    // SAFETY: the storage of a cluster, in which no call is under way. Its parts own nothing.
    unsafe { slot.cast_mut().cast::<u8>().write_bytes(0, size_of::<Slot>()) };
    Ok(())
}

fn slot(cluster: *const HbCluster) -> Checked<*const Slot> {
    let slot = cluster.cast::<Slot>();
    check(slot)?;
    // SAFETY: not null, aligned; the caller vouches that it is storage of the right size, and any bits are a number.
    let seal = unsafe { (&raw const (*slot).seal).read() };
    if seal == sealed(slot) { Ok(slot) } else { Err(HbResult::NotACluster) }
}

fn state_word<'a>(slot: *const Slot) -> &'a AtomicU32 {
    // SAFETY: sealed storage, so that the word is initialised; it is only used as an atomic.
    unsafe { &(*slot).state }
}

/// Changes the state word from one state to another, or returns the state that it is in instead.
#[cfg(target_has_atomic = "32")]
fn change(word: &AtomicU32, from: u32, to: u32) -> Result<(), u32> {
    word.compare_exchange(from, to, Ordering::Acquire, Ordering::Relaxed).map(|_| ())
}

/// A processor without such an instruction has one core. If an interrupt comes between load and store, its own call has
/// ended before the store.
#[cfg(not(target_has_atomic = "32"))]
fn change(word: &AtomicU32, from: u32, to: u32) -> Result<(), u32> {
    let state = word.load(Ordering::Acquire);
    if state == from { Ok(word.store(to, Ordering::Relaxed)) } else { Err(state) }
}

/// Why a cluster in this state cannot be used.
fn refusal(state: u32) -> HbResult {
    match state {
        BUSY => HbResult::Busy,
        POISONED => HbResult::Poisoned,
        _ => HbResult::NotACluster,
    }
}

/// A call that is under way. At its end the state becomes `next`: ready, or poisoned after a panic.
struct Turn<'a> {
    word: &'a AtomicU32,
    next: u32,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.word.store(self.next, Ordering::Release);
    }
}

/// The storage of a cluster in which no call that changes it is under way. The state is `next` from now on. Not
/// inlined, because every exported function would contain a copy.
#[inline(never)]
fn ready_slot(cluster: *const HbCluster, next: u32) -> Checked<*const Slot> {
    let slot = slot(cluster)?;
    change(state_word(slot), READY, next).map_err(refusal)?;
    Ok(slot)
}

/// Changes a cluster.
pub(crate) fn with<R>(cluster: *mut HbCluster, work: impl FnOnce(&mut Body) -> Checked<R>) -> Checked<R> {
    let slot = ready_slot(cluster, BUSY)?;
    let mut turn = Turn { word: state_word(slot), next: POISONED };
    // SAFETY: sealed, so initialised; it was ready and is ours now, so nobody else changes it.
    let body = unsafe { (*slot.cast_mut()).body.assume_init_mut() };
    let done = work(body);
    turn.next = READY;
    done
}

/// Reads a cluster.
pub(crate) fn look<R>(cluster: *const HbCluster, work: impl FnOnce(&Body) -> Checked<R>) -> Checked<R> {
    let slot = ready_slot(cluster, READY)?;
    // SAFETY: sealed, so initialised; no call that changes it is under way.
    work(unsafe { (*slot).body.assume_init_ref() })
}

/// Storage for a `T` of the library. It need not contain one yet.
#[cfg(not(feature = "small"))]
pub(crate) fn place<T>(storage: *mut c_void, len: usize) -> Checked<Out<T>> {
    let place = storage.cast::<T>();
    check(place)?;
    if len < size_of::<T>() { Err(HbResult::BadLength) } else { Ok(Out(place)) }
}

/// A key table that was made at this address.
#[cfg(not(feature = "small"))]
pub(crate) fn table<'a>(keys: *const crate::packet::HbKeys) -> Checked<&'a crate::packet::Table> {
    let table = keys.cast::<crate::packet::Table>();
    check(table)?;
    // SAFETY: not null, aligned; the caller vouches that it is storage of the right size, and any bits are a number.
    let seal = unsafe { (&raw const (*table).seal).read() };
    if seal != crate::packet::Table::sealed(table.addr()) {
        return Err(HbResult::NotACluster);
    }
    // SAFETY: sealed, so initialised; nothing changes a key table.
    Ok(unsafe { &*table })
}

#[cfg(test)]
mod tests;
