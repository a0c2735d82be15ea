//! Changes the root of an existing text: new fields go where a person would look for them.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::rewriter::Rewriter;
use super::tree::{self, Entry, Kind, Node, Style};
use super::{READ_ONLY, extent, writer};
use crate::files::document::{in_order, rank};

impl Rewriter<'_> {
    /// Gives the file's root these fields. None where it can't be done in place.
    pub(super) fn root(&mut self, root: tree::Map, fields: &Map<String, Value>) -> Option<()> {
        let (leading, read_only) = in_order(fields);
        let order: Vec<_> = leading.into_iter().chain(read_only).collect();
        if root.style == Style::Flow {
            let start = root.entries.first().map(|entry| entry.start)?;
            let open = self.slice(0..start).rfind('{')?;
            let last = root.entries.last()?;
            let mut close = extent::skip_blank(self.text, last.node.end);
            if self.text.as_bytes().get(close) == Some(&b',') {
                close = extent::skip_blank(self.text, close + 1);
            }
            let node = Node {
                start: open,
                end: close + 1,
                kind: Kind::Map(root),
            };
            if let Kind::Map(map) = &node.kind {
                self.map(&node, map, fields, &order, 0);
            }
            return Some(());
        }
        for entry in &root.entries {
            match fields.get(&entry.key) {
                Some(value) => self.value(entry, value),
                None => self.remove(entry.start, &entry.node),
            }
        }
        let present: HashSet<&String> = root.entries.iter().map(|entry| &entry.key).collect();
        let added = order.iter().filter(|(key, _)| !present.contains(key));
        let mut headed = self.text.contains(READ_ONLY);
        for (key, value) in added {
            let mut text = writer::entry(key, value, 0, self.literal);
            let at = self.place(&root.entries, key)?;
            let some_read_only = root.entries.iter().any(|entry| rank(&entry.key).is_none());
            if rank(key).is_none() && !headed && !some_read_only {
                text = format!("{READ_ONLY}\n{text}");
                headed = true;
            }
            let text = self.lines(text);
            self.edits.insert(at, text);
        }
        Some(())
    }

    /// Where a new top-level field goes: an updatable one after the nearest before it in the order of a new file, a
    /// read-only one where its name belongs among the read-only ones, or at the end where those are in no order.
    fn place(&self, entries: &[Entry], key: &str) -> Option<usize> {
        let behind = |entry: &Entry| self.line_end(entry.node.end.max(entry.after));
        let last = behind(entries.last()?);
        if let Some(new) = rank(key) {
            let before = entries
                .iter()
                .filter(|entry| rank(&entry.key).is_some_and(|rank| rank < new))
                .max_by_key(|entry| rank(&entry.key));
            return Some(match before {
                Some(before) => behind(before),
                None => entries.first()?.start,
            });
        }
        let read_only: Vec<(usize, &Entry)> = entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| rank(&entry.key).is_none())
            .collect();
        let header_after = |at: usize, until: usize| {
            let found = self.slice(at..until).find(READ_ONLY)?;
            Some(self.line_end(at + found))
        };
        let Some((first_at, first)) = read_only.first() else {
            return Some(header_after(last, self.text.len()).unwrap_or(last));
        };
        if !read_only.is_sorted_by_key(|(_, entry)| &entry.key) {
            return Some(last);
        }
        let before = read_only.iter().rev().find(|(_, entry)| *entry.key < *key);
        Some(match (before, first_at.checked_sub(1)) {
            (Some((_, before)), _) => behind(before),
            (None, Some(previous)) => {
                let previous = behind(entries.get(previous)?);
                header_after(previous, first.start).unwrap_or(previous)
            }
            (None, None) => header_after(0, first.start).unwrap_or(first.start),
        })
    }
}
