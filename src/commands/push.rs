//! `push`: shows the plan that diff shows, asks, and sends its edits. The lock is written after each answer, so a push that is
//! killed at any moment is finished by the next one.

use anyhow::Result;

use super::create::{afterwards, cautions, finish_earlier};
use super::invocation::Invocation;
use super::manner::Manner;
use super::sending::{Due, Rewrites, Sent, send};
use super::session::LiveResources;
use super::workspace::{Read, Workspace, check_fields, report_unread};
use super::{Ending, Terminal, consent, saved};
use crate::api::{ApiError, Effect};
use crate::apply::{CreateResult, Created, Outcome, UpdateResult};
use crate::cli::{Push, ResultForm};
use crate::files::Access;
use crate::kinds::{FieldKey, Kind};
use crate::merge::pushed;
use crate::names::{Names, names_in};
use crate::plan::{Change, Plan, ResourcePlan, may_be_edited, unsent_edits};
use crate::push_plan::{HeldBack, NotMade, Own, PushPlan, Reason};
use crate::render;
use crate::resource::ResourceId;
use crate::saved_plan::{Since, since};
use crate::sent::{InFile, SentBy, SentPush};
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
    /// Files without an id of such kinds.
    pub(super) not_made: Vec<NotMade>,
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
            text.push_str(&render::outcome::held_back(&push.held_back, &push.not_made));
            terminal.text(&text)
        }
        ResultForm::Json => terminal.result(&render::json::plan(&push.plan)),
    }?;
    let is_something = !push.plan.is_empty() || push.holds_something_back();
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
    let stepping = manner.interactive && !push.is_nothing_due();
    match manner.form {
        ResultForm::Text if stepping || push.plan.is_empty() => {}
        ResultForm::Text => terminal.text(&render::text::plan(&push.plan, names))?,
        ResultForm::Json => note_drift(&push.plan, terminal),
    }
    if push.has_conflict() {
        let ending = finish(push, Sent::default(), manner, terminal)?;
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
    let cost = |push: &PushPlan| workspace.session.cost(push);
    if push.is_nothing_due() || manner.yes {
        let cost = cost(push);
        if cost.is_worth_a_word() {
            terminal.note(&cost.to_string());
        }
        return Ok(None);
    }
    if !consent::ask(push, is_protected, manner, cost, names, terminal)? {
        push.hold_back_everything(&Reason::NotConfirmed);
        return finish(push, Sent::default(), manner, terminal).map(Some);
    }
    // The question may have taken a while, and somebody else may have edited the tenant meanwhile.
    let Some(moved) = moved(push, workspace).await? else {
        return Ok(None);
    };
    push.hold_back_everything(&Reason::ChangedSinceQuestion);
    finish(push, Sent::default(), manner, terminal)?;
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

/// Sends what is due, and says what became of it.
pub(super) async fn send_and_report(
    workspace: Workspace,
    mut push: PushPlan,
    recorded: (SentPush, &Rewrites),
    manner: &Manner,
    terminal: &Terminal,
) -> Result<Ending> {
    let due = Due::of(&mut push);
    terminal.begin_sending();
    let (sent, written) = send(workspace, due, recorded, terminal).await;
    let ending = finish(&push, sent, manner, terminal)?;
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
    let mut moved: Vec<String> = due
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
    moved.extend(made_meanwhile(push, workspace).await?);
    Ok((!moved.is_empty()).then(|| moved.join("\n")))
}

/// The resources that were to be made and that somebody made meanwhile, a line each.
async fn made_meanwhile(push: &PushPlan, workspace: &Workspace) -> Result<Vec<String>> {
    if push.creates.is_empty() {
        return Ok(Vec::new());
    }
    let (managed, contents) = (workspace.managed(), &workspace.contents);
    let live = workspace.session.all(managed, contents).await?;
    let files: Vec<_> = contents.new.iter().collect();
    let mut new = workspace.new_resources(&files, Some(&live));
    new.retain(|new| new.refusal.is_some() && push.creates.iter().any(|due| due.file == new.file));
    let made = new
        .into_iter()
        .map(|new| format!("{}: the tenant has it by now", new.file));
    Ok(made.collect())
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
    SentPush::of(of, push.updates.iter().chain(&push.later), live, in_file)
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
    manner: &Manner,
    terminal: &Terminal,
) -> Result<Ending> {
    let is_nothing = push.plan.is_empty() && !push.holds_something_back();
    match manner.form {
        ResultForm::Json => terminal.result(&render::json::push(push, &created, &outcomes))?,
        ResultForm::Text if push.has_conflict() => {}
        ResultForm::Text if is_nothing => {
            terminal.result(&format!("nothing to {}\n", manner.verb.name()))?;
        }
        ResultForm::Text if outcomes.is_empty() && created.is_empty() => {
            terminal.text(&render::outcome::nothing_sent(push))?;
        }
        ResultForm::Text => terminal.text(&render::outcome::text(push, &created, &outcomes))?,
    }
    let made = created
        .iter()
        .filter(|one| matches!(one.result, CreateResult::Made { .. }));
    for note in afterwards(made.map(|one| &one.new)) {
        terminal.note(note);
    }
    if push.has_conflict() {
        report_conflicts(&push.plan, manner.base.as_deref(), terminal);
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
    let is_unknown = |one: &Created| matches!(&one.result, CreateResult::Failed(error) if error.effect() != Effect::None);
    if let Some(first) = failed.first() {
        let more = match failed.len() - 1 {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        let hint = ApiError::hint_of_all(&failed).unwrap_or_default();
        let verb = manner.verb.name();
        let hint = match created.iter().any(is_unknown) {
            true => format!(
                "{hint}\nit may have been made all the same: leave its file as it is, and the next `tenantry push --create` looks first"
            ),
            false if !created.is_empty() => {
                format!(
                    "{hint}\nwhat was done is remembered: `tenantry push --create` does the rest"
                )
            }
            false => {
                format!("{hint}\nwhat was updated is remembered: `tenantry {verb}` sends the rest")
            }
        };
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
