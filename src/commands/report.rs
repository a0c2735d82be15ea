//! What became of a push or an undo, for people and programs, and what to do next.

use anyhow::Result;

use super::again::quoted;
use super::create::afterwards;
use super::manner::Manner;
use super::sending::Sent;
use super::{Ending, Terminal};
use crate::api::{ApiError, Effect};
use crate::apply::{CreateResult, Created, Outcome, UpdateResult};
use crate::cli::ResultForm;
use crate::plan::{Change, Plan};
use crate::push_plan::PushPlan;
use crate::render;

/// Reports, and says how it ended.
pub(super) fn report(
    push: &PushPlan,
    Sent { created, outcomes }: Sent,
    manner: &Manner,
    terminal: &Terminal,
) -> Result<Ending> {
    let is_nothing = push.plan.is_empty() && !push.holds_something_back();
    match manner.form {
        ResultForm::Json => terminal.result(&render::json::push(push, &created, &outcomes))?,
        ResultForm::Text if push.has_conflict() => {}
        ResultForm::Text if is_nothing => {
            terminal.result(&format!("nothing to {}\n", manner.verb.name()))?;
        }
        ResultForm::Text if outcomes.is_empty() && created.is_empty() => {
            terminal.text(&render::outcome::nothing_sent(push))?;
        }
        ResultForm::Text => terminal.text(&render::outcome::text(push, &created, &outcomes))?,
    }
    let is_made = |one: &&Created| matches!(one.result, CreateResult::Made { .. });
    for note in afterwards(created.iter().filter(is_made).map(|one| &one.new)) {
        terminal.note(note);
    }
    if push.has_conflict() {
        report_conflicts(&push.plan, manner.base.as_deref(), terminal);
    }
    let updates = outcomes.iter().filter_map(|outcome| match &outcome.result {
        UpdateResult::Failed(error) => Some(error),
        _ => None,
    });
    let creates = created.iter().filter_map(|one| match &one.result {
        CreateResult::Failed(error) => Some(error),
        _ => None,
    });
    let failed: Vec<_> = creates.chain(updates).collect();
    let several = created
        .iter()
        .find(|one| matches!(one.result, CreateResult::Several(_)));
    if let Some(several) = several {
        terminal.error(
            &format!("{}: the answer was lost, and nobody can tell which resource is its", several.new.file),
            Some("write the id of the right one into the first line of the file; nothing more was made"),
        );
        return Ok(Ending::Failure);
    }
    let is_unknown = |one: &Created| matches!(&one.result, CreateResult::Failed(error) if error.effect() != Effect::None);
    if let Some(first) = failed.first() {
        let more = match failed.len() - 1 {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        let hint = ApiError::hint_of_all(&failed).unwrap_or_default();
        let again = &manner.again;
        let is_updated = |outcome: &Outcome| matches!(outcome.result, UpdateResult::Updated { .. });
        let is_something =
            created.iter().any(|one| is_made(&one)) || outcomes.iter().any(is_updated);
        let hint = match created.iter().any(is_unknown) {
            true => format!(
                "{hint}\nit may have been made all the same: leave its file as it is, and the next `tenantry push --create` looks first"
            ),
            // With a commit as base, nothing is written down.
            false if is_something && manner.base.is_none() => {
                format!("{hint}\nwhat was done is remembered: `tenantry {again}` does the rest")
            }
            false if !is_something && failed.iter().all(|error| error.effect() == Effect::None) => {
                format!("{hint}\nnothing was done; once that is mended: `tenantry {again}`")
            }
            false => format!("{hint}\n`tenantry {again}` does the rest"),
        };
        terminal.error(&format!("{first}{more}"), Some(hint.trim()));
        return Ok(Ending::Failure);
    }
    let differing = outcomes.iter().any(|outcome| {
        matches!(&outcome.result, UpdateResult::Updated { differing, .. } if !differing.is_empty())
    });
    let is_left = |outcome: &Outcome| matches!(outcome.result, UpdateResult::NotAttempted);
    let is_unmade = |one: &Created| match &one.result {
        CreateResult::Made { answered, .. } => !answered.differing.is_empty(),
        _ => true,
    };
    Ok(Ending::differences(
        push.holds_something_back()
            || differing
            || outcomes.iter().any(is_left)
            || created.iter().any(is_unmade),
    ))
}

/// Says which fields are in conflict, and how to decide, with the words to type where it is one resource. `base` is what was typed.
fn report_conflicts(plan: &Plan, base: Option<&str>, terminal: &Terminal) {
    let base = base
        .map(|rev| format!(" --base {}", quoted(rev)))
        .unwrap_or_default();
    let conflicts = plan.resources.iter().map(|resource| {
        let fields = resource.changed(Change::Conflict);
        (
            resource,
            fields.map(|field| &field.field).collect::<Vec<_>>(),
        )
    });
    let conflicts: Vec<_> = conflicts.filter(|(_, fields)| !fields.is_empty()).collect();
    let joined = |names: Vec<String>, separator: &str| names.join(separator);
    let (resource, fields) = match conflicts.as_slice() {
        [(resource, fields)] => {
            let mut names: Vec<String> =
                fields.iter().map(|field| field.name().to_owned()).collect();
            names.dedup();
            (quoted(resource.label()), joined(names, ","))
        }
        _ => ("SELECTOR".into(), "FIELD,…".to_owned()),
    };
    let lines = conflicts.iter().map(|(resource, fields)| {
        let fields = fields.iter().map(ToString::to_string).collect();
        format!("\n{}: {}", resource.label(), joined(fields, ", "))
    });
    terminal.error(
        &format!(
            "nothing was sent: file and tenant both changed since they were last in step{}",
            lines.collect::<String>()
        ),
        Some(&format!(
            "`tenantry pull{base}` keeps the file's value: edit the file to match the tenant; or take the tenant's everywhere in the \
             file with `tenantry pull{base} --discard-local {resource}`\n\
             the file's value goes over the tenant's with `tenantry push{base} --overwrite-drift --fields {fields} {resource}`; without \
             --fields, over the other drift there too"
        )),
    );
}

/// Reports drift on stderr: the document of a push is about what was sent, and has no place for it.
pub(super) fn note_drift(plan: &Plan, terminal: &Terminal) {
    for resource in &plan.resources {
        for field in resource.changed(Change::Drift) {
            let file = resource.label();
            terminal.note(&format!(
                "{file}: drift in {}: the tenant changed it, and it is left alone; `tenantry pull` takes it in",
                field.field
            ));
        }
    }
}
