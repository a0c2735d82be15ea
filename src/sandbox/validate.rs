//! What the API refuses in a request's body: unknown properties, wrong types, `null` where it is not taken. A body comes
//! in, and a refusal in the API's own words comes out.

use serde_json::{Map, Value};

use super::answer::Refusal;
use super::properties::{Null, Property, Type, property};

/// Which request a body belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Create,
    Update,
}

impl Operation {
    fn takes(self, property: &Property) -> Null {
        match self {
            Operation::Create => property.create,
            Operation::Update => property.update,
        }
    }
}

/// Checks a request's body.
///
/// # Errors
/// The refusal (400 `invalid_body`) that the API would answer.
pub(super) fn body(operation: Operation, body: Value) -> Result<Map<String, Value>, Refusal> {
    let Value::Object(body) = body else {
        return Err(mismatch("object", &body, ""));
    };
    let unknown: Vec<&str> = body
        .keys()
        .map(String::as_str)
        .filter(|name| {
            property(name).is_none_or(|property| operation.takes(property) == Null::Unknown)
        })
        .collect();
    if !unknown.is_empty() {
        return Err(refuse(
            &format!("Additional properties not allowed: {}", unknown.join(", ")),
            "",
        ));
    }
    match operation {
        Operation::Create if !body.contains_key("name") => {
            return Err(refuse("Missing required property: name", ""));
        }
        Operation::Update if body.is_empty() => {
            return Err(refuse("Too few properties defined (0), minimum 1", ""));
        }
        Operation::Create | Operation::Update => {}
    }
    for (name, value) in &body {
        let Some(property) = property(name) else {
            continue;
        };
        if value.is_null() && operation.takes(property) == Null::Allowed {
            continue;
        }
        let kind = match (operation, property.kind) {
            (Operation::Create, Type::Page) => Type::Text {
                min: 1,
                max: usize::MAX,
            },
            (_, kind) => kind,
        };
        check(kind, value, name)?;
    }
    Ok(body)
}

fn check(kind: Type, value: &Value, at: &str) -> Result<(), Refusal> {
    match (kind, value) {
        (Type::Text { min, max }, Value::String(text)) => length(text, min, max, at),
        (Type::Name, Value::String(name)) => {
            if name.is_empty() || name.contains(['<', '>']) {
                return Err(refuse("String does not match pattern: ^[^<>]+$", at));
            }
            Ok(())
        }
        (Type::OneOf(choices), Value::String(text)) => one_of(choices, text, at),
        (Type::Page, Value::String(_)) => Ok(()),
        (Type::Bool, Value::Bool(_)) | (Type::Object, Value::Object(_)) => Ok(()),
        (Type::Integer { min, max }, Value::Number(number)) => match number.as_i64() {
            None => Err(mismatch("integer", value, at)),
            Some(number) if number < min => Err(refuse(
                &format!("Value {number} is less than minimum {min}"),
                at,
            )),
            Some(number) if number > max => Err(refuse(
                &format!("Value {number} is greater than maximum {max}"),
                at,
            )),
            Some(_) => Ok(()),
        },
        (Type::List { entry_min }, Value::Array(entries)) => each(entries, at, |entry, at| {
            length(entry, entry_min, usize::MAX, at)
        }),
        (Type::Choices(_), Value::Array(entries)) if entries.is_empty() => {
            Err(refuse("Array is too short (0), minimum 1", at))
        }
        (Type::Choices(choices), Value::Array(entries)) => {
            each(entries, at, |entry, at| one_of(choices, entry, at))
        }
        (Type::Text { .. } | Type::Page | Type::Name | Type::OneOf(_), _) => {
            Err(mismatch("string", value, at))
        }
        (Type::Bool, _) => Err(mismatch("boolean", value, at)),
        (Type::Integer { .. }, _) => Err(mismatch("integer", value, at)),
        (Type::List { .. } | Type::Choices(_), _) => Err(mismatch("array", value, at)),
        (Type::Object, _) => Err(mismatch("object", value, at)),
    }
}

fn one_of(choices: &[&str], text: &str, at: &str) -> Result<(), Refusal> {
    if choices.contains(&text) {
        return Ok(());
    }
    Err(refuse(&format!("No enum match for: {text}"), at))
}

