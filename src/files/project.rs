//! `tenantry.yaml`: what a project decides once for everybody who works on it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::document::{Document, Format, ParseError};
use crate::closest::closest;
use crate::json::Step;
use crate::json::type_in_words;
use crate::kinds::{KINDS, Kind, Manage, Managed, Sending};

/// The file's name, in the root of the tenants and in a tenant directory.
pub const PROJECT_FILE: &str = "tenantry.yaml";

/// The settings that there are.
const SETTINGS: [&str; 3] = ["base", "manage", "protected"];
/// What `manage` takes.
const MANAGE: &str = "write `manage: {clients: [callbacks]}`, `manage: {clients: all}`, or `none` for a kind that is left alone";

/// A project's settings; None is a setting that the file leaves out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Project {
    /// The commit at which base is, as `--base` has it.
    pub base: Option<String>,
    /// What is managed beside the default fields, by kind.
    pub manage: BTreeMap<&'static Kind, Manage>,
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
        let Some(document) = Document::parse_any(text, Format::Yaml)? else {
            return Ok(Project::default());
        };
        let mut project = Project::default();
        for (key, value) in document.fields() {
            let problem = |message: String, hint: String| {
                Err(document.problem(document.position(key), message, &hint))
            };
            match (key.as_str(), value) {
                ("base", Value::String(rev)) => project.base = Some(rev.clone()),
                ("protected", Value::Bool(protected)) => project.protected = Some(*protected),
                ("manage", Value::Object(kinds)) => {
                    for (name, fields) in kinds {
                        project.manage.extend(manage(&document, name, fields)?);
                    }
                }
                ("base", other) => {
                    let message = format!("`base` is {}, not text", type_in_words(other));
                    return problem(
                        message,
                        "write the name of a commit: `base: origin/main`".to_owned(),
                    );
                }
                ("protected", other) => {
                    let message =
                        format!("`protected` is {}, not true or false", type_in_words(other));
                    return problem(message, "write `protected: true`".to_owned());
                }
                ("manage", other) => {
                    let message = format!("`manage` is {}, not a map", type_in_words(other));
                    return problem(message, MANAGE.to_owned());
                }
                _ => {
                    let hint = meant(key, SETTINGS.into_iter(), "the settings are");
                    return problem(format!("`{key}` is no setting of {PROJECT_FILE}"), hint);
                }
            }
        }
        Ok(project)
    }

    /// The JSON Schema of a `tenantry.yaml`.
    pub fn schema() -> String {
        let of_name = |first: &'static Kind| {
            let kinds: Vec<&'static Kind> = Kind::all_named(first.name).collect();
            let names: Vec<&str> = match kinds.len() {
                1 => first.fields().map(|field| field.name()).collect(),
                _ => kinds.iter().filter_map(|kind| kind.only()).collect(),
            };
            let schema = json!({
                "description": format!("What push may send of {}.", first.name),
                "oneOf": [
                    { "enum": ["all", "none"] },
                    { "type": "array", "items": { "enum": names }, "uniqueItems": true },
                ],
            });
            (first.name.to_owned(), schema)
        };
        // Kinds of one name come to the same.
        let kinds: Map<String, Value> = KINDS.iter().map(|kind| of_name(kind)).collect();
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": PROJECT_FILE,
            "description": "What a project decides for everybody who works on it.",
            "type": ["object", "null"],
            "properties": {
                "base": {
                    "description": "The commit at which base is: the tenant was last in step with it.",
                    "type": "string",
                    "examples": ["origin/main"],
                },
                "manage": {
                    "description": "What push may send beside the default fields of clients.",
                    "type": "object",
                    "properties": kinds,
                    "additionalProperties": false,
                },
                "protected": {
                    "description": "Whether whoever pushes types the tenant's name.",
                    "type": "boolean",
                },
            },
            "additionalProperties": false,
        });
        format!("{schema:#}\n")
    }

    /// These settings, where `own` leaves them out.
    #[must_use]
    pub fn below(mut self, own: Project) -> Project {
        self.manage.extend(own.manage);
        Project {
            base: own.base.or(self.base),
            manage: self.manage,
            protected: own.protected.or(self.protected),
        }
    }

    /// What a push may send.
    pub fn managed(&self) -> Managed {
        Managed::new(&self.manage)
    }
}

