//! Access tokens: how one is asked for, kept between runs and dropped.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{Bed, Setup, Stub};
use serde_json::{Value, json};

fn one() -> Setup {
    Bed::new().client("a", "Alpha", json!({}))
}

/// The cached tokens: file name and content.
fn cached(bed: &Bed) -> Vec<(String, Value)> {
    let files = bed.files("cache/tenantry/tokens").into_iter();
    files
        .map(|(name, text)| (name, serde_json::from_str(&text).unwrap()))
        .collect()
}

#[test]
fn a_token_is_asked_for_with_a_form() {
    let bed = one().start();
    bed.run(["list"]).exits(0);
    let request = &bed.sandbox.requests()[0];
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("POST", "/oauth/token")
    );
    // The journal shows a form as an object of strings, and a body that is neither a form nor JSON as a string.
    assert_eq!(
        request.body,
        Some(json!({
            "grant_type": "client_credentials", "audience": format!("{}/api/v2/", bed.sandbox.url()),
            "client_id": bed.sandbox.client_id(), "client_secret": bed.sandbox.client_secret()
        }))
    );
}

#[test]
fn a_second_run_uses_the_token_of_the_first() {
    let bed = one().start();
    for _ in 0..3 {
        bed.run(["list"]).exits(0);
    }
    bed.run(["pull"]).exits(0);
    assert_eq!(bed.count("POST /oauth/token"), 1);
    assert_eq!(cached(&bed).len(), 1);
}

#[cfg(unix)]
#[test]
fn nobody_else_can_read_the_cache() {
    use std::os::unix::fs::PermissionsExt;
    let bed = one().start();
    bed.run(["list"]).exits(0);
    let mode = |path: &str| fs::metadata(bed.path(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&cached(&bed)[0].0), 0o600);
    assert_eq!(mode("cache/tenantry/tokens"), 0o700);
}

#[test]
fn the_cache_can_be_done_without() {
    let bed = one().start();
    bed.run(["list", "--no-token-cache"]).exits(0);
    bed.run(["list", "--no-token-cache"]).exits(0);
    assert_eq!(bed.count("POST /oauth/token"), 2);
    assert!(!bed.path("cache").exists());
    // A token that is there already is not looked at either.
    bed.run(["list"]).exits(0);
    bed.run(["list", "--no-token-cache"]).exits(0);
    assert_eq!(bed.count("POST /oauth/token"), 4);
}

#[test]
fn a_cache_that_can_t_be_written_costs_a_request_and_not_the_run() {
    let bed = one().start();
    bed.write("cache", "this is a file");
    bed.run(["list"]).exits(0);
    bed.run(["list"]).exits(0);
    assert_eq!(bed.count("POST /oauth/token"), 2);
}

#[test]
fn a_broken_cache_is_as_good_as_none() {
    let bed = one().start();
    bed.run(["list"]).exits(0);
    let (name, _) = cached(&bed).remove(0);
    for text in ["", "{", "[]", "{\"access_token\": 1}"] {
        bed.write(&name, text);
        bed.run(["list"]).exits(0);
    }
    assert_eq!(bed.count("POST /oauth/token"), 5);
}

#[test]
fn the_token_is_printed() {
    let bed = one().start();
    let run = bed.run(["token"]).exits(0);
    assert_eq!(run.stderr, "");
    let token = run.stdout.strip_suffix('\n').unwrap();
    assert!(
        !token.is_empty()
            && token
                .chars()
                .all(|character| character.is_ascii_alphanumeric()),
        "{token:?}"
    );
    assert_eq!(cached(&bed)[0].1["access_token"], token);
    assert_eq!(bed.run(["token"]).exits(0).stdout, run.stdout);
    assert_eq!(bed.requests(), ["POST /oauth/token"]);
    assert!(
        !bed.path("tenant").exists(),
        "it has nothing to do with files"
    );
}

#[test]
fn a_token_that_is_about_to_expire_is_not_used() {
    let bed = one().start();
    bed.run(["list"]).exits(0);
    let (name, mut entry) = cached(&bed).remove(0);
    let now = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .unwrap()
        .as_secs();
    // A day, less the minute in which it might expire during a request.
    assert!(entry["expires"].as_u64().unwrap() <= now + 86_400 - 60);
    for expires in [1, now] {
        entry["expires"] = expires.into();
        entry["access_token"] = "expired".into();
        bed.write(&name, &entry.to_string());
        bed.sandbox.clear_requests();
        bed.run(["list"]).exits(0);
        assert_eq!(bed.statuses(), [200, 200], "a new token first, and no 401");
        assert_ne!(cached(&bed)[0].1["access_token"], "expired");
    }
}

