//! `push`: shows the plan that diff shows, asks, and sends its edits. The lock is written after each answer, so a push that is
//! killed at any moment is finished by the next one.

use std::collections::{BTreeMap, BTreeSet};
use std::iter;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

use anyhow::Result;
use serde_json::{Map, Value};

use super::session::{
    LiveClients, Scene, Session, check_edits, check_plan, client_names, known_names, read, sides,
    tell_earlier,
};
use super::{Ending, Terminal, Usage, consent, saved};
use crate::api::Fields;
use crate::apply::{Outcome, Update, UpdateResult, apply};
use crate::base::Bases;
use crate::cli::{Push, ResultForm};
use crate::client::{Client, ClientId, Field, Patch};
use crate::files::{Access, ClientFile, Contents, FilesError, TenantDirectory};
use crate::merge::pushed;
use crate::plan::{Change, ClientPlan, Live, Plan, State, may_be_edited};
use crate::render;
use crate::saved_plan::{Standing, standing};
use crate::select::Selection;
use crate::settings::Connection;

pub(super) async fn run(scene: &Scene<'_>, options: &Push, terminal: &Terminal) -> Result<Ending> {
    let settings = scene.settings()?;
    let project = scene.project()?;
    let is_protected =
        project.protected == Some(true) || settings.as_ref().is_some_and(Connection::is_protected);
    consent::check_yes(options, scene, is_protected, settings.as_ref())?;
    let access = match options.dry_run {
        true => Access::Read,
        false => Access::Write,
    };
    let directory = scene.open(access, terminal)?;
    let selection = scene.selection(&options.clients, directory.path());
    let contents = read(&directory, &selection, terminal)?;
    let session = scene.connect(settings, terminal)?;
    let domain = &session.tenant.domain;
    let place = (&directory, access);
    let mut bases = scene.bases(&options.base, &project, domain, place, &contents, terminal)?;
    check_edits(&contents, &bases, &selection, &directory)?;

    let (plan, live) = match &options.plan {
        None => planned((options, &selection), &session, &contents, &bases).await?,
        Some(file) => {
            let asked = (options, &selection);
            let saved = saved::planned(file, asked, &session, &contents, &bases, terminal);
            match saved.await? {
                Some(planned) => planned,
                None => return Ok(Ending::Differences),
            }
        }
    };
    let plan = match options.overwrite_drift {
        true => plan.overwriting_drift(),
        false => plan,
    };
    check_plan(&plan, &contents, &directory)?;
    if selection.is_everything() {
        tell_deleted(&contents, terminal);
    }
    let names = client_names(&contents, &live);
    if options.dry_run {
        match options.output.form {
            ResultForm::Text => terminal.text(&render::text::plan(&plan, &names)),
            ResultForm::Json => terminal.result(&render::json::plan(&plan)),
        }?;
        tell_earlier(&plan, &bases, terminal);
        return Ok(Ending::differences(!plan.clients.is_empty()));
    }
    let mut push = Prepared::new(plan, &live)?;
    // Who steps through the clients sees them one by one.
    let stepping = options.interactive && !push.updates.is_empty();
    match options.output.form {
        ResultForm::Text if stepping || push.plan.clients.is_empty() => {}
        ResultForm::Text => terminal.text(&render::text::plan(&push.plan, &names))?,
        ResultForm::Json => tell_drift(&push.plan, terminal),
    }
    if push.conflict {
        let ending = finish(&push, Vec::new(), options, terminal)?;
        tell_earlier(&push.plan, &bases, terminal);
        return Ok(ending);
    }
    for update in push.widened() {
        terminal.warn(&format!(
            "`allowed_clients: []` lets every client of the tenant delegate to {}",
            update.name
        ));
    }
    if !push.updates.is_empty() && !options.yes {
        if !consent::given(&mut push, is_protected, options, &names, terminal)? {
            push.hold_everything("not confirmed");
            return finish(&push, Vec::new(), options, terminal);
        }
        // Somebody may have thought about it for a while, and somebody else edited meanwhile.
        if let Some(moved) = moved(&push, &session, &bases).await? {
            push.hold_everything("held back: the tenant changed since the question");
            finish(&push, Vec::new(), options, terminal)?;
            terminal.error(
                &format!("nothing was sent: the tenant changed since the question\n{moved}"),
                Some("run `tenantry push` again, and look at the new plan"),
            );
            return Ok(Ending::Differences);
        }
    }
    // What was read and needs no update is in step, or stays what it is.
    let due = push.due();
    for (id, live) in live.iter().filter(|(id, _)| !due.contains(id)) {
        if let Some(file) = contents.clients.get(id) {
            let base = pushed(&file.fields, bases.of(id), live, &[]);
            bases.record(id, &file.file, base);
        }
    }
    let updates = std::mem::take(&mut push.updates);
    terminal.begin_sending();
    let (outcomes, written) = send(
        &session,
        directory,
        &contents.clients,
        bases,
        updates,
        terminal,
    )
    .await;
    let ending = finish(&push, outcomes, options, terminal)?;
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

/// The plan of the files as they are, and the live clients that were read for it.
async fn planned(
    (options, selection): (&Push, &Selection),
    session: &Session,
    contents: &Contents,
    bases: &Bases,
) -> Result<(Plan, LiveClients)> {
    let ids = candidates(options, selection, contents, bases)?;
    let known = bases.count();
    let live = session
        .these_clients(&ids, known, Fields::Updatable)
        .await?;
    let compared = ids.iter().map(|id| {
        let live = live.get(*id).map_or(Live::Gone, Live::Updatable);
        sides(id, contents.clients.get(*id), bases, live)
    });
    let plan = Plan::new(session.tenant.clone(), bases.from(), compared);
    let plan = match options.fields.is_empty() {
        true => plan,
        false => plan.narrowed(&options.fields),
    };
    Ok((plan, live))
}

/// The files that may have something to send, without asking the tenant.
fn candidates<'a>(
    options: &Push,
    selection: &Selection,
    contents: &'a Contents,
    bases: &Bases,
) -> Result<Vec<&'a ClientId>> {
    let files = contents.clients.iter();
    let mut ids = selection.pick(files.map(|(id, file)| (known_names(id, file, bases), id)))?;
    let fields = match options.fields.is_empty() {
        true => &Field::ALL[..],
        false => &options.fields,
    };
    if !options.overwrite_drift {
        ids.retain(|id| may_be_edited(&contents.clients[*id].fields, bases.of(id), fields));
    }
    Ok(ids)
}

