//! Making resources, one after the other: what is about to be made is on the disk before the request goes out, and a request whose
//! answer was lost is never sent again before a look at what the tenant has. So one file never makes two resources.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::Result;
use serde_json::{Map, Value};

use super::session::Session;
use super::warnings::warn_rewritten;
use super::workspace::Workspace;
use super::{Terminal, Usage};
use crate::api::{ApiError, Effect, Fields};
use crate::apply::CreateResult;
use crate::base::{Bases, NewBase};
use crate::create::{Body, New, answered, made_by, says_all};
use crate::files::{self, Contents, FilesError, Intent, NewFile, ResourceFile, TenantDirectory};
use crate::kinds::{Creation, Field, FieldKey, Kind, Managed};
use crate::merge;
use crate::resource::{Resource, ResourceId};

/// Makes one resource. `remember` writes what was made into its file and the lock, and answers whether that went well.
pub(super) async fn make(
    session: &Session,
    directory: &TenantDirectory,
    contents: &Contents,
    new: &New,
    body: &Body,
) -> Result<CreateResult, FilesError> {
    let mut intent = Intent {
        domain: session.tenant.domain.clone(),
        kind: new.kind,
        file: new.file.clone(),
        sent: body.fields.clone(),
        open_until: 0,
    };
    // A push that is killed leaves its request to the tenant.
    let settles_in = session.reader.settles_in();
    intent.leave_open(SystemTime::now(), settles_in);
    directory.write_intent(&intent)?;
    let result = attempt(session, contents, &intent).await;
    match &result {
        // It is certain that nothing was made: there is nothing to look for.
        CreateResult::NotAttempted => directory.forget_intent()?,
        CreateResult::Failed(error) if error.effect() == Effect::None => {
            directory.forget_intent()?;
        }
        CreateResult::Failed(error) => {
            intent.open_until = 0;
            if error.may_still_happen() {
                intent.leave_open(SystemTime::now(), settles_in);
            }
            directory.write_intent(&intent)?;
        }
        CreateResult::Made { .. } | CreateResult::Several(_) => {}
    }
    Ok(result)
}

/// Sends the request, and once more where the API itself said that it failed and the tenant has no such resource.
async fn attempt(session: &Session, contents: &Contents, intent: &Intent) -> CreateResult {
    let writer = session.reader.writer();
    let mut failed = None;
    for is_last in [false, true] {
        let error = match writer.create(intent.kind, &intent.sent).await {
            Ok(resource) => return of(intent, resource),
            Err(ApiError::Stopped { .. }) => break,
            Err(error) => error,
        };
        if error.effect() == Effect::None {
            return CreateResult::Failed(error);
        }
        let Ok((mut there, has_same)) = looked(session, contents, intent).await else {
            return CreateResult::Failed(error);
        };
        match (there.pop(), there.as_slice()) {
            (Some(one), []) => return of(intent, one),
            (Some(one), more) => {
                let ids = more.iter().chain([&one]).map(|one| one.id().clone());
                return CreateResult::Several(ids.collect());
            }
            // One of that name that says something else may be it, as a tenant may change a value.
            (None, _) if is_last || has_same || error.effect() == Effect::Unknown => {
                return CreateResult::Failed(error);
            }
            (None, _) => failed = Some(error),
        }
    }
    failed.map_or(CreateResult::NotAttempted, CreateResult::Failed)
}

fn of(intent: &Intent, resource: Resource) -> CreateResult {
    let answered = answered(&intent.sent, &resource);
    CreateResult::Made { resource, answered }
}

/// The resources that the tenant has, that no file is about, and that say what was sent.
async fn look(
    session: &Session,
    contents: &Contents,
    intent: &Intent,
) -> Result<Vec<Resource>, ApiError> {
    Ok(looked(session, contents, intent).await?.0)
}

/// The same, and whether there is one without a file that the tenant or people would not tell from it.
async fn looked(
    session: &Session,
    contents: &Contents,
    intent: &Intent,
) -> Result<(Vec<Resource>, bool), ApiError> {
    let live = session.reader.resources(intent.kind, &Fields::All).await?;
    let live: BTreeMap<ResourceId, Resource> = live
        .into_iter()
        .map(|live| (live.id().clone(), live))
        .collect();
    let mut without_file = live.values();
    let has_same = without_file
        .any(|live| !contents.resources.contains_key(live.id()) && is_same(intent, live.fields()));
    let made = made_by(intent.kind, &intent.sent, contents, &live);
    Ok((made.into_iter().cloned().collect(), has_same))
}

