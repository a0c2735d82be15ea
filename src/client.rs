//! What a client is: its id, and which of its fields are updatable, secret or references. Every other module asks here,
//! so that there is one list of what a push may send and one list of what never reaches the disk.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::json::Step;

/// The field that identifies a client, in the API and in its file.
pub const CLIENT_ID: &str = "client_id";

/// Fields that hold secrets. They are left out of what is asked of the API, and stripped again on arrival, wherever they stand.
pub const SECRET_FIELDS: [&str; 3] = ["client_secret", "signing_keys", "encryption_key"];

/// Secrets inside `addons`, as (addon, field).
/// Source: <https://auth0.com/docs/api/management/v2/clients/get-clients-by-id>, schema of `addons`.
pub const SECRET_ADDON_FIELDS: [(&str, &str); 9] = [
    ("azure_blob", "storageAccessKey"),
    ("azure_sb", "sasKey"),
    ("firebase", "secret"),
    ("firebase", "private_key"),
    ("firebase", "private_key_id"),
    ("layer", "privateKey"),
    ("layer", "keyId"),
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

/// The fields that lead a client's file, in their order.
pub const LEADING_FIELDS: [&str; 4] = [
    CLIENT_ID,
    Field::Name.name(),
    Field::Description.name(),
    Field::AllowedClients.name(),
];

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

    /// The field's value among a client's fields, if it has one.
    pub fn of(self, fields: &Map<String, Value>) -> Option<&Value> {
        fields.get(self.name())
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
                &format!("is {}, not text", kind_of(value)),
                "put the value into quotes",
            ),
            (Field::AllowedClients, _) => invalid(
                &format!("is {}, not a list", kind_of(value)),
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
    /// Whether the API can be asked for it: an empty segment of a path, a dotted one, or one that loses characters on the way
    /// would ask for something else.
    pub fn is_addressable(&self) -> bool {
        !["", ".", ".."].contains(&self.as_str()) && !self.0.contains(char::is_control)
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

/// Where in a client an object is: that decides which of its keys are secrets.
#[derive(Debug, Clone, Copy)]
enum Place<'a> {
    Client,
    Addons,
    /// Below an addon; None where the shape does not say below which.
    Addon(Option<&'a str>),
}

impl<'a> Place<'a> {
    fn is_secret(self, key: &str) -> bool {
        let in_addon = |(addon, field): &(&str, &str)| match self {
            Place::Addon(name) => {
                is_named(key, field) && name.is_none_or(|name| is_named(name, addon))
            }
            Place::Client | Place::Addons => false,
        };
        SECRET_FIELDS.iter().any(|field| is_named(key, field))
            || SECRET_ADDON_FIELDS.iter().any(in_addon)
    }

    /// The place of what stands below a key.
    fn below(self, key: &'a str) -> Place<'a> {
        match self {
            Place::Client if is_named(key, "addons") => Place::Addons,
            Place::Addons => Place::Addon(Some(key)),
            Place::Client | Place::Addon(_) => self,
        }
    }

    /// The place of a list's entries.
    fn entry(self) -> Place<'a> {
        match self {
            Place::Addons => Place::Addon(None),
            Place::Client | Place::Addon(_) => self,
        }
    }
}

/// Whether a key is that name, in any case and with any signs between its words: `clientSecret`, `CLIENT-SECRET`.
fn is_named(key: &str, name: &str) -> bool {
    fn letters(text: &str) -> impl Iterator<Item = u8> {
        let letters = text.bytes().filter(u8::is_ascii_alphanumeric);
        letters.map(|letter| letter.to_ascii_lowercase())
    }
    letters(key).eq(letters(name))
}

/// Where a client's fields have secrets: the way to each.
pub fn secrets(fields: &Map<String, Value>) -> Vec<Vec<Step<'_>>> {
    let mut found = Vec::new();
    find(fields, Place::Client, &mut Vec::new(), &mut found);
    found
}

fn find<'a>(
    fields: &'a Map<String, Value>,
    place: Place<'a>,
    path: &mut Vec<Step<'a>>,
    found: &mut Vec<Vec<Step<'a>>>,
) {
    for (key, value) in fields {
        path.push(Step::Key(key));
        match place.is_secret(key) {
            true => found.push(path.clone()),
            false => find_in_value(value, place.below(key), path, found),
        }
        path.pop();
    }
}

fn find_in_value<'a>(
    value: &'a Value,
    place: Place<'a>,
    path: &mut Vec<Step<'a>>,
    found: &mut Vec<Vec<Step<'a>>>,
) {
    match value {
        Value::Object(fields) => find(fields, place, path, found),
        Value::Array(entries) => {
            for (index, entry) in entries.iter().enumerate() {
                path.push(Step::Index(index));
                find_in_value(entry, place.entry(), path, found);
                path.pop();
            }
        }
        _ => {}
    }
}

