//! Made-up secrets. They follow from the client's id and are added when a client is answered, so that the state file
//! never holds one; a client that was given its own keeps them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;
use serde_json::{Map, Value, json};

/// What every made-up secret starts with, or holds in its first line.
const MARK: &str = "sandbox-secret-";

const TOP_LEVEL: [&str; 3] = ["client_secret", "signing_keys", "encryption_key"];

const IN_ADDONS: [(&str, &str); 9] = [
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

/// The client as the API answers it: with `client_secret` (64 characters) and `signing_keys`.
pub(super) fn with_secrets(client: &Map<String, Value>) -> Map<String, Value> {
    let mut answer = client.clone();
    let id = client
        .get("client_id")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if !answer.contains_key("signing_keys") {
        answer.insert(
            "signing_keys".to_owned(),
            json!([{
                "cert": pem("CERTIFICATE", &derived("cert", id)),
                "key": pem("PRIVATE KEY", &derived("key", id)),
                "pkcs7": pem("PKCS7", &derived("pkcs7", id)),
                "subject": "/CN=sandbox"
            }]),
        );
    }
    // A client that authenticates with its own key has no secret.
    if !answer.contains_key("client_secret")
        && !answer.contains_key("client_authentication_methods")
    {
        answer.insert(
            "client_secret".to_owned(),
            derived("client_secret", id).into(),
        );
    }
    answer
}

/// Removes every secret, given ones included.
pub(super) fn strip(client: &mut Map<String, Value>) {
    for field in TOP_LEVEL {
        client.shift_remove(field);
    }
    if let Some(Value::Object(addons)) = client.get_mut("addons") {
        for (addon, field) in IN_ADDONS {
            if let Some(Value::Object(addon)) = addons.get_mut(addon) {
                addon.shift_remove(field);
            }
        }
    }
}

/// A text of 64 characters that follows from its purpose and the client's id.
fn derived(purpose: &str, id: &str) -> String {
    let hash = digest::digest(&digest::SHA512, format!("{purpose}:{id}").as_bytes());
    let mut text = format!("{MARK}{}", URL_SAFE_NO_PAD.encode(hash));
    text.truncate(64);
    text
}

fn pem(label: &str, text: &str) -> String {
    format!("-----BEGIN {label}-----\r\n{text}\r\n-----END {label}-----\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn secrets_follow_from_the_id() {
        let a = with_secrets(&object(json!({"client_id": "a"})));
        let secret = a["client_secret"].as_str().unwrap();
        assert_eq!(secret.len(), 64);
        assert!(secret.starts_with("sandbox-secret-"));
        assert_eq!(a, with_secrets(&object(json!({"client_id": "a"}))));
        assert_ne!(a, with_secrets(&object(json!({"client_id": "b"}))));
    }

    #[test]
    fn given_secrets_stay_and_strip_takes_them_all() {
        let given = object(json!({
            "client_id": "a", "client_secret": "mine", "signing_keys": null, "encryption_key": {"pub": "p"},
            "addons": {"wams": {"masterkey": "m", "x": 1}}
        }));
        let mut answer = with_secrets(&given);
        assert_eq!(answer, given);
        strip(&mut answer);
        assert_eq!(
            answer,
            object(json!({"client_id": "a", "addons": {"wams": {"x": 1}}}))
        );
    }
}
