//! The HTTP surface: which path and method does what. Each handler checks the token, reads the request and asks the store.

use std::sync::{Arc, MutexGuard};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, Response, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::answer::{Refusal, json_answer};
use super::exchange;
use super::form;
use super::listing::{ListQuery, Selection};
use super::secrets;
use super::shapes;
use super::shapes::Operation;
use super::store::{Store, with_defaults};
use super::tenant::Tenant;
use super::validate;

const READ_LIST: [&str; 3] = ["read:clients", "read:client_keys", "read:client_summary"];
const READ: [&str; 4] = [
    "read:clients",
    "read:client_keys",
    "read:client_credentials",
    "read:client_summary",
];
const UPDATE: [&str; 2] = ["update:clients", "update:client_keys"];
const CREATE: [&str; 1] = ["create:clients"];
const DELETE: [&str; 1] = ["delete:clients"];

type Answer = Result<Response<Body>, Refusal>;

/// The path of the list of clients.
pub(super) const CLIENTS: &str = "/api/v2/clients";
/// The media type of a form.
pub(super) const FORM: &str = "application/x-www-form-urlencoded";
/// The path of the token endpoint.
pub(super) const TOKEN: &str = "/oauth/token";

/// Every route, behind the journal, the rate limit and the faults.
pub(super) fn router(tenant: Arc<Tenant>) -> Router {
    Router::new()
        .route(TOKEN, post(token))
        .route(CLIENTS, get(list).post(create))
        .route(
            "/api/v2/clients/{id}",
            get(read).patch(update).delete(delete),
        )
        .fallback(not_found)
        .method_not_allowed_fallback(not_found)
        .layer(axum::middleware::from_fn_with_state(
            Arc::clone(&tenant),
            exchange::exchange,
        ))
        .with_state(tenant)
}

async fn not_found() -> Refusal {
    Refusal::api(404, "Not Found", "")
}

async fn token(State(tenant): State<Arc<Tenant>>, headers: HeaderMap, body: Bytes) -> Answer {
    let mut request = match media_type(&headers) {
        "application/json" => serde_json::from_slice(&body)
            .map_err(|_| Refusal::token(400, "invalid_request", "The body is not a JSON object"))?,
        _ => form::texts(&body),
    };
    if let Some((id, secret)) = basic(&headers) {
        request.insert("client_id".to_owned(), id.into());
        request.insert("client_secret".to_owned(), secret.into());
    }
    let answer = tenant
        .tokens()
        .issue(&tenant.authority, &request, &tenant.url())?;
    Ok(json_answer(200, &answer))
}

async fn list(
    State(tenant): State<Arc<Tenant>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    authorize(&tenant, &headers, &READ_LIST)?;
    let query = ListQuery::parse(query.as_deref().unwrap_or_default())?;
    let store = tenant.store();
    let body = query.answer(&store.listed(), tenant.page_cap);
    Ok(json_answer(200, &body))
}

async fn read(
    State(tenant): State<Arc<Tenant>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    authorize(&tenant, &headers, &READ)?;
    let selection = Selection::parse(query.as_deref().unwrap_or_default())?;
    let store = tenant.store();
    let client = store.get(&id).ok_or_else(Refusal::no_such_client)?;
    Ok(json_answer(200, &selection.answer(client)))
}

async fn create(State(tenant): State<Arc<Tenant>>, headers: HeaderMap, body: Bytes) -> Answer {
    authorize(&tenant, &headers, &CREATE)?;
    let sent = client_body(Operation::Create, &headers, &body)?;
    let mut store = tenant.store();
    let client = with_defaults(store.tenant(), sent);
    let client = written(store.create(client))?;
    Ok(client_answer(201, &client))
}

async fn update(
    State(tenant): State<Arc<Tenant>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    authorize(&tenant, &headers, &UPDATE)?;
    let fields = client_body(Operation::Update, &headers, &body)?;
    let mut store = tenant.store();
    let client = written(store.update(&id, fields))?.ok_or_else(Refusal::no_such_client)?;
    Ok(client_answer(200, &client))
}

async fn delete(
    State(tenant): State<Arc<Tenant>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answer {
    authorize(&tenant, &headers, &DELETE)?;
    let mut store = tenant.store();
    if is_global(&store, &id) {
        return Err(Refusal::bad_request(
            "operation_not_supported",
            "Global client cannot be deleted.",
        ));
    }
    // The API answers the same whether or not there was such a client.
    written(store.delete(&id))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn is_global(store: &MutexGuard<'_, Store>, id: &str) -> bool {
    store.get(id).and_then(|client| client.get("global")) == Some(&Value::Bool(true))
}

fn authorize(tenant: &Tenant, headers: &HeaderMap, any_of: &[&str]) -> Result<(), Refusal> {
    let header = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    tenant.tokens().check(header, any_of)
}

fn client_answer(status: u16, client: &Map<String, Value>) -> Response<Body> {
    json_answer(status, &Value::Object(secrets::with_secrets(client)))
}

fn written<T>(result: std::io::Result<T>) -> Result<T, Refusal> {
    result.map_err(|error| {
        Refusal::api(
            500,
            &format!("the sandbox can't write its state: {error}"),
            "",
        )
    })
}

/// A client's fields, in either of the encodings that the API takes.
fn client_body(
    operation: Operation,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Map<String, Value>, Refusal> {
    let value = match media_type(headers) {
        "application/json" => serde_json::from_slice(body)
            .map_err(|_| Refusal::bad_request("", "Invalid request payload JSON format"))?,
        FORM => form::value(shapes::client(operation), body),
        _ => return Err(Refusal::api(415, "Unsupported Media Type", "")),
    };
    validate::body(operation, value)
}

/// The client id and secret of HTTP Basic, each of them form-encoded.
/// Source: <https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1>.
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let (scheme, text) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(text.trim()).ok()?).ok()?;
    let (id, secret) = pair.split_once(':')?;
    let decode = |text: &str| {
        let decoded = form::texts(format!("x={}", text.replace('&', "%26")).as_bytes());
        Some(decoded.get("x")?.as_str()?.to_owned())
    };
    Some((decode(id)?, decode(secret)?))
}

/// The media type of a request's body, without parameters.
pub(super) fn media_type(headers: &HeaderMap) -> &str {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim()
}
