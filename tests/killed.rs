//! `kill -9` at random moments of push and of pull, and pushes side by side: whatever the moment, each file parses, the next
//! run finishes the job, each edit arrives, and then nothing is left to send. The binary runs against a sandbox in the test's
//! process, and is killed when so much has happened, never after so much time.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::time::Duration;

use common::client_file::{edit_file, read};
use common::in_process::cases;
use common::{Bed, Fields, RECORD, text, tree};
use serde_json::{Value, json};
use tenantry::files::{Access, TenantDirectory};
use tenantry::kinds::Managed;

/// Repeatable numbers: each moment to kill at follows from the round.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % u64::try_from(end).unwrap()).unwrap()
    }
}

const PUSH: [&str; 2] = ["push", "--yes"];

struct World {
    bed: Bed,
}

/// When to kill.
#[derive(Debug, Clone)]
enum Moment {
    /// So many requests have arrived.
    Requests(usize),
    /// There are so many files.
    Files(usize),
    /// That file is another one.
    Changed(String, Vec<u8>),
}

impl World {
    fn new(clients: usize) -> World {
        let latency = Duration::from_millis(2);
        World {
            bed: Bed::new()
                .sandbox(|sandbox| sandbox.generated(clients).latency(latency))
                .start(),
        }
    }

    fn directory(&self) -> PathBuf {
        self.bed.path("tenant")
    }

    /// Runs a command and kills it at that moment. False where it ended before.
    fn kill(&self, command: &[&str], moment: &Moment) -> bool {
        let mut child = self.bed.spawn(command.iter().copied());
        while child.try_wait().unwrap().is_none() {
            if self.has_come(moment) {
                child.kill().unwrap();
                return child.wait().unwrap().code().is_none();
            }
            std::thread::yield_now();
        }
        false
    }

    fn has_come(&self, moment: &Moment) -> bool {
        let folder = self.directory().join("clients");
        match moment {
            Moment::Requests(count) => self.bed.sandbox.requests().len() >= *count,
            Moment::Files(count) => {
                std::fs::read_dir(folder).is_ok_and(|entries| entries.count() >= *count)
            }
            Moment::Changed(path, old) => {
                std::fs::read(self.directory().join(path)).is_ok_and(|new| new != *old)
            }
        }
    }

    /// The files by client: path and fields. Each of them parses, and so does the lock.
    fn files(&self) -> BTreeMap<String, (String, Fields)> {
        let mut files = BTreeMap::new();
        if !self.directory().exists() {
            return files;
        }
        for (path, (content, _)) in tree(&self.directory()) {
            if path.contains("/.tenantry-") || path.starts_with(".tenantry-") {
                continue;
            }
            let content = String::from_utf8(content).unwrap();
            if path == "tenant.lock" {
                self.bed.lock();
                continue;
            }
            let fields = read(&path, &content);
            let id = text(&fields["client_id"]);
            assert!(files.insert(id, (path, fields)).is_none());
        }
        files
    }

    fn nothing_is_left_over(&self) {
        let mut paths = tree(&self.directory());
        paths.retain(|path, _| {
            path != "tenant.lock" && (!path.starts_with("clients/") || path.contains("/."))
        });
        assert_eq!(paths.into_keys().collect::<Vec<_>>(), [""; 0]);
    }

    /// Writes a description into so many files; what is to be sent.
    fn edit(&self, count: usize, chance: &mut Chance) -> BTreeMap<String, Value> {
        let mut edits = BTreeMap::new();
        let files = self.files();
        for number in 0..count {
            let (id, (path, _)) = files.iter().nth(chance.below(files.len())).unwrap();
            let value = json!(format!("edit {number}"));
            let path = self.directory().join(path);
            edit_file(&path, "description", Some(&value), 0);
            edits.insert(id.clone(), value);
        }
        edits
    }

    fn is_done(&self, edits: &BTreeMap<String, Value>) {
        let live = self.bed.clients();
        for (id, value) in edits {
            assert_eq!(
                live[id].get("description"),
                Some(value),
                "the edit of {id} is lost"
            );
        }
        self.bed.sandbox.clear_requests();
        self.bed.run(PUSH).exits(0);
        assert_eq!(
            self.bed.requests(),
            [""; 0],
            "a further push asks something"
        );
        self.bed.run(["diff"]).exits(0);
        self.bed.assert_only_gets();
        self.nothing_is_left_over();
    }
}

