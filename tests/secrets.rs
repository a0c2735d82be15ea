//! Secrets stay where they are: whatever a command does, and however it fails, none is on the screen or in the tenant's files.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Bed, Run, Stub};
use serde_json::{Value, json};
use tenantry::api::{Fields, Options, Reader};
use tenantry::kinds::clients::KIND;
use tenantry::resource::Resource;
use tenantry::settings::Connection;
use tenantry::testing::{Fault, FaultRule};

/// The start of every secret that the tenant's clients have.
const MARK: &str = "t0p-s3cret";
const CLIENT_SECRET: &str = "the-application-s-own-secret";

/// A client that has a secret wherever one can be.
fn full_of_secrets(id: &str, name: &str) -> Value {
    let secret = |what: &str| format!("{MARK}-{id}-{what}");
    common::client(
        id,
        name,
        json!({
            "client_secret": secret("client_secret"), "description": "first",
            "signing_keys": [{"cert": secret("cert"), "key": secret("key"), "pkcs7": secret("pkcs7")}],
            "encryption_key": {"pub": secret("pub"), "cert": secret("enc")},
            "addons": {
                "azure_blob": {"accountName": "n", "storageAccessKey": secret("blob")},
                "azure_sb": {"sasKey": secret("sb"), "namespace": "n"},
                "firebase": {"secret": secret("fire"), "private_key": secret("base"), "client_email": "e"},
                "layer": {"privateKey": secret("layer"), "keyId": "k"},
                "sap_api": {"servicePassword": secret("sap"), "clientid": "c"},
                "wams": {"masterkey": secret("wams")},
                "samlp": {"audience": "urn:a"}
            }
        }),
    )
}

fn bed() -> Bed {
    Bed::new()
        .sandbox(|sandbox| {
            sandbox
                .client(full_of_secrets("a", "Alpha"))
                .client(full_of_secrets("b", "Beta"))
                .credentials("an-application", CLIENT_SECRET)
        })
        .start()
}

/// Fails where a run shows a secret, the access token of the cache among them.
#[track_caller]
fn assert_discreet(bed: &Bed, run: &Run) {
    let mut secrets = vec![
        MARK.to_owned(),
        CLIENT_SECRET.to_owned(),
        "sandbox-secret-".to_owned(),
        "Bearer".to_owned(),
    ];
    for text in bed.files("cache").into_values() {
        let entry: Value = serde_json::from_str(&text).unwrap();
        secrets.push(entry["access_token"].as_str().unwrap().to_owned());
    }
    assert!(secrets.len() > 4, "there is no token in the cache");
    for secret in secrets {
        assert!(!run.to_string().contains(&secret), "{secret} in {run}");
        for (name, text) in bed.files("tenant") {
            assert!(!text.contains(&secret), "{secret} in {name}:\n{text}");
        }
    }
}

#[test]
fn a_day_s_work_shows_no_secret() {
    let bed = bed();
    let run = |arguments: &[&str], code: i32| {
        let run = bed.run(arguments.iter().copied()).exits(code);
        assert_discreet(&bed, &run);
    };
    run(&["pull", "-v"], 0);
    run(&["list", "-v", "-o", "json"], 0);
    run(&["diff", "-v"], 0);
    bed.edit("tenant/clients/alpha.yaml", "first", "mine");
    // A secret that changes on the tenant is no difference.
    bed.sandbox
        .edit("a", "client_secret", Some(json!(format!("{MARK}-new"))));
    bed.sandbox.edit(
        "b",
        "signing_keys",
        Some(json!([{"key": format!("{MARK}-new")}])),
    );
    bed.sandbox.edit("b", "description", Some(json!("drifted")));
    for output in ["text", "json", "markdown"] {
        run(&["diff", "-v", "-o", output], 1);
    }
    run(&["push", "-v", "--yes", "-o", "json"], 0);
    bed.edit("tenant/clients/alpha.yaml", "mine", "again");
    run(&["push", "-v", "--yes"], 0);
    run(&["pull", "-v", "--discard-local", "-o", "json"], 0);
    run(&["pull", "-v", "--format", "json"], 0);
    bed.sandbox.revoke_tokens();
    run(&["list", "-v"], 0);
    // All of that was asked for with the secrets left out.
    let lists = bed
        .requests()
        .into_iter()
        .filter(|request| request.starts_with("GET /api/v2/clients?"));
    for request in lists {
        let left_out = request
            .contains("fields=client_secret%2Csigning_keys%2Cencryption_key&include_fields=false");
        let named = request.contains(
            "fields=client_id%2Cglobal%2Cname%2Cdescription%2Callowed_clients&include_fields=true",
        );
        assert!(left_out || named, "{request}");
    }
}

