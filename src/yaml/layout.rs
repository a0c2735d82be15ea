//! In which order the entries of a text's outermost map stand.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A key and its value.
pub(super) type Entry<'a> = (&'a str, &'a Value);

/// Which entries of the outermost map lead the text. All others follow by name, below a comment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout<'a> {
    /// The keys of those that lead, in their order.
    pub(crate) leading: &'a [&'a str],
    /// The comment above the others, one line that begins with `#`.
    pub(crate) comment: &'a str,
    /// What that comment said formerly. Such a line divides a text, too.
    pub(crate) former: &'a [&'a str],
}

/// Entries in the order of a new text.
pub(super) struct Order<'a> {
    pub(super) leading: Vec<Entry<'a>>,
    pub(super) rest: Vec<Entry<'a>>,
}

impl Layout<'_> {
    /// These fields in the order of a new text.
    pub(super) fn order<'a>(&self, fields: &'a Map<String, Value>) -> Order<'a> {
        let entries = fields.iter();
        let mut rest: BTreeMap<&str, &Value> =
            entries.map(|(key, value)| (key.as_str(), value)).collect();
        let leading = self.leading.iter();
        Order {
            leading: leading.filter_map(|key| rest.remove_entry(*key)).collect(),
            rest: rest.into_iter().collect(),
        }
    }

    /// Whether a line is the comment that divides a text.
    pub(super) fn divides(&self, line: &str) -> bool {
        let line = line.trim();
        line == self.comment || self.former.contains(&line)
    }

    /// How many keys lead the text before this one, if it is one of them.
    pub(super) fn rank(&self, key: &str) -> Option<usize> {
        self.leading.iter().position(|leading| *leading == key)
    }
}

/// The entries of a nested map, which stand by name.
pub(super) fn by_name(object: &Map<String, Value>) -> Vec<Entry<'_>> {
    let entries = object.iter();
    let mut entries: Vec<Entry<'_>> = entries.map(|(key, value)| (key.as_str(), value)).collect();
    entries.sort_by_key(|(key, _)| *key);
    entries
}
