//! What a resource's file and base become when it is pulled: edits stay, drift comes in, a conflict stays one. Pure.

use serde_json::{Map, Value};

use crate::base::{NewBase, Prints, ResourceBase};
use crate::kinds::{Field, FieldKey, Managed};
use crate::plan::{change_of, unsent_edits};
use crate::resource::{Resource, ResourceId};
use crate::three_way::{Base, BaseValues, Change, new_base};

/// A resource after a pull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The fields that its file is to have; None where it has them already.
    pub fields: Option<Map<String, Value>>,
    /// Its new base.
    pub base: NewBase,
    /// What the file says and the tenant does not.
    pub kept: Kept,
    /// What the file said and will not say any more.
    pub dropped: Vec<Dropped>,
}

/// Whether a file keeps something that the tenant does not have. The greater one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kept {
    /// Nothing: the file says what the tenant says.
    Nothing,
    /// An edit.
    Edit,
    /// The file's side of a conflict.
    Conflict,
}

/// A value that a pull takes out of a file: one that was to be discarded, or the edit of a field that push does not send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// The field.
    pub field: String,
    /// What the file said; None where it did not manage the field.
    pub local: Option<Value>,
    /// What it will say.
    pub live: Option<Value>,
    /// Whether it is an edit that no push would have sent.
    pub is_unsent: bool,
}

/// Merges live into a file. `base` is None where the resource was neither pulled nor pushed; `discard_local` takes live
/// everywhere.
pub fn merge(
    managed: &Managed,
    local: &Map<String, Value>,
    base: Option<ResourceBase<'_>>,
    live: &Resource,
    discard_local: bool,
) -> Merged {
    let kind = live.id().kind();
    let mut merged = Merged {
        fields: None,
        base: NewBase::of(managed, live),
        kept: Kept::Nothing,
        dropped: Vec::new(),
    };
    // File and live resource share the same fields, so there is nothing to compare.
    if std::ptr::eq(local, live.fields()) {
        return merged;
    }
    let mut fields = live.fields().clone();
    for field in managed.fields(kind) {
        let mut values = BaseOfField::default();
        let keys = field.keys(local, live.fields());
        if keys.is_empty() {
            put(&mut fields, &field.into(), field.of(local));
        }
        for key in keys {
            let (change, was) = change_of(&key, base, local, live.fields());
            let there = key.of(live.fields());
            let mut said = key.of(local);
            merged.kept = merged.kept.max(match change {
                _ if discard_local => Kept::Nothing,
                Some(Change::Edit) => Kept::Edit,
                Some(Change::Conflict) => Kept::Conflict,
                None | Some(Change::Drift | Change::Unmanaged) => Kept::Nothing,
            });
            let is_dropped = discard_local && !matches!(change, None | Some(Change::Drift));
            if is_dropped {
                merged.dropped.push(Dropped {
                    field: key.to_string(),
                    local: said.cloned(),
                    live: there.cloned(),
                    is_unsent: false,
                });
            }
            // A value that means the same stays as the file has it.
            if discard_local || change == Some(Change::Drift) {
                said = there;
            }
            put(&mut fields, &key, said);
            let same = |one: Option<&Value>, other: Option<&Value>| key.same(one, other);
            values.add(&key, new_base(was, said, there, same, false));
        }
        merged
            .base
            .values
            .set(field, values.whole(field.of(live.fields())));
    }
    merged
        .dropped
        .extend(dropped_edits(managed, local, base, live));
    merged.fields = Some(fields).filter(|fields| fields != local);
    merged
}

/// The edits of fields that push does not send: their files take live's values.
fn dropped_edits(
    managed: &Managed,
    local: &Map<String, Value>,
    base: Option<ResourceBase<'_>>,
    live: &Resource,
) -> Vec<Dropped> {
    let kind = live.id().kind();
    let edits = unsent_edits(live.id(), local, base, managed);
    let edits = edits.map(|name| (name, local.get(name), live.fields().get(name)));
    let edits = edits.filter(|(name, here, there)| !kind.same(name, *here, *there));
    let dropped = |(name, here, there): (&str, Option<&Value>, Option<&Value>)| Dropped {
        field: name.to_owned(),
        local: here.cloned(),
        live: there.cloned(),
        is_unsent: true,
    };
    edits.map(dropped).collect()
}

