//! Selectors, `list`, saved plans and broken files, where there are several kinds.

use serde_json::{Value, json};

use crate::acme::{PARTS, path, pulled, pushed, say, writes};
use crate::common::Bed;

/// The files of a plan of these selectors.
fn planned(bed: &Bed, selectors: &[&str]) -> Vec<String> {
    let run = bed.run([&["diff", "-o", "json"], selectors].concat());
    assert!(run.code < 2, "{run}");
    let plan = run.json();
    let files = plan["resources"].as_array().unwrap().iter();
    files
        .map(|one| one["file"].as_str().unwrap().to_owned())
        .collect()
}

/// One edit in each kind.
fn edited() -> Bed {
    let bed = pulled();
    say(&bed, "clients/storefront", "description", json!("Other"));
    say(
        &bed,
        "resource-servers/orders-api",
        "token_lifetime",
        json!(9),
    );
    say(
        &bed,
        "client-grants/order-service--billing-api",
        "scope",
        json!(["read:invoices"]),
    );
    say(&bed, "roles/bookkeeping", "description", json!("Other"));
    say(&bed, "tenant-settings", "friendly_name", json!("Other"));
    say(
        &bed,
        "attack-protection/bot-detection",
        "bot_detection_level",
        json!("low"),
    );
    say(
        &bed,
        "attack-protection/brute-force-protection",
        "max_attempts",
        json!(9),
    );
    bed.sandbox.clear_requests();
    bed
}

#[test]
fn selectors_narrow_to_a_kind_a_file_or_a_name() {
    let bed = edited();
    for (selector, files) in [
        ("roles/*", &["roles/bookkeeping.yaml"][..]),
        ("roles", &["roles/bookkeeping.yaml"]),
        (
            "https://api.acme.example/orders",
            &["resource-servers/orders-api.yaml"],
        ),
        (
            "attack-protection",
            &[
                "attack-protection/bot-detection.yaml",
                "attack-protection/brute-force-protection.yaml",
            ],
        ),
        ("roles/bookkeeping", &["roles/bookkeeping.yaml"]),
        ("Bookkeeping", &["roles/bookkeeping.yaml"]),
        ("rol_bo0kkeeping00003", &["roles/bookkeeping.yaml"]),
        ("tenant/roles/bookkeeping.yaml", &["roles/bookkeeping.yaml"]),
        ("tenant-settings.yaml", &["tenant-settings.yaml"]),
        ("tenant-settings", &["tenant-settings.yaml"]),
        (
            "attack-protection/*",
            &[
                "attack-protection/bot-detection.yaml",
                "attack-protection/brute-force-protection.yaml",
            ],
        ),
        (
            "attack-protection/brute-force-protection",
            &["attack-protection/brute-force-protection.yaml"],
        ),
        (
            "brute-force-protection",
            &["attack-protection/brute-force-protection.yaml"],
        ),
        (
            "resource-servers/Orders API",
            &["resource-servers/orders-api.yaml"],
        ),
        (
            "client-grants/order-service--*",
            &["client-grants/order-service--billing-api.yaml"],
        ),
        (
            "Order Service → Billing API",
            &["client-grants/order-service--billing-api.yaml"],
        ),
        ("clients/storefront", &["clients/storefront.yaml"]),
    ] {
        assert_eq!(planned(&bed, &[selector]), files, "{selector}");
    }
    for nothing in [
        "roles/storefront",
        "attack-protection/nothing",
        "clients/tenant-settings",
        "rules/*",
    ] {
        bed.run(["diff", nothing])
            .exits(2)
            .complains("nothing matches");
    }
    assert_eq!(planned(&bed, &[]).len(), 7);
}

