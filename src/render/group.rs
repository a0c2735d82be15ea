//! Differences that are shown together: what happened to a field, and of unmanaged ones whether somebody edited them.

use crate::plan::{Change, FieldPlan};

/// Differences that stand under one line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    Edit,
    Conflict,
    UnsentEdit,
    NeverSent,
    Drift,
    Unmanaged,
}

impl Group {
    pub(super) fn of(field: &FieldPlan) -> Group {
        match field.change {
            Change::Edit => Group::Edit,
            Change::Conflict => Group::Conflict,
            Change::Drift => Group::Drift,
            Change::Unmanaged if field.is_unsent_edit => match field.field.key() {
                Some(_) => Group::UnsentEdit,
                None => Group::NeverSent,
            },
            Change::Unmanaged => Group::Unmanaged,
        }
    }
}
