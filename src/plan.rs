//! Resources on three sides → the plan: what diff shows and push applies. Pure data from a pure function; it knows nothing of
//! files, requests or rendering.

use std::fmt;

use serde_json::{Map, Value};

use crate::base::{BaseFrom, ResourceBase};
use crate::create::New;
use crate::kinds::{Creation, Field, FieldKey, Managed, Risk};
use crate::resource::{Resource, ResourceId};
use crate::three_way::{Base, three_way};

pub use crate::three_way::Change;

/// Whose files and whose live values a plan compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// The tenant's name, as `--tenant` has it.
    pub name: Option<String>,
    /// The domain it is reached at.
    pub domain: String,
}

/// Everything that differs between a tenant's files and the live tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The tenant compared.
    pub tenant: Tenant,
    /// Where base comes from.
    pub base: BaseFrom,
    /// The resources that differ, by kind, file, then id.
    pub resources: Vec<ResourcePlan>,
    /// The resources that have a file and are still to be made, by kind and file.
    pub new: Vec<New>,
}

/// One resource that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourcePlan {
    /// The resource.
    pub id: ResourceId,
    /// Its name: live's, or the file's where the resource is gone.
    pub name: String,
    /// Its file, relative to the tenant directory; None where it has none.
    pub file: Option<String>,
    /// Which sides have it.
    pub state: State,
    /// The fields that differ, in file order; empty unless the state is `Changed`.
    pub fields: Vec<FieldPlan>,
}

/// Which sides have a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Both, and they differ.
    Changed,
    /// The tenant has it, no file does.
    LiveOnly,
    /// A file has it, the tenant does not.
    FileOnly,
}

/// A field of a plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum PlanField {
    /// One that an update takes, or a key of one.
    Updatable(FieldKey),
    /// Any other, by its name.
    Other(String),
}

/// One field that differs. An absent value is None.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldPlan {
    /// The field.
    pub field: PlanField,
    /// What happened to it.
    pub change: Change,
    /// What is known of its base.
    pub base: Base<Value>,
    /// Its value in the file.
    pub local: Option<Value>,
    /// Its value on the tenant.
    pub live: Option<Value>,
    /// Whether it is unmanaged, and the file has said something else since both were last in step.
    pub is_unsent_edit: bool,
}

/// One resource on its three sides.
#[derive(Debug, Clone, Copy)]
pub struct Sides<'a> {
    /// The resource.
    pub id: &'a ResourceId,
    /// Its file's path and fields.
    pub local: Option<(&'a str, &'a Map<String, Value>)>,
    /// Its base; None where file and tenant were never in step.
    pub base: Option<ResourceBase<'a>>,
    /// What the API answered.
    pub live: Live<'a>,
}

/// How much of a resource was read from the API.
#[derive(Debug, Clone, Copy)]
pub enum Live<'a> {
    /// Every field but secrets.
    Whole(&'a Resource),
    /// The managed fields only: nothing is said about others.
    Managed(&'a Resource),
    /// It was looked for, and the tenant does not have it.
    Gone,
}

impl PlanField {
    /// The field or key, where an update takes it.
    pub fn key(&self) -> Option<&FieldKey> {
        match self {
            PlanField::Updatable(key) => Some(key),
            PlanField::Other(_) => None,
        }
    }

    /// The field's name, without a key.
    pub fn name(&self) -> &str {
        match self {
            PlanField::Updatable(key) => key.field.name(),
            PlanField::Other(name) => name,
        }
    }
}

/// `description`, `client_metadata.team`.
impl fmt::Display for PlanField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlanField::Updatable(key) => key.fmt(f),
            PlanField::Other(name) => f.write_str(name),
        }
    }
}

