//! What git took back from the lock. `git revert`, an older state that was checked out over HEAD, and a merge that chose one of two
//! pushes all leave a lock that is older than one in the branch's own past, while the tenant may be where that later one says.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::files::{Lock, Locked, ResourceFile};
use crate::git::{GitError, ObjectId, Repository};
use crate::json;
use crate::kinds::{Field, Kind};
use crate::resource::ResourceId;

/// How a kind of the lock begins, and how an entry of it begins and ends, as tenantry writes it.
const KIND_STARTS: &[u8] = b"\n  \"";
const ENTRY_STARTS: &[u8] = b"\n    \"";
const ENTRY_ENDS: &[u8] = b"\n    }";
/// Texts are compared in parts of this size first, many bytes at a time.
const PART: usize = 4096;

/// An entry of HEAD's past that is no older than the lock's and says something else.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TakenBack {
    pub(super) entry: Locked,
    /// The fields in which it differs from the entry before it. In the others it says what was there already, so that it can't be
    /// the reason why the tenant says the same there.
    pub(super) changed: Vec<Field>,
}

/// The entries of HEAD's past that are no older than the lock's and say something else.
#[derive(Debug, Default)]
pub(super) struct Past {
    /// By resource, the highest serial first.
    taken_back: BTreeMap<ResourceId, Vec<TakenBack>>,
    /// The fields that an entry as old as the lock's changed, and the lock's did not: two branches pushed, a merge chose the lock of
    /// one, and it says in these what was there before the other's push.
    behind: BTreeMap<ResourceId, Vec<Field>>,
    /// The highest serial of each resource whose entry was removed once. The lock may have an entry of it again.
    gone: BTreeMap<ResourceId, u64>,
}

/// A note in git's own folder: no ancestor of this commit has a later lock than this commit. History does not change, so only
/// commits that came after it have to be read.
#[derive(Debug, Serialize, Deserialize)]
struct Settled {
    commit: String,
    /// As in [`Past`], by `kind/id`.
    gone: BTreeMap<String, u64>,
}

impl Past {
    /// Reads the past of the lock in `file`. `files` are those that are there now.
    ///
    /// # Errors
    /// git fails.
    pub(super) fn read(
        repository: &Repository,
        file: &str,
        lock: &Lock,
        files: &BTreeMap<ResourceId, ResourceFile>,
        may_remember: bool,
    ) -> Result<Past, GitError> {
        let Some(head) = repository.head() else {
            return Ok(Past::default());
        };
        let note = Note::of(repository, file);
        let (noted, gone) = note.read().unzip();
        let since = noted.as_ref().and_then(|commit| {
            // Where the noted commit is gone, the whole history is read instead.
            let mut since = repository.history(&[file], head, Some(commit), None).ok()?;
            since.push(commit.clone());
            Some(since)
        });
        let looked = match since {
            Some(since) => {
                let look = Look::at(repository, file, lock, &since)?;
                Some(look.with_gone(gone.unwrap_or_default()))
            }
            None => None,
        };
        // The note only says that nothing was taken back before it. Where something was since, the whole history is needed.
        let look = match looked.filter(|look| look.finds_nothing(files)) {
            Some(look) => look,
            None => {
                let commits = repository.history(&[file], head, None, None)?;
                Look::at(repository, file, lock, &commits)?
            }
        };
        let is_noted = noted.as_ref().is_some_and(|commit| commit == head);
        if may_remember && !is_noted && look.finds_nothing(files) {
            let at_head = repository.contents_at(file, std::slice::from_ref(head))?;
            if let [Some(at_head)] = at_head.as_slice()
                && at_head.is_of(lock.write().as_bytes())
            {
                note.write(head, &look.gone);
            }
        }
        Ok(look.into_past(files))
    }

    /// The entries that count beside the lock's, the highest serial first.
    pub(super) fn taken_back(&self, id: &ResourceId) -> &[TakenBack] {
        self.taken_back.get(id).map_or(&[], Vec::as_slice)
    }

    /// The highest serial that the resource has in the past, as far as it is no lower than the lock's.
    pub(super) fn highest(&self, id: &ResourceId) -> u64 {
        let taken_back = self.taken_back(id).first();
        let taken_back = taken_back.map_or(0, |taken_back| taken_back.entry.serial);
        taken_back.max(self.gone.get(id).copied().unwrap_or(0))
    }

    /// The fields in which the lock's own entry is behind one that is as old.
    pub(super) fn behind(&self, id: &ResourceId) -> &[Field] {
        self.behind.get(id).map_or(&[], Vec::as_slice)
    }

