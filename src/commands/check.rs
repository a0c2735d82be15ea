//! `check`: what is wrong with the files, and with what git keeps, without asking the tenant.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::invocation::Invocation;
use super::{Ending, Terminal, all_tenants};
use crate::cli::{self, FindingsForm, Global};
use crate::files::{self, Access, Check, FilesError, Finding, Position, Source};
use crate::git::{GitError, ObjectId, Repository};
use crate::kinds::Managed;
use crate::render::{findings, json};
use crate::settings::Environment;

pub(super) fn run(
    invocation: &Invocation<'_>,
    options: &cli::Check,
    terminal: &Terminal,
) -> Result<Ending> {
    let check = of_tenant(invocation, options, terminal)?;
    tell(check, invocation.tenant(), options, terminal)
}

/// The same on every tenant that has a folder, as one result.
pub(super) fn run_on_all(
    invocation: &Invocation<'_>,
    (global, environment): (&Global, &Environment),
    options: &cli::Check,
    terminal: &Terminal,
) -> Result<Ending> {
    let mut all = Check::default();
    for global in all_tenants::each(invocation, global)? {
        let check = of_tenant(&Invocation::new(&global, environment)?, options, terminal)?;
        all.files += check.files;
        all.findings.extend(check.findings);
    }
    all.findings.extend(files::same_tenants(invocation.root()));
    // What is wrong in the folder of all of them was found with each.
    all.findings.sort();
    all.findings.dedup();
    tell(all, None, options, terminal)
}

fn of_tenant(
    invocation: &Invocation<'_>,
    options: &cli::Check,
    terminal: &Terminal,
) -> Result<Check> {
    let managed = invocation.project()?.managed();
    let mut check = match options.staged {
        true => staged(&invocation.path()?, &managed)?.check(),
        false => invocation
            .open(managed, Access::Read, terminal)?
            .source()?
            .check(),
    };
    let unread = invocation.unread_settings()?.into_iter();
    let unread = unread.map(|stray| Finding::stray(stray, Path::new("")));
    check.findings.extend(unread);
    Ok(check)
}

fn tell(
    mut check: Check,
    tenant: Option<&str>,
    options: &cli::Check,
    terminal: &Terminal,
) -> Result<Ending> {
    check.findings.extend(tracked_env_files());
    terminal.result(&match options.output.form {
        FindingsForm::Text => findings::text(&check),
        FindingsForm::Json => json::check(tenant, &check),
        FindingsForm::Github => findings::github(&check),
    })?;
    Ok(Ending::differences(!check.findings.is_empty()))
}

/// The files of a tenant directory as git's index has them: what the next commit will say.
fn staged(path: &Path, managed: &Managed) -> Result<Source<'static>> {
    if !path.is_dir() {
        let (path, tenants) = (path.to_owned(), Vec::new());
        return Err(FilesError::NoDirectory { path, tenants }.into());
    }
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
    Ok(Source::in_memory(path, managed, staged))
}

/// `.env` files that git tracks, wherever in the repository they are. Where there is no git, or no repository, none are.
fn tracked_env_files() -> Vec<Finding> {
    let here = Repository::of(Path::new("."));
    let tracked = here.and_then(|here| here.map_or(Ok(Vec::new()), |here| here.tracked_files()));
    let files = tracked.unwrap_or_default().into_iter();
    let env_files = files.filter(|file| {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(".env") && !name.ends_with(".env.example")
    });
    env_files
        .map(|path| Finding {
            message: "git tracks this file, which is for secrets".to_owned(),
            hint: Some(format!(
                "`git rm --cached {}`, let .gitignore have it, and rotate what is in it",
                path.display()
            )),
            position: Position::START,
            path,
        })
        .collect()
}
