//! One tenant's values said in another's ids: what promotion writes into the other tenant's files. Pure.

use std::collections::{BTreeMap, BTreeSet};

use globset::GlobSet;
use serde_json::{Map, Value};

use crate::kinds::{self, Field, Kind, Merge};
use crate::resource::ResourceId;

/// What ties a file to its counterpart in other tenants: its kind, and its stem.
pub type Counterpart<'a> = (&'static Kind, &'a str);

/// A tenant's files.
pub type Stems<'a> = BTreeMap<Counterpart<'a>, Member<'a>>;

/// A resource's file, as far as promotion looks at it.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// The resource in this tenant.
    pub id: &'a ResourceId,
    /// Its fields.
    pub fields: &'a Map<String, Value>,
}

/// The stems of a tenant's resources whose files are gone and that its lock still knows.
pub type Gone<'a> = BTreeMap<&'a ResourceId, &'a str>;

/// What the other tenant keeps as its own.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Values that stay different, by kind and stem, and field.
    pub values: BTreeMap<(&'static Kind, String), BTreeMap<Field, Value>>,
    /// What needs no counterpart, as `kind/stem`.
    pub ignored: GlobSet,
}

/// The result of a promotion.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Promotion {
    /// The values to write, by kind and stem, and in file order.
    pub changes: Vec<Change>,
    /// Entries of references that the first tenant does not know; they go over as they are.
    pub carried: Vec<Reference>,
    /// Resources of the first tenant that are referred to and that the other lacks, or that nobody can name there: nothing may be
    /// written.
    pub missing: Vec<Reference>,
    /// Files of the first tenant that have no counterpart in the other, and need one.
    pub alone: Vec<Alone>,
    /// Values that mean something in the first tenant only, and stay there.
    pub own: Vec<(&'static Kind, String, Field)>,
}

/// A file without a counterpart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alone {
    /// Its kind.
    pub kind: &'static Kind,
    /// Its stem.
    pub stem: String,
    /// What it refers to and the other tenant lacks, too, by kind and stem: whoever makes it there makes that first.
    pub first: Vec<(&'static Kind, String)>,
}

/// One value to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
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

/// An entry of a list of references.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// The kind of the file that has it.
    pub kind: &'static Kind,
    /// The stem of the file that has it.
    pub stem: String,
    /// The field that has it.
    pub field: Field,
    /// The entry.
    pub entry: String,
    /// The stem of the resource that it means, where the first tenant knows one.
    pub means: Option<String>,
}

