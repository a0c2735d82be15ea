//! Sending what a push or an undo is about to send, and remembering what was answered: files and the lock are written after each
//! answer, so that a run which is killed at any moment is finished by the next one.

use std::collections::{BTreeMap, BTreeSet};
use std::iter;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

use serde_json::{Map, Value};
use tokio::sync::oneshot;

use super::Terminal;
use super::create::{Adopted, make, with_ids};
use super::session::Session;
use super::warnings::warn_rewritten;
use super::workspace::Workspace;
use crate::api::{Effect, Writer};
use crate::apply::{CreateResult, Created, Outcome, Run, UpdateResult, sort};
use crate::base::{BaseFrom, Bases};
use crate::create::{Made, New};
use crate::files::{
    self, Contents, FilesError, NewFile, ResourceFile, SentRecord, TenantDirectory,
};
use crate::kinds::{Field, FieldKey};
use crate::merge::pushed;
use crate::plan::{Change, FieldPlan, PlanField, ResourcePlan, State};
use crate::push_plan::{PushPlan, Update};
use crate::resource::{Resource, ResourceId};
use crate::sent::{FINISHED, SentBy, SentPush, created_line, outcome_line, resolved_line};
use crate::three_way::Base;
use crate::undo::Rewrite;

/// What is to be sent.
pub(super) struct Due {
    updates: Vec<Update>,
    creates: Vec<New>,
    later: Vec<Update>,
}

/// What was sent, and what became of it.
#[derive(Default)]
pub(super) struct Sent {
    pub(super) created: Vec<Created>,
    pub(super) outcomes: Vec<Outcome>,
}

impl Due {
    /// All that a plan says is due, which is taken out of it.
    pub(super) fn of(push: &mut PushPlan) -> Due {
        Due {
            updates: std::mem::take(&mut push.updates),
            creates: std::mem::take(&mut push.creates),
            later: std::mem::take(&mut push.later),
        }
    }

