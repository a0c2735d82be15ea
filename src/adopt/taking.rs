//! What is taken over of the resources that are tied to files, and why the rest is not. Values go the way of a promotion, from the
//! Deploy CLI's files to this tenant's. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::Left;
use super::comments::Comments;
use super::matching::{Pair, are_unknown};
use crate::files::{Format, TenantDirectory};
use crate::kinds::{Field, KINDS, Kind, Manage, Managed, Risk, Sending};
use crate::promote::{
    Alone, Asked, BrokenReference, Counterpart, Gone, Member, Overrides, OwnValues, Promotion,
    Side, Stems, WhyAlone, promote,
};

/// The tenant to whose files the values go.
pub(crate) struct Tenant<'a> {
    /// Its files, and what promotion knows of it.
    pub(crate) side: Side<'a>,
    /// What it keeps as its own.
    pub(crate) overrides: &'a Overrides,
}

/// What is taken over.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// The values to write, and the new files.
    pub(crate) promotion: Promotion,
    /// The values that keywords stand for, to be this tenant's own.
    pub(crate) own: OwnValues,
    /// The comments above fields, by kind and stem.
    pub(crate) comments: BTreeMap<(&'static Kind, String), Comments>,
    /// What has no file here and gets none, with its place.
    pub(crate) alone: Vec<(String, Alone)>,
    /// What else is left.
    pub(crate) left: Vec<Left>,
}

