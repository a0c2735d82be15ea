//! One tenant's values said in another's ids: what promotion writes into the other tenant's files. Pure.

use std::collections::{BTreeMap, BTreeSet};

use globset::GlobSet;
use serde_json::{Map, Value};

use crate::composed::composed;
use crate::kinds::{Creation, Field, FieldKey, Kind, Managed, Merge, Reference, Row, Takes};
use crate::resource::ResourceId;

/// What ties a file to its counterpart in other tenants: its kind, and its stem.
pub type Counterpart<'a> = (&'static Kind, &'a str);

/// A tenant's files.
pub type Stems<'a> = BTreeMap<Counterpart<'a>, Member<'a>>;

/// A resource's file, as far as promotion looks at it.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// The resource in this tenant; None where it is still to be made.
    pub id: Option<&'a ResourceId>,
    /// Its fields.
    pub fields: &'a Map<String, Value>,
}

/// One of the two tenants.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// Its files.
    pub files: &'a Stems<'a>,
    /// The resources of which it has no file any more.
    pub gone: &'a Gone<'a>,
    /// What a push to it may send.
    pub managed: &'a Managed,
    /// Its domain; empty where nobody knows it.
    pub domain: &'a str,
    /// The id of the client whose credentials its settings have, where there are any.
    pub client: Option<&'a str>,
}

impl Side<'_> {
    fn manages(&self, kind: &Kind) -> bool {
        self.managed.kinds().any(|managed| managed == kind)
    }
}

/// The stems of a tenant's resources whose files are gone and that its lock still knows.
pub type Gone<'a> = BTreeMap<&'a ResourceId, &'a str>;

/// Values that stay different, by kind and stem, and field.
pub type OwnValues = BTreeMap<(&'static Kind, String), BTreeMap<Field, Value>>;

/// What the other tenant keeps as its own.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Values that stay different.
    pub values: OwnValues,
    /// What needs no counterpart, as `kind/stem`.
    pub ignored: GlobSet,
}

/// What is to be promoted.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// Whether a field of what both tenants have is.
    pub field: &'a dyn Fn(Field) -> bool,
    /// The files.
    pub files: &'a BTreeSet<Counterpart<'a>>,
    /// Whether files are written of what the other tenant lacks.
    pub create: bool,
}

/// The result of a promotion.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Promotion {
    /// The files to write of what the other tenant lacks, by kind and stem.
    pub new: Vec<NewMember>,
    /// The values to write, by kind and stem, and in file order.
    pub changes: Vec<Promoted>,
    /// References that the first tenant does not know; they go over as they are.
    pub carried: Vec<BrokenReference>,
    /// References to resources of the first tenant that the other lacks, or that nobody can name there: nothing may be written.
    pub missing: Vec<BrokenReference>,
    /// Files of the first tenant that have no counterpart in the other, and need one, by kind and stem.
    pub alone: Vec<Alone>,
    /// Files of the first tenant that need no counterpart, as every tenant has such a resource by itself; each with the reason.
    pub everywhere: Vec<(&'static Kind, String, &'static str)>,
    /// Kinds of which the first tenant has files, and that the other does not manage.
    pub unmanaged_kinds: BTreeSet<&'static Kind>,
    /// Fields of which the first tenant has other values, and that the other does not manage: they are not written, since no push
    /// would send them.
    pub unmanaged_fields: BTreeSet<Field>,
    /// Values that mean something in the first tenant only, and stay there.
    pub own: Vec<(&'static Kind, String, Field)>,
    /// Switches that the first tenant has and no update sets; they stay there, too.
    pub served: Vec<(&'static Kind, String, FieldKey)>,
}

/// A file to write, of a resource that is still to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMember {
    /// The file's kind.
    pub kind: &'static Kind,
    /// The file's stem.
    pub stem: String,
    /// What it will say, in file order.
    pub fields: Map<String, Value>,
    /// The fields of which the value, or a part of it, is the other tenant's own.
    pub overridden: Vec<Field>,
}

/// A file without a counterpart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alone {
    /// The file's kind.
    pub kind: &'static Kind,
    /// The file's stem.
    pub stem: String,
    /// Why no counterpart is written.
    pub why: WhyAlone,
}

