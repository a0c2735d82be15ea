//! Files whose id may be mistyped: the lock has each as that of another resource, which has no file any more.

use std::collections::BTreeMap;

use super::Contents;
use super::lock::LOCK_FILE;
use super::resource_file::ResourceFile;
use crate::resource::ResourceId;

/// A file with another id than the lock has for it.
pub(super) struct MistakenId<'a> {
    /// The file.
    pub(super) file: &'a ResourceFile,
    /// The id that it says.
    pub(super) id: &'a ResourceId,
    /// The id that the lock has for it.
    locked: &'a ResourceId,
}

impl MistakenId<'_> {
    /// What is wrong.
    pub(super) fn message(&self) -> String {
        let (id, locked) = (self.id, self.locked);
        format!("this file says {id}, and {LOCK_FILE} has it as that of {locked}")
    }

    /// What to do about it.
    pub(super) fn hint(&self) -> String {
        let name = self.id.kind().id_name();
        format!("if the id is mistyped, restore `{name}: {}`", self.locked)
    }
}

impl Contents {
    /// The resources that the lock knows and no file has, each with the file that the lock has for it.
    pub(crate) fn without_file(&self) -> impl Iterator<Item = (&ResourceId, &str)> {
        let known = self.lock.iter().flat_map(|lock| &lock.resources);
        let known = known.filter(|(id, _)| !self.resources.contains_key(*id));
        known.map(|(id, locked)| (id, &*locked.file))
    }

    /// The same by file.
    pub(super) fn by_missing_file(&self) -> BTreeMap<&str, &ResourceId> {
        self.without_file().map(|(id, file)| (file, id)).collect()
    }

    /// The files whose id may be mistyped. Whoever gives a file the name of another one leaves it an id that the lock knows, and a
    /// file that can't be read may have the id that is missed.
    pub(super) fn mistaken_ids(&self) -> Vec<MistakenId<'_>> {
        let without_file = self.by_missing_file();
        let is_known = |id: &ResourceId| {
            let mut locks = self.lock.iter();
            locks.any(|lock| lock.resources.contains_key(id))
        };
        let files = self.resources.iter();
        let mistaken = files.filter_map(|(id, file)| {
            let locked = *without_file.get(&*file.file)?;
            let is_mistaken = !is_known(id) && !self.unread.contains(id.kind());
            is_mistaken.then_some(MistakenId { file, id, locked })
        });
        mistaken.collect()
    }
}
