//! `push --plan` end to end: a saved plan is applied as it was shown, or not at all.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Bed, Run};
use serde_json::{Value, json};
use tenantry::testing::{Fault, FaultRule};

/// Two clients with an edited description each, and the plan of that in `plan.json`.
fn planned() -> Bed {
    let bed = Bed::new()
        .client("a", "Alpha", json!({"description": "one"}))
        .client("b", "Beta", json!({"description": "two"}))
        .pulled();
    bed.edit("tenant/clients/alpha.yaml", "one", "first");
    bed.edit("tenant/clients/beta.yaml", "two", "second");
    bed.save_plan();
    bed
}

fn push(bed: &Bed) -> Run {
    bed.run(["push", "--yes", "--plan", "plan.json"])
}

fn descriptions(bed: &Bed) -> [Value; 2] {
    ["a", "b"].map(|id| bed.live(id)["description"].clone())
}

#[test]
fn a_plan_is_not_applied_where_the_files_say_something_else() {
    for edit in [
        ("first", "later"),
        ("description: first\n", ""),
        ("client_id: a", "client_id: c"),
    ] {
        let bed = planned();
        bed.edit("tenant/clients/alpha.yaml", edit.0, edit.1);
        push(&bed).exits(1);
        bed.assert_only_gets();
        assert_eq!(descriptions(&bed), ["one", "two"], "{edit:?}");
    }
    let bed = planned();
    bed.edit("tenant/clients/alpha.yaml", "first", "later");
    bed.edit("tenant/clients/beta.yaml", "second", "later");
    let run = push(&bed).exits(1);
    insta::assert_snapshot!(run, @"
    exit code 1
    --- stderr
    error: nothing was sent: files and tenant are not as plan.json has them
    clients/alpha.yaml: description in the file is not what the plan says
    clients/beta.yaml: description in the file is not what the plan says
    hint: make a new plan with `tenantry diff -o json`, and look at it
    ");
    let report = bed.run(["push", "--yes", "--plan", "plan.json", "-o", "json"]);
    let report = report.exits(1).json();
    assert_eq!(
        report["summary"],
        json!({"created": 0, "updated": 0, "failed": 0, "held_back": 2, "not_attempted": 0})
    );
    // A file of another name is the same file, and what the plan does not name is not its business.
    let bed = planned();
    bed.rename("tenant/clients/alpha.yaml", "tenant/clients/moved.yaml");
    bed.edit("tenant/clients/beta.yaml", "name: Beta", "name: Gamma");
    push(&bed).exits(0);
    assert_eq!(descriptions(&bed), ["first", "second"]);
    assert_eq!(bed.live("b")["name"], "Beta");
    assert_eq!(bed.base("a")["description"], "first");
    let rest = bed.run(["diff", "-o", "json"]).exits(1).json();
    assert_eq!(rest["summary"]["edit"], 1);
}

#[test]
fn drift_that_a_plan_calls_an_edit_is_not_sent() {
    let bed = planned();
    bed.sandbox.edit("a", "name", Some(json!("Night fix")));
    bed.save_plan();
    let plan = bed.read("plan.json");
    assert!(plan.contains("\"drift\""), "{plan}");
    bed.write(
        "plan.json",
        &plan.replace("\"change\": \"drift\"", "\"change\": \"edit\""),
    );
    push(&bed)
        .exits(1)
        .complains("clients/alpha.yaml: name in the file says what it said before");
    bed.assert_only_gets();
}

#[test]
fn nothing_else_passes_for_a_plan() {
    let bed = planned();
    let plan = bed.read("plan.json");
    let with = |key: &str, value: &str| plan.replacen('{', &format!("{{\"{key}\": {value},"), 1);
    let pushed = bed
        .run(["push", "--yes", "-o", "json", "alpha"])
        .exits(0)
        .stdout;
    for (text, complaint) in [
        (with("results", "[]"), "a plan has no `results`"),
        (with("from", "\"dev\""), "a plan has no `from`"),
        (
            plan.replace("\"change\"", "\"kind\""),
            "unknown field `kind`",
        ),
        (
            plan.replace("\"id\"", "\"client_id\""),
            "unknown field `client_id`",
        ),
        (
            plan.replace("\"risk\"", "\"danger\""),
            "unknown field `danger`",
        ),
        (
            plan.replace("\"from\": \"lock\"", "\"from\": \"lock\", \"x\": 1"),
            "unknown field `x`",
        ),
        (pushed, "a plan has no `results`"),
    ] {
        bed.write("plan.json", &text);
        bed.sandbox.clear_requests();
        push(&bed).exits(2).complains(complaint);
        bed.assert_only_gets();
    }
}

#[test]
fn nothing_is_sent_where_the_tenant_has_moved() {
    let bed = planned();
    bed.sandbox.edit("b", "description", Some(json!("theirs")));
    let run = push(&bed).exits(1);
    insta::assert_snapshot!(run, @"
    exit code 1
    --- stderr
    error: nothing was sent: files and tenant are not as plan.json has them
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
        json!({"created": 0, "updated": 0, "failed": 0, "held_back": 2, "not_attempted": 0})
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
    bed.save_plan();
    push(&bed)
        .exits(1)
        .complains("nothing was sent: file and tenant both changed");
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
        .complains("nothing matches `gamma`");
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
            &plan.replace("description", "tenant"),
            "`tenant` is no updatable field",
        ),
        (
            &plan.replace("\"resources\": [", "\"resources\": [{},"),
            "`resources` is not a plan's",
        ),
    ] {
        bed.write("plan.json", text);
        bed.sandbox.clear_requests();
        push(&bed).exits(2).complains(complaint);
        bed.assert_only_gets();
    }
    bed.remove("plan.json");
    push(&bed).exits(2).complains("can't read plan.json");
}

#[test]
fn a_client_is_shown_under_its_own_name_whatever_the_plan_calls_it() {
    let bed = planned();
    let plan = bed.read("plan.json");
    let forged = plan
        .replace("\"name\": \"Alpha\"", "\"name\": \"Beta\"")
        .replace("clients/alpha.yaml", "clients/beta.yaml");
    assert_ne!(plan, forged);
    bed.write("plan.json", &forged);
    let shown = push(&bed).exits(0).stdout;
    assert!(
        shown.starts_with("clients/alpha.yaml  Alpha a\n"),
        "{shown}"
    );
}
