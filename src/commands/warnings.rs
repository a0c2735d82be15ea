//! What several commands say beside their results.

use anyhow::Result;

use super::invocation::Invocation;
use super::session::LiveResources;
use super::{Ending, Terminal};
use crate::files::{Contents, Stray};

/// Says where settings of all tenants are not read.
pub(super) fn warn_of_unread_settings(
    invocation: &Invocation<'_>,
    terminal: &Terminal,
) -> Result<()> {
    for Stray {
        path,
        message,
        hint,
    } in invocation.unread_settings()?
    {
        terminal.warn(&format!("{}: {message}; {hint}", path.display()));
    }
    Ok(())
}

/// Says that a file had to be written anew.
pub(super) fn warn_rewritten(file: &str, terminal: &Terminal) {
    terminal.warn(&format!(
        "{file}: its comments and layout could not be kept with the new values; git has them"
    ));
}

/// Says which kinds the tenant did not let be read, and how that ends a command: a missing scope is a failure, and what the tenant's
/// plan does not include is none.
pub(super) fn report_unread(live: &LiveResources, terminal: &Terminal) -> Ending {
    let mut ending = Ending::Clean;
    for (kind, error) in &live.unread {
        let what = match kind.only() {
            Some(part) => part,
            None => kind.name,
        };
        if !error.is_about_the_plan() {
            terminal.error(&format!("{what}: {error}"), error.hint().as_deref());
            ending = Ending::Failure;
            continue;
        }
        terminal.note(&format!(
            "{what}: the tenant's plan does not include it: {error}"
        ));
    }
    ending
}

/// Shows the warnings that reading the directory led to.
pub(super) fn warn_of(contents: &Contents, terminal: &Terminal) {
    for warning in &contents.warnings {
        terminal.warn(warning);
    }
}
