//! Everything that can be found wrong with a tenant's files without asking the tenant.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::directory::{Contents, tenants};
use super::document::{Document, ParseError};
use super::error::FilesError;
use super::lock::Locked;
use super::position::Position;
use super::resource_file::{ResourceFile, problem, steps};
use super::source::Source;
use super::strays::Stray;
use crate::composed::composed;
use crate::json::Step;
use crate::kinds::{Creation, FieldKey, InvalidValue, Kind, Managed, Reference};
use crate::portable::refused_by_windows;
use crate::three_way::BaseValues;

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

impl Finding {
    /// A file in this folder that is not read, though somebody may think so.
    pub fn stray(stray: Stray, folder: &Path) -> Finding {
        Finding {
            path: folder.join(stray.path),
            position: Position::START,
            message: stray.message,
            hint: Some(stray.hint),
        }
    }
}

/// The result of a check.
#[derive(Debug, Default)]
pub struct Check {
    /// How many resources' files could be read.
    pub files: usize,
    /// What is wrong, by file and place.
    pub findings: Vec<Finding>,
}

impl Source<'_> {
    /// Checks every file: it parses, obeys the API's rules, has a resource of its own, refers to known ones only, and holds no
    /// secret; and so the lock and the overrides.
    pub fn check(&self) -> Check {
        let (contents, mut errors) = self.read_what_can_be();
        // Where files are broken, it is unknown which stems there are.
        if errors.is_empty()
            && let Err(error) = self.overrides(&contents, &[])
        {
            errors.push(error);
        }
        let mut findings: Vec<Finding> = errors.iter().flat_map(findings).collect();
        let same = same_to_some_file_systems(self.path(), "file", self.paths());
        findings.extend(same);
        findings.extend(self.refused_elsewhere());
        let strays = contents.strays.iter().cloned();
        findings.extend(strays.map(|stray| Finding::stray(stray, self.path())));
        let known = Known::of_contents(&contents, self.managed());
        let mistaken = contents.mistaken_ids();
        for (kind, id, file) in contents.files() {
            let Ok(document) = Document::parse(file.text.as_bytes(), file.format) else {
                continue;
            };
            let check = FileCheck {
                path: self.path().join(&file.file),
                kind,
                is_new: id.is_none(),
                managed: self.managed(),
                file,
                document: &document,
                base: id.and_then(|id| contents.lock.as_ref()?.base(id)),
                locked: id.and_then(|id| contents.lock.as_ref()?.resources.get(id)),
            };
            check.values(&mut findings);
            check.required(&mut findings);
            for (key, meant) in contents.misspelt(kind, id, file) {
                findings.push(check.finding(
                    document.position(key),
                    format!("`{key}` is no field of {}", kind.one()),
                    &format!("did you mean `{meant}`?"),
                ));
            }
            for mistaken in mistaken.iter().filter(|one| Some(one.id) == id) {
                let position = document.position(kind.id_name());
                findings.push(check.finding(position, mistaken.message(), &mistaken.hint()));
            }
            check.derived(&mut findings);
            check.references(&known, &mut findings);
            check.empty_references(&mut findings);
            check.parts(&known, &mut findings);
            check.secrets(&mut findings);
        }
        findings.sort();
        findings.dedup();
        Check {
            files: contents.files().count(),
            findings,
        }
    }

    /// Files with a name that Windows does not have.
    fn refused_elsewhere(&self) -> impl Iterator<Item = Finding> {
        self.paths().filter_map(|path| {
            Some(Finding {
                path: self.path().join(path),
                position: Position::START,
                message: refused_by_windows(path.file_name()?.to_str()?)?,
                hint: Some("rename it: git can't check it out there".to_owned()),
            })
        })
    }
}

/// The tenants' folders in `root` that are one and the same to some file systems.
pub fn same_tenants(root: &Path) -> Vec<Finding> {
    let tenants = tenants(root);
    same_to_some_file_systems(root, "folder", tenants.iter().map(Path::new))
}

/// What is one and the same in a folder where the file system does not tell upper from lower case, or `é` from an `e` with an accent.
fn same_to_some_file_systems<'a>(
    folder: &Path,
    one: &str,
    paths: impl Iterator<Item = &'a Path>,
) -> Vec<Finding> {
    let mut first: HashMap<String, &Path> = HashMap::new();
    let mut findings = Vec::new();
    for path in paths {
        let name = path.to_string_lossy().to_lowercase();
        let other = match first.entry(composed(&name).into_owned()) {
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
            path: folder.join(path),
            position: Position::START,
            message: format!(
                "its name differs from {} only in {difference}",
                other.display()
            ),
            hint: Some(format!(
                "rename one of them: to {systems} the two are one {one}"
            )),
        });
    }
    findings
}

