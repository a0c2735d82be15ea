//! `pull`: live into files, decided as a whole before the first byte is written.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;
use serde_json::{Map, Value};

use super::session::{
    LiveClients, Scene, check_edits, check_plan, read, select, sides, tell_earlier, warn_afresh,
};
use super::{Ending, Terminal, Usage};
use crate::base::Bases;
use crate::cli::{FileFormat, Pull, ResultForm};
use crate::client::{Client, ClientId, Field, LEADING_FIELDS};
use crate::files::{
    self, Access, CLIENTS, ClientFile, Contents, FilesError, Format, LOCK_FILE, TenantDirectory,
    stems_for_new_files,
};
use crate::merge::{Dropped, Kept, merge};
use crate::plan::{Live, Plan};
use crate::render::json::PulledClient;
use crate::render::{self, counted};
use crate::three_way::BaseValues;

/// What a pull does to a client's file, as reports name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Created,
    Updated,
    Unchanged,
    KeptEdit,
    Conflict,
    Gone,
    Pruned,
}

impl Status {
    const ALL: [Status; 7] = [
        Status::Created,
        Status::Updated,
        Status::Unchanged,
        Status::KeptEdit,
        Status::Conflict,
        Status::Gone,
        Status::Pruned,
    ];

    fn name(self) -> &'static str {
        match self {
            Status::Created => "created",
            Status::Updated => "updated",
            Status::Unchanged => "unchanged",
            Status::KeptEdit => "kept_edit",
            Status::Conflict => "conflict",
            Status::Gone => "gone",
            Status::Pruned => "pruned",
        }
    }

    /// What follows a count of clients.
    fn words(self) -> &'static str {
        match self {
            Status::KeptEdit => "with an edit kept",
            Status::Conflict => "in conflict",
            other => other.name(),
        }
    }
}

/// One client's part of a pull, decided and not yet done.
struct Pulled {
    id: ClientId,
    name: String,
    file: String,
    status: Status,
    dropped: Vec<Dropped>,
    /// The fields that change in the file.
    fields: Vec<String>,
    /// The file's new text, if it changes.
    text: Option<String>,
    /// Its comments could not be kept.
    afresh: bool,
    /// Its new base; None where the tenant does not have it.
    base: Option<BaseValues>,
    /// Whether file and tenant were in step before.
    was_known: bool,
    /// The edits that keep the file of a client that is gone.
    unpushed: Vec<&'static str>,
}

pub(super) async fn run(scene: &Scene<'_>, options: &Pull, terminal: &Terminal) -> Result<Ending> {
    let settings = scene.settings()?;
    let project = scene.project()?;
    if let (Some(settings), Some(name)) = (&settings, scene.tenant())
        && scene.borrows_settings()
        && !options.yes
    {
        let path = scene.path()?;
        let domain = settings.domain();
        if !path.join(LOCK_FILE).exists() && !is_meant(name, domain.as_str(), &path, terminal)? {
            return Ok(Ending::Differences);
        }
    }
    let directory = scene.open(Access::Create, terminal)?;
    let selection = scene.selection(&options.clients, directory.path());
    let mut contents = read(&directory, &selection, terminal)?;
    let session = scene.connect(settings, terminal)?;
    let domain = &session.tenant.domain;
    let place = (&directory, Access::Create);
    let mut bases = scene.bases(&options.base, &project, domain, place, &contents, terminal)?;
    if !options.discard_local {
        // What is not valid is what is discarded.
        check_edits(&contents, &bases, &selection, &directory)?;
    }
    let live = session.all_clients(&contents).await?;
    let selected = select(&selection, &contents, &bases, &live)?;
    let selected: BTreeSet<&ClientId> = selected.into_iter().collect();
    if !options.discard_local {
        let sides = selected.iter().filter_map(|id| {
            let live = Live::Updatable(live.get(*id)?);
            Some(sides(id, contents.clients.get(*id), &bases, live))
        });
        let plan = Plan::new(session.tenant.clone(), bases.from(), sides);
        check_plan(&plan, &contents, &directory)?;
        tell_earlier(&plan, &bases, terminal);
    }

    let pulled = decide(options, &contents, &bases, &live, &selected);
    if pulled
        .iter()
        .any(|client| may_be_left_out(client, &contents))
        && let Some(error) = FilesError::all(std::mem::take(&mut contents.left_out))
    {
        return Err(error.into());
    }
    if selection.is_everything() {
        // What neither side has any more is nothing to remember.
        bases.retain(|id| live.contains_key(id) || contents.clients.contains_key(id));
    }
    write(&directory, &mut bases, &pulled, &contents)?;

    for client in pulled.iter().filter(|client| client.afresh) {
        warn_afresh(&client.file, terminal);
    }
    match options.output.form {
        ResultForm::Json => {
            let statuses = Status::ALL.map(Status::name);
            let documents = documents(&pulled);
            terminal.result(&render::json::pull(&session.tenant, &documents, &statuses))
        }
        ResultForm::Text => {
            terminal.text(&report(&pulled, &session.tenant.domain, directory.path()))
        }
    }?;
    let held = |client: &Pulled| matches!(client.status, Status::Conflict | Status::Gone);
    Ok(Ending::differences(pulled.iter().any(held)))
}

