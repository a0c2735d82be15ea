//! What a token's scope or a tenant's plan does not allow stops one kind, and no other.

use serde_json::json;

use crate::acme::{ALL, PARTS, managing, path, pulled, reads, say, tenant, writes};
use crate::common::Bed;

const BUT_ROLES: [&str; 12] = [
    "read:clients",
    "update:clients",
    "read:client_grants",
    "update:client_grants",
    "read:resource_servers",
    "update:resource_servers",
    "read:tenant_settings",
    "update:tenant_settings",
    "read:attack_protection",
    "update:attack_protection",
    "read:log_streams",
    "update:log_streams",
];

#[test]
fn a_missing_scope_stops_its_kind_alone() {
    let setup = tenant().sandbox(|sandbox| sandbox.scopes(&BUT_ROLES));
    let bed = managing(setup, ALL);
    let run = bed
        .run(["pull"])
        .exits(2)
        .complains("read:roles")
        .complains("roles: ");
    assert!(!run.stderr.contains("update:roles"), "{run}");
    assert!(!bed.path("tenant/roles").exists());
    assert_eq!(bed.files("tenant/resource-servers").len(), 5);
    assert_eq!(bed.files("tenant/attack-protection").len(), 5);
    for command in [&["diff"][..], &["list"]] {
        bed.run(command.iter().copied())
            .exits(2)
            .complains("read:roles");
    }
    // It is one document all the same.
    let plan = bed.run(["diff", "-o", "json"]).exits(2);
    assert_eq!(plan.json()["resources"], json!([]));
    // A selection that is not about roles has nothing to do with them.
    bed.run(["push", "--yes", "clients/*"]).exits(0);
}

