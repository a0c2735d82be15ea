//! Removes entries of block collections, and replaces values that can't be changed from within. Comment lines stay.

use serde_json::Value;

use super::rewriter::Rewriter;
use super::tree::{self, Entry, Kind, List, Node, Scalar, Style};
use super::writer::ENTRIES;
use super::{quoting, writer};

impl Rewriter<'_> {
    /// The comment lines from an offset to a node's end, indented anew where `column` says so.
    pub(super) fn comment_lines(&self, from: usize, node: &Node, column: Option<usize>) -> String {
        let mut scalars = Vec::new();
        node.scalars(&mut |start, end| scalars.push(start..end));
        let mut kept = String::new();
        let mut at = self.line_start(from);
        while at < node.end {
            let end = self.line_end(at);
            let line = self.slice(at..end);
            let comment = line.trim_start();
            let start = end - comment.len();
            if comment.starts_with('#') && !scalars.iter().any(|scalar| scalar.contains(&start)) {
                match column {
                    Some(column) => {
                        kept.extend(std::iter::repeat_n(' ', column));
                        kept.push_str(comment);
                    }
                    None => kept.push_str(line),
                }
            }
            at = end;
        }
        kept
    }

    /// Text in the quotes that the scalar has.
    pub(super) fn scalar_like(&self, node: &Node, new: &Value) -> Option<String> {
        let new = new.as_str()?;
        match self.slice(node.start..node.end).chars().next() {
            Some('"') => Some(quoting::double(new)),
            Some('\'') => quoting::single(new),
            _ => None,
        }
    }

    /// Removes the lines of an entry of a block collection, except comment lines.
    pub(super) fn remove(&mut self, start: usize, node: &Node) {
        let kept = self.comment_lines(start, node, Some(self.column(start)));
        let range = self.line_start(start)..self.line_end(node.end.max(start));
        self.edits.replace(range, kept);
    }

    /// Replaces the whole value of an entry of a block map.
    pub(super) fn replace(&mut self, entry: &Entry, new: &Value, column: usize) {
        let node = &entry.node;
        let beside = !self.slice(entry.after..node.start).contains('\n');
        let (mut head, body) = writer::after_key(new, column, self.literal && beside);
        let body = self.lines(body);
        if let Kind::Scalar(Scalar {
            header_end: None, ..
        }) = node.kind
            && body.is_empty()
            && let Some(quoted) = self.scalar_like(node, new)
        {
            head = quoted;
        }
        let spaced = if head.is_empty() {
            String::new()
        } else {
            format!(" {head}")
        };
        match &node.kind {
            // The value stands on the line of its key. The blank before it is replaced, too, where nothing comes in its place on
            // that line.
            Kind::Scalar(Scalar {
                header_end: None, ..
            })
            | Kind::List(List {
                style: Style::Flow, ..
            })
            | Kind::Map(tree::Map {
                style: Style::Flow, ..
            }) if beside => {
                if head.is_empty() || node.start == entry.after {
                    self.edits.replace(entry.after..node.end, spaced);
                } else {
                    self.edits.replace(node.start..node.end, head);
                }
                self.edits.insert(self.line_end(node.end), body);
            }
            // A block scalar's header, which may have a comment beside it, is replaced by itself, and then its lines.
            Kind::Scalar(Scalar {
                header_end: Some(header_end),
                ..
            }) if beside => {
                if head.is_empty() {
                    self.edits.replace(entry.after..*header_end, "");
                } else {
                    self.edits.replace(node.start..*header_end, head);
                }
                let lines = self.line_end(*header_end);
                self.edits.insert(lines, body);
                self.edits
                    .replace(lines..self.line_end(node.end).max(lines), "");
            }
            // The value stands in lines of its own.
            _ => {
                let kept = match body.is_empty() || new.is_string() {
                    true => self.comment_lines(entry.after, node, Some(column)),
                    // A comment that stood with the old entries stands with the new ones.
                    false => indented(&self.comment_lines(entry.after, node, None), column),
                };
                let start = if beside {
                    entry.after
                } else {
                    self.line_end(entry.after)
                };
                self.edits.insert(entry.after, spaced);
                let ended = if beside { self.eol } else { "" };
                // Comments between the old lines go above the new ones; below them only where those are a literal block, which has
                // to follow its header.
                let text = if new.is_string() {
                    format!("{ended}{body}{kept}")
                } else {
                    format!("{ended}{kept}{body}")
                };
                self.edits.replace(start..self.line_end(node.end), text);
            }
        }
    }
}

/// Comment lines above entries below a key at `column`: those that were indented more than it are indented as the entries.
fn indented(comments: &str, column: usize) -> String {
    let indented = comments.split_inclusive('\n').map(|line| {
        let comment = line.trim_start();
        let column = match line.len() - comment.len() > column {
            true => column + ENTRIES,
            false => column,
        };
        format!("{}{comment}", " ".repeat(column))
    });
    indented.collect()
}
