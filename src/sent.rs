//! What a push sent to a tenant and what was there before, field by field: a value that is kept beside the lock, line by line, and
//! that the document of `push -o json` can be read as. An undo is made of it. Pure.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::str;

use serde_json::{Map, Value, json};

use crate::apply::{Outcome, UpdateResult};
use crate::base::BaseFrom;
use crate::files::{Document, Format, ParseError, Position};
use crate::json;
use crate::kinds::{FieldKey, Kind};
use crate::plan::{PlanField, Tenant};
use crate::push_plan::Update;
use crate::resource::{Resource, ResourceId};

/// The version of the record, and the only one that is read.
const VERSION: u64 = 1;
/// The version of the document of a push.
const DOCUMENT: u64 = 2;

/// An id is a part of a path, and no tenant's comes near this.
const LONGEST_ID: usize = 1024;

/// What one run sent to a tenant: a push, or an undo, which is the last push for the next undo.
#[derive(Debug, Clone, PartialEq)]
pub struct SentPush {
    /// The tenant.
    pub tenant: Tenant,
    /// Where base came from: with a commit, the lock was left alone.
    pub base: BaseFrom,
    /// Whether it was an undo, and how far that came.
    pub by: SentBy,
    /// What was sent, a resource each.
    pub resources: Vec<SentResource>,
}

/// Which command sent something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SentBy {
    /// A push.
    Push,
    /// An undo that did all that it had to do.
    Undo,
    /// An undo that was killed or that failed before its end: the next one goes on with it.
    UnfinishedUndo,
}

/// What was sent to one resource.
#[derive(Debug, Clone, PartialEq)]
pub struct SentResource {
    /// The resource.
    pub id: ResourceId,
    /// Its name then.
    pub name: String,
    /// Its file then.
    pub file: Option<String>,
    /// What is known of what became of it.
    pub became: Became,
    /// The fields that were sent.
    pub fields: Vec<SentField>,
}

/// What became of what was sent to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Became {
    /// Nobody knows: no answer came, or the run was killed before it could be noted. Live decides.
    Unknown,
    /// The tenant answered that it took it.
    Updated,
    /// It was not sent after all.
    NotSent,
    /// The run made the resource.
    Made,
}

/// One field that was sent. An absent value is None.
#[derive(Debug, Clone, PartialEq)]
pub struct SentField {
    /// The field, or the key of one.
    pub key: FieldKey,
    /// What the tenant had before.
    pub before: Option<Value>,
    /// What it was told to have.
    pub after: Option<Value>,
    /// What it answered, where that is something else.
    pub answered: Option<Option<Value>>,
    /// The same for the file, which leaves out what the tenant can only be told to empty.
    pub in_file: InFile,
    /// Of a key: whether one of the sides has no object at all that could have it.
    pub field_may_be_absent: bool,
}

/// What a file said of a field before something was sent, and what it says where that went well.
#[derive(Debug, Clone, PartialEq)]
pub struct InFile {
    /// Before.
    pub before: Option<Value>,
    /// After.
    pub after: Option<Value>,
}

impl SentField {
    /// Whether the tenant says what was sent, or what it answered.
    pub fn is_sent(&self, live: Option<&Value>) -> bool {
        let answered = self.answered.as_ref();
        self.key.same(live, self.after.as_ref())
            || answered.is_some_and(|answered| self.key.same(live, answered.as_ref()))
    }
}

