//! Which of the library's log records are shown on stderr: warnings always, each request with `-v`, and what `TENANTRY_LOG` says.

use std::ffi::OsString;

use anyhow::Result;
use env_filter::{Builder, Filter};
use log::{Level, LevelFilter};

use super::{Terminal, Usage};
use crate::cli::Global;

/// A level, or a list of `target=level`: what is to be logged.
const VARIABLE: &str = "TENANTRY_LOG";

/// Shows log records on stderr.
#[derive(Debug)]
pub(crate) struct Logger {
    terminal: Terminal,
    filter: Filter,
}

impl Logger {
    /// Installs it for the process.
    ///
    /// # Errors
    /// `TENANTRY_LOG` is set to something that is no filter.
    pub(crate) fn install(global: &Global, terminal: Terminal) -> Result<()> {
        let logger = Logger {
            terminal,
            filter: filter(global, std::env::var_os(VARIABLE))?,
        };
        let level = logger.filter.filter();
        // There is a logger already when several commands run in one process, which only tests do.
        if log::set_boxed_logger(Box::new(logger)).is_ok() {
            log::set_max_level(level);
        }
        Ok(())
    }
}

impl log::Log for Logger {
    /// Only this crate's own records, whatever is asked for: those of the libraries below may hold headers, and so tokens.
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target().starts_with(env!("CARGO_PKG_NAME")) && self.filter.enabled(metadata)
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            let said = record.args();
            self.terminal.note(&match record.level() {
                // At these levels, the module that logs helps to find a cause.
                level @ (Level::Debug | Level::Trace) => {
                    let level = level.as_str().to_ascii_lowercase();
                    format!("{level} {}: {said}", record.target())
                }
                Level::Error | Level::Warn | Level::Info => said.to_string(),
            });
        }
    }

    fn flush(&self) {}
}

/// The level that the options ask for. The variable overrides it where it is set, and --quiet overrides both.
fn filter(global: &Global, variable: Option<OsString>) -> Result<Filter> {
    let mut filter = Builder::new();
    filter.filter_level(match global.verbose {
        0 => LevelFilter::Warn,
        1 => LevelFilter::Info,
        2 => LevelFilter::Debug,
        _ => LevelFilter::Trace,
    });
    let variable = variable.unwrap_or_default();
    let text = variable.to_string_lossy();
    // The parser of `env_filter` would take a misspelt level for a target, and then show nothing.
    for entry in text.split(',').filter(|_| !text.is_empty()) {
        let (target, level) = match entry.rsplit_once('=') {
            Some((target, level)) => (Some(target.trim()), level),
            None => (None, entry),
        };
        filter.filter(target, level.trim().parse().map_err(|_| wrong(entry))?);
    }
    if global.quiet {
        filter = Builder::new();
        filter.filter_level(LevelFilter::Off);
    }
    Ok(filter.build())
}

fn wrong(entry: &str) -> anyhow::Error {
    Usage::error(
        format!("{VARIABLE}: `{entry}` is neither a level nor target=level"),
        "it takes a level (off, error, warn, info, debug or trace), or a list such as warn,tenantry::api=info",
    )
}
