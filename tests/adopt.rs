//! `adopt` end to end: what the Deploy CLI's files say becomes edits of a tenant that was pulled, and nobody is asked.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs;
use std::path::Path;

use common::{Bed, Run};
use serde_json::{Value, json};

/// Clients with callbacks and metadata, and every field of some other kinds.
const MANAGE: &str = "manage:\n  clients: [callbacks, client_metadata, custom_login_page]\n  resource-servers: all\n  client-grants: all\n  \
                      roles: all\n  tenant-settings: [friendly_name, session_lifetime, flags]\n  attack-protection: [brute-force-protection]\n";

/// A small tenant of several kinds, pulled.
fn tenant() -> Bed {
    tenant_with(json!({}))
}

/// The same with more clients, by id.
fn tenant_with(more: Value) -> Bed {
    let shop = json!({
        "description": "The shop", "callbacks": ["https://dev.acme.example/callback"], "client_metadata": {"env": "dev", "team": "shop"},
        "app_type": "regular_web", "grant_types": ["authorization_code"],
    });
    let mut bed = Bed::new()
        .client("id-shop", "Web Shop", shop)
        .client("id-job", "Billing Job", json!({"app_type": "non_interactive"}))
        .sandbox(|sandbox| {
            sandbox
                .resource(
                    "resource-servers",
                    json!({"id": "rs1", "name": "Orders API", "identifier": "https://orders.example", "scopes": [{"value": "read:orders"}]}),
                )
                .resource(
                    "client-grants",
                    json!({"id": "cgr_1", "client_id": "id-job", "audience": "https://orders.example", "scope": [], "subject_type": "client"}),
                )
                .resource("roles", json!({"id": "rol_1", "name": "Clerk", "description": "Sells"}))
        });
    for (id, client) in more.as_object().unwrap() {
        let name = client["name"].as_str().unwrap();
        bed = bed.client(id, name, json!({}));
    }
    let bed = bed.start();
    bed.write("tenant/tenantry.yaml", MANAGE);
    bed.pull();
    bed
}

/// `adopt` with these arguments, in an environment without settings: it asks nobody.
fn adopt(bed: &Bed, arguments: &[&str]) -> Run {
    let asked = bed.requests();
    let run = bed.run_without_settings([&["adopt"], arguments].concat());
    assert_eq!(bed.requests(), asked);
    run
}

/// What the page about it shows: its commands, each with what comes out.
fn commands_of_the_page() -> Vec<(String, String)> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/adopt.md");
    let page = fs::read_to_string(page).unwrap();
    let block = page.split("```shell-session\n").nth(1).unwrap();
    let block = block.split("```").next().unwrap();
    let commands = block.split("$ tenantry ").skip(1);
    let command = |text: &str| {
        let (line, output) = text.split_once('\n').unwrap();
        (line.to_owned(), output.to_owned())
    };
    commands.map(command).collect()
}

#[test]
fn the_page_shows_what_comes_out() {
    let shop = json!({"description": "The shop"});
    let bed = Bed::new()
        .client("Wq7mZr3KfT9xLd2PbVn8sHc5YgJ4uEaR", "Web App (dev)", shop)
        .client("oR5dJx8PkW3nTb6ZvMq2yHs9LfC4gEuA", "Order API", json!({}))
        .start();
    bed.write(".env.dev", &bed.env_file());
    bed.write(
        "deploy-cli/clients/Web App.json",
        "{\n  \"name\": \"Web App (##ENV##)\",\n  \"description\": \"The shop, and its tills\",\n  \
         \"allowed_clients\": [\"Order API\"],\n  \"callbacks\": @@CALLBACKS@@\n}\n",
    );
    exported(
        &bed,
        "clients/Order API.json",
        json!({"name": "Order API", "client_secret": "##ORDER_API_SECRET##"}),
    );
    exported(&bed, "actions/Greet.json", json!({"name": "Greet"}));
    bed.write(
        "config-dev.json",
        r#"{"AUTH0_KEYWORD_REPLACE_MAPPINGS": {"ENV": "dev", "CALLBACKS": ["https://dev.acme.example"]}}"#,
    );
    let commands = commands_of_the_page();
    assert_eq!(commands.len(), 3);
    for (command, output) in commands {
        let run = bed.run_without_settings(command.split(' '));
        let shown = run
            .stdout
            .replace("127.0.0.1:PORT", "acme-dev.eu.auth0.com");
        assert_eq!(shown, output, "{command}");
    }
}

/// Writes a file as the Deploy CLI does.
fn exported(bed: &Bed, file: &str, content: Value) {
    let text = format!("{}\n", serde_json::to_string_pretty(&content).unwrap());
    bed.write(&format!("deploy-cli/{file}"), &text);
}

/// What `a0deploy export --format=directory` wrote of the tenant, and what was edited there since.
fn folder(bed: &Bed) {
    exported(
        bed,
        "clients/Web Shop.json",
        json!({
            "name": "Web Shop", "description": "The shop, and its tills", "callbacks": ["https://dev.acme.example/callback"],
            "allowed_clients": ["Billing Job"], "client_metadata": {"env": "dev"}, "client_secret": "s3cr3t",
            "app_type": "spa", "custom_login_page": "./Web Shop_custom_login_page.html", "signed_request_object": {"required": true},
        }),
    );
    bed.write(
        "deploy-cli/clients/Web Shop_custom_login_page.html",
        "<html>{{ shop }}</html>\n",
    );
    exported(
        bed,
        "clients/Billing Job.json",
        json!({"name": "Billing Job", "allowed_clients": [], "callbacks": []}),
    );
    exported(
        bed,
        "resource-servers/Orders API.json",
        json!({"name": "Orders API", "identifier": "https://orders.example", "scopes": [{"value": "read:orders"}, {"value": "edit:orders"}]}),
    );
    exported(
        bed,
        "grants/Billing Job-Orders API.json",
        json!({"client_id": "Billing Job", "audience": "https://orders.example", "scope": ["read:orders"]}),
    );
    exported(
        bed,
        "roles/Clerk.json",
        json!({"name": "Clerk", "description": "Sells", "permissions": [
            {"permission_name": "read:orders", "resource_server_identifier": "https://orders.example"},
            {"permission_name": "read:stock", "resource_server_identifier": "https://stock.example"},
        ]}),
    );
    exported(
        bed,
        "tenant.json",
        json!({"friendly_name": "Acme", "session_lifetime_in_minutes": 90, "flags": {"enable_sso": true}, "support_url": "https://help.example"}),
    );
    exported(
        bed,
        "attack-protection/brute-force-protection.json",
        json!({"enabled": true, "max_attempts": 5}),
    );
    exported(
        bed,
        "attack-protection/captcha.json",
        json!({"active_provider_id": "auth_challenge"}),
    );
    exported(bed, "connections/google.json", json!({"name": "google"}));
    exported(
        bed,
        "log-streams/Audit.json",
        json!({"name": "Audit", "sink": {"splunkToken": "s3cr3t"}}),
    );
    exported(bed, "clients/Empty.json", json!({}));
}

