//! A command line that makes no sense: the answer says what was probably meant, as a JSON document where one was asked for.

use std::ffi::OsString;

use clap::ColorChoice;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::{Problem, Terminal};
use crate::render::json;

/// Words of other tools, and what they are here.
const WORDS: [(&str, &str); 10] = [
    (
        "plan",
        "`tenantry diff` shows the plan, and `tenantry diff -o json` is what `push --plan FILE` applies",
    ),
    (
        "apply",
        "`tenantry push` sends the edits, and `tenantry push --plan FILE` a saved plan",
    ),
    (
        "status",
        "`tenantry diff` shows what differs, and `tenantry list` the state of each client",
    ),
    (
        "login",
        "there is nothing to log in to: `tenantry init` writes a .env for the credentials, and `tenantry list` shows whether \
         they work",
    ),
    ("version", "`tenantry --version` shows it"),
    (
        "export",
        "`tenantry pull` writes the tenant's resources to files",
    ),
    (
        "import",
        "`tenantry push` sends the edits in the files to the tenant",
    ),
    (
        "revert",
        "`tenantry undo` takes back what the last push sent; what git reverts in the files is an edit that `tenantry push` sends",
    ),
    (
        "rollback",
        "`tenantry undo` takes back what the last push sent",
    ),
    ("-t", "the tenant is named with `--tenant NAME`"),
];

/// Says what is wrong with the command line of this process.
pub(crate) fn tell(error: &clap::Error) {
    let problem = problem(error);
    let terminal = Terminal::with(ColorChoice::Auto, false);
    if wants_json(std::env::args_os()) {
        // If stdout can't be written, stderr still says what is wrong.
        let _ = terminal.result(&json::error(&problem.message, problem.hint.as_deref()));
    }
    match word(error) {
        Some(_) => terminal.problem(&problem),
        // clap lays out the rest, with usage and a near word.
        None => terminal.aside(&error.render().ansi().to_string()),
    }
}

fn problem(error: &clap::Error) -> Problem {
    if let Some((word, meant)) = word(error) {
        let what = match word.starts_with('-') {
            true => "option",
            false => "command",
        };
        return Problem {
            message: format!("there is no {what} `{word}`"),
            excerpt: None,
            hint: Some(meant.to_owned()),
        };
    }
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let (message, _usage) = text.split_once("\n\nUsage:").unwrap_or((text, ""));
    Problem {
        message: message.trim().to_owned(),
        excerpt: None,
        hint: Some("`--help` after a command shows what it takes".to_owned()),
    }
}

/// The word that is another tool's, and what it is here.
fn word(error: &clap::Error) -> Option<(&'static str, &'static str)> {
    let said = match error.kind() {
        ErrorKind::InvalidSubcommand => error.get(ContextKind::InvalidSubcommand),
        ErrorKind::UnknownArgument => error.get(ContextKind::InvalidArg),
        _ => None,
    };
    let Some(ContextValue::String(said)) = said else {
        return None;
    };
    WORDS.into_iter().find(|(word, _)| word == said)
}

/// Whether a command line that could not be read asks for JSON.
fn wants_json(arguments: impl Iterator<Item = OsString>) -> bool {
    let arguments: Vec<String> = arguments
        .map(|argument| argument.to_string_lossy().into_owned())
        .take_while(|argument| argument != "--")
        .collect();
    let apart = arguments.windows(2).any(
        |pair| matches!(pair, [option, form] if (option == "-o" || option == "--output") && form == "json"),
    );
    let in_one = ["-ojson", "-o=json", "--output=json"];
    apart
        || arguments
            .iter()
            .any(|argument| in_one.contains(&argument.as_str()))
}