#[test]
fn files_of_a_kind_that_can_t_be_read_stay_as_they_are() {
    let bed = pulled();
    bed.sandbox.grant(&BUT_ROLES);
    bed.sandbox.revoke_tokens();
    let files = bed.files("tenant");
    bed.run(["pull", "--prune"])
        .exits(2)
        .complains("read:roles");
    assert_eq!(bed.files("tenant"), files);
    say(&bed, "roles/newcomer", "description", json!("Edited"));
    say(
        &bed,
        "resource-servers/orders-api",
        "token_lifetime",
        json!(9),
    );
    bed.sandbox.clear_requests();
    bed.run(["push", "--yes"]).exits(2).complains("read:roles");
    assert_eq!(
        writes(&bed),
        [r#"PATCH resource-servers/64b0c0ffee00000000000002 {"token_lifetime":9}"#]
    );
    bed.run(["push", "--yes"]).exits(2).complains("read:roles");
    let push = bed.run(["push", "--yes", "-o", "json"]).exits(2).json();
    assert_eq!(push["results"][0]["file"], "roles/newcomer.yaml", "{push}");
    assert_eq!(
        push["results"][0]["reason"], "it could not be read",
        "{push}"
    );
    bed.run(["diff", "roles/newcomer.yaml"])
        .exits(2)
        .complains("read:roles");
}

#[test]
fn a_scope_to_update_that_is_missing_stops_the_kind_s_other_updates() {
    let bed = pulled();
    let mut scopes = BUT_ROLES.to_vec();
    scopes.push("read:roles");
    bed.sandbox.grant(&scopes);
    bed.sandbox.revoke_tokens();
    for role in ["bookkeeping", "newcomer", "customer-care"] {
        say(
            &bed,
            &format!("roles/{role}"),
            "description",
            json!("Edited"),
        );
    }
    say(&bed, "tenant-settings", "friendly_name", json!("Other"));
    bed.run(["push", "--yes"])
        .exits(2)
        .complains("update:roles");
    assert!(
        writes(&bed)
            .iter()
            .any(|one| one.starts_with("PATCH tenants/settings"))
    );
    assert_eq!(
        bed.sandbox.resource("tenant-settings", "").unwrap()["friendly_name"],
        "Other"
    );
}

#[test]
fn every_scope_that_is_missing_is_named() {
    let bed = pulled();
    let scopes: Vec<&str> = BUT_ROLES
        .iter()
        .copied()
        .filter(|scope| *scope != "update:resource_servers")
        .chain(["read:roles"])
        .collect();
    bed.sandbox.grant(&scopes);
    bed.sandbox.revoke_tokens();
    say(&bed, "roles/newcomer", "description", json!("Edited"));
    say(
        &bed,
        "resource-servers/orders-api",
        "token_lifetime",
        json!(9),
    );
    let run = bed
        .run(["push", "--yes"])
        .exits(2)
        .complains("grant the application update:resource_servers and update:roles");
    assert!(run.stdout.ends_with("nothing updated, 2 failed\n"), "{run}");
}

#[test]
fn what_the_plan_does_not_include_is_said_and_is_no_failure() {
    let setup = tenant().sandbox(|sandbox| {
        sandbox
            .not_included("attack-protection/bot-detection")
            .not_included("attack-protection/captcha")
    });
    let bed = managing(setup, ALL);
    let run = bed
        .run(["pull"])
        .exits(0)
        .complains("bot-detection")
        .complains("captcha");
    assert!(!run.stderr.contains("scope"), "{run}");
    assert_eq!(bed.files("tenant/attack-protection").len(), PARTS.len() - 2);
    assert_eq!(
        bed.run(["diff"]).exits(0).complains("plan").stdout,
        "no differences\n"
    );
    bed.run(["list"]).exits(0);
    bed.run(["push", "--yes"]).exits(0);
}

#[test]
fn what_a_file_has_to_send_there_is_held_back() {
    let full = pulled();
    let limited =
        tenant().sandbox(|sandbox| sandbox.not_included("attack-protection/bot-detection"));
    // The files were made when the plan was another one.
    let text = full.read(&path("attack-protection/bot-detection"));
    let bed = managing(limited, ALL);
    bed.run(["pull"]).exits(0);
    bed.write(&path("attack-protection/bot-detection"), &text);
    let lock = full
        .read("tenant/tenant.lock")
        .replace(&full.address(), &bed.address());
    bed.write("tenant/tenant.lock", &lock);
    bed.run(["diff"]).exits(0);
    bed.edit(
        &path("attack-protection/bot-detection"),
        "bot_detection_level: medium",
        "bot_detection_level: low",
    );
    say(
        &bed,
        "attack-protection/captcha",
        "active_provider_id",
        json!("auth_challenge"),
    );
    bed.sandbox.clear_requests();
    bed.run(["push", "--yes"]).exits(1);
    assert_eq!(
        writes(&bed),
        [r#"PATCH attack-protection/captcha {"active_provider_id":"auth_challenge"}"#]
    );
    // By itself, too: nothing else is there to go on with.
    let run = bed.run(["push", "--yes"]).exits(1);
    assert!(
        run.stdout
            .starts_with("held back      attack-protection/bot-detection.yaml: "),
        "{run}"
    );
    assert!(!run.stderr.contains("error"), "{run}");
    bed.run(["push", "--dry-run"]).exits(1);
    bed.run(["push", "--yes", "attack-protection/bot-detection.yaml"])
        .exits(1);
    for arguments in [
        &["--yes"][..],
        &["--yes", "attack-protection/bot-detection.yaml"],
    ] {
        let push = bed
            .run([&["push", "-o", "json"], arguments].concat())
            .exits(1);
        let held = &push.json()["results"][0];
        assert_eq!(
            held["file"], "attack-protection/bot-detection.yaml",
            "{push}"
        );
        assert_eq!(
            held["reason"], "the tenant's plan does not include it",
            "{push}"
        );
    }
    // Whoever looks first is told the same.
    for selector in [&[][..], &["attack-protection/bot-detection.yaml"]] {
        let run = bed.run([&["diff"], selector].concat()).exits(1);
        assert_eq!(
            run.stdout,
            "held back      attack-protection/bot-detection.yaml: the tenant's plan does not include it\n"
        );
        let run = bed
            .run([&["diff", "-o", "json"], selector].concat())
            .exits(1);
        assert_eq!(run.json()["resources"], json!([]));
        assert!(
            run.stderr.contains("attack-protection/bot-detection.yaml"),
            "{run}"
        );
    }
    bed.run(["diff", "roles"]).exits(0);
}

#[test]
fn the_scopes_to_grant_are_those_of_what_is_managed() {
    let bed = Bed::new().start();
    let scopes = |project: &str, options: &[&str]| {
        bed.write("tenant/tenantry.yaml", project);
        let run = bed
            .run_without_settings([&["scopes"], options].concat())
            .exits(0);
        run.stdout.trim_end().replace('\n', " ")
    };
    assert_eq!(scopes("", &[]), "read:clients");
    assert_eq!(scopes("", &["--write"]), "read:clients update:clients");
    assert_eq!(
        scopes("manage: {clients: none, attack-protection: [captcha]}", &[]),
        "read:attack_protection"
    );
    assert_eq!(
        scopes(
            "manage: {resource-servers: all, client-grants: [scope], tenant-settings: [flags]}",
            &["--write"]
        ),
        "read:client_grants read:clients read:resource_servers read:tenant_settings update:client_grants update:clients \
         update:resource_servers update:tenant_settings"
    );
    bed.run_without_settings(["pull"]).exits(2);
    assert_eq!(reads(&bed), "");
}

/// The scopes that are printed are enough, and none of them is too much.
#[test]
fn the_scopes_that_are_printed_are_the_ones_that_are_needed() {
    let bed = managing(tenant(), ALL);
    let read = bed.run(["scopes"]).exits(0).stdout;
    let read: Vec<&str> = read.lines().collect();
    bed.sandbox.grant(&read);
    bed.run(["pull"]).exits(0);
    for scope in &read {
        let others: Vec<&str> = read
            .iter()
            .copied()
            .filter(|other| other != scope)
            .collect();
        bed.sandbox.grant(&others);
        bed.sandbox.revoke_tokens();
        bed.run(["pull"]).exits(2).complains(scope);
    }
}
