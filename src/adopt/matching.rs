//! Which of the Deploy CLI's resources is which of the tenant's: by id where it has one, or else by what a tenant has once; and which
//! files take its names. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::Left;
use super::export::{Entry, Export, Undeployed};
use crate::files::{Contents, Format, ResourceFile, TenantDirectory, slug, slug_of_names};
use crate::kinds::{Creation, Kind, Managed, Reference, client_grants, clients, resource_servers};
use crate::portable::is_device;
use crate::promote::Overrides;
use crate::resource::ResourceId;

/// A resource of the Deploy CLI's, and its file here.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pair {
    /// What the Deploy CLI's files say, with references in this tenant's ids.
    pub(crate) entry: Entry,
    /// Its file here; None where there is none.
    pub(crate) here: Option<String>,
    /// The stem of that file, or of the one to write.
    pub(crate) stem: String,
    /// The file of another resource that has the name that the one to write would have had.
    pub(crate) beside: Option<String>,
    /// The fields of which references are known to nobody, each with the references.
    pub(crate) unknown: Unknown,
}

/// References that are known to nobody, by field.
pub(crate) type Unknown = BTreeMap<&'static str, Vec<String>>;

/// A file that takes the Deploy CLI's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rename {
    /// The kind.
    pub(crate) kind: &'static Kind,
    /// The file as it is called.
    pub(crate) from: String,
    /// The file as it will be called.
    pub(crate) to: String,
    /// The stem of that.
    pub(crate) stem: String,
}

/// What a name stands for here.
#[derive(Debug, Clone, PartialEq)]
enum Named {
    Id(String),
    File(String),
    Several,
}

/// What is known here: ids, and what names stand for.
struct Known<'a> {
    contents: &'a Contents,
    names: BTreeMap<(&'static Kind, String), Named>,
}