#[test]
fn a_cached_token_that_is_refused_is_replaced() {
    let bed = one().start();
    bed.run(["list"]).exits(0);
    bed.sandbox.revoke_tokens();
    bed.sandbox.clear_requests();
    bed.run(["list"]).exits(0);
    assert_eq!(bed.statuses(), [401, 200, 200]);
    bed.sandbox.clear_requests();
    bed.run(["list"]).exits(0);
    assert_eq!(bed.requests().len(), 1, "the new one is cached");
}

#[test]
fn a_token_is_for_one_domain_application_audience_and_scope() {
    let bed = one().start();
    let run = |variables: &[(&str, &str)]| {
        let mut command = bed.command();
        command.envs(variables.iter().copied()).arg("list");
        bed.run_command(command).exits(0);
    };
    run(&[]);
    run(&[("AUTH0_SCOPE", "read:clients")]);
    run(&[("AUTH0_AUDIENCE", "https://acme.eu.auth0.com/api/v2/")]);
    assert_eq!((bed.count("POST /oauth/token"), cached(&bed).len()), (3, 3));

    // Another domain, in the same folder with the same cache, for the same audience.
    let bed = bed.moved_to(one());
    bed.run_with(
        [("AUTH0_AUDIENCE", "https://acme.eu.auth0.com/api/v2/")],
        ["list"],
    )
    .exits(0);
    assert_eq!((bed.count("POST /oauth/token"), cached(&bed).len()), (1, 4));
    assert_eq!(
        bed.requests().len(),
        2,
        "no token was tried that is another domain's"
    );

    let other = one().sandbox(|sandbox| sandbox.credentials("another", "another-secret"));
    let bed = bed.moved_to(other);
    bed.run(["list"]).exits(0);
    let entries = cached(&bed);
    assert_eq!(entries.len(), 5);
    let keys: std::collections::BTreeSet<_> = entries
        .iter()
        .map(|(_, entry)| entry["key"].to_string())
        .collect();
    assert_eq!(keys.len(), 5);
}

#[test]
fn a_short_life_is_used_all_the_same() {
    let bed = Bed::new()
        .plain_clients(250)
        .sandbox(|sandbox| sandbox.token_lifetime(300))
        .start();
    bed.run(["pull"]).exits(0);
    bed.run(["pull"]).exits(0);
    assert_eq!(bed.count("POST /oauth/token"), 1);
}

#[test]
fn the_sandbox_s_own_tokens_are_not_kept() {
    let bed = Bed::new().start();
    let mut command = bed.command_without_settings();
    command.args(["list", "--tenant", "sandbox"]);
    bed.run_command(command).exits(0);
    assert!(!bed.path("cache").exists());
}

/// The settings of a tenant that a stub stands for.
fn at(stub: &Stub, bed: &Bed) -> assert_cmd::Command {
    let mut command = bed.command_without_settings();
    command.envs(stub.settings());
    command
}

#[test]
fn what_is_no_header_is_no_token_and_is_not_kept() {
    let bed = Bed::new().start();
    for token in [
        "",
        "one\ntwo",
        "one\r\nX-Header: two",
        "tökén",
        "a b",
        "\u{7f}",
    ] {
        let stub = Stub::start(move |_, _| json!({"access_token": token, "expires_in": 86_400}));
        for command in ["token", "list"] {
            let mut command_line = at(&stub, &bed);
            command_line.arg(command);
            let run = bed.run_command(command_line).exits(2);
            assert_eq!(
                run.stderr.lines().next(),
                Some(
                    "error: POST /oauth/token: the answer makes no sense: its `access_token` is empty, or has characters that \
                     no token has"
                ),
                "{token:?}"
            );
        }
        assert!(!bed.path("cache").exists(), "{token:?}");
    }
}

