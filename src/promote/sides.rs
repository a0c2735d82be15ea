//! The two tenants of a promotion, and what is asked of it.

use std::collections::{BTreeMap, BTreeSet};

use globset::GlobSet;
use serde_json::{Map, Value};

use crate::kinds::{Field, Kind, Managed};
use crate::resource::ResourceId;

/// What ties a file to its counterpart in other tenants: its kind, and its stem.
pub type Counterpart<'a> = (&'static Kind, &'a str);

/// A tenant's files.
pub type Stems<'a> = BTreeMap<Counterpart<'a>, Member<'a>>;

/// A resource's file, as far as promotion looks at it.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// The resource in this tenant; None where it is still to be made.
    pub id: Option<&'a ResourceId>,
    /// Its fields.
    pub fields: &'a Map<String, Value>,
}

/// One of the two tenants.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// Its files.
    pub files: &'a Stems<'a>,
    /// The resources of which it has no file any more.
    pub gone: &'a Gone<'a>,
    /// What a push to it may send.
    pub managed: &'a Managed,
    /// Its domain; empty where nobody knows it.
    pub domain: &'a str,
    /// The id of the client whose credentials its settings have, where there are any.
    pub client: Option<&'a str>,
}

impl Side<'_> {
    pub(super) fn manages(&self, kind: &Kind) -> bool {
        self.managed.kinds().any(|managed| managed == kind)
    }
}

/// The stems of a tenant's resources whose files are gone and that its lock still knows.
pub type Gone<'a> = BTreeMap<&'a ResourceId, &'a str>;

/// Values that stay different, by kind and stem, and field.
pub type OwnValues = BTreeMap<(&'static Kind, String), BTreeMap<Field, Value>>;

/// What the other tenant keeps as its own.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Values that stay different.
    pub values: OwnValues,
    /// What needs no counterpart, as `kind/stem`.
    pub ignored: GlobSet,
}

/// What is to be promoted.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// Whether a field of what both tenants have is.
    pub field: &'a dyn Fn(Field) -> bool,
    /// The files.
    pub files: &'a BTreeSet<Counterpart<'a>>,
    /// Whether files are written of what the other tenant lacks.
    pub create: bool,
}
