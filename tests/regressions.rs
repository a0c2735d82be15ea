//! What went wrong once.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Bed, Stub, client, plain_client};
use serde_json::json;
use tenantry::testing::{Fault, FaultRule};

/// An edit that an editor saves between pull's check of the file and its rename is lost, with exit code 0.
#[test]
fn an_edit_that_is_saved_while_pull_writes_stays() {
    let bed = Bed::new()
        .client("a", "Alpha", json!({"description": "Edit 0"}))
        .pulled();
    let (folder, file) = ("tenant/clients", "tenant/clients/alpha.yaml");
    let mut met = 0;
    let is_writing = || {
        let entries = std::fs::read_dir(bed.path(folder)).unwrap();
        entries.count() > 1
    };
    for round in 1..=20 {
        let edited = bed.read(file).replace(
            &format!("description: Edit {}", round - 1),
            &format!("description: Edit {round}"),
        );
        bed.write("saving", &edited);
        bed.sandbox.edit("a", "sso_disabled", Some(json!(round)));
        let mut pull = bed.spawn(["pull"]);
        while !is_writing() && pull.try_wait().unwrap().is_none() {}
        bed.rename("saving", file);
        met += usize::from(pull.try_wait().unwrap().is_none());
        pull.wait().unwrap();
        let text = bed.read(file);
        assert!(
            text.contains(&format!("description: Edit {round}\n")),
            "{text}"
        );
        assert_eq!(bed.files(folder).len(), 1);
    }
    assert!(met > 0, "every pull was done before the file was saved");
}

/// An object with a key of serde_json's own is read as a number or as JSON text: misread, refused, or nested without a bound.
#[test]
fn keys_of_serde_json_s_own_are_keys_in_answers_files_and_plans() {
    let metadata = json!({
        "$serde_json::private::Number": "12",
        "list": [{"$serde_json::private::RawValue": "{\"a\": 1}"}, {"$serde_json::private::Number": "no number"}],
    });
    for format in ["yaml", "json"] {
        let fields = json!({"description": "first", "client_metadata": metadata});
        let bed = Bed::new().client("a", "Alpha", fields).start();
        bed.run(["pull", "--format", format]).exits(0);
        bed.run(["diff"]).exits(0);
        let file = format!("tenant/clients/alpha.{format}");
        bed.edit(&file, "first", "second");
        let gone = json!({"$serde_json::private::Number": "13"});
        bed.sandbox.edit("a", "client_metadata", Some(gone.clone()));
        bed.save_plan();
        bed.run(["push", "--yes", "--plan", "plan.json"]).exits(0);
        assert_eq!(bed.live("a")["description"], json!("second"));
        assert_eq!(bed.live("a")["client_metadata"], gone);
    }
}

/// Conflict markers between the lines of a plain scalar in braces are part of its text to a YAML reader: they pass `check`, and are
/// pushed as a description.
#[test]
fn conflict_markers_in_braces_are_found() {
    let bed = Bed::new().client("a", "Alpha", json!({})).pulled();
    bed.write(
        "tenant/clients/alpha.yaml",
        "{client_id: a, name: Alpha, description: one\n<<<<<<< HEAD\ntwo\n=======\nthree\n>>>>>>> main\n}\n",
    );
    let found = "tenant/clients/alpha.yaml:2:1: a git merge left conflict markers here";
    let run = bed.run(["check"]).exits(1);
    assert!(run.stdout.contains(found), "{run}");
    bed.run(["push", "--yes"]).exits(2).complains(found);
    bed.assert_only_gets();
}

/// A line break in an id is left out of the URL that the client is asked for at: another client is changed.
#[test]
fn an_id_with_a_line_break_is_refused() {
    let bed = Bed::new().client("ab", "Alpha", json!({})).pulled();
    bed.write(
        "tenant/clients/other.yaml",
        "client_id: \"a\\nb\"\nname: Other\n",
    );
    let run = bed.run(["push", "--yes"]).exits(2);
    run.complains("tenant/clients/other.yaml:1:1: `a\\nb` can't be a client_id");
    bed.assert_only_gets();
}

