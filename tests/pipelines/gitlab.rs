//! What GitLab does with its file: rules, scripts, a cache, artifacts, and a child pipeline.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::expression::holds;
use crate::site::{
    Asked, Event, Job, Merge, Run, Site, Status, Variables, copy, list, text, variables,
};

pub const API: &str = "https://gitlab.example/api/v4/projects/1";

/// What the API says about a commit that came of a request.
pub fn merged(asked: &Asked, commit: &str, how: Merge) -> Value {
    let mut request = json!({
        "iid": asked.number, "state": "merged", "sha": asked.head, "merge_commit_sha": null, "squash_commit_sha": null,
    });
    match how {
        Merge::Commit => request["merge_commit_sha"] = json!(commit),
        Merge::Squash => request["squash_commit_sha"] = json!(commit),
        // The head of the request then is main's.
        Merge::Rebase => {}
    }
    let other = json!({
        "iid": 999, "state": "opened", "sha": commit, "merge_commit_sha": null, "squash_commit_sha": null,
    });
    json!([other, request])
}

pub fn plan(site: &Site, asked: &Asked) -> PathBuf {
    let (number, head) = (asked.number, &asked.head);
    site.answer(&format!(
        "{API}/jobs/artifacts/refs%2Fmerge-requests%2F{number}%2Fhead/raw/.tenantry-ci/plan/{head}.json?job=plan"
    ))
}

pub fn goes_on(site: &Site, run: &mut Run) {
    let source = match run.event {
        Event::Request(_) => "merge_request_event",
        Event::Push { .. } => "push",
        Event::Nightly => "schedule",
        Event::ByHand { .. } => "web",
    };
    let own = predefined(run, source);
    jobs(site, run, &own);
}

/// Runs the jobs of a pipeline with these variables of its own.
fn jobs(site: &Site, run: &mut Run, own: &Variables) {
    let no_jobs = ["stages", "variables", "default"];
    for (name, job) in site.pipeline.as_mapping().unwrap() {
        let name = text(name);
        if no_jobs.contains(&name.as_str()) || run.jobs.contains_key(&name) {
            continue;
        }
        let mut known = variables(site.pipeline.get("variables"));
        known.extend(own.clone());
        let Some(rule) = list(job.get("rules"))
            .iter()
            .find(|rule| applies(site, run, rule, &known))
        else {
            continue;
        };
        let manual = rule.get("when").map(text).as_deref() == Some("manual");
        let needs = needs(job, own);
        let unmet = needs
            .iter()
            .map(|need| run.jobs.get(need))
            .any(|need| need.is_some_and(|job| job.status != Status::Green));
        // Stages go one after the other, where a job does not say what it needs.
        let failed =
            job.get("needs").is_none() && run.jobs.values().any(|job| job.status == Status::Red);
        if unmet || failed {
            continue;
        }
        if manual && !run.approved {
            assert_eq!(rule["allow_failure"], serde_yaml::Value::Bool(false));
            run.jobs.insert(name, nothing(Status::Waits));
            continue;
        }
        if let Some(trigger) = job.get("trigger") {
            child(site, run, trigger);
            continue;
        }
        known.extend(variables(job.get("variables")));
        let done = play(site, run, &name, job, &needs, known);
        run.jobs.insert(name, done);
    }
}

fn nothing(status: Status) -> Job {
    Job {
        status,
        log: String::new(),
        requests: Vec::new(),
    }
}

fn applies(site: &Site, run: &Run, rule: &serde_yaml::Value, known: &Variables) -> bool {
    let variable = |name: &str| {
        let name = name.strip_prefix('$').unwrap();
        known.get(name).cloned().unwrap_or_default()
    };
    let condition = rule
        .get("if")
        .is_none_or(|condition| holds(&text(condition), &variable));
    let since = match &run.event {
        Event::Request(asked) => Some(&asked.target),
        Event::Push { before } => Some(before),
        Event::Nightly | Event::ByHand { .. } => None,
    };
    let paths = list(rule.get("changes"));
    let touches = |since: &String| {
        let changed = site.changed(since, &run.commit);
        paths.iter().any(|path| {
            let path = text(path);
            let folder = path.strip_suffix("**/*").unwrap();
            changed.iter().any(|file| file.starts_with(folder))
        })
    };
    condition && (paths.is_empty() || since.is_none_or(touches))
}

/// The jobs that a job needs, of its own pipeline or of that which started it.
fn needs(job: &serde_yaml::Value, own: &Variables) -> Vec<String> {
    let name = |need: &serde_yaml::Value| match need.get("job") {
        None => text(need),
        Some(job) => {
            if let Some(pipeline) = need.get("pipeline") {
                let pipeline = text(pipeline);
                let variable = pipeline.strip_prefix('$').unwrap();
                assert!(own[variable].starts_with("pipeline-"), "{variable}");
            }
            text(job)
        }
    };
    list(job.get("needs")).iter().map(name).collect()
}