#[test]
fn the_directory_layout_becomes_edits_and_the_rest_is_a_list() {
    let bed = tenant();
    folder(&bed);
    let run = adopt(&bed, &["deploy-cli"]).exits(1);
    insta::assert_snapshot!(run.stdout, @r#"
    clients/web-shop.yaml  Web Shop id-shop
      description: "The shop" → "The shop, and its tills"
      allowed_clients:
        + "id-job" (Billing Job)
      custom_login_page: (absent) → "<html>{{ shop }}</html>\n"

    resource-servers/orders-api.yaml  Orders API rs1
      scopes:
        + {"value":"edit:orders"}

    client-grants/billing-job--orders-api.yaml  Billing Job → Orders API cgr_1
      scope:
        + "read:orders"
        warning: the client gets `read:orders` at once

    roles/clerk.yaml  Clerk rol_1
      permissions:
        + {"permission_name":"read:orders","resource_server_identifier":"https://orders.example"} (Orders API)
        + {"permission_name":"read:stock","resource_server_identifier":"https://stock.example"}
        warning: whoever has the role gets a permission more at once

    tenant-settings.yaml
      friendly_name: "sandbox" → "Acme"

    attack-protection/brute-force-protection.yaml
      max_attempts: 10 → 5

    8 values written to 6 files

    8 things are left to do:
    attack-protection/: 1 part of attack protection not managed: write `attack-protection: [brute-force-protection, captcha]` under `manage:` in tenantry.yaml, pull, and adopt again
    clients/Web Shop.json: client_secret: it holds a secret, which no file of tenantry has
    clients/Web Shop.json: app_type, signed_request_object: not managed: name it under `manage:` in tenantry.yaml, pull, and adopt again
    connections/: tenantry does not keep these
    log-streams/: 1 log stream not managed: write `log-streams: all` under `manage:` in tenantry.yaml, pull, and adopt again
    roles/Clerk.json: permissions: `https://stock.example` is no API here, and is taken over as it is
    tenant.json: session_lifetime: the API takes no such value: `session_lifetime` is a number with a fraction, not a whole number
    tenant.json: support_url: not managed: name it under `manage:` in tenantry.yaml, pull, and adopt again
    "#);
    assert_eq!(run.stderr, "");
    let written: String = bed.files("tenant").into_values().collect();
    assert!(!written.contains("s3cr3t"));
    insta::assert_snapshot!(bed.run(["diff"]).exits(1).stdout, @r#"
    clients/web-shop.yaml  Web Shop id-shop
      description: "The shop" → "The shop, and its tills"
      allowed_clients:
        + "id-job" (Billing Job)
      custom_login_page: (absent) → "<html>{{ shop }}</html>\n"

    resource-servers/orders-api.yaml  Orders API rs1
      scopes:
        + {"value":"edit:orders"}

    client-grants/billing-job--orders-api.yaml  Billing Job → Orders API cgr_1
      scope:
        + "read:orders"
        warning: the client gets `read:orders` at once

    roles/clerk.yaml  Clerk rol_1
      permissions:
        + {"permission_name":"read:orders","resource_server_identifier":"https://orders.example"} (Orders API)
        + {"permission_name":"read:stock","resource_server_identifier":"https://stock.example"}
        warning: whoever has the role gets a permission more at once

    tenant-settings.yaml
      friendly_name: "sandbox" → "Acme"

    attack-protection/brute-force-protection.yaml
      max_attempts: 10 → 5

    8 edits in 1 client, 1 API, 1 client grant, 1 role, 1 tenant's settings and 1 part of attack protection, 2 risks
    "#);
}

#[test]
fn a_second_time_there_is_nothing_to_do() {
    let bed = tenant();
    folder(&bed);
    let dry = adopt(&bed, &["deploy-cli", "--dry-run"]).exits(1).stdout;
    assert!(dry.contains("would be written"), "{dry}");
    let before = bed.age();
    adopt(&bed, &["deploy-cli", "--dry-run"]).exits(1);
    bed.assert_untouched(&before);
    adopt(&bed, &["deploy-cli"]).exits(1);
    let before = bed.age();
    let again = adopt(&bed, &["deploy-cli"]).exits(1).stdout;
    assert!(again.starts_with("nothing to do\n"), "{again}");
    bed.assert_untouched(&before);
    // Where nothing is left, it is done.
    adopt(&bed, &["deploy-cli", "billing-job"]).exits(0);
}

/// What `a0deploy export --format=yaml` wrote, with comments and keywords of somebody's.
const TENANT_YAML: &str = "\
# All of Acme.
clients:
  # The shop, and its tills.
  - name: 'Web ##WHAT##'
    # Everybody sees this.
    description: The ##WHAT## of ##ENV##
    allowed_clients:
      - Billing Job
    callbacks: @@CALLBACKS@@
    client_metadata:
      env: ##ENV##
      team: shop
  - name: Billing Job
    description: '##NOBODY##'
    callbacks: @@NOTHING@@
    allowed_clients: ##NOTHING##
    # The client_secret is hunter2.
    client_metadata: {}
clientGrants:
  - client_id: Billing Job
    audience: https://orders.example
    scope: []
tenant:
  friendly_name: Acme ##ENV##
  session_lifetime: 168
attackProtection:
  bruteForceProtection:
    max_attempts: ##ATTEMPTS##
  captcha:
    active_provider_id: auth_challenge
actions: []
exclude:
  clients: []
";

const CONFIG: &str = r#"{"AUTH0_CLIENT_SECRET": "hunter2", "AUTH0_KEYWORD_REPLACE_MAPPINGS": {
    "ENV": "dev", "WHAT": "Shop", "CALLBACKS": ["https://dev.acme.example/callback", "https://dev.acme.example/again"], "ATTEMPTS": 7}}"#;

