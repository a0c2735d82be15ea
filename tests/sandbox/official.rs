//! The sandbox held against the official OpenAPI and recorded traffic of real tenants, in the folder that `TENANTRY_RECORDED` names.

use super::recorded::{recorded, violations};
use super::*;

#[tokio::test]
async fn answers_obey_the_official_openapi() {
    let Some(openapi) = recorded("clients-openapi.json") else {
        return;
    };
    let builder = Sandbox::builder()
        .seed("sandbox")
        .generated(20)
        .page_cap(30);
    let (_sandbox, api) = start(builder).await;
    let response = |path: &str, method: &str, status: &str| {
        openapi["paths"][path][method]["responses"][status]["content"]["application/json"]["schema"]
            .clone()
    };
    for path in [
        "/clients",
        "/clients?page=0&per_page=100&include_totals=true",
        "/clients?take=20",
        "/clients?take=100&is_global=false&fields=name&include_fields=true",
    ] {
        let (status, body) = api.get(path).await;
        assert_eq!(status, 200, "{path}");
        let schema = response("/clients", "get", "200");
        assert_eq!(violations(&openapi, schema, &body), [""; 0], "{path}");
    }
    // The pages also fit what they are meant to be, not just one of the three shapes.
    for (path, name) in [
        (
            "/clients?include_totals=true",
            "ListClientsOffsetPaginatedResponseContent",
        ),
        ("/clients?take=3", "ListClientsPaginatedResponseContent"),
    ] {
        let schema = json!({"$ref": format!("#/components/schemas/{name}")});
        assert_eq!(
            violations(&openapi, schema, &api.get(path).await.1),
            [""; 0]
        );
    }
    let (_, list) = api.get("/clients?per_page=100").await;
    let schema = response("/clients/{id}", "get", "200");
    for id in ids(&list) {
        let (_, client) = api.get(&format!("/clients/{id}")).await;
        assert_eq!(
            violations(&openapi, schema.clone(), &client),
            [""; 0],
            "{id}"
        );
    }
    let body = json!({"name": "New", "description": "ü", "allowed_clients": ["x"]});
    let (status, made) = api.send(Method::POST, "/clients", Some(body.clone())).await;
    assert_eq!(status, 201);
    let schema = response("/clients", "post", "201");
    assert_eq!(violations(&openapi, schema, &made), [""; 0]);
    let path = format!("/clients/{}", made["client_id"].as_str().unwrap());
    let (status, updated) = api.patch(&path, body).await;
    assert_eq!(status, 200);
    let schema = response("/clients/{id}", "patch", "200");
    assert_eq!(violations(&openapi, schema, &updated), [""; 0]);
}

/// A schema of the OpenAPI and what it refers to.
struct Official<'a> {
    schemas: &'a Value,
}

impl<'a> Official<'a> {
    fn resolved(&self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(name) => self.resolved(&self.schemas[name.rsplit('/').next().unwrap()]),
            None => schema,
        }
    }

    fn is_valid(&self, schema: &Value, value: &Value) -> bool {
        let mut document = schema.clone();
        document["components"] = json!({ "schemas": self.schemas });
        jsonschema::validator_for(&document)
            .unwrap()
            .is_valid(value)
    }

    /// The simplest value that a schema takes.
    fn simplest(&self, schema: &'a Value) -> Value {
        let schema = self.resolved(schema);
        if let Some(choice) = schema["enum"].get(0) {
            return choice.clone();
        }
        if let Some(first) = schema["oneOf"].get(0) {
            return self.simplest(first);
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => kinds[0].as_str().unwrap(),
            Value::Null => return json!({}),
            kind => kind.as_str().unwrap(),
        };
        match kind {
            "object" => {
                let required = schema["required"].as_array().cloned().unwrap_or_default();
                let mut names: Vec<&str> =
                    required.iter().map(|name| name.as_str().unwrap()).collect();
                let properties = schema["properties"].as_object();
                if names.is_empty() && schema["minProperties"].as_u64() > Some(0) {
                    names.extend(
                        properties
                            .and_then(|properties| properties.keys().next().map(String::as_str)),
                    );
                }
                let values = names
                    .into_iter()
                    .map(|name| (name.to_owned(), self.simplest(&schema["properties"][name])));
                values.collect()
            }
            "array" => match schema["minItems"].as_u64() {
                Some(1..) => json!([self.simplest(&schema["items"])]),
                _ => json!([]),
            },
            "boolean" => json!(true),
            "integer" | "number" => schema.get("minimum").cloned().unwrap_or(json!(1)),
            _ => {
                let texts = ["text", "aaaaaaaaaa", "", "AA"].map(str::to_owned);
                let mut texts = texts.into_iter().chain([format!("{}==", "a".repeat(86))]);
                texts
                    .find(|text| self.is_valid(schema, &json!(text)))
                    .unwrap()
                    .into()
            }
        }
    }

    /// Values that a schema takes or nearly takes, each wrong or right in one place.
    fn tries(&self, schema: &'a Value) -> Vec<Value> {
        let schema = self.resolved(schema);
        let simplest = self.simplest(schema);
        let mut tries = vec![
            simplest.clone(),
            json!(null),
            json!(7),
            json!(-1),
            json!(100_000_000_000_u64),
            json!("a<b c"),
            json!(""),
            json!("x".repeat(2000)),
            json!([]),
            json!({}),
            json!({"unheard_of": 1}),
        ];
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            for value in self.tries(property) {
                let mut object = simplest.clone();
                object[name] = value;
                tries.push(object);
            }
            let mut object = simplest.clone();
            object.as_object_mut().unwrap().remove(name);
            tries.push(object);
        }
        if schema["items"].is_object() {
            let entries = self.tries(&schema["items"]);
            tries.extend(entries.into_iter().map(|entry| json!([entry])));
            tries.push(json!(vec![self.simplest(&schema["items"]); 12]));
        }
        for alternative in schema["oneOf"].as_array().into_iter().flatten() {
            tries.extend(self.tries(alternative));
        }
        tries
    }
}

