//! The HTTP surface: the token endpoint, and for each kind the same few handlers. Each checks the token, reads the request and asks
//! the store.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, Response, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::answer::{Refusal, json_answer};
use super::body::{self, media_type};
use super::exchange;
use super::kind::{Action, Collection, Fields, Form, Kind, Neighbours, Occasion, Write};
use super::kinds::KINDS;
use super::listing::{ListQuery, Selection};
use super::permissions;
use super::request::{authorize, read_body, written};
use super::shapes::Operation;
use super::store::Store;
use super::tenant::Tenant;
use super::tokens::TOKEN;

type Answer = Result<Response<Body>, Refusal>;
type Running = State<Arc<Tenant>>;

/// Every route, behind the journal, the rate limit and the faults.
pub(super) fn router(tenant: Arc<Tenant>) -> Router {
    let mut router = Router::new()
        .route(TOKEN, post(token))
        .route(permissions::PATH, permissions::route());
    for kind in KINDS {
        router = match &kind.form {
            Form::One => with_one(router, kind),
            Form::Many(many) => with_many(router, kind, many),
        };
    }
    router
        .fallback(not_found)
        .method_not_allowed_fallback(not_found)
        .layer(axum::middleware::from_fn_with_state(
            Arc::clone(&tenant),
            exchange::exchange,
        ))
        .with_state(tenant)
}

fn with_one(router: Router<Arc<Tenant>>, kind: &'static Kind) -> Router<Arc<Tenant>> {
    let read = move |tenant: Running, query: RawQuery, headers: HeaderMap| {
        let answer = read(kind, &tenant, "", query, &headers);
        std::future::ready(answer)
    };
    let update = move |tenant: Running, headers: HeaderMap, body: Bytes| {
        let answer = update(kind, &tenant, "", &headers, &body);
        std::future::ready(answer)
    };
    router.route(&format!("/api/v2/{}", kind.path), get(read).patch(update))
}

fn with_many(
    router: Router<Arc<Tenant>>,
    kind: &'static Kind,
    many: &'static Collection,
) -> Router<Arc<Tenant>> {
    let list = move |tenant: Running, query: RawQuery, headers: HeaderMap| {
        let answer = list(kind, &tenant, query, &headers);
        std::future::ready(answer)
    };
    let create = move |tenant: Running, headers: HeaderMap, body: Bytes| {
        let answer = create(kind, many, &tenant, &headers, &body);
        std::future::ready(answer)
    };
    let read = move |tenant: Running, id: Path<String>, query: RawQuery, headers: HeaderMap| {
        let answer = read(kind, &tenant, &id, query, &headers);
        std::future::ready(answer)
    };
    let update = move |tenant: Running, id: Path<String>, headers: HeaderMap, body: Bytes| {
        let answer = update(kind, &tenant, &id, &headers, &body);
        std::future::ready(answer)
    };
    let delete = move |tenant: Running, id: Path<String>, headers: HeaderMap| {
        let answer = delete(kind, many, &tenant, &id, &headers);
        std::future::ready(answer)
    };
    let path = format!("/api/v2/{}", kind.path);
    router.route(&path, get(list).post(create)).route(
        &format!("{path}/{{id}}"),
        get(read).patch(update).delete(delete),
    )
}

async fn not_found() -> Refusal {
    Refusal::api(404, "Not Found", "")
}

