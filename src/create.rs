//! Files without an id → what making their resources sends, in which order, and what keeps one from being made. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::files::{Contents, NewFile};
use crate::kinds::{Creation, Field, Kind, Takes};
use crate::resource::{Resource, ResourceId};

/// A resource that its file describes and the tenant does not have.
#[derive(Debug, Clone, PartialEq)]
pub struct New {
    /// Its kind.
    pub kind: &'static Kind,
    /// What people call it.
    pub name: String,
    /// Its file, relative to the tenant directory.
    pub file: String,
    /// What is sent, in file order. References may still be files.
    pub fields: Map<String, Value>,
    /// What its file says and nobody sends, each with the reason.
    pub left_out: Vec<(String, String)>,
    /// Why it can't be made.
    pub refusal: Option<Refusal>,
}

impl New {
    /// How references name it while it has no id: `clients/billing-api`.
    pub fn as_reference(&self) -> String {
        format!("{}/{}", self.kind, stem(&self.file))
    }

    /// Whether a reference names it.
    pub fn is_named(&self, reference: &str) -> bool {
        self.as_reference() == reference
    }

    /// The files that its references name in the place of ids.
    pub fn files(&self) -> Vec<String> {
        let references = self.kind.references_by_id();
        let files = references.flat_map(|(row, reference)| {
            let value = self.fields.get(row.name);
            let files = value.map(|value| reference.files_in(value));
            files.into_iter().flatten().map(str::to_owned)
        });
        files.collect()
    }
}

/// Why a resource can't be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The API makes none without this field.
    Without(&'static str),
    /// The tenant has these under the same name, or whatever tells such resources apart.
    IsThere(Vec<ResourceId>),
    /// Another file without an id says the same there.
    Twice(String),
    /// This reference is a file that there is not.
    NoSuchFile(String),
    /// This reference may be one of two files.
    TwoFiles(String),
    /// The tenant has this one already, and this file is about it.
    HasFile(ResourceId, String),
}

/// What the files without an id describe, by kind and file. `live` is all that the tenant has of their kinds; None where that was not
/// read, so that nobody can tell what is there already.
pub fn new_resources(
    contents: &Contents,
    live: Option<&BTreeMap<ResourceId, Resource>>,
) -> Vec<New> {
    let known = Known::of(contents, live);
    let mut new: Vec<New> = contents
        .new
        .iter()
        .filter_map(|new| described(new, &known))
        .collect();
    new.sort_by(|a, b| (a.kind, &a.file).cmp(&(b.kind, &b.file)));
    new
}

/// What there is, by what new files are held against: many of them take one look at it all.
struct Known<'a> {
    contents: &'a Contents,
    /// How many files have a name.
    stems: BTreeMap<(&'static Kind, &'a str), usize>,
    /// The files without an id by what tells their resources apart.
    new: BTreeMap<(&'static Kind, String), Vec<&'a str>>,
    /// What the tenant has, by the same.
    live: BTreeMap<(&'static Kind, String), Vec<&'a ResourceId>>,
}

impl<'a> Known<'a> {
    fn of(contents: &'a Contents, live: Option<&'a BTreeMap<ResourceId, Resource>>) -> Known<'a> {
        let mut known = Known {
            contents,
            stems: BTreeMap::new(),
            new: BTreeMap::new(),
            live: BTreeMap::new(),
        };
        let old = contents.resources.iter();
        let old = old.map(|(id, file)| (id.kind(), &*file.stem));
        let new = contents.new.iter();
        for name in old.chain(new.map(|new| (new.kind, &*new.file.stem))) {
            *known.stems.entry(name).or_default() += 1;
        }
        for new in &contents.new {
            if let Some(Creation::Takes(takes)) = new.kind.creation() {
                let key = (new.kind, key(takes, &new.file.fields));
                known.new.entry(key).or_default().push(&new.file.file);
            }
        }
        for (id, live) in live.into_iter().flatten() {
            if let Some(Creation::Takes(takes)) = id.kind().creation() {
                let key = (id.kind(), key(takes, live.fields()));
                known.live.entry(key).or_default().push(id);
            }
        }
        known
    }
}

/// What tells a resource apart, as a text that can be looked up.
fn key(takes: &Takes, fields: &Map<String, Value>) -> String {
    json!(takes.told_apart_by(fields)).to_string()
}

fn described(new: &NewFile, known: &Known<'_>) -> Option<New> {
    let Creation::Takes(takes) = new.kind.creation()? else {
        return None;
    };
    let (fields, left_out) = sent(new.kind, takes, &new.file.fields);
    Some(New {
        kind: new.kind,
        name: new.name().to_owned(),
        file: new.file.file.clone(),
        refusal: refusal(new, takes, &fields, known),
        fields,
        left_out,
    })
}

