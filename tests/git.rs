//! Stories over real git repositories: what base is when people commit, revert, branch, merge and clone, and with `--base`. The
//! real binary, the real git, and a sandbox.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Bed, Run, git};
use serde_json::{Value, json};

/// A clone of the repository, or the repository itself.
struct Place<'a> {
    bed: &'a Bed,
    folder: PathBuf,
}

/// Two clients, `web` and `api`, pulled and committed on `main`.
fn bed() -> Bed {
    let bed = Bed::new()
        .client(
            "w",
            "Web",
            json!({"description": "one", "allowed_clients": ["x"]}),
        )
        .client("a", "Api", json!({"description": "eins"}))
        .start();
    let place = origin(&bed);
    fs::create_dir(&place.folder).unwrap();
    place.git("init -q -b main");
    place.tenantry("pull").exits(0);
    place.commit("Pull");
    bed.sandbox.clear_requests();
    bed
}

fn origin(bed: &Bed) -> Place<'_> {
    Place {
        bed,
        folder: bed.path("origin"),
    }
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

impl<'a> Place<'a> {
    #[track_caller]
    fn git(&self, line: &str) -> String {
        git::git(&self.folder, &words(line))
    }

    #[track_caller]
    fn commit(&self, message: &str) -> String {
        self.git("add -A");
        git::git(&self.folder, &["commit", "-q", "-m", message]);
        self.git("rev-parse HEAD")
    }

    fn clone(&self, name: &str, options: &str) -> Place<'a> {
        let folder = self.bed.path(name);
        let url = format!("file://{}", self.folder.display());
        let clone = Place {
            bed: self.bed,
            folder,
        };
        self.git(&format!(
            "clone -q {options} {url} {}",
            clone.folder.display()
        ));
        clone
    }

    fn command(&self) -> assert_cmd::Command {
        let mut command = self.bed.command();
        command
            .current_dir(&self.folder)
            .env("PATH", std::env::var_os("PATH").unwrap())
            .envs(git::ENVIRONMENT);
        command
    }

    fn with(&self, arguments: &[&str]) -> Run {
        let mut command = self.command();
        command.args(arguments);
        self.bed.run_command(command)
    }

    fn tenantry(&self, line: &str) -> Run {
        self.with(&words(line))
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// What a file says of a field, as it stands.
    fn says(&self, file: &str, field: &str) -> Option<String> {
        let text = self.read(&format!("tenant/clients/{file}.yaml"));
        let key = format!("{field}: ");
        let line = text.lines().find_map(|line| line.strip_prefix(&key))?;
        Some(line.to_owned())
    }

    /// Writes a field of a file.
    fn say(&self, file: &str, field: &str, value: &str) {
        let path = self.path(&format!("tenant/clients/{file}.yaml"));
        let text = fs::read_to_string(&path).unwrap();
        let key = format!("{field}: ");
        let lines = text.lines().map(|line| match line.starts_with(&key) {
            true => format!("{key}{value}\n"),
            false => format!("{line}\n"),
        });
        let said: String = lines.collect();
        assert_ne!(said, text, "{file} says that already");
        fs::write(path, said).unwrap();
    }

    /// Writes the description of `web`, pushes it, and commits that.
    #[track_caller]
    fn push(&self, description: &str) -> String {
        self.say("web", "description", description);
        self.tenantry("push --yes").exits(0);
        let commit = self.commit(&format!("Say {description}"));
        self.bed.sandbox.clear_requests();
        commit
    }

    /// Writes the description of `web`, and commits that: a merge into main, of which a pipeline is to make something.
    fn merge(&self, description: &str) -> String {
        self.say("web", "description", description);
        self.commit(&format!("Say {description}"))
    }

    #[track_caller]
    fn is_clean(&self) {
        assert_eq!(self.git("status --porcelain"), "");
    }

    /// What differs, as `client.field change`.
    fn differs(&self, options: &str) -> Vec<String> {
        let run = self.tenantry(&format!("diff -o json {options}"));
        let document = run.json();
        let mut found = Vec::new();
        for client in document["resources"].as_array().unwrap() {
            let name = client["name"].as_str().unwrap();
            if client["state"] != "changed" {
                found.push(format!("{name} {}", client["state"].as_str().unwrap()));
            }
            for field in client["fields"].as_array().unwrap() {
                let text = |key: &str| field[key].as_str().unwrap().to_owned();
                found.push(format!("{name}.{} {}", text("field"), text("change")));
            }
        }
        assert_eq!(run.code, i32::from(!found.is_empty()), "{run}");
        found
    }

    /// Pushes, and fails unless exactly that description of `web` was sent.
    #[track_caller]
    fn sends(&self, options: &str, description: &str) {
        self.bed.sandbox.clear_requests();
        self.tenantry(&format!("push --yes {options}")).exits(0);
        let sent = ("w".to_owned(), json!({"description": description}));
        assert_eq!(self.bed.patches(), [sent]);
        assert_eq!(live(self.bed), description);
        self.bed.sandbox.clear_requests();
    }

    /// Pushes, and fails if anything was sent.
    #[track_caller]
    fn sends_nothing(&self, options: &str, code: i32) -> Run {
        self.bed.sandbox.clear_requests();
        let run = self.tenantry(&format!("push --yes {options}")).exits(code);
        self.bed.assert_only_gets();
        run
    }
}

/// What the tenant says of `web`.
fn live(bed: &Bed) -> Value {
    bed.live("w")["description"].clone()
}

/// Somebody edits `web` on the dashboard.
fn dashboard(bed: &Bed, description: &str) {
    bed.sandbox
        .edit("w", "description", Some(json!(description)));
}

const EDIT: [&str; 1] = ["Web.description edit"];
const DRIFT: [&str; 1] = ["Web.description drift"];
const CONFLICT: [&str; 1] = ["Web.description conflict"];
const NOTHING: [&str; 0] = [];

#[test]
fn a_push_that_is_reverted_is_an_edit_and_is_sent_back() {
    let bed = bed();
    let place = origin(&bed);
    place.push("two");
    place.git("revert --no-edit HEAD");
    assert_eq!(place.differs(""), EDIT);
    place.sends("", "one");
    assert_eq!(place.differs(""), NOTHING);
    place.commit("Rolled back");
    place.sends_nothing("", 0);
    place.is_clean();
}

