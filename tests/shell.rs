//! What a shell has of the binary besides its commands: completions, the manual page, the version, and what is logged.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::process::{Command, Stdio};

use common::{Bed, Run, every_command};
use serde_json::json;
use tenantry::settings::Variable;
use tenantry::testing;

/// A folder with two tenants, and settings for one of them and a third.
fn folder() -> Bed {
    let bed = Bed::new().start();
    for file in [
        "tenant/dev/clients/web-app.yaml",
        "tenant/dev/clients/warehouse.yml",
        "tenant/dev/clients/api.json",
        "tenant/dev/clients/README.md",
        "tenant/dev/clients/.hidden.yaml",
        "tenant/prod/clients/shop.yaml",
        "tenant/prod/tenant.lock",
        "tenant/notes/todo.txt",
        ".env",
        ".env.dev",
        ".env.staging",
        ".env.example",
        "elsewhere/eu/clients/web.yaml",
        "elsewhere/eu/clients/worker.yaml",
    ] {
        bed.write(file, "never read: {");
    }
    bed
}

/// What fish is answered for the last word of that line: values, without what is said of them. Nothing else may come of it.
fn offered(bed: &Bed, line: &[&str]) -> Vec<String> {
    let mut command = bed.command();
    command
        .env("TENANTRY_COMPLETE", "fish")
        .args(["--", "tenantry"]);
    let run = bed.run_command({
        command.args(line);
        command
    });
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{line:?}: {run}");
    assert_eq!(bed.requests(), [""; 0], "{line:?}");
    let values = run
        .stdout
        .lines()
        .map(|line| line.split('\t').next().unwrap());
    values.map(str::to_owned).collect()
}

#[test]
fn tenants_are_those_with_files_or_settings_and_the_sandbox() {
    let bed = folder();
    let all = ["dev", "prod", "sandbox", "staging"];
    assert_eq!(offered(&bed, &["--tenant", ""]), all);
    assert_eq!(offered(&bed, &["diff", "web-app", "--tenant", ""]), all);
    assert_eq!(offered(&bed, &["promote", "--from", ""]), all);
    assert_eq!(
        offered(&bed, &["promote", "--from", "dev", "--to", "p"]),
        ["prod"]
    );
    assert_eq!(
        offered(&bed, &["--tenant=s"]),
        ["--tenant=sandbox", "--tenant=staging"]
    );
    assert_eq!(
        offered(&bed, &["--dir", "elsewhere", "--tenant", ""]),
        ["dev", "eu", "sandbox", "staging"]
    );
}

#[test]
fn clients_are_those_of_the_tenant_on_the_line() {
    let bed = folder();
    for command in ["pull", "diff", "push", "list"] {
        assert_eq!(
            offered(&bed, &[command, "--tenant", "dev", ""]),
            ["api", "warehouse", "web-app"],
            "{command}"
        );
    }
    assert_eq!(offered(&bed, &["--tenant=prod", "diff", ""]), ["shop"]);
    assert_eq!(
        offered(&bed, &["--tenant", "dev", "diff", "api", "w"]),
        ["warehouse", "web-app"]
    );
    assert_eq!(
        offered(&bed, &["--dir=elsewhere", "--tenant", "eu", "push", "wo"]),
        ["worker"]
    );
    let promoted = [
        "--tenant", "dev", "promote", "--to", "dev", "--from", "prod", "",
    ];
    assert_eq!(offered(&bed, &promoted), ["shop"]);
    assert_eq!(
        offered(&bed, &["--dir", "tenant/prod", "diff", "s"]),
        ["shop"]
    );
    assert_eq!(
        offered(&bed, &["--tenant", "../elsewhere/eu", "diff", "w"]),
        [""; 0]
    );
    assert_eq!(offered(&bed, &["check", "w"]), [""; 0]);
}

#[test]
fn the_environment_says_which_tenant_where_the_line_does_not() {
    let bed = folder();
    let offered = |line: &[&str]| {
        let mut command = bed.command();
        command
            .envs([("TENANTRY_COMPLETE", "fish"), ("TENANTRY_DIR", "elsewhere")])
            .env("TENANTRY_TENANT", "eu")
            .args(["--", "tenantry"]);
        command.args(line);
        bed.run_command(command).exits(0).stdout
    };
    assert_eq!(offered(&["diff", "w"]), "web\nworker\n");
    assert_eq!(
        offered(&["diff", "--dir", "tenant", "--tenant", "dev", "w"]),
        "warehouse\nweb-app\n"
    );
}

