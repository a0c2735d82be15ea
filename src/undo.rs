//! The inverse of what a push sent: a plan like any other, each side where the other was, and what files go back to. What somebody
//! changed since is held back, and so is what can't be taken back. Pure.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::base::BaseFrom;
use crate::files::ResourceFile;
use crate::kinds::{Clear, Field, FieldKey, Managed, Risk};
use crate::merge::put;
use crate::plan::{Change, FieldPlan, Plan, PlanField, ResourcePlan, State, Tenant};
use crate::push_plan::{HeldBack, Reason};
use crate::resource::{Resource, ResourceId};
use crate::sent::{Became, InFile, SentBy, SentField, SentPush, SentResource};
use crate::three_way::Base;

/// What an undo has to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Undo {
    /// What the tenant is to be told, an edit a field: from what was sent to what was there before.
    pub plan: Plan,
    /// What stays as it is, and why.
    pub held_back: Vec<HeldBack>,
    /// What files go back to, as soon as the tenant says it.
    pub files: BTreeMap<ResourceId, Vec<Back>>,
}

/// What becomes of one field in a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Back {
    /// The field, or the key of one.
    pub key: FieldKey,
    /// What the file says where it goes back; where it says anything else, it is left alone.
    pub from: Option<Value>,
    /// What it will say.
    pub to: Option<Value>,
    /// Whether the tenant says it already.
    pub is_there: bool,
    /// Whether the field comes with the first of its keys and goes with the last.
    pub comes_and_goes: bool,
}

/// Which of the tenant's and the file's values are to come.
#[derive(Clone, Copy)]
enum Way {
    /// From what was sent to what was there before.
    Back,
    /// From what was there before to what was to be sent: an undo that was not finished goes on.
    On,
}

impl Undo {
    /// What takes `sent` back, or finishes it where it is an undo that was not finished. `live` are the resources that the tenant
    /// has of those, of kinds that could be read.
    pub fn of(
        sent: &SentPush,
        managed: &Managed,
        live: &BTreeMap<ResourceId, Resource>,
        files: &BTreeMap<ResourceId, ResourceFile>,
        (tenant, base): (Tenant, BaseFrom),
    ) -> Undo {
        let mut undo = Undo {
            plan: Plan {
                tenant,
                base,
                resources: Vec::new(),
                new: Vec::new(),
            },
            held_back: Vec::new(),
            files: BTreeMap::new(),
        };
        let way = match sent.by {
            SentBy::Push | SentBy::UnfinishedPush | SentBy::Undo => Way::Back,
            SentBy::UnfinishedUndo => Way::On,
        };
        for resource in &sent.resources {
            let file = files.get(&resource.id);
            undo.resource(resource, way, managed, live.get(&resource.id), file);
        }
        let resources = &mut undo.plan.resources;
        resources.sort_by(|a, b| (a.id.kind(), &a.file, &a.id).cmp(&(b.id.kind(), &b.file, &b.id)));
        undo
    }

    fn resource(
        &mut self,
        sent: &SentResource,
        way: Way,
        managed: &Managed,
        live: Option<&Resource>,
        file: Option<&ResourceFile>,
    ) {
        let plan = |fields| ResourcePlan {
            id: sent.id.clone(),
            name: live.map_or_else(|| sent.name.clone(), |live| live.name().to_owned()),
            file: file.map(|file| file.file.clone()),
            state: State::Changed,
            fields,
        };
        let mut hold_back = |fields: Vec<FieldPlan>, reason| {
            let resource = ResourcePlan {
                // Who has no file any more is called by the one that was pushed.
                file: file.map_or_else(|| sent.file.clone(), |file| Some(file.file.clone())),
                ..plan(fields)
            };
            self.held_back.push(HeldBack { resource, reason });
        };
        match sent.became {
            Became::NotSent if matches!(way, Way::Back) => return,
            Became::Made => return hold_back(Vec::new(), Reason::MadeByPush),
            _ => {}
        }
        let (managed, unmanaged): (Vec<_>, Vec<_>) = sent
            .fields
            .iter()
            .partition(|field| managed.has(field.key.field));
        if !unmanaged.is_empty() {
            let fields = unmanaged.into_iter().map(|field| edit(field, way, None));
            hold_back(fields.collect(), Reason::Unmanaged);
        }
        let Some(live) = live else {
            if !managed.is_empty() {
                let fields = managed.into_iter().map(|field| edit(field, way, None));
                hold_back(fields.collect(), Reason::GoneSince);
            }
            return;
        };
        let (mut edits, mut changed, mut files) = (Vec::new(), Vec::new(), Vec::new());
        for field in managed {
            let now = field.key.of(live.fields());
            let planned = edit(field, way, now);
            let state = state(field, sent.became, way, now);
            match state {
                Now::There => {}
                // Nothing was sent, and what the file says is an edit still.
                Now::NeverSent => continue,
                Now::ToDo => match clearing(field, way) {
                    Err(reason) => {
                        hold_back(vec![planned], reason);
                        continue;
                    }
                    Ok(local) => edits.push(FieldPlan { local, ..planned }),
                },
                Now::Changed => {
                    changed.push(planned);
                    continue;
                }
            }
            files.push(Back::of(field, way, state == Now::There));
        }
        if !changed.is_empty() {
            let names: Vec<String> = changed.iter().map(|one| one.field.to_string()).collect();
            hold_back(changed, Reason::TenantChanged(names.join(", ")));
        }
        if !edits.is_empty() {
            self.plan.resources.push(plan(edits));
        }
        if !files.is_empty() {
            self.files.insert(sent.id.clone(), files);
        }
    }
}

