//! Two values of every field that an update of a client takes, as the contract and the API's documentation have them: a list that is
//! written here once more, and shares nothing with the code that is tested.

use serde_json::{Map, Value, json};

/// A field that an update takes, and two values of it.
pub struct Sample {
    pub field: &'static str,
    pub one: Value,
    pub other: Value,
}

/// The fields that are managed with no `tenantry.yaml`.
pub const DEFAULT: [&str; 3] = ["name", "description", "allowed_clients"];

/// Fields that the API serves and push never sends, with two values each.
pub fn never_sent() -> Vec<Sample> {
    samples(json!({
        "addons": [{"wams": {"x": 1}}, {"samlp": {"audience": "urn:a"}}],
        "callback_url_template": [false, true],
        "config_route": ["a", "b"],
        "encrypted": [true, false],
        "external_client_id": ["https://a.example", "https://b.example"],
        "external_metadata_created_by": ["admin", "client"],
        "external_metadata_type": ["cimd", "other"],
        "global": [false, true],
        "jwks_uri": ["https://a.example/jwks", "https://b.example/jwks"],
        "owners": [["mr|a"], ["mr|b"]],
        "resource_server_identifier": ["urn:a", "urn:b"],
        "tenant": ["acme", "acme-dev"],
        "third_party_security_mode": ["strict", "permissive"],
        "zz_unknown": [{"a": [1, "0123"]}, {"a": [2]}],
    }))
}

