//! `tenantry.yaml`: what a project decides once for everybody who works on it.

use serde_json::Value;

use super::document::{Document, Format, ParseError};
use crate::client::kind_of;
use crate::closest::closest;

/// The file's name, in the root of the tenants and in a tenant directory.
pub const PROJECT_FILE: &str = "tenantry.yaml";

/// The settings that there are.
const SETTINGS: [&str; 2] = ["base", "protected"];

/// A project's settings; None is a setting that the file leaves out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Project {
    /// The commit at which base is, as `--base` has it.
    pub base: Option<String>,
    /// Whether whoever pushes has to type the tenant's name.
    pub protected: Option<bool>,
}

impl Project {
    /// Reads a `tenantry.yaml`.
    ///
    /// # Errors
    /// It is no YAML mapping, or has something in it that is no setting; the position says where.
    pub fn parse(text: &[u8]) -> Result<Project, ParseError> {
        // A file in which nothing but comments is left is one without settings.
        let is_empty = std::str::from_utf8(text).is_ok_and(|text| {
            let mut lines = text.lines().map(str::trim);
            lines.all(|line| line.is_empty() || line.starts_with('#'))
        });
        if is_empty {
            return Ok(Project::default());
        }
        let document = Document::parse(text, Format::Yaml)?;
        let mut project = Project::default();
        for (key, value) in document.fields() {
            let problem = |message: String, hint: String| {
                Err(document.problem(document.position(key), message, &hint))
            };
            match (key.as_str(), value) {
                ("base", Value::String(rev)) => project.base = Some(rev.clone()),
                ("protected", Value::Bool(protected)) => project.protected = Some(*protected),
                ("base", other) => {
                    let message = format!("`base` is {}, not text", kind_of(other));
                    return problem(
                        message,
                        "write the name of a commit: `base: origin/main`".to_owned(),
                    );
                }
                ("protected", other) => {
                    let message = format!("`protected` is {}, not true or false", kind_of(other));
                    return problem(message, "write `protected: true`".to_owned());
                }
                _ => {
                    let hint = match closest(key, SETTINGS.into_iter()) {
                        Some(meant) => format!("did you mean `{meant}`?"),
                        None => format!("the settings are {}", SETTINGS.join(", ")),
                    };
                    return problem(format!("`{key}` is no setting of {PROJECT_FILE}"), hint);
                }
            }
        }
        Ok(project)
    }

    /// These settings, where `own` leaves them out.
    #[must_use]
    pub fn below(self, own: Project) -> Project {
        Project {
            base: own.base.or(self.base),
            protected: own.protected.or(self.protected),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_and_nothing_else_is_taken() {
        let read = |text: &str| match Project::parse(text.as_bytes()) {
            Ok(project) => format!("{project:?}"),
            Err(error) => format!(
                "{}: {error}; {}",
                error.position,
                error.hint.as_deref().unwrap_or_default()
            ),
        };
        let texts = [
            "",
            "# base: origin/main\n",
            "base: origin/main # see the pipeline\nprotected: true\n",
            "bsae: x\n",
            "zzzzzzzz: x\n",
            "\nbase: 12\n",
            "protected: yes\n",
            "base: a\nbase: b\n",
            "- base\n",
        ];
        insta::assert_snapshot!(texts.map(read).join("\n"), @r#"
        Project { base: None, protected: None }
        Project { base: None, protected: None }
        Project { base: Some("origin/main"), protected: Some(true) }
        1:1: `bsae` is no setting of tenantry.yaml; did you mean `base`?
        1:1: `zzzzzzzz` is no setting of tenantry.yaml; the settings are base, protected
        2:1: `base` is a number, not text; write the name of a commit: `base: origin/main`
        1:1: `protected` is text, not true or false; write `protected: true`
        2:1: `base` is there twice, first on line 1; keep one of the two
        1:1: is not a mapping at its top level; write lines of `field: value`
        "#);
    }

    #[test]
    fn a_tenants_own_settings_replace_single_ones() {
        let read = |text: &str| Project::parse(text.as_bytes()).unwrap();
        let all = read("base: origin/main\nprotected: true\n");
        assert_eq!(
            all.below(read("protected: false\n")),
            read("base: origin/main\nprotected: false\n")
        );
    }
}
