//! The words for what is wrong with a value: plain ones, the same for every field, unless the schema has better ones.

use serde_json::{Map, Value};

use super::{Step, Violation, is_nullable, texts};
use crate::closest::closest;
use crate::json::type_in_words;
use crate::printable::one_line;

/// What is wrong with a value by one keyword of its rules. `x-messages` beside the keyword has words that fit better than
/// those for any value.
pub(super) fn in_words(path: Vec<Step>, keyword: &str, rules: &Value, value: &Value) -> Violation {
    let (problem, hint) = words(keyword, rules, value);
    // Null has words of its own: what a wrong type's hint says does not help who wants to clear a field.
    let case = match (keyword, value) {
        ("type", Value::Null) => "null",
        _ => keyword,
    };
    let message = |part: &str| {
        let text = rules.get("x-messages")?.get(case)?.get(part)?.as_str()?;
        Some(text.to_owned())
    };
    Violation {
        path,
        problem: message("problem").unwrap_or(problem),
        hint: message("hint").or(hint),
    }
}

/// The words for any value: what is wrong by a keyword, and what to write instead.
fn words(keyword: &str, rules: &Value, value: &Value) -> (String, Option<String>) {
    let limit = rules.get(keyword).unwrap_or(&Value::Null);
    let at_most = || Some(format!("Auth0 allows at most {limit}"));
    let clear = || is_nullable(rules).then(|| "write null to clear it".to_owned());
    let range = || {
        let (least, most) = (rules.get("minimum")?, rules.get("maximum")?);
        Some(format!("Auth0 takes {least} to {most}"))
    };
    match keyword {
        "type" => wrong_type(limit, value),
        "enum" => wrong_choice(limit, value),
        "additionalProperties" => unknown_key(rules, value),
        "required" => {
            let keys = texts(limit).filter(|key| value.get(key).is_none());
            (format!("lacks {}", list(keys)), None)
        }
        "minLength" | "pattern" if value == "" => ("is empty".to_owned(), None),
        "maxLength" => {
            let count = value.as_str().map_or(0, |text| text.chars().count());
            (format!("has {count} characters"), at_most())
        }
        "minItems" => ("is an empty list".to_owned(), clear()),
        "minProperties" => ("is an empty object".to_owned(), clear()),
        "maxProperties" => {
            let count = value.as_object().map_or(0, Map::len);
            (format!("has {count} keys"), at_most())
        }
        "minimum" => (format!("is less than {limit}"), range()),
        "maximum" => (format!("is more than {limit}"), range()),
        _ => ("is nothing that Auth0 takes".to_owned(), None),
    }
}

fn wrong_type(types: &Value, value: &Value) -> (String, Option<String>) {
    let words = |name| match name {
        "string" => "text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list",
        _ => "an object",
    };
    let types = || types.as_str().into_iter().chain(texts(types));
    if value.is_null() {
        return ("may not be null".to_owned(), None);
    }
    let expected: Vec<&str> = types().filter(|name| *name != "null").map(words).collect();
    let found = match value {
        Value::Number(_) if expected == ["a whole number"] => "a number with a fraction",
        _ => type_in_words(value),
    };
    let is = |name: &str| types().any(|other| other == name);
    let hint = match value {
        Value::Bool(_) | Value::Number(_) if is("string") => Some("put the value into quotes"),
        Value::String(_) if is("boolean") => Some("write true or false, without quotes"),
        Value::String(_) if is("integer") => Some("write the number without quotes"),
        Value::Bool(_) | Value::Number(_) | Value::String(_) if is("array") => Some("write a list"),
        _ => None,
    };
    let problem = format!("is {found}, not {}", expected.join(" or "));
    (problem, hint.map(str::to_owned))
}

fn wrong_choice(choices: &Value, value: &Value) -> (String, Option<String>) {
    let choices: Vec<&str> = texts(choices).collect();
    let typed = value.as_str().unwrap_or_default();
    let (found, meant) = match typed.chars().count() {
        0 => ("is empty".to_owned(), None),
        1..=LONGEST_QUOTED => {
            let meant = closest(typed, choices.iter().copied());
            (format!("is `{}`", one_line(typed)), meant)
        }
        _ => ("is another text".to_owned(), None),
    };
    let shown = choices.iter().copied().take(MOST_CHOICES);
    let more = match choices.len() > MOST_CHOICES {
        true => ", …",
        false => "",
    };
    let problem = format!("{found}, and may be {}{more}", list(shown));
    (problem, meant.map(did_you_mean))
}

fn unknown_key(rules: &Value, value: &Value) -> (String, Option<String>) {
    let known = rules.get("properties").and_then(Value::as_object);
    let known = || known.into_iter().flat_map(Map::keys).map(String::as_str);
    let keys = value.as_object().into_iter().flat_map(Map::keys);
    let mut unknown = keys.filter(|key| !known().any(|other| other == key.as_str()));
    let unknown = unknown.next().map_or("", String::as_str);
    let missing = known().filter(|key| value.get(key).is_none());
    let start: String = unknown.chars().take(LONGEST_QUOTED).collect();
    let cut = match start.len() < unknown.len() {
        true => "…",
        false => "",
    };
    (
        format!(
            "has a key `{}{cut}` that Auth0 does not know",
            one_line(&start)
        ),
        closest(&start, missing).map(did_you_mean),
    )
}

/// The longest foreign text that a message quotes, in characters.
const LONGEST_QUOTED: usize = 40;

/// How many choices a message lists.
const MOST_CHOICES: usize = 8;

fn did_you_mean(meant: &str) -> String {
    format!("did you mean `{meant}`?")
}

/// Names of the schema, quoted.
fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    names.join(", ")
}
