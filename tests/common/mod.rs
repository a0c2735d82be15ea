//! A test bed: a sandbox with the clients that a test is about, an empty folder, and the real binary run in it with nothing in
//! its environment but the settings of that sandbox.
#![allow(
    dead_code,
    unused_imports,
    reason = "each test file is a crate of its own and uses a part of this"
)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tenantry::sandbox::{Builder, Request, Sandbox};
use tenantry::testing;

pub mod client_file;
#[cfg(unix)]
mod conversation;
pub mod git;
pub mod in_process;
pub mod recorded;
mod stub;
mod without_secrets;

#[cfg(unix)]
pub use conversation::Conversation;
pub use stub::Stub;
pub use without_secrets::without_secrets;

/// The tested program.
pub const BINARY: &str = env!("CARGO_BIN_EXE_tenantry");

/// A client's fields.
pub type Fields = Map<String, Value>;

/// Files by their paths: content and time of the last change.
pub type Tree = BTreeMap<String, (Vec<u8>, SystemTime)>;

/// The updatable fields, as the contract with the API has them.
pub const UPDATABLE: [&str; 3] = ["name", "description", "allowed_clients"];

/// What a bed is to be, before it starts.
pub struct Setup {
    sandbox: Builder,
}

/// A sandbox, a folder and the binary.
pub struct Bed {
    pub sandbox: Sandbox,
    folder: TempDir,
}

