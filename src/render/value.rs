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

/// A value as [`inline`] has it, with everything beyond ASCII escaped: two that differ never look the same.
pub(super) fn exact(value: Option<&Value>) -> String {
    let mut escaped = String::new();
    for character in inline(value).chars() {
        match character.is_ascii() {
            true => escaped.push(character),
            false => escaped.extend(character.escape_unicode()),
        }
    }
    escaped
}

/// Whether two texts differ only in what can't be seen: another kind of white space, some at the end of a line, or characters
/// that have no form of their own.
pub(super) fn look_alike(one: Option<&Value>, other: Option<&Value>) -> bool {
    match (one.and_then(Value::as_str), other.and_then(Value::as_str)) {
        (Some(one), Some(other)) => one != other && seen(one) == seen(other),
        _ => false,
    }
}

/// What of a text can be seen.
pub(super) fn seen(text: &str) -> String {
    let mut seen = String::new();
    for line in text.lines() {
        let characters = line.chars().filter(|character| !is_unseen(*character));
        let blank = |character: char| match character.is_whitespace() {
            true => ' ',
            false => character,
        };
        let line: String = characters.map(blank).collect();
        seen.push_str(line.trim_end());
        seen.push('\n');
    }
    seen.trim_end().to_owned()
}

/// Source: <https://www.unicode.org/reports/tr44/>, `Default_Ignorable_Code_Point`, and control characters.
fn is_unseen(character: char) -> bool {
    let is_control = character.is_control() && !character.is_whitespace();
    is_control
        || matches!(
            character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}'
                | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
        )
}
