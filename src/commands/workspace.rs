//! What diff, pull, push and list look at: a tenant's files, their bases and the live resources. All of them compare the three by one
//! call, [`plan`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;
use serde_json::Value;

use super::invocation::Invocation;
use super::picking::{
    Target, known_names, names, names_of_new_files, names_without_id, select, split,
};
use super::session::{LiveResources, Session};
use super::warnings::{warn_of, warn_of_unread_settings};
use super::{Terminal, Usage};
use crate::api::Fields;
use crate::base::{Bases, ResourceBase};
use crate::cli;
use crate::create::{self, New};
use crate::files::{
    self, Access, Contents, FilesError, NewFile, Project, ResourceFile, TenantDirectory,
};
use crate::kinds::{Field, KINDS, Kind, Managed};
use crate::names::{name_in_file, names_in};
use crate::plan::{
    Change, Live, Plan, ResourcePlan, Sides, State, Tenant, may_be_edited, unsent_edits,
};
use crate::push_plan::{HeldBack, Reason};
use crate::resource::{Resource, ResourceId};
use crate::select::{Names, NoMatch, Selection};
use crate::settings::Connection;

/// A tenant directory that was read, and a connection to its tenant. Nothing was asked yet.
pub(super) struct Workspace {
    pub(super) directory: TenantDirectory,
    pub(super) selection: Selection,
    pub(super) contents: Contents,
    pub(super) session: Session,
    pub(super) bases: Bases,
}

/// Values of files that were found to be such as an update takes.
pub(super) type Checked = BTreeSet<(ResourceId, Field)>;

impl Workspace {
    /// What is held back of a kind that the tenant did not let be read: files that may have something to send there.
    pub(super) fn held_back_unread(
        &self,
        ids: &[&ResourceId],
        live: &LiveResources,
    ) -> Vec<HeldBack> {
        let unread = ids.iter().filter_map(|id| {
            let (_, error) = live.unread.iter().find(|(kind, _)| *kind == id.kind())?;
            let file = self.contents.resources.get(*id)?;
            let names = names_in(live, &self.contents.resources);
            Some(HeldBack {
                resource: ResourcePlan {
                    id: (*id).clone(),
                    name: name_in_file(id, &file.fields, &names),
                    file: Some(file.file.clone()),
                    state: State::Changed,
                    fields: Vec::new(),
                },
                reason: match error.is_about_the_plan() {
                    true => Reason::NotIncluded,
                    false => Reason::Unread,
                },
            })
        });
        unread.collect()
    }

    /// Whether a file may have something to send, or an edit that push does not send.
    pub(super) fn may_push(&self, id: &ResourceId) -> bool {
        let managed = self.managed();
        self.contents.resources.get(id).is_some_and(|file| {
            let base = self.bases.of(id);
            let mut unsent = unsent_edits(id, &file.fields, base, managed);
            may_be_edited(&file.fields, base, managed.fields(id.kind())) || unsent.next().is_some()
        })
    }

    /// Says of which kinds files were edited though they are not managed: what they say is neither compared nor sent.
    pub(super) fn note_unmanaged(&self, terminal: &Terminal) {
        // The note is an extra: where a folder can't be read, the result stands without it.
        let unmanaged = self.directory.read_unmanaged().unwrap_or_default();
        let locked = |id: &ResourceId| self.contents.lock.as_ref()?.resources.get(id);
        let is_edited = |id: &ResourceId, file: &ResourceFile| {
            locked(id).is_none_or(|locked| {
                let base = ResourceBase::certain(&locked.base, locked.unsent.as_ref());
                let mut edits = unsent_edits(id, &file.fields, Some(base), self.managed());
                edits.next().is_some()
            })
        };
        let edited = unmanaged.resources.iter().filter(|(id, file)| {
            self.selection.touches(&names(id, Some(file))) && is_edited(id, file)
        });
        let new = unmanaged.new.iter().filter(|new| {
            let names = names_without_id(new.kind, &new.file);
            self.selection.touches(&names)
        });
        let edited = edited.map(|(id, file)| (id.kind(), file));
        let mut by_name: BTreeMap<&str, Vec<(&'static Kind, &ResourceFile)>> = BTreeMap::new();
        for (kind, file) in edited.chain(new.map(|new| (new.kind, &new.file))) {
            by_name.entry(kind.name).or_default().push((kind, file));
        }
        for (name, edited) in by_name {
            let files: Vec<&str> = edited.iter().map(|(_, file)| file.file.as_str()).collect();
            let is_single = edited.iter().any(|(kind, _)| kind.only().is_some());
            let what = match is_single {
                true => files.join(", "),
                false => format!("{name}/"),
            };
            // Of several kinds with one name, the list names the parts.
            let is_meant = |kind: &&'static Kind| {
                let mut managed = self.managed().kinds();
                managed.any(|managed| managed == *kind)
                    || edited.iter().any(|(edited, _)| edited == kind)
            };
            let parts = Kind::all_named(name).filter(is_meant);
            let parts: Vec<&str> = parts.filter_map(Kind::only).collect();
            let manage = match Kind::all_named(name).count() {
                1 => "all".to_owned(),
                _ => format!("[{}]", parts.join(", ")),
            };
            terminal.note(&format!(
                "{what} is not managed: what is edited there is neither compared nor sent; `manage: {{{name}: {manage}}}` in {} \
                 manages it",
                files::PROJECT_FILE
            ));
        }
    }

