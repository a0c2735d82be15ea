//! Finds the reason of a conflict: where the tenant has what the file said at an earlier commit, an apply failed or never ran.

use std::path::Path;

use serde_json::Value;

use crate::files::{ReadFile, parse_resource};
use crate::git::{GitError, ObjectId, Repository};
use crate::kinds::FieldKey;
use crate::resource::ResourceId;

/// How many commits are looked at.
const COMMITS: usize = 100;

/// Looks for the newest of the last commits that changed one of these `paths` and lead to `from`, at which the resource's file said
/// `live`.
///
/// # Errors
/// git fails.
pub(super) fn find(
    repository: &Repository,
    from: &ObjectId,
    id: &ResourceId,
    paths: &[&str],
    live: &[(&FieldKey, Option<&Value>)],
) -> Result<Option<ObjectId>, GitError> {
    if paths.is_empty() {
        return Ok(None);
    }
    let commits = repository.history(paths, from, None, Some(COMMITS))?;
    let mut found: Option<usize> = None;
    for path in paths {
        let contents = repository.contents_at(path, &commits)?;
        let there = contents.into_iter().enumerate();
        let (at, contents): (Vec<usize>, Vec<ObjectId>) = there
            .filter_map(|(at, content)| Some((at, content?)))
            .unzip();
        let mut at = at.into_iter();
        repository.read(&contents, |content| {
            let at = at.next();
            let parsed = parse_resource(id.kind(), Path::new(path), content.unwrap_or_default());
            let Ok(ReadFile {
                id: its_id, file, ..
            }) = parsed
            else {
                return;
            };
            let says =
                |(key, live): &(&FieldKey, Option<&Value>)| key.same(key.of(&file.fields), *live);
            if its_id.as_ref() == Some(id) && live.iter().all(says) {
                found = found.into_iter().chain(at).min();
            }
        })?;
    }
    Ok(found.and_then(|at| commits.into_iter().nth(at)))
}
