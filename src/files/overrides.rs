//! `overrides.yaml`: values that a tenant keeps as its own, whatever is promoted to it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use globset::{Glob, GlobSet, GlobSetBuilder};
use serde_json::{Map, Value};

use super::document::{Document, Format, ParseError, Rewritten, rewrite, write};
use super::project::PROJECT_FILE;
use crate::closest::closest;
use crate::composed::composed;
use crate::json::Step;
use crate::kinds::{Field, Kind, Managed};
use crate::promote::{Counterpart, Overrides, OwnValues};

/// The file's name in the tenant directory.
pub const OVERRIDES_FILE: &str = "overrides.yaml";

/// The key below which files are listed that need no counterpart.
const IGNORE: &str = "ignore";
const BY_STEM: &str = "write `clients: {web-app: {name: \"Acme\"}}`, by file name without its extension; globs work, and what there is one of has a name, \
                       too: `tenant-settings: {tenant-settings: {friendly_name: \"Acme\"}}`";

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
    // A file in which nothing but comments is left is one without overrides.
    let Some(document) = Document::parse_any(text, Format::Yaml)? else {
        return Ok(Overrides::default());
    };
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
    for (name, values) in document.fields().iter().filter(|(name, _)| *name != IGNORE) {
        let files: Vec<Counterpart<'_>> = files
            .iter()
            .filter(|(kind, _)| kind.name == name)
            .copied()
            .collect();
        let values = of_name(&document, managed, (name, values), &files)?;
        overrides.values.extend(values);
    }
    Ok(overrides)
}

/// The text of overrides with more of them, which stand beside those that `text` has; None where it can't be read.
pub fn with_own_values(text: Option<&str>, own: &OwnValues) -> Option<Rewritten> {
    let text = text.unwrap_or_default();
    let document = Document::parse_any(text.as_bytes(), Format::Yaml).ok()?;
    let is_empty = document.is_none();
    let mut fields = document.map(Document::into_fields).unwrap_or_default();
    for ((kind, stem), values) in own {
        let Value::Object(files) = fields.entry(kind.name).or_insert_with(|| Map::new().into())
        else {
            return None;
        };
        let Value::Object(file) = files
            .entry(stem.as_str())
            .or_insert_with(|| Map::new().into())
        else {
            return None;
        };
        for (field, value) in values {
            match (file.get_mut(field.name()), value) {
                (Some(Value::Object(keys)), Value::Object(more)) => keys.extend(more.clone()),
                _ => _ = file.insert(field.name().to_owned(), value.clone()),
            }
        }
    }
    let leading: Vec<&str> = fields.keys().map(String::as_str).collect();
    if !is_empty {
        return Some(rewrite(text, &fields, &leading, Format::Yaml));
    }
    // Comments that stand alone stay above what is written.
    let end = match text.is_empty() || text.ends_with('\n') {
        true => "",
        false => "\n",
    };
    let written = write(&fields, &leading, Format::Yaml);
    Some(Rewritten {
        text: format!("{text}{end}{written}"),
        comments_lost: false,
    })
}

fn error(document: &Document<'_>, path: &[&str], message: String, hint: &str) -> ParseError {
    let path: Vec<Step<'_>> = path.iter().map(|key| Step::Key(key)).collect();
    document.problem(document.position_at(&path), message, hint)
}

/// The values below one name. Several kinds may share it: a pattern matches files of any of them, and a field counts for those that
/// have it.
fn of_name<'a>(
    document: &Document<'_>,
    managed: &Managed,
    (name, values): (&str, &Value),
    files: &[Counterpart<'a>],
) -> Result<OwnValues, ParseError> {
    let error = |path: &[&str], message: String, hint: &str| error(document, path, message, hint);
    let Value::Object(patterns) = values else {
        return Err(error(&[name], format!("`{name}` is no map"), BY_STEM));
    };
    let singular = Kind::named(name).map_or(name, |kind| kind.singular);
    let by_stem: HashMap<&str, Counterpart<'a>> =
        files.iter().map(|file| (file.1, *file)).collect();
    let mut exact = OwnValues::new();
    let mut globs: BTreeMap<(&'a str, Field), (&str, &Value)> = BTreeMap::new();
    for (pattern, values) in patterns {
        let at = [name, pattern.as_str()];
        // A stem that is written out is found without a look at the others.
        let stem = composed(pattern);
        let matching: Vec<Counterpart<'a>> = if let Some(file) = by_stem.get(&*stem) {
            vec![*file]
        } else {
            let glob = Glob::new(&stem).map_err(|problem| {
                error(
                    &at,
                    format!("`{pattern}` is no glob: {}", problem.kind()),
                    BY_STEM,
                )
            })?;
            let glob = glob.compile_matcher();
            let files = files.iter().copied();
            files.filter(|(_, stem)| glob.is_match(stem)).collect()
        };
        if matching.is_empty() {
            let message = format!("`{pattern}` is no {singular} of this tenant");
            return Err(error(&at, message, &meant(managed, name, pattern, files)));
        }
        let Value::Object(values) = values else {
            return Err(error(&at, format!("`{pattern}` has no fields"), BY_STEM));
        };
        let kinds: BTreeSet<&'static Kind> = matching.iter().map(|(kind, _)| *kind).collect();
        for (key, value) in values {
            let at = [name, pattern.as_str(), key.as_str()];
            let fields = kinds.iter().filter_map(|kind| kind.field(key));
            let fields: Vec<Field> = fields.filter(|field| managed.has(*field)).collect();
            if fields.is_empty() {
                let managed = kinds.iter().flat_map(|kind| managed.fields(kind));
                let managed: BTreeSet<&str> = managed.map(Field::name).collect();
                let managed: Vec<&str> = managed.into_iter().collect();
                let hint = format!(
                    "the managed fields of `{pattern}` are {}",
                    managed.join(", ")
                );
                return Err(error(&at, format!("`{key}` is no managed field"), &hint));
            }
            for field in fields {
                field
                    .validate(value)
                    .map_err(|invalid| error(&at, invalid.to_string(), &invalid.hint))?;
                for (kind, stem) in matching.iter().filter(|(kind, _)| *kind == field.kind()) {
                    if stem == pattern {
                        let values = exact.entry((kind, pattern.clone())).or_default();
                        values.insert(field, value.clone());
                        continue;
                    }
                    let before = globs.insert((stem, field), (pattern, value));
                    if let Some((other, _)) = before.filter(|(_, before)| *before != value) {
                        let message = format!(
                            "`{pattern}` and `{other}` give {stem} different values for {field}"
                        );
                        let hint =
                            format!("write the {singular} out: its own entry wins over globs");
                        return Err(error(&at, message, &hint));
                    }
                }
            }
        }
    }
    for ((stem, field), (_, value)) in globs {
        let values = exact.entry((field.kind(), stem.to_owned())).or_default();
        values.entry(field).or_insert_with(|| value.clone());
    }
    Ok(exact)
}

