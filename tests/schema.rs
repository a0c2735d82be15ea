//! The schemas of the kinds' files, held against what they claim: each is standard JSON Schema, and says to any validator what
//! it says to tenantry. With `TENANTRY_RECORDED` they are held against the official documents, field by field, and against
//! recorded resources and updates of real tenants.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
#[path = "schema/kinds.rs"]
mod kinds;
#[path = "schema/official.rs"]
mod official;
#[path = "schema/traffic.rs"]
mod traffic;

use std::collections::{BTreeMap, BTreeSet};

use kinds::{KINDS, Kind};
use serde_json::{Map, Value, json};
use tenantry::schema::Schema;
use traffic::{Traffic, traffic};

impl Kind {
    fn schema(&self) -> Schema {
        Schema::new(self.text)
    }

    fn data(&self) -> Value {
        serde_json::from_str(self.text).unwrap()
    }

    /// The rules of an update, by field, with what they refer to in its place.
    fn updates(&self) -> Map<String, Value> {
        let data = self.data();
        let updates = whole(&data, &data["$defs"]["update"]["properties"]);
        updates.as_object().cloned().unwrap()
    }

    /// Whether the API serves values of the field that an update refuses.
    fn serves_otherwise(&self, field: &str) -> bool {
        let mut listed = self.served_otherwise.iter();
        listed.any(|(other, _)| *other == field)
    }

    /// The rules of a file likewise.
    fn file(&self) -> Value {
        let data = self.data();
        whole(&data, &data["properties"])
    }
}

/// A schema with what it refers to in the references' place; what stands beside a reference comes on top.
fn whole(document: &Value, schema: &Value) -> Value {
    let Some(object) = schema.as_object() else {
        return match schema {
            Value::Array(list) => list.iter().map(|part| whole(document, part)).collect(),
            other => other.clone(),
        };
    };
    let mut all = json!({});
    if let Some(reference) = object.get("$ref") {
        let pointer = reference.as_str().unwrap().strip_prefix('#').unwrap();
        all = whole(document, document.pointer(pointer).unwrap());
    }
    for part in object
        .get("allOf")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        lay(&mut all, whole(document, part));
    }
    for (key, value) in object
        .iter()
        .filter(|(key, _)| *key != "$ref" && *key != "allOf")
    {
        lay(&mut all, json!({ key: whole(document, value) }));
    }
    all
}

fn lay(below: &mut Value, above: Value) {
    match (below, above) {
        (Value::Object(below), Value::Object(above)) => {
            for (key, value) in above {
                match below.get_mut(&key) {
                    Some(known) => lay(known, value),
                    None => drop(below.insert(key, value)),
                }
            }
        }
        (Value::Object(_), Value::Bool(true)) => {}
        (below, above) => *below = above,
    }
}

#[test]
fn they_are_valid_json_schema() {
    for kind in &KINDS {
        let data = kind.data();
        assert_eq!(
            data["$schema"],
            "https://json-schema.org/draft/2020-12/schema"
        );
        let errors = jsonschema::draft202012::meta::validate(&data);
        assert!(errors.is_ok(), "{}: {errors:?}", kind.name);
        let file = kind.file();
        for (field, schema) in file.as_object().unwrap() {
            let text = schema["description"]
                .as_str()
                .unwrap_or_else(|| panic!("{}: {field} has no description", kind.name));
            assert!(
                text.ends_with('.') && !text.trim_end_matches('.').contains(". "),
                "{}: {field}: {text}",
                kind.name
            );
        }
        let names: Vec<&String> = data["properties"].as_object().unwrap().keys().collect();
        let (first, others) = names.split_at(kind.first.len());
        assert_eq!(first, kind.first);
        assert!(others.is_sorted(), "{}: {others:?}", kind.name);
    }
}

/// What can be updated can be written into a file.
#[test]
fn what_can_be_updated_is_a_field() {
    for kind in &KINDS {
        let (schema, updates) = (kind.schema(), kind.updates());
        assert!(!updates.is_empty(), "{}", kind.name);
        for field in updates.keys() {
            assert!(schema.has(field), "{}: {field}", kind.name);
            let is_read_only = kind.file()[field].get("readOnly").is_some();
            assert!(!is_read_only, "{}: {field}", kind.name);
        }
    }
}

