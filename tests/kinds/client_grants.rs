//! Client grants: which client may ask for which scopes of an API.

use serde_json::json;

use crate::acme::{ALL, OWN, held_back, path, pulled, pulled_as, pushed, said, say, tenant};
use crate::common::Bed;

const ORDERS: &str = "https://api.acme.example/orders";

#[test]
fn a_file_is_named_by_client_and_api_and_twins_are_told_apart() {
    let grant = |id: &str, subject: &str| json!({"id": id, "client_id": "Wq7mZr3KfT9xLd2PbVn8sHc5YgJ4uEaR", "audience": "urn:acme:orders", "scope": [], "subject_type": subject});
    let third = json!({"id": "cgr_third", "default_for": "third_party_clients", "audience": "urn:acme:orders", "scope": []});
    let strange =
        json!({"id": "cgr_strange", "client_id": "gone", "audience": "urn:unknown", "scope": []});
    let api = json!({"id": "orders", "name": "Orders", "identifier": "urn:acme:orders"});
    let setup = tenant().sandbox(|sandbox| {
        let sandbox = sandbox.resource("resource-servers", api);
        [
            grant("cgr_one1", "client"),
            grant("cgr_two2", "user"),
            third,
            strange,
        ]
        .into_iter()
        .fold(sandbox, |sandbox, grant| {
            sandbox.resource("client-grants", grant)
        })
    });
    let bed = pulled_as(setup, ALL);
    for (file, id) in [
        ("storefront--orders-cgr-one1", "cgr_one1"),
        ("storefront--orders-cgr-two2", "cgr_two2"),
        ("third-party-clients--orders", "cgr_third"),
        ("gone--urn-unknown", "cgr_strange"),
        (
            "reporting-api--https-api-acme-example-reports",
            "cgr_rep0rtingRead006",
        ),
    ] {
        assert_eq!(
            said(&bed, &format!("client-grants/{file}"))["id"],
            id,
            "{file}"
        );
    }
}

/// Where neither clients nor APIs are read, a grant goes by the ids that it has.
#[test]
fn names_need_no_more_than_what_is_managed() {
    let bed = pulled_as(tenant(), "manage: {clients: none, client-grants: all}\n");
    let files = bed.files("tenant/client-grants");
    assert!(
        files.contains_key("tenant/client-grants/rp3xmv9ktb5nwz2jqhc8dls6fyg4etue--https-api-acme-example-reports.yaml"),
        "{:?}",
        files.keys()
    );
}

