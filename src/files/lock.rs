//! `tenant.lock`: the domain that the files belong to, and per resource its file, its base and how often that changed. Text that
//! git merges well: sorted, one field a line, no times.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Map, Value};

use super::document::{Document, Format, ParseError};
use crate::base::Prints;
use crate::kinds::{Kind, clients};
use crate::resource::ResourceId;
use crate::three_way::{Base, BaseValues};

/// The lock's name in the tenant directory.
pub const LOCK_FILE: &str = "tenant.lock";
/// The format that this version writes, and the only one it reads.
const VERSION: u64 = 2;

/// The key of what an entry says of the fields that push does not send.
const UNSENT: &str = "unmanaged";

/// What is in a `tenant.lock`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// The domain of the tenant that the files were pulled from.
    pub domain: String,
    /// Each resource that was pulled or pushed.
    pub resources: BTreeMap<ResourceId, Locked>,
}

/// A resource as it was at the last pull or push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    /// Its file then, relative to the tenant directory with `/`. It is there for people: the id in a file says whose it is.
    pub file: String,
    /// Grows by one whenever base changes, so that the later of two entries is known.
    pub serial: u64,
    /// Base.
    pub base: BaseValues,
    /// Prints of the fields that push does not send; None where they are unknown.
    pub unsent: Option<Prints>,
}

impl Lock {
    /// An empty lock for a domain.
    pub fn new(domain: &str) -> Lock {
        Lock {
            domain: domain.to_owned(),
            resources: BTreeMap::new(),
        }
    }

    /// The base of a resource, if it has one.
    pub fn base(&self, id: &ResourceId) -> Option<&BaseValues> {
        Some(&self.resources.get(id)?.base)
    }

    /// Reads a lock.
    ///
    /// # Errors
    /// It is no JSON, has conflict markers, another version, or another shape; the position says where.
    pub fn parse(text: &[u8]) -> Result<Lock, ParseError> {
        let take_it = "take the lock from git; or remove it and run `tenantry pull`, which then takes what the files say for edits";
        let document = Document::parse(text, Format::Json).map_err(|error| ParseError {
            hint: Some(take_it.to_owned()),
            ..error
        })?;
        let at = |field: &str, message: String| ParseError {
            position: document.position(field),
            message,
            hint: Some(take_it.to_owned()),
        };
        let fields = document.fields();
        match fields.get("version").and_then(Value::as_u64) {
            Some(VERSION) => {}
            Some(version) => {
                return Err(ParseError {
                    position: document.position("version"),
                    message: format!(
                        "this lock has version {version}, and this tenantry knows version {VERSION}"
                    ),
                    hint: Some("use the tenantry that wrote it, or a newer one".to_owned()),
                });
            }
            None => return Err(at("version", "a lock has a `version`".to_owned())),
        }
        let domain = fields
            .get("domain")
            .and_then(Value::as_str)
            .ok_or_else(|| at("domain", "a lock has a `domain`".to_owned()))?;
        let is_known =
            |key: &str| ["version", "domain"].contains(&key) || Kind::named(key).is_some();
        if let Some(unknown) = fields.keys().find(|key| !is_known(key)) {
            return Err(at(unknown, format!("a lock has no `{unknown}`")));
        }
        let mut resources = BTreeMap::new();
        for name in Kind::names() {
            let entries = match fields.get(name) {
                None if name != clients::KIND.name => continue,
                None => return Err(at(name, format!("a lock has `{name}`"))),
                Some(entries) => entries.as_object(),
            };
            let entries = entries.ok_or_else(|| at(name, format!("`{name}` is no object")))?;
            for (id, entry) in entries {
                let kind = Kind::of(name, id);
                let locked = kind.and_then(|kind| Some((kind, Locked::parse(kind, entry)?)));
                let (kind, locked) = locked.ok_or_else(|| {
                    let one = kind.map_or(name, |kind| kind.singular);
                    let shape = "has another shape than a `file`, a `serial` and a `base`";
                    at(name, format!("the entry of {one} {id} {shape}"))
                })?;
                resources.insert(ResourceId::new(kind, id), locked);
            }
        }
        Ok(Lock {
            domain: domain.to_owned(),
            resources,
        })
    }

