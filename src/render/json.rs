//! The JSON documents that other programs read. Their shapes are structs of their own, with a version, so that a change inside
//! does not change them by accident.

use serde::Serialize;
use serde_json::Value;

use crate::apply::{CreateResult, Created, Outcome, UpdateResult};
use crate::base::BaseFrom;
use crate::create::New;
use crate::files::{Check, Finding};
use crate::kinds::{KINDS, Kind};
use crate::plan::{Change, FieldPlan, Plan, PlanField, ResourcePlan, State, Tenant};
use crate::printable::printable_json;
use crate::pull_plan::Pulled;
use crate::push_plan::PushPlan;
use crate::resource::{self, ResourceId};

use super::adoption::Done;
use super::pull::{STATUSES, name as status_name};
use super::{reason, why_not_made};

/// The version of every document.
const VERSION: u32 = 2;

#[derive(Serialize)]
struct TenantDocument<'a> {
    name: Option<&'a str>,
    domain: &'a str,
}

#[derive(Serialize)]
struct PlanDocument<'a> {
    version: u32,
    tenant: TenantDocument<'a>,
    base: BaseDocument<'a>,
    resources: Vec<Resource<'a, PlanFieldDocument<'a>>>,
    summary: PlanSummary,
}

#[derive(Serialize)]
#[serde(tag = "from", rename_all = "lowercase")]
enum BaseDocument<'a> {
    Lock,
    Git { commit: &'a str },
}

/// A resource of a plan, with fields of one form or another.
#[derive(Serialize)]
struct Resource<'a, Field> {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    state: &'static str,
    fields: Vec<Field>,
}

#[derive(Serialize)]
struct PlanFieldDocument<'a> {
    field: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    change: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    local: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    risk: Option<String>,
}

#[derive(Serialize)]
struct PlanSummary {
    edit: usize,
    drift: usize,
    conflict: usize,
    unmanaged: usize,
    risk: usize,
    new: usize,
    live_only: usize,
    file_only: usize,
}

#[derive(Serialize)]
struct PromotionDocument<'a> {
    version: u32,
    from: &'a str,
    to: &'a str,
    resources: Vec<Resource<'a, PromotedField<'a>>>,
    without_counterpart: Vec<Counterpart<'a>>,
}

#[derive(Serialize)]
struct PromotedField<'a> {
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

#[derive(Serialize)]
struct CheckDocument<'a> {
    version: u32,
    tenant: Option<&'a str>,
    findings: Vec<CheckFinding<'a>>,
    summary: CheckSummary,
}

#[derive(Serialize)]
struct CheckFinding<'a> {
    file: String,
    line: usize,
    column: usize,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

#[derive(Serialize)]
struct CheckSummary {
    files: usize,
    findings: usize,
}

#[derive(Serialize)]
struct ErrorDocument<'a> {
    version: u32,
    error: ErrorBody<'a>,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

/// One resource in `list -o json`.
#[derive(Debug, Serialize)]
pub struct ListedResource {
    /// Its kind.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Of what type it is, where its kind has types.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub of_type: Option<String>,
    /// Its file, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// `unchanged`, `changed` or `live-only`.
    pub state: &'static str,
}

/// One resource in `pull -o json`.
#[derive(Serialize)]
struct PulledResource<'a> {
    kind: &'static str,
    id: &'a str,
    name: &'a str,
    file: &'a str,
    status: &'static str,
    fields: &'a [String],
}

#[derive(Serialize)]
struct ListDocument<'a> {
    version: u32,
    tenant: TenantDocument<'a>,
    resources: &'a [ListedResource],
}

#[derive(Serialize)]
struct PullDocument<'a> {
    version: u32,
    tenant: TenantDocument<'a>,
    resources: Vec<PulledResource<'a>>,
    summary: serde_json::Map<String, Value>,
}

/// The plan: `diff -o json`.
pub fn plan(plan: &Plan) -> String {
    document(&plan_document(plan))
}

/// What a promotion writes: `promote -o json`. In its plan, `live` is what the file said before. `without_counterpart` are the
/// files that the other tenant lacks.
pub fn promotion(
    plan: &Plan,
    from: &str,
    to: &str,
    without_counterpart: &[(&Kind, &str)],
) -> String {
    let mut resources: Vec<_> = plan
        .resources
        .iter()
        .map(|resource| planned(resource, promoted_field))
        .chain(plan.new.iter().map(promoted_new))
        .collect();
    sort(&mut resources);
    document(&PromotionDocument {
        version: VERSION,
        from,
        to,
        resources,
        without_counterpart: without_counterpart
            .iter()
            .map(|(kind, file)| Counterpart {
                kind: kind.name,
                file,
            })
            .collect(),
    })
}