fn push_round(round: u64) -> bool {
    let mut chance = Chance(round);
    let world = World::new(15);
    world.bed.run(["pull"]).exits(0);
    world.bed.sandbox.clear_requests();
    let edits = world.edit(1 + chance.below(12), &mut chance);
    let before = world.files();
    let moment = match chance.below(3) {
        0 => {
            let lock = std::fs::read(world.directory().join("tenant.lock")).unwrap();
            Moment::Changed("tenant.lock".to_owned(), lock)
        }
        _ => Moment::Requests(1 + chance.below(edits.len() + 3)),
    };
    let killed = world.kill(&["push", "--yes", "--no-token-cache"], &moment);
    assert_eq!(world.files(), before, "a push wrote into a file");
    let now = world.bed.clients();
    for (id, value) in &edits {
        let known = world.bed.base(id).get("description") == Some(value);
        let there = now[id].get("description") == Some(value);
        assert!(
            there || !known,
            "the lock runs ahead of the tenant: {moment:?}"
        );
    }
    world.bed.run(PUSH).exits(0);
    world.is_done(&edits);
    killed
}

fn pull_round(round: u64) -> bool {
    let mut chance = Chance(round);
    let world = World::new(60);
    let pulled_before = chance.below(2) == 0;
    let mut edits = BTreeMap::new();
    if pulled_before {
        world.bed.run(["pull"]).exits(0);
        edits = world.edit(5, &mut chance);
        for id in world.files().keys().filter(|id| !edits.contains_key(*id)) {
            let drift = format!("drift {round}");
            world
                .bed
                .sandbox
                .edit(id, "description", Some(json!(drift)));
            world.bed.sandbox.edit(id, "zz", Some(json!([drift])));
        }
    }
    world.bed.sandbox.clear_requests();
    let files = world.files();
    let moment = match (chance.below(4), pulled_before) {
        (0, _) => Moment::Requests(1 + chance.below(2)),
        (_, true) => {
            let drifted = files.iter().filter(|(id, _)| !edits.contains_key(*id));
            let drifted: Vec<_> = drifted.map(|(_, (path, _))| path).collect();
            let path = drifted[chance.below(drifted.len())];
            let content = std::fs::read(world.directory().join(path)).unwrap();
            Moment::Changed(path.clone(), content)
        }
        (_, false) => Moment::Files(1 + chance.below(60)),
    };
    let killed = world.kill(&["pull", "--no-token-cache"], &moment);
    let live = world.bed.clients();
    let merged = |id: &String| {
        let mut whole = live[id].clone();
        if let Some(edit) = edits.get(id) {
            whole.insert("description".to_owned(), edit.clone());
        }
        whole
    };
    for (id, (_, fields)) in world.files() {
        let was = files.get(&id).map(|(_, fields)| fields);
        let whole = fields == merged(&id) || Some(&fields) == was;
        assert!(whole, "{id} is half written: {moment:?}");
    }
    world.bed.run(["pull"]).exits(0);
    let ids: BTreeSet<String> = world.files().into_keys().collect();
    assert_eq!(ids, live.keys().cloned().collect());
    for (id, (_, fields)) in world.files() {
        assert_eq!(
            fields,
            merged(&id),
            "{id} is not what the tenant and the edit say"
        );
    }
    world.bed.sandbox.clear_requests();
    world.bed.run(PUSH).exits(0);
    let sent: BTreeMap<String, Value> = world
        .bed
        .patches()
        .into_iter()
        .map(|(id, mut body)| (id, body["description"].take()))
        .collect();
    assert_eq!(sent, edits, "something else than the edits was sent");
    world.is_done(&edits);
    killed
}

/// The tenant's clients, once the requests that a killed command had sent are answered. A description that had no value before is
/// empty after an undo: the API knows no other way to take one away.
fn settled(world: &World) -> BTreeMap<String, Fields> {
    std::thread::sleep(Duration::from_millis(20));
    let mut clients = world.bed.clients();
    for client in clients.values_mut() {
        if client.get("description") == Some(&json!("")) {
            client.shift_remove("description");
        }
    }
    clients
}

/// A push that was killed is undone: the tenant is as it was before, and what was never sent stays an edit.
fn undone_push_round(round: u64) -> bool {
    let mut chance = Chance(round);
    let world = World::new(15);
    world.bed.run(["pull"]).exits(0);
    world.bed.sandbox.clear_requests();
    let before = settled(&world);
    let edits = world.edit(1 + chance.below(12), &mut chance);
    let moment = Moment::Requests(1 + chance.below(2 * edits.len() + 3));
    let killed = world.kill(&["push", "--yes", "--no-token-cache"], &moment);
    settled(&world);
    // Finished by the next one, the two are one push.
    if chance.below(2) == 0 {
        world.bed.run(PUSH).exits(0);
    }
    let is_recorded = world.bed.path(RECORD).exists();
    let run = world.bed.run(["undo", "--yes"]);
    assert_eq!(
        run.code,
        if is_recorded { 0 } else { 2 },
        "{moment:?}: {run}"
    );
    assert_eq!(settled(&world), before, "{moment:?}");
    let plan = world.bed.run(["diff", "-o", "json"]).json();
    let summary = &plan["summary"];
    assert_eq!(
        (&summary["drift"], &summary["conflict"]),
        (&json!(0), &json!(0)),
        "{plan}"
    );
    let files = world.files();
    for (id, value) in &edits {
        let says = files[id].1.get("description");
        assert!(
            says == Some(value) || says == before[id].get("description"),
            "{id}: {says:?}"
        );
    }
    killed
}