#[test]
fn the_tool_s_own_grant_and_those_of_auth0_s_own_are_never_changed() {
    let grant = json!({"id": "cgr_system", "client_id": OWN, "audience": ORDERS, "scope": ["read:orders"], "is_system": true});
    let other = json!({"id": "cgr_other", "client_id": "Wq7mZr3KfT9xLd2PbVn8sHc5YgJ4uEaR", "audience": "https://acme.eu.auth0.com/api/v2/", "scope": []});
    let setup = tenant().sandbox(|sandbox| {
        sandbox
            .resource("client-grants", grant)
            .resource("client-grants", other)
    });
    let bed = pulled_as(setup, ALL);
    say(
        &bed,
        "client-grants/deploy-ci--auth0-management-api",
        "scope",
        json!([]),
    );
    say(
        &bed,
        "client-grants/deploy-ci--orders-api",
        "scope",
        json!([]),
    );
    // Another client's grant to the Management API is nobody's access to this tool.
    say(
        &bed,
        "client-grants/storefront--auth0-management-api",
        "scope",
        json!(["read:users"]),
    );
    assert_eq!(
        pushed(&bed, 1),
        [r#"PATCH client-grants/cgr_other {"scope":["read:users"]}"#]
    );
    insta::assert_snapshot!(held_back(&bed), @"
    client-grants/deploy-ci--auth0-management-api.yaml: scope: it is the grant by which tenantry works
    client-grants/deploy-ci--orders-api.yaml: scope: it is Auth0's own, and takes no update
    ");
}

#[test]
fn what_a_grant_is_for_can_t_be_edited() {
    let bed = pulled();
    let file = "client-grants/order-service--billing-api";
    say(&bed, file, "audience", json!(ORDERS));
    say(&bed, file, "scope", json!(["read:invoices"]));
    assert_eq!(
        pushed(&bed, 1),
        [r#"PATCH client-grants/cgr_oRdersBiLLing001 {"scope":["read:invoices"]}"#]
    );
    insta::assert_snapshot!(held_back(&bed), @"client-grants/order-service--billing-api.yaml: audience: push never sends it: it can't be changed once a grant is made");
}

/// All scopes take the place of the scopes: what the tenant made of it is in the file after, and nothing differs.
#[test]
fn all_scopes_in_place_of_some() {
    let bed = pulled();
    let file = "client-grants/order-service--billing-api";
    say(&bed, file, "scope", json!(null));
    say(&bed, file, "allow_all_scopes", json!(true));
    assert_eq!(
        pushed(&bed, 0),
        [r#"PATCH client-grants/cgr_oRdersBiLLing001 {"allow_all_scopes":true}"#]
    );
    assert_eq!(bed.run(["diff"]).exits(0).stdout, "no differences\n");
    let file = bed.read(&path(file));
    assert!(!file.contains("scope:"), "{file}");
}

#[test]
fn a_removed_scope_is_a_risk_and_another_order_is_an_edit() {
    let bed = pulled();
    let file = "client-grants/warehouse-sync--warehouse-stock";
    say(&bed, file, "scope", json!(["read:stock", "move:stock"]));
    let plan = bed.run(["diff", "-o", "json"]).exits(1).json();
    assert_eq!(plan["summary"]["edit"], 1);
    assert_eq!(plan["summary"]["risk"], 0);
    say(&bed, file, "scope", json!(["read:stock"]));
    let plan = bed.run(["diff", "-o", "json"]).exits(1).json();
    assert_eq!(
        plan["resources"][0]["fields"][0]["risk"],
        "requests for `move:stock` are refused at once"
    );
}

#[test]
fn many_grants_are_read_by_checkpoints() {
    let grants = (0..1_050).map(|number| {
        json!({"id": format!("cgr_{number:04}"), "client_id": format!("c{number:04}"), "audience": ORDERS, "scope": []})
    });
    let setup = Bed::new().sandbox(|sandbox| {
        grants.fold(sandbox, |sandbox, grant| {
            sandbox.resource("client-grants", grant)
        })
    });
    let bed = setup.start();
    bed.write(
        "tenant/tenantry.yaml",
        "manage: {clients: none, client-grants: all}\n",
    );
    bed.run(["pull"]).exits(0);
    // The application's own grant is one more; one page says how many there are, and eleven have them.
    assert_eq!(bed.files("tenant/client-grants").len(), 1_051);
    assert_eq!(bed.count("GET /api/v2/client-grants"), 12);
}

/// A grant that the tenant does not have any more goes by its client and its API, as it did when it was there.
#[test]
fn a_grant_that_only_has_a_file_is_called_by_what_it_refers_to() {
    let bed = pulled();
    let file = "client-grants/order-service--billing-api";
    bed.sandbox
        .delete_resource("client-grants", "cgr_oRdersBiLLing001");
    let name = "Order Service → Billing API";
    let diff = bed.run(["diff"]).exits(1);
    let line = format!("{file}.yaml  {name} cgr_oRdersBiLLing001\n");
    assert!(diff.stdout.starts_with(&line), "{diff}");
    let plan = bed.run(["diff", "-o", "json"]).exits(1).json();
    assert_eq!(plan["resources"][0]["name"], name);
    let markdown = bed.run(["diff", "-o", "markdown"]).exits(1).stdout;
    assert!(markdown.contains(&format!("| {name} |")), "{markdown}");
    let pull = bed.run(["pull", "-o", "json"]).exits(1).json();
    let grants = pull["resources"].as_array().unwrap().iter();
    let gone: Vec<_> = grants.filter(|one| one["status"] == "gone").collect();
    assert_eq!(gone.len(), 1, "{pull}");
    assert_eq!(gone[0]["name"], name);
    // A reference to nothing is no name, and neither is it that of something else.
    say(&bed, file, "client_id", json!(""));
    let plan = bed.run(["diff", "-o", "json"]).exits(1).json();
    assert_eq!(plan["resources"][0]["name"], "Billing API");
}

/// Offline: what the API's own file does not define, nobody can grant.
#[test]
fn check_finds_a_scope_that_the_api_does_not_have() {
    let bed = pulled();
    let file = "client-grants/order-service--billing-api";
    let scope = said(&bed, file)["scope"].clone();
    let mut more = scope.as_array().unwrap().clone();
    more.push(json!("no:such"));
    say(&bed, file, "scope", json!(more));
    let run = bed.run_without_settings(["check"]).exits(1);
    let finding = format!(
        "the API {} has no `no:such`",
        said(&bed, file)["audience"].as_str().unwrap()
    );
    assert_eq!(run.stdout.matches("has no `").count(), 1, "{run}");
    assert!(run.stdout.contains(&finding), "{run}");
    // With the scope in the API's file it is there once both are pushed.
    let api = "resource-servers/billing-api";
    let before = bed.read(&path(api));
    let mut scopes = said(&bed, api)["scopes"].as_array().unwrap().clone();
    scopes.push(json!({"value": "no:such", "description": "now there"}));
    say(&bed, api, "scopes", json!(scopes));
    bed.run_without_settings(["check"]).exits(0);
    // A file that does not say which scopes there are says nothing against one.
    bed.write(&path(api), &before);
    say(&bed, api, "scopes", json!(null));
    bed.run_without_settings(["check"]).exits(0);
}

#[test]
fn check_finds_a_reference_to_nothing() {
    let bed = pulled();
    let file = "client-grants/order-service--billing-api";
    for (field, meant) in [
        ("client_id", "write the client_id of a client"),
        ("audience", "write the identifier of an API"),
    ] {
        let before = bed.read(&path(file));
        say(&bed, file, field, json!(""));
        let run = bed.run_without_settings(["check"]).exits(1);
        let finding = format!("`{field}` is empty, and refers to nothing");
        assert_eq!(run.stdout.matches(&finding).count(), 1, "{run}");
        assert!(run.stdout.contains(meant), "{run}");
        bed.write(&path(file), &before);
    }
    // What the rules of an update say already is not said twice.
    say(&bed, "clients/storefront", "allowed_clients", json!([""]));
    let run = bed.run_without_settings(["check"]).exits(1);
    assert_eq!(run.stdout.matches("storefront.yaml:").count(), 1, "{run}");
}
