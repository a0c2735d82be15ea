//! Reads a YAML text strictly: one document, a mapping with text as keys, no anchors, aliases or tags, no duplicates,
//! bounded depth. saphyr-parser tells the structure; the offsets of punctuation, which it does not tell, are found by
//! walking over the text alongside.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput};
use serde_json::Value;

use super::extent::{block_ends, quoted_end, skip_blank};
use super::scalar::resolve;
use super::tree::{Entry, Item, Kind, List, Map, Node, Scalar, Style};
use super::{Error, MAX_DEPTH};

/// Reads a text; its outermost map, or None where there is nothing but comments.
///
/// # Errors
/// What is wrong, and where.
pub(super) fn read(text: &str) -> Result<Option<Map>, Error> {
    let forbidden = text.char_indices().find(|(_, c)| is_forbidden(*c));
    if let Some((offset, c)) = forbidden {
        return Err(Error::refused(
            offset,
            format!("contains the character U+{:04X}", u32::from(c)),
            "remove it, or write it as an escape within double quotes",
        ));
    }
    let offsets: Vec<usize> = if text.is_ascii() {
        Vec::new()
    } else {
        text.char_indices().map(|(offset, _)| offset).collect()
    };
    // The parser refuses some tabs after a colon, although YAML allows them. The text means the same with spaces there, and is read
    // again with them.
    let mut parsed = Cow::Borrowed(text);
    let mut left = READ_AGAIN;
    loop {
        let mut reader = Reader {
            text,
            parser: Parser::new_from_str(&parsed),
            offsets: &offsets,
            at: 0,
        };
        let read = reader.document();
        let tabs = match &read {
            Err(Error::Refused { offset, .. }) if left > text.len() => {
                tabs_after_colon(&parsed, *offset)
            }
            _ => None,
        };
        let Some(tabs) = tabs else {
            return read;
        };
        left -= text.len();
        let spaces = " ".repeat(tabs.len());
        parsed.to_mut().replace_range(tabs, &spaces);
    }
}

/// How many bytes are read again, at most, because of tabs: each place with some costs a reading of the whole text.
const READ_AGAIN: usize = 16 * 1024 * 1024;

/// Whether YAML does not allow the character unescaped. A line break of YAML 1.1 that is none in 1.2 is allowed.
fn is_forbidden(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' | '\u{85}' => false,
        '\u{feff}' | '\u{fffe}' | '\u{ffff}' => true,
        c => c.is_control(),
    }
}

struct Reader<'a> {
    text: &'a str,
    parser: Parser<'a, StrInput<'a>>,
    /// The byte offset of each character, since the parser counts characters; empty where the text is ASCII and both are the same.
    offsets: &'a [usize],
    /// How far the text has been walked over.
    at: usize,
}

impl<'a> Reader<'a> {
    /// A character's byte offset.
    fn offset(&self, character: usize) -> usize {
        if self.offsets.is_empty() {
            character.min(self.text.len())
        } else {
            self.offsets
                .get(character)
                .copied()
                .unwrap_or(self.text.len())
        }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip(&mut self) {
        self.at = skip_blank(self.text, self.at);
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Error> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => {
                let offset = self.offset(error.marker().index());
                Err(match error.info() {
                    info if info.contains("recursion limit") => Error::TooDeep { offset },
                    info if info.contains("unknown anchor") => alias(offset),
                    info => not_yaml(offset, &info.to_lowercase()),
                })
            }
            None => Err(not_yaml(self.text.len(), "it ends too early")),
        }
    }

