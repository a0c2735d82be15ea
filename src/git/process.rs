//! Calls of the program, and what it prints.

use std::ffi::OsStr;
use std::io::{self, BufRead};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::error::GitError;
use super::object::{ObjectId, TrackedFile};

/// Variables by which a hook of git says where its repository is. Ours is found from the tenant directory instead, which may be
/// in another one.
const OF_HOOKS: [&str; 9] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_NAMESPACE",
    // Paths are no patterns, whatever the user's environment says.
    "GIT_ICASE_PATHSPECS",
    "GIT_GLOB_PATHSPECS",
];

/// What every call begins with. A repository without a working tree that stands in a folder of another one came with a clone, and so did
/// its configuration, which can name programs to run. Source: <https://git-scm.com/docs/git-config>, `safe.bareRepository`.
const EVERY_CALL: [&str; 6] = [
    "--no-pager",
    "--literal-pathspecs",
    "-c",
    "safe.bareRepository=explicit",
    "-c",
    "core.fsmonitor=false",
];

/// git in a folder, with nothing of a hook's or a language's environment.
pub(super) fn git(folder: &Path) -> Command {
    let mut git = Command::new("git");
    git.args(EVERY_CALL)
        .current_dir(folder)
        .env("LC_ALL", "C")
        // Looking must not write, not even to bring the index up to date.
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null());
    for variable in OF_HOOKS {
        git.env_remove(variable);
    }
    git
}

pub(super) fn run(
    mut git: Command,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Result<Output, GitError> {
    git.args(arguments);
    let words: Vec<_> = git.get_args().map(OsStr::to_string_lossy).collect();
    log::debug!("git {}", words.join(" "));
    let output = git.output().map_err(|error| GitError::NoGit { error })?;
    if output.status.success() {
        return Ok(output);
    }
    let command = git.get_args().nth(EVERY_CALL.len()).unwrap_or_default();
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().next().unwrap_or("it failed without a word");
    Err(failed(&command.to_string_lossy(), said))
}

pub(super) fn failed(command: &str, message: &str) -> GitError {
    GitError::Failed {
        command: command.to_owned(),
        message: message.to_owned(),
    }
}

pub(super) fn lines(output: Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().map(str::to_owned).collect()
}

/// The files of a listing whose entries are `words<tab>path`, ended by zeros. `id` finds the content among the words.
pub(super) fn tracked(
    listing: &[u8],
    id: impl for<'a> Fn(&[&'a str]) -> Option<&'a str>,
) -> Vec<TrackedFile> {
    let entries = listing.split(|byte| *byte == 0);
    let file = |entry: &[u8]| {
        let entry = std::str::from_utf8(entry).ok()?;
        let (about, path) = entry.split_once('\t')?;
        let about: Vec<&str> = about.split(' ').collect();
        Some(TrackedFile {
            path: path.to_owned(),
            content: ObjectId::parse(id(&about)?)?,
        })
    };
    entries.filter_map(file).collect()
}

/// The content of a regular file among the words of `git ls-tree`.
pub(super) fn content_of_tree<'a>(about: &[&'a str]) -> Option<&'a str> {
    let [mode, _, id] = about else { return None };
    mode.starts_with("100").then_some(*id)
}

/// What `git cat-file` says before a content: its id and size; None where there is none, or no file.
pub(super) fn header(output: &mut dyn BufRead) -> io::Result<Option<(ObjectId, u64)>> {
    let mut line = String::new();
    if output.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut words = line.trim_end_matches('\n').rsplit(' ');
    let (size, kind, id) = (words.next(), words.next(), words.next());
    Ok(
        match (
            id.and_then(ObjectId::parse),
            kind,
            size.and_then(|size| size.parse().ok()),
        ) {
            (Some(id), Some("blob"), Some(size)) => Some((id, size)),
            _ => None,
        },
    )
}
