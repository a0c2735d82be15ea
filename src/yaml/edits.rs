//! Edits of a text, collected in any order and made at once.

use std::ops::Range;

/// Replacements of parts of one text.
#[derive(Debug, Default)]
pub(super) struct Edits(Vec<(Range<usize>, String)>);

impl Edits {
    /// Replaces a part.
    pub(super) fn replace(&mut self, range: Range<usize>, text: impl Into<String>) {
        self.0.push((range, text.into()));
    }

    /// Inserts at an offset, after what was inserted there before, and before what is replaced from there on.
    pub(super) fn insert(&mut self, at: usize, text: impl Into<String>) {
        self.replace(at..at, text);
    }

    /// The text with every edit made. None where two of them replace the same part.
    pub(super) fn apply(mut self, text: &str) -> Option<String> {
        self.0
            .sort_by_key(|(range, _)| (range.start, !range.is_empty()));
        let mut out = String::with_capacity(text.len());
        let mut done = 0;
        for (range, new) in &self.0 {
            out.push_str(text.get(done..range.start)?);
            out.push_str(new);
            done = range.end;
        }
        out.push_str(text.get(done..)?);
        Some(out)
    }
}
