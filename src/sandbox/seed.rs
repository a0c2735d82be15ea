//! The built-in tenants: "acme" from a fixture, dev and prod derived from it, and generated clients for benchmarks.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::kind::{Fields, Kind};
use super::kinds::{self, KINDS, client_grants, clients, resource_servers};
use super::object;
use super::random::{Chance, derived_id, derived_like};
use super::store::{Resources, tenant_of};
use crate::json;

const ACME: &str = include_str!("../../fixtures/sandbox/acme.json");
const OTHERS: &str = include_str!("../../fixtures/sandbox/acme-others.json");

/// The id of "Billing: nightly batch" in the fixture.
const BATCH: &str = "bT8cKp3XwN6rJv2HzMq9dLf5GyS4eTuC";

/// What prod has not got yet, or has differently: (kind, name in dev, field, prod's value; null where the field is absent).
fn behind() -> [(&'static str, &'static str, &'static str, Value); 7] {
    let clients = clients::KIND.name;
    [
        (
            clients,
            "Storefront",
            "description",
            json!("The shop at shop.acme.example"),
        ),
        (
            clients,
            "Billing Service",
            "allowed_clients",
            json!([BATCH]),
        ),
        (clients, "Warehouse Sync", "description", Value::Null),
        (
            clients,
            "Customer Portal (SPA)",
            "name",
            json!("Customer Portal – SPA"),
        ),
        (clients, "Reporting API", "allowed_clients", Value::Null),
        (
            "resource-servers",
            "Orders API",
            "token_lifetime",
            json!(86400),
        ),
        (
            "roles",
            "Newcomer",
            "description",
            json!("Can do nothing yet"),
        ),
    ]
}

/// The resources of the built-in tenant of that name.
pub(super) fn built_in(name: &str) -> Resources {
    let mut resources = acme();
    match name {
        "sandbox-dev" => translate(&mut resources, "acme-dev"),
        "sandbox-empty" => resources.clear(),
        "sandbox-prod" => {
            for (kind, name, field, value) in behind() {
                let of_kind = resources.get_mut(kind).into_iter().flatten();
                for fields in of_kind.filter(|fields| is_named(fields, name)) {
                    match &value {
                        Value::Null => fields.shift_remove(field),
                        value => fields.insert(field.to_owned(), value.clone()),
                    };
                }
            }
            translate(&mut resources, "acme-prod");
        }
        _ => {}
    }
    resources
}

/// The resources, with what every tenant has: the Management API, and the grant by which the application uses it.
pub(super) fn with_access(
    mut resources: Resources,
    client_id: &str,
    scopes: &[String],
) -> Resources {
    let tenant = tenant_of(resources.get(clients::KIND.name).into_iter().flatten());
    let audience = management_api(tenant);
    let apis = resources.entry(resource_servers::KIND.name).or_default();
    let is_it = |api: &Fields| api.get("identifier").and_then(Value::as_str) == Some(&audience);
    if !apis.iter().any(is_it) {
        let all: Value = kinds::scopes()
            .into_iter()
            .map(|scope| json!({ "value": scope }))
            .collect();
        apis.insert(
            0,
            object(json!({
                "id": derived_like("6894adff31e56f3d4b1be230", &audience),
                "name": "Auth0 Management API",
                "identifier": audience,
                "allow_offline_access": false,
                "skip_consent_for_verifiable_first_party_clients": false,
                "subject_type_authorization": {
                    "client": { "policy": "require_client_grant" },
                    "user": { "policy": "allow_all" }
                },
                "token_lifetime": 86400,
                "token_lifetime_for_web": 7200,
                "signing_alg": "RS256",
                "scopes": all,
                "is_system": true
            })),
        );
    }
    let grants = resources.entry(client_grants::KIND.name).or_default();
    let is_own = |grant: &Fields| {
        grant.get("client_id").and_then(Value::as_str) == Some(client_id)
            && grant.get("audience").and_then(Value::as_str) == Some(&audience)
    };
    if !grants.iter().any(is_own) {
        grants.push(object(json!({
            "id": derived_like("cgr_F59AaazknDG6nxPP", &format!("{audience}:{client_id}")),
            "client_id": client_id,
            "audience": audience,
            "scope": scopes,
            "subject_type": "client"
        })));
    }
    resources
}

/// The tenant "acme". The fixtures are part of the binary, and a test reads them.
fn acme() -> Resources {
    let mut kinds = json::parse(OTHERS).map(object).unwrap_or_default();
    kinds.extend(json::parse(ACME).map(|clients| (clients::KIND.name.to_owned(), clients)));
    let of_kind = |kind: &Kind| match kinds.get(kind.name).cloned() {
        Some(Value::Array(resources)) => resources.into_iter().map(object).collect(),
        _ => Vec::new(),
    };
    let all = KINDS.into_iter().map(|kind| (kind.name, of_kind(kind)));
    all.collect()
}

/// What a tenant's Management API is called.
fn management_api(tenant: &str) -> String {
    format!("https://{tenant}.eu.auth0.com/api/v2/")
}

fn is_named(fields: &Fields, name: &str) -> bool {
    fields.get("name").and_then(Value::as_str) == Some(name)
}

/// Gives every resource an id of that tenant's own, and every reference with it.
fn translate(resources: &mut Resources, tenant: &str) {
    let mut names = BTreeMap::from([(management_api("acme"), management_api(tenant))]);
    for kind in KINDS.iter().filter(|kind| kind.collection().is_some()) {
        let of_kind = resources.get(kind.name).into_iter().flatten();
        for id in of_kind.filter_map(|fields| kind.id(fields)) {
            let new = derived_like(id, &format!("{tenant}:{id}"));
            names.insert(id.to_owned(), new);
        }
    }
    for fields in resources.values_mut().flatten() {
        fields.values_mut().for_each(|value| rename(value, &names));
    }
    for client in resources.get_mut(clients::KIND.name).into_iter().flatten() {
        client.insert("tenant".to_owned(), tenant.into());
    }
}

/// Replaces every text that is one of those names.
fn rename(value: &mut Value, names: &BTreeMap<String, String>) {
    match value {
        Value::String(text) => {
            if let Some(new) = names.get(text.as_str()) {
                text.clone_from(new);
            }
        }
        Value::Array(entries) => entries.iter_mut().for_each(|entry| rename(entry, names)),
        Value::Object(fields) => fields.values_mut().for_each(|value| rename(value, names)),
        _ => {}
    }
}

/// That many clients, the same ones each time. About half of them refer to others.
pub(super) fn generated(count: usize) -> Vec<Map<String, Value>> {
    let id = |n: usize| derived_id(&format!("generated:{n}"));
    let kinds = [
        ("regular_web", "Web App"),
        ("spa", "Single Page App"),
        ("native", "Mobile App"),
        ("non_interactive", "Service"),
    ];
    let mut chance = Chance::new(count as u64);
    let mut pick = |below: usize| (chance.next() % below.max(1) as u64) as usize;
    (0..count)
        .filter_map(|n| {
            let (app_type, kind) = kinds[pick(kinds.len())];
            let mut client = json!({
                "tenant": "generated",
                "global": false,
                "is_token_endpoint_ip_header_trusted": false,
                "name": format!("{kind} {n:05}"),
                "callbacks": [format!("https://app-{n}.acme.example/callback")],
                "cross_origin_authentication": false,
                "is_first_party": true,
                "oidc_conformant": true,
                "refresh_token": {
                    "expiration_type": "non-expiring",
                    "leeway": 0,
                    "infinite_token_lifetime": true,
                    "infinite_idle_token_lifetime": true,
                    "token_lifetime": 2592000,
                    "idle_token_lifetime": 1296000,
                    "rotation_type": "non-rotating"
                },
                "sso_disabled": false,
                "cross_origin_auth": false,
                "client_id": id(n),
                "callback_url_template": false,
                "jwt_configuration": { "alg": "RS256", "lifetime_in_seconds": 36000, "secret_encoded": false },
                "token_endpoint_auth_method": if app_type == "spa" { "none" } else { "client_secret_post" },
                "app_type": app_type,
                "grant_types": ["authorization_code", "refresh_token"],
                "custom_login_page_on": true
            });
            if pick(2) == 0 {
                client["description"] = format!("{kind} number {n} of the generated tenant").into();
            }
            if pick(2) == 0 {
                let references: Vec<String> = (0..=pick(3)).map(|_| id(pick(count))).collect();
                client["allowed_clients"] = json!(references);
            }
            client.as_object().cloned()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn clients_of(name: &str) -> Vec<Fields> {
        built_in(name).remove(clients::KIND.name).unwrap()
    }

    fn text<'a>(client: &'a Map<String, Value>, field: &str) -> &'a str {
        client.get(field).and_then(Value::as_str).unwrap()
    }

    fn ids(clients: &[Map<String, Value>]) -> BTreeSet<&str> {
        clients
            .iter()
            .map(|client| text(client, "client_id"))
            .collect()
    }

    fn references(clients: &[Map<String, Value>]) -> Vec<&str> {
        clients
            .iter()
            .filter_map(|client| client.get("allowed_clients")?.as_array())
            .flatten()
            .map(|entry| entry.as_str().unwrap())
            .collect()
    }

    #[test]
    fn acme_has_twelve_clients_and_the_global_one() {
        let clients = clients_of("sandbox");
        assert_eq!(ids(&clients).len(), 13);
        let global: Vec<_> = clients
            .iter()
            .filter(|client| client["global"] == true)
            .collect();
        assert_eq!(global.len(), 1);
        assert_eq!(global[0]["name"], "All Applications");
        for client in &clients {
            assert_eq!(text(client, "client_id").len(), 32, "{client:?}");
            assert_eq!(text(client, "tenant"), "acme");
            for secret in ["client_secret", "signing_keys", "encryption_key"] {
                assert!(!client.contains_key(secret));
            }
        }
        let known = ids(&clients);
        let (inside, outside): (Vec<_>, Vec<_>) = references(&clients)
            .into_iter()
            .partition(|reference| known.contains(reference));
        assert!(inside.len() >= 8, "{inside:?}");
        assert_eq!(outside.len(), 2, "{outside:?}");
    }

    #[test]
    fn dev_and_prod_are_the_same_applications_under_other_ids() {
        let acme = clients_of("anything");
        let dev = clients_of("sandbox-dev");
        let prod = clients_of("sandbox-prod");
        assert!(ids(&dev).is_disjoint(&ids(&prod)));
        assert!(ids(&dev).is_disjoint(&ids(&acme)));
        for (tenant, clients) in [("acme-dev", &dev), ("acme-prod", &prod)] {
            assert_eq!(clients.len(), 13);
            assert!(ids(clients).iter().any(|id| id.starts_with("tpc_")));
            for client in clients {
                assert_eq!(text(client, "tenant"), tenant);
            }
        }
        let known = ids(&dev);
        let translated = references(&dev)
            .into_iter()
            .filter(|id| known.contains(id))
            .count();
        assert_eq!(translated, references(&acme).len() - 2);
        // Ids aside, the two differ in what prod is behind, and in nothing else.
        let to_prod: BTreeMap<String, String> = dev
            .iter()
            .zip(&prod)
            .map(|(dev, prod)| (text(dev, "client_id"), text(prod, "client_id")))
            .map(|(dev, prod)| (dev.to_owned(), prod.to_owned()))
            .collect();
        let mut differing = Vec::new();
        for (dev, prod) in dev.iter().zip(&prod) {
            let mut dev = dev.clone();
            if let Some(Value::Array(entries)) = dev.get_mut("allowed_clients") {
                entries.iter_mut().for_each(|entry| rename(entry, &to_prod));
            }
            let names: BTreeSet<&String> = dev.keys().chain(prod.keys()).collect();
            for name in names {
                if !["client_id", "tenant"].contains(&name.as_str())
                    && dev.get(name) != prod.get(name)
                {
                    differing.push((text(&dev, "name").to_owned(), name.clone()));
                }
            }
        }
        let expected: Vec<_> = behind()
            .into_iter()
            .filter(|(kind, ..)| *kind == clients::KIND.name)
            .map(|(_, client, field, _)| (client.to_owned(), field.to_owned()))
            .collect();
        let sorted = |mut pairs: Vec<(String, String)>| {
            pairs.sort();
            pairs
        };
        assert_eq!(sorted(differing), sorted(expected));
    }

    #[test]
    fn every_kind_is_there_and_what_it_refers_to() {
        for (name, tenant) in [("sandbox", "acme"), ("sandbox-dev", "acme-dev")] {
            let all = with_access(built_in(name), "me", &["read:clients".to_owned()]);
            let texts = |kind: &str, field: &str| -> BTreeSet<String> {
                let texts = all[kind]
                    .iter()
                    .filter_map(|fields| fields.get(field)?.as_str());
                texts.map(str::to_owned).collect()
            };
            for kind in KINDS
                .iter()
                .filter(|kind| kind.name != "attack-protection/suspicious-ip-throttling")
            {
                assert!(!all[kind.name].is_empty(), "{}", kind.name);
                if let Some(many) = kind.collection() {
                    let ids = texts(kind.name, many.id);
                    assert_eq!(ids.len(), all[kind.name].len());
                    let like_example = |id: &String| id.len() == many.example.len();
                    assert!(ids.iter().all(like_example), "{ids:?}");
                }
            }
            let mut clients = texts("clients", "client_id");
            clients.insert("me".to_owned());
            assert!(texts("client-grants", "client_id").is_subset(&clients));
            let apis = texts("resource-servers", "identifier");
            assert!(texts("client-grants", "audience").is_subset(&apis));
            assert!(apis.contains(&format!("https://{tenant}.eu.auth0.com/api/v2/")));
            for permission in all["roles"]
                .iter()
                .filter_map(|role| role.get("permissions")?.as_array())
                .flatten()
            {
                let api = all["resource-servers"].iter().find(|api| {
                    api.get("identifier") == permission.get("resource_server_identifier")
                });
                let scopes = api.unwrap()["scopes"].as_array().unwrap();
                assert!(
                    scopes
                        .iter()
                        .any(|scope| scope["value"] == permission["permission_name"]),
                    "{permission}"
                );
            }
        }
    }

    #[test]
    fn generated_clients_are_the_same_each_time() {
        let clients = generated(250);
        assert_eq!(clients, generated(250));
        let known = ids(&clients);
        assert_eq!(known.len(), 250);
        let references = references(&clients);
        assert!(references.len() > 100);
        assert!(references.iter().all(|reference| known.contains(reference)));
    }
}
