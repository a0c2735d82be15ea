//! Running tenantry inside a test's process, over a real socket: many times faster than a process a command. A command prints
//! to the process's own stdout, so each test runs once more in a process apart whose stdout is a file: nothing clutters the
//! report, and what a command printed can be read back.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use tenantry::settings::Environment;
use tenantry::testing;

use super::{Bed, Run, git};

const OUTPUT: &str = "TENANTRY_TEST_OUTPUT";

/// Runs the body in a process of its own. `name` is the test's own name.
pub fn apart(name: &str, body: impl FnOnce(&Tenantry)) {
    if let Some(output) = std::env::var_os(OUTPUT) {
        body(&Tenantry::new(Path::new(&output)));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (stdout, stderr) = (folder.path().join("stdout"), folder.path().join("stderr"));
    let create = |path: &Path| Stdio::from(File::create(path).unwrap());
    let status = Command::new(std::env::current_exe().unwrap())
        // With one thread, the harness prints nothing while the test runs.
        .args(["--exact", "--include-ignored", "--nocapture"])
        .args(["--test-threads=1", name])
        .env(OUTPUT, &stdout)
        .env("RUST_BACKTRACE", "0")
        // As much as the main thread has, on which commands run; the generators need some of it, too.
        .env("RUST_MIN_STACK", "8388608")
        .envs(git::ENVIRONMENT)
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE")
        .env_remove("TENANTRY_BASE")
        .env_remove("TENANTRY_TENANT")
        .env_remove("TENANTRY_DIR")
        .stdin(Stdio::null())
        .stdout(create(&stdout))
        .stderr(create(&stderr))
        .status()
        .unwrap();
    let printed = String::from_utf8_lossy(&fs::read(&stdout).unwrap()).into_owned();
    assert!(
        printed.contains("running 1 test"),
        "no test is named {name}"
    );
    let said = String::from_utf8_lossy(&fs::read(&stderr).unwrap()).into_owned();
    let end = said.len().saturating_sub(8_000);
    let end = (end..said.len()).find(|at| said.is_char_boundary(*at));
    assert!(status.success(), "{}", &said[end.unwrap_or_default()..]);
}

/// How many cases: `TENANTRY_CASES`, else this many.
pub fn cases(usual: u32) -> u32 {
    number("TENANTRY_CASES").map_or(usual, |cases| u32::try_from(cases).unwrap())
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable)
        .ok()
        .map(|text| text.parse().unwrap())
}

/// Holds a property against that many cases. They are the same ones each time, unless `TENANTRY_SEED` is another one.
pub fn property<S: Strategy>(cases: u32, strategy: &S, property: impl Fn(S::Value)) {
    let seed = number("TENANTRY_SEED").unwrap_or(1);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 2_000,
        max_shrink_time: 120_000,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(config, rng);
    // Shrinking fails again and again: only the last failure is of interest.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let outcome = runner.run(strategy, |case| {
        property(case);
        Ok(())
    });
    std::panic::set_hook(hook);
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(reason, case)) => {
            panic!("seed {seed}: {reason}\nfor {case:#?}\n{reason}")
        }
        Err(TestError::Abort(reason)) => panic!("gave up: {reason}"),
    }
}

/// Runs commands.
pub struct Tenantry {
    runtime: tokio::runtime::Runtime,
    output: PathBuf,
    no_settings: tempfile::NamedTempFile,
}

impl Tenantry {
    fn new(output: &Path) -> Tenantry {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        Tenantry {
            runtime: runtime.worker_threads(1).enable_all().build().unwrap(),
            output: output.to_owned(),
            no_settings: tempfile::NamedTempFile::new().unwrap(),
        }
    }

    /// Runs a command on a tenant directory, against the bed's sandbox. In place of stderr there is the error that it ended
    /// with, if it reported nothing else.
    pub fn run(&self, bed: &Bed, directory: &Path, command: &[&str]) -> Run {
        let (name, rest) = command.split_first().unwrap();
        let mut args: Vec<&OsStr> = ["tenantry", "--quiet", "--no-token-cache", "--dir"]
            .map(OsStr::new)
            .to_vec();
        args.extend([directory.as_os_str(), OsStr::new("--env-file")]);
        args.extend([self.no_settings.path().as_os_str(), OsStr::new(name)]);
        args.extend(rest.iter().map(OsStr::new));
        let settings = bed.settings();
        let settings = settings.iter().map(|(name, value)| (*name, value.as_str()));
        let environment: Environment = settings.collect();
        std::io::stdout().flush().unwrap();
        let before = fs::metadata(&self.output).unwrap().len();
        let (code, error) = self.runtime.block_on(testing::run(args, &environment));
        let mut stdout = String::new();
        let mut output = File::open(&self.output).unwrap();
        output.seek(SeekFrom::Start(before)).unwrap();
        output.read_to_string(&mut stdout).unwrap();
        Run {
            code: code.into(),
            stdout,
            stderr: error.unwrap_or_default(),
        }
    }
}