#[test]
fn the_yaml_layout_brings_comments_and_what_keywords_stand_for() {
    let bed = tenant();
    bed.write("deploy-cli/tenant.yaml", TENANT_YAML);
    bed.write("config.json", CONFIG);
    bed.write("tenant/overrides.yaml", "# Ours.\nclients:\n  web-shop:\n    description: Another shop # beside\nignore: [nothing]\n");
    let arguments = ["deploy-cli/tenant.yaml", "--config", "config.json"];
    let run = adopt(&bed, &arguments).exits(1);
    insta::assert_snapshot!(run.stdout, @r#"
    clients/web-shop.yaml  Web Shop id-shop
      allowed_clients:
        + "id-job" (Billing Job)
      callbacks:
        + "https://dev.acme.example/again"

    tenant-settings.yaml
      friendly_name: "sandbox" → "Acme dev"

    attack-protection/brute-force-protection.yaml
      max_attempts: 10 → 7

    clients/web-shop: overrides.yaml has what is this tenant's own: name, callbacks, client_metadata
    tenant-settings: overrides.yaml has what is this tenant's own: friendly_name
    attack-protection/brute-force-protection: overrides.yaml has what is this tenant's own: max_attempts
    4 values written to 3 files; 5 values written to overrides.yaml; 2 comment lines written

    6 things are left to do:
    tenant.yaml:4: clients/web-shop.yaml keeps its name, which overrides.yaml has: rename it in both
    tenant.yaml:4: description: overrides.yaml has another value for it, and nothing is written
    tenant.yaml:13: description: nothing is known to stand for ##NOBODY##: the file of --config says what does, and the environment is not asked
    tenant.yaml:13: allowed_clients: nothing is known to stand for ##NOTHING##: the file of --config says what does, and the environment is not asked
    tenant.yaml:13: callbacks: nothing is known to stand for @@NOTHING@@: the file of --config says what does, and the environment is not asked
    tenant.yaml:29: 1 part of attack protection not managed: write `attack-protection: [brute-force-protection, captcha]` under `manage:` in tenantry.yaml, pull, and adopt again
    "#);
    assert_eq!(run.stderr, "");
    insta::assert_snapshot!(bed.read("tenant/overrides.yaml"), @"
    # Ours.
    clients:
      web-shop:
        callbacks:
          - https://dev.acme.example/callback
          - https://dev.acme.example/again
        client_metadata:
          env: dev
        description: Another shop # beside
        name: Web Shop
    ignore: [nothing]
    tenant-settings:
      tenant-settings:
        friendly_name: Acme dev
    attack-protection:
      brute-force-protection:
        max_attempts: 7
    ");
    insta::assert_snapshot!(bed.read("tenant/clients/web-shop.yaml"), @"
    client_id: id-shop
    # The shop, and its tills.
    name: Web Shop
    # Everybody sees this.
    description: The shop
    allowed_clients:
      - id-job
    callbacks:
      - https://dev.acme.example/callback
      - https://dev.acme.example/again
    client_metadata:
      env: dev
      team: shop
    # Push does not send what follows.
    app_type: regular_web
    grant_types:
      - authorization_code
    ");
    assert!(
        !bed.read("tenant/clients/billing-job.yaml")
            .contains("hunter2")
    );
    bed.run_without_settings(["check"]).exits(0);
    let before = bed.age();
    let again = adopt(&bed, &arguments).exits(1).stdout;
    assert!(again.starts_with("nothing to do\n"), "{again}");
    bed.assert_untouched(&before);
}

#[test]
fn without_a_config_what_has_a_keyword_stays_as_it_is() {
    let bed = tenant();
    bed.write("deploy-cli/tenant.yaml", TENANT_YAML);
    let run = adopt(&bed, &["deploy-cli/tenant.yaml", "billing-job"]).exits(1);
    insta::assert_snapshot!(run.stdout, @"
    nothing to do

    3 things are left to do:
    tenant.yaml:13: description: nothing is known to stand for ##NOBODY##: the file of --config says what does, and the environment is not asked
    tenant.yaml:13: allowed_clients: nothing is known to stand for ##NOTHING##: the file of --config says what does, and the environment is not asked
    tenant.yaml:13: callbacks: nothing is known to stand for @@NOTHING@@: the file of --config says what does, and the environment is not asked
    ");
}

#[test]
fn files_take_its_names_where_nothing_else_has_them() {
    let bed = tenant_with(
        json!({"id-a": {"name": "Old A"}, "id-b": {"name": "Old B"}, "id-c": {"name": "Old C"}}),
    );
    bed.write("tenant/overrides.yaml", "clients: {old-b: {name: Old B}}\n");
    exported(
        &bed,
        "clients/New A.json",
        json!({"name": "Old A", "description": "a"}),
    );
    exported(&bed, "clients/New B.json", json!({"name": "Old B"}));
    exported(&bed, "clients/NUL.json", json!({"name": "Old C"}));
    exported(&bed, "clients/Old A.json", json!({"name": "Web Shop"}));
    exported(
        &bed,
        "clients/undefined.json",
        json!({"client_id": "id-job", "name": "Billing Job"}),
    );
    let run = adopt(&bed, &["deploy-cli"]).exits(1);
    insta::assert_snapshot!(run.stdout, @r#"
    clients/new-a.yaml  Old A id-a
      description: (absent) → "a"

    clients/old-a.yaml is now clients/new-a.yaml
    1 value written to 1 file; 1 file renamed

    3 things are left to do:
    clients/NUL.json: clients/old-c.yaml keeps its name: `nul` can't be one everywhere
    clients/New B.json: clients/old-b.yaml keeps its name, which overrides.yaml has: rename it in both
    clients/Old A.json: clients/web-shop.yaml keeps its name: another file here is called old-a
    "#);
    let mut files = bed.client_files();
    files.sort();
    assert_eq!(
        files,
        [
            "billing-job.yaml",
            "new-a.yaml",
            "old-b.yaml",
            "old-c.yaml",
            "web-shop.yaml"
        ]
    );
    // The lock finds a file by its id, and the next time the name is free.
    bed.run(["diff"]).exits(1);
    let again = adopt(&bed, &["deploy-cli", "web-shop"]).exits(0).stdout;
    assert_eq!(
        again,
        "clients/web-shop.yaml is now clients/old-a.yaml\n1 file renamed\n"
    );
    bed.run(["pull"]).exits(0);
    assert!(bed.path("tenant/clients/old-a.yaml").exists());
}

#[test]
fn no_reference_that_nobody_knows_passes_beside_one_that_stands_here_already() {
    let bed = tenant();
    bed.edit(
        "tenant/clients/web-shop.yaml",
        "description: The shop\n",
        "description: The shop\nallowed_clients: [old-id]\n",
    );
    let allowed = json!(["Gone", "Billing Job", "Gone too", "old-id"]);
    exported(
        &bed,
        "clients/Web Shop.json",
        json!({"name": "Web Shop", "allowed_clients": allowed}),
    );
    let run = adopt(&bed, &["deploy-cli"]).exits(1);
    insta::assert_snapshot!(run.stdout, @"
    nothing to do

    1 thing is left to do:
    clients/Web Shop.json: allowed_clients: `Gone`, `Gone too`: each is no client of its files nor of this tenant, or stands for several
    ");
}

#[test]
fn what_is_not_here_is_never_written_over_a_file_of_its_name() {
    let bed = tenant();
    bed.rename("tenant/clients/web-shop.yaml", "tenant/clients/shop.yaml");
    bed.rename("tenant/roles/clerk.yaml", "tenant/roles/Till.yaml");
    let shop = json!({"name": "Shop", "description": "Another one", "app_type": "spa"});
    exported(&bed, "clients/Shop.json", shop);
    exported(&bed, "clients/Cron 1.json", json!({"name": "Cron"}));
    let other = json!({"name": "Cron 2", "allowed_clients": ["Shop"]});
    exported(&bed, "clients/cron-1.json", other);
    exported(&bed, "roles/Till.json", json!({"name": "Till"}));
    // The name that a file here is about to take is none for another one.
    let job = json!({"name": "Billing Job"});
    exported(&bed, "clients/Worker.json", job);
    exported(&bed, "clients/worker.json", json!({"name": "Worker"}));
    let before = bed.read("tenant/clients/shop.yaml");
    let without = adopt(&bed, &["deploy-cli", "--dry-run"]).exits(1).stdout;
    insta::assert_snapshot!(without, @"
    clients/billing-job.yaml would become clients/worker.yaml
    1 file would be renamed

    5 things are left to do:
    clients/Cron 1.json: no client here is the same; with --create a file is written
    clients/Shop.json: no client here is the same, and another's file is called so: clients/shop.yaml; with --create clients/shop-2.yaml is written
    clients/cron-1.json: no client here is the same, and another's file is called so: clients/cron-1.yaml; with --create clients/cron-1-2.yaml is written
    clients/worker.json: no client here is the same, and another's file is called so: clients/worker.yaml; with --create clients/worker-2.yaml is written
    roles/Till.json: no role here is the same, and another's file is called so: roles/Till.yaml; with --create roles/till-2.yaml is written
    ");
    let run = adopt(&bed, &["deploy-cli", "--create"]).exits(0);
    insta::assert_snapshot!(run.stdout, @r#"
    clients/cron-1.yaml  Cron
      new: the tenant does not have it, and `push --create` makes it
      + name: "Cron"
      warning: grant_types is left out: the tenant allows the implicit grant by default, and client_credentials to what is no native or single-page app
      warning: jwt_configuration.alg is left out: the tenant signs with HS256 by default, by the client's secret

    clients/cron-1-2.yaml  Cron 2
      new: the tenant does not have it, and `push --create` makes it
      + name: "Cron 2"
      + allowed_clients:
        + "clients/shop-2"
      warning: grant_types is left out: the tenant allows the implicit grant by default, and client_credentials to what is no native or single-page app
      warning: jwt_configuration.alg is left out: the tenant signs with HS256 by default, by the client's secret

    clients/shop-2.yaml  Shop
      new: the tenant does not have it, and `push --create` makes it
      + name: "Shop"
      + description: "Another one"
      + app_type: "spa"
      warning: grant_types is left out: the tenant allows the implicit grant by default, and client_credentials to what is no native or single-page app
      warning: jwt_configuration.alg is left out: the tenant signs with HS256 by default, by the client's secret

    clients/worker-2.yaml  Worker
      new: the tenant does not have it, and `push --create` makes it
      + name: "Worker"
      warning: grant_types is left out: the tenant allows the implicit grant by default, and client_credentials to what is no native or single-page app
      warning: jwt_configuration.alg is left out: the tenant signs with HS256 by default, by the client's secret

    roles/till-2.yaml  Till
      new: the tenant does not have it, and `push --create` makes it
      + name: "Till"

    clients/billing-job.yaml is now clients/worker.yaml
    5 new files written, of 4 clients and 1 role; 1 file renamed
    "#);
    assert_eq!(bed.read("tenant/clients/shop.yaml"), before);
    adopt(&bed, &["deploy-cli", "--create", "clients/shop-2"]).exits(1);
    assert_eq!(bed.read("tenant/clients/shop.yaml"), before);
}

#[test]
fn what_the_tenant_lacks_gets_a_file_with_create_and_push_makes_it() {
    let bed = tenant();
    exported(
        &bed,
        "clients/Cron.json",
        json!({
            "name": "Cron", "app_type": "non_interactive", "grant_types": ["client_credentials"], "client_secret": "s3cr3t",
            "jwt_configuration": {"alg": "RS256"}, "logo_uri": "https://logo.example",
        }),
    );
    exported(
        &bed,
        "clients/Web Shop.json",
        json!({"name": "Web Shop", "allowed_clients": ["Cron"]}),
    );
    exported(
        &bed,
        "grants/Cron-Orders API.json",
        json!({"client_id": "Cron", "audience": "https://orders.example", "scope": ["read:orders"]}),
    );
    exported(
        &bed,
        "grants/Gone-Orders API.json",
        json!({"client_id": "Gone", "audience": "https://orders.example", "scope": []}),
    );
    let without = adopt(&bed, &["deploy-cli"]).exits(1).stdout;
    insta::assert_snapshot!(without, @"
    nothing to do

    5 things are left to do:
    clients/Cron.json: no client here is the same; with --create a file is written
    clients/Cron.json: client_secret: it holds a secret, which no file of tenantry has
    clients/Web Shop.json: allowed_clients: it refers to clients/cron, which has no file here; with --create one is written
    grants/Cron-Orders API.json: no client grant here is the same; with --create a file is written
    grants/Gone-Orders API.json: client_id: `Gone` is no client of its files nor of this tenant, or stands for several
    ");
    let run = adopt(&bed, &["deploy-cli", "--create"]).exits(1);
    insta::assert_snapshot!(run.stdout, @r#"
    clients/web-shop.yaml  Web Shop id-shop
      allowed_clients:
        + "clients/cron"

    clients/cron.yaml  Cron
      new: the tenant does not have it, and `push --create` makes it
      + name: "Cron"
      + app_type: "non_interactive"
      + grant_types:
        + "client_credentials"
      + jwt_configuration: {"alg":"RS256"}

    client-grants/cron--orders-api.yaml  cron--orders-api
      new: the tenant does not have it, and `push --create` makes it
      + scope:
        + "read:orders"
      + audience: "https://orders.example"
      + client_id: "clients/cron"

    1 value written to 1 file; 2 new files written, of 1 client and 1 client grant

    3 things are left to do:
    clients/Cron.json: client_secret: it holds a secret, which no file of tenantry has
    clients/Cron.json: logo_uri: not managed: name it under `manage:` in tenantry.yaml, pull, and adopt again
    grants/Gone-Orders API.json: client_id: `Gone` is no client of its files nor of this tenant, or stands for several
    "#);
    insta::assert_snapshot!(bed.read("tenant/clients/cron.yaml"), @"
    name: Cron
    app_type: non_interactive
    grant_types:
      - client_credentials
    jwt_configuration:
      alg: RS256
    ");
    insta::assert_snapshot!(bed.read("tenant/client-grants/cron--orders-api.yaml"), @"
    scope:
      - read:orders
    audience: https://orders.example
    client_id: clients/cron
    ");
    let again = adopt(&bed, &["deploy-cli", "--create"]).exits(1).stdout;
    assert!(again.starts_with("nothing to do\n"), "{again}");
    bed.run(["push", "--create", "--yes"]).exits(0);
    bed.run(["diff"]).exits(0);
    let made = adopt(&bed, &["deploy-cli", "--create"]).exits(1).stdout;
    assert!(made.starts_with("nothing to do\n"), "{made}");
}

#[test]
fn a_keyword_for_a_whole_map_makes_each_of_its_keys_the_tenants_own() {
    let bed = tenant();
    bed.write(
        "deploy-cli/clients/Web Shop.json",
        "{\"name\": \"Web Shop\", \"client_metadata\": @@META@@}",
    );
    bed.write(
        "deploy-cli/clients/Billing Job.json",
        "{\"name\": \"Billing Job\", \"client_metadata\": \"@@NONE@@\"}",
    );
    bed.write(
        "config.json",
        r#"{"AUTH0_KEYWORD_REPLACE_MAPPINGS": {"META": {"env": "dev", "team": "tills"}, "NONE": {}}}"#,
    );
    let run = adopt(&bed, &["deploy-cli", "--config", "config.json"]).exits(0);
    insta::assert_snapshot!(run.stdout, @r#"
    clients/web-shop.yaml  Web Shop id-shop
      client_metadata.team: "shop" → "tills"

    clients/web-shop: overrides.yaml has what is this tenant's own: client_metadata
    1 value written to 1 file; 1 value written to overrides.yaml
    "#);
    insta::assert_snapshot!(bed.read("tenant/overrides.yaml"), @"
    clients:
      web-shop:
        client_metadata:
          env: dev
          team: tills
    ");
}

#[test]
fn what_is_called_the_same_needs_an_id() {
    let bed =
        tenant_with(json!({"id-1": {"name": "Default App"}, "id-2": {"name": "Default App"}}));
    exported(
        &bed,
        "clients/Default App.json",
        json!({"name": "Default App", "description": "one"}),
    );
    exported(
        &bed,
        "clients/Second.json",
        json!({"client_id": "id-2", "name": "Default App", "description": "two"}),
    );
    exported(
        &bed,
        "clients/Job 1.json",
        json!({"name": "Billing Job", "description": "a"}),
    );
    exported(
        &bed,
        "clients/Job 2.json",
        json!({"name": "Billing Job", "description": "b"}),
    );
    exported(&bed, "clients/Nobody.json", json!({"description": "c"}));
    let run = adopt(&bed, &["deploy-cli"]).exits(1);
    insta::assert_snapshot!(run.stdout, @r#"
    clients/second.yaml  Default App id-2
      description: (absent) → "two"

    clients/default-app-id-2.yaml is now clients/second.yaml
    1 value written to 1 file; 1 file renamed

    4 things are left to do:
    clients/Default App.json: 2 of its clients are the same by name: write its `client_id` there
    clients/Job 1.json: 2 of its clients are the same by name: write its `client_id` there
    clients/Job 2.json: 2 of its clients are the same by name: write its `client_id` there
    clients/Nobody.json: nothing in it says which client it is
    "#);
}

#[test]
fn a_flag_that_nobody_documents_keeps_no_other_from_being_adopted() {
    let bed = tenant();
    let settings = bed.read("tenant/tenant-settings.yaml");
    let settings = settings.replacen("flags:\n", "flags:\n  brand_new: true\n", 1);
    assert!(settings.contains("brand_new"), "{settings}");
    bed.write("tenant/tenant-settings.yaml", &settings);
    exported(
        &bed,
        "tenant.json",
        json!({"flags": {"enable_sso": false, "revoke_refresh_token_grant": "no"}}),
    );
    let run = adopt(&bed, &["deploy-cli"]).exits(1);
    insta::assert_snapshot!(run.stdout, @"
    tenant-settings.yaml
      flags.enable_sso: true → false

    1 value written to 1 file

    1 thing is left to do:
    tenant.json: flags.revoke_refresh_token_grant: no update takes this value of it, and it stays as it is
    ");
    exported(&bed, "tenant.json", json!({"flags": {"enable_sso": false}}));
    let run = adopt(&bed, &["deploy-cli"]).exits(0);
    insta::assert_snapshot!(run.stdout, @"nothing to do");
}

#[test]
fn a_login_page_is_its_file_and_never_its_path() {
    let bed = tenant_with(json!({
        "id-2": {"name": "Two"}, "id-3": {"name": "Three"}, "id-4": {"name": "Four"}, "id-5": {"name": "Five"},
    }));
    let pages = [
        ("Web Shop", "./##SHOP##_custom_login_page.html"),
        ("Billing Job", "./Billing Job_custom_login_page.html"),
        ("Two", "./login.htm"),
        ("Three", "../pages/shared.html"),
        ("Four", "Please log in."),
        ("Five", "##SHOP##.page"),
    ];
    for (name, page) in pages {
        let client = json!({"name": name, "custom_login_page": page});
        exported(&bed, &format!("clients/{name}.json"), client);
    }
    let files = [
        ("clients/##SHOP##_custom_login_page.html", "<b>##SHOP##</b>"),
        ("clients/login.htm", "<i>old</i>"),
        ("clients/Tills.page", "<i>tills</i>"),
        ("pages/shared.html", "<p>shared</p>"),
    ];
    for (file, text) in files {
        bed.write(&format!("deploy-cli/{file}"), text);
    }
    bed.write(
        "config.json",
        r#"{"AUTH0_KEYWORD_REPLACE_MAPPINGS": {"SHOP": "Tills"}}"#,
    );
    let run = adopt(&bed, &["deploy-cli", "--config", "config.json"]).exits(1);
    insta::assert_snapshot!(run.stdout, @r#"
    clients/five.yaml  Five id-5
      custom_login_page: (absent) → "<i>tills</i>"

    clients/four.yaml  Four id-4
      custom_login_page: (absent) → "Please log in."

    clients/three.yaml  Three id-3
      custom_login_page: (absent) → "<p>shared</p>"

    clients/two.yaml  Two id-2
      custom_login_page: (absent) → "<i>old</i>"

    clients/web-shop.yaml  Web Shop id-shop
      custom_login_page: (absent) → "<b>Tills</b>"

    clients/web-shop: overrides.yaml has what is this tenant's own: custom_login_page
    5 values written to 5 files; 1 value written to overrides.yaml

    2 things are left to do:
    clients/Billing Job.json: custom_login_page: its page clients/Billing Job_custom_login_page.html is not there
    pages/: tenantry does not keep these
    "#);
}

#[test]
fn keywords_of_small_letters_are_keywords() {
    let bed = tenant();
    bed.write(
        "deploy-cli/tenant.yaml",
        "clients:\n  - name: Web Shop\n    description: 'The ##env## shop'\n    callbacks: ##Call-backs.1##\n    custom_login_page: |\n      \
         <script>@@config@@</script>\n",
    );
    let run = adopt(&bed, &["deploy-cli/tenant.yaml"]).exits(1);
    insta::assert_snapshot!(run.stdout, @r#"
    clients/web-shop.yaml  Web Shop id-shop
      custom_login_page: (absent) → "<script>@@config@@</script>\n"

    1 value written to 1 file

    2 things are left to do:
    tenant.yaml:2: callbacks: nothing is known to stand for ##Call-backs.1##: the file of --config says what does, and the environment is not asked
    tenant.yaml:2: description: nothing is known to stand for ##env##: the file of --config says what does, and the environment is not asked
    "#);
}

#[test]
fn json_is_one_document() {
    let bed = tenant();
    folder(&bed);
    let run = adopt(&bed, &["deploy-cli", "web-shop", "-o", "json"]).exits(1);
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(document["version"], 2);
    insta::assert_snapshot!(run.stdout, @r#"
    {
      "version": 2,
      "tenant": {
        "name": null,
        "domain": "127.0.0.1:PORT"
      },
      "renamed": [],
      "resources": [
        {
          "kind": "clients",
          "id": "id-shop",
          "name": "Web Shop",
          "file": "clients/web-shop.yaml",
          "state": "changed",
          "fields": [
            {
              "field": "description",
              "change": "edit",
              "from": "The shop, and its tills",
              "to": "The shop"
            },
            {
              "field": "allowed_clients",
              "change": "edit",
              "from": [
                "id-job"
              ]
            },
            {
              "field": "custom_login_page",
              "change": "edit",
              "from": "<html>{{ shop }}</html>\n"
            }
          ]
        }
      ],
      "overrides": [],
      "comments": 0,
      "left": [
        {
          "place": "clients/Web Shop.json",
          "fields": [
            "client_secret"
          ],
          "reason": "it holds a secret, which no file of tenantry has"
        },
        {
          "place": "clients/Web Shop.json",
          "fields": [
            "app_type",
            "signed_request_object"
          ],
          "reason": "not managed: name it under `manage:` in tenantry.yaml, pull, and adopt again"
        }
      ]
    }
    "#);
}

#[test]
fn nothing_is_trusted() {
    let bed = tenant();
    bed.write("outside.html", "outside");
    exported(
        &bed,
        "clients/A.json",
        json!({"name": "Web Shop", "custom_login_page": "../../outside.html", "description": "\u{1b}[31mred"}),
    );
    exported(
        &bed,
        "clients/B\u{1b}[2J.json",
        json!({"name": "Billing\u{1b}[2J", "description": "x"}),
    );
    exported(
        &bed,
        "clients/C.json",
        json!({"name": "Billing Job", "custom_login_page": "/etc/passwd.html"}),
    );
    let run = adopt(&bed, &["deploy-cli"]).exits(1);
    assert!(!run.stdout.contains('\u{1b}') && !run.stderr.contains('\u{1b}'));
    insta::assert_snapshot!(run.stdout, @r#"
    clients/a.yaml  Web Shop id-shop
      description: "The shop" → "\u001b[31mred"

    clients/web-shop.yaml is now clients/a.yaml
    clients/billing-job.yaml is now clients/c.yaml
    1 value written to 1 file; 2 files renamed

    3 things are left to do:
    clients/A.json: custom_login_page: its page can't be read: it is not in deploy-cli
    clients/B\u{1b}[2J.json: no client here is the same; with --create a file is written
    clients/C.json: custom_login_page: its page clients/etc/passwd.html is not there
    "#);
    let errors = [
        ("a.yaml", "clients: &a [1]\nroles: *a\n"),
        ("b.yaml", "clients: [\n"),
        ("c.yaml", "clients:\n  - name: a\n    name: b\n"),
        ("d.txt", ""),
        ("e.yaml", ""),
        ("none.yaml", ""),
    ]
    .map(|(name, text)| {
        if name != "none.yaml" {
            bed.write(name, text);
        }
        adopt(&bed, &[name]).exits(2).stderr
    });
    insta::assert_snapshot!(errors.concat(), @"
    error: a.yaml:1:10: has an anchor (`&…`), which files may not have
    hint: `yq 'explode(.)' a.yaml > flat.yaml` writes it out in full: adopt flat.yaml, in the same folder
    error: b.yaml:2:1: is not YAML: while parsing a node, did not find expected node content
    hint: indent with spaces, and put text into quotes that begins with a sign or contains `: ` or ` #`
    error: c.yaml:3:5: `name` is there twice, first on line 2
    hint: keep one of the two
    error: can't read d.txt: it is neither a folder nor a YAML file
    hint: name what `a0deploy export` wrote: its folder, or its tenant.yaml
    error: can't read e.yaml: nothing in it is of the Deploy CLI
    hint: name what `a0deploy export` wrote: its folder, or its tenant.yaml
    error: can't read none.yaml: there is no such file
    hint: name what `a0deploy export` wrote: its folder, or its tenant.yaml
    ");
}

#[cfg(unix)]
#[test]
fn no_link_leads_out_of_the_folder() {
    let bed = tenant();
    exported(&bed, "clients/A.json", json!({"name": "Web Shop"}));
    bed.write(
        "secret.json",
        "{\"name\": \"Billing Job\", \"description\": \"outside\"}",
    );
    std::os::unix::fs::symlink("../../secret.json", bed.path("deploy-cli/clients/B.json")).unwrap();
    let run = adopt(&bed, &["deploy-cli"]).exits(2);
    insta::assert_snapshot!(run.stderr, @"
    error: clients/B.json: a link leads out of deploy-cli
    hint: nothing was written
    ");
}

#[test]
fn a_name_with_a_keyword_makes_a_file_name_without() {
    let bed = tenant_with(
        json!({"id-a": {"name": "A dev"}, "id-b": {"name": "A"}, "id-c": {"name": "dev"}}),
    );
    bed.write(
        "deploy-cli/tenant.yaml",
        "clients:\n  - name: 'Web ##WHAT##'\n  - name: '##BILLING## Job'\n  - name: 'A ##ENV##'\n  - name: A\n  - name: '##ENV##'\n\
         resourceServers:\n  - {name: 'Orders ##API##', identifier: 'https://orders.##HOST##'}\n\
         clientGrants:\n  - {client_id: '##BILLING## Job', audience: 'https://orders.##HOST##', scope: []}\n  - {client_id: 'Web ##WHAT##', audience: 'https://##HOST##/api/v2/', scope: []}\n",
    );
    bed.write(
        "config.json",
        r#"{"AUTH0_KEYWORD_REPLACE_MAPPINGS": {"WHAT": "Shop", "BILLING": "Billing", "ENV": "dev", "API": "API", "HOST": "example"}}"#,
    );
    let run = adopt(&bed, &["deploy-cli/tenant.yaml", "--config", "config.json"]).exits(1);
    insta::assert_snapshot!(run.stdout, @"
    clients/web-shop.yaml is now clients/web.yaml
    clients/billing-job.yaml is now clients/job.yaml
    resource-servers/orders-api.yaml is now resource-servers/orders.yaml
    client-grants/billing-job--orders-api.yaml is now client-grants/job--orders.yaml
    clients/a-dev: overrides.yaml has what is this tenant's own: name
    clients/dev: overrides.yaml has what is this tenant's own: name
    clients/job: overrides.yaml has what is this tenant's own: name
    clients/web: overrides.yaml has what is this tenant's own: name
    resource-servers/orders: overrides.yaml has what is this tenant's own: name
    4 files renamed; 5 values written to overrides.yaml

    1 thing is left to do:
    tenant.yaml:11: no client grant here is the same; with --create a file is written
    ");
    let run = adopt(&bed, &["deploy-cli/tenant.yaml", "--config", "config.json"]).exits(1);
    insta::assert_snapshot!(run.stdout, @"
    nothing to do

    1 thing is left to do:
    tenant.yaml:11: no client grant here is the same; with --create a file is written
    ");
}

#[test]
fn one_keyword_that_cannot_be_told_hides_no_other() {
    let bed = tenant();
    bed.write(
        "deploy-cli/tenant.yaml",
        "clients:\n  - name: Web Shop\n    description: '##TEAM##'\n    callbacks: ##LIST##\n    client_metadata: {env: '##ENV##', team: shop}\n\
         tenant:\n  friendly_name: ##TEAM##\n",
    );
    let mut told = Vec::new();
    for list in [r#""[https://a.example]""#, r#""[\"https://a.example\"]""#] {
        let config = format!(
            r#"{{"AUTH0_KEYWORD_REPLACE_MAPPINGS": {{"LIST": {list}, "TEAM": "Tills", "ENV": "dev"}}}}"#
        );
        bed.write("config.json", &config);
        let arguments = [
            "deploy-cli/tenant.yaml",
            "--config",
            "config.json",
            "--dry-run",
        ];
        let run = adopt(&bed, &arguments).exits(1).stdout;
        let own = run.lines().filter(|line| line.contains("overrides.yaml"));
        told.extend(own.map(str::to_owned));
    }
    insta::assert_snapshot!(told.join("\n"), @"
    clients/web-shop: overrides.yaml would have what is this tenant's own: description, client_metadata
    tenant-settings: overrides.yaml would have what is this tenant's own: friendly_name
    3 values would be written to 2 files; 3 values would be written to overrides.yaml
    tenant.yaml: which fields have LIST can't be told: write what is this tenant's own into overrides.yaml
    clients/web-shop: overrides.yaml would have what is this tenant's own: description, callbacks, client_metadata
    tenant-settings: overrides.yaml would have what is this tenant's own: friendly_name
    3 values would be written to 2 files; 4 values would be written to overrides.yaml
    ");
}

#[cfg(unix)]
#[test]
fn a_link_to_a_folder_is_named_and_not_read() {
    let bed = tenant();
    bed.write("shared/Web Shop.json", "{\"name\": \"Web Shop\"}");
    exported(&bed, "roles/Clerk.json", json!({"name": "Clerk"}));
    for link in ["clients", "other"] {
        std::os::unix::fs::symlink("../shared", bed.path(&format!("deploy-cli/{link}"))).unwrap();
    }
    let run = adopt(&bed, &["deploy-cli"]).exits(1);
    insta::assert_snapshot!(run.stdout, @"
    nothing to do

    1 thing is left to do:
    clients/: a link to a folder is not read: copy the folder into its place
    ");
}

#[test]
fn a_kind_that_is_not_managed_is_one_line_with_what_to_write() {
    let bed = tenant();
    bed.write("tenant/tenantry.yaml", "");
    for number in 1..4 {
        let role = json!({"name": format!("Role {number}")});
        exported(&bed, &format!("roles/{number}.json"), role);
    }
    exported(&bed, "tenant.json", json!({"friendly_name": "Acme"}));
    for part in ["brute-force-protection", "captcha"] {
        let file = format!("attack-protection/{part}.json");
        exported(&bed, &file, json!({"enabled": true}));
    }
    let run = adopt(&bed, &["deploy-cli"]).exits(1);
    insta::assert_snapshot!(run.stdout, @"
    nothing to do

    3 things are left to do:
    attack-protection/: 2 parts of attack protection not managed: write `attack-protection: [brute-force-protection, captcha]` under `manage:` in tenantry.yaml, pull, and adopt again
    roles/: 3 roles not managed: write `roles: all` under `manage:` in tenantry.yaml, pull, and adopt again
    tenant.json: 1 tenant's settings not managed: write `tenant-settings: all` under `manage:` in tenantry.yaml, pull, and adopt again
    ");
}

#[test]
fn a_grant_of_an_api_that_nobody_can_tell_is_never_to_be_made() {
    let bed = tenant();
    for (field, file) in [("audience", "A"), ("client_id", "B")] {
        let mut grant =
            json!({"client_id": "Billing Job", "audience": "https://orders.example", "scope": []});
        grant[field] = json!("https://##HOST##");
        exported(&bed, &format!("grants/{file}.json"), grant);
    }
    for arguments in [&["deploy-cli"][..], &["deploy-cli", "--create"]] {
        let run = adopt(&bed, arguments).exits(1);
        assert!(!run.stdout.contains("is written"), "{}", run.stdout);
        insta::allow_duplicates! {
            insta::assert_snapshot!(run.stdout, @"
    nothing to do

    4 things are left to do:
    grants/A.json: audience: nothing is known to stand for ##HOST##: the file of --config says what does, and the environment is not asked
    grants/A.json: nothing in it says which client grant it is
    grants/B.json: client_id: nothing is known to stand for ##HOST##: the file of --config says what does, and the environment is not asked
    grants/B.json: nothing in it says which client grant it is
    ");
        }
    }
}

#[test]
fn a_config_is_never_quoted_and_never_blows_up() {
    let bed = tenant();
    exported(
        &bed,
        "clients/Web Shop.json",
        json!({"name": "Web Shop", "description": "##A##"}),
    );
    let chain: Vec<String> = (0..30)
        .map(|n| format!("\"K{n}\": \"##K{0}####K{0}##\"", n + 1))
        .collect();
    let bomb = format!(
        "{{\"AUTH0_KEYWORD_REPLACE_MAPPINGS\": {{\"A\": \"##K0##\", {}}}}}",
        chain.join(", ")
    );
    let configs = [
        "{\"AUTH0_CLIENT_SECRET\": \"hunter2\"",
        "{\"AUTH0_CLIENT_SECRET\": \"hunter2\", \"AUTH0_KEYWORD_REPLACE_MAPPINGS\": [1]}",
        &bomb,
    ];
    let errors = configs.map(|config| {
        bed.write("config.json", config);
        adopt(&bed, &["deploy-cli", "--config", "config.json"])
            .exits(2)
            .stderr
    });
    assert!(!errors.concat().contains("hunter2"));
    insta::assert_snapshot!(errors.concat(), @"
    error: can't use config.json: line 1 is no JSON
    hint: --config names the config.json of the Deploy CLI, with AUTH0_KEYWORD_REPLACE_MAPPINGS
    error: can't use config.json: `AUTH0_KEYWORD_REPLACE_MAPPINGS` is no map of keywords
    hint: --config names the config.json of the Deploy CLI, with AUTH0_KEYWORD_REPLACE_MAPPINGS
    error: clients/Web Shop.json: its keywords make it larger than any file may be
    hint: nothing was written
    ");
}

#[test]
fn the_tenant_is_pulled_before() {
    let bed = Bed::new().start();
    exported(&bed, "clients/Web Shop.json", json!({"name": "Web Shop"}));
    let run = adopt(&bed, &["deploy-cli"]).exits(2);
    insta::assert_snapshot!(run.stderr, @"
    error: there is no folder tenant
    hint: `tenantry pull` makes it
    ");
    bed.write("tenant/clients/.keep", "");
    let run = adopt(&bed, &["deploy-cli"]).exits(2);
    insta::assert_snapshot!(run.stderr, @"
    error: tenant has no tenant.lock
    hint: pull first: what the Deploy CLI's files say is compared with what the tenant has
    ");
}

#[test]
fn what_the_deploy_cli_was_told_to_leave_is_left() {
    let bed = tenant();
    folder(&bed);
    bed.write(
        "config.json",
        "{\"AUTH0_DOMAIN\": \"other.example\", \"AUTH0_INCLUDED_ONLY\": [\"roles\"]}",
    );
    let run = adopt(&bed, &["deploy-cli", "--config", "config.json"]).exits(1);
    insta::assert_snapshot!(format!("{}{}", run.stdout, run.stderr), @r#"
    roles/clerk.yaml  Clerk rol_1
      permissions:
        + {"permission_name":"read:orders","resource_server_identifier":"https://orders.example"} (Orders API)
        + {"permission_name":"read:stock","resource_server_identifier":"https://stock.example"}
        warning: whoever has the role gets a permission more at once

    1 value written to 1 file

    1 thing is left to do:
    roles/Clerk.json: permissions: `https://stock.example` is no API here, and is taken over as it is
    warning: the settings of the Deploy CLI are for other.example, and these files for 127.0.0.1:PORT: its keywords may stand for another tenant's values
    "#);
}

#[test]
fn what_the_deploy_cli_never_deploys_is_left_with_its_grants() {
    let bed = tenant_with(
        json!({"id-ci": {"name": "CI"}, "id-old": {"name": "Old"}, "id-other": {"name": "Other"}}),
    );
    bed.edit(
        "tenant/clients/other.yaml",
        "name: Other\n",
        "name: Other\nis_first_party: false\n",
    );
    for (name, is_first_party) in [
        ("CI", true),
        ("Old", true),
        ("Other", false),
        ("Web Shop", true),
    ] {
        let client = json!({
            "name": name, "is_first_party": is_first_party, "description": "edited", "client_secret": "s3cr3t",
        });
        exported(&bed, &format!("clients/{name}.json"), client);
        let grant = json!({"client_id": name, "audience": "https://orders.example", "scope": ["read:orders"]});
        exported(&bed, &format!("grants/{name}-Orders API.json"), grant);
    }
    exported(
        &bed,
        "resource-servers/Orders API.json",
        json!({"name": "Orders API", "identifier": "https://orders.example", "scopes": []}),
    );
    bed.write(
        "config.json",
        r#"{"AUTH0_CLIENT_ID": "id-ci", "AUTH0_EXCLUDED_CLIENTS": ["Old"], "AUTH0_EXCLUDED_RESOURCE_SERVERS": ["Orders API"],
            "AUTH0_EXCLUDE_THIRD_PARTY_CLIENTS": "true"}"#,
    );
    let run = adopt(&bed, &["deploy-cli", "--config", "config.json"]).exits(1);
    insta::assert_snapshot!(run.stdout, @r#"
    clients/web-shop.yaml  Web Shop id-shop
      description: "The shop" → "edited"

    1 value written to 1 file

    10 things are left to do:
    clients/CI.json: the Deploy CLI leaves it alone
    clients/Old.json: the Deploy CLI leaves it alone
    clients/Other.json: the Deploy CLI leaves it alone
    clients/Web Shop.json: client_secret: it holds a secret, which no file of tenantry has
    clients/Web Shop.json: is_first_party: not managed: name it under `manage:` in tenantry.yaml, pull, and adopt again
    grants/CI-Orders API.json: the Deploy CLI leaves it alone
    grants/Old-Orders API.json: the Deploy CLI leaves it alone
    grants/Other-Orders API.json: the Deploy CLI leaves it alone
    grants/Web Shop-Orders API.json: no client grant here is the same; with --create a file is written
    resource-servers/Orders API.json: the Deploy CLI leaves it alone
    "#);
    // The YAML file's own list is in the place of that of the settings.
    bed.write(
        "tenant.yaml",
        "clients:\n  - {name: Old, description: edited, is_first_party: true}\n  - {name: Web Shop, description: again, is_first_party: true}\n\
         exclude:\n  clients: [Web Shop]\n",
    );
    let run = adopt(&bed, &["tenant.yaml", "--config", "config.json"]).exits(1);
    insta::assert_snapshot!(run.stdout, @r#"
    clients/old.yaml  Old id-old
      description: (absent) → "edited"

    1 value written to 1 file

    2 things are left to do:
    tenant.yaml:2: is_first_party: not managed: name it under `manage:` in tenantry.yaml, pull, and adopt again
    tenant.yaml:3: the Deploy CLI leaves it alone
    "#);
}
