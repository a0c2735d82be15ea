//! `check` and `init` end to end: no request, every finding with its place, and nothing overwritten.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Bed, Run, git};
use serde_json::json;

fn two() -> Bed {
    Bed::new()
        .client(
            "a",
            "Alpha",
            json!({"allowed_clients": ["b", "old-reference"], "addons": {}}),
        )
        .client("b", "Beta", json!({}))
        .pulled()
}

/// Runs without any settings: check and init ask nobody.
fn run(bed: &Bed, arguments: &[&str]) -> Run {
    let mut command = bed.command_without_settings();
    command
        .args(arguments)
        .env("PATH", std::env::var_os("PATH").unwrap());
    let run = bed.run_command(command);
    assert_eq!(bed.requests(), [""; 0]);
    run
}

#[test]
fn a_pulled_tenant_is_in_order() {
    let bed = two();
    let before = bed.age();
    assert_eq!(
        run(&bed, &["check"]).exits(0).stdout,
        "2 files, nothing found\n"
    );
    assert_eq!(run(&bed, &["check", "-o", "github"]).exits(0).stdout, "");
    bed.assert_untouched(&before);
}

#[test]
fn everything_that_is_wrong_is_found_at_once() {
    let bed = two();
    bed.write(
        "tenant/clients/alpha.yaml",
        "client_id: a\nname: <a>\nclient_secret: s3cret\ndescription: 12\nallowed_clients:\n  - b\n  - https://api.example/\n  - nobody\n  - ''\n\
         addons:\n  firebase:\n    secret: s3cret\n",
    );
    bed.write("tenant/clients/copy.json", "{\"client_id\": \"b\"}");
    bed.write("tenant/clients/broken.yaml", "client_id: [\n");
    bed.write("tenant/overrides.yaml", "clients: {}\n");
    let found = run(&bed, &["check"]).exits(1);
    assert!(!found.to_string().contains("s3cret"), "{found}");
    insta::assert_snapshot!(found.stdout, @"
    tenant/clients/alpha.yaml:2:1: `name` contains `<` or `>`
      hint: Auth0 refuses both in a name
    tenant/clients/alpha.yaml:3:1: `client_secret` is a secret
      hint: remove it, from git's history too, and rotate it; tenantry neither writes nor sends it
    tenant/clients/alpha.yaml:4:1: `description` is a number, not text
      hint: put the value into quotes
    tenant/clients/alpha.yaml:9:5: entry 4 of `allowed_clients` is empty
      hint: write a value that Auth0 takes
    tenant/clients/alpha.yaml:12:5: `addons.firebase.secret` is a secret
      hint: remove it, from git's history too, and rotate it; tenantry neither writes nor sends it
    tenant/clients/broken.yaml:2:1: is not YAML: while parsing a node, did not find expected node content
      hint: indent with spaces, and put text into quotes that begins with a sign or contains `: ` or ` #`
    tenant/clients/copy.json:1:1: tenant/clients/beta.yaml has the same client_id b
      hint: keep one of them: a client has one file
    2 files, 7 findings
    ");
    let document = run(&bed, &["check", "-o", "json"]).exits(1).json();
    assert_eq!(
        document["summary"]["findings"],
        document["findings"].as_array().unwrap().len()
    );
    assert_eq!(document["findings"][0]["line"], 2);
    let annotations = run(&bed, &["check", "-o", "github"]).exits(1).stdout;
    assert_eq!(annotations.lines().count(), 7, "{annotations}");
    for line in annotations.lines() {
        assert!(line.starts_with("::error file=tenant/"), "{annotations}");
    }
}

/// What a push would make is held to what a create takes, and may refer to what is made with it.
#[test]
fn files_of_what_is_still_to_be_made_are_checked() {
    let bed = two();
    bed.write(
        "tenant/tenantry.yaml",
        "manage: {resource-servers: all, client-grants: all, roles: all}\n",
    );
    let write = |file: &str, text: &str| bed.write(&format!("tenant/{file}.yaml"), text);
    // A reference may be the file of what has no id yet, or has one.
    write(
        "clients/good",
        "name: Good\nallowed_clients: [clients/alpha, clients/other, b]\n",
    );
    write("clients/other", "name: Other\napp_type: spa\n");
    write(
        "resource-servers/orders",
        "identifier: urn:orders\nscopes: [{value: read}]\n",
    );
    write(
        "client-grants/good",
        "client_id: clients/good\naudience: urn:orders\nscope: [read]\n",
    );
    write(
        "roles/good",
        "name: Good\npermissions: [{resource_server_identifier: urn:orders, permission_name: read}]\n",
    );
    assert_eq!(
        run(&bed, &["check"]).exits(0).stdout,
        "7 files, nothing found\n"
    );
    write("clients/nameless", "name: null\napp_type: spa\n");
    write(
        "clients/wrong",
        "name: <b>\ndescripton: x\napp_type: web\nallowed_clients:\n  - clients/good\n  - clients/godo\n  - nobody\nclient_secret: s3cret\n",
    );
    write("client-grants/wrong", "client_id: clients/nobody\n");
    write("resource-servers/wrong", "name: Wrong\nscops: []\n");
    write(
        "roles/wrong",
        "name: Wrong\npermissions:\n  - resource_server_identifier: urn:orders\n    permission_name: write\n",
    );
    bed.edit("tenant/clients/alpha.yaml", "- b\n", "- clients/godo\n");
    let found = run(&bed, &["check"]).exits(1).stdout;
    assert!(!found.contains("s3cret"), "{found}");
    insta::assert_snapshot!(found, @"
    tenant/client-grants/wrong.yaml:1:1: `client_id` refers to clients/nobody, and there is no such file
      hint: write the id of the client, or its file as `clients/web-app`, without the extension
    tenant/client-grants/wrong.yaml:1:1: there is no `audience`, without which the API makes no client grant
      hint: write it; or, where the tenant has this client grant already, write its `id` into the first line
    tenant/clients/alpha.yaml:4:5: `allowed_clients` refers to clients/godo, and there is no such file
      hint: write the id of the client, or its file as `clients/web-app`, without the extension
    tenant/clients/nameless.yaml:1:1: `name` may not be null
      hint: remove the line to leave it as it is
    tenant/clients/wrong.yaml:1:1: `name` contains `<` or `>`
      hint: Auth0 refuses both in a name
    tenant/clients/wrong.yaml:2:1: `descripton` is no field of a client
      hint: did you mean `description`?
    tenant/clients/wrong.yaml:3:1: `app_type` is `web`, and may be `native`, `spa`, `regular_web`, `non_interactive`, `resource_server`, `express_configuration`, `rms`, `box`, …
      hint: write a value that Auth0 takes
    tenant/clients/wrong.yaml:6:5: `allowed_clients` refers to clients/godo, and there is no such file
      hint: write the id of the client, or its file as `clients/web-app`, without the extension
    tenant/clients/wrong.yaml:7:5: `allowed_clients` refers to nobody, which is no client of this tenant
      hint: client ids differ from tenant to tenant: `tenantry promote` translates them
    tenant/clients/wrong.yaml:8:1: `client_secret` is a secret
      hint: remove it, from git's history too, and rotate it; tenantry neither writes nor sends it
    tenant/resource-servers/wrong.yaml:1:1: there is no `identifier`, without which the API makes no API
      hint: write it; or, where the tenant has this API already, write its `id` into the first line
    tenant/resource-servers/wrong.yaml:2:1: `scops` is no field of an API
      hint: did you mean `scopes`?
    tenant/roles/wrong.yaml:4:5: the API urn:orders has no `write`
      hint: its file has what there is; `tenantry pull` brings what there is by now
    12 files, 13 findings
    ");
}

#[test]
fn a_broken_lock_and_overrides_are_findings() {
    let bed = two();
    bed.write("tenant/overrides.yaml", "clients:\n  gamma: {name: G}\n");
    assert!(
        run(&bed, &["check"])
            .exits(1)
            .stdout
            .contains("tenant/overrides.yaml:2:3: `gamma` is no client")
    );
    bed.write("tenant/tenant.lock", "{");
    assert!(
        run(&bed, &["check"])
            .exits(1)
            .stdout
            .contains("tenant/tenant.lock:1:2: is not JSON")
    );
}

/// The path stands before a finding already.
#[test]
fn a_finding_does_not_repeat_its_path() {
    let bed = Bed::new()
        .client("a", "Alpha", json!({}))
        .client("b", "Beta", json!({}))
        .pulled();
    bed.edit("tenant/clients/alpha.yaml", "client_id: a\n", "");
    bed.remove("tenant/clients/beta.yaml");
    std::fs::create_dir(bed.path("tenant/clients/beta.yaml")).unwrap();
    insta::assert_snapshot!(run(&bed, &["check"]).exits(1).stdout, @"
    tenant/clients/alpha.yaml:1:1: there is no `client_id`, and tenant.lock has the file as that of a
      hint: write `client_id: a` as its first line again; give the file of another, new client another name
    tenant/clients/beta.yaml:1:1: can't read it: it is not a regular file
    1 file, 2 findings
    ");
}

/// An id that somebody mistyped makes two resources of one: a file without a resource, and a resource without a file.
#[test]
fn an_id_that_may_be_mistyped_is_found() {
    let bed = Bed::new()
        .client("a", "Alpha", json!({}))
        .client("b", "Beta", json!({}))
        .pulled();
    let (alpha, beta) = ("tenant/clients/alpha.yaml", "tenant/clients/beta.yaml");
    // Where each still has a file, the files changed their names.
    let swap = || {
        bed.rename(alpha, "tenant/clients/other.yaml");
        bed.rename(beta, alpha);
        bed.rename("tenant/clients/other.yaml", beta);
    };
    swap();
    run(&bed, &["check"]).exits(0);
    assert_eq!(bed.run(["diff"]).exits(0).stderr, "");
    bed.sandbox.clear_requests();
    swap();
    // One that took the place of another has an id that is known.
    let text = bed.read(beta);
    bed.rename(alpha, beta);
    run(&bed, &["check"]).exits(0);
    bed.rename(beta, alpha);
    bed.write(beta, &text);

    bed.edit(alpha, "client_id: a\n", "# whose it is\nclient_id: aa\n");
    let (message, hint) = (
        "this file says aa, and tenant.lock has it as that of a",
        "if the id is mistyped, restore `client_id: a`",
    );
    assert_eq!(
        run(&bed, &["check"]).exits(1).stdout,
        format!("{alpha}:2:1: {message}\n  hint: {hint}\n2 files, 1 finding\n")
    );
    for command in [&["diff"][..], &["push", "--yes"], &["pull"]] {
        let said = bed.run(command.iter().copied()).stderr;
        let warning = format!("warning: {alpha}: {message}; {hint}\n");
        assert!(said.contains(&warning), "{said}");
        assert!(!said.contains("is gone: push"), "{said}");
    }
}

/// What can't be read may be what the others refer to, and the lock knows what they referred to already.
#[test]
fn a_broken_file_makes_no_findings_of_what_refers_to_it() {
    let bed = two();
    bed.write("tenant/tenantry.yaml", "manage: {client-grants: all}\n");
    bed.write("tenant/clients/new.yaml", "name: New\n");
    bed.edit(
        "tenant/clients/alpha.yaml",
        "- b\n",
        "- clients/new\n  - nobody\n",
    );
    bed.write(
        "tenant/client-grants/new.yaml",
        "client_id: clients/new\naudience: urn:orders\nscope: []\n",
    );
    let count = |found: &Run| found.stdout.matches("refers to").count();
    let found = run(&bed, &["check"]).exits(1);
    assert_eq!(count(&found), 1, "{found}");
    let conflict = "<<<<<<< HEAD\nname: New\n=======\nname: Other\n>>>>>>> other\n";
    bed.write("tenant/clients/new.yaml", conflict);
    let found = run(&bed, &["check"]).exits(1);
    assert_eq!(count(&found), 0, "{found}");
    assert!(found.stdout.ends_with("3 files, 1 finding\n"), "{found}");
    // The other kinds are as before.
    bed.write("tenant/clients/new.yaml", "name: New\n");
    bed.write("tenant/client-grants/new.yaml", conflict);
    let found = run(&bed, &["check"]).exits(1);
    assert_eq!(count(&found), 1, "{found}");
    bed.remove("tenant/client-grants/new.yaml");
    let lock = bed.read("tenant/tenant.lock");
    bed.write("tenant/tenant.lock", &format!("<<<<<<< HEAD\n{lock}"));
    let found = run(&bed, &["check"]).exits(1);
    assert_eq!(count(&found), 0, "{found}");
}

#[test]
fn an_override_of_no_file_names_the_one_that_may_be_meant() {
    let bed = two();
    let found = |overrides: &str| {
        bed.write("tenant/overrides.yaml", overrides);
        run(&bed, &["check"]).exits(1).stdout
    };
    insta::assert_snapshot!(found("clients:\n  alhpa: {name: A}\n"), @"
    tenant/overrides.yaml:2:3: `alhpa` is no client of this tenant
      hint: did you mean `alpha`?
    2 files, 1 finding
    ");
    insta::assert_snapshot!(found("clients:\n  web-app: {name: Acme}\n"), @"
    tenant/overrides.yaml:2:3: `web-app` is no client of this tenant
      hint: there is no clients/web-app.yaml
    2 files, 1 finding
    ");
    insta::assert_snapshot!(found("roles:\n  editor: {name: Editor}\n"), @"
    tenant/overrides.yaml:2:3: `editor` is no role of this tenant
      hint: roles is not managed here: `manage:` in tenantry.yaml says what is
    2 files, 1 finding
    ");
}

#[test]
fn a_tracked_env_file_is_found() {
    let bed = two();
    bed.git(&["init", "-q"]);
    bed.write(".env.dev", "AUTH0_DOMAIN=x\n");
    bed.write(".env.example", "AUTH0_DOMAIN=\n");
    run(&bed, &["check"]).exits(0);
    bed.git(&["add", "-f", ".env.dev", ".env.example"]);
    let found = run(&bed, &["check"]).exits(1).stdout;
    assert!(
        found.starts_with(".env.dev:1:1: git tracks this file") && found.ends_with("1 finding\n"),
        "{found}"
    );
}

#[test]
fn init_leaves_what_the_next_error_names_and_overwrites_nothing() {
    let bed = Bed::new().start();
    bed.write(".gitignore", "target\n.env");
    run(&bed, &["init"]).exits(0);
    assert_eq!(
        bed.read(".gitignore"),
        "target\n.env\n.env.*\n!.env.example\n.tenantry-*\n"
    );
    let next = run(&bed, &["pull"]).exits(2);
    assert!(
        next.stderr
            .contains("AUTH0_DOMAIN (or CLIENT_DOMAIN; AUTH0_DOMAIN is empty at .env:4)"),
        "{next}"
    );
    bed.write(".env", "AUTH0_DOMAIN=mine.example\n");
    run(&bed, &["init"]).exits(0);
    run(&bed, &["init", "--tenant", "dev"]).exits(0);
    assert_eq!(bed.read(".env"), "AUTH0_DOMAIN=mine.example\n");
    assert!(bed.read(".env.dev").contains("AUTH0_CLIENT_SECRET=\n"));
    assert_eq!(bed.read(".gitignore").matches(".env.*").count(), 1);
}

/// A cloned repository may have a link in place of any file.
#[cfg(unix)]
#[test]
fn init_writes_through_no_link_that_leads_out() {
    let bed = Bed::new().start();
    let outside = tempfile::tempdir().unwrap();
    let mine = outside.path().join("mine");
    std::fs::write(&mine, "mine").unwrap();
    std::os::unix::fs::symlink(&mine, bed.path(".gitignore")).unwrap();
    run(&bed, &["init"])
        .exits(2)
        .complains("error: can't use .gitignore: a link leads out of .");
    assert_eq!(std::fs::read_to_string(&mine).unwrap(), "mine");
    // One that stays within is somebody's way to keep their files.
    bed.remove(".gitignore");
    bed.write("git/ignore", "");
    std::os::unix::fs::symlink("git/ignore", bed.path(".gitignore")).unwrap();
    run(&bed, &["init"]).exits(0);
    assert!(bed.read("git/ignore").contains(".env"));
}

#[test]
fn init_writes_a_project_s_settings_as_comments() {
    let bed = Bed::new().start();
    run(&bed, &["init"]).exits(0);
    let written = bed.read("tenant/tenantry.yaml");
    // It decides nothing, until a # goes.
    bed.run(["pull"]).exits(0);
    let settings = written.replace("\n# protected: true", "\nprotected: true");
    bed.write("tenant/tenantry.yaml", &settings);
    bed.run(["push", "--yes"])
        .exits(2)
        .complains("is protected, and --yes alone does not push to it");
    bed.write(
        "tenant/tenantry.yaml",
        &written.replace("\n# base:", "\nbase:"),
    );
    bed.run(["diff"])
        .exits(2)
        .complains("is in no git repository");
    bed.run(["init"]).exits(0);
    assert!(
        bed.read("tenant/tenantry.yaml")
            .contains("\nbase: origin/main\n")
    );
    bed.write("tenant/tenantry.yaml", "bsae: origin/main\n");
    let refused = bed.run(["pull"]).exits(2);
    insta::assert_snapshot!(refused, @"
    exit code 2
    --- stderr
    error: tenant/tenantry.yaml:1:1: `bsae` is no setting of tenantry.yaml
      |
    1 | bsae: origin/main
      | ^
    hint: did you mean `base`?
    ");
}

/// The work grows with the files: a walk over the text for each finding took minutes here.
#[test]
fn a_large_file_is_walked_over_once() {
    let bed = Bed::new().start();
    let references: String = (0..60_000).map(|n| format!("  - n{n}\n")).collect();
    let secrets: String = (0..10_000)
        .map(|n| format!("  k{n}: [{{client_secret: hidden}}]\n"))
        .collect();
    bed.write(
        "tenant/clients/a.yaml",
        &format!("client_id: a\nallowed_clients:\n{references}custom:\n{secrets}"),
    );
    let entries: Vec<String> = (0..60_000).map(|n| format!("n{n}")).collect();
    bed.write(
        "tenant/clients/b.json",
        &json!({"client_id": "b", "allowed_clients": entries}).to_string(),
    );
    let found = run(&bed, &["check"]).exits(1).stdout;
    for expected in [
        "tenant/clients/a.yaml:60002:5: `allowed_clients` refers to n59999, ",
        "tenant/clients/a.yaml:70003:12: `custom.k9999.client_secret` is a secret\n",
        "tenant/clients/b.json:1:528918: `allowed_clients` refers to n59999, ",
        "2 files, 130000 findings\n",
    ] {
        assert!(
            found.contains(expected),
            "no {expected:?} in …{}",
            &found[found.len() - 500..]
        );
    }
}

/// git would take it for an index without anything in it, in which nothing is wrong.
#[test]
fn an_index_that_is_not_there_is_an_error() {
    let bed = two();
    bed.git(&["init", "-q"]);
    bed.git(&["add", "tenant"]);
    let staged = |index: &str| {
        let index = bed.path(index);
        bed.run_with([("GIT_INDEX_FILE", index)], ["check", "--staged"])
    };
    // Before the first commit there may be none.
    staged("nowhere").exits(0);
    bed.git(&["commit", "-qm", "Pull"]);
    staged(".git/index").exits(0);
    staged("nowhere")
        .exits(2)
        .complains("error: git ls-files: GIT_INDEX_FILE names FOLDER/nowhere, which is not there");
}

#[cfg(unix)]
#[test]
fn a_hook_in_a_subfolder_checks_what_this_commit_will_have() {
    use std::os::unix::fs::PermissionsExt;
    let bed = two();
    bed.git(&["init", "-q"]);
    bed.git(&["add", "tenant"]);
    bed.git(&["commit", "-qm", "Pull"]);
    let program = env!("CARGO_BIN_EXE_tenantry");
    bed.write(
        ".git/hooks/pre-commit",
        &format!("#!/bin/sh\ncd tenant/clients && exec {program} check --staged --dir ..\n"),
    );
    let hook = bed.path(".git/hooks/pre-commit");
    std::fs::set_permissions(hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    bed.edit("tenant/clients/alpha.yaml", "name: Alpha", "name: <a>");
    // Not staged, it is no part of this commit; with -a it is, in an index of git's own.
    bed.edit("tenant/clients/beta.yaml", "name: Beta", "name: Better");
    bed.git(&["add", "tenant/clients/beta.yaml"]);
    bed.git(&["commit", "-qm", "Better"]);
    for arguments in [
        &["commit", "-aqm", "Worse"][..],
        &["commit", "-qm", "Worse", "tenant/clients/alpha.yaml"],
    ] {
        let said = git::attempt(&bed.path(""), arguments).unwrap_err();
        assert!(said.contains("alpha.yaml:2:1: `name` contains"), "{said}");
    }
}

#[test]
fn what_a_merge_left_in_the_index_is_no_commit_to_be() {
    let bed = two();
    bed.git(&["init", "-q", "-b", "main"]);
    bed.git(&["add", "tenant"]);
    bed.git(&["commit", "-qm", "Pull"]);
    bed.git(&["switch", "-qc", "other"]);
    bed.edit("tenant/clients/alpha.yaml", "name: Alpha", "name: Theirs");
    bed.git(&["commit", "-qam", "Theirs"]);
    bed.git(&["switch", "-q", "main"]);
    bed.edit("tenant/clients/alpha.yaml", "name: Alpha", "name: Ours");
    bed.git(&["commit", "-qam", "Ours"]);
    assert!(git::attempt(&bed.path(""), &["merge", "other"]).is_err());
    run(&bed, &["check", "--staged"])
        .exits(2)
        .complains("a merge is under way in clients/alpha.yaml");
}

#[test]
fn a_tracked_env_file_is_found_from_a_subfolder() {
    let bed = two();
    bed.git(&["init", "-q"]);
    bed.write("app/.env", "AUTH0_DOMAIN=x\n");
    bed.write("tenant/.env.dev", "AUTH0_DOMAIN=x\n");
    bed.git(&["add", "-f", "app/.env", "tenant/.env.dev"]);
    let mut command = bed.command_without_settings();
    command
        .args(["check", "--dir", "."])
        .env("PATH", std::env::var_os("PATH").unwrap())
        .current_dir(bed.path("tenant"));
    let found = bed.run_command(command).exits(1).stdout;
    insta::assert_snapshot!(found, @"
    ../app/.env:1:1: git tracks this file, which is for secrets
      hint: `git rm --cached ../app/.env`, let .gitignore have it, and rotate what is in it
    .env.dev:1:1: git tracks this file, which is for secrets
      hint: `git rm --cached .env.dev`, let .gitignore have it, and rotate what is in it
    2 files, 2 findings
    ");
}

#[test]
fn every_tenant_is_checked_at_once() {
    let bed = Bed::new().start();
    bed.write("tenant/dev/clients/a.yaml", "client_id: a\nname: <a>\n");
    bed.write("tenant/prod/clients/b.yaml", "client_id: b\nname: <b>\n");
    run(&bed, &["check"]).exits(2).complains("--all-tenants");
    let found = run(&bed, &["check", "--all-tenants"]).exits(1).stdout;
    insta::assert_snapshot!(found, @"
    tenant/dev/clients/a.yaml:2:1: `name` contains `<` or `>`
      hint: Auth0 refuses both in a name
      hint: or, where the tenant has that value already, `tenantry pull`: it remembers that nobody sends it
    tenant/prod/clients/b.yaml:2:1: `name` contains `<` or `>`
      hint: Auth0 refuses both in a name
      hint: or, where the tenant has that value already, `tenantry pull`: it remembers that nobody sends it
    2 files, 2 findings
    ");
    let found = run(&bed, &["check", "--all-tenants", "-o", "json"]).exits(1);
    assert_eq!(found.json()["summary"], json!({"files": 2, "findings": 2}));
    run(&bed, &["check", "--all-tenants", "--tenant", "dev"])
        .exits(2)
        .complains("leave one of the two out");
}

/// A file under a name that tenantry does not read is not silently left out.
#[test]
fn a_file_that_no_kind_s_name_fits_is_found() {
    let bed = two();
    bed.write(
        "tenant/tenantry.yaml",
        "manage: {attack-protection: all, tenant-settings: all}\n",
    );
    bed.pull();
    run(&bed, &["check"]).exits(0);
    let part = "tenant/attack-protection/brute-force";
    bed.rename(&format!("{part}-protection.yaml"), &format!("{part}.yaml"));
    bed.rename("tenant/tenant-settings.yaml", "tenant/settings.yaml");
    bed.write("tenant/role/editor.yaml", "name: Editor\n");
    bed.write("tenant/clients/sub/alpha.yaml", "client_id: a\n");
    bed.write("tenant/clients/notes.md", "# Notes\n");
    let expected = [
        (
            "attack-protection/brute-force.yaml",
            "brute-force-protection.yaml",
        ),
        ("clients/sub/alpha.yaml", "to clients/"),
        ("role", "`roles/`"),
        ("settings.yaml", "`tenant-settings.yaml`"),
    ];
    bed.git(&["init", "-q"]);
    bed.git(&["add", "tenant"]);
    for options in [&["check"][..], &["check", "--staged"]] {
        let found = run(&bed, options).exits(1).stdout;
        assert!(found.ends_with(", 4 findings\n"), "{found}");
        for (file, hint) in expected {
            assert!(found.contains(&format!("tenant/{file}:1:1: ")), "{found}");
            assert!(found.contains(hint), "{found}");
        }
    }
    for command in [&["diff"][..], &["push", "--yes"], &["pull"]] {
        let said = bed.run(command.iter().copied()).stderr;
        for (file, hint) in expected {
            assert!(said.contains(file) && said.contains(hint), "{said}");
        }
    }
    // The settings of all tenants stand in the folder above.
    let bed = Bed::new().start();
    bed.write("tenant/dev/clients/a.yaml", "client_id: a\nname: A\n");
    bed.write("tenant/prod/clients/b.yaml", "client_id: b\nname: B\n");
    bed.write("tenant/tenantry.yml", "manage: {clients: all}\n");
    let found = run(&bed, &["check", "--all-tenants"]).exits(1).stdout;
    insta::assert_snapshot!(found, @"
    tenant/tenantry.yml:1:1: tenantry does not read anything of this name
      hint: did you mean `tenantry.yaml`?
    2 files, 1 finding
    ");
}

/// An edit in it would be lost from view.
#[test]
fn a_resource_s_file_out_of_its_folder_is_found() {
    let bed = two();
    bed.write("tenant/tenantry.yaml", "manage: {roles: all}\n");
    bed.write("tenant/pipeline.yaml", "id: build\nname: Build\n");
    bed.write("tenant/notes.json", "[\"client_id\"]\n");
    bed.write("tenant/role.yaml", "name: Broken: file\n");
    run(&bed, &["check"]).exits(0);
    bed.rename("tenant/clients/alpha.yaml", "tenant/alpha.yaml");
    bed.write("tenant/gamma.json", "{\"client_id\": \"c\"}\n");
    bed.git(&["init", "-q"]);
    bed.git(&["add", "tenant"]);
    for options in [&["check"][..], &["check", "--staged"]] {
        let found = run(&bed, options).exits(1).stdout;
        insta::allow_duplicates!(insta::assert_snapshot!(found, @"
        tenant/alpha.yaml:1:1: tenantry does not read this file, which is that of a client
          hint: move it to clients/
        tenant/gamma.json:1:1: tenantry does not read this file, which is that of a client
          hint: move it to clients/
        1 file, 2 findings
        "));
    }
    for command in [&["diff"][..], &["push", "--yes"], &["pull"]] {
        bed.run(command.iter().copied()).complains(
            "warning: tenant/alpha.yaml: tenantry does not read this file, which is that of a client; move it to clients/\n",
        );
    }
}

/// Of the kinds whose ids have one name, the lock knows which it is.
#[test]
fn a_role_s_file_out_of_its_folder_is_found() {
    let bed = Bed::new()
        .sandbox(|sandbox| sandbox.seed("sandbox"))
        .start();
    bed.write(
        "tenant/tenantry.yaml",
        "manage: {roles: all, client-grants: all}\n",
    );
    bed.pull();
    for folder in ["roles", "client-grants"] {
        let files = bed.files(&format!("tenant/{folder}"));
        let file = files.keys().next().unwrap();
        bed.rename(file, &format!("tenant/{folder}-moved.yaml"));
    }
    let found = run(&bed, &["check"]).exits(1).stdout;
    assert!(found.contains("tenant/roles-moved.yaml:1:1: tenantry does not read this file, which is that of a role\n  hint: move it to roles/\n"), "{found}");
    assert!(found.contains("tenant/client-grants-moved.yaml:1:1: tenantry does not read this file, which is that of a client grant\n  hint: move it to client-grants/\n"), "{found}");
}

/// Nobody is to think that a tenant is protected by a file that is not read.
#[test]
fn settings_beside_the_tenants_folder_are_found() {
    let bed = two();
    bed.write("tenantry.yaml", "protected: true\n");
    let (path, message, hint) = (
        "tenantry.yaml",
        "tenantry does not read this file",
        "it reads tenant/tenantry.yaml: what is to count belongs there",
    );
    assert_eq!(
        run(&bed, &["check"]).exits(1).stdout,
        format!("{path}:1:1: {message}\n  hint: {hint}\n2 files, 1 finding\n")
    );
    for command in [&["diff"][..], &["push", "--yes"], &["pull"]] {
        let warning = format!("warning: {path}: {message}; {hint}\n");
        bed.run(command.iter().copied())
            .exits(0)
            .complains(&warning);
    }
    // The path is the one from where the user stands.
    bed.git(&["init", "-q"]);
    let mut command = bed.command();
    command.arg("diff").current_dir(bed.path("tenant/clients"));
    bed.run_command(command).exits(0).complains(
        "warning: ../../tenantry.yaml: tenantry does not read this file; it reads ../../tenant/tenantry.yaml",
    );
    bed.rename("tenantry.yaml", "tenant/tenantry.yaml");
    bed.sandbox.clear_requests();
    run(&bed, &["check"]).exits(0);
}

/// Not where the two are one file already.
#[cfg(target_os = "linux")]
#[test]
fn files_that_would_be_one_on_another_system_are_found_on_the_disk_and_in_the_index() {
    let bed = two();
    bed.write("tenant/clients/ALPHA.yaml", "client_id: c\nname: Gamma\n");
    bed.git(&["init", "-q"]);
    bed.git(&["add", "tenant"]);
    bed.remove("tenant/clients/alpha.yaml");
    let expected = "\
tenant/clients/alpha.yaml:1:1: its name differs from clients/ALPHA.yaml only in case
  hint: rename one of them: to macOS and Windows the two are one file
";
    assert!(
        run(&bed, &["check", "--staged"])
            .exits(1)
            .stdout
            .contains(expected)
    );
    let found = run(&bed, &["check"]).stdout;
    assert!(!found.contains("only in case"), "{found}");
}

/// Whoever works on Windows could not check the branch out.
#[cfg(unix)]
#[test]
fn names_that_windows_does_not_have_are_found_on_the_disk_and_in_the_index() {
    let bed = two();
    bed.rename("tenant/clients/alpha.yaml", "tenant/clients/aux.yaml");
    bed.rename("tenant/clients/beta.yaml", "tenant/clients/beta: b?.yaml");
    bed.git(&["init", "-q"]);
    bed.git(&["add", "tenant"]);
    for options in [&["check"][..], &["check", "--staged"]] {
        let found = run(&bed, options).exits(1).stdout;
        insta::allow_duplicates!(insta::assert_snapshot!(found, @"
        tenant/clients/aux.yaml:1:1: its name is that of a device on Windows
          hint: rename it: git can't check it out there
        tenant/clients/beta: b?.yaml:1:1: its name has `:` in it, which Windows refuses
          hint: rename it: git can't check it out there
        2 files, 2 findings
        "));
    }
}

/// Not where the two are one folder already.
#[cfg(target_os = "linux")]
#[test]
fn tenants_that_would_be_one_on_another_system_are_found() {
    let bed = Bed::new().start();
    bed.write("tenant/dev/clients/a.yaml", "client_id: a\nname: A\n");
    bed.write("tenant/Dev/clients/b.yaml", "client_id: b\nname: B\n");
    let found = run(&bed, &["check", "--all-tenants"]).exits(1).stdout;
    insta::assert_snapshot!(found, @"
    tenant/dev:1:1: its name differs from Dev only in case
      hint: rename one of them: to macOS and Windows the two are one folder
    2 files, 1 finding
    ");
}

#[test]
fn line_endings_of_windows_are_no_finding_wherever_they_stand() {
    let bed = Bed::new()
        .client("a", "Alpha", json!({"description": "one\ntwo"}))
        .client("b", "Beta", json!({"callbacks": ["https://b.example/"]}))
        .pulled();
    bed.write(
        "tenant/tenantry.yaml",
        "# Ours\nmanage:\n  clients: [callbacks]\n",
    );
    bed.run(["pull"]).exits(0);
    bed.write(
        "tenant/overrides.yaml",
        "# Theirs\nclients:\n  alpha:\n    name: Other\nignore: [beta]\n",
    );
    let whole = [
        "tenantry.yaml",
        "overrides.yaml",
        "tenant.lock",
        "clients/alpha.yaml",
        "clients/beta.yaml",
    ];
    for file in whole.map(|file| format!("tenant/{file}")) {
        bed.write(&file, &bed.read(&file).replace('\n', "\r\n"));
    }
    let before = bed.files("tenant");
    assert_eq!(
        bed.run(["check"]).exits(0).stdout,
        "2 files, nothing found\n"
    );
    assert_eq!(bed.run(["diff"]).exits(0).stdout, "no differences\n");
    bed.run(["pull"]).exits(0);
    assert_eq!(bed.files("tenant"), before);
}
