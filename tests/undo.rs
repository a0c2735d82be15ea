//! `undo` end to end: what the last push sent is taken back, where the tenant still says it.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Bed, RECORD, Run};
use serde_json::{Value, json};

/// Two clients with an edited description each, pushed.
fn pushed() -> Bed {
    let bed = Bed::new()
        .client("a", "Alpha", json!({"description": "one"}))
        .client("b", "Beta", json!({"description": "two"}))
        .pulled();
    bed.edit("tenant/clients/alpha.yaml", "one", "first");
    bed.edit("tenant/clients/beta.yaml", "two", "second");
    bed.run(["push", "--yes"]).exits(0);
    bed.sandbox.clear_requests();
    bed
}

fn undo(bed: &Bed) -> Run {
    bed.run(["undo", "--yes"])
}

fn descriptions(bed: &Bed) -> [Value; 2] {
    ["a", "b"].map(|id| bed.live(id)["description"].clone())
}

#[test]
fn the_last_push_is_taken_back_in_tenant_and_files() {
    let bed = pushed();
    let run = undo(&bed).exits(0);
    insta::assert_snapshot!(run, @"");
    assert_eq!(descriptions(&bed), ["one", "two"]);
    bed.run(["diff"]).exits(0);
    assert_eq!(bed.base("a")["description"], "one");
    // An undo is the last push for the next undo.
    undo(&bed).exits(0);
    assert_eq!(descriptions(&bed), ["first", "second"]);
    bed.run(["diff"]).exits(0);
    assert!(bed.read("tenant/clients/alpha.yaml").contains("description: first"));
    println!("{}", bed.read(RECORD));
}
