//! When two values of a field mean the same, and what is sent to make one of the other.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::{Clear, Field, Merge, Row, Sending};

/// A key that was taken out of a file, and that no update takes out of the tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CannotRemove {
    /// The key, below the field.
    pub key: String,
}

impl Row {
    /// Whether two values mean the same. None is a value that is absent.
    pub fn same(&self, one: Option<&Value>, other: Option<&Value>) -> bool {
        if self.sending == Sending::Derived {
            return true;
        }
        match (self.plain(one), self.plain(other)) {
            (Some(one), Some(other)) => match (self.merge, &*one, &*other) {
                (Merge::Set, Value::Array(one), Value::Array(other)) => same_entries(one, other),
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
            _ => {}
        }
        let mut plain = match (self.merge, value) {
            (Merge::Parts | Merge::Keys | Merge::Flags, Value::Object(parts))
                if has_null(parts) =>
            {
                let parts = parts.iter().filter(|(_, value)| !value.is_null());
                let parts = parts.map(|(key, value)| (key.clone(), value.clone()));
                Cow::Owned(Value::Object(parts.collect()))
            }
            _ => Cow::Borrowed(value),
        };
        if !self.sets.is_empty() {
            sort_sets(plain.to_mut(), self.sets);
        }
        Some(plain)
    }
}

impl Field {
    /// Whether what the tenant has is on the way from `base` to `local`: of a list that is changed entry by entry, some entries
    /// were added or removed, and nothing else happened to it. An update that was stopped leaves it so.
    pub fn is_on_the_way(self, base: &Value, local: &Value, live: &Value) -> bool {
        let list = self
            .kind()
            .collection()
            .and_then(|many| many.sub_list.as_ref());
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
    /// A part goes that the API takes no null for.
    pub fn sent(self, local: &Value, live: Option<&Value>) -> Result<Value, CannotRemove> {
        let (Merge::Parts, Value::Object(parts), Some(Value::Object(there))) =
            (self.row().merge, local, live)
        else {
            return Ok(local.clone());
        };
        let mut sent = parts.clone();
        let goes = |(key, value): &(&String, &Value)| !value.is_null() && !parts.contains_key(*key);
        for (key, _) in there.iter().filter(goes) {
            if !self.kind().schema.takes_null(&[self.name(), key]) {
                return Err(CannotRemove { key: key.clone() });
            }
            sent.insert(key.clone(), Value::Null);
        }
        Ok(Value::Object(sent))
    }
}

fn has_null(parts: &Map<String, Value>) -> bool {
    parts.values().any(Value::is_null)
}

/// Gives the lists at these keys one order, wherever they stand.
fn sort_sets(value: &mut Value, sets: &[&str]) {
    match value {
        Value::Array(entries) => entries.iter_mut().for_each(|entry| sort_sets(entry, sets)),
        Value::Object(keys) => {
            for (key, value) in keys {
                match value {
                    Value::Array(set) if sets.contains(&key.as_str()) => {
                        set.sort_by_cached_key(Value::to_string);
                    }
                    value => sort_sets(value, sets),
                }
            }
        }
        _ => {}
    }
}

/// Whether two lists are the same set: an entry that is there twice is one entry.
fn same_entries(one: &[Value], other: &[Value]) -> bool {
    has_all(one, other) && has_all(other, one)
}

fn has_all(one: &[Value], other: &[Value]) -> bool {
    other.iter().all(|entry| one.contains(entry))
}
