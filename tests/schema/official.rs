//! The schemas held against the official document: what differs is listed, with its reason, and nothing else is.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::common::recorded::recorded;
use crate::kinds::{Difference, KINDS, Kind, Official};
use crate::{lay, whole};

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
    let has_format = ["format", "oneOf", "anyOf"]
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
        let length = ["minLength", "pattern"].contains(&keyword) && (has_format || is_choice)
            || keyword == "maxLength" && is_choice;
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
    let (official_more, own_more) = (more(official), more(ours));
    let are_schemas = official_more.is_object() && own_more.is_object();
    if !are_schemas && official_more != own_more {
        differs("additionalProperties");
    }
    // Of a choice the list is what says of what entries.
    let lists = official["oneOf"].as_array().into_iter().flatten();
    let official_items = [official].into_iter().chain(lists);
    let official_items = official_items.filter_map(|list| list.get("items")).next();
    if official_items.is_some() != ours.get("items").is_some() {
        differs("items");
    }
    if let (Some(official), Some(ours)) = (official_items, ours.get("items")) {
        differences(&format!("{place}[]"), official, ours, found);
    }
    if are_schemas {
        differences(&format!("{place}.*"), &official_more, &own_more, found);
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

impl Official {
    /// The properties of those schemas together, each whole; None where the document is not at hand.
    fn properties(&self, schemas: &[&str]) -> Option<Value> {
        let openapi = recorded(self.document)?;
        let mut all = json!({});
        for name in schemas {
            let properties = &openapi["components"]["schemas"][name]["properties"];
            assert!(properties.is_object(), "{name}");
            lay(&mut all, whole(&openapi, properties));
        }
        Some(all)
    }
}

#[test]
fn an_update_obeys_the_official_document() {
    for kind in &KINDS {
        let Some(official) = &kind.official else {
            continue;
        };
        let Some(official) = official.properties(official.updates) else {
            return;
        };
        let mut found = BTreeSet::new();
        let ours = Value::Object(kind.updates());
        each_property("", &official, &ours, &mut found, differences);
        assert_listed(kind, &found, kind.differences);
    }
}

/// Every difference is listed, and no other one is.
fn assert_listed(kind: &Kind, found: &BTreeSet<(String, String)>, list: &[Difference]) {
    let listed = list.iter();
    let listed = listed.map(|(place, what, _)| ((*place).to_owned(), (*what).to_owned()));
    let listed: BTreeSet<(String, String)> = listed.collect();
    let new: Vec<_> = found.difference(&listed).collect();
    let stale: Vec<_> = listed.difference(found).collect();
    assert!(
        new.is_empty() && stale.is_empty(),
        "{}: not listed: {new:?}, stale: {stale:?}",
        kind.name
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
    for kind in &KINDS {
        let Some(official) = &kind.official else {
            continue;
        };
        let Some(mut served) = official.properties(&[official.serves]) else {
            return;
        };
        // A file may say what an update takes, too, also where the API serves it under another name or not at all.
        for (field, update) in official
            .properties(official.updates)
            .unwrap()
            .as_object()
            .unwrap()
        {
            if served.get(field).is_none() {
                served[field] = update.clone();
            }
        }
        let mut found = BTreeSet::new();
        each_property("", &served, &kind.file(), &mut found, refused);
        found.retain(|(place, what)| {
            let mut listed = kind.differences.iter();
            !listed.any(|(other, difference, _)| (*other, *difference) == (place, what))
        });
        assert_listed(kind, &found, kind.served);
    }
}
