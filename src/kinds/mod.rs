//! What is known of each kind of resource and of each of its fields. It is data: a kind is a file beside this one, and a field is
//! a row in it. Nothing else in the code names a field.

pub mod clients;
mod compare;
mod managed;
mod risk;
mod secrets;

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::OnceLock;

use serde_json::{Map, Value};

use crate::closest::slip;
use crate::schema::{Schema, Step, Violation};

pub use compare::CannotRemove;
pub use managed::{Manage, Managed};
pub use risk::{Guard, Risk};

/// Every kind, in the order in which they are read, shown and locked.
pub static KINDS: [&Kind; 1] = [&clients::KIND];

/// A sort of resource.
pub struct Kind {
    /// Its name in the API: folder of its files, key in the lock, in plans and in `manage:`.
    pub name: &'static str,
    /// One of them: `client`.
    pub singular: &'static str,
    /// Several of them: `clients`.
    pub plural: &'static str,
    /// The field that holds a resource's id.
    pub id: &'static str,
    /// The field that holds its name.
    pub label: &'static str,
    /// The field that says of what type it is, where there is one.
    pub type_field: Option<&'static str>,
    /// Its fields, in file order: the default ones, then all others by name.
    pub rows: &'static [Row],
    /// Fields that hold secrets. They are left out of what is asked of the API, and stripped on arrival wherever they stand.
    pub secrets: &'static [&'static str],
    /// Secrets of parts of a field, as (field, part, key).
    pub nested_secrets: &'static [(&'static str, &'static str, &'static str)],
    /// The field that takes a resource out of version control where it is true.
    pub left_out: Option<&'static str>,
    /// The key of a page's resources in the answer to a list request.
    pub list_key: &'static str,
    /// What a list request asks for beside its page.
    pub list_query: &'static [(&'static str, &'static str)],
    /// What its files may say, and what an update takes.
    pub schema: Schema,
    /// Where in `rows` a field is, by its name: files of large tenants ask thousands of times.
    pub places: OnceLock<HashMap<&'static str, usize>>,
}

/// What is known of one field.
#[derive(Debug)]
pub struct Row {
    /// Its name in the API and in files.
    pub name: &'static str,
    /// Whether a push may send it.
    pub sending: Sending,
    /// How an update changes it.
    pub merge: Merge,
    /// What takes its value away.
    pub clear: Clear,
    /// The kind that the ids in it are of.
    pub refers_to: Option<&'static str>,
    /// What an edit of it may do at once.
    pub risks: &'static [Risk],
    /// What keeps the tool's own access, where the resource is what gives it.
    pub guard: Option<Guard>,
    /// Whether its value means something in one tenant only, without being a reference that could be translated.
    pub is_tenants_own: bool,
}

/// Whether a push may send a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sending {
    /// It may, unless the kind is not managed.
    Default,
    /// It may where `tenantry.yaml` says so.
    OptIn,
    /// Never, for this reason.
    Never(&'static str),
    /// Never: the tenant derives it from another field, so that it is no difference either.
    Derived,
}

/// How an update changes a field's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merge {
    /// What is sent takes the place of what was there.
    Whole,
    /// The same, and the order of the entries means nothing.
    Set,
    /// Keys of the object that are not sent stay. It is compared and sent whole, and a key that goes is sent as null.
    Parts,
    /// The same, and each key is compared and sent by itself.
    Keys,
}

/// What takes a field's value away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clear {
    /// null, and the tenant then serves no value.
    Null,
    /// An empty text, which the tenant keeps.
    EmptyText,
    /// An empty text, and the tenant then serves no value.
    EmptyTextIsAbsent,
    /// An empty list.
    EmptyList,
    /// Nothing does.
    Cannot,
}

impl Row {
    const fn new(name: &'static str, sending: Sending) -> Row {
        Row {
            name,
            sending,
            merge: Merge::Whole,
            clear: Clear::Cannot,
            refers_to: None,
            risks: &[],
            guard: None,
            is_tenants_own: false,
        }
    }

    const fn default_field(name: &'static str) -> Row {
        Row::new(name, Sending::Default)
    }