/// Ties entries to files. What can't be tied, and is not merely lacking here, is left.
pub(crate) fn matched(
    export: &Export,
    contents: &Contents,
    managed: &Managed,
) -> (Vec<Pair>, Vec<Left>) {
    let entries = &export.entries;
    let alone = LeftAlone::of(&export.undeployed, contents);
    let mut left = Vec::new();
    let is_managed = |entry: &&Entry| managed.kinds().any(|kind| kind == entry.kind);
    left.extend(unmanaged(
        entries.iter().filter(|entry| !is_managed(entry)),
        managed,
    ));
    let mut known = Known::here(contents);
    let by_key = by_key(contents);
    let mut called = BTreeSet::new();
    let mut pairs: Vec<Pair> = Vec::new();
    let mut stems = Taken::here(contents);
    // What others are called by comes first: a grant is known by its client.
    for is_later in [false, true] {
        let entries = entries.iter().filter(is_managed);
        let entries: Vec<&Entry> = entries
            .filter(|entry| is_known_by_others(entry.kind) == is_later)
            .collect();
        let keys = entries.iter().map(|entry| {
            let mut unknown = Unknown::new();
            let fields = known.in_ids(entry.kind, &entry.fields, &mut unknown);
            (key(entry.kind, &fields), unknown, fields)
        });
        let keys: Vec<_> = keys.collect();
        let mut alike: BTreeMap<(&'static Kind, &str), usize> = BTreeMap::new();
        for (entry, (key, ..)) in entries.iter().zip(&keys) {
            let key = key.as_deref().unwrap_or_default();
            *alike.entry((entry.kind, key)).or_default() += 1;
        }
        let mut found = Vec::new();
        for (entry, (key, unknown, fields)) in entries.iter().zip(&keys) {
            let same = key.as_deref().and_then(|key| alike.get(&(entry.kind, key)));
            let its = Its {
                entry,
                key: key.as_deref(),
                unknown,
                alike: same.copied().unwrap_or_default(),
            };
            let here = its.counterpart(contents, &by_key);
            let id = here
                .as_ref()
                .ok()
                .and_then(|here| here.as_ref()?.0.as_deref());
            if alone.has(entry.kind, id, fields) {
                let why = "the Deploy CLI leaves it alone";
                left.push(Left::of(entry.place.clone(), why));
                continue;
            }
            left.extend(entry.left.iter().cloned());
            match here {
                Ok(here) => found.push((*entry, here)),
                Err(why) => left.push(Left::of(entry.place.clone(), why)),
            }
        }
        // The names that the files here are going to take are theirs already.
        for (entry, here) in &found {
            if let (Some((_, file, _)), Some(stem)) = (here, &entry.stem) {
                stems.take(entry.kind, stem, &renamed(entry.kind, file, stem));
            }
        }
        for (entry, here) in found {
            let (file, stem, beside, named) = match here {
                Some((id, file, stem)) => {
                    let named = id.map_or_else(|| Named::File(stem.clone()), Named::Id);
                    (Some(file), stem, None, named)
                }
                None => {
                    let stem = new_stem(entry, contents, &pairs);
                    let (stem, beside) = stems.free(entry.kind, stem);
                    (None, stem.clone(), beside, Named::File(stem))
                }
            };
            if let Some(name) = entry.kind.label_in(&entry.fields) {
                let name = (entry.kind, name.to_owned());
                let named = match called.insert(name.clone()) {
                    true => named,
                    false => Named::Several,
                };
                known.names.insert(name, named);
            }
            pairs.push(Pair {
                entry: entry.clone(),
                here: file,
                stem,
                beside,
                unknown: Unknown::new(),
            });
        }
    }
    for pair in &mut pairs {
        let kind = pair.entry.kind;
        pair.entry.fields = known.in_ids(kind, &pair.entry.fields, &mut pair.unknown);
        let mut nobodys = Unknown::new();
        pair.entry.otherwise = known.in_ids(kind, &pair.entry.otherwise, &mut nobodys);
    }
    (pairs, left)
}

/// The kinds that `tenantry.yaml` does not name, each with what to write there.
fn unmanaged<'a>(entries: impl Iterator<Item = &'a Entry>, managed: &Managed) -> Vec<Left> {
    let mut by_name: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        by_name.entry(entry.kind.name).or_default().push(entry);
    }
    let left = by_name.into_iter().filter_map(|(name, entries)| {
        let first = entries.first()?;
        let place = match first.place.rsplit_once('/') {
            Some((folder, _)) => format!("{folder}/"),
            None => first.place.clone(),
        };
        let what = match entries.len() {
            1 => first.kind.singular,
            _ => first.kind.plural,
        };
        // Of a kind with parts the list names them, those that are managed already, too.
        let parts = managed.kinds().chain(entries.iter().map(|entry| entry.kind));
        let parts = parts.filter(|kind| kind.name == name);
        let parts = parts.filter_map(Kind::only_stem);
        let parts: BTreeSet<&str> = parts.filter(|stem| *stem != name).collect();
        let fields = match parts.is_empty() {
            true => "all".to_owned(),
            false => format!("[{}]", Vec::from_iter(parts).join(", ")),
        };
        let count = entries.len();
        let why = format!(
            "{count} {what} not managed: write `{name}: {fields}` under `manage:` in tenantry.yaml, pull, and adopt again"
        );
        Some(Left::of(place, why))
    });
    left.collect()
}

/// What the Deploy CLI leaves alone.
struct LeftAlone<'a> {
    undeployed: &'a Undeployed,
    /// The ids and names of the clients of which it leaves the grants alone.
    clients: BTreeSet<&'a str>,
}

impl<'a> LeftAlone<'a> {
    fn of(undeployed: &'a Undeployed, contents: &'a Contents) -> LeftAlone<'a> {
        let named = undeployed.clients.iter().map(String::as_str);
        let here = contents.resources.iter();
        let here = here.filter(|(id, _)| *id.kind() == clients::KIND);
        let here = here.filter_map(|(id, file)| {
            let name = file.fields.get("name").and_then(Value::as_str);
            let is_named = name.is_some_and(|name| undeployed.clients.contains(name));
            let is_third_party = file.fields.get("is_first_party") == Some(&Value::Bool(false));
            (is_named || undeployed.third_party && is_third_party).then(|| id.as_str())
        });
        LeftAlone {
            undeployed,
            clients: named
                .chain(here)
                .chain(undeployed.own_client.as_deref())
                .collect(),
        }
    }

    /// Whether it leaves a resource alone of which its files say these fields, in the ids that are known here, and that has this id here.
    fn has(&self, kind: &Kind, id: Option<&str>, fields: &Map<String, Value>) -> bool {
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        let name = text("name").unwrap_or_default();
        if *kind == clients::KIND {
            let own = self.undeployed.own_client.as_deref();
            let is_first_party = fields.get("is_first_party") == Some(&Value::Bool(true));
            let is_own = own.is_some() && (own == id || own == text("client_id"));
            is_own
                || self.undeployed.clients.contains(name)
                || self.undeployed.third_party && !is_first_party
        } else if *kind == resource_servers::KIND {
            self.undeployed.apis.contains(name)
        } else {
            let is_grant = *kind == client_grants::KIND;
            is_grant && text("client_id").is_some_and(|client| self.clients.contains(client))
        }
    }
}

