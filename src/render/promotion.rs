//! What a promotion writes, as text, and what there is to remark.

use super::text::{new, resource};
use super::{Names, counted, printable, resources};
use crate::files::OVERRIDES_FILE;
use crate::kinds::{Creation, Kind, Shape};
use crate::plan::Plan;
use crate::promote::{Alone, BrokenReference, Promoted, Promotion, WhyAlone};

/// The values that are written, in one line how many, and what there is to remark.
pub(crate) fn text(plan: &Plan, summary: &str, remarks: &[String], names: &Names<'_>) -> String {
    let resources = plan.resources.iter().map(|one| resource(one, names));
    let new = plan.new.iter().map(|one| new(one, names));
    let mut text: String = resources.chain(new).collect();
    for line in std::iter::once(summary).chain(remarks.iter().map(String::as_str)) {
        text.push_str(&format!("{}\n", printable(line)));
    }
    text
}

/// What was written, or would be.
pub(crate) fn summary(plan: &Plan, dry_run: bool) -> String {
    let verb = match dry_run {
        true => "would be written",
        false => "written",
    };
    let mut parts = Vec::new();
    let values = plan.fields().count();
    if values > 0 {
        let values = counted(values, "value", "values");
        let files = counted(plan.resources.len(), "file", "files");
        parts.push(format!("{values} {verb} to {files}"));
    }
    if !plan.new.is_empty() {
        let files = counted(plan.new.len(), "new file", "new files");
        let resources = resources(plan.new.iter().map(|new| new.kind));
        parts.push(format!("{files} {verb}, of {resources}"));
    }
    match parts.is_empty() {
        true => "no differences".to_owned(),
        false => parts.join("; "),
    }
}

/// What somebody should know beside the changes.
pub(crate) fn remarks(
    promotion: &Promotion,
    unpushed: &[&Promoted],
    from: &str,
    to: &str,
) -> Vec<String> {
    let mut lines = Vec::new();
    for change in unpushed {
        lines.push(format!(
            "{}: {}: {to}'s file had an edit there that was never pushed",
            file(change.kind, &change.stem),
            change.field
        ));
    }
    let changes = promotion.changes.iter().filter(|change| change.overridden);
    let changes = changes.map(|change| (change.kind, &change.stem, change.field));
    let new = promotion.new.iter().flat_map(|new| {
        let fields = new.overridden.iter();
        fields.map(move |field| (new.kind, &new.stem, *field))
    });
    for (kind, stem, field) in changes.chain(new) {
        let file = file(kind, stem);
        lines.push(format!(
            "{file}: {field} is {to}'s own value, from {OVERRIDES_FILE}"
        ));
    }
    for broken in &promotion.carried {
        let BrokenReference { field, entry, .. } = broken;
        let one = referred_kind(broken).map_or("resource", |kind| kind.singular);
        lines.push(format!(
            "{}: {field}: {entry} is no {one} of {from}, and is carried as it is",
            file(broken.kind, &broken.stem)
        ));
    }
    for (kind, stem, field) in &promotion.own {
        let file = file(kind, stem);
        lines.push(format!(
            "{file}: {field} means something in {from} only, and stays there; {to}'s own can stand in its {OVERRIDES_FILE}"
        ));
    }
    for (kind, stem, key) in &promotion.served {
        let file = file(kind, stem);
        lines.push(format!(
            "{file}: {key} can't be set by anybody, and stays as each tenant has it"
        ));
    }
    for kind in &promotion.unmanaged_kinds {
        let them = match kind.shape {
            Shape::Many(_) => "them",
            Shape::One { .. } => "it",
        };
        lines.push(format!(
            "{}: {to} does not manage {them}, so nothing is promoted",
            all_files(kind)
        ));
    }
    for field in &promotion.unmanaged_fields {
        lines.push(format!(
            "{}: {to} does not manage {field}, so it is not promoted",
            all_files(field.kind())
        ));
    }
    for (kind, stem, why) in &promotion.everywhere {
        let file = file(kind, stem);
        lines.push(format!("{file}: nothing is promoted of it: {why}"));
    }
    for Alone { kind, stem, why } in &promotion.alone {
        let file = file(kind, stem);
        let why = why_alone(kind, why, from, to);
        lines.push(format!("{file}: {to} has no file of this name, {why}"));
    }
    lines
}

