//! `list`: the live clients, each with its file and whether the two agree.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::Bed;
use serde_json::{Value, json};

/// Four clients: one edited, one drifted, one without a file, one that is the same; and a file whose client is gone.
fn mixed() -> Bed {
    let bed = Bed::new()
        .client(
            "a",
            "Alpha",
            json!({"app_type": "spa", "description": "first"}),
        )
        .client("b", "Beta", json!({"app_type": "non_interactive"}))
        .client("c", "Gamma", json!({}))
        .client("gone", "Gone", json!({}))
        .pulled();
    bed.edit("tenant/clients/alpha.yaml", "first", "mine");
    bed.sandbox
        .edit("b", "name", Some(json!("A bit longer a name")));
    bed.sandbox.delete("gone");
    bed.sandbox
        .create(common::client("n", "New", json!({"app_type": "native"})));
    bed
}

#[test]
fn live_clients_with_their_files_and_states() {
    let bed = mixed();
    let before = bed.age();
    insta::assert_snapshot!(bed.run(["list"]).exits(0), @"
    exit code 0
    --- stdout
    NAME                 ID  TYPE             FILE                STATE
    A bit longer a name  b   non_interactive  clients/beta.yaml   changed
    Alpha                a   spa              clients/alpha.yaml  changed
    Gamma                c   -                clients/gamma.yaml  unchanged
    New                  n   native           -                   live-only
    ");
    assert!(
        bed.requests()
            .iter()
            .all(|request| request.starts_with("GET /api/v2/clients"))
    );
    assert_eq!(bed.requests().len(), 1);
    bed.assert_untouched(&before);
}

#[test]
fn the_same_as_a_document() {
    let bed = mixed();
    let run = bed.run(["list", "-o", "json"]).exits(0);
    insta::assert_snapshot!(run, @r#"
    exit code 0
    --- stdout
    {
      "version": 2,
      "tenant": {
        "name": null,
        "domain": "127.0.0.1:PORT"
      },
      "resources": [
        {
          "kind": "clients",
          "id": "b",
          "name": "A bit longer a name",
          "type": "non_interactive",
          "file": "clients/beta.yaml",
          "state": "changed"
        },
        {
          "kind": "clients",
          "id": "a",
          "name": "Alpha",
          "type": "spa",
          "file": "clients/alpha.yaml",
          "state": "changed"
        },
        {
          "kind": "clients",
          "id": "c",
          "name": "Gamma",
          "file": "clients/gamma.yaml",
          "state": "unchanged"
        },
        {
          "kind": "clients",
          "id": "n",
          "name": "New",
          "type": "native",
          "state": "live-only"
        }
      ]
    }
    "#);
}

#[test]
fn a_selection_of_them() {
    let bed = mixed();
    let ids = |selector: &str| {
        let document = bed.run(["list", "-o", "json", selector]).exits(0).json();
        let clients = document["resources"].as_array().unwrap();
        clients
            .iter()
            .map(|client| client["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids("alpha"), ["a"]);
    assert_eq!(ids("A*"), ["b", "a"]);
    assert_eq!(ids("n"), ["n"]);
    bed.run(["list", "nobody"])
        .exits(2)
        .complains("nothing matches `nobody`");
}

#[test]
fn before_the_first_pull_it_is_of_use_all_the_same() {
    let bed = Bed::new().client("a", "Alpha", json!({})).start();
    insta::assert_snapshot!(bed.run(["list"]).exits(0), @"
    exit code 0
    --- stdout
    NAME   ID  TYPE  FILE  STATE
    Alpha  a   -     -     live-only
    ");
    assert!(!bed.path("tenant").exists());
}

#[test]
fn an_empty_tenant() {
    let bed = Bed::new().start();
    insta::assert_snapshot!(bed.run(["list"]).exits(0), @"
    exit code 0
    --- stdout
    NAME  ID  TYPE  FILE  STATE
    ");
    assert_eq!(
        bed.run(["list", "-o", "json"]).exits(0).json()["resources"],
        json!([])
    );
}

#[test]
fn names_can_t_act_on_the_terminal() {
    let bed = Bed::new()
        .client(
            "a",
            "\u{1b}[31mred\u{7}\nnext",
            json!({"app_type": "s\u{202e}pa"}),
        )
        .client("b", "Bänk 銀行", json!({}))
        .start();
    insta::assert_snapshot!(bed.run(["list"]).exits(0), @r"
    exit code 0
    --- stdout
    NAME                      ID  TYPE         FILE  STATE
    \u{1b}[31mred\u{7}\nnext  a   s\u{202e}pa  -     live-only
    Bänk 銀行                 b   -            -     live-only
    ");
}

#[test]
fn a_failure_is_one_document_too() {
    let bed = Bed::new().sandbox(|sandbox| sandbox.scopes(&[])).start();
    let run = bed.run(["list", "-o", "json"]).exits(2);
    let document = run.json();
    let keys: Vec<_> = document.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["version", "error"]);
    assert!(
        document["error"]["message"]
            .as_str()
            .unwrap()
            .contains("insufficient_scope")
    );
    assert!(
        document["error"]["hint"]
            .as_str()
            .unwrap()
            .contains("read:clients")
    );
    assert_ne!(document["version"], Value::Null);
}

#[test]
fn more_clients_than_numbered_pages_hold() {
    let bed = Bed::new().plain_clients(1_050).start();
    let document = bed.run(["list", "-o", "json"]).exits(0).json();
    let clients = document["resources"].as_array().unwrap();
    assert_eq!(clients.len(), 1_050);
    assert_eq!(clients[1_049]["id"], "c1049");
}

#[test]
fn a_file_without_a_client_is_said_to_be_one() {
    let bed = Bed::new().client("a", "Alpha", json!({})).pulled();
    bed.write("tenant/clients/draft.yaml", "client_id: d\nname: Draft\n");
    let run = bed.run(["list", "draft"]).exits(0);
    assert_eq!(
        run.stderr,
        "warning: clients/draft.yaml: the tenant has no client with its client_id, d\n"
    );
}

/// The binary at a terminal of so many columns.
#[cfg(unix)]
fn at_terminal(bed: &Bed, columns: usize, arguments: &[&str]) -> String {
    let mut command = bed.program("/bin/sh");
    command
        .args(["-c", "stty cols \"$0\" rows 24 && exec \"$@\""])
        .arg(columns.to_string())
        .arg(common::BINARY)
        .args(arguments)
        .env("PATH", std::env::var_os("PATH").unwrap())
        .envs(bed.settings());
    common::Conversation::start(command).ends().0
}

#[cfg(unix)]
#[test]
fn a_list_fits_the_terminal() {
    let id = "BR5Zkiuvq9IszkkWeI8OBS3KijWcCjMG";
    let bed = Bed::new()
        .client(
            id,
            "The shop of the northern region",
            json!({"app_type": "regular_web"}),
        )
        .client("b", "Beta", json!({}))
        .pulled();
    for columns in [50, 80] {
        let shown = at_terminal(&bed, columns, &["list"]);
        assert!(shown.lines().all(|line| line.len() <= columns), "{shown}");
        assert!(shown.contains(id), "{shown}");
    }
    insta::assert_snapshot!(at_terminal(&bed, 80, &["list"]), @"
    NAME
      ID  TYPE  FILE  STATE
    Beta
      b  -  clients/beta.yaml  unchanged
    The shop of the northern region
      BR5Zkiuvq9IszkkWeI8OBS3KijWcCjMG  regular_web
        clients/the-shop-of-the-northern-region.yaml  unchanged
    ");
    insta::assert_snapshot!(at_terminal(&bed, 200, &["list"]), @"
    NAME                             ID                                TYPE         FILE                                          STATE
    Beta                             b                                 -            clients/beta.yaml                             unchanged
    The shop of the northern region  BR5Zkiuvq9IszkkWeI8OBS3KijWcCjMG  regular_web  clients/the-shop-of-the-northern-region.yaml  unchanged
    ");
}

#[test]
fn one_long_name_makes_no_other_row_longer() {
    let bed = Bed::new()
        .plain_clients(80)
        .client("long", &"x".repeat(20_000), json!({}))
        .start();
    let shown = bed.run(["list"]).exits(0).stdout;
    assert!(shown.len() < 40_000, "{}", shown.len());
}

#[cfg(unix)]
#[test]
fn warnings_and_errors_break_at_words() {
    let bed = Bed::new().client("a", "Alpha", json!({})).pulled();
    bed.write(
        "tenant/clients/alpha.yaml",
        "client_id: a\nclient_secret: x\n",
    );
    let shown = at_terminal(&bed, 50, &["diff"]);
    let expected = "warning: tenant/clients/alpha.yaml: there is a\n  secret in this file: remove it, from git's\n  \
                    history too, and rotate it; tenantry neither\n  sends nor shows it\n";
    assert!(shown.starts_with(expected), "{shown}");
}

#[cfg(unix)]
#[test]
fn a_command_that_a_hint_names_has_its_options_also_where_the_line_breaks() {
    let bed = Bed::new().client("a", "Alpha", json!({})).pulled();
    std::fs::remove_file(bed.path("tenant/clients/alpha.yaml")).unwrap();
    let said = "clients/alpha.yaml is gone: push deletes nothing: delete the resource in the dashboard, or have `tenantry";
    // The next word does not fit.
    let shown = at_terminal(&bed, said.len() + 2, &["push", "--yes", "--dir", "tenant"]);
    assert!(
        shown.contains(&format!("{said}\n  pull --dir tenant`")),
        "{shown}"
    );
}

/// In a repository, wherever somebody stands: a path as the shell has it, and one as tenantry prints it.
#[test]
fn a_path_is_a_selector_from_every_folder() {
    let bed = Bed::new().three().start();
    bed.git(&["init", "-q"]);
    bed.run(["pull", "--tenant", "dev"]).exits(0);
    for folder in ["", "tenant", "tenant/dev", "tenant/dev/clients"] {
        let from_here = |selector: &str| {
            let mut command = bed.command();
            command
                .current_dir(bed.path(folder))
                .args(["list", "--tenant", "dev", "-o", "json", selector]);
            bed.run_command(command)
        };
        for selector in [
            "clients/beta.yaml",
            "tenant/dev/clients/beta.yaml",
            "clients/b*",
            "beta",
        ] {
            let run = from_here(selector).exits(0);
            let resources = run.json()["resources"].clone();
            assert_eq!(
                resources.as_array().unwrap().len(),
                1,
                "{folder}: {selector}"
            );
            assert_eq!(resources[0]["id"], "b", "{folder}: {selector}");
        }
        let run = from_here("beta.yaml");
        assert_eq!(
            run.code,
            if folder.ends_with("clients") { 0 } else { 2 },
            "{run}"
        );
    }
}
