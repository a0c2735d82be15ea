//! `undo` end to end: what the last push sent is taken back, where the tenant still says it.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs;
use std::time::Duration;

use common::{Bed, RECORD, Run, text};
use serde_json::{Value, json};
use tenantry::testing::{Fault, FaultRule};

const ALPHA: &str = "tenant/clients/alpha.yaml";
const BETA: &str = "tenant/clients/beta.yaml";

/// Two clients with an edited description each.
fn edited() -> Bed {
    let bed = Bed::new()
        .client("a", "Alpha", json!({"description": "one"}))
        .client("b", "Beta", json!({"description": "two"}))
        .pulled();
    bed.edit(ALPHA, "one", "first");
    bed.edit(BETA, "two", "second");
    bed
}

/// The same, pushed.
fn pushed() -> Bed {
    let bed = edited();
    push(&bed).exits(0);
    bed.sandbox.clear_requests();
    bed
}

/// A client with these fields, a project that manages `fields`, and a file in which the first text was replaced by the second.
fn managing(fields: &str, client: Value, old: &str, new: &str) -> Bed {
    let bed = Bed::new().client("a", "Alpha", client).start();
    let project = format!("manage: {{clients: {fields}}}\n");
    bed.write("tenant/tenantry.yaml", &project);
    bed.pull();
    bed.edit(ALPHA, old, new);
    bed
}

fn push(bed: &Bed) -> Run {
    bed.run(["push", "--yes"])
}

fn undo(bed: &Bed) -> Run {
    bed.run(["undo", "--yes"])
}

fn descriptions(bed: &Bed) -> [Value; 2] {
    ["a", "b"].map(|id| bed.live(id)["description"].clone())
}

