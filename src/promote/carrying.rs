//! The values that go over into files which both tenants have.

use serde_json::{Map, Value};

use super::promotion::{Promoted, Promotion};
use super::sides::{Counterpart, Member};
use super::translation::Translation;
use super::way::Way;
use crate::kinds::{Field, FieldKey, Merge};

impl Way<'_> {
    /// The values of a file whose counterpart is there.
    pub(super) fn carry(
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
