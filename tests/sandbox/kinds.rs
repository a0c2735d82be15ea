//! The kinds besides clients, each over a real socket.

use super::*;

async fn acme() -> (Sandbox, Api) {
    start(Sandbox::builder().seed("sandbox")).await
}

fn texts<'a>(entries: &'a Value, field: &str) -> Vec<&'a str> {
    let entries = entries.as_array().unwrap().iter();
    entries
        .map(|entry| entry[field].as_str().unwrap_or("none"))
        .collect()
}

fn refusal(answer: (u16, Value)) -> String {
    let (status, body) = answer;
    let code = body["errorCode"].as_str().unwrap_or("no code");
    format!("{status} {code}: {}", body["message"].as_str().unwrap())
}

#[tokio::test]
async fn a_resource_server_is_made_updated_and_deleted_with_its_grants() {
    let (sandbox, api) = acme().await;
    let body = json!({"identifier": "urn:acme:new", "name": "New", "scopes": [{"value": "b"}, {"value": "a"}]});
    let (status, made) = api
        .send(Method::POST, "/resource-servers", Some(body.clone()))
        .await;
    assert_eq!((status, &made["signing_alg"]), (201, &json!("RS256")));
    assert_eq!(made["scopes"], body["scopes"]);
    assert_eq!(made["signing_secret"], Value::Null);
    let path = format!("/resource-servers/{}", made["id"].as_str().unwrap());
    assert_eq!(api.get(&path).await, (200, made.clone()));
    assert_eq!(
        api.get("/resource-servers/urn%3Aacme%3Anew").await,
        (200, made.clone())
    );
    let again = api
        .send(Method::POST, "/resource-servers", Some(body))
        .await;

    let (_, updated) = api
        .patch(&path, json!({"signing_alg": "HS256", "proof_of_possession": {"mechanism": "dpop", "required": true, "required_for": "all_clients"}}))
        .await;
    assert!(
        updated["signing_secret"]
            .as_str()
            .unwrap()
            .starts_with("sandbox-secret-")
    );
    let (_, updated) = api
        .patch(
            &path,
            json!({"scopes": [], "proof_of_possession": {"mechanism": "mtls", "required": true}}),
        )
        .await;
    assert_eq!(updated["scopes"], json!([]));
    assert_eq!(
        updated["proof_of_possession"],
        json!({"mechanism": "mtls", "required": true})
    );
    let pem = json!({"format": "compact-nested-jwe", "encryption_key": {"alg": "RSA-OAEP-256", "pem": "-----"}});
    let (_, updated) = api
        .patch(
            &path,
            json!({"token_encryption": pem, "proof_of_possession": null}),
        )
        .await;
    let key = updated["token_encryption"]["encryption_key"]
        .as_object()
        .unwrap();
    assert_eq!(key.keys().collect::<Vec<_>>(), ["alg", "kid"]);
    assert_eq!(updated.get("proof_of_possession"), None);

    let system = "/resource-servers/https%3A%2F%2Facme.eu.auth0.com%2Fapi%2Fv2%2F";
    let refusals = [
        again,
        api.patch(&path, json!({"identifier": "urn:other"})).await,
        api.patch(system, json!({"name": "Mine", "token_lifetime": 60}))
            .await,
        api.send(Method::DELETE, system, None).await,
        api.get("/resource-servers/none").await,
        api.get("/resource-servers?take=3").await,
    ];
    insta::assert_snapshot!(refusals.map(refusal).join("\n"), @"
    409 no code: A resource server with the same identifier already exists
    400 invalid_body: Payload validation error: 'Additional properties not allowed: identifier'.
    400 invalid_body: Payload validation error: 'Additional properties not allowed: name'.
    400 operation_not_supported: A system resource server cannot be deleted
    404 inexistent_resource_server: The resource server does not exist
    400 invalid_query_string: Query validation error: 'Additional properties not allowed: take'.
    ");
    assert_eq!(
        api.patch(system, json!({"token_lifetime": 60})).await.0,
        200
    );

    let (_, page) = api.get("/resource-servers?identifiers=urn:acme:new&identifiers=urn:acme:warehouse&include_totals=true&fields=name").await;
    assert_eq!(page["total"], 2);
    assert_eq!(
        page["resource_servers"],
        json!([{"name": "Warehouse & Stock"}, {"name": "New"}])
    );
    let grants = sandbox.resources("client-grants").len();
    let (_, warehouse) = api.get("/resource-servers/urn%3Aacme%3Awarehouse").await;
    for path in [
        path,
        format!("/resource-servers/{}", warehouse["id"].as_str().unwrap()),
    ] {
        assert_eq!(api.send(Method::DELETE, &path, None).await.0, 204);
        assert_eq!(api.get(&path).await.0, 404);
    }
    assert_eq!(sandbox.resources("client-grants").len(), grants - 2);
}

#[tokio::test]
async fn grants_are_filtered_paged_both_ways_and_unique() {
    let (sandbox, api) = acme().await;
    let (_, all) = api.get("/client-grants").await;
    let all = texts(&all, "id")
        .into_iter()
        .map(str::to_owned)
        .collect::<Vec<_>>();
    assert_eq!(all.len(), 9);
    let mut by_checkpoint = Vec::new();
    let mut path = "/client-grants?take=4&include_totals=true".to_owned();
    loop {
        let (_, page) = api.get(&path).await;
        by_checkpoint.extend(
            texts(&page["client_grants"], "id")
                .into_iter()
                .map(str::to_owned),
        );
        match page["next"].as_str() {
            Some(next) => path = format!("/client-grants?take=4&from={next}"),
            None => break,
        }
    }
    assert_eq!(by_checkpoint, all);
    let mut found = Vec::new();
    for query in [
        "client_id=oR5dJx8PkW3nTb6ZvMq2yHs9LfC4gEuA",
        "audience=urn:acme:warehouse",
        "subject_type=user",
        "allow_any_organization=false&audience=https://api.acme.example/orders",
        "default_for=third_party_clients",
    ] {
        let (_, page) = api
            .get(&format!(
                "/client-grants?{query}&include_totals=true&per_page=1"
            ))
            .await;
        found.push((
            page["total"].as_u64().unwrap(),
            page["client_grants"].as_array().unwrap().len(),
        ));
    }
    assert_eq!(found, [(2, 1), (2, 1), (1, 1), (2, 1), (0, 0)]);

    let body = json!({"client_id": "rP3xMv9KtB5nWz2JqHc8dLs6FyG4eTuE", "audience": "urn:acme:warehouse", "scope": ["read:stock"]});
    let (status, made) = api
        .send(Method::POST, "/client-grants", Some(body.clone()))
        .await;
    assert_eq!((status, &made["subject_type"]), (201, &json!("client")));
    let path = format!("/client-grants/{}", made["id"].as_str().unwrap());
    let (_, all_scopes) = api.patch(&path, json!({"allow_all_scopes": true})).await;
    assert_eq!(
        (&all_scopes["allow_all_scopes"], all_scopes.get("scope")),
        (&json!(true), None)
    );
    let (_, none) = api.patch(&path, json!({"scope": []})).await;
    assert_eq!(
        (none.get("allow_all_scopes"), &none["scope"]),
        (None, &json!([]))
    );
    sandbox.edit_resource("client-grants", &all[1], "is_system", Some(json!(true)));
    sandbox.create(json!({"client_id": "express", "app_type": "express_configuration"}));
    let with = |field: &str, value: Value| {
        let mut body = body.clone();
        body[field] = value;
        api.send(Method::POST, "/client-grants", Some(body))
    };
    let refusals = [
        with("scope", json!([])).await,
        with("audience", json!("urn:none")).await,
        with("client_id", json!("none")).await,
        with("client_id", json!("express")).await,
        api.send(
            Method::POST,
            "/client-grants",
            Some(json!({"audience": "urn:acme:warehouse"})),
        )
        .await,
        api.patch(&path, json!({"audience": "urn:other"})).await,
        api.patch(&path, json!({"scope": [], "allow_all_scopes": true}))
            .await,
        api.patch(&format!("/client-grants/{}", all[1]), json!({"scope": []}))
            .await,
        api.get("/client-grants/none").await,
    ];
    insta::assert_snapshot!(refusals.map(refusal).join("\n"), @"
    409 no code: client_grant already exists
    404 inexistent_resource_server: The resource server does not exist
    404 inexistent_client: The client does not exist
    400 validation_error: Client of type express_configuration cannot be used
    400 invalid_body: A grant needs a client_id or a default_for
    400 invalid_body: Payload validation error: 'Additional properties not allowed: audience'.
    400 invalid_body: scope and allow_all_scopes cannot be used together
    400 operation_not_supported: A system client grant cannot be changed
    404 inexistent_client_grant: The grant does not exist.
    ");
    assert!(sandbox.delete("rP3xMv9KtB5nWz2JqHc8dLs6FyG4eTuE"));
    assert_eq!(api.get(&path).await.0, 404, "it goes with its client");
}

#[tokio::test]
async fn the_tool_s_own_grant_and_the_management_api_are_there_from_the_start() {
    let (sandbox, api) =
        start(Sandbox::builder().scopes(&["read:client_grants", "read:resource_servers"])).await;
    let (_, apis) = api.get("/resource-servers").await;
    assert_eq!(texts(&apis, "name"), ["Auth0 Management API"]);
    assert_eq!(apis[0]["is_system"], true);
    let (_, grants) = api.get("/client-grants").await;
    assert_eq!(grants.as_array().unwrap().len(), 1);
    assert_eq!(grants[0]["client_id"], sandbox.client_id());
    assert_eq!(grants[0]["audience"], apis[0]["identifier"]);
    assert_eq!(
        grants[0]["scope"],
        json!(["read:client_grants", "read:resource_servers"])
    );
    // A client of the seed that has its grant already gets no second one.
    let deploy = Sandbox::builder()
        .seed("sandbox")
        .credentials("dP9wXk5VbT2nRz7JmQc4hLs8FyG3eMuH", "secret");
    assert_eq!(deploy.start().unwrap().resources("client-grants").len(), 8);
}

#[tokio::test]
async fn a_role_s_permissions_are_added_and_removed() {
    let (sandbox, api) = acme().await;
    let (status, made) = api
        .send(Method::POST, "/roles", Some(json!({"name": "Stock Clerk"})))
        .await;
    assert_eq!((status, &made["description"]), (200, &Value::Null));
    let id = made["id"].as_str().unwrap();
    let role = format!("/roles/{id}");
    let path = format!("{role}/permissions");
    let (_, read) = api.get(&role).await;
    assert_eq!(
        read,
        json!({"id": id, "name": "Stock Clerk", "description": ""})
    );
    let permission = |name: &str| json!({"resource_server_identifier": "urn:acme:warehouse", "permission_name": name});
    let two = json!({"permissions": [permission("move:stock"), permission("read:stock")]});
    for _ in 0..2 {
        assert_eq!(
            api.send(Method::POST, &path, Some(two.clone())).await.0,
            201
        );
    }
    let (_, page) = api
        .get(&format!("{path}?per_page=1&page=1&include_totals=true"))
        .await;
    assert_eq!(
        page,
        json!({"start": 1, "limit": 1, "total": 2, "permissions": [{
            "permission_name": "read:stock", "description": "See what is in stock",
            "resource_server_name": "Warehouse & Stock", "resource_server_identifier": "urn:acme:warehouse"
        }]})
    );
    let one = json!({"permissions": [permission("move:stock")]});
    assert_eq!(api.send(Method::DELETE, &path, Some(one)).await.0, 204);
    assert_eq!(
        texts(&api.get(&path).await.1, "permission_name"),
        ["read:stock"]
    );
    let stored = sandbox.resource("roles", id).unwrap();
    assert_eq!(stored["permissions"], json!([permission("read:stock")]));

    let (_, found) = api
        .get("/roles?name_filter=WARE&type=tenant&include_totals=true")
        .await;
    assert_eq!(texts(&found["roles"], "name"), ["Warehouse Lead"]);
    assert_eq!(found["roles"][0].get("permissions"), None);
    let refusals = [
        api.send(Method::POST, "/roles", Some(json!({"name": "Newcomer"})))
            .await,
        api.patch(&role, json!({"name": "Newcomer"})).await,
        api.send(Method::POST, &path, Some(json!({"permissions": []})))
            .await,
        api.send(
            Method::POST,
            &path,
            Some(json!({"permissions": [permission("burn:stock")]})),
        )
        .await,
        api.get("/roles/rol_none/permissions").await,
        api.get("/roles?take=5").await,
    ];
    insta::assert_snapshot!(refusals.map(refusal).join("\n"), @"
    409 no code: The role already exists
    409 no code: The role already exists
    400 invalid_body: Payload validation error: 'Array is too short (0), minimum 1' on property permissions.
    404 inexistent_resource_server: The resource server does not exist
    404 no code: The role does not exist.
    400 invalid_query_string: Query validation error: 'Additional properties not allowed: take'.
    ");
    assert_eq!(
        api.send(Method::DELETE, &role, None).await,
        (200, json!({}))
    );
    let gone = api.send(Method::DELETE, &role, None).await;
    assert_eq!(refusal(gone), "404 no code: The role does not exist.");
}

#[tokio::test]
async fn tenant_settings_answer_a_write_otherwise_than_a_read() {
    let (_sandbox, api) = acme().await;
    let path = "/tenants/settings";
    let (_, before) = api.get(path).await;
    assert_eq!(before["session_lifetime"], json!(3.0166666666666666));
    let hidden = "enforce_client_authentication_on_passwordless_start";
    assert_eq!(before["flags"].get(hidden), None);
    let body = json!({
        "flags": {"enable_sso": false}, "change_password": {"enabled": false}, "session_lifetime_in_minutes": 5,
        "idle_session_lifetime_in_minutes": 120, "error_page": null, "default_redirection_uri": ""
    });
    let (status, written) = api.patch(path, body).await;
    assert_eq!((status, &written["flags"][hidden]), (200, &json!(true)));
    assert_eq!(written.get("sandbox_versions_available"), None);
    let (_, after) = api.get(path).await;
    let mut expected = before;
    expected["flags"]["enable_sso"] = json!(false);
    expected["change_password"]["enabled"] = json!(false);
    expected["session_lifetime"] = json!(0.08333333333333333);
    expected["idle_session_lifetime"] = json!(2);
    expected.as_object_mut().unwrap().remove("error_page");
    assert_eq!(after, expected);
    let (_, part) = api.get("/tenants/settings?fields=friendly_name").await;
    assert_eq!(part, json!({"friendly_name": "Acme"}));
    let refusals = [
        api.patch(path, json!({})).await,
        api.patch(path, json!({"flags": {"enable_sso": null}}))
            .await,
        api.patch(path, json!({"flags": {"disable_impersonation": false}}))
            .await,
        api.patch(path, json!({"sandbox_versions_available": []}))
            .await,
        api.patch(
            path,
            json!({"session_lifetime": 1, "session_lifetime_in_minutes": 60}),
        )
        .await,
        api.send(Method::POST, path, Some(json!({}))).await,
    ];
    insta::assert_snapshot!(refusals.map(refusal).join("\n"), @"
    400 invalid_body: Payload validation error: 'Too few properties defined (0), minimum 1'.
    400 invalid_body: Payload validation error: 'Expected type boolean but found type null' on property flags.enable_sso.
    400 invalid_body: You are not allowed to set flag disable_impersonation
    400 invalid_body: Payload validation error: 'Additional properties not allowed: sandbox_versions_available'.
    400 invalid_body: Cannot set both session_lifetime and session_lifetime_in_minutes
    404 no code: Not Found
    ");
}

#[tokio::test]
async fn attack_protection_merges_stages_and_keeps_no_order_of_sets() {
    let (sandbox, api) = acme().await;
    let path = "/attack-protection/breached-password-detection";
    let body = json!({
        "shields": ["user_notification", "block", "admin_notification"],
        "stage": {"pre-change-password": {"shields": []}}
    });
    let (_, written) = api.patch(path, body).await;
    let (_, read) = api.get(path).await;
    assert_eq!(
        written["shields"],
        json!(["user_notification", "block", "admin_notification"])
    );
    assert_eq!(
        read["shields"],
        json!(["admin_notification", "block", "user_notification"])
    );
    assert_eq!(read["stage"]["pre-change-password"], json!({"shields": []}));
    assert_eq!(
        read["stage"]["pre-user-registration"]["shields"]
            .as_array()
            .unwrap()
            .len(),
        2
    );

    let path = "/attack-protection/suspicious-ip-throttling";
    let (_, before) = api.get(path).await;
    let (_, written) = api
        .patch(path, json!({"stage": {"pre-login": {"max_attempts": 7}}}))
        .await;
    let mut expected = before["stage"].clone();
    expected["pre-login"]["max_attempts"] = json!(7);
    assert_eq!(written["stage"], expected);

    let path = "/attack-protection/captcha";
    let body = json!({"active_provider_id": "recaptcha_enterprise", "recaptcha_enterprise": {"site_key": "s", "api_key": "k", "project_id": "p"}});
    let (_, written) = api.patch(path, body).await;
    assert_eq!(
        written["recaptcha_enterprise"],
        json!({"site_key": "s", "project_id": "p"})
    );
    assert_eq!(api.get(path).await.1, written);
    assert_eq!(
        sandbox.resource("attack-protection/captcha", ""),
        Some(written)
    );
    let refusals = [
        api.patch(path, json!({"hcaptcha": {"site_key": "s"}}))
            .await,
        api.patch(
            "/attack-protection/bot-detection",
            json!({"allowlist": ["somewhere"]}),
        )
        .await,
        api.patch(
            "/attack-protection/brute-force-protection",
            json!({"form_submission_behavior": "x"}),
        )
        .await,
        api.get("/attack-protection").await,
    ];
    insta::assert_snapshot!(refusals.map(refusal).join("\n"), @"
    400 invalid_body: Payload validation error: 'Missing required property: secret' on property hcaptcha.
    400 invalid_body: Payload validation error: 'String does not match pattern: ipv4, ipv6 or cidr' on property allowlist[0].
    400 invalid_body: Payload validation error: 'Additional properties not allowed: form_submission_behavior'.
    404 no code: Not Found
    ");
}

#[tokio::test]
async fn log_streams_answer_their_secrets_and_refuse_other_sinks() {
    let (sandbox, api) = acme().await;
    let (_, all) = api.get("/log-streams").await;
    assert_eq!(texts(&all, "name"), ["Operations", "Security (Splunk)"]);
    assert!(
        all[1]["sink"]["splunkToken"]
            .as_str()
            .unwrap()
            .starts_with("sandbox-secret-")
    );
    assert_eq!(
        sandbox.resources("log-streams")[1]["sink"].get("splunkToken"),
        None
    );
    let sink = json!({"mixpanelRegion": "eu", "mixpanelProjectId": "1", "mixpanelServiceAccountUsername": "u", "mixpanelServiceAccountPassword": "p"});
    let body = json!({"name": "Events", "type": "mixpanel", "sink": sink, "filters": [{"type": "category", "name": "auth.login.fail"}]});
    let (status, made) = api.send(Method::POST, "/log-streams", Some(body)).await;
    assert_eq!((status, &made["status"]), (200, &json!("active")));
    assert_eq!(made["sink"]["mixpanelServiceAccountPassword"], "********");
    let path = format!("/log-streams/{}", made["id"].as_str().unwrap());
    let (_, updated) = api
        .patch(&path, json!({"filters": [], "status": "paused"}))
        .await;
    assert_eq!(
        (updated.get("filters"), &updated["status"]),
        (None, &json!("paused"))
    );
    let bridge =
        json!({"type": "eventbridge", "sink": {"awsAccountId": "1", "awsRegion": "eu-central-1"}});
    let (_, bridge) = api.send(Method::POST, "/log-streams", Some(bridge)).await;
    let bridge = format!("/log-streams/{}", bridge["id"].as_str().unwrap());
    let refusals = [
        api.send(
            Method::POST,
            "/log-streams",
            Some(json!({"type": "http", "sink": {"httpUrl": "x"}})),
        )
        .await,
        api.send(
            Method::POST,
            "/log-streams",
            Some(json!({"type": "splunk", "sink": {"splunkDomain": "x"}})),
        )
        .await,
        api.patch(
            &bridge,
            json!({"sink": {"awsAccountId": "2", "awsRegion": "eu-central-1"}}),
        )
        .await,
        api.patch(&bridge, json!({"type": "http"})).await,
        api.get("/log-streams?page=0").await,
        api.get("/log-streams/lst_none").await,
    ];
    insta::assert_snapshot!(refusals.map(refusal).join("\n"), @"
    400 invalid_body: Payload validation error: 'Additional properties not allowed: httpUrl' on property sink.
    400 invalid_body: Payload validation error: 'Missing required property: splunkToken' on property sink.
    400 invalid_body: Updating the sink of a stream of type eventbridge is not permitted
    400 invalid_body: Payload validation error: 'Additional properties not allowed: type'.
    400 invalid_query_string: Query validation error: 'Additional properties not allowed: page'.
    404 no code: The log stream does not exist.
    ");
    for _ in 0..2 {
        assert_eq!(api.send(Method::DELETE, &path, None).await.0, 204);
    }
}

#[tokio::test]
async fn each_kind_needs_its_scopes_and_a_place_in_the_plan() {
    let builder = Sandbox::builder().scopes(&["read:roles", "read:attack_protection"]);
    let (_sandbox, api) = start(builder.not_included("attack-protection/captcha")).await;
    let mut refusals = Vec::new();
    for (method, path) in [
        (Method::GET, "/client-grants"),
        (Method::POST, "/resource-servers"),
        (Method::PATCH, "/tenants/settings"),
        (Method::DELETE, "/log-streams/x"),
        (Method::POST, "/roles/x/permissions"),
        (Method::GET, "/attack-protection/captcha"),
    ] {
        refusals.push(refusal(api.send(method, path, Some(json!({}))).await));
    }
    insta::assert_snapshot!(refusals.join("\n"), @"
    403 insufficient_scope: Insufficient scope, expected any of: read:client_grants
    403 insufficient_scope: Insufficient scope, expected any of: create:resource_servers
    403 insufficient_scope: Insufficient scope, expected any of: update:tenant_settings
    403 insufficient_scope: Insufficient scope, expected any of: delete:log_streams
    403 insufficient_scope: Insufficient scope, expected any of: update:roles
    403 insufficient_entitlement: Please upgrade your subscription to use this feature
    ");
    assert_eq!(api.get("/roles").await, (200, json!([])));
    assert_eq!(api.get("/attack-protection/bot-detection").await.0, 200);
}

#[tokio::test]
async fn every_kind_survives_in_the_state_file_without_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.json");
    let first = || Sandbox::builder().seed("sandbox").state_file(&file);
    let (sandbox, api) = start(first()).await;
    let secrets = json!({"httpEndpoint": "https://logs.acme.example", "httpAuthorization": "mine-1", "httpCustomHeaders": [{"header": "x", "value": "mine-2"}]});
    api.patch(
        "/log-streams/lst_0000000000014569",
        json!({"sink": secrets}),
    )
    .await;
    api.patch(
        "/resource-servers/urn%3Aacme%3Awarehouse",
        json!({"signing_secret": "mine-3-and-long-enough"}),
    )
    .await;
    api.patch(
        "/attack-protection/captcha",
        json!({"hcaptcha": {"site_key": "s", "secret": "mine-4"}}),
    )
    .await;
    api.patch("/tenants/settings", json!({"friendly_name": "Kept"}))
        .await;
    let roles = sandbox.resources("roles");
    drop(sandbox);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        !text.contains("mine-") && !text.contains("sandbox-secret"),
        "{text}"
    );
    let (sandbox, api) = start(first()).await;
    assert_eq!(sandbox.resources("roles"), roles);
    assert_eq!(
        api.get("/tenants/settings").await.1["friendly_name"],
        "Kept"
    );
    assert_eq!(sandbox.resources("client-grants").len(), 9);
    drop(sandbox);
    std::fs::write(&file, r#"{"version": 1, "clients": []}"#).unwrap();
    let error = first().start().unwrap_err().to_string();
    let reason = error.replace(file.to_str().unwrap(), "FILE");
    insta::assert_snapshot!(reason, @"the sandbox's state in FILE is broken: it has version 1, and this tenantry reads version 2; `tenantry sandbox reset` starts over");
}
