//! Names of new files: a slug of the resource's name, made unique by its id, the same on any machine and for any order of
//! resources. A slug can't leave its folder, collide on a file system that ignores case, or be a device.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use deunicode::AsciiChars;

use crate::kinds::Kind;
use crate::portable::is_device;
use crate::resource::ResourceId;

/// The most characters of a slug.
const LONGEST: usize = 80;
/// How much of an id tells resources of one slug apart.
const SHORT_ID: usize = 8;

/// The text in ASCII as far as that can be, in lower case `a-z0-9` and single `-`, starting and ending in a letter or digit, at most
/// 80 characters; the kind's singular, `client`, where nothing is left.
pub fn slug(kind: &Kind, text: &str) -> String {
    let mut slug = String::new();
    // Bit by bit, since a name may be millions of characters long, and a slug is not.
    // ASCII needs no other spelling, and control characters would get none.
    let ascii = text.bytes().take_while(u8::is_ascii).count();
    let (ascii, rest) = text.split_at(ascii);
    let spelt = rest.ascii_chars().map(|spelt| spelt.unwrap_or("-"));
    for character in ascii.chars().chain(spelt.flat_map(str::chars)) {
        if slug.len() == LONGEST {
            break;
        }
        if character.is_ascii_alphanumeric() {
            slug.push(character.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { kind.singular } else { slug }.to_owned()
}

/// The slugs of several names, with `--` between: no slug has that in it.
pub fn slug_of_names(kind: &Kind, names: &[String]) -> String {
    match names {
        [] => slug(kind, ""),
        names => {
            let slugs: Vec<String> = names.iter().map(|name| slug(kind, name)).collect();
            slugs.join("--")
        }
    }
}

/// The file stems of resources of a kind that have no file yet.
///
/// `live` are all live resources of the kind by id with their names, of which each is a slug of its own, with `--` between, `stems` the stems of the files that are there already, by the
/// resource of each. A slug that several live resources share, that another one's file has or that is a device gets the
/// start of the id, and the whole id where that is not unique, on each of the new files concerned.
pub fn stems_for_new_files(
    kind: &Kind,
    live: &BTreeMap<&ResourceId, Vec<String>>,
    stems: &BTreeMap<&ResourceId, &str>,
    without_id: &[&str],
) -> BTreeMap<ResourceId, String> {
    let taken = stems.values().chain(without_id);
    let mut taken: BTreeSet<String> = taken.map(|stem| stem.to_lowercase()).collect();
    let mut sharing: HashMap<String, usize> = HashMap::new();
    let slug = |names: &[String]| slug_of_names(kind, names);
    for names in live.values() {
        *sharing.entry(slug(names)).or_default() += 1;
    }
    // Each resource starts with the shortest name that it may have. Where several have the same name, each of them takes its next
    // longer one.
    let mut new: Vec<NewName> = live
        .iter()
        .filter(|(id, _)| !stems.contains_key(**id))
        .map(|(id, names)| {
            let slug = slug(names);
            let unique = sharing[&slug] == 1 && !is_device(&slug);
            NewName {
                kind,
                id,
                slug,
                detail: if unique {
                    Detail::Name
                } else {
                    Detail::ShortId
                },
            }
        })
        .collect();
    loop {
        let mut used: HashMap<String, usize> = HashMap::new();
        for new in &new {
            *used.entry(new.stem()).or_default() += 1;
        }
        let mut changed = false;
        for new in &mut new {
            let stem = new.stem();
            if used[&stem] > 1 || taken.contains(&stem) {
                changed |= new.lengthen();
            }
        }
        if !changed {
            break;
        }
    }
    // Ids that differ only in case or punctuation have the same slug. Such names are numbered, in the order of the ids.
    let mut named = BTreeMap::new();
    for new in new {
        let mut stem = new.stem();
        let mut number = 1;
        while !taken.insert(stem.clone()) {
            number += 1;
            stem = format!("{}-{number}", new.stem());
        }
        named.insert(new.id.clone(), stem);
    }
    named
}

/// A resource whose file is to be named.
struct NewName<'a> {
    kind: &'a Kind,
    id: &'a ResourceId,
    slug: String,
    detail: Detail,
}

#[derive(Clone, Copy, PartialEq)]
enum Detail {
    Name,
    ShortId,
    WholeId,
}

impl NewName<'_> {
    fn stem(&self) -> String {
        let id = self.id.as_str();
        match self.detail {
            Detail::Name => self.slug.clone(),
            Detail::ShortId => {
                let start: String = id.chars().take(SHORT_ID).collect();
                format!("{}-{}", self.slug, slug(self.kind, &start))
            }
            Detail::WholeId => format!("{}-{}", self.slug, slug(self.kind, id)),
        }
    }

    /// Takes the next longer name. Answers whether there was one.
    fn lengthen(&mut self) -> bool {
        let longer = match self.detail {
            Detail::Name => Detail::ShortId,
            Detail::ShortId | Detail::WholeId => Detail::WholeId,
        };
        std::mem::replace(&mut self.detail, longer) != longer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::clients::KIND;
    use proptest::prelude::*;

    fn stems(clients: &[(&str, &str)], files: &[(&str, &str)]) -> Vec<String> {
        let ids: Vec<(ResourceId, &str)> = clients
            .iter()
            .map(|(id, name)| (ResourceId::new(&KIND, *id), *name))
            .collect();
        let files: Vec<(ResourceId, &str)> = files
            .iter()
            .map(|(id, stem)| (ResourceId::new(&KIND, *id), *stem))
            .collect();
        let stems = stems_for_new_files(
            &KIND,
            &ids.iter()
                .map(|(id, name)| (id, vec![(*name).to_owned()]))
                .collect(),
            &files.iter().map(|(id, stem)| (id, *stem)).collect(),
            &[],
        );
        stems
            .into_iter()
            .map(|(id, stem)| format!("{id}: {stem}"))
            .collect()
    }

    #[test]
    fn slugs_of_hostile_names() {
        let names = [
            "Web App",
            "../../x",
            "  --a--  ",
            "Ünïcode Ñame",
            "Müller & Söhne",
            "Łódź – Straße №5",
            "Caf\u{65}\u{301}",
            "Клиент",
            "ΑΒΓ",
            "🚀🚀",
            "",
            "a\0b\u{202e}c",
            "CON",
            "A.B.C",
            "K\u{212a}",
            "日本語",
        ];
        insta::assert_debug_snapshot!(names.map(|name| slug(&KIND, name)), @r#"
        [
            "web-app",
            "x",
            "a",
            "unicode-name",
            "muller-sohne",
            "lodz-strasse-no5",
            "cafe",
            "klient",
            "abg",
            "rocket-rocket",
            "client",
            "a-bc",
            "con",
            "a-b-c",
            "kk",
            "ri-ben-yu",
        ]
        "#);
        assert_eq!(slug(&KIND, "\u{200b}\u{e000}!"), "client");
        assert_eq!(slug(&KIND, &"ab ".repeat(100)).len(), 80);
        assert_eq!(slug(&KIND, &"日".repeat(100)).len(), 80);
        assert_eq!(
            slug(&KIND, &format!("{} b", "a".repeat(79))),
            "a".repeat(79)
        );
    }

    #[test]
    fn shared_slugs_and_devices_get_the_id() {
        insta::assert_debug_snapshot!(stems(
            &[("Abcdefgh1", "Default App"), ("Xyzdefgh2", "default-app"), ("Nul00000", "NUL"), ("Com11111", "ＣＯＭ¹"), ("Q1", "Other"), ("Z9", "Web App")],
            &[("gone", "Web-App")],
        ), @r#"
        [
            "Abcdefgh1: default-app-abcdefgh",
            "Com11111: com1-com11111",
            "Nul00000: nul-nul00000",
            "Q1: other",
            "Xyzdefgh2: default-app-xyzdefgh",
            "Z9: web-app-z9",
        ]
        "#);
    }

    #[test]
    fn ids_that_start_alike_are_told_apart_by_the_whole() {
        insta::assert_debug_snapshot!(stems(
            &[("abcdefgh1", "App"), ("abcdefgh2", "App"), ("ABCDEFGH-2", "App"), ("b", "App abcdefgh"), ("c.d", "X"), ("c-d", "X")],
            &[],
        ), @r#"
        [
            "ABCDEFGH-2: app-abcdefgh-2",
            "abcdefgh1: app-abcdefgh1",
            "abcdefgh2: app-abcdefgh2",
            "b: app-abcdefgh-b",
            "c-d: x-c-d",
            "c.d: x-c-d-2",
        ]
        "#);
    }

    #[test]
    fn a_client_with_a_file_keeps_it_and_its_slug_is_shared_all_the_same() {
        assert_eq!(
            stems(&[("a", "App"), ("b", "App")], &[("a", "app")]),
            ["b: app-b"]
        );
        assert_eq!(
            stems(&[("a", "App"), ("b", "App")], &[("a", "renamed")]),
            ["b: app-b"]
        );
    }

    proptest! {
        #[test]
        fn stems_are_safe_unique_and_the_same_for_any_order(
            names in prop::collection::btree_map("[a-cA-C._-]{1,10}", ".{0,12}|(a|A|a!|con|CON|x a|x){1}", 0..12),
            files in prop::collection::btree_map("[a-cA-C._-]{1,10}", "[a-cA-C]{1,2}", 0..4),
        ) {
            let clients: Vec<(&str, &str)> = names.iter().map(|(id, name)| (id.as_str(), name.as_str())).collect();
            let mut there: Vec<(&str, &str)> = files.iter().map(|(id, stem)| (id.as_str(), stem.as_str())).collect();
            there.dedup_by_key(|(_, stem)| stem.to_lowercase());
            let found = stems(&clients, &there);
            let mut turned = clients.clone();
            turned.reverse();
            prop_assert_eq!(&found, &stems(&turned, &there));
            let mut seen: BTreeSet<String> = there.iter().map(|(_, stem)| stem.to_lowercase()).collect();
            for named in &found {
                let (_, stem) = named.rsplit_once(": ").unwrap();
                prop_assert!(seen.insert(stem.to_owned()), "{} twice", stem);
                prop_assert!(stem.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-')));
                prop_assert!(!stem.contains("--") && !stem.starts_with('-') && !stem.ends_with('-'));
                prop_assert!(!is_device(stem));
            }
        }
    }
}
