//! The binary at a terminal, and somebody who types.

use std::process::Command;

use rexpect::process::WaitStatus;
use rexpect::session::{PtySession, spawn_command};

/// How long an answer may take before the test fails.
const PATIENCE: u64 = 60_000;

/// A run of the binary at a terminal.
pub struct Conversation {
    session: PtySession,
    /// What was on the screen so far.
    screen: String,
}

impl Conversation {
    pub fn start(mut command: Command) -> Conversation {
        command.env("TERM", "xterm").env("NO_COLOR", "1");
        Conversation {
            session: spawn_command(command, Some(PATIENCE)).unwrap(),
            screen: String::new(),
        }
    }

    /// Waits for a question, and types the answer.
    pub fn answer(&mut self, question: &str, answer: &str) {
        self.answer_after(question, || {}, answer);
    }

    /// Waits for a question, does something while it is open, and types the answer.
    pub fn answer_after(&mut self, question: &str, meanwhile: impl FnOnce(), answer: &str) {
        let before = self.session.exp_string(question);
        let before = before.unwrap_or_else(|error| panic!("{}\n{error}", self.screen));
        self.screen.push_str(&before);
        self.screen.push_str(question);
        meanwhile();
        self.session.send_line(answer).unwrap();
    }

    /// Types a line that nothing asks for.
    pub fn type_ahead(&mut self, line: &str) {
        self.session.send_line(line).unwrap();
    }

    /// Waits for a question, and types Ctrl-C.
    pub fn interrupt_at(&mut self, question: &str) {
        self.session.exp_string(question).unwrap();
        self.session.send_control('c').unwrap();
    }

    /// Waits for the end: what was on the screen, and the exit code.
    pub fn ends(mut self) -> (String, i32) {
        self.screen.push_str(&self.session.exp_eof().unwrap());
        match self.session.process().wait().unwrap() {
            WaitStatus::Exited(_, code) => (self.screen.replace('\r', ""), code),
            other => panic!("{}\n{other:?}", self.screen),
        }
    }
}