#[test]
fn the_rest_of_a_line_is_completed_too() {
    let bed = folder();
    assert_eq!(offered(&bed, &["p"]), ["pull", "push", "promote"]);
    assert_eq!(offered(&bed, &["sandbox", ""]), ["serve", "reset", "help"]);
    assert_eq!(
        offered(&bed, &["completions", ""]),
        ["bash", "zsh", "fish", "powershell"]
    );
    assert_eq!(
        offered(&bed, &["diff", "-o", ""]),
        ["text", "json", "markdown"]
    );
    assert_eq!(
        offered(&bed, &["promote", "--fields", "name,d"]),
        ["name,description"]
    );
    assert_eq!(offered(&bed, &["--dir", "el"]), ["elsewhere/"]);
    assert_eq!(
        offered(&bed, &["push", "--plan", "tenant/prod/t"]),
        ["tenant/prod/tenant.lock"]
    );
    let options = offered(&bed, &["push", "--tenant", "dev", "--o"]);
    assert_eq!(options, ["--overwrite-drift", "--output"]);
}

/// Somebody else may have named the files, and not every shell quotes what it is given.
#[cfg(unix)]
#[test]
fn a_name_that_a_shell_or_a_terminal_acts_on_is_not_offered() {
    use std::os::unix::ffi::OsStrExt;
    let bed = folder();
    for name in [
        "w\u{1b}[2J",
        "w\nx",
        "w\tx",
        "w x",
        "w$(touch x)",
        "w`x`",
        "w;x",
        "w*",
        "w'x",
        "w\u{202e}x",
        "-w",
        "~",
    ] {
        bed.write(&format!("tenant/dev/clients/{name}.yaml"), "");
        bed.write(&format!("tenant/{name}/tenant.lock"), "");
        bed.write(&format!(".env.{name}"), "");
        bed.write(&format!("{name}.json"), "");
        bed.write(&format!("{name}/clients/x.yaml"), "");
    }
    let odd = std::ffi::OsStr::from_bytes(b"w\xff.yaml");
    std::fs::write(bed.path("tenant/dev/clients").join(odd), "").unwrap();
    assert_eq!(offered(&bed, &["--tenant", "w"]), [""; 0]);
    assert_eq!(
        offered(&bed, &["--tenant", ""]),
        ["dev", "prod", "sandbox", "staging"]
    );
    assert_eq!(
        offered(&bed, &["--tenant", "dev", "diff", "w"]),
        ["warehouse", "web-app"]
    );
    assert_eq!(offered(&bed, &["push", "--plan", "w"]), [""; 0]);
    let folders = [".", "elsewhere/", "tenant/"];
    assert_eq!(offered(&bed, &["--dir", ""]), folders);
    assert_eq!(offered(&bed, &["push", "--plan", ""]), folders[1..]);
}

#[test]
fn a_line_that_makes_no_sense_has_a_quiet_answer() {
    let bed = folder();
    offered(&bed, &["--nonsense", "diff", "--tenant"]);
    offered(&bed, &["--", "--", ""]);
    offered(&bed, &["diff", "--help", ""]);
    for arguments in [&["--"][..], &["--", ""], &["--", "tenantry"]] {
        let mut command = bed.command();
        command.env("TENANTRY_COMPLETE", "fish").args(arguments);
        let run = bed.run_command(command).exits(0);
        assert_eq!(
            (run.stdout, run.stderr),
            (String::new(), String::new()),
            "{arguments:?}"
        );
    }
    // The variable alone does not turn a command into a question.
    let mut command = bed.command();
    command.env("TENANTRY_COMPLETE", "fish").arg("--version");
    assert!(
        bed.run_command(command)
            .exits(0)
            .stdout
            .starts_with("tenantry ")
    );
}

