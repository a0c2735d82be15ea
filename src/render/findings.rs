//! What a check found, as text and as annotations for GitHub Actions.

use super::value::line;
use super::{counted, printable};
use crate::files::{Check, Finding};

/// `file:line:column: message`, a line each, and the count.
pub(crate) fn text(check: &Check) -> String {
    let mut text = String::new();
    for Finding {
        path,
        position,
        message,
        hint,
    } in &check.findings
    {
        let path = line(&path.display().to_string());
        text.push_str(&format!("{path}:{position}: {}\n", printable(message)));
        for hint in hint.iter().flat_map(|hint| hint.lines()) {
            text.push_str(&format!("  hint: {}\n", printable(hint)));
        }
    }
    let files = counted(check.files, "file", "files");
    match check.findings.len() {
        0 => text.push_str(&format!("{files}, nothing found\n")),
        found => text.push_str(&format!(
            "{files}, {}\n",
            counted(found, "finding", "findings")
        )),
    }
    text
}

/// Workflow commands that GitHub shows beside the lines of a pull request.
/// Source: <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>, setting an error message.
pub(crate) fn github(check: &Check) -> String {
    let annotation = |Finding {
                          path,
                          position,
                          message,
                          hint,
                      }: &Finding| {
        let message = match hint {
            Some(hint) => format!("{message}\n{hint}"),
            None => message.clone(),
        };
        format!(
            "::error file={},line={},col={}::{}\n",
            property(&line(&path.display().to_string())),
            position.line,
            position.column,
            data(&printable(&message))
        )
    };
    check.findings.iter().map(annotation).collect()
}

fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Position;

    #[test]
    fn nothing_in_a_file_ends_an_annotation_or_moves_the_cursor() {
        let check = Check {
            files: 1,
            findings: vec![Finding {
                path: "a,b:c.yaml".into(),
                position: Position { line: 3, column: 1 },
                message: "100%\n::error::x\u{1b}[2J".to_owned(),
                hint: Some("do\rthis".to_owned()),
            }],
        };
        insta::assert_snapshot!(github(&check), @r"::error file=a%2Cb%3Ac.yaml,line=3,col=1::100%25%0A::error::x\u{1b}[2J%0Ado\u{d}this");
        insta::assert_snapshot!(text(&check), @r"
        a,b:c.yaml:3:1: 100%
        ::error::x\u{1b}[2J
          hint: do\u{d}this
        1 file, 1 finding
        ");
    }
}
