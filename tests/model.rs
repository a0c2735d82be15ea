//! The promise that nothing is lost, over random stories: people edit files and the dashboard, commit, revert, branch and merge,
//! tenantry pulls, diffs and pushes in between, and things go wrong. A small model says what must hold after each step; the
//! commands run against a sandbox over a real socket, in a real repository.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
#[path = "model/people.rs"]
mod people;
#[path = "model/plan.rs"]
mod plan;
#[path = "model/promise.rs"]
mod promise;
#[path = "model/repository.rs"]
mod repository;
#[path = "model/steps.rs"]
mod steps;
#[path = "model/units.rs"]
mod units;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

use common::client_file::{edit_file, exact_yaml, read};
use common::in_process::{Tenantry, apart, cases, property};
use common::{Bed, Fields, Run, Tree, text, tree};
use serde_json::{Value, json};

use people::{People, Told, View, Views};
use plan::Saved;
use promise::{Change, Command, Promise, Sides, change, entries, known};
use repository::{Popped, Repository};
use steps::{Start, Step, Trouble, git_story, setting, story, value};
use units::{
    FIELDS, PROJECT, UNITS, entry_units, field_of, live_units, means_same, same, sent_units, units,
};

const PULL: Command = Command::Pull {
    discard_local: false,
    prune: false,
};
const PUSH: Command = Command::Push {
    overwrite_drift: false,
};

/// A tenant, its directory, and what is known of how they came to be as they are.
struct World<'a> {
    tenantry: &'a Tenantry,
    bed: Bed,
    format: &'static str,
    /// The repository that the directory is in, if git is there.
    repository: Option<Repository>,
    people: People,
    /// What was there after the last commit.
    committed: Option<Tree>,
    /// The plan that was saved last; it is in a file of its own.
    saved: Option<Saved>,
    plan: tempfile::NamedTempFile,
    made: usize,
}

