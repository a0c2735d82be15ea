//! The record of it as text, a line each: what is sent, then what became of it.

use serde_json::{Map, Value, json};

use super::record::{Became, SentBy, SentField, SentPush, SentResource};
use crate::apply::{Outcome, UpdateResult};
use crate::base::BaseFrom;
use crate::kinds::FieldKey;
use crate::plan::PlanField;
use crate::push_plan::Update;
use crate::resource::{Resource, ResourceId};

/// The version of the record, and the only one that is read.
pub(super) const VERSION: u64 = 1;

impl SentPush {
    /// The record of it, a line each: what it is, what is sent to each resource, and what is known by now of what became of that.
    pub fn write(&self) -> String {
        let base = match &self.base {
            BaseFrom::Lock => json!({"from": "lock"}),
            BaseFrom::Commit(commit) => json!({"from": "git", "commit": commit}),
        };
        let by = match self.by {
            SentBy::Push | SentBy::UnfinishedPush => "push",
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
        if matches!(self.by, SentBy::Push | SentBy::Undo) {
            text.push_str(FINISHED);
        }
        text
    }
}

impl SentResource {
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
