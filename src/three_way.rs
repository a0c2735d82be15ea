//! Base, local and live of one field → what happened to it. Pure, and the one place that decides: diff, push and pull all
//! ask here.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::kinds::{Field, FieldKey};

/// What is known of a field's base. `V` is the value, owned or borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base<V> {
    /// The resource has no base at all: file and tenant were never brought in step.
    NoBase,
    /// The resource has a base, and nobody knows what this field was in it.
    Unknown,
    /// The field was absent.
    Absent,
    /// The field had this value.
    Is(V),
}

impl<V> Base<V> {
    /// The value, where there was one.
    pub fn value(&self) -> Option<&V> {
        match self {
            Base::Is(value) => Some(value),
            Base::NoBase | Base::Unknown | Base::Absent => None,
        }
    }
}

impl<'a> Base<&'a Value> {
    /// The base of a field that is known to have had this value, or to have been absent.
    pub fn known(value: Option<&'a Value>) -> Base<&'a Value> {
        value.map_or(Base::Absent, Base::Is)
    }

    /// The same base with a value of its own.
    pub fn cloned(self) -> Base<Value> {
        match self {
            Base::NoBase => Base::NoBase,
            Base::Unknown => Base::Unknown,
            Base::Absent => Base::Absent,
            Base::Is(value) => Base::Is(value.clone()),
        }
    }

    /// Whether base is known, and means the same as this side.
    pub fn is_same(
        self,
        side: Option<&Value>,
        same: impl Fn(Option<&Value>, Option<&Value>) -> bool,
    ) -> bool {
        match self {
            Base::NoBase | Base::Unknown => false,
            Base::Absent => same(None, side),
            Base::Is(value) => same(Some(value), side),
        }
    }
}

impl Base<Value> {
    /// The same base with a borrowed value.
    pub fn borrowed(&self) -> Base<&Value> {
        match self {
            Base::NoBase => Base::NoBase,
            Base::Unknown => Base::Unknown,
            Base::Absent => Base::Absent,
            Base::Is(value) => Base::Is(value),
        }
    }
}

/// What is known of a resource's base, field by field. A field without an entry has an unknown base.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BaseValues(BTreeMap<Field, Option<Value>>);

impl BaseValues {
    /// The base of a resource that said this when file and tenant were in step: each of these fields is known, or known to be
    /// absent.
    pub fn of(known: impl IntoIterator<Item = Field>, fields: &Map<String, Value>) -> BaseValues {
        let known = known.into_iter();
        BaseValues(
            known
                .map(|field| (field, field.of(fields).cloned()))
                .collect(),
        )
    }

    /// What is known of a field, or of a key of one. A key that an object did not have was absent.
    pub fn get(&self, key: &FieldKey) -> Base<&Value> {
        match (self.0.get(&key.field), &key.key) {
            (None, _) => Base::Unknown,
            (Some(None), _) => Base::Absent,
            (Some(Some(value)), None) => Base::Is(value),
            (Some(Some(Value::Object(keys))), Some(key)) => Base::known(keys.get(key)),
            (Some(Some(_)), Some(_)) => Base::Unknown,
        }
    }

    /// Sets what is known of a field.
    pub fn set(&mut self, field: Field, base: Base<Value>) {
        match base {
            Base::NoBase | Base::Unknown => self.0.remove(&field),
            Base::Absent => self.0.insert(field, None),
            Base::Is(value) => self.0.insert(field, Some(value)),
        };
    }

    /// Whether anything is known of a field of that name.
    pub fn knows(&self, name: &str) -> bool {
        self.0.keys().any(|field| field.name() == name)
    }

    /// The fields of which something is known, in file order.
    pub fn fields(&self) -> impl Iterator<Item = Field> + '_ {
        self.0.keys().copied()
    }

    /// The fields that had a value, in file order.
    pub fn values(&self) -> impl Iterator<Item = (Field, &Value)> {
        let known = self.0.iter();
        known.filter_map(|(field, value)| Some((*field, value.as_ref()?)))
    }

    /// The fields that are known to have been absent, in file order.
    pub fn absent(&self) -> impl Iterator<Item = Field> {
        let known = self.0.iter();
        known.filter_map(|(field, value)| value.is_none().then_some(*field))
    }
}

/// What happened to a field in which local and live differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// Local differs from live, and live still equals base, or there is no base. Push sends it.
    Edit,
    /// Live changed since base, and local did not. Push reports it.
    Drift,
    /// Local and live both changed since base, differently, or nobody knows base. Push holds everything back.
    Conflict,
    /// Push never sends it: the field is not managed, or the file leaves it out.
    Unmanaged,
}