/// Lists and single resources of the other kinds. What they violate is what real tenants serve beyond the document, and a range of
/// addresses, which is of one format only to a validator that knows formats.
#[tokio::test]
async fn answers_of_the_other_kinds_obey_the_official_openapi() {
    if recorded("clients-openapi.json").is_none() {
        return;
    }
    let (_sandbox, api) = start(Sandbox::builder().seed("sandbox")).await;
    let mut violated = Vec::new();
    for (document, template, paths) in [
        (
            "resource-servers",
            "/resource-servers",
            &["", "?include_totals=true"][..],
        ),
        (
            "resource-servers",
            "/resource-servers/{id}",
            &["/urn%3Aacme%3Awarehouse"],
        ),
        (
            "client-grants",
            "/client-grants",
            &["", "?include_totals=true", "?take=3"],
        ),
        (
            "client-grants",
            "/client-grants/{id}",
            &["/cgr_depl0yAndCi00008"],
        ),
        (
            "roles",
            "/roles",
            &["?page=1&per_page=3", "?include_totals=true"],
        ),
        ("roles", "/roles/{id}", &["/rol_newc0mer00000004"]),
        (
            "roles",
            "/roles/{id}/permissions",
            &[
                "/rol_wareh0useLead002/permissions",
                "/rol_wareh0useLead002/permissions?include_totals=true",
            ],
        ),
        ("tenant-settings", "/tenants/settings", &[""]),
        (
            "attack-protection",
            "/attack-protection/bot-detection",
            &[""],
        ),
        (
            "attack-protection",
            "/attack-protection/breached-password-detection",
            &[""],
        ),
        (
            "attack-protection",
            "/attack-protection/brute-force-protection",
            &[""],
        ),
        ("attack-protection", "/attack-protection/captcha", &[""]),
        (
            "attack-protection",
            "/attack-protection/suspicious-ip-throttling",
            &[""],
        ),
    ] {
        let openapi = recorded(&format!("openapi/{document}.json")).unwrap();
        let schema = &openapi["paths"][template]["get"]["responses"]["200"]["content"]["application/json"]
            ["schema"];
        let start = template.split("/{").next().unwrap();
        for path in paths {
            let (status, body) = api.get(&format!("{start}{path}")).await;
            assert_eq!(status, 200, "{start}{path}");
            let found = violations(&openapi, schema.clone(), &body);
            violated.extend(
                found
                    .into_iter()
                    .map(|found| format!("{start}{path} {found}")),
            );
        }
    }
    insta::assert_snapshot!(violated.join("\n"), @r#"
    /roles?include_totals=true : {"start":0,"limit":50,"total":4,"roles":[{"id":"rol_cUst0merCare0001","name":"Customer Care","description":"Looks orders up, and gives money back"},{"id":"rol_wareh0useLead002","name":"Warehouse Lead","description":""},{"id":"rol_bo0kkeeping00003","name":"Bookkeeping","description":"Invoices & reports","type":"tenant"},{"id":"rol_newc0mer00000004","name":"Newcomer","description":""}]} is not valid under any of the schemas listed in the 'oneOf' keyword
    /tenants/settings /flags: Additional properties are not allowed ('enable_custom_domain_in_emails', 'enable_legacy_logs_search_v2', 'new_universal_login_experience_enabled', 'universal_login', 'use_scope_descriptions_for_consent' were unexpected)
    /tenants/settings : Additional properties are not allowed ('universal_login' was unexpected)
    /attack-protection/bot-detection /allowlist/0: "192.168.10.2/32" is valid under more than one of the schemas listed in the 'oneOf' keyword
    /attack-protection/suspicious-ip-throttling /stage: Additional properties are not allowed ('pre-custom-token-exchange' was unexpected)
    "#);
}

/// What the recorded API does otherwise than its OpenAPI says: nulls that it takes in an update, and what stays as it was made.
fn is_otherwise(body: &Body, property: &str, value: &Value) -> bool {
    let null_is_taken = [
        "addons",
        "oidc_backchannel_logout",
        "signed_request_object",
        "token_vault_privileged_access",
    ];
    let is_update = body.method == Method::PATCH;
    let is_kept = property == "third_party_security_mode" && value.is_string();
    // Of these, a validator without formats knows nothing.
    let is_loose = match property {
        "allowlist" => value.get(0).is_some(),
        "token_vault_privileged_access" => value.pointer("/ip_allowlist/0").is_some(),
        _ => false,
    };
    is_update && (value.is_null() && null_is_taken.contains(&property) || is_kept) || is_loose
}

/// A body of the OpenAPI, and where it is sent.
struct Body {
    document: &'static str,
    schema: &'static str,
    method: Method,
    path: &'static str,
    /// What is always in it.
    base: Value,
}

fn bodies() -> Vec<Body> {
    let updates = [
        (
            "clients-openapi",
            "UpdateClientRequestContent",
            "/clients/a",
            json!({"name": "A"}),
        ),
        (
            "openapi/resource-servers",
            "UpdateResourceServerRequestContent",
            "/resource-servers/r",
            json!({}),
        ),
        (
            "openapi/client-grants",
            "UpdateClientGrantRequestContent",
            "/client-grants/g",
            json!({"organization_usage": "deny"}),
        ),
        (
            "openapi/roles",
            "UpdateRoleRequestContent",
            "/roles/o",
            json!({}),
        ),
        (
            "openapi/tenant-settings",
            "UpdateTenantSettingsRequestContent",
            "/tenants/settings",
            json!({"friendly_name": "A"}),
        ),
        (
            "openapi/attack-protection",
            "UpdateBotDetectionSettingsRequestContent",
            "/attack-protection/bot-detection",
            json!({}),
        ),
        (
            "openapi/attack-protection",
            "UpdateBreachedPasswordDetectionSettingsRequestContent",
            "/attack-protection/breached-password-detection",
            json!({}),
        ),
        (
            "openapi/attack-protection",
            "UpdateBruteForceSettingsRequestContent",
            "/attack-protection/brute-force-protection",
            json!({}),
        ),
        (
            "openapi/attack-protection",
            "UpdateAttackProtectionCaptchaRequestContent",
            "/attack-protection/captcha",
            json!({}),
        ),
        (
            "openapi/attack-protection",
            "UpdateSuspiciousIPThrottlingSettingsRequestContent",
            "/attack-protection/suspicious-ip-throttling",
            json!({}),
        ),
    ];
    let creates = [
        (
            "clients-openapi",
            "CreateClientRequestContent",
            "/clients",
            json!({"name": "A"}),
        ),
        (
            "openapi/resource-servers",
            "CreateResourceServerRequestContent",
            "/resource-servers",
            json!({"identifier": "urn:new"}),
        ),
        (
            "openapi/client-grants",
            "CreateClientGrantRequestContent",
            "/client-grants",
            json!({"audience": "urn:r", "client_id": "a"}),
        ),
        (
            "openapi/roles",
            "CreateRoleRequestContent",
            "/roles",
            json!({"name": "A"}),
        ),
        (
            "openapi/roles",
            "AddRolePermissionsRequestContent",
            "/roles/o/permissions",
            json!({"permissions": []}),
        ),
    ];
    let body = |method: Method, (document, schema, path, base)| Body {
        document,
        schema,
        method,
        path,
        base,
    };
    let updates = updates.into_iter().map(|one| body(Method::PATCH, one));
    updates
        .chain(creates.into_iter().map(|one| body(Method::POST, one)))
        .collect()
}

/// Whatever the OpenAPI's schemas refuse, the sandbox refuses, and the other way round: each property of each object, at every depth.
#[tokio::test]
async fn bodies_are_refused_as_the_official_openapi_says() {
    if recorded("clients-openapi.json").is_none() {
        return;
    }
    let builder = two_clients()
        .resource(
            "resource-servers",
            json!({"id": "r", "identifier": "urn:r"}),
        )
        .resource("client-grants", json!({"id": "g"}))
        .resource("roles", json!({"id": "o", "name": "O"}));
    let (sandbox, api) = start(builder).await;
    let mut differing = Vec::new();
    let mut taken = 0;
    for body in bodies() {
        let openapi = recorded(&format!("{}.json", body.document)).unwrap();
        let official = Official {
            schemas: &openapi["components"]["schemas"],
        };
        let mut document = json!({"$ref": format!("#/components/schemas/{}", body.schema)});
        document["components"] = openapi["components"].clone();
        let validator = jsonschema::validator_for(&document).unwrap();
        let properties = official.schemas[body.schema]["properties"]
            .as_object()
            .unwrap();
        let unknown = ("unheard_of".to_owned(), json!({"type": "string"}));
        for (property, schema) in properties.iter().chain([(&unknown.0, &unknown.1)]) {
            for value in official.tries(schema) {
                if is_otherwise(&body, property, &value) {
                    continue;
                }
                let mut sent = body.base.clone();
                sent[property] = value;
                let (status, answer) = api
                    .send(body.method.clone(), body.path, Some(sent.clone()))
                    .await;
                // What is refused for another reason than its shape was taken as far as the schema goes.
                let message = answer["message"].as_str().unwrap_or_default();
                let is_taken = status < 300 || !message.starts_with("Payload validation error");
                taken += usize::from(status < 300);
                if is_taken != validator.is_valid(&sent) {
                    differing.push(format!(
                        "{} {} {sent}: {status} {message}",
                        body.method, body.path
                    ));
                }
                if status == 201 || body.path == "/roles" {
                    for kind in ["clients", "resource-servers", "client-grants", "roles"] {
                        for id in ["client_id", "id"]
                            .map(|id| answer[id].as_str())
                            .into_iter()
                            .flatten()
                        {
                            sandbox.delete_resource(kind, id);
                        }
                    }
                }
            }
        }
    }
    assert_eq!(differing, [""; 0]);
    assert!(taken > 1_000, "{taken}");
}

#[tokio::test]
async fn recorded_traffic_replays() {
    let (Some(clients), Some(exchanges)) = (
        recorded("recorded-clients.json"),
        recorded("recorded-exchanges.json"),
    ) else {
        return;
    };
    let recorded: Vec<Value> = clients["clients"].as_array().unwrap().clone();
    let (_sandbox, api) = start(Sandbox::builder().clients(recorded.clone())).await;

    let (_, list) = api.get("/clients?per_page=100&include_totals=true").await;
    let mut expected = clients.clone();
    for (client, answered) in recorded.iter().zip(list["clients"].as_array().unwrap()) {
        for (field, value) in client.as_object().unwrap() {
            assert_eq!(&answered[field], value);
        }
    }
    expected["clients"] = list["clients"].clone();
    assert_eq!(list, expected, "the page around the clients");

    for patch in exchanges["patches"].as_array().unwrap() {
        let request = &patch["request"];
        let path = request["path"]
            .as_str()
            .unwrap()
            .trim_start_matches("/api/v2");
        let (status, answer) = api.patch(path, request["body"].clone()).await;
        assert_eq!(status, 200, "{path}: {answer}");
        for field in request["body"].as_object().unwrap().keys() {
            assert_eq!(
                answer[field], patch["response"]["body"][field],
                "{path} {field}"
            );
        }
    }
    let mut replayed = 0;
    for error in exchanges["errors"].as_array().unwrap() {
        let path = error["path"].as_str().unwrap();
        if path.starts_with("/api/v2/clients") {
            let (status, body) = api.get(path.trim_start_matches("/api/v2")).await;
            assert_eq!(json!(status), error["status"]);
            assert_eq!(body, error["body"]);
            replayed += 1;
        }
    }
    assert!(replayed > 0);
}

/// The two values, with every list of texts in one order: some come back in another.
fn without_order(value: &Value) -> Value {
    match value {
        Value::Array(entries) => {
            let mut entries: Vec<Value> = entries.iter().map(without_order).collect();
            entries.sort_by_key(Value::to_string);
            entries.into()
        }
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields
                .iter()
                .map(|(name, value)| (name.clone(), without_order(value)))
                .collect();
            sorted.sort_by(|one, other| one.0.cmp(&other.0));
            sorted.into_iter().collect()
        }
        value => value.clone(),
    }
}

