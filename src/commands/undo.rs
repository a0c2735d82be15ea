//! `undo`: the inverse of what the last push sent, as a plan that is shown, asked about and sent like that of a push.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;

use super::carrying_out::{confirm, send_and_report, sent, show};
use super::invocation::Invocation;
use super::manner::Manner;
use super::sending::{Rewrites, rewrite_file};
use super::session::LiveResources;
use super::warnings::{report_unread, warn_of_unread_settings};
use super::workspace::{Read, Workspace};
use super::{Ending, Terminal, Usage, consent};
use crate::base::BaseFrom;
use crate::cli::{self, Undo as Options};
use crate::files::{Access, TenantDirectory, read_file};
use crate::merge::pushed;
use crate::names::names_in;
use crate::plan::{ResourcePlan, State};
use crate::push_plan::{HeldBack, Own, PushPlan, Reason};
use crate::resource::ResourceId;
use crate::select::Selection;
use crate::sent::{Became, InFile, SentBy, SentPush};
use crate::settings::Connection;
use crate::undo::{Back, Rewrite, Undo};

pub(super) async fn run(
    invocation: &Invocation<'_>,
    options: &Options,
    terminal: &Terminal,
) -> Result<Ending> {
    let manner = Manner::from(options);
    let settings = invocation.settings()?;
    let project = invocation.project()?;
    let is_protected =
        project.protected == Some(true) || settings.as_ref().is_some_and(Connection::is_protected);
    consent::check_yes(&manner, invocation, is_protected, settings.as_ref())?;
    let access = match options.dry_run {
        true => Access::Read,
        false => Access::Write,
    };
    warn_of_unread_settings(invocation, terminal)?;
    let directory = invocation.open(project.managed(), access, terminal)?;
    let from = match &options.of {
        Some(file) => of_document(file)?,
        None => of_record(&directory)?,
    };
    // A broken file of another resource is in nobody's way.
    let ids = from.resources.iter().map(|resource| resource.id.as_str());
    let ids: Vec<String> = ids.map(str::to_owned).collect();
    let selection = Selection::new(&ids, |_| Vec::new());
    let asked = cli::Base { base: None };
    let mut workspace = Workspace::of_opened(
        invocation,
        settings,
        &project,
        (selection, &asked),
        (directory, access),
        terminal,
    )?;
    check_domain(&from, options.of.as_deref(), &workspace)?;
    let base = match workspace.bases.from() {
        BaseFrom::Lock => from.base.clone(),
        commit @ BaseFrom::Commit(_) => commit,
    };
    if base != BaseFrom::Lock {
        workspace.bases.keep_lock();
    }

    let (live, unread) = read(&from, &workspace).await?;
    let is_read = |id: &ResourceId| live.has_read(id.kind());
    let readable = SentPush {
        resources: from
            .resources
            .iter()
            .filter(|one| is_read(&one.id))
            .cloned()
            .collect(),
        ..from.clone()
    };
    let made = (workspace.session.tenant.clone(), base);
    let files = &workspace.contents.resources;
    let undo = Undo::of(&readable, workspace.managed(), &live, files, made);
    let own_client = workspace.session.reader.own_client();
    let own = Own {
        client: own_client.as_deref(),
        management_api: Some(workspace.session.reader.audience()),
    };
    let mut push = PushPlan::decide(undo.plan, &live, own, false);
    push.held_back.extend(undo.held_back);
    push.held_back.extend(unread);
    let ending = report_unread(&live, terminal);
    let names = names_in(&live, &workspace.contents.resources);
    if options.dry_run {
        return Ok(show(&push, &manner, &names, terminal)?.and(ending));
    }
    if let Some(stopped) = confirm(
        &mut push,
        &workspace,
        is_protected,
        &manner,
        &names,
        terminal,
    )
    .await?
    {
        return Ok(stopped.and(ending));
    }
    drop(names);
    let rewrites = rewrites(&push, &undo.files, &mut workspace, &live, terminal)?;
    if push.updates.is_empty() && from.by == SentBy::UnfinishedUndo && options.of.is_none() {
        // It was killed after it had done all. The last line of its record may be torn, and nothing can be added to that.
        let finished = SentPush {
            by: SentBy::Undo,
            ..going_on(from.clone())
        };
        workspace.directory.begin_sent(|_| finished.write())?;
    }
    let sent = match from.by {
        SentBy::UnfinishedUndo => going_on(from),
        SentBy::Push | SentBy::UnfinishedPush | SentBy::Undo => {
            sent(&push, SentBy::UnfinishedUndo, &live, |id, key| {
                let fields = &workspace.contents.resources.get(id)?.fields;
                let back = undo.files.get(id)?.iter().find(|back| back.key == *key)?;
                let (before, after) = (back.from.clone(), back.to.clone());
                let is_absent = key.field.of(fields).is_none();
                Some((InFile { before, after }, back.comes_and_goes || is_absent))
            })
        }
    };
    let sending = send_and_report(workspace, push, (sent, &rewrites), &manner, terminal);
    Ok(sending.await?.and(ending))
}

