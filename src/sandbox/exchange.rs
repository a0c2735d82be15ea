//! What surrounds every request: the journal, latency, the rate limit, and the faults that happen before, after or
//! instead of the answer.

use std::io;
use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request as HttpRequest, State};
use axum::http::{HeaderMap, HeaderValue, Method, Response, header};
use axum::middleware::Next;
use axum::response::IntoResponse;
use futures_util::stream;
use serde_json::Value;

use super::answer::{Refusal, text_answer};
use super::body::{self, FORM, media_type};
use super::connection::Cutter;
use super::faults::{Asked, Fault};
use super::journal::Request;
use super::kinds;
use super::rate::Verdict;
use super::tenant::Tenant;
use super::tokens::{TOKEN, now};

/// The largest body that is read, in bytes.
const LARGEST_BODY: usize = 4 * 1024 * 1024;

const PROXY_PAGE: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n";

/// Carries one request through.
pub(super) async fn exchange(
    State(tenant): State<Arc<Tenant>>,
    ConnectInfo(cutter): ConnectInfo<Cutter>,
    request: HttpRequest,
    next: Next,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else {
        let refusal = Refusal::api(
            413,
            "Payload content length greater than maximum allowed",
            "",
        );
        let mut response = refusal.into_response();
        limit_headers(response.headers_mut(), Verdict::far_from_any(now()));
        return response;
    };
    let method = parts.method.clone();
    let path = parts.uri.to_string();
    let is_token = parts.uri.path() == TOKEN;
    let asked = Asked {
        method: method.as_str(),
        path: &path,
        is_token,
        is_list: method == Method::GET && kinds::is_list(parts.uri.path()),
    };
    let number = tenant.journal().push(Request {
        method: method.to_string(),
        path: path.clone(),
        body: journal_body(&parts.headers, &body),
        status: 0,
    });
    if !tenant.latency.is_zero() {
        tokio::time::sleep(tenant.latency).await;
    }

    let verdict = match tenant.bucket().as_mut().filter(|_| !is_token) {
        Some(bucket) => bucket.take(now()),
        None => Verdict::far_from_any(now()),
    };
    let request = HttpRequest::from_parts(parts, Body::from(body));
    let mut response = match verdict {
        Verdict { allowed: false, .. } => {
            let wait = tenant.retry_after.then_some(verdict.retry_after);
            Refusal::too_many_requests(wait).into_response()
        }
        _ => {
            let fault = tenant.faults().next(&asked);
            match carry_out(&tenant, fault, request, next).await {
                Some(response) => response,
                None => {
                    // This answer never leaves: writing it finds the connection cut.
                    cutter.cut();
                    return Response::new(Body::empty());
                }
            }
        }
    };
    limit_headers(response.headers_mut(), verdict);
    tenant
        .journal()
        .answered(number, response.status().as_u16());
    response
}

/// The answer under that fault; None where the connection is to be closed without one.
async fn carry_out(
    tenant: &Tenant,
    fault: Option<Fault>,
    request: HttpRequest,
    next: Next,
) -> Option<Response<Body>> {
    let Some(fault) = fault else {
        return Some(next.run(request).await);
    };
    match fault {
        Fault::StatusBefore(status) => Some(failure(status)),
        Fault::StatusAfter(status) => {
            next.run(request).await;
            Some(failure(status))
        }
        Fault::TooManyRequests { retry_after } => {
            Some(Refusal::too_many_requests(retry_after).into_response())
        }
        Fault::CloseBefore => None,
        Fault::CloseAfter => {
            next.run(request).await;
            None
        }
        Fault::HangBefore => std::future::pending().await,
        Fault::HangAfter => {
            next.run(request).await;
            std::future::pending().await
        }
        Fault::HangMeanwhile(time) => {
            // What is done here ends with the connection.
            tokio::spawn(async move {
                tokio::time::sleep(time).await;
                next.run(request).await
            });
            std::future::pending().await
        }
        Fault::CutBody => cut(next.run(request).await).await,
        Fault::InvalidJson => {
            next.run(request).await;
            let body = "{\"clients\": [{\"client_id\": \"".to_owned();
            Some(text_answer(200, "application/json; charset=utf-8", body))
        }
        Fault::ProxyPage => Some(text_answer(502, "text/html", PROXY_PAGE.to_owned())),
        Fault::ShortPage => {
            let response = next.run(request).await;
            with_page(response, |page| {
                page.pop();
            })
            .await
        }
        Fault::RepeatedEntry => {
            let response = next.run(request).await;
            with_page(response, |page| {
                let first = page.first().cloned();
                if page.len() > 1 {
                    page.pop();
                }
                page.extend(first);
            })
            .await
        }
        Fault::RevokeTokens => {
            tenant.tokens().revoke();
            Some(next.run(request).await)
        }
    }
}

fn failure(status: u16) -> Response<Body> {
    let message = match status {
        503 => "Service Unavailable",
        _ => "An internal server error occurred",
    };
    Refusal::api(status, message, "").into_response()
}

/// The same answer, which breaks off in the middle of its body.
async fn cut(response: Response<Body>) -> Option<Response<Body>> {
    let (mut parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.ok()?;
    if body.is_empty() {
        return None;
    }
    parts
        .headers
        .insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    let half = body.slice(..body.len() / 2);
    let body = stream::unfold(Some(half), |half| async move {
        match half {
            Some(half) => Some((Ok::<Bytes, io::Error>(half), None)),
            None => {
                // Lets what was written so far leave before the connection breaks.
                tokio::task::yield_now().await;
                Some((Err(io::ErrorKind::ConnectionAborted.into()), None))
            }
        }
    });
    Some(Response::from_parts(parts, Body::from_stream(body)))
}

/// The same answer with its page of resources changed, if it has one.
async fn with_page(
    response: Response<Body>,
    change: impl FnOnce(&mut Vec<Value>),
) -> Option<Response<Body>> {
    let (mut parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.ok()?;
    let Some(mut json) = body::json(&bytes) else {
        return Some(Response::from_parts(parts, Body::from(bytes)));
    };
    let page = match &mut json {
        Value::Array(page) => Some(page),
        Value::Object(answer) => answer.values_mut().find_map(Value::as_array_mut),
        _ => None,
    };
    if let Some(page) = page {
        change(page);
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    Some(Response::from_parts(parts, Body::from(json.to_string())))
}

fn limit_headers(headers: &mut HeaderMap, verdict: Verdict) {
    headers.insert("x-ratelimit-limit", HeaderValue::from(verdict.limit));
    headers.insert(
        "x-ratelimit-remaining",
        HeaderValue::from(verdict.remaining),
    );
    headers.insert("x-ratelimit-reset", HeaderValue::from(verdict.reset));
}

fn journal_body(headers: &HeaderMap, sent: &[u8]) -> Option<Value> {
    if sent.is_empty() {
        return None;
    }
    if media_type(headers) == FORM {
        return Some(Value::Object(body::texts(sent)));
    }
    let text = || Value::from(String::from_utf8_lossy(sent).into_owned());
    Some(body::json(sent).unwrap_or_else(text))
}
