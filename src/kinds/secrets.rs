//! Secrets: where they stand in a resource, and how it loses them.

use serde_json::{Map, Value};

use super::kind::Kind;
use crate::json::Step;

/// Where in a resource something stands: of each way to a nested secret, how many of its steps lead there.
#[derive(Clone)]
struct Place(Vec<usize>);

impl Place {
    fn top(kind: &Kind) -> Place {
        Place(ways(kind).map(|_| 0).collect())
    }

    fn is_secret(&self, kind: &Kind, key: &str, value: &Value) -> bool {
        let mut ends = ways(kind).zip(&self.0).filter_map(|((way, holds), steps)| {
            let end = way.get(*steps).filter(|_| *steps + 1 == way.len())?;
            Some((end, holds))
        });
        kind.secrets.iter().any(|secret| is_named(key, secret))
            || ends.any(|(end, holds)| is_named(key, end) && holds(value))
    }

    /// The place of what stands below a key.
    fn below(&self, kind: &Kind, key: &str) -> Place {
        let step = |((way, _), steps): ((&[&str], Holds), &usize)| {
            let is_next = way.get(*steps).is_some_and(|next| is_named(key, next));
            // Whoever is on the way stays on it: what is deeper is no less a secret.
            steps + usize::from(is_next && steps + 1 < way.len())
        };
        Place(ways(kind).zip(&self.0).map(step).collect())
    }

    /// The place of a list's entries: where a name was to come, it may stand inside the entry.
    fn entry(&self, kind: &Kind) -> Place {
        let step = |((way, _), steps): ((&[&str], Holds), &usize)| {
            steps + usize::from(*steps > 0 && steps + 1 < way.len())
        };
        Place(ways(kind).zip(&self.0).map(step).collect())
    }
}

/// Whether a value at the end of a way holds a secret.
type Holds = fn(&Value) -> bool;

/// The ways to secrets below fields: to what always is one, and to URLs that may carry one.
fn ways(kind: &Kind) -> impl Iterator<Item = (&'static [&'static str], Holds)> {
    let always = kind.nested_secrets.iter();
    let always = always.map(|way| (*way, (|_| true) as Holds));
    let urls = kind.secret_urls.iter();
    always.chain(urls.map(|way| (*way, has_credentials as Holds)))
}

/// Whether a value is a URL with a name or a password before its host, or holds one.
fn has_credentials(value: &Value) -> bool {
    match value {
        Value::String(url) => {
            let rest = url.split_once("//").map_or(url.as_str(), |(_, rest)| rest);
            let authority = rest.split(['/', '?', '#', '\\']).next();
            authority.is_some_and(|authority| authority.contains('@'))
        }
        Value::Array(entries) => entries.iter().any(has_credentials),
        Value::Object(keys) => keys.values().any(has_credentials),
        _ => false,
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
        find(self, fields, &Place::top(self), &mut Vec::new(), &mut found);
        found
    }

    /// Removes every secret from a resource's fields, and says whether there was one.
    pub fn strip_secrets(&self, fields: &mut Map<String, Value>) -> bool {
        strip(self, fields, &Place::top(self))
    }
}

fn find<'a>(
    kind: &Kind,
    fields: &'a Map<String, Value>,
    place: &Place,
    path: &mut Vec<Step<'a>>,
    found: &mut Vec<Vec<Step<'a>>>,
) {
    for (key, value) in fields {
        path.push(Step::Key(key));
        match place.is_secret(kind, key, value) {
            true => found.push(path.clone()),
            false => find_in_value(kind, value, Some(key), place, path, found),
        }
        path.pop();
    }
}

/// `key` is the one that the value stands below; an entry of a list stands below none.
fn find_in_value<'a>(
    kind: &Kind,
    value: &'a Value,
    key: Option<&str>,
    place: &Place,
    path: &mut Vec<Step<'a>>,
    found: &mut Vec<Vec<Step<'a>>>,
) {
    let below = || key.map_or_else(|| place.clone(), |key| place.below(kind, key));
    match value {
        Value::Object(fields) => find(kind, fields, &below(), path, found),
        Value::Array(entries) => {
            let place = below().entry(kind);
            for (index, entry) in entries.iter().enumerate() {
                path.push(Step::Index(index));
                find_in_value(kind, entry, None, &place, path, found);
                path.pop();
            }
        }
        _ => {}
    }
}

fn strip(kind: &Kind, fields: &mut Map<String, Value>, place: &Place) -> bool {
    let mut found = false;
    fields.retain(|key, value| {
        let is_secret = place.is_secret(kind, key, value);
        found |= is_secret || strip_value(kind, value, Some(key), place);
        !is_secret
    });
    found
}

fn strip_value(kind: &Kind, value: &mut Value, key: Option<&str>, place: &Place) -> bool {
    let below = || key.map_or_else(|| place.clone(), |key| place.below(kind, key));
    match value {
        Value::Object(fields) => strip(kind, fields, &below()),
        Value::Array(entries) => {
            let place = below().entry(kind);
            let found = entries
                .iter_mut()
                .map(|entry| strip_value(kind, entry, None, &place));
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
