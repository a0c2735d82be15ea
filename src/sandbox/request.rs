//! What every handler does with a request: who asks, what the body says, and whether the answer was written down.

use std::io;

use axum::http::{HeaderMap, header};

use super::answer::Refusal;
use super::body::{self, FORM, media_type};
use super::kind::{Action, Fields, Kind};
use super::shapes::Shape;
use super::tenant::Tenant;
use super::validate;

/// Whether the token may do that with resources of the kind.
///
/// # Errors
/// 401, or 403 `insufficient_scope` or `insufficient_entitlement`.
pub(super) fn authorize(
    tenant: &Tenant,
    headers: &HeaderMap,
    kind: &Kind,
    action: Action,
) -> Result<(), Refusal> {
    let header = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    tenant.tokens().check(header, &kind.scopes(action))?;
    match tenant.not_included.contains(&kind.name) {
        true => Err(Refusal::not_included()),
        false => Ok(()),
    }
}

/// What was written, or why it could not be.
///
/// # Errors
/// 500.
pub(super) fn written<T>(result: io::Result<T>) -> Result<T, Refusal> {
    result.map_err(|error| {
        Refusal::api(
            500,
            &format!("the sandbox can't write its state: {error}"),
            "",
        )
    })
}

/// A body's fields, in either of the encodings that the API takes.
///
/// # Errors
/// 400 or 415.
pub(super) fn read_body(
    shape: &Shape,
    headers: &HeaderMap,
    sent: &[u8],
) -> Result<Fields, Refusal> {
    let value = match media_type(headers) {
        "application/json" => body::json(sent)
            .ok_or_else(|| Refusal::bad_request("", "Invalid request payload JSON format"))?,
        FORM => body::form(shape, sent),
        _ => return Err(Refusal::api(415, "Unsupported Media Type", "")),
    };
    validate::body(shape, value)
}
