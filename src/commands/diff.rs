//! `diff`: shows the plan. It only has a reader of the API, so GETs are all it can send.

use anyhow::Result;

use super::session::{
    Scene, check_edits, check_plan, client_names, known_names, read, select, sides, tell_earlier,
};
use super::{Ending, Terminal};
use crate::api::Fields;
use crate::cli::{Diff, PlanForm};
use crate::files::Access;
use crate::plan::{Live, Plan};
use crate::render;

pub(super) async fn run(scene: &Scene<'_>, options: &Diff, terminal: &Terminal) -> Result<Ending> {
    let settings = scene.settings()?;
    let project = scene.project()?;
    let directory = scene.open(Access::Read, terminal)?;
    let selection = scene.selection(&options.clients, directory.path());
    let contents = read(&directory, &selection, terminal)?;
    let session = scene.connect(settings, terminal)?;
    let domain = &session.tenant.domain;
    let place = (&directory, Access::Read);
    let bases = scene.bases(&options.base, &project, domain, place, &contents, terminal)?;
    check_edits(&contents, &bases, &selection, &directory)?;

    let files = contents.clients.iter();
    let files = files.map(|(id, file)| (known_names(id, file, &bases), id));
    let live = if selection.names_exactly(files.clone().map(|(names, _)| names)) {
        let ids = selection.pick(files)?;
        session
            .these_clients(&ids, bases.count(), Fields::All)
            .await?
    } else {
        session.all_clients(&contents).await?
    };

    let selected = select(&selection, &contents, &bases, &live)?;
    let selected = selected.into_iter().map(|id| {
        let live = live.get(id).map_or(Live::Gone, Live::Whole);
        sides(id, contents.clients.get(id), &bases, live)
    });
    let plan = Plan::new(session.tenant, bases.from(), selected);
    check_plan(&plan, &contents, &directory)?;
    let names = client_names(&contents, &live);
    match options.output.form {
        PlanForm::Text => terminal.text(&render::text::plan(&plan, &names)),
        PlanForm::Json => terminal.result(&render::json::plan(&plan)),
        PlanForm::Markdown => terminal.result(&render::markdown::plan(&plan, &names)),
    }?;
    tell_earlier(&plan, &bases, terminal);
    Ok(Ending::differences(!plan.clients.is_empty()))
}
