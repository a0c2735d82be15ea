//! The folder in the tenant directory of what only this working copy is about, such as what the last push sent. git ignores it: the
//! folder says so itself. Nothing is read or written there through a link, which a repository that somebody cloned may have put there.

use std::fs;
#[cfg(any(test, not(unix)))]
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::aside;
use super::atomic;
#[cfg(any(test, not(unix)))]
use super::directory::Access;
use super::directory::TenantDirectory;
use super::error::{FilesError, io};
use crate::opening;

/// The folder.
const FOLDER: &str = ".tenantry";
/// The file in it that is locked where a folder can't be.
#[cfg(any(test, not(unix)))]
const HOLD_FILE: &str = "hold";

impl TenantDirectory {
    /// Where a file of this name is in the folder.
    pub(super) fn state_path(&self, name: &str) -> PathBuf {
        self.path().join(FOLDER).join(name)
    }

    /// The content of a file in the folder; None where there is none.
    ///
    /// # Errors
    /// It is no regular file, it is larger, or a link, or the system refuses.
    pub(super) fn read_state(
        &self,
        name: &str,
        largest: u64,
    ) -> Result<Option<Vec<u8>>, FilesError> {
        let read = no_link(self.path(), name).and_then(|path| opening::read(&path, largest));
        match read {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io("read", self.state_path(name))(error)),
        }
    }

    /// Makes or replaces a file in the folder, and the folder where there is none. The content is on the disk when it returns.
    ///
    /// # Errors
    /// What is there is a link, or the system refuses; what was there is as it was.
    pub(super) fn write_state(&self, name: &str, content: &[u8]) -> Result<(), FilesError> {
        let write = || {
            let path = no_link(self.path(), name)?;
            make(self.path())?;
            aside::clean(self.path(), &self.path().join(FOLDER));
            atomic::write(self.path(), &path, content)
        };
        write().map_err(io("write", self.state_path(name)))
    }
}

/// Opens the file that is locked where a folder can't be, in the folder of the tenant directory `root`. A command that only reads
/// does not make it: None where there is none.
///
/// # Errors
/// It is a link, or the system refuses.
#[cfg(any(test, not(unix)))]
pub(super) fn hold_file(root: &Path, access: Access) -> io::Result<Option<File>> {
    let path = no_link(root, HOLD_FILE)?;
    let writes = access != Access::Read;
    if writes {
        make(root)?;
    }
    let mut options = File::options();
    options.read(true).write(writes).create(writes);
    match options.open(path) {
        Err(error) if !writes && error.kind() == ErrorKind::NotFound => Ok(None),
        file => file.map(Some),
    }
}

/// Makes the folder in a tenant directory, where there is none, and has git ignore what is in it.
fn make(root: &Path) -> io::Result<()> {
    let folder = root.join(FOLDER);
    fs::create_dir_all(&folder)?;
    match atomic::create(root, &folder.join(".gitignore"), b"*\n") {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

/// The path of a file in the folder. Refuses a folder, or a file in it, that is a link.
fn no_link(root: &Path, name: &str) -> io::Result<PathBuf> {
    let folder = root.join(FOLDER);
    let path = folder.join(name);
    match folder.is_symlink() || path.is_symlink() {
        true => Err(io::Error::other("it is a link, and none is followed there")),
        false => Ok(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_reads_makes_no_file_to_hold_and_no_clean_up_removes_one() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let own = root.join(FOLDER);
        let is_there = || own.join(HOLD_FILE).exists();
        let clean = || {
            aside::clean(root, root);
            aside::clean(root, &own);
        };
        let open = |access| hold_file(root, access).unwrap();
        assert!(open(Access::Read).is_none());
        assert!(!own.exists());
        let first = open(Access::Write).unwrap();
        first.lock().unwrap();
        // git sees nothing of it.
        let entries = fs::read_dir(root)
            .unwrap()
            .map(|entry| entry.unwrap().file_name());
        assert_eq!(entries.collect::<Vec<_>>(), [FOLDER]);
        assert_eq!(fs::read_to_string(own.join(".gitignore")).unwrap(), "*\n");
        // Another process that writes has opened it, and waits, while the first one cleans up, and ends.
        let second = open(Access::Write).unwrap();
        assert!(second.try_lock().is_err());
        clean();
        assert!(is_there());
        drop(first);
        second.lock().unwrap();
        clean();
        assert!(is_there());
        // Whoever comes now finds the file that the second one holds, and no new one.
        let third = open(Access::Read).unwrap();
        assert!(third.try_lock_shared().is_err());
        drop(second);
        assert!(third.try_lock_shared().is_ok());
    }
}
