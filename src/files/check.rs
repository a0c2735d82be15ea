//! Everything that can be found wrong with a tenant's files without asking the tenant.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use icu_normalizer::ComposingNormalizerBorrowed;
use serde_json::Value;

use super::client_file::ClientFile;
use super::directory::Contents;
use super::document::{Document, ParseError};
use super::error::FilesError;
use super::position::Position;
use super::source::Source;
use crate::client::{ClientId, Field, secrets};
use crate::json::Step;
use crate::three_way::{Base, BaseValues};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file.
    pub path: PathBuf,
    /// Where in it.
    pub position: Position,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// What a check comes to.
#[derive(Debug, Default)]
pub struct Check {
    /// How many clients' files could be read.
    pub files: usize,
    /// What is wrong, by file and place.
    pub findings: Vec<Finding>,
}

impl Source<'_> {
    /// Checks every file: it parses, obeys the API's rules, has a client of its own, refers to known clients only, and holds no
    /// secret; and so the lock and the overrides.
    pub fn check(&self) -> Check {
        let (contents, mut errors) = self.read_what_can_be();
        // Where files are broken, nobody can tell which stems there are.
        if errors.is_empty()
            && let Err(error) = self.overrides(&contents)
        {
            errors.push(error);
        }
        let mut findings: Vec<Finding> = errors.iter().flat_map(findings).collect();
        findings.extend(self.same_to_some_file_systems());
        let known = known(&contents);
        for (id, file) in &contents.clients {
            let Ok(document) = Document::parse(file.text.as_bytes(), file.format) else {
                continue;
            };
            let check = FileCheck {
                path: self.path().join(&file.file),
                file,
                document: &document,
            };
            check.values(base(&contents, id), &mut findings);
            check.references(&known, base_entries(&contents, id), &mut findings);
            check.secrets(&mut findings);
        }
        findings.sort();
        findings.dedup();
        Check {
            files: contents.clients.len(),
            findings,
        }
    }
}

impl Source<'_> {
    /// Files that are one and the same where the file system does not tell upper from lower case, or `é` from an `e` with an accent.
    fn same_to_some_file_systems(&self) -> Vec<Finding> {
        let mut first: HashMap<String, &Path> = HashMap::new();
        let mut findings = Vec::new();
        let normalizer = ComposingNormalizerBorrowed::new_nfc();
        for path in self.clients() {
            let name = path.to_string_lossy().to_lowercase();
            let other = match first.entry(normalizer.normalize(&name).into_owned()) {
                Entry::Occupied(other) => *other.get(),
                Entry::Vacant(entry) => {
                    entry.insert(path);
                    continue;
                }
            };
            let (difference, systems) = match other.to_string_lossy().to_lowercase() == name {
                true => ("case", "macOS and Windows"),
                false => ("how its accents are encoded", "macOS"),
            };
            findings.push(Finding {
                path: self.path().join(path),
                position: Position::START,
                message: format!(
                    "its name differs from {} only in {difference}",
                    other.display()
                ),
                hint: Some(format!(
                    "rename one of them: to {systems} the two are one file"
                )),
            });
        }
        findings
    }
}

/// What helps where a value may be the tenant's own.
const UNKNOWN_BASE: &str = "or, where the tenant has that value already, `tenantry pull`: it remembers that nobody sends it";

/// One file that parses.
struct FileCheck<'a> {
    path: PathBuf,
    file: &'a ClientFile,
    document: &'a Document<'a>,
}

