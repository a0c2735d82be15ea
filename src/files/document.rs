//! A file as a document: its fields in file order, where everything in it stands, and how to write fields to a new file or into an
//! existing one. It knows nothing of kinds, and leaves YAML and JSON to the modules of that name.

use std::cell::OnceCell;
use std::collections::HashMap;

use serde_json::{Map, Value};

use super::json;
use super::position::{Position, Positions};
use crate::json::{self as json_reader, Step};
use crate::yaml;

/// The comment of a YAML file above the fields that do not lead it.
const NOT_SENT: &str = "# Push does not send what follows.";

/// What that comment said formerly. It is not true of every field that stands below it.
const FORMERLY: &[&str] = &["# Read-only: push does not send what follows."];

/// The format of a file.
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

/// A file that can't be read. Its text is the message alone: the caller knows the file.
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

impl ParseError {
    /// An error with a hint.
    fn new(position: Position, message: impl Into<String>, hint: &str) -> ParseError {
        ParseError {
            position,
            message: message.into(),
            hint: Some(hint.to_owned()),
        }
    }

    /// A key at an offset of a text whose object has it already, at the offset `first`.
    fn duplicate(text: &str, offset: usize, key: &str, first: usize) -> ParseError {
        let line = Position::of(first, text).line;
        ParseError::new(
            Position::of(offset, text),
            format!("`{key}` is there twice, first on line {line}"),
            "keep one of the two",
        )
    }

    /// A list or object at an offset of a text that is nested more than so deep.
    fn too_deep(text: &str, offset: usize, deepest: usize) -> ParseError {
        ParseError {
            position: Position::of(offset, text),
            message: format!("lists and objects are nested more than {deepest} deep"),
            hint: None,
        }
    }
}

/// The first line with a marker that a failed merge left, counted from 1. It is looked for in the text itself, since YAML may take
/// a marker for part of a value. In a file that tenantry writes, no line of a value's text stands at the left edge.
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

/// A file that was read: its fields in file order, and where everything in it stands.
#[derive(Debug)]
pub struct Document<'a> {
    text: &'a str,
    fields: Map<String, Value>,
    /// At which byte each key and each entry of a list begins, at any depth, in file order.
    offsets: Vec<usize>,
    /// The same, arranged so that each is found at once. Most documents are never asked for a position.
    outline: OnceCell<Outline>,
}

impl<'a> Document<'a> {
    /// Reads a file. A byte order mark at its start is skipped.
    ///
    /// # Errors
    /// The text is not UTF-8, not one YAML mapping or JSON object, has conflict markers or a duplicate key, is nested too deep, or
    /// uses what has no place in a file: anchors, aliases, tags, keys that are not text, numbers without a JSON form.
    pub fn parse(text: &'a [u8], format: Format) -> Result<Document<'a>, ParseError> {
        Document::parse_any(text, format)?.ok_or_else(|| {
            ParseError::new(
                Position::START,
                "is empty",
                "restore the file, or delete it and pull",
            )
        })
    }

    /// Reads a file that may say nothing; None where there is nothing but comments in it.
    ///
    /// # Errors
    /// As [`Document::parse`].
    pub(super) fn parse_any(
        text: &'a [u8],
        format: Format,
    ) -> Result<Option<Document<'a>>, ParseError> {
        let text = std::str::from_utf8(text).map_err(|error| {
            let valid = text.get(..error.valid_up_to()).unwrap_or_default();
            let valid = String::from_utf8_lossy(valid);
            let valid = without_mark(&valid);
            ParseError::new(
                Position::of(valid.len(), valid),
                "is not UTF-8 text",
                "save the file as UTF-8",
            )
        })?;
        let text = without_mark(text);
        if let Some(line) = conflict_marker(text.as_bytes()) {
            return Err(ParseError::new(
                Position { line, column: 1 },
                "a git merge left conflict markers here",
                "finish the merge: keep one side, or some of both",
            ));
        }
        let read = match format {
            Format::Yaml => read_yaml(text)?,
            Format::Json => Some(read_json(text)?),
        };
        Ok(read.map(|(fields, offsets)| Document {
            text,
            fields,
            offsets,
            outline: OnceCell::new(),
        }))
    }

    /// The fields, in file order.
    pub fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    /// The fields, in file order.
    pub fn into_fields(self) -> Map<String, Value> {
        self.fields
    }