/// Says what a push does about files that are gone: nothing.
fn tell_deleted(contents: &Contents, terminal: &Terminal) {
    let locked = contents.lock.iter().flat_map(|lock| &lock.clients);
    let deleted = locked.filter(|(id, _)| !contents.clients.contains_key(*id));
    let files: Vec<&str> = deleted.map(|(_, locked)| locked.file.as_str()).collect();
    let which = match files[..] {
        [] => return,
        [file] => format!("{file} is gone"),
        [first, .., last] => format!("{} files are gone, {first} to {last}", files.len()),
    };
    terminal.note(&format!(
        "{which}: push deletes no client; `tenantry pull` writes the file again"
    ));
}

/// The document of a push is about what was sent; what was read and left alone is said beside it.
fn tell_drift(plan: &Plan, terminal: &Terminal) {
    for client in &plan.clients {
        for field in client
            .fields
            .iter()
            .filter(|field| field.change == Change::Drift)
        {
            let file = client.label();
            terminal.note(&format!(
                "{file}: drift in {}: the tenant changed it, and it is left alone; `tenantry pull` takes it in",
                field.field
            ));
        }
    }
}

/// What to send for a client.
fn patch(client: &ClientPlan) -> Result<Option<Patch>> {
    client.patch().map_err(|invalid| {
        let file = client.label();
        Usage::error(format!("{file}: {invalid}"), invalid.hint)
    })
}

/// What a plan comes to: updates to send, and clients that are held back, each with the reason.
pub(super) struct Prepared {
    pub(super) plan: Plan,
    pub(super) updates: Vec<Update>,
    pub(super) held: Vec<(ClientPlan, String)>,
    conflict: bool,
}

