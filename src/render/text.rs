//! A plan as text for people.

use std::fmt::Write;

use anstyle::Style;
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use super::change::{self, Line, Named, Part, Sign, has_parts};
use super::group::Group;
use super::reason::{never_sent, refused};
use super::style::{ADDED, DIM, DRIFT, FILE, LOUD, REMOVED};
use super::summary;
use super::value::{exact, line, look_alike};
use crate::create::New;
use crate::names::Names;
use crate::plan::{FieldPlan, Plan, ResourcePlan, State};
use crate::three_way::Base;

/// Values that are longer stand on lines of their own.
const SHORT: usize = 60;

/// A plan, with its summary as the last line.
pub fn plan(plan: &Plan, names: &Names<'_>) -> String {
    let mut text = String::new();
    for one in &plan.resources {
        text.push_str(&resource(one, names));
    }
    for one in &plan.new {
        text.push_str(&new(one, names));
    }
    match summary(plan) {
        Some(summary) => text.push_str(&summary),
        None => text.push_str("no differences"),
    }
    text.push('\n');
    text
}

/// A tenant's name, above what there is to say of it.
pub fn heading(tenant: &str) -> String {
    format!("{FILE}{}:{FILE:#}\n", line(tenant))
}

/// One resource of a plan, and an empty line.
pub fn resource(resource: &ResourcePlan, names: &Names<'_>) -> String {
    let mut text = String::new();
    resource_plan(&mut text, resource, names);
    text.push('\n');
    text
}

/// A resource that is still to be made, and an empty line.
pub fn new(new: &New, names: &Names<'_>) -> String {
    let mut text = format!("{FILE}{}{FILE:#}  {}\n", line(&new.file), line(&new.name));
    let _ = match &new.refusal {
        None => writeln!(
            text,
            "  new: the tenant does not have it, and `push --create` makes it"
        ),
        Some(refusal) => writeln!(
            text,
            "  {LOUD}new, and not made: {}{LOUD:#}",
            refused(new, refusal)
        ),
    };
    let risks = new.risks();
    for field in new.edits() {
        for leaf in change::of_field(&field, Named::of(&field, names)) {
            let (name, value) = (line(&leaf.name), leaf.names.inline(leaf.new));
            if value.width() <= SHORT && (!has_parts(leaf.new) || value == "[]") {
                let _ = writeln!(text, "  {ADDED}+ {name}: {value}{ADDED:#}");
                continue;
            }
            let _ = writeln!(text, "  {ADDED}+ {name}:{ADDED:#}");
            for line in change::lines(None, leaf.new, leaf.names) {
                signed(&mut text, "    ", &line);
            }
        }
        for (_, risk) in risks.iter().filter(|(name, _)| *name == field.field.name()) {
            let _ = writeln!(text, "    {LOUD}warning: {risk}{LOUD:#}");
        }
    }
    for default in new.open_defaults() {
        let _ = writeln!(text, "  {LOUD}warning: {default}{LOUD:#}");
    }
    for (field, why) in &new.left_out {
        let _ = writeln!(
            text,
            "  {LOUD}not sent: {}: {}{LOUD:#}",
            line(field),
            line(why)
        );
    }
    text.push('\n');
    text
}

fn resource_plan(text: &mut String, resource: &ResourcePlan, names: &Names<'_>) {
    let (name, id) = (line(&resource.name), line(resource.id.as_str()));
    // Writing to a String can't fail.
    let _ = match &resource.file {
        // Of what there is one of, the file says it all.
        Some(file) if resource.id.kind().only().is_some() => {
            writeln!(text, "{FILE}{}{FILE:#}", line(file))
        }
        Some(file) if id.is_empty() => writeln!(text, "{FILE}{}{FILE:#}  {name}", line(file)),
        Some(file) => writeln!(
            text,
            "{FILE}{}{FILE:#}  {name} {DIM}{id}{DIM:#}",
            line(file)
        ),
        None => writeln!(text, "{FILE}{name}{FILE:#} {DIM}{id}{DIM:#}"),
    };
    let one = resource.id.kind().singular;
    match resource.state {
        State::Changed => {}
        State::LiveOnly => text.push_str(
            "  only on the tenant, and push deletes nothing: `tenantry pull` writes its file, the dashboard deletes it\n",
        ),
        State::FileOnly => {
            let _ = writeln!(
                text,
                "  the tenant has no {one} with this id, and push makes none"
            );
        }
    }
    differences(text, resource, names);
}

