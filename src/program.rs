//! One run of the program: parses the command line, runs the command, prints what went wrong, and turns the ending into an exit code.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::ctrl_c;
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use crate::cli::Cli;
use crate::commands::{self, Ending, Logger, Terminal};
use crate::render;
use crate::settings::Environment;

/// How long a command may take to end after a Ctrl-C. One that waits for the network ends at once; one that reads or writes files
/// is in the middle of a step.
const GRACE: Duration = Duration::from_millis(300);

/// Does what the command line of this process says.
pub fn main() -> ExitCode {
    if commands::answer_shell() {
        return ExitCode::SUCCESS;
    }
    let cli = match Cli::from_command_line() {
        Ok(cli) => cli,
        Err(error) => {
            commands::misused(&error);
            return ExitCode::from(2);
        }
    };
    let terminal = Terminal::new(&cli.global);
    match run(&cli, &terminal) {
        Ok(Ending::Interrupted) => interrupted(&cli, &terminal),
        Ok(ending) => ending.code().into(),
        Err(error) if commands::is_interruption(&error) => interrupted(&cli, &terminal),
        Err(error) => {
            if cli.command.answers_json() {
                let (message, hint) = (format!("{error:#}"), commands::hint(&error));
                // stdout is one document also after a failure. If it can't be written, stderr still says what is wrong.
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
    let (give_up, given_up) = oneshot::channel();
    let answers_json = cli.command.answers_json();
    runtime.spawn(end_at_interrupt(terminal.clone(), answers_json, give_up));
    let shown = terminal.clone();
    runtime.spawn(async move { shown.show_progress().await });
    let ending = runtime.block_on(async {
        tokio::select! {
            ending = commands::run(cli, &environment, terminal) => ending,
            // The command is dropped where it waits, and removes folders that it made for nothing.
            Ok(()) = given_up => Ok(Ending::Interrupted),
        }
    });
    // Do not wait for threads that are still busy, such as with looking up a name.
    runtime.shutdown_background();
    ending
}

fn interrupted(cli: &Cli, terminal: &Terminal) -> ExitCode {
    terminal.restore();
    if cli.command.answers_json() {
        terminal.last_document(&render::json::error("interrupted", None));
    }
    Ending::Interrupted.code().into()
}

/// Ctrl-C, and on Unix the way in which services and containers ask a program to end.
struct Interrupts {
    /// None where the system does not tell.
    #[cfg(unix)]
    terminate: Option<Signal>,
}

impl Interrupts {
    fn new() -> Interrupts {
        Interrupts {
            #[cfg(unix)]
            terminate: signal(SignalKind::terminate()).ok(),
        }
    }

    /// Waits for the next one.
    async fn next(&mut self) -> io::Result<()> {
        #[cfg(unix)]
        if let Some(terminate) = &mut self.terminate {
            return tokio::select! {
                interrupt = ctrl_c() => interrupt,
                _ = terminate.recv() => Ok(()),
            };
        }
        ctrl_c().await
    }
}

/// Gives the command up at a Ctrl-C, unless it will end by itself, and ends the process if the command does not end in time.
#[allow(clippy::exit)]
async fn end_at_interrupt(terminal: Terminal, answers_json: bool, give_up: oneshot::Sender<()>) {
    let mut interrupts = Interrupts::new();
    while interrupts.next().await.is_ok() {
        if terminal.interrupt() {
            continue;
        }
        if give_up.send(()).is_ok() {
            tokio::select! {
                () = tokio::time::sleep(GRACE) => {}
                _ = interrupts.next() => {}
            }
        }
        terminal.restore();
        if answers_json {
            terminal.last_document(&render::json::error("interrupted", None));
        }
        std::process::exit(Ending::Interrupted.code().into());
    }
}