/// What a file and its base become once its resource is made.
pub(super) struct Adopted {
    fields: Arc<Map<String, Value>>,
    text: String,
    base: NewBase,
    comments_lost: bool,
}

impl Adopted {
    /// `said` is what the file said when its resource was made.
    pub(super) fn new(
        managed: &Managed,
        new: &NewFile,
        said: &Map<String, Value>,
        live: &Resource,
        later: &[Field],
    ) -> Adopted {
        let merged = merge::made(managed, &new.file.fields, said, live, later);
        let fields = merged.fields.unwrap_or_default();
        let leading = managed.leading(new.kind);
        // The tenant answers more than push sends later on, which the file says from now on.
        let is_more = fields.keys().any(|name| !leading.contains(&name.as_str()));
        let text = match is_more {
            true => files::divided(&new.file.text, new.file.format),
            false => new.file.text.clone(),
        };
        let rewritten = files::rewrite(&text, &fields, &leading, new.file.format);
        Adopted {
            fields: Arc::new(fields),
            text: rewritten.text,
            base: merged.base,
            comments_lost: rewritten.comments_lost,
        }
    }

    /// Whether the file had to be written anew.
    pub(super) fn comments_lost(&self) -> bool {
        self.comments_lost
    }

    /// Writes the file, then the lock: where the second fails, the next pull finds the id in the file. Answers the file as it is now.
    pub(super) fn write(
        self,
        new: &NewFile,
        live: &Resource,
        directory: &TenantDirectory,
        bases: &mut Bases,
    ) -> Result<ResourceFile, FilesError> {
        directory.rewrite_file(&new.file, &self.text)?;
        bases.record(live.id(), &new.file.file, self.base);
        bases.write(directory)?;
        directory.forget_intent()?;
        Ok(ResourceFile {
            text: self.text,
            fields: self.fields,
            ..new.file.clone()
        })
    }
}

/// What the file of a resource that was made says once an update has sent these fields: ids, in the place of the files that it still
/// names.
pub(super) fn with_ids(
    fields: &Map<String, Value>,
    live: &Resource,
    sent: &[FieldKey],
) -> Map<String, Value> {
    let mut fields = fields.clone();
    for name in sent.iter().map(|key| key.field.name()) {
        if let Some(value) = live.fields().get(name) {
            fields.insert(name.to_owned(), value.clone());
        }
    }
    fields
}