/// Takes over these pairs; `all` are those that references may mean, too. `their_domain` is the tenant for which the Deploy CLI's
/// settings are, where they say so.
pub(crate) fn take(
    all: &[Pair],
    is_selected: &dyn Fn(&Pair) -> bool,
    tenant: &Tenant<'_>,
    their_domain: Option<&str>,
    create: bool,
) -> Taken {
    let mut taken = Taken::default();
    let managed = Managed::new(&KINDS.iter().map(|kind| (*kind, Manage::All)).collect());
    let mut by_file: BTreeMap<Counterpart<'_>, &Pair> = BTreeMap::new();
    for pair in all {
        let file = (pair.entry.kind, pair.stem.as_str());
        match by_file.get(&file) {
            Some(other) => taken.left.push(Left::of(
                pair.entry.place.clone(),
                format!(
                    "its file would have the name of that of {}",
                    other.entry.place
                ),
            )),
            None => _ = by_file.insert(file, pair),
        }
    }
    let fields: BTreeMap<Counterpart<'_>, Map<String, Value>> = by_file
        .iter()
        .map(|(file, pair)| (*file, laid(pair, tenant.side.files.get(file))))
        .collect();
    let files: Stems<'_> = fields
        .iter()
        .map(|(file, fields)| (*file, Member { id: None, fields }))
        .collect();
    let selected = by_file.iter().filter(|(_, pair)| is_selected(pair));
    let selected: BTreeMap<Counterpart<'_>, &Pair> =
        selected.map(|(file, pair)| (*file, *pair)).collect();
    let mut asked: BTreeSet<Counterpart<'_>> = selected.keys().copied().collect();
    let ignored = Overrides {
        values: OwnValues::new(),
        ignored: tenant.overrides.ignored.clone(),
    };
    let mut promotion = loop {
        let promotion = promote(
            Side {
                files: &files,
                gone: &Gone::new(),
                managed: &managed,
                domain: their_domain.unwrap_or(tenant.side.domain),
                client: tenant.side.client,
            },
            tenant.side,
            &ignored,
            Asked {
                field: &|_| true,
                files: &asked,
                create,
            },
        );
        // A file with a reference to nothing would make a resource that lacks it. What refers to one that is not written lacks it, too.
        let refused: Vec<(&'static Kind, String, String)> = promotion
            .new
            .iter()
            .filter_map(|new| {
                let pair = selected.get(&(new.kind, new.stem.as_str()))?;
                let missing = promotion.missing.iter();
                let mut missing =
                    missing.filter(|one| (one.kind, &one.stem) == (new.kind, &new.stem));
                let why = match (
                    pair.unknown
                        .iter()
                        .find(|(field, _)| new.fields.contains_key(**field)),
                    missing.next(),
                ) {
                    (Some((field, texts)), _) => {
                        format!("{field}: {}", are_unknown(new.kind, field, texts))
                    }
                    (None, Some(one)) => format!(
                        "{}: it refers to {}, which has no file here",
                        one.field, one.entry
                    ),
                    (None, None) => return None,
                };
                Some((new.kind, new.stem.clone(), why))
            })
            .collect();
        if refused.is_empty() {
            break promotion;
        }
        for (kind, stem, why) in refused {
            asked.retain(|file| *file != (kind, stem.as_str()));
            let pair = by_file.get(&(kind, stem.as_str()));
            let place = pair.map_or("", |pair| &pair.entry.place);
            taken
                .left
                .push(Left::of(place, format!("no file is written: {why}")));
        }
    };
    for alone in std::mem::take(&mut promotion.alone) {
        let Some(pair) = selected.get(&(alone.kind, alone.stem.as_str())) else {
            continue;
        };
        let place = pair.entry.place.clone();
        match (&pair.beside, &alone.why) {
            (Some(other), WhyAlone::NotAsked) => {
                let why = format!(
                    "no {} here is the same, and another's file is called so: {other}; with --create {} is written",
                    alone.kind.singular,
                    TenantDirectory::file_of(alone.kind, &alone.stem, Format::Yaml)
                );
                taken.left.push(Left::of(place, why));
            }
            _ => taken.alone.push((place, alone)),
        }
    }
    let missing = std::mem::take(&mut promotion.missing);
    promotion.changes.retain(|change| {
        let Some(pair) = selected.get(&(change.kind, change.stem.as_str())) else {
            return false;
        };
        let why = kept_from(
            pair,
            change.field,
            (change.old.as_ref(), &change.new),
            &missing,
            tenant,
        );
        match why {
            None => true,
            Some(why) => {
                taken.left.push(about(pair, change.field.name(), why));
                false
            }
        }
    });
    for (kind, stem, field) in std::mem::take(&mut promotion.own) {
        if let Some(pair) = selected.get(&(kind, stem.as_str())) {
            let why =
                "it means something in one tenant only, and nobody can tell whether in this one";
            taken.left.push(about(pair, field.name(), why));
        }
    }
    for (kind, stem, key) in std::mem::take(&mut promotion.served) {
        if let Some(pair) = selected.get(&(kind, stem.as_str())) {
            let why = "no update takes this value of it, and it stays as it is";
            taken.left.push(about(pair, &key.to_string(), why));
        }
    }
    let new = promotion.new.iter();
    let new: BTreeMap<Counterpart<'_>, &Map<String, Value>> = new
        .map(|new| ((new.kind, new.stem.as_str()), &new.fields))
        .collect();
    for (file, pair) in &selected {
        let here = tenant.side.files.get(file).map(|member| member.fields);
        let Some(here) = here.or(new.get(file).copied()) else {
            continue;
        };
        unmanaged(pair, here, tenant.side.managed, &mut taken.left);
        own_values(pair, fields.get(file), tenant, &mut taken);
        if !pair.entry.comments.is_empty() {
            let comments = pair.entry.comments.clone();
            taken.comments.insert((file.0, file.1.to_owned()), comments);
        }
    }
    carried(&promotion, tenant, &selected, &mut taken.left);
    taken.promotion = promotion;
    taken
}

fn about(pair: &Pair, field: &str, why: impl Into<String>) -> Left {
    Left {
        fields: vec![field.to_owned()],
        ..Left::of(pair.entry.place.clone(), why)
    }
}

/// What an entry says, with those keys beside it that only the file here has: the Deploy CLI sends what it has, and the API keeps the
/// others, so that none of them was ever to go.
fn laid(pair: &Pair, here: Option<&Member<'_>>) -> Map<String, Value> {
    let mut fields = pair.entry.fields.clone();
    let Some(here) = here else {
        let widens = |name: &str| {
            let mut risks = pair
                .entry
                .kind
                .row(name)
                .into_iter()
                .flat_map(|row| row.risks);
            risks.any(|risk| matches!(risk, Risk::Emptied(_)))
        };
        fields.retain(|name, value| !is_nothing(value) || !widens(name));
        return fields;
    };
    fields.retain(|name, value| here.fields.contains_key(name) || !is_nothing(value));
    for (name, value) in &mut fields {
        let depth = pair.entry.kind.row(name).map_or(0, |row| row.merge.depth());
        if let Some(here) = here.fields.get(name) {
            lay(value, here, depth);
        }
    }
    fields
}

/// Whether a value says no more than none. The Deploy CLI writes an empty list where the tenant has null, and an empty list that is sent
/// may mean something else: every client, and not none.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(entries) => entries.is_empty(),
        Value::Object(keys) => keys.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn lay(value: &mut Value, here: &Value, depth: usize) {
    if let (Value::Object(keys), Value::Object(here)) = (value, here)
        && depth > 0
    {
        for (key, here) in here {
            match keys.get_mut(key) {
                Some(value) => lay(value, here, depth - 1),
                None => _ = keys.insert(key.clone(), here.clone()),
            }
        }
    }
}

/// Why a value is not written.
fn kept_from(
    pair: &Pair,
    field: Field,
    (old, new): (Option<&Value>, &Value),
    missing: &[BrokenReference],
    tenant: &Tenant<'_>,
) -> Option<String> {
    let kind = pair.entry.kind;
    let has = |value: &Value, text: &str| {
        let references = field
            .row()
            .refers_to
            .map(|reference| reference.in_value(value));
        let mut texts = references.into_iter().flatten();
        texts.any(|(_, entry)| entry == text)
    };
    let unknown = pair.unknown.get(field.name()).into_iter().flatten();
    // What stands in the file already is no worse for standing there still.
    let unknown = unknown.filter(|text| !old.is_some_and(|old| has(old, text)));
    let unknown: Vec<String> = unknown.cloned().collect();
    if !unknown.is_empty() {
        return Some(are_unknown(kind, field.name(), &unknown));
    }
    let mut missing = missing
        .iter()
        .filter(|one| (one.kind, one.stem.as_str(), one.field) == (kind, &pair.stem, field.name()));
    if let Some(one) = missing.next() {
        return Some(format!(
            "it refers to {}, which has no file here; with --create one is written",
            one.entry
        ));
    }
    // A key that stays as it is may be newer than what we know of the API.
    if let Err(invalid) = field.validate_change(old, new) {
        return Some(format!("the API takes no such value: {invalid}"));
    }
    let own = own_of(tenant.overrides, pair, field)?;
    let differs = match (own, new) {
        (Value::Object(own), Value::Object(new)) if field.row().merge.is_by_key() => {
            own.iter().any(|(key, value)| new.get(key) != Some(value))
        }
        (own, new) => !field.row().same(Some(own), Some(new)),
    };
    differs.then(|| "overrides.yaml has another value for it, and nothing is written".to_owned())
}

fn own_of<'a>(overrides: &'a Overrides, pair: &Pair, field: Field) -> Option<&'a Value> {
    overrides
        .values
        .get(&(pair.entry.kind, pair.stem.clone()))?
        .get(&field)
}

