//! The edge to stdout and stderr: results go to stdout and everything else to stderr, with colours only where they are wanted, no
//! control characters of anybody else's, and no secret.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use dialoguer::console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use secrecy::{ExposeSecret, SecretString};

use super::{Problem, again};
use crate::api::{Progress, Secrets, Stop};
use crate::cli::Global;
use crate::render::{self, printable};

/// The columns that are left for an answer beside its question.
const ANSWER: usize = 8;

/// Progress is shown only of what takes longer than this.
const SHOWN_AFTER: Duration = Duration::from_millis(500);
/// How often the line of progress is drawn.
const FRAME: Duration = Duration::from_millis(100);

/// Where a command prints and asks, and what it needs to know of a Ctrl-C.
#[derive(Debug, Clone)]
pub(crate) struct Terminal {
    color: ColorChoice,
    quiet: bool,
    stop: Stop,
    sending: Arc<AtomicBool>,
    progress: Progress,
    /// These are masked in everything that is printed.
    secrets: Secrets,
    /// The options of this command line that a command in a hint has to repeat.
    options: String,
    /// Whether there is a result on stdout. Held by whoever writes there.
    has_result: Arc<Mutex<bool>>,
    /// Held by whoever draws or prints, so that nothing is drawn after the end.
    bar: Arc<Mutex<ProgressBar>>,
}

impl Terminal {
    /// A terminal as the options want it.
    pub(crate) fn new(global: &Global) -> Terminal {
        let tenant = global.tenant.as_deref().filter(|_| global.tenant_is_typed);
        let dir = Some(global.dir.as_path()).filter(|_| global.dir_is_typed);
        Terminal {
            options: again::options(tenant, dir, global.env_file.as_deref()),
            ..Terminal::with(global.color, global.quiet)
        }
    }

