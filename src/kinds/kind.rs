//! A kind: how its resources are asked for, what they are called, and its rows.

use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::OnceLock;

use serde_json::{Map, Value};

use super::row::{Reference, Row, Sending};
use crate::closest::slip;
use crate::schema::Schema;

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
    /// URLs that are secrets where they carry credentials, each as the way to it.
    pub secret_urls: &'static [&'static [&'static str]],
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
    /// What makes one.
    pub creation: Creation,
}

/// Whether a resource can be made from its file, and of what.
#[derive(Debug)]
pub enum Creation {
    /// It can't, for this reason.
    Cannot(&'static str),
    /// It can.
    Takes(Takes),
}

/// What a create takes. Nulls are never sent: a resource that is made has no value that could go.
/// Source: <https://auth0.com/docs/api/management/v2/clients/post-clients>, and the same page of each kind.
#[derive(Debug)]
pub struct Takes {
    /// The fields without which the API makes none.
    pub required: &'static [&'static str],
    /// The fields that a create takes and an update does not.
    pub also: &'static [&'static str],
    /// The fields that an update takes and a create does not as files have them, each with the reason.
    pub except: &'static [(&'static str, &'static str)],
    /// Texts that a create does not take where they are empty.
    pub not_empty: &'static [&'static str],
    /// The fields by which a tenant has one such resource at most, each with the value that an absent one stands for. Where the API
    /// would make a second one all the same, tenantry does not.
    pub key: &'static [(&'static str, Option<&'static str>)],
    /// Where the tenant's own default opens something, what that is: by field, and by key where it is that of an object.
    pub defaults: &'static [(&'static str, Option<&'static str>, &'static str)],
    /// The fields that one needs to be the same thing in another tenant, whether or not a project manages them: the API would fill
    /// in something else, or nothing. What tells tenants apart, such as a URL, is none of them.
    pub needs: &'static [&'static str],
    /// Resources that belong to their tenant, so that no other one is made in another.
    pub stays: &'static [Stays],
    /// What is said before anybody is asked whether to make one.
    pub caution: Option<&'static str>,
    /// What is said once one is made.
    pub afterwards: Option<&'static str>,
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
    /// The value of the first of these fields that has one, and better one that is not empty.
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

/// Resources that are not made in another tenant.
#[derive(Debug)]
pub struct Stays {
    /// Which resources: all of this is so.
    pub when: &'static [When],
    /// Whether every tenant has one by itself, so that no other one is wanting.
    pub is_everywhere: bool,
    /// Why none is made, in the words of the end of a sentence.
    pub why: &'static str,
}

/// What is so of a resource.
#[derive(Debug, Clone, Copy)]
pub enum When {
    /// The field is true.
    True(&'static str),
    /// The field has a text.
    Text(&'static str),
    /// The field is the identifier of the Management API.
    ManagementApi(&'static str),
    /// The field is the id of the client whose credentials are in use.
    OwnClient(&'static str),
}

impl When {
    /// Whether it is so of a resource with these fields. What the tenant is known by is asked of the callers, who know it differently.
    pub fn is_so(
        self,
        fields: &Map<String, Value>,
        management_api: Option<&str>,
        is_own_client: impl Fn(&str) -> bool,
    ) -> bool {
        let text = |field: &str| fields.get(field)?.as_str();
        match self {
            When::True(field) => fields.get(field) == Some(&Value::Bool(true)),
            When::Text(field) => text(field).is_some_and(|text| !text.is_empty()),
            When::ManagementApi(field) => text(field).is_some_and(|text| {
                Some(text) == management_api || text.ends_with(".auth0.com/api/v2/")
            }),
            When::OwnClient(field) => text(field).is_some_and(is_own_client),
        }
    }
}

impl Kind {
    /// The kind of the resource whose file this is, by its path in the tenant directory.
    pub fn of_file(path: &str) -> Option<&'static Kind> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let is_its = |kind: &&Kind| {
            kind.folder() == folder && kind.only_stem().is_none_or(|only| only == stem)
        };
        super::KINDS.into_iter().find(is_its)
    }

    /// One of them with its article: `a client`, `an API`, `the tenant's settings`.
    pub fn one(&self) -> String {
        match self.singular == self.plural {
            true => format!("the {}", self.singular),
            false => with_article(self.singular),
        }
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

    /// The scopes that reading and updating it and making one need.
    pub fn scopes(&self) -> [String; 3] {
        ["read", "update", "create"].map(|action| format!("{action}:{}", self.scope))
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

    /// What makes a resource of this kind; None where there is one only, which is always there.
    pub fn creation(&self) -> Option<&Creation> {
        Some(&self.collection()?.creation)
    }

    /// The name of its only file, without folder and extension, where there is one only.
    pub fn only_stem(&self) -> Option<&'static str> {
        match &self.shape {
            Shape::Many(_) => None,
            Shape::One { file, .. } => Some(file.rsplit_once('/').map_or(*file, |(_, stem)| stem)),
        }
    }

    /// What a resource with these fields is called, unless that takes the names of others.
    pub fn label_in<'a>(&self, fields: &'a Map<String, Value>) -> Option<&'a str> {
        match self.label {
            Label::Fields(names) => {
                let texts = || names.iter().filter_map(|name| fields.get(*name)?.as_str());
                texts().find(|text| !text.is_empty()).or(texts().next())
            }
            Label::Always(label) => Some(label),
            Label::References(_) => None,
        }
    }

    /// What a resource with these fields is called beside its name: an API by its identifier.
    pub fn other_label_in<'a>(&self, fields: &'a Map<String, Value>) -> Option<&'a str> {
        match self.label {
            Label::Fields([_, other, ..]) => fields.get(*other)?.as_str(),
            _ => None,
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
            let text = fields.get(*name)?.as_str();
            let text = text.filter(|text| !text.is_empty())?;
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

    /// Whether secrets stand in a field.
    pub fn holds_secrets(&self, field: &str) -> bool {
        let nested = self.nested_secrets.iter();
        self.secrets.contains(&field) || nested.into_iter().any(|path| path.first() == Some(&field))
    }

    /// The fields that refer to others by their ids.
    pub fn references_by_id(&self) -> impl Iterator<Item = (&'static Row, Reference)> + use<> {
        let rows = self.rows.iter();
        rows.filter_map(|row| Some((row, row.reference_by_id()?)))
    }

    /// The field from which the tenant derives this one, where it does.
    pub fn derived_from(&self, name: &str) -> Option<&'static str> {
        match self.row(name)?.sending {
            Sending::Derived(from) => Some(from),
            _ => None,
        }
    }

    pub(super) fn place(&self, name: &str) -> Option<usize> {
        let places = || self.rows.iter().map(|row| row.name).zip(0..).collect();
        self.places.get_or_init(places).get(name).copied()
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

/// A word with its article: `a client`, `an id`.
pub(crate) fn with_article(word: &str) -> String {
    let article = match word.chars().next() {
        Some('a' | 'e' | 'i' | 'o' | 'A' | 'E' | 'I' | 'O') => "an",
        _ => "a",
    };
    format!("{article} {word}")
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

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