async fn token(State(tenant): Running, headers: HeaderMap, sent: Bytes) -> Answer {
    let no_object = || Refusal::token(400, "invalid_request", "The body is not a JSON object");
    let mut request = match media_type(&headers) {
        "application/json" => match body::json(&sent) {
            Some(Value::Object(request)) => request,
            _ => return Err(no_object()),
        },
        _ => body::texts(&sent),
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

fn list(
    kind: &'static Kind,
    tenant: &Tenant,
    RawQuery(query): RawQuery,
    headers: &HeaderMap,
) -> Answer {
    authorize(tenant, headers, kind, Action::List)?;
    let query = ListQuery::parse(kind, query.as_deref().unwrap_or_default())?;
    let store = tenant.store();
    let body = query.answer(&store.listed(kind), tenant.page_cap);
    Ok(json_answer(200, &body))
}

fn read(
    kind: &'static Kind,
    tenant: &Tenant,
    id: &str,
    RawQuery(query): RawQuery,
    headers: &HeaderMap,
) -> Answer {
    authorize(tenant, headers, kind, Action::Read)?;
    let selection = Selection::parse(kind, query.as_deref().unwrap_or_default())?;
    let store = tenant.store();
    let fields = store.get(kind, id).ok_or_else(|| kind.no_such())?;
    Ok(json_answer(200, &selection.answer(kind, fields)))
}

fn create(
    kind: &'static Kind,
    many: &Collection,
    tenant: &Tenant,
    headers: &HeaderMap,
    body: &[u8],
) -> Answer {
    authorize(tenant, headers, kind, Action::Create)?;
    let sent = read_body(kind.shapes.of(Operation::Create), headers, body)?;
    let mut store = tenant.store();
    check(kind, Operation::Create, &store, None, &sent)?;
    let fresh = kind.fresh(store.tenant(), sent);
    check_unique(kind, &store, None, &fresh)?;
    let made = written(store.create(kind, fresh))?;
    Ok(write_answer(kind, many.statuses.0, &made))
}

fn update(
    kind: &'static Kind,
    tenant: &Tenant,
    id: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Answer {
    authorize(tenant, headers, kind, Action::Update)?;
    let sent = read_body(kind.shapes.of(Operation::Update), headers, body)?;
    let mut store = tenant.store();
    let old = store.get(kind, id).ok_or_else(|| kind.no_such())?;
    check(kind, Operation::Update, &store, Some(old), &sent)?;
    let mut updated = old.clone();
    kind.write(&mut updated, sent.clone(), Operation::Update);
    check_unique(kind, &store, Some(old), &updated)?;
    let updated = written(store.update(kind, id, sent))?.ok_or_else(|| kind.no_such())?;
    Ok(write_answer(kind, 200, &updated))
}

fn delete(
    kind: &'static Kind,
    many: &Collection,
    tenant: &Tenant,
    id: &str,
    headers: &HeaderMap,
) -> Answer {
    authorize(tenant, headers, kind, Action::Delete)?;
    let mut store = tenant.store();
    let old = store.get(kind, id);
    check(kind, Operation::Delete, &store, old, &Map::new())?;
    // Of most kinds, the API answers the same whether or not there was one.
    if !written(store.delete(kind, id))? && many.misses_deleted {
        return Err(kind.no_such());
    }
    Ok(match many.statuses.1 {
        204 => StatusCode::NO_CONTENT.into_response(),
        status => json_answer(status, &json!({})),
    })
}

fn check(
    kind: &Kind,
    operation: Operation,
    store: &Store,
    old: Option<&Fields>,
    sent: &Fields,
) -> Result<(), Refusal> {
    let tenant: &dyn Neighbours = store;
    (kind.check)(&Write {
        operation,
        old,
        sent,
        tenant,
    })
}

/// Refuses what says the same as another one where only one may.
fn check_unique(
    kind: &Kind,
    store: &Store,
    old: Option<&Fields>,
    new: &Fields,
) -> Result<(), Refusal> {
    let Some((fields, message)) = kind.collection().and_then(|many| many.unique) else {
        return Ok(());
    };
    let id = old.and_then(|old| kind.id(old));
    let is_same = |other: &Fields| {
        (id.is_none() || kind.id(other) != id)
            && fields.iter().all(|name| other.get(*name) == new.get(*name))
    };
    match store.iter(kind).any(is_same) {
        true => Err(Refusal::api(409, message, "")),
        false => Ok(()),
    }
}

fn write_answer(kind: &Kind, status: u16, fields: &Fields) -> Response<Body> {
    let mut answer = (kind.answer)(fields, Occasion::Write);
    kind.rules.turn_sets(&mut answer);
    json_answer(status, &Value::Object(answer))
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
        let decoded = body::texts(format!("x={}", text.replace('&', "%26")).as_bytes());
        Some(decoded.get("x")?.as_str()?.to_owned())
    };
    Some((decode(id)?, decode(secret)?))
}
