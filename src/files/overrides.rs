//! `overrides.yaml`: values that a tenant keeps as its own, whatever is promoted to it.

use std::collections::{BTreeMap, HashSet};

use globset::{Glob, GlobSet, GlobSetBuilder};
use serde_json::Value;

use super::document::{Document, Format, ParseError};
use crate::client::Field;
use crate::json::Step;
use crate::promote::Overrides;

/// The file's name in the tenant directory.
pub const OVERRIDES_FILE: &str = "overrides.yaml";

/// Reads overrides for a tenant with these stems. A stem that is written out wins over a glob.
///
/// # Errors
/// Something in it is no stem of the tenant, no updatable field, or no value that the API would take, or two globs disagree;
/// the position says where.
pub fn parse(text: &[u8], stems: &[&str]) -> Result<Overrides, ParseError> {
    let document = Document::parse(text, Format::Yaml)?;
    let error = |path: &[&str], message: String, hint: &str| {
        let path: Vec<Step<'_>> = path.iter().map(|key| Step::Key(key)).collect();
        document.problem(document.position_at(&path), message, hint)
    };
    let known = |key: &str| ["clients", "ignore"].contains(&key);
    if let Some(key) = document.fields().keys().find(|key| !known(key)) {
        return Err(error(
            &[key],
            format!("there is no `{key}` in overrides"),
            "values stand under `clients`, by file name; `ignore` lists clients of other tenants that need no counterpart here",
        ));
    }
    let ignored = ignored(&document)?;
    let Some(clients) = document.fields().get("clients") else {
        return Ok(Overrides {
            ignored,
            ..Overrides::default()
        });
    };
    let by_stem = "write `clients: {web-app: {name: \"Acme\"}}`, by file name without its extension; globs work";
    let Value::Object(clients) = clients else {
        return Err(error(
            &["clients"],
            "`clients` is no map".to_owned(),
            by_stem,
        ));
    };
    let by_name: HashSet<&str> = stems.iter().copied().collect();
    let mut exact: BTreeMap<String, BTreeMap<Field, Value>> = BTreeMap::new();
    let mut globs: BTreeMap<(String, Field), (&str, Value)> = BTreeMap::new();
    for (pattern, values) in clients {
        let at = ["clients", pattern.as_str()];
        // One that is written out needs no look at all the others.
        let matching: Vec<&str> = if by_name.contains(pattern.as_str()) {
            vec![pattern]
        } else {
            let glob = Glob::new(pattern).map_err(|problem| {
                error(
                    &at,
                    format!("`{pattern}` is no glob: {}", problem.kind()),
                    by_stem,
                )
            })?;
            let glob = glob.compile_matcher();
            let stems = stems.iter().copied();
            stems.filter(|stem| glob.is_match(stem)).collect()
        };
        if matching.is_empty() {
            return Err(error(
                &at,
                format!("`{pattern}` is no client of this tenant"),
                by_stem,
            ));
        }
        let Value::Object(values) = values else {
            return Err(error(&at, format!("`{pattern}` has no fields"), by_stem));
        };
        for (name, value) in values {
            let at = ["clients", pattern.as_str(), name.as_str()];
            let Some(field) = Field::from_name(name) else {
                return Err(error(
                    &at,
                    format!("`{name}` is no updatable field"),
                    "name, description and allowed_clients are",
                ));
            };
            field
                .validate(value)
                .map_err(|invalid| error(&at, invalid.to_string(), &invalid.hint))?;
            for stem in &matching {
                if *stem == pattern {
                    exact
                        .entry(pattern.clone())
                        .or_default()
                        .insert(field, value.clone());
                    continue;
                }
                let before = globs.insert(((*stem).to_owned(), field), (pattern, value.clone()));
                if let Some((other, _)) = before.filter(|(_, before)| before != value) {
                    let message = format!(
                        "`{pattern}` and `{other}` give {stem} different values for {field}"
                    );
                    return Err(error(
                        &at,
                        message,
                        "write the client out: its own entry wins over globs",
                    ));
                }
            }
        }
    }
    for ((stem, field), (_, value)) in globs {
        exact.entry(stem).or_default().entry(field).or_insert(value);
    }
    Ok(Overrides {
        values: exact,
        ignored,
    })
}

