//! A hosting site for one test: a bare repository, a laptop's clone of it, the sandbox as the tenant `prod`, and a new clone for
//! each job that runs. What only GitHub or only GitLab does is in `github` and `gitlab`.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tenantry::sandbox::Request;

use crate::common::Bed;
use crate::common::git::git;
use crate::{github, gitlab};

/// The file that the stories edit, and the client that it is about.
pub const FILE: &str = "tenant/prod/clients/shop.yaml";
pub const SHOP: &str = "shop0001";

pub type Variables = BTreeMap<String, String>;

/// Which site it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    GitHub,
    GitLab,
}

/// How the site merges a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merge {
    Commit,
    Squash,
    Rebase,
}

/// What made the site run its jobs.
#[derive(Debug, Clone)]
pub enum Event {
    Request(Asked),
    Push { before: String },
    Nightly,
    ByHand { base: String },
}

/// A request to merge a branch into main.
#[derive(Debug, Clone)]
pub struct Asked {
    pub number: usize,
    pub head: String,
    /// The branch of main that it would come to.
    pub target: String,
    pub from_fork: bool,
}

/// How a job ended, or why it did not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Green,
    Red,
    Skipped,
    Waits,
}

/// A job that the site had a look at.
#[derive(Debug)]
pub struct Job {
    pub status: Status,
    /// What it printed, and what it wrote for its summary.
    pub log: String,
    pub requests: Vec<Request>,
}

/// One run of the pipeline.
#[derive(Debug)]
pub struct Run {
    pub number: usize,
    pub event: Event,
    /// The commit that is checked out, and a name under which it can be fetched.
    pub commit: String,
    pub reference: String,
    pub jobs: BTreeMap<String, Job>,
    /// What a job tells those that need it.
    pub outputs: BTreeMap<String, Variables>,
    pub approved: bool,
}

/// A job's folder: its clone of the repository, its home and its place for temporary files.
pub struct Runner {
    pub folder: PathBuf,
    pub repository: PathBuf,
}

pub struct Site {
    pub host: Host,
    pub bed: Bed,
    pub pipeline: serde_yaml::Value,
    counter: Cell<usize>,
}

impl Site {
    /// A site whose main has the files of a tenant with two clients, as pulled.
    pub fn new(host: Host) -> Site {
        let bed = Bed::new()
            .client(
                SHOP,
                "Shop",
                json!({"description": "v1", "allowed_clients": ["billing1"]}),
            )
            .client("billing1", "Billing", json!({"description": "Bills"}))
            .start();
        let example = match host {
            Host::GitHub => "github-actions.yaml",
            Host::GitLab => "gitlab-ci.yaml",
        };
        let text = fs::read_to_string(examples().join(example)).unwrap();
        // The example's domain is the one thing that is not played as it stands.
        let text = text.replace("acme.eu.auth0.com", &bed.sandbox.url());
        let site = Site {
            host,
            pipeline: serde_yaml::from_str(&text).unwrap(),
            counter: Cell::new(0),
            bed,
        };
        for (name, text) in [
            ("gh", include_str!("gh")),
            ("curl", include_str!("curl")),
            ("cargo", include_str!("cargo")),
            ("apt-get", "#!/bin/sh\n"),
        ] {
            let path = format!("bin/{name}");
            site.bed.write(&path, text);
            let may = fs::Permissions::from_mode(0o755);
            fs::set_permissions(site.bed.path(&path), may).unwrap();
        }
        fs::create_dir_all(site.bed.path("site/artifacts")).unwrap();
        let root = site.bed.path("");
        git(&root, &["init", "-q", "--bare", "-b", "main", "origin.git"]);
        git(
            &site.origin(),
            &["config", "uploadpack.allowAnySHA1InWant", "true"],
        );
        for clone in ["laptop", "server"] {
            git(&root, &["clone", "-q", "origin.git", clone]);
            git(&site.bed.path(clone), &["checkout", "-q", "-B", "main"]);
        }
        site.on_laptop(&["init"]);
        fs::remove_file(site.laptop().join(".env")).unwrap();
        site.on_laptop(&["pull", "--tenant", "prod"]);
        site.commit("the tenant as it is");
        git(&site.laptop(), &["push", "-q", "origin", "main"]);
        site.bed.sandbox.clear_requests();
        site
    }