/// A file's rules are types and nothing else: what the API serves is as old as the resource, and was valid then.
#[test]
fn a_files_rules_are_types() {
    fn holds(schema: &Value) {
        for (keyword, rule) in schema.as_object().unwrap() {
            match keyword.as_str() {
                "properties" => rule.as_object().unwrap().values().for_each(holds),
                "items" | "additionalProperties" => holds(rule),
                "type" | "description" | "examples" | "readOnly" | "deprecated" => {}
                other => panic!("{other} in {schema}"),
            }
        }
    }
    for kind in &KINDS {
        kind.file().as_object().unwrap().values().for_each(holds);
    }
}

/// Every rule of an update is one that there are words for, and a pattern says what it means.
#[test]
fn an_updates_rules_have_words() {
    fn holds(place: &str, schema: &Value) {
        let Some(schema) = schema.as_object() else {
            return;
        };
        for (keyword, rule) in schema {
            let place = format!("{place}.{keyword}");
            match keyword.as_str() {
                "properties" => {
                    for (key, schema) in rule.as_object().unwrap() {
                        holds(&format!("{place}.{key}"), schema);
                    }
                }
                "items" | "additionalProperties" => holds(&place, rule),
                "pattern" => {
                    let words = &schema["x-messages"]["pattern"]["problem"];
                    assert!(words.is_string(), "{place}");
                }
                "minLength" | "minItems" | "minProperties" => assert_eq!(rule, 1, "{place}"),
                "type" | "enum" | "required" | "maxLength" | "maxProperties" | "minimum"
                | "maximum" => {}
                "description" | "examples" | "x-messages" | "$comment" => {}
                _ => panic!("no words for {place}"),
            }
        }
    }
    for kind in &KINDS {
        for (field, update) in kind.updates() {
            holds(&format!("{}: {field}", kind.name), &update);
        }
    }
}

/// Editors offer the examples: they are what an update takes.
#[test]
fn examples_are_taken() {
    fn holds(place: &str, update: &Value) {
        let Some(object) = update.as_object() else {
            return;
        };
        if let Some(examples) = object.get("examples") {
            let validator = jsonschema::draft202012::new(update).unwrap();
            let examples = examples.as_array().unwrap();
            assert!(
                examples.iter().all(|example| validator.is_valid(example)),
                "{place}"
            );
            if let Some(choices) = object.get("enum") {
                let choices = choices
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter(|choice| !choice.is_null());
                assert!(choices.eq(examples), "{place}");
            }
        }
        assert!(
            !object.contains_key("enum") || object.contains_key("examples"),
            "{place}"
        );
        for (key, value) in object {
            holds(&format!("{place}.{key}"), value);
        }
    }
    for kind in &KINDS {
        for (field, update) in kind.updates() {
            holds(&format!("{}: {field}", kind.name), &update);
        }
    }
}