/// What a tenant has once, as text; None where nothing tells the resource apart.
fn key(kind: &Kind, fields: &Map<String, Value>) -> Option<String> {
    let values = match kind.creation() {
        Some(Creation::Takes(takes)) => {
            // What an absent field stands for tells nothing apart.
            let mut names = takes.key.iter().map(|(name, _)| *name);
            let is_said = names.any(|name| fields.get(name).is_some_and(|value| !value.is_null()));
            takes
                .told_apart_by(fields)
                .into_iter()
                .filter(|_| is_said)
                .collect()
        }
        _ => Vec::from_iter(kind.label_in(fields).map(|label| Some(label.into()))),
    };
    let values = values.into_iter().map(Option::unwrap_or_default);
    let values: Vec<Value> = values.collect();
    (!values.is_empty()).then(|| Value::from(values).to_string())
}

/// The stems that files have or are going to have, in lower case, each with the file: promotion ties files by them, so that no two
/// resources may have the same one.
struct Taken(BTreeMap<(&'static Kind, String), String>);

impl Taken {
    fn here(contents: &Contents) -> Taken {
        let files = contents.files();
        Taken(
            files
                .map(|(kind, _, file)| ((kind, file.stem.to_lowercase()), file.file.clone()))
                .collect(),
        )
    }

    fn take(&mut self, kind: &'static Kind, stem: &str, file: &str) {
        let stem = (kind, stem.to_lowercase());
        self.0.entry(stem).or_insert_with(|| file.to_owned());
    }

    /// Takes a stem, or the first free one with a number, and answers which file had the first of them.
    fn free(&mut self, kind: &'static Kind, stem: String) -> (String, Option<String>) {
        let other = self.0.get(&(kind, stem.to_lowercase())).cloned();
        let is_free = |stem: &String| !self.0.contains_key(&(kind, stem.to_lowercase()));
        let numbered = (2_usize..).map(|number| format!("{stem}-{number}"));
        let free = std::iter::once(stem.clone()).chain(numbered).find(is_free);
        let free = free.unwrap_or(stem);
        let file = TenantDirectory::file_of(kind, &free, Format::Yaml);
        self.take(kind, &free, &file);
        (free, other)
    }
}

/// Files by what tells their resources apart.
type ByKey<'a> = BTreeMap<(&'static Kind, String), Vec<(Option<&'a ResourceId>, &'a ResourceFile)>>;

fn by_key(contents: &Contents) -> ByKey<'_> {
    let mut files = ByKey::new();
    for (kind, id, file) in contents.files() {
        if let Some(key) = key(kind, &file.fields) {
            files.entry((kind, key)).or_default().push((id, file));
        }
    }
    files
}

fn is_in_key(kind: &Kind, field: &str) -> bool {
    match kind.creation() {
        Some(Creation::Takes(takes)) => takes.key.iter().any(|(name, _)| *name == field),
        _ => false,
    }
}

/// Whether resources of a kind are known by what they refer to.
fn is_known_by_others(kind: &Kind) -> bool {
    let mut references = kind.references_by_id();
    references.any(|(row, _)| is_in_key(kind, row.name))
}

/// Its id, where it has one, its file and the stem of that.
type Found = Option<(Option<String>, String, String)>;

/// An entry whose file is looked for.
struct Its<'a> {
    entry: &'a Entry,
    /// What tells it apart.
    key: Option<&'a str>,
    /// The references of it that are known to nobody.
    unknown: &'a Unknown,
    /// How many entries that tells apart from no other.
    alike: usize,
}

