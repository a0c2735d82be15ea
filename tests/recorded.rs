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

/// Every client that is in a recorded answer, with an id of its own, and a bed with them in which every field is managed.
fn answered() -> Option<(Vec<Map<String, Value>>, Bed)> {
    let exchanges = recorded_lines("recorded-kinds.jsonl")?;
    let answers = exchanges
        .iter()
        .filter(|exchange| exchange["kind"] == "clients");
    let clients = answers.filter_map(|exchange| exchange["response"].as_object());
    let clients = clients.filter(|client| client.contains_key("client_id"));
    let clients = clients.enumerate().map(|(number, client)| {
        let mut client = client.clone();
        client.insert(
            "client_id".to_owned(),
            json!(format!("recorded{number:04}")),
        );
        client
    });
    let clients: Vec<_> = clients.collect();
    assert!(clients.len() > 100, "{} clients", clients.len());
    let served = clients.iter().cloned().map(Value::Object);
    let bed = Bed::new()
        .sandbox(|sandbox| sandbox.clients(served))
        .start();
    Some((clients, bed))
}

/// The objects of a file that has one a line.
fn recorded_lines(file: &str) -> Option<Vec<Value>> {
    let folder = std::env::var_os("TENANTRY_RECORDED")?;
    let text = std::fs::read_to_string(std::path::PathBuf::from(folder).join(file)).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    Some(lines.collect())
}

/// Manages every field.
fn manage_all(bed: &Bed) {
    bed.write("tenant/tenantry.yaml", "manage: {clients: all}\n");
}

#[test]
fn recorded_clients_come_back_exactly_in_both_formats() {
    for (format, all) in [
        ("yaml", false),
        ("json", false),
        ("yaml", true),
        ("json", true),
    ] {
        for recorded in [replayed(), answered()] {
            let Some((clients, bed)) = recorded else {
                return;
            };
            if all {
                manage_all(&bed);
            }
            comes_back(&clients, &bed, format);
        }
    }
}

/// Fails unless a pull has every client exactly, and then everybody has nothing to say.
fn comes_back(clients: &[Map<String, Value>], bed: &Bed, format: &str) {
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
    bed.run(["check"]).exits(0);
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
            let mut client: Value = serde_yaml::from_str(&text).unwrap();
            client["name"] = json!(format!("é {}", client["name"].as_str().unwrap()));
            client["description"] = json!("");
            client["allowed_clients"] = json!([]);
            let text = client.to_string();
            bed.write(&path, &text);
            bed.run(["push", "--yes", file.trim_end_matches(".yaml")])
                .exits(0);
            bed.write(
                &path,
                &text.replace("\"description\":\"\"", "\"description\":\"ü 🙂\""),
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

/// What a recorded update is to send, to a client that says this: what differs, of metadata key by key.
fn differing(
    client: &Value,
    update: &Map<String, Value>,
    is_managed: impl Fn(&str) -> bool,
) -> Map<String, Value> {
    let mut differing = Map::new();
    for (field, new) in update.iter().filter(|(field, _)| is_managed(field)) {
        match (client.get(field), new) {
            (old, new) if old == Some(new) => {}
            (None, Value::Null) => {}
            // What an update does not name stays.
            (Some(Value::Object(old)), Value::Object(new))
                if field != "refresh_token"
                    && new.iter().all(|(key, value)| old.get(key) == Some(value)) => {}
            (old, Value::Object(keys)) if field == "client_metadata" => {
                let old = |key: &String| old.and_then(|old| old.get(key));
                let keys = keys.iter().filter(|(key, value)| old(key) != Some(*value));
                let keys: Map<_, _> = keys
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect();
                if !keys.is_empty() {
                    differing.insert(field.clone(), Value::Object(keys));
                }
            }
            _ => {
                differing.insert(field.clone(), new.clone());
            }
        }
    }
    differing
}

#[test]
fn recorded_updates_are_made_as_they_were() {
    for all in [false, true] {
        let (Some((_, bed)), Some(exchanges)) = (replayed(), recorded("recorded-exchanges.json"))
        else {
            return;
        };
        if all {
            manage_all(&bed);
        }
        bed.run(["pull"]).exits(0);
        let is_managed = |field: &str| match all {
            true => field != "client_secret",
            false => ["name", "description", "allowed_clients"].contains(&field),
        };
        let files = bed.files("tenant/clients");
        let (mut replayed, mut fields) = (0, 0);
        for patch in exchanges["patches"].as_array().unwrap() {
            let request = &patch["request"];
            let id = request["path"]
                .as_str()
                .unwrap()
                .rsplit('/')
                .next()
                .unwrap();
            let Some((path, _)) = files.iter().find(|(_, text)| text.contains(id)) else {
                continue;
            };
            let update = request["body"].as_object().unwrap();
            // The recorded clients are as the updates left them: what was sent is taken away first, where it can be.
            for field in update.keys().filter(|field| all && *field != "name") {
                bed.sandbox.edit(id, field, None);
            }
            bed.run(["pull", "--discard-local"]).exits(0);
            let mut client: Value = serde_yaml::from_str(&bed.read(path)).unwrap();
            let expected = differing(&client, update, is_managed);
            for (field, new) in update.iter().filter(|(field, _)| is_managed(field)) {
                // What an update does not name stays, where the API merges.
                match (client.get_mut(field), new) {
                    (Some(Value::Object(old)), Value::Object(new)) if field != "refresh_token" => {
                        old.extend(new.clone())
                    }
                    _ => client[field] = new.clone(),
                }
            }
            bed.write(path, &client.to_string());
            bed.sandbox.clear_requests();
            bed.run(["push", "--yes", id]).exits(0);
            let sent = bed.patches().into_iter().map(|(_, body)| body);
            let mut sent: Vec<Value> = sent.collect();
            for (field, value) in sent
                .iter_mut()
                .flat_map(|sent| sent.as_object_mut().unwrap())
            {
                // An object goes out as the file has it, with what the update did not name.
                if let (Value::Object(value), Some(Value::Object(named))) =
                    (value, expected.get(field))
                {
                    value.retain(|key, _| named.contains_key(key));
                }
            }
            fields += expected.len();
            let expected = Some(Value::Object(expected)).filter(|expected| *expected != json!({}));
            assert_eq!(sent, Vec::from_iter(expected), "{id}");
            bed.run(["diff", id]).exits(0);
            replayed += 1;
        }
        assert!(replayed > 0 && (fields > 0 || !all));
    }
}
