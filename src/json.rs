//! JSON text → values, by one strict reader for all that comes from outside: depth has a bound, numbers keep their digits, and a
//! key stands once. serde_json takes an object with a key like `$serde_json::private::Number` for something else, since it hands
//! its own numbers on as such objects.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// How deep lists and objects may be nested, the outermost included.
pub const MAX_DEPTH: usize = 128;

/// What is wrong with a text, and at which byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// It is no JSON there.
    Syntax(usize, &'static str),
    /// The object has this key already, there.
    Duplicate(usize, String, usize),
    /// The list or object there is nested too deep.
    TooDeep(usize),
}

impl Error {
    /// The line and the column in a text, both counted from 1, columns in characters.
    pub fn line_and_column(&self, text: &str) -> (usize, usize) {
        let (Error::Syntax(at, _) | Error::Duplicate(at, ..) | Error::TooDeep(at)) = self;
        let before = text.get(..*at).unwrap_or(text);
        let lines = before.rsplit('\n');
        let column = before.rsplit('\n').next().unwrap_or_default();
        (lines.count(), column.chars().count() + 1)
    }
}

/// A step on the way to what stands in a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// To what stands under a key of an object.
    Key(&'a str),
    /// To an entry of a list, counted from 0.
    Index(usize),
}

/// Reads a text.
///
/// # Errors
/// It is not one JSON value, or nested too deep, or has a key twice.
pub fn parse(text: &str) -> Result<Value, Error> {
    let mut reader = Reader::at(text, 0);
    reader.document()
}

/// Reads a text, and tells at which byte each key of an object and each entry of a list begins, at any depth, in the order of the
/// text.
///
/// # Errors
/// As [`parse`].
pub fn parse_with_offsets(text: &str) -> Result<(Value, Vec<usize>), Error> {
    let mut reader = Reader {
        offsets: Some(Vec::new()),
        ..Reader::at(text, 0)
    };
    let value = reader.document()?;
    Ok((value, reader.offsets.unwrap_or_default()))
}

/// Reads one value after the other; each function begins at the first byte of what it reads and ends after the last.
struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// Where keys and the entries of lists begin, if anybody asked.
    offsets: Option<Vec<usize>>,
}