    /// How many of the fields stand above the line that says what push does not send; None where the file has no such line.
    pub(super) fn above_not_sent(&self) -> Option<usize> {
        let mut comments = [NOT_SENT].into_iter().chain(FORMERLY.iter().copied());
        let divider = comments.find_map(|comment| line_that_is(comment, self.text))?;
        let mut offsets = self.offsets.iter();
        let mut is_above = |value: &Value| {
            let is_above = offsets.next().is_some_and(|offset| *offset < divider);
            offsets.by_ref().take(count_within(value)).for_each(drop);
            is_above
        };
        let mut fields = self.fields.values();
        Some(fields.by_ref().take_while(|value| is_above(value)).count())
    }

    /// Where a field's key stands; the start of the file for a field that is not in it.
    pub fn position(&self, field: &str) -> Position {
        self.position_at(&[Step::Key(field)])
    }

    /// Where the key or the entry of a list stands to which a path leads from the outermost object; where the deepest part of the
    /// path stands that there is, and the start of the file if there is none of it.
    pub fn position_at(&self, path: &[Step<'_>]) -> Position {
        let outline = self.outline.get_or_init(|| Outline {
            root: Place {
                offset: 0,
                within: Within::object(&self.fields, &mut self.offsets.iter().copied()),
            },
            positions: Positions::of(self.text),
        });
        let mut place = &outline.root;
        for step in path {
            match place.within.get(*step) {
                Some(within) => place = within,
                None => break,
            }
        }
        outline.positions.at(place.offset, self.text)
    }

    /// A problem at a place in this document.
    pub(super) fn problem(&self, position: Position, message: String, hint: &str) -> ParseError {
        ParseError::new(position, message, hint)
    }
}

/// What a reader makes of a text: its fields, and the offsets of all that is in them.
type Read = (Map<String, Value>, Vec<usize>);

fn read_yaml(text: &str) -> Result<Option<Read>, ParseError> {
    match yaml::parse(text) {
        Ok(parsed) => Ok(parsed.map(|parsed| (parsed.fields, parsed.offsets))),
        Err(yaml::Error::Duplicate { offset, key, first }) => {
            Err(ParseError::duplicate(text, offset, &key, first))
        }
        Err(yaml::Error::TooDeep { offset }) => {
            Err(ParseError::too_deep(text, offset, yaml::MAX_DEPTH))
        }
        Err(yaml::Error::Refused {
            offset,
            message,
            hint,
        }) => Err(ParseError::new(Position::of(offset, text), message, &hint)),
    }
}

fn read_json(text: &str) -> Result<Read, ParseError> {
    use json_reader::{Error, MAX_DEPTH, parse_with_offsets};
    match parse_with_offsets(text) {
        Ok((Value::Object(fields), offsets)) => Ok((fields, offsets)),
        Ok(_) => Err(ParseError::new(
            Position::of(text.len() - text.trim_start().len(), text),
            "is not an object at its top level",
            "a resource's file is an object of field names and values",
        )),
        Err(Error::Duplicate(offset, key, first)) => {
            Err(ParseError::duplicate(text, offset, &key, first))
        }
        Err(Error::TooDeep(offset)) => Err(ParseError::too_deep(text, offset, MAX_DEPTH)),
        Err(Error::Syntax(offset, problem)) => Err(ParseError {
            position: Position::of(offset, text),
            message: format!("is not JSON: {problem}"),
            hint: None,
        }),
    }
}

/// At which byte a line begins that says just this.
fn line_that_is(line: &str, text: &str) -> Option<usize> {
    let mut found = text.match_indices(line).map(|(at, _)| at);
    found.find(|at| {
        let (before, rest) = text.split_at(*at);
        let after = rest.get(line.len()..).unwrap_or_default();
        let begins = before.is_empty() || before.ends_with('\n');
        begins && (after.is_empty() || after.starts_with(['\r', '\n']))
    })
}

/// How many keys and entries of lists there are in a value, at any depth.
fn count_within(value: &Value) -> usize {
    match value {
        Value::Array(entries) => entries.iter().map(|entry| 1 + count_within(entry)).sum(),
        Value::Object(object) => object.values().map(|value| 1 + count_within(value)).sum(),
        _ => 0,
    }
}

/// Where everything in a document stands.
#[derive(Debug)]
struct Outline {
    root: Place,
    positions: Positions,
}

/// Where a key with its value or an entry of a list begins, and the places within it.
#[derive(Debug)]
struct Place {
    offset: usize,
    within: Within,
}

/// The places within a value.
#[derive(Debug)]
enum Within {
    Nothing,
    Keys(HashMap<String, Place>),
    Entries(Vec<Place>),
}

impl Within {
    /// The places within a value, from the offsets of everything in it, in file order.
    fn value(value: &Value, offsets: &mut impl Iterator<Item = usize>) -> Within {
        match value {
            Value::Object(object) => Within::object(object, offsets),
            Value::Array(entries) => {
                let entries = entries.iter();
                Within::Entries(entries.map(|entry| Place::of(entry, offsets)).collect())
            }
            _ => Within::Nothing,
        }
    }

