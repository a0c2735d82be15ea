//! The plan: `diff -o json`.

use serde::Serialize;
use serde_json::Value;

use super::resource::{Resource, change_name, key_of, planned, sort};
use super::{TenantDocument, VERSION, document, tenant_document};
use crate::base::BaseFrom;
use crate::create::New;
use crate::plan::{Change, FieldPlan, Plan, State};

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

#[derive(Serialize)]
pub(super) struct PlanFieldDocument<'a> {
    pub(super) field: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<&'a str>,
    pub(super) change: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) base: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) local: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) live: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) risk: Option<String>,
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

/// The plan: `diff -o json`.
pub fn plan(plan: &Plan) -> String {
    document(&plan_document(plan))
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
pub(super) fn new_resource(new: &New) -> Resource<'_, PlanFieldDocument<'_>> {
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