    fn count(&self) -> usize {
        self.updates.len() + self.creates.len() + self.later.len()
    }

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

/// What files are to say by resource, once the tenant has answered.
pub(super) type Rewrites = BTreeMap<ResourceId, Rewrite>;

/// Sends what is due, and writes what was answered into files and lock as it comes in: kind by kind, what others refer to first, and
/// at last what had to wait for ids. What is sent is on the disk before the first request goes out, so that it can be undone wherever
/// it stops.
pub(super) async fn send(
    workspace: Workspace,
    mut due: Due,
    (record, rewrites): (SentPush, &Rewrites),
    terminal: &Terminal,
) -> (Sent, Result<(), FilesError>) {
    let Workspace {
        directory,
        contents,
        session,
        bases,
        ..
    } = workspace;
    let by = record.by;
    let text = |former: Option<&[u8]>| {
        // What can't be read is nothing that could be finished.
        match former.and_then(|former| SentPush::parse(former).ok()) {
            Some(earlier) => record.finishing(earlier).write(),
            None => record.write(),
        }
    };
    let begin = || match due.count() {
        0 => Ok(None),
        _ => directory.begin_sent(text).map(Some),
    };
    let record = match bases.write(&directory).and_then(|()| begin()) {
        Ok(record) => record,
        Err(error) => return (due.not_attempted(), Err(error)),
    };
    let words = match due.creates.is_empty() {
        true => "updating",
        false => "creating and updating",
    };
    terminal.progress().begin(words, Some(due.count()));
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
        rewrites,
        terminal,
        record,
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
    let (sent, record) = sending.finished().await;
    let written = match remembering.await {
        Ok(written) => written,
        Err(error) => resume_unwind(error.into_panic()),
    };
    if let Some(record) = record {
        close(record, by, &sent, written.is_ok());
    }
    (sent, written)
}

/// Closes the record of what was sent: a push that says what it did is noted, and so is an undo that did all that it had to do, in files
/// as well. What sent nothing leaves the last record.
fn close(mut record: SentRecord, by: SentBy, sent: &Sent, is_remembered: bool) {
    let mut results = sent.outcomes.iter().map(|outcome| &outcome.result);
    let has_effect = sent.outcomes.iter().any(may_have_effect)
        || sent.created.iter().any(|one| match &one.result {
            CreateResult::Made { .. } | CreateResult::Several(_) => true,
            CreateResult::Failed(error) => error.effect() != Effect::None,
            CreateResult::NotAttempted => false,
        });
    if !has_effect {
        record.take_back();
    } else if by == SentBy::UnfinishedPush
        || (is_remembered && results.all(|result| matches!(result, UpdateResult::Updated { .. })))
    {
        record.note(FINISHED);
    }
}

/// Whether something on the tenant may be another way since. What went through of an update that failed later is an outcome of its own.
fn may_have_effect(outcome: &Outcome) -> bool {
    match &outcome.result {
        UpdateResult::Updated { .. } => true,
        UpdateResult::NotAttempted => false,
        UpdateResult::Failed(error) => !error.is_refused_at_once(),
    }
}

/// A run under way.
struct Sending<'a> {
    session: &'a Session,
    writer: Writer,
    directory: &'a TenantDirectory,
    contents: &'a Contents,
    rewrites: &'a Rewrites,
    terminal: &'a Terminal,
    record: Option<SentRecord>,
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
            rewrites,
            terminal,
            record,
            tell,
            can_remember,
            run,
            ..
        } = self;
        let mut answered = BTreeSet::new();
        let outcomes = run.updates(writer, updates, |outcome| {
            let Outcome { update, result } = outcome;
            if !matches!(result, UpdateResult::NotAttempted) && answered.insert(update.id.clone()) {
                terminal.progress().advance(1);
            }
            // What was made in this run has its base from there, and is on record as made.
            let file = contents.resources.get(&update.id);
            if let (Some(record), Some(_)) = (record.as_mut(), file) {
                record.note(&outcome_line(outcome));
            }
            if let UpdateResult::Updated { resource, .. } = result {
                let done = &update.fields;
                let sent = done.iter().filter_map(|edit| edit.field.key().cloned());
                let rewrite = rewrites.get(&update.id).zip(file);
                // Sending can't fail: the receiver lives until this sender is dropped.
                let _ = tell.send(Answered::Updated {
                    file: file.cloned(),
                    rewrite: rewrite
                        .and_then(|(rewrite, file)| rewrite.file_after(&file.fields, done).0),
                    live: resource.clone(),
                    sent: sent.collect(),
                });
            }
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
            CreateResult::Failed(error) if error.effect() == Effect::None => {
                self.run.failed(new.kind, error);
            }
            // Nobody knows what there is by now, so nothing more is made: the next run has to look for this one first.
            CreateResult::Failed(_) | CreateResult::Several(_) => self.run.stop(),
            CreateResult::Made { .. } | CreateResult::NotAttempted => {}
        }
        if !matches!(result, CreateResult::NotAttempted) {
            self.terminal.progress().advance(1);
        }
        self.sent.created.push(Created { new, result });
    }

    async fn attempt(&mut self, new: &New) -> CreateResult {
        let mut files = self.contents.new.iter();
        let file = files.find(|file| file.kind == new.kind && file.file.file == new.file);
        let (Some(file), Some(body)) = (file, self.made.body(new)) else {
            return CreateResult::NotAttempted;
        };
        // Without what it refers to, it would be another one than was shown: a client that lets nobody in would let everybody in.
        let unmade = self.sent.created.iter();
        let unmade = unmade.filter(|one| !matches!(one.result, CreateResult::Made { .. }));
        let needed = new.files();
        let mut missing = unmade.filter(|one| needed.iter().any(|file| one.new.is_named(file)));
        if missing.next().is_some() {
            return CreateResult::NotAttempted;
        }
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
            if let Some(record) = &mut self.record {
                record.note(&created_line(resource, &new.file));
            }
            if !new.left_out.is_empty() {
                let left_out: Vec<&str> = new.left_out.iter().map(|(name, _)| &**name).collect();
                self.terminal.note(&format!(
                    "{}: what was not sent is no longer in the file: {}",
                    new.file,
                    left_out.join(", ")
                ));
            }
            let (done, is_done) = oneshot::channel();
            let (managed, said) = (self.directory.managed(), &file.file.fields);
            let adopted = Adopted::new(managed, file, said, resource, &body.later);
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
    async fn finished(mut self) -> (Sent, Option<SentRecord>) {
        self.send_later().await;
        sort(&mut self.sent.outcomes);
        (self.sent, self.record)
    }

    /// Sends what had to wait until all that it refers to has an id.
    async fn send_later(&mut self) {
        let mut ready = Vec::new();
        for update in std::mem::take(&mut self.later) {
            match update.resolved(&self.made) {
                Some(update) => {
                    let has_file = self.contents.resources.contains_key(&update.id);
                    if let (Some(record), true) = (&mut self.record, has_file) {
                        record.note(&resolved_line(&update));
                    }
                    ready.push(update);
                }
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
    // An empty list is what the tenant has by itself.
    let is_due = |field: &&Field| {
        let live = field.of(resource.fields());
        !field.row().same(live, new.fields.get(field.name()))
    };
    let edits = later.iter().filter(is_due).map(|field| FieldPlan {
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
        /// Its file; None where it was made in this run.
        file: Option<ResourceFile>,
        /// What its file is to say from now on.
        rewrite: Option<Map<String, Value>>,
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
/// harm: file and tenant agree, so the next push sends nothing twice. A file that changes is written before its base does. The first
/// failure counts, whatever works later.
fn remember(
    answers: mpsc::Receiver<Answered>,
    mut bases: Bases,
    directory: &TenantDirectory,
    can_remember: &AtomicBool,
) -> Result<(), FilesError> {
    let mut first_failure = Ok(());
    let mut made: BTreeMap<ResourceId, ResourceFile> = BTreeMap::new();
    let is_kept = bases.from() == BaseFrom::Lock;
    while let Ok(answered) = answers.recv() {
        let mut written = Ok(());
        for answered in iter::once(answered).chain(answers.try_iter()) {
            match answered {
                Answered::Updated {
                    file,
                    rewrite,
                    live,
                    sent,
                } => {
                    let id = live.id();
                    let (file, rewrite) = match (&file, made.get(id)) {
                        // What was named by its file has an id by now. Where base comes from a commit, nobody commits what is written.
                        (Some(file), None) if file.names_files && is_kept => {
                            let is_reference =
                                |key: &&FieldKey| key.field.row().reference_by_id().is_some();
                            let sent: Vec<FieldKey> =
                                sent.iter().filter(is_reference).cloned().collect();
                            (file, Some(with_ids(&file.fields, &live, &sent)))
                        }
                        (Some(file), _) => (file, rewrite),
                        (None, Some(file)) => (file, Some(with_ids(&file.fields, &live, &sent))),
                        (None, None) => continue,
                    };
                    let mut local: &Map<String, Value> = &file.fields;
                    if let Some(rewrite) = &rewrite {
                        match rewrite_file(directory, id, file, rewrite) {
                            Ok(()) => local = rewrite,
                            Err(error) => first_failure = first_failure.and(Err(error)),
                        }
                    }
                    let base = bases.of(id);
                    let base = pushed(directory.managed(), local, base, &live, true, &sent);
                    bases.record(id, &file.file, base);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Access;
    use crate::kinds::{Managed, clients::KIND};
    use serde_json::json;
    use std::path::Path;

    fn answered(id: &str) -> Answered {
        let fields = json!({"client_id": id, "name": "A"});
        let live = Resource::new(&KIND, fields.as_object().unwrap().clone()).unwrap();
        let text = fields.to_string().into_bytes();
        let read = files::parse_resource(&KIND, Path::new("clients/a.json"), text).unwrap();
        Answered::Updated {
            file: Some(read.file),
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