/// What somebody may have meant by a pattern that fits none of the files of that name.
fn meant(managed: &Managed, name: &str, pattern: &str, files: &[Counterpart<'_>]) -> String {
    let Some(kind) = managed.kinds().find(|kind| kind.name == name) else {
        return format!("{name} is not managed here: `manage:` in {PROJECT_FILE} says what is");
    };
    match closest(pattern, files.iter().map(|(_, stem)| *stem)) {
        Some(stem) => format!("did you mean `{stem}`?"),
        None => format!(
            "there is no {}",
            Path::new(kind.folder())
                .join(format!("{pattern}.{}", Format::Yaml.extension()))
                .display()
        ),
    }
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
        match Glob::new(&composed(&glob)) {
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
    use crate::kinds::Manage;
    use crate::kinds::attack_protection::{
        BOT_DETECTION, BREACHED_PASSWORD_DETECTION, BRUTE_FORCE_PROTECTION,
    };
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
    fn parts_of_one_name_each_have_their_fields() {
        let managed = [
            &BOT_DETECTION,
            &BREACHED_PASSWORD_DETECTION,
            &BRUTE_FORCE_PROTECTION,
        ];
        let files = managed.map(|kind| (kind, kind.only_stem().unwrap()));
        let managed = managed.map(|kind| (kind, Manage::All));
        let managed = Managed::new(&managed.into_iter().collect());
        let shown = [
            "bot-detection: {bot_detection_level: low}",
            "'*': {enabled: false}",
            "brute-force-protection: {max_attempts: 5}\n  'b*': {max_attempts: 10}",
            "bot-detection: {enabled: false}",
            "captcha: {active_provider_id: none}",
        ]
        .map(|values| {
            let text = format!("attack-protection:\n  {values}\n");
            match parse(text.as_bytes(), &managed, &files) {
                Ok(overrides) => {
                    let values = overrides.values.iter();
                    let values = values.map(|((_, stem), values)| format!("{stem}: {values:?}"));
                    values.collect::<Vec<_>>().join(", ")
                }
                Err(error) => format!("{}: {error}", error.position),
            }
        });
        insta::assert_snapshot!(shown.join("\n"), @r#"
        bot-detection: {bot_detection_level: String("low")}
        breached-password-detection: {enabled: Bool(false)}, brute-force-protection: {enabled: Bool(false)}
        brute-force-protection: {max_attempts: Number(5)}
        2:19: `enabled` is no managed field
        2:3: `captcha` is no part of attack protection of this tenant
        "#);
    }

    #[test]
    fn comments_alone_are_no_overrides_and_stay_above_what_is_written() {
        let mut own = OwnValues::new();
        let values = own.entry((&KIND, "web-app".to_owned())).or_default();
        values.insert(KIND.field("name").unwrap(), "Acme".into());
        for text in [
            "",
            "\n",
            "# ours\n",
            "\u{feff}# ours",
            "# ours\n\n# and theirs\n",
        ] {
            assert_eq!(show(text), "{} [false, false, false]");
            let rewritten = with_own_values(Some(text), &own).unwrap();
            assert!(rewritten.text.starts_with(text) && !rewritten.comments_lost);
            let written =
                "{(clients, \"web-app\"): {name: String(\"Acme\")}} [false, false, false]";
            assert_eq!(show(&rewritten.text), written);
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
