//! Changes an existing text where values changed and nowhere else, by edits at the offsets that the reader tells. Lists are
//! compared entry by entry and maps key by key, so that comments between them stay; a removed entry takes only the comment beside
//! it along. The caller has to read the result again and compare it, since no edit is certain to mean what it should.

use std::collections::HashSet;
use std::ops::Range;

use serde_json::{Map, Value};

use super::edits::Edits;
use super::flow::Changes;
use super::layout::{self, Layout, by_name};
use super::lists::has_changed_entry;
use super::tree::{self, Entry, Kind, Node, Style};
use super::{reader, says, writer};

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
        order: &[layout::Entry<'_>],
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