impl Prepared {
    fn new(plan: Plan, live: &LiveClients) -> Result<Prepared> {
        let conflict = plan.count(Change::Conflict) > 0;
        let mut prepared = Prepared {
            updates: Vec::new(),
            held: Vec::new(),
            conflict,
            plan,
        };
        for client in &prepared.plan.clients {
            if client.state == State::FileOnly {
                prepared.held.push((
                    client.clone(),
                    "the tenant has no client with this id".to_owned(),
                ));
            } else if let Some(patch) = patch(client)? {
                if live.get(&client.id).is_some_and(Client::is_global) {
                    let reason =
                        "the tenant's global client is not under version control: remove its file";
                    prepared.held.push((client.clone(), reason.to_owned()));
                    continue;
                }
                prepared.updates.push(Update {
                    id: client.id.clone(),
                    name: client.name.clone(),
                    file: client.file.clone(),
                    patch,
                });
            }
        }
        if conflict {
            prepared.hold_everything("held back: the selection has a conflict");
        }
        Ok(prepared)
    }

    /// The clients that are to be updated.
    fn due(&self) -> BTreeSet<&ClientId> {
        self.updates.iter().map(|update| &update.id).collect()
    }

    /// Sends nothing after all.
    fn hold_everything(&mut self, reason: &str) {
        let due = self.due();
        let held = self.plan.clients.iter().filter(|client| {
            let mut fields = client.fields.iter();
            let conflicts = fields.any(|field| field.change == Change::Conflict);
            conflicts || due.contains(&client.id)
        });
        let held: Vec<_> = held
            .map(|client| (client.clone(), reason.to_owned()))
            .collect();
        self.held.extend(held);
        self.updates.clear();
    }

    /// The clients with fields that both sides changed, and these.
    fn conflicts(&self) -> Vec<(&ClientPlan, Vec<&str>)> {
        let clients = self.plan.clients.iter().filter_map(|client| {
            let fields = client.fields.iter();
            let fields = fields.filter(|field| field.change == Change::Conflict);
            let fields: Vec<&str> = fields.map(|field| field.field.as_str()).collect();
            (!fields.is_empty()).then_some((client, fields))
        });
        clients.collect()
    }

    /// The clients whose list of allowed clients would become empty.
    fn widened(&self) -> impl Iterator<Item = &Update> {
        self.updates.iter().filter(|update| {
            update.patch.iter().any(|(field, value)| {
                field == Field::AllowedClients && value.as_array().is_some_and(Vec::is_empty)
            })
        })
    }
}

/// Reads once more what is to be sent; the fields in which live is not what the plan says, a line each.
async fn moved(push: &Prepared, session: &Session, bases: &Bases) -> Result<Option<String>> {
    let ids = push.due();
    let due = push.plan.clients.iter();
    let due: Vec<&ClientPlan> = due.filter(|client| ids.contains(&client.id)).collect();
    let ids: Vec<&ClientId> = due.iter().map(|client| &client.id).collect();
    let live = session
        .these_clients(&ids, bases.count(), Fields::Updatable)
        .await?;
    let moved: Vec<String> = due
        .iter()
        .filter_map(|client| {
            let name = client.label();
            match live
                .get(&client.id)
                .map(|live| standing(client, live.fields()))
            {
                Some(Standing::AsPlanned) => None,
                Some(Standing::Moved(field)) => Some(format!("{name}: {field}")),
                Some(Standing::PartlyApplied(_)) => {
                    Some(format!("{name}: it has some of these values already"))
                }
                None => Some(format!("{name}: the tenant has no client with this id")),
            }
        })
        .collect();
    Ok((!moved.is_empty()).then(|| moved.join("\n")))
}

