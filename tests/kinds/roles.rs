//! Roles, and their permissions, which are inline in a role's file and have requests of their own.

use serde_json::{Value, json};
use tenantry::testing::{Fault, FaultRule};

use crate::acme::{path, pulled, pulled_as, pushed, reads, said, say, writes};
use crate::common::Bed;

const CARE: &str = "roles/customer-care";
const ORDERS: &str = "https://api.acme.example/orders";

fn permission(name: &str, api: &str) -> Value {
    json!({"permission_name": name, "resource_server_identifier": api})
}

#[test]
fn permissions_are_added_before_others_are_removed_and_what_stays_is_left_alone() {
    let bed = pulled();
    let permissions = json!([
        permission("read:orders", ORDERS),
        permission("write:orders", ORDERS)
    ]);
    say(&bed, CARE, "permissions", permissions);
    say(&bed, CARE, "description", json!("Helps"));
    assert_eq!(
        pushed(&bed, 0),
        [
            r#"PATCH roles/rol_cUst0merCare0001 {"description":"Helps"}"#,
            r#"POST roles/rol_cUst0merCare0001/permissions {"permissions":[{"permission_name":"write:orders","resource_server_identifier":"https://api.acme.example/orders"}]}"#,
            r#"DELETE roles/rol_cUst0merCare0001/permissions {"permissions":[{"permission_name":"refund:orders","resource_server_identifier":"https://api.acme.example/orders"}]}"#,
        ]
    );
    assert_eq!(bed.run(["diff"]).exits(0).stdout, "no differences\n");
}

#[test]
fn only_permissions_are_no_patch() {
    let bed = pulled();
    say(&bed, CARE, "permissions", json!([]));
    let sent = pushed(&bed, 0);
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert!(
        sent[0].starts_with("DELETE roles/rol_cUst0merCare0001/permissions "),
        "{sent:?}"
    );
    assert_eq!(said(&bed, CARE)["permissions"], json!([]));
    let newcomer = json!([permission("read:stock", "urn:acme:warehouse")]);
    say(&bed, "roles/newcomer", "permissions", newcomer.clone());
    let sent = pushed(&bed, 0);
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert!(
        sent[0].starts_with("POST roles/rol_newc0mer00000004/permissions "),
        "{sent:?}"
    );
    assert_eq!(said(&bed, "roles/newcomer")["permissions"], newcomer);
}

#[test]
fn their_order_and_that_of_their_keys_is_no_difference() {
    let bed = pulled();
    let mut permissions = said(&bed, "roles/warehouse-lead")["permissions"]
        .as_array()
        .unwrap()
        .clone();
    permissions.reverse();
    let turned = permissions.iter().map(|one| {
        json!({"resource_server_identifier": one["resource_server_identifier"], "permission_name": one["permission_name"]})
    });
    say(
        &bed,
        "roles/warehouse-lead",
        "permissions",
        turned.collect(),
    );
    assert_eq!(bed.run(["diff"]).exits(0).stdout, "no differences\n");
    assert_eq!(pushed(&bed, 0), [""; 0]);
    let before = bed.age();
    bed.run(["pull"]).exits(0);
    bed.assert_untouched(&before);
}

/// A permission that stands there twice is one permission.
#[test]
fn a_permission_that_is_named_twice_is_found_or_is_no_difference() {
    let bed = pulled();
    let twice = permission("read:orders", ORDERS);
    let refund = permission("refund:orders", ORDERS);
    say(&bed, CARE, "permissions", json!([twice, twice, refund]));
    let check = bed.run(["check"]).code;
    let diff = bed.run(["diff"]);
    assert!(check == 1 || diff.code == 0, "{diff}");
    assert_eq!(pushed(&bed, if check == 1 { 2 } else { 0 }), [""; 0]);
}