impl SentPush {
    /// What these updates are about to send. `live` are the resources as they were read; `in_file` tells what the file of a resource
    /// says of a field before and after, where that is not what the tenant says.
    pub fn of<'a>(
        (tenant, base, by): (Tenant, BaseFrom, SentBy),
        updates: impl Iterator<Item = &'a Update>,
        live: &BTreeMap<ResourceId, Resource>,
        in_file: impl Fn(&ResourceId, &FieldKey) -> Option<(InFile, bool)>,
    ) -> SentPush {
        let resource = |update: &Update| {
            let live = live.get(&update.id);
            let field = |key: &FieldKey, before: &Option<Value>, after: &Option<Value>| {
                let is_absent = live.is_none_or(|live| key.field.of(live.fields()).is_none());
                let (in_file, leaves_out) = in_file(&update.id, key).unwrap_or_else(|| {
                    let (before, after) = (before.clone(), after.clone());
                    (InFile { before, after }, false)
                });
                SentField {
                    key: key.clone(),
                    before: before.clone(),
                    after: after.clone(),
                    answered: None,
                    in_file,
                    field_may_be_absent: key.key.is_some() && (is_absent || leaves_out),
                }
            };
            let fields = update.fields.iter();
            let fields =
                fields.filter_map(|edit| Some(field(edit.field.key()?, &edit.live, &edit.local)));
            SentResource {
                id: update.id.clone(),
                name: update.name.clone(),
                file: update.file.clone(),
                became: Became::Unknown,
                fields: fields.collect(),
            }
        };
        SentPush {
            tenant,
            base,
            by,
            resources: updates.map(resource).collect(),
        }
    }

    /// The record of it, a line each: what it is, what is sent to each resource, and what is known by now of what became of that.
    pub fn write(&self) -> String {
        let base = match &self.base {
            BaseFrom::Lock => json!({"from": "lock"}),
            BaseFrom::Commit(commit) => json!({"from": "git", "commit": commit}),
        };
        let by = match self.by {
            SentBy::Push => "push",
            SentBy::Undo | SentBy::UnfinishedUndo => "undo",
        };
        let tenant = json!({"name": self.tenant.name, "domain": self.tenant.domain});
        let first = json!({"version": VERSION, "by": by, "tenant": tenant, "base": base});
        let mut text = format!("{first}\n");
        for resource in &self.resources {
            text.push_str(&resource.line());
        }
        for resource in &self.resources {
            if let Some(status) = resource.became.status() {
                let answered = resource.fields.iter().filter_map(|field| {
                    let answered = field.answered.as_ref()?;
                    Some((&field.key, answered.as_ref()))
                });
                text.push_str(&became_line(&resource.id, status, answered));
            }
        }
        if self.by == SentBy::Undo {
            text.push_str(FINISHED);
        }
        text
    }

    /// Reads a record. What a kill cut off at its end is left out.
    ///
    /// # Errors
    /// It is none, has another version, or is damaged; the message says which line.
    pub fn parse(text: &[u8]) -> Result<SentPush, String> {
        let whole = text
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |end| end + 1);
        let text = text.get(..whole).unwrap_or_default();
        let text = str::from_utf8(text).map_err(|_| "it is not UTF-8 text".to_owned())?;
        let mut push = None;
        for (number, line) in text.lines().enumerate() {
            let at = |problem: String| format!("line {}: {problem}", number + 1);
            let value = json::parse(line).map_err(|_| at("is not JSON".to_owned()))?;
            let Value::Object(line) = value else {
                return Err(at("is no object".to_owned()));
            };
            match &mut push {
                None => push = Some(first_line(&line).map_err(at)?),
                Some(push) => push.line(&line).map_err(at)?,
            }
        }
        push.ok_or_else(|| "it is empty".to_owned())
    }

    fn line(&mut self, line: &Map<String, Value>) -> Result<(), String> {
        if line.get("finished") == Some(&Value::Bool(true)) && self.by == SentBy::UnfinishedUndo {
            self.by = SentBy::Undo;
            return Ok(());
        }
        let (id, status) = (resource_id(line)?, text(line, "status")?);
        let known = self.resources.iter_mut().find(|known| known.id == id);
        let sent = match (known, status) {
            (None, "sending") => {
                self.resources.push(SentResource {
                    name: text(line, "name")?.to_owned(),
                    file: optional_text(line, "file")?.map(str::to_owned),
                    became: Became::Unknown,
                    fields: fields(id.kind(), line)?,
                    id,
                });
                return Ok(());
            }
            (None, "created") => {
                self.resources.push(SentResource {
                    name: text(line, "name")?.to_owned(),
                    file: optional_text(line, "file")?.map(str::to_owned),
                    became: Became::Made,
                    fields: Vec::new(),
                    id,
                });
                return Ok(());
            }
            // What it refers to has an id by now.
            (Some(sent), "sending") => {
                for resolved in fields(id.kind(), line)? {
                    let mut known = sent.fields.iter_mut();
                    if let Some(field) = known.find(|field| field.key == resolved.key) {
                        if field.in_file.after == field.after {
                            field.in_file.after.clone_from(&resolved.after);
                        }
                        field.after = resolved.after;
                    }
                }
                return Ok(());
            }
            (Some(sent), _) => sent,
            (None, _) => return Err(format!("`{id}` was not there before")),
        };
        sent.became = match (status, sent.became) {
            // A part of it went through, and the rest is noted by a line of its own.
            ("failed" | "not_attempted", Became::Updated) => Became::Unknown,
            ("updated", _) => Became::Updated,
            ("not_attempted", _) => Became::NotSent,
            ("failed", _) => Became::Unknown,
            _ => return Err(format!("`{}` is no status", status.escape_debug())),
        };
        for answered in fields(sent.id.kind(), line)? {
            let mut fields = sent.fields.iter_mut();
            if let Some(field) = fields.find(|field| field.key == answered.key) {
                field.answered = Some(answered.after);
            }
        }
        Ok(())
    }

    /// Reads the document of a push.
    ///
    /// # Errors
    /// It is no JSON, the document of another command, or has another version; the position says where.
    pub fn of_document(text: &[u8]) -> Result<SentPush, ParseError> {
        let hint = "undo takes what `tenantry push -o json` prints";
        let document = Document::parse(text, Format::Json).map_err(|error| ParseError {
            hint: Some(hint.to_owned()),
            ..error
        })?;
        let all = document.fields();
        let error = |field: &str, message: String| ParseError {
            position: match all.contains_key(field) {
                true => document.position(field),
                false => Position::START,
            },
            message,
            hint: Some(hint.to_owned()),
        };
        let known = ["version", "tenant", "results", "summary"];
        if let Some(key) = all.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(error(
                key,
                format!("the document of a push has no `{}`", key.escape_debug()),
            ));
        }
        let version = all.get("version").and_then(Value::as_u64);
        if version != Some(DOCUMENT) {
            let message = format!("the document of a push has `version` {DOCUMENT}");
            return Err(error("version", message));
        }
        let tenant = tenant(all).map_err(|problem| error("tenant", problem))?;
        let results = all.get("results").and_then(Value::as_array);
        let results = results
            .ok_or_else(|| error("results", "the document of a push has `results`".to_owned()))?;
        let resources = results.iter().map(result).collect::<Result<Vec<_>, _>>();
        let resources = resources.map_err(|problem| error("results", problem))?;
        let mut parts: BTreeMap<ResourceId, SentResource> = BTreeMap::new();
        for resource in resources.into_iter().flatten() {
            match parts.entry(resource.id.clone()) {
                Entry::Occupied(mut part) => {
                    let joined = part.get_mut().join(resource);
                    joined.map_err(|problem| error("results", problem))?;
                }
                Entry::Vacant(place) => {
                    place.insert(resource);
                }
            }
        }
        let resources = parts.into_values().collect();
        Ok(SentPush {
            tenant,
            base: BaseFrom::Lock,
            by: SentBy::Push,
            resources,
        })
    }
}

