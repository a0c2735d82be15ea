//! Parses, runs, prints what went wrong, and turns the ending into an exit code.

use std::process::ExitCode;

use tenantry::cli::Cli;
use tenantry::commands::{self, Ending, Logger, Terminal};
use tenantry::render;
use tenantry::settings::Environment;

/// As shells have it: 128 and the number of SIGINT.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    if commands::answer_shell() {
        return ExitCode::SUCCESS;
    }
    let cli = Cli::from_command_line();
    let terminal = Terminal::new(&cli.global);
    match run(&cli, &terminal) {
        Ok(Ending::Clean) => ExitCode::SUCCESS,
        Ok(Ending::Differences) => ExitCode::from(1),
        Ok(Ending::Failure) => ExitCode::from(2),
        Ok(Ending::Interrupted) => INTERRUPTED.into(),
        Err(error) if commands::is_interruption(&error) => {
            terminal.restore();
            INTERRUPTED.into()
        }
        Err(error) => {
            if cli.command.answers_json() {
                let (message, hint) = (format!("{error:#}"), commands::hint(&error));
                // stdout is one document, also now; where it can't be written there is still stderr.
                let _ = terminal.result(&render::json::error(&message, hint.as_deref()));
            }
            for problem in commands::problems(&error) {
                terminal.problem(&problem);
            }
            ExitCode::from(2)
        }
    }
}

fn run(cli: &Cli, terminal: &Terminal) -> anyhow::Result<Ending> {
    Logger::install(&cli.global, terminal.clone())?;
    let environment = Environment::from_process()?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build()?;
    runtime.spawn(end_at_interrupt(terminal.clone()));
    let shown = terminal.clone();
    runtime.spawn(async move { shown.show_progress().await });
    runtime.block_on(commands::run(cli, &environment, terminal))
}

/// Ends the process at a Ctrl-C, unless the command ends by itself.
#[allow(clippy::exit)]
async fn end_at_interrupt(terminal: Terminal) {
    while tokio::signal::ctrl_c().await.is_ok() {
        if !terminal.interrupt() {
            terminal.restore();
            std::process::exit(INTERRUPTED.into());
        }
    }
}
