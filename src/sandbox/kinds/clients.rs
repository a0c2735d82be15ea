//! Clients.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::sandbox::answer::Refusal;
use crate::sandbox::kind::{
    Action, Collection, Fields, Filter, Form, Kind, Occasion, Paging, Write,
};
use crate::sandbox::merge::Rules;
use crate::sandbox::random::derived_id;
use crate::sandbox::secrets::{made_up, pem};
use crate::sandbox::shapes::{Operation, Shapes};

static SHAPES: LazyLock<Shapes> = LazyLock::new(|| Shapes::read(include_str!("clients.shapes")));

pub(in crate::sandbox) static KIND: Kind = Kind {
    other_scopes: &[
        (Action::List, "read:client_keys"),
        (Action::List, "read:client_summary"),
        (Action::Read, "read:client_keys"),
        (Action::Read, "read:client_credentials"),
        (Action::Read, "read:client_summary"),
        (Action::Update, "update:client_keys"),
    ],
    form: Form::Many(Collection {
        id: "client_id",
        example: "Wq7mZr3KfT9xLd2PbVn8sHc5YgJ4uEaR",
        also_by: None,
        list: "clients",
        paging: Paging::Both(0),
        selects_fields: true,
        filters: &[
            Filter::Is("is_global", "global"),
            Filter::Is("is_first_party", "is_first_party"),
            Filter::AnyOf("app_type"),
            Filter::Equals("external_client_id"),
        ],
        unique: None,
        missing: ("The client does not exist", "inexistent_client"),
        statuses: (201, 204),
        misses_deleted: false,
        takes_along: &[("client-grants", "client_id", "client_id")],
    }),
    rules: Rules {
        merged: &[
            ("addons", 1),
            ("client_metadata", 1),
            ("jwt_configuration", 1),
            ("mobile", 1),
            ("native_social_login", 1),
            ("session_transfer", 1),
            ("signed_request_object", 1),
        ],
        emptied: &["initiate_login_uri"],
        sets: &[],
    },
    secrets: &[
        "client_secret",
        "signing_keys",
        "encryption_key",
        "addons.azure_blob.storageAccessKey",
        "addons.azure_sb.sasKey",
        "addons.firebase.secret",
        "addons.firebase.private_key",
        "addons.firebase.private_key_id",
        "addons.layer.privateKey",
        "addons.layer.keyId",
        "addons.sap_api.servicePassword",
        "addons.wams.masterkey",
    ],
    defaults,
    check,
    derive,
    answer,
    ..Kind::row("clients", "clients", "clients", &SHAPES)
};

/// The fields that the API adds to a new client. They depend on its type, and on what was sent of an object.
fn defaults(tenant: &str, sent: &Fields) -> Value {
    let all_flows = [
        "authorization_code",
        "implicit",
        "refresh_token",
        "client_credentials",
    ];
    let app_type = sent.get("app_type").and_then(Value::as_str);
    let grant_types = match app_type {
        Some("native" | "spa") => json!(all_flows[..3]),
        Some("resource_server") => json!([]),
        Some("express_configuration") => json!(["authorization_code", "client_credentials"]),
        _ => json!(all_flows),
    };
    let is_modern = matches!(app_type, Some("resource_server" | "express_configuration"));
    let jwt_configuration = match sent.contains_key("jwt_configuration") {
        true => json!({ "secret_encoded": false }),
        false if is_modern => json!({ "secret_encoded": false, "alg": "RS256" }),
        false => json!({ "secret_encoded": false, "lifetime_in_seconds": 36000 }),
    };
    json!({
        "tenant": tenant,
        "global": false,
        "is_token_endpoint_ip_header_trusted": false,
        "name": "",
        "cross_origin_authentication": false,
        "is_first_party": true,
        "oidc_conformant": is_modern,
        "sso_disabled": false,
        "cross_origin_auth": false,
        "callback_url_template": false,
        "jwt_configuration": jwt_configuration,
        "grant_types": grant_types,
        "custom_login_page_on": true,
        "refresh_token": {
            "rotation_type": "non-rotating",
            "expiration_type": "non-expiring"
        }
    })
}