/// A client's file that is a link to something else is quoted in an error, which is how a pull request reads what a CI job may
/// read, and a pull writes through it.
#[cfg(unix)]
#[test]
fn a_link_out_of_the_tenant_directory_is_neither_quoted_nor_written_through() {
    use std::os::unix::fs::symlink;
    let bed = Bed::new().client("a", "Alpha", json!({})).pulled();
    bed.write(".env", "password: s3cret\n: -\n");
    symlink("../../.env", bed.path("tenant/clients/b.yaml")).unwrap();
    for arguments in [&["diff"][..], &["check"], &["pull"], &["push", "--yes"]] {
        let run = bed.run(arguments.iter().copied());
        let told = run.to_string();
        assert!(told.contains("a link leads out of tenant"), "{run}");
        assert!(!told.contains("password"), "{run}");
    }
    bed.remove("tenant/clients/b.yaml");

    // A link in place of the folder, or of the lock.
    bed.write("elsewhere/empty/.keep", "");
    bed.write("elsewhere/lock", "{}");
    bed.rename("tenant/clients", "clients");
    symlink("../elsewhere/empty", bed.path("tenant/clients")).unwrap();
    bed.run(["pull"]).exits(2).complains("a link leads out of");
    bed.remove("tenant/clients");
    bed.rename("clients", "tenant/clients");
    bed.rename("tenant/tenant.lock", "lock");
    symlink("../elsewhere/lock", bed.path("tenant/tenant.lock")).unwrap();
    bed.run(["pull"]).exits(2).complains("a link leads out of");
    symlink("../elsewhere/empty", bed.path("tenant/dev")).unwrap();
    let run = bed.run(["pull", "--tenant", "dev"]).exits(2);
    run.complains("can't use tenant/dev: a link leads out of tenant");
    assert_eq!(bed.files("elsewhere").len(), 2);
    assert_eq!(bed.read("elsewhere/lock"), "{}");
}

/// Who keeps a file elsewhere in the tenant directory, and a link to it in its place, may go on doing so.
#[cfg(unix)]
#[test]
fn a_link_within_the_tenant_directory_stays_one() {
    let bed = Bed::new().client("a", "Alpha", json!({})).pulled();
    bed.write(
        "tenant/shared/alpha.yaml",
        &bed.read("tenant/clients/alpha.yaml"),
    );
    let link = bed.path("tenant/clients/alpha.yaml");
    std::fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("../shared/alpha.yaml", &link).unwrap();
    bed.sandbox.edit("a", "name", Some(json!("Beta")));
    bed.run(["pull"]).exits(0);
    assert!(link.is_symlink());
    assert!(
        bed.read("tenant/shared/alpha.yaml")
            .contains("name: Beta\n")
    );
    assert_eq!(bed.files("tenant/clients").len(), 1);
    assert_eq!(bed.files("tenant/shared").len(), 1);
}

/// A mistyped --tenant: exit 0 and `nothing to push`, and a new folder tenant/pord/clients.
#[test]
fn a_push_of_a_tenant_without_a_folder_is_an_error() {
    let bed = Bed::new().client("a", "Alpha", json!({})).start();
    let run = bed.run(["push", "--yes", "--tenant", "pord"]);
    assert!(!bed.path("tenant/pord").exists(), "{run}");
    run.exits(2);
}

/// A pull that fails (no settings, no network, 403) leaves an empty tenant folder, which later counts as a tenant:
/// `tenant holds several tenants: dev, dvv`.
#[test]
fn a_pull_that_fails_leaves_no_folder() {
    let bed = Bed::new()
        .client("a", "Alpha", json!({}))
        .sandbox(|sandbox| sandbox.scopes(&[]))
        .start();
    bed.run_without_settings(["pull", "--tenant", "dvv"])
        .exits(2);
    assert!(!bed.path("tenant").exists());
    bed.run(["pull", "--tenant", "dvv"]).exits(2);
    assert!(!bed.path("tenant").exists());
}

