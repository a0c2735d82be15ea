//! Where base comes from: `tenant.lock` and what git took back from it, or the files at a commit. Whoever needs a base asks here,
//! and whoever brought file and tenant in step says so here.

mod commit;
mod earlier;
mod past;
mod unsent;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::files::{Contents, FilesError, LOCK_FILE, Lock, Locked, TenantDirectory};
use crate::git::{GitError, ObjectId, Repository};
use crate::kinds::{Field, FieldKey, Kind, Label};
use crate::resource::ResourceId;
use crate::three_way::{Base, BaseValues};

use commit::AtCommit;
use past::{Past, TakenBack};

pub use unsent::Prints;

/// Where base comes from, in a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BaseFrom {
    /// The lock.
    Lock,
    /// The files at a commit, by its full id.
    Commit(String),
}

/// The bases of a tenant's resources.
#[derive(Debug)]
pub struct Bases {
    source: Source,
    /// Whether the lock is left as it is.
    is_lock_kept: bool,
    /// What somebody should know about them.
    pub warnings: Vec<String>,
}

#[derive(Debug)]
enum Source {
    Lock {
        lock: Lock,
        past: Past,
    },
    Commit {
        repository: Repository,
        commit: ObjectId,
        resources: BTreeMap<ResourceId, AtCommit>,
    },
}

/// A resource's base: one entry, or several. Of several, the one counts that says what the tenant says, in fields that it can have
/// brought there.
#[derive(Debug, Clone, Copy)]
pub struct ResourceBase<'a> {
    /// The entry that counts where none says what the tenant says.
    newest: &'a BaseValues,
    own: Option<&'a BaseValues>,
    /// The fields in which the lock's own entry is behind.
    behind: &'a [Field],
    taken_back: &'a [TakenBack],
    /// What the fields said that the entries do not have; None where nobody knows.
    unsent: Option<&'a Prints>,
}

impl<'a> ResourceBase<'a> {
    /// A base that is known for certain.
    pub fn certain(values: &'a BaseValues, unsent: Option<&'a Prints>) -> ResourceBase<'a> {
        ResourceBase {
            newest: values,
            own: Some(values),
            behind: &[],
            taken_back: &[],
            unsent,
        }
    }

    /// A field's base, where the tenant has this value.
    pub fn field(self, key: &FieldKey, live: Option<&Value>) -> Base<&'a Value> {
        let field = key.field;
        let own = self.own.filter(|_| !self.behind.contains(&field));
        let mut known = own
            .into_iter()
            .chain(self.changed(field).map(|later| &later.entry.base));
        let same = |one: Option<&Value>, other: Option<&Value>| key.same(one, other);
        let is_there = known.find(|entry| entry.get(key).is_same(live, same));
        is_there.unwrap_or(self.latest(field)).get(key)
    }

    /// The entries that changed a field.
    fn changed(self, field: Field) -> impl Iterator<Item = &'a TakenBack> {
        let taken_back = self.taken_back.iter();
        taken_back.filter(move |taken_back| taken_back.changed.contains(&field))
    }

    /// The entry that counts in a field where none says what the tenant says: of those with the highest serial one that changed it.
    fn latest(self, field: Field) -> &'a BaseValues {
        let is_own = self.own.is_some_and(|own| std::ptr::eq(own, self.newest));
        let highest = self.taken_back.first().map(|first| first.entry.serial);
        let latest = self
            .changed(field)
            .find(|later| Some(later.entry.serial) == highest)
            .filter(|_| !is_own || self.behind.contains(&field));
        latest.map_or(self.newest, |latest| &latest.entry.base)
    }

    /// What a field said last, if that is known.
    pub fn last(self, field: Field) -> Option<&'a Value> {
        self.newest.get(&field.into()).value().copied()
    }

    /// Whether a file that says this may differ from base, whichever entry counts.
    pub fn may_differ(self, field: Field, local: &Value) -> bool {
        self.entries().any(|entry| !is_in(entry, field, local))
    }

    /// Whether a file that says this differs from base, whichever entry counts.
    pub fn differs(self, field: Field, local: &Value) -> bool {
        self.entries().all(|entry| {
            let is_known = entry.get(&field.into()) != Base::Unknown;
            is_known && !is_in(entry, field, local)
        })
    }

    /// Whether a field that push does not send said this; None where nobody knows.
    pub fn unsent_was(self, name: &str, value: Option<&Value>) -> Option<bool> {
        match self.newest.fields().find(|field| field.name() == name) {
            Some(field) => {
                let key = FieldKey::from(field);
                Some(
                    self.newest
                        .get(&key)
                        .is_same(value, |one, other| key.same(one, other)),
                )
            }
            None => {
                let unsent = self.unsent?;
                Some(value.is_some_and(|value| unsent.has(name, value)))
            }
        }
    }

    /// What the fields said that the entries do not have, where that is known.
    pub fn unsent(self) -> Option<&'a Prints> {
        self.unsent
    }

    /// The values that the fields had last.
    pub fn values(self) -> impl Iterator<Item = (Field, &'a Value)> {
        self.newest.values()
    }

    /// The name that the resource had, as far as is known.
    pub fn name(self) -> Option<&'a str> {
        let mut values = self.newest.values();
        let is_label = |field: Field| matches!(field.kind().label, Label::Fields([label, ..]) if *label == field.name());
        let (_, name) = values.find(|(field, _)| is_label(*field))?;
        name.as_str()
    }

    fn entries(self) -> impl Iterator<Item = &'a BaseValues> {
        let taken_back = self.taken_back.iter();
        let taken_back = taken_back.map(|taken_back| &taken_back.entry.base);
        self.own.into_iter().chain(taken_back)
    }
}