impl World<'_> {
    fn new(tenantry: &Tenantry, start: Start) -> World<'_> {
        let bed = Bed::new()
            .client("Global", "All Applications", json!({"global": true}))
            .start();
        let mut world = World {
            tenantry,
            format: if start.json { "json" } else { "yaml" },
            repository: start.git.then(|| Repository::new(&bed.path(""))),
            bed,
            people: People::default(),
            committed: None,
            saved: None,
            plan: tempfile::NamedTempFile::new().unwrap(),
            made: 0,
        };
        for number in 0..start.clients {
            world.create(number);
        }
        fs::create_dir(world.directory()).unwrap();
        fs::write(world.directory().join("tenantry.yaml"), PROJECT).unwrap();
        world
    }

    fn directory(&self) -> PathBuf {
        match &self.repository {
            Some(repository) => repository.tenant(),
            None => self.bed.path("tenant"),
        }
    }

    fn head(&self) -> Option<&str> {
        self.repository.as_ref()?.head()
    }

    fn tree(&self) -> Tree {
        let directory = self.directory();
        // git keeps no empty folder.
        if directory.exists() {
            tree(&directory)
        } else {
            Tree::new()
        }
    }

    /// What files, lock, git and tenant say, read without tenantry; and that there is nothing else.
    fn look(&self) -> Sides {
        let mut sides = Sides {
            files: BTreeMap::new(),
            lock: BTreeMap::new(),
            past: BTreeMap::new(),
            rev: None,
            live: self
                .bed
                .clients()
                .iter()
                .map(|(id, client)| (id.clone(), live_units(client)))
                .collect(),
        };
        for (path, (content, _)) in self.tree() {
            let content = String::from_utf8(content).unwrap();
            for secret in ["S3CR3T", "sandbox-secret-"] {
                assert!(!content.contains(secret), "a secret in {path}:\n{content}");
            }
            if path == "tenant.lock" {
                sides.lock = entries(&content);
                continue;
            }
            if path == "tenantry.yaml" {
                assert_eq!(content, PROJECT);
                continue;
            }
            assert!(
                path.starts_with("clients/") && !path.contains("/."),
                "{path} is left over"
            );
            let fields = read(&path, &content);
            let id = text(&fields["client_id"]);
            assert_ne!(id, "Global");
            let other = sides.files.insert(id.clone(), (path, units(&fields)));
            assert_eq!(other, None, "{id} has two files");
        }
        // An entry that neither a file nor the tenant has any more says nothing.
        let known: BTreeSet<String> = sides.ids().into_iter().cloned().collect();
        sides.lock.retain(|id, _| known.contains(id));
        for lock in self.repository.iter().flat_map(Repository::locks) {
            for (id, entry) in lock.iter().filter(|(id, _)| known.contains(*id)) {
                let past = sides.past.entry(id.clone()).or_default();
                if !past.contains(entry) {
                    past.push(entry.clone());
                }
            }
        }
        sides
    }

    /// The same, with the files at a commit as base.
    fn look_from(&mut self, base: Option<&str>) -> Sides {
        let mut sides = self.look();
        if let (Some(base), Some(repository)) = (base, &mut self.repository) {
            sides.rev = Some(repository.files(base).clone());
        }
        sides
    }

    /// Whether what git left behind can be worked with; else people would not have left it so.
    fn is_sane(&self) -> bool {
        let mut ids = BTreeSet::new();
        let sane = |(path, (content, _)): (String, (Vec<u8>, SystemTime))| {
            let content = String::from_utf8(content).unwrap();
            // JSON is YAML as well, and this reader takes no key twice.
            let Ok(Value::Object(fields)) = exact_yaml(&content) else {
                return false;
            };
            if path == "tenantry.yaml" {
                return true;
            }
            if path.ends_with(".lock") {
                let mut entries = fields["clients"].as_object().unwrap().values();
                let whole = |entry: &Value| {
                    ["file", "serial", "base"]
                        .iter()
                        .all(|key| entry.get(key).is_some())
                };
                return serde_json::from_str::<Value>(&content).is_ok() && entries.all(whole);
            }
            let json = !path.ends_with(".json") || serde_json::from_str::<Value>(&content).is_ok();
            json && fields
                .get("client_id")
                .is_some_and(|id| ids.insert(text(id)))
        };
        self.directory().exists() && self.tree().into_iter().all(sane)
    }

    fn create(&mut self, name: u8) -> String {
        self.made += 1;
        let number = self.made;
        self.bed.sandbox.create(json!({
            "client_id": format!("aaaaaaaa{number}"),
            "name": value("name", name),
            "client_secret": "S3CR3T",
        }))
    }

    fn run(&self, command: Command, only: Option<&str>, base: Option<&str>) -> Run {
        let mut args = match command {
            Command::Pull {
                discard_local,
                prune,
            } => {
                let mut args = vec!["pull", "-o", "json", "--format", self.format];
                args.extend(discard_local.then_some("--discard-local"));
                args.extend(prune.then_some("--prune"));
                args
            }
            Command::Diff => vec!["diff", "-o", "json"],
            Command::Push { overwrite_drift } => {
                let mut args = vec!["push", "--yes", "-o", "json"];
                args.extend(overwrite_drift.then_some("--overwrite-drift"));
                args
            }
            Command::Apply => {
                let plan = self.plan.path().to_str().unwrap();
                vec!["push", "--yes", "-o", "json", "--plan", plan]
            }
        };
        args.extend(base.into_iter().flat_map(|base| ["--base", base]));
        args.extend(only);
        self.tenantry.run(&self.bed, &self.directory(), &args)
    }

    /// The client of that number among those with a file, and its file.
    fn file(&self, number: u8) -> Option<(String, PathBuf, Fields)> {
        let files = self.look().files;
        let at = usize::from(number) % files.len().max(1);
        let (id, (path, fields)) = files.into_iter().nth(at)?;
        Some((id, self.directory().join(path), fields))
    }

    /// The client of that number on the tenant.
    fn client(&self, number: u8) -> Option<(String, Fields)> {
        let clients = self.bed.clients();
        let at = usize::from(number) % clients.len().max(1);
        clients.into_iter().nth(at)
    }

    fn write(
        &mut self,
        client: u8,
        field: &str,
        value: impl FnOnce(&str) -> Option<Value>,
        style: u8,
    ) {
        if let Some((id, path, _)) = self.file(client) {
            edit_file(&path, field, value(&id).as_ref(), style);
        }
    }

    fn step(&mut self, step: &Step) {
        let managed_field = |number: u8| FIELDS[usize::from(number) % FIELDS.len()];
        match *step {
            Step::Write {
                client,
                field,
                value: number,
                style,
            } => {
                let field = managed_field(field);
                self.write(client, field, |_| Some(value(field, number)), style);
            }
            Step::Leave { client, field } => self.write(client, managed_field(field), |_| None, 0),
            Step::Match {
                client,
                field,
                style,
            } => {
                let field = managed_field(field);
                let clients = self.bed.clients();
                let says = |id: &str| clients.get(id)?.get(field).cloned();
                self.write(client, field, says, style);
            }
            Step::Comment { client } => {
                self.made += 1;
                if let Some((_, path, _)) = self.file(client)
                    && path.extension().unwrap() == "yaml"
                {
                    let content = fs::read_to_string(&path).unwrap();
                    fs::write(&path, format!("# note {}\n{content}", self.made)).unwrap();
                }
            }
            Step::Rename { client } => {
                self.made += 1;
                if let Some((_, path, _)) = self.file(client) {
                    let name = format!(
                        "Moved {}.{}",
                        self.made,
                        path.extension().unwrap().to_str().unwrap()
                    );
                    fs::rename(&path, path.with_file_name(name)).unwrap();
                }
            }
            Step::Remove { client } => {
                if let Some((_, path, _)) = self.file(client) {
                    fs::remove_file(path).unwrap();
                }
            }
            Step::ByHand {
                client,
                fields,
                value: number,
                json,
            } => {
                let files = self.look().files;
                let mut without = self.bed.clients();
                without.retain(|id, _| !files.contains_key(id));
                let id = without
                    .keys()
                    .nth(usize::from(client) % without.len().max(1));
                let id = id.cloned().unwrap_or_else(|| self.create(number));
                self.by_hand(&id, fields, number, json);
            }
            Step::Commit
            | Step::Revert { .. }
            | Step::Branch { .. }
            | Step::Switch { .. }
            | Step::Merge { .. }
            | Step::Stash
            | Step::Pop { .. }
            | Step::Clone { .. }
            | Step::Reset { .. }
            | Step::Over { .. } => self.git(step),
            Step::Dashboard {
                client,
                field,
                value: number,
            } => {
                let field = managed_field(field);
                if let Some((id, _)) = self.client(client)
                    && (number < 4 || field != "name")
                {
                    let value = (number < 4).then(|| value(field, number));
                    self.bed
                        .sandbox
                        .edit(&id, field, value.filter(|value| !value.is_null()));
                }
            }
            Step::Back { client, field } => {
                let field = managed_field(field);
                if let Some((id, _)) = self.client(client)
                    && let Some(entry) = self.look().lock.get(&id)
                {
                    let keys = UNITS
                        .iter()
                        .filter(|unit| field_of(unit) == field && **unit != field);
                    let keys: Vec<&str> = keys.copied().collect();
                    let base = match keys.as_slice() {
                        [] => entry.base.get(field).cloned(),
                        keys => keys
                            .iter()
                            .all(|key| entry.base.contains_key(*key))
                            .then(|| {
                                let there = keys.iter().filter_map(|unit| {
                                    let value = entry.base[*unit]
                                        .clone()
                                        .filter(|value| !value.is_null())?;
                                    Some((unit.rsplit('.').next().unwrap().to_owned(), value))
                                });
                                let there: Fields = there.collect();
                                (!there.is_empty()).then_some(Value::Object(there))
                            }),
                    };
                    if let Some(base) = base {
                        self.bed
                            .sandbox
                            .edit(&id, field, base.filter(|base| !base.is_null()));
                    }
                }
            }
            Step::Settings {
                client,
                field,
                value,
            } => {
                if let Some((id, _)) = self.client(client) {
                    let (field, value) = setting(field, value);
                    self.bed.sandbox.edit(&id, field, value);
                }
            }
            Step::Create { name } => {
                self.create(name);
            }
            Step::Delete { client } => {
                if let Some((id, _)) = self.client(client) {
                    assert!(self.bed.sandbox.delete(&id));
                }
            }
            Step::Save { base } => self.save(base),
            Step::Undo => self.undone(),
            // There is no plan yet.
            Step::Run { command, .. } | Step::Killed { command, .. }
                if command == Command::Apply && self.saved.is_none() => {}
            Step::Run {
                command,
                only,
                base,
                ref fault,
            } => {
                // A push knows the clients that have a file, and no others; that of a plan those of the plan.
                let only = only.and_then(|number| match command {
                    Command::Push { .. } => Some(self.file(number)?.0),
                    Command::Apply => self.saved.as_ref()?.client(number),
                    _ => Some(self.client(number)?.0),
                });
                let base = self.commit_back(base);
                self.told(command, only.as_deref(), base.as_deref(), fault.as_ref());
            }
            Step::Killed { command, written } => self.killed(command, written),
        }
    }

    /// The commit that is so many before HEAD.
    fn commit_back(&self, back: Option<u8>) -> Option<String> {
        self.repository.as_ref()?.back(back?)
    }

    /// A step with git; nothing where git is not there.
    fn git(&mut self, step: &Step) {
        use Step::*;
        if let Revert { commit: true, .. }
        | Branch { commit: true, .. }
        | Switch { commit: true, .. }
        | Merge { commit: true, .. }
        | Pop { commit: true, .. }
        | Clone { commit: true }
        | Reset { commit: true, .. }
        | Over { commit: true, .. } = step
        {
            self.git(&Commit);
        }
        let tree = self.tree();
        let last = self.committed.take();
        if matches!(step, Commit) {
            self.committed = Some(tree.clone());
            if last.as_ref() == Some(&tree) {
                return;
            }
        }
        let Some(repository) = &mut self.repository else {
            return;
        };
        let people = &mut self.people;
        let before = repository.head().map(str::to_owned);
        let back = |back: u8| repository.back(back);
        // What was done, in a repository that is not empty; what it made new commits of, if it did.
        let done = match (step, &before) {
            (Commit, _) => {
                self.made += 1;
                repository
                    .commit(self.made)
                    .then(|| Vec::from_iter(before.clone()))
            }
            (_, None) => None,
            (Revert { back: n, range, .. }, Some(head)) => {
                let commit = back(*n).unwrap();
                // Without the first commit there is nothing to tell about.
                if repository.past().last() == Some(&commit) {
                    return;
                }
                repository
                    .revert(&commit, *range)
                    .then(|| vec![head.clone()])
            }
            (Branch { back: n, .. }, Some(_)) => {
                let commit = back(*n).unwrap();
                repository.branch(&commit).then(Vec::new)
            }
            (Switch { branch, .. }, Some(_)) => repository.switch(*branch).then(Vec::new),
            (Merge { branch, settle, .. }, Some(head)) => {
                let other = repository.merge(*branch, *settle);
                other.map(|other| vec![head.clone(), other])
            }
            (Stash, Some(_)) => {
                self.made += 1;
                if repository.stash(self.made) {
                    people.stashed();
                }
                Some(Vec::new())
            }
            (Pop { theirs, .. }, Some(_)) => {
                if !people.has_stash() {
                    return;
                }
                match repository.pop(*theirs) {
                    Popped::Taken => people.popped(true),
                    Popped::Dropped => {
                        people.popped(false);
                        people.forget_uncommitted();
                    }
                    // git may have taken a part of it.
                    Popped::Refused if self.tree() != tree => self.undo(),
                    Popped::Refused => {}
                }
                Some(Vec::new())
            }
            (Clone { .. }, Some(_)) => {
                repository.clone_anew();
                people.cloned();
                Some(Vec::new())
            }
            (Reset { back: n, .. }, Some(_)) => {
                let commit = back(*n).unwrap();
                repository.reset(&commit);
                people.forget_uncommitted();
                Some(Vec::new())
            }
            (Over { back: n, .. }, Some(_)) => {
                let commit = back(*n).unwrap();
                let done = repository.over(&commit);
                if done {
                    people.forget_uncommitted();
                }
                done.then(Vec::new)
            }
            _ => panic!("{step:?} is no step with git"),
        };
        let Some(on) = done else {
            // What git gave up may be there in part.
            if contents(self.tree()) != contents(tree) {
                self.undo();
            }
            return;
        };
        self.learn(&on, matches!(step, Commit));
        if !self.is_sane() {
            self.undo();
            if !self.is_sane() {
                let head = before.unwrap();
                self.repository.as_mut().unwrap().reset(&head);
            }
        }
    }

    /// What people know by the commits that are new, which were made on top of others.
    fn learn(&mut self, on: &[String], of_the_working_tree: bool) {
        let Some(repository) = &self.repository else {
            return;
        };
        for commit in repository.past() {
            if !self.people.is_known(commit) {
                self.people.committed(commit, on, of_the_working_tree);
            }
        }
    }

    /// Forgets what is not committed.
    fn undo(&mut self) {
        if let Some(repository) = &mut self.repository {
            repository.undo();
            self.people.forget_uncommitted();
        }
    }

    fn by_hand(&mut self, id: &str, fields: u8, number: u8, json: bool) {
        self.made += 1;
        let mut by_hand = Fields::from_iter([("client_id".to_owned(), json!(id))]);
        for (bit, field) in FIELDS.iter().enumerate() {
            if fields & (1 << bit) != 0 {
                by_hand.insert((*field).to_owned(), value(field, number));
            }
        }
        // Where somebody knows what the tenant said, this would be an edit that nobody sends.
        let is_known = !self.look().counting(id).is_empty();
        if fields & (1 << FIELDS.len()) != 0 && !is_known {
            by_hand.insert("app_type".to_owned(), json!("native"));
        }
        let folder = self.directory().join("clients");
        fs::create_dir_all(&folder).unwrap();
        let (extension, content) = if json {
            ("json", Value::Object(by_hand).to_string())
        } else {
            let lines = by_hand
                .iter()
                .map(|(field, value)| format!("{field}: {value}\n"));
            ("yaml", lines.collect())
        };
        let path = folder.join(format!("by-hand-{}.{extension}", self.made));
        fs::write(path, content).unwrap();
    }

    /// Saves the plan as it is now.
    fn save(&mut self, base: Option<u8>) {
        let base = self.commit_back(base);
        self.told(Command::Diff, None, base.as_deref(), None);
        let run = self.run(Command::Diff, None, base.as_deref());
        let document = run.json();
        fs::write(self.plan.path(), &run.stdout).unwrap();
        self.saved = Some(Saved::new(&document));
    }

    fn promise(&self, before: &Sides, command: Command, only: Option<&str>) -> Promise {
        match (command, &self.saved) {
            (Command::Apply, Some(saved)) => saved.applied(before, only),
            _ => before.after(command, only),
        }
    }

    /// Gives a command, and holds what comes of it against the promise.
    fn told(
        &mut self,
        command: Command,
        only: Option<&str>,
        base: Option<&str>,
        trouble: Option<&Trouble>,
    ) {
        let (before, files) = (self.look_from(base), self.tree());
        let views = self.views(&before);
        let promise = self.promise(&before, command, only);
        self.bed.sandbox.clear_requests();
        self.bed.sandbox.set_faults(trouble.map(Trouble::rule));
        let run = self.run(command, only, base);
        self.bed.sandbox.set_faults([]);
        let after = self.look_from(base);
        self.files_arrive(command, &before, &after);
        self.only_what_changes_is_written(&before, &after, &files);
        self.notes_stay(&after, &files);
        match command {
            Command::Push { .. } | Command::Apply => {
                assert_eq!(before.files, after.files, "{command:?} is not about files");
            }
            Command::Pull { .. } | Command::Diff => {
                self.bed.assert_only_gets();
            }
        }
        if run.code == 2 {
            let may_fail = trouble.is_some_and(|trouble| !trouble.passes());
            assert!(may_fail, "{command:?} failed: {run:?}");
            half_way(command, &before, &promise.sides, &after);
            self.remember(&before, &after, &views, None);
            if trouble.is_some_and(|trouble| trouble.again) {
                self.told(command, only, base, None);
                let end = self.look_from(base);
                assert_eq!(end.live, promise.sides.live, "not done by the next run");
                for (id, entry) in &promise.sides.lock {
                    let found = end.lock.get(id).map(|entry| &entry.base);
                    assert_eq!(found, Some(&entry.base), "not done by the next run");
                }
                assert!(
                    same_files(&end, &promise.sides),
                    "not done by the next run: {end:#?}"
                );
            }
            return;
        }
        self.kept(command, only, &promise, &after, &run, &before);
        if base.is_none() {
            relied_on(command, &views, &before, &after, &run, only);
        }
        let about = match command {
            _ if base.is_some() => BTreeSet::new(),
            Command::Pull { .. } => after.ids(),
            Command::Push { overwrite_drift } => self.pushed(&before, overwrite_drift),
            Command::Apply => before.ids(),
            Command::Diff => BTreeSet::new(),
        };
        let about = about
            .into_iter()
            .filter(|id| !promise.refused && only.is_none_or(|only| only == *id));
        let about = match (command, &self.saved) {
            (Command::Apply, Some(saved)) => about.filter(|id| saved.has(id)).collect(),
            _ => about.collect(),
        };
        self.remember(&before, &after, &views, Some(&about));
        if trouble.is_none() {
            let mut sent = BTreeMap::new();
            for (id, body) in self.bed.patches() {
                let body = sent_units(body.as_object().unwrap());
                assert_eq!(sent.insert(id.clone(), body), None, "{id} was sent twice");
            }
            assert_eq!(sent, promise.patches, "not what was to be sent");
        }
    }

    /// What happened to each field that file and tenant have, as people see it.
    fn views(&self, sides: &Sides) -> Views {
        let head = self.head();
        let both = sides.files.keys().filter(|id| sides.live.contains_key(*id));
        let views = both.flat_map(|id| {
            UNITS.map(|field| {
                (
                    (id.clone(), field),
                    self.people.view(sides, head, id, field),
                )
            })
        });
        views.collect()
    }

    /// The clients that a push is about, as people see it: those with something in the file that is not what both sides last said.
    fn pushed<'a>(&self, before: &'a Sides, overwrite_drift: bool) -> BTreeSet<&'a String> {
        let edited = |(id, (_, local)): &(&String, &(String, Fields))| {
            let mut fields = UNITS.iter().filter(|field| local.contains_key(**field));
            fields.any(|field| {
                let said = self.people.said(self.head(), id, field);
                said.is_none_or(|said| !same(said, local.get(*field)))
            })
        };
        let files = before
            .files
            .iter()
            .filter(|file| overwrite_drift || edited(file));
        files.map(|(id, _)| id).collect()
    }

    /// What came into step by a command that was about these clients, and by all that it wrote into the lock; None is one that
    /// failed, and of which nothing else is known. A command with `--base` leaves nothing to be remembered.
    fn remember(
        &mut self,
        before: &Sides,
        after: &Sides,
        views: &Views,
        about: Option<&BTreeSet<&String>>,
    ) {
        if before.rev.is_some() {
            return;
        }
        let told = Told {
            before,
            after,
            views,
            failed: about.is_none(),
        };
        let written = after.ids().into_iter().filter(|id| told.wrote(id));
        let about = about
            .into_iter()
            .flatten()
            .copied()
            .chain(written)
            .collect();
        let head = self.repository.as_ref().and_then(Repository::head);
        self.people.came_into_step(head, &told, &about);
    }

    /// What holds of a command that did not fail.
    fn kept(
        &self,
        command: Command,
        only: Option<&str>,
        promise: &Promise,
        after: &Sides,
        run: &Run,
        before: &Sides,
    ) {
        let sides = &promise.sides;
        let code = match command {
            Command::Push { .. } | Command::Apply => promise.code.max(unsent_told(run, before)),
            _ => promise.code,
        };
        assert_eq!(run.code, code, "{command:?}: {run:?}");
        assert_eq!(after.live, sides.live, "the tenant after {command:?}");
        let mut lock = after.lock.clone();
        for (id, entry) in &mut lock {
            // A client that is new here may have been known to another branch, and then it may begin with a later serial.
            if let (true, Some(promised)) = (before.counting(id).is_empty(), sides.lock.get(id)) {
                entry.serial = entry.serial.min(promised.serial);
            }
        }
        assert_eq!(lock, sides.lock, "the lock after {command:?}");
        assert!(
            same_files(after, sides),
            "{command:?}: {:#?} is not {:#?}",
            after.files,
            sides.files
        );
        let ids: Vec<&String> = after
            .ids()
            .into_iter()
            .filter(|id| only.is_none_or(|only| only == *id))
            .collect();
        match command {
            Command::Diff => says(&run.json(), before, &ids),
            Command::Pull { discard_local, .. } => {
                // With `--base`, what came in differs from base from then on.
                let still = if before.rev.is_none() {
                    after.plan(&ids)
                } else {
                    BTreeMap::new()
                };
                for (id, (state, fields)) in still {
                    assert_ne!(state, "live-only", "{id} has no file");
                    let decided = |change| change == "edit" || change == "conflict";
                    let left = fields
                        .iter()
                        .all(|(_, change)| decided(*change) && !discard_local);
                    assert!(left, "{id} still differs after {command:?}: {fields:?}");
                }
                reports(&run.json(), before, after, &ids, discard_local);
            }
            Command::Push { .. } | Command::Apply => {
                let again = self.promise(after, command, only);
                assert_eq!(
                    again.patches,
                    BTreeMap::new(),
                    "a second push sends something"
                );
                let updated = &run.json()["summary"]["updated"];
                assert_eq!(*updated, json!(promise.patches.len()), "{run:?}");
            }
        }
    }

    /// The tenant changes in updatable fields, to what the file says, and in nothing else.
    fn files_arrive(&self, command: Command, before: &Sides, after: &Sides) {
        for (id, was) in &before.live {
            let is = &after.live[id];
            let names: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
            let changed = |field: &&String| !means_same(field, was.get(*field), is.get(*field));
            for field in names.into_iter().filter(changed) {
                assert!(UNITS.contains(&field.as_str()), "{field} of {id} changed");
                let is = is.get(field);
                let file = before.files[id].1.get(field);
                assert!(
                    file.is_some() && same(is, file),
                    "{field} of {id} is not the file's"
                );
                if let (Command::Apply, Some(saved)) = (command, &self.saved) {
                    let edit = saved.edit(id, field);
                    assert!(
                        edit.is_some() && same(is, edit),
                        "{field} of {id} is not the plan's"
                    );
                }
            }
        }
        assert_eq!(before.live.len(), after.live.len());
    }

    /// A file whose content stays is not written, and a file stays where it is.
    fn only_what_changes_is_written(&self, before: &Sides, after: &Sides, files: &Tree) {
        let now = self.tree();
        for (id, (path, fields)) in &before.files {
            let Some((new_path, new_fields)) = after.files.get(id) else {
                continue;
            };
            assert_eq!(path, new_path, "the file of {id} was moved");
            if fields == new_fields {
                assert_eq!(files[path], now[path], "{path} was written for nothing");
            }
        }
        if let (Some(old), Some(new)) = (files.get("tenant.lock"), now.get("tenant.lock"))
            && old.0 == new.0
        {
            assert_eq!(old, new, "the lock was written for nothing");
        }
    }

    fn notes_stay(&self, after: &Sides, files: &Tree) {
        let notes = |content: &[u8]| -> Vec<String> {
            let text = String::from_utf8_lossy(content).into_owned();
            let notes = text.lines().filter(|line| line.starts_with("# note"));
            notes.map(str::to_owned).collect()
        };
        let now = self.tree();
        for (path, _) in after.files.values() {
            if let Some((old, _)) = files.get(path) {
                let new = String::from_utf8_lossy(&now[path].0).into_owned();
                assert_eq!(
                    notes(old),
                    notes(&now[path].0),
                    "a comment of {path} is gone:\n{new}"
                );
            }
        }
    }

    /// A push that nobody interferes with is undone: the tenant is as it was before, but for what is held back, and the files say so. An
    /// undo of the undo is the push again.
    fn undone(&mut self) {
        let before = self.look();
        self.told(PUSH, None, None, None);
        let (pushed, files) = (self.look(), self.tree());
        let sent: BTreeMap<String, Fields> = self
            .bed
            .patches()
            .into_iter()
            .map(|(id, body)| (id, sent_units(body.as_object().unwrap())))
            .collect();
        if sent.is_empty() {
            return;
        }
        let undo = || {
            let directory = self.directory();
            self.tenantry
                .run(&self.bed, &directory, &["undo", "--yes", "-o", "json"])
        };
        let run = undo();
        assert!(run.code <= 1, "{run:?}");
        let record = self.directory().join(".tenantry/last-push.jsonl");
        assert!(!fs::read_to_string(record).unwrap().contains("S3CR3T"));
        let results = run.json()["results"].as_array().unwrap().clone();
        let held = results
            .iter()
            .filter(|result| result["status"] == "held_back");
        let held: BTreeSet<(String, String)> = held
            .flat_map(|result| {
                let fields = result["fields"].as_array().unwrap().iter();
                fields.flat_map(|field| {
                    let units = entry_units(&text(&field["field"]), field["key"].as_str());
                    units.into_iter().map(|unit| (text(&result["id"]), unit))
                })
            })
            .collect();
        assert_eq!(run.code, i32::from(!held.is_empty()), "{run:?}");
        // Only this one has no value that takes it away without opening access.
        assert!(
            held.iter().all(|(_, unit)| unit == "allowed_clients"),
            "{run:?}"
        );
        let undone = self.look();
        self.notes_stay(&undone, &files);
        for (id, live) in &undone.live {
            let Some((_, file)) = undone.files.get(id) else {
                assert_eq!(live, &pushed.live[id], "{id} is in no file");
                continue;
            };
            let base = undone.base(id);
            for unit in UNITS {
                let is_sent = sent.get(id).is_some_and(|sent| sent.contains_key(unit));
                let (now, then) = match is_sent && !held.contains(&(id.clone(), unit.to_owned())) {
                    true => (live.get(unit), before.live[id].get(unit)),
                    false => (live.get(unit), pushed.live[id].get(unit)),
                };
                let is_cleared =
                    then.is_none() && now.is_some_and(|now| *now == "" || *now == json!([]));
                assert!(
                    same(now, then) || is_cleared,
                    "{unit} of {id}: {now:?}, {then:?}"
                );
                if is_sent && !held.contains(&(id.clone(), unit.to_owned())) {
                    let says = file.get(unit);
                    assert!(
                        same(says, then),
                        "{unit} in the file of {id}: {says:?}, {then:?}"
                    );
                    let change = change(base.as_ref(), file, live, unit);
                    assert!(
                        matches!(change, Change::None | Change::Left),
                        "{unit} of {id} is {change:?}"
                    );
                }
            }
        }
        // Where nothing could be taken back, the push is still the last one.
        let is_as_pushed = results.iter().all(|result| result["status"] == "held_back");
        let run = undo();
        assert_eq!(
            run.code,
            i32::from(is_as_pushed && !held.is_empty()),
            "{run:?}"
        );
        let again = self.look();
        self.notes_stay(&again, &files);
        for (id, live) in &again.live {
            for unit in UNITS {
                let then = pushed.live[id].get(unit);
                assert!(same(live.get(unit), then), "{unit} of {id}");
            }
            let entry = |sides: &Sides| sides.lock.get(id).map(|entry| entry.base.clone());
            assert_eq!(entry(&again), entry(&pushed), "{id} in the lock");
        }
        assert!(
            same_files(&again, &pushed),
            "{:#?} is not {:#?}",
            again.files,
            pushed.files
        );
    }

    /// Runs a command, and then makes the disk be as if it had been killed before it wrote the lock.
    fn killed(&mut self, command: Command, written: u8) {
        let (before, files) = (self.look(), self.tree());
        self.run(command, None, None);
        let now = self.tree();
        let paths: BTreeSet<&String> = files.keys().chain(now.keys()).collect();
        let changed = paths
            .into_iter()
            .filter(|path| *path != "tenant.lock" && files.get(*path) != now.get(*path))
            .skip(usize::from(written));
        for path in changed.chain([&"tenant.lock".to_owned()]) {
            let at = self.directory().join(path);
            match files.get(path) {
                Some((content, _)) => fs::write(at, content).unwrap(),
                None => {
                    let _ = fs::remove_file(at);
                }
            }
        }
        let after = self.look();
        self.files_arrive(command, &before, &after);
        let promise = self.promise(&before, command, None);
        half_way(command, &before, &promise.sides, &after);
    }

    /// However the story went, this is how it ends.
    fn end(&mut self) {
        self.told(PULL, None, None, None);
        self.told(PULL, None, None, None);
        self.told(PUSH, None, None, None);
        self.told(PUSH, None, None, None);
        self.told(
            Command::Push {
                overwrite_drift: true,
            },
            None,
            None,
            None,
        );
        self.told(PULL, None, None, None);
        let sides = self.look();
        for (id, (_, local)) in &sides.files {
            let Some(live) = sides.live.get(id) else {
                continue;
            };
            for field in UNITS {
                let change = change(sides.base(id).as_ref(), local, live, field);
                // A file that lacks a field has nothing to decide a conflict with.
                let undecided = change == Change::Conflict && !local.contains_key(field);
                assert!(
                    matches!(change, Change::None | Change::Left) || undecided,
                    "{field} of {id} is still {change:?}"
                );
            }
        }
        self.told(
            Command::Pull {
                discard_local: true,
                prune: true,
            },
            None,
            None,
            None,
        );
        let sides = self.look();
        for (id, live) in &sides.live {
            assert_eq!(sides.files[id].1, *live);
            assert_eq!(sides.base(id), Some(known(live)));
        }
        self.told(Command::Diff, None, None, None);
    }
}

