//! A field of a kind that an update takes, and a key of one: what travels from a file to an update.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value};

use super::kind::Kind;
use super::row::Row;
use crate::schema::{Step, Violation};

/// A field that an update takes. There is no way to make one of a field that it does not take, so that what must not be sent
/// can't be said.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Field {
    kind: &'static Kind,
    at: usize,
}

impl Field {
    /// The kind that it is a field of.
    pub fn kind(self) -> &'static Kind {
        self.kind
    }

    /// What is known of it.
    pub fn row(self) -> &'static Row {
        &self.kind.rows[self.at]
    }

    /// Its name in the API and in files.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Its value among a resource's fields, if it has one.
    pub fn of(self, fields: &Map<String, Value>) -> Option<&Value> {
        fields.get(self.name())
    }

    /// What is compared by itself, where file and tenant say this: the field, or each key of it.
    pub fn keys(self, local: &Map<String, Value>, live: &Map<String, Value>) -> Vec<FieldKey> {
        let is_by_key = self.row().merge.is_by_key();
        let keys = match (self.of(local), self.of(live)) {
            (Some(Value::Object(local)), None) if is_by_key => local.keys().collect(),
            (Some(Value::Object(local)), Some(Value::Object(live))) if is_by_key => {
                local.keys().chain(live.keys()).collect::<BTreeSet<_>>()
            }
            _ => return vec![self.into()],
        };
        let key = |key: &String| FieldKey {
            field: self,
            key: Some(key.clone()),
        };
        keys.into_iter().map(key).collect()
    }

    /// Checks a value against what an update takes.
    ///
    /// # Errors
    /// Says what is wrong, where, and what to write instead.
    pub fn validate(self, value: &Value) -> Result<(), InvalidValue> {
        let checked = self.kind.schema.update(self.name(), value);
        checked.map_err(|violation| match value {
            Value::Null => InvalidValue {
                hint: self.row().instead_of_null(),
                ..InvalidValue::new(violation)
            },
            _ => InvalidValue::new(violation),
        })
    }

    /// Checks what an update would send to have `new` in the place of `old`: of a field that is compared key by key, the keys that
    /// differ.
    ///
    /// # Errors
    /// As [`Field::validate`].
    pub fn validate_change(self, old: Option<&Value>, new: &Value) -> Result<(), InvalidValue> {
        let (Some(Value::Object(old)), Value::Object(keys)) = (old, new) else {
            return self.validate(new);
        };
        if !self.row().merge.is_by_key() {
            return self.validate(new);
        }
        let mut sent = keys.clone();
        sent.retain(|key, value| old.get(key) != Some(value));
        self.validate(&Value::Object(sent))
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A field, or one key of a field that is compared key by key. It goes from the file to the update as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldKey {
    /// The field.
    pub field: Field,
    /// The key; None for the whole field.
    pub key: Option<String>,
}

impl FieldKey {
    /// Its value among a resource's fields, if it has one.
    pub fn of<'a>(&self, fields: &'a Map<String, Value>) -> Option<&'a Value> {
        let value = self.field.of(fields)?;
        match &self.key {
            None => Some(value),
            Some(key) => value.get(key),
        }
    }

    /// The same in a file: a key that an object does not have is one that goes, which is said by null.
    pub fn local<'a>(&self, fields: &'a Map<String, Value>) -> Option<&'a Value> {
        let is_key = self.key.is_some() && self.field.of(fields).is_some();
        self.of(fields).or(is_key.then_some(&Value::Null))
    }

    /// Whether two values of it mean the same.
    pub fn same(&self, one: Option<&Value>, other: Option<&Value>) -> bool {
        match self.key {
            None => one == other || self.field.row().same(one, other),
            // A key that is null is a key that goes.
            Some(_) => {
                one.filter(|value| !value.is_null()) == other.filter(|value| !value.is_null())
            }
        }
    }
}

impl From<Field> for FieldKey {
    fn from(field: Field) -> FieldKey {
        FieldKey { field, key: None }
    }
}

/// `description`, `client_metadata.team`.
impl fmt::Display for FieldKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            None => write!(f, "{}", self.field),
            Some(key) => write!(f, "{}.{key}", self.field),
        }
    }
}

/// A value that an update would refuse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} {problem}", shown(.path))]
pub struct InvalidValue {
    /// Where it is, from the field on.
    pub path: Vec<Step>,
    /// What is wrong, in the words of the end of a sentence.
    pub problem: String,
    /// What to write instead.
    pub hint: String,
}

impl InvalidValue {
    pub(crate) fn new(violation: Violation) -> InvalidValue {
        let hint = violation.hint;
        InvalidValue {
            path: violation.path,
            problem: violation.problem,
            hint: hint.unwrap_or_else(|| "write a value that Auth0 takes".to_owned()),
        }
    }
}

impl Kind {
    /// The field of that name, if an update takes it.
    pub fn field(&'static self, name: &str) -> Option<Field> {
        let at = self.place(name)?;
        Some(Field { kind: self, at }).filter(|field| field.row().is_updatable())
    }

    /// Every field that an update takes, in file order.
    pub fn fields(&'static self) -> impl Iterator<Item = Field> + Clone {
        let fields = (0..self.rows.len()).map(move |at| Field { kind: self, at });
        fields.filter(|field| field.row().is_updatable())
    }
}

/// A path as messages have it: `` `refresh_token.policies.audience` ``, `` entry 2 of `callbacks` ``.
fn shown(path: &[Step]) -> String {
    let keys = path.iter().filter_map(|step| match step {
        Step::Key(key) => Some(key.as_str()),
        Step::Index(_) => None,
    });
    let keys = keys.collect::<Vec<_>>().join(".");
    match path.last() {
        Some(Step::Index(index)) => format!("entry {} of `{keys}`", index + 1),
        _ => format!("`{keys}`"),
    }
}
