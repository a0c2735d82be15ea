//! Parses, runs, prints what went wrong, and turns the ending into an exit code.

use std::process::ExitCode;

use clap::Parser;
use tenantry::cli::Cli;
use tenantry::commands::{self, Ending, Logger, Terminal};
use tenantry::render;
use tenantry::settings::Environment;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let terminal = Terminal::new(&cli.global);
    Logger::install(terminal, cli.global.verbose);
    match run(&cli, &terminal) {
        Ok(Ending::Clean) => ExitCode::SUCCESS,
        Ok(Ending::Differences) => ExitCode::from(1),
        Ok(Ending::Failure) => ExitCode::from(2),
        Err(error) => {
            let (message, hint) = (format!("{error:#}"), commands::hint(&error));
            if cli.command.answers_json() {
                // stdout is one document, also now; where it can't be written there is still stderr.
                let _ = terminal.result(&render::json::error(&message, hint.as_deref()));
            }
            terminal.error(&message, hint.as_deref());
            ExitCode::from(2)
        }
    }
}

fn run(cli: &Cli, terminal: &Terminal) -> anyhow::Result<Ending> {
    let environment = Environment::from_process()?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build()?;
    runtime.block_on(commands::run(cli, &environment, terminal))
}
