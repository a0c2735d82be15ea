//! The record of what the last push sent: it is for the one who pushed, beside the lock.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::LARGEST_FILE;
use super::atomic;
use super::directory::TenantDirectory;
use super::error::{FilesError, io};

/// The record, an object a line.
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
        self.read_state(RECORD, LARGEST_RECORD)
    }

    /// Begins a new record in the place of the last one, of which `text` is made. The text is on the disk when this returns.
    ///
    /// # Errors
    /// The system refuses, or what is there is a link; the last record is as it was.
    pub fn begin_sent(
        &self,
        text: impl FnOnce(Option<&[u8]>) -> String,
    ) -> Result<SentRecord, FilesError> {
        // What can't be read is no record that anybody could miss.
        let former = self.read_sent().ok().flatten();
        self.write_state(RECORD, text(former.as_deref()).as_bytes())?;
        let path = self.state_path(RECORD);
        let file = appending(&path).map_err(io("write", &path))?;
        log::debug!("{} is written", path.display());
        Ok(SentRecord {
            root: self.path().to_owned(),
            path,
            file,
            former,
        })
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

/// Opens the record to add to it.
fn appending(path: &Path) -> std::io::Result<File> {
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