    /// The lock as text.
    pub fn write(&self) -> String {
        let mut text = format!(
            "{{\n  \"version\": {VERSION},\n  \"domain\": {}",
            json(&self.domain)
        );
        for name in Kind::names() {
            let entries = self.resources.iter();
            let mut entries = entries.filter(|(id, _)| id.kind().name == name).peekable();
            if entries.peek().is_none() && name != clients::KIND.name {
                continue;
            }
            // Writing to a String can't fail.
            let _ = write!(text, ",\n  \"{name}\": {{");
            let mut before = "\n";
            for (id, locked) in entries {
                text.push_str(before);
                before = ",\n";
                locked.write(id, &mut text);
            }
            text.push_str(if before == "\n" { "}" } else { "\n  }" });
        }
        text.push_str("\n}\n");
        text
    }
}

impl Locked {
    /// Reads an entry; None where it has another shape.
    pub fn parse(kind: &'static Kind, entry: &Value) -> Option<Locked> {
        let entry = entry.as_object()?;
        let known = ["file", "serial", "base", "absent", UNSENT];
        if !entry.keys().all(|key| known.contains(&key.as_str())) {
            return None;
        }
        let mut base = BaseValues::default();
        let values: &Map<String, Value> = entry.get("base")?.as_object()?;
        for (field, value) in values {
            base.set(kind.field(field)?, Base::Is(value.clone()));
        }
        let none = Vec::new();
        let absent = entry.get("absent").map_or(Some(&none), Value::as_array)?;
        for field in absent {
            base.set(kind.field(field.as_str()?)?, Base::Absent);
        }
        Some(Locked {
            file: entry.get("file")?.as_str()?.to_owned(),
            serial: entry.get("serial")?.as_u64()?,
            base,
            unsent: match entry.get(UNSENT) {
                Some(prints) => Some(Prints::parse(prints.as_str()?)?),
                None => None,
            },
        })
    }

    /// Writes an entry, indented as in a lock.
    fn write(&self, id: &ResourceId, text: &mut String) {
        let _ = write!(
            text,
            "    {}: {{\n      \"file\": {},\n      \"serial\": {},\n      \"base\": {{",
            json(id.as_str()),
            json(&self.file),
            self.serial
        );
        let mut before = "\n";
        for (field, value) in self.base.values() {
            // The order of keys means nothing, and an answer may have another one than the file.
            let mut value = value.clone();
            value.sort_all_objects();
            let _ = write!(text, "{before}        \"{field}\": {value}");
            before = ",\n";
        }
        text.push_str(if before == "\n" { "}" } else { "\n      }" });
        let absent: Vec<Value> = self.base.absent().map(|field| json(field.name())).collect();
        if !absent.is_empty() {
            let _ = write!(text, ",\n      \"absent\": {}", Value::Array(absent));
        }
        // That there was nothing is known as well: what a file says there later is an edit.
        if let Some(unsent) = &self.unsent {
            let _ = write!(text, ",\n      \"{UNSENT}\": \"{}\"", unsent.write());
        }
        text.push_str("\n    }");
    }
}

