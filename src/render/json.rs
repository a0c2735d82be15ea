//! The JSON documents that other programs read. Their shapes are structs of their own, with a version, so that a change inside
//! does not change them by accident.

use serde::Serialize;
use serde_json::Value;

use crate::apply::{Outcome, UpdateResult};
use crate::client::Client;
use crate::files::{Check, Finding};
use crate::plan::{ClientPlan, FieldPlan, Kind, Plan, State, Tenant};
use crate::printable::printable_json;
use crate::promote::Promotion;

/// The version of every document.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct TenantDocument<'a> {
    name: Option<&'a str>,
    domain: &'a str,
}

#[derive(Serialize)]
struct PlanDocument<'a> {
    version: u32,
    tenant: TenantDocument<'a>,
    clients: Vec<PlanClient<'a>>,
    summary: PlanSummary,
}

#[derive(Serialize)]
struct PlanClient<'a> {
    client_id: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    state: &'static str,
    fields: Vec<PlanField<'a>>,
}

#[derive(Serialize)]
struct PlanField<'a> {
    field: &'a str,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    local: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<&'a Value>,
}

#[derive(Serialize)]
struct PlanSummary {
    edit: usize,
    drift: usize,
    conflict: usize,
    read_only: usize,
    live_only: usize,
    file_only: usize,
}

#[derive(Serialize)]
struct PromotionDocument<'a> {
    #[serde(flatten)]
    plan: PlanDocument<'a>,
    from: &'a str,
    overridden: Vec<Place<'a>>,
    carried: Vec<Place<'a>>,
    without_counterpart: &'a [String],
}

#[derive(Serialize)]
struct Place<'a> {
    stem: &'a str,
    field: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<&'a str>,
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
    client_id: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    status: &'static str,
    fields: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<&'a Client>,
}

#[derive(Serialize, Default)]
struct PushSummary {
    updated: usize,
    failed: usize,
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
    /// Its id.
    pub client_id: String,
    /// Its name.
    pub name: String,
    /// Its `app_type`, if it has one.
    #[serde(rename = "type")]
    pub app_type: Option<String>,
    /// Its file, if it has one.
    pub file: Option<String>,
    /// `unchanged`, `changed` or `live-only`.
    pub state: &'static str,
}

/// One client in `pull -o json`.
#[derive(Debug, Serialize)]
pub struct PulledClient {
    /// Its id.
    pub client_id: String,
    /// Its name.
    pub name: String,
    /// Its file.
    pub file: String,
    /// What the pull did.
    pub status: &'static str,
    /// Fields whose local value was discarded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<&'static str>,
}

#[derive(Serialize)]
struct ListDocument<'a> {
    version: u32,
    tenant: TenantDocument<'a>,
    clients: &'a [ListedClient],
}

#[derive(Serialize)]
struct PullDocument<'a> {
    version: u32,
    tenant: TenantDocument<'a>,
    clients: &'a [PulledClient],
    summary: serde_json::Map<String, Value>,
}

/// The plan: `diff -o json`.
pub fn plan(plan: &Plan) -> String {
    document(&plan_document(plan))
}

/// What a promotion writes: `promote -o json`. The plan of it, where `live` is what the file said before, and what there is to
/// know beside it.
pub fn promotion(plan: &Plan, from: &str, promotion: &Promotion) -> String {
    let Promotion {
        changes,
        carried,
        missing: _,
        alone,
    } = promotion;
    let overridden = changes.iter().filter(|change| change.overridden);
    document(&PromotionDocument {
        plan: plan_document(plan),
        from,
        overridden: overridden
            .map(|change| Place {
                stem: &change.stem,
                field: change.field.name(),
                entry: None,
            })
            .collect(),
        carried: carried
            .iter()
            .map(|one| Place {
                stem: &one.stem,
                field: one.field.name(),
                entry: Some(&one.entry),
            })
            .collect(),
        without_counterpart: alone,
    })
}

fn plan_document(plan: &Plan) -> PlanDocument<'_> {
    let Plan { tenant, clients } = plan;
    PlanDocument {
        version: VERSION,
        tenant: tenant_document(tenant),
        clients: clients.iter().map(plan_client).collect(),
        summary: PlanSummary {
            edit: plan.count(Kind::Edit),
            drift: plan.count(Kind::Drift),
            conflict: plan.count(Kind::Conflict),
            read_only: plan.count(Kind::ReadOnly),
            live_only: plan.count_clients(State::LiveOnly),
            file_only: plan.count_clients(State::FileOnly),
        },
    }
}

fn plan_client(client: &ClientPlan) -> PlanClient<'_> {
    let ClientPlan {
        id,
        name,
        file,
        state,
        fields,
    } = client;
    PlanClient {
        client_id: id.as_str(),
        name,
        file: file.as_deref(),
        state: match state {
            State::Changed => "changed",
            State::LiveOnly => "live-only",
            State::FileOnly => "file-only",
        },
        fields: fields.iter().map(plan_field).collect(),
    }
}

fn plan_field(field: &FieldPlan) -> PlanField<'_> {
    let FieldPlan {
        field,
        kind,
        base,
        local,
        live,
    } = field;
    PlanField {
        field,
        kind: kind_name(*kind),
        base: base.as_ref(),
        local: local.as_ref(),
        live: live.as_ref(),
    }
}

/// A kind's name in documents.
pub(super) fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Edit => "edit",
        Kind::Drift => "drift",
        Kind::Conflict => "conflict",
        Kind::ReadOnly => "read-only",
    }
}

/// What a push did: `push -o json`. `held` are clients that were not sent, each with the reason.
pub fn push(tenant: &Tenant, outcomes: &[Outcome], held: &[(ClientPlan, String)]) -> String {
    let mut summary = PushSummary::default();
    let mut results: Vec<PushResult<'_>> = outcomes
        .iter()
        .map(|outcome| push_result(outcome, &mut summary))
        .collect();
    for (client, reason) in held {
        summary.not_attempted += 1;
        results.push(PushResult {
            client_id: client.id.as_str(),
            name: &client.name,
            file: client.file.as_deref(),
            status: "not_attempted",
            fields: client
                .fields
                .iter()
                .map(|field| field.field.as_str())
                .collect(),
            error: Some(reason.clone()),
            client: None,
        });
    }
    results.sort_by(|a, b| (a.file, a.client_id).cmp(&(b.file, b.client_id)));
    document(&PushDocument {
        version: VERSION,
        tenant: tenant_document(tenant),
        results,
        summary,
    })
}

fn push_result<'a>(outcome: &'a Outcome, summary: &mut PushSummary) -> PushResult<'a> {
    let Outcome { update, result } = outcome;
    let (status, error, client) = match result {
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
    PushResult {
        client_id: update.id.as_str(),
        name: &update.name,
        file: update.file.as_deref(),
        status,
        fields: update.patch.iter().map(|(field, _)| field.name()).collect(),
        error,
        client,
    }
}

/// The live clients: `list -o json`.
pub fn list(tenant: &Tenant, clients: &[ListedClient]) -> String {
    document(&ListDocument {
        version: VERSION,
        tenant: tenant_document(tenant),
        clients,
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
        clients,
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
