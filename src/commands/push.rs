//! `push`: shows the plan that diff shows, asks, and sends its edits. The lock is written after each answer, so a push that is
//! killed at any moment is finished by the next one.

use std::collections::BTreeSet;

use anyhow::Result;

use super::carrying_out::{confirm, send_and_report, sent, show};
use super::create::finish_earlier;
use super::invocation::Invocation;
use super::manner::Manner;
use super::planned::planned;
use super::sending::Rewrites;
use super::session::LiveResources;
use super::warnings::report_unread;
use super::workspace::{Read, Workspace, check_fields};
use super::{Ending, Terminal, consent, saved};
use crate::cli::Push;
use crate::files::Access;
use crate::kinds::Kind;
use crate::merge::pushed;
use crate::names::names_in;
use crate::push_plan::{Own, PushPlan};
use crate::sent::SentBy;
use crate::settings::Connection;

pub(super) async fn run(
    invocation: &Invocation<'_>,
    options: &Push,
    terminal: &Terminal,
) -> Result<Ending> {
    let settings = invocation.settings()?;
    let project = invocation.project()?;
    let is_protected =
        project.protected == Some(true) || settings.as_ref().is_some_and(Connection::is_protected);
    let manner = Manner::from(options);
    consent::check_yes(&manner, invocation, is_protected, settings.as_ref())?;
    let access = match options.dry_run {
        true => Access::Read,
        false => Access::Write,
    };
    check_fields(&options.fields, &project.managed(), "here")?;
    let asked = (&options.selectors, &options.base);
    let mut workspace = Workspace::open(invocation, settings, &project, asked, access, terminal)?;
    workspace.note_unmanaged(terminal);
    let checked = workspace.check_edits()?;
    if !options.dry_run && finish_earlier(&mut workspace, false, terminal).await? {
        workspace.read_again(terminal)?;
    }

    let read = match &options.plan {
        None => planned(options, &workspace).await?,
        Some(file) => match saved::planned(file, options, &workspace, terminal).await? {
            Some(planned) => planned,
            None => return Ok(Ending::Differences),
        },
    };
    let plan = match options.overwrite_drift {
        true => read.plan.overwriting_drift(),
        false => read.plan,
    };
    let (live, whole) = (read.live, read.whole);
    workspace.check_plan(&plan, &live, &checked)?;
    if workspace.selection.is_everything() {
        note_deleted(&workspace, terminal);
    }
    let unread = report_unread(&live, terminal);
    let own_client = workspace.session.reader.own_client();
    let own = Own {
        client: own_client.as_deref(),
        management_api: Some(workspace.session.reader.audience()),
    };
    let mut push = PushPlan::decide(plan, &live, own, options.create);
    push.held_back.extend(read.held_back);
    push.not_made.extend(read.not_made);
    let names = names_in(&live, &workspace.contents.resources);
    let ending = match options.dry_run {
        true => show(&push, &manner, &names, terminal)?,
        false => match confirm(
            &mut push,
            &workspace,
            is_protected,
            &manner,
            &names,
            terminal,
        )
        .await?
        {
            Some(ending) => ending,
            None => {
                drop(names);
                let sent = sent(&push, SentBy::UnfinishedPush, &live, |_, _| None);
                remember_read(&mut workspace, &push, &live, whole);
                send_and_report(workspace, push, (sent, &Rewrites::new()), &manner, terminal)
                    .await?
            }
        },
    };
    Ok(ending.and(unread))
}

/// A resource that was read and is not updated may be in step now, which the lock remembers.
fn remember_read(workspace: &mut Workspace, push: &PushPlan, live: &LiveResources, read: Read) {
    let due = push.due();
    for (id, live) in live.iter().filter(|(id, _)| !due.contains(id)) {
        if let Some(file) = workspace.contents.resources.get(id) {
            let base = workspace.bases.of(id);
            let is_whole = read.is_whole(id.kind());
            let base = pushed(workspace.managed(), &file.fields, base, live, is_whole, &[]);
            workspace.bases.record(id, &file.file, base);
        }
    }
}

/// Says that a push does nothing about files that are gone.
fn note_deleted(workspace: &Workspace, terminal: &Terminal) {
    let contents = &workspace.contents;
    // Of a kind that is not managed, no file was looked for.
    let is_managed = |kind: &Kind| workspace.managed().kinds().any(|managed| managed == kind);
    // A file that says another id, or has another's name by now, is not gone.
    let there: BTreeSet<&str> = contents.files().map(|(.., file)| &*file.file).collect();
    let deleted = contents.without_file();
    let deleted = deleted.filter(|(id, file)| is_managed(id.kind()) && !there.contains(file));
    let deleted: Vec<&str> = deleted.map(|(_, file)| file).collect();
    let which = match deleted.as_slice() {
        [] => return,
        [file] => format!("{file} is gone"),
        [first, .., last] => format!("{} files are gone, {first} to {last}", deleted.len()),
    };
    terminal.note(&format!(
        "{which}: push deletes nothing: delete the resource in the dashboard, or have `tenantry pull` write the file again"
    ));
}
