//! What a check found: `check -o json`.

use serde::Serialize;

use super::{VERSION, document};
use crate::files::{Check, Finding};

#[derive(Serialize)]
struct CheckDocument<'a> {
    version: u32,
    tenant: Option<&'a str>,
    findings: Vec<CheckFinding<'a>>,
    summary: CheckSummary,
}

#[derive(Serialize)]
struct CheckFinding<'a> {
    file: String,
    line: usize,
    column: usize,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

#[derive(Serialize)]
struct CheckSummary {
    files: usize,
    findings: usize,
}

/// What a check found: `check -o json`.
pub fn check(tenant: Option<&str>, check: &Check) -> String {
    let Check { files, findings } = check;
    document(&CheckDocument {
        version: VERSION,
        tenant,
        findings: findings
            .iter()
            .map(
                |Finding {
                     path,
                     position,
                     message,
                     hint,
                 }| CheckFinding {
                    file: path.display().to_string(),
                    line: position.line,
                    column: position.column,
                    message,
                    hint: hint.as_deref(),
                },
            )
            .collect(),
        summary: CheckSummary {
            files: *files,
            findings: findings.len(),
        },
    })
}