/// Whether the file that a pull would make may be one that is there and can't be read: then its client would have two.
fn may_be_left_out(client: &Pulled, contents: &Contents) -> bool {
    let locked = |path: &Path| {
        let mut locked = contents.lock.iter().flat_map(|lock| &lock.clients);
        locked.find(|(_, locked)| path.ends_with(&locked.file))
    };
    let mut paths = contents.left_out.iter().flat_map(FilesError::paths);
    client.status == Status::Created
        && paths.any(|path| locked(path).is_none_or(|(id, _)| *id == client.id))
}

/// Asks whether a tenant that has no settings of its own is the one of the unnamed `.env`: its name may be a typing mistake.
fn is_meant(name: &str, domain: &str, path: &Path, terminal: &Terminal) -> Result<bool> {
    if !terminal.can_ask() {
        return Err(Usage::error(
            format!("there is no .env.{name}, and .env names {domain}"),
            format!("make .env.{name}, or say with --yes that {domain} is {name}"),
        ));
    }
    let question = format!(
        "There is no .env.{name}, and .env names {domain}. Pull its clients into {}?",
        path.display()
    );
    Ok(terminal.confirm(&question)?)
}

/// What happens to each selected client, in the order of files.
fn decide(
    options: &Pull,
    contents: &Contents,
    bases: &Bases,
    live: &LiveClients,
    selected: &BTreeSet<&ClientId>,
) -> Vec<Pulled> {
    let names = live
        .iter()
        .map(|(id, client)| (id, client.name()))
        .collect();
    let files = contents.clients.iter();
    let stems = files.map(|(id, file)| (id, file.stem.as_str())).collect();
    let new_stems: BTreeMap<ClientId, String> = stems_for_new_files(&names, &stems);
    let format = match options.format {
        FileFormat::Yaml => Format::Yaml,
        FileFormat::Json => Format::Json,
    };
    let mut pulled: Vec<Pulled> = selected
        .iter()
        .filter_map(|id| match (contents.clients.get(*id), live.get(*id)) {
            (Some(file), Some(live)) => Some(existing(file, bases, live, options.discard_local)),
            (None, Some(live)) => Some(new(
                live,
                TenantDirectory::client_file(new_stems.get(*id)?, format),
                format,
            )),
            (Some(file), None) => Some(gone(id, file, bases, options)),
            (None, None) => None,
        })
        .collect();
    pulled.sort_by(|a, b| (&a.file, &a.id).cmp(&(&b.file, &b.id)));
    pulled
}

