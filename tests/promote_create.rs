//! `promote --create` end to end: what prod lacks becomes files without ids, which `push --create` makes; then both are the same.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Bed, Run, without_secrets};
use serde_json::{Value, json};

const MANAGE: &str =
    "manage: {clients: [callbacks], resource-servers: all, client-grants: all, roles: all}\n";
const OWN: &str = "theClientByWhichTheToolWorks0001";

/// A dev tenant with applications, APIs, grants and roles that refer to one another, and a prod tenant with next to nothing, pulled
/// into the folder of dev's bed.
struct Two {
    dev: Bed,
    prod: Bed,
}

fn own(name: &str) -> Value {
    json!({"client_id": OWN, "name": name, "app_type": "non_interactive"})
}

impl Two {
    fn new() -> Two {
        Two::managing(MANAGE)
    }

    fn managing(project: &str) -> Two {
        let web = json!({
            "app_type": "spa", "allowed_clients": ["d-api", "https://else.example"], "callbacks": ["https://dev.example/back"],
            "grant_types": ["authorization_code"], "oidc_conformant": true, "token_endpoint_auth_method": "none",
            "jwt_configuration": {"alg": "RS256", "secret_encoded": false}, "allowed_logout_urls": ["https://dev.example"], "client_secret": "s3cret",
            "client_metadata": {"stage": "dev"}, "default_organization": {"organization_id": "org_dev", "flows": ["client_credentials"]}
        });
        let dev = Bed::new()
            .client("d-web", "Web", web)
            .client("d-api", "API", json!({"allowed_clients": ["d-web"]}))
            .sandbox(|sandbox| {
                sandbox
                    .client(own("Tenantry of dev"))
                    .credentials(OWN, "the-secret")
                    .resource("resource-servers", api("a-d", "Orders", "https://api.example/orders"))
                    .resource("client-grants", grant("cgr_d1", "d-api", "https://api.example/orders"))
                    .resource("roles", json!({"id": "rol_d", "name": "Editor", "description": "", "permissions": [
                        {"permission_name": "read", "resource_server_identifier": "https://api.example/orders"}
                    ]}))
            })
            .start();
        let prod = Bed::new()
            .sandbox(|sandbox| {
                sandbox
                    .client(own("Tenantry of prod"))
                    .credentials(OWN, "the-secret")
            })
            .start();
        let two = Two { dev, prod };
        two.dev.write("tenant/tenantry.yaml", project);
        // The settings of dev say which client is the tool's own there.
        two.dev.write(".env.dev", &two.dev.env_file());
        two.dev.run(["pull", "--tenant", "dev"]).exits(0);
        two.on_prod(&["pull"]).exits(0);
        two.dev.sandbox.clear_requests();
        two.prod.sandbox.clear_requests();
        two
    }

    fn on_prod(&self, arguments: &[&str]) -> Run {
        let mut command = self.dev.command();
        command.envs(self.prod.settings()).args(arguments);
        command.args(["--tenant", "prod"]);
        self.dev.run_command(command)
    }

    /// `promote` with these options, without settings in the environment: it asks nobody.
    fn promote(&self, options: &[&str]) -> Run {
        let promote = ["promote", "--from", "dev", "--to", "prod"];
        let run = self.dev.run_without_settings([&promote, options].concat());
        assert_eq!(self.dev.requests(), [""; 0]);
        run
    }

    fn prod_file(&self, file: &str) -> Value {
        serde_yaml::from_str(&self.dev.read(&format!("tenant/prod/{file}.yaml"))).unwrap()
    }
}

fn api(id: &str, name: &str, identifier: &str) -> Value {
    json!({"id": id, "name": name, "identifier": identifier, "scopes": [{"value": "read"}], "signing_alg": "RS256"})
}

fn grant(id: &str, client: &str, audience: &str) -> Value {
    json!({"id": id, "client_id": client, "audience": audience, "scope": ["read"], "subject_type": "client"})
}

/// What a client is, without what differs from tenant to tenant.
fn said(client: &Value) -> Value {
    let mut client = without_secrets(client.as_object().unwrap());
    for own in [
        "client_id",
        "tenant",
        "allowed_clients",
        "allowed_logout_urls",
        "client_metadata",
        "default_organization",
    ] {
        client.shift_remove(own);
    }
    Value::Object(client)
}