/// Sets a field, or a key of one, or takes it out.
pub(crate) fn put(fields: &mut Map<String, Value>, key: &FieldKey, value: Option<&Value>) {
    let (name, of) = (key.field.name(), &key.key);
    match (of, value) {
        (None, Some(value)) => {
            fields.insert(name.to_owned(), value.clone());
        }
        (None, None) => {
            fields.shift_remove(name);
        }
        (Some(of), Some(value)) => {
            let object = fields.entry(name).or_insert_with(|| Map::new().into());
            if let Value::Object(object) = object {
                object.insert(of.clone(), value.clone());
            }
        }
        (Some(of), None) => {
            if let Some(Value::Object(object)) = fields.get_mut(name) {
                object.shift_remove(of);
            }
        }
    }
}

/// The base of a field, out of those of its keys.
#[derive(Default)]
struct BaseOfField {
    keys: Map<String, Value>,
    whole: Option<Base<Value>>,
    is_unknown: bool,
}

impl BaseOfField {
    fn add(&mut self, key: &FieldKey, base: Base<&Value>) {
        match (&key.key, base) {
            (None, base) => self.whole = Some(base.cloned()),
            (Some(_), Base::NoBase | Base::Unknown) => self.is_unknown = true,
            (Some(_), Base::Absent) => {}
            (Some(key), Base::Is(value)) => {
                self.keys.insert(key.clone(), value.clone());
            }
        }
    }

    /// Where the base of one key is unknown, that of the field is.
    fn whole(self, live: Option<&Value>) -> Base<Value> {
        match self.whole {
            Some(base) => base,
            None if self.is_unknown => Base::Unknown,
            // Where no key is known to have been there, only an empty object says more than that the field was absent.
            None if self.keys.is_empty() => {
                let is_empty = |live: &&Value| live.as_object().is_some_and(Map::is_empty);
                Base::known(live.filter(is_empty)).cloned()
            }
            None => Base::Is(Value::Object(self.keys)),
        }
    }
}

impl NewBase {
    /// The base of a resource whose file says all that the tenant says.
    pub fn of(managed: &Managed, live: &Resource) -> NewBase {
        let values = BaseValues::of(managed.fields(live.id().kind()), live.fields());
        let unsent = unsent_fields(live.id(), live.fields(), &values);
        NewBase {
            unsent: Some(Prints::of(unsent)),
            values,
        }
    }
}

/// The fields of which a lock entry with these values has prints.
fn unsent_fields<'a>(
    id: &ResourceId,
    fields: &'a Map<String, Value>,
    values: &BaseValues,
) -> impl Iterator<Item = (&'a String, &'a Value)> {
    let kind = id.kind();
    fields
        .iter()
        .filter(move |(name, _)| !kind.is_id(name) && !values.knows(name))
}

/// A resource's base after a push: `sent` are the fields and keys that went out, and `live` is what the tenant says since; `is_whole`
/// says whether that is all of it.
pub fn pushed(
    managed: &Managed,
    local: &Map<String, Value>,
    base: Option<ResourceBase<'_>>,
    live: &Resource,
    is_whole: bool,
    sent: &[FieldKey],
) -> NewBase {
    let mut values = BaseValues::default();
    for field in managed.fields(live.id().kind()) {
        let mut base_of_field = BaseOfField::default();
        for key in field.keys(local, live.fields()) {
            let (_, was) = change_of(&key, base, local, live.fields());
            let same = |one: Option<&Value>, other: Option<&Value>| key.same(one, other);
            let (local, live) = (key.local(local), key.of(live.fields()));
            base_of_field.add(&key, new_base(was, local, live, same, sent.contains(&key)));
        }
        values.set(field, base_of_field.whole(field.of(live.fields())));
    }
    let before = base.and_then(ResourceBase::unsent);
    let unsent = match (is_whole, before) {
        (false, before) => {
            before.map(|before| unsent_unread(live.id(), local, &values, base, before))
        }
        (true, _) => Some(unsent_pushed(live, local, &values, base)),
    };
    NewBase { values, unsent }
}

/// A print of each field that push does not send: of what both sides say, or else of what base had. A field that was managed
/// before has its base as a value still. A print says of no field that it is its own, so all of them stay where one that neither
/// side has is needed.
fn unsent_pushed(
    live: &Resource,
    local: &Map<String, Value>,
    values: &BaseValues,
    base: Option<ResourceBase<'_>>,
) -> Prints {
    let kind = live.id().kind();
    let was = |name: &str, value: &Value| base.and_then(|base| base.unsent_was(name, Some(value)));
    let mut unsent = Prints::default();
    let mut is_elsewhere = false;
    for (name, there) in unsent_fields(live.id(), live.fields(), values) {
        let here = local.get(name);
        let is_same = here.is_none() || kind.same(name, here, Some(there));
        // What the tenant derived anew is no edit of a file that lags behind.
        let is_derived = kind.derived_from(name).is_some();
        if is_same || is_derived || was(name, there).unwrap_or(true) {
            unsent.add(name, there);
        }
        if let Some(here) = here
            && (is_same || was(name, here).unwrap_or(true))
        {
            unsent.add(name, here);
        }
        if !is_same {
            let sides = [Some(there), here].into_iter().flatten();
            is_elsewhere |=
                !is_derived && sides.into_iter().all(|side| was(name, side) == Some(false));
            unsent.extend(managed_before(base, values).filter(|(field, _)| field == name));
        }
    }
    if is_elsewhere && let Some(before) = base.and_then(ResourceBase::unsent) {
        unsent.add_all(before);
    }
    for (name, here) in unsent_fields(live.id(), local, values) {
        if was(name, here) == Some(true) {
            unsent.add(name, here);
        }
    }
    unsent
}

