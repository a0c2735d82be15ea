//! Changes the outermost map of an existing text: new entries go where a person would look for them.

use std::collections::HashSet;
use std::ops::Range;

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
        if let Some(divider) = &parts.divider {
            self.renew(divider, layout);
        }
        let present: HashSet<&str> = root.entries.iter().map(|entry| &*entry.key).collect();
        let is_new = |key: &str| !present.contains(key);
        for (key, value) in order.leading.iter().filter(|(key, _)| is_new(key)) {
            let lines = self.lines(writer::entry(key, value, 0, self.literal));
            self.edits
                .insert(parts.place_of_leading(layout, key), lines);
        }
        let mut needs_comment = parts.rest.is_empty() && parts.divider.is_none();
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

    /// The parts of the outermost map. Where the comment stands, it divides them. None where the map is empty.
    pub(super) fn parts<'e>(&self, entries: &'e [Entry], layout: Layout<'_>) -> Option<Parts<'e>> {
        let divider = self.divider(entries, layout);
        let extents = self.extents(entries, divider.as_ref());
        let leads = |entry: &Entry| layout.rank(&entry.key).is_some();
        // An entry on the wrong side of the comment is no place to put another next to.
        let is_placed = |entry: &Entry| match &divider {
            Some(divider) => leads(entry) == (entry.start < divider.start),
            None => true,
        };
        let first = entries.first()?;
        let start = match &divider {
            Some(divider) if divider.start < first.start => divider.start,
            // The comments at the start of a text stay there, unless the first entry goes away with them.
            _ if is_placed(first) => self.line_start(first.start),
            _ => extents.first()?.start,
        };
        let mut parts = Parts {
            start,
            end: extents.last()?.end,
            leading: Vec::new(),
            rest: Vec::new(),
            above_rest: None,
            divider: divider.clone(),
        };
        let mut above = None;
        for (entry, extent) in entries.iter().zip(extents) {
            let placed = Placed {
                key: &entry.key,
                start: entry.start,
                end: extent.end,
            };
            match leads(entry) {
                _ if !is_placed(entry) => {}
                true => parts.leading.push(placed),
                false => {
                    if parts.rest.is_empty() {
                        parts.above_rest = above;
                    }
                    parts.rest.push(placed);
                }
            }
            above = Some(extent.end);
        }
        Some(parts)
    }
}

/// An entry of the outermost map, where it begins, and where its last line ends.
struct Placed<'a> {
    key: &'a str,
    start: usize,
    end: usize,
}

/// The outermost map, as far as it matters to where an entry goes.
pub(super) struct Parts<'a> {
    /// Where the first entry begins.
    start: usize,
    /// Where the lines of the last one end.
    end: usize,
    leading: Vec<Placed<'a>>,
    rest: Vec<Placed<'a>>,
    /// Where the lines of the entry above `rest` end.
    above_rest: Option<usize>,
    /// The line of the comment that divides the text.
    pub(super) divider: Option<Range<usize>>,
}

impl Parts<'_> {
    /// Where a new entry goes that leads: below the nearest of those that stand before it in a new text.
    pub(super) fn place_of_leading(&self, layout: Layout<'_>, key: &str) -> usize {
        let rank = layout.rank(key);
        let before = self.leading.iter().filter_map(|entry| {
            let before = layout.rank(entry.key)?;
            (Some(before) < rank).then_some((before, entry.end))
        });
        before.max().map_or(self.start, |(_, end)| end)
    }

    /// Where any other new entry goes: where its name belongs, or to the end where the others are in no order.
    pub(super) fn place_of_other(&self, key: &str) -> usize {
        let Some(first) = self.rest.first() else {
            return self.below_divider().unwrap_or(self.end);
        };
        if !self.rest.is_sorted_by_key(|entry| entry.key) {
            return self.end;
        }
        let before = self.rest.iter().rev().find(|entry| entry.key < key);
        match before {
            Some(before) => before.end,
            None => self
                .below_divider()
                .or(self.above_rest)
                .unwrap_or(first.start),
        }
    }

    fn below_divider(&self) -> Option<usize> {
        self.divider.as_ref().map(|divider| divider.end)
    }
}