/// Every field that an update takes, in the order of a file.
pub fn updatable() -> Vec<Sample> {
    let credentials = |id: &str| json!([{ "id": id }]);
    let lifetimes = |rotation: &str, leeway: u8| {
        json!({
            "rotation_type": rotation, "expiration_type": "expiring", "leeway": leeway, "token_lifetime": 2_592_000,
            "infinite_token_lifetime": false, "idle_token_lifetime": 1_296_000, "infinite_idle_token_lifetime": true,
        })
    };
    let express = |client: &str| {
        json!({
            "initiate_login_uri_template": "https://a.example/login", "user_attribute_profile_id": "uap_1",
            "connection_profile_id": "cop_1", "enable_client": true, "enable_organization": true,
            "okta_oin_client_id": client, "admin_login_domain": "login.example",
        })
    };
    let organizations = |behavior: &str| json!({"allowed_strategies": ["okta"], "connection_deletion_behavior": behavior});
    let session = |methods: &[&str]| {
        json!({
            "can_create_session_transfer_token": false, "allowed_authentication_methods": methods,
            "enforce_device_binding": "ip",
        })
    };
    samples(json!({
        "name": ["Web", "Web 2"],
        "description": ["one", "two"],
        "allowed_clients": [["c-1"], ["c-1", "https://api.example"]],
        "allowed_logout_urls": [["https://a.example"], ["https://a.example", "https://b.example"]],
        "allowed_origins": [["https://a.example"], []],
        "app_type": ["regular_web", "spa"],
        "async_approval_notification_channels": [["guardian-push"], ["guardian-push", "email"]],
        "callbacks": [["https://a.example/cb", "https://b.example/cb"], ["https://b.example/cb", "https://a.example/cb"]],
        "client_aliases": [["urn:a"], ["urn:b"]],
        "client_authentication_methods": [
            {"private_key_jwt": {"credentials": credentials("cred_1")}},
            {"private_key_jwt": {"credentials": credentials("cred_2")}},
        ],
        "client_metadata": [{"team": "shop", "no": "0123"}, {"team": "pay", "no": "0123"}],
        "compliance_level": ["none", "fapi2_sp_pkj_mtls"],
        "cross_origin_authentication": [false, true],
        "cross_origin_loc": ["https://a.example/co", "https://b.example/co"],
        "custom_login_page": ["<html>\n  <p>one</p>\n</html>\n", "<html/>"],
        "custom_login_page_on": [true, false],
        "custom_login_page_preview": ["<p/>", "<b/>"],
        "default_organization": [
            {"organization_id": "org_1", "flows": ["client_credentials"]},
            {"organization_id": "org_2", "flows": ["client_credentials"]},
        ],
        "express_configuration": [express("a"), express("b")],
        "fedcm_login": [{"google": {"is_enabled": true}}, {"google": {"is_enabled": false}}],
        "form_template": ["<form/>", "<form></form>"],
        "grant_types": [["authorization_code", "refresh_token"], ["authorization_code"]],
        "identity_assertion_authorization_grant": [{"active": true}, {"active": false}],
        "initiate_login_uri": ["https://a.example/login", "https://b.example/login"],
        "is_first_party": [true, false],
        "is_token_endpoint_ip_header_trusted": [false, true],
        "jwt_configuration": [
            {"alg": "RS256", "lifetime_in_seconds": 36_000, "secret_encoded": false},
            {"alg": "RS256", "lifetime_in_seconds": 60, "secret_encoded": false},
        ],
        "logo_uri": ["https://a.example/logo.png", "https://b.example/logo.png"],
        "mobile": [
            {"ios": {"team_id": "A1", "app_bundle_identifier": "com.example"}},
            {"ios": {"team_id": "B2", "app_bundle_identifier": "com.example"}},
        ],
        "my_organization_configuration": [organizations("allow"), organizations("allow_if_empty")],
        "native_social_login": [
            {"apple": {"enabled": true}, "google": {"enabled": false}},
            {"apple": {"enabled": false}, "google": {"enabled": false}},
        ],
        "oidc_conformant": [false, true],
        "oidc_logout": [
            {"backchannel_logout_urls": ["https://a.example/out"]},
            {"backchannel_logout_urls": ["https://b.example/out"]},
        ],
        "organization_discovery_methods": [["email"], ["email", "organization_name"]],
        "organization_require_behavior": ["no_prompt", "pre_login_prompt"],
        "organization_usage": ["deny", "allow"],
        "par_request_expiry": [10, 600],
        "redirection_policy": ["allow_always", "open_redirect_protection"],
        "refresh_token": [lifetimes("non-rotating", 0), lifetimes("rotating", 3)],
        "require_proof_of_possession": [false, true],
        "require_pushed_authorization_requests": [false, true],
        "session_transfer": [session(&["cookie"]), session(&["cookie", "query"])],
        "signed_request_object": [
            {"required": false, "credentials": credentials("cred_1")},
            {"required": true, "credentials": credentials("cred_1")},
        ],
        "skip_non_verifiable_callback_uri_confirmation_prompt": [false, true],
        "sso": [false, true],
        "sso_disabled": [false, true],
        "token_endpoint_auth_method": ["client_secret_post", "client_secret_basic"],
        "token_exchange": [
            {"allow_any_profile_of_type": ["custom_authentication"]},
            {"allow_any_profile_of_type": ["on_behalf_of_token_exchange"]},
        ],
        "token_quota": [
            {"client_credentials": {"enforce": true, "per_day": 100}},
            {"client_credentials": {"enforce": true, "per_day": 200}},
        ],
        "token_vault_privileged_access": [
            {"credentials": credentials("cred_1")},
            {"credentials": credentials("cred_1"), "ip_allowlist": ["192.0.2.1"]},
        ],
        "web_origins": [["https://a.example"], ["https://a.example:8443"]],
    }))
}

fn samples(of: Value) -> Vec<Sample> {
    // The names live as long as the test's process, as those of a table would.
    let sample = |(field, values): (String, Value)| match values {
        Value::Array(values) => {
            let mut values = values.into_iter();
            Sample {
                field: field.leak(),
                one: values.next().unwrap(),
                other: values.next().unwrap(),
            }
        }
        other => panic!("{field}: {other}"),
    };
    match of {
        Value::Object(fields) => fields.into_iter().map(sample).collect(),
        other => panic!("{other}"),
    }
}

/// The first value of each.
pub fn first(samples: &[Sample]) -> Value {
    let fields = samples.iter();
    let fields = fields.map(|sample| (sample.field.to_owned(), sample.one.clone()));
    Value::Object(Map::from_iter(fields))
}
