//! Moves entries of the outermost map across the comment that divides it, with the comments that belong to them. Whole lines move
//! and none of them changes.

use std::ops::Range;

use super::layout::Layout;
use super::rewriter::Rewriter;
use super::tree::{self, Entry, Kind, Node, Scalar, Style};

impl Rewriter<'_> {
    /// Moves each entry to its side of the comment. None where nothing moves, or where no comment divides the map.
    pub(super) fn arrange(&mut self, root: &tree::Map, layout: Layout<'_>) -> Option<()> {
        if root.style == Style::Flow {
            return None;
        }
        let entries = &root.entries;
        let divider = self.divider(entries, layout)?;
        let extents = self.extents(entries, Some(&divider));
        let is_above = |entry: &Entry| entry.start < divider.start;
        let misplaced = |(entry, _): &(&Entry, &Range<usize>)| {
            is_above(entry) != layout.rank(&entry.key).is_some()
        };
        let moving = entries.iter().zip(&extents).filter(misplaced);
        let mut moving: Vec<(&Entry, &Range<usize>)> = moving.collect();
        // Those that go to the same place are in order there.
        moving.sort_by_key(|(entry, _)| (layout.rank(&entry.key), &entry.key));
        let parts = self.parts(entries, layout)?;
        for (entry, extent) in &moving {
            let place = match layout.rank(&entry.key) {
                Some(_) => parts.place_of_leading(layout, &entry.key),
                None => parts.place_of_other(&entry.key),
            };
            let lines = self.slice((*extent).clone()).to_owned();
            self.edits.insert(place, lines);
            self.edits.replace((*extent).clone(), "");
        }
        if moving.is_empty() {
            return None;
        }
        self.renew(&divider, layout);
        Some(())
    }

    /// The line of the comment that divides the map, between entries or after the last of them.
    pub(super) fn divider(&self, entries: &[Entry], layout: Layout<'_>) -> Option<Range<usize>> {
        let ends = entries.iter().map(|entry| self.last_line_end(entry));
        let starts = entries.iter().map(|entry| self.line_start(entry.start));
        let gaps = std::iter::once(0).chain(ends);
        let gaps = gaps.zip(starts.chain([self.text.len()]));
        let mut lines = gaps.flat_map(|(from, to)| self.lines_between(from, to));
        lines.find(|line| layout.divides(self.slice(line.clone())))
    }

    /// Gives the comment that divides the map the words that it has by now.
    pub(super) fn renew(&mut self, divider: &Range<usize>, layout: Layout<'_>) {
        let line = self.slice(divider.clone());
        let start = divider.start + (line.len() - line.trim_start().len());
        let comment = start..start + line.trim().len();
        if self.slice(comment.clone()) != layout.comment {
            self.edits.replace(comment, layout.comment);
        }
    }

    /// The lines of each entry, with the comments that belong to it: those right above its key, and those below its value that are
    /// indented more than its key, as a list's last one is.
    pub(super) fn extents(
        &self,
        entries: &[Entry],
        divider: Option<&Range<usize>>,
    ) -> Vec<Range<usize>> {
        let mut end = 0;
        let mut extents = Vec::with_capacity(entries.len());
        for (at, entry) in entries.iter().enumerate() {
            let mut from = end;
            let mut to = match entries.get(at + 1) {
                Some(next) => self.line_start(next.start),
                None => self.text.len(),
            };
            if let Some(divider) = divider {
                match divider.start < entry.start {
                    true => from = from.max(divider.end),
                    false => to = to.min(divider.start),
                }
            }
            end = self.end_with_comments(entry, to);
            extents.push(self.start_with_comments(entry, from)..end);
        }
        extents
    }

    /// Where the comments right above an entry begin, as far as they stand below `from`.
    fn start_with_comments(&self, entry: &Entry, from: usize) -> usize {
        let mut start = self.line_start(entry.start);
        while start > from {
            let above = self.line_start(start - 1);
            if !self.slice(above..start).trim_start().starts_with('#') {
                break;
            }
            start = above;
        }
        start
    }

    /// Where the last comment ends that stands below an entry, is indented more than it, and stands above `to`.
    fn end_with_comments(&self, entry: &Entry, to: usize) -> usize {
        let column = self.column(entry.start);
        let mut end = self.last_line_end(entry);
        for line in self.lines_between(end, to) {
            let text = self.slice(line.clone());
            let comment = text.trim_start();
            if comment.is_empty() {
                continue;
            }
            if text.len() - comment.len() <= column {
                break;
            }
            end = line.end;
        }
        end
    }

    /// Where the last line of an entry ends. Blank lines are part of a block that keeps them (`|+`).
    fn last_line_end(&self, entry: &Entry) -> usize {
        let end = self.line_end(entry.node.end.max(entry.after));
        if !self.keeps_blank_lines(&entry.node) {
            return end;
        }
        let mut lines = self.lines_between(end, self.text.len());
        let next = lines.find(|line| !self.slice(line.clone()).trim().is_empty());
        next.map_or(self.text.len(), |line| line.start)
    }

    /// Whether what ends in this node is a block scalar that keeps the blank lines below it.
    fn keeps_blank_lines(&self, node: &Node) -> bool {
        match &node.kind {
            Kind::Scalar(Scalar {
                header_end: Some(end),
                ..
            }) => self.slice(node.start..*end).contains('+'),
            Kind::Scalar(_) => false,
            Kind::List(list) => {
                let last = list.items.last();
                last.is_some_and(|item| self.keeps_blank_lines(&item.node))
            }
            Kind::Map(map) => {
                let last = map.entries.last();
                last.is_some_and(|entry| self.keeps_blank_lines(&entry.node))
            }
        }
    }

    /// The lines from one line's start to another's.
    fn lines_between(&self, from: usize, to: usize) -> impl Iterator<Item = Range<usize>> + '_ {
        let mut at = from;
        std::iter::from_fn(move || {
            let start = at;
            at = self.line_end(start);
            (start < to).then_some(start..at)
        })
    }
}
