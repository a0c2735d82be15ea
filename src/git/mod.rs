//! The user's own git, asked about the repository that a tenant directory is in: commits by name, files at a commit, the index,
//! a file's history. Only plumbing commands, so that nobody's configuration changes an answer; nothing is written.

mod error;
mod object;
mod process;
mod repository;

pub use error::GitError;
pub use object::{ObjectId, TrackedFile};
pub use repository::Repository;
