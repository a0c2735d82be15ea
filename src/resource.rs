//! One resource of a tenant, and what an update of it sends.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::kinds::{Field, InvalidValue, Kind};

/// Which resource it is: its kind, and its id, which is opaque and means something in one tenant only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceId {
    kind: &'static Kind,
    id: String,
}

impl ResourceId {
    /// The resource of that kind and id.
    pub fn new(kind: &'static Kind, id: impl Into<String>) -> ResourceId {
        let id = id.into();
        ResourceId { kind, id }
    }

    /// The kind.
    pub fn kind(&self) -> &'static Kind {
        self.kind
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.id
    }

    /// Whether the API can be asked for it: an empty segment of a path, a dotted one, or one that loses characters on the way
    /// would ask for something else.
    pub fn is_addressable(&self) -> bool {
        !["", ".", ".."].contains(&self.as_str()) && !self.id.contains(char::is_control)
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)
    }
}

impl Serialize for ResourceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.id)
    }
}

/// What one update sends: fields of one kind, at least one. There is no way to put anything else into it than fields that an
/// update takes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Patch {
    fields: BTreeMap<Field, Value>,
    list: Option<ListChange>,
}

/// What is added to a list that has a path of its own, and what is removed from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListChange {
    /// The field that is the list.
    pub field: Field,
    /// The entries to add.
    pub added: Vec<Value>,
    /// The entries to remove.
    pub removed: Vec<Value>,
}

impl Patch {
    /// A patch of one field.
    ///
    /// # Errors
    /// The value is not one that the API accepts for the field.
    pub fn set(field: Field, value: impl Into<Value>) -> Result<Patch, InvalidValue> {
        Patch::default().and(field, value)
    }

    /// The same patch with one more field of the same kind.
    ///
    /// # Errors
    /// The value is not one that the API accepts for the field.
    pub fn and(mut self, field: Field, value: impl Into<Value>) -> Result<Patch, InvalidValue> {
        let value = value.into();
        field.validate(&value)?;
        self.fields.insert(field, value);
        Ok(self)
    }

    /// A patch of values that were found to be valid where they were read; None of no values.
    pub(crate) fn of_valid(
        fields: BTreeMap<Field, Value>,
        list: Option<ListChange>,
    ) -> Option<Patch> {
        let is_something = !fields.is_empty() || list.is_some();
        is_something.then_some(Patch { fields, list })
    }

    /// The fields that a PATCH sends, in file order.
    pub fn iter(&self) -> impl Iterator<Item = (Field, &Value)> {
        self.fields.iter().map(|(field, value)| (*field, value))
    }

    /// What changes in a list that has a path of its own.
    pub fn list(&self) -> Option<&ListChange> {
        self.list.as_ref()
    }
}

impl Serialize for Patch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(field, value)| (field.name(), value)))
    }
}

/// A resource as the API answered it, without its secrets: they are stripped when it is made, and it can't be made otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    id: ResourceId,
    fields: Arc<Map<String, Value>>,
    /// What people call it, where that is the names of others.
    name: Option<String>,
}

impl Resource {
    /// A resource from a JSON object of the API, less its secrets. None if it has no id that can be one.
    pub fn new(kind: &'static Kind, mut fields: Map<String, Value>) -> Option<Resource> {
        let id = match kind.id_field() {
            Some(field) => fields.get(field)?.as_str()?,
            None => kind.only()?,
        };
        let id = ResourceId::new(kind, id);
        if !id.is_addressable() {
            return None;
        }
        kind.strip_secrets(&mut fields);
        let fields = Arc::new(fields);
        let name = None;
        Some(Resource { id, fields, name })
    }

    /// The same resource, which shares `fields` where they equal its own: most files say what the tenant says, and their values
    /// are then in memory once.
    #[must_use]
    pub fn sharing(mut self, fields: &Arc<Map<String, Value>>) -> Resource {
        if self.fields == *fields {
            self.fields = Arc::clone(fields);
        }
        self
    }

    /// The same resource under this name.
    #[must_use]
    pub fn named(mut self, name: String) -> Resource {
        self.name = Some(name);
        self
    }

    /// The same resource with a field more, which the API serves elsewhere.
    #[must_use]
    pub fn with(mut self, field: &str, value: Value) -> Resource {
        Arc::make_mut(&mut self.fields).insert(field.to_owned(), value);
        self
    }

    /// The resource's id.
    pub fn id(&self) -> &ResourceId {
        &self.id
    }

    /// Every field the API returned, the id among them, secrets not.
    pub fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    /// What people call it; its id where the API returned no name.
    pub fn name(&self) -> &str {
        let named = self.name.as_deref();
        let label = || self.id.kind.label_in(&self.fields);
        named.or_else(label).unwrap_or(self.id.as_str())
    }

    /// A field's value where it is text.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.fields.get(field)?.as_str()
    }

    /// Whether it is not under version control, such as the tenant's legacy global client.
    pub fn is_left_out(&self) -> bool {
        let field = self.id.kind.left_out;
        field.is_some_and(|field| self.fields.get(field) == Some(&Value::Bool(true)))
    }
}

impl Serialize for Resource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.fields.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::clients::KIND;
    use serde_json::json;

    fn field(name: &str) -> Field {
        KIND.field(name).unwrap()
    }

    #[test]
    fn a_resource_without_an_id_is_none() {
        assert_eq!(Resource::new(&KIND, Map::new()), None);
        assert_eq!(
            Resource::new(&KIND, Map::from_iter([("client_id".to_owned(), json!(1))])),
            None
        );
        for id in ["", ".", "..", "a\nb", "\t", "a\u{7f}", "\u{9b}"] {
            let fields = Map::from_iter([("client_id".to_owned(), json!(id))]);
            assert_eq!(Resource::new(&KIND, fields), None, "{id:?}");
        }
    }

    #[test]
    fn a_patch_takes_only_what_the_api_takes() {
        let refusals: Vec<String> = [
            (field("name"), json!(null)),
            (field("name"), json!("")),
            (field("name"), json!("a<b")),
            (field("name"), json!(12)),
            (field("description"), json!(null)),
            (field("description"), json!("é".repeat(141))),
            (field("allowed_clients"), json!(null)),
            (field("allowed_clients"), json!("a")),
            (field("allowed_clients"), json!(["a", ""])),
            (field("allowed_clients"), json!(["a", 7])),
        ]
        .into_iter()
        .map(|(field, value)| Patch::set(field, value).unwrap_err().to_string())
        .collect();
        insta::assert_snapshot!(refusals.join("\n"), @"
        `name` may not be null
        `name` is empty
        `name` contains `<` or `>`
        `name` is a number, not text
        `description` may not be null
        `description` has 141 characters
        `allowed_clients` may not be null
        `allowed_clients` is text, not a list
        entry 2 of `allowed_clients` is empty
        entry 2 of `allowed_clients` is a number, not text
        ");
        let patch = Patch::set(field("allowed_clients"), json!([]))
            .and_then(|patch| patch.and(field("description"), ""))
            .and_then(|patch| patch.and(field("name"), "é".repeat(300)))
            .unwrap();
        assert!(
            serde_json::to_string(&patch)
                .unwrap()
                .starts_with(r#"{"name":"éé"#)
        );
    }
}
