//! The tenant directory: clients as files that people edit and git keeps, and the lock that remembers base. Reading is strict
//! and touches nothing; writing is atomic, and only where a byte changes.

mod aside;
mod atomic;
mod check;
mod client_file;
mod directory;
mod document;
mod error;
mod excerpt;
mod json;
mod lock;
mod overrides;
mod slug;
mod yaml;

pub use check::{Check, Finding};
pub use client_file::ClientFile;
pub use directory::{Access, Contents, TenantDirectory, read_file, tenants};
pub use document::{Document, Format, ParseError, Position, Rewritten, rewrite, write};
pub use error::FilesError;
pub use excerpt::{Excerpt, excerpt};
pub use lock::{LOCK_FILE, Lock, Locked};
pub use overrides::OVERRIDES_FILE;
pub use slug::{slug, stems_for_new_files};