    fn origin(&self) -> PathBuf {
        self.bed.path("origin.git")
    }

    pub fn laptop(&self) -> PathBuf {
        self.bed.path("laptop")
    }

    /// The clone in which the site itself merges.
    fn server(&self) -> PathBuf {
        self.bed.path("server")
    }

    /// What the site's API answers with, and where it keeps what jobs leave behind.
    pub fn path(&self, path: &str) -> PathBuf {
        self.bed.path("site").join(path)
    }

    /// The commit that main is at.
    pub fn main(&self) -> String {
        git(&self.origin(), &["rev-parse", "main"])
    }

    pub fn next(&self) -> usize {
        self.counter.set(self.counter.get() + 1);
        self.counter.get()
    }

    fn on_laptop(&self, arguments: &[&str]) {
        let mut command = self.bed.command();
        command.current_dir(self.laptop()).args(arguments);
        self.bed.run_command(command).exits(0);
    }

    fn commit(&self, message: &str) {
        git(&self.laptop(), &["add", "--all"]);
        git(&self.laptop(), &["commit", "-q", "-m", message]);
    }

    /// Replaces a text in the file of the shop.
    pub fn edit(&self, old: &str, new: &str) {
        self.bed.edit(&format!("laptop/{FILE}"), old, new);
    }

    /// Says more of what the other client does.
    pub fn edit_billing(&self, does: &str) {
        let file = "laptop/tenant/prod/clients/billing.yaml";
        self.bed.edit(file, does, &format!("{does} more"));
    }

    /// Makes a branch of main, on which an edit is committed, and asks for its merge.
    pub fn asks(&self, change: impl FnOnce(&Site)) -> (Asked, Run) {
        self.asks_from(false, change)
    }

    /// The same from a fork: somebody else's repository.
    pub fn asks_from_fork(&self, change: impl FnOnce(&Site)) -> (Asked, Run) {
        self.asks_from(true, change)
    }

    fn asks_from(&self, from_fork: bool, change: impl FnOnce(&Site)) -> (Asked, Run) {
        let number = self.next();
        let branch = format!("branch-{number}");
        let laptop = self.laptop();
        git(&laptop, &["fetch", "-q", "origin"]);
        git(
            &laptop,
            &["checkout", "-q", "--no-track", "-b", &branch, "origin/main"],
        );
        change(self);
        if !git(&laptop, &["status", "--porcelain"]).is_empty() {
            self.commit("an edit");
        }
        self.write_answer(&self.notes_of(number), &json!([]));
        self.pushes(number, from_fork)
    }

    /// Commits more on the branch that a request is about, and pushes it.
    pub fn adds(&self, asked: &Asked, change: impl FnOnce(&Site)) -> (Asked, Run) {
        let branch = format!("branch-{}", asked.number);
        git(&self.laptop(), &["checkout", "-q", &branch]);
        change(self);
        self.commit("one more edit");
        self.pushes(asked.number, asked.from_fork)
    }

    fn pushes(&self, number: usize, from_fork: bool) -> (Asked, Run) {
        let laptop = self.laptop();
        let branch = format!("HEAD:refs/heads/branch-{number}");
        git(&laptop, &["push", "-q", "-f", "origin", &branch]);
        let head = git(&laptop, &["rev-parse", "HEAD"]);
        let asked = Asked {
            number,
            target: self.main(),
            from_fork,
            head,
        };
        // GitHub checks out the merge as it would be, GitLab the branch.
        let (commit, reference) = match self.host {
            Host::GitHub => (
                self.merged("origin/main", &asked, Merge::Commit),
                format!("refs/pull/{number}/merge"),
            ),
            Host::GitLab => (
                asked.head.clone(),
                format!("refs/merge-requests/{number}/head"),
            ),
        };
        let to = format!("{commit}:{reference}");
        let from = match self.host {
            Host::GitHub => self.server(),
            Host::GitLab => laptop,
        };
        git(&from, &["push", "-q", "-f", "origin", &to]);
        let run = self.run(Event::Request(asked.clone()), commit, &reference);
        (asked, run)
    }

