//! What the contract promises of a saved plan: it is applied as it was shown, or not at all. As the rest of the promise, this
//! shares no code with tenantry.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::promise::{Clients, Promise, Sides, updatable};
use crate::rig::{Fields, UPDATABLE, text};

/// A plan that was saved, and what was known when it was.
#[derive(Debug, Clone)]
pub struct Saved {
    /// The clients with a file.
    clients: BTreeMap<String, Client>,
    /// Fields that a person had written into a file by then.
    touched: BTreeSet<(String, String)>,
    /// Clients of which the lock could not tell.
    unlocked: BTreeSet<String>,
}

#[derive(Debug, Clone)]
struct Client {
    file_only: bool,
    fields: Vec<Field>,
}

/// An updatable field.
#[derive(Debug, Clone)]
struct Field {
    name: String,
    kind: String,
    local: Option<Value>,
    live: Option<Value>,
}

impl Saved {
    /// The document of a diff.
    pub fn new(
        document: &Value,
        touched: BTreeSet<(String, String)>,
        unlocked: BTreeSet<String>,
    ) -> Saved {
        let clients = document["clients"].as_array().unwrap().iter();
        let clients = clients.filter(|client| client["state"] != "live-only");
        let field = |field: &Value| Field {
            name: text(&field["field"]),
            kind: text(&field["kind"]),
            local: field.get("local").cloned(),
            live: field.get("live").cloned(),
        };
        let clients = clients.map(|client| {
            let fields = client["fields"].as_array().unwrap().iter().map(field);
            let known = Client {
                file_only: client["state"] == "file-only",
                fields: fields
                    .filter(|field| UPDATABLE.contains(&field.name.as_str()))
                    .collect(),
            };
            (text(&client["client_id"]), known)
        });
        Saved {
            clients: clients.collect(),
            touched,
            unlocked,
        }
    }

    /// The client of that number among those that can be selected.
    pub fn client(&self, number: u8) -> Option<String> {
        let at = usize::from(number) % self.clients.len().max(1);
        self.clients.keys().nth(at).cloned()
    }

    /// What it sends for a field, if that is an edit.
    pub fn edit(&self, id: &str, name: &str) -> Option<&Value> {
        let mut fields = self.clients.get(id)?.fields.iter();
        fields
            .find(|field| field.name == name && field.kind == "edit")?
            .local
            .as_ref()
    }

    /// Whether a person had edited the field when it was saved, as far as the lock could tell.
    pub fn was_edited(&self, id: &str, name: &str) -> bool {
        let field = (id.to_owned(), name.to_owned());
        self.touched.contains(&field) || self.unlocked.contains(id)
    }

    /// What comes of applying it to one of its clients, or all.
    pub fn applied(&self, before: &Sides, only: Option<&str>) -> Promise {
        let nothing = |code| Promise {
            sides: before.clone(),
            patches: Clients::new(),
            code,
        };
        let clients: Vec<(&String, &Client)> = self
            .clients
            .iter()
            .filter(|(id, _)| only.is_none_or(|only| only == *id))
            .collect();
        let as_planned = |(id, client): &(&String, &Client)| {
            before.live.get(*id).map_or(client.file_only, |live| {
                !client.file_only && client.fields.iter().all(|field| field.holds(live))
            })
        };
        let conflict = |(_, client): &(&String, &Client)| {
            client.fields.iter().any(|field| field.kind == "conflict")
        };
        if !clients.iter().all(as_planned) || clients.iter().any(conflict) {
            return nothing(1);
        }

        let mut promise = nothing(0);
        for (id, client) in clients {
            let Some(live) = promise.sides.live.get_mut(id) else {
                promise.code = 1;
                continue;
            };
            let mut patch = Fields::new();
            for field in &client.fields {
                if let ("edit", Some(local)) = (field.kind.as_str(), &field.local)
                    && live.get(&field.name) != Some(local)
                {
                    patch.insert(field.name.clone(), local.clone());
                }
            }
            live.extend(patch.clone());
            // A field in which file and tenant say the same, or said it before this was sent, differs no more from base.
            let said = updatable(before.files.get(id).map_or(&Fields::new(), |file| &file.1));
            let agreed =
                |(name, value): &(&String, &Value)| before.live[id].get(*name) == Some(value);
            match promise.sides.base.get_mut(id) {
                Some(base) => {
                    for (name, value) in said.iter().filter(agreed) {
                        base.insert(name.clone(), value.clone());
                    }
                    for (name, value) in &patch {
                        // A file that is back at base did not edit what the plan sends: that is drift.
                        let back =
                            said.get(name) != Some(value) && said.get(name) == base.get(name);
                        if !back {
                            base.insert(name.clone(), value.clone());
                        }
                    }
                }
                None => {
                    let agrees = before.files.contains_key(id) && said.iter().all(|it| agreed(&it));
                    if agrees || !patch.is_empty() {
                        promise.sides.base.insert(id.clone(), updatable(live));
                    }
                }
            }
            if !patch.is_empty() {
                promise.patches.insert(id.clone(), patch);
            }
        }
        promise
    }
}

impl Field {
    /// Whether live says what the plan says that it says, or what the plan makes of it.
    fn holds(&self, live: &Fields) -> bool {
        let now = live.get(&self.name);
        now == self.live.as_ref() || (self.kind == "edit" && now == self.local.as_ref())
    }
}
