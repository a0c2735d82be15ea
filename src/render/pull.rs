//! What a pull did, as text.

use std::path::Path;

use super::value::inline;
use super::{printable, resources};
use crate::merge::Dropped;
use crate::pull_plan::{Pulled, Status};

/// The statuses, in the order in which they are counted.
pub(super) const STATUSES: [Status; 7] = [
    Status::Created,
    Status::Updated,
    Status::Unchanged,
    Status::KeptEdit,
    Status::Conflict,
    Status::Gone,
    Status::Pruned,
];

/// What a status is called in documents.
pub(super) fn name(status: Status) -> &'static str {
    match status {
        Status::Created => "created",
        Status::Updated => "updated",
        Status::Unchanged => "unchanged",
        Status::KeptEdit => "kept_edit",
        Status::Conflict => "conflict",
        Status::Gone => "gone",
        Status::Pruned => "pruned",
    }
}

/// What follows a count of resources.
fn words(status: Status) -> &'static str {
    match status {
        Status::KeptEdit => "with an edit kept",
        Status::Conflict => "in conflict",
        other => name(other),
    }
}

/// A line for each resource that somebody should look at, and the counts.
pub(crate) fn text(pulled: &[Pulled], domain: &str, directory: &Path) -> String {
    let mut text = String::new();
    for resource in pulled {
        let file = printable(&resource.file);
        for line in lines(resource) {
            text.push_str(&format!("{file}: {line}\n"));
        }
    }
    // A file that changes while no value does has another order of fields.
    let is_moved = |one: &&Pulled| one.text.is_some() && one.fields.is_empty() && !one.has_new_ids;
    match pulled.iter().filter(is_moved).count() {
        0 => {}
        1 => text.push_str("fields that are managed by now, or no longer, moved in 1 file\n"),
        files => text.push_str(&format!(
            "fields that are managed by now, or no longer, moved in {files} files\n"
        )),
    }
    let count = |status: Status| pulled.iter().filter(|one| one.status == status).count();
    let counts = STATUSES
        .into_iter()
        .map(|status| (count(status), words(status)));
    let counts = counts.filter(|(count, _)| *count > 0);
    let counts: Vec<String> = counts
        .map(|(count, words)| format!("{count} {words}"))
        .collect();
    let counts = match counts.is_empty() {
        true => String::new(),
        false => format!(": {}", counts.join(", ")),
    };
    let all = resources(pulled.iter().map(|one| one.id.kind()));
    text.push_str(&format!(
        "{all} of {domain} in {}{counts}\n",
        directory.display()
    ));
    text
}

/// What there is to say of one resource.
fn lines(resource: &Pulled) -> Vec<String> {
    let mut lines = Vec::new();
    let one = resource.id.kind().singular;
    let unpushed = resource.unpushed.join(", ");
    lines.extend(match resource.status {
        Status::Created | Status::Updated | Status::Unchanged => None,
        Status::KeptEdit => Some("keeps its edit: `tenantry diff` shows it".to_owned()),
        Status::Conflict => Some(
            "conflict: the file and the tenant both changed; `tenantry diff` shows both".to_owned(),
        ),
        Status::Gone if !unpushed.is_empty() => Some(format!(
            "its {one} is gone from the tenant, and {unpushed} in the file was never pushed: --prune --discard-local deletes the \
             file all the same"
        )),
        Status::Gone if resource.was_known => Some(format!(
            "its {one} is gone from the tenant; --prune deletes its file"
        )),
        Status::Gone => Some(format!(
            "the tenant has no {one} with this id, and tenantry makes none: `tenantry list` shows the ids that there are"
        )),
        Status::Pruned => Some(format!("deleted: its {one} is gone from the tenant")),
    });
    // What is dropped is named below.
    let is_dropped = |name: &String| {
        resource
            .dropped
            .iter()
            .any(|dropped| dropped.field == *name)
    };
    let took = resource.fields.iter().filter(|name| !is_dropped(name));
    let took: Vec<&str> = took.map(String::as_str).collect();
    if resource.status != Status::Created && !took.is_empty() {
        lines.push(format!("took {}", printable(&took.join(", "))));
    }
    if resource.has_new_ids {
        lines.push("names what it refers to by id now".to_owned());
    }
    lines.extend(resource.dropped.iter().map(dropped));
    lines
}

fn dropped(dropped: &Dropped) -> String {
    let Dropped {
        field,
        local,
        live,
        is_unsent,
    } = dropped;
    let field = printable(field);
    match local {
        None => format!("{field} is in the file again"),
        Some(local) if *is_unsent => {
            let (local, live) = (inline(Some(local)), inline(live.as_ref()));
            format!(
                "dropped {field}: {local}, which push does not send; it is {live} on the tenant"
            )
        }
        Some(local) => format!("dropped {field}: {}", inline(Some(local))),
    }
}
