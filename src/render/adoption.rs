//! What is taken over from the Deploy CLI, as text, and what is left.

use super::promotion::{file, why_alone};
use super::text::{new, resource};
use super::{Names, counted, printable, promotion};
use crate::adopt::{Left, Rename};
use crate::files::OVERRIDES_FILE;
use crate::kinds::Kind;
use crate::plan::Plan;
use crate::promote::{Alone, WhyAlone};

/// What an adoption came to.
pub(crate) struct Done<'a> {
    /// The tenant, where it has a name.
    pub(crate) tenant: Option<&'a str>,
    /// The values and the new files.
    pub(crate) plan: &'a Plan,
    /// The files that have other names now.
    pub(crate) renames: &'a [Rename],
    /// The values that are the tenant's own now.
    pub(crate) own: &'a [Own],
    /// How many lines of comments came along.
    pub(crate) comments: usize,
    /// What has no file here, with its place.
    pub(crate) alone: &'a [(String, Alone)],
    /// What else is left.
    pub(crate) left: &'a [Left],
    /// Whether nothing was written.
    pub(crate) dry_run: bool,
}

/// Values of a file that are the tenant's own.
pub(crate) struct Own {
    /// The kind.
    pub(crate) kind: &'static Kind,
    /// The file's stem.
    pub(crate) stem: String,
    /// The fields.
    pub(crate) fields: Vec<&'static str>,
}

impl Done<'_> {
    /// Whether something was written, or would be.
    pub(crate) fn is_something(&self) -> bool {
        let is_planned = !self.plan.resources.is_empty() || !self.plan.new.is_empty();
        is_planned || !self.renames.is_empty() || !self.own.is_empty() || self.comments > 0
    }

    /// Everything that is left, by place.
    pub(crate) fn lefts(&self) -> Vec<Left> {
        let alone = self.alone.iter();
        let alone = alone.map(|(place, alone)| Left {
            place: place.clone(),
            fields: Vec::new(),
            why: self.why_alone(alone),
        });
        let mut lefts: Vec<Left> = alone.chain(self.left.iter().cloned()).collect();
        // A line number is a number: line 9 comes before line 10.
        lefts.sort_by_cached_key(|left| match left.place.rsplit_once(':') {
            Some((file, line)) => (file.to_owned(), line.parse::<usize>().unwrap_or_default()),
            None => (left.place.clone(), 0),
        });
        lefts.dedup();
        lefts
    }

    fn why_alone(&self, Alone { kind, why, .. }: &Alone) -> String {
        let to = self.tenant.unwrap_or("the tenant");
        match why {
            WhyAlone::NotAsked => {
                format!(
                    "no {} here is the same; with --create a file is written",
                    kind.singular
                )
            }
            WhyAlone::OneOnly => "no file here is of it: pull first".to_owned(),
            why => {
                let why = why_alone(kind, why, "the Deploy CLI", to);
                format!("no {} here is the same, {why}", kind.singular)
            }
        }
    }
}

/// The values that are written, what else is done, in one line how much, and what is left.
pub(crate) fn text(done: &Done<'_>, names: &Names<'_>) -> String {
    let resources = done.plan.resources.iter().map(|one| resource(one, names));
    let new = done.plan.new.iter().map(|one| new(one, names));
    let mut text: String = resources.chain(new).collect();
    let mut lines = Vec::new();
    let (becomes, has) = match done.dry_run {
        true => ("would become", "would have"),
        false => ("is now", "has"),
    };
    for rename in done.renames {
        lines.push(format!("{} {becomes} {}", rename.from, rename.to));
    }
    for own in done.own {
        let file = file(own.kind, &own.stem);
        let fields = own.fields.join(", ");
        lines.push(format!(
            "{file}: {OVERRIDES_FILE} {has} what is this tenant's own: {fields}"
        ));
    }
    lines.push(summary(done));
    let left = done.lefts();
    if !left.is_empty() {
        lines.push(String::new());
        lines.push(format!(
            "{} left to do:",
            counted(left.len(), "thing is", "things are")
        ));
    }
    for Left { place, fields, why } in left {
        let fields = match fields.is_empty() {
            true => String::new(),
            false => format!(" {}:", fields.join(", ")),
        };
        lines.push(format!("{place}:{fields} {why}"));
    }
    for line in lines {
        text.push_str(&format!("{}\n", printable(&line)));
    }
    text
}

fn summary(done: &Done<'_>) -> String {
    if !done.is_something() {
        return "nothing to do".to_owned();
    }
    let (verb, renamed) = match done.dry_run {
        true => ("would be written", "would be renamed"),
        false => ("written", "renamed"),
    };
    let mut parts = Vec::new();
    if !done.plan.resources.is_empty() || !done.plan.new.is_empty() {
        parts.push(promotion::summary(done.plan, done.dry_run));
    }
    if !done.renames.is_empty() {
        parts.push(format!(
            "{} {renamed}",
            counted(done.renames.len(), "file", "files")
        ));
    }
    let own = done.own.iter().map(|own| own.fields.len()).sum();
    if own > 0 {
        parts.push(format!(
            "{} {verb} to {OVERRIDES_FILE}",
            counted(own, "value", "values")
        ));
    }
    if done.comments > 0 {
        parts.push(format!(
            "{} {verb}",
            counted(done.comments, "comment line", "comment lines")
        ));
    }
    parts.join("; ")
}