#[test]
fn a_pull_after_a_revert_keeps_what_was_brought_back() {
    let bed = bed();
    let place = origin(&bed);
    place.push("two");
    place.git("revert --no-edit HEAD");
    place.tenantry("pull").exits(0);
    assert_eq!(place.says("web", "description").unwrap(), "one");
    assert_eq!(place.differs(""), EDIT);
    place.commit("Pulled");
    place.sends("", "one");
}

#[test]
fn pushes_in_a_row_are_reverted_together() {
    let bed = bed();
    let place = origin(&bed);
    place.push("two");
    place.push("three");
    place.push("four");
    place.git("revert --no-edit HEAD~3..HEAD");
    assert_eq!(place.differs(""), EDIT);
    place.sends("", "one");
    assert_eq!(place.differs(""), NOTHING);
}

#[test]
fn pushes_are_reverted_one_after_the_other() {
    let bed = bed();
    let place = origin(&bed);
    place.push("two");
    place.push("three");
    place.git("revert --no-edit HEAD");
    place.sends("", "two");
    place.commit("Rolled back");
    assert_eq!(place.differs(""), NOTHING);
    // The lock that this brings back is older than every push, the one of the rollback included.
    place.git("checkout -q HEAD~4 -- tenant");
    assert_eq!(place.differs(""), EDIT);
    place.sends("", "one");
}

#[test]
fn a_revert_of_a_revert_is_an_edit_again() {
    let bed = bed();
    let place = origin(&bed);
    place.push("two");
    place.git("revert --no-edit HEAD");
    place.sends("", "one");
    let rolled_back = place.commit("Rolled back");
    place.git("revert --no-edit HEAD");
    place.git(&format!("checkout -q {rolled_back}~2 -- tenant"));
    assert_eq!(place.differs(""), EDIT);
    place.sends("", "two");
}

#[test]
fn an_older_push_is_reverted_under_other_commits() {
    let bed = bed();
    let place = origin(&bed);
    let two = place.push("two");
    place.say("api", "description", "zwei");
    place.tenantry("push --yes").exits(0);
    place.commit("Another client");
    fs::write(place.path("notes"), "x").unwrap();
    place.commit("Something else");
    place.git(&format!("revert --no-edit {two}"));
    assert_eq!(place.differs(""), EDIT);
    place.sends("", "one");
    assert_eq!(bed.live("a")["description"], "zwei");
    assert_eq!(place.differs(""), NOTHING);
}

#[test]
fn an_older_state_over_head_is_an_edit() {
    let bed = bed();
    let place = origin(&bed);
    place.push("two");
    place.push("three");
    place.git("checkout -q HEAD~2 -- tenant");
    assert_eq!(place.differs(""), EDIT);
    place.sends("", "one");
    place.commit("Older");
    assert_eq!(place.differs(""), NOTHING);
    place.is_clean();
}

#[test]
fn only_one_of_several_fields_is_reverted() {
    let bed = bed();
    let place = origin(&bed);
    place.say("web", "description", "two");
    place.say("web", "name", "Shop");
    place.tenantry("push --yes").exits(0);
    place.commit("Both");
    place.git("checkout -q HEAD~1 -- tenant");
    place.say("web", "name", "Shop");
    assert_eq!(place.differs(""), ["Shop.description edit"]);
    place.sends("", "one");
    assert_eq!(bed.live("w")["name"], "Shop");
}

/// Two branches that both pushed a description: `other` first, `main` then, over it. HEAD is `main`.
fn two_pushes(place: &Place<'_>) {
    place.git("switch -q -c other");
    place.push("theirs");
    place.git("switch -q main");
    place.say("web", "description", "ours");
    // What `other` pushed is no base here.
    assert_eq!(place.differs(""), CONFLICT);
    place.sends_nothing("", 1);
    place.sends("--overwrite-drift", "ours");
    place.commit("Ours");
}

/// Merges `other`, and fails unless that has a conflict.
#[track_caller]
fn conflicts(place: &Place<'_>) {
    let merged = git::attempt(&place.folder, &["merge", "-q", "other"]);
    assert!(merged.is_err(), "it has a conflict");
}

#[test]
fn a_merge_that_chose_the_push_that_is_not_live_is_an_edit() {
    let bed = bed();
    let place = origin(&bed);
    two_pushes(&place);
    conflicts(&place);
    place.git("checkout -q --theirs -- tenant");
    place.commit("Theirs");
    assert_eq!(place.differs(""), EDIT);
    place.sends("", "theirs");
    assert_eq!(place.differs(""), NOTHING);
}

#[test]
fn a_merge_that_chose_the_push_that_is_live_is_no_difference() {
    let bed = bed();
    let place = origin(&bed);
    two_pushes(&place);
    conflicts(&place);
    place.git("checkout -q --ours -- tenant");
    place.commit("Ours");
    assert_eq!(place.differs(""), NOTHING);
    place.sends_nothing("", 0);
    // That the merge chose this one is written down.
    place.commit("Settled");
    place.sends_nothing("", 0);
    place.is_clean();
    dashboard(&bed, "theirs");
    assert_eq!(place.differs(""), DRIFT);
}

#[test]
fn a_merge_may_take_the_lock_of_one_and_the_file_of_the_other() {
    for (lock, file, expected) in [("ours", "theirs", &EDIT[..]), ("theirs", "ours", &NOTHING)] {
        let bed = bed();
        let place = origin(&bed);
        two_pushes(&place);
        conflicts(&place);
        place.git(&format!("checkout -q --{lock} -- tenant/tenant.lock"));
        place.git(&format!("checkout -q --{file} -- tenant/clients"));
        place.commit("Merged");
        assert_eq!(place.differs(""), expected);
        place.tenantry("push --yes").exits(0);
        assert_eq!(live(&bed), file);
        assert_eq!(place.differs(""), NOTHING);
    }
}

