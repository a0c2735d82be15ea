//! What a client is: its id, and which of its fields are updatable, secret or references. Every other module asks here,
//! so that there is one list of what a push may send and one list of what never reaches the disk.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

/// The field that identifies a client, in the API and in its file.
pub const CLIENT_ID: &str = "client_id";

/// Top-level fields that hold secrets. They are left out of what is asked of the API, and stripped again on arrival.
pub const SECRET_FIELDS: [&str; 3] = ["client_secret", "signing_keys", "encryption_key"];

/// Secrets inside `addons`, as (addon, field).
/// Source: <https://auth0.com/docs/api/management/v2/clients/get-clients-by-id>, schema of `addons`.
pub const SECRET_ADDON_FIELDS: [(&str, &str); 7] = [
    ("azure_blob", "storageAccessKey"),
    ("azure_sb", "sasKey"),
    ("firebase", "secret"),
    ("firebase", "private_key"),
    ("layer", "privateKey"),
    ("sap_api", "servicePassword"),
    ("wams", "masterkey"),
];

/// An updatable field: what a push may send. The order is the order in a client's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// `name`: at least one character, none of them `<` or `>`.
    Name,
    /// `description`: at most 140 characters; an empty one clears it.
    Description,
    /// `allowed_clients`: client ids (references) and other identifiers; an empty list lets every client delegate.
    AllowedClients,
}

impl Field {
    /// Every updatable field, in file order.
    pub const ALL: [Field; 3] = [Field::Name, Field::Description, Field::AllowedClients];

