//! `diff`: shows the plan. It only has a reader of the API, so GETs are all it can send.

use anyhow::Result;

use super::invocation::Invocation;
use super::workspace::{Read, Workspace, report_unread};
use super::{Ending, Terminal};
use crate::cli::{Diff, PlanForm};
use crate::files::Access;
use crate::names::names_in;
use crate::render;

pub(super) async fn run(
    invocation: &Invocation<'_>,
    options: &Diff,
    terminal: &Terminal,
) -> Result<Ending> {
    let settings = invocation.settings()?;
    let project = invocation.project()?;
    let asked = (&options.selectors, &options.base);
    let workspace = Workspace::open(
        invocation,
        settings,
        &project,
        asked,
        Access::Read,
        terminal,
    )?;
    let checked = workspace.check_edits()?;

    let Workspace {
        selection, session, ..
    } = &workspace;
    let files = workspace.known_names();
    let is_exact = selection.names_exactly(files.clone().map(|(names, _)| names));
    let live = if is_exact {
        let ids = selection.pick(files)?;
        let fields = Read::Whole.fields(workspace.managed());
        session
            .these(&ids, (&workspace.contents, &workspace.bases), fields)
            .await?
    } else {
        session
            .all(workspace.managed(), &workspace.contents)
            .await?
    };

    let unread = report_unread(&live, terminal);
    let (ids, new) = workspace.select(&live)?;
    workspace.check_new(&new)?;
    // What is there already can be told from a whole list only.
    let new = workspace.new_resources(&new, (!is_exact).then_some(&live));
    let plan = workspace.plan(ids, &live, Read::Whole).with_new(new);
    workspace.check_plan(&plan, &live, &checked)?;
    let names = names_in(&live, &workspace.contents.resources);
    match options.output.form {
        PlanForm::Text => terminal.text(&render::text::plan(&plan, &names)),
        PlanForm::Json => terminal.result(&render::json::plan(&plan)),
        PlanForm::Markdown => terminal.result(&render::markdown::plan(&plan, &names)),
    }?;
    workspace.note_earlier(&plan, terminal);
    Ok(unread.and(Ending::differences(!plan.is_empty())))
}
