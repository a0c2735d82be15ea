//! Asking before a push, at a terminal: one question that names the tenant, a protected tenant whose name has to be typed, and
//! client by client.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Bed, Conversation};
use serde_json::json;

/// A pulled client with an edit, of a tenant `prod` that is protected by its own settings.
fn protected() -> Bed {
    let bed = Bed::new()
        .client("a", "Alpha", json!({"description": "first"}))
        .start();
    let settings = format!("{}TENANTRY_PROTECTED=true\n", bed.env_file());
    bed.write(".env.prod", &settings);
    bed.run(["pull", "--tenant", "prod"]).exits(0);
    bed.edit("tenant/prod/clients/alpha.yaml", "first", "first!");
    bed.sandbox.clear_requests();
    bed
}

#[test]
fn one_question_names_what_and_where() {
    let bed = Bed::three_edited();
    let question = format!("Push 3 fields of 3 clients to {}?", bed.address());
    for answer in ["n", "", "y", "yes please"] {
        let mut push = bed.at_terminal(["push"]);
        push.answer(&question, answer);
        let (screen, code) = push.ends();
        assert!(screen.contains("\"first!\""), "{screen}");
        assert!(screen.contains("that is not yes"), "{screen}");
        assert!(screen.contains("nothing was sent"), "{screen}");
        assert_eq!((code, bed.count("PATCH")), (1, 0));
    }
    let mut push = bed.at_terminal(["push"]);
    push.answer(&question, "yes");
    let (screen, code) = push.ends();
    assert!(screen.contains("3 clients updated"), "{screen}");
    assert_eq!((code, bed.count("PATCH")), (0, 3));
}

#[test]
fn a_question_is_there_once_however_narrow_the_terminal_is() {
    let bed = Bed::three_edited();
    let mut shell = bed.program("sh");
    shell.envs(bed.settings()).env("PATH", "/usr/bin:/bin");
    shell.args([
        "-c",
        &format!("stty rows 24 cols 40; exec {} push", common::BINARY),
    ]);
    let mut push = Conversation::start(shell);
    push.answer("Type yes to do it", "yes");
    let (screen, code) = push.ends();
    let asked = screen.matches("Push 3 fields of 3 clients").count();
    assert_eq!((code, asked), (0, 1), "{screen}");
}

#[test]
fn what_was_typed_ahead_of_the_question_is_no_answer() {
    let bed = Bed::three_edited();
    let mut push = bed.at_terminal(["push"]);
    // The tenant is read before anything is asked, and the line is there by then.
    push.type_ahead("yes");
    push.answer("Push 3 fields of 3 clients to", "no");
    let (screen, code) = push.ends();
    assert!(screen.contains("that is not yes"), "{screen}");
    assert_eq!((code, bed.count("PATCH")), (1, 0));
}

#[test]
fn client_by_client_yes_and_no() {
    let bed = Bed::three_edited();
    let mut push = bed.at_terminal(["push", "--interactive"]);
    push.answer("Push clients/alpha.yaml? [y,n,a,q]", "y");
    push.answer("Push clients/beta.yaml? [y,n,a,q]", "perhaps");
    push.answer("n: leave it", "");
    push.answer("Push clients/beta.yaml? [y,n,a,q]", "n");
    push.answer("Push clients/gamma.yaml? [y,n,a,q]", "yes");
    push.answer(
        &format!("Push 2 fields of 2 clients to {}?", bed.address()),
        "yes",
    );
    let (screen, code) = push.ends();
    assert!(
        screen.contains("held back      clients/beta.yaml: not chosen"),
        "{screen}"
    );
    assert_eq!(code, 1, "something was held back");
    let sent: Vec<_> = bed.patches().into_iter().map(|(id, _)| id).collect();
    assert_eq!(sent, ["a", "c"]);
    bed.run(["push", "--yes"]).exits(0);
    assert_eq!(bed.patches().len(), 3, "the rest is sent by the next push");
}

