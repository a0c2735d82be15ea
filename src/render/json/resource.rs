//! A resource in the documents that have a plan in them, with fields of one form or another.

use serde::Serialize;

use crate::kinds::KINDS;
use crate::plan::{Change, FieldPlan, PlanField, ResourcePlan, State};

/// A resource of a plan, with fields of one form or another.
#[derive(Serialize)]
pub(super) struct Resource<'a, Field> {
    pub(super) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<&'a str>,
    pub(super) name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file: Option<&'a str>,
    pub(super) state: &'static str,
    pub(super) fields: Vec<Field>,
}

impl<'a, Field> Resource<'a, Field> {
    /// The same with fields of another form.
    pub(super) fn with<Other>(self, form: impl FnMut(Field) -> Other) -> Resource<'a, Other> {
        Resource {
            kind: self.kind,
            id: self.id,
            name: self.name,
            file: self.file,
            state: self.state,
            fields: self.fields.into_iter().map(form).collect(),
        }
    }
}

pub(super) fn planned<'a, Field>(
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

/// By kind, file and id.
pub(super) fn sort<Field>(resources: &mut [Resource<'_, Field>]) {
    let kinds: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
    resources.sort_by_cached_key(|resource| {
        let kind = kinds.iter().position(|name| *name == resource.kind);
        let text = |text: Option<&str>| text.map(str::to_owned);
        (kind, text(resource.file), text(resource.id))
    });
}

fn state_name(state: State) -> &'static str {
    match state {
        State::Changed => "changed",
        State::LiveOnly => "live-only",
        State::FileOnly => "file-only",
    }
}

/// What a change is called in documents.
pub(in crate::render) fn change_name(change: Change) -> &'static str {
    match change {
        Change::Edit => "edit",
        Change::Drift => "drift",
        Change::Conflict => "conflict",
        Change::Unmanaged => "unmanaged",
    }
}

/// The key of a field that is compared key by key.
pub(super) fn key_of(field: &PlanField) -> Option<&str> {
    field.key()?.key.as_deref()
}
