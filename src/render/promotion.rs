//! What a promotion writes, as text, and what there is to remark.

use super::text::resource;
use super::{Names, counted, printable};
use crate::files::OVERRIDES_FILE;
use crate::plan::Plan;
use crate::promote::{Change, Promotion, Reference};

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
pub(crate) fn remarks(
    promotion: &Promotion,
    unpushed: &[&Change],
    from: &str,
    to: &str,
) -> Vec<String> {
    let mut lines = Vec::new();
    for change in unpushed {
        lines.push(format!(
            "{}: {}: {to}'s file had an edit there that was never pushed",
            change.stem, change.field
        ));
    }
    for change in promotion.changes.iter().filter(|change| change.overridden) {
        lines.push(format!(
            "{}: {} is {to}'s own value, from {OVERRIDES_FILE}",
            change.stem, change.field
        ));
    }
    for Reference {
        stem, field, entry, ..
    } in &promotion.carried
    {
        let kind = field.row().refers_to.and_then(|reference| reference.kind());
        let one = kind.map_or("resource", |kind| kind.singular);
        lines.push(format!(
            "{stem}: {field}: {entry} is no {one} of {from}, and is carried as it is"
        ));
    }
    for (_, stem, field) in &promotion.own {
        lines.push(format!(
            "{stem}: {field} means something in {from} only, and stays there; {to}'s own can stand in its {OVERRIDES_FILE}"
        ));
    }
    for alone in &promotion.alone {
        let mut line = format!(
            "{}: {to} has no file of this name, so nothing is promoted",
            alone.stem
        );
        if !alone.first.is_empty() {
            let first = alone.first.iter();
            let first: Vec<String> = first.map(|(kind, stem)| format!("{kind}/{stem}")).collect();
            line.push_str(&format!(
                "; {to} lacks what it refers to, which comes first: {}",
                first.join(", ")
            ));
        }
        lines.push(line);
    }
    lines
}

/// Why nothing is written where a reference would break, and what to do.
pub(crate) fn missing(missing: &[Reference], from: &str, to: &str) -> (String, String) {
    let line = |Reference {
                    stem,
                    field,
                    entry,
                    means,
                    ..
                }: &Reference| match means {
        Some(means) => format!("{stem}: {field} refers to {means} ({entry})"),
        None => {
            format!("{stem}: {field} refers to {entry}, which has no file in {from} any more")
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
