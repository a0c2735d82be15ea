//! git, with nothing of the machine's configuration.

use std::path::Path;
use std::process::{Command, Stdio};

/// What makes git the same on every machine, and has nobody tidy up repositories that are gone in a moment.
pub const ENVIRONMENT: [(&str, &str); 11] = [
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_CONFIG_COUNT", "2"),
    ("GIT_CONFIG_KEY_0", "gc.auto"),
    ("GIT_CONFIG_VALUE_0", "0"),
    ("GIT_CONFIG_KEY_1", "maintenance.auto"),
    ("GIT_CONFIG_VALUE_1", "false"),
    ("GIT_AUTHOR_NAME", "Somebody"),
    ("GIT_AUTHOR_EMAIL", "somebody@example.com"),
    ("GIT_COMMITTER_NAME", "Somebody"),
    ("GIT_COMMITTER_EMAIL", "somebody@example.com"),
];

/// git in a folder, for a test that runs it by itself.
pub fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command
        .args(arguments)
        .envs(ENVIRONMENT)
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE")
        .current_dir(folder)
        .stdin(Stdio::null());
    command
}

/// What git printed; or, where it failed, all that it said.
pub fn attempt(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = command(folder, arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    match output.status.success() {
        true => Ok(text(output.stdout)),
        false => Err(text([output.stdout, output.stderr].concat())),
    }
}

/// What git printed, less white space around it. Fails the test where git failed.
#[track_caller]
pub fn git(folder: &Path, arguments: &[&str]) -> String {
    match attempt(folder, arguments) {
        Ok(printed) => printed.trim().to_owned(),
        Err(said) => panic!("git {arguments:?}: {said}"),
    }
}
