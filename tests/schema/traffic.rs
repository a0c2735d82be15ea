//! Recorded traffic of real tenants, kind by kind.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::common::recorded::recorded;

/// Recorded traffic of real tenants.
#[derive(Default)]
pub struct Traffic {
    /// Every resource that was served, in whatever answer.
    pub bodies: Vec<Map<String, Value>>,
    /// The body of every update that was accepted.
    pub updates: Vec<Map<String, Value>>,
}

/// The traffic of each kind by its name.
pub fn traffic() -> Option<BTreeMap<String, Traffic>> {
    let folder = std::path::PathBuf::from(std::env::var_os("TENANTRY_RECORDED")?);
    let object = |value: &Value| value.as_object().cloned().unwrap();
    let mut traffic: BTreeMap<String, Traffic> = BTreeMap::new();
    let of_clients = traffic.entry("clients".to_owned()).or_default();
    let clients = recorded("recorded-clients.json")?;
    let clients = clients["clients"].as_array().unwrap().iter().map(object);
    of_clients.bodies.extend(clients);
    for patch in recorded("recorded-exchanges.json")?["patches"]
        .as_array()
        .unwrap()
    {
        of_clients.updates.push(object(&patch["request"]["body"]));
        of_clients.bodies.push(object(&patch["response"]["body"]));
    }
    let lines = std::fs::read_to_string(folder.join("recorded-kinds.jsonl")).unwrap();
    for line in lines.lines() {
        let exchange: Value = serde_json::from_str(line).unwrap();
        let (method, path) = (&exchange["method"], exchange["path"].as_str().unwrap());
        let is_accepted = exchange["status"] == 200 || exchange["status"] == 201;
        if !is_accepted || method == "DELETE" {
            continue;
        }
        let (request, answer) = (&exchange["request"], &exchange["response"]);
        // The permissions of a role have requests of their own, and are a field in its file.
        if exchange["kind"] == "role-permissions" {
            let roles = traffic.entry("roles".to_owned()).or_default();
            match method == "GET" {
                true => roles
                    .bodies
                    .push(object(&json!({"permissions": answer["permissions"]}))),
                false => roles.updates.push(object(request)),
            }
            continue;
        }
        // A part of the attack protection is a kind of its own, which the path names.
        let name = match exchange["kind"].as_str().unwrap() {
            "attack-protection" => path.trim_start_matches('/'),
            name => name,
        };
        let of_kind = traffic.entry(name.to_owned()).or_default();
        match answer.get(name.replace('-', "_")).unwrap_or(answer) {
            Value::Array(list) => of_kind.bodies.extend(list.iter().map(object)),
            body => of_kind.bodies.push(object(body)),
        }
        if method == "PATCH" {
            of_kind.updates.push(object(request));
        }
    }
    Some(traffic)
}
