//! A tenant directory's files as something that can be read: those on the disk, or those that git has of them.

use std::collections::BTreeMap;
use std::io;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use super::client_file::{self, is_client_file};
use super::document::ParseError;
use super::error::{FilesError, io};
use super::lock::{LOCK_FILE, Lock};
use super::overrides::{self, OVERRIDES_FILE};
use super::{CLIENTS, Contents, conflict_marker};
use crate::promote::Overrides;

/// Fewer files than these are read in less time than a thread takes to start.
const SMALLEST_PART: usize = 64;

/// How a file is read, by its path relative to the tenant directory.
type Read<'a> = dyn Fn(&Path) -> io::Result<Vec<u8>> + Sync + 'a;

/// The files of a tenant directory, wherever they are kept.
pub struct Source<'a> {
    /// The directory's path, as messages have it.
    path: PathBuf,
    /// The paths of the clients' files relative to it, in order.
    clients: Vec<PathBuf>,
    read: Box<Read<'a>>,
}

impl<'a> Source<'a> {
    /// Files that `read` reads; of `paths`, only those that can be clients' count.
    pub(super) fn new(
        path: &Path,
        paths: impl IntoIterator<Item = PathBuf>,
        read: impl Fn(&Path) -> io::Result<Vec<u8>> + Sync + 'a,
    ) -> Source<'a> {
        let paths = paths.into_iter();
        let mut clients: Vec<PathBuf> = paths.filter(|path| is_client_file(path)).collect();
        clients.sort();
        Source {
            path: path.to_owned(),
            clients,
            read: Box::new(read),
        }
    }

    /// Files in memory, by path relative to the tenant directory `path`.
    pub fn in_memory(path: &Path, files: BTreeMap<PathBuf, Vec<u8>>) -> Source<'static> {
        let paths: Vec<PathBuf> = files.keys().cloned().collect();
        Source::new(path, paths, move |path| {
            files
                .get(path)
                .cloned()
                .ok_or_else(|| io::ErrorKind::NotFound.into())
        })
    }

    /// The directory's path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The paths of the clients' files relative to it, in order.
    pub(super) fn clients(&self) -> &[PathBuf] {
        &self.clients
    }

    /// Reads the lock and every client's file.
    ///
    /// # Errors
    /// Everything that is wrong, at once: files that don't parse, one client in two files.
    pub(super) fn read(&self) -> Result<Contents, FilesError> {
        let (contents, errors) = self.read_what_can_be();
        match FilesError::all(errors) {
            Some(error) => Err(error),
            None => Ok(contents),
        }
    }

    /// Reads what can be read, and everything that is wrong with the rest.
    pub(super) fn read_what_can_be(&self) -> (Contents, Vec<FilesError>) {
        let mut contents = Contents::default();
        let mut errors = Vec::new();
        match self.lock() {
            Ok(lock) => contents.lock = lock,
            Err(error) => errors.push(error),
        }
        let files = on_all_cores(&self.clients, |path| {
            let shown = self.path.join(path);
            let bytes = (self.read)(path).map_err(io("read", &shown))?;
            log::trace!("{}: {} bytes", shown.display(), bytes.len());
            client_file::parse(path, bytes).map_err(|error| FilesError::content(shown, error))
        });
        for (path, read) in self.clients.iter().zip(files) {
            let path = self.path.join(path);
            let read = match read {
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
        log::debug!(
            "{}: {} files of clients, {} in the lock; {} can't be read",
            self.path.display(),
            contents.clients.len(),
            contents.lock.as_ref().map_or(0, |lock| lock.clients.len()),
            errors.len()
        );
        (contents, errors)
    }

    /// Reads the values that this tenant keeps as its own; none without an `overrides.yaml`.
    ///
    /// # Errors
    /// It can't be read, or has something in it that is no override for a client of `contents`.
    pub(super) fn overrides(&self, contents: &Contents) -> Result<Overrides, FilesError> {
        let Some((path, text)) = self.optional(OVERRIDES_FILE)? else {
            return Ok(Overrides::default());
        };
        let stems: Vec<&str> = contents
            .clients
            .values()
            .map(|file| file.stem.as_str())
            .collect();
        overrides::parse(&text, &stems).map_err(|error| FilesError::content(path, error))
    }

    fn lock(&self) -> Result<Option<Lock>, FilesError> {
        let Some((path, text)) = self.optional(LOCK_FILE)? else {
            return Ok(None);
        };
        let lock = Lock::parse(&text).map_err(|error| match conflict_marker(&text) {
            // As git takes the path from where the user stands.
            Some(_) => ParseError {
                hint: Some(format!(
                    "take either side, `git checkout --ours -- {}`, and finish the merge: base is then looked for on both sides",
                    path.display()
                )),
                ..error
            },
            None => error,
        });
        lock.map(Some)
            .map_err(|error| FilesError::content(path, error))
    }

    /// A file that need not be there, with its path for messages.
    fn optional(&self, file: &str) -> Result<Option<(PathBuf, Vec<u8>)>, FilesError> {
        let path = self.path.join(file);
        match (self.read)(Path::new(file)) {
            Ok(text) => Ok(Some((path, text))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io("read", path)(error)),
        }
    }
}

/// The path of a file in the folder of the clients' files.
pub(super) fn in_clients(name: impl AsRef<Path>) -> PathBuf {
    Path::new(CLIENTS).join(name)
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
