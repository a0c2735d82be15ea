//! Changes the outermost map of an existing text: new entries go where a person would look for them.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::layout::{Layout, Order};
use super::rewriter::Rewriter;
use super::tree::{self, Entry, Kind, Node, Style};
use super::{extent, writer};

impl Rewriter<'_> {
    /// Gives the outermost map these fields. None where it can't be done in place.
    pub(super) fn root(
        &mut self,
        root: tree::Map,
        fields: &Map<String, Value>,
        layout: Layout<'_>,
    ) -> Option<()> {
        let order = layout.order(fields);
        if root.style == Style::Flow {
            return self.root_in_brackets(root, fields, &order);
        }
        for entry in &root.entries {
            match fields.get(&entry.key) {
                Some(value) => self.value(entry, value),
                None => self.remove(entry.start, &entry.node),
            }
        }
        let parts = self.parts(&root.entries, layout)?;
        let present: HashSet<&str> = root.entries.iter().map(|entry| &*entry.key).collect();
        let is_new = |key: &str| !present.contains(key);
        for (key, value) in order.leading.iter().filter(|(key, _)| is_new(key)) {
            let lines = self.lines(writer::entry(key, value, 0, self.literal));
            self.edits
                .insert(parts.place_of_leading(layout, key), lines);
        }
        let mut needs_comment = parts.rest.is_empty() && parts.below_comment.is_none();
        for (key, value) in order.rest.iter().filter(|(key, _)| is_new(key)) {
            let mut lines = writer::entry(key, value, 0, self.literal);
            if std::mem::take(&mut needs_comment) {
                lines = format!("{}\n{lines}", layout.comment);
            }
            let lines = self.lines(lines);
            self.edits.insert(parts.place_of_other(key), lines);
        }
        Some(())
    }

    /// As [`root`](Self::root), for `{a: b}`.
    fn root_in_brackets(
        &mut self,
        root: tree::Map,
        fields: &Map<String, Value>,
        order: &Order<'_>,
    ) -> Option<()> {
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
            let order = [order.leading.as_slice(), &order.rest].concat();
            self.map(&node, map, fields, &order, 0);
        }
        Some(())
    }

    /// The parts of the outermost map. Where the comment stands, it divides them, whatever stands above and below it: an entry
    /// that has come to lead, or no longer does, stays where it is. None where the map is empty.
    fn parts<'e>(&self, entries: &'e [Entry], layout: Layout<'_>) -> Option<Parts<'e>> {
        let below_comment = self.below_comment(entries, layout.comment);
        let leads = |entry: &Entry| match below_comment {
            Some(at) => entry.start < at,
            None => layout.rank(&entry.key).is_some(),
        };
        let place = |entry: &'e Entry| Placed {
            key: &entry.key,
            start: entry.start,
            end: self.line_end(entry.node.end.max(entry.after)),
        };
        let (leading, rest): (Vec<&Entry>, Vec<&Entry>) =
            entries.iter().partition(|entry| leads(entry));
        let above_rest = rest.first().and_then(|first| {
            let mut entries = entries.iter().rev();
            entries.find(|entry| entry.start < first.start)
        });
        Some(Parts {
            start: entries.first()?.start,
            end: place(entries.last()?).end,
            leading: leading.into_iter().map(place).collect(),
            above_rest: above_rest.map(|entry| place(entry).end),
            rest: rest.into_iter().map(place).collect(),
            below_comment,
        })
    }

    /// Where the line below the comment begins, if the comment stands between entries or after the last of them.
    fn below_comment(&self, entries: &[Entry], comment: &str) -> Option<usize> {
        let ends = entries.iter().map(|entry| entry.node.end.max(entry.after));
        let starts = entries.iter().map(|entry| entry.start);
        let mut gaps = std::iter::once(0)
            .chain(ends)
            .zip(starts.chain([self.text.len()]));
        gaps.find_map(|(from, to)| Some(from + self.slice(from..to).find(comment)?))
            .map(|at| self.line_end(at))
    }
}

/// An entry of the outermost map, and where its lines begin and end.
struct Placed<'a> {
    key: &'a str,
    start: usize,
    end: usize,
}

/// The outermost map, as far as it matters to where a new entry goes.
struct Parts<'a> {
    /// Where the first entry begins.
    start: usize,
    /// Where the lines of the last one end.
    end: usize,
    leading: Vec<Placed<'a>>,
    rest: Vec<Placed<'a>>,
    /// Where the lines of the entry above `rest` end.
    above_rest: Option<usize>,
    below_comment: Option<usize>,
}

impl Parts<'_> {
    /// Where a new entry goes that leads: below the nearest of those that stand before it in a new text.
    fn place_of_leading(&self, layout: Layout<'_>, key: &str) -> usize {
        let rank = layout.rank(key);
        let before = self.leading.iter().filter_map(|entry| {
            let before = layout.rank(entry.key)?;
            (Some(before) < rank).then_some((before, entry.end))
        });
        before.max().map_or(self.start, |(_, end)| end)
    }

    /// Where any other new entry goes: where its name belongs, or to the end where the others are in no order.
    fn place_of_other(&self, key: &str) -> usize {
        let Some(first) = self.rest.first() else {
            return self.below_comment.unwrap_or(self.end);
        };
        if !self.rest.is_sorted_by_key(|entry| entry.key) {
            return self.end;
        }
        let before = self.rest.iter().rev().find(|entry| entry.key < key);
        match before {
            Some(before) => before.end,
            None => self
                .below_comment
                .or(self.above_rest)
                .unwrap_or(first.start),
        }
    }
}
