//! The binary held against reality: recorded clients of real tenants come back exactly, and what it asks obeys the official
//! OpenAPI. It needs the folder that `TENANTRY_RECORDED` names, and says so where there is none.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::recorded::{recorded, violations};
use common::{Bed, without_secrets};
use serde_json::{Map, Value, json};
use tenantry::sandbox::Request;

/// The recorded clients, and a bed with them.
fn replayed() -> Option<(Vec<Map<String, Value>>, Bed)> {
    let recorded = recorded("recorded-clients.json")?;
    let clients = recorded["clients"].as_array().unwrap().clone();
    let bed = Bed::new()
        .sandbox(|sandbox| sandbox.clients(clients.clone()))
        .start();
    let clients = clients
        .iter()
        .map(|client| client.as_object().unwrap().clone());
    Some((clients.collect(), bed))
}

#[test]
fn recorded_clients_come_back_exactly_in_both_formats() {
    for format in ["yaml", "json"] {
        let Some((clients, bed)) = replayed() else {
            return;
        };
        bed.run(["pull", "--format", format]).exits(0);
        let expected: Vec<Value> = clients
            .iter()
            .filter(|client| client.get("global") != Some(&json!(true)))
            .map(|client| Value::Object(without_secrets(client)))
            .collect();
        let mut files: Vec<Value> = bed
            .files("tenant/clients")
            .values()
            .map(|text| match format {
                "yaml" => serde_yaml::from_str(text).unwrap(),
                _ => serde_json::from_str(text).unwrap(),
            })
            .collect();
        assert_eq!(files.len(), expected.len());
        for client in expected {
            let at = files
                .iter()
                .position(|file| file["client_id"] == client["client_id"]);
            assert_eq!(files.swap_remove(at.unwrap()), client);
        }
        assert_eq!(bed.run(["diff"]).exits(0).stdout, "no differences\n");
        let before = bed.age();
        bed.run(["pull"]).exits(0);
        bed.assert_untouched(&before);
        bed.run(["push", "--yes"]).exits(0);
        assert_eq!(bed.patches(), []);
    }
}

#[test]
fn clients_of_one_name_have_a_file_each() {
    let Some((clients, bed)) = replayed() else {
        return;
    };
    bed.run(["pull"]).exits(0);
    let named = clients
        .iter()
        .filter(|client| client["name"] == "Default App")
        .count();
    let files = bed.client_files();
    let files = files
        .iter()
        .filter(|file| file.starts_with("default-app-"))
        .count();
    assert_eq!(files, named);
    assert!(named > 1);
}

/// Every request that pull, diff, push and list make, on tenants of several sizes.
fn requests() -> Vec<Request> {
    let mut requests = Vec::new();
    for (clients, cap) in [(13, 100), (150, 100), (150, 40), (1_010, 100)] {
        let bed = Bed::new()
            .sandbox(|sandbox| sandbox.generated(clients).page_cap(cap))
            .start();
        bed.run(["pull", "--quiet"]).exits(0);
        bed.run(["list"]).exits(0);
        for file in bed.client_files().iter().take(5) {
            let path = format!("tenant/clients/{file}");
            let text = bed.read(&path);
            let text: Vec<_> = text
                .lines()
                .filter(|line| {
                    !["description:", "allowed_clients:", "  - "]
                        .iter()
                        .any(|start| line.starts_with(start))
                })
                .collect();
            let fields = "description: \"\"\nallowed_clients: []\n";
            let text = format!("{}\n", text.join("\n")).replacen(
                "name: ",
                &format!("{fields}name: é "),
                1,
            );
            bed.write(&path, &text);
            bed.run(["push", "--yes", file.trim_end_matches(".yaml")])
                .exits(0);
            bed.write(
                &path,
                &text.replace("description: \"\"", "description: \"ü 🙂\""),
            );
        }
        bed.run(["push", "--yes"]).exits(0);
        bed.run(["diff"]);
        requests.extend(bed.sandbox.requests());
    }
    requests
}

