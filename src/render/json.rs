//! The JSON documents that other programs read. Their shapes are structs of their own, with a version, so that a change inside
//! does not change them by accident.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::apply::{Outcome, UpdateResult};
use crate::base::BaseFrom;
use crate::client::{Client, ClientId};
use crate::files::{CLIENTS, Check, Finding};
use crate::plan::{Change, ClientPlan, FieldPlan, Plan, State, Tenant};
use crate::printable::printable_json;

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
    resources: Vec<Resource<'a, PlanField<'a>>>,
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
    id: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    state: &'static str,
    fields: Vec<Field>,
}

#[derive(Serialize)]
struct PlanField<'a> {
    field: &'a str,
    change: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    local: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    risk: Option<&'static str>,
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
    change: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    risk: Option<&'static str>,
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
    id: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    fields: Vec<PushField<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<&'a Client>,
}

#[derive(Serialize)]
struct PushField<'a> {
    field: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<&'a Value>,
}

#[derive(Serialize, Default)]
struct PushSummary {
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

/// One client in `list -o json`.
#[derive(Debug, Serialize)]
pub struct ListedClient {
    /// Its kind.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its `app_type`, if it has one.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub app_type: Option<String>,
    /// Its file, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// `unchanged`, `changed` or `live-only`.
    pub state: &'static str,
}

/// One client in `pull -o json`.
#[derive(Debug, Serialize)]
pub struct PulledClient {
    /// Its kind.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its file.
    pub file: String,
    /// What the pull did.
    pub status: &'static str,
    /// The fields that changed in the file.
    pub fields: Vec<String>,
}

#[derive(Serialize)]
struct ListDocument<'a> {
    version: u32,
    tenant: TenantDocument<'a>,
    resources: &'a [ListedClient],
}

#[derive(Serialize)]
struct PullDocument<'a> {
    version: u32,
    tenant: TenantDocument<'a>,
    resources: &'a [PulledClient],
    summary: serde_json::Map<String, Value>,
}

/// The plan: `diff -o json`.
pub fn plan(plan: &Plan) -> String {
    document(&plan_document(plan))
}

/// What a promotion writes: `promote -o json`. In its plan, `live` is what the file said before. `without_counterpart` are the
/// files that the other tenant lacks.
pub fn promotion(plan: &Plan, from: &str, to: &str, without_counterpart: &[&str]) -> String {
    document(&PromotionDocument {
        version: VERSION,
        from,
        to,
        resources: plan
            .clients
            .iter()
            .map(|client| resource(client, promoted_field))
            .collect(),
        without_counterpart: without_counterpart
            .iter()
            .map(|file| Counterpart {
                kind: CLIENTS,
                file,
            })
            .collect(),
    })
}

fn promoted_field(field: &FieldPlan) -> PromotedField<'_> {
    PromotedField {
        field: &field.field,
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
        clients,
    } = plan;
    PlanDocument {
        version: VERSION,
        tenant: tenant_document(tenant),
        base: match base {
            BaseFrom::Lock => BaseDocument::Lock,
            BaseFrom::Commit(commit) => BaseDocument::Git { commit },
        },
        resources: clients
            .iter()
            .map(|client| resource(client, plan_field))
            .collect(),
        summary: PlanSummary {
            edit: plan.count(Change::Edit),
            drift: plan.count(Change::Drift),
            conflict: plan.count(Change::Conflict),
            unmanaged: plan.count(Change::Unmanaged),
            risk: plan.count_risks(),
            new: 0,
            live_only: plan.count_clients(State::LiveOnly),
            file_only: plan.count_clients(State::FileOnly),
        },
    }
}

fn resource<'a, Field>(
    client: &'a ClientPlan,
    field: impl Fn(&'a FieldPlan) -> Field,
) -> Resource<'a, Field> {
    let ClientPlan {
        id,
        name,
        file,
        state,
        fields,
    } = client;
    Resource {
        kind: CLIENTS,
        id: id.as_str(),
        name,
        file: file.as_deref(),
        state: state_name(*state),
        fields: fields.iter().map(field).collect(),
    }
}

