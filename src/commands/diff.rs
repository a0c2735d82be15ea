//! `diff`: shows the plan. It only has a reader of the API, so GETs are all it can send.

use anyhow::Result;

use super::invocation::Invocation;
use super::session::LiveResources;
use super::warnings::report_unread;
use super::workspace::{Read, Workspace};
use super::{Ending, Terminal};
use crate::cli::{Diff, PlanForm};
use crate::files::Access;
use crate::names::names_in;
use crate::push_plan::HeldBack;
use crate::render;
use crate::resource::ResourceId;

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
    workspace.note_unmanaged(terminal);
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
    let held_back = held_back(&workspace, &live);
    let (ids, new) = workspace.select(&live)?;
    workspace.check_new(&new)?;
    // What is there already can be told from a whole list only.
    let new = workspace.new_resources(&new, (!is_exact).then_some(&live));
    let plan = workspace.plan(ids, &live, Read::Whole).with_new(new);
    workspace.check_plan(&plan, &live, &checked)?;
    let names = names_in(&live, &workspace.contents.resources);
    match options.output.form {
        PlanForm::Text => {
            let plan = match plan.is_empty() && !held_back.is_empty() {
                true => String::new(),
                false => render::text::plan(&plan, &names),
            };
            let held_back = render::outcome::held_back(&held_back, &[]);
            terminal.text(&format!("{plan}{held_back}"))
        }
        PlanForm::Json => terminal.result(&render::json::plan(&plan)),
        PlanForm::Markdown => terminal.result(&render::markdown::plan(&plan, &names)),
    }?;
    if options.output.form != PlanForm::Text {
        for held in &held_back {
            let file = held.resource.label();
            terminal.note(&format!(
                "{file}: push holds it back: {}",
                render::reason(held)
            ));
        }
    }
    workspace.note_earlier(&plan, terminal);
    let is_something = !plan.is_empty() || !held_back.is_empty();
    Ok(unread.and(Ending::differences(is_something)))
}

/// The selected files that may have something to send in a kind that could not be read, as a push would hold them back.
fn held_back(workspace: &Workspace, live: &LiveResources) -> Vec<HeldBack> {
    let names = workspace.known_names();
    let selected = names.filter(|(names, _)| workspace.selection.touches(names));
    let edited = selected.filter(|(_, id)| !live.has_read(id.kind()) && workspace.may_push(id));
    let edited: Vec<&ResourceId> = edited.map(|(_, id)| id).collect();
    workspace.held_back_unread(&edited, live)
}
