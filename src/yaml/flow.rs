//! Changes inside brackets: entries of `[a, b]` and `{a: b}` are replaced, removed and inserted one by one, so that line
//! breaks and comments between the others stay.

use std::ops::Range;

use super::extent::skip_blank;
use super::rewriter::Rewriter;
use super::tree::Node;

/// What becomes of the entries in brackets.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Which of the entries go.
    pub(super) removed: Vec<bool>,
    /// New entries: the index of the one that each goes before, and its text.
    pub(super) inserted: Vec<(usize, String)>,
}

impl Rewriter<'_> {
    /// Makes the changes to the entries, given by extent, of a node in brackets.
    pub(super) fn change_flow(&mut self, node: &Node, entries: &[Range<usize>], changes: &Changes) {
        let stays = |at: &usize| !changes.removed.get(*at).copied().unwrap_or_default();
        let staying: Vec<usize> = (0..entries.len()).filter(stays).collect();
        let (Some(first), Some(last)) = (staying.first(), staying.last()) else {
            return self.refill_flow(node, &changes.inserted);
        };
        for (before, text) in &changes.inserted {
            // A new entry goes next to one that stays, since the text between two others may be removed.
            let anchor = staying.iter().rev().find(|at| *at < before);
            match (anchor.and_then(|at| entries.get(*at)), entries.get(*first)) {
                (Some(anchor), _) => self.edits.insert(anchor.end, format!(", {text}")),
                (None, Some(first)) => self.edits.insert(first.start, format!("{text}, ")),
                (None, None) => {}
            }
        }
        for (at, entry) in entries.iter().enumerate() {
            if stays(&at) {
                continue;
            }
            let gap = entries
                .get(*last)
                .map(|last| last.end..entry.end)
                .filter(|_| at > *last)
                .filter(|gap| !self.slice(gap.clone()).contains(['\n', '\r', '#']));
            match (gap, at == last + 1) {
                // Entries at the end of a line are removed together with the commas before them.
                (Some(gap), first) => {
                    let start = if first {
                        gap.start
                    } else {
                        entries.get(at - 1).map_or(gap.start, |before| before.end)
                    };
                    self.edits.replace(start..gap.end, "");
                }
                (None, _) => self.remove_flow(entry),
            }
        }
    }

    /// Removes an entry with its comma, and with its line where it has one of its own.
    fn remove_flow(&mut self, entry: &Range<usize>) {
        let comma = skip_blank(self.text, entry.end);
        let end = if self.text.as_bytes().get(comma) == Some(&b',') {
            comma + 1
        } else {
            entry.end
        };
        let line = self.line_start(entry.start);
        let rest = self.slice(end..self.line_end(end));
        let rest = rest.trim();
        let alone = self.slice(line..entry.start).trim().is_empty();
        if alone && (rest.is_empty() || rest.starts_with('#')) {
            self.edits.replace(line..self.line_end(end), "");
        } else {
            let blanks = self.slice(end..self.text.len());
            let blanks = blanks.len() - blanks.trim_start_matches([' ', '\t']).len();
            self.edits.replace(entry.start..end + blanks, "");
        }
    }

    /// Replaces everything in the brackets but the comment lines.
    fn refill_flow(&mut self, node: &Node, inserted: &[(usize, String)]) {
        let inner = node.start + 1..node.end.saturating_sub(1);
        let texts: Vec<&str> = inserted.iter().map(|(_, text)| text.as_str()).collect();
        let texts = texts.join(", ");
        let kept = self.comment_lines(node.start, node, None);
        if kept.is_empty() {
            self.edits.replace(inner, texts);
            return;
        }
        let line = self.slice(self.line_start(inner.end)..inner.end);
        let indent = line.get(..line.len() - line.trim_start().len());
        let indent = indent.unwrap_or_default();
        let eol = self.eol;
        let text = format!("{eol}{kept}{indent}  {texts}{eol}{indent}");
        self.edits.replace(inner, text);
    }
}