impl<'a> Reader<'a> {
    fn at(text: &'a str, at: usize) -> Reader<'a> {
        Reader {
            text,
            at,
            offsets: None,
        }
    }

    /// Reads the one value that the text is.
    fn document(&mut self) -> Result<Value, Error> {
        self.space();
        let value = self.value(1)?;
        self.space();
        match self.peek() {
            None => Ok(value),
            Some(_) => self.error("something follows the end"),
        }
    }

    /// Remembers that a key or an entry of a list begins here.
    fn note_offset(&mut self) {
        if let Some(offsets) = &mut self.offsets {
            offsets.push(self.at);
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, Error> {
        match self.peek() {
            Some(b'{') => {
                let object = self.object(depth, |reader, _| reader.value(depth + 1))?;
                Ok(Value::Object(object))
            }
            Some(b'[') => self.list(depth),
            Some(b'"') => Ok(Value::String(self.string()?.into_owned())),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            _ => self.error("this is no value"),
        }
    }

    /// Reads an object, each value by `value`, which is told where its key begins.
    fn object(
        &mut self,
        depth: usize,
        mut value: impl FnMut(&mut Self, usize) -> Result<Value, Error>,
    ) -> Result<Map<String, Value>, Error> {
        let start = self.open(depth)?;
        let mut object = Map::new();
        if self.take(b'}') {
            return Ok(object);
        }
        loop {
            self.space();
            self.note_offset();
            let key_start = self.at;
            let key = self.key()?;
            let value = value(self, key_start)?;
            if object.insert(key.into_owned(), value).is_some() {
                return Err(self.duplicate(start, key_start));
            }
            self.space();
            if self.take(b'}') {
                return Ok(object);
            }
            if !self.take(b',') {
                return self.error("`,` or `}` is missing");
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, Error> {
        self.open(depth)?;
        let mut list = Vec::new();
        if self.take(b']') {
            return Ok(Value::Array(list));
        }
        loop {
            self.space();
            self.note_offset();
            list.push(self.value(depth + 1)?);
            self.space();
            if self.take(b']') {
                return Ok(Value::Array(list));
            }
            if !self.take(b',') {
                return self.error("`,` or `]` is missing");
            }
        }
    }

    /// Moves over an opening bracket and the white space after it; where the bracket stands.
    fn open(&mut self, depth: usize) -> Result<usize, Error> {
        if depth > MAX_DEPTH {
            return Err(Error::TooDeep(self.at));
        }
        let start = self.at;
        self.at += 1;
        self.space();
        Ok(start)
    }

    /// Reads a key, and moves to its value.
    fn key(&mut self) -> Result<Cow<'a, str>, Error> {
        if self.peek() != Some(b'"') {
            return self.error("a key in double quotes is missing");
        }
        let key = self.string()?;
        self.space();
        if !self.take(b':') {
            return self.error("`:` is missing");
        }
        self.space();
        Ok(key)
    }

    /// The error of the key at `second`, which the object at `start` has already.
    fn duplicate(&self, start: usize, second: usize) -> Error {
        let key_at = |at| Reader::at(self.text, at).key();
        let key = key_at(second).unwrap_or_default();
        let mut first = second;
        // This reads once more what was read already, and stops at the first of the two keys.
        let _ = Reader::at(self.text, start).object(0, |reader, at| {
            if key_at(at).as_ref() == Ok(&key) {
                first = at;
                return reader.error("");
            }
            reader.value(0)
        });
        Error::Duplicate(second, key.into_owned(), first)
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Error> {
        self.at += 1;
        let first = self.plain();
        if self.take(b'"') {
            return Ok(Cow::Borrowed(first));
        }
        let mut text = first.to_owned();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Cow::Owned(text));
                }
                Some(b'\\') => text.push(self.escape()?),
                Some(_) => return self.error("a control character stands in a string"),
                None => return self.error(""),
            }
            text.push_str(self.plain());
        }
    }

    /// Moves over what stands for itself in a string.
    fn plain(&mut self) -> &'a str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
        let end = rest.as_bytes().iter().position(is_special);
        let plain = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        self.at += plain.len();
        plain
    }

    fn escape(&mut self) -> Result<char, Error> {
        const NO_ESCAPE: &str = "`\\` begins no escape";
        let letter = self.text.as_bytes().get(self.at + 1);
        let character = match letter {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let Some(first) = self.unit(self.at) else {
                    return self.error(NO_ESCAPE);
                };
                let second = match first {
                    0xd800..0xdc00 => self.unit(self.at + 6),
                    _ => None,
                };
                let units = [first, second.unwrap_or_default()];
                let length = 1 + usize::from(second.is_some());
                let Some(Ok(character)) = char::decode_utf16(units.into_iter().take(length)).next()
                else {
                    return self.error("half a character is escaped");
                };
                self.at += 6 * length;
                return Ok(character);
            }
            _ => return self.error(NO_ESCAPE),
        };
        self.at += 2;
        Ok(character)
    }

    /// The UTF-16 unit of an escape `\uXXXX` at an offset.
    fn unit(&self, at: usize) -> Option<u16> {
        let digits = self.text.get(at..at + 6)?.strip_prefix("\\u")?;
        let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hex.then(|| u16::from_str_radix(digits, 16).ok())?
    }