/// Fields of an answer that some tenants have and others don't, and ids that are made up.
const OF_SOME: [&str; 9] = [
    "async_approval_notification_channels",
    "callback_url_template",
    "client_id",
    "client_secret",
    "cross_origin_auth",
    "cross_origin_authentication",
    "encrypted",
    "global",
    "signing_keys",
];

/// A recorded create of a client is answered with what it was answered with then, every default included.
#[tokio::test]
async fn recorded_creates_of_clients_replay() {
    let Some(exchanges) = recorded_kinds() else {
        return;
    };
    let (_sandbox, api) = start(Sandbox::builder()).await;
    let mut differing = Vec::new();
    let mut replayed = 0;
    for exchange in exchanges {
        let request = &exchange["request"];
        let is_create = exchange["kind"] == "clients" && exchange["status"] == 201;
        // What an express configuration fills in is the integration's.
        if !is_create || request["app_type"] == "express_configuration" {
            continue;
        }
        let (status, answer) = api
            .send(Method::POST, "/clients", Some(request.clone()))
            .await;
        if status != 201 {
            differing.push(format!("{request}: {status} {answer}"));
            continue;
        }
        replayed += 1;
        let then = exchange["response"].as_object().unwrap();
        let now = answer.as_object().unwrap();
        let mut names: Vec<&String> = then.keys().chain(now.keys()).collect();
        names.dedup();
        for name in names {
            // The answer to a create shows more of credentials than what is read later.
            let is_credential = ["client_authentication_methods", "signed_request_object"];
            if OF_SOME.contains(&name.as_str())
                || is_credential.contains(&name.as_str())
                || name == "tenant"
            {
                continue;
            }
            if then.get(name) != now.get(name) {
                differing.push(format!(
                    "{} {name}: {:?}, and then it was {:?}",
                    exchange["file"],
                    now.get(name),
                    then.get(name)
                ));
            }
        }
    }
    differing.dedup();
    assert_eq!(differing, [""; 0]);
    assert!(replayed > 60, "{replayed}");
}