#[test]
fn failures_of_every_sort_show_no_secret() {
    let bed = bed();
    bed.run(["pull"]).exits(0);
    bed.edit("tenant/clients/alpha.yaml", "first", "mine");
    let faults = [
        FaultRule::new(Fault::StatusBefore(400)),
        FaultRule::new(Fault::StatusBefore(403)),
        FaultRule::new(Fault::StatusBefore(404)),
        FaultRule::new(Fault::InvalidJson),
        FaultRule::new(Fault::InvalidJson).token(),
        FaultRule::new(Fault::StatusBefore(401)).times(2),
        FaultRule::new(Fault::StatusBefore(403)).token(),
        FaultRule::new(Fault::StatusAfter(400)).method("PATCH"),
        FaultRule::new(Fault::InvalidJson).method("PATCH"),
    ];
    for fault in faults {
        for output in ["text", "json"] {
            bed.sandbox.set_faults([fault.clone()]);
            let shown = format!("{fault:?}");
            let arguments = ["push", "--yes", "-v", "--no-token-cache", "-o", output];
            let run = bed.run(arguments).exits(2);
            assert!(run.stderr.contains("error: "), "{shown}: {run}");
            assert_discreet(&bed, &run);
            bed.sandbox.edit("a", "description", Some(json!("first")));
        }
    }
    bed.sandbox.set_faults([]);
    let run = bed
        .run_with(
            [("AUTH0_CLIENT_SECRET", format!("{MARK}-wrong"))],
            ["list", "-v", "--no-token-cache"],
        )
        .exits(2);
    assert_discreet(&bed, &run);
    for variables in [
        [
            ("AUTH0_CLIENT_SECRET", format!("{MARK};")),
            ("AUTH0_DOMAIN", bed.sandbox.url()),
        ],
        [
            ("AUTH0_ACCESS_TOKEN", format!("{MARK} x")),
            ("AUTH0_DOMAIN", bed.sandbox.url()),
        ],
        // The secret on the wrong line.
        [
            ("AUTH0_DOMAIN", format!("{MARK}-on-the-wrong-line")),
            ("AUTH0_CLIENT_SECRET", "x".to_owned()),
        ],
        [
            (
                "AUTH0_CLIENT_SIGNING_KEY_PATH",
                format!("-----BEGIN PRIVATE KEY-----{MARK}"),
            ),
            ("AUTH0_CLIENT_ID", "x".to_owned()),
        ],
    ] {
        let mut command = bed.command();
        if variables[0].0 == "AUTH0_ACCESS_TOKEN" {
            command
                .env_remove("AUTH0_CLIENT_ID")
                .env_remove("AUTH0_CLIENT_SECRET");
        }
        command
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .args(["list", "-v", "--no-token-cache"]);
        let run = bed.run_command(command).exits(2);
        assert_discreet(&bed, &run);
    }
}

#[test]
fn a_secret_in_a_file_is_warned_of_and_neither_sent_nor_shown() {
    let bed = bed();
    bed.run(["pull"]).exits(0);
    let text = bed.read("tenant/clients/alpha.yaml");
    let with_secret = format!("{text}client_secret: {MARK}\n");
    bed.write("tenant/clients/alpha.yaml", &with_secret);
    for command in [
        &["diff"][..],
        &["push", "--yes"],
        &["list"],
        &["diff", "-o", "json"],
        &["diff", "-o", "markdown"],
    ] {
        let run = bed.run(command.iter().copied()).exits(0);
        assert!(
            run.stderr
                .contains("tenant/clients/alpha.yaml: there is a secret in this file"),
            "{run}"
        );
        assert!(!run.to_string().contains(MARK), "{run}");
    }
    assert_eq!(bed.patches(), []);
}

#[test]
fn a_secret_is_one_in_any_case_and_shape() {
    let bed = bed();
    bed.run(["pull"]).exits(0);
    let text = bed.read("tenant/clients/alpha.yaml");
    for lines in [
        format!("CLIENT_SECRET: {MARK}\n"),
        format!("clientSecret: {MARK}\n"),
        format!("deeper:\n  - Signing-Keys: [{MARK}]\n"),
        format!("Addons:\n  - firebase: {{Private_Key: {MARK}}}\n"),
    ] {
        bed.write("tenant/clients/alpha.yaml", &format!("{text}{lines}"));
        let run = bed.run(["check"]).exits(1);
        assert!(run.stdout.contains("` is a secret\n"), "{run}");
        for arguments in [
            &["check", "-o", "json"][..],
            &["check", "-o", "github"],
            &["diff"],
            &["diff", "-o", "json"],
            &["diff", "-o", "markdown"],
            &["push", "--yes", "-o", "json"],
        ] {
            let run = bed.run(arguments.iter().copied());
            assert!(!run.to_string().contains(MARK), "{run}");
        }
    }
    assert_eq!(bed.patches(), []);
}

