//! `completions`: the script that makes a shell ask this program what a word could become, and the answer. The answer is names
//! of files and folders: no file is read, no tenant is asked, and whatever is wrong, nothing is said in the middle of a line that
//! somebody types.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use clap::{Arg, Command, CommandFactory, ValueHint};
use clap_complete::engine::{
    ArgValueCandidates, ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter,
};
use clap_complete::env::{EnvCompleter, Fish, Powershell, Shells, Zsh};

use super::session::is_tenant_name;
use super::{Ending, Terminal};
use crate::cli::{Cli, Completions, Shell};
use crate::client::Field;
use crate::files::{Format, tenants};
use crate::settings::tenants_with_settings;

/// Names the shell that asks; the scripts set it.
const VARIABLE: &str = "TENANTRY_COMPLETE";

/// For bash one of our own: `clap_complete`'s loses its way after `--tenant=dev`, and where the program's path has a space.
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

/// What the script calls: this program by its name, or by its path where it was called by one.
fn program() -> Result<String> {
    let called = std::env::args_os().next().unwrap_or_default();
    if Path::new(&called).components().count() > 1 {
        let path = std::env::current_exe().context("can't tell where this program is")?;
        return Ok(path.to_string_lossy().into_owned());
    }
    Ok("tenantry".to_owned())
}

/// Answers a shell, if it is one that asks: `TENANTRY_COMPLETE=SHELL tenantry -- WORDS…`.
pub fn answer_shell() -> bool {
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
        // Where stdout is gone, nobody waits for it.
        let _ = io::stdout().write_all(&answer);
    }
    true
}

fn answer(shell: &dyn EnvCompleter, words: Vec<OsString>) -> Option<Vec<u8>> {
    // `clap_complete` counts on a word.
    words.first()?;
    let here = std::env::current_dir().ok()?;
    let mut command = Cli::command();
    command.build();
    let mut command = with_names(command, &Arc::new(Line::read(&words, here.clone())));
    let mut answer = Vec::new();
    let written = shell.write_complete(&mut command, words, Some(&here), &mut answer);
    written.ok().map(|()| answer)
}

/// What the line that is typed says of where names are.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    /// The working directory.
    here: PathBuf,
    /// `--dir`.
    root: PathBuf,
    /// The tenant that clients are of: `--tenant`, or promote's `--from`.
    tenant: Option<String>,
}

impl Line {
    /// Reads what can be read of it. It is not finished, so something is always missing.
    fn read(words: &[OsString], here: PathBuf) -> Line {
        let lenient = Cli::command().ignore_errors(true);
        let matches = lenient.try_get_matches_from(words).unwrap_or_default();
        let tenant = match matches.subcommand() {
            Some(("promote", promote)) => promote.try_get_one::<String>("from"),
            _ => matches.try_get_one("tenant"),
        };
        let tenant = tenant.ok().flatten().filter(|name| !name.is_empty());
        let root = matches.try_get_one::<PathBuf>("dir").ok().flatten();
        Line {
            tenant: tenant.cloned(),
            root: here.join(root.map_or("tenant".into(), |root| at_home(root))),
            here,
        }
    }

    /// Tenants with files, tenants with settings, and the one that is always there.
    fn tenants(&self) -> Vec<String> {
        let mut names = tenants(&self.root);
        names.extend(tenants_with_settings(&self.here));
        names.push("sandbox".to_owned());
        names.retain(|name| is_tenant_name(name));
        names
    }

    /// The stems of the tenant's files.
    fn clients(&self) -> Vec<String> {
        let folder = match &self.tenant {
            None => self.root.clone(),
            Some(name) if is_tenant_name(name) => self.root.join(name),
            Some(_) => return Vec::new(),
        };
        let names = file_names(&folder.join("clients"));
        let stems = names.filter_map(|name| {
            let (stem, extension) = name.rsplit_once('.')?;
            let is_client = Format::from_extension(extension).is_some();
            (is_client && !stem.starts_with('.')).then(|| stem.to_owned())
        });
        stems.collect()
    }
}

/// A shell leaves `~` as it is in a line that is not run yet.
fn at_home(path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), std::env::home_dir()) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    }
}

/// Nothing where there is no such folder.
fn file_names(folder: &Path) -> impl Iterator<Item = String> + use<> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok())
}

/// Whether a shell takes it as it stands. Not every shell quotes what it is given, and anybody may have named that file.
fn is_plain(name: &str) -> bool {
    let plain = |character: char| character.is_alphanumeric() || "._-".contains(character);
    name.chars().all(plain)
}

/// The command line's arguments with what they could be, by the names that their values have in `--help`.
fn with_names(command: Command, line: &Arc<Line>) -> Command {
    let command = command.mut_args(|arg| {
        // Options are offered after a `-`, or where there is nothing else.
        let is_option = !arg.is_positional();
        let arg = arg.hide(is_option);
        let line = Arc::clone(line);
        match value_name(&arg) {
            Some("CLIENT") => arg.add(candidates(move || line.clients())),
            Some("NAME") => arg.add(candidates(move || line.tenants())),
            Some("FIELD,…") => arg.add(candidates(|| {
                Field::ALL.map(Field::name).map(str::to_owned).to_vec()
            })),
            _ => match arg.get_value_hint() {
                ValueHint::DirPath => arg.add(paths(PathCompleter::dir())),
                ValueHint::FilePath => arg.add(paths(PathCompleter::file())),
                _ => arg,
            },
        }
    });
    command.mut_subcommands(|subcommand| with_names(subcommand, line))
}

fn value_name(arg: &Arg) -> Option<&str> {
    Some(arg.get_value_names()?.first()?.as_str())
}

fn candidates(names: impl Fn() -> Vec<String> + Send + Sync + 'static) -> ArgValueCandidates {
    ArgValueCandidates::new(move || {
        let mut names = names();
        // What begins with a dash would be an option.
        names.retain(|name| is_plain(name) && !name.starts_with('-'));
        names.sort();
        names.dedup();
        names.into_iter().map(CompletionCandidate::new).collect()
    })
}

fn paths(completer: PathCompleter) -> ArgValueCompleter {
    ArgValueCompleter::new(move |word: &OsStr| {
        // Somebody's home if it is typed; else a file of that name.
        let home = if word.as_encoded_bytes().starts_with(b"~") {
            "~"
        } else {
            ""
        };
        let mut paths = completer.complete(word);
        paths.retain(|path| {
            let path = path
                .get_value()
                .to_str()
                .and_then(|path| path.strip_prefix(home));
            path.is_some_and(|path| path.split(['/', '\\']).all(is_plain) && !path.starts_with('-'))
        });
        paths
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(line: &str) -> (PathBuf, Option<String>) {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let line = Line::read(&words, "/here".into());
        (line.root, line.tenant)
    }

    #[test]
    fn a_line_that_is_not_finished_says_what_it_says_so_far() {
        for line in [
            "tenantry --tenant dev --dir there diff ",
            "tenantry diff --tenant=dev --dir=there ",
            "tenantry diff web --tenant dev --dir /here/there -o",
            "tenantry --tenant dev --dir there push --plan",
            "tenantry --tenant dev --dir there nonsense --more",
            "tenantry --tenant prod promote --dir there --from dev --to ",
            "tenantry promote  --dir there --from dev",
        ] {
            let read = read(line);
            assert_eq!(read, ("/here/there".into(), Some("dev".into())), "{line}");
        }
        for line in [
            "tenantry",
            "tenantry diff --tenant ",
            "tenantry promote ",
            "",
        ] {
            assert_eq!(read(line), ("/here/tenant".into(), None), "{line}");
        }
    }

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
