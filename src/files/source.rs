//! A tenant directory's files as something that can be read: those on the disk, or those that git has of them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use super::document::ParseError;
use super::error::{FilesError, io};
use super::lock::{LOCK_FILE, Lock};
use super::overrides::{self, OVERRIDES_FILE};
use super::resource_file::{self, NewFile, is_resource_file};
use super::strays::{self, Stray, may_be_misplaced, strays};
use super::{Contents, conflict_marker};
use crate::kinds::{Kind, Managed};
use crate::promote::{Counterpart, Overrides};

/// Up to so many files are read faster than a thread starts.
const SMALLEST_PART: usize = 64;

/// How a file is read, by its path relative to the tenant directory.
type Read<'a> = dyn Fn(&Path) -> io::Result<Vec<u8>> + Sync + 'a;

/// The files of a tenant directory, wherever they are kept.
pub struct Source<'a> {
    /// The directory's path, as messages have it.
    path: PathBuf,
    /// What the project lets push send there.
    managed: Managed,
    /// The kinds and paths of the resources' files relative to it, in order.
    files: Vec<(&'static Kind, PathBuf)>,
    /// Files that are not read, though somebody may think so by their names.
    strays: Vec<Stray>,
    /// Files that may be those of resources, and are not where they are read.
    misplaced: Vec<PathBuf>,
    read: Box<Read<'a>>,
}