#[derive(Serialize)]
struct AdoptionDocument<'a> {
    version: u32,
    tenant: TenantDocument<'a>,
    renamed: Vec<RenamedDocument<'a>>,
    resources: Vec<Resource<'a, PromotedField<'a>>>,
    overrides: Vec<OwnDocument<'a>>,
    comments: usize,
    left: Vec<LeftDocument>,
}

#[derive(Serialize)]
struct RenamedDocument<'a> {
    kind: &'static str,
    from: &'a str,
    to: &'a str,
}

#[derive(Serialize)]
struct OwnDocument<'a> {
    kind: &'static str,
    stem: &'a str,
    fields: &'a [&'static str],
}

#[derive(Serialize)]
struct LeftDocument {
    place: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<String>,
    reason: String,
}

/// What was taken over from the Deploy CLI: `adopt -o json`. `from` is what its files say, and `to` what the file here said before.
pub(crate) fn adoption(done: &Done<'_>) -> String {
    let resources = done.plan.resources.iter();
    let mut resources: Vec<_> = resources
        .map(|resource| planned(resource, promoted_field))
        .chain(done.plan.new.iter().map(promoted_new))
        .collect();
    sort(&mut resources);
    document(&AdoptionDocument {
        version: VERSION,
        tenant: TenantDocument {
            name: done.tenant,
            domain: &done.plan.tenant.domain,
        },
        renamed: done
            .renames
            .iter()
            .map(|rename| RenamedDocument {
                kind: rename.kind.name,
                from: &rename.from,
                to: &rename.to,
            })
            .collect(),
        resources,
        overrides: done
            .own
            .iter()
            .map(|own| OwnDocument {
                kind: own.kind.name,
                stem: &own.stem,
                fields: &own.fields,
            })
            .collect(),
        comments: done.comments,
        left: done
            .lefts()
            .into_iter()
            .map(|left| LeftDocument {
                place: left.place,
                fields: left.fields,
                reason: left.why,
            })
            .collect(),
    })
}

/// A resource that the other tenant lacks.
fn promoted_new(new: &New) -> Resource<'_, PromotedField<'_>> {
    let Resource {
        kind,
        id,
        name,
        file,
        state,
        fields,
    } = new_resource(new);
    let fields = fields.into_iter().map(|field| PromotedField {
        field: field.field,
        key: field.key,
        change: field.change,
        from: field.local,
        to: field.live,
        risk: field.risk,
    });
    Resource {
        kind,
        id,
        name,
        file,
        state,
        fields: fields.collect(),
    }
}

/// By kind, file and id.
fn sort<Field>(resources: &mut [Resource<'_, Field>]) {
    let kinds: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
    resources.sort_by_cached_key(|resource| {
        let kind = kinds.iter().position(|name| *name == resource.kind);
        let text = |text: Option<&str>| text.map(str::to_owned);
        (kind, text(resource.file), text(resource.id))
    });
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

fn plan_document(plan: &Plan) -> PlanDocument<'_> {
    let Plan {
        tenant,
        base,
        resources,
        new,
    } = plan;
    let mut resources: Vec<Resource<'_, PlanFieldDocument<'_>>> = resources
        .iter()
        .map(|resource| planned(resource, plan_field))
        .chain(new.iter().map(new_resource))
        .collect();
    sort(&mut resources);
    PlanDocument {
        version: VERSION,
        tenant: tenant_document(tenant),
        base: match base {
            BaseFrom::Lock => BaseDocument::Lock,
            BaseFrom::Commit(commit) => BaseDocument::Git { commit },
        },
        resources,
        summary: PlanSummary {
            edit: plan.count(Change::Edit),
            drift: plan.count(Change::Drift),
            conflict: plan.count(Change::Conflict),
            unmanaged: plan.count(Change::Unmanaged),
            risk: plan.count_risks(),
            new: new.len(),
            live_only: plan.count_resources(State::LiveOnly),
            file_only: plan.count_resources(State::FileOnly),
        },
    }
}

/// A resource that is still to be made: what is sent of it, and what is not.
fn new_resource(new: &New) -> Resource<'_, PlanFieldDocument<'_>> {
    let risks = new.risks();
    let field = |name: &'_ str| {
        let risks = risks.iter().filter(|(field, _)| *field == name);
        let risks: Vec<&str> = risks.map(|(_, risk)| risk.as_str()).collect();
        (!risks.is_empty()).then(|| risks.join("; "))
    };
    let sent = new.fields.iter().map(|(name, value)| PlanFieldDocument {
        field: name,
        key: None,
        change: change_name(Change::Edit),
        base: None,
        local: Some(value),
        live: None,
        risk: field(name),
    });
    let left_out = new.left_out.iter().map(|(name, _)| PlanFieldDocument {
        field: name,
        key: None,
        change: change_name(Change::Unmanaged),
        base: None,
        local: None,
        live: None,
        risk: None,
    });
    Resource {
        kind: new.kind.name,
        id: None,
        name: &new.name,
        file: Some(&new.file),
        state: "new",
        fields: sent.chain(left_out).collect(),
    }
}

