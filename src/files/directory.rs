//! One tenant's directory on the disk: who may use it, what is in it, and writing to it.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::atomic::{self, Durability};
use super::document::{Document, Format, Position};
use super::error::{FilesError, io};
use super::lock::{LOCK_FILE, Lock};
use super::overrides::{self, OVERRIDES_FILE};
use crate::client::{CLIENT_ID, ClientId, Field};
use crate::promote::Overrides;

/// The folder of the clients' files.
const CLIENTS: &str = "clients";
/// No client's file and no lock comes near this.
const LARGEST_FILE: u64 = 32 * 1024 * 1024;

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
    _held: File,
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

/// A client's file.
#[derive(Debug, Clone)]
pub struct ClientFile {
    /// Its path relative to the tenant directory, with `/`: `clients/web-app.yaml`.
    pub file: String,
    /// Its name without the extension, which ties it to its counterpart in other tenants.
    pub stem: String,
    /// Its format.
    pub format: Format,
    /// Its text as it stood when it was read.
    pub text: String,
    /// Its fields, `client_id` among them, less any secrets.
    pub fields: Map<String, Value>,
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
        if access == Access::Create {
            let clients = path.join(CLIENTS);
            let missing = clients.ancestors().take_while(|folder| !folder.exists());
            made = missing.map(Path::to_owned).collect();
            made.reverse();
            fs::create_dir_all(&clients).map_err(io("make", clients))?;
        } else if !path.is_dir() {
            return Err(FilesError::NoDirectory { path });
        }
        let held = hold(&path, access, waiting).map_err(io("hold", &path))?;
        if access != Access::Read {
            atomic::clean(&path);
            atomic::clean(&path.join(CLIENTS));
        }
        Ok(TenantDirectory {
            path,
            made,
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
        let mut contents = Contents::default();
        let mut errors = Vec::new();
        match self.read_lock() {
            Ok(lock) => contents.lock = lock,
            Err(error) => errors.push(error),
        }
        for path in self.client_paths()? {
            match self.read_client(&path, &mut contents) {
                Ok((id, client)) => match contents.clients.get(&id) {
                    Some(other) => errors.push(FilesError::SameClient {
                        id: id.to_string(),
                        first: self.path.join(&other.file),
                        second: path,
                    }),
                    None => {
                        contents.clients.insert(id, client);
                    }
                },
                Err(error) => errors.push(error),
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
        let text = match read_bounded(&path) {
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
        if fs::symlink_metadata(&path).is_ok() {
            return Err(FilesError::ChangedMeanwhile { path });
        }
        atomic::write(&path, text.as_bytes(), Durability::Cached).map_err(io("write", path))
    }

    /// Gives a client's file another text.
    ///
    /// # Errors
    /// The system refuses, or somebody edited the file since it was read; the file is as it was.
    pub fn rewrite_client(&self, file: &ClientFile, text: &str) -> Result<(), FilesError> {
        let path = self.unchanged(file)?;
        atomic::write(&path, text.as_bytes(), Durability::Synced).map_err(io("write", path))
    }

    /// Removes a client's file.
    ///
    /// # Errors
    /// The system refuses, or somebody edited the file since it was read; the file is as it was.
    pub fn remove_client(&self, file: &ClientFile) -> Result<(), FilesError> {
        let path = self.unchanged(file)?;
        fs::remove_file(&path).map_err(io("remove", path))
    }

    /// A file's path, if it is still what was read: asking the tenant took a while, and editors don't wait for us.
    fn unchanged(&self, file: &ClientFile) -> Result<PathBuf, FilesError> {
        let path = self.path.join(&file.file);
        let now = read_bounded(&path).map_err(io("read", &path))?;
        if now == file.text.as_bytes() {
            Ok(path)
        } else {
            Err(FilesError::ChangedMeanwhile { path })
        }
    }

    /// Writes the lock, unless it says the same already.
    ///
    /// # Errors
    /// The system refuses; the lock is as it was.
    pub fn write_lock(&self, lock: &Lock) -> Result<(), FilesError> {
        let path = self.path.join(LOCK_FILE);
        let text = lock.write();
        if fs::read(&path).is_ok_and(|old| old == text.as_bytes()) {
            return Ok(());
        }
        atomic::write(&path, text.as_bytes(), Durability::Synced).map_err(io("write", path))
    }

    /// The path of a file of that stem.
    pub fn client_file(stem: &str, format: Format) -> String {
        format!("{CLIENTS}/{stem}.{}", format.extension())
    }

    fn read_lock(&self) -> Result<Option<Lock>, FilesError> {
        let path = self.path.join(LOCK_FILE);
        match read_bounded(&path) {
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

    /// Reads one file. Values that the API would refuse are no error yet: the file can be looked at all the same.
    fn read_client(
        &self,
        path: &Path,
        contents: &mut Contents,
    ) -> Result<(ClientId, ClientFile), FilesError> {
        let content = |position, message: String, hint: &str| FilesError::Content {
            path: path.to_owned(),
            position,
            message,
            hint: Some(hint.to_owned()),
        };
        let start = Position { line: 1, column: 1 };
        let (Some(format), Some(name), Some(stem)) = (
            format_of(path),
            utf8(path.file_name()),
            utf8(path.file_stem()),
        ) else {
            return Err(content(
                start,
                "the file's name is not UTF-8".to_owned(),
                "rename it",
            ));
        };
        let bytes = read_bounded(path).map_err(io("read", path))?;
        let mut document =
            Document::parse(&bytes, format).map_err(|error| FilesError::content(path, error))?;
        if document.strip_secrets() {
            contents.warnings.push(format!(
                "{}: there is a secret in this file: remove it, from git's history too, and rotate it; tenantry neither sends \
                 nor shows it",
                path.display()
            ));
        }
        let id = match document.fields().get(CLIENT_ID) {
            Some(Value::String(id)) if ClientId::from(id.as_str()).is_addressable() => {
                ClientId::from(id.as_str())
            }
            Some(Value::String(id)) if !id.is_empty() => {
                return Err(content(
                    document.position(CLIENT_ID),
                    format!("`{id}` can't be a client_id"),
                    "`tenantry list` shows the ids of the tenant's clients",
                ));
            }
            Some(Value::String(_)) => {
                return Err(content(
                    document.position(CLIENT_ID),
                    "`client_id` is empty".to_owned(),
                    "`tenantry list` shows the ids of the tenant's clients",
                ));
            }
            Some(_) => {
                return Err(content(
                    document.position(CLIENT_ID),
                    "`client_id` is not text".to_owned(),
                    "put it into quotes",
                ));
            }
            None => {
                return Err(content(
                    start,
                    "there is no `client_id`".to_owned(),
                    "it says which client of the tenant the file is for; `tenantry list` shows them",
                ));
            }
        };
        let base = contents.lock.as_ref().and_then(|lock| lock.base(&id));
        let mut invalid_values = Vec::new();
        for field in Field::ALL {
            let Some(value) = document.fields().get(field.name()) else {
                continue;
            };
            // What was pulled is in order by definition: the tenant has it.
            if base.and_then(|base| base.get(field)) != Some(value)
                && let Err(invalid) = field.validate(value)
            {
                let position = document.position_of(&invalid);
                invalid_values.push(content(position, invalid.to_string(), &invalid.hint));
            }
        }
        contents.invalid.append(&mut invalid_values);
        let file = ClientFile {
            file: format!("{CLIENTS}/{name}"),
            stem: stem.to_owned(),
            format,
            // Parsing found it to be UTF-8.
            text: String::from_utf8(bytes).unwrap_or_default(),
            fields: document.into_fields(),
        };
        Ok((id, file))
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

fn format_of(path: &Path) -> Option<Format> {
    Format::from_extension(utf8(path.extension())?)
}

fn utf8(text: Option<&std::ffi::OsStr>) -> Option<&str> {
    text?.to_str()
}

/// Reads a file that is one, and not larger than any of ours.
fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    // Asked first: opening a named pipe would wait for a writer.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut content = Vec::new();
    File::open(path)?
        .take(LARGEST_FILE + 1)
        .read_to_end(&mut content)?;
    if content.len() as u64 > LARGEST_FILE {
        let largest = LARGEST_FILE >> 20;
        return Err(io::Error::other(format!("it is larger than {largest} MiB")));
    }
    Ok(content)
}

/// Holds the directory: on Unix the folder itself, so that no extra file shows up in git.
fn hold(path: &Path, access: Access, waiting: impl FnOnce()) -> io::Result<File> {
    #[cfg(unix)]
    let file = File::open(path)?;
    #[cfg(not(unix))]
    let file = File::create(path.join(".tenantry-hold"))?;
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
    Ok(file)
}