#[test]
fn every_shell_has_a_script_that_asks_this_binary() {
    let bed = Bed::new().start();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = bed.run(["completions", shell]).exits(0);
        let calls = script.stdout.contains("TENANTRY_COMPLETE")
            && script.stdout.contains(env!("CARGO_BIN_EXE_tenantry"));
        assert!(calls, "{script}");
        assert_eq!(script.stderr, "");
    }
    bed.run(["completions", "tcsh"]).exits(2);
}

/// What bash offers for the word at that place of a line, which bash itself has cut into words.
fn bash(bed: &Bed, words: &[&str], at: usize, word: &str) -> Vec<String> {
    const SCRIPT: &str = r#"
        eval "$("$0" completions bash)"
        COMP_CWORD=$1 word=$2
        shift 2
        COMP_WORDS=("$@")
        _tenantry tenantry "$word"
        ((${#COMPREPLY[@]} == 0)) || printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let output = Command::new("bash")
        .args([
            "--norc",
            "--noprofile",
            "-uc",
            SCRIPT,
            env!("CARGO_BIN_EXE_tenantry"),
        ])
        .args([&at.to_string(), word])
        .args(words)
        .current_dir(bed.path(""))
        .output()
        .unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    let values = String::from_utf8(output.stdout).unwrap();
    values.lines().map(str::to_owned).collect()
}

#[test]
fn bash_offers_what_the_binary_answers() {
    if Command::new("bash")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_err()
    {
        eprintln!("skipped: there is no bash here");
        return;
    }
    let bed = folder();
    let tenants = ["dev", "prod", "sandbox", "staging"];
    assert_eq!(bash(&bed, &["tenantry", "pu"], 1, "pu"), ["pull", "push"]);
    assert_eq!(bash(&bed, &["tenantry", "--tenant", ""], 2, ""), tenants);
    // tenantry --tenant=, and then with a letter.
    assert_eq!(bash(&bed, &["tenantry", "--tenant", "="], 2, ""), tenants);
    assert_eq!(
        bash(&bed, &["tenantry", "--tenant", "=", "p"], 3, "p"),
        ["prod"]
    );
    let words = ["tenantry", "--tenant", "=", "dev", "diff", "w"];
    assert_eq!(bash(&bed, &words, 5, "w"), ["warehouse", "web-app"]);
    // The cursor stands before what follows.
    let words = ["tenantry", "diff", "--tenant", "prod"];
    assert_eq!(bash(&bed, &words, 2, ""), ["shop"]);
    assert_eq!(
        bash(&bed, &["tenantry", "--dir", "e"], 2, "e"),
        ["elsewhere/"]
    );
    assert_eq!(bash(&bed, &["tenantry", "nonsense", "w"], 2, "w"), [""; 0]);
}

#[test]
fn the_manual_page_has_every_command_option_and_variable() {
    let bed = Bed::new().start();
    let page = bed.run(["man"]).exits(0);
    assert!(page.stdout.is_ascii() && page.stderr.is_empty(), "{page}");
    let text = page.stdout.replace("\\-", "-");
    for path in every_command() {
        assert!(
            text.contains(&format!("tenantry {}", path.join(" "))),
            "{path:?}"
        );
        let mut command = &testing::command_line();
        for name in &path {
            command = command.find_subcommand(name).unwrap();
        }
        for long in command.get_arguments().filter_map(clap::Arg::get_long) {
            assert!(text.contains(&format!("--{long}")), "--{long} of {path:?}");
        }
    }
    let variables = Variable::ALL.map(|variable| variable.name);
    let aliases = Variable::ALL
        .into_iter()
        .filter_map(|variable| variable.alias);
    let ours = ["TENANTRY_TENANT", "TENANTRY_DIR", "TENANTRY_LOG"];
    for variable in variables.into_iter().chain(aliases).chain(ours) {
        assert!(text.contains(variable), "{variable}");
    }
}

#[test]
fn the_manual_page_renders_without_a_warning() {
    let bed = Bed::new().start();
    bed.write("tenantry.1", &bed.run(["man"]).exits(0).stdout);
    for device in ["-Tascii", "-Tutf8"] {
        let groff = Command::new("groff")
            .args(["-ww", "-man", device, "tenantry.1"])
            .current_dir(bed.path(""))
            .output();
        let Ok(groff) = groff else {
            eprintln!("skipped: there is no groff here");
            return;
        };
        assert!(
            groff.status.success() && groff.stderr.is_empty(),
            "{groff:?}"
        );
        assert!(String::from_utf8_lossy(&groff.stdout).contains("Interrupted"));
    }
}

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

/// Runs the binary with that `TENANTRY_LOG`.
fn logging<'a>(bed: &Bed, log: &str, arguments: impl IntoIterator<Item = &'a str>) -> Run {
    let mut command = bed.command();
    command.env("TENANTRY_LOG", log).args(arguments);
    bed.run_command(command)
}

#[test]
fn what_is_logged_is_said_by_the_variable_unless_quiet_is_asked_for() {
    let bed = Bed::new().client("a", "Alpha", json!({})).start();
    let list = ["list", "--no-token-cache"];
    let kinds = |run: Run| {
        let stderr = run.exits(0).stderr;
        let kinds = [
            " from AUTH0_",
            "POST /oauth/token 200",
            "GET /api/v2/clients?",
        ];
        kinds.map(|kind| stderr.contains(kind))
    };
    assert_eq!(kinds(logging(&bed, "", list)), [false; 3]);
    assert_eq!(kinds(logging(&bed, "warn", list)), [false; 3]);
    assert_eq!(kinds(logging(&bed, "info", list)), [true; 3]);
    assert_eq!(kinds(logging(&bed, "TRACE", list)), [true; 3]);
    assert_eq!(
        kinds(logging(&bed, "tenantry::api=info", list)),
        [false, true, true]
    );
    assert_eq!(
        kinds(logging(&bed, "info, tenantry::api = off", list)),
        [true, false, false]
    );
    let verbose = ["list", "--no-token-cache", "-v"];
    assert_eq!(kinds(logging(&bed, "", verbose)), [true; 3]);
    assert_eq!(kinds(logging(&bed, "off", verbose)), [false; 3]);
    assert_eq!(
        kinds(logging(&bed, "tenantry::commands=warn", verbose)),
        [false, true, true]
    );
    let quiet = logging(&bed, "trace", ["list", "--no-token-cache", "-q"]).exits(0);
    assert_eq!(quiet.stderr, "");
}

#[test]
fn debug_and_trace_say_what_is_read_written_and_decided_on() {
    let bed = Bed::new().client("a", "Alpha", json!({})).start();
    let pulled = logging(&bed, "debug", ["pull"]).exits(0).stderr;
    for said in [
        "debug tenantry::api::grant: the access token is a new one, used for ",
        "debug tenantry::files::directory: tenant/clients/alpha.yaml is made\n",
        "debug tenantry::files::directory: tenant/tenant.lock is written\n",
    ] {
        assert!(pulled.contains(said), "{said}: {pulled}");
    }
    assert!(!pulled.contains("trace "), "{pulled}");
    let compared = logging(&bed, "trace", ["diff"]).exits(0).stderr;
    for said in [
        "the access token is that of an earlier run",
        "debug tenantry::files::source: tenant: 1 files, 1 resources in the lock; 0 can't be read\n",
        "trace tenantry::files::source: tenant/clients/alpha.yaml: ",
        "trace tenantry::api::transport: GET /api/v2/clients: an answer of ",
    ] {
        assert!(compared.contains(said), "{said}: {compared}");
    }
}

/// The libraries below log headers, and some of them whole requests.
#[test]
fn whatever_is_asked_for_no_library_is_logged() {
    let bed = Bed::new().client("a", "Alpha", json!({})).start();
    let token = bed.run(["token"]).exits(0).stdout;
    let secret = bed.sandbox.client_secret().to_owned();
    for log in [
        "trace",
        "hyper=trace",
        "trace,hyper=trace,hyper_util=trace,reqwest=trace,rustls=trace,mio=trace",
    ] {
        for arguments in [&["list"][..], &["list", "--no-token-cache", "-v"]] {
            let run = logging(&bed, log, arguments.iter().copied()).exits(0);
            for line in run.stderr.lines() {
                let ours = [
                    "domain ",
                    "client id ",
                    "client secret from ",
                    "POST /",
                    "GET /",
                    "debug tenantry::",
                    "trace tenantry::",
                ];
                assert!(
                    ours.iter().any(|start| line.starts_with(start)),
                    "{log}: {line}"
                );
            }
            let shown = format!("{}{}", run.stdout, run.stderr);
            assert!(
                !shown.contains(token.trim()) && !shown.contains(&secret),
                "{log}: {run}"
            );
        }
    }
    assert_eq!(logging(&bed, "hyper=trace", ["list"]).exits(0).stderr, "");
}

#[test]
fn a_filter_that_is_none_is_an_error() {
    let bed = Bed::new().start();
    insta::assert_snapshot!(logging(&bed, "inof", ["list"]).exits(2), @"
    exit code 2
    --- stderr
    error: TENANTRY_LOG: `inof` is neither a level nor target=level
    hint: it takes a level (off, error, warn, info, debug or trace), or a list such as warn,tenantry::api=info
    ");
    for log in [
        ",",
        "info,",
        "tenantry::api=",
        "tenantry::api",
        "info=tenantry",
        "info/GET",
        " ",
    ] {
        let run = logging(&bed, log, ["list"]).exits(2);
        assert_eq!(run.stdout, "");
        run.complains("error: TENANTRY_LOG: `");
    }
    let error = logging(&bed, "verbose", ["list", "-o", "json"])
        .exits(2)
        .json();
    assert!(
        error["error"]["message"]
            .as_str()
            .unwrap()
            .starts_with("TENANTRY_LOG")
    );
    assert_eq!(bed.requests(), [""; 0]);
}

#[test]
fn words_of_other_tools_are_answered_with_what_they_are_here() {
    let bed = Bed::new().start();
    for word in [
        "plan", "apply", "status", "login", "version", "export", "import",
    ] {
        let run = bed.run([word]).exits(2);
        let error = format!("error: there is no command `{word}`\nhint: ");
        assert!(run.stderr.starts_with(&error), "{run}");
        assert_eq!(run.stdout, "");
    }
    let run = bed.run(["diff", "-t", "dev"]).exits(2);
    insta::assert_snapshot!(run.stderr, @"
    error: there is no option `-t`
    hint: the tenant is named with `--tenant NAME`
    ");
}

#[test]
fn a_near_miss_is_answered_with_what_it_is_close_to() {
    let bed = Bed::new().start();
    for (line, meant) in [
        (&["lst"][..], "'list'"),
        (&["pul"], "'pull'"),
        (&["completion", "bash"], "'completions'"),
        (&["sandbox", "rest"], "'reset'"),
        (&["completions", "bsh"], "'bash'"),
        (&["diff", "--al-tenants"], "'--all-tenants'"),
        (&["push", "--dry"], "'--dry-run'"),
        (&["check", "-o", "gihub"], "'github'"),
    ] {
        let run = bed.run(line.iter().copied()).exits(2);
        let tip = run.stderr.lines().find(|line| line.contains("tip: "));
        assert!(
            tip.is_some_and(|tip| tip.contains(meant)),
            "{line:?}: {run}"
        );
    }
    // No command is near: nothing is guessed.
    let run = bed.run(["init", "revert"]).exits(2);
    assert!(!run.stderr.contains("tip: "), "{run}");
    assert_eq!(bed.requests(), [""; 0]);
}

#[test]
fn a_command_line_that_makes_no_sense_is_a_document_where_one_is_asked_for() {
    let bed = Bed::new().start();
    for arguments in [
        &["diff", "--bogus", "-o", "json"][..],
        &["apply", "-ojson"],
        &["pull", "--output=json", "--format", "toml"],
        &["push", "--output", "json", "-t"],
    ] {
        let run = bed.run(arguments.iter().copied()).exits(2);
        let document = run.json();
        assert_eq!(document["version"], 2);
        let message = document["error"]["message"].as_str().unwrap();
        assert!(!message.is_empty() && !message.contains("Usage"), "{run}");
        assert!(!run.stderr.is_empty());
    }
    for arguments in [
        &["diff", "--bogus"][..],
        &["diff", "--bogus", "--", "-o", "json"],
    ] {
        assert_eq!(bed.run(arguments.iter().copied()).exits(2).stdout, "");
    }
}