fn new(live: &Client, file: String, format: Format) -> Pulled {
    Pulled {
        id: live.id().clone(),
        name: live.name().to_owned(),
        file,
        status: Status::Created,
        dropped: Vec::new(),
        fields: live.fields().keys().cloned().collect(),
        text: Some(files::write(live.fields(), &LEADING_FIELDS, format)),
        afresh: false,
        base: Some(BaseValues::of(live.fields())),
        was_known: false,
        unpushed: Vec::new(),
    }
}

fn existing(file: &ClientFile, bases: &Bases, live: &Client, discard_local: bool) -> Pulled {
    let base = bases.of(live.id());
    let merged = merge(&file.fields, base, live, discard_local);
    let fields = merged.fields.as_ref();
    let fields = fields.map(|fields| differing(&file.fields, fields));
    let rewritten = merged
        .fields
        .map(|fields| files::rewrite(&file.text, &fields, &LEADING_FIELDS, file.format));
    Pulled {
        id: live.id().clone(),
        name: live.name().to_owned(),
        file: file.file.clone(),
        status: match merged.kept {
            Kept::Conflict => Status::Conflict,
            Kept::Edit => Status::KeptEdit,
            Kept::Nothing if rewritten.is_some() => Status::Updated,
            Kept::Nothing => Status::Unchanged,
        },
        dropped: merged.dropped,
        fields: fields.unwrap_or_default(),
        afresh: rewritten
            .as_ref()
            .is_some_and(|rewritten| rewritten.comments_lost),
        text: rewritten.map(|rewritten| rewritten.text),
        base: Some(merged.base),
        was_known: base.is_some(),
        unpushed: Vec::new(),
    }
}

/// The fields in which a file's new content is another, those that it had first.
fn differing(old: &Map<String, Value>, new: &Map<String, Value>) -> Vec<String> {
    let added = new.keys().filter(|field| !old.contains_key(*field));
    let fields = old.keys().chain(added);
    fields
        .filter(|field| old.get(*field) != new.get(*field))
        .cloned()
        .collect()
}

/// A file whose client the tenant does not have. Only one that was in step with it before is known to be gone, and deleted; and
/// an edit that was never pushed keeps it, unless edits are to be discarded.
fn gone(id: &ClientId, file: &ClientFile, bases: &Bases, options: &Pull) -> Pulled {
    let base = bases.of(id);
    let edited = |field: &Field| {
        let local = field.of(&file.fields);
        base.zip(local)
            .is_some_and(|(base, local)| base.may_differ(*field, local))
    };
    let edited: Vec<Field> = Field::ALL.into_iter().filter(edited).collect();
    let is_kept = !edited.is_empty() && !options.discard_local;
    let is_pruned = options.prune && base.is_some() && !is_kept;
    let dropped = |field: &Field| Dropped {
        field: *field,
        local: field.of(&file.fields).cloned(),
        live: None,
    };
    let name = file.fields.get("name").and_then(|name| name.as_str());
    Pulled {
        id: id.clone(),
        name: name.unwrap_or(id.as_str()).to_owned(),
        file: file.file.clone(),
        status: match is_pruned {
            true => Status::Pruned,
            false => Status::Gone,
        },
        dropped: match is_pruned {
            true => edited.iter().map(dropped).collect(),
            false => Vec::new(),
        },
        fields: Vec::new(),
        text: None,
        afresh: false,
        base: None,
        was_known: base.is_some(),
        unpushed: match is_kept {
            true => edited.into_iter().map(Field::name).collect(),
            false => Vec::new(),
        },
    }
}

