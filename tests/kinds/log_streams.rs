//! Log streams: where logs go, by credentials that the tenant serves in clear.

use serde_json::json;

use crate::acme::{ALL, held_back, managing, pulled, pushed, said, say, tenant};

#[test]
fn credentials_are_neither_written_nor_said() {
    let secret = "the-credentials-of-a-stream";
    let sink = json!({
        "httpEndpoint": "https://logs.example", "httpAuthorization": secret,
        "httpCustomHeaders": [{"header": "x-key", "value": secret}]
    });
    let streams = [
        json!({"id": "lst_a", "name": "Http", "type": "http", "status": "active", "sink": sink}),
        json!({"id": "lst_b", "name": "Dog", "type": "datadog", "status": "active", "sink": {"datadogApiKey": secret, "datadogRegion": "eu"}}),
        json!({"id": "lst_d", "name": "Url", "type": "http", "status": "active", "sink": {"httpEndpoint": format!("https://me:{secret}@logs.example/x@y"), "httpContentType": "application/json"}}),
        json!({"id": "lst_c", "name": "Sumo", "type": "sumo", "status": "active", "sink": {"sumoSourceAddress": secret}}),
    ];
    let setup = tenant().sandbox(|sandbox| {
        let streams = streams.into_iter();
        streams.fold(sandbox, |sandbox, stream| {
            sandbox.resource("log-streams", stream)
        })
    });
    let bed = managing(setup, ALL);
    let mut said_aloud = String::new();
    for arguments in [
        &["pull", "-v"][..],
        &["list", "-o", "json"],
        &["diff", "-o", "json"],
    ] {
        said_aloud.push_str(&bed.run(arguments.iter().copied()).exits(0).to_string());
    }
    assert_eq!(
        said(&bed, "log-streams/dog")["sink"],
        json!({"datadogRegion": "eu"})
    );
    // A URL is one where it carries credentials, and no other is.
    assert_eq!(
        said(&bed, "log-streams/url")["sink"],
        json!({"httpContentType": "application/json"})
    );
    assert_eq!(
        said(&bed, "log-streams/http")["sink"]["httpEndpoint"],
        "https://logs.example"
    );
    let headers = json!([{"header": "x-key"}]);
    assert_eq!(
        said(&bed, "log-streams/http")["sink"]["httpCustomHeaders"],
        headers
    );
    say(&bed, "log-streams/http", "name", json!("Https"));
    assert_eq!(
        pushed(&bed, 0),
        [r#"PATCH log-streams/lst_a {"name":"Https"}"#]
    );
    say(&bed, "log-streams/http", "name", json!("Http"));
    let run = bed.run(["push", "--yes", "-o", "json"]).exits(0);
    said_aloud.push_str(&run.to_string());
    assert!(!said_aloud.contains(secret), "{said_aloud}");
    for (file, text) in bed.files("tenant").into_iter().chain(bed.files("cache")) {
        assert!(!text.contains(secret), "{file}");
    }
}

/// Somebody who writes the URL with its password into the file is told, and the password is not repeated.
#[test]
fn check_finds_credentials_in_an_endpoint() {
    let bed = pulled();
    let file = "log-streams/operations";
    let mut sink = said(&bed, file)["sink"].clone();
    sink["httpEndpoint"] = json!("https://me:hunter2@logs.example");
    say(&bed, file, "sink", sink);
    let run = bed.run_without_settings(["check"]).exits(1);
    assert!(
        run.stdout.contains("`sink.httpEndpoint` is a secret"),
        "{run}"
    );
    assert!(!run.to_string().contains("hunter2"), "{run}");
    let run = bed.run(["diff"]).exits(1);
    assert!(!run.to_string().contains("hunter2"), "{run}");
}

#[test]
fn a_sink_and_a_status_are_shown_and_never_sent() {
    let bed = pulled();
    let file = "log-streams/operations";
    let mut sink = said(&bed, file)["sink"].clone();
    sink["httpEndpoint"] = json!("https://elsewhere.example");
    say(&bed, file, "sink", sink);
    say(&bed, file, "status", json!("paused"));
    insta::assert_snapshot!(held_back(&bed), @"
    log-streams/operations.yaml: sink: push never sends it: it holds secrets
    log-streams/operations.yaml: status: push never sends it: Auth0 sets it where a stream fails, and nobody may take that back
    ");
}

#[test]
fn filters_that_are_emptied_are_gone() {
    let bed = pulled();
    say(&bed, "log-streams/operations", "filters", json!([]));
    assert_eq!(
        pushed(&bed, 0),
        [r#"PATCH log-streams/lst_0000000000014569 {"filters":[]}"#]
    );
    assert_eq!(bed.run(["diff"]).exits(0).stdout, "no differences\n");
}