/// What is in each file.
fn contents(tree: Tree) -> BTreeMap<String, Vec<u8>> {
    let files = tree.into_iter();
    files.map(|(path, (content, _))| (path, content)).collect()
}

/// Whether the files say the same; a new one may have any name.
fn same_files(found: &Sides, promised: &Sides) -> bool {
    found.files.len() == promised.files.len()
        && found.files.iter().all(|(id, (path, fields))| {
            promised.files.get(id).is_some_and(|(promised, expected)| {
                fields == expected && (promised.is_empty() || promised == path)
            })
        })
}

/// What holds of a command that failed or was killed: each thing is as it was or as it was to be, and the lock never runs
/// ahead of what it is about.
fn half_way(command: Command, before: &Sides, promised: &Sides, after: &Sides) {
    for id in after.ids() {
        let file = |sides: &Sides| sides.files.get(id).map(|(_, fields)| fields.clone());
        let found = file(after);
        assert!(
            found == file(before) || found == file(promised),
            "{id} is half written: {found:#?}"
        );
        let live =
            |sides: &Sides, field: &str| sides.live.get(id).map(|live| live.get(field).cloned());
        let base = |sides: &Sides, field: &str| {
            sides.lock.get(id).map(|lock| lock.base.get(field).cloned())
        };
        for field in UNITS {
            let (was, will) = (live(before, field), live(promised, field));
            let is = live(after, field);
            assert!(is == was || is == will, "{field} of {id} on the tenant");
            let moved = base(after, field) != base(before, field);
            let target = base(after, field) == base(promised, field);
            assert!(!moved || target, "{field} of {id} in the lock");
            if moved {
                let done = is == will && found == file(promised);
                assert!(done, "the lock runs ahead in {field} of {id}: {command:?}");
            }
        }
    }
    for id in before.files.keys() {
        let gone = !after.files.contains_key(id);
        assert!(
            !gone || !promised.files.contains_key(id),
            "the file of {id} is lost"
        );
    }
}

