//! `push`: shows the plan that diff shows, asks, and sends its edits. The lock is written after each answer, so a push that is
//! killed at any moment is finished by the next one.

use std::collections::{BTreeMap, BTreeSet};
use std::iter;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

use anyhow::Result;
use serde_json::{Map, Value};

use super::invocation::Invocation;
use super::manner::Manner;
use super::session::LiveResources;
use super::workspace::{Read, Workspace, check_fields, report_unread};
use super::{Ending, Terminal, consent, saved};
use crate::api::ApiError;
use crate::apply::{Outcome, UpdateResult, apply};
use crate::base::Bases;
use crate::cli::{Push, ResultForm};
use crate::files::{self, Access, FilesError, ResourceFile, SentRecord, TenantDirectory};
use crate::kinds::{FieldKey, Kind};
use crate::merge::pushed;
use crate::names::{Names, names_in};
use crate::plan::{Change, Plan, ResourcePlan, may_be_edited, unsent_edits};
use crate::push_plan::{HeldBack, Own, PushPlan, Reason, Update};
use crate::render;
use crate::resource::{Resource, ResourceId};
use crate::saved_plan::{Since, since};
use crate::sent::{FINISHED, InFile, SentBy, SentPush, outcome_line};
use crate::settings::Connection;
use crate::undo::Rewrite;

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
    let mut push = PushPlan::decide(plan, &live, own);
    push.held_back.extend(read.held_back);
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
                let sent = sent(&push, SentBy::Push, &live, |_, _| None);
                remember_read(&mut workspace, &push, &live, whole);
                send_and_report(workspace, push, (sent, &Rewrites::new()), &manner, terminal)
                    .await?
            }
        },
    };
    Ok(ending.and(unread))
}

/// What a push sets out with.
pub(super) struct Planned {
    pub(super) plan: Plan,
    pub(super) live: LiveResources,
    /// How much of each live resource was read.
    pub(super) whole: Read,
    /// Files of kinds that the tenant did not let be read.
    pub(super) held_back: Vec<HeldBack>,
}

/// Shows the plan and what of it a push would hold back.
pub(super) fn show(
    push: &PushPlan,
    manner: &Manner,
    names: &Names<'_>,
    terminal: &Terminal,
) -> Result<Ending> {
    match manner.form {
        ResultForm::Text => {
            let mut text = render::text::plan(&push.plan, names);
            text.push_str(&render::text::held_back(&push.held_back));
            terminal.text(&text)
        }
        ResultForm::Json => terminal.result(&render::json::plan(&push.plan)),
    }?;
    let is_something = !push.plan.resources.is_empty() || !push.held_back.is_empty();
    Ok(Ending::differences(is_something))
}

