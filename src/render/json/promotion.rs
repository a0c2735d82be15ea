//! What a promotion writes: `promote -o json`.

use serde::Serialize;
use serde_json::Value;

use super::plan::new_resource;
use super::resource::{Resource, change_name, key_of, planned, sort};
use super::{VERSION, document};
use crate::create::New;
use crate::kinds::Kind;
use crate::plan::{FieldPlan, Plan};

#[derive(Serialize)]
struct PromotionDocument<'a> {
    version: u32,
    from: &'a str,
    to: &'a str,
    resources: Vec<Resource<'a, PromotedField<'a>>>,
    without_counterpart: Vec<Counterpart<'a>>,
}

#[derive(Serialize)]
pub(super) struct PromotedField<'a> {
    field: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    change: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    risk: Option<String>,
}

#[derive(Serialize)]
struct Counterpart<'a> {
    kind: &'static str,
    file: &'a str,
}

/// What a promotion writes: `promote -o json`. In its plan, `live` is what the file said before. `without_counterpart` are the
/// files that the other tenant lacks.
pub fn promotion(
    plan: &Plan,
    from: &str,
    to: &str,
    without_counterpart: &[(&Kind, &str)],
) -> String {
    document(&PromotionDocument {
        version: VERSION,
        from,
        to,
        resources: promoted(plan),
        without_counterpart: without_counterpart
            .iter()
            .map(|(kind, file)| Counterpart {
                kind: kind.name,
                file,
            })
            .collect(),
    })
}

/// The resources of which values are written, and those that are made.
pub(super) fn promoted(plan: &Plan) -> Vec<Resource<'_, PromotedField<'_>>> {
    let resources = plan.resources.iter();
    let resources = resources.map(|resource| planned(resource, promoted_field));
    let mut resources: Vec<_> = resources.chain(plan.new.iter().map(promoted_new)).collect();
    sort(&mut resources);
    resources
}

/// A resource that the other tenant lacks.
fn promoted_new(new: &New) -> Resource<'_, PromotedField<'_>> {
    new_resource(new).with(|field| PromotedField {
        field: field.field,
        key: field.key,
        change: field.change,
        from: field.local,
        to: field.live,
        risk: field.risk,
    })
}

fn promoted_field(field: &FieldPlan) -> PromotedField<'_> {
    PromotedField {
        field: field.field.name(),
        key: key_of(&field.field),
        change: change_name(field.change),
        from: field.local.as_ref(),
        to: field.live.as_ref(),
        risk: field.risk(),
    }
}
