//! What a word of a command line could become, for a shell that asks: names of tenants, files and fields, and paths. They are taken
//! from the names of files and folders, and from what `tenantry.yaml` manages: no tenant is asked.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use clap::parser::ValueSource;
use clap_complete::engine::{
    ArgValueCandidates, ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter,
};

use crate::files::{self, Format};
use crate::kinds::Kind;
use crate::place;
use crate::settings::{is_tenant_name, tenants_with_settings};

/// Tenants with files, tenants with settings, and the one that is always there.
pub(crate) fn tenants<Cli: CommandFactory>() -> ArgValueCandidates {
    names(|| Line::typed::<Cli>().map_or_else(Vec::new, |line| line.tenants()))
}

/// The files of the tenant that the line names, without their extensions.
pub(crate) fn selectors<Cli: CommandFactory>() -> ArgValueCandidates {
    names(|| Line::typed::<Cli>().map_or_else(Vec::new, |line| line.stems()))
}

/// The fields that the project manages in the tenant that the line names, of every kind.
pub(crate) fn fields<Cli: CommandFactory>() -> ArgValueCandidates {
    names(|| Line::typed::<Cli>().map_or_else(Vec::new, |line| line.fields()))
}

/// Folders.
pub(crate) fn folders() -> ArgValueCompleter {
    paths(PathCompleter::dir())
}

/// Files, and the folders on the way to them.
pub(crate) fn files() -> ArgValueCompleter {
    paths(PathCompleter::file())
}

/// Those of the names that every shell takes as they stand.
pub(crate) fn names(names: impl Fn() -> Vec<String> + Send + Sync + 'static) -> ArgValueCandidates {
    ArgValueCandidates::new(move || {
        let mut names = names();
        // A name that begins with a dash would be taken for an option.
        names.retain(|name| name.split('/').all(is_plain) && !name.starts_with('-'));
        names.sort();
        names.dedup();
        names.into_iter().map(CompletionCandidate::new).collect()
    })
}

fn paths(completer: PathCompleter) -> ArgValueCompleter {
    ArgValueCompleter::new(move |word: &OsStr| {
        // A typed `~` is the home folder, which the shell knows; elsewhere it is a character that not every shell leaves alone.
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

/// The parts of the typed line that say where names are found.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    /// The working directory, and the folders above it in which settings are looked for.
    above: Vec<PathBuf>,
    /// `--dir`, or where it is by default.
    root: PathBuf,
    /// The tenant whose files are meant: `--tenant`, or promote's `--from`.
    tenant: Option<String>,
}

impl Line {
    /// The line that this process is asked about: `tenantry -- WORDS…`. None where there is no working directory.
    fn typed<Cli: CommandFactory>() -> Option<Line> {
        let words = std::env::args_os().skip_while(|word| word != "--").skip(1);
        let words: Vec<OsString> = words.collect();
        Some(Line::read::<Cli>(&words, std::env::current_dir().ok()?))
    }

    /// Reads as much as possible of a line that is not finished.
    fn read<Cli: CommandFactory>(words: &[OsString], here: PathBuf) -> Line {
        let lenient = Cli::command().ignore_errors(true);
        let matches = lenient.try_get_matches_from(words).unwrap_or_default();
        let tenant = match matches.subcommand() {
            Some(("promote", promote)) => promote.try_get_one::<String>("from"),
            _ => matches.try_get_one("tenant"),
        };
        let tenant = tenant.ok().flatten().filter(|name| !name.is_empty());
        let dir = matches.try_get_one::<PathBuf>("dir").ok().flatten();
        let is_typed =
            dir.is_some() && matches.value_source("dir") == Some(ValueSource::CommandLine);
        let dir = dir.map_or("tenant".into(), |dir| at_home(dir));
        let above = place::above(&here);
        let root = match is_typed {
            true => dir,
            false => place::root(&here, &above, &dir),
        };
        Line {
            tenant: tenant.cloned(),
            root: here.join(root),
            above: above.iter().map(|folder| here.join(folder)).collect(),
        }
    }

    /// Tenants with files, tenants with settings, and the one that is always there.
    fn tenants(&self) -> Vec<String> {
        let mut names = files::tenants(&self.root);
        names.extend(
            self.above
                .iter()
                .flat_map(|folder| tenants_with_settings(folder)),
        );
        names.push("sandbox".to_owned());
        names.retain(|name| is_tenant_name(name));
        names
    }

    /// The tenant's folder, wherever the name of the tenant can be one.
    fn folder(&self) -> Option<PathBuf> {
        match &self.tenant {
            None => Some(self.root.clone()),
            Some(name) => is_tenant_name(name).then(|| self.root.join(name)),
        }
    }

    /// The fields that the project manages there. A project that can't be read is the business of the command itself.
    fn fields(&self) -> Vec<String> {
        let folder = self.folder();
        let project = folder.and_then(|folder| files::read_project(&self.root, &folder).ok());
        let managed = project.unwrap_or_default().managed();
        let fields = managed.kinds().flat_map(|kind| managed.fields(kind));
        fields.map(|field| field.name().to_owned()).collect()
    }

    /// The stems of the tenant's files.
    fn stems(&self) -> Vec<String> {
        let Some(folder) = self.folder() else {
            return Vec::new();
        };
        let stems = Kind::folders().flat_map(|kind| {
            let stems = file_names(&folder.join(kind)).filter_map(|name| {
                let (stem, extension) = name.rsplit_once('.')?;
                let is_file = Format::from_extension(extension).is_some();
                (is_file && !stem.starts_with('.')).then(|| stem.to_owned())
            });
            // What is no client is found by its kind.
            stems.map(move |stem| match kind {
                "clients" => stem,
                kind => format!("{kind}/{stem}"),
            })
        });
        stems.collect()
    }
}

/// The path with its `~` replaced, which a shell does only when the line is run.
fn at_home(path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), std::env::home_dir()) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    }
}

/// The names in a folder; none where there is no such folder.
fn file_names(folder: &Path) -> impl Iterator<Item = String> + use<> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok())
}

/// Whether every shell takes a name as it stands. Not every shell quotes candidates, and a file's name may come from anybody.
fn is_plain(name: &str) -> bool {
    let plain = |character: char| character.is_alphanumeric() || "._-".contains(character);
    name.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;

    fn read(line: &str) -> (PathBuf, Option<String>) {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let line = Line::read::<Cli>(&words, "/here".into());
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
}