#[test]
fn a_role_that_was_never_described_is_no_difference() {
    let bed = pulled();
    say(&bed, "roles/newcomer", "description", json!(null));
    say(&bed, "roles/newcomer", "name", json!("Beginner"));
    assert_eq!(
        pushed(&bed, 0),
        [r#"PATCH roles/rol_newc0mer00000004 {"name":"Beginner"}"#]
    );
    let run = bed.run(["diff"]).exits(0);
    assert_eq!(run.stdout, "no differences\n");
}

#[test]
fn many_permissions_are_read_and_written_a_hundred_at_a_time() {
    let name = |number: usize| format!("do:{number:04}");
    let scopes: Vec<Value> = (0..350)
        .map(|number| json!({"value": name(number)}))
        .collect();
    let permissions: Vec<Value> = (0..150)
        .map(|number| permission(&name(number), "urn:a"))
        .collect();
    let setup = Bed::new().sandbox(|sandbox| {
        sandbox
            .resource(
                "resource-servers",
                json!({"id": "a", "name": "A", "identifier": "urn:a", "scopes": scopes}),
            )
            .resource(
                "roles",
                json!({"id": "rol_a", "name": "A", "description": "", "permissions": permissions}),
            )
    });
    let bed = pulled_as(setup, "manage: {clients: none, roles: all}\n");
    assert_eq!(said(&bed, "roles/a")["permissions"], json!(permissions));
    bed.run(["pull"]).exits(0);
    assert_eq!(reads(&bed), "1 roles\n2 roles/rol_a/permissions");
    let others: Vec<Value> = (100..350)
        .map(|number| permission(&name(number), "urn:a"))
        .collect();
    say(&bed, "roles/a", "permissions", json!(others));
    let sent = pushed(&bed, 0);
    let methods: Vec<&str> = sent
        .iter()
        .map(|one| one.split(' ').next().unwrap())
        .collect();
    assert_eq!(methods, ["POST", "POST", "DELETE"]);
    assert_eq!(
        bed.sandbox.resource("roles", "rol_a").unwrap()["permissions"]
            .as_array()
            .unwrap()
            .len(),
        250
    );
    assert_eq!(bed.run(["diff"]).exits(0).stdout, "no differences\n");
}

/// Between the two requests the role has more than it had, and never less; the next push finishes.
#[test]
fn a_push_that_fails_half_way_loses_no_permission_and_the_next_one_finishes() {
    let bed = pulled();
    let wanted = json!([
        permission("read:orders", ORDERS),
        permission("write:orders", ORDERS)
    ]);
    say(&bed, CARE, "permissions", wanted.clone());
    bed.sandbox
        .fail_next(FaultRule::new(Fault::StatusBefore(400)).method("DELETE"));
    bed.run(["push", "--yes"]).exits(2);
    let live = bed
        .sandbox
        .resource("roles", "rol_cUst0merCare0001")
        .unwrap();
    assert_eq!(live["permissions"].as_array().unwrap().len(), 3, "{live}");
    let sent = pushed(&bed, 0);
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert!(sent[0].starts_with("DELETE "), "{sent:?}");
    assert_eq!(said(&bed, CARE)["permissions"], wanted);
    assert_eq!(bed.run(["diff"]).exits(0).stdout, "no differences\n");
}

/// What went through is remembered and told, whatever became of the rest.
#[test]
fn an_update_of_which_a_part_went_through_is_told_as_two() {
    let bed = pulled();
    let unknown = json!([
        permission("read:orders", ORDERS),
        permission("refund:orders", ORDERS),
        permission("sell:orders", ORDERS)
    ]);
    say(&bed, CARE, "name", json!("Care"));
    say(&bed, CARE, "permissions", unknown.clone());
    let run = bed.run(["push", "--yes"]).exits(2);
    let mut lines: Vec<&str> = run.stdout.lines().rev().take(3).collect();
    lines.reverse();
    insta::assert_snapshot!(lines.join("\n"), @r"
    updated        roles/customer-care.yaml: name
    failed         roles/customer-care.yaml: permissions: POST /api/v2/roles/rol_cUst0merCare0001/permissions: 404: The resource server does not exist (inexistent_resource_server)
    1 role updated, 1 failed
    ");
    assert!(
        run.stderr
            .contains("the tenant lacks what an entry of `permissions` names"),
        "{run}"
    );
    assert!(!run.stderr.contains("it is gone"), "{run}");
    assert_eq!(
        bed.lock()["roles"]["rol_cUst0merCare0001"]["base"]["name"],
        "Care"
    );
    let diff = bed.run(["diff", "-o", "json"]).exits(1).json();
    assert_eq!(diff["summary"]["edit"], 1, "{diff}");
    let run = bed.run(["push", "--yes"]).exits(2);
    assert!(
        run.stdout.ends_with("\n0 roles updated, 1 failed\n"),
        "{run}"
    );
    // Its name is no drift, and going back is an edit.
    bed.sandbox.clear_requests();
    say(&bed, CARE, "name", json!("Customer Care"));
    say(
        &bed,
        CARE,
        "permissions",
        json!([
            permission("read:orders", ORDERS),
            permission("refund:orders", ORDERS)
        ]),
    );
    assert_eq!(
        pushed(&bed, 0),
        [r#"PATCH roles/rol_cUst0merCare0001 {"name":"Customer Care"}"#]
    );

    // The same in the document.
    say(&bed, CARE, "name", json!("Care"));
    say(&bed, CARE, "permissions", unknown);
    let push = bed.run(["push", "--yes", "-o", "json"]).exits(2).json();
    let told = push["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| format!("{}: {}", result["status"], result["fields"][0]["field"]));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [r#""updated": "name""#, r#""failed": "permissions""#]
    );
    assert_eq!(push["summary"]["updated"], 1, "{push}");
    assert_eq!(push["summary"]["failed"], 1, "{push}");
}

/// What was added before a removal failed is this push's doing, and no drift.
#[test]
fn a_list_that_was_changed_in_part_is_remembered_as_it_is() {
    let bed = pulled();
    let before = said(&bed, CARE)["permissions"].clone();
    let wanted = json!([
        permission("read:orders", ORDERS),
        permission("write:orders", ORDERS)
    ]);
    say(&bed, CARE, "permissions", wanted);
    bed.sandbox
        .fail_next(FaultRule::new(Fault::StatusBefore(400)).method("DELETE"));
    let run = bed.run(["push", "--yes"]).exits(2);
    assert!(run.stdout.contains("permissions in part"), "{run}");
    say(&bed, CARE, "permissions", before.clone());
    let sent = pushed(&bed, 0);
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert!(
        sent[0].starts_with("DELETE ") && sent[0].contains("write:orders"),
        "{sent:?}"
    );
    assert_eq!(bed.run(["diff"]).exits(0).stdout, "no differences\n");
}

/// The look after a write failed: the write went through all the same.
#[test]
fn an_update_that_could_not_be_looked_at_is_remembered() {
    for (kind, file, field) in [
        ("roles", CARE, "name"),
        ("tenants", "tenant-settings", "friendly_name"),
    ] {
        let bed = pulled();
        say(&bed, file, field, json!("Other"));
        bed.sandbox.fail_next(
            FaultRule::new(Fault::StatusBefore(400))
                .method("GET")
                .path(kind)
                .nth(if kind == "roles" { 3 } else { 2 }),
        );
        let run = bed.run(["push", "--yes"]).exits(2);
        assert!(run.stdout.contains(&format!("yaml: {field}\n")), "{run}");
        assert_eq!(pushed(&bed, 0), [""; 0]);
        assert_eq!(reads(&bed), "");
    }
}

#[test]
fn an_answer_that_is_lost_is_asked_for_again() {
    for method in ["POST", "DELETE"] {
        let bed = pulled();
        let wanted = json!([
            permission("read:orders", ORDERS),
            permission("write:orders", ORDERS)
        ]);
        say(&bed, CARE, "permissions", wanted);
        bed.sandbox
            .fail_next(FaultRule::new(Fault::StatusAfter(503)).method(method));
        bed.run(["push", "--yes"]).exits(0);
        let methods: Vec<String> = writes(&bed)
            .iter()
            .map(|one| one.split(' ').next().unwrap().to_owned())
            .collect();
        let expected = match method {
            "POST" => ["POST", "POST", "DELETE"],
            _ => ["POST", "DELETE", "DELETE"],
        };
        assert_eq!(methods, expected);
        assert_eq!(bed.run(["diff"]).exits(0).stdout, "no differences\n");
    }
}

#[test]
fn permissions_of_the_dashboard_are_drift_and_both_are_a_conflict() {
    let bed = pulled();
    let here = json!([permission("read:orders", ORDERS)]);
    bed.sandbox
        .edit_resource("roles", "rol_cUst0merCare0001", "permissions", Some(here));
    assert_eq!(
        bed.run(["diff", "-o", "json"]).exits(1).json()["summary"]["drift"],
        1
    );
    assert_eq!(pushed(&bed, 0), [""; 0]);
    let there = json!([permission("read:stock", "urn:acme:warehouse")]);
    say(&bed, CARE, "permissions", there);
    let elsewhere = json!([
        permission("read:orders", ORDERS),
        permission("write:orders", ORDERS)
    ]);
    bed.sandbox.edit_resource(
        "roles",
        "rol_cUst0merCare0001",
        "permissions",
        Some(elsewhere.clone()),
    );
    assert_eq!(pushed(&bed, 1), [""; 0]);
    bed.run(["pull"]).exits(1);
    bed.run(["pull", "--discard-local"]).exits(0);
    assert_eq!(said(&bed, CARE)["permissions"], elsewhere);
}

/// A permission less is a risk, and so is one more; the diff shows them by name.
#[test]
fn a_diff_shows_each_permission() {
    let bed = pulled();
    let permissions = json!([
        permission("read:orders", ORDERS),
        permission("read:stock", "urn:acme:warehouse")
    ]);
    say(&bed, CARE, "permissions", permissions);
    insta::assert_snapshot!(bed.run(["diff"]).exits(1).stdout, @r#"
    roles/customer-care.yaml  Customer Care rol_cUst0merCare0001
      permissions:
        - {"permission_name":"refund:orders","resource_server_identifier":"https://api.acme.example/orders"} (Orders API)
        + {"permission_name":"read:stock","resource_server_identifier":"urn:acme:warehouse"} (Warehouse & Stock)
        warning: whoever has the role loses a permission at once; whoever has the role gets a permission more at once

    1 edit in 1 role, 1 risk
    "#);
}

#[test]
fn a_permission_has_two_keys() {
    let bed = pulled();
    bed.edit(
        &path(CARE),
        "  - permission_name: read:orders\n",
        "  - permission_name: read:orders\n    description: See orders\n",
    );
    let check = bed.run(["check"]).exits(1);
    assert!(check.stdout.contains("description"), "{check}");
    assert_eq!(pushed(&bed, 2), [""; 0]);
}

/// Each role has its list at a path of its own; where several are edited, the roles come with one list.
#[test]
fn a_push_reads_no_more_than_it_must() {
    let bed = pulled();
    say(&bed, CARE, "description", json!("Helps"));
    bed.run(["diff", "roles/customer-care.yaml"]).exits(1);
    pushed(&bed, 0);
    let one = "2 roles/rol_cUst0merCare0001\n2 roles/rol_cUst0merCare0001/permissions";
    assert_eq!(reads(&bed), one, "once before the update, and once after");
    for role in ["bookkeeping", "customer-care", "newcomer", "warehouse-lead"] {
        say(
            &bed,
            &format!("roles/{role}"),
            "description",
            json!("Does something"),
        );
    }
    bed.sandbox.clear_requests();
    bed.run(["push", "--dry-run"]).exits(1);
    insta::assert_snapshot!(reads(&bed), @"
    1 roles
    1 roles/rol_bo0kkeeping00003/permissions
    1 roles/rol_cUst0merCare0001/permissions
    1 roles/rol_newc0mer00000004/permissions
    1 roles/rol_wareh0useLead002/permissions
    ");
}
