//! What each kind costs: the requests of a pull, counted, and the order of writes.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use crate::acme::{ALL, managing, pulled, pushed, reads, said, say, tenant};
use crate::common::Bed;

#[test]
fn a_pull_asks_once_a_kind_and_once_a_role() {
    let bed = managing(tenant(), ALL);
    let whole = "\
1 attack-protection/bot-detection
1 attack-protection/breached-password-detection
1 attack-protection/brute-force-protection
1 attack-protection/captcha
1 attack-protection/suspicious-ip-throttling
1 client-grants
1 clients
1 log-streams
1 resource-servers
1 roles
1 roles/rol_bo0kkeeping00003/permissions
1 roles/rol_cUst0merCare0001/permissions
1 roles/rol_newc0mer00000004/permissions
1 roles/rol_wareh0useLead002/permissions
1 tenants/settings";
    for command in ["pull", "pull", "diff", "list"] {
        bed.sandbox.clear_requests();
        bed.run([command]).exits(0);
        assert_eq!(reads(&bed), whole, "{command}");
    }
}

#[test]
fn a_kind_takes_a_request_for_a_hundred() {
    let numbers = 0..250;
    let setup = Bed::new().sandbox(|sandbox| {
        numbers.fold(sandbox, |sandbox, number| {
            let identifier = format!("urn:{number}");
            sandbox
                .resource(
                    "resource-servers",
                    json!({"id": format!("a{number:03}"), "identifier": identifier}),
                )
                .resource(
                    "roles",
                    json!({"id": format!("rol_{number:03}"), "name": format!("Role {number:03}")}),
                )
        })
    });
    let bed = managing(
        setup,
        "manage: {clients: none, resource-servers: all, roles: all}\n",
    );
    bed.run(["pull"]).exits(0);
    // The Management API is one more.
    assert_eq!(bed.files("tenant/resource-servers").len(), 251);
    assert_eq!(bed.count("GET /api/v2/resource-servers?"), 3);
    assert_eq!(bed.count("GET /api/v2/roles?"), 3);
    assert_eq!(bed.count("GET /api/v2/roles/"), 250);
    assert_eq!(bed.api_requests().len(), 256);
}

