//! What a pull did: `pull -o json`.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{TenantDocument, VERSION, document, tenant_document};
use crate::plan::Tenant;
use crate::pull_plan::Pulled;
use crate::render::pull::{STATUSES, name as status_name};

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
struct PullDocument<'a> {
    version: u32,
    tenant: TenantDocument<'a>,
    resources: Vec<PulledResource<'a>>,
    summary: Map<String, Value>,
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