/// The size of the lock is taken for the size of the tenant: 3 GETs in place of 2 (10 in a tenant of 1,000).
#[test]
fn few_pulled_clients_of_a_large_tenant_are_read_one_by_one() {
    let bed = Bed::new().plain_clients(250).start();
    bed.run(["pull", "c0001", "c0002", "c0003"]).exits(0);
    for number in [1, 2] {
        bed.edit(
            &format!("tenant/clients/client-000{number}.yaml"),
            "Client",
            "Customer",
        );
    }
    bed.sandbox.clear_requests();
    bed.run(["push", "--yes"]).exits(0);
    assert!(bed.count("GET") <= 2, "{:?}", bed.requests());
}

/// A token that lives for no longer than the margin of 60 s is asked for anew before each request.
#[test]
fn a_token_of_half_a_minute_is_used_for_half_a_minute() {
    let bed = Bed::new()
        .plain_clients(250)
        .sandbox(|sandbox| sandbox.token_lifetime(30))
        .start();
    bed.run(["pull"]).exits(0);
    assert_eq!(bed.count("POST /oauth/token"), 1);
}

/// The contract wants an empty allowed_clients told loudly; markdown says nothing of it.
#[test]
fn markdown_tells_an_empty_list_loudly() {
    let bed = Bed::new()
        .client("a", "Alpha", json!({"allowed_clients": ["x"]}))
        .pulled();
    bed.edit(
        "tenant/clients/alpha.yaml",
        "allowed_clients:\n  - x\n",
        "allowed_clients: []\n",
    );
    let run = bed.run(["diff", "-o", "markdown"]).exits(1);
    assert!(run.stdout.contains("every client"), "{run}");
}

/// With -o json, drift that a push read is reported nowhere.
#[test]
fn a_push_with_json_reports_drift() {
    let bed = Bed::new()
        .client("a", "Alpha", json!({"description": "first"}))
        .pulled();
    bed.edit("tenant/clients/alpha.yaml", "first", "mine");
    bed.sandbox.edit("a", "name", Some(json!("Drifted name")));
    let run = bed.run(["push", "--yes", "-o", "json"]).exits(0);
    assert!(run.to_string().contains("drift"), "{run}");
}

/// Outcomes are in the order of the answers, unlike in the JSON document.
#[test]
fn outcomes_are_in_the_order_of_files() {
    let bed = Bed::new()
        .client("a", "Alpha", json!({}))
        .client("b", "Beta", json!({}))
        .pulled();
    bed.edit("tenant/clients/alpha.yaml", "name: Alpha", "name: A");
    bed.edit("tenant/clients/beta.yaml", "name: Beta", "name: B");
    bed.sandbox.fail_next(
        FaultRule::new(Fault::StatusBefore(503))
            .method("PATCH")
            .path("/a"),
    );
    let run = bed.run(["push", "--yes"]).exits(0);
    assert_eq!(bed.count("PATCH"), 3, "the first was refused once");
    let lines = run.stdout.lines();
    let updated: Vec<_> = lines.filter(|line| line.starts_with("updated")).collect();
    assert_eq!(
        updated,
        [
            "updated        clients/alpha.yaml: name",
            "updated        clients/beta.yaml: name"
        ]
    );
}

/// A file whose client never was pulled is said to be gone, and to be deleted by --prune, which leaves it alone.
#[test]
fn an_unknown_client_id_is_not_called_gone() {
    let bed = Bed::new().client("a", "Alpha", json!({})).pulled();
    bed.write(
        "tenant/clients/draft.yaml",
        "client_id: mistyped\nname: Draft\n",
    );
    for arguments in [
        &["diff"][..],
        &["pull"],
        &["pull", "--prune"],
        &["push", "--yes"],
    ] {
        let run = bed.run(arguments.iter().copied()).exits(1);
        assert!(!run.to_string().contains("prune"), "{arguments:?}: {run}");
    }
}