    /// The commit that a merge would make. Nothing is pushed.
    fn merged(&self, onto: &str, asked: &Asked, how: Merge) -> String {
        let server = self.server();
        git(&server, &["fetch", "-q", "origin"]);
        git(&server, &["checkout", "-q", "--detach", onto]);
        match how {
            Merge::Commit => git(
                &server,
                &["merge", "-q", "--no-ff", "-m", "Merge", &asked.head],
            ),
            Merge::Squash => {
                git(&server, &["merge", "-q", "--squash", &asked.head]);
                git(&server, &["commit", "-q", "-m", "Squashed"])
            }
            // GitHub makes new commits also where it need not, GitLab takes a branch that was rebased as it is.
            Merge::Rebase if self.host == Host::GitHub => {
                let range = format!("origin/main..{}", asked.head);
                git(&server, &["cherry-pick", "--no-ff", &range])
            }
            Merge::Rebase => git(&server, &["merge", "-q", "--ff-only", &asked.head]),
        };
        git(&server, &["rev-parse", "HEAD"])
    }

    /// Merges a request, and runs what that starts.
    pub fn merges(&self, asked: &Asked, how: Merge) -> Run {
        self.merges_on("origin/main", asked, how)
    }

    /// Merges a request into a commit that is ahead of main, and pushes both at once.
    pub fn merges_on(&self, onto: &str, asked: &Asked, how: Merge) -> Run {
        let commit = self.merged(onto, asked, how);
        self.write_answer(
            &self.requests_of(&commit),
            &match self.host {
                Host::GitHub => github::merged(asked, &commit),
                Host::GitLab => gitlab::merged(asked, &commit, how),
            },
        );
        self.receives(&commit, "server")
    }

    /// Pushes to main from the laptop, without any request.
    pub fn pushed_to_main(&self, change: impl FnOnce(&Site)) -> Run {
        let laptop = self.laptop();
        git(&laptop, &["fetch", "-q", "origin"]);
        git(&laptop, &["checkout", "-q", "-B", "main", "origin/main"]);
        change(self);
        self.commit("straight to main");
        let commit = git(&laptop, &["rev-parse", "HEAD"]);
        self.write_answer(&self.requests_of(&commit), &json!([]));
        self.receives(&commit, "laptop")
    }

    /// Puts a commit on main, from one of the clones.
    pub fn receives(&self, commit: &str, from: &str) -> Run {
        let before = self.main();
        let to = format!("{commit}:refs/heads/main");
        git(&self.bed.path(from), &["push", "-q", "origin", &to]);
        self.run(Event::Push { before }, commit.to_owned(), "refs/heads/main")
    }

    /// A commit on top of main that nobody has pushed yet, in the clone of the site itself.
    pub fn commits_on_server(&self, change: impl FnOnce(&Path)) -> String {
        let server = self.server();
        git(&server, &["fetch", "-q", "origin"]);
        git(&server, &["checkout", "-q", "--detach", "origin/main"]);
        change(&server);
        git(&server, &["commit", "-q", "-a", "-m", "beside"]);
        git(&server, &["rev-parse", "HEAD"])
    }

    /// The files that differ between two commits.
    pub fn changed(&self, one: &str, other: &str) -> Vec<String> {
        let names = git(&self.origin(), &["diff", "--name-only", one, other]);
        names.lines().map(str::to_owned).collect()
    }

    /// Runs what the schedule starts.
    pub fn nightly(&self) -> Run {
        self.run(Event::Nightly, self.main(), "refs/heads/main")
    }

    /// Runs what somebody starts by hand, with a commit as the base.
    pub fn by_hand(&self, base: &str) -> Run {
        let event = Event::ByHand {
            base: base.to_owned(),
        };
        self.run(event, self.main(), "refs/heads/main")
    }

    fn run(&self, event: Event, commit: String, reference: &str) -> Run {
        let mut run = Run {
            number: self.next(),
            event,
            commit,
            reference: reference.to_owned(),
            jobs: BTreeMap::new(),
            outputs: BTreeMap::new(),
            approved: false,
        };
        self.goes_on(&mut run);
        run
    }

    /// Runs the jobs that can be run and have not been.
    fn goes_on(&self, run: &mut Run) {
        match self.host {
            Host::GitHub => github::goes_on(self, run),
            Host::GitLab => gitlab::goes_on(self, run),
        }
    }

    /// Approves what waits for it.
    pub fn approves(&self, run: &mut Run) {
        assert_eq!(run.status("approve"), Status::Waits, "{run:?}");
        run.approved = true;
        run.jobs.retain(|_, job| job.status != Status::Waits);
        self.goes_on(run);
    }