/// Why a file gets no counterpart, in the words of the end of a sentence.
pub(super) fn why_alone(kind: &Kind, why: &WhyAlone, from: &str, to: &str) -> String {
    let one = kind.singular;
    match why {
        WhyAlone::NotAsked => "so nothing is promoted; with --create one is written".to_owned(),
        WhyAlone::OneOnly => {
            format!("so nothing is promoted; `tenantry pull --tenant {to}` writes it")
        }
        WhyAlone::CannotMake(why) => {
            format!("and a {one} can't be made from a file, since {why}")
        }
        WhyAlone::Stays(why) => format!("and none is written: {why}"),
        WhyAlone::FileGone(id) => format!(
            "and none is written: its tenant.lock has it as that of {id}, which `tenantry pull --tenant {to}` brings back"
        ),
        WhyAlone::SameFile(other) => format!(
            "and none is written: to some file systems it is {}; rename one of the two",
            file(kind, other)
        ),
        WhyAlone::IsThere(other) => format!(
            "and none is written: {} has the same {}, and push makes no second one; to tie the two together, give their files one name",
            file(kind, other),
            key(kind)
        ),
        WhyAlone::Twice(other) => format!(
            "and none is written: {} of {from} has the same {}, and push makes one only",
            file(kind, other),
            key(kind)
        ),
        WhyAlone::Without(field) => {
            format!("and none is written: the API makes no {one} without `{field}`")
        }
        WhyAlone::Unknown(field, text) => {
            format!("and none is written: its {field} is {text}, which has no file in {from}")
        }
    }
}

/// What a tenant has one resource of at most.
fn key(kind: &Kind) -> String {
    match kind.creation() {
        Some(Creation::Takes(takes)) => {
            let names: Vec<&str> = takes.key.iter().map(|(field, _)| *field).collect();
            names.join(", ")
        }
        _ => String::new(),
    }
}

/// A file without its extension, which it may not share with its counterpart.
pub(crate) fn file(kind: &Kind, stem: &str) -> String {
    match kind.folder() {
        "" => stem.to_owned(),
        folder => format!("{folder}/{stem}"),
    }
}

/// A kind by where its files are: several kinds may have one name.
fn all_files(kind: &Kind) -> &'static str {
    match &kind.shape {
        Shape::Many(_) => kind.name,
        Shape::One { file, .. } => file,
    }
}

fn referred_kind(broken: &BrokenReference) -> Option<&'static Kind> {
    let reference = broken.kind.row(broken.field)?.refers_to;
    reference.and_then(|reference| reference.kind())
}

/// Why nothing is written where a reference would break, and what to do.
pub(crate) fn missing(promotion: &Promotion, from: &str, to: &str) -> (String, String) {
    let line = |broken: &BrokenReference| {
        let BrokenReference { field, entry, .. } = broken;
        let who = file(broken.kind, &broken.stem);
        match (&broken.means, referred_kind(broken)) {
            (Some(stem), Some(kind)) => {
                format!("{who}: {field} refers to {} ({entry})", file(kind, stem))
            }
            _ => format!("{who}: {field} refers to {entry}, which has no file in {from} any more"),
        }
    };
    let lines: Vec<String> = promotion.missing.iter().map(line).collect();
    let message = format!(
        "nothing was written: {to} lacks what {from} refers to\n{}",
        lines.join("\n")
    );
    let is_new = |broken: &BrokenReference| {
        let mut new = promotion.new.iter();
        new.any(|new| new.kind == broken.kind && new.stem == broken.stem)
    };
    let leave_out = match promotion.missing.iter().any(is_new) {
        true => format!("or name what refers to it under `ignore:` in {to}'s {OVERRIDES_FILE}"),
        false => "or leave the field out with --fields".to_owned(),
    };
    let hint = format!(
        "promote it, too, with --create; or make it in {to}, pull it with `tenantry pull --tenant {to}`, and give its file the same \
         name; {leave_out}"
    );
    (message, hint)
}