/// That a plan says what is to be said, with the values.
fn says(document: &Value, sides: &Sides, ids: &[&String]) {
    let plan = sides.plan(ids);
    let mut said = BTreeMap::new();
    for client in document["resources"].as_array().unwrap() {
        let id = text(&client["id"]);
        let base = sides.base(&id);
        let mut fields = Vec::new();
        for entry in client["fields"].as_array().unwrap() {
            let (field, kind) = (text(&entry["field"]), text(&entry["change"]));
            let key = entry["key"].as_str();
            for unit in entry_units(&field, key) {
                let said = |side: &str| match (entry.get(side), key) {
                    (value, Some(_)) => value.cloned(),
                    (Some(value), None) => {
                        let whole = units(&Fields::from_iter([(field.clone(), value.clone())]));
                        whole.get(&unit).cloned()
                    }
                    (None, None) => None,
                };
                let of =
                    |fields: Option<&Fields>| fields.and_then(|fields| fields.get(&unit)).cloned();
                let local = of(sides.files.get(&id).map(|(_, fields)| fields));
                let live = of(sides.live.get(&id));
                assert!(
                    same(said("local").as_ref(), local.as_ref()),
                    "{unit} in {entry}"
                );
                assert!(
                    same(said("live").as_ref(), live.as_ref()),
                    "{unit} in {entry}"
                );
                if kind != "unmanaged" {
                    let base = base
                        .as_ref()
                        .and_then(|base| base.get(&unit).cloned())
                        .flatten();
                    assert!(
                        same(said("base").as_ref(), base.as_ref()),
                        "{unit} in {entry}"
                    );
                }
                // A whole field has nothing to say of a key that it does not have.
                if key.is_some() || unit == field || live.is_some() {
                    fields.push((unit, kind.clone()));
                }
            }
        }
        said.insert(id, (text(&client["state"]), fields));
    }
    let plan: BTreeMap<_, _> = plan
        .into_iter()
        .map(|(id, (state, fields))| {
            let fields = fields
                .into_iter()
                .map(|(field, kind)| (field, kind.to_owned()));
            (id, (state.to_owned(), fields.collect::<Vec<_>>()))
        })
        .collect();
    assert_eq!(said, plan);
}

