//! Tells `--version` which commit the program is built from. Away from a git checkout of this project it tells none, and it never
//! fails a build.
#![allow(clippy::print_stdout, reason = "this is how cargo is told")]

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let version = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let version = match commit() {
        Some(commit) => format!("{version} ({commit})"),
        None => version,
    };
    println!("cargo::rustc-env=TENANTRY_VERSION={version}");
}

/// The commit and its day, if this folder is the top of a checkout: a crate that is unpacked inside of another project is not
/// of that project's commit.
fn commit() -> Option<String> {
    if !git(&["rev-parse", "--show-prefix"])?.is_empty() {
        return None;
    }
    watch(&git_path("HEAD")?);
    if let Some(branch) = git(&["symbolic-ref", "--quiet", "HEAD"]) {
        let branch = git_path(&branch)?;
        // A branch that is packed has no file of its own until its next commit, which makes one.
        if let Some(there) = Path::new(&branch).ancestors().find(|path| path.exists()) {
            watch(&there.to_string_lossy());
        }
    }
    git(&[
        "log",
        "-1",
        "--no-show-signature",
        "--abbrev=9",
        "--date=short",
        "--format=%h %cd",
    ])
}

/// Where git keeps that, in a worktree too.
fn git_path(name: &str) -> Option<String> {
    git(&["rev-parse", "--git-path", name])
}

fn watch(path: &str) {
    println!("cargo::rerun-if-changed={path}");
}

fn git(arguments: &[&str]) -> Option<String> {
    let mut git = Command::new("git");
    // In a hook these name the repository that the hook is of.
    git.args(arguments)
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE");
    let output = git.output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim_end().to_owned())
}
