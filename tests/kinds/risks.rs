//! What an edit does at once is told, in any kind.

use serde_json::{Value, json};

use crate::acme::{path, pulled, said};
use crate::common::Bed;

/// The risks of an edit, as `field: sentence`, a line each.
fn risks(bed: &Bed) -> String {
    let plan = bed.run(["diff", "-o", "json"]).json();
    let resources = plan["resources"].as_array().unwrap().iter();
    let fields = resources.flat_map(|resource| resource["fields"].as_array().unwrap());
    let lines = fields.map(|field| {
        let key = field["key"].as_str().map(|key| format!(".{key}"));
        format!(
            "{}{}: {}",
            field["field"].as_str().unwrap(),
            key.unwrap_or_default(),
            field["risk"].as_str().unwrap_or("none")
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The same of an edit of that file.
fn risk(file: &str, edit: impl FnOnce(&mut Value)) -> String {
    let bed = pulled();
    let mut fields = said(&bed, file);
    edit(&mut fields);
    // JSON is YAML.
    bed.write(&path(file), &fields.to_string());
    risks(&bed)
}

#[test]
fn what_widens_access_is_a_risk() {
    let told = [
        risk("client-grants/order-service--billing-api", |grant| {
            let scope = grant["scope"].as_array_mut().unwrap();
            scope.push(json!("void:invoices"));
        }),
        risk("roles/newcomer", |role| {
            role["permissions"] = json!([{"permission_name": "read:stock", "resource_server_identifier": "urn:acme:warehouse"}]);
        }),
        risk("attack-protection/brute-force-protection", |part| {
            part["max_attempts"] = json!(100);
        }),
        risk("attack-protection/brute-force-protection", |part| {
            part["max_attempts"] = json!(1);
        }),
        risk("attack-protection/suspicious-ip-throttling", |part| {
            part["stage"]["pre-login"]["max_attempts"] = json!(1000);
        }),
        risk("attack-protection/suspicious-ip-throttling", |part| {
            part["shields"] = json!([]);
        }),
        risk("attack-protection/breached-password-detection", |part| {
            part["stage"]["pre-user-registration"]["shields"] = json!([]);
        }),
        risk("tenant-settings", |settings| {
            settings["flags"]["enable_dynamic_client_registration"] = json!(true);
            settings["flags"]["disable_clickjack_protection_headers"] = json!(true);
        }),
        risk("resource-servers/orders-api", |api| {
            api["token_lifetime"] = json!(2_000_000);
        }),
        risk("clients/storefront", |client| {
            client["refresh_token"] = json!(null);
        }),
        risk("clients/storefront", |client| {
            client["callbacks"] = json!(["http://0.0.0.0:3000/cb", "http://[::]/cb"]);
        }),
    ];
    insta::assert_snapshot!(told.join("\n"), @"
    scope: the client gets `void:invoices` at once
    permissions: whoever has the role gets a permission more at once
    max_attempts: more attempts are let through at once
    max_attempts: none
    stage: more attempts are let through at once
    shields: the protection by `admin_notification`, `block` ends at once
    stage: the protection by `admin_notification`, `block` ends at once
    flags.disable_clickjack_protection_headers: pages of others may show the login page in a frame at once
    flags.enable_dynamic_client_registration: whoever reaches the tenant may register clients of their own at once
    token_lifetime: a token that is stolen is good for longer
    refresh_token: new refresh tokens are as the tenant has them by default, which may neither rotate nor expire
    callbacks: logins that return to `https://shop.acme.example/callback`, `http://localhost:3000/callback` fail at once; `http://0.0.0.0:3000/cb` is the machine of whoever logs in; `http://[::]/cb` is the machine of whoever logs in
    ");
}
