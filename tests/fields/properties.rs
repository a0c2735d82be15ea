//! What holds of any client: it comes back from a pull exactly, and a push makes of it what the file says, in the managed fields and
//! in nothing else.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::Config;
use serde_json::{Map, Value, json};

use super::any_client::{Edit, Fields, Rules};
use super::common::{Bed, without_secrets};
use super::{manage, said};

/// How many cases a property tries; more with `TENANTRY_CASES`.
fn cases() -> Config {
    let asked = std::env::var("TENANTRY_CASES").ok();
    Config {
        cases: asked.and_then(|cases| cases.parse().ok()).unwrap_or(32),
        failure_persistence: None,
        max_shrink_time: 60_000,
        ..Config::default()
    }
}

fn rules() -> Rules {
    Rules::new(include_str!("../../src/kinds/schema/clients.json"))
}

/// The tenant with these clients, with the ids `c0`, `c1`, … and those as names.
fn tenant<'a>(clients: impl IntoIterator<Item = &'a Fields>) -> Bed {
    let numbered = clients.into_iter().enumerate();
    numbered
        .fold(Bed::new(), |bed, (number, client)| {
            let id = format!("c{number}");
            let mut client = client.clone();
            client.insert("name".to_owned(), json!(id));
            bed.client(&id, "", Value::Object(client))
        })
        .start()
}

/// The file of each client by its id, with what it says.
fn files(bed: &Bed) -> BTreeMap<String, (String, Map<String, Value>)> {
    let files = bed.files("tenant/clients").into_keys();
    files
        .map(|path| {
            let fields = said(bed, &path);
            (
                fields["client_id"].as_str().unwrap().to_owned(),
                (path, fields),
            )
        })
        .collect()
}

/// What an edit makes of a value: of an object that the API merges, keys are added and changed, and none goes.
fn edited(field: &str, old: Option<&Value>, new: Value) -> Value {
    const MERGED: [&str; 5] = [
        "jwt_configuration",
        "mobile",
        "native_social_login",
        "session_transfer",
        "signed_request_object",
    ];
    match (old, new) {
        (Some(Value::Object(old)), Value::Object(new)) if MERGED.contains(&field) => {
            let mut both = old.clone();
            both.extend(new);
            Value::Object(both)
        }
        (_, new) => new,
    }
}

/// What a PATCH is to send of a field.
fn sent(field: &str, old: Option<&Value>, new: &Value) -> Value {
    match (field, old, new) {
        ("client_metadata", Some(Value::Object(old)), Value::Object(new)) => {
            let gone = old
                .keys()
                .filter(|key| !new.contains_key(*key))
                .map(|key| (key.clone(), Value::Null));
            let changed = new
                .iter()
                .filter(|(key, value)| old.get(*key) != Some(value));
            let changed = changed.map(|(key, value)| (key.clone(), value.clone()));
            Value::Object(gone.chain(changed).collect())
        }
        _ => new.clone(),
    }
}

/// Values that mean that there is none.
fn is_nothing(field: &str, old: Option<&Value>, new: &Value) -> bool {
    match field {
        "initiate_login_uri" => old.is_none() && *new == json!(""),
        "client_metadata" => old.is_none() && *new == json!({}),
        _ => false,
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn any_client_comes_back_exactly(clients in prop::collection::vec(rules().client(), 1..4), all in any::<bool>(), json in any::<bool>()) {
        let bed = tenant(&clients);
        if all {
            manage(&bed, "all");
        }
        bed.run(["pull", "--format", if json { "json" } else { "yaml" }]).exits(0);
        for (id, (_, fields)) in files(&bed) {
            prop_assert_eq!(fields, without_secrets(bed.live(&id).as_object().unwrap()));
        }
        prop_assert_eq!(bed.run(["diff"]).exits(0).stdout, "no differences\n");
        let before = bed.age();
        bed.run(["pull"]).exits(0);
        bed.assert_untouched(&before);
        bed.run(["push", "--yes"]).exits(0);
        prop_assert_eq!(bed.patches(), []);
        bed.run(["check"]).exits(0);
    }

    #[test]
    fn a_push_makes_of_any_client_what_its_file_says_and_nothing_else(
        edits in prop::collection::vec((rules().client(), rules().edit()), 1..3),
        managed in prop::option::weighted(0.5, prop::sample::subsequence(rules().updatable(), 5..40)),
        is_planned in any::<bool>(),
    ) {
        let bed = tenant(edits.iter().map(|(client, _)| client));
        let is_managed = |field: &str| {
            let is_default = ["name", "description", "allowed_clients"].contains(&field);
            is_default || managed.as_ref().is_none_or(|managed| managed.iter().any(|one| one == field))
        };
        match &managed {
            Some(managed) => manage(&bed, &json!(managed).to_string()),
            None => manage(&bed, "all"),
        }
        bed.pull();
        let (mut expected, mut patches, mut is_held_back) = (BTreeMap::new(), Vec::new(), false);
        for ((id, (path, mut file)), (_, edit)) in files(&bed).into_iter().zip(&edits) {
            let live = bed.live(&id);
            let (mut after, mut patch) = (live.clone(), Map::new());
            let edit: &Edit = edit;
            for (field, new) in edit {
                let old = file.get(field).cloned();
                let new = edited(field, old.as_ref(), new.clone());
                if old.as_ref() == Some(&new) {
                    continue;
                }
                // A saved plan is about what a push sends.
                if is_planned && !is_managed(field) {
                    continue;
                }
                file.insert(field.clone(), new.clone());
                if is_nothing(field, old.as_ref(), &new) {
                    continue;
                }
                if is_managed(field) {
                    patch.insert(field.clone(), sent(field, old.as_ref(), &new));
                    after[field] = new;
                } else {
                    is_held_back = true;
                }
            }
            bed.write(&path, &Value::Object(file).to_string());
            if !patch.is_empty() {
                patches.push((id.clone(), Value::Object(patch)));
            }
            expected.insert(id, after);
        }
        let run = match is_planned {
            true => {
                let plan = bed.run(["diff", "-o", "json"]).exits(i32::from(!patches.is_empty()));
                bed.write("plan.json", &plan.stdout.replace("127.0.0.1:PORT", &bed.address()));
                bed.run(["push", "--yes", "--plan", "plan.json"])
            }
            false => bed.run(["push", "--yes"]),
        };
        prop_assert_eq!(run.code, i32::from(is_held_back), "{}", run);
        prop_assert_eq!(&bed.patches(), &patches);
        for (id, mut expected) in expected {
            let mut live = bed.live(&id);
            for client in [&mut expected, &mut live] {
                // The API serves none where this one was cleared.
                if client.get("initiate_login_uri") == Some(&json!("")) {
                    client.as_object_mut().unwrap().shift_remove("initiate_login_uri");
                }
            }
            prop_assert_eq!(live, expected);
        }
        bed.run(["diff"]).exits(i32::from(is_held_back));
        bed.run(["push", "--yes"]).exits(i32::from(is_held_back));
        prop_assert_eq!(bed.patches().len(), patches.len());
    }
}
