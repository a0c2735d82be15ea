//! One file a command, wiring only: settings → read → plan → render or apply.

mod again;
mod all_tenants;
mod check;
mod completions;
mod consent;
mod diff;
mod init;
mod list;
mod log;
mod man;
mod misused;
mod place;
mod promote;
mod pull;
mod push;
mod sandbox;
mod saved;
mod session;
mod terminal;
mod token;

use anyhow::Result;

use crate::cli::{Cli, Command};
use crate::files::{Excerpt, FilesError, excerpt};
use crate::settings::Environment;

pub(crate) use completions::answer_shell;
pub(crate) use log::Logger;
pub(crate) use misused::tell as misused;
pub(crate) use terminal::Terminal;

/// How a command ended that has said its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Nothing differs, or all is done.
    Clean,
    /// There are differences or findings, or something was held back.
    Differences,
    /// Ctrl-C came; what was on its way was finished, and it has reported what it did and what it did not.
    Interrupted,
    /// It failed half-way, and has reported what it did and what it did not.
    Failure,
}

impl Ending {
    /// `Differences` if there are some.
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
/// Whatever it met, with the errors of the library's modules as sources, which have hints.
pub(crate) async fn run(
    cli: &Cli,
    environment: &Environment,
    terminal: &Terminal,
) -> Result<Ending> {
    let scene = session::Scene::new(&cli.global, environment)?;
    match &cli.command {
        Command::Pull(options) => pull::run(&scene, options, terminal).await,
        Command::Diff(options) if options.all_tenants => {
            all_tenants::diff(&scene, (&cli.global, environment), options, terminal).await
        }
        Command::Check(options) if options.all_tenants => {
            check::run_on_all(&scene, (&cli.global, environment), options, terminal)
        }
        Command::Diff(options) => diff::run(&scene, options, terminal).await,
        Command::Push(options) => push::run(&scene, options, terminal).await,
        Command::Check(options) => check::run(&scene, options, terminal),
        Command::Promote(options) => promote::run(&scene, options, terminal),
        Command::List(options) => list::run(&scene, options, terminal).await,
        Command::Init => init::run(&scene, terminal),
        Command::Token => token::run(&scene, terminal).await,
        Command::Sandbox(options) => sandbox::run(&scene, options, terminal).await,
        Command::Completions(options) => completions::run(options, terminal),
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

/// What there is to say of an error. There are several problems where several files are wrong.
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
        cause
            .downcast_ref::<ApiError>()
            .and_then(ApiError::hint)
            .or_else(|| {
                cause
                    .downcast_ref::<FilesError>()
                    .and_then(FilesError::hint)
            })
            .or_else(|| {
                cause
                    .downcast_ref::<SettingsError>()
                    .and_then(SettingsError::hint)
            })
            .or_else(|| cause.downcast_ref::<GitError>().and_then(GitError::hint))
            .or_else(|| cause.downcast_ref::<NoMatch>().map(NoMatch::hint))
            .or_else(|| {
                cause
                    .downcast_ref::<Usage>()
                    .map(|usage| usage.hint.clone())
            })
    })
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
