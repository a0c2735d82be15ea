//! What a shell has of the binary besides its commands: the version, and what is logged.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::process::Command;

use common::{Bed, Run};
use serde_json::json;

#[test]
fn the_version_says_which_commit() {
    let bed = Bed::new().start();
    let version = bed.run(["--version"]).exits(0).stdout;
    assert_eq!(version, bed.run(["-V"]).exits(0).stdout);
    let number = concat!("tenantry ", env!("CARGO_PKG_VERSION"));
    let commit = Command::new("git")
        .args(["log", "-1", "--abbrev=9", "--date=short", "--format=%h %cd"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    // A checkout, or the sources alone.
    let in_git = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(".git")
        .exists();
    match commit {
        Ok(commit) if in_git && commit.status.success() => {
            let commit = String::from_utf8(commit.stdout).unwrap();
            assert_eq!(version, format!("{number} ({})\n", commit.trim()));
        }
        _ => assert_eq!(version, format!("{number}\n")),
    }
}

/// Runs the binary with that `TENANTRY_LOG`.
fn logging<'a>(bed: &Bed, log: &str, arguments: impl IntoIterator<Item = &'a str>) -> Run {
    let mut command = bed.command();
    command.env("TENANTRY_LOG", log).args(arguments);
    bed.run_command(command)
}

#[test]
fn what_is_logged_is_said_by_the_variable_unless_quiet_is_asked_for() {
    let bed = Bed::new().client("a", "Alpha", json!({})).start();
    let list = ["list", "--no-token-cache"];
    let kinds = |run: Run| {
        let stderr = run.exits(0).stderr;
        let kinds = [
            " from AUTH0_",
            "POST /oauth/token 200",
            "GET /api/v2/clients?",
        ];
        kinds.map(|kind| stderr.contains(kind))
    };
    assert_eq!(kinds(logging(&bed, "", list)), [false; 3]);
    assert_eq!(kinds(logging(&bed, "warn", list)), [false; 3]);
    assert_eq!(kinds(logging(&bed, "info", list)), [true; 3]);
    assert_eq!(kinds(logging(&bed, "TRACE", list)), [true; 3]);
    assert_eq!(
        kinds(logging(&bed, "tenantry::api=info", list)),
        [false, true, true]
    );
    assert_eq!(
        kinds(logging(&bed, "info, tenantry::api = off", list)),
        [true, false, false]
    );
    let verbose = ["list", "--no-token-cache", "-v"];
    assert_eq!(kinds(logging(&bed, "", verbose)), [true; 3]);
    assert_eq!(kinds(logging(&bed, "off", verbose)), [false; 3]);
    assert_eq!(
        kinds(logging(&bed, "tenantry::commands=warn", verbose)),
        [false, true, true]
    );
    let quiet = logging(&bed, "trace", ["list", "--no-token-cache", "-q"]).exits(0);
    assert_eq!(quiet.stderr, "");
}

/// The libraries below log headers, and some of them whole requests.
#[test]
fn whatever_is_asked_for_no_library_is_logged() {
    let bed = Bed::new().client("a", "Alpha", json!({})).start();
    let token = bed.run(["token"]).exits(0).stdout;
    let secret = bed.sandbox.client_secret().to_owned();
    for log in [
        "trace",
        "hyper=trace",
        "trace,hyper=trace,hyper_util=trace,reqwest=trace,rustls=trace,mio=trace",
    ] {
        for arguments in [&["list"][..], &["list", "--no-token-cache", "-v"]] {
            let run = logging(&bed, log, arguments.iter().copied()).exits(0);
            for line in run.stderr.lines() {
                let ours = [
                    "domain ",
                    "client id ",
                    "client secret from ",
                    "POST /",
                    "GET /",
                ];
                assert!(
                    ours.iter().any(|start| line.starts_with(start)),
                    "{log}: {line}"
                );
            }
            let shown = format!("{}{}", run.stdout, run.stderr);
            assert!(
                !shown.contains(token.trim()) && !shown.contains(&secret),
                "{log}: {run}"
            );
        }
    }
    assert_eq!(logging(&bed, "hyper=trace", ["list"]).exits(0).stderr, "");
}

#[test]
fn a_filter_that_is_none_is_an_error() {
    let bed = Bed::new().start();
    insta::assert_snapshot!(logging(&bed, "inof", ["list"]).exits(2), @"
    exit code 2
    --- stderr
    error: TENANTRY_LOG: `inof` is neither a level nor target=level
    hint: it takes a level (off, error, warn, info, debug or trace), or a list such as warn,tenantry::api=info
    ");
    for log in [
        ",",
        "info,",
        "tenantry::api=",
        "tenantry::api",
        "info=tenantry",
        "info/GET",
        " ",
    ] {
        let run = logging(&bed, log, ["list"]).exits(2);
        assert_eq!(run.stdout, "");
        run.complains("error: TENANTRY_LOG: `");
    }
    let error = logging(&bed, "verbose", ["list", "-o", "json"])
        .exits(2)
        .json();
    assert!(
        error["error"]["message"]
            .as_str()
            .unwrap()
            .starts_with("TENANTRY_LOG")
    );
    assert_eq!(bed.requests(), [""; 0]);
}
