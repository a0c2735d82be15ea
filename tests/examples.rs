//! The examples of `--help` run and end as they say; the pages show what diff shows and what the crate's documentation runs, have
//! every command, and their links lead somewhere. The examples for CI are played in `pipelines`.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use common::{Bed, every_command};
use serde_json::json;
use tenantry::testing;

/// What stands after `Example: tenantry` in a command's `--help`, as words.
fn examples_of(bed: &Bed, command: &[String]) -> Vec<Vec<String>> {
    let words = command.iter().map(String::as_str);
    let help = bed.run(words.chain(["--help"])).exits(0).stdout;
    let examples = help
        .lines()
        .filter_map(|line| line.strip_prefix("Example: tenantry "));
    examples
        .map(|line| line.split(' ').map(str::to_owned).collect())
        .collect()
}

/// Two tenants, dev and prod, that were pulled, and an edit in a file of dev.
fn dev_and_prod() -> (Bed, Bed) {
    let tenant = || {
        let shop = json!({"description": "The shop"});
        Bed::new()
            .client("a", "Web App", shop)
            .client("b", "API", json!({}))
            .start()
    };
    let (dev, prod) = (tenant(), tenant());
    for (name, bed) in [("dev", &dev), ("prod", &prod)] {
        dev.write(&format!(".env.{name}"), &bed.env_file());
        dev.run_without_settings(["pull", "--tenant", name])
            .exits(0);
    }
    dev.edit("tenant/dev/clients/web-app.yaml", "The shop", "Our shop");
    dev.write(
        "deploy-cli/clients/Web App.json",
        "{\"name\": \"Web App\", \"description\": \"The ##WHAT##\"}",
    );
    dev.write(
        "config.json",
        "{\"AUTH0_KEYWORD_REPLACE_MAPPINGS\": {\"WHAT\": \"shop\"}}",
    );
    (dev, prod)
}

