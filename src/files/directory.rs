//! One tenant's directory on the disk: who may use it, what is in it, and writing to it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{io, iter};

use serde_json::{Map, Value};

use super::LARGEST_FILE;
use super::aside::{self, Outcome};
use super::atomic;
use super::document::Format;
use super::error::{FilesError, io};
use super::lock::{LOCK_FILE, Lock};
use super::overrides::{self, OVERRIDES_FILE};
use super::project::{PROJECT_FILE, Project};
use super::resource_file::{NewFile, ResourceFile};
use super::source::Source;
use super::strays::Stray;
use crate::kinds::{Kind, Managed};
use crate::opening::{self, read_below};
use crate::promote::{Counterpart, Overrides};
use crate::resource::ResourceId;

/// How a command uses the directory.
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
    /// What the project lets push send here: files of other kinds are neither read nor written.
    managed: Managed,
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
    /// The resources' files by resource.
    pub resources: BTreeMap<ResourceId, ResourceFile>,
    /// The files of resources that are still to be made, by kind and file.
    pub new: Vec<NewFile>,
    /// The kinds of which a file can't be read, and every kind where the lock can't be: nobody knows all that there is of these.
    pub unread: BTreeSet<&'static Kind>,
    /// Warnings, which stop no command.
    pub warnings: Vec<String>,
    /// Files that are not read, though somebody may think so.
    pub strays: Vec<Stray>,
    /// What is wrong with files that the command is not about.
    pub left_out: Vec<FilesError>,
}

impl TenantDirectory {
    /// Opens a tenant directory and waits until no other tenantry process is in the way; `waiting` is called once if it has to.
    ///
    /// # Errors
    /// It is not there, or can't be made or held.
    pub fn open(
        path: impl Into<PathBuf>,
        managed: Managed,
        access: Access,
        waiting: impl FnOnce(),
    ) -> Result<TenantDirectory, FilesError> {
        let path = path.into();
        let mut made = Vec::new();
        // The directory itself is there also where no kind is managed that has files.
        let below = managed.folders();
        let below = below.into_iter().filter(|folder| !folder.is_empty());
        let folders: Vec<PathBuf> = iter::once(path.clone())
            .chain(below.map(|folder| path.join(folder)))
            .collect();
        for folder in &folders {
            opening::follow(&path, folder).map_err(io("use", folder))?;
        }
        let mut waiting = Some(waiting);
        let held = loop {
            if access == Access::Create {
                for folder in &folders {
                    let missing = folder.ancestors().take_while(|folder| !folder.exists());
                    let missing: Vec<PathBuf> = missing.map(Path::to_owned).collect();
                    made.extend(missing.into_iter().rev());
                    fs::create_dir_all(folder).map_err(io("make", folder))?;
                }
            } else if !path.is_dir() {
                let tenants = path.parent().map(tenants).unwrap_or_default();
                return Err(FilesError::NoDirectory { path, tenants });
            }
            let wait = || waiting.take().into_iter().for_each(|waiting| waiting());
            match hold(&path, access, wait) {
                // Whoever had it may have removed it, having written nothing. What is held then is nobody's folder any more, and
                // others may hold the one that took its place.
                Ok(held) if is_still(&path, held.as_ref()) => break held,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(io("hold", path)(error)),
            }
        };
        let mut restored = Vec::new();
        if access != Access::Read {
            for folder in &folders {
                restored.extend(aside::clean(&path, folder));
            }
        }
        Ok(TenantDirectory {
            path,
            managed,
            made,
            restored,
            _held: held,
        })
    }

    /// The directory's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the project lets push send here.
    pub fn managed(&self) -> &Managed {
        &self.managed
    }

    /// Reads the lock and every resource's file.
    ///
    /// # Errors
    /// Everything that is wrong, at once: files that don't parse, one resource in two files.
    pub fn read(&self) -> Result<Contents, FilesError> {
        let mut contents = self.source()?.read()?;
        contents.warnings.extend(self.restored.iter().cloned());
        Ok(contents)
    }

    /// Reads what can be read, and everything that is wrong with the rest.
    ///
    /// # Errors
    /// A folder of files can't be read.
    pub fn read_what_can_be(&self) -> Result<(Contents, Vec<FilesError>), FilesError> {
        let (mut contents, errors) = self.source()?.read_what_can_be();
        contents.warnings.extend(self.restored.iter().cloned());
        Ok((contents, errors))
    }