#[test]
fn what_another_branch_pushed_is_drift() {
    let bed = bed();
    let place = origin(&bed);
    place.git("switch -q -c other");
    place.push("two");
    place.git("switch -q main");
    assert_eq!(place.differs(""), DRIFT);
    place.sends_nothing("", 0);
    place.tenantry("pull").exits(0);
    assert_eq!(place.says("web", "description").unwrap(), "two");
}

#[test]
fn a_dashboard_that_goes_back_to_an_older_value_is_drift() {
    let bed = bed();
    let place = origin(&bed);
    place.push("two");
    dashboard(&bed, "one");
    assert_eq!(place.differs(""), DRIFT);
    place.sends_nothing("", 0);
    place.tenantry("pull").exits(0);
    assert_eq!(place.says("web", "description").unwrap(), "one");
}

#[test]
fn it_is_drift_too_after_a_revert_was_pushed() {
    let bed = bed();
    let place = origin(&bed);
    place.push("two");
    place.git("revert --no-edit HEAD");
    place.sends("", "one");
    for commit in [false, true] {
        if commit {
            place.commit("Rolled back");
        }
        dashboard(&bed, "two");
        assert_eq!(place.differs(""), DRIFT);
        place.sends_nothing("", 0);
        assert_eq!(live(&bed), "two");
        dashboard(&bed, "one");
    }
}

#[test]
fn it_is_drift_too_after_a_revert_was_settled_by_a_pull() {
    let bed = bed();
    let place = origin(&bed);
    place.push("two");
    place.git("revert --no-edit HEAD");
    // The tenant's value is taken after all.
    place.tenantry("pull --discard-local").exits(0);
    assert_eq!(place.says("web", "description").unwrap(), "two");
    place.commit("Settled");
    dashboard(&bed, "one");
    assert_eq!(place.differs(""), DRIFT);
    place.sends_nothing("", 0);
}

#[test]
fn a_revert_that_the_dashboard_made_as_well_is_no_difference() {
    let bed = bed();
    let place = origin(&bed);
    place.push("two");
    place.git("revert --no-edit HEAD");
    dashboard(&bed, "one");
    assert_eq!(place.differs(""), NOTHING);
    place.sends_nothing("", 0);
    // Whatever comes after that is a change of the dashboard's, once a command has seen that they agree.
    place.tenantry("pull").exits(0);
    place.commit("Agreed");
    dashboard(&bed, "two");
    assert_eq!(place.differs(""), DRIFT);
}

#[test]
fn a_dashboard_edit_after_the_push_conflicts_with_its_revert() {
    let bed = bed();
    let place = origin(&bed);
    place.push("two");
    dashboard(&bed, "theirs");
    place.git("revert --no-edit HEAD");
    assert_eq!(place.differs(""), CONFLICT);
    place.sends_nothing("", 1);
    assert_eq!(live(&bed), "theirs");
}

#[test]
fn a_dashboard_edit_of_another_field_beside_a_revert_is_drift() {
    let bed = bed();
    let place = origin(&bed);
    place.push("two");
    bed.sandbox.edit("w", "name", Some(json!("Shop")));
    place.git("revert --no-edit HEAD");
    assert_eq!(
        place.differs(""),
        ["Shop.name drift", "Shop.description edit"]
    );
    place.sends("", "one");
    assert_eq!(bed.live("w")["name"], "Shop");
}

#[test]
fn branches_that_pushed_different_clients_merge_without_a_word() {
    let bed = bed();
    let place = origin(&bed);
    place.git("switch -q -c other");
    place.say("api", "description", "zwei");
    place.tenantry("push --yes").exits(0);
    place.commit("Their client");
    place.git("switch -q main");
    place.push("two");
    place.git("merge -q --no-edit other");
    assert_eq!(place.differs(""), NOTHING);
    place.sends_nothing("", 0);
    place.tenantry("pull").exits(0);
    place.is_clean();
}

