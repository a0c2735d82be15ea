//! `push`: shows the plan that diff shows, asks, and sends its edits. The lock is written after each answer, so a push that is
//! killed at any moment is finished by the next one.

use std::collections::{BTreeMap, BTreeSet};
use std::iter;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

use anyhow::Result;
use serde_json::{Map, Value};
use tokio::sync::oneshot;

use super::create::{Adopted, afterwards, cautions, finish_earlier, make, with_ids};
use super::invocation::Invocation;
use super::session::{LiveResources, Session};
use super::workspace::{Read, Workspace, check_fields, report_unread, warn_rewritten};
use super::{Ending, Terminal, consent, saved};
use crate::api::Writer;
use crate::apply::{CreateResult, Created, Outcome, Run, UpdateResult, sort};
use crate::base::Bases;
use crate::cli::{Push, ResultForm};
use crate::create::{Made, New};
use crate::files::{Access, Contents, FilesError, NewFile, ResourceFile, TenantDirectory};
use crate::kinds::{Field, FieldKey, Kind};
use crate::merge::pushed;
use crate::names::{Names, names_in};
use crate::plan::{
    Change, FieldPlan, Plan, PlanField, ResourcePlan, State, may_be_edited, unsent_edits,
};
use crate::push_plan::{HeldBack, NotMade, Own, PushPlan, Reason, Update};
use crate::render;
use crate::resource::{Resource, ResourceId};
use crate::saved_plan::{Since, since};
use crate::settings::Connection;
use crate::three_way::Base;

