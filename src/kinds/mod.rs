//! What is known of each kind of resource and of each of its fields. It is data: a kind is a file beside this one, and a field is
//! a row in it. Nothing else in the code names a field.

pub mod attack_protection;
pub mod client_grants;
pub mod clients;
mod compare;
mod managed;
mod reference;
pub mod resource_servers;
mod risk;
pub mod roles;
mod secrets;
pub mod tenant_settings;

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
pub static KINDS: [&Kind; 10] = [
    &clients::KIND,
    &resource_servers::KIND,
    &client_grants::KIND,
    &roles::KIND,
    &tenant_settings::KIND,
    &attack_protection::BOT_DETECTION,
    &attack_protection::BREACHED_PASSWORD_DETECTION,
    &attack_protection::BRUTE_FORCE_PROTECTION,
    &attack_protection::CAPTCHA,
    &attack_protection::SUSPICIOUS_IP_THROTTLING,
];

/// A sort of resource. What there is one of is a kind by itself; those that belong together have one name.
pub struct Kind {
    /// Its name in the API: folder of its files, key in the lock, in plans and in `manage:`.
    pub name: &'static str,
    /// One of them: `client`.
    pub singular: &'static str,
    /// Several of them: `clients`.
    pub plural: &'static str,
    /// Whether there are many of them, and how they are asked for.
    pub shape: Shape,
    /// What people call one of them.
    pub label: Label,
    /// The field that says of what type it is, where there is one.
    pub type_field: Option<&'static str>,
    /// Its fields, in file order: the default ones, then all others by name.
    pub rows: &'static [Row],
    /// Fields that hold secrets. They are left out of what is asked of the API, and stripped on arrival wherever they stand.
    pub secrets: &'static [&'static str],
    /// Secrets of parts of a field, each as the way to it. A list on the way is no step.
    pub nested_secrets: &'static [&'static [&'static str]],
    /// The field that takes a resource out of version control where it is true.
    pub left_out: Option<&'static str>,
    /// Resources of which not every field may be changed.
    pub limits: &'static [Limit],
    /// Whether the answer to a write differs from what the tenant then has, so that it is read again.
    pub reads_again: bool,
    /// The API's scopes for it are `read:` and `update:` with this.
    pub scope: &'static str,
    /// When its resources are written: those that others refer to come first.
    pub turn: u8,
    /// What its files may say, and what an update takes.
    pub schema: Schema,
    /// Where in `rows` a field is, by its name: files of large tenants ask thousands of times.
    pub places: OnceLock<HashMap<&'static str, usize>>,
}

/// How many resources of a kind there are, and how they are asked for.
#[derive(Debug)]
pub enum Shape {
    /// Many, in a list.
    Many(Collection),
    /// One.
    One {
        /// What stands for its id.
        id: &'static str,
        /// Its path below `/api/v2`, in segments.
        path: &'static [&'static str],
        /// Its file in the tenant directory, without the extension.
        file: &'static str,
    },
}

/// A kind of which there are many.
#[derive(Debug)]
pub struct Collection {
    /// The field that holds a resource's id.
    pub id: &'static str,
    /// The key of a page's resources in the answer to a list request.
    pub list_key: &'static str,
    /// What a list request asks for beside its page.
    pub list_query: &'static [(&'static str, &'static str)],
    /// How the list comes.
    pub paging: Paging,
    /// Whether requests can choose fields.
    pub selects_fields: bool,
    /// Whether the answer that there is no such resource has a code.
    pub missing_has_code: bool,
    /// A field that is a list at a path of its own.
    pub sub_list: Option<SubList>,
}

/// How a list comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paging {
    /// In numbered pages up to 1,000 resources, and by checkpoints.
    NumbersOrCheckpoints,
    /// In numbered pages.
    Numbers,
    /// All at once.
    None,
}

