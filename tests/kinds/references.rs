//! References across kinds: known offline, shown by name, and translated between tenants.

use serde_json::{Value, json};

use crate::acme::{ALL, OWN, pulled, pulled_as, said, say, tenant};
use crate::common::{Bed, Run};

/// Each reference that a file of one kind has to another one's, broken.
#[test]
fn check_finds_what_is_referred_to_and_is_not_there() {
    let bed = pulled();
    bed.run_without_settings(["check"]).exits(0);
    let unknown = "urn:nowhere";
    let mut permissions = said(&bed, "roles/bookkeeping")["permissions"].clone();
    permissions[0]["resource_server_identifier"] = json!(unknown);
    for (file, field, value) in [
        ("roles/bookkeeping", "permissions", permissions),
        (
            "client-grants/order-service--billing-api",
            "audience",
            json!(unknown),
        ),
        (
            "client-grants/order-service--billing-api",
            "client_id",
            json!("uRnNowhere0000000000000000000000"),
        ),
        (
            "clients/storefront",
            "refresh_token",
            json!({"expiration_type": "expiring", "rotation_type": "rotating", "policies": [{"audience": unknown, "scope": ["a"]}]}),
        ),
        ("tenant-settings", "default_audience", json!(unknown)),
    ] {
        let before = bed.read(&format!("tenant/{file}.yaml"));
        say(&bed, file, field, value);
        let run = bed.run_without_settings(["check"]).exits(1);
        assert!(
            run.stdout.contains(&format!("{file}.yaml:1:")),
            "{file} {field}: {run}"
        );
        let is_named = run.stdout.contains(unknown) || run.stdout.contains("uRnNowhere");
        assert!(is_named, "{file} {field}: {run}");
        bed.write(&format!("tenant/{file}.yaml"), &before);
    }
    // Nothing is no reference.
    assert_eq!(said(&bed, "tenant-settings")["default_audience"], "");
    // Where APIs are not managed, nobody knows which there are.
    bed.write(
        "tenant/tenantry.yaml",
        "manage: {roles: all, client-grants: all, tenant-settings: all}\n",
    );
    for file in bed.files("tenant/resource-servers").into_keys() {
        bed.remove(&file);
    }
    bed.run_without_settings(["check"]).exits(0);
}