#[test]
fn a_token_in_the_cache_that_is_none_is_replaced() {
    let bed = one().start();
    bed.run(["list"]).exits(0);
    let (name, mut entry) = cached(&bed).remove(0);
    for token in ["", "one\ntwo", "tökén"] {
        entry["access_token"] = token.into();
        bed.write(&name, &entry.to_string());
        bed.run(["list"]).exits(0);
        assert_ne!(cached(&bed)[0].1["access_token"], token);
    }
}

#[test]
fn a_token_without_a_lifetime_is_asked_for_once_in_a_run() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let client = |id: &str| json!({"client_id": id, "name": id});
    let stub = Stub::start(move |method, path| match (method, path) {
        (_, "/oauth/token") => {
            count.fetch_add(1, Ordering::SeqCst);
            json!({"access_token": "a-token", "expires_in": 0})
        }
        ("PATCH", path) => client(path.rsplit('/').next().unwrap()),
        _ => json!({"total": 3, "clients": [client("a"), client("b"), client("c")]}),
    });
    let bed = Bed::new().start();
    let run = |arguments: &[&str]| {
        let mut command = at(&stub, &bed);
        command.args(arguments);
        bed.run_command(command)
    };
    run(&["pull"]).exits(0);
    assert_eq!(asked.swap(0, Ordering::SeqCst), 1);
    for id in ["a", "b", "c"] {
        bed.edit(
            &format!("tenant/clients/{id}.yaml"),
            &format!("name: {id}"),
            "name: edited",
        );
    }
    run(&["push", "--yes"]);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert!(!bed.path("cache").exists());
}

#[test]
fn a_scope_that_was_granted_since_is_had_with_a_new_token() {
    let bed = one()
        .sandbox(|sandbox| sandbox.scopes(&["read:clients"]))
        .pulled();
    bed.edit("tenant/clients/alpha.yaml", "Alpha", "Beta");
    // The token of the run before lacks the scope, and so does the new one: no third is asked for.
    let run = bed.run(["push", "--yes"]).exits(2);
    assert!(run.stderr.contains("insufficient_scope"), "{run}");
    assert_eq!(bed.statuses(), [200, 403, 200, 403]);
    bed.sandbox.grant(&["read:clients", "update:clients"]);
    bed.sandbox.clear_requests();
    bed.run(["push", "--yes"]).exits(0);
    assert_eq!(bed.statuses(), [200, 403, 200, 200]);
    assert_eq!(bed.live("a")["name"], "Beta");
}

#[test]
fn a_changed_secret_is_not_served_by_an_old_token() {
    let bed = one().start();
    bed.run(["list"]).exits(0);
    let run = bed
        .run_with(
            [("AUTH0_CLIENT_SECRET", "not-this-application-s")],
            ["list"],
        )
        .exits(2);
    assert!(
        run.stderr.contains("error: POST /oauth/token: 401"),
        "{run}"
    );
    let secret = bed.sandbox.client_secret();
    assert!(!cached(&bed)[0].1.to_string().contains(secret));
}

#[cfg(unix)]
#[test]
fn a_cache_file_that_is_no_file_or_not_the_user_s_alone_is_replaced() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let bed = one().start();
    bed.run(["list"]).exits(0);
    let (name, entry) = cached(&bed).remove(0);
    let path = bed.path(&name);
    let forged = entry.to_string().replace(
        entry["access_token"].as_str().unwrap(),
        "a-token-of-somebody-else-s",
    );
    let prepare: [&dyn Fn(); 5] = [
        &|| {
            bed.write(&name, &forged);
            fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        },
        &|| {
            bed.write(&name, &forged);
            fs::set_permissions(&path, PermissionsExt::from_mode(0o620)).unwrap();
        },
        &|| common::make_pipe(&path),
        &|| symlink("/dev/zero", &path).unwrap(),
        &|| symlink(bed.path("nowhere"), &path).unwrap(),
    ];
    for prepare in prepare {
        fs::remove_file(&path).unwrap();
        prepare();
        bed.sandbox.clear_requests();
        let run = bed.run(["list"]).exits(0);
        assert_eq!(run.stderr, "");
        assert_eq!(bed.statuses(), [200, 200]);
        let metadata = fs::symlink_metadata(&path).unwrap();
        assert!(metadata.is_file());
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        bed.run(["list"]).exits(0);
        assert_eq!(bed.count("POST /oauth/token"), 1, "the new one is kept");
    }
}