/// The same where the tenant was not asked for those fields: what is known of them stays.
fn unsent_unread(
    id: &ResourceId,
    local: &Map<String, Value>,
    values: &BaseValues,
    base: Option<ResourceBase<'_>>,
    before: &Prints,
) -> Prints {
    let mut unsent = before.clone();
    unsent.extend(managed_before(base, values));
    for (name, here) in unsent_fields(id, local, values) {
        if base.and_then(|base| base.unsent_was(name, Some(here))) == Some(true) {
            unsent.add(name, here);
        }
    }
    unsent
}

/// What base has of fields that a lock entry with these values does not have: the project managed them once.
fn managed_before<'a>(
    base: Option<ResourceBase<'a>>,
    values: &'a BaseValues,
) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let known = base.into_iter().flat_map(ResourceBase::values);
    let known = known.map(|(field, value): (Field, &Value)| (field.name(), value));
    known.filter(|(name, _)| !values.knows(name))
}

/// What a file becomes once its resource is made of what it `said` then: its id, and what the tenant answered. What it says by now is
/// an edit where that is something else, and so is what it says in the fields that are sent `later`.
pub fn made(
    managed: &Managed,
    local: &Map<String, Value>,
    said: &Map<String, Value>,
    live: &Resource,
    later: &[Field],
) -> Merged {
    let kind = live.id().kind();
    let mut with_id = local.clone();
    if let Some(id_field) = kind.id_field() {
        with_id.shift_insert(0, id_field.to_owned(), live.id().as_str().into());
    }
    // Nothing was sent for them, and not every field may be null in an update.
    with_id.retain(|name, value| !value.is_null() || live.fields().contains_key(name));
    let mut then = BaseValues::default();
    for field in managed.fields(kind) {
        let side = match later.contains(&field) {
            true => live.fields(),
            false => said,
        };
        then.set(field, Base::known(field.of(side)).cloned());
    }
    let base = ResourceBase::certain(&then, None);
    let mut merged = merge(managed, &with_id, Some(base), live, false);
    merged.fields.get_or_insert(with_id);
    merged
}

