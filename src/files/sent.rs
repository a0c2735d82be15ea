//! The record of what the last push sent, beside the lock. It is for the one who pushed, and git ignores it: a folder of its own says
//! so. Nothing is read or written there through a link, which a repository that somebody cloned may have put there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use super::LARGEST_FILE;
use super::aside;
use super::atomic;
use super::directory::TenantDirectory;
use super::error::{FilesError, io};
use crate::opening;

/// The folder in the tenant directory of what tenantry keeps for itself.
const OWN_FOLDER: &str = ".tenantry";
/// The record in it, an object a line.
const RECORD: &str = "last-push.jsonl";
/// What was written as a whole is no larger than any file; what became of it is noted below.
const LARGEST_RECORD: u64 = 2 * LARGEST_FILE;

/// A record that is being written. What it begins with is on the disk.
#[derive(Debug)]
pub struct SentRecord {
    path: PathBuf,
    root: PathBuf,
    file: File,
    /// What was there before.
    former: Option<Vec<u8>>,
}

impl TenantDirectory {
    /// The record of what the last push sent; None where there is none.
    ///
    /// # Errors
    /// It is no regular file, or a link, or the system refuses.
    pub fn read_sent(&self) -> Result<Option<Vec<u8>>, FilesError> {
        let path = self.path().join(OWN_FOLDER).join(RECORD);
        match self
            .no_link()
            .and_then(|()| opening::read(&path, LARGEST_RECORD))
        {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io("read", path)(error)),
        }
    }

    /// Begins a new record in the place of the last one. This text is on the disk when it returns.
    ///
    /// # Errors
    /// The system refuses, or what is there is a link; the last record is as it was.
    pub fn begin_sent(&self, text: &str) -> Result<SentRecord, FilesError> {
        let folder = self.path().join(OWN_FOLDER);
        let path = folder.join(RECORD);
        let begin = || {
            self.no_link()?;
            fs::create_dir_all(&folder)?;
            ignore(&folder)?;
            aside::clean(self.path(), &folder);
            // What can't be read is no record that anybody could miss.
            let former = opening::read(&path, LARGEST_RECORD).ok();
            atomic::write(self.path(), &path, text.as_bytes())?;
            Ok((former, appending(&path)?))
        };
        let (former, file) = begin().map_err(io("write", &path))?;
        log::debug!("{} is written", path.display());
        Ok(SentRecord {
            root: self.path().to_owned(),
            path,
            file,
            former,
        })
    }

    /// Adds a line to the record that is there.
    ///
    /// # Errors
    /// As [`TenantDirectory::begin_sent`].
    pub fn add_to_sent(&self, line: &str) -> Result<(), FilesError> {
        let path = self.path().join(OWN_FOLDER).join(RECORD);
        let added = self
            .no_link()
            .and_then(|()| appending(&path)?.write_all(line.as_bytes()));
        added.map_err(io("write", path))
    }

    /// Refuses a folder or a record that is a link, or lies behind one.
    fn no_link(&self) -> io::Result<()> {
        let folder = self.path().join(OWN_FOLDER);
        for path in [folder.join(RECORD), folder] {
            if path.is_symlink() {
                return Err(io::Error::other("it is a link, and none is followed there"));
            }
        }
        Ok(())
    }
}

impl SentRecord {
    /// Notes what became of something. A note that a kill or a full disk keeps from the record is no loss: live tells, too.
    pub fn note(&mut self, line: &str) {
        if let Err(error) = self.file.write_all(line.as_bytes()) {
            log::debug!("{}: {error}", self.path.display());
        }
    }

    /// Nothing was sent after all: the record is the one that was there before.
    pub fn take_back(self) {
        let SentRecord {
            path, root, former, ..
        } = self;
        let taken_back = match former {
            Some(former) => atomic::write(&root, &path, &former),
            None => fs::remove_file(&path),
        };
        if let Err(error) = taken_back {
            log::debug!("{}: {error}", path.display());
        }
    }
}

/// Has git ignore the folder, itself included.
fn ignore(folder: &Path) -> io::Result<()> {
    match File::create_new(folder.join(".gitignore")) {
        Ok(mut file) => file.write_all(b"*\n"),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Opens the record to add to it.
fn appending(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt as _;
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        options.custom_flags(flags.bits().cast_signed());
    }
    options.open(path)
}