/// What a group of differences is called, and how the group looks.
const GROUPS: [(Group, Style, &str); 5] = [
    (
        Group::Conflict,
        LOUD,
        "conflict: the file and the tenant both changed since they were last in step",
    ),
    (
        Group::UnsentEdit,
        LOUD,
        "unmanaged: the file changed it, and push sends it only where tenantry.yaml manages the field",
    ),
    (
        Group::NeverSent,
        LOUD,
        "never sent: the file changed it, and no push sends it",
    ),
    (
        Group::Drift,
        DRIFT,
        "drift: the tenant changed since both were last in step, the file did not",
    ),
    (
        Group::Unmanaged,
        DIM,
        "unmanaged: the tenant has other values, and push does not send the file's",
    ),
];

/// What the file changed, then what it did not, under a line each that says who did.
fn differences(text: &mut String, resource: &ResourcePlan, names: &Names<'_>) {
    let of = |group: Group| {
        resource
            .fields
            .iter()
            .filter(move |field| Group::of(field) == group)
    };
    for field in of(Group::Edit) {
        edit(text, field, Named::of(field, names));
    }
    for (group, style, heading) in GROUPS {
        let mut fields = of(group).peekable();
        if fields.peek().is_none() {
            continue;
        }
        let _ = writeln!(text, "  {style}{heading}{style:#}");
        for field in fields {
            let names = Named::of(field, names);
            match group {
                Group::Edit => {}
                Group::Conflict => conflict(text, field, names),
                Group::Drift | Group::UnsentEdit => changes(text, "    ", field, names),
                Group::NeverSent => {
                    changes(text, "    ", field, names);
                    let why = never_sent(resource.id.kind(), field.field.name());
                    let _ = writeln!(text, "      {DIM}{why}{DIM:#}");
                }
                Group::Unmanaged => unmanaged(text, field, names),
            }
        }
    }
}

fn edit(text: &mut String, field: &FieldPlan, names: Named<'_, '_>) {
    changes(text, "  ", field, names);
    if field.overwrites() {
        let why = match field.base {
            Base::Unknown => "overwrites what the tenant may have changed: base is unknown",
            _ => "overwrites what the tenant changed since both were last in step",
        };
        let _ = writeln!(text, "    {DRIFT}{why}{DRIFT:#}");
    }
    warn_of_risk(text, "    ", field);
}

fn warn_of_risk(text: &mut String, indent: &str, field: &FieldPlan) {
    if let Some(risk) = field.risk() {
        let _ = writeln!(text, "{indent}{LOUD}warning: {risk}{LOUD:#}");
    }
}

/// All of it dimmed, the colours of old and new too.
fn unmanaged(text: &mut String, field: &FieldPlan, names: Named<'_, '_>) {
    let mut lines = String::new();
    changes(&mut lines, "    ", field, names);
    for one in anstream::adapter::strip_str(&lines).to_string().lines() {
        let _ = writeln!(text, "{DIM}{one}{DIM:#}");
    }
}

/// Three sides: as they stand, or what each side changed where that says more.
fn conflict(text: &mut String, field: &FieldPlan, names: Named<'_, '_>) {
    let FieldPlan {
        field: name,
        base,
        local,
        live,
        change: _,
        is_unsent_edit: _,
    } = field;
    let (local, live) = (local.as_ref(), live.as_ref());
    let _ = writeln!(text, "    {}:", line(&name.to_string()));
    if *base == Base::Unknown {
        let _ = writeln!(
            text,
            "      base    unknown: nobody can tell which side changed"
        );
        if [local, live].into_iter().any(has_parts) {
            let _ = writeln!(text, "      from the tenant's value to the file's:");
            for line in change::lines(live, local, names) {
                signed(text, "        ", &line);
            }
        } else {
            sides(text, &[("file  ", local), ("tenant", live)], names);
        }
        warn_of_risk(text, "      ", field);
        return;
    }
    let base = base.value();
    if [base, local, live].into_iter().any(has_parts) {
        for (who, value) in [("file", local), ("tenant", live)] {
            let _ = writeln!(text, "      the {who} changed:");
            for line in change::lines(base, value, names) {
                signed(text, "        ", &line);
            }
        }
    } else {
        sides(
            text,
            &[("base  ", base), ("file  ", local), ("tenant", live)],
            names,
        );
    }
    warn_of_risk(text, "      ", field);
}