fn json(text: &str) -> Value {
    Value::String(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::{Field, Managed};
    use proptest::prelude::*;
    use serde_json::json;

    fn client(id: &str) -> ResourceId {
        ResourceId::new(&clients::KIND, id)
    }

    fn field(name: &str) -> Field {
        clients::KIND.field(name).unwrap()
    }

    fn lock() -> Lock {
        let locked = |file: &str, serial, base: Value| Locked {
            file: file.to_owned(),
            serial,
            base: BaseValues::of(
                Managed::default().fields(&clients::KIND),
                base.as_object().unwrap(),
            ),
            unsent: None,
        };
        Lock {
            domain: "acme.eu.auth0.com".to_owned(),
            resources: BTreeMap::from([
                (
                    client("b"),
                    locked(
                        "clients/web.yaml",
                        12,
                        json!({"name": "Web", "allowed_clients": ["x", "y"], "description": "a\nb"}),
                    ),
                ),
                (
                    client("a"),
                    locked("clients/api.json", 1, json!({"name": "API"})),
                ),
            ]),
        }
    }

    #[test]
    fn one_field_a_line_sorted() {
        insta::assert_snapshot!(lock().write(), @r#"
        {
          "version": 2,
          "domain": "acme.eu.auth0.com",
          "clients": {
            "a": {
              "file": "clients/api.json",
              "serial": 1,
              "base": {
                "name": "API"
              },
              "absent": ["description","allowed_clients"]
            },
            "b": {
              "file": "clients/web.yaml",
              "serial": 12,
              "base": {
                "name": "Web",
                "description": "a\nb",
                "allowed_clients": ["x","y"]
              }
            }
          }
        }
        "#);
        insta::assert_snapshot!(Lock::new("d").write(), @r#"
        {
          "version": 2,
          "domain": "d",
          "clients": {}
        }
        "#);
    }

    #[test]
    fn what_is_no_lock_is_an_error_with_a_place() {
        let texts = [
            "",
            "{",
            "[]",
            "{}",
            r#"{"version": 3, "domain": "d", "clients": {}}"#,
            r#"{"version": 2, "clients": {}}"#,
            r#"{"version": 2, "domain": "d"}"#,
            r#"{"version": 2, "domain": "d", "clients": {"a": {"file": "f"}}}"#,
            r#"{"version": 2, "domain": "d", "clients": {"a": {"file": "f", "serial": 1, "base": {"tenant": "t"}}}}"#,
            r#"{"version": 2, "domain": "d", "clients": {"a": {"file": "f", "serial": 1, "base": {}, "absent": ["tenant"]}}}"#,
            r#"{"version": 2, "domain": "d", "clients": {"a": {"file": "f", "serial": -1, "base": {}}}}"#,
            r#"{"version": 2, "domain": "d", "clients": {"a": {"file": "f", "serial": 1, "base": {}, "x": 1}}}"#,
            "{\n<<<<<<< HEAD\n",
            r#"{"version": 2, "version": 2}"#,
            r#"{"version": 2, "domain": "d", "clients": {}, "x": 1}"#,
        ];
        let errors: Vec<String> = texts
            .iter()
            .map(|text| {
                let error = Lock::parse(text.as_bytes()).unwrap_err();
                format!("{}: {}", error.position, error.message)
            })
            .collect();
        insta::assert_snapshot!(errors.join("\n"), @"
        1:1: is not JSON: the text ends too early
        1:2: is not JSON: the text ends too early
        1:1: is not an object at its top level
        1:1: a lock has a `version`
        1:2: this lock has version 3, and this tenantry knows version 2
        1:1: a lock has a `domain`
        1:1: a lock has `clients`
        1:31: the entry of client a has another shape than a `file`, a `serial` and a `base`
        1:31: the entry of client a has another shape than a `file`, a `serial` and a `base`
        1:31: the entry of client a has another shape than a `file`, a `serial` and a `base`
        1:31: the entry of client a has another shape than a `file`, a `serial` and a `base`
        1:31: the entry of client a has another shape than a `file`, a `serial` and a `base`
        2:1: a git merge left conflict markers here
        1:16: `version` is there twice, first on line 1
        1:46: a lock has no `x`
        ");
    }

    #[test]
    fn what_a_lock_does_not_name_is_unknown() {
        let text = r#"{"version": 2, "domain": "d", "clients": {"a": {"file": "f", "serial": 1,
            "base": {"name": "A"}, "absent": ["description"]}}}"#;
        let lock = Lock::parse(text.as_bytes()).unwrap();
        let base = lock.base(&client("a")).unwrap();
        assert_eq!(base.get(&field("name").into()), Base::Is(&json!("A")));
        assert_eq!(base.get(&field("description").into()), Base::Absent);
        assert_eq!(base.get(&field("allowed_clients").into()), Base::Unknown);
        assert_eq!(Lock::parse(lock.write().as_bytes()).unwrap(), lock);
    }

    proptest! {
        #[test]
        fn a_lock_reads_back(
            domain in ".*", id in ".*", file in ".*", serial in any::<u64>(), name in ".*",
            entries in prop::option::of(prop::collection::vec(".*", 0..4)), unknown in any::<bool>(),
        ) {
            let mut fields = Map::from_iter([("name".to_owned(), json!(name))]);
            fields.extend(entries.map(|entries| ("allowed_clients".to_owned(), json!(entries))));
            let mut base = BaseValues::of(Managed::default().fields(&clients::KIND), &fields);
            if unknown {
                base.set(field("description"), Base::Unknown);
            }
            let unsent = unknown.then(|| Prints::of(&fields));
            let locked = Locked { file, serial, base, unsent };
            let lock = Lock { domain, resources: BTreeMap::from([(client(&id), locked)]) };
            prop_assert_eq!(Lock::parse(lock.write().as_bytes()).unwrap(), lock);
        }
    }
}