impl Plan {
    /// Compares resources. Those that do not differ are not in the plan.
    pub fn new<'a>(
        tenant: Tenant,
        base: BaseFrom,
        managed: &Managed,
        resources: impl IntoIterator<Item = Sides<'a>>,
    ) -> Plan {
        let resources = resources.into_iter();
        let mut resources: Vec<ResourcePlan> = resources
            .filter_map(|sides| compare(managed, sides))
            .collect();
        resources.sort_by(|a, b| (a.id.kind(), &a.file, &a.id).cmp(&(b.id.kind(), &b.file, &b.id)));
        Plan {
            tenant,
            base,
            resources,
            new: Vec::new(),
        }
    }

    /// The same plan, with resources that are still to be made.
    #[must_use]
    pub fn with_new(mut self, new: Vec<New>) -> Plan {
        self.new = new;
        self
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty() && self.new.is_empty()
    }

    /// The plan of a push that makes the tenant equal the files: what drifted or conflicts is an edit too. A field that the file
    /// does not have is not managed, even when it drifted; a key that the file does not have is one that goes.
    #[must_use]
    pub fn overwriting_drift(mut self) -> Plan {
        for field in self.fields_mut() {
            let is_managed = match &field.field {
                PlanField::Updatable(FieldKey { key: Some(_), .. }) => true,
                _ => field.local.is_some(),
            };
            if matches!(field.change, Change::Drift | Change::Conflict) && is_managed {
                field.change = Change::Edit;
            }
        }
        self
    }

    /// The same plan, of these fields only.
    #[must_use]
    pub fn narrowed(mut self, names: &[String]) -> Plan {
        self.retain(|field| names.iter().any(|name| name == field.field.name()));
        self
    }

    /// Leaves other fields out, and resources that then have no difference.
    pub fn retain(&mut self, is_kept: impl Fn(&FieldPlan) -> bool) {
        for resource in &mut self.resources {
            resource.fields.retain(&is_kept);
        }
        self.resources
            .retain(|resource| resource.state != State::Changed || !resource.fields.is_empty());
    }

    /// Every field that differs.
    pub fn fields(&self) -> impl Iterator<Item = &FieldPlan> {
        self.resources.iter().flat_map(|resource| &resource.fields)
    }

    fn fields_mut(&mut self) -> impl Iterator<Item = &mut FieldPlan> {
        let resources = self.resources.iter_mut();
        resources.flat_map(|resource| &mut resource.fields)
    }

    /// How many fields that happened to, those of new resources among them.
    pub fn count(&self, change: Change) -> usize {
        let of_new = match change {
            Change::Edit => self.new.iter().map(|new| new.fields.len()).sum(),
            Change::Unmanaged => self.new.iter().map(|new| new.left_out.len()).sum(),
            Change::Drift | Change::Conflict => 0,
        };
        of_new + self.fields().filter(|field| field.change == change).count()
    }

    /// How many fields have an edit that widens access or breaks logins at once.
    pub fn count_risks(&self) -> usize {
        let of_new: usize = self.new.iter().map(|new| new.risks().len()).sum();
        of_new + self.fields().filter(|field| field.risk().is_some()).count()
    }

    /// How many resources have that state.
    pub fn count_resources(&self, state: State) -> usize {
        let resources = self.resources.iter();
        resources.filter(|resource| resource.state == state).count()
    }
}

impl FieldPlan {
    /// Whether an edit takes back what the tenant changed, or may do so, since nobody knows base.
    pub fn overwrites(&self) -> bool {
        let same = |one: Option<&Value>, other: Option<&Value>| match &self.field {
            PlanField::Updatable(key) => key.same(one, other),
            PlanField::Other(_) => one == other,
        };
        let base = self.base.borrowed();
        let is_base = base == Base::NoBase || base.is_same(self.live.as_ref(), same);
        self.change == Change::Edit && !is_base && !self.is_on_the_way()
    }

    /// Whether the tenant has a part of the edit already, and nothing else: an update that was stopped left it so.
    fn is_on_the_way(&self) -> bool {
        match (self.field.key(), &self.base, &self.local, &self.live) {
            (Some(key), Base::Is(base), Some(local), Some(live)) => {
                key.field.is_on_the_way(base, local, live)
            }
            _ => false,
        }
    }

    /// What an edit does at once to who may log in where, in a sentence; None where it does nothing of the kind.
    pub fn risk(&self) -> Option<String> {
        let key = self.field.key()?;
        if !matches!(self.change, Change::Edit | Change::Conflict) {
            return None;
        }
        let risks = key.field.row().risks.iter();
        let (live, local) = (self.live.as_ref(), self.local.as_ref());
        let sentence = |risk: &Risk| match &key.key {
            Some(name) => risk.of_key(name, live, local),
            None => risk.of(live, local),
        };
        let sentences: Vec<String> = risks.filter_map(sentence).collect();
        (!sentences.is_empty()).then(|| sentences.join("; "))
    }
}

