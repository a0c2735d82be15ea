//! Secrets: where they stand in a resource, and how it loses them.

use serde_json::{Map, Value};

use super::Kind;
use crate::json::Step;

/// Where in a resource an object is: that decides which of its keys are secrets.
#[derive(Debug, Clone, Copy)]
enum Place<'a> {
    Resource,
    /// Below a field that has secrets of its own.
    Field(&'a str),
    /// Below a part of such a field; None where the shape does not say below which.
    Part(&'a str, Option<&'a str>),
}

impl<'a> Place<'a> {
    fn is_secret(self, kind: &Kind, key: &str) -> bool {
        let in_part = |(field, part, secret): &(&str, &str, &str)| match self {
            Place::Part(here, name) => {
                is_named(key, secret)
                    && is_named(here, field)
                    && name.is_none_or(|name| is_named(name, part))
            }
            Place::Resource | Place::Field(_) => false,
        };
        kind.secrets.iter().any(|secret| is_named(key, secret))
            || kind.nested_secrets.iter().any(in_part)
    }

    /// The place of what stands below a key.
    fn below(self, kind: &Kind, key: &'a str) -> Place<'a> {
        let mut nested = kind.nested_secrets.iter();
        match self {
            Place::Resource if nested.any(|(field, ..)| is_named(key, field)) => Place::Field(key),
            Place::Field(field) => Place::Part(field, Some(key)),
            Place::Resource | Place::Part(..) => self,
        }
    }

    /// The place of a list's entries.
    fn entry(self) -> Place<'a> {
        match self {
            Place::Field(field) => Place::Part(field, None),
            Place::Resource | Place::Part(..) => self,
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

impl Kind {
    /// Where a resource's fields have secrets: the way to each.
    pub fn secrets_in<'a>(&self, fields: &'a Map<String, Value>) -> Vec<Vec<Step<'a>>> {
        let mut found = Vec::new();
        find(self, fields, Place::Resource, &mut Vec::new(), &mut found);
        found
    }

    /// Removes every secret from a resource's fields, and says whether there was one.
    pub fn strip_secrets(&self, fields: &mut Map<String, Value>) -> bool {
        strip(self, fields, Place::Resource)
    }
}

fn find<'a>(
    kind: &Kind,
    fields: &'a Map<String, Value>,
    place: Place<'a>,
    path: &mut Vec<Step<'a>>,
    found: &mut Vec<Vec<Step<'a>>>,
) {
    for (key, value) in fields {
        path.push(Step::Key(key));
        match place.is_secret(kind, key) {
            true => found.push(path.clone()),
            false => find_in_value(kind, value, place.below(kind, key), path, found),
        }
        path.pop();
    }
}

fn find_in_value<'a>(
    kind: &Kind,
    value: &'a Value,
    place: Place<'a>,
    path: &mut Vec<Step<'a>>,
    found: &mut Vec<Vec<Step<'a>>>,
) {
    match value {
        Value::Object(fields) => find(kind, fields, place, path, found),
        Value::Array(entries) => {
            for (index, entry) in entries.iter().enumerate() {
                path.push(Step::Index(index));
                find_in_value(kind, entry, place.entry(), path, found);
                path.pop();
            }
        }
        _ => {}
    }
}

fn strip(kind: &Kind, fields: &mut Map<String, Value>, place: Place<'_>) -> bool {
    let mut found = false;
    fields.retain(|key, value| {
        let is_secret = place.is_secret(kind, key);
        found |= is_secret || strip_value(kind, value, place.below(kind, key));
        !is_secret
    });
    found
}

fn strip_value(kind: &Kind, value: &mut Value, place: Place<'_>) -> bool {
    match value {
        Value::Object(fields) => strip(kind, fields, place),
        Value::Array(entries) => {
            let found = entries
                .iter_mut()
                .map(|entry| strip_value(kind, entry, place.entry()));
            // Each of them is looked at.
            found.filter(|found| *found).count() > 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::clients::KIND;
    use serde_json::json;

    fn stripped(mut fields: Value) -> Value {
        KIND.strip_secrets(fields.as_object_mut().unwrap());
        fields
    }

    #[test]
    fn secrets_are_gone_from_the_start() {
        let client = stripped(json!({
            "client_id": "a", "client_secret": "s3", "signing_keys": [{"cert": "s3"}], "encryption_key": {"pub": "s3"},
            "name": "A",
            "addons": {
                "azure_blob": {"accountName": "n", "storageAccessKey": "s3"}, "azure_sb": {"sasKey": "s3"},
                "firebase": {"secret": "s3", "private_key": "s3", "client_email": "e"}, "layer": {"privateKey": "s3"},
                "sap_api": {"servicePassword": "s3"}, "wams": {"masterkey": "s3"}, "samlp": {"audience": "urn:a"}
            }
        }));
        insta::assert_snapshot!(serde_json::to_string(&client).unwrap(), @r#"{"client_id":"a","name":"A","addons":{"azure_blob":{"accountName":"n"},"azure_sb":{},"firebase":{"client_email":"e"},"layer":{},"sap_api":{},"wams":{},"samlp":{"audience":"urn:a"}}}"#);
    }

    #[test]
    fn secrets_are_found_in_whatever_shape_they_come() {
        let client = stripped(json!({
            "client_id": "a", "CLIENT_SECRET": "s3", "clientSecret": "s3", "signing-keys": "s3",
            "deeper": [{"x": {"encryption_key": "s3"}}],
            "Addons": {"FireBase": {"Private_Key": "s3", "private_key_id": "s3", "key": [{"SECRET": "s3"}]}, "layer": [{"keyId": "s3"}]}
        }));
        insta::assert_snapshot!(serde_json::to_string(&client).unwrap(), @r#"{"client_id":"a","deeper":[{"x":{}}],"Addons":{"FireBase":{"key":[{}]},"layer":[{}]}}"#);
        let list = json!({"client_id": "a", "addons": [{"name": "wams", "masterkey": "s3", "firebase": {"secret": "s3"}}]});
        let mut list = list.as_object().cloned().unwrap();
        assert_eq!(
            KIND.secrets_in(&list),
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
        assert!(KIND.strip_secrets(&mut list) && !KIND.strip_secrets(&mut list));
        insta::assert_snapshot!(Value::Object(list), @r#"{"client_id":"a","addons":[{"name":"wams","firebase":{}}]}"#);
        let none = json!({"client_id": "a", "secret": 1, "addons": {"samlp": {"secret": 1, "keyId": 2}, "secret": {}}});
        assert!(KIND.secrets_in(none.as_object().unwrap()).is_empty());
    }
}
