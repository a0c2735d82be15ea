//! `push --plan`: a saved plan in place of a new one, for as long as the tenant is as the plan has it.

use std::path::Path;

use anyhow::Result;

use super::session::{LiveClients, Session};
use super::{Terminal, Usage};
use crate::api::Fields;
use crate::base::Bases;
use crate::cli::{Push, ResultForm};
use crate::client::{Client, ClientId, Field};
use crate::files::{Contents, read_file};
use crate::plan::{Change, ClientPlan, Plan, State, base_of};
use crate::render;
use crate::saved_plan::{self, Standing, edited_since, standing};
use crate::select::{Names, Selection};
use crate::three_way::three_way;

/// A saved plan and the live clients that it is about. None, and a word about it, where live is not what it was.
pub(super) async fn planned(
    file: &Path,
    (options, selection): (&Push, &Selection),
    session: &Session,
    contents: &Contents,
    bases: &Bases,
    terminal: &Terminal,
) -> Result<Option<(Plan, LiveClients)>> {
    // Not as an error of our own files, which would quote the line: this may be any file, by a slip the one with the secret.
    let mut saved = saved_plan::parse(&read_file(file)?).map_err(|error| {
        Usage::error(
            format!("{}:{}: {}", file.display(), error.position, error.message),
            error.hint.unwrap_or_default(),
        )
    })?;
    if saved.tenant.domain != session.tenant.domain {
        return Err(Usage::error(
            format!(
                "{} is a plan for {}, and the settings name {}",
                file.display(),
                saved.tenant.domain,
                session.tenant.domain
            ),
            "a plan is for one tenant: make one for this tenant with `tenantry diff -o json`",
        ));
    }
    if !options.fields.is_empty() {
        saved = saved.narrowed(&options.fields);
    }
    let named = saved
        .clients
        .iter()
        .filter(|client| client.state != State::LiveOnly);
    let named = named.map(|client| (plan_names(client), client));
    let clients = selection.pick(named)?;
    let ids: Vec<&ClientId> = clients.iter().map(|client| &client.id).collect();
    let live = session
        .these_clients(&ids, bases.count(), Fields::Updatable)
        .await?;

    let mut left = Vec::new();
    let mut moved = Vec::new();
    for client in clients {
        let name = client.label();
        let mut hold_back =
            |reason: String| moved.push((client.clone(), format!("{name}: {reason}")));
        let edited = match contents.clients.get(&client.id) {
            Some(file) => edited_since(client, &file.fields),
            None => {
                hold_back("there is no file with this client_id".to_owned());
                continue;
            }
        };
        if !edited.is_empty() {
            hold_back(format!(
                "{} in the file is not what the plan says",
                edited.join(", ")
            ));
            continue;
        }
        let live = live.get(&client.id);
        if let Some(field) = live.and_then(|live| unedited(client, bases, live)) {
            hold_back(format!(
                "{field} in the file says what it said before, and the plan has it as an edit"
            ));
            continue;
        }
        match live.map(|live| standing(client, live.fields())) {
            None if client.state == State::FileOnly => left.push(client.clone()),
            Some(_) if client.state == State::FileOnly => {
                hold_back("the tenant has the client by now".to_owned());
            }
            Some(Standing::AsPlanned) => left.push(client.clone()),
            Some(Standing::PartlyApplied(rest)) => left.push(rest),
            Some(Standing::Moved(field)) => hold_back(format!("{field} changed on the tenant")),
            None => hold_back("the client is gone from the tenant".to_owned()),
        }
    }
    // A plan may call a client by another one's name, or by another one's file: its id decides what it is.
    for client in &mut left {
        if let Some(file) = contents.clients.get(&client.id) {
            client.file = Some(file.file.clone());
        }
        if let Some(live) = live.get(&client.id) {
            live.name().clone_into(&mut client.name);
        }
    }
    left.retain(|client| client.state == State::FileOnly || !client.fields.is_empty());
    if moved.is_empty() {
        let plan = Plan {
            tenant: session.tenant.clone(),
            base: bases.from(),
            clients: left,
        };
        return Ok(Some((plan, live)));
    }
    let reasons: Vec<String> = moved.iter().map(|(_, reason)| reason.clone()).collect();
    if options.output.form == ResultForm::Json {
        let rest = left.into_iter();
        moved.extend(rest.map(|client| (client, "held back with the rest of the plan".to_owned())));
        let nothing = Plan {
            tenant: session.tenant.clone(),
            base: bases.from(),
            clients: Vec::new(),
        };
        terminal.result(&render::json::push(&nothing, &[], &moved))?;
    }
    terminal.error(
        &format!(
            "nothing was sent: files and tenant are not as {} has them\n{}",
            file.display(),
            reasons.join("\n")
        ),
        Some("make a new plan with `tenantry diff -o json`, and look at it"),
    );
    Ok(None)
}

/// A field that a saved plan has as an edit, and that only the tenant changed.
fn unedited(client: &ClientPlan, bases: &Bases, live: &Client) -> Option<Field> {
    let edits = client.fields.iter();
    let edits = edits.filter(|field| field.change == Change::Edit);
    edits
        .filter_map(|edit| Some((Field::from_name(&edit.field)?, edit.local.as_ref())))
        .find_map(|(field, local)| {
            let live = field.of(live.fields());
            let base = base_of(bases.of(&client.id), field, live);
            (three_way(base, local, live) == Some(Change::Drift)).then_some(field)
        })
}

fn plan_names(client: &ClientPlan) -> Names<'_> {
    let stem = client
        .file
        .as_deref()
        .and_then(|file| Path::new(file).file_stem()?.to_str());
    Names {
        id: client.id.as_str(),
        file: client.file.as_deref(),
        stem,
        local_name: None,
        live_name: Some(&client.name),
    }
}
