//! The API's answers: JSON bodies on one side, refusals with status, message and error code on the other.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};

/// A refusal, with the body that the API sends.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    status: u16,
    body: Value,
    retry_after: Option<u64>,
}

impl Refusal {
    /// A refusal of the Management API: `{statusCode, error, message, errorCode}`.
    pub(super) fn api(status: u16, message: &str, code: &str) -> Refusal {
        let reason = StatusCode::from_u16(status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or("Error");
        let mut body = Map::new();
        body.insert("statusCode".to_owned(), status.into());
        body.insert("error".to_owned(), reason.into());
        body.insert("message".to_owned(), message.into());
        if !code.is_empty() {
            body.insert("errorCode".to_owned(), code.into());
        }
        Refusal {
            status,
            body: Value::Object(body),
            retry_after: None,
        }
    }

    /// 400 with that error code.
    pub(super) fn bad_request(code: &str, message: &str) -> Refusal {
        Refusal::api(400, message, code)
    }

    /// 400 for what a body says at that path; an empty one is the body itself.
    pub(super) fn bad_property(problem: &str, at: &str) -> Refusal {
        let on = match at {
            "" => ".".to_owned(),
            at => format!(" on property {at}."),
        };
        let message = format!("Payload validation error: '{problem}'{on}");
        Refusal::bad_request("invalid_body", &message)
    }

    /// 400 for properties that a body may not have.
    pub(super) fn unknown_properties(names: &[&str]) -> Refusal {
        let names = names.join(", ");
        Refusal::bad_property(&format!("Additional properties not allowed: {names}"), "")
    }

    /// 403 for what the tenant's plan does not include.
    pub(super) fn not_included() -> Refusal {
        Refusal::api(
            403,
            "Please upgrade your subscription to use this feature",
            "insufficient_entitlement",
        )
    }

    /// 400 for a query parameter.
    pub(super) fn bad_query(problem: &str) -> Refusal {
        Refusal::bad_request(
            "invalid_query_string",
            &format!("Query validation error: {problem}."),
        )
    }

    /// 401 for a missing, unknown or expired token.
    pub(super) fn unauthorized(message: &str) -> Refusal {
        Refusal {
            status: 401,
            body: json!({
                "statusCode": 401, "error": "Unauthorized", "message": message,
                "attributes": { "error": message }
            }),
            retry_after: None,
        }
    }

    /// 429, with a `retry-after` of that many seconds if there is to be one.
    pub(super) fn too_many_requests(retry_after: Option<u64>) -> Refusal {
        Refusal {
            retry_after,
            ..Refusal::api(429, "Global limit has been reached", "too_many_requests")
        }
    }

    /// A refusal of the token endpoint: `{error, error_description}`.
    pub(super) fn token(status: u16, error: &str, description: &str) -> Refusal {
        Refusal {
            status,
            body: json!({ "error": error, "error_description": description }),
            retry_after: None,
        }
    }

    /// The HTTP status.
    #[cfg(test)]
    pub(super) fn status(&self) -> u16 {
        self.status
    }

    /// The body.
    #[cfg(test)]
    pub(super) fn body(&self) -> &Value {
        &self.body
    }

    /// The body's message.
    #[cfg(test)]
    pub(super) fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response<Body> {
        let mut response = json_answer(self.status, &self.body);
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// An answer of that status and JSON body.
pub(super) fn json_answer(status: u16, body: &Value) -> Response<Body> {
    text_answer(status, "application/json; charset=utf-8", body.to_string())
}

/// An answer of that status, media type and body.
pub(super) fn text_answer(status: u16, media_type: &'static str, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}
