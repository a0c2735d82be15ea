//! `list`: the live clients, each with its file and whether the two agree.

use std::collections::BTreeMap;

use anyhow::Result;

use super::session::{Scene, read, select, sides};
use super::{Ending, Terminal};
use crate::base::Bases;
use crate::cli::{List, ResultForm};
use crate::client::{Client, ClientId};
use crate::files::{Access, CLIENTS, Contents, FilesError};
use crate::plan::{Live, Plan, State};
use crate::render::json::ListedClient;
use crate::render::{json, text};

pub(super) async fn run(scene: &Scene<'_>, options: &List, terminal: &Terminal) -> Result<Ending> {
    let settings = scene.settings()?;
    // Before the first pull there are no files, and the list is of use all the same.
    let directory = match scene.open(Access::Read, terminal) {
        Ok(directory) => Some(directory),
        Err(error) => match error.downcast_ref::<FilesError>() {
            Some(FilesError::NoDirectory { .. }) => None,
            _ => return Err(error),
        },
    };
    let path = scene.path()?;
    let selection = scene.selection(&options.clients, &path);
    let contents = match &directory {
        Some(directory) => read(directory, &selection, terminal)?,
        None => Contents::default(),
    };
    let session = scene.connect(settings, terminal)?;
    let domain = &session.tenant.domain;
    let bases = match &directory {
        Some(directory) => {
            let lock = contents.lock_for(domain, directory.path())?;
            Bases::from_lock(lock, directory, &contents, false)?
        }
        None => Bases::none(domain),
    };

    // Only what the tenant lists is asked about here.
    let live = session.all_clients(&Contents::default()).await?;
    let selected = select(&selection, &contents, &bases, &live)?;
    for id in selected.iter().filter(|_| !selection.is_everything()) {
        if let (Some(file), None) = (contents.clients.get(*id), live.get(*id)) {
            terminal.warn(&format!(
                "{}: the tenant has no client with its client_id, {id}",
                file.file
            ));
        }
    }
    let selected = selected.into_iter().filter_map(|id| live.get(id));
    let selected: Vec<&Client> = selected.collect();
    let compared = selected.iter().map(|client| {
        let file = contents.clients.get(client.id());
        sides(client.id(), file, &bases, Live::Whole(client))
    });
    let plan = Plan::new(session.tenant.clone(), bases.from(), compared);
    let states = plan.clients.iter().map(|client| (&client.id, client.state));
    let states: BTreeMap<&ClientId, State> = states.collect();
    let mut clients: Vec<ListedClient> = selected
        .into_iter()
        .map(|client| {
            let file = contents.clients.get(client.id());
            ListedClient {
                kind: CLIENTS,
                id: client.id().to_string(),
                name: client.name().to_owned(),
                app_type: client.text("app_type").map(str::to_owned),
                file: file.map(|file| file.file.clone()),
                state: match states.get(client.id()) {
                    None => "unchanged",
                    Some(State::Changed) => "changed",
                    Some(State::LiveOnly | State::FileOnly) => "live-only",
                },
            }
        })
        .collect();
    clients.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    match options.output.form {
        ResultForm::Json => terminal.result(&json::list(&session.tenant, &clients)),
        ResultForm::Text => terminal.text(&text::table(&rows(clients), terminal.width())),
    }?;
    Ok(Ending::Clean)
}

fn rows(clients: Vec<ListedClient>) -> Vec<Vec<String>> {
    let headings = ["NAME", "CLIENT ID", "TYPE", "FILE", "STATE"].map(str::to_owned);
    let none = || "-".to_owned();
    let rows = clients.into_iter().map(|client| {
        vec![
            client.name,
            client.id,
            client.app_type.unwrap_or_else(none),
            client.file.unwrap_or_else(none),
            client.state.to_owned(),
        ]
    });
    std::iter::once(headings.to_vec()).chain(rows).collect()
}
