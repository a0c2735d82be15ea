//! JSON client files: a strict reader that knows where everything stands, a writer in file order, and a rewriter that
//! leaves unchanged values and the order of keys alone.

use std::collections::HashMap;

use crate::printable::printable_json;
use serde::Deserializer as _;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::document::{Fault, MAX_DEPTH, Parsed, Walk, by_name, in_order};

/// Reads a client's file.
///
/// # Errors
/// It is not one JSON object, a key is there twice, or it is nested too deep.
pub(super) fn parse(text: &str) -> Result<Parsed, Fault> {
    let reader = Reader { text };
    let root = reader.leaf::<&RawValue>(text)?.get();
    if !root.starts_with('{') {
        return Err(
            Fault::new(reader.offset(root), "is not an object at its top level")
                .hint("a client's file is an object of field names and values"),
        );
    }
    let mut parsed = Parsed {
        fields: Map::new(),
        offsets: Vec::new(),
    };
    for (key, raw_key, raw) in reader.entries(root)? {
        let entries = if raw.starts_with('[') {
            let raw = reader.leaf::<Vec<&RawValue>>(raw)?;
            raw.iter().map(|raw| reader.offset(raw.get())).collect()
        } else {
            Vec::new()
        };
        parsed
            .offsets
            .push((key.clone(), reader.offset(raw_key), entries));
        parsed.fields.insert(key, reader.value(raw, 2)?);
    }
    Ok(parsed)
}

/// The text of a new file with these fields.
pub(super) fn write(fields: &Map<String, Value>) -> String {
    let (leading, read_only) = in_order(fields);
    let fields = leading.into_iter().chain(read_only);
    let object: Map<String, Value> = fields
        .map(|(field, value)| (field.clone(), sorted(value)))
        .collect();
    printable_json(&format!("{:#}\n", Value::Object(object))).into_owned()
}

/// `old` with these fields in it; None where `old` can't be read.
pub(super) fn rewrite(old: &str, fields: &Map<String, Value>) -> Option<String> {
    let parsed = parse(old).ok()?;
    if parsed.fields == *fields {
        return Some(old.to_owned());
    }
    let reader = Reader { text: old };
    let root = reader.leaf::<&RawValue>(old).ok()?.get();
    let entries = reader.entries(root).ok()?;
    let (Some((_, first, _)), Some((_, _, last))) = (entries.first(), entries.last()) else {
        return Some(write(fields));
    };
    // The white space around the entries, as the file has it: after `{`, between entries, before `}`.
    let opening = old.get(..reader.offset(first))?;
    let closing = old.get(reader.offset(last) + last.len()..)?;
    let margin = opening.rsplit('{').next()?;
    let separator = format!(",{margin}");
    let indent = margin.rsplit('\n').next().unwrap_or_default();

    let mut texts: Vec<(&str, String)> = Vec::new();
    for (key, raw_key, raw) in &entries {
        let Some(value) = fields.get(key) else {
            continue;
        };
        let start = reader.offset(raw_key);
        let value_start = reader.offset(raw);
        let before = old.get(start..value_start)?;
        let value = if parsed.fields.get(key) == Some(value) {
            (*raw).to_owned()
        } else {
            indented(value, indent)
        };
        texts.push((key, format!("{before}{value}")));
    }
    let (leading, read_only) = in_order(fields);
    let order: Vec<&String> = leading
        .iter()
        .chain(&read_only)
        .map(|(key, _)| *key)
        .collect();
    for (at, key) in order.iter().enumerate() {
        if parsed.fields.contains_key(*key) {
            continue;
        }
        // After the nearest field before it in the order that the file has.
        let before = order.iter().take(at).rev();
        let place = before
            .filter_map(|before| texts.iter().position(|(key, _)| key == before))
            .next()
            .map_or(0, |at| at + 1);
        let value = indented(fields.get(*key)?, indent);
        let text = format!("{}: {value}", Value::String((*key).clone()));
        texts.insert(place, (key, text));
    }
    let texts: Vec<String> = texts.into_iter().map(|(_, text)| text).collect();
    let text = format!("{opening}{}{closing}", texts.join(&separator));
    match parse(&text) {
        Ok(parsed) if parsed.fields == *fields => Some(text),
        _ => None,
    }
}

/// The value's text, pretty, for a place that is indented so far.
fn indented(value: &Value, indent: &str) -> String {
    format!("{:#}", sorted(value)).replace('\n', &format!("\n{indent}"))
}

/// The same value with the keys of every object in it by name.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(object) => by_name(object)
            .into_iter()
            .map(|(key, value)| (key.clone(), sorted(value)))
            .collect(),
        Value::Array(entries) => entries.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

