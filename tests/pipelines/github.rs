//! What GitHub does with a workflow: jobs and their conditions, steps, `${{ … }}`, caches and artifacts.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::expression::{filled, holds};
use crate::site::{
    Asked, Event, Job, Run, Runner, Site, Status, Variables, copy, list, text, variables,
};

/// What the API says about a commit that came of a request.
pub fn merged(asked: &Asked, commit: &str) -> Value {
    let request = json!({
        "number": asked.number, "merged_at": "2026-01-01T00:00:00Z", "merge_commit_sha": commit, "head": {"sha": asked.head},
    });
    // Others that have to do with the commit are listed too.
    let other = json!({
        "number": 999, "merged_at": "2026-01-01T00:00:00Z", "merge_commit_sha": asked.target, "head": {"sha": asked.target},
    });
    json!([other, request])
}

fn plans_of(asked: &Asked) -> String {
    let head = &asked.head;
    format!("repos/acme/tenant/actions/artifacts?name=plan-prod-{head}")
}

pub fn plan(site: &Site, asked: &Asked) -> PathBuf {
    let text = fs::read_to_string(site.answer(&plans_of(asked))).unwrap();
    let listed: Value = serde_json::from_str(&text).unwrap();
    let run = &listed["artifacts"][0]["workflow_run"]["id"];
    let name = format!("plan-prod-{}", asked.head);
    site.path(&format!("artifacts/{run}/{name}/plan.json"))
}

pub fn expires(site: &Site, asked: &Asked) {
    let path = site.answer(&plans_of(asked));
    let mut listed: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    listed["artifacts"][0]["expired"] = json!(true);
    fs::write(path, listed.to_string()).unwrap();
}

/// Somebody's fork keeps something under a name that is a plan's.
pub fn keeps_from_fork(site: &Site, asked: &Asked, run: usize, plan: &str) {
    let name = format!("plan-prod-{}", asked.head);
    let folder = site.path(&format!("artifacts/{run}/{name}"));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("plan.json"), plan).unwrap();
    let listed = json!({"artifacts": [{
        "id": run, "expired": false,
        "workflow_run": {"id": run, "head_sha": asked.head, "repository_id": 1, "head_repository_id": 666},
    }]});
    site.write_answer(&plans_of(asked), &listed);
}

pub fn goes_on(site: &Site, run: &mut Run) {
    let Some(event) = trigger(site, run) else {
        return;
    };
    let jobs = site.pipeline["jobs"].as_mapping().unwrap();
    for (name, job) in jobs {
        let name = text(name);
        if run.jobs.contains_key(&name) {
            continue;
        }
        let context = Context::new(site, run, event);
        let needs = match job.get("needs") {
            Some(serde_yaml::Value::String(one)) => vec![one.clone()],
            several => list(several).iter().map(text).collect(),
        };
        let status = |job: &String| run.status(job);
        if needs.iter().any(|job| status(job) == Status::Waits) {
            continue;
        }
        let condition = job.get("if").map(text).unwrap_or_default();
        // A condition is about jobs that succeeded, unless it asks how they ended.
        let asks = condition.contains("cancelled()");
        let may = asks || needs.iter().all(|job| status(job) == Status::Green);
        let starts =
            may && (condition.is_empty() || holds(&condition, &|name| context.value(name)));
        let done = if !starts {
            Job {
                status: Status::Skipped,
                log: String::new(),
                requests: Vec::new(),
            }
        } else if environment(job) == "prod-approve" && !run.approved {
            Job {
                status: Status::Waits,
                log: String::new(),
                requests: Vec::new(),
            }
        } else {
            let (done, outputs) = play(site, run, job, context);
            run.outputs.insert(name.clone(), outputs);
            done
        };
        run.jobs.insert(name, done);
    }
}

fn environment(job: &serde_yaml::Value) -> String {
    let environment = job.get("environment");
    let name = environment.map(|environment| environment.get("name").unwrap_or(environment));
    name.map(text).unwrap_or_default()
}

/// The name of the event, where the workflow is about it.
fn trigger(site: &Site, run: &Run) -> Option<&'static str> {
    let (event, since) = match &run.event {
        Event::Request(asked) => ("pull_request", Some(&asked.target)),
        Event::Push { before } => ("push", Some(before)),
        Event::Nightly => ("schedule", None),
        Event::ByHand { .. } => ("workflow_dispatch", None),
    };
    let filter = &site.pipeline["on"][event];
    assert!(!filter.is_null(), "the workflow is not about {event}");
    let branches = list(filter.get("branches"));
    assert!(branches.is_empty() || branches.iter().any(|branch| text(branch) == "main"));
    let paths: Vec<String> = list(filter.get("paths")).iter().map(text).collect();
    if let Some(since) = since.filter(|_| !paths.is_empty()) {
        let changed = site.changed(since, &run.commit);
        let under = |path: &String| {
            let folder = path.strip_suffix("**").unwrap();
            changed.iter().any(|file| file.starts_with(folder))
        };
        if !paths.iter().any(under) {
            return None;
        }
    }
    Some(event)
}

