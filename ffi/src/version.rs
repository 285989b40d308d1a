//! The version of the library.

use core::ffi::c_char;

/// Changes when programs must be changed. While it is 0, the minor version changes for that too.
pub const HB_VERSION_MAJOR: u32 = 0;
/// Changes when something is added.
pub const HB_VERSION_MINOR: u32 = 1;
/// Changes when a fault is repaired.
pub const HB_VERSION_PATCH: u32 = 0;

/// The version of the library that runs: major times 65536, minor times 256, patch. Compare it with `HB_VERSION`.
#[unsafe(no_mangle)]
pub extern "C" fn hb_version() -> u32 {
    HB_VERSION_MAJOR << 16 | HB_VERSION_MINOR << 8 | HB_VERSION_PATCH
}

/// The same as text, such as `0.1.0`.
#[unsafe(no_mangle)]
pub extern "C" fn hb_version_text() -> *const c_char {
    const TEXT: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    TEXT.as_ptr().cast()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_numbers_are_those_of_the_package() {
        let text = format!("{HB_VERSION_MAJOR}.{HB_VERSION_MINOR}.{HB_VERSION_PATCH}");
        assert_eq!(text, env!("CARGO_PKG_VERSION"));
        assert_eq!(hb_version().to_be_bytes(), [0, 0, 1, 0]);
    }
}