impl<'a> Source<'a> {
    /// Files that `read` reads. Of `paths`, those of folders too, those are left out that can't be files of a managed kind.
    pub(super) fn new(
        path: &Path,
        managed: &Managed,
        paths: impl IntoIterator<Item = PathBuf>,
        read: impl Fn(&Path) -> io::Result<Vec<u8>> + Sync + 'a,
    ) -> Source<'a> {
        let paths: Vec<PathBuf> = paths.into_iter().collect();
        let strays = strays(paths.iter().map(PathBuf::as_path));
        let is_stray = |path: &Path| strays.iter().any(|stray| stray.path == path);
        let misplaced = paths
            .iter()
            .filter(|path| may_be_misplaced(path) && !is_stray(path));
        let mut misplaced: Vec<PathBuf> = misplaced.cloned().collect();
        misplaced.sort();
        let of_a_kind = |path: PathBuf| {
            let kind = managed.kinds().find(|kind| is_resource_file(kind, &path))?;
            Some((kind, path))
        };
        let mut files: Vec<_> = paths.into_iter().filter_map(of_a_kind).collect();
        files.sort();
        Source {
            path: path.to_owned(),
            managed: managed.clone(),
            files,
            strays,
            misplaced,
            read: Box::new(read),
        }
    }

    /// Files in memory, by path relative to the tenant directory `path`.
    pub fn in_memory(
        path: &Path,
        managed: &Managed,
        files: BTreeMap<PathBuf, Vec<u8>>,
    ) -> Source<'static> {
        let paths: Vec<PathBuf> = files.keys().cloned().collect();
        Source::new(path, managed, paths, move |path| {
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

    /// What the project lets push send there.
    pub(super) fn managed(&self) -> &Managed {
        &self.managed
    }

    /// The paths of the resources' files relative to it, in order.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|(_, path)| path.as_path())
    }

    /// Reads the lock and every resource's file.
    ///
    /// # Errors
    /// Everything that is wrong, at once: files that don't parse, one resource in two files.
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
            Err(error) => {
                errors.push(error);
                contents.unread.extend(self.managed.kinds());
            }
        }
        let files = on_all_cores(&self.files, |(kind, path)| {
            let shown = self.path.join(path);
            let bytes = (self.read)(path).map_err(io("read", &shown))?;
            log::trace!("{}: {} bytes", shown.display(), bytes.len());
            resource_file::parse(kind, path, bytes)
                .map_err(|error| FilesError::content(shown, error))
        });
        for ((kind, path), read) in self.files.iter().zip(files) {
            let path = self.path.join(path);
            let read = match read {
                Ok(read) => read,
                Err(error) => {
                    errors.push(error);
                    contents.unread.insert(kind);
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
            let file = read.file;
            match read.id {
                None => contents.new.push(NewFile { kind, file }),
                Some(id) => match contents.resources.get(&id) {
                    Some(other) => errors.push(FilesError::SameResource {
                        first: self.path.join(&other.file),
                        second: path,
                        id,
                    }),
                    None => {
                        contents.resources.insert(id, file);
                    }
                },
            }
        }
        errors.extend(self.lost_ids(&contents));
        contents.resolve_references();
        let mistaken = contents.mistaken_ids().into_iter().map(|mistaken| {
            let path = self.path.join(&mistaken.file.file);
            let (message, hint) = (mistaken.message(), mistaken.hint());
            format!("{}: {message}; {hint}", path.display())
        });
        let mistaken: Vec<String> = mistaken.collect();
        contents.warnings.extend(mistaken);
        let misplaced = self.misplaced.iter().filter_map(|path| {
            let text = (self.read)(path).ok()?;
            strays::misplaced(path, &text, contents.lock.as_ref())
        });
        contents.strays = self.strays.iter().cloned().chain(misplaced).collect();
        for Stray {
            path,
            message,
            hint,
        } in &contents.strays
        {
            let path = self.path.join(path);
            contents
                .warnings
                .push(format!("{}: {message}; {hint}", path.display()));
        }
        log::debug!(
            "{}: {} files, {} resources in the lock; {} can't be read",
            self.path.display(),
            contents.resources.len(),
            contents
                .lock
                .as_ref()
                .map_or(0, |lock| lock.resources.len()),
            errors.len()
        );
        (contents, errors)
    }

    /// The files whose id was taken out: the lock knows whose they are, and what they describe is not to be made once more.
    fn lost_ids(&self, contents: &Contents) -> Vec<FilesError> {
        let known = contents.by_missing_file();
        let new = contents.new.iter();
        let lost = new.filter_map(|new| Some((&new.file.file, *known.get(&*new.file.file)?)));
        let lost = lost.map(|(file, id)| FilesError::LostId {
            path: self.path.join(file),
            id: id.clone(),
        });
        lost.collect()
    }

    /// Reads the values that this tenant keeps as its own; none without an `overrides.yaml`. They may be of `more` files than
    /// `contents` has.
    ///
    /// # Errors
    /// It can't be read, or has something in it that is no override for one of those files.
    pub(super) fn overrides(
        &self,
        contents: &Contents,
        more: &[Counterpart<'_>],
    ) -> Result<Overrides, FilesError> {
        let Some((path, text)) = self.optional(OVERRIDES_FILE)? else {
            return Ok(Overrides::default());
        };
        let stems: BTreeSet<Counterpart<'_>> = contents
            .files()
            .map(|(kind, _, file)| (kind, file.stem.as_str()))
            .chain(more.iter().copied())
            .collect();
        let stems: Vec<_> = stems.into_iter().collect();
        overrides::parse(&text, &self.managed, &stems)
            .map_err(|error| FilesError::content(path, error))
    }

    fn lock(&self) -> Result<Option<Lock>, FilesError> {
        let Some((path, text)) = self.optional(LOCK_FILE)? else {
            return Ok(None);
        };
        let lock = Lock::parse(&text).map_err(|error| match conflict_marker(&text) {
            // git takes such a path from the working directory.
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

/// Does the same to each, in parts that run side by side: a large tenant has thousands of files.
fn on_all_cores<F: Sync, T: Send>(files: &[F], work: impl Fn(&F) -> T + Sync) -> Vec<T> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let part = files.len().div_ceil(cores).max(SMALLEST_PART);
    let work = |part: &[F]| part.iter().map(&work).collect::<Vec<T>>();
    thread::scope(|scope| {
        let parts: Vec<_> = files
            .chunks(part)
            .map(|part| scope.spawn(|| work(part)))
            .collect();
        parts
            .into_iter()
            .flat_map(|part| part.join().unwrap_or_else(|panic| resume_unwind(panic)))
            .collect()
    })
}
