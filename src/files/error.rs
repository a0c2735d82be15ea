//! What can be wrong with a tenant directory: each error names the file, and the place in it where there is one.

use std::io;
use std::path::{Path, PathBuf};

use super::document::ParseError;
use super::lock::LOCK_FILE;
use super::position::Position;
use crate::closest::closest;
use crate::resource::ResourceId;

/// A tenant directory that can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// The system refused.
    #[error("can't {action} {}: {error}", path.display())]
    Io {
        /// What was tried: `read`, `write`, …
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A file's content is not what it has to be.
    #[error("{}:{position}: {message}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Where in it.
        position: Position,
        /// What is wrong.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// Two files hold one resource.
    #[error("{} and {} have the same {} {id}", first.display(), second.display(), id.kind().id_name())]
    SameResource {
        /// The resource.
        id: ResourceId,
        /// One file.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// The lock knows whose file this is, and the file does not say so any more.
    #[error("{}: {}", path.display(), self.problem())]
    LostId {
        /// The file.
        path: PathBuf,
        /// The resource.
        id: ResourceId,
    },
    /// The files belong to another tenant.
    #[error("the files in {} are those of {locked}, and the settings name {connected}", path.display())]
    OtherDomain {
        /// The tenant directory.
        path: PathBuf,
        /// The domain in the lock.
        locked: String,
        /// The domain in the settings.
        connected: String,
    },
    /// Somebody edited a file while the command was at work.
    #[error("{} changed while this command was at work", path.display())]
    ChangedMeanwhile {
        /// The file.
        path: PathBuf,
    },
    /// Nothing was pulled yet.
    #[error("there is no folder {}", path.display())]
    NoDirectory {
        /// The tenant directory.
        path: PathBuf,
        /// The tenants that do have a folder beside it.
        tenants: Vec<String>,
    },
    /// Several of these at once.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Several(Vec<FilesError>),
}

impl FilesError {
    /// What is wrong, to be said beside the file that it is about.
    pub fn problem(&self) -> String {
        match self {
            FilesError::Io { action, error, .. } => format!("can't {action} it: {error}"),
            FilesError::Content { message, .. } => message.clone(),
            FilesError::SameResource { id, first, .. } => {
                let name = id.kind().id_name();
                format!("{} has the same {name} {id}", first.display())
            }
            FilesError::LostId { id, .. } => format!(
                "there is no `{}`, and {LOCK_FILE} has the file as that of {id}",
                id.kind().id_name()
            ),
            other => other.to_string(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            FilesError::Io { .. } => None,
            FilesError::Content { hint, .. } => hint.clone(),
            FilesError::SameResource { id, .. } => Some(format!(
                "keep one of them: {} has one file",
                id.kind().one()
            )),
            FilesError::LostId { id, .. } => Some(format!(
                "write `{}: {id}` as its first line again; give the file of another, new {} another name",
                id.kind().id_name(),
                id.kind().singular
            )),
            FilesError::OtherDomain { .. } => Some(
                "use that tenant's settings, or another directory (--tenant NAME, --dir DIR): files of one tenant never go to \
                 another"
                    .to_owned(),
            ),
            FilesError::ChangedMeanwhile { .. } => {
                Some("it was left as it is: run the command again".to_owned())
            }
            FilesError::NoDirectory { path, tenants } => {
                let name = path.file_name().and_then(|name| name.to_str());
                let close = name.and_then(|name| closest(name, tenants.iter().map(String::as_str)));
                Some(match close {
                    Some(tenant) => format!("did you mean the tenant `{tenant}`?"),
                    None => "`tenantry pull` makes it".to_owned(),
                })
            }
            FilesError::Several(errors) => {
                let mut hints: Vec<String> = errors.iter().filter_map(FilesError::hint).collect();
                hints.dedup();
                (!hints.is_empty()).then(|| hints.join("\n"))
            }
        }
    }

    /// The files that it is about.
    pub fn paths(&self) -> Vec<&Path> {
        match self {
            FilesError::Io { path, .. }
            | FilesError::Content { path, .. }
            | FilesError::OtherDomain { path, .. }
            | FilesError::ChangedMeanwhile { path }
            | FilesError::LostId { path, .. }
            | FilesError::NoDirectory { path, .. } => vec![path],
            FilesError::SameResource { first, second, .. } => vec![first, second],
            FilesError::Several(errors) => errors.iter().flat_map(FilesError::paths).collect(),
        }
    }

    /// One error out of several; None out of none.
    pub fn all(mut errors: Vec<FilesError>) -> Option<FilesError> {
        match errors.len() {
            0 => None,
            1 => errors.pop(),
            _ => Some(FilesError::Several(errors)),
        }
    }

    /// An error about a file's content.
    pub fn content(path: impl Into<PathBuf>, error: ParseError) -> FilesError {
        FilesError::Content {
            path: path.into(),
            position: error.position,
            message: error.message,
            hint: error.hint,
        }
    }
}

/// For `map_err`: an I/O error with what was tried.
pub(super) fn io(
    action: &'static str,
    path: impl Into<PathBuf>,
) -> impl FnOnce(io::Error) -> FilesError {
    let path = path.into();
    move |error| FilesError::Io {
        action,
        path,
        error,
    }
}