/// Decides what happened to a field; None where local and live mean the same, as `same` has it. None as a side is a field that is
/// absent there.
pub fn three_way(
    base: Base<&Value>,
    local: Option<&Value>,
    live: Option<&Value>,
    same: impl Fn(Option<&Value>, Option<&Value>) -> bool + Copy,
) -> Option<Change> {
    if same(local, live) {
        return None;
    }
    Some(match base {
        Base::NoBase | Base::Unknown | Base::Is(_) if local.is_none() => Change::Unmanaged,
        Base::Unknown => Change::Conflict,
        Base::NoBase => Change::Edit,
        base if base.is_same(local, same) => Change::Drift,
        base if base.is_same(live, same) => Change::Edit,
        Base::Absent | Base::Is(_) => Change::Conflict,
    })
}

/// A field's base after a command, the same for every command that writes: what the tenant says, where both sides mean the same,
/// where this command `sent` the field, or where there was no base; else base stays.
pub fn new_base<'a>(
    base: Base<&'a Value>,
    local: Option<&Value>,
    live: Option<&'a Value>,
    same: impl Fn(Option<&Value>, Option<&Value>) -> bool,
    sent: bool,
) -> Base<&'a Value> {
    match base {
        _ if sent || same(local, live) => Base::known(live),
        Base::NoBase => Base::known(live),
        base => base,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// Every case of three values and absence, as `base local live → change`; `.` is no base, `?` an unknown one, `-` absent.
    #[test]
    fn every_case() {
        let (a, b, c) = (json!("a"), json!("b"), json!("c"));
        let show = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or("-").to_owned();
        let sides = [None, Some(&a), Some(&b), Some(&c)];
        let bases = [Base::NoBase, Base::Unknown, Base::Absent, Base::Is(&a)];
        let mut lines = Vec::new();
        for base in bases {
            for local in sides {
                for live in sides {
                    let change = three_way(base, local, live, equal);
                    if let Some(change) = change {
                        let base = match base {
                            Base::NoBase => ".".to_owned(),
                            Base::Unknown => "?".to_owned(),
                            Base::Absent => "-".to_owned(),
                            Base::Is(value) => show(Some(value)),
                        };
                        lines.push(format!("{base} {} {} {change:?}", show(local), show(live)));
                    }
                    // Agreement is no difference, whatever base was, and nothing else is.
                    assert_eq!(change.is_none(), local == live);
                }
            }
        }
        insta::assert_snapshot!(lines.join("\n"), @"
        . - a Unmanaged
        . - b Unmanaged
        . - c Unmanaged
        . a - Edit
        . a b Edit
        . a c Edit
        . b - Edit
        . b a Edit
        . b c Edit
        . c - Edit
        . c a Edit
        . c b Edit
        ? - a Unmanaged
        ? - b Unmanaged
        ? - c Unmanaged
        ? a - Conflict
        ? a b Conflict
        ? a c Conflict
        ? b - Conflict
        ? b a Conflict
        ? b c Conflict
        ? c - Conflict
        ? c a Conflict
        ? c b Conflict
        - - a Drift
        - - b Drift
        - - c Drift
        - a - Edit
        - a b Conflict
        - a c Conflict
        - b - Edit
        - b a Conflict
        - b c Conflict
        - c - Edit
        - c a Conflict
        - c b Conflict
        a - a Unmanaged
        a - b Unmanaged
        a - c Unmanaged
        a a - Drift
        a a b Drift
        a a c Drift
        a b - Conflict
        a b a Edit
        a b c Conflict
        a c - Conflict
        a c a Edit
        a c b Conflict
        ");
    }

    /// What one side may say of a field: few values, so that two sides often say the same.
    pub(crate) fn side() -> impl Strategy<Value = Option<Value>> {
        prop_oneof![
            Just(None),
            Just(Some(json!("a"))),
            Just(Some(json!("b"))),
            Just(Some(json!("c")))
        ]
    }

    fn base() -> impl Strategy<Value = Base<Value>> {
        prop_oneof![
            Just(Base::NoBase),
            Just(Base::Unknown),
            side().prop_map(|side| side.map_or(Base::Absent, Base::Is)),
        ]
    }

    fn equal(one: Option<&Value>, other: Option<&Value>) -> bool {
        one == other
    }

    proptest! {
        /// A difference is with the new base what it was before: nothing is forgotten, and nothing becomes an edit that was none.
        /// What was sent is the file's edit from then on, should the tenant have answered with something else.
        #[test]
        fn a_new_base_keeps_what_differs_as_it_is(base in base(), local in side(), live in side()) {
            let (base, local, live) = (base.borrowed(), local.as_ref(), live.as_ref());
            let before = three_way(base, local, live, equal);
            prop_assert_eq!(three_way(new_base(base, local, live, equal, false), local, live, equal), before);
            let sent = three_way(new_base(base, local, live, equal, true), local, live, equal);
            prop_assert!(matches!(sent, None | Some(Change::Edit | Change::Unmanaged)));
            let once = new_base(base, local, live, equal, false);
            prop_assert_eq!(new_base(once, local, live, equal, false), once);
        }
    }
}
