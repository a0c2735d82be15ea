//! `pull`: live into files, decided as a whole before the first byte is written.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;

use super::create::finish_earlier;
use super::invocation::Invocation;
use super::warnings::{report_unread, warn_rewritten};
use super::workspace::{Read, Workspace};
use super::{Ending, Terminal, Usage};
use crate::base::Bases;
use crate::cli::{FileFormat, Pull, ResultForm};
use crate::files::{Access, Contents, FilesError, Format, LOCK_FILE, TenantDirectory};
use crate::pull_plan::{Pulled, Status, Wishes, decide};
use crate::render;
use crate::resource::ResourceId;

pub(super) async fn run(
    invocation: &Invocation<'_>,
    options: &Pull,
    terminal: &Terminal,
) -> Result<Ending> {
    let settings = invocation.settings()?;
    let project = invocation.project()?;
    if let (Some(settings), Some(name)) = (&settings, invocation.tenant())
        && invocation.borrows_settings()
        && !options.yes
    {
        let path = invocation.path()?;
        let domain = settings.domain();
        if !path.join(LOCK_FILE).exists() && !is_meant(name, domain.as_str(), &path, terminal)? {
            return Ok(Ending::Differences);
        }
    }
    let asked = (&options.selectors, &options.base);
    let mut workspace = Workspace::open(
        invocation,
        settings,
        &project,
        asked,
        Access::Create,
        terminal,
    )?;
    // What a push made that was killed has its file already, and gets no second one.
    if finish_earlier(&mut workspace, true, terminal).await? {
        workspace.read_again(terminal)?;
    }
    // With --discard-local, invalid values are dropped, so they need no check.
    let checked = match options.discard_local {
        true => None,
        false => Some(workspace.check_edits()?),
    };
    let live = workspace
        .session
        .all(workspace.managed(), &workspace.contents)
        .await?;
    let (selected, new) = workspace.select(&live)?;
    let selected: BTreeSet<&ResourceId> = selected.into_iter().collect();
    if let [first, ..] = new.as_slice() {
        let which = match new.len() {
            1 => format!("{} has no id", first.file.file),
            many => format!("{many} files have no id, {} the first", first.file.file),
        };
        terminal.note(&format!(
            "{which} yet: `tenantry push --create` makes what it describes"
        ));
    }
    if let Some(checked) = checked {
        let there = selected.iter().copied().filter(|id| live.contains_key(*id));
        let plan = workspace.plan(there, &live, Read::Managed);
        workspace.check_plan(&plan, &live, &checked)?;
        workspace.note_earlier(&plan, terminal);
    }

    let format = match options.format {
        FileFormat::Yaml => Format::Yaml,
        FileFormat::Json => Format::Json,
    };
    let wishes = Wishes {
        format,
        discard_local: options.discard_local,
        prune: options.prune,
    };
    let contents = &workspace.contents;
    let pulled = decide(
        workspace.managed(),
        (&contents.resources, &contents.new),
        &workspace.bases,
        &live,
        &selected,
        wishes,
    );
    let selected_all = workspace.selection.is_everything();
    let Workspace {
        directory,
        contents,
        session,
        bases,
        ..
    } = &mut workspace;
    if pulled
        .iter()
        .any(|resource| may_be_left_out(resource, contents))
        && let Some(error) = FilesError::all(std::mem::take(&mut contents.left_out))
    {
        return Err(error.into());
    }
    if selected_all {
        // The lock forgets a resource that neither side has. One of a kind that is not managed was not looked for.
        let managed: BTreeSet<_> = directory.managed().kinds().collect();
        bases.retain(|id| {
            let is_read = managed.contains(id.kind()) && live.has_read(id.kind());
            !is_read || live.contains_key(id) || contents.resources.contains_key(id)
        });
    }
    write(directory, bases, &pulled, contents)?;

    for resource in pulled.iter().filter(|resource| resource.comments_lost) {
        warn_rewritten(&resource.file, terminal);
    }
    match options.output.form {
        ResultForm::Json => terminal.result(&render::json::pull(&session.tenant, &pulled)),
        ResultForm::Text => terminal.text(&render::pull::text(
            &pulled,
            &session.tenant.domain,
            directory.path(),
        )),
    }?;
    let held = |resource: &Pulled| matches!(resource.status, Status::Conflict | Status::Gone);
    let unread = report_unread(&live, terminal);
    Ok(unread.and(Ending::differences(pulled.iter().any(held))))
}

/// Whether the file that a pull would make may be one that is there and can't be read: then its resource would have two.
fn may_be_left_out(resource: &Pulled, contents: &Contents) -> bool {
    let locked = |path: &Path| {
        let mut locked = contents.lock.iter().flat_map(|lock| &lock.resources);
        locked.find(|(_, locked)| path.ends_with(&locked.file))
    };
    let mut paths = contents.left_out.iter().flat_map(FilesError::paths);
    resource.status == Status::Created
        && paths.any(|path| locked(path).is_none_or(|(id, _)| *id == resource.id))
}

/// Asks whether a tenant that has no settings of its own is the one of the unnamed `.env`: its name may be a typing mistake.
fn is_meant(name: &str, domain: &str, path: &Path, terminal: &Terminal) -> Result<bool> {
    if !terminal.can_ask() {
        return Err(Usage::error(
            format!("there is no .env.{name}, and .env names {domain}"),
            format!("make .env.{name}, or say with --yes that {domain} is {name}"),
        ));
    }
    let question = format!(
        "There is no .env.{name}, and .env names {domain}. Pull it into {}?",
        path.display()
    );
    Ok(terminal.confirm(&question)?)
}

/// Writes what changes, in an order in which a kill does no harm at any step. A new resource is in the lock before its file is
/// there, or the file would pass for an edit when the tenant changes next; a file that changes is written before its base does,
/// or what it said before would.
fn write(
    directory: &TenantDirectory,
    bases: &mut Bases,
    pulled: &[Pulled],
    contents: &Contents,
) -> Result<()> {
    for resource in pulled
        .iter()
        .filter(|resource| resource.status == Status::Created)
    {
        remember(bases, resource);
    }
    bases.write(directory)?;
    let written = pulled.iter().try_for_each(|resource| {
        match (contents.resources.get(&resource.id), &resource.text) {
            (Some(file), _) if resource.status == Status::Pruned => directory.remove_file(file)?,
            (Some(file), Some(text)) => directory.rewrite_file(file, text)?,
            (None, Some(text)) => directory.create_file(&resource.file, text)?,
            (_, None) => {}
        }
        remember(bases, resource);
        Ok(())
    });
    // The lock remembers what was done, also when the rest failed. The first failure is returned.
    written.and(bases.write(directory).map_err(Into::into))
}

fn remember(bases: &mut Bases, resource: &Pulled) {
    match &resource.base {
        Some(base) => bases.record(&resource.id, &resource.file, base.clone()),
        None if resource.status == Status::Pruned => bases.forget(&resource.id),
        None => {}
    }
}
