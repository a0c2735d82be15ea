//! Changes a list entry by entry, so that the comments between and beside the others stay where they are.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Value;
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::flow::Changes;
use super::rewriter::Rewriter;
use super::tree::{Item, Kind, List, Node, Style};
use super::writer;

/// Whether an entry of a block list can be changed from within, at the same index.
pub(super) fn has_changed_entry(list: &List, new: &[Value]) -> bool {
    let mut pairs = list.items.iter().zip(new);
    pairs.any(|(item, new)| is_version_of(item, new))
}

/// Whether a value is taken for the new version of an entry, and not for another entry in its place: both are maps or both are
/// lists, and the first entry stays, which may stand on the line of the `-` and can't be removed from there.
fn is_version_of(item: &Item, new: &Value) -> bool {
    match (&item.node.kind, new) {
        (Kind::Map(old), Value::Object(new)) => {
            old.style != Style::Pair
                && old
                    .entries
                    .first()
                    .is_some_and(|entry| new.contains_key(&entry.key))
        }
        (Kind::List(old), Value::Array(new)) => match (old.items.first(), new.first()) {
            (Some(old), Some(new)) => old.node.value() == *new || is_version_of(old, new),
            _ => false,
        },
        _ => false,
    }
}

/// What becomes of a list's entries.
struct Comparison<'a> {
    /// Which of the old ones go.
    removed: Vec<bool>,
    /// Old ones that become another version of themselves.
    changed: Vec<(&'a Item, &'a Value)>,
    /// New ones: the index of the old one that each goes before, and its value.
    inserted: Vec<(usize, &'a Value)>,
}

/// A value as text. Equal values have the same text, whatever the order of their keys.
fn canonical(value: &Value) -> String {
    writer::flow(value, true)
}

fn compare<'a>(list: &'a List, new: &'a [Value]) -> Comparison<'a> {
    let was = list.items.iter().map(|item| canonical(&item.node.value()));
    let was: Vec<String> = was.collect();
    let is: Vec<String> = new.iter().map(canonical).collect();
    let mut comparison = Comparison {
        removed: vec![false; was.len()],
        changed: Vec::new(),
        inserted: Vec::new(),
    };
    for op in capture_diff_slices(Algorithm::Myers, &was, &is) {
        if matches!(op, DiffOp::Equal { .. }) {
            continue;
        }
        let (old_run, new_run) = (op.old_range(), op.new_range());
        for step in 0..old_run.len().max(new_run.len()) {
            let at = old_run.start + step;
            let item = list.items.get(at).filter(|_| at < old_run.end);
            let value = new.get(new_run.clone()).and_then(|run| run.get(step));
            if let (Some(item), Some(value)) = (item, value)
                && is_version_of(item, value)
            {
                comparison.changed.push((item, value));
                continue;
            }
            if item.is_some()
                && let Some(removed) = comparison.removed.get_mut(at)
            {
                *removed = true;
            }
            if let Some(value) = value {
                let before = (at + 1).min(old_run.end);
                comparison.inserted.push((before, value));
            }
        }
    }
    comparison
}

impl Rewriter<'_> {
    /// Gives a list these entries. A list without brackets has to keep at least one of its own, beside which the new ones go.
    pub(super) fn list(&mut self, node: &Node, list: &List, new: &[Value]) {
        let comparison = compare(list, new);
        if list.style == Style::Block {
            self.block_list(list, comparison);
        } else {
            self.flow_list(node, list, comparison);
        }
    }

    fn flow_list(&mut self, node: &Node, list: &List, comparison: Comparison<'_>) {
        let quoted = self.slice(node.start..node.end).contains('"');
        for (item, value) in comparison.changed {
            self.flow_value(&item.node, item.start, value, quoted);
        }
        let inserted = comparison.inserted.into_iter();
        let changes = Changes {
            removed: comparison.removed,
            inserted: inserted
                .map(|(before, value)| (before, writer::flow(value, quoted)))
                .collect(),
        };
        let extents = list.items.iter().map(|item| item.node.start..item.node.end);
        let extents: Vec<Range<usize>> = extents.collect();
        self.change_flow(node, &extents, &changes);
    }

    fn block_list(&mut self, list: &List, comparison: Comparison<'_>) {
        for (item, value) in comparison.changed {
            self.within(&item.node, value, self.column(item.start));
        }
        let mut gone: BTreeMap<String, &Item> = BTreeMap::new();
        for (item, removed) in list.items.iter().zip(&comparison.removed) {
            if *removed {
                self.remove(item.start, &item.node);
                gone.insert(canonical(&item.node.value()), item);
            }
        }
        let Some(first) = list.items.first().map(|item| item.start) else {
            return;
        };
        let column = self.column(first);
        for (before, value) in comparison.inserted {
            // An entry that only moved keeps its line, with the comment beside it.
            let moved = gone.remove(&canonical(value));
            let lines = match moved.and_then(|item| self.own_line(item)) {
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

    /// The line of an entry of a block list, if it has just one and to itself.
    fn own_line(&self, item: &Item) -> Option<&str> {
        let start = self.line_start(item.start);
        let end = self.line_end(item.node.end);
        let own = end == self.line_end(start) && self.slice(start..item.start).trim().is_empty();
        own.then(|| self.slice(start..end))
    }
}
