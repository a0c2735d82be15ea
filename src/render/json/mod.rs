//! The JSON documents that other programs read. Their shapes are structs of their own, with a version, so that a change inside
//! does not change them by accident.

mod adoption;
mod check;
mod list;
mod plan;
mod promotion;
mod pull;
mod push;
mod resource;

use serde::Serialize;

use crate::plan::Tenant;
use crate::printable::printable_json;

pub(crate) use adoption::adoption;
pub use check::check;
pub(crate) use list::list;
pub use plan::plan;
pub use promotion::promotion;
pub use pull::pull;
pub use push::push;
pub(super) use resource::change_name;

/// The version of every document.
const VERSION: u32 = 2;

#[derive(Serialize)]
struct TenantDocument<'a> {
    name: Option<&'a str>,
    domain: &'a str,
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