#[test]
fn what_a_merged_branch_left_as_it_was_is_no_base() {
    let bed = bed();
    let place = origin(&bed);
    place.git("branch other");
    // Each branch pushes another field of the same client, and both were at the same serial.
    place.say("web", "name", "Shop");
    place.tenantry("push --yes").exits(0);
    place.commit("Shop");
    place.git("switch -q other");
    let path = place.path("tenant/clients/web.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("  - x\n", "  - y\n")).unwrap();
    place.tenantry("push --yes").exits(0);
    place.commit("y");
    place.git("switch -q main");
    place.git("merge -q --no-edit other");
    assert_eq!(place.differs(""), NOTHING);
    // The other branch says Web as well, since it never touched the name.
    bed.sandbox.edit("w", "name", Some(json!("Web")));
    assert_eq!(place.differs(""), ["Web.name drift"]);
    place.sends_nothing("", 0);
}

/// Each of two branches pushed another field of `web`, and the merge took the lock of `main`, where the description is what it was
/// before. The file has what `other` pushed, or what was there before.
fn merged_with_our_lock(place: &Place<'_>, description: &str) {
    place.git("switch -q -c other");
    place.push("theirs");
    place.git("switch -q main");
    place.say("web", "name", "Shop");
    place.tenantry("push --yes").exits(0);
    place.commit("Shop");
    conflicts(place);
    place.git("checkout -q --ours -- tenant/tenant.lock");
    place.git("checkout -q --theirs -- tenant/clients");
    place.say("web", "name", "Shop");
    if description != "theirs" {
        place.say("web", "description", description);
    }
    place.commit("Merged");
}

#[test]
fn a_dashboard_that_goes_back_to_what_our_lock_still_has_is_drift() {
    let bed = bed();
    let place = origin(&bed);
    merged_with_our_lock(&place, "theirs");
    assert_eq!(place.differs(""), NOTHING);
    dashboard(&bed, "one");
    assert_eq!(place.differs(""), ["Shop.description drift"]);
    place.sends_nothing("", 0);
    place.tenantry("pull").exits(0);
    assert_eq!(place.says("web", "description").unwrap(), "one");
}

#[test]
fn a_dashboard_edit_over_what_a_merged_branch_pushed_is_drift() {
    let bed = bed();
    let place = origin(&bed);
    merged_with_our_lock(&place, "theirs");
    dashboard(&bed, "three");
    assert_eq!(place.differs(""), ["Shop.description drift"]);
    place.sends_nothing("", 0);
}

#[test]
fn a_merge_that_took_back_what_a_branch_pushed_is_an_edit_and_conflicts_with_a_dashboard_edit() {
    let bed = bed();
    let place = origin(&bed);
    merged_with_our_lock(&place, "one");
    assert_eq!(place.differs(""), ["Shop.description edit"]);
    dashboard(&bed, "three");
    assert_eq!(place.differs(""), ["Shop.description conflict"]);
    place.sends_nothing("", 1);
    // It stays one, and so does the file.
    place.tenantry("pull").exits(1);
    assert_eq!(place.says("web", "description").unwrap(), "one");
    assert_eq!(place.differs(""), ["Shop.description conflict"]);
}

#[test]
fn a_client_that_was_gone_and_is_back_as_it_was_is_looked_for_in_the_past() {
    let bed = bed();
    let place = origin(&bed);
    let first = place.git("rev-parse HEAD");
    place.push("two");
    place.git("rm -q tenant/clients/web.yaml");
    let lock = place.read("tenant/tenant.lock");
    let mut document: Value = serde_json::from_str(&lock).unwrap();
    document["clients"].as_object_mut().unwrap().remove("w");
    fs::write(place.path("tenant/tenant.lock"), document.to_string()).unwrap();
    place.tenantry("pull api").exits(0);
    place.commit("Without web");
    // From here on, git's own folder has a note of the past so far.
    place.tenantry("push --yes").exits(0);
    assert!(place.path(".git/tenantry").is_dir());
    place.git(&format!("checkout -q {first} -- tenant"));
    place.commit("Back");
    assert_eq!(place.differs(""), EDIT);
    place.sends("", "one");
}

#[test]
fn a_shallow_clone_is_told_that_its_past_is_short() {
    let bed = bed();
    let place = origin(&bed);
    place.push("two");
    place.git("revert --no-edit HEAD");
    let clone = place.clone("runner", "--depth 1");
    let run = clone.sends_nothing("", 0);
    assert!(run.stderr.contains("git fetch --unshallow"), "{run}");
    clone.git("fetch -q --unshallow");
    clone.sends("", "one");
}

#[cfg(unix)]
#[test]
fn where_git_does_not_answer_nothing_is_pushed() {
    let bed = bed();
    let place = origin(&bed);
    place.say("web", "description", "two");
    fs::write(place.path(".git/HEAD"), "nothing\n").unwrap();
    let run = place.sends_nothing("", 2);
    assert!(run.stderr.contains("git rev-parse"), "{run}");
    assert_eq!(
        place
            .tenantry("diff")
            .exits(1)
            .stderr
            .matches("warning: ")
            .count(),
        1
    );
}

#[test]
fn a_folder_that_was_moved_keeps_its_base() {
    let bed = bed();
    let place = origin(&bed);
    place.git("mv tenant tenants");
    place.commit("Move");
    dashboard(&bed, "night fix");
    let run = place
        .tenantry("diff --dir tenants --base HEAD~1 -o json")
        .exits(1);
    assert_eq!(run.json()["summary"]["drift"], 1, "{run}");
    bed.sandbox.clear_requests();
    place
        .tenantry("push --yes --dir tenants --base HEAD~1")
        .exits(0);
    bed.assert_only_gets();
}

#[test]
fn a_file_that_was_broken_at_base_and_has_another_name_is_of_an_unknown_base() {
    let bed = bed();
    let place = origin(&bed);
    let path = place.path("tenant/clients/web.yaml");
    let whole = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{whole}<<<<<<< HEAD\n")).unwrap();
    place.commit("Broken");
    fs::write(&path, whole).unwrap();
    place.git("mv tenant/clients/web.yaml tenant/clients/shop.yaml");
    place.commit("Mended");
    dashboard(&bed, "night fix");
    assert_eq!(place.differs("--base HEAD~1"), CONFLICT);
    place.sends_nothing("--base HEAD~1", 1);
}

#[test]
fn a_branch_behind_its_base_is_told() {
    let bed = bed();
    let place = origin(&bed);
    place.git("branch feature");
    place.push("two");
    place.git("switch -q feature");
    let run = place.tenantry("diff --base main").exits(1);
    assert!(
        run.stderr.contains("this branch lacks commits of main"),
        "{run}"
    );
    place.git("switch -q main");
    let run = place.tenantry("diff --base HEAD~1").exits(0);
    assert_eq!(run.stderr, "");
}

#[test]
fn who_asked_for_a_base_and_with_what_is_said() {
    let bed = bed();
    let place = origin(&bed);
    place.merge("two");
    fs::write(place.path("tenant/tenantry.yaml"), "base: origin/mian\n").unwrap();
    let run = place.tenantry("diff").exits(2);
    assert!(
        run.stderr
            .contains("`base:` in tenantry.yaml: there is no commit `origin/mian`"),
        "{run}"
    );
    let mut command = place.command();
    command.args(["diff"]).env("TENANTRY_BASE", "mian");
    let run = bed.run_command(command).exits(2);
    assert!(
        run.stderr
            .contains("TENANTRY_BASE in the environment: there is no commit `mian`"),
        "{run}"
    );
    // The words to type at a conflict have the base that was typed.
    dashboard(&bed, "theirs");
    let run = place.sends_nothing("--base HEAD~1", 1);
    let hint =
        "`tenantry push --base 'HEAD~1' --overwrite-drift --fields description clients/web.yaml`";
    assert!(run.stderr.contains(hint), "{run}");
}

#[test]
fn a_rev_that_is_typed_as_nothing_is_a_mistake() {
    let bed = bed();
    let place = origin(&bed);
    let run = place.with(&["push", "--yes", "--base", ""]).exits(2);
    assert!(run.stderr.contains("is no REV"), "{run}");
    bed.assert_only_gets();
}

#[test]
fn after_a_reset_to_before_a_push_what_was_pushed_is_drift() {
    let bed = bed();
    let place = origin(&bed);
    place.push("two");
    place.git("reset -q --hard HEAD~1");
    assert_eq!(place.differs(""), DRIFT);
    place.sends_nothing("", 0);
    assert_eq!(live(&bed), "two");
    place.tenantry("pull").exits(0);
    assert_eq!(place.says("web", "description").unwrap(), "two");
}

#[test]
fn a_lock_that_lost_an_entry_has_it_from_the_past() {
    let bed = bed();
    let place = origin(&bed);
    place.push("two");
    fs::remove_file(place.path("tenant/tenant.lock")).unwrap();
    dashboard(&bed, "theirs");
    assert_eq!(place.differs(""), DRIFT);
    place.tenantry("pull").exits(0);
    assert_eq!(place.says("web", "description").unwrap(), "theirs");
}

#[test]
fn outside_a_repository_and_without_git_the_lock_alone_counts() {
    let bed = bed();
    let place = origin(&bed);
    place.push("two");
    place.git("revert --no-edit HEAD");
    let mut command = place.command();
    command.env("PATH", place.path("nowhere")).args(["diff"]);
    let run = bed.run_command(command).exits(1);
    assert!(run.stdout.contains("drift"), "{run}");
    fs::rename(place.path(".git"), bed.path("elsewhere")).unwrap();
    assert_eq!(place.differs(""), DRIFT);
    place.sends_nothing("", 0);
}

#[test]
fn a_field_whose_base_nobody_knows_conflicts() {
    let bed = bed();
    let place = origin(&bed);
    fs::remove_dir_all(place.path(".git")).unwrap();
    let lock = place.read("tenant/tenant.lock");
    let line = lock
        .lines()
        .find(|line| line.contains(r#""description": "one""#));
    let line = format!("{}\n", line.unwrap());
    fs::write(place.path("tenant/tenant.lock"), lock.replace(&line, "")).unwrap();
    assert_eq!(place.differs(""), NOTHING);
    place.say("web", "description", "two");
    let plan = place.tenantry("diff -o json").exits(1).json();
    let field = &plan["resources"][0]["fields"][0];
    assert_eq!(field["change"], "conflict");
    assert_eq!(field.get("base"), None);
    place.sends_nothing("", 1);
    place.tenantry("pull").exits(1);
    assert_eq!(place.says("web", "description").unwrap(), "two");
    // It is known again once both sides say the same.
    place.say("web", "description", "one");
    place.tenantry("pull").exits(0);
    let known: Value = serde_json::from_str(&place.read("tenant/tenant.lock")).unwrap();
    let before: Value = serde_json::from_str(&lock).unwrap();
    assert_eq!(
        known["clients"]["w"]["base"],
        before["clients"]["w"]["base"]
    );
    place.say("web", "description", "two");
    assert_eq!(place.differs(""), EDIT);
}

// `--base`.

#[test]
fn in_a_pull_request_base_is_the_target_branch() {
    let bed = bed();
    let place = origin(&bed);
    let main = place.git("rev-parse main");
    place.git("switch -q -c feature");
    place.merge("two");
    let run = place.tenantry("diff -o json --base main").exits(1);
    let plan = run.json();
    assert_eq!(plan["base"], json!({"from": "git", "commit": main}));
    assert_eq!(plan["summary"]["edit"], 1);
    let clone = place.clone("runner", "-b feature");
    assert_eq!(clone.differs("--base origin/main"), EDIT);
    bed.assert_only_gets();
    clone.is_clean();
}

#[test]
fn without_it_base_is_said_to_be_from_the_lock() {
    let bed = bed();
    let plan = origin(&bed).tenantry("diff -o json").exits(0).json();
    assert_eq!(plan["base"], json!({"from": "lock"}));
}

#[test]
fn a_pipeline_sends_edit_after_edit_of_a_field_and_has_nothing_to_commit() {
    let bed = bed();
    let place = origin(&bed);
    for (number, description) in ["two", "three", "four", "one"].iter().enumerate() {
        place.merge(description);
        let clone = place.clone(&format!("runner{number}"), "--depth 2");
        clone.sends("--base HEAD~1", description);
        assert_eq!(clone.differs("--base HEAD"), NOTHING);
        clone.is_clean();
    }
    // A revert, as the hosting site's button makes it, is a merge like another.
    place.git("revert --no-edit HEAD");
    let clone = place.clone("runner", "--depth 2");
    clone.sends("--base HEAD^1", "four");
    clone.is_clean();
}

#[test]
fn at_night_base_is_head() {
    let bed = bed();
    let place = origin(&bed);
    place.merge("two");
    place.sends("--base HEAD~1", "two");
    let clone = place.clone("runner", "--depth 1");
    assert_eq!(clone.differs("--base HEAD"), NOTHING);
    dashboard(&bed, "theirs");
    assert_eq!(clone.differs("--base HEAD"), DRIFT);
    clone.sends_nothing("--base HEAD", 0);
    clone.is_clean();
}

#[test]
fn a_dashboard_edit_beside_and_under_an_edit() {
    let bed = bed();
    let place = origin(&bed);
    place.merge("two");
    bed.sandbox.edit("w", "name", Some(json!("Shop")));
    assert_eq!(
        place.differs("--base HEAD~1"),
        ["Shop.name drift", "Shop.description edit"]
    );
    place.sends("--base HEAD~1", "two");
    assert_eq!(bed.live("w")["name"], "Shop");
    place.merge("three");
    dashboard(&bed, "theirs");
    let run = place.sends_nothing("--base HEAD~1", 1);
    assert!(run.stderr.contains("description"), "{run}");
    assert_eq!(live(&bed), "theirs");
}

#[test]
fn renamed_and_moved_files_keep_their_base() {
    let bed = bed();
    let place = origin(&bed);
    place.git("mv tenant/clients/web.yaml tenant/clients/shop.yaml");
    place.say("shop", "description", "two");
    place.commit("Rename and edit");
    dashboard(&bed, "theirs");
    assert_eq!(place.differs("--base HEAD~1"), CONFLICT);
    dashboard(&bed, "one");
    place.sends("--base HEAD~1", "two");
    // Two files that change places, and another format.
    place.git("mv tenant/clients/shop.yaml tenant/clients/tmp.yaml");
    place.git("mv tenant/clients/api.yaml tenant/clients/shop.yaml");
    place.git("mv tenant/clients/tmp.yaml tenant/clients/api.yaml");
    let json = r#"{"client_id": "a", "name": "Api", "description": "zwei"}"#;
    place.git("mv tenant/clients/shop.yaml tenant/clients/shop.json");
    fs::write(place.path("tenant/clients/shop.json"), json).unwrap();
    place.commit("Change places");
    assert_eq!(place.differs("--base HEAD~1"), ["Api.description edit"]);
}

#[test]
fn a_file_that_is_new_has_no_base_and_one_that_is_gone_is_none() {
    let bed = bed();
    let place = origin(&bed);
    bed.sandbox
        .create(json!({"client_id": "n", "name": "New", "description": "x"}));
    let path = place.path("tenant/clients/new.yaml");
    fs::write(&path, "client_id: n\ndescription: y\n").unwrap();
    place.git("rm -q tenant/clients/api.yaml");
    place.commit("One more, one less");
    let plan = place.tenantry("diff -o json --base HEAD~1").exits(1).json();
    let new = plan["resources"].as_array().unwrap();
    let new = new.iter().find(|client| client["id"] == "n").unwrap();
    assert_eq!(
        new["fields"],
        json!([{"field": "description", "change": "edit", "local": "y", "live": "x"}])
    );
    place.tenantry("push --yes --base HEAD~1").exits(0);
    assert_eq!(
        bed.patches(),
        [("n".to_owned(), json!({"description": "y"}))]
    );
    assert_eq!(bed.live("a")["description"], "eins");
    place.is_clean();
}

#[test]
fn a_key_that_the_file_lacks_at_base_was_absent() {
    let bed = Bed::new().client("w", "Web", json!({})).start();
    let place = origin(&bed);
    fs::create_dir(&place.folder).unwrap();
    place.git("init -q -b main");
    place.tenantry("pull").exits(0);
    place.commit("Pull");
    let path = place.path("tenant/clients/web.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(
        &path,
        text.replace("name: Web\n", "name: Web\ndescription: two\n"),
    )
    .unwrap();
    place.commit("Describe");
    assert_eq!(place.differs("--base HEAD~1"), EDIT);
    dashboard(&bed, "theirs");
    assert_eq!(place.differs("--base HEAD~1"), CONFLICT);
    bed.sandbox.edit("w", "description", None);
    place.sends("--base HEAD~1", "two");
}

#[test]
fn the_bases_of_the_lock_are_neither_read_nor_written() {
    let bed = bed();
    let place = origin(&bed);
    let lock = place.read("tenant/tenant.lock");
    let wrong = lock
        .replace("\"one\"", "\"wrong\"")
        .replace("\"eins\"", "\"falsch\"");
    fs::write(place.path("tenant/tenant.lock"), &wrong).unwrap();
    place.commit("A lock that knows nothing");
    place.merge("two");
    assert_eq!(place.differs("--base HEAD~1"), EDIT);
    place.sends("--base HEAD~1", "two");
    dashboard(&bed, "theirs");
    place.tenantry("pull --base HEAD").exits(0);
    assert_eq!(place.says("web", "description").unwrap(), "theirs");
    assert_eq!(place.git("status --porcelain"), "M tenant/clients/web.yaml");
    assert_eq!(place.read("tenant/tenant.lock"), wrong);
}

#[test]
fn a_pull_from_a_commit_keeps_edits_and_reports_conflicts() {
    let bed = bed();
    let place = origin(&bed);
    place.say("web", "description", "two");
    dashboard(&bed, "theirs");
    bed.sandbox.edit("a", "description", Some(json!("zwei")));
    place.tenantry("pull --base HEAD").exits(1);
    assert_eq!(place.says("web", "description").unwrap(), "two");
    assert_eq!(place.says("api", "description").unwrap(), "zwei");
    assert_eq!(
        place.git("status --porcelain"),
        "M tenant/clients/api.yaml\n M tenant/clients/web.yaml"
    );
}

#[test]
fn it_is_given_by_option_environment_or_project() {
    let bed = bed();
    let place = origin(&bed);
    place.merge("two");
    place.merge("three");
    let from = |environment: Option<&str>, options: &str| {
        let mut command = place.command();
        command.args(["diff", "-o", "json"]).args(words(options));
        if let Some(base) = environment {
            command.env("TENANTRY_BASE", base);
        }
        bed.run_command(command).json()["base"].clone()
    };
    let git = |rev: &str| json!({"from": "git", "commit": place.git(&format!("rev-parse {rev}"))});
    let lock = json!({"from": "lock"});
    assert_eq!(from(Some("HEAD~1"), ""), git("HEAD~1"));
    assert_eq!(from(Some(""), ""), lock);
    assert_eq!(from(Some("HEAD~1"), "--base HEAD~2"), git("HEAD~2"));
    fs::write(place.path("tenant/tenantry.yaml"), "base: HEAD\n").unwrap();
    assert_eq!(from(None, ""), git("HEAD"));
    assert_eq!(from(Some("HEAD~1"), ""), git("HEAD~1"));
    assert_eq!(from(Some("HEAD~1"), "--base HEAD~2"), git("HEAD~2"));
}

#[test]
fn a_conflict_names_the_commit_that_the_tenant_is_at() {
    let bed = bed();
    let place = origin(&bed);
    let one = place.git("rev-parse HEAD");
    // The job that was to apply this never ran.
    place.merge("two");
    place.merge("three");
    let run = place.sends_nothing("--base HEAD~1", 1);
    let found = words(&run.stderr).into_iter().find(|word| {
        let word = word.trim_matches(|c: char| !c.is_ascii_hexdigit());
        word.len() >= 7 && one.starts_with(word)
    });
    assert!(
        found.is_some() && run.stderr.contains("--base"),
        "no {one} in {run}"
    );
    place.sends(&format!("--base {one}"), "three");
    place.is_clean();
}

#[test]
fn a_conflict_with_the_dashboard_names_no_commit() {
    let bed = bed();
    let place = origin(&bed);
    place.merge("two");
    dashboard(&bed, "theirs");
    let run = place.sends_nothing("--base HEAD~1", 1);
    assert!(!run.stderr.contains("makes it good"), "{run}");
}

/// What a REV that can't be used comes to: nothing is asked of the tenant that changes it, and exit code 2.
#[track_caller]
fn refused(place: &Place<'_>, rev: &str) -> Run {
    for command in ["diff", "pull", "push"] {
        place.bed.sandbox.clear_requests();
        let files = place.bed.files("origin/tenant");
        let run = place.with(&[command, &format!("--base={rev}")]);
        assert_eq!(run.code, 2, "{command} {rev:?}: {run}");
        place.bed.assert_only_gets();
        assert_eq!(place.bed.files("origin/tenant"), files);
        assert!(run.stderr.contains("hint: "), "{rev:?}: {run}");
    }
    place
        .with(&["push", "--yes", &format!("--base={rev}")])
        .exits(2)
}

#[test]
fn a_commit_that_a_shallow_clone_lacks_is_to_be_fetched() {
    let bed = bed();
    let place = origin(&bed);
    let old = place.git("rev-parse HEAD");
    place.merge("two");
    place.git("branch target HEAD~1");
    let clone = place.clone("runner", "--depth 1");
    let one = format!("git fetch --depth=1 origin {old}");
    for (rev, hint) in [
        ("HEAD~1", "git fetch --deepen"),
        (&old, &one),
        ("origin/target", "git fetch --depth=1 origin"),
    ] {
        let run = clone.sends_nothing(&format!("--base {rev}"), 2);
        assert!(
            run.stderr.contains(rev) && run.stderr.contains(hint),
            "{run}"
        );
        assert!(run.stderr.contains("fetch-depth: 0"), "{run}");
    }
    // What it says to type works.
    clone.git(&format!("fetch -q --depth=1 origin {old}"));
    clone.sends(&format!("--base {old}"), "two");
}

#[test]
fn a_rev_that_does_not_exist_is_an_error() {
    let bed = bed();
    let place = origin(&bed);
    place.merge("two");
    refused(&place, "mian").complains("mian");
    refused(&place, "HEAD~9").complains("HEAD~9");
    refused(&place, "0123456789012345678901234567890123456789");
}

#[test]
fn without_a_repository_or_git_a_rev_is_an_error() {
    let bed = bed();
    let place = origin(&bed);
    place.merge("two");
    let mut command = place.command();
    command
        .env("PATH", place.path("nowhere"))
        .args(["push", "--yes", "--base", "HEAD~1"]);
    bed.run_command(command).exits(2).complains("git");
    bed.assert_only_gets();
    fs::remove_dir_all(place.path(".git")).unwrap();
    refused(&place, "HEAD").complains("repository");
}

#[test]
fn a_repository_without_a_commit_has_no_base_to_name() {
    let bed = Bed::new().client("w", "Web", json!({})).start();
    let place = origin(&bed);
    fs::create_dir(&place.folder).unwrap();
    place.git("init -q -b main");
    place.tenantry("pull").exits(0);
    assert_eq!(place.differs(""), NOTHING);
    refused(&place, "HEAD");
}

#[test]
fn a_rev_is_never_an_option_or_a_path_of_git_s() {
    let bed = bed();
    let place = origin(&bed);
    place.merge("two");
    let revs = [
        "--output=x",
        "-n1",
        "--all",
        "-",
        "--",
        "HEAD:tenant",
        "HEAD:tenant/clients/web.yaml",
        ":/Pull",
        ":tenant/tenant.lock",
        "HEAD~1..HEAD",
        "HEAD~1...HEAD",
        "^main",
        "^HEAD~1",
        "HEAD^@",
        "HEAD HEAD",
        "HEAD\nHEAD",
        "HEAD~1\n",
        " ",
        "tenant/clients/web.yaml",
        "HEAD^{tree}",
        "HEAD -- tenant",
    ];
    for rev in revs {
        refused(&place, rev);
    }
    assert!(!place.path("x").exists());
    place.is_clean();
}

#[test]
fn every_way_to_name_a_commit_works() {
    let bed = bed();
    let place = origin(&bed);
    let one = place.git("rev-parse HEAD");
    place.git("tag v1");
    place.git("tag -a -m annotated v1-annotated");
    place.git("branch feature/of-mine");
    place.merge("two");
    let revs = [
        one.as_str(),
        &one[..8],
        "HEAD~1",
        "HEAD^",
        "HEAD^1",
        "@~1",
        "@^",
        "v1",
        "v1-annotated",
        "refs/tags/v1",
        "feature/of-mine",
        "refs/heads/feature/of-mine",
        "main@{1}",
        "main~1",
    ];
    for rev in revs {
        let plan = place
            .with(&["diff", "-o", "json", "--base", rev])
            .exits(1)
            .json();
        assert_eq!(plan["base"], json!({"from": "git", "commit": one}), "{rev}");
        assert_eq!(plan["summary"]["edit"], 1, "{rev}");
    }
}

#[test]
fn a_plan_of_the_request_is_applied_to_the_merge() {
    let bed = bed();
    let place = origin(&bed);
    place.git("switch -q -c feature");
    place.merge("two");
    let plan = place.tenantry("diff -o json --base main").exits(1).stdout;
    let plan = plan.replace("127.0.0.1:PORT", &bed.address());
    bed.write("plan.json", &plan);
    let plan = bed.path("plan.json");
    let options = format!("--plan {} --base HEAD^1", plan.display());
    place.git("switch -q main");
    // Nothing that the files do not say.
    place
        .sends_nothing(&options.replace("HEAD^1", "HEAD"), 1)
        .complains("web");
    place.git("merge -q --no-ff --no-edit feature");
    let clone = place.clone("runner", "--depth 2");
    dashboard(&bed, "theirs");
    clone.sends_nothing(&options, 1).complains("description");
    dashboard(&bed, "one");
    clone.sends(&options, "two");
    clone.is_clean();
    // Once more sends nothing more.
    clone.sends_nothing(&options, 0);
}

// What git does to line endings.

#[test]
fn a_checkout_with_crlf_differs_in_nothing() {
    let bed = bed();
    let place = origin(&bed);
    place.merge("two");
    let clone = place.clone("windows", "-c core.autocrlf=true");
    assert!(clone.read("tenant/clients/web.yaml").contains("\r\n"));
    assert!(clone.read("tenant/tenant.lock").contains("\r\n"));
    assert_eq!(clone.differs("--base HEAD~1"), EDIT);
    assert_eq!(clone.differs(""), EDIT);
    clone.sends("--base HEAD~1", "two");
    assert_eq!(clone.differs("--base HEAD"), NOTHING);
    clone.is_clean();
}

#[test]
fn a_pull_that_changes_nothing_leaves_git_clean_under_autocrlf() {
    let bed = bed();
    let place = origin(&bed);
    for (name, crlf) in [("true", "true"), ("input", "input")] {
        let clone = place.clone(name, &format!("-c core.autocrlf={crlf}"));
        let before = bed.files(&format!("{name}/tenant"));
        clone.tenantry("pull").exits(0);
        assert_eq!(bed.files(&format!("{name}/tenant")), before);
        clone.is_clean();
    }
}

#[test]
fn the_lock_keeps_the_line_endings_that_it_has() {
    let bed = bed();
    let place = origin(&bed);
    let clone = place.clone("windows", "-c core.autocrlf=true");
    clone.say("web", "description", "two");
    clone.tenantry("push --yes").exits(0);
    let lock = clone.read("tenant/tenant.lock");
    assert!(lock.contains("\"two\""));
    assert_eq!(
        lock.matches('\n').count(),
        lock.matches("\r\n").count(),
        "{lock:?}"
    );
    // Committed, it differs in the lines of that client alone.
    clone.commit("Two");
    let changed = clone.git("diff --numstat HEAD~1 -- tenant/tenant.lock");
    assert_eq!(
        words(&changed)[..2],
        ["2", "2"],
        "a serial and a description"
    );
    // CRLF in the repository itself stays as well, and is no difference.
    let place = clone.clone("committed", "");
    for path in [
        "tenant/tenant.lock",
        "tenant/clients/web.yaml",
        "tenant/clients/api.yaml",
    ] {
        let text = place.read(path).replace('\n', "\r\n");
        fs::write(place.path(path), text).unwrap();
    }
    place.commit("CRLF");
    assert_eq!(place.differs(""), NOTHING);
    assert_eq!(place.differs("--base HEAD~1"), NOTHING);
    place.say("web", "description", "three");
    place.tenantry("push --yes").exits(0);
    let lock = place.read("tenant/tenant.lock");
    assert_eq!(
        lock.matches('\n').count(),
        lock.matches("\r\n").count(),
        "{lock:?}"
    );
}

/// A clone may bring a repository without a working tree along, as a folder, with a configuration that names programs.
#[test]
fn a_repository_that_came_with_a_clone_is_not_looked_into() {
    let bed = bed();
    let place = origin(&bed);
    let inner = place.path("tenant");
    let inner = inner.to_str().unwrap();
    place.git("init -q --bare bare");
    for part in ["HEAD", "config", "objects", "refs"] {
        fs::rename(
            place.path("bare").join(part),
            place.path("tenant").join(part),
        )
        .unwrap();
    }
    place.git(&format!(
        "config --file {inner}/config core.fsmonitor touched"
    ));
    place.say("web", "description", "two");
    let run = place.sends_nothing("", 2);
    assert!(run.stderr.contains("safe.bareRepository"), "{run}");
}

// What it costs.

/// A folder with a `git` that writes down how often it is called, to be put on PATH.
#[cfg(unix)]
fn counting(bed: &Bed) -> (PathBuf, PathBuf) {
    use std::os::unix::fs::PermissionsExt as _;
    let output = Command::new("sh")
        .args(["-c", "command -v git"])
        .output()
        .unwrap();
    let git = String::from_utf8(output.stdout).unwrap();
    let (folder, calls) = (bed.path("bin"), bed.path("calls"));
    fs::create_dir_all(&folder).unwrap();
    let script = format!(
        "#!/bin/sh\necho \"$@\" >> '{}'\nexec '{}' \"$@\"\n",
        calls.display(),
        git.trim()
    );
    fs::write(folder.join("git"), script).unwrap();
    fs::set_permissions(folder.join("git"), fs::Permissions::from_mode(0o755)).unwrap();
    (folder, calls)
}

#[cfg(unix)]
fn calls(place: &Place<'_>, line: &str) -> (Run, usize) {
    let (folder, calls) = counting(place.bed);
    fs::write(&calls, "").unwrap();
    let mut command = place.command();
    command.env("PATH", folder).args(words(line));
    let run = place.bed.run_command(command);
    let calls = fs::read_to_string(calls).unwrap();
    (run, calls.lines().count())
}

#[cfg(unix)]
#[test]
fn git_is_not_asked_file_by_file() {
    let bed = Bed::new().plain_clients(30).start();
    let place = origin(&bed);
    fs::create_dir(&place.folder).unwrap();
    place.git("init -q -b main");
    place.tenantry("pull").exits(0);
    place.commit("Pull");
    let edit = |number: usize| {
        let path = place.path(&format!("tenant/clients/client-{number:04}.yaml"));
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("name: Client", "name: Edited")).unwrap();
    };
    edit(0);
    let (one, calls_for_one) = calls(&place, "diff --base HEAD");
    (1..30).for_each(edit);
    let (all, calls_for_all) = calls(&place, "diff --base HEAD");
    assert_eq!((one.code, all.code), (1, 1));
    assert!(calls_for_one > 0, "it is the other git that was asked");
    assert_eq!(calls_for_one, calls_for_all);
}

#[test]
fn the_tests_use_no_git_of_the_machine_s() {
    let bed = bed();
    let place = origin(&bed);
    let listed = place.git("config --list --show-origin");
    assert!(
        listed
            .lines()
            .all(|line| line.starts_with("file:.git/config") || line.starts_with("command line:")),
        "{listed}"
    );
    assert!(Path::new(&place.folder).join(".git").is_dir());
}
