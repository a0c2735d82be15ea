//! The edge to stdout and stderr: results here, everything else there, colours only where they are wanted, and no control
//! characters of anybody else's.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

use crate::api::Stop;
use crate::cli::{Color, Global};
use crate::render::printable;

/// Where a command prints, and what Ctrl-C does to it.
#[derive(Debug, Clone)]
pub struct Terminal {
    color: ColorChoice,
    quiet: bool,
    stop: Stop,
    sending: Arc<AtomicBool>,
}

impl Terminal {
    /// As the options have it.
    pub fn new(global: &Global) -> Terminal {
        Terminal {
            color: match global.color {
                Color::Auto => ColorChoice::Auto,
                Color::Always => ColorChoice::Always,
                Color::Never => ColorChoice::Never,
            },
            quiet: global.quiet,
            stop: Stop::default(),
            sending: Arc::default(),
        }
    }

    /// Takes a Ctrl-C. True if the command will finish what it has begun and end by itself; false if nothing is begun that a
    /// sudden end would harm, or if it is the second one.
    pub fn interrupt(&self) -> bool {
        let first = self.sending.load(Ordering::SeqCst) && !self.stop.is_wished();
        if first {
            self.note("\nstopping: what is on its way is finished and reported; Ctrl-C again ends at once");
            self.stop.wish();
        }
        first
    }

    /// Undoes what a question may have done to the screen.
    pub fn restore(&self) {
        if io::stderr().is_terminal() {
            // Shows the cursor.
            let _ = io::stderr().write_all(b"\x1b[?25h");
        }
    }

    /// What to give to the API, so that it stops after a Ctrl-C.
    pub(super) fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// From now on a Ctrl-C waits for what is on its way.
    pub(super) fn begin_sending(&self) {
        self.sending.store(true, Ordering::SeqCst);
    }

    /// Prints a result, as rendered, to stdout. A reader that went away (`| head`) is no failure.
    ///
    /// # Errors
    /// stdout can't be written, for another reason.
    pub fn result(&self, text: &str) -> io::Result<()> {
        let mut stdout = io::stdout();
        // Taking colours out of what has none could only take something else out.
        if !text.contains('\u{1b}') {
            return went_away(
                stdout
                    .write_all(text.as_bytes())
                    .and_then(|()| stdout.flush()),
            );
        }
        let mut stdout = AutoStream::new(stdout, self.color);
        went_away(
            stdout
                .write_all(text.as_bytes())
                .and_then(|()| stdout.flush()),
        )
    }

    /// Prints something rendered to stderr, where a question follows.
    pub fn aside(&self, text: &str) {
        self.stderr(text);
    }

    /// Says what happened, unless that is not wanted.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            self.stderr(&format!("{}\n", printable(text)));
        }
    }

    /// Says what somebody should know.
    pub fn warn(&self, text: &str) {
        self.labelled(AnsiColor::Yellow.on_default().bold(), "warning", text);
    }

    /// Says why the command failed and, below, what to do.
    pub fn error(&self, message: &str, hint: Option<&str>) {
        self.labelled(AnsiColor::Red.on_default().bold(), "error", message);
        for hint in hint.into_iter().flat_map(str::lines) {
            self.labelled(AnsiColor::Cyan.on_default().bold(), "hint", hint);
        }
    }

    /// Whether somebody is there to answer a question.
    pub fn can_ask(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Asks a question; no is the default.
    ///
    /// # Errors
    /// The terminal went away.
    pub fn confirm(&self, question: &str) -> io::Result<bool> {
        let question = dialoguer::Confirm::new()
            .with_prompt(printable(question))
            .default(false);
        question
            .interact()
            .map_err(|dialoguer::Error::IO(error)| error)
    }

    fn labelled(&self, style: Style, label: &str, text: &str) {
        self.stderr(&format!("{style}{label}:{style:#} {}\n", printable(text)));
    }

    fn stderr(&self, text: &str) {
        // Nobody can be told that stderr is gone.
        let _ = AutoStream::new(io::stderr(), self.color).write_all(text.as_bytes());
    }
}

/// A reader that went away is no failure.
fn went_away(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
