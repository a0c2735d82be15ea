//! `push`: exactly the edits reach the tenant, each once, and whatever goes wrong is told and can be finished.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Bed, Run, Stub, client, plain_client, until};
use serde_json::{Value, json};
use tenantry::testing::{Fault, FaultRule};

const ALPHA: &str = "tenant/clients/alpha.yaml";
const BETA: &str = "tenant/clients/beta.yaml";
const GAMMA: &str = "tenant/clients/gamma.yaml";

fn description(text: &str) -> Value {
    json!({"description": text})
}

#[test]
fn one_patch_for_each_edited_client_with_just_its_edited_fields() {
    let bed = Bed::new().three().pulled();
    bed.edit(ALPHA, "description: first", "description: better");
    bed.edit(GAMMA, "name: Gamma", "name: Gämma");
    bed.edit(GAMMA, "  - x", "  - y\n  - z");
    let run = bed.run(["push", "--yes"]).exits(0);
    insta::assert_snapshot!(plan(&run), @r#"
    clients/alpha.yaml  Alpha a
      description: "first" → "better"

    clients/gamma.yaml  Gamma c
      name: "Gamma" → "Gämma"
      allowed_clients:
        - "x"
        + "y"
        + "z"

    3 edits in 2 clients
    "#);
    insta::assert_snapshot!(outcomes(&run), @"
    2 clients updated
    updated        clients/alpha.yaml: description
    updated        clients/gamma.yaml: name, allowed_clients
    ");
    assert_eq!(
        bed.patches(),
        [
            ("a".to_owned(), description("better")),
            (
                "c".to_owned(),
                json!({"name": "Gämma", "allowed_clients": ["y", "z"]})
            ),
        ]
    );
    assert_eq!(bed.live("a")["description"], "better");
    assert_eq!(bed.live("a")["app_type"], "spa");
    assert_eq!(
        bed.base("c"),
        json!({"name": "Gämma", "description": "third", "allowed_clients": ["y", "z"]})
    );
}

#[test]
fn a_second_push_asks_nothing_of_anybody() {
    let bed = Bed::three_edited();
    bed.run(["push", "--yes"]).exits(0);
    bed.sandbox.clear_requests();
    std::fs::remove_dir_all(bed.path("cache")).unwrap();
    let before = bed.age();
    let run = bed.run(["push", "--yes"]).exits(0);
    assert_eq!(run.to_string(), "exit code 0\n--- stdout\nnothing to push");
    assert_eq!(bed.requests(), [""; 0], "not even a token");
    bed.assert_untouched(&before);
    let results = bed.run(["push", "-o", "json"]).exits(0).json();
    assert_eq!(results["results"], json!([]));
    assert_eq!(bed.requests(), [""; 0]);
}

#[test]
fn reads_cost_one_request_for_each_edit_or_the_list() {
    let bed = Bed::three_edited();
    bed.edit(GAMMA, "third!", "third");
    bed.run(["push", "--yes", "alpha"]).exits(0);
    assert_eq!(
        bed.requests(),
        [
            "GET /api/v2/clients/a?fields=client_id%2Cglobal%2Cname%2Cdescription%2Callowed_clients&include_fields=true",
            "PATCH /api/v2/clients/a",
        ]
    );
    bed.sandbox.clear_requests();
    // One page holds all three, and two edits would be two reads.
    bed.edit(ALPHA, "first!", "first!!");
    bed.run(["push", "--yes"]).exits(0);
    assert_eq!(bed.count("GET"), 1);
    assert!(bed.requests()[0].starts_with(
        "GET /api/v2/clients?fields=client_id%2Cglobal%2Cname%2Cdescription%2Callowed_clients&include_fields=true&"
    ));
    assert_eq!(bed.count("PATCH"), 2);
}

#[test]
fn reads_never_exceed_the_pages_of_the_list() {
    let bed = Bed::new().plain_clients(250).pulled();
    for (edits, reads) in [(2, 2), (5, 3)] {
        for number in 0..edits {
            bed.edit(
                &format!("tenant/clients/client-{number:04}.yaml"),
                &format!("name: Client {number:04}"),
                &format!("name: Client {number:04}\ndescription: text {edits}"),
            );
        }
        bed.run(["push", "--yes"]).exits(0);
        assert!(bed.count("GET") <= reads, "{:?}", bed.requests());
        assert_eq!(bed.count("PATCH"), edits);
        bed.sandbox.clear_requests();
        for number in 0..edits {
            let file = format!("tenant/clients/client-{number:04}.yaml");
            bed.edit(&file, &format!("\ndescription: text {edits}"), "");
        }
    }
}

#[test]
fn the_cost_of_a_push_grows_with_the_edit_and_not_with_the_tenant() {
    let cost = |clients: usize, edits: usize| {
        let bed = Bed::new().plain_clients(clients).pulled();
        for number in 0..edits {
            let file = format!("tenant/clients/client-{number:04}.yaml");
            bed.edit(&file, "name: Client", "name: Customer");
        }
        bed.run(["push", "--yes"]).exits(0);
        (bed.count("GET"), bed.count("PATCH"))
    };
    assert_eq!(cost(120, 2), (2, 2));
    assert_eq!(cost(1_200, 2), (2, 2));
    // More edits than pages: the list is cheaper, and here its first page has them all.
    assert_eq!(cost(120, 40), (1, 40));
}

#[test]
fn read_only_fields_and_removed_keys_are_not_sent() {
    let bed = Bed::new().three().pulled();
    bed.edit(BETA, "description: second\n", "");
    bed.edit(BETA, "allowed_clients:\n  - x\n", "");
    bed.edit(GAMMA, "app_type: spa\n", "");
    bed.run(["push", "--yes"]).exits(0);
    assert_eq!(bed.requests(), [""; 0]);
    bed.edit(ALPHA, "app_type: spa", "app_type: native");
    let run = bed.run(["push", "--yes"]).exits(1);
    insta::assert_snapshot!(plan(&run), @r#"
    clients/alpha.yaml  Alpha a
      unmanaged: the file changed it, and push sends it only where tenantry.yaml manages the field
        app_type: "spa" → "native"

    1 unmanaged difference in 1 client
    held back      clients/alpha.yaml: app_type: push does not send it; `manage: {clients: [app_type]}` in tenantry.yaml has it sent
    nothing was sent
    "#);
    bed.edit(BETA, "name: Beta", "name: Bêta");
    bed.run(["push", "--yes"]).exits(1);
    assert_eq!(bed.patches(), [("b".to_owned(), json!({"name": "Bêta"}))]);
    assert_eq!(bed.live("b")["description"], "second");
}

#[test]
fn empty_values_are_values() {
    let bed = Bed::new().three().pulled();
    bed.edit(ALPHA, "description: first", "description: \"\"");
    bed.edit(BETA, "allowed_clients:\n  - x\n", "allowed_clients: []\n");
    let run = bed.run(["push", "--yes"]).exits(0);
    insta::assert_snapshot!(plan(&run), @r#"
    clients/alpha.yaml  Alpha a
      description: "first" → ""

    clients/beta.yaml  Beta b
      allowed_clients:
        - "x"
        now empty
        warning: an empty list lets every client of the tenant delegate

    2 edits in 2 clients, 1 risk
    "#);
    insta::assert_snapshot!(outcomes(&run), @"
    2 clients updated
    updated        clients/alpha.yaml: description
    updated        clients/beta.yaml: allowed_clients
    ");
    insta::assert_snapshot!(run.stderr, @"warning: clients/beta.yaml: allowed_clients: an empty list lets every client of the tenant delegate");
    assert_eq!(
        bed.patches(),
        [
            ("a".to_owned(), json!({"description": ""})),
            ("b".to_owned(), json!({"allowed_clients": []})),
        ]
    );
}

#[test]
fn null_is_refused_before_anything_is_asked() {
    let bed = Bed::new().three().pulled();
    bed.edit(ALPHA, "description: first", "description: null");
    bed.edit(BETA, "allowed_clients:\n  - x\n", "allowed_clients:\n");
    bed.edit(GAMMA, "name: Gamma", "name: <b>");
    let run = bed.run(["push", "--yes"]).exits(2);
    insta::assert_snapshot!(run, @r#"
    exit code 2
    --- stderr
    error: tenant/clients/alpha.yaml:3:1: `description` may not be null
      |
    3 | description: null
      | ^
    hint: write `description: ""` to clear it, or remove the line to leave it as it is
    error: tenant/clients/beta.yaml:4:1: `allowed_clients` may not be null
      |
    4 | allowed_clients:
      | ^
    hint: remove the line to leave it as it is; with `allowed_clients: []`, an empty list lets every client of the tenant delegate
    error: tenant/clients/gamma.yaml:2:1: `name` contains `<` or `>`
      |
    2 | name: <b>
      | ^
    hint: Auth0 refuses both in a name
    "#);
    assert_eq!(bed.requests(), [""; 0]);
}

#[test]
fn drift_that_was_read_is_reported_and_not_sent() {
    let bed = Bed::new().three().pulled();
    bed.edit(ALPHA, "first", "mine");
    bed.sandbox.edit("a", "name", Some(json!("Alpha 2")));
    bed.sandbox.edit("b", "description", Some(json!("drifted")));
    let run = bed.run(["push", "--yes"]).exits(0);
    insta::assert_snapshot!(run, @r#"
    exit code 0
    --- stdout
    clients/alpha.yaml  Alpha 2 a
      description: "first" → "mine"
      drift: the tenant changed since both were last in step, the file did not
        name: "Alpha" → "Alpha 2"

    1 edit, 1 drifted field in 1 client
    updated        clients/alpha.yaml: description
    1 client updated
    "#);
    assert_eq!(bed.patches(), [("a".to_owned(), description("mine"))]);
    assert_eq!(bed.live("a")["name"], "Alpha 2");
    // The drift is still drift: it comes in with the next pull.
    bed.run(["pull"]).exits(0);
    assert!(bed.read(ALPHA).contains("name: Alpha 2\n"));
    assert!(bed.read(ALPHA).contains("description: mine\n"));
}

#[test]
fn overwriting_drift_makes_the_tenant_equal_the_files() {
    let bed = Bed::new().three().pulled();
    bed.edit(ALPHA, "first", "mine");
    bed.sandbox.edit("a", "description", Some(json!("theirs")));
    bed.sandbox.edit("b", "allowed_clients", Some(json!(["y"])));
    bed.sandbox.edit("c", "app_type", Some(json!("native")));
    let before = bed.age();
    let shown = bed.run(["push", "--overwrite-drift", "--dry-run"]).exits(1);
    insta::assert_snapshot!(shown.stdout, @r#"
    clients/alpha.yaml  Alpha a
      description: "theirs" → "mine"
        overwrites what the tenant changed since both were last in step

    clients/beta.yaml  Beta b
      allowed_clients:
        - "y"
        + "x"
        overwrites what the tenant changed since both were last in step

    2 edits in 2 clients
    "#);
    bed.assert_untouched(&before);
    bed.assert_only_gets();
    let run = bed.run(["push", "--yes", "--overwrite-drift"]).exits(0);
    assert!(run.stdout.starts_with(shown.stdout.trim_end()), "{run}");
    assert_eq!(
        bed.patches(),
        [
            ("a".to_owned(), description("mine")),
            ("b".to_owned(), json!({"allowed_clients": ["x"]})),
        ]
    );
    assert_eq!(bed.live("a")["description"], "mine");
    bed.sandbox.clear_requests();
    bed.run(["push", "--yes"]).exits(0);
    assert_eq!(bed.requests(), [""; 0]);
}

#[test]
fn fields_narrow_what_is_sent_and_what_is_overwritten() {
    let bed = Bed::new().three().pulled();
    bed.edit(ALPHA, "first", "mine");
    bed.edit(ALPHA, "name: Alpha", "name: Omega");
    bed.sandbox.edit("a", "description", Some(json!("theirs")));
    bed.sandbox.edit("a", "allowed_clients", Some(json!(["y"])));
    bed.run(["push", "--yes", "--fields", "name"]).exits(0);
    assert_eq!(bed.patches(), [("a".to_owned(), json!({"name": "Omega"}))]);
    bed.sandbox.clear_requests();
    let overwrite = [
        "push",
        "--yes",
        "--overwrite-drift",
        "--fields",
        "description",
    ];
    bed.run(overwrite).exits(0);
    assert_eq!(bed.patches(), [("a".to_owned(), description("mine"))]);
    assert_eq!(
        bed.live("a")["allowed_clients"],
        json!(["y"]),
        "its other drift stays"
    );
    bed.edit(BETA, "second", "fine");
    bed.sandbox.clear_requests();
    let plan = bed.run(["diff", "-o", "json"]).exits(1).stdout;
    let plan = plan.replace("127.0.0.1:PORT", &bed.address());
    bed.write("plan.json", &plan);
    bed.run(["push", "--yes", "--plan", "plan.json", "--fields", "name"])
        .exits(0);
    assert_eq!(bed.patches(), []);
    bed.run([
        "push",
        "--yes",
        "--plan",
        "plan.json",
        "--fields",
        "description,name",
    ])
    .exits(0);
    assert_eq!(bed.patches(), [("b".to_owned(), description("fine"))]);
}

#[test]
fn a_dry_run_is_the_diff_of_what_would_be_sent() {
    let bed = Bed::new().three().pulled();
    bed.run(["push", "--dry-run"]).exits(0);
    bed.edit(ALPHA, "first", "mine");
    bed.sandbox.edit("b", "name", Some(json!("Drifted")));
    let before = bed.age();
    let run = bed.run(["push", "--dry-run"]).exits(1);
    insta::assert_snapshot!(run, @r#"
    exit code 1
    --- stdout
    clients/alpha.yaml  Alpha a
      description: "first" → "mine"

    1 edit in 1 client
    "#);
    let plan = bed.run(["push", "--dry-run", "-o", "json"]).exits(1).json();
    assert_eq!(plan["summary"]["edit"], 1);
    assert_eq!(plan["summary"]["drift"], 0, "what is not read is not shown");
    bed.assert_only_gets();
    bed.assert_untouched(&before);
    bed.run(["push", "--dry-run", "--yes"]).exits(2);
}

#[test]
fn a_conflict_anywhere_sends_nothing_at_all() {
    let bed = Bed::new().three().pulled();
    bed.edit(ALPHA, "first", "mine");
    bed.edit(BETA, "second", "fine");
    bed.sandbox.edit("a", "description", Some(json!("theirs")));
    let before = bed.age();
    let run = bed.run(["push", "--yes"]).exits(1);
    insta::assert_snapshot!(run, @r#"
    exit code 1
    --- stdout
    clients/alpha.yaml  Alpha a
      conflict: the file and the tenant both changed since they were last in step
        description:
          base    "first"
          file    "mine"
          tenant  "theirs"

    clients/beta.yaml  Beta b
      description: "second" → "fine"

    1 edit, 1 conflict in 2 clients
    --- stderr
    error: nothing was sent: file and tenant both changed since they were last in step
    clients/alpha.yaml: description
    hint: `tenantry pull` keeps the file's value: edit the file to match the tenant; or take the tenant's everywhere in the file with `tenantry pull --discard-local clients/alpha.yaml`
    hint: the file's value goes over the tenant's with `tenantry push --overwrite-drift --fields description clients/alpha.yaml`; without --fields, over the other drift there too
    "#);
    bed.assert_only_gets();
    bed.assert_untouched(&before);
    let run = bed.run(["push", "--yes", "-o", "json"]).exits(1);
    insta::assert_snapshot!(run, @r#"
    exit code 1
    --- stdout
    {
      "version": 2,
      "tenant": {
        "name": null,
        "domain": "127.0.0.1:PORT"
      },
      "results": [
        {
          "kind": "clients",
          "id": "a",
          "name": "Alpha",
          "file": "clients/alpha.yaml",
          "status": "held_back",
          "reason": "the selection has a conflict",
          "fields": [
            {
              "field": "description",
              "before": "theirs",
              "after": "mine"
            }
          ]
        },
        {
          "kind": "clients",
          "id": "b",
          "name": "Beta",
          "file": "clients/beta.yaml",
          "status": "held_back",
          "reason": "the selection has a conflict",
          "fields": [
            {
              "field": "description",
              "before": "second",
              "after": "fine"
            }
          ]
        }
      ],
      "summary": {
        "created": 0,
        "updated": 0,
        "failed": 0,
        "held_back": 2,
        "not_attempted": 0
      }
    }
    --- stderr
    error: nothing was sent: file and tenant both changed since they were last in step
    clients/alpha.yaml: description
    hint: `tenantry pull` keeps the file's value: edit the file to match the tenant; or take the tenant's everywhere in the file with `tenantry pull --discard-local clients/alpha.yaml`
    hint: the file's value goes over the tenant's with `tenantry push --overwrite-drift --fields description clients/alpha.yaml`; without --fields, over the other drift there too
    "#);
    bed.assert_only_gets();
    // Outside of the selection it holds nobody back.
    bed.run(["push", "--yes", "beta"]).exits(0);
    assert_eq!(bed.patches(), [("b".to_owned(), description("fine"))]);
}

#[test]
fn a_client_that_is_gone_is_skipped_and_the_others_are_sent() {
    let bed = Bed::three_edited();
    bed.sandbox.delete("b");
    let run = bed.run(["push", "--yes"]).exits(1);
    insta::assert_snapshot!(plan(&run), @r#"
    clients/alpha.yaml  Alpha a
      description: "first" → "first!"

    clients/beta.yaml  Beta b
      the tenant has no client with this id, and push makes none

    clients/gamma.yaml  Gamma c
      description: "third" → "third!"

    2 edits in 2 clients, 1 client only in a file
    "#);
    insta::assert_snapshot!(outcomes(&run), @"
    2 clients updated, 1 held back
    updated        clients/alpha.yaml: description
    updated        clients/gamma.yaml: description
    ");
    assert_eq!(
        bed.patches(),
        [
            ("a".to_owned(), description("first!")),
            ("c".to_owned(), description("third!"))
        ]
    );
    assert!(bed.path(BETA).exists());
}

#[test]
fn without_a_terminal_and_a_yes_nothing_is_sent() {
    let bed = Bed::three_edited();
    let before = bed.age();
    let run = bed.run(["push"]).exits(2);
    insta::assert_snapshot!(run, @r#"
    exit code 2
    --- stdout
    clients/alpha.yaml  Alpha a
      description: "first" → "first!"

    clients/beta.yaml  Beta b
      description: "second" → "second!"

    clients/gamma.yaml  Gamma c
      description: "third" → "third!"

    3 edits in 3 clients
    --- stderr
    error: nothing was sent: there is no terminal to ask on whether to push 3 fields of 3 clients to 127.0.0.1:PORT
    hint: say so with --yes
    "#);
    bed.assert_only_gets();
    bed.assert_untouched(&before);
    let run = bed.run(["push", "-o", "json"]).exits(2);
    assert!(
        run.json()["error"]["hint"]
            .as_str()
            .unwrap()
            .contains("--yes")
    );
    bed.assert_only_gets();
}

#[test]
fn a_push_that_fails_half_way_says_what_was_done_and_the_next_one_finishes() {
    for status in [400, 500] {
        let bed = Bed::three_edited();
        let rule = FaultRule::new(Fault::StatusBefore(status))
            .method("PATCH")
            .path("/b")
            .always();
        bed.sandbox.fail_next(rule);
        let run = bed.run(["push", "--yes", "-o", "json"]).exits(2);
        let results = run.json();
        assert_eq!(
            results["summary"],
            json!({"created": 0, "updated": 2, "failed": 1, "held_back": 0, "not_attempted": 0})
        );
        let statuses: Vec<_> = results["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|result| &result["status"])
            .collect();
        assert_eq!(statuses, ["updated", "failed", "updated"]);
        let error = results["results"][1]["error"].as_str().unwrap();
        assert!(
            error.starts_with(&format!("PATCH /api/v2/clients/b: {status}: ")),
            "{error}"
        );
        assert_eq!(bed.base("a")["description"], "first!");
        assert_eq!(bed.base("b")["description"], "second");
        assert_eq!(bed.base("c")["description"], "third!");

        bed.sandbox.set_faults([]);
        bed.sandbox.clear_requests();
        bed.run(["push", "--yes"]).exits(0);
        assert_eq!(bed.patches(), [("b".to_owned(), description("second!"))]);
    }
}

#[test]
fn a_refused_client_is_told_with_its_reason() {
    let bed = Bed::three_edited();
    let rule = FaultRule::new(Fault::StatusBefore(400))
        .method("PATCH")
        .path("/b");
    bed.sandbox.fail_next(rule);
    let run = bed.run(["push", "--yes"]).exits(2);
    insta::assert_snapshot!(outcomes(&run), @"
    2 clients updated, 1 failed
    failed         clients/beta.yaml: PATCH /api/v2/clients/b: 400: An internal server error occurred
    updated        clients/alpha.yaml: description
    updated        clients/gamma.yaml: description
    ");
    insta::assert_snapshot!(run.stderr, @"
    error: PATCH /api/v2/clients/b: 400: An internal server error occurred
    hint: what was done is remembered: `tenantry push` does the rest
    ");
}

/// What a run says that it did, by outcome and file: clients are updated side by side, and told in the order of the answers.
fn outcomes(run: &Run) -> String {
    let words = ["updated ", "failed ", "not attempted "];
    let lines = run.stdout.lines();
    let mut lines: Vec<_> = lines
        .filter(|line| words.iter().any(|word| line.starts_with(word)) || line.contains(" updated"))
        .collect();
    lines.sort();
    lines.join("\n")
}

/// The plan that a run showed.
fn plan(run: &Run) -> String {
    let lines: Vec<_> = run
        .stdout
        .lines()
        .take_while(|line| !line.starts_with("updated "))
        .collect();
    lines.join("\n")
}

#[test]
fn a_missing_permission_stops_the_rest() {
    let bed = Bed::new()
        .plain_clients(30)
        .sandbox(|sandbox| sandbox.scopes(&["read:clients"]))
        .pulled();
    for number in 0..30 {
        let file = format!("tenant/clients/client-{number:04}.yaml");
        bed.edit(&file, "name: Client", "name: Customer");
    }
    let run = bed.run(["push", "--yes", "-o", "json"]).exits(2);
    let results = run.json();
    assert_eq!(results["summary"]["updated"], 0);
    let failed = results["summary"]["failed"].as_u64().unwrap();
    assert_eq!(results["summary"]["not_attempted"], 30 - failed);
    assert!(failed < 30, "the rest would fail in the same way: {failed}");
    // With the token of the pull, and once more with a new one, which might have been granted more.
    let sent = bed.patches().len() as u64;
    assert!((failed + 1..=2 * failed).contains(&sent), "{sent}");
    assert_eq!(bed.count("POST /oauth/token"), 1);
    insta::assert_snapshot!(results["results"][0], @r#"{"kind":"clients","id":"c0000","name":"Client 0000","file":"clients/client-0000.yaml","status":"failed","fields":[{"field":"name","before":"Client 0000","after":"Customer 0000"}],"error":"PATCH /api/v2/clients/c0000: 403: Insufficient scope, expected any of: update:clients,update:client_keys (insufficient_scope)"}"#);
    insta::assert_snapshot!(results["results"][29], @r#"{"kind":"clients","id":"c0029","name":"Client 0029","file":"clients/client-0029.yaml","status":"not_attempted","fields":[{"field":"name","before":"Client 0029","after":"Customer 0029"}]}"#);
    assert!(run.stderr.contains("update:clients"), "{run}");
    assert_eq!(bed.base("c0000"), json!({"name": "Client 0000"}));
}

#[test]
fn a_client_that_goes_away_under_the_push_fails_alone() {
    let bed = Bed::three_edited();
    let rule = FaultRule::new(Fault::StatusBefore(404))
        .method("PATCH")
        .path("/b");
    bed.sandbox.fail_next(rule);
    let run = bed.run(["push", "--yes", "-o", "json"]).exits(2);
    assert_eq!(
        run.json()["summary"],
        json!({"created": 0, "updated": 2, "failed": 1, "held_back": 0, "not_attempted": 0})
    );
}

#[test]
fn no_answer_after_the_effect_sends_the_same_again_and_is_done() {
    let bed = Bed::three_edited();
    for fault in [Fault::CloseAfter, Fault::StatusAfter(503), Fault::CutBody] {
        bed.sandbox.fail_next(FaultRule::new(fault).method("PATCH"));
    }
    bed.run(["push", "--yes"]).exits(0);
    for (id, text) in [("a", "first!"), ("b", "second!"), ("c", "third!")] {
        assert_eq!(bed.live(id)["description"], text);
        assert_eq!(bed.base(id)["description"], text);
    }
}

#[test]
fn a_killed_push_is_finished_by_the_next_one_without_sending_anything_twice() {
    let bed = Bed::three_edited();
    bed.edit(GAMMA, "third!", "third");
    let rule = FaultRule::new(Fault::HangAfter).method("PATCH").path("/b");
    bed.sandbox.fail_next(rule);
    let mut killed = bed.spawn(["push", "--yes"]);
    until(|| bed.base("a")["description"] == "first!" && bed.live("b")["description"] == "second!");
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(
        bed.base("b")["description"],
        "second",
        "its answer never came"
    );

    bed.sandbox.clear_requests();
    bed.run(["push", "--yes"]).exits(0);
    assert_eq!(bed.patches(), []);
    assert_eq!(bed.base("b")["description"], "second!");
    bed.sandbox.clear_requests();
    bed.run(["push", "--yes"]).exits(0);
    assert_eq!(bed.requests(), [""; 0]);
}

#[cfg(unix)]
#[test]
fn an_interrupted_push_is_seen_as_one() {
    use std::os::unix::process::ExitStatusExt;
    let bed = Bed::three_edited();
    bed.sandbox
        .fail_next(FaultRule::new(Fault::HangBefore).method("PATCH").always());
    let mut interrupted = bed.spawn(["push", "--yes"]);
    until(|| bed.count("PATCH") > 0);
    let kill = format!("kill -INT {}", interrupted.id());
    assert!(
        std::process::Command::new("sh")
            .args(["-c", &kill])
            .status()
            .unwrap()
            .success()
    );
    let status = interrupted.wait().unwrap();
    // A shell shows the signal as 130, too.
    assert!(
        status.code() == Some(130) || status.signal() == Some(2),
        "{status}"
    );
    assert_eq!(bed.base("a")["description"], "first");
    bed.sandbox.set_faults([]);
    bed.run(["push", "--yes"]).exits(0);
    assert_eq!(bed.live("c")["description"], "third!");
}

#[test]
fn two_processes_exclude_each_other() {
    let bed = Bed::three_edited();
    bed.sandbox
        .fail_next(FaultRule::new(Fault::HangBefore).method("PATCH").always());
    let mut first = bed.spawn(["push", "--yes"]);
    until(|| bed.count("PATCH") > 0);
    for command in [&["pull"][..], &["push", "--yes"], &["diff"]] {
        let gets = bed.count("GET");
        let mut second = bed.spawn(command.iter().copied());
        until(|| {
            bed.read("stderr")
                .contains("waiting for another tenantry that works on tenant")
        });
        assert_eq!(second.try_wait().unwrap(), None);
        assert_eq!(bed.count("GET"), gets, "it asks when it is its turn");
        second.kill().unwrap();
        second.wait().unwrap();
    }
    bed.sandbox.set_faults([]);
    let mut second = bed.spawn(["push", "--yes"]);
    until(|| bed.read("stderr").contains("waiting for another"));
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(second.wait().unwrap().code(), Some(0));
    assert_eq!(bed.live("c")["description"], "third!");
}

#[test]
fn a_field_that_no_file_manages_is_not_overwritten_either() {
    let bed = Bed::new().three().pulled();
    bed.edit(ALPHA, "description: first\n", "");
    bed.sandbox.edit("a", "description", Some(json!("theirs")));
    bed.run(["push", "--yes", "--overwrite-drift"]).exits(0);
    assert_eq!(bed.patches(), []);
}

#[test]
fn an_edit_that_the_tenant_has_already_is_not_sent() {
    let bed = Bed::three_edited();
    for (id, text) in [("a", "first!"), ("b", "second!"), ("c", "third!")] {
        bed.sandbox.edit(id, "description", Some(json!(text)));
    }
    let run = bed.run(["push", "--yes"]).exits(0);
    assert_eq!(run.stdout, "nothing to push\n");
    bed.assert_only_gets();
    bed.sandbox.clear_requests();
    bed.run(["push", "--yes"]).exits(0);
    assert_eq!(bed.requests(), [""; 0], "and nobody has to ask again");
}

#[test]
fn a_token_that_is_revoked_half_way_is_renewed_once() {
    let bed = Bed::three_edited();
    bed.sandbox
        .fail_next(FaultRule::new(Fault::RevokeTokens).method("PATCH").nth(2));
    bed.run(["push", "--yes"]).exits(0);
    assert_eq!(
        bed.count("POST /oauth/token"),
        1,
        "the first one is from the pull"
    );
    for (id, text) in [("a", "first!"), ("b", "second!"), ("c", "third!")] {
        assert_eq!(bed.live(id)["description"], text);
    }
}

#[test]
fn a_token_that_never_works_is_asked_for_twice_and_no_more() {
    let bed = Bed::new()
        .three()
        .sandbox(|sandbox| sandbox.token_lifetime(0))
        .start();
    let run = bed.run(["pull"]).exits(2);
    insta::assert_snapshot!(run, @"
    exit code 2
    --- stderr
    error: GET /api/v2/clients: 401: Expired token received for JSON Web Token validation
    hint: a fresh token was refused too: is the audience (AUTH0_AUDIENCE) that of this tenant's Management API?
    ");
    assert_eq!(bed.count("POST /oauth/token"), 2);
    assert_eq!(bed.count("GET"), 2);
}

#[test]
fn a_file_written_by_hand_is_compared_with_the_tenant() {
    let bed = Bed::new().three().start();
    bed.write(
        "tenant/clients/mine.yaml",
        "client_id: a\ndescription: by hand\n",
    );
    bed.write("tenant/clients/same.yaml", "client_id: b\nname: Beta\n");
    bed.run(["push", "--yes"]).exits(0);
    assert_eq!(bed.patches(), [("a".to_owned(), description("by hand"))]);
    assert_eq!(
        bed.base("a"),
        json!({"name": "Alpha", "description": "by hand", "allowed_clients": ["x"]})
    );
    assert_eq!(bed.lock()["clients"]["a"]["file"], "clients/mine.yaml");
    bed.sandbox.clear_requests();
    bed.run(["push", "--yes"]).exits(0);
    assert_eq!(bed.requests(), [""; 0]);
}

#[test]
fn an_answer_that_differs_from_what_was_sent_is_reported() {
    let bed = Bed::three_edited();
    let stub = Stub::start(|method, _| match method {
        "GET" => {
            json!({"client_id": "a", "name": "Alpha", "description": "first", "allowed_clients": ["x"]})
        }
        "PATCH" => {
            json!({"client_id": "a", "name": "Alpha", "description": "FIRST!", "allowed_clients": ["x"]})
        }
        _ => json!({"access_token": "t", "expires_in": 86400}),
    });
    let lock = bed.read("tenant/tenant.lock");
    bed.write(
        "tenant/tenant.lock",
        &lock.replace(&bed.address(), &stub.address()),
    );
    let push = |arguments: &[&str]| {
        let mut command = bed.command();
        command
            .env("AUTH0_DOMAIN", stub.url())
            .args(["push", "--yes", "alpha"])
            .args(arguments);
        bed.run_command(command)
    };
    let run = push(&[]).exits(1);
    insta::assert_snapshot!(run, @r#"
    exit code 1
    --- stdout
    clients/alpha.yaml  Alpha a
      description: "first" → "first!"

    1 edit in 1 client
    updated        clients/alpha.yaml: description; the tenant answered with another value for description
    1 client updated
    "#);
    // What the tenant has is what it answered: the file is an edit again.
    assert_eq!(bed.base("a")["description"], "FIRST!");
}

#[test]
fn what_a_client_answers_is_in_the_document_without_secrets() {
    let bed = Bed::new()
        .client("a", "Alpha", json!({"client_secret": "top-secret", "addons": {"wams": {"masterkey": "top-secret", "x": 1}}}))
        .pulled();
    bed.edit(ALPHA, "name: Alpha", "name: Alpha 2");
    let run = bed.run(["push", "--yes", "-o", "json"]).exits(0);
    insta::assert_snapshot!(run, @r#"
    exit code 0
    --- stdout
    {
      "version": 2,
      "tenant": {
        "name": null,
        "domain": "127.0.0.1:PORT"
      },
      "results": [
        {
          "kind": "clients",
          "id": "a",
          "name": "Alpha",
          "file": "clients/alpha.yaml",
          "status": "updated",
          "fields": [
            {
              "field": "name",
              "before": "Alpha",
              "after": "Alpha 2"
            }
          ],
          "resource": {
            "client_id": "a",
            "name": "Alpha 2",
            "addons": {
              "wams": {
                "x": 1
              }
            }
          }
        }
      ],
      "summary": {
        "created": 0,
        "updated": 1,
        "failed": 0,
        "held_back": 0,
        "not_attempted": 0
      }
    }
    "#);
}

#[test]
fn selectors_choose_what_is_pushed() {
    let bed = Bed::three_edited();
    let run = bed.run(["push", "--yes", "alpha", "delta"]).exits(2);
    insta::assert_snapshot!(run, @"
    exit code 2
    --- stderr
    error: nothing matches `delta`
    hint: did you mean `Beta`?
    ");
    assert_eq!(bed.requests(), [""; 0]);
    bed.run(["push", "--yes", "Al*", "c"]).exits(0);
    assert_eq!(
        bed.patches(),
        [
            ("a".to_owned(), description("first!")),
            ("c".to_owned(), description("third!"))
        ]
    );
}

#[test]
fn files_are_never_pushed_to_another_tenant() {
    let bed = Bed::three_edited();
    let old = bed.address();
    let before = bed.age();
    let bed = bed.moved_to(Bed::new().three());
    let run = bed.run(["push", "--yes"]).exits(2);
    let shown = run.to_string().replace(&old, "127.0.0.1:OLD");
    insta::assert_snapshot!(shown, @"
    exit code 2
    --- stderr
    error: the files in tenant are those of 127.0.0.1:OLD, and the settings name 127.0.0.1:PORT
    hint: use that tenant's settings, or another directory (--tenant NAME, --dir DIR): files of one tenant never go to another
    ");
    assert_eq!(bed.requests(), [""; 0]);
    bed.assert_untouched(&before);
}

#[test]
fn a_long_push_keeps_to_the_limit_of_the_tenant() {
    let bed = Bed::new()
        .sandbox(|sandbox| sandbox.clients((0..12).map(plain_client)).rate(40.0, 5))
        .pulled();
    for number in 0..12 {
        let file = format!("tenant/clients/client-{number:04}.yaml");
        bed.edit(&file, "name: Client", "name: Customer");
    }
    bed.run(["push", "--yes"]).exits(0);
    let sent = bed.sandbox.requests();
    let refused = sent.iter().filter(|request| request.status == 429).count();
    assert!(refused <= 4, "{refused} of {}", sent.len());
    assert_eq!(bed.patches().len(), 12 + refused);
}

#[test]
fn two_pushes_at_once_share_the_limit_and_both_finish() {
    let tenant = || Bed::new().sandbox(|sandbox| sandbox.clients((0..30).map(plain_client)));
    let bed = tenant().sandbox(|sandbox| sandbox.rate(20.0, 4)).pulled();
    for folder in ["one", "two"] {
        bed.run(["pull", "--dir", folder]).exits(0);
    }
    for number in 0..30 {
        let folder = if number < 15 { "one" } else { "two" };
        let file = format!("{folder}/clients/client-{number:04}.yaml");
        bed.edit(&file, "name: Client", "name: Customer");
    }
    let pushes = ["one", "two"].map(|folder| bed.spawn(["push", "--yes", "--dir", folder]));
    for mut push in pushes {
        assert!(push.wait().unwrap().success(), "{}", bed.read("stderr"));
    }
    let renamed = |client: &Value| client["name"].as_str().unwrap().starts_with("Customer");
    assert!(bed.sandbox.clients().iter().all(renamed));
    let requests = bed.sandbox.requests();
    let updated = requests
        .iter()
        .filter(|request| request.method == "PATCH" && request.status == 200);
    assert_eq!(updated.count(), 30);
}

#[test]
fn a_renamed_file_is_the_same_client() {
    let bed = Bed::new().three().pulled();
    bed.rename(ALPHA, "tenant/clients/first-app.yaml");
    bed.edit("tenant/clients/first-app.yaml", "first", "renamed");
    bed.run(["push", "--yes", "first-app"]).exits(0);
    assert_eq!(bed.patches(), [("a".to_owned(), description("renamed"))]);
}

#[test]
fn an_id_is_one_segment_of_the_path_whatever_is_in_it() {
    let id = "../a?b#c/d e";
    let bed = Bed::new()
        .sandbox(|sandbox| sandbox.client(client(id, "Odd", json!({"description": "old"}))))
        .pulled();
    bed.edit(
        "tenant/clients/odd.yaml",
        "description: old",
        "description: new",
    );
    bed.run(["push", "--yes"]).exits(0);
    assert_eq!(bed.live(id)["description"], "new");
    assert_eq!(bed.count("PATCH /api/v2/clients/..%2Fa%3Fb%23c%2Fd%20e"), 1);
}

#[test]
fn a_client_is_selected_by_any_path_that_its_file_has() {
    let bed = Bed::three_edited();
    let absolute = bed.path("tenant/clients/alpha.yaml");
    for selector in [
        "clients/alpha.yaml",
        "tenant/clients/alpha.yaml",
        "./tenant/clients/alpha.yaml",
        "tenant/../tenant/clients/alpha.yaml",
        absolute.to_str().unwrap(),
        "clients/alpha",
        "clients/a*",
    ] {
        let plan = bed
            .run(["push", "--dry-run", "-o", "json", selector])
            .json();
        assert_eq!(plan["resources"][0]["id"], "a", "{selector}");
        assert_eq!(plan["resources"][1], json!(null), "{selector}");
    }
    bed.run(["push", "--dry-run", "roles/*"]).exits(2);
}

#[test]
fn a_stem_and_another_client_s_name_are_both_selected() {
    let bed = Bed::three_edited();
    bed.rename(BETA, "tenant/clients/Alpha.json.yaml");
    bed.rename("tenant/clients/gamma.yaml", "tenant/clients/Beta.yaml");
    for command in [&["diff"][..], &["push", "--dry-run"]] {
        let arguments = command.iter().copied().chain(["Beta", "-o", "json"]);
        let plan = bed.run(arguments).json();
        let ids = [&plan["resources"][0]["id"], &plan["resources"][1]["id"]];
        assert_eq!(ids, [&json!("b"), &json!("c")], "{command:?}");
    }
}

#[test]
fn a_broken_file_stops_only_what_touches_it() {
    let bed = Bed::three_edited();
    bed.write(BETA, "client_id: b\nname: [\n");
    bed.write("tenant/clients/draft.yaml", "client_id: 12\n");
    let run = bed.run(["push", "--yes"]).exits(2);
    assert!(run.stderr.contains("tenant/clients/beta.yaml:"), "{run}");
    assert!(run.stderr.contains("tenant/clients/draft.yaml:"), "{run}");
    for selector in ["beta", "b", "Beta", "clients/b*", "draft"] {
        for command in ["push", "pull", "diff", "list"] {
            let run = bed.run([command, selector]);
            assert_eq!(run.code, 2, "{command} {selector}: {run}");
        }
    }
    assert_eq!(bed.requests(), [""; 0]);
    let run = bed.run(["push", "--yes", "alpha"]).exits(0);
    assert_eq!(bed.patches(), [("a".to_owned(), description("first!"))]);
    let warned = run.stderr.matches("this command is not about it").count();
    assert_eq!(warned, 2, "{run}");
    bed.run(["diff", "alpha"]).exits(0);
    bed.run(["pull", "alpha"]).exits(0);
    // A file that can't be read may be the one that a pull would make anew.
    bed.sandbox.create(json!({"name": "New"}));
    let run = bed.run(["pull", "New"]).exits(2);
    assert!(run.stderr.contains("draft.yaml"), "{run}");
    assert!(!bed.path("tenant/clients/new.yaml").exists());
}

#[test]
fn a_file_that_is_gone_deletes_no_client() {
    let bed = Bed::new().three().pulled();
    bed.remove(BETA);
    let run = bed.run(["push", "--yes"]).exits(0);
    assert_eq!(
        run.stderr,
        "clients/beta.yaml is gone: push deletes nothing: delete the resource in the dashboard, or have `tenantry pull` write the file again\n"
    );
    assert_eq!(bed.requests(), [""; 0]);
}

#[test]
fn the_global_client_is_not_pushed_by_a_file_that_somebody_wrote() {
    let bed = Bed::new()
        .client("g", "All Applications", json!({"global": true}))
        .client("a", "Alpha", json!({}))
        .pulled();
    bed.write("tenant/clients/global.yaml", "client_id: g\nname: Mine\n");
    let run = bed.run(["push", "--yes", "-o", "json"]).exits(1);
    assert_eq!(run.json()["results"][0]["status"], "held_back");
    let reason = run.json()["results"][0]["reason"].to_string();
    assert!(reason.contains("not under version control"), "{reason}");
    assert_eq!(bed.patches(), []);
}

#[test]
fn a_reason_that_many_updates_share_is_said_once() {
    let bed = Bed::new().plain_clients(3).pulled();
    for index in 0..3 {
        let name = format!("Client 000{index}");
        let file = format!("tenant/clients/client-000{index}.yaml");
        bed.edit(&file, &name, &format!("New {index}"));
    }
    let bed = bed.moved_to(
        Bed::new()
            .plain_clients(3)
            .sandbox(|sandbox| sandbox.scopes(&["read:clients"])),
    );
    let lock = bed.read("tenant/tenant.lock");
    let domain = serde_json::from_str::<serde_json::Value>(&lock).unwrap()["domain"].clone();
    bed.write(
        "tenant/tenant.lock",
        &lock.replace(domain.as_str().unwrap(), &bed.address()),
    );
    let run = bed.run(["push", "--yes"]).exits(2);
    let shown = run.to_string();
    assert_eq!(shown.matches("Insufficient scope").count(), 1, "{shown}");
    assert!(
        run.stdout
            .contains("failed         clients/client-0000.yaml: name\n"),
        "{shown}"
    );
}
