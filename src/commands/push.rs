//! `push`: shows the plan that diff shows, asks, and sends its edits. The lock is written after each answer, so a push that is
//! killed at any moment is finished by the next one.

use anyhow::Result;

use super::session::{
    LiveClients, Scene, Session, check_edits, check_plan, client_names, names, sides, tell_earlier,
    warn_of,
};
use super::{Ending, Terminal, Usage, consent, saved};
use crate::api::Fields;
use crate::apply::{Outcome, Update, UpdateResult, apply};
use crate::base::Bases;
use crate::cli::{Output, Push};
use crate::client::{ClientId, Field, Patch};
use crate::files::{Access, ClientFile, Contents, FilesError, TenantDirectory};
use crate::merge::pushed;
use crate::plan::{Change, ClientPlan, Live, Plan, State, may_be_edited};
use crate::render;
use crate::saved_plan::{Standing, standing};
use crate::select::{Names, Selection};
use crate::settings::Connection;

pub(super) async fn run(scene: &Scene<'_>, options: &Push, terminal: &Terminal) -> Result<Ending> {
    let settings = scene.settings()?;
    let project = scene.project()?;
    let is_protected =
        project.protected == Some(true) || settings.as_ref().is_some_and(Connection::is_protected);
    consent::check_yes(options, scene, is_protected, settings.as_ref())?;
    let directory = scene.open(Access::Write, terminal)?;
    let contents = directory.read()?;
    warn_of(&contents, terminal);
    let session = scene.connect(settings, terminal)?;
    let domain = &session.tenant.domain;
    let place = (&directory, Access::Write);
    let mut bases = scene.bases(&options.base, &project, domain, place, &contents, terminal)?;
    check_edits(&contents, &bases, &directory)?;

    let (plan, live) = match &options.plan {
        None => planned(options, &session, &contents, &bases).await?,
        Some(file) => {
            let saved = saved::planned(file, options, &session, &contents, &bases, terminal);
            match saved.await? {
                Some(planned) => planned,
                None => return Ok(Ending::Differences),
            }
        }
    };
    check_plan(&plan, &contents, &directory)?;
    let names = client_names(&contents, &live);
    let mut push = Prepared::new(plan, options.overwrite_drift)?;
    // Who steps through the clients sees them one by one.
    let stepping = options.interactive && !push.updates.is_empty();
    match options.output {
        Output::Text if stepping || push.plan.clients.is_empty() => {}
        Output::Text => terminal.text(&render::text::plan(&push.plan, &names))?,
        Output::Json => tell_drift(&push.plan, options.overwrite_drift, terminal),
    }
    if push.conflict {
        let ending = finish(&push, Vec::new(), options, terminal)?;
        tell_earlier(&push.plan, &bases, terminal)?;
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
    let updates = std::mem::take(&mut push.updates);
    // What was read and needs no update is in step, or stays what it is.
    for (id, live) in &live {
        let due = updates.iter().any(|update| update.id == *id);
        if let Some(file) = contents.clients.get(id).filter(|_| !due) {
            let base = pushed(&file.fields, bases.of(id), live, &[]);
            bases.record(id, &file.file, base);
        }
    }
    terminal.begin_sending();
    let (outcomes, written) = send(
        &session, &directory, &contents, &mut bases, updates, terminal,
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
    options: &Push,
    session: &Session,
    contents: &Contents,
    bases: &Bases,
) -> Result<(Plan, LiveClients)> {
    let ids = candidates(options, contents, bases)?;
    let known = bases.count();
    let live = session
        .these_clients(&ids, known, Fields::Updatable)
        .await?;
    let compared = ids.iter().map(|id| {
        let live = live.get(*id).map_or(Live::Gone, Live::Updatable);
        sides(id, contents.clients.get(*id), bases, live)
    });
    let plan = Plan::new(session.tenant.clone(), bases.from(), compared);
    Ok((plan, live))
}

/// The files that may have something to send, without asking the tenant.
fn candidates<'a>(
    options: &Push,
    contents: &'a Contents,
    bases: &Bases,
) -> Result<Vec<&'a ClientId>> {
    let files = contents.clients.iter();
    let mut ids = Selection::new(&options.clients.clients)
        .pick(files.map(|(id, file)| (known_names(id, file, bases), id)))?;
    if !options.overwrite_drift {
        ids.retain(|id| may_be_edited(&contents.clients[*id].fields, bases.of(id)));
    }
    Ok(ids)
}