    fn object(object: &Map<String, Value>, offsets: &mut impl Iterator<Item = usize>) -> Within {
        let entries = object.iter();
        let keys = entries.map(|(key, value)| (key.clone(), Place::of(value, offsets)));
        Within::Keys(keys.collect())
    }

    fn get(&self, step: Step<'_>) -> Option<&Place> {
        match (self, step) {
            (Within::Keys(keys), Step::Key(key)) => keys.get(key),
            (Within::Entries(entries), Step::Index(index)) => entries.get(index),
            _ => None,
        }
    }
}

impl Place {
    /// The place of a value, which is the next of these offsets; those that follow are of what is in it.
    fn of(value: &Value, offsets: &mut impl Iterator<Item = usize>) -> Place {
        Place {
            offset: offsets.next().unwrap_or_default(),
            within: Within::value(value, offsets),
        }
    }
}

/// How a YAML file is laid out that these fields lead.
fn layout<'a>(leading: &'a [&'a str]) -> yaml::Layout<'a> {
    yaml::Layout {
        leading,
        comment: NOT_SENT,
        former: FORMERLY,
    }
}

/// The text of a new file with these fields: those that are named in `leading`, in that order, then all others by name, in YAML below
/// a comment. The order of `fields` does not matter.
pub fn write(fields: &Map<String, Value>, leading: &[&str], format: Format) -> String {
    match format {
        Format::Yaml => yaml::write(fields, layout(leading)),
        Format::Json => json::write(fields, leading),
    }
}

/// What became of an existing file's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewritten {
    /// The new text.
    pub text: String,
    /// Whether the old text's comments, key order and quoting are gone, since it could not be changed in place.
    pub comments_lost: bool,
}

/// The text `old` with these fields in it. In YAML only what changed changes: comments, blank lines, key order and quoting stay, and
/// where a line says what push does not send, a field that stands on the wrong side of it moves with its comments. A JSON text that
/// says so already stays as it is, and any other becomes that of a new file.
pub fn rewrite(
    old: &str,
    fields: &Map<String, Value>,
    leading: &[&str],
    format: Format,
) -> Rewritten {
    let body = without_mark(old);
    let mark = old.get(..old.len() - body.len()).unwrap_or_default();
    let kept = match format {
        Format::Yaml => yaml::rewrite(body, fields, layout(leading)),
        Format::Json => {
            let is_same = read_json(body).is_ok_and(|(was, _)| was == *fields);
            is_same.then(|| body.to_owned())
        }
    };
    Rewritten {
        comments_lost: kept.is_none() && format == Format::Yaml,
        text: match kept {
            Some(text) => format!("{mark}{text}"),
            None => write(fields, leading, format),
        },
    }
}

/// The text of a file that somebody wrote, with the line at its end that says what push does not send; a JSON text, or one that has the
/// line already, as it is. [`rewrite`] then moves below it what belongs there.
pub fn divided(text: &str, format: Format) -> String {
    let has_line = |line: &&str| line_that_is(line, text).is_some();
    let lines = std::iter::once(NOT_SENT).chain(FORMERLY.iter().copied());
    match format {
        Format::Yaml if !lines.into_iter().any(|line| has_line(&line)) => {
            let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
            let between = if text.ends_with('\n') { "" } else { end };
            format!("{text}{between}{NOT_SENT}{end}")
        }
        _ => text.to_owned(),
    }
}

/// The text less a byte order mark at its start.
pub(super) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::tests::{fields, object};
    use proptest::prelude::*;
    use serde_json::json;

    const LEADING: [&str; 2] = ["client_id", "name"];
    const FORMATS: [Format; 2] = [Format::Yaml, Format::Json];