    /// Reads the directory and the bases for a command about the selected resources.
    ///
    /// # Errors
    /// Something that the command is about can't be read, or the files belong to another tenant.
    pub(super) fn open(
        invocation: &Invocation<'_>,
        settings: Option<Connection>,
        project: &Project,
        (selectors, base): (&cli::Selectors, &cli::Base),
        access: Access,
        terminal: &Terminal,
    ) -> Result<Workspace> {
        warn_of_unread_settings(invocation, terminal)?;
        let directory = invocation.open(project.managed(), access, terminal)?;
        let selection = invocation.selection(selectors, directory.path());
        let opened = (directory, access);
        Workspace::of_opened(
            invocation,
            settings,
            project,
            (selection, base),
            opened,
            terminal,
        )
    }

    /// The same of a directory that is open already.
    ///
    /// # Errors
    /// As [`Workspace::open`].
    pub(super) fn of_opened(
        invocation: &Invocation<'_>,
        settings: Option<Connection>,
        project: &Project,
        (selection, base): (Selection, &cli::Base),
        (directory, access): (TenantDirectory, Access),
        terminal: &Terminal,
    ) -> Result<Workspace> {
        let contents = read(&directory, &selection, terminal)?;
        let mut session = invocation.connect(settings, terminal)?;
        session.manages_several = directory.managed().kinds().count() > 1;
        let domain = &session.tenant.domain;
        let place = (&directory, access);
        let bases = invocation.bases(base, project, domain, place, &contents, terminal)?;
        Ok(Workspace {
            directory,
            selection,
            contents,
            session,
            bases,
        })
    }

    /// What a push may send.
    pub(super) fn managed(&self) -> &Managed {
        self.directory.managed()
    }

