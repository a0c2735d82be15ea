//! One tenant's values said in another's ids: what promotion writes into the other tenant's files. Pure.

use std::collections::{BTreeMap, BTreeSet};

use globset::GlobSet;
use serde_json::{Map, Value};

use crate::client::{ClientId, Field};

/// A tenant's files, by stem: the stem ties counterparts together.
pub type Stems<'a> = BTreeMap<&'a str, Member<'a>>;

/// A client's file, as far as promotion looks at it.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// The client's id in this tenant.
    pub id: &'a ClientId,
    /// Its fields.
    pub fields: &'a Map<String, Value>,
}

/// The stems of a tenant's clients whose files are gone and that its lock still knows, by id.
pub type Gone<'a> = BTreeMap<&'a str, &'a str>;

/// What the other tenant keeps as its own.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Values that stay different, by stem and field.
    pub values: BTreeMap<String, BTreeMap<Field, Value>>,
    /// Stems that need no counterpart.
    pub ignored: GlobSet,
}

/// What a promotion comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Promotion {
    /// The values to write, by stem and in file order.
    pub changes: Vec<Change>,
    /// Entries of references that the first tenant does not know as a client; they go over as they are.
    pub carried: Vec<Reference>,
    /// Clients of the first tenant that are referred to and that the other lacks, or that nobody can name there: nothing may be
    /// written.
    pub missing: Vec<Reference>,
    /// Stems of the first tenant's clients that have no counterpart in the other, and need one.
    pub alone: Vec<String>,
}

/// One value to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The file's stem.
    pub stem: String,
    /// The field.
    pub field: Field,
    /// What the file says now.
    pub old: Option<Value>,
    /// What it will say.
    pub new: Value,
    /// Whether the value is the other tenant's own, in place of the first one's.
    pub overridden: bool,
}

/// An entry of a list of references.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// The stem of the file that has it.
    pub stem: String,
    /// The field that has it.
    pub field: Field,
    /// The entry.
    pub entry: String,
    /// The stem of the client that it means, where the first tenant knows one.
    pub means: Option<String>,
}

/// Carries the `fields` of the `selected` stems from one tenant to another. A field that the first tenant's file does not have
/// is not managed there, and stays as it is in the other.
pub fn promote(
    from: &Stems<'_>,
    gone: &Gone<'_>,
    to: &Stems<'_>,
    overrides: &Overrides,
    fields: &[Field],
    selected: &BTreeSet<&str>,
) -> Promotion {
    // A stem that another client's file has by now does not say any more which client was meant.
    let gone = gone.iter().map(|(id, stem)| {
        let stem = Some(*stem).filter(|stem| !from.contains_key(stem));
        (*id, stem)
    });
    let here = from
        .iter()
        .map(|(stem, member)| (member.id.as_str(), Some(*stem)));
    let stem_of: BTreeMap<&str, Option<&str>> = gone.chain(here).collect();
    let mut promotion = Promotion::default();
    for (stem, member) in from.iter().filter(|(stem, _)| selected.contains(*stem)) {
        let Some(counterpart) = to.get(stem) else {
            if !overrides.ignored.is_match(stem) {
                promotion.alone.push((*stem).to_owned());
            }
            continue;
        };
        for field in Field::ALL
            .into_iter()
            .filter(|field| fields.contains(field))
        {
            let own = overrides
                .values
                .get(*stem)
                .and_then(|values| values.get(&field));
            let new = match (own, member.fields.get(field.name())) {
                (Some(own), _) => own.clone(),
                (None, Some(value)) => {
                    let mut translation = Translation {
                        stem,
                        field,
                        stem_of: &stem_of,
                        to,
                        promotion: &mut promotion,
                    };
                    translation.value(value)
                }
                (None, None) => continue,
            };
            let old = counterpart.fields.get(field.name());
            if old != Some(&new) {
                promotion.changes.push(Change {
                    stem: (*stem).to_owned(),
                    field,
                    old: old.cloned(),
                    new,
                    overridden: own.is_some(),
                });
            }
        }
    }
    promotion
}