fn plan_field(plan: &FieldPlan) -> PlanField<'_> {
    let FieldPlan {
        field,
        change,
        base,
        local,
        live,
    } = plan;
    PlanField {
        field,
        change: change_name(*change),
        base: base.value(),
        local: local.as_ref(),
        live: live.as_ref(),
        risk: plan.risk(),
    }
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

/// What a push did: `push -o json`. `plan` is what it set out to do, `held_back` are the clients that were not sent, each with the
/// reason.
pub fn push(plan: &Plan, outcomes: &[Outcome], held_back: &[(ClientPlan, String)]) -> String {
    let mut summary = PushSummary::default();
    let planned = plan.clients.iter().map(|client| (&client.id, client));
    let planned: BTreeMap<&ClientId, &ClientPlan> = planned.collect();
    let mut results: Vec<PushResult<'_>> = outcomes
        .iter()
        .map(|outcome| {
            let planned = planned.get(&outcome.update.id).copied();
            push_result(outcome, planned, &mut summary)
        })
        .collect();
    for (client, reason) in held_back {
        summary.held_back += 1;
        // What would have been sent, had it not been held back.
        let due = |field: &&FieldPlan| matches!(field.change, Change::Edit | Change::Conflict);
        results.push(PushResult {
            kind: CLIENTS,
            id: client.id.as_str(),
            name: &client.name,
            file: client.file.as_deref(),
            status: "held_back",
            reason: Some(reason),
            fields: client
                .fields
                .iter()
                .filter(due)
                .map(held_back_field)
                .collect(),
            error: None,
            resource: None,
        });
    }
    results.sort_by(|a, b| (a.file, a.id).cmp(&(b.file, b.id)));
    document(&PushDocument {
        version: VERSION,
        tenant: tenant_document(&plan.tenant),
        results,
        summary,
    })
}

fn held_back_field(field: &FieldPlan) -> PushField<'_> {
    PushField {
        field: &field.field,
        before: field.live.as_ref(),
        after: field.local.as_ref(),
    }
}

fn push_result<'a>(
    outcome: &'a Outcome,
    planned: Option<&'a ClientPlan>,
    summary: &mut PushSummary,
) -> PushResult<'a> {
    let Outcome { update, result } = outcome;
    let (status, error, resource) = match result {
        UpdateResult::Updated { client, differing } => {
            summary.updated += 1;
            let differing: Vec<&str> = differing.iter().map(|field| field.name()).collect();
            let error = (!differing.is_empty()).then(|| {
                format!(
                    "the tenant answered with another value for {}",
                    differing.join(", ")
                )
            });
            ("updated", error, Some(client))
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
    let before = |name: &str| {
        let mut fields = planned?.fields.iter();
        fields.find(|field| field.field == name)?.live.as_ref()
    };
    let fields = update.patch.iter().map(|(field, after)| PushField {
        field: field.name(),
        before: before(field.name()),
        after: Some(after),
    });
    PushResult {
        kind: CLIENTS,
        id: update.id.as_str(),
        name: &update.name,
        file: update.file.as_deref(),
        status,
        reason: None,
        fields: fields.collect(),
        error,
        resource,
    }
}

/// The live clients: `list -o json`.
pub fn list(tenant: &Tenant, clients: &[ListedClient]) -> String {
    document(&ListDocument {
        version: VERSION,
        tenant: tenant_document(tenant),
        resources: clients,
    })
}

/// What a pull did: `pull -o json`. The summary counts each status that there is.
pub fn pull(tenant: &Tenant, clients: &[PulledClient], statuses: &[&str]) -> String {
    let count = |status: &str| {
        clients
            .iter()
            .filter(|client| client.status == status)
            .count()
    };
    document(&PullDocument {
        version: VERSION,
        tenant: tenant_document(tenant),
        resources: clients,
        summary: statuses
            .iter()
            .map(|status| ((*status).to_owned(), count(status).into()))
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