/// A query's parameters, decoded, with the types that their schemas have.
fn parameters(query: &str) -> Vec<(String, Value)> {
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs
        .map(|(name, text)| {
            let value = match text.as_ref() {
                "true" => json!(true),
                "false" => json!(false),
                number
                    if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) =>
                {
                    json!(number.parse::<u64>().unwrap())
                }
                text => json!(text),
            };
            (name.into_owned(), value)
        })
        .collect()
}

#[test]
fn every_request_obeys_the_official_openapi() {
    let Some(openapi) = recorded("clients-openapi.json") else {
        return;
    };
    let requests = requests();
    let patches = requests
        .iter()
        .filter(|request| request.method == "PATCH")
        .count();
    assert!(patches >= 40, "{patches} patches");
    let mut kinds = std::collections::BTreeSet::new();
    for request in requests
        .iter()
        .filter(|request| request.path != "/oauth/token")
    {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let route = match path.strip_prefix("/api/v2/clients").unwrap() {
            "" => "/clients",
            _ => "/clients/{id}",
        };
        let operation = &openapi["paths"][route][request.method.to_ascii_lowercase()];
        assert!(operation.is_object(), "{} {route}", request.method);
        for (name, value) in parameters(query) {
            let known = operation["parameters"].as_array().unwrap().iter();
            let parameter = known
                .into_iter()
                .find(|parameter| parameter["name"] == name.as_str() && parameter["in"] == "query");
            let schema =
                parameter.unwrap_or_else(|| panic!("{name} in {}", request.path))["schema"].clone();
            assert_eq!(
                violations(&openapi, schema, &value),
                [""; 0],
                "{name} in {}",
                request.path
            );
            kinds.insert(format!("{} {route} {name}", request.method));
        }
        match &request.body {
            None => assert_eq!(request.method, "GET"),
            Some(body) => {
                let schema =
                    operation["requestBody"]["content"]["application/json"]["schema"].clone();
                assert_eq!(violations(&openapi, schema, body), [""; 0], "{body}");
                assert!(!body.as_object().unwrap().is_empty());
                kinds.insert(format!("{} {route} body", request.method));
            }
        }
        assert!(request.status < 300, "{request:?}");
    }
    let kinds: Vec<_> = kinds.into_iter().collect();
    insta::assert_snapshot!(kinds.join("\n"), @"
    GET /clients fields
    GET /clients from
    GET /clients include_fields
    GET /clients include_totals
    GET /clients is_global
    GET /clients page
    GET /clients per_page
    GET /clients take
    GET /clients/{id} fields
    GET /clients/{id} include_fields
    PATCH /clients/{id} body
    ");
}

#[test]
fn recorded_updates_are_made_as_they_were() {
    let (Some((_, bed)), Some(exchanges)) = (replayed(), recorded("recorded-exchanges.json"))
    else {
        return;
    };
    bed.run(["pull"]).exits(0);
    let files = bed.files("tenant/clients");
    let mut replayed = 0;
    for patch in exchanges["patches"].as_array().unwrap() {
        let request = &patch["request"];
        let id = request["path"]
            .as_str()
            .unwrap()
            .rsplit('/')
            .next()
            .unwrap();
        let Some((path, text)) = files.iter().find(|(_, text)| text.contains(id)) else {
            continue;
        };
        let old: Value = serde_yaml::from_str(text).unwrap();
        let mut new = old.clone();
        let mut expected = json!({});
        for field in ["name", "description", "allowed_clients"] {
            if let Some(value) = request["body"].get(field) {
                new[field] = value.clone();
                if old.get(field) != Some(value) {
                    expected[field] = value.clone();
                }
            }
        }
        bed.write(path, &new.to_string());
        bed.sandbox.clear_requests();
        bed.run(["push", "--yes", id]).exits(0);
        let sent: Vec<Value> = bed.patches().into_iter().map(|(_, body)| body).collect();
        let expected = Some(expected).filter(|expected| *expected != json!({}));
        assert_eq!(sent, Vec::from_iter(expected), "{id}");
        replayed += 1;
    }
    assert!(replayed > 0);
}
