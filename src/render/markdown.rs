//! A plan as markdown for a pull request: a summary, a table, and a section to unfold for each resource.

use std::fmt::Write;

use super::change::{self, Line, Named, Sign};
use super::group::Group;
use super::json::change_name;
use super::reason::{never_sent, refused};
use super::value::line;
use super::{counted, resources, summary};
use crate::create::New;
use crate::names::Names;
use crate::plan::{Change, FieldPlan, Plan, ResourcePlan, State};
use crate::three_way::Base;

/// Comments may have 65,536 characters; a plan that comes near it is cut between resources, and says so.
const LONGEST: usize = 60_000;

/// A plan as markdown.
pub fn plan(plan: &Plan, names: &Names<'_>) -> String {
    let mut text = heading(plan);
    match summary(plan) {
        None => text.push_str("No differences.\n"),
        Some(summary) => {
            let _ = writeln!(text, "{summary}.\n");
            differing(&mut text, plan, names);
        }
    }
    text
}

/// A promotion as markdown: the values that are written, in one line how many, and what there is to remark.
pub fn promotion(plan: &Plan, summary: &str, remarks: &[String], names: &Names<'_>) -> String {
    let mut text = heading(plan);
    let _ = writeln!(text, "{}.\n", escape(summary));
    for (index, remark) in remarks.iter().enumerate() {
        let remark = escape(remark);
        if text.len() + remark.len() > LONGEST / 2 {
            let left = counted(remarks.len() - index, "more remark", "more remarks");
            let _ = writeln!(text, "- {left}: see `tenantry promote`");
            break;
        }
        let _ = writeln!(text, "- {remark}");
    }
    if !remarks.is_empty() {
        text.push('\n');
    }
    if !plan.is_empty() {
        differing(&mut text, plan, names);
    }
    text
}

fn heading(plan: &Plan) -> String {
    format!("### tenantry: {}\n\n", escape(&plan.tenant.domain))
}

/// A table of the resources that differ, and a section for each, as far as there is room.
fn differing(text: &mut String, plan: &Plan, names: &Names<'_>) {
    text.push_str("| name | file | differences |\n|---|---|---|\n");
    let (mut rows, mut warnings, mut sections) = (String::new(), String::new(), String::new());
    let mut left_out: &[ResourcePlan] = &[];
    for (index, resource) in plan.resources.iter().enumerate() {
        let (row, warning, section) = (row(resource), warning(resource), section(resource, names));
        let so_far = text.len() + rows.len() + warnings.len() + sections.len();
        if so_far + row.len() + warning.len() + section.len() > LONGEST {
            left_out = &plan.resources[index..];
            break;
        }
        rows.push_str(&row);
        warnings.push_str(&warning);
        sections.push_str(&section);
    }
    let mut new_left_out: &[New] = &plan.new;
    if left_out.is_empty() {
        new_left_out = &[];
        for (index, new) in plan.new.iter().enumerate() {
            let (row, warning, section) = (new_row(new), new_warning(new), new_section(new, names));
            let so_far = text.len() + rows.len() + warnings.len() + sections.len();
            if so_far + row.len() + warning.len() + section.len() > LONGEST {
                new_left_out = &plan.new[index..];
                break;
            }
            rows.push_str(&row);
            warnings.push_str(&warning);
            sections.push_str(&section);
        }
    }
    text.push_str(&(rows + &warnings + &sections));
    if !left_out.is_empty() || !new_left_out.is_empty() {
        let risks = left_out.iter().flat_map(|one| &one.fields);
        let new_risks = new_left_out
            .iter()
            .map(|new| new.risks().len())
            .sum::<usize>();
        let risks = match new_risks + risks.filter(|field| field.risk().is_some()).count() {
            0 => String::new(),
            risks => format!(", with {}", counted(risks, "risk", "risks")),
        };
        let left_out = format!(
            "{} more",
            resources(
                left_out
                    .iter()
                    .map(|one| one.id.kind())
                    .chain(new_left_out.iter().map(|new| new.kind))
            )
        );
        let _ = writeln!(
            text,
            "\n**{left_out}**{risks}. There is no room for that here: see `tenantry diff`."
        );
    }
}

/// What an edit does at once to who may log in where.
fn warning(resource: &ResourcePlan) -> String {
    let fields = resource.fields.iter();
    let risks = fields.filter_map(|field| Some((&field.field, field.risk()?)));
    risks
        .map(|(field, risk)| {
            let (name, field) = (escape(&resource.name), escape(&field.to_string()));
            format!("\n> [!WARNING]\n> {name}: {field}: {}.\n", escape(&risk))
        })
        .collect()
}