/// Carries these `fields` of the `selected` files from one tenant to another. A field that the first tenant's file does not
/// have is not managed there, and stays as it is in the other.
pub fn promote(
    from: &Stems<'_>,
    gone: &Gone<'_>,
    to: &Stems<'_>,
    overrides: &Overrides,
    fields: &dyn Fn(Field) -> bool,
    selected: &BTreeSet<Counterpart<'_>>,
    (from_domain, to_domain): (&str, &str),
) -> Promotion {
    // Where another resource's file has the stem by now, it is unknown which of the two was meant.
    let gone = gone.iter().map(|(id, stem)| {
        let stem = Some(*stem).filter(|stem| !from.contains_key(&(id.kind(), *stem)));
        (*id, stem)
    });
    let here = from
        .iter()
        .map(|((_, stem), member)| (member.id, Some(*stem)));
    let stem_of: BTreeMap<&ResourceId, Option<&str>> = gone.chain(here).collect();
    let mut promotion = Promotion::default();
    for (file, member) in from.iter().filter(|(file, _)| selected.contains(*file)) {
        let (kind, stem) = *file;
        let Some(counterpart) = to.get(file) else {
            if !overrides.ignored.is_match(format!("{kind}/{stem}")) {
                let first = lacking(*file, member, &stem_of, from, to);
                promotion.alone.push(Alone {
                    kind,
                    stem: stem.to_owned(),
                    first: first.into_iter().collect(),
                });
            }
            continue;
        };
        let own = overrides.values.get(&(kind, stem.to_owned()));
        for field in kind.fields().filter(|field| fields(*field)) {
            let own = own.and_then(|values| values.get(&field));
            let value = field.of(member.fields);
            let old = field.of(counterpart.fields);
            if field.row().is_tenants_own && own.is_none() {
                if value
                    .is_some_and(|value| !value.is_null() && !field.row().same(Some(value), old))
                {
                    promotion.own.push((kind, stem.to_owned(), field));
                }
                continue;
            }
            let mut translation = Translation {
                file: *file,
                field,
                stem_of: &stem_of,
                from,
                to,
                domains: (from_domain, to_domain),
                promotion: &mut promotion,
            };
            let new = match (own, value) {
                (Some(Value::Object(own)), Some(Value::Object(value)))
                    if matches!(field.row().merge, Merge::Keys | Merge::Flags) =>
                {
                    let mut keys = value.clone();
                    keys.extend(own.clone());
                    Value::Object(keys)
                }
                (Some(own), _) => own.clone(),
                (None, Some(value)) => translation.value(value),
                (None, None) => continue,
            };
            let new = keeping_flags(field, old, new);
            if !field.row().same(old, Some(&new)) || old.is_none() {
                promotion.changes.push(Change {
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
    // Several entries may say the same of one field, as two permissions of one API do.
    for references in [&mut promotion.missing, &mut promotion.carried] {
        let mut said = BTreeSet::new();
        references.retain(|one| said.insert(one.clone()));
    }
    promotion
}

/// What a resource of the first tenant refers to and the other one lacks.
fn lacking(
    file: Counterpart<'_>,
    member: &Member<'_>,
    stem_of: &BTreeMap<&ResourceId, Option<&str>>,
    from: &Stems<'_>,
    to: &Stems<'_>,
) -> BTreeSet<(&'static Kind, String)> {
    let mut lacking = BTreeSet::new();
    for row in file.0.rows {
        let (Some(reference), Some(value)) = (row.refers_to, member.fields.get(row.name)) else {
            continue;
        };
        let Some(kind) = reference.kind() else {
            continue;
        };
        for (_, text) in reference.in_value(value) {
            let stem = match reference.by {
                None => stem_of.get(&ResourceId::new(kind, text)).copied().flatten(),
                Some(by) => stem_by_field(from, kind, by, text),
            };
            let stem =
                stem.filter(|stem| (kind, *stem) != file && !to.contains_key(&(kind, *stem)));
            lacking.extend(stem.map(|stem| (kind, stem.to_owned())));
        }
    }
    lacking
}

/// The stem of the resource of a kind of which a field says this.
fn stem_by_field<'a>(from: &Stems<'a>, kind: &Kind, by: &str, text: &str) -> Option<&'a str> {
    let said = |member: &Member<'_>| member.fields.get(by).and_then(Value::as_str) == Some(text);
    let mut of_kind = from.iter().filter(|((of, _), _)| *of == kind);
    let ((_, stem), _) = of_kind.find(|(_, member)| said(member))?;
    Some(stem)
}

/// A switch that only the other tenant has can't be taken away from it, and stays.
fn keeping_flags(field: Field, old: Option<&Value>, new: Value) -> Value {
    match (field.row().merge, old, new) {
        (Merge::Flags, Some(Value::Object(old)), Value::Object(mut new)) => {
            for (key, value) in old {
                new.entry(key.clone()).or_insert_with(|| value.clone());
            }
            Value::Object(new)
        }
        (_, _, new) => new,
    }
}

/// Says the references of one field in the other tenant's ids.
struct Translation<'a, 'p> {
    file: Counterpart<'a>,
    field: Field,
    /// The stem of each resource that the first tenant knows, where it has one.
    stem_of: &'a BTreeMap<&'a ResourceId, Option<&'a str>>,
    from: &'a Stems<'a>,
    to: &'a Stems<'a>,
    domains: (&'a str, &'a str),
    promotion: &'p mut Promotion,
}

impl Translation<'_, '_> {
    fn value(&mut self, value: &Value) -> Value {
        match self.field.row().refers_to {
            Some(reference) => {
                reference.translated(value, &mut |text| self.reference(reference, text))
            }
            None => value.clone(),
        }
    }

    fn reference(&mut self, reference: kinds::Reference, text: &str) -> String {
        // Nothing refers to nothing in any tenant.
        match (reference.kind().filter(|_| !text.is_empty()), reference.by) {
            (Some(kind), None) => self.by_id(kind, text),
            (Some(kind), Some(by)) => self.by_field(kind, by, text),
            (None, _) => text.to_owned(),
        }
    }

    fn by_id(&mut self, kind: &'static Kind, text: &str) -> String {
        let known = self.stem_of.get(&ResourceId::new(kind, text)).copied();
        let means = known.flatten();
        match (known, means.and_then(|stem| self.to.get(&(kind, stem)))) {
            (_, Some(counterpart)) => return counterpart.id.as_str().to_owned(),
            (Some(_), None) => self.promotion.missing.push(self.entry(text, means)),
            (None, None) => self.promotion.carried.push(self.entry(text, None)),
        }
        text.to_owned()
    }

    /// What is known by a field of its own has a counterpart where a file of the same name has another value there; where it has
    /// none, it is the same text, but for the tenant's own domain.
    fn by_field(&mut self, kind: &'static Kind, by: &str, text: &str) -> String {
        let said = |member: &Member<'_>| {
            member
                .fields
                .get(by)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        let means = stem_by_field(self.from, kind, by, text);
        if let Some(stem) = means {
            match self.to.get(&(kind, stem)).and_then(said) {
                Some(counterpart) => return counterpart,
                None => self.promotion.missing.push(self.entry(text, means)),
            }
            return text.to_owned();
        }
        let (from, to) = self.domains;
        let own = format!("https://{from}/");
        match text
            .strip_prefix(&own)
            .filter(|_| !from.is_empty() && !to.is_empty())
        {
            Some(path) => format!("https://{to}/{path}"),
            None => {
                self.promotion.carried.push(self.entry(text, None));
                text.to_owned()
            }
        }
    }

    fn entry(&self, text: &str, means: Option<&str>) -> Reference {
        Reference {
            kind: self.file.0,
            stem: self.file.1.to_owned(),
            field: self.field,
            entry: text.to_owned(),
            means: means.map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::clients::KIND;
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
                .map(|(stem, id, fields)| ((&KIND, stem.as_str()), Member { id, fields }))
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
            &|_| true,
            &stems.keys().copied().collect(),
            ("dev.example", "prod.example"),
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
        let new = Alone {
            kind: &KIND,
            stem: "new".to_owned(),
            first: Vec::new(),
        };
        assert_eq!(promotion.alone, [new]);
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
        let own = Overrides::default();
        let promotion = promote(
            &dev,
            &gone,
            &prod,
            &own,
            &|_| true,
            &BTreeSet::from([(&KIND, "web")]),
            ("", ""),
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
    }
}
