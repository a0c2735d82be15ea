//! `promote` end to end: files only, references translated, own values kept, and nothing to anybody but the tenant that is pushed.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Bed, Run};
use serde_json::{Value, json};

const PROD: &str = "tenant/prod/clients";

/// A dev and a prod tenant with the same two applications under other ids, both pulled into the folder of dev's bed.
struct Two {
    dev: Bed,
    prod: Bed,
}

impl Two {
    fn new() -> Two {
        let dev = Bed::new()
            .client("d-web", "Web", json!({"description": "new", "allowed_clients": ["d-api", "https://api.example"], "sso": true}))
            .client("d-api", "API", json!({}))
            .start();
        let web = json!({"description": "old", "allowed_clients": ["p-web"], "sso": false});
        let prod = Bed::new()
            .client("p-web", "Web", web)
            .client("p-api", "API", json!({"description": "stays"}))
            .start();
        let two = Two { dev, prod };
        two.dev.run(["pull", "--tenant", "dev"]).exits(0);
        two.on_prod(&["pull"]).exits(0);
        two.dev.sandbox.clear_requests();
        two.prod.sandbox.clear_requests();
        two
    }

    /// A command on prod, with prod's settings.
    fn on_prod(&self, arguments: &[&str]) -> Run {
        let mut command = self.dev.command();
        command
            .envs(self.prod.settings())
            .args(arguments)
            .args(["--tenant", "prod"]);
        self.dev.run_command(command)
    }

    /// `promote` with these options, in an environment without settings: it asks nobody.
    fn promote(&self, options: &[&str]) -> Run {
        let promote = ["promote", "--from", "dev", "--to", "prod"];
        let run = self.dev.run_without_settings([&promote, options].concat());
        assert_eq!(self.dev.requests(), [""; 0]);
        assert_eq!(self.prod.requests(), [""; 0]);
        run
    }

    fn edit_prod(&self, old: &str, new: &str) {
        self.dev.edit(&format!("{PROD}/web.yaml"), old, new);
    }
}