/// Whether a field had this value.
fn is_in(entry: &BaseValues, field: Field, value: &Value) -> bool {
    let key = FieldKey::from(field);
    entry
        .get(&key)
        .is_same(Some(value), |one, other| key.same(one, other))
}

/// What file and tenant have in common once they are in step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBase {
    /// Base, in the managed fields.
    pub values: BaseValues,
    /// Of the other fields; None where nobody knows.
    pub unsent: Option<Prints>,
}

impl Bases {
    /// The bases of the lock. In a git repository, what git took back from it is looked for in the history of HEAD. A command that
    /// `writes` leaves a note in git's own folder, which makes the next look a short one.
    ///
    /// # Errors
    /// git refuses to answer, and the command writes: it might take an edit for drift.
    pub fn from_lock(
        lock: Lock,
        directory: &TenantDirectory,
        contents: &Contents,
        writes: bool,
    ) -> Result<Bases, GitError> {
        let mut warnings = Vec::new();
        let past = Repository::of(directory.path()).and_then(|repository| match repository {
            Some(repository) => {
                if repository.is_shallow() {
                    warnings.push(format!(
                        "this clone has a part of the history only, so that a {LOCK_FILE} that git took back may not be known \
                         for one: `git fetch --unshallow` has all of it (`fetch-depth: 0` in GitHub Actions), and --base goes \
                         without {LOCK_FILE}"
                    ));
                }
                Past::read(&repository, LOCK_FILE, &lock, &contents.resources, writes)
            }
            None => Ok(Past::default()),
        });
        let past = match past {
            Ok(past) => past,
            // Without git, the lock alone counts.
            Err(GitError::NoGit { .. }) => Past::default(),
            Err(error) if writes => return Err(error),
            Err(error) => {
                warnings.push(format!(
                    "{error}; whether git took {LOCK_FILE} back is not known"
                ));
                Past::default()
            }
        };
        Ok(Bases {
            source: Source::Lock { lock, past },
            is_lock_kept: false,
            warnings,
        })
    }

    /// The bases that the files had at a commit: file and tenant were last in step there. The lock is neither read nor written.
    ///
    /// # Errors
    /// There is no such commit, or no git or repository to ask.
    pub fn at_commit(
        rev: &str,
        directory: &TenantDirectory,
        contents: &Contents,
    ) -> Result<Bases, GitError> {
        let folder = directory.path();
        let repository = Repository::of(folder)?.ok_or_else(|| GitError::NoRepository {
            folder: folder.to_owned(),
        })?;
        let commit = repository.commit(rev)?;
        let (resources, mut warnings) = commit::read(
            &repository,
            &commit,
            directory.managed(),
            &contents.resources,
        )?;
        if !repository.is_in_past(&commit)? {
            warnings.push(format!(
                "this branch lacks commits of {rev}: what they changed shows as an edit that takes it back, until the branch has \
                 them (`git merge {rev}`)"
            ));
        }
        Ok(Bases {
            source: Source::Commit {
                repository,
                commit,
                resources,
            },
            is_lock_kept: true,
            warnings,
        })
    }

    /// The bases of a directory that is not there: none.
    pub fn none(domain: &str) -> Bases {
        Bases {
            source: Source::Lock {
                lock: Lock::new(domain),
                past: Past::default(),
            },
            is_lock_kept: false,
            warnings: Vec::new(),
        }
    }

