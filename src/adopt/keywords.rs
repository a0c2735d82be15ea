//! Keywords: `##NAME##` and `@@NAME@@` in the Deploy CLI's files, and what its settings put in their place. It replaces them in the
//! text, before it is read, and so do we: only then does the text mean to us what it means there. Pure.

use serde_json::{Map, Value};

/// The key of its settings that says what stands for which keyword.
const MAPPINGS: &str = "AUTH0_KEYWORD_REPLACE_MAPPINGS";
/// A character that stands in no value.
const OTHER: char = '\u{e000}';

/// What stands for which keyword, in the order of the settings: one may bring in the next.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Mappings(Vec<Mapping>);

#[derive(Debug, Clone, PartialEq)]
struct Mapping {
    keyword: String,
    /// What stands for `@@NAME@@`, quoted or not: JSON.
    json: String,
    /// What stands for `##NAME##`: text as it is. None of an object, which has no text that anybody would want.
    text: Option<String>,
}

/// A text that its keywords make larger than any file may be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLarge;

impl Mappings {
    /// The mappings in the settings of the Deploy CLI. A variable of the environment has them as text, which it takes in a file, too.
    ///
    /// # Errors
    /// They are no map of names.
    pub(crate) fn of_settings(settings: &Map<String, Value>) -> Result<Mappings, String> {
        let no_map = || format!("`{MAPPINGS}` is no map of keywords");
        let mappings = match settings.get(MAPPINGS) {
            None | Some(Value::Null) => return Ok(Mappings::default()),
            Some(Value::String(text)) => crate::json::parse(text).map_err(|_| no_map())?,
            Some(mappings) => mappings.clone(),
        };
        let Value::Object(mappings) = mappings else {
            return Err(no_map());
        };
        let mappings = mappings.iter().filter(|(keyword, _)| !keyword.is_empty());
        Ok(Mappings(
            mappings
                .map(|(keyword, value)| Mapping::new(keyword, value))
                .collect(),
        ))
    }

    /// The same keywords with other values. What a text says otherwise with these is what comes from a keyword.
    pub(crate) fn otherwise(&self) -> Mappings {
        let other = |mapping: &Mapping| Mapping {
            keyword: mapping.keyword.clone(),
            json: match crate::json::parse(&mapping.json) {
                Ok(value) => other_value(value).to_string(),
                Err(_) => mapping.json.clone(),
            },
            text: mapping.text.as_deref().map(other_text),
        };
        Mappings(self.0.iter().map(other).collect())
    }

    /// The keywords, each with the mappings in which it alone has another value.
    pub(crate) fn each_otherwise(&self) -> impl Iterator<Item = (&str, Mappings)> {
        let otherwise = self.otherwise();
        let each = self.0.iter().zip(otherwise.0).enumerate();
        each.map(|(at, (mapping, other))| {
            let mut mappings = self.clone();
            if let Some(mapping) = mappings.0.get_mut(at) {
                *mapping = other;
            }
            (mapping.keyword.as_str(), mappings)
        })
    }

    /// A text without its keywords, whether or not anything stands for them.
    pub(crate) fn removed(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for Mapping { keyword, .. } in &self.0 {
            for mark in [format!("@@{keyword}@@"), format!("##{keyword}##")] {
                text = text.replace(&mark, "");
            }
        }
        let mut removed = String::new();
        let mut from = 0;
        for (at, end) in marks(&text) {
            removed.push_str(&text[from..at]);
            from = end;
        }
        removed.push_str(&text[from..]);
        removed
    }

    /// The text with each keyword replaced: first those of lists, with their quotes, then those of texts.
    ///
    /// # Errors
    /// It would be larger than `largest` bytes.
    pub(crate) fn replaced(&self, text: &str, largest: u64) -> Result<String, TooLarge> {
        let mut text = text.to_owned();
        let quoted = |mark: &str| [format!("'{mark}'"), format!("\"{mark}\""), mark.to_owned()];
        for Mapping { keyword, json, .. } in &self.0 {
            for mark in quoted(&format!("@@{keyword}@@")) {
                text = with(text, &mark, json, largest)?;
            }
        }
        for mapping in &self.0 {
            if let Some(value) = &mapping.text {
                text = with(text, &format!("##{}##", mapping.keyword), value, largest)?;
            }
        }
        Ok(text)
    }
}