/// What the names in a workflow stand for.
struct Context {
    known: BTreeMap<String, String>,
    environment: Variables,
}

impl Context {
    fn new(site: &Site, run: &Run, event: &str) -> Context {
        let mut known = BTreeMap::new();
        let mut knows = |name: &str, value: &str| known.insert(name.to_owned(), value.to_owned());
        knows("cancelled()", "");
        knows("github.event_name", event);
        knows("github.ref", &run.reference);
        knows("github.repository", "acme/tenant");
        knows("github.token", "a token of the job");
        knows("runner.os", "Linux");
        knows("runner.arch", "X64");
        for name in [
            "inputs.base",
            "github.event.before",
            "github.event.pull_request.number",
            "github.event.pull_request.head.sha",
            "github.event.pull_request.head.repo.full_name",
        ] {
            knows(name, "");
        }
        match &run.event {
            Event::Request(asked) => {
                let fork = if asked.from_fork {
                    "mallory/tenant"
                } else {
                    "acme/tenant"
                };
                knows(
                    "github.event.pull_request.number",
                    &asked.number.to_string(),
                );
                knows("github.event.pull_request.head.sha", &asked.head);
                knows("github.event.pull_request.head.repo.full_name", fork);
            }
            Event::Push { before } => {
                knows("github.event.before", before);
            }
            Event::ByHand { base } => {
                knows("inputs.base", base);
            }
            Event::Nightly => {}
        }
        for (name, job) in &run.jobs {
            let result = match job.status {
                Status::Green => "success",
                Status::Red => "failure",
                Status::Skipped | Status::Waits => "skipped",
            };
            knows(&format!("needs.{name}.result"), result);
            for (output, value) in run.outputs.get(name).into_iter().flatten() {
                knows(&format!("needs.{name}.outputs.{output}"), value);
            }
        }
        let mut context = Context {
            known,
            environment: Variables::new(),
        };
        context.takes(&variables(site.pipeline.get("env")));
        context
    }

    fn value(&self, name: &str) -> String {
        if let Some(variable) = name.strip_prefix("env.") {
            return self.environment[variable].clone();
        }
        // A secret that is not there is empty, and so is what a step or a job has not said.
        let may_lack = ["secrets.", "steps.", "needs."];
        match self.known.get(name) {
            Some(value) => value.clone(),
            None if may_lack.iter().any(|start| name.starts_with(start)) => String::new(),
            None => panic!("what is {name}?"),
        }
    }

    fn filled(&self, text: &str) -> String {
        filled(text, &|name| self.value(name))
    }

    /// Adds variables, their values worked out.
    fn takes(&mut self, more: &Variables) {
        let worked_out = more
            .iter()
            .map(|(name, value)| (name.clone(), self.filled(value)));
        let worked_out: Variables = worked_out.collect();
        self.environment.extend(worked_out);
    }

    fn knows(&mut self, name: String, value: String) {
        self.known.insert(name, value);
    }
}

/// Runs a job. What it tells others comes beside how it ended.
fn play(site: &Site, run: &Run, job: &serde_yaml::Value, mut context: Context) -> (Job, Variables) {
    let environment = environment(job);
    let steps = list(job.get("steps"));
    let checkout = steps
        .iter()
        .find(|step| uses(step).starts_with("actions/checkout@"));
    // Without a word about it, the action fetches one commit.
    let depth = checkout
        .and_then(|step| step["with"].get("fetch-depth"))
        .map_or("1".to_owned(), text);
    let runner = site.runner(run, &depth);
    let temporary = runner.folder.join("temporary");
    let secrets = site.secrets(&environment, &run.event);
    for (name, value) in secrets {
        context.knows(format!("secrets.{name}"), value);
    }
    context.knows("runner.temp".to_owned(), temporary.display().to_string());
    context.takes(&variables(job.get("env")));
    let own = [
        ("GITHUB_REPOSITORY", "acme/tenant".to_owned()),
        ("GITHUB_SHA", run.commit.clone()),
        ("RUNNER_TEMP", temporary.display().to_string()),
        ("GITHUB_OUTPUT", file(&runner, "output")),
        ("GITHUB_PATH", file(&runner, "path")),
        ("GITHUB_STEP_SUMMARY", file(&runner, "summary")),
    ];
    let own = own.map(|(name, value)| (name.to_owned(), value));
    context.environment.extend(own);
    context.environment.extend(site.scope(&environment));

    let mut log = String::new();
    let mut status = Status::Green;
    for step in steps {
        let condition = step.get("if").map(text).unwrap_or_default();
        if !condition.is_empty() && !holds(&condition, &|name| context.value(name)) {
            continue;
        }
        if !take_step(site, run, &runner, step, &mut context, &mut log) {
            status = Status::Red;
            break;
        }
    }
    log.push_str(&fs::read_to_string(runner.folder.join("summary")).unwrap());
    let outputs = variables(job.get("outputs"));
    let outputs = outputs
        .iter()
        .map(|(name, value)| (name.clone(), context.filled(value)))
        .collect();
    let done = Job {
        status,
        requests: site.ends(&runner, &environment),
        log,
    };
    (done, outputs)
}

