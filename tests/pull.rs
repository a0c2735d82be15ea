//! `pull`: the tenant's clients in files, lossless and stable; a second pull merges and loses nothing, and what is broken
//! stops it before anything is asked or written.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Bed, Setup, Stub, client, plain_client, until};
use serde_json::{Value, json};
use tenantry::testing::{Fault, FaultRule};

const ALPHA: &str = "tenant/clients/alpha.yaml";
const BETA: &str = "tenant/clients/beta.yaml";

/// A client with values of every kind, and one with the updatable fields only.
fn two() -> Setup {
    Bed::new()
        .client(
            "a",
            "Alpha",
            json!({
                "allowed_clients": ["b", "https://api.example/"], "description": "first",
                "app_type": "spa", "big": 12345678901234567890u64, "callbacks": [], "client_metadata": {},
                "custom_login_page": "<html>\n  <b>é</b>\t\n</html>\n", "empty": "", "is_first_party": true, "nothing": null,
                "number_like": "0123", "tilde": "~", "word": "no", "list": [[1, 2.50], {"z": 1, "a": [true]}],
                "client_secret": "s3cret"
            }),
        )
        .client("b", "Beta", json!({"description": "second"}))
}

/// A client as it was added, with another value in one field.
fn with(client: &Value, field: &str, value: Value) -> Value {
    let mut client = client.clone();
    client[field] = value;
    client
}