/// A field that is a list at a path of its own, below that of its resource.
#[derive(Debug)]
pub struct SubList {
    /// The field, the last segment of its path, and the key of its entries in requests and answers.
    pub field: &'static str,
    /// What of an entry is kept: the API derives the rest.
    pub keys: &'static [&'static str],
}

/// What people call a resource.
#[derive(Debug, Clone, Copy)]
pub enum Label {
    /// The value of the first of these fields that has one.
    Fields(&'static [&'static str]),
    /// The names of what these fields refer to.
    References(&'static [&'static str]),
    /// Always this.
    Always(&'static str),
}

/// A resource of which not every field may be changed.
#[derive(Debug)]
pub struct Limit {
    /// Which resources: all of this is so.
    pub when: &'static [When],
    /// The fields that may be changed all the same.
    pub takes: &'static [&'static str],
    /// Why no other one may.
    pub why: &'static str,
}

/// What is so of a resource.
#[derive(Debug, Clone, Copy)]
pub enum When {
    /// The field is true.
    True(&'static str),
    /// The field is the identifier of the Management API.
    ManagementApi(&'static str),
    /// The field is the id of the client whose credentials are in use.
    OwnClient(&'static str),
}

/// What the ids in a field are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference {
    /// The kind.
    pub kind: &'static str,
    /// The field of that kind that holds what is referred by; None for the id.
    pub by: Option<&'static str>,
    /// The way to the references below the field; a list on the way is no step.
    pub at: &'static [&'static str],
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
    /// The keys of lists within its value, wherever they stand, whose order means nothing.
    pub sets: &'static [&'static str],
    /// What takes its value away.
    pub clear: Clear,
    /// What it refers to.
    pub refers_to: Option<Reference>,
    /// What an edit of it may do at once.
    pub risks: &'static [Risk],
    /// What keeps the tool's own access, where the resource is what gives it.
    pub guard: Option<Guard>,
    /// A scope that an update of it needs beside that of its kind.
    pub scope: Option<&'static str>,
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
    /// The same, and a key can't be taken away.
    Flags,
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
            sets: &[],
            clear: Clear::Cannot,
            refers_to: None,
            risks: &[],
            guard: None,
            scope: None,
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