/// The sandbox's state shows up in git.
#[test]
fn the_sandbox_s_state_is_ignored_by_git() {
    let bed = Bed::new().start();
    bed.run_without_settings(["pull", "--tenant", "sandbox"])
        .exits(0);
    bed.git(&["init", "-q"]);
    let status = bed.git(&["status", "--porcelain", "-uall", "tenant"]);
    let mut files = bed.files("tenant");
    assert!(files.remove("tenant/sandbox/.sandbox/state.json").is_some());
    files.retain(|path, _| !path.starts_with("tenant/sandbox/.sandbox/"));
    let expected: Vec<_> = files.keys().map(|path| format!("?? {path}")).collect();
    assert_eq!(status.lines().collect::<Vec<_>>(), expected);
}

/// Conflict markers in a client's file: `3:1: is not YAML: simple key expect ':'`, unlike in the lock.
#[test]
fn conflict_markers_in_a_client_s_file_are_named() {
    let bed = Bed::new().client("a", "Alpha", json!({})).pulled();
    let text = "client_id: a\n<<<<<<< HEAD\nname: A\n=======\nname: B\n>>>>>>> other\n";
    bed.write("tenant/clients/alpha.yaml", text);
    bed.run(["diff"])
        .exits(2)
        .complains("tenant/clients/alpha.yaml:2:1: a git merge left conflict markers here");
}

/// The system's words are there twice: `Not a directory (os error 20): Not a directory (os error 20)`.
#[test]
fn the_system_s_words_are_said_once() {
    let bed = Bed::new().client("a", "Alpha", json!({})).start();
    bed.write("file", "");
    let run = bed.run(["pull", "--dir", "file"]).exits(2);
    assert_eq!(run.stderr.matches("os error").count(), 1, "{run}");
}

/// The hint asks for read:client_keys, which reads secrets, where the API would take any of the three.
#[test]
fn the_hint_asks_for_no_more_scope_than_is_needed() {
    let bed = Bed::new()
        .client("a", "Alpha", json!({}))
        .sandbox(|sandbox| sandbox.scopes(&[]))
        .start();
    let run = bed.run(["pull"]).exits(2);
    let hint = run.stderr.lines().last().unwrap();
    assert!(
        hint.contains("read:clients") && !hint.contains("client_keys"),
        "{hint}"
    );
}

/// A name selects the file only, although a client without a file has that name too; `Alph*` selects both.
#[test]
fn a_name_selects_every_client_of_that_name() {
    let bed = Bed::new().client("a", "Alpha", json!({})).pulled();
    bed.sandbox.create(client("b", "Alpha", json!({})));
    bed.run(["diff", "Alph*"]).exits(1);
    bed.run(["diff", "Alpha"]).exits(1);
}

/// U+009B is a control sequence introducer; `diff -o json` and JSON files have it raw.
#[test]
fn json_has_no_control_characters() {
    let bed = Bed::new()
        .client("a", "Alpha", json!({"k": "\u{9b}31m"}))
        .start();
    bed.run(["pull", "--format", "json"]).exits(0);
    bed.sandbox.edit("a", "k", Some(json!("\u{9b}32m")));
    let run = bed.run(["diff", "-o", "json"]).exits(1);
    for text in [run.stdout, bed.read("tenant/clients/alpha.json")] {
        assert!(text.contains("\\u009b31m"), "{text}");
        assert!(!text.contains('\u{9b}'), "{text}");
    }
}

