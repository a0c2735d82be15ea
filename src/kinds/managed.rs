//! Which fields a push may send: a positive list, always.

use std::collections::{BTreeMap, BTreeSet};

use super::all::KINDS;
use super::clients;
use super::field::Field;
use super::kind::Kind;
use super::row::Sending;

/// What a project says of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manage {
    /// The kind is neither read nor written.
    None,
    /// Every field that an update takes.
    All,
    /// These fields, beside the default ones.
    Fields(BTreeSet<Field>),
}

/// The managed fields. A kind that has an entry is read, also where none of its fields is managed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Managed(BTreeMap<&'static Kind, BTreeSet<Field>>);

impl Managed {
    /// The managed fields of a project that says this of its kinds. Clients are there whatever it says, unless it says none.
    pub fn new(manage: &BTreeMap<&'static Kind, Manage>) -> Managed {
        let mut managed = BTreeMap::new();
        for kind in KINDS {
            let more = match manage.get(kind) {
                None if *kind == clients::KIND => BTreeSet::new(),
                None | Some(Manage::None) => continue,
                Some(Manage::All) => kind.fields().collect(),
                Some(Manage::Fields(fields)) => fields.clone(),
            };
            let default = |field: &Field| field.row().sending == Sending::Default;
            managed.insert(kind, kind.fields().filter(default).chain(more).collect());
        }
        Managed(managed)
    }

    /// Every field of the kinds of which nothing is managed here.
    #[must_use]
    pub fn others(&self) -> Managed {
        let others = KINDS.into_iter().filter(|kind| !self.0.contains_key(*kind));
        Managed(others.map(|kind| (kind, kind.fields().collect())).collect())
    }

    /// The kinds that are read, in their order.
    pub fn kinds(&self) -> impl Iterator<Item = &'static Kind> + '_ {
        self.0.keys().copied()
    }

    /// The folders of their files, each once; the empty one is the tenant directory itself.
    pub fn folders(&self) -> BTreeSet<&'static str> {
        self.kinds().map(Kind::folder).collect()
    }

    /// The managed fields of a kind, in file order.
    pub fn fields(&self, kind: &Kind) -> impl Iterator<Item = Field> + Clone + '_ {
        self.0.get(kind).into_iter().flatten().copied()
    }

    /// Whether a push may send the field.
    pub fn has(&self, field: Field) -> bool {
        self.0
            .get(field.kind())
            .is_some_and(|fields| fields.contains(&field))
    }

    /// The names that lead a file of that kind, in their order: the id, and the managed fields.
    pub fn leading(&self, kind: &'static Kind) -> Vec<&'static str> {
        let id = kind.id_field().into_iter();
        id.chain(self.fields(kind).map(Field::name)).collect()
    }
}

/// With no `tenantry.yaml`: the default fields of clients.
impl Default for Managed {
    fn default() -> Managed {
        Managed::new(&BTreeMap::new())
    }
}