/// The fields of which its files have other values, and that no push sends.
fn unmanaged(pair: &Pair, here: &Map<String, Value>, managed: &Managed, left: &mut Vec<Left>) {
    let kind = pair.entry.kind;
    let mut by_reason: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, value) in &pair.entry.fields {
        let is_managed = kind.field(name).is_some_and(|field| managed.has(field));
        let said = here.get(name);
        let is_same = match said {
            None => is_nothing(value),
            Some(said) => {
                let mut value = value.clone();
                lay(
                    &mut value,
                    said,
                    kind.row(name).map_or(0, |row| row.merge.depth()),
                );
                kind.same(name, Some(said), Some(&value))
            }
        };
        if is_managed || is_same || kind.is_id(name) {
            continue;
        }
        let why = match kind.row(name).map(|row| row.sending) {
            Some(Sending::Derived(_)) => continue,
            Some(Sending::Never(why)) => why,
            Some(Sending::Default | Sending::OptIn) => {
                "not managed: name it under `manage:` in tenantry.yaml, pull, and adopt again"
            }
            None => "nobody documents it, and no push sends it",
        };
        by_reason.entry(why).or_default().push(name.clone());
    }
    for (why, fields) in by_reason {
        left.push(Left {
            fields,
            ..Left::of(pair.entry.place.clone(), why)
        });
    }
}