#[test]
fn an_empty_prod_becomes_what_dev_is_and_then_nothing_is_left_to_do() {
    let two = Two::new();
    let run = two.promote(&["--create"]).exits(0);
    let (_, remarks) = run.stdout.split_once("new files written").unwrap();
    insta::assert_snapshot!(remarks, @"
    , of 2 clients, 1 API, 1 client grant and 1 role
    clients/web: allowed_clients: https://else.example is no client of dev, and is carried as it is
    clients/web: default_organization means something in dev only, and stays there; prod's own can stand in its overrides.yaml
    clients/tenantry-of-dev: nothing is promoted of it: tenantry works by it, and by another one in each tenant
    client-grants/tenantry-of-dev--auth0-management-api: nothing is promoted of it: tenantry works by its client, and by another one in each tenant
    ");
    insta::assert_snapshot!(two.dev.read("tenant/prod/clients/web.yaml"), @r#"
    name: Web
    allowed_clients:
      - clients/api
      - https://else.example
    callbacks:
      - https://dev.example/back
    app_type: spa
    grant_types:
      - authorization_code
    jwt_configuration:
      alg: RS256
      secret_encoded: false
    oidc_conformant: true
    token_endpoint_auth_method: "none"
    "#);
    insta::assert_snapshot!(two.dev.read("tenant/prod/client-grants/api--orders.yaml"), @"
    scope:
      - read
    audience: https://api.example/orders
    client_id: clients/api
    subject_type: client
    ");
    two.dev
        .run_without_settings(["check", "--tenant", "prod"])
        .exits(0);
    // What is there without an id is a counterpart like any other.
    for options in [&["--create"][..], &[]] {
        let before = two.dev.age();
        let run = two.promote(options).exits(0);
        assert!(run.stdout.starts_with("no differences\n"), "{run}");
        two.dev.assert_untouched(&before);
    }
    assert_eq!(two.prod.requests(), [""; 0]);
    two.on_prod(&["push", "--create", "--yes"]).exits(0);
    assert_eq!(two.on_prod(&["diff"]).exits(0).stdout, "no differences\n");
    let run = two.promote(&["--create"]).exits(0);
    assert!(run.stdout.starts_with("no differences\n"), "{run}");

    let by_name = |bed: &Bed, name: &str| {
        let clients = bed.sandbox.clients();
        clients
            .into_iter()
            .find(|client| client["name"] == name)
            .unwrap()
    };
    let [web, api] = ["Web", "API"].map(|name| by_name(&two.prod, name));
    let said_by_dev = said(&by_name(&two.dev, "Web"));
    for (field, value) in said_by_dev.as_object().unwrap() {
        assert_eq!(&web[field], value, "{field}");
    }
    assert_eq!(
        web["allowed_clients"],
        json!([api["client_id"], "https://else.example"])
    );
    assert_eq!(api["allowed_clients"], json!([web["client_id"]]));
    for own in [
        "allowed_logout_urls",
        "client_metadata",
        "default_organization",
    ] {
        assert!(web.get(own).is_none(), "{own}: {web}");
    }
    // Nobody made a second one of what every tenant has.
    let posts = two.prod.api_requests();
    let posts = posts
        .iter()
        .filter(|request| request.method == "POST" && !request.path.ends_with("/permissions"));
    let posts: Vec<&str> = posts.map(|request| request.path.as_str()).collect();
    insta::assert_snapshot!(posts.join("\n"), @"
    /api/v2/resource-servers
    /api/v2/clients
    /api/v2/clients
    /api/v2/client-grants
    /api/v2/roles
    ");
    // A file of prod's has the line that every pulled file has.
    let file = two.dev.read("tenant/prod/clients/web.yaml");
    let (sent, _) = file
        .split_once("# Push does not send what follows.\n")
        .unwrap();
    assert!(
        sent.contains("callbacks:") && !sent.contains("app_type:"),
        "{file}"
    );
}

/// The built-in tenants: a circle of clients, all kinds, and an application that runs tenantry elsewhere.
#[test]
fn the_built_in_dev_is_made_anew() {
    let bed = Bed::new().start();
    bed.write("tenant/tenantry.yaml", MANAGE);
    for tenant in ["sandbox-dev", "sandbox-empty"] {
        bed.run_without_settings(["pull", "--tenant", tenant])
            .exits(0);
    }
    let promote = || {
        bed.run_without_settings([
            "promote",
            "--from",
            "sandbox-dev",
            "--to",
            "sandbox-empty",
            "--create",
        ])
    };
    let run = promote().exits(1);
    let alone: Vec<&str> = run
        .stdout
        .lines()
        .filter(|line| line.contains("has no file"))
        .collect();
    insta::assert_snapshot!(alone.join("\n"), @"
    clients/default-app-ohlmgwbm: sandbox-empty has no file of this name, and none is written: clients/default-app-r9udaxzk of sandbox-dev has the same name, and push makes one only
    clients/default-app-r9udaxzk: sandbox-empty has no file of this name, and none is written: clients/default-app-ohlmgwbm of sandbox-dev has the same name, and push makes one only
    client-grants/deploy-ci--auth0-management-api: sandbox-empty has no file of this name, and none is written: it opens the tenant's own settings, which somebody has to grant there by hand
    ");
    bed.write(
        "tenant/sandbox-empty/overrides.yaml",
        "ignore: [default-app-*, deploy-ci--*]\n",
    );
    promote().exits(0);
    bed.run_without_settings(["push", "--create", "--yes", "--tenant", "sandbox-empty"])
        .exits(0);
    for command in [&["diff"][..], &["check"]] {
        bed.run_without_settings([command, &["--tenant", "sandbox-empty"]].concat())
            .exits(0);
    }
    let before = bed.age();
    assert!(promote().exits(0).stdout.starts_with("no differences\n"));
    bed.assert_untouched(&before);
    for (file, text) in bed.files("tenant/sandbox-empty") {
        assert!(
            file.contains(".sandbox/") || !text.contains("acme-dev"),
            "{file}: {text}"
        );
    }
}

#[test]
fn a_dry_run_shows_the_files_in_every_form_and_writes_none() {
    let two = Two::new();
    let before = two.dev.age();
    let run = two
        .promote(&["--create", "--dry-run", "web", "api"])
        .exits(1);
    insta::assert_snapshot!(run.stdout, @r#"
    clients/api.yaml  API
      new: the tenant does not have it, and `push --create` makes it
      + name: "API"
      + allowed_clients:
        + "clients/web"
      warning: grant_types is left out: the tenant allows the implicit grant by default, and client_credentials to what is no native or single-page app
      warning: jwt_configuration.alg is left out: the tenant signs with HS256 by default, by the client's secret

    clients/web.yaml  Web
      new: the tenant does not have it, and `push --create` makes it
      + name: "Web"
      + allowed_clients:
        + "clients/api"
        + "https://else.example"
      + callbacks:
        + "https://dev.example/back"
      + app_type: "spa"
      + grant_types:
        + "authorization_code"
      + jwt_configuration: {"alg":"RS256","secret_encoded":false}
      + oidc_conformant: true
      + token_endpoint_auth_method: "none"

    2 new files would be written, of 2 clients
    clients/web: allowed_clients: https://else.example is no client of dev, and is carried as it is
    clients/web: default_organization means something in dev only, and stays there; prod's own can stand in its overrides.yaml
    "#);
    let json = two
        .promote(&["--create", "--dry-run", "-o", "json"])
        .exits(1)
        .json();
    let shown = json["resources"].as_array().unwrap().iter();
    let shown: Vec<String> = shown
        .map(|one| {
            format!(
                "{} {} {} {}",
                one["state"],
                one["file"],
                one["name"],
                one.get("id").is_some()
            )
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    "new" "clients/api.yaml" "API" false
    "new" "clients/web.yaml" "Web" false
    "new" "resource-servers/orders.yaml" "Orders" false
    "new" "client-grants/api--orders.yaml" "api--orders" false
    "new" "roles/editor.yaml" "Editor" false
    "#);
    insta::assert_snapshot!(json["resources"][0], @r#"{"kind":"clients","name":"API","file":"clients/api.yaml","state":"new","fields":[{"field":"name","change":"edit","from":"API"},{"field":"allowed_clients","change":"edit","from":["clients/web"]}]}"#);
    let markdown = two
        .promote(&["--create", "--dry-run", "-o", "markdown"])
        .exits(1)
        .stdout;
    let (start, _) = markdown.split_once("<details").unwrap();
    insta::assert_snapshot!(start.replace(&two.prod.address(), "PROD"), @"
    ### tenantry: PROD

    5 new files would be written, of 2 clients, 1 API, 1 client grant and 1 role.

    - clients/web: allowed&#95;clients: https://else.example is no client of dev, and is carried as it is
    - clients/web: default&#95;organization means something in dev only, and stays there; prod's own can stand in its overrides.yaml
    - clients/tenantry-of-dev: nothing is promoted of it: tenantry works by it, and by another one in each tenant
    - client-grants/tenantry-of-dev--auth0-management-api: nothing is promoted of it: tenantry works by its client, and by another one in each tenant

    | name | file | differences |
    |---|---|---|
    | API | clients/api.yaml | to make |
    | Web | clients/web.yaml | to make |
    | Orders | resource-servers/orders.yaml | to make |
    | api--orders | client-grants/api--orders.yaml | to make |
    | Editor | roles/editor.yaml | to make |

    > [!WARNING]
    > API: grant&#95;types is left out: the tenant allows the implicit grant by default, and client&#95;credentials to what is no native or single-page app.

    > [!WARNING]
    > API: jwt&#95;configuration.alg is left out: the tenant signs with HS256 by default, by the client's secret.
    ");
    two.dev.assert_untouched(&before);
}

#[test]
fn new_files_keep_up_with_dev_until_they_are_made() {
    let two = Two::new();
    two.promote(&["--create"]).exits(0);
    two.dev.edit(
        "tenant/dev/clients/web.yaml",
        "name: Web\n",
        "name: Web\ndescription: better\n",
    );
    two.dev.edit(
        "tenant/prod/clients/web.yaml",
        "name: Web\n",
        "# ours\nname: Web\n",
    );
    let run = two.promote(&[]).exits(0);
    insta::assert_snapshot!(run.stdout, @r#"
    clients/web.yaml  Web
      description: (absent) → "better"

    1 value written to 1 file
    clients/web: allowed_clients: https://else.example is no client of dev, and is carried as it is
    clients/tenantry-of-dev: nothing is promoted of it: tenantry works by it, and by another one in each tenant
    client-grants/tenantry-of-dev--auth0-management-api: nothing is promoted of it: tenantry works by its client, and by another one in each tenant
    "#);
    let text = two.dev.read("tenant/prod/clients/web.yaml");
    assert!(
        text.starts_with("# ours\nname: Web\n") && text.contains("description: better\n"),
        "{text}"
    );
    two.dev
        .edit("tenant/dev/clients/web.yaml", "better", "best");
    let json = two.promote(&["-o", "json"]).exits(0).json();
    insta::assert_snapshot!(json["resources"], @r#"[{"kind":"clients","name":"Web","file":"clients/web.yaml","state":"new","fields":[{"field":"description","change":"edit","from":"best","to":"better"}]}]"#);
}

#[test]
fn overrides_hold_for_new_files_and_ignored_ones_are_not_written() {
    let two = Two::new();
    two.dev.write(
        "tenant/prod/overrides.yaml",
        "clients:\n  web:\n    name: Shop\n    callbacks: [\"https://prod.example/back\"]\nignore: [roles/*, tenantry-of-*]\n",
    );
    let run = two.promote(&["--create"]).exits(0);
    assert!(
        run.stdout
            .contains("clients/web: callbacks is prod's own value, from overrides.yaml\n"),
        "{run}"
    );
    let web = two.prod_file("clients/web");
    assert_eq!(
        (&web["name"], &web["callbacks"]),
        (&json!("Shop"), &json!(["https://prod.example/back"]))
    );
    assert!(!two.dev.path("tenant/prod/roles/editor.yaml").exists());
    assert!(
        two.promote(&["--create"])
            .exits(0)
            .stdout
            .starts_with("no differences\n")
    );
    // A mistake is still one.
    two.dev.write(
        "tenant/prod/overrides.yaml",
        "clients: {wep: {name: Shop}}\n",
    );
    two.promote(&["--create"])
        .exits(2)
        .complains("`wep` is no client of this tenant");
}

#[test]
fn what_a_new_file_refers_to_is_made_or_there_or_nothing_is_written() {
    let two = Two::new();
    let before = two.dev.age();
    let run = two
        .promote(&["--create", "clients/web", "client-grants/*"])
        .exits(1);
    insta::assert_snapshot!(run, @"
    exit code 1
    --- stderr
    error: nothing was written: prod lacks what dev refers to
    clients/web: allowed_clients refers to clients/api (d-api)
    client-grants/api--orders: audience refers to resource-servers/orders (https://api.example/orders)
    client-grants/api--orders: client_id refers to clients/api (d-api)
    hint: promote it, too, with --create; or make it in prod, pull it with `tenantry pull --tenant prod`, and give its file the same name; or name what refers to it under `ignore:` in prod's overrides.yaml
    ");
    two.dev.assert_untouched(&before);
    // Prod has the API by another identifier, and the client is there already.
    two.dev.write(
        "tenant/prod/clients/api.yaml",
        "client_id: p-api\nname: API\n",
    );
    two.dev.write(
        "tenant/prod/resource-servers/orders.yaml",
        "id: a-p\nname: Orders\nidentifier: https://api.prod.example/orders\n",
    );
    two.promote(&[
        "--create",
        "client-grants/api--orders",
        "roles/*",
        "clients/web",
    ])
    .exits(0);
    let grant = two.prod_file("client-grants/api--orders");
    assert_eq!(
        (&grant["client_id"], &grant["audience"]),
        (&json!("p-api"), &json!("https://api.prod.example/orders"))
    );
    assert_eq!(
        two.prod_file("roles/editor")["permissions"][0]["resource_server_identifier"],
        "https://api.prod.example/orders"
    );
    // A file that has an id may name one that has none.
    two.promote(&[]).exits(0);
    assert_eq!(
        two.prod_file("clients/api")["allowed_clients"],
        json!(["clients/web"])
    );
}

/// Each reason for which no file is written is named, and stands in the way of no other file.
#[test]
fn what_can_not_be_made_is_named() {
    let project = "manage: {clients: [callbacks, app_type], resource-servers: all, client-grants: all, roles: all, tenant-settings: all, log-streams: all}\n";
    let two = Two::managing(project);
    let dev = |file: &str, text: &str| two.dev.write(&format!("tenant/dev/{file}.yaml"), text);
    dev("clients/twin-a", "client_id: d-1\nname: Twin\n");
    dev("clients/twin-b", "client_id: d-2\nname: Twin\n");
    dev("clients/nameless", "client_id: d-3\ncallbacks: []\n");
    dev("clients/shop", "client_id: d-4\nname: Shop\n");
    dev("clients/cased", "client_id: d-5\nname: Cased\n");
    dev("clients/lost", "client_id: d-6\nname: Lost\n");
    dev(
        "clients/cimd",
        "client_id: d-7\nname: By metadata\nexternal_client_id: https://cimd.example/x\n",
    );
    dev(
        "client-grants/orphan",
        "id: cgr_d9\nclient_id: dNobody\naudience: https://api.example/orders\nscope: []\n",
    );
    dev(
        "client-grants/admin",
        "id: cgr_d8\nclient_id: d-api\naudience: https://acme.eu.auth0.com/api/v2/\nscope: []\n",
    );
    dev("log-streams/all", "id: lst_1\nname: All\ntype: http\n");
    two.dev.write(
        "tenant/prod/clients/Cased.yaml",
        "client_id: p-5\nname: Another\n",
    );
    two.dev.write(
        "tenant/prod/clients/store.json",
        "{\"client_id\": \"p-4\", \"name\": \"Shop\"}",
    );
    let mut lock: Value = serde_json::from_str(&two.dev.read("tenant/prod/tenant.lock")).unwrap();
    let locked = lock["clients"][OWN].clone();
    lock["clients"]["p-6"] = locked;
    lock["clients"]["p-6"]["file"] = json!("clients/lost.yaml");
    two.dev.write("tenant/prod/tenant.lock", &lock.to_string());
    two.dev.remove("tenant/prod/tenant-settings.yaml");
    let cased = two.dev.files("tenant/prod/clients");
    let run = two.promote(&["--create"]).exits(1);
    let named: Vec<&str> = run
        .stdout
        .lines()
        .filter(|line| line.contains(": prod has no file"))
        .collect();
    insta::assert_snapshot!(named.join("\n"), @"
    clients/cased: prod has no file of this name, and none is written: to some file systems it is clients/Cased; rename one of the two
    clients/cimd: prod has no file of this name, and none is written: the address of its metadata document registers it, in the dashboard
    clients/lost: prod has no file of this name, and none is written: its tenant.lock has it as that of p-6, which `tenantry pull --tenant prod` brings back
    clients/nameless: prod has no file of this name, and none is written: the API makes no client without `name`
    clients/shop: prod has no file of this name, and none is written: clients/store has the same name, and push makes no second one; to tie the two together, give their files one name
    clients/twin-a: prod has no file of this name, and none is written: clients/twin-b of dev has the same name, and push makes one only
    clients/twin-b: prod has no file of this name, and none is written: clients/twin-a of dev has the same name, and push makes one only
    client-grants/admin: prod has no file of this name, and none is written: it opens the tenant's own settings, which somebody has to grant there by hand
    client-grants/orphan: prod has no file of this name, and none is written: its client_id is dNobody, which has no file in dev
    tenant-settings: prod has no file of this name, so nothing is promoted; `tenantry pull --tenant prod` writes it
    log-streams/all: prod has no file of this name, and a log stream can't be made from a file, since its sink holds secrets, which no file has
    ");
    let json = two.promote(&["--create", "-o", "json"]).exits(1).json();
    assert_eq!(
        json["without_counterpart"].as_array().unwrap().len(),
        named.len()
    );
    for (file, text) in cased {
        assert_eq!(two.dev.read(&file), text);
    }
    assert!(two.dev.path("tenant/prod/clients/web.yaml").exists());
    assert!(!two.dev.path("tenant/prod/clients/cased.yaml").exists());
}

/// What each tenant has by itself is nobody's to make: the Management API, and the client by which tenantry works with its grant.
#[test]
fn what_every_tenant_has_is_left_alone() {
    let two = Two::new();
    for file in [
        "resource-servers/auth0-management-api",
        "client-grants/tenantry-of-prod--auth0-management-api",
    ] {
        two.dev.remove(&format!("tenant/prod/{file}.yaml"));
    }
    for options in [&["--create"][..], &[]] {
        let run = two.promote(options).exits(0);
        let left: Vec<&str> = run
            .stdout
            .lines()
            .filter(|line| line.contains("nothing is promoted of it"))
            .collect();
        insta::allow_duplicates! {
            insta::assert_snapshot!(left.join("\n"), @"
            clients/tenantry-of-dev: nothing is promoted of it: tenantry works by it, and by another one in each tenant
            resource-servers/auth0-management-api: nothing is promoted of it: each tenant has a Management API of its own
            client-grants/tenantry-of-dev--auth0-management-api: nothing is promoted of it: tenantry works by its client, and by another one in each tenant
            ");
        }
    }
    let files = two.dev.files("tenant/prod");
    assert!(
        files.keys().all(|file| !file.contains("management")),
        "{:?}",
        files.keys()
    );
}

#[test]
fn a_new_file_has_the_format_of_the_first_one() {
    let two = Two::new();
    two.dev.remove("tenant/dev/clients/web.yaml");
    two.dev.write(
        "tenant/dev/clients/web.json",
        "{\"client_id\": \"d-web\", \"name\": \"Web\", \"app_type\": \"spa\"}\n",
    );
    two.promote(&["--create"]).exits(0);
    insta::assert_snapshot!(two.dev.read("tenant/prod/clients/web.json"), @r#"
    {
      "name": "Web",
      "app_type": "spa"
    }
    "#);
    two.on_prod(&["push", "--create", "--yes"]).exits(0);
    assert_eq!(two.on_prod(&["diff"]).exits(0).stdout, "no differences\n");
}

#[test]
fn what_is_made_is_made_whole() {
    let two = Two::new();
    two.promote(&["--create", "--fields", "name"])
        .exits(2)
        .complains("'--create' cannot be used with '--fields");
}
