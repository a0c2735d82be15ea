//! The manual page, in roff: what `--help` says of every command on one page, and what stands around them: exit codes, environment
//! and files.

use std::io;

use clap::builder::StyledStr;
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use roff::{Roff, bold, roman};

use crate::cli::Cli;

/// A term, and what there is to say of it.
type Explained = (&'static str, &'static str);

const WHAT: &str = "Pulls every client (application) of an Auth0 tenant into files that live in git, shows field by field what an \
    edit would change on the live tenant, and pushes exactly those fields.";

const THREE_SIDES: &str = "Every field has three sides: as the file says, as the tenant has it now, and as it was at the last pull \
    or push.";

const SIDES: &[Explained] = &[
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
        "Both changed, differently. It is decided by editing the file to match, by pull --discard-local SELECTOR, or by \
         push --overwrite-drift SELECTOR, with --fields for one field of several.",
    ),
];

const EXIT_STATUS: &[Explained] = &[
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

const ENVIRONMENT: &[Explained] = &[
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

const FILES: &[Explained] = &[
    (
        ".env, .env.NAME",
        "Settings: the AUTH0 variables above. A setting comes from the environment, else from .env.NAME with --tenant NAME, \
         else from .env. Keep them out of git; tenantry init sees to it.",
    ),
    (
        "DIR/tenantry.yaml, DIR/NAME/tenantry.yaml",
        "What the project decides for everybody, for all tenants or for one: manage, the fields that push may send beside the \
         default ones, such as {clients: [callbacks], roles: all}; base, the commit that --base has by default; and \
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
        "DIR/NAME/.tenantry/",
        "What the last push sent and what was there before, for undo. git ignores it.",
    ),
    (
        "DIR/NAME/overrides.yaml",
        "Values that promote leaves as they are in this tenant. adopt writes those that the Deploy CLI has keywords for.",
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

/// The page. clap_mangen writes its parts. It would write a page for each command, and here all commands are on one page.
///
/// # Errors
/// None is to be expected, since it writes to memory.
pub(crate) fn page() -> io::Result<String> {
    let mut page = Vec::new();
    let cli = Cli::command();
    let man = Man::new(cli.clone())
        .title("TENANTRY")
        // The page has no date: that of a build says nothing about the page.
        .date(" ")
        .source(concat!("tenantry ", env!("CARGO_PKG_VERSION")))
        .manual("User Commands");
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]);
    roff.text([bold(usage(&cli))]);
    roff.control("SH", ["DESCRIPTION"]);
    roff.text([roman(WHAT)]);
    roff.control("PP", []);
    roff.text([roman(THREE_SIDES)]);
    explain(&mut roff, SIDES);
    roff.control("SH", ["COMMANDS"]);
    roff.to_writer(&mut page)?;
    for command in cli.get_subcommands() {
        section(&mut page, command, "tenantry")?;
    }
    man.render_options_section(&mut page)?;
    let mut roff = Roff::new();
    for (title, list) in [
        ("EXIT STATUS", EXIT_STATUS),
        ("ENVIRONMENT", ENVIRONMENT),
        ("FILES", FILES),
    ] {
        roff.control("SH", [title]);
        explain(&mut roff, list);
    }
    roff.to_writer(&mut page)?;
    // Old roff programs know ASCII only, and this is the one character beyond it.
    Ok(String::from_utf8_lossy(&page).replace('…', "..."))
}

/// A command and those below it.
fn section(page: &mut Vec<u8>, command: &Command, path: &str) -> io::Result<()> {
    let path = format!("{path} {}", command.get_name());
    let mut roff = Roff::new();
    roff.control("SS", [usage(&command.clone().bin_name(&path)).as_str()]);
    roff.text([roman(format!("{}.", text(command.get_about())))]);
    roff.to_writer(page)?;
    let mut options = Vec::new();
    Man::new(command.clone().disable_help_flag(true)).render_options_section(&mut options)?;
    // Below a command, its options need no title.
    let options = String::from_utf8_lossy(&options).into_owned();
    let options = options.split_once(".SH OPTIONS\n");
    page.extend(options.map_or("", |(_, options)| options).bytes());
    let mut roff = Roff::new();
    for line in text(command.get_after_help()).lines() {
        roff.control("PP", []);
        roff.text([roman(line)]);
    }
    roff.to_writer(page)?;
    for below in command.get_subcommands() {
        section(page, below, &path)?;
    }
    Ok(())
}

fn usage(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    usage.trim_start_matches("Usage: ").to_owned()
}

fn explain(roff: &mut Roff, list: &[Explained]) {
    for (term, text) in list {
        roff.control("TP", []);
        roff.text([bold(*term)]);
        roff.text([roman(*text)]);
    }
}

fn text(styled: Option<&StyledStr>) -> String {
    styled.map(ToString::to_string).unwrap_or_default()
}
