//! What a field refers to: each reference in a value, and the value with others in their place.

use serde_json::Value;

use super::{Kind, Reference};
use crate::json::Step;

impl Reference {
    /// The kind that it refers to.
    pub fn kind(&self) -> Option<&'static Kind> {
        Kind::named(self.kind)
    }

    /// The references in a value of the field, each with the way to it from there.
    pub fn in_value<'a>(&self, value: &'a Value) -> Vec<(Vec<Step<'a>>, &'a str)> {
        let mut found = Vec::new();
        find(value, self.at, &mut Vec::new(), &mut found);
        found
    }

    /// The references in a part of the field's value, wherever below it the part was found.
    pub fn in_part<'a>(&self, part: &'a Value) -> Vec<&'a str> {
        let below = (0..=self.at.len()).map(|from| {
            let mut found = Vec::new();
            find(part, &self.at[from..], &mut Vec::new(), &mut found);
            found
        });
        let found = below.into_iter().find(|found| !found.is_empty());
        let found = found.into_iter().flatten();
        found.map(|(_, text)| text).collect()
    }

    /// The value with each reference replaced by what `translate` answers.
    pub fn translated(&self, value: &Value, translate: &mut dyn FnMut(&str) -> String) -> Value {
        let mut value = value.clone();
        replace(&mut value, self.at, translate);
        value
    }
}

fn find<'a>(
    value: &'a Value,
    at: &[&str],
    path: &mut Vec<Step<'a>>,
    found: &mut Vec<(Vec<Step<'a>>, &'a str)>,
) {
    match (value, at) {
        (Value::Array(entries), _) => {
            for (index, entry) in entries.iter().enumerate() {
                path.push(Step::Index(index));
                find(entry, at, path, found);
                path.pop();
            }
        }
        (Value::Object(keys), [next, rest @ ..]) => {
            if let Some((key, value)) = keys.get_key_value(*next) {
                path.push(Step::Key(key));
                find(value, rest, path, found);
                path.pop();
            }
        }
        (Value::String(text), []) => found.push((path.clone(), text)),
        _ => {}
    }
}

fn replace(value: &mut Value, at: &[&str], translate: &mut dyn FnMut(&str) -> String) {
    match (value, at) {
        (Value::Array(entries), _) => {
            entries
                .iter_mut()
                .for_each(|entry| replace(entry, at, translate));
        }
        (Value::Object(keys), [next, rest @ ..]) => {
            if let Some(value) = keys.get_mut(*next) {
                replace(value, rest, translate);
            }
        }
        (Value::String(text), []) => *text = translate(text),
        _ => {}
    }
}
