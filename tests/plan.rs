//! `push --plan` end to end: a saved plan is applied as it was shown, or not at all.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Bed, Run};
use serde_json::{Value, json};
use tenantry::sandbox::{Fault, FaultRule};

/// Two clients with an edited description each, and the plan of that in `plan.json`.
fn planned() -> Bed {
    let bed = Bed::new()
        .client("a", "Alpha", json!({"description": "one"}))
        .client("b", "Beta", json!({"description": "two"}))
        .pulled();
    bed.edit("tenant/clients/alpha.yaml", "one", "first");
    bed.edit("tenant/clients/beta.yaml", "two", "second");
    save(&bed);
    bed
}

fn save(bed: &Bed) {
    let plan = bed.run(["diff", "-o", "json"]).exits(1).stdout;
    // What a run prints has its port taken out.
    bed.write("plan.json", &plan.replace("127.0.0.1:PORT", &bed.address()));
    bed.sandbox.clear_requests();
}

fn push(bed: &Bed) -> Run {
    bed.run(["push", "--yes", "--plan", "plan.json"])
}

fn descriptions(bed: &Bed) -> [Value; 2] {
    ["a", "b"].map(|id| bed.live(id)["description"].clone())
}

#[test]
fn a_plan_is_applied_whatever_the_files_say_by_now() {
    let bed = planned();
    bed.edit("tenant/clients/alpha.yaml", "first", "later");
    push(&bed).exits(0);
    assert_eq!(descriptions(&bed), ["first", "second"]);
    assert_eq!(
        bed.patches(),
        [
            ("a".to_owned(), json!({"description": "first"})),
            ("b".to_owned(), json!({"description": "second"}))
        ]
    );
    // What was applied is base now, and what was edited since is an edit.
    assert_eq!(bed.base("a")["description"], "first");
    let rest = bed.run(["diff", "-o", "json"]).exits(1).json();
    assert_eq!(rest["summary"]["edit"], 1);
}

#[test]
fn a_file_that_is_back_at_base_is_no_edit_to_be_pushed_over_an_applied_plan() {
    let bed = planned();
    bed.run(["pull", "--discard-local"]).exits(0);
    push(&bed).exits(0);
    bed.sandbox.clear_requests();
    bed.run(["push", "--yes"]).exits(0);
    bed.assert_only_gets();
    assert_eq!(descriptions(&bed), ["first", "second"]);
    assert_eq!(
        bed.run(["diff", "-o", "json"]).exits(1).json()["summary"]["drift"],
        2
    );
}

#[test]
fn nothing_is_sent_where_the_tenant_has_moved() {
    let bed = planned();
    bed.sandbox.edit("b", "description", Some(json!("theirs")));
    let run = push(&bed).exits(1);
    insta::assert_snapshot!(run, @"
    exit code 1
    --- stderr
    error: nothing was sent: the tenant is not as plan.json has it
    clients/beta.yaml: description changed on the tenant
    hint: make a new plan with `tenantry diff -o json`, and look at it
    ");
    bed.assert_only_gets();
    let report = bed
        .run(["push", "--yes", "--plan", "plan.json", "-o", "json"])
        .exits(1)
        .json();
    assert_eq!(
        report["summary"],
        json!({"updated": 0, "failed": 0, "not_attempted": 2})
    );
    bed.sandbox.delete("b");
    push(&bed)
        .exits(1)
        .complains("clients/beta.yaml: the client is gone from the tenant");
    bed.assert_only_gets();
}

#[test]
fn a_plan_that_was_applied_in_part_is_finished_and_then_has_nothing_to_send() {
    let bed = planned();
    bed.sandbox.fail_next(
        FaultRule::new(Fault::ProxyPage)
            .method("PATCH")
            .path("/b")
            .always(),
    );
    push(&bed).exits(2);
    bed.sandbox.set_faults([]);
    assert_eq!(descriptions(&bed), ["first", "two"]);
    bed.sandbox.clear_requests();
    push(&bed).exits(0);
    assert_eq!(
        bed.patches(),
        [("b".to_owned(), json!({"description": "second"}))]
    );
    bed.sandbox.clear_requests();
    assert_eq!(push(&bed).exits(0).stdout, "nothing to push\n");
    bed.assert_only_gets();
}

#[test]
fn a_plan_with_a_conflict_is_held_back() {
    let bed = planned();
    bed.sandbox.edit("a", "description", Some(json!("theirs")));
    save(&bed);
    push(&bed)
        .exits(1)
        .complains("nothing was sent: the file and the tenant both changed");
    bed.assert_only_gets();
}

#[test]
fn a_selection_takes_its_part_of_a_plan() {
    let bed = planned();
    bed.run(["push", "--yes", "--plan", "plan.json", "beta"])
        .exits(0);
    assert_eq!(descriptions(&bed), ["one", "second"]);
    bed.run(["push", "--yes", "--plan", "plan.json", "gamma"])
        .exits(2)
        .complains("no client matches `gamma`");
}

#[test]
fn another_tenants_plan_and_what_is_no_plan_are_refused() {
    let bed = planned();
    let plan = bed.read("plan.json");
    let other = plan.replace(&bed.address(), "other.example");
    for (text, complaint) in [
        (other.as_str(), "plan.json is a plan for other.example"),
        ("{", "plan.json:1:2: is not JSON"),
        ("{\"version\": 7}", "plan.json:1:2: this plan has version 7"),
        (
            &plan.replace("description", "callbacks"),
            "`callbacks` is no updatable field",
        ),
        (
            &plan.replace("\"first\"", "null"),
            "clients/alpha.yaml: `description` may not be null",
        ),
    ] {
        bed.write("plan.json", text);
        bed.sandbox.clear_requests();
        push(&bed).exits(2).complains(complaint);
        bed.assert_only_gets();
    }
    std::fs::remove_file(bed.path("plan.json")).unwrap();
    push(&bed).exits(2).complains("can't read plan.json");
}