impl SentResource {
    /// Joins the rest of an update, of which a part went through: a push tells both.
    fn join(&mut self, rest: SentResource) -> Result<(), String> {
        let twice = || {
            let one = self.id.kind().singular;
            format!("the {one} {} is there twice", self.id)
        };
        // Some fields of what was made were sent by an update, once they could be.
        match (self.became, rest.became) {
            (Became::Made, Became::Made) => return Err(twice()),
            (Became::Made, _) => return Ok(()),
            (_, Became::Made) => {
                *self = rest;
                return Ok(());
            }
            _ => {}
        }
        for field in rest.fields {
            let known = self.fields.iter_mut().find(|known| known.key == field.key);
            match known {
                None => self.fields.push(field),
                // Of a list, some entries went through: what came of those is where the rest began.
                Some(known) if known.after == field.before => {
                    known.answered = Some(field.before);
                    known.in_file.after.clone_from(&field.after);
                    known.after = field.after;
                }
                Some(_) => return Err(twice()),
            }
        }
        self.became = Became::Unknown;
        Ok(())
    }

    fn line(&self) -> String {
        let fields = self.fields.iter().map(SentField::entry).collect();
        let mut line = of_resource(&self.id, "sending");
        if self.became == Became::Made {
            line = of_resource(&self.id, "created");
        }
        line.insert("name".to_owned(), json!(self.name));
        if let Some(file) = &self.file {
            line.insert("file".to_owned(), json!(file));
        }
        line.insert("fields".to_owned(), Value::Array(fields));
        format!("{}\n", Value::Object(line))
    }
}

impl SentField {
    fn entry(&self) -> Value {
        let mut entry = of_field(&self.key);
        let mut set = |name: &str, value: Option<&Value>| {
            entry.extend(value.map(|value| (name.to_owned(), value.clone())));
        };
        set("before", self.before.as_ref());
        set("after", self.after.as_ref());
        if self.in_file.before != self.before || self.in_file.after != self.after {
            let sides = [
                ("before", &self.in_file.before),
                ("after", &self.in_file.after),
            ];
            let sides = sides
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)));
            set("in_file", Some(&Value::Object(sides.collect())));
        }
        if self.field_may_be_absent {
            set("field_may_be_absent", Some(&Value::Bool(true)));
        }
        Value::Object(entry)
    }
}