/// Why no counterpart of a file is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhyAlone {
    /// Nobody asked for one.
    NotAsked,
    /// There is one such resource in each tenant, and a pull writes its file.
    OneOnly,
    /// No resource of its kind can be made from a file, for this reason.
    CannotMake(&'static str),
    /// It stays in its tenant, for this reason.
    Stays(&'static str),
    /// The other tenant has this resource, whose file of that name is gone.
    FileGone(ResourceId),
    /// A file of this name would be the same one to some file systems.
    SameFile(String),
    /// The other tenant has this file of a resource that would be the same.
    IsThere(String),
    /// The first tenant has this file, too, of a resource that would be the same in the other one.
    Twice(String),
    /// The API makes none without this field.
    Without(&'static str),
    /// A field that can't be changed later refers to what nobody knows.
    Unknown(&'static str, String),
}

/// One value to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promoted {
    /// The file's kind.
    pub kind: &'static Kind,
    /// The file's stem.
    pub stem: String,
    /// The field.
    pub field: Field,
    /// What the file says now.
    pub old: Option<Value>,
    /// What it will say.
    pub new: Value,
    /// Whether the value, or a part of it, is the other tenant's own, in place of the first one's.
    pub overridden: bool,
}

/// A reference that could not be said in the other tenant's ids.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BrokenReference {
    /// The kind of the file that has it.
    pub kind: &'static Kind,
    /// The stem of the file that has it.
    pub stem: String,
    /// The field that has it.
    pub field: &'static str,
    /// What it says.
    pub entry: String,
    /// The stem of the resource that it means, where the first tenant knows one.
    pub means: Option<String>,
}

/// Carries the files that are asked for from one tenant to another: the fields that both manage, and that are asked for. A field that
/// the first tenant's file does not have is not managed there, and stays as it is in the other.
pub fn promote(from: Side<'_>, to: Side<'_>, overrides: &Overrides, asked: Asked<'_>) -> Promotion {
    let mut way = Way::new(from, to, overrides);
    let mut promotion = Promotion::default();
    let mut shared = Vec::new();
    let folded = match asked.create {
        true => folded_names(&to),
        false => BTreeMap::new(),
    };
    for (file, member) in from.files {
        let (kind, stem) = *file;
        if !asked.files.contains(file) {
            continue;
        }
        if let Some(counterpart) = to.files.get(file) {
            shared.push((*file, *member, *counterpart));
        } else if overrides.ignored.is_match(format!("{kind}/{stem}")) {
        } else if !to.manages(kind) {
            promotion.unmanaged_kinds.insert(kind);
        } else {
            match way.lack(*file, member, asked.create, &folded) {
                Lack::None(why) => promotion.everywhere.push((kind, stem.to_owned(), why)),
                Lack::Made(takes) => _ = way.made.insert(*file, takes),
                Lack::Stays(why) => promotion.alone.push(alone(*file, why)),
            }
        }
    }
    way.make(&mut promotion);
    for (file, member, counterpart) in shared {
        way.carry(file, member, counterpart, asked.field, &mut promotion);
    }
    promotion
        .alone
        .sort_by(|one, other| (one.kind, &one.stem).cmp(&(other.kind, &other.stem)));
    // Several entries may say the same of one field, as two permissions of one API do.
    for references in [&mut promotion.missing, &mut promotion.carried] {
        let mut said = BTreeSet::new();
        references.retain(|one| said.insert(one.clone()));
    }
    promotion
}

fn alone((kind, stem): Counterpart<'_>, why: WhyAlone) -> Alone {
    Alone {
        kind,
        stem: stem.to_owned(),
        why,
    }
}

/// The stems of a tenant's files by what some file systems take them for, which tell neither upper from lower case nor how accents
/// are encoded.
fn folded_names<'a>(side: &Side<'a>) -> BTreeMap<(&'static Kind, String), &'a str> {
    let files = side.files.keys();
    files
        .map(|(kind, stem)| ((*kind, folded(stem)), *stem))
        .collect()
}

fn folded(stem: &str) -> String {
    composed(&stem.to_lowercase()).into_owned()
}

/// What becomes of a file without a counterpart.
enum Lack {
    /// Nothing is wanting, for this reason.
    None(&'static str),
    /// A file is written, of what a create takes.
    Made(&'static Takes),
    /// None is.
    Stays(WhyAlone),
}

/// The two tenants, and what they know of each other.
struct Way<'a> {
    from: Side<'a>,
    to: Side<'a>,
    overrides: &'a Overrides,
    /// The stem of each resource that the first tenant knows, where it has one.
    stem_of: BTreeMap<&'a ResourceId, Option<&'a str>>,
    /// The files to write of what the other tenant lacks.
    made: BTreeMap<Counterpart<'a>, &'static Takes>,
}

/// A file to write, and what came of its references.
struct Draft<'a> {
    file: Counterpart<'a>,
    takes: &'static Takes,
    new: NewMember,
    carried: Vec<BrokenReference>,
    missing: Vec<BrokenReference>,
    unmanaged: BTreeSet<Field>,
    own: Vec<Field>,
    unknown: Option<(&'static str, String)>,
}

impl<'a> Way<'a> {
    fn new(from: Side<'a>, to: Side<'a>, overrides: &'a Overrides) -> Way<'a> {
        // Where another resource's file has the stem by now, it is unknown which of the two was meant.
        let gone = from.gone.iter().map(|(id, stem)| {
            let stem = Some(*stem).filter(|stem| !from.files.contains_key(&(id.kind(), *stem)));
            (*id, stem)
        });
        let files = from.files.iter();
        let here = files.filter_map(|((_, stem), member)| Some((member.id?, Some(*stem))));
        Way {
            from,
            to,
            overrides,
            stem_of: gone.chain(here).collect(),
            made: BTreeMap::new(),
        }
    }

    fn own_values(&self, (kind, stem): Counterpart<'_>) -> Option<&'a BTreeMap<Field, Value>> {
        self.overrides.values.get(&(kind, stem.to_owned()))
    }

    /// Whether every tenant has such a resource by itself, or it belongs to the first one for another reason.
    fn stays(&self, kind: &Kind, member: &Member<'_>) -> Option<(bool, &'static str)> {
        let Some(Creation::Takes(takes)) = kind.creation() else {
            return None;
        };
        let management_api = format!("https://{}/api/v2/", self.from.domain);
        let id = member
            .id
            .map(|id| (kind.id_name().to_owned(), id.as_str().into()));
        let with_id = member.fields.clone().into_iter().chain(id).collect();
        let is_own_client = |id: &str| self.from.client == Some(id);
        let mut stays = takes.stays.iter();
        let stays = stays.find(|stays| {
            let mut when = stays.when.iter();
            when.all(|when| when.is_so(&with_id, Some(&management_api), is_own_client))
        })?;
        Some((stays.is_everywhere, stays.why))
    }

    fn lack(
        &self,
        (kind, stem): Counterpart<'_>,
        member: &Member<'_>,
        is_create: bool,
        folded_names: &BTreeMap<(&'static Kind, String), &str>,
    ) -> Lack {
        let takes = match (kind.creation(), self.stays(kind, member)) {
            (None, _) => return Lack::Stays(WhyAlone::OneOnly),
            (Some(Creation::Cannot(why)), _) => return Lack::Stays(WhyAlone::CannotMake(why)),
            (_, Some((true, why))) => return Lack::None(why),
            (_, Some((false, why))) => return Lack::Stays(WhyAlone::Stays(why)),
            (Some(Creation::Takes(takes)), None) => takes,
        };
        if !is_create {
            return Lack::Stays(WhyAlone::NotAsked);
        }
        let mut gone = self.to.gone.iter();
        if let Some((id, _)) = gone.find(|(id, gone)| id.kind() == kind && **gone == stem) {
            return Lack::Stays(WhyAlone::FileGone((*id).clone()));
        }
        match folded_names.get(&(kind, folded(stem))) {
            Some(other) => Lack::Stays(WhyAlone::SameFile((*other).to_owned())),
            None => Lack::Made(takes),
        }
    }

    /// Writes the files of what the other tenant lacks. One that can't be made is no file that references could name, so that the
    /// others are written anew without it.
    fn make(&mut self, promotion: &mut Promotion) {
        let drafts = loop {
            let files = self.made.iter();
            let drafts: Vec<Draft<'a>> = files
                .filter_map(|(file, takes)| self.draft(*file, takes))
                .collect();
            let refused = self.refused(&drafts);
            if refused.is_empty() {
                break drafts;
            }
            for (file, why) in refused {
                self.made.remove(&file);
                promotion.alone.push(alone(file, why));
            }
        };
        for draft in drafts {
            let (kind, stem) = draft.file;
            promotion.carried.extend(draft.carried);
            promotion.missing.extend(draft.missing);
            promotion.unmanaged_fields.extend(draft.unmanaged);
            let own = draft.own.into_iter();
            promotion
                .own
                .extend(own.map(|field| (kind, stem.to_owned(), field)));
            promotion.new.push(draft.new);
        }
    }

    /// What keeps drafts from being written: the API, or push, would make no resource of them.
    fn refused(&self, drafts: &[Draft<'a>]) -> Vec<(Counterpart<'a>, WhyAlone)> {
        let key = |kind: &'static Kind, takes: &Takes, fields: &Map<String, Value>| {
            let key = Value::from_iter(
                takes
                    .told_apart_by(fields)
                    .into_iter()
                    .map(Option::unwrap_or_default),
            );
            (kind, key.to_string())
        };
        let mut there: BTreeMap<(&'static Kind, String), Vec<&str>> = BTreeMap::new();
        let kinds: BTreeMap<&'static Kind, &'static Takes> = drafts
            .iter()
            .map(|draft| (draft.file.0, draft.takes))
            .collect();
        for ((kind, stem), member) in self.to.files {
            if let Some(takes) = kinds.get(kind) {
                let key = key(kind, takes, member.fields);
                there.entry(key).or_default().push(stem);
            }
        }
        let mut new: BTreeMap<(&'static Kind, String), Vec<&str>> = BTreeMap::new();
        for draft in drafts {
            let key = key(draft.file.0, draft.takes, &draft.new.fields);
            new.entry(key).or_default().push(draft.file.1);
        }
        let why = |draft: &Draft<'a>| {
            let fields = &draft.new.fields;
            let mut required = draft.takes.required.iter();
            if let Some(field) = required.find(|field| !fields.contains_key(**field)) {
                return Some(WhyAlone::Without(field));
            }
            if let Some((field, text)) = &draft.unknown {
                return Some(WhyAlone::Unknown(field, text.clone()));
            }
            let (kind, stem) = draft.file;
            let key = key(kind, draft.takes, fields);
            if let Some([there, ..]) = there.get(&key).map(Vec::as_slice) {
                return Some(WhyAlone::IsThere((*there).to_owned()));
            }
            let twin = new.get(&key)?.iter().find(|other| **other != stem)?;
            Some(WhyAlone::Twice((*twin).to_owned()))
        };
        let refused = drafts.iter();
        refused
            .filter_map(|draft| Some((draft.file, why(draft)?)))
            .collect()
    }

    /// A file of what the other tenant lacks: the fields that both manage, and those that it needs to be the same thing.
    fn draft(&self, file: Counterpart<'a>, takes: &'static Takes) -> Option<Draft<'a>> {
        let (kind, stem) = file;
        let member = self.from.files.get(&file)?;
        let mut draft = Draft {
            file,
            takes,
            new: NewMember {
                kind,
                stem: stem.to_owned(),
                fields: Map::new(),
                overridden: Vec::new(),
            },
            carried: Vec::new(),
            missing: Vec::new(),
            unmanaged: BTreeSet::new(),
            own: Vec::new(),
            unknown: None,
        };
        for row in kind.rows {
            let field = kind.field(row.name);
            let own = field.and_then(|field| self.own_values(file)?.get(&field));
            let value = member.fields.get(row.name).filter(|value| !value.is_null());
            let is_managed = field
                .is_some_and(|field| self.from.managed.has(field) && self.to.managed.has(field));
            let is_meant = is_managed || takes.needs.contains(&row.name);
            if own.is_none() && (row.is_tenants_own || !is_meant) {
                let field = field.filter(|_| value.is_some());
                match row.is_tenants_own {
                    true => draft.own.extend(field),
                    false => {
                        let field = field.filter(|field| self.from.managed.has(*field));
                        draft.unmanaged.extend(field);
                    }
                }
                continue;
            }
            let mut translation = Translation::new(self, file, row);
            let new = translation.said(own, value);
            let Some(new) = new.filter(|new| !new.is_null()) else {
                continue;
            };
            // What can't be changed later must not mean anything of the first tenant, such as a client of its own.
            if let Some(broken) = translation.carried.first()
                && field.is_none()
                && row
                    .refers_to
                    .is_some_and(|reference| reference.by.is_none())
            {
                draft.unknown = Some((row.name, broken.entry.clone()));
            }
            draft.carried.extend(translation.carried);
            draft.missing.extend(translation.missing);
            draft.new.fields.insert(row.name.to_owned(), new);
            draft.new.overridden.extend(field.filter(|_| own.is_some()));
        }
        Some(draft)
    }

    /// The values of a file whose counterpart is there.
    fn carry(
        &self,
        file: Counterpart<'_>,
        member: Member<'_>,
        counterpart: Member<'_>,
        is_asked: &dyn Fn(Field) -> bool,
        promotion: &mut Promotion,
    ) {
        let (kind, stem) = file;
        let own = self.own_values(file);
        let fields = self.from.managed.fields(kind);
        for field in fields.filter(|field| is_asked(*field)) {
            let own = own.and_then(|values| values.get(&field));
            let value = field.of(member.fields);
            let old = field.of(counterpart.fields);
            if field.row().is_tenants_own && own.is_none() {
                let differs =
                    |value: &Value| !value.is_null() && !field.row().same(Some(value), old);
                if self.to.managed.has(field) && value.is_some_and(differs) {
                    promotion.own.push((kind, stem.to_owned(), field));
                }
                continue;
            }
            let mut translation = Translation::new(self, file, field.row());
            let Some(new) = translation.said(own, value) else {
                continue;
            };
            let (new, served) = settable(field, old, new);
            let is_same = field.row().same(old, Some(&new));
            if !self.to.managed.has(field) {
                if !is_same {
                    promotion.unmanaged_fields.insert(field);
                }
                continue;
            }
            promotion.carried.extend(translation.carried);
            promotion.missing.extend(translation.missing);
            let served = served.into_iter();
            promotion
                .served
                .extend(served.map(|key| (kind, stem.to_owned(), key)));
            // What is still to be made has nothing that a null could take away.
            let is_nothing = counterpart.id.is_none() && new.is_null() && old.is_none();
            if (!is_same || old.is_none()) && !is_nothing {
                promotion.changes.push(Promoted {
                    kind,
                    stem: stem.to_owned(),
                    field,
                    old: old.cloned(),
                    new,
                    overridden: own.is_some(),
                });
            }
        }
    }
}

/// What of a value the other tenant can be made to say, and the keys that are left out. A switch that only the other tenant has can't
/// be taken away from it, and stays; one that no update sets stays as each tenant has it.
fn settable(field: Field, old: Option<&Value>, new: Value) -> (Value, Vec<FieldKey>) {
    let Value::Object(keys) = new else {
        return (new, Vec::new());
    };
    if field.row().merge != Merge::Flags {
        return (Value::Object(keys), Vec::new());
    }
    let old = old.and_then(Value::as_object);
    let is_there = |key: &str, value: &Value| old.and_then(|old| old.get(key)) == Some(value);
    let is_set = |key: &str, value: &Value| {
        let alone = Map::from_iter([(key.to_owned(), value.clone())]);
        field.validate(&Value::Object(alone)).is_ok()
    };
    let (mut said, served): (Map<_, _>, Map<_, _>) = keys
        .into_iter()
        .partition(|(key, value)| is_there(key, value) || is_set(key, value));
    for (key, value) in old.into_iter().flatten() {
        said.entry(key.clone()).or_insert_with(|| value.clone());
    }
    let served = served.into_iter().map(|(key, _)| FieldKey {
        field,
        key: Some(key),
    });
    (Value::Object(said), served.collect())
}

/// Says the references of one field in the other tenant's ids.
struct Translation<'a> {
    way: &'a Way<'a>,
    file: Counterpart<'a>,
    row: &'static Row,
    carried: Vec<BrokenReference>,
    missing: Vec<BrokenReference>,
}

impl<'a> Translation<'a> {
    fn new(way: &'a Way<'a>, file: Counterpart<'a>, row: &'static Row) -> Translation<'a> {
        Translation {
            way,
            file,
            row,
            carried: Vec::new(),
            missing: Vec::new(),
        }
    }

    /// What the other tenant's file is to say: its own value, or its own keys of it, or what the first one's says.
    fn said(&mut self, own: Option<&Value>, value: Option<&Value>) -> Option<Value> {
        match (own, value) {
            (Some(Value::Object(own)), Some(Value::Object(value)))
                if self.row.merge.is_by_key() =>
            {
                let mut keys = value.clone();
                keys.extend(own.clone());
                Some(Value::Object(keys))
            }
            (Some(own), _) => Some(own.clone()),
            (None, value) => Some(self.value(value?)),
        }
    }

    fn value(&mut self, value: &Value) -> Value {
        match self.row.refers_to {
            Some(reference) => {
                reference.translated(value, &mut |text| self.reference(reference, text))
            }
            None => value.clone(),
        }
    }

    fn reference(&mut self, reference: Reference, text: &str) -> String {
        // An empty text refers to nothing.
        if text.is_empty() {
            return String::new();
        }
        match (reference.kind(), reference.by) {
            (Some(kind), None) => self.by_id(kind, reference, text),
            (Some(kind), Some(by)) => self.by_field(kind, by, text),
            (None, _) => text.to_owned(),
        }
    }

    /// What the other tenant has no id of yet is named by its file.
    fn by_id(&mut self, kind: &'static Kind, reference: Reference, text: &str) -> String {
        let Way { from, to, made, .. } = self.way;
        let known = match reference.stem_in(text) {
            Some(stem) => Some(Some(stem).filter(|stem| from.files.contains_key(&(kind, *stem)))),
            None => self.way.stem_of.get(&ResourceId::new(kind, text)).copied(),
        };
        let means = known.flatten();
        let counterpart = means.and_then(|stem| match to.files.get(&(kind, stem)) {
            Some(Member { id: Some(id), .. }) => Some(id.as_str().to_owned()),
            Some(_) => Some(reference.to_file(stem)),
            None => made
                .contains_key(&(kind, stem))
                .then(|| reference.to_file(stem)),
        });
        match (known, counterpart) {
            (_, Some(counterpart)) => return counterpart,
            (Some(_), None) => self.missing.push(self.entry(text, means)),
            (None, None) => self.carried.push(self.entry(text, None)),
        }
        text.to_owned()
    }

    /// What is known by a field of its own has a counterpart where a file of the same name has another value there; where it has
    /// none, it is the same text, but for the tenant's own domain.
    fn by_field(&mut self, kind: &'static Kind, by: &str, text: &str) -> String {
        let Way { from, to, made, .. } = self.way;
        let said = |member: &Member<'_>| {
            member
                .fields
                .get(by)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        let mut here = from.files.iter().filter(|((of, _), _)| *of == kind);
        let means = here.find(|(_, member)| said(member).as_deref() == Some(text));
        let own = format!("https://{}/", from.domain);
        let path = text
            .strip_prefix(&own)
            .filter(|_| !from.domain.is_empty() && !to.domain.is_empty());
        let at_home = path.map(|path| format!("https://{}/{path}", to.domain));
        let Some(((_, stem), member)) = means else {
            return at_home.unwrap_or_else(|| {
                self.carried.push(self.entry(text, None));
                text.to_owned()
            });
        };
        if let Some(counterpart) = to.files.get(&(kind, *stem)).and_then(said) {
            return counterpart;
        }
        // The file that is written of it says the same.
        if made.contains_key(&(kind, *stem)) {
            return text.to_owned();
        }
        // What every tenant has by itself is there without a file, too.
        match at_home.filter(|_| matches!(self.way.stays(kind, member), Some((true, _)))) {
            Some(at_home) => at_home,
            None => {
                self.missing.push(self.entry(text, Some(stem)));
                text.to_owned()
            }
        }
    }

    fn entry(&self, text: &str, means: Option<&str>) -> BrokenReference {
        BrokenReference {
            kind: self.file.0,
            stem: self.file.1.to_owned(),
            field: self.row.name,
            entry: text.to_owned(),
            means: means.map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::clients::KIND;
    use crate::kinds::{Manage, roles, tenant_settings};
    use proptest::prelude::*;
    use serde_json::json;

    /// A tenant of `(stem, id, fields)`.
    struct Tenant(Vec<(String, ResourceId, Map<String, Value>)>);

    impl Tenant {
        fn new(clients: &[(&str, &str, Value)]) -> Tenant {
            let clients = clients.iter().map(|(stem, id, fields)| {
                (
                    (*stem).to_owned(),
                    ResourceId::new(&KIND, *id),
                    fields.as_object().unwrap().clone(),
                )
            });
            Tenant(clients.collect())
        }

        fn stems(&self) -> Stems<'_> {
            self.0
                .iter()
                .map(|(stem, id, fields)| {
                    (
                        (&KIND, stem.as_str()),
                        Member {
                            id: Some(id),
                            fields,
                        },
                    )
                })
                .collect()
        }

        fn apply(&mut self, promotion: &Promotion) {
            for change in &promotion.changes {
                let (.., fields) = self
                    .0
                    .iter_mut()
                    .find(|(stem, ..)| *stem == change.stem)
                    .unwrap();
                fields.insert(change.field.name().to_owned(), change.new.clone());
            }
        }
    }

    static NONE: Gone<'static> = Gone::new();

    fn side<'a>(files: &'a Stems<'a>, managed: &'a Managed, domain: &'a str) -> Side<'a> {
        Side {
            files,
            gone: &NONE,
            managed,
            domain,
            client: None,
        }
    }

    fn asked<'a>(files: &'a BTreeSet<Counterpart<'a>>) -> Asked<'a> {
        Asked {
            field: &|_| true,
            files,
            create: false,
        }
    }

    fn all(from: &Tenant, to: &Tenant, overrides: &Overrides) -> Promotion {
        let managed = Managed::default();
        let stems = from.stems();
        promote(
            side(&stems, &managed, "dev.example"),
            side(&to.stems(), &managed, "prod.example"),
            overrides,
            asked(&stems.keys().copied().collect()),
        )
    }

    #[test]
    fn references_are_said_in_the_other_tenants_ids() {
        let dev = Tenant::new(&[
            (
                "web",
                "d1",
                json!({"name": "Web", "allowed_clients": ["d2", "https://api", "d1"], "description": "new"}),
            ),
            ("api", "d2", json!({"name": "API"})),
            ("new", "d3", json!({"name": "New"})),
        ]);
        let prod = Tenant::new(&[
            (
                "web",
                "p1",
                json!({"name": "Shop", "allowed_clients": ["p2"], "callbacks": ["x"]}),
            ),
            ("api", "p2", json!({"name": "API", "description": "stays"})),
        ]);
        let own = Overrides {
            values: BTreeMap::from([(
                (&KIND, "web".to_owned()),
                BTreeMap::from([(KIND.field("name").unwrap(), json!("Acme"))]),
            )]),
            ..Overrides::default()
        };
        let promotion = all(&dev, &prod, &own);
        let changes: Vec<String> = promotion
            .changes
            .iter()
            .map(|change| {
                format!(
                    "{} {} {} {}",
                    change.stem, change.field, change.new, change.overridden
                )
            })
            .collect();
        insta::assert_snapshot!(changes.join("\n"), @r#"
        web name "Acme" true
        web description "new" false
        web allowed_clients ["p2","https://api","p1"] false
        "#);
        assert_eq!(promotion.alone, [alone((&KIND, "new"), WhyAlone::NotAsked)]);
        assert_eq!(promotion.missing, []);
        assert_eq!(
            promotion
                .carried
                .iter()
                .map(|one| one.entry.as_str())
                .collect::<Vec<_>>(),
            ["https://api"]
        );
    }

    #[test]
    fn a_client_that_the_other_tenant_lacks_is_missing_wherever_it_is_referred_to() {
        let dev = Tenant::new(&[
            ("web", "d1", json!({"allowed_clients": ["d3"]})),
            ("api", "d2", json!({"allowed_clients": ["d3", "d1"]})),
            ("new", "d3", json!({})),
        ]);
        let prod = Tenant::new(&[("web", "p1", json!({})), ("api", "p2", json!({}))]);
        let missing = all(&dev, &prod, &Overrides::default()).missing;
        let missing: Vec<String> = missing
            .into_iter()
            .map(|one| format!("{} -> {}", one.stem, one.means.unwrap()))
            .collect();
        assert_eq!(missing, ["api -> new", "web -> new"]);
    }

    #[test]
    fn a_client_whose_file_is_gone_is_known_by_the_lock_unless_its_stem_is_another_s() {
        let dev = Tenant::new(&[
            ("web", "d1", json!({"allowed_clients": ["old", "d3", "x"]})),
            ("new", "d2", json!({})),
        ]);
        let prod = Tenant::new(&[
            ("web", "p1", json!({})),
            ("new", "p2", json!({})),
            ("api", "p3", json!({})),
        ]);
        let (dev, prod) = (dev.stems(), prod.stems());
        let [old, d3] = ["old", "d3"].map(|id| ResourceId::new(&KIND, id));
        let gone = Gone::from([(&old, "new"), (&d3, "api")]);
        let (own, managed) = (Overrides::default(), Managed::default());
        let promotion = promote(
            Side {
                gone: &gone,
                ..side(&dev, &managed, "")
            },
            side(&prod, &managed, ""),
            &own,
            asked(&BTreeSet::from([(&KIND, "web")])),
        );
        assert_eq!(promotion.changes[0].new, json!(["old", "p3", "x"]));
        let entries = |references: Vec<BrokenReference>| -> Vec<_> {
            let references = references.into_iter();
            references.map(|one| (one.entry, one.means)).collect()
        };
        assert_eq!(entries(promotion.missing), [("old".to_owned(), None)]);
        assert_eq!(entries(promotion.carried), [("x".to_owned(), None)]);
    }

    #[test]
    fn what_only_the_first_tenant_manages_is_named_once_and_never_written() {
        let callbacks =
            |host: &str| json!({"callbacks": [host], "sso": true, "grant_types": ["a"]});
        let dev = Tenant::new(&[
            ("web", "d1", callbacks("dev")),
            ("api", "d2", callbacks("dev")),
        ]);
        let prod = Tenant::new(&[
            ("web", "p1", callbacks("prod")),
            ("api", "p2", callbacks("prod")),
        ]);
        let (id, fields) = (ResourceId::new(&roles::KIND, "r1"), Map::new());
        let role = Member {
            id: Some(&id),
            fields: &fields,
        };
        let (mut dev, prod) = (dev.stems(), prod.stems());
        dev.extend(["editor", "reader"].map(|stem| ((&roles::KIND, stem), role)));
        let more = Managed::new(&BTreeMap::from([
            (&KIND, Manage::All),
            (&roles::KIND, Manage::All),
        ]));
        let selected: BTreeSet<_> = dev.keys().copied().collect();
        let promotion = promote(
            side(&dev, &more, ""),
            side(&prod, &Managed::default(), ""),
            &Overrides::default(),
            asked(&selected),
        );
        let expected = Promotion {
            unmanaged_kinds: BTreeSet::from([&roles::KIND]),
            unmanaged_fields: BTreeSet::from([KIND.field("callbacks").unwrap()]),
            ..Promotion::default()
        };
        assert_eq!(promotion, expected);
    }

    #[test]
    fn an_empty_reference_refers_to_nothing() {
        let settings = &tenant_settings::KIND;
        let [dev, prod] = [json!({"default_audience": ""}), json!({})]
            .map(|fields| fields.as_object().unwrap().clone());
        let id = ResourceId::new(settings, "tenant-settings");
        let file = (settings, "tenant-settings");
        let [dev, prod] = [&dev, &prod].map(|fields| {
            Stems::from([(
                file,
                Member {
                    id: Some(&id),
                    fields,
                },
            )])
        });
        let managed = Managed::new(&BTreeMap::from([(settings, Manage::All)]));
        let promotion = promote(
            side(&dev, &managed, "dev.example"),
            side(&prod, &managed, "prod.example"),
            &Overrides::default(),
            asked(&BTreeSet::from([file])),
        );
        assert_eq!(promotion.changes[0].new, json!(""));
        assert_eq!((promotion.carried, promotion.missing), (vec![], vec![]));
    }

    proptest! {
        /// A second promotion changes nothing, and no id of the first tenant ever reaches the other.
        #[test]
        fn promoting_twice_is_promoting_once(
            lists in prop::collection::vec(prop::option::of(prop::collection::vec(0..6usize, 0..4)), 4),
            old in prop::collection::vec(prop::option::of("[a-c]"), 4),
        ) {
            let stems = ["a", "b", "c", "d"];
            let entry = |number: &usize| match number { 0..4 => format!("dev-{number}"), _ => format!("https://{number}") };
            let dev = Tenant(stems.iter().zip(&lists).enumerate().map(|(number, (stem, list))| {
                let mut fields = Map::new();
                fields.extend(list.as_ref().map(|list| ("allowed_clients".to_owned(), list.iter().map(entry).collect())));
                ((*stem).to_owned(), ResourceId::new(&KIND, format!("dev-{number}")), fields)
            }).collect());
            let mut prod = Tenant(stems.iter().zip(&old).enumerate().map(|(number, (stem, old))| {
                let mut fields = Map::new();
                fields.extend(old.as_ref().map(|old| ("description".to_owned(), json!(old))));
                ((*stem).to_owned(), ResourceId::new(&KIND, format!("prod-{number}")), fields)
            }).collect());
            let first = all(&dev, &prod, &Overrides::default());
            prop_assert!(first.missing.is_empty() && first.alone.is_empty());
            let changes = format!("{:?}", first.changes);
            prop_assert!(!changes.contains("dev-"));
            prod.apply(&first);
            prop_assert_eq!(all(&dev, &prod, &Overrides::default()).changes, vec![]);
        }

        /// What the other tenant lacks is written once, whatever refers to whatever, and never in the first one's ids.
        #[test]
        fn making_twice_is_making_once(
            lists in prop::collection::vec(prop::option::of(prop::collection::vec(0..6usize, 0..4)), 4),
            there in prop::collection::vec(any::<bool>(), 4),
        ) {
            let stems = ["a", "b", "c", "d"];
            let entry = |number: &usize| match number { 0..4 => format!("dev-{number}"), _ => format!("https://{number}") };
            let dev = Tenant(stems.iter().zip(&lists).enumerate().map(|(number, (stem, list))| {
                let mut fields = Map::from_iter([("name".to_owned(), json!(stem)), ("app_type".to_owned(), json!("spa"))]);
                fields.extend(list.as_ref().map(|list| ("allowed_clients".to_owned(), list.iter().map(entry).collect())));
                ((*stem).to_owned(), ResourceId::new(&KIND, format!("dev-{number}")), fields)
            }).collect());
            let mut prod: Vec<(&str, Option<ResourceId>, Map<String, Value>)> = Vec::new();
            for (stem, _) in stems.iter().zip(&there).filter(|(_, there)| **there) {
                let fields = Map::from_iter([("name".to_owned(), json!(stem))]);
                prod.push((stem, Some(ResourceId::new(&KIND, format!("prod-{stem}"))), fields));
            }
            let managed = Managed::default();
            let dev = dev.stems();
            let asked_for = dev.keys().copied().collect();
            let promoted = |prod: &[(&str, Option<ResourceId>, Map<String, Value>)]| {
                let stems = prod.iter().map(|(stem, id, fields)| ((&KIND, *stem), Member { id: id.as_ref(), fields }));
                let stems: Stems<'_> = stems.collect();
                let asked = Asked { create: true, ..asked(&asked_for) };
                promote(side(&dev, &managed, ""), side(&stems, &managed, ""), &Overrides::default(), asked)
            };
            let first = promoted(&prod);
            prop_assert!(first.missing.is_empty() && first.alone.is_empty());
            prop_assert_eq!(first.new.len(), there.iter().filter(|there| !**there).count());
            let written = format!("{:?} {:?}", first.changes, first.new);
            prop_assert!(!written.contains("dev-"));
            for change in &first.changes {
                let (.., fields) = prod.iter_mut().find(|(stem, ..)| *stem == change.stem).unwrap();
                fields.insert(change.field.name().to_owned(), change.new.clone());
            }
            for new in &first.new {
                prop_assert_eq!(&new.fields["app_type"], "spa");
                let stem = stems.iter().find(|stem| **stem == new.stem).unwrap();
                prod.push((stem, None, new.fields.clone()));
            }
            let again = promoted(&prod);
            prop_assert_eq!((again.new, again.changes), (vec![], vec![]));
            // Made or not, the same is said of both.
            for (stem, id, _) in &mut prod {
                id.get_or_insert_with(|| ResourceId::new(&KIND, format!("prod-{stem}")));
            }
            prop_assert_eq!(promoted(&prod).new, vec![]);
        }
    }
}