impl Back {
    fn of(field: &SentField, way: Way, is_there: bool) -> Back {
        let InFile { before, after } = field.in_file.clone();
        let (from, to) = match way {
            Way::Back => (after, before),
            Way::On => (before, after),
        };
        Back {
            key: field.key.clone(),
            comes_and_goes: field.field_may_be_absent,
            from,
            to,
            is_there,
        }
    }

    /// Whether a file says what was sent.
    fn is_due(&self, fields: &Map<String, Value>) -> bool {
        let says = self.key.of(fields);
        let has_field = self.key.field.of(fields).is_some();
        let is_said = match self.key.key {
            // A file that leaves the field out says nothing about its keys, unless that is what was sent.
            Some(_) => has_field || self.comes_and_goes,
            None => says.is_some() || self.from.is_none(),
        };
        is_said && self.key.same(says, self.from.as_ref())
    }
}

/// What goes back in a file with the edits of an update.
#[derive(Debug, Clone, PartialEq)]
pub struct Rewrite {
    /// The edits.
    pub edits: Vec<FieldPlan>,
    /// What goes back.
    pub back: Vec<Back>,
}

impl Rewrite {
    /// What the file says once these edits are done, and which fields say something else by now. Of a list that was changed in part
    /// another edit is done than the one that was due, and the file waits for that.
    pub fn file_after<'a>(
        &'a self,
        fields: &Map<String, Value>,
        done: &[FieldPlan],
    ) -> (Option<Map<String, Value>>, Vec<&'a FieldKey>) {
        let due = done.iter().filter(|edit| self.edits.contains(edit));
        let due: Vec<&FieldKey> = due.filter_map(|edit| edit.field.key()).collect();
        let is_due = |back: &&Back| back.is_there || due.contains(&&back.key);
        file_after(fields, self.back.iter().filter(is_due))
    }
}

/// What a file says after these of its fields went back, and which of them say something else by now. None where nothing changes.
fn file_after<'a>(
    fields: &Map<String, Value>,
    back: impl IntoIterator<Item = &'a Back>,
) -> (Option<Map<String, Value>>, Vec<&'a FieldKey>) {
    let mut after = fields.clone();
    let mut left_alone = Vec::new();
    for one in back {
        let says = one.key.of(fields);
        if one.is_due(fields) {
            put(&mut after, &one.key, one.to.as_ref());
            let name = one.key.field.name();
            let is_empty = |value: &Value| value.as_object().is_some_and(Map::is_empty);
            if one.comes_and_goes && after.get(name).is_some_and(is_empty) {
                after.shift_remove(name);
            }
        } else if says.is_some() && says != one.to.as_ref() {
            left_alone.push(&one.key);
        }
    }
    ((after != *fields).then_some(after), left_alone)
}

/// How a field of the tenant compares with what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Now {
    /// The tenant says what it is to say.
    There,
    /// It says so because nothing was ever sent.
    NeverSent,
    /// The tenant says what it is not to say any more.
    ToDo,
    /// It says something else: somebody changed it.
    Changed,
}

