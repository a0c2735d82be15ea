//! `push`: shows the plan that diff shows, asks, and sends its edits. The lock is written after each answer, so a push that is
//! killed at any moment is finished by the next one.

use anyhow::Result;

use super::session::{LiveClients, Scene, Session, client_names, names, sides, warn_of};
use super::{Ending, Terminal, Usage, consent, saved};
use crate::api::Fields;
use crate::apply::{Outcome, Update, UpdateResult, apply};
use crate::cli::{Output, Push};
use crate::client::{Client, ClientId, Field, Patch, Values};
use crate::files::{Access, ClientFile, Contents, FilesError, Lock, Locked, TenantDirectory};
use crate::plan::{ClientPlan, Kind, Live, Plan, State, edited};
use crate::render;
use crate::saved_plan::{Standing, standing};
use crate::select::{Names, Selection};
use crate::settings::Connection;

pub(super) async fn run(scene: &Scene<'_>, options: &Push, terminal: &Terminal) -> Result<Ending> {
    let settings = scene.settings()?;
    consent::check_yes(options, scene, settings.as_ref())?;
    let is_protected = settings.as_ref().is_some_and(Connection::is_protected);
    let directory = scene.open(Access::Write, terminal)?;
    let contents = directory.read()?;
    warn_of(&contents, terminal);
    let session = scene.connect(settings, terminal)?;
    let mut lock = contents.lock_for(&session.tenant.domain, directory.path())?;

    let (plan, live) = match &options.plan {
        None => planned(options, &session, &contents, &lock).await?,
        Some(file) => match saved::planned(file, options, &session, &lock, terminal).await? {
            Some(planned) => planned,
            None => return Ok(Ending::Differences),
        },
    };
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
        return finish(&push, Vec::new(), options, terminal);
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
        if let Some(moved) = moved(&push, &session, &lock).await? {
            push.hold_everything("held back: the tenant changed since the question");
            finish(&push, Vec::new(), options, terminal)?;
            terminal.error(
                &format!("nothing was sent: the tenant changed since the question\n{moved}"),
                Some("run `tenantry push` again, and look at the new plan"),
            );
            return Ok(Ending::Differences);
        }
    }
    for (id, live) in &live {
        if let Some(file) = contents.clients.get(id) {
            agree(&mut lock, file, live);
        }
    }
    let updates = std::mem::take(&mut push.updates);
    terminal.begin_sending();
    let (outcomes, written) = send(
        &session, &directory, &contents, &mut lock, updates, terminal,
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
    lock: &Lock,
) -> Result<(Plan, LiveClients)> {
    let ids = candidates(options, contents, lock)?;
    let known = lock.clients.len();
    let live = session
        .these_clients(&ids, known, Fields::Updatable)
        .await?;
    let compared = ids.iter().map(|id| {
        let live = live.get(*id).map_or(Live::Gone, Live::Updatable);
        sides(id, contents.clients.get(*id), lock, live)
    });
    Ok((Plan::new(session.tenant.clone(), compared), live))
}

/// The files that may have something to send, without asking the tenant.
fn candidates<'a>(
    options: &Push,
    contents: &'a Contents,
    lock: &Lock,
) -> Result<Vec<&'a ClientId>> {
    let files = contents.clients.iter();
    let mut ids = Selection::new(&options.clients.clients)
        .pick(files.map(|(id, file)| (known_names(id, file, lock), id)))?;
    if !options.overwrite_drift {
        ids.retain(|id| edited(&contents.clients[*id].fields, lock.base(id)));
    }
    Ok(ids)
}

/// What a client is called, as far as is known without asking the tenant: its name there is the one it had last.
fn known_names<'a>(id: &'a ClientId, file: &'a ClientFile, lock: &'a Lock) -> Names<'a> {
    let name = lock
        .base(id)
        .and_then(|base| base.get(Field::Name)?.as_str());
    Names {
        live_name: name,
        ..names(id, Some(file))
    }
}