#[test]
fn a_push_of_one_kind_asks_and_sends_nothing_of_the_others() {
    let bed = edited();
    bed.run(["push", "--yes", "tenant-settings.yaml"]).exits(0);
    assert_eq!(
        writes(&bed),
        [r#"PATCH tenants/settings {"friendly_name":"Other"}"#]
    );
    let others = |path: &str| !path.starts_with("/api/v2/tenants/settings");
    assert!(
        !bed.api_requests()
            .iter()
            .any(|request| others(&request.path))
    );
    bed.sandbox.clear_requests();
    bed.run(["push", "--yes", "--fields", "max_attempts"])
        .exits(0);
    assert_eq!(
        writes(&bed),
        [r#"PATCH attack-protection/brute-force-protection {"max_attempts":9}"#]
    );
}

#[test]
fn a_plan_of_several_kinds_is_saved_and_applied() {
    let bed = edited();
    let mut permissions = crate::acme::said(&bed, "roles/customer-care")["permissions"].clone();
    permissions[1]["permission_name"] = json!("write:orders");
    say(&bed, "roles/customer-care", "permissions", permissions);
    let mut flags = crate::acme::said(&bed, "tenant-settings")["flags"].clone();
    flags["enable_sso"] = json!(false);
    say(&bed, "tenant-settings", "flags", flags);
    bed.save_plan();
    let kinds: Value = serde_json::from_str(&bed.read("plan.json")).unwrap();
    let kinds: Vec<&str> = kinds["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["kind"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "clients",
            "resource-servers",
            "client-grants",
            "roles",
            "roles",
            "tenant-settings",
            "attack-protection",
            "attack-protection"
        ]
    );
    bed.run(["push", "--yes", "--plan", "plan.json"]).exits(0);
    // A request each, and one more for the permissions that go beside those that come.
    assert_eq!(writes(&bed).len(), 9);
    assert_eq!(bed.run(["diff"]).exits(0).stdout, "no differences\n");
    // It was applied: nothing of it is sent again.
    bed.sandbox.clear_requests();
    bed.run(["push", "--yes", "--plan", "plan.json"]);
    assert_eq!(writes(&bed), [""; 0]);
}

#[test]
fn a_saved_plan_does_not_outlive_what_it_saw() {
    for (kind, id, field, value) in [
        (
            "roles",
            "rol_bo0kkeeping00003",
            "description",
            json!("Drifted"),
        ),
        ("tenant-settings", "", "friendly_name", json!("Drifted")),
        (
            "attack-protection/bot-detection",
            "",
            "bot_detection_level",
            json!("high"),
        ),
    ] {
        let bed = edited();
        bed.save_plan();
        bed.sandbox.edit_resource(kind, id, field, Some(value));
        bed.run(["push", "--yes", "--plan", "plan.json"]).exits(1);
        assert_eq!(writes(&bed), [""; 0], "{kind}");
    }
}

#[test]
fn a_list_says_of_which_kind_each_is() {
    let bed = pulled();
    let list = bed.run(["list", "-o", "json"]).exits(0).json();
    let mut counts = std::collections::BTreeMap::new();
    for one in list["resources"].as_array().unwrap() {
        *counts.entry(one["kind"].as_str().unwrap()).or_insert(0) += 1;
    }
    let counts: Vec<_> = counts.into_iter().collect();
    assert_eq!(
        counts,
        [
            ("attack-protection", PARTS.len()),
            ("client-grants", 8),
            ("clients", 12),
            ("log-streams", 2),
            ("resource-servers", 5),
            ("roles", 4),
            ("tenant-settings", 1)
        ]
    );
    insta::assert_snapshot!(bed.run(["list", "roles/*", "tenant-settings", "attack-protection/captcha"]).exits(0).stdout, @"
    NAME             ID                    TYPE               FILE                            STATE
    Bookkeeping      rol_bo0kkeeping00003  roles              roles/bookkeeping.yaml          unchanged
    Customer Care    rol_cUst0merCare0001  roles              roles/customer-care.yaml        unchanged
    Newcomer         rol_newc0mer00000004  roles              roles/newcomer.yaml             unchanged
    Warehouse Lead   rol_wareh0useLead002  roles              roles/warehouse-lead.yaml       unchanged
    tenant-settings  tenant-settings       tenant-settings    tenant-settings.yaml            unchanged
    captcha          captcha               attack-protection  attack-protection/captcha.yaml  unchanged
    ");
}

/// What is broken stops what is selected with it, and nothing else.
#[test]
fn a_broken_file_of_one_kind_keeps_no_other_back() {
    for broken in [
        "roles/newcomer",
        "tenant-settings",
        "attack-protection/captcha",
    ] {
        let bed = edited();
        bed.write(&path(broken), "{ \"id\": [\n");
        assert_eq!(pushed(&bed, 2), [""; 0], "{broken}");
        bed.run(["push", "--yes", "clients/*"])
            .exits(0)
            .complains("this command is not about it");
        assert_eq!(writes(&bed).len(), 1, "{broken}");
        bed.run(["push", "--yes", "client-grants/*"]).exits(0);
        let selector = format!("{broken}.yaml");
        bed.run(["push", "--yes", &selector]).exits(2);
        let run = bed.run_without_settings(["check"]).exits(1);
        assert!(run.stdout.contains(&selector), "{run}");
    }
}

#[test]
fn overrides_and_ids_are_of_a_kind() {
    let bed = pulled();
    // Two files of one id are a finding in any kind.
    let text = bed.read("tenant/roles/newcomer.yaml");
    bed.write("tenant/roles/twin.yaml", &text);
    let run = bed.run_without_settings(["check"]).exits(1);
    assert!(run.stdout.contains("twin.yaml"), "{run}");
    bed.remove("tenant/roles/twin.yaml");
    // An id of one kind says nothing about another.
    say(
        &bed,
        "roles/newcomer",
        "id",
        json!("64b0c0ffee00000000000002"),
    );
    let run = bed.run_without_settings(["check"]).exits(1);
    let told = "this file says 64b0c0ffee00000000000002, and tenant.lock has it as that of rol_newc0mer00000004";
    assert!(run.stdout.contains(told), "{run}");
    assert!(run.stdout.ends_with("1 finding\n"), "{run}");
    let run = bed.run(["diff", "-o", "json"]).exits(1);
    let states: Vec<_> = run.json()["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["state"].clone())
        .collect();
    assert_eq!(states, ["live-only", "file-only"], "{run}");
}

/// What is gone is reported, and pruned where that is asked for.
#[test]
fn what_is_gone_is_reported_in_any_kind() {
    let bed = pulled();
    bed.sandbox.delete_resource("roles", "rol_newc0mer00000004");
    bed.sandbox
        .delete_resource("client-grants", "cgr_rep0rtingRead006");
    let run = bed.run(["pull", "-o", "json"]).exits(1);
    let gone: Vec<_> = run.json()["resources"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["status"] == "gone")
        .map(|one| one["file"].clone())
        .collect();
    assert_eq!(
        gone,
        [
            "client-grants/reporting-api--https-api-acme-example-reports.yaml",
            "roles/newcomer.yaml"
        ]
    );
    say(&bed, "roles/newcomer", "description", json!("Edited"));
    say(&bed, "roles/bookkeeping", "description", json!("Edited"));
    assert_eq!(
        pushed(&bed, 1),
        [r#"PATCH roles/rol_bo0kkeeping00003 {"description":"Edited"}"#]
    );
    bed.run(["pull", "--prune", "--discard-local"]).exits(0);
    assert!(
        !bed.path("tenant/client-grants/reporting-api--https-api-acme-example-reports.yaml")
            .exists()
    );
    assert_eq!(bed.run(["diff"]).exits(0).stdout, "no differences\n");
}

#[test]
fn a_kind_of_several_parts_has_several_schemas() {
    let bed = Bed::new().start();
    bed.run(["schema", "attack-protection"])
        .exits(2)
        .complains("each of its parts has a schema of its own: attack-protection/bot-detection, ");
    bed.run(["schema", "attack-protection/captcha"]).exits(0);
}
