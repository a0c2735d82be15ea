//! Every field of a client by the real binary and a sandbox: which of them a push may send, what it sends of them, and what is said
//! of those that it does not send.
#![allow(clippy::unwrap_used, clippy::panic)]
// The table of samples is one `json!`.
#![recursion_limit = "512"]

#[path = "fields/any_client.rs"]
mod any_client;
mod common;
#[path = "fields/properties.rs"]
mod properties;
#[path = "fields/samples.rs"]
mod samples;

use std::collections::BTreeSet;

use common::{Bed, Run};
use samples::{DEFAULT, Sample, first, follow, never_sent, updatable};
use serde_json::{Map, Value, json};

const WEB: &str = "tenant/clients/web.yaml";

/// What `tenantry.yaml` says of clients: `all`, or a list.
fn manage(bed: &Bed, clients: &str) {
    let text = format!("manage:\n  clients: {clients}\n");
    bed.write("tenant/tenantry.yaml", &text);
}

/// One pulled client, `Web`, with these fields, in a project that manages that.
fn web(clients: &str, fields: Value) -> Bed {
    let bed = Bed::new().client("w", "Web", fields).start();
    manage(&bed, clients);
    bed.pull();
    bed
}

/// What a file says.
fn said(bed: &Bed, file: &str) -> Map<String, Value> {
    let value: Value = serde_yaml::from_str(&bed.read(file)).unwrap();
    value.as_object().unwrap().clone()
}

/// Writes another value of a field into a file, or takes the field out of it.
fn set(bed: &Bed, file: &str, field: &str, value: Option<Value>) {
    let mut fields = said(bed, file);
    match value {
        Some(value) => fields.insert(field.to_owned(), value),
        None => fields.shift_remove(field),
    };
    // JSON is YAML.
    bed.write(file, &format!("{}\n", Value::Object(fields)));
}

/// A push of all, and the bodies that it sent.
fn push(bed: &Bed) -> (Run, Vec<Value>) {
    bed.sandbox.clear_requests();
    let run = bed.run(["push", "--yes"]);
    (
        run,
        bed.patches().into_iter().map(|(_, body)| body).collect(),
    )
}

/// The fields of the first resource of `diff -o json`, as (field, key, change).
fn changes(bed: &Bed) -> Vec<(String, Option<String>, String)> {
    let document = bed.run(["diff", "-o", "json"]).json();
    let resources = document["resources"].as_array().unwrap();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let fields = resources
        .first()
        .map(|one| one["fields"].as_array().unwrap());
    let change = |field: &Value| {
        let of = |key: &str| text(&field[key]);
        (of("field").unwrap(), of("key"), of("change").unwrap())
    };
    fields.into_iter().flatten().map(change).collect()
}