#[test]
fn where_an_update_takes_null() {
    fn walk(schema: &Schema, path: &mut Vec<String>, rules: &Value, found: &mut Vec<String>) {
        let keys: Vec<&str> = path.iter().map(String::as_str).collect();
        if schema.takes_null(&keys) {
            found.push(path.join("."));
        }
        let properties = rules["properties"].as_object();
        for (key, rules) in properties.into_iter().flatten() {
            path.push(key.clone());
            walk(schema, path, rules, found);
            path.pop();
        }
    }
    let mut found = Vec::new();
    for kind in KINDS.iter().filter(|kind| kind.name != "clients") {
        let updates = json!({"properties": kind.updates()});
        let mut of_kind = Vec::new();
        walk(&kind.schema(), &mut Vec::new(), &updates, &mut of_kind);
        found.extend(of_kind.iter().map(|path| format!("{}: {path}", kind.name)));
    }
    insta::assert_snapshot!(found.join("\n"), @"
    resource-servers: authorization_details
    resource-servers: authorization_policy
    resource-servers: consent_policy
    resource-servers: proof_of_possession
    resource-servers: token_encryption
    client-grants: allow_all_scopes
    client-grants: allow_any_organization
    client-grants: organization_usage
    client-grants: scope
    tenant-settings: acr_values_supported
    tenant-settings: allow_organization_name_in_authentication_api
    tenant-settings: authorization_response_iss_parameter_supported
    tenant-settings: change_password
    tenant-settings: country_codes
    tenant-settings: customize_mfa_in_postlogin_action
    tenant-settings: default_token_quota
    tenant-settings: device_flow
    tenant-settings: error_page
    tenant-settings: guardian_mfa_page
    tenant-settings: mtls
    tenant-settings: pushed_authorization_requests_supported
    tenant-settings: security_headers
    tenant-settings: security_headers.content_security_policy
    tenant-settings: security_headers.content_security_policy.reporting_infrastructure
    tenant-settings: security_headers.content_security_policy.reporting_infrastructure.report_to
    tenant-settings: security_headers.x_xss_protection
    tenant-settings: session_cookie
    tenant-settings: sessions
    tenant-settings: skip_non_verifiable_callback_uri_confirmation_prompt
    log-streams: pii_config
    ");
}

#[test]
fn what_an_update_refuses() {
    let lines = [
        ("resource-servers", "name", json!("<Orders>")),
        ("resource-servers", "scopes", json!([{"description": "x"}])),
        ("resource-servers", "scopes", json!([{"value": "a", "desc": "x"}])),
        ("resource-servers", "token_lifetime", json!(2_592_001)),
        (
            "resource-servers",
            "token_encryption",
            json!({"format": "compact-nested-jwe", "encryption_key": {"alg": "RSA-OAEP-256", "kid": "k"}}),
        ),
        ("client-grants", "scope", json!(["read:orders", ""])),
        ("client-grants", "authorization_details_types", json!(null)),
        ("roles", "description", json!(null)),
        ("roles", "permissions", json!([{"permission_name": "a"}])),
        (
            "roles",
            "permissions",
            json!([{"permission_name": "a", "resource_server_identifier": "b", "description": "c"}]),
        ),
        ("tenant-settings", "session_lifetime", json!(0.5)),
        ("tenant-settings", "idle_session_lifetime", json!(0)),
        ("tenant-settings", "country_codes", json!({"list": ["de"]})),
        ("tenant-settings", "support_email", json!("support")),
        ("tenant-settings", "default_redirection_uri", json!("http://a")),
        ("tenant-settings", "enabled_locales", json!([])),
        ("tenant-settings", "flags", json!({"enable_sso": null})),
        ("tenant-settings", "flags", json!({"enable_ssl": true})),
        ("attack-protection/brute-force-protection", "max_attempts", json!(101)),
        ("attack-protection/brute-force-protection", "allowlist", json!(["localhost"])),
        (
            "attack-protection/suspicious-ip-throttling",
            "stage",
            json!({"pre-login": {"rate": 1}}),
        ),
        (
            "attack-protection/breached-password-detection",
            "stage",
            json!({"pre-change-password": {"shields": ["user_notification"]}}),
        ),
        ("attack-protection/captcha", "active_provider_id", json!("recaptcha")),
        ("attack-protection/captcha", "auth_challenge", json!({})),
        ("log-streams", "status", json!("stopped")),
        ("log-streams", "pii_config", json!({"method": "hash"})),
    ]
    .map(|(name, field, value)| {
        let kind = KINDS.iter().find(|kind| kind.name == name).unwrap();
        let refused = kind.schema().update(field, &value).unwrap_err();
        let hint = refused.hint.map(|hint| format!(" ({hint})"));
        format!("{name}: {field} … {}{}", refused.problem, hint.unwrap_or_default())
    });
    insta::assert_snapshot!(lines.join("\n"), @"
    resource-servers: name … contains `<` or `>` (Auth0 refuses both in a name)
    resource-servers: scopes … lacks `value`
    resource-servers: scopes … has a key `desc` that Auth0 does not know
    resource-servers: token_lifetime … is more than 2592000 (Auth0 takes 0 to 2592000)
    resource-servers: token_encryption … lacks `pem`
    client-grants: scope … is empty
    client-grants: authorization_details_types … may not be null
    roles: description … may not be null
    roles: permissions … lacks `resource_server_identifier`
    roles: permissions … has a key `description` that Auth0 does not know
    tenant-settings: session_lifetime … is a number with a fraction, not a whole number (write whole hours)
    tenant-settings: idle_session_lifetime … is less than 1
    tenant-settings: country_codes … is no country's code (write two capital letters, as in `DE`)
    tenant-settings: support_email … is no email address (write it as in `support@example.com`)
    tenant-settings: default_redirection_uri … is no https URL (begin it with `https://`)
    tenant-settings: enabled_locales … is an empty list
    tenant-settings: flags … may not be null
    tenant-settings: flags … has a key `enable_ssl` that Auth0 does not know (did you mean `enable_sso`?)
    attack-protection/brute-force-protection: max_attempts … is more than 100 (Auth0 takes 1 to 100)
    attack-protection/brute-force-protection: allowlist … is no IP address or network (write it as in `192.0.2.1` or `198.51.100.0/24`)
    attack-protection/suspicious-ip-throttling: stage … is less than 34560 (Auth0 takes 34560 to 86400000)
    attack-protection/breached-password-detection: stage … is `user_notification`, and may be `block`, `admin_notification` (did you mean `admin_notification`?)
    attack-protection/captcha: active_provider_id … is `recaptcha`, and may be `arkose`, `auth_challenge`, `friendly_captcha`, `hcaptcha`, `recaptcha_v2`, `recaptcha_enterprise`, `simple_captcha` (did you mean `recaptcha_v2`?)
    attack-protection/captcha: auth_challenge … lacks `fail_open`
    log-streams: status … is `stopped`, and may be `active`, `paused`, `suspended`
    log-streams: pii_config … lacks `log_fields`
    ");
}

/// Values for a schema of a file, right and wrong ones.
fn samples(schema: &Value) -> Vec<Value> {
    let mut samples = json!([null, true, 0, 1, 12, 1000, 1.5, "", "x", "a<b", [], [""], [1], {}, {"a": 1}, {"a": null}]);
    let samples = samples.as_array_mut().unwrap();
    for text in [
        "https://a",
        "org_a",
        "cop_a",
        "uap_a",
        "cred_a",
        "192.0.2.1",
        "DE",
        &"x".repeat(300),
    ] {
        samples.push(json!(text));
    }
    for choice in schema["enum"].as_array().into_iter().flatten() {
        samples.push(choice.clone());
    }
    if let Some(items) = schema.get("items") {
        let entries = self::samples(items);
        samples.extend(entries.into_iter().map(|entry| json!([entry])));
    }
    let keys: Vec<(String, Vec<Value>)> = schema["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, schema)| (key.clone(), self::samples(schema)))
        .collect();
    for (key, values) in &keys {
        samples.extend(values.iter().map(|value| json!({ key: value })));
    }
    // All keys at once, with the values that each takes, and the same with one that may be wrong.
    let taken = |values: &[Value], schema: &Value| {
        let validator = jsonschema::draft202012::new(schema).unwrap();
        values
            .iter()
            .rfind(|value| validator.is_valid(value))
            .cloned()
    };
    let full: Option<Map<String, Value>> = keys
        .iter()
        .map(|(key, values)| Some((key.clone(), taken(values, &schema["properties"][key])?)))
        .collect();
    for (key, values) in keys.iter().filter(|_| full.is_some()) {
        for value in values {
            let mut object = full.clone().unwrap();
            object.insert(key.clone(), value.clone());
            samples.push(Value::Object(object));
        }
    }
    std::mem::take(samples)
}

#[test]
fn other_validators_read_them_alike() {
    for kind in &KINDS {
        let mut data = kind.data();
        let of_files = jsonschema::draft202012::new(&data).unwrap();
        data["properties"]["an update"] = json!({"$ref": "#/$defs/update"});
        let of_updates = jsonschema::draft202012::new(&data).unwrap();
        let (schema, mut counts) = (kind.schema(), BTreeMap::new());
        for (field, rules) in &kind.updates() {
            for value in samples(rules) {
                let at = || format!("{}: {field}: {value}", kind.name);
                let is_taken = schema.update(field, &value).is_ok();
                let update = json!({"an update": {field: value}});
                assert_eq!(of_updates.is_valid(&update), is_taken, "{}", at());
                let file = json!({ field: value });
                let is_legal = schema.file(file.as_object().unwrap()).is_empty();
                assert_eq!(of_files.is_valid(&file), is_legal, "{}", at());
                let is_wider = kind.wider_in_updates.contains(&field.as_str());
                assert!(is_legal || !is_taken || is_wider, "{}", at());
                *counts.entry((is_legal, is_taken)).or_insert(0) += 1;
            }
        }
        let is_wider = counts.contains_key(&(false, true));
        assert_eq!(is_wider, !kind.wider_in_updates.is_empty(), "{}", kind.name);
        assert!(
            [(true, true), (true, false), (false, false)]
                .iter()
                .all(|case| counts[case] > 10),
            "{}: {counts:?}",
            kind.name
        );
    }
}

#[test]
fn what_the_sandbox_is_seeded_with_is_accepted() {
    let clients: Value =
        serde_json::from_str(include_str!("../fixtures/sandbox/acme.json")).unwrap();
    let mut seed: Value =
        serde_json::from_str(include_str!("../fixtures/sandbox/acme-others.json")).unwrap();
    seed["clients"] = clients;
    for (name, resources) in seed.as_object().unwrap() {
        let kind = KINDS.iter().find(|kind| kind.name == name).unwrap();
        let schema = kind.schema();
        for resource in resources.as_array().unwrap() {
            let resource = resource.as_object().unwrap();
            assert_eq!(schema.file(resource), [], "{name}");
            for (field, value) in resource {
                assert!(schema.has(field), "{name}: {field}");
                if !kind.serves_otherwise(field) {
                    assert_eq!(schema.update(field, value), Ok(()), "{name}: {field}");
                }
            }
        }
    }
}

#[test]
fn what_is_recorded_is_accepted() {
    let Some(mut traffic) = traffic() else {
        return;
    };
    for kind in &KINDS {
        let Traffic { bodies, updates } = traffic.remove(kind.name).unwrap_or_default();
        let schema = kind.schema();
        let (least_bodies, least_updates) = kind.recorded;
        assert!(
            bodies.len() >= least_bodies && updates.len() >= least_updates,
            "{}: {} and {}",
            kind.name,
            bodies.len(),
            updates.len()
        );
        let mut served_otherwise = BTreeSet::new();
        for body in &bodies {
            let body = (kind.as_in_a_file)(body);
            assert_eq!(schema.file(&body), [], "{}: {body:?}", kind.name);
            for (field, value) in &body {
                assert!(schema.has(field), "{}: {field}", kind.name);
                if schema.update(field, value).is_err() {
                    served_otherwise.insert(field.clone());
                }
            }
        }
        let listed = kind.served_otherwise.iter();
        let listed = listed.map(|(field, _)| (*field).to_owned()).collect();
        assert_eq!(served_otherwise, listed, "{}", kind.name);
        let rules = kind.updates();
        let mut without_rules = BTreeSet::new();
        for (field, value) in updates.iter().flatten() {
            let checked = schema.update(field, value);
            assert_eq!(checked, Ok(()), "{}: {field}: {value}", kind.name);
            if !rules.contains_key(field) {
                without_rules.insert(field.as_str());
            }
        }
        let listed = kind.without_rules.iter().copied().collect();
        assert_eq!(without_rules, listed, "{}", kind.name);
    }
    assert!(traffic.is_empty(), "{:?}", traffic.keys());
}
