//! One tenant's values said in another's ids: what promotion writes into the other tenant's files. Pure.

use std::collections::{BTreeMap, BTreeSet};

use globset::GlobSet;
use serde_json::{Map, Value};

use crate::kinds::{Field, Kind, Managed, Merge, Reference};
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

/// One of the two tenants.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// Its files.
    pub files: &'a Stems<'a>,
    /// What a push to it may send.
    pub managed: &'a Managed,
    /// Its domain; empty where nobody knows it.
    pub domain: &'a str,
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

/// The result of a promotion.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Promotion {
    /// The values to write, by kind and stem, and in file order.
    pub changes: Vec<Promoted>,
    /// References that the first tenant does not know; they go over as they are.
    pub carried: Vec<BrokenReference>,
    /// References to resources of the first tenant that the other lacks, or that nobody can name there: nothing may be written.
    pub missing: Vec<BrokenReference>,
    /// Files of the first tenant that have no counterpart in the other, and need one.
    pub alone: Vec<(&'static Kind, String)>,
    /// Kinds of which the first tenant has files, and that the other does not manage.
    pub unmanaged_kinds: BTreeSet<&'static Kind>,
    /// Fields of which the first tenant has other values, and that the other does not manage: they are not written, since no push
    /// would send them.
    pub unmanaged_fields: BTreeSet<Field>,
    /// Values that mean something in the first tenant only, and stay there.
    pub own: Vec<(&'static Kind, String, Field)>,
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
    pub field: Field,
    /// What it says.
    pub entry: String,
    /// The stem of the resource that it means, where the first tenant knows one.
    pub means: Option<String>,
}

/// Carries the `selected` files from one tenant to another: the fields that both manage, and that are asked for. A field that the
/// first tenant's file does not have is not managed there, and stays as it is in the other.
pub fn promote(
    from: Side<'_>,
    gone: &Gone<'_>,
    to: Side<'_>,
    overrides: &Overrides,
    is_asked: &dyn Fn(Field) -> bool,
    selected: &BTreeSet<Counterpart<'_>>,
) -> Promotion {
    // Where another resource's file has the stem by now, it is unknown which of the two was meant.
    let gone = gone.iter().map(|(id, stem)| {
        let stem = Some(*stem).filter(|stem| !from.files.contains_key(&(id.kind(), *stem)));
        (*id, stem)
    });
    let here = from
        .files
        .iter()
        .map(|((_, stem), member)| (member.id, Some(*stem)));
    let stem_of: BTreeMap<&ResourceId, Option<&str>> = gone.chain(here).collect();
    let mut promotion = Promotion::default();
    for (file, member) in from
        .files
        .iter()
        .filter(|(file, _)| selected.contains(*file))
    {
        let (kind, stem) = *file;
        let Some(counterpart) = to.files.get(file) else {
            if overrides.ignored.is_match(format!("{kind}/{stem}")) {
                continue;
            }
            match to.manages(kind) {
                true => promotion.alone.push((kind, stem.to_owned())),
                false => _ = promotion.unmanaged_kinds.insert(kind),
            }
            continue;
        };
        let own = overrides.values.get(&(kind, stem.to_owned()));
        for field in from.managed.fields(kind).filter(|field| is_asked(*field)) {
            let own = own.and_then(|values| values.get(&field));
            let value = field.of(member.fields);
            let old = field.of(counterpart.fields);
            let mut translation = Translation {
                file: *file,
                field,
                stem_of: &stem_of,
                from,
                to,
                carried: Vec::new(),
                missing: Vec::new(),
            };
            if field.row().is_tenants_own && own.is_none() {
                let differs =
                    |value: &Value| !value.is_null() && !field.row().same(Some(value), old);
                if to.managed.has(field) && value.is_some_and(differs) {
                    promotion.own.push((kind, stem.to_owned(), field));
                }
                continue;
            }
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
            let is_same = field.row().same(old, Some(&new));
            if !to.managed.has(field) {
                if !is_same {
                    promotion.unmanaged_fields.insert(field);
                }
                continue;
            }
            promotion.carried.extend(translation.carried);
            promotion.missing.extend(translation.missing);
            if !is_same || old.is_none() {
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
    // Several entries may say the same of one field, as two permissions of one API do.
    for references in [&mut promotion.missing, &mut promotion.carried] {
        let mut said = BTreeSet::new();
        references.retain(|one| said.insert(one.clone()));
    }
    promotion
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
struct Translation<'a> {
    file: Counterpart<'a>,
    field: Field,
    /// The stem of each resource that the first tenant knows, where it has one.
    stem_of: &'a BTreeMap<&'a ResourceId, Option<&'a str>>,
    from: Side<'a>,
    to: Side<'a>,
    carried: Vec<BrokenReference>,
    missing: Vec<BrokenReference>,
}

impl Translation<'_> {
    fn value(&mut self, value: &Value) -> Value {
        match self.field.row().refers_to {
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
            (Some(kind), None) => self.by_id(kind, text),
            (Some(kind), Some(by)) => self.by_field(kind, by, text),
            (None, _) => text.to_owned(),
        }
    }

    fn by_id(&mut self, kind: &'static Kind, text: &str) -> String {
        let known = self.stem_of.get(&ResourceId::new(kind, text)).copied();
        let means = known.flatten();
        match (
            known,
            means.and_then(|stem| self.to.files.get(&(kind, stem))),
        ) {
            (_, Some(counterpart)) => return counterpart.id.as_str().to_owned(),
            (Some(_), None) => self.missing.push(self.entry(text, means)),
            (None, None) => self.carried.push(self.entry(text, None)),
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
        let mut here = self.from.files.iter().filter(|((of, _), _)| *of == kind);
        let means = here.find(|(_, member)| said(member).as_deref() == Some(text));
        let means = means.map(|((_, stem), _)| *stem);
        if let Some(stem) = means {
            match self.to.files.get(&(kind, stem)).and_then(said) {
                Some(counterpart) => return counterpart,
                None => self.missing.push(self.entry(text, means)),
            }
            return text.to_owned();
        }
        let (from, to) = (self.from.domain, self.to.domain);
        let own = format!("https://{from}/");
        match text
            .strip_prefix(&own)
            .filter(|_| !from.is_empty() && !to.is_empty())
        {
            Some(path) => format!("https://{to}/{path}"),
            None => {
                self.carried.push(self.entry(text, None));
                text.to_owned()
            }
        }
    }

    fn entry(&self, text: &str, means: Option<&str>) -> BrokenReference {
        BrokenReference {
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

    fn side<'a>(files: &'a Stems<'a>, managed: &'a Managed, domain: &'a str) -> Side<'a> {
        Side {
            files,
            managed,
            domain,
        }
    }

    fn all(from: &Tenant, to: &Tenant, overrides: &Overrides) -> Promotion {
        let managed = Managed::default();
        let stems = from.stems();
        promote(
            side(&stems, &managed, "dev.example"),
            &Gone::new(),
            side(&to.stems(), &managed, "prod.example"),
            overrides,
            &|_| true,
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
        assert_eq!(promotion.alone, [(&KIND, "new".to_owned())]);
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
            side(&dev, &managed, ""),
            &gone,
            side(&prod, &managed, ""),
            &own,
            &|_| true,
            &BTreeSet::from([(&KIND, "web")]),
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
            id: &id,
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
            &Gone::new(),
            side(&prod, &Managed::default(), ""),
            &Overrides::default(),
            &|_| true,
            &selected,
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
        let [dev, prod] =
            [&dev, &prod].map(|fields| Stems::from([(file, Member { id: &id, fields })]));
        let managed = Managed::new(&BTreeMap::from([(settings, Manage::All)]));
        let promotion = promote(
            side(&dev, &managed, "dev.example"),
            &Gone::new(),
            side(&prod, &managed, "prod.example"),
            &Overrides::default(),
            &|_| true,
            &BTreeSet::from([file]),
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
    }
}