#[test]
fn a_file_that_is_no_plan_is_not_quoted() {
    let bed = bed();
    bed.run(["pull"]).exits(0);
    for text in [
        format!("CLIENT_ID={MARK};\nCLIENT_SECRET={MARK};\n"),
        format!("{{\"type\": \"service_account\", \"id\": \"{MARK}\", \"x\": \"{MARK}\"}}"),
        format!("{MARK}\n"),
    ] {
        bed.write("plan.json", &text);
        for output in ["text", "json"] {
            let run = bed
                .run(["push", "--yes", "-o", output, "--plan", "plan.json"])
                .exits(2);
            assert!(run.stderr.contains("error: plan.json:1:"), "{run}");
            assert!(!run.to_string().contains(MARK), "{run}");
        }
    }
}

#[test]
fn no_secret_is_in_debug_text() {
    let secret = format!("{MARK}-x");
    let connection = Connection::client_secret("acme.eu.auth0.com", "id", secret.clone()).unwrap();
    let shown = format!("{connection:?} {connection:#?}");
    assert!(
        shown.contains("acme.eu.auth0.com") && !shown.contains(MARK),
        "{shown}"
    );
    let reader = Reader::new(connection, Options::default());
    let shown = format!("{reader:?} {:?}", reader.writer());
    assert!(!shown.contains(MARK), "{shown}");
    let connection = Connection::access_token("acme.eu.auth0.com", secret).unwrap();
    let shown = format!(
        "{connection:?} {:?}",
        Reader::new(connection.clone(), Options::default())
    );
    assert!(!shown.contains(MARK), "{shown}");
    let client = full_of_secrets("a", "Alpha").as_object().cloned();
    let shown = format!(
        "{:?}",
        client
            .and_then(|fields| Resource::new(&KIND, fields))
            .unwrap()
    );
    assert!(shown.contains("Alpha") && !shown.contains(MARK), "{shown}");
}

#[tokio::test]
async fn no_token_is_in_debug_text_while_it_is_used() {
    let bed = bed();
    let connection =
        Connection::client_secret(&bed.sandbox.url(), "an-application", CLIENT_SECRET).unwrap();
    let reader = Reader::new(connection, Options::default());
    use secrecy::ExposeSecret;
    let token = reader.access_token().await.unwrap();
    let shown = format!("{reader:?} {token:?}");
    assert!(
        !shown.contains(token.expose_secret()) && !shown.contains(CLIENT_SECRET),
        "{shown}"
    );
}

#[test]
fn a_broken_file_with_a_secret_is_not_quoted() {
    let bed = bed();
    bed.run(["pull"]).exits(0);
    let file = "tenant/clients/alpha.yaml";
    for (broken, what) in [
        (
            format!("client_id: a\nclient_secret: \"{MARK}\nname: A\n"),
            "no end",
        ),
        (
            format!("client_id: a\nsigning_keys: [{{cert: {MARK}, {MARK}\n"),
            "no end",
        ),
        (
            format!(
                "client_id: a\naddons:\n  firebase:\n    private_key: |\n      {MARK}\n   {MARK}\n"
            ),
            "indent",
        ),
        (
            format!("client_id: a\nclient_secret: {MARK}: {MARK}\n"),
            "two colons",
        ),
        (format!("CLIENT_SECRET={MARK}\n"), "a .env file"),
        (
            format!("\"client\\u005fsecret\": {MARK}: {MARK}\n"),
            "an escape",
        ),
        (format!("password: {MARK}: {MARK}\n"), "another name"),
        (format!("- Authorization: Bearer {MARK}\n"), "a header"),
        (
            format!("-----BEGIN PRIVATE KEY-----\n{MARK}\n"),
            "a key in PEM",
        ),
    ] {
        bed.write(file, &broken);
        for command in [
            &["diff"][..],
            &["push", "--yes"],
            &["check"],
            &["diff", "-o", "json"],
        ] {
            let run = bed.run(command.iter().copied());
            assert_ne!(run.code, 0, "{what}");
            assert!(!format!("{run:?}").contains(MARK), "{what}: {run:?}");
        }
    }
}

/// A token as a tenant might issue it, and as nothing else has it.
const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.t0p-s3cret-token.c2lnbmF0dXJl";

/// Every way in which a server may give back what it was sent.
fn echoes() -> String {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let basic = STANDARD.encode(format!("an-application:{CLIENT_SECRET}"));
    format!(
        "Bearer {TOKEN} is no good, {CLIENT_SECRET} neither\nhint: {}… Basic {basic}",
        &TOKEN[..30]
    )
}

