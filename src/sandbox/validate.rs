//! What the API refuses in a request's body: unknown properties, wrong types, `null` where it is not taken. A body comes
//! in, and a refusal in the API's own words comes out.

use serde_json::{Map, Value};

use super::answer::Refusal;
use super::shapes::{Rule, Shape, Type};

/// Checks a request's body.
///
/// # Errors
/// The refusal (400 `invalid_body`) that the API would answer.
pub(super) fn body(shape: &Shape, body: Value) -> Result<Map<String, Value>, Refusal> {
    check(shape, &body, "")?;
    match body {
        Value::Object(body) => Ok(body),
        other => Err(mismatch("object", &other, "")),
    }
}

fn check(shape: &Shape, value: &Value, at: &str) -> Result<(), Refusal> {
    let is_null = value.is_null() && shape.0.iter().any(|rule| rule.takes_null);
    if is_null {
        return Ok(());
    }
    match shape.0.iter().find(|rule| is_of(rule.of, value)) {
        Some(rule) if rule.of == Type::Any => Ok(()),
        Some(rule) => check_by(rule, value, at),
        None => {
            let types: Vec<&str> = shape.0.iter().map(|rule| rule.of.name()).collect();
            Err(mismatch(&types.join(" or "), value, at))
        }
    }
}

fn is_of(of: Type, value: &Value) -> bool {
    match (of, value) {
        (Type::Object, Value::Object(_))
        | (Type::List, Value::Array(_))
        | (Type::Text, Value::String(_))
        | (Type::Bool, Value::Bool(_)) => true,
        (Type::Integer, Value::Number(number)) => number.is_i64() || number.is_u64(),
        (Type::Number, Value::Number(_)) | (Type::Any, _) => true,
        _ => false,
    }
}

fn check_by(rule: &Rule, value: &Value, at: &str) -> Result<(), Refusal> {
    match value {
        Value::Object(fields) => object(rule, fields, at),
        Value::Array(entries) => {
            let count = entries.len();
            if let Some(min) = rule.min.filter(|min| count < *min) {
                return Err(Refusal::bad_property(
                    &format!("Array is too short ({count}), minimum {min}"),
                    at,
                ));
            }
            if let Some(max) = rule.max.filter(|max| count > *max) {
                return Err(Refusal::bad_property(
                    &format!("Array is too long ({count}), maximum {max}"),
                    at,
                ));
            }
            for (index, entry) in entries.iter().enumerate() {
                check(&rule.entries, entry, &format!("{at}[{index}]"))?;
            }
            Ok(())
        }
        Value::String(text) => self::text(rule, text, at),
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or_default();
            match (rule.min, rule.max) {
                (Some(min), _) if number < min as f64 => Err(Refusal::bad_property(
                    &format!("Value {number} is less than minimum {min}"),
                    at,
                )),
                (_, Some(max)) if number > max as f64 => Err(Refusal::bad_property(
                    &format!("Value {number} is greater than maximum {max}"),
                    at,
                )),
                _ => Ok(()),
            }
        }
        Value::Null | Value::Bool(_) => Ok(()),
    }
}

fn object(rule: &Rule, fields: &Map<String, Value>, at: &str) -> Result<(), Refusal> {
    let unknown: Vec<&str> = fields
        .keys()
        .map(String::as_str)
        .filter(|name| !rule.is_open && rule.property(name).is_none())
        .collect();
    if !unknown.is_empty() {
        return Err(Refusal::bad_property(
            &format!("Additional properties not allowed: {}", unknown.join(", ")),
            at,
        ));
    }
    let mut required = rule
        .properties
        .iter()
        .filter(|property| property.is_required);
    if let Some(missing) = required.find(|property| !fields.contains_key(property.name)) {
        return Err(Refusal::bad_property(
            &format!("Missing required property: {}", missing.name),
            at,
        ));
    }
    let count = fields.len();
    if let Some(min) = rule.min.filter(|min| count < *min) {
        return Err(Refusal::bad_property(
            &format!("Too few properties defined ({count}), minimum {min}"),
            at,
        ));
    }
    if let Some(max) = rule.max.filter(|max| count > *max) {
        return Err(Refusal::bad_property(
            &format!("Too many properties defined ({count}), maximum {max}"),
            at,
        ));
    }
    for (name, value) in fields {
        let Some(property) = rule.property(name) else {
            continue;
        };
        let at = match at {
            "" => name.clone(),
            at => format!("{at}.{name}"),
        };
        check(&property.shape, value, &at)?;
    }
    Ok(())
}

fn text(rule: &Rule, text: &str, at: &str) -> Result<(), Refusal> {
    if !rule.choices.is_empty() && !rule.choices.contains(&text) {
        return Err(Refusal::bad_property(
            &format!("No enum match for: {text}"),
            at,
        ));
    }
    length(
        text,
        rule.min.unwrap_or(0),
        rule.max.unwrap_or(usize::MAX),
        at,
    )?;
    match &rule.like {
        Some(pattern) if !(pattern.matches)(text) => Err(Refusal::bad_property(
            &format!("String does not match pattern: {}", pattern.expression),
            at,
        )),
        _ => Ok(()),
    }
}

fn length(text: &str, min: usize, max: usize, at: &str) -> Result<(), Refusal> {
    let chars = text.chars().count();
    if chars < min {
        return Err(Refusal::bad_property(
            &format!("String is too short ({chars} chars), minimum {min}"),
            at,
        ));
    }
    if chars > max {
        return Err(Refusal::bad_property(
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
    Refusal::bad_property(
        &format!("Expected type {expected} but found type {found}"),
        at,
    )
}

#[cfg(test)]
mod tests {
    use super::super::kinds::clients;
    use super::super::shapes::Operation;
    use super::*;
    use serde_json::json;

    fn refusal(operation: Operation, value: Value) -> String {
        match body(clients::KIND.shapes.of(operation), value) {
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
            json!({"refresh_token": {"rotation_type": "rotating", "leeway": -1}}),
            json!({"refresh_token": {"leeway": 1}}),
            json!({"native_social_login": {"apple": {"enabled": "yes"}}}),
            json!({"oidc_logout": {"backchannel_logout_initiators": {"selected_initiators": ["rp-logout", "x"]}}}),
            json!({"client_authentication_methods": {"private_key_jwt": {"credentials": [{"id": 1}]}}}),
            json!({"addons": {"azure_blob": {"accountName": "UPPER"}, "sharepoint": {"external_url": ["a"]}}}),
            json!({"addons": {"sharepoint": {"external_url": 7}}}),
            json!({"addons": {"unheard_of": {}}}),
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
        Payload validation error: 'Missing required property: expiration_type' on property refresh_token.
        Payload validation error: 'Missing required property: rotation_type' on property refresh_token.
        Payload validation error: 'Expected type boolean but found type string' on property native_social_login.apple.enabled.
        Payload validation error: 'No enum match for: x' on property oidc_logout.backchannel_logout_initiators.selected_initiators[1].
        Payload validation error: 'Expected type string but found type number' on property client_authentication_methods.private_key_jwt.credentials[0].id.
        Payload validation error: 'String does not match pattern: ^([a-z0-9]){3,24}$' on property addons.azure_blob.accountName.
        Payload validation error: 'Expected type array or string but found type number' on property addons.sharepoint.external_url.
        Payload validation error: 'Additional properties not allowed: unheard_of' on property addons.
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
        let named = refusal(Operation::Create, json!({"name": "A"}));
        assert_eq!(named, r#"takes {"name":"A"}"#);
    }
}