impl Mapping {
    fn new(keyword: &str, value: &Value) -> Mapping {
        Mapping {
            keyword: keyword.to_owned(),
            json: value.to_string(),
            text: text_of(value),
        }
    }
}

/// A value as JavaScript puts it into a text.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(entries) => {
            let texts = entries.iter().map(|entry| match entry {
                Value::Null => Some(String::new()),
                entry => text_of(entry),
            });
            Some(texts.collect::<Option<Vec<_>>>()?.join(","))
        }
        Value::Object(_) => None,
        value => Some(value.to_string()),
    }
}

/// One mapping may have others in it, many times over, so that the size is looked at before anything is replaced.
fn with(text: String, mark: &str, value: &str, largest: u64) -> Result<String, TooLarge> {
    let count = text.matches(mark).count();
    if count == 0 {
        return Ok(text);
    }
    let size = count.saturating_mul(value.len()).saturating_add(text.len());
    match size as u64 > largest {
        true => Err(TooLarge),
        false => Ok(text.replace(mark, value)),
    }
}

/// Another value of the same type, so that a text with it in it can be read, too. No key of an object has the same value as before.
fn other_value(value: Value) -> Value {
    match value {
        Value::String(text) => other_text(&text).into(),
        Value::Bool(value) => (!value).into(),
        Value::Number(number) => other_number(&number.to_string()),
        Value::Null => OTHER.to_string().into(),
        Value::Array(mut entries) => {
            entries.push(OTHER.to_string().into());
            entries.into()
        }
        Value::Object(fields) => {
            let other = fields.into_iter();
            let mut other: Map<String, Value> = other
                .map(|(key, value)| (key, other_value(value)))
                .collect();
            other.insert(OTHER.to_string(), true.into());
            other.into()
        }
    }
}

/// What stands without quotes may be a number, a switch or a list, and has to stay one.
fn other_text(text: &str) -> String {
    match text.trim() {
        "true" => "false".to_owned(),
        "false" => "true".to_owned(),
        json => match crate::json::parse(json) {
            Ok(Value::Number(_)) => other_number(json).to_string(),
            Ok(list @ (Value::Array(_) | Value::Object(_))) => other_value(list).to_string(),
            _ => format!("{text}{OTHER}"),
        },
    }
}

fn other_number(number: &str) -> Value {
    match number {
        "7" => 8.into(),
        _ => 7.into(),
    }
}

/// The keywords in a value that nothing was put in the place of, each once. Of `@@NAME@@` only upper case counts: login pages have words
/// like `@@config@@` in them that are none.
pub(crate) fn keywords_in(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    find(value, &mut found);
    found.sort();
    found.dedup();
    found
}

fn find(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.extend(marks(text).map(|(at, end)| text[at..end].to_owned())),
        Value::Array(entries) => entries.iter().for_each(|entry| find(entry, found)),
        Value::Object(fields) => fields.values().for_each(|value| find(value, found)),
        _ => {}
    }
}

/// Where keywords stand in a text: from which byte to which.
fn marks(text: &str) -> impl Iterator<Item = (usize, usize)> + '_ {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = text.get(from..)?;
            let at = from
                + [rest.find("##"), rest.find("@@")]
                    .into_iter()
                    .flatten()
                    .min()?;
            let sign = text.get(at..at + 2)?;
            let inside = text.get(at + 2..)?;
            let is_of_name = |byte: &u8| match sign {
                "##" => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'),
                _ => matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_'),
            };
            let name = inside.bytes().take_while(is_of_name).count();
            if name > 0 && inside.get(name..)?.starts_with(sign) {
                let end = at + 2 + name + 2;
                from = end;
                return Some((at, end));
            }
            from = at + 1;
        }
    })
}