/// The stems that `ignore` lists, as globs or as paths of files.
fn ignored(document: &Document<'_>) -> Result<GlobSet, ParseError> {
    const IGNORE: &str = "ignore";
    let by_stem = "write `ignore: [web-app, \"test-*\"]`, by file name without its extension";
    let error = |position, message: String| Err(document.problem(position, message, by_stem));
    let entries = match document.fields().get(IGNORE) {
        None => return Ok(GlobSet::empty()),
        Some(Value::Array(entries)) => entries,
        Some(_) => {
            let message = format!("`{IGNORE}` is no list");
            return error(document.position(IGNORE), message);
        }
    };
    let mut globs = GlobSetBuilder::new();
    for (index, entry) in entries.iter().enumerate() {
        let position = || document.position_at(&[Step::Key(IGNORE), Step::Index(index)]);
        let Some(path) = entry.as_str().filter(|path| !path.is_empty()) else {
            return error(
                position(),
                format!("`{IGNORE}` has something else than a file name"),
            );
        };
        let name = path.strip_prefix("clients/").unwrap_or(path);
        let stem = match name.rsplit_once('.') {
            Some((stem, extension)) if Format::from_extension(extension).is_some() => stem,
            _ => name,
        };
        match Glob::new(stem) {
            Ok(glob) => globs.add(glob),
            Err(problem) => {
                return error(
                    position(),
                    format!("`{path}` is no glob: {}", problem.kind()),
                );
            }
        };
    }
    globs
        .build()
        .or_else(|problem| error(document.position(IGNORE), problem.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(text: &str) -> String {
        match parse(text.as_bytes(), &["web-app", "web-admin", "api"]) {
            Ok(overrides) => {
                let ignored = ["new", "test-1", "web-app"];
                let ignored = ignored.map(|stem| overrides.ignored.is_match(stem));
                format!("{:?} {ignored:?}", overrides.values)
            }
            Err(error) => format!("{}: {error}", error.position),
        }
    }

    #[test]
    fn values_by_stem_and_glob_or_an_error_with_a_place() {
        let texts = [
            "{}",
            "clients:\n  web-*:\n    description: Both\n  web-app:\n    name: Acme\n    description: Own\n",
            "ignore: [new, 'clients/test-?.yaml']\n",
            "ignore: new\n",
            "ignore:\n  - new\n  - 12\n",
            "ignore:\n  - '['\n",
            "client: {}",
            "clients: []",
            "clients:\n  api:\n    name: A\n  wep-app:\n    name: B\n",
            "clients:\n  api:\n    callbacks: []\n",
            "clients:\n  api:\n    name: null\n",
            "clients:\n  api: 1\n",
            "clients:\n  \"[\": {name: A}\n",
            "clients:\n  web-*: {name: A}\n  \"*-app\": {name: B}\n",
        ];
        insta::assert_snapshot!(texts.map(show).join("\n"), @r#"
        {} [false, false, false]
        {"web-admin": {Description: String("Both")}, "web-app": {Name: String("Acme"), Description: String("Own")}} [false, false, false]
        {} [true, true, false]
        1:1: `ignore` is no list
        3:5: `ignore` has something else than a file name
        2:5: `[` is no glob: unclosed character class; missing ']'
        1:1: there is no `client` in overrides
        1:1: `clients` is no map
        4:3: `wep-app` is no client of this tenant
        3:5: `callbacks` is no updatable field
        3:5: `name` may not be null
        2:3: `api` has no fields
        2:3: `[` is no glob: unclosed character class; missing ']'
        3:13: `*-app` and `web-*` give web-app different values for name
        "#);
    }
}