/// Removes every secret from a client's fields, and says whether there was one.
pub fn strip_secrets(fields: &mut Map<String, Value>) -> bool {
    strip(fields, Place::Client)
}

fn strip(fields: &mut Map<String, Value>, place: Place<'_>) -> bool {
    let mut found = false;
    fields.retain(|key, value| {
        let is_secret = place.is_secret(key);
        found |= is_secret || strip_value(value, place.below(key));
        !is_secret
    });
    found
}

fn strip_value(value: &mut Value, place: Place<'_>) -> bool {
    match value {
        Value::Object(fields) => strip(fields, place),
        Value::Array(entries) => {
            let found = entries
                .iter_mut()
                .map(|entry| strip_value(entry, place.entry()));
            // Each of them is looked at.
            found.filter(|found| *found).count() > 0
        }
        _ => false,
    }
}

/// What kind of value it is, in words.
pub(crate) fn kind_of(value: &Value) -> &'static str {
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
    fn secrets_are_found_in_whatever_shape_they_come() {
        let client = client(json!({
            "client_id": "a", "CLIENT_SECRET": "s3", "clientSecret": "s3", "signing-keys": "s3",
            "deeper": [{"x": {"encryption_key": "s3"}}],
            "Addons": {"FireBase": {"Private_Key": "s3", "private_key_id": "s3", "key": [{"SECRET": "s3"}]}, "layer": [{"keyId": "s3"}]}
        }));
        insta::assert_snapshot!(serde_json::to_string(&client).unwrap(), @r#"{"client_id":"a","deeper":[{"x":{}}],"Addons":{"FireBase":{"key":[{}]},"layer":[{}]}}"#);
        let list = json!({"client_id": "a", "addons": [{"name": "wams", "masterkey": "s3", "firebase": {"secret": "s3"}}]});
        let mut list = list.as_object().cloned().unwrap();
        assert_eq!(
            secrets(&list),
            [
                vec![Step::Key("addons"), Step::Index(0), Step::Key("masterkey")],
                vec![
                    Step::Key("addons"),
                    Step::Index(0),
                    Step::Key("firebase"),
                    Step::Key("secret")
                ]
            ]
        );
        assert!(strip_secrets(&mut list) && !strip_secrets(&mut list));
        insta::assert_snapshot!(Value::Object(list), @r#"{"client_id":"a","addons":[{"name":"wams","firebase":{}}]}"#);
        let none = json!({"client_id": "a", "secret": 1, "addons": {"samlp": {"secret": 1, "keyId": 2}, "secret": {}}});
        assert!(secrets(none.as_object().unwrap()).is_empty());
    }

    #[test]
    fn a_client_without_an_id_is_none() {
        assert_eq!(Client::new(Map::new()), None);
        assert_eq!(
            Client::new(Map::from_iter([("client_id".to_owned(), json!(1))])),
            None
        );
        for id in ["", ".", "..", "a\nb", "\t", "a\u{7f}", "\u{9b}"] {
            let fields = Map::from_iter([("client_id".to_owned(), json!(id))]);
            assert_eq!(Client::new(fields), None, "{id:?}");
        }
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