    /// Its files, to be read from the disk.
    ///
    /// # Errors
    /// A folder of files can't be read.
    pub fn source(&self) -> Result<Source<'_>, FilesError> {
        self.source_of(&self.managed)
    }

    /// The files of the kinds that are not managed, as far as they can be read.
    ///
    /// # Errors
    /// A folder of files can't be read.
    pub fn read_unmanaged(&self) -> Result<Contents, FilesError> {
        let (contents, _) = self.source_of(&self.managed.others())?.read_what_can_be();
        Ok(contents)
    }

    fn source_of(&self, managed: &Managed) -> Result<Source<'_>, FilesError> {
        let mut paths = Vec::new();
        // The tenant directory itself is looked at for names that are close to those that are read.
        let mut folders: Vec<PathBuf> = vec![PathBuf::new()];
        let of_kinds = managed.folders().into_iter();
        folders.extend(of_kinds.filter(|name| !name.is_empty()).map(PathBuf::from));
        while let Some(name) = folders.pop() {
            let folder = self.path.join(&name);
            let entries = match fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(_) if name.components().count() > 1 => continue,
                Err(error) => return Err(io("read", folder)(error)),
            };
            for entry in entries {
                let entry = entry.map_err(io("read", &folder))?;
                let path = name.join(entry.file_name());
                // No kind has files below its folder.
                let is_of_kind = name.components().count() == 1;
                if is_of_kind && entry.file_type().is_ok_and(|file_type| file_type.is_dir()) {
                    folders.push(path.clone());
                }
                paths.push(path);
            }
        }
        Ok(Source::new(&self.path, managed, paths, |path| {
            read_below(&self.path, &self.path.join(path), LARGEST_FILE)
        }))
    }

    /// Reads the values that this tenant keeps as its own; none without an `overrides.yaml`. They may be of `more` files than
    /// `contents` has, such as those that are about to be written.
    ///
    /// # Errors
    /// It can't be read, or has something in it that is no override for one of those files.
    pub fn read_overrides(
        &self,
        contents: &Contents,
        more: &[Counterpart<'_>],
    ) -> Result<Overrides, FilesError> {
        self.source()?.overrides(contents, more)
    }

    /// The text of its `overrides.yaml`; None where there is none.
    ///
    /// # Errors
    /// It can't be read.
    pub fn overrides_text(&self) -> Result<Option<String>, FilesError> {
        let path = self.path.join(OVERRIDES_FILE);
        match read_below(&self.path, &path, LARGEST_FILE) {
            Ok(text) => Ok(Some(String::from_utf8_lossy(&text).into_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io("read", path)(error)),
        }
    }

    /// Writes `overrides.yaml`, of which `old` was read, unless its text would be refused for this tenant's files.
    ///
    /// # Errors
    /// Something in it is no override, or the system refuses, or somebody edited the file since it was read; the file is as it was.
    pub fn write_overrides(
        &self,
        old: Option<&str>,
        text: &str,
        files: &[Counterpart<'_>],
    ) -> Result<(), FilesError> {
        let path = self.path.join(OVERRIDES_FILE);
        overrides::parse(text.as_bytes(), &self.managed, files)
            .map_err(|error| FilesError::content(&path, error))?;
        log::debug!("{} is written", path.display());
        let Some(old) = old else {
            return self.create_file(OVERRIDES_FILE, text);
        };
        let replaced = aside::replace(&self.path, &path, old.as_bytes(), text.as_bytes());
        unless_changed(path, "write", replaced)
    }

    /// Gives a resource's file another name, which no other file has.
    ///
    /// # Errors
    /// The system refuses, or somebody edited the file since it was read, or there is a file of that name by now; nothing is changed.
    pub fn rename_file(&self, file: &ResourceFile, new: &str) -> Result<(), FilesError> {
        let path = self.path.join(&file.file);
        log::debug!("{} becomes {new}", path.display());
        let is_read = read_below(&self.path, &path, LARGEST_FILE).map_err(io("read", &path))?
            == file.text.as_bytes();
        let target =
            opening::follow(&self.path, &self.path.join(new)).map_err(io("rename", &path))?;
        if !is_read {
            return Err(FilesError::ChangedMeanwhile { path });
        }
        atomic::rename_new(&path, &target).map_err(io("rename", path))
    }

    /// Writes a new resource's file, and the folder that it is in.
    ///
    /// # Errors
    /// The system refuses, or there is a file of that name by now; nothing is changed.
    pub fn create_file(&self, file: &str, text: &str) -> Result<(), FilesError> {
        let path = self.path.join(file);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(io("make", folder))?;
        }
        log::debug!("{} is made", path.display());
        match atomic::create(&self.path, &path, text.as_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(FilesError::ChangedMeanwhile { path })
            }
            created => created.map_err(io("write", path)),
        }
    }

    /// Gives a resource's file another text.
    ///
    /// # Errors
    /// The system refuses, or somebody edited the file since it was read; the file is as it was.
    pub fn rewrite_file(&self, file: &ResourceFile, text: &str) -> Result<(), FilesError> {
        let path = self.path.join(&file.file);
        log::debug!("{} is rewritten", path.display());
        let replaced = aside::replace(&self.path, &path, file.text.as_bytes(), text.as_bytes());
        unless_changed(path, "write", replaced)
    }

    /// Removes a resource's file.
    ///
    /// # Errors
    /// The system refuses, or somebody edited the file since it was read; the file is as it was.
    pub fn remove_file(&self, file: &ResourceFile) -> Result<(), FilesError> {
        let path = self.path.join(&file.file);
        log::debug!("{} is removed", path.display());
        let removed = aside::remove(&self.path, &path, file.text.as_bytes());
        unless_changed(path, "remove", removed)
    }

    /// Writes the lock, unless it says the same already. It keeps the line endings that it has, which git may have given it.
    ///
    /// # Errors
    /// The system refuses; the lock is as it was.
    pub fn write_lock(&self, lock: &Lock) -> Result<(), FilesError> {
        let path = self.path.join(LOCK_FILE);
        let mut text = lock.write();
        let old = read_below(&self.path, &path, LARGEST_FILE).unwrap_or_default();
        if old.windows(2).any(|pair| pair == b"\r\n") {
            text = text.replace('\n', "\r\n");
        }
        if old == text.as_bytes() {
            return Ok(());
        }
        log::debug!("{} is written", path.display());
        atomic::write(&self.path, &path, text.as_bytes()).map_err(io("write", path))
    }

    /// The path of a file of that kind and stem.
    pub fn file_of(kind: &Kind, stem: &str, format: Format) -> String {
        let stem = kind.only_stem().unwrap_or(stem);
        let folder = match kind.folder() {
            "" => String::new(),
            folder => format!("{folder}/"),
        };
        format!("{folder}{stem}.{}", format.extension())
    }
}