struct Reader<'a> {
    text: &'a str,
}

impl<'a> Reader<'a> {
    /// The offset of a part of the text.
    fn offset(&self, part: &str) -> usize {
        (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize)
    }

    /// A part of the text as serde_json reads it.
    fn leaf<T: serde::Deserialize<'a>>(&self, raw: &'a str) -> Result<T, Fault> {
        serde_json::from_str(raw).map_err(|error| self.fault(raw, &error))
    }

    fn fault(&self, raw: &str, error: &serde_json::Error) -> Fault {
        let before = error.line().saturating_sub(1);
        let line: usize = raw.split_inclusive('\n').take(before).map(str::len).sum();
        let mut offset = (line + error.column().saturating_sub(1)).min(raw.len());
        while !raw.is_char_boundary(offset) {
            offset -= 1;
        }
        // serde_json appends the place, which is one in the part that it was given.
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default();
        Fault::new(
            self.offset(raw) + offset,
            format!("is not JSON: {}", message.to_lowercase()),
        )
    }

    /// An object's entries: key, the key's text, the value's text.
    fn entries(&self, raw: &'a str) -> Result<Vec<(String, &'a str, &'a str)>, Fault> {
        let raw_entries = serde_json::Deserializer::from_str(raw)
            .deserialize_map(Entries)
            .map_err(|error| self.fault(raw, &error))?;
        let mut seen: HashMap<String, usize> = HashMap::new();
        let mut entries = Vec::with_capacity(raw_entries.len());
        for (raw_key, raw) in raw_entries {
            let key: String = self.leaf(raw_key.get())?;
            let at = self.offset(raw_key.get());
            if let Some(first) = seen.insert(key.clone(), at) {
                let first = Walk::over(self.text).position(first);
                return Err(Fault::duplicate(at, &key, first));
            }
            entries.push((key, raw_key.get(), raw.get()));
        }
        Ok(entries)
    }

    /// A value from its text, which is known to be well-formed up to the escapes in strings.
    fn value(&self, raw: &'a str, depth: usize) -> Result<Value, Fault> {
        match raw.as_bytes().first() {
            Some(b'{' | b'[') if depth > MAX_DEPTH => Err(Fault::too_deep(self.offset(raw))),
            Some(b'{') => self
                .entries(raw)?
                .into_iter()
                .map(|(key, _, raw)| Ok((key, self.value(raw, depth + 1)?)))
                .collect(),
            Some(b'[') => self
                .leaf::<Vec<&RawValue>>(raw)?
                .into_iter()
                .map(|raw| self.value(raw.get(), depth + 1))
                .collect(),
            _ => self.leaf(raw),
        }
    }
}

struct Entries;

impl<'a> Visitor<'a> for Entries {
    type Value = Vec<(&'a RawValue, &'a RawValue)>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use crate::files::document::{Document, Format, rewrite, write};
    use crate::files::yaml::tests::{HOSTILE, fields, object, realistic};

    fn read(text: &str) -> Result<Map<String, Value>, String> {
        Document::parse(text.as_bytes(), Format::Json)
            .map(Document::into_fields)
            .map_err(|error| format!("{}: {error}", error.position))
    }