    /// The field's name in the API and in files.
    pub const fn name(self) -> &'static str {
        match self {
            Field::Name => "name",
            Field::Description => "description",
            Field::AllowedClients => "allowed_clients",
        }
    }

    /// The updatable field of that name, if it is one.
    pub fn from_name(name: &str) -> Option<Field> {
        Field::ALL.into_iter().find(|field| field.name() == name)
    }

    /// Whether the field holds references: client ids, which mean something in one tenant only.
    pub const fn is_reference(self) -> bool {
        match self {
            Field::Name | Field::Description => false,
            Field::AllowedClients => true,
        }
    }

    /// Checks a value against the API's rules for this field.
    ///
    /// # Errors
    /// Says what is wrong and what to write instead, for the end of a sentence that names file and field.
    /// Source: <https://auth0.com/docs/api/management/v2/clients/patch-clients-by-id>.
    pub fn validate(self, value: &Value) -> Result<(), InvalidValue> {
        let invalid = |problem: &str, hint: &str| {
            Err(InvalidValue {
                field: self,
                entry: None,
                problem: problem.to_owned(),
                hint: hint.to_owned(),
            })
        };
        match (self, value) {
            (Field::Name, Value::Null) => invalid(
                "may not be null",
                "remove the line to leave the name as it is",
            ),
            (Field::Name, Value::String(name)) if name.is_empty() => {
                invalid("is empty", "a name needs at least one character")
            }
            (Field::Name, Value::String(name)) if name.contains(['<', '>']) => {
                invalid("contains `<` or `>`", "Auth0 refuses both in a name")
            }
            (Field::Description, Value::Null) => invalid(
                "may not be null",
                "write `description: \"\"` to clear it, or remove the line to leave it as it is",
            ),
            (Field::Description, Value::String(text)) if text.chars().count() > 140 => invalid(
                &format!("has {} characters", text.chars().count()),
                "Auth0 allows at most 140",
            ),
            (Field::AllowedClients, Value::Null) => invalid(
                "may not be null",
                "remove the line to leave it as it is; `allowed_clients: []` lets every client delegate",
            ),
            (Field::AllowedClients, Value::Array(entries)) => {
                match entries
                    .iter()
                    .position(|entry| entry.as_str().is_none_or(str::is_empty))
                {
                    Some(at) => Err(InvalidValue {
                        field: self,
                        entry: Some(at),
                        problem: format!(
                            "has something else than a non-empty string as entry {}",
                            at + 1
                        ),
                        hint:
                            "write each client id as text, in quotes where it looks like a number"
                                .to_owned(),
                    }),
                    None => Ok(()),
                }
            }
            (Field::Name | Field::Description, Value::String(_)) => Ok(()),
            (Field::Name | Field::Description, _) => invalid(
                &format!("is {}, not text", kind(value)),
                "put the value into quotes",
            ),
            (Field::AllowedClients, _) => invalid(
                &format!("is {}, not a list", kind(value)),
                "write a list of client ids",
            ),
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An updatable field's value that the API would refuse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` {problem}")]
pub struct InvalidValue {
    /// The field whose value it is.
    pub field: Field,
    /// Which entry of a list it is about, from 0.
    pub entry: Option<usize>,
    /// What is wrong, in the words of the end of a sentence.
    pub problem: String,
    /// What to write instead.
    pub hint: String,
}

/// A client's id: opaque, and meaningful in one tenant only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ClientId(String);

impl ClientId {
    /// Whether the API can be asked for it: an empty segment of a path, a dotted one, or one with a control character, which a URL
    /// leaves out, would ask for something else.
    pub fn is_addressable(&self) -> bool {
        !["", ".", ".."].contains(&self.as_str()) && !self.0.chars().any(char::is_control)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Maps by id can be asked with its text.
impl Borrow<str> for ClientId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<&str> for ClientId {
    fn from(id: &str) -> Self {
        ClientId(id.to_owned())
    }
}

impl From<String> for ClientId {
    fn from(id: String) -> Self {
        ClientId(id)
    }
}

/// The updatable fields of a client on one side (base, local or live). A field that is absent there has no entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values(BTreeMap<Field, Value>);

impl Values {
    /// The updatable fields among `fields`.
    pub fn of(fields: &Map<String, Value>) -> Values {
        Field::ALL
            .into_iter()
            .filter_map(|field| Some((field, fields.get(field.name())?.clone())))
            .collect()
    }

    /// The field's value, if it has one on this side.
    pub fn get(&self, field: Field) -> Option<&Value> {
        self.0.get(&field)
    }

    /// Sets the field to a value, or makes it absent.
    pub fn set(&mut self, field: Field, value: Option<Value>) {
        match value {
            Some(value) => self.0.insert(field, value),
            None => self.0.remove(&field),
        };
    }

    /// The fields that have a value, in file order.
    pub fn iter(&self) -> impl Iterator<Item = (Field, &Value)> {
        self.0.iter().map(|(field, value)| (*field, value))
    }
}

impl FromIterator<(Field, Value)> for Values {
    fn from_iter<I: IntoIterator<Item = (Field, Value)>>(values: I) -> Self {
        Values(values.into_iter().collect())
    }
}

/// What one PATCH sends: at least one updatable field, each with a value that the API accepts. There is no way to put
/// anything else into it.
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

    /// The same patch with one more field.
    ///
    /// # Errors
    /// The value is not one that the API accepts for the field.
    pub fn and(mut self, field: Field, value: impl Into<Value>) -> Result<Patch, InvalidValue> {
        let value = value.into();
        field.validate(&value)?;
        self.0.insert(field, value);
        Ok(self)
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

/// A client as the API answered it, without its secrets: they are stripped when it is made, and it can't be made otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    id: ClientId,
    fields: Arc<Map<String, Value>>,
}

impl Client {
    /// A client from a JSON object of the API, less its secrets. None if it has no `client_id` that can be one.
    pub fn new(mut fields: Map<String, Value>) -> Option<Client> {
        let id = ClientId::from(fields.get(CLIENT_ID)?.as_str()?);
        if !id.is_addressable() {
            return None;
        }
        strip_secrets(&mut fields);
        let fields = Arc::new(fields);
        Some(Client { id, fields })
    }

    /// The same client, holding `fields` in place of its own where they are equal: most files say what the tenant says, and
    /// what both say is then in memory once.
    #[must_use]
    pub fn sharing(mut self, fields: &Arc<Map<String, Value>>) -> Client {
        if self.fields == *fields {
            self.fields = Arc::clone(fields);
        }
        self
    }

    /// The client's id.
    pub fn id(&self) -> &ClientId {
        &self.id
    }

    /// Every field the API returned, `client_id` among them, secrets not.
    pub fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    /// The client's name; its id where the API returned none.
    pub fn name(&self) -> &str {
        self.text("name").unwrap_or(self.id.as_str())
    }

    /// A field's value where it is text.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.fields.get(field)?.as_str()
    }

    /// Whether this is the tenant's legacy global client ("All Applications"), which is not under version control.
    pub fn is_global(&self) -> bool {
        self.fields.get("global") == Some(&Value::Bool(true))
    }
}

impl Serialize for Client {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.fields.serialize(serializer)
    }
}

/// Where a client's fields have secrets: the keys on the way to each.
pub fn secrets(fields: &Map<String, Value>) -> Vec<Vec<&'static str>> {
    let top = SECRET_FIELDS
        .into_iter()
        .filter(|field| fields.contains_key(*field));
    let in_addon = |(addon, field): &(&str, &str)| {
        let addon = fields.get("addons")?.get(addon)?;
        addon.get(field).map(|_| ())
    };
    let addons = SECRET_ADDON_FIELDS
        .into_iter()
        .filter(|path| in_addon(path).is_some());
    let addons = addons.map(|(addon, field)| vec!["addons", addon, field]);
    top.map(|field| vec![field]).chain(addons).collect()
}

/// Whether the text of a file, which may be a broken one, names a secret field as a key.
pub fn may_hold_a_secret(text: &str) -> bool {
    let names = SECRET_FIELDS
        .into_iter()
        .chain(SECRET_ADDON_FIELDS.map(|(_, field)| field));
    let is_part_of_a_name = |character: char| character.is_alphanumeric() || character == '_';
    let is_key = |(at, name): (usize, &str)| {
        let (before, after) = (&text[..at], &text[at + name.len()..]);
        let after = after.trim_start_matches(['"', '\'']).trim_start();
        !before.ends_with(is_part_of_a_name) && after.starts_with(':')
    };
    names.flat_map(|name| text.match_indices(name)).any(is_key)
}

/// Removes every secret from a client's fields, and says whether there was one.
pub fn strip_secrets(fields: &mut Map<String, Value>) -> bool {
    let secrets = secrets(fields);
    for path in &secrets {
        let Some((last, above)) = path.split_last() else {
            continue;
        };
        let mut object = Some(&mut *fields);
        for key in above {
            object = object.and_then(|object| object.get_mut(*key)?.as_object_mut());
        }
        if let Some(object) = object {
            object.shift_remove(*last);
        }
    }
    !secrets.is_empty()
}

/// What kind of value it is, in words.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn client(fields: Value) -> Client {
        match fields {
            Value::Object(fields) => Client::new(fields).unwrap(),
            other => panic!("not an object: {other}"),
        }
    }

    #[test]
    fn secrets_are_gone_from_the_start() {
        let client = client(json!({
            "client_id": "a", "client_secret": "s3", "signing_keys": [{"cert": "s3"}], "encryption_key": {"pub": "s3"},
            "name": "A",
            "addons": {
                "azure_blob": {"accountName": "n", "storageAccessKey": "s3"}, "azure_sb": {"sasKey": "s3"},
                "firebase": {"secret": "s3", "private_key": "s3", "client_email": "e"}, "layer": {"privateKey": "s3"},
                "sap_api": {"servicePassword": "s3"}, "wams": {"masterkey": "s3"}, "samlp": {"audience": "urn:a"}
            }
        }));
        insta::assert_snapshot!(serde_json::to_string(&client).unwrap(), @r#"{"client_id":"a","name":"A","addons":{"azure_blob":{"accountName":"n"},"azure_sb":{},"firebase":{"client_email":"e"},"layer":{},"sap_api":{},"wams":{},"samlp":{"audience":"urn:a"}}}"#);
        assert!(!format!("{client:?}").contains("s3"));
    }

    #[test]
    fn a_client_without_an_id_is_none() {
        assert_eq!(Client::new(Map::new()), None);
        assert_eq!(
            Client::new(Map::from_iter([("client_id".to_owned(), json!(1))])),
            None
        );
    }

    #[test]
    fn a_patch_takes_only_what_the_api_takes() {
        let refusals: Vec<String> = [
            (Field::Name, json!(null)),
            (Field::Name, json!("")),
            (Field::Name, json!("a<b")),
            (Field::Name, json!(12)),
            (Field::Description, json!(null)),
            (Field::Description, json!("é".repeat(141))),
            (Field::AllowedClients, json!(null)),
            (Field::AllowedClients, json!("a")),
            (Field::AllowedClients, json!(["a", ""])),
            (Field::AllowedClients, json!(["a", 7])),
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
        `allowed_clients` has something else than a non-empty string as entry 2
        `allowed_clients` has something else than a non-empty string as entry 2
        ");
        let patch = Patch::set(Field::AllowedClients, json!([]))
            .and_then(|patch| patch.and(Field::Description, ""))
            .and_then(|patch| patch.and(Field::Name, "é".repeat(300)))
            .unwrap();
        assert!(
            serde_json::to_string(&patch)
                .unwrap()
                .starts_with(r#"{"name":"éé"#)
        );
    }
}