#[test]
fn a_diff_has_names_beside_references() {
    let bed = pulled();
    let policies = json!([{"audience": "urn:acme:warehouse", "scope": ["read:stock"]}]);
    let mut token = said(&bed, "clients/storefront")["refresh_token"].clone();
    token["policies"] = policies;
    say(&bed, "clients/storefront", "refresh_token", token);
    say(
        &bed,
        "tenant-settings",
        "default_audience",
        json!("https://api.acme.example/orders"),
    );
    let permission = json!({"permission_name": "read:stock", "resource_server_identifier": "urn:acme:warehouse"});
    say(&bed, "roles/newcomer", "permissions", json!([permission]));
    insta::assert_snapshot!(bed.run(["diff"]).exits(1).stdout, @r#"
    clients/storefront.yaml  Storefront Wq7mZr3KfT9xLd2PbVn8sHc5YgJ4uEaR
      refresh_token.policies:
        + {"audience":"urn:acme:warehouse","scope":["read:stock"]} (Warehouse & Stock)

    roles/newcomer.yaml  Newcomer rol_newc0mer00000004
      permissions:
        + {"permission_name":"read:stock","resource_server_identifier":"urn:acme:warehouse"} (Warehouse & Stock)
        warning: whoever has the role gets a permission more at once

    tenant-settings.yaml
      default_audience: "" → "https://api.acme.example/orders" (Orders API)

    3 edits in 1 client, 1 role and 1 tenant's settings, 1 risk
    "#);
}

/// Dev and prod, pulled into one folder: prod has other ids, other identifiers of two APIs, and a domain of its own.
struct Two {
    dev: Bed,
    prod: Bed,
}

const DEV_DOMAIN: &str = "acme-dev.eu.auth0.com";
const PROD_DOMAIN: &str = "acme-prod.eu.auth0.com";

impl Two {
    fn new() -> Two {
        let dev = Bed::new()
            .client("d-web", "Web", json!({}))
            .client("d-job", "Job", json!({}))
            .sandbox(|sandbox| {
                sandbox
                    .resource("resource-servers", api("a-d", "Orders", "https://dev.example/orders"))
                    .resource("resource-servers", api("b-d", "Stock", "urn:stock"))
                    .resource("client-grants", grant("cgr_d1", "d-job", "https://dev.example/orders", json!(["read", "write"])))
                    .resource("roles", role("rol_d", &["read", "write"], "https://dev.example/orders"))
                    .resource("tenant-settings", json!({"friendly_name": "Dev", "flags": {"enable_sso": true, "revoke_refresh_token_grant": true}, "default_audience": "https://dev.example/orders"}))
            })
            .start();
        let prod = Bed::new()
            .client("p-web", "Web", json!({}))
            .client("p-job", "Job", json!({}))
            .sandbox(|sandbox| {
                sandbox
                    .resource(
                        "resource-servers",
                        api("a-p", "Orders", "https://prod.example/orders"),
                    )
                    .resource("resource-servers", api("b-p", "Stock", "urn:stock"))
                    .resource(
                        "client-grants",
                        grant(
                            "cgr_p1",
                            "p-job",
                            "https://prod.example/orders",
                            json!(["read"]),
                        ),
                    )
                    .resource(
                        "roles",
                        role("rol_p", &["read"], "https://prod.example/orders"),
                    )
                    .resource(
                        "tenant-settings",
                        json!({"friendly_name": "Prod", "flags": {"enable_sso": true, "revoke_refresh_token_grant": false, "enable_pipeline2": true}, "default_audience": ""}),
                    )
            })
            .start();
        let two = Two { dev, prod };
        two.dev.write("tenant/tenantry.yaml", ALL);
        two.dev.run(["pull", "--tenant", "dev"]).exits(0);
        two.on_prod(&["pull"]).exits(0);
        two
    }

    fn on_prod(&self, arguments: &[&str]) -> Run {
        let mut command = self.dev.command();
        command
            .envs(self.prod.settings())
            .args(arguments)
            .args(["--tenant", "prod"]);
        self.dev.run_command(command)
    }

    fn promote(&self, options: &[&str]) -> Run {
        self.dev
            .run_without_settings([&["promote", "--from", "dev", "--to", "prod"], options].concat())
    }
}

fn api(id: &str, name: &str, identifier: &str) -> Value {
    let scopes = json!([{"value": "read"}, {"value": "write"}]);
    json!({"id": id, "name": name, "identifier": identifier, "scopes": scopes})
}

fn grant(id: &str, client: &str, audience: &str, scope: Value) -> Value {
    json!({"id": id, "client_id": client, "audience": audience, "scope": scope, "subject_type": "client"})
}

fn role(id: &str, names: &[&str], api: &str) -> Value {
    let permissions: Vec<Value> = names
        .iter()
        .map(|name| json!({"permission_name": name, "resource_server_identifier": api}))
        .collect();
    json!({"id": id, "name": "Editor", "description": "", "permissions": permissions})
}

#[test]
fn promotion_says_references_as_the_other_tenant_does() {
    let two = Two::new();
    two.dev.write(
        "tenant/prod/overrides.yaml",
        "tenant-settings: {tenant-settings: {friendly_name: Prod}}\n",
    );
    let run = two.promote(&[]);
    assert_eq!(
        two.dev
            .run_without_settings(["check", "--tenant", "prod"])
            .code,
        0,
        "{run}"
    );
    let role = said(&two.dev, "prod/roles/editor");
    assert_eq!(
        role["permissions"],
        json!([
            {"permission_name": "read", "resource_server_identifier": "https://prod.example/orders"},
            {"permission_name": "write", "resource_server_identifier": "https://prod.example/orders"}
        ])
    );
    let settings = said(&two.dev, "prod/tenant-settings");
    assert_eq!(settings["default_audience"], "https://prod.example/orders");
    assert_eq!(settings["friendly_name"], "Prod");
    let grant = said(&two.dev, "prod/client-grants/job--orders");
    assert_eq!(grant["scope"], json!(["read", "write"]));
    assert_eq!(grant["audience"], "https://prod.example/orders");
    assert_eq!(grant["client_id"], "p-job");
    for (file, text) in two.dev.files("tenant/prod") {
        assert!(
            !text.contains("dev.example") && !text.contains("d-job"),
            "{file}: {text}"
        );
    }
    two.promote(&[]).exits(0);
    two.prod.sandbox.clear_requests();
    two.on_prod(&["push", "--yes"]).exits(0);
    let sent: Vec<String> = crate::acme::writes(&two.prod);
    insta::assert_snapshot!(sent.join("\n"), @r#"
    PATCH client-grants/cgr_p1 {"scope":["read","write"]}
    POST roles/rol_p/permissions {"permissions":[{"permission_name":"write","resource_server_identifier":"https://prod.example/orders"}]}
    PATCH tenants/settings {"default_audience":"https://prod.example/orders","flags":{"revoke_refresh_token_grant":true}}
    "#);
    assert_eq!(two.on_prod(&["diff"]).exits(0).stdout, "no differences\n");
}

/// The API serves switches that its updates do not know.
#[test]
fn a_switch_that_nobody_can_set_stays_as_each_tenant_has_it() {
    let two = Two::new();
    let (served, other) = ("enable_custom_domain_in_emails", "universal_login");
    // The same in both, other ones, and one that only dev has.
    for (bed, flags) in [
        (
            &two.dev,
            json!({"enable_sso": false, served: true, other: true, "new_universal_login_experience_enabled": true}),
        ),
        (
            &two.prod,
            json!({"enable_sso": true, served: true, other: false}),
        ),
    ] {
        bed.sandbox
            .edit_resource("tenant-settings", "", "flags", Some(flags));
    }
    two.dev.run(["pull", "--tenant", "dev"]).exits(0);
    two.on_prod(&["pull"]).exits(0);
    let run = two.promote(&[]).exits(0);
    for flag in [other, "new_universal_login_experience_enabled"] {
        let told = format!(
            "tenant-settings: flags.{flag} can't be set by anybody, and stays as each tenant has it"
        );
        assert!(run.stdout.contains(&told), "{run}");
    }
    assert!(!run.stdout.contains(served), "{run}");
    assert_eq!(
        said(&two.dev, "prod/tenant-settings")["flags"],
        json!({"enable_sso": false, served: true, other: false})
    );
    two.on_prod(&["push", "--yes"]).exits(0);
    let again = two.promote(&[]).exits(0);
    assert!(again.stdout.contains("no differences"), "{again}");
}

#[test]
fn what_prod_lacks_is_named_and_nothing_is_written() {
    let two = Two::new();
    two.dev.remove("tenant/prod/resource-servers/orders.yaml");
    let files = two.dev.files("tenant/prod");
    let run = two.promote(&[]).exits(1);
    assert_eq!(two.dev.files("tenant/prod"), files);
    insta::assert_snapshot!(run, @"
    exit code 1
    --- stderr
    error: nothing was written: prod lacks what dev refers to
    roles/editor: permissions refers to resource-servers/orders (https://dev.example/orders)
    tenant-settings: default_audience refers to resource-servers/orders (https://dev.example/orders)
    hint: promote it, too, with --create; or make it in prod, pull it with `tenantry pull --tenant prod`, and give its file the same name; or leave the field out with --fields
    ");
}

#[test]
fn a_grant_without_a_counterpart_says_how_it_gets_one() {
    let two = Two::new();
    two.dev.remove("tenant/prod/client-grants/job--orders.yaml");
    let run = two.promote(&["client-grants/*"]).exits(1);
    let line = "client-grants/job--orders: prod has no file of this name, so nothing is promoted; with --create one is written\n";
    assert!(run.stdout.contains(line), "{run}");
}

/// Nobody asked a tenant, so that no tenant is said to have changed: it is prod's file that says something else.
#[test]
fn what_an_edit_in_prods_file_loses_is_not_laid_to_a_tenant() {
    let two = Two::new();
    let file = "prod/roles/editor";
    say(
        &two.dev,
        file,
        "description",
        json!("ours, and never pushed"),
    );
    let run = two.promote(&["roles/*"]);
    assert!(!run.stdout.contains("the tenant"), "{run}");
    assert!(
        run.stdout.contains(
            "roles/editor: description: prod's file had an edit there that was never pushed\n"
        ),
        "{run}"
    );
}

#[test]
fn a_resource_without_a_counterpart_is_listed_with_its_kind() {
    let two = Two::new();
    two.dev.remove("tenant/prod/roles/editor.yaml");
    two.dev.remove("tenant/prod/tenant-settings.yaml");
    let run = two.promote(&["-o", "json"]).exits(1);
    assert_eq!(
        run.json()["without_counterpart"],
        json!([
            {"kind": "roles", "file": "roles/editor.yaml"},
            {"kind": "tenant-settings", "file": "tenant-settings.yaml"}
        ])
    );
    two.dev.write(
        "tenant/prod/overrides.yaml",
        "ignore: [roles/*, tenant-settings]\n",
    );
    let run = two.promote(&["-o", "json"]);
    assert_eq!(run.json()["without_counterpart"], json!([]), "{run}");
}

/// Each part of the attack protection has overrides of its own, and so has a flag.
#[test]
fn what_there_is_one_of_has_overrides() {
    let two = Two::new();
    let own = "attack-protection: {brute-force-protection: {max_attempts: 3}, captcha: {active_provider_id: arkose}}\n\
               tenant-settings: {tenant-settings: {flags: {enable_sso: false}}}\n";
    two.dev.write("tenant/prod/overrides.yaml", own);
    let run = two.promote(&[]);
    assert!(run.code < 2, "{run}");
    let file = said(&two.dev, "prod/attack-protection/brute-force-protection");
    assert_eq!(file["max_attempts"], 3);
    let file = said(&two.dev, "prod/attack-protection/captcha");
    assert_eq!(file["active_provider_id"], "arkose");
    let flags = &said(&two.dev, "prod/tenant-settings")["flags"];
    // Prod's own, dev's, and one that dev does not have.
    let expected =
        json!({"enable_pipeline2": true, "enable_sso": false, "revoke_refresh_token_grant": true});
    assert_eq!(*flags, expected);
}

/// Identifiers under the tenant's own domain are the other one's under its own, also where no file has them.
#[test]
fn audiences_under_the_tenant_s_own_domain_move_along() {
    let bed = Bed::new().start();
    bed.write(
        "tenant/tenantry.yaml",
        "manage: {roles: all, tenant-settings: all}\n",
    );
    for (name, domain, id) in [("dev", DEV_DOMAIN, "rol_d"), ("prod", PROD_DOMAIN, "rol_p")] {
        let permissions = match name {
            "dev" => {
                json!([{"permission_name": "read:me", "resource_server_identifier": format!("https://{DEV_DOMAIN}/me/")}])
            }
            _ => json!([]),
        };
        bed.write(
            &format!("tenant/{name}/roles/editor.yaml"),
            &json!({"id": id, "description": "", "name": "Editor", "permissions": permissions})
                .to_string(),
        );
        let audience = if name == "dev" {
            format!("https://{DEV_DOMAIN}/my-org/")
        } else {
            String::new()
        };
        bed.write(
            &format!("tenant/{name}/tenant-settings.yaml"),
            &json!({"default_audience": audience}).to_string(),
        );
        let lock = json!({"version": bed_version(), "domain": domain, "clients": {}});
        bed.write(&format!("tenant/{name}/tenant.lock"), &lock.to_string());
    }
    bed.run_without_settings(["promote", "--from", "dev", "--to", "prod"])
        .exits(0);
    let role = said(&bed, "prod/roles/editor");
    assert_eq!(
        role["permissions"][0]["resource_server_identifier"],
        format!("https://{PROD_DOMAIN}/me/")
    );
    assert_eq!(
        said(&bed, "prod/tenant-settings")["default_audience"],
        format!("https://{PROD_DOMAIN}/my-org/")
    );
}

/// The version of a lock, as an empty tenant's says.
fn bed_version() -> Value {
    let bed = Bed::new().start();
    bed.pull();
    bed.lock()["version"].clone()
}

/// The Management API of each tenant has its own identifier, and its file the same name; the tool's own grants are nobody else's.
#[test]
fn the_built_in_dev_and_prod_are_promoted_and_pushed() {
    let bed = Bed::new().start();
    bed.write("tenant/tenantry.yaml", ALL);
    for tenant in ["sandbox-dev", "sandbox-prod"] {
        bed.run_without_settings(["pull", "--tenant", tenant])
            .exits(0);
    }
    let run =
        bed.run_without_settings(["promote", "--from", "sandbox-dev", "--to", "sandbox-prod"]);
    assert!(run.code < 2, "{run}");
    for (file, text) in bed.files("tenant/sandbox-prod") {
        assert!(
            file.contains(".sandbox/") || !text.contains("acme-dev"),
            "{file}"
        );
    }
    bed.run_without_settings(["check", "--tenant", "sandbox-prod"])
        .exits(0);
    let run = bed.run_without_settings(["push", "--yes", "--tenant", "sandbox-prod"]);
    assert!(run.code < 2, "{run}");
    let again = bed.run_without_settings([
        "promote",
        "--from",
        "sandbox-dev",
        "--to",
        "sandbox-prod",
        "-o",
        "json",
    ]);
    assert_eq!(again.json()["resources"], json!([]), "{again}");
}

/// A tenant's settings without what they refer to, and the client in use: nothing here needs more than its own kind.
#[test]
fn a_kind_by_itself_is_complete() {
    for kind in [
        "resource-servers",
        "client-grants",
        "roles",
        "tenant-settings",
        "attack-protection",
        "log-streams",
    ] {
        let bed = pulled_as(
            tenant(),
            &format!("manage: {{clients: none, {kind}: all}}\n"),
        );
        assert_eq!(bed.sandbox.client_id(), OWN);
        bed.run(["check"]).exits(0);
        assert_eq!(bed.run(["diff"]).exits(0).stdout, "no differences\n");
        let before = bed.age();
        bed.run(["pull"]).exits(0);
        bed.assert_untouched(&before);
    }
}
