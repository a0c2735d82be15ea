//! What real tenants served of each kind, replayed: every body comes back exactly, less its secrets, and is no difference after.
//! It needs the folder that `TENANTRY_RECORDED` names, and says so where there is none.
#![allow(clippy::print_stderr)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::acme::{ALL, managing, said, writes};
use crate::common::Bed;

/// The bodies that GETs answered with, by the sandbox's name of their kind. A role has the permissions of some role.
fn bodies() -> Option<BTreeMap<String, Vec<Map<String, Value>>>> {
    let Some(folder) = std::env::var_os("TENANTRY_RECORDED") else {
        eprintln!("skipped: TENANTRY_RECORDED does not name a folder with recorded-kinds.jsonl");
        return None;
    };
    let lines =
        std::fs::read_to_string(PathBuf::from(folder).join("recorded-kinds.jsonl")).unwrap();
    let mut bodies: BTreeMap<String, Vec<Map<String, Value>>> = BTreeMap::new();
    for line in lines.lines() {
        let exchange: Value = serde_json::from_str(line).unwrap();
        if exchange["status"].as_u64().unwrap() >= 300 || exchange["response"].is_null() {
            continue;
        }
        let kind = exchange["kind"].as_str().unwrap();
        let name = match kind {
            "attack-protection" => exchange["path"].as_str().unwrap().trim_start_matches('/'),
            kind => kind,
        };
        // A write's answer of these has what a GET does not serve, and is not what a tenant is read to have.
        let is_read = exchange["method"] == "GET";
        if !is_read && !["resource-servers", "client-grants", "clients"].contains(&kind) {
            continue;
        }
        let body = &exchange["response"];
        let list = body.get(name.replace('-', "_")).unwrap_or(body);
        let found: Vec<&Value> = match list {
            Value::Array(list) => list.iter().collect(),
            one => vec![one],
        };
        let found = found.into_iter().filter_map(Value::as_object).cloned();
        bodies.entry(name.to_owned()).or_default().extend(found);
    }
    Some(bodies)
}

/// Less what the contract calls secrets, spelled out once more than in the code that is tested.
fn without_secrets(kind: &str, body: &Map<String, Value>) -> Value {
    let mut body = match kind {
        "clients" => crate::common::without_secrets(body),
        _ => body.clone(),
    };
    if kind == "resource-servers" {
        body.shift_remove("signing_secret");
    }
    Value::Object(body)
}

/// Pulls, and asserts that it is all that there is to it.
#[track_caller]
fn settles(bed: &Bed) {
    bed.run(["pull"]).exits(0);
    assert_eq!(bed.run(["diff"]).exits(0).stdout, "no differences\n");
    let before = bed.age();
    bed.run(["pull"]).exits(0);
    bed.assert_untouched(&before);
    bed.run(["push", "--yes"]).exits(0);
    assert_eq!(writes(bed), [""; 0]);
}

#[test]
fn what_there_are_many_of_comes_back_exactly() {
    let Some(bodies) = bodies() else { return };
    for kind in ["clients", "resource-servers", "client-grants", "roles"] {
        let mut resources: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
        let id_field = if kind == "clients" { "client_id" } else { "id" };
        for body in &bodies[kind] {
            // Of a list with chosen fields something is left out.
            let Some(id) = body.get(id_field).and_then(Value::as_str) else {
                continue;
            };
            resources.insert(id.to_owned(), body.clone());
        }
        assert!(!resources.is_empty(), "{kind}");
        for format in ["yaml", "json"] {
            let setup = Bed::new().sandbox(|sandbox| {
                let bodies = resources.values().cloned().map(Value::Object);
                bodies.fold(sandbox, |sandbox, body| sandbox.resource(kind, body))
            });
            let bed = managing(setup, ALL);
            bed.run(["pull", "--format", format]).exits(0);
            let mut files: BTreeMap<String, Value> = BTreeMap::new();
            for text in bed.files(&format!("tenant/{kind}")).into_values() {
                let file: Value = match format {
                    "yaml" => serde_yaml::from_str(&text).unwrap(),
                    _ => serde_json::from_str(&text).unwrap(),
                };
                files.insert(file[id_field].as_str().unwrap().to_owned(), file);
            }
            for (id, body) in &resources {
                if body.get("global") == Some(&Value::Bool(true)) {
                    continue;
                }
                let mut expected = without_secrets(kind, body);
                if kind == "roles" {
                    // No role was recorded with its permissions; the list is there all the same.
                    expected["permissions"] = Value::Array(Vec::new());
                }
                assert_eq!(files[id], expected, "{kind} {id}");
            }
            settles(&bed);
        }
    }
}

#[test]
fn what_there_is_one_of_comes_back_exactly() {
    let Some(bodies) = bodies() else { return };
    let mut replayed = 0;
    for (name, of_kind) in &bodies {
        if name != "tenant-settings" && !name.starts_with("attack-protection/") {
            continue;
        }
        for body in of_kind {
            let body = Value::Object(body.clone());
            let setup = Bed::new().sandbox(|sandbox| sandbox.resource(name, body.clone()));
            let bed = managing(setup, ALL);
            bed.run(["pull"]).exits(0);
            assert_eq!(said(&bed, name), body);
            settles(&bed);
            bed.run(["check"]).exits(0);
            replayed += 1;
        }
    }
    assert!(replayed > 20, "{replayed}");
}

#[test]
fn the_permissions_of_a_role_come_back_as_their_two_keys() {
    let Some(bodies) = bodies() else { return };
    let lists = bodies["role-permissions"].iter();
    let lists: Vec<&Value> = lists.filter_map(|body| body.get("permissions")).collect();
    let (mut seen, keys) = (0, ["permission_name", "resource_server_identifier"]);
    for list in lists {
        let two = |permission: &Value| -> Map<String, Value> {
            let kept = keys.map(|key| (key.to_owned(), permission[key].clone()));
            kept.into_iter().collect()
        };
        let mut expected: Vec<Value> = list
            .as_array()
            .unwrap()
            .iter()
            .map(|one| two(one).into())
            .collect();
        expected.sort_by_key(Value::to_string);
        seen += expected.len();
        let role = serde_json::json!({"id": "rol_1", "name": "A", "description": "", "permissions": expected});
        let setup = Bed::new().sandbox(|sandbox| sandbox.resource("roles", role.clone()));
        let bed = managing(setup, "manage: {roles: all}\n");
        bed.run(["pull"]).exits(0);
        assert_eq!(said(&bed, "roles/a"), role);
        settles(&bed);
    }
    assert!(seen > 0);
}