impl Its<'_> {
    fn counterpart(&self, contents: &Contents, by_key: &ByKey<'_>) -> Result<Found, String> {
        let kind = self.entry.kind;
        let id = match (kind.only(), kind.id_field()) {
            (Some(only), _) => Some(only),
            (None, Some(field)) => self.entry.fields.get(field).and_then(Value::as_str),
            (None, None) => None,
        };
        let found = id.and_then(|id| contents.resources.get_key_value(&ResourceId::new(kind, id)));
        if let Some((id, file)) = found {
            let id = id.as_str().to_owned();
            return Ok(Some((Some(id), file.file.clone(), file.stem.clone())));
        }
        if kind.only().is_some() {
            return Ok(None);
        }
        let mut missing = self.unknown.iter();
        if let Some((field, texts)) = missing.find(|(field, _)| is_in_key(kind, field)) {
            return Err(format!("{field}: {}", are_unknown(kind, field, texts)));
        }
        let mut unsaid = self.entry.unsaid.iter();
        let is_unsaid = unsaid.any(|field| is_in_key(kind, field));
        let Some(key) = self.key.filter(|_| !is_unsaid) else {
            return Err(format!("nothing in it says which {} it is", kind.singular));
        };
        let same = by_key.get(&(kind, key.to_owned())).map(Vec::as_slice);
        match same.unwrap_or_default() {
            _ if self.alike > 1 => Err(format!(
                "{} of its {} are the same by name: write its `{}` there",
                self.alike,
                kind.plural,
                kind.id_name()
            )),
            [] => Ok(None),
            [(id, file)] => {
                let id = id.map(|id| id.as_str().to_owned());
                Ok(Some((id, file.file.clone(), file.stem.clone())))
            }
            [(_, one), (_, other), ..] => Err(format!(
                "{} and {} are both called so: write its `{}` there",
                one.file,
                other.file,
                kind.id_name()
            )),
        }
    }
}

/// What is said of references that nobody knows.
pub(super) fn are_unknown(kind: &Kind, field: &str, texts: &[String]) -> String {
    let referred = kind.row(field).and_then(|row| row.refers_to?.kind());
    let one = referred.map_or("resource", |kind| kind.singular);
    let quoted: Vec<String> = texts.iter().map(|text| format!("`{text}`")).collect();
    let each = if texts.len() == 1 { " is" } else { ": each is" };
    let quoted = quoted.join(", ");
    format!("{quoted}{each} no {one} of its files nor of this tenant, or stands for several")
}

/// The stem of a file to write.
fn new_stem(entry: &Entry, contents: &Contents, pairs: &[Pair]) -> String {
    let kind = entry.kind;
    if let Some(only) = kind.only_stem() {
        return only.to_owned();
    }
    let named = |reference: Reference, text: &str| {
        let (kind, by) = (reference.kind()?, reference.by?);
        let says =
            |fields: &Map<String, Value>| fields.get(by).and_then(Value::as_str) == Some(text);
        let its = pairs.iter().filter(|pair| pair.entry.kind == kind);
        let here = contents.files().filter(|(of, ..)| *of == kind);
        let mut fields = its
            .map(|pair| &pair.entry.fields)
            .chain(here.map(|(_, _, file)| &*file.fields));
        let fields = fields.find(|fields| says(fields))?;
        kind.label_in(fields).map(str::to_owned)
    };
    let of_names = slug_of_names(kind, &kind.labels(&entry.fields, named));
    // The signs between the names are ours where the names are the same.
    let stem = match &entry.stem {
        Some(stem) if slug(kind, &of_names) != slug(kind, stem) => stem.clone(),
        _ => of_names,
    };
    match is_device(&stem) {
        true => format!("{stem}-{}", slug(kind, kind.singular)),
        false => stem,
    }
}

