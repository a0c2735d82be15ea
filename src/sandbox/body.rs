//! Bodies of requests, in JSON or form-encoded: pairs of texts, which become values by the shape that they are to have. A list is a
//! name several times, or with `[]` or a number behind it; an object is names in brackets, or JSON in one text.

use axum::http::{HeaderMap, header};
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::shapes::{Rule, Shape, Type};
use crate::json;

/// The media type of a form.
pub(super) const FORM: &str = "application/x-www-form-urlencoded";

/// What is not nested this deep is no body of anybody's.
const DEEPEST: usize = 32;

/// A form-encoded body, as an object of texts.
pub(super) fn texts(body: &[u8]) -> Map<String, Value> {
    form_urlencoded::parse(body)
        .map(|(name, value)| (name.into_owned(), Value::from(value.into_owned())))
        .collect()
}

/// A body as JSON, if it is that.
pub(super) fn json(body: &[u8]) -> Option<Value> {
    json::parse(std::str::from_utf8(body).ok()?).ok()
}

/// A form-encoded body, as a value of that shape as far as its texts can be one.
pub(super) fn form(shape: &Shape, body: &[u8]) -> Value {
    let mut fields = Map::new();
    for (name, text) in form_urlencoded::parse(body) {
        let mut steps = name.split('[').map(|step| step.trim_end_matches(']'));
        let first = steps.next().unwrap_or_default();
        let steps: Vec<&str> = steps.take(DEEPEST).collect();
        put(&mut fields, first, &steps, text.into_owned());
    }
    shaped(shape, Value::Object(fields))
}

/// Puts a text where its name says. What comes again is a list.
fn put(fields: &mut Map<String, Value>, name: &str, steps: &[&str], text: String) {
    let (Some((step, rest)), false) = (steps.split_first(), steps == [""]) else {
        let text = Value::from(text);
        match fields.get_mut(name) {
            None if steps.is_empty() => {
                fields.insert(name.to_owned(), text);
            }
            None => {
                fields.insert(name.to_owned(), Value::Array(vec![text]));
            }
            Some(Value::Array(entries)) => entries.push(text),
            Some(first) => *first = Value::Array(vec![first.take(), text]),
        }
        return;
    };
    let below = fields
        .entry(name)
        .or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(below) = below {
        put(below, step, rest, text);
    }
}

fn shaped(shape: &Shape, value: Value) -> Value {
    // Where there is a choice, the first that fits is meant.
    let Some(rule) = shape.0.first() else {
        return value;
    };
    match (rule.of, value) {
        (Type::Bool, Value::String(text)) if text == "true" || text == "false" => {
            Value::Bool(text == "true")
        }
        (Type::Integer | Type::Number, Value::String(text)) => match json::parse(&text) {
            Ok(Value::Number(number)) => Value::Number(number),
            _ => text.into(),
        },
        (Type::Object, Value::String(text)) => match json::parse(&text) {
            Ok(Value::Object(fields)) => Value::Object(fields),
            _ => text.into(),
        },
        (Type::Object, Value::Object(fields)) => shaped_object(rule, fields),
        (Type::List, Value::Array(entries)) => entries
            .into_iter()
            .map(|entry| shaped(&rule.entries, entry))
            .collect(),
        (Type::List, Value::Object(numbered)) => numbered
            .into_iter()
            .map(|(_, entry)| shaped(&rule.entries, entry))
            .collect(),
        (Type::List, entry) => Value::Array(vec![shaped(&rule.entries, entry)]),
        (_, value) => value,
    }
}

fn shaped_object(rule: &Rule, fields: Map<String, Value>) -> Value {
    let fields = fields.into_iter().map(|(name, value)| {
        let value = match rule.property(&name) {
            Some(property) => shaped(&property.shape, value),
            None => value,
        };
        (name, value)
    });
    fields.collect()
}

/// The media type of a request's body, without parameters.
pub(super) fn media_type(headers: &HeaderMap) -> &str {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::super::kinds::clients;
    use super::super::shapes::Operation;
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_become_what_is_asked_for() {
        let body = b"name=A+b&is_first_party=true&sso=maybe&par_request_expiry=60&allowed_clients=one&callbacks=1&callbacks=2\
            &web_origins%5B%5D=x&grant_types[0]=y&grant_types[1]=z&client_metadata[k]=v&mobile=%7B%22ios%22%3A%7B%7D%7D\
            &jwt_configuration[lifetime_in_seconds]=7&unknown=1";
        assert_eq!(
            form(clients::KIND.shapes.of(Operation::Update), body),
            json!({
                "name": "A b", "is_first_party": true, "sso": "maybe", "par_request_expiry": 60, "allowed_clients": ["one"],
                "callbacks": ["1", "2"], "web_origins": ["x"], "grant_types": ["y", "z"], "client_metadata": {"k": "v"},
                "mobile": {"ios": {}}, "jwt_configuration": {"lifetime_in_seconds": 7}, "unknown": "1"
            })
        );
    }
}
