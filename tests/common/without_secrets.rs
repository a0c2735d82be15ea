//! What the contract calls secrets, spelled out once more than in the code that is tested.

use serde_json::{Map, Value};

/// A client as a file is to have it: less what the contract calls secrets.
pub fn without_secrets(client: &Map<String, Value>) -> Map<String, Value> {
    let mut client = client.clone();
    for secret in ["client_secret", "signing_keys", "encryption_key"] {
        client.shift_remove(secret);
    }
    for (addon, secret) in [
        ("azure_blob", "storageAccessKey"),
        ("azure_sb", "sasKey"),
        ("firebase", "secret"),
        ("firebase", "private_key"),
        ("firebase", "private_key_id"),
        ("layer", "privateKey"),
        ("layer", "keyId"),
        ("sap_api", "servicePassword"),
        ("wams", "masterkey"),
    ] {
        let addon = client
            .get_mut("addons")
            .and_then(|addons| addons.get_mut(addon));
        if let Some(Value::Object(addon)) = addon {
            addon.shift_remove(secret);
        }
    }
    client
}