    fn number(&mut self) -> Result<Value, Error> {
        let start = self.at;
        self.take(b'-');
        let is_zero = self.take(b'0');
        if !is_zero && self.digits() == 0 || is_zero && self.digits() > 0 {
            return self.error("a number is not one of JSON's");
        }
        let mut is_whole = true;
        if self.take(b'.') {
            is_whole = false;
            if self.digits() == 0 {
                return self.error("a number is not one of JSON's");
            }
        }
        if self.take(b'e') || self.take(b'E') {
            is_whole = false;
            let _ = self.take(b'+') || self.take(b'-');
            if self.digits() == 0 {
                return self.error("a number is not one of JSON's");
            }
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        let small = text
            .parse::<i64>()
            .ok()
            .filter(|_| is_whole && text != "-0");
        match small {
            Some(number) => Ok(Value::from(number)),
            None => match text.parse() {
                Ok(number) => Ok(Value::Number(number)),
                Err(_) => self.error("a number is not one of JSON's"),
            },
        }
    }

    /// Moves over digits; how many there are.
    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, Error> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if !rest.starts_with(word) {
            return self.error("this is no value");
        }
        self.at += word.len();
        Ok(value)
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// Moves over this byte, if it is the next one.
    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn error<T>(&self, message: &'static str) -> Result<T, Error> {
        let message = match self.at < self.text.len() {
            true => message,
            false => "the text ends too early",
        };
        Err(Error::Syntax(self.at, message))
    }
}

/// What kind of value it is, in words.
pub(crate) fn type_in_words(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// Values with everything in them that text can say.
    fn value() -> impl Strategy<Value = Value> {
        let number = "-?(0|[1-9][0-9]{0,30})([.][0-9]{1,20})?(e[+-][0-9]{1,3})?";
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::from),
            number.prop_map(|number| Value::Number(number.parse().unwrap())),
            ".*".prop_map(Value::String),
        ];
        let key = ".{0,6}|[$]serde_json::private::(Number|RawValue)";
        leaf.prop_recursive(5, 60, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
                prop::collection::vec((key, inner), 0..6)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_written_is_read(value in value()) {
            prop_assert_eq!(parse(&value.to_string()), Ok(value.clone()));
            prop_assert_eq!(parse(&format!(" {value:#}\r\n\t")), Ok(value));
        }

        /// Where no key is serde_json's own, it and this reader agree on what is JSON and what it says.
        #[test]
        fn texts_are_read_as_serde_json_reads_them(
            words in prop::collection::vec(prop::sample::select(vec![
                "{", "}", "[", "]", ":", ",", "\"", "\"a\"", "\"b\":", "\\", "\\u00e9", "\\ud83d", "\\ude00", "\\n", "\\x", "é", "\t",
                " ", "0", "1", "-", ".5", "e9", "E+1", "true", "false", "null", "nul", "\u{feff}",
            ]), 0..9),
        ) {
            let text = words.concat();
            match (parse(&text), serde_json::from_str::<Value>(&text)) {
                (Ok(ours), theirs) => prop_assert_eq!(ours, theirs.unwrap(), "{}", text),
                (Err(Error::Duplicate(..)), _) => {}
                (Err(error), Ok(theirs)) => prop_assert!(false, "{:?} in {}: {}", error, text, theirs),
                (Err(error), Err(_)) => {
                    let (line, column) = error.line_and_column(&text);
                    prop_assert!(line == 1 && column <= text.len() + 1, "{}", text);
                }
            }
        }
    }

    #[test]
    fn keys_of_serde_json_s_own_are_keys() {
        for key in [
            "$serde_json::private::Number",
            "$serde_json::private::RawValue",
        ] {
            for inner in ["\"1\"", "\"{\\\"a\\\": 1}\"", "\"x\"", "[1]"] {
                let text = format!("{{\"{key}\":{inner}}}");
                let value = parse(&text).unwrap();
                assert_eq!(value[key], parse(inner).unwrap());
                assert_eq!(parse(&value.to_string()), Ok(value));
            }
        }
    }

    #[test]
    fn a_second_key_is_refused_wherever_it_stands() {
        let duplicate = |text| match parse(text) {
            Err(Error::Duplicate(second, key, first)) => (second, key, first),
            other => panic!("{other:?}"),
        };
        assert_eq!(duplicate(r#"{"a":1,"a":2}"#), (7, "a".to_owned(), 1));
        let nested = r#"[{"x":[{"y":1}], "é" : {"y":[]}, "\u00e9":1}]"#;
        assert_eq!(duplicate(nested), (34, "é".to_owned(), 17));
    }

    #[test]
    fn depth_has_a_bound() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(
            parse(&nested(MAX_DEPTH + 1)),
            Err(Error::TooDeep(MAX_DEPTH))
        );
        let objects = "{\"a\":".repeat(100_000);
        assert_eq!(parse(&objects), Err(Error::TooDeep(MAX_DEPTH * 5)));
    }

    #[test]
    fn offsets_are_those_of_keys_and_entries() {
        let text = " {\"a\": [1, [2, {\"é\":0}]],\n\"b\" :{} }";
        let (value, offsets) = parse_with_offsets(text).unwrap();
        assert_eq!(value, json!({"a": [1, [2, {"é": 0}]], "b": {}}));
        let begin = ["\"a\"", "1,", "[2", "2,", "{", "\"é\"", "\"b\""];
        assert_eq!(offsets.len(), begin.len());
        for (at, begin) in offsets.into_iter().zip(begin) {
            assert!(text[at..].starts_with(begin), "{begin} at {at}");
        }
    }
}
