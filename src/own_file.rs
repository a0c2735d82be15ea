//! Opening a file that somebody else may have put there: a named pipe would be waited for without end, a device read without
//! end, and another user's file says what that user wants.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::Path;

/// Opens a regular file to read it, if it belongs to the user (or to root, who may do anything anyway).
pub(crate) fn open(path: &Path) -> io::Result<File> {
    // Asked first, since some devices do something when they are opened; and again, since it may be another one by then.
    check(&fs::metadata(path)?)?;
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, nonblocking());
    let file = options.open(path)?;
    check(&file.metadata()?)?;
    Ok(file)
}

/// The flag of `open` that keeps a named pipe from being waited for.
#[cfg(unix)]
fn nonblocking() -> i32 {
    rustix::fs::OFlags::NONBLOCK.bits().cast_signed()
}

fn check(metadata: &Metadata) -> io::Result<()> {
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    #[cfg(unix)]
    {
        let (owner, user) = (std::os::unix::fs::MetadataExt::uid(metadata), user());
        // For root, who runs most containers, files that are mounted into one belong to somebody else.
        if user != 0 && owner != user && owner != 0 {
            return Err(io::Error::other("it belongs to another user"));
        }
    }
    Ok(())
}

/// Whether nobody but the user may read or write it.
#[cfg(unix)]
pub(crate) fn is_private(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    metadata.uid() == user() && metadata.mode() & 0o077 == 0
}

/// Elsewhere the user's folders are the user's.
#[cfg(not(unix))]
pub(crate) fn is_private(_: &Metadata) -> bool {
    true
}

#[cfg(unix)]
fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}