fn recorded_kinds() -> Option<Vec<Value>> {
    let folder = std::env::var_os("TENANTRY_RECORDED")?;
    let path = std::path::PathBuf::from(folder).join("recorded-kinds.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    Some(lines.collect())
}

/// Every recorded write of the other kinds is taken, and answered with what it was answered with then.
#[tokio::test]
async fn recorded_writes_replay() {
    let Some(exchanges) = recorded_kinds() else {
        return;
    };
    let mut differing = Vec::new();
    let mut replayed = 0;
    for exchange in exchanges {
        let field = |name: &str| exchange[name].as_str().unwrap();
        let kind = match field("kind") {
            "attack-protection" => field("path").trim_start_matches('/'),
            kind @ ("resource-servers" | "client-grants" | "roles" | "tenant-settings") => kind,
            _ => continue,
        };
        let (request, response) = (&exchange["request"], &exchange["response"]);
        let is_system = response["is_system"] == true;
        if exchange["status"].as_u64() >= Some(300) || !request.is_object() || is_system {
            continue;
        }
        let (method, builder) = match field("method") {
            "PATCH" => (
                Method::PATCH,
                Sandbox::builder().resource(kind, response.clone()),
            ),
            "POST" => {
                let builder = Sandbox::builder()
                    .client(json!({"client_id": request["client_id"], "name": "A"}))
                    .resource(
                        "resource-servers",
                        json!({"id": "r", "identifier": request["audience"]}),
                    );
                (Method::POST, builder)
            }
            _ => continue,
        };
        let (_sandbox, api) = start(builder).await;
        let (status, mut answer) = api.send(method, field("path"), Some(request.clone())).await;
        replayed += 1;
        if json!(status) != exchange["status"] {
            differing.push(format!(
                "{} {} {request}: {status} {answer}",
                field("method"),
                field("path")
            ));
            continue;
        }
        let mut expected = response.clone();
        expected["id"] = Value::Null;
        answer["id"] = Value::Null;
        for name in request.as_object().unwrap().keys() {
            let (now, then) = (without_order(&answer[name]), without_order(&expected[name]));
            if now != then {
                differing.push(format!(
                    "{} {name}: {now}, and then it was {then}",
                    field("path")
                ));
            }
        }
    }
    assert_eq!(differing, [""; 0]);
    assert!(replayed > 80, "{replayed}");
}
