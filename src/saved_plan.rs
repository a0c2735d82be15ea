//! The document of `diff -o json`, read back: a plan to apply as it was shown, or not at all. Pure.

use std::collections::BTreeSet;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::base::BaseFrom;
use crate::client::{ClientId, Field};
use crate::files::{Document, Format, ParseError, Position};
use crate::json;
use crate::plan::{Change, ClientPlan, FieldPlan, Plan, State, Tenant};
use crate::three_way::Base;

/// The version that this reads.
const VERSION: u64 = 2;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedTenant {
    name: Option<String>,
    domain: String,
}

#[derive(Deserialize)]
#[serde(tag = "from", rename_all = "lowercase", deny_unknown_fields)]
enum SavedBase {
    Lock {},
    Git { commit: String },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedResource {
    kind: SavedKind,
    id: String,
    name: String,
    file: Option<String>,
    state: SavedState,
    fields: Vec<SavedField>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SavedKind {
    Clients,
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
    change: SavedChange,
    #[serde(default, deserialize_with = "present")]
    base: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    local: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    live: Option<Value>,
    #[serde(rename = "risk")]
    _risk: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SavedChange {
    Edit,
    Drift,
    Conflict,
    Unmanaged,
}

/// It is counted again from what it counts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct SavedSummary {
    edit: usize,
    drift: usize,
    conflict: usize,
    unmanaged: usize,
    risk: usize,
    new: usize,
    live_only: usize,
    file_only: usize,
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
    let hint = "a plan is what `tenantry diff -o json` prints";
    let document = Document::parse(text, Format::Json).map_err(|error| ParseError {
        hint: Some(hint.to_owned()),
        ..error
    })?;
    let error = |field: &str, message: String| ParseError {
        position: if document.fields().contains_key(field) {
            document.position(field)
        } else {
            Position::START
        },
        message,
        hint: Some(hint.to_owned()),
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
    let known = ["version", "tenant", "base", "resources", "summary"];
    if let Some(key) = document
        .fields()
        .keys()
        .find(|key| !known.contains(&key.as_str()))
    {
        return Err(error(key, format!("a plan has no `{key}`")));
    }
    let shape = |name: &str, problem: serde_json::Error| {
        error(name, format!("`{name}` is not a plan's: {problem}"))
    };
    let tenant: SavedTenant =
        serde_json::from_value(field("tenant")?).map_err(|problem| shape("tenant", problem))?;
    let base: SavedBase =
        serde_json::from_value(field("base")?).map_err(|problem| shape("base", problem))?;
    let resources = with_values_as_text(field("resources")?);
    let resources: Vec<SavedResource> =
        serde_json::from_value(resources).map_err(|problem| shape("resources", problem))?;
    let _: SavedSummary =
        serde_json::from_value(field("summary")?).map_err(|problem| shape("summary", problem))?;
    let clients = resources
        .into_iter()
        .map(client)
        .collect::<Result<_, String>>()
        .map_err(|problem| error("resources", problem))?;
    let plan = Plan {
        tenant: Tenant {
            name: tenant.name,
            domain: tenant.domain,
        },
        base: match base {
            SavedBase::Lock {} => BaseFrom::Lock,
            SavedBase::Git { commit } => BaseFrom::Commit(commit),
        },
        clients,
    };
    match repeated(&plan) {
        Some(repeated) => Err(error("resources", format!("{repeated} is there twice"))),
        None => Ok(plan),
    }
}

/// A client, or a field of one, that a plan names more than once.
fn repeated(plan: &Plan) -> Option<String> {
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

fn client(saved: SavedResource) -> Result<ClientPlan, String> {
    let SavedKind::Clients = saved.kind;
    let fields = saved
        .fields
        .into_iter()
        .map(field)
        .collect::<Result<_, String>>()?;
    let id = ClientId::from(saved.id);
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
    let change = match saved.change {
        SavedChange::Edit => Change::Edit,
        SavedChange::Drift => Change::Drift,
        SavedChange::Conflict => Change::Conflict,
        SavedChange::Unmanaged => Change::Unmanaged,
    };
    if change != Change::Unmanaged && Field::from_name(&saved.field).is_none() {
        return Err(format!("`{}` is no updatable field", saved.field));
    }
    Ok(FieldPlan {
        field: saved.field,
        change,
        // The document does not tell an absent base from one that nobody knows; whoever applies a plan needs neither.
        base: saved.base.map_or(Base::Unknown, Base::Is),
        local: saved.local,
        live: saved.live,
    })
}

/// How live stands to a client of a saved plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// As the plan has it: the plan can be applied.
    AsPlanned,
    /// The tenant came to say what the file says, in some fields or in all: what is left, which may be nothing. An edit was
    /// applied before, or drift is gone, since an older plan was applied after this one was made.
    PartlyApplied(ClientPlan),
    /// Live has another value than the plan, in this field.
    Moved(Field),
}

/// Compares a client of a saved plan with live as it is now.
pub fn standing(client: &ClientPlan, live: &Map<String, Value>) -> Standing {
    let mut left = client.clone();
    for field in &client.fields {
        let Some(name) = Field::from_name(&field.field) else {
            continue;
        };
        let now = name.of(live);
        if now == field.live.as_ref() {
            continue;
        }
        let in_step = now == field.local.as_ref();
        if in_step && matches!(field.change, Change::Edit | Change::Drift) {
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

/// The fields of a saved plan's client of which its file says something else by now.
pub fn edited_since<'a>(client: &'a ClientPlan, local: &Map<String, Value>) -> Vec<&'a str> {
    let fields = client.fields.iter();
    fields
        .filter(|field| local.get(&field.field) != field.local.as_ref())
        .map(|field| field.field.as_str())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::json;
    use proptest::prelude::*;
    use serde_json::json;

    fn plan(
        values: [Option<Value>; 3],
        change: Change,
        state: State,
        file: Option<String>,
    ) -> Plan {
        let [base, local, live] = values;
        let base = base.map_or(Base::Unknown, Base::Is);
        let field = FieldPlan {
            field: "description".to_owned(),
            change,
            base,
            local,
            live,
        };
        Plan {
            tenant: Tenant {
                name: None,
                domain: "d".to_owned(),
            },
            base: BaseFrom::Commit("1a2b".to_owned()),
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
            change in prop::sample::select(vec![Change::Edit, Change::Drift, Change::Conflict, Change::Unmanaged]),
            state in prop::sample::select(vec![State::Changed, State::LiveOnly, State::FileOnly]),
            file in prop::option::of(".*"),
        ) {
            let plan = plan(values, change, state, file);
            prop_assert_eq!(parse(json::plan(&plan).as_bytes()).unwrap(), plan);
        }

        #[test]
        fn any_bytes_are_a_plan_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }
    }

    #[test]
    fn what_is_no_plan_is_an_error_with_a_place() {
        let with = |resources: &str, more: &str| {
            format!(
                r#"{{"version": 2, "tenant": {{"name": null, "domain": "d"}}, "base": {{"from": "lock"}}, "resources": [{resources}],
                "summary": {{"edit": 0, "drift": 0, "conflict": 0, "unmanaged": 0, "risk": 0, "new": 0, "live_only": 0, "file_only": 0}}{more}}}"#
            )
        };
        let resource = |id: &str, fields: &str| {
            format!(
                r#"{{"kind": "clients", "id": "{id}", "name": "A", "state": "changed", "fields": [{fields}]}}"#
            )
        };
        let texts = [
            String::new(),
            "{}".to_owned(),
            r#"{"version": 1}"#.to_owned(),
            r#"{"version": 2, "error": {"message": "m"}}"#.to_owned(),
            r#"{"version": 2, "tenant": {"domain": 1}}"#.to_owned(),
            with("", r#", "from": "dev""#),
            with("{}", ""),
            with(
                &resource(
                    "a",
                    r#"{"field": "callbacks", "change": "edit", "local": []}"#,
                ),
                "",
            ),
            with(
                &resource(
                    "a",
                    r#"{"field": "name", "change": "edit", "local": "A", "kind": "edit"}"#,
                ),
                "",
            ),
            with(&format!("{}, {}", resource("a", ""), resource("a", "")), ""),
            with(&resource("a", "").replace("clients", "roles"), ""),
            with(&resource(r"a\n", ""), ""),
            with("", "").replace("lock", "elsewhere"),
            with("", "").replace("\"risk\": 0, ", ""),
        ];
        let errors: Vec<String> = texts
            .iter()
            .map(|text| parse(text.as_bytes()).unwrap_err())
            .map(|error| format!("{}: {error}", error.position))
            .collect();
        insta::assert_snapshot!(errors.join("\n"), @"
        1:1: is not JSON: the text ends too early
        1:1: a plan has `version`
        1:2: this plan has version 1, and this tenantry knows version 2
        1:16: a plan has no `error`
        1:16: `tenant` is not a plan's: invalid type: number, expected a string
        2:137: a plan has no `from`
        1:83: `resources` is not a plan's: missing field `kind`
        1:83: `callbacks` is no updatable field
        1:83: `resources` is not a plan's: unknown field `kind`, expected one of `field`, `change`, `base`, `local`, `live`, `risk`
        1:83: the client a is there twice
        1:83: `resources` is not a plan's: unknown variant `roles`, expected `clients`
        1:83: `a\\n` can't be a client_id
        1:57: `base` is not a plan's: unknown variant `elsewhere`, expected `lock` or `git`
        2:17: `summary` is not a plan's: missing field `risk`
        ");
    }

    #[test]
    fn live_is_as_planned_applied_or_moved() {
        let standing = |change: Change, live: &str| {
            let values = [None, Some(json!("new")), Some(json!("old"))];
            let plan = plan(values, change, State::Changed, None);
            let live = Map::from_iter([("description".to_owned(), json!(live))]);
            super::standing(&plan.clients[0], &live)
        };
        for change in [Change::Edit, Change::Drift, Change::Conflict] {
            assert_eq!(standing(change, "old"), Standing::AsPlanned);
            assert_eq!(
                standing(change, "other"),
                Standing::Moved(Field::Description)
            );
        }
        for change in [Change::Edit, Change::Drift] {
            let in_step = standing(change, "new");
            assert!(matches!(in_step, Standing::PartlyApplied(left) if left.fields.is_empty()));
        }
    }
}
