//! The examples for CI are played: their steps run over real repositories and the sandbox, a new clone for each job, on a GitHub
//! and on a GitLab that are as small as the stories need them.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
#[path = "pipelines/expression.rs"]
mod expression;
#[path = "pipelines/github.rs"]
mod github;
#[path = "pipelines/gitlab.rs"]
mod gitlab;
#[path = "pipelines/site.rs"]
mod site;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use Status::{Green, Red, Waits};
use common::Bed;
use common::git::git;
use serde_json::{Value, json};
use site::{Asked, FILE, Host, Merge, Run, SHOP, Site, Status, examples, list, text, variables};

/// Each story is a test on both sites.
macro_rules! on_both {
    ($($story:ident)*) => {
        mod on_github {
            $(#[test] fn $story() { super::$story(&super::Site::new(super::Host::GitHub)); })*
        }
        mod on_gitlab {
            $(#[test] fn $story() { super::$story(&super::Site::new(super::Host::GitLab)); })*
        }
    };
}

on_both! {
    edits_of_one_field_arrive_one_after_the_other
    a_revert_is_applied_like_any_other_merge
    a_dashboard_edit_beside_an_edit_stays
    a_dashboard_edit_under_an_edit_stops_the_apply
    a_failed_apply_is_finished_when_its_job_runs_again
    a_failure_for_good_is_made_good_by_hand
    a_tampered_plan_is_refused
    a_plan_that_lacks_an_edit_of_the_merge_waits_for_approval
    a_merge_without_a_plan_makes_one_and_waits
    what_is_rejected_is_not_sent
    a_push_without_a_request_waits_unless_it_has_nothing_to_send
    a_request_that_was_planned_before_another_was_merged_is_applied
    merges_that_wait_are_applied_in_whatever_order_they_are_approved
    a_fork_is_checked_and_gets_no_plan
    what_was_planned_is_said_in_one_note
    the_nightly_job_tells_what_changed_on_the_dashboard
    a_request_that_touches_no_tenant_starts_nothing
    a_broken_file_ends_a_request
}

/// A request that changes the shop's description, planned.
fn asks(site: &Site, old: &str, new: &str) -> Asked {
    let (asked, run) = site.asks(|site| site.edit(old, new));
    assert_eq!(
        run.statuses(),
        [("check", Green), ("plan", Green)],
        "{run:?}"
    );
    asked
}

/// Fails unless a merge applied the plan that was reviewed, all of it.
#[track_caller]
fn assert_applied(run: &Run, sent: &[Value]) {
    assert_eq!(
        run.statuses(),
        [("apply", Green), ("prepare", Green)],
        "{run:?}"
    );
    assert_eq!(run.sent("apply"), sent);
}

/// Fails unless nothing was sent, by an apply that is red.
#[track_caller]
fn assert_refused(run: &Run, because: &str) {
    assert_eq!(
        run.statuses(),
        [("apply", Red), ("prepare", Green)],
        "{run:?}"
    );
    assert!(run.sent("apply").is_empty(), "{run:?}");
    assert!(run.log("apply").contains(because), "{}", run.log("apply"));
}

fn described(value: &str) -> Value {
    json!({"description": value})
}

fn edits_of_one_field_arrive_one_after_the_other(site: &Site) {
    let ways = [Merge::Commit, Merge::Squash, Merge::Rebase];
    for (number, how) in (1..).zip(ways) {
        let (old, new) = (format!("v{number}"), format!("v{}", number + 1));
        let asked = asks(site, &old, &new);
        assert_applied(&site.merges(&asked, how), &[described(&new)]);
        assert_eq!(site.live("description"), new);
    }
    assert_eq!(site.nightly().statuses(), [("drift", Green)]);
}

fn a_revert_is_applied_like_any_other_merge(site: &Site) {
    let asked = asks(site, "v1", "v2");
    site.merges(&asked, Merge::Commit);
    let (asked, run) = site.asks(|site| {
        git(&site.laptop(), &["revert", "--no-edit", "-m", "1", "HEAD"]);
    });
    assert_eq!(run.status("plan"), Green, "{run:?}");
    assert_applied(&site.merges(&asked, Merge::Commit), &[described("v1")]);
    assert_eq!(site.live("description"), "v1");
}

fn a_dashboard_edit_beside_an_edit_stays(site: &Site) {
    site.dashboard("name", "Store");
    let asked = asks(site, "v1", "v2");
    assert_applied(&site.merges(&asked, Merge::Commit), &[described("v2")]);
    assert_eq!(site.live("name"), "Store");
    assert_eq!(site.live("description"), "v2");
}

fn a_dashboard_edit_under_an_edit_stops_the_apply(site: &Site) {
    let asked = asks(site, "v1", "v2");
    site.dashboard("description", "theirs");
    let run = site.merges(&asked, Merge::Commit);
    assert_refused(&run, "description");
    assert_eq!(site.live("description"), "theirs");
}

fn a_failed_apply_is_finished_when_its_job_runs_again(site: &Site) {
    use tenantry::testing::{Fault, FaultRule};
    let (asked, _) = site.asks(|site| {
        site.edit("v1", "v2");
        site.edit_billing("Bills");
    });
    let down = FaultRule::new(Fault::ProxyPage).method("PATCH").path(SHOP);
    site.bed.sandbox.fail_next(down.always());
    let mut run = site.merges(&asked, Merge::Commit);
    assert_eq!(run.status("apply"), Red, "{run:?}");
    assert_eq!(site.live("description"), "v1");
    site.bed.sandbox.set_faults([]);
    site.repeats(&mut run, "apply");
    // What had arrived is not sent again.
    assert_applied(&run, &[described("v2")]);
    assert_eq!(site.live("description"), "v2");
    assert_eq!(site.nightly().statuses(), [("drift", Green)]);
}

fn a_failure_for_good_is_made_good_by_hand(site: &Site) {
    let asked = asks(site, "v1", "v2");
    let before = site.main();
    site.dashboard("description", "theirs");
    assert_refused(&site.merges(&asked, Merge::Commit), "description");
    // They take it back; the next edit of the field finds the tenant where git was a merge ago.
    site.dashboard("description", "v1");
    let (asked, run) = site.asks(|site| site.edit("v2", "v3"));
    assert_eq!(run.status("plan"), Green, "{run:?}");
    let run = site.merges(&asked, Merge::Commit);
    assert_refused(&run, &before[..7]);
    let mut run = site.by_hand(&before);
    assert_eq!(run.statuses(), [("approve", Waits), ("prepare", Green)]);
    site.approves(&mut run);
    assert_eq!(run.sent("apply"), [described("v3")], "{run:?}");
    assert_eq!(site.live("description"), "v3");
}

fn a_tampered_plan_is_refused(site: &Site) {
    let asked = asks(site, "v1", "v2");
    let plan = fs::read_to_string(site.plan(&asked)).unwrap();
    let tampered = plan.replace("\"v2\"", "\"v2, and more\"");
    assert_ne!(tampered, plan);
    fs::write(site.plan(&asked), tampered).unwrap();
    let run = site.merges(&asked, Merge::Commit);
    assert_refused(&run, "description");
    assert_eq!(site.live("description"), "v1");
}

fn a_plan_that_lacks_an_edit_of_the_merge_waits_for_approval(site: &Site) {
    for (number, remains) in ["[]", "no plan"].into_iter().enumerate() {
        let (old, new) = (format!("v{}", number + 1), format!("v{}", number + 2));
        let asked = asks(site, &old, &new);
        let text = match remains {
            "no plan" => remains.to_owned(),
            resources => {
                let plan = fs::read_to_string(site.plan(&asked)).unwrap();
                let mut plan: Value = serde_json::from_str(&plan).unwrap();
                plan["resources"] = serde_json::from_str(resources).unwrap();
                plan.to_string()
            }
        };
        fs::write(site.plan(&asked), text).unwrap();
        let mut run = site.merges(&asked, Merge::Squash);
        assert_eq!(run.statuses(), [("approve", Waits), ("prepare", Green)]);
        assert_eq!(site.live("description"), old);
        site.approves(&mut run);
        assert_eq!(run.sent("apply"), [described(&new)], "{run:?}");
    }
}

fn a_merge_without_a_plan_makes_one_and_waits(site: &Site) {
    let asked = asks(site, "v1", "v2");
    site.expires(&asked);
    let mut run = site.merges(&asked, Merge::Commit);
    assert_eq!(run.statuses(), [("approve", Waits), ("prepare", Green)]);
    // Whoever approves is shown what.
    assert!(
        run.log("prepare")
            .contains("Nobody has reviewed this plan yet")
    );
    assert!(run.log("prepare").contains("v2"), "{}", run.log("prepare"));
    assert_eq!(site.live("description"), "v1");
    site.approves(&mut run);
    assert_eq!(
        run.statuses(),
        [("apply", Green), ("approve", Green), ("prepare", Green)],
        "{run:?}"
    );
    assert_eq!(run.sent("apply"), [described("v2")]);
}

fn what_is_rejected_is_not_sent(site: &Site) {
    let mut run = site.pushed_to_main(|site| site.edit("v1", "v2"));
    site.rejects(&mut run);
    assert_eq!(run.statuses(), [("approve", Red), ("prepare", Green)]);
    assert_eq!(site.live("description"), "v1");
}

fn a_push_without_a_request_waits_unless_it_has_nothing_to_send(site: &Site) {
    let run = site.pushed_to_main(|site| site.edit("name: Shop", "# ours\nname: Shop"));
    assert_applied(&run, &[]);
    let mut run = site.pushed_to_main(|site| site.edit("v1", "v2"));
    assert_eq!(run.statuses(), [("approve", Waits), ("prepare", Green)]);
    site.approves(&mut run);
    assert_eq!(run.sent("apply"), [described("v2")], "{run:?}");

    // Commits that arrive beside a merge are none of its plan's.
    let asked = asks(site, "v2", "v3");
    let beside = site.commits_on_server(|server| {
        let file = server.join("tenant/prod/clients/billing.yaml");
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text.replace("Bills", "Bills all")).unwrap();
    });
    let mut run = site.merges_on(&beside, &asked, Merge::Commit);
    assert_eq!(run.statuses(), [("approve", Waits), ("prepare", Green)]);
    site.approves(&mut run);
    let sent: BTreeSet<String> = run.sent("apply").iter().map(Value::to_string).collect();
    let both = [described("Bills all"), described("v3")].map(|sent| sent.to_string());
    assert_eq!(sent, both.into());
}

fn a_request_that_was_planned_before_another_was_merged_is_applied(site: &Site) {
    let first = asks(site, "v1", "v2");
    let (second, run) = site.asks(|site| site.edit_billing("Bills"));
    assert_eq!(run.status("plan"), Green, "{run:?}");
    let run = site.merges(&first, Merge::Commit);
    assert_applied(&run, &[described("v2")]);
    let run = site.merges(&second, Merge::Commit);
    assert_applied(&run, &[described("Bills more")]);
    assert_eq!(site.live("description"), "v2");

    // Nor does a plan of a branch that is behind main take anything of main back.
    let (behind, run) = site.asks(|site| {
        git(&site.laptop(), &["reset", "-q", "--hard", "HEAD~1"]);
        site.edit("  - billing1", "  - billing1\n  - https://api.example");
    });
    assert_eq!(run.status("plan"), Green, "{run:?}");
    let run = site.merges(&behind, Merge::Commit);
    let allowed = json!({"allowed_clients": ["billing1", "https://api.example"]});
    assert_applied(&run, &[allowed]);
    assert_eq!(site.nightly().statuses(), [("drift", Green)]);
}

fn merges_that_wait_are_applied_in_whatever_order_they_are_approved(site: &Site) {
    for (number, younger_first) in [true, false].into_iter().enumerate() {
        let (old, new) = (format!("v{}", number + 1), format!("v{}", number + 2));
        let does = ["Bills", "Bills more"][number];
        let mut older = site.pushed_to_main(|site| site.edit(&old, &new));
        let mut younger = site.pushed_to_main(|site| site.edit_billing(does));
        assert_eq!(older.status("approve"), Waits);
        assert_eq!(younger.status("approve"), Waits);
        let mut both = [&mut older, &mut younger];
        if younger_first {
            both.reverse();
        }
        both.into_iter().for_each(|run| site.approves(run));
        assert_eq!(older.sent("apply"), [described(&new)], "{older:?}");
        let does = described(&format!("{does} more"));
        assert_eq!(younger.sent("apply"), [does], "{younger:?}");
        assert_eq!(site.nightly().statuses(), [("drift", Green)]);
    }
}

fn a_fork_is_checked_and_gets_no_plan(site: &Site) {
    let (asked, run) = site.asks_from_fork(|site| site.edit("v1", "v2"));
    assert_eq!(run.statuses(), [("check", Green)], "{run:?}");
    assert!(run.log("check").contains("from a fork gets no plan"));
    assert_eq!(site.notes(&asked), [""; 0]);
    if site.host == Host::GitHub {
        // What a fork's own workflow keeps under a plan's name is no plan that anybody reviewed.
        let own = json!({"version": 2, "resources": [{"kind": "clients", "id": SHOP, "fields": [
            {"field": "description", "change": "edit", "base": "v1", "local": "v2", "live": "v1"}]}]});
        github::keeps_from_fork(site, &asked, 4711, &own.to_string());
    }
    let mut run = site.merges(&asked, Merge::Commit);
    assert_eq!(run.statuses(), [("approve", Waits), ("prepare", Green)]);
    site.approves(&mut run);
    assert_eq!(run.sent("apply"), [described("v2")], "{run:?}");
}

fn what_was_planned_is_said_in_one_note(site: &Site) {
    let asked = asks(site, "v1", "v2");
    let [note] = site.notes(&asked).try_into().unwrap();
    assert!(note.contains("v2"), "{note}");
    let (asked, run) = site.adds(&asked, |site| site.edit("v2", "v3"));
    assert_eq!(
        run.statuses(),
        [("check", Green), ("plan", Green)],
        "{run:?}"
    );
    let [note] = site.notes(&asked).try_into().unwrap();
    assert!(note.contains("v3") && !note.contains("v2"), "{note}");
    // The plan of the commit before is not that of this one.
    assert_applied(&site.merges(&asked, Merge::Squash), &[described("v3")]);
}

fn the_nightly_job_tells_what_changed_on_the_dashboard(site: &Site) {
    let asked = asks(site, "v1", "v2");
    site.merges(&asked, Merge::Commit);
    let run = site.nightly();
    assert_eq!(run.statuses(), [("drift", Green)], "{run:?}");
    site.dashboard("description", "theirs");
    let run = site.nightly();
    assert_eq!(run.statuses(), [("drift", Red)]);
    let report = run.log("drift");
    assert!(
        report.contains("theirs") && report.contains("1 drifted field"),
        "{report}"
    );
    // It reports, and changes nothing.
    assert_eq!(site.live("description"), "theirs");
}

fn a_request_that_touches_no_tenant_starts_nothing(site: &Site) {
    let (asked, run) = site.asks(|site| site.bed.write("laptop/README.md", "About us\n"));
    assert_eq!(run.statuses(), []);
    assert_eq!(site.merges(&asked, Merge::Commit).statuses(), []);
}

fn a_broken_file_ends_a_request(site: &Site) {
    let (_, run) = site.asks(|site| site.edit("name: Shop", "name: <Shop>"));
    assert_eq!(run.statuses(), [("check", Red)]);
    assert!(
        run.log("check").contains("shop.yaml"),
        "{}",
        run.log("check")
    );
}

fn github_workflow() -> serde_yaml::Value {
    let text = fs::read_to_string(examples().join("github-actions.yaml")).unwrap();
    serde_yaml::from_str(&text).unwrap()
}

#[test]
fn github_jobs_may_do_no_more_than_they_need() {
    let workflow = github_workflow();
    assert_eq!(variables(workflow.get("permissions")).len(), 0);
    let mut granted = Vec::new();
    let mut in_group = Vec::new();
    let (mut scripts, mut actions) = (0, 0);
    for (name, job) in workflow["jobs"].as_mapping().unwrap() {
        let rights = variables(Some(&job["permissions"])).into_iter();
        let rights: Vec<String> = rights.map(|(what, how)| format!("{what}: {how}")).collect();
        granted.push(format!("{}: {}", text(name), rights.join(", ")));
        in_group.extend(job.get("concurrency").map(|_| text(name)));
        for step in list(job.get("steps")) {
            // Expressions are put into a script as they are, whatever they contain; a variable is not.
            let script = step.get("run").map(text).unwrap_or_default();
            assert!(!script.contains("${{"), "{script}");
            scripts += usize::from(!script.is_empty());
            if let Some(action) = step.get("uses").map(text) {
                let pin = action.split_once('@').unwrap().1;
                let is_commit = pin.len() == 40 && pin.chars().all(|c| c.is_ascii_hexdigit());
                assert!(is_commit, "{action}");
                actions += 1;
            }
        }
    }
    assert!(scripts > 0 && actions > 0, "{scripts} and {actions}");
    insta::assert_snapshot!(granted.join("\n"), @r"
    check: contents: read
    plan: contents: read, pull-requests: write
    prepare: actions: read, contents: read, pull-requests: read
    approve: 
    apply: contents: read
    drift: contents: read
    ");
    assert_eq!(in_group, ["apply"]);
    let group = variables(Some(&workflow["jobs"]["apply"]["concurrency"]));
    assert_eq!(group["queue"], "max");
    assert_eq!(group["cancel-in-progress"], "false");
}

#[test]
fn gitlab_applies_alone_in_the_resource_group() {
    let text = fs::read_to_string(examples().join("gitlab-ci.yaml")).unwrap();
    let pipeline: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
    let jobs = pipeline.as_mapping().unwrap().iter();
    let in_group: Vec<String> = jobs
        .filter(|(_, job)| job.get("resource_group").is_some())
        .map(|(name, _)| site::text(name))
        .collect();
    assert_eq!(in_group, ["apply"]);
}

/// A repository with the files of a tenant, of which main is what was pulled, and `origin/main` says so.
fn repository() -> Bed {
    let bed = Bed::new()
        .client(SHOP, "Shop", json!({"description": "v1"}))
        .start();
    bed.run(["pull", "--tenant", "prod"]).exits(0);
    bed.sandbox.clear_requests();
    bed.write(".gitignore", "home\ncache\nstderr\nplan.*\n.tenantry-*\n");
    let folder = bed.path("");
    git(&folder, &["init", "-q", "-b", "main"]);
    git(&folder, &["add", "--all"]);
    git(&folder, &["commit", "-q", "-m", "pulled"]);
    git(&folder, &["update-ref", "refs/remotes/origin/main", "HEAD"]);
    bed
}

/// Runs a shell command in the bed's folder, with the tested program on its path and the settings of the sandbox.
fn shell(bed: &Bed, program: &str, arguments: &[&str]) -> Output {
    let folder = Path::new(env!("CARGO_BIN_EXE_tenantry")).parent().unwrap();
    let system = std::env::var("PATH").unwrap();
    let mut command = bed.program(program);
    command
        .args(arguments)
        .env("PATH", format!("{}:{system}", folder.display()))
        .env("TENANTRY_TENANT", "prod")
        .envs(bed.settings());
    command.output().unwrap()
}

#[test]
fn the_block_of_the_page_runs_as_it_stands() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/git-and-pipelines.md");
    let page = fs::read_to_string(page).unwrap();
    let section = page.split("\n## In a pipeline\n").nth(1).unwrap();
    let block = section.split("```sh\n").nth(1).unwrap();
    let block = block.split("```").next().unwrap();

    let bed = repository();
    bed.edit(FILE, "v1", "v2");
    git(&bed.path(""), &["commit", "-q", "-a", "-m", "an edit"]);
    let played = shell(&bed, "bash", &["-ec", block]);
    assert!(played.status.success(), "{played:?}");
    assert_eq!(bed.patches(), [(SHOP.to_owned(), described("v2"))]);
    assert_eq!(git(&bed.path(""), &["status", "--porcelain"]), "");
    // And where there is nothing to do.
    bed.sandbox.clear_requests();
    git(
        &bed.path(""),
        &["update-ref", "refs/remotes/origin/main", "HEAD"],
    );
    let played = shell(&bed, "bash", &["-ec", block]);
    assert!(played.status.success(), "{played:?}");
    bed.assert_only_gets();
}

#[test]
fn the_hook_looks_at_what_is_staged() {
    let bed = repository();
    let folder = bed.path("");
    let hook = folder.join(".git/hooks/pre-commit");
    fs::copy(examples().join("pre-commit"), &hook).unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let who = [
        "-c",
        "user.name=Somebody",
        "-c",
        "user.email=somebody@example.com",
    ];
    let commit = |message: &str| {
        let rest = ["commit", "-q", "-m", message];
        shell(&bed, "git", &[&who[..], &rest[..]].concat())
    };
    let good = bed.read(FILE);
    let broken = good.replace("name: Shop", "name: <Shop>");

    // Staged, then mended in the file alone: what would be committed is broken.
    bed.write(FILE, &broken);
    git(&folder, &["add", FILE]);
    bed.write(FILE, &good);
    let refused = commit("broken");
    assert!(!refused.status.success(), "{refused:?}");
    let said = String::from_utf8_lossy(&refused.stdout) + String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("clients/shop.yaml"), "{said}");
    assert_eq!(git(&folder, &["log", "--format=%s"]), "pulled");

    // The other way round: an edit is staged, and the file beside it is being worked on.
    bed.write(FILE, &good.replace("v1", "v2"));
    git(&folder, &["add", FILE]);
    bed.write(FILE, &broken);
    let taken = commit("edited");
    assert!(taken.status.success(), "{taken:?}");
    assert_eq!(git(&folder, &["log", "-1", "--format=%s"]), "edited");
    assert_eq!(bed.requests(), [""; 0]);
}
