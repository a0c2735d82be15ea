//! The promise that nothing is lost, over random stories: people edit files and the dashboard, tenantry pulls, diffs and
//! pushes in between, and things go wrong. A small model says what must hold after each step; the commands run against a
//! sandbox over a real socket.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "model/plan.rs"]
mod plan;
#[path = "model/promise.rs"]
mod promise;
#[path = "cycle/rig.rs"]
#[allow(dead_code)]
mod rig;
#[path = "model/steps.rs"]
mod steps;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::{Value, json};
use tenantry::sandbox::Sandbox;

use plan::Saved;
use promise::{Change, Command, Promise, Sides, change, updatable};
use rig::{
    Fields, Run, Tenantry, UPDATABLE, apart, cases, edit_file, live, patches, property, read, text,
    tree, writes,
};
use steps::{Step, Trouble, setting, story, value};

type Tree = BTreeMap<String, (Vec<u8>, SystemTime)>;

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
    sandbox: Sandbox,
    folder: tempfile::TempDir,
    format: &'static str,
    /// Fields that a person wrote into a file since the file last said what the tenant says.
    touched: BTreeSet<(String, String)>,
    /// Clients whose files a pull wrote before it was killed: until all sides agree again, the lock can't tell what they say
    /// from an edit.
    unlocked: BTreeSet<String>,
    committed: Option<Tree>,
    /// The plan that was saved last; it is in a file of its own.
    saved: Option<Saved>,
    plan: tempfile::NamedTempFile,
    made: usize,
}