/// What a client is called, as far as is known without asking the tenant: its name there is the one it had last.
fn known_names<'a>(id: &'a ClientId, file: &'a ClientFile, bases: &'a Bases) -> Names<'a> {
    let base = bases.of(id);
    Names {
        live_name: base.and_then(|base| base.name()),
        ..names(id, Some(file))
    }
}

/// The document of a push is about what was sent; what was read and left alone is said beside it.
fn tell_drift(plan: &Plan, overwrite_drift: bool, terminal: &Terminal) {
    for client in plan.clients.iter().filter(|_| !overwrite_drift) {
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
fn patch(client: &ClientPlan, overwrite_drift: bool) -> Result<Option<Patch>> {
    client.patch(overwrite_drift).map_err(|invalid| {
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
    fn new(plan: Plan, overwrite_drift: bool) -> Result<Prepared> {
        let conflict = !overwrite_drift && plan.count(Change::Conflict) > 0;
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
            } else if let Some(patch) = patch(client, overwrite_drift)? {
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

    /// Sends nothing after all.
    fn hold_everything(&mut self, reason: &str) {
        for client in &self.plan.clients {
            let conflicts = client
                .fields
                .iter()
                .any(|field| field.change == Change::Conflict);
            let due = self.updates.iter().any(|update| update.id == client.id);
            if due || conflicts {
                self.held.push((client.clone(), reason.to_owned()));
            }
        }
        self.updates.clear();
    }

    /// The fields that both sides changed, a line for each client: `clients/web-app.yaml: name, description`.
    fn conflicts(&self) -> Vec<String> {
        let clients = self.plan.clients.iter().filter_map(|client| {
            let fields = client.fields.iter();
            let fields = fields.filter(|field| field.change == Change::Conflict);
            let fields: Vec<&str> = fields.map(|field| field.field.as_str()).collect();
            (!fields.is_empty()).then(|| format!("{}: {}", client.label(), fields.join(", ")))
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
    let due = push.plan.clients.iter();
    let due: Vec<&ClientPlan> = due
        .filter(|client| push.updates.iter().any(|update| update.id == client.id))
        .collect();
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
    directory: &TenantDirectory,
    contents: &Contents,
    bases: &mut Bases,
    updates: Vec<Update>,
    terminal: &Terminal,
) -> (Vec<Outcome>, Result<(), FilesError>) {
    let mut written = bases.write(directory);
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
    let outcomes = apply(&session.reader.writer(), updates, |outcome| {
        if !matches!(outcome.result, UpdateResult::NotAttempted) {
            terminal.progress().advance(1);
        }
        let UpdateResult::Updated { client, .. } = &outcome.result else {
            return true;
        };
        let id = &outcome.update.id;
        let Some(file) = contents.clients.get(id) else {
            return true;
        };
        let sent: Vec<Field> = outcome
            .update
            .patch
            .iter()
            .map(|(field, _)| field)
            .collect();
        let base = pushed(&file.fields, bases.of(id), client, &sent);
        bases.record(id, &file.file, base);
        written = bases.write(directory);
        // What can't be remembered is not to be continued.
        written.is_ok()
    })
    .await;
    (outcomes, written)
}

/// Reports, and says how it ended.
fn finish(
    push: &Prepared,
    outcomes: Vec<Outcome>,
    options: &Push,
    terminal: &Terminal,
) -> Result<Ending> {
    match options.output {
        Output::Json => {
            terminal.result(&render::json::push(&push.plan, &outcomes, &push.held))?;
        }
        Output::Text if push.conflict => {}
        Output::Text if push.plan.clients.is_empty() => terminal.result("nothing to push\n")?,
        Output::Text if outcomes.is_empty() => terminal.result("nothing was sent\n")?,
        Output::Text => terminal.text(&render::text::outcomes(&outcomes, &push.held))?,
    }
    if push.conflict {
        terminal.error(
            &format!(
                "nothing was sent: the file and the tenant both changed since the last pull or push\n{}",
                push.conflicts().join("\n")
            ),
            Some(
                "`tenantry pull` keeps the file's value: edit the file to match the tenant, take the tenant's with \
                 `pull --discard-local CLIENT`, or the file's with `push --overwrite-drift CLIENT`",
            ),
        );
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
    Ok(Ending::differences(!push.held.is_empty() || differing))
}