/// A command that failed before it wrote anything leaves no folder, which would count as a tenant. Where a file is locked in place of
/// the folder, both stay, since somebody may wait for it; without folders of kinds, that is no tenant either.
impl Drop for TenantDirectory {
    fn drop(&mut self) {
        for folder in self.made.iter().rev() {
            // Only an empty one goes.
            let _ = fs::remove_dir(folder);
        }
    }
}

/// The fields of which a reference names a file, with ids in its place.
fn with_ids(
    ids: &BTreeMap<(&'static Kind, &str), &str>,
    kind: &'static Kind,
    fields: &Map<String, Value>,
) -> Vec<(String, Value)> {
    let mut changed = Vec::new();
    for (row, reference) in kind.references_by_id() {
        let value = fields.get(row.name);
        let Some(value) = value.filter(|value| !reference.files_in(value).is_empty()) else {
            continue;
        };
        let value = reference.translated(value, &mut |text| {
            let file = reference.kind().zip(reference.stem_in(text));
            let id = file.and_then(|file| ids.get(&file));
            id.map_or_else(|| text.to_owned(), |id| (*id).to_owned())
        });
        changed.push((row.name.to_owned(), value));
    }
    changed
}

impl Contents {
    /// Every file, with its kind, and its resource where that is there already: those by resource, then the new ones.
    pub fn files(
        &self,
    ) -> impl Iterator<Item = (&'static Kind, Option<&ResourceId>, &ResourceFile)> {
        let files = self.resources.iter();
        let new = self.new.iter().map(|new| (new.kind, None, &new.file));
        files
            .map(|(id, file)| (id.kind(), Some(id), file))
            .chain(new)
    }

    /// Puts ids in the place of files: a reference may name the file of what it refers to, and means that one's id. What names a file
    /// without an id stays, and so does what names no file.
    pub(super) fn resolve_references(&mut self) {
        let ids = self.ids_by_stem();
        let new = self.new.iter();
        let new: Vec<_> = new
            .map(|new| with_ids(&ids, new.kind, &new.file.fields))
            .collect();
        let old = self.resources.iter();
        let old: Vec<_> = old
            .map(|(id, file)| with_ids(&ids, id.kind(), &file.fields))
            .collect();
        let files = self.new.iter_mut().map(|new| &mut new.file).zip(new);
        for (file, changed) in files.chain(self.resources.values_mut().zip(old)) {
            if !changed.is_empty() {
                Arc::make_mut(&mut file.fields).extend(changed);
                file.names_files = true;
            }
        }
    }

    /// These fields, with ids in the place of files as far as those have one by now.
    pub fn with_ids(&self, kind: &'static Kind, fields: &Map<String, Value>) -> Map<String, Value> {
        let mut fields = fields.clone();
        let mut references = kind.references_by_id();
        let names_file = references.any(|(row, reference)| {
            let value = fields.get(row.name);
            value.is_some_and(|value| !reference.files_in(value).is_empty())
        });
        // Few fields name a file, and the others need no look at all of the files.
        if names_file {
            fields.extend(with_ids(&self.ids_by_stem(), kind, &fields));
        }
        fields
    }

    fn ids_by_stem(&self) -> BTreeMap<(&'static Kind, &str), &str> {
        let mut by_stem: BTreeMap<(&'static Kind, &str), &str> = BTreeMap::new();
        // A name that two files have is the name of neither.
        let mut twice: Vec<(&'static Kind, &str)> = Vec::new();
        for (id, file) in &self.resources {
            let name = (id.kind(), &*file.stem);
            if by_stem.insert(name, id.as_str()).is_some() {
                twice.push(name);
            }
        }
        twice.extend(self.new.iter().map(|new| (new.kind, &*new.file.stem)));
        for name in twice {
            by_stem.remove(&name);
        }
        by_stem
    }

    /// The keys of a resource's file that are no field and close to one, each with that field. Keys that the tenant had are none.
    pub fn misspelt<'a>(
        &'a self,
        kind: &'static Kind,
        id: Option<&'a ResourceId>,
        file: &'a ResourceFile,
    ) -> impl Iterator<Item = (&'a str, &'static str)> {
        let locked = id.and_then(|id| self.lock.as_ref()?.resources.get(id));
        let unsent = locked.and_then(|locked| locked.unsent.as_ref());
        file.fields.iter().filter_map(move |(key, value)| {
            let meant = kind.misspelt(key)?;
            let is_served = unsent.is_some_and(|unsent| unsent.has(key, value));
            (!is_served).then_some((key.as_str(), meant))
        })
    }

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

/// A file that somebody edited since it was read stays as they saved it: asking the tenant may have taken a while.
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
            let holds_files =
                |folder: &Path| Kind::folders().any(|kind| folder.join(kind).is_dir());
            Kind::folders().all(|kind| entry.file_name() != kind)
                && (entry.path().join(LOCK_FILE).is_file() || holds_files(&entry.path()))
        })
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

/// Reads the project's settings for the tenant directory `own` in `root`, each from its own `tenantry.yaml` or else the root's.
///
/// # Errors
/// A file can't be read, is a link that leads out of its folder, or has something in it that is no setting; the error names it.
pub fn read_project(root: &Path, own: &Path) -> Result<Project, FilesError> {
    let read = |folder: &Path| {
        let path = folder.join(PROJECT_FILE);
        match read_below(folder, &path, LARGEST_FILE) {
            Ok(text) => Project::parse(&text).map_err(|error| FilesError::content(path, error)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Project::default()),
            Err(error) => Err(io("read", path)(error)),
        }
    };
    let all = read(root)?;
    match own == root {
        true => Ok(all),
        false => Ok(all.below(read(own)?)),
    }
}

/// Reads a file that is not of the tenant directory, such as a saved plan, with the same care.
///
/// # Errors
/// It can't be read, or is no file of a reasonable size; the error names it.
pub fn read_file(path: &Path) -> Result<Vec<u8>, FilesError> {
    let read = || opening::read(&fs::canonicalize(path)?, LARGEST_FILE);
    read().map_err(io("read", path))
}

/// Locks the directory: on Unix the folder itself, so that git sees no extra file. None where no command has written there yet.
fn hold(path: &Path, access: Access, waiting: impl FnOnce()) -> io::Result<Option<File>> {
    #[cfg(unix)]
    let file = File::open(path)?;
    #[cfg(not(unix))]
    let Some(file) = super::state_dir::hold_file(path, access)? else {
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

/// Whether what is held is what has that path by now.
#[cfg(unix)]
fn is_still(path: &Path, held: Option<&File>) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let which = |found: fs::Metadata| (found.dev(), found.ino());
    let held = held.and_then(|held| held.metadata().ok());
    held.map(which) == fs::metadata(path).ok().map(which)
}

/// Nobody removes the file that is locked in place of the folder.
#[cfg(not(unix))]
fn is_still(_: &Path, _: Option<&File>) -> bool {
    true
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waited_for_a_folder_that_was_removed_holds_the_one_in_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dev");
        let open = |access, waiting: &dyn Fn()| {
            TenantDirectory::open(&path, Managed::default(), access, waiting)
        };
        for access in [Access::Create, Access::Write, Access::Read] {
            let first = open(Access::Create, &|| {}).unwrap();
            let (waits, waited) = std::sync::mpsc::channel();
            std::thread::scope(|scope| {
                let second = scope.spawn(move || open(access, &|| waits.send(()).unwrap()));
                waited.recv().unwrap();
                // It has written nothing, and so leaves no folder.
                drop(first);
                match (access, second.join().unwrap()) {
                    (Access::Create, Ok(_held)) => {
                        let other = File::open(&path).unwrap();
                        assert!(other.try_lock().is_err());
                    }
                    (_, Err(FilesError::NoDirectory { .. })) => {}
                    (_, other) => panic!("{access:?}: {other:?}"),
                }
            });
            assert!(!path.exists());
        }
    }
}
