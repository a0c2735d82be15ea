//! One tenant's values said in another's ids: what promotion writes into the other tenant's files. Pure.

mod carrying;
mod lacking;
mod promotion;
mod sides;
mod translation;
mod way;

use std::collections::{BTreeMap, BTreeSet};

pub use promotion::{Alone, BrokenReference, NewMember, Promoted, Promotion, WhyAlone};
pub use sides::{Asked, Counterpart, Gone, Member, Overrides, OwnValues, Side, Stems};

use lacking::{Lack, alone, folded_names};
use way::Way;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::clients::KIND;
    use crate::kinds::{Manage, Managed, roles, tenant_settings};
    use crate::resource::ResourceId;
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

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