/// That a pull says what it kept, what it changed and whose client is gone.
fn reports(document: &Value, before: &Sides, after: &Sides, ids: &[&String], discard_local: bool) {
    for id in ids {
        let clients = document["resources"].as_array().unwrap();
        let said = clients.iter().find(|client| client["id"] == **id);
        let said = said.unwrap_or_else(|| panic!("nothing is said of {id}"));
        let status = text(&said["status"]);
        let (Some((_, local)), Some(live)) = (before.files.get(*id), before.live.get(*id)) else {
            let expected = if before.live.contains_key(*id) {
                "created"
            } else {
                "gone"
            };
            assert_eq!(status, expected, "{id}");
            continue;
        };
        let is = &after.files[*id].1;
        let names: BTreeSet<&String> = local.keys().chain(is.keys()).collect();
        let changed = names
            .into_iter()
            .filter(|name| {
                let (local, is) = (local.get(*name), is.get(*name));
                // What means the same stays as the file has it, unless that is to be discarded.
                let is_kept = !discard_local && means_same(name, local, is);
                local != is && !is_kept
            })
            .map(|name| field_of(name).to_owned());
        let fields: BTreeSet<String> = said["fields"]
            .as_array()
            .unwrap()
            .iter()
            .map(text)
            .collect();
        assert_eq!(
            fields,
            changed.collect(),
            "what changed in the file of {id}"
        );
        let base = before.base(id);
        let changes = UNITS.map(|field| change(base.as_ref(), local, live, field));
        let any = |wanted| changes.contains(&wanted) && !discard_local;
        let expected = match () {
            () if any(Change::Conflict) => "conflict",
            () if any(Change::Edit) => "kept_edit",
            () if fields.is_empty() => "unchanged",
            () => "updated",
        };
        assert_eq!(status, expected, "of {id}");
    }
}

