//! Why git has no answer, and what to do about it.

use std::io;
use std::path::PathBuf;

/// Why git has no answer.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The program is not there.
    #[error("there is no git to ask: {error}")]
    NoGit {
        /// What the system said.
        error: io::Error,
    },
    /// The folder is in no repository.
    #[error("{} is in no git repository", folder.display())]
    NoRepository {
        /// The folder.
        folder: PathBuf,
    },
    /// A text that git would not take for the name of one commit.
    #[error("`{}` is no REV", rev.escape_debug())]
    NoRev {
        /// The text.
        rev: String,
    },
    /// The repository has no such commit.
    #[error("there is no commit `{rev}` in this {}", if *is_shallow { "shallow clone" } else { "repository" })]
    UnknownRev {
        /// The commit, as it was named.
        rev: String,
        /// Whether the clone has a part of the history only.
        is_shallow: bool,
    },
    /// A merge is under way in a file.
    #[error("a merge is under way in {}", path.escape_debug())]
    Unmerged {
        /// Its path relative to the tenant directory.
        path: String,
    },
    /// git itself failed.
    #[error("git {command}: {message}")]
    Failed {
        /// What was asked.
        command: String,
        /// The first line of what git said.
        message: String,
    },
}

impl GitError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            GitError::NoGit { .. } => "install git, or go without --base: base is then what tenant.lock has".to_owned(),
            GitError::NoRepository { .. } => {
                "--base reads a commit of the repository that the files are in: go without it, or work in a clone".to_owned()
            }
            GitError::NoRev { .. } => {
                "--base takes the name of one commit: a branch, a tag or an id, such as origin/main, HEAD~1 or 1a2b3c4".to_owned()
            }
            GitError::UnknownRev { rev, is_shallow } => fetch(rev, *is_shallow),
            GitError::Unmerged { path } => {
                format!("finish it, then `git add` {}", path.escape_debug())
            }
            // git's message goes on with the command to type, which is the same.
            GitError::Failed { message, .. } if message.contains("dubious ownership") => {
                "the repository belongs to another user; where that is as it should be: \
                 `git config --global --add safe.directory FOLDER` with the folder that git names"
                    .to_owned()
            }
            GitError::Failed { .. } => return None,
        })
    }
}

/// The command that fetches a commit.
fn fetch(rev: &str, is_shallow: bool) -> String {
    if !is_shallow {
        // Not with --depth, which would make this clone a shallow one.
        return "bring this clone up to date with `git fetch`; `git branch --all` and `git log` show what there is".to_owned();
    }
    let checkout = "in GitHub Actions, `fetch-depth: 0` for actions/checkout has everything";
    let is_id = rev.bytes().all(|byte| byte.is_ascii_hexdigit());
    let fetch = match rev.split_once('/') {
        // Only a whole id can be asked for.
        None if is_id && [40, 64].contains(&rev.len()) => {
            format!("git fetch --depth=1 origin {rev}")
        }
        _ if is_id => "git fetch --unshallow".to_owned(),
        _ if rev.contains(['~', '^', '@']) => "git fetch --deepen=100".to_owned(),
        Some((remote, branch)) => {
            format!("git fetch --depth=1 {remote} {branch}:refs/remotes/{remote}/{branch}")
        }
        None => format!("git fetch --depth=1 origin {rev}:refs/heads/{rev}"),
    };
    format!("fetch it: `{fetch}`; {checkout}")
}
