//! Plans and results → text, JSON, markdown. Every function takes plain values and returns text; none prints. What a tenant or
//! a file says is escaped, so that it can't move the cursor, change colours or run as HTML.

pub(crate) mod adoption;
mod change;
pub(crate) mod excerpt;
pub(crate) mod findings;
mod fit;
mod group;
pub mod json;
pub(crate) mod list;
pub mod markdown;
pub(crate) mod outcome;
pub(crate) mod promotion;
pub(crate) mod pull;
mod reason;
mod style;
pub mod text;
mod value;

use std::collections::BTreeMap;

use crate::kinds::{KINDS, Kind};
pub(crate) use crate::names::Names;
use crate::plan::{Change, Plan, State};
pub(crate) use fit::fit;
pub(crate) use reason::{reason, why_not_made};
use value::line;

pub(crate) use crate::printable::printable;

/// `2 edits, 1 drift in 3 clients, 1 client only on the tenant`; None where there is nothing to say.
pub(crate) fn summary(plan: &Plan) -> Option<String> {
    // The fields of what is new are not counted: the new resources are.
    let count = |change: Change| plan.fields().filter(|field| field.change == change).count();
    let fields: Vec<String> = [
        (count(Change::Edit), "edit", "edits"),
        (count(Change::Drift), "drifted field", "drifted fields"),
        (count(Change::Conflict), "conflict", "conflicts"),
        (
            count(Change::Unmanaged),
            "unmanaged difference",
            "unmanaged differences",
        ),
    ]
    .into_iter()
    .filter(|(count, ..)| *count > 0)
    .map(|(count, one, many)| counted(count, one, many))
    .collect();
    let in_state = |state: State| {
        let in_state = plan.resources.iter().filter(|one| one.state == state);
        resources(in_state.map(|one| one.id.kind()))
    };
    let mut parts = Vec::new();
    if !fields.is_empty() {
        parts.push(format!(
            "{} in {}",
            fields.join(", "),
            in_state(State::Changed)
        ));
    }
    if !plan.new.is_empty() {
        let new = resources(plan.new.iter().map(|new| new.kind));
        parts.push(format!("{new} to make"));
    }
    if plan.count_risks() > 0 {
        parts.push(counted(plan.count_risks(), "risk", "risks"));
    }
    for (state, words) in [
        (State::LiveOnly, "only on the tenant"),
        (State::FileOnly, "only in a file"),
    ] {
        if plan.count_resources(state) > 0 {
            parts.push(format!("{} {words}", in_state(state)));
        }
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// `1 client`, `2 clients and 1 role`: how many there are of each kind.
pub(crate) fn resources(kinds: impl IntoIterator<Item = &'static Kind>) -> String {
    let mut counts: BTreeMap<&'static Kind, usize> = BTreeMap::new();
    for kind in kinds {
        // The parts of one whole are counted together.
        let first = Kind::named(kind.name).unwrap_or(kind);
        *counts.entry(first).or_default() += 1;
    }
    if counts.is_empty() {
        counts.insert(KINDS[0], 0);
    }
    let counts = counts.into_iter();
    let counts: Vec<String> = counts
        .map(|(kind, count)| counted(count, kind.singular, kind.plural))
        .collect();
    match counts.split_last() {
        Some((last, [_, ..])) => format!("{} and {last}", counts[..counts.len() - 1].join(", ")),
        _ => counts.concat(),
    }
}

/// `1 file`, `2 files`.
pub(crate) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
