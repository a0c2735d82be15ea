//! The schema of a client's file, held against what it claims: it is standard JSON Schema, and says to any validator what it
//! says to tenantry. With `TENANTRY_RECORDED` it is held against the official document, field by field, and against
//! recorded clients and updates of real tenants.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::recorded::recorded;
use common::without_secrets;
use serde_json::{Map, Value, json};
use tenantry::schema::Schema;

static CLIENTS: Schema = Schema::new(include_str!("../src/kinds/schema/clients.json"));

fn data() -> Value {
    serde_json::from_str(CLIENTS.text()).unwrap()
}

/// The rules of an update, by field, with what they refer to in its place.
fn updates(data: &Value) -> Map<String, Value> {
    whole(data, &data["$defs"]["update"]["properties"])
        .as_object()
        .cloned()
        .unwrap()
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
fn it_is_valid_json_schema() {
    let data = data();
    assert_eq!(
        data["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    let errors = jsonschema::draft202012::meta::validate(&data);
    assert!(errors.is_ok(), "{errors:?}");
    let fields = data["properties"].as_object().unwrap();
    for (field, schema) in fields {
        let text = schema["description"]
            .as_str()
            .unwrap_or_else(|| panic!("{field} has no description"));
        assert!(
            text.ends_with('.') && !text.trim_end_matches('.').contains(". "),
            "{field}: {text}"
        );
    }
    let names: Vec<&String> = fields.keys().collect();
    assert_eq!(names[..3], ["name", "description", "allowed_clients"]);
    assert!(names[3..].is_sorted());
}

/// A file's rules are types and nothing else: what the API serves is as old as the client, and was valid then.
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
    let data = data();
    let file = whole(&data, &data["properties"]);
    file.as_object().unwrap().values().for_each(holds);
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
    for (field, update) in updates(&data()) {
        holds(&field, &update);
    }
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
fn other_validators_read_it_alike() {
    let mut data = data();
    let updates = updates(&data);
    let of_files = jsonschema::draft202012::new(&data).unwrap();
    data["properties"]["an update"] = json!({"$ref": "#/$defs/update"});
    let of_updates = jsonschema::draft202012::new(&data).unwrap();
    let mut counts = BTreeMap::new();
    for (field, schema) in &updates {
        for value in samples(schema) {
            let is_taken = CLIENTS.update(field, &value).is_ok();
            assert_eq!(
                of_updates.is_valid(&json!({"an update": {field: value}})),
                is_taken,
                "{field}: {value}"
            );
            let file = json!({ field: value });
            let is_legal = CLIENTS.file(file.as_object().unwrap()).is_empty();
            assert_eq!(of_files.is_valid(&file), is_legal, "{field}: {value}");
            // A key of metadata that is null removes the key, which a file says by leaving it out.
            assert!(
                is_legal || !is_taken || field == "client_metadata",
                "{field}: {value}"
            );
            *counts.entry((is_legal, is_taken)).or_insert(0) += 1;
        }
    }
    assert!(
        counts.len() == 4 && counts[&(true, true)] > 500,
        "{counts:?}"
    );
}

#[test]
fn the_sandboxs_clients_are_accepted() {
    let clients: Vec<Map<String, Value>> =
        serde_json::from_str(include_str!("../fixtures/sandbox/acme.json")).unwrap();
    for client in &clients {
        assert_eq!(CLIENTS.file(client), []);
        for (field, value) in client {
            assert!(CLIENTS.has(field), "{field}");
            assert_eq!(CLIENTS.update(field, value), Ok(()), "{field}");
        }
    }
}

/// Where the schema differs from the official document on purpose: the place, the difference, the reason.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    (
        "addons",
        "takes null",
        "recorded: null removes every add-on",
    ),
    (
        "addons.azure_blob.storageAccessKey",
        "is left out",
        "a secret",
    ),
    ("addons.azure_sb.sasKey", "is left out", "a secret"),
    ("addons.firebase.private_key", "is left out", "a secret"),
    ("addons.firebase.private_key_id", "is left out", "a secret"),
    ("addons.firebase.secret", "is left out", "a secret"),
    (
        "addons.layer",
        "required",
        "its other required keys are secrets, which no file has",
    ),
    ("addons.layer.keyId", "is left out", "a secret"),
    ("addons.layer.privateKey", "is left out", "a secret"),
    ("addons.sap_api.servicePassword", "is left out", "a secret"),
    ("addons.wams.masterkey", "is left out", "a secret"),
    (
        "client_metadata",
        "additionalProperties",
        "the official description: text of at most 255 characters, and null removes a key",
    ),
    ("client_secret", "is left out", "a secret"),
    ("encryption_key", "is left out", "a secret"),
    (
        "identity_assertion_authorization_grant",
        "is added",
        "newer than the document, and recorded",
    ),
    (
        "name",
        "minLength",
        "the pattern says the same; this way it has words of its own",
    ),
    (
        "oidc_backchannel_logout",
        "is left out",
        "deprecated: oidc_logout takes its place, and the two must not be sent together",
    ),
    (
        "signed_request_object",
        "takes null",
        "recorded: null clears it",
    ),
    (
        "third_party_security_mode",
        "is left out",
        "an update of it is refused: it is set when the client is made",
    ),
];

/// Where a file's fields are others than those that the official document has the API serve, beside [`DIFFERENCES`].
const SERVED: &[(&str, &str, &str)] = &[
    ("callback_url_template", "is added", "recorded"),
    (
        "config_route",
        "is added",
        "served, though no document has it",
    ),
    (
        "cross_origin_auth",
        "is added",
        "recorded: the deprecated twin of cross_origin_authentication",
    ),
    ("encrypted", "is added", "recorded"),
    (
        "oidc_backchannel_logout",
        "is added",
        "recorded: the deprecated twin of oidc_logout",
    ),
    ("owners", "is added", "recorded"),
    ("signing_keys", "is left out", "a secret"),
];

/// What the rules of an update say otherwise than the official ones.
fn differences(
    place: &str,
    official: &Value,
    ours: &Value,
    found: &mut BTreeSet<(String, String)>,
) {
    let mut differs = |what: &str| {
        found.insert((place.to_owned(), what.to_owned()));
    };
    let (mut theirs, mut own) = (types(official), types(ours));
    if own.contains("null") && theirs.insert("null".to_owned()) {
        differs("takes null");
    }
    if theirs.contains("null") && own.insert("null".to_owned()) {
        differs("takes no null");
    }
    if theirs != own {
        differs("type");
    }
    // A format is a pattern here, which may be looser: formats have no public definition. A choice has its own length.
    let has_format = ["format", "oneOf"]
        .iter()
        .any(|keyword| official.get(keyword).is_some());
    let is_choice = official.get("enum").is_some();
    let limits = [
        "minLength",
        "maxLength",
        "pattern",
        "minimum",
        "maximum",
        "minItems",
        "maxItems",
        "minProperties",
        "maxProperties",
        "uniqueItems",
    ];
    for keyword in limits {
        let length = ["minLength", "pattern"].contains(&keyword) && (has_format || is_choice);
        let official = official
            .get(keyword)
            .filter(|limit| **limit != 0 || keyword == "minimum");
        if !length && official != ours.get(keyword) {
            differs(keyword);
        }
    }
    for keyword in ["enum", "required"] {
        let set = |schema: &Value| -> BTreeSet<String> {
            let values = schema.get(keyword).and_then(Value::as_array);
            values.into_iter().flatten().map(Value::to_string).collect()
        };
        if set(official) != set(ours) {
            differs(keyword);
        }
    }
    let more = |schema: &Value| {
        schema
            .get("additionalProperties")
            .cloned()
            .unwrap_or(json!(true))
    };
    if more(official) != more(ours) {
        differs("additionalProperties");
    }
    match (official.get("items"), ours.get("items")) {
        (Some(official), Some(ours)) => differences(&format!("{place}[]"), official, ours, found),
        (None, Some(ours)) => {
            let lists = official["oneOf"].as_array().into_iter().flatten();
            let items = lists.filter_map(|one| one.get("items")).next().unwrap();
            differences(&format!("{place}[]"), items, ours, found);
        }
        (None, None) => {}
        (Some(_), None) => differs("items"),
    }
    each_property(
        place,
        &official["properties"],
        &ours["properties"],
        found,
        differences,
    );
}

/// Compares what both have by name, and notes what only one has.
fn each_property(
    place: &str,
    official: &Value,
    ours: &Value,
    found: &mut BTreeSet<(String, String)>,
    compare: fn(&str, &Value, &Value, &mut BTreeSet<(String, String)>),
) {
    let names = |schema: &Value| {
        schema
            .as_object()
            .into_iter()
            .flat_map(Map::keys)
            .cloned()
            .collect::<BTreeSet<_>>()
    };
    for name in names(official).union(&names(ours)) {
        let inner = match place {
            "" => name.clone(),
            _ => format!("{place}.{name}"),
        };
        match (official.get(name), ours.get(name)) {
            (Some(official), Some(ours)) => compare(&inner, official, ours, found),
            (Some(_), None) => drop(found.insert((inner, "is left out".to_owned()))),
            _ => drop(found.insert((inner, "is added".to_owned()))),
        }
    }
}

fn types(schema: &Value) -> BTreeSet<String> {
    let named = |types: &Value| match types {
        Value::String(name) => vec![name.clone()],
        types => types
            .as_array()
            .into_iter()
            .flatten()
            .map(|name| name.as_str().unwrap().to_owned())
            .collect(),
    };
    let choices = schema["oneOf"].as_array().into_iter().flatten();
    let choices = choices.flat_map(|choice| named(&choice["type"]));
    named(&schema["type"]).into_iter().chain(choices).collect()
}

#[test]
fn an_update_obeys_the_official_document() {
    let Some(openapi) = recorded("clients-openapi.json") else {
        return;
    };
    let official = whole(
        &openapi,
        &openapi["components"]["schemas"]["UpdateClientRequestContent"]["properties"],
    );
    let mut found = BTreeSet::new();
    each_property(
        "",
        &official,
        &Value::Object(updates(&data())),
        &mut found,
        differences,
    );
    assert_listed(&found, DIFFERENCES);
}

/// Every difference is listed, and no other one is.
fn assert_listed(found: &BTreeSet<(String, String)>, list: &[(&str, &str, &str)]) {
    let listed = list.iter();
    let listed = listed.map(|(place, what, _)| ((*place).to_owned(), (*what).to_owned()));
    let listed: BTreeSet<(String, String)> = listed.collect();
    let new: Vec<_> = found.difference(&listed).collect();
    let stale: Vec<_> = listed.difference(found).collect();
    assert!(
        new.is_empty() && stale.is_empty(),
        "not listed: {new:?}, stale: {stale:?}"
    );
}

/// What the API serves by the official document and a file may not hold, or the schema does not know.
fn refused(place: &str, official: &Value, ours: &Value, found: &mut BTreeSet<(String, String)>) {
    let own = types(ours);
    if !own.is_empty() && !types(official).is_subset(&own) {
        found.insert((place.to_owned(), "type".to_owned()));
    }
    if official["additionalProperties"] == true && ours.get("additionalProperties").is_some() {
        found.insert((place.to_owned(), "additionalProperties".to_owned()));
    }
    if let (Some(official), Some(ours)) = (official.get("items"), ours.get("items")) {
        refused(&format!("{place}[]"), official, ours, found);
    }
    each_property(
        place,
        &official["properties"],
        &ours["properties"],
        found,
        refused,
    );
}

#[test]
fn a_file_takes_what_the_api_serves_by_the_official_document() {
    let Some(openapi) = recorded("clients-openapi.json") else {
        return;
    };
    let schemas = &openapi["components"]["schemas"];
    let served = whole(&openapi, &schemas["GetClientResponseContent"]["properties"]);
    let data = data();
    let mut found = BTreeSet::new();
    let ours = whole(&data, &data["properties"]);
    each_property("", &served, &ours, &mut found, refused);
    found.retain(|(place, what)| {
        !DIFFERENCES
            .iter()
            .any(|(other, difference, _)| (*other, *difference) == (place, what))
    });
    assert_listed(&found, SERVED);
}

/// Recorded traffic of real tenants.
struct Traffic {
    /// Every client that was served, in whatever answer.
    clients: Vec<Map<String, Value>>,
    /// The body of every update that was accepted.
    updates: Vec<Map<String, Value>>,
}

fn traffic() -> Option<Traffic> {
    let folder = std::path::PathBuf::from(std::env::var_os("TENANTRY_RECORDED")?);
    let object = |value: &Value| value.as_object().cloned().unwrap();
    let (mut clients, mut updates) = (Vec::new(), Vec::new());
    for client in recorded("recorded-clients.json")?["clients"]
        .as_array()
        .unwrap()
    {
        clients.push(object(client));
    }
    for patch in recorded("recorded-exchanges.json")?["patches"]
        .as_array()
        .unwrap()
    {
        updates.push(object(&patch["request"]["body"]));
        clients.push(object(&patch["response"]["body"]));
    }
    let lines = std::fs::read_to_string(folder.join("recorded-kinds.jsonl")).unwrap();
    for line in lines.lines() {
        let exchange: Value = serde_json::from_str(line).unwrap();
        if exchange["kind"] != "clients"
            || !(exchange["status"] == 200 || exchange["status"] == 201)
        {
            continue;
        }
        let answer = &exchange["response"];
        match answer.get("clients").unwrap_or(answer) {
            Value::Array(list) => clients.extend(list.iter().map(object)),
            client => clients.push(object(client)),
        }
        if exchange["method"] == "PATCH" {
            updates.push(object(&exchange["request"]));
        }
    }
    Some(Traffic { clients, updates })
}

#[test]
fn recorded_clients_and_updates_are_accepted() {
    let Some(Traffic {
        clients,
        updates: patches,
    }) = traffic()
    else {
        return;
    };
    assert!(
        clients.len() > 200 && patches.len() > 20,
        "{} and {}",
        clients.len(),
        patches.len()
    );
    for client in &clients {
        let client = without_secrets(client);
        assert_eq!(CLIENTS.file(&client), [], "{client:?}");
        assert!(client.keys().all(|field| CLIENTS.has(field)), "{client:?}");
    }
    let updates = updates(&data());
    let mut without_rules = BTreeSet::new();
    for (field, value) in patches.iter().flatten() {
        assert_eq!(CLIENTS.update(field, value), Ok(()), "{field}: {value}");
        if !updates.contains_key(field) {
            without_rules.insert(field.as_str());
        }
    }
    // A secret, which no push sends.
    assert_eq!(without_rules, BTreeSet::from(["client_secret"]));
}
