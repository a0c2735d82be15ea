//! Things go wrong between here and the tenant, and on the disk: nothing is lost, half written or sent twice, the report says
//! what happened, and the next run needs no thought.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{Bed, Run, Stub, until};
use serde_json::json;
use tenantry::api::{Fields, Options, Reader};
use tenantry::kinds::clients::KIND;
use tenantry::settings::Connection;
use tenantry::testing::{Fault, FaultRule};

/// Every fault that a request may meet, with how the journal of a failing test is to name it.
fn faults() -> Vec<Fault> {
    vec![
        Fault::StatusBefore(500),
        Fault::StatusBefore(503),
        Fault::StatusAfter(500),
        Fault::StatusAfter(503),
        Fault::TooManyRequests {
            retry_after: Some(0),
        },
        Fault::TooManyRequests { retry_after: None },
        Fault::CloseBefore,
        Fault::CloseAfter,
        Fault::CutBody,
        Fault::InvalidJson,
        Fault::ProxyPage,
        Fault::RevokeTokens,
    ]
}

/// A pulled bed of so many clients, each with an edited name.
fn edited(clients: usize) -> Bed {
    let bed = Bed::new().plain_clients(clients).pulled();
    for number in 0..clients {
        edit(&bed, number);
    }
    bed
}

fn edit(bed: &Bed, number: usize) {
    let file = format!("tenant/clients/client-{number:04}.yaml");
    bed.edit(
        &file,
        &format!("Client {number:04}"),
        &format!("Edited {number:04}"),
    );
}

/// Fails unless every edit is on the tenant, and a further push has nothing to say and asks for nothing.
fn assert_all_arrived(bed: &Bed, clients: usize) {
    for number in 0..clients {
        assert_eq!(
            bed.live(&format!("c{number:04}"))["name"],
            format!("Edited {number:04}")
        );
    }
    bed.sandbox.clear_requests();
    assert_eq!(
        bed.run(["push", "--yes"]).exits(0).stdout,
        "nothing to push\n"
    );
    assert_eq!(bed.requests(), [""; 0]);
}

#[test]
fn a_push_gets_over_any_single_fault_or_the_next_one_does() {
    for fault in faults() {
        let bed = edited(3);
        bed.sandbox
            .fail_next(FaultRule::new(fault.clone()).method("PATCH").nth(2));
        let run = bed.run(["push", "--yes", "-o", "json"]);
        let summary = &run.json()["summary"];
        let told: u64 = ["updated", "failed", "not_attempted"]
            .iter()
            .map(|status| summary[status].as_u64().unwrap())
            .sum();
        assert_eq!(told, 3, "{fault:?}: {run}");
        if run.code == 0 {
            assert_eq!(summary["updated"], 3, "{fault:?}: {run}");
        } else {
            assert_eq!(
                (run.code, &summary["failed"]),
                (2, &json!(1)),
                "{fault:?}: {run}"
            );
            bed.run(["push", "--yes"]).exits(0);
        }
        assert_all_arrived(&bed, 3);
    }
}

#[test]
fn a_pull_gets_over_any_single_fault_or_touches_nothing() {
    let list_faults = [Fault::ShortPage, Fault::RepeatedEntry];
    for fault in faults().into_iter().chain(list_faults) {
        let bed = Bed::new().plain_clients(150).pulled();
        let before = bed.age();
        bed.sandbox
            .fail_next(FaultRule::new(fault.clone()).method("GET").nth(2));
        let run = bed.run(["pull"]);
        assert!(run.code == 0 || run.code == 2, "{fault:?}: {run}");
        assert!(
            run.code == 0 || run.stderr.contains("error: GET /api/v2/clients: "),
            "{fault:?}: {run}"
        );
        bed.assert_untouched(&before);
        bed.run(["pull"]).exits(0);
        bed.assert_untouched(&before);
    }
}