    #[test]
    fn positions_are_those_of_the_deepest_part_that_is_there() {
        use Step::{Index, Key};
        let paths: [&[Step<'_>]; 12] = [
            &[],
            &[Key("none")],
            &[Index(0)],
            &[Key("näme")],
            &[Key("näme"), Key("none")],
            &[Key("list"), Index(0)],
            &[Key("list"), Index(2)],
            &[Key("list"), Index(3)],
            &[Key("map"), Key("b"), Index(1), Key("c")],
            &[Key("map"), Key("b"), Index(1), Index(0)],
            &[Key("map"), Key("d")],
            &[Key("map"), Key("none"), Key("d")],
        ];
        let positions = |text: &str, format| {
            let document = Document::parse(text.as_bytes(), format).unwrap();
            let positions = paths.map(|path| document.position_at(path).to_string());
            assert_eq!(
                document.position("list"),
                document.position_at(&[Key("list")])
            );
            positions.join(" ")
        };
        let yaml = "\u{feff}# é\r\n\"näme\": x\r\nlist: # c\r\n- a\r\n-   b\r\n-\r\nmap:\r\n  b: [ü, {c: 1}]\r\n  d: |\r\n    x\r\n";
        insta::assert_snapshot!(positions(yaml, Format::Yaml), @"1:1 1:1 1:1 2:1 2:1 4:3 6:2 3:1 8:11 8:10 9:3 7:1");
        let json = "\u{feff}{\r\n\t\"näme\": 1, \"list\": [1, \"ü\",\n {}],\n \"map\": {\"b\": [\"ü\", {\"c\": 1}], \"d\":2}}";
        insta::assert_snapshot!(positions(json, Format::Json), @"1:1 1:1 1:1 2:2 2:2 2:22 3:2 2:13 4:22 4:21 4:32 4:2");
    }

    #[test]
    fn refusals_say_where_and_what() {
        let yaml = [
            &b"a: \xc3\xa9\n\xc3\xa9\xff"[..],
            b"# nothing else\n",
            b"a: [\n",
            b"a: 1\r\rb: 2\ra: 3\n",
        ];
        let json = [&b"{"[..], b"\n [1]", b"{\"a\": 1,\n\"\\u0061\": 2}"];
        let deep = [Format::Yaml, Format::Json].map(|format| {
            let text = format!("{{\"a\": {}{}}}", "[".repeat(200), "]".repeat(200));
            (text.into_bytes(), format)
        });
        let texts = yaml.map(|text| (text.to_vec(), Format::Yaml)).into_iter();
        let texts = texts.chain(json.map(|text| (text.to_vec(), Format::Json)));
        let refusals = texts.chain(deep).map(|(text, format)| {
            let error = Document::parse(&text, format).unwrap_err();
            let hint = error.hint.as_deref().unwrap_or("-");
            format!("{}: {error}; {hint}\n", error.position)
        });
        insta::assert_snapshot!(refusals.collect::<String>(), @"
        2:2: is not UTF-8 text; save the file as UTF-8
        1:1: is empty; restore the file, or delete it and pull
        2:1: is not YAML: while parsing a node, did not find expected node content; indent with spaces, and put text into quotes that begins with a sign or contains `: ` or ` #`
        4:1: `a` is there twice, first on line 1; keep one of the two
        1:2: is not JSON: the text ends too early; -
        2:2: is not an object at its top level; a resource's file is an object of field names and values
        2:1: `a` is there twice, first on line 1; keep one of the two
        1:134: lists and objects are nested more than 128 deep; -
        1:134: lists and objects are nested more than 128 deep; -
        ");
    }

    /// What can be read from the API can be read from a file.
    #[test]
    fn yaml_is_read_as_deep_as_json() {
        assert_eq!(yaml::MAX_DEPTH, json_reader::MAX_DEPTH);
    }

    #[test]
    fn conflict_markers_are_found_whatever_the_syntax() {
        let marked = |text: &str, format| {
            let error = Document::parse(text.as_bytes(), format).unwrap_err();
            let message = "a git merge left conflict markers here";
            assert_eq!(error.to_string(), message, "{text}");
            error.position.line
        };
        let flow =
            "{\n  client_id: a,\n<<<<<<< HEAD\n  description: b\n=======\n  c\n>>>>>>> other\n}\n";
        assert_eq!(marked(flow, Format::Yaml), 3);
        let second = flow.replace("<<<<<<< HEAD", "").replace('\n', "\r\n");
        assert_eq!(marked(&second, Format::Yaml), 5);
        let json_like = "{\"client_id\": \"a\",\n\"description\": b\n||||||| base\n}";
        assert_eq!(FORMATS.map(|format| marked(json_like, format)), [3, 3]);
        let quoted = "client_id: a\ndescription: \"b\n>>>>>>>\n\"\n";
        assert_eq!(marked(quoted, Format::Yaml), 3);
        // A value may have such lines, and a file that tenantry writes has them further in.
        let fields = object(
            json!({"client_id": "a", "custom_login_page": "<<<<<<< a\n=======\n>>>>>>> b\n"}),
        );
        for format in FORMATS {
            let text = write(&fields, &LEADING, format);
            let document = Document::parse(text.as_bytes(), format).unwrap();
            assert_eq!(document.fields(), &fields);
        }
    }

    #[test]
    fn a_text_that_says_so_already_stays_as_it_is() {
        let fields = object(json!({"client_id": "a", "name": "A"}));
        for (text, format) in [
            ("\u{feff}name: 'A' # c\r\nclient_id: a", Format::Yaml),
            (
                "\u{feff}{\"name\": \"\\u0041\",\r\n\"client_id\":\"a\"}",
                Format::Json,
            ),
        ] {
            let rewritten = rewrite(text, &fields, &LEADING, format);
            assert_eq!(rewritten.text, text);
            assert!(!rewritten.comments_lost);
        }
    }

    #[test]
    fn a_changed_json_text_has_the_form_of_a_new_one() {
        let fields = object(json!({"client_id": "a", "x": 1, "name": "A"}));
        for old in ["\u{feff}{\"x\": 2, \"client_id\": \"a\"}", "{"] {
            let rewritten = rewrite(old, &fields, &LEADING, Format::Json);
            assert_eq!(rewritten.text, write(&fields, &LEADING, Format::Json));
            assert!(!rewritten.comments_lost);
        }
    }

    #[test]
    fn comments_are_lost_where_a_text_cannot_be_read() {
        let fields = object(json!({"client_id": "a"}));
        let rewritten = rewrite("a: [ # c", &fields, &LEADING, Format::Yaml);
        assert_eq!(rewritten.text, "client_id: a\n");
        assert!(rewritten.comments_lost);
    }

    /// The value with the keys of every object in it the other way round.
    fn reversed(value: &Value) -> Value {
        match value {
            Value::Object(object) => {
                let entries = object.iter().rev();
                entries
                    .map(|(key, value)| (key.clone(), reversed(value)))
                    .collect()
            }
            Value::Array(entries) => entries.iter().map(reversed).collect(),
            other => other.clone(),
        }
    }

    /// The path to everything in a value.
    fn paths<'a>(value: &'a Value, here: &[Step<'a>], found: &mut Vec<Vec<Step<'a>>>) {
        let steps: Vec<(Step<'a>, &Value)> = match value {
            Value::Object(object) => {
                let entries = object.iter();
                entries
                    .map(|(key, value)| (Step::Key(key), value))
                    .collect()
            }
            Value::Array(entries) => (0..).map(Step::Index).zip(entries).collect(),
            _ => return,
        };
        for (step, value) in steps {
            let path = [here, &[step]].concat();
            found.push(path.clone());
            paths(value, &path, found);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_order_of_keys_does_not_matter(fields in fields()) {
            let other = object(reversed(&Value::Object(fields.clone())));
            for format in FORMATS {
                prop_assert_eq!(write(&fields, &LEADING, format), write(&other, &LEADING, format));
            }
        }

        /// In the order of the text everything stands further on than what comes before it.
        #[test]
        fn everything_has_a_position_of_its_own(fields in fields()) {
            for format in FORMATS {
                let text = write(&fields, &LEADING, format);
                let document = Document::parse(text.as_bytes(), format).unwrap();
                let value = Value::Object(document.fields().clone());
                let mut found = Vec::new();
                paths(&value, &[], &mut found);
                let positions: Vec<Position> = found.iter().map(|path| document.position_at(path)).collect();
                prop_assert!(positions.is_sorted(), "{}: {:?}", text, positions);
                // In a list, an object and its first key begin at the same place.
                let keys = found.iter().zip(&positions).filter(|(path, _)| matches!(path.last(), Some(Step::Key(_))));
                let keys: Vec<&Position> = keys.map(|(_, position)| position).collect();
                prop_assert!(keys.is_sorted_by(|one, next| one < next), "{}: {:?}", text, keys);
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for format in FORMATS {
                let _ = Document::parse(&bytes, format);
            }
        }
    }
}
