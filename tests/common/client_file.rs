//! A client's file, read and edited by other means than tenantry's own.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Number, Value};

use super::Fields;

/// A client's file, read by a parser that tenantry does not use for it.
pub fn read(path: &str, text: &str) -> Fields {
    let value = if path.ends_with(".json") {
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{path}: {error}\n{text}"))
    } else {
        exact_yaml(text).unwrap_or_else(|error| panic!("{path}: {error}\n{text}"))
    };
    match value {
        Value::Object(fields) => fields,
        other => panic!("{path} is no object: {other}"),
    }
}

/// A YAML text as JSON, numbers to the last digit: plain text is what JSON says it is, or else text, and then no other
/// reader of YAML may take it for something else.
pub fn exact_yaml(text: &str) -> Result<Value, String> {
    let mut parser = Parser::new_from_str(text);
    loop {
        let (event, _) = next(&mut parser)?;
        if let Event::StreamStart | Event::DocumentStart(_) | Event::Nothing = event {
            continue;
        }
        return node(event, &mut parser);
    }
}

type Events<'a> = Parser<'a, saphyr_parser::StrInput<'a>>;

fn next<'a>(parser: &mut Events<'a>) -> Result<(Event<'a>, saphyr_parser::Span), String> {
    match parser.next_event() {
        Some(event) => event.map_err(|error| error.to_string()),
        None => Err("it ends too early".to_owned()),
    }
}

fn node<'a>(event: Event<'a>, parser: &mut Events<'a>) -> Result<Value, String> {
    match event {
        Event::Scalar(text, ScalarStyle::Plain, ..) => plain(&text),
        Event::Scalar(text, ..) => Ok(Value::String(text.into_owned())),
        Event::SequenceStart(..) => {
            let mut entries = Vec::new();
            loop {
                match next(parser)?.0 {
                    Event::SequenceEnd => return Ok(Value::Array(entries)),
                    event => entries.push(node(event, parser)?),
                }
            }
        }
        Event::MappingStart(..) => {
            let mut fields = Fields::new();
            loop {
                let key = match next(parser)?.0 {
                    Event::MappingEnd => return Ok(Value::Object(fields)),
                    Event::Scalar(text, ..) => text.into_owned(),
                    other => return Err(format!("a key is {other:?}")),
                };
                let (event, _) = next(parser)?;
                let value = node(event, parser)?;
                if fields.insert(key.clone(), value).is_some() {
                    return Err(format!("{key} is there twice"));
                }
            }
        }
        other => Err(format!("there is {other:?}")),
    }
}

fn plain(text: &str) -> Result<Value, String> {
    if text.is_empty() || text == "~" {
        return Ok(Value::Null);
    }
    if let Ok(value @ (Value::Null | Value::Bool(_) | Value::Number(_))) =
        serde_json::from_str(text)
    {
        return Ok(value);
    }
    if is_unclear(text) {
        return Err(format!(
            "the plain text `{text}` is not text to every reader"
        ));
    }
    Ok(Value::String(text.to_owned()))
}

/// Whether YAML 1.1 or 1.2 takes a plain text for something else.
fn is_unclear(text: &str) -> bool {
    let text = text.to_lowercase();
    let words = [
        "null", "true", "false", "yes", "no", "on", "off", "y", "n", "=", "<<", ".inf", ".nan",
    ];
    let number = text.trim_start_matches(['+', '-']);
    let of = |text: &str, set: &str| !text.is_empty() && text.chars().all(|c| set.contains(c));
    let based = |prefix: &str| {
        number
            .strip_prefix(prefix)
            .is_some_and(|rest| of(rest, "0123456789abcdef_"))
    };
    let (mantissa, exponent) = number.split_once('e').unwrap_or((number, "0"));
    let decimal = of(mantissa, "0123456789_.:")
        && mantissa.contains(|c: char| c.is_ascii_digit())
        && !mantissa.starts_with('_')
        && of(exponent.trim_start_matches(['+', '-']), "0123456789");
    let date = number.split_once('-').is_some_and(|(year, rest)| {
        year.len() == 4 && of(year, "0123456789") && of(rest, "0123456789-:.+tz ")
    });
    words.contains(&number) || based("0x") || based("0o") || based("0b") || decimal || date
}

/// Whether libyaml reads the text as these fields, as far as 64 bits go. None where it can't say.
pub fn libyaml_agrees(text: &str, fields: &Fields) -> Option<bool> {
    if fields.values().any(beyond) {
        return None;
    }
    let read: serde_yaml::Value = serde_yaml::from_str(text).ok()?;
    Some(same(&Value::Object(fields.clone()), &read))
}

fn beyond(value: &Value) -> bool {
    match value {
        Value::Number(number) => {
            let fraction = number.to_string().contains(['.', 'e', 'E']);
            let huge = !number.as_f64().is_some_and(f64::is_finite);
            huge || (!fraction && !number.is_i64() && !number.is_u64())
        }
        Value::Array(entries) => entries.iter().any(beyond),
        Value::Object(fields) => fields.values().any(beyond),
        _ => false,
    }
}

