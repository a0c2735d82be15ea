//! The manual page, in roff: what `--help` says of every command on one page, and what stands around them: exit codes, environment
//! and files.

use clap::builder::StyledStr;
use clap::{Arg, Command, CommandFactory};
use roff::{Inline, Roff, bold, italic, roman};

use crate::cli::Cli;

/// A term, and what there is to say of it.
type Entry = (&'static str, &'static str);

const WHAT: &str = "Pulls every client (application) of an Auth0 tenant into files that live in git, shows field by field what an \
    edit would change on the live tenant, and pushes exactly those fields.";

const THREE_SIDES: &str = "Every field has three sides: as the file says, as the tenant has it now, and as it was at the last pull \
    or push.";

const SIDES: [Entry; 3] = [
    (
        "edit",
        "The file differs from the tenant, and the tenant is as it was at the last pull or push. push sends it.",
    ),
    (
        "drift",
        "The tenant changed since then, and the file did not. pull takes it in, push leaves it alone.",
    ),
    (
        "conflict",
        "Both changed, differently. It is decided by editing the file to match, by pull --discard-local CLIENT, or by \
         push --overwrite-drift CLIENT, with --fields for one field of several.",
    ),
];

const EXIT_STATUS: [Entry; 4] = [
    ("0", "Clean, or done."),
    (
        "1",
        "Differences or findings, or something was held back. Nothing is lost.",
    ),
    ("2", "Failure, wrong usage included."),
    (
        "130",
        "Interrupted with Ctrl-C. A push finishes what is on its way first, and reports it.",
    ),
];

const ENVIRONMENT: [Entry; 16] = [
    (
        "AUTH0_DOMAIN, CLIENT_DOMAIN",
        "The tenant's domain, such as acme.eu.auth0.com.",
    ),
    (
        "AUTH0_CLIENT_ID, CLIENT_ID",
        "The id of a machine-to-machine application that may use the Auth0 Management API.",
    ),
    ("AUTH0_CLIENT_SECRET, CLIENT_SECRET", "Its secret."),
    (
        "AUTH0_AUDIENCE",
        "The Management API's identifier, which is needed behind a custom domain. Default: https://DOMAIN/api/v2/.",
    ),
    ("AUTH0_SCOPE", "A scope to ask for."),
    (
        "AUTH0_ACCESS_TOKEN, AUTH0_API_TOKEN",
        "A ready token. No application is needed then.",
    ),
    (
        "AUTH0_CLIENT_SIGNING_KEY_PATH",
        "A PEM file: a private-key JWT takes the place of the secret.",
    ),
    (
        "AUTH0_CLIENT_SIGNING_ALGORITHM",
        "RS256 (the default), RS384 or PS256.",
    ),
    (
        "TENANTRY_PROTECTED",
        "true: whoever pushes has to type the tenant's name, and --yes needs --tenant on the command line.",
    ),
    ("TENANTRY_TENANT", "The default of --tenant."),
    ("TENANTRY_DIR", "The default of --dir."),
    ("TENANTRY_BASE", "The default of --base."),
    (
        "TENANTRY_LOG",
        "What is logged: off, error, warn, info, debug or trace, or a list of these for parts of tenantry, such as \
         warn,tenantry::api=info. Default: warn, and info with --verbose. It never shows a header or a body.",
    ),
    (
        "HTTPS_PROXY, NO_PROXY",
        "The proxy to go through, and where not to.",
    ),
    (
        "SSL_CERT_FILE, SSL_CERT_DIR",
        "Certificates to trust in place of the system's.",
    ),
    ("NO_COLOR", "No colours, unless --color says otherwise."),
];

const FILES: [Entry; 7] = [
    (
        ".env, .env.NAME",
        "Settings: the AUTH0 variables above. A setting comes from the environment, else from .env.NAME with --tenant NAME, \
         else from .env. Keep them out of git; tenantry init sees to it.",
    ),
    (
        "DIR/tenantry.yaml, DIR/NAME/tenantry.yaml",
        "What the project decides for everybody, for all tenants or for one: base, the commit that --base has by default, and \
         protected: true, as TENANTRY_PROTECTED.",
    ),
    (
        "DIR/NAME/clients/*.yaml, *.json",
        "One file a client. Its name ties it to its counterpart in other tenants, and may be changed. Without --tenant the \
         folder is DIR/clients.",
    ),
    (
        "DIR/NAME/tenant.lock",
        "The tenant's domain, and the values as of the last pull or push. Commit it.",
    ),
    (
        "DIR/NAME/overrides.yaml",
        "Values that promote leaves as they are in this tenant.",
    ),
    (
        "DIR/sandbox/.sandbox/",
        "The state of a sandbox, ignored by git.",
    ),
    (
        "~/.cache/tenantry/tokens/",
        "Access tokens for as long as they are valid, readable by their owner only, or the same folder in XDG_CACHE_HOME. \
         --no-token-cache does without.",
    ),
];

