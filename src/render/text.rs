//! Plans and results as text for people, with colours that the printing side takes out where they don't belong.

use std::collections::BTreeMap;
use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::value::{inline, line, multi_line};
use super::{counted, summary};
use crate::apply::{Outcome, UpdateResult};
use crate::client::ClientId;
use crate::plan::{ClientPlan, FieldPlan, Kind, Plan, State};

const FILE: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const ADDED: Style = AnsiColor::Green.on_default();
const REMOVED: Style = AnsiColor::Red.on_default();
const LOUD: Style = AnsiColor::Yellow.on_default().bold();
/// Values that are longer stand on lines of their own.
const SHORT: usize = 60;

/// The names of clients, for the ids in references.
pub type ClientNames = BTreeMap<ClientId, String>;

/// A plan, with its summary as the last line.
pub fn plan(plan: &Plan, names: &ClientNames) -> String {
    let mut text = String::new();
    for client in &plan.clients {
        text.push_str(&self::client(client, names));
    }
    match summary(plan) {
        Some(summary) => text.push_str(&summary),
        None => text.push_str("no differences"),
    }
    text.push('\n');
    text
}

/// One client of a plan, and an empty line.
pub fn client(client: &ClientPlan, names: &ClientNames) -> String {
    let mut text = String::new();
    client_plan(&mut text, client, names);
    text.push('\n');
    text
}

fn client_plan(text: &mut String, client: &ClientPlan, names: &ClientNames) {
    let (name, id) = (line(&client.name), line(client.id.as_str()));
    // Writing to a String can't fail.
    let _ = match &client.file {
        Some(file) => writeln!(
            text,
            "{FILE}{}{FILE:#}  {name} {DIM}{id}{DIM:#}",
            line(file)
        ),
        None => writeln!(text, "{FILE}{name}{FILE:#} {DIM}{id}{DIM:#}"),
    };
    match client.state {
        State::Changed => {}
        State::LiveOnly => text.push_str("  only on the tenant: `tenantry pull` writes its file\n"),
        State::FileOnly => text.push_str("  the tenant has no client with this id\n"),
    }
    for field in &client.fields {
        field_plan(text, field, names);
    }
}

fn field_plan(text: &mut String, field: &FieldPlan, names: &ClientNames) {
    let FieldPlan {
        field: name,
        kind,
        base,
        local,
        live,
    } = field;
    let name = line(name);
    let (base, local, live) = (base.as_ref(), local.as_ref(), live.as_ref());
    match kind {
        Kind::Edit => change(text, &name, "", live, local, names),
        Kind::Drift => change(
            text,
            &name,
            " drifted, the tenant changed it:",
            base,
            live,
            names,
        ),
        Kind::ReadOnly => {
            let mut lines = String::new();
            change(
                &mut lines,
                &name,
                " read-only, the tenant has:",
                local,
                live,
                names,
            );
            for one in anstream::adapter::strip_str(&lines).to_string().lines() {
                let _ = writeln!(text, "{DIM}{one}{DIM:#}");
            }
        }
        Kind::Conflict => {
            let _ = writeln!(
                text,
                "  {LOUD}{name} conflict: both sides changed it{LOUD:#}"
            );
            for (side, value) in [("base", base), ("file", local), ("tenant", live)] {
                let _ = writeln!(text, "    {side:<6} {}", reference(value, names));
            }
        }
    }
    if field.widens() {
        let _ = writeln!(
            text,
            "    {LOUD}warning: an empty list lets every client of the tenant delegate{LOUD:#}"
        );
    }
}

/// One value becoming another, in the form that reads best.
fn change(
    text: &mut String,
    name: &str,
    what: &str,
    old: Option<&Value>,
    new: Option<&Value>,
    names: &ClientNames,
) {
    match (old, new) {
        (Some(Value::Array(old)), Some(Value::Array(new))) => {
            let _ = writeln!(text, "  {name}:{what}");
            return list_change(text, old, new, names);
        }
        (None, Some(Value::Array(new))) if !new.is_empty() => {
            let _ = writeln!(text, "  {name}:{what} (absent) →");
            return list_change(text, &[], new, names);
        }
        _ => {}
    }
    let both = (old.and_then(Value::as_str), new.and_then(Value::as_str));
    // Where only the end of the last line differs, lines would look the same.
    let same_lines = matches!(both, (Some(old), Some(new)) if old.lines().eq(new.lines()));
    if !same_lines && multi_line(old).or(multi_line(new)).is_some() {
        let _ = writeln!(text, "  {name}:{what}");
        return lines_change(text, both.0, both.1);
    }
    let absent = (old.is_none(), new.is_none());
    let (old, new) = (inline(old), inline(new));
    if old.chars().count() + new.chars().count() <= SHORT {
        let _ = writeln!(
            text,
            "  {name}:{what} {REMOVED}{old}{REMOVED:#} → {ADDED}{new}{ADDED:#}"
        );
    } else {
        let _ = writeln!(text, "  {name}:{what}");
        inline_change(text, &old, &new, absent);
    }
}