impl<'a> Known<'a> {
    fn here(contents: &'a Contents) -> Known<'a> {
        let mut names = BTreeMap::new();
        for (kind, id, file) in contents.files() {
            let Some(name) = kind.label_in(&file.fields) else {
                continue;
            };
            let named = match id {
                Some(id) => Named::Id(id.as_str().to_owned()),
                None => Named::File(file.stem.clone()),
            };
            names
                .entry((kind, name.to_owned()))
                .and_modify(|named| *named = Named::Several)
                .or_insert(named);
        }
        Known { contents, names }
    }

    /// The fields with ids in the place of names, and files where there is no id yet. What nobody knows stays, and is noted.
    fn in_ids(
        &self,
        kind: &'static Kind,
        fields: &Map<String, Value>,
        unknown: &mut Unknown,
    ) -> Map<String, Value> {
        let mut fields = fields.clone();
        for (row, reference) in kind.references_by_id() {
            let (Some(value), Some(kind)) = (fields.get(row.name), reference.kind()) else {
                continue;
            };
            let value = reference.translated(value, &mut |text| {
                let id = ResourceId::new(kind, text);
                if text.is_empty() || self.contents.resources.contains_key(&id) {
                    return text.to_owned();
                }
                match self.names.get(&(kind, text.to_owned())) {
                    Some(Named::Id(id)) => id.clone(),
                    Some(Named::File(stem)) => reference.to_file(stem),
                    Some(Named::Several) | None => {
                        unknown.entry(row.name).or_default().push(text.to_owned());
                        text.to_owned()
                    }
                }
            });
            fields.insert(row.name.to_owned(), value);
        }
        fields
    }
}

/// The files that take the Deploy CLI's names, which tie them to those of other tenants, and what keeps others from it.
pub(crate) fn renames(
    pairs: &[Pair],
    contents: &Contents,
    overrides: &Overrides,
) -> (Vec<Rename>, Vec<Left>) {
    let (mut renames, mut left) = (Vec::new(), Vec::new());
    let mut taken: BTreeSet<(&'static Kind, String)> = contents
        .files()
        .map(|(kind, _, file)| (kind, file.stem.to_lowercase()))
        .collect();
    for pair in pairs {
        let kind = pair.entry.kind;
        let (Some(file), Some(stem)) = (&pair.here, &pair.entry.stem) else {
            continue;
        };
        // A name that differs in signs only is the same to people, such as that of a grant, which has its client and its API in it.
        if kind.only().is_some() || slug(kind, &pair.stem) == slug(kind, stem) {
            continue;
        }
        let why = if is_device(stem) {
            format!("{file} keeps its name: `{stem}` can't be one everywhere")
        } else if taken.contains(&(kind, stem.clone())) {
            format!("{file} keeps its name: another file here is called {stem}")
        } else if overrides.values.contains_key(&(kind, pair.stem.clone())) {
            format!("{file} keeps its name, which overrides.yaml has: rename it in both")
        } else if is_named(kind, &pair.stem, contents) {
            format!("{file} keeps its name, by which another file here refers to it")
        } else {
            taken.insert((kind, stem.clone()));
            renames.push(Rename {
                kind,
                from: file.clone(),
                to: renamed(kind, file, stem),
                stem: stem.clone(),
            });
            continue;
        };
        left.push(Left::of(pair.entry.place.clone(), why));
    }
    (renames, left)
}

/// A file with another stem.
fn renamed(kind: &Kind, file: &str, stem: &str) -> String {
    let extension = file.rsplit_once('.').map_or("", |(_, extension)| extension);
    let format = Format::from_extension(extension).unwrap_or_default();
    TenantDirectory::file_of(kind, stem, format)
}

/// Whether a file refers to another one by its name.
fn is_named(kind: &Kind, stem: &str, contents: &Contents) -> bool {
    let name = format!("{}/{stem}", kind.name);
    contents.files().any(|(of, _, file)| {
        let mut references = of.references_by_id();
        let is_in_fields = references.any(|(row, reference)| {
            let value = file.fields.get(row.name);
            value.is_some_and(|value| reference.files_in(value).contains(&name.as_str()))
        });
        is_in_fields || (file.names_files && file.text.contains(&name))
    })
}

/// Has the files under their new names, in memory.
pub(crate) fn apply(renames: &[Rename], contents: &mut Contents, pairs: &mut [Pair]) {
    let by_file = renames.iter().map(|rename| (rename.from.as_str(), rename));
    let by_file: BTreeMap<&str, &Rename> = by_file.collect();
    let new_name = |kind: &Kind, file: &str| {
        let rename = by_file.get(file).copied();
        rename.filter(|rename| rename.kind == kind)
    };
    let resources = contents.resources.iter_mut();
    let resources = resources.map(|(id, file)| (id.kind(), file));
    let new = contents.new.iter_mut().map(|new| (new.kind, &mut new.file));
    for (kind, file) in resources.chain(new) {
        if let Some(rename) = new_name(kind, &file.file) {
            file.file.clone_from(&rename.to);
            file.stem.clone_from(&rename.stem);
        }
    }
    for pair in pairs {
        let here = pair.here.as_deref();
        if let Some(rename) = here.and_then(|file| new_name(pair.entry.kind, file)) {
            pair.here = Some(rename.to.clone());
            pair.stem.clone_from(&rename.stem);
        }
    }
}