/// What of a file a create takes, and what it leaves out. What only the tenant sets is not worth a word.
fn sent(
    kind: &'static Kind,
    takes: &Takes,
    said: &Map<String, Value>,
) -> (Map<String, Value>, Vec<(String, String)>) {
    let mut fields = Map::new();
    let mut left_out = Vec::new();
    for (name, value) in said {
        let name = name.as_str();
        let is_empty = matches!(value, Value::Object(keys) if keys.is_empty())
            || (*value == "" && takes.not_empty.contains(&name));
        if value.is_null() || is_empty {
            continue;
        }
        if let Some((_, why)) = takes.except.iter().find(|(field, _)| *field == name) {
            left_out.push((name.to_owned(), (*why).to_owned()));
        } else if kind.field(name).is_some() || takes.also.contains(&name) {
            fields.insert(name.to_owned(), without_nulls(value));
        } else if kind.holds_secrets(name) {
            left_out.push((
                name.to_owned(),
                "it holds secrets, which no file has".to_owned(),
            ));
        } else if kind.row(name).is_none() && !kind.schema.has(name) {
            left_out.push((
                name.to_owned(),
                "nobody knows whether the API takes it".to_owned(),
            ));
        }
    }
    (fields, left_out)
}

/// A value without keys that are null: nothing is there yet that could go.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(keys) => {
            let keys = keys.iter().filter(|(_, value)| !value.is_null());
            let keys = keys.map(|(key, value)| (key.clone(), without_nulls(value)));
            Value::Object(keys.collect())
        }
        Value::Array(entries) => entries.iter().map(without_nulls).collect(),
        value => value.clone(),
    }
}

fn refusal(
    new: &NewFile,
    takes: &Takes,
    fields: &Map<String, Value>,
    known: &Known<'_>,
) -> Option<Refusal> {
    let mut required = takes.required.iter();
    if let Some(missing) = required.find(|field| !fields.contains_key(**field)) {
        return Some(Refusal::Without(missing));
    }
    for (row, reference) in new.kind.references_by_id() {
        let value = fields.get(row.name);
        let files = value.map(|value| reference.files_in(value));
        for text in files.into_iter().flatten() {
            let file = reference.kind().zip(reference.stem_in(text));
            match file.and_then(|file| known.stems.get(&file)) {
                None => return Some(Refusal::NoSuchFile(text.to_owned())),
                Some(1) => {}
                Some(_) => return Some(Refusal::TwoFiles(text.to_owned())),
            }
        }
    }
    let key = (new.kind, key(takes, fields));
    let mut same = known.new.get(&key).into_iter().flatten();
    if let Some(twin) = same.find(|file| **file != new.file.file) {
        return Some(Refusal::Twice((*twin).to_owned()));
    }
    let there = known.live.get(&key)?;
    let files = &known.contents.resources;
    let with_file = there.iter().find_map(|id| Some((*id, files.get(*id)?)));
    Some(match with_file {
        Some((id, file)) => Refusal::HasFile(id.clone(), file.file.clone()),
        None => Refusal::IsThere(there.iter().map(|id| (*id).clone()).collect()),
    })
}

/// The order in which resources are made: by kind, what others refer to first. Where they refer to each other in a circle, the first
/// file comes first.
pub fn in_order(new: Vec<New>) -> Vec<New> {
    let places = new
        .iter()
        .zip(0..)
        .map(|(new, at)| (new.as_reference(), at));
    let places: BTreeMap<String, usize> = places.collect();
    let needed = new.iter().map(|new| {
        let files = new.files().into_iter();
        files
            .filter_map(|file| places.get(&file).copied())
            .collect()
    });
    let needed: Vec<Vec<usize>> = needed.collect();
    let mut turns: Vec<usize> = (0..new.len()).collect();
    turns.sort_by_key(|at| (new[*at].kind.turn, *at));
    let mut order = Vec::new();
    let mut seen = BTreeSet::new();
    // A list instead of a call by itself: a chain of files may be as long as somebody likes.
    for first in turns {
        let mut waiting = vec![(first, false)];
        while let Some((at, is_ready)) = waiting.pop() {
            if is_ready {
                order.push(at);
            } else if seen.insert(at) {
                waiting.push((at, true));
                let of_kind = needed[at]
                    .iter()
                    .filter(|other| new[**other].kind.turn <= new[at].kind.turn);
                waiting.extend(of_kind.rev().map(|other| (*other, false)));
            }
        }
    }
    let mut new: Vec<Option<New>> = new.into_iter().map(Some).collect();
    order.into_iter().filter_map(|at| new[at].take()).collect()
}

