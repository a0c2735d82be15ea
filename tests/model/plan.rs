//! What the contract promises of a saved plan: it is applied as it was shown, or not at all. As the rest of the promise, this
//! shares no code with tenantry.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::common::{Fields, text};
use crate::promise::{Promise, Sides, take};
use crate::units::{UNITS, agree, entry_units, field_of, same, sent, units};

/// A plan that was saved.
#[derive(Debug, Clone)]
pub struct Saved {
    /// The clients with a file.
    clients: BTreeMap<String, Client>,
}

#[derive(Debug, Clone)]
struct Client {
    file_only: bool,
    fields: Vec<Field>,
}

#[derive(Debug, Clone)]
struct Field {
    name: String,
    change: String,
    local: Option<Value>,
    live: Option<Value>,
    /// Whether it is a key of metadata that is compared by itself, and which the file has or takes away.
    is_key: bool,
}

/// An entry of the document: a unit, or those of a whole field.
fn entries(entry: &Value) -> Vec<Field> {
    let (field, key) = (text(&entry["field"]), entry["key"].as_str());
    let side = |name: &str, unit: &str| {
        let value = entry.get(name)?;
        let whole = units(&Fields::from_iter([(field.clone(), value.clone())]));
        match key {
            Some(_) => Some(value.clone()),
            None => whole.get(unit).cloned(),
        }
    };
    let units = entry_units(&field, key).into_iter();
    let entry = |unit: String| {
        let is_edit = entry["change"] == "edit";
        let local = side("local", &unit);
        Field {
            change: text(&entry["change"]),
            // The edit of a key that has no value in the file takes it away.
            local: local.or((is_edit && key.is_some()).then_some(Value::Null)),
            live: side("live", &unit),
            is_key: key.is_some(),
            name: unit,
        }
    };
    units.map(entry).collect()
}

impl Saved {
    /// The document of a diff.
    pub fn new(document: &Value) -> Saved {
        let clients = document["resources"].as_array().unwrap().iter();
        let clients = clients.filter(|client| client["state"] != "live-only");
        let fields_of = |field: &Value| entries(field);
        let clients = clients.map(|client| {
            let fields = client["fields"]
                .as_array()
                .unwrap()
                .iter()
                .flat_map(fields_of);
            let known = Client {
                file_only: client["state"] == "file-only",
                fields: fields.collect(),
            };
            (text(&client["id"]), known)
        });
        Saved {
            clients: clients.collect(),
        }
    }

    /// The client of that number among those that can be selected.
    pub fn client(&self, number: u8) -> Option<String> {
        let at = usize::from(number) % self.clients.len().max(1);
        self.clients.keys().nth(at).cloned()
    }

    /// Whether it says that a client differs.
    pub fn has(&self, id: &str) -> bool {
        self.clients.contains_key(id)
    }

    /// What it sends for a field, if that is an edit.
    pub fn edit(&self, id: &str, name: &str) -> Option<&Value> {
        let mut fields = self.clients.get(id)?.fields.iter();
        fields
            .find(|field| field.name == name && field.change == "edit")?
            .local
            .as_ref()
    }

    /// What comes of applying it to one of its clients, or all.
    pub fn applied(&self, before: &Sides, only: Option<&str>) -> Promise {
        let refused = Promise {
            code: 1,
            refused: true,
            ..before.unchanged()
        };
        let clients: Vec<(&String, &Client)> = self
            .clients
            .iter()
            .filter(|(id, _)| only.is_none_or(|only| only == *id))
            .collect();
        // A key that goes is one that the file does not have, beside others. In no other field is a null the same as nothing.
        let said = |local: &Fields, field: &Field| match local.get(&field.name) {
            Some(local) if field.is_key => same(Some(local), field.local.as_ref()),
            local => local == field.local.as_ref() && !field.is_key,
        };
        let as_planned = |(id, client): &(&String, &Client)| {
            let Some((_, local)) = before.files.get(*id) else {
                return false;
            };
            let live = before.live.get(*id).map_or(client.file_only, |live| {
                !client.file_only && client.fields.iter().all(|field| field.holds(live))
            });
            live && client.fields.iter().all(|field| said(local, field))
        };
        // By now, or by another base than that of the plan, the file may say what it said before: then it is somebody else's change
        // that would go.
        let reverts = |(id, client): &(&String, &Client)| {
            let (Some(base), Some(live)) = (before.base(id), before.live.get(*id)) else {
                return false;
            };
            let local = &before.files[*id].1;
            let is_drift = |field: &Field| {
                let units = field.units();
                let is_as_before = units.iter().all(|unit| {
                    let base = base.get(unit);
                    base.is_some_and(|base| same(base.as_ref(), local.get(unit)))
                });
                let is = |unit: &String| agree(unit, local.get(unit), live.get(unit));
                is_as_before && !units.iter().all(is)
            };
            let mut edits = client.fields.iter().filter(|field| field.change == "edit");
            edits.any(is_drift)
        };
        let conflict = |(_, client): &(&String, &Client)| {
            client.fields.iter().any(|field| field.change == "conflict")
        };
        if !clients.iter().all(as_planned)
            || clients.iter().any(reverts)
            || clients.iter().any(conflict)
        {
            return refused;
        }

        let mut promise = before.unchanged();
        for (id, client) in clients {
            let Some(live) = promise.sides.live.get_mut(id) else {
                promise.code = 1;
                continue;
            };
            let mut patch = Fields::new();
            for field in &client.fields {
                if let ("edit", Some(local)) = (field.change.as_str(), &field.local)
                    && !same(live.get(&field.name), Some(local))
                {
                    let value = sent(&field.name, local, live.get(&field.name));
                    patch.insert(field.name.clone(), value);
                }
            }
            take(live, &patch);
            let base = before.base(id);
            promise.sides.remember(id, base.as_ref(), &patch, before);
            if !patch.is_empty() {
                promise.patches.insert(id.clone(), patch);
            }
        }
        promise
    }
}

impl Field {
    /// The units that the plan compares together: a key, or those of a whole field.
    fn units(&self) -> Vec<String> {
        match self.is_key {
            true => vec![self.name.clone()],
            false => entry_units(field_of(&self.name), None),
        }
    }

    /// Whether live says what the plan says that it says; or what the plan makes of it; or, where somebody else changed it, what the
    /// file says all along, so that nothing is left of that. What push does not send, it does not read.
    fn holds(&self, live: &Fields) -> bool {
        let now = live.get(&self.name);
        let may_agree = ["edit", "drift"].contains(&self.change.as_str());
        !UNITS.contains(&self.name.as_str())
            || same(now, self.live.as_ref())
            || (may_agree && same(now, self.local.as_ref()))
    }
}
