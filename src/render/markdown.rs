//! A plan as markdown for a pull request: a summary, a table, and a section to unfold for each client.

use std::fmt::Write;

use super::change::{self, ClientNames, Line, Sign};
use super::json::kind_name;
use super::summary;
use super::value::line;
use crate::plan::{ClientPlan, FieldPlan, Kind, Plan, State};

/// Comments may have 65,536 characters; a plan that comes near it is cut between clients, and says so.
const LONGEST: usize = 60_000;

/// A plan as markdown.
pub fn plan(plan: &Plan, names: &ClientNames<'_>) -> String {
    let mut text = format!("### tenantry: {}\n\n", escape(&plan.tenant.domain));
    let Some(summary) = summary(plan) else {
        text.push_str("No differences.\n");
        return text;
    };
    let _ = writeln!(
        text,
        "{summary}.\n\n| client | file | differences |\n|---|---|---|"
    );
    let mut warnings = String::new();
    for client in plan
        .clients
        .iter()
        .filter(|client| client.fields.iter().any(FieldPlan::widens))
    {
        let _ = writeln!(
            warnings,
            "\n> [!WARNING]\n> `allowed_clients: []` lets every client of the tenant delegate to {}.",
            escape(&client.name)
        );
    }
    let mut sections = String::new();
    let mut left_out = 0;
    for client in &plan.clients {
        let row = row(client);
        let section = section(client, names);
        if text.len() + warnings.len() + sections.len() + row.len() + section.len() > LONGEST {
            left_out += 1;
        } else {
            text.push_str(&row);
            sections.push_str(&section);
        }
    }
    text.push_str(&warnings);
    text.push_str(&sections);
    if left_out > 0 {
        let _ = writeln!(
            text,
            "\n**{left_out} more clients differ** and do not fit here: see `tenantry diff`."
        );
    }
    text
}

fn row(client: &ClientPlan) -> String {
    let differences = match client.state {
        State::LiveOnly => "only on the tenant".to_owned(),
        State::FileOnly => "only in a file".to_owned(),
        State::Changed => {
            let kinds = [Kind::Edit, Kind::Drift, Kind::Conflict, Kind::ReadOnly];
            let kinds = kinds.into_iter().filter_map(|kind| {
                let fields = client.fields.iter().filter(|field| field.kind == kind);
                let fields: Vec<String> = fields.map(|field| escape(&field.field)).collect();
                (!fields.is_empty()).then(|| format!("{}: {}", kind_name(kind), fields.join(", ")))
            });
            kinds.collect::<Vec<_>>().join("; ")
        }
    };
    let file = client.file.as_deref().map(escape).unwrap_or_default();
    format!("| {} | {file} | {differences} |\n", escape(&client.name))
}

fn section(client: &ClientPlan, names: &ClientNames<'_>) -> String {
    if client.fields.is_empty() {
        return String::new();
    }
    let mut diff = String::new();
    for field in &client.fields {
        field_diff(&mut diff, field, names);
    }
    // A fence is longer than any run of backticks inside.
    let longest = diff
        .split(|character| character != '`')
        .map(str::len)
        .max()
        .unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let open = if client
        .fields
        .iter()
        .all(|field| field.kind == Kind::ReadOnly)
    {
        ""
    } else {
        " open"
    };
    format!(
        "\n<details{open}><summary>{} <code>{}</code></summary>\n\n{fence}diff\n{diff}{fence}\n\n</details>\n",
        escape(&client.name),
        escape(client.id.as_str())
    )
}

fn field_diff(diff: &mut String, field: &FieldPlan, names: &ClientNames<'_>) {
    let FieldPlan {
        field: name,
        kind,
        base,
        local,
        live,
    } = field;
    let (base, local, live) = (base.as_ref(), local.as_ref(), live.as_ref());
    let kind_name = kind_name(*kind);
    let (old, new) = match kind {
        Kind::Edit => (live, local),
        Kind::Drift => (base, live),
        Kind::ReadOnly => (local, live),
        Kind::Conflict => {
            for (who, value) in [("the file", local), ("the tenant", live)] {
                let _ = writeln!(diff, "@@ {} ({kind_name}: {who} changed it) @@", line(name));
                signed(diff, &change::lines(base, value, names));
            }
            return;
        }
    };
    for leaf in change::leaves(name, old, new) {
        let _ = writeln!(diff, "@@ {} ({kind_name}) @@", line(&leaf.name));
        signed(diff, &change::lines(leaf.old, leaf.new, names));
    }
}

fn signed(diff: &mut String, lines: &[Line]) {
    for one in lines {
        let text: String = one.parts.iter().map(|part| part.text.as_str()).collect();
        let prefix = match one.sign {
            Sign::Note => "# ",
            sign => sign.prefix(),
        };
        let _ = writeln!(diff, "{prefix}{text}");
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
            '@' => escaped.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '~' | '!' => {
                let _ = write!(escaped, "&#{};", u32::from(character));
            }
            other => escaped.push(other),
        }
    }
    escaped
}
