//! `check`: what is wrong with the files, and with what git keeps, without asking the tenant.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::session::Scene;
use super::{Ending, Terminal};
use crate::cli::{Check, CheckOutput};
use crate::files::{Access, Finding, Position, Source};
use crate::git::{GitError, ObjectId, Repository};
use crate::render::{findings, json};

pub(super) fn run(scene: &Scene<'_>, options: &Check, terminal: &Terminal) -> Result<Ending> {
    let mut check = match options.staged {
        true => staged(&scene.path()?)?.check(),
        false => scene.open(Access::Read, terminal)?.source()?.check(),
    };
    check.findings.extend(tracked_env_files());
    terminal.result(&match options.output {
        CheckOutput::Text => findings::text(&check),
        CheckOutput::Json => json::check(scene.tenant(), &check),
        CheckOutput::Github => findings::github(&check),
    })?;
    Ok(Ending::differences(!check.findings.is_empty()))
}

/// The files of a tenant directory as git's index has them: what the next commit will say.
fn staged(path: &Path) -> Result<Source<'static>> {
    let repository = Repository::of(path)?.ok_or_else(|| GitError::NoRepository {
        folder: path.to_owned(),
    })?;
    let files = repository.staged()?;
    let contents: Vec<ObjectId> = files.iter().map(|file| file.content.clone()).collect();
    let mut paths = files.into_iter();
    let mut staged = BTreeMap::new();
    repository.read(&contents, |content| {
        if let (Some(file), Some(content)) = (paths.next(), content) {
            staged.insert(PathBuf::from(file.path), content);
        }
    })?;
    Ok(Source::in_memory(path, staged))
}

/// `.env` files that git tracks. Where there is no git, or no repository, none are.
fn tracked_env_files() -> Vec<Finding> {
    let tracked = Command::new("git")
        .args(["ls-files", "-z", "--", ":(glob)**/.env*"])
        .output();
    let tracked = match tracked {
        Ok(output) if output.status.success() => output.stdout,
        _ => return Vec::new(),
    };
    let files = String::from_utf8_lossy(&tracked).into_owned();
    files
        .split_terminator('\0')
        .filter(|file| !file.ends_with(".env.example"))
        .map(|file| Finding {
            path: PathBuf::from(file),
            position: Position::START,
            message: "git tracks this file, which is for secrets".to_owned(),
            hint: Some(format!(
                "`git rm --cached {file}`, let .gitignore have it, and rotate what is in it"
            )),
        })
        .collect()
}