/// What a run of the binary came to. Port and folder are replaced in its output, so that it is the same in each run.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Setup {
    /// Adds a client with these fields besides id and name.
    pub fn client(self, id: &str, name: &str, fields: Value) -> Setup {
        self.sandbox(|sandbox| sandbox.client(client(id, name, fields)))
    }

    /// Adds that many clients with nothing but an id (`c0000`, …) and a name (`Client 0000`, …).
    pub fn plain_clients(self, count: usize) -> Setup {
        self.sandbox(|sandbox| sandbox.clients((0..count).map(plain_client)))
    }

    /// Changes how the sandbox is to be.
    pub fn sandbox(self, change: impl FnOnce(Builder) -> Builder) -> Setup {
        Setup {
            sandbox: change(self.sandbox),
        }
    }

    /// Adds three clients, Alpha, Beta and Gamma, each with every updatable field and a read-only one.
    pub fn three(self) -> Setup {
        let fields =
            |text: &str| json!({"description": text, "allowed_clients": ["x"], "app_type": "spa"});
        self.client("a", "Alpha", fields("first"))
            .client("b", "Beta", fields("second"))
            .client("c", "Gamma", fields("third"))
    }

    /// Starts the sandbox, with a new folder.
    pub fn start(self) -> Bed {
        Bed {
            sandbox: self.sandbox.start().unwrap(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Starts the sandbox and pulls its clients; that pull's requests are forgotten.
    pub fn pulled(self) -> Bed {
        let bed = self.start();
        bed.pull();
        bed
    }
}

impl Bed {
    #[expect(
        clippy::new_ret_no_self,
        reason = "it reads as the start of a sentence"
    )]
    pub fn new() -> Setup {
        Setup {
            sandbox: Sandbox::builder(),
        }
    }

    /// The three clients of [`Setup::three`], pulled, with edited descriptions.
    pub fn three_edited() -> Bed {
        let bed = Bed::new().three().pulled();
        for (name, text) in [("alpha", "first"), ("beta", "second"), ("gamma", "third")] {
            let file = format!("tenant/clients/{name}.yaml");
            bed.edit(&file, text, &format!("{text}!"));
        }
        bed
    }

    /// Starts another sandbox for the same folder: another tenant, or the same one changed.
    pub fn moved_to(self, setup: Setup) -> Bed {
        Bed {
            sandbox: setup.sandbox.start().unwrap(),
            folder: self.folder,
        }
    }

    /// The binary in the bed's folder, with the settings of the sandbox.
    pub fn command(&self) -> assert_cmd::Command {
        let mut command = self.command_without_settings();
        command.envs(self.settings());
        command
    }

    /// The binary in the bed's folder, with an environment that has nothing to say.
    pub fn command_without_settings(&self) -> assert_cmd::Command {
        let mut command = assert_cmd::Command::from_std(self.bare());
        // A run that hangs fails its test, in place of everybody's patience.
        command.timeout(Duration::from_secs(240));
        command
    }

    /// The binary under way, with the settings of the sandbox; what it says on stderr is in the file `stderr`.
    pub fn spawn<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Child {
        let stderr = fs::File::create(self.path("stderr")).unwrap();
        let mut command = self.process(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(stderr).spawn().unwrap()
    }

    /// The binary under way, with the settings of the sandbox; what it says is piped.
    pub fn piped<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Child {
        let mut command = self.process(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        command.stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The binary at a terminal, with the settings of the sandbox.
    #[cfg(unix)]
    pub fn at_terminal<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Conversation {
        Conversation::start(self.process(arguments))
    }

    /// The binary with the settings of the sandbox, for a test that starts it by itself.
    fn process<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = self.bare();
        command.envs(self.settings()).args(arguments);
        command
    }

    /// The binary in the bed's folder, for a test that starts it by itself.
    pub fn bare(&self) -> Command {
        self.program(BINARY)
    }

    /// The binary run by somebody who owns nothing and may write nowhere, without settings; root may everywhere. None, and a
    /// word about it, where nobody can be had.
    #[cfg(unix)]
    pub fn as_nobody(&self) -> Option<assert_cmd::Command> {
        if !is_root() {
            return Some(self.command_without_settings());
        }
        let nobody = || {
            let mut command = self.program("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups", BINARY]);
            command
        };
        let may_run = nobody().arg("--version").output();
        if !may_run.is_ok_and(|output| output.status.success()) {
            eprintln!("skipped: root can't run the binary as somebody else here");
            return None;
        }
        Some(assert_cmd::Command::from_std(nobody()))
    }

    /// Another program in the place of the binary: a shell that calls it, say.
    pub fn program(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("HOME", self.path("home"))
            .env("XDG_CACHE_HOME", self.path("cache"))
            .current_dir(self.folder.path());
        command
    }

    /// The settings of the sandbox.
    pub fn settings(&self) -> [(&'static str, String); 3] {
        settings(&self.sandbox)
    }

    /// The same as the text of a .env file.
    pub fn env_file(&self) -> String {
        let settings = self.settings();
        let lines = settings.map(|(name, value)| format!("{name}={value}\n"));
        lines.concat()
    }

    /// Runs the binary with these arguments.
    pub fn run<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Run {
        self.run_with([("", ""); 0], arguments)
    }

    /// Runs the binary with these variables beside the settings of the sandbox, or in place of them.
    pub fn run_with<'a>(
        &self,
        variables: impl IntoIterator<Item = (&'a str, impl AsRef<std::ffi::OsStr>)>,
        arguments: impl IntoIterator<Item = &'a str>,
    ) -> Run {
        let mut command = self.command();
        command.envs(variables).args(arguments);
        self.run_command(command)
    }

    /// Runs the binary with these arguments and nothing in its environment.
    pub fn run_without_settings<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Run {
        let mut command = self.command_without_settings();
        command.args(arguments);
        self.run_command(command)
    }

    /// Runs a command that was made from one of this bed's.
    pub fn run_command(&self, mut command: assert_cmd::Command) -> Run {
        let output = command.output().unwrap();
        let text = |bytes| self.normal(&String::from_utf8(bytes).unwrap());
        Run {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// Text without what differs from run to run.
    pub fn normal(&self, text: &str) -> String {
        let address = self.address();
        let folder = self.folder.path().to_str().unwrap();
        text.replace(&address, "127.0.0.1:PORT")
            .replace(folder, "FOLDER")
    }

    /// Where the sandbox listens: `127.0.0.1:…`.
    pub fn address(&self) -> String {
        self.sandbox.url().replace("http://", "")
    }

    /// Pulls, and forgets the requests.
    pub fn pull(&self) {
        self.run(["pull", "--quiet"]).exits(0);
        self.sandbox.clear_requests();
    }

    /// The requests since they were last forgotten, in the order of arrival: method, path and query.
    pub fn requests(&self) -> Vec<String> {
        let requests = self.sandbox.requests().into_iter();
        requests
            .map(|request| format!("{} {}", request.method, request.path))
            .collect()
    }

    /// How many requests there were whose method and path begin like that.
    pub fn count(&self, start: &str) -> usize {
        let requests = self.requests();
        requests.iter().filter(|one| one.starts_with(start)).count()
    }

    /// How the requests since they were last forgotten were answered.
    pub fn statuses(&self) -> Vec<u16> {
        let requests = self.sandbox.requests().into_iter();
        requests.map(|request| request.status).collect()
    }

    /// The requests to the API, without the token's.
    pub fn api_requests(&self) -> Vec<Request> {
        let mut requests = self.sandbox.requests();
        requests.retain(|request| request.path != "/oauth/token");
        requests
    }

    /// What was sent to which client, in the order of ids.
    pub fn patches(&self) -> Vec<(String, Value)> {
        let requests = self.sandbox.requests().into_iter();
        let mut patches: Vec<_> = requests
            .filter(|request| request.method == "PATCH")
            .map(|request| {
                let id = request.path.strip_prefix("/api/v2/clients/").unwrap();
                (id.to_owned(), request.body.unwrap_or_default())
            })
            .collect();
        patches.sort_by(|one, other| one.0.cmp(&other.0));
        patches
    }

    /// Fails if anything but reading was asked of the tenant.
    #[track_caller]
    pub fn assert_only_gets(&self) {
        let mut writes = self.api_requests();
        writes.retain(|request| request.method != "GET");
        assert_eq!(writes, [], "something else than a GET");
    }

    /// A path in the bed's folder.
    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// A file's text. Paths are relative to the bed's folder.
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Writes a file, and the folders that it is in.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Replaces what stands exactly once in a file.
    pub fn edit(&self, path: &str, old: &str, new: &str) {
        let text = self.read(path);
        assert_eq!(text.matches(old).count(), 1, "{old:?} in {path}:\n{text}");
        self.write(path, &text.replace(old, new));
    }

    /// Renames a file.
    pub fn rename(&self, old: &str, new: &str) {
        fs::rename(self.path(old), self.path(new)).unwrap();
    }

    /// Removes a file.
    pub fn remove(&self, path: &str) {
        fs::remove_file(self.path(path)).unwrap();
    }

    /// Writes the plan of the edits that there are into `plan.json`, and forgets the requests.
    pub fn save_plan(&self) {
        let plan = self.run(["diff", "-o", "json"]).exits(1).stdout;
        // What a run prints has its port taken out.
        self.write(
            "plan.json",
            &plan.replace("127.0.0.1:PORT", &self.address()),
        );
        self.sandbox.clear_requests();
    }

    /// Runs git in the bed's folder. Fails where git fails.
    #[track_caller]
    pub fn git(&self, arguments: &[&str]) -> String {
        git::git(&self.path(""), arguments)
    }

    /// The lock.
    pub fn lock(&self) -> Value {
        serde_json::from_str(&self.read("tenant/tenant.lock")).unwrap()
    }

    /// The base that the lock has for a client.
    pub fn base(&self, id: &str) -> Value {
        self.lock()["clients"][id]["base"].clone()
    }

    /// Every file below a path, with its content.
    pub fn files(&self, path: &str) -> BTreeMap<String, String> {
        let below = self.path(path);
        let files = tree(&below).into_iter().map(|(name, (content, _))| {
            let path = below.join(name);
            let name = path.strip_prefix(self.folder.path()).unwrap();
            let text = String::from_utf8_lossy(&content).into_owned();
            (name.to_str().unwrap().to_owned(), text)
        });
        files.collect()
    }

    /// The names of the clients' files.
    pub fn client_files(&self) -> Vec<String> {
        let files = self.files("tenant/clients");
        let names = files.keys().map(|name| name.rsplit('/').next().unwrap());
        names.map(str::to_owned).collect()
    }

    /// Makes every file of the tenant old, and returns what [`Bed::assert_untouched`] compares with.
    pub fn age(&self) -> BTreeMap<String, String> {
        let files = self.files("tenant");
        for path in files.keys() {
            let file = fs::File::options().append(true).open(self.path(path));
            file.unwrap().set_modified(long_ago()).unwrap();
        }
        files
    }

    /// Fails unless the tenant's files are the same ones with the same content and time.
    #[track_caller]
    pub fn assert_untouched(&self, before: &BTreeMap<String, String>) {
        assert_eq!(&self.files("tenant"), before);
        for (path, (_, time)) in tree(&self.path("tenant")) {
            assert_eq!(time, long_ago(), "{path} was written");
        }
    }

    /// A client as the sandbox has it.
    pub fn live(&self, id: &str) -> Value {
        self.sandbox.client(id).unwrap()
    }

    /// The clients of the sandbox that are under version control, by id, as files are to have them.
    pub fn clients(&self) -> BTreeMap<String, Fields> {
        let mut clients = self.sandbox.clients();
        clients.retain(|client| client["global"] != true);
        let clients = clients.iter().map(|client| {
            let fields = without_secrets(client.as_object().unwrap());
            (text(&client["client_id"]), fields)
        });
        clients.collect()
    }
}

impl Run {
    /// Fails unless that was the exit code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Run {
        assert_eq!(self.code, code, "{self}");
        self
    }

    /// stdout as one JSON document.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    /// Fails unless stderr contains that.
    #[track_caller]
    pub fn complains(self, of: &str) -> Run {
        assert!(self.stderr.contains(of), "no `{of}` in: {self}");
        self
    }
}

/// Everything of a run that somebody sees.
impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit code {}", self.code)?;
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !text.is_empty() {
                write!(f, "\n--- {name}\n{}", text.trim_end())?;
            }
        }
        Ok(())
    }
}

