//! The document of `diff -o json`, read back: a plan to apply as it was shown, or not at all. Pure.

use std::collections::BTreeSet;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::client::{ClientId, Field, Values};
use crate::files::{Document, Format, ParseError, Position};
use crate::json;
use crate::plan::{ClientPlan, FieldPlan, Kind, Plan, State, Tenant};

/// The version that this reads.
const VERSION: u64 = 1;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedTenant {
    name: Option<String>,
    domain: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedClient {
    client_id: String,
    name: String,
    file: Option<String>,
    state: SavedState,
    fields: Vec<SavedField>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SavedState {
    Changed,
    LiveOnly,
    FileOnly,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedField {
    field: String,
    kind: SavedKind,
    #[serde(default, deserialize_with = "present")]
    base: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    local: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    live: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SavedKind {
    Edit,
    Drift,
    Conflict,
    ReadOnly,
}

/// A key that is there has a value, also where that is null.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let value = json::parse(&text).map_err(|_| D::Error::custom("it is no JSON"))?;
    Ok(Some(value))
}

/// The clients of a plan with each value of a field as JSON text, since serde_json takes some objects for something else when it
/// makes a value of them.
fn with_values_as_text(mut clients: Value) -> Value {
    let fields = clients.as_array_mut().into_iter().flatten();
    let fields = fields.filter_map(|client| client.get_mut("fields")?.as_array_mut());
    for field in fields.flatten() {
        for side in ["base", "local", "live"] {
            if let Some(value) = field.get_mut(side) {
                *value = Value::String(value.to_string());
            }
        }
    }
    clients
}

/// Reads a saved plan.
///
/// # Errors
/// It is no JSON, has another version or another shape than `diff -o json` writes; the position says where.
pub fn parse(text: &[u8]) -> Result<Plan, ParseError> {
    let document = Document::parse(text, Format::Json)?;
    let error = |field: &str, message: String| ParseError {
        position: if document.fields().contains_key(field) {
            document.position(field)
        } else {
            Position::START
        },
        message,
        hint: Some("a plan is what `tenantry diff -o json` prints".to_owned()),
    };
    let field = |name: &str| {
        let value = document.fields().get(name).cloned();
        value.ok_or_else(|| error(name, format!("a plan has `{name}`")))
    };
    let version = field("version")?;
    if version.as_u64() != Some(VERSION) {
        return Err(error(
            "version",
            format!("this plan has version {version}, and this tenantry knows version {VERSION}"),
        ));
    }
    let tenant: SavedTenant = serde_json::from_value(field("tenant")?)
        .map_err(|problem| error("tenant", format!("`tenant` is not a plan's: {problem}")))?;
    let clients: Vec<SavedClient> = serde_json::from_value(with_values_as_text(field("clients")?))
        .map_err(|problem| error("clients", format!("`clients` are not a plan's: {problem}")))?;
    let tenant = Tenant {
        name: tenant.name,
        domain: tenant.domain,
    };
    let clients = clients
        .into_iter()
        .map(client)
        .collect::<Result<_, String>>()
        .map_err(|problem| error("clients", problem))?;
    let plan = Plan { tenant, clients };
    match twice(&plan) {
        Some(twice) => Err(error("clients", format!("{twice} is there twice"))),
        None => Ok(plan),
    }
}

/// A client, or a field of one, that a plan names more than once.
fn twice(plan: &Plan) -> Option<String> {
    let mut ids = BTreeSet::new();
    for client in &plan.clients {
        if !ids.insert(&client.id) {
            return Some(format!("the client {}", client.id));
        }
        let mut fields = BTreeSet::new();
        if let Some(field) = client
            .fields
            .iter()
            .find(|field| !fields.insert(&field.field))
        {
            return Some(format!("{} of the client {}", field.field, client.id));
        }
    }
    None
}

fn client(saved: SavedClient) -> Result<ClientPlan, String> {
    let fields = saved
        .fields
        .into_iter()
        .map(field)
        .collect::<Result<_, String>>()?;
    let id = ClientId::from(saved.client_id);
    if !id.is_addressable() {
        let id = id.as_str().escape_debug();
        return Err(format!("`{id}` can't be a client_id"));
    }
    Ok(ClientPlan {
        id,
        name: saved.name,
        file: saved.file,
        state: match saved.state {
            SavedState::Changed => State::Changed,
            SavedState::LiveOnly => State::LiveOnly,
            SavedState::FileOnly => State::FileOnly,
        },
        fields,
    })
}

fn field(saved: SavedField) -> Result<FieldPlan, String> {
    let kind = match saved.kind {
        SavedKind::Edit => Kind::Edit,
        SavedKind::Drift => Kind::Drift,
        SavedKind::Conflict => Kind::Conflict,
        SavedKind::ReadOnly => Kind::ReadOnly,
    };
    if kind != Kind::ReadOnly && Field::from_name(&saved.field).is_none() {
        return Err(format!("`{}` is no updatable field", saved.field));
    }
    Ok(FieldPlan {
        field: saved.field,
        kind,
        base: saved.base,
        local: saved.local,
        live: saved.live,
    })
}

/// How live stands to a client of a saved plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// As the plan has it: the plan can be applied.
    AsPlanned,
    /// Some or all of it was applied before: what is left, which may be nothing.
    PartlyApplied(ClientPlan),
    /// Live has another value than the plan, in this field.
    Moved(Field),
}

/// Compares a client of a saved plan with live as it is now.
pub fn standing(client: &ClientPlan, live: &Values) -> Standing {
    let mut left = client.clone();
    for field in &client.fields {
        let Some(name) = Field::from_name(&field.field) else {
            continue;
        };
        let now = live.get(name);
        if now == field.live.as_ref() {
            continue;
        }
        if field.kind == Kind::Edit && now == field.local.as_ref() {
            left.fields.retain(|other| other.field != field.field);
        } else {
            return Standing::Moved(name);
        }
    }
    if left == *client {
        Standing::AsPlanned
    } else {
        Standing::PartlyApplied(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::json;
    use proptest::prelude::*;
    use serde_json::json;

    fn plan(values: [Option<Value>; 3], kind: Kind, state: State, file: Option<String>) -> Plan {
        let [base, local, live] = values;
        let field = FieldPlan {
            field: "description".to_owned(),
            kind,
            base,
            local,
            live,
        };
        Plan {
            tenant: Tenant {
                name: None,
                domain: "d".to_owned(),
            },
            clients: vec![ClientPlan {
                id: "a".into(),
                name: "A".to_owned(),
                file,
                state,
                fields: vec![field],
            }],
        }
    }

    fn value() -> impl Strategy<Value = Option<Value>> {
        prop_oneof![
            Just(None),
            Just(Some(json!(null))),
            ".*".prop_map(|text| Some(json!(text)))
        ]
    }

    proptest! {
        #[test]
        fn what_diff_writes_reads_back(
            values in [value(), value(), value()],
            kind in prop::sample::select(vec![Kind::Edit, Kind::Drift, Kind::Conflict, Kind::ReadOnly]),
            state in prop::sample::select(vec![State::Changed, State::LiveOnly, State::FileOnly]),
            file in prop::option::of(".*"),
        ) {
            let plan = plan(values, kind, state, file);
            prop_assert_eq!(parse(json::plan(&plan).as_bytes()).unwrap(), plan);
        }

        #[test]
        fn any_bytes_are_a_plan_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }
    }

    #[test]
    fn what_is_no_plan_is_an_error_with_a_place() {
        let texts = [
            "",
            "{}",
            r#"{"version": 2}"#,
            r#"{"version": 1, "error": {"message": "m"}}"#,
            r#"{"version": 1, "tenant": {"domain": 1}}"#,
            r#"{"version": 1, "tenant": {"name": null, "domain": "d"}, "clients": [{}]}"#,
            r#"{"version": 1, "tenant": {"name": null, "domain": "d"}, "clients": [{"client_id": "a", "name": "A", "state": "changed",
              "fields": [{"field": "callbacks", "kind": "edit", "local": []}]}]}"#,
            r#"{"version": 1, "tenant": {"name": null, "domain": "d"}, "clients": [
              {"client_id": "a", "name": "A", "state": "changed", "fields": []}, {"client_id": "a", "name": "B", "state": "changed", "fields": []}]}"#,
            r#"{"version": 1, "tenant": {"name": null, "domain": "d"}, "clients": [{"client_id": "a\n", "name": "A", "state": "changed",
              "fields": []}]}"#,
        ];
        let errors: Vec<String> = texts
            .iter()
            .map(|text| parse(text.as_bytes()).unwrap_err())
            .map(|error| format!("{}: {error}", error.position))
            .collect();
        insta::assert_snapshot!(errors.join("\n"), @"
        1:1: is not JSON: the text ends too early
        1:1: a plan has `version`
        1:2: this plan has version 2, and this tenantry knows version 1
        1:1: a plan has `tenant`
        1:16: `tenant` is not a plan's: invalid type: number, expected a string
        1:57: `clients` are not a plan's: missing field `client_id`
        1:57: `callbacks` is no updatable field
        1:57: the client a is there twice
        1:57: `a\\n` can't be a client_id
        ");
    }

    #[test]
    fn live_is_as_planned_applied_or_moved() {
        let standing = |live: &str| {
            let plan = plan(
                [None, Some(json!("new")), Some(json!("old"))],
                Kind::Edit,
                State::Changed,
                None,
            );
            let live = Values::from_iter([(Field::Description, json!(live))]);
            super::standing(&plan.clients[0], &live)
        };
        assert_eq!(standing("old"), Standing::AsPlanned);
        assert!(matches!(standing("new"), Standing::PartlyApplied(left) if left.fields.is_empty()));
        assert_eq!(standing("other"), Standing::Moved(Field::Description));
    }
}
