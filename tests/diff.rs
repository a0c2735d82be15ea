//! `diff`: what differs, field by field, in three forms; nothing is sent but GETs and nothing is written.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Bed, Run, client};
use serde_json::{Value, json};

const ALPHA: &str = "tenant/clients/alpha.yaml";
const BETA: &str = "tenant/clients/beta.yaml";

/// A pulled tenant on which everything happened that can: one client for each kind of difference, and one that is the same.
fn everything() -> Bed {
    let long = "The shop that everybody knows, at shop.acme.example since 2019, and its checkout";
    let bed = Bed::new()
        .client(
            "a",
            "Alpha",
            json!({"description": long, "allowed_clients": ["b", "https://api/", "d"]}),
        )
        .client(
            "b",
            "Beta",
            json!({"description": "second", "app_type": "spa", "callbacks": ["https://x/"]}),
        )
        .client("c", "Gamma", json!({"description": "third"}))
        .client("d", "Delta", json!({"description": "one\ntwo\nthree"}))
        .client("e", "Epsilon", json!({}))
        .client("f", "Same", json!({"description": "same"}))
        .pulled();
    // Edits: of a long text, of a list, to an absent live value.
    bed.edit(ALPHA, "since 2019", "since 2020");
    bed.edit(ALPHA, "- b\n", "- c\n");
    bed.edit(
        "tenant/clients/epsilon.yaml",
        "name: Epsilon\n",
        "name: Epsilon\ndescription: new\n",
    );
    // Drift, read-only differences.
    bed.sandbox.edit("b", "description", None);
    bed.sandbox.edit("b", "app_type", Some(json!("native")));
    bed.sandbox
        .edit("b", "callbacks", Some(json!(["https://x/", "https://y/"])));
    bed.sandbox.edit("b", "sso", Some(json!(true)));
    // A conflict.
    bed.edit("tenant/clients/gamma.yaml", "third", "mine");
    bed.sandbox.edit("c", "description", Some(json!("theirs")));
    // An edit of several lines.
    let text = bed.read("tenant/clients/delta.yaml");
    assert!(text.contains("two"), "{text}");
    bed.write("tenant/clients/delta.yaml", &text.replace("two", "2"));
    // Only on one side.
    bed.write(
        "tenant/clients/draft.yaml",
        "client_id: never-was\nname: Draft\n",
    );
    bed.sandbox
        .create(common::client("n", "New", json!({"description": "x"})));
    bed
}