    /// From now on the lock has the latest entry of the resource.
    pub(super) fn settle(&mut self, id: &ResourceId) {
        self.taken_back.remove(id);
        self.behind.remove(id);
    }
}

/// A look through versions of the lock.
struct Look<'a> {
    lock: &'a Lock,
    /// By resource, the entries that are no older than the lock's, and those right before them.
    entries: BTreeMap<ResourceId, Vec<Locked>>,
    /// As in [`Past`].
    gone: BTreeMap<ResourceId, u64>,
    /// The version that was read last: most differ from the next in few entries.
    last: Vec<u8>,
    /// Whether that one is about the same tenant.
    is_ours: bool,
}

impl<'a> Look<'a> {
    fn at(
        repository: &Repository,
        file: &str,
        lock: &'a Lock,
        commits: &[ObjectId],
    ) -> Result<Look<'a>, GitError> {
        let now = lock.write().into_bytes();
        let mut versions: Vec<ObjectId> = repository
            .contents_at(file, commits)?
            .into_iter()
            .flatten()
            .collect();
        // The newest version may be the lock as it is now, which need not be read.
        let mut seen: BTreeSet<ObjectId> = versions
            .first()
            .map(|id| ObjectId::of(&now, id))
            .into_iter()
            .collect();
        versions.retain(|version| seen.insert(version.clone()));
        let mut look = Look {
            lock,
            entries: BTreeMap::new(),
            gone: BTreeMap::new(),
            last: now,
            is_ours: true,
        };
        repository.read(&versions, |version| {
            if let Some(version) = version {
                look.version(version);
            }
        })?;
        Ok(look)
    }

    fn with_gone(mut self, gone: BTreeMap<ResourceId, u64>) -> Look<'a> {
        for (id, serial) in gone {
            let highest = self.gone.entry(id).or_default();
            *highest = serial.max(*highest);
        }
        self
    }

    /// Adds the entries of a version that the version read before it does not have.
    fn version(&mut self, version: Vec<u8>) {
        let differing = differing_entries(&self.last, &version);
        let entries = differing.and_then(|(kind, text)| {
            let text = format!("{{{}}}", std::str::from_utf8(text).ok()?);
            let Value::Object(entries) = json::parse(&text).ok()? else {
                return None;
            };
            let entry = |(id, entry): (String, Value)| {
                let kind = Kind::of(kind, &id)?;
                Some((ResourceId::new(kind, id), Locked::parse(kind, &entry)?))
            };
            entries.into_iter().map(entry).collect()
        });
        let entries: BTreeMap<ResourceId, Locked> = match entries {
            Some(entries) => entries,
            None => match Lock::parse(&version) {
                Ok(whole) => {
                    self.is_ours = whole.domain == self.lock.domain;
                    whole.resources
                }
                // Of another version, or with conflict markers: it says nothing.
                Err(_) => return,
            },
        };
        self.last = version;
        if self.is_ours {
            entries
                .into_iter()
                .for_each(|(id, entry)| self.entry(id, entry));
        }
    }

    fn entry(&mut self, id: ResourceId, entry: Locked) {
        match self.lock.resources.get(&id) {
            // The entry right before one that counts is kept too: it shows which fields that one changed.
            Some(own) if entry.serial.saturating_add(1) < own.serial => return,
            Some(_) => {}
            None => {
                let highest = self.gone.entry(id.clone()).or_default();
                *highest = entry.serial.max(*highest);
            }
        }
        let entries = self.entries.entry(id).or_default();
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }

    /// Whether an entry is no older than the lock's and says something else.
    fn counts(&self, id: &ResourceId, entry: &Locked) -> bool {
        self.lock.resources.get(id).is_none_or(|own| {
            entry.serial > own.serial || (entry.serial == own.serial && entry.base != own.base)
        })
    }

    /// Whether the lock is the latest in everything that matters for the files that are there.
    fn finds_nothing(&self, files: &BTreeMap<ResourceId, ResourceFile>) -> bool {
        let matters =
            |id: &ResourceId| self.lock.resources.contains_key(id) || files.contains_key(id);
        let is_later = |(id, entries): (&ResourceId, &Vec<Locked>)| {
            matters(id) && entries.iter().any(|entry| self.counts(id, entry))
        };
        // A resource was gone and is back, and its entry is no later than the one that it had then.
        let is_back = |(id, serial): (&ResourceId, &u64)| {
            let own = self.lock.resources.get(id);
            matters(id) && own.is_none_or(|own| own.serial <= *serial)
        };
        !self.entries.iter().any(is_later) && !self.gone.iter().any(is_back)
    }

    fn into_past(self, files: &BTreeMap<ResourceId, ResourceFile>) -> Past {
        let mut taken_back = BTreeMap::new();
        let mut behind = BTreeMap::new();
        for (id, entries) in &self.entries {
            let own = self.lock.resources.get(id);
            if own.is_none() && !files.contains_key(id) {
                continue;
            }
            let highest = entries.iter().map(|entry| entry.serial).max();
            let mut later: Vec<TakenBack> = entries
                .iter()
                .filter(|entry| self.counts(id, entry))
                // Where the lock has no entry, only the latest one counts.
                .filter(|entry| own.is_some() || Some(entry.serial) == highest)
                .map(|entry| TakenBack {
                    entry: entry.clone(),
                    changed: changed(entry, entries.iter().chain(own)),
                })
                .collect();
            later.sort_by_key(|later| Reverse(later.entry.serial));
            if let Some(own) = own {
                let changed_by_own = changed(own, entries.iter());
                let as_old = later
                    .iter()
                    .filter(|later| later.entry.serial == own.serial);
                let fields: Vec<Field> = as_old
                    .flat_map(|later| &later.changed)
                    .filter(|field| !changed_by_own.contains(field))
                    .copied()
                    .collect();
                if !fields.is_empty() {
                    behind.insert(id.clone(), fields);
                }
            }
            if !later.is_empty() {
                taken_back.insert(id.clone(), later);
            }
        }
        Past {
            taken_back,
            behind,
            gone: self.gone,
        }
    }
}