impl Became {
    /// What a line of a record calls it; None where there is nothing to note.
    fn status(self) -> Option<&'static str> {
        match self {
            Became::Updated => Some("updated"),
            Became::NotSent => Some("not_attempted"),
            Became::Unknown | Became::Made => None,
        }
    }
}

/// The last line of the record of an undo that did all that it had to do.
pub const FINISHED: &str = "{\"finished\":true}\n";

/// The line that notes that a resource was made of a file.
pub fn created_line(resource: &Resource, file: &str) -> String {
    let made = SentResource {
        id: resource.id().clone(),
        name: resource.name().to_owned(),
        file: Some(file.to_owned()),
        became: Became::Made,
        fields: Vec::new(),
    };
    made.line()
}

/// The line that notes what is sent in the place of files, of which it was not known yet what ids they would have.
pub fn resolved_line(update: &Update) -> String {
    let fields = update.fields.iter();
    let fields = fields.filter_map(|edit| Some((edit.field.key()?, edit.local.as_ref())));
    became_line(&update.id, "sending", fields)
}

/// The line that notes what became of an update.
pub fn outcome_line(outcome: &Outcome) -> String {
    let Outcome { update, result } = outcome;
    let (status, answered) = match result {
        UpdateResult::Updated {
            resource,
            differing,
        } => ("updated", Some((resource, differing))),
        UpdateResult::Failed(_) => ("failed", None),
        UpdateResult::NotAttempted => ("not_attempted", None),
    };
    let answered = answered.into_iter().flat_map(|(resource, differing)| {
        let keys = differing.iter().filter_map(PlanField::key);
        keys.map(|key| (key, key.of(resource.fields())))
    });
    became_line(&update.id, status, answered)
}

fn became_line<'a>(
    id: &ResourceId,
    status: &str,
    answered: impl Iterator<Item = (&'a FieldKey, Option<&'a Value>)>,
) -> String {
    let answered = answered.map(|(key, value)| {
        let mut entry = of_field(key);
        entry.extend(value.map(|value| ("after".to_owned(), value.clone())));
        Value::Object(entry)
    });
    let mut line = of_resource(id, status);
    let answered: Vec<Value> = answered.collect();
    if !answered.is_empty() {
        line.insert("fields".to_owned(), Value::Array(answered));
    }
    format!("{}\n", Value::Object(line))
}

fn of_resource(id: &ResourceId, status: &str) -> Map<String, Value> {
    let pairs = [
        ("status", status),
        ("kind", id.kind().name),
        ("id", id.as_str()),
    ];
    let pairs = pairs.map(|(name, value)| (name.to_owned(), json!(value)));
    Map::from_iter(pairs)
}

fn of_field(key: &FieldKey) -> Map<String, Value> {
    let mut entry = Map::from_iter([("field".to_owned(), json!(key.field.name()))]);
    entry.extend(key.key.iter().map(|key| ("key".to_owned(), json!(key))));
    entry
}

fn first_line(line: &Map<String, Value>) -> Result<SentPush, String> {
    let version = line.get("version");
    match version.and_then(Value::as_u64) {
        Some(VERSION) => {}
        _ => {
            let version = version.cloned().unwrap_or_default();
            return Err(format!(
                "it has version {version}, and this tenantry knows version {VERSION}"
            ));
        }
    }
    let base = line.get("base").and_then(Value::as_object);
    let base = base.ok_or("it has no `base`")?;
    Ok(SentPush {
        tenant: tenant(line)?,
        base: match text(base, "from")? {
            "lock" => BaseFrom::Lock,
            "git" => BaseFrom::Commit(text(base, "commit")?.to_owned()),
            other => return Err(format!("`{}` is no base", other.escape_debug())),
        },
        by: match text(line, "by")? {
            "push" => SentBy::Push,
            "undo" => SentBy::UnfinishedUndo,
            other => return Err(format!("`{}` sends nothing", other.escape_debug())),
        },
        resources: Vec::new(),
    })
}

fn tenant(document: &Map<String, Value>) -> Result<Tenant, String> {
    let tenant = document.get("tenant").and_then(Value::as_object);
    let tenant = tenant.ok_or("it has no `tenant`")?;
    Ok(Tenant {
        name: optional_text(tenant, "name")?.map(str::to_owned),
        domain: text(tenant, "domain")?.to_owned(),
    })
}

