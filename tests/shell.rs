//! What a shell has of the binary besides its commands: the version.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::process::Command;

use common::Bed;

#[test]
fn the_version_says_which_commit() {
    let bed = Bed::new().start();
    let version = bed.run(["--version"]).exits(0).stdout;
    assert_eq!(version, bed.run(["-V"]).exits(0).stdout);
    let number = concat!("tenantry ", env!("CARGO_PKG_VERSION"));
    let commit = Command::new("git")
        .args(["log", "-1", "--abbrev=9", "--date=short", "--format=%h %cd"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    // A checkout, or the sources alone.
    let in_git = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(".git")
        .exists();
    match commit {
        Ok(commit) if in_git && commit.status.success() => {
            let commit = String::from_utf8(commit.stdout).unwrap();
            assert_eq!(version, format!("{number} ({})\n", commit.trim()));
        }
        _ => assert_eq!(version, format!("{number}\n")),
    }
}