impl New {
    /// What is sent, as edits of nothing.
    pub fn edits(&self) -> Vec<FieldPlan> {
        let edit = |(name, value): (&String, &Value)| FieldPlan {
            field: match self.kind.field(name) {
                Some(field) => PlanField::Updatable(field.into()),
                None => PlanField::Other(name.clone()),
            },
            change: Change::Edit,
            base: Base::Absent,
            local: Some(value.clone()),
            live: None,
            is_unsent_edit: false,
        };
        self.fields.iter().map(edit).collect()
    }

    /// What is risky about it, by field. Nobody depends on it yet, so that only what it opens counts.
    pub fn risks(&self) -> Vec<(&'static str, String)> {
        let fields = self
            .fields
            .iter()
            .filter_map(|(name, value)| Some((self.kind.row(name)?, value)));
        let risks = fields.flat_map(|(row, value)| {
            let opening = row.risks.iter().filter(|risk| risk.opens());
            opening.filter_map(move |risk| Some((row.name, risk.of(None, Some(value))?)))
        });
        risks.collect()
    }

    /// What the tenant sets where the file says nothing, and opens something by it: a sentence each.
    pub fn open_defaults(&self) -> Vec<String> {
        let Some(Creation::Takes(takes)) = self.kind.creation() else {
            return Vec::new();
        };
        let defaults = takes.defaults.iter();
        let defaults =
            defaults.filter_map(|(name, key, what)| match (self.fields.get(*name), key) {
                (Some(value), Some(key)) if value.get(key).is_some() => None,
                (Some(_), None) => None,
                (_, Some(key)) => Some(format!("{name}.{key} is left out: {what}")),
                (None, None) => Some(format!("{name} is left out: {what}")),
            });
        defaults.collect()
    }
}

impl ResourcePlan {
    /// What messages call it: its file, or its id where it has none.
    pub fn label(&self) -> &str {
        self.file.as_deref().unwrap_or(self.id.as_str())
    }

    /// The fields that this happened to.
    pub fn changed(&self, change: Change) -> impl Iterator<Item = &FieldPlan> {
        self.fields
            .iter()
            .filter(move |field| field.change == change)
    }
}

/// Whether a file may have anything to send or to say in these fields: a value that differs from base, or no base to compare with.
pub fn may_be_edited(
    local: &Map<String, Value>,
    base: Option<ResourceBase<'_>>,
    mut fields: impl Iterator<Item = Field>,
) -> bool {
    base.is_none_or(|base| {
        fields.any(|field| {
            let local = field.of(local);
            local.is_some_and(|local| base.may_differ(field, local))
        })
    })
}

/// The fields that push does not send and in which a file says something else than base.
pub fn unsent_edits<'a>(
    id: &'a ResourceId,
    local: &'a Map<String, Value>,
    base: Option<ResourceBase<'a>>,
    managed: &'a Managed,
) -> impl Iterator<Item = &'a str> {
    let edited = move |(name, value): &(&'a String, &'a Value)| {
        let was = base.and_then(|base| base.unsent_was(name, Some(value)));
        was == Some(false) && is_unsent(id, name, managed)
    };
    local.iter().filter(edited).map(|(name, _)| name.as_str())
}

/// Whether push does not send a field, and it is one that can differ.
fn is_unsent(id: &ResourceId, name: &str, managed: &Managed) -> bool {
    let kind = id.kind();
    let is_managed = || kind.field(name).is_some_and(|field| managed.has(field));
    !kind.is_id(name) && !is_managed()
}

/// The base of a field of a resource, for a tenant at which it has this value.
pub fn base_of<'a>(
    base: Option<ResourceBase<'a>>,
    key: &FieldKey,
    live: Option<&Value>,
) -> Base<&'a Value> {
    base.map_or(Base::NoBase, |base| base.field(key, live))
}

/// What happened to a field of a resource whose file and tenant say this; None where both mean the same. It and its three sides
/// are all that anybody needs to decide about the field.
pub fn change_of<'a>(
    key: &FieldKey,
    base: Option<ResourceBase<'a>>,
    local: &Map<String, Value>,
    live: &Map<String, Value>,
) -> (Option<Change>, Base<&'a Value>) {
    let live = key.of(live);
    let base = base_of(base, key, live);
    let same = |one: Option<&Value>, other: Option<&Value>| key.same(one, other);
    let local = key.local(local);
    let change = match (three_way(base, local, live, same), base, local, live) {
        (Some(Change::Conflict), Base::Is(base), Some(local), Some(live))
            if key.field.is_on_the_way(base, local, live) =>
        {
            Some(Change::Edit)
        }
        (change, ..) => change,
    };
    (change, base)
}

