//! What a file said in the fields that push does not send, when file and tenant were last in step: a short print of each, so that
//! an edit of one is seen, and named, without the lock having a copy of every resource.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::{Map, Value};

/// How many hexadecimal digits a print has in the lock.
const DIGITS: usize = 8;

/// The prints of fields and values. A field that the file leaves out later is no edit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prints(BTreeSet<u32>);

impl Prints {
    /// The prints of these fields.
    pub fn of<'a>(fields: impl IntoIterator<Item = (&'a String, &'a Value)>) -> Prints {
        Prints(
            fields
                .into_iter()
                .map(|(name, value)| print(name, value))
                .collect(),
        )
    }

    /// Whether a field had this value.
    pub fn has(&self, name: &str, value: &Value) -> bool {
        self.0.contains(&print(name, value))
    }

    /// Adds a field with this value.
    pub fn add(&mut self, name: &str, value: &Value) {
        self.0.insert(print(name, value));
    }

    /// Adds fields with these values.
    pub fn extend<'a>(&mut self, fields: impl IntoIterator<Item = (&'a str, &'a Value)>) {
        let prints = fields.into_iter().map(|(name, value)| print(name, value));
        self.0.extend(prints);
    }

    /// Adds all of these.
    pub fn add_all(&mut self, prints: &Prints) {
        self.0.extend(&prints.0);
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As the lock has them.
    pub fn parse(text: &str) -> Option<Prints> {
        let parts = text.as_bytes().chunks(DIGITS);
        let number = |part: &[u8]| match part.len() {
            DIGITS => u32::from_str_radix(std::str::from_utf8(part).ok()?, 16).ok(),
            _ => None,
        };
        parts.map(number).collect::<Option<_>>().map(Prints)
    }

    /// As the lock has them.
    pub fn write(&self) -> String {
        let mut text = String::with_capacity(DIGITS * self.0.len());
        for print in &self.0 {
            // Writing to a String can't fail.
            let _ = write!(text, "{print:08x}");
        }
        text
    }
}

/// FNV-1a, which is the same on every machine and in every version. It need not withstand attacks: whoever makes two values with
/// the same print only hides an edit of their own.
/// Source: <https://datatracker.ietf.org/doc/html/draft-eastlake-fnv>.
struct Hasher(u64);

impl Hasher {
    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// Ends with a byte that no text has, so that two texts in a row are not taken for one.
    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
        self.bytes(&[0xff]);
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.bytes(b"n"),
            Value::Bool(true) => self.bytes(b"t"),
            Value::Bool(false) => self.bytes(b"f"),
            Value::Number(number) => {
                self.bytes(b"0");
                self.text(&number.to_string());
            }
            Value::String(text) => {
                self.bytes(b"s");
                self.text(text);
            }
            Value::Array(entries) => {
                self.bytes(b"[");
                entries.iter().for_each(|entry| self.value(entry));
                self.bytes(b"]");
            }
            Value::Object(object) => self.object(object),
        }
    }

    /// The order of keys means nothing.
    fn object(&mut self, object: &Map<String, Value>) {
        let mut entries: Vec<_> = object.iter().collect();
        entries.sort_by_key(|(key, _)| *key);
        self.bytes(b"{");
        for (key, value) in entries {
            self.text(key);
            self.value(value);
        }
        self.bytes(b"}");
    }
}

fn print(name: &str, value: &Value) -> u32 {
    let mut hasher = Hasher(0xcbf2_9ce4_8422_2325);
    hasher.text(name);
    hasher.value(value);
    // Both halves count.
    let [a, b, c, d, e, f, g, h] = hasher.0.to_be_bytes();
    u32::from_be_bytes([a, b, c, d]) ^ u32::from_be_bytes([e, f, g, h])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_print_is_of_the_value_and_not_of_how_it_is_written() {
        let fields = json!({"a": {"x": 1, "y": [true, null]}, "b": "1", "c": 1});
        let prints = Prints::of(fields.as_object().unwrap());
        insta::assert_snapshot!(prints.write(), @"039d49ed52c2004c8a1c0667");
        assert_eq!(Prints::parse(&prints.write()), Some(prints.clone()));
        assert!(prints.has("a", &json!({"y": [true, null], "x": 1})));
        let others = [
            ("a", json!({"x": 1})),
            ("b", json!(1)),
            ("c", json!("1")),
            ("d", json!(1)),
        ];
        assert!(others.iter().all(|(name, value)| !prints.has(name, value)));
        assert_eq!(Prints::parse("1234567"), None);
        assert_eq!(Prints::parse("1234567g"), None);
        assert_eq!(Prints::parse(""), Some(Prints::default()));
    }
}
