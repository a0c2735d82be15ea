//! A client's file as a document: its fields in file order, where each of them stands, and how to write them to a new
//! file or into an existing one. Format by format, the work is done by the YAML and JSON modules beside this one.

use std::collections::HashMap;
use std::fmt;

use serde_json::{Map, Value};

use super::{json, yaml};
use crate::client::{CLIENT_ID, Field, InvalidValue, strip_secrets};
use crate::json::MAX_DEPTH;

/// The format of a client's file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// YAML 1.2, with comments.
    #[default]
    Yaml,
    /// JSON.
    Json,
}

impl Format {
    /// The format that a file name extension (without its dot) stands for, if any.
    pub fn from_extension(extension: &str) -> Option<Format> {
        match extension.to_ascii_lowercase().as_str() {
            "yaml" | "yml" => Some(Format::Yaml),
            "json" => Some(Format::Json),
            _ => None,
        }
    }

    /// The extension of a new file of this format, without a dot.
    pub const fn extension(self) -> &'static str {
        match self {
            Format::Yaml => "yaml",
            Format::Json => "json",
        }
    }
}

/// A place in a file. Line and column count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Position {
    /// The first character of a file.
    pub const START: Position = Position { line: 1, column: 1 };
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A file that can't be read as a client. Its text is the message alone: the caller knows the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    /// Where in the file.
    pub position: Position,
    /// What is wrong.
    pub message: String,
    /// What to do about it, where that is known.
    pub hint: Option<String>,
}

/// What is wrong with a text, at a byte offset in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) offset: usize,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Fault {
    /// A fault without a hint.
    pub(super) fn new(offset: usize, message: impl Into<String>) -> Fault {
        Fault {
            offset,
            message: message.into(),
            hint: None,
        }
    }

    /// The same fault with a hint.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Fault {
        self.hint = Some(hint.into());
        self
    }

    /// The fault of nesting deeper than [`MAX_DEPTH`].
    pub(super) fn too_deep(offset: usize) -> Fault {
        Fault::new(
            offset,
            format!("lists and objects are nested more than {MAX_DEPTH} deep"),
        )
    }

    /// The fault of a key that its object already has.
    pub(super) fn duplicate(offset: usize, key: &str, first: Position) -> Fault {
        Fault::new(
            offset,
            format!("`{key}` is there twice, first on line {}", first.line),
        )
        .hint("keep one of the two")
    }
}

/// Turns byte offsets of a text into positions, in one walk over the text where they ascend.
pub(super) struct Walk<'a> {
    text: &'a str,
    offset: usize,
    position: Position,
}

impl<'a> Walk<'a> {
    /// A walk from the start of `text`, in which LF, CR LF and CR end a line.
    pub(super) fn over(text: &'a str) -> Walk<'a> {
        Walk {
            text,
            offset: 0,
            position: Position::START,
        }
    }

    /// The position of a byte offset; the end of the text for one past it.
    pub(super) fn position(&mut self, offset: usize) -> Position {
        if offset < self.offset {
            *self = Walk::over(self.text);
        }
        let rest = self.text.get(self.offset..).unwrap_or_default();
        let mut chars = rest.chars().peekable();
        while self.offset < offset
            && let Some(c) = chars.next()
        {
            self.offset += c.len_utf8();
            if c == '\n' || (c == '\r' && chars.peek() != Some(&'\n')) {
                self.position.line += 1;
                self.position.column = 1;
            } else {
                self.position.column += 1;
            }
        }
        self.position
    }
}

/// Where a nested key of a YAML text stands; its start where there is no such key.
pub(super) fn locate(text: &str, path: &[&str]) -> Position {
    let found = locate_all(text, &[path.to_vec()]);
    found
        .first()
        .map_or(Position::START, |(_, position)| *position)
}

/// Where nested keys of a YAML text stand, each with the index of its path, in the order of the text. A list on the way to a key is
/// no part of its path, so that a path may stand for several keys.
pub(super) fn locate_all(text: &str, paths: &[Vec<&str>]) -> Vec<(usize, Position)> {
    let text = without_mark(text);
    let mut walk = Walk::over(text);
    let found = yaml::locate(text, paths).into_iter();
    found
        .map(|(path, offset)| (path, walk.position(offset)))
        .collect()
}

/// The first line that a failed merge left, counted from 1. It is found in the text, whatever that says to a reader: to some, a
/// marker is part of a value. No value that tenantry writes has a line of its own at the left edge.
pub(super) fn conflict_marker(text: &[u8]) -> Option<usize> {
    let marker = |line: &[u8]| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let markers = [&b"<<<<<<<"[..], b"|||||||", b">>>>>>>"];
        let labelled = |rest: &[u8]| rest.is_empty() || rest.starts_with(b" ");
        let mut rests = markers
            .iter()
            .filter_map(|marker| line.strip_prefix(*marker));
        line == b"=======" || rests.any(labelled)
    };
    Some(text.split(|byte| *byte == b'\n').position(marker)? + 1)
}