fn row(resource: &ResourcePlan) -> String {
    let differences = match resource.state {
        State::LiveOnly => "only on the tenant".to_owned(),
        State::FileOnly => "only in a file".to_owned(),
        State::Changed => {
            let changes = [
                Change::Edit,
                Change::Drift,
                Change::Conflict,
                Change::Unmanaged,
            ];
            let changes = changes.into_iter().filter_map(|change| {
                let fields = resource
                    .fields
                    .iter()
                    .filter(|field| field.change == change);
                let fields: Vec<String> = fields
                    .map(|field| escape(&field.field.to_string()))
                    .collect();
                (!fields.is_empty())
                    .then(|| format!("{}: {}", change_name(change), fields.join(", ")))
            });
            changes.collect::<Vec<_>>().join("; ")
        }
    };
    let file = resource.file.as_deref().map(escape).unwrap_or_default();
    format!("| {} | {file} | {differences} |\n", escape(&resource.name))
}

fn new_row(new: &New) -> String {
    let state = match &new.refusal {
        None => "to make".to_owned(),
        Some(refusal) => format!("new, and not made: {}", escape(&refused(new, refusal))),
    };
    format!(
        "| {} | {} | {state} |\n",
        escape(&new.name),
        escape(&new.file)
    )
}

fn new_warning(new: &New) -> String {
    let risks = new.risks().into_iter();
    let warnings = risks.map(|(field, risk)| {
        let (name, field) = (escape(&new.name), escape(field));
        format!("\n> [!WARNING]\n> {name}: {field}: {}.\n", escape(&risk))
    });
    let defaults = new.open_defaults().into_iter();
    let defaults = defaults.map(|default| {
        let name = escape(&new.name);
        format!("\n> [!WARNING]\n> {name}: {}.\n", escape(&default))
    });
    warnings.chain(defaults).collect()
}

fn new_section(new: &New, names: &Names<'_>) -> String {
    let mut text = format!("\n<details open><summary>{}</summary>\n", escape(&new.name));
    let mut diff = String::new();
    for field in new.edits() {
        field_diff(&mut diff, &field, names);
    }
    let words = "**New**: the tenant does not have it, and `push --create` makes it.";
    fenced(&mut text, words, "diff", &diff);
    for (field, why) in &new.left_out {
        let _ = writeln!(
            text,
            "\n{}: not sent, since {}.",
            escape(field),
            escape(why)
        );
    }
    text.push_str("\n</details>\n");
    text
}

/// Lines in a block, below words about them.
fn fenced(text: &mut String, words: &str, colours: &str, lines: &str) {
    // A fence is longer than any run of backticks inside.
    let runs = lines.split(|character| character != '`');
    let longest = runs.map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let _ = write!(text, "\n{words}\n\n{fence}{colours}\n{lines}{fence}\n");
}

fn section(resource: &ResourcePlan, names: &Names<'_>) -> String {
    if resource.fields.is_empty() {
        return String::new();
    }
    let is_open = resource
        .fields
        .iter()
        .any(|field| Group::of(field) != Group::Unmanaged);
    let mut text = format!(
        "\n<details{}><summary>{} <code>{}</code></summary>\n",
        if is_open { " open" } else { "" },
        escape(&resource.name),
        escape(resource.id.as_str())
    );
    for (group, words) in GROUPS {
        let mut diff = String::new();
        let fields = resource
            .fields
            .iter()
            .filter(|field| Group::of(field) == group);
        let mut words = words.to_owned();
        for field in fields {
            field_diff(&mut diff, field, names);
            if group == Group::NeverSent {
                let name = field.field.name();
                let why = never_sent(resource.id.kind(), name);
                let _ = write!(words, " {}: {}.", escape(name), escape(&why));
            }
        }
        if diff.is_empty() {
            continue;
        }
        // Colours are for what changed.
        let colours = if group == Group::Unmanaged {
            "text"
        } else {
            "diff"
        };
        fenced(&mut text, &words, colours, &diff);
    }
    text.push_str("\n</details>\n");
    text
}

/// The groups of differences, in words that say who changed what.
const GROUPS: [(Group, &str); 6] = [
    (
        Group::Edit,
        "**Edit**: the file changed it, and push sends it.",
    ),
    (
        Group::Conflict,
        "**Conflict**: the file and the tenant both changed it, and push sends nothing.",
    ),
    (
        Group::Drift,
        "**Drift**: the tenant changed it, the file did not, and push does not send it.",
    ),
    (
        Group::UnsentEdit,
        "**Unmanaged edit**: the file changed it, and push sends it only where tenantry.yaml manages the field.",
    ),
    (
        Group::NeverSent,
        "**Never sent**: the file changed it, and no push sends it.",
    ),
    (
        Group::Unmanaged,
        "**Unmanaged**: the tenant has another value, and push does not send the file's.",
    ),
];

