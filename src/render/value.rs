//! How single values look, wherever they are shown.

use serde_json::Value;

pub(super) use crate::printable::one_line as line;

/// A value as JSON on one line, escaped for a terminal; `(absent)` for none.
pub(super) fn inline(value: Option<&Value>) -> String {
    match value {
        Some(value) => line(&value.to_string()),
        None => "(absent)".to_owned(),
    }
}

/// The lines of a text that has several.
pub(super) fn multi_line(value: Option<&Value>) -> Option<&str> {
    value?
        .as_str()
        .filter(|text| text.trim_end_matches('\n').contains('\n'))
}
