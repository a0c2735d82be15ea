//! YAML client files: a strict reader that knows where everything stands, a conservative writer, and a rewriter that
//! changes an existing text only where a value changed, so that its comments, order and quoting stay.

mod edits;
mod extent;
mod flow;
mod lists;
mod quoting;
mod reader;
mod replacing;
mod rewriter;
mod root;
mod scalar;
mod tree;
mod writer;

#[cfg(test)]
pub(super) mod tests;

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::document::{Fault, Parsed, in_order};
use tree::Kind;

/// The comment above the read-only fields.
const READ_ONLY: &str = "# Read-only: push does not send what follows.";

/// Reads a client's file.
///
/// # Errors
/// It is not one strict YAML mapping, as [`super::Document::parse`] lists.
pub(super) fn parse(text: &str) -> Result<Parsed, Fault> {
    let mut parsed = Parsed {
        fields: Map::new(),
        offsets: Vec::new(),
    };
    for entry in reader::read(text)?.entries {
        let entries = match &entry.node.kind {
            Kind::List(list) => list.items.iter().map(|item| item.node.start).collect(),
            _ => Vec::new(),
        };
        parsed
            .offsets
            .push((entry.key.clone(), entry.key_start, entries));
        parsed.fields.insert(entry.key, entry.node.into_value());
    }
    Ok(parsed)
}

/// Where the keys stand that are found by going down these paths from the root, each with the index of its path, in the order of
/// the text. The way may lead through the entries of lists, which have no keys of their own.
pub(super) fn locate(text: &str, paths: &[Vec<&str>]) -> Vec<(usize, usize)> {
    let Ok(root) = reader::read(text) else {
        return Vec::new();
    };
    let paths = paths.iter().map(Vec::as_slice).zip(0..);
    let mut found = Vec::new();
    locate_in_map(&root, &paths.collect(), &mut Vec::new(), &mut found);
    found
}

fn locate_in_map<'a>(
    map: &'a tree::Map,
    paths: &HashMap<&[&'a str], usize>,
    here: &mut Vec<&'a str>,
    found: &mut Vec<(usize, usize)>,
) {
    for entry in &map.entries {
        here.push(&entry.key);
        if let Some(index) = paths.get(here.as_slice()) {
            found.push((*index, entry.key_start));
        }
        locate_in_node(&entry.node, paths, here, found);
        here.pop();
    }
}

fn locate_in_node<'a>(
    node: &'a tree::Node,
    paths: &HashMap<&[&'a str], usize>,
    here: &mut Vec<&'a str>,
    found: &mut Vec<(usize, usize)>,
) {
    match &node.kind {
        Kind::Map(map) => locate_in_map(map, paths, here, found),
        Kind::List(list) => {
            for item in &list.items {
                locate_in_node(&item.node, paths, here, found);
            }
        }
        Kind::Scalar(_) => {}
    }
}

/// The text of a new file with these fields.
pub(super) fn write(fields: &Map<String, Value>) -> String {
    let (leading, read_only) = in_order(fields);
    let entries = |entries: Vec<(&String, &Value)>| {
        let texts = entries
            .into_iter()
            .map(|(key, value)| writer::entry(key, value, 0, true));
        texts.collect::<String>()
    };
    let mut text = entries(leading);
    if !read_only.is_empty() {
        text.push_str(READ_ONLY);
        text.push('\n');
        text.push_str(&entries(read_only));
    }
    if text.is_empty() {
        text.push_str("{}\n");
    }
    text
}

/// `old` with these fields in it; None where `old` can't be read, or the result would not say exactly these fields.
pub(super) fn rewrite(old: &str, fields: &Map<String, Value>) -> Option<String> {
    let was = parse(old).ok()?.fields;
    if was == *fields {
        return Some(old.to_owned());
    }
    // A reader that reads the old text as we do must read the new one as we do; one that doesn't can't tell.
    let agreed = read_by_another(old, &was);
    // Text as a literal block is easier to read, but what follows it in the file may not allow it.
    [true, false].into_iter().find_map(|literal| {
        let text = rewriter::rewrite(old, fields, literal)?;
        let exact = parse(&text).is_ok_and(|parsed| parsed.fields == *fields);
        (exact && (!agreed || read_by_another(&text, fields))).then_some(text)
    })
}

/// Whether libyaml, by way of serde_yaml, reads the text as these fields, as far as it can.
fn read_by_another(text: &str, fields: &Map<String, Value>) -> bool {
    match serde_yaml::from_str(text) {
        Ok(serde_yaml::Value::Mapping(mapping)) => same_object(fields, &mapping),
        Ok(_) => false,
        Err(_) => fields.values().any(is_beyond_64_bits),
    }
}

/// Whether there is an integer in it that serde_yaml has no value for, and fails.
fn is_beyond_64_bits(value: &Value) -> bool {
    match value {
        Value::Number(number) => {
            let small = number.is_i64() || number.is_u64();
            !small && !number.to_string().contains(['.', 'e', 'E'])
        }
        Value::Array(entries) => entries.iter().any(is_beyond_64_bits),
        Value::Object(object) => object.values().any(is_beyond_64_bits),
        _ => false,
    }
}

fn same_object(ours: &Map<String, Value>, theirs: &serde_yaml::Mapping) -> bool {
    ours.len() == theirs.len()
        && ours.iter().all(|(key, value)| {
            theirs
                .get(key.as_str())
                .is_some_and(|theirs| same(value, theirs))
        })
}

fn same(ours: &Value, theirs: &serde_yaml::Value) -> bool {
    use serde_yaml::Value as Theirs;
    match (ours, theirs) {
        (Value::Null, Theirs::Null) => true,
        (Value::Bool(ours), Theirs::Bool(theirs)) => ours == theirs,
        (Value::String(ours), Theirs::String(theirs)) => ours == theirs,
        (Value::Number(ours), Theirs::Number(theirs)) => {
            // It has no more than 64 bits to hold a number in.
            let (ours, theirs) = (ours.to_string(), theirs.to_string());
            ours == theirs || ours.parse::<f64>().ok() == theirs.parse::<f64>().ok()
        }
        // One that does not fit is text to it.
        (Value::Number(ours), Theirs::String(theirs)) => ours.to_string() == *theirs,
        (Value::Array(ours), Theirs::Sequence(theirs)) => {
            ours.len() == theirs.len()
                && ours
                    .iter()
                    .zip(theirs)
                    .all(|(ours, theirs)| same(ours, theirs))
        }
        (Value::Object(ours), Theirs::Mapping(theirs)) => same_object(ours, theirs),
        _ => false,
    }
}
