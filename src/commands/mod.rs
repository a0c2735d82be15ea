//! One file a command, wiring only: settings → read → plan → render or apply.

mod adopt;
mod again;
mod all_tenants;
mod carrying_out;
mod check;
mod completions;
mod consent;
mod create;
mod diff;
mod embedded;
mod init;
mod invocation;
mod list;
mod log;
mod man;
mod manner;
mod misused;
mod picking;
mod planned;
mod promote;
mod pull;
mod push;
mod report;
mod sandbox;
mod saved;
mod schema;
mod scopes;
mod sending;
mod session;
mod terminal;
mod token;
mod undo;
mod warnings;
mod workspace;

use std::error::Error as StdError;

use anyhow::Result;

use crate::cli::{Cli, Command};
use crate::files::{Excerpt, FilesError, excerpt};
use crate::settings::Environment;

pub(crate) use completions::answer_shell;
pub(crate) use log::Logger;
pub(crate) use misused::tell as misused;
pub(crate) use terminal::Terminal;

/// How a command ended. It has printed its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Nothing differs, or all is done.
    Clean,
    /// There are differences or findings, or something was held back.
    Differences,
    /// A Ctrl-C stopped it. It finished what was under way, and reported what it did and what it did not.
    Interrupted,
    /// It failed half-way, and reported what it did and what it did not.
    Failure,
}

impl Ending {
    /// The worse of two.
    fn and(self, other: Ending) -> Ending {
        let rank = |ending| match ending {
            Ending::Clean => 0,
            Ending::Differences => 1,
            Ending::Failure => 2,
            Ending::Interrupted => 3,
        };
        if rank(other) > rank(self) {
            other
        } else {
            self
        }
    }

    /// The exit code, as diff(1) has them; and 130 as shells have it, which is 128 and the number of SIGINT.
    pub(crate) fn code(self) -> u8 {
        match self {
            Ending::Clean => 0,
            Ending::Differences => 1,
            Ending::Failure => 2,
            Ending::Interrupted => 130,
        }
    }

    /// `Differences` if there are any, else `Clean`.
    fn differences(some: bool) -> Ending {
        if some {
            Ending::Differences
        } else {
            Ending::Clean
        }
    }
}

/// Runs a command.
///
/// # Errors
/// Any error of the command, with the errors of the library's modules as sources, which have hints.
pub(crate) async fn run(
    cli: &Cli,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<Ending> {
    let invocation = invocation::Invocation::new(&cli.global, environment)?;
    match &cli.command {
        Command::Pull(options) => pull::run(&invocation, options, terminal).await,
        Command::Diff(options) if options.all_tenants => {
            all_tenants::diff(&invocation, (&cli.global, environment), options, terminal).await
        }
        Command::Check(options) if options.all_tenants => {
            check::run_on_all(&invocation, (&cli.global, environment), options, terminal)
        }
        Command::Diff(options) => diff::run(&invocation, options, terminal).await,
        Command::Push(options) => push::run(&invocation, options, terminal).await,
        Command::Undo(options) => undo::run(&invocation, options, terminal).await,
        Command::Check(options) => check::run(&invocation, options, terminal),
        Command::Promote(options) => promote::run(&invocation, options, terminal),
        Command::Adopt(options) => adopt::run(&invocation, options, terminal),
        Command::List(options) => list::run(&invocation, options, terminal).await,
        Command::Init => init::run(&invocation, terminal),
        Command::Token => token::run(&invocation, terminal).await,
        Command::Sandbox(options) => sandbox::run(&invocation, options, terminal).await,
        Command::Completions(options) => completions::run(options, terminal),
        Command::Scopes(options) => scopes::run(&invocation, options, terminal),
        Command::Schema(options) => schema::run(options, terminal),
        Command::Man => man::run(terminal),
    }
}

/// One thing that is wrong.
#[derive(Debug)]
pub(crate) struct Problem {
    /// What it is.
    pub message: String,
    /// The line of a file that it is about.
    pub excerpt: Option<Excerpt>,
    /// What to do about it.
    pub hint: Option<String>,
}

/// An error as it is shown: one problem, or several where several files are wrong.
pub(crate) fn problems(error: &anyhow::Error) -> Vec<Problem> {
    let in_files = |error: &FilesError| Problem {
        message: error.to_string(),
        excerpt: match error {
            FilesError::Content { path, position, .. } => excerpt(path, *position),
            _ => None,
        },
        hint: error.hint(),
    };
    match error.downcast_ref::<FilesError>() {
        Some(FilesError::Several(errors)) => errors.iter().map(in_files).collect(),
        Some(error) => vec![in_files(error)],
        None => vec![Problem {
            message: format!("{error:#}"),
            excerpt: None,
            hint: hint(error),
        }],
    }
}

/// Whether it is a Ctrl-C at a question.
pub(crate) fn is_interruption(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<std::io::Error>();
    error.is_some_and(|error| error.kind() == std::io::ErrorKind::Interrupted)
}

/// What to do about an error: the hint of the first of its causes that has one.
pub(crate) fn hint(error: &anyhow::Error) -> Option<String> {
    use crate::api::ApiError;
    use crate::git::GitError;
    use crate::select::NoMatch;
    use crate::settings::SettingsError;
    error.chain().find_map(|cause| {
        hint_of(cause, ApiError::hint)
            .or_else(|| hint_of(cause, FilesError::hint))
            .or_else(|| hint_of(cause, SettingsError::hint))
            .or_else(|| hint_of(cause, GitError::hint))
            .or_else(|| hint_of(cause, |error: &NoMatch| Some(error.hint())))
            .or_else(|| hint_of(cause, |error: &Usage| Some(error.hint.clone())))
    })
}

fn hint_of<E: StdError + 'static>(
    cause: &(dyn StdError + 'static),
    hint: impl FnOnce(&E) -> Option<String>,
) -> Option<String> {
    cause.downcast_ref().and_then(hint)
}

/// A command that was used in a way that can't work.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct Usage {
    message: String,
    hint: String,
}

impl Usage {
    fn error(message: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
        anyhow::Error::new(Usage {
            message: message.into(),
            hint: hint.into(),
        })
    }
}