    #[test]
    fn a_new_file() {
        insta::assert_snapshot!(write(&realistic(), Format::Json), @r#"
        {
          "client_id": "AaiyAPdpYdesoKnqjj8HJqRn4T5titww",
          "name": "Web App",
          "description": "",
          "allowed_clients": [
            "4KWdBigdmxBion",
            "12345678"
          ],
          "addons": {
            "samlp": {
              "mappings": [
                {
                  "from": "b",
                  "to": "a"
                },
                [
                  "x",
                  [
                    "y"
                  ]
                ]
              ]
            }
          },
          "callbacks": [
            "https://app.acme.example/callback",
            "http://localhost:3000"
          ],
          "client_metadata": {
            "beta": "no",
            "cost": "0123",
            "team": "web"
          },
          "custom_login_page": "<html>\n  <body>\n    hello\n  </body>\n</html>\n",
          "global": false,
          "jwt_configuration": {
            "alg": "RS256",
            "lifetime_in_seconds": 36000,
            "scopes": {}
          },
          "logo_uri": null,
          "tenant": "acme-dev",
          "web_origins": [],
          "weight": 1
        }
        "#);
    }

    #[test]
    fn hostile_text_everywhere() {
        for text in HOSTILE {
            let fields = object(json!({"client_id": text, (*text): [text, {(*text): text}]}));
            assert_eq!(read(&write(&fields, Format::Json)).as_ref(), Ok(&fields));
        }
    }

    #[test]
    fn refusals_say_where_and_what() {
        let deep = format!("{{\"a\": {}", "[".repeat(100_000));
        let closed = format!("{{\"a\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        let cases = [
            "",
            "[1]",
            "\n  \"a\"",
            "{\"a\": 1} x",
            "{\n  \"a\": 1,\n  \"b\": 2,\n  \"\\u0061\": 3\n}",
            "{\"é\": [{\"b\": 1, \"b\": 2}]}",
            "{\"a\": 01}",
            "{\"a\": .5}",
            "{\"a\": NaN}",
            "{\"a\": \"\\ud800\"}",
            "{\"a\": \"\t\"}",
            "{\"a\": 1,}",
            "{a: 1}",
            "{'a': 1}",
            "{\"a\": 1 // c\n}",
            "{\"a\": tru}",
            "{\"\\udc00\": 1}",
            &deep,
            &closed,
        ];
        let errors: Vec<String> = cases
            .into_iter()
            .map(|text| read(text).unwrap_err())
            .collect();
        insta::assert_snapshot!(errors.join("\n"), @r#"
        1:1: is not JSON: eof while parsing a value
        1:1: is not an object at its top level
        2:3: is not an object at its top level
        1:10: is not JSON: trailing characters
        4:3: `a` is there twice, first on line 2
        1:17: `b` is there twice, first on line 1
        1:8: is not JSON: invalid number
        1:7: is not JSON: expected value
        1:7: is not JSON: expected value
        1:14: is not JSON: unexpected end of hex escape
        1:7: is not JSON: control character (\u0000-\u001f) found while parsing a string
        1:9: is not JSON: key must be a string
        1:2: is not JSON: key must be a string
        1:2: is not JSON: key must be a string
        1:9: is not JSON: expected `,` or `}`
        1:10: is not JSON: expected ident
        1:8: is not JSON: lone leading surrogate in hex escape
        1:100006: is not JSON: eof while parsing a list
        1:134: lists and objects are nested more than 128 deep
        "#);
    }

    #[test]
    fn positions_are_those_of_keys_and_entries() {
        let text = "\u{feff}{\r\n\t\"é\": [1, \"ü\", {\"x\": []}], \"b\":2}";
        let document = Document::parse(text.as_bytes(), Format::Json).unwrap();
        assert_eq!(document.position("é").to_string(), "2:2");
        assert_eq!(document.position("b").to_string(), "2:28");
        assert_eq!(document.entry_position("é", 2).to_string(), "2:16");
    }

    #[test]
    fn numbers_keep_their_text() {
        let text =
            "{\n  \"n\": [\n    1.10,\n    -0,\n    123456789012345678901234567890\n  ]\n}\n";
        assert_eq!(write(&read(text).unwrap(), Format::Json), text);
    }

    #[test]
    fn a_rewrite_keeps_order_and_unchanged_values() {
        let old = "{\n    \"name\": \"\\u0041\",\n    \"client_id\": \"a\",\n    \"x\": [1,2, {\"z\":1}],\n    \"gone\": 1,\n    \"y\": [ 3 ]\n}\n";
        let fields = object(
            json!({"client_id": "a", "name": "A", "allowed_clients": ["b"], "x": [1, 2, {"z": 1}], "y": {"c": 1}, "xx": {}}),
        );
        let rewritten = rewrite(old, &fields, Format::Json);
        assert!(!rewritten.afresh);
        insta::assert_snapshot!(rewritten.text, @r#"
        {
            "name": "\u0041",
            "allowed_clients": [
              "b"
            ],
            "client_id": "a",
            "x": [1,2, {"z":1}],
            "xx": {},
            "y": {
              "c": 1
            }
        }
        "#);
        assert_eq!(
            rewrite("{", &fields, Format::Json).text,
            write(&fields, Format::Json)
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_written_is_read_and_rewritten(old in fields(), new in fields()) {
            let text = write(&old, Format::Json);
            prop_assert_eq!(read(&text), Ok(old.clone()), "{}", text);
            prop_assert_eq!(&rewrite(&text, &old, Format::Json).text, &text);
            let rewritten = rewrite(&text, &new, Format::Json);
            prop_assert!(!rewritten.afresh);
            prop_assert_eq!(read(&rewritten.text), Ok(new.clone()), "{}", rewritten.text);
            let compact = Value::Object(old).to_string();
            let rewritten = rewrite(&compact, &new, Format::Json);
            prop_assert!(!rewritten.afresh);
            prop_assert_eq!(read(&rewritten.text), Ok(new), "{}", rewritten.text);
        }
    }
}
