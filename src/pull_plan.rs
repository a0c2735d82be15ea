//! Files, bases and live resources → what a pull writes. Pure: it is decided as a whole before the first byte is written.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{Bases, NewBase};
use crate::files::{self, Format, NewFile, ResourceFile, TenantDirectory, stems_for_new_files};
use crate::kinds::{Field, Managed};
use crate::merge::{Dropped, Kept, differing, merge};
use crate::names::{labels, name_in_file, names_in};
use crate::plan::unsent_edits;
use crate::resource::{Resource, ResourceId};

/// The options of a pull.
#[derive(Debug, Clone, Copy)]
pub struct Wishes {
    /// The format of new files.
    pub format: Format,
    /// Whether live is taken everywhere.
    pub discard_local: bool,
    /// Whether the files of resources that are gone go too.
    pub prune: bool,
}

/// What a pull does to a resource's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It is made.
    Created,
    /// It changes.
    Updated,
    /// It says what the tenant says.
    Unchanged,
    /// It keeps an edit.
    KeptEdit,
    /// It keeps its side of a conflict.
    Conflict,
    /// The tenant does not have its resource.
    Gone,
    /// The tenant does not have its resource, and it is deleted.
    Pruned,
}

/// One resource's part of a pull, decided and not yet done.
#[derive(Debug)]
pub struct Pulled {
    /// The resource.
    pub id: ResourceId,
    /// What people call it.
    pub name: String,
    /// Its file.
    pub file: String,
    /// What happens to the file.
    pub status: Status,
    /// What the file said and will not say any more.
    pub dropped: Vec<Dropped>,
    /// The fields that change in the file.
    pub fields: Vec<String>,
    /// The file's new text, if it changes.
    pub text: Option<String>,
    /// Whether ids take the place of names of files in it.
    pub has_new_ids: bool,
    /// Its comments could not be kept.
    pub comments_lost: bool,
    /// Its new base; None where the tenant does not have it.
    pub base: Option<NewBase>,
    /// Whether file and tenant were in step before.
    pub was_known: bool,
    /// The edits that keep the file of a resource that is gone.
    pub unpushed: Vec<String>,
}

/// What happens to each selected resource, in the order of files.
pub fn decide(
    managed: &Managed,
    (files, without_id): (&BTreeMap<ResourceId, ResourceFile>, &[NewFile]),
    bases: &Bases,
    live: &BTreeMap<ResourceId, Resource>,
    selected: &BTreeSet<&ResourceId>,
    wishes: Wishes,
) -> Vec<Pulled> {
    let mut pulled = Vec::new();
    for kind in managed.kinds() {
        let of_kind = |id: &ResourceId| id.kind() == kind;
        let names = live.iter().filter(|(id, _)| of_kind(id));
        let called = names_in(live, files);
        let called_by = |resource: &Resource| match labels(kind, resource.fields(), &called) {
            // What has no name goes by its id.
            labels if labels.is_empty() => vec![resource.name().to_owned()],
            labels => labels,
        };
        let names = names.map(|(id, resource)| (id, called_by(resource)));
        let names = names.collect();
        let stems = files.iter().filter(|(id, _)| of_kind(id));
        let stems = stems.map(|(id, file)| (id, file.stem.as_str())).collect();
        let without_id = without_id.iter().filter(|new| new.kind == kind);
        let without_id: Vec<&str> = without_id.map(|new| new.file.stem.as_str()).collect();
        let new_stems: BTreeMap<ResourceId, String> =
            stems_for_new_files(kind, &names, &stems, &without_id);
        let selected = selected.iter().filter(|id| of_kind(id));
        pulled.extend(
            selected.filter_map(|id| match (files.get(*id), live.get(*id)) {
                (Some(file), Some(live)) => {
                    Some(existing(managed, file, bases, live, wishes.discard_local))
                }
                (None, Some(live)) => {
                    let file = TenantDirectory::file_of(kind, new_stems.get(*id)?, wishes.format);
                    Some(new(managed, live, file, wishes.format))
                }
                (Some(file), None) => {
                    let name = name_in_file(id, &file.fields, &called);
                    Some(gone(managed, (id, name), file, bases, wishes))
                }
                (None, None) => None,
            }),
        );
    }
    pulled.sort_by(|a, b| (a.id.kind(), &a.file, &a.id).cmp(&(b.id.kind(), &b.file, &b.id)));
    pulled
}

