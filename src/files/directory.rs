//! One tenant's directory on the disk: who may use it, what is in it, and writing to it.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use super::aside::{self, Outcome};
use super::atomic;
use super::client_file::{self, ClientFile, format_of};
use super::document::Format;
use super::error::{FilesError, io};
use super::lock::{LOCK_FILE, Lock};
use super::overrides::{self, OVERRIDES_FILE};
use crate::client::ClientId;
use crate::opening;
use crate::promote::Overrides;

/// The folder of the clients' files.
pub(super) const CLIENTS: &str = "clients";
/// No client's file and no lock comes near this.
pub(super) const LARGEST_FILE: u64 = 32 * 1024 * 1024;

/// Fewer files than these are read in less time than a thread takes to start.
const SMALLEST_PART: usize = 64;

/// What a command does with the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It only reads; others may read too.
    Read,
    /// It writes; everybody else waits.
    Write,
    /// The same, and the directory is made if need be.
    Create,
}

/// A tenant directory, held against other tenantry processes for as long as this value lives.
#[derive(Debug)]
pub struct TenantDirectory {
    path: PathBuf,
    /// Folders that were made for it, the outermost first.
    made: Vec<PathBuf>,
    /// What became of edits that a killed command had set aside.
    restored: Vec<String>,
    _held: Option<File>,
}

/// Everything in a tenant directory.
#[derive(Debug, Default)]
pub struct Contents {
    /// The lock, if there is one.
    pub lock: Option<Lock>,
    /// The clients' files by client.
    pub clients: BTreeMap<ClientId, ClientFile>,
    /// Values of updatable fields that the API would refuse, and that are not base's.
    pub invalid: Vec<FilesError>,
    /// What somebody should know and nobody is stopped by.
    pub warnings: Vec<String>,
}

impl TenantDirectory {
    /// Opens a tenant directory and waits until no other tenantry process is in the way; `waiting` is called once if it has to.
    ///
    /// # Errors
    /// It is not there, or can't be made or held.
    pub fn open(
        path: impl Into<PathBuf>,
        access: Access,
        waiting: impl FnOnce(),
    ) -> Result<TenantDirectory, FilesError> {
        let path = path.into();
        let mut made = Vec::new();
        let clients = path.join(CLIENTS);
        opening::follow(&path, &clients).map_err(io("use", &clients))?;
        if access == Access::Create {
            let missing = clients.ancestors().take_while(|folder| !folder.exists());
            made = missing.map(Path::to_owned).collect();
            made.reverse();
            fs::create_dir_all(&clients).map_err(io("make", &clients))?;
        } else if !path.is_dir() {
            let tenants = path.parent().map(tenants).unwrap_or_default();
            return Err(FilesError::NoDirectory { path, tenants });
        }
        let held = hold(&path, access, waiting).map_err(io("hold", &path))?;
        let mut restored = Vec::new();
        if access != Access::Read {
            restored.extend(aside::clean(&path, &path));
            restored.extend(aside::clean(&path, &clients));
        }
        Ok(TenantDirectory {
            path,
            made,
            restored,
            _held: held,
        })
    }

    /// The directory's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the lock and every client's file.
    ///
    /// # Errors
    /// Everything that is wrong, at once: files that don't parse, values that the API would refuse, one client in two files.
    pub fn read(&self) -> Result<Contents, FilesError> {
        let mut contents = self.read_unchecked()?;
        match FilesError::all(std::mem::take(&mut contents.invalid)) {
            Some(error) => Err(error),
            None => Ok(contents),
        }
    }

    /// The same, but leaves it to the caller what to make of `invalid` values.
    ///
    /// # Errors
    /// As [`TenantDirectory::read`], less those.
    pub fn read_unchecked(&self) -> Result<Contents, FilesError> {
        let (mut contents, mut errors) = self.read_what_can_be()?;
        if !errors.is_empty() {
            // Whoever is stopped hears of everything.
            errors.append(&mut contents.invalid);
        }
        match FilesError::all(errors) {
            Some(error) => Err(error),
            None => Ok(contents),
        }
    }