/// Runs the pipeline that a job wrote down.
fn child(site: &Site, run: &mut Run, trigger: &serde_yaml::Value) {
    let include = &trigger["include"][0];
    let (artifact, job) = (text(&include["artifact"]), text(&include["job"]));
    assert_eq!(text(&trigger["strategy"]), "depend");
    let written = fs::read_to_string(kept(site, run, &job).join(artifact)).unwrap();
    let written: serde_yaml::Value = serde_yaml::from_str(&written).unwrap();
    assert_eq!(text(&written["include"][0]["local"]), ".gitlab-ci.yml");
    let mut own = predefined(run, "parent_pipeline");
    own.extend(variables(written.get("variables")));
    jobs(site, run, &own);
}

/// The variables that GitLab itself sets.
fn predefined(run: &Run, source: &str) -> Variables {
    let mut own = Variables::new();
    let mut sets = |name: &str, value: &str| own.insert(name.to_owned(), value.to_owned());
    let nothing_before = "0".repeat(40);
    sets("CI_API_V4_URL", "https://gitlab.example/api/v4");
    sets("CI_PIPELINE_SOURCE", source);
    sets("CI_PIPELINE_ID", &format!("pipeline-{}", run.number));
    sets("CI_PROJECT_ID", "1");
    sets("CI_DEFAULT_BRANCH", "main");
    sets("CI_COMMIT_SHA", &run.commit);
    sets("CI_COMMIT_BEFORE_SHA", &nothing_before);
    sets("CI_JOB_TOKEN", "job");
    match &run.event {
        Event::Request(asked) => {
            // A fork's pipeline is one of the fork.
            let project = if asked.from_fork { "666" } else { "1" };
            sets("CI_PROJECT_ID", project);
            sets("CI_MERGE_REQUEST_PROJECT_ID", "1");
            sets("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", project);
            sets("CI_MERGE_REQUEST_IID", &asked.number.to_string());
            sets("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main");
        }
        Event::Push { before } => {
            sets("CI_COMMIT_BRANCH", "main");
            sets("CI_COMMIT_BEFORE_SHA", before);
        }
        Event::ByHand { base } => {
            sets("CI_COMMIT_BRANCH", "main");
            sets("BASE", base);
        }
        Event::Nightly => {
            sets("CI_COMMIT_BRANCH", "main");
        }
    }
    own
}

fn kept(site: &Site, run: &Run, job: &str) -> PathBuf {
    site.path(&format!("artifacts/{}/{job}", run.number))
}

fn play(
    site: &Site,
    run: &Run,
    name: &str,
    job: &serde_yaml::Value,
    needs: &[String],
    mut known: Variables,
) -> Job {
    let environment = job.get("environment");
    let environment = environment.map(|environment| environment.get("name").unwrap_or(environment));
    let environment = environment.map(text).unwrap_or_default();
    // Without a word about it, GitLab fetches twenty commits.
    let depth = known.get("GIT_DEPTH").cloned().unwrap_or("20".to_owned());
    let runner = site.runner(run, &depth);
    known.extend(site.secrets(&environment, &run.event));
    known.extend(site.scope(&environment));
    if environment == "prod-plan" {
        known.insert("NOTES_TOKEN".to_owned(), "notes".to_owned());
    }
    for need in needs {
        let from = kept(site, run, need);
        if from.exists() {
            copy(&from.join("."), &runner.repository);
        }
    }
    let cache = &site.pipeline["default"]["cache"];
    let key = text(&cache["key"]).replace("$TENANTRY_VERSION", &known["TENANTRY_VERSION"]);
    let cached = site.path(&format!("cache/{key}"));
    if cached.exists() {
        copy(&cached.join("."), &runner.repository);
    }

    let default = &site.pipeline["default"]["before_script"];
    let before = job.get("before_script").unwrap_or(default);
    let lines = list(Some(before)).iter().chain(list(job.get("script")));
    let script: String = lines.map(|line| format!("{}\n", text(line))).collect();
    let mut log = String::new();
    let green = site.shell(&runner, &["-eo", "pipefail"], &script, &known, &mut log);

    if green {
        for path in list(cache.get("paths")).iter().map(text) {
            let made = runner.repository.join(&path);
            if made.exists() && !cached.join(&path).exists() {
                copy(&made, &cached.join(&path));
            }
        }
        for path in list(
            job.get("artifacts")
                .and_then(|artifacts| artifacts.get("paths")),
        ) {
            let path = text(path);
            let path = path.trim_end_matches('/');
            let to = kept(site, run, name).join(path);
            let _ = fs::remove_dir_all(&to);
            copy(&runner.repository.join(path), &to);
        }
    }
    if let (true, "plan", Event::Request(asked)) = (green, name, &run.event) {
        let plan = format!(".tenantry-ci/plan/{}.json", asked.head);
        copy(&kept(site, run, name).join(plan), &self::plan(site, asked));
    }
    Job {
        status: if green { Status::Green } else { Status::Red },
        requests: site.ends(&runner, &environment),
        log,
    }
}