/// The text with quotes around each keyword that stands alone where a value is to stand: nothing was put in its place, and without
/// quotes it is no JSON, and to YAML an error or a comment.
pub(crate) fn with_quotes(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    let mut from = 0;
    for (at, end) in marks(text) {
        let before = text[..at].trim_end_matches([' ', '\t', '\n', '\r']);
        let after = text[end..].trim_start_matches([' ', '\t']);
        let is_value = before.ends_with([':', '-', '[', ','])
            && (after.is_empty() || after.starts_with(['\n', '\r', ',', ']', '}']));
        quoted.push_str(&text[from..at]);
        match is_value {
            true => quoted.push_str(&format!("\"{}\"", &text[at..end])),
            false => quoted.push_str(&text[at..end]),
        }
        from = end;
    }
    quoted.push_str(&text[from..]);
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn mappings(mappings: Value) -> Mappings {
        let settings = json!({"AUTH0_KEYWORD_REPLACE_MAPPINGS": mappings});
        Mappings::of_settings(settings.as_object().unwrap()).unwrap()
    }

    #[test]
    fn keywords_are_replaced_as_the_deploy_cli_does() {
        let mappings = mappings(json!({
            "ENV": "dev", "LIST": ["a", "b"], "N": 12, "ON": true, "ORIGIN": "https://##ENV##.example", "O": {"a": 1}, "$&": "$'",
        }));
        let texts = [
            "##ENV##-##ENV##",
            "[@@LIST@@, '@@LIST@@', \"@@LIST@@\"]",
            "##LIST## ##N## ##ON##",
            "\"@@ENV@@\"",
            "##ORIGIN## ##O## @@O@@",
            "##$&## ##NONE## ##env##",
        ];
        let replaced = texts.map(|text| mappings.replaced(text, 1000).unwrap());
        insta::assert_snapshot!(replaced.join("\n"), @r#"
        dev-dev
        [["a","b"], ["a","b"], ["a","b"]]
        a,b 12 true
        "dev"
        https://##ENV##.example ##O## {"a":1}
        $' ##NONE## ##env##
        "#);
    }

    #[test]
    fn other_values_are_of_the_same_type() {
        let mappings = mappings(json!({
            "A": "a", "L": [], "N": 7, "B": "true", "T": "12", "O": {"a": "b", "c": {"d": null}},
        }));
        let text = "[\"##A##\", @@L@@, @@N@@, ##B##, ##T##, @@O@@]";
        let other = mappings.otherwise().replaced(text, 1000).unwrap();
        assert_eq!(
            crate::json::parse(&other).unwrap(),
            json!(["a\u{e000}", ["\u{e000}"], 8, false, 7, {
                "a": "b\u{e000}", "c": {"d": "\u{e000}", "\u{e000}": true}, "\u{e000}": true,
            }])
        );
    }

    #[test]
    fn mappings_that_bring_each_other_in_have_a_bound() {
        let names: Vec<String> = (0..40).map(|number| format!("K{number}")).collect();
        let chain: Map<String, Value> = names
            .windows(2)
            .map(|pair| (pair[0].clone(), format!("##{0}####{0}##", pair[1]).into()))
            .collect();
        let chain = mappings(chain.into());
        assert_eq!(chain.replaced("##K0##", 1 << 20), Err(TooLarge));
    }

    #[test]
    fn settings_may_have_them_as_text_and_nothing_else() {
        let text = mappings(json!("{\"A\": \"a\"}"));
        assert_eq!(text, mappings(json!({"A": "a"})));
        for wrong in [json!([1]), json!("{"), json!(1)] {
            let settings = json!({"AUTH0_KEYWORD_REPLACE_MAPPINGS": wrong});
            assert!(Mappings::of_settings(settings.as_object().unwrap()).is_err());
        }
    }

    #[test]
    fn what_has_no_mapping_is_found_and_can_be_read() {
        let value = json!({"a": ["x ##B## y", "@@A_1@@ ##B##"], "c": "@@password@@ ## # @@ ####", "d": "###E##", "e": "##my-env.1##"});
        assert_eq!(
            keywords_in(&value),
            ["##B##", "##E##", "##my-env.1##", "@@A_1@@"]
        );
        assert_eq!(
            with_quotes("{\"a\": @@A@@, \"b\": [##B##], \"c\": \"x ##C## y\", \"d\": \"##D##\"}"),
            "{\"a\": \"@@A@@\", \"b\": [\"##B##\"], \"c\": \"x ##C## y\", \"d\": \"##D##\"}"
        );
        assert_eq!(
            with_quotes("a: ##A##\nb:\n  - @@B@@\n# ##C##\n"),
            "a: \"##A##\"\nb:\n  - \"@@B@@\"\n# ##C##\n"
        );
    }
}