#[test]
fn values_go_over_in_prods_ids_and_nothing_else_changes() {
    let two = Two::new();
    two.edit_prod("description: old\n", "# ours\ndescription: old # beside\n");
    let run = two.promote(&[]).exits(0);
    insta::assert_snapshot!(run.stdout, @r#"
    clients/web.yaml  Web p-web
      description: "old" → "new"
      allowed_clients:
        - "p-web" (Web)
        + "p-api" (API)
        + "https://api.example"

    2 values written to 1 file
    clients/web: allowed_clients: https://api.example is no client of dev, and is carried as it is
    "#);
    insta::assert_snapshot!(two.dev.read(&format!("{PROD}/web.yaml")), @"
    client_id: p-web
    name: Web
    # ours
    description: new # beside
    allowed_clients:
      - p-api
      - https://api.example
    # Push does not send what follows.
    sso: false
    ");
    assert!(
        two.dev
            .read(&format!("{PROD}/api.yaml"))
            .contains("description: stays")
    );
}

#[test]
fn a_second_promotion_changes_no_byte() {
    let two = Two::new();
    two.promote(&[]).exits(0);
    let before = two.dev.age();
    assert!(
        two.promote(&[])
            .exits(0)
            .stdout
            .starts_with("no differences\n")
    );
    two.dev.assert_untouched(&before);
}

#[test]
fn diff_shows_what_was_promoted_and_push_sends_it_to_prod_only() {
    let two = Two::new();
    let promoted = two.promote(&["-o", "json"]).exits(0).json();
    let shown = two.on_prod(&["diff", "-o", "json"]).exits(1).json();
    // What was carried `from` dev is what prod's files say now, in place of what they said, which is what the tenant has.
    let values = |document: &Value, local: &str, live: &str| -> Vec<Value> {
        let resources = document["resources"].as_array().unwrap().iter();
        let fields = resources.flat_map(|resource| {
            let fields = resource["fields"].as_array().unwrap().iter();
            fields.map(|field| json!([resource["id"], field["field"], field[local], field[live]]))
        });
        fields.collect()
    };
    let carried = values(&promoted, "from", "to");
    assert!(!carried.is_empty());
    assert_eq!(carried, values(&shown, "local", "live"));
    two.on_prod(&["push", "--yes"]).exits(0);
    two.on_prod(&["diff"]).exits(0);
    let web = two.prod.live("p-web");
    assert_eq!(
        (&web["description"], &web["allowed_clients"]),
        (&json!("new"), &json!(["p-api", "https://api.example"]))
    );
    assert_eq!(two.prod.count("PATCH"), 1);
    assert_eq!(two.dev.requests(), [""; 0]);
}

#[test]
fn a_dry_run_writes_nothing() {
    let two = Two::new();
    let before = two.dev.age();
    let shown = two.promote(&["--dry-run"]).exits(1).stdout;
    two.dev.assert_untouched(&before);
    let (would, did) = (
        "2 values would be written to 1 file\n",
        "2 values written to 1 file\n",
    );
    assert!(shown.contains(would), "{shown}");
    assert_eq!(two.promote(&[]).exits(0).stdout, shown.replace(would, did));
}

#[test]
fn markdown_says_what_was_written_and_what_there_is_to_remark() {
    let two = Two::new();
    let text = two.promote(&["-o", "markdown"]).exits(0).stdout;
    let text = text.replace(&two.prod.address(), "PROD");
    let (start, _) = text.split_once("<details").unwrap();
    insta::assert_snapshot!(start, @"
    ### tenantry: PROD

    2 values written to 1 file.

    - clients/web: allowed&#95;clients: https://api.example is no client of dev, and is carried as it is

    | name | file | differences |
    |---|---|---|
    | Web | clients/web.yaml | edit: description, allowed&#95;clients |
    ");
}

#[test]
fn a_reference_to_a_client_whose_file_is_gone_is_translated_or_refused_and_never_carried() {
    let two = Two::new();
    std::fs::remove_file(two.dev.path("tenant/dev/clients/api.yaml")).unwrap();
    two.promote(&[]).exits(0);
    let web = two.dev.read(&format!("{PROD}/web.yaml"));
    assert!(web.contains("- p-api") && !web.contains("d-api"), "{web}");
    // Another client has its file name by now.
    two.dev.write(
        "tenant/dev/clients/api.yaml",
        "client_id: d-other\nname: Other\n",
    );
    let before = two.dev.age();
    two.promote(&["--fields", "allowed_clients"])
        .exits(1)
        .complains(
            "clients/web: allowed_clients refers to d-api, which has no file in dev any more",
        );
    two.dev.assert_untouched(&before);
}

#[test]
fn a_promotion_has_no_tenant_of_its_own() {
    let two = Two::new();
    two.promote(&["--tenant", "dev"])
        .exits(2)
        .complains("--from and --to name them");
    let mut command = two.dev.command_without_settings();
    command.args(["promote", "--from", "dev", "--to", "prod"]);
    // A variable may be one that nobody thinks of.
    command.env("TENANTRY_TENANT", "dev");
    two.dev.run_command(command).exits(0);
}

#[test]
fn fields_and_clients_can_be_chosen() {
    let two = Two::new();
    two.promote(&["--fields", "name,description", "Web"])
        .exits(0);
    let web = two.dev.read(&format!("{PROD}/web.yaml"));
    assert!(
        web.contains("description: new") && web.contains("- p-web"),
        "{web}"
    );
    two.promote(&["--fields", "names"])
        .exits(2)
        .complains("did you mean `name`?");
    two.promote(&["--fields", "callbacks"])
        .exits(2)
        .complains("`callbacks` is not managed in dev");
    two.promote(&["wep"])
        .exits(2)
        .complains("nothing matches `wep`");
}

#[test]
fn a_reference_that_prod_lacks_stops_everything_and_is_named() {
    let two = Two::new();
    two.dev
        .rename(&format!("{PROD}/api.yaml"), &format!("{PROD}/other.yaml"));
    let before = two.dev.age();
    let run = two.promote(&[]).exits(1);
    insta::assert_snapshot!(run, @"
    exit code 1
    --- stderr
    error: nothing was written: prod lacks what dev refers to
    clients/web: allowed_clients refers to clients/api (d-api)
    hint: promote it, too, with --create; or make it in prod, pull it with `tenantry pull --tenant prod`, and give its file the same name; or leave the field out with --fields
    ");
    two.dev.assert_untouched(&before);
    assert!(two.promote(&["-o", "json"]).exits(1).json()["error"].is_object());
}

#[test]
fn a_client_without_a_counterpart_is_listed() {
    let two = Two::new();
    two.dev.write(
        "tenant/dev/clients/new.yaml",
        "client_id: d-new\nname: New\n",
    );
    let run = two.promote(&[]).exits(1);
    assert!(
        run.stdout
            .contains("clients/new: prod has no file of this name"),
        "{run}"
    );
    assert_eq!(
        two.promote(&["-o", "json"]).json()["without_counterpart"],
        json!([{"kind": "clients", "file": "clients/new.yaml"}])
    );
    two.dev
        .write("tenant/prod/overrides.yaml", "ignore: [clients/n*.yaml]\n");
    let run = two.promote(&["-o", "json"]).exits(0).json();
    assert_eq!(run["without_counterpart"], json!([]));
    assert_eq!(two.promote(&[]).exits(0).stdout.matches("new:").count(), 0);
    two.dev.write("tenant/prod/overrides.yaml", "ignore: new\n");
    two.promote(&[])
        .exits(2)
        .complains("overrides.yaml:1:1: `ignore` is no list");
}

#[test]
fn prods_own_values_stay_and_are_named() {
    let two = Two::new();
    let overrides = "tenant/prod/overrides.yaml";
    two.dev
        .write(overrides, "clients:\n  w*:\n    description: Prod's own\n");
    let run = two.promote(&[]).exits(0);
    assert!(
        run.stdout
            .contains("clients/web: description is prod's own value, from overrides.yaml"),
        "{run}"
    );
    assert!(
        two.dev
            .read(&format!("{PROD}/web.yaml"))
            .contains("description: Prod's own")
    );
    for (text, place) in [
        (
            "clients:\n  wep: {name: X}\n",
            "overrides.yaml:2:3: `wep` is no client",
        ),
        (
            "clients:\n  web:\n    sso: true\n",
            "overrides.yaml:3:5: `sso` is no managed field",
        ),
        ("clients: [", "overrides.yaml:1:"),
    ] {
        two.dev.write(overrides, text);
        two.promote(&[]).exits(2).complains(place);
    }
}

/// Somebody commented out the only one that there was.
#[test]
fn comments_alone_are_no_overrides() {
    let two = Two::new();
    let overrides = "tenant/prod/overrides.yaml";
    two.dev
        .write(overrides, "# clients:\n#   web: {description: Ours}\n");
    let check = ["check", "--tenant", "prod"];
    two.dev.run_without_settings(check).exits(0);
    two.promote(&[]).exits(0);
    let promoted = two.dev.read(&format!("{PROD}/web.yaml"));
    assert!(promoted.contains("description: new"), "{promoted}");
    // A resource's file says whose it is, or nothing.
    two.dev.write(&format!("{PROD}/web.yaml"), "# Nothing\n");
    two.dev.run_without_settings(check).exits(1);
}

#[test]
fn a_tenant_is_not_promoted_to_itself_or_from_nowhere() {
    let bed = Bed::new().start();
    bed.run(["promote", "--from", "a", "--to", "a"])
        .exits(2)
        .complains("a can't be promoted to itself");
    bed.run(["promote", "--from", "a", "--to", "b"])
        .exits(2)
        .complains("there is no folder tenant/a");
    bed.run(["promote", "--from", "../x", "--to", "b"])
        .exits(2)
        .complains("`../x` can't be a tenant's name");
}

#[test]
fn what_prod_does_not_manage_is_remarked_once_and_stays_as_it_is() {
    let two = Two::new();
    two.dev.write(
        "tenant/dev/tenantry.yaml",
        "manage:\n  clients: [sso]\n  roles: all\n",
    );
    two.dev.run(["pull", "--tenant", "dev"]).exits(0);
    for role in ["editor", "reader"] {
        two.dev.write(
            &format!("tenant/dev/roles/{role}.yaml"),
            &format!("id: rol_{role}\nname: {role}\n"),
        );
    }
    two.dev.sandbox.clear_requests();
    let run = two.promote(&[]).exits(0);
    let (_, remarks) = run.stdout.split_once("written to 1 file\n").unwrap();
    insta::assert_snapshot!(remarks, @"
    clients/web: allowed_clients: https://api.example is no client of dev, and is carried as it is
    roles: prod does not manage them, so nothing is promoted
    clients: prod does not manage sso, so it is not promoted
    ");
    assert!(
        two.dev
            .read(&format!("{PROD}/web.yaml"))
            .contains("sso: false")
    );
    two.promote(&["--fields", "sso"])
        .exits(2)
        .complains("`sso` is not managed in prod");
}

#[test]
fn values_that_prod_would_refuse_are_named_all_at_once() {
    let two = Two::new();
    let web = "tenant/dev/clients/web.yaml";
    two.dev.edit(
        web,
        "description: new",
        &format!("description: {}", "x".repeat(141)),
    );
    two.dev.edit(web, "name: Web", "name: <Web>");
    let before = two.dev.files(PROD);
    let run = two.promote(&[]).exits(2);
    insta::assert_snapshot!(run.stderr, @"
    error: nothing was written: an update of prod would be refused
    clients/web: `name` contains `<` or `>`: Auth0 refuses both in a name
    clients/web: `description` has 141 characters: Auth0 allows at most 140
    hint: change it in dev; or give prod a value of its own in its overrides.yaml; or name the fields to promote with --fields
    ");
    assert_eq!(two.dev.files(PROD), before);
    two.dev.write(
        "tenant/prod/overrides.yaml",
        "clients:\n  web: {name: Web, description: ours}\n",
    );
    two.promote(&[]).exits(0);
}

/// macOS may write a name's accents in another way than people type them.
#[test]
fn how_a_name_s_accents_are_encoded_makes_no_difference() {
    let two = Two::new();
    let (composed, apart) = ("caf\u{e9}", "cafe\u{301}");
    two.dev.rename(
        "tenant/dev/clients/web.yaml",
        &format!("tenant/dev/clients/{composed}.yaml"),
    );
    two.dev
        .rename(&format!("{PROD}/web.yaml"), &format!("{PROD}/{apart}.yaml"));
    two.dev.write(
        "tenant/prod/overrides.yaml",
        &format!("clients:\n  {composed}:\n    name: Ours\n"),
    );
    let run = two.promote(&[]).exits(0);
    assert!(run.stdout.contains("3 values written to 1 file"), "{run}");
    for selector in [
        composed.to_owned(),
        apart.to_owned(),
        format!("clients/{composed}"),
        format!("{PROD}/{composed}.yaml"),
        "clients/caf*".to_owned(),
    ] {
        two.on_prod(&["diff", &selector]).exits(1);
    }
    two.prod.sandbox.clear_requests();
    // Some file systems have both.
    two.dev.write(
        &format!("{PROD}/{composed}.yaml"),
        "client_id: other\nname: Other\n",
    );
    two.promote(&[])
        .exits(2)
        .complains("have one name, in which only the accents are encoded differently");
}

/// A run that ends in the middle says what it wrote, and the next one writes the rest.
#[cfg(unix)]
#[test]
fn a_promotion_that_can_t_write_everything_says_what_it_wrote() {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;

    let two = Two::new();
    two.dev
        .write("tenant/tenantry.yaml", "manage:\n  roles: all\n");
    for (tenant, description) in [("dev", "new"), ("prod", "old")] {
        two.dev.write(
            &format!("tenant/{tenant}/roles/editor.yaml"),
            &format!("id: rol_{tenant}\nname: Editor\ndescription: {description}\n"),
        );
    }
    let allow = |folder: &str, mode| {
        set_permissions(two.dev.path(folder), Permissions::from_mode(mode)).unwrap();
    };
    for folder in ["", "tenant", "tenant/dev", "tenant/prod", PROD] {
        allow(folder, 0o777);
    }
    allow("tenant/prod/roles", 0o555);
    let run = two.dev.as_nobody().map(|mut command| {
        command.args(["promote", "--from", "dev", "--to", "prod"]);
        two.dev.run_command(command)
    });
    allow("tenant/prod/roles", 0o755);
    let Some(run) = run else {
        return;
    };
    let run = run.exits(2);
    insta::assert_snapshot!(run.stdout, @r#"
    clients/web.yaml  Web p-web
      description: "old" → "new"
      allowed_clients:
        - "p-web" (Web)
        + "p-api" (API)
        + "https://api.example"

    2 values written to 1 file
    clients/web: allowed_clients: https://api.example is no client of dev, and is carried as it is
    "#);
    insta::assert_snapshot!(run.stderr, @"
    error: can't write tenant/prod/roles/editor.yaml: Permission denied (os error 13)
    what stands above is written; the same command writes the rest
    ");
    let says = |file: &str, text: &str| two.dev.read(&format!("tenant/prod/{file}")).contains(text);
    assert!(says("clients/web.yaml", "description: new"));
    assert!(says("roles/editor.yaml", "description: old"));
    let rest = two.promote(&[]).exits(0);
    assert!(rest.stdout.contains("1 value written to 1 file"), "{rest}");
    assert!(says("roles/editor.yaml", "description: new"));
}