/// No two clients share an alias, the global client stays, and a client's security mode is what it was made with, though the OpenAPI lists it as updatable.
fn check(write: &Write<'_>) -> Result<(), Refusal> {
    let Some(old) = write.old else {
        return check_aliases(write);
    };
    if write.operation == Operation::Delete && old.get("global") == Some(&Value::Bool(true)) {
        return Err(Refusal::bad_request(
            "operation_not_supported",
            "Global client cannot be deleted.",
        ));
    }
    let mode = "third_party_security_mode";
    if write.sent.contains_key(mode) && write.sent.get(mode) != old.get(mode) {
        return Err(Refusal::bad_request(
            "invalid_body",
            "third_party_security_mode cannot be changed after the client was created",
        ));
    }
    Ok(())
}

fn check_aliases(write: &Write<'_>) -> Result<(), Refusal> {
    let of = |client: &Fields| {
        client
            .get("client_aliases")
            .and_then(Value::as_array)
            .cloned()
    };
    let aliases = of(write.sent).unwrap_or_default();
    let shares_one = |other: &Fields| {
        let mut others = of(other).into_iter().flatten();
        others.any(|alias| aliases.contains(&alias))
    };
    match write.tenant.any(KIND.name, &shares_one) {
        true => Err(Refusal::api(
            409,
            "Another client exists with the same alias",
            "",
        )),
        false => Ok(()),
    }
}

fn derive(client: &mut Fields, sent: &Fields, operation: Operation) {
    // Each of the two names of back-channel logout follows the other; the old one has nothing but the URLs.
    let (new, old) = ("oidc_logout", "oidc_backchannel_logout");
    if let (Some(value), false) = (sent.get(old), sent.contains_key(new)) {
        client.shift_remove(new);
        if value.is_object() {
            client.insert(new.to_owned(), value.clone());
        }
    }
    if sent.contains_key(new) || sent.contains_key(old) {
        client.shift_remove(old);
        let urls = client
            .get(new)
            .and_then(|logout| logout.get("backchannel_logout_urls"));
        if let Some(urls) = urls.cloned() {
            client.insert(old.to_owned(), json!({ "backchannel_logout_urls": urls }));
        }
    }
    // Older tenants' clients have the field under its first name, too.
    let cross_origin = sent.get("cross_origin_authentication");
    if let (Some(twin), Some(value)) = (client.get_mut("cross_origin_auth"), cross_origin) {
        *twin = value.clone();
    }
    if sent.contains_key("session_transfer")
        && let Some(Value::Object(transfer)) = client.get_mut("session_transfer")
    {
        fill(
            transfer,
            json!({
                "can_create_session_transfer_token": false,
                "enforce_cascade_revocation": true,
                "allowed_authentication_methods": [],
                "enforce_device_binding": "ip",
                "allow_refresh_token": false,
                "enforce_online_refresh_tokens": true
            }),
        );
    }
    if operation == Operation::Create
        && let Some(Value::Object(refresh)) = client.get_mut("refresh_token")
    {
        let is_endless = refresh.get("expiration_type") != Some(&json!("expiring"));
        fill(
            refresh,
            json!({
                "leeway": 0,
                "token_lifetime": 2592000,
                "infinite_token_lifetime": is_endless,
                "infinite_idle_token_lifetime": is_endless,
                "idle_token_lifetime": 1296000
            }),
        );
    }
    for field in [
        "client_authentication_methods",
        "signed_request_object",
        "token_vault_privileged_access",
    ] {
        if let Some(value) = client.get_mut(field) {
            store_credentials(value);
        }
    }
}

fn fill(fields: &mut Fields, defaults: Value) {
    let Value::Object(defaults) = defaults else {
        return;
    };
    for (name, value) in defaults {
        fields.entry(name).or_insert(value);
    }
}

