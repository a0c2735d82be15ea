//! What a field refers to: each reference in a value, and the value with others in their place.

use serde_json::{Map, Value};

use super::kind::Kind;
use super::row::Reference;
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

    /// The reference that names the file of this stem in the place of an id.
    pub fn to_file(&self, stem: &str) -> String {
        format!("{}/{stem}", self.kind)
    }

    /// The stem of the file that a reference names in the place of an id, as `clients/billing-api` does.
    pub fn stem_in<'a>(&self, text: &'a str) -> Option<&'a str> {
        let stem = text.strip_prefix(self.kind)?.strip_prefix('/')?;
        (self.by.is_none() && !stem.is_empty()).then_some(stem)
    }

    /// The references in a value that are files, and so stand for resources that have no id yet.
    pub fn files_in<'a>(&self, value: &'a Value) -> Vec<&'a str> {
        let texts = self.in_value(value).into_iter().map(|(_, text)| text);
        texts.filter(|text| self.stem_in(text).is_some()).collect()
    }

    /// What stands beside each reference of this field of a resource and names parts of what it refers to: the reference, the way to
    /// the name, and the name.
    pub fn parts_in<'a>(
        &self,
        fields: &'a Map<String, Value>,
        field: &str,
    ) -> Vec<(&'a str, Vec<Step<'a>>, &'a str)> {
        let (Some(part), Some((field, value))) = (self.part, fields.get_key_value(field)) else {
            return Vec::new();
        };
        let mut parts = Vec::new();
        for (mut path, text) in self.in_value(value) {
            let in_fields = path.is_empty();
            path.pop();
            let object = path.iter().try_fold(value, |value, step| match step {
                Step::Key(key) => value.get(*key),
                Step::Index(index) => value.get(*index),
            });
            // What refers by itself has the other fields beside it.
            let (object, mut path) = match in_fields {
                true => (Some(fields), Vec::new()),
                false => {
                    let way = std::iter::once(Step::Key(field)).chain(path).collect();
                    (object.and_then(Value::as_object), way)
                }
            };
            let Some((key, names)) = object.and_then(|object| object.get_key_value(part.key))
            else {
                continue;
            };
            path.push(Step::Key(key));
            let mut found = Vec::new();
            find(names, &[], &mut path, &mut found);
            parts.extend(found.into_iter().map(|(path, name)| (text, path, name)));
        }
        parts
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