#[test]
fn a_tenant_like_its_files_has_no_differences() {
    let bed = Bed::new()
        .sandbox(|sandbox| sandbox.seed("sandbox"))
        .pulled();
    let before = bed.age();
    assert_eq!(
        bed.run(["diff"]).exits(0).to_string(),
        "exit code 0\n--- stdout\nno differences"
    );
    insta::assert_snapshot!(bed.run(["diff", "-o", "json"]).exits(0), @r#"
    exit code 0
    --- stdout
    {
      "version": 2,
      "tenant": {
        "name": null,
        "domain": "127.0.0.1:PORT"
      },
      "base": {
        "from": "lock"
      },
      "resources": [],
      "summary": {
        "edit": 0,
        "drift": 0,
        "conflict": 0,
        "unmanaged": 0,
        "risk": 0,
        "new": 0,
        "live_only": 0,
        "file_only": 0
      }
    }
    "#);
    insta::assert_snapshot!(bed.run(["diff", "-o", "markdown"]).exits(0), @"
    exit code 0
    --- stdout
    ### tenantry: 127.0.0.1:PORT

    No differences.
    ");
    bed.assert_only_gets();
    bed.assert_untouched(&before);
}

#[test]
fn every_difference_as_text() {
    let bed = everything();
    let before = bed.age();
    insta::assert_snapshot!(bed.run(["diff"]).exits(1), @r#"
    exit code 1
    --- stdout
    New n
      only on the tenant, and push deletes nothing: `tenantry pull` writes its file, the dashboard deletes it

    clients/alpha.yaml  Alpha a
      description:
        - "The shop that everybody knows, at shop.acme.example since 2019, and its checkout"
        + "The shop that everybody knows, at shop.acme.example since 2020, and its checkout"
      allowed_clients:
        - "b" (Beta)
        + "c" (Gamma)

    clients/beta.yaml  Beta b
      drift: the tenant changed since both were last in step, the file did not
        description: "second" → (absent)
      unmanaged: the tenant has other values, and push does not send the file's
        app_type: "spa" → "native"
        callbacks:
          + "https://y/"
        sso: (absent) → true

    clients/delta.yaml  Delta d
      description:
          one
        - two
        + 2
          three

    clients/draft.yaml  Draft never-was
      the tenant has no client with this id, and push makes none

    clients/epsilon.yaml  Epsilon e
      description: (absent) → "new"

    clients/gamma.yaml  Gamma c
      conflict: the file and the tenant both changed since they were last in step
        description:
          base    "third"
          file    "mine"
          tenant  "theirs"

    4 edits, 1 drifted field, 1 conflict, 3 unmanaged differences in 5 clients, 1 client only on the tenant, 1 client only in a file
    "#);
    bed.assert_only_gets();
    bed.assert_untouched(&before);
}

#[test]
fn every_difference_as_json() {
    let bed = everything();
    let before = bed.age();
    let run = bed.run(["diff", "-o", "json"]).exits(1);
    assert_eq!(run.stderr, "");
    insta::assert_snapshot!(run.stdout, @r#"
    {
      "version": 2,
      "tenant": {
        "name": null,
        "domain": "127.0.0.1:PORT"
      },
      "base": {
        "from": "lock"
      },
      "resources": [
        {
          "kind": "clients",
          "id": "n",
          "name": "New",
          "state": "live-only",
          "fields": []
        },
        {
          "kind": "clients",
          "id": "a",
          "name": "Alpha",
          "file": "clients/alpha.yaml",
          "state": "changed",
          "fields": [
            {
              "field": "description",
              "change": "edit",
              "base": "The shop that everybody knows, at shop.acme.example since 2019, and its checkout",
              "local": "The shop that everybody knows, at shop.acme.example since 2020, and its checkout",
              "live": "The shop that everybody knows, at shop.acme.example since 2019, and its checkout"
            },
            {
              "field": "allowed_clients",
              "change": "edit",
              "base": [
                "b",
                "https://api/",
                "d"
              ],
              "local": [
                "c",
                "https://api/",
                "d"
              ],
              "live": [
                "b",
                "https://api/",
                "d"
              ]
            }
          ]
        },
        {
          "kind": "clients",
          "id": "b",
          "name": "Beta",
          "file": "clients/beta.yaml",
          "state": "changed",
          "fields": [
            {
              "field": "description",
              "change": "drift",
              "base": "second",
              "local": "second"
            },
            {
              "field": "app_type",
              "change": "unmanaged",
              "base": "spa",
              "local": "spa",
              "live": "native"
            },
            {
              "field": "callbacks",
              "change": "unmanaged",
              "base": [
                "https://x/"
              ],
              "local": [
                "https://x/"
              ],
              "live": [
                "https://x/",
                "https://y/"
              ]
            },
            {
              "field": "sso",
              "change": "unmanaged",
              "live": true
            }
          ]
        },
        {
          "kind": "clients",
          "id": "d",
          "name": "Delta",
          "file": "clients/delta.yaml",
          "state": "changed",
          "fields": [
            {
              "field": "description",
              "change": "edit",
              "base": "one\ntwo\nthree",
              "local": "one\n2\nthree",
              "live": "one\ntwo\nthree"
            }
          ]
        },
        {
          "kind": "clients",
          "id": "never-was",
          "name": "Draft",
          "file": "clients/draft.yaml",
          "state": "file-only",
          "fields": []
        },
        {
          "kind": "clients",
          "id": "e",
          "name": "Epsilon",
          "file": "clients/epsilon.yaml",
          "state": "changed",
          "fields": [
            {
              "field": "description",
              "change": "edit",
              "local": "new"
            }
          ]
        },
        {
          "kind": "clients",
          "id": "c",
          "name": "Gamma",
          "file": "clients/gamma.yaml",
          "state": "changed",
          "fields": [
            {
              "field": "description",
              "change": "conflict",
              "base": "third",
              "local": "mine",
              "live": "theirs"
            }
          ]
        }
      ],
      "summary": {
        "edit": 4,
        "drift": 1,
        "conflict": 1,
        "unmanaged": 3,
        "risk": 0,
        "new": 0,
        "live_only": 1,
        "file_only": 1
      }
    }
    "#);
    bed.assert_only_gets();
    bed.assert_untouched(&before);
}

#[test]
fn every_difference_as_markdown() {
    let bed = everything();
    let before = bed.age();
    insta::assert_snapshot!(bed.run(["diff", "-o", "markdown"]).exits(1), @r#"
    exit code 1
    --- stdout
    ### tenantry: 127.0.0.1:PORT

    4 edits, 1 drifted field, 1 conflict, 3 unmanaged differences in 5 clients, 1 client only on the tenant, 1 client only in a file.

    | name | file | differences |
    |---|---|---|
    | New |  | only on the tenant |
    | Alpha | clients/alpha.yaml | edit: description, allowed&#95;clients |
    | Beta | clients/beta.yaml | drift: description; unmanaged: app&#95;type, callbacks, sso |
    | Delta | clients/delta.yaml | edit: description |
    | Draft | clients/draft.yaml | only in a file |
    | Epsilon | clients/epsilon.yaml | edit: description |
    | Gamma | clients/gamma.yaml | conflict: description |

    <details open><summary>Alpha <code>a</code></summary>

    **Edit**: the file changed it, and push sends it.

    ```diff
    @@ description @@
    - "The shop that everybody knows, at shop.acme.example since 2019, and its checkout"
    + "The shop that everybody knows, at shop.acme.example since 2020, and its checkout"
    @@ allowed_clients @@
    - "b" (Beta)
    + "c" (Gamma)
    ```

    </details>

    <details open><summary>Beta <code>b</code></summary>

    **Drift**: the tenant changed it, the file did not, and push does not send it.

    ```diff
    @@ description @@
    - "second"
    ```

    **Unmanaged**: the tenant has another value, and push does not send the file's.

    ```text
    app_type
      file:   "spa"
      tenant: "native"
    callbacks
      tenant: "https://y/"
    sso
      tenant: true
    ```

    </details>

    <details open><summary>Delta <code>d</code></summary>

    **Edit**: the file changed it, and push sends it.

    ```diff
    @@ description @@
      one
    - two
    + 2
      three
    ```

    </details>

    <details open><summary>Epsilon <code>e</code></summary>

    **Edit**: the file changed it, and push sends it.

    ```diff
    @@ description @@
    + "new"
    ```

    </details>

    <details open><summary>Gamma <code>c</code></summary>

    **Conflict**: the file and the tenant both changed it, and push sends nothing.

    ```diff
    @@ description (the file changed it) @@
    - "third"
    + "mine"
    @@ description (the tenant changed it) @@
    - "third"
    + "theirs"
    ```

    </details>
    "#);
    bed.assert_only_gets();
    bed.assert_untouched(&before);
}

#[test]
fn push_shows_the_plan_that_diff_shows() {
    let bed = everything();
    bed.edit("tenant/clients/gamma.yaml", "mine", "third");
    let diff = bed.run(["diff", "alpha", "delta", "epsilon"]).exits(1);
    let push = bed.run(["push", "alpha", "delta", "epsilon"]).exits(2);
    assert_eq!(push.stdout, diff.stdout);
}

/// Names and values that try to move the cursor, hide, or break out of a table, a fence or HTML.
fn hostile() -> Bed {
    let bed = Bed::new()
        .client("a", "Alpha", json!({"description": "old"}))
        .client("b", "Beta", json!({"allowed_clients": ["x"]}))
        .pulled();
    bed.sandbox.edit(
        "a",
        "name",
        Some(json!(
            "\u{1b}[2J\u{1b}]0;owned\u{7}`|\u{202e}gnp.exe</summary>@team"
        )),
    );
    bed.sandbox.edit(
        "a",
        "description",
        Some(json!("````\n</details>\n\u{1b}[1A| x |\r\n\u{200b}end")),
    );
    bed.sandbox.edit(
        "b",
        "allowed_clients",
        Some(json!(["a", "\u{9b}31m", "``` | <b>", "line\nbreak"])),
    );
    bed.sandbox.edit(
        "b",
        "odd\u{1b}[31m\nfield",
        Some(json!({"k\u{1b}": "\u{feff}\u{0}"})),
    );
    bed
}

/// Fails where a screen has something that a terminal acts on, or that hides what is there.
fn assert_harmless(run: &Run) {
    for character in run.to_string().chars() {
        let harmless = character == '\n'
            || !(character.is_control() || "\u{202e}\u{200b}\u{feff}".contains(character));
        assert!(harmless, "{character:?} in {run:?}");
    }
}

#[test]
fn hostile_values_are_shown_harmless() {
    let bed = hostile();
    let text = bed.run(["diff"]).exits(1);
    assert_harmless(&text);
    insta::assert_snapshot!(text, @r#"
    exit code 1
    --- stdout
    clients/alpha.yaml  \u{1b}[2J\u{1b}]0;owned\u{7}`|\u{202e}gnp.exe</summary>@team a
      drift: the tenant changed since both were last in step, the file did not
        name:
          - "Alpha"
          + "\u001b[2J\u001b]0;owned\u0007`|\u{202e}gnp.exe</summary>@team"
        description:
          - old
          + ````
          + </details>
          + \u{1b}[1A| x |\u{d}
          + \u{200b}end

    clients/beta.yaml  Beta b
      drift: the tenant changed since both were last in step, the file did not
        allowed_clients:
          - "x"
          + "a" (\u{1b}[2J\u{1b}]0;owned\u{7}`|\u{202e}gnp.exe</summary>@team)
          + "\u{9b}31m"
          + "``` | <b>"
          + "line\nbreak"
      unmanaged: the tenant has other values, and push does not send the file's
        odd\u{1b}[31m\nfield: (absent) → {"k\u001b":"\u{feff}\u0000"}

    3 drifted fields, 1 unmanaged difference in 2 clients
    "#);
    let markdown = bed.run(["diff", "-o", "markdown"]).exits(1);
    assert_harmless(&markdown);
    insta::assert_snapshot!(markdown, @r#"
    exit code 1
    --- stdout
    ### tenantry: 127.0.0.1:PORT

    3 drifted fields, 1 unmanaged difference in 2 clients.

    | name | file | differences |
    |---|---|---|
    | &#92;u{1b}&#91;2J&#92;u{1b}&#93;0;owned&#92;u{7}&#96;&#124;&#92;u{202e}gnp.exe&lt;/summary&gt;@‍team | clients/alpha.yaml | drift: name, description |
    | Beta | clients/beta.yaml | drift: allowed&#95;clients; unmanaged: odd&#92;u{1b}&#91;31m&#92;nfield |

    <details open><summary>&#92;u{1b}&#91;2J&#92;u{1b}&#93;0;owned&#92;u{7}&#96;&#124;&#92;u{202e}gnp.exe&lt;/summary&gt;@‍team <code>a</code></summary>

    **Drift**: the tenant changed it, the file did not, and push does not send it.

    `````diff
    @@ name @@
    - "Alpha"
    + "\u001b[2J\u001b]0;owned\u0007`|\u{202e}gnp.exe</summary>@team"
    @@ description @@
    - old
    + ````
    + </details>
    + \u{1b}[1A| x |\u{d}
    + \u{200b}end
    `````

    </details>

    <details open><summary>Beta <code>b</code></summary>

    **Drift**: the tenant changed it, the file did not, and push does not send it.

    ````diff
    @@ allowed_clients @@
    - "x"
    + "a" (\u{1b}[2J\u{1b}]0;owned\u{7}`|\u{202e}gnp.exe</summary>@team)
    + "\u{9b}31m"
    + "``` | <b>"
    + "line\nbreak"
    ````

    **Unmanaged**: the tenant has another value, and push does not send the file's.

    ```text
    odd\u{1b}[31m\nfield
      tenant: {"k\u001b":"\u{feff}\u0000"}
    ```

    </details>
    "#);
    let json = bed.run(["diff", "-o", "json"]).exits(1);
    let name = bed.live("a")["name"].clone();
    assert_eq!(json.json()["resources"][0]["fields"][0]["live"], name);
    assert!(!json.stdout.contains('\u{1b}'));
}

#[test]
fn colours_are_for_those_who_ask_for_them() {
    let bed = everything();
    let never = bed.run(["diff", "--color", "never"]).exits(1);
    let always = bed.run(["diff", "--color", "always"]).exits(1);
    assert!(always.stdout.contains("\u{1b}[") && !never.stdout.contains("\u{1b}["));
    assert_eq!(
        anstream::adapter::strip_str(&always.stdout).to_string(),
        never.stdout
    );
    let mut command = bed.command();
    command
        .env("NO_COLOR", "1")
        .env("CLICOLOR_FORCE", "0")
        .args(["diff"]);
    assert_eq!(bed.run_command(command).stdout, never.stdout);
}

#[test]
fn an_empty_list_is_told_loudly() {
    let bed = Bed::new()
        .client("a", "Alpha", json!({"allowed_clients": ["x"]}))
        .pulled();
    bed.edit(ALPHA, "allowed_clients:\n  - x\n", "allowed_clients: []\n");
    let run = bed.run(["diff"]).exits(1);
    assert!(
        run.stdout
            .contains("warning: an empty list lets every client of the tenant delegate"),
        "{run}"
    );
}

#[test]
fn a_selector_is_a_file_a_name_an_id_or_a_glob() {
    let bed = everything();
    bed.rename(BETA, "tenant/clients/renamed.yaml");
    for (selectors, expected) in [
        (&["alpha"][..], &["a"][..]),
        (&["Alpha"], &["a"]),
        (&["renamed"], &["b"]),
        (&["c"], &["c"]),
        (&["?l*"], &["a"]),
        (&["n", "Draft"], &["never-was", "n"]),
        (&["{alpha,gamma}", "alpha"], &["a", "c"]),
        (&["same"], &[]),
    ] {
        let mut arguments = vec!["diff", "-o", "json"];
        arguments.extend(selectors);
        let run = bed.run(arguments).exits(i32::from(!expected.is_empty()));
        let document = run.json();
        let clients = document["resources"].as_array().unwrap();
        let mut ids: Vec<_> = clients
            .iter()
            .map(|client| client["id"].as_str().unwrap())
            .collect();
        ids.sort();
        let mut expected = expected.to_vec();
        expected.sort();
        assert_eq!(ids, expected, "{selectors:?}");
    }
}

#[test]
fn a_selector_that_matches_nothing_is_an_error() {
    let bed = everything();
    let run = bed.run(["diff", "alpha", "betta", "["]).exits(2);
    insta::assert_snapshot!(run, @"
    exit code 2
    --- stderr
    error: nothing matches `betta`, `[`
    hint: did you mean `beta`?
    ");
    let document = bed.run(["diff", "-o", "json", "betta"]).exits(2).json();
    assert_eq!(document["error"]["message"], "nothing matches `betta`");
}

#[test]
fn one_selected_client_is_one_request() {
    let bed = Bed::new().plain_clients(250).pulled();
    let path = "GET /api/v2/clients/c0007?fields=client_secret%2Csigning_keys%2Cencryption_key&include_fields=false";
    for selector in [
        "c0007",
        "clients/client-0007.yaml",
        "tenant/clients/client-0007.yaml",
    ] {
        bed.run(["diff", selector]).exits(0);
        assert_eq!(bed.requests(), [path], "{selector}");
        bed.sandbox.clear_requests();
    }
    bed.run(["diff"]).exits(0);
    assert_eq!(bed.requests().len(), 3);
}

#[test]
fn a_stem_may_be_the_name_of_a_client_that_only_the_tenant_knows() {
    let bed = Bed::new()
        .client("a", "Alpha", json!({}))
        .client("b", "Beta", json!({}))
        .pulled();
    bed.sandbox.create(client("n", "alpha", json!({})));
    bed.sandbox.edit("b", "name", Some(json!("alpha")));
    bed.edit("tenant/clients/alpha.yaml", "name: Alpha", "name: Mine");
    let plan = bed.run(["diff", "alpha", "-o", "json"]).exits(1).json();
    let resources = plan["resources"].as_array().unwrap();
    let ids: Vec<_> = resources.iter().map(|resource| &resource["id"]).collect();
    assert_eq!(ids, ["n", "a", "b"]);
}

#[test]
fn the_document_names_the_tenant() {
    let bed = Bed::new().client("a", "Alpha", json!({})).start();
    bed.run(["pull", "--tenant", "dev"]).exits(0);
    assert!(bed.path("tenant/dev/clients/alpha.yaml").exists());
    let document = bed
        .run(["diff", "--tenant", "dev", "-o", "json"])
        .exits(0)
        .json();
    assert_eq!(
        document["tenant"],
        json!({"name": "dev", "domain": bed.normal(&bed.address())})
    );
}

#[test]
fn before_the_first_pull_there_is_nothing_to_compare() {
    let bed = Bed::new().client("a", "Alpha", json!({})).start();
    let run = bed.run(["diff"]).exits(2);
    insta::assert_snapshot!(run, @"
    exit code 2
    --- stderr
    error: there is no folder tenant
    hint: `tenantry pull` makes it
    ");
    assert_eq!(bed.requests(), [""; 0]);
    assert!(!bed.path("tenant").exists(), "diff writes nothing");
}

#[test]
fn a_key_that_was_removed_is_not_managed_any_more() {
    let bed = Bed::new()
        .client("a", "Alpha", json!({"description": "first"}))
        .pulled();
    bed.edit(ALPHA, "description: first\n", "");
    bed.run(["diff"]).exits(0);
    bed.sandbox.edit("a", "description", Some(json!("changed")));
    bed.run(["diff"]).exits(0);
}

#[test]
fn null_and_absent_are_two_things() {
    let bed = Bed::new()
        .client("a", "Alpha", json!({"logo_uri": null}))
        .pulled();
    bed.sandbox.edit("a", "logo_uri", None);
    bed.sandbox.edit("a", "description", Some(Value::Null));
    let fields = bed.run(["diff", "-o", "json"]).exits(1).json()["resources"][0]["fields"].clone();
    insta::assert_snapshot!(fields, @r#"[{"field":"description","change":"drift","live":null},{"field":"logo_uri","change":"unmanaged","base":null,"local":null}]"#);
}

#[test]
fn many_files_whose_clients_are_gone_cost_one_more_list() {
    let bed = Bed::new().plain_clients(150).pulled();
    bed.write("tenant/clients/gone.yaml", "client_id: gone\nname: G\n");
    bed.run(["diff"]).exits(1);
    assert_eq!(bed.count("GET /api/v2/clients/gone"), 1);
    for index in 0..30 {
        let text = format!("client_id: gone{index}\nname: G\n");
        bed.write(&format!("tenant/clients/gone{index}.yaml"), &text);
    }
    bed.sandbox.clear_requests();
    let shown = bed.run(["diff"]).exits(1).stdout;
    assert!(
        shown.ends_with("31 clients only in a file\n"),
        "{}",
        &shown[shown.len() - 100..]
    );
    assert_eq!(bed.count("GET /api/v2/clients"), 4, "{:?}", bed.requests());
}

#[test]
fn every_tenant_is_compared_one_after_the_other() {
    let bed = Bed::new().start();
    let run = |arguments: &[&str]| {
        let mut command = bed.command_without_settings();
        command.args(arguments);
        bed.run_command(command)
    };
    for tenant in ["sandbox-dev", "sandbox-prod"] {
        run(&["pull", "--tenant", tenant]).exits(0);
    }
    let all = ["diff", "--all-tenants"];
    run(&all).exits(0);
    bed.edit(
        "tenant/sandbox-prod/clients/storefront.yaml",
        "name: Storefront",
        "name: Shop",
    );
    insta::assert_snapshot!(run(&all).exits(1).stdout, @r#"
    sandbox-dev:
    no differences

    sandbox-prod:
    clients/storefront.yaml  Storefront BR5Zkiuvq9IszkkWeI8OBS3KijWcCjMG
      name: "Storefront" → "Shop"

    1 edit in 1 client
    "#);
    let markdown = run(&[&all[..], &["-o", "markdown"]].concat())
        .exits(1)
        .stdout;
    assert_eq!(markdown.matches("### tenantry: sandbox-").count(), 2);
    run(&[&all[..], &["-o", "json"]].concat())
        .exits(2)
        .complains("`tenantry diff --tenant NAME -o json`");
    // One that can't be compared keeps nobody from the others.
    bed.write("tenant/sandbox-dev/clients/x.yaml", "client_id: [");
    let run = run(&all).exits(2).complains("x.yaml:1:13");
    assert!(run.stdout.contains("1 edit in 1 client"), "{run}");
}