    /// Reads what can be read, and everything that is wrong with the rest.
    pub(super) fn read_what_can_be(&self) -> Result<(Contents, Vec<FilesError>), FilesError> {
        let mut contents = Contents {
            warnings: self.restored.clone(),
            ..Contents::default()
        };
        let mut errors = Vec::new();
        match self.read_lock() {
            Ok(lock) => contents.lock = lock,
            Err(error) => errors.push(error),
        }
        let paths = self.client_paths()?;
        let lock = contents.lock.as_ref();
        let files = on_all_cores(&paths, |path| client_file::read(&self.path, path, lock));
        for (path, read) in paths.into_iter().zip(files) {
            let mut read = match read {
                Ok(read) => read,
                Err(error) => {
                    errors.push(error);
                    continue;
                }
            };
            if read.has_secret {
                contents.warnings.push(format!(
                    "{}: there is a secret in this file: remove it, from git's history too, and rotate it; tenantry neither \
                     sends nor shows it",
                    path.display()
                ));
            }
            contents.invalid.append(&mut read.invalid);
            match contents.clients.get(&read.id) {
                Some(other) => errors.push(FilesError::SameClient {
                    id: read.id.to_string(),
                    first: self.path.join(&other.file),
                    second: path,
                }),
                None => {
                    contents.clients.insert(read.id, read.file);
                }
            }
        }
        Ok((contents, errors))
    }

    /// Reads the values that this tenant keeps as its own; none without an `overrides.yaml`.
    ///
    /// # Errors
    /// It can't be read, or has something in it that is no override for a client of `contents`.
    pub fn read_overrides(&self, contents: &Contents) -> Result<Overrides, FilesError> {
        let path = self.path.join(OVERRIDES_FILE);
        let text = match read_inside(&self.path, &path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Overrides::new()),
            Err(error) => return Err(io("read", path)(error)),
        };
        let stems: Vec<&str> = contents
            .clients
            .values()
            .map(|file| file.stem.as_str())
            .collect();
        overrides::parse(&text, &stems).map_err(|error| FilesError::content(path, error))
    }

    /// Writes a new client's file.
    ///
    /// # Errors
    /// The system refuses, or there is a file of that name by now; nothing is changed.
    pub fn create_client(&self, file: &str, text: &str) -> Result<(), FilesError> {
        let path = self.path.join(file);
        match atomic::create(&self.path, &path, text.as_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(FilesError::ChangedMeanwhile { path })
            }
            created => created.map_err(io("write", path)),
        }
    }

    /// Gives a client's file another text.
    ///
    /// # Errors
    /// The system refuses, or somebody edited the file since it was read; the file is as it was.
    pub fn rewrite_client(&self, file: &ClientFile, text: &str) -> Result<(), FilesError> {
        let path = self.path.join(&file.file);
        let replaced = aside::replace(&self.path, &path, file.text.as_bytes(), text.as_bytes());
        unless_changed(path, "write", replaced)
    }

    /// Removes a client's file.
    ///
    /// # Errors
    /// The system refuses, or somebody edited the file since it was read; the file is as it was.
    pub fn remove_client(&self, file: &ClientFile) -> Result<(), FilesError> {
        let path = self.path.join(&file.file);
        let removed = aside::remove(&self.path, &path, file.text.as_bytes());
        unless_changed(path, "remove", removed)
    }

    /// Writes the lock, unless it says the same already.
    ///
    /// # Errors
    /// The system refuses; the lock is as it was.
    pub fn write_lock(&self, lock: &Lock) -> Result<(), FilesError> {
        let path = self.path.join(LOCK_FILE);
        let text = lock.write();
        if read_inside(&self.path, &path).is_ok_and(|old| old == text.as_bytes()) {
            return Ok(());
        }
        atomic::write(&self.path, &path, text.as_bytes()).map_err(io("write", path))
    }

    /// The path of a file of that stem.
    pub fn client_file(stem: &str, format: Format) -> String {
        format!("{CLIENTS}/{stem}.{}", format.extension())
    }

    fn read_lock(&self) -> Result<Option<Lock>, FilesError> {
        let path = self.path.join(LOCK_FILE);
        match read_inside(&self.path, &path) {
            Ok(text) => Lock::parse(&text)
                .map(Some)
                .map_err(|error| FilesError::content(path, error)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io("read", path)(error)),
        }
    }

    /// The clients' files in the order of their names.
    fn client_paths(&self) -> Result<Vec<PathBuf>, FilesError> {
        let folder = self.path.join(CLIENTS);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(io("read", folder)(error)),
        };
        let mut paths = Vec::new();
        for entry in entries {
            let entry = entry.map_err(io("read", &folder))?;
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            if !hidden && format_of(&entry.path()).is_some() {
                paths.push(entry.path());
            }
        }
        paths.sort();
        Ok(paths)
    }
}

/// A command that failed before it wrote anything leaves no folder, which would count as a tenant.
impl Drop for TenantDirectory {
    fn drop(&mut self) {
        for folder in self.made.iter().rev() {
            // Only an empty one goes.
            let _ = fs::remove_dir(folder);
        }
    }
}

