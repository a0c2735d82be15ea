//! Several kinds in a git repository: what git took back, and `--base`.

use serde_json::{Value, json};

use crate::acme::{ALL, managing, said, say, tenant, writes};
use crate::common::{Bed, Run, git};

/// The tenant, pulled and committed.
fn committed() -> Bed {
    let bed = managing(tenant(), ALL);
    bed.write(".gitignore", "cache/\nhome/\n");
    bed.git(&["init", "-q", "-b", "main"]);
    tenantry(&bed, &["pull"]).exits(0);
    commit(&bed, "Pull");
    bed
}

fn commit(bed: &Bed, message: &str) {
    bed.git(&["add", "-A"]);
    bed.git(&["commit", "-q", "-m", message]);
}

/// A run of the binary that finds git.
fn tenantry(bed: &Bed, arguments: &[&str]) -> Run {
    bed.sandbox.clear_requests();
    let mut command = bed.command();
    command
        .env("PATH", std::env::var_os("PATH").unwrap())
        .envs(git::ENVIRONMENT)
        .args(arguments);
    bed.run_command(command)
}

fn orders(name: &str) -> Value {
    json!({"permission_name": name, "resource_server_identifier": "https://api.acme.example/orders"})
}

/// An edit in each of some kinds, the one at the root among them.
fn edit(bed: &Bed) {
    say(
        bed,
        "roles/customer-care",
        "permissions",
        json!([orders("read:orders"), orders("write:orders")]),
    );
    say(bed, "tenant-settings", "friendly_name", json!("Other"));
    let mut flags = said(bed, "tenant-settings")["flags"].clone();
    flags["enable_sso"] = json!(false);
    say(bed, "tenant-settings", "flags", flags);
    say(
        bed,
        "attack-protection/brute-force-protection",
        "max_attempts",
        json!(9),
    );
    say(
        bed,
        "client-grants/order-service--billing-api",
        "scope",
        json!(["read:invoices"]),
    );
    say(
        bed,
        "resource-servers/orders-api",
        "token_lifetime",
        json!(9),
    );
}

/// What a push sends, by kind of request and path.
fn sent(bed: &Bed) -> Vec<String> {
    let mut sent: Vec<String> = writes(bed)
        .iter()
        .map(|one| one.split(' ').take(2).collect::<Vec<_>>().join(" "))
        .collect();
    sent.sort();
    sent
}

const EVERY_EDIT: [&str; 6] = [
    "DELETE roles/rol_cUst0merCare0001/permissions",
    "PATCH attack-protection/brute-force-protection",
    "PATCH client-grants/cgr_oRdersBiLLing001",
    "PATCH resource-servers/64b0c0ffee00000000000002",
    "PATCH tenants/settings",
    "POST roles/rol_cUst0merCare0001/permissions",
];

#[test]
fn a_push_that_is_reverted_is_sent_back_in_every_kind() {
    let bed = committed();
    edit(&bed);
    tenantry(&bed, &["push", "--yes"]).exits(0);
    assert_eq!(sent(&bed), EVERY_EDIT);
    commit(&bed, "Push");
    bed.git(&["revert", "--no-edit", "HEAD"]);
    let plan = tenantry(&bed, &["diff", "-o", "json"]).exits(1).json();
    assert_eq!(
        (&plan["summary"]["edit"], &plan["summary"]["drift"]),
        (&json!(6), &json!(0)),
        "{plan}"
    );
    tenantry(&bed, &["push", "--yes"]).exits(0);
    assert_eq!(sent(&bed), EVERY_EDIT);
    assert_eq!(
        bed.sandbox.resource("tenant-settings", "").unwrap()["friendly_name"],
        "Acme"
    );
    let role = bed
        .sandbox
        .resource("roles", "rol_cUst0merCare0001")
        .unwrap();
    assert_eq!(
        role["permissions"],
        json!([
            {"resource_server_identifier": "https://api.acme.example/orders", "permission_name": "read:orders"},
            {"resource_server_identifier": "https://api.acme.example/orders", "permission_name": "refund:orders"}
        ])
    );
    assert_eq!(
        tenantry(&bed, &["diff"]).exits(0).stdout,
        "no differences\n"
    );
}