/// The page.
pub(crate) fn page() -> String {
    let mut page = Roff::new();
    let version = concat!("tenantry ", env!("CARGO_PKG_VERSION"));
    // No date: that of a build says nothing of the page.
    page.control("TH", ["TENANTRY", "1", "\"\"", version, "User Commands"]);
    let mut cli = Cli::command();
    page.control("SH", ["NAME"]);
    page.text([roman(format!("tenantry - {}", text(cli.get_about())))]);
    page.control("SH", ["SYNOPSIS"]);
    page.text([bold(usage(&cli))]);
    page.control("SH", ["DESCRIPTION"]);
    page.text([roman(WHAT)]);
    page.control("PP", []);
    page.text([roman(THREE_SIDES)]);
    entries(&mut page, &SIDES);
    page.control("SH", ["COMMANDS"]);
    for command in cli.get_subcommands() {
        section(&mut page, command, "tenantry");
    }
    page.control("SH", ["OPTIONS"]);
    page.text([roman("Every command takes these.")]);
    // --help and --version come with it.
    cli.build();
    arguments(&mut page, &cli);
    for (title, list) in [
        ("EXIT STATUS", &EXIT_STATUS[..]),
        ("ENVIRONMENT", &ENVIRONMENT),
        ("FILES", &FILES),
    ] {
        page.control("SH", [title]);
        entries(&mut page, list);
    }
    // The one character that is not ASCII: old roff programs know no other.
    page.render().replace('…', "...")
}

/// A command and those below it.
fn section(page: &mut Roff, command: &Command, path: &str) {
    let path = format!("{path} {}", command.get_name());
    page.control("SS", [usage(&command.clone().bin_name(&path)).as_str()]);
    page.text([roman(format!("{}.", text(command.get_about())))]);
    arguments(page, command);
    for line in text(command.get_after_help()).lines() {
        page.control("PP", []);
        page.text([roman(line)]);
    }
    for below in command.get_subcommands() {
        section(page, below, &path);
    }
}

fn usage(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    usage.trim_start_matches("Usage: ").to_owned()
}

fn entries(page: &mut Roff, entries: &[Entry]) {
    for (term, text) in entries {
        entry(page, [bold(*term)], text);
    }
}

fn arguments(page: &mut Roff, command: &Command) {
    for argument in command.get_arguments() {
        entry(page, term(argument), &explanation(argument));
    }
}

fn entry(page: &mut Roff, term: impl Into<Vec<Inline>>, text: &str) {
    page.control("TP", []);
    page.text(term);
    page.text([roman(text)]);
}

/// `-o, --output text|json`
fn term(argument: &Arg) -> Vec<Inline> {
    let short = argument.get_short().map(|short| format!("-{short}"));
    let long = argument.get_long().map(|long| format!("--{long}"));
    let names: Vec<String> = short.into_iter().chain(long).collect();
    let mut term = vec![bold(names.join(", "))];
    if argument.get_action().takes_values() {
        let gap = if names.is_empty() { "" } else { " " };
        term.extend([roman(gap), italic(value(argument))]);
    }
    term
}

fn value(argument: &Arg) -> String {
    let choices = argument.get_possible_values();
    if choices.is_empty() {
        return argument.get_value_names().unwrap_or_default().join(" ");
    }
    let choices: Vec<&str> = choices.iter().map(|choice| choice.get_name()).collect();
    choices.join("|")
}

fn explanation(argument: &Arg) -> String {
    let mut explanation = text(argument.get_help());
    if argument.get_action().takes_values() {
        for default in argument.get_default_values() {
            explanation.push_str(&format!(" [default: {}]", default.display()));
        }
    }
    if let Some(variable) = argument.get_env() {
        explanation.push_str(&format!(" [env: {}]", variable.display()));
    }
    explanation
}

fn text(styled: Option<&StyledStr>) -> String {
    styled.map(ToString::to_string).unwrap_or_default()
}
