//! What the commands that send something have in common: how they ask, how they report, and what they are called.

use super::again::quoted;
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
    /// The command with what says what it sends, to be typed again.
    pub(super) again: String,
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
            again: again(options),
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
            again: match &options.of {
                Some(file) => format!("undo --of {}", quoted(&file.to_string_lossy())),
                None => "undo".to_owned(),
            },
        }
    }
}

/// A push with its options but those of how it asks and reports.
fn again(options: &Push) -> String {
    let mut words = vec!["push".to_owned()];
    let mut option = |option: &str, value: Option<&str>| {
        words.push(option.to_owned());
        words.extend(value.map(|value| quoted(value).into_owned()));
    };
    if options.create {
        option("--create", None);
    }
    if options.overwrite_drift {
        option("--overwrite-drift", None);
    }
    if !options.fields.is_empty() {
        option("--fields", Some(&options.fields.join(",")));
    }
    if let Some(plan) = &options.plan {
        option("--plan", Some(&plan.to_string_lossy()));
    }
    if let Some(base) = &options.base.base {
        option("--base", Some(base));
    }
    let selectors = options.selectors.selectors.iter();
    words.extend(selectors.map(|selector| quoted(selector).into_owned()));
    words.join(" ")
}
