//! What a push did, as text: a line each resource, and how many there are of each sort.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::style::{ADDED, LOUD, REMOVED};
use super::value::line;
use super::{counted, reason, resources, why_not_made};
use crate::apply::{CreateResult, Created, Outcome, UpdateResult};
use crate::kinds::Kind;
use crate::plan::PlanField;
use crate::push_plan::{HeldBack, NotMade, PushPlan, Reason};

/// What a push did, a line each resource, and its summary.
pub(crate) fn text(push: &PushPlan, created: &[Created], outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    for one in created {
        text.push_str(&created_line(one));
    }
    for (at, Outcome { update, result }) in outcomes.iter().enumerate() {
        let file = line(update.file.as_deref().unwrap_or(update.id.as_str()));
        // The other part of an update that went through in part stands beside it.
        let beside = [at.checked_sub(1), at.checked_add(1)].into_iter().flatten();
        let mut beside = beside.filter_map(|at| outcomes.get(at));
        let other = beside.find(|other| other.update.id == update.id);
        let is_in_part = |field: &PlanField| {
            let fields = other.into_iter().flat_map(|other| &other.update.fields);
            fields.into_iter().any(|other| other.field == *field)
        };
        let fields = update
            .fields
            .iter()
            .map(|edit| match is_in_part(&edit.field) {
                true => format!("{} in part", line(&edit.field.to_string())),
                false => line(&edit.field.to_string()),
            });
        let fields = fields.collect::<Vec<_>>().join(", ");
        let _ = match result {
            UpdateResult::Updated { differing, .. } if differing.is_empty() => {
                writeln!(text, "{ADDED}updated{ADDED:#}        {file}: {fields}")
            }
            UpdateResult::Updated { differing, .. } => {
                writeln!(
                    text,
                    "{LOUD}updated{LOUD:#}        {file}: {fields}; the tenant answered with another value for {}",
                    joined(differing)
                )
            }
            UpdateResult::Failed(error) => {
                // A failure that is not about this resource is the command's error, which is shown once.
                let about = match error.concerns_every_request() {
                    true if !fields.is_empty() => fields,
                    false if other.is_some() && !fields.is_empty() => {
                        format!("{fields}: {}", line(&error.to_string()))
                    }
                    _ => line(&error.to_string()),
                };
                writeln!(text, "{REMOVED}failed{REMOVED:#}         {file}: {about}")
            }
            UpdateResult::NotAttempted => {
                writeln!(text, "{LOUD}not attempted{LOUD:#}  {file}: {fields}")
            }
        };
    }
    text.push_str(&all_held_back(&push.held_back, &push.not_made, |_| true));
    let of = |wanted: fn(&UpdateResult) -> bool| {
        outcomes
            .iter()
            .filter(move |outcome| wanted(&outcome.result))
    };
    let kind_of = |outcome: &Outcome| outcome.update.id.kind();
    let updated = of(|result| matches!(result, UpdateResult::Updated { .. }));
    let updated: Vec<&'static Kind> = updated.map(kind_of).collect();
    let tried: BTreeSet<&str> = outcomes.iter().map(|tried| kind_of(tried).name).collect();
    let updated = match (updated.as_slice(), outcomes.first()) {
        ([], Some(first)) if tried.len() == 1 => {
            counted(0, kind_of(first).singular, kind_of(first).plural)
        }
        ([], Some(_)) => "nothing".to_owned(),
        _ => resources(updated),
    };
    let made = created
        .iter()
        .filter(|one| matches!(one.result, CreateResult::Made { .. }));
    let made = resources(made.map(|one| one.new.kind));
    let mut parts = Vec::new();
    if !created.is_empty() {
        parts.push(format!("{made} created"));
    }
    if !outcomes.is_empty() || created.is_empty() {
        parts.push(format!("{updated} updated"));
    }
    let of_created = |wanted: fn(&CreateResult) -> bool| {
        created.iter().filter(|one| wanted(&one.result)).count()
    };
    for (count, words) in [
        (
            of(|result| matches!(result, UpdateResult::Failed(_))).count()
                + of_created(|result| {
                    matches!(result, CreateResult::Failed(_) | CreateResult::Several(_))
                }),
            "failed",
        ),
        (
            of(|result| matches!(result, UpdateResult::NotAttempted)).count()
                + of_created(|result| matches!(result, CreateResult::NotAttempted)),
            "not attempted",
        ),
        (push.held_back.len() + push.not_made.len(), "held back"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {words}"));
        }
    }
    let _ = writeln!(text, "{}", parts.join(", "));
    text
}

/// What became of a resource that was to be made.
fn created_line(created: &Created) -> String {
    let Created { new, result } = created;
    let file = line(&new.file);
    match result {
        CreateResult::Made { resource, answered } => {
            let mut text = format!(
                "{ADDED}created{ADDED:#}        {file}: {}",
                line(resource.id().as_str())
            );
            let of = |fields: &[String]| line(&fields.join(", "));
            if !answered.differing.is_empty() {
                let _ = write!(
                    text,
                    "; the tenant answered with another value for {}",
                    of(&answered.differing)
                );
            }
            if !answered.added.is_empty() {
                let _ = write!(text, "; the tenant set {}", of(&answered.added));
            }
            text + "\n"
        }
        CreateResult::Failed(error) => {
            format!(
                "{REMOVED}failed{REMOVED:#}         {file}: {}\n",
                line(&error.to_string())
            )
        }
        CreateResult::Several(ids) => {
            let ids: Vec<String> = ids.iter().map(|id| line(id.as_str())).collect();
            format!(
                "{REMOVED}failed{REMOVED:#}         {file}: the answer was lost, and several resources say the same: {}\n",
                ids.join(", ")
            )
        }
        CreateResult::NotAttempted => format!("{LOUD}not attempted{LOUD:#}  {file}\n"),
    }
}

/// What is held back, a line each, where the user has not just seen the reason.
pub(crate) fn held_back(held_back: &[HeldBack], not_made: &[NotMade]) -> String {
    all_held_back(held_back, not_made, |reason| !reason.is_known())
}

/// Says that nothing was sent, and why.
pub(crate) fn nothing_sent(push: &PushPlan) -> String {
    format!(
        "{}nothing was sent\n",
        self::held_back(&push.held_back, &push.not_made)
    )
}

fn all_held_back(
    held_back: &[HeldBack],
    not_made: &[NotMade],
    is_shown: fn(&Reason) -> bool,
) -> String {
    let held_back = held_back.iter().filter(|held| is_shown(&held.reason));
    let mut text: String = held_back.map(held_back_line).collect();
    for unmade in not_made.iter().filter(|one| is_shown(&one.reason)) {
        let _ = writeln!(
            text,
            "{LOUD}held back{LOUD:#}      {}: {}",
            line(&unmade.new.file),
            why_not_made(unmade)
        );
    }
    text
}

fn held_back_line(held_back: &HeldBack) -> String {
    let file = line(held_back.resource.label());
    format!(
        "{LOUD}held back{LOUD:#}      {file}: {}\n",
        reason(held_back)
    )
}

fn joined<'a>(fields: impl IntoIterator<Item = &'a PlanField>) -> String {
    let fields = fields.into_iter().map(|field| line(&field.to_string()));
    fields.collect::<Vec<_>>().join(", ")
}
