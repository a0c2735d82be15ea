//! `completions`: the script that makes a shell ask this program what a word could become, and the answer. Errors are not shown,
//! since they would appear in the middle of a line that somebody types.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context as _, Result};
use clap::{Command, CommandFactory};
use clap_complete::env::{EnvCompleter, Fish, Powershell, Shells, Zsh};

use super::{Ending, Terminal};
use crate::cli::{Cli, Completions, Shell};

/// Names the shell that asks; the scripts set it.
const VARIABLE: &str = "TENANTRY_COMPLETE";

/// The script for bash is our own: that of `clap_complete` fails after `--tenant=dev`, and where the program's path has a space.
const BASH: &str = include_str!("completions.bash");

pub(super) fn run(options: &Completions, terminal: &Terminal) -> Result<Ending> {
    let program = program()?;
    let script = match options.shell {
        Shell::Bash => BASH.replace("PROGRAM", &format!("'{}'", program.replace('\'', r"'\''"))),
        Shell::Zsh => registration(&Zsh, &program)?,
        Shell::Fish => registration(&Fish, &program)?,
        Shell::Powershell => registration(&Powershell, &program)?,
    };
    terminal.result(&script)?;
    Ok(Ending::Clean)
}

fn registration(shell: &dyn EnvCompleter, program: &str) -> Result<String> {
    let mut script = Vec::new();
    shell.write_registration(VARIABLE, "tenantry", "tenantry", program, &mut script)?;
    Ok(String::from_utf8(script)?)
}

/// How the script calls this program: by its name, or by its path where it was called by one.
fn program() -> Result<String> {
    let called = std::env::args_os().next().unwrap_or_default();
    if Path::new(&called).components().count() > 1 {
        let path = std::env::current_exe().context("can't tell where this program is")?;
        return Ok(path.to_string_lossy().into_owned());
    }
    Ok("tenantry".to_owned())
}

/// Answers a shell, if it is one that asks: `TENANTRY_COMPLETE=SHELL tenantry -- WORDS…`.
pub(crate) fn answer_shell() -> bool {
    let mut words = std::env::args_os().skip(1);
    let shells = Shells::builtins();
    let shell = std::env::var(VARIABLE).unwrap_or_default();
    let Some(shell) = shells.completer(&shell) else {
        return false;
    };
    if words.next().is_none_or(|word| word != "--") {
        return false;
    }
    if let Some(answer) = answer(shell, words.collect()) {
        // If stdout is gone, nobody waits for the answer.
        let _ = io::stdout().write_all(&answer);
    }
    true
}

fn answer(shell: &dyn EnvCompleter, words: Vec<OsString>) -> Option<Vec<u8>> {
    // `clap_complete` panics where there is no word at all.
    words.first()?;
    let here = std::env::current_dir().ok()?;
    let mut command = Cli::command();
    command.build();
    let mut command = without_options(command);
    let mut answer = Vec::new();
    let written = shell.write_complete(&mut command, words, Some(&here), &mut answer);
    written.ok().map(|()| answer)
}

/// The same with its options hidden, which are then offered only after a `-`, or where there is nothing else.
fn without_options(command: Command) -> Command {
    command
        .mut_args(|arg| {
            let is_option = !arg.is_positional();
            arg.hide(is_option)
        })
        .mut_subcommands(without_options)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_line_has_an_answer(words in prop::collection::vec(
            "-?-?(tenant|dir|from|diff|promote|sandbox|serve|o|v|fields)?[= ,]?\\PC{0,3}", 1..6
        )) {
            let words = ["tenantry".to_owned()].into_iter().chain(words);
            prop_assert!(answer(&Fish, words.map(OsString::from).collect()).is_some());
        }
    }
}
