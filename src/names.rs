//! What people call what a reference means: the name on the tenant, or else in the file.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::files::ResourceFile;
use crate::kinds::{Kind, Reference};
use crate::resource::{Resource, ResourceId};

/// The name of what is referred to, by the reference's row and its text.
pub type Names<'a> = dyn Fn(Reference, &str) -> Option<&'a str> + 'a;

/// The names of these live resources, and of those that only have a file.
pub fn names_in<'a>(
    live: &'a BTreeMap<ResourceId, Resource>,
    files: &'a BTreeMap<ResourceId, ResourceFile>,
) -> impl Fn(Reference, &str) -> Option<&'a str> {
    |reference, text| {
        // Nothing refers to nothing, also where something has an empty id.
        let kind = reference.kind().filter(|_| !text.is_empty())?;
        let Some(by) = reference.by else {
            let id = ResourceId::new(kind, text);
            return match live.get(&id) {
                Some(resource) => Some(resource.name()),
                None => kind.label_in(&files.get(&id)?.fields),
            };
        };
        let is_meant =
            |fields: &Map<String, Value>| fields.get(by).and_then(Value::as_str) == Some(text);
        let of_kind = |id: &ResourceId| id.kind() == kind;
        let mut live = live.iter().filter(|(id, _)| of_kind(id));
        let mut files = files.iter().filter(|(id, _)| of_kind(id));
        match live.find(|(_, resource)| is_meant(resource.fields())) {
            Some((_, resource)) => Some(resource.name()),
            None => kind.label_in(&files.find(|(_, file)| is_meant(&file.fields))?.1.fields),
        }
    }
}

/// What a resource is called that only has a file: what its fields say, or else its id.
pub fn name_in_file(id: &ResourceId, fields: &Map<String, Value>, names: &Names<'_>) -> String {
    match labels(id.kind(), fields, names) {
        labels if labels.is_empty() => id.to_string(),
        labels => joined(&labels),
    }
}

/// The names that a resource is called by as one.
pub fn joined(labels: &[String]) -> String {
    labels.join(" → ")
}

/// The names that a resource with these fields is called by, one after the other.
pub fn labels(kind: &Kind, fields: &Map<String, Value>, names: &Names<'_>) -> Vec<String> {
    kind.labels(fields, |reference, text| {
        names(reference, text).map(str::to_owned)
    })
}
