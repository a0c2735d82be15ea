//! What the other tenant lacks: why a file has no counterpart, or the one that is written.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::promotion::{Alone, BrokenReference, NewMember, Promotion, WhyAlone};
use super::sides::{Counterpart, Member, Side};
use super::translation::Translation;
use super::way::Way;
use crate::composed::composed;
use crate::kinds::{Creation, Field, Kind, Takes};

pub(super) fn alone((kind, stem): Counterpart<'_>, why: WhyAlone) -> Alone {
    Alone {
        kind,
        stem: stem.to_owned(),
        why,
    }
}

/// The stems of a tenant's files by what some file systems take them for, which tell neither upper from lower case nor how accents
/// are encoded.
pub(super) fn folded_names<'a>(side: &Side<'a>) -> BTreeMap<(&'static Kind, String), &'a str> {
    let files = side.files.keys();
    files
        .map(|(kind, stem)| ((*kind, folded(stem)), *stem))
        .collect()
}

fn folded(stem: &str) -> String {
    composed(&stem.to_lowercase()).into_owned()
}

/// What becomes of a file without a counterpart.
pub(super) enum Lack {
    /// Nothing is wanting, for this reason.
    None(&'static str),
    /// A file is written, of what a create takes.
    Made(&'static Takes),
    /// None is.
    Stays(WhyAlone),
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
    pub(super) fn lack(
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
    pub(super) fn make(&mut self, promotion: &mut Promotion) {
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
                && row.reference_by_id().is_some()
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
}