/// The hint where a value may be the tenant's own.
const UNKNOWN_BASE: &str = "or, where the tenant has that value already, `tenantry pull`: it remembers that nobody sends it";

/// One file that parses.
struct FileCheck<'a> {
    path: PathBuf,
    kind: &'static Kind,
    /// Whether its resource is still to be made.
    is_new: bool,
    managed: &'a Managed,
    file: &'a ResourceFile,
    document: &'a Document<'a>,
    base: Option<&'a BaseValues>,
    locked: Option<&'a Locked>,
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

    /// Values that no file may have, and values that would be sent and that the API would refuse. What base has is on the tenant
    /// already and is not sent. Without a base, it is unknown what would be sent. Of what is still to be made, all is.
    fn values(&self, findings: &mut Vec<Finding>) {
        let mut refused = BTreeSet::new();
        let fields = self.kind.fields();
        for field in fields.filter(|field| self.is_new || self.managed.has(*field)) {
            let value = field.of(&self.file.fields);
            let base = self.base_value(field.name());
            let invalid = value.map(|value| field.new_part(value, base));
            let Some(invalid) = invalid.and_then(|value| field.validate(&value).err()) else {
                continue;
            };
            refused.insert(field.name());
            let key = FieldKey::from(field);
            let same = |one: Option<&Value>, other: Option<&Value>| key.same(one, other);
            if self
                .base
                .is_some_and(|base| base.get(&key).is_same(value, same))
            {
                continue;
            }
            let ParseError {
                position, message, ..
            } = problem(self.document, &invalid);
            let hint = match self.base {
                Some(_) => invalid.hint,
                None if self.is_new => invalid.hint,
                None => format!("{}\n{UNKNOWN_BASE}", invalid.hint),
            };
            findings.push(self.finding(position, message, &hint));
        }
        for violation in self.kind.schema.file(&self.file.fields) {
            let is_refused = matches!(violation.path.first(), Some(crate::schema::Step::Key(name)) if refused.contains(name.as_str()));
            if !is_refused {
                let position = self.document.position_at(&steps(&violation.path));
                let invalid = InvalidValue::new(violation);
                findings.push(self.finding(position, invalid.to_string(), &invalid.hint));
            }
        }
    }

    /// Fields without which the API makes no resource.
    fn required(&self, findings: &mut Vec<Finding>) {
        let Some(Creation::Takes(takes)) = self.kind.creation() else {
            return;
        };
        let said = |field: &str| self.file.fields.get(field);
        let required = takes.required.iter().filter(|_| self.is_new);
        for field in required.filter(|field| said(field).is_none()) {
            let one = self.kind.singular;
            findings.push(self.finding(
                self.document.position(field),
                format!("there is no `{field}`, without which the API makes no {one}"),
                &format!(
                    "write it; or, where the tenant has this {one} already, write its `{}` into the first line",
                    self.kind.id_name()
                ),
            ));
        }
    }

    /// Edits of what the tenant derives from another field.
    fn derived(&self, findings: &mut Vec<Finding>) {
        let is_known = self.locked.is_some_and(|locked| locked.unsent.is_some());
        for name in self.file.fields.keys().filter(|_| is_known) {
            if let Some(from) = self.kind.derived_from(name)
                && !self.was_served(name)
            {
                findings.push(self.finding(
                    self.document.position(name),
                    format!("no push sends `{name}`: the tenant derives it from `{from}`"),
                    &format!("edit `{from}`; `tenantry pull` puts the tenant's `{name}` back"),
                ));
            }
        }
    }

    /// References to resources that nobody knows, and to files that there are not. The tenant took what base has, and a URL or the like among ids is an API's identifier.
    fn references(&self, all: &Known<'_>, findings: &mut Vec<Finding>) {
        for row in self.kind.rows {
            let Some(reference) = row.refers_to else {
                continue;
            };
            let Some((kind, known)) = reference.kind().zip(all.of(reference)) else {
                continue;
            };
            let base = self.base_value(row.name);
            let base = base
                .map(|base| reference.in_value(base))
                .unwrap_or_default();
            let base: BTreeSet<&str> = base.into_iter().map(|(_, text)| text).collect();
            let value = self.file.fields.get(row.name);
            let found = value
                .map(|value| reference.in_value(value))
                .unwrap_or_default();
            for (path, text) in found {
                let stem = reference.stem_in(text);
                let is_foreign =
                    reference.by.is_none() && stem.is_none() && text.contains([':', '/', '.']);
                if stem.is_some_and(|stem| all.new.contains(&(kind, stem))) {
                    continue;
                }
                let is_known = known.contains(text) || base.contains(text);
                // An empty reference is a finding of its own.
                if text.is_empty() || is_known || is_foreign || self.was_served(row.name) {
                    continue;
                }
                let place = std::iter::once(Step::Key(row.name)).chain(path);
                let one = kind.singular;
                let hint = match reference.by {
                    None if stem.is_some() => format!(
                        "write the id of the {one}, or its file as `{kind}/web-app`, without the extension"
                    ),
                    None => format!(
                        "{one} ids differ from tenant to tenant: `tenantry promote` translates them"
                    ),
                    Some(by) => format!(
                        "it is the {by} of no {one} that has a file: `tenantry pull` has them all"
                    ),
                };
                findings.push(self.finding(
                    self.document.position_at(&place.collect::<Vec<_>>()),
                    match stem {
                        Some(_) => {
                            format!("`{}` refers to {text}, and there is no such file", row.name)
                        }
                        None => format!(
                            "`{}` refers to {text}, which is no {one} of this tenant",
                            row.name
                        ),
                    },
                    &hint,
                ));
            }
        }
    }

    /// References to nothing, where nothing is no value of the field.
    fn empty_references(&self, findings: &mut Vec<Finding>) {
        for row in self.kind.rows.iter().filter(|row| !row.may_be_empty()) {
            let (Some(reference), Some(value)) = (row.refers_to, self.file.fields.get(row.name))
            else {
                continue;
            };
            let is_empty = |(_, text): &(Vec<Step<'_>>, &str)| text.is_empty();
            let base = self.base_value(row.name);
            let base = base.map(|base| reference.in_value(base));
            if self.was_served(row.name) || base.iter().flatten().any(is_empty) {
                continue;
            }
            for (path, _) in reference.in_value(value).into_iter().filter(is_empty) {
                let place = std::iter::once(Step::Key(row.name)).chain(path);
                let position = self.document.position_at(&place.collect::<Vec<_>>());
                // What the rules of an update say of the value says it all.
                let is_said =
                    |known: &Finding| known.path == self.path && known.position == position;
                let Some(kind) = reference.kind().filter(|_| !findings.iter().any(is_said)) else {
                    continue;
                };
                findings.push(self.finding(
                    position,
                    format!("`{}` is empty, and refers to nothing", row.name),
                    &format!(
                        "write the {} of {}",
                        reference.by.unwrap_or(kind.id_name()),
                        kind.one()
                    ),
                ));
            }
        }
    }

    /// Parts that what is referred to does not have, such as a permission that is no scope of its API.
    fn parts(&self, known: &Known<'_>, findings: &mut Vec<Finding>) {
        for row in self.kind.rows {
            let Some((reference, part)) = row.refers_to.and_then(|one| Some((one, one.part?)))
            else {
                continue;
            };
            let base = self.base_beside(row.name, part.key);
            let base = reference.parts_in(&base, row.name);
            for (text, path, name) in reference.parts_in(&self.file.fields, row.name) {
                let is_base = base
                    .iter()
                    .any(|(of, _, base)| *of == text && *base == name);
                let was_served = path.first().is_some_and(|step| match step {
                    Step::Key(field) => self.was_served(field),
                    Step::Index(_) => false,
                });
                if is_base || was_served || known.has_part(reference, text, name) {
                    continue;
                }
                let one = reference.kind().map_or("resource", |kind| kind.singular);
                findings.push(self.finding(
                    self.document.position_at(&path),
                    format!("the {one} {text} has no `{name}`"),
                    "its file has what there is; `tenantry pull` brings what there is by now",
                ));
            }
        }
    }

    /// What base has of a field and of the one beside it. A field that is never sent has no base, and is what it is since it was made.
    fn base_beside(&self, name: &str, beside: &str) -> Map<String, Value> {
        let fixed = match self.kind.field(name) {
            None => self.file.fields.get(name),
            Some(_) => None,
        };
        let values = [
            (name, self.base_value(name).or(fixed)),
            (beside, self.base_value(beside)),
        ];
        let there = values
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?.clone())));
        there.collect()
    }

    /// Whether a field that push does not send says what the tenant served.
    fn was_served(&self, name: &str) -> bool {
        let value = self.file.fields.get(name);
        let unsent = self.locked.and_then(|locked| locked.unsent.as_ref());
        value
            .zip(unsent)
            .is_some_and(|(value, unsent)| unsent.has(name, value))
    }

    fn base_value(&self, name: &str) -> Option<&Value> {
        let field = self.kind.field(name)?;
        self.base?.get(&field.into()).value().copied()
    }

    fn secrets(&self, findings: &mut Vec<Finding>) {
        for path in self.kind.secrets_in(self.document.fields()) {
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

/// What references may mean.
struct Known<'a> {
    contents: &'a Contents,
    ids: BTreeSet<(&'a Kind, &'a str)>,
    /// The stems of the files of what is still to be made.
    new: BTreeSet<(&'a Kind, &'a str)>,
    managed: &'a Managed,
}

impl<'a> Known<'a> {
    fn of_contents(contents: &'a Contents, managed: &'a Managed) -> Known<'a> {
        let locked = contents.lock.iter().flat_map(|lock| lock.resources.keys());
        let ids = contents.resources.keys().chain(locked);
        Known {
            contents,
            ids: ids.map(|id| (id.kind(), id.as_str())).collect(),
            new: contents
                .new
                .iter()
                .map(|new| (new.kind, new.file.stem.as_str()))
                .collect(),
            managed,
        }
    }

    /// Whether all that there is of a kind is known.
    fn knows(&self, kind: &Kind) -> bool {
        let is_it = |one: &'static Kind| one == kind;
        self.managed.kinds().any(is_it) && !self.contents.unread.iter().copied().any(is_it)
    }

    /// Whether what is referred to has a part of that name, or nobody can tell.
    fn has_part(&self, reference: Reference, text: &str, name: &str) -> bool {
        let (Some(kind), Some(part), Some(by)) = (reference.kind(), reference.part, reference.by)
        else {
            return true;
        };
        if !self.knows(kind) {
            return true;
        }
        let files = self.contents.files().filter(|(of, ..)| *of == kind);
        let mut files = files.map(|(.., file)| &file.fields);
        let is_meant = |fields: &&Arc<Map<String, Value>>| {
            fields.get(by).and_then(Value::as_str) == Some(text)
        };
        let Some(fields) = files.find(is_meant) else {
            return true;
        };
        // A file that leaves the list out says nothing of it.
        let list = fields.get(part.list).and_then(Value::as_array);
        let is_it = |entry: &Value| entry.get(part.name).and_then(Value::as_str) == Some(name);
        list.is_none_or(|entries| entries.iter().any(is_it))
    }

    /// What a reference like this may be; None where the kind is not managed, or not all of it could be read, so that nobody can tell.
    fn of(&self, reference: Reference) -> Option<BTreeSet<&'a str>> {
        let kind = reference.kind().filter(|kind| self.knows(kind))?;
        let files = self.contents.files().filter(|(of, ..)| *of == kind);
        Some(match reference.by {
            None => {
                let ids = self.ids.iter().filter(|(of, _)| *of == kind);
                ids.map(|(_, id)| *id).collect()
            }
            Some(by) => files
                .filter_map(|(.., file)| file.fields.get(by)?.as_str())
                .collect(),
        })
    }
}

/// An error of reading as findings.
fn findings(error: &FilesError) -> Vec<Finding> {
    let (path, position) = match error {
        FilesError::Several(errors) => return errors.iter().flat_map(findings).collect(),
        FilesError::Content { path, position, .. } => (path, *position),
        FilesError::SameResource { second, .. } => (second, Position::START),
        FilesError::Io { path, .. }
        | FilesError::OtherDomain { path, .. }
        | FilesError::ChangedMeanwhile { path }
        | FilesError::LostId { path, .. }
        | FilesError::NoDirectory { path, .. } => (path, Position::START),
    };
    vec![Finding {
        path: path.clone(),
        position,
        message: error.problem(),
        hint: error.hint(),
    }]
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
        let check = Source::in_memory(Path::new("tenant"), &Managed::default(), files).check();
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
