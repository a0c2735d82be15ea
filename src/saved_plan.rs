//! The document of `diff -o json`, read back: a plan to apply as it was shown, or not at all. Pure.

use std::collections::BTreeSet;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::base::{BaseFrom, ResourceBase};
use crate::create::New;
use crate::files::{Document, Format, ParseError, Position, ResourceFile};
use crate::json;
use crate::kinds::{FieldKey, Kind, Managed, with_article};
use crate::plan::{Change, FieldPlan, Plan, PlanField, ResourcePlan, State, Tenant, change_of};
use crate::push_plan::{HeldBack, Reason};
use crate::resource::{Resource, ResourceId};
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
    kind: String,
    id: Option<String>,
    name: String,
    file: Option<String>,
    state: SavedState,
    fields: Vec<SavedField>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SavedState {
    New,
    Changed,
    LiveOnly,
    FileOnly,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedField {
    field: String,
    key: Option<String>,
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

/// Only the summary's shape is checked: its counts are made again from the resources.
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

/// The resources of a plan with each value of a field as JSON text, since serde_json takes some objects for something else when it
/// makes a value of them.
fn with_values_as_text(mut resources: Value) -> Value {
    let fields = resources.as_array_mut().into_iter().flatten();
    let fields = fields.filter_map(|resource| resource.get_mut("fields")?.as_array_mut());
    for field in fields.flatten() {
        for side in ["base", "local", "live"] {
            if let Some(value) = field.get_mut(side) {
                *value = Value::String(value.to_string());
            }
        }
    }
    resources
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
    let is_new = |saved: &SavedResource| matches!(saved.state, SavedState::New);
    let (new, resources): (Vec<_>, Vec<_>) = resources.into_iter().partition(is_new);
    let wrong = |problem| error("resources", problem);
    let new = new
        .into_iter()
        .map(new_resource)
        .collect::<Result<_, String>>();
    let resources = resources
        .into_iter()
        .map(resource)
        .collect::<Result<_, String>>();
    let plan = Plan {
        new: new.map_err(wrong)?,
        tenant: Tenant {
            name: tenant.name,
            domain: tenant.domain,
        },
        base: match base {
            SavedBase::Lock {} => BaseFrom::Lock,
            SavedBase::Git { commit } => BaseFrom::Commit(commit),
        },
        resources: resources.map_err(wrong)?,
    };
    match repeated(&plan) {
        Some(repeated) => Err(error("resources", format!("{repeated} is there twice"))),
        None => Ok(plan),
    }
}

/// A resource, or a field of one, that a plan names more than once.
fn repeated(plan: &Plan) -> Option<String> {
    let mut files = BTreeSet::new();
    let mut new = plan.new.iter();
    if let Some(twice) = new.find(|new| !files.insert(&new.file)) {
        return Some(twice.file.clone());
    }
    let mut ids = BTreeSet::new();
    for resource in &plan.resources {
        let id = &resource.id;
        let one = id.kind().singular;
        if !ids.insert(id) {
            return Some(format!("the {one} {id}"));
        }
        let mut fields = BTreeSet::new();
        let mut repeated = resource.fields.iter();
        if let Some(field) = repeated.find(|field| !fields.insert(&field.field)) {
            return Some(format!("{} of the {one} {id}", field.field));
        }
    }
    None
}

fn no_kind(name: &str) -> String {
    let name = name.escape_debug();
    format!("`{name}` is no kind that this tenantry knows")
}

/// A resource that is still to be made. Only what is sent counts: what it is made of is decided anew, and has to be the same.
fn new_resource(saved: SavedResource) -> Result<New, String> {
    let kind = Kind::named(&saved.kind).ok_or_else(|| no_kind(&saved.kind))?;
    let (None, Some(file)) = (saved.id, saved.file) else {
        return Err("what is new has a file, and no `id`".to_owned());
    };
    let sent = saved
        .fields
        .into_iter()
        .filter(|field| matches!(field.change, SavedChange::Edit));
    let fields = sent.map(|field| match field.local {
        Some(local) => Ok((field.field, local)),
        None => Err(format!("`{}` of {file} has no value", field.field)),
    });
    Ok(New {
        kind,
        name: saved.name,
        fields: fields.collect::<Result<_, String>>()?,
        file,
        left_out: Vec::new(),
        refusal: None,
    })
}

fn resource(saved: SavedResource) -> Result<ResourcePlan, String> {
    let Some(id) = saved.id else {
        return Err("a resource that is there has an `id`".to_owned());
    };
    let kind = Kind::of(&saved.kind, &id).ok_or_else(|| no_kind(&saved.kind))?;
    let fields = saved
        .fields
        .into_iter()
        .map(|saved| field(kind, saved))
        .collect::<Result<_, String>>()?;
    let id = ResourceId::new(kind, id);
    if !id.is_addressable() {
        let id = id.as_str().escape_debug();
        return Err(format!("`{id}` can't be {}", with_article(kind.id_name())));
    }
    Ok(ResourcePlan {
        id,
        name: saved.name,
        file: saved.file,
        state: match saved.state {
            SavedState::New | SavedState::Changed => State::Changed,
            SavedState::LiveOnly => State::LiveOnly,
            SavedState::FileOnly => State::FileOnly,
        },
        fields,
    })
}

fn field(kind: &'static Kind, saved: SavedField) -> Result<FieldPlan, String> {
    let change = match saved.change {
        SavedChange::Edit => Change::Edit,
        SavedChange::Drift => Change::Drift,
        SavedChange::Conflict => Change::Conflict,
        SavedChange::Unmanaged => Change::Unmanaged,
    };
    let known = kind.field(&saved.field);
    let field = match (known, saved.key) {
        (Some(field), Some(_)) if !field.row().merge.is_by_key() => {
            return Err(format!("`{field}` is not compared key by key"));
        }
        (Some(field), key) => PlanField::Updatable(FieldKey { field, key }),
        (None, None) if change == Change::Unmanaged => PlanField::Other(saved.field),
        (None, _) => return Err(format!("`{}` is no updatable field", saved.field)),
    };
    Ok(FieldPlan {
        field,
        change,
        // The document does not tell an absent base from one that nobody knows; whoever applies a plan needs neither.
        base: saved.base.map_or(Base::Unknown, Base::Is),
        local: saved.local,
        live: saved.live,
        is_unsent_edit: false,
    })
}

/// How live compares with a resource of a plan that was made earlier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Since {
    /// As the plan has it: the plan can be applied.
    AsPlanned,
    /// The tenant came to say what the file says, in some fields or in all: what is left, which may be nothing. An edit was
    /// applied before, or drift is gone, since an older plan was applied after this one was made.
    PartlyApplied(ResourcePlan),
    /// Live has another value than the plan, in this field.
    Moved(FieldKey),
}

/// Compares a resource of a plan with live as it is now.
pub fn since(resource: &ResourcePlan, live: &Map<String, Value>) -> Since {
    let mut left = resource.clone();
    for field in &resource.fields {
        // Differences of fields that push does not send are no obstacle.
        let Some(key) = field
            .field
            .key()
            .filter(|_| field.change != Change::Unmanaged)
        else {
            continue;
        };
        let now = key.of(live);
        if key.same(now, field.live.as_ref()) {
            continue;
        }
        let in_step = key.same(now, field.local.as_ref());
        if in_step && matches!(field.change, Change::Edit | Change::Drift) {
            left.fields.retain(|other| other.field != field.field);
        } else {
            return Since::Moved(key.clone());
        }
    }
    if left == *resource {
        Since::AsPlanned
    } else {
        Since::PartlyApplied(left)
    }
}

/// What is left to do of one resource of a saved plan, for the file, the base and the live resource that there are now.
///
/// # Errors
/// The reason why nothing of the plan may be sent: the files do not say what it says, or live is not what it was.
pub fn left_of(
    managed: &Managed,
    resource: &ResourcePlan,
    file: Option<&ResourceFile>,
    base: Option<ResourceBase<'_>>,
    live: Option<&Resource>,
) -> Result<ResourcePlan, Box<HeldBack>> {
    let held_back = |reason| {
        let resource = resource.clone();
        Box::new(HeldBack { resource, reason })
    };
    let file = file.ok_or_else(|| held_back(Reason::NoFile))?;
    let mut edits = resource
        .changed(Change::Edit)
        .filter_map(|edit| edit.field.key());
    if edits.any(|key| !managed.has(key.field)) {
        return Err(held_back(Reason::Unmanaged));
    }
    let edited = resource.fields.iter().filter(|field| {
        match &field.field {
            // A key that the plan takes away goes by a file that still has the field, and not by one that leaves it out.
            PlanField::Updatable(key @ FieldKey { key: Some(_), .. }) => {
                let planned = field.local.as_ref().or(Some(&Value::Null));
                key.local(&file.fields) != planned
            }
            other => file.fields.get(other.name()) != field.local.as_ref(),
        }
    });
    let edited: Vec<String> = edited.map(|field| field.field.to_string()).collect();
    if !edited.is_empty() {
        return Err(held_back(Reason::FileChanged(edited)));
    }
    let mut left = match live {
        None if resource.state == State::FileOnly => resource.clone(),
        None => return Err(held_back(Reason::GoneSince)),
        Some(live) => {
            let mut edits = resource
                .changed(Change::Edit)
                .filter_map(|edit| edit.field.key());
            let is_drift = |key: &&FieldKey| {
                let (change, _) = change_of(key, base, &file.fields, live.fields());
                change == Some(Change::Drift)
            };
            if let Some(key) = edits.find(is_drift) {
                return Err(held_back(Reason::NoEdit(key.to_string())));
            }
            if resource.state == State::FileOnly {
                return Err(held_back(Reason::ThereByNow));
            }
            match since(resource, live.fields()) {
                Since::AsPlanned => resource.clone(),
                Since::PartlyApplied(left) => left,
                Since::Moved(key) => return Err(held_back(Reason::TenantChanged(key.to_string()))),
            }
        }
    };
    // A plan may call a resource by another one's name, or by another one's file: its id decides what it is.
    left.file = Some(file.file.clone());
    if let Some(live) = live {
        live.name().clone_into(&mut left.name);
    }
    for field in left
        .fields
        .iter_mut()
        .filter(|field| field.change == Change::Unmanaged)
    {
        let was = base.and_then(|base| base.unsent_was(field.field.name(), field.local.as_ref()));
        field.is_unsent_edit = field.local.is_some() && was == Some(false);
    }
    Ok(left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::clients::KIND;
    use crate::render::json;
    use proptest::prelude::*;
    use serde_json::json;

    fn description() -> FieldKey {
        KIND.field("description").unwrap().into()
    }

    fn plan(
        values: [Option<Value>; 3],
        change: Change,
        state: State,
        file: Option<String>,
    ) -> Plan {
        let [base, local, live] = values;
        let base = base.map_or(Base::Unknown, Base::Is);
        let field = FieldPlan {
            field: PlanField::Updatable(description()),
            change,
            base,
            local,
            live,
            is_unsent_edit: false,
        };
        Plan {
            tenant: Tenant {
                name: None,
                domain: "d".to_owned(),
            },
            base: BaseFrom::Commit("1a2b".to_owned()),
            resources: vec![ResourcePlan {
                id: ResourceId::new(&KIND, "a"),
                name: "A".to_owned(),
                file,
                state,
                fields: vec![field],
            }],
            new: Vec::new(),
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
                    r#"{"field": "tenant", "change": "edit", "local": "t"}"#,
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
            with(&resource("a", "").replace("clients", "hooks"), ""),
            with(&resource(r"a\n", ""), ""),
            with("", "").replace("lock", "elsewhere"),
            with("", "").replace("\"risk\": 0, ", ""),
        ];
        let errors: Vec<String> = texts
            .iter()
            .map(|text| parse(text.as_bytes()).unwrap_err())
            .map(|error| format!("{}: {error}", error.position))
            .collect();
        insta::assert_snapshot!(errors.join("\n"), @r"
        1:1: is not JSON: the text ends too early
        1:1: a plan has `version`
        1:2: this plan has version 1, and this tenantry knows version 2
        1:16: a plan has no `error`
        1:16: `tenant` is not a plan's: invalid type: number, expected a string
        2:137: a plan has no `from`
        1:83: `resources` is not a plan's: missing field `kind`
        1:83: `tenant` is no updatable field
        1:83: `resources` is not a plan's: unknown field `kind`, expected one of `field`, `key`, `change`, `base`, `local`, `live`, `risk`
        1:83: the client a is there twice
        1:83: `hooks` is no kind that this tenantry knows
        1:83: `a\n` can't be a client_id
        1:57: `base` is not a plan's: unknown variant `elsewhere`, expected `lock` or `git`
        2:17: `summary` is not a plan's: missing field `risk`
        ");
    }

    #[test]
    fn live_is_as_planned_applied_or_moved() {
        let since = |change: Change, live: &str| {
            let values = [None, Some(json!("new")), Some(json!("old"))];
            let plan = plan(values, change, State::Changed, None);
            let live = Map::from_iter([("description".to_owned(), json!(live))]);
            super::since(&plan.resources[0], &live)
        };
        for change in [Change::Edit, Change::Drift, Change::Conflict] {
            assert_eq!(since(change, "old"), Since::AsPlanned);
            assert_eq!(since(change, "other"), Since::Moved(description()));
        }
        for change in [Change::Edit, Change::Drift] {
            let in_step = since(change, "new");
            assert!(matches!(in_step, Since::PartlyApplied(left) if left.fields.is_empty()));
        }
    }
}
