//! The sandbox over a real socket: what any client of the API sees of it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

use std::time::Duration;

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tenantry::sandbox::{Builder, Sandbox};
use tenantry::testing::{Fault, FaultRule};

#[path = "sandbox/kinds.rs"]
mod kinds;
#[path = "sandbox/official.rs"]
mod official;
#[path = "common/recorded.rs"]
mod recorded;

/// What talks to a sandbox: one token, one connection per request.
struct Api {
    http: reqwest::Client,
    url: String,
    token: String,
}

impl Api {
    async fn new(sandbox: &Sandbox) -> Api {
        let mut api = Api {
            http: http(),
            url: sandbox.url(),
            token: String::new(),
        };
        let answer = api.ask_token(sandbox, &[]).await;
        assert_eq!(answer.status(), 200);
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["token_type"], "Bearer");
        api.token = answer["access_token"].as_str().unwrap().to_owned();
        api
    }

    async fn ask_token(&self, sandbox: &Sandbox, with: &[(&str, &str)]) -> Response {
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_id", sandbox.client_id()),
            ("client_secret", sandbox.client_secret()),
            ("audience", "https://acme.eu.auth0.com/api/v2/"),
        ];
        form.retain(|(name, _)| !with.iter().any(|(other, _)| other == name));
        form.extend_from_slice(with);
        let url = format!("{}/oauth/token", self.url);
        self.http.post(url).form(&form).send().await.unwrap()
    }

    async fn try_send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> reqwest::Result<Response> {
        let url = format!("{}/api/v2{path}", self.url);
        let mut request = self.http.request(method, url).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        request.send().await
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let answer = self.try_send(method, path, body).await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.send(Method::GET, path, None).await
    }

    async fn patch(&self, path: &str, body: Value) -> (u16, Value) {
        self.send(Method::PATCH, path, Some(body)).await
    }
}

fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .tls_certs_only([])
        .no_proxy()
        .pool_max_idle_per_host(0)
        .build()
        .unwrap()
}

async fn start(builder: Builder) -> (Sandbox, Api) {
    let sandbox = builder.start().unwrap();
    let api = Api::new(&sandbox).await;
    sandbox.clear_requests();
    (sandbox, api)
}

fn two_clients() -> Builder {
    Sandbox::builder()
        .client(json!({"client_id": "a", "name": "A", "description": "first", "tenant": "acme"}))
        .client(json!({"client_id": "b", "name": "B", "client_secret": "mine"}))
}

fn statuses(sandbox: &Sandbox) -> Vec<u16> {
    sandbox
        .requests()
        .iter()
        .map(|request| request.status)
        .collect()
}