#[test]
fn the_example_of_every_command_works_and_ends_as_its_help_says() {
    let (bed, _prod) = dev_and_prod();
    let mut endings = Vec::new();
    for command in every_command() {
        let examples = examples_of(&bed, &command);
        assert!(!examples.is_empty(), "{command:?} has no example");
        for example in examples {
            let code = if example.iter().any(|word| word == "serve") {
                serves(&bed, &example);
                "until it is ended".to_owned()
            } else {
                let mut run = bed.command_without_settings();
                run.args(&example);
                bed.run_command(run).code.to_string()
            };
            endings.push(format!("tenantry {}: {code}", example.join(" ")));
        }
    }
    insta::assert_snapshot!(endings.join("\n"), @"
    tenantry pull --tenant dev: 0
    tenantry diff --tenant dev web-app: 1
    tenantry push --tenant dev --yes: 0
    tenantry undo --tenant dev --dry-run: 1
    tenantry promote --from dev --to prod --create --dry-run: 1
    tenantry adopt deploy-cli --tenant dev --config config.json --dry-run: 1
    tenantry check --tenant dev -o github: 0
    tenantry list --tenant dev -o json: 0
    tenantry token --tenant dev: 0
    tenantry init --tenant dev: 0
    tenantry pull --tenant sandbox: 0
    tenantry sandbox serve --port 0 --latency 50: until it is ended
    tenantry sandbox reset: 0
    tenantry completions bash: 0
    tenantry scopes --write: 0
    tenantry schema clients: 0
    tenantry man: 0
    ");
    assert_eq!(
        bed.patches(),
        [("a".to_owned(), json!({"description": "Our shop"}))]
    );
}

/// Starts a server, fails unless it says where it is, and ends it.
fn serves(bed: &Bed, arguments: &[String]) {
    let mut server = bed
        .bare()
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(server.stdout.take().unwrap())
        .read_line(&mut said)
        .unwrap();
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(said.starts_with("AUTH0_DOMAIN=http://127.0.0.1:"), "{said}");
}

/// A tenant on which each side has changed something, for the pages' example of a diff.
fn changed_on_both_sides() -> Bed {
    let web = "Wq7mZr3KfT9xLd2PbVn8sHc5YgJ4uEaR";
    let orders = "oR5dJx8PkW3nTb6ZvMq2yHs9LfC4gEuA";
    let batch = "bT8cKp3XwN6rJv2HzMq9dLf5GyS4eTuC";
    let bed = Bed::new()
        .client(
            web,
            "Web App",
            json!({
                "description": "The shop at shop.acme.example, and its checkout",
                "allowed_clients": [orders], "client_metadata": {"team": "shop", "tier": "1"},
            }),
        )
        .client(
            orders,
            "Order Service",
            json!({"description": "Takes orders"}),
        )
        .client(batch, "Nightly Batch", json!({}))
        .pulled();
    let file = "tenant/clients/web-app.yaml";
    bed.edit(file, "and its checkout", "and its checkout, EU only");
    bed.edit(file, orders, batch);
    bed.edit(file, "team: shop", "team: store");
    let file = "tenant/clients/order-service.yaml";
    bed.edit(file, "Takes orders", "Takes orders, and forgets none");
    bed.sandbox.edit(
        orders,
        "description",
        Some(json!("Takes orders since 2019")),
    );
    bed.sandbox.edit(orders, "name", Some(json!("Order API")));
    bed
}

#[test]
fn a_page_shows_what_diff_shows() {
    let shown = changed_on_both_sides().run(["diff"]).exits(1).stdout;
    let page = read("docs/commands.md");
    assert!(page.contains(&format!("```\n{shown}```\n")), "{shown}");
}

#[test]
fn the_page_of_the_commands_has_a_row_for_each_and_for_the_options_of_all() {
    let page = read("docs/commands.md");
    let rows: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    for command in every_command() {
        let name = format!("`tenantry {}", command.join(" "));
        // What follows is an argument, or nothing.
        let (alone, with_more) = (format!("{name}`"), format!("{name} "));
        assert!(
            rows.iter()
                .any(|row| row.contains(&alone) || row.contains(&with_more)),
            "{name}` has no row"
        );
    }
    let line = testing::command_line();
    for option in line.get_arguments().filter_map(clap::Arg::get_long) {
        // clap has these two by itself.
        if ["help", "version"].contains(&option) {
            continue;
        }
        let (alone, with_value) = (format!("| `--{option}`"), format!("| `--{option} "));
        assert!(
            rows.iter()
                .any(|row| row.starts_with(&alone) || row.starts_with(&with_value)),
            "--{option} has no row"
        );
    }
}

#[test]
fn the_page_of_the_library_shows_what_the_documentation_runs() {
    let source = read("src/lib.rs");
    let run = source.split("//! ```\n").nth(1).unwrap();
    let shown: Vec<&str> = run
        .lines()
        .map(|line| line.trim_start_matches("//!"))
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .filter(|line| *line != "#" && !line.starts_with("# "))
        .collect();
    let shown = format!("```rust\n{}\n```\n", shown.join("\n"));
    assert!(read("docs/library.md").contains(&shown), "{shown}");
}

/// A file of the project.
fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// Every page of the project with its text, code blocks left out.
fn pages() -> BTreeMap<PathBuf, String> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["", "docs", "benches"].map(|name| project.join(name));
    folders
        .iter()
        .flat_map(|folder| fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let mut in_block = false;
            let prose: Vec<&str> = text
                .lines()
                .filter(|line| {
                    let fence = line.trim_start().starts_with("```");
                    in_block ^= fence;
                    !in_block && !fence
                })
                .collect();
            (path.canonicalize().unwrap(), prose.join("\n"))
        })
        .collect()
}

/// Where a page's links lead.
fn links(prose: &str) -> impl Iterator<Item = &str> {
    let targets = prose.split("](").skip(1);
    targets.filter_map(|rest| Some(rest.split_once(')')?.0))
}

/// The anchors of a page's headings, as GitHub makes them.
fn anchors(prose: &str) -> Vec<String> {
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let heading = line.trim_start_matches('#').trim().to_lowercase();
            heading
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
                .map(|c| if c == ' ' { '-' } else { c })
                .collect()
        })
        .collect()
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    let pages = pages();
    let mut reached = Vec::new();
    let mut wrong = Vec::new();
    for (page, prose) in &pages {
        for link in links(prose).filter(|link| !link.contains("://")) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => Ok(page.clone()),
                _ => page.parent().unwrap().join(path).canonicalize(),
            };
            let leads = target.is_ok_and(|target| {
                let there = anchor.is_empty()
                    || pages
                        .get(&target)
                        .is_some_and(|prose| anchors(prose).iter().any(|own| own == anchor));
                reached.push(target);
                there
            });
            if !leads {
                wrong.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let docs = docs.canonicalize().unwrap();
    for page in pages.keys().filter(|page| page.starts_with(&docs)) {
        assert!(
            reached.contains(page),
            "nothing leads to {}",
            page.display()
        );
    }
}