/// One of the results of a push; None where nothing was sent to the resource.
fn result(value: &Value) -> Result<Option<SentResource>, String> {
    let object = value.as_object().ok_or("a result is an object")?;
    let known = [
        "kind", "id", "name", "file", "status", "reason", "fields", "error", "resource",
    ];
    if let Some(key) = object.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(format!("a result has no `{}`", key.escape_debug()));
    }
    let became = match text(object, "status")? {
        "updated" => Became::Updated,
        "failed" => Became::Unknown,
        "created" => Became::Made,
        "held_back" | "not_attempted" => return Ok(None),
        other => return Err(format!("`{}` is no status", other.escape_debug())),
    };
    // A resource that was to be made and was not has no id.
    if became == Became::Unknown && !object.contains_key("id") {
        return Ok(None);
    }
    let id = resource_id(object)?;
    let mut fields = match became {
        Became::Made => Vec::new(),
        _ => fields(id.kind(), object)?,
    };
    if let Some(Value::Object(answer)) = object.get("resource") {
        for field in &mut fields {
            let answered = field.key.of(answer);
            if !field.key.same(answered, field.after.as_ref()) {
                field.answered = Some(answered.cloned());
            }
        }
    }
    Ok(Some(SentResource {
        name: text(object, "name")?.to_owned(),
        file: optional_text(object, "file")?.map(str::to_owned),
        became,
        fields,
        id,
    }))
}

fn resource_id(object: &Map<String, Value>) -> Result<ResourceId, String> {
    let (kind, id) = (text(object, "kind")?, text(object, "id")?);
    let known = Kind::of(kind, id);
    let known = known.ok_or_else(|| {
        let kind = kind.escape_debug();
        format!("`{kind}` is no kind that this tenantry knows")
    })?;
    if id.len() > LONGEST_ID {
        let name = known.id_name();
        return Err(format!("no {name} is longer than {LONGEST_ID} bytes"));
    }
    let id = ResourceId::new(known, id);
    match id.is_addressable() {
        true => Ok(id),
        false => Err(format!(
            "`{}` can't be a {}",
            id.as_str().escape_debug(),
            known.id_name()
        )),
    }
}

fn fields(kind: &'static Kind, object: &Map<String, Value>) -> Result<Vec<SentField>, String> {
    let Some(fields) = object.get("fields") else {
        return Ok(Vec::new());
    };
    let fields = fields.as_array().ok_or("`fields` is no list")?;
    let fields = fields.iter().map(|value| field(kind, value));
    let fields = fields.collect::<Result<Vec<_>, _>>()?;
    let mut keys = BTreeSet::new();
    match fields.iter().find(|field| !keys.insert(&field.key)) {
        Some(repeated) => Err(format!("{} is there twice", repeated.key)),
        None => Ok(fields),
    }
}

fn field(kind: &'static Kind, value: &Value) -> Result<SentField, String> {
    let object = value.as_object().ok_or("a field is an object")?;
    let name = text(object, "field")?;
    let field = kind.field(name);
    let field = field.ok_or_else(|| format!("`{}` is no updatable field", name.escape_debug()))?;
    let key = optional_text(object, "key")?.map(str::to_owned);
    if key.is_some() && !field.row().merge.is_by_key() {
        return Err(format!("`{field}` is not compared key by key"));
    }
    let value = |name: &str| object.get(name).cloned();
    let (before, after) = (value("before"), value("after"));
    let in_file = match object.get("in_file") {
        None => InFile {
            before: before.clone(),
            after: after.clone(),
        },
        Some(in_file) => {
            let in_file = in_file.as_object().ok_or("`in_file` is no object")?;
            InFile {
                before: in_file.get("before").cloned(),
                after: in_file.get("after").cloned(),
            }
        }
    };
    Ok(SentField {
        key: FieldKey { field, key },
        before,
        after,
        answered: None,
        in_file,
        field_may_be_absent: object.get("field_may_be_absent") == Some(&Value::Bool(true)),
    })
}

fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Result<&'a str, String> {
    let text = object.get(name).and_then(Value::as_str);
    text.ok_or_else(|| format!("it has no `{name}` that is text"))
}

fn optional_text<'a>(
    object: &'a Map<String, Value>,
    name: &str,
) -> Result<Option<&'a str>, String> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(_) => text(object, name).map(Some),
    }
}
