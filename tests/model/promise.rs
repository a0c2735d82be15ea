//! What the contract promises, as a pure function: from what files, lock and tenant say before a command to what they say
//! after it. It is written from the contract's words and shares no code with tenantry.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::rig::{Fields, UPDATABLE};

/// Clients by id.
pub type Clients = BTreeMap<String, Fields>;

/// The three sides of a tenant. A file is its path and its fields; the path of one that is new is empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Sides {
    pub files: BTreeMap<String, (String, Fields)>,
    pub base: Clients,
    pub live: Clients,
}

/// How a client differs, as diff names it: its state, and its fields with their kinds.
pub type Differs = (&'static str, Vec<(String, &'static str)>);

/// A command that is given to tenantry.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Command {
    Pull {
        discard_local: bool,
        prune: bool,
    },
    Diff,
    Push {
        overwrite_drift: bool,
    },
    /// A push of the plan that was saved last.
    Apply,
}

/// What happened to a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    None,
    /// The file leaves it out on purpose.
    Left,
    Edit,
    Drift,
    Conflict,
}

/// What is to come of a command.
#[derive(Debug, Clone)]
pub struct Promise {
    pub sides: Sides,
    pub patches: Clients,
    pub code: u8,
}

/// What happened to a field since base.
pub fn change(base: Option<&Fields>, local: &Fields, live: &Fields, field: &str) -> Change {
    let (local, live) = (local.get(field), live.get(field));
    let Some(base) = base.map(|base| base.get(field)) else {
        return match local {
            _ if local == live => Change::None,
            None => Change::Left,
            Some(_) => Change::Edit,
        };
    };
    match () {
        () if local == live => Change::None,
        () if local.is_none() && base.is_some() => Change::Left,
        () if local == base => Change::Drift,
        () if live == base => Change::Edit,
        () => Change::Conflict,
    }
}

fn set(fields: &mut Fields, field: &str, value: Option<&Value>) {
    match value {
        Some(value) => fields.insert(field.to_owned(), value.clone()),
        None => fields.shift_remove(field),
    };
}

impl Sides {
    /// Every client that a file or the tenant has.
    pub fn ids(&self) -> BTreeSet<&String> {
        self.files.keys().chain(self.live.keys()).collect()
    }

    /// What comes of a command about these clients; None is all of them.
    pub fn after(&self, command: Command, only: Option<&str>) -> Promise {
        let ids: Vec<&String> = self
            .ids()
            .into_iter()
            .filter(|id| only.is_none_or(|only| only == *id))
            .collect();
        match command {
            Command::Pull {
                discard_local,
                prune,
            } => self.pulled(&ids, discard_local, prune),
            Command::Diff => Promise {
                sides: self.clone(),
                patches: Clients::new(),
                code: u8::from(!self.plan(&ids).is_empty()),
            },
            Command::Push { overwrite_drift } => self.pushed(&ids, overwrite_drift),
            Command::Apply => panic!("what comes of a plan is for the plan to say"),
        }
    }

    fn pulled(&self, ids: &[&String], discard_local: bool, prune: bool) -> Promise {
        let mut sides = self.clone();
        let mut held = false;
        for id in ids {
            let Some(live) = self.live.get(*id) else {
                // A file whose client is gone: deleted if told to and if it is known to have been there.
                if prune && self.base.contains_key(*id) {
                    sides.files.remove(*id);
                    sides.base.remove(*id);
                } else {
                    held = true;
                }
                continue;
            };
            let Some((path, local)) = self.files.get(*id) else {
                let file = (String::new(), live.clone());
                sides.files.insert((*id).clone(), file);
                sides.base.insert((*id).clone(), updatable(live));
                continue;
            };
            let base = self.base.get(*id);
            let (mut file, mut new_base) = (live.clone(), updatable(live));
            for field in UPDATABLE {
                if discard_local {
                    continue;
                }
                let old_base = || base.and_then(|base| base.get(field));
                match change(base, local, live, field) {
                    Change::None | Change::Drift => {}
                    Change::Edit => set(&mut file, field, local.get(field)),
                    Change::Conflict => {
                        set(&mut file, field, local.get(field));
                        set(&mut new_base, field, old_base());
                        held = true;
                    }
                    Change::Left => {
                        set(&mut file, field, None);
                        if base.is_some() {
                            set(&mut new_base, field, old_base());
                        }
                    }
                }
            }
            sides.files.insert((*id).clone(), (path.clone(), file));
            sides.base.insert((*id).clone(), new_base);
        }
        Promise {
            sides,
            patches: Clients::new(),
            code: u8::from(held),
        }
    }