/// What a reader of one format makes of a text: the fields, and byte offsets of each field's key and of the entries of
/// those that are lists.
pub(super) struct Parsed {
    pub(super) fields: Map<String, Value>,
    pub(super) offsets: Vec<(String, usize, Vec<usize>)>,
}

/// A client's file that was read: its fields in file order, and where they stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document<'a> {
    text: &'a str,
    fields: Map<String, Value>,
    /// As the reader has them; only who asks for a position pays for it.
    offsets: Vec<(String, usize, Vec<usize>)>,
}

impl<'a> Document<'a> {
    /// Reads a client's file. A byte order mark at its start is skipped.
    ///
    /// # Errors
    /// The text is not UTF-8, not one YAML mapping or JSON object, has a duplicate key, is nested too deep, or uses what
    /// has no place in a client's file: anchors, aliases, tags, keys that are not text, numbers without a JSON form.
    pub fn parse(text: &'a [u8], format: Format) -> Result<Document<'a>, ParseError> {
        let text = std::str::from_utf8(text).map_err(|error| {
            let valid = text.get(..error.valid_up_to()).unwrap_or_default();
            let valid = String::from_utf8_lossy(valid);
            ParseError {
                position: Walk::over(without_mark(&valid)).position(without_mark(&valid).len()),
                message: "is not UTF-8 text".to_owned(),
                hint: Some("save the file as UTF-8".to_owned()),
            }
        })?;
        let text = without_mark(text);
        if let Some(line) = conflict_marker(text.as_bytes()) {
            return Err(ParseError {
                position: Position { line, column: 1 },
                message: "a git merge left conflict markers here".to_owned(),
                hint: Some("finish the merge: keep one side, or some of both".to_owned()),
            });
        }
        let parsed = match format {
            Format::Yaml => yaml::parse(text),
            Format::Json => json::parse(text),
        };
        let parsed = parsed.map_err(|fault| ParseError {
            position: Walk::over(text).position(fault.offset),
            message: fault.message,
            hint: fault.hint,
        })?;
        Ok(Document {
            text,
            fields: parsed.fields,
            offsets: parsed.offsets,
        })
    }

    /// The fields, in file order.
    pub fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    /// Takes secrets out of the fields, and says whether there was one.
    pub(super) fn strip_secrets(&mut self) -> bool {
        strip_secrets(&mut self.fields)
    }

    /// The fields, in file order.
    pub fn into_fields(self) -> Map<String, Value> {
        self.fields
    }

    /// Where a field's key stands; the start of the file for a field that is not in it.
    pub fn position(&self, field: &str) -> Position {
        self.places().field(field)
    }

    /// Positions of many fields and entries, which costs one walk over the text where they are asked for in its order.
    pub(super) fn places(&self) -> Places<'_> {
        let offsets = self.offsets.iter();
        Places {
            walk: Walk::over(self.text),
            offsets: offsets
                .map(|(field, at, entries)| (field.as_str(), (*at, entries.as_slice())))
                .collect(),
        }
    }