impl World<'_> {
    fn new(tenantry: &Tenantry, clients: u8, json: bool) -> World<'_> {
        let global = json!({"client_id": "Global", "name": "All Applications", "global": true});
        let mut world = World {
            tenantry,
            sandbox: Sandbox::builder().client(global).start().unwrap(),
            folder: tempfile::tempdir().unwrap(),
            format: if json { "json" } else { "yaml" },
            touched: BTreeSet::new(),
            unlocked: BTreeSet::new(),
            committed: None,
            saved: None,
            plan: tempfile::NamedTempFile::new().unwrap(),
            made: 0,
        };
        for number in 0..clients {
            world.create(number);
        }
        world
    }

    fn directory(&self) -> &Path {
        self.folder.path()
    }

    fn tree(&self) -> Tree {
        tree(self.directory())
    }

    /// What files, lock and tenant say, read without tenantry; and that there is nothing else.
    fn look(&self) -> Sides {
        let mut sides = Sides {
            files: BTreeMap::new(),
            base: BTreeMap::new(),
            live: live(&self.sandbox),
        };
        for (path, (content, _)) in self.tree() {
            let content = String::from_utf8(content).unwrap();
            for secret in ["S3CR3T", "sandbox-secret-"] {
                assert!(!content.contains(secret), "a secret in {path}:\n{content}");
            }
            if path == "tenant.lock" {
                let lock: Value = serde_json::from_str(&content).unwrap();
                for (id, entry) in lock["clients"].as_object().unwrap() {
                    let base = entry["base"].as_object().unwrap().clone();
                    sides.base.insert(id.clone(), base);
                }
                continue;
            }
            assert!(
                path.starts_with("clients/") && !path.contains("/."),
                "{path} is left over"
            );
            let fields = read(&path, &content);
            let id = text(&fields["client_id"]);
            assert_ne!(id, "Global");
            let other = sides.files.insert(id.clone(), (path, fields));
            assert_eq!(other, None, "{id} has two files");
        }
        // An entry that neither a file nor the tenant has any more says nothing.
        let known: BTreeSet<String> = sides.ids().into_iter().cloned().collect();
        sides.base.retain(|id, _| known.contains(id));
        sides
    }

    fn create(&mut self, name: u8) -> String {
        self.made += 1;
        let number = self.made;
        self.sandbox.create(json!({
            "client_id": format!("aaaaaaaa{number}"),
            "name": value("name", name),
            "client_secret": "S3CR3T",
        }))
    }

    fn run(&self, command: Command, only: Option<&str>) -> Run {
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
        args.extend(only);
        self.tenantry.run(&self.sandbox, self.directory(), &args)
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
        let clients = live(&self.sandbox);
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
            self.touched.insert((id, field.to_owned()));
        }
    }

    fn step(&mut self, step: &Step) {
        let updatable_field = |number: u8| UPDATABLE[usize::from(number) % UPDATABLE.len()];
        match *step {
            Step::Write {
                client,
                field,
                value: number,
                style,
            } => {
                let field = updatable_field(field);
                self.write(client, field, |_| Some(value(field, number)), style);
            }
            Step::Leave { client, field } => {
                self.write(client, updatable_field(field), |_| None, 0)
            }
            Step::Match {
                client,
                field,
                style,
            } => {
                let field = updatable_field(field);
                let clients = live(&self.sandbox);
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
                let mut without = live(&self.sandbox);
                without.retain(|id, _| !files.contains_key(id));
                let id = without
                    .keys()
                    .nth(usize::from(client) % without.len().max(1));
                let id = id.cloned().unwrap_or_else(|| self.create(number));
                self.by_hand(&id, fields, number, json);
            }
            Step::Commit => self.committed = Some(self.tree()),
            Step::Checkout => {
                if let Some(committed) = self.committed.clone() {
                    self.restore(&committed);
                    // Bringing back what a file said is an edit like another.
                    for id in self.look().files.keys() {
                        self.touched
                            .extend(UPDATABLE.map(|field| (id.clone(), field.to_owned())));
                    }
                }
            }
            Step::Dashboard {
                client,
                field,
                value: number,
            } => {
                let field = updatable_field(field);
                if let Some((id, _)) = self.client(client)
                    && (number < 4 || field != "name")
                {
                    let value = (number < 4).then(|| value(field, number));
                    self.sandbox.edit(&id, field, value);
                }
            }
            Step::Revert { client, field } => {
                let field = updatable_field(field);
                if let Some((id, _)) = self.client(client)
                    && let Some(base) = self.look().base.get(&id)
                {
                    self.sandbox.edit(&id, field, base.get(field).cloned());
                }
            }
            Step::Settings {
                client,
                field,
                value,
            } => {
                if let Some((id, _)) = self.client(client) {
                    let (field, value) = setting(field, value);
                    self.sandbox.edit(&id, field, value);
                }
            }
            Step::Create { name } => {
                self.create(name);
            }
            Step::Delete { client } => {
                if let Some((id, _)) = self.client(client) {
                    assert!(self.sandbox.delete(&id));
                }
            }
            Step::Save => self.save(),
            // There is no plan yet.
            Step::Run { command, .. } | Step::Killed { command, .. }
                if command == Command::Apply && self.saved.is_none() => {}
            Step::Run {
                command,
                only,
                ref fault,
            } => {
                // A push knows the clients that have a file, and no others; that of a plan those of the plan.
                let only = only.and_then(|number| match command {
                    Command::Push { .. } => Some(self.file(number)?.0),
                    Command::Apply => self.saved.as_ref()?.client(number),
                    _ => Some(self.client(number)?.0),
                });
                self.told(command, only.as_deref(), fault.as_ref());
            }
            Step::Killed { command, written } => self.killed(command, written),
        }
        self.settle();
    }

    fn by_hand(&mut self, id: &str, fields: u8, number: u8, json: bool) {
        self.made += 1;
        let mut by_hand = Fields::from_iter([("client_id".to_owned(), json!(id))]);
        for (bit, field) in UPDATABLE.iter().enumerate() {
            if fields & (1 << bit) != 0 {
                by_hand.insert((*field).to_owned(), value(field, number));
                self.touched.insert((id.to_owned(), (*field).to_owned()));
            }
        }
        if fields & 8 != 0 {
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

    /// Makes the directory be as it was.
    fn restore(&self, before: &Tree) {
        for path in self.tree().keys() {
            fs::remove_file(self.directory().join(path)).unwrap();
        }
        for (path, (content, _)) in before {
            let path = self.directory().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
    }

    /// Forgets edits that are edits no more.
    fn settle(&mut self) {
        let sides = self.look();
        let differs = |id: &String, field: &str| {
            let (Some((_, local)), Some(live), Some(base)) =
                (sides.files.get(id), sides.live.get(id), sides.base.get(id))
            else {
                return true;
            };
            local.get(field) != live.get(field) || live.get(field) != base.get(field)
        };
        self.touched.retain(|(id, field)| differs(id, field));
        self.unlocked
            .retain(|id| UPDATABLE.iter().any(|field| differs(id, field)));
    }

    /// Saves the plan as it is now.
    fn save(&mut self) {
        let sides = self.look();
        let run = self.run(Command::Diff, None);
        assert_eq!(run.code, sides.after(Command::Diff, None).code, "{run:?}");
        let document = run.json();
        says(&document, &sides, &Vec::from_iter(sides.ids()));
        fs::write(self.plan.path(), &run.stdout).unwrap();
        let (touched, unlocked) = (self.touched.clone(), self.unlocked.clone());
        self.saved = Some(Saved::new(&document, touched, unlocked));
    }

    fn promise(&self, before: &Sides, command: Command, only: Option<&str>) -> Promise {
        match (command, &self.saved) {
            (Command::Apply, Some(saved)) => saved.applied(before, only),
            _ => before.after(command, only),
        }
    }

    /// A field that was sent by a plan, and of which the file says something else by now, was edited since.
    fn edited_since(&mut self, before: &Sides, after: &Sides) {
        for (id, was) in &before.live {
            let Some((_, local)) = after.files.get(id) else {
                continue;
            };
            let live = &after.live[id];
            for field in UPDATABLE {
                let edit = change(after.base.get(id), local, live, field) == Change::Edit;
                if edit && was.get(field) != live.get(field) {
                    self.touched.insert((id.clone(), field.to_owned()));
                }
            }
        }
    }

    /// Gives a command, and holds what comes of it against the promise.
    fn told(&mut self, command: Command, only: Option<&str>, trouble: Option<&Trouble>) {
        let (before, files) = (self.look(), self.tree());
        let promise = self.promise(&before, command, only);
        self.sandbox.clear_requests();
        self.sandbox.set_faults(trouble.map(Trouble::rule));
        let run = self.run(command, only);
        self.sandbox.set_faults([]);
        let after = self.look();
        self.unedited_fields_stay(command, &before, &after);
        self.only_what_changes_is_written(&before, &after, &files);
        self.notes_stay(&after, &files);
        if command == Command::Apply {
            self.edited_since(&before, &after);
            assert_eq!(before.files, after.files, "a plan is not about files");
        } else if !matches!(command, Command::Push { .. }) {
            assert_eq!(writes(&self.sandbox), [], "{command:?} sent something");
        }
        if run.code == 2 {
            let may_fail = trouble.is_some_and(|trouble| !trouble.passes());
            assert!(may_fail, "{command:?} failed: {run:?}");
            half_way(command, &before, &promise.sides, &after);
            if trouble.is_some_and(|trouble| trouble.again) {
                self.told(command, only, None);
                let end = self.look();
                assert_eq!(end.live, promise.sides.live, "not done by the next run");
                // What a plan had sent before, its next run does not send again, and base follows the files only.
                if command != Command::Apply {
                    assert_eq!(end.base, promise.sides.base, "not done by the next run");
                }
                assert!(
                    same_files(&end, &promise.sides),
                    "not done by the next run: {end:#?}"
                );
            }
            return;
        }
        self.kept(command, only, &promise, &after, &run, &before);
        if trouble.is_none() {
            let mut sent = BTreeMap::new();
            for (id, body) in patches(&self.sandbox) {
                let body = body.as_object().unwrap().clone();
                assert_eq!(sent.insert(id.clone(), body), None, "{id} was sent twice");
            }
            assert_eq!(sent, promise.patches, "not what was to be sent");
        }
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
        assert_eq!(run.code, promise.code, "{command:?}: {run:?}");
        assert_eq!(after.live, sides.live, "the tenant after {command:?}");
        assert_eq!(after.base, sides.base, "the lock after {command:?}");
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
                for (id, (state, fields)) in after.plan(&ids) {
                    assert_ne!(state, "live-only", "{id} has no file");
                    let decided = |kind| kind == "edit" || kind == "conflict";
                    let left = fields
                        .iter()
                        .all(|(_, kind)| decided(*kind) && !discard_local);
                    assert!(left, "{id} still differs after {command:?}: {fields:?}");
                }
                reports(&run.json(), before, &ids, discard_local);
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

    /// The tenant changes in updatable fields, in which a person wrote something into the file, and in nothing else.
    fn unedited_fields_stay(&self, command: Command, before: &Sides, after: &Sides) {
        for (id, was) in &before.live {
            let is = &after.live[id];
            let names: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
            for field in names
                .into_iter()
                .filter(|field| was.get(*field) != is.get(*field))
            {
                assert!(
                    UPDATABLE.contains(&field.as_str()),
                    "{field} of {id} changed"
                );
                if let (Command::Apply, Some(saved)) = (command, &self.saved) {
                    assert_eq!(
                        is.get(field),
                        saved.edit(id, field),
                        "{field} of {id} is not the plan's"
                    );
                    assert!(
                        saved.was_edited(id, field),
                        "nobody had edited {field} of {id} for the plan: it was {:?}",
                        was.get(field)
                    );
                    continue;
                }
                assert_eq!(
                    is.get(field),
                    before.files[id].1.get(field),
                    "{field} of {id} is not the file's"
                );
                let told = matches!(
                    command,
                    Command::Push {
                        overwrite_drift: true
                    }
                );
                let touched = self.touched.contains(&(id.clone(), field.clone()));
                assert!(
                    touched || told || self.unlocked.contains(id),
                    "nobody edited {field} of {id}: it was {:?}",
                    was.get(field)
                );
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

    /// Runs a command, and then makes the disk be as if it had been killed before it wrote the lock.
    fn killed(&mut self, command: Command, written: u8) {
        let (before, files) = (self.look(), self.tree());
        self.run(command, None);
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
        self.unedited_fields_stay(command, &before, &after);
        let promise = self.promise(&before, command, None);
        half_way(command, &before, &promise.sides, &after);
        if command == Command::Apply {
            self.edited_since(&before, &after);
        }
        let written = after
            .files
            .iter()
            .filter(|(id, file)| before.files.get(*id) != Some(file));
        self.unlocked.extend(written.map(|(id, _)| id.clone()));
    }

    /// However the story went, this is how it ends.
    fn end(&mut self) {
        self.told(PULL, None, None);
        self.told(PULL, None, None);
        self.told(PUSH, None, None);
        self.told(PUSH, None, None);
        self.told(
            Command::Push {
                overwrite_drift: true,
            },
            None,
            None,
        );
        self.told(PULL, None, None);
        let sides = self.look();
        for (id, (_, local)) in &sides.files {
            let Some(live) = sides.live.get(id) else {
                continue;
            };
            for field in UPDATABLE {
                let change = change(sides.base.get(id), local, live, field);
                assert!(
                    matches!(change, Change::None | Change::Left),
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
        );
        let sides = self.look();
        for (id, live) in &sides.live {
            assert_eq!(sides.files[id].1, *live);
            assert_eq!(sides.base[id], updatable(live));
        }
        self.told(Command::Diff, None, None);
    }
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
        let base =
            |sides: &Sides, field: &str| sides.base.get(id).map(|base| base.get(field).cloned());
        for field in UPDATABLE {
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
    for client in document["clients"].as_array().unwrap() {
        let id = text(&client["client_id"]);
        let mut fields = Vec::new();
        for field in client["fields"].as_array().unwrap() {
            let (name, kind) = (text(&field["field"]), text(&field["kind"]));
            let of = |fields: Option<&Fields>| fields.and_then(|fields| fields.get(&name)).cloned();
            assert_eq!(
                field.get("local").cloned(),
                of(sides.files.get(&id).map(|(_, fields)| fields))
            );
            assert_eq!(field.get("live").cloned(), of(sides.live.get(&id)));
            if kind != "read-only" {
                assert_eq!(field.get("base").cloned(), of(sides.base.get(&id)));
            }
            fields.push((name, kind));
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

/// That a pull says what it kept, what it dropped and whose client is gone.
fn reports(document: &Value, before: &Sides, ids: &[&String], discard_local: bool) {
    for id in ids {
        let clients = document["clients"].as_array().unwrap();
        let said = clients.iter().find(|client| client["client_id"] == **id);
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
        let changes =
            UPDATABLE.map(|field| (field, change(before.base.get(*id), local, live, field)));
        if discard_local {
            let mut dropped: Vec<Value> = Vec::new();
            for (field, change) in changes {
                if matches!(change, Change::Edit | Change::Conflict | Change::Left) {
                    dropped.push(json!(field));
                }
            }
            let said = said.get("dropped").cloned().unwrap_or_else(|| json!([]));
            assert_eq!(said, json!(dropped), "what was dropped of {id}");
            continue;
        }
        let any = |wanted| changes.iter().any(|(_, change)| *change == wanted);
        let expected = match () {
            () if any(Change::Conflict) => vec!["conflict"],
            () if any(Change::Edit) => vec!["kept_edit"],
            () => vec!["updated", "unchanged"],
        };
        assert!(
            expected.contains(&status.as_str()),
            "{id} is said to be {status}"
        );
    }
}

fn tell((clients, json, steps): (u8, bool, Vec<Step>), tenantry: &Tenantry) {
    let mut world = World::new(tenantry, clients, json);
    world.told(PULL, None, None);
    for step in &steps {
        world.step(step);
    }
    world.end();
}

fn run(command: Command) -> Step {
    Step::Run {
        command,
        only: None,
        fault: None,
    }
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
                tell((2, false, steps), tenantry);
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
        vec![Step::Delete { client: 1 }],
        vec![Step::Create { name: 1 }, run(PULL)],
    ];
    apart(
        "a_saved_plan_is_applied_as_it_was_or_not_at_all",
        |tenantry| {
            for meanwhile in &meanwhile {
                for first in [vec![], vec![dashboard(1, 1, 3)], vec![dashboard(0, 1, 3)]] {
                    let edits = [write(0, 1, 0), write(1, 2, 1), Step::Save];
                    let ask = [apply(), run(Command::Diff), apply(), run(PULL), run(PUSH)];
                    let steps = [&first[..], &edits, meanwhile, &ask].concat();
                    for json in [false, true] {
                        tell((2, json, steps.clone()), tenantry);
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
            Step::Checkout,
            run(PUSH),
            run(PULL),
            run(PUSH),
        ];
        for json in [false, true] {
            tell((2, json, steps.clone()), tenantry);
        }
    });
}

#[test]
fn a_push_that_failed_anywhere_is_finished_by_the_next() {
    use tenantry::sandbox::Fault;
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
                        fault: Some(Trouble {
                            fault: fault.clone(),
                            nth,
                            times: 1,
                            only_patches: true,
                            again: true,
                        }),
                    });
                    tell((4, false, steps), tenantry);
                }
            }
        },
    );
}

#[test]
fn nothing_is_lost_in_any_story() {
    apart("nothing_is_lost_in_any_story", |tenantry| {
        property(cases(256), &story(25), |story| tell(story, tenantry));
    });
}

#[test]
#[ignore = "thousands of stories: minutes"]
fn nothing_is_lost_in_thousands_of_stories() {
    apart("nothing_is_lost_in_thousands_of_stories", |tenantry| {
        property(cases(5_000), &story(60), |story| tell(story, tenantry));
    });
}