/// The exit code for what a push holds back because it is an edit of a field that it does not send. What somebody wrote by hand is one
/// as soon as something is known of what file and tenant said before, and what a file did not have at the commit that `--base` names is
/// one, too. It is named each time until it is gone.
fn unsent_told(run: &Run, before: &Sides) -> i32 {
    let results = run.json()["results"].as_array().unwrap().clone();
    let told = results.iter().any(|result| {
        let id = text(&result["id"]);
        let reason = result["reason"].as_str().unwrap_or_default();
        if let Some((names, _)) = reason.split_once(": push does not send it") {
            let (file, live) = (&before.files[&id].1, &before.live[&id]);
            return names.split(", ").all(|name| {
                let is_expected = name == "app_type" || before.rev.is_some();
                is_expected && file.contains_key(name) && file.get(name) != live.get(name)
            });
        }
        // It is looked for because of that edit.
        let is_by_hand = || before.files[&id].1.contains_key("app_type");
        reason == "the tenant has no client with this id" && is_by_hand()
    });
    i32::from(told)
}

/// That a command that did not fail did what people rely on: an edit arrives, or is held back and there is a reason; what
/// somebody else did stays, or comes into the file.
fn relied_on(
    command: Command,
    views: &Views,
    before: &Sides,
    after: &Sides,
    run: &Run,
    only: Option<&str>,
) {
    let selected = views
        .iter()
        .filter(|((id, _), _)| only.is_none_or(|only| only == id));
    let selected: Vec<_> = selected.collect();
    let any = |wanted: View| selected.iter().any(|(_, view)| **view == wanted);
    let conflict = any(View::Happened(Change::Conflict));
    let said = match command {
        Command::Diff => run.json(),
        _ => Value::Null,
    };
    for ((id, field), view) in &selected {
        let (local, live) = (before.files[id].1.get(*field), before.live[id].get(*field));
        let View::Happened(change) = **view else {
            continue;
        };
        let about = format!(
            "{field} of {id} is {change:?} to people: {local:?} in the file, {live:?} on the tenant"
        );
        let is_sent = !same(after.live[id].get(*field), live);
        match command {
            Command::Diff => {
                let clients = said["resources"].as_array().unwrap();
                let client = clients.iter().find(|client| client["id"] == **id);
                let mut fields = client
                    .into_iter()
                    .flat_map(|client| client["fields"].as_array().unwrap());
                let found = fields
                    .find(|said| {
                        let units =
                            entry_units(said["field"].as_str().unwrap(), said["key"].as_str());
                        units.iter().any(|unit| unit == *field)
                    })
                    .map(|said| text(&said["change"]));
                let expected = match change {
                    Change::None | Change::Left => None,
                    Change::Edit => Some("edit"),
                    Change::Drift => Some("drift"),
                    Change::Conflict => Some("conflict"),
                };
                assert_eq!(found.as_deref(), expected, "{about}");
            }
            Command::Pull {
                discard_local: false,
                ..
            } => {
                let found = after.files[id].1.get(*field);
                let expected = match change {
                    Change::None | Change::Drift => live,
                    Change::Left | Change::Edit | Change::Conflict => local,
                };
                assert!(same(found, expected), "{about}: {found:?}");
            }
            Command::Push {
                overwrite_drift: false,
            } => match change {
                Change::Edit if conflict => assert!(!is_sent && run.code == 1, "{about}"),
                Change::Edit => assert!(
                    is_sent || (run.code == 1 && any(View::Unclear)),
                    "{about}: it did not arrive"
                ),
                Change::Conflict => assert!(!is_sent && run.code == 1, "{about}"),
                Change::None | Change::Left | Change::Drift => {
                    assert!(!is_sent, "{about}: it was reverted")
                }
            },
            Command::Pull { .. } | Command::Push { .. } | Command::Apply => {}
        }
    }
}

