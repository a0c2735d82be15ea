//! Resource servers, which people call APIs.

use serde_json::{Value, json};

use crate::acme::{ALL, held_back, managing, path, pulled, pulled_as, pushed, said, say, tenant};
use crate::common::Bed;

const ORDERS: &str = "resource-servers/orders-api";
const MANAGEMENT: &str = "resource-servers/auth0-management-api";

#[test]
fn the_secret_that_signs_tokens_is_neither_written_nor_said() {
    let secret = "the-secret-that-signs-tokens";
    let api = json!({"id": "api", "name": "Signed", "identifier": "urn:signed", "signing_alg": "HS256", "signing_secret": secret});
    let setup = tenant().sandbox(|sandbox| sandbox.resource("resource-servers", api));
    let bed = managing(setup, ALL);
    let mut said = String::new();
    for arguments in [
        &["pull", "-v"][..],
        &["list", "-o", "json"],
        &["diff", "-o", "json"],
        &["pull", "-o", "json"],
    ] {
        let run = bed.run(arguments.iter().copied()).exits(0);
        said.push_str(&run.to_string());
    }
    say(&bed, "resource-servers/signed", "token_lifetime", json!(9));
    let run = bed.run(["push", "--yes", "-o", "json"]).exits(0);
    assert_eq!(run.json()["results"][0]["resource"]["token_lifetime"], 9);
    said.push_str(&run.to_string());
    assert!(!said.contains(secret), "{said}");
    // The sandbox makes one up for another API, and keeps none itself.
    assert!(!said.contains("signing_secret"), "{said}");
    for (file, text) in bed.files("tenant").into_iter().chain(bed.files("cache")) {
        assert!(
            !text.contains(secret) && !text.contains("signing_secret"),
            "{file}"
        );
    }
    // Somebody who writes one into a file is told, and nothing goes anywhere.
    say(
        &bed,
        "resource-servers/signed",
        "signing_secret",
        json!("a-secret-by-hand-of-16"),
    );
    let run = bed.run(["check"]).exits(1);
    assert!(run.stdout.contains("signing_secret"), "{run}");
    assert!(!run.to_string().contains("a-secret-by-hand"), "{run}");
    assert_eq!(pushed(&bed, 0), [""; 0]);
}

#[test]
fn the_management_api_is_pulled_and_never_changed() {
    let bed = pulled();
    say(&bed, MANAGEMENT, "token_lifetime", json!(60));
    insta::assert_snapshot!(held_back(&bed), @"resource-servers/auth0-management-api.yaml: token_lifetime: it is the Management API, by which tenantry works");
}

#[test]
fn an_api_of_auth0_s_own_takes_some_fields_only() {
    let api = json!({
        "id": "me", "name": "Auth0 My Account API", "identifier": "https://acme.eu.auth0.com/me/", "is_system": true,
        "token_lifetime": 600, "allow_offline_access": false, "scopes": [{"value": "read:me"}],
        "skip_consent_for_verifiable_first_party_clients": false
    });
    let setup = tenant().sandbox(|sandbox| sandbox.resource("resource-servers", api));
    let bed = pulled_as(setup, ALL);
    let file = "resource-servers/auth0-my-account-api";
    say(&bed, file, "token_lifetime", json!(60));
    say(
        &bed,
        file,
        "skip_consent_for_verifiable_first_party_clients",
        json!(true),
    );
    say(&bed, file, "name", json!("Mine"));
    say(&bed, file, "scopes", json!([]));
    assert_eq!(
        pushed(&bed, 1),
        [
            r#"PATCH resource-servers/me {"skip_consent_for_verifiable_first_party_clients":true,"token_lifetime":60}"#
        ]
    );
    let run = bed.run(["push", "--yes", "-o", "json"]).exits(1);
    let held = &run.json()["results"][0];
    assert_eq!(held["status"], "held_back");
    assert!(
        held["reason"].as_str().unwrap().contains("Auth0's own"),
        "{held}"
    );
    let fields: Vec<&Value> = held["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| &field["field"])
        .collect();
    assert_eq!(fields, ["name", "scopes"]);
}

#[test]
fn what_names_an_api_for_good_is_no_edit_to_send() {
    let bed = pulled();
    say(&bed, ORDERS, "identifier", json!("urn:other"));
    insta::assert_snapshot!(held_back(&bed), @"resource-servers/orders-api.yaml: identifier: push never sends it: it can't be changed once an API is made");
}

#[test]
fn an_api_without_a_name_goes_by_its_identifier() {
    let bed = pulled();
    let file = "resource-servers/https-api-acme-example-reports";
    assert_eq!(said(&bed, file).get("name"), None);
    let run = bed
        .run(["list", "https://api.acme.example/reports"])
        .exits(0);
    assert!(run.stdout.contains("64b0c0ffee00000000000005"), "{run}");
    // Once it has a name, its file stays where it is.
    bed.sandbox.edit_resource(
        "resource-servers",
        "64b0c0ffee00000000000005",
        "name",
        Some(json!("Reports")),
    );
    bed.run(["pull"]).exits(0);
    assert_eq!(said(&bed, file)["name"], "Reports");
}

#[test]
fn what_takes_null_is_cleared_and_the_rest_says_what_to_write() {
    let bed = pulled();
    bed.sandbox.edit_resource(
        "resource-servers",
        "64b0c0ffee00000000000002",
        "consent_policy",
        Some(json!("transactional-authorization-with-mfa")),
    );
    bed.run(["pull"]).exits(0);
    let text = bed.read(&path(ORDERS));
    bed.write(
        &path(ORDERS),
        &text.replace(
            "consent_policy: transactional-authorization-with-mfa",
            "consent_policy: null",
        ),
    );
    assert_eq!(
        pushed(&bed, 0),
        [r#"PATCH resource-servers/64b0c0ffee00000000000002 {"consent_policy":null}"#]
    );
    assert_eq!(bed.run(["diff"]).exits(0).stdout, "no differences\n");
    bed.edit(&path(ORDERS), "name: Orders API", "name: null");
    let run = bed.run(["check"]).exits(1);
    assert!(run.stdout.contains("`name` may not be null"), "{run}");
    assert_eq!(pushed(&bed, 2), [""; 0]);
}

/// Checked offline by the schema of the kind, at the very place.
#[test]
fn check_knows_what_an_update_takes() {
    let bed = pulled();
    say(&bed, ORDERS, "token_lifetime", json!(2_592_001));
    say(&bed, ORDERS, "signing_alg", json!("none"));
    say(&bed, ORDERS, "scopes", json!([{"description": "no value"}]));
    say(&bed, ORDERS, "tokn_lifetime", json!(1));
    let run = bed.run_without_settings(["check"]).exits(1);
    for field in ["token_lifetime", "signing_alg", "scopes", "tokn_lifetime"] {
        assert!(run.stdout.contains(field), "{field}: {run}");
    }
    assert_eq!(pushed(&bed, 2), [""; 0]);
}

#[test]
fn two_apis_of_one_name_have_a_file_each() {
    let api = |id: &str| json!({"id": id, "name": "Twin", "identifier": format!("urn:{id}")});
    let setup = Bed::new().sandbox(|sandbox| {
        sandbox
            .resource("resource-servers", api("one"))
            .resource("resource-servers", api("two"))
    });
    let bed = pulled_as(setup, "manage: {clients: none, resource-servers: all}\n");
    assert_eq!(
        said(&bed, "resource-servers/twin-one")["identifier"],
        "urn:one"
    );
    assert_eq!(
        said(&bed, "resource-servers/twin-two")["identifier"],
        "urn:two"
    );
}
