//! The examples for CI are valid YAML, and every tenantry command in them is one that the binary understands.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use tenantry::cli::Cli;

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/ci");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

/// The commands in a text: from `tenantry` to where the shell takes over.
fn commands(text: &str) -> Vec<Vec<String>> {
    let lines = text.lines().map(|line| {
        line.trim()
            .trim_start_matches("- ")
            .trim_start_matches("run: ")
    });
    let lines = lines.map(|line| line.strip_prefix("exec ").unwrap_or(line));
    let lines = lines.filter(|line| line.starts_with("tenantry "));
    let words = |line: &str| {
        let words = line
            .split_whitespace()
            .take_while(|word| !word.starts_with(['>', '|']));
        words.map(str::to_owned).collect()
    };
    lines.map(words).collect()
}

#[test]
fn every_command_is_one_of_ours() {
    let mut seen = Vec::new();
    for file in files() {
        for command in commands(&fs::read_to_string(&file).unwrap()) {
            Cli::try_parse_from(&command)
                .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            seen.push(command[1].clone());
        }
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen, ["check", "diff", "push"]);
}

#[test]
fn every_pipeline_is_yaml_with_the_jobs_that_it_promises() {
    let mut checked = 0;
    for file in files()
        .into_iter()
        .filter(|file| file.extension().is_some())
    {
        let pipeline: serde_yaml::Value =
            serde_yaml::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        let jobs = pipeline.get("jobs").unwrap_or(&pipeline);
        for job in ["check", "apply", "drift"] {
            assert!(
                jobs.get(job).is_some_and(serde_yaml::Value::is_mapping),
                "{job} in {}",
                file.display()
            );
        }
        checked += 1;
    }
    assert_eq!(checked, 2);
}