/// Sends the updates, and writes what was answered into the lock as it comes in.
async fn send(
    session: &Session,
    directory: TenantDirectory,
    files: &BTreeMap<ClientId, ClientFile>,
    bases: Bases,
    updates: Vec<Update>,
    terminal: &Terminal,
) -> (Vec<Outcome>, Result<(), FilesError>) {
    let written = bases.write(&directory);
    if written.is_err() {
        let outcomes = updates.into_iter().map(|update| Outcome {
            update,
            result: UpdateResult::NotAttempted,
        });
        return (outcomes.collect(), written);
    }
    terminal
        .progress()
        .begin("updating clients", Some(updates.len()));
    let (tell, answers) = mpsc::channel();
    let can_remember = Arc::new(AtomicBool::new(true));
    let remembering = {
        let can_remember = Arc::clone(&can_remember);
        tokio::task::spawn_blocking(move || remember(answers, bases, &directory, &can_remember))
    };
    let outcomes = apply(&session.reader.writer(), updates, |outcome| {
        if !matches!(outcome.result, UpdateResult::NotAttempted) {
            terminal.progress().advance(1);
        }
        if let UpdateResult::Updated { client, .. } = &outcome.result
            && let Some(file) = files.get(&outcome.update.id)
        {
            let sent = outcome.update.patch.iter().map(|(field, _)| field);
            // The other end lives until this one is dropped.
            let _ = tell.send(Answered {
                file: file.file.clone(),
                local: Arc::clone(&file.fields),
                live: client.clone(),
                sent: sent.collect(),
            });
        }
        // What can't be remembered is not to be continued.
        can_remember.load(Ordering::Relaxed)
    })
    .await;
    drop(tell);
    match remembering.await {
        Ok(written) => (outcomes, written),
        Err(error) => resume_unwind(error.into_panic()),
    }
}

/// An update that the tenant answered.
struct Answered {
    file: String,
    local: Arc<Map<String, Value>>,
    live: Client,
    sent: Vec<Field>,
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
    while let Ok(answered) = answers.recv() {
        for answered in iter::once(answered).chain(answers.try_iter()) {
            let id = answered.live.id();
            let base = pushed(
                &answered.local,
                bases.of(id),
                &answered.live,
                &answered.sent,
            );
            bases.record(id, &answered.file, base);
        }
        let written = bases.write(directory);
        if written.is_err() {
            can_remember.store(false, Ordering::Relaxed);
        }
        first_failure = first_failure.and(written);
    }
    first_failure
}

/// Says which fields are in conflict, and how to decide, with the words to type where it is one client. `base` is what was typed.
fn tell_conflicts(conflicts: &[(&ClientPlan, Vec<&str>)], base: Option<&str>, terminal: &Terminal) {
    let base = base.map(|rev| format!(" --base {rev}")).unwrap_or_default();
    let (client, fields) = match conflicts {
        [(client, fields)] => (client.label(), fields.join(",")),
        _ => ("CLIENT", "FIELD,…".to_owned()),
    };
    let lines = conflicts
        .iter()
        .map(|(client, fields)| format!("\n{}: {}", client.label(), fields.join(", ")));
    terminal.error(
        &format!(
            "nothing was sent: file and tenant both changed since they were last in step{}",
            lines.collect::<String>()
        ),
        Some(&format!(
            "`tenantry pull{base}` keeps the file's value: edit the file to match the tenant; or take the tenant's everywhere in the \
             file with `tenantry pull{base} --discard-local {client}`\n\
             the file's value goes over the tenant's with `tenantry push{base} --overwrite-drift --fields {fields} {client}`; without \
             --fields, over the client's other drift too"
        )),
    );
}

/// Reports, and says how it ended.
fn finish(
    push: &Prepared,
    outcomes: Vec<Outcome>,
    options: &Push,
    terminal: &Terminal,
) -> Result<Ending> {
    match options.output.form {
        ResultForm::Json => {
            terminal.result(&render::json::push(&push.plan, &outcomes, &push.held))?;
        }
        ResultForm::Text if push.conflict => {}
        ResultForm::Text if push.plan.clients.is_empty() => terminal.result("nothing to push\n")?,
        ResultForm::Text if outcomes.is_empty() => terminal.result("nothing was sent\n")?,
        ResultForm::Text => terminal.text(&render::text::outcomes(&outcomes, &push.held))?,
    }
    if push.conflict {
        tell_conflicts(&push.conflicts(), options.base.base.as_deref(), terminal);
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
    Ok(Ending::differences(
        !push.held.is_empty() || differing || outcomes.iter().any(is_left),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answered(id: &str) -> Answered {
        let fields = json!({"client_id": id, "name": "A"});
        let live = Client::new(fields.as_object().unwrap().clone()).unwrap();
        Answered {
            file: "clients/a.yaml".to_owned(),
            local: Arc::new(live.fields().clone()),
            live,
            sent: vec![Field::Name],
        }
    }

    #[test]
    fn the_first_lock_that_could_not_be_written_counts() {
        let folder = tempfile::tempdir().unwrap();
        let directory = TenantDirectory::open(folder.path(), Access::Create, || {}).unwrap();
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
