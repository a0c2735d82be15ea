//! The way from one tenant to the other, and what the two know of each other.

use std::collections::BTreeMap;

use serde_json::Value;

use super::sides::{Counterpart, Member, Overrides, Side};
use crate::kinds::{Creation, Field, Kind, Takes};
use crate::resource::ResourceId;

/// The two tenants, and what they know of each other.
pub(super) struct Way<'a> {
    pub(super) from: Side<'a>,
    pub(super) to: Side<'a>,
    pub(super) overrides: &'a Overrides,
    /// The stem of each resource that the first tenant knows, where it has one.
    pub(super) stem_of: BTreeMap<&'a ResourceId, Option<&'a str>>,
    /// The files to write of what the other tenant lacks.
    pub(super) made: BTreeMap<Counterpart<'a>, &'static Takes>,
}

impl<'a> Way<'a> {
    pub(super) fn new(from: Side<'a>, to: Side<'a>, overrides: &'a Overrides) -> Way<'a> {
        // Where another resource's file has the stem by now, it is unknown which of the two was meant.
        let gone = from.gone.iter().map(|(id, stem)| {
            let stem = Some(*stem).filter(|stem| !from.files.contains_key(&(id.kind(), *stem)));
            (*id, stem)
        });
        let files = from.files.iter();
        let here = files.filter_map(|((_, stem), member)| Some((member.id?, Some(*stem))));
        Way {
            from,
            to,
            overrides,
            stem_of: gone.chain(here).collect(),
            made: BTreeMap::new(),
        }
    }

    pub(super) fn own_values(
        &self,
        (kind, stem): Counterpart<'_>,
    ) -> Option<&'a BTreeMap<Field, Value>> {
        self.overrides.values.get(&(kind, stem.to_owned()))
    }

    /// Whether every tenant has such a resource by itself, or it belongs to the first one for another reason.
    pub(super) fn stays(&self, kind: &Kind, member: &Member<'_>) -> Option<(bool, &'static str)> {
        let Some(Creation::Takes(takes)) = kind.creation() else {
            return None;
        };
        let management_api = format!("https://{}/api/v2/", self.from.domain);
        let id = member
            .id
            .map(|id| (kind.id_name().to_owned(), id.as_str().into()));
        let with_id = member.fields.clone().into_iter().chain(id).collect();
        let is_own_client = |id: &str| self.from.client == Some(id);
        let mut stays = takes.stays.iter();
        let stays = stays.find(|stays| {
            let mut when = stays.when.iter();
            when.all(|when| when.is_so(&with_id, Some(&management_api), is_own_client))
        })?;
        Some((stays.is_everywhere, stays.why))
    }
}