/// Finishes what an earlier push may have made without knowing it: its file takes the id of the one resource that says what was
/// sent. Answers whether the files have to be read again.
///
/// # Errors
/// The tenant has several such resources, or can't be read; or, in a push, one of which the file is another by now.
pub(super) async fn finish_earlier(
    workspace: &mut Workspace,
    is_pull: bool,
    terminal: &Terminal,
) -> Result<bool> {
    let Some(intent) = workspace.directory.read_intent()? else {
        return Ok(false);
    };
    let Workspace {
        directory,
        contents,
        session,
        bases,
        ..
    } = workspace;
    if intent.domain != session.tenant.domain {
        anyhow::bail!(
            "an earlier push to {} was about to make a resource of {}, and nobody knows whether it did: push to {} first",
            intent.domain,
            intent.file,
            intent.domain
        );
    }
    let at_path = |new: &&NewFile| new.kind == intent.kind && new.file.file == intent.file;
    let new = contents.new.iter().find(at_path);
    let mut files = contents.resources.iter();
    let with_id = files.find(|(id, file)| id.kind() == intent.kind && file.file == intent.file);
    let mut there = look(session, contents, &intent).await?;
    let left = intent.is_open_for(SystemTime::now(), session.reader.settles_in());
    if there.is_empty() && with_id.is_none() && !left.is_zero() {
        if is_pull {
            return Ok(false);
        }
        terminal.note(&format!(
            "{}: an earlier push did not get to know whether it was made, and the tenant may still make it: waiting {} s",
            intent.file,
            left.as_secs()
        ));
        tokio::time::sleep(left).await;
        there = look(session, contents, &intent).await?;
    }
    // A file that has another name by now.
    let renamed = || {
        let mut same = contents
            .new
            .iter()
            .filter(|new| is_same(&intent, &new.file.fields));
        same.next().filter(|_| same.next().is_none())
    };
    let new = new.or_else(|| renamed().filter(|_| with_id.is_none()));
    let ids: Vec<&str> = there.iter().map(|one| one.id().as_str()).collect();
    let id_name = intent.kind.id_name();
    match (new, there.as_slice()) {
        (Some(new), [one]) => {
            let later = later_of(&new.file.fields, &intent);
            let adopted = Adopted::new(directory.managed(), new, &intent.sent, one, &later);
            if adopted.comments_lost {
                warn_rewritten(&new.file.file, terminal);
            }
            adopted.write(new, one, directory, bases)?;
            let added = answered(&intent.sent, one).added;
            let added = match added.is_empty() {
                true => String::new(),
                false => format!("; the tenant set {}", added.join(", ")),
            };
            terminal.note(&format!(
                "{}: an earlier push made it, {}; its file has the id now{added}",
                new.file.file,
                one.id()
            ));
            Ok(true)
        }
        (Some(_), [_, ..]) => Err(Usage::error(
            format!(
                "{}: an earlier push made a resource of it, and the tenant has several that say the same: {}",
                intent.file,
                ids.join(", ")
            ),
            format!(
                "write the right id as `{id_name}` into the first line of the file; nothing is made before that"
            ),
        )),
        (None, [_, ..]) if is_pull => {
            terminal.warn(&format!(
                "an earlier push made a resource of {}, which is another file by now, or none: {}",
                intent.file,
                ids.join(", ")
            ));
            Ok(false)
        }
        (None, [_, ..]) => Err(Usage::error(
            format!(
                "an earlier push made a resource of {}, which is another file by now, or can't be read: {}",
                intent.file,
                ids.join(", ")
            ),
            format!(
                "write the id as `{id_name}` into the file that it is of, or have `tenantry pull` write one; nothing is pushed \
                 before that, so that it is not made twice"
            ),
        )),
        (_, []) => {
            let mut is_remembered_now = false;
            // The file has its id already, and the lock was not written any more.
            if let Some((id, file)) = with_id.filter(|(id, _)| bases.of(id).is_none())
                && let Some(live) = one(session, contents, bases, id).await?
                && says_all(&live, &intent.sent)
            {
                let later = later_of(&file.fields, &intent);
                let (managed, fields) = (directory.managed(), &file.fields);
                let merged = merge::made(managed, fields, &intent.sent, &live, &later);
                bases.record(id, &file.file, merged.base);
                bases.write(directory)?;
                is_remembered_now = true;
            }
            directory.forget_intent()?;
            Ok(is_remembered_now)
        }
    }
}

/// Whether these fields are those of the resource that a push was about to make, or of one that the tenant would not tell from it.
fn is_same(intent: &Intent, fields: &Map<String, Value>) -> bool {
    match intent.kind.creation() {
        Some(Creation::Takes(takes)) => takes.is_same(&intent.sent, fields),
        _ => false,
    }
}

/// The fields of a file that were not sent when its resource was made.
fn later_of(said: &Map<String, Value>, intent: &Intent) -> Vec<Field> {
    let said = said.iter().filter(|(_, value)| !value.is_null());
    let left = said.filter(|(name, _)| !intent.sent.contains_key(*name));
    left.filter_map(|(name, _)| intent.kind.field(name))
        .collect()
}

/// One resource, whole.
async fn one(
    session: &Session,
    contents: &Contents,
    bases: &Bases,
    id: &ResourceId,
) -> Result<Option<Resource>> {
    let asked = (contents, bases);
    let live = session.these(&[id], asked, |_| Fields::All).await?;
    Ok(live.get(id).cloned())
}

/// What somebody should know before resources of these kinds are made.
pub(super) fn cautions(new: &[New]) -> Vec<&'static str> {
    of_kinds(new, |takes| takes.caution)
}

/// What somebody should know once they are made.
pub(super) fn afterwards<'a>(made: impl IntoIterator<Item = &'a New>) -> Vec<&'static str> {
    of_kinds(made, |takes| takes.afterwards)
}

fn of_kinds<'a>(
    new: impl IntoIterator<Item = &'a New>,
    what: fn(&crate::kinds::Takes) -> Option<&'static str>,
) -> Vec<&'static str> {
    let kinds: BTreeSet<&'static Kind> = new.into_iter().map(|new| new.kind).collect();
    let said = kinds.into_iter().filter_map(|kind| match kind.creation()? {
        Creation::Takes(takes) => what(takes),
        Creation::Cannot(_) => None,
    });
    said.collect()
}