/// Shows the plan, and asks where that is due. None where it may be sent; else how the push ended.
pub(super) async fn confirm(
    push: &mut PushPlan,
    workspace: &Workspace,
    is_protected: bool,
    manner: &Manner,
    names: &Names<'_>,
    terminal: &Terminal,
) -> Result<Option<Ending>> {
    // With --interactive, the resources are shown one by one, with a question each.
    let stepping = manner.interactive && !push.updates.is_empty();
    match manner.form {
        ResultForm::Text if stepping || push.plan.resources.is_empty() => {}
        ResultForm::Text => terminal.text(&render::text::plan(&push.plan, names))?,
        ResultForm::Json => note_drift(&push.plan, terminal),
    }
    if push.has_conflict() {
        let ending = finish(push, Vec::new(), manner, terminal)?;
        workspace.note_earlier(&push.plan, terminal);
        return Ok(Some(ending));
    }
    for (update, field, risk) in push.risks() {
        let file = update.file.as_deref().unwrap_or(update.id.as_str());
        terminal.warn(&format!("{file}: {field}: {risk}"));
    }
    let cost = |push: &PushPlan| workspace.session.cost(push);
    if push.updates.is_empty() || manner.yes {
        let cost = cost(push);
        if cost.is_worth_a_word() {
            terminal.note(&cost.to_string());
        }
        return Ok(None);
    }
    if !consent::ask(push, is_protected, manner, cost, names, terminal)? {
        push.hold_back_everything(&Reason::NotConfirmed);
        return finish(push, Vec::new(), manner, terminal).map(Some);
    }
    // The question may have taken a while, and somebody else may have edited the tenant meanwhile.
    let Some(moved) = moved(push, workspace).await? else {
        return Ok(None);
    };
    push.hold_back_everything(&Reason::ChangedSinceQuestion);
    finish(push, Vec::new(), manner, terminal)?;
    terminal.error(
        &format!("nothing was sent: the tenant changed since the question\n{moved}"),
        Some(&format!(
            "run `tenantry {}` again, and look at the new plan",
            manner.verb.name()
        )),
    );
    Ok(Some(Ending::Differences))
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

/// Sends the updates, and says what became of them.
pub(super) async fn send_and_report(
    workspace: Workspace,
    mut push: PushPlan,
    recorded: (SentPush, &Rewrites),
    manner: &Manner,
    terminal: &Terminal,
) -> Result<Ending> {
    let updates = std::mem::take(&mut push.updates);
    terminal.begin_sending();
    let (outcomes, written) = send(workspace, updates, recorded, terminal).await;
    let ending = finish(&push, outcomes, manner, terminal)?;
    if let Err(error) = written {
        terminal.error(
            &error.to_string(),
            Some("what was updated is on the tenant all the same: `tenantry pull` brings the lock up to date"),
        );
        return Ok(Ending::Failure);
    }
    if terminal.stop().is_wished() {
        return Ok(Ending::Interrupted);
    }
    Ok(ending)
}

/// The plan of the files as they are, and the live resources that were read for it.
async fn planned(options: &Push, workspace: &Workspace) -> Result<Planned> {
    let Workspace {
        session,
        contents,
        bases,
        ..
    } = workspace;
    let managed = workspace.managed();
    let mut ids = workspace.selection.pick(workspace.known_names())?;
    let is_asked =
        |name: &str| options.fields.is_empty() || options.fields.iter().any(|asked| asked == name);
    let unsent = |id: &ResourceId| {
        let local = &contents.resources[id].fields;
        options.fields.is_empty()
            && unsent_edits(id, local, bases.of(id), managed)
                .next()
                .is_some()
    };
    // Without asking the tenant, it is known which files can't have anything to send or to report.
    if !options.overwrite_drift {
        ids.retain(|id| {
            let fields = managed
                .fields(id.kind())
                .filter(|field| is_asked(field.name()));
            may_be_edited(&contents.resources[*id].fields, bases.of(id), fields) || unsent(id)
        });
    }
    let read = match ids.iter().any(|id| unsent(id)) {
        true => Read::Whole,
        false => Read::Managed,
    };
    let live = session
        .these(&ids, (contents, bases), read.fields(managed))
        .await?;
    let held_back = workspace.held_back_unread(&ids, &live);
    ids.retain(|id| live.has_read(id.kind()));
    let mut plan = workspace.plan(ids, &live, read);
    // A difference in a field that push does not send is reported only where the file was edited.
    plan.retain(|field| field.change != Change::Unmanaged || field.is_unsent_edit);
    if !options.fields.is_empty() {
        plan = plan.narrowed(&options.fields);
    }
    Ok(Planned {
        plan,
        live,
        whole: read,
        held_back,
    })
}

/// Says that a push does nothing about files that are gone.
fn note_deleted(workspace: &Workspace, terminal: &Terminal) {
    let contents = &workspace.contents;
    // Of a kind that is not managed, no file was looked for.
    let is_managed = |kind: &Kind| workspace.managed().kinds().any(|managed| managed == kind);
    let locked = contents.lock.iter().flat_map(|lock| &lock.resources);
    let locked = locked.filter(|(id, _)| is_managed(id.kind()));
    let deleted = locked.filter(|(id, _)| !contents.resources.contains_key(*id));
    let deleted: Vec<_> = deleted.collect();
    let which = match deleted.as_slice() {
        [] => return,
        [(_, locked)] => format!("{} is gone", locked.file),
        [(_, first), .., (_, last)] => {
            format!(
                "{} files are gone, {} to {}",
                deleted.len(),
                first.file,
                last.file
            )
        }
    };
    terminal.note(&format!(
        "{which}: push deletes nothing; `tenantry pull` writes the file again"
    ));
}

/// Reports drift on stderr: the document of a push is about what was sent, and has no place for it.
fn note_drift(plan: &Plan, terminal: &Terminal) {
    for resource in &plan.resources {
        for field in resource.changed(Change::Drift) {
            let file = resource.label();
            terminal.note(&format!(
                "{file}: drift in {}: the tenant changed it, and it is left alone; `tenantry pull` takes it in",
                field.field
            ));
        }
    }
}

/// Reads the resources that are to be updated once more. Answers the fields in which live is not what the plan says, a line each.
async fn moved(push: &PushPlan, workspace: &Workspace) -> Result<Option<String>> {
    let ids = push.due();
    let due = push.plan.resources.iter();
    let due: Vec<&ResourcePlan> = due.filter(|resource| ids.contains(&resource.id)).collect();
    let ids: Vec<&ResourceId> = due.iter().map(|resource| &resource.id).collect();
    let fields = Read::Managed.fields(workspace.managed());
    let live = workspace
        .session
        .these(&ids, (&workspace.contents, &workspace.bases), fields)
        .await?;
    let moved: Vec<String> = due
        .iter()
        .filter_map(|resource| {
            let name = resource.label();
            match live
                .get(&resource.id)
                .map(|live| since(resource, live.fields()))
            {
                Some(Since::AsPlanned) => None,
                Some(Since::Moved(field)) => Some(format!("{name}: {field}")),
                Some(Since::PartlyApplied(_)) => {
                    Some(format!("{name}: it has some of these values already"))
                }
                None if !live.has_read(resource.id.kind()) => {
                    Some(format!("{name}: it could not be read"))
                }
                None => {
                    let one = resource.id.kind().singular;
                    Some(format!("{name}: the tenant has no {one} with this id"))
                }
            }
        })
        .collect();
    Ok((!moved.is_empty()).then(|| moved.join("\n")))
}

/// What is about to be sent, for the record. `in_file` tells what a file says before and after, where that is not what the tenant says.
pub(super) fn sent(
    push: &PushPlan,
    by: SentBy,
    live: &LiveResources,
    in_file: impl Fn(&ResourceId, &FieldKey) -> Option<(InFile, bool)>,
) -> SentPush {
    let Plan { tenant, base, .. } = &push.plan;
    let of = (tenant.clone(), base.clone(), by);
    SentPush::of(of, &push.updates, live, in_file)
}

/// What files are to say by resource, once the tenant has answered.
pub(super) type Rewrites = BTreeMap<ResourceId, Rewrite>;

/// Sends the updates, and writes what was answered into the files that change with it and into the lock as it comes in. What is sent
/// is on the disk before the first request goes out, so that it can be undone wherever it stops.
async fn send(
    workspace: Workspace,
    updates: Vec<Update>,
    (sent, rewrites): (SentPush, &Rewrites),
    terminal: &Terminal,
) -> (Vec<Outcome>, Result<(), FilesError>) {
    let Workspace {
        directory,
        contents,
        session,
        bases,
        ..
    } = workspace;
    let files = contents.resources;
    let record = || match updates.is_empty() {
        true => Ok(None),
        false => directory.begin_sent(&sent.write()).map(Some),
    };
    let mut record = match bases.write(&directory).and_then(|()| record()) {
        Ok(record) => record,
        Err(error) => {
            let outcomes = updates.into_iter().map(|update| Outcome {
                update,
                result: UpdateResult::NotAttempted,
            });
            return (outcomes.collect(), Err(error));
        }
    };
    terminal.progress().begin("updating", Some(updates.len()));
    let (tell, answers) = mpsc::channel();
    let can_remember = Arc::new(AtomicBool::new(true));
    let remembering = {
        let can_remember = Arc::clone(&can_remember);
        tokio::task::spawn_blocking(move || remember(answers, bases, &directory, &can_remember))
    };
    let mut answered = BTreeSet::new();
    let outcomes = apply(&session.reader.writer(), updates, |outcome| {
        if !matches!(outcome.result, UpdateResult::NotAttempted)
            && answered.insert(outcome.update.id.clone())
        {
            terminal.progress().advance(1);
        }
        if let Some(record) = &mut record {
            record.note(&outcome_line(outcome));
        }
        if let UpdateResult::Updated { resource, .. } = &outcome.result
            && let Some(file) = files.get(&outcome.update.id)
        {
            let done = &outcome.update.fields;
            let sent = done.iter().filter_map(|edit| edit.field.key().cloned());
            let rewrite = rewrites.get(&outcome.update.id);
            // Sending can't fail: the receiver lives until this sender is dropped.
            let _ = tell.send(Answered {
                file: file.clone(),
                rewrite: rewrite.and_then(|rewrite| rewrite.file_after(&file.fields, done).0),
                live: resource.clone(),
                sent: sent.collect(),
            });
        }
        // A push whose lock can't be written does not go on.
        can_remember.load(Ordering::Relaxed)
    })
    .await;
    drop(tell);
    let written = match remembering.await {
        Ok(written) => written,
        Err(error) => resume_unwind(error.into_panic()),
    };
    if let Some(record) = record {
        close(record, sent.by, &outcomes, written.is_ok());
    }
    (outcomes, written)
}

/// Closes the record of what was sent: an undo that did all that it had to do, in files as well, is noted, and what sent nothing leaves
/// the last record.
fn close(mut record: SentRecord, by: SentBy, outcomes: &[Outcome], is_remembered: bool) {
    let results = || outcomes.iter().map(|outcome| &outcome.result);
    if !outcomes.iter().any(may_have_effect) {
        record.take_back();
    } else if by != SentBy::Push
        && is_remembered
        && results().all(|result| matches!(result, UpdateResult::Updated { .. }))
    {
        record.note(FINISHED);
    }
}

/// Whether something on the tenant may be another way since. A change to a list may take several requests, of which the first may
/// have gone through.
fn may_have_effect(outcome: &Outcome) -> bool {
    match &outcome.result {
        UpdateResult::Updated { .. } => true,
        UpdateResult::NotAttempted => false,
        UpdateResult::Failed(error) => {
            outcome.update.patch.list().is_some() || !error.is_refused_at_once()
        }
    }
}

/// An update that the tenant answered.
struct Answered {
    file: ResourceFile,
    /// What its file is to say from now on.
    rewrite: Option<Map<String, Value>>,
    live: Resource,
    sent: Vec<FieldKey>,
}

/// Writes answers into the lock: all that came in while it was written the last time, again and again until nothing is new. So
/// requests don't wait for the disk, and an answer costs no more where the lock is long. An answer that is lost in a kill does no
/// harm: file and tenant agree, so the next push sends nothing twice. A file that changes is written before its base does. The first
/// failure counts, whatever works later.
fn remember(
    answers: mpsc::Receiver<Answered>,
    mut bases: Bases,
    directory: &TenantDirectory,
    can_remember: &AtomicBool,
) -> Result<(), FilesError> {
    let mut first_failure = Ok(());
    while let Ok(answered) = answers.recv() {
        for answered in iter::once(answered).chain(answers.try_iter()) {
            let id = answered.live.id();
            let mut local: &Map<String, Value> = &answered.file.fields;
            if let Some(rewrite) = &answered.rewrite {
                match rewrite_file(directory, id, &answered.file, rewrite) {
                    Ok(()) => local = rewrite,
                    Err(error) => first_failure = first_failure.and(Err(error)),
                }
            }
            let base = pushed(
                directory.managed(),
                local,
                bases.of(id),
                &answered.live,
                true,
                &answered.sent,
            );
            bases.record(id, &answered.file.file, base);
        }
        let written = bases.write(directory);
        if written.is_err() {
            can_remember.store(false, Ordering::Relaxed);
        }
        first_failure = first_failure.and(written);
    }
    first_failure
}

/// Gives a resource's file these fields, and changes nothing else in it.
pub(super) fn rewrite_file(
    directory: &TenantDirectory,
    id: &ResourceId,
    file: &ResourceFile,
    fields: &Map<String, Value>,
) -> Result<(), FilesError> {
    let leading = directory.managed().leading(id.kind());
    let rewritten = files::rewrite(&file.text, fields, &leading, file.format);
    if rewritten.comments_lost {
        log::warn!(
            "{}: its comments and layout could not be kept with the new values; git has them",
            file.file
        );
    }
    directory.rewrite_file(file, &rewritten.text)
}

/// Says which fields are in conflict, and how to decide, with the words to type where it is one resource. `base` is what was typed.
fn report_conflicts(plan: &Plan, base: Option<&str>, terminal: &Terminal) {
    let base = base.map(|rev| format!(" --base {rev}")).unwrap_or_default();
    let conflicts = plan.resources.iter().map(|resource| {
        let fields = resource.changed(Change::Conflict);
        (
            resource,
            fields.map(|field| &field.field).collect::<Vec<_>>(),
        )
    });
    let conflicts: Vec<_> = conflicts.filter(|(_, fields)| !fields.is_empty()).collect();
    let joined = |names: Vec<String>, separator: &str| names.join(separator);
    let (resource, fields) = match conflicts.as_slice() {
        [(resource, fields)] => {
            let mut names: Vec<String> =
                fields.iter().map(|field| field.name().to_owned()).collect();
            names.dedup();
            (resource.label(), joined(names, ","))
        }
        _ => ("SELECTOR", "FIELD,…".to_owned()),
    };
    let lines = conflicts.iter().map(|(resource, fields)| {
        let fields = fields.iter().map(ToString::to_string).collect();
        format!("\n{}: {}", resource.label(), joined(fields, ", "))
    });
    terminal.error(
        &format!(
            "nothing was sent: file and tenant both changed since they were last in step{}",
            lines.collect::<String>()
        ),
        Some(&format!(
            "`tenantry pull{base}` keeps the file's value: edit the file to match the tenant; or take the tenant's everywhere in the \
             file with `tenantry pull{base} --discard-local {resource}`\n\
             the file's value goes over the tenant's with `tenantry push{base} --overwrite-drift --fields {fields} {resource}`; without \
             --fields, over the other drift there too"
        )),
    );
}

/// Reports, and says how it ended.
fn finish(
    push: &PushPlan,
    outcomes: Vec<Outcome>,
    manner: &Manner,
    terminal: &Terminal,
) -> Result<Ending> {
    let is_nothing = push.plan.resources.is_empty() && push.held_back.is_empty();
    match manner.form {
        ResultForm::Json => terminal.result(&render::json::push(push, &outcomes))?,
        ResultForm::Text if push.has_conflict() => {}
        ResultForm::Text if is_nothing => {
            terminal.result(&format!("nothing to {}\n", manner.verb.name()))?;
        }
        ResultForm::Text if outcomes.is_empty() => {
            terminal.text(&render::text::nothing_sent(&push.held_back))?;
        }
        ResultForm::Text => terminal.text(&render::text::outcomes(&outcomes, &push.held_back))?,
    }
    if push.has_conflict() {
        report_conflicts(&push.plan, manner.base.as_deref(), terminal);
    }
    let failed: Vec<_> = outcomes
        .iter()
        .filter_map(|outcome| match &outcome.result {
            UpdateResult::Failed(error) => Some(error),
            _ => None,
        })
        .collect();
    if let Some(first) = failed.first() {
        let more = match failed.len() - 1 {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        let hint = ApiError::hint_of_all(&failed).unwrap_or_default();
        let verb = manner.verb.name();
        let hint =
            format!("{hint}\nwhat was updated is remembered: `tenantry {verb}` sends the rest");
        terminal.error(&format!("{first}{more}"), Some(hint.trim()));
        return Ok(Ending::Failure);
    }
    let differing = outcomes.iter().any(|outcome| {
        matches!(&outcome.result, UpdateResult::Updated { differing, .. } if !differing.is_empty())
    });
    let is_left = |outcome: &Outcome| matches!(outcome.result, UpdateResult::NotAttempted);
    Ok(Ending::differences(
        !push.held_back.is_empty() || differing || outcomes.iter().any(is_left),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::{Managed, clients::KIND};
    use serde_json::json;
    use std::path::Path;

    fn answered(id: &str) -> Answered {
        let fields = json!({"client_id": id, "name": "A"});
        let live = Resource::new(&KIND, fields.as_object().unwrap().clone()).unwrap();
        let text = fields.to_string().into_bytes();
        let read = files::parse_resource(&KIND, Path::new("clients/a.json"), text).unwrap();
        Answered {
            file: read.file,
            rewrite: None,
            live,
            sent: vec![KIND.field("name").unwrap().into()],
        }
    }

    #[test]
    fn the_first_lock_that_could_not_be_written_counts() {
        let folder = tempfile::tempdir().unwrap();
        let directory =
            TenantDirectory::open(folder.path(), Managed::default(), Access::Create, || {})
                .unwrap();
        let lock = folder.path().join("tenant.lock");
        std::fs::create_dir(&lock).unwrap();
        let (tell, answers) = mpsc::channel();
        let can_remember = &AtomicBool::new(true);
        let directory = &directory;
        let written = std::thread::scope(|scope| {
            let remembering =
                scope.spawn(move || remember(answers, Bases::none("d"), directory, can_remember));
            tell.send(answered("a")).unwrap();
            while can_remember.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            std::fs::remove_dir(&lock).unwrap();
            tell.send(answered("b")).unwrap();
            drop(tell);
            remembering.join().unwrap()
        });
        assert!(written.is_err());
        let text = std::fs::read_to_string(&lock).unwrap();
        assert!(text.contains("\"a\"") && text.contains("\"b\""), "{text}");
    }
}