/// The fields in which a file's new content is another, those that it had first.
pub fn differing(old: &Map<String, Value>, new: &Map<String, Value>) -> Vec<String> {
    let added = new.keys().filter(|field| !old.contains_key(*field));
    let fields = old.keys().chain(added);
    fields
        .filter(|field| old.get(*field) != new.get(*field))
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::{Manage, clients::KIND};
    use crate::three_way::tests::side;
    use proptest::prelude::*;
    use serde_json::json;
    use std::collections::BTreeMap;
    use std::sync::Arc;

    fn fields(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn client(value: Value) -> Resource {
        Resource::new(&KIND, fields(value)).unwrap()
    }

    fn base(value: Value) -> BaseValues {
        BaseValues::of(Managed::default().fields(&KIND), &fields(value))
    }

    fn merged(
        local: &Map<String, Value>,
        base: &BaseValues,
        live: &Resource,
        discard_local: bool,
    ) -> Merged {
        let base = ResourceBase::certain(base, None);
        merge(&Managed::default(), local, Some(base), live, discard_local)
    }

    #[test]
    fn edits_stay_drift_comes_in_a_conflict_stays_one() {
        let was = base(json!({"name": "A", "description": "old", "allowed_clients": ["x"]}));
        let local = fields(
            json!({"client_id": "1", "name": "A", "description": "mine", "allowed_clients": ["x"], "sso": 1}),
        );
        let live = client(
            json!({"client_id": "1", "name": "B", "description": "theirs", "allowed_clients": ["x"], "sso": 2}),
        );
        let kept = merged(&local, &was, &live, false);
        assert_eq!(
            json!(kept.fields.unwrap()),
            json!({"client_id": "1", "name": "B", "description": "mine", "allowed_clients": ["x"], "sso": 2})
        );
        assert_eq!(
            kept.base.values,
            base(json!({"name": "B", "description": "old", "allowed_clients": ["x"]}))
        );
        assert_eq!((kept.kept, kept.dropped.len()), (Kept::Conflict, 0));

        let taken = merged(&local, &was, &live, true);
        assert_eq!(taken.fields.as_ref(), Some(live.fields()));
        assert_eq!(taken.base, NewBase::of(&Managed::default(), &live));
        assert_eq!(
            taken.dropped,
            [Dropped {
                field: "description".to_owned(),
                local: Some(json!("mine")),
                live: Some(json!("theirs")),
                is_unsent: false,
            }]
        );
    }

    fn with(value: Option<Value>) -> Map<String, Value> {
        let mut fields = fields(json!({"client_id": "1"}));
        fields.extend(value.map(|value| ("description".to_owned(), value)));
        fields
    }

    /// What a file becomes, its new base, and what was dropped, for keys of a field that is compared key by key.
    #[test]
    fn keys_are_merged_one_by_one_and_a_field_that_is_not_sent_takes_the_tenants_value() {
        let managed = Managed::new(&BTreeMap::from([(&KIND, Manage::All)]));
        let was = fields(json!({"client_metadata": {"a": "1", "b": "1", "c": "1", "d": "1"}}));
        let values = BaseValues::of(managed.fields(&KIND), &was);
        let prints = Prints::of(&fields(
            json!({"tenant": "acme", "addons": {}, "global": false}),
        ));
        let base = ResourceBase::certain(&values, Some(&prints));
        let local = fields(json!({
            "client_id": "1", "client_metadata": {"a": "2", "b": "1", "d": "3"}, "tenant": "mine", "addons": {}, "global": false,
        }));
        let live = client(json!({
            "client_id": "1", "client_metadata": {"a": "1", "b": "2", "c": "1", "d": "4", "e": "1"}, "tenant": "acme",
            "addons": {"wams": {}}, "global": false,
        }));
        let merged = merge(&managed, &local, Some(base), &live, false);
        insta::assert_snapshot!(Value::Object(merged.fields.unwrap()), @r#"{"client_id":"1","client_metadata":{"a":"2","b":"2","d":"3","e":"1"},"tenant":"acme","addons":{"wams":{}},"global":false}"#);
        let of: Vec<String> = merged
            .base
            .values
            .values()
            .map(|(field, value)| format!("{field} {value}"))
            .collect();
        insta::assert_snapshot!(of.join("\n"), @r#"client_metadata {"a":"1","b":"2","c":"1","d":"1","e":"1"}"#);
        insta::assert_debug_snapshot!((merged.kept, merged.dropped), @r#"
        (
            Conflict,
            [
                Dropped {
                    field: "tenant",
                    local: Some(
                        String("mine"),
                    ),
                    live: Some(
                        String("acme"),
                    ),
                    is_unsent: true,
                },
            ],
        )
        "#);
    }

    proptest! {
        /// After a pull, what is left to say about a field is an edit or a conflict, and the next pull changes nothing.
        #[test]
        fn a_pull_leaves_only_edits_and_conflicts(base in prop::option::of(side()), local in side(), live in side()) {
            let managed = Managed::default();
            let base = base.map(|base| BaseValues::of(managed.fields(&KIND), &with(base)));
            let base = base.as_ref().map(|base| ResourceBase::certain(base, None));
            let live = client(Value::Object(with(live)));
            let file = with(local.clone());
            let merged = merge(&managed, &file, base, &live, false);
            let fields = merged.fields.unwrap_or(file);
            let key = KIND.field("description").unwrap().into();
            let certain = ResourceBase::certain(&merged.base.values, None);
            let (after, _) = change_of(&key, Some(certain), &fields, live.fields());
            prop_assert!(after != Some(Change::Drift));
            prop_assert_eq!(merged.kept == Kept::Edit, after == Some(Change::Edit));
            prop_assert_eq!(merged.kept == Kept::Conflict, after == Some(Change::Conflict));
            let again = merge(&managed, &fields, Some(ResourceBase::certain(&merged.base.values, merged.base.unsent.as_ref())), &live, false);
            prop_assert_eq!((again.fields, again.base, again.kept), (None, merged.base.clone(), merged.kept));
            let discarded = merge(&managed, &with(local.clone()), base, &live, true);
            prop_assert_eq!(&discarded.fields.unwrap_or(with(local)), live.fields());
            // Sharing saves memory and changes no result.
            let file = Arc::new(fields);
            let live = client(Value::Object(file.as_ref().clone()));
            let shared = merge(&managed, &file, base, &live.clone().sharing(&file), false);
            prop_assert_eq!(shared, merge(&managed, &file, base, &live, false));
        }
    }
}