/// What the project says of the kinds of one name.
fn manage(
    document: &Document<'_>,
    name: &str,
    fields: &Value,
) -> Result<Vec<(&'static Kind, Manage)>, ParseError> {
    let at = [Step::Key("manage"), Step::Key(name)];
    let problem = |path: &[Step<'_>], message: String, hint: &str| {
        Err(document.problem(document.position_at(path), message, hint))
    };
    let kinds: Vec<&'static Kind> = Kind::all_named(name).collect();
    let [first, ..] = kinds[..] else {
        let hint = meant(name, Kind::names(), "the kinds are");
        return problem(
            &at,
            format!("`{name}` is no kind that tenantry manages"),
            &hint,
        );
    };
    let names = match fields {
        Value::String(all) if all == "all" => {
            return Ok(kinds.into_iter().map(|kind| (kind, Manage::All)).collect());
        }
        Value::String(none) if none == "none" => {
            return Ok(kinds.into_iter().map(|kind| (kind, Manage::None)).collect());
        }
        Value::Array(names) => names,
        other => {
            let message = format!("`{name}` is {}, not a list of fields", type_in_words(other));
            return problem(&at, message, MANAGE);
        }
    };
    let mut managed = BTreeSet::new();
    let mut parts = BTreeSet::new();
    for (index, entry) in names.iter().enumerate() {
        let path = [at[0], at[1], Step::Index(index)];
        let Some(entry) = entry.as_str() else {
            let message = format!("`{name}` has {} as a field", type_in_words(entry));
            return problem(&path, message, MANAGE);
        };
        // Where several kinds have one name, the list names those.
        if kinds.len() > 1 {
            if !kinds.iter().any(|kind| kind.only() == Some(entry)) {
                let known = kinds.iter().filter_map(|kind| kind.only());
                let hint = meant(entry, known, "the parts are");
                return problem(&path, format!("`{entry}` is no part of {name}"), &hint);
            }
            parts.insert(entry);
            continue;
        }
        match first.field(entry) {
            Some(field) => managed.insert(field),
            None => {
                let one = first.one();
                let message = format!("`{entry}` is no field of {one} that can be managed");
                let known = first.fields().map(|field| field.name());
                let hint = match first.row(entry).map(|row| row.sending) {
                    Some(Sending::Never(reason)) => format!("it is shown and never sent: {reason}"),
                    Some(Sending::Derived(from)) => {
                        format!("it is never sent: the tenant derives it from `{from}`")
                    }
                    _ if first.secrets.contains(&entry) => {
                        "it is a secret: it is neither shown nor sent".to_owned()
                    }
                    _ if first.is_id(entry) => "it is the id, which nobody can change".to_owned(),
                    _ => meant(entry, known, "the fields are"),
                };
                return problem(&path, message, &hint);
            }
        };
    }
    if kinds.len() == 1 {
        return Ok(vec![(first, Manage::Fields(managed))]);
    }
    let manage = kinds.into_iter().map(|kind| {
        let is_named = kind.only().is_some_and(|part| parts.contains(part));
        (kind, if is_named { Manage::All } else { Manage::None })
    });
    Ok(manage.collect())
}

