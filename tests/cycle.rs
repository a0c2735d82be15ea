//! The losslessness of pull, edit and push over random tenants: every value arrives in a file exactly, stays as it is, and
//! goes back only where somebody edited it. Each test drives the commands against a sandbox over a real socket.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
#[path = "cycle/tenants.rs"]
mod tenants;

use std::collections::BTreeMap;
use std::path::Path;

use common::client_file::{edit_file, exact_yaml, libyaml_agrees, read};
use common::in_process::{Tenantry, apart, cases, property};
use common::{Bed, Fields, UPDATABLE, text, tree};
use proptest::prelude::*;
use serde_json::{Value, json};

use tenants::{Edit, SECRET, edits, hundreds, tenant};

const GLOBAL: &str = "GlobalGlobalGlobalGlobalGlobal00";

fn start(clients: &[Value], shuffle: u64) -> Bed {
    let clients = clients.to_vec();
    Bed::new()
        .sandbox(|sandbox| sandbox.clients(clients).shuffle(shuffle))
        .client(GLOBAL, "All Applications", json!({"global": true}))
        .start()
}

/// Each client's file, by id: its path and its text.
fn client_files(directory: &Path) -> BTreeMap<String, (String, String)> {
    let mut found = BTreeMap::new();
    for (path, (content, _)) in tree(directory) {
        if path == "tenant.lock" {
            continue;
        }
        let content = String::from_utf8(content).unwrap();
        let id = text(&read(&path, &content)["client_id"]);
        assert!(
            found.insert(id.clone(), (path, content)).is_none(),
            "{id} has two files"
        );
    }
    found
}

/// The contract's slug.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in deunicode::deunicode_with_tofu(text, "-").chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug: String = slug.trim_start_matches('-').chars().take(80).collect();
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "client" } else { slug }.to_owned()
}

fn is_device(stem: &str) -> bool {
    matches!(stem, "con" | "prn" | "aux" | "nul")
        || (stem.len() == 4
            && (stem.starts_with("com") || stem.starts_with("lpt"))
            && stem.ends_with(|c: char| c.is_ascii_digit() && c != '0'))
}