/// A path's file name, without the extension.
fn stem(file: &str) -> &str {
    let name = file.rsplit_once('/').map_or(file, |(_, name)| name);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// The ids of the resources that were made, by kind and stem of their files.
#[derive(Debug, Default)]
pub struct Made(BTreeMap<(&'static Kind, String), String>);

/// What a create sends, and what has to wait.
#[derive(Debug, Clone, PartialEq)]
pub struct Body {
    /// What is sent.
    pub fields: Map<String, Value>,
    /// The fields that are sent by an update, once the resource and what it refers to are there.
    pub later: Vec<Field>,
}

impl Made {
    /// Remembers the id of what a file describes.
    pub fn add(&mut self, kind: &'static Kind, file: &str, id: &str) {
        self.0.insert((kind, stem(file).to_owned()), id.to_owned());
    }

    /// A field's value with ids in the place of files. None where a file has no id yet.
    pub fn resolved(&self, kind: &'static Kind, name: &str, value: &Value) -> Option<Value> {
        let mut value = value.clone();
        for (_, reference) in kind.references_by_id().filter(|(row, _)| row.name == name) {
            value = reference.translated(&value, &mut |text| {
                let file = reference.kind().zip(reference.stem_in(text));
                let id = file.and_then(|(kind, stem)| self.0.get(&(kind, stem.to_owned())));
                id.map_or_else(|| text.to_owned(), Clone::clone)
            });
            if !reference.files_in(&value).is_empty() {
                return None;
            }
        }
        Some(value)
    }

    /// What is sent to make a resource by now. None where it can't be made without something that has no id yet.
    pub fn body(&self, new: &New) -> Option<Body> {
        let mut body = Body {
            fields: Map::new(),
            later: Vec::new(),
        };
        let list = new
            .kind
            .collection()
            .and_then(|collection| collection.sub_list.as_ref());
        for (name, value) in &new.fields {
            let field = new.kind.field(name);
            let is_list = list.is_some_and(|list| list.field == name);
            match (self.resolved(new.kind, name, value), field) {
                (Some(value), _) if !is_list => {
                    body.fields.insert(name.clone(), value);
                }
                (_, Some(field)) => body.later.push(field),
                (_, None) => return None,
            }
        }
        Some(body)
    }
}

impl Takes {
    /// Whether two resources would be one and the same to the tenant, or to people.
    pub fn is_same(&self, one: &Map<String, Value>, other: &Map<String, Value>) -> bool {
        self.told_apart_by(one) == self.told_apart_by(other)
    }

    /// What tells a resource apart from others of its kind.
    pub fn told_apart_by(&self, fields: &Map<String, Value>) -> Vec<Option<Value>> {
        let of = |(field, default): &(&str, Option<&str>)| {
            let value = fields.get(*field).filter(|value| !value.is_null());
            value.cloned().or(default.map(Value::from))
        };
        self.key.iter().map(of).collect()
    }
}

/// The resources, of those that the tenant has, that a create with this body made or may have made: they say what it sent, and no
/// file is theirs.
pub fn made_by<'a>(
    kind: &'static Kind,
    sent: &Map<String, Value>,
    contents: &Contents,
    live: &'a BTreeMap<ResourceId, Resource>,
) -> Vec<&'a Resource> {
    let of_kind = live.values().filter(|live| live.id().kind() == kind);
    let without_file = of_kind.filter(|live| !contents.resources.contains_key(live.id()));
    without_file.filter(|live| says_all(live, sent)).collect()
}

/// Whether a resource says all that was sent to make it.
pub fn says_all(live: &Resource, sent: &Map<String, Value>) -> bool {
    sent.iter().all(|(name, value)| says(live, name, value))
}

/// What the tenant has of a resource that was made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answered {
    /// The fields in which it is not what was sent.
    pub differing: Vec<String>,
    /// The fields in which the tenant set more than was sent.
    pub added: Vec<String>,
}

/// Compares what was sent with what was made.
pub fn answered(sent: &Map<String, Value>, live: &Resource) -> Answered {
    let kind = live.id().kind();
    let mut answered = Answered::default();
    for (name, value) in sent {
        if !says(live, name, value) {
            answered.differing.push(name.clone());
        }
    }
    for (name, value) in live.fields() {
        let is_more = match sent.get(name) {
            Some(sent) => says(live, name, sent) && !kind.same(name, Some(sent), Some(value)),
            None => kind.field(name).is_some() && !is_nothing(value),
        };
        if is_more {
            answered.added.push(name.clone());
        }
    }
    answered
}

/// Whether a resource says this in a field. What the tenant set in an object beside it is no contradiction.
fn says(live: &Resource, name: &str, sent: &Value) -> bool {
    let there = live.fields().get(name);
    live.id().kind().same(name, Some(sent), there)
        || there.is_some_and(|there| is_within(sent, there))
}

fn is_within(sent: &Value, there: &Value) -> bool {
    match (sent, there) {
        (Value::Object(sent), Value::Object(there)) => sent
            .iter()
            .all(|(key, value)| there.get(key).is_some_and(|there| is_within(value, there))),
        (sent, there) => sent == there,
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(keys) => keys.is_empty(),
        Value::Array(entries) => entries.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}