fn field_diff(diff: &mut String, field: &FieldPlan, names: &Names<'_>) {
    let name = line(&field.field.to_string());
    let names = Named::of(field, names);
    if field.change == Change::Conflict && field.base == Base::Unknown {
        let _ = writeln!(diff, "@@ {name} (base is unknown) @@");
        signed(
            diff,
            &change::lines(field.live.as_ref(), field.local.as_ref(), names),
        );
    } else if field.change == Change::Conflict {
        for (who, value) in [("the file", &field.local), ("the tenant", &field.live)] {
            let _ = writeln!(diff, "@@ {name} ({who} changed it) @@");
            signed(
                diff,
                &change::lines(field.base.value(), value.as_ref(), names),
            );
        }
    }
    for leaf in change::of_field(field, names) {
        let name = line(&leaf.name);
        let lines = change::lines(leaf.old, leaf.new, leaf.names);
        if Group::of(field) == Group::Unmanaged {
            let _ = writeln!(diff, "{name}");
            sided(diff, &lines);
        } else {
            let _ = writeln!(diff, "@@ {name} @@");
            signed(diff, &lines);
        }
    }
}

/// Whose line it is, in words.
fn sided(diff: &mut String, lines: &[Line]) {
    for one in lines {
        let side = match one.sign {
            Sign::Removed => "  file:   ",
            Sign::Added => "  tenant: ",
            Sign::Kept => "          ",
            Sign::Note => "  # ",
        };
        let _ = writeln!(diff, "{side}{}", one.text());
    }
}

fn signed(diff: &mut String, lines: &[Line]) {
    for one in lines {
        let prefix = match one.sign {
            Sign::Note => "# ",
            sign => sign.prefix(),
        };
        let _ = writeln!(diff, "{prefix}{}", one.text());
    }
}

/// Text that markdown and HTML show as it stands, also in a table.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for character in line(text).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '|' => escaped.push_str("&#124;"),
            // An `@` would notify somebody, even when it is written as an entity.
            '@' => escaped.push_str("@\u{200d}"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '~' | '!' => {
                let _ = write!(escaped, "&#{};", u32::from(character));
            }
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::BaseFrom;
    use crate::kinds::clients::KIND;
    use crate::plan::{PlanField, Tenant};
    use crate::resource::ResourceId;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn plan_of(clients: impl IntoIterator<Item = (String, Value)>) -> Plan {
        let resource = |(index, (name, entries)): (usize, (String, Value))| ResourcePlan {
            id: ResourceId::new(&KIND, format!("id{index}")),
            name,
            file: Some(format!("clients/{index}.yaml")),
            state: State::Changed,
            fields: vec![FieldPlan {
                field: PlanField::Updatable(KIND.field("allowed_clients").unwrap().into()),
                change: Change::Edit,
                base: Base::NoBase,
                local: Some(entries),
                live: Some(json!(["x"])),
                is_unsent_edit: false,
            }],
        };
        Plan {
            tenant: Tenant {
                name: None,
                domain: "acme.eu.auth0.com".to_owned(),
            },
            base: BaseFrom::Lock,
            resources: clients.into_iter().enumerate().map(resource).collect(),
            new: Vec::new(),
        }
    }

    fn markdown(plan: &Plan) -> String {
        super::plan(plan, &|_, _| None)
    }

    #[test]
    fn what_does_not_fit_is_counted_and_its_dangers_are_told() {
        let text = markdown(&plan_of(
            (0..2_000).map(|index| (format!("App {index}"), json!([]))),
        ));
        let shown = text.matches("<details").count();
        assert_eq!(text.matches("[!WARNING]").count(), shown);
        let left = 2_000 - shown;
        assert!(
            text.ends_with(&format!(
                "\n**{left} clients more**, with {left} risks. There is no room for that here: see `tenantry diff`.\n"
            )),
            "{}",
            &text[text.len() - 300..]
        );
        let huge = markdown(&plan_of([("A".repeat(70_000), json!(["y"]))]));
        assert!(
            huge.contains("**1 client more**. There is no room"),
            "{}",
            huge.len()
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        /// GitHub cuts or refuses a comment that is longer.
        #[test]
        fn a_comment_is_never_too_long(
            clients in prop::collection::vec(("\\PC{0,300}", prop::collection::vec("[`|<>a-z\n]{0,500}", 0..20)), 0..80),
        ) {
            let clients = clients.into_iter().map(|(name, entries)| (name, json!(entries)));
            let text = markdown(&plan_of(clients));
            prop_assert!(text.chars().count() <= 65_536);
            prop_assert_eq!(text.matches("<details").count(), text.matches("\n</details>\n").count());
        }
    }
}
