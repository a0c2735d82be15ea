//! Writes a JSON file.

use serde_json::{Map, Value};

use crate::printable::printable_json;

/// The text of a file with these fields: those that are named in `leading`, in that order, then all others by name.
pub(super) fn write(fields: &Map<String, Value>, leading: &[&str]) -> String {
    let mut rest = fields.clone();
    let mut object = Map::new();
    for name in leading {
        object.extend(rest.swap_remove_entry(*name));
    }
    rest.sort_keys();
    object.extend(rest);
    object.values_mut().for_each(Value::sort_all_objects);
    printable_json(&format!("{:#}\n", Value::Object(object))).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::document::{Document, Format};
    use crate::yaml::tests::{HOSTILE, fields, object, realistic};
    use proptest::prelude::*;
    use serde_json::json;

    const LEADING: [&str; 4] = ["client_id", "name", "description", "allowed_clients"];

    fn read(text: &str) -> Result<Map<String, Value>, String> {
        Document::parse(text.as_bytes(), Format::Json)
            .map(Document::into_fields)
            .map_err(|error| format!("{}: {error}", error.position))
    }

    #[test]
    fn a_new_file() {
        insta::assert_snapshot!(write(&realistic(), &LEADING), @r#"
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
            assert_eq!(read(&write(&fields, &LEADING)).as_ref(), Ok(&fields));
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
    fn numbers_keep_their_text() {
        let text =
            "{\n  \"n\": [\n    1.10,\n    -0,\n    123456789012345678901234567890\n  ]\n}\n";
        assert_eq!(write(&read(text).unwrap(), &LEADING), text);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_written_is_read(fields in fields()) {
            let text = write(&fields, &LEADING);
            prop_assert_eq!(read(&text), Ok(fields), "{}", text);
        }
    }
}