/// The fields in which an entry differs from those right before it; all of them, where there is none.
fn changed<'a>(entry: &Locked, known: impl Iterator<Item = &'a Locked> + Clone) -> Vec<Field> {
    let before = known.filter(|known| known.serial.checked_add(1) == Some(entry.serial));
    let is_changed = |field: &Field| {
        let mut before = before.clone();
        let key = (*field).into();
        before.any(|before| before.base.get(&key) != entry.base.get(&key))
    };
    let fields = entry.base.fields();
    match before.clone().next() {
        Some(_) => fields.filter(is_changed).collect(),
        None => fields.collect(),
    }
}

/// The entries of `text` in which it differs from `before`, as JSON without its braces, and the name of their kind; None where
/// that can't be told from the text, as tenantry writes it.
fn differing_entries<'a>(before: &[u8], text: &'a [u8]) -> Option<(&'a str, &'a [u8])> {
    let start = common_start(before, text);
    let end = text.len() - common_end(&before[start..], &text[start..]);
    // The start of the entry in which the first difference is, and the end of that in which the last one is.
    let start = find_last(
        &text[..(start + ENTRY_STARTS.len()).min(text.len())],
        ENTRY_STARTS,
    )?;
    let from = end.max(start);
    let end = from + find(&text[from..], ENTRY_ENDS)? + ENTRY_ENDS.len();
    // Where the entries are of several kinds, the part between them is not JSON.
    let kind = find_last(&text[..start], KIND_STARTS)? + KIND_STARTS.len();
    let kind = text[kind..start].split(|byte| *byte == b'"').next()?;
    Some((std::str::from_utf8(kind).ok()?, &text[start..end]))
}

/// How many bytes two texts begin with in common.
fn common_start(one: &[u8], other: &[u8]) -> usize {
    let parts = one.chunks_exact(PART).zip(other.chunks_exact(PART));
    let same = PART * parts.take_while(|(one, other)| one == other).count();
    let rest = one[same..].iter().zip(&other[same..]);
    same + rest.take_while(|(one, other)| one == other).count()
}

/// How many bytes two texts end with in common.
fn common_end(one: &[u8], other: &[u8]) -> usize {
    let parts = one.rchunks_exact(PART).zip(other.rchunks_exact(PART));
    let same = PART * parts.take_while(|(one, other)| one == other).count();
    let (one, other) = (&one[..one.len() - same], &other[..other.len() - same]);
    let rest = one.iter().rev().zip(other.iter().rev());
    same + rest.take_while(|(one, other)| one == other).count()
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

fn find_last(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).rposition(|window| window == part)
}

/// Where the note about a lock is kept.
struct Note {
    path: Option<PathBuf>,
}

