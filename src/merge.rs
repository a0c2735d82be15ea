//! What a client's file and base become when it is pulled: edits stay, drift comes in, a conflict stays one. Pure.

use serde_json::{Map, Value};

use crate::base::ClientBase;
use crate::client::{Client, Field};
use crate::plan::base_of;
use crate::three_way::{BaseValues, Change, new_base, three_way};

/// A client after a pull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The fields that its file is to have; None where it has them.
    pub fields: Option<Map<String, Value>>,
    /// Its new base.
    pub base: BaseValues,
    /// What the file says and the tenant does not.
    pub kept: Kept,
    /// What the file said and will not say any more; only where local was to be discarded.
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

/// A value that a discarding pull takes out of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// The field.
    pub field: Field,
    /// What the file said; None where it did not manage the field.
    pub local: Option<Value>,
    /// What it will say.
    pub live: Option<Value>,
}

/// Merges live into a file. `base` is None where the client was neither pulled nor pushed; `discard_local` takes live
/// everywhere.
pub fn merge(
    local: &Map<String, Value>,
    base: Option<ClientBase<'_>>,
    live: &Client,
    discard_local: bool,
) -> Merged {
    let mut merged = Merged {
        fields: None,
        base: BaseValues::of(live.fields()),
        kept: Kept::Nothing,
        dropped: Vec::new(),
    };
    // What both sides share needs no comparison.
    if std::ptr::eq(local, live.fields()) {
        return merged;
    }
    let mut fields = live.fields().clone();
    for field in Field::ALL {
        let (local, live) = (field.of(local), field.of(live.fields()));
        let base = base_of(base, field, live);
        let change = three_way(base, local, live);
        if discard_local {
            if !matches!(change, None | Some(Change::Drift)) {
                merged.dropped.push(Dropped {
                    field,
                    local: local.cloned(),
                    live: live.cloned(),
                });
            }
            continue;
        }
        let value = match change {
            None | Some(Change::Drift) => live,
            Some(Change::Edit | Change::Conflict | Change::Unmanaged) => local,
        };
        merged.kept = merged.kept.max(match change {
            Some(Change::Edit) => Kept::Edit,
            Some(Change::Conflict) => Kept::Conflict,
            None | Some(Change::Drift | Change::Unmanaged) => Kept::Nothing,
        });
        match value {
            Some(value) => fields.insert(field.name().to_owned(), value.clone()),
            None => fields.shift_remove(field.name()),
        };
        merged.base.set(field, new_base(base, value, live, false));
    }
    merged.fields = Some(fields).filter(|fields| fields != local);
    merged
}

/// A client's base after a push: `sent` are the fields that went out, and `live` is what the tenant says since.
pub fn pushed(
    local: &Map<String, Value>,
    base: Option<ClientBase<'_>>,
    live: &Client,
    sent: &[Field],
) -> BaseValues {
    let mut pushed = BaseValues::default();
    for field in Field::ALL {
        let (local, live) = (field.of(local), field.of(live.fields()));
        let base = base_of(base, field, live);
        pushed.set(field, new_base(base, local, live, sent.contains(&field)));
    }
    pushed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::three_way::tests::side;
    use proptest::prelude::*;
    use serde_json::json;
    use std::sync::Arc;

    fn fields(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn client(value: Value) -> Client {
        Client::new(fields(value)).unwrap()
    }

    #[test]
    fn edits_stay_drift_comes_in_a_conflict_stays_one() {
        let base = BaseValues::of(&fields(
            json!({"name": "A", "description": "old", "allowed_clients": ["x"]}),
        ));
        let base = ClientBase::certain(&base);
        let local = fields(
            json!({"client_id": "1", "name": "A", "description": "mine", "allowed_clients": ["x"], "sso": 1}),
        );
        let live = client(
            json!({"client_id": "1", "name": "B", "description": "theirs", "allowed_clients": ["x"], "sso": 2}),
        );
        let merged = merge(&local, Some(base), &live, false);
        assert_eq!(
            json!(merged.fields.unwrap()),
            json!({"client_id": "1", "name": "B", "description": "mine", "allowed_clients": ["x"], "sso": 2})
        );
        assert_eq!(
            merged.base,
            BaseValues::of(&fields(
                json!({"name": "B", "description": "old", "allowed_clients": ["x"]})
            ))
        );
        assert_eq!((merged.kept, merged.dropped.len()), (Kept::Conflict, 0));

        let merged = merge(&local, Some(base), &live, true);
        assert_eq!(merged.fields.as_ref(), Some(live.fields()));
        assert_eq!(merged.base, BaseValues::of(live.fields()));
        assert_eq!(
            merged.dropped,
            [Dropped {
                field: Field::Description,
                local: Some(json!("mine")),
                live: Some(json!("theirs"))
            }]
        );
    }

    fn with(value: Option<Value>) -> Map<String, Value> {
        let mut fields = fields(json!({"client_id": "1"}));
        fields.extend(value.map(|value| ("description".to_owned(), value)));
        fields
    }

    proptest! {
        /// After a pull, what is left to say about a field is an edit or a conflict, and the next pull changes nothing.
        #[test]
        fn a_pull_leaves_only_edits_and_conflicts(base in prop::option::of(side()), local in side(), live in side()) {
            let base = base.map(|base| BaseValues::of(&with(base)));
            let base = base.as_ref().map(ClientBase::certain);
            let live = client(Value::Object(with(live)));
            let file = with(local.clone());
            let merged = merge(&file, base, &live, false);
            let fields = merged.fields.unwrap_or(file);
            let after = three_way(
                merged.base.get(Field::Description),
                fields.get("description"),
                live.fields().get("description"),
            );
            prop_assert!(after != Some(Change::Drift));
            prop_assert_eq!(merged.kept == Kept::Edit, after == Some(Change::Edit));
            prop_assert_eq!(merged.kept == Kept::Conflict, after == Some(Change::Conflict));
            let again = merge(&fields, Some(ClientBase::certain(&merged.base)), &live, false);
            prop_assert_eq!((again.fields, again.base, again.kept), (None, merged.base.clone(), merged.kept));
            let discarded = merge(&with(local.clone()), base, &live, true);
            prop_assert_eq!(&discarded.fields.unwrap_or(with(local)), live.fields());
            // Sharing is for the memory's sake alone.
            let file = Arc::new(fields);
            let live = client(Value::Object(file.as_ref().clone()));
            let shared = merge(&file, base, &live.clone().sharing(&file), false);
            prop_assert_eq!(shared, merge(&file, base, &live, false));
        }
    }
}