fn tell((start, steps): (Start, Vec<Step>), tenantry: &Tenantry) {
    let mut world = World::new(tenantry, start);
    world.told(PULL, None, None, None);
    world.git(&Step::Commit);
    for step in &steps {
        world.step(step);
    }
    world.end();
}

fn run(command: Command) -> Step {
    Step::Run {
        command,
        only: None,
        base: None,
        fault: None,
    }
}

/// In a repository, with files in YAML or JSON.
fn with(clients: u8, json: bool) -> Start {
    let git = true;
    Start { clients, json, git }
}

fn write(client: u8, field: u8, value: u8) -> Step {
    Step::Write {
        client,
        field,
        value,
        style: 0,
    }
}

fn dashboard(client: u8, field: u8, value: u8) -> Step {
    Step::Dashboard {
        client,
        field,
        value,
    }
}

#[test]
fn a_conflict_stays_until_somebody_decides() {
    let both = [write(0, 1, 0), dashboard(0, 1, 2)];
    let ask = [PUSH, PULL, PUSH, Command::Diff, PULL].map(run);
    let decisions = [
        vec![run(Command::Push {
            overwrite_drift: true,
        })],
        vec![run(Command::Pull {
            discard_local: true,
            prune: false,
        })],
        vec![
            Step::Match {
                client: 0,
                field: 1,
                style: 2,
            },
            run(PUSH),
        ],
        vec![
            Step::Leave {
                client: 0,
                field: 1,
            },
            run(PUSH),
        ],
        vec![dashboard(0, 1, 0), run(PUSH)],
    ];
    apart("a_conflict_stays_until_somebody_decides", |tenantry| {
        for decision in &decisions {
            for first in [vec![], vec![dashboard(0, 1, 3), run(PULL)]] {
                let steps = [&first[..], &both, &ask, decision, &ask].concat();
                tell((with(2, false), steps), tenantry);
            }
        }
    });
}

