//! The recorded parameters: clients ask for them, and scripts find them in their environment (docs/protocol/files.md
//! 9).

use core::fmt;
use core::time::Duration;

use crate::config::Position;
use crate::config::directive::{COUNT, Directive};

/// The text of every recorded parameter: as typed, the default, or derived.
#[derive(Clone, Copy, Debug)]
pub struct Parameters<'t> {
    texts: [Option<ParameterText<'t>>; COUNT],
    places: [Option<Position>; COUNT],
}

/// The text of a parameter; its `Display` is the text for clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterText<'t> {
    /// As typed in the file, or a fixed default.
    Typed(&'t str),
    /// A derived time, shown as `<n>ms`.
    Time(Duration),
    /// A derived number.
    Number(u32),
}

impl fmt::Display for ParameterText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Typed(text) => f.write_str(text),
            Self::Time(time) => write!(f, "{}ms", time.as_millis()),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

impl<'t> Parameters<'t> {
    /// No parameter is set.
    pub(super) fn empty() -> Self {
        Self { texts: [None; COUNT], places: [None; COUNT] }
    }

    /// The parameter of `directive`; `None` if it is unset or not recorded.
    pub fn get(&self, directive: Directive) -> Option<ParameterText<'t>> {
        self.texts.get(directive as usize).copied().flatten()
    }

    /// The parameter called `name`; `crm` is another name of `pacemaker`.
    pub fn by_name(&self, name: &str) -> Option<ParameterText<'t>> {
        let name = if name == Directive::Crm.name() { Directive::Pacemaker.name() } else { name };
        self.get(Directive::by_name(name)?)
    }

    /// All parameters that are set, in the order of 3.0.6's dump.
    pub fn iter(&self) -> impl Iterator<Item = (Directive, ParameterText<'t>)> {
        Directive::all().filter_map(|directive| Some((directive, self.get(directive)?)))
    }

    /// The place of the value in force of `directive`, recorded or not; `None` if it was not typed.
    pub fn place(&self, directive: Directive) -> Option<Position> {
        self.places.get(directive as usize).copied().flatten()
    }

    /// Records the place of a value of `directive`.
    pub(super) fn note_place(&mut self, directive: Directive, at: Position) {
        if let Some(place) = self.places.get_mut(directive as usize) {
            *place = Some(at);
        }
    }

    /// Sets a parameter; a directive that is not recorded is ignored.
    pub(super) fn set(&mut self, directive: Directive, text: ParameterText<'t>) {
        if !directive.is_recorded() {
            return;
        }
        if let Some(slot) = self.texts.get_mut(directive as usize) {
            *slot = Some(text);
        }
    }

    /// Sets every unset parameter that has a fixed default.
    pub(super) fn fill_defaults(&mut self) {
        for directive in Directive::all() {
            if let (None, Some(text)) = (self.get(directive), directive.fixed_default()) {
                self.set(directive, ParameterText::Typed(text));
            }
        }
    }
}