/// Fails where a text has anything of what [`echoes`] gives back.
#[track_caller]
fn assert_no_echo(text: &str) {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    for echo in [
        CLIENT_SECRET.to_owned(),
        TOKEN[..30].to_owned(),
        "t0p-s3cret".to_owned(),
        STANDARD.encode(CLIENT_SECRET)[..20].to_owned(),
        STANDARD.encode(format!("an-application:{CLIENT_SECRET}"))[24..50].to_owned(),
    ] {
        assert!(!text.contains(&echo), "{echo} in {text}");
    }
}

fn answer(status: u16, body: &Value) -> String {
    let headers = "content-type: application/json\r\nretry-after: 0\r\n";
    Stub::answer(status, headers, &body.to_string())
}

fn granted() -> String {
    answer(200, &json!({"access_token": TOKEN, "expires_in": 3600}))
}

fn at(stub: &Stub, bed: &Bed) -> assert_cmd::Command {
    let mut command = bed.command_without_settings();
    command
        .envs(stub.settings())
        .env("AUTH0_CLIENT_SECRET", CLIENT_SECRET);
    command
}

#[test]
fn what_a_server_echoes_is_masked() {
    let bed = Bed::new().start();
    for (status, at_the_token_endpoint) in [400, 401, 403, 404, 409, 302]
        .into_iter()
        .flat_map(|status| [(status, false), (status, true)])
    {
        // Before it has issued a token, it has none to give back.
        let echo = move || match at_the_token_endpoint {
            true => echoes().replace(TOKEN, "it").replace(&TOKEN[..30], "it"),
            false => echoes(),
        };
        let stub = Stub::raw(move |_, path| {
            let body = json!({
                "statusCode": status, "message": echo(), "errorCode": echo(),
                "error": echo(), "error_description": echo(),
            });
            match path == "/oauth/token" && !at_the_token_endpoint {
                true => granted(),
                false => answer(status, &body),
            }
        });
        for output in ["text", "json"] {
            let mut command = at(&stub, &bed);
            command.args(["list", "-v", "--no-token-cache", "-o", output]);
            let run = bed.run_command(command).exits(2);
            assert!(
                run.stderr.contains("is no good, [redacted] neither"),
                "{run}"
            );
            // Nor does it say anything in a line of ours.
            let forged =
                run.stderr.contains("\nhint: [redacted]") || run.stderr.contains("\nhint: it");
            assert!(!forged, "{run}");
            assert_no_echo(&run.to_string());
        }
        let mut command = bed.command_without_settings();
        command
            .env("AUTH0_DOMAIN", stub.url())
            .env("AUTH0_ACCESS_TOKEN", TOKEN)
            .args(["list", "-v"]);
        let run = bed.run_command(command).exits(2);
        assert!(!run.to_string().contains("t0p-s3cret"), "{run}");
    }
}

#[test]
fn what_a_tenant_s_clients_say_is_masked_too() {
    let bed = Bed::new().start();
    let stub = Stub::raw(|_, path| match path {
        "/oauth/token" => granted(),
        _ => answer(
            200,
            &json!({"total": 1, "clients": [{"client_id": "a", "name": "A", "logo_uri": echoes(),
                "description": format!("Bearer {TOKEN} is no good")}]}),
        ),
    });
    let run = |arguments: &[&str], code: i32| {
        let mut command = at(&stub, &bed);
        command.args(arguments);
        let run = bed.run_command(command).exits(code);
        assert_no_echo(&run.to_string());
        run
    };
    run(&["pull", "-v"], 0);
    run(&["list", "-v"], 0);
    run(&["list", "-o", "json"], 0).json();
    let file = bed.client_files().remove(0);
    let text = bed.read(&format!("tenant/clients/{file}"));
    let edited = text.replace("is no good", "is good");
    assert_ne!(text, edited);
    bed.write(&format!("tenant/clients/{file}"), &edited);
    for output in ["text", "json", "markdown"] {
        let run = run(&["diff", "-o", output], 1);
        assert!(run.stdout.contains("[redacted]"), "{run}");
    }
    // What is asked for is the token itself.
    let mut command = at(&stub, &bed);
    command.arg("token");
    assert_eq!(
        bed.run_command(command).exits(0).stdout,
        format!("{TOKEN}\n")
    );
}

#[tokio::test]
async fn an_error_of_the_library_holds_no_echo() {
    for status in [400, 429, 500] {
        let stub = Stub::raw(move |_, path| match path {
            "/oauth/token" => granted(),
            _ => answer(status, &json!({"message": echoes(), "errorCode": echoes()})),
        });
        let tenant =
            Connection::client_secret(&stub.url(), "an-application", CLIENT_SECRET).unwrap();
        let options = Options {
            retries: 0,
            ..Options::default()
        };
        let reader = Reader::new(tenant, options);
        let error = reader.resources(&KIND, &Fields::All).await.unwrap_err();
        assert_no_echo(&format!("{error} {error:?} {:?}", error.hint()));
    }
}