/// The values that keywords stand for: they differ by tenant, and so are this one's own.
fn own_values(
    pair: &Pair,
    fields: Option<&Map<String, Value>>,
    tenant: &Tenant<'_>,
    taken: &mut Taken,
) {
    let kind = pair.entry.kind;
    for field in tenant.side.managed.fields(kind) {
        let its = field.of(&pair.entry.fields);
        let laid = fields.and_then(|fields| field.of(fields));
        let (Some(its), Some(laid), other) = (its, laid, field.of(&pair.entry.otherwise)) else {
            continue;
        };
        let is_left = |left: &Left| {
            left.place == pair.entry.place && left.fields.iter().any(|name| name == field.name())
        };
        if Some(its) == other || taken.left.iter().any(is_left) {
            continue;
        }
        let value = match (its, other) {
            (Value::Object(its), Some(Value::Object(other))) if field.row().merge.is_by_key() => {
                let keys = its
                    .iter()
                    .filter(|(key, value)| other.get(*key) != Some(value));
                Value::Object(
                    keys.map(|(key, value)| (key.clone(), value.clone()))
                        .collect(),
                )
            }
            _ => laid.clone(),
        };
        // A tenant's own values are said in ids, and what is still to be made has none.
        let reference = field.row().refers_to;
        let is_unsaid = reference.is_some_and(|reference| !reference.files_in(&value).is_empty());
        let is_by_key = field.row().merge.is_by_key();
        let has_no_key = is_by_key && value.as_object().is_some_and(Map::is_empty);
        if is_unsaid || has_no_key || value.is_null() || field.validate(&value).is_err() {
            continue;
        }
        let value = match (own_of(tenant.overrides, pair, field), value) {
            (None, value) => value,
            (Some(Value::Object(own)), Value::Object(keys)) if field.row().merge.is_by_key() => {
                let is_other =
                    |(key, value): (&String, &Value)| own.get(key).is_some_and(|own| own != value);
                if keys.iter().any(is_other) {
                    let why = "overrides.yaml has another value for it, and keeps it";
                    taken.left.push(about(pair, field.name(), why));
                    continue;
                }
                if keys.keys().all(|key| own.contains_key(key)) {
                    continue;
                }
                keys.into()
            }
            (Some(own), value) => {
                if !field.row().same(Some(own), Some(&value)) {
                    let why = "overrides.yaml has another value for it, and keeps it";
                    taken.left.push(about(pair, field.name(), why));
                }
                continue;
            }
        };
        let file = (kind, pair.stem.clone());
        taken.own.entry(file).or_default().insert(field, value);
    }
}

/// What a value refers to by a field of its own, and nobody here knows: it goes over, and somebody should look.
fn carried(
    promotion: &Promotion,
    tenant: &Tenant<'_>,
    selected: &BTreeMap<Counterpart<'_>, &Pair>,
    left: &mut Vec<Left>,
) {
    for one in &promotion.carried {
        let reference = one.kind.row(one.field).and_then(|row| row.refers_to);
        let Some((kind, by)) = reference.and_then(|one| Some((one.kind()?, one.by?))) else {
            continue;
        };
        let is_written = promotion.changes.iter().any(|change| {
            (change.kind, &change.stem, change.field.name()) == (one.kind, &one.stem, one.field)
        }) || promotion
            .new
            .iter()
            .any(|new| (new.kind, &new.stem) == (one.kind, &one.stem));
        let mut here = tenant.side.files.iter().filter(|((of, _), _)| *of == kind);
        let is_known = here
            .any(|(_, member)| member.fields.get(by).and_then(Value::as_str) == Some(&one.entry));
        // Where nothing of the kind is pulled, nobody can tell.
        let is_pulled = tenant.side.managed.kinds().any(|managed| managed == kind);
        let pair = selected.get(&(one.kind, one.stem.as_str()));
        if let Some(pair) = pair.filter(|_| is_written && !is_known && is_pulled) {
            let why = format!(
                "`{}` is no {} here, and is taken over as it is",
                one.entry, kind.singular
            );
            left.push(about(pair, one.field, why));
        }
    }
}