    const fn opt_in(name: &'static str) -> Row {
        Row::new(name, Sending::OptIn)
    }

    const fn never(name: &'static str, reason: &'static str) -> Row {
        Row::new(name, Sending::Never(reason))
    }

    const fn derived(name: &'static str) -> Row {
        Row::new(name, Sending::Derived)
    }

    const fn merges(self, merge: Merge) -> Row {
        Row { merge, ..self }
    }

    const fn clears(self, clear: Clear) -> Row {
        Row { clear, ..self }
    }

    const fn refers_to(self, kind: &'static str) -> Row {
        let refers_to = Some(kind);
        Row { refers_to, ..self }
    }

    const fn risks(self, risks: &'static [Risk]) -> Row {
        Row { risks, ..self }
    }

    const fn guarded(self, guard: Guard) -> Row {
        let guard = Some(guard);
        Row { guard, ..self }
    }

    const fn tenants_own(self) -> Row {
        let is_tenants_own = true;
        Row {
            is_tenants_own,
            ..self
        }
    }

    /// Whether an update takes it.
    const fn is_updatable(&self) -> bool {
        matches!(self.sending, Sending::Default | Sending::OptIn)
    }
}

impl Kind {
    /// The kind of that name.
    pub fn named(name: &str) -> Option<&'static Kind> {
        KINDS.into_iter().find(|kind| kind.name == name)
    }

    /// What is known of a field, whether or not it can be updated.
    pub fn row(&self, name: &str) -> Option<&'static Row> {
        Some(&self.rows[self.place(name)?])
    }

    fn place(&self, name: &str) -> Option<usize> {
        let places = || self.rows.iter().map(|row| row.name).zip(0..).collect();
        self.places.get_or_init(places).get(name).copied()
    }

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

    /// The field that somebody meant by a key that is no field, if it is close to one.
    pub fn misspelt(&self, key: &str) -> Option<&'static str> {
        let is_field = key == self.id || self.row(key).is_some() || self.schema.has(key);
        let known = self.rows.iter().map(|row| row.name);
        (!is_field).then(|| slip(key, known)).flatten()
    }

    /// Whether two values of a field mean the same, also of one that nobody knows.
    pub fn same(&self, field: &str, one: Option<&Value>, other: Option<&Value>) -> bool {
        one == other || self.row(field).is_some_and(|row| row.same(one, other))
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Kind) -> bool {
        self.name == other.name
    }
}

impl Eq for Kind {}

impl Hash for Kind {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

/// As they stand in [`KINDS`].
impl Ord for Kind {
    fn cmp(&self, other: &Kind) -> Ordering {
        let place = |kind: &Kind| KINDS.iter().position(|known| *known == kind);
        place(self).cmp(&place(other))
    }
}

impl PartialOrd for Kind {
    fn partial_cmp(&self, other: &Kind) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

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
        let keys = match (self.row().merge, self.of(local), self.of(live)) {
            (Merge::Keys, Some(Value::Object(local)), None) => local.keys().collect(),
            (Merge::Keys, Some(Value::Object(local)), Some(Value::Object(live))) => {
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

impl Row {
    /// What to write where somebody wrote null and the API does not take it.
    fn instead_of_null(&self) -> String {
        let name = self.name;
        let widens = self.risks.iter().find_map(|risk| match risk {
            Risk::Emptied(sentence) => Some(sentence),
            _ => None,
        });
        if let Some(sentence) = widens {
            return format!("remove the line to leave it as it is; with `{name}: []`, {sentence}");
        }
        let leave = "remove the line to leave it as it is";
        if self.merge == Merge::Keys {
            return format!("write `{name}: {{}}` to remove every key, or {leave}");
        }
        match self.clear {
            Clear::EmptyText | Clear::EmptyTextIsAbsent => {
                format!("write `{name}: \"\"` to clear it, or {leave}")
            }
            Clear::EmptyList => format!("write `{name}: []` to clear it, or {leave}"),
            Clear::Null | Clear::Cannot => leave.to_owned(),
        }
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

/// What kind of value it is, in words.
pub(crate) fn type_in_words(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