    const fn has_sets(self, sets: &'static [&'static str]) -> Row {
        Row { sets, ..self }
    }

    const fn clears(self, clear: Clear) -> Row {
        Row { clear, ..self }
    }

    const fn refers_to(
        self,
        kind: &'static str,
        by: Option<&'static str>,
        at: &'static [&'static str],
    ) -> Row {
        let refers_to = Some(Reference { kind, by, at });
        Row { refers_to, ..self }
    }

    const fn risks(self, risks: &'static [Risk]) -> Row {
        Row { risks, ..self }
    }

    const fn guarded(self, guard: Guard) -> Row {
        let guard = Some(guard);
        Row { guard, ..self }
    }

    const fn needs(self, scope: &'static str) -> Row {
        let scope = Some(scope);
        Row { scope, ..self }
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
    /// The kinds of that name: several, where what belongs together has one name.
    pub fn all_named(name: &str) -> impl Iterator<Item = &'static Kind> + '_ {
        KINDS.into_iter().filter(move |kind| kind.name == name)
    }

    /// A kind of that name.
    pub fn named(name: &str) -> Option<&'static Kind> {
        Kind::all_named(name).next()
    }

    /// The kind of that name that may have a resource of that id.
    pub fn of(name: &str, id: &str) -> Option<&'static Kind> {
        Kind::all_named(name).find(|kind| kind.only().is_none_or(|only| only == id))
    }

    /// The kind of the resource whose file this is, by its path in the tenant directory.
    pub fn of_file(path: &str) -> Option<&'static Kind> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let is_its = |kind: &&Kind| {
            kind.folder() == folder && kind.only_stem().is_none_or(|only| only == stem)
        };
        KINDS.into_iter().find(is_its)
    }

    /// The id of the only resource, where there is one only.
    pub fn only(&self) -> Option<&'static str> {
        match &self.shape {
            Shape::Many(_) => None,
            Shape::One { id, .. } => Some(id),
        }
    }

    /// The field that holds a resource's id, where there are many.
    pub fn id_field(&self) -> Option<&'static str> {
        Some(self.collection()?.id)
    }

    /// The scopes that reading and updating it need, as far as anybody knows.
    pub fn scopes(&self) -> [String; 2] {
        ["read", "update"].map(|action| format!("{action}:{}", self.scope))
    }

    /// What the id is called: the field that holds it.
    pub fn id_name(&self) -> &'static str {
        self.id_field().unwrap_or("id")
    }

    /// How they are asked for, where there are many.
    pub fn collection(&self) -> Option<&Collection> {
        match &self.shape {
            Shape::Many(collection) => Some(collection),
            Shape::One { .. } => None,
        }
    }

    /// Whether requests can choose fields.
    pub fn selects_fields(&self) -> bool {
        self.collection()
            .is_some_and(|collection| collection.selects_fields)
    }

    /// The folder of its files, relative to the tenant directory.
    pub fn folder(&self) -> &'static str {
        match &self.shape {
            Shape::Many(_) => self.name,
            Shape::One { file, .. } => file.rsplit_once('/').map_or("", |(folder, _)| folder),
        }
    }

    /// The name of its only file, without folder and extension, where there is one only.
    pub fn only_stem(&self) -> Option<&'static str> {
        match &self.shape {
            Shape::Many(_) => None,
            Shape::One { file, .. } => Some(file.rsplit_once('/').map_or(*file, |(_, stem)| stem)),
        }
    }

    /// The folders in which a tenant directory has files of some kind.
    pub fn folders() -> impl Iterator<Item = &'static str> {
        KINDS
            .iter()
            .map(|kind| kind.folder())
            .filter(|folder| !folder.is_empty())
    }

    /// What a resource with these fields is called, unless that takes the names of others.
    pub fn label_in<'a>(&self, fields: &'a Map<String, Value>) -> Option<&'a str> {
        match self.label {
            Label::Fields(names) => {
                let mut texts = names.iter().filter_map(|name| fields.get(*name)?.as_str());
                texts.find(|text| !text.is_empty())
            }
            Label::Always(label) => Some(label),
            Label::References(_) => None,
        }
    }

    /// The names that a resource with these fields is called by, one after the other. `name_of` answers the name of what a field
    /// refers to.
    pub fn labels(
        &self,
        fields: &Map<String, Value>,
        name_of: impl Fn(Reference, &str) -> Option<String>,
    ) -> Vec<String> {
        let Label::References(names) = self.label else {
            return self
                .label_in(fields)
                .map(str::to_owned)
                .into_iter()
                .collect();
        };
        let named = names.iter().filter_map(|name| {
            let text = fields.get(*name)?.as_str()?;
            let reference = self.row(name).and_then(|row| row.refers_to);
            let name = reference.and_then(|reference| name_of(reference, text));
            Some(name.unwrap_or_else(|| text.to_owned()))
        });
        named.collect()
    }

    /// What of a resource is told apart by the API itself and not sent by anybody.
    pub fn is_id(&self, field: &str) -> bool {
        self.id_field() == Some(field)
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
        let is_field = self.is_id(key) || self.row(key).is_some() || self.schema.has(key);
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
        std::ptr::eq(self, other) || (self.name == other.name && self.only() == other.only())
    }
}

impl Eq for Kind {}

impl Hash for Kind {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        self.only().hash(state);
    }
}

/// As they stand in [`KINDS`].
impl Ord for Kind {
    fn cmp(&self, other: &Kind) -> Ordering {
        if std::ptr::eq(self, other) {
            return Ordering::Equal;
        }
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
            (Merge::Keys | Merge::Flags, Some(Value::Object(local)), None) => {
                local.keys().collect()
            }
            (Merge::Keys | Merge::Flags, Some(Value::Object(local)), Some(Value::Object(live))) => {
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
