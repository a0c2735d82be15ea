//! `tenant.lock`: the domain that the files belong to, and per client its file and base. Text that git merges well: sorted, one
//! field a line, no times.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Map, Value};

use super::document::{Document, Format, ParseError, conflict_marker};
use crate::client::{ClientId, Field, Values};

/// The lock's name in the tenant directory.
pub const LOCK_FILE: &str = "tenant.lock";
/// The format that this version writes, and the only one it reads.
const VERSION: u64 = 1;

/// What is in a `tenant.lock`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// The domain of the tenant that the files were pulled from.
    pub domain: String,
    /// Each client that was pulled or pushed.
    pub clients: BTreeMap<ClientId, Locked>,
}

/// A client as it was at the last pull or push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    /// Its file then, relative to the tenant directory with `/`; for people, the file's own `client_id` decides.
    pub file: String,
    /// Base.
    pub base: Values,
}

impl Lock {
    /// An empty lock for a domain.
    pub fn new(domain: &str) -> Lock {
        Lock {
            domain: domain.to_owned(),
            clients: BTreeMap::new(),
        }
    }

    /// The base of a client, if it has one.
    pub fn base(&self, id: &ClientId) -> Option<&Values> {
        Some(&self.clients.get(id)?.base)
    }

    /// Reads a lock.
    ///
    /// # Errors
    /// It is no JSON, has conflict markers, another version, or another shape; the position says where.
    pub fn parse(text: &[u8]) -> Result<Lock, ParseError> {
        let take_it = "take the lock from git; or remove it and run `tenantry pull`, which then takes what the files say for edits";
        let document = Document::parse(text, Format::Json).map_err(|error| ParseError {
            hint: Some(match conflict_marker(text) {
                Some(_) => "take either side (`git checkout --ours tenant.lock`), then run `tenantry pull`: base values that are \
                     out of date show as conflicts, and nothing is lost"
                    .to_owned(),
                None => take_it.to_owned(),
            }),
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
        let clients = fields
            .get("clients")
            .and_then(Value::as_object)
            .ok_or_else(|| at("clients", "a lock has `clients`".to_owned()))?;
        if let Some(unknown) = fields
            .keys()
            .find(|key| !["version", "domain", "clients"].contains(&key.as_str()))
        {
            return Err(at(unknown, format!("a lock has no `{unknown}`")));
        }
        let clients = clients
            .iter()
            .map(|(id, entry)| {
                let locked = Locked::parse(entry).ok_or_else(|| {
                    at(
                        "clients",
                        format!(
                            "the entry of client {id} has another shape than a `file` and a `base`"
                        ),
                    )
                })?;
                Ok((ClientId::from(id.as_str()), locked))
            })
            .collect::<Result<_, ParseError>>()?;
        Ok(Lock {
            domain: domain.to_owned(),
            clients,
        })
    }

    /// The lock as text.
    pub fn write(&self) -> String {
        let mut text = format!(
            "{{\n  \"version\": {VERSION},\n  \"domain\": {},\n  \"clients\": {{",
            json(&self.domain)
        );
        let mut before = "\n";
        for (id, locked) in &self.clients {
            text.push_str(before);
            before = ",\n";
            // Writing to a String can't fail.
            let _ = write!(
                text,
                "    {}: {{\n      \"file\": {},\n      \"base\": {{",
                json(id.as_str()),
                json(&locked.file)
            );
            let mut before = "\n";
            for (field, value) in locked.base.iter() {
                let _ = write!(text, "{before}        \"{field}\": {value}");
                before = ",\n";
            }
            text.push_str(if before == "\n" {
                "}\n    }"
            } else {
                "\n      }\n    }"
            });
        }
        text.push_str(if self.clients.is_empty() {
            "}\n}\n"
        } else {
            "\n  }\n}\n"
        });
        text
    }
}

impl Locked {
    fn parse(entry: &Value) -> Option<Locked> {
        let entry = entry.as_object()?;
        let base: &Map<String, Value> = entry.get("base")?.as_object()?;
        let known = entry.len() == 2 && base.keys().all(|key| Field::from_name(key).is_some());
        known.then_some(())?;
        Some(Locked {
            file: entry.get("file")?.as_str()?.to_owned(),
            base: Values::of(base),
        })
    }
}

fn json(text: &str) -> Value {
    Value::String(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn lock() -> Lock {
        let values = |fields: Value| Values::of(fields.as_object().unwrap());
        let locked = |file: &str, base| Locked {
            file: file.to_owned(),
            base,
        };
        Lock {
            domain: "acme.eu.auth0.com".to_owned(),
            clients: BTreeMap::from([
                (
                    "b".into(),
                    locked(
                        "clients/web.yaml",
                        values(
                            json!({"name": "Web", "allowed_clients": ["x", "y"], "description": "a\nb"}),
                        ),
                    ),
                ),
                ("a".into(), locked("clients/api.json", values(json!({})))),
            ]),
        }
    }

    #[test]
    fn one_field_a_line_sorted() {
        insta::assert_snapshot!(lock().write(), @r#"
        {
          "version": 1,
          "domain": "acme.eu.auth0.com",
          "clients": {
            "a": {
              "file": "clients/api.json",
              "base": {}
            },
            "b": {
              "file": "clients/web.yaml",
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
          "version": 1,
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
            r#"{"version": 2, "domain": "d", "clients": {}}"#,
            r#"{"version": 1, "clients": {}}"#,
            r#"{"version": 1, "domain": "d"}"#,
            r#"{"version": 1, "domain": "d", "clients": {"a": {"file": "f"}}}"#,
            r#"{"version": 1, "domain": "d", "clients": {"a": {"file": "f", "base": {"callbacks": []}}}}"#,
            "{\n<<<<<<< HEAD\n",
            r#"{"version": 1, "version": 1}"#,
            r#"{"version": 1, "domain": "d", "clients": {}, "x": 1}"#,
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
        1:2: this lock has version 2, and this tenantry knows version 1
        1:1: a lock has a `domain`
        1:1: a lock has `clients`
        1:31: the entry of client a has another shape than a `file` and a `base`
        1:31: the entry of client a has another shape than a `file` and a `base`
        2:1: a git merge left conflict markers here
        1:16: `version` is there twice, first on line 1
        1:46: a lock has no `x`
        ");
    }

    proptest! {
        #[test]
        fn a_lock_reads_back(domain in ".*", id in ".*", file in ".*", name in ".*", entries in prop::collection::vec(".*", 0..4)) {
            let base = Values::of(json!({"name": name, "allowed_clients": entries}).as_object().unwrap());
            let lock = Lock { domain, clients: BTreeMap::from([(id.as_str().into(), Locked { file, base })]) };
            prop_assert_eq!(Lock::parse(lock.write().as_bytes()).unwrap(), lock);
        }
    }
}
