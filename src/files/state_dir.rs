//! The folder in the tenant directory of what only this working copy is about, such as what the last push sent. git ignores it: the
//! folder says so itself. Nothing is read or written there through a link, which a repository that somebody cloned may have put there.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::PathBuf;

use super::aside;
use super::atomic;
use super::directory::TenantDirectory;
use super::error::{FilesError, io};
use crate::opening;

/// The folder.
const FOLDER: &str = ".tenantry";

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
        let path = self.state_path(name);
        let read = self
            .no_link(name)
            .and_then(|()| opening::read(&path, largest));
        match read {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io("read", path)(error)),
        }
    }

    /// Makes or replaces a file in the folder, and the folder where there is none. The content is on the disk when it returns.
    ///
    /// # Errors
    /// What is there is a link, or the system refuses; what was there is as it was.
    pub(super) fn write_state(&self, name: &str, content: &[u8]) -> Result<(), FilesError> {
        let path = self.state_path(name);
        let write = || {
            self.no_link(name)?;
            let folder = self.path().join(FOLDER);
            fs::create_dir_all(&folder)?;
            match atomic::create(self.path(), &folder.join(".gitignore"), b"*\n") {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                made => made?,
            }
            aside::clean(self.path(), &folder);
            atomic::write(self.path(), &path, content)
        };
        write().map_err(io("write", &path))
    }

    /// Refuses a folder, or a file in it, that is a link.
    fn no_link(&self, name: &str) -> io::Result<()> {
        for path in [self.state_path(name), self.path().join(FOLDER)] {
            if path.is_symlink() {
                return Err(io::Error::other("it is a link, and none is followed there"));
            }
        }
        Ok(())
    }
}