/// One folder is called several tenants.
#[test]
fn one_tenant_is_not_called_several() {
    let bed = Bed::new().client("a", "Alpha", json!({})).start();
    bed.run(["pull", "--tenant", "dev"]).exits(0);
    insta::assert_snapshot!(bed.run(["diff"]).exits(2).stderr, @"
    error: tenant holds the folder of a tenant: dev
    hint: name one with --tenant NAME (or TENANTRY_TENANT); check and diff take --all-tenants
    ");
}

/// AUTH0_SCOPE asks for too much, and the hint is about something else.
#[test]
fn a_scope_that_is_not_granted_names_its_variable() {
    let bed = Bed::new().start();
    bed.run_with(
        [("AUTH0_SCOPE", "read:clients delete:everything")],
        ["list"],
    )
    .exits(2)
    .complains("AUTH0_SCOPE");
}

/// A client is deleted and another made while pages are read: the total stays, and one slips from page to page.
#[test]
fn a_client_that_slips_between_pages_is_not_gone() {
    let bed = Bed::new().plain_clients(150).pulled();
    let stub = Stub::start(|_, path| {
        let page = |numbers: Vec<usize>| {
            let clients: Vec<_> = numbers.into_iter().map(plain_client).collect();
            json!({"start": 0, "limit": 100, "total": 150, "clients": clients})
        };
        match path {
            "/oauth/token" => json!({"access_token": "t", "expires_in": 86400}),
            "/api/v2/clients/c0100?fields=client_secret%2Csigning_keys%2Cencryption_key&include_fields=false" => {
                plain_client(100)
            }
            _ if path.contains("&page=0&") => page((0..100).collect()),
            // c0005 is gone, so c0100 is on the page before; and there is a new one at the end.
            _ => page((101..151).collect()),
        }
    });
    let mut lock = bed.read("tenant/tenant.lock");
    lock = lock.replace(&bed.address(), &stub.address());
    bed.write("tenant/tenant.lock", &lock);
    let run = bed
        .run_with([("AUTH0_DOMAIN", stub.url())], ["pull", "--prune"])
        .exits(0);
    assert!(
        bed.path("tenant/clients/client-0100.yaml").exists(),
        "{run}"
    );
}

/// A header with a number that no sum of it fits made a debug build panic.
#[test]
fn a_limit_beyond_all_numbers_is_none() {
    let stub = Stub::raw(|_, path| {
        let body = match path {
            "/oauth/token" => json!({"access_token": "t", "expires_in": 86400}),
            _ => json!({"start": 0, "limit": 100, "total": 1, "clients": [plain_client(1)]}),
        };
        let limits = ["limit", "remaining", "reset"];
        let limits = limits.map(|name| format!("x-ratelimit-{name}: {}\r\n", u64::MAX));
        Stub::answer(200, &limits.concat(), &body.to_string())
    });
    let bed = Bed::new().start();
    bed.run_with([("AUTH0_DOMAIN", stub.url())], ["pull"])
        .exits(0);
}

/// DEL was taken out of a plan on its way to stdout, and the push of that plan sent what nobody wrote.
#[test]
fn a_saved_plan_is_to_the_letter() {
    let bed = Bed::new()
        .client("a", "Alpha", json!({"description": "x"}))
        .pulled();
    bed.edit(
        "tenant/clients/alpha.yaml",
        "description: x",
        r#"description: "a\x7fb\e[31m\u202E""#,
    );
    bed.save_plan();
    bed.run(["push", "--yes", "--plan", "plan.json"]).exits(0);
    assert_eq!(bed.live("a")["description"], "a\u{7f}b\u{1b}[31m\u{202e}");
}

/// A name with brackets was a glob as well, and selected another client.
#[test]
fn a_name_with_brackets_selects_only_itself() {
    let bed = Bed::new()
        .client("a", "App [eu]", json!({}))
        .client("b", "App e", json!({}))
        .pulled();
    bed.edit(
        "tenant/clients/app-eu.yaml",
        "client_id: a",
        "client_id: a\ndescription: one",
    );
    bed.edit(
        "tenant/clients/app-e.yaml",
        "client_id: b",
        "client_id: b\ndescription: two",
    );
    bed.run(["push", "--yes", "App [eu]"]).exits(0);
    assert_eq!(
        bed.patches(),
        [("a".to_owned(), json!({"description": "one"}))]
    );
}

/// After an edit of the name, the client was known under its new name only.
#[test]
fn a_client_is_pushed_by_the_name_that_it_has_on_the_tenant() {
    let bed = Bed::new().client("a", "Alpha", json!({})).pulled();
    bed.edit("tenant/clients/alpha.yaml", "name: Alpha", "name: Beta");
    bed.run(["push", "--yes", "Alpha"]).exits(0);
    assert_eq!(bed.live("a")["name"], "Beta");
}

/// With a .env of its own, the sandbox would be the tenant of .env.
#[test]
fn a_sandbox_gets_no_settings() {
    let bed = Bed::new().start();
    bed.run(["init", "--tenant", "sandbox"])
        .exits(2)
        .complains("sandbox is a sandbox");
    assert!(!bed.path(".env.sandbox").exists());
    bed.run(["sandbox", "reset", "--tenant", "dev"])
        .exits(2)
        .complains("dev is no sandbox");
}

/// A live value that breaks the API's own rules could not even be discarded to.
#[test]
fn an_odd_live_value_can_be_pulled_again() {
    let bed = Bed::new().client("a", "Alpha", json!({})).pulled();
    bed.sandbox
        .edit("a", "description", Some(json!("x".repeat(200))));
    bed.pull();
    bed.remove("tenant/tenant.lock");
    bed.run(["pull", "--discard-local"]).exits(0);
    bed.run(["diff"]).exits(0);
}

/// Values that an old tenant serves and that today's API would refuse blocked every command once the lock was lost, pull included.
#[test]
fn what_the_tenant_has_is_in_nobody_s_way_even_without_a_lock() {
    let bed = Bed::new()
        .client(
            "a",
            "<Alpha>",
            json!({"description": "x".repeat(161), "allowed_clients": ["b"]}),
        )
        .client("b", "Beta", json!({"description": null}))
        .pulled();
    let lose = || bed.remove("tenant/tenant.lock");
    lose();
    for command in [&["diff"][..], &["list"], &["push", "--yes"], &["pull"]] {
        bed.run(command.iter().copied()).exits(0);
    }
    // Offline nobody can tell whether it is new; who asks the tenant once can.
    lose();
    let found = bed.run(["check"]).exits(1).stdout;
    assert!(found.contains("`tenantry pull`: it remembers"), "{found}");
    bed.run(["pull"]).exits(0);
    bed.run(["check"]).exits(0);

    // Another field of the same client goes its way, and so does another client's.
    lose();
    bed.edit("tenant/clients/alpha.yaml", "  - b\n", "  - a\n");
    bed.edit("tenant/clients/beta.yaml", "name: Beta", "name: Better");
    bed.sandbox.clear_requests();
    bed.run(["push", "--yes"]).exits(0);
    assert_eq!(
        bed.patches(),
        [
            ("a".to_owned(), json!({"allowed_clients": ["a"]})),
            ("b".to_owned(), json!({"name": "Better"})),
        ]
    );
    // What would be sent is held to the rules all the same.
    lose();
    bed.edit("tenant/clients/alpha.yaml", "<Alpha>", "<Beta>");
    bed.run(["push", "--yes"])
        .exits(2)
        .complains("alpha.yaml:2:1: `name` contains `<` or `>`");
}

/// The same values in a promotion: what is not promoted is in nobody's way.
#[test]
fn what_a_tenant_has_keeps_no_other_field_from_being_promoted() {
    let bed = Bed::new().start();
    let old = "x".repeat(161);
    for (tenant, description) in [("dev", "new"), ("prod", "old")] {
        bed.write(
            &format!("tenant/{tenant}/clients/a.yaml"),
            &format!("client_id: {tenant}-a\nname: <{tenant}>\ndescription: {description}\n"),
        );
        bed.write(
            &format!("tenant/{tenant}/clients/b.yaml"),
            &format!("client_id: {tenant}-b\nname: <b>\ndescription: {old}\nallowed_clients: [{tenant}-{description}]\n"),
        );
    }
    let promote = ["promote", "--from", "dev", "--to", "prod"];
    bed.run(promote)
        .exits(2)
        .complains("a: `name` contains `<` or `>`");
    let fields = ["--fields", "description,allowed_clients"];
    bed.run([&promote[..], &fields].concat()).exits(0);
    assert!(
        bed.read("tenant/prod/clients/a.yaml")
            .contains("name: <prod>\ndescription: new\n")
    );
}