    /// Compares files, bases and live resources.
    pub(super) fn plan<'a>(
        &self,
        ids: impl IntoIterator<Item = &'a ResourceId>,
        live: &LiveResources,
        read: Read,
    ) -> Plan {
        let tenant = self.session.tenant.clone();
        let known = (&self.contents, &self.bases);
        plan(tenant, self.managed(), known, ids, (live, read))
    }

    /// Reads the files again, since some of them are not what they were.
    ///
    /// # Errors
    /// They can't be read.
    pub(super) fn read_again(&mut self, terminal: &Terminal) -> Result<()> {
        self.contents = read(&self.directory, &self.selection, terminal)?;
        Ok(())
    }

    /// The names of the selected files and what they are of, as far as is known without asking the tenant.
    pub(super) fn known_names(&self) -> impl Iterator<Item = (Names<'_>, &ResourceId)> + Clone {
        let files = self.contents.resources.iter();
        files.map(|(id, file)| (known_names(id, file, &self.bases), id))
    }

    /// The selected ids among those with a file and those on the tenant, and the selected files without an id.
    ///
    /// # Errors
    /// A selector matches nothing.
    pub(super) fn select<'a>(
        &'a self,
        live: &'a LiveResources,
    ) -> Result<(Vec<&'a ResourceId>, Vec<&'a NewFile>), NoMatch> {
        select(&self.selection, &self.contents, &self.bases, live)
    }

    /// The selected files, as far as is known without asking the tenant: the ids of some, and those that have none.
    ///
    /// # Errors
    /// A selector matches nothing.
    pub(super) fn pick(&self) -> Result<(Vec<&ResourceId>, Vec<&NewFile>), NoMatch> {
        let files = self.known_names();
        let files = files.map(|(names, id)| (names, Target::Resource(id)));
        let new = names_of_new_files(&self.contents);
        Ok(split(self.selection.pick(files.chain(new))?))
    }

    /// What the selected files without an id describe. `live` is all that the tenant has; None where that was not read.
    pub(super) fn new_resources(
        &self,
        selected: &[&NewFile],
        live: Option<&LiveResources>,
    ) -> Vec<New> {
        let mut new = create::new_resources(&self.contents, live.map(|live| &**live));
        new.retain(|new| selected.iter().any(|file| file.file.file == new.file));
        new
    }

    /// Refuses values of files without an id that the API does not take.
    ///
    /// # Errors
    /// Names the place of each in its file.
    pub(super) fn check_new(&self, selected: &[&NewFile]) -> Result<(), FilesError> {
        let refused = selected.iter().flat_map(|new| {
            let said = new.file.fields.iter().filter(|(_, value)| !value.is_null());
            let fields = said.filter_map(|(name, _)| new.kind.field(name));
            fields.filter_map(|field| {
                let problem = new.file.invalid(field, None)?;
                let path = self.directory.path().join(&new.file.file);
                Some(FilesError::content(path, problem))
            })
        });
        FilesError::all(refused.collect()).map_or(Ok(()), Err)
    }

    /// Refuses values of the selected files that differ from base and that the API does not take, before anything is asked. A
    /// value that the tenant had already is never in the way. Answers the values that are valid.
    ///
    /// # Errors
    /// Names the place of each in its file.
    pub(super) fn check_edits(&self) -> Result<Checked, FilesError> {
        let files = self.contents.resources.iter();
        let selected =
            files.filter(|(id, file)| self.selection.touches(&known_names(id, file, &self.bases)));
        let edited = selected.flat_map(|(id, file)| {
            let edited = move |field: &Field| {
                let local = field.of(&file.fields);
                let base = self.bases.of(id);
                base.zip(local)
                    .is_some_and(|(base, local)| base.differs(*field, local))
            };
            self.managed()
                .fields(id.kind())
                .filter(edited)
                .map(move |field| {
                    let base = self.bases.of(id).and_then(|base| base.last(field));
                    (id, file, field, base)
                })
        });
        self.check(edited, &Checked::new())
    }

    /// The same for a plan: without a base, only live shows whether a value would be sent. What was `checked` is
    /// not checked again.
    ///
    /// # Errors
    /// As [`Workspace::check_edits`].
    pub(super) fn check_plan(
        &self,
        plan: &Plan,
        live: &LiveResources,
        checked: &Checked,
    ) -> Result<(), FilesError> {
        let due = plan.resources.iter().flat_map(|resource| {
            let file = self.contents.resources.get(&resource.id);
            let fields = resource.fields.iter();
            let due =
                fields.filter(|field| matches!(field.change, Change::Edit | Change::Conflict));
            let due = due.filter_map(|field| Some(field.field.key()?.field));
            // Several keys may be of one field.
            let due: BTreeSet<Field> = due.collect();
            due.into_iter().filter_map(move |field| {
                let live = live.get(&resource.id);
                let there = live.and_then(|live| field.of(live.fields()));
                Some((&resource.id, file?, field, there))
            })
        });
        self.check(due, checked).map(drop)
    }

    fn check<'a>(
        &self,
        values: impl Iterator<Item = (&'a ResourceId, &'a ResourceFile, Field, Option<&'a Value>)>,
        before: &Checked,
    ) -> Result<Checked, FilesError> {
        let mut checked = Checked::new();
        let mut refused = Vec::new();
        for (id, file, field, there) in values {
            let value = (id.clone(), field);
            if before.contains(&value) {
                continue;
            }
            match file.invalid(field, there) {
                Some(problem) => {
                    let path = self.directory.path().join(&file.file);
                    refused.push(FilesError::content(path, problem));
                }
                None => {
                    checked.insert(value);
                }
            }
        }
        FilesError::all(refused).map_or(Ok(checked), Err)
    }

    /// Says of each conflict whose live value the file had at an earlier commit which one that was: an apply of it failed, or never
    /// ran.
    pub(super) fn note_earlier(&self, plan: &Plan, terminal: &Terminal) {
        let conflicts = plan.resources.iter().map(|resource| {
            let conflicts = resource.changed(Change::Conflict);
            let live =
                conflicts.filter_map(|field| Some((field.field.key()?, field.live.as_ref())));
            (resource, live.collect::<Vec<_>>())
        });
        let conflicts = conflicts.filter(|(_, live)| !live.is_empty());
        for (resource, live) in conflicts.take(EARLIER) {
            // The note is an extra: where git fails, the result stands without it.
            let earlier = self
                .bases
                .earlier(&resource.id, resource.file.as_deref(), &live);
            if let Ok(Some(commit)) = earlier {
                let commit = commit.short();
                terminal.note(&format!(
                    "{}: the tenant has what the file said at {commit}: if an apply since then failed or never ran, \
                     --base {commit} makes it good",
                    resource.label()
                ));
            }
        }
    }
}

/// The history is searched for so many conflicts at most. Where one failed apply caused many, a few show it.
const EARLIER: usize = 20;

/// How much of each live resource was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    /// Every field but secrets.
    Whole,
    /// The managed fields.
    Managed,
}

