//! What the tests and benchmarks of this package use from inside. It is no part of the library, and changes without notice.

use std::ffi::OsString;

use clap::{CommandFactory, Parser};

use crate::cli::Cli;
use crate::commands::{self, Terminal};
use crate::settings::Environment;

pub use crate::sandbox::faults::{Fault, FaultRule};

/// What draws a plan.
pub mod render {
    pub use crate::render::{json, markdown, text};
}

/// The commands and options of the program.
pub fn command_line() -> clap::Command {
    Cli::command()
}

/// Runs a command line in this process. Answers its exit code, and its error where it failed.
pub async fn run(
    words: impl IntoIterator<Item: Into<OsString> + Clone>,
    environment: &Environment,
) -> (u8, Option<String>) {
    let cli = match Cli::try_parse_from(words) {
        Ok(cli) => cli,
        Err(error) => return (2, Some(error.to_string())),
    };
    match commands::run(&cli, environment, &Terminal::new(&cli.global)).await {
        Ok(ending) => (ending.code(), None),
        Err(error) => (2, Some(format!("{error:#}"))),
    }
}