/// Short values under each other.
fn sides(text: &mut String, sides: &[(&str, Option<&Value>)], names: Named<'_, '_>) {
    let pairs = sides.iter().zip(sides.iter().cycle().skip(1));
    let look_alike = pairs
        .into_iter()
        .any(|(one, other)| look_alike(one.1, other.1));
    for (side, value) in sides {
        let value = match look_alike {
            true => exact(*value),
            false => names.inline(*value),
        };
        let _ = writeln!(text, "      {side}  {value}");
    }
}

/// A field's value becoming another, in the form that reads best: on one line, or below the field's name.
fn changes(text: &mut String, indent: &str, field: &FieldPlan, names: Named<'_, '_>) {
    for leaf in change::of_field(field, names) {
        let name = line(&leaf.name);
        let [old, new] = [leaf.old, leaf.new].map(|value| leaf.names.inline(value));
        let is_short = old.width() + new.width() <= SHORT;
        let is_plain = !has_parts(leaf.old) && !has_parts(leaf.new);
        if is_short && is_plain && !look_alike(leaf.old, leaf.new) {
            let _ = writeln!(
                text,
                "{indent}{name}: {REMOVED}{old}{REMOVED:#} → {ADDED}{new}{ADDED:#}"
            );
        } else {
            let _ = writeln!(text, "{indent}{name}:");
            for line in change::lines(leaf.old, leaf.new, leaf.names) {
                signed(text, &format!("{indent}  "), &line);
            }
        }
    }
}

/// A line of a change, its sign before it and the changed words marked.
fn signed(text: &mut String, indent: &str, line: &Line) {
    let style = match line.sign {
        Sign::Removed => REMOVED,
        Sign::Added => ADDED,
        Sign::Kept => Style::new(),
        Sign::Note => DIM,
    };
    let mark = style.underline();
    let _ = write!(text, "{indent}{style}{}", line.sign.prefix());
    for Part { text: part, marked } in &line.parts {
        let _ = match marked {
            false => write!(text, "{part}"),
            true => write!(text, "{style:#}{mark}{part}{mark:#}{style}"),
        };
    }
    let _ = writeln!(text, "{style:#}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::{Reference, tenant_settings};
    use crate::plan::{Change, PlanField};
    use crate::resource::ResourceId;
    use serde_json::json;

    #[test]
    fn short_values_have_the_names_of_what_they_refer_to_behind_them() {
        let audience = tenant_settings::KIND.field("default_audience").unwrap();
        let field = |change, base| FieldPlan {
            field: PlanField::Updatable(audience.into()),
            change,
            base,
            local: Some(json!("https://a")),
            live: Some(json!("https://b")),
            is_unsent_edit: false,
        };
        let before = Base::Is(json!(""));
        let plan = ResourcePlan {
            id: ResourceId::new(&tenant_settings::KIND, "tenant-settings"),
            name: "tenant-settings".to_owned(),
            file: Some("tenant-settings.yaml".to_owned()),
            state: State::Changed,
            fields: vec![
                field(Change::Edit, before.clone()),
                field(Change::Conflict, before),
                field(Change::Conflict, Base::Unknown),
            ],
        };
        let names = |_: Reference, text: &str| match text {
            "https://a" => Some("API A"),
            "https://b" => Some("API B"),
            _ => None,
        };
        let text = resource(&plan, &names);
        insta::assert_snapshot!(anstream::adapter::strip_str(&text), @r#"
        tenant-settings.yaml
          default_audience: "https://b" (API B) → "https://a" (API A)
            overwrites what the tenant changed since both were last in step
          conflict: the file and the tenant both changed since they were last in step
            default_audience:
              base    ""
              file    "https://a" (API A)
              tenant  "https://b" (API B)
            default_audience:
              base    unknown: nobody can tell which side changed
              file    "https://a" (API A)
              tenant  "https://b" (API B)
        "#);
    }
}