/// What the record beside the lock says.
fn of_record(directory: &TenantDirectory) -> Result<SentPush> {
    let Some(text) = directory.read_sent()? else {
        return Err(Usage::error(
            "there is nothing to undo: no push from this directory is on record",
            "`tenantry undo --of FILE` undoes a push by what its `push -o json` printed; what git knows of the files, `git revert` takes \
             back, and `tenantry push` sends it",
        ));
    };
    SentPush::parse(&text).map_err(|problem| {
        Usage::error(
            format!("the record of the last push can't be used: {problem}"),
            "`tenantry undo --of FILE` undoes a push by what its `push -o json` printed; the next push begins a new record",
        )
    })
}

/// What the document of a push says.
fn of_document(file: &Path) -> Result<SentPush> {
    // An error about one of our own files would quote the line. This may be any file, even one with a secret.
    SentPush::of_document(&read_file(file)?).map_err(|error| {
        Usage::error(
            format!("{}:{}: {}", file.display(), error.position, error.message),
            error.hint.unwrap_or_default(),
        )
    })
}

/// Refuses what was sent to another tenant.
fn check_domain(from: &SentPush, file: Option<&Path>, workspace: &Workspace) -> Result<()> {
    let (theirs, ours) = (&from.tenant.domain, &workspace.session.tenant.domain);
    if theirs == ours {
        return Ok(());
    }
    let what = match file {
        Some(file) => format!("{} is of a push", file.display()),
        None => "the last push from this directory was one".to_owned(),
    };
    Err(Usage::error(
        format!("nothing was sent: {what} to {theirs}, and the settings name {ours}"),
        "a push is undone on the tenant that it was sent to",
    ))
}

/// Reads what was sent to, and says of what could not be read that it is held back.
async fn read(from: &SentPush, workspace: &Workspace) -> Result<(LiveResources, Vec<HeldBack>)> {
    let managed = workspace.managed();
    let is_managed = |id: &ResourceId| managed.kinds().any(|kind| kind == id.kind());
    let resources = from.resources.iter();
    let resources: Vec<_> = resources
        .filter(|resource| resource.became != Became::Made && is_managed(&resource.id))
        .collect();
    let ids: Vec<&ResourceId> = resources.iter().map(|resource| &resource.id).collect();
    let fields = Read::Managed.fields(managed);
    let known = (&workspace.contents, &workspace.bases);
    let live = workspace.session.these(&ids, known, fields).await?;
    let unread = resources.into_iter().filter_map(|resource| {
        let mut unread = live.unread.iter();
        let (_, error) = unread.find(|(kind, _)| *kind == resource.id.kind())?;
        let reason = match error.is_about_the_plan() {
            true => Reason::NotIncluded,
            false => Reason::Unread,
        };
        let resource = ResourcePlan {
            id: resource.id.clone(),
            name: resource.name.clone(),
            file: resource.file.clone(),
            state: State::Changed,
            fields: Vec::new(),
        };
        Some(HeldBack { resource, reason })
    });
    let unread = unread.collect();
    Ok((live, unread))
}

/// What files are to say once the tenant has answered. Those that go back because the tenant says it already are written here.
fn rewrites(
    push: &PushPlan,
    backs: &BTreeMap<ResourceId, Vec<Back>>,
    workspace: &mut Workspace,
    live: &LiveResources,
    terminal: &Terminal,
) -> Result<Rewrites> {
    let mut rewrites = Rewrites::new();
    for (id, backs) in backs {
        let Some(file) = workspace.contents.resources.get(id) else {
            continue;
        };
        let update = push.updates.iter().find(|update| update.id == *id);
        let rewrite = Rewrite {
            edits: update.map_or_else(Vec::new, |update| update.fields.clone()),
            back: backs.clone(),
        };
        let (fields, left_alone) = rewrite.file_after(&file.fields, &rewrite.edits);
        for key in left_alone {
            terminal.note(&format!(
                "{}: {key} in the file says something else than what was sent, and stays",
                file.file
            ));
        }
        let Some(fields) = fields else {
            continue;
        };
        if update.is_some() {
            rewrites.insert(id.clone(), rewrite);
            continue;
        }
        rewrite_file(&workspace.directory, id, file, &fields)?;
        terminal.note(&format!(
            "{}: it says again what the tenant says",
            file.file
        ));
        if let Some(live) = live.get(id) {
            let is_whole = Read::Managed.is_whole(id.kind());
            let base = workspace.bases.of(id);
            let base = pushed(workspace.managed(), &fields, base, live, is_whole, &[]);
            workspace.bases.record(id, &file.file, base);
        }
    }
    workspace.bases.write(&workspace.directory)?;
    Ok(rewrites)
}

/// The record of an undo that goes on: what it was about to send is what it is about to send still.
fn going_on(mut from: SentPush) -> SentPush {
    for resource in &mut from.resources {
        if resource.became == Became::NotSent {
            resource.became = Became::Unknown;
        }
    }
    from
}
