//! A request before it is sent, and the body of its answer.

use std::fmt;

use reqwest::{Method, Url};
use serde::de::DeserializeOwned;

use super::error::ApiError;
use crate::client::Patch;

/// A request, before it has a token.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) segments: Vec<String>,
    query: Vec<(&'static str, String)>,
    pub(super) body: Option<Patch>,
}

impl Call {
    /// A call of a path below `/api/v2`, given in segments.
    pub(super) fn new(method: Method, segments: Vec<String>) -> Call {
        Call {
            method,
            segments,
            query: Vec::new(),
            body: None,
        }
    }

    pub(super) fn query(mut self, query: impl IntoIterator<Item = (&'static str, String)>) -> Call {
        self.query.extend(query);
        self
    }

    pub(super) fn body(mut self, patch: &Patch) -> Call {
        self.body = Some(patch.clone());
        self
    }

    /// An error about this call's answer.
    pub(super) fn odd_answer(&self, problem: String) -> ApiError {
        ApiError::OddAnswer {
            request: self.to_string(),
            problem,
        }
    }

    /// Its URL on the tenant at `base`.
    pub(super) fn url(&self, base: &Url) -> Url {
        let mut url = base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty()
                .extend(["api", "v2"])
                .extend(&self.segments);
        }
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        url
    }
}

/// Method and path, for messages.
impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} /api/v2/{}", self.method, self.segments.join("/"))
    }
}

/// A good answer's body.
pub(super) struct Answer(pub(super) Vec<u8>);

impl Answer {
    /// The body as JSON.
    pub(super) fn json<T: DeserializeOwned>(&self, call: &Call) -> Result<T, ApiError> {
        serde_json::from_slice(&self.0).map_err(|error| {
            call.odd_answer(
                match self.0.iter().find(|byte| !byte.is_ascii_whitespace()) {
                    Some(b'<') => "it is an HTML page, not JSON".to_owned(),
                    None => "it is empty".to_owned(),
                    // serde's message for ill-typed data may quote a value; its place is enough.
                    Some(_) if error.is_data() => {
                        format!(
                            "it has another shape than documented, at line {}:{}",
                            error.line(),
                            error.column()
                        )
                    }
                    Some(_) => {
                        format!("it is no JSON, at line {}:{}", error.line(), error.column())
                    }
                },
            )
        })
    }
}
