//! The folder that `TENANTRY_RECORDED` names: the official OpenAPI (`clients-openapi.json`) and recorded traffic of real
//! tenants, to hold against what the tests see.
#![allow(clippy::print_stderr)]

use std::path::PathBuf;

use serde_json::{Value, json};

/// A JSON file of that folder; None, and a word about it, where there is none.
pub fn recorded(file: &str) -> Option<Value> {
    let Some(folder) = std::env::var_os("TENANTRY_RECORDED") else {
        eprintln!("skipped: TENANTRY_RECORDED does not name a folder with {file}");
        return None;
    };
    let text = std::fs::read(PathBuf::from(folder).join(file)).unwrap();
    Some(serde_json::from_slice(&text).unwrap())
}

/// What `value` violates of that schema of the OpenAPI.
pub fn violations(openapi: &Value, schema: Value, value: &Value) -> Vec<String> {
    let mut document = schema;
    document["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    document["components"] = openapi["components"].clone();
    let validator = jsonschema::validator_for(&document).unwrap();
    let errors = validator.iter_errors(value);
    errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}