#[test]
fn all_and_quit_are_for_those_that_follow() {
    let bed = Bed::three_edited();
    let mut push = bed.at_terminal(["push", "-i"]);
    push.answer("Push clients/alpha.yaml?", "n");
    push.answer("Push clients/beta.yaml?", "a");
    push.answer("Push 2 fields of 2 clients to", "n");
    assert_eq!(push.ends().1, 1);
    assert_eq!(bed.count("PATCH"), 0, "the one question still decides");

    let mut push = bed.at_terminal(["push", "-i"]);
    push.answer("Push clients/alpha.yaml?", "y");
    push.answer("Push clients/beta.yaml?", "q");
    push.answer("Push 1 field of 1 client to", "yes");
    let (screen, code) = push.ends();
    assert!(!screen.contains("third!"), "{screen}");
    assert_eq!((code, bed.count("PATCH")), (1, 1));

    let mut push = bed.at_terminal(["push", "-i"]);
    push.answer("Push clients/beta.yaml?", "q");
    let (screen, code) = push.ends();
    assert!(screen.contains("nothing was sent"), "{screen}");
    assert_eq!((code, bed.count("PATCH")), (1, 1));
}

#[test]
fn who_goes_away_has_agreed_to_nothing() {
    let bed = Bed::three_edited();
    for arguments in [&["push"][..], &["push", "-i"]] {
        let mut push = bed.at_terminal(arguments.iter().copied());
        push.interrupt_at("Push ");
        let (screen, code) = push.ends();
        assert_eq!((code, bed.count("PATCH")), (130, 0), "{screen}");
    }
}

#[test]
fn a_protected_tenant_s_name_is_typed() {
    let bed = protected();
    let question = "prod is protected. Type its name to push 1 field of 1 client to";
    for answer in ["y", "", "dev"] {
        let mut push = bed.at_terminal(["push", "--tenant", "prod"]);
        push.answer(question, answer);
        let (screen, code) = push.ends();
        assert!(screen.contains("that is not prod"), "{screen}");
        assert_eq!((code, bed.count("PATCH")), (1, 0));
    }
    let mut push = bed.at_terminal(["push", "--tenant", "prod"]);
    push.answer(question, "prod");
    assert_eq!((push.ends().1, bed.count("PATCH")), (0, 1));
}

#[test]
fn a_script_has_to_name_a_protected_tenant() {
    let bed = protected();
    let mut push = bed.command();
    push.args(["push", "--yes"]).env("TENANTRY_TENANT", "prod");
    let run = bed.run_command(push);
    insta::assert_snapshot!(run.stderr, @"
    error: nothing was sent: prod is protected, and --yes alone does not push to it
    hint: name it on the command line: tenantry push --tenant prod --yes
    ");
    assert_eq!((run.code, bed.requests().len()), (2, 0));
    // Not even where the environment says otherwise.
    let mut push = bed.command();
    push.args(["push", "--yes"]);
    push.envs([("TENANTRY_TENANT", "prod"), ("TENANTRY_PROTECTED", "false")]);
    assert_eq!(bed.run_command(push).code, 2);
    bed.run(["push", "--yes", "--tenant", "prod"]).exits(0);
    assert_eq!(bed.count("PATCH"), 1);
}

#[test]
fn a_project_protects_its_tenants_or_one_of_them() {
    let bed = Bed::three_edited();
    bed.write("tenant/tenantry.yaml", "protected: true\n");
    let refused = bed.run(["push", "--yes"]).exits(2);
    assert!(refused.stderr.contains("is protected"), "{refused}");
    assert_eq!(bed.requests(), [""; 0]);
    bed.write("tenant/tenantry.yaml", "protected: false\n");
    bed.run(["push", "--yes"]).exits(0);
    assert_eq!(bed.count("PATCH"), 3);
}

#[test]
fn a_protected_tenant_without_a_name() {
    let bed = Bed::three_edited();
    let mut push = bed.command();
    push.args(["push", "--yes"]).env("TENANTRY_PROTECTED", "on");
    let run = bed.run_command(push);
    insta::assert_snapshot!(run.stderr, @"
    error: nothing was sent: 127.0.0.1:PORT is protected, and --yes alone does not push to it
    hint: give it a name (settings in .env.NAME, files in the folder NAME), and push with --tenant NAME --yes
    ");
    assert_eq!((run.code, bed.count("PATCH")), (2, 0));
    let mut push = bed.command();
    push.args(["push", "--yes"])
        .env("TENANTRY_PROTECTED", "maybe");
    insta::assert_snapshot!(bed.run_command(push).stderr, @"
    error: TENANTRY_PROTECTED in the environment is neither true nor false
    hint: write `true` or `false`
    ");
}