fn same(ours: &Value, theirs: &serde_yaml::Value) -> bool {
    use serde_yaml::Value as Theirs;
    match (ours, theirs) {
        (Value::Null, Theirs::Null) => true,
        (Value::Bool(ours), Theirs::Bool(theirs)) => ours == theirs,
        (Value::String(ours), Theirs::String(theirs)) => ours == theirs,
        (Value::Number(ours), Theirs::Number(theirs)) => same_number(ours, theirs),
        (Value::Array(ours), Theirs::Sequence(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| same(a, b))
        }
        (Value::Object(ours), Theirs::Mapping(theirs)) => {
            let mut ours_in_it = ours.iter();
            ours.len() == theirs.len()
                && ours_in_it.all(|(key, a)| theirs.get(key.as_str()).is_some_and(|b| same(a, b)))
        }
        _ => false,
    }
}

fn same_number(ours: &Number, theirs: &serde_yaml::Number) -> bool {
    let text = ours.to_string();
    text == theirs.to_string() || text.parse::<f64>().ok() == theirs.as_f64()
}

/// A YAML text with another value for a field, in one of the ways in which people write it; without the field for None.
pub fn edit_yaml(text: &str, field: &str, value: Option<&Value>, style: u8) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let belongs = |line: &&&str| {
        line.trim().is_empty() || line.starts_with([' ', '\t']) || line.starts_with("- ")
    };
    let entry = |field: &str| {
        let key = format!("{field}:");
        let start = lines.iter().position(|line| line.starts_with(&key))?;
        let more = lines[start + 1..].iter().take_while(belongs).count();
        Some(start..start + 1 + more)
    };
    let at = entry(field).unwrap_or_else(|| {
        let end = entry("client_id").unwrap().end;
        end..end
    });
    let new = value.map_or(String::new(), |value| yaml_entry(field, value, style));
    format!(
        "{}{new}{}",
        lines[..at.start].concat(),
        lines[at.end..].concat()
    )
}

fn yaml_entry(field: &str, value: &Value, style: u8) -> String {
    let comment = if style.is_multiple_of(3) {
        " # by hand"
    } else {
        ""
    };
    match (value, style % 4) {
        (Value::String(text), 1) if is_simple(text) => format!("{field}: {text}{comment}\n"),
        (Value::String(text), 2) if !text.chars().any(is_special) => {
            format!("{field}: '{}'{comment}\n", text.replace('\'', "''"))
        }
        (Value::String(text), 3) if is_block(text) => {
            let end = if text.ends_with('\n') { "" } else { "-" };
            let lines = text.lines().map(|line| format!("  {line}\n"));
            format!("{field}: |{end}\n{}", lines.collect::<String>())
        }
        (Value::Array(entries), 1 | 2) if !entries.is_empty() => {
            let indent = if style % 4 == 1 { "" } else { "    " };
            let entries = entries.iter();
            let lines = entries.map(|entry| format!("{indent}- {}{comment}\n", json_text(entry)));
            format!("{field}:\n{}", lines.collect::<String>())
        }
        _ => format!("{field}: {}{comment}\n", json_text(value)),
    }
}

/// JSON that is YAML as well.
fn json_text(value: &Value) -> String {
    let text = value.to_string();
    let escaped = text.chars().map(|c| {
        if is_special(c) && u32::from(c) <= 0xffff {
            format!("\\u{:04x}", u32::from(c))
        } else {
            c.to_string()
        }
    });
    escaped.collect()
}

/// What YAML does not take as it stands, or folds.
fn is_special(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
}

fn is_simple(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.ends_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_alphabetic() || c == ' ')
        && text.len() > 5
}

fn is_block(text: &str) -> bool {
    !text.is_empty()
        && !text.ends_with("\n\n")
        && text != "\n"
        && !text.chars().any(|c| c != '\n' && is_special(c))
        && text
            .split('\n')
            .next()
            .is_some_and(|line| !line.is_empty() && !line.starts_with([' ', '\t']))
}

/// A client's file of either format with another value for a field.
pub fn edit_file(path: &Path, field: &str, value: Option<&Value>, style: u8) {
    let text = fs::read_to_string(path).unwrap();
    let edited = if path.extension() == Some(OsStr::new("json")) {
        let mut fields: Fields = serde_json::from_str(&text).unwrap();
        match value {
            Some(value) => fields.insert(field.to_owned(), value.clone()),
            None => fields.shift_remove(field),
        };
        match style % 2 {
            0 => format!("{}\n", serde_json::to_string_pretty(&fields).unwrap()),
            _ => serde_json::to_string(&fields).unwrap(),
        }
    } else {
        edit_yaml(&text, field, value, style)
    };
    fs::write(path, edited).unwrap();
}
