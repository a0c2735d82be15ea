//! The permissions of a role: a list below each role, to which some are added and from which some are removed.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, get};
use serde_json::{Value, json};

use super::answer::{Refusal, json_answer};
use super::kind::{Action, Fields};
use super::kinds::resource_servers;
use super::kinds::roles::{KIND as ROLES, PERMISSIONS};
use super::listing::Part;
use super::request::{authorize, read_body, written};
use super::shapes::Operation;
use super::store::Store;
use super::tenant::Tenant;

/// The path of a role's permissions.
pub(super) const PATH: &str = "/api/v2/roles/{id}/permissions";

/// The field of a role that holds them.
const FIELD: &str = "permissions";

type Answer = Result<Response<Body>, Refusal>;

/// Answers at that path.
pub(super) fn route() -> MethodRouter<Arc<Tenant>> {
    get(list).post(add).delete(remove)
}

async fn list(
    State(tenant): State<Arc<Tenant>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    authorize(&tenant, &headers, &ROLES, Action::Read)?;
    let part = Part::parse(query.as_deref().unwrap_or_default())?;
    let store = tenant.store();
    let permissions: Vec<_> = (0..).zip(of_role(&store, &id)?).collect();
    let body = part.answer(FIELD, &permissions, tenant.page_cap, |permission| {
        described(&store, permission)
    });
    Ok(json_answer(200, &body))
}

async fn add(
    State(tenant): State<Arc<Tenant>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let sent = read(&tenant, &headers, Operation::Create, &body)?;
    let mut store = tenant.store();
    let mut permissions = of_role(&store, &id)?;
    for permission in sent {
        if described(&store, &permission)
            .get("resource_server_name")
            .is_none()
        {
            return Err(resource_servers::KIND.no_such());
        }
        if !permissions.contains(&permission) {
            permissions.push(permission);
        }
    }
    written(store.edit(&ROLES, &id, FIELD, Some(permissions.into())))?;
    Ok(json_answer(201, &json!({})))
}

async fn remove(
    State(tenant): State<Arc<Tenant>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let sent = read(&tenant, &headers, Operation::Update, &body)?;
    let mut store = tenant.store();
    let mut permissions = of_role(&store, &id)?;
    permissions.retain(|permission| !sent.contains(permission));
    written(store.edit(&ROLES, &id, FIELD, Some(permissions.into())))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The permissions that a body names.
fn read(
    tenant: &Tenant,
    headers: &HeaderMap,
    operation: Operation,
    body: &[u8],
) -> Result<Vec<Value>, Refusal> {
    authorize(tenant, headers, &ROLES, Action::Update)?;
    let mut sent = read_body(PERMISSIONS.of(operation), headers, body)?;
    match sent.get_mut(FIELD).map(Value::take) {
        Some(Value::Array(permissions)) => Ok(permissions),
        _ => Ok(Vec::new()),
    }
}

fn of_role(store: &Store, id: &str) -> Result<Vec<Value>, Refusal> {
    let role = store.get(&ROLES, id).ok_or_else(|| ROLES.no_such())?;
    let permissions = role.get(FIELD).and_then(Value::as_array);
    Ok(permissions.cloned().unwrap_or_default())
}

/// A permission with what its resource server says of it.
fn described(store: &Store, permission: &Value) -> Value {
    let text =
        |fields: &Value, name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
    let identifier = text(permission, "resource_server_identifier").unwrap_or_default();
    let name = text(permission, "permission_name").unwrap_or_default();
    let api = store.get(&resource_servers::KIND, &identifier);
    let scopes = api.and_then(|api| api.get("scopes")?.as_array());
    let scope = scopes
        .into_iter()
        .flatten()
        .find(|scope| text(scope, "value").as_ref() == Some(&name));
    let mut described = Fields::new();
    described.insert("permission_name".to_owned(), name.into());
    if let (Some(api), Some(scope)) = (api, scope) {
        let description = text(scope, "description").unwrap_or_default();
        let called = api.get("name").unwrap_or(&Value::Null);
        described.insert("description".to_owned(), description.into());
        described.insert("resource_server_name".to_owned(), called.clone());
    }
    described.insert("resource_server_identifier".to_owned(), identifier.into());
    Value::Object(described)
}