fn new(managed: &Managed, live: &Resource, file: String, format: Format) -> Pulled {
    let leading = managed.leading(live.id().kind());
    Pulled {
        id: live.id().clone(),
        name: live.name().to_owned(),
        file,
        status: Status::Created,
        dropped: Vec::new(),
        fields: live.fields().keys().cloned().collect(),
        text: Some(files::write(live.fields(), &leading, format)),
        has_new_ids: false,
        comments_lost: false,
        base: Some(NewBase::of(managed, live)),
        was_known: false,
        unpushed: Vec::new(),
    }
}

fn existing(
    managed: &Managed,
    file: &ResourceFile,
    bases: &Bases,
    live: &Resource,
    discard_local: bool,
) -> Pulled {
    let base = bases.of(live.id());
    let merged = merge(managed, &file.fields, base, live, discard_local);
    let fields = merged.fields.as_ref();
    let fields = fields.map(|fields| differing(&file.fields, fields));
    let leading = managed.leading(live.id().kind());
    let is_arranged =
        merged.fields.is_some() || !(file.is_out_of_order(&leading) || file.names_files);
    let fields_of_text = match is_arranged {
        true => merged.fields.as_ref(),
        false => Some(file.fields.as_ref()),
    };
    let rewritten = fields_of_text
        .map(|fields| files::rewrite(&file.text, fields, &leading, file.format))
        .filter(|rewritten| rewritten.text != file.text);
    Pulled {
        id: live.id().clone(),
        name: live.name().to_owned(),
        file: file.file.clone(),
        status: match merged.kept {
            Kept::Conflict => Status::Conflict,
            Kept::Edit => Status::KeptEdit,
            Kept::Nothing if rewritten.is_some() => Status::Updated,
            Kept::Nothing => Status::Unchanged,
        },
        dropped: merged.dropped,
        fields: fields.unwrap_or_default(),
        has_new_ids: file.names_files && rewritten.is_some(),
        comments_lost: rewritten
            .as_ref()
            .is_some_and(|rewritten| rewritten.comments_lost),
        text: rewritten.map(|rewritten| rewritten.text),
        base: Some(merged.base),
        was_known: base.is_some(),
        unpushed: Vec::new(),
    }
}

/// A file whose resource the tenant does not have. Only one that was in step with it before is known to be gone, and deleted; and
/// an edit that was never pushed keeps it, unless edits are to be discarded.
fn gone(
    managed: &Managed,
    (id, name): (&ResourceId, String),
    file: &ResourceFile,
    bases: &Bases,
    wishes: Wishes,
) -> Pulled {
    let base = bases.of(id);
    let edited = |field: &Field| {
        let local = field.of(&file.fields);
        base.zip(local)
            .is_some_and(|(base, local)| base.may_differ(*field, local))
    };
    let managed_edits = managed.fields(id.kind()).filter(edited);
    let managed_edits = managed_edits.map(|field| field.name().to_owned());
    let unsent = unsent_edits(id, &file.fields, base, managed).map(str::to_owned);
    let edited: Vec<String> = managed_edits.chain(unsent).collect();
    let is_kept = !edited.is_empty() && !wishes.discard_local;
    let is_pruned = wishes.prune && base.is_some() && !is_kept;
    let dropped = |field: &String| Dropped {
        field: field.clone(),
        local: file.fields.get(field).cloned(),
        live: None,
        is_unsent: false,
    };
    Pulled {
        id: id.clone(),
        name,
        file: file.file.clone(),
        status: match is_pruned {
            true => Status::Pruned,
            false => Status::Gone,
        },
        dropped: match is_pruned {
            true => edited.iter().map(dropped).collect(),
            false => Vec::new(),
        },
        fields: Vec::new(),
        text: None,
        has_new_ids: false,
        comments_lost: false,
        base: None,
        was_known: base.is_some(),
        unpushed: match is_kept {
            true => edited,
            false => Vec::new(),
        },
    }
}