/// Two long values under each other, the changed words marked.
fn inline_change(text: &mut String, old: &str, new: &str, absent: (bool, bool)) {
    let diff = TextDiff::from_words(old, new);
    for (sign, skip, style, absent) in [
        ('-', ChangeTag::Insert, REMOVED, absent.0),
        ('+', ChangeTag::Delete, ADDED, absent.1),
    ] {
        if absent {
            continue;
        }
        let _ = write!(text, "    {style}{sign} ");
        let mark = style.underline();
        for change in diff
            .iter_all_changes()
            .filter(|change| change.tag() != skip)
        {
            let _ = match change.tag() {
                ChangeTag::Equal => write!(text, "{}", change.value()),
                _ => write!(text, "{style:#}{mark}{}{mark:#}{style}", change.value()),
            };
        }
        let _ = writeln!(text, "{style:#}");
    }
}

fn list_change(text: &mut String, old: &[Value], new: &[Value], names: &ClientNames) {
    let (mut removed, mut added) = (old.to_vec(), new.to_vec());
    // Each entry that both have counts once on each side.
    removed.retain(
        |entry| match added.iter().position(|other| other == entry) {
            Some(at) => {
                added.remove(at);
                false
            }
            None => true,
        },
    );
    if removed.is_empty() && added.is_empty() {
        let all: Vec<String> = new.iter().map(|entry| inline(Some(entry))).collect();
        let _ = writeln!(
            text,
            "    the same entries in another order: {}",
            all.join(", ")
        );
    }
    for (sign, style, entries) in [('-', REMOVED, removed), ('+', ADDED, added)] {
        for entry in &entries {
            let _ = writeln!(
                text,
                "    {style}{sign} {}{style:#}",
                reference(Some(entry), names)
            );
        }
    }
    if new.is_empty() {
        let _ = writeln!(text, "    now empty");
    }
}

fn lines_change(text: &mut String, old: Option<&str>, new: Option<&str>) {
    let diff = TextDiff::from_lines(old.unwrap_or_default(), new.unwrap_or_default());
    for (index, group) in diff.grouped_ops(2).iter().enumerate() {
        if index > 0 {
            let _ = writeln!(text, "    {DIM}…{DIM:#}");
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let (sign, style) = match change.tag() {
                ChangeTag::Delete => ('-', REMOVED),
                ChangeTag::Insert => ('+', ADDED),
                ChangeTag::Equal => (' ', Style::new()),
            };
            let value = line(change.value().trim_end_matches('\n'));
            let _ = writeln!(text, "    {style}{sign} {value}{style:#}");
        }
    }
}

/// A value, with the names of the clients that it refers to.
fn reference(value: Option<&Value>, names: &ClientNames) -> String {
    let name = |value: &Value| {
        let name = names.get(&ClientId::from(value.as_str()?))?;
        Some(format!(" ({})", line(name)))
    };
    match value {
        Some(Value::Array(entries)) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|entry| reference(Some(entry), names))
                .collect();
            format!("[{}]", entries.join(", "))
        }
        Some(value) => inline(Some(value)) + &name(value).unwrap_or_default(),
        None => inline(None),
    }
}

/// What a push did, a line each client, and its summary. `held` are clients that were not sent, each with the reason.
pub fn outcomes(outcomes: &[Outcome], held: &[(ClientPlan, String)]) -> String {
    let mut text = String::new();
    for Outcome { update, result } in outcomes {
        let file = line(update.file.as_deref().unwrap_or(update.id.as_str()));
        let fields: Vec<&str> = update.patch.iter().map(|(field, _)| field.name()).collect();
        let fields = fields.join(", ");
        let _ = match result {
            UpdateResult::Updated { differing, .. } if differing.is_empty() => {
                writeln!(text, "{ADDED}updated{ADDED:#}        {file}: {fields}")
            }
            UpdateResult::Updated { differing, .. } => {
                let differing: Vec<&str> = differing.iter().map(|field| field.name()).collect();
                writeln!(
                    text,
                    "{LOUD}updated{LOUD:#}        {file}: {fields}; the tenant answered with another value for {}",
                    differing.join(", ")
                )
            }
            UpdateResult::Failed(error) => {
                writeln!(
                    text,
                    "{REMOVED}failed{REMOVED:#}         {file}: {}",
                    line(&error.to_string())
                )
            }
            UpdateResult::NotAttempted => {
                writeln!(text, "{LOUD}not attempted{LOUD:#}  {file}: {fields}")
            }
        };
    }
    for (client, reason) in held {
        let file = line(client.label());
        let _ = writeln!(
            text,
            "{LOUD}skipped{LOUD:#}        {file}: {}",
            line(reason)
        );
    }
    let count = |wanted: fn(&UpdateResult) -> bool| {
        outcomes
            .iter()
            .filter(|outcome| wanted(&outcome.result))
            .count()
    };
    let mut parts = vec![format!(
        "{} updated",
        counted(
            count(|result| matches!(result, UpdateResult::Updated { .. })),
            "client",
            "clients"
        )
    )];
    for (count, words) in [
        (
            count(|result| matches!(result, UpdateResult::Failed(_))),
            "failed",
        ),
        (
            count(|result| matches!(result, UpdateResult::NotAttempted)),
            "not attempted",
        ),
        (held.len(), "skipped"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {words}"));
        }
    }
    let _ = writeln!(text, "{}", parts.join(", "));
    text
}

/// Rows in columns, the first row as headings.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| line(cell)).collect())
        .collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        let cells = cells.join("  ");
        let _ = match index {
            0 => writeln!(text, "{DIM}{}{DIM:#}", cells.trim_end()),
            _ => writeln!(text, "{}", cells.trim_end()),
        };
    }
    text
}