impl Note {
    fn of(repository: &Repository, file: &str) -> Note {
        let path = || {
            let notes = repository.own_folder().join("tenantry");
            notes.join(repository.path_from_root(file))
        };
        Note {
            // A shallow clone may get the rest of its history later, of which a note would know nothing.
            path: (!repository.is_shallow()).then(path),
        }
    }

    fn read(&self) -> Option<(ObjectId, BTreeMap<ResourceId, u64>)> {
        let text = fs::read(self.path.as_ref()?).ok()?;
        let settled: Settled = serde_json::from_slice(&text).ok()?;
        let gone = settled.gone.into_iter();
        Some((
            ObjectId::parse(&settled.commit)?,
            gone.map(|(name, serial)| {
                let (kind, id) = name.split_once('/')?;
                Some((ResourceId::new(Kind::of(kind, id)?, id), serial))
            })
            .collect::<Option<_>>()?,
        ))
    }

    /// Writes the note. Where that fails, the next look only takes longer.
    fn write(&self, commit: &ObjectId, gone: &BTreeMap<ResourceId, u64>) {
        let settled = Settled {
            commit: commit.to_string(),
            gone: gone
                .iter()
                .map(|(id, serial)| (format!("{}/{id}", id.kind()), *serial))
                .collect(),
        };
        let Some(path) = &self.path else { return };
        if let (Some(folder), Ok(text)) = (path.parent(), serde_json::to_vec(&settled))
            && fs::create_dir_all(folder).is_ok()
        {
            let _ = fs::write(path, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::{Managed, clients::KIND};
    use crate::three_way::BaseValues;
    use proptest::prelude::*;
    use serde_json::json;

    fn lock(entries: &BTreeMap<String, (u64, String)>) -> Lock {
        let entry = |(id, (serial, name)): (&String, &(u64, String))| {
            let name = json!({"name": name});
            let base = BaseValues::of(Managed::default().fields(&KIND), name.as_object().unwrap());
            let (file, serial) = (format!("clients/{id}.yaml"), *serial);
            let unsent = None;
            (
                ResourceId::new(&KIND, id),
                Locked {
                    file,
                    serial,
                    base,
                    unsent,
                },
            )
        };
        Lock {
            domain: "d".to_owned(),
            resources: entries.iter().map(entry).collect(),
        }
    }

    fn entries() -> impl Strategy<Value = BTreeMap<String, (u64, String)>> {
        // Few and alike, so that texts begin and end alike in the middle of things.
        let entry = (1..4_u64, "[ab}\\{\"]{0,3}");
        prop::collection::btree_map("[ab}\"]{1,3}", entry, 0..5)
    }

    proptest! {
        /// What a version has that the one before it does not is never missed, and what is read is in it.
        #[test]
        fn the_part_that_differs_has_every_entry_that_does(before in entries(), now in entries()) {
            let (before, now) = (lock(&before), lock(&now));
            let (text, last) = (now.write(), before.write());
            if let Some((_, part)) = differing_entries(last.as_bytes(), text.as_bytes()) {
                let part = format!("{{{}}}", std::str::from_utf8(part).unwrap());
                let part = json::parse(&part).unwrap();
                let read: BTreeMap<ResourceId, Locked> = part.as_object().unwrap().iter()
                    .map(|(id, entry)| (ResourceId::new(&KIND, id), Locked::parse(&KIND, entry).unwrap()))
                    .collect();
                for (id, entry) in &now.resources {
                    let is_known = before.resources.get(id) == Some(entry);
                    prop_assert!(is_known || read.get(id) == Some(entry), "{id} in {text}");
                }
                for (id, entry) in &read {
                    prop_assert_eq!(now.resources.get(id), Some(entry));
                }
            }
        }

        #[test]
        fn common_starts_and_ends_are_counted_to_the_byte(
            start in 0..3 * PART, one in prop::collection::vec(any::<u8>(), 0..9),
            other in prop::collection::vec(any::<u8>(), 0..9), end in 0..3 * PART,
        ) {
            let text = |middle: &[u8]| [&vec![7; start][..], middle, &vec![7; end]].concat();
            let (one, other) = (text(&one), text(&other));
            let count = |pairs: &mut dyn Iterator<Item = (&u8, &u8)>| pairs.take_while(|(a, b)| a == b).count();
            prop_assert_eq!(common_start(&one, &other), count(&mut one.iter().zip(&other)));
            prop_assert_eq!(common_end(&one, &other), count(&mut one.iter().rev().zip(other.iter().rev())));
        }
    }
}
