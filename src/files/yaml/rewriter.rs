//! Changes an existing text where values changed and nowhere else, by edits at the offsets that the reader tells. Lists
//! are compared entry by entry and maps key by key, so that comments between them stay; a removed entry takes only the
//! comment beside it along. Whoever calls this reads the result again: it is not trusted.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use serde_json::{Map, Value};
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::edits::Edits;
use super::flow::Changes;
use super::tree::{self, Entry, Item, Kind, List, Node, Style};
use super::{reader, writer};
use crate::files::document::by_name;

/// The text with these fields; None where it can't be changed in place. `literal`: whether text may become a literal
/// block.
pub(super) fn rewrite(old: &str, fields: &Map<String, Value>, literal: bool) -> Option<String> {
    let eol = if old.contains("\r\n") { "\r\n" } else { "\n" };
    // Every line has an end while we work.
    let unended = !old.ends_with('\n');
    let text = if unended {
        format!("{old}{eol}")
    } else {
        old.to_owned()
    };
    let root = reader::read(&text).ok()?;
    let mut rewriter = Rewriter {
        text: &text,
        eol,
        literal,
        edits: Edits::default(),
    };
    rewriter.root(root, fields)?;
    let mut changed = rewriter.edits.apply(&text)?;
    if unended && changed.ends_with(eol) {
        changed.truncate(changed.len() - eol.len());
    }
    Some(changed)
}

/// A text that is being changed.
pub(super) struct Rewriter<'a> {
    pub(super) text: &'a str,
    pub(super) eol: &'static str,
    pub(super) literal: bool,
    pub(super) edits: Edits,
}

