//! The live resources: `list -o json`.

use serde::Serialize;

use super::{TenantDocument, VERSION, document, tenant_document};
use crate::plan::Tenant;
use crate::render::list::ListedResource;

#[derive(Serialize)]
struct ListDocument<'a> {
    version: u32,
    tenant: TenantDocument<'a>,
    resources: &'a [ListedResource],
}

/// The live resources: `list -o json`.
pub(crate) fn list(tenant: &Tenant, resources: &[ListedResource]) -> String {
    document(&ListDocument {
        version: VERSION,
        tenant: tenant_document(tenant),
        resources,
    })
}