#[test]
fn with_a_base_from_git_every_kind_has_it() {
    let bed = committed();
    edit(&bed);
    commit(&bed, "Edit");
    // The lock has nothing to say.
    bed.remove("tenant/tenant.lock");
    let plan = tenantry(&bed, &["diff", "--base", "HEAD~1", "-o", "json"])
        .exits(1)
        .json();
    assert_eq!(plan["base"]["from"], "git");
    assert_eq!(plan["summary"]["edit"], 6, "{plan}");
    // What somebody changed elsewhere is drift, in the same file, too.
    bed.sandbox.edit_resource(
        "tenant-settings",
        "",
        "support_email",
        Some(json!("other@acme.example")),
    );
    bed.sandbox.edit_resource(
        "roles",
        "rol_newc0mer00000004",
        "description",
        Some(json!("Drifted")),
    );
    let plan = tenantry(&bed, &["diff", "--base", "HEAD~1", "-o", "json"])
        .exits(1)
        .json();
    assert_eq!(plan["summary"]["drift"], 2, "{plan}");
    tenantry(&bed, &["push", "--yes", "--base", "HEAD~1"]).exits(0);
    assert_eq!(sent(&bed), EVERY_EDIT);
    assert!(!bed.path("tenant/tenant.lock").exists());
    let plan = tenantry(&bed, &["diff", "--base", "HEAD", "-o", "json"])
        .exits(1)
        .json();
    assert_eq!(
        (&plan["summary"]["edit"], &plan["summary"]["drift"]),
        (&json!(0), &json!(2)),
        "{plan}"
    );
}

/// A file of several tenants, in a folder below: the one at the root of the tenant directory is found there.
#[test]
fn a_base_from_git_finds_files_of_a_named_tenant() {
    let bed = managing(tenant(), ALL);
    bed.write(".gitignore", "cache/\nhome/\n");
    bed.git(&["init", "-q", "-b", "main"]);
    bed.write(".env.dev", &bed.env_file());
    tenantry(&bed, &["pull", "--tenant", "dev"]).exits(0);
    commit(&bed, "Pull");
    say(&bed, "dev/tenant-settings", "friendly_name", json!("Other"));
    say(
        &bed,
        "dev/attack-protection/captcha",
        "active_provider_id",
        json!("auth_challenge"),
    );
    tenantry(
        &bed,
        &["push", "--yes", "--tenant", "dev", "--base", "HEAD"],
    )
    .exits(0);
    assert_eq!(
        sent(&bed),
        ["PATCH attack-protection/captcha", "PATCH tenants/settings"]
    );
}

/// Stopped between two requests for one role's permissions, and then the file goes back: nothing is stuck, nothing lost.
#[test]
fn half_a_push_of_permissions_can_be_taken_back() {
    use tenantry::testing::{Fault, FaultRule};
    let bed = committed();
    let before = said(&bed, "roles/customer-care")["permissions"].clone();
    say(
        &bed,
        "roles/customer-care",
        "permissions",
        json!([orders("read:orders"), orders("write:orders")]),
    );
    bed.sandbox
        .fail_next(FaultRule::new(Fault::StatusBefore(400)).method("DELETE"));
    tenantry(&bed, &["push", "--yes"]).exits(2);
    say(&bed, "roles/customer-care", "permissions", before.clone());
    // What that push added is remembered, so that going back takes it away.
    bed.sandbox.clear_requests();
    tenantry(&bed, &["push", "--yes"]).exits(0);
    assert_eq!(
        sent(&bed),
        ["DELETE roles/rol_cUst0merCare0001/permissions"]
    );
    tenantry(&bed, &["pull"]).exits(0);
    assert_eq!(said(&bed, "roles/customer-care")["permissions"], before);
}