/// Credentials that are given in full are kept elsewhere, and a client has their ids.
fn store_credentials(value: &mut Value) {
    let Value::Object(fields) = value else {
        return;
    };
    for (name, value) in fields {
        match value {
            Value::Array(credentials) if name == "credentials" => {
                for credential in credentials {
                    if credential.get("id").is_none() {
                        let id = derived_id(&credential.to_string());
                        *credential = json!({ "id": format!("cred_{}", &id[..22]) });
                    }
                }
            }
            value => store_credentials(value),
        }
    }
}

/// With `client_secret` (64 characters) and `signing_keys`, which the API answers whoever may read them.
fn answer(client: &Fields, _: Occasion) -> Fields {
    let mut answer = client.clone();
    let id = KIND.id(client).unwrap_or_default();
    if !answer.contains_key("signing_keys") {
        answer.insert(
            "signing_keys".to_owned(),
            json!([{
                "cert": pem("CERTIFICATE", &made_up("cert", id)),
                "key": pem("PRIVATE KEY", &made_up("key", id)),
                "pkcs7": pem("PKCS7", &made_up("pkcs7", id)),
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
            made_up("client_secret", id).into(),
        );
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Fields {
        value.as_object().cloned().unwrap()
    }

    /// A client after these updates, one after the other.
    fn after(client: Value, updates: impl IntoIterator<Item = Value>) -> Value {
        let mut client = object(client);
        for update in updates {
            KIND.write(&mut client, object(update), Operation::Update);
        }
        Value::Object(client)
    }

    #[test]
    fn secrets_follow_from_the_id_and_given_ones_stay() {
        let served = |client: Value| answer(&object(client), Occasion::Read);
        let a = served(json!({"client_id": "a"}));
        let secret = a["client_secret"].as_str().unwrap();
        assert_eq!(secret.len(), 64);
        assert!(secret.starts_with("sandbox-secret-"));
        assert_eq!(a, served(json!({"client_id": "a"})));
        assert_ne!(a, served(json!({"client_id": "b"})));
        let given = json!({"client_id": "a", "client_secret": "mine", "signing_keys": null});
        assert_eq!(Value::Object(served(given.clone())), given);
    }

    #[test]
    fn twins_follow_each_other() {
        let logout = json!({"backchannel_logout_urls": ["u"], "backchannel_logout_session_metadata": {"include": true}});
        let both = after(json!({}), [json!({"oidc_logout": logout})]);
        let twin = json!({"backchannel_logout_urls": ["u"]});
        assert_eq!(
            both,
            json!({"oidc_logout": logout, "oidc_backchannel_logout": twin})
        );
        let cleared = after(both, [json!({"oidc_backchannel_logout": null})]);
        assert_eq!(cleared, json!({}));
        let older = json!({"cross_origin_authentication": false, "cross_origin_auth": false});
        let sent = json!({"cross_origin_authentication": true});
        assert_eq!(after(older, [sent.clone()])["cross_origin_auth"], true);
        assert_eq!(after(json!({}), [sent.clone()]), sent);
    }

    #[test]
    fn a_first_session_transfer_is_filled_up_and_a_part_of_it_cleared() {
        let updates = [
            json!({"session_transfer": {"enforce_device_binding": "none", "delegation": {"allow_delegated_access": true}}}),
            json!({"session_transfer": {"delegation": null}}),
        ];
        insta::assert_snapshot!(after(json!({}), updates), @r#"{"session_transfer":{"enforce_device_binding":"none","can_create_session_transfer_token":false,"enforce_cascade_revocation":true,"allowed_authentication_methods":[],"allow_refresh_token":false,"enforce_online_refresh_tokens":true}}"#);
    }

    #[test]
    fn of_credentials_the_ids_are_kept() {
        let sent = json!({"client_authentication_methods": {"private_key_jwt": {"credentials": [
            {"credential_type": "public_key", "pem": "-----"}, {"id": "cred_given"}
        ]}}});
        let client = after(json!({}), [sent]);
        let kept = &client["client_authentication_methods"]["private_key_jwt"]["credentials"];
        assert_eq!(kept[0].as_object().unwrap().len(), 1);
        assert_eq!(kept[0]["id"].as_str().unwrap().len(), 27);
        assert_eq!(kept[1], json!({"id": "cred_given"}));
    }
}
