//! `list`: the live resources, each with its file and whether the two agree.

use std::collections::BTreeMap;

use anyhow::Result;

use super::invocation::Invocation;
use super::picking::select;
use super::warnings::report_unread;
use super::workspace::{Read, plan, read};
use super::{Ending, Terminal};
use crate::base::Bases;
use crate::cli::{List, ResultForm};
use crate::files::{Access, Contents, FilesError};
use crate::plan::State;
use crate::render::json;
use crate::render::list::{self, ListedResource};
use crate::resource::{Resource, ResourceId};

pub(super) async fn run(
    invocation: &Invocation<'_>,
    options: &List,
    terminal: &Terminal,
) -> Result<Ending> {
    let settings = invocation.settings()?;
    let managed = invocation.project()?.managed();
    // Before the first pull there are no files, and the list is still useful.
    let directory = match invocation.open(managed.clone(), Access::Read, terminal) {
        Ok(directory) => Some(directory),
        Err(error) => match error.downcast_ref::<FilesError>() {
            Some(FilesError::NoDirectory { .. }) => None,
            _ => return Err(error),
        },
    };
    let path = invocation.path()?;
    let selection = invocation.selection(&options.selectors, &path);
    let contents = match &directory {
        Some(directory) => read(directory, &selection, terminal)?,
        None => Contents::default(),
    };
    let mut session = invocation.connect(settings, terminal)?;
    session.manages_several = managed.kinds().count() > 1;
    let domain = &session.tenant.domain;
    let bases = match &directory {
        Some(directory) => {
            let lock = contents.lock_for(domain, directory.path())?;
            Bases::from_lock(lock, directory, &contents, false)?
        }
        None => Bases::none(domain),
    };

    // A resource that has a file and is not in the list is not asked for by itself.
    let live = session.all(&managed, &Contents::default()).await?;
    let (selected, _) = select(&selection, &contents, &bases, &live)?;
    for id in selected.iter().filter(|_| !selection.is_everything()) {
        if let (Some(file), None) = (contents.resources.get(*id), live.get(*id)) {
            let kind = id.kind();
            terminal.warn(&format!(
                "{}: the tenant has no {} with its {}, {id}",
                file.file,
                kind.singular,
                kind.id_name()
            ));
        }
    }
    let selected = selected.into_iter().filter_map(|id| live.get(id));
    let selected: Vec<&Resource> = selected.collect();
    let ids = selected.iter().map(|resource| resource.id());
    let known = (&contents, &bases);
    let plan = plan(
        session.tenant.clone(),
        &managed,
        known,
        ids,
        (&live, Read::Whole),
    );
    let states = plan.resources.iter().map(|one| (&one.id, one.state));
    let states: BTreeMap<&ResourceId, State> = states.collect();
    let mut resources: Vec<ListedResource> = selected
        .into_iter()
        .map(|resource| {
            let id = resource.id();
            let file = contents.resources.get(id);
            ListedResource {
                kind: id.kind().name,
                id: id.to_string(),
                name: resource.name().to_owned(),
                of_type: id
                    .kind()
                    .type_field
                    .and_then(|field| resource.text(field))
                    .map(str::to_owned),
                file: file.map(|file| file.file.clone()),
                state: match states.get(id) {
                    None => "unchanged",
                    Some(State::Changed) => "changed",
                    Some(State::LiveOnly | State::FileOnly) => "live-only",
                },
            }
        })
        .collect();
    // The kinds keep their order.
    let place = |name: &str| managed.kinds().position(|kind| kind.name == name);
    resources.sort_by(|a, b| (place(a.kind), &a.name, &a.id).cmp(&(place(b.kind), &b.name, &b.id)));
    match options.output.form {
        ResultForm::Json => terminal.result(&json::list(&session.tenant, &resources)),
        ResultForm::Text => terminal.text(&list::text(&resources, terminal.width())),
    }?;
    Ok(report_unread(&live, terminal))
}