    /// Where a value stands that the API would refuse.
    pub fn position_of(&self, invalid: &InvalidValue) -> Position {
        match invalid.entry {
            Some(index) => self.entry_position(invalid.field.name(), index),
            None => self.position(invalid.field.name()),
        }
    }

    /// Where an entry of a field that is a list stands (`index` from 0); the field's own position if there is none.
    pub fn entry_position(&self, field: &str, index: usize) -> Position {
        self.places().entry(field, index)
    }

    /// A problem at a place in this document.
    pub(super) fn problem(&self, position: Position, message: String, hint: &str) -> ParseError {
        ParseError {
            position,
            message,
            hint: Some(hint.to_owned()),
        }
    }
}

/// Where the fields of a document stand.
pub(super) struct Places<'a> {
    walk: Walk<'a>,
    /// The byte offsets of each field's key and of its entries.
    offsets: HashMap<&'a str, (usize, &'a [usize])>,
}

impl Places<'_> {
    /// As [`Document::position`].
    pub(super) fn field(&mut self, field: &str) -> Position {
        match self.offsets.get(field) {
            Some((at, _)) => self.walk.position(*at),
            None => Position::START,
        }
    }

    /// As [`Document::entry_position`].
    pub(super) fn entry(&mut self, field: &str, index: usize) -> Position {
        let entries = self.offsets.get(field).map(|(_, entries)| *entries);
        match entries.and_then(|entries| entries.get(index)) {
            Some(at) => self.walk.position(*at),
            None => self.field(field),
        }
    }
}

/// The text of a new file with these fields: the id, the updatable fields, then every other field by name. The order of
/// keys in `fields` does not matter.
pub fn write(fields: &Map<String, Value>, format: Format) -> String {
    match format {
        Format::Yaml => yaml::write(fields),
        Format::Json => json::write(fields),
    }
}

/// What became of an existing file's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewritten {
    /// The new text.
    pub text: String,
    /// Whether it was written anew, so that comments, key order and quoting are gone.
    pub afresh: bool,
}

/// The text `old` with these fields in it. Only what changed changes: in YAML, comments, blank lines, key order and
/// quoting stay; in JSON, key order and the text of unchanged values. A text that can't be read is written anew.
pub fn rewrite(old: &str, fields: &Map<String, Value>, format: Format) -> Rewritten {
    let body = without_mark(old);
    let mark = old.get(..old.len() - body.len()).unwrap_or_default();
    let rewritten = match format {
        Format::Yaml => yaml::rewrite(body, fields),
        Format::Json => json::rewrite(body, fields),
    };
    match rewritten {
        Some(text) => Rewritten {
            text: format!("{mark}{text}"),
            afresh: false,
        },
        None => Rewritten {
            text: write(fields, format),
            afresh: true,
        },
    }
}

/// The text less a byte order mark at its start.
pub(super) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// A field's rank among those that lead a file: the id, then the updatable fields. None for a read-only field.
pub(super) fn rank(field: &str) -> Option<usize> {
    if field == CLIENT_ID {
        return Some(0);
    }
    Field::ALL
        .iter()
        .position(|updatable| updatable.name() == field)
        .map(|at| at + 1)
}

/// A field or key, and its value.
pub(super) type Entry<'a> = (&'a String, &'a Value);

/// The fields in the order of a new file: those that lead it, and the read-only ones.
pub(super) fn in_order(fields: &Map<String, Value>) -> (Vec<Entry<'_>>, Vec<Entry<'_>>) {
    let (mut leading, mut read_only): (Vec<_>, Vec<_>) =
        fields.iter().partition(|(field, _)| rank(field).is_some());
    leading.sort_by_key(|(field, _)| rank(field));
    read_only.sort_by_key(|(field, _)| *field);
    (leading, read_only)
}

/// An object's entries by name.
pub(super) fn by_name(object: &Map<String, Value>) -> Vec<Entry<'_>> {
    let mut entries: Vec<_> = object.iter().collect();
    entries.sort_by_key(|(key, _)| *key);
    entries
}