fn uses(step: &serde_yaml::Value) -> String {
    step.get("uses").map(text).unwrap_or_default()
}

/// An empty file of a job's, as a path.
fn file(runner: &Runner, name: &str) -> String {
    let path = runner.folder.join(name);
    fs::write(&path, "").unwrap();
    path.display().to_string()
}

/// Runs a step. False where it failed.
fn take_step(
    site: &Site,
    run: &Run,
    runner: &Runner,
    step: &serde_yaml::Value,
    context: &mut Context,
    log: &mut String,
) -> bool {
    let with = |name: &str| {
        let value = step.get("with").and_then(|with| with.get(name));
        context.filled(&value.map(text).unwrap_or_default())
    };
    let action = uses(step);
    match action.split('@').next().unwrap() {
        "" => {}
        "actions/checkout" => return true,
        "actions/cache" => {
            let kept = site.path(&format!("cache/{}", with("key")));
            let home = runner.folder.join("home");
            let path = home.join(with("path").strip_prefix("~/").unwrap());
            let hit = kept.exists();
            if hit {
                copy(&kept, &path);
            } else {
                // What is installed is what will be kept.
                fs::create_dir_all(kept.parent().unwrap()).unwrap();
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::create_dir_all(&kept).unwrap();
                std::os::unix::fs::symlink(&kept, &path).unwrap();
            }
            let output = format!("steps.{}.outputs.cache-hit", text(&step["id"]));
            context.knows(output, if hit { "true" } else { "" }.to_owned());
            return true;
        }
        "actions/upload-artifact" => {
            keep(site, run, &with("name"), Path::new(&with("path")));
            return true;
        }
        "actions/download-artifact" => {
            let folder = site.path(&format!("artifacts/{}/{}", run.number, with("name")));
            for kept in fs::read_dir(folder).unwrap() {
                let kept = kept.unwrap();
                copy(
                    &kept.path(),
                    &Path::new(&with("path")).join(kept.file_name()),
                );
            }
            return true;
        }
        other => panic!("what does {other} do?"),
    }

    let mut variables_of_step = context.environment.clone();
    for (name, value) in variables(step.get("env")) {
        variables_of_step.insert(name, context.filled(&value));
    }
    let added = fs::read_to_string(runner.folder.join("path")).unwrap();
    let path: String = added.lines().map(|line| format!("{line}:")).collect();
    variables_of_step.insert("PATH".to_owned(), path);
    // GitHub's own command for `shell: bash`; without that line there is no pipefail.
    let options: &[&str] = match site.pipeline["defaults"]["run"]["shell"].as_str() {
        Some("bash") => &["--noprofile", "--norc", "-eo", "pipefail"],
        _ => &["-e"],
    };
    let script = text(&step["run"]);
    if !site.shell(runner, options, &script, &variables_of_step, log) {
        return false;
    }
    if let Some(id) = step.get("id") {
        for line in fs::read_to_string(runner.folder.join("output"))
            .unwrap()
            .lines()
        {
            let (name, value) = line.split_once('=').unwrap();
            context.knows(
                format!("steps.{}.outputs.{name}", text(id)),
                value.to_owned(),
            );
        }
    }
    true
}

/// Keeps a file as an artifact of the run.
fn keep(site: &Site, run: &Run, name: &str, file: &Path) {
    let kept = site.path(&format!("artifacts/{}/{name}", run.number));
    fs::create_dir_all(&kept).unwrap();
    fs::copy(file, kept.join(file.file_name().unwrap())).unwrap();
    let Event::Request(asked) = &run.event else {
        return;
    };
    let listed = json!({"artifacts": [{
        "id": run.number, "expired": false,
        "workflow_run": {"id": run.number, "head_sha": asked.head, "repository_id": 1, "head_repository_id": 1},
    }]});
    let list = format!("repos/acme/tenant/actions/artifacts?name={name}");
    site.write_answer(&list, &listed);
}