impl Rewriter<'_> {
    pub(super) fn slice(&self, range: Range<usize>) -> &str {
        self.text.get(range).unwrap_or_default()
    }

    pub(super) fn line_start(&self, at: usize) -> usize {
        self.slice(0..at).rfind('\n').map_or(0, |end| end + 1)
    }

    /// Where the line ends, its line break included.
    pub(super) fn line_end(&self, at: usize) -> usize {
        let rest = self.slice(at..self.text.len());
        rest.find('\n').map_or(self.text.len(), |end| at + end + 1)
    }

    pub(super) fn column(&self, at: usize) -> usize {
        self.slice(self.line_start(at)..at).chars().count()
    }

    /// Lines of ours, with the line breaks of the file.
    pub(super) fn lines(&self, text: String) -> String {
        if self.eol == "\n" {
            text
        } else {
            text.replace('\n', self.eol)
        }
    }

    /// Gives an entry of a block map a value.
    pub(super) fn value(&mut self, entry: &Entry, new: &Value) {
        let column = self.column(entry.start);
        if !self.within(&entry.node, new, column) {
            self.replace(entry, new, column);
        }
    }

    /// Changes a node from within, if it can be: it has the value already, it is in brackets, or some of its entries
    /// stay.
    fn within(&mut self, node: &Node, new: &Value, column: usize) -> bool {
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
                    || self.has_changed_entry(list, new);
                if possible {
                    self.list(node, list, new);
                }
                possible
            }
            _ => false,
        }
    }

    /// Whether an entry of a block list can be changed from within, at the same index.
    fn has_changed_entry(&self, list: &List, new: &[Value]) -> bool {
        let mut pairs = list.items.iter().zip(new);
        pairs.any(|(item, new)| self.is_version_of(item, new))
    }

    /// Whether an entry of a list is rather changed than removed: a map or list of which the first entry stays, since
    /// that one may stand on the line of the `-`.
    fn is_version_of(&self, item: &Item, new: &Value) -> bool {
        match (&item.node.kind, new) {
            (Kind::Map(old), Value::Object(new)) => {
                old.style != Style::Pair
                    && old
                        .entries
                        .first()
                        .is_some_and(|entry| new.contains_key(&entry.key))
            }
            (Kind::List(old), Value::Array(new)) => match (old.items.first(), new.first()) {
                (Some(old), Some(new)) => old.node.value() == *new || self.is_version_of(old, new),
                _ => false,
            },
            _ => false,
        }
    }

    pub(super) fn map(
        &mut self,
        node: &Node,
        map: &tree::Map,
        new: &Map<String, Value>,
        order: &[(&String, &Value)],
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
        let present: HashSet<&String> = map.entries.iter().map(|entry| &entry.key).collect();
        let sorted = map.entries.is_sorted_by_key(|entry| &entry.key);
        for (key, value) in order {
            if present.contains(key) {
                continue;
            }
            let before = if sorted {
                map.entries.partition_point(|entry| entry.key < **key)
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

    /// The line of an entry of a block list, if it has just one and to itself.
    fn own_line(&self, item: &Item) -> Option<&str> {
        let start = self.line_start(item.start);
        let end = self.line_end(item.node.end);
        let own = end == self.line_end(start) && self.slice(start..item.start).trim().is_empty();
        own.then(|| self.slice(start..end))
    }

    /// Inserts lines before the first entry of a block collection, which may stand behind a `-`.
    fn insert_first(&mut self, at: usize, lines: &str, column: usize) {
        let mut line = self.line_start(at);
        if self.slice(line..at).trim().is_empty() {
            // The comment right above is about the entry that was the first.
            while line > 0 {
                let above = self.line_start(line - 1);
                if !self.slice(above..line).trim_start().starts_with('#') {
                    break;
                }
                line = above;
            }
            self.edits.insert(line, lines);
            return;
        }
        let text = format!("{}{}", lines.trim_start_matches(' '), " ".repeat(column));
        self.edits.insert(at, text);
    }

    fn list(&mut self, node: &Node, list: &List, new: &[Value]) {
        let flow = list.style != Style::Block;
        let quoted = flow && self.slice(node.start..node.end).contains('"');
        // As text, in which equal values are equal.
        let was: Vec<String> = list
            .items
            .iter()
            .map(|item| writer::flow(&item.node.value(), true))
            .collect();
        let is: Vec<String> = new.iter().map(|value| writer::flow(value, true)).collect();
        let mut changes = Changes {
            removed: vec![false; was.len()],
            inserted: Vec::new(),
        };
        let mut inserted: Vec<(usize, &Value, &str)> = Vec::new();
        for op in capture_diff_slices(Algorithm::Myers, &was, &is) {
            if matches!(op, DiffOp::Equal { .. }) {
                continue;
            }
            let (old, new_at) = (op.old_range(), op.new_range());
            for step in 0..old.len().max(new_at.len()) {
                let item = list
                    .items
                    .get(old.clone())
                    .and_then(|items| items.get(step));
                let value = new.get(new_at.clone()).and_then(|values| values.get(step));
                match (item, value) {
                    (Some(item), Some(value)) if self.is_version_of(item, value) => {
                        if flow {
                            self.flow_value(&item.node, item.start, value, quoted);
                        } else {
                            self.within(&item.node, value, self.column(item.start));
                        }
                        continue;
                    }
                    _ => {}
                }
                if let Some(removed) = changes.removed.get_mut(old.start + step)
                    && item.is_some()
                {
                    *removed = true;
                }
                if let (Some(value), Some(text)) = (value, is.get(new_at.start + step)) {
                    let before = (old.start + step + 1).min(old.end);
                    inserted.push((before, value, text));
                }
            }
        }
        if flow {
            changes.inserted = inserted
                .into_iter()
                .map(|(before, value, _)| (before, writer::flow(value, quoted)))
                .collect();
            let entries: Vec<Range<usize>> = list
                .items
                .iter()
                .map(|item| item.node.start..item.node.end)
                .collect();
            self.change_flow(node, &entries, &changes);
            return;
        }
        for (item, removed) in list.items.iter().zip(&changes.removed) {
            if *removed {
                self.remove(item.start, &item.node);
            }
        }
        let Some(first) = list.items.first().map(|item| item.start) else {
            return;
        };
        let column = self.column(first);
        let mut moved: BTreeMap<&str, &Item> = was
            .iter()
            .zip(&list.items)
            .zip(&changes.removed)
            .filter(|(_, removed)| **removed)
            .map(|((text, item), _)| (text.as_str(), item))
            .collect();
        for (before, value, text) in inserted {
            // An entry that only moved keeps its line, with the comment beside it.
            let lines = match moved.remove(text).and_then(|item| self.own_line(item)) {
                Some(line) => line.to_owned(),
                None => self.lines(writer::item(value, column, self.literal)),
            };
            match before.checked_sub(1).and_then(|at| list.items.get(at)) {
                Some(item) => {
                    let at = self.line_end(item.node.end);
                    self.edits.insert(at, lines);
                }
                None => self.insert_first(first, &lines, column),
            }
        }
    }

    /// Gives an entry in brackets, which stands after the offset `after`, a value.
    fn flow_value(&mut self, node: &Node, after: usize, new: &Value, quoted: bool) {
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