/// Checks a list whose entries have to be texts.
fn each(
    entries: &[Value],
    at: &str,
    check: impl Fn(&str, &str) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    for (index, entry) in entries.iter().enumerate() {
        let at = format!("{at}[{index}]");
        match entry {
            Value::String(text) => check(text, &at)?,
            other => return Err(mismatch("string", other, &at)),
        }
    }
    Ok(())
}

fn length(text: &str, min: usize, max: usize, at: &str) -> Result<(), Refusal> {
    let chars = text.chars().count();
    if chars < min {
        return Err(refuse(
            &format!("String is too short ({chars} chars), minimum {min}"),
            at,
        ));
    }
    if chars > max {
        return Err(refuse(
            &format!("String is too long ({chars} chars), maximum {max}"),
            at,
        ));
    }
    Ok(())
}

fn mismatch(expected: &str, value: &Value, at: &str) -> Refusal {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    refuse(
        &format!("Expected type {expected} but found type {found}"),
        at,
    )
}

fn refuse(problem: &str, at: &str) -> Refusal {
    let on = match at {
        "" => ".".to_owned(),
        at => format!(" on property {at}."),
    };
    Refusal::bad_request(
        "invalid_body",
        &format!("Payload validation error: '{problem}'{on}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refusal(operation: Operation, value: Value) -> String {
        match body(operation, value) {
            Ok(body) => format!("takes {}", Value::Object(body)),
            Err(refusal) => {
                assert_eq!(refusal.status(), 400);
                refusal.message().to_owned()
            }
        }
    }

    #[test]
    fn an_update_takes_what_the_api_takes() {
        let answers: Vec<String> = [
            json!({}),
            json!([]),
            json!({"foo": 1, "name": "A", "global": true}),
            json!({"name": ""}),
            json!({"name": "<b>"}),
            json!({"name": null}),
            json!({"description": null}),
            json!({"description": "é".repeat(141)}),
            json!({"allowed_clients": null}),
            json!({"allowed_clients": "a"}),
            json!({"allowed_clients": ["a", ""]}),
            json!({"allowed_clients": [7]}),
            json!({"is_first_party": "yes"}),
            json!({"app_type": "toaster"}),
            json!({"par_request_expiry": 9}),
            json!({"organization_discovery_methods": []}),
            json!({"jwt_configuration": []}),
            json!({"resource_server_identifier": "x"}),
            json!({"name": "ü\n", "description": "", "allowed_clients": [], "refresh_token": null}),
        ]
        .into_iter()
        .map(|body| refusal(Operation::Update, body))
        .collect();
        insta::assert_snapshot!(answers.join("\n"), @r#"
        Payload validation error: 'Too few properties defined (0), minimum 1'.
        Payload validation error: 'Expected type object but found type array'.
        Payload validation error: 'Additional properties not allowed: foo, global'.
        Payload validation error: 'String does not match pattern: ^[^<>]+$' on property name.
        Payload validation error: 'String does not match pattern: ^[^<>]+$' on property name.
        Payload validation error: 'Expected type string but found type null' on property name.
        Payload validation error: 'Expected type string but found type null' on property description.
        Payload validation error: 'String is too long (141 chars), maximum 140' on property description.
        Payload validation error: 'Expected type array but found type null' on property allowed_clients.
        Payload validation error: 'Expected type array but found type string' on property allowed_clients.
        Payload validation error: 'String is too short (0 chars), minimum 1' on property allowed_clients[1].
        Payload validation error: 'Expected type string but found type number' on property allowed_clients[0].
        Payload validation error: 'Expected type boolean but found type string' on property is_first_party.
        Payload validation error: 'No enum match for: toaster' on property app_type.
        Payload validation error: 'Value 9 is less than minimum 10' on property par_request_expiry.
        Payload validation error: 'Array is too short (0), minimum 1' on property organization_discovery_methods.
        Payload validation error: 'Expected type object but found type array' on property jwt_configuration.
        Payload validation error: 'Additional properties not allowed: resource_server_identifier'.
        takes {"name":"ü\n","description":"","allowed_clients":[],"refresh_token":null}
        "#);
    }

    #[test]
    fn a_new_client_needs_a_name() {
        assert_eq!(
            refusal(Operation::Create, json!({"description": "no name"})),
            "Payload validation error: 'Missing required property: name'."
        );
        assert_eq!(
            refusal(
                Operation::Create,
                json!({"name": "A", "client_secret": "s"})
            ),
            "Payload validation error: 'Additional properties not allowed: client_secret'."
        );
        assert!(body(Operation::Create, json!({"name": "A"})).is_ok());
    }
}