fn planned<'a, Field>(
    resource: &'a ResourcePlan,
    field: impl Fn(&'a FieldPlan) -> Field,
) -> Resource<'a, Field> {
    let ResourcePlan {
        id,
        name,
        file,
        state,
        fields,
    } = resource;
    // What is still to be made, and is only changed in its file, has no id.
    let id_text = Some(id.as_str()).filter(|id| !id.is_empty());
    Resource {
        kind: id.kind().name,
        id: id_text,
        name,
        file: file.as_deref(),
        state: match id_text {
            Some(_) => state_name(*state),
            None => "new",
        },
        fields: fields.iter().map(field).collect(),
    }
}

fn plan_field(plan: &FieldPlan) -> PlanFieldDocument<'_> {
    PlanFieldDocument {
        field: plan.field.name(),
        key: key_of(&plan.field),
        change: change_name(plan.change),
        base: plan.base.value(),
        local: plan.local.as_ref(),
        live: plan.live.as_ref(),
        risk: plan.risk(),
    }
}

/// The key of a field that is compared key by key.
fn key_of(field: &PlanField) -> Option<&str> {
    field.key()?.key.as_deref()
}

fn state_name(state: State) -> &'static str {
    match state {
        State::Changed => "changed",
        State::LiveOnly => "live-only",
        State::FileOnly => "file-only",
    }
}

/// What a change is called in documents.
pub(super) fn change_name(change: Change) -> &'static str {
    match change {
        Change::Edit => "edit",
        Change::Drift => "drift",
        Change::Conflict => "conflict",
        Change::Unmanaged => "unmanaged",
    }
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

/// The live resources: `list -o json`.
pub fn list(tenant: &Tenant, resources: &[ListedResource]) -> String {
    document(&ListDocument {
        version: VERSION,
        tenant: tenant_document(tenant),
        resources,
    })
}

/// What a pull did: `pull -o json`. The summary counts each status that there is.
pub fn pull(tenant: &Tenant, pulled: &[Pulled]) -> String {
    let count = |status| pulled.iter().filter(|one| one.status == status).count();
    let document_of = |one| {
        let Pulled {
            id,
            name,
            file,
            status,
            fields,
            ..
        }: &Pulled = one;
        PulledResource {
            kind: id.kind().name,
            id: id.as_str(),
            name,
            file,
            status: status_name(*status),
            fields,
        }
    };
    document(&PullDocument {
        version: VERSION,
        tenant: tenant_document(tenant),
        resources: pulled.iter().map(document_of).collect(),
        summary: STATUSES
            .iter()
            .map(|status| (status_name(*status).to_owned(), count(*status).into()))
            .collect(),
    })
}

/// What a check found: `check -o json`.
pub fn check(tenant: Option<&str>, check: &Check) -> String {
    let Check { files, findings } = check;
    document(&CheckDocument {
        version: VERSION,
        tenant,
        findings: findings
            .iter()
            .map(
                |Finding {
                     path,
                     position,
                     message,
                     hint,
                 }| CheckFinding {
                    file: path.display().to_string(),
                    line: position.line,
                    column: position.column,
                    message,
                    hint: hint.as_deref(),
                },
            )
            .collect(),
        summary: CheckSummary {
            files: *files,
            findings: findings.len(),
        },
    })
}

/// A command that failed before it had a result.
pub fn error(message: &str, hint: Option<&str>) -> String {
    document(&ErrorDocument {
        version: VERSION,
        error: ErrorBody { message, hint },
    })
}

fn tenant_document(tenant: &Tenant) -> TenantDocument<'_> {
    let Tenant { name, domain } = tenant;
    TenantDocument {
        name: name.as_deref(),
        domain,
    }
}

fn document(document: &impl Serialize) -> String {
    // None of these can fail: their keys are text, and nothing else is in the way of JSON.
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    printable_json(&text).into_owned()
}
