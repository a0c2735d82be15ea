//! How single values look, wherever they are shown.

use std::borrow::Cow;

use serde_json::Value;

/// Text without anything that a terminal acts on or that hides what is really there: control characters, and those that turn
/// the direction of writing or are invisible. Line feeds stay.
pub fn printable(text: &str) -> Cow<'_, str> {
    let harmless = |character: char| character == '\n' || !is_deceptive(character);
    if text.chars().all(harmless) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if harmless(character) {
            escaped.push(character);
        } else {
            escaped.extend(character.escape_unicode());
        }
    }
    Cow::Owned(escaped)
}

fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
                | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

/// A name on one line.
pub(super) fn line(text: &str) -> String {
    printable(text).replace('\n', "\\n")
}

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