fn state(field: &SentField, became: Became, way: Way, live: Option<&Value>) -> Now {
    // What had no value before is cleared, and then it is as it was.
    let is_cleared = || {
        let is_whole = field.before.is_none() && field.key.key.is_none();
        is_whole && cleared(field.key.field).is_ok_and(|value| live == Some(&value))
    };
    let is_sent = field.is_sent(live);
    let is_before = field.key.same(live, field.before.as_ref()) || (!is_sent && is_cleared());
    let (is_there, is_to_do) = match way {
        Way::Back => (is_before, is_sent),
        Way::On => (is_sent, is_before),
    };
    match (is_there, is_to_do) {
        (true, _) if became == Became::Unknown && matches!(way, Way::Back) => Now::NeverSent,
        (true, _) => Now::There,
        (false, true) => Now::ToDo,
        (false, false) if became == Became::Unknown && is_between(field, live) => Now::ToDo,
        (false, false) => Now::Changed,
    }
}

/// Whether a list with a path of its own has some of what was to be added to it, and some of what was to be removed from it: its
/// entries go in several requests, and a kill may come between them.
fn is_between(field: &SentField, live: Option<&Value>) -> bool {
    let list = field.key.field.kind().collection();
    let list = list.and_then(|collection| collection.sub_list.as_ref());
    if list.is_none_or(|list| list.field != field.key.field.name()) {
        return false;
    }
    let entries = |side: Option<&Value>| {
        let entries = side.and_then(Value::as_array);
        entries.cloned().unwrap_or_default()
    };
    let (before, after) = (
        entries(field.before.as_ref()),
        entries(field.after.as_ref()),
    );
    let live = entries(live);
    let is_known = |entry: &Value| before.contains(entry) || after.contains(entry);
    let stays = |entry: &&Value| before.contains(entry) && after.contains(entry);
    live.iter().all(is_known)
        && before
            .iter()
            .filter(stays)
            .all(|entry| live.contains(entry))
}

/// The edit that takes a field to where it is to be, from where the tenant is.
fn edit(field: &SentField, way: Way, live: Option<&Value>) -> FieldPlan {
    let (was, local) = match way {
        Way::Back => (&field.after, &field.before),
        Way::On => (&field.before, &field.after),
    };
    let live = live.cloned();
    FieldPlan {
        field: PlanField::Updatable(field.key.clone()),
        change: Change::Edit,
        // Base is what the undo starts from, so that nothing is shown as somebody else's change.
        base: Base::known(live.as_ref().or(was.as_ref())).cloned(),
        local: local.clone(),
        live,
        is_unsent_edit: false,
    }
}

/// What the tenant is told, where it had no value before: what clears the field.
fn clearing(field: &SentField, way: Way) -> Result<Option<Value>, Reason> {
    let (to, there) = match way {
        Way::Back => (&field.before, &field.after),
        Way::On => (&field.after, &field.before),
    };
    let whole = field.key.field;
    match to {
        // A key that goes is sent as null, or held back with the plan's own reason.
        _ if field.key.key.is_some() => Ok(to.clone()),
        Some(value) => {
            let part = whole.new_part(value, there.as_ref());
            match whole.validate(&part) {
                Ok(()) => Ok(Some(value.clone())),
                // What is cleared by null is served as null, too.
                Err(_) if value.is_null() => cleared(whole).map(Some),
                Err(invalid) => Err(Reason::Refused(invalid.to_string())),
            }
        }
        None => cleared(whole).map(Some),
    }
}

/// The value that clears a field.
fn cleared(field: Field) -> Result<Value, Reason> {
    let row = field.row();
    if field.row().merge.is_by_key() {
        return Err(Reason::NothingBefore(None));
    }
    let widens = row.risks.iter().find_map(|risk| match risk {
        Risk::Emptied(sentence) => Some(*sentence),
        _ => None,
    });
    match (row.clear, widens) {
        (Clear::EmptyList | Clear::EmptyListIsAbsent, Some(sentence)) => {
            Err(Reason::NothingBefore(Some(sentence)))
        }
        (Clear::EmptyList | Clear::EmptyListIsAbsent, None) => Ok(Value::Array(Vec::new())),
        (Clear::EmptyText | Clear::EmptyTextIsAbsent, _) => Ok(Value::String(String::new())),
        (Clear::Null, _) => Ok(Value::Null),
        (Clear::Cannot, _) => Err(Reason::NothingBefore(None)),
    }
}
