//! What push and undo do with their plans: show it, ask, send it, and say what became of it.

use anyhow::Result;

use super::create::cautions;
use super::manner::Manner;
use super::report::{note_drift, report};
use super::sending::{Due, Rewrites, Sent, send};
use super::session::LiveResources;
use super::workspace::{Read, Workspace};
use super::{Ending, Terminal, consent};
use crate::cli::ResultForm;
use crate::kinds::FieldKey;
use crate::names::Names;
use crate::plan::{Plan, ResourcePlan};
use crate::push_plan::{PushPlan, Reason};
use crate::render;
use crate::resource::ResourceId;
use crate::saved_plan::{Since, since};
use crate::sent::{InFile, SentBy, SentPush};

/// Shows the plan and what of it a push would hold back.
pub(super) fn show(
    push: &PushPlan,
    manner: &Manner,
    names: &Names<'_>,
    terminal: &Terminal,
) -> Result<Ending> {
    match manner.form {
        ResultForm::Text => {
            let mut text = render::text::plan(&push.plan, names);
            text.push_str(&render::outcome::held_back(&push.held_back, &push.not_made));
            terminal.text(&text)
        }
        ResultForm::Json => terminal.result(&render::json::plan(&push.plan)),
    }?;
    let is_something = !push.plan.is_empty() || push.holds_something_back();
    Ok(Ending::differences(is_something))
}

/// Shows the plan, and asks where that is due. None where it may be sent; else how the push ended.
pub(super) async fn confirm(
    push: &mut PushPlan,
    workspace: &Workspace,
    is_protected: bool,
    manner: &Manner,
    names: &Names<'_>,
    terminal: &Terminal,
) -> Result<Option<Ending>> {
    // With --interactive, the resources are shown one by one, with a question each.
    let stepping = manner.interactive && !push.is_nothing_due();
    match manner.form {
        ResultForm::Text if stepping || push.plan.is_empty() => {}
        ResultForm::Text => terminal.text(&render::text::plan(&push.plan, names))?,
        ResultForm::Json => note_drift(&push.plan, terminal),
    }
    if push.has_conflict() {
        let ending = report(push, Sent::default(), manner, terminal)?;
        workspace.note_earlier(&push.plan, terminal);
        return Ok(Some(ending));
    }
    for (update, field, risk) in push.risks() {
        let file = update.file.as_deref().unwrap_or(update.id.as_str());
        terminal.warn(&format!("{file}: {field}: {risk}"));
    }
    for caution in cautions(&push.creates) {
        terminal.warn(caution);
    }
    let cost = |push: &PushPlan| workspace.session.cost(push);
    if push.is_nothing_due() || manner.yes {
        let cost = cost(push);
        if cost.is_worth_a_word() {
            terminal.note(&cost.to_string());
        }
        return Ok(None);
    }
    if !consent::ask(push, is_protected, manner, cost, names, terminal)? {
        push.hold_back_everything(&Reason::NotConfirmed);
        return report(push, Sent::default(), manner, terminal).map(Some);
    }
    // The question may have taken a while, and somebody else may have edited the tenant meanwhile.
    let Some(moved) = moved(push, workspace).await? else {
        return Ok(None);
    };
    push.hold_back_everything(&Reason::ChangedSinceQuestion);
    report(push, Sent::default(), manner, terminal)?;
    terminal.error(
        &format!("nothing was sent: the tenant changed since the question\n{moved}"),
        Some(&format!(
            "run `tenantry {}` again, and look at the new plan",
            manner.verb.name()
        )),
    );
    Ok(Some(Ending::Differences))
}

/// Sends what is due, and says what became of it.
pub(super) async fn send_and_report(
    workspace: Workspace,
    mut push: PushPlan,
    recorded: (SentPush, &Rewrites),
    manner: &Manner,
    terminal: &Terminal,
) -> Result<Ending> {
    let due = Due::of(&mut push);
    terminal.begin_sending();
    let (sent, written) = send(workspace, due, recorded, terminal).await;
    let ending = report(&push, sent, manner, terminal)?;
    if let Err(error) = written {
        terminal.error(
            &error.to_string(),
            Some("what was updated is on the tenant all the same: `tenantry pull` brings the lock up to date"),
        );
        return Ok(Ending::Failure);
    }
    if terminal.stop().is_wished() {
        return Ok(Ending::Interrupted);
    }
    Ok(ending)
}

/// Reads the resources that are to be updated once more. Answers the fields in which live is not what the plan says, a line each.
async fn moved(push: &PushPlan, workspace: &Workspace) -> Result<Option<String>> {
    let ids = push.due();
    let due = push.plan.resources.iter();
    let due: Vec<&ResourcePlan> = due.filter(|resource| ids.contains(&resource.id)).collect();
    let ids: Vec<&ResourceId> = due.iter().map(|resource| &resource.id).collect();
    let fields = Read::Managed.fields(workspace.managed());
    let live = workspace
        .session
        .these(&ids, (&workspace.contents, &workspace.bases), fields)
        .await?;
    let mut moved: Vec<String> = due
        .iter()
        .filter_map(|resource| {
            let name = resource.label();
            match live
                .get(&resource.id)
                .map(|live| since(resource, live.fields()))
            {
                Some(Since::AsPlanned) => None,
                Some(Since::Moved(field)) => Some(format!("{name}: {field}")),
                Some(Since::PartlyApplied(_)) => {
                    Some(format!("{name}: it has some of these values already"))
                }
                None if !live.has_read(resource.id.kind()) => {
                    Some(format!("{name}: it could not be read"))
                }
                None => {
                    let one = resource.id.kind().singular;
                    Some(format!("{name}: the tenant has no {one} with this id"))
                }
            }
        })
        .collect();
    moved.extend(made_meanwhile(push, workspace).await?);
    Ok((!moved.is_empty()).then(|| moved.join("\n")))
}

/// The resources that were to be made and that somebody made meanwhile, a line each.
async fn made_meanwhile(push: &PushPlan, workspace: &Workspace) -> Result<Vec<String>> {
    if push.creates.is_empty() {
        return Ok(Vec::new());
    }
    let (managed, contents) = (workspace.managed(), &workspace.contents);
    let live = workspace.session.all(managed, contents).await?;
    let files: Vec<_> = contents.new.iter().collect();
    let mut new = workspace.new_resources(&files, Some(&live));
    new.retain(|new| new.refusal.is_some() && push.creates.iter().any(|due| due.file == new.file));
    let made = new
        .into_iter()
        .map(|new| format!("{}: the tenant has it by now", new.file));
    Ok(made.collect())
}

/// What is about to be sent, for the record. `in_file` tells what a file says before and after, where that is not what the tenant says.
pub(super) fn sent(
    push: &PushPlan,
    by: SentBy,
    live: &LiveResources,
    in_file: impl Fn(&ResourceId, &FieldKey) -> Option<(InFile, bool)>,
) -> SentPush {
    let Plan { tenant, base, .. } = &push.plan;
    let of = (tenant.clone(), base.clone(), by);
    SentPush::of(of, push.updates.iter().chain(&push.later), live, in_file)
}