    /// Rejects what waits for approval.
    pub fn rejects(&self, run: &mut Run) {
        assert_eq!(run.status("approve"), Status::Waits, "{run:?}");
        run.jobs.get_mut("approve").unwrap().status = Status::Red;
        self.goes_on(run);
    }

    /// Runs a job once more.
    pub fn repeats(&self, run: &mut Run, job: &str) {
        run.jobs.remove(job).unwrap();
        self.goes_on(run);
    }

    /// The new clone for a job. `depth` 0 is the whole history, as on both sites.
    pub fn runner(&self, run: &Run, depth: &str) -> Runner {
        let folder = self.bed.path(&format!("jobs/{}", self.next()));
        let repository = folder.join("repository");
        for path in ["home", "temporary"] {
            fs::create_dir_all(folder.join(path)).unwrap();
        }
        let origin = self.origin().display().to_string();
        if depth == "0" {
            // As good as a whole copy, and quicker.
            git(&folder, &["clone", "-q", "-s", "-n", &origin, "repository"]);
        } else {
            git(&folder, &["init", "-q", "repository"]);
            let origin = format!("file://{origin}");
            let fetch = ["fetch", "-q", "--depth", depth, &origin, &run.commit];
            git(&repository, &fetch);
        }
        git(&repository, &["checkout", "-q", "--detach", &run.commit]);
        Runner { folder, repository }
    }