/// Says the references of one field in the other tenant's ids.
struct Translation<'a, 'p> {
    stem: &'a str,
    field: Field,
    /// The stem of each client that the first tenant knows, where it has one.
    stem_of: &'a BTreeMap<&'a str, Option<&'a str>>,
    to: &'a Stems<'a>,
    promotion: &'p mut Promotion,
}

impl Translation<'_, '_> {
    fn value(&mut self, value: &Value) -> Value {
        match value {
            Value::Array(entries) if self.field.is_reference() => {
                entries.iter().map(|entry| self.entry(entry)).collect()
            }
            other => other.clone(),
        }
    }

    fn entry(&mut self, entry: &Value) -> Value {
        let Some(text) = entry.as_str() else {
            return entry.clone();
        };
        let known = self.stem_of.get(text).copied();
        let means = known.flatten();
        let reference = Reference {
            stem: self.stem.to_owned(),
            field: self.field,
            entry: text.to_owned(),
            means: means.map(str::to_owned),
        };
        match (known, means.and_then(|stem| self.to.get(stem))) {
            (_, Some(counterpart)) => return counterpart.id.as_str().into(),
            (Some(_), None) => self.promotion.missing.push(reference),
            (None, None) => self.promotion.carried.push(reference),
        }
        entry.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// A tenant of `(stem, id, fields)`.
    struct Tenant(Vec<(String, ClientId, Map<String, Value>)>);

    impl Tenant {
        fn new(clients: &[(&str, &str, Value)]) -> Tenant {
            let clients = clients.iter().map(|(stem, id, fields)| {
                (
                    (*stem).to_owned(),
                    ClientId::from(*id),
                    fields.as_object().unwrap().clone(),
                )
            });
            Tenant(clients.collect())
        }

        fn stems(&self) -> Stems<'_> {
            self.0
                .iter()
                .map(|(stem, id, fields)| (stem.as_str(), Member { id, fields }))
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

    fn all(from: &Tenant, to: &Tenant, overrides: &Overrides) -> Promotion {
        let stems = from.stems();
        promote(
            &stems,
            &Gone::new(),
            &to.stems(),
            overrides,
            &Field::ALL,
            &stems.keys().copied().collect(),
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
                "web".to_owned(),
                BTreeMap::from([(Field::Name, json!("Acme"))]),
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
        assert_eq!(promotion.alone, ["new"]);
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
        let gone = Gone::from([("old", "new"), ("d3", "api")]);
        let own = Overrides::default();
        let promotion = promote(
            &dev,
            &gone,
            &prod,
            &own,
            &Field::ALL,
            &BTreeSet::from(["web"]),
        );
        assert_eq!(promotion.changes[0].new, json!(["old", "p3", "x"]));
        let entries = |references: Vec<Reference>| -> Vec<_> {
            let references = references.into_iter();
            references.map(|one| (one.entry, one.means)).collect()
        };
        assert_eq!(entries(promotion.missing), [("old".to_owned(), None)]);
        assert_eq!(entries(promotion.carried), [("x".to_owned(), None)]);
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
                ((*stem).to_owned(), ClientId::from(format!("dev-{number}")), fields)
            }).collect());
            let mut prod = Tenant(stems.iter().zip(&old).enumerate().map(|(number, (stem, old))| {
                let mut fields = Map::new();
                fields.extend(old.as_ref().map(|old| ("description".to_owned(), json!(old))));
                ((*stem).to_owned(), ClientId::from(format!("prod-{number}")), fields)
            }).collect());
            let first = all(&dev, &prod, &Overrides::default());
            prop_assert!(first.missing.is_empty() && first.alone.is_empty());
            let changes = format!("{:?}", first.changes);
            prop_assert!(!changes.contains("dev-"));
            prod.apply(&first);
            prop_assert_eq!(all(&dev, &prod, &Overrides::default()).changes, vec![]);
        }
    }
}