/// A guess at what somebody meant, or all that there is to choose from.
fn meant<'a>(text: &str, known: impl Iterator<Item = &'a str> + Clone, all: &str) -> String {
    match closest(text, known.clone()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("{all} {}", known.collect::<Vec<_>>().join(", ")),
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
            "manage:\n  clients: [web_origins, callbacks, name]\n",
            "manage: {clients: all}\n",
            "manage: {clients: none}\n",
            "bsae: x\n",
            "zzzzzzzz: x\n",
            "\nbase: 12\n",
            "protected: yes\n",
            "base: a\nbase: b\n",
            "- base\n",
            "manage: all\n",
            "manage:\n  client: all\n",
            "manage:\n  clients: some\n",
            "manage:\n  clients:\n    - name\n    - calbacks\n",
            "manage:\n  clients: [tenant]\n",
            "manage:\n  clients: [addons]\n",
            "manage:\n  clients: [oidc_backchannel_logout]\n",
            "manage:\n  clients: [1]\n",
            "manage:\n  clients: [client_secret]\n",
            "manage:\n  clients: [client_id]\n",
            "manage:\n  resource-servers: [x]\n",
            "manage:\n  tenant-settings: [flag]\n",
            "manage:\n  connections: all\n",
        ];
        insta::assert_snapshot!(texts.map(read).join("\n"), @r#"
        Project { base: None, manage: {}, protected: None }
        Project { base: None, manage: {}, protected: None }
        Project { base: Some("origin/main"), manage: {}, protected: Some(true) }
        Project { base: None, manage: {clients: Fields({name, callbacks, web_origins})}, protected: None }
        Project { base: None, manage: {clients: All}, protected: None }
        Project { base: None, manage: {clients: None}, protected: None }
        1:1: `bsae` is no setting of tenantry.yaml; did you mean `base`?
        1:1: `zzzzzzzz` is no setting of tenantry.yaml; the settings are base, manage, protected
        2:1: `base` is a number, not text; write the name of a commit: `base: origin/main`
        1:1: `protected` is text, not true or false; write `protected: true`
        2:1: `base` is there twice, first on line 1; keep one of the two
        1:1: is not a mapping at its top level; write lines of `field: value`
        1:1: `manage` is text, not a map; write `manage: {clients: [callbacks]}`, `manage: {clients: all}`, or `none` for a kind that is left alone
        2:3: `client` is no kind that tenantry manages; did you mean `clients`?
        2:3: `clients` is text, not a list of fields; write `manage: {clients: [callbacks]}`, `manage: {clients: all}`, or `none` for a kind that is left alone
        4:7: `calbacks` is no field of a client that can be managed; did you mean `callbacks`?
        2:13: `tenant` is no field of a client that can be managed; it is shown and never sent: the tenant sets it, and no update takes it
        2:13: `addons` is no field of a client that can be managed; it is shown and never sent: it holds secrets
        2:13: `oidc_backchannel_logout` is no field of a client that can be managed; it is never sent: the tenant derives it from `oidc_logout`
        2:13: `clients` has a number as a field; write `manage: {clients: [callbacks]}`, `manage: {clients: all}`, or `none` for a kind that is left alone
        2:13: `client_secret` is no field of a client that can be managed; it is a secret: it is neither shown nor sent
        2:13: `client_id` is no field of a client that can be managed; it is the id, which nobody can change
        2:22: `x` is no field of an API that can be managed; the fields are allow_offline_access, allow_online_access, allow_online_access_with_ephemeral_sessions, authorization_details, authorization_policy, consent_policy, enforce_policies, name, proof_of_possession, scopes, signing_alg, skip_consent_for_verifiable_first_party_clients, subject_type_authorization, token_dialect, token_lifetime, token_lifetime_for_web
        2:21: `flag` is no field of the tenant's settings that can be managed; did you mean `flags`?
        2:3: `connections` is no kind that tenantry manages; the kinds are clients, resource-servers, client-grants, roles, tenant-settings, attack-protection, log-streams
        "#);
    }

    #[test]
    fn a_tenants_own_settings_replace_single_ones() {
        let read = |text: &str| Project::parse(text.as_bytes()).unwrap();
        let all = read("base: origin/main\nprotected: true\nmanage: {clients: [callbacks]}\n");
        assert_eq!(
            all.clone().below(read("protected: false\n")),
            read("base: origin/main\nprotected: false\nmanage: {clients: [callbacks]}\n")
        );
        assert_eq!(
            all.below(read("manage: {clients: [app_type]}\n")),
            read("base: origin/main\nprotected: true\nmanage: {clients: [app_type]}\n")
        );
    }
}
