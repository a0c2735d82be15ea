//! Characters that a terminal acts on, or that hide what is really there, and text without them.

use std::borrow::Cow;

/// Text without anything that a terminal acts on or that hides what is really there: control characters, and those that turn
/// the direction of writing or are invisible. Line feeds stay.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, |escaped, character| {
        escaped.extend(character.escape_unicode())
    })
}

/// Text from elsewhere as [`printable`] shows it, on one line, so that no part of it can pass for a line of tenantry's own.
pub(crate) fn one_line(text: &str) -> String {
    printable(text).replace('\n', "\\n")
}

/// A JSON text without any such character. They can only stand in its strings, where JSON has an escape for each.
pub(crate) fn printable_json(text: &str) -> Cow<'_, str> {
    escaped(text, |escaped, character| {
        for unit in character.encode_utf16(&mut [0; 2]) {
            escaped.push_str(&format!("\\u{unit:04x}"));
        }
    })
}

fn escaped(text: &str, escape: impl Fn(&mut String, char)) -> Cow<'_, str> {
    let harmless = |character: char| character == '\n' || !is_deceptive(character);
    if text.chars().all(harmless) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if harmless(character) {
            escaped.push(character);
        } else {
            escape(&mut escaped, character);
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    #[test]
    fn escapes_are_shown() {
        assert_eq!(
            printable("a\u{1b}[2J\u{9b}m\u{202e}\nb"),
            "a\\u{1b}[2J\\u{9b}m\\u{202e}\nb"
        );
    }

    proptest! {
        #[test]
        fn json_means_the_same(text in "[\\PC\u{0}-\u{a0}\u{202e}\u{e0001}]*") {
            let shown = printable_json(&json!(text).to_string()).into_owned();
            prop_assert!(!shown.chars().any(is_deceptive));
            prop_assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), json!(text));
        }
    }
}