    fn document(&mut self) -> Result<Option<Map>, Error> {
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::Nothing => {}
                Event::DocumentStart(explicit) => {
                    if explicit {
                        self.at = self.offset(span.start.index()) + 3;
                    }
                    break;
                }
                _ => return Ok(None),
            }
        }
        let (event, span) = self.next()?;
        let start = skip_blank(self.text, self.at);
        let Kind::Map(root) = self.node(event, span, false, 1)?.kind else {
            return Err(Error::refused(
                start,
                "is not a mapping at its top level",
                "write lines of `field: value`",
            ));
        };
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(Some(root)),
                Event::DocumentStart(_) => {
                    return Err(Error::refused(
                        self.offset(span.start.index()),
                        "holds more than one document",
                        "a file is one document: remove this one",
                    ));
                }
                _ => {}
            }
        }
    }

    /// Reads the node that starts with this event; `self.at` is right after the punctuation before it.
    fn node(
        &mut self,
        event: Event<'a>,
        span: Span,
        flow: bool,
        depth: usize,
    ) -> Result<Node, Error> {
        if is_empty(&event) {
            return Ok(Node {
                start: self.at,
                end: self.at,
                kind: Kind::Scalar(Scalar {
                    value: Value::Null,
                    header_end: None,
                }),
            });
        }
        self.skip();
        self.refuse_properties(&event)?;
        let start = self.at;
        let kind = match event {
            Event::Scalar(text, style, ..) => Kind::Scalar(self.scalar(&text, style, span)?),
            Event::SequenceStart(..) | Event::MappingStart(..) if depth > MAX_DEPTH => {
                return Err(Error::TooDeep { offset: start });
            }
            Event::SequenceStart(..) => Kind::List(self.list(depth)?),
            Event::MappingStart(..) => Kind::Map(self.map(flow, depth)?),
            _ => return Err(not_yaml(start, "a value is missing")),
        };
        Ok(Node {
            start,
            end: self.at,
            kind,
        })
    }

    fn refuse_properties(&self, event: &Event<'a>) -> Result<(), Error> {
        let (anchor, tag) = match event {
            Event::Alias(_) => return Err(alias(self.at)),
            Event::Scalar(_, _, anchor, tag)
            | Event::SequenceStart(anchor, tag)
            | Event::MappingStart(anchor, tag) => (*anchor, tag.is_some()),
            _ => (0, false),
        };
        if tag {
            return Err(Error::refused(
                self.at,
                "has a tag (`!…`), which files may not have",
                "remove it; quotes make a value text",
            ));
        }
        if anchor > 0 {
            return Err(Error::refused(
                self.at,
                "has an anchor (`&…`), which files may not have",
                "remove it, and write the value out wherever it is used",
            ));
        }
        Ok(())
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, span: Span) -> Result<Scalar, Error> {
        let start = self.at;
        let value = match style {
            ScalarStyle::Plain => resolve(text)
                .map_err(|refusal| Error::refused(start, refusal.message, refusal.hint))?,
            ScalarStyle::Literal | ScalarStyle::Folded => {
                Value::String(self.block_text(text, span).to_owned())
            }
            _ => Value::String(text.to_owned()),
        };
        let header_end = self.walk_over_scalar(text, style, span);
        Ok(Scalar { value, header_end })
    }

    /// A block scalar's text. Where the file ends in it without a line break, the text has none at its end, but the parser adds
    /// one: that is taken off.
    fn block_text<'t>(&self, parsed: &'t str, span: Span) -> &'t str {
        let breaks = ['\n', '\r'];
        let ends_file = self.offset(span.end.index()) == self.text.len();
        let Some(less) = parsed.strip_suffix('\n') else {
            return parsed;
        };
        if !ends_file || self.text.ends_with(breaks) {
            return parsed;
        }
        let is_added = if parsed.trim_end_matches('\n').is_empty() {
            // The block has blank lines only, and the last of them has no line break.
            let body = self.text.get(self.at..).unwrap_or_default();
            parsed.len() + 1 >= body.lines().count()
        } else {
            // The span begins with the text, at its indentation: the last line is part of the text if it reaches that far.
            span.end.col() >= span.start.col().max(1)
        };
        if is_added { less } else { parsed }
    }

    /// Moves to the scalar's end, and returns where the header of a block scalar ends.
    fn walk_over_scalar(&mut self, text: &str, style: ScalarStyle, span: Span) -> Option<usize> {
        let start = self.at;
        match style {
            ScalarStyle::Plain => {
                self.at = self.offset(span.end.index()).max(start);
                None
            }
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => {
                self.at = quoted_end(self.text, start);
                None
            }
            ScalarStyle::Literal | ScalarStyle::Folded => {
                let parsed_end = self.offset(span.end.index());
                let (header_end, end) = block_ends(self.text, start, parsed_end, text.is_empty());
                self.at = end;
                Some(header_end)
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<List, Error> {
        let flow = self.byte() == Some(b'[');
        let mut items = Vec::new();
        if flow {
            self.at += 1;
        }
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                break;
            }
            self.skip();
            let mut start = self.at;
            if !flow {
                self.at += 1;
            }
            let node = self.node(event, span, flow, depth + 1)?;
            if flow {
                start = node.start;
                self.skip();
                if self.byte() == Some(b',') {
                    self.at += 1;
                }
            }
            items.push(Item { start, node });
        }
        let style = self.close(flow);
        Ok(List { style, items })
    }

    /// Moves past the closing bracket.
    fn close(&mut self, flow: bool) -> Style {
        if flow {
            self.skip();
            self.at += 1;
            Style::Flow
        } else {
            Style::Block
        }
    }

    fn map(&mut self, in_flow: bool, depth: usize) -> Result<Map, Error> {
        let flow = self.byte() == Some(b'{');
        let pair = in_flow && !flow;
        let mut entries: Vec<Entry> = Vec::new();
        let mut seen: HashMap<String, usize> = HashMap::new();
        if flow {
            self.at += 1;
        }
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                break;
            }
            let entry = self.entry(event, span, in_flow || flow, depth)?;
            if let Some(first) = seen.insert(entry.key.clone(), entry.key_start) {
                return Err(Error::Duplicate {
                    offset: entry.key_start,
                    key: entry.key,
                    first,
                });
            }
            entries.push(entry);
            if flow {
                self.skip();
                if self.byte() == Some(b',') {
                    self.at += 1;
                }
            }
        }
        if pair {
            return Ok(Map {
                style: Style::Pair,
                entries,
            });
        }
        let style = self.close(flow);
        Ok(Map { style, entries })
    }

    fn entry(
        &mut self,
        event: Event<'a>,
        span: Span,
        flow: bool,
        depth: usize,
    ) -> Result<Entry, Error> {
        self.skip();
        let start = self.at;
        let next = self.text.as_bytes().get(start + 1);
        if self.byte() == Some(b'?') && next.is_none_or(u8::is_ascii_whitespace) {
            self.at += 1;
            self.skip();
        }
        self.refuse_properties(&event)?;
        let key_start = self.at;
        let not_text =
            |what: String| Error::refused(key_start, what, "put the key into quotes, or remove it");
        let Event::Scalar(key, style, ..) = event else {
            return Err(not_text("has a key that is not text".to_owned()));
        };
        if style == ScalarStyle::Plain {
            if key == "<<" {
                return Err(not_text(
                    "has a merge key (`<<`), which files may not have".to_owned(),
                ));
            }
            if !matches!(resolve(&key), Ok(Value::String(_))) {
                return Err(not_text(format!("has a key that is not text: `{key}`")));
            }
        }
        self.walk_over_scalar(&key, style, span);
        let mut after = self.at;
        self.skip();
        if self.byte() == Some(b':') {
            self.at += 1;
            after = self.at;
        } else {
            self.at = after;
        }
        let (event, span) = self.next()?;
        let node = self.node(event, span, flow, depth + 1)?;
        Ok(Entry {
            start,
            key: key.into_owned(),
            key_start,
            after,
            node,
        })
    }
}

/// The tabs between a colon and an offset, where nothing else but spaces is.
fn tabs_after_colon(text: &str, offset: usize) -> Option<Range<usize>> {
    let before = text.get(..offset)?;
    let start = before.trim_end_matches([' ', '\t']).len();
    let is_it = before.get(..start)?.ends_with(':') && before.get(start..)?.contains('\t');
    is_it.then_some(start..offset)
}

/// Whether the event is a value that was left out.
fn is_empty(event: &Event<'_>) -> bool {
    matches!(event, Event::Scalar(text, ScalarStyle::Plain, 0, None) if text.is_empty())
}

fn alias(offset: usize) -> Error {
    Error::refused(
        offset,
        "has an alias (`*…`), which files may not have",
        "write the value out, or put it into quotes if it is text",
    )
}

fn not_yaml(offset: usize, why: &str) -> Error {
    Error::refused(
        offset,
        format!("is not YAML: {why}"),
        "indent with spaces, and put text into quotes that begins with a sign or contains `: ` or ` #`",
    )
}
