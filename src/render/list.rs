//! The live resources: what a row of them says, and the rows as text.

use std::fmt::Write;

use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::style::DIM;
use super::value::line;

/// One resource in `list -o json`.
#[derive(Debug, Serialize)]
pub(crate) struct ListedResource {
    /// Its kind.
    pub(crate) kind: &'static str,
    /// Its id.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// Of what type it is, where its kind has types.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(crate) of_type: Option<String>,
    /// Its file, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
    /// `unchanged`, `changed` or `live-only`.
    pub(crate) state: &'static str,
}

/// The live resources, a row each. Which kind a row is of stands in its file's name, or in a column where there are several.
pub(crate) fn text(resources: &[ListedResource], width: Option<usize>) -> String {
    let is_mixed = resources.iter().any(|one| {
        resources
            .first()
            .is_some_and(|first| first.kind != one.kind)
    });
    let none = || "-".to_owned();
    let headings = ["NAME", "ID", "TYPE", "FILE", "STATE"].map(str::to_owned);
    let row = |one: &ListedResource| {
        let of_type = match is_mixed {
            true => Some(one.kind.to_owned()),
            false => one.of_type.clone(),
        };
        vec![
            one.name.clone(),
            one.id.clone(),
            of_type.unwrap_or_else(none),
            one.file.clone().unwrap_or_else(none),
            one.state.to_owned(),
        ]
    };
    let rows = std::iter::once(headings.to_vec()).chain(resources.iter().map(row));
    table(&rows.collect::<Vec<_>>(), width)
}

/// A cell that is wider does not make its column wider.
const WIDEST: usize = 60;

/// Rows in columns, the first row as headings. Where columns don't fit a terminal of that `width`, the first cell of a row stands
/// on a line, and the others below it.
fn table(rows: &[Vec<String>], width: Option<usize>) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| line(cell)).collect())
        .collect();
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            let widths = cells.map(|cell| cell.width());
            widths.filter(|width| *width <= WIDEST).max().unwrap_or(0)
        })
        .collect();
    let whole = widths.iter().sum::<usize>() + 2 * columns.saturating_sub(1);
    let fits = width.is_none_or(|width| whole <= width);
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        let lines = match fits {
            true => in_columns(row, &widths),
            false => {
                let (first, others) = row.split_at(row.len().min(1));
                format!("{}\n  {}", first.concat(), others.join("  "))
            }
        };
        for one in lines.lines() {
            let _ = match index {
                0 => writeln!(text, "{DIM}{one}{DIM:#}"),
                _ => writeln!(text, "{one}"),
            };
        }
    }
    text
}

fn in_columns(row: &[String], widths: &[usize]) -> String {
    let cells = row.iter().zip(widths).map(|(cell, width)| {
        let missing = width.saturating_sub(cell.width());
        format!("{cell}{}", " ".repeat(missing))
    });
    let cells: Vec<String> = cells.collect();
    cells.join("  ").trim_end().to_owned()
}