    /// A terminal for messages before any options are known.
    pub(super) fn with(color: clap::ColorChoice, quiet: bool) -> Terminal {
        let mut bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            bar = bar.with_style(style);
        }
        Terminal {
            // A bar is hidden where there is no terminal, or one that can't redraw a line.
            progress: match bar.is_hidden() || quiet {
                true => Progress::default(),
                false => Progress::shown(),
            },
            bar: Arc::new(Mutex::new(bar)),
            color: match color {
                clap::ColorChoice::Auto => ColorChoice::Auto,
                clap::ColorChoice::Always => ColorChoice::Always,
                clap::ColorChoice::Never => ColorChoice::Never,
            },
            quiet,
            stop: Stop::default(),
            sending: Arc::default(),
            secrets: Secrets::default(),
            options: String::new(),
            has_result: Arc::default(),
        }
    }

    /// Takes note of a Ctrl-C. True if the command will finish what it has begun and end by itself; false if a sudden end harms
    /// nothing, or if it is the second Ctrl-C.
    pub(crate) fn interrupt(&self) -> bool {
        let first = self.sending.load(Ordering::SeqCst) && !self.stop.is_wished();
        if first {
            self.note("\nstopping: what is on its way is finished and reported; Ctrl-C again ends at once");
            self.stop.wish();
            // Requests that still wait are not sent any more.
            self.progress.end_wait();
        }
        first
    }

    /// Shows progress on a terminal, once something takes long. Runs until it is dropped.
    pub(crate) async fn show_progress(&self) {
        if !self.progress.is_shown() {
            return;
        }
        loop {
            tokio::time::sleep(FRAME).await;
            let bar = self.bar();
            if let Some((line, lasted)) = self.progress.line(Instant::now())
                && lasted >= SHOWN_AFTER
            {
                if bar.is_finished() {
                    bar.reset();
                }
                let line = match self.stop.is_wished() {
                    true => format!("stopping; {line}"),
                    false => line,
                };
                bar.set_message(printable(&self.secrets.masked(&line)).into_owned());
                bar.tick();
            }
        }
    }

    /// Where long work reports its progress.
    pub(super) fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// The secrets to mask. The API adds those that it uses.
    pub(super) fn secrets(&self) -> Secrets {
        self.secrets.clone()
    }

    /// Undoes what a question may have done to the screen.
    pub(crate) fn restore(&self) {
        self.end_progress();
        if io::stderr().is_terminal() {
            // Shows the cursor.
            let _ = io::stderr().write_all(b"\x1b[?25h");
        }
    }

    /// What stops the API's requests after a Ctrl-C.
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
    pub(crate) fn result(&self, text: &str) -> io::Result<()> {
        self.stdout(&self.secrets.masked(text))
    }

    /// Prints an access token, the only secret that is ever printed.
    ///
    /// # Errors
    /// As [`Terminal::result`].
    pub(super) fn token(&self, token: &SecretString) -> io::Result<()> {
        self.stdout(&format!("{}\n", token.expose_secret()))
    }

    /// Prints a document in place of a result, after a failure. Nothing is printed where there is a result, or where one is being
    /// printed right now.
    pub(crate) fn last_document(&self, text: &str) {
        let is_missing = self.has_result.try_lock().is_ok_and(|has| !*has);
        if is_missing {
            // If stdout can't be written, the process ends all the same.
            let _ = self.result(text);
        }
    }

    fn stdout(&self, text: &str) -> io::Result<()> {
        self.end_progress();
        let mut has_result = self
            .has_result
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *has_result = true;
        // A text without colours is printed as it is: taking colours out of it could only remove something else.
        let colors = match text.contains('\u{1b}') {
            true => self.color,
            false => ColorChoice::AlwaysAnsi,
        };
        let mut stdout = AutoStream::new(io::stdout(), colors);
        went_away(
            stdout
                .write_all(text.as_bytes())
                .and_then(|()| stdout.flush()),
        )
    }

    /// Prints a result for people, in lines that fit the terminal if it is one.
    ///
    /// # Errors
    /// As [`Terminal::result`].
    pub(crate) fn text(&self, text: &str) -> io::Result<()> {
        let text = &again::named(text, &self.options);
        match self.width() {
            // Secrets are masked first: one that is broken into lines is not recognized any more.
            Some(width) => self.result(&render::fit(&self.secrets.masked(text), width)),
            None => self.result(text),
        }
    }

    /// The width of the terminal that results go to, if it is one.
    pub(super) fn width(&self) -> Option<usize> {
        Term::stdout().size_checked().map(|(_, width)| width.into())
    }

    /// Prints something rendered to stderr: what a question is about, or a usage error.
    pub(crate) fn aside(&self, text: &str) {
        self.stderr(text);
    }

    /// Says what happened, unless --quiet is set.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.message(&format!("{}\n", printable(text)));
        }
    }

    /// Warns of something that the user should know.
    pub(crate) fn warn(&self, text: &str) {
        self.labelled(AnsiColor::Yellow.on_default().bold(), "warning", text);
    }

    /// Says why the command failed and, below, what to do.
    pub(crate) fn error(&self, message: &str, hint: Option<&str>) {
        self.problem(&Problem {
            message: message.to_owned(),
            excerpt: None,
            hint: hint.map(str::to_owned),
        });
    }

    /// The same, with the line of a file that it is about.
    pub(crate) fn problem(&self, problem: &Problem) {
        self.end_progress();
        self.labelled(
            AnsiColor::Red.on_default().bold(),
            "error",
            &problem.message,
        );
        if let Some(excerpt) = &problem.excerpt {
            self.stderr(&render::excerpt::excerpt(excerpt));
        }
        for hint in problem.hint.iter().flat_map(|hint| hint.lines()) {
            self.labelled(AnsiColor::Cyan.on_default().bold(), "hint", hint);
        }
    }

    /// Whether somebody is there to answer a question.
    pub(crate) fn can_ask(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Asks a question that only a typed `yes` answers: a single key, or the beginning of a pasted line, is too easily a mistake.
    ///
    /// # Errors
    /// The terminal went away.
    pub(crate) fn confirm(&self, question: &str) -> io::Result<bool> {
        let typed = self.ask_discarding_typed(&format!("{question} Type yes to do it"))?;
        let is_yes = typed.trim() == "yes";
        if !is_yes {
            self.note("that is not yes");
        }
        Ok(is_yes)
    }

    /// Asks for a text that confirms something. What was typed before the question is discarded: it can't be an answer. Only Unix has
    /// a safe call for that; elsewhere the question can be answered ahead.
    ///
    /// # Errors
    /// The terminal went away.
    pub(crate) fn ask_discarding_typed(&self, question: &str) -> io::Result<String> {
        #[cfg(unix)]
        // It fails where stdin is no terminal, where nothing can be typed ahead.
        let _ = rustix::termios::tcflush(io::stdin(), rustix::termios::QueueSelector::IFlush);
        self.ask(question)
    }

    /// Asks for a text, which may be empty.
    ///
    /// # Errors
    /// The terminal went away.
    pub(crate) fn ask(&self, question: &str) -> io::Result<String> {
        self.end_progress();
        let question = self.secrets.masked(question);
        let question = printable(&question);
        let question = match Term::stderr().size_checked() {
            Some((_, width)) => render::fit(&question, usize::from(width).saturating_sub(ANSWER)),
            None => question.into_owned(),
        };
        // The line of the answer is drawn anew once it is given, so that a longer question would be there twice.
        let (above, last) = match question.rsplit_once('\n') {
            Some((above, last)) => (format!("{above}\n"), last),
            None => (String::new(), question.as_str()),
        };
        self.stderr(&above);
        let asked = dialoguer::Input::<String>::new()
            .with_prompt(last)
            .allow_empty(true);
        asked
            .interact_text()
            .map_err(|dialoguer::Error::IO(error)| error)
    }

    fn labelled(&self, style: Style, label: &str, text: &str) {
        self.message(&format!("{style}{label}:{style:#} {}\n", printable(text)));
    }

    /// Text for people to stderr, in lines that fit the terminal if it is one.
    fn message(&self, text: &str) {
        match Term::stderr().size_checked() {
            Some((_, width)) => {
                let text = again::named(text, &self.options);
                self.stderr(&render::fit(&self.secrets.masked(&text), width.into()));
            }
            None => self.stderr(text),
        }
    }

    fn stderr(&self, text: &str) {
        self.bar().suspend(|| {
            let text = again::named(text, &self.options);
            let text = self.secrets.masked(&text);
            // If stderr is gone there is nowhere to say so.
            let _ = AutoStream::new(io::stderr(), self.color).write_all(text.as_bytes());
        });
    }

    /// Ends the progress, and takes its line off the screen.
    fn end_progress(&self) {
        let bar = self.bar();
        self.progress.end();
        bar.finish_and_clear();
    }

    fn bar(&self) -> MutexGuard<'_, ProgressBar> {
        self.bar.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The same, except that a reader that went away is no failure.
fn went_away(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
