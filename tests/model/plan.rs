//! What the contract promises of a saved plan: it is applied as it was shown, or not at all. As the rest of the promise, this
//! shares no code with tenantry.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::common::{Fields, UPDATABLE, text};
use crate::promise::{Promise, Sides};

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
}

impl Saved {
    /// The document of a diff.
    pub fn new(document: &Value) -> Saved {
        let clients = document["resources"].as_array().unwrap().iter();
        let clients = clients.filter(|client| client["state"] != "live-only");
        let field = |field: &Value| Field {
            name: text(&field["field"]),
            change: text(&field["change"]),
            local: field.get("local").cloned(),
            live: field.get("live").cloned(),
        };
        let clients = clients.map(|client| {
            let fields = client["fields"].as_array().unwrap().iter().map(field);
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
        let as_planned = |(id, client): &(&String, &Client)| {
            let Some((_, local)) = before.files.get(*id) else {
                return false;
            };
            let said = |field: &Field| local.get(&field.name) == field.local.as_ref();
            let live = before.live.get(*id).map_or(client.file_only, |live| {
                !client.file_only && client.fields.iter().all(|field| field.holds(live))
            });
            live && client.fields.iter().all(said)
        };
        let conflict = |(_, client): &(&String, &Client)| {
            client.fields.iter().any(|field| field.change == "conflict")
        };
        if !clients.iter().all(as_planned) || clients.iter().any(conflict) {
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
                    && live.get(&field.name) != Some(local)
                {
                    patch.insert(field.name.clone(), local.clone());
                }
            }
            live.extend(patch.clone());
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
    /// Whether live says what the plan says that it says, or what the plan makes of it. What push does not send, it does not
    /// read.
    fn holds(&self, live: &Fields) -> bool {
        let now = live.get(&self.name);
        !UPDATABLE.contains(&self.name.as_str())
            || now == self.live.as_ref()
            || (self.change == "edit" && now == self.local.as_ref())
    }
}
