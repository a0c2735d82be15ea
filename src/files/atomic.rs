//! Writing a file so that whoever looks, at any moment and after any crash, sees the old content or the new, never half.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use tempfile::{PathPersistError, TempPath};

use super::LARGEST_FILE;
use crate::opening::{follow, too_large};

/// Temporary files start with this. A killed command may leave some; the next one that writes removes them.
pub(super) const TEMPORARY: &str = ".tenantry-new-";

/// Whether the content has to be safe from a power failure before the file takes its place. New files need not be: thousands of
/// them are written at once, and one that is lost is pulled again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Durability {
    /// The content is on the disk first.
    Synced,
    /// The system decides when it writes the content to the disk.
    Cached,
}

/// Makes or replaces a file below `root` that nobody but tenantry writes. An existing one keeps its mode; a link to one within
/// `root` stays a link.
pub(super) fn write(root: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
    let target = follow(root, path)?;
    let new = temporary(path, content, Durability::Synced)?;
    if let Ok(old) = fs::metadata(&target) {
        fs::set_permissions(&new, old.permissions())?;
    }
    new.persist(&target).map_err(|error| error.error)?;
    sync_folder(&target)
}

/// Makes a file below `root`, and never replaces one: where there is one by now, the error is of the kind `AlreadyExists`.
pub(super) fn create(root: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
    let target = follow(root, path)?;
    if fs::symlink_metadata(path).is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    rename_new(&temporary(path, content, Durability::Cached)?, &target)
}

/// Renames a file to a name that no other file has. Where one has it, the error is of the kind `AlreadyExists`.
pub(super) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    let mut there = TempPath::try_from_path(from)?;
    there.disable_cleanup(true);
    let Err(PathPersistError { error, .. }) = there.persist_noclobber(to) else {
        return Ok(());
    };
    // Some file systems support neither links nor a rename that replaces nothing. There, all that can be done is to look first.
    match fs::symlink_metadata(to) {
        Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(from, to).map_err(|_| error),
    }
}

/// A complete temporary file beside `path`, removed with the value that is returned.
pub(super) fn temporary(
    path: &Path,
    content: &[u8],
    durability: Durability,
) -> io::Result<TempPath> {
    // A larger file would be refused when it is read.
    if content.len() as u64 > LARGEST_FILE {
        return Err(io::Error::other(too_large(LARGEST_FILE)));
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY);
    // The umask decides about the mode, as for any new file; a temporary file would have 0600.
    #[cfg(unix)]
    let builder = builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder(path)).map_err(without_path)?;
    file.write_all(content).map_err(without_path)?;
    if durability == Durability::Synced {
        file.as_file().sync_all()?;
    }
    Ok(file.into_temp_path())
}

/// Makes what was renamed in a file's folder survive a power failure.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    // Where a folder can't be opened, there is nothing more to do.
    match File::open(folder(path)) {
        Ok(folder) => folder.sync_all(),
        Err(_) => Ok(()),
    }
}

/// The folder that a file is in.
pub(super) fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

/// The error without the name of the temporary file, which means nothing to the user and is the last thing that its text says.
fn without_path(error: io::Error) -> io::Error {
    match error.to_string().rsplit_once(" at path ") {
        Some((cause, _)) => io::Error::new(error.kind(), cause),
        None => error,
    }
}
