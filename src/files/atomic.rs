//! Writing a file so that whoever looks, at any moment and after any crash, sees the old content or the new, never half.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Temporary files start with this. A killed command may leave some; the next one that writes removes them.
pub(super) const TEMPORARY: &str = ".tenantry-";

/// Whether the content has to survive a power failure before the file takes its place. What the tenant has anyway need not:
/// thousands of new files are written at once, and a lost one is pulled again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Durability {
    /// The content is on the disk first.
    Synced,
    /// The system writes it out when it likes.
    Cached,
}

/// Replaces a file's content, or makes the file. An existing one keeps its mode.
pub(super) fn write(path: &Path, content: &[u8], durability: Durability) -> io::Result<()> {
    // A link stays one, and what it points to changes.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY);
    // As the umask has it, unlike a temporary file's 0600.
    #[cfg(unix)]
    let builder = builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder).map_err(without_path)?;
    file.write_all(content).map_err(without_path)?;
    if let Ok(old) = fs::metadata(path) {
        file.as_file().set_permissions(old.permissions())?;
    }
    if durability == Durability::Synced {
        file.as_file().sync_all()?;
    }
    file.persist(path).map_err(|error| error.error)?;
    if durability == Durability::Synced {
        // So that the rename survives too; where a folder can't be opened, there is nothing more to do.
        if let Ok(folder) = File::open(folder) {
            folder.sync_all()?;
        }
    }
    Ok(())
}

/// An error of a temporary file names that file, which means nothing to anybody.
fn without_path(error: io::Error) -> io::Error {
    let cause = error
        .get_ref()
        .and_then(|error| error.source())
        .map(ToString::to_string);
    match cause {
        Some(cause) => io::Error::new(error.kind(), cause),
        None => error,
    }
}

/// Removes what killed commands left in a folder. Only for the one process that may write there.
pub(super) fn clean(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
            // One that can't be removed is in nobody's way: no file of a client starts with a dot.
            let _ = fs::remove_file(entry.path());
        }
    }
}
