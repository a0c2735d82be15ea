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

/// What one PATCH sends: at least one field, all of one kind. There is no way to put anything else into it than fields that an
/// update takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch(BTreeMap<Field, Value>);

impl Patch {
    /// A patch of one field.
    ///
    /// # Errors
    /// The value is not one that the API accepts for the field.
    pub fn set(field: Field, value: impl Into<Value>) -> Result<Patch, InvalidValue> {
        Patch(BTreeMap::new()).and(field, value)
    }

    /// The same patch with one more field of the same kind.
    ///
    /// # Errors
    /// The value is not one that the API accepts for the field.
    pub fn and(mut self, field: Field, value: impl Into<Value>) -> Result<Patch, InvalidValue> {
        let value = value.into();
        field.validate(&value)?;
        self.0.insert(field, value);
        Ok(self)
    }

    /// A patch of values that were found to be valid where they were read; None of no values.
    pub(crate) fn of_valid(values: BTreeMap<Field, Value>) -> Option<Patch> {
        (!values.is_empty()).then_some(Patch(values))
    }

    /// The fields it sends, in file order.
    pub fn iter(&self) -> impl Iterator<Item = (Field, &Value)> {
        self.0.iter().map(|(field, value)| (*field, value))
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
}

impl Resource {
    /// A resource from a JSON object of the API, less its secrets. None if it has no id that can be one.
    pub fn new(kind: &'static Kind, mut fields: Map<String, Value>) -> Option<Resource> {
        let id = ResourceId::new(kind, fields.get(kind.id)?.as_str()?);
        if !id.is_addressable() {
            return None;
        }
        kind.strip_secrets(&mut fields);
        let fields = Arc::new(fields);
        Some(Resource { id, fields })
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
        self.text(self.id.kind.label).unwrap_or(self.id.as_str())
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
        `allowed_clients` is empty
        `allowed_clients` is a number, not text
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