/// What is not named is neither read nor written, whatever there is of it.
#[test]
fn a_kind_that_is_not_named_is_left_alone() {
    let bed = pulled();
    bed.write("tenant/tenantry.yaml", "manage: {roles: [name]}\n");
    say(
        &bed,
        "resource-servers/orders-api",
        "token_lifetime",
        json!(1),
    );
    say(&bed, "tenant-settings", "friendly_name", json!("Other"));
    let entries = |bed: &Bed| {
        let mut lock = bed.lock();
        for managed in ["clients", "roles"] {
            lock.as_object_mut().unwrap().remove(managed);
        }
        lock
    };
    let before = entries(&bed);
    bed.run(["pull"]).exits(0);
    assert_eq!(entries(&bed), before);
    say(
        &bed,
        "attack-protection/captcha",
        "active_provider_id",
        json!("x"),
    );
    // Somebody who edited there is told, and no file is taken for gone.
    let told = bed.run(["diff"]).exits(0).stderr;
    assert_eq!(bed.run(["push", "--yes"]).exits(0).stderr, told);
    insta::assert_snapshot!(told, @"
    attack-protection/captcha.yaml is not managed: what is edited there is neither compared nor sent; `manage: {attack-protection: [captcha]}` in tenantry.yaml manages it
    resource-servers/ is not managed: what is edited there is neither compared nor sent; `manage: {resource-servers: all}` in tenantry.yaml manages it
    tenant-settings.yaml is not managed: what is edited there is neither compared nor sent; `manage: {tenant-settings: all}` in tenantry.yaml manages it
    ");
    let said = bed.run(["push", "--yes", "clients"]).exits(0).stderr;
    assert_eq!(said, "");
    let files = bed.files("tenant");
    for command in [
        &["diff"][..],
        &["pull"],
        &["pull", "--prune"],
        &["push", "--yes"],
        &["list"],
        &["check"],
    ] {
        bed.sandbox.clear_requests();
        bed.run(command.iter().copied()).exits(0);
        let expected: Vec<&str> = match command[0] {
            "check" | "push" => Vec::new(),
            _ => vec!["clients", "roles", "roles/*"],
        };
        let asked: BTreeMap<String, ()> = reads(&bed)
            .lines()
            .map(|line| line.split(' ').nth(1).unwrap())
            .map(|path| {
                path.split_once('/')
                    .map_or(path.to_owned(), |(kind, _)| format!("{kind}/*"))
            })
            .map(|path| (path, ()))
            .collect();
        assert_eq!(
            asked.into_keys().collect::<Vec<_>>(),
            expected,
            "{command:?}"
        );
        assert_eq!(bed.files("tenant"), files, "{command:?}");
    }
}

#[test]
fn without_clients_nothing_is_asked_about_them() {
    let bed = managing(tenant(), "manage: {clients: none, roles: all}\n");
    bed.run(["pull"]).exits(0);
    assert_eq!(bed.count("GET /api/v2/clients"), 0);
    assert!(!bed.path("tenant/clients").exists());
    let list = bed.run(["list", "-o", "json"]).exits(0).json();
    let kinds = list["resources"].as_array().unwrap().iter();
    assert!(
        kinds.clone().count() == 4 && kinds.clone().all(|one| one["kind"] == "roles"),
        "{list}"
    );
    let scopes = bed.run(["scopes", "--write"]).exits(0).stdout;
    assert_eq!(scopes, "read:roles\nupdate:roles\n");
    // Nobody manages anything at all.
    bed.write("tenant/tenantry.yaml", "manage: {clients: none}\n");
    bed.sandbox.clear_requests();
    bed.run(["diff"]);
    assert_eq!(reads(&bed), "");
}

/// What others refer to is written first, whatever the names of the files.
#[test]
fn writes_come_in_the_order_of_references() {
    let bed = pulled();
    say(&bed, "tenant-settings", "friendly_name", json!("Other"));
    say(
        &bed,
        "attack-protection/bot-detection",
        "bot_detection_level",
        json!("low"),
    );
    say(&bed, "roles/bookkeeping", "description", json!("Other"));
    say(
        &bed,
        "client-grants/order-service--billing-api",
        "scope",
        json!(["read:invoices"]),
    );
    say(&bed, "clients/storefront", "description", json!("Other"));
    for api in ["billing-api", "orders-api"] {
        say(
            &bed,
            &format!("resource-servers/{api}"),
            "token_lifetime",
            json!(99),
        );
    }
    let mut role = said(&bed, "roles/newcomer");
    role["permissions"] = json!([{"permission_name": "new:orders", "resource_server_identifier": "https://api.acme.example/orders"}]);
    say(
        &bed,
        "roles/newcomer",
        "permissions",
        role["permissions"].clone(),
    );
    let scopes =
        json!([{"value": "read:orders"}, {"value": "refund:orders"}, {"value": "new:orders"}]);
    say(&bed, "resource-servers/orders-api", "scopes", scopes);
    let sent = pushed(&bed, 0);
    let mut kinds: Vec<&str> = sent
        .iter()
        .map(|one| one.split(' ').nth(1).unwrap().split('/').next().unwrap())
        .collect();
    kinds.dedup();
    assert_eq!(
        kinds,
        [
            "resource-servers",
            "clients",
            "client-grants",
            "roles",
            "attack-protection",
            "tenants"
        ],
        "{sent:?}"
    );
    assert_eq!(bed.run(["diff"]).exits(0).stdout, "no differences\n");
}

/// No kind waits for the one before: every list is asked for before the first answer, and with it a role's permissions, is there.
#[test]
fn kinds_are_read_side_by_side() {
    let setup = tenant().sandbox(|sandbox| sandbox.latency(Duration::from_millis(300)));
    let bed = managing(setup, ALL);
    bed.run(["pull"]).exits(0);
    let paths: Vec<String> = bed.api_requests().into_iter().map(|one| one.path).collect();
    let is_below_a_role =
        |path: &String| path.ends_with("include_totals=true") && path.contains("/permissions");
    let first = paths.iter().position(is_below_a_role).unwrap();
    assert_eq!((first, paths.len()), (11, 15), "{paths:?}");
}