#[test]
fn files_hold_every_field_but_secrets_in_both_formats() {
    let bed = two().pulled();
    insta::assert_snapshot!(bed.read(ALPHA), @r#"
    client_id: a
    name: Alpha
    description: first
    allowed_clients:
      - b
      - https://api.example/
    # Push does not send what follows.
    app_type: spa
    big: 12345678901234567890
    callbacks: []
    client_metadata: {}
    custom_login_page: "<html>\n  <b>é</b>\t\n</html>\n"
    empty: ""
    is_first_party: true
    list:
      - - 1
        - 2.5
      - a:
          - true
        z: 1
    nothing: null
    number_like: "0123"
    tilde: "~"
    word: "no"
    "#);
    insta::assert_snapshot!(bed.normal(&bed.read("tenant/tenant.lock")), @r#"
    {
      "version": 2,
      "domain": "127.0.0.1:PORT",
      "clients": {
        "a": {
          "file": "clients/alpha.yaml",
          "serial": 1,
          "base": {
            "name": "Alpha",
            "description": "first",
            "allowed_clients": ["b","https://api.example/"]
          },
          "unmanaged": "0bcf8d6251cb79f458653f4d7ec926bb875dc890956e21baa0eb3ba2a8327f6ec158ef0cc54aa704de6c5ee8ffca4e14"
        },
        "b": {
          "file": "clients/beta.yaml",
          "serial": 1,
          "base": {
            "name": "Beta",
            "description": "second"
          },
          "absent": ["allowed_clients"],
          "unmanaged": ""
        }
      }
    }
    "#);

    let bed = two().start();
    let run = bed.run(["pull", "--format", "json"]).exits(0);
    insta::assert_snapshot!(run, @"
    exit code 0
    --- stdout
    2 clients of 127.0.0.1:PORT in tenant: 2 created
    ");
    let text = bed.read("tenant/clients/alpha.json");
    insta::assert_snapshot!(text, @r#"
    {
      "client_id": "a",
      "name": "Alpha",
      "description": "first",
      "allowed_clients": [
        "b",
        "https://api.example/"
      ],
      "app_type": "spa",
      "big": 12345678901234567890,
      "callbacks": [],
      "client_metadata": {},
      "custom_login_page": "<html>\n  <b>é</b>\t\n</html>\n",
      "empty": "",
      "is_first_party": true,
      "list": [
        [
          1,
          2.5
        ],
        {
          "a": [
            true
          ],
          "z": 1
        }
      ],
      "nothing": null,
      "number_like": "0123",
      "tilde": "~",
      "word": "no"
    }
    "#);
    let mut expected = bed.live("a");
    expected.as_object_mut().unwrap().remove("client_secret");
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
    bed.run(["diff"]).exits(0);
}

/// The tests' own JSON keeps the text of numbers, as the API's does.
#[test]
fn numbers_keep_their_very_text() {
    let numbers =
        r#"{"n": [2.50, 1.0, 1e3, 1E400, -0, -0.0, 0.1e-7, 123456789012345678901234567890.10]}"#;
    let numbers: Value = serde_json::from_str(numbers).unwrap();
    for format in ["yaml", "json"] {
        let bed = Bed::new().client("a", "Alpha", numbers.clone()).start();
        bed.run(["pull", "--format", format]).exits(0);
        let text = bed.read(&format!("tenant/clients/alpha.{format}"));
        for number in numbers["n"].as_array().unwrap() {
            assert!(text.contains(&number.to_string()), "{number} in:\n{text}");
        }
        bed.run(["diff"]).exits(0);
        let before = bed.age();
        bed.run(["pull"]).exits(0);
        bed.assert_untouched(&before);
    }
}

#[test]
fn a_tenant_with_shared_names_and_a_global_client() {
    let bed = Bed::new()
        .sandbox(|sandbox| sandbox.seed("sandbox"))
        .client("AAAAAAAAaaaa", "Default App", json!({}))
        .client("BBBBBBBBbbbb", "Default App", json!({}))
        .client("CCCCCCCCcccc", "default  app!", json!({}))
        .start();
    let run = bed.run(["pull"]).exits(0);
    insta::assert_snapshot!(run, @"
    exit code 0
    --- stdout
    15 clients of 127.0.0.1:PORT in tenant: 15 created
    ");
    insta::assert_snapshot!(bed.client_files().join("\n"), @"
    billing-nightly-batch.yaml
    billing-service.yaml
    customer-portal-spa.yaml
    default-app-aaaaaaaa.yaml
    default-app-bbbbbbbb.yaml
    default-app-cccccccc.yaml
    default-app-da7ktw2x.yaml
    default-app-df3qbv8m.yaml
    deploy-ci.yaml
    muller-sohne-lager-scanner.yaml
    order-service.yaml
    partner-login-legacy.yaml
    reporting-api.yaml
    storefront.yaml
    warehouse-sync.yaml
    ");
    let global = bed
        .sandbox
        .clients()
        .into_iter()
        .find(|client| client["global"] == true)
        .unwrap();
    let id = global["client_id"].as_str().unwrap();
    assert!(!bed.files("tenant").values().any(|text| text.contains(id)));
}

#[test]
fn names_never_leave_the_folder_collide_or_fail() {
    let long = "x".repeat(300);
    let names = [
        "../x",
        "CON",
        "nul.txt",
        &long,
        "🙂🙃",
        "",
        "Web",
        "WEB",
        "a/b\\c",
        "-",
        "C:\\Windows",
        ".env",
        "client",
    ];
    let mut setup = Bed::new();
    for (number, name) in names.iter().enumerate() {
        setup = setup.client(&format!("id{number:02}aaaaaaaa"), name, json!({}));
    }
    // These differ in case and punctuation only, in their ids too.
    setup = setup
        .client("Same-Id", "Same", json!({}))
        .client("same_id", "SAME", json!({}));
    let bed = setup.start();
    let run = bed.run(["pull"]).exits(0);
    assert_eq!(run.stderr, "");
    insta::assert_snapshot!(bed.client_files().join("\n"), @"
    a-b-c.yaml
    c-windows.yaml
    client-id05aaaa.yaml
    client-id09aaaa.yaml
    client-id12aaaa.yaml
    con-id01aaaa.yaml
    env.yaml
    nul-txt.yaml
    same-same-id-2.yaml
    same-same-id.yaml
    slight-smile-upside-down.yaml
    web-id06aaaa.yaml
    web-id07aaaa.yaml
    x.yaml
    xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.yaml
    ");
    assert_eq!(
        bed.files("").len(),
        names.len() + 2 + 2,
        "the lock and the token besides: {:?}",
        bed.files("").keys()
    );
    let before = bed.age();
    bed.run(["pull"]).exits(0);
    bed.assert_untouched(&before);
    bed.run(["diff"]).exits(0);
}

#[test]
fn a_second_pull_leaves_every_byte_and_time_alone() {
    for format in ["yaml", "json"] {
        let bed = Bed::new()
            .sandbox(|sandbox| sandbox.seed("sandbox"))
            .start();
        bed.run(["pull", "--format", format]).exits(0);
        let before = bed.age();
        let run = bed.run(["pull"]).exits(0);
        assert_eq!(
            run.to_string(),
            "exit code 0\n--- stdout\n12 clients of 127.0.0.1:PORT in tenant: 12 unchanged"
        );
        bed.assert_untouched(&before);
        bed.run(["pull", "--discard-local", "--prune"]).exits(0);
        bed.assert_untouched(&before);
        bed.run(["diff"]).exits(0);
    }
}

#[test]
fn the_order_of_the_list_changes_no_file() {
    let files = |seed: Option<u64>| {
        let bed = Bed::new()
            .sandbox(|sandbox| sandbox.seed("sandbox").generated(120))
            .client("AAAAAAAA1", "Default App", json!({}))
            .client("AAAAAAAA2", "Default App", json!({}))
            .sandbox(|sandbox| match seed {
                Some(seed) => sandbox.shuffle(seed),
                None => sandbox,
            })
            .pulled();
        let lock = bed.normal(&bed.read("tenant/tenant.lock"));
        (bed.files("tenant/clients"), lock)
    };
    let in_order = files(None);
    assert_eq!(in_order.0.len(), 134);
    assert_eq!(files(Some(1)), in_order);
    assert_eq!(files(Some(2)), in_order);
}

#[test]
fn a_renamed_file_keeps_its_name_and_format() {
    let bed = two().start();
    bed.run(["pull", "--format", "json"]).exits(0);
    bed.rename("tenant/clients/alpha.json", "tenant/clients/shop.json");
    bed.sandbox.edit("a", "name", Some(json!("Other name")));
    bed.sandbox
        .edit("b", "name", Some(json!("Other name, too")));
    bed.run(["pull", "--format", "yaml"]).exits(0);
    assert_eq!(bed.client_files(), ["beta.json", "shop.json"]);
    assert!(
        bed.read("tenant/clients/shop.json")
            .contains("\"name\": \"Other name\"")
    );
    assert_eq!(bed.lock()["clients"]["a"]["file"], "clients/shop.json");
    bed.run(["diff"]).exits(0);
    // New files are of the format that was asked for, and go round what is taken.
    bed.sandbox.create(client("n", "Shop", json!({})));
    bed.run(["pull", "--format", "yaml"]).exits(0);
    assert_eq!(
        bed.client_files(),
        ["beta.json", "shop-n.yaml", "shop.json"]
    );
}

#[test]
fn edits_stay_drift_comes_in_and_a_conflict_stays_one() {
    let bed = Bed::new()
        .client(
            "a",
            "Alpha",
            json!({"description": "first", "allowed_clients": ["x"], "app_type": "spa"}),
        )
        .client("b", "Beta", json!({"description": "second"}))
        .client("c", "Gamma", json!({"description": "third"}))
        .client("d", "Delta", json!({"description": "fourth"}))
        .pulled();
    // An edit and drift in one client, read-only fields too.
    bed.edit(ALPHA, "description: first", "description: mine");
    bed.edit(ALPHA, "app_type: spa", "app_type: edited");
    bed.sandbox.edit("a", "allowed_clients", Some(json!(["y"])));
    bed.sandbox.edit("a", "app_type", Some(json!("native")));
    bed.sandbox.edit("a", "new_field", Some(json!(1)));
    // A conflict, both sides to the same value, and drift to an absent value.
    bed.edit(BETA, "second", "mine");
    bed.sandbox.edit("b", "description", Some(json!("theirs")));
    bed.edit("tenant/clients/gamma.yaml", "third", "agreed");
    bed.sandbox.edit("c", "description", Some(json!("agreed")));
    bed.sandbox.edit("d", "description", None);

    let run = bed.run(["pull"]).exits(1);
    insta::assert_snapshot!(run, @r#"
    exit code 1
    --- stdout
    clients/alpha.yaml: keeps its edit: `tenantry diff` shows it
    clients/alpha.yaml: took allowed_clients, new_field
    clients/alpha.yaml: dropped app_type: "edited", which push does not send; it is "native" on the tenant
    clients/beta.yaml: conflict: the file and the tenant both changed; `tenantry diff` shows both
    clients/delta.yaml: took description
    4 clients of 127.0.0.1:PORT in tenant: 1 updated, 1 unchanged, 1 with an edit kept, 1 in conflict
    "#);
    insta::assert_snapshot!(bed.read(ALPHA), @r#"
    client_id: a
    name: Alpha
    description: mine
    allowed_clients:
      - "y"
    # Push does not send what follows.
    app_type: native
    new_field: 1
    "#);
    assert!(bed.read(BETA).contains("description: mine\n"));
    assert!(
        !bed.read("tenant/clients/delta.yaml")
            .contains("description")
    );
    assert_eq!(
        bed.base("a"),
        json!({"name": "Alpha", "description": "first", "allowed_clients": ["y"]})
    );
    assert_eq!(
        bed.base("b")["description"],
        "second",
        "a conflict keeps its base"
    );
    assert_eq!(bed.base("c")["description"], "agreed");
    assert_eq!(bed.base("d"), json!({"name": "Delta"}));

    let before = bed.age();
    let document = bed.run(["pull", "-o", "json"]).exits(1).json();
    insta::assert_snapshot!(document["summary"], @r#"{"created":0,"updated":0,"unchanged":2,"kept_edit":1,"conflict":1,"gone":0,"pruned":0}"#);
    let clients = document["resources"].as_array().unwrap();
    assert_eq!(
        clients[1],
        json!({"kind": "clients", "id": "b", "name": "Beta", "file": "clients/beta.yaml", "status": "conflict", "fields": []})
    );
    bed.assert_untouched(&before);
}

#[test]
fn discarding_takes_the_tenant_s_values_and_says_what_is_dropped() {
    let bed = two().pulled();
    bed.edit(ALPHA, "description: first", "description: \"mine\\e[31m\"");
    bed.edit(BETA, "description: second\n", "");
    bed.edit(BETA, "name: Beta", "name: Mine");
    bed.sandbox.edit("b", "name", Some(json!("Theirs")));
    let run = bed
        .run(["pull", "--discard-local", "alpha", "beta"])
        .exits(0);
    insta::assert_snapshot!(run, @r#"
    exit code 0
    --- stdout
    clients/alpha.yaml: dropped description: "mine\u001b[31m"
    clients/beta.yaml: dropped name: "Mine"
    clients/beta.yaml: description is in the file again
    2 clients of 127.0.0.1:PORT in tenant: 2 updated
    "#);
    bed.run(["diff"]).exits(0);
    assert_eq!(
        bed.base("b"),
        json!({"name": "Theirs", "description": "second"})
    );
    bed.edit(ALPHA, "description: \"first\"", "description: again");
    let document = bed
        .run(["pull", "--discard-local", "-o", "json"])
        .exits(0)
        .json();
    assert_eq!(
        document["resources"][0],
        json!({"kind": "clients", "id": "a", "name": "Alpha", "file": "clients/alpha.yaml", "status": "updated", "fields": ["description"]})
    );
}

#[test]
fn clients_that_are_gone_are_reported_and_pruned_on_demand() {
    let bed = two().pulled();
    bed.write(
        "tenant/clients/draft.yaml",
        "client_id: never-was\nname: Draft\n",
    );
    bed.sandbox.delete("b");
    let before = bed.age();
    let run = bed.run(["pull"]).exits(1);
    insta::assert_snapshot!(run, @"
    exit code 1
    --- stdout
    clients/beta.yaml: its client is gone from the tenant; --prune deletes its file
    clients/draft.yaml: the tenant has no client with this id, and tenantry makes none: `tenantry list` shows the ids that there are
    3 clients of 127.0.0.1:PORT in tenant: 1 unchanged, 2 gone
    ");
    bed.assert_untouched(&before);
    let run = bed.run(["pull", "--prune"]).exits(1);
    insta::assert_snapshot!(run, @"
    exit code 1
    --- stdout
    clients/beta.yaml: deleted: its client is gone from the tenant
    clients/draft.yaml: the tenant has no client with this id, and tenantry makes none: `tenantry list` shows the ids that there are
    3 clients of 127.0.0.1:PORT in tenant: 1 unchanged, 1 gone, 1 pruned
    ");
    assert_eq!(
        bed.client_files(),
        ["alpha.yaml", "draft.yaml"],
        "a file that was never pulled is somebody's work"
    );
    assert_eq!(bed.lock()["clients"].as_object().unwrap().len(), 1);
}

#[test]
fn an_edit_that_was_never_pushed_keeps_the_file_of_a_client_that_is_gone() {
    let bed = two().pulled();
    bed.edit("tenant/clients/beta.yaml", "name: Beta", "name: Gamma");
    bed.sandbox.delete("b");
    let before = bed.age();
    for arguments in [&["pull", "--prune"][..], &["pull"]] {
        let run = bed.run(arguments.iter().copied()).exits(1);
        insta::allow_duplicates!(insta::assert_snapshot!(run.stdout, @"
        clients/beta.yaml: its client is gone from the tenant, and name in the file was never pushed: --prune --discard-local deletes the file all the same
        2 clients of 127.0.0.1:PORT in tenant: 1 unchanged, 1 gone
        "));
        bed.assert_untouched(&before);
    }
    let run = bed.run(["pull", "--prune", "--discard-local"]).exits(0);
    insta::assert_snapshot!(run.stdout, @r#"
    clients/beta.yaml: deleted: its client is gone from the tenant
    clients/beta.yaml: dropped name: "Gamma"
    2 clients of 127.0.0.1:PORT in tenant: 1 unchanged, 1 pruned
    "#);
    assert_eq!(bed.client_files(), ["alpha.yaml"]);
}

#[test]
fn pruning_is_done_when_only_known_clients_are_gone() {
    let bed = two().pulled();
    bed.sandbox.delete("b");
    let document = bed.run(["pull", "--prune", "-o", "json"]).exits(0).json();
    assert_eq!(document["summary"]["pruned"], 1);
    assert_eq!(bed.client_files(), ["alpha.yaml"]);
    bed.run(["diff"]).exits(0);
}

#[test]
fn comments_order_and_quoting_survive() {
    let bed = two().pulled();
    bed.write(
        BETA,
        "# Ask Kim before you change this.\ndescription: 'second'   # said in 2019\n\nclient_id: \"b\"\nname: \"Beta\"\n",
    );
    bed.sandbox.edit("b", "name", Some(json!("Bêta")));
    bed.sandbox.edit("b", "app_type", Some(json!("spa")));
    bed.run(["pull"]).exits(0);
    insta::assert_snapshot!(bed.read(BETA), @r#"
    # Ask Kim before you change this.
    description: 'second'   # said in 2019

    client_id: "b"
    name: "Bêta"
    # Push does not send what follows.
    app_type: spa
    "#);
    bed.run(["diff"]).exits(0);
}

#[test]
fn a_json_file_stays_as_it_is_until_a_value_changes() {
    let bed = two().start();
    bed.run(["pull", "--format", "json"]).exits(0);
    let beta = "tenant/clients/beta.json";
    let text = "{\n    \"name\": \"B\\u0065ta\",\n    \"description\": \"second\",\n    \"client_id\": \"b\"\n}\n";
    bed.write(beta, text);
    bed.run(["diff"]).exits(0);
    bed.run(["pull"]).exits(0);
    assert_eq!(bed.read(beta), text);
    bed.sandbox.edit("b", "description", Some(json!("changed")));
    bed.run(["pull"]).exits(0);
    insta::assert_snapshot!(bed.read(beta), @r#"
    {
      "client_id": "b",
      "name": "Beta",
      "description": "changed"
    }
    "#);
}

#[test]
fn line_endings_and_a_byte_order_mark_survive() {
    let bed = two().pulled();
    let text = "\u{feff}# Kim's\r\nclient_id: b\r\nname: Beta\r\ndescription: second\r\n";
    bed.write(BETA, text);
    bed.run(["diff"]).exits(0);
    bed.sandbox.edit("b", "name", Some(json!("B")));
    bed.run(["pull"]).exits(0);
    assert_eq!(bed.read(BETA), text.replace("Beta", "B"));
}

#[test]
fn what_a_killed_pull_left_is_cleaned_up() {
    let bed = two().pulled();
    let before = bed.files("tenant");
    bed.write("tenant/clients/.tenantry-new-x1y2z3", "client_id: [");
    bed.write("tenant/.tenantry-new-x1y2z3", "{");
    bed.run(["diff"]).exits(0);
    bed.run(["pull"]).exits(0);
    assert_eq!(bed.files("tenant"), before);
}

#[test]
fn a_pull_that_is_killed_while_it_asks_has_changed_nothing() {
    let bed = two().pulled();
    bed.sandbox.edit("a", "description", Some(json!("changed")));
    let before = bed.age();
    bed.sandbox.fail_next(Fault::HangBefore);
    let mut killed = bed.spawn(["pull", "--discard-local", "--prune"]);
    until(|| bed.count("GET") > 0);
    killed.kill().unwrap();
    killed.wait().unwrap();
    bed.assert_untouched(&before);
    bed.run(["pull"]).exits(0);
    assert_eq!(bed.base("a")["description"], "changed");
}

#[test]
fn a_selection_pulls_just_that() {
    let bed = two().start();
    bed.run(["pull", "Alpha"]).exits(0);
    assert_eq!(bed.client_files(), ["alpha.yaml"]);
    bed.sandbox.edit("a", "description", Some(json!("changed")));
    let before = bed.age();
    bed.run(["pull", "b"]).exits(0);
    assert_eq!(bed.client_files(), ["alpha.yaml", "beta.yaml"]);
    assert_eq!(bed.read(ALPHA), before[ALPHA]);
    let run = bed
        .run(["pull", "nobody", "Be*"])
        .exits(2)
        .complains("nothing matches `nobody`");
    assert_eq!(run.stdout, "");
}

/// What is wrong with a tenant's files stops every command before it asks anything of anybody.
#[test]
fn broken_files_stop_everything() {
    let markers = "client_id: a\n<<<<<<< HEAD\nname: A\n=======\nname: B\n>>>>>>> other\n";
    let cases: [(&str, &str); 20] = [
        (ALPHA, "client_id: a\nname: [\n"),
        (ALPHA, ""),
        (ALPHA, "- a\n"),
        (ALPHA, "client_id: a\nname: A\nname: B\n"),
        (ALPHA, markers),
        (ALPHA, "name: A\n"),
        (ALPHA, "client_id: 12\n"),
        (ALPHA, "client_id: b\n"),
        (ALPHA, "client_id: a\ndescription:\n"),
        (
            ALPHA,
            "client_id: a\nname: &anchor A\ndescription: *anchor\n",
        ),
        (ALPHA, "client_id: a\nallowed_clients: x\n"),
        (ALPHA, "client_id: a\nallowed_clients: [x, '']\n"),
        ("tenant/clients/alpha.json", "{\"client_id\": \"x\",}"),
        ("tenant/tenant.lock", "{"),
        ("tenant/tenant.lock", ""),
        (
            "tenant/tenant.lock",
            "{\"version\": 3, \"domain\": \"d\", \"clients\": {}}",
        ),
        ("tenant/tenant.lock", "<<<<<<< HEAD\n{\n"),
        (
            "tenant/tenant.lock",
            "{\"version\": 2, \"domain\": \"other.example\", \"clients\": {}}",
        ),
        ("tenant/tenant.lock", "{\"version\": 2, \"clients\": {}}"),
        ("tenant/tenant.lock", "[]"),
    ];
    let bed = two().pulled();
    let pristine = bed.files("tenant");
    let mut screens = Vec::new();
    for (path, text) in cases {
        bed.write(path, text);
        bed.age();
        let before = bed.files("tenant");
        let run = bed.run(["pull"]).exits(2);
        assert_eq!(run.stdout, "");
        for command in [
            &["diff"][..],
            &["push", "--yes"],
            &["list"],
            &["pull", "--discard-local", "--prune"],
        ] {
            // A value that the API would refuse is one to discard, and in no list's way.
            let refused = ["name", "description", "allowed_clients"];
            let refused = refused
                .iter()
                .any(|field| run.stderr.contains(&format!("`{field}` ")));
            if refused && (command.contains(&"--discard-local") || command == ["list"]) {
                continue;
            }
            let other = bed.run(command.iter().copied()).exits(2);
            assert_eq!(other.stderr, run.stderr, "{command:?}");
        }
        assert_eq!(bed.requests(), [""; 0], "{text}");
        bed.assert_untouched(&before);
        screens.push(format!("{text:?}\n{}", run.stderr));
        bed.remove(path);
        for (path, text) in &pristine {
            bed.write(path, text);
        }
    }
    insta::assert_snapshot!(screens.join("\n"), @r#"
    "client_id: a\nname: [\n"
    error: tenant/clients/alpha.yaml:3:1: is not YAML: while parsing a node, did not find expected node content
      |
    2 | name: [
      |        ^
    hint: indent with spaces, and put text into quotes that begins with a sign or contains `: ` or ` #`

    ""
    error: tenant/clients/alpha.yaml:1:1: is empty
    hint: restore the file, or delete it and pull

    "- a\n"
    error: tenant/clients/alpha.yaml:1:1: is not a mapping at its top level
      |
    1 | - a
      | ^
    hint: write lines of `field: value`

    "client_id: a\nname: A\nname: B\n"
    error: tenant/clients/alpha.yaml:3:1: `name` is there twice, first on line 2
      |
    3 | name: B
      | ^
    hint: keep one of the two

    "client_id: a\n<<<<<<< HEAD\nname: A\n=======\nname: B\n>>>>>>> other\n"
    error: tenant/clients/alpha.yaml:2:1: a git merge left conflict markers here
      |
    2 | <<<<<<< HEAD
      | ^
    hint: finish the merge: keep one side, or some of both

    "name: A\n"
    error: tenant/clients/alpha.yaml: there is no `client_id`, and tenant.lock has the file as that of a
    hint: write `client_id: a` as its first line again; give the file of another, new client another name

    "client_id: 12\n"
    error: tenant/clients/alpha.yaml:1:1: `client_id` is not text
      |
    1 | client_id: 12
      | ^
    hint: put it into quotes

    "client_id: b\n"
    error: tenant/clients/alpha.yaml and tenant/clients/beta.yaml have the same client_id b
    hint: keep one of them: a client has one file

    "client_id: a\ndescription:\n"
    error: tenant/clients/alpha.yaml:2:1: `description` may not be null
      |
    2 | description:
      | ^
    hint: write `description: ""` to clear it, or remove the line to leave it as it is

    "client_id: a\nname: &anchor A\ndescription: *anchor\n"
    error: tenant/clients/alpha.yaml:2:7: has an anchor (`&…`), which files may not have
      |
    2 | name: &anchor A
      |       ^
    hint: remove it, and write the value out wherever it is used

    "client_id: a\nallowed_clients: x\n"
    error: tenant/clients/alpha.yaml:2:1: `allowed_clients` is text, not a list
      |
    2 | allowed_clients: x
      | ^
    hint: write a list of client ids

    "client_id: a\nallowed_clients: [x, '']\n"
    error: tenant/clients/alpha.yaml:2:22: entry 2 of `allowed_clients` is empty
      |
    2 | allowed_clients: [x, '']
      |                      ^
    hint: write a value that Auth0 takes

    "{\"client_id\": \"x\",}"
    error: tenant/clients/alpha.json:1:19: is not JSON: a key in double quotes is missing
      |
    1 | {"client_id": "x",}
      |                   ^

    "{"
    error: tenant/tenant.lock:1:2: is not JSON: the text ends too early
      |
    1 | {
      |  ^
    hint: take the lock from git; or remove it and run `tenantry pull`, which then takes what the files say for edits

    ""
    error: tenant/tenant.lock:1:1: is not JSON: the text ends too early
    hint: take the lock from git; or remove it and run `tenantry pull`, which then takes what the files say for edits

    "{\"version\": 3, \"domain\": \"d\", \"clients\": {}}"
    error: tenant/tenant.lock:1:2: this lock has version 3, and this tenantry knows version 2
      |
    1 | {"version": 3, "domain": "d", "clients": {}}
      |  ^
    hint: use the tenantry that wrote it, or a newer one

    "<<<<<<< HEAD\n{\n"
    error: tenant/tenant.lock:1:1: a git merge left conflict markers here
      |
    1 | <<<<<<< HEAD
      | ^
    hint: take either side, `git checkout --ours -- tenant/tenant.lock`, and finish the merge: base is then looked for on both sides

    "{\"version\": 2, \"domain\": \"other.example\", \"clients\": {}}"
    error: the files in tenant are those of other.example, and the settings name 127.0.0.1:PORT
    hint: use that tenant's settings, or another directory (--tenant NAME, --dir DIR): files of one tenant never go to another

    "{\"version\": 2, \"clients\": {}}"
    error: tenant/tenant.lock:1:1: a lock has a `domain`
      |
    1 | {"version": 2, "clients": {}}
      | ^
    hint: take the lock from git; or remove it and run `tenantry pull`, which then takes what the files say for edits

    "[]"
    error: tenant/tenant.lock:1:1: is not an object at its top level
      |
    1 | []
      | ^
    hint: take the lock from git; or remove it and run `tenantry pull`, which then takes what the files say for edits
    "#);
}

#[test]
fn several_broken_files_are_told_at_once() {
    let bed = two().pulled();
    bed.write(ALPHA, "client_id: a\nname: [\n");
    bed.write(BETA, "client_id: b\ndescription: 12\n");
    bed.write("tenant/tenant.lock", "{");
    let run = bed.run(["pull"]).exits(2);
    insta::assert_snapshot!(run, @"
    exit code 2
    --- stderr
    error: tenant/tenant.lock:1:2: is not JSON: the text ends too early
      |
    1 | {
      |  ^
    hint: take the lock from git; or remove it and run `tenantry pull`, which then takes what the files say for edits
    error: tenant/clients/alpha.yaml:3:1: is not YAML: while parsing a node, did not find expected node content
      |
    2 | name: [
      |        ^
    hint: indent with spaces, and put text into quotes that begins with a sign or contains `: ` or ` #`
    ");
}

#[test]
fn what_is_no_client_s_file_is_left_alone() {
    let bed = two().pulled();
    for name in ["README.md", ".alpha.yaml.swp", ".hidden.yaml", "notes.txt"] {
        bed.write(&format!("tenant/clients/{name}"), "client_id: [");
    }
    let before = bed.age();
    bed.run(["pull", "--prune"]).exits(0);
    bed.assert_untouched(&before);
}

#[test]
fn the_list_takes_as_many_requests_as_it_has_pages() {
    for (clients, requests) in [(0, 1), (1, 1), (100, 1), (101, 2), (1_000, 10), (1_001, 12)] {
        let bed = Bed::new().plain_clients(clients).start();
        let run = bed.run(["pull", "-o", "json"]).exits(0);
        assert_eq!(run.json()["summary"]["created"], clients);
        match clients {
            0 => assert!(!bed.path("tenant/clients").exists()),
            _ => assert_eq!(bed.client_files().len(), clients),
        }
        assert_eq!(bed.count("GET"), requests, "{clients} clients");
        assert_eq!(bed.count("GET /api/v2/clients?fields=client_secret%2Csigning_keys%2Cencryption_key&include_fields=false"), requests);
        if clients == 101 {
            assert_eq!(
                bed.requests()[2],
                "GET /api/v2/clients?fields=client_secret%2Csigning_keys%2Cencryption_key&include_fields=false&is_global=false&page=1&per_page=100&include_totals=true"
            );
        }
    }
}

#[test]
fn the_token_and_the_pages_share_their_connections() {
    // Pages side by side need as many connections as there are pages, and no more.
    let bed = Bed::new().plain_clients(1_000).start();
    bed.run(["pull"]).exits(0);
    assert!(bed.sandbox.connections() <= 10);
    // Those that follow one another need one. Now and then it is not back in the pool yet when the next is due.
    let bed = Bed::new().plain_clients(1_200).start();
    bed.run(["pull"]).exits(0);
    assert_eq!(bed.requests().len(), 14);
    assert!(
        bed.sandbox.connections() <= 3,
        "{}",
        bed.sandbox.connections()
    );
}

#[test]
fn a_tenant_that_serves_smaller_pages_is_followed_to_the_end() {
    let bed = Bed::new()
        .plain_clients(95)
        .sandbox(|sandbox| sandbox.page_cap(30))
        .start();
    bed.run(["pull"]).exits(0);
    assert_eq!(bed.client_files().len(), 95);
    assert_eq!(bed.count("GET"), 1 + 4);
}

#[test]
fn a_page_that_repeats_or_lacks_a_client_is_read_by_checkpoints() {
    for fault in [Fault::RepeatedEntry, Fault::ShortPage] {
        for page in ["page=0", "page=1"] {
            let bed = Bed::new().plain_clients(150).start();
            bed.sandbox
                .fail_next(FaultRule::new(fault.clone()).path(page));
            bed.run(["pull"]).exits(0);
            assert_eq!(bed.client_files().len(), 150, "{fault:?} {page}");
        }
    }
}

#[test]
fn a_list_that_stays_wrong_is_an_error_and_deletes_nothing() {
    let bed = Bed::new().plain_clients(150).pulled();
    let before = bed.age();
    let mut screens = Vec::new();
    for fault in [Fault::RepeatedEntry, Fault::ShortPage] {
        bed.sandbox.set_faults([FaultRule::new(fault).always()]);
        let run = bed.run(["pull", "--prune"]).exits(2);
        bed.assert_untouched(&before);
        screens.push(run.to_string());
        bed.run(["diff"]).exits(2);
    }
    insta::assert_snapshot!(screens.join("\n\n"), @"
    exit code 2
    --- stderr
    error: GET /api/v2/clients: the answer makes no sense: the client c0000 is listed twice
    hint: a proxy in between, or a change of the API, may be why

    exit code 2
    --- stderr
    error: GET /api/v2/clients: the answer makes no sense: the tenant says that it has 150 clients, and lists 148
    hint: a proxy in between, or a change of the API, may be why
    ");
}

#[test]
fn an_answer_that_is_no_list_deletes_nothing() {
    let bed = two().pulled();
    let lock = bed.read("tenant/tenant.lock");
    let mut screens = Vec::new();
    for body in [
        json!({"total": 2, "clients": []}),
        json!({"total": 1, "clients": [{"name": "no id"}]}),
        json!([]),
        json!({"clients": [{"client_id": "a"}]}),
        json!({"total": 0, "clients": null}),
    ] {
        let stub = Stub::start(move |method, _| match method {
            "POST" => json!({"access_token": "t", "expires_in": 86400}),
            _ => body.clone(),
        });
        bed.write(
            "tenant/tenant.lock",
            &lock.replace(&bed.address(), &stub.address()),
        );
        let before = bed.age();
        let run = bed
            .run_with([("AUTH0_DOMAIN", stub.url())], ["pull", "--prune"])
            .exits(2);
        bed.assert_untouched(&before);
        screens.push(run.stderr);
    }
    insta::assert_snapshot!(screens.join("\n"), @"
    error: GET /api/v2/clients: the answer makes no sense: the tenant says that it has 2 clients, and lists 0
    hint: a proxy in between, or a change of the API, may be why

    error: GET /api/v2/clients: the answer makes no sense: a client has no `client_id` that can be one
    hint: a proxy in between, or a change of the API, may be why

    error: GET /api/v2/clients: the answer makes no sense: it has another shape than documented
    hint: a proxy in between, or a change of the API, may be why

    error: GET /api/v2/clients: the answer makes no sense: it has another shape than documented
    hint: a proxy in between, or a change of the API, may be why

    error: GET /api/v2/clients: the answer makes no sense: it has another shape than documented
    hint: a proxy in between, or a change of the API, may be why
    ");
}

#[test]
fn faults_on_the_way_are_retried() {
    let bed = Bed::new().plain_clients(150).start();
    for fault in [
        Fault::StatusBefore(503),
        Fault::CloseBefore,
        Fault::CutBody,
        Fault::ProxyPage,
        Fault::TooManyRequests {
            retry_after: Some(0),
        },
    ] {
        bed.sandbox.fail_next(FaultRule::new(fault));
    }
    bed.run(["pull"]).exits(0);
    assert_eq!(bed.client_files().len(), 150);
}

#[test]
fn files_of_one_tenant_are_never_pulled_over() {
    let bed = two().pulled();
    let (old, before) = (bed.address(), bed.age());
    let bed = bed.moved_to(Bed::new().client("a", "Another tenant's", json!({})));
    let run = bed.run(["pull", "--discard-local", "--prune"]).exits(2);
    assert!(
        run.stderr.contains(&old) && run.stderr.contains("127.0.0.1:PORT"),
        "{run}"
    );
    assert_eq!(bed.requests(), [""; 0]);
    bed.assert_untouched(&before);
}

#[test]
fn a_file_whose_base_is_unknown_is_an_edit() {
    let bed = two().start();
    bed.write("tenant/clients/mine.yaml", "client_id: a\nname: Mine\n");
    let run = bed.run(["pull"]).exits(0);
    insta::assert_snapshot!(run, @"
    exit code 0
    --- stdout
    clients/mine.yaml: keeps its edit: `tenantry diff` shows it
    clients/mine.yaml: took app_type, big, callbacks, client_metadata, custom_login_page, empty, is_first_party, nothing, number_like, tilde, word, list
    2 clients of 127.0.0.1:PORT in tenant: 1 created, 1 with an edit kept
    ");
    let text = bed.read("tenant/clients/mine.yaml");
    assert!(text.starts_with("client_id: a\nname: Mine\n"), "{text}");
    assert!(
        !text.contains("description"),
        "a field that the file leaves out is not managed:\n{text}"
    );
    assert_eq!(bed.client_files(), ["beta.yaml", "mine.yaml"]);
}

#[test]
fn a_lost_lock_loses_nothing() {
    let bed = two().pulled();
    bed.edit(BETA, "second", "mine");
    bed.remove("tenant/tenant.lock");
    bed.run(["pull"]).exits(0);
    assert!(bed.read(BETA).contains("mine"));
    bed.run(["push", "--yes"]).exits(0);
    assert_eq!(
        bed.patches(),
        [("b".to_owned(), json!({"description": "mine"}))]
    );
}

#[test]
fn a_new_client_gets_a_file_and_an_old_one_keeps_its_own() {
    let bed = two().pulled();
    let old = bed.live("b");
    bed.sandbox.create(with(&old, "client_id", json!("b2")));
    let run = bed.run(["pull"]).exits(0);
    assert!(
        run.stdout
            .ends_with("3 clients of 127.0.0.1:PORT in tenant: 1 created, 2 unchanged\n"),
        "{run}"
    );
    assert_eq!(
        bed.client_files(),
        ["alpha.yaml", "beta-b2.yaml", "beta.yaml"]
    );
    bed.sandbox.create(plain_client(1));
    bed.run(["pull", "--quiet", "c0001"]).exits(0);
    assert_eq!(bed.client_files().len(), 4);
}

#[test]
fn folders_above_are_looked_into_up_to_the_root_of_the_repository() {
    let bed = two().pulled();
    let (address, settings) = (bed.address(), bed.env_file());
    bed.write(".env", &settings);
    bed.write("docs/deep/x", "");
    let from = |folder: &str| {
        let mut command = bed.command_without_settings();
        command.arg("diff").current_dir(bed.path(folder));
        bed.run_command(command)
    };
    from("").exits(0);
    // Outside of a repository, what lies above is not ours.
    from("docs/deep").exits(2);
    std::fs::create_dir(bed.path(".git")).unwrap();
    assert_eq!(from("docs/deep").exits(0).stdout, "no differences\n");
    bed.edit("tenant/clients/alpha.yaml", "name: Alpha", "name: [");
    let run = from("docs/deep").exits(2);
    assert!(
        run.stderr.contains("../../tenant/clients/alpha.yaml:"),
        "{run}"
    );
    // git takes the path from where the user stands.
    bed.write("tenant/tenant.lock", "<<<<<<< HEAD\n{\n");
    let run = from("docs/deep").exits(2);
    assert!(
        run.stderr
            .contains("`git checkout --ours -- ../../tenant/tenant.lock`"),
        "{run}"
    );
    // A repository of its own ends the way up.
    std::fs::create_dir(bed.path("docs/.git")).unwrap();
    from("docs/deep").exits(2).complains("AUTH0_DOMAIN");
    assert!(settings.contains(&address));
}

#[test]
fn a_tenant_without_settings_of_its_own_is_asked_about() {
    let bed = two().start();
    bed.write(".env", &bed.env_file());
    let pull = |arguments: &[&str]| {
        bed.run_without_settings([&["pull", "--tenant", "dve"], arguments].concat())
    };
    let run = pull(&[]).exits(2);
    insta::assert_snapshot!(run.stderr, @"
    error: there is no .env.dve, and .env names 127.0.0.1:PORT
    hint: make .env.dve, or say with --yes that 127.0.0.1:PORT is dve
    ");
    assert!(!bed.path("tenant").exists());
    assert_eq!(bed.requests(), [""; 0]);
    pull(&["--yes"]).exits(0);
    // The lock knows the domain from now on.
    pull(&[]).exits(0);
}

#[test]
fn hints_repeat_the_tenant_and_the_folder_in_use() {
    let bed = two().start();
    bed.run(["pull", "--tenant", "dev", "--dir", "there"])
        .exits(0);
    bed.edit("there/dev/clients/alpha.yaml", "name: Alpha", "name: Mine");
    let run = bed
        .run(["pull", "--tenant", "dev", "--dir", "there"])
        .exits(0);
    assert!(
        run.stdout
            .contains("keeps its edit: `tenantry diff --tenant dev --dir there` shows it"),
        "{run}"
    );
}

#[cfg(unix)]
#[test]
fn at_a_terminal_a_borrowed_domain_is_asked_about() {
    let bed = two().start();
    bed.write(".env", &bed.env_file());
    let pull = |answer: &str| {
        let mut command = bed.bare();
        command.args(["pull", "--tenant", "dve"]);
        let mut pull = common::Conversation::start(command);
        let question = format!(
            "There is no .env.dve, and .env names {}. Pull it into tenant/dve?",
            bed.address()
        );
        pull.answer(&question, answer);
        pull.ends().1
    };
    assert_eq!(pull("n"), 1);
    assert!(!bed.path("tenant").exists());
    assert_eq!(pull("yes"), 0);
    assert!(bed.path("tenant/dve/clients/alpha.yaml").exists());
}

#[test]
fn a_field_that_is_newly_managed_moves_above_the_line_and_back() {
    let bed = two().pulled();
    let before = bed
        .read(ALPHA)
        .replace("callbacks:", "# after login\ncallbacks:");
    bed.write(ALPHA, &before);
    let by_hand = "# mine\nclient_id: b\ndescription: second\napp_type: spa\nname: Beta\n";
    bed.write(BETA, by_hand);
    bed.run(["pull"]).exits(0);
    let by_hand = bed.read(BETA);
    bed.write(
        "tenant/tenantry.yaml",
        "manage: {clients: [app_type, callbacks]}\n",
    );
    insta::assert_snapshot!(bed.run(["pull"]).exits(0), @"
    exit code 0
    --- stdout
    fields that are managed by now, or no longer, moved in 1 file
    2 clients of 127.0.0.1:PORT in tenant: 1 updated, 1 unchanged
    ");
    let moved = bed.read(ALPHA);
    insta::assert_snapshot!(moved.split_once("client_metadata").unwrap().0, @"
    client_id: a
    name: Alpha
    description: first
    allowed_clients:
      - b
      - https://api.example/
    app_type: spa
    # after login
    callbacks: []
    # Push does not send what follows.
    big: 12345678901234567890
    ");
    assert_eq!(bed.read(BETA), by_hand);
    let age = bed.age();
    bed.run(["pull"]).exits(0);
    bed.assert_untouched(&age);
    bed.run(["diff"]).exits(0);

    bed.write("tenant/tenantry.yaml", "");
    bed.run(["pull"]).exits(0);
    assert_eq!(bed.read(ALPHA), before);
}
