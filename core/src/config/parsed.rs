//! The result of a parser.

/// A value read from a file, which counts as checked only if no error was found in that file.
#[derive(Clone, Debug)]
pub struct Parsed<T> {
    value: T,
    sound: bool,
}

impl<T> Parsed<T> {
    /// `value`, checked if `sound`.
    pub(super) fn new(value: T, sound: bool) -> Self {
        Self { value, sound }
    }

    /// The parts that could be read, with or without errors: for further checks that report their problems in the same
    /// run.
    pub fn partial(&self) -> &T {
        &self.value
    }

    /// The value; `None` if the file has errors.
    pub fn checked(self) -> Option<T> {
        self.sound.then_some(self.value)
    }
}