impl Contents {
    /// The lock for a domain: the one that is there, or a new one.
    ///
    /// # Errors
    /// The files belong to another domain. `path` names the tenant directory in the message.
    pub fn lock_for(&self, domain: &str, path: &Path) -> Result<Lock, FilesError> {
        match &self.lock {
            None => Ok(Lock::new(domain)),
            Some(lock) if lock.domain == domain => Ok(lock.clone()),
            Some(lock) => Err(FilesError::OtherDomain {
                path: path.to_owned(),
                locked: lock.domain.clone(),
                connected: domain.to_owned(),
            }),
        }
    }
}

/// A file that somebody changed since it was read is left to them: asking the tenant took a while, and editors don't wait for us.
fn unless_changed(
    path: PathBuf,
    action: &'static str,
    outcome: io::Result<Outcome>,
) -> Result<(), FilesError> {
    match outcome.map_err(io(action, &path))? {
        Outcome::Done => Ok(()),
        Outcome::ChangedMeanwhile => Err(FilesError::ChangedMeanwhile { path }),
    }
}

/// The names of the tenants that have a folder in `root`, sorted.
pub fn tenants(root: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(root)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| {
            entry.file_name() != CLIENTS
                && (entry.path().join(LOCK_FILE).is_file() || entry.path().join(CLIENTS).is_dir())
        })
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

/// Reads a file that is not of the tenant directory, such as a saved plan, with the same care.
///
/// # Errors
/// It can't be read, or is no file of a reasonable size; the error names it.
pub fn read_file(path: &Path) -> Result<Vec<u8>, FilesError> {
    read_bounded(path).map_err(io("read", path))
}

/// Reads a file of the tenant directory `root`, which no link may lead out of.
pub(super) fn read_inside(root: &Path, path: &Path) -> io::Result<Vec<u8>> {
    opening::read(&opening::follow(root, path)?, LARGEST_FILE)
}

/// Does the same to each path, in parts that run side by side: a large tenant has thousands of files.
fn on_all_cores<T: Send>(paths: &[PathBuf], work: impl Fn(&Path) -> T + Sync) -> Vec<T> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let part = paths.len().div_ceil(cores).max(SMALLEST_PART);
    let work = |part: &[PathBuf]| part.iter().map(|path| work(path)).collect::<Vec<T>>();
    thread::scope(|scope| {
        let parts: Vec<_> = paths
            .chunks(part)
            .map(|part| scope.spawn(|| work(part)))
            .collect();
        parts
            .into_iter()
            .flat_map(|part| part.join().unwrap_or_else(|panic| resume_unwind(panic)))
            .collect()
    })
}

/// Reads a file that somebody named, wherever it is, and that is not larger than any of ours.
pub(super) fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    opening::read(&fs::canonicalize(path)?, LARGEST_FILE)
}

/// Where a folder can't be held, this file in it is.
#[cfg(any(test, not(unix)))]
const HOLD_FILE: &str = ".tenantry-hold";

/// Holds the directory: on Unix the folder itself, so that no extra file shows up in git. None where nobody ever wrote there.
fn hold(path: &Path, access: Access, waiting: impl FnOnce()) -> io::Result<Option<File>> {
    #[cfg(unix)]
    let file = File::open(path)?;
    #[cfg(not(unix))]
    let Some(file) = hold_file(path, access)? else {
        return Ok(None);
    };
    let tried = match access {
        Access::Read => file.try_lock_shared(),
        Access::Write | Access::Create => file.try_lock(),
    };
    match tried {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            waiting();
            match access {
                Access::Read => file.lock_shared()?,
                Access::Write | Access::Create => file.lock()?,
            }
        }
        // A file system that knows no locks (some network shares) must not keep people from working.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
        Err(TryLockError::Error(error)) => return Err(error),
    }
    Ok(Some(file))
}

/// The file in the place of the folder. Who reads makes none.
#[cfg(any(test, not(unix)))]
fn hold_file(path: &Path, access: Access) -> io::Result<Option<File>> {
    let writes = access != Access::Read;
    let mut options = File::options();
    options.read(true).write(writes).create(writes);
    match options.open(path.join(HOLD_FILE)) {
        Err(error) if !writes && error.kind() == io::ErrorKind::NotFound => Ok(None),
        file => file.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_reads_makes_no_file_to_hold_and_no_clean_up_removes_one() {
        let folder = tempfile::tempdir().unwrap();
        let is_there = || folder.path().join(HOLD_FILE).exists();
        assert!(hold_file(folder.path(), Access::Read).unwrap().is_none());
        assert!(!is_there());
        let held = hold_file(folder.path(), Access::Write).unwrap().unwrap();
        held.lock().unwrap();
        aside::clean(folder.path(), folder.path());
        assert!(is_there());
        let other = hold_file(folder.path(), Access::Read).unwrap().unwrap();
        assert!(other.try_lock_shared().is_err());
    }
}