pub(super) async fn run(
    invocation: &Invocation<'_>,
    options: &Push,
    terminal: &Terminal,
) -> Result<Ending> {
    let settings = invocation.settings()?;
    let project = invocation.project()?;
    let is_protected =
        project.protected == Some(true) || settings.as_ref().is_some_and(Connection::is_protected);
    consent::check_yes(options, invocation, is_protected, settings.as_ref())?;
    let access = match options.dry_run {
        true => Access::Read,
        false => Access::Write,
    };
    check_fields(&options.fields, &project.managed(), "here")?;
    let asked = (&options.selectors, &options.base);
    let mut workspace = Workspace::open(invocation, settings, &project, asked, access, terminal)?;
    let checked = workspace.check_edits()?;
    if !options.dry_run && finish_earlier(&mut workspace, terminal).await? {
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
        true => show(&push, options, &names, terminal)?,
        false => match confirm(
            &mut push,
            &workspace,
            is_protected,
            options,
            &names,
            terminal,
        )
        .await?
        {
            Some(ending) => ending,
            None => {
                drop(names);
                remember_read(&mut workspace, &push, &live, whole);
                send_and_report(workspace, push, options, terminal).await?
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
    /// Files without an id of such kinds.
    pub(super) not_made: Vec<NotMade>,
}

/// Shows the plan and what of it a push would hold back.
fn show(push: &PushPlan, options: &Push, names: &Names<'_>, terminal: &Terminal) -> Result<Ending> {
    match options.output.form {
        ResultForm::Text => {
            let mut text = render::text::plan(&push.plan, names);
            text.push_str(&render::text::held_back(push));
            terminal.text(&text)
        }
        ResultForm::Json => terminal.result(&render::json::plan(&push.plan)),
    }?;
    let is_something = !push.plan.is_empty() || push.holds_something_back();
    Ok(Ending::differences(is_something))
}

/// Shows the plan, and asks where that is due. None where it may be sent; else how the push ended.
async fn confirm(
    push: &mut PushPlan,
    workspace: &Workspace,
    is_protected: bool,
    options: &Push,
    names: &Names<'_>,
    terminal: &Terminal,
) -> Result<Option<Ending>> {
    // With --interactive, the resources are shown one by one, with a question each.
    let stepping = options.interactive && !push.is_nothing_due();
    match options.output.form {
        ResultForm::Text if stepping || push.plan.is_empty() => {}
        ResultForm::Text => terminal.text(&render::text::plan(&push.plan, names))?,
        ResultForm::Json => note_drift(&push.plan, terminal),
    }
    if push.has_conflict() {
        let ending = finish(push, Sent::default(), options, terminal)?;
        workspace.note_earlier(&push.plan, terminal);
        return Ok(Some(ending));
    }
    for (update, field, risk) in push.risks() {
        let file = update.file.as_deref().unwrap_or(update.id.as_str());
        terminal.warn(&format!("{file}: {field}: {risk}"));
    }
    for caution in cautions(&push.creates) {
        terminal.warn(caution);
    }
    if push.is_nothing_due() || options.yes {
        return Ok(None);
    }
    if !consent::ask(push, is_protected, options, names, terminal)? {
        push.hold_back_everything(&Reason::NotConfirmed);
        return finish(push, Sent::default(), options, terminal).map(Some);
    }
    // The question may have taken a while, and somebody else may have edited the tenant meanwhile.
    let Some(moved) = moved(push, workspace).await? else {
        return Ok(None);
    };
    push.hold_back_everything(&Reason::ChangedSinceQuestion);
    finish(push, Sent::default(), options, terminal)?;
    terminal.error(
        &format!("nothing was sent: the tenant changed since the question\n{moved}"),
        Some("run `tenantry push` again, and look at the new plan"),
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

/// What was sent, and what became of it.
#[derive(Default)]
struct Sent {
    created: Vec<Created>,
    outcomes: Vec<Outcome>,
}

/// Sends what is due, and says what became of it.
async fn send_and_report(
    workspace: Workspace,
    mut push: PushPlan,
    options: &Push,
    terminal: &Terminal,
) -> Result<Ending> {
    let due = Due {
        updates: std::mem::take(&mut push.updates),
        creates: std::mem::take(&mut push.creates),
        later: std::mem::take(&mut push.later),
    };
    terminal.begin_sending();
    let (sent, written) = send(workspace, due, terminal).await;
    let ending = finish(&push, sent, options, terminal)?;
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
    let (mut ids, new) = workspace.pick()?;
    workspace.check_new(&new)?;
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
    // What is there already can be told from a whole list only.
    let is_making = options.create && !new.is_empty();
    let read = match is_making || ids.iter().any(|id| unsent(id)) {
        true => Read::Whole,
        false => Read::Managed,
    };
    let live = match is_making {
        true => session.all(managed, contents).await?,
        false => {
            session
                .these(&ids, (contents, bases), read.fields(managed))
                .await?
        }
    };
    let held_back = workspace.held_back_unread(&ids, &live);
    ids.retain(|id| live.has_read(id.kind()));
    let new = workspace.new_resources(&new, is_making.then_some(&live));
    let (new, unread): (Vec<_>, Vec<_>) = new.into_iter().partition(|new| live.has_read(new.kind));
    let not_made = unread.into_iter().map(|new| NotMade {
        new,
        reason: Reason::Unread,
    });
    let not_made = not_made.collect();
    let mut plan = workspace.plan(ids, &live, read).with_new(new);
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
        not_made,
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
        "{which}: push deletes nothing: delete the resource in the dashboard, or have `tenantry pull` write the file again"
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

/// What is to be sent.
struct Due {
    updates: Vec<Update>,
    creates: Vec<New>,
    later: Vec<Update>,
}

impl Due {
    /// Everything as not attempted.
    fn not_attempted(self) -> Sent {
        let updates = self.updates.into_iter().chain(self.later);
        let outcomes = updates.map(|update| Outcome {
            update,
            result: UpdateResult::NotAttempted,
        });
        let created = self.creates.into_iter().map(|new| Created {
            new,
            result: CreateResult::NotAttempted,
        });
        Sent {
            created: created.collect(),
            outcomes: outcomes.collect(),
        }
    }

    /// What is to be sent of the kinds that have that turn.
    fn of_turn(&mut self, turn: u8) -> (Vec<Update>, Vec<New>) {
        let updates = self
            .updates
            .extract_if(.., |update| update.id.kind().turn == turn);
        let creates = self.creates.extract_if(.., |new| new.kind.turn == turn);
        (updates.collect(), creates.collect())
    }
}

/// Sends what is due, and writes what was answered into files and lock as it comes in: kind by kind, what others refer to first, and
/// at last what had to wait for ids.
async fn send(
    workspace: Workspace,
    mut due: Due,
    terminal: &Terminal,
) -> (Sent, Result<(), FilesError>) {
    let Workspace {
        directory,
        contents,
        session,
        bases,
        ..
    } = workspace;
    let written = bases.write(&directory);
    if written.is_err() {
        return (due.not_attempted(), written);
    }
    let count = due.updates.len() + due.creates.len() + due.later.len();
    let words = match due.creates.is_empty() {
        true => "updating",
        false => "creating and updating",
    };
    terminal.progress().begin(words, Some(count));
    let directory = Arc::new(directory);
    let (tell, answers) = mpsc::channel();
    let can_remember = Arc::new(AtomicBool::new(true));
    let remembering = {
        let (can_remember, directory) = (Arc::clone(&can_remember), Arc::clone(&directory));
        tokio::task::spawn_blocking(move || remember(answers, bases, &directory, &can_remember))
    };
    let mut sending = Sending {
        session: &session,
        writer: session.reader.writer(),
        directory: &directory,
        contents: &contents,
        terminal,
        tell,
        can_remember: &can_remember,
        run: Run::default(),
        made: Made::default(),
        later: std::mem::take(&mut due.later),
        sent: Sent::default(),
    };
    let turns = due.updates.iter().map(|update| update.id.kind().turn);
    let turns = turns.chain(due.creates.iter().map(|new| new.kind.turn));
    for turn in turns.collect::<BTreeSet<u8>>() {
        let (updates, creates) = due.of_turn(turn);
        sending.updates(updates).await;
        for new in creates {
            sending.create(new).await;
        }
    }
    let sent = sending.finished().await;
    match remembering.await {
        Ok(written) => (sent, written),
        Err(error) => resume_unwind(error.into_panic()),
    }
}

/// A push under way.
struct Sending<'a> {
    session: &'a Session,
    writer: Writer,
    directory: &'a TenantDirectory,
    contents: &'a Contents,
    terminal: &'a Terminal,
    tell: mpsc::Sender<Answered>,
    can_remember: &'a AtomicBool,
    run: Run,
    made: Made,
    later: Vec<Update>,
    sent: Sent,
}

impl Sending<'_> {
    async fn updates(&mut self, updates: Vec<Update>) {
        let Sending {
            writer,
            contents,
            terminal,
            tell,
            can_remember,
            run,
            ..
        } = &*self;
        let outcomes = run.updates(writer, updates, |outcome| {
            if !matches!(outcome.result, UpdateResult::NotAttempted) {
                terminal.progress().advance(1);
            }
            let UpdateResult::Updated { resource, .. } = &outcome.result else {
                return can_remember.load(Ordering::Relaxed);
            };
            // What was made in this run has its base from there, and its file says by now what the tenant has.
            let file = contents.resources.get(&outcome.update.id);
            let sent = outcome.update.fields.iter();
            let sent = sent.filter_map(|edit| edit.field.key().cloned());
            // Sending can't fail: the receiver lives until this sender is dropped.
            let _ = tell.send(Answered::Updated {
                file: file.map(|file| (file.file.clone(), Arc::clone(&file.fields))),
                live: resource.clone(),
                sent: sent.collect(),
            });
            // A push whose lock can't be written does not go on.
            can_remember.load(Ordering::Relaxed)
        });
        let outcomes = outcomes.await;
        self.sent.outcomes.extend(outcomes);
    }

    /// Makes a resource, and waits until its file and the lock have its id.
    async fn create(&mut self, new: New) {
        let result = self.attempt(&new).await;
        match &result {
            CreateResult::Failed(error) => self.run.failed(new.kind, error),
            // Nobody knows what there is by now, so nothing more is made.
            CreateResult::Several(_) => self.run.stop(),
            CreateResult::Made { .. } | CreateResult::NotAttempted => {}
        }
        if !matches!(result, CreateResult::NotAttempted) {
            self.terminal.progress().advance(1);
        }
        self.sent.created.push(Created { new, result });
    }

    async fn attempt(&mut self, new: &New) -> CreateResult {
        let file = self.contents.new.iter();
        let file = file
            .clone()
            .find(|file| file.kind == new.kind && file.file.file == new.file);
        let (Some(file), Some(body)) = (file, self.made.body(new)) else {
            return CreateResult::NotAttempted;
        };
        let is_stopped =
            self.terminal.stop().is_wished() || !self.can_remember.load(Ordering::Relaxed);
        if is_stopped || self.run.stops(new.kind) {
            return CreateResult::NotAttempted;
        }
        let made = make(self.session, self.directory, self.contents, new, &body).await;
        let result = match made {
            Ok(result) => result,
            Err(error) => {
                self.terminal.error(&error.to_string(), None);
                self.run.stop();
                return CreateResult::NotAttempted;
            }
        };
        if let CreateResult::Made { resource, .. } = &result {
            let (done, is_done) = oneshot::channel();
            let adopted = Adopted::new(
                self.directory.managed(),
                file,
                &file.file.fields,
                resource,
                &body.later,
            );
            if adopted.comments_lost() {
                warn_rewritten(&file.file.file, self.terminal);
            }
            let _ = self.tell.send(Answered::Made {
                adopted: Box::new(adopted),
                file: Box::new(file.clone()),
                live: resource.clone(),
                done,
            });
            // Only then may the next request go out. Where it can't be written, nothing more is sent.
            if is_done.await.is_err() {
                self.run.stop();
            }
            self.made.add(new.kind, &new.file, resource.id().as_str());
            self.later.extend(later_update(new, resource, &body.later));
        }
        result
    }

    /// Sends what had to wait, and answers everything that was sent. What remembers the answers ends with it, as nobody tells it any
    /// more.
    async fn finished(mut self) -> Sent {
        self.send_later().await;
        sort(&mut self.sent.outcomes);
        self.sent
    }

    /// Sends what had to wait until all that it refers to has an id.
    async fn send_later(&mut self) {
        let mut ready = Vec::new();
        for update in std::mem::take(&mut self.later) {
            match update.resolved(&self.made) {
                Some(update) => ready.push(update),
                None => self.sent.outcomes.push(Outcome {
                    update,
                    result: UpdateResult::NotAttempted,
                }),
            }
        }
        let mut turns: BTreeMap<u8, Vec<Update>> = BTreeMap::new();
        for update in ready {
            turns.entry(update.id.kind().turn).or_default().push(update);
        }
        for updates in turns.into_values() {
            self.updates(updates).await;
        }
    }
}

/// The update that sends the fields for which it was too early when the resource was made.
fn later_update(new: &New, resource: &Resource, later: &[Field]) -> Option<Update> {
    let edits = later.iter().map(|field| FieldPlan {
        field: PlanField::Updatable((*field).into()),
        change: Change::Edit,
        base: Base::known(field.of(resource.fields())).cloned(),
        local: new.fields.get(field.name()).cloned(),
        live: field.of(resource.fields()).cloned(),
        is_unsent_edit: false,
    });
    let plan = ResourcePlan {
        id: resource.id().clone(),
        name: resource.name().to_owned(),
        file: Some(new.file.clone()),
        state: State::Changed,
        fields: Vec::new(),
    };
    let (update, _) = Update::new(&plan, edits.collect());
    update
}

/// What the tenant answered.
enum Answered {
    /// A resource was updated.
    Updated {
        /// Its file, and what that says; None where it was made in this run.
        file: Option<(String, Arc<Map<String, Value>>)>,
        live: Resource,
        sent: Vec<FieldKey>,
    },
    /// A resource was made. `done` is told once its file and the lock have its id.
    Made {
        adopted: Box<Adopted>,
        file: Box<NewFile>,
        live: Resource,
        done: oneshot::Sender<()>,
    },
}

/// Writes answers into the lock: all that came in while it was written the last time, again and again until nothing is new. So
/// requests don't wait for the disk, and an answer costs no more where the lock is long. An answer that is lost in a kill does no
/// harm: file and tenant agree, so the next push sends nothing twice. The first failure counts, whatever works later.
fn remember(
    answers: mpsc::Receiver<Answered>,
    mut bases: Bases,
    directory: &TenantDirectory,
    can_remember: &AtomicBool,
) -> Result<(), FilesError> {
    let mut first_failure = Ok(());
    let mut made: BTreeMap<ResourceId, ResourceFile> = BTreeMap::new();
    while let Ok(answered) = answers.recv() {
        let mut written = Ok(());
        for answered in iter::once(answered).chain(answers.try_iter()) {
            match answered {
                Answered::Updated { file, live, sent } => {
                    let id = live.id();
                    let file = match (file, made.get_mut(id)) {
                        (Some(file), _) => Some(file),
                        (None, Some(made)) => {
                            written = written.and(with_ids(made, &live, &sent, directory));
                            Some((made.file.clone(), Arc::clone(&made.fields)))
                        }
                        (None, None) => None,
                    };
                    let Some((file, local)) = file else {
                        continue;
                    };
                    let base = bases.of(id);
                    let base = pushed(directory.managed(), &local, base, &live, true, &sent);
                    bases.record(id, &file, base);
                }
                Answered::Made {
                    adopted,
                    file,
                    live,
                    done,
                } => {
                    let adopted = adopted.write(&file, &live, directory, &mut bases);
                    written = written.and(adopted.map(|file| {
                        made.insert(live.id().clone(), file);
                        // Nobody waits any more where the push was given up.
                        let _ = done.send(());
                    }));
                }
            }
        }
        written = written.and(bases.write(directory));
        if written.is_err() {
            can_remember.store(false, Ordering::Relaxed);
        }
        first_failure = first_failure.and(written);
    }
    first_failure
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
    Sent { created, outcomes }: Sent,
    options: &Push,
    terminal: &Terminal,
) -> Result<Ending> {
    let is_nothing = push.plan.is_empty() && !push.holds_something_back();
    match options.output.form {
        ResultForm::Json => terminal.result(&render::json::push(push, &created, &outcomes))?,
        ResultForm::Text if push.has_conflict() => {}
        ResultForm::Text if is_nothing => terminal.result("nothing to push\n")?,
        ResultForm::Text if outcomes.is_empty() && created.is_empty() => {
            terminal.text(&render::text::nothing_sent(push))?;
        }
        ResultForm::Text => terminal.text(&render::text::outcomes(push, &created, &outcomes))?,
    }
    let made = created
        .iter()
        .filter(|one| matches!(one.result, CreateResult::Made { .. }));
    for note in afterwards(made.map(|one| &one.new)) {
        terminal.note(note);
    }
    if push.has_conflict() {
        report_conflicts(&push.plan, options.base.base.as_deref(), terminal);
    }
    let updates = outcomes.iter().filter_map(|outcome| match &outcome.result {
        UpdateResult::Failed(error) => Some(error),
        _ => None,
    });
    let creates = created.iter().filter_map(|one| match &one.result {
        CreateResult::Failed(error) => Some(error),
        _ => None,
    });
    let failed: Vec<_> = creates.chain(updates).collect();
    let several = created
        .iter()
        .find(|one| matches!(one.result, CreateResult::Several(_)));
    if let Some(several) = several {
        terminal.error(
            &format!("{}: the answer was lost, and nobody can tell which resource is its", several.new.file),
            Some("write the id of the right one into the first line of the file; nothing more was made"),
        );
        return Ok(Ending::Failure);
    }
    if let Some(first) = failed.first() {
        let more = match failed.len() - 1 {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        let hint = first.hint().unwrap_or_default();
        let hint =
            format!("{hint}\nwhat was updated is remembered: `tenantry push` sends the rest");
        terminal.error(&format!("{first}{more}"), Some(hint.trim()));
        return Ok(Ending::Failure);
    }
    let differing = outcomes.iter().any(|outcome| {
        matches!(&outcome.result, UpdateResult::Updated { differing, .. } if !differing.is_empty())
    });
    let is_left = |outcome: &Outcome| matches!(outcome.result, UpdateResult::NotAttempted);
    let is_unmade = |one: &Created| match &one.result {
        CreateResult::Made { answered, .. } => !answered.differing.is_empty(),
        _ => true,
    };
    Ok(Ending::differences(
        push.holds_something_back()
            || differing
            || outcomes.iter().any(is_left)
            || created.iter().any(is_unmade),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::{Managed, clients::KIND};
    use serde_json::json;

    fn answered(id: &str) -> Answered {
        let fields = json!({"client_id": id, "name": "A"});
        let live = Resource::new(&KIND, fields.as_object().unwrap().clone()).unwrap();
        Answered::Updated {
            file: Some(("clients/a.yaml".to_owned(), Arc::new(live.fields().clone()))),
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
