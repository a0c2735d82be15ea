//! The record as it was written, and the document of `push -o json`, read back.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::str;

use serde_json::{Map, Value};

use super::record::{Became, InFile, SentBy, SentField, SentPush, SentResource};
use super::writing::VERSION;
use crate::base::BaseFrom;
use crate::files::{Document, Format, ParseError, Position};
use crate::json;
use crate::kinds::{FieldKey, Kind};
use crate::plan::Tenant;
use crate::resource::ResourceId;

/// The version of the document of a push.
const DOCUMENT: u64 = 2;

/// An id is a part of a path, and no tenant's comes near this.
const LONGEST_ID: usize = 1024;

impl SentPush {
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
        let finished = match self.by {
            SentBy::UnfinishedPush => Some(SentBy::Push),
            SentBy::UnfinishedUndo => Some(SentBy::Undo),
            SentBy::Push | SentBy::Undo => None,
        };
        if let (Some(Value::Bool(true)), Some(finished)) = (line.get("finished"), finished) {
            self.by = finished;
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
            "push" => SentBy::UnfinishedPush,
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
