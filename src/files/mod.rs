//! The tenant directory: resources as files that people edit and git keeps, and the lock that remembers base. Reading is strict
//! and touches nothing; writing is atomic, and only where a byte changes.

mod aside;
mod atomic;
mod check;
mod directory;
mod document;
mod error;
mod excerpt;
mod intent;
mod json;
mod lock;
mod mistaken;
mod overrides;
mod position;
mod project;
mod resource_file;
mod sent;
mod slug;
mod source;
mod state_dir;
mod strays;

use document::conflict_marker;

pub use crate::json::Step;
pub use check::{Check, Finding, same_tenants};
pub use directory::{Access, Contents, TenantDirectory, read_file, read_project, tenants};
pub use document::{Document, Format, ParseError, Rewritten, divided, rewrite, write};
pub use error::FilesError;
pub use excerpt::{Excerpt, excerpt};
pub use intent::Intent;
pub use lock::{LOCK_FILE, Lock, Locked};
pub use overrides::{OVERRIDES_FILE, with_own_values};
pub use position::Position;
pub use project::{PROJECT_FILE, Project};
pub use resource_file::{
    NewFile, ReadFile, ResourceFile, is_resource_file, parse as parse_resource,
};
pub use sent::SentRecord;
pub use slug::{slug, slug_of_names, stems_for_new_files};
pub use source::Source;
pub use strays::{Stray, misnamed_settings, settings_beside};

/// The largest file that is read, in bytes. No resource's file and no lock comes near it.
pub(crate) const LARGEST_FILE: u64 = 32 * 1024 * 1024;
