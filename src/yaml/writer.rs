//! Writes values as YAML: block style, keys of nested objects by name, one way to write each value.

use serde_json::{Map, Value};

use super::layout::by_name;
use super::quoting::{self, MAX_KEY};

/// How much more than their key entries are indented.
pub(super) const ENTRIES: usize = 2;

/// The lines of an entry of a map, indented by `column`. `literal`: whether text may become a literal block.
pub(super) fn entry(key: &str, value: &Value, column: usize, literal: bool) -> String {
    let mut writer = Writer::new(literal);
    writer.indent(column);
    writer.entry(key, value, column);
    writer.out
}

/// What stands after the `:` of an entry at `column`: the rest of that line, and the lines that follow.
pub(super) fn after_key(value: &Value, column: usize, literal: bool) -> (String, String) {
    let mut writer = Writer::new(literal);
    writer.after_key(value, column);
    match writer.out.split_once('\n') {
        Some((head, body)) => (head.trim_start().to_owned(), body.to_owned()),
        None => (writer.out, String::new()),
    }
}

/// The lines of an entry of a list, indented by `column`.
pub(super) fn item(value: &Value, column: usize, literal: bool) -> String {
    let mut writer = Writer::new(literal);
    writer.indent(column);
    writer.item(value, column);
    writer.out
}

/// An entry of a map in brackets. `quoted`: text is always in double quotes.
pub(super) fn flow_entry(key: &str, value: &Value, quoted: bool) -> String {
    let text = flow_text(key, quoted);
    let mark = if text.len() > MAX_KEY { "? " } else { "" };
    format!("{mark}{text}: {}", flow(value, quoted))
}

/// The value on one line, for a place within brackets.
pub(super) fn flow(value: &Value, quoted: bool) -> String {
    match value {
        Value::String(text) => flow_text(text, quoted),
        Value::Array(entries) => {
            let entries: Vec<String> = entries.iter().map(|entry| flow(entry, quoted)).collect();
            format!("[{}]", entries.join(", "))
        }
        Value::Object(object) => {
            let entries: Vec<String> = by_name(object)
                .into_iter()
                .map(|(key, value)| flow_entry(key, value, quoted))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        simple => simple.to_string(),
    }
}

fn flow_text(text: &str, quoted: bool) -> String {
    if quoted {
        quoting::double(text)
    } else {
        quoting::scalar(text, true)
    }
}

struct Writer {
    out: String,
    literal: bool,
}

impl Writer {
    fn new(literal: bool) -> Writer {
        Writer {
            out: String::new(),
            literal,
        }
    }

    fn indent(&mut self, column: usize) {
        self.out.extend(std::iter::repeat_n(' ', column));
    }

    /// The entries of a map at `column`, of which the first stands where the text ends.
    fn entries(&mut self, object: &Map<String, Value>, column: usize) {
        for (at, (key, value)) in by_name(object).into_iter().enumerate() {
            if at > 0 {
                self.indent(column);
            }
            self.entry(key, value, column);
        }
    }

    fn entry(&mut self, key: &str, value: &Value, column: usize) {
        let key = quoting::scalar(key, false);
        if key.chars().count() > MAX_KEY {
            self.out.push_str("? ");
            self.out.push_str(&key);
            self.out.push('\n');
            self.indent(column);
        } else {
            self.out.push_str(&key);
        }
        self.out.push(':');
        self.after_key(value, column);
    }

    fn after_key(&mut self, value: &Value, column: usize) {
        match value {
            Value::Array(entries) if !entries.is_empty() => {
                self.out.push('\n');
                for entry in entries {
                    self.indent(column + ENTRIES);
                    self.item(entry, column + ENTRIES);
                }
            }
            Value::Object(object) if !object.is_empty() => {
                self.out.push('\n');
                self.indent(column + ENTRIES);
                self.entries(object, column + ENTRIES);
            }
            simple => {
                self.out.push(' ');
                self.simple(simple, column);
            }
        }
    }

    fn item(&mut self, value: &Value, column: usize) {
        self.out.push_str("- ");
        match value {
            Value::Array(entries) if !entries.is_empty() => {
                for (at, entry) in entries.iter().enumerate() {
                    if at > 0 {
                        self.indent(column + 2);
                    }
                    self.item(entry, column + 2);
                }
            }
            Value::Object(object) if !object.is_empty() => self.entries(object, column + 2),
            simple => self.simple(simple, column),
        }
    }

    /// A value without entries, and the end of its line.
    fn simple(&mut self, value: &Value, column: usize) {
        match value {
            Value::String(text) => match quoting::literal(text).filter(|_| self.literal) {
                Some(header) => {
                    self.out.push_str(header);
                    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
                        self.out.push('\n');
                        if !line.is_empty() {
                            self.indent(column + 2);
                            self.out.push_str(line);
                        }
                    }
                }
                None => self.out.push_str(&quoting::scalar(text, false)),
            },
            Value::Array(_) => self.out.push_str("[]"),
            Value::Object(_) => self.out.push_str("{}"),
            simple => self.out.push_str(&simple.to_string()),
        }
        self.out.push('\n');
    }
}
