//! Changes a value from within where some of it stays: a map key by key, a list as `lists` does, and what is in brackets as `flow`
//! does.

use std::collections::HashSet;
use std::ops::Range;

use serde_json::{Map, Value};

use super::flow::Changes;
use super::layout::{Entry as Ordered, by_name};
use super::lists::has_changed_entry;
use super::rewriter::Rewriter;
use super::tree::{self, Entry, Kind, Node, Style};
use super::writer;

impl Rewriter<'_> {
    /// Gives an entry of a block map a value.
    pub(super) fn value(&mut self, entry: &Entry, new: &Value) {
        let column = self.column(entry.start);
        if !self.within(&entry.node, new, column) {
            self.replace(entry, new, column);
        }
    }

    /// Changes a node from within, if it can be: it has the value already, it is in brackets, or some of its entries
    /// stay.
    pub(super) fn within(&mut self, node: &Node, new: &Value, column: usize) -> bool {
        match (&node.kind, new) {
            _ if node.value() == *new => true,
            (Kind::Map(map), Value::Object(new)) if map.style != Style::Pair => {
                let some_stay = map.entries.iter().any(|entry| new.contains_key(&entry.key));
                let order = by_name(new);
                let possible = some_stay || (map.style == Style::Flow && !map.entries.is_empty());
                if possible {
                    self.map(node, map, new, &order, column);
                }
                possible
            }
            (Kind::List(list), Value::Array(new)) => {
                let possible = list.style == Style::Flow && !list.items.is_empty()
                    || list.items.iter().any(|item| {
                        let old = item.node.value();
                        new.contains(&old)
                    })
                    || has_changed_entry(list, new);
                if possible {
                    self.list(node, list, new);
                }
                possible
            }
            _ => false,
        }
    }

    /// Changes a map key by key. `order` has all entries of `new` in the order in which those are inserted that are new.
    pub(super) fn map(
        &mut self,
        node: &Node,
        map: &tree::Map,
        new: &Map<String, Value>,
        order: &[Ordered<'_>],
        column: usize,
    ) {
        let flow = map.style != Style::Block;
        let quoted = flow && self.slice(node.start..node.end).contains('"');
        let mut changes = Changes::default();
        for entry in &map.entries {
            changes.removed.push(!new.contains_key(&entry.key));
            match new.get(&entry.key) {
                Some(value) if flow => self.flow_value(&entry.node, entry.after, value, quoted),
                Some(value) => self.value(entry, value),
                None if flow => {}
                None => self.remove(entry.start, &entry.node),
            }
        }
        let present: HashSet<&str> = map.entries.iter().map(|entry| &*entry.key).collect();
        let sorted = map.entries.is_sorted_by_key(|entry| &entry.key);
        for (key, value) in order {
            if present.contains(key) {
                continue;
            }
            let before = if sorted {
                map.entries.partition_point(|entry| *entry.key < **key)
            } else {
                map.entries.len()
            };
            if flow {
                let text = writer::flow_entry(key, value, quoted);
                changes.inserted.push((before, text));
                continue;
            }
            let first = map.entries.first().map(|entry| entry.start);
            let column = first.map_or(column, |first| self.column(first));
            let text = self.lines(writer::entry(key, value, column, self.literal));
            match before.checked_sub(1).and_then(|at| map.entries.get(at)) {
                Some(entry) => {
                    let at = self.line_end(entry.node.end.max(entry.after));
                    self.edits.insert(at, text);
                }
                None => self.insert_first(first.unwrap_or(node.start), &text, column),
            }
        }
        if flow {
            let entries: Vec<Range<usize>> = map
                .entries
                .iter()
                .map(|entry| entry.start..entry.node.end.max(entry.after))
                .collect();
            self.change_flow(node, &entries, &changes);
        }
    }

    /// Gives an entry in brackets, which stands after the offset `after`, a value.
    pub(super) fn flow_value(&mut self, node: &Node, after: usize, new: &Value, quoted: bool) {
        if self.within(node, new, 0) {
            return;
        }
        let text = match &node.kind {
            Kind::Scalar(_) => self.scalar_like(node, new),
            _ => None,
        };
        let text = text.unwrap_or_else(|| writer::flow(new, quoted));
        let bare = node.start == node.end && node.start == after;
        let text = if bare { format!(" {text}") } else { text };
        self.edits.replace(node.start..node.end, text);
    }
}