/// One resource's differences; None if there are none.
fn compare(managed: &Managed, sides: Sides<'_>) -> Option<ResourcePlan> {
    let (live, whole) = match sides.live {
        Live::Whole(live) => (Some(live), true),
        Live::Managed(live) => (Some(live), false),
        Live::Gone => (None, false),
    };
    let (state, fields) = match (sides.local, live) {
        (None, None) => return None,
        (None, Some(_)) => (State::LiveOnly, Vec::new()),
        (Some(_), None) => (State::FileOnly, Vec::new()),
        // File and live resource share the same fields, so there is nothing to compare.
        (Some((_, local)), Some(live)) if std::ptr::eq(local, live.fields()) => return None,
        (Some((_, local)), Some(live)) => {
            let mut fields = managed_fields(managed, &sides, local, live);
            if whole {
                fields.extend(unmanaged_fields(managed, &sides, local, live));
            }
            if fields.is_empty() {
                return None;
            }
            (State::Changed, fields)
        }
    };
    let file_name = || sides.id.kind().label_in(sides.local?.1);
    let name = live.map(Resource::name).or_else(file_name);
    Some(ResourcePlan {
        id: sides.id.clone(),
        name: name.unwrap_or(sides.id.as_str()).to_owned(),
        file: sides.local.map(|(file, _)| file.to_owned()),
        state,
        fields,
    })
}

fn managed_fields(
    managed: &Managed,
    sides: &Sides<'_>,
    local: &Map<String, Value>,
    live: &Resource,
) -> Vec<FieldPlan> {
    let differs = |key: FieldKey| {
        let (change, base) = change_of(&key, sides.base, local, live.fields());
        // A field that the file leaves out is not managed there.
        let change = change.filter(|change| *change != Change::Unmanaged)?;
        Some(FieldPlan {
            change,
            base: base.cloned(),
            local: key.of(local).cloned(),
            live: key.of(live.fields()).cloned(),
            field: PlanField::Updatable(key),
            is_unsent_edit: false,
        })
    };
    let fields = managed.fields(sides.id.kind());
    let keys = fields.flat_map(|field| field.keys(local, live.fields()));
    keys.filter_map(differs).collect()
}

/// A pulled file has every field, so one that it lacks is a difference; a hand-written file has only what its author cares
/// about.
fn unmanaged_fields(
    managed: &Managed,
    sides: &Sides<'_>,
    local: &Map<String, Value>,
    live: &Resource,
) -> Vec<FieldPlan> {
    let is_pulled = sides.base.is_some();
    let kind = sides.id.kind();
    let mut differing: Vec<(&String, Option<&Value>, Option<&Value>)> = Vec::new();
    let mut in_both = 0;
    for (name, live) in live.fields() {
        let local = local.get(name);
        in_both += usize::from(local.is_some());
        if local != Some(live) && (is_pulled || local.is_some()) {
            differing.push((name, local, Some(live)));
        }
    }
    // Where the tenant has every field of the file, no second look is needed.
    if in_both < local.len() {
        let only_local = local.iter();
        let only_local = only_local.filter(|(name, _)| !live.fields().contains_key(*name));
        differing.extend(only_local.map(|(name, local)| (name, Some(local), None)));
    }
    let base = |name: &str, side: Option<&Value>| sides.base?.unsent_was(name, side);
    let is_edit =
        |name: &str, local: Option<&Value>| local.is_some() && base(name, local) == Some(false);
    differing.retain(|(name, local, live)| {
        is_unsent(sides.id, name, managed)
            && !kind.same(name, *local, *live)
            // What the tenant derives is no difference, unless somebody edited it.
            && (kind.derived_from(name).is_none() || is_edit(name, *local))
    });
    differing.sort_by_key(|(name, ..)| *name);
    differing
        .into_iter()
        .map(|(name, local, live)| FieldPlan {
            field: match kind.field(name) {
                Some(field) => PlanField::Updatable(field.into()),
                None => PlanField::Other(name.clone()),
            },
            change: Change::Unmanaged,
            base: match (base(name, live), base(name, local)) {
                (Some(true), _) => Base::known(live).cloned(),
                (_, Some(true)) => Base::known(local).cloned(),
                _ => Base::Unknown,
            },
            local: local.cloned(),
            live: live.cloned(),
            is_unsent_edit: is_edit(name, local),
        })
        .collect()
}
