//! `overrides.yaml`: values that a tenant keeps as its own, whatever is promoted to it.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use globset::{Glob, GlobSet, GlobSetBuilder};
use serde_json::Value;

use super::document::{Document, Format, ParseError};
use crate::json::Step;
use crate::kinds::{Field, KINDS, Kind, Managed};
use crate::promote::{Counterpart, Overrides};

/// The file's name in the tenant directory.
pub const OVERRIDES_FILE: &str = "overrides.yaml";

/// The key below which files are listed that need no counterpart.
const IGNORE: &str = "ignore";
const BY_STEM: &str =
    "write `clients: {web-app: {name: \"Acme\"}}`, by file name without its extension; globs work";

/// Reads overrides for a tenant with these files, each by kind and stem. A stem that is written out wins over a glob.
///
/// # Errors
/// Something in it is no stem of the tenant, no managed field, or no value that the API would take, or two globs disagree;
/// the position says where.
pub(super) fn parse(
    text: &[u8],
    managed: &Managed,
    files: &[Counterpart<'_>],
) -> Result<Overrides, ParseError> {
    let document = Document::parse(text, Format::Yaml)?;
    let known = |key: &str| key == IGNORE || Kind::named(key).is_some();
    if let Some(key) = document.fields().keys().find(|key| !known(key)) {
        return Err(error(
            &document,
            &[key],
            format!("there is no `{key}` in overrides"),
            "values stand under their kind, such as `clients`, by file name; `ignore` lists files of other tenants that need no \
             counterpart here",
        ));
    }
    let mut overrides = Overrides {
        values: BTreeMap::new(),
        ignored: ignored(&document)?,
    };
    for kind in KINDS {
        if let Some(values) = document.fields().get(kind.name) {
            let of_name = files.iter().filter(|(of, _)| of.name == kind.name);
            let of_name: Vec<Counterpart<'_>> = of_name.copied().collect();
            let values = of_kind(&document, (kind, managed), values, &of_name)?;
            let values = values.into_iter();
            overrides
                .values
                .extend(values.map(|(stem, values)| ((kind, stem), values)));
        }
    }
    Ok(overrides)
}

fn error(document: &Document<'_>, path: &[&str], message: String, hint: &str) -> ParseError {
    let path: Vec<Step<'_>> = path.iter().map(|key| Step::Key(key)).collect();
    document.problem(document.position_at(&path), message, hint)
}

/// The values of one kind, by stem. The files are of every kind of its name: what is said of another one is no mistake here.
fn of_kind(
    document: &Document<'_>,
    (kind, managed): (&'static Kind, &Managed),
    values: &Value,
    files: &[Counterpart<'_>],
) -> Result<BTreeMap<String, BTreeMap<Field, Value>>, ParseError> {
    let error = |path: &[&str], message: String, hint: &str| error(document, path, message, hint);
    let Value::Object(patterns) = values else {
        return Err(error(&[kind.name], format!("`{kind}` is no map"), BY_STEM));
    };
    let stems = files.iter().map(|(_, stem)| *stem);
    let by_name: HashSet<&str> = stems.clone().collect();
    let own = files.iter().filter(|(of, _)| *of == kind);
    let own: HashSet<&str> = own.map(|(_, stem)| *stem).collect();
    let mut exact: BTreeMap<String, BTreeMap<Field, Value>> = BTreeMap::new();
    let mut globs: BTreeMap<(String, Field), (&str, Value)> = BTreeMap::new();
    for (pattern, values) in patterns {
        let at = [kind.name, pattern.as_str()];
        // A stem that is written out is found without a look at the others.
        let mut matching: Vec<&str> = if by_name.contains(pattern.as_str()) {
            vec![pattern]
        } else {
            let glob = Glob::new(pattern).map_err(|problem| {
                error(
                    &at,
                    format!("`{pattern}` is no glob: {}", problem.kind()),
                    BY_STEM,
                )
            })?;
            let glob = glob.compile_matcher();
            let stems = stems.clone();
            stems.filter(|stem| glob.is_match(stem)).collect()
        };
        if matching.is_empty() {
            let message = format!("`{pattern}` is no {} of this tenant", kind.singular);
            return Err(error(&at, message, BY_STEM));
        }
        matching.retain(|stem| own.contains(stem));
        if matching.is_empty() {
            continue;
        }
        let Value::Object(values) = values else {
            return Err(error(&at, format!("`{pattern}` has no fields"), BY_STEM));
        };
        for (name, value) in values {
            let at = [kind.name, pattern.as_str(), name.as_str()];
            let Some(field) = kind.field(name).filter(|field| managed.has(*field)) else {
                let managed: Vec<&str> = managed.fields(kind).map(Field::name).collect();
                let hint = format!(
                    "the managed fields of {} are {}",
                    kind.plural,
                    managed.join(", ")
                );
                return Err(error(&at, format!("`{name}` is no managed field"), &hint));
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
                    let hint = format!(
                        "write the {} out: its own entry wins over globs",
                        kind.singular
                    );
                    return Err(error(&at, message, &hint));
                }
            }
        }
    }
    for ((stem, field), (_, value)) in globs {
        exact.entry(stem).or_default().entry(field).or_insert(value);
    }
    Ok(exact)
}

/// What `ignore` lists, as globs of `kind/stem`: an entry without a kind is of every kind.
fn ignored(document: &Document<'_>) -> Result<GlobSet, ParseError> {
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
        let stem = match path.rsplit_once('.') {
            Some((stem, extension)) if Format::from_extension(extension).is_some() => stem,
            _ => path,
        };
        let folders: BTreeSet<&str> = Kind::names().collect();
        let is_in_folder = stem
            .split_once('/')
            .is_some_and(|(folder, _)| folders.contains(folder));
        let glob = match is_in_folder {
            true => stem.to_owned(),
            false => format!("*/{stem}"),
        };
        match Glob::new(&glob) {
            Ok(glob) => globs.add(glob),
            Err(problem) => {
                let problem = format!("`{path}` is no glob: {}", problem.kind());
                return error(position(), problem);
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
    use crate::kinds::clients::KIND;

    fn show(text: &str) -> String {
        let files = ["web-app", "web-admin", "api"].map(|stem| (&KIND, stem));
        match parse(text.as_bytes(), &Managed::default(), &files) {
            Ok(overrides) => {
                let ignored = ["new", "test-1", "web-app"];
                let ignored =
                    ignored.map(|stem| overrides.ignored.is_match(format!("clients/{stem}")));
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
        {(clients, "web-admin"): {description: String("Both")}, (clients, "web-app"): {name: String("Acme"), description: String("Own")}} [false, false, false]
        {} [true, true, false]
        1:1: `ignore` is no list
        3:5: `ignore` has something else than a file name
        2:5: `[` is no glob: unclosed character class; missing ']'
        1:1: there is no `client` in overrides
        1:1: `clients` is no map
        4:3: `wep-app` is no client of this tenant
        3:5: `callbacks` is no managed field
        3:5: `name` may not be null
        2:3: `api` has no fields
        2:3: `[` is no glob: unclosed character class; missing ']'
        3:13: `*-app` and `web-*` give web-app different values for name
        "#);
    }
}
