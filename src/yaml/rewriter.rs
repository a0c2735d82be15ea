//! Changes an existing text where values changed and nowhere else, by edits at the offsets that the reader tells. Lists are
//! compared entry by entry and maps key by key, so that comments between them stay; a removed entry takes only the comment beside
//! it along. The caller has to read the result again and compare it, since no edit is certain to mean what it should.

use std::ops::Range;

use serde_json::{Map, Value};

use super::edits::Edits;
use super::layout::Layout;
use super::{reader, says, tree};

/// The text with these fields; None where it can't be changed in place. `literal`: whether text may become a literal
/// block.
pub(super) fn rewrite(
    old: &str,
    fields: &Map<String, Value>,
    layout: Layout<'_>,
    literal: bool,
) -> Option<String> {
    edited(old, fields, literal, |rewriter, root| {
        rewriter.root(root, fields, layout)
    })
}

/// The text with each entry of the outermost map on its side of the comment, where that divides the text; None where they are, or
/// can't be moved. The text has these fields, before and after.
pub(super) fn arrange(
    old: &str,
    fields: &Map<String, Value>,
    layout: Layout<'_>,
) -> Option<String> {
    edited(old, fields, true, |rewriter, root| {
        rewriter.arrange(&root, layout)
    })
}

/// The text after some edits, when it says these fields; None where they can't be made.
fn edited(
    old: &str,
    fields: &Map<String, Value>,
    literal: bool,
    edit: impl FnOnce(&mut Rewriter<'_>, tree::Map) -> Option<()>,
) -> Option<String> {
    let eol = if old.contains("\r\n") { "\r\n" } else { "\n" };
    // The edits rely on it that every line has a line break, the last one too.
    let unended = !old.ends_with('\n');
    let text = if unended {
        format!("{old}{eol}")
    } else {
        old.to_owned()
    };
    let root = reader::read(&text).ok()??;
    let mut rewriter = Rewriter {
        text: &text,
        eol,
        literal,
        edits: Edits::default(),
    };
    edit(&mut rewriter, root)?;
    let changed = rewriter.edits.apply(&text)?;
    // A line break that was added goes again, unless it has become part of the text of a block.
    match changed.strip_suffix(eol).filter(|_| unended) {
        Some(unended) if says(unended, fields) => Some(unended.to_owned()),
        _ => Some(changed),
    }
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

    /// Inserts lines before the first entry of a block collection, which may stand behind a `-`.
    pub(super) fn insert_first(&mut self, at: usize, lines: &str, column: usize) {
        let mut line = self.line_start(at);
        if self.slice(line..at).trim().is_empty() {
            // Comments right above the first entry are about that entry: they stay with it.
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
}
