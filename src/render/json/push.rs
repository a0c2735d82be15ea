//! What a push did: `push -o json`.

use serde::Serialize;
use serde_json::Value;

use super::resource::key_of;
use super::{TenantDocument, VERSION, document, tenant_document};
use crate::apply::{CreateResult, Created, Outcome, UpdateResult};
use crate::create::New;
use crate::kinds::Kind;
use crate::plan::{Change, FieldPlan};
use crate::push_plan::PushPlan;
use crate::render::{reason, why_not_made};
use crate::resource::{self, ResourceId};

#[derive(Serialize)]
struct PushDocument<'a> {
    version: u32,
    tenant: TenantDocument<'a>,
    results: Vec<PushResult<'a>>,
    summary: PushSummary,
}

#[derive(Serialize)]
struct PushResult<'a> {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    fields: Vec<PushField<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<&'a resource::Resource>,
}

#[derive(Serialize)]
struct PushField<'a> {
    field: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<&'a Value>,
}

#[derive(Serialize, Default)]
struct PushSummary {
    created: usize,
    updated: usize,
    failed: usize,
    held_back: usize,
    not_attempted: usize,
}

/// What a push did: `push -o json`.
pub fn push(push: &PushPlan, created: &[Created], outcomes: &[Outcome]) -> String {
    let mut summary = PushSummary::default();
    let outcomes = outcomes.iter();
    let mut results: Vec<(&Kind, PushResult<'_>)> = outcomes
        .map(|outcome| (outcome.update.id.kind(), push_result(outcome, &mut summary)))
        .collect();
    for one in created {
        results.push((one.new.kind, created_result(one, &mut summary)));
    }
    for not_made in &push.not_made {
        summary.held_back += 1;
        let reason = Some(why_not_made(not_made));
        let result = new_result(&not_made.new, "held_back", reason);
        results.push((not_made.new.kind, result));
    }
    for held_back in &push.held_back {
        summary.held_back += 1;
        let resource = &held_back.resource;
        // What would have been sent, had it not been held back.
        let due = |field: &&FieldPlan| {
            field.is_unsent_edit || matches!(field.change, Change::Edit | Change::Conflict)
        };
        let result = PushResult {
            kind: resource.id.kind().name,
            id: Some(resource.id.as_str()),
            name: &resource.name,
            file: resource.file.as_deref(),
            status: "held_back",
            reason: Some(reason(held_back)),
            fields: resource.fields.iter().filter(due).map(push_field).collect(),
            error: None,
            resource: None,
        };
        results.push((resource.id.kind(), result));
    }
    results.sort_by(|(a, one), (b, other)| (*a, one.file, one.id).cmp(&(*b, other.file, other.id)));
    document(&PushDocument {
        version: VERSION,
        tenant: tenant_document(&push.plan.tenant),
        results: results.into_iter().map(|(_, result)| result).collect(),
        summary,
    })
}

/// What is sent of a resource that is still to be made.
fn new_result<'a>(new: &'a New, status: &'static str, reason: Option<String>) -> PushResult<'a> {
    let fields = new.fields.iter().map(|(name, value)| PushField {
        field: name,
        key: None,
        before: None,
        after: Some(value),
    });
    PushResult {
        kind: new.kind.name,
        id: None,
        name: &new.name,
        file: Some(&new.file),
        status,
        reason,
        fields: fields.collect(),
        error: None,
        resource: None,
    }
}

fn created_result<'a>(created: &'a Created, summary: &mut PushSummary) -> PushResult<'a> {
    let Created { new, result } = created;
    let made = |status| new_result(new, status, None);
    match result {
        CreateResult::Made { resource, answered } => {
            summary.created += 1;
            let differing = &answered.differing;
            let error = (!differing.is_empty()).then(|| {
                let fields = differing.join(", ");
                format!("the tenant answered with another value for {fields}")
            });
            PushResult {
                id: Some(resource.id().as_str()),
                error,
                resource: Some(resource),
                ..made("created")
            }
        }
        CreateResult::Failed(error) => {
            summary.failed += 1;
            PushResult {
                error: Some(error.to_string()),
                ..made("failed")
            }
        }
        CreateResult::Several(ids) => {
            summary.failed += 1;
            let ids: Vec<&str> = ids.iter().map(ResourceId::as_str).collect();
            let error = format!(
                "the answer was lost, and several say the same: {}",
                ids.join(", ")
            );
            PushResult {
                error: Some(error),
                ..made("failed")
            }
        }
        CreateResult::NotAttempted => {
            summary.not_attempted += 1;
            made("not_attempted")
        }
    }
}

fn push_field(field: &FieldPlan) -> PushField<'_> {
    PushField {
        field: field.field.name(),
        key: key_of(&field.field),
        before: field.live.as_ref(),
        after: field.local.as_ref(),
    }
}

fn push_result<'a>(outcome: &'a Outcome, summary: &mut PushSummary) -> PushResult<'a> {
    let Outcome { update, result } = outcome;
    let (status, error, resource) = match result {
        UpdateResult::Updated {
            resource,
            differing,
        } => {
            summary.updated += 1;
            let differing: Vec<String> = differing.iter().map(ToString::to_string).collect();
            let error = (!differing.is_empty()).then(|| {
                format!(
                    "the tenant answered with another value for {}",
                    differing.join(", ")
                )
            });
            ("updated", error, Some(resource))
        }
        UpdateResult::Failed(error) => {
            summary.failed += 1;
            ("failed", Some(error.to_string()), None)
        }
        UpdateResult::NotAttempted => {
            summary.not_attempted += 1;
            ("not_attempted", None, None)
        }
    };
    PushResult {
        kind: update.id.kind().name,
        id: Some(update.id.as_str()),
        name: &update.name,
        file: update.file.as_deref(),
        status,
        reason: None,
        fields: update.fields.iter().map(push_field).collect(),
        error,
        resource,
    }
}