fn ids(clients: &Value) -> Vec<&str> {
    let clients = clients.as_array().unwrap().iter();
    clients
        .map(|client| client["client_id"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_client_is_created_read_updated_and_deleted() {
    let (sandbox, api) = start(two_clients()).await;
    let (status, made) = api
        .send(
            Method::POST,
            "/clients",
            Some(json!({"name": "Ünï", "app_type": "spa"})),
        )
        .await;
    assert_eq!((status, &made["name"]), (201, &json!("Ünï")));
    assert_eq!(made["tenant"], "acme");
    let id = made["client_id"].as_str().unwrap();
    assert_eq!(id.len(), 32);
    assert!(
        made["client_secret"]
            .as_str()
            .unwrap()
            .starts_with("sandbox-secret-")
    );
    let path = format!("/clients/{id}");
    assert_eq!(api.get(&path).await, (200, made.clone()));

    let (status, updated) = api
        .patch(&path, json!({"description": "", "allowed_clients": []}))
        .await;
    assert_eq!(status, 200);
    let mut expected = made.clone();
    expected["description"] = json!("");
    expected["allowed_clients"] = json!([]);
    assert_eq!(updated, expected);
    assert_eq!(sandbox.client(id).unwrap().get("client_secret"), None);

    assert_eq!(
        api.send(Method::DELETE, &path, None).await,
        (204, Value::Null)
    );
    assert_eq!(api.send(Method::DELETE, &path, None).await.0, 204);
    let (status, missing) = api.get(&path).await;
    assert_eq!(status, 404);
    assert_eq!(missing["errorCode"], "inexistent_client");
    assert_eq!(api.patch(&path, json!({"name": "x"})).await.0, 404);
    assert_eq!(statuses(&sandbox), [201, 200, 200, 204, 204, 404, 404]);
    assert_eq!(
        sandbox.requests()[2].body,
        Some(json!({"description": "", "allowed_clients": []}))
    );
}

#[tokio::test]
async fn an_update_merges_and_clears_as_recorded() {
    let builder = Sandbox::builder().client(json!({
        "client_id": "a", "name": "A", "description": "first", "initiate_login_uri": "https://a.example/login",
        "jwt_configuration": {"alg": "HS256", "lifetime_in_seconds": 60},
        "client_metadata": {"team": "shop", "stage": "dev"},
        "mobile": {"ios": {"team_id": "T", "app_bundle_identifier": "a.b"}},
        "native_social_login": {"apple": {"enabled": true}, "facebook": {"enabled": false}},
        "session_transfer": {"allow_refresh_token": true, "delegation": {"allow_delegated_access": true}},
        "signed_request_object": {"required": false, "credentials": [{"id": "cred_1"}]},
        "refresh_token": {"rotation_type": "rotating", "expiration_type": "expiring", "leeway": 3},
        "addons": {"samlp": {"audience": "urn:a", "mappings": {"a": "b"}}, "wsfed": {}},
        "oidc_logout": {"backchannel_logout_urls": ["https://a.example/out"]},
        "oidc_backchannel_logout": {"backchannel_logout_urls": ["https://a.example/out"]},
        "grant_types": ["implicit", "authorization_code"]
    }));
    let (_sandbox, api) = start(builder).await;
    let mut lines = Vec::new();
    for body in [
        json!({"description": "", "initiate_login_uri": "", "grant_types": ["refresh_token"]}),
        json!({"jwt_configuration": {"alg": "RS256"}}),
        json!({"client_metadata": {"stage": null, "owner": "me"}}),
        json!({"mobile": {"android": {"app_package_name": "a.b"}}}),
        json!({"native_social_login": {"apple": {"enabled": false}}}),
        json!({"session_transfer": {"delegation": null}}),
        json!({"signed_request_object": {"required": true}}),
        json!({"refresh_token": {"rotation_type": "non-rotating", "expiration_type": "expiring"}}),
        json!({"addons": {"samlp": {"audience": "urn:b"}}}),
        json!({"addons": null}),
        json!({"oidc_backchannel_logout": null}),
        json!({"oidc_logout": {"backchannel_logout_urls": ["https://a.example/bye"], "backchannel_logout_session_metadata": {"include": true}}}),
        json!({"organization_discovery_methods": []}),
        json!({"async_approval_notification_channels": []}),
        json!({"third_party_security_mode": "strict"}),
    ] {
        let names: Vec<String> = body.as_object().unwrap().keys().cloned().collect();
        let (status, answer) = api.patch("/clients/a", body).await;
        if status != 200 {
            lines.push(format!("{status} {}", answer["message"]));
            continue;
        }
        assert_eq!(api.get("/clients/a").await, (200, answer.clone()));
        let twins = ["oidc_logout", "oidc_backchannel_logout"].map(str::to_owned);
        let shown = match twins.contains(&names[0]) {
            true => twins.to_vec(),
            false => names,
        };
        let shown = shown.iter().map(|name| match answer.get(name) {
            Some(value) => format!("{name}: {value}"),
            None => format!("no {name}"),
        });
        lines.push(shown.collect::<Vec<_>>().join(", "));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    description: "", no initiate_login_uri, grant_types: ["refresh_token"]
    jwt_configuration: {"alg":"RS256","lifetime_in_seconds":60}
    client_metadata: {"team":"shop","owner":"me"}
    mobile: {"ios":{"team_id":"T","app_bundle_identifier":"a.b"},"android":{"app_package_name":"a.b"}}
    native_social_login: {"apple":{"enabled":false},"facebook":{"enabled":false}}
    session_transfer: {"allow_refresh_token":true,"can_create_session_transfer_token":false,"enforce_cascade_revocation":true,"allowed_authentication_methods":[],"enforce_device_binding":"ip","enforce_online_refresh_tokens":true}
    signed_request_object: {"required":true,"credentials":[{"id":"cred_1"}]}
    refresh_token: {"rotation_type":"non-rotating","expiration_type":"expiring"}
    addons: {"samlp":{"audience":"urn:b"},"wsfed":{}}
    no addons
    no oidc_logout, no oidc_backchannel_logout
    oidc_logout: {"backchannel_logout_urls":["https://a.example/bye"],"backchannel_logout_session_metadata":{"include":true}}, oidc_backchannel_logout: {"backchannel_logout_urls":["https://a.example/bye"]}
    400 "Payload validation error: 'Array is too short (0), minimum 1' on property organization_discovery_methods."
    400 "Payload validation error: 'Array is too short (0), minimum 1' on property async_approval_notification_channels."
    400 "third_party_security_mode cannot be changed after the client was created"
    "#);
}

#[tokio::test]
async fn refusals_have_the_api_s_bodies() {
    let (_sandbox, api) = start(two_clients().seed("sandbox")).await;
    assert_eq!(
        api.patch("/clients/a", json!({"foo": 1})).await,
        (
            400,
            json!({
                "statusCode": 400, "error": "Bad Request",
                "message": "Payload validation error: 'Additional properties not allowed: foo'.",
                "errorCode": "invalid_body"
            })
        )
    );
    let (status, body) = api.get("/clients?page=x").await;
    assert_eq!(
        (status, &body["errorCode"]),
        (400, &json!("invalid_query_string"))
    );
    let (_, global) = api.get("/clients?is_global=true").await;
    let path = format!("/clients/{}", ids(&global)[0]);
    let (status, body) = api.send(Method::DELETE, &path, None).await;
    assert_eq!(
        (status, &body["message"]),
        (400, &json!("Global client cannot be deleted."))
    );
    let alias = json!({"name": "C", "client_aliases": ["urn:c", "urn:d"]});
    assert_eq!(
        api.send(Method::POST, "/clients", Some(alias.clone()))
            .await
            .0,
        201
    );
    let (status, body) = api.send(Method::POST, "/clients", Some(alias)).await;
    assert_eq!(
        (status, &body["message"]),
        (409, &json!("Another client exists with the same alias"))
    );
    for (method, path) in [
        (Method::GET, "/connections"),
        (Method::DELETE, "/clients"),
        (Method::PUT, "/clients/a"),
    ] {
        let (status, body) = api.send(method, path, None).await;
        assert_eq!((status, &body["statusCode"]), (404, &json!(404)), "{path}");
    }
    let url = format!("{}/api/v2/clients/a", api.url);
    let patch = || api.http.patch(&url).bearer_auth(&api.token);
    let broken = patch().header("content-type", "application/json").body("{");
    assert_eq!(broken.send().await.unwrap().status(), 400);
    assert_eq!(patch().body("name=x").send().await.unwrap().status(), 415);
}

#[tokio::test]
async fn tokens_are_asked_for_and_run_out() {
    let (sandbox, mut api) = start(two_clients().scopes(&["read:clients"])).await;
    let wrong = api.ask_token(&sandbox, &[("client_secret", "wrong")]).await;
    assert_eq!(wrong.status(), 401);
    assert_eq!(
        wrong.json::<Value>().await.unwrap(),
        json!({"error": "access_denied", "error_description": "Unauthorized"})
    );
    let request = json!({
        "grant_type": "client_credentials", "client_id": sandbox.client_id(),
        "client_secret": sandbox.client_secret(), "audience": "urn:x/api/v2/"
    });
    let url = format!("{}/oauth/token", api.url);
    let as_json = api.http.post(url).json(&request).send().await.unwrap();
    assert_eq!(as_json.status(), 200);
    assert_eq!(sandbox.requests()[1].body, Some(request));
    assert_eq!(
        sandbox.requests()[0].body.as_ref().unwrap()["client_secret"],
        "wrong"
    );

    assert_eq!(
        api.patch("/clients/a", json!({"name": "x"})).await,
        (
            403,
            json!({
                "statusCode": 403, "error": "Forbidden",
                "message": "Insufficient scope, expected any of: update:clients,update:client_keys",
                "errorCode": "insufficient_scope"
            })
        )
    );
    sandbox.revoke_tokens();
    let invalid = json!({
        "statusCode": 401, "error": "Unauthorized", "message": "Invalid token",
        "attributes": {"error": "Invalid token"}
    });
    assert_eq!(api.get("/clients").await, (401, invalid.clone()));
    api.token = "made-up".to_owned();
    assert_eq!(api.get("/clients/a").await, (401, invalid));

    let (_old, api) = start(two_clients().token_lifetime(0)).await;
    let (status, body) = api.get("/clients").await;
    assert_eq!(status, 401);
    assert_eq!(
        body["message"],
        "Expired token received for JSON Web Token validation"
    );
}

#[tokio::test]
async fn a_list_is_paged_both_ways() {
    let (sandbox, api) = start(Sandbox::builder().generated(1_150).shuffle(3)).await;
    let mut by_page = Vec::new();
    for page in 0..10 {
        let path = format!("/clients?per_page=100&include_totals=true&page={page}");
        let (status, body) = api.get(&path).await;
        assert_eq!(status, 200);
        assert_eq!(body["total"], 1_150);
        assert_eq!(body["start"], page * 100);
        by_page.extend(ids(&body["clients"]).into_iter().map(str::to_owned));
    }
    let (status, body) = api.get("/clients?per_page=100&page=10").await;
    assert_eq!(
        (status, &body["errorCode"]),
        (400, &json!("invalid_paging"))
    );

    let mut by_checkpoint = Vec::new();
    let mut path = "/clients?take=100".to_owned();
    loop {
        let (_, body) = api.get(&path).await;
        by_checkpoint.extend(ids(&body["clients"]).into_iter().map(str::to_owned));
        match body.get("next") {
            Some(next) => path = format!("/clients?take=100&from={}", next.as_str().unwrap()),
            None => break,
        }
    }
    assert_eq!(by_checkpoint.len(), 1_150);
    assert_eq!(by_page, by_checkpoint[..1_000]);
    let stored = sandbox.clients();
    assert_ne!(stored[0]["client_id"], by_page[0].as_str());
    by_checkpoint.sort();
    by_checkpoint.dedup();
    assert_eq!(by_checkpoint.len(), stored.len());
}

#[tokio::test]
async fn the_rate_limit_counts_down_and_refuses() {
    let (sandbox, api) = start(two_clients().rate(0.001, 2)).await;
    let mut remaining = Vec::new();
    for _ in 0..3 {
        let answer = api.try_send(Method::GET, "/clients/a", None).await.unwrap();
        let header = |name: &str| {
            let value = answer.headers().get(name)?.to_str().ok()?;
            value.parse::<u64>().ok()
        };
        assert_eq!(header("x-ratelimit-limit"), Some(2));
        assert!(header("x-ratelimit-reset").unwrap() > 1_700_000_000);
        remaining.push((
            header("x-ratelimit-remaining"),
            header("retry-after").is_some(),
        ));
    }
    assert_eq!(
        remaining,
        [(Some(1), false), (Some(0), false), (Some(0), true)]
    );
    assert_eq!(statuses(&sandbox), [200, 200, 429]);
    let (_, body) = api.get("/clients/a").await;
    assert_eq!(
        body,
        json!({
            "statusCode": 429, "error": "Too Many Requests",
            "message": "Global limit has been reached", "errorCode": "too_many_requests"
        })
    );
    assert_eq!(api.ask_token(&sandbox, &[]).await.status(), 200);

    let (_sandbox, api) = start(two_clients().rate(0.001, 1).retry_after(false)).await;
    api.get("/clients").await;
    let answer = api.try_send(Method::GET, "/clients", None).await.unwrap();
    assert_eq!(answer.status(), 429);
    assert!(!answer.headers().contains_key("retry-after"));
}

#[tokio::test]
async fn faults_before_and_after_the_effect() {
    let (sandbox, api) = start(two_clients()).await;
    let name = |sandbox: &Sandbox| sandbox.client("a").unwrap()["name"].clone();
    let rename = |to: &str| api.try_send(Method::PATCH, "/clients/a", Some(json!({"name": to})));

    sandbox.fail_next(Fault::StatusBefore(503));
    assert_eq!(rename("1").await.unwrap().status(), 503);
    assert_eq!(name(&sandbox), "A");
    sandbox.fail_next(Fault::StatusAfter(500));
    assert_eq!(rename("2").await.unwrap().status(), 500);
    assert_eq!(name(&sandbox), "2");
    sandbox.fail_next(Fault::CloseBefore);
    assert!(rename("3").await.is_err());
    assert_eq!(name(&sandbox), "2");
    sandbox.fail_next(Fault::CloseAfter);
    assert!(rename("4").await.is_err());
    assert_eq!(name(&sandbox), "4");
    assert_eq!(statuses(&sandbox), [503, 500, 0, 0]);

    // A rule that is not about this request waits.
    sandbox.fail_next(FaultRule::new(Fault::ProxyPage).method("GET").nth(2));
    assert_eq!(rename("5").await.unwrap().status(), 200);
    assert_eq!(api.get("/clients/a").await.0, 200);
    let page = api.try_send(Method::GET, "/clients/a", None).await.unwrap();
    assert_eq!(page.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(page.headers()["content-type"], "text/html");
    assert_eq!(api.get("/clients/a").await.0, 200);

    sandbox.set_faults([FaultRule::new(Fault::StatusBefore(500)).token()]);
    assert_eq!(api.get("/clients/a").await.0, 200);
    assert_eq!(api.ask_token(&sandbox, &[]).await.status(), 500);
    sandbox.fail_next(Fault::RevokeTokens);
    assert_eq!(api.get("/clients/a").await.0, 401);
}

#[tokio::test]
async fn faults_in_the_answer() {
    let (sandbox, api) = start(two_clients()).await;
    let read = || api.try_send(Method::GET, "/clients/a", None);
    sandbox.fail_next(Fault::CutBody);
    let cut = read().await.unwrap();
    assert_eq!(cut.status(), 200);
    assert!(cut.content_length().unwrap() > 100);
    assert!(cut.text().await.is_err());

    sandbox.fail_next(Fault::InvalidJson);
    let invalid = read().await.unwrap();
    assert_eq!(invalid.status(), 200);
    assert!(invalid.json::<Value>().await.is_err());

    sandbox.fail_next(Fault::TooManyRequests {
        retry_after: Some(0),
    });
    assert_eq!(read().await.unwrap().headers()["retry-after"], "0");
    sandbox.fail_next(Fault::TooManyRequests { retry_after: None });
    let limited = read().await.unwrap();
    assert_eq!(limited.status(), 429);
    assert!(!limited.headers().contains_key("retry-after"));

    for (fault, shown) in [
        (Fault::ShortPage, vec!["a"]),
        (Fault::RepeatedEntry, vec!["a", "a"]),
    ] {
        sandbox.fail_next(fault.clone());
        let (_, body) = api.get("/clients?include_totals=true").await;
        assert_eq!(ids(&body["clients"]), shown);
        assert_eq!(body["total"], 2);
        sandbox.fail_next(fault);
        assert_eq!(api.get("/clients/a").await.0, 200);
        assert_eq!(ids(&api.get("/clients").await.1), shown);
    }
}

#[tokio::test]
async fn a_hanging_request_hinders_neither_others_nor_the_end() {
    let (sandbox, api) = start(two_clients()).await;
    sandbox.fail_next(FaultRule::new(Fault::HangAfter).method("PATCH"));
    let hung = api.try_send(Method::PATCH, "/clients/a", Some(json!({"name": "hung"})));
    let others = async {
        while sandbox.client("a").unwrap()["name"] != "hung" {
            assert_eq!(api.get("/clients/b").await.0, 200);
        }
    };
    tokio::select! {
        _ = hung => panic!("answered"),
        () = others => {}
    }
    let hung = sandbox
        .requests()
        .into_iter()
        .find(|request| request.method == "PATCH");
    assert_eq!(hung.unwrap().status, 0);
    sandbox.clear_requests();
    sandbox.fail_next(Fault::HangBefore);
    let url = sandbox.url();
    let hanging = tokio::spawn(async move { api.get("/clients/a").await });
    while sandbox.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    drop(sandbox);
    assert!(
        hanging.await.is_err(),
        "the connection ends with the sandbox"
    );
    assert!(http().get(url).send().await.is_err());
}

#[tokio::test]
async fn random_trouble_spares_the_token_endpoint_and_loses_no_effect_it_reports() {
    let (sandbox, api) = start(two_clients().fail_percent(50, 1)).await;
    for n in 0..40 {
        let n = json!(n.to_string());
        let before = sandbox.client("a").unwrap()["name"].clone();
        let (status, _) = api.patch("/clients/a", json!({"name": n})).await;
        let after = sandbox.client("a").unwrap()["name"].clone();
        match status {
            200 => assert_eq!(after, n),
            500 | 503 => assert!(after == before || after == n),
            other => panic!("{other}"),
        }
        assert_eq!(api.ask_token(&sandbox, &[]).await.status(), 200);
    }
    let failed = statuses(&sandbox)
        .iter()
        .filter(|status| **status >= 500)
        .count();
    assert!((10..30).contains(&failed), "{failed}");
}

#[tokio::test]
async fn latency_delays_the_answer() {
    let latency = Duration::from_millis(30);
    let (_sandbox, api) = start(two_clients().latency(latency)).await;
    let asked = std::time::Instant::now();
    api.get("/clients").await;
    assert!(asked.elapsed() >= latency);
}

#[tokio::test]
async fn state_survives_in_its_file_without_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sandbox/state.json");
    let first = || Sandbox::builder().seed("sandbox-dev").state_file(&file);
    let (sandbox, api) = start(first()).await;
    let (_, page) = api.get("/clients?is_global=false").await;
    assert_eq!(page.as_array().unwrap().len(), 12);
    let id = ids(&page)[0].to_owned();
    api.patch(&format!("/clients/{id}"), json!({"description": "kept"}))
        .await;
    let before = sandbox.clients();
    drop(sandbox);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains("sandbox-secret"));

    let (sandbox, _) = start(first().seed("sandbox-prod")).await;
    assert_eq!(sandbox.clients(), before);
    assert_eq!(sandbox.client(&id).unwrap()["description"], "kept");
    drop(sandbox);
    std::fs::write(&file, "{").unwrap();
    let error = first().start().unwrap_err().to_string();
    assert!(
        error.contains("state.json") && error.contains("tenantry sandbox reset"),
        "{error}"
    );
}

#[test]
fn it_works_without_a_runtime_around() {
    let sandbox = two_clients().start().unwrap();
    let other = two_clients().start().unwrap();
    assert_ne!(sandbox.url(), other.url());
    sandbox.edit("a", "name", Some(json!("edited")));
    sandbox.edit("a", "description", None);
    let id = sandbox.create(json!({"name": "C"}));
    assert!(sandbox.delete("b"));
    let clients = sandbox.clients();
    assert_eq!(
        clients[0],
        json!({"client_id": "a", "name": "edited", "tenant": "acme"})
    );
    assert_eq!(clients[1]["client_id"], id.as_str());
    assert_eq!(clients.len(), 2);
}

#[tokio::test]
async fn waiting_ends_when_it_is_given_up() {
    let sandbox = two_clients().start().unwrap();
    let url = sandbox.url();
    tokio::select! {
        () = sandbox.wait() => panic!("it ended by itself"),
        answer = http().get(&url).send() => assert_eq!(answer.unwrap().status(), 404),
    }
    assert!(http().get(&url).send().await.is_err());
    let taken = two_clients().start().unwrap();
    let port = taken.url().rsplit(':').next().unwrap().parse().unwrap();
    let error = two_clients().port(port).start().unwrap_err().to_string();
    assert!(error.contains(&port.to_string()), "{error}");
}

#[tokio::test]
async fn writes_may_be_forms() {
    let (sandbox, api) = start(two_clients()).await;
    let send = |method: Method, path: &str, form: &'static str| {
        let request = api
            .http
            .request(method, format!("{}/api/v2{path}", api.url));
        request
            .bearer_auth(&api.token)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form)
            .send()
    };
    let form = "name=New+%C3%BC&allowed_clients=x&allowed_clients=y&is_first_party=false&client_metadata[k]=v";
    let answer = send(Method::POST, "/clients", form).await.unwrap();
    assert_eq!(answer.status(), 201);
    let made: Value = answer.json().await.unwrap();
    for (field, value) in [
        ("name", json!("New ü")),
        ("allowed_clients", json!(["x", "y"])),
        ("is_first_party", json!(false)),
        ("client_metadata", json!({"k": "v"})),
    ] {
        assert_eq!(made[field], value);
    }
    let answer = send(
        Method::PATCH,
        "/clients/a",
        "description=second&allowed_clients=one",
    )
    .await
    .unwrap();
    assert_eq!(answer.status(), 200);
    let a = sandbox.client("a").unwrap();
    assert_eq!(
        (&a["description"], &a["allowed_clients"]),
        (&json!("second"), &json!(["one"]))
    );
    let answer = send(Method::PATCH, "/clients/a", "is_first_party=perhaps")
        .await
        .unwrap();
    assert_eq!(answer.status(), 400);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(
        answer["message"],
        "Payload validation error: 'Expected type boolean but found type string' on property is_first_party."
    );
}

#[tokio::test]
async fn a_token_may_be_asked_for_with_basic() {
    let builder = Sandbox::builder().credentials("my id", "a+secret&of:mine%");
    let (sandbox, api) = start(builder).await;
    let form = [
        ("grant_type", "client_credentials"),
        ("audience", "https://acme.eu.auth0.com/api/v2/"),
    ];
    let ask = |secret: &'static str| {
        let request = api
            .http
            .post(format!("{}/oauth/token", api.url))
            .form(&form);
        request.basic_auth("my+id", Some(secret)).send()
    };
    assert_eq!(
        ask("a%2Bsecret%26of%3Amine%25").await.unwrap().status(),
        200
    );
    assert_eq!(ask("another").await.unwrap().status(), 401);
    assert_eq!(statuses(&sandbox), [200, 401]);
}

