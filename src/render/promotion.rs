//! What a promotion writes, as text, and what there is to remark.

use super::text::resource;
use super::{Names, counted, printable};
use crate::files::OVERRIDES_FILE;
use crate::kinds::{Kind, Shape};
use crate::plan::Plan;
use crate::promote::{BrokenReference, Promotion};

/// The values that are written, in one line how many, and what there is to remark.
pub(crate) fn text(plan: &Plan, summary: &str, remarks: &[String], names: &Names<'_>) -> String {
    let resources = plan.resources.iter();
    let mut text: String = resources.map(|one| resource(one, names)).collect();
    for line in std::iter::once(summary).chain(remarks.iter().map(String::as_str)) {
        text.push_str(&format!("{}\n", printable(line)));
    }
    text
}

/// What was written, or would be.
pub(crate) fn summary(plan: &Plan, dry_run: bool) -> String {
    let values = plan.fields().count();
    if values == 0 {
        return "no differences".to_owned();
    }
    let values = counted(values, "value", "values");
    let files = counted(plan.resources.len(), "file", "files");
    match dry_run {
        true => format!("{values} would be written to {files}"),
        false => format!("{values} written to {files}"),
    }
}

/// What somebody should know beside the changes.
pub(crate) fn remarks(promotion: &Promotion, from: &str, to: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for change in promotion.changes.iter().filter(|change| change.overridden) {
        let file = file(change.kind, &change.stem);
        lines.push(format!(
            "{file}: {} is {to}'s own value, from {OVERRIDES_FILE}",
            change.field
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
    for (kind, stem) in &promotion.alone {
        let file = file(kind, stem);
        lines.push(format!(
            "{file}: {to} has no file of this name, so nothing is promoted"
        ));
    }
    lines
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
    let reference = broken.field.row().refers_to;
    reference.and_then(|reference| reference.kind())
}

/// Why nothing is written where a reference would break, and what to do.
pub(crate) fn missing(missing: &[BrokenReference], from: &str, to: &str) -> (String, String) {
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
    let lines: Vec<String> = missing.iter().map(line).collect();
    let message = format!(
        "nothing was written: {to} lacks what {from} refers to\n{}",
        lines.join("\n")
    );
    let hint = format!(
        "make it in {to}, pull it with `tenantry pull --tenant {to}`, and give its file the same name; or leave the field out with \
         --fields"
    );
    (message, hint)
}