    /// Runs a script in a job's clone. True where it succeeded; its output goes to the log.
    pub fn shell(
        &self,
        runner: &Runner,
        options: &[&str],
        script: &str,
        variables: &Variables,
        log: &mut String,
    ) -> bool {
        let path = runner.folder.join("script");
        fs::write(&path, script).unwrap();
        let more = variables.get("PATH").map(String::as_str).unwrap_or("");
        let tools = self.bed.path("bin");
        let system = std::env::var("PATH").unwrap();
        let output = Command::new("bash")
            .args(options)
            .arg(&path)
            .current_dir(&runner.repository)
            .env_clear()
            .envs(variables)
            .env("PATH", format!("{more}{}:{system}", tools.display()))
            .env("HOME", runner.folder.join("home"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("SITE", self.path(""))
            .env("TENANTRY_BINARY", env!("CARGO_BIN_EXE_tenantry"))
            .env("TENANTRY_TESTED", env!("CARGO_PKG_VERSION"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        log.push_str(&String::from_utf8_lossy(&output.stdout));
        log.push_str(&String::from_utf8_lossy(&output.stderr));
        output.status.success()
    }

    /// What a job may know about the tenant: an environment's secrets, where it has one and the request is not a stranger's.
    pub fn secrets(&self, environment: &str, event: &Event) -> Variables {
        let mut secrets = Variables::new();
        let from_fork = matches!(event, Event::Request(asked) if asked.from_fork);
        if !from_fork && ["prod", "prod-plan"].contains(&environment) {
            let (id, secret) = (
                self.bed.sandbox.client_id(),
                self.bed.sandbox.client_secret(),
            );
            secrets.insert("AUTH0_CLIENT_ID".to_owned(), id.to_owned());
            secrets.insert("AUTH0_CLIENT_SECRET".to_owned(), secret.to_owned());
        }
        secrets
    }

    /// What makes the one application of the sandbox the one of that environment.
    pub fn scope(&self, environment: &str) -> Option<(String, String)> {
        let read_only = environment == "prod-plan";
        read_only.then(|| ("AUTH0_SCOPE".to_owned(), "read:clients".to_owned()))
    }

    /// The requests of a job that ends here. Only a job in `prod` may do more than read, one outside any environment nothing.
    pub fn ends(&self, runner: &Runner, environment: &str) -> Vec<Request> {
        let requests = self.bed.sandbox.requests();
        self.bed.sandbox.clear_requests();
        let reads = |request: &Request| request.method == "GET" || request.path == "/oauth/token";
        match environment {
            "prod" => {}
            "prod-plan" => assert!(requests.iter().all(reads), "{requests:?}"),
            _ => assert!(requests.is_empty(), "{requests:?}"),
        }
        let changed = git(&runner.repository, &["status", "--porcelain"]);
        assert_eq!(changed, "", "a job changed files");
        requests
    }

    /// Where the site's API has its answer for that path or address.
    pub fn answer(&self, path: &str) -> PathBuf {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        self.path(&path.chars().map(plain).collect::<String>())
    }

    pub fn write_answer(&self, path: &str, answer: &Value) {
        fs::write(self.answer(path), answer.to_string()).unwrap();
    }

    fn requests_of(&self, commit: &str) -> String {
        match self.host {
            Host::GitHub => format!("repos/acme/tenant/commits/{commit}/pulls"),
            Host::GitLab => {
                format!("{}/repository/commits/{commit}/merge_requests", gitlab::API)
            }
        }
    }

    fn notes_of(&self, number: usize) -> String {
        match self.host {
            Host::GitHub => format!("repos/acme/tenant/issues/{number}/comments"),
            Host::GitLab => format!("{}/merge_requests/{number}/notes", gitlab::API),
        }
    }

    /// What was said under a request.
    pub fn notes(&self, asked: &Asked) -> Vec<String> {
        let text = fs::read_to_string(self.answer(&self.notes_of(asked.number))).unwrap();
        let notes: Vec<Value> = serde_json::from_str(&text).unwrap();
        let body = |note: &Value| note["body"].as_str().unwrap().to_owned();
        notes.iter().map(body).collect()
    }

    /// The plan that was kept for a request.
    pub fn plan(&self, asked: &Asked) -> PathBuf {
        match self.host {
            Host::GitHub => github::plan(self, asked),
            Host::GitLab => gitlab::plan(self, asked),
        }
    }

    /// Forgets the plan of a request, as the site does after some time.
    pub fn expires(&self, asked: &Asked) {
        match self.host {
            Host::GitHub => github::expires(self, asked),
            Host::GitLab => fs::remove_file(self.plan(asked)).unwrap(),
        }
    }

    /// What the tenant says in a field of the shop.
    pub fn live(&self, field: &str) -> Value {
        self.bed.live(SHOP)[field].clone()
    }

    /// Somebody edits the shop on the dashboard.
    pub fn dashboard(&self, field: &str, value: &str) {
        self.bed.sandbox.edit(SHOP, field, Some(json!(value)));
    }
}

impl Run {
    /// How a job ended; skipped where nothing would start it.
    pub fn status(&self, job: &str) -> Status {
        self.jobs.get(job).map_or(Status::Skipped, |job| job.status)
    }

    /// The jobs that ran or wait, with how they ended.
    pub fn statuses(&self) -> Vec<(&str, Status)> {
        let looked_at = self
            .jobs
            .iter()
            .map(|(name, job)| (name.as_str(), job.status));
        looked_at
            .filter(|(_, status)| *status != Status::Skipped)
            .collect()
    }

    pub fn log(&self, job: &str) -> &str {
        &self.jobs[job].log
    }

    /// What a job sent to change clients.
    pub fn sent(&self, job: &str) -> Vec<Value> {
        let requests = self.jobs.get(job).map_or(&[][..], |job| &job.requests);
        let changes = requests.iter().filter(|request| request.method == "PATCH");
        changes
            .map(|request| request.body.clone().unwrap())
            .collect()
    }
}

/// A text of a YAML value; numbers and truth values as GitHub and GitLab put them into variables.
pub fn text(value: &serde_yaml::Value) -> String {
    match value {
        serde_yaml::Value::String(text) => text.clone(),
        serde_yaml::Value::Null => String::new(),
        other => serde_yaml::to_string(other).unwrap().trim().to_owned(),
    }
}

/// The variables of a YAML mapping.
pub fn variables(mapping: Option<&serde_yaml::Value>) -> Variables {
    let pairs = mapping.and_then(serde_yaml::Value::as_mapping);
    let pairs = pairs.into_iter().flatten();
    pairs
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}

/// The entries of a YAML list; none where there is no list.
pub fn list(value: Option<&serde_yaml::Value>) -> &[serde_yaml::Value] {
    value
        .and_then(serde_yaml::Value::as_sequence)
        .map_or(&[], Vec::as_slice)
}

pub fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/ci")
}

/// Copies a file or a folder.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(
        copied.unwrap().success(),
        "{} → {}",
        from.display(),
        to.display()
    );
}
