//! What was taken over from the Deploy CLI: `adopt -o json`.

use serde::Serialize;

use super::promotion::{PromotedField, promoted};
use super::resource::Resource;
use super::{TenantDocument, VERSION, document};
use crate::render::adoption::Done;

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
        resources: promoted(done.plan),
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
