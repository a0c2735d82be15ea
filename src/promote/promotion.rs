//! What a promotion comes to.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::kinds::{Field, FieldKey, Kind};
use crate::resource::ResourceId;

/// The result of a promotion.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Promotion {
    /// The files to write of what the other tenant lacks, by kind and stem.
    pub new: Vec<NewMember>,
    /// The values to write, by kind and stem, and in file order.
    pub changes: Vec<Promoted>,
    /// References that the first tenant does not know; they go over as they are.
    pub carried: Vec<BrokenReference>,
    /// References to resources of the first tenant that the other lacks, or that nobody can name there: nothing may be written.
    pub missing: Vec<BrokenReference>,
    /// Files of the first tenant that have no counterpart in the other, and need one, by kind and stem.
    pub alone: Vec<Alone>,
    /// Files of the first tenant that need no counterpart, as every tenant has such a resource by itself; each with the reason.
    pub everywhere: Vec<(&'static Kind, String, &'static str)>,
    /// Kinds of which the first tenant has files, and that the other does not manage.
    pub unmanaged_kinds: BTreeSet<&'static Kind>,
    /// Fields of which the first tenant has other values, and that the other does not manage: they are not written, since no push
    /// would send them.
    pub unmanaged_fields: BTreeSet<Field>,
    /// Values that mean something in the first tenant only, and stay there.
    pub own: Vec<(&'static Kind, String, Field)>,
    /// Switches that the first tenant has and no update sets; they stay there, too.
    pub served: Vec<(&'static Kind, String, FieldKey)>,
}

/// A file to write, of a resource that is still to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMember {
    /// The file's kind.
    pub kind: &'static Kind,
    /// The file's stem.
    pub stem: String,
    /// What it will say, in file order.
    pub fields: Map<String, Value>,
    /// The fields of which the value, or a part of it, is the other tenant's own.
    pub overridden: Vec<Field>,
}

/// A file without a counterpart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alone {
    /// The file's kind.
    pub kind: &'static Kind,
    /// The file's stem.
    pub stem: String,
    /// Why no counterpart is written.
    pub why: WhyAlone,
}

/// Why no counterpart of a file is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhyAlone {
    /// Nobody asked for one.
    NotAsked,
    /// There is one such resource in each tenant, and a pull writes its file.
    OneOnly,
    /// No resource of its kind can be made from a file, for this reason.
    CannotMake(&'static str),
    /// It stays in its tenant, for this reason.
    Stays(&'static str),
    /// The other tenant has this resource, whose file of that name is gone.
    FileGone(ResourceId),
    /// A file of this name would be the same one to some file systems.
    SameFile(String),
    /// The other tenant has this file of a resource that would be the same.
    IsThere(String),
    /// The first tenant has this file, too, of a resource that would be the same in the other one.
    Twice(String),
    /// The API makes none without this field.
    Without(&'static str),
    /// A field that can't be changed later refers to what nobody knows.
    Unknown(&'static str, String),
}

/// One value to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promoted {
    /// The file's kind.
    pub kind: &'static Kind,
    /// The file's stem.
    pub stem: String,
    /// The field.
    pub field: Field,
    /// What the file says now.
    pub old: Option<Value>,
    /// What it will say.
    pub new: Value,
    /// Whether the value, or a part of it, is the other tenant's own, in place of the first one's.
    pub overridden: bool,
}

/// A reference that could not be said in the other tenant's ids.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BrokenReference {
    /// The kind of the file that has it.
    pub kind: &'static Kind,
    /// The stem of the file that has it.
    pub stem: String,
    /// The field that has it.
    pub field: &'static str,
    /// What it says.
    pub entry: String,
    /// The stem of the resource that it means, where the first tenant knows one.
    pub means: Option<String>,
}
