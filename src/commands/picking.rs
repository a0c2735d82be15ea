//! Which resources the selectors of a command line mean, by all that a resource may be called.

use std::collections::BTreeSet;
use std::path::Path;

use super::session::LiveResources;
use crate::base::Bases;
use crate::create::New;
use crate::files::{Contents, NewFile, ResourceFile};
use crate::kinds::Kind;
use crate::resource::{Resource, ResourceId};
use crate::select::{Names, NoMatch, Selection};

/// The selected ids among those with a file and those on the tenant.
pub(super) fn select<'a>(
    selection: &Selection,
    contents: &'a Contents,
    bases: &'a Bases,
    live: &'a LiveResources,
) -> Result<(Vec<&'a ResourceId>, Vec<&'a NewFile>), NoMatch> {
    let ids: BTreeSet<&ResourceId> = contents.resources.keys().chain(live.keys()).collect();
    let resources = ids.into_iter().map(|id| {
        let file = contents.resources.get(id);
        let then = bases.of(id).and_then(|base| base.name());
        let names = Names {
            live_name: live.get(id).map(Resource::name).or(then),
            ..names(id, file)
        };
        let there = live.get(id).map(Resource::fields);
        let other_name = there.and_then(|fields| id.kind().other_label_in(fields));
        let names = Names {
            other_name: names.other_name.or(other_name),
            ..names
        };
        (names, Target::Resource(id))
    });
    let new = names_of_new_files(contents);
    let (mut ids, mut new) = split(selection.pick(resources.chain(new))?);
    // Of a kind that was not read nobody can tell what is gone, or there.
    ids.retain(|id| live.has_read(id.kind()));
    new.retain(|new| live.has_read(new.kind));
    Ok((ids, new))
}

/// What a selector may mean: something that has an id, or something that is still to be made.
pub(super) enum Target<R, N> {
    Resource(R),
    New(N),
}

/// The two sorts of targets, by themselves.
pub(super) fn split<R, N>(targets: Vec<Target<R, N>>) -> (Vec<R>, Vec<N>) {
    let (mut resources, mut new) = (Vec::new(), Vec::new());
    for target in targets {
        match target {
            Target::Resource(resource) => resources.push(resource),
            Target::New(one) => new.push(one),
        }
    }
    (resources, new)
}

pub(super) fn names_of_new_files<'a, R>(
    contents: &'a Contents,
) -> impl Iterator<Item = (Names<'a>, Target<R, &'a NewFile>)> {
    contents.new.iter().map(|new| {
        let names = Names {
            kind: Some(new.kind),
            id: "",
            file: Some(&new.file.file),
            stem: Some(&new.file.stem),
            local_name: new.kind.label_in(&new.file.fields),
            live_name: None,
            other_name: new.kind.other_label_in(&new.file.fields),
        };
        (names, Target::New(new))
    })
}

/// What a resource that is still to be made is called.
pub(super) fn names_of_new(new: &New) -> Names<'_> {
    Names {
        kind: Some(new.kind),
        id: "",
        file: Some(&new.file),
        stem: Path::new(&new.file)
            .file_stem()
            .and_then(|stem| stem.to_str()),
        local_name: Some(&new.name),
        live_name: None,
        other_name: new.kind.other_label_in(&new.fields),
    }
}

/// The same, where only its file is known.
pub(super) fn names_without_id<'a>(kind: &'static Kind, file: &'a ResourceFile) -> Names<'a> {
    Names {
        kind: Some(kind),
        id: "",
        file: Some(&file.file),
        stem: Some(&file.stem),
        local_name: kind.label_in(&file.fields),
        live_name: None,
        other_name: kind.other_label_in(&file.fields),
    }
}

/// What a resource is called on this side.
pub(super) fn names<'a>(id: &'a ResourceId, file: Option<&'a ResourceFile>) -> Names<'a> {
    Names {
        kind: Some(id.kind()),
        id: id.as_str(),
        file: file.map(|file| file.file.as_str()),
        stem: file.map(|file| file.stem.as_str()),
        local_name: file.and_then(|file| id.kind().label_in(&file.fields)),
        other_name: file.and_then(|file| id.kind().other_label_in(&file.fields)),
        live_name: None,
    }
}

/// What a resource is called, as far as is known without asking the tenant: its name there is the one it had last.
pub(super) fn known_names<'a>(
    id: &'a ResourceId,
    file: &'a ResourceFile,
    bases: &'a Bases,
) -> Names<'a> {
    let base = bases.of(id);
    Names {
        live_name: base.and_then(|base| base.name()),
        ..names(id, Some(file))
    }
}
