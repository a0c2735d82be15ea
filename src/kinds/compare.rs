//! When two values of a field mean the same, and what is sent to make one of the other.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::field::Field;
use super::row::{Clear, Merge, Row};

/// A key that was removed from a file, and that no update removes from the tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CannotRemove {
    /// The key, below the field.
    pub key: String,
}

impl Row {
    /// Whether two values mean the same. None is a value that is absent.
    pub fn same(&self, one: Option<&Value>, other: Option<&Value>) -> bool {
        match (self.plain(one), self.plain(other)) {
            (Some(one), Some(other)) => match (self.merge, &*one, &*other) {
                (Merge::Set, Value::Array(one), Value::Array(other)) => same_entries(one, other),
                (Merge::PartsOfSets, one, other) => same_but_for_order(one, other),
                _ => one == other,
            },
            (one, other) => one.is_none() && other.is_none(),
        }
    }

    /// The value as the tenant would serve it: None where it would serve none, and without parts that are null.
    fn plain<'a>(&self, value: Option<&'a Value>) -> Option<Cow<'a, Value>> {
        let value = value?;
        match (self.clear, value) {
            (Clear::Null, Value::Null) => return None,
            (Clear::EmptyTextIsAbsent, Value::String(text)) if text.is_empty() => return None,
            (Clear::EmptyListIsAbsent, Value::Array(entries)) if entries.is_empty() => return None,
            _ => {}
        }
        match self.merge.depth() {
            0 => Some(Cow::Borrowed(value)),
            depth => Some(without_nulls(value, depth)),
        }
    }
}

impl Field {
    /// Whether what the tenant has is on the way from `base` to `local`: of a list that is changed entry by entry, some entries
    /// were added or removed, and nothing else happened to it. An update that was stopped leaves it so.
    pub fn is_on_the_way(self, base: &Value, local: &Value, live: &Value) -> bool {
        let many = self.kind().collection();
        let list = many.and_then(|many| many.sub_list.as_ref());
        let (Value::Array(base), Value::Array(local), Value::Array(live)) = (base, local, live)
        else {
            return false;
        };
        let mut stays = base.iter().filter(|entry| local.contains(entry));
        list.is_some_and(|list| list.field == self.name())
            && stays.all(|entry| live.contains(entry))
            && live
                .iter()
                .all(|entry| base.contains(entry) || local.contains(entry))
    }

    /// What of a value is sent to a tenant that has `there`: of switches, those that differ. What it serves is nobody's mistake.
    pub fn new_part<'a>(self, value: &'a Value, there: Option<&Value>) -> Cow<'a, Value> {
        match (self.row().merge, value, there) {
            (Merge::Flags, Value::Object(keys), Some(Value::Object(there))) => {
                let new = keys
                    .iter()
                    .filter(|(key, value)| there.get(*key) != Some(*value));
                let new = new.map(|(key, value)| (key.clone(), value.clone()));
                Cow::Owned(Value::Object(new.collect()))
            }
            _ => Cow::Borrowed(value),
        }
    }

    /// What an update sends so that the tenant, which has `live`, says `local`: that itself, and null for each part that goes
    /// where the tenant would keep it.
    ///
    /// # Errors
    /// A part is to go for which the API takes no null.
    pub fn sent(self, local: &Value, live: Option<&Value>) -> Result<Value, CannotRemove> {
        match self.row().merge {
            Merge::Parts | Merge::PartsOfSets => {
                let depth = self.row().merge.depth();
                with_nulls(self, &mut vec![self.name()], local, live, depth)
            }
            _ => Ok(local.clone()),
        }
    }
}

/// The value without the parts that are null, so many levels deep.
fn without_nulls(value: &Value, depth: usize) -> Cow<'_, Value> {
    match value {
        Value::Object(parts) if has_null(parts, depth) => {
            let parts = parts.iter().filter(|(_, value)| !value.is_null());
            let below = |value| match depth {
                1 => Value::clone(value),
                depth => without_nulls(value, depth - 1).into_owned(),
            };
            let parts = parts.map(|(key, value)| (key.clone(), below(value)));
            Cow::Owned(Value::Object(parts.collect()))
        }
        _ => Cow::Borrowed(value),
    }
}

fn has_null(parts: &Map<String, Value>, depth: usize) -> bool {
    parts.values().any(|value| match value {
        Value::Object(parts) if depth > 1 => has_null(parts, depth - 1),
        value => value.is_null(),
    })
}

/// The value with null for each part that the tenant has and the file does not, so many levels deep. `path` leads to it.
fn with_nulls<'a>(
    field: Field,
    path: &mut Vec<&'a str>,
    local: &Value,
    live: Option<&'a Value>,
    depth: usize,
) -> Result<Value, CannotRemove> {
    let (Value::Object(parts), Some(Value::Object(there))) = (local, live) else {
        return Ok(local.clone());
    };
    let mut sent = parts.clone();
    for (key, live) in there {
        path.push(key);
        match sent.get_mut(key) {
            Some(part) if depth > 1 => {
                *part = with_nulls(field, path, part, Some(live), depth - 1)?;
            }
            Some(_) => {}
            None if live.is_null() => {}
            None if !field.kind().schema.takes_null(path) => {
                let key = path.get(1..).unwrap_or_default().join(".");
                return Err(CannotRemove { key });
            }
            None => {
                sent.insert(key.clone(), Value::Null);
            }
        }
        path.pop();
    }
    Ok(Value::Object(sent))
}

/// Whether two values are the same, but for the order of the lists in them.
fn same_but_for_order(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => same_entries(one, other),
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| {
                    other
                        .get(key)
                        .is_some_and(|other| same_but_for_order(value, other))
                })
        }
        _ => one == other,
    }
}

/// Whether two lists are the same set: an entry that is there twice is one entry.
fn same_entries(one: &[Value], other: &[Value]) -> bool {
    let has_all = |one: &[Value], other: &[Value]| other.iter().all(|entry| one.contains(entry));
    has_all(one, other) && has_all(other, one)
}
