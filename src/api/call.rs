//! A request before it is sent, and the body of its answer.

use std::fmt;

use reqwest::{Method, Url};
use serde_json::{Map, Value};

use super::error::ApiError;
use super::room::{Taken, is_too_many};
use crate::json;

/// A request, before it has a token.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) segments: Vec<String>,
    query: Vec<(&'static str, String)>,
    pub(super) body: Option<Value>,
    /// Whether it is never sent again where it may have had its effect.
    pub(super) is_once: bool,
}

impl Call {
    /// A call of a path below `/api/v2`, whose segments are these.
    pub(super) fn new(method: Method, segments: Vec<String>) -> Call {
        Call {
            method,
            segments,
            query: Vec::new(),
            body: None,
            is_once: false,
        }
    }

    /// The same call, never sent again where it may have had its effect.
    pub(super) fn once(mut self) -> Call {
        self.is_once = true;
        self
    }

    pub(super) fn query(mut self, query: impl IntoIterator<Item = (&'static str, String)>) -> Call {
        self.query.extend(query);
        self
    }

    pub(super) fn body(mut self, body: Value) -> Call {
        self.body = Some(body);
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

/// A good answer's body, and the room that it takes.
pub(super) struct Answer {
    pub(super) body: Vec<u8>,
    /// Other answers may have it once the body is dropped.
    pub(super) _taken: Taken,
}

impl Answer {
    /// Reads the body as what the caller expects.
    pub(super) fn json<T: FromAnswer>(&self, call: &Call) -> Result<T, ApiError> {
        if is_too_many(&self.body) {
            return Err(
                call.odd_answer("it has more values in it than any of the API's".to_owned())
            );
        }
        let text = str::from_utf8(&self.body)
            .map_err(|_| call.odd_answer("it is no JSON: it is not UTF-8 text".to_owned()))?;
        let value = json::parse(text).map_err(|fault| {
            call.odd_answer(match text.trim_start().chars().next() {
                Some('<') => "it is an HTML page, not JSON".to_owned(),
                None => "it is empty".to_owned(),
                // The reader's own message may quote a value, so the error only says where it is.
                Some(_) => {
                    let (line, column) = fault.line_and_column(text);
                    format!("it is no JSON, at line {line}:{column}")
                }
            })
        })?;
        T::from_answer(value)
            .ok_or_else(|| call.odd_answer("it has another shape than documented".to_owned()))
    }
}

/// What an answer can be read as.
pub(super) trait FromAnswer: Sized {
    /// None where the answer has another shape.
    fn from_answer(answer: Value) -> Option<Self>;
}

/// One resource.
impl FromAnswer for Map<String, Value> {
    fn from_answer(answer: Value) -> Option<Self> {
        match answer {
            Value::Object(fields) => Some(fields),
            _ => None,
        }
    }
}

/// A list of resources.
impl FromAnswer for Vec<Map<String, Value>> {
    fn from_answer(answer: Value) -> Option<Self> {
        match answer {
            Value::Array(entries) => entries.into_iter().map(Map::from_answer).collect(),
            _ => None,
        }
    }
}
