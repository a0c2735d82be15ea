//! Base from git: what the files said at a commit, found by client id, whatever the files are called there.

use std::collections::BTreeMap;
use std::path::Path;

use crate::client::ClientId;
use crate::files::{CLIENTS, ClientFile, ReadFile, is_client_file, parse_client};
use crate::git::{GitError, ObjectId, Repository, TrackedFile};
use crate::three_way::BaseValues;

/// A client's file at a commit.
#[derive(Debug)]
pub(super) struct AtCommit {
    /// Its path then.
    pub(super) path: String,
    /// What it said.
    pub(super) base: BaseValues,
}

/// Reads the bases that the files had at a commit, and what somebody should know about them. What a file still says, byte for byte,
/// is not read again.
///
/// # Errors
/// git fails.
pub(super) fn read(
    repository: &Repository,
    commit: &ObjectId,
    files: &BTreeMap<ClientId, ClientFile>,
) -> Result<(BTreeMap<ClientId, AtCommit>, Vec<String>), GitError> {
    let by_path: BTreeMap<&str, (&ClientId, &ClientFile)> = files
        .iter()
        .map(|(id, file)| (file.file.as_str(), (id, file)))
        .collect();
    let mut then = Then::default();
    let mut other = Vec::new();
    let mut tracked = repository.files(commit, CLIENTS)?;
    if tracked.is_empty() && !files.is_empty() {
        // The folder had another name then, or is new.
        tracked = repository.files_of_folders(commit, CLIENTS)?;
    }
    for file in tracked {
        let name = Path::new(&file.path).file_name().unwrap_or_default();
        if !is_client_file(&Path::new(CLIENTS).join(name)) {
            continue;
        }
        match by_path.get(file.path.as_str()) {
            Some((id, now)) if file.content.is_of(now.text.as_bytes()) => {
                then.take((*id).clone(), file.path, BaseValues::of(&now.fields));
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
        match parse_client(Path::new(&path), content.unwrap_or_default()) {
            Ok(ReadFile { id, file, .. }) => then.take(id, path, BaseValues::of(&file.fields)),
            Err(error) => {
                then.unreadable.push(format!(
                    "at {}, {path}:{} {error}: what it said is not known",
                    commit.short(),
                    error.position
                ));
            }
        }
    })?;
    // Whose file it was can't be told either: it may be that of any client that has none.
    if !then.unreadable.is_empty() {
        for (id, file) in files {
            let path = file.file.clone();
            let base = BaseValues::default();
            let unknown = AtCommit { path, base };
            then.clients.entry(id.clone()).or_insert(unknown);
        }
    }
    then.warnings.append(&mut then.unreadable);
    Ok((then.clients, then.warnings))
}

/// What is known of the commit so far.
#[derive(Default)]
struct Then {
    clients: BTreeMap<ClientId, AtCommit>,
    warnings: Vec<String>,
    /// What is wrong with files that can't be read.
    unreadable: Vec<String>,
}

impl Then {
    fn take(&mut self, id: ClientId, path: String, base: BaseValues) {
        let found = AtCommit { path, base };
        if let Some(first) = self.clients.insert(id.clone(), found) {
            let second = self.clients.entry(id.clone()).or_insert(AtCommit {
                path: String::new(),
                base: BaseValues::default(),
            });
            if second.base != first.base {
                self.warnings.push(format!(
                    "{} and {} both had the client_id {id} at that commit, with other values: its base is unknown",
                    first.path, second.path
                ));
                second.base = BaseValues::default();
            }
        }
    }
}