    fn pushed(&self, ids: &[&String], overwrite_drift: bool) -> Promise {
        let mut promise = Promise {
            sides: self.clone(),
            patches: Clients::new(),
            code: 0,
        };
        let edited = |id: &&&String| {
            let Some((_, local)) = self.files.get(**id) else {
                return false;
            };
            let differs = |base: &Fields| {
                let mut fields = UPDATABLE.iter();
                fields.any(|field| {
                    local.contains_key(*field) && local.get(*field) != base.get(*field)
                })
            };
            overwrite_drift || self.base.get(**id).is_none_or(differs)
        };
        let candidates: Vec<&&String> = ids.iter().filter(edited).collect();
        for id in candidates {
            let (_, local) = &self.files[*id];
            let Some(live) = self.live.get(*id) else {
                promise.code = 1;
                continue;
            };
            let base = self.base.get(*id);
            let mut patch = Fields::new();
            let mut left_over = false;
            for field in UPDATABLE {
                let sent = match change(base, local, live, field) {
                    Change::None | Change::Left => false,
                    Change::Edit => true,
                    Change::Drift => overwrite_drift,
                    Change::Conflict if overwrite_drift => true,
                    Change::Conflict => {
                        return Promise {
                            sides: self.clone(),
                            patches: Clients::new(),
                            code: 1,
                        };
                    }
                };
                match local.get(field) {
                    Some(value) if sent => {
                        patch.insert(field.to_owned(), value.clone());
                    }
                    local => left_over |= local != live.get(field) && local.is_some(),
                }
            }
            let new_live = promise.sides.live.get_mut(*id).unwrap();
            new_live.extend(patch.clone());
            // Base follows wherever file and tenant agree now.
            match promise.sides.base.get_mut(*id) {
                Some(base) => {
                    for field in UPDATABLE {
                        if let Some(value) = local.get(field)
                            && new_live.get(field) == Some(value)
                        {
                            base.insert(field.to_owned(), value.clone());
                        }
                    }
                }
                None => {
                    assert!(!left_over, "without a base, all that differs is sent");
                    let base = updatable(new_live);
                    promise.sides.base.insert((*id).clone(), base);
                }
            }
            if !patch.is_empty() {
                promise.patches.insert((*id).clone(), patch);
            }
        }
        promise
    }

    /// What diff is to say, by client: what it is called there, and its fields with their kinds.
    pub fn plan(&self, ids: &[&String]) -> BTreeMap<String, Differs> {
        let mut plan = BTreeMap::new();
        for id in ids {
            let entry = match (self.files.get(*id), self.live.get(*id)) {
                (None, None) => continue,
                (None, Some(_)) => ("live-only", Vec::new()),
                (Some(_), None) => ("file-only", Vec::new()),
                (Some((_, local)), Some(live)) => {
                    let fields = differing(self.base.get(*id), local, live);
                    if fields.is_empty() {
                        continue;
                    }
                    ("changed", fields)
                }
            };
            plan.insert((*id).clone(), entry);
        }
        plan
    }
}

fn differing(base: Option<&Fields>, local: &Fields, live: &Fields) -> Vec<(String, &'static str)> {
    let mut fields = Vec::new();
    for field in UPDATABLE {
        let kind = match change(base, local, live, field) {
            Change::None | Change::Left => continue,
            Change::Edit => "edit",
            Change::Drift => "drift",
            Change::Conflict => "conflict",
        };
        fields.push((field.to_owned(), kind));
    }
    let read_only: BTreeSet<&String> = local
        .keys()
        .chain(live.keys())
        .filter(|field| !UPDATABLE.contains(&field.as_str()))
        // A file by hand has only what its author cares about.
        .filter(|field| base.is_some() || local.contains_key(*field))
        .filter(|field| local.get(*field) != live.get(*field))
        .collect();
    fields.extend(
        read_only
            .into_iter()
            .map(|field| (field.clone(), "read-only")),
    );
    fields
}

/// The updatable fields.
pub fn updatable(fields: &Fields) -> Fields {
    UPDATABLE
        .iter()
        .filter_map(|field| Some(((*field).to_owned(), fields.get(*field)?.clone())))
        .collect()
}
