//! What the contract promises, as a pure function: from what files, lock, git and tenant say before a command to what they say
//! after it. It is written from the contract's words and shares no code with tenantry.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::common::Fields;
use crate::units::{
    TWINS, UNITS, agree, field_of, same, sent, settle, settle_base, settle_live, units,
};

/// Clients by id.
pub type Clients = BTreeMap<String, Fields>;

/// A client in the lock.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub serial: u64,
    pub base: Base,
}

/// What is known of a client's base, by field; None is a field that was absent, and a field that is not in here has a base that
/// nobody knows.
pub type Base = BTreeMap<String, Option<Value>>;

/// The sides of a tenant. A file is its path and its fields; the path of one that is new is empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Sides {
    pub files: BTreeMap<String, (String, Fields)>,
    pub lock: BTreeMap<String, Entry>,
    /// What the lock says in HEAD and the commits before it.
    pub past: BTreeMap<String, Vec<Entry>>,
    /// What the files say at the commit that `--base` names.
    pub rev: Option<Clients>,
    pub live: Clients,
}

/// How a client differs, as diff names it: its state, and its fields with what happened to them.
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
    pub code: i32,
    /// Nothing was to be done, because of a conflict, or because a plan is not that of files and tenant.
    pub refused: bool,
}

/// The entries of a lock.
pub fn entries(lock: &str) -> BTreeMap<String, Entry> {
    let lock: Value = serde_json::from_str(lock).unwrap();
    let clients = lock["clients"].as_object().unwrap().iter();
    let entry = |entry: &Value| {
        let base = entry["base"].as_object().unwrap().iter();
        let fields: Fields = base
            .map(|(field, value)| (field.clone(), value.clone()))
            .collect();
        let units = units(&fields).into_iter();
        let mut base: Base = units.map(|(unit, value)| (unit, Some(value))).collect();
        let absent = entry.get("absent").and_then(Value::as_array);
        for field in absent.into_iter().flatten() {
            let absent = UNITS.iter().filter(|unit| field_of(unit) == field);
            base.extend(absent.map(|unit| ((*unit).to_owned(), None)));
        }
        Entry {
            serial: entry["serial"].as_u64().unwrap(),
            base,
        }
    };
    clients
        .map(|(id, locked)| (id.clone(), entry(locked)))
        .collect()
}

/// What happened to a field since base. A client's base is None where it has none.
pub fn change(base: Option<&Base>, local: &Fields, live: &Fields, field: &str) -> Change {
    let (local, live) = (local.get(field), live.get(field));
    let Some(base) = base.map(|base| base.get(field)) else {
        return match local {
            _ if agree(field, local, live) => Change::None,
            None => Change::Left,
            Some(_) => Change::Edit,
        };
    };
    three_way(field, base.map(Option::as_ref), local, live)
}

/// The same of one field; its base is None where nobody knows it.
pub fn three_way(
    unit: &str,
    base: Option<Option<&Value>>,
    local: Option<&Value>,
    live: Option<&Value>,
) -> Change {
    match base {
        _ if agree(unit, local, live) => Change::None,
        Some(Some(_)) | None if local.is_none() => Change::Left,
        Some(base) if same(local, base) => Change::Drift,
        Some(base) if same(live, base) => Change::Edit,
        _ => Change::Conflict,
    }
}

/// What a tenant makes of a patch.
pub fn take(live: &mut Fields, patch: &Fields) {
    live.extend(units(patch));
    settle_live(live);
}