#[tokio::test]
async fn every_answer_tells_of_the_rate_limit() {
    for builder in [two_clients(), two_clients().rate(1.0, 7)] {
        let (sandbox, mut api) = start(builder).await;
        let mut answers = vec![api.ask_token(&sandbox, &[]).await];
        answers.push(api.ask_token(&sandbox, &[("client_secret", "x")]).await);
        for (method, path) in [
            (Method::GET, "/clients"),
            (Method::GET, "/clients/none"),
            (Method::GET, "/nothing"),
            (Method::POST, "/clients"),
            (Method::DELETE, "/clients/b"),
        ] {
            answers.push(api.try_send(method, path, None).await.unwrap());
        }
        api.token.clear();
        answers.push(api.try_send(Method::GET, "/clients", None).await.unwrap());
        for answer in answers {
            for header in ["limit", "remaining", "reset"] {
                let value = answer.headers().get(format!("x-ratelimit-{header}"));
                let number = value.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
                assert!(number.is_some(), "{header}: {answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_signed_assertion_stands_for_the_secret() {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    let (sandbox, api) = start(two_clients()).await;
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = part(json!({"alg": "RS256", "typ": "JWT"}));
    let assertion = |audience: &str| {
        let claims = json!({
            "iss": sandbox.client_id(), "sub": sandbox.client_id(), "aud": audience,
            "exp": 4_000_000_000u64, "jti": "1"
        });
        format!("{header}.{}.c2lnbmF0dXJl", part(claims))
    };
    for (audience, status) in [
        (format!("{}/", api.url), 200),
        ("https://else/".to_owned(), 401),
    ] {
        let assertion = assertion(&audience);
        let fields = [
            ("client_secret", ""),
            (
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            ),
            ("client_assertion", assertion.as_str()),
        ];
        assert_eq!(api.ask_token(&sandbox, &fields).await.status(), status);
    }
}