/// The lines of the record.
fn record(bed: &Bed) -> Vec<Value> {
    let text = bed.read(RECORD);
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Takes all lines out of the record that were written after these.
fn cut_record(bed: &Bed, lines: usize) {
    let text = bed.read(RECORD);
    let kept: Vec<&str> = text.lines().take(lines).collect();
    bed.write(RECORD, &format!("{}\n", kept.join("\n")));
}

#[test]
fn the_last_push_is_taken_back_in_tenant_and_files() {
    let bed = edited();
    let files = bed.files("tenant/clients");
    bed.git(&["init", "-q"]);
    bed.git(&["add", "tenant"]);
    bed.git(&["commit", "-qm", "edited"]);
    push(&bed).exits(0);
    let run = undo(&bed).exits(0);
    insta::assert_snapshot!(run, @r#"
    exit code 0
    --- stdout
    clients/alpha.yaml  Alpha a
      description: "first" → "one"

    clients/beta.yaml  Beta b
      description: "second" → "two"

    2 edits in 2 clients
    updated        clients/alpha.yaml: description
    updated        clients/beta.yaml: description
    2 clients updated
    "#);
    assert_eq!(descriptions(&bed), ["one", "two"]);
    assert_eq!(bed.base("a")["description"], "one");
    bed.run(["diff"]).exits(0);
    assert_eq!(bed.read(ALPHA), files[ALPHA].replace("first", "one"));
    // git is not shown the record.
    let status = bed.git(&["status", "--porcelain", "--untracked-files=all"]);
    assert!(!status.contains(".tenantry"), "{status}");
    // An undo is the last push for the next undo.
    undo(&bed).exits(0);
    assert_eq!(descriptions(&bed), ["first", "second"]);
    bed.run(["diff"]).exits(0);
    assert_eq!(bed.files("tenant/clients"), files);
    undo(&bed).exits(0);
    assert_eq!(descriptions(&bed), ["one", "two"]);
    bed.run(["diff"]).exits(0);
}

#[test]
fn the_record_is_written_before_anything_is_sent_and_completed_after_it() {
    let bed = edited();
    bed.sandbox.fail_next(
        FaultRule::new(Fault::ProxyPage)
            .method("PATCH")
            .path("/b")
            .always(),
    );
    push(&bed).exits(2);
    let lines = record(&bed);
    assert_eq!(lines[0]["version"], 1);
    assert_eq!(lines[0]["tenant"]["domain"], bed.address());
    assert_eq!(
        lines[1],
        json!({
            "status": "sending", "kind": "clients", "id": "a", "name": "Alpha", "file": "clients/alpha.yaml",
            "fields": [{"field": "description", "before": "one", "after": "first"}],
        })
    );
    assert_eq!(lines[2]["id"], "b");
    // A push that is killed does not get to say that it is done.
    let (done, became) = lines[3..].split_last().unwrap();
    assert_eq!(*done, json!({"finished": true}));
    let became: Vec<_> = became
        .iter()
        .map(|line| (text(&line["id"]), text(&line["status"])))
        .collect();
    assert!(
        became.contains(&("a".to_owned(), "updated".to_owned())),
        "{became:?}"
    );
    assert!(
        became.contains(&("b".to_owned(), "failed".to_owned())),
        "{became:?}"
    );
    // Live decides about the one of which nobody knows.
    bed.sandbox.set_faults([]);
    undo(&bed).exits(0);
    assert_eq!(descriptions(&bed), ["one", "two"]);
    assert!(
        bed.read(BETA).contains("second"),
        "an edit that was never sent stays one"
    );
}

#[test]
fn what_sends_nothing_leaves_the_last_push() {
    let bed = pushed();
    let before = bed.read(RECORD);
    bed.run(["push", "--yes"]).exits(0);
    bed.run(["push", "--dry-run"]).exits(0);
    bed.run(["undo", "--dry-run"]).exits(1);
    bed.assert_only_gets();
    assert_eq!(bed.read(RECORD), before);
    // The token is refused before the first update.
    bed.edit(ALPHA, "first", "again");
    bed.sandbox
        .fail_next(FaultRule::new(Fault::StatusBefore(403)).method("PATCH"));
    push(&bed).exits(2);
    assert_eq!(bed.read(RECORD), before);
    bed.edit(ALPHA, "again", "first");
    undo(&bed).exits(0);
    assert_eq!(descriptions(&bed), ["one", "two"]);
}

#[test]
fn an_update_of_which_a_part_went_through_is_undone() {
    let client = json!({"description": "one", "app_type": "spa"});
    let bed = managing(
        "[app_type]",
        client,
        "description: one",
        "description: first",
    );
    bed.edit(ALPHA, "app_type: spa", "app_type: native");
    save(&bed, &bed.run(["push", "--yes", "-o", "json"]).exits(0));
    // The push tells two parts: the one that went through, and the rest.
    let mut document: Value = serde_json::from_str(&bed.read("push.json")).unwrap();
    let mut rest = document["results"][0].clone();
    let fields = document["results"][0]["fields"].as_array_mut().unwrap();
    rest["fields"] = json!([fields.remove(1)]);
    for (status, lines) in [("failed", 3), ("not_attempted", 3)] {
        rest["status"] = json!(status);
        let mut told = document.clone();
        told["results"].as_array_mut().unwrap().push(rest.clone());
        bed.write("push.json", &told.to_string());
        cut_record(&bed, lines);
        let note = json!({"status": status, "kind": "clients", "id": "a"});
        bed.write(RECORD, &format!("{}{note}\n", bed.read(RECORD)));
        bed.sandbox.edit("a", "app_type", Some(json!("spa")));
        bed.sandbox.edit("a", "description", Some(json!("first")));
        for undo in [
            &["undo", "--dry-run"][..],
            &["undo", "--dry-run", "--of", "push.json"],
        ] {
            let run = bed.run(undo.iter().copied()).exits(1);
            assert!(run.stdout.contains("1 edit in 1 client"), "{run}");
            assert!(
                run.stdout.contains("description: \"first\" → \"one\""),
                "{run}"
            );
        }
    }
    undo(&bed).exits(0);
    assert_eq!(bed.live("a")["description"], "one");
    assert!(
        bed.read(ALPHA).contains("app_type: native"),
        "an edit that was never sent stays one"
    );
}

#[test]
fn what_somebody_changed_since_is_held_back_and_the_rest_goes() {
    let bed = pushed();
    bed.sandbox.edit("b", "description", Some(json!("theirs")));
    bed.sandbox.edit("a", "name", Some(json!("Theirs")));
    let run = undo(&bed).exits(1);
    insta::assert_snapshot!(run, @r#"
    exit code 1
    --- stdout
    clients/alpha.yaml  Theirs a
      description: "first" → "one"

    1 edit in 1 client
    updated        clients/alpha.yaml: description
    held back      clients/beta.yaml: description changed on the tenant
    1 client updated, 1 held back
    "#);
    assert_eq!(descriptions(&bed), ["one", "theirs"]);
    assert_eq!(bed.live("a")["name"], "Theirs");
    assert!(bed.read(BETA).contains("second"));
    // Somebody who took it back by hand left nothing to undo there.
    let bed = pushed();
    bed.sandbox.edit("b", "description", Some(json!("two")));
    let patches = bed.run(["undo", "--yes", "-o", "json"]).exits(0).json();
    assert_eq!(patches["summary"]["updated"], 1);
    bed.run(["diff"]).exits(0);
    bed.sandbox.delete("a");
    undo(&bed).exits(1);
}

#[test]
fn a_resource_that_is_gone_is_held_back() {
    let bed = pushed();
    bed.sandbox.delete("b");
    let report = bed.run(["undo", "--yes", "-o", "json"]).exits(1).json();
    assert_eq!(
        report["summary"],
        json!({"created": 0, "updated": 1, "failed": 0, "held_back": 1, "not_attempted": 0})
    );
    assert_eq!(
        report["results"][1]["reason"],
        "the client is gone from the tenant"
    );
    assert_eq!(bed.live("a")["description"], "one");
}

#[test]
fn a_file_that_says_something_else_by_now_is_left_alone() {
    let bed = pushed();
    bed.edit(ALPHA, "first", "later");
    bed.remove(BETA);
    let run = undo(&bed).exits(0);
    assert!(run.stderr.contains("clients/alpha.yaml: description in the file says something else than what was sent, and stays"), "{run}");
    assert_eq!(descriptions(&bed), ["one", "two"]);
    assert!(bed.read(ALPHA).contains("later"));
    let plan = bed.run(["diff", "-o", "json"]).exits(1).json();
    assert_eq!(plan["summary"]["edit"], 1, "{plan}");
    assert_eq!(plan["summary"]["conflict"], 0, "{plan}");
    // A file under another name is the same file.
    let bed = pushed();
    bed.rename(ALPHA, "tenant/clients/moved.yaml");
    undo(&bed).exits(0);
    assert!(bed.read("tenant/clients/moved.yaml").contains("one"));
}

#[test]
fn comments_and_layout_of_a_file_stay() {
    let bed = edited();
    let text = bed
        .read(ALPHA)
        .replace("description: first", "# why\ndescription:   'first' # so");
    bed.write(ALPHA, &text);
    push(&bed).exits(0);
    undo(&bed).exits(0);
    assert_eq!(bed.read(ALPHA), text.replace("'first'", "'one'"));
}

#[test]
fn keys_of_metadata_come_and_go() {
    let client = json!({"client_metadata": {"a": "1", "b": "2", "c": "3"}});
    let bed = managing(
        "[client_metadata]",
        client,
        "  b: \"2\"\n  c: \"3\"\n",
        "  c: \"9\"\n  d: \"4\"\n",
    );
    let before = bed.live("a")["client_metadata"].clone();
    push(&bed).exits(0);
    assert_eq!(
        bed.live("a")["client_metadata"],
        json!({"a": "1", "c": "9", "d": "4"})
    );
    undo(&bed).exits(0);
    assert_eq!(bed.live("a")["client_metadata"], before);
    bed.run(["diff"]).exits(0);
    assert!(
        bed.read(ALPHA)
            .contains("client_metadata:\n  a: \"1\"\n  b: \"2\"\n  c: \"3\"\n"),
        "{}",
        bed.read(ALPHA)
    );
    undo(&bed).exits(0);
    assert_eq!(
        bed.live("a")["client_metadata"],
        json!({"a": "1", "c": "9", "d": "4"})
    );
    bed.run(["diff"]).exits(0);
}

#[test]
fn a_field_that_comes_with_its_first_key_goes_with_the_last() {
    let bed = managing(
        "[client_metadata]",
        json!({}),
        "name: Alpha\n",
        "name: Alpha\nclient_metadata: {a: '1', b: '2'}\n",
    );
    let with = bed.read(ALPHA);
    push(&bed).exits(0);
    for _ in 0..2 {
        undo(&bed).exits(0);
        assert!(
            !bed.read(ALPHA).contains("client_metadata"),
            "{}",
            bed.read(ALPHA)
        );
        bed.run(["diff"]).exits(0);
        undo(&bed).exits(0);
        assert_eq!(
            bed.live("a")["client_metadata"],
            json!({"a": "1", "b": "2"})
        );
        assert_eq!(
            bed.read(ALPHA).contains("client_metadata"),
            with.contains("client_metadata")
        );
        bed.run(["diff"]).exits(0);
    }
}

#[test]
fn what_had_no_value_is_cleared_the_way_the_api_wants() {
    let new = "name: Alpha\ndescription: new\ndefault_organization: {organization_id: org_a, flows: [client_credentials]}\nlogo_uri: https://a.example/l.png\nweb_origins: [https://a.example]\n";
    let bed = managing(
        "[default_organization, logo_uri, web_origins]",
        json!({}),
        "name: Alpha\n",
        new,
    );
    let without = bed.read(ALPHA).replace(new, "name: Alpha\n");
    push(&bed).exits(0);
    bed.sandbox.clear_requests();
    undo(&bed).exits(0);
    assert_eq!(
        bed.patches(),
        [(
            "a".to_owned(),
            json!({"description": "", "default_organization": null, "logo_uri": "", "web_origins": []})
        )]
    );
    bed.run(["diff"]).exits(0);
    assert_eq!(bed.read(ALPHA), without);
    undo(&bed).exits(0);
    assert_eq!(bed.live("a")["description"], "new");
    assert_eq!(bed.live("a")["web_origins"], json!(["https://a.example"]));
    bed.run(["diff"]).exits(0);
    assert!(bed.read(ALPHA).contains("description: new"));
    undo(&bed).exits(0);
    assert_eq!(bed.read(ALPHA), without);
    bed.run(["diff"]).exits(0);
}

#[test]
fn what_can_t_be_taken_back_is_named() {
    let new = "name: Alpha\nallowed_clients: [x]\napp_type: spa\ndescription: new\n";
    let bed = managing("[app_type]", json!({}), "name: Alpha\n", new);
    push(&bed).exits(0);
    bed.sandbox.clear_requests();
    let run = undo(&bed).exits(1);
    insta::assert_snapshot!(run, @r#"
    exit code 1
    --- stdout
    clients/alpha.yaml  Alpha a
      description: "new" → ""

    1 edit in 1 client
    updated        clients/alpha.yaml: description
    held back      clients/alpha.yaml: allowed_clients: it had no value before, and an empty list lets every client of the tenant delegate
    held back      clients/alpha.yaml: app_type: it had no value before, and no update takes one away
    1 client updated, 2 held back
    "#);
    assert_eq!(
        bed.patches(),
        [("a".to_owned(), json!({"description": ""}))]
    );
    assert!(bed.read(ALPHA).contains("app_type: spa"));
    bed.run(["diff"]).exits(0);
}

#[test]
fn other_kinds_go_back_as_well() {
    let bed = Bed::new()
        .sandbox(|sandbox| sandbox.seed("sandbox"))
        .start();
    bed.write(
        "tenant/tenantry.yaml",
        "manage: {clients: all, resource-servers: all, client-grants: all, roles: all, tenant-settings: all, attack-protection: all}\n",
    );
    bed.pull();
    let snapshot = || {
        let kinds = [
            "clients",
            "roles",
            "tenant-settings",
            "attack-protection/brute-force-protection",
        ];
        let mut all = kinds.map(|kind| bed.sandbox.resources(kind));
        // The order of a set means nothing.
        for (at, field) in [(1, "permissions"), (3, "shields")] {
            for resource in &mut all[at] {
                if let Some(entries) = resource[field].as_array_mut() {
                    entries.sort_by_key(Value::to_string);
                }
            }
        }
        all
    };
    let (tenant, files) = (snapshot(), bed.files("tenant"));
    let change = |path: &str, old: &str, new: &str| {
        let all = bed.read(path);
        let at = all
            .find(old)
            .unwrap_or_else(|| panic!("no {old:?} in {path}:\n{all}"));
        bed.write(
            path,
            &format!("{}{new}{}", &all[..at], &all[at + old.len()..]),
        );
    };
    let role = files
        .iter()
        .find(|(path, text)| path.contains("/roles/") && text.contains("permission_name"));
    let (role, permissions) = role.unwrap();
    let first = permissions.find("  - permission_name").unwrap();
    let second = first
        + permissions[first..]
            .find("\n  - ")
            .unwrap_or(permissions.len() - first - 1)
        + 1;
    change(role, &permissions[first..second], "");
    change(
        "tenant/attack-protection/brute-force-protection.yaml",
        "max_attempts: ",
        "max_attempts: 1",
    );
    change(
        "tenant/tenant-settings.yaml",
        "friendly_name: ",
        "friendly_name: New ",
    );
    push(&bed).exits(0);
    assert_ne!(snapshot(), tenant);
    undo(&bed).exits(0);
    for (now, then) in snapshot().iter().flatten().zip(tenant.iter().flatten()) {
        assert_eq!(now, then);
    }
    bed.run(["diff"]).exits(0);
    let mut now = bed.files("tenant");
    now.remove("tenant/tenant.lock");
    for (path, text) in now {
        assert_eq!(text, files[&path], "{path}");
    }
    undo(&bed).exits(0);
    bed.run(["diff"]).exits(0);
    assert_ne!(snapshot(), tenant);
}

#[test]
fn a_kill_between_two_requests_about_one_list_is_undone() {
    let bed = Bed::new()
        .sandbox(|sandbox| sandbox.seed("sandbox"))
        .start();
    bed.write("tenant/tenantry.yaml", "manage: {roles: all}\n");
    bed.pull();
    let role = |bed: &Bed| {
        let roles = bed.sandbox.resources("roles").into_iter();
        let mut roles = roles.filter(|role| {
            role["permissions"]
                .as_array()
                .is_some_and(|all| all.len() > 1)
        });
        roles.next().unwrap()
    };
    let before = role(&bed);
    let id = text(&before["id"]);
    let files = bed.files("tenant/roles");
    let (path, file) = files.iter().find(|(_, file)| file.contains(&id)).unwrap();
    let first = file.find("  - permission_name").unwrap();
    let second = first + file[first..].find("\n  - ").unwrap() + 1;
    let entry = file[first..second].to_owned();
    bed.write(path, &file.replace(&entry, ""));
    push(&bed).exits(0);
    bed.write(path, file);
    // The other entries go, and this one comes back: the kill comes after the one that is added.
    let rest = file.find("# Push does").unwrap_or(file.len());
    let only = format!("{}{entry}{}", &file[..first], &file[rest..]);
    bed.write(path, &only);
    bed.sandbox.fail_next(
        FaultRule::new(Fault::StatusBefore(400))
            .method("DELETE")
            .always(),
    );
    push(&bed).exits(2);
    bed.sandbox.set_faults([]);
    assert_eq!(
        role(&bed)["permissions"].as_array().unwrap().len(),
        before["permissions"].as_array().unwrap().len()
    );
    undo(&bed).exits(0);
    let now = bed.sandbox.resource("roles", &id).unwrap();
    let now = now["permissions"].as_array().unwrap().len();
    assert_eq!(now + 1, before["permissions"].as_array().unwrap().len());
}

/// A role with a new description and without its first permission; also its file and what that said before.
fn role_without_a_permission() -> (Bed, String, String) {
    let bed = Bed::new()
        .sandbox(|sandbox| sandbox.seed("sandbox"))
        .start();
    bed.write("tenant/tenantry.yaml", "manage: {roles: all}\n");
    bed.pull();
    let files = bed.files("tenant/roles").into_iter();
    let mut files = files.filter(|(_, file)| file.matches("  - permission_name").count() > 1);
    let (path, file) = files.next().unwrap();
    let first = file.find("  - permission_name").unwrap();
    let second = first + file[first..].find("\n  - ").unwrap() + 1;
    let edited = format!("{}{}", &file[..first], &file[second..]);
    bed.write(
        &path,
        &edited.replacen("description: ", "description: New ", 1),
    );
    (bed, path, file)
}

#[test]
fn a_push_of_which_a_part_went_through_is_undone() {
    let (bed, path, file) = role_without_a_permission();
    let roles = bed.sandbox.resources("roles");
    bed.sandbox
        .fail_next(FaultRule::new(Fault::StatusBefore(400)).method("DELETE"));
    save(&bed, &bed.run(["push", "--yes", "-o", "json"]).exits(2));
    let of_document = bed.run(["undo", "--dry-run", "--of", "push.json"]).exits(1);
    let of_record = bed.run(["undo", "--dry-run"]).exits(1);
    assert_eq!(of_document.stdout, of_record.stdout);
    assert!(of_record.stdout.contains("1 edit in 1 role"), "{of_record}");
    undo(&bed).exits(0);
    assert_eq!(bed.sandbox.resources("roles"), roles);
    // What never went through is an edit still.
    let said = bed.read(&path);
    assert!(!said.contains("description: New "), "{said}");
    assert_eq!(said.lines().count() + 2, file.lines().count(), "{said}");
}

#[test]
fn an_undo_of_which_a_part_went_through_leaves_the_rest_of_the_file() {
    let (bed, path, file) = role_without_a_permission();
    push(&bed).exits(0);
    bed.sandbox
        .fail_next(FaultRule::new(Fault::StatusBefore(400)).method("POST"));
    undo(&bed).exits(2);
    let said = bed.read(&path);
    assert!(!said.contains("description: New "), "{said}");
    assert_eq!(said.lines().count() + 2, file.lines().count(), "{said}");
    bed.run(["diff"]).exits(0);
    undo(&bed).exits(0);
    bed.run(["diff"]).exits(0);
    assert_eq!(bed.read(&path), file);
}

/// Of a list, some entries came back already; the file says what was pushed until all of them have.
#[test]
fn an_undo_that_changed_a_list_in_part_is_finished_by_the_next() {
    let (bed, path, file) = role_without_a_permission();
    let first = file.find("  - permission_name").unwrap();
    let second = first + file[first..].find("\n  - ").unwrap() + 1;
    // The push puts another permission in the place of the first one.
    let other = file[first..second].replacen("read:", "write:", 1);
    assert_ne!(other, file[first..second]);
    let edited = format!("{}{other}{}", &file[..first], &file[second..]);
    bed.write(&path, &edited);
    push(&bed).exits(0);
    bed.sandbox
        .fail_next(FaultRule::new(Fault::StatusBefore(400)).method("DELETE"));
    undo(&bed).exits(2);
    assert_eq!(bed.read(&path), edited);
    undo(&bed).exits(0);
    bed.run(["diff"]).exits(0);
    assert_eq!(bed.read(&path), file);
}

#[test]
fn an_undo_that_was_killed_is_finished_by_the_next() {
    let bed = pushed();
    bed.sandbox.fail_next(
        FaultRule::new(Fault::StatusBefore(400))
            .method("PATCH")
            .path("/b"),
    );
    undo(&bed).exits(2);
    assert_eq!(descriptions(&bed), ["one", "second"]);
    let run = undo(&bed).exits(0);
    assert_eq!(descriptions(&bed), ["one", "two"], "{run}");
    bed.run(["diff"]).exits(0);
    // It is done now, so that the next one is the push again.
    undo(&bed).exits(0);
    assert_eq!(descriptions(&bed), ["first", "second"]);
    bed.run(["diff"]).exits(0);

    // Killed after the tenant had answered, and before files, lock and record knew of it.
    let bed = pushed();
    let before = bed.files("tenant");
    undo(&bed).exits(0);
    for (path, text) in &before {
        bed.write(path, text);
    }
    cut_record(&bed, 3);
    bed.sandbox.clear_requests();
    let run = undo(&bed).exits(0);
    bed.assert_only_gets();
    assert!(run.stdout.contains("nothing to undo"), "{run}");
    bed.run(["diff"]).exits(0);
    assert!(bed.read(ALPHA).contains("one"));
    undo(&bed).exits(0);
    assert_eq!(descriptions(&bed), ["first", "second"]);
}

#[test]
fn a_record_is_read_up_to_where_a_kill_tore_it() {
    let bed = pushed();
    let whole = bed.read(RECORD);
    bed.write(RECORD, &whole[..whole.len() - 20]);
    undo(&bed).exits(0);
    assert_eq!(descriptions(&bed), ["one", "two"]);
    // An undo that did all before it was killed is finished, and the torn line is gone.
    let whole = bed.read(RECORD).replace("{\"finished\":true}\n", "");
    bed.write(RECORD, &whole[..whole.len() - 20]);
    assert_eq!(undo(&bed).exits(0).stdout, "nothing to undo\n");
    undo(&bed).exits(0);
    assert_eq!(descriptions(&bed), ["first", "second"]);
}

#[test]
fn what_is_no_record_sends_nothing() {
    let bed = pushed();
    let whole = bed.read(RECORD);
    let other = whole.replace(&bed.address(), "other.example");
    for (record, complaint) in [
        (
            other.as_str(),
            "the last push from this directory was one to other.example, and the settings name 127.0.0.1:PORT",
        ),
        ("", "it is empty"),
        ("{}\n", "it has version null"),
        (
            &whole.replace("\"version\":1", "\"version\":7"),
            "line 1: it has version 7, and this tenantry knows version 1",
        ),
        (
            &whole.replace("\"sending\"", "sending"),
            "line 2: is not JSON",
        ),
        (
            &whole.replace("description", "tenant"),
            "line 2: `tenant` is no updatable field",
        ),
    ] {
        bed.write(RECORD, record);
        undo(&bed).exits(2).complains(complaint);
        bed.assert_only_gets();
    }
    fs::remove_file(bed.path(RECORD)).unwrap();
    undo(&bed).exits(2).complains("there is nothing to undo");
    bed.assert_only_gets();
}

#[test]
#[cfg(unix)]
fn nothing_is_read_or_written_through_a_link() {
    use std::os::unix::fs::symlink;
    let bed = pushed();
    let whole = bed.read(RECORD);
    fs::remove_file(bed.path(RECORD)).unwrap();
    bed.write("elsewhere", &whole);
    symlink(bed.path("elsewhere"), bed.path(RECORD)).unwrap();
    undo(&bed).exits(2).complains("it is a link");
    bed.edit(ALPHA, "first", "third");
    push(&bed).exits(2).complains("it is a link");
    bed.assert_only_gets();
    assert_eq!(bed.read("elsewhere"), whole);
    fs::remove_dir_all(bed.path("tenant/.tenantry")).unwrap();
    fs::create_dir(bed.path("own")).unwrap();
    bed.write("own/last-push.jsonl", &whole);
    symlink(bed.path("own"), bed.path("tenant/.tenantry")).unwrap();
    undo(&bed).exits(2).complains("it is a link");
    push(&bed).exits(2).complains("it is a link");
    bed.assert_only_gets();
    assert_eq!(bed.read("own/last-push.jsonl"), whole);
}

/// What `push -o json` printed, in a file, with the port that it has.
fn save(bed: &Bed, run: &Run) {
    let document = run.stdout.replace("127.0.0.1:PORT", &bed.address());
    bed.write("push.json", &document);
}

#[test]
fn a_document_of_a_push_is_undone() {
    let bed = edited();
    save(&bed, &bed.run(["push", "--yes", "-o", "json"]).exits(0));
    // A pipeline has no record.
    fs::remove_dir_all(bed.path("tenant/.tenantry")).unwrap();
    let of = ["undo", "--yes", "--of", "push.json"];
    let report = bed.run(of.into_iter().chain(["-o", "json"])).exits(0);
    assert_eq!(
        report.json()["results"][0]["fields"],
        json!([{"field": "description", "before": "first", "after": "one"}])
    );
    assert_eq!(descriptions(&bed), ["one", "two"]);
    bed.run(["diff"]).exits(0);
    assert_eq!(bed.run(of).exits(0).stdout, "nothing to undo\n");
    // What an undo prints can be undone as well.
    save(&bed, &report);
    bed.run(of).exits(0);
    assert_eq!(descriptions(&bed), ["first", "second"]);
    bed.run(["diff"]).exits(0);
}

#[test]
fn nothing_else_passes_for_the_document_of_a_push() {
    let bed = edited();
    let plan = bed.run(["diff", "-o", "json"]).exits(1);
    let pushed = bed.run(["push", "--yes", "-o", "json"]).exits(0);
    let list = bed.run(["list", "-o", "json"]).exits(0);
    let document = pushed.stdout.replace("127.0.0.1:PORT", &bed.address());
    for (text, complaint) in [
        (plan.stdout.as_str(), "the document of a push has no `base`"),
        (&list.stdout, "the document of a push has no `resources`"),
        (
            &document.replace(&bed.address(), "other.example"),
            "push.json is of a push to other.example",
        ),
        (
            &document.replace("\"version\": 2", "\"version\": 3"),
            "the document of a push has `version` 2",
        ),
        (
            &document.replace("\"updated\"", "\"pushed\""),
            "`pushed` is no status",
        ),
        (
            &document
                .replace("\"before\"", "\"from\"")
                .replace("description", "tenant"),
            "`tenant` is no updatable field",
        ),
        ("{", "is not JSON"),
        (
            &document.replace("\"id\": \"b\"", "\"id\": \"a\""),
            "the client a is there twice",
        ),
        (
            &document.replace(
                "\"id\": \"b\"",
                &format!("\"id\": \"{}\"", "b".repeat(2000)),
            ),
            "no client_id is longer than 1024 bytes",
        ),
    ] {
        bed.write("push.json", text);
        bed.sandbox.clear_requests();
        bed.run(["undo", "--yes", "--of", "push.json"])
            .exits(2)
            .complains(complaint);
        bed.assert_only_gets();
    }
}

#[test]
fn a_made_resource_is_not_deleted() {
    let bed = edited();
    save(&bed, &bed.run(["push", "--yes", "-o", "json"]).exits(0));
    let document =
        bed.read("push.json")
            .replacen("\"status\": \"updated\"", "\"status\": \"created\"", 1);
    bed.write("push.json", &document);
    bed.sandbox.clear_requests();
    bed.run(["undo", "--yes", "--of", "push.json"]).exits(1);
    assert_eq!(descriptions(&bed), ["first", "two"]);
    assert!(
        bed.requests()
            .iter()
            .all(|request| !request.starts_with("DELETE"))
    );
}

#[test]
fn a_push_from_git_is_undone_and_the_lock_left_alone() {
    let bed = Bed::new()
        .client("a", "Alpha", json!({"description": "one"}))
        .pulled();
    bed.git(&["init", "-q"]);
    bed.git(&["add", "tenant"]);
    bed.git(&["commit", "-qm", "pulled"]);
    bed.edit(ALPHA, "one", "first");
    let lock = bed.read("tenant/tenant.lock");
    bed.run(["push", "--yes", "--base", "HEAD"]).exits(0);
    assert_eq!(bed.read("tenant/tenant.lock"), lock);
    undo(&bed).exits(0);
    assert_eq!(bed.live("a")["description"], "one");
    assert_eq!(bed.read("tenant/tenant.lock"), lock);
    assert_eq!(bed.git(&["status", "--porcelain", "tenant"]), "");
    undo(&bed).exits(0);
    assert_eq!(bed.live("a")["description"], "first");
    assert_eq!(bed.read("tenant/tenant.lock"), lock);
}

#[test]
fn a_field_that_is_not_managed_any_more_is_held_back() {
    let bed = managing(
        "[app_type]",
        json!({"app_type": "spa"}),
        "app_type: spa",
        "app_type: native",
    );
    push(&bed).exits(0);
    bed.write("tenant/tenantry.yaml", "manage: {}\n");
    bed.sandbox.clear_requests();
    let run = undo(&bed).exits(1);
    assert!(
        run.stdout.contains("app_type: push does not send it"),
        "{run}"
    );
    bed.assert_only_gets();
    // Of keys, it is their field that can be managed.
    let client = json!({"client_metadata": {"a": "1", "b": "1"}});
    let bed = managing(
        "[client_metadata]",
        client,
        "  a: \"1\"\n  b: \"1\"",
        "  a: \"2\"\n  b: \"2\"",
    );
    push(&bed).exits(0);
    bed.write("tenant/tenantry.yaml", "manage: {}\n");
    let run = undo(&bed).exits(1);
    let hint = "client_metadata.a, client_metadata.b: push does not send it; `manage: {clients: [client_metadata]}`";
    assert!(run.stdout.contains(hint), "{run}");
}

#[test]
fn a_broken_file_of_another_client_is_in_nobody_s_way() {
    let bed = Bed::new().three().pulled();
    bed.edit(ALPHA, "first", "first!");
    push(&bed).exits(0);
    bed.write(BETA, "client_id: [");
    undo(&bed).exits(0);
    assert_eq!(bed.live("a")["description"], "first");
}

#[test]
#[cfg(unix)]
fn somebody_is_asked() {
    let bed = pushed();
    let question = format!(
        "Undo 2 fields of 2 clients on {}? It takes 2 requests.",
        bed.address()
    );
    let mut undo = bed.at_terminal(["undo"]);
    undo.answer(&question, "no");
    let (screen, code) = undo.ends();
    assert!(screen.contains("nothing was sent"), "{screen}");
    assert_eq!((code, bed.count("PATCH")), (1, 0));
    let mut undo = bed.at_terminal(["undo"]);
    undo.answer(&question, "yes");
    assert_eq!((undo.ends().1, bed.count("PATCH")), (0, 2));
    bed.run(["undo"])
        .exits(2)
        .complains("there is no terminal to ask on whether to undo 2 fields of 2 clients on");
    bed.write("tenant/tenantry.yaml", "protected: true\n");
    let refused = bed.run(["undo", "--yes"]).exits(2);
    assert!(
        refused
            .stderr
            .contains("is protected, and --yes alone does not undo a push to it"),
        "{refused}"
    );
}

#[test]
fn a_run_says_what_it_costs() {
    let bed = Bed::new()
        .plain_clients(12)
        .sandbox(|sandbox| sandbox.rate(4.0, 10))
        .start();
    bed.run(["pull"]).exits(0);
    for number in 0..12 {
        let path = format!("tenant/clients/client-{number:04}.yaml");
        bed.edit(
            &path,
            &format!("Client {number:04}"),
            &format!("New {number:04}"),
        );
    }
    let run = push(&bed).exits(0);
    assert!(run.stderr.contains("12 requests, about "), "{run}");
    assert!(run.stderr.contains(" a second"), "{run}");
    let run = bed.run(["undo", "--yes", "--max-rate", "6"]).exits(0);
    assert!(run.stderr.contains("12 requests, about "), "{run}");
}

#[test]
fn an_undo_keeps_to_a_rate() {
    let bed = pushed();
    let started = std::time::Instant::now();
    bed.run(["undo", "--yes", "--max-rate", "4"]).exits(0);
    let requests = u32::try_from(bed.api_requests().len()).unwrap();
    assert!(started.elapsed() >= Duration::from_millis(250) * (requests - 1));
}

/// A roll-back that is done again finds that it is done, also where there was nothing before.
#[test]
fn an_undo_of_a_document_may_be_repeated() {
    let bed = Bed::new().client("a", "Alpha", json!({})).pulled();
    bed.write(
        "tenant/clients/alpha.yaml",
        "client_id: a\nname: Alpha\ndescription: new\n",
    );
    let push = bed.run(["push", "--yes", "-o", "json"]).exits(0);
    bed.write(
        "push.json",
        &push.stdout.replace("127.0.0.1:PORT", &bed.address()),
    );
    for sent in [1, 1] {
        bed.run(["undo", "--of", "push.json", "--yes"]).exits(0);
        assert_eq!(bed.count("PATCH /api/v2/clients/a"), 1 + sent);
    }
    assert_eq!(bed.live("a")["description"], "");
}