/// An undo that was killed is finished by the next one, and the one after that is the push again.
fn undo_round(round: u64) -> bool {
    let mut chance = Chance(round);
    let world = World::new(15);
    world.bed.run(["pull"]).exits(0);
    let (before, files) = (settled(&world), world.files());
    let edits = world.edit(1 + chance.below(12), &mut chance);
    let edited = world.files();
    world.bed.run(PUSH).exits(0);
    let pushed = settled(&world);
    world.bed.sandbox.clear_requests();
    let moment = match chance.below(3) {
        0 => {
            let (path, _) = &edited[edits.keys().next().unwrap()];
            let text = std::fs::read(world.directory().join(path)).unwrap();
            Moment::Changed(path.clone(), text)
        }
        _ => Moment::Requests(1 + chance.below(2 * edits.len() + 3)),
    };
    let killed = world.kill(&["undo", "--yes", "--no-token-cache"], &moment);
    settled(&world);
    if !world.bed.read(RECORD).contains("finished") {
        world.bed.run(["undo", "--yes"]).exits(0);
    }
    assert_eq!(settled(&world), before, "{moment:?}");
    assert_eq!(world.files(), files, "{moment:?}");
    world.bed.run(["diff"]).exits(0);
    world.bed.run(["undo", "--yes"]).exits(0);
    assert_eq!(settled(&world), pushed, "{moment:?}");
    assert_eq!(world.files(), edited, "{moment:?}");
    world.bed.run(["diff"]).exits(0);
    world.nothing_is_left_over();
    killed
}

fn rounds(count: u32, round: impl Fn(u64) -> bool) {
    let killed = (0..u64::from(count))
        .filter(|number| round(*number))
        .count();
    assert!(killed > 0, "none of {count} was killed in time");
}

#[test]
fn a_killed_push_is_finished_by_the_next() {
    rounds(cases(12), push_round);
}

#[test]
fn a_killed_pull_is_finished_by_the_next() {
    rounds(cases(12), pull_round);
}

#[test]
fn a_killed_push_is_undone() {
    rounds(cases(12), undone_push_round);
}

#[test]
fn a_killed_undo_is_finished_by_the_next() {
    rounds(cases(12), undo_round);
}

#[test]
#[ignore = "hundreds of rounds: minutes"]
fn hundreds_of_killed_pushes_and_undos_are_undone() {
    rounds(cases(250), undone_push_round);
    rounds(cases(250), undo_round);
}

#[test]
#[ignore = "hundreds of rounds: minutes"]
fn hundreds_of_killed_pushes_are_finished_by_the_next() {
    rounds(cases(500), push_round);
}

#[test]
#[ignore = "hundreds of rounds: minutes"]
fn hundreds_of_killed_pulls_are_finished_by_the_next() {
    rounds(cases(500), pull_round);
}

#[test]
fn three_pushes_at_once_send_each_edit_once() {
    let world = World::new(15);
    world.bed.run(["pull"]).exits(0);
    let edits = world.edit(10, &mut Chance(3));
    world.bed.sandbox.clear_requests();
    // None of them starts before all of them wait.
    let held =
        TenantDirectory::open(world.directory(), Managed::default(), Access::Write, || {}).unwrap();
    let pushes = [(); 3].map(|()| {
        let mut push = world.bed.piped(PUSH);
        let mut said = BufReader::new(push.stderr.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        assert!(line.contains("waiting for another tenantry"), "{line}");
        (push, said)
    });
    assert_eq!(world.bed.requests(), [""; 0]);
    drop(held);
    for (mut push, _said) in pushes {
        assert_eq!(push.wait().unwrap().code(), Some(0));
    }
    let sent = world.bed.patches();
    assert_eq!(sent.len(), edits.len(), "{sent:?}");
    for (id, value) in &edits {
        assert!(sent.contains(&(id.clone(), json!({ "description": value }))));
    }
    world.is_done(&edits);
}