#[test]
fn with_no_tenantry_yaml_three_fields_are_sent_and_no_other_can_be() {
    let (updatable, never) = (updatable(), never_sent());
    let mut fields = first(&updatable);
    let more = first(&never);
    fields
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let bed = Bed::new().client("w", "Web", fields).pulled();
    let others: Vec<&Sample> = updatable
        .iter()
        .chain(&never)
        .filter(|sample| !DEFAULT.contains(&sample.field))
        .collect();
    // The schema's own list of fields has no field that is not tried here, but for the id, secrets and derived twins.
    let schema: Value =
        serde_json::from_str(&bed.run(["schema", "clients"]).exits(0).stdout).unwrap();
    let known: BTreeSet<&str> = schema["properties"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let tried: BTreeSet<&str> = updatable
        .iter()
        .chain(&never)
        .map(|sample| sample.field)
        .collect();
    let rest: Vec<_> = known.difference(&tried).collect();
    insta::assert_debug_snapshot!(rest, @r#"
    [
        "client_id",
        "cross_origin_auth",
        "oidc_backchannel_logout",
    ]
    "#);
    for sample in &others {
        set(&bed, WEB, sample.field, Some(sample.other.clone()));
    }
    let (run, sent) = push(&bed);
    assert_eq!((run.code, sent), (1, vec![]), "{run}");
    let text = format!("{}{}", run.stdout, run.stderr);
    let words: BTreeSet<&str> = text
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .collect();
    let unnamed: Vec<_> = others
        .iter()
        .map(|sample| sample.field)
        .filter(|field| !words.contains(field))
        .collect();
    assert_eq!(unnamed, [""; 0], "{text}");
    // Each is named by diff as well.
    let named: BTreeSet<String> = changes(&bed).into_iter().map(|(field, ..)| field).collect();
    assert_eq!(
        named,
        others
            .iter()
            .map(|sample| sample.field.to_owned())
            .collect()
    );
    // The default ones are sent all the same, and nothing else is.
    for sample in updatable
        .iter()
        .filter(|sample| DEFAULT.contains(&sample.field))
    {
        set(&bed, WEB, sample.field, Some(sample.other.clone()));
    }
    let (run, sent) = push(&bed);
    assert_eq!(run.code, 1, "{run}");
    assert_eq!(
        sent,
        [
            json!({"name": "Web 2", "description": "two", "allowed_clients": ["c-1", "https://api.example"]})
        ]
    );
    // One alone is held back with the line to write, or with the reason why there is none.
    let bed = Bed::new()
        .client(
            "w",
            "Web",
            json!({"sso": false, "third_party_security_mode": "strict"}),
        )
        .pulled();
    set(&bed, WEB, "sso", Some(json!(true)));
    set(
        &bed,
        WEB,
        "third_party_security_mode",
        Some(json!("permissive")),
    );
    insta::assert_snapshot!(push(&bed).0, @r#"
    exit code 1
    --- stdout
    clients/web.yaml  Web w
      unmanaged: the file changed it, and push sends it only where tenantry.yaml manages the field
        sso: false → true
      never sent: the file changed it, and no push sends it
        third_party_security_mode: "strict" → "permissive"
          it is set when a client is made, and no update takes it

    2 unmanaged differences in 1 client
    held back      clients/web.yaml: sso: push does not send it; `manage: {clients: [sso]}` in tenantry.yaml has it sent
    held back      clients/web.yaml: third_party_security_mode: push never sends it: it is set when a client is made, and no update takes it
    nothing was sent
    "#);
}

#[test]
fn every_updatable_field_can_be_managed_and_is_sent_by_itself() {
    let mut samples = updatable();
    // The official document does not have it yet, and a sandbox that obeys it refuses it.
    samples.retain(|sample| sample.field != "identity_assertion_authorization_grant");
    let bed = samples.iter().enumerate().fold(Bed::new(), |bed, (at, _)| {
        let mut fields = first(&samples);
        fields["name"] = json!(format!("Client {at:02}"));
        bed.client(&format!("c{at:02}"), "", fields)
    });
    let bed = bed.start();
    manage(&bed, "all");
    bed.pull();
    let id = |at: usize| format!("c{at:02}");
    let before: Vec<Value> = (0..samples.len()).map(|at| bed.live(&id(at))).collect();
    for (at, sample) in samples.iter().enumerate() {
        let file = format!("tenant/clients/client-{at:02}.yaml");
        set(&bed, &file, sample.field, Some(sample.other.clone()));
    }
    bed.run(["push", "--yes"]).exits(0);
    let sent = bed.patches();
    let expected = samples.iter().enumerate().map(|(at, sample)| {
        // Of metadata goes the key that was edited.
        let value = match sample.field {
            "client_metadata" => json!({"team": "pay"}),
            _ => sample.other.clone(),
        };
        (id(at), json!({sample.field: value}))
    });
    assert_eq!(sent, expected.collect::<Vec<_>>());
    for (at, sample) in samples.iter().enumerate() {
        let mut expected = before[at].clone();
        expected[sample.field] = sample.other.clone();
        follow(&mut expected, sample.field);
        assert_eq!(bed.live(&id(at)), expected, "{}", sample.field);
    }
    bed.run(["diff"]).exits(0);
    // One field has a twin that the API makes from it, and that is served only now.
    let twin = bed.run(["pull"]).exits(0).stdout;
    assert!(twin.contains("oidc_backchannel_logout"), "{twin}");
    assert_eq!(twin.matches("client-").count(), 1, "{twin}");
    let files = bed.age();
    bed.run(["pull"]).exits(0);
    bed.assert_untouched(&files);
}

#[test]
fn the_fields_of_a_list_are_managed_and_no_others() {
    let bed = web(
        "[callbacks, sso]",
        json!({"callbacks": ["https://a.example"], "sso": false, "sso_disabled": false}),
    );
    insta::assert_snapshot!(bed.read(WEB), @"
    client_id: w
    name: Web
    callbacks:
      - https://a.example
    sso: false
    # Push does not send what follows.
    sso_disabled: false
    ");
    set(&bed, WEB, "callbacks", Some(json!(["https://b.example"])));
    set(&bed, WEB, "sso", Some(json!(true)));
    set(&bed, WEB, "sso_disabled", Some(json!(true)));
    let (run, sent) = push(&bed);
    assert_eq!(run.code, 1, "{run}");
    assert_eq!(
        sent,
        [json!({"callbacks": ["https://b.example"], "sso": true})]
    );
    assert_eq!(bed.live("w")["sso_disabled"], json!(false));
}

#[test]
fn a_kind_that_is_not_managed_is_left_alone() {
    let bed = Bed::new().client("w", "Web", json!({})).start();
    manage(&bed, "none");
    bed.run(["pull"]).exits(0);
    assert!(!bed.path("tenant/clients").exists());
    assert_eq!(bed.requests(), [""; 0]);
}

#[test]
fn metadata_is_compared_and_sent_key_by_key() {
    let bed = web(
        "[client_metadata]",
        json!({"client_metadata": {"a": "1", "b": "2", "c": "3", "d": "4"}}),
    );
    set(
        &bed,
        WEB,
        "client_metadata",
        Some(json!({"a": "one", "c": "3", "d": "4", "e": "5"})),
    );
    bed.sandbox.edit(
        "w",
        "client_metadata",
        Some(json!({"a": "1", "b": "2", "c": "3", "d": "four", "f": "6"})),
    );
    let key = |key: &str, change: &str| {
        (
            "client_metadata".to_owned(),
            Some(key.to_owned()),
            change.to_owned(),
        )
    };
    let expected = [
        key("a", "edit"),
        key("b", "edit"),
        key("d", "drift"),
        key("e", "edit"),
        key("f", "drift"),
    ];
    assert_eq!(changes(&bed), expected);
    insta::assert_snapshot!(bed.run(["diff"]).exits(1).stdout, @r#"
    clients/web.yaml  Web w
      client_metadata.a: "1" → "one"
      client_metadata.b: "2" → (absent)
      client_metadata.e: (absent) → "5"
      drift: the tenant changed since both were last in step, the file did not
        client_metadata.d: "4" → "four"
        client_metadata.f: (absent) → "6"

    3 edits, 2 drifted fields in 1 client
    "#);
    let (run, sent) = push(&bed);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(
        sent,
        [json!({"client_metadata": {"a": "one", "b": null, "e": "5"}})]
    );
    let merged = json!({"a": "one", "c": "3", "d": "four", "e": "5", "f": "6"});
    assert_eq!(bed.live("w")["client_metadata"], merged);
    bed.run(["pull"]).exits(0);
    assert_eq!(said(&bed, WEB)["client_metadata"], merged);
    bed.run(["diff"]).exits(0);
    // A conflict in one key holds everything back.
    set(
        &bed,
        WEB,
        "client_metadata",
        Some(json!({"a": "file", "c": "3", "d": "four", "e": "file", "f": "6"})),
    );
    let mut live = merged;
    live["a"] = json!("tenant");
    bed.sandbox.edit("w", "client_metadata", Some(live.clone()));
    assert_eq!(changes(&bed), [key("a", "conflict"), key("e", "edit")]);
    let (run, sent) = push(&bed);
    assert_eq!((run.code, sent), (1, vec![]), "{run}");
    // A pull keeps the file's side of it, and the next push still sends nothing.
    bed.run(["pull"]).exits(1);
    assert_eq!(said(&bed, WEB)["client_metadata"]["a"], "file");
    assert_eq!(push(&bed).1, [json!(null); 0]);
    bed.run(["push", "--yes", "--overwrite-drift"]).exits(0);
    assert_eq!(bed.live("w")["client_metadata"]["a"], "file");
}

#[test]
fn metadata_goes_as_a_whole_and_comes_again() {
    let bed = web(
        "[client_metadata]",
        json!({"client_metadata": {"a": "1", "b": "2"}}),
    );
    // A file without the line does not manage the field.
    set(&bed, WEB, "client_metadata", None);
    assert_eq!((push(&bed).0.code, changes(&bed)), (0, vec![]));
    set(&bed, WEB, "client_metadata", Some(json!({})));
    assert_eq!(
        push(&bed).1,
        [json!({"client_metadata": {"a": null, "b": null}})]
    );
    bed.run(["diff"]).exits(0);
    set(&bed, WEB, "client_metadata", Some(json!({"c": "3"})));
    assert_eq!(push(&bed).1, [json!({"client_metadata": {"c": "3"}})]);
    // null for a key is a key that goes; null for all of them is what the API does not take.
    set(&bed, WEB, "client_metadata", Some(json!({"c": null})));
    assert_eq!(push(&bed).1, [json!({"client_metadata": {"c": null}})]);
    bed.run(["diff"]).exits(0);
    set(&bed, WEB, "client_metadata", Some(json!(null)));
    let (run, sent) = push(&bed);
    assert_eq!((run.code, sent), (2, vec![]), "{run}");
    insta::assert_snapshot!(run.stderr, @r#"
    error: tenant/clients/web.yaml:1:31: `client_metadata` may not be null
      |
    1 | {"client_id":"w","name":"Web","client_metadata":null}
      |                               ^
    hint: write `client_metadata: {}` to remove every key, or remove the line to leave it as it is
    "#);
}

#[test]
fn a_removed_part_is_sent_as_null_where_the_api_merges() {
    let fields = json!({
        "native_social_login": {"apple": {"enabled": true}, "google": {"enabled": true}},
        "session_transfer": {"can_create_session_transfer_token": true, "delegation": {"allow_delegated_access": true}},
        "signed_request_object": {"required": true, "credentials": [{"id": "cred_1"}]},
        "jwt_configuration": {"alg": "RS256", "lifetime_in_seconds": 60},
        "mobile": {"ios": {"team_id": "A"}, "android": {"app_package_name": "a"}},
        "refresh_token": {"rotation_type": "rotating", "expiration_type": "expiring", "leeway": 3},
        "token_quota": {"client_credentials": {"enforce": true, "per_day": 5}},
    });
    let without = |field: &str, part: &str| {
        let mut value = fields[field].clone();
        value.as_object_mut().unwrap().shift_remove(part);
        value
    };
    let mut outcomes = Vec::new();
    for (field, part) in [
        ("native_social_login", "google"),
        ("session_transfer", "delegation"),
        ("session_transfer", "can_create_session_transfer_token"),
        ("signed_request_object", "credentials"),
        ("jwt_configuration", "lifetime_in_seconds"),
        ("mobile", "android"),
        ("refresh_token", "leeway"),
    ] {
        let bed = web("all", fields.clone());
        set(&bed, WEB, field, Some(without(field, part)));
        // What else is edited goes out, and the exit code still says that something was held back.
        set(&bed, WEB, "description", Some(json!("new")));
        let (run, sent) = push(&bed);
        let held_back: Vec<_> = run
            .stdout
            .lines()
            .filter(|line| line.contains("held back "))
            .collect();
        outcomes.push(format!(
            "{field}.{part}: {} {} {}",
            run.code,
            sent[0],
            held_back.join("|")
        ));
    }
    insta::assert_snapshot!(outcomes.join("\n"), @r#"
    native_social_login.google: 0 {"description":"new","native_social_login":{"apple":{"enabled":true},"google":null}} 
    session_transfer.delegation: 1 {"description":"new","session_transfer":{"can_create_session_transfer_token":true,"delegation":null}} 
    session_transfer.can_create_session_transfer_token: 1 {"description":"new"} held back      clients/web.yaml: session_transfer: `can_create_session_transfer_token` can't be taken away from the tenant
    signed_request_object.credentials: 1 {"description":"new"} held back      clients/web.yaml: signed_request_object: `credentials` can't be taken away from the tenant
    jwt_configuration.lifetime_in_seconds: 1 {"description":"new"} held back      clients/web.yaml: jwt_configuration: `lifetime_in_seconds` can't be taken away from the tenant
    mobile.android: 1 {"description":"new"} held back      clients/web.yaml: mobile: `android` can't be taken away from the tenant
    refresh_token.leeway: 0 {"description":"new","refresh_token":{"rotation_type":"rotating","expiration_type":"expiring"}}
    "#);
}

#[test]
fn null_clears_where_the_api_takes_it() {
    let taken = [
        ("organization_usage", json!("allow")),
        (
            "refresh_token",
            json!({"rotation_type": "rotating", "expiration_type": "expiring"}),
        ),
        ("native_social_login", json!({"apple": {"enabled": true}})),
        (
            "skip_non_verifiable_callback_uri_confirmation_prompt",
            json!(true),
        ),
    ];
    for (field, value) in taken {
        let bed = web(&format!("[{field}]"), json!({field: value}));
        set(&bed, WEB, field, Some(json!(null)));
        let (run, sent) = push(&bed);
        assert_eq!((run.code, sent), (0, vec![json!({field: null})]), "{run}");
        assert_eq!(bed.live("w").get(field), None);
        // The file may go on saying so.
        bed.run(["diff"]).exits(0);
        let files = bed.age();
        bed.run(["pull"]).exits(0);
        bed.assert_untouched(&files);
        assert_eq!(push(&bed).1, [json!(null); 0]);
    }
    let mut refusals = Vec::new();
    for (field, value) in [
        ("callbacks", json!(["https://a.example"])),
        ("logo_uri", json!("https://a.example")),
        ("sso", json!(true)),
        ("jwt_configuration", json!({"alg": "RS256"})),
        ("allowed_clients", json!(["a"])),
    ] {
        let bed = web("all", json!({field: value}));
        set(&bed, WEB, field, Some(json!(null)));
        let (run, sent) = push(&bed);
        assert_eq!((run.code, sent), (2, vec![]), "{run}");
        let said: Vec<&str> = run
            .stderr
            .lines()
            .filter(|line| line.starts_with(['e', 'h']))
            .collect();
        refusals.push(said.join("\n"));
    }
    insta::assert_snapshot!(refusals.join("\n"), @r#"
    error: tenant/clients/web.yaml:1:31: `callbacks` may not be null
    hint: write `callbacks: []` to clear it, or remove the line to leave it as it is
    error: tenant/clients/web.yaml:1:31: `logo_uri` may not be null
    hint: write `logo_uri: ""` to clear it, or remove the line to leave it as it is
    error: tenant/clients/web.yaml:1:31: `sso` may not be null
    hint: remove the line to leave it as it is
    error: tenant/clients/web.yaml:1:31: `jwt_configuration` may not be null
    hint: remove the line to leave it as it is
    error: tenant/clients/web.yaml:1:31: `allowed_clients` may not be null
    hint: remove the line to leave it as it is; with `allowed_clients: []`, an empty list lets every client of the tenant delegate
    "#);
}

#[test]
fn an_empty_text_or_list_clears_too() {
    let bed = web(
        "all",
        json!({"initiate_login_uri": "https://a.example", "logo_uri": "https://a.example", "callbacks": ["https://a.example"]}),
    );
    set(&bed, WEB, "initiate_login_uri", Some(json!("")));
    set(&bed, WEB, "logo_uri", Some(json!("")));
    set(&bed, WEB, "callbacks", Some(json!([])));
    let (_, sent) = push(&bed);
    assert_eq!(
        sent,
        [json!({"initiate_login_uri": "", "logo_uri": "", "callbacks": []})]
    );
    bed.run(["diff"]).exits(0);
    // The API serves no value where this one was cleared: that is no difference.
    bed.sandbox.edit("w", "initiate_login_uri", None);
    bed.run(["diff"]).exits(0);
    bed.run(["push", "--yes"]).exits(0);
    assert_eq!(bed.patches().len(), 1);
}

#[test]
fn a_newly_managed_field_has_no_base_until_it_is_pulled() {
    let fields = json!({"web_origins": ["https://a.example"]});
    // Somebody edits the file, or the dashboard, before anybody has pulled the field as a managed one.
    for on_the_dashboard in [false, true] {
        let bed = Bed::new().client("w", "Web", fields.clone()).pulled();
        manage(&bed, "[web_origins]");
        bed.run(["diff"]).exits(0);
        let new = json!(["https://b.example"]);
        match on_the_dashboard {
            true => bed.sandbox.edit("w", "web_origins", Some(new)),
            false => set(&bed, WEB, "web_origins", Some(new)),
        }
        assert_eq!(
            changes(&bed),
            [("web_origins".to_owned(), None, "conflict".to_owned())]
        );
        let (run, sent) = push(&bed);
        assert_eq!((run.code, sent), (1, vec![]), "{run}");
        bed.run(["pull"]).exits(1);
        let (run, sent) = push(&bed);
        assert_eq!((run.code, sent), (1, vec![]), "{run}");
    }
    // Once it was pulled, an edit is an edit and drift is drift.
    let bed = Bed::new().client("w", "Web", fields.clone()).pulled();
    manage(&bed, "[web_origins]");
    bed.pull();
    set(&bed, WEB, "web_origins", Some(json!(["https://b.example"])));
    assert_eq!(
        push(&bed).1,
        [json!({"web_origins": ["https://b.example"]})]
    );
    bed.sandbox
        .edit("w", "web_origins", Some(json!(["https://c.example"])));
    assert_eq!(
        changes(&bed),
        [("web_origins".to_owned(), None, "drift".to_owned())]
    );
    // A push in which file and tenant say the same of it gives it a base as well.
    let bed = Bed::new().client("w", "Web", fields).pulled();
    manage(&bed, "[web_origins]");
    set(&bed, WEB, "description", Some(json!("new")));
    bed.run(["push", "--yes"]).exits(0);
    set(&bed, WEB, "web_origins", Some(json!(["https://b.example"])));
    assert_eq!(
        push(&bed).1,
        [json!({"web_origins": ["https://b.example"]})]
    );
}

#[test]
fn risks_are_named_wherever_somebody_looks() {
    let fields = json!({
        "callbacks": ["https://a.example/cb", "https://b.example/cb"],
        "grant_types": ["authorization_code", "implicit"],
        "jwt_configuration": {"alg": "HS256", "lifetime_in_seconds": 60},
        "token_endpoint_auth_method": "client_secret_post",
        "web_origins": ["https://a.example"],
        "logo_uri": "https://a.example/logo",
    });
    let bed = web("all", fields);
    set(
        &bed,
        WEB,
        "callbacks",
        Some(json!([
            "https://a.example/cb",
            "https://*.example/cb",
            "http://localhost:3000/cb"
        ])),
    );
    set(
        &bed,
        WEB,
        "grant_types",
        Some(json!(["authorization_code", "refresh_token"])),
    );
    set(
        &bed,
        WEB,
        "jwt_configuration",
        Some(json!({"alg": "RS256", "lifetime_in_seconds": 60})),
    );
    set(&bed, WEB, "token_endpoint_auth_method", Some(json!("none")));
    set(
        &bed,
        WEB,
        "web_origins",
        Some(json!(["https://a.example", "https://b.example"])),
    );
    set(&bed, WEB, "logo_uri", Some(json!("https://b.example/logo")));
    let document = bed.run(["diff", "-o", "json"]).exits(1).json();
    let risks: Vec<String> = document["resources"][0]["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| format!("{}: {}", field["field"].as_str().unwrap(), field["risk"]))
        .collect();
    insta::assert_snapshot!(risks.join("\n"), @r#"
    callbacks: "logins that return to `https://b.example/cb` fail at once; `https://*.example/cb` is open to every name in the place of `*`; `http://localhost:3000/cb` is the machine of whoever logs in"
    grant_types: "logins and tokens by `implicit` stop at once"
    jwt_configuration: "whoever verifies its tokens by the old algorithm refuses them at once"
    logo_uri: null
    token_endpoint_auth_method: "whoever asks for tokens the other way is refused at once"
    web_origins: null
    "#);
    assert_eq!(document["summary"]["risk"], 4);
    assert_eq!(document["summary"]["edit"], 6);
    let sentences: Vec<String> = document["resources"][0]["fields"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|field| Some(field["risk"].as_str()?.to_owned()))
        .collect();
    let text = bed.run(["diff"]).exits(1).stdout;
    let markdown = bed.run(["diff", "-o", "markdown"]).exits(1).stdout;
    let characters = [("&#96;", "`"), ("&#42;", "*"), ("&#95;", "_")];
    let markdown = characters.iter().fold(markdown, |text, (escaped, plain)| {
        text.replace(escaped, plain)
    });
    for sentence in &sentences {
        assert!(text.contains(sentence), "{sentence}: {text}");
        assert!(markdown.contains(sentence), "{sentence}: {markdown}");
    }
    assert!(text.contains("4 risks"), "{text}");
    assert!(markdown.contains("4 risks"), "{markdown}");
    // A push without a terminal warns of each before it sends.
    let (run, _) = push(&bed);
    for sentence in &sentences {
        assert!(run.stderr.contains(sentence), "{sentence}: {run}");
    }
    assert_eq!(run.code, 0);
}

#[cfg(unix)]
#[test]
fn the_question_of_a_push_names_its_risks() {
    let bed = web(
        "[callbacks, grant_types]",
        json!({"callbacks": ["https://a.example"], "grant_types": ["implicit", "password"]}),
    );
    set(
        &bed,
        WEB,
        "callbacks",
        Some(json!(["https://a.example", "https://*.example"])),
    );
    set(&bed, WEB, "description", Some(json!("new")));
    let mut push = bed.at_terminal(["push"]);
    push.answer("a risk: callbacks of clients/web.yaml?", "no");
    let (screen, code) = push.ends();
    assert!(screen.contains("`https://*.example` is open"), "{screen}");
    assert_eq!((code, bed.count("PATCH")), (1, 0));
    set(&bed, WEB, "grant_types", Some(json!(["implicit"])));
    let mut push = bed.at_terminal(["push"]);
    push.answer(
        "2 of them a risk: callbacks of clients/web.yaml, grant_types of clients/web.yaml?",
        "yes",
    );
    assert_eq!((push.ends().1, bed.count("PATCH")), (0, 1));
}

/// The tool's own client, `sandbox`, as it is on the tenant.
fn own_client() -> Value {
    json!({
        "grant_types": ["client_credentials", "refresh_token"],
        "token_endpoint_auth_method": "client_secret_post",
        "client_authentication_methods": null,
        "callbacks": ["https://a.example"],
    })
}

#[test]
fn the_tools_own_client_keeps_its_access() {
    let mut fields = own_client();
    fields
        .as_object_mut()
        .unwrap()
        .shift_remove("client_authentication_methods");
    let bed = Bed::new()
        .client("sandbox", "Tool", fields.clone())
        .client("w", "Web", fields)
        .start();
    manage(&bed, "all");
    bed.pull();
    let method = json!({"private_key_jwt": {"credentials": [{"id": "cred_1"}]}});
    for file in ["tenant/clients/tool.yaml", WEB] {
        set(&bed, file, "grant_types", Some(json!(["refresh_token"])));
        set(&bed, file, "token_endpoint_auth_method", Some(json!(null)));
        set(
            &bed,
            file,
            "client_authentication_methods",
            Some(method.clone()),
        );
        set(&bed, file, "callbacks", Some(json!(["https://b.example"])));
    }
    let (run, _) = push(&bed);
    assert_eq!(run.code, 1, "{run}");
    let callbacks = json!(["https://b.example"]);
    assert_eq!(
        bed.patches(),
        [
            ("sandbox".to_owned(), json!({"callbacks": callbacks})),
            (
                "w".to_owned(),
                json!({
                    "callbacks": callbacks, "client_authentication_methods": method, "grant_types": ["refresh_token"],
                    "token_endpoint_auth_method": null,
                })
            ),
        ]
    );
    let held_back: Vec<_> = run
        .stdout
        .lines()
        .filter(|line| line.contains("held back "))
        .collect();
    insta::assert_snapshot!(held_back.join("\n"), @"held back      clients/tool.yaml: client_authentication_methods, grant_types, token_endpoint_auth_method: the client is the one whose credentials are in use, which would lose its access: change it in the dashboard");
    // A grant type that is not the tool's own way in may go.
    set(
        &bed,
        "tenant/clients/tool.yaml",
        "grant_types",
        Some(json!(["client_credentials"])),
    );
    set(
        &bed,
        "tenant/clients/tool.yaml",
        "token_endpoint_auth_method",
        Some(json!("client_secret_post")),
    );
    set(
        &bed,
        "tenant/clients/tool.yaml",
        "client_authentication_methods",
        None,
    );
    let (run, sent) = push(&bed);
    assert_eq!(
        (run.code, sent),
        (0, vec![json!({"grant_types": ["client_credentials"]})]),
        "{run}"
    );
}

#[test]
fn a_ready_token_says_whose_client_must_keep_its_access() {
    use base64::Engine as _;
    use std::sync::{Arc, Mutex};
    let encode =
        |part: Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(part.to_string());
    let tool = json!({"client_id": "t", "name": "Tool", "grant_types": ["client_credentials", "implicit"], "sso": false});
    let asked = Arc::new(Mutex::new(Vec::new()));
    let stub = {
        let (tool, asked) = (tool.clone(), Arc::clone(&asked));
        common::Stub::start(move |method, path| {
            asked.lock().unwrap().push(format!("{method} {path}"));
            match path.starts_with("/api/v2/clients?") {
                true => {
                    json!({"start": 0, "limit": 100, "length": 1, "total": 1, "clients": [tool]})
                }
                false => tool.clone(),
            }
        })
    };
    let bed = Bed::new().start();
    manage(&bed, "all");
    let run = |azp: &str, arguments: &[&str]| {
        let token = format!(
            "{}.{}.signature",
            encode(json!({"alg": "RS256"})),
            encode(json!({"azp": azp}))
        );
        let mut command = bed.command_without_settings();
        command
            .env("AUTH0_DOMAIN", stub.url())
            .env("AUTH0_ACCESS_TOKEN", token)
            .args(arguments);
        bed.run_command(command)
    };
    run("t", &["pull"]).exits(0);
    set(
        &bed,
        "tenant/clients/tool.yaml",
        "grant_types",
        Some(json!(["implicit"])),
    );
    let held_back = run("t", &["push", "--yes"]).exits(1);
    assert!(held_back.stdout.contains("held back"), "{held_back}");
    let patches = || {
        asked
            .lock()
            .unwrap()
            .iter()
            .filter(|one| one.starts_with("PATCH"))
            .count()
    };
    assert_eq!(patches(), 0);
    // What another application may do to it is another's business.
    run("another", &["push", "--yes"]);
    assert_eq!(patches(), 1);
}

#[test]
fn an_answer_that_is_not_what_was_sent_is_reported() {
    // A tenant that takes every update and stays what it is.
    let client = json!({"client_id": "w", "name": "Web", "callbacks": ["https://a.example"], "client_metadata": {"a": "1"}});
    let stub = common::Stub::start(move |_, path| match path.starts_with("/api/v2/clients?") {
        true => json!({"start": 0, "limit": 100, "length": 1, "total": 1, "clients": [client]}),
        false => client.clone(),
    });
    let bed = Bed::new().start();
    manage(&bed, "all");
    let run = |arguments: &[&str]| {
        let mut command = bed.command_without_settings();
        command
            .env("AUTH0_DOMAIN", stub.url())
            .env("AUTH0_ACCESS_TOKEN", "token")
            .args(arguments);
        bed.run_command(command)
    };
    run(&["pull"]).exits(0);
    set(&bed, WEB, "callbacks", Some(json!(["https://b.example"])));
    set(&bed, WEB, "client_metadata", Some(json!({"a": "2"})));
    let pushed = run(&["push", "--yes"]);
    let pushed = format!("{pushed}").replace(&stub.address(), "127.0.0.1:PORT");
    insta::assert_snapshot!(pushed, @r#"
    exit code 1
    --- stdout
    clients/web.yaml  Web w
      callbacks:
        - "https://a.example"
        + "https://b.example"
        warning: logins that return to `https://a.example` fail at once
      client_metadata.a: "1" → "2"

    2 edits in 1 client, 1 risk
    updated        clients/web.yaml: callbacks, client_metadata.a; the tenant answered with another value for callbacks, client_metadata.a
    1 client updated
    --- stderr
    warning: clients/web.yaml: callbacks: logins that return to `https://a.example` fail at once
    "#);
}

#[test]
fn misspelt_keys_are_findings_and_warnings() {
    let bed = web(
        "all",
        json!({"callbacks": ["https://a.example"], "discription_of_old": "x"}),
    );
    // A field that the tenant serves is no misspelling, however close it is.
    bed.sandbox.edit("w", "descriptions", Some(json!("served")));
    bed.pull();
    bed.run(["check"]).exits(0);
    set(&bed, WEB, "descripton", Some(json!("new")));
    set(&bed, WEB, "callback", Some(json!(["https://b.example"])));
    set(&bed, WEB, "xyzzy", Some(json!(1)));
    insta::assert_snapshot!(bed.run(["check"]).exits(1), @"
    exit code 1
    --- stdout
    tenant/clients/web.yaml:1:114: `descripton` is no field of a client
      hint: did you mean `description`?
    tenant/clients/web.yaml:1:133: `callback` is no field of a client
      hint: did you mean `callbacks`?
    1 file, 2 findings
    ");
    for command in [&["diff"][..], &["push", "--yes"], &["pull"]] {
        let run = bed.run(command.iter().copied());
        assert!(run.stderr.contains("`description`"), "{command:?}: {run}");
    }
    assert_eq!(bed.patches(), []);
}

/// Web in a git repository, pulled and committed.
fn committed(fields: Value) -> Bed {
    let bed = Bed::new().client("w", "Web", fields).pulled();
    git(&bed, &["init", "-q", "-b", "main"]);
    git(&bed, &["add", "tenant"]);
    git(&bed, &["commit", "-q", "-m", "Pull"]);
    bed
}

fn git(bed: &Bed, arguments: &[&str]) {
    let mut git = std::process::Command::new("git");
    git.args(arguments)
        .current_dir(bed.path(""))
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null");
    for who in ["AUTHOR", "COMMITTER"] {
        git.env(format!("GIT_{who}_NAME"), "A")
            .env(format!("GIT_{who}_EMAIL"), "a@example.com");
    }
    for variable in ["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"] {
        git.env_remove(variable);
    }
    let output = git.output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {output:?}");
}

#[test]
fn an_edit_that_push_does_not_send_is_never_silent() {
    let fields = json!({"callbacks": ["https://a.example"], "tenant": "acme", "zz_new": {"a": 1}, "third_party_security_mode": "strict"});
    let edits = [
        ("callbacks", json!(["https://b.example"])),
        ("tenant", json!("other")),
        ("zz_new", json!({"a": 2})),
        ("third_party_security_mode", json!("permissive")),
    ];
    for base in [&[][..], &["--base", "HEAD"]] {
        for (field, value) in &edits {
            let bed = committed(fields.clone());
            set(&bed, WEB, field, Some(value.clone()));
            let run = |arguments: &[&str]| bed.run(arguments.iter().chain(base).copied());
            let diff = run(&["diff"]).exits(1);
            assert!(diff.stdout.contains(field), "{diff}");
            let push = run(&["push", "--yes"]).exits(1);
            assert!(
                push.stdout
                    .contains(&format!("held back      clients/web.yaml: {field}: push")),
                "{push}"
            );
            let report = run(&["push", "--yes", "-o", "json"]).exits(1).json();
            assert_eq!(report["summary"]["held_back"], 1, "{report}");
            assert_eq!(
                report["results"][0]["fields"][0]["field"], *field,
                "{report}"
            );
            bed.assert_only_gets();
            let pull = run(&["pull"]);
            let live = bed.live("w")[*field].clone();
            assert!(
                pull.stdout.contains(&format!(
                    "dropped {field}: {value}, which push does not send; it is {live}"
                )),
                "{pull}"
            );
            assert_eq!(pull.code, 0, "{pull}");
            assert_eq!(said(&bed, WEB)[*field], live);
            run(&["diff"]).exits(0);
        }
        // What the tenant changed is no edit of anybody's file.
        let bed = committed(fields.clone());
        bed.sandbox.edit("w", "callbacks", Some(json!([])));
        let run = |arguments: &[&str]| bed.run(arguments.iter().chain(base).copied());
        run(&["diff"]).exits(1);
        run(&["push", "--yes"]).exits(0);
        let pull = run(&["pull"]).exits(0);
        assert!(!pull.stdout.contains("dropped"), "{pull}");
    }
}

/// What is known of a field stays known where the project does not manage it any more, whatever a push then remembers.
#[test]
fn a_field_that_was_managed_once_is_no_edit_of_a_file_that_nobody_edited() {
    let fields = json!({"callbacks": ["https://a.example"], "description": "old"});
    let there = json!(["https://b.example"]);
    for is_sent in [true, false] {
        let bed = web("[callbacks]", fields.clone());
        manage(&bed, "[]");
        bed.sandbox.edit("w", "callbacks", Some(there.clone()));
        set(&bed, WEB, "description", Some(json!("new")));
        if !is_sent {
            bed.sandbox.edit("w", "description", Some(json!("new")));
        }
        assert_eq!(push(&bed).0.code, 0);
        assert!(bed.base("w").get("callbacks").is_none());
        let (run, sent) = push(&bed);
        assert_eq!((run.code, sent), (0, vec![]), "{run}");
        let diff = bed.run(["diff"]).exits(1);
        assert!(!diff.stdout.contains("the file changed"), "{diff}");
        // What somebody then edits is an edit, and going back is none.
        let edited = json!(["https://c.example"]);
        set(&bed, WEB, "callbacks", Some(edited));
        let (run, _) = push(&bed);
        assert_eq!(run.code, 1, "{run}");
        set(&bed, WEB, "callbacks", Some(fields["callbacks"].clone()));
        assert_eq!(push(&bed).0.code, 0);
        set(&bed, WEB, "description", Some(json!("newer")));
        assert_eq!(push(&bed).0.code, 0);
        let pull = bed.run(["pull"]).exits(0);
        assert!(!pull.stdout.contains("dropped"), "{pull}");
        assert_eq!(said(&bed, WEB)["callbacks"], there);
    }
}

#[test]
fn a_new_key_is_an_edit_too() {
    for base in [&[][..], &["--base", "HEAD"]] {
        let bed = committed(json!({}));
        set(&bed, WEB, "sso", Some(json!(true)));
        let run = |arguments: &[&str]| bed.run(arguments.iter().chain(base).copied());
        let push = run(&["push", "--yes"]).exits(1);
        assert!(push.stdout.contains("sso: push does not send it"), "{push}");
        let pull = run(&["pull"]).exits(0);
        assert!(pull.stdout.contains("dropped sso: true"), "{pull}");
        assert_eq!(said(&bed, WEB).get("sso"), None);
    }
}

#[test]
fn a_file_whose_unmanaged_tail_was_deleted_is_fine() {
    let fields = json!({"callbacks": ["https://a.example"], "sso": true, "tenant": "acme"});
    for base in [&[][..], &["--base", "HEAD"]] {
        let bed = committed(fields.clone());
        let text = bed.read(WEB);
        let (head, _) = text.split_once("# Push does not send").unwrap();
        bed.write(WEB, head);
        bed.sandbox.clear_requests();
        bed.run(["push", "--yes"].iter().chain(base).copied())
            .exits(0);
        assert_eq!(bed.count("GET"), 0, "{:?}", bed.requests());
        bed.assert_only_gets();
    }
}

#[test]
fn derived_twins_are_no_difference() {
    let fields = json!({
        "cross_origin_authentication": false, "cross_origin_auth": false,
        "oidc_logout": {"backchannel_logout_urls": ["https://a.example"]},
        "oidc_backchannel_logout": {"backchannel_logout_urls": ["https://a.example"]},
    });
    for clients in ["all", "[]"] {
        let bed = web(clients, fields.clone());
        bed.sandbox
            .edit("w", "cross_origin_auth", Some(json!(true)));
        bed.sandbox.edit("w", "oidc_backchannel_logout", None);
        assert_eq!(changes(&bed), []);
        set(&bed, WEB, "cross_origin_auth", None);
        let (run, sent) = push(&bed);
        assert_eq!((run.code, sent), (0, vec![]), "{run}");
        bed.run(["diff"]).exits(0);
    }
}

/// Whoever edits a twin is told which field to edit; a file whose twin only lags behind says nothing.
#[test]
fn an_edit_of_a_derived_twin_names_its_source() {
    let fields = json!({"cross_origin_authentication": false, "cross_origin_auth": false});
    let bed = web("all", fields);
    set(&bed, WEB, "cross_origin_auth", Some(json!(true)));
    let told = "the tenant derives it from `cross_origin_authentication`, which is the one to edit";
    let diff = bed.run(["diff"]).exits(1);
    assert!(
        diff.stdout
            .contains("  never sent: the file changed it, and no push sends it\n"),
        "{diff}"
    );
    assert!(diff.stdout.contains(told), "{diff}");
    for _ in 0..2 {
        let (run, sent) = push(&bed);
        assert_eq!((run.code, sent), (1, vec![]), "{run}");
        assert!(
            run.stdout
                .contains(&format!("cross_origin_auth: push never sends it: {told}")),
            "{run}"
        );
    }
    let check = bed.run(["check"]).exits(1);
    assert!(
        check.stdout.contains("no push sends `cross_origin_auth`: the tenant derives it from `cross_origin_authentication`"),
        "{check}"
    );
    let pull = bed.run(["pull"]).exits(0);
    assert!(
        pull.stdout
            .contains("dropped cross_origin_auth: true, which push does not send; it is false"),
        "{pull}"
    );
    bed.run(["check"]).exits(0);
    // The twin follows its source on the tenant, and the file's is a step behind.
    set(&bed, WEB, "cross_origin_authentication", Some(json!(true)));
    let (run, sent) = push(&bed);
    assert_eq!((run.code, sent.len()), (0, 1), "{run}");
    bed.sandbox
        .edit("w", "cross_origin_auth", Some(json!(true)));
    set(&bed, WEB, "description", Some(json!("new")));
    assert_eq!(push(&bed).0.code, 0);
    for command in [&["diff"][..], &["check"], &["push", "--yes"], &["pull"]] {
        bed.run(command.iter().copied()).exits(0);
    }
}

/// What no push sends is not said to be sent once somebody manages it.
#[test]
fn a_field_that_is_never_sent_is_told_by_its_reason() {
    let bed = web("[]", json!({"tenant": "acme", "sso": true, "zz_new": 1}));
    for (field, value) in [
        ("tenant", json!("x")),
        ("sso", json!(false)),
        ("zz_new", json!(2)),
    ] {
        set(&bed, WEB, field, Some(value));
    }
    insta::assert_snapshot!(bed.run(["diff"]).exits(1).stdout, @r#"
    clients/web.yaml  Web w
      unmanaged: the file changed it, and push sends it only where tenantry.yaml manages the field
        sso: true → false
      never sent: the file changed it, and no push sends it
        tenant: "acme" → "x"
          the tenant sets it, and no update takes it
        zz_new: 1 → 2
          nobody knows whether an update takes it

    3 unmanaged differences in 1 client
    "#);
    insta::assert_snapshot!(bed.run(["diff", "-o", "markdown"]).exits(1).stdout, @r#"
    ### tenantry: 127.0.0.1:PORT

    3 unmanaged differences in 1 client.

    | name | file | differences |
    |---|---|---|
    | Web | clients/web.yaml | unmanaged: sso, tenant, zz&#95;new |

    <details open><summary>Web <code>w</code></summary>

    **Unmanaged edit**: the file changed it, and push sends it only where tenantry.yaml manages the field.

    ```diff
    @@ sso @@
    - true
    + false
    ```

    **Never sent**: the file changed it, and no push sends it. tenant: the tenant sets it, and no update takes it. zz&#95;new: nobody knows whether an update takes it.

    ```diff
    @@ tenant @@
    - "acme"
    + "x"
    @@ zz_new @@
    - 1
    + 2
    ```

    </details>
    "#);
}

#[test]
fn fields_of_the_command_line_are_managed_ones() {
    let bed = web(
        "[callbacks]",
        json!({"callbacks": ["https://a.example"], "sso": false}),
    );
    for command in [
        &["push", "--yes", "--fields", "sso"][..],
        &["push", "--yes", "--fields", "callbacks,sso"],
    ] {
        let run = bed.run(command.iter().copied()).exits(2);
        assert!(
            run.stderr
                .contains("`manage: {clients: [sso]}` in tenantry.yaml"),
            "{run}"
        );
        assert_eq!(bed.requests(), [""; 0]);
    }
    set(&bed, WEB, "callbacks", Some(json!(["https://b.example"])));
    set(&bed, WEB, "description", Some(json!("new")));
    bed.run(["push", "--yes", "--fields", "callbacks"]).exits(0);
    assert_eq!(
        bed.patches(),
        [("w".to_owned(), json!({"callbacks": ["https://b.example"]}))]
    );
}

#[test]
fn a_saved_plan_sends_no_field_that_this_project_does_not_manage() {
    let bed = web("[callbacks]", json!({"callbacks": ["https://a.example"]}));
    set(&bed, WEB, "callbacks", Some(json!(["https://b.example"])));
    let plan = bed.run(["diff", "-o", "json"]).exits(1).stdout;
    bed.write("plan.json", &plan.replace("127.0.0.1:PORT", &bed.address()));
    bed.write("tenant/tenantry.yaml", "");
    bed.sandbox.clear_requests();
    let run = bed.run(["push", "--yes", "--plan", "plan.json"]);
    assert_ne!(run.code, 0, "{run}");
    bed.assert_only_gets();
    assert_eq!(bed.live("w")["callbacks"], json!(["https://a.example"]));
    insta::assert_snapshot!(run, @"
    exit code 1
    --- stderr
    error: nothing was sent: files and tenant are not as plan.json has them
    clients/web.yaml: callbacks: push does not send it; `manage: {clients: [callbacks]}` in tenantry.yaml has it sent
    hint: make a new plan with `tenantry diff -o json`, and look at it
    ");
    manage(&bed, "[callbacks]");
    bed.run(["push", "--yes", "--plan", "plan.json"]).exits(0);
    assert_eq!(
        bed.patches(),
        [("w".to_owned(), json!({"callbacks": ["https://b.example"]}))]
    );
}

#[test]
fn a_saved_plan_takes_no_key_away_that_the_file_leaves_alone_by_now() {
    let bed = web(
        "[client_metadata]",
        json!({"client_metadata": {"a": "1", "b": "2"}}),
    );
    set(&bed, WEB, "client_metadata", Some(json!({"a": "1"})));
    let plan = bed.run(["diff", "-o", "json"]).exits(1).stdout;
    bed.write("plan.json", &plan.replace("127.0.0.1:PORT", &bed.address()));
    let push = || bed.run(["push", "--yes", "--plan", "plan.json"]);
    set(&bed, WEB, "client_metadata", None);
    push()
        .exits(1)
        .complains("client_metadata.b in the file is not what the plan says");
    assert_eq!(bed.patches(), []);
    // A key that is null says the same as none.
    set(
        &bed,
        WEB,
        "client_metadata",
        Some(json!({"a": "1", "b": null})),
    );
    push().exits(0);
    assert_eq!(
        bed.patches(),
        [("w".to_owned(), json!({"client_metadata": {"b": null}}))]
    );
}

#[test]
fn a_conflict_in_a_key_that_both_sides_added_stays_one() {
    let bed = web("[client_metadata]", json!({}));
    set(&bed, WEB, "client_metadata", Some(json!({"a": "file"})));
    bed.sandbox
        .edit("w", "client_metadata", Some(json!({"a": "tenant"})));
    for _ in 0..2 {
        assert_eq!(push(&bed).1, [json!(null); 0]);
        bed.run(["pull"]).exits(1);
    }
    assert_eq!(push(&bed).1, [json!(null); 0]);
}

/// The tenants `dev` and `prod` in one folder, both pulled from the same sandbox's clients with other ids.
struct Two {
    dev: Bed,
    prod: tenantry::sandbox::Sandbox,
}

impl Two {
    fn new(clients: &str, dev: Value, prod: Value) -> Two {
        let dev = Bed::new().client("d-web", "Web", dev).start();
        let prod =
            tenantry::sandbox::Sandbox::builder().client(common::client("p-web", "Web", prod));
        let two = Two {
            dev,
            prod: prod.start().unwrap(),
        };
        manage(&two.dev, clients);
        two.dev.run(["pull", "--tenant", "dev"]).exits(0);
        two.on_prod(&["pull"]).exits(0);
        two
    }

    fn on_prod(&self, arguments: &[&str]) -> Run {
        let mut command = self.dev.command();
        command
            .env("AUTH0_DOMAIN", self.prod.url())
            .env("AUTH0_CLIENT_ID", self.prod.client_id())
            .env("AUTH0_CLIENT_SECRET", self.prod.client_secret())
            .args(arguments)
            .args(["--tenant", "prod"]);
        self.dev.run_command(command)
    }

    fn promote(&self, options: &[&str]) -> Run {
        let promote = ["promote", "--from", "dev", "--to", "prod"];
        self.dev.run(promote.iter().chain(options).copied())
    }

    fn said(&self) -> Map<String, Value> {
        said(&self.dev, "tenant/prod/clients/web.yaml")
    }
}

#[test]
fn promotion_carries_managed_fields_and_leaves_what_is_a_tenants_own() {
    let of = |host: &str, credential: &str| {
        json!({
            "callbacks": [format!("https://{host}.example/cb")],
            "client_metadata": {"stage": host, "team": "shop"},
            "default_organization": {"organization_id": format!("org_{host}"), "flows": ["client_credentials"]},
            "grant_types": if host == "dev" { json!(["implicit"]) } else { json!(["password"]) },
            "signed_request_object": {"required": true, "credentials": [{"id": credential}]},
            "sso": host == "dev",
            "tenant": host,
        })
    };
    let two = Two::new(
        "[callbacks, client_metadata, default_organization, grant_types, signed_request_object]",
        of("dev", "cred_1"),
        of("prod", "cred_2"),
    );
    two.dev.write("tenant/prod/overrides.yaml", "clients:\n  web:\n    callbacks: [\"https://prod.example/cb\"]\n    client_metadata: {stage: prod}\n");
    two.dev
        .edit("tenant/dev/clients/web.yaml", "team: shop", "team: pay");
    let run = two.promote(&[]);
    insta::assert_snapshot!(run, @r#"
    exit code 0
    --- stdout
    clients/web.yaml  Web p-web
      client_metadata.team: "shop" → "pay"
      grant_types:
        - "password"
        + "implicit"
        warning: logins and tokens by `password` stop at once

    2 values written to 1 file
    clients/web: client_metadata is prod's own value, from overrides.yaml
    clients/web: default_organization means something in dev only, and stays there; prod's own can stand in its overrides.yaml
    clients/web: signed_request_object means something in dev only, and stays there; prod's own can stand in its overrides.yaml
    "#);
    let mut expected = of("prod", "cred_2");
    expected["client_metadata"] = json!({"stage": "prod", "team": "pay"});
    expected["grant_types"] = json!(["implicit"]);
    let expected = common::client("p-web", "Web", expected);
    assert_eq!(Value::Object(two.said()), expected);
    let push = two.on_prod(&["push", "--yes"]).exits(0);
    assert!(
        push.stderr
            .contains("logins and tokens by `password` stop at once"),
        "{push}"
    );
    assert_eq!(two.prod.client("p-web").unwrap(), expected);
    // Fields can be named, and have to be managed.
    assert!(
        two.promote(&["--fields", "callbacks"])
            .exits(0)
            .stdout
            .starts_with("no differences")
    );
    two.promote(&["--fields", "sso"])
        .exits(2)
        .complains("`sso` is not managed in dev");
}

#[test]
fn an_override_is_of_a_managed_field() {
    let two = Two::new(
        "[callbacks]",
        json!({"callbacks": []}),
        json!({"callbacks": []}),
    );
    for (values, problem) in [
        ("sso: true", "sso"),
        ("callbacks: https://a.example", "callbacks"),
        ("tenant: a", "tenant"),
    ] {
        two.dev.write(
            "tenant/prod/overrides.yaml",
            &format!("clients:\n  web:\n    {values}\n"),
        );
        two.promote(&[])
            .exits(2)
            .complains("overrides.yaml:3:")
            .complains(problem);
    }
}

#[test]
fn list_and_completions_know_the_managed_fields() {
    let bed = web(
        "[callbacks]",
        json!({"callbacks": ["https://a.example"], "sso": true}),
    );
    let state = || bed.run(["list", "-o", "json"]).json()["resources"][0]["state"].clone();
    let in_step = state();
    set(&bed, WEB, "callbacks", Some(json!(["https://b.example"])));
    let edited = state();
    bed.run(["push", "--yes"]).exits(0);
    bed.sandbox.edit("w", "callbacks", Some(json!([])));
    insta::assert_snapshot!(format!("{in_step} {edited} {}", state()), @r#""unchanged" "changed" "changed""#);
    let offered = |word: &str| {
        let mut command = bed.command_without_settings();
        command
            .env("TENANTRY_COMPLETE", "fish")
            .args(["--", "tenantry", "push", "--fields", word]);
        bed.run_command(command).stdout
    };
    assert_eq!(offered("callb"), "callbacks\n");
    assert_eq!(offered("ten"), "", "no push sends it");
    assert_eq!(offered("web_o"), "", "the project does not manage it");
}

#[test]
fn markdown_has_managed_fields_keys_and_unsent_edits() {
    let bed = web(
        "[callbacks, client_metadata]",
        json!({"callbacks": ["https://a.example"], "client_metadata": {"a": "1", "b": "2"}, "sso": true}),
    );
    set(&bed, WEB, "callbacks", Some(json!(["http://localhost"])));
    set(&bed, WEB, "client_metadata", Some(json!({"a": "x"})));
    set(&bed, WEB, "sso", Some(json!(false)));
    insta::assert_snapshot!(bed.run(["diff", "-o", "markdown"]).exits(1).stdout, @r#"
    ### tenantry: 127.0.0.1:PORT

    3 edits, 1 unmanaged difference in 1 client, 1 risk.

    | name | file | differences |
    |---|---|---|
    | Web | clients/web.yaml | edit: callbacks, client&#95;metadata.a, client&#95;metadata.b; unmanaged: sso |

    > [!WARNING]
    > Web: callbacks: logins that return to &#96;https://a.example&#96; fail at once; &#96;http://localhost&#96; is the machine of whoever logs in.

    <details open><summary>Web <code>w</code></summary>

    **Edit**: the file changed it, and push sends it.

    ```diff
    @@ callbacks @@
    - "https://a.example"
    + "http://localhost"
    @@ client_metadata.a @@
    - "1"
    + "x"
    @@ client_metadata.b @@
    - "2"
    ```

    **Unmanaged edit**: the file changed it, and push sends it only where tenantry.yaml manages the field.

    ```diff
    @@ sso @@
    - true
    + false
    ```

    </details>
    "#);
}

#[test]
fn the_schemas_are_what_files_are_held_to() {
    let bed = Bed::new().start();
    let schema = bed.run(["schema", "clients"]).exits(0).stdout;
    assert_eq!(schema, include_str!("../src/kinds/schema/clients.json"));
    let project: Value = serde_json::from_str(&bed.run(["schema"]).exits(0).stdout).unwrap();
    let validator = jsonschema::validator_for(&project).unwrap();
    let mut names: Vec<_> = updatable().iter().map(|sample| sample.field).collect();
    let every = format!("manage: {{clients: [{}]}}", names.join(", "));
    names.retain(|name| !DEFAULT.contains(name));
    let texts = [
        (true, ""),
        (true, "# nothing yet\n"),
        (true, "base: origin/main\nprotected: true\n"),
        (true, "manage: {clients: all}"),
        (true, "manage: {clients: none}"),
        (true, "manage: {clients: []}"),
        (true, "manage: {}"),
        (true, every.as_str()),
        (false, "bsae: origin/main"),
        (false, "base: 12"),
        (false, "protected: maybe"),
        (false, "manage: all"),
        (false, "manage: {client: all}"),
        (false, "manage: {clients: every}"),
        (false, "manage: {clients: [calbacks]}"),
        (false, "manage: {clients: [addons]}"),
        (false, "manage: {clients: [client_secret]}"),
        (false, "manage: {clients: [client_id]}"),
        (false, "manage: {clients: [tenant]}"),
        (false, "manage: {clients: [third_party_security_mode]}"),
        (false, "manage: {clients: [cross_origin_auth]}"),
        (false, "manage: {clients: [1]}"),
    ];
    for (is_right, text) in texts {
        let value: Value = serde_yaml::from_str(text).unwrap();
        assert_eq!(validator.is_valid(&value), is_right, "{text}");
        // tenantry itself says the same.
        bed.write("tenant/tenantry.yaml", text);
        let run = bed.run(["pull"]);
        let is_refused = run.stderr.contains("tenantry.yaml:1:");
        assert_eq!(is_refused, !is_right, "{text}: {run}");
    }
    assert_eq!(bed.patches(), []);
}

#[test]
fn an_empty_object_knows_of_each_key_that_it_was_not_there() {
    for (was, said) in [(json!({}), json!({})), (json!({"team": "shop"}), json!({}))] {
        let bed = web("[client_metadata]", json!({"client_metadata": was}));
        set(&bed, WEB, "client_metadata", Some(said));
        set(&bed, WEB, "description", Some(json!("new")));
        let live = json!({"dash": "1", "team": "shop"});
        let live = match was.get("team") {
            Some(_) => live,
            None => json!({"dash": "1"}),
        };
        bed.sandbox.edit("w", "client_metadata", Some(live));
        bed.run(["push", "--yes"]).exits(0);
        let dash = (
            "client_metadata".to_owned(),
            Some("dash".to_owned()),
            "drift".to_owned(),
        );
        assert_eq!(changes(&bed), [dash], "{}", bed.read("tenant/tenant.lock"));
        bed.run(["pull"]).exits(0);
        assert_eq!(changes(&bed), []);
    }
}