/// Whether a base says that.
fn is_in(base: &Base, unit: &str, value: &Value) -> bool {
    let base = base.get(unit);
    base.is_some_and(|base| same(base.as_ref(), Some(value)))
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

    /// The entries that count for a client: the lock's own, first, and those of the past that are no older and say something else.
    pub fn counting(&self, id: &str) -> Vec<&Entry> {
        let past = self.past.get(id).into_iter().flatten();
        match self.lock.get(id) {
            Some(own) => {
                let counts = |entry: &&Entry| {
                    entry.serial > own.serial
                        || (entry.serial == own.serial && entry.base != own.base)
                };
                let past = past.filter(counts);
                std::iter::once(own).chain(past).collect()
            }
            None => {
                let highest = past.clone().map(|entry| entry.serial).max();
                past.filter(|entry| Some(entry.serial) == highest).collect()
            }
        }
    }

    /// The base of a client.
    pub fn base(&self, id: &str) -> Option<Base> {
        if let Some(rev) = &self.rev {
            return Some(known(rev.get(id)?));
        }
        let entries = self.counting(id);
        let live = self.live.get(id);
        let highest = entries.iter().map(|entry| entry.serial).max()?;
        let newest: Vec<&&Entry> = entries
            .iter()
            .filter(|entry| entry.serial == highest)
            .collect();
        let of = |field: &str| {
            // A file without metadata has none to compare key by key.
            let leaves_out = |(_, local): &(String, Fields)| !local.contains_key(field);
            let units = match self.files.get(id).is_some_and(leaves_out) {
                true => UNITS
                    .into_iter()
                    .filter(|unit| field_of(unit) == field_of(field))
                    .collect(),
                false => vec![field],
            };
            let is_there = |entry: &&&Entry| {
                let is = |unit: &str| live.map(|live| live.get(unit));
                let base = |unit: &str| entry.base.get(unit).map(Option::as_ref);
                let is_same = |unit: &&str| matches!((is(unit), base(unit)), (Some(is), Some(base)) if same(is, base));
                units.iter().all(is_same) && self.brought(id, entry, field)
            };
            let newest_that = newest.iter().find(|entry| self.brought(id, entry, field));
            let newest = newest_that.unwrap_or(&newest[0]);
            let entry = entries.iter().find(is_there).unwrap_or(newest);
            Some((field.to_owned(), entry.base.get(field)?.clone()))
        };
        Some(UNITS.into_iter().filter_map(of).collect())
    }

    /// Whether an entry can have brought the tenant to what it says in a field: one whose push changed it, or the lock's own one, unless
    /// that did not and one as old did.
    pub fn brought(&self, id: &str, entry: &Entry, field: &str) -> bool {
        let is_own = |entry: &Entry| {
            self.lock
                .get(id)
                .is_some_and(|own| std::ptr::eq(own, entry))
        };
        let as_old = |other: &&Entry| other.serial == entry.serial && !is_own(other);
        let is_behind = || {
            let counting = self.counting(id).into_iter();
            counting
                .filter(as_old)
                .any(|other| self.changed(id, other, field))
        };
        self.changed(id, entry, field) || (is_own(entry) && !is_behind())
    }

    /// Whether an entry says something of a field, and something else than those right before it, as far as there are any.
    fn changed(&self, id: &str, entry: &Entry, field: &str) -> bool {
        let past = self.past.get(id).into_iter().flatten();
        let mut before = past
            .chain(self.lock.get(id))
            .filter(|before| before.serial + 1 == entry.serial)
            .peekable();
        let mut is_new = || {
            before.peek().is_none()
                || before.any(|before| {
                    let mut units = UNITS.iter();
                    units.any(|unit| {
                        let is_of = field_of(unit) == field_of(field);
                        is_of && before.base.get(*unit) != entry.base.get(*unit)
                    })
                })
        };
        entry.base.contains_key(field) && is_new()
    }

    /// Every base that a client may have, wherever the tenant is.
    fn bases(&self, id: &str) -> Vec<Base> {
        match &self.rev {
            Some(rev) => rev.get(id).map(known).into_iter().collect(),
            None => {
                let counting = self.counting(id).into_iter();
                counting.map(|entry| entry.base.clone()).collect()
            }
        }
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
                code: i32::from(!self.plan(&ids).is_empty()),
                ..self.unchanged()
            },
            Command::Push { overwrite_drift } => self.pushed(&ids, overwrite_drift),
            Command::Apply => panic!("what comes of a plan is for the plan to say"),
        }
    }

    /// Nothing comes of it.
    pub fn unchanged(&self) -> Promise {
        Promise {
            sides: self.clone(),
            patches: Clients::new(),
            code: 0,
            refused: false,
        }
    }

    /// What the lock says of a client after a command that was about it, and whose file and tenant are as they are here by then:
    /// what both say is base, what was sent is what live says; without any base, so is live; and else base stays.
    pub fn remember(&mut self, id: &str, old: Option<&Base>, sent: &Fields, before: &Sides) {
        if self.rev.is_some() {
            return;
        }
        let (local, live) = (&self.files[id].1, &self.live[id]);
        let mut base = Base::new();
        for field in UNITS {
            let is = live.get(field);
            if agree(field, local.get(field), is) || sent.contains_key(field) || old.is_none() {
                base.insert(field.to_owned(), is.cloned());
            } else if let Some(old) = old.and_then(|old| old.get(field)) {
                base.insert(field.to_owned(), old.clone());
            }
        }
        settle_base(&mut base);
        let counting = before.counting(id);
        let own = before.lock.get(id);
        if counting.len() > 1 || own.is_none_or(|own| own.base != base) {
            let serial = counting.iter().map(|entry| entry.serial).max().unwrap_or(0) + 1;
            self.lock.insert(id.to_owned(), Entry { serial, base });
        }
    }

    fn pulled(&self, ids: &[&String], discard_local: bool, prune: bool) -> Promise {
        let mut promise = self.unchanged();
        let sides = &mut promise.sides;
        let mut held = false;
        for id in ids {
            let Some(live) = self.live.get(*id) else {
                // A file whose client is gone: deleted if told to, if it is known to have been there, and if no edit is lost.
                let Some((_, local)) = self.files.get(*id) else {
                    continue;
                };
                let may_be_edited = self.bases(id).iter().any(|base| {
                    let mut managed = UNITS.iter().filter(|field| local.contains_key(**field));
                    managed.any(|field| !is_in(base, field, &local[*field]))
                });
                if prune && self.base(id).is_some() && (discard_local || !may_be_edited) {
                    sides.files.remove(*id);
                    sides.lock.remove(*id);
                } else {
                    held = true;
                }
                continue;
            };
            let Some((path, local)) = self.files.get(*id) else {
                let file = (String::new(), live.clone());
                sides.files.insert((*id).clone(), file);
                sides.remember(id, None, &Fields::new(), self);
                continue;
            };
            let base = self.base(id);
            let mut file = live.clone();
            for field in UNITS {
                if discard_local {
                    continue;
                }
                match change(base.as_ref(), local, live, field) {
                    Change::Drift => {}
                    // What means the same stays as the file has it.
                    Change::None if local.contains_key(field) => {
                        set(&mut file, field, local.get(field));
                    }
                    Change::None => {}
                    Change::Edit => set(&mut file, field, local.get(field)),
                    Change::Conflict => {
                        set(&mut file, field, local.get(field));
                        held = true;
                    }
                    Change::Left => set(&mut file, field, None),
                }
            }
            settle(&mut file);
            sides.files.insert((*id).clone(), (path.clone(), file));
            sides.remember(id, base.as_ref(), &Fields::new(), self);
        }
        promise.code = i32::from(held);
        promise
    }

    fn pushed(&self, ids: &[&String], overwrite_drift: bool) -> Promise {
        let mut promise = self.unchanged();
        let edited = |id: &&&String| {
            let Some((_, local)) = self.files.get(**id) else {
                return false;
            };
            let bases: Vec<Base> = match &self.rev {
                Some(rev) => rev.get(**id).map(known).into_iter().collect(),
                None => self
                    .counting(id)
                    .into_iter()
                    .map(|entry| entry.base.clone())
                    .collect(),
            };
            let differs = |base: &Base| {
                let mut local = local
                    .iter()
                    .filter(|(field, _)| UNITS.contains(&field.as_str()));
                local.any(|(field, value)| !is_in(base, field, value))
            };
            overwrite_drift || bases.is_empty() || bases.iter().any(differs)
        };
        for id in ids.iter().filter(edited) {
            let (_, local) = &self.files[*id];
            let Some(live) = self.live.get(*id) else {
                promise.code = 1;
                continue;
            };
            let base = self.base(id);
            let mut patch = Fields::new();
            for field in UNITS {
                let is_sent = match change(base.as_ref(), local, live, field) {
                    Change::None | Change::Left => false,
                    Change::Edit => true,
                    Change::Drift => overwrite_drift,
                    Change::Conflict if overwrite_drift => true,
                    Change::Conflict => {
                        return Promise {
                            code: 1,
                            refused: true,
                            ..self.unchanged()
                        };
                    }
                };
                if let (true, Some(value)) = (is_sent, local.get(field)) {
                    patch.insert(field.to_owned(), sent(field, value, live.get(field)));
                }
            }
            let sides = &mut promise.sides;
            take(sides.live.get_mut(*id).unwrap(), &patch);
            sides.remember(id, base.as_ref(), &patch, self);
            if !patch.is_empty() {
                promise.patches.insert((*id).clone(), patch);
            }
        }
        promise
    }

    /// What diff is to say, by client: what it is called there, and its fields with what happened to them.
    pub fn plan(&self, ids: &[&String]) -> BTreeMap<String, Differs> {
        let mut plan = BTreeMap::new();
        for id in ids {
            let entry = match (self.files.get(*id), self.live.get(*id)) {
                (None, None) => continue,
                (None, Some(_)) => ("live-only", Vec::new()),
                (Some(_), None) => ("file-only", Vec::new()),
                (Some((_, local)), Some(live)) => {
                    let fields = differing(self.base(id).as_ref(), local, live);
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

fn differing(base: Option<&Base>, local: &Fields, live: &Fields) -> Vec<(String, &'static str)> {
    let mut fields = Vec::new();
    for field in UNITS {
        let change = match change(base, local, live, field) {
            Change::None | Change::Left => continue,
            Change::Edit => "edit",
            Change::Drift => "drift",
            Change::Conflict => "conflict",
        };
        fields.push((field.to_owned(), change));
    }
    let unmanaged: BTreeSet<&String> = local
        .keys()
        .chain(live.keys())
        .filter(|field| ![&UNITS[..], &TWINS].concat().contains(&field.as_str()))
        // A file by hand has only what its author cares about.
        .filter(|field| base.is_some() || local.contains_key(*field))
        .filter(|field| local.get(*field) != live.get(*field))
        .collect();
    let unmanaged = unmanaged.into_iter();
    fields.extend(unmanaged.map(|field| (field.clone(), "unmanaged")));
    fields
}

/// The updatable fields, all of which are known.
pub fn known(fields: &Fields) -> Base {
    let fields = UNITS.map(|field| (field.to_owned(), fields.get(field).cloned()));
    Base::from_iter(fields)
}