/// The document of a push is about what was sent; what was read and left alone is said beside it.
fn tell_drift(plan: &Plan, overwrite_drift: bool, terminal: &Terminal) {
    for client in plan.clients.iter().filter(|_| !overwrite_drift) {
        for field in client
            .fields
            .iter()
            .filter(|field| field.kind == Kind::Drift)
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
        let conflict = !overwrite_drift && plan.count(Kind::Conflict) > 0;
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
                .any(|field| field.kind == Kind::Conflict);
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
            let fields = fields.filter(|field| field.kind == Kind::Conflict);
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
async fn moved(push: &Prepared, session: &Session, lock: &Lock) -> Result<Option<String>> {
    let due = push.plan.clients.iter();
    let due: Vec<&ClientPlan> = due
        .filter(|client| push.updates.iter().any(|update| update.id == client.id))
        .collect();
    let ids: Vec<&ClientId> = due.iter().map(|client| &client.id).collect();
    let live = session
        .these_clients(&ids, lock.clients.len(), Fields::Updatable)
        .await?;
    let moved: Vec<String> = due
        .iter()
        .filter_map(|client| {
            let name = client.label();
            match live
                .get(&client.id)
                .map(|live| standing(client, &Values::of(live.fields())))
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
    lock: &mut Lock,
    updates: Vec<Update>,
    terminal: &Terminal,
) -> (Vec<Outcome>, Result<(), FilesError>) {
    let mut written = directory.write_lock(lock);
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
        terminal.progress().advance(1);
        let (UpdateResult::Updated { client, .. }, Some(file)) =
            (&outcome.result, &outcome.update.file)
        else {
            return true;
        };
        let answered = Values::of(client.fields());
        match lock.clients.get_mut(&outcome.update.id) {
            Some(locked) => {
                let local = contents.clients.get(&outcome.update.id);
                let local = local
                    .map(|file| Values::of(&file.fields))
                    .unwrap_or_default();
                for (field, sent) in outcome.update.patch.iter() {
                    // A saved plan may send what the file does not say any more. A file that is back at base is no edit to be
                    // pushed over it: then it is drift.
                    let back = local.get(field) != Some(sent)
                        && local.get(field) == locked.base.get(field);
                    if !back {
                        locked.base.set(field, answered.get(field).cloned());
                    }
                }
            }
            // Without a base, all that differed was sent: the answer is the base.
            None => remember(lock, client.id(), file, answered),
        }
        written = directory.write_lock(lock);
        // What can't be remembered is not to be continued.
        written.is_ok()
    })
    .await;
    (outcomes, written)
}

/// Where file and tenant came to say the same, base follows, and nobody has to ask the tenant about it again.
fn agree(lock: &mut Lock, file: &ClientFile, live: &Client) {
    let (local, live_values) = (Values::of(&file.fields), Values::of(live.fields()));
    match lock.clients.get_mut(live.id()) {
        Some(locked) => {
            for (field, value) in local.iter() {
                if live_values.get(field) == Some(value) {
                    locked.base.set(field, Some(value.clone()));
                }
            }
        }
        None if local
            .iter()
            .all(|(field, value)| live_values.get(field) == Some(value)) =>
        {
            remember(lock, live.id(), &file.file, live_values);
        }
        None => {}
    }
}

fn remember(lock: &mut Lock, id: &ClientId, file: &str, base: Values) {
    let file = file.to_owned();
    lock.clients.insert(id.clone(), Locked { file, base });
}

/// Reports, and says how it ended.
fn finish(
    push: &Prepared,
    outcomes: Vec<Outcome>,
    options: &Push,
    terminal: &Terminal,
) -> Result<Ending> {
    match options.output {
        Output::Json => terminal.result(&render::json::push(
            &push.plan.tenant,
            &outcomes,
            &push.held,
        ))?,
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