#[test]
fn a_tenth_and_a_third_of_failing_requests_lose_nothing() {
    for percent in [10, 30] {
        let bed = edited(30);
        let (before, after) = (Fault::StatusBefore(503), Fault::StatusAfter(500));
        bed.sandbox.set_faults([
            FaultRule::new(before)
                .any()
                .percent(percent / 2, 1)
                .always(),
            FaultRule::new(after).any().percent(percent / 2, 2).always(),
        ]);
        bed.run(["push", "--yes"]).exits(0);
        bed.run(["pull"]).exits(0);
        bed.sandbox.set_faults([]);
        assert_all_arrived(&bed, 30);
    }
}

#[test]
fn a_tenant_that_only_fails_is_reported_client_by_client() {
    let bed = edited(2);
    bed.sandbox
        .set_faults([FaultRule::new(Fault::StatusBefore(503))
            .method("PATCH")
            .always()]);
    let run = bed.run(["push", "--yes"]).exits(2);
    // How long it waits is chance.
    let told: Vec<&str> = run
        .stderr
        .lines()
        .filter(|line| !line.starts_with("waiting "))
        .collect();
    insta::assert_snapshot!(told.join("\n"), @"
    error: PATCH /api/v2/clients/c0000: 503: Service Unavailable, after 7 attempts (and 1 more)
    hint: the fault is on Auth0's side, or on a proxy's: try again, or see https://status.auth0.com
    hint: `tenantry push` does the rest
    ");
    insta::assert_snapshot!(run.stdout, @r#"
    clients/client-0000.yaml  Client 0000 c0000
      name: "Client 0000" → "Edited 0000"

    clients/client-0001.yaml  Client 0001 c0001
      name: "Client 0001" → "Edited 0001"

    2 edits in 2 clients
    failed         clients/client-0000.yaml: PATCH /api/v2/clients/c0000: 503: Service Unavailable, after 7 attempts
    failed         clients/client-0001.yaml: PATCH /api/v2/clients/c0001: 503: Service Unavailable, after 7 attempts
    0 clients updated, 2 failed
    "#);
    bed.sandbox.set_faults([]);
    bed.run(["push", "--yes"]).exits(0);
    assert_all_arrived(&bed, 2);
}

#[test]
fn an_answer_that_never_comes_is_waited_for_no_longer_than_asked() {
    let bed = edited(1);
    bed.sandbox
        .set_faults([FaultRule::new(Fault::HangAfter).method("PATCH").times(1)]);
    bed.run(["push", "--yes", "--timeout", "1"]).exits(0);
    // The same values twice do no harm, and nobody can know that the first ones arrived.
    assert_eq!(bed.patches().len(), 2);
    assert_all_arrived(&bed, 1);
}

#[test]
fn a_token_that_is_revoked_in_the_middle_is_renewed_once() {
    let bed = edited(20);
    bed.sandbox
        .fail_next(FaultRule::new(Fault::RevokeTokens).method("PATCH").nth(7));
    bed.run(["push", "--yes"]).exits(0);
    assert_eq!(bed.count("POST /oauth/token"), 1, "{:?}", bed.requests());
    assert_all_arrived(&bed, 20);
}

#[test]
fn a_tenant_that_nobody_answers_for_is_named() {
    let bed = Bed::new().pulled();
    let mut command = bed.command();
    // A port that was free a moment ago, and that nothing is given by the system again this soon.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    command
        .env("AUTH0_DOMAIN", format!("http://127.0.0.1:{port}"))
        .args(["list", "--dir", "none"]);
    let run = bed.run_command(command).exits(2);
    assert!(
        run.stderr
            .contains(&format!("can't connect to 127.0.0.1:{port}: ")),
        "{run}"
    );
    assert!(run.stderr.contains("hint: is the domain right"), "{run}");
}

/// Runs the binary where no file can grow beyond so many blocks of half a KiB or one, as on a disk that is full.
#[cfg(unix)]
fn on_a_full_disk(bed: &Bed, blocks: usize, arguments: &str) -> Run {
    let binary = common::BINARY;
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec {binary} {arguments}");
    let mut shell = assert_cmd::Command::from_std(bed.program("sh"));
    shell.args(["-c", &script]).envs(bed.settings());
    bed.run_command(shell)
}

#[cfg(unix)]
#[test]
fn a_full_disk_stops_a_pull_and_leaves_whole_files() {
    let bed = Bed::new().plain_clients(3).start();
    let run = on_a_full_disk(&bed, 0, "pull").exits(2);
    assert!(run.stderr.contains("error: can't write "), "{run}");
    bed.pull();
    let before = bed.age();
    bed.sandbox
        .edit("c0001", "description", Some(json!("drift")));
    let run = on_a_full_disk(&bed, 0, "pull").exits(2);
    assert!(
        run.stderr
            .contains("error: can't write tenant/clients/client-0001.yaml: "),
        "{run}"
    );
    bed.assert_untouched(&before);
    bed.run(["pull"]).exits(0);
    assert!(
        bed.read("tenant/clients/client-0001.yaml")
            .contains("drift")
    );
}

#[cfg(unix)]
#[test]
fn a_push_on_a_full_disk_says_what_it_sent_and_the_next_one_sends_nothing_again() {
    let bed = Bed::new().plain_clients(60).pulled();
    edit(&bed, 0);
    edit(&bed, 1);
    let lock = bed.read("tenant/tenant.lock");
    // Where not even what is about to be sent can be noted, nothing is sent.
    let run = on_a_full_disk(&bed, 0, "push --yes").exits(2);
    assert!(
        run.stderr
            .contains("error: can't write tenant/.tenantry/last-push.jsonl: "),
        "{run}"
    );
    bed.assert_only_gets();
    // The lock is much longer than that.
    let run = on_a_full_disk(&bed, 2, "push --yes").exits(2);
    // The second one is on its way by then, or is kept from going.
    let left = run.stdout.matches("\nnot attempted  ").count();
    assert_eq!(run.stdout.matches("\nupdated  ").count(), 2 - left, "{run}");
    assert!(left < 2, "{run}");
    assert!(
        run.stderr
            .contains("error: can't write tenant/tenant.lock: "),
        "{run}"
    );
    assert_eq!(bed.read("tenant/tenant.lock"), lock);
    bed.sandbox.clear_requests();
    bed.run(["push", "--yes"]).exits(0);
    assert_eq!(bed.count("PATCH"), left);
    assert_all_arrived(&bed, 2);
}

/// The second of three files is too large for what is left of the disk.
#[cfg(unix)]
#[test]
fn a_promotion_that_ends_half_way_says_what_it_wrote_and_can_be_finished() {
    let bed = Bed::new().start();
    let names = ["a", "b", "c"];
    let file = |tenant: &str, name: &str| format!("tenant/{tenant}/clients/{name}.yaml");
    for name in names {
        for (tenant, description) in [("dev", "new"), ("prod", "old")] {
            let mut text = format!("client_id: {tenant}-{name}\ndescription: {description}\n");
            if (tenant, name) == ("prod", "b") {
                text.push_str(&format!("note: {}\n", "x".repeat(20_000)));
            }
            bed.write(&file(tenant, name), &text);
        }
    }
    let promoted = || names.map(|name| bed.read(&file("prod", name)).contains("description: new"));
    let before = bed.files("tenant/prod");
    let run = on_a_full_disk(&bed, 8, "promote --from dev --to prod").exits(2);
    insta::assert_snapshot!(run.stdout, @r#"
    clients/a.yaml  a prod-a
      description: "old" → "new"

    1 value written to 1 file
    "#);
    run.complains("error: can't write tenant/prod/clients/b.yaml: ");
    assert_eq!(promoted(), [true, false, false]);
    let after = bed.files("tenant/prod");
    let as_it_was = |name: &str| after[&file("prod", name)] == before[&file("prod", name)];
    assert!(as_it_was("b") && as_it_was("c"));
    assert_eq!(after.len(), 3, "{:?}", after.keys());
    let run = bed.run(["promote", "--from", "dev", "--to", "prod"]);
    let run = run.exits(0);
    assert!(
        run.stdout.ends_with("2 values written to 2 files\n"),
        "{run}"
    );
    assert_eq!(promoted(), [true; 3]);
}

/// How many PATCHes the tenant carried out; those that its rate limit refused had no effect.
#[cfg(unix)]
fn carried_out(bed: &Bed) -> u64 {
    let requests = bed.sandbox.requests().into_iter();
    let done = requests.filter(|request| request.method == "PATCH" && request.status == 200);
    done.count() as u64
}

/// What a process came to that got a Ctrl-C.
#[cfg(unix)]
fn interrupted(child: std::process::Child) -> std::process::Output {
    ended_by("-INT", child)
}

#[cfg(unix)]
fn ended_by(signal: &str, child: std::process::Child) -> std::process::Output {
    let interrupt = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(interrupt.unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    output
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_one_document_and_no_folder() {
    for fault in [
        FaultRule::new(Fault::HangBefore),
        FaultRule::new(Fault::HangBefore).token(),
        FaultRule::new(Fault::TooManyRequests {
            retry_after: Some(60),
        })
        .token(),
    ] {
        let bed = Bed::new().plain_clients(1).start();
        bed.sandbox.fail_next(fault.always());
        let child = bed.piped(["pull", "-o", "json"]);
        until(|| bed.requests().len() > 1 || bed.count("POST /oauth/token") > 0);
        let output = interrupted(child);
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(document["error"]["message"], "interrupted");
        assert!(!bed.path("tenant").exists(), "{output:?}");
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_the_wait_for_a_token_too() {
    let bed = edited(3);
    let wait = Fault::TooManyRequests {
        retry_after: Some(60),
    };
    bed.sandbox.set_faults([
        FaultRule::new(Fault::RevokeTokens).method("PATCH"),
        FaultRule::new(wait).token().always(),
    ]);
    let child = bed.piped(["push", "--yes", "-o", "json"]);
    until(|| bed.count("POST /oauth/token") > 0);
    let output = interrupted(child);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["summary"]["updated"], 0, "{document}");
    bed.sandbox.set_faults([]);
    bed.run(["push", "--yes"]).exits(0);
    assert_all_arrived(&bed, 3);
}

#[cfg(unix)]
#[test]
fn ctrl_c_finishes_what_is_on_its_way_and_reports_the_rest() {
    // Services and containers are ended by the second one.
    for signal in ["-INT", "-TERM"] {
        let bed = Bed::new()
            .sandbox(|sandbox| sandbox.rate(5.0, 8))
            .plain_clients(30)
            .pulled();
        (0..30).for_each(|number| edit(&bed, number));
        let child = bed.piped(["push", "--yes", "-o", "json"]);
        until(|| bed.count("PATCH") > 0);
        let output = ended_by(signal, child);
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let (updated, rest) = (
            report["summary"]["updated"].as_u64(),
            report["summary"]["not_attempted"].as_u64(),
        );
        assert_eq!(updated, Some(carried_out(&bed)));
        assert_eq!(updated.unwrap() + rest.unwrap(), 30, "{report}");
        assert!(rest.unwrap() > 0, "{report}");
        bed.run(["push", "--yes"]).exits(0);
        assert_eq!(carried_out(&bed), 30, "something was sent twice");
        assert_all_arrived(&bed, 30);
    }
}

#[cfg(unix)]
#[test]
fn a_directory_that_may_only_be_read_stops_a_pull_and_not_a_diff() {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;

    let bed = Bed::new().plain_clients(2).pulled();
    bed.sandbox
        .edit("c0001", "description", Some(json!("drift")));
    let before = bed.age();
    let folders = ["", "tenant", "tenant/clients"];
    let allow = |mode| {
        folders.iter().for_each(|folder| {
            set_permissions(bed.path(folder), Permissions::from_mode(mode)).unwrap()
        })
    };
    let run = |command: &str| {
        let mut run = bed.as_nobody()?;
        run.arg(command).envs(bed.settings());
        Some(bed.run_command(run))
    };
    allow(0o555);
    let runs = run("diff").zip(run("pull"));
    allow(0o755);
    let Some((diff, pull)) = runs else {
        return;
    };
    assert!(diff.exits(1).stdout.contains("description"));
    pull.exits(2)
        .complains("error: can't write tenant/clients/client-0001.yaml: Permission denied");
    bed.assert_untouched(&before);
}

/// A tenant of a thousand clients of which each page is what a test makes of its number.
fn tenant_of_pages(page: impl Fn(usize) -> String + Send + 'static) -> Stub {
    Stub::raw(move |_, path| {
        let number = path
            .split("page=")
            .nth(1)
            .and_then(|rest| rest.split('&').next());
        let body = match (path, number) {
            ("/oauth/token", _) => r#"{"access_token": "a-token", "expires_in": 3600}"#.to_owned(),
            (_, number) => page(
                number
                    .and_then(|number| number.parse().ok())
                    .unwrap_or_default(),
            ),
        };
        Stub::answer(200, "", &body)
    })
}

/// Runs `list` at a stub; on Linux with no more than half a gigabyte of memory for everything.
fn list_at(stub: &Stub, bed: &Bed) -> Run {
    let limit = if cfg!(target_os = "linux") {
        "ulimit -v 524288;"
    } else {
        ""
    };
    let binary = common::BINARY;
    let script = format!("{limit} exec {binary} list --no-token-cache");
    let mut shell = assert_cmd::Command::from_std(bed.program("sh"));
    shell
        .args(["-c", &script])
        // Threads of their own heaps would each reserve much that they never use.
        .env("MALLOC_ARENA_MAX", "1")
        .envs(stub.settings());
    bed.run_command(shell)
}

#[test]
fn answers_of_any_size_take_no_more_memory_than_there_is_room_for() {
    let bed = Bed::new().start();
    let hundred = |number: usize, rest: &str| {
        let clients =
            (0..100).map(|client| format!(r#"{{"client_id": "{number}-{client}", "x": {rest}}}"#));
        format!(
            r#"{{"total": 1000, "clients": [{}]}}"#,
            clients.collect::<Vec<_>>().join(",")
        )
    };
    let long = tenant_of_pages(move |number| match number {
        0 => hundred(0, "0"),
        number => hundred(number, &format!("\"{}\"", "x".repeat(450_000))),
    });
    let run = list_at(&long, &bed).exits(2);
    assert!(
        run.stderr
            .starts_with("error: GET /api/v2/clients: the answer is larger than 16 MiB\n"),
        "{run}"
    );
    // Small in bytes, and large in values.
    let many = tenant_of_pages(move |number| match number {
        0 => hundred(0, "0"),
        number => hundred(number, &format!("[{}0]", "0,".repeat(75_000))),
    });
    let run = list_at(&many, &bed).exits(2);
    assert!(
        run.stderr
            .contains("the answer makes no sense: it has more values in it"),
        "{run}"
    );
}

#[test]
fn checkpoints_that_never_end_are_followed_to_the_total_and_no_further() {
    let bed = Bed::new().start();
    for repeats in [false, true] {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let stub = tenant_of_pages(move |_| {
            let number = count.fetch_add(1, Ordering::SeqCst);
            let next = if repeats { 7 } else { number };
            let clients = (0..50).map(|client| format!(r#"{{"client_id": "{number}-{client}"}}"#));
            let clients = clients.collect::<Vec<_>>().join(",");
            format!(r#"{{"total": 1200, "next": "{next}", "clients": [{clients}]}}"#)
        });
        let run = list_at(&stub, &bed).exits(2);
        assert!(run.stderr.contains("the answer makes no sense: "), "{run}");
        let asked = asked.load(Ordering::SeqCst);
        assert!(asked <= if repeats { 4 } else { 30 }, "{asked}: {run}");
    }
}

/// A host that is gone may be gone for a moment only, unlike one that was never there.
#[tokio::test]
async fn a_host_that_has_answered_is_asked_again() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut connection, _) = socket.accept().unwrap();
        drop(socket);
        let mut request = [0; 4096];
        let _ = connection.read(&mut request).unwrap();
        let body = r#"{"access_token": "a-token", "expires_in": 3600}"#;
        let length = body.len();
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
        connection.write_all((head + body).as_bytes()).unwrap();
    });
    let tenant = Connection::client_secret(&url, "x", "a-secret-of-an-application").unwrap();
    let options = Options {
        retries: 1,
        ..Options::default()
    };
    let error = Reader::new(tenant, options)
        .resources(&KIND, &Fields::All)
        .await
        .unwrap_err();
    let error = error.to_string();
    assert!(
        error.starts_with("GET /api/v2/clients: can't connect to "),
        "{error}"
    );
    assert!(error.ends_with(", after 2 attempts"), "{error}");
}