impl FileCheck<'_> {
    fn finding(&self, position: Position, message: String, hint: &str) -> Finding {
        Finding {
            path: self.path.clone(),
            position,
            message,
            hint: Some(hint.to_owned()),
        }
    }

    /// What the API would refuse. What base has, the tenant has too, and nobody sends it; without a base nobody can tell.
    fn values(&self, base: Option<&BaseValues>, findings: &mut Vec<Finding>) {
        for field in Field::ALL {
            let local = field.of(self.document.fields());
            let is_base = base.is_some_and(|base| base.get(field).value() == local.as_ref());
            if let Some(ParseError {
                position,
                message,
                hint,
            }) = self.file.invalid(field).filter(|_| !is_base)
            {
                let hint = hint.unwrap_or_default();
                let hint = match base {
                    Some(_) => hint,
                    None => format!("{hint}\n{UNKNOWN_BASE}"),
                };
                findings.push(self.finding(position, message, &hint));
            }
        }
    }

    /// References to nobody. What base has, the tenant took; a URL or the like is an API's identifier.
    fn references(
        &self,
        known: &BTreeSet<&str>,
        base: BTreeSet<&str>,
        findings: &mut Vec<Finding>,
    ) {
        for field in Field::ALL.into_iter().filter(|field| field.is_reference()) {
            let entries = self
                .document
                .fields()
                .get(field.name())
                .and_then(Value::as_array);
            for (index, entry) in entries.into_iter().flatten().enumerate() {
                let Some(entry) = entry.as_str() else {
                    continue;
                };
                // An empty one is no value at all, and found as such.
                if entry.is_empty()
                    || known.contains(entry)
                    || base.contains(entry)
                    || entry.contains([':', '/', '.'])
                {
                    continue;
                }
                findings.push(self.finding(
                    self.document
                        .position_at(&[Step::Key(field.name()), Step::Index(index)]),
                    format!("`{field}` refers to {entry}, which is no client of this tenant"),
                    "client ids differ from tenant to tenant: `tenantry promote` translates them",
                ));
            }
        }
    }

    fn secrets(&self, findings: &mut Vec<Finding>) {
        for path in secrets(self.document.fields()) {
            let keys = path.iter().filter_map(|step| match step {
                Step::Key(key) => Some(*key),
                Step::Index(_) => None,
            });
            let name = keys.collect::<Vec<_>>().join(".");
            findings.push(self.finding(
                self.document.position_at(&path),
                format!("`{name}` is a secret"),
                "remove it, from git's history too, and rotate it; tenantry neither writes nor sends it",
            ));
        }
    }
}

/// The ids that this tenant is known to have.
fn known(contents: &Contents) -> BTreeSet<&str> {
    let locked = contents.lock.iter().flat_map(|lock| lock.clients.keys());
    contents
        .clients
        .keys()
        .chain(locked)
        .map(ClientId::as_str)
        .collect()
}

fn base<'a>(contents: &'a Contents, id: &ClientId) -> Option<&'a BaseValues> {
    contents.lock.as_ref()?.base(id)
}

fn base_entries<'a>(contents: &'a Contents, id: &ClientId) -> BTreeSet<&'a str> {
    let base = base(contents, id).map(|base| base.get(Field::AllowedClients));
    let entries = base.and_then(|base| match base {
        Base::Is(entries) => entries.as_array(),
        Base::NoBase | Base::Unknown | Base::Absent => None,
    });
    entries
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// An error of reading as findings.
fn findings(error: &FilesError) -> Vec<Finding> {
    let finding = |path: &Path, position, message: String| {
        let hint = error.hint();
        vec![Finding {
            path: path.to_owned(),
            position,
            message,
            hint,
        }]
    };
    match error {
        FilesError::Content {
            path,
            position,
            message,
            ..
        } => finding(path, *position, message.clone()),
        FilesError::SameClient { id, first, second } => finding(
            second,
            Position::START,
            format!("{} has the same client_id {id}", first.display()),
        ),
        FilesError::Several(errors) => errors.iter().flat_map(findings).collect(),
        FilesError::Io { path, .. }
        | FilesError::OtherDomain { path, .. }
        | FilesError::ChangedMeanwhile { path }
        | FilesError::NoDirectory { path, .. } => finding(path, Position::START, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn files_that_are_one_to_some_file_systems_are_found() {
        let files = [
            "Ärger.yaml",
            "web.yaml",
            "WEB.yaml",
            "ärger.yaml",
            "caf\u{e9}.yaml",
            "cafe\u{301}.yaml",
        ];
        let file = |(index, name): (usize, &str)| {
            let text = format!("client_id: c{index}\n");
            (Path::new("clients").join(name), text.into_bytes())
        };
        let files: BTreeMap<_, _> = files.into_iter().enumerate().map(file).collect();
        let check = Source::in_memory(Path::new("tenant"), files).check();
        let found = check.findings.into_iter();
        let found: Vec<String> = found
            .map(|finding| format!("{}: {}", finding.path.display(), finding.message))
            .collect();
        insta::assert_snapshot!(found.join("\n"), @"
        tenant/clients/café.yaml: its name differs from clients/café.yaml only in how its accents are encoded
        tenant/clients/web.yaml: its name differs from clients/WEB.yaml only in case
        tenant/clients/ärger.yaml: its name differs from clients/Ärger.yaml only in case
        ");
    }
}