    /// Leaves the lock as it is, whatever is remembered: what is undone was sent by somebody who works without it.
    pub fn keep_lock(&mut self) {
        self.is_lock_kept = true;
    }

    /// Where they come from, for the plan's document.
    pub fn from(&self) -> BaseFrom {
        match &self.source {
            Source::Lock { .. } => BaseFrom::Lock,
            Source::Commit { commit, .. } => BaseFrom::Commit(commit.to_string()),
        }
    }

    /// A resource's base; None where file and tenant were never in step.
    pub fn of(&self, id: &ResourceId) -> Option<ResourceBase<'_>> {
        match &self.source {
            Source::Commit { resources, .. } => {
                let then = resources.get(id)?;
                Some(ResourceBase::certain(&then.base, then.unsent.as_ref()))
            }
            Source::Lock { lock, past } => {
                let own = lock.resources.get(id);
                let taken_back = past.taken_back(id);
                let newest = match (own, taken_back.first()) {
                    (Some(own), Some(newest)) if newest.entry.serial > own.serial => {
                        &newest.entry.base
                    }
                    (Some(own), _) => &own.base,
                    (None, newest) => &newest?.entry.base,
                };
                Some(ResourceBase {
                    newest,
                    own: own.map(|own| &own.base),
                    behind: past.behind(id),
                    taken_back,
                    unsent: own.and_then(|own| own.unsent.as_ref()),
                })
            }
        }
    }

    /// How many resources of a kind the tenant is known to have had.
    pub fn count(&self, kind: &Kind) -> usize {
        let of_kind = |id: &&ResourceId| id.kind() == kind;
        match &self.source {
            Source::Lock { lock, .. } => lock.resources.keys().filter(of_kind).count(),
            Source::Commit { resources, .. } => resources.keys().filter(of_kind).count(),
        }
    }

    /// Remembers a resource's new base, and what it said in the fields that push does not send, where that is known.
    pub fn record(&mut self, id: &ResourceId, file: &str, new: NewBase) {
        let NewBase {
            values: base,
            unsent,
        } = new;
        let Source::Lock { lock, past } = &mut self.source else {
            return;
        };
        let own = lock.resources.get(id);
        let is_as_before =
            own.is_some_and(|own| own.base == base) && past.taken_back(id).is_empty();
        let serial = match own {
            Some(own) if is_as_before => own.serial,
            own => {
                let own = own.map_or(0, |own| own.serial);
                own.max(past.highest(id)).saturating_add(1)
            }
        };
        past.settle(id);
        let file = file.to_owned();
        lock.resources.insert(
            id.clone(),
            Locked {
                file,
                serial,
                base,
                unsent,
            },
        );
    }

    /// Forgets a resource whose file is gone.
    pub fn forget(&mut self, id: &ResourceId) {
        if let Source::Lock { lock, .. } = &mut self.source {
            lock.resources.remove(id);
        }
    }

    /// Forgets every resource but these.
    pub fn retain(&mut self, known: impl Fn(&ResourceId) -> bool) {
        if let Source::Lock { lock, .. } = &mut self.source {
            lock.resources.retain(|id, _| known(id));
        }
    }

    /// Writes what is remembered.
    ///
    /// # Errors
    /// The system refuses; the lock is as it was.
    pub fn write(&self, directory: &TenantDirectory) -> Result<(), FilesError> {
        match &self.source {
            Source::Lock { lock, .. } if !self.is_lock_kept => directory.write_lock(lock),
            Source::Lock { .. } | Source::Commit { .. } => Ok(()),
        }
    }

    /// The newest of the last hundred commits at which a resource's file said `live` in these fields: the tenant was in step with
    /// that one. None where base does not come from git, or there is none.
    ///
    /// # Errors
    /// git fails.
    pub fn earlier(
        &self,
        id: &ResourceId,
        file: Option<&str>,
        live: &[(&FieldKey, Option<&Value>)],
    ) -> Result<Option<ObjectId>, GitError> {
        let Source::Commit {
            repository,
            commit,
            resources,
        } = &self.source
        else {
            return Ok(None);
        };
        let then = resources.get(id).map(|then| then.path.as_str());
        let paths: Vec<&str> = match (then, file) {
            (Some(then), Some(now)) if then != now => vec![then, now],
            (then, now) => then.or(now).into_iter().collect(),
        };
        earlier::find(repository, commit, id, &paths, live)
    }
}