/// Does it, each only where something changes, in an order that may end anywhere. A new client is in the lock before its file is
/// there, or the file would pass for an edit when the tenant changes next; a file that changes is written before its base does,
/// or what it said before would.
fn write(
    directory: &TenantDirectory,
    bases: &mut Bases,
    pulled: &[Pulled],
    contents: &Contents,
) -> Result<()> {
    for client in pulled
        .iter()
        .filter(|client| client.status == Status::Created)
    {
        remember(bases, client);
    }
    bases.write(directory)?;
    let written = pulled.iter().try_for_each(|client| {
        match (contents.clients.get(&client.id), &client.text) {
            (Some(file), _) if client.status == Status::Pruned => directory.remove_client(file)?,
            (Some(file), Some(text)) => directory.rewrite_client(file, text)?,
            (None, Some(text)) => directory.create_client(&client.file, text)?,
            (_, None) => {}
        }
        remember(bases, client);
        Ok(())
    });
    // What was done is remembered, also when the rest failed; the first failure is the one to tell.
    written.and(bases.write(directory).map_err(Into::into))
}

fn remember(bases: &mut Bases, client: &Pulled) {
    match &client.base {
        Some(base) => bases.record(&client.id, &client.file, base.clone()),
        None if client.status == Status::Pruned => bases.forget(&client.id),
        None => {}
    }
}

fn documents(pulled: &[Pulled]) -> Vec<PulledClient> {
    let document = |client: &Pulled| PulledClient {
        kind: CLIENTS,
        id: client.id.to_string(),
        name: client.name.clone(),
        file: client.file.clone(),
        status: client.status.name(),
        fields: client.fields.clone(),
    };
    pulled.iter().map(document).collect()
}

/// A line for each client that somebody should look at, and the counts.
fn report(pulled: &[Pulled], domain: &str, directory: &std::path::Path) -> String {
    let mut text = String::new();
    for client in pulled {
        let unpushed = client.unpushed.join(", ");
        let kept = format!(
            "its client is gone from the tenant, and {unpushed} in the file was never pushed: --prune --discard-local deletes the \
             file all the same"
        );
        let what = match client.status {
            Status::Created | Status::Updated | Status::Unchanged => None,
            Status::KeptEdit => Some("keeps its edit: `tenantry diff` shows it"),
            Status::Conflict => {
                Some("conflict: the file and the tenant both changed; `tenantry diff` shows both")
            }
            Status::Gone if !client.unpushed.is_empty() => Some(kept.as_str()),
            Status::Gone if client.was_known => {
                Some("its client is gone from the tenant; --prune deletes its file")
            }
            Status::Gone => Some(
                "the tenant has no client with this id, and tenantry makes none: `tenantry list` shows the ids that there are",
            ),
            Status::Pruned => Some("deleted: its client is gone from the tenant"),
        };
        let mut line =
            |what: &str| text.push_str(&format!("{}: {what}\n", render::printable(&client.file)));
        if let Some(what) = what {
            line(what);
        }
        // What is dropped is named below.
        let is_dropped = |name: &String| {
            let mut dropped = client.dropped.iter();
            dropped.any(|dropped| dropped.field.name() == name)
        };
        let took = client.fields.iter().filter(|name| !is_dropped(name));
        let took: Vec<&str> = took.map(String::as_str).collect();
        if client.status != Status::Created && !took.is_empty() {
            line(&format!("took {}", render::printable(&took.join(", "))));
        }
        for Dropped { field, local, .. } in &client.dropped {
            match local {
                Some(local) => line(&format!(
                    "dropped {field}: {}",
                    render::printable(&local.to_string())
                )),
                None => line(&format!("{field} is in the file again")),
            }
        }
    }
    let counts: Vec<String> = Status::ALL
        .into_iter()
        .map(|status| {
            (
                pulled
                    .iter()
                    .filter(|client| client.status == status)
                    .count(),
                status,
            )
        })
        .filter(|(count, _)| *count > 0)
        .map(|(count, status)| format!("{count} {}", status.words()))
        .collect();
    let clients = counted(pulled.len(), "client", "clients");
    match counts.is_empty() {
        true => text.push_str(&format!(
            "{clients} of {domain} in {}\n",
            directory.display()
        )),
        false => text.push_str(&format!(
            "{clients} of {domain} in {}: {}\n",
            directory.display(),
            counts.join(", ")
        )),
    }
    text
}
