//! JSON client files: a strict reader that knows where everything stands, a writer in file order, and a rewriter that
//! leaves unchanged values and the order of keys alone.

use serde_json::{Map, Value};

use super::document::{Fault, Parsed, Walk, by_name, in_order};
use crate::json;
use crate::printable::printable_json;

/// Reads a client's file.
///
/// # Errors
/// It is not one JSON object, a key is there twice, or it is nested too deep.
pub(super) fn parse(text: &str) -> Result<Parsed, Fault> {
    let read = json::parse_object(text).map_err(|fault| match fault {
        json::Fault::Syntax(offset, problem) => {
            Fault::new(offset, format!("is not JSON: {problem}"))
        }
        json::Fault::Duplicate(offset, key, first) => {
            Fault::duplicate(offset, &key, Walk::over(text).position(first))
        }
        json::Fault::TooDeep(offset) => Fault::too_deep(offset),
    })?;
    let Some((fields, places)) = read else {
        let start = text.len() - text.trim_start().len();
        return Err(Fault::new(start, "is not an object at its top level")
            .hint("a client's file is an object of field names and values"));
    };
    let keys = fields.keys().cloned();
    let offsets = keys
        .zip(places)
        .map(|(key, place)| (key, place.key, place.entries));
    Ok(Parsed {
        offsets: offsets.collect(),
        fields,
    })
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
    let (was, places) = json::parse_object(old).ok()??;
    if was == *fields {
        return Some(old.to_owned());
    }
    let (Some(first), Some(last)) = (places.first(), places.last()) else {
        return Some(write(fields));
    };
    // The white space around the entries, as the file has it: after `{`, between entries, before `}`.
    let opening = old.get(..first.key)?;
    let closing = old.get(last.end..)?;
    let margin = opening.rsplit('{').next()?;
    let separator = format!(",{margin}");
    let indent = margin.rsplit('\n').next().unwrap_or_default();

    let mut texts: Vec<(&str, String)> = Vec::new();
    for ((key, before), place) in was.iter().zip(&places) {
        let Some(value) = fields.get(key) else {
            continue;
        };
        let text = if before == value {
            old.get(place.key..place.end)?.to_owned()
        } else {
            let key = old.get(place.key..place.start)?;
            format!("{key}{}", indented(value, indent))
        };
        texts.push((key, text));
    }
    let (leading, read_only) = in_order(fields);
    let order: Vec<&String> = leading
        .iter()
        .chain(&read_only)
        .map(|(key, _)| *key)
        .collect();
    for (at, key) in order.iter().enumerate() {
        if was.contains_key(*key) {
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
        1:1: is not JSON: the text ends too early
        1:1: is not an object at its top level
        2:3: is not an object at its top level
        1:10: is not JSON: something follows the end
        4:3: `a` is there twice, first on line 2
        1:17: `b` is there twice, first on line 1
        1:9: is not JSON: a number is not one of JSON's
        1:7: is not JSON: this is no value
        1:7: is not JSON: this is no value
        1:8: is not JSON: half a character is escaped
        1:8: is not JSON: a control character stands in a string
        1:9: is not JSON: a key in double quotes is missing
        1:2: is not JSON: a key in double quotes is missing
        1:2: is not JSON: a key in double quotes is missing
        1:9: is not JSON: `,` or `}` is missing
        1:7: is not JSON: this is no value
        1:3: is not JSON: half a character is escaped
        1:134: lists and objects are nested more than 128 deep
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
