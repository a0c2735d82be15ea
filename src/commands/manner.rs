//! What the commands that send something have in common: how they ask, how they report, and what they are called.

use crate::cli::{Push, ResultForm, Undo};

/// How a command that sends something asks and reports.
#[derive(Debug)]
pub(super) struct Manner {
    /// Which command it is.
    pub(super) verb: Verb,
    /// Whether nobody is asked.
    pub(super) yes: bool,
    /// Whether somebody is asked resource by resource.
    pub(super) interactive: bool,
    /// The form of the result.
    pub(super) form: ResultForm,
    /// `--base`, as it was typed.
    pub(super) base: Option<String>,
}

/// A command that sends something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    /// `push`.
    Push,
    /// `undo`.
    Undo,
}

impl Verb {
    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Verb::Push => "push",
            Verb::Undo => "undo",
        }
    }

    /// What stands between what it sends and the tenant's domain.
    pub(super) fn preposition(self) -> &'static str {
        match self {
            Verb::Push => "to",
            Verb::Undo => "on",
        }
    }
}

impl From<&Push> for Manner {
    fn from(options: &Push) -> Manner {
        Manner {
            verb: Verb::Push,
            yes: options.yes,
            interactive: options.interactive,
            form: options.output.form,
            base: options.base.base.clone(),
        }
    }
}

impl From<&Undo> for Manner {
    fn from(options: &Undo) -> Manner {
        Manner {
            verb: Verb::Undo,
            yes: options.yes,
            interactive: false,
            form: options.output.form,
            base: None,
        }
    }
}