/// The words that call each command, in the order of `--help`.
pub fn every_command() -> Vec<Vec<String>> {
    fn collect(command: &clap::Command, path: &[String], all: &mut Vec<Vec<String>>) {
        for below in command.get_subcommands() {
            let mut path = path.to_vec();
            path.push(below.get_name().to_owned());
            all.push(path.clone());
            collect(below, &path, all);
        }
    }
    let mut all = Vec::new();
    collect(&testing::command_line(), &[], &mut all);
    all
}

/// A client with these fields besides id and name.
pub fn client(id: &str, name: &str, fields: Value) -> Value {
    let mut client = Map::new();
    client.insert("client_id".to_owned(), id.into());
    client.insert("name".to_owned(), name.into());
    client.extend(fields.as_object().unwrap().clone());
    Value::Object(client)
}

/// The settings of a sandbox.
pub fn settings(sandbox: &Sandbox) -> [(&'static str, String); 3] {
    [
        ("AUTH0_DOMAIN", sandbox.url()),
        ("AUTH0_CLIENT_ID", sandbox.client_id().to_owned()),
        ("AUTH0_CLIENT_SECRET", sandbox.client_secret().to_owned()),
    ]
}

/// A value that is text.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The folder of what tenantry keeps for itself, which git ignores.
pub const OWN_FOLDER: &str = ".tenantry";

/// The record of what the last push sent.
pub const RECORD: &str = "tenant/.tenantry/last-push.jsonl";

/// Every file below a folder but what tenantry keeps for itself, by its path in it. Fails where there is no folder: whoever looks for
/// files means some.
pub fn tree(folder: &Path) -> Tree {
    let mut found = Tree::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in
            fs::read_dir(&next).unwrap_or_else(|error| panic!("{}: {error}", next.display()))
        {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if path.file_name().is_none_or(|name| name != OWN_FOLDER) {
                    folders.push(path);
                }
                continue;
            }
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
            let time = fs::metadata(&path).unwrap().modified().unwrap();
            found.insert(name.to_owned(), (fs::read(&path).unwrap(), time));
        }
    }
    found
}

/// The client of that number with nothing but an id and a name.
pub fn plain_client(number: usize) -> Value {
    let name = format!("Client {number:04}");
    client(&format!("c{number:04}"), &name, Value::Object(Map::new()))
}

/// Whether the tests run as root, who may do what nobody else may.
#[cfg(unix)]
pub fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    // A new file belongs to whoever made it.
    tempfile::tempfile().unwrap().metadata().unwrap().uid() == 0
}

/// Makes a named pipe, which nobody writes to: whoever opens it waits.
#[cfg(unix)]
pub fn make_pipe(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
}

/// Waits until something is so.
#[track_caller]
pub fn until(is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed().as_secs() < 120, "it never came to it");
        std::thread::yield_now();
    }
}

/// A time at which no test wrote a file.
fn long_ago() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000)
}