impl Read {
    /// The fields to ask for.
    pub(super) fn fields(self, managed: &Managed) -> impl Fn(&'static Kind) -> Fields {
        move |kind| match self {
            Read::Whole => Fields::All,
            Read::Managed => Fields::Only(managed.fields(kind).map(Field::name).collect()),
        }
    }

    /// Whether every field of the resources of a kind was read.
    pub(super) fn is_whole(self, kind: &Kind) -> bool {
        self == Read::Whole || !kind.selects_fields()
    }

    /// One of them, as a plan takes it.
    pub(super) fn live(self, live: Option<&Resource>) -> Live<'_> {
        match live {
            None => Live::Gone,
            Some(live) if self.is_whole(live.id().kind()) => Live::Whole(live),
            Some(live) => Live::Managed(live),
        }
    }
}

/// Refuses a choice of fields that push does not send `at` a place: here, or in a tenant.
///
/// # Errors
/// Names the first of them.
pub(super) fn check_fields(names: &[String], managed: &Managed, at: &str) -> Result<()> {
    let is_managed = |name: &str| {
        let mut fields = managed.kinds().flat_map(|kind| managed.fields(kind));
        fields.any(|field| field.name() == name)
    };
    let Some(asked) = names.iter().find(|name| !is_managed(name)) else {
        return Ok(());
    };
    let kind = KINDS.iter().find(|kind| kind.field(asked).is_some());
    let (kind, name) = match kind {
        // Of several kinds with one name, the list names the parts.
        Some(kind) => (
            kind.name,
            kind.only()
                .filter(|part| *part != kind.name)
                .unwrap_or(asked),
        ),
        None => ("clients", asked.as_str()),
    };
    Err(Usage::error(
        format!("`{asked}` is not managed {at}"),
        format!(
            "`manage: {{{kind}: [{name}]}}` in {} has push send it",
            files::PROJECT_FILE
        ),
    ))
}

/// Compares the files, bases and live resources of these ids.
pub(super) fn plan<'a>(
    tenant: Tenant,
    managed: &Managed,
    (contents, bases): (&Contents, &Bases),
    ids: impl IntoIterator<Item = &'a ResourceId>,
    (live, read): (&LiveResources, Read),
) -> Plan {
    let sides = ids.into_iter().map(|id| {
        let file = contents.resources.get(id);
        Sides {
            id,
            local: file.map(|file| (file.file.as_str(), file.fields.as_ref())),
            base: bases.of(id),
            live: read.live(live.get(id)),
        }
    });
    let mut plan = Plan::new(tenant, bases.from(), managed, sides);
    // What the tenant has, was named when it was read.
    let names = names_in(live, &contents.resources);
    for resource in &mut plan.resources {
        if resource.state == State::FileOnly
            && let Some(file) = contents.resources.get(&resource.id)
        {
            resource.name = name_in_file(&resource.id, &file.fields, &names);
        }
    }
    plan
}

/// Reads a tenant directory for a command about these resources. A problem in any other file is only a warning.
///
/// # Errors
/// Something is wrong with the lock, or with a file that the command is about.
pub(super) fn read(
    directory: &TenantDirectory,
    selection: &Selection,
    terminal: &Terminal,
) -> Result<Contents> {
    let (mut contents, errors) = directory.read_what_can_be()?;
    let is_touched = |path: &&Path| {
        let Ok(file) = path.strip_prefix(directory.path()) else {
            return true;
        };
        let file = file.to_string_lossy().replace('\\', "/");
        let mut locked = contents.lock.iter().flat_map(|lock| &lock.resources);
        let locked = locked.find(|(_, locked)| locked.file == file);
        let base = locked.map(|(_, locked)| ResourceBase::certain(&locked.base, None));
        file == files::LOCK_FILE
            || selection.touches(&Names {
                kind: Kind::of_file(&file),
                id: locked.map_or("", |(id, _)| id.as_str()),
                stem: path.file_stem().and_then(|stem| stem.to_str()),
                file: Some(&file),
                live_name: base.and_then(ResourceBase::name),
                ..Names::default()
            })
    };
    let (touched, left_out): (Vec<_>, Vec<_>) = errors
        .into_iter()
        .partition(|error| error.paths().iter().any(is_touched));
    if let Some(error) = FilesError::all(touched) {
        return Err(error.into());
    }
    for error in &left_out {
        terminal.warn(&format!("{error}; this command is not about it"));
    }
    contents.left_out = left_out;
    warn_of(&contents, terminal);
    for (kind, id, file) in contents.files() {
        for (key, meant) in contents.misspelt(kind, id, file) {
            let one = kind.one();
            let file = &file.file;
            terminal.warn(&format!(
                "{file}: `{key}` is no field of {one}; did you mean `{meant}`?"
            ));
        }
    }
    Ok(contents)
}