/// That the files have names as the contract has them.
fn check_names(
    files: &BTreeMap<String, (String, String)>,
    clients: &BTreeMap<String, Fields>,
    extension: &str,
) {
    let name = |id: &String| clients[id].get("name").and_then(Value::as_str);
    let slugs: BTreeMap<&String, String> = clients
        .keys()
        .map(|id| (id, slug(name(id).unwrap_or(id))))
        .collect();
    let mut seen = std::collections::BTreeSet::new();
    for (id, (path, _)) in files {
        let stem = path
            .strip_prefix("clients/")
            .and_then(|path| path.strip_suffix(extension))
            .unwrap_or_else(|| panic!("{path} is in the wrong place"));
        assert!(seen.insert(stem), "{stem} is there twice");
        assert!(
            stem.split('-')
                .all(|part| !part.is_empty()
                    && part.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9'))),
            "{stem} is no slug"
        );
        assert!(!is_device(stem), "{stem} is a device");
        let own = &slugs[id];
        let sharing = slugs.values().filter(|slug| *slug == own).count();
        if sharing == 1 && !is_device(own) {
            let alone = stem == own || stem.starts_with(&format!("{own}-"));
            assert!(alone, "{stem} for {own}");
        } else {
            let short: String = id.chars().take(8).collect();
            let short = format!("{own}-{}", slug(&short));
            assert!(stem.starts_with(&short), "{stem} for {short}");
        }
    }
}

/// That a fresh file has the fields, exactly and in order.
fn check_content(path: &str, content: &str, expected: &Fields) {
    let fields = read(path, content);
    let key = |field: &String| {
        let leading = ["client_id"].iter().chain(&UPDATABLE);
        let rank = leading.take_while(|name| *name != field).count();
        (rank, field.clone())
    };
    let mut order: Vec<&String> = expected.keys().collect();
    order.sort_by_key(|field| key(field));
    assert_eq!(fields, *expected, "{path}:\n{content}");
    assert_eq!(
        fields.keys().collect::<Vec<_>>(),
        order,
        "{path}:\n{content}"
    );
    assert!(content.ends_with('\n'), "{path} has no end:\n{content}");
    if path.ends_with(".yaml") {
        assert_ne!(
            libyaml_agrees(content, expected),
            Some(false),
            "libyaml reads {path} in another way:\n{content}"
        );
        let comments = content.lines().filter(|line| line.starts_with('#')).count();
        let read_only = key(order[order.len() - 1]).0 > UPDATABLE.len();
        assert_eq!(comments, usize::from(read_only), "{path}:\n{content}");
    }
}

fn check_no_secret(directory: &Path) {
    for (path, (content, _)) in tree(directory) {
        let content = String::from_utf8_lossy(&content);
        for secret in [SECRET, "sandbox-secret-"] {
            assert!(!content.contains(secret), "a secret in {path}:\n{content}");
        }
    }
}

/// Everything that holds of a fresh pull in one format.
fn check_pull(tenantry: &Tenantry, clients: &[Value], format: &str, shuffle: u64) {
    let bed = start(clients, shuffle);
    let (folder, directory) = (bed.path(""), bed.path("tenant"));
    let pull = ["pull", "--format", format];
    let run = |command: &[&str]| tenantry.run(&bed, &directory, command).exits(0);
    run(&pull);

    let expected = bed.clients();
    let files = client_files(&directory);
    assert_eq!(
        files.keys().collect::<Vec<_>>(),
        expected.keys().collect::<Vec<_>>(),
        "one file a client"
    );
    check_names(&files, &expected, &format!(".{format}"));
    for (id, (path, content)) in &files {
        check_content(path, content, &expected[id]);
    }
    check_no_secret(&directory);
    let outside = tree(&folder);
    let inside = outside
        .keys()
        .all(|path| path == "tenant/tenant.lock" || path.starts_with("tenant/clients/"));
    assert!(inside, "outside of clients/: {:?}", outside.keys());

    assert_eq!(run(&["diff", "-o", "json"]).json()["resources"], json!([]));
    for again in [
        &pull[..],
        &["pull", "--discard-local", "--prune"],
        &["push", "--yes"],
    ] {
        run(again);
        assert_eq!(tree(&folder), outside, "{again:?} wrote something");
    }
    bed.assert_only_gets();

    let other = start(clients, shuffle.wrapping_add(1));
    let elsewhere = other.path("tenant");
    tenantry.run(&other, &elsewhere, &pull).exits(0);
    assert_eq!(
        client_files(&elsewhere),
        files,
        "another order of the list makes other files"
    );
}

/// Pulls, edits files as people do, and pushes: exactly the edits arrive.
fn check_push(tenantry: &Tenantry, clients: &[Value], edits: &[Edit], format: &str) {
    let bed = start(clients, 0);
    let directory = bed.path("tenant");
    let run = |command: &[&str]| tenantry.run(&bed, &directory, command);
    run(&["pull", "--format", format]).exits(0);
    let before = bed.clients();
    let mut expected = before.clone();
    let files = client_files(&directory);
    let mut bodies: BTreeMap<String, Fields> = BTreeMap::new();
    for edit in edits {
        let Some((id, (path, _))) = edit.of(&files) else {
            continue;
        };
        edit_file(
            &directory.join(path),
            edit.field,
            Some(&edit.value),
            edit.style,
        );
        expected
            .get_mut(id)
            .unwrap()
            .insert(edit.field.to_owned(), edit.value.clone());
    }
    for (id, fields) in &expected {
        for field in UPDATABLE {
            let (now, then) = (fields.get(field), before[id].get(field));
            if let Some(value) = now.filter(|_| now != then) {
                let body = bodies.entry(id.clone()).or_default();
                body.insert(field.to_owned(), value.clone());
            }
        }
    }
    let edited = tree(&directory);
    bed.sandbox.clear_requests();
    let plan = run(&["diff", "-o", "json"]).exits(i32::from(!bodies.is_empty()));
    let plan = plan.json();
    let fields = bodies.values().map(Fields::len).sum::<usize>();
    assert_eq!(plan["summary"]["edit"], json!(fields), "{plan:#}");
    assert_eq!(
        plan["resources"].as_array().unwrap().len(),
        bodies.len(),
        "{plan:#}"
    );
    bed.assert_only_gets();
    assert_eq!(tree(&directory), edited, "diff wrote something");

    let report = run(&["push", "--yes", "-o", "json"]).exits(0).json();
    let mut sent = BTreeMap::new();
    for (id, body) in bed.patches() {
        let twice = sent.insert(id.clone(), body.as_object().unwrap().clone());
        assert_eq!(twice, None, "{id} was sent twice");
    }
    assert_eq!(sent, bodies);
    assert_eq!(bed.clients(), expected);
    assert_eq!(report["summary"]["updated"], json!(bodies.len()));
    check_no_secret(&directory);

    let files = tree(&directory);
    for (command, requests) in [(&["push", "--yes"][..], 0), (&["diff"], 1), (&["pull"], 1)] {
        bed.sandbox.clear_requests();
        run(command).exits(0);
        let sent = bed.api_requests().len();
        assert!(sent <= requests, "{command:?} sent {sent} requests");
        assert_eq!(tree(&directory), files, "{command:?} wrote something");
    }
}

#[test]
fn a_pull_is_lossless() {
    apart("a_pull_is_lossless", |tenantry| {
        property(
            cases(40),
            &(tenant(0..=30), any::<u64>()),
            |(clients, shuffle)| {
                for format in ["yaml", "json"] {
                    check_pull(tenantry, &clients, format, shuffle);
                }
            },
        );
    });
}

#[test]
#[ignore = "thousands of tenants: minutes"]
fn a_pull_of_thousands_of_tenants_is_lossless() {
    apart("a_pull_of_thousands_of_tenants_is_lossless", |tenantry| {
        property(
            cases(3_000),
            &(tenant(0..=30), any::<u64>()),
            |(clients, shuffle)| {
                let format = if shuffle % 2 == 0 { "yaml" } else { "json" };
                check_pull(tenantry, &clients, format, shuffle);
            },
        );
    });
}

#[test]
fn a_push_sends_the_edits_and_nothing_else() {
    apart("a_push_sends_the_edits_and_nothing_else", |tenantry| {
        property(cases(60), &(tenant(1..=8), edits()), |(clients, edits)| {
            for format in ["yaml", "json"] {
                check_push(tenantry, &clients, &edits, format);
            }
        });
    });
}

#[test]
#[ignore = "thousands of tenants: minutes"]
fn a_push_of_thousands_of_tenants_sends_the_edits_and_nothing_else() {
    let name = "a_push_of_thousands_of_tenants_sends_the_edits_and_nothing_else";
    apart(name, |tenantry| {
        property(
            cases(3_000),
            &(tenant(1..=8), edits(), any::<bool>()),
            |(clients, edits, yaml)| {
                check_push(
                    tenantry,
                    &clients,
                    &edits,
                    if yaml { "yaml" } else { "json" },
                );
            },
        );
    });
}

#[test]
fn hundreds_of_hostile_clients_fit_into_one_folder() {
    apart(
        "hundreds_of_hostile_clients_fit_into_one_folder",
        |tenantry| {
            let clients = hundreds();
            assert!(clients.len() > 300);
            for format in ["yaml", "json"] {
                check_pull(tenantry, &clients, format, 7);
            }
        },
    );
}

#[test]
fn the_reader_of_these_tests_is_exact() {
    let text = "a: 123456789012345678901234567890\nb: '0123'\nc: [1.10, no way, ~, \"\\u0000\"]\nd: |\n  x\n   y\n";
    let exact = exact_yaml(text).unwrap();
    let expected = r#"{"a":123456789012345678901234567890,"b":"0123","c":[1.10,"no way",null,"\u0000"],"d":"x\n y\n"}"#;
    assert_eq!(exact.to_string(), expected);
    let fields = |text: &str| read("a.json", text);
    let few = r#"{"a": 1.5, "b": ["x"], "c": "no"}"#;
    assert_eq!(
        libyaml_agrees("{a: 1.5, b: [x], c: 'no'}", &fields(few)),
        Some(true)
    );
    for other in [
        "{a: 1.5, b: [x]}",
        "{a: 1.5, b: [x], c: false}",
        "{a: 1.6, b: [x], c: 'no'}",
    ] {
        assert_eq!(libyaml_agrees(other, &fields(few)), Some(false), "{other}");
    }
    for unclear in [
        "no",
        "0123",
        "2026-11-21",
        "1_000",
        "12:30:45",
        ".inf",
        "0x1F",
        "Yes",
    ] {
        assert!(exact_yaml(&format!("a: {unclear}\n")).is_err(), "{unclear}");
    }
}