#[test]
fn a_saved_plan_is_applied_as_it_was_or_not_at_all() {
    let apply = || run(Command::Apply);
    let leave = Step::Leave {
        client: 0,
        field: 1,
    };
    let meanwhile = [
        vec![],
        vec![write(0, 1, 2)],
        vec![leave],
        vec![Step::Remove { client: 0 }],
        vec![Step::Rename { client: 0 }],
        vec![dashboard(0, 1, 2)],
        vec![dashboard(0, 0, 1)],
        vec![dashboard(0, 1, 0), write(0, 1, 2)],
        vec![dashboard(0, 1, 2), run(PULL)],
        vec![run(PUSH), dashboard(0, 1, 2), run(PULL)],
        vec![run(PUSH), write(0, 1, 2), run(PUSH)],
        // What was sent is taken back on the dashboard, so that it is drift by now.
        vec![run(PUSH), dashboard(0, 1, 4)],
        vec![Step::Delete { client: 1 }],
        vec![Step::Create { name: 1 }, run(PULL)],
        // What was drift in the second of two clients is gone.
        vec![Step::Back {
            client: 1,
            field: 1,
        }],
        // A null comes into the file, which is not the nothing that the plan has.
        vec![
            Step::Settings {
                client: 0,
                field: 3,
                value: 1,
            },
            Step::Save { base: None },
            run(PULL),
        ],
    ];
    apart(
        "a_saved_plan_is_applied_as_it_was_or_not_at_all",
        |tenantry| {
            for meanwhile in &meanwhile {
                for first in [vec![], vec![dashboard(1, 1, 3)], vec![dashboard(0, 1, 3)]] {
                    let edits = [write(0, 1, 0), write(1, 2, 1), Step::Save { base: None }];
                    let ask = [apply(), run(Command::Diff), apply(), run(PULL), run(PUSH)];
                    let steps = [&first[..], &edits, meanwhile, &ask].concat();
                    for json in [false, true] {
                        let git = !json;
                        tell(
                            (
                                Start {
                                    clients: 2,
                                    json,
                                    git,
                                },
                                steps.clone(),
                            ),
                            tenantry,
                        );
                    }
                }
            }
        },
    );
}

#[test]
fn what_git_brings_back_reverts_nothing_unseen() {
    apart("what_git_brings_back_reverts_nothing_unseen", |tenantry| {
        let steps = vec![
            write(0, 1, 0),
            Step::Commit,
            run(PUSH),
            dashboard(0, 1, 2),
            dashboard(0, 0, 1),
            run(PULL),
            Step::Over {
                back: 0,
                commit: false,
            },
            run(PUSH),
            run(PULL),
            run(PUSH),
        ];
        for json in [false, true] {
            tell((with(2, json), steps.clone()), tenantry);
        }
    });
}

#[test]
fn a_push_that_failed_anywhere_is_finished_by_the_next() {
    use tenantry::testing::Fault;
    apart(
        "a_push_that_failed_anywhere_is_finished_by_the_next",
        |tenantry| {
            let faults = [
                Fault::InvalidJson,
                Fault::StatusAfter(409),
                Fault::StatusBefore(403),
            ];
            for fault in faults {
                for nth in 0..5 {
                    let mut steps: Vec<Step> =
                        (0..4).map(|client| write(client, 1, client)).collect();
                    steps.push(Step::Run {
                        command: PUSH,
                        only: None,
                        base: None,
                        fault: Some(Trouble {
                            fault: fault.clone(),
                            nth,
                            times: 1,
                            only_patches: true,
                            again: true,
                        }),
                    });
                    tell((with(4, false), steps), tenantry);
                }
            }
        },
    );
}

#[test]
fn nothing_is_lost_in_any_story() {
    apart("nothing_is_lost_in_any_story", |tenantry| {
        property(cases(200), &story(25), |story| tell(story, tenantry));
    });
}

#[test]
fn git_takes_nothing_from_anybody() {
    apart("git_takes_nothing_from_anybody", |tenantry| {
        property(cases(80), &git_story(24), |story| tell(story, tenantry));
    });
}

#[test]
#[ignore = "thousands of stories: minutes"]
fn nothing_is_lost_in_thousands_of_stories() {
    apart("nothing_is_lost_in_thousands_of_stories", |tenantry| {
        property(cases(5_000), &story(60), |story| tell(story, tenantry));
    });
}

#[test]
#[ignore = "thousands of stories: minutes"]
fn git_takes_nothing_from_anybody_in_thousands_of_stories() {
    apart(
        "git_takes_nothing_from_anybody_in_thousands_of_stories",
        |tenantry| {
            property(cases(5_000), &git_story(60), |story| tell(story, tenantry));
        },
    );
}
