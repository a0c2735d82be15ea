//! Base from git: what the files said at a commit, found by id, whatever the files are called there.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

use super::Prints;
use crate::files::{ReadFile, ResourceFile, is_resource_file, parse_resource};
use crate::git::{GitError, ObjectId, Repository, TrackedFile};
use crate::kinds::{Kind, Managed};
use crate::resource::ResourceId;
use crate::three_way::BaseValues;

/// A resource's file at a commit.
#[derive(Debug)]
pub(super) struct AtCommit {
    /// Its path then.
    pub(super) path: String,
    /// What it said in the fields that an update takes.
    pub(super) base: BaseValues,
    /// What it said in the others; None where nobody knows.
    pub(super) unsent: Option<Prints>,
}

impl AtCommit {
    fn new(kind: &'static Kind, path: String, fields: &Map<String, Value>) -> AtCommit {
        let unsent = fields.iter().filter(|(name, _)| kind.field(name).is_none());
        AtCommit {
            path,
            base: BaseValues::of(kind.fields(), fields),
            unsent: Some(Prints::of(unsent)),
        }
    }

    /// A file that was there and can't be read, so that nobody knows what it said.
    fn unknown(path: String) -> AtCommit {
        AtCommit {
            path,
            base: BaseValues::default(),
            unsent: None,
        }
    }
}

/// Reads the bases that the files of the managed kinds had at a commit, and what somebody should know about them. What a file still
/// says, byte for byte, is not read again.
///
/// # Errors
/// git fails.
pub(super) fn read(
    repository: &Repository,
    commit: &ObjectId,
    managed: &Managed,
    files: &BTreeMap<ResourceId, ResourceFile>,
) -> Result<(BTreeMap<ResourceId, AtCommit>, Vec<String>), GitError> {
    let by_path: BTreeMap<&str, (&ResourceId, &ResourceFile)> = files
        .iter()
        .map(|(id, file)| (file.file.as_str(), (id, file)))
        .collect();
    let mut then = Then::default();
    for kind in managed.kinds() {
        let mut tracked = repository.files(commit, kind.folder())?;
        if tracked.is_empty()
            && !kind.folder().is_empty()
            && files.keys().any(|id| id.kind() == kind)
        {
            // The folder had another name then, or is new.
            tracked = repository.files_of_folders(commit, kind.folder())?;
        }
        let mut other = Vec::new();
        for file in tracked {
            let name = Path::new(&file.path).file_name().unwrap_or_default();
            if !is_resource_file(kind, &Path::new(kind.folder()).join(name)) {
                continue;
            }
            match by_path.get(file.path.as_str()) {
                Some((id, now)) if file.content.is_of(now.text.as_bytes()) => {
                    then.take((*id).clone(), AtCommit::new(kind, file.path, &now.fields));
                }
                _ => other.push(file),
            }
        }
        let contents: Vec<ObjectId> = other.iter().map(|file| file.content.clone()).collect();
        let mut other = other.into_iter();
        repository.read(&contents, |content| {
            let Some(TrackedFile { path, .. }) = other.next() else {
                return;
            };
            match parse_resource(kind, Path::new(&path), content.unwrap_or_default()) {
                Ok(ReadFile {
                    id: Some(id), file, ..
                }) => {
                    then.take(id, AtCommit::new(kind, path, &file.fields));
                }
                // What had no id yet was never in step with the tenant.
                Ok(ReadFile { id: None, .. }) => {}
                Err(error) => {
                    then.unreadable.push(format!(
                        "at {}, {path}:{} {error}: what it said is not known",
                        commit.short(),
                        error.position
                    ));
                }
            }
        })?;
    }
    // Nobody knows either whose file it was: it may be that of any resource that has none.
    if !then.unreadable.is_empty() {
        for (id, file) in files {
            let unknown = AtCommit::unknown(file.file.clone());
            then.resources.entry(id.clone()).or_insert(unknown);
        }
    }
    then.warnings.append(&mut then.unreadable);
    Ok((then.resources, then.warnings))
}

/// What is known of the commit so far.
#[derive(Default)]
struct Then {
    resources: BTreeMap<ResourceId, AtCommit>,
    warnings: Vec<String>,
    /// What is wrong with files that can't be read.
    unreadable: Vec<String>,
}

impl Then {
    fn take(&mut self, id: ResourceId, found: AtCommit) {
        let Some(first) = self.resources.remove(&id) else {
            self.resources.insert(id, found);
            return;
        };
        if first.base == found.base {
            self.resources.insert(id, found);
            return;
        }
        self.warnings.push(format!(
            "{} and {} both had the {} {id} at that commit, with other values: its base is unknown",
            first.path,
            found.path,
            id.kind().id_name()
        ));
        self.resources.insert(id, AtCommit::unknown(found.path));
    }
}
